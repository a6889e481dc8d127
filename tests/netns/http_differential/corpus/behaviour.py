# SPDX-License-Identifier: Apache-2.0
"""What takes time or another attempt: timeouts, retries, pools; upgrades and CONNECT."""

from .. import http2
from ..case import HALF, RESET, Await, Case
from ..configurations import bootstrap, cluster, direct, hcm, listener, redirect, route, simple, vhost
from ..http1 import chunks, request
from ..suite import Configuration
from .tools import START, ask, unique, variants

# -- timeouts ---------------------------------------------------------------------------------------------------------


def _per_try(**fields) -> dict:
    return {"retry_on": "5xx", "num_retries": 1, "retry_back_off": {"base_interval": "0.01s"}, **fields}


def _timeouts() -> Configuration:
    # No two limits of a request end together: which is met first would be chance.
    routes = [
        route("/300", timeout="0.3s"), route("/off", timeout="0s"), route("/try", timeout="2s", retry_policy=_per_try(per_try_timeout="0.2s")), route("/tries", timeout="0.3s", retry_policy=_per_try(per_try_timeout="0.2s", num_retries=5)), route("/long-try", timeout="0.3s", retry_policy=_per_try(per_try_timeout="1s")),
        route("/idle", idle_timeout="0.2s"), route("/idle-try", retry_policy=_per_try(per_try_idle_timeout="0.2s")), route("/duration", max_stream_duration={"max_stream_duration": "0.4s"}), route("/grpc", max_stream_duration={"grpc_timeout_header_max": "1s"}), route("/max-grpc", max_grpc_timeout="1s"),
        route("/both", timeout="0.2s", max_stream_duration={"max_stream_duration": "0.4s"}), route("/longer", max_stream_duration={"max_stream_duration": "0.9s"}), route("/endless", max_stream_duration={"max_stream_duration": "0s"}), route("/capped", timeout="0.2s", max_stream_duration={"grpc_timeout_header_max": "1s"}),
        route("/nowhere", "nowhere"), route("/h2/300", "up2", timeout="0.3s"), route("/h2/idle", "up2", idle_timeout="0.2s"), route("/h2/", "up2"), direct("/direct", 200, "direct"), route("/"),
    ]  # fmt: skip
    managers = {
        "routes": hcm(vhost(*routes)), "stream idle": hcm(vhost(*routes), stream_idle_timeout="0.35s"), "request": hcm(vhost(*routes), request_timeout="0.35s"), "request headers": hcm(vhost(*routes), request_headers_timeout="0.3s"),
        "duration": hcm(vhost(*routes), common_http_protocol_options={"max_stream_duration": "0.6s"}), "connection": hcm(vhost(*routes), common_http_protocol_options={"max_connection_duration": "0.45s"}, drain_timeout="0.45s"), "connection idle": hcm(vhost(*routes), common_http_protocol_options={"idle_timeout": "0.2s"}),
    }  # fmt: skip
    cases = []
    for target in ("/300", "/off", "/try", "/tries", "/long-try", "/idle", "/idle-try", "/duration", "/h2/300", "/h2/idle", "/h2/x", "/plain", "/both", "/longer", "/endless", "/capped"):
        for up in ("wait=0.8", "slow=0.8", "slow=0.8;chunked", "wait=0.1"):
            cases += ask(f"{target} {up}", target, f"x-up: {up}", then="wait")
        cases.append(Case(f"{target} body late", (request(target, "Content-Length: 6", method="POST", body=b"abc"), 0.7, b"def"), then="wait"))
    for value in ("100", "100ms", "0", "", "abc", "-1"):
        cases += ask(f"header timeout {value}", "/plain", f"x-envoy-upstream-rq-timeout-ms: {value}", "x-forwarded-for: 10.0.0.1", "x-up: wait=0.4")
    for value in ("100m", "1S", "0m", "abc", "100000u", "99999999H", "100"):
        for target in ("/grpc", "/max-grpc", "/plain"):
            cases += ask(f"{target} grpc-timeout {value}", target, f"grpc-timeout: {value}", "content-type: application/grpc", "te: trailers", "x-up: wait=0.4", method="POST", body=b"\0\0\0\0\0", protocols="h2")
    for target in ("/grpc", "/max-grpc"):
        cases += ask(f"{target} no grpc-timeout", target, "content-type: application/grpc", "x-up: wait=0.4", method="POST", body=b"\0\0\0\0\0", protocols="h2")
        cases += ask(f"{target} text grpc-timeout", target, "content-type: text/plain", "grpc-timeout: 100m", "x-up: wait=0.4", method="POST", body=b"abc", protocols="h2")
    cases.append(Case("slow head and body", (b"POST / HT", 0.2, b"TP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc", 0.2, b"def"), then="wait"))
    cases.append(Case("second slow head", (request("/"), Await(), b"GET / HT", 0.7), then="wait"))
    cases.append(Case("only a line end", (b"\r\n", 0.6), answers=0, then="wait"))
    cases.append(Case("third after the drain", (request("/"), Await(), 0.5, request("/2"), Await(2), 0.15, request("/3")), answers=2, then="wait"))
    cases += ask("nowhere", "/nowhere") + ask("grpc wait", "/300", "content-type: application/grpc", "x-up: wait=0.7", method="POST", body=b"abc")
    cases += [
        Case("nothing sent", (0.6,), answers=0, then="wait"), Case("half a line", (b"GET / HT", 0.6), answers=0, then="wait"), Case("half a head", (b"GET / HTTP/1.1\r\nHost: a\r\n", 0.6), answers=0, then="wait"), Case("idle after", (request("/"), Await(), 0.6), then="wait"), Case("second late", (request("/"), Await(), 0.15, request("/2")), answers=2),
        Case("after direct", (request("/direct"), Await(), 0.6), then="wait"), Case("slow head", tuple(part for byte in b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" for part in (bytes([byte]), 0.02)), then="wait"), Case("trickled body", (request("/", "Content-Length: 8", method="POST"), *(part for _ in range(8) for part in (0.08, b"x"))), then="wait"),
        Case("h2 nothing sent", (http2.PREFACE + http2.settings(), 0.6), protocol="h2", answers=0, then="wait"), Case("h2 headers unfinished", (START + http2.frame(1, 1, 1, http2.block((":method", "GET"))), 0.6), protocol="h2", answers=0, then="wait"),
        Case("h2 body late", (START + http2.headers(1, (":method", "POST"), (":path", "/"), (":scheme", "http"), (":authority", "a"), ("x-case", "%CASEID%"), end=False), 0.7, http2.data(1, b"abc")), protocol="h2", then="wait"), Case("h2 second late", (START + http2.request("/"), Await(), 0.15, http2.request("/2", stream=3)), protocol="h2", answers=2, then="wait"),
        Case("h2 pings keep nothing alive", (START + http2.request("/"), Await(), *(part for _ in range(5) for part in (0.1, http2.frame(6, 0, 0, b"12345678")))), protocol="h2", then="wait"),
    ]  # fmt: skip
    made, cases = variants(managers, list(unique(cases)))
    return Configuration("timeouts", made, cases, threads=96)


# -- retries ----------------------------------------------------------------------------------------------------------

_CONDITIONS = "5xx gateway-error reset connect-failure retriable-4xx refused-stream retriable-status-codes retriable-headers envoy-ratelimited reset-before-request http3-post-connect-failure cancelled deadline-exceeded internal resource-exhausted unavailable nonsense".split()
_FAILURES = (
    "status=503", "status=500", "status=502", "status=504", "status=409", "status=404", "status=429", "status=503;header=x-envoy-ratelimited:true", "status=418", "header=x-retry-me:1", "drop", "rst", "raw=garbage", "cut;size=100", "reset=7", "reset=8", "reset=2", "grpc=1;only", "grpc=4;only", "grpc=8;only", "grpc=13;only", "grpc=14;only", "grpc=14", "grpc=2;only",
)  # fmt: skip


def _retries() -> list[Configuration]:
    quick = {"num_retries": 2, "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.01s"}}
    more = {"retriable_status_codes": [418], "retriable_headers": [{"name": "x-retry-me", "present_match": True}]}
    routes = []
    for condition in _CONDITIONS:
        for kind in ("bad", "bad2", "refused"):
            routes.append(route(f"/{condition}/{kind}/", kind, retry_policy={"retry_on": condition, **quick, **more}))
    routes += [
        route("/none/", "bad"), route("/zero/", "bad", retry_policy={"retry_on": "5xx", "num_retries": 0}), route("/default/", "bad", retry_policy={"retry_on": "5xx"}), route("/one-host/", "bad", retry_policy={"retry_on": "5xx", **quick, "retry_host_predicate": [{"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"}}], "host_selection_retry_max_attempts": 5}),
        route("/only-post/", "bad", retry_policy={"retry_on": "5xx", **quick, "retriable_request_headers": [{"name": ":method", "string_match": {"exact": "POST"}}]}), route("/mixed/", "mixed", retry_policy={"retry_on": "connect-failure", "num_retries": 5, "retry_back_off": {"base_interval": "0.005s"}}), route("/"),
    ]  # fmt: skip
    from ..configurations import CLUSTERS, ONE_USE
    from ..contestant import UPSTREAM

    mixed = cluster("mixed", [(UPSTREAM, 9), (UPSTREAM, 7), (UPSTREAM, 8001)], common=ONE_USE)
    cases = []
    for condition in _CONDITIONS:
        for failure in _FAILURES:
            for kind in ("bad", "bad2"):
                if failure.startswith(("reset=", "grpc")) != (kind == "bad2") and kind == "bad2" or failure.startswith(("reset=", "grpc")) and kind == "bad":
                    continue
                cases += ask(f"{condition} {failure}", f"/{condition}/{kind}/", f"x-up: {failure}", protocols="h1")
                cases += ask(f"{condition} {failure} once", f"/{condition}/{kind}/", f"x-up: fail=1:{failure.replace(';', ',')}", protocols="h1")
        cases += ask(f"{condition} refused", f"/{condition}/refused/") + ask(f"{condition} POST", f"/{condition}/bad/", "x-up: fail=2:status=503", method="POST", body=b"abc")
    for target in ("/none/", "/zero/", "/default/", "/one-host/", "/only-post/"):
        for failure in ("status=503", "drop"):
            cases += ask(f"{target} {failure}", target, f"x-up: {failure}") + ask(f"{target} {failure} once", target, f"x-up: fail=1:{failure}") + ask(f"{target} {failure} once POST", target, f"x-up: fail=1:{failure}", method="POST", body=b"abc")
    internal = "x-forwarded-for: 10.0.0.1"
    for header in _CONDITIONS:
        for failure in ("status=503", "drop", "status=409", "status=418"):
            cases += ask(f"header {header} {failure}", "/none/", internal, f"x-envoy-retry-on: {header}", f"x-up: fail=1:{failure}", "x-envoy-retriable-status-codes: 418", protocols="h1")
    for headers in (("x-envoy-max-retries: 3",), ("x-envoy-max-retries: 0",), ("x-envoy-max-retries: abc",), ("x-envoy-retry-on: 5xx", "x-envoy-max-retries: 3"), ("x-envoy-retry-on: 5xx,reset", "x-envoy-upstream-rq-per-try-timeout-ms: 100", "x-envoy-upstream-rq-timeout-ms: 1000"), ("x-envoy-retry-on: retriable-headers", "x-envoy-retriable-header-names: x-odd"), ("x-envoy-retry-on: retriable-status-codes", "x-envoy-retriable-status-codes: 418,abc,503"), ("x-envoy-retry-grpc-on: unavailable,cancelled",), ("x-envoy-hedge-on-per-try-timeout: true",)):
        for target in ("/none/", "/default/"):
            for failure in ("fail=2:status=503", "fail=1:header=x-odd:1", "fail=1:status=418", "fail=1:wait=0.3"):
                cases += ask(f"{target} {headers} {failure}", target, internal, *headers, f"x-up: {failure}", protocols="h1")
    cases += [
        Case("chunked twice", (request("/default/", "Transfer-Encoding: chunked", "x-up: fail=1:status=503", method="POST", body=chunks(b"abc", b"def")),)), Case("large body", (request("/default/", "Content-Length: 100000", "x-up: fail=1:status=503", method="POST", body=b"x" * 100000),)),
        Case("early failure", (request("/default/", "Content-Length: 6", "x-up: fail=1:status=503,early", method="POST", body=b"abc"), 0.2, b"def")), Case("h2 with trailers", (START + http2.request("/default/", ("x-up", "fail=1:status=503"), method="POST", body=b"abc", trailers=(("x-t", "1"),)),), protocol="h2"),
    ]  # fmt: skip
    used = [*CLUSTERS, mixed]
    clusters = [one if one["name"] != "mixed" else mixed for one in used]
    # The header forms count only where the asker is internal.
    trusted = {"internal_address_config": {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}}
    made = simple(vhost(*routes, include_request_attempt_count=True), clusters=clusters, **trusted)
    # Round robin begins at a random host.
    over = [Case(f"mixed {number}", (request("/mixed/"),), ignore=("log.attempts", "upstream.headers")) for number in range(6)]
    return [Configuration("retries", made, unique(cases)), Configuration("retry_hosts", made, unique(over), alone=True)]


# -- upgrades, CONNECT --------------------------------------------------------------------------------------------------

_UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x", "Sec-WebSocket-Version: 13")


def _tunnels() -> list[Configuration]:
    routes = [
        route("/off", upgrade_configs=[{"upgrade_type": "websocket", "enabled": False}]), route("/on", upgrade_configs=[{"upgrade_type": "websocket"}]), route("/other", upgrade_configs=[{"upgrade_type": "other"}]), route("/h2", "up2"), route("/bad2", "bad2"), route("/bad", "bad"), route("/refused", "refused"), route("/idle", idle_timeout="0.2s"), route("/timed", timeout="0.2s"),
        direct("/direct", 200, "direct"), redirect("/redirect", path_redirect="/x"), route("/empty", "empty"), route("/"),
    ]  # fmt: skip
    managers = {"allowed": hcm(vhost(*routes), upgrade_configs=[{"upgrade_type": "websocket"}]), "not allowed": hcm(vhost(*routes)), "disabled": hcm(vhost(*routes), upgrade_configs=[{"upgrade_type": "websocket", "enabled": False}]), "other": hcm(vhost(*routes), upgrade_configs=[{"upgrade_type": "other"}, {"upgrade_type": "WebSocket"}]), "extended": hcm(vhost(*routes), upgrade_configs=[{"upgrade_type": "websocket"}], http2_protocol_options={"allow_connect": True})}
    cases = []
    for target in ("/", "/off", "/on", "/other", "/h2", "/direct", "/redirect", "/empty", "/refused", "/idle", "/timed", "/none"):
        for up in ("upgrade", "status=200", "status=403", "status=204"):
            cases.append(Case(f"{target} {up}", (request(target, *_UPGRADE, f"x-up: {up}"), Await(), b"hello", 0.15), then="wait"))
    for up in ("status=404", "status=500", "status=101", "raw=101-not-asked", "raw=garbage", "drop", "status=200;chunked", "interim=100;upgrade", "upgrade;header=x-a:b", "upgrade;header=content-length:5", "upgrade;header=transfer-encoding:chunked", "wait=0.2;upgrade", "raw=100-then-200"):
        cases.append(Case(f"answer {up}", (request("/bad", *_UPGRADE, f"x-up: {up}"), Await(), b"hello", 0.15), then="wait"))
    up = "x-up: upgrade"
    # On connections of their own: an upstream that switches without being asked spoils the next request on its connection.
    for name, headers in {
        "lower": ("connection: upgrade", "upgrade: websocket"), "upper": ("CONNECTION: UPGRADE", "UPGRADE: WEBSOCKET"), "among others": ("Connection: keep-alive, Upgrade", "Upgrade: websocket"), "only connection": ("Connection: Upgrade",), "only upgrade": ("Upgrade: websocket",), "two upgrades": ("Connection: Upgrade", "Upgrade: websocket, other"), "other first": ("Connection: Upgrade", "Upgrade: other, websocket"), "other": ("Connection: Upgrade", "Upgrade: other"),
        "h2c": ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), "empty": ("Connection: Upgrade", "Upgrade:"), "close": ("Connection: Upgrade, close", "Upgrade: websocket"), "twice": ("Connection: Upgrade", "Upgrade: websocket", "Upgrade: websocket"), "tls": ("Connection: Upgrade", "Upgrade: TLS/1.0"),
    }.items():  # fmt: skip
        cases.append(Case(f"asked {name}", (request("/bad", *headers, up), Await(), b"hello", 0.15), then="wait"))
        cases.append(Case(f"asked {name}, refused", (request("/bad", *headers), Await(), 0.1), then="wait"))
    for name, data in {"length": ("Content-Length: 5", b"hello"), "length zero": ("Content-Length: 0", b"hello"), "chunked": ("Transfer-Encoding: chunked", chunks(b"hello"))}.items():
        cases.append(Case(f"with {name}", (request("/", *_UPGRADE, up, data[0], body=data[1]), Await(), 0.15), then="wait", wait=0.6))
    cases += [
        Case("early data", (request("/", *_UPGRADE, up, body=b"early"), Await(), b"late", 0.15), then="wait"), Case("early data, refused", (request("/", *_UPGRADE, body=b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"), Await(), 0.15), then="wait"), Case("FIN in tunnel", (request("/", *_UPGRADE, up), Await(), b"hello", 0.1, HALF, 0.2), then="wait"), Case("RST in tunnel", (request("/", *_UPGRADE, up), Await(), b"hello", 0.1, RESET)),
        Case("large tunnel", (request("/", *_UPGRADE, up), Await(), b"x" * 200000, 0.3), then="wait"), Case("post", (request("/", *_UPGRADE, up, method="POST"), Await(), b"hello", 0.15), then="wait"), Case("1.0", (request("/", *_UPGRADE, up, version="HTTP/1.0"), Await(), 0.1), then="wait"), Case("idle tunnel", (request("/idle", *_UPGRADE, up), Await(), b"a", 0.5), then="wait"), Case("timed tunnel", (request("/timed", *_UPGRADE, up), Await(), b"a", 0.5, b"b", 0.1), then="wait"),
    ]  # fmt: skip
    for path in ("/", "/h2", "/off", "/direct"):
        head = http2.headers(1, (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path), (":authority", "www.test"), ("x-case", "%CASEID%"), ("x-up", "upgrade;tunnel"), end=False)
        cases.append(Case(f"h2 extended {path}", (START + head + http2.data(1, b"hello", end=False), 0.15, http2.data(1)), protocol="h2", wait=0.6))
    made, cases = variants(managers, list(unique(cases)))
    return [Configuration("upgrades", made, cases, threads=48), _connect()]


def _connect() -> Configuration:
    ends = {"upgrade_type": "CONNECT", "connect_config": {}}
    on = {"upgrade_configs": [{"upgrade_type": "CONNECT"}]}
    matching = {"connect_matcher": {}}
    managers = {
        "ended": hcm(vhost(route(matching, "bad", upgrade_configs=[ends]), route("/")), **on, http2_protocol_options={"allow_connect": True}), "passed": hcm(vhost(route(matching, "bad"), route("/")), **on, http2_protocol_options={"allow_connect": True}), "passed to http2": hcm(vhost(route(matching, "bad2"), route("/")), **on, http2_protocol_options={"allow_connect": True}),
        "not allowed": hcm(vhost(route(matching, "bad"), route("/"))), "no route": hcm(vhost(route("/")), **on), "refused": hcm(vhost(route(matching, "refused", upgrade_configs=[ends])), **on), "direct": hcm(vhost(direct(matching, 403, "no")), **on),
    }  # fmt: skip
    up = "x-up: tunnel"

    def connect(name, target, *headers, steps=(Await(), b"hello", 0.15), **fields):
        return Case(name, (request(target, *headers, method="CONNECT", **fields), *steps), methods=("CONNECT",), then="wait", wait=0.6)

    cases = [connect(f"target {target}", target, up) for target in ("www.test:80", "www.test", "www.test:", "www.test:abc", "198.51.100.20:8001", "[2001:db8::20]:8001", "2001:db8::20:80", "/a", "*", "http://www.test/", "www.test:80/a", "www.test:99999", "u@www.test:80", ":80", "")]
    cases += [
        connect("no host", "www.test:80", up, host=None), connect("other host", "www.test:80", up, host="other.test"), connect("length", "www.test:80", up, "Content-Length: 5"), connect("length zero", "www.test:80", up, "Content-Length: 0"), connect("chunked", "www.test:80", up, "Transfer-Encoding: chunked"), connect("early data", "www.test:80", up, body=b"early"), connect("1.0", "www.test:80", up, version="HTTP/1.0"),
        connect("answered 404", "www.test:80", "x-up: status=404"), connect("answered 200 with length", "www.test:80", "x-up: status=200;size=5"), connect("dropped", "www.test:80", "x-up: drop"), connect("FIN", "www.test:80", up, steps=(Await(), b"hello", 0.1, HALF, 0.2)), connect("keep-alive", "www.test:80", up, "Proxy-Connection: keep-alive", "Connection: close"),
    ]  # fmt: skip
    for name, pairs in {"plain": (), "more": (("x-a", "b"),), "with path": ((":path", "/"), (":scheme", "http"))}.items():
        head = http2.headers(1, (":method", "CONNECT"), (":authority", "www.test:80"), *(pair for pair in pairs if pair[0][0] == ":"), ("x-case", "%CASEID%"), ("x-up", "tunnel"), *(pair for pair in pairs if pair[0][0] != ":"), end=False)
        cases.append(Case(f"h2 {name}", (START + head + http2.data(1, b"hello", end=False), 0.15, http2.data(1), 0.1), protocol="h2", wait=0.6))
        cases.append(Case(f"h2 {name}, reset", (START + head, 0.15, http2.reset(1), 0.1), protocol="h2", answers=0))
    made, cases = variants(managers, cases)
    return Configuration("connect", made, cases, threads=48)


# -- pools --------------------------------------------------------------------------------------------------------------


def _pools() -> Configuration:
    """One connection upstream: what becomes of it after each kind of answer shows in the next answer."""
    single = {"thresholds": [{"max_connections": 1, "max_pending_requests": 1, "max_requests": 5, "max_retries": 1}]}
    clusters = [cluster("one", circuit_breakers=single), cluster("two", protocol="http2", circuit_breakers=single), cluster("thrice", common={"max_requests_per_connection": 3}), cluster("resting", common={"idle_timeout": "0.2s"})]
    made = bootstrap(listener(10000, hcm(vhost(route("/two", "two"), route("/thrice", "thrice"), route("/resting", "resting"), route("/", "one")))), clusters=clusters)
    cases = []
    for up in ("", "chunked", "end", "shut", "close", "drop", "rst", "cut;size=100", "raw=extra-bytes", "raw=two-answers", "raw=http-1.0", "raw=http-1.0-keep-alive", "raw=http-1.0-close;shut", "early", "status=204", "raw=204-with-body", "raw=101-not-asked", "interim=103", "trailers", "slow=0.1"):
        cases.append(Case(f"after [{up}]", (request("/", f"x-up: {up}", method="POST", body=b""), Await(1), 0.1, request("/next")), answers=2, wait=1.0))
        cases.append(Case(f"at once after [{up}]", (request("/", f"x-up: {up}"), Await(1), request("/next")), answers=2, wait=1.0))
    for number in range(4):
        cases.append(Case(f"thrice {number}", (request("/thrice") * 2,), answers=2))
    cases.append(Case("resting", (request("/resting"), Await(1), 0.5, request("/resting")), answers=2))
    busy = tuple(http2.request(f"/two/{n}", ("x-up", "wait=0.2"), stream=2 * n + 1) for n in range(8))
    cases.append(Case("h2 too many at once", (START + b"".join(busy),), protocol="h2", answers=8))
    waiting = tuple(http2.request(f"/{n}", ("x-up", "wait=0.2"), stream=2 * n + 1) for n in range(4))
    cases.append(Case("h2 pending overflow", (START + b"".join(waiting),), protocol="h2", answers=4))
    return Configuration("pools", made, unique(cases), alone=True)


def configurations() -> list[Configuration]:
    return [_timeouts(), *_retries(), *_tunnels(), _pools()]
