# SPDX-License-Identifier: Apache-2.0
"""The configurations: Envoy bootstraps as Python values, one process each, a listener or several."""

import proxy_config
from proxy_config import socket_address

from .contestant import ADMIN, NOWHERE, PROXY, UPSTREAM, UPSTREAM6

_EXTENSIONS = "type.googleapis.com/envoy.extensions."

# First comes who asked: it tells the lines of the log apart and is not compared.
LOG = {
    "client": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "code": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "end": "%CONNECTION_TERMINATION_DETAILS%",
    "failure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "received": "%BYTES_RECEIVED%",
    "sent": "%BYTES_SENT%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "host": "%UPSTREAM_HOST%",
    "route": "%ROUTE_NAME%",
    "authority": "%REQ(:AUTHORITY)%",
    "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
}


def typed(name: str, kind: str, /, **fields) -> dict:
    return {"name": name, "typed_config": {"@type": _EXTENSIONS + kind, **fields}}


def http_filter(name: str, kind: str, /, **fields) -> dict:
    return typed(f"envoy.filters.http.{name}", f"filters.http.{name}.v3.{kind}", **fields)


def per_route(name: str, kind: str, /, **fields) -> dict:
    return {f"envoy.filters.http.{name}": {"@type": f"{_EXTENSIONS}filters.http.{name}.v3.{kind}", **fields}}


ROUTER = http_filter("router", "Router")


def log(**fields) -> dict:
    return typed("envoy.access_loggers.file", "access_loggers.file.v3.FileAccessLog", path="access.log", **fields)


def route(match: dict | str, to: str | dict = "up", **fields) -> dict:
    """A route: match is a prefix or a match; to is a cluster or a route action. Other fields go where they belong."""
    action_fields = {key: fields.pop(key) for key in list(fields) if key in _ACTION}
    made = {"match": {"prefix": match} if isinstance(match, str) else match}
    target = {"cluster": to} if isinstance(to, str) else to
    return {**made, "route": {**target, **action_fields}, **fields}


_ACTION = set(
    "timeout idle_timeout retry_policy prefix_rewrite regex_rewrite host_rewrite_literal host_rewrite_header auto_host_rewrite "
    "host_rewrite_path_regex append_x_forwarded_host cluster_not_found_response_code upgrade_configs internal_redirect_policy "
    "max_stream_duration hash_policy cors priority rate_limits path_rewrite_policy max_grpc_timeout".split()
)


def direct(match: dict | str, status: int, body: str | None = None, **fields) -> dict:
    answer: dict = {"status": status}
    if body is not None:
        answer["body"] = {"inline_string": body}
    return {"match": {"prefix": match} if isinstance(match, str) else match, "direct_response": answer, **fields}


def redirect(match: dict | str, **fields) -> dict:
    return {"match": {"prefix": match} if isinstance(match, str) else match, "redirect": fields}


def vhost(*routes: dict, domains=("*",), name: str = "all", **fields) -> dict:
    return {"name": name, "domains": list(domains), "routes": list(routes), **fields}


def hcm(*vhosts: dict, filters=(), route_config=None, access_log=None, **fields) -> dict:
    """The HTTP connection manager; closing is not delayed for long, so that the suite is fast."""
    return typed(
        "envoy.filters.network.http_connection_manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        **{
            "stat_prefix": "http",
            "codec_type": "AUTO",
            "delayed_close_timeout": "0.05s",
            "route_config": {"name": "routes", "virtual_hosts": list(vhosts), **(route_config or {})},
            "http_filters": [*filters, ROUTER],
            "access_log": access_log or [log(log_format={"json_format": LOG})],
            **fields,
        },
    )


def listener(port: int, manager: dict, **fields) -> dict:
    return proxy_config.listener(f"http_{port}", PROXY, port, {"filters": [manager]}, **fields)


def cluster(name: str, port: int | list = 8001, *, protocol: str = "http1", common: dict | None = None, options: dict | None = None, **fields) -> dict:
    """A cluster of the scripted upstream's ports; protocol: http1 or http2."""
    hosts = [(UPSTREAM, one) if isinstance(one, int) else one for one in (port if isinstance(port, list) else [port])]
    explicit = {"http2_protocol_options" if protocol == "http2" else "http_protocol_options": options or {}}
    kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    protocol_options = {"@type": f"type.googleapis.com/{kind}", "explicit_http_config": explicit}
    if common:
        protocol_options["common_http_protocol_options"] = common
    fields.setdefault("circuit_breakers", {"thresholds": [{"max_connections": 9999, "max_pending_requests": 9999, "max_requests": 9999, "max_retries": 999}]})
    return proxy_config.cluster(name, *hosts, typed_extension_protocol_options={kind: protocol_options}, **fields)


ONE_USE = {"max_requests_per_connection": 1}  # an upstream that misbehaves spoils no connection of another case
CLUSTERS = [
    cluster("up"),
    cluster("up2", protocol="http2"),
    cluster("second", 8002),
    cluster("third", 8003),
    cluster("bad", common=ONE_USE),
    cluster("bad2", protocol="http2", common=ONE_USE),
    cluster("refused", 9),
    cluster("nowhere", [(NOWHERE, 80)], connect_timeout="0.3s"),
    cluster("empty", []),
    cluster("six", [(UPSTREAM6, 8001)]),
]


def bootstrap(*listeners: dict, clusters=None, **fields) -> dict:
    return proxy_config.bootstrap(list(listeners), clusters or CLUSTERS, admin=ADMIN, **fields)


def simple(*vhosts: dict, clusters=None, **fields) -> dict:
    """One listener on port 10000."""
    return bootstrap(listener(10000, hcm(*vhosts, **fields)), clusters=clusters)
