# SPDX-License-Identifier: Apache-2.0
"""Options of the HTTP connection manager: whom it trusts, names it writes, paths, versions, limits, codecs."""

from ..case import Await, Case
from ..configurations import direct, hcm, redirect, route, vhost
from ..http1 import chunks, request
from ..suite import Configuration
from . import requests1, requests2
from .tools import ask, unique, variants


def _plain(**fields) -> dict:
    return hcm(vhost(direct("/direct", 200, "direct"), redirect("/redirect", path_redirect="/x"), route("/empty", "empty"), route("/up2", "up2"), route("/")), **fields)


# -- trust ------------------------------------------------------------------------------------------------------------

_INTERNAL = {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}, {"address_prefix": "198.51.100.0", "prefix_len": 24}]}
_TRUST = {
    "default": {}, "remote": {"use_remote_address": True}, "remote, 1 hop": {"use_remote_address": True, "xff_num_trusted_hops": 1}, "remote, 2 hops": {"use_remote_address": True, "xff_num_trusted_hops": 2}, "1 hop": {"xff_num_trusted_hops": 1}, "remote, not appended": {"use_remote_address": True, "skip_xff_append": True}, "internal ranges": {"internal_address_config": _INTERNAL},
    "remote, internal ranges": {"use_remote_address": True, "internal_address_config": _INTERNAL}, "preserved id": {"use_remote_address": True, "preserve_external_request_id": True}, "no id": {"generate_request_id": False}, "id in answer": {"always_set_request_id_in_response": True}, "scheme": {"scheme_header_transformation": {"scheme_to_overwrite": "https"}}, "append proto": {"use_remote_address": True, "append_x_forwarded_port": True},
    "no legacy original destination": {"use_remote_address": True, "represent_ipv4_remote_address_as_ipv4_mapped_ipv6": True}, "proxy status": {"proxy_status_config": {}}, "add user agent": {"add_user_agent": True},
}  # fmt: skip
_FORWARDED = (
    "10.0.0.1", "1.2.3.4", "127.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "198.51.100.7", "1.2.3.4, 10.0.0.1", "10.0.0.1, 1.2.3.4", "10.0.0.1,10.0.0.2", "1.2.3.4,5.6.7.8,10.0.0.1", "garbage", "", "1.2.3.4:80", "2001:db8::1", "[2001:db8::1]", "::1", "fd00::1", "unknown", "1.2.3.4,", ",1.2.3.4", " 1.2.3.4 ", "10.0.0.1, garbage",
)  # fmt: skip
_ENVOY_HEADERS = (
    "x-envoy-retry-on: 5xx", "x-envoy-max-retries: 2", "x-envoy-upstream-rq-timeout-ms: 5000", "x-envoy-upstream-rq-per-try-timeout-ms: 4000", "x-envoy-internal: true", "x-envoy-external-address: 9.9.9.9", "x-envoy-force-trace: true", "x-envoy-decorator-operation: op", "x-envoy-downstream-service-cluster: c", "x-envoy-downstream-service-node: n",
    "x-envoy-original-path: /o", "x-envoy-original-url: /o", "x-envoy-ip-tags: t", "x-envoy-expected-rq-timeout-ms: 7", "x-envoy-attempt-count: 7", "x-envoy-retriable-status-codes: 400", "x-envoy-retriable-header-names: x", "x-envoy-retry-grpc-on: cancelled", "x-envoy-hedge-on-per-try-timeout: true", "x-envoy-upstream-alt-stat-name: s",
    "x-envoy-upstream-rq-timeout-alt-response: 1", "x-envoy-original-dst-host: 1.2.3.4:80", "x-envoy-peer-metadata: m", "x-envoy-unknown: u", "x-envoy-upstream-service-time: 5", "x-envoy-original-host: h", "x-envoy-is-timeout-retry: true", "x-envoy-upstream-stream-duration-ms: 100", "x-envoy-downstream-x: 1",
)  # fmt: skip


def _trust() -> Configuration:
    cases = ask("bare", "/a") + ask("bare inside", "/a", source="inside")
    for value in _FORWARDED:
        cases += ask(f"xff [{value}]", "/a", f"x-forwarded-for: {value}", "x-request-id: given", "x-envoy-max-retries: 1", protocols="h1")
        cases += ask(f"xff [{value}] inside", "/a", f"x-forwarded-for: {value}", "x-request-id: given", "x-envoy-max-retries: 1", source="inside", protocols="h1")
    cases += ask("xff twice", "/a", "x-forwarded-for: 10.0.0.1", "x-forwarded-for: 1.2.3.4")
    for value in ("http", "https", "HTTPS", "ftp", "", "garbage value", "https,http"):
        cases += ask(f"proto [{value}]", "/a", f"x-forwarded-proto: {value}", protocols="h1")
    cases += ask("proto twice", "/a", "x-forwarded-proto: http", "x-forwarded-proto: https")
    for value in ("mine", "7c4f9d4a-2a7c-4d0e-9a54-0a1f0f0d5a6b", "", "a" * 300):
        cases += ask(f"request id [{value[:9]}]", "/a", f"x-request-id: {value}", "x-client-trace-id: t")
    cases += ask("all", "/a", *_ENVOY_HEADERS) + ask("all inside", "/a", *_ENVOY_HEADERS, source="inside") + ask("all, internal", "/a", "x-forwarded-for: 10.0.0.1", *_ENVOY_HEADERS)
    cases += ask("forwarded", "/a", "Forwarded: for=1.2.3.4;proto=https", "x-forwarded-host: h", "x-forwarded-port: 7", "x-forwarded-client-cert: By=x", "x-forwarded-prefix: /p")
    cases += ask("failing", "/empty", "x-forwarded-for: 1.2.3.4") + ask("direct", "/direct")
    bootstrap, made = variants({label: _plain(**fields) for label, fields in _TRUST.items()}, list(unique(cases)))
    return Configuration("trust", bootstrap, made)


def _envoy_headers() -> Configuration:
    cases = []
    for header in _ENVOY_HEADERS:
        cases += ask(header, "/a", header, protocols="h1") + ask(f"{header}, internal", "/a", header, "x-forwarded-for: 10.0.0.1", protocols="h1")
    chosen = {label: _TRUST[label] for label in ("default", "remote", "internal ranges", "remote, internal ranges")}
    bootstrap, made = variants({label: _plain(**fields) for label, fields in chosen.items()}, cases)
    return Configuration("envoy_headers", bootstrap, made)


# -- names ------------------------------------------------------------------------------------------------------------

_NAMES = {
    "server name": {"server_name": "weir"}, "append if absent": {"server_header_transformation": "APPEND_IF_ABSENT"}, "pass through": {"server_header_transformation": "PASS_THROUGH"}, "name, pass through": {"server_name": "weir", "server_header_transformation": "PASS_THROUGH"}, "via": {"via": "1.1 weir"}, "user agent": {"add_user_agent": True},
    "interim": {"proxy_100_continue": True}, "h1 only": {"codec_type": "HTTP1"}, "h2 only": {"codec_type": "HTTP2"}, "errors keep": {"stream_error_on_invalid_http_message": True}, "h1 errors keep": {"http_protocol_options": {"override_stream_error_on_invalid_http_message": True}}, "h2 errors keep": {"http2_protocol_options": {"override_stream_error_on_invalid_http_message": True}},
    "no absolute": {"http_protocol_options": {"allow_absolute_url": False}}, "trailers": {"http_protocol_options": {"enable_trailers": True}}, "chunked length": {"http_protocol_options": {"allow_chunked_length": True}}, "words": {"http_protocol_options": {"header_key_format": {"proper_case_words": {}}}}, "underscores rejected": {"common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"}},
    "underscores dropped": {"common_http_protocol_options": {"headers_with_underscores_action": "DROP_HEADER"}}, "once": {"common_http_protocol_options": {"max_requests_per_connection": 1}}, "twice": {"common_http_protocol_options": {"max_requests_per_connection": 2}}, "no stream idle": {"stream_idle_timeout": "0s"}, "custom methods": {"http_protocol_options": {"allow_custom_methods": True}},
    "first line leniency": {"http_protocol_options": {"send_fully_qualified_url": True}},
}  # fmt: skip


def _names() -> Configuration:
    bad = b"GET / HTTP/1.1\r\nHost: www.test\r\nx-case: %CASEID%\r\n"
    cases = ask("plain") + ask("upstream's names", "/", "x-up: raw=own-names") + ask("server and via", "/", "x-up: header=server:theirs;header=via:1.1 theirs", "via: 1.1 mine", "user-agent: mine") + ask("direct", "/direct") + ask("redirect", "/redirect") + ask("failing", "/empty") + ask("head", "/", method="HEAD")
    cases += ask("underscore", "/", "x_under: 1", "x-other: 2") + ask("words", "/", "x-some-name: 1", "WWW-thing: 2", "x-up: header=x-some-name:1;header=ETag:x;header=www-authenticate:x;chunked") + ask("to http2", "/up2", "X-Some-Name: 1", "x-up: trailers") + ask("interim", "/", "x-up: interim=100;interim=103") + ask("trailers", "/", "x-up: trailers", "te: trailers")
    cases += ask("post", method="POST", body=b"abc") + ask("custom method", method="BREW") + ask("old", "http://other.test/a", protocols="h1")
    cases += [
        Case("bad line", (b"BAD\r\n\r\n",)), Case("no host", (request("/", host=None),)), Case("1.0", (request("/", version="HTTP/1.0"),)), Case("bad field", (bad + b"x a: b\r\n\r\n",)), Case("both lengths", (request("/", "Transfer-Encoding: chunked", "Content-Length: 3", method="POST", body=chunks(b"abc")),)), Case("unknown coding", (request("/", "Transfer-Encoding: gzip", method="POST"),)),
        Case("request trailers", (request("/", "Transfer-Encoding: chunked", method="POST", body=chunks(b"abc", trailers="x-t: 1\r\nX-Up-Per: 2\r\n")),)), Case("request trailers to http2", (request("/up2", "Transfer-Encoding: chunked", method="POST", body=chunks(b"abc", trailers="x-t: 1\r\n")),)), Case("three", (request("/1"), Await(1), request("/2"), Await(2), request("/3")), answers=3, wait=0.6), Case("pipelined three", (request("/1") * 3,), answers=3, wait=0.6),
        Case("expect", (request("/", "Expect: 100-continue", "Content-Length: 3", method="POST"), Await(1, interim=True), b"abc")), Case("expect, upstream continues", (request("/", "Expect: 100-continue", "x-up: interim=100", "Content-Length: 3", method="POST"), Await(1, interim=True), b"abc")), Case("nul", (bad + b"x: \0\r\n\r\n",)), Case("too many", (bad + b"".join(b"x%d: v\r\n" % n for n in range(110)) + b"\r\n",)), Case("bad chunk", (request("/", "Transfer-Encoding: chunked", method="POST", body=b"zz\r\n"),)),
        Case("connection names", (request("/", "Connection: keep-alive, x-hop", "x-hop: 1", "Keep-Alive: 5"),)), Case("duplicate names", (request("/", "X-A: 1", "x-a: 2", "X-a: 3"),)),
    ]  # fmt: skip
    chosen = ("field upper", "field connection", "pseudo no path", "pseudo none", "field nul value", "length [2]", "length [abc]", "fields 100", "field under", "trailers", "trailers pseudo", "streams in sequence", "target ['path'] 4", "authority [] 0", "expect", "interim 103", "goaway", "ten streams")
    by_name = {case.name.removeprefix("h2 "): case for case in requests2.everything()}
    cases += [by_name[name] for name in chosen]
    bootstrap, made = variants({label: _plain(**fields) for label, fields in _NAMES.items()}, list(unique(cases)))
    return Configuration("manager_options", bootstrap, made)


# -- paths ------------------------------------------------------------------------------------------------------------

_PATHS = {
    "normalized": {"normalize_path": True}, "merged": {"merge_slashes": True}, "both": {"normalize_path": True, "merge_slashes": True}, "slashes rejected": {"path_with_escaped_slashes_action": "REJECT_REQUEST"}, "slashes redirected": {"path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT"}, "slashes forwarded": {"path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD"},
    "slashes kept": {"path_with_escaped_slashes_action": "KEEP_UNCHANGED", "normalize_path": True}, "all": {"normalize_path": True, "merge_slashes": True, "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD"}, "off": {"normalize_path": False},
}  # fmt: skip
_TARGETS = """/ // /// /a //a /a// /a//b /a///b?c//d /./a /a/. /a/./ /a/.. /a/../ /a/../b /../a /a/../../b /../../ /.. /. /a/.../b /a/..b /a/b.. /%2e/a /a/%2e%2e/b /%2E%2E/a /a/.%2e/b /a/%2e./b /a%2Fb /a%2fb /a%2F%2Fb /a%5Cb /a%5cb /a\\b /\\a /a\\..\\b /a/..%2Fb /a%2F..%2Fb /%2F /%2f%2e%2e%2fa
    /%61 /%41%42 /a%20b /a%7Eb /a%7eb /a%2Db /a%2db /a%5Fb /a%2e /a%2Eb /a%C3%A9 /a%c3%a9 /a%zz /a% /a%2 /a%%20 /a%00 /a%0a /a%0D%0A /a%1f /a%7F /a%3F /a%3f?b /a%23 /a%25 /a%252F /a%252e%252e/b /a?b/../c /a?%2F /a?//b /a/../b?c=/../d /a#b /a?b#c /a/%2e%2e%2fb /a;b/../c /a/..;/b
    /a:b /a|b /a"b /a<b> /a`b /a{b} /a^b /a[b] /A/../B /a/./../b/./c/ /a/b/../../../c /direct/../a /x/../direct /%64irect /direct%2F /redirect/../direct""".split()


def _paths() -> Configuration:
    cases = []
    for target in _TARGETS:
        cases += ask(f"{target}", target, protocols="h1")
    for target in _TARGETS[::6]:
        cases += ask(f"{target}", target, protocols="h2")
    cases += ask("absolute", "http://other.test/a/../b", protocols="h1") + ask("options", "*", method="OPTIONS") + ask("high", "/\xe9/../b")
    bootstrap, made = variants({label: _plain(**fields) for label, fields in _PATHS.items()}, cases)
    return Configuration("paths", bootstrap, made)


# -- versions, limits ---------------------------------------------------------------------------------------------------

_OLD = {
    "accepted": {"http_protocol_options": {"accept_http_10": True}}, "default host": {"http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "old.test"}},
}  # fmt: skip


def _old() -> Configuration:
    cases = [case for case in requests1.lines() if case.name.startswith(("version", "line"))]
    for target in ("/", "/direct", "/redirect", "/empty", "/up2"):
        for connection in ((), ("Connection: keep-alive",), ("Connection: close",), ("Connection: Keep-Alive, x",), ("Proxy-Connection: keep-alive",)):
            for up in ("", "x-up: chunked", "x-up: status=204", "x-up: status=304", "x-up: size=100000", "x-up: trailers", "x-up: interim=100"):
                for method in ("GET", "HEAD") if up in ("", "x-up: chunked") else ("GET",):
                    headers = [*connection, *([up] if up else [])]
                    if up and target not in ("/", "/up2"):
                        continue
                    cases.append(Case(f"1.0 {method} {target} {headers}", (request(target, *headers, method=method, version="HTTP/1.0"),), methods=(method,)))
    cases += [
        Case("1.0 post", (request("/", "Content-Length: 3", method="POST", version="HTTP/1.0", body=b"abc"),)), Case("1.0 post no length", (request("/", method="POST", version="HTTP/1.0", body=b"abc"),), wait=0.6), Case("1.0 chunked", (request("/", "Transfer-Encoding: chunked", method="POST", version="HTTP/1.0", body=chunks(b"abc")),), wait=0.6),
        Case("1.0 absolute", (request("http://other.test/a", version="HTTP/1.0", host=None),)), Case("1.0 pipelined", (request("/", "Connection: keep-alive", version="HTTP/1.0") * 2,), answers=2, wait=0.6), Case("1.0 expect", (request("/", "Expect: 100-continue", "Content-Length: 3", method="POST", version="HTTP/1.0", body=b"abc"),)), Case("1.0 upgrade", (request("/", "Connection: upgrade", "Upgrade: websocket", version="HTTP/1.0"),)), Case("1.0 then 1.1", (request("/", "Connection: keep-alive", version="HTTP/1.0"), Await(1), request("/")), answers=2),
    ]  # fmt: skip
    bootstrap, made = variants({label: _plain(**fields) for label, fields in _OLD.items()}, list(unique(cases)))
    return Configuration("http_10", bootstrap, made)


_LIMITS = {
    "1 KiB": {"max_request_headers_kb": 1}, "96 KiB": {"max_request_headers_kb": 96}, "10 headers": {"common_http_protocol_options": {"max_headers_count": 10}}, "1000 headers": {"common_http_protocol_options": {"max_headers_count": 1000}}, "streams": {"http2_protocol_options": {"max_concurrent_streams": 2}}, "windows": {"http2_protocol_options": {"initial_stream_window_size": 65535, "initial_connection_window_size": 65535}},
}  # fmt: skip


def _limits() -> Configuration:
    get = b"GET / HTTP/1.1\r\nHost: www.test\r\nx-case: %CASEID%\r\n"
    cases = []
    for count in (0, 5, 6, 7, 8, 9, 10, 50, 98, 500, 990, 998, 999, 1000):
        cases += ask(f"{count} fields", "/", *(f"x-{n}: v" for n in range(count)))
    for size in (100, 500, 900, 950, 1000, 1024, 1100, 2000, 50000, 90000, 97000, 98200, 98400, 120000):
        cases += ask(f"field of {size}", "/", f"x-a: {'v' * size}")
        cases += ask(f"target of {size}", "/" + "a" * size, protocols="h1")
        cases.append(Case(f"unfinished field of {size}", (get + b"x-a: " + b"v" * size,), then="wait", answers=0))
    by_name = {case.name.removeprefix("h2 "): case for case in requests2.everything()}
    cases += [by_name[name] for name in ("two streams", "ten streams", "data large", "large answer", "trailers many", "settings streams 0")]
    cases.append(Case("large trailers", (request("/", "Transfer-Encoding: chunked", method="POST", body=chunks(b"abc", trailers="x-t: " + "v" * 5000 + "\r\n")),)))
    cases.append(Case("many trailers", (request("/", "Transfer-Encoding: chunked", method="POST", body=chunks(b"abc", trailers="".join(f"x-{n}: v\r\n" for n in range(60)))),)))
    bootstrap, made = variants({label: _plain(**fields) for label, fields in _LIMITS.items()}, cases)
    return Configuration("limits", bootstrap, made)


def configurations() -> list[Configuration]:
    return [_trust(), _envoy_headers(), _names(), _paths(), _old(), _limits()]
