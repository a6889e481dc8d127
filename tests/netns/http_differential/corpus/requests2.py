# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 requests, valid, odd and hostile, as frames that any configuration can be asked with."""

import struct

from .. import http2
from ..case import HALF, RESET, Await, Case
from ..http2 import block, data, frame, headers, request, reset, settings, window

START = http2.PREFACE + settings()
_FIELDS = (("x-case", "%CASEID%"),)


def _one(name: str, *steps, **fields) -> Case:
    first, *rest = steps
    if isinstance(first, bytes):
        first = START + first
        return Case(f"h2 {name}", (first, *rest), protocol="h2", **fields)
    return Case(f"h2 {name}", (START, *steps), protocol="h2", **fields)


def _bare(name: str, *steps, **fields) -> Case:
    return Case(f"h2 {name}", steps, protocol="h2", **fields)


def _pseudo(method="GET", path="/", scheme="http", authority="www.test"):
    wanted = ((":method", method), (":path", path), (":scheme", scheme), (":authority", authority))
    return tuple((name, value) for name, value in wanted if value is not None)


def pseudo() -> list[Case]:
    """Pseudo-header fields and targets."""
    made = []
    for method in "GET HEAD POST PUT DELETE OPTIONS TRACE PATCH PURGE QUERY BREW get G@T PRI M-SEARCH".split() + ["", "G T", "G\nT"]:
        made.append(_one(f"method [{method!r}]", request("/m", method=method), wait=1.0))
        made.append(_one(f"method [{method!r}] with body", request("/m", method=method, body=b"abc"), wait=1.0))
    for target in (
        "/", "", "*", "path", "//a", "/a/../b", "/a?b", "/a#f", "/a b", "/\xe9", "/a%2Fb", "/a%00b", "/a\x00b", "/a\tb", "/a\nb", "/a\x7f", "http://other.test/a", "/a\\b", '/a"b', "?a", "#f", "/" + "a" * 8000, "/a|b", "/<a>", "/a%zz", " /a", "/a ",
    ):  # fmt: skip
        made.append(_one(f"target [{target[:20]!r}] {len(target)}", request(target), wait=1.0))
    made.append(_one("target star options", request("*", method="OPTIONS"), wait=1.0))
    for scheme in ("http", "https", "HTTP", "ftp", "", "http:", "ht tp", "ws", "h\xe9"):
        made.append(_one(f"scheme [{scheme}]", request("/s", scheme=scheme), wait=1.0))
    for authority in ("www.test", "WWW.Test", "www.test:80", "", " ", "a b", "a/b", "u@a", "a,b", "[2001:db8::1]", "a\xe9", "a#b", "a?b", "a\x01b", "a_b", "a%41", "*", 'a"b', "a<b", "a" * 300):
        made.append(_one(f"authority [{authority[:20]}] {len(authority)}", request("/a", authority=authority), wait=1.0))
    for name, fields in {
        "no method": _pseudo(method=None), "no path": _pseudo(path=None), "no scheme": _pseudo(scheme=None), "no authority": _pseudo(authority=None), "none": (), "only method": _pseudo(path=None, scheme=None, authority=None),
        "method twice": (*_pseudo(), (":method", "GET")), "path twice": (*_pseudo(), (":path", "/b")), "scheme twice": (*_pseudo(), (":scheme", "http")), "authority twice": (*_pseudo(), (":authority", "other")),
        "status": (*_pseudo(), (":status", "200")), "unknown": (*_pseudo(), (":odd", "x")), "protocol": (*_pseudo(), (":protocol", "websocket")), "empty name": (*_pseudo(), (":", "x")), "late": (("x-a", "b"), *_pseudo()), "one late": (*_pseudo()[:3], ("x-a", "b"), _pseudo()[3]),
        "reversed": tuple(reversed(_pseudo())), "upper": ((":METHOD", "GET"), *_pseudo()[1:]), "host only": (*_pseudo(authority=None), ("host", "www.test")), "host same": (*_pseudo(), ("host", "www.test")), "host other": (*_pseudo(), ("host", "other.test")), "host twice": (*_pseudo(authority=None), ("host", "a"), ("host", "b")),
    }.items():  # fmt: skip
        made.append(_one(f"pseudo {name}", headers(1, *fields, *_FIELDS), wait=1.0))
    for name, fields in {
        "connect": ((":method", "CONNECT"), (":authority", "www.test:80")), "connect path": ((":method", "CONNECT"), (":authority", "www.test:80"), (":path", "/")), "connect scheme": ((":method", "CONNECT"), (":authority", "a:80"), (":scheme", "http")),
        "connect no authority": ((":method", "CONNECT"),), "extended connect": ((":method", "CONNECT"), (":protocol", "websocket"), *_pseudo()[1:]),
    }.items():  # fmt: skip
        made.append(_one(name, headers(1, *fields, *_FIELDS, end=False), wait=1.0))
    return made


def fields() -> list[Case]:
    """Header fields."""
    made = []
    for name, pairs in {
        "plain": (("x-a", "b"),), "upper": (("X-A", "b"),), "one upper": (("x-A", "b"),), "empty value": (("x-a", ""),), "empty name": (("", "b"),), "space name": (("x a", "b"),), "colon name": (("x:a", "b"),), "paren name": (("x(a", "b"),), "under": (("x_a", "b"),), "high name": (("x-\xe9", "b"),), "nul name": (("x\0a", "b"),),
        "nul value": (("x-a", "b\0c"),), "lf value": (("x-a", "b\nc"),), "cr value": (("x-a", "b\rc"),), "crlf value": (("x-a", "b\r\nx-b: c"),), "tab value": (("x-a", "b\tc"),), "control value": (("x-a", "b\x01c"),), "del value": (("x-a", "b\x7fc"),), "high value": (("x-a", "\xe9\xff"),), "leading space": (("x-a", " b"),), "trailing space": (("x-a", "b "),), "leading tab": (("x-a", "\tb"),),
        "twice": (("x-a", "b"), ("x-a", "c")), "twice apart": (("x-a", "b"), ("x-b", "d"), ("x-a", "c")), "cookie": (("cookie", "a=b"),), "cookies": (("cookie", "a=b"), ("cookie", "c=d"), ("cookie", "e=f")), "connection": (("connection", "close"),), "connection keep-alive": (("connection", "keep-alive"),), "keep-alive": (("keep-alive", "5"),),
        "proxy-connection": (("proxy-connection", "close"),), "transfer-encoding": (("transfer-encoding", "chunked"),), "upgrade": (("upgrade", "websocket"),), "te trailers": (("te", "trailers"),), "te gzip": (("te", "gzip"),), "te both": (("te", "trailers, gzip"),), "http2-settings": (("http2-settings", "AAA"),), "content-type": (("content-type", "text/html"),),
        "user agent": (("user-agent", "x"),), "user agents": (("user-agent", "x"), ("user-agent", "y")), "expect": (("expect", "100-continue"),), "referer": (("referer", "http://a/"),), "via": (("via", "1.1 a"),), "date": (("date", "Thu, 01 Jan 1970 00:00:00 GMT"),), "long value": (("x-a", "v" * 20000),), "long name": (("x-" + "a" * 9000, "b"),),
        "x-forwarded": (("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https")), "request id": (("x-request-id", "mine"),), "envoy": (("x-envoy-internal", "true"), ("x-envoy-max-retries", "3")), "priority": (("priority", "u=1"),), "trailer": (("trailer", "x-t"),), "grpc": (("content-type", "application/grpc"), ("te", "trailers")),
    }.items():  # fmt: skip
        made.append(_one(f"field {name}", request("/f", *pairs), wait=1.0))
    for count in (90, 94, 95, 96, 97, 98, 100, 101, 200, 1000):
        made.append(_one(f"fields {count}", request("/f", *((f"x-h{n}", "v") for n in range(count))), wait=1.0))
    for size in (16_000, 16_384, 40_000, 55_000, 60_000, 61_000, 61_300, 61_500, 62_000, 70_000, 200_000):
        made.append(_one(f"field of {size}", request("/f", ("x-a", "v" * size)), wait=1.0))
        made.append(_one(f"fields of together {size}", request("/f", *((f"x-{n:02}", "v" * (size // 50)) for n in range(50))), wait=1.0))
    for value in ("0", "3", "2", "4", "abc", "-1", "+3", "3,3", "", "3 ", "99999999999999999999", "03"):
        made.append(_one(f"length [{value}]", request("/l", ("content-length", value), method="POST", body=b"abc"), wait=1.0))
        made.append(_one(f"length [{value}] no body", request("/l", ("content-length", value)), wait=1.0))
    made.append(_one("length twice same", request("/l", ("content-length", "3"), ("content-length", "3"), method="POST", body=b"abc"), wait=1.0))
    made.append(_one("length twice other", request("/l", ("content-length", "3"), ("content-length", "4"), method="POST", body=b"abc"), wait=1.0))
    return made


def frames() -> list[Case]:
    """Frames in and out of order, sizes, padding, flow control, settings, trailers, resets, GOAWAY."""
    get = request("/")
    open_post = headers(1, *_pseudo("POST"), *_FIELDS, end=False)
    made = [
        _bare("no preface", settings() + get, wait=0.6), _bare("half preface", http2.PREFACE[:10], 0.2, http2.PREFACE[10:] + settings() + get), _bare("preface only", http2.PREFACE, then="wait", answers=0), _bare("no settings", http2.PREFACE + get, wait=0.6),
        _bare("wrong preface", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + settings() + get, wait=0.6), _bare("settings ack first", http2.PREFACE + settings(ack=True) + get, wait=0.6), _bare("ping first", http2.PREFACE + frame(6, 0, 0, b"12345678") + get, wait=0.6),
        _bare("byte by byte", *(bytes([one]) for one in http2.PREFACE + settings()), get), _one("settings none", b"", answers=0), _one("two streams", get + request("/b", stream=3), answers=2), _one("ten streams", b"".join(request(f"/{n}", stream=2 * n + 1) for n in range(10)), answers=10),
        _one("fifty streams", b"".join(request(f"/{n}", stream=2 * n + 1) for n in range(50)), answers=50), _one("streams in sequence", get, Await(1), request("/b", stream=3), Await(2), request("/c", stream=5), answers=3), _one("even stream", request("/", stream=2), wait=0.6), _one("stream zero", frame(1, 5, 0, block(*_pseudo())), wait=0.6),
        _one("stream lower", request("/", stream=5) + request("/", stream=3), answers=2, wait=0.6), _one("stream again", get, Await(1), get, answers=2, wait=0.6), _one("stream skipped", request("/", stream=101)), _one("stream largest", request("/", stream=0x7FFFFFFF)),
        _one("data idle", data(1, b"x"), wait=0.6), _one("data zero", data(0, b"x"), wait=0.6), _one("data closed", get, Await(1), data(1, b"x"), wait=0.6), _one("window idle", window(1, 5) + get, wait=0.6), _one("reset idle", reset(1) + get, wait=0.6), _one("priority idle", frame(2, 0, 1, b"\0\0\0\0\x10") + get, wait=0.6),
        _one("priority self", frame(2, 0, 1, b"\0\0\0\x01\x10") + get, wait=0.6), _one("priority short", frame(2, 0, 1, b"\0\0") + get, wait=0.6), _one("headers priority", frame(1, 5 | 32, 1, b"\0\0\0\0\x10" + block(*_pseudo(), *_FIELDS)), wait=0.6), _one("headers priority self", frame(1, 5 | 32, 1, b"\0\0\0\x01\x10" + block(*_pseudo(), *_FIELDS)), wait=0.6),
        _one("headers padded", frame(1, 5 | 8, 1, b"\x04" + block(*_pseudo(), *_FIELDS) + b"\0" * 4), wait=0.6), _one("headers padding too long", frame(1, 5 | 8, 1, b"\xff" + block(*_pseudo(), *_FIELDS)), wait=0.6), _one("data padded", open_post + frame(0, 1 | 8, 1, b"\x03abc\0\0\0")), _one("data padding too long", open_post + frame(0, 1 | 8, 1, b"\x09abc"), wait=0.6),
        _one("data only padding", open_post + frame(0, 1 | 8, 1, b"\x03\0\0\0")), _one("data empty", open_post + data(1)), _one("data empty many", open_post + data(1, end=False) * 50 + data(1)), _one("data empty very many", open_post + data(1, end=False) * 20000 + data(1), wait=1.0), _one("data pieces", open_post + data(1, b"a", end=False) * 20 + data(1, b"b")),
        _one("data paused", open_post + data(1, b"a", end=False), 0.1, data(1, b"b")), _one("data large", open_post + b"".join(data(1, b"x" * 16384, end=False) for _ in range(3)) + data(1)), _one("data oversized frame", open_post + data(1, b"x" * 16385), wait=0.6), _one("data after end", request("/", method="POST", body=b"a") + data(1, b"b"), answers=1, wait=0.6),
        _one("continuation", frame(1, 1, 1, block(*_pseudo())) + frame(9, 4, 1, block(*_FIELDS))), _one("continuation empty", frame(1, 1, 1, block(*_pseudo(), *_FIELDS)) + frame(9, 0, 1) * 3 + frame(9, 4, 1), wait=1.0), _one("continuation many", frame(1, 1, 1, block(*_pseudo(), *_FIELDS)) + frame(9, 0, 1, block(("x-a", "b"))) * 40 + frame(9, 4, 1), wait=1.0),
        _one("continuation flood", frame(1, 1, 1, block(*_pseudo(), *_FIELDS)) + frame(9, 0, 1, block(("x-a", "b"))) * 5000, wait=1.0), _one("continuation alone", frame(9, 4, 1, block(*_pseudo())), wait=0.6), _one("continuation other stream", frame(1, 1, 1, block(*_pseudo())) + frame(9, 4, 3, block(*_FIELDS)), wait=0.6),
        _one("continuation interrupted", frame(1, 1, 1, block(*_pseudo())) + frame(6, 0, 0, b"12345678") + frame(9, 4, 1), wait=0.6), _one("headers unfinished", frame(1, 1, 1, block(*_pseudo())), then="wait", answers=0), _one("unknown frame", frame(0x77, 0xFF, 1, b"zzz") + get), _one("unknown frame zero", frame(0x77, 0, 0, b"zzz") + get), _one("unknown frames many", frame(0x77, 0, 0, b"z") * 500 + get),
        _one("push promise", frame(5, 4, 1, struct.pack(">I", 2) + block(*_pseudo())), wait=0.6), _one("trailers", request("/", method="POST", body=b"abc", trailers=(("x-t", "1"),))), _one("trailers no body", request("/", method="POST", trailers=(("x-t", "1"),))), _one("trailers no end", open_post + data(1, b"a", end=False) + headers(1, ("x-t", "1"), end=False), wait=0.6),
        _one("trailers pseudo", request("/", method="POST", body=b"abc", trailers=((":path", "/"),)), wait=0.6), _one("trailers upper", request("/", method="POST", body=b"abc", trailers=(("X-T", "1"),)), wait=0.6), _one("trailers connection", request("/", method="POST", body=b"abc", trailers=(("connection", "close"),)), wait=0.6),
        _one("trailers length", request("/", method="POST", body=b"abc", trailers=(("content-length", "3"),)), wait=0.6), _one("trailers many", request("/", method="POST", body=b"abc", trailers=tuple((f"x-{n}", "v") for n in range(120))), wait=0.6), _one("trailers twice", open_post + headers(1, ("x-t", "1")) + headers(1, ("x-u", "1")), wait=0.6),
        _one("reset at once", get + reset(1), answers=0, wait=0.3), _one("reset open", open_post + reset(1), answers=0), _one("reset twice", open_post + reset(1) + reset(1), answers=0), _one("reset after answer", get, Await(1), reset(1)), _one("reset zero", reset(0), wait=0.6), _one("reset short", frame(3, 0, 1, b"\0"), wait=0.6),
        _one("reset while slow", request("/", ("x-up", "wait=0.4")), 0.15, reset(1), 0.4, answers=0), _one("reset then other", open_post + reset(1) + request("/b", stream=3), answers=1), _one("reset many", b"".join(request("/r", ("x-up", "wait=0.3"), stream=2 * n + 1) + reset(2 * n + 1) for n in range(50)), answers=0), _one("rapid reset", b"".join(request("/direct", stream=2 * n + 1) + reset(2 * n + 1) for n in range(2000)), answers=0),
        _one("goaway", frame(7, 0, 0, struct.pack(">II", 0, 0)) + get, wait=0.6), _one("goaway after", get, Await(1), frame(7, 0, 0, struct.pack(">II", 0, 0)), then="wait"), _one("goaway error", frame(7, 0, 0, struct.pack(">II", 0, 2) + b"because"), answers=0, then="wait"), _one("goaway short", frame(7, 0, 0, b"\0"), wait=0.6), _one("goaway on stream", frame(7, 0, 1, struct.pack(">II", 0, 0)), wait=0.6),
        _one("ping", frame(6, 0, 0, b"12345678"), answers=0), _one("ping short", frame(6, 0, 0, b"1"), wait=0.6), _one("ping on stream", frame(6, 0, 1, b"12345678"), wait=0.6), _one("ping ack", frame(6, 1, 0, b"87654321") + get), _one("ping flood", frame(6, 0, 0, b"12345678") * 3000, answers=0),
        _one("settings again", settings((3, 10)) + get), _one("settings many", settings(*((3, 10),) * 30) + get), _one("settings flood", settings() * 3000 + get, wait=1.0), _one("settings unknown", settings((0x99, 1)) + get), _one("settings short", frame(4, 0, 0, b"abc"), wait=0.6), _one("settings on stream", frame(4, 0, 1), wait=0.6), _one("settings ack payload", frame(4, 1, 0, b"abcdef"), wait=0.6),
        _one("settings push 2", settings((2, 2)), wait=0.6), _one("settings window large", settings((4, 0x80000000)), wait=0.6), _one("settings frame small", settings((5, 100)), wait=0.6), _one("settings frame large", settings((5, 0x1000000)), wait=0.6), _one("settings frame 32k", settings((5, 32768)) + request("/", ("x-up", "size=60000"))), _one("settings table zero", settings((1, 0)) + get), _one("settings list 100", settings((6, 100)) + get),
        _one("settings streams 0", settings((3, 0)) + get), _one("window zero", window(0, 0), wait=0.6), _one("window zero stream", open_post + window(1, 0) + data(1), wait=0.6), _one("window overflow", window(0, 0x7FFFFFFF), wait=0.6), _one("window overflow stream", open_post + window(1, 0x7FFFFFFF) + data(1), wait=0.6), _one("window short", frame(8, 0, 0, b"\0"), wait=0.6),
        _one("window small", settings((4, 10)) + request("/", ("x-up", "size=5")), answers=1), _one("window none, then", settings((4, 0)) + request("/", ("x-up", "size=500")), 0.2, window(1, 500)), _one("window none, reset", settings((4, 0)) + request("/", ("x-up", "size=500")), 0.2, reset(1), answers=0), _one("window none, settings", settings((4, 0)) + request("/", ("x-up", "size=500")), 0.2, settings((4, 1000))),
        _one("hpack bad index", frame(1, 5, 1, b"\xfe"), wait=0.6), _one("hpack zero index", frame(1, 5, 1, b"\x80"), wait=0.6), _one("hpack truncated", frame(1, 5, 1, b"\x00\x05ab"), wait=0.6), _one("hpack huge integer", frame(1, 5, 1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), wait=0.6), _one("hpack table too large", frame(1, 5, 1, b"\x3f\xff\xff\xff\x07" + block(*_pseudo())), wait=0.6),
        _one("hpack table resize", frame(1, 5, 1, b"\x20" + block(*_pseudo(), *_FIELDS)), wait=0.6), _one("hpack resize late", frame(1, 5, 1, block(*_pseudo(), *_FIELDS) + b"\x20"), wait=0.6), _one("hpack indexed", frame(1, 5, 1, b"\x82\x84\x86" + block((":authority", "www.test"), *_FIELDS))), _one("hpack huffman", frame(1, 5, 1, b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff" + block(*_FIELDS))),
        _one("hpack bad huffman", frame(1, 5, 1, b"\x82\x86\x84\x41\x84\xff\xff\xff\xff"), wait=0.6), _one("hpack bomb", frame(1, 5, 1, b"\x82\x84\x86" + block((":authority", "www.test"), *_FIELDS) + b"\x40\x01x\x7f\xa1\x1e" + b"v" * 4000 + b"\xbe" * 3000), wait=1.0), _one("headers empty", frame(1, 5, 1), wait=0.6),
        _one("length field lies", frame(6, 0, 0, b"12345678", length=200), then="wait", answers=0), _one("garbage", b"\xff" * 200, wait=0.6), _one("http1 after", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", wait=0.6), _one("upgrade frame size", frame(1, 5, 1, b"\x00" * 17000), wait=0.6), _one("reserved bit", frame(1, 5, 0x80000001, block(*_pseudo(), *_FIELDS))),
        _one("FIN", get, HALF, then="wait", wait=0.6), _one("FIN later", get, Await(1), HALF, then="wait"), _one("FIN in body", open_post, HALF, then="wait", wait=0.6), _one("RST", request("/", ("x-up", "wait=0.3")), 0.1, RESET), _one("large answer", request("/", ("x-up", "size=500000"))), _one("head", request("/", method="HEAD")), _one("early answer", headers(1, *_pseudo("POST"), *_FIELDS, ("x-up", "early"), end=False)),
        _one("early answer, body after", headers(1, *_pseudo("POST"), *_FIELDS, ("x-up", "early"), end=False), Await(1), data(1, b"abc")),
    ]  # fmt: skip
    for status in (100, 102, 103):
        made.append(_one(f"interim {status}", request("/", ("x-up", f"interim={status}"))))
    made.append(_one("expect", headers(1, *_pseudo("POST"), *_FIELDS, ("expect", "100-continue"), end=False), Await(1, interim=True), data(1, b"abc")))
    return made


def upgrade_attempts() -> list[Case]:
    """h2c over HTTP/1's Upgrade, which nobody takes."""
    head = b"GET / HTTP/1.1\r\nHost: www.test\r\nx-case: %CASEID%\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    return [Case("h2c upgrade", (head,)), Case("h2c upgrade only", (head.replace(b", HTTP2-Settings", b""),))]


def everything() -> list[Case]:
    return pseudo() + fields() + frames() + upgrade_attempts()
