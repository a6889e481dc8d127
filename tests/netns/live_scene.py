# SPDX-License-Identifier: Apache-2.0
"""What tests of live updates share: resources, servers with a name each, and a load that notices whatever is lost."""

import socket
import threading
import time

import http_scene
from harness.lab import OUTSIDE, POD
from proxy_config import chain, listener, socket_address
from proxy_process import wait_for

HTTP, TCP = 9080, 9081
ONE, TWO = (OUTSIDE[4], 8001), (OUTSIDE[4], 8002)
ECHO = (OUTSIDE[4], 8003)


# -- configuration ------------------------------------------------------------------------------------------------


def endpoint(address: tuple[str, int]) -> dict:
    return {"endpoint": {"address": socket_address(*address)}}


def assignment(name: str, *addresses: tuple[str, int]) -> dict:
    return {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint(a) for a in addresses]}]}


def static(name: str, *addresses: tuple[str, int], **fields) -> dict:
    return {"name": name, "type": "STATIC", "load_assignment": assignment(name, *addresses), **fields}


def eds(name: str, path, **fields) -> dict:
    return {"name": name, "type": "EDS", "eds_cluster_config": {"eds_config": {"path": str(path)}}, **fields}


def http(to: str, name: str = "http", **fields) -> dict:
    return listener(name, POD[4], HTTP, {"filters": [http_scene.manager([http_scene.route(to)])]}, **fields)


def tcp(to: str, name: str = "tcp", port: int = TCP, **fields) -> dict:
    return listener(name, POD[4], port, chain(to), **fields)


def routes(name: str, to: str, **fields) -> dict:
    return {"name": name, "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [http_scene.route(to)]}], **fields}


def http_by_rds(source: dict, table: str, **fields) -> dict:
    made = http("none", **fields)
    manager = made["filter_chains"][0]["filters"][0]["typed_config"]
    del manager["route_config"]
    manager["rds"] = {"config_source": source, "route_config_name": table}
    return made


# -- traffic ------------------------------------------------------------------------------------------------------


def http_server(name: bytes):
    """Answers every request without a body with its name; for /slow it takes its time, twice."""

    def behave(connection: socket.socket) -> None:
        held = b""
        while data := connection.recv(65536):
            held += data
            while b"\r\n\r\n" in held:
                head, _, held = held.partition(b"\r\n\r\n")
                answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(name)
                if b" /slow " in head:
                    time.sleep(0.05)
                    connection.sendall(answer)
                    time.sleep(0.05)
                    connection.sendall(name)
                else:
                    connection.sendall(answer + name)

    return behave


def ask(connection: socket.socket, path: str = "/", fields: str = "") -> tuple[int, str, bool]:
    """One request: status, body, and whether the connection goes on. fields: lines."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n{fields}\r\n".encode())
    held = b""
    while b"\r\n\r\n" not in held:
        data = connection.recv(65536)
        if not data:
            raise ConnectionError(f"the end instead of an answer, after {held!r}")
        held += data
    head, _, body = held.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length"))
    while len(body) < length:
        data = connection.recv(65536)
        if not data:
            raise ConnectionError(f"the end inside of an answer, after {held!r}")
        body += data
    return int(lines[0].split()[1]), body.decode(), "connection: close" not in lines


class Load:
    """HTTP requests on kept connections (to `port`), TCP connections that live as long as this, and short ones."""

    def __init__(self, namespace, http: bool = True, tcp: bool = True, port: int = HTTP):
        self.namespace = namespace
        self.port = port
        self.failures: list[str] = []
        self.answers: dict[str, int] = {}
        self.requests = self.echoes = self.connections = 0
        self._stop = threading.Event()
        kinds = [*([self._http] * 3 if http else []), *([self._long, self._long, self._short] if tcp else [])]
        self._threads = [threading.Thread(target=self._guard, args=(kind,), daemon=True) for kind in kinds]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        time.sleep(0.2)
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)

    def check(self) -> None:
        assert not self.failures, self.failures[:5]

    def _guard(self, kind) -> None:
        try:
            kind()
        except OSError as error:
            self.failures.append(f"{kind.__name__}: {error!r}")

    def _http(self) -> None:
        while not self._stop.is_set():
            with self.namespace.connect(POD[4], self.port, timeout=10) as connection:
                goes_on = True
                while goes_on and not self._stop.is_set():
                    status, body, goes_on = ask(connection)
                    if status != 200:
                        self.failures.append(f"{status} {body}")
                    self.requests += 1
                    self.answers[body] = self.answers.get(body, 0) + 1
                    time.sleep(0.002)

    def _long(self) -> None:
        with self.namespace.connect(POD[4], TCP, timeout=10) as connection:
            while not self._stop.is_set():
                self._echo(connection)
                time.sleep(0.005)

    def _short(self) -> None:
        while not self._stop.is_set():
            with self.namespace.connect(POD[4], TCP, timeout=10) as connection:
                self._echo(connection)
            self.connections += 1
            time.sleep(0.005)

    def _echo(self, connection: socket.socket) -> None:
        connection.sendall(b"0123456789")
        got = b""
        while len(got) < 10:
            data = connection.recv(100)
            if not data:
                raise ConnectionError("a connection was ended")
            got += data
        self.echoes += 1


def first_body(lab) -> str:
    with lab.peer.connect(POD[4], HTTP, timeout=10) as connection:
        return ask(connection)[1]


def serves(lab, body: str) -> None:
    wait_for(lambda: first_body(lab) == body, f"'{body}' answers", 5)
