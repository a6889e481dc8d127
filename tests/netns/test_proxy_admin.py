# SPDX-License-Identifier: Apache-2.0
"""The admin server over HTTP, as operators, Istio's agent and Prometheus use it."""

import json
import re

import pytest

from harness import programs
from harness.lab import OUTSIDE, POD
from proxy_config import bootstrap, chain, cluster, listener, original_dst, outbound, socket_address, virtual
from proxy_peers import echo, read_exactly
from proxy_process import Proxy, wait_for

HOST = OUTSIDE[4]


@pytest.fixture(scope="module")
def proxy(plain_lab):
    config = bootstrap(
        [
            outbound(chain("passthrough"), host="::", ipv4_compat=True),
            listener("in", POD[4], 9000, chain("backend", stat_prefix="frontend")),
            virtual("virtual", "203.0.113.200", 80, chain("backend")),
        ],
        [
            cluster("backend", (HOST, 7000, 3), circuit_breakers={"thresholds": [{"max_connections": 77}]}),
            cluster("outbound|80||a.example.com", (HOST, 7001), alt_stat_name="web"),
            original_dst(),
        ],
        node={"id": "node-of-the-file", "cluster": "cluster-of-the-file"},
    )
    with Proxy(plain_lab.pod, config, "--service-node", "node-7", "--drain-time-s", "9", workers=2) as started:
        yield started


@pytest.fixture(scope="module")
def used(plain_lab, proxy):
    """The proxy with one finished connection of 10 bytes and one open one."""
    from proxy_peers import Server

    with Server(plain_lab.peer, HOST, 7000, echo):
        with plain_lab.peer.connect(POD[4], 9000) as first:
            first.sendall(b"0123456789")
            assert len(read_exactly(first, 10)) == 10
        proxy.wait_stat("tcp.frontend.downstream_cx_total", 1)
        proxy.wait_ended({"finished": 1})
        with plain_lab.peer.connect(POD[4], 9000) as second:
            second.sendall(b"x")
            assert read_exactly(second, 1) == b"x"
            yield proxy


def test_curl_asks_whether_it_is_ready(plain_lab, proxy):
    done = plain_lab.pod.run([programs.system("curl"), "-sS", "-w", " %{http_code}", "http://127.0.0.1:15000/ready"])
    assert done.stdout == "LIVE\n 200"


def test_server_info(proxy):
    info = json.loads(proxy.text("/server_info"))
    assert info["state"] == "LIVE"
    assert info["node"]["id"] == "node-7"
    assert info["node"]["cluster"] == "cluster-of-the-file"
    assert info["command_line_options"]["concurrency"] == 2
    assert info["command_line_options"]["drain_time"] == "9s"
    assert info["command_line_options"]["config_path"].endswith("bootstrap.yaml")
    assert re.match(r"weir/\d+\.\d+", info["version"])


def test_listeners_as_text_and_json(proxy):
    assert proxy.text("/listeners").splitlines() == [
        "virtualOutbound::[::]:15001", f"in::{POD[4]}:9000", "virtual::203.0.113.200:80",
    ]  # fmt: skip
    statuses = json.loads(proxy.text("/listeners?format=json"))["listener_statuses"]
    assert statuses[1] == {
        "name": "in", "local_address": {"socket_address": {"address": POD[4], "port_value": 9000}}
    }  # fmt: skip


def test_clusters_as_text(used):
    lines = used.text("/clusters").splitlines()
    assert "backend::default_priority::max_connections::77" in lines
    assert "backend::high_priority::max_connections::1024" in lines
    assert "backend::observability_name::backend" in lines
    assert "backend::added_via_api::false" in lines
    host = f"backend::{HOST}:7000"
    for line in ("cx_total::2", "cx_active::1", "cx_connect_fail::0", "weight::3", "health_flags::healthy", "priority::0"):
        assert f"{host}::{line}" in lines
    assert f"outbound|80||a.example.com::{HOST}:7001::cx_total::0" in lines
    assert "outbound|80||a.example.com::observability_name::web" in lines


def test_clusters_as_json(used):
    statuses = {one["name"]: one for one in json.loads(used.text("/clusters?format=json"))["cluster_statuses"]}
    (host,) = statuses["backend"]["host_statuses"]
    assert host["address"] == socket_address(HOST, 7000)
    assert host["health_status"] == {"eds_health_status": "HEALTHY"}
    assert {one["name"]: one.get("value") for one in host["stats"]}["cx_total"] == "2"
    assert statuses["outbound|80||a.example.com"]["observability_name"] == "web"


def test_stats_have_envoys_names_and_the_right_values(used):
    stats = used.stats()
    expected = {
        f"listener.{POD[4]}_9000.downstream_cx_total": 2,
        f"listener.{POD[4]}_9000.downstream_cx_active": 1,
        f"listener.{POD[4]}_9000.downstream_cx_destroy": 1,
        "cluster.backend.upstream_cx_total": 2,
        "cluster.backend.upstream_cx_active": 1,
        "cluster.backend.upstream_cx_tx_bytes_total": 11,
        "cluster.backend.membership_total": 1,
        "cluster.web.membership_healthy": 1,
        "tcp.frontend.downstream_cx_total": 2,
        "tcp.frontend.downstream_cx_rx_bytes_total": 11,
        "listener_manager.total_listeners_active": 3,
        "listener_manager.workers_started": 1,
        "listener_manager.listener_added": 3,
        "cluster_manager.active_clusters": 3,
        "server.state": 0,
        "server.live": 1,
        "server.concurrency": 2,
        "server.total_connections": 1,
        "weir.connection_end.finished": 1,
    }
    assert {name: stats.get(name) for name in expected} == expected


def test_istios_agent_finds_what_it_polls(proxy):
    text = proxy.text("/stats?usedonly&filter=^(server\\.state|listener_manager\\.workers_started)")
    assert text.splitlines() == ["listener_manager.workers_started: 1", "server.state: 0"]


def test_stats_filters_and_formats(used):
    only = used.text("/stats?usedonly&filter=^tcp\\.").splitlines()
    assert "tcp.frontend.downstream_cx_total: 2" in only
    assert not any(line.endswith(": 0") and "cx_total" in line for line in only)
    counters = used.text("/stats?type=Counters&filter=^cluster\\.backend\\.upstream_cx_")
    assert "upstream_cx_total" in counters and "upstream_cx_active" not in counters
    values = {one["name"]: one["value"] for one in json.loads(used.text("/stats?format=json"))["stats"] if "name" in one}
    assert values["tcp.frontend.downstream_cx_total"] == 2
    status, text = used.get("/stats?filter=(")
    assert status == 400 and "(" in text


HISTOGRAM_PART = re.compile(r"_(bucket|sum|count)$")
SAMPLE = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*\} -?\d+(?:\.\d+)?')


@pytest.mark.parametrize("path", ["/stats/prometheus", "/stats?format=prometheus"])
def test_prometheus(used, path):
    response = used.ask("GET", path)
    assert response.getheader("Content-Type").startswith("text/plain")
    types, samples = {}, []
    for line in response.text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, f"{name} has two TYPE lines"
            types[name] = kind
        elif line and not line.startswith("#"):
            assert SAMPLE.fullmatch(line), line
            samples.append(line)
            name = line.split("{")[0]
            assert (name if name in types else HISTOGRAM_PART.sub("", name)) in types, line
    for sample in (
        f'envoy_listener_downstream_cx_total{{envoy_listener_address="{POD[4]}_9000"}} 2',
        'envoy_cluster_upstream_cx_active{envoy_cluster_name="backend"} 1',
        'envoy_tcp_downstream_cx_rx_bytes_total{envoy_tcp_prefix="frontend"} 11',
        "envoy_server_live{} 1",
        "envoy_listener_manager_workers_started{} 1",
    ):
        assert sample in samples, sample
    assert types["envoy_cluster_upstream_cx_total"] == "counter"
    assert types["envoy_cluster_upstream_cx_active"] == "gauge"
    assert any(line.startswith("weir_connection_end_total") and 'reason="finished"' in line for line in samples)


def test_logging_shows_and_changes_levels(plain_lab, proxy):
    assert "active loggers:" in proxy.ask("POST", "/logging").text
    assert proxy.ask("POST", "/logging?connection=off").status == 200
    assert "  connection: off\n" in proxy.ask("POST", "/logging").text
    ended = proxy.log().count("ended [C")
    with plain_lab.pod.connect(POD[4], 15001) as client:
        client.recv(1)
    assert proxy.log().count("ended [C") == ended
    assert proxy.ask("POST", "/logging?paths=connection:info,main:debug").status == 200
    with plain_lab.pod.connect(POD[4], 15001) as client:
        client.recv(1)
    wait_for(lambda: proxy.log().count("ended [C") == ended + 1, "logged again")
    assert proxy.ask("POST", "/logging?level=info").status == 200
    bad = proxy.ask("POST", "/logging?connection=loud")
    assert bad.status == 400 and "loud" in bad.text


def test_help_and_home(proxy):
    text = proxy.text("/help")
    for path in ("/clusters", "/listeners", "/logging", "/ready", "/server_info", "/stats", "/stats/prometheus", "/help"):
        assert re.search(rf"^  {path}( \(POST\))?: ", text, re.MULTILINE), path
    response = proxy.ask("GET", "/")
    assert response.getheader("Content-Type").startswith("text/html")
    assert 'href="/stats"' in response.text


def test_wrong_requests(proxy):
    response = proxy.ask("GET", "/nothing")
    assert response.status == 404
    assert response.text.startswith("invalid path. admin commands are:")
    for path in ("/logging?level=debug", "/quitquitquit", "/healthcheck/fail", "/drain_listeners"):
        response = proxy.ask("GET", path)
        assert (response.status, response.text) == (405, "Method GET not allowed, POST required."), path
    assert proxy.get("/ready")[0] == 200


def test_many_requests_over_one_connection(plain_lab, proxy):
    with plain_lab.pod.connect("127.0.0.1", 15000) as client:
        for _ in range(20):
            client.sendall(b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while not answer.endswith(b"LIVE\n"):
                more = client.recv(4096)
                assert more, answer
                answer += more


def test_health_check_and_quit(fresh_lab, run_proxy, serve):
    proxy = run_proxy(
        fresh_lab.pod, bootstrap([listener("in", POD[4], 9000, chain("c"))], [cluster("c", (HOST, 7000))]), "--drain-time-s", "60"
    )
    assert proxy.ask("POST", "/healthcheck/fail").text == "OK\n"
    assert proxy.get("/ready") == (503, "DRAINING\n")
    assert proxy.ask("POST", "/healthcheck/ok").text == "OK\n"
    assert proxy.get("/ready") == (200, "LIVE\n")
    assert proxy.ask("POST", "/quitquitquit").text == "OK\n"
    assert proxy.wait_exit(10) == 0


def test_drain_listeners(fresh_lab, run_proxy, serve):
    serve(fresh_lab.peer, HOST, 7000, echo)
    proxy = run_proxy(
        fresh_lab.pod,
        bootstrap(
            [
                listener("in", POD[4], 9000, chain("c"), traffic_direction="INBOUND"),
                listener("out", POD[4], 9001, chain("c"), traffic_direction="OUTBOUND"),
            ],
            [cluster("c", (HOST, 7000))],
        ),
    )
    with fresh_lab.peer.connect(POD[4], 9000) as client:
        client.sendall(b"x")
        assert read_exactly(client, 1) == b"x"
        assert proxy.ask("POST", "/drain_listeners?inboundonly&graceful").text == "OK\n"

        def refused(port: int) -> bool:
            try:
                fresh_lab.peer.connect(POD[4], port).close()
            except ConnectionRefusedError:
                return True
            return False

        wait_for(lambda: refused(9000), "inbound refused")
        assert not refused(9001)
        client.sendall(b"y")
        assert read_exactly(client, 1) == b"y"
        assert proxy.ask("POST", "/drain_listeners").status == 200
        wait_for(lambda: refused(9001), "all refused")
        client.settimeout(10)
        assert client.recv(1) == b""


def test_another_sites_page_cannot_use_it(plain_lab, proxy):
    """A browser that resolves a stranger's name to 127.0.0.1 sends that name."""
    with plain_lab.pod.connect("127.0.0.1", 15000) as client:
        client.sendall(b"POST /quitquitquit HTTP/1.1\r\nHost: evil.example.com\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        answer = client.recv(4096)
    assert answer.split()[1] in (b"400", b"403", b"421"), answer
    assert proxy.get("/ready")[0] == 200
