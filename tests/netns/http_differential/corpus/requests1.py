# SPDX-License-Identifier: Apache-2.0
"""HTTP/1 requests, valid, odd and hostile, as bytes that any configuration can be asked with."""

from ..case import HALF, Await, Case
from ..http1 import chunks, request

_GET = b"GET / HTTP/1.1\r\nHost: www.test\r\nx-case: %CASEID%\r\n"
_POST = b"POST / HTTP/1.1\r\nHost: www.test\r\nx-case: %CASEID%\r\n"
CHUNKED = "Transfer-Encoding: chunked"


def _one(name: str, *steps, **fields) -> Case:
    return Case(name, steps, **fields)


def lines() -> list[Case]:
    """Start lines: methods, targets, versions."""
    made = []
    methods = (
        "GET HEAD POST PUT DELETE OPTIONS TRACE PATCH PROPFIND MKCOL LOCK UNLOCK COPY MOVE SEARCH REPORT PURGE QUERY LINK M-SEARCH "
        "BREW get Get G GE GETX FOO_BAR G@T G(T G,T G:T G/T PRI ACL BIND SUBSCRIBE NOTIFY SOURCE MERGE"
    ).split()
    for method in methods:
        made.append(_one(f"method {method}", request("/m", method=method), methods=(method,)))
        made.append(_one(f"method {method} with body", request("/m", "Content-Length: 3", method=method, body=b"abc"), methods=(method,)))
    targets = {
        "root": "/", "star": "*", "no slash": "path", "double slash": "//a", "dots": "/a/../b", "dot": "/./a", "deep dots": "/../../a",
        "query": "/a?b=c", "empty query": "/a?", "two marks": "/a?b?c", "fragment": "/a#f", "fragment query": "/a?b#c", "only fragment": "#f",
        "only query": "?a=b", "encoded": "/%61%62", "encoded slash": "/a%2Fb", "encoded slash small": "/a%2fb", "encoded backslash": "/a%5Cb",
        "backslash": "/a\\b", "encoded dots": "/a/%2e%2e/b", "encoded nul": "/a%00b", "bad escape": "/a%zz", "short escape": "/a%2",
        "space escape": "/a%20b", "plus": "/a+b", "high": "/\xe9", "utf8": "/\xc3\xa9", "quote": '/a"b', "angle": "/<a>", "braces": "/{a}",
        "pipe": "/a|b", "caret": "/a^b", "tick": "/a`b", "semicolon": "/a;b=c", "colon": "/a:b", "at": "/@a", "bracket": "/[a]", "tilde": "/~a",
        "dollar": "/$a", "bang": "/!a", "star path": "/*", "long": "/" + "a" * 8000, "long query": "/?" + "a" * 8000,
        "absolute": "http://other.test/a", "absolute port": "http://other.test:81/a?b", "absolute no path": "http://other.test",
        "absolute slash": "http://other.test/", "absolute query": "http://other.test?a=b", "absolute https": "https://other.test/a",
        "absolute upper": "HTTP://OTHER.TEST/a", "absolute user": "http://u:p@other.test/a", "absolute empty": "http:///a",
        "absolute bad": "http://", "absolute ftp": "ftp://other.test/a", "absolute ws": "ws://other.test/a", "absolute six": "http://[2001:db8::1]/a",
        "absolute bad port": "http://other.test:99999/a", "absolute colon": "http://other.test:/a", "authority": "other.test:80",
        "control": "/a\x01b", "tab": "/a\tb", "del": "/a\x7fb", "nul": "/a\x00b", "cr": "/a\rb", "empty": "", "space": "/a b", "two spaces": "/a  b",
    }  # fmt: skip
    for name, target in targets.items():
        made.append(_one(f"target {name}", request(target)))
    made.append(_one("target star options", request("*", method="OPTIONS")))
    made.append(_one("target absolute without host", request("http://other.test/a", host=None)))
    made.append(_one("target absolute other host", request("http://other.test/a", host="www.test")))
    versions = (
        "HTTP/1.1 HTTP/1.0 HTTP/1.2 HTTP/1.9 HTTP/2.0 HTTP/0.9 HTTP/2 HTTP/11 HTTP/1.10 HTTP/1. HTTP/.1 HTTP/1,1 http/1.1 Http/1.1 HTTPS/1.1 "
        "XTTP/1.1 HTTP/1.1x HTTP/a.b HTTP/01.1 HTTP/-1.1 RTSP/1.0 ICE/1.0"
    ).split()
    for version in versions:
        made.append(_one(f"version {version}", request("/v", version=version)))
    for name, data in {
        "line 0.9": b"GET /\r\n\r\n", "line 0.9 alone": b"GET /\r\n", "line two spaces": b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "line two spaces late": b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", "line tab": b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n",
        "line trailing space": b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "line leading space": b" GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "line leading crlf": b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "line leading crlfs": b"\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "line leading lf": b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "line only crlf": b"\r\n\r\n", "line leading nul": b"\0GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "line bare lf": b"GET / HTTP/1.1\nHost: a\n\n", "line bare lf first": b"GET / HTTP/1.1\nHost: a\r\n\r\n", "line bare cr": b"GET / HTTP/1.1\rHost: a\r\r",
        "line garbage": b"\x80\x81\x82\x83\r\n\r\n", "line tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 40,
        "line only method": b"GET\r\n\r\n", "line answer": b"HTTP/1.1 200 OK\r\n\r\n", "line empty host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
        "line half": b"GET / HT", "line half head": b"GET / HTTP/1.1\r\nHost: a\r\n", "line vertical tab": b"GET\x0b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    }.items():  # fmt: skip
        made.append(_one(name, data, wait=0.6, then="wait" if "half" in name or name == "line only crlf" else "probe"))
    return made


def headers() -> list[Case]:
    """Header fields: names, values, whitespace, folding, sizes, hosts, hop-by-hop names."""
    made = []
    fields: dict[str, bytes] = {
        "plain": b"X-A: b", "no space": b"X-A:b", "many spaces": b"X-A:  \t b c \t ", "empty": b"X-A:", "empty space": b"X-A: ", "space before colon": b"X-A : b",
        "tab before colon": b"X-A\t: b", "no colon": b"X-A", "empty name": b": b", "leading space": b" X-A: b", "leading tab": b"\tX-A: b", "fold": b"X-A: b\r\n c",
        "fold tab": b"X-A: b\r\n\tc", "fold empty": b"X-A:\r\n c", "fold blank": b"X-A: b\r\n \r\nX-B: c", "bare lf": b"X-A: b\nX-B: c", "bare lf end": b"X-A: b\n", "bare cr": b"X-A: b\rX-B: c",
        "cr at end": b"X-A: b\r", "nul value": b"X-A: b\0c", "nul name": b"X\0A: b", "control value": b"X-A: b\x01c", "escape value": b"X-A: \x1b[0m", "del value": b"X-A: b\x7fc", "tab value": b"X-A: b\tc",
        "vertical tab": b"X-A: b\x0bc", "form feed": b"X-A: b\x0cc", "high value": b"X-A: b\xe9\xff", "utf8 value": b"X-A: \xc3\xa9", "high name": b"X-\xe9: b", "quoted": b'X-A: "b\\"c"', "paren name": b"X(A: b",
        "comma name": b"X,A: b", "slash name": b"X/A: b", "at name": b"X@A: b", "space name": b"X A: b", "bracket name": b"[XA]: b", "brace name": b"{XA}: b", "quote name": b'"XA": b', "under name": b"X_A: b",
        "dot name": b"X.A: b", "bang name": b"!#$%&'*+-.^_`|~: b", "digit name": b"123: b", "colon name": b":path: /other", "colon method": b":method: POST", "colon authority": b":authority: other", "colon odd": b":odd: x",
        "upper name": b"X-UPPER: b", "twice": b"X-A: b\r\nX-A: c", "twice case": b"X-A: b\r\nx-a: c", "twice apart": b"X-A: b\r\nX-B: d\r\nx-a: c", "long name": b"X-" + b"a" * 300 + b": b", "very long name": b"X-" + b"a" * 9000 + b": b",
        "long value": b"X-A: " + b"v" * 8000, "cookie": b"Cookie: a=b; c=d", "cookies": b"Cookie: a=b\r\nCookie: c=d", "value colon": b"X-A: b:c", "value equals crlf": b"X-A: \r\nX-B: c",
        "user agent": b"User-Agent: curl/8", "user agents": b"User-Agent: a\r\nUser-Agent: b", "accept": b"Accept: */*\r\nAccept-Encoding: gzip, br", "te": b"TE: trailers", "te gzip": b"TE: gzip, trailers;q=0.5", "te other": b"TE: deflate",
        "referer": b"Referer: http://a.test/x", "referer bad": b"Referer: a b c", "referer twice": b"Referer: http://a/\r\nReferer: http://b/", "referer relative": b"Referer: /x",
        "date": b"Date: Thu, 01 Jan 1970 00:00:00 GMT", "server": b"Server: x", "via": b"Via: 1.1 other", "forwarded": b"Forwarded: for=1.2.3.4", "status": b"Status: 404", "expect": b"Expect: other", "trailer": b"Trailer: x-t",
        "content type": b"Content-Type: text/html", "range": b"Range: bytes=0-1", "etag": b"If-None-Match: x", "upgrade insecure": b"Upgrade-Insecure-Requests: 1", "authorization": b"Authorization: Basic eA==",
    }  # fmt: skip
    for value in (
        "close", "keep-alive", "Close", "Keep-Alive", "CLOSE", "close, keep-alive", "keep-alive, close", "x-hop", "x-hop, close", "te", "TE, close", "upgrade", "Upgrade", "host", "x-case",
        "content-length", "transfer-encoding", "x-forwarded-for", "x-forwarded-proto", ":path", ":authority", "cookie", "", ",", ", ,", "close,", "  close  ", "odd value", "close;x", "x-request-id", "x-envoy-internal", "http2-settings",
        "keep-alive, te, x-hop, close",
    ):  # fmt: skip
        fields[f"connection [{value}]"] = b"Connection: " + value.encode() + b"\r\nX-Hop: 1\r\nTE: trailers\r\nCookie: a"
    for name in "Keep-Alive Proxy-Connection Upgrade Proxy-Authenticate Proxy-Authorization Trailer HTTP2-Settings".split():
        fields[f"hop {name}"] = name.encode() + b": something"
    for name, data in fields.items():
        made.append(_one(f"field {name}", _GET + data + b"\r\n\r\n"))
        if not name.startswith(("connection", "hop")):
            made.append(_one(f"field {name}, first", b"GET / HTTP/1.1\r\n" + data + b"\r\nHost: www.test\r\nx-case: %CASEID%\r\n\r\n"))
    made.append(_one("fields close twice", _GET + b"Connection: close\r\nConnection: keep-alive\r\n\r\n"))
    made += _hosts() + _sizes()
    return made


def _hosts() -> list[Case]:
    hosts = (
        "www.test", "WWW.Test", "www.test:80", "www.test:8080", "www.test:", "www.test:0", "www.test:99999", "www.test:abc", "www.test.", "198.51.100.1", "198.51.100.1:10000", "[2001:db8::1]", "[2001:db8::1]:80", "[::1", "::1", "a b", "a,b",
        "a/b", "a?b", "a#b", "a@b", "u:p@www.test", "www.test/", "a_b", "a%41", "a\\b", "a<b", "a\xe9", "xn--e1afmkfd.test", "*", "-", "a" * 255, "a" * 2000, "http://www.test", "localhost", "a;b", 'a"b', "a|b", "a^b", "a\tb", "a\x01b", "", " ", "%00", "a%00b", "a=b", "a&b", "(a)", "a'b", "a!b", "a$b", "a*b", "a+b", "a~b", "{a}", "a`b",
    )  # fmt: skip
    made = [_one(f"host [{host[:20]}] {len(host)}", request("/h", host=host)) for host in hosts]
    made += [
        _one("host none", request("/h", host=None)), _one("host none 1.0", request("/h", host=None, version="HTTP/1.0")), _one("host twice same", request("/h", "Host: www.test")),
        _one("host twice other", request("/h", "Host: other.test")), _one("host twice late", request("/h", "X-A: b", "host: other.test")), _one("host late", request("/h", "X-A: b", "host: www.test", host=None)),
    ]  # fmt: skip
    return made


def _sizes() -> list[Case]:
    made = []
    for count in (90, 95, 96, 97, 98, 99, 100, 101, 105, 200, 1000):
        made.append(_one(f"fields {count}", _GET + b"".join(b"x-h%d: v\r\n" % n for n in range(count)) + b"\r\n"))
    for size in (1000, 16000, 30_000, 55_000, 59_000, 60_000, 61_000, 61_400, 61_500, 62_000, 70_000, 100_000):
        made.append(_one(f"field of {size}", _GET + b"x-a: " + b"v" * size + b"\r\n\r\n"))
        made.append(_one(f"fields of together {size}", _GET + b"".join(b"x-%02d: %s\r\n" % (n, b"v" * (size // 50)) for n in range(50)) + b"\r\n"))
    for size in (16_000, 60_000, 65_000, 100_000):
        made.append(_one(f"target of {size}", request("/" + "t" * size)))
    return made


def bodies() -> list[Case]:
    """Framing: lengths, codings, both, chunk syntax, trailers, incomplete messages, pipelining, expectations."""
    made = []
    lengths = ("0", "3", "03", "+3", "-3", "3.0", "0x3", "3 ", "3,3", "3, 3", "3,4", "abc", "", "3abc", "3;a", " 3", "1e1", "18446744073709551615", "18446744073709551616", "9223372036854775807", "9999999999999999999999", "٣")
    for value in lengths:
        made.append(_one(f"length [{value}]", _POST + b"Content-Length: " + value.encode() + b"\r\n\r\nabc", wait=1.0))
        made.append(_one(f"length [{value}] get", _GET + b"Content-Length: " + value.encode() + b"\r\n\r\nabc", wait=1.0))
    for one, two in (("3", "3"), ("3", "4"), ("4", "3"), ("3", ""), ("3", "abc"), ("0", "3"), ("3", "03")):
        made.append(_one(f"lengths {one} and {two}", _POST + f"Content-Length: {one}\r\nContent-Length: {two}\r\n\r\nabc".encode(), wait=1.0))
    codings = ("chunked", "Chunked", "CHUNKED", " chunked", "chunked ", "\tchunked", "xchunked", "chunkedx", "chunked,", ",chunked", "chunked;a=b", "gzip", "gzip, chunked", "chunked, gzip", "identity", "identity, chunked", "chunked, identity", "chunked, chunked", "", "trailers", "\"chunked\"", "chunked\0", "\x0bchunked", "ch\0unked", "compress", "deflate")  # fmt: skip
    for value in codings:
        head = _POST + b"Transfer-Encoding:" + (b"" if value[:1] in " \t" else b" ") + value.encode() + b"\r\n"
        made.append(_one(f"coding [{value!r}]", head + b"\r\n" + chunks(b"abc"), wait=1.0))
        made.append(_one(f"coding [{value!r}] and length", head + b"Content-Length: 3\r\n\r\n" + chunks(b"abc"), wait=1.0))
        made.append(_one(f"length and coding [{value!r}]", _POST + b"Content-Length: 13\r\n" + head[len(_POST) :] + b"\r\n" + chunks(b"abc"), wait=1.0))
    for name, field in {
        "space": b"Transfer-Encoding : chunked", "under": b"Transfer_Encoding: chunked", "fold": b"Transfer-Encoding:\r\n chunked", "twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "twice other": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "twice first": b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "lf": b"Transfer-Encoding: chunked\nX-A: b", "prefix": b"X: a\nTransfer-Encoding: chunked", "nul": b"Transfer-Encoding\0: chunked", "lower": b"transfer-encoding: chunked", "connection": b"Transfer-Encoding: chunked\r\nConnection: transfer-encoding",
        "with 1.0": b"Transfer-Encoding: chunked",
    }.items():  # fmt: skip
        for length in (b"", b"Content-Length: 3\r\n"):
            head = _POST.replace(b"1.1", b"1.0", 1) if "1.0" in name else _POST
            made.append(_one(f"coding {name}{' and length' if length else ''}", head + field + b"\r\n" + length + b"\r\n" + chunks(b"abc"), wait=1.0))
    syntax = {
        "plain": b"3\r\nabc\r\n0\r\n\r\n", "upper": b"A\r\n0123456789\r\n0\r\n\r\n", "zeros": b"0003\r\nabc\r\n000\r\n\r\n", "many zeros": b"0" * 40 + b"3\r\nabc\r\n0\r\n\r\n", "extension": b"3;a=b\r\nabc\r\n0\r\n\r\n", "extension quoted": b'3;a="b;c"\r\nabc\r\n0\r\n\r\n',
        "extension space": b"3 ;a\r\nabc\r\n0\r\n\r\n", "extension empty": b"3;\r\nabc\r\n0\r\n\r\n", "extension last": b"3\r\nabc\r\n0;x=y\r\n\r\n", "extension long": b"3;" + b"a" * 20000 + b"\r\nabc\r\n0\r\n\r\n", "extension lf": b"3;a\nb\r\nabc\r\n0\r\n\r\n", "extension cr": b"3;a\rb\r\nabc\r\n0\r\n\r\n", "extension nul": b"3;a\0\r\nabc\r\n0\r\n\r\n",
        "space after": b"3 \r\nabc\r\n0\r\n\r\n", "space before": b" 3\r\nabc\r\n0\r\n\r\n", "tab after": b"3\t\r\nabc\r\n0\r\n\r\n", "hex prefix": b"0x3\r\nabc\r\n0\r\n\r\n", "plus": b"+3\r\nabc\r\n0\r\n\r\n", "minus": b"-3\r\nabc\r\n0\r\n\r\n", "not hex": b"g\r\nabc\r\n0\r\n\r\n", "empty size": b"\r\nabc\r\n0\r\n\r\n",
        "overflow": b"10000000000000003\r\nabc\r\n0\r\n\r\n", "huge": b"7fffffffffffffff\r\nabc\r\n", "ffff": b"ffffffffffffffff\r\nabc\r\n", "lf size": b"3\nabc\r\n0\r\n\r\n", "lf data": b"3\r\nabc\n0\r\n\r\n", "lf last": b"3\r\nabc\r\n0\n\r\n", "lf end": b"3\r\nabc\r\n0\r\n\n", "cr size": b"3\rabc\r\n0\r\n\r\n", "too short": b"5\r\nabc\r\n0\r\n\r\n", "too long": b"2\r\nabc\r\n0\r\n\r\n", "no crlf": b"3\r\nabc0\r\n\r\n",
        "two crlf": b"3\r\nabc\r\n\r\n0\r\n\r\n", "no end": b"3\r\nabc\r\n", "no last crlf": b"3\r\nabc\r\n0\r\n", "empty": b"0\r\n\r\n", "many": b"1\r\na\r\n" * 500 + b"0\r\n\r\n", "large": b"4e20\r\n" + b"x" * 20000 + b"\r\n0\r\n\r\n", "comma": b"3,3\r\nabc\r\n0\r\n\r\n", "dot": b"3.0\r\nabc\r\n0\r\n\r\n",
        "trailer": b"3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n", "trailers": b"3\r\nabc\r\n0\r\nx-t: 1\r\nX-U: 2\r\n\r\n", "trailer length": b"3\r\nabc\r\n0\r\ncontent-length: 5\r\n\r\n", "trailer coding": b"3\r\nabc\r\n0\r\ntransfer-encoding: chunked\r\n\r\n", "trailer host": b"3\r\nabc\r\n0\r\nhost: other\r\n\r\n", "trailer bad": b"3\r\nabc\r\n0\r\nx t: 1\r\n\r\n",
        "trailer no colon": b"3\r\nabc\r\n0\r\nxt\r\n\r\n", "trailer nul": b"3\r\nabc\r\n0\r\nx-t: \0\r\n\r\n", "trailer fold": b"3\r\nabc\r\n0\r\nx-t: 1\r\n 2\r\n\r\n", "trailer space": b"3\r\nabc\r\n0\r\nx-t : 1\r\n\r\n", "trailer pseudo": b"3\r\nabc\r\n0\r\n:path: /x\r\n\r\n", "trailer many": b"3\r\nabc\r\n0\r\n" + b"".join(b"x-%d: v\r\n" % n for n in range(150)) + b"\r\n",
        "trailer large": b"3\r\nabc\r\n0\r\nx-t: " + b"v" * 70000 + b"\r\n\r\n", "trailer lf": b"3\r\nabc\r\n0\r\nx-t: 1\n\r\n",
    }  # fmt: skip
    for name, data in syntax.items():
        head = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
        incomplete = name in ("huge", "ffff", "no end", "no last crlf", "too short")
        made.append(_one(f"chunk {name}", head + data, wait=1.0, then="wait" if incomplete else "probe"))
        if len(data) < 400:
            made.append(_one(f"chunk {name}, split", head, *(data[i : i + 1] for i in range(len(data))), wait=1.0, then="wait" if incomplete else "probe"))
    return made + _incomplete() + _pipelines() + _expectations()


def _incomplete() -> list[Case]:
    head = _POST + b"Content-Length: 10\r\n\r\n"
    chunked = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
    made = [
        _one("cut head, FIN", _GET, HALF), _one("cut line, FIN", b"GET / HT", HALF), _one("nothing, FIN", HALF), _one("cut body, FIN", head + b"abc", HALF), _one("cut chunk, FIN", chunked + b"5\r\nab", HALF),
        _one("cut size, FIN", chunked + b"5", HALF), _one("cut trailers, FIN", chunked + b"0\r\nx-t: 1\r\n", HALF), _one("whole, FIN", request("/"), HALF, then="wait"), _one("whole post, FIN", head + b"0123456789", HALF, then="wait"),
        _one("whole slow, FIN", request("/", "x-up: wait=0.3"), HALF, then="wait"), _one("whole large, FIN", request("/", "x-up: size=300000"), HALF, then="wait"),
        _one("cut body", head + b"abc", wait=0.5), _one("cut body, early answer", request("/", "x-up: early", "Content-Length: 10", method="POST", body=b"abc"), then="wait"),
        _one("late body, early answer", request("/", "x-up: early", "Content-Length: 10", method="POST", body=b"abc"), Await(), b"defghij", then="wait"),
        _one("chunked, early answer", request("/", "x-up: early", CHUNKED, method="POST", body=b"3\r\nabc\r\n"), Await(), b"0\r\n\r\n", then="wait"),
        _one("early answer, end", request("/", "x-up: early;end", "Content-Length: 10", method="POST", body=b"abc"), then="wait"),
    ]  # fmt: skip
    for step in (1, 3, 7, 50):
        data = request("/split", "X-A: some value", CHUNKED, method="POST", body=chunks(b"abc", b"defg", trailers="x-t: 1\r\n"))
        whole = data.replace(b"%CASEID%", b"")
        case_at = data.index(b"%CASEID%")
        parts = [data[:case_at], b"%CASEID%", *(data[case_at + 8 + i : case_at + 8 + i + step] for i in range(0, len(data) - case_at - 8, step))]
        made.append(_one(f"split every {step}", *(data[i : i + 1] for i in range(case_at)) if step == 1 else (data[:case_at],), *parts[1:]))
        assert whole
    for at in (1, 4, 14, 16, 17, 24):
        data = request("/cut")
        made.append(_one(f"paused after {at}", data[:at], 0.05, data[at:]))
    return made


def _pipelines() -> list[Case]:
    one, post = request("/one"), request("/two", "Content-Length: 3", method="POST", body=b"abc")
    return [
        _one("pipeline 2", one * 2, answers=2), _one("pipeline 5", one * 5, answers=5), _one("pipeline 20", one * 20, answers=20), _one("pipeline mixed", one + post + one, answers=3),
        _one("pipeline head", request("/h", method="HEAD") + one, answers=2, methods=("HEAD", "GET")), _one("pipeline then bad", one + b"BAD\r\n\r\n", answers=2), _one("pipeline bad first", b"BAD\r\n\r\n" + one, answers=2, wait=0.6),
        _one("pipeline close first", request("/c", "Connection: close") + one, answers=1), _one("pipeline close last", one + request("/c", "Connection: close"), answers=2), _one("pipeline slow first", request("/s", "x-up: wait=0.2") + one, answers=2),
        _one("pipeline smuggled", request("/s", "Content-Length: 40", method="POST", body=b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n12345") + one, answers=2), _one("pipeline crlf between", one + b"\r\n" + one, answers=2),
        _one("pipeline crlfs between", one + b"\r\n\r\n" + one, answers=2), _one("pipeline direct", one + request("/direct") + one, answers=3), _one("pipeline chunked", request("/c", CHUNKED, method="POST", body=chunks(b"abc")) + one, answers=2),
        _one("pipeline 204", request("/n", "x-up: status=204") + one, answers=2), _one("pipeline 304", request("/n", "x-up: status=304") + one, answers=2), _one("pipeline FIN", one * 3, HALF, answers=3, then="wait"),
        _one("sequence 3", one, Await(1), one, Await(2), one, answers=3), _one("sequence post", post, Await(1), post, Await(2), one, answers=3),
        _one("pipeline large", request("/l", "x-up: size=200000") * 3, answers=3), _one("pipeline error between", one + request("/e", "x-up: status=500") + one, answers=3),
    ]  # fmt: skip


def _expectations() -> list[Case]:
    made = []
    for value in ("100-continue", "100-Continue", "100-CONTINUE", "100-continue, x", "other", ""):
        head = request("/e", f"Expect: {value}", "Content-Length: 3", method="POST")
        made.append(_one(f"expect [{value}]", head, Await(1, interim=True), b"abc"))
        made.append(_one(f"expect [{value}] at once", head + b"abc"))
        made.append(_one(f"expect [{value}] 1.0", head.replace(b"HTTP/1.1", b"HTTP/1.0"), Await(1, interim=True), b"abc"))
        made.append(_one(f"expect [{value}] no body", request("/e", f"Expect: {value}")))
    head = request("/e", "Expect: 100-continue", "x-up: early;status=417", "Content-Length: 3", method="POST")
    made.append(_one("expect refused", head, then="wait"))
    made.append(_one("expect refused, body comes", head, Await(), b"abc", then="wait"))
    made.append(_one("expect chunked", request("/e", "Expect: 100-continue", CHUNKED, method="POST"), Await(1, interim=True), chunks(b"abc")))
    made.append(_one("expect twice 100", request("/e", "Expect: 100-continue", "x-up: interim=100", "Content-Length: 3", method="POST"), Await(1, interim=True), b"abc"))
    return made


def everything() -> list[Case]:
    return lines() + headers() + bodies()
