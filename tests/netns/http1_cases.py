# SPDX-License-Identifier: Apache-2.0
"""What RFC 9112 (HTTP/1.1) says about requests, as tables: bytes of a client, what it is answered, what the upstream gets.

An outcome is the statuses in order and whether the connection goes on: "200, kept", "400, closed". A request for /probe
follows the bytes of each case: "kept" says that it is answered, "closed" that it is not and reaches nobody.
"""

import dataclasses

from http_differential import http1

DEFAULT, OLD, TRAILERS = 9080, 9082, 9083  # listeners: as is, with accept_http_10, with enable_trailers


@dataclasses.dataclass
class Case:
    section: str
    name: str
    data: bytes
    outcomes: tuple[str, ...]  # each is permitted
    seen: list[tuple] | None  # (start line, framing, body) of each whole request that the upstream gets; None: see has
    has: dict[str, str | None]  # fields of the only request, None: it has none such
    port: int
    method: str

    def __str__(self) -> str:
        return f"{self.section} {self.name}"


def case(
    section: str, name: str, data: bytes, outcome: str, *seen: tuple, has: dict | None = None, port: int = DEFAULT, method: str = "GET"
) -> Case:
    return Case(section, name, data, tuple(outcome.split(" | ")), None if has is not None else list(seen), has or {}, port, method)


def req(start: str = "GET / HTTP/1.1", *lines: str, host: str | None = "www.test", body: bytes = b"") -> bytes:
    names = [start, *([f"host: {host}"] if host is not None else []), *lines, "", ""]
    return "\r\n".join(names).encode("latin-1") + body


def post(*lines: str, body: bytes = b"") -> bytes:
    return req("POST / HTTP/1.1", *lines, body=body)


BAD = "400, closed"
OK = "200, kept"
GET = ("GET / HTTP/1.1", "none", b"")
AB = ("POST / HTTP/1.1", "length", b"ab")
CHUNKED_AB = ("POST / HTTP/1.1", "chunked", b"ab")


def bad(section: str, name: str, data: bytes, outcome: str = BAD, **fields) -> Case:
    return case(section, name, data, outcome, **fields)


def target(text: str) -> bytes:
    return req(f"GET {text} HTTP/1.1")


LINES = [
    case("§2.2", "nothing odd", req(), OK, GET),
    case("§2.2", "an empty line before", b"\r\n" + req(), OK, GET),
    case("§2.2", "two empty lines before", b"\r\n\r\n" + req(), OK, GET),
    bad("§2.2", "an empty line of LF before", b"\n" + req()),
    bad("§2.2", "a blank before", b" " + req()),
    bad("§2.2", "CR before", b"\r" + req()),
    bad("§2.2", "a request line that ends with LF", b"GET / HTTP/1.1\nhost: www.test\r\n\r\n"),
    bad("§2.2", "a request line that ends with CR", b"GET / HTTP/1.1\rhost: www.test\r\n\r\n"),
    bad("§2.2", "all lines end with LF", b"GET / HTTP/1.1\nhost: www.test\n\n"),
    bad("§2.2", "a head that ends with LF", b"GET / HTTP/1.1\r\nhost: www.test\r\n\n"),
    bad("§2.2", "a head that ends with CR CR LF", b"GET / HTTP/1.1\r\nhost: www.test\r\n\r\r\n"),
    bad("§2.2", "a blank line before the first field", b"GET / HTTP/1.1\r\n host: www.test\r\n\r\n"),
    bad("§3", "two blanks", req("GET  / HTTP/1.1")),
    bad("§3", "two blanks before the version", req("GET /  HTTP/1.1")),
    bad("§3", "a tab", req("GET\t/ HTTP/1.1")),
    bad("§3", "a blank at the end", req("GET / HTTP/1.1 ")),
    bad("§3", "a word behind the version", req("GET / HTTP/1.1 x")),
    bad("§3", "nothing but a method", req("GET")),
    bad("§3", "an octet of 0", req("GET /\0 HTTP/1.1")),
    bad("§3.1", "a method in lower case", req("get / HTTP/1.1")),
    bad("§3.1", "a method that nobody knows", req("FROB / HTTP/1.1")),
    bad("§3.1", "a method that is no token", req("G(T / HTTP/1.1")),
    bad("§2.3", "HTTP in lower case", req("GET / http/1.1")),
    bad("§2.3", "HTTP/1.10", req("GET / HTTP/1.10")),
    bad("§2.3", "HTTP/1", req("GET / HTTP/1")),
    bad("§2.3", "HTTP/a.b", req("GET / HTTP/a.b")),
    *[bad("§2.3", version, req(f"GET / {version}"), "426, closed") for version in ("HTTP/1.2", "HTTP/0.9", "HTTP/3.0")],
    bad("§2.3", "the request line of HTTP/0.9", b"GET /\r\n\r\n", "426, closed"),
]

TARGETS = [
    case("§3.2.1", "a path and a query", target("/a/b?c=d&e"), OK, ("GET /a/b?c=d&e HTTP/1.1", "none", b"")),
    case("§3.2.1", "percent-encoded octets stay", target("/%41%2f%20"), OK, ("GET /%41%2f%20 HTTP/1.1", "none", b"")),
    case("§3.2.2", "an absolute URI", target("http://www.test/a?b"), OK, ("GET /a?b HTTP/1.1", "none", b"")),
    case("§3.2.2", "an absolute URI without a path", target("http://www.test"), OK, GET),
    case("§3.2.2", "an absolute URI counts more than Host", target("http://other.test:8/"), OK, has={"host": "other.test:8"}),
    case("§3.2.2", "a scheme in upper case", target("HTTP://www.test/"), OK, has={"host": "www.test"}),
    case("RFC 9110 §4.2.4", "user information goes no further", target("http://user:word@www.test/"), OK, has={"host": "www.test"}),
    case("§3.2.2", "an absolute URI with a query and no path", target("http://www.test?q"), "404, kept"),
    bad("§3.2.2", "another scheme", target("ftp://www.test/")),
    bad("§3.2.2", "no authority", target("http:///a")),
    bad("§3.2.2", "nothing behind the scheme", target("http://")),
    bad("§3.2.2", "a port that is none", target("http://www.test:x/")),
    bad("§3.2.2", "a port too large", target("http://www.test:70000/")),
    bad("§3.2", "no slash", target("a/b")),
    bad("§3.2.3", "an authority for a GET", target("www.test:80")),
    bad("§3.2.4", "* for a GET", target("*")),
    bad("§3.2", "a fragment", target("/a#b")),
    bad("§3.2", "a blank", target("/a b")),
    *[bad("§3.2", f"octet {octet:#x}", target(f"/a{chr(octet)}")) for octet in (1, 9, 11, 0x7F, 0x80, 0xFF)],
    case("§3.2.4", "* of OPTIONS", req("OPTIONS * HTTP/1.1"), "404, kept"),
    bad("§3.2.3", "CONNECT of a path", req("CONNECT / HTTP/1.1")),
    bad("§3.2.3", "CONNECT without a port", req("CONNECT www.test HTTP/1.1")),
]

HOSTS = [
    case("§3.2", "a port", req(host="www.test:8080"), OK, has={"host": "www.test:8080"}),
    case("§3.2", "an address of version 6", req(host="[2001:db8::1]:80"), OK, has={"host": "[2001:db8::1]:80"}),
    bad("§3.2", "none", req(host=None)),
    bad("§3.2", "twice the same", req("GET / HTTP/1.1", "host: www.test")),
    bad("§3.2", "twice", req("GET / HTTP/1.1", "Host: other.test")),
    bad("§3.2", "twice, and an absolute URI", req("GET http://www.test/ HTTP/1.1", "host: www.test")),
    *[bad("§3.2", f"{value!r}", req(host=value)) for value in ("a b", "a/b", "a?b", "a#b", "a\tb", "<a>", "a\\b", 'a"b', "a\x80")],
    # §3.2 wants a 400 for these as well. They mislead nobody about where a request ends, and Envoy lets them pass, unchanged.
    *[case("§3.2", f"{value!r} passes", req(host=value), OK, has={"host": value}) for value in ("", "a@b", "a,b", "a:", "a:b", "a:99999", "[::1")],
    case("§3.2", "none, but an absolute URI", req("GET http://www.test/ HTTP/1.1", host=None), OK, has={"host": "www.test"}),
]

FIELDS = [
    case("§5.1", "blanks around a value go", req("GET / HTTP/1.1", "x: \t a b \t "), OK, has={"x": "a b"}),
    case("§5.1", "no blank", req("GET / HTTP/1.1", "x:y"), OK, has={"x": "y"}),
    case("§5.1", "no value", req("GET / HTTP/1.1", "x:"), OK, has={"x": ""}),
    case("§5.1", "colons in a value", req("GET / HTTP/1.1", "x: a:b:"), OK, has={"x": "a:b:"}),
    case("§5.1", "every character of a token", req("GET / HTTP/1.1", "!#$%&'*+-.^_`|~09azAZ: y"), OK, has={"!#$%&'*+-.^_`|~09azaz": "y"}),
    case("RFC 9110 §5.5", "octets above 0x7f", req("GET / HTTP/1.1", "x: \x80\xff"), OK, has={"x": "\x80\xff"}),
    case("RFC 9110 §5.5", "a tab within", req("GET / HTTP/1.1", "x: a\tb"), OK, has={"x": "a\tb"}),
    *[bad("§5.1", f"a name with {at!r}", req("GET / HTTP/1.1", f"x{at}y: z")) for at in (" ", "\t", "\0", "\x7f", "\x80", "(", "/", "[", "{", '"', ",", ";")],
    bad("§5.1", "a blank before the colon", req("GET / HTTP/1.1", "x : y")),
    bad("§5.1", "a tab before the colon", req("GET / HTTP/1.1", "x\t: y")),
    bad("§5.1", "a blank before the colon of Content-Length", post("content-length : 2", body=b"ab")),
    bad("§5.1", "a blank before the colon of Transfer-Encoding", post("transfer-encoding : chunked", body=http1.chunks(b"ab"))),
    bad("§5.1", "no name", req("GET / HTTP/1.1", ": y")),
    bad("§5.1", "no colon", req("GET / HTTP/1.1", "xy")),
    bad("§5.2", "a folded line", req("GET / HTTP/1.1", "x: a", " b")),
    bad("§5.2", "a line folded with a tab", req("GET / HTTP/1.1", "x: a", "\tb")),
    bad("§5.2", "a folded length", post("content-length:", " 2", body=b"ab")),
    bad("§5.2", "a folded coding", post("transfer-encoding:", "\tchunked", body=http1.chunks(b"ab"))),
    *[bad("RFC 9110 §5.5", f"a value with {at!r}", req("GET / HTTP/1.1", f"x: y{at}z")) for at in ("\0", "\r", "\n", "\x01", "\x0b", "\x1f", "\x7f")],
    bad("§2.2", "a field behind a bare LF", req("GET / HTTP/1.1", "x: y\ntransfer-encoding: chunked")),
    bad("§2.2", "a field behind a bare CR", req("GET / HTTP/1.1", "x: y\rcontent-length: 5")),
]

_NOT_CHUNKED = "400, closed | 501, closed"
_BOTH = http1.chunks(b"ab")


def coded(*lines: str) -> bytes:
    return post(*lines, body=_BOTH)


# By the rules of §6.3 for requests: 3 both, 4 a coding, 5 a wrong length, 6 a length, 7 neither.
FRAMING = [
    case("§6.3.4", "chunked", coded("transfer-encoding: chunked"), OK, CHUNKED_AB),
    case("§6.3.4", "chunked in upper case", coded("Transfer-Encoding: CHUNKED"), OK, CHUNKED_AB),
    case("§6.3.4", "blanks around chunked", coded("transfer-encoding: \t chunked \t"), OK, CHUNKED_AB),
    *[bad("§6.3.3", f"a length of {length} before chunked", coded(f"content-length: {length}", "transfer-encoding: chunked")) for length in (0, 2, 12)],
    bad("§6.3.3", "a length behind chunked", coded("transfer-encoding: chunked", "content-length: 2")),
    bad("§6.3.3", "a wrong length and chunked", coded("content-length: x", "transfer-encoding: chunked")),
    bad("§6.3.3", "a length and another coding", coded("content-length: 2", "transfer-encoding: gzip"), _NOT_CHUNKED),
    *[bad("§6.3.4", f"the coding {coding!r}", coded(f"transfer-encoding: {coding}"), _NOT_CHUNKED) for coding in (
        "chunked, gzip", "gzip, chunked", "chunked, chunked", "identity", "chunked, identity", "", ",", "chunked,", ", chunked",
        "xchunked", "chunkedx", "chunked;a=b", "chunked a", "'chunked'", '"chunked"', "chun ked")],
    bad("§6.3.4", "chunked on two lines", coded("transfer-encoding: chunked", "transfer-encoding: chunked"), _NOT_CHUNKED),
    bad("§6.3.4", "chunked, then identity", coded("transfer-encoding: chunked", "transfer-encoding: identity"), _NOT_CHUNKED),
    bad("§6.3.4", "identity, then chunked", coded("transfer-encoding: identity", "transfer-encoding: chunked"), _NOT_CHUNKED),
    bad("§6.3.4", "a control character before chunked", coded("transfer-encoding: \x0bchunked"), _NOT_CHUNKED),
    bad("§6.1", "chunked in HTTP/1.0", req("POST / HTTP/1.0", "transfer-encoding: chunked", body=_BOTH), "400, closed | 501, closed", port=OLD),
    bad("§6.1", "chunked and a length in HTTP/1.0", req("POST / HTTP/1.0", "transfer-encoding: chunked", "content-length: 2", body=_BOTH),
        "400, closed | 501, closed", port=OLD),
    *[bad("§6.3.5", f"the length {length!r}", post(f"content-length: {length}", body=b"ab")) for length in (
        "", "-1", "-0", "+2", "0x2", "2.0", "2 2", "2,", ",2", "2, 3", "2;", "two", "２".encode().decode("latin-1"),
        "18446744073709551616", "18446744073709551618", "99999999999999999999999")],
    bad("§6.3.5", "two lengths that differ", post("content-length: 2", "content-length: 3", body=b"ab")),
    case("§6.3.5", "the same length on two lines", post("content-length: 2", "content-length: 2", body=b"ab"), "400, closed"),
    case("§6.3.5", "the same length twice on a line", post("content-length: 2, 2", body=b"ab"), "400, closed"),
    case("§6.3.6", "a length", post("content-length: 2", body=b"ab"), OK, AB),
    case("§6.3.6", "a length with zeros before", post("content-length: 002", body=b"ab"), OK, AB),
    case("§6.3.6", "a length of 0", post("content-length: 0"), OK, ("POST / HTTP/1.1", "length", b"")),
    case("§6.3.6", "a GET with content", req("GET / HTTP/1.1", "content-length: 2", body=b"ab"), OK, ("GET / HTTP/1.1", "length", b"ab")),
    case("§6.3.6", "a HEAD with content", req("HEAD / HTTP/1.1", "content-length: 2", body=b"ab"), OK, ("HEAD / HTTP/1.1", "length", b"ab"), method="HEAD"),
    case("§6.3.7", "neither", req(), OK, has={"content-length": None, "transfer-encoding": None}),
    case("§6.3.7", "neither of a POST", post(), OK, ("POST / HTTP/1.1", "length", b"")),
]  # fmt: skip


def chunked(body: bytes, *lines: str) -> bytes:
    return post("transfer-encoding: chunked", *lines, body=body)


_LAST = b"0\r\n\r\n"
CHUNKS = [
    case("§7.1", "two chunks", chunked(b"1\r\na\r\n1\r\nb\r\n" + _LAST), OK, CHUNKED_AB),
    case("§7.1", "no content", chunked(_LAST), OK, ("POST / HTTP/1.1", "chunked", b"")),
    case("§7.1", "zeros before a size", chunked(b"0002\r\nab\r\n000\r\n\r\n"), OK, CHUNKED_AB),
    case("§7.1", "sizes of letters", chunked(b"a\r\n0123456789\r\nA\r\n0123456789\r\n" + _LAST), OK, ("POST / HTTP/1.1", "chunked", b"0123456789" * 2)),
    case("§7.1.1", "extensions go no further", chunked(b'2;a;b=c;d="e;f"\r\nab\r\n0;g=h\r\n\r\n'), OK, CHUNKED_AB),
    case("§7.1.1", "blanks before an extension", chunked(b"2 \t;a=b\r\nab\r\n" + _LAST), OK, CHUNKED_AB),
    case("§7.1.2", "trailers that are not passed on", chunked(b"2\r\nab\r\n0\r\nx-t: 1\r\n\r\n"), OK, CHUNKED_AB),
    case("§7.1.2", "trailers", chunked(b"2\r\nab\r\n0\r\nx-t: 1\r\n\r\n"), OK, CHUNKED_AB, port=TRAILERS),
    case("§6.5.1 of RFC 9110", "framing in trailers counts for nothing", chunked(b"2\r\nab\r\n0\r\ncontent-length: 50\r\nhost: other\r\n\r\n"), OK, CHUNKED_AB, port=TRAILERS),
    *[bad("§7.1", f"the size {size!r}", chunked(size + b"\r\nab\r\n" + _LAST)) for size in (
        b"", b" 2", b"2 ", b"2\t", b"0x2", b"-2", b"+2", b"g", b"2.0", b"2,", b"\x002", b"10000000000000002", b"00000000000000002")],
    bad("§7.1", "a size that ends with LF", chunked(b"2\nab\r\n" + _LAST)),
    bad("§7.1", "a size that ends with CR", chunked(b"2\rab\r\n" + _LAST)),
    bad("§7.1", "less content than its size", chunked(b"3\r\nab\r\n" + _LAST)),
    bad("§7.1", "more content than its size", chunked(b"1\r\nab\r\n" + _LAST)),
    bad("§7.1", "content that ends with LF", chunked(b"2\r\nab\n" + _LAST)),
    bad("§7.1", "content without a line end", chunked(b"2\r\nab" + _LAST)),
    bad("§7.1", "no line end and another size", chunked(b"2\r\nabXX" + _LAST)),
    bad("§7.1.1", "LF in an extension", chunked(b"2;a\nb\r\nab\r\n" + _LAST)),
    bad("§7.1.1", "CR in an extension", chunked(b"2;a\rb\r\nab\r\n" + _LAST)),
    bad("§7.1.1", "an octet of 0 in an extension", chunked(b"2;a\0b\r\nab\r\n" + _LAST)),
    bad("§7.1.1", "an extension without end", chunked(b"2;" + b"a" * 70000 + b"\r\nab\r\n" + _LAST)),
    bad("§7.1.2", "a folded trailer", chunked(b"2\r\nab\r\n0\r\nx: y\r\n z\r\n\r\n")),
    bad("§7.1.2", "a trailer without colon", chunked(b"2\r\nab\r\n0\r\nx\r\n\r\n")),
    bad("§7.1.2", "a trailer with a blank before the colon", chunked(b"2\r\nab\r\n0\r\nx : y\r\n\r\n")),
    bad("§7.1.2", "a trailer with a bare LF", chunked(b"2\r\nab\r\n0\r\nx: y\nz: 1\r\n\r\n")),
    bad("§7.1.2", "trailers that end with LF", chunked(b"2\r\nab\r\n0\r\nx: y\r\n\n")),
    bad("§7.1.2", "trailers too large", chunked(b"2\r\nab\r\n0\r\nx: " + b"y" * 70000 + b"\r\n\r\n"), "431, closed"),
]  # fmt: skip

_LINE_10 = "GET / HTTP/1.0"
PERSISTENCE = [
    case("§9.3", "HTTP/1.1", req(), OK, GET),
    case("§9.3", "close", req("GET / HTTP/1.1", "connection: close"), "200, closed", has={"connection": None}),
    case("§9.3", "close in upper case", req("GET / HTTP/1.1", "Connection: CLOSE"), "200, closed", has={"connection": None}),
    case("§9.3", "close in a list", req("GET / HTTP/1.1", "connection: x-a, close", "x-a: 1"), "200, closed", has={"x-a": None}),
    case("§9.3", "close on a line of its own", req("GET / HTTP/1.1", "connection: keep-alive", "connection: close"), "200, closed", has={"connection": None}),
    case("§9.3", "keep-alive", req("GET / HTTP/1.1", "connection: keep-alive"), OK, has={"connection": None}),
    case("§9.3", "HTTP/1.0", req(_LINE_10), "200, closed", GET, port=OLD),
    case("§9.3", "HTTP/1.0, keep-alive", req(_LINE_10, "connection: keep-alive"), OK, GET, port=OLD),
    case("§9.3", "HTTP/1.0, keep-alive and close", req(_LINE_10, "connection: keep-alive, close"), "200, closed", GET, port=OLD),
    case("§9.3", "HTTP/1.0, an answer whose length is not known", req(_LINE_10, "connection: keep-alive", "x-up: chunked"), "200, closed", GET, port=OLD),
    case("§9.3", "HTTP/1.0 without Host", req(_LINE_10, host=None), BAD, port=OLD),
    case("§9.3", "HTTP/1.0 with content", req("POST / HTTP/1.0", "connection: keep-alive", "content-length: 2", body=b"ab"), OK, AB, port=OLD),
    case("§9.3.2", "three at once", req("GET /1 HTTP/1.1", "x-up: wait=0.05") + req("GET /2 HTTP/1.1") + req("GET /3 HTTP/1.1"), "200, 200, 200, kept",
         *[(f"GET /{n} HTTP/1.1", "none", b"") for n in (1, 2, 3)]),
    case("§9.3.2", "content between them", post("content-length: 2", body=b"ab") + chunked(http1.chunks(b"ab")) + req(), "200, 200, 200, kept", AB, CHUNKED_AB, GET),
    case("§9.3.2", "content that looks like a request", post(f"content-length: {len(req())}", body=req()), OK, ("POST / HTTP/1.1", "length", req())),
    case("§9.3.2", "what follows close is not answered", req("GET /1 HTTP/1.1", "connection: close") + req("GET /2 HTTP/1.1"), "200, closed", ("GET /1 HTTP/1.1", "none", b"")),
    case("§9.3.2", "a good one, then a bad one", req() + req("GET / HTTP/1.1", "x : y"), "200, 400, closed", GET),
    case("§9.3", "an upstream that closes", req("GET / HTTP/1.1", "x-up: end"), OK, GET),
    case("§6.3.8", "an answer that lasts to the upstream's end", req("GET / HTTP/1.1", "x-up: close"), OK, GET),
    case("§6.3.1", "an answer to HEAD", req("HEAD / HTTP/1.1"), OK, ("HEAD / HTTP/1.1", "none", b""), method="HEAD"),
    case("§6.3.1", "204", req("GET / HTTP/1.1", "x-up: status=204"), "204, kept", GET),
    case("§6.3.1", "304", req("GET / HTTP/1.1", "x-up: status=304"), "304, kept", GET),
    case("RFC 9110 §10.1.1", "an expectation", post("content-length: 2", "expect: 100-continue", body=b"ab"), OK, AB),
    case("RFC 9110 §10.1.1", "another expectation is the upstream's", post("content-length: 2", "expect: something", body=b"ab"), OK, has={"expect": "something"}),
    case("RFC 9110 §7.6.1", "fields of the connection", req("GET / HTTP/1.1", "connection: x-hop, keep-alive", "x-hop: 1", "keep-alive: 5", "proxy-connection: x", "te: gzip"),
         OK, has={"x-hop": None, "keep-alive": None, "proxy-connection": None, "connection": None, "te": None}),
    case("RFC 9110 §7.6.1", "framing that Connection names stays", post("connection: content-length", "content-length: 2", body=b"ab"), OK, AB),
]  # fmt: skip

# Messages that do not come to their end: what is there, and what of it the upstream may have got in the end.
INCOMPLETE = [
    ("half a request line", b"GET / HT"),
    ("half a field", b"GET / HTTP/1.1\r\nhost: www"),
    ("a head without its end", b"GET / HTTP/1.1\r\nhost: www.test\r\n"),
    ("less than its length", post("content-length: 3", body=b"ab")),
    ("half a chunk", chunked(b"3\r\nab")),
    ("half a size", chunked(b"2\r\nab\r\n1")),
    ("no last chunk", chunked(b"2\r\nab\r\n")),
    ("a last chunk without its end", chunked(b"2\r\nab\r\n0\r\n")),
    ("half a trailer", chunked(b"2\r\nab\r\n0\r\nx: y\r\n")),
]
