# SPDX-License-Identifier: Apache-2.0
"""Redirects, rewrites, direct responses, headers added and removed, weighted clusters."""

from ..configurations import direct, hcm, redirect, route, simple, vhost
from ..suite import Configuration
from .tools import ask, unique, variants

_REGEX = {"pattern": {"regex": "^/re/([^/]+)/(.*)$"}, "substitution": "/\\2/\\1"}
_REDIRECTS = {
    "host": {"host_redirect": "other.test"}, "path": {"path_redirect": "/new"}, "path query": {"path_redirect": "/new?x=y"}, "path strip": {"path_redirect": "/new", "strip_query": True}, "https": {"https_redirect": True}, "scheme": {"scheme_redirect": "ftp"}, "port": {"port_redirect": 8443}, "https port": {"https_redirect": True, "port_redirect": 8443},
    "host path": {"host_redirect": "other.test", "path_redirect": "/new"}, "all": {"https_redirect": True, "host_redirect": "other.test", "port_redirect": 8443, "path_redirect": "/new", "strip_query": True}, "prefix": {"prefix_rewrite": "/new"}, "prefix slash": {"prefix_rewrite": "/new/"}, "prefix root": {"prefix_rewrite": "/"},
    "regex": {"regex_rewrite": {"pattern": {"regex": "/r"}, "substitution": "/replaced"}}, "found": {"response_code": "FOUND", "path_redirect": "/new"}, "other": {"response_code": "SEE_OTHER", "path_redirect": "/new"}, "temporary": {"response_code": "TEMPORARY_REDIRECT", "path_redirect": "/new"}, "permanent": {"response_code": "PERMANENT_REDIRECT", "path_redirect": "/new"},
    "strip": {"strip_query": True, "host_redirect": "other.test"}, "nothing": {}, "host port": {"host_redirect": "other.test:81"}, "host port port": {"host_redirect": "other.test", "port_redirect": 80},
}  # fmt: skip


def _redirects():
    routes = [redirect(f"/r{number}/", **fields) for number, fields in enumerate(_REDIRECTS.values())]
    cases = []
    for number, name in enumerate(_REDIRECTS):
        for tail in ("", "a", "a/b?c=d", "?q"):
            cases += ask(f"{name} [{tail}]", f"/r{number}/{tail}")
        cases += ask(f"{name} host port", f"/r{number}/a", host="www.test:8080", protocols="h1")
        cases += ask(f"{name} host 80", f"/r{number}/a", host="www.test:80", protocols="h1")
        cases += ask(f"{name} host six", f"/r{number}/a", host="[2001:db8::1]:8080", protocols="h1")
        cases += ask(f"{name} POST", f"/r{number}/a", method="POST", body=b"abc", protocols="h1")
        cases += ask(f"{name} HEAD", f"/r{number}/a", method="HEAD", protocols="h1")
        cases += ask(f"{name} proto https", f"/r{number}/a", "X-Forwarded-Proto: https", protocols="h1")
    return routes, cases


_REWRITES = {
    "prefix": ({"prefix": "/pre/fix"}, {"prefix_rewrite": "/new"}), "prefix slash": ({"prefix": "/slash/"}, {"prefix_rewrite": "/"}), "prefix to root": ({"prefix": "/whole"}, {"prefix_rewrite": "/"}), "prefix longer": ({"prefix": "/l"}, {"prefix_rewrite": "/much/longer/than/that"}), "exact": ({"path": "/exact"}, {"prefix_rewrite": "/new"}), "any case": ({"prefix": "/Any", "case_sensitive": False}, {"prefix_rewrite": "/new"}),
    "separated": ({"path_separated_prefix": "/sep"}, {"prefix_rewrite": "/new"}), "separated root": ({"path_separated_prefix": "/sroot"}, {"prefix_rewrite": "/"}), "by regex": ({"safe_regex": {"regex": "/rx/.*"}}, {"regex_rewrite": {"pattern": {"regex": "/rx/(.*)"}, "substitution": "/y/\\1"}}), "regex": ({"prefix": "/re/"}, {"regex_rewrite": _REGEX}),
    "regex all": ({"prefix": "/every"}, {"regex_rewrite": {"pattern": {"regex": "e"}, "substitution": "E"}}), "regex query": ({"prefix": "/rq"}, {"regex_rewrite": {"pattern": {"regex": "q"}, "substitution": "Q"}}), "host literal": ({"prefix": "/hl"}, {"host_rewrite_literal": "literal.test"}), "host literal append": ({"prefix": "/ha"}, {"host_rewrite_literal": "literal.test", "append_x_forwarded_host": True}),
    "host header": ({"prefix": "/hh"}, {"host_rewrite_header": "x-host"}), "host regex": ({"prefix": "/hr/"}, {"host_rewrite_path_regex": {"pattern": {"regex": "^/hr/([^/]+).*$"}, "substitution": "\\1.test"}}), "auto host": ({"prefix": "/auto"}, {"auto_host_rewrite": True}), "both": ({"prefix": "/both"}, {"prefix_rewrite": "/new", "host_rewrite_literal": "literal.test"}),
}  # fmt: skip
_REWRITE_TARGETS = """/pre/fix /pre/fix/ /pre/fix/a /pre/fixed /pre/fix?q /pre/fix/a?q=/pre/fix /slash/ /slash/a /slash/a/b?c /whole /whole/ /whole/a /wholea /whole?q /l /lx /l/x /exact /exact?q /any /ANY/x /aNyx /sep /sep/ /sep/a /sep?q /sroot /sroot/ /sroot/a /sroot?q /rx/a /rx/ /rx/a?b
    /re/a/b /re/a/b/c?d=/re/x/y /re/a /re/ /every /everye?e /rq?q /rqq?q /hl /hl/x /ha /hh /hr/name /hr/name/x /hr/ /hr/name?q=a/b /auto /both/x /other""".split()


def _rewrites():
    routes = [route(match, **fields) for match, fields in _REWRITES.values()] + [route("/")]
    cases = []
    for target in _REWRITE_TARGETS:
        cases += ask(target, target)
    for value in ("given.test", "given.test:81", "", "a b", "a/b", "A.Test"):
        cases += ask(f"host header [{value}]", "/hh", f"x-host: {value}")
    cases += ask("host header twice", "/hh", "x-host: a", "x-host: b")
    for headers in (("x-envoy-original-path: /mine",), ("x-forwarded-host: mine.test",), ("x-envoy-original-host: mine.test",), ("x-envoy-decorator-operation: x",)):
        for target in ("/pre/fix/a", "/ha", "/other", "/both/a"):
            cases += ask(f"{target} {headers}", target, *headers)
    return routes, cases


def _directs():
    made, cases = [], []
    for status in (200, 201, 204, 206, 301, 302, 304, 400, 401, 403, 404, 418, 429, 500, 503, 599):
        for label, body in (("none", None), ("empty", ""), ("text", "some text\n"), ("json", '{"a": 1}')):
            made.append(direct({"path": f"/{status}/{label}"}, status, body))
            for method in ("GET", "HEAD", "POST"):
                cases += ask(f"{status} {label} {method}", f"/{status}/{label}", method=method, body=b"abc" if method == "POST" else b"", protocols="h1 h2" if method == "GET" else "h1")
    more = {"response_headers_to_add": [{"header": {"key": "content-type", "value": "application/json"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}, {"header": {"key": "x-a", "value": "b"}}]}
    made.append(direct("/typed", 200, "{}", **more))
    made.append(direct("/located", 302, None, response_headers_to_add=[{"header": {"key": "location", "value": "http://a.test/%REQ(x-where)%"}}]))
    made.append({"match": {"prefix": "/bytes"}, "direct_response": {"status": 200, "body": {"inline_bytes": "AAECAw=="}}})
    made.append({"match": {"prefix": "/environment"}, "direct_response": {"status": 200, "body": {"environment_variable": "WEIR_TEST"}}})
    made.append(direct("/large", 200, "x" * 4000))
    made.append(direct("/grpc", 403, "no entry"))
    for target in ("/typed", "/located", "/bytes", "/environment", "/large"):
        cases += ask(target, target) + ask(f"{target} HEAD", target, method="HEAD")
    cases += ask("located where", "/located", "x-where: there")
    for kind in ("application/grpc", "application/grpc+json", "application/grpc-web", "application/grpcx"):
        for target in ("/grpc", "/404/text", "/200/text", "/401/none", "/429/text", "/503/text", "/500/none"):
            cases += ask(f"{target} as {kind}", target, f"content-type: {kind}", method="POST", body=b"abc")
    return made, cases


def _add(key: str, value: str, action: str | None = None, **fields) -> dict:
    return {"header": {"key": key, "value": value}, **({"append_action": action} if action else {}), **fields}


_ACTIONS = ("APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS")


def _level(level: str) -> dict:
    """What one of route, virtual host, route configuration adds and removes."""
    request = [_add(f"x-{level}", level), _add("x-order", level), _add("x-last", level, "OVERWRITE_IF_EXISTS_OR_ADD"), _add("x-first", level, "ADD_IF_ABSENT")]
    return {
        "request_headers_to_add": request, "request_headers_to_remove": [f"x-remove-{level}", "x-remove"], "response_headers_to_add": request, "response_headers_to_remove": [f"x-remove-{level}", "x-removed"],
    }  # fmt: skip


_FORMATS = {
    "address": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "local": "%DOWNSTREAM_LOCAL_ADDRESS%", "request": "%REQ(x-in)%", "alternative": "%REQ(x-no?x-in)%", "cut": "%REQ(x-in):3%", "protocol": "%PROTOCOL%", "percent": "100%%", "both": "a-%REQ(x-in)%-b", "host": "%REQ(:authority)%", "path": "%REQ(:path)%", "method": "%REQ(:method)%", "environment": "%ENVIRONMENT(WEIR_TEST)%", "cluster": "%UPSTREAM_CLUSTER%",
    "route": "%ROUTE_NAME%", "scheme": "%REQ(:scheme)%", "code": "%RESPONSE_CODE%", "flags": "%RESPONSE_FLAGS%", "details": "%RESPONSE_CODE_DETAILS%", "upstream": "%UPSTREAM_HOST%", "response": "%RESP(x-out)%", "id": "%REQ(x-request-id)%", "port": "%DOWNSTREAM_LOCAL_PORT%",
}  # fmt: skip


def _headers():
    formats = [_add(f"x-f-{name}", text) for name, text in _FORMATS.items()]
    empties = [_add("x-keep", "%REQ(x-none)%", keep_empty_value=True), _add("x-drop", "%REQ(x-none)%"), _add("x-empty", "", keep_empty_value=True)]
    actions = [_add(f"x-{action.lower().replace('_', '-')}", "new", action) for action in _ACTIONS]
    routes = [
        route("/levels", **_level("route")), route("/formats", name="named", request_headers_to_add=formats + empties, response_headers_to_add=formats + empties), route("/actions", request_headers_to_add=actions, response_headers_to_add=actions), direct("/direct", 200, "x", response_headers_to_add=formats + actions), redirect("/redirect", path_redirect="/x") | {"response_headers_to_add": formats},
        route("/old", request_headers_to_add=[{"header": {"key": "x-old", "value": "new"}, "append": False}, {"header": {"key": "x-old2", "value": "new"}, "append": True}]), route("/special", request_headers_to_add=[_add("user-agent", "ours", "OVERWRITE_IF_EXISTS_OR_ADD"), _add("x-forwarded-proto", "ours"), _add("x-request-id", "ours", "OVERWRITE_IF_EXISTS_OR_ADD"), _add("te", "trailers"), _add("content-type", "ours", "ADD_IF_ABSENT")], response_headers_to_add=[_add("server", "ours"), _add("date", "ours"), _add("content-type", "ours", "OVERWRITE_IF_EXISTS"), _add("connection", "close"), _add("x-envoy-upstream-service-time", "7")]),
        route("/removing", request_headers_to_remove=["user-agent", "x-request-id", "x-forwarded-proto", "cookie", "X-Upper"], response_headers_to_remove=["server", "date", "content-type", "x-envoy-upstream-service-time", "set-cookie"]), route("/failing", "refused", **_level("route")), route("/"),
    ]  # fmt: skip
    cases = []
    for target in ("/levels", "/formats", "/actions", "/direct", "/redirect", "/old", "/special", "/removing", "/failing", "/plain", "/none"):
        cases += ask(f"{target} bare", target)
        cases += ask(f"{target} with some", target, "x-in: incoming", "x-order: client", "x-last: client", "x-first: client", "x-remove: 1", "x-remove-route: 1", "x-remove-vhost: 1", "x-remove-config: 1", "x-up: header=x-out:outgoing;header=x-order:server;header=x-last:server;header=x-first:server;header=x-removed:1;header=x-remove-route:1;header=x-remove-vhost:1")
        same = [f"x-{action.lower().replace('_', '-')}: client" for action in _ACTIONS]
        up = ";".join(f"header={one.replace(': client', ':server')}" for one in same)
        cases += ask(f"{target} with each", target, *same, f"x-up: {up}", "x-old: client", "x-old2: client", "User-Agent: client", "Content-Type: client", "Cookie: a=b", "X-Upper: x", "x-request-id: client")
        cases += ask(f"{target} twice", target, *same, *same, f"x-up: {up};{up};header=content-type:a;header=set-cookie:x")
        cases += ask(f"{target} POST", target, method="POST", body=b"abc")
        cases += ask(f"{target} HEAD", target, method="HEAD")
    return routes, cases


def _weighted() -> Configuration:
    def clusters(*pairs, **more):
        return {"weighted_clusters": {"clusters": [{"name": name, "weight": weight, **fields} for name, weight, fields in pairs], **more}}

    adds = {"request_headers_to_add": [_add("x-order", "cluster")], "response_headers_to_add": [_add("x-order", "cluster")], "request_headers_to_remove": ["x-remove"], "response_headers_to_remove": ["x-removed"]}
    routes = [
        route("/all-first", clusters(("up", 100, {}), ("second", 0, {}))), route("/all-second", clusters(("up", 0, {}), ("second", 1, {}))), route("/adding", clusters(("second", 1, adds)), request_headers_to_add=[_add("x-order", "route")], response_headers_to_add=[_add("x-order", "route")]), route("/host", clusters(("second", 1, {"host_rewrite_literal": "weighted.test"}))),
        route("/rewrite", clusters(("third", 5, {})), prefix_rewrite="/new"), route("/cluster-header", {"weighted_clusters": {"clusters": [{"cluster_header": "x-cluster", "weight": 1}]}}),
    ]  # fmt: skip
    by_header = route("/by-header", clusters(("up", 1, {}), ("second", 1, {}), ("third", 2, {}), header_name="x-random"))
    cases = []
    for number in ("0", "1", "2", "3", "4", "7", "abc", ""):
        cases += ask(f"by header {number}", "/by-header", f"x-random: {number}", ignore=() if number.isdigit() else _CHANCE)
    for target in ("/all-first", "/all-second", "/adding", "/host", "/rewrite/x", "/cluster-header"):
        cases += ask(f"{target}", target) + ask(f"{target} POST", target, "x-remove: 1", "x-order: client", "x-cluster: third", "x-up: header=x-removed:1;header=x-order:server", method="POST", body=b"abc")
    for cluster in ("up", "second", "nobody", "empty"):
        cases += ask(f"cluster-header {cluster}", "/cluster-header", f"x-cluster: {cluster}")
    made, cases = variants({"plain": hcm(vhost(*routes)), "by header": hcm(vhost(by_header, *routes))}, list(unique(cases)))
    return Configuration("weighted", made, cases)


# What differs when the cluster is chosen at random.
_CHANCE = ("upstream.port", "log.cluster", "log.host")


def configurations() -> list[Configuration]:
    made = []
    for name, (routes, cases) in (("redirects", _redirects()), ("rewrites", _rewrites()), ("direct_responses", _directs())):
        made.append(Configuration(name, simple(vhost(*routes)), unique(cases)))
    made.append(_weighted())
    routes, cases = _headers()
    for specific in (False, True):
        config = {**_level("config"), "most_specific_header_mutations_wins": specific}
        name = "headers_most_specific_last" if specific else "headers"
        made.append(Configuration(name, simple(vhost(*routes, **_level("vhost")), route_config=config), unique(cases)))
    suppressed = [{"name": "envoy.filters.http.router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": True}}]
    routes, cases = _rewrites()
    made.append(Configuration("rewrites_without_envoy_headers", simple(vhost(*routes), http_filters=suppressed), unique(cases)))
    made.append(Configuration("attempt_counts", simple(vhost(*routes, include_request_attempt_count=True, include_attempt_count_in_response=True)), unique(cases)))
    tls = vhost(route("/"), require_tls="ALL")
    external = vhost(route("/"), require_tls="EXTERNAL_ONLY")
    basic = ask("plain") + ask("post", method="POST", body=b"abc") + ask("https said", "/a?b", "X-Forwarded-Proto: https") + ask("http said", "/", "X-Forwarded-Proto: http") + ask("internal", "/", "X-Forwarded-For: 10.0.0.1") + ask("head", method="HEAD") + ask("port", "/", host="www.test:8080")
    made.append(Configuration("tls_required", simple(tls), unique(basic)))
    made.append(Configuration("tls_required_outside", simple(external, use_remote_address=True), unique(basic)))
    return made
