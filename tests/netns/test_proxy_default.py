# SPDX-License-Identifier: Apache-2.0
"""weir-init and weir-proxy without any configuration: unmodified programs are intercepted, in both directions."""

import pathlib
import re
import socket

import pytest

from harness import installer, programs
from harness.flags import Flags
from harness.lab import OUTSIDE, PASSTHROUGH, PEER, POD, SERVICE
from harness.namespace import connect_veth
from proxy_peers import answers, echo, how_it_ends, read_exactly, says, who
from proxy_process import Proxy, wait_for, wait_for_lines

EVERYTHING = Flags(inbound_ports=("*",), cidrs=("*",))
FAMILIES = pytest.mark.parametrize("family", [4, 6])


def url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def http_answer(text: bytes):
    """An HTTP server of one fixed answer."""

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(text) + text)

    return behave


@pytest.fixture(scope="module")
def default_proxy(lab):
    with Proxy(lab.pod) as proxy:
        yield proxy


@FAMILIES
def test_curl_reaches_a_host_that_no_listener_owns(lab, default_proxy, serve, family):
    serve(lab.peer, OUTSIDE[family], 80, http_answer(b"the outside host"))
    passed = default_proxy.stat("cluster.PassthroughCluster.upstream_cx_total")
    done = lab.pod.run([programs.system("curl"), "-sS", "--max-time", "20", url(OUTSIDE[family], 80)], uid=1000, gid=1000)
    assert (done.returncode, done.stdout) == (0, "the outside host"), done.stderr
    assert default_proxy.stat("cluster.PassthroughCluster.upstream_cx_total") == passed + 1


@FAMILIES
def test_nc_reaches_an_application_of_the_pod_and_the_application_sees_the_passthrough_address(
    lab, default_proxy, serve, family
):
    app = serve(lab.pod, POD[family], 8080, answers(b"the application got"))
    done = lab.peer.run([programs.system("nc"), "-N", "-w", "20", POD[family], "8080"], text="hello")
    assert (done.returncode, done.stdout) == (0, "the application got 5"), done.stderr
    assert [host for host, _ in app.peers] == [PASSTHROUGH[family]]


@FAMILIES
def test_the_log_line_tells_the_recovered_destination(lab, default_proxy, serve, family):
    serve(lab.peer, OUTSIDE[family], 5001, says("outside"))
    assert who(lab.pod, OUTSIDE[family], 5001, uid=1000, gid=1000) == "outside"
    shown = f"[{OUTSIDE[6]}]:5001" if family == 6 else f"{OUTSIDE[4]}:5001"
    (line,) = wait_for(
        lambda: [line for line in default_proxy.output().splitlines() if f"-> {shown} ->" in line], "an access log line"
    )
    assert " virtualOutbound " in line
    assert f" -> PassthroughCluster {shown} from " in line
    assert " sent 7 " in line


@FAMILIES
def test_a_refused_destination_ends_the_connection(lab, default_proxy, family):
    """The client's connect has succeeded by then: nobody can refuse it any more."""
    before = default_proxy.ended().get("connect_failed", 0)
    assert who(lab.pod, SERVICE[family], 80, b"", uid=1000, gid=1000) in ("eof", "reset")
    assert default_proxy.ended()["connect_failed"] == before + 1


@FAMILIES
def test_the_application_calls_itself_over_the_pod_address(lab, default_proxy, serve, family):
    """Over lo to the pod's own address: the rules leave that alone, as Istio's do."""
    before = default_proxy.stats()
    app = serve(lab.pod, POD[family], 8081, says("myself"))
    assert who(lab.pod, POD[family], 8081, uid=1000, gid=1000) == "myself"
    assert [host for host, _ in app.peers] == [POD[family]]
    for port in (15001, 15006):
        name = f"listener.[__]_{port}.downstream_cx_total"
        assert default_proxy.stat(name) == before[name]


@FAMILIES
def test_loopback_and_the_proxys_own_user_are_left_alone(lab, default_proxy, serve, family):
    serve(lab.pod, {4: "127.0.0.1", 6: "::1"}[family], 9091, says("loopback"))
    serve(lab.peer, OUTSIDE[family], 5002, says("outside"))
    before = default_proxy.stat("listener.[__]_15001.downstream_cx_total")
    assert who(lab.pod, {4: "127.0.0.1", 6: "::1"}[family], 9091, uid=1000, gid=1000) == "loopback"
    assert who(lab.pod, OUTSIDE[family], 5002, uid=1337, gid=1337) == "outside"
    assert default_proxy.stat("listener.[__]_15001.downstream_cx_total") == before


def test_counters_name_listener_cluster_and_prefix_as_envoy_does(lab, default_proxy, serve):
    serve(lab.peer, OUTSIDE[4], 5003, echo)
    serve(lab.pod, POD[4], 8082, echo)
    before = default_proxy.stats()
    with lab.pod.connect(OUTSIDE[4], 5003, uid=1000) as out, lab.peer.connect(POD[4], 8082) as inbound:
        for client, size in ((out, 10), (inbound, 20)):
            client.sendall(b"x" * size)
            assert len(read_exactly(client, size)) == size
        now = default_proxy.stats()
        for name in (
            "listener.[__]_15001.downstream_cx_active",
            "listener.[__]_15006.downstream_cx_active",
            "cluster.PassthroughCluster.upstream_cx_active",
            "cluster.InboundPassthroughClusterIpv4.upstream_cx_active",
            "server.total_connections" if before["server.total_connections"] == 0 else "server.live",
        ):
            assert now[name] >= 1, name
    for prefix, size in (("PassthroughCluster", 10), ("InboundPassthroughClusterIpv4", 20)):
        for name in (f"tcp.{prefix}.downstream_cx_rx_bytes_total", f"cluster.{prefix}.upstream_cx_rx_bytes_total"):
            assert now[name] - before[name] == size, name
    default_proxy.wait_stat("listener.[__]_15001.downstream_cx_active", 0)
    default_proxy.wait_stat("cluster.PassthroughCluster.upstream_cx_active", 0)


def test_listeners_are_those_of_the_built_in_configuration(default_proxy):
    lines = default_proxy.text("/listeners").splitlines()
    assert lines == ["virtualOutbound::[::]:15001", "virtualInbound::[::]:15006"]


@FAMILIES
def test_registry_only_drops_what_no_listener_owns_and_passes_inbound(fresh_lab, run_proxy, serve, family):
    installer.install(fresh_lab.pod, EVERYTHING)
    outside = serve(fresh_lab.peer, OUTSIDE[family], 80, says("outside"))
    serve(fresh_lab.pod, POD[family], 8080, says("app"))
    proxy = run_proxy(fresh_lab.pod, None, "--outbound", "REGISTRY_ONLY")
    with fresh_lab.pod.connect(OUTSIDE[family], 80, uid=1000, gid=1000) as client:
        assert how_it_ends(client) == (b"", "fin")
    assert outside.accepted == 0
    assert who(fresh_lab.peer, POD[family], 8080) == "app"
    proxy.wait_ended({"no_healthy_upstream": 1, "finished": 1})
    assert proxy.stat("cluster.BlackHoleCluster.upstream_cx_none_healthy") == 1
    lines = wait_for_lines(proxy.directory / "stdout", 2)
    assert any(re.search(r"BlackHoleCluster - .* UH ", line) for line in lines), lines


def test_without_ipv6_the_built_in_configuration_listens_on_ipv4(make_namespace, run_proxy, serve):
    pod, peer = make_namespace("pod"), make_namespace("peer")
    connect_veth(pod, "eth0", peer, "eth0")
    pod.sysctl("net/ipv6/conf/all/disable_ipv6", 1)
    pod.ip_batch([f"addr add {POD[4]}/25 dev eth0", f"route add default via {PEER[4]}"])
    peer.ip_batch([f"addr add {PEER[4]}/25 dev eth0", f"addr add {OUTSIDE[4]}/32 dev lo"])
    pod.run([programs.weir_init(), "-i", "*", "-b", "*"], check=True)
    serve(peer, OUTSIDE[4], 80, says("outside"))
    serve(pod, POD[4], 8080, says("app"))
    proxy = run_proxy(pod)
    assert who(pod, OUTSIDE[4], 80, uid=1000) == "outside"
    assert who(peer, POD[4], 8080) == "app"
    proxy.wait_ended({"finished": 2})


def test_two_workers_share_the_connections(fresh_lab, run_proxy, serve):
    installer.install(fresh_lab.pod, EVERYTHING)
    serve(fresh_lab.peer, OUTSIDE[4], 80, says("outside"))
    proxy = run_proxy(fresh_lab.pod, workers=2)
    for _ in range(60):
        assert who(fresh_lab.pod, OUTSIDE[4], 80, uid=1000) == "outside"
    proxy.wait_ended({"finished": 60})
    busy = [
        task.name
        for task in pathlib.Path(f"/proc/{proxy.pid}/task").iterdir()
        if (task / "comm").read_text().startswith("worker") and int((task / "schedstat").read_text().split()[0]) > 500_000
    ]
    assert len(busy) == 2
