# SPDX-License-Identifier: Apache-2.0
"""HTTP filters, each in a configuration of its own: lua, cors, fault, rbac, health_check, local_ratelimit."""

from ..case import Await, Case
from ..configurations import direct, hcm, http_filter, per_route, route, simple, vhost
from ..http1 import chunks, request
from ..suite import Configuration
from .tools import ask, unique, variants

# -- lua ----------------------------------------------------------------------------------------------------------------

_LUA = {
    "headers": """function envoy_on_request(h)
  h:headers():add("x-lua", "added")
  h:headers():replace("x-replaced", "by lua")
  h:headers():remove("x-gone")
  h:headers():add("x-got", h:headers():get("x-in") or "nil")
  h:headers():add("x-path", h:headers():get(":path"))
  local n = 0
  for k, v in pairs(h:headers()) do n = n + 1 end
  h:headers():add("x-some", tostring(n > 5))
end
function envoy_on_response(h)
  h:headers():add("x-lua-status", h:headers():get(":status"))
  h:headers():replace("x-out", "replaced")
  h:headers():remove("x-gone")
end""",
    "respond": """function envoy_on_request(h)
  if h:headers():get("x-stop") then
    h:respond({[":status"] = h:headers():get("x-stop"), ["x-by"] = "lua"}, h:headers():get("x-body") or "")
  end
end""",
    "respond typed": """function envoy_on_request(h)
  if h:headers():get("x-stop") then h:respond({[":status"] = "403", ["content-type"] = "text/lua"}, "typed") end
end""",
    "status": 'function envoy_on_response(h)\n  h:headers():replace(":status", "299")\nend',
    "path": 'function envoy_on_request(h)\n  h:headers():replace(":path", "/by/lua")\n  h:headers():replace(":authority", "lua.test")\nend',
    "body": """function envoy_on_request(h)
  local b = h:body()
  if b then h:headers():add("x-length", tostring(b:length())); h:headers():add("x-bytes", b:getBytes(0, 2)) else h:headers():add("x-length", "none") end
end
function envoy_on_response(h)
  local b = h:body()
  if b then h:headers():add("x-length", tostring(b:length())) end
end""",
    "set body": """function envoy_on_request(h)
  if h:body() then h:body():setBytes("by lua") end
end
function envoy_on_response(h)
  local size = h:body():setBytes("new body")
  h:headers():replace("content-length", size)
end""",
    "chunks": """function envoy_on_request(h)
  local n = 0
  for c in h:bodyChunks() do n = n + c:length() end
  h:logInfo(n)
end
function envoy_on_response(h)
  for c in h:bodyChunks() do end
end""",
    "info": """function envoy_on_request(h)
  h:headers():add("x-protocol", h:streamInfo():protocol())
  h:headers():add("x-route", h:streamInfo():routeName())
  h:streamInfo():dynamicMetadata():set("lua", "key", "value")
  h:headers():add("x-meta", h:streamInfo():dynamicMetadata():get("lua")["key"])
  h:headers():add("x-secure", tostring(h:connection():ssl() ~= nil))
  h:headers():add("x-64", h:base64Escape("text"))
  h:headers():add("x-metadata", tostring(h:metadata():get("name")))
end""",
    "error": 'function envoy_on_request(h)\n  h:headers():add("x-before", "1")\n  local x = nil + 1\nend',
    "error in answer": "function envoy_on_response(h)\n  error('wrong')\nend",
    "call": """function envoy_on_request(h)
  local headers, body = h:httpCall("second", {[":method"] = "POST", [":path"] = "/called", [":authority"] = "lua.test", ["x-up"] = "header=x-answer:yes"}, "question", 2000)
  h:headers():add("x-called", headers[":status"] .. " " .. headers["x-answer"] .. " " .. body)
end""",
    "call nobody": """function envoy_on_request(h)
  local headers, body = h:httpCall("refused", {[":method"] = "GET", [":path"] = "/", [":authority"] = "a"}, nil, 500)
  h:headers():add("x-called", headers[":status"] .. " " .. body)
end""",
    "call failing": """function envoy_on_request(h)
  local headers, body = h:httpCall("second", {[":method"] = "GET", [":path"] = "/", [":authority"] = "a", ["x-up"] = h:headers():get("x-call") or "wait=1"}, nil, 300)
  local all = ""
  for k, v in pairs(headers) do if k ~= "date" then all = all .. k .. "=" .. v .. ";" end end
  h:headers():add("x-called", body)
  h:headers():add("x-status", headers[":status"] .. " " .. tostring(headers["content-type"]) .. " " .. tostring(headers["content-length"]))
end""",
    "nothing": "local x = 1",
    "trailers": """function envoy_on_request(h)
  for c in h:bodyChunks() do end
  local t = h:trailers()
  if t then t:add("x-lua", "trailer") end
end""",
    "libraries": """function envoy_on_request(h)
  h:headers():add("x-string", string.upper("abc") .. string.format("%03d", 7) .. string.sub("hello", 2, 3))
  h:headers():add("x-match", string.match("key=value", "(%w+)=") .. table.concat({"a", "b"}, "+") .. tostring(math.floor(2.5)))
end""",
}  # fmt: skip


def _lua() -> Configuration:
    managers = {}
    for name, code in _LUA.items():
        routes = [
            route("/off", typed_per_filter_config=per_route("lua", "LuaPerRoute", disabled=True)), direct("/direct", 200, "direct"), route("/metadata", metadata={"filter_metadata": {"lua": {"name": "of the route"}, "envoy.filters.http.lua": {"name": "of the route"}}}, name="with-metadata"), route("/failing", "refused"), route("/"),
        ]  # fmt: skip
        managers[name] = hcm(vhost(*routes), filters=[http_filter("lua", "Lua", default_source_code={"inline_string": code})])
    cases = ask("plain", "/", "x-in: given", "x-replaced: 1", "x-replaced: 2", "x-gone: 1", "x-up: header=x-out:1;header=x-gone:1") + ask("off", "/off") + ask("direct", "/direct") + ask("metadata", "/metadata") + ask("failing", "/failing") + ask("post", "/", method="POST", body=b"some body")
    cases += ask("head", "/", method="HEAD") + ask("chunked answer", "/", "x-up: chunked") + ask("trailers", "/", "x-up: trailers") + ask("204", "/", "x-up: status=204") + ask("large answer", "/", "x-up: size=50000")
    for status in ("200", "403", "503", "204", "302", "99", "600", "abc"):
        cases += ask(f"stop {status}", "/", f"x-stop: {status}", "x-body: stopped", protocols="h1")
    for answer in ("drop", "rst", "raw=garbage", "status=500", "cut;size=100"):
        cases += ask(f"called {answer}", "/", f"x-call: {answer}", protocols="h1")
    cases += ask("stop empty", "/", "x-stop: 401") + ask("stop gRPC", "/", "x-stop: 403", "x-body: b", "content-type: application/grpc") + ask("stop post", "/", "x-stop: 403", "x-body: b", method="POST", body=b"abc")
    cases.append(Case("chunked request", (request("/", "Transfer-Encoding: chunked", method="POST", body=chunks(b"abc", b"def", trailers="x-t: 1\r\n")),)))
    cases.append(Case("body late", (request("/", "Content-Length: 6", method="POST", body=b"abc"), 0.1, b"def")))
    made, cases = variants(managers, list(unique(cases)))
    return Configuration("lua", made, cases)


def _lua_per_route() -> Configuration:
    sources = {"one": {"inline_string": 'function envoy_on_request(h)\n  h:headers():add("x-script", "one")\nend'}, "two": {"inline_string": 'function envoy_on_response(h)\n  h:headers():add("x-script", "two")\nend'}}
    base = http_filter("lua", "Lua", default_source_code={"inline_string": 'function envoy_on_request(h)\n  h:headers():add("x-script", "default")\nend'}, source_codes=sources)
    routes = [
        route("/one", typed_per_filter_config=per_route("lua", "LuaPerRoute", name="one")), route("/two", typed_per_filter_config=per_route("lua", "LuaPerRoute", name="two")), route("/missing", typed_per_filter_config=per_route("lua", "LuaPerRoute", name="nobody")), route("/off", typed_per_filter_config=per_route("lua", "LuaPerRoute", disabled=True)),
        route("/own", typed_per_filter_config=per_route("lua", "LuaPerRoute", source_code={"inline_string": 'function envoy_on_request(h)\n  h:headers():add("x-script", "own")\nend'})), route("/"),
    ]  # fmt: skip
    cases = []
    for target in ("/one", "/two", "/missing", "/off", "/own", "/"):
        cases += ask(target, target) + ask(f"{target} post", target, method="POST", body=b"abc")
    return Configuration("lua_per_route", simple(vhost(*routes), filters=[base]), unique(cases))


# -- cors ---------------------------------------------------------------------------------------------------------------


def _cors() -> Configuration:
    policy = {"allow_origin_string_match": [{"exact": "http://a.test"}, {"suffix": ".b.test"}, {"safe_regex": {"regex": "https://c[0-9]+\\.test"}}], "allow_methods": "GET, POST", "allow_headers": "x-one, x-two", "expose_headers": "x-out", "max_age": "600", "allow_credentials": True}
    policies = {"/full": policy, "/any": {"allow_origin_string_match": [{"safe_regex": {"regex": ".*"}}]}, "/off": {**policy, "filter_enabled": {"default_value": {"numerator": 0}}}, "/shadow": {**policy, "filter_enabled": {"default_value": {"numerator": 0}}, "shadow_enabled": {"default_value": {"numerator": 100}}}, "/forward": {**policy, "forward_not_matching_preflights": False}, "/private": {**policy, "allow_private_network_access": True}, "/empty": {}}
    routes = [route(path, typed_per_filter_config=per_route("cors", "CorsPolicy", **fields)) for path, fields in policies.items()]
    routes += [direct("/direct", 200, "direct", typed_per_filter_config=per_route("cors", "CorsPolicy", **policy)), route("/none")]
    cases = []
    for target in (*policies, "/direct", "/none"):
        for origin in ("http://a.test", "http://x.b.test", "https://c12.test", "http://other.test", "null", ""):
            cases += ask(f"{target} [{origin}]", target, f"Origin: {origin}", protocols="h1")
            cases += ask(f"{target} [{origin}] preflight", target, f"Origin: {origin}", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-one", method="OPTIONS", protocols="h1")
        cases += ask(f"{target} no origin", target) + ask(f"{target} preflight without method", target, "Origin: http://a.test", method="OPTIONS") + ask(f"{target} preflight", target, "Origin: http://a.test", "Access-Control-Request-Method: PUT", method="OPTIONS", protocols="h2") + ask(f"{target} private", target, "Origin: http://a.test", "Access-Control-Request-Method: PUT", "Access-Control-Request-Private-Network: true", method="OPTIONS", protocols="h1")
        cases += ask(f"{target} upstream has its own", target, "Origin: http://a.test", "x-up: header=access-control-allow-origin:*;header=access-control-expose-headers:x", protocols="h1")
    return Configuration("cors", simple(vhost(*routes), filters=[http_filter("cors", "Cors")]), unique(cases))


# -- fault --------------------------------------------------------------------------------------------------------------


def _fault() -> Configuration:
    def abort(status, percent=100, **fields):
        return {"abort": {"http_status": status, "percentage": {"numerator": percent}}, **fields}

    always = {"numerator": 100}
    faults = {
        "/503": abort(503), "/404": abort(404), "/200": abort(200), "/never": abort(503, 0), "/grpc": {"abort": {"grpc_status": 14, "percentage": always}}, "/header": {"abort": {"header_abort": {}, "percentage": always}}, "/delay": {"delay": {"fixed_delay": "0.2s", "percentage": always}}, "/header-delay": {"delay": {"header_delay": {}, "percentage": always}},
        "/both": {**abort(418), "delay": {"fixed_delay": "0.1s", "percentage": always}}, "/matched": abort(503, headers=[{"name": "x-fault", "string_match": {"exact": "yes"}}]), "/cluster": abort(503, upstream_cluster="second"), "/cluster-up": abort(503, upstream_cluster="up"), "/node": abort(503, downstream_nodes=["node-a"]), "/none-active": {**abort(503), "max_active_faults": 0}, "/rate": {"response_rate_limit": {"fixed_limit": {"limit_kbps": 100}, "percentage": always}},
    }  # fmt: skip
    routes = [route(path, typed_per_filter_config=per_route("fault", "HTTPFault", **fields)) for path, fields in faults.items()] + [direct("/direct", 200, "direct", typed_per_filter_config=per_route("fault", "HTTPFault", **abort(503))), route("/")]
    cases = []
    for target in (*faults, "/direct", "/plain"):
        cases += ask(target, target) + ask(f"{target} post", target, method="POST", body=b"abc") + ask(f"{target} head", target, method="HEAD", protocols="h1") + ask(f"{target} grpc", target, "content-type: application/grpc", method="POST", body=b"\0\0\0\0\0")
        cases += ask(f"{target} headers", target, "x-fault: yes", "x-envoy-downstream-service-node: node-a", "x-envoy-fault-abort-request: 429", "x-envoy-fault-delay-request: 100", protocols="h1")
    for value in ("429", "200", "199", "600", "abc", ""):
        cases += ask(f"asked {value}", "/header", f"x-envoy-fault-abort-request: {value}")
    for value in ("14", "0", "99", "abc"):
        cases += ask(f"asked grpc {value}", "/header", f"x-envoy-fault-abort-grpc-request: {value}", "content-type: application/grpc", method="POST", body=b"abc")
    for header in ("x-envoy-fault-abort-request-percentage: 0", "x-envoy-fault-abort-request-percentage: 100"):
        cases += ask(f"asked with {header}", "/header", "x-envoy-fault-abort-request: 429", header)
    cases.append(Case("gone while delayed", (request("/delay"), 0.05), answers=0, then="leave"))
    return Configuration("fault", simple(vhost(*routes), filters=[http_filter("fault", "HTTPFault")]), unique(cases))


# -- rbac ---------------------------------------------------------------------------------------------------------------


def _rules(action: str, permission: dict, principal: dict | None = None, name: str = "policy") -> dict:
    return {"rules": {"action": action, "policies": {name: {"permissions": [permission], "principals": [principal or {"any": True}]}}}}


def _rbac() -> Configuration:
    def header(name, **pattern):
        return {"header": {"name": name, **pattern}}

    network = {"address_prefix": "198.51.100.0", "prefix_len": 24}
    elsewhere = {"address_prefix": "203.0.113.0", "prefix_len": 24}
    any_ = {"any": True}
    policies = {
        "/allow-all": _rules("ALLOW", any_), "/deny-all": _rules("DENY", any_), "/allow-none": {"rules": {"action": "ALLOW", "policies": {}}}, "/deny-none": {"rules": {"action": "DENY", "policies": {}}}, "/no-rules": {}, "/header": _rules("ALLOW", header("x-key", string_match={"exact": "good"})), "/header-prefix": _rules("ALLOW", header("x-key", string_match={"prefix": "go"})), "/header-present": _rules("DENY", header("x-key", present_match=True)),
        "/header-not": _rules("DENY", {"not_rule": header("x-key", string_match={"exact": "good"})}), "/method": _rules("ALLOW", header(":method", string_match={"exact": "GET"})), "/path": _rules("ALLOW", {"url_path": {"path": {"exact": "/path/ok"}}}), "/path-prefix": _rules("ALLOW", {"url_path": {"path": {"prefix": "/path-prefix/a"}}}), "/path-regex": _rules("DENY", {"url_path": {"path": {"safe_regex": {"regex": "/path-regex/[0-9]+"}}}}), "/and": _rules("ALLOW", {"and_rules": {"rules": [header("x-one", present_match=True), header("x-two", present_match=True)]}}), "/or": _rules("ALLOW", {"or_rules": {"rules": [header("x-one", present_match=True), header("x-two", present_match=True)]}}),
        "/port": _rules("ALLOW", {"destination_port": 10000}), "/port-other": _rules("ALLOW", {"destination_port": 1}), "/ports": _rules("ALLOW", {"destination_port_range": {"start": 10000, "end": 10001}}), "/destination": _rules("ALLOW", {"destination_ip": network}), "/sni": _rules("ALLOW", {"requested_server_name": {"exact": ""}}), "/source": _rules("ALLOW", any_, {"direct_remote_ip": network}), "/source-other": _rules("ALLOW", any_, {"direct_remote_ip": elsewhere}), "/remote": _rules("ALLOW", any_, {"remote_ip": elsewhere}), "/source-ip": _rules("ALLOW", any_, {"source_ip": network}),
        "/authenticated": _rules("ALLOW", any_, {"authenticated": {}}), "/not-id": _rules("DENY", any_, {"not_id": {"header": {"name": "x-key", "present_match": True}}}), "/and-ids": _rules("ALLOW", any_, {"and_ids": {"ids": [{"direct_remote_ip": network}, {"header": {"name": "x-key", "string_match": {"exact": "good"}}}]}}), "/or-ids": _rules("ALLOW", any_, {"or_ids": {"ids": [{"direct_remote_ip": elsewhere}, {"header": {"name": "x-key", "string_match": {"exact": "good"}}}]}}), "/principal-path": _rules("ALLOW", any_, {"url_path": {"path": {"suffix": "/ok"}}}), "/log": _rules("LOG", any_), "/named deny": _rules("DENY", header("x-key", string_match={"exact": "bad"}), name="a policy"),
    }  # fmt: skip
    routes = [route(path.replace(" ", "-"), typed_per_filter_config=per_route("rbac", "RBACPerRoute", rbac=fields)) for path, fields in policies.items()]
    routes = sorted(routes, key=lambda one: -len(one["match"]["prefix"]))
    routes += [direct("/direct", 200, "direct"), route("/off", typed_per_filter_config=per_route("rbac", "RBACPerRoute")), route("/")]
    base = http_filter("rbac", "RBAC", **_rules("DENY", header("x-denied", present_match=True)), **{"shadow_rules": _rules("DENY", any_)["rules"]})
    cases = []
    for path in (*policies, "/direct", "/off", "/plain"):
        target = path.replace(" ", "-")
        for headers in ((), ("x-key: good",), ("x-key: bad",), ("x-one: 1",), ("x-one: 1", "x-two: 2"), ("x-denied: 1",), ("x-key: bad", "x-key: good"), ("x-forwarded-for: 203.0.113.5",)):
            cases += ask(f"{target} {headers}", target, *headers, protocols="h1")
        cases += ask(f"{target} h2", target, "x-key: good", protocols="h2") + ask(f"{target} post", target, method="POST", body=b"abc", protocols="h1") + ask(f"{target} grpc", target, "content-type: application/grpc", method="POST", body=b"abc", protocols="h1")
        for tail in ("/ok", "/ok?q", "/a", "/12", "/12/x", "/../path/ok", "/%6Fk"):
            cases += ask(f"{target}{tail}", f"{target}{tail}", protocols="h1")
    return Configuration("rbac", simple(vhost(*routes), filters=[base]), unique(cases))


# -- health_check, local_ratelimit -----------------------------------------------------------------------------------------


def _health_check() -> Configuration:
    matches = [{"name": ":path", "string_match": {"exact": "/healthz"}}]
    kinds = {
        "own": {"pass_through_mode": False, "headers": matches}, "passed": {"pass_through_mode": True, "headers": matches}, "cached": {"pass_through_mode": True, "cache_time": "10s", "headers": matches}, "two headers": {"pass_through_mode": False, "headers": [*matches, {"name": "x-check", "present_match": True}]},
        "healthy clusters": {"pass_through_mode": False, "headers": matches, "cluster_min_healthy_percentages": {"up": {"value": 50}, "second": {"value": 100}}}, "empty cluster": {"pass_through_mode": False, "headers": matches, "cluster_min_healthy_percentages": {"empty": {"value": 1}}}, "unknown cluster": {"pass_through_mode": False, "headers": matches, "cluster_min_healthy_percentages": {"nobody": {"value": 1}}}, "no headers": {"pass_through_mode": False},
    }  # fmt: skip
    managers = {name: hcm(vhost(route("/")), filters=[http_filter("health_check", "HealthCheck", **fields)]) for name, fields in kinds.items()}
    cases = []
    for target in ("/healthz", "/healthz?q", "/healthz/", "/other"):
        cases += ask(target, target) + ask(f"{target} checked", target, "x-check: 1") + ask(f"{target} head", target, method="HEAD") + ask(f"{target} post", target, method="POST", body=b"abc")
    cases += ask("grpc", "/healthz", "content-type: application/grpc") + ask("close", "/healthz", "Connection: close", protocols="h1") + ask("health header", "/other", "x-up: header=x-envoy-immediate-health-check-fail:1;header=x-envoy-upstream-healthchecked-cluster:x")
    made, cases = variants(managers, list(unique(cases)))
    return Configuration("health_check", made, cases, alone=False)


def _local_ratelimit() -> Configuration:
    full = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}

    def limit(tokens, **fields):
        return {"stat_prefix": "limit", "token_bucket": {"max_tokens": tokens, "tokens_per_fill": tokens, "fill_interval": "3600s"}, "filter_enabled": full, "filter_enforced": full, **fields}

    added = [{"header": {"key": "x-limited", "value": "yes"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]
    limits = {
        "/two": limit(2), "/added": limit(1, response_headers_to_add=added), "/status": limit(1, status={"code": "ServiceUnavailable"}), "/not-enforced": limit(1, filter_enforced={"default_value": {"numerator": 0}}), "/not-enabled": limit(1, filter_enabled={"default_value": {"numerator": 0}}), "/headers": limit(2, enable_x_ratelimit_headers="DRAFT_VERSION_03"), "/connection": limit(1, local_rate_limit_per_downstream_connection=True),
        "/exhausted": limit(1, rate_limited_as_resource_exhausted=True), "/request": limit(1, request_headers_to_add_when_not_enforced=added, filter_enforced={"default_value": {"numerator": 0}}), "/thousand": limit(1000),
    }  # fmt: skip
    routes = [route(path, typed_per_filter_config=per_route("local_ratelimit", "LocalRateLimit", **fields)) for path, fields in limits.items()] + [route("/")]
    cases = []
    for target in (*limits, "/free"):
        grpc = "content-type: application/grpc"
        for number in range(4):
            cases += ask(f"{target} {number}", target, protocols="h1")
        cases += ask(f"{target} grpc", target, grpc, method="POST", body=b"abc") + ask(f"{target} head", target, method="HEAD", protocols="h1") + ask(f"{target} post", target, method="POST", body=b"abc", protocols="h1") + ask(f"{target} h2", target, protocols="h2")
        cases.append(Case(f"{target} same connection", (request(target), Await(1), request(target), Await(2), request(target)), answers=3))
    return Configuration("local_ratelimit", simple(vhost(*routes), filters=[http_filter("local_ratelimit", "LocalRateLimit", stat_prefix="off")]), unique(cases), alone=True)


def _several() -> Configuration:
    """The order of filters: which one answers first, and what the later ones see."""
    lua = http_filter("lua", "Lua", default_source_code={"inline_string": _LUA["headers"]})
    cors = http_filter("cors", "Cors")
    fault = http_filter("fault", "HTTPFault", abort={"http_status": 418, "percentage": {"numerator": 100}}, headers=[{"name": "x-fault", "present_match": True}])
    rbac = http_filter("rbac", "RBAC", **_rules("DENY", {"header": {"name": "x-lua", "present_match": True}}))
    routes = [route("/cors", typed_per_filter_config=per_route("cors", "CorsPolicy", allow_origin_string_match=[{"prefix": "http"}])), route("/disabled", typed_per_filter_config={"envoy.filters.http.rbac": {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}}), direct("/direct", 200, "direct"), route("/")]
    orders = {"lua, rbac": [lua, rbac], "rbac, lua": [rbac, lua], "fault, cors": [fault, cors], "cors, fault": [cors, fault], "all": [cors, rbac, fault, lua], "twice": [lua, lua], "disabled": [{**rbac, "disabled": True}, lua]}
    managers = {name: hcm(vhost(*routes), filters=filters) for name, filters in orders.items()}
    cases = []
    for target in ("/", "/cors", "/disabled", "/direct", "/none"):
        cases += ask(f"{target}", target) + ask(f"{target} fault", target, "x-fault: 1", "origin: http://a.test") + ask(f"{target} preflight", target, "origin: http://a.test", "access-control-request-method: PUT", method="OPTIONS") + ask(f"{target} lua", target, "x-lua: 1")
    made, cases = variants(managers, list(unique(cases)))
    return Configuration("filter_orders", made, cases)


def configurations() -> list[Configuration]:
    return [_lua(), _lua_per_route(), _cors(), _fault(), _rbac(), _health_check(), _local_ratelimit(), _several()]


