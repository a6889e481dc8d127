# SPDX-License-Identifier: Apache-2.0
"""Scenes of HTTP: a listener on POD:9080, upstreams that do as each request's `x-up` says, clients that see every byte.

The upstreams are those of http_differential/upstream.py, which lists what `x-up` may ask for.
"""

import contextlib
import socket
import time

import proxy_process
from harness.lab import OUTSIDE, POD
from http_differential import http1, http2
from http_front import http_filter, http_typed
from proxy_config import bootstrap, cluster, file_log, listener
from proxy_peers import Server

PORT = 9080
HOSTS = [(OUTSIDE[4], port) for port in (8001, 8002, 8003)]
HTTP2 = {
    "typed_extension_protocol_options": {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
}
LOG = {
    "code": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "upstream_local": "%UPSTREAM_LOCAL_ADDRESS%",
    "path": "%REQ(:PATH)%",
    "upstream": "%UPSTREAM_HOST%",
    "received": "%BYTES_RECEIVED%",
    "sent": "%BYTES_SENT%",
}


# -- configuration ------------------------------------------------------------------------------------------------


def route(to: str | dict = "up", prefix: str = "/", match: dict | None = None, **fields) -> dict:
    """A route to a cluster, with fields of its action; or with an action: {"direct_response": …}."""
    action = {"route": {"cluster": to, **fields}} if isinstance(to, str) else to
    return {"match": {"prefix": prefix, **(match or {})}, **action}


def manager(routes: list[dict], *, filters: list[dict] = (), log: str | None = None, host: dict | None = None, **fields) -> dict:
    """The http_connection_manager; host: more fields of its only virtual host."""
    hosts = [{"name": "all", "domains": ["*"], "routes": routes, **(host or {})}]
    made = http_typed("x", **{"stat_prefix": "in", "route_config": {"name": "r", "virtual_hosts": hosts}, **fields})
    made["@type"] = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    made["http_filters"] = [*filters, http_filter("router", "router.v3.Router")]
    if log:
        made["access_log"] = [file_log(log, log_format={"json_format": LOG})]
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": made}


class Scene:
    """A running proxy with one HTTP listener, and its access log."""

    def __init__(self, lab, proxy: proxy_process.Proxy):
        self.lab, self.proxy = lab, proxy

    def client(self, **options) -> "Client1":
        return Client1(self.lab.peer.connect(POD[4], PORT, timeout=20, **options))

    def client2(self, **options) -> "Client2":
        return Client2(self.lab.peer.connect(POD[4], PORT, timeout=20, **options))

    def get(self, path: str = "/", *headers: str, **options) -> http1.Message:
        """One request on a connection of its own."""
        with self.client() as client:
            return client.ask(path, *headers, **options)

    def stat(self, name: str) -> int:
        return self.proxy.stats().get(name, 0)

    def log(self, count: int) -> list[dict]:
        self.proxy.ask("POST", "/reopen_logs")  # which writes out what waits
        return self.proxy.access_lines(count)

    def ends(self, count: int = 1) -> list[tuple]:
        """(code, flags, details) of each request."""
        return [(int(line["code"]), line["flags"], line["details"]) for line in self.log(count)]


def start(lab, run_proxy, routes=None, *clusters: dict, filters=(), listener_fields=None, workers=1, arguments=(), **fields):
    """A Scene with these routes and clusters (default: everything to "up", which is the first host)."""
    directory = proxy_process.new_directory()
    hcm = manager(routes or [route()], filters=filters, log=f"{directory}/access.log", **fields)
    made = bootstrap(
        [listener("front", POD[4], PORT, {"filters": [hcm]}, **(listener_fields or {}))],
        list(clusters) or [cluster("up", HOSTS[0])],
    )
    return Scene(lab, run_proxy(lab.pod, made, *arguments, directory=directory, workers=workers))


# -- clients ------------------------------------------------------------------------------------------------------


def head(path: str = "/", *headers: str, method: str = "GET", version: str = "HTTP/1.1", host: str = "www.test") -> bytes:
    """A request's head as bytes."""
    return "\r\n".join([f"{method} {path} {version}", f"host: {host}", *headers, "", ""]).encode("latin-1")


class Client1:
    """HTTP/1 by hand: ask() for one answer, send() and wait() for more."""

    def __init__(self, connection: socket.socket):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self.reader = http1.Reader()
        self.ended = False
        self._taken = 0

    def __enter__(self) -> "Client1":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def send(self, data: bytes, method: str | None = None) -> None:
        """method: the answer to come belongs to a request of this method."""
        if method:
            self.reader._methods.append(method)
        self.socket.sendall(data)

    def ask(self, path: str = "/", *headers: str, method: str = "GET", body: bytes | None = None, **options) -> http1.Message:
        lines = headers if body is None else (*headers, f"content-length: {len(body)}")
        self.send(head(path, *lines, method=method, **options) + (body or b""), method)
        return self.answer()

    def pump(self) -> bool:
        """Reads once; False at the connection's end."""
        data = self.socket.recv(1 << 18)
        if not data:
            self.ended = True
            self.reader.end()
            return False
        self.reader.feed(data)
        return True

    def answer(self) -> http1.Message:
        """The next final answer, whole (of a 101: its head)."""
        while True:
            for at in range(self._taken, len(self.reader.messages)):
                message = self.reader.messages[at]
                if message.whole and (message.status >= 200 or message.status == 101):
                    self._taken = at + 1
                    return message
            if self.ended:
                raise EOFError(f"the connection ended; so far: {self.reader.messages[self._taken:]} {self.reader.rest[:200]!r}")
            self.pump()

    def wait_end(self) -> str:
        """Reads to the end: "fin" or "rst"."""
        try:
            while self.pump():
                pass
        except ConnectionResetError:
            return "rst"
        return "fin"


class Client2:
    """HTTP/2 by hand: send() frames, wait for what is to come. Acknowledges and grants windows by itself."""

    def __init__(self, connection: socket.socket, *settings: tuple[int, int], preface: bool = True, grants: bool = True):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = connection
        self.wire = http2.Connection()
        self.frames: list[http2.Frame] = []
        self.ended = False
        self.grants = grants
        self._next = 1
        if preface:
            connection.sendall(http2.PREFACE + http2.settings(*settings))

    def __enter__(self) -> "Client2":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, path: str = "/", *fields: tuple[str, str], method: str = "GET", end: bool = True) -> int:
        """Opens a stream and returns its number."""
        number, self._next = self._next, self._next + 2
        base = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "www.test")]
        self.send(http2.headers(number, *base, *fields, end=end))
        return number

    def send_body(self, number: int, body: bytes, end: bool = True) -> None:
        """As the windows allow."""
        at = 0
        while at < len(body):
            room = self.wire.take_room(number, min(16384, len(body) - at))
            if room == 0:
                self.pump()
                continue
            at += room
            self.send(http2.data(number, body[at - room : at], end=end and at == len(body)))
        if end and not body:
            self.send(http2.data(number))

    def pump(self) -> bool:
        """Reads once and answers; False at the connection's end."""
        data = self.socket.recv(1 << 18)
        if not data:
            self.ended = True
            return False
        found, reply = self.wire.feed(data)
        self.frames += found
        if reply and self.grants:
            try:
                self.socket.sendall(reply)
            except OSError:
                pass  # what was sent before the end may still be read
        return True

    def answer(self, number: int) -> http2.Stream:
        """The stream, once it has ended."""
        while self.wire.stream(number).end == "open":
            if not self.pump():
                raise EOFError(f"the connection ended; GOAWAY {self.wire.goaway}, stream {self.wire.stream(number)}")
        return self.wire.stream(number)

    def ask(self, path: str = "/", *fields: tuple[str, str], method: str = "GET", body: bytes | None = None) -> http2.Stream:
        number = self.request(path, *fields, method=method, end=body is None)
        if body is not None:
            self.send_body(number, body)
        return self.answer(number)

    def wait_end(self, seconds: float = 20.0) -> str:
        self.socket.settimeout(seconds)
        try:
            while self.pump():
                pass
        except ConnectionResetError:
            return "rst"
        except TimeoutError:
            return "open"
        return "fin"


def status(stream: http2.Stream) -> int:
    """Of the final head."""
    heads = [dict(one) for one in stream.heads]
    return next((int(one[":status"]) for one in heads if int(one.get(":status", "0")) >= 200), 0)


def gauges_are_zero(proxy: proxy_process.Proxy, seconds: float = 10.0) -> None:
    """Waits until nothing is under way: no client, no request, no pending one."""
    watched = ("_rq_active", "downstream_cx_active", "rq_pending_active", "upgrades_active", "_http1_active", "_http2_active")
    end = time.monotonic() + seconds
    while True:
        left = {name: n for name, n in proxy.stats().items() if n and name.endswith(watched) and "admin" not in name}
        if not left:
            return
        if time.monotonic() > end:
            raise AssertionError(f"not back to zero: {left}")
        time.sleep(0.05)


@contextlib.contextmanager
def scripted(lab, made: dict, port: int, speaker):
    """A scene on the bootstrap `made` whose only upstream, on that port of HOSTS, is speaker(connection)."""
    with Server(lab.peer, HOSTS[0][0], port, speaker) as server, proxy_process.Proxy(lab.pod, made, workers=1) as proxy:
        one = Scene(lab, proxy)
        one.speaker, one.server = speaker, server
        yield one
        assert proxy.process.poll() is None, proxy.log()[-6000:]
