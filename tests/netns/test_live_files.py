# SPDX-License-Identifier: Apache-2.0
"""Configuration from files under traffic: what changes is served soon, and nobody who is connected notices."""

import json
import os
import socket
import threading
import time

import pytest

import http_scene
import proxy_process
from harness.lab import OUTSIDE, POD
from proxy_config import ADMIN, chain, listener, socket_address, tcp_proxy
from proxy_peers import Server, echo, says, who
from proxy_process import wait_for

HTTP, TCP = 9080, 9081
ONE, TWO = (OUTSIDE[4], 8001), (OUTSIDE[4], 8002)
ECHO = (OUTSIDE[4], 8003)
CHANGES = 100


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


class Files:
    """cds.json, lds.json and eds.json of one proxy."""

    TYPES = {"cds": "cluster.v3.Cluster", "lds": "listener.v3.Listener", "eds": "endpoint.v3.ClusterLoadAssignment"}

    def __init__(self):
        self.directory = proxy_process.new_directory()

    def path(self, kind: str):
        return self.directory / f"{kind}.json"

    def text(self, kind: str, resources) -> str:
        url = f"type.googleapis.com/envoy.config.{self.TYPES[kind]}"
        return json.dumps({"resources": [{"@type": url, **resource} for resource in resources]}, indent=1)

    def write(self, kind: str, *resources) -> None:
        """A new file in the place of the old one."""
        self.replace(kind, self.text(kind, resources))

    def replace(self, kind: str, text: str) -> None:
        fresh = self.directory / f".{kind}.new"
        fresh.write_text(text)
        os.rename(fresh, self.path(kind))

    def bootstrap(self) -> dict:
        return {
            "admin": {"address": socket_address(*ADMIN)},
            "dynamic_resources": {
                "cds_config": {"path": str(self.path("cds"))},
                "lds_config": {"path_config_source": {"path": str(self.path("lds"))}},
            },
        }


@pytest.fixture
def files():
    return Files()


@pytest.fixture
def start(plain_lab, run_proxy, files):
    def run(*arguments: str) -> proxy_process.Proxy:
        return run_proxy(plain_lab.pod, files.bootstrap(), *arguments, directory=files.directory)

    return run


# -- traffic ------------------------------------------------------------------------------------------------------


def http_server(name: bytes):
    """Answers every request without a body with its name."""

    def behave(connection: socket.socket) -> None:
        held = b""
        while data := connection.recv(65536):
            held += data
            while b"\r\n\r\n" in held:
                held = held.partition(b"\r\n\r\n")[2]
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(name), name))

    return behave


def ask(connection: socket.socket) -> tuple[int, str, bool]:
    """One request: status, body, and whether the connection goes on."""
    connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
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
    """HTTP requests on kept connections, TCP connections that live as long as this, and short ones."""

    def __init__(self, namespace, http: bool = True, tcp: bool = True):
        self.namespace = namespace
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
            with self.namespace.connect(POD[4], HTTP, timeout=10) as connection:
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


@pytest.fixture(scope="module")
def servers(plain_lab):
    with (
        Server(plain_lab.peer, *ONE, http_server(b"one")) as one,
        Server(plain_lab.peer, *TWO, http_server(b"two")),
        Server(plain_lab.peer, *ECHO, echo),
    ):
        yield one


def first_body(lab) -> str:
    with lab.peer.connect(POD[4], HTTP, timeout=10) as connection:
        return ask(connection)[1]


def serves(lab, body: str) -> None:
    wait_for(lambda: first_body(lab) == body, f"'{body}' answers", 5)


# -- many changes, none of which is noticed -------------------------------------------------------------------------


def test_the_tutorials_files(plain_lab, files, start, servers):
    files.write("cds", static("c", ONE, connect_timeout="1s"))
    files.write("lds", http("c"))
    proxy = start()
    assert first_body(plain_lab) == "one"
    files.write("cds", static("c", TWO, connect_timeout="1s"))
    serves(plain_lab, "two")
    assert proxy.stat("cluster_manager.cluster_modified") == 1
    assert proxy.stat("cluster_manager.cds.update_success") == 2
    assert proxy.stat("listener_manager.lds.update_success") == 1


@pytest.mark.parametrize("what", ["route", "cluster", "listener"])
def test_a_hundred_changes_lose_nothing(plain_lab, files, start, servers, what):
    def write(number: int) -> None:
        to = ("one", "two")[number % 2] if what == "route" else "both"
        timeout = {"connect_timeout": f"{1 + number % 2 if what == 'cluster' else 1}s"}
        files.write("cds", static("one", ONE), static("two", TWO), static("both", ONE, TWO, **timeout),
                    static("echo", ECHO, **timeout))  # fmt: skip
        extra = [tcp("echo", f"extra{number}", 9100 + number % 2)] if what == "listener" else []
        backlog = {"per_connection_buffer_limit_bytes": 32768 + number} if what == "listener" else {}
        files.write("lds", http(to, **backlog), tcp("echo"), *extra)

    counter = {
        "route": "listener_manager.listener_in_place_updated",
        "cluster": "cluster_manager.cluster_modified",
        "listener": "listener_manager.listener_removed",
    }[what]
    write(0)
    proxy = start()
    with Load(plain_lab.peer) as load:
        for number in range(1, CHANGES + 1):
            before = proxy.stat(counter)
            write(number)
            wait_for(lambda: proxy.stat(counter) > before, f"change {number}", 5)
        time.sleep(0.2)
    load.check()
    assert load.requests > CHANGES and load.echoes > CHANGES and load.connections > CHANGES
    assert set(load.answers) == {"one", "two"}
    assert "drained" not in proxy.ended()


def test_a_hundred_sets_of_endpoints_lose_nothing(plain_lab, files, start, servers):
    files.write("cds", eds("moving", files.path("eds")), static("echo", ECHO))
    files.write("lds", http("moving"), tcp("echo"))
    files.write("eds", assignment("moving", ONE))
    proxy = start()
    with Load(plain_lab.peer) as load:
        for number in range(1, CHANGES + 1):
            before = proxy.stat("cluster.moving.membership_change")
            files.write("eds", assignment("moving", (ONE, TWO)[number % 2]))
            wait_for(lambda: proxy.stat("cluster.moving.membership_change") > before, f"change {number}", 5)
    load.check()
    assert load.answers["one"] > CHANGES / 2 and load.answers["two"] > CHANGES / 2
    stats = proxy.stats()
    assert stats["cluster.moving.update_success"] == CHANGES
    assert stats["cluster_manager.cluster_modified"] == 0
    assert stats["listener_manager.listener_modified"] == 0


def test_endpoints_outlive_a_change_of_their_cluster(plain_lab, files, start, servers):
    files.write("cds", eds("moving", files.path("eds")))
    files.write("lds", http("moving"))
    files.write("eds", assignment("moving", ONE))
    proxy = start()
    assert first_body(plain_lab) == "one"
    files.write("cds", eds("moving", files.path("eds"), connect_timeout="3s"))
    proxy.wait_stat("cluster_manager.cluster_modified", 1)
    proxy.wait_stat("cluster_manager.warming_clusters", 0)
    assert first_body(plain_lab) == "one"


# -- listeners ------------------------------------------------------------------------------------------------------


def test_an_unchanged_chain_keeps_its_connections(plain_lab, files, start, servers):
    """One chain of a listener changes: its connections are told to go, those of the other do not notice."""
    loopback = {"source_prefix_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]}

    def write(prefix: str) -> None:
        other = {"filters": [tcp_proxy("echo", stat_prefix=prefix)], "name": "other", "filter_chain_match": loopback}
        files.write("lds", listener("tcp", "0.0.0.0", TCP, chain("echo", "kept", match={}), other))

    files.write("cds", static("echo", ECHO))
    write("a")
    proxy = start("--drain-time-s", "1")
    with plain_lab.peer.connect(POD[4], TCP, timeout=10) as kept, plain_lab.pod.connect("127.0.0.1", TCP, timeout=10) as cut:
        for connection in (kept, cut):
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"
        write("b")
        proxy.wait_stat("listener_manager.listener_in_place_updated", 1)
        assert proxy.stat("listener_manager.total_filter_chains_draining") == 1
        assert cut.recv(1) == b"", "it is cut when the drain time is over"
        kept.sendall(b"y")
        assert kept.recv(1) == b"y"
        assert proxy.ended() == {"drained": 1}
        proxy.wait_stat("listener_manager.total_filter_chains_draining", 0)


def test_a_removed_listener_drains(plain_lab, files, start, servers):
    files.write("cds", static("one", ONE), static("echo", ECHO))
    files.write("lds", http("one"), tcp("echo"))
    proxy = start("--drain-time-s", "1")
    with plain_lab.peer.connect(POD[4], HTTP, timeout=10) as asks, plain_lab.peer.connect(POD[4], TCP, timeout=10) as held:
        assert ask(asks)[2]
        held.sendall(b"x")
        assert held.recv(1) == b"x"
        files.write("lds")
        proxy.wait_stat("listener_manager.listener_removed", 2)
        assert proxy.stat("listener_manager.total_listeners_draining") == 2
        assert who(plain_lab.peer, POD[4], HTTP) == "refused"
        assert ask(asks) == (200, "one", False)
        held.sendall(b"y")
        assert held.recv(1) == b"y"
        assert held.recv(1) == b""
    proxy.wait_stat("listener_manager.total_listeners_draining", 0)
    assert proxy.stat("listener_manager.total_listeners_active") == 0


def test_an_address_changes_hands(plain_lab, files, start, servers):
    """Another name, the same address: the socket stays open."""
    files.write("cds", static("echo", ECHO))
    files.write("lds", tcp("echo", "before"))
    proxy = start()
    with Load(plain_lab.peer, http=False) as load:
        files.write("lds", tcp("echo", "after"))
        proxy.wait_stat("listener_manager.listener_removed", 1)
        time.sleep(0.3)
    load.check()
    assert "after::" in proxy.text("/listeners") and "before::" not in proxy.text("/listeners")


def test_a_moved_listener(plain_lab, files, start, servers):
    files.write("cds", static("echo", ECHO))
    files.write("lds", tcp("echo"))
    proxy = start()
    files.write("lds", tcp("echo", port=9082))
    proxy.wait_stat("listener_manager.listener_modified", 1)
    wait_for(lambda: who(plain_lab.peer, POD[4], TCP) == "refused", "the old address is closed", 5)
    with plain_lab.peer.connect(POD[4], 9082, timeout=10) as connection:
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"


def test_an_address_that_somebody_else_has(plain_lab, files, start, servers):
    files.write("cds", static("echo", ECHO))
    files.write("lds", tcp("echo"))
    with Server(plain_lab.pod, POD[4], 9083, says("other")):
        proxy = start()
        files.write("lds", tcp("echo", port=9083), tcp("echo", "more", 9084))
        proxy.wait_stat("listener_manager.listener_create_failure", 1)
        assert "9083" in proxy.log() and "another process" in proxy.log()
        for port in (TCP, 9084):
            with plain_lab.peer.connect(POD[4], port, timeout=10) as connection:
                connection.sendall(b"x")
                assert connection.recv(1) == b"x"


# -- files that are wrong, and the ways to replace one --------------------------------------------------------------


@pytest.mark.parametrize(
    "text, told",
    [
        ("resources: [", "lds.json:"),
        ("", "lds.json"),
        ("resources: [{name: http}, {name: tcp}]", "@type"),
        ("resources: [{}]", "resources[0]: type ''"),
        ("resourcez: []", "lds.json:1:1: resourcez"),
    ],
)
def test_a_bad_file_changes_nothing(plain_lab, files, start, servers, text, told):
    files.write("cds", static("one", ONE), static("echo", ECHO))
    files.write("lds", http("one"), tcp("echo"))
    proxy = start()
    with Load(plain_lab.peer) as load:
        files.replace("lds", text)
        proxy.wait_stat("listener_manager.lds.update_rejected", 1)
        time.sleep(0.2)
    load.check()
    assert told in proxy.log() and "stays in force" in proxy.log()
    assert proxy.stat("listener_manager.total_listeners_active") == 2


def test_the_good_are_served_beside_a_bad_one(plain_lab, files, start, servers):
    files.write("cds", static("one", ONE), static("two", TWO), static("echo", ECHO))
    files.write("lds", http("one"), tcp("echo"))
    proxy = start()
    wrong = tcp("echo")
    wrong["traffic_direction"] = "SIDEWAYS"
    files.write("lds", http("two"), wrong)
    serves(plain_lab, "two")
    assert proxy.stat("listener_manager.lds.update_rejected") == 1
    assert "resources[1].traffic_direction" in proxy.log() and "'tcp' is refused" in proxy.log()
    with plain_lab.peer.connect(POD[4], TCP, timeout=10) as connection:
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"


@pytest.mark.parametrize("way", ["rename", "in place", "slowly", "link", "config map"])
def test_ways_to_replace_a_file(plain_lab, files, start, servers, way):
    def text(to: str) -> str:
        return files.text("lds", [http(to)])

    files.write("cds", static("one", ONE), static("two", TWO))
    path = files.path("lds")
    if way == "config map":
        for name, to in (("..1", "one"), ("..2", "two")):
            (files.directory / name).mkdir()
            (files.directory / name / "lds.json").write_text(text(to))
        os.symlink("..1", files.directory / "..data")
        os.symlink("..data/lds.json", path)
    elif way == "link":
        (files.directory / "far").mkdir()
        (files.directory / "far" / "a.json").write_text(text("one"))
        os.symlink("far/a.json", path)
    else:
        path.write_text(text("one"))
    proxy = start()
    serves(plain_lab, "one")
    if way == "rename":
        files.replace("lds", text("two"))
    elif way == "in place":
        path.write_text(text("two"))
    elif way == "link":
        (files.directory / "far" / "a.json").write_text(text("two"))
    elif way == "slowly":
        with open(path, "w") as file:
            for line in text("two").splitlines(keepends=True)[:40]:
                file.write(line)
                file.flush()
                time.sleep(0.01)
            assert first_body(plain_lab) == "one"
            file.seek(0)
            file.truncate()
            file.write(text("two"))
    else:
        os.symlink("..2", files.directory / "..data_tmp")
        os.rename(files.directory / "..data_tmp", files.directory / "..data")
    serves(plain_lab, "two")
    assert proxy.stats().get("listener_manager.lds.update_rejected", 0) == 0
