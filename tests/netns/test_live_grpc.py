# SPDX-License-Identifier: Apache-2.0
"""Configuration from a control plane under traffic: weir-proxy fed by weir-control."""

import json
import re
import time

import pytest

import live_scene
import proxy_process
from control_process import TYPES, Control
from harness.lab import POD
from live_scene import ECHO, HTTP, ONE, TWO, Load, assignment, first_body, http, http_by_rds, http_server, routes, serves, static, tcp
from proxy_config import ADMIN, socket_address
from proxy_peers import Server, echo
from proxy_process import wait_for
from test_control_envoy import ENTRY, OUTSIDE, REGISTRY_ONLY, RULES, Sidecar, bootstrap

SOURCES = ["ads sotw", "ads delta", "per type sotw", "per type delta"]


def resource(kind: str, content: dict) -> str:
    return json.dumps({"@type": TYPES[kind], **content})


def file_of(**resources: dict) -> str:
    """A file of weir-control: kind_name = content; a document each."""
    return "\n---\n".join(resource(key.partition("_")[0], content) for key, content in resources.items())


def eds(name: str, source: dict, **fields) -> dict:
    return {"name": name, "type": "EDS", "eds_cluster_config": {"eds_config": source}, **fields}


class Way:
    """How a proxy reaches the control plane."""

    def __init__(self, kind: str):
        self.api = {
            "api_type": "DELTA_GRPC" if kind.endswith("delta") else "GRPC",
            "transport_api_version": "V3",
            "grpc_services": [{"envoy_grpc": {"cluster_name": "control"}}],
        }
        self.ads = kind.startswith("ads")
        self.source = {"resource_api_version": "V3", **({"ads": {}} if self.ads else {"api_config_source": self.api})}

    def bootstrap(self, port: int, **dynamic) -> dict:
        sources = {"cds_config": self.source, "lds_config": self.source, **dynamic}
        return {
            "node": {"id": "one", "cluster": "test"},
            "admin": {"address": socket_address(*ADMIN)},
            "dynamic_resources": {**sources, **({"ads_config": self.api} if self.ads else {})},
            "static_resources": {"clusters": [static("control", ("127.0.0.1", port), connect_timeout="1s")]},
        }


@pytest.fixture(scope="module")
def servers(plain_lab):
    with (
        Server(plain_lab.peer, *ONE, http_server(b"one")),
        Server(plain_lab.peer, *TWO, http_server(b"two")),
        Server(plain_lab.peer, *ECHO, echo),
    ):
        yield


@pytest.fixture(params=SOURCES)
def way(request):
    return Way(request.param)


@pytest.fixture
def control(plain_lab):
    with Control({}, plain_lab.pod) as running:
        yield running
        print(f"--- log of weir-control\n{running.log()[-3000:]}")


@pytest.fixture
def start(plain_lab, run_proxy, control, servers):
    def run(way: Way, **dynamic):
        wait_for(lambda: re.search(r", [1-9]\d* resources", control.log()), "weir-control has read its files")
        return run_proxy(plain_lab.pod, way.bootstrap(control.port, **dynamic))

    return run


def scene(way: Way, to: tuple[str, int]) -> str:
    """An EDS cluster behind an HTTP listener, and a TCP one."""
    return file_of(
        cluster_a=eds("a", way.source),
        endpoint_a=assignment("a", to),
        cluster_echo=static("echo", ECHO),
        listener_http=http("a"),
        listener_tcp=tcp("echo"),
    )


def test_first_configuration_and_changes(plain_lab, control, start, way):
    control.replace("all.json", scene(way, ONE))
    proxy = start(way)
    assert first_body(plain_lab) == "one", "what is ready serves"
    control.replace("all.json", scene(way, TWO))
    serves(plain_lab, "two")
    stats = proxy.stats()
    assert stats["cluster_manager.cluster_modified"] == 0 and stats["listener_manager.listener_modified"] == 0
    assert stats["cluster_manager.cds.update_success"] >= 1 and stats["cluster_manager.cds.update_rejected"] == 0
    assert stats["cluster_manager.cds.update_time"] > 1_600_000_000_000
    names = ["control_plane"] if way.ads else ["cluster_manager.cds.control_plane", "listener_manager.lds.control_plane"]
    assert [stats[f"{name}.connected_state"] for name in names] == [1] * len(names)
    wait_for(lambda: control.status()["one"][:3] == ["SYNCED"] * 3, "everything is acknowledged")


def test_fifty_changes_lose_nothing(plain_lab, control, start, way):
    control.replace("all.json", scene(way, ONE))
    proxy = start(way)
    with Load(plain_lab.peer) as load:
        for number in range(1, 51):
            before = proxy.stat("cluster.a.membership_change")
            control.replace("all.json", scene(way, (ONE, TWO)[number % 2]))
            wait_for(lambda: proxy.stat("cluster.a.membership_change") > before, f"change {number}", 5)
    load.check()
    assert load.answers["one"] > 25 and load.answers["two"] > 25


def test_a_bad_resource_beside_good_ones(plain_lab, control, start, way):
    control.replace("all.json", scene(way, ONE))
    proxy = start(way)
    wait_for(lambda: proxy.stat("listener_manager.lds.update_success") == 1, "the first are accepted")
    bad = http("a", stat_prefix="x")
    bad["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"] = []
    control.replace("all.json", file_of(cluster_a=eds("a", way.source), endpoint_a=assignment("a", ONE),
                                        cluster_echo=static("echo", ECHO), listener_http=bad, listener_tcp=tcp("echo"),
                                        listener_more=tcp("echo", "more", 9200)))  # fmt: skip
    proxy.wait_stat("listener_manager.lds.update_rejected", 1)
    assert first_body(plain_lab) == "one", "the old one serves"
    with plain_lab.peer.connect(POD[4], 9200, timeout=10) as fresh:
        fresh.sendall(b"x")
        assert fresh.recv(1) == b"x", "the good one beside it serves"
    wait_for(lambda: control.status()["one"][2] == "STALE", "the control plane was told")
    text = control.status_text()
    assert "http_filters" in text and "http" in text
    assert "NACK" in proxy.log() and "filter_chains[0].filters[0].typed_config" in proxy.log()


def test_a_control_plane_that_dies_again_and_again(plain_lab, control, start, way):
    control.replace("all.json", scene(way, ONE))
    proxy = start(way)
    listen = f"127.0.0.1:{control.port}"
    with Load(plain_lab.peer) as load:
        for number in range(1, 6):
            control.stop()
            state = "control_plane.connected_state" if way.ads else "cluster_manager.cds.control_plane.connected_state"
            wait_for(lambda: proxy.stat(state) == 0, "it is lost")
            (control.root / "log").unlink()
            control.replace("all.json", scene(way, (ONE, TWO)[number % 2]))
            control.start("--listen", listen)
            wait_for(lambda: proxy.stat(state) == 1, "it is back", 10)
            serves(plain_lab, ("one", "two")[number % 2])
    load.check()
    assert load.requests > 50 and load.connections > 50
    assert proxy.stat("cluster_manager.cluster_modified") == 0


def test_without_a_control_plane_it_waits_and_begins(plain_lab, control, run_proxy, way):
    """Static listeners wait for the first answers, and no longer than they were told to."""
    source = {**way.source, "initial_fetch_timeout": "1s"}
    config = way.bootstrap(1, cds_config=source, lds_config=source)
    config["static_resources"]["listeners"] = [tcp("echo")]
    config["static_resources"]["clusters"].append(static("echo", ECHO))
    began = time.monotonic()
    proxy = run_proxy(plain_lab.pod, config)
    assert time.monotonic() - began > 0.9
    assert proxy.stat("cluster_manager.cds.init_fetch_timeout") == 1
    assert "connect '127.0.0.1:1'" in proxy.log()


def test_endpoints_outlive_a_change_of_their_cluster(plain_lab, control, start, way):
    control.replace("all.json", scene(way, ONE))
    proxy = start(way)
    control.replace("all.json", scene(way, ONE).replace('"type": "EDS"', '"type": "EDS", "connect_timeout": "3s"'))
    proxy.wait_stat("cluster_manager.cluster_modified", 1)
    proxy.wait_stat("cluster_manager.warming_clusters", 0)
    assert first_body(plain_lab) == "one"


# -- route tables -------------------------------------------------------------------------------------------------


def routed(way: Way, to: str, **table) -> str:
    return file_of(
        cluster_one=static("one", ONE),
        cluster_two=static("two", TWO),
        cluster_echo=static("echo", ECHO),
        listener_http=http_by_rds(way.source, "table"),
        listener_tcp=tcp("echo"),
        route_table=routes("table", to, **table),
    )


def test_a_hundred_route_tables_lose_nothing(plain_lab, control, start, way):
    control.replace("all.json", routed(way, "one"))
    proxy = start(way)
    assert first_body(plain_lab) == "one", "the listener has waited for its routes"
    with Load(plain_lab.peer) as load:
        for number in range(1, 101):
            before = proxy.stat("http.in.rds.table.config_reload")
            control.replace("all.json", routed(way, ("one", "two")[number % 2]))
            wait_for(lambda: proxy.stat("http.in.rds.table.config_reload") > before, f"change {number}", 5)
    load.check()
    assert load.answers["one"] > 50 and load.answers["two"] > 50
    stats = proxy.stats()
    assert stats["http.in.rds.table.update_success"] == 101 and stats["http.in.rds.table.update_rejected"] == 0
    assert stats["listener_manager.listener_modified"] == 0 and stats["cluster_manager.cluster_modified"] == 0


def test_a_bad_route_table_keeps_the_one_before(plain_lab, control, start, way):
    control.replace("all.json", routed(way, "one"))
    proxy = start(way)
    control.replace("all.json", routed(way, "never", validate_clusters=True))
    proxy.wait_stat("http.in.rds.table.update_rejected", 1)
    assert first_body(plain_lab) == "one"
    wait_for(lambda: control.status()["one"][3] == "STALE", "the control plane was told")
    control.replace("all.json", routed(way, "two", validate_clusters=True))
    serves(plain_lab, "two")


def test_routes_that_do_not_come(plain_lab, control, start, way):
    """The listener waits as long as it was told to, then answers 404, and takes them when they come."""
    source = {**way.source, "initial_fetch_timeout": "1s"}
    parts = {"cluster_one": static("one", ONE), "listener_http": http_by_rds(source, "late")}
    control.replace("all.json", file_of(**parts))
    began = time.monotonic()
    proxy = start(way)
    assert time.monotonic() - began > 0.9
    with plain_lab.peer.connect(POD[4], HTTP, timeout=10) as connection:
        assert live_scene.ask(connection)[0] == 404
        control.replace("all.json", file_of(**parts, route_late=routes("late", "one")))
        proxy.wait_stat("http.in.rds.late.update_success", 1)
        assert live_scene.ask(connection)[:2] == (200, "one"), "on a connection that was open before"
    assert proxy.stat("http.in.rds.late.init_fetch_timeout") == 1


def test_a_changed_listener_waits_for_its_new_table(plain_lab, control, start, way):
    control.replace("all.json", routed(way, "one"))
    proxy = start(way)
    moved = {"cluster_one": static("one", ONE), "cluster_two": static("two", TWO), "cluster_echo": static("echo", ECHO),
             "listener_tcp": tcp("echo"), "listener_http": http_by_rds(way.source, "other")}  # fmt: skip
    with Load(plain_lab.peer) as load:
        control.replace("all.json", file_of(**moved))
        proxy.wait_stat("listener_manager.lds.update_success", 2)
        time.sleep(0.3)
        assert proxy.stat("listener_manager.listener_modified") == 0, "the version before serves"
        control.replace("all.json", file_of(**moved, route_other=routes("other", "two")))
        proxy.wait_stat("listener_manager.listener_modified", 1)
        serves(plain_lab, "two")
    load.check()


# -- a sidecar as weir-control makes it ---------------------------------------------------------------------------


class WeirSidecar(Sidecar):
    """The workload of test_control_envoy with weir-proxy in Envoy's place."""

    def _start_envoy(self, api_type: str) -> None:
        self.proxy = proxy_process.Proxy(self.namespace, bootstrap(self.control.port, api_type))

    def close(self) -> None:
        self.proxy.close()
        super().close()

    def log(self) -> str:
        return self.proxy.log() + self.proxy.output()


@pytest.fixture(params=["GRPC", "DELTA_GRPC"])
def sidecar(request, make_namespace):
    with WeirSidecar(make_namespace("sidecar"), request.param, {"mesh.yaml": REGISTRY_ONLY}) as running:
        yield running
        print(f"--- log of weir-proxy\n{running.proxy.log()[-6000:]}")


def test_a_service_entry_opens_one_host(sidecar):
    assert sidecar.get("out.example.com") == (502, "")
    assert sidecar.get("raw", address=OUTSIDE, port=7000) == (0, "")  # no HTTP port: BlackHoleCluster
    sidecar.control.replace("out.yaml", ENTRY)
    wait_for(lambda: sidecar.get("out.example.com")[0] == 200, "the host is open")
    assert {sidecar.get("out.example.com")[1] for _ in range(40)} == {"v1", "v2"}
    assert sidecar.get("other.example.com") == (502, "")
    wait_for(sidecar.is_synced, "every type is acknowledged")
    sidecar.control.remove("out.yaml")
    wait_for(lambda: sidecar.get("out.example.com") == (502, ""), "the host is blocked again")


def test_rules_move_traffic(sidecar):
    sidecar.control.replace("out.yaml", ENTRY)
    sidecar.control.replace("rules.yaml", RULES)
    wait_for(lambda: sidecar.get("out.example.com", "/teapot")[0] == 418, "the fault is injected")
    assert {sidecar.get("out.example.com") for _ in range(10)} == {(200, "v2")}
