# SPDX-License-Identifier: Apache-2.0
"""Configurations for weir-proxy as Python values: what a test does not name is left out."""

_TYPES = {
    "envoy.filters.network.tcp_proxy": "filters.network.tcp_proxy.v3.TcpProxy",
    "envoy.filters.listener.http_inspector": "filters.listener.http_inspector.v3.HttpInspector",
    "envoy.filters.listener.original_dst": "filters.listener.original_dst.v3.OriginalDst",
    "envoy.filters.listener.original_src": "filters.listener.original_src.v3.OriginalSrc",
    "envoy.filters.listener.tls_inspector": "filters.listener.tls_inspector.v3.TlsInspector",
    "envoy.access_loggers.file": "access_loggers.file.v3.FileAccessLog",
    "envoy.access_loggers.stdout": "access_loggers.stream.v3.StdoutAccessLog",
}
ADMIN = ("127.0.0.1", 15000)

# Every operator that a TCP connection can fill, for logs that tests read.
LOG_FIELDS = {
    "start": "%START_TIME%",
    "duration": "%DURATION%",
    "received": "%BYTES_RECEIVED%",
    "sent": "%BYTES_SENT%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%CONNECTION_TERMINATION_DETAILS%",
    "failure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "host": "%UPSTREAM_HOST%",
    "upstream_local": "%UPSTREAM_LOCAL_ADDRESS%",
    "remote": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "local": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "sni": "%REQUESTED_SERVER_NAME%",
    "chain": "%FILTER_CHAIN_NAME%",
    "listener": "%WEIR_LISTENER%",
    "id": "%CONNECTION_ID%",
}


def typed(name: str, **fields) -> dict:
    """A filter or an access logger with its typed_config."""
    return {"name": name, "typed_config": {"@type": f"type.googleapis.com/envoy.extensions.{_TYPES[name]}", **fields}}


def socket_address(host: str, port: int, **more) -> dict:
    return {"socket_address": {"address": host, "port_value": port, **more}}


def file_log(path: str, **fields) -> dict:
    """A file access log; without fields one JSON object a line, with LOG_FIELDS."""
    return typed("envoy.access_loggers.file", path=path, **(fields or {"log_format": {"json_format": LOG_FIELDS}}))


def tcp_proxy(cluster: str | None = None, *, weights: dict[str, int] | None = None, **fields) -> dict:
    """The tcp_proxy filter; its stat_prefix is the cluster's name unless given."""
    target: dict = {"cluster": cluster}
    if weights:
        target = {"weighted_clusters": {"clusters": [{"name": n, "weight": w} for n, w in weights.items()]}}
    fields.setdefault("stat_prefix", cluster or "weighted")
    return typed("envoy.filters.network.tcp_proxy", **target, **fields)


def chain(cluster: str | dict, name: str = "", *, match: dict | None = None, **fields) -> dict:
    """A filter chain whose tcp_proxy leads to `cluster` (or: with the filter given)."""
    made: dict = {"filters": [cluster if isinstance(cluster, dict) else tcp_proxy(cluster, **fields)]}
    if name:
        made["name"] = name
    if match is not None:
        made["filter_chain_match"] = match
    return made


def listener(name: str, host: str, port: int, *chains: dict, ipv4_compat: bool = False, **fields) -> dict:
    address = socket_address(host, port, **({"ipv4_compat": True} if ipv4_compat else {}))
    return {"name": name, "address": address, **({"filter_chains": list(chains)} if chains else {}), **fields}


def virtual(name: str, host: str, port: int, *chains: dict, **fields) -> dict:
    """A listener that owns destinations and binds nothing."""
    return listener(name, host, port, *chains, bind_to_port=False, **fields)


def outbound(*chains: dict, name: str = "virtualOutbound", host: str = "0.0.0.0", port: int = 15001, **fields) -> dict:
    """The listener that takes redirected connections and hands them off."""
    fields = {"use_original_dst": True, "traffic_direction": "OUTBOUND", **fields}
    return listener(name, host, port, *(chains or (chain("passthrough", "catchall"),)), **fields)


def original_dst_filter() -> dict:
    return typed("envoy.filters.listener.original_dst")


def http_inspector(**fields) -> dict:
    return {**typed("envoy.filters.listener.http_inspector"), **fields}


def tls_inspector(**fields) -> dict:
    return {**typed("envoy.filters.listener.tls_inspector"), **fields}


def endpoint(host: str, port: int, weight: int | None = None) -> dict:
    made: dict = {"endpoint": {"address": socket_address(host, port)}}
    if weight is not None:
        made["load_balancing_weight"] = weight
    return made


def cluster(name: str, *endpoints: dict | tuple, kind: str = "STATIC", **fields) -> dict:
    """A cluster of endpoints: (host, port) or (host, port, weight), or endpoint()."""
    made = {"name": name, "type": kind, "connect_timeout": "5s", **fields}
    if endpoints:
        hosts = [one if isinstance(one, dict) else endpoint(*one) for one in endpoints]
        made["load_assignment"] = {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}]}
    return made


def original_dst(name: str = "passthrough", **fields) -> dict:
    return cluster(name, kind="ORIGINAL_DST", lb_policy="CLUSTER_PROVIDED", **fields)


def black_hole(name: str = "blackhole") -> dict:
    return cluster(name)


def bootstrap(listeners: list[dict], clusters: list[dict], *, admin=ADMIN, **fields) -> dict:
    made = {"static_resources": {"listeners": listeners, "clusters": clusters}, **fields}
    if admin:
        made["admin"] = {"address": socket_address(*admin)}
    return made
