# SPDX-License-Identifier: Apache-2.0
"""A thousand changes of everything under traffic: no request and no connection is lost."""

import json
import os
import random
import time

import pytest

import http_scene
import proxy_process
from control_process import TYPES
from harness.lab import OUTSIDE, POD
from http_differential.upstream import Upstream
from live_scene import ECHO, HTTP, ONE, TCP, TWO, ask, assignment, eds, http_by_rds, http_server, static, tcp
from live_traffic import Traffic
from proxy_config import ADMIN, socket_address
from proxy_peers import Server, echo
from proxy_process import wait_for
from scripted_control import ADDRESS, Mesh, speaks

UPDATES = int(os.environ.get("WEIR_UPDATES", "1000"))
SEED = int(os.environ.get("WEIR_SEED", "20261123"))
ECHO2 = (OUTSIDE[4], 8004)
OVER_HTTP2 = (OUTSIDE[4], 8005)
FROM_FILES, EXTRA = 9085, 9100
ADS = {"ads": {}, "resource_api_version": "V3"}


class QuietUpstream(Upstream):
    """Keeps no record of requests by the ten thousand."""

    def record(self, received):
        scenario = super().record(received)
        self.forget("")
        return scenario


@pytest.fixture(scope="module")
def servers(plain_lab):
    upstream = QuietUpstream(plain_lab.peer, [OVER_HTTP2])
    with (
        Server(plain_lab.peer, *ONE, http_server(b"one")),
        Server(plain_lab.peer, *TWO, http_server(b"two")),
        Server(plain_lab.peer, *ECHO, echo),
        Server(plain_lab.peer, *ECHO2, echo),
    ):
        yield
    upstream.close()


def by_ads(name: str, **fields) -> dict:
    return {"name": name, "type": "EDS", "eds_cluster_config": {"eds_config": ADS}, **fields}


def table(name: str, to: str, **fields) -> dict:
    places = [http_scene.route("second", "/http2"), http_scene.route(to)]
    return {"name": name, "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": places}], **fields}


class Churn:
    """One change after another, each sent as a control plane by the book does: what is new first, what is gone last."""

    def __init__(self, mesh: Mesh):
        self.mesh = mesh
        self.random = random.Random(SEED)
        self.directory = proxy_process.new_directory()
        self.turn = 0
        self.target, self.tcp_name, self.extra = "c0", "tcp", False
        self.counts: dict[str, int] = {}
        for cluster in (by_ads("c0"), by_ads("echo"), static("second", OVER_HTTP2, **http_scene.HTTP2), eds("filed", self.path("eds"))):
            mesh.set("cluster", cluster)
        mesh.set("endpoint", assignment("c0", ONE, TWO))
        mesh.set("endpoint", assignment("echo", ECHO))
        mesh.set("listener", http_by_rds(ADS, "table"))
        mesh.set("listener", tcp("echo"))
        mesh.set("listener", self._from_files())
        mesh.set("route", table("table", "c0"))
        self.write("eds", "endpoint", assignment("filed", ONE))
        self.write("rds", "route", table("filed", "filed"))

    def path(self, kind: str):
        return self.directory / f"{kind}.json"

    def write(self, file: str, kind: str, content: dict) -> None:
        fresh = self.directory / f".{file}.new"
        fresh.write_text(json.dumps({"resources": [{"@type": TYPES[kind], **content}]}))
        os.rename(fresh, self.path(file))

    def bootstrap(self, delta: bool) -> dict:
        api = {"api_type": "DELTA_GRPC" if delta else "GRPC", "transport_api_version": "V3", "grpc_services": [{"envoy_grpc": {"cluster_name": "control"}}]}
        return {
            "node": {"id": "one", "cluster": "test"},
            "admin": {"address": socket_address(*ADMIN)},
            "dynamic_resources": {"ads_config": api, "cds_config": ADS, "lds_config": ADS},
            "static_resources": {"clusters": [static("control", ADDRESS)]},
        }

    def _from_files(self, **fields) -> dict:
        made = http_by_rds({"path": str(self.path("rds"))}, "filed", name="filed", **fields)
        made["address"] = socket_address(POD[4], FROM_FILES)
        return made

    def step(self, settle: bool, change=None) -> None:
        """One of the changes, or the given one; settle: the next one waits until the proxy has answered."""
        self.turn += 1
        change = change or self.random.choice(self.CHANGES)
        self.counts[change.__name__] = self.counts.get(change.__name__, 0) + 1
        change(self)
        if settle:
            self.mesh.wait_settled()

    def _change(self, kind: str, content: dict) -> None:
        self.mesh.set(kind, content)
        self.mesh.push(kind)

    # -- endpoints

    def endpoints(self) -> None:
        self._change("endpoint", assignment(self.target, *self.random.choice([(ONE,), (TWO,), (ONE, TWO)])))

    def echo_endpoints(self) -> None:
        self._change("endpoint", assignment("echo", *self.random.choice([(ECHO,), (ECHO2,), (ECHO, ECHO2)])))

    def endpoints_in_a_file(self) -> None:
        self.write("eds", "endpoint", assignment("filed", (ONE, TWO)[self.turn % 2]))

    # -- clusters

    def cluster(self) -> None:
        self._change("cluster", by_ads(self.target, connect_timeout=f"{1 + self.turn % 7}s"))

    def echo_cluster(self) -> None:
        self._change("cluster", by_ads("echo", connect_timeout=f"{1 + self.turn % 7}s"))

    def second_cluster(self) -> None:
        self._change("cluster", static("second", OVER_HTTP2, connect_timeout=f"{1 + self.turn % 7}s", **http_scene.HTTP2))

    def other_target(self) -> None:
        """A new cluster, the routes to it, and the one before goes, with requests under way."""
        before, self.target = self.target, f"c{self.turn}"
        self.mesh.set("cluster", by_ads(self.target))
        self.mesh.set("endpoint", assignment(self.target, self.random.choice([ONE, TWO])))
        self.mesh.set("route", table("table", self.target))
        self.mesh.push("cluster", "endpoint", "route")
        self.mesh.remove("cluster", before)
        self.mesh.remove("endpoint", before)
        self.mesh.push("cluster")

    # -- routes

    def routes(self) -> None:
        more = {"response_headers_to_add": [{"header": {"key": "x-turn", "value": str(self.turn)}}]}
        self._change("route", table("table", self.target, **more))

    def routes_in_a_file(self) -> None:
        self.write("rds", "route", table("filed", ("filed", "second")[self.turn % 2]))

    # -- listeners

    def chain(self) -> None:
        made = http_by_rds(ADS, "table")
        made["filter_chains"][0]["filters"][0]["typed_config"]["stat_prefix"] = f"in{self.turn % 3}"
        self._change("listener", made)

    def frame(self) -> None:
        self._change("listener", http_by_rds(ADS, "table", per_connection_buffer_limit_bytes=32768 + self.turn))

    def frame_of_the_one_with_files(self) -> None:
        self._change("listener", self._from_files(per_connection_buffer_limit_bytes=32768 + self.turn))

    def tcp_chain(self) -> None:
        made = tcp("echo", self.tcp_name)
        made["filter_chains"][0]["filters"][0]["typed_config"]["stat_prefix"] = f"tcp{self.turn % 3}"
        self._change("listener", made)

    def tcp_frame(self) -> None:
        self._change("listener", tcp("echo", self.tcp_name, per_connection_buffer_limit_bytes=32768 + self.turn))

    def other_owner(self) -> None:
        """The address of a listener goes to one of another name."""
        self.mesh.remove("listener", self.tcp_name)
        self.tcp_name = f"tcp{self.turn}"
        self._change("listener", tcp("echo", self.tcp_name))

    def extra_listener(self) -> None:
        self.extra = not self.extra
        if self.extra:
            self.mesh.set("listener", tcp("echo", "extra", EXTRA + self.turn % 2))
        else:
            self.mesh.remove("listener", "extra")
        self.mesh.push("listener")

    CHANGES = (
        endpoints, echo_endpoints, endpoints_in_a_file, cluster, echo_cluster, second_cluster, other_target, routes,
        routes_in_a_file, chain, frame, frame_of_the_one_with_files, tcp_chain, tcp_frame, other_owner, extra_listener,
    )  # fmt: skip

    def end(self) -> None:
        """A state that can be asked for."""
        self.mesh.set("endpoint", assignment(self.target, TWO))
        self.mesh.push("endpoint")
        self.write("eds", "endpoint", assignment("filed", TWO))
        self.write("rds", "route", table("filed", "filed"))
        self.mesh.wait_settled()


@pytest.fixture(params=["sotw", "delta"])
def delta(request):
    return request.param == "delta"


def body(lab, port: int) -> str:
    with lab.peer.connect(POD[4], port, timeout=10) as connection:
        return ask(connection)[1]


@pytest.mark.parametrize("pace", ["each waits for its answer", "in bursts"])
def test_changes_of_everything_lose_nothing(plain_lab, run_proxy, servers, delta, pace):
    mesh = Mesh()
    churn = Churn(mesh)
    bursts = pace == "in bursts"
    with Server(plain_lab.pod, *ADDRESS, speaks(mesh.serve)):
        # Connections of a chain that has left are ended when the drain time is over: it is not, here.
        proxy = run_proxy(plain_lab.pod, churn.bootstrap(delta), "--drain-time-s", "600", directory=churn.directory)
        traffic = Traffic(plain_lab.peer, (HTTP, FROM_FILES), ("/", "/http2", "/", "/"))
        with traffic:
            time.sleep(2 if UPDATES >= 1000 else 0.5)
            quiet = len(traffic.times)
            before = traffic.percentile(0.99)
            began = time.monotonic()
            for number in range(UPDATES):
                churn.step(settle=not bursts or number % 10 == 9)
                time.sleep(0.002 if bursts else 0.01)
            churn.end()
            took = time.monotonic() - began
            for port in (HTTP, FROM_FILES):
                wait_for(lambda port=port: body(plain_lab, port) == "two", f"the last state serves at {port}")
            time.sleep(0.3)
        print(f"{UPDATES} updates in {took:.1f} s, {traffic.counts}, p99 {before:.1f} ms without, {traffic.percentile(0.99, quiet):.1f} ms with; {churn.counts}; ended: {proxy.ended()}; lost: {traffic.failures[:5]}")
        traffic.check()
        assert mesh.refusals == [] and mesh.streams == 1
        stats = proxy.stats()
        assert {name for name, value in stats.items() if value and name.endswith(("update_rejected", "create_failure"))} == set()
        for counter in ("listener_manager.listener_in_place_updated", "listener_manager.listener_removed", "cluster_manager.cluster_modified",
                        "cluster_manager.cluster_removed", "cluster.echo.membership_change", "http.in.rds.filed.config_reload"):  # fmt: skip
            assert stats[counter] > 0, counter
        assert "drained" not in proxy.ended()
        http_scene.gauges_are_zero(proxy)


def test_routes_that_move_to_new_clusters_lose_nothing(plain_lab, run_proxy, servers, delta):
    """The new table waits for its cluster; the one before needs its own until then, and not a moment less."""
    mesh = Mesh()
    churn = Churn(mesh)
    with Server(plain_lab.pod, *ADDRESS, speaks(mesh.serve)):
        proxy = run_proxy(plain_lab.pod, churn.bootstrap(delta), directory=churn.directory)
        with Traffic(plain_lab.peer) as traffic:
            for number in range(UPDATES):
                churn.step(settle=number % 3 == 2, change=Churn.other_target)
                time.sleep(0.005)
            mesh.wait_settled()
            time.sleep(0.3)
        traffic.check()
        assert mesh.refusals == []
        assert proxy.stat("cluster_manager.cluster_removed") > UPDATES / 4
