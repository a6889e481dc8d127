# SPDX-License-Identifier: Apache-2.0
"""RFC 9112 against upstreams: where each answer ends, what the client gets of it, and which connections are used again."""

import contextlib
import dataclasses
import socket

import pytest

import http_scene
from harness.lab import POD
from http_differential.http1 import chunks
from http_scene import HOSTS, head, manager, route
from proxy_config import bootstrap, cluster, listener

PORT = 8007
INTERIM = 9082  # a listener that passes interim answers on
GOOD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood"


@dataclasses.dataclass
class Case:
    section: str
    name: str
    data: bytes
    status: int
    body: bytes | None  # None: it breaks off, and so does the client's connection
    reused: bool  # the upstream's connection, for the next request
    ends: bool = False  # the upstream closes behind the bytes
    method: str = "GET"
    fields: dict[str, str | None] = dataclasses.field(default_factory=dict)  # of the client's answer; None: it has none such

    def __str__(self) -> str:
        return f"{self.section} {self.name}"


def answer(*lines: str, start: str = "HTTP/1.1 200 OK", body: bytes = b"") -> bytes:
    return "\r\n".join([start, *lines, "", ""]).encode("latin-1") + body


def good(section: str, name: str, data: bytes, body: bytes = b"ab", status: int = 200, **fields) -> Case:
    return Case(section, name, data, status, body, **{"reused": True, **fields})


def bad(section: str, name: str, data: bytes, method: str = "GET", **fields) -> Case:
    """Nothing of it may be passed on."""
    words = b"upstream connect error or disconnect/reset before headers. reset reason: protocol error"
    return Case(section, name, data, 502, b"" if method == "HEAD" else words, False, method=method, **fields)


def broken(section: str, name: str, data: bytes, **fields) -> Case:
    return Case(section, name, data, 200, None, False, **fields)


AB = ("content-length: 2",)
TE = "transfer-encoding: chunked"
OTHER_LENGTH = "content-length: 20"
LAST = b"0\r\n\r\n"

HEADS = [
    good("§4", "an answer", answer(*AB, body=b"ab")),
    good("§4", "no reason", answer(*AB, start="HTTP/1.1 200 ", body=b"ab")),
    good("§4", "no blank before no reason", answer(*AB, start="HTTP/1.1 200", body=b"ab")),
    good("§4", "octets above 0x7f in the reason", answer(*AB, start="HTTP/1.1 200 \xe4\xff", body=b"ab")),
    good("§4", "a status that nobody knows", answer(*AB, start="HTTP/1.1 299 Odd", body=b"ab"), status=299),
    bad("§4", "garbage", b"this is not HTTP at all\r\n\r\n"),
    *[bad("§4", f"the status {text!r}", answer(*AB, start=f"HTTP/1.1 {text} OK", body=b"ab")) for text in ("20", "2000", "abc", "000", "-20", "2 0")],
    *[bad("§2.3", f"the version {text!r}", answer(*AB, start=f"{text} 200 OK", body=b"ab")) for text in ("http/1.1", "HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/1.10", "ICY")],
    bad("§4", "two blanks before the status", answer(*AB, start="HTTP/1.1  200 OK", body=b"ab")),
    bad("§4", "a control character in the reason", answer(*AB, start="HTTP/1.1 200 O\1K", body=b"ab")),
    bad("§2.2", "an empty line before", b"\r\n" + answer(*AB, body=b"ab")),
    bad("§2.2", "lines that end with LF", answer(*AB, body=b"ab").replace(b"\r\n", b"\n")),
    bad("§2.2", "one line that ends with LF", answer("x: y\n" + AB[0], body=b"ab")),
    bad("§2.2", "one line that ends with CR", answer("x: y\r" + AB[0], body=b"ab")),
    bad("§5.1", "a blank before the colon", answer("x : y", *AB, body=b"ab")),
    bad("§5.1", "no colon", answer("x", *AB, body=b"ab")),
    bad("§5.1", "no name", answer(": y", *AB, body=b"ab")),
    *[bad("§5.1", f"a name with {at!r}", answer(f"x{at}y: z", *AB, body=b"ab")) for at in ("\0", "\x80", "(", "\x7f")],
    bad("§5.2", "a folded line", answer("x: y", " z", *AB, body=b"ab")),
    bad("§5.2", "a folded line before all others", answer(" x: y", *AB, body=b"ab")),
    *[bad("RFC 9110 §5.5", f"a value with {at!r}", answer(f"x: y{at}z", *AB, body=b"ab")) for at in ("\0", "\r", "\n", "\x01", "\x7f")],
    good("RFC 9110 §5.5", "octets above 0x7f", answer("x: \x80\xff", *AB, body=b"ab"), fields={"x": "\x80\xff"}),
    good("RFC 9110 §5.5", "blanks around a value", answer("x: \t y \t", *AB, body=b"ab"), fields={"x": "y"}),
    good("RFC 9110 §7.6.1", "fields of the connection", answer("connection: x-hop", "x-hop: 1", "keep-alive: 5", "proxy-connection: x", *AB, body=b"ab"),
         fields={"connection": None, "keep-alive": None, "proxy-connection": None}),
]  # fmt: skip

# By the rules of §6.3 for answers.
BODIES = [
    good("§6.3.1", "a length of an answer to HEAD", answer(OTHER_LENGTH), b"", method="HEAD", fields={"content-length": "20"}),
    good("§6.3.1", "chunked of an answer to HEAD", answer(TE), b"", method="HEAD"),
    good("§6.3.1", "neither of an answer to HEAD", answer(), b"", method="HEAD"),
    good("§6.3.1", "304 with a length", answer(OTHER_LENGTH, start="HTTP/1.1 304 Not Modified"), b"", 304, fields={"content-length": "20"}),
    good("§6.3.1", "204", answer(start="HTTP/1.1 204 No Content"), b"", 204, fields={"content-length": None, "transfer-encoding": None}),
    bad("§6.3.1", "204 with a length", answer("content-length: 2", start="HTTP/1.1 204 No Content", body=b"ab")),
    bad("§6.1", "204 with chunked", answer(TE, start="HTTP/1.1 204 No Content", body=LAST)),
    good("§15.3.6 of RFC 9110", "205 without content", answer("content-length: 0", start="HTTP/1.1 205 Reset Content"), b"", 205),
    bad("§6.3.3", "a length and chunked", answer("content-length: 2", TE, body=chunks(b"ab"))),
    bad("§6.3.3", "chunked and a length", answer(TE, "content-length: 2", body=chunks(b"ab"))),
    bad("§6.3.3", "both of an answer to HEAD", answer(TE, "content-length: 2"), method="HEAD"),
    good("§6.3.4", "chunked", answer(TE, body=chunks(b"a", b"b"))),
    good("§6.3.4", "chunked in upper case", answer("Transfer-Encoding: CHUNKED", body=chunks(b"ab"))),
    *[bad("§6.3.4", f"the coding {coding!r}", answer(f"transfer-encoding: {coding}", body=chunks(b"ab")), ends=True)
      for coding in ("gzip", "identity", "gzip, chunked", "chunked, gzip", "chunked, chunked", "", "xchunked", "\x0bchunked")],
    bad("§6.3.4", "chunked on two lines", answer(TE, TE, body=chunks(b"ab"))),
    bad("§6.1", "chunked in HTTP/1.0", answer(TE, start="HTTP/1.0 200 OK", body=chunks(b"ab"))),
    *[bad("§6.3.5", f"the length {length!r}", answer(f"content-length: {length}", body=b"ab"), ends=True)
      for length in ("", "-1", "+2", "0x2", "2.0", "2 2", "2, 3", "two", "18446744073709551618", "99999999999999999999999")],
    bad("§6.3.5", "two lengths that differ", answer("content-length: 2", "content-length: 3", body=b"ab")),
    good("§6.3.6", "a length", answer(*AB, body=b"ab"), fields={"content-length": "2", "transfer-encoding": None}),
    good("§6.3.6", "a length of 0", answer("content-length: 0"), b""),
    broken("§8", "less than its length", answer("content-length: 3", body=b"ab"), ends=True),
    good("§6.3.8", "neither", answer(body=b"ab"), ends=True, reused=False, fields={"transfer-encoding": "chunked"}),
    good("§6.3.8", "neither, and nothing", answer(), b"", ends=True, reused=False),
    good("§6.3", "more than its length", answer(*AB, body=b"abXYZ"), reused=False),
    good("§6.3", "another answer that nobody asked for", answer(*AB, body=b"ab") * 2, reused=False),
]  # fmt: skip

CHUNKS = [
    good("§7.1", "zeros and letters in sizes", answer(TE, body=b"00A\r\n0123456789\r\n000\r\n\r\n"), b"0123456789"),
    good("§7.1.1", "extensions", answer(TE, body=b"2;a=b;c\r\nab\r\n0;d\r\n\r\n")),
    good("§7.1.2", "trailers that are not passed on", answer(TE, body=b"2\r\nab\r\n0\r\nx: y\r\n\r\n")),
    *[broken("§7.1", f"the size {size!r}", answer(TE, body=b"1\r\na\r\n" + size + b"\r\nb\r\n" + LAST)) for size in (b"", b" 1", b"1 ", b"0x1", b"-1", b"g", b"10000000000000001")],
    broken("§7.1", "a size that ends with LF", answer(TE, body=b"1\r\na\r\n1\nb\r\n" + LAST)),
    broken("§7.1", "less content than its size", answer(TE, body=b"1\r\na\r\n2\r\nb\r\n" + LAST)),
    broken("§7.1", "more content than its size", answer(TE, body=b"1\r\na\r\n1\r\nbc\r\n" + LAST)),
    broken("§7.1", "content without a line end", answer(TE, body=b"1\r\na\r\n1\r\nb" + LAST)),
    good("§7.1.2", "a folded trailer that is not passed on", answer(TE, body=b"2\r\nab\r\n0\r\nx: y\r\n z\r\n\r\n")),
    broken("§8", "no last chunk", answer(TE, body=b"2\r\nab\r\n"), ends=True),
    broken("§8", "a last chunk without its end", answer(TE, body=b"2\r\nab\r\n0\r\n"), ends=True),
]  # fmt: skip

_EARLY = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
PERSISTENCE = [
    good("§9.3", "close", answer("connection: close", *AB, body=b"ab"), reused=False, fields={"connection": None}),
    good("§9.3", "close in a list", answer("Connection: x, CLOSE", *AB, body=b"ab"), reused=False),
    good("§9.3", "keep-alive", answer("connection: keep-alive", *AB, body=b"ab")),
    good("§9.3", "HTTP/1.0", answer(*AB, start="HTTP/1.0 200 OK", body=b"ab"), reused=False),
    good("§9.3", "HTTP/1.0, keep-alive", answer("connection: keep-alive", *AB, start="HTTP/1.0 200 OK", body=b"ab")),
    good("§9.3", "HTTP/1.0 to its end", answer(start="HTTP/1.0 200 OK", body=b"ab"), ends=True, reused=False),
    good("RFC 9110 §15.2", "an interim answer", _EARLY + answer(*AB, body=b"ab")),
    good("RFC 9110 §15.2", "three interim answers", _EARLY * 3 + answer(*AB, body=b"ab")),
    good("RFC 9110 §15.2", "100 that nobody waits for", answer(start="HTTP/1.1 100 Continue") + answer(*AB, body=b"ab")),
    good("§6.3.1", "an interim answer with chunked", answer(TE, start="HTTP/1.1 103 Early Hints") + answer(*AB, body=b"ab")),
    good("§6.3.1", "an interim answer with a length", answer(OTHER_LENGTH, start="HTTP/1.1 103 Early Hints") + answer(*AB, body=b"ab")),
    bad("RFC 9110 §15.2.2", "101 that nobody asked for", answer("connection: upgrade", "upgrade: x", start="HTTP/1.1 101 Switching Protocols")),
]


class Speaker:
    """An upstream that answers the request for /N with the bytes of case N, and every other one well."""

    def __init__(self) -> None:
        self.open: list[socket.socket] = []
        self.interim = b""  # before the answer for /interim

    def __call__(self, connection: socket.socket) -> None:
        self.open.append(connection)
        got = b""
        while data := connection.recv(65536):
            got += data
            while b"\r\n\r\n" in got:
                request, _, got = got.partition(b"\r\n\r\n")
                path = request.split(b" ")[1].decode()
                one = CASES[int(path[1:])] if path[1:].isdigit() else None
                connection.sendall(one.data if one else (self.interim if path == "/interim" else b"") + GOOD)
                if one and one.ends:
                    return

    def drop(self) -> None:
        while self.open:
            with contextlib.suppress(OSError):  # the proxy was first
                self.open.pop().shutdown(socket.SHUT_RDWR)


CASES = [*HEADS, *BODIES, *CHUNKS, *PERSISTENCE]
assert len({str(one) for one in CASES}) == len(CASES)


@pytest.fixture(scope="module")
def scene(plain_lab):
    made = bootstrap(
        [
            listener("front", POD[4], http_scene.PORT, {"filters": [manager([route()])]}),
            listener("interim", POD[4], INTERIM, {"filters": [manager([route()], proxy_100_continue=True)]}),
        ],
        [cluster("up", (HOSTS[0][0], PORT))],
    )
    with http_scene.scripted(plain_lab, made, PORT, Speaker()) as one:
        yield one


@pytest.fixture(autouse=True)
def no_connection_is_left(scene):
    yield
    scene.speaker.drop()
    scene.proxy.wait_stat("cluster.up.upstream_cx_active", 0)


def check(client: http_scene.Client1, one: Case) -> None:
    """What the client gets of the case."""
    client.send(head(f"/{CASES.index(one)}", method=one.method), one.method)
    if one.body is None:
        with pytest.raises(EOFError):
            client.answer()
        (message,) = client.reader.messages
        assert (message.status, message.whole) == (one.status, False)
        return
    message = client.answer()
    assert (message.status, message.body) == (one.status, one.body)
    got = dict(message.headers)
    assert {name: got.get(name) for name in one.fields} == one.fields
    assert not ("content-length" in got and "transfer-encoding" in got)


@pytest.mark.parametrize("one", CASES, ids=str)
def test_answers(scene, one):
    before = scene.server.accepted
    with scene.client() as client:
        check(client, one)
        if one.body is not None:  # the client's own connection has come to no harm
            assert client.ask("/good").body == b"good"
    with scene.client() as client:
        assert client.ask("/good").body == b"good"
    assert scene.server.accepted == before + (1 if one.reused else 2)


@pytest.mark.parametrize("lines", [(TE,), (OTHER_LENGTH,), ("connection: x, close", "keep-alive: 5", "upgrade: x")], ids=str)
def test_what_interim_answers_may_not_say(scene, lines):
    """RFC 9112 §6.1, §6.3.1, RFC 9110 §7.6.1: nothing about content or the connection is passed on, the rest is."""
    scene.speaker.interim = answer("link: </a>", *lines, start="HTTP/1.1 103 Early Hints")
    with http_scene.Client1(scene.lab.peer.connect(POD[4], INTERIM, timeout=20)) as client:
        assert client.ask("/interim").body == b"good"
        assert client.ask("/good").body == b"good"
        assert [message.status for message in client.reader.messages] == [103, 200, 200]
        names = {name for name, _ in client.reader.messages[0].headers}
    assert names == {"link"}
