# SPDX-License-Identifier: Apache-2.0
"""What RFC 9113 §8 says about messages: requests that are malformed, requests that are not, and prefaces (§3.4)."""

import http2_cases
from http2_cases import BASE, FRAME_SIZE, MOST, POST, PROTOCOL, Case, case, padded
from http_differential.http2 import DATA, END_STREAM, GOAWAY, PING, PREFACE, PRIORITY, data, frame, headers, settings, window

# A malformed request is a stream error (§8.1.1), which the default configuration treats as one of the connection.
MALFORMED = ("1: PROTOCOL_ERROR", *PROTOCOL)
OK = ("1: 200",)


def message(*fields: tuple[str, str], end: bool = True) -> bytes:
    """A head by which the upstream knows where it comes from."""
    return headers(1, *fields, ("x-case", "message"), end=end)


def get(*more: tuple[str, str]) -> bytes:
    return message(*BASE, *more)


def post(*more: tuple[str, str]) -> bytes:
    """Without its end."""
    return message(*POST, *more, end=False)


def without(name: str, *more: tuple[str, str]) -> bytes:
    return message(*(field for field in BASE if field[0] != name), *more)


def instead(name: str, value: str, *more: tuple[str, str]) -> bytes:
    """A request whose field has another value."""
    return message(*((key, value if key == name else old) for key, old in BASE), *more)


def bad(section: str, name: str, *steps: bytes | int) -> Case:
    return case(section, name, MALFORMED, *steps)


_LATE = ("x", "y")
BAD_HEADS = [
    *[bad("§8.3.1", f"no {name}", without(name)) for name in (":method", ":scheme", ":path")],
    *[bad("§8.3", f"{name} twice", get((name, dict(BASE)[name]))) for name in (":method", ":scheme", ":path", ":authority")],
    *[bad("§8.3", f"{name} behind a field", without(name, _LATE, (name, dict(BASE)[name]))) for name in (":method", ":path", ":scheme")],
    bad("§8.3", ":authority behind a field", without(":authority", _LATE, (":authority", "www.test"))),
    bad("§8.3", "an unknown pseudo-header", message(*BASE, (":unknown", "x"))),
    bad("§8.3", "a pseudo-header without a name", message(*BASE, (":", "x"))),
    bad("§8.3", "a pseudo-header of responses", message(*BASE, (":status", "200"))),
    bad("§8.3", "a pseudo-header in upper case", without(":method", (":METHOD", "GET"))),
    bad("§8.3.1", "an empty :path", instead(":path", "")),
    bad("§8.3.1", "an empty :method", instead(":method", "")),
    bad("§8.3.1", "an empty :scheme", instead(":scheme", "")),
    bad("§8.3.1", ":authority with user information", instead(":authority", "user@www.test")),
    bad("§8.3.1", "neither :authority nor host", without(":authority")),
    bad("§8.3.1", "a :path that is none", instead(":path", "path")),
    bad("§8.3.1", "* for a GET", instead(":path", "*")),
    # What would become another request in HTTP/1.1 (§10.3).
    *[bad("§10.3", f":method {text!r}", instead(":method", text)) for text in ("GET /x HTTP/1.1\r\nx:", "GE T", "G(T", "GET\0", "GET\n", "\xc4")],
    *[bad("§10.3", f":path {text!r}", instead(":path", text)) for text in ("/ HTTP/1.1\r\nx: y\r\n\r\n", "/a b", "/a\tb", "/a\0", "/a\n", "/a\x7f")],
    *[bad("§10.3", f":authority {text!r}", instead(":authority", text)) for text in ("a\r\nx: y", "a b", "a/b", "a\0", "a\x7f", "a\xc4")],
    *[bad("§10.3", f":scheme {text!r}", instead(":scheme", text)) for text in ("http\r\nx: y", "ht tp", "http:", "1http")],
    *[bad("§10.3", f"host {text!r}", without(":authority", ("host", text))) for text in ("a\r\nx: y", "a b", "a@b", "")],
    bad("§8.5", "CONNECT with :scheme and :path", instead(":method", "CONNECT")),
    bad("§8.5", "CONNECT without :authority", message((":method", "CONNECT"))),
    bad("RFC 8441 §4", ":protocol, which was not offered", instead(":method", "CONNECT", (":protocol", "websocket"))),
    bad("§8.3", ":protocol of a GET", message(*BASE, (":protocol", "websocket"))),
    *[bad("§8.2", f"a name with {at!r}", message(*BASE, (f"x{at}y", "z"))) for at in ("A", "\0", "\t", "\n", "\r", " ", ":", "\x7f", "\x80", "\xff", "(")],
    bad("§8.2", "a name in upper case", message(*BASE, ("X-Name", "y"))),
    bad("§8.2", "an empty name", message(*BASE, ("", "y"))),
    *[bad("§8.2.1", f"a value with {at!r}", message(*BASE, ("x", f"y{at}z"))) for at in ("\0", "\n", "\r", "\r\n")],
    *[bad("§8.2.2", f"the field {name}", message(*BASE, (name, value))) for name, value in (
        ("connection", "close"), ("proxy-connection", "keep-alive"), ("keep-alive", "5"), ("transfer-encoding", "chunked"), ("upgrade", "h2c"))],
    *[bad("§8.2.2", f"te: {value}", message(*BASE, ("te", value))) for value in ("gzip", "trailers, deflate", "", "chunked")],
    *[bad("§8.1.1", f"content-length {value!r}", post(("content-length", value)) + data(1, b"ab")) for value in ("x", "-1", "+2", "0x2", "2 2", "", "18446744073709551616", "99999999999999999999")],
    bad("§8.1.1", "two lengths that differ", post(("content-length", "2"), ("content-length", "3")) + data(1, b"ab")),
    bad("§8.1.1", "a length without content", get(("content-length", "5"))),
]  # fmt: skip

BAD_BODIES = [
    bad("§8.1.1", "less content than its length", http2_cases.post(1, ("content-length", "3")), data(1, b"ab")),
    bad("§8.1.1", "more content than its length", http2_cases.post(1, ("content-length", "1")), data(1, b"ab")),
    bad("§8.1.1", "more content than its length, in two frames", http2_cases.post(1, ("content-length", "1")), data(1, b"a", end=False) + data(1, b"b")),
    bad("§8.1.1", "content for a length of 0", http2_cases.post(1, ("content-length", "0")) + data(1, b"a")),
    bad("§8.1.1", "less content and then trailers", http2_cases.post(1, ("content-length", "3")), data(1, b"ab", end=False) + headers(1, ("x-t", "1"))),
    bad("§8.1", "trailers without END_STREAM", http2_cases.post(), headers(1, ("x-t", "1"), end=False)),
    bad("§8.1", "trailers with a pseudo-header", http2_cases.post(), headers(1, ("x-t", "1"), (":path", "/"))),
    bad("§8.1", "trailers with :status", http2_cases.post(), headers(1, (":status", "200"))),
    bad("§8.2", "trailers in upper case", http2_cases.post(), headers(1, ("X-T", "1"))),
    bad("§8.2.1", "trailers with a line feed", http2_cases.post(), headers(1, ("x-t", "1\n2"))),
    bad("§8.2.2", "trailers with connection", http2_cases.post(), headers(1, ("connection", "x"))),
]


def good(section: str, name: str, expected: dict[str, str], *steps: bytes | int, permitted=OK) -> tuple[Case, dict[str, str]]:
    """expected: fields and pseudo-fields that the upstream receives ("" = the body)."""
    return case(section, name, permitted, *steps), expected


GOOD = [
    good("§8.3", "another order of pseudo-headers", {":path": "/"}, message(*reversed(BASE))),
    good("§8.3.1", "host for :authority", {"host": "other.test"}, without(":authority", ("host", "other.test"))),
    good("§8.3.1", "host that is the same", {"host": "www.test"}, get(("host", "www.test"))),
    good("§8.3.1", "host that differs counts for nothing", {"host": "www.test"}, get(("host", "other.test"))),
    good("§8.3.1", "an unknown method", {":method": "FROB"}, instead(":method", "FROB")),
    # No URI has such octets; §8.2.1 does not forbid them, Envoy passes them on, and they end nothing.
    good("§8.3.1", "octets above 0x7f in :path", {":path": "/a\xc4"}, instead(":path", "/a\xc4")),
    good("§8.2.1", "an empty value", {"x": ""}, get(("x", ""))),
    good("§8.2.1", "a value in upper case", {"x": "ABC"}, get(("x", "ABC"))),
    good("§8.2.1", "octets above 0x7f", {"x": "\xe4\xff"}, get(("x", "\xe4\xff"))),
    # §8.2.1 forbids blanks around values; like Envoy Weir takes them, and what it passes on has none.
    good("§8.2.1", "blanks around a value", {"x": "y"}, get(("x", " \ty\t "))),
    good("§8.2.2", "te: trailers", {"te": "trailers"}, get(("te", "trailers"))),
    good("§8.2.3", "cookies in pieces", {"cookie": "a=1; b=2; c=3"}, get(("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3"))),
    good("§8.1.1", "the right length", {"": "ab", "content-length": "2"}, post(("content-length", "2")) + data(1, b"ab")),
    good("§8.1.1", "the right length with padding", {"": "ab"}, post(("content-length", "2")) + padded(DATA, END_STREAM, 1, b"ab", 50)),
    good("§8.1.1", "the right length in three frames", {"": "abc"},
         post(("content-length", "3")) + data(1, b"a", end=False) + data(1, b"b", end=False) + data(1, b"c")),
    good("§8.1.1", "a length of 0", {"content-length": "0"}, get(("content-length", "0"))),
    good("§8.1.1", "no length", {"": "ab", "transfer-encoding": "chunked"}, post() + data(1, b"ab")),
    good("§8.1", "trailers", {"": "ab"}, post() + data(1, b"ab", end=False) + headers(1, ("x-t", "1"))),
    good("§8.1", "trailers without content", {"": ""}, post() + headers(1, ("x-t", "1"))),
]  # fmt: skip

# Answered by the proxy itself.
ANSWERED_HERE = [
    case("§8.3.1", "* of OPTIONS", "1: 404", message((":method", "OPTIONS"), (":path", "*"), *BASE[2:])),
    case("§8.5", "CONNECT", "1: 404", message((":method", "CONNECT"), (":authority", "www.test:443"))),
]

# On a listener of HTTP/2 alone. Whoever sends no preface is told nothing, which §3.4 allows; others get a GOAWAY.
NO_PREFACE = "end"
_S = settings()
PREFACES = [
    case("§3.4", "in one piece", OK, PREFACE + _S + http2_cases.get()),
    case("§3.4", "octet by octet", OK, *[bytes([octet]) for octet in PREFACE + _S], http2_cases.get()),
    case("§3.4", "with settings", OK, PREFACE + settings((4, 1000), (9, 1)) + http2_cases.get()),
    case("§3.4", "of another version", NO_PREFACE, PREFACE.replace(b"2.0", b"2.1") + _S),
    case("§3.4", "with another end", NO_PREFACE, PREFACE.replace(b"SM", b"ST") + _S),
    case("§3.4", "twice", (*PROTOCOL, *FRAME_SIZE), PREFACE + PREFACE),
    case("§3.4", "HTTP/1.1 instead", NO_PREFACE, b"GET / HTTP/1.1\r\nhost: www.test\r\n\r\n"),
    case("§3.4", "frames without it", NO_PREFACE, _S + http2_cases.get()),
    case("§3.4", "HEADERS before SETTINGS", PROTOCOL, PREFACE + http2_cases.get()),
    case("§3.4", "PING before SETTINGS", PROTOCOL, PREFACE + frame(PING, 0, 0, bytes(8)) + _S),
    case("§3.4", "PRIORITY before SETTINGS", PROTOCOL, PREFACE + frame(PRIORITY, 0, 1, bytes(5)) + _S),
    case("§3.4", "WINDOW_UPDATE before SETTINGS", PROTOCOL, PREFACE + window(0, 1) + _S),
    case("§3.4", "GOAWAY before SETTINGS", PROTOCOL, PREFACE + frame(GOAWAY, 0, 0, bytes(8)) + _S),
    case("§3.4", "an unknown frame before SETTINGS", PROTOCOL, PREFACE + frame(0x42, 0, 0) + _S),
    case("§3.4", "an ack before SETTINGS", PROTOCOL, PREFACE + settings(ack=True) + _S),
    case("§3.4", "SETTINGS on a stream", PROTOCOL, PREFACE + frame(4, 0, 1)),
    case("§6.5.2", "settings that are wrong", "GOAWAY FLOW_CONTROL_ERROR", PREFACE + settings((4, MOST + 1))),
]
