# SPDX-License-Identifier: Apache-2.0
"""Configuration from files under traffic: what changes is served soon, and nobody who is connected notices."""

import json
import os
import time

import pytest

import proxy_process
from harness.lab import POD
from live_scene import ECHO, HTTP, ONE, TCP, TWO, Load, ask, assignment, eds, first_body, http, http_by_rds, http_server, routes, serves, static, tcp
from proxy_config import ADMIN, chain, listener, socket_address, tcp_proxy
from proxy_peers import Server, echo, says, who
from proxy_process import wait_for

CHANGES = 100


class Files:
    """cds.json, lds.json and eds.json of one proxy."""

    TYPES = {
        "cds": "cluster.v3.Cluster",
        "lds": "listener.v3.Listener",
        "eds": "endpoint.v3.ClusterLoadAssignment",
        "rds": "route.v3.RouteConfiguration",
    }

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


@pytest.fixture(scope="module")
def servers(plain_lab):
    with (
        Server(plain_lab.peer, *ONE, http_server(b"one")) as one,
        Server(plain_lab.peer, *TWO, http_server(b"two")),
        Server(plain_lab.peer, *ECHO, echo),
    ):
        yield one


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


def test_a_hundred_route_tables_lose_nothing(plain_lab, files, start, servers):
    """Requests keep the table that they began with; listeners and clusters are not touched."""
    files.write("cds", static("one", ONE), static("two", TWO), static("echo", ECHO))
    files.write("lds", http_by_rds({"path": str(files.path("rds"))}, "table"), tcp("echo"))
    files.write("rds", routes("table", "one"))
    proxy = start()
    assert first_body(plain_lab) == "one"
    with Load(plain_lab.peer) as load:
        for number in range(1, CHANGES + 1):
            before = proxy.stat("http.in.rds.table.config_reload")
            files.write("rds", routes("table", ("one", "two")[number % 2]))
            wait_for(lambda: proxy.stat("http.in.rds.table.config_reload") > before, f"change {number}", 5)
    load.check()
    assert load.answers["one"] > CHANGES / 2 and load.answers["two"] > CHANGES / 2
    files.write("rds", routes("table", "none", validate_clusters=True))
    proxy.wait_stat("http.in.rds.table.update_rejected", 1)
    assert "none" in proxy.log() and first_body(plain_lab) == "one"
    assert proxy.stat("listener_manager.listener_modified") == proxy.stat("cluster_manager.cluster_modified") == 0


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
        wait_for(lambda: who(plain_lab.peer, POD[4], HTTP, timeout=0.1) == "refused", "the port is closed")
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
