# SPDX-License-Identifier: Apache-2.0
"""Many connections, many destinations, few descriptors: nothing leaks, spins or runs out (T26, T28)."""

import pathlib
import re
import resource
import socket
import subprocess
import time

import pytest

from harness import installer, programs
from harness.flags import Flags
from harness.lab import OUTSIDE, POD, SERVICE_RANGE
from proxy_config import bootstrap, chain, cluster, file_log, listener, original_dst, outbound
from proxy_peers import Server, echo, how_it_ends, read_exactly, says, who
from proxy_process import new_directory, wait_for

HOST = OUTSIDE[4]


class EchoProgram:
    """tests/support/short_connections echo: an application that thousands of connections do not slow down."""

    def __init__(self, namespace, *endpoints: tuple[str, int]):
        self.process = namespace.popen(
            [programs.helper("short_connections"), "echo", namespace.name, *[f"{host}@{port}" for host, port in endpoints]],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout.readline() == "ready\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


# -- T26 ------------------------------------------------------------------------------------------------------------


def test_a_thousand_destinations_are_forgotten(fresh_lab, run_proxy):
    """Hosts of an ORIGINAL_DST cluster live as long as they are used, and one clean-up more."""
    installer.install(fresh_lab.pod, Flags(cidrs=("*",)))
    proxy = run_proxy(
        fresh_lab.pod,
        bootstrap(
            [outbound(chain("passthrough"), host="::", ipv4_compat=True)],
            [original_dst(cleanup_interval="0.5s"), cluster("other", (HOST, 7000))],
        ),
        workers=2,
    )
    baseline = proxy.private_bytes()
    network = SERVICE_RANGE[6].removesuffix("::/64")
    with Server(fresh_lab.peer, "::", 80, says("one of a thousand")) as server:
        clients = []
        for i in range(1000):
            client = fresh_lab.pod.new_socket(socket.AF_INET6)
            client.setblocking(False)
            client.connect_ex((f"{network}::{i + 1:x}", 80))
            clients.append(client)
            if len(clients) >= 50:
                for one in clients:
                    one.settimeout(20)
                    assert how_it_ends(one, 20)[0] == b"one of a thousand"
                    one.close()
                clients = []
        assert server.accepted == 1000
    proxy.wait_stat("cluster.passthrough.upstream_cx_total", 1000)
    wait_for(lambda: proxy.host_values("passthrough") == {}, "all hosts forgotten", 10)
    assert proxy.stat("cluster.passthrough.upstream_cx_active") == 0
    assert proxy.private_bytes() - baseline < 2 << 20


def test_a_destination_in_use_is_kept(fresh_lab, run_proxy, serve):
    installer.install(fresh_lab.pod, Flags(cidrs=("*",)))
    serve(fresh_lab.peer, HOST, 7000, echo)
    proxy = run_proxy(fresh_lab.pod, bootstrap([outbound()], [original_dst(cleanup_interval="0.2s")]))
    with fresh_lab.pod.connect(HOST, 7000, uid=1000) as client:
        client.sendall(b"x")
        assert read_exactly(client, 1) == b"x"
        time.sleep(1)
        assert proxy.host_values("passthrough")[f"{HOST}:7000"]["cx_active"] == "1"
        client.sendall(b"y")
        assert read_exactly(client, 1) == b"y"
    wait_for(lambda: proxy.host_values("passthrough") == {}, "forgotten", 10)


@pytest.mark.slow  # sanitizers need more
def test_what_only_the_start_needed_is_given_back(fresh_lab, run_proxy):
    """A fresh proxy that nobody uses: at most 5 MB, the pages of its program included."""
    proxy = run_proxy(fresh_lab.pod, bootstrap([listener("in", POD[4], 9000, chain("c"))], [cluster("c", (HOST, 7000))]))
    rollup = pathlib.Path(f"/proc/{proxy.pid}/smaps_rollup")
    wait_for(lambda: int(re.search(r"Rss:\s+(\d+) kB", rollup.read_text())[1]) < 5000, "little memory is held")


def test_two_thousand_idle_connections_cost_little_memory(fresh_lab, run_proxy):
    """User memory alone: at most 1 KB for each, whatever they have carried before."""
    with EchoProgram(fresh_lab.peer, (HOST, 7000)):
        limits = {"thresholds": [{"max_connections": 5000}]}
        upstream = cluster("c", (HOST, 7000), circuit_breakers=limits)
        proxy = run_proxy(fresh_lab.pod, bootstrap([listener("in", POD[4], 9000, chain("c"))], [upstream]))
        warm = [fresh_lab.peer.connect(POD[4], 9000) for _ in range(20)]
        for client in warm:
            client.sendall(b"w" * 100)
            assert len(read_exactly(client, 100)) == 100
        before = proxy.private_bytes()
        clients = [fresh_lab.peer.connect(POD[4], 9000, timeout=20) for _ in range(2000)]
        for client in clients:
            client.sendall(b"x" * 1000)
            assert len(read_exactly(client, 1000)) == 1000
        proxy.wait_stat("server.total_connections", 2020)
        each = (proxy.private_bytes() - before) / 2000
        assert each <= 1024, f"{each:.0f} bytes a connection"
        for client in clients + warm:
            client.close()
        proxy.wait_stat("server.total_connections", 0, 20)
        assert proxy.private_bytes() - before < 1024 * 2000


# -- T28 ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("ports", [[8080], [8080, 8081]], ids=["one port", "two ports"])
def test_the_passthrough_address_never_runs_out_of_ports(fresh_lab, run_proxy, ports):
    """30,000 connections, each closed by the client first, leave sockets in TIME_WAIT at 127.0.0.6 for a minute each.

    10,000 ports instead of the 28,232 that are usual, so that they run out within that minute on slow machines too.
    """
    installer.install(fresh_lab.pod, Flags(inbound_ports=("*",), cidrs=("*",)))
    fresh_lab.pod.sysctl("net/ipv4/ip_local_port_range", "32768 42767")
    fresh_lab.peer.sysctl("net/ipv4/ip_local_port_range", "1024 65535")
    fresh_lab.peer.sysctl("net/ipv4/tcp_tw_reuse", 1)
    proxy = run_proxy(fresh_lab.pod, None, "-l", "info", workers=1)
    with EchoProgram(fresh_lab.pod, *[(POD[4], port) for port in ports]):
        done = fresh_lab.peer.run(
            [programs.helper("short_connections"), "ask", fresh_lab.peer.name, "30000", *[f"{POD[4]}@{p}" for p in ports]],
            timeout=120,
        )
    assert done.stdout == "ok 30000\n", done.stdout
    proxy.wait_ended({"finished": 30000})
    stats = proxy.stats()
    assert stats["cluster.InboundPassthroughClusterIpv4.bind_errors"] == 0
    assert stats["cluster.InboundPassthroughClusterIpv4.upstream_cx_connect_fail"] == 0
    waiting = fresh_lab.pod.tool("ss", "-Htn", "state", "time-wait", "src", "127.0.0.6")
    assert len(waiting.splitlines()) > 1000  # or the test would prove nothing


# -- descriptors ----------------------------------------------------------------------------------------------------


@pytest.fixture
def small(fresh_lab, run_proxy):
    """small(limit) → (proxy with that many descriptors, its log's directory), relaying POD:9000 to an echo."""
    programs_running = []

    def start(descriptors: int, **options):
        programs_running.append(EchoProgram(fresh_lab.peer, (HOST, 7000)))
        directory = new_directory()
        log = [file_log(f"{directory}/access.log")]
        return run_proxy(
            fresh_lab.pod,
            bootstrap([listener("in", POD[4], 9000, chain("c"), access_log=log)], [cluster("c", (HOST, 7000))]),
            directory=directory,
            **options,
            wrap=[programs.system("prlimit"), f"--nofile={descriptors}:{descriptors}"],
        )

    yield start
    for program in programs_running:
        program.__exit__()


def test_the_connection_limit_follows_the_descriptor_limit(fresh_lab, small):
    """256 descriptors, a quarter of them reserved, two for each connection: 96."""
    proxy = small(256)
    assert "at most 96 connections" in proxy.log()
    kept = []
    for _ in range(96):
        client = fresh_lab.peer.connect(POD[4], 9000)
        client.sendall(b"x")
        assert read_exactly(client, 1) == b"x"
        kept.append(client)
    for _ in range(20):
        with fresh_lab.peer.connect(POD[4], 9000) as refused:
            assert how_it_ends(refused)[0] == b""
    scope = f"listener.{POD[4]}_9000"
    proxy.wait_stat(f"{scope}.downstream_global_cx_overflow", 20)
    assert proxy.ended() == {"global_connection_limit": 20}
    assert {line["flags"] for line in proxy.access_lines(20)} == {"OM"}
    cpu = proxy.cpu_seconds()
    time.sleep(1)
    assert proxy.cpu_seconds() - cpu < 0.1
    for client in kept:
        client.sendall(b"y")
        assert read_exactly(client, 1) == b"y"
    for client in kept[:10]:
        client.close()
    proxy.wait_stat(f"{scope}.downstream_cx_active", 86)
    with fresh_lab.peer.connect(POD[4], 9000) as client:
        client.sendall(b"z")
        assert read_exactly(client, 1) == b"z"
    for client in kept:
        client.close()


def test_without_a_descriptor_to_accept_with_nothing_spins_and_service_recovers(fresh_lab, small):
    """The limit is lowered under the running process: accept itself fails, which level-triggered polling repeats."""
    proxy = small(256, uid=0)  # another user's limits are not ours to change
    kept = [fresh_lab.peer.connect(POD[4], 9000) for _ in range(10)]
    for client in kept:
        client.sendall(b"x")
        assert read_exactly(client, 1) == b"x"
    resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (1, 256))
    waiting = [fresh_lab.peer.connect(POD[4], 9000) for _ in range(5)]
    time.sleep(0.3)
    cpu = proxy.cpu_seconds()
    time.sleep(1)
    assert proxy.cpu_seconds() - cpu < 0.1
    for client in kept:  # what runs goes on
        client.sendall(b"y")
        assert read_exactly(client, 1) == b"y"
    resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (256, 256))
    for client in waiting:
        client.sendall(b"w")
        assert read_exactly(client, 1) == b"w"
    assert proxy.stat(f"listener.{POD[4]}_9000.downstream_cx_overload_reject") >= 1
    assert "ulimit -n" in proxy.log()
    for client in kept + waiting:
        client.close()


def test_a_flood_over_the_limit_leaves_nothing_behind(fresh_lab, small):
    proxy = small(128, workers=2)
    baseline = proxy.descriptors()
    for _ in range(3):
        clients = [fresh_lab.peer.new_socket() for _ in range(300)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex((POD[4], 9000))
        time.sleep(0.3)
        for client in clients:
            client.close()
        wait_for(lambda: proxy.stat("server.total_connections") == 0, "all ended", 20)
        wait_for(lambda: proxy.descriptors() == baseline, "all descriptors closed", 10)
    with fresh_lab.peer.connect(POD[4], 9000) as client:
        client.sendall(b"z")
        assert read_exactly(client, 1) == b"z"


# -- configured limits ----------------------------------------------------------------------------------------------


def runtime(**values) -> dict:
    return {"layered_runtime": {"layers": [{"name": "static", "static_layer": values}]}}


def test_a_configured_limit_of_all_connections(fresh_lab, run_proxy, serve):
    serve(fresh_lab.peer, HOST, 7000, echo)
    config = bootstrap(
        [listener("in", POD[4], 9000, chain("c")), listener("free", POD[4], 9001, chain("c"), ignore_global_conn_limit=True)],
        [cluster("c", (HOST, 7000))],
        **runtime(**{"overload.global_downstream_max_connections": 5}),
    )
    proxy = run_proxy(fresh_lab.pod, config)
    kept = [fresh_lab.peer.connect(POD[4], 9000) for _ in range(5)]
    for client in kept:
        client.sendall(b"x")
        assert read_exactly(client, 1) == b"x"
    assert who(fresh_lab.peer, POD[4], 9000) in ("eof", "reset")
    assert proxy.stat(f"listener.{POD[4]}_9000.downstream_global_cx_overflow") == 1
    with fresh_lab.peer.connect(POD[4], 9001) as client:
        client.sendall(b"free")
        assert read_exactly(client, 4) == b"free"
    for client in kept:
        client.close()


def test_a_configured_limit_of_one_listener(fresh_lab, run_proxy, serve):
    serve(fresh_lab.peer, HOST, 7000, echo)
    config = bootstrap(
        [listener("in", POD[4], 9000, chain("c")), listener("free", POD[4], 9001, chain("c"))],
        [cluster("c", (HOST, 7000))],
        **runtime(**{"envoy.resource_limits.listener.in.connection_limit": 3}),
    )
    proxy = run_proxy(fresh_lab.pod, config, workers=2)
    kept = [fresh_lab.peer.connect(POD[4], 9000) for _ in range(3)]
    for client in kept:
        client.sendall(b"x")
        assert read_exactly(client, 1) == b"x"
    assert who(fresh_lab.peer, POD[4], 9000) in ("eof", "reset")
    assert proxy.stat(f"listener.{POD[4]}_9000.downstream_cx_overflow") == 1
    with fresh_lab.peer.connect(POD[4], 9001) as client:
        client.sendall(b"free")
        assert read_exactly(client, 4) == b"free"
    kept.pop().close()
    proxy.wait_stat(f"listener.{POD[4]}_9000.downstream_cx_active", 2)
    with fresh_lab.peer.connect(POD[4], 9000) as client:
        client.sendall(b"room")
        assert read_exactly(client, 4) == b"room"
    for client in kept:
        client.close()
