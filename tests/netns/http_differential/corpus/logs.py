# SPDX-License-Identifier: Apache-2.0
"""Access logs of every operator, as text and as JSON, and local replies that a configuration changes."""

from ..case import HALF, Await, Case
from ..configurations import direct, hcm, log, redirect, route, vhost
from ..http1 import chunks, request
from ..suite import Configuration
from . import requests1
from .tools import ask, unique, variants

# The client's address comes first: it tells whose line it is. What differs between any two runs is left out.
_OPERATORS = """REQ(:METHOD) REQ(:PATH) REQ(:AUTHORITY) REQ(:SCHEME) REQ(X-ENVOY-ORIGINAL-PATH?:PATH) REQ(x-none) REQ(x-in):3 REQ(x-none?x-in):5 REQ(X-In) REQ(user-agent) REQ(x-forwarded-for) REQ(x-twice) PROTOCOL
    RESPONSE_CODE RESPONSE_FLAGS RESPONSE_CODE_DETAILS CONNECTION_TERMINATION_DETAILS BYTES_RECEIVED BYTES_SENT RESP(:status) RESP(x-out) RESP(content-type) RESP(server) RESP(x-none?x-out)
    TRAILER(x-trailer) TRAILER(x-none) UPSTREAM_HOST UPSTREAM_CLUSTER UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT UPSTREAM_REMOTE_PORT UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT
    UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_REQUEST_ATTEMPT_COUNT DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_PORT DOWNSTREAM_REMOTE_ADDRESS
    DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_REMOTE_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT REQUESTED_SERVER_NAME ROUTE_NAME FILTER_CHAIN_NAME ENVIRONMENT(WEIR_TEST)
    ENVIRONMENT(WEIR_NONE) START_TIME(%Y-%m)""".split()
_MORE = """PATH(NQ) PATH(WQ:ORIG) QUERY_PARAM(y) RESPONSE_FLAGS_LONG UPSTREAM_CLUSTER_RAW UPSTREAM_HOST_NAME VIRTUAL_CLUSTER_NAME GRPC_STATUS GRPC_STATUS(SNAKE_STRING) GRPC_STATUS_NUMBER DOWNSTREAM_TLS_VERSION
    DOWNSTREAM_PEER_SUBJECT REQUEST_HEADERS_BYTES  RESPONSE_TRAILERS_BYTES DOWNSTREAM_WIRE_BYTES_RECEIVED METADATA(ROUTE:weir:name) DYNAMIC_METADATA(weir:x) UPSTREAM_PROTOCOL""".split()


def _routes() -> list[dict]:
    return [
        route("/bad", "bad"), route("/refused", "refused"), route("/empty", "empty"), route("/named", name="a name"), route("/rewritten", prefix_rewrite="/new"), route("/h2", "up2"), route("/slow", timeout="0.2s"), route("/gone", {"cluster_header": "x-cluster"}), direct("/direct", 200, "direct"), redirect("/redirect", path_redirect="/x"), route("/metadata", metadata={"filter_metadata": {"weir": {"name": "given"}}}),
        route("/retry", "bad", retry_policy={"retry_on": "5xx", "num_retries": 1, "retry_back_off": {"base_interval": "0.005s"}}), route("/up"),
    ]  # fmt: skip


def _cases() -> list[Case]:
    made = ask("plain", "/up/x?y=z", "x-in: incoming", "User-Agent: tester", "x-forwarded-for: 1.2.3.4", "x-twice: 1", "x-twice: 2", "x-up: header=x-out:outgoing;type=text/html")
    for target in ("/named", "/rewritten/a?b", "/h2", "/direct", "/redirect", "/none", "/refused", "/empty", "/gone", "/slow", "/retry", "/metadata", "/bad"):
        up = {"/slow": "wait=0.6", "/retry": "status=503", "/bad": "drop"}.get(target, "size=10")
        made += ask(target, target, f"x-up: {up}") + ask(f"{target} post", target, f"x-up: {up}", method="POST", body=b"some body")
    for up in ("trailers", "chunked;size=5000", "cut;size=100", "raw=garbage", "status=404", "status=204", "reset=8"):
        made += ask(f"up {up}", "/bad", f"x-up: {up}") + ask(f"up {up} head", "/bad", f"x-up: {up}", method="HEAD", protocols="h1")
    for value in ('quote " inside', "back \\ slash", "tab\there", "\xe9\xff", "percent %REQ(x)% %", "<angle> & 'apostrophe'", "", " ", "\xc3\xa9", "{brace}", "a" * 300):
        made += ask(f"value [{value[:12]!r}]", "/up", f"x-in: {value}", f"user-agent: {value}", protocols="h1")
        made += ask(f"value [{value[:12]!r}] in answer", "/up", f"x-up: header=x-out:{value}", protocols="h1")
    for target in ("/up/%22%0a", '/up/"quoted"', "/up/\\", "/up/a b"):
        made += ask(f"target {target}", target, protocols="h1")
    for status in ("0", "5", "14", "99", "abc", "-1"):
        made += ask(f"grpc {status}", "/h2", "content-type: application/grpc", "te: trailers", f"x-up: grpc={status}", method="POST", body=b"\0\0\0\0\0")
        made += ask(f"grpc only {status}", "/h2", "content-type: application/grpc", f"x-up: grpc={status};only", method="POST", body=b"\0\0\0\0\0", protocols="h2")
    made += [case for case in requests1.lines() if case.name in ("target star", "method BREW", "line 0.9", "line bare cr", "version HTTP/1.0", "line half", "line garbage")]
    made += [
        Case("FIN", (request("/up", "x-up: wait=0.3"), 0.05, HALF), answers=0, then="wait"), Case("chunked", (request("/up", "Transfer-Encoding: chunked", method="POST", body=chunks(b"abc", b"d", trailers="x-t: 1\r\n")),)), Case("two", (request("/up/1"), Await(1), request("/up/2")), answers=2), Case("upgrade refused", (request("/up", "Connection: upgrade", "Upgrade: websocket"),)),
    ]  # fmt: skip
    return made


def _text(operators) -> str:
    return "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS% " + "|".join(f"{name.replace('%', '')}=%{name}%" for name in operators) + "\n"


def _json(operators) -> dict[str, str]:
    return {"client": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", **{name.replace("%", ""): f"%{name}%" for name in operators}}


_MIXED = {
    "client": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "text": "a %REQ(x-in)% b", "number": "%RESPONSE_CODE%", "none": "%REQ(x-none)%", "two": "%RESPONSE_CODE%%BYTES_SENT%", "plain": "constant", "percent": "100%%", "nested": {"deep": "%PROTOCOL%", "list": ["%REQ(:method)%", "x", 1, True, None]}, "integer": 7, "yes": True,
}  # fmt: skip


def _text_format(text: str) -> dict:
    return {"text_format_source": {"inline_string": text}}


def _logs() -> list[Configuration]:
    logs = {
        "text": [log(log_format=_text_format(_text(_OPERATORS)))], "json": [log(log_format={"json_format": _json(_OPERATORS)})], "mixed json": [log(log_format={"json_format": _MIXED})], "old json": [log(typed_json_format=_MIXED)], "old text": [log(format=_text(_OPERATORS[:20]))],
    }  # fmt: skip
    more = {
        "text": [log(log_format=_text_format(_text(_MORE)))], "json": [log(log_format={"json_format": _json(_MORE)})], "omitting": [log(log_format={"json_format": _MIXED, "omit_empty_values": True})], "text omitting": [log(log_format={**_text_format(_text(_OPERATORS)), "omit_empty_values": True})],
        "sorted": [log(log_format={"json_format": _MIXED, "json_format_options": {"sort_properties": True}})],
    }  # fmt: skip
    errors = {"status_code_filter": {"comparison": {"op": "GE", "value": {"default_value": 400, "runtime_key": "none"}}}}
    with_header = {"header_filter": {"header": {"name": "x-in", "present_match": True}}}
    filters = {
        "errors": errors, "flags": {"response_flag_filter": {"flags": ["UF", "NR", "UC"]}}, "any flag": {"response_flag_filter": {}}, "header": with_header, "no health checks": {"not_health_check_filter": {}}, "grpc": {"grpc_status_filter": {"statuses": ["OK"]}}, "duration": {"duration_filter": {"comparison": {"op": "GE", "value": {"default_value": 0, "runtime_key": "none"}}}},
        "or, and": {"or_filter": {"filters": [with_header, {"and_filter": {"filters": [errors, {"response_flag_filter": {"flags": ["NR"]}}]}}]}},
    }  # fmt: skip
    line = _text(["RESPONSE_CODE", "RESPONSE_FLAGS", "REQ(:path)"])
    filtered = {name: [{**log(log_format=_text_format(line)), "filter": which}] for name, which in filters.items()}
    made = []
    for name, these in (("access_logs", logs), ("access_logs_more", more), ("access_log_filters", filtered)):
        bootstrap, cases = variants({label: hcm(vhost(*_routes()), access_log=written) for label, written in these.items()}, list(unique(_cases())))
        made.append(Configuration(name, bootstrap, cases))
    return made


def _replies() -> Configuration:
    def comparison(op, value):
        return {"status_code_filter": {"comparison": {"op": op, "value": {"default_value": value, "runtime_key": "none"}}}}

    add = [{"header": {"key": "x-local", "value": "%RESPONSE_CODE%"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]
    configs = {
        "body text": {"body_format": {"text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%: %RESPONSE_CODE% path=%REQ(:path)%\n"}}}, "body json": {"body_format": {"json_format": {"status": "%RESPONSE_CODE%", "message": "%LOCAL_REPLY_BODY%", "path": "%REQ(:path)%"}}}, "content type": {"body_format": {"text_format_source": {"inline_string": "<b>%LOCAL_REPLY_BODY%</b>"}, "content_type": "text/html"}},
        "mapped status": {"mappers": [{"filter": comparison("EQ", 503), "status_code": 418}]}, "mapped body": {"mappers": [{"filter": comparison("GE", 500), "body": {"inline_string": "sorry"}, "headers_to_add": add}, {"filter": comparison("EQ", 404), "body": {"inline_string": "not here"}}]}, "mapped all": {"mappers": [{"filter": comparison("GE", 400), "status_code": 599, "body": {"inline_string": "mapped"}, "body_format_override": {"text_format_source": {"inline_string": "[%LOCAL_REPLY_BODY% %RESPONSE_FLAGS%]"}}, "headers_to_add": add}], "body_format": {"text_format_source": {"inline_string": "unused"}}},
        "by flag": {"mappers": [{"filter": {"response_flag_filter": {"flags": ["NR"]}}, "status_code": 410}]}, "by header": {"mappers": [{"filter": {"header_filter": {"header": {"name": "x-in", "present_match": True}}}, "status_code": 499, "headers_to_add": add}]}, "nothing": {},
    }  # fmt: skip
    managers = {name: hcm(vhost(*_routes()), local_reply_config=config) for name, config in configs.items()}
    cases = []
    for target in ("/none", "/refused", "/empty", "/gone", "/direct", "/redirect", "/slow", "/up"):
        up = "x-up: wait=0.6" if target == "/slow" else "x-up: status=404"
        cases += ask(target, target, up) + ask(f"{target} marked", target, up, "x-in: 1") + ask(f"{target} head", target, up, method="HEAD", protocols="h1") + ask(f"{target} grpc", target, up, "content-type: application/grpc", method="POST", body=b"abc") + ask(f"{target} close", target, up, "Connection: close", protocols="h1") + ask(f"{target} accepting", target, up, "Accept: application/json", protocols="h1")
    cases += [case for case in requests1.lines() if case.name in ("target star", "method BREW", "version HTTP/1.0", "target fragment")] + [Case("no host", (request("/up", host=None),)), Case("upgrade", (request("/up", "Connection: upgrade", "Upgrade: websocket"),)), Case("large header", (request("/up", "x-a: " + "v" * 70000),)), Case("dropped", (request("/bad", "x-up: drop"),))]
    made, cases = variants(managers, list(unique(cases)))
    return Configuration("local_replies", made, cases)


def configurations() -> list[Configuration]:
    return [*_logs(), _replies()]
