# SPDX-License-Identifier: Apache-2.0
"""An HTTP listener with filters, an application behind it, and requests to it.

The scenarios are about what clients and operators see, so they hold for Envoy too: with $WEIR_HTTP_PROXY set to its
path they run on it instead of weir-proxy.
"""

import dataclasses
import http.client
import json
import os
import socket
import time

import proxy_process
from harness.lab import OUTSIDE, POD
from proxy_config import bootstrap, cluster, file_log, listener

PORT = 9080
APPLICATION = (OUTSIDE[4], 7080)
_FILTERS = "type.googleapis.com/envoy.extensions.filters"
_LOG = {
    "code": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "path": "%REQ(:PATH)%",
}


class Envoy(proxy_process.Proxy):
    """The peer, run as root: nobody else may read where it is."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **{**options, "uid": 0})

    def command(self, workers: int) -> list[str]:
        return [os.environ["WEIR_HTTP_PROXY"], "--concurrency", str(workers), "--disable-hot-restart", "-l", "warn"]

    def says_ready(self) -> bool:
        return True


def program() -> type[proxy_process.Proxy]:
    return Envoy if os.environ.get("WEIR_HTTP_PROXY") else proxy_process.Proxy


# -- configuration ------------------------------------------------------------------------------------------------


def http_typed(message: str, **fields) -> dict:
    """A typed_config: http_typed("cors.v3.Cors")."""
    return {"@type": f"{_FILTERS}.http.{message}", **fields}


def http_filter(name: str, message: str, **fields) -> dict:
    """An entry of http_filters: http_filter("cors", "cors.v3.Cors")."""
    return {"name": f"envoy.filters.http.{name}", "typed_config": http_typed(message, **fields)}


def per_route(name: str, message: str, **fields) -> dict:
    """What a route, virtual host, weighted cluster or route configuration says about a filter."""
    return {"typed_per_filter_config": {f"envoy.filters.http.{name}": http_typed(message, **fields)}}


def to(prefix: str, target: str | dict = "application", **more) -> dict:
    """A route to a cluster, or with an action: {"direct_response": …}."""
    action = {"route": {"cluster": target}} if isinstance(target, str) else target
    return {"match": {"prefix": prefix}, **action, **more}


def header_is(name: str, value: str) -> dict:
    return {"name": name, "string_match": {"exact": value}}


def share(numerator: int) -> dict:
    return {"default_value": {"numerator": numerator}}


# -- what runs ----------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Response:
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    seconds: float

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key == name]
        return ",".join(values) if values else None

    def some(self, prefix: str) -> dict[str, str]:
        """The headers whose names begin so."""
        return {name: value for name, value in self.headers if name.startswith(prefix)}

    @property
    def seen(self) -> dict:
        """What the application has seen: {"method": …, "path": …, "headers": {…}}."""
        return json.loads(self.body)


class Front:
    """The listener on POD:9080 in front of the application, and its log."""

    def __init__(self, lab, proxy: proxy_process.Proxy):
        self.lab = lab
        self.proxy = proxy

    def ask(self, path: str = "/", headers: dict | list = (), method: str = "GET", body: bytes | None = None) -> Response:
        """One request on a connection of its own."""
        with self.lab.peer.connect(POD[4], PORT, timeout=20) as client:
            return exchange(client, path, headers, method, body)

    def stat(self, name: str) -> int:
        return self.proxy.stats().get(name, 0)

    def log(self, count: int) -> list[dict]:
        """The lines of that many requests."""
        self.proxy.ask("POST", "/reopen_logs")  # which writes out what waits
        return self.proxy.access_lines(count)


def exchange(
    client: socket.socket, path: str, headers: dict | list = (), method: str = "GET", body: bytes | None = None
) -> Response:
    """One request and its response on a connection that is open."""
    pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
    if not any(name == "host" for name, _ in pairs):
        pairs.insert(0, ("host", "www.example.com"))
    if body is not None:
        pairs.append(("content-length", str(len(body))))
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in pairs) + "\r\n"
    begun = time.monotonic()
    client.sendall(head.encode() + (body or b""))
    response = http.client.HTTPResponse(client, method=method)
    response.begin()
    content = response.read()
    pairs = [(name.lower(), value) for name, value in response.getheaders()]
    return Response(response.status, pairs, content, time.monotonic() - begun)


def requests(stream):
    """(method, path, headers) of each request on a stream; whoever iterates reads the bodies."""
    while line := stream.readline():
        method, path, _ = line.decode().split(" ", 2)
        headers: dict[str, str] = {}
        while (line := stream.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        yield method, path, headers


def application(connection: socket.socket) -> None:
    """Answers each request with what it has seen; x-answer says another status, x-size another body."""
    stream = connection.makefile("rb")
    for method, path, headers in requests(stream):
        stream.read(int(headers.get("content-length", "0")))
        body = json.dumps({"method": method, "path": path, "headers": headers}).encode()
        if "x-size" in headers:
            body = b"x" * int(headers["x-size"])
        status = headers.get("x-answer", "200")
        connection.sendall(f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)


def start(lab, run_proxy, filters: list[dict], routes: list[dict], *clusters: dict, **host) -> Front:
    """A Front with these filters and routes, in front of an application that is served. `host`: more fields of the
    virtual host.
    """
    directory = proxy_process.new_directory()
    manager = {
        "@type": f"{_FILTERS}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "ingress",
        "access_log": [file_log(f"{directory}/access.log", log_format={"json_format": _LOG})],
        "http_filters": [*filters, http_filter("router", "router.v3.Router")],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes, **host}]},
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    made = bootstrap(
        [listener("front", POD[4], PORT, chain)],
        [cluster("application", APPLICATION), *clusters],
        node={"id": "test", "cluster": "front"},
    )
    return Front(lab, run_proxy(lab.pod, made, directory=directory, program=program()))


def logged(lines: list[dict]) -> list[tuple]:
    """(code, flags, details) of each request."""
    return [(int(line["code"]), line["flags"], line["details"]) for line in lines]
