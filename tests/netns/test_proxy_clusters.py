# SPDX-License-Identifier: Apache-2.0
"""Clusters: which host gets a connection, how it is dialled, and what happens when it cannot be."""

import time

import pytest

from harness import installer
from harness.flags import Flags
from harness.lab import OUTSIDE, PASSTHROUGH, POD
from proxy_config import bootstrap, chain, cluster, file_log, listener, original_dst, outbound, socket_address, tcp_proxy
from proxy_peers import answers, echo, has_data, how_it_ends, read_all, read_exactly, says, who
from proxy_process import new_directory, wait_for

HOST = OUTSIDE[4]
PORT = 9000

DROP = """
table inet silence {
    chain input {
        type filter hook input priority 0; policy accept;
        tcp dport 7900-7999 drop
    }
}
"""


@pytest.fixture
def start(plain_lab, run_proxy):
    """start(cluster, …, **tcp_proxy fields) → a proxy whose listener on POD:9000 leads to the first cluster.

    One worker unless given: each worker takes turns on its own.
    """

    def run(*clusters: dict, workers: int = 1, listener_fields: dict | None = None, **fields):
        directory = new_directory()
        fields.setdefault("stat_prefix", "t")
        if "weights" not in fields:
            fields.setdefault("cluster", clusters[0]["name"])
        proxy_filter = tcp_proxy(access_log=[file_log(f"{directory}/access.log")], **fields)
        made = listener("in", "::", PORT, chain(proxy_filter, "only"), ipv4_compat=True, **(listener_fields or {}))
        return run_proxy(plain_lab.pod, bootstrap([made], list(clusters)), directory=directory, workers=workers)

    return run


def ask(lab, count: int) -> dict[str, int]:
    """How often each server answers `count` connections, one after the other."""
    seen: dict[str, int] = {}
    for _ in range(count):
        name = who(lab.peer, POD[4], PORT)
        seen[name] = seen.get(name, 0) + 1
    return seen


# -- picking --------------------------------------------------------------------------------------------------------


def test_round_robin_follows_the_weights_exactly(plain_lab, start, serve):
    """T19: weights 2 and 4 on one worker."""
    for i, name in enumerate(("two", "four")):
        serve(plain_lab.peer, HOST, 7000 + i, says(name))
    proxy = start(cluster("c", (HOST, 7000, 2), (HOST, 7001, 4)))
    assert ask(plain_lab, 300) == {"two": 100, "four": 200}
    hosts = proxy.host_values("c")
    assert hosts[f"{HOST}:7000"]["weight"] == "2"
    assert hosts[f"{HOST}:7001"]["weight"] == "4"
    proxy.wait_ended({"finished": 300})
    hosts = proxy.host_values("c")
    assert (hosts[f"{HOST}:7000"]["cx_total"], hosts[f"{HOST}:7001"]["cx_total"]) == ("100", "200")
    assert hosts[f"{HOST}:7000"]["cx_active"] == "0"


def test_round_robin_takes_turns(plain_lab, start, serve):
    for i in range(3):
        serve(plain_lab.peer, HOST, 7000 + i, says(f"host{i}"))
    start(cluster("c", *[(HOST, 7000 + i) for i in range(3)]))
    order = [who(plain_lab.peer, POD[4], PORT) for _ in range(9)]
    assert order[:3] == order[3:6] == order[6:]
    assert sorted(order[:3]) == ["host0", "host1", "host2"]


def test_random_reaches_every_host_about_equally(plain_lab, start, serve):
    for i in range(3):
        serve(plain_lab.peer, HOST, 7000 + i, says(f"host{i}"))
    start(cluster("c", *[(HOST, 7000 + i) for i in range(3)], lb_policy="RANDOM"))
    order = [who(plain_lab.peer, POD[4], PORT) for _ in range(180)]
    assert all(order.count(f"host{i}") > 25 for i in range(3)), order  # 60 ± 35: 5.5 standard deviations
    assert any(order[i] == order[i + 1] for i in range(179))  # nobody takes turns


def test_least_request_avoids_the_busy_host(plain_lab, start, serve):
    """With eight choices among two hosts, the one with twenty connections is picked once in 256 times."""
    for i in range(2):
        serve(plain_lab.peer, HOST, 7000 + i, lambda connection, i=i: (connection.sendall(b"h%d" % i), read_all(connection)))
    proxy = start(
        cluster("c", (HOST, 7000), (HOST, 7001), lb_policy="LEAST_REQUEST", least_request_lb_config={"choice_count": 8})
    )
    kept = {b"h0": [], b"h1": []}
    for _ in range(40):
        client = plain_lab.peer.connect(POD[4], PORT)
        kept[read_exactly(client, 2)].append(client)
    assert abs(len(kept[b"h0"]) - len(kept[b"h1"])) <= 8, {name: len(some) for name, some in kept.items()}
    for client in kept[b"h0"]:
        client.close()
    wait_for(lambda: proxy.host_values("c")[f"{HOST}:7000"]["cx_active"] == "0", "h0 is idle")
    clients = [plain_lab.peer.connect(POD[4], PORT) for _ in range(10)]
    names = [read_exactly(client, 2) for client in clients]
    assert names.count(b"h0") >= 8, names
    for client in clients + kept[b"h1"]:
        client.close()


def test_localities_get_their_share_whatever_hosts_they_have(plain_lab, start, serve):
    """Weights 1 and 3 of localities of two hosts and of one, where the cluster asks for it; as hosts without."""
    for i, name in enumerate(("near1", "near2", "far")):
        serve(plain_lab.peer, HOST, 7000 + i, says(name))

    def locality(zone: str, weight: int, *ports: int) -> dict:
        hosts = [{"endpoint": {"address": socket_address(HOST, port)}} for port in ports]
        return {"locality": {"zone": zone}, "load_balancing_weight": weight, "lb_endpoints": hosts}

    assignment = {"cluster_name": "c", "endpoints": [locality("near", 1, 7000, 7001), locality("far", 3, 7002)]}
    for weighted, shares in ((True, {"near1": 5, "near2": 5, "far": 30}), (False, {"near1": 10, "near2": 10, "far": 10})):
        fields = {"common_lb_config": {"locality_weighted_lb_config": {}}} if weighted else {}
        proxy = start(cluster("c", load_assignment=assignment, **fields))
        got = [who(plain_lab.peer, POD[4], PORT) for _ in range(sum(shares.values()))]
        assert {name: got.count(name) for name in shares} == shares
        warned = "load_balancing_weight has no effect without common_lb_config" in proxy.log()
        assert warned is not weighted
        proxy.process.kill()
        proxy.wait_exit()


def test_weighted_clusters(plain_lab, start, serve):
    for i, name in enumerate(("light", "heavy")):
        serve(plain_lab.peer, HOST, 7000 + i, says(name))
    proxy = start(
        cluster("light", (HOST, 7000)), cluster("heavy", (HOST, 7001)), weights={"light": 1, "heavy": 3}
    )
    seen = ask(plain_lab, 240)
    assert set(seen) == {"light", "heavy"}
    assert 25 <= seen["light"] <= 95, seen  # 60 ± 35: 5.2 standard deviations
    assert proxy.stat("cluster.light.upstream_cx_total") == seen["light"]


# -- dialling -------------------------------------------------------------------------------------------------------


def test_a_second_attempt_takes_another_host(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7001, says("alive"))
    proxy = start(cluster("c", (HOST, 7000), (HOST, 7001)), max_connect_attempts=2)
    assert ask(plain_lab, 10) == {"alive": 10}
    stats = proxy.stats()
    assert 5 <= stats["cluster.c.upstream_cx_connect_fail"] <= 10  # a second attempt takes a turn as well
    assert stats["cluster.c.upstream_cx_connect_attempts_exceeded"] == 0
    failed = proxy.host_values("c")[f"{HOST}:7000"]["cx_connect_fail"]
    assert failed == str(stats["cluster.c.upstream_cx_connect_fail"])
    proxy.wait_ended({"finished": 10})


def test_one_attempt_is_the_default(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7001, says("alive"))
    proxy = start(cluster("c", (HOST, 7000), (HOST, 7001)))
    seen = ask(plain_lab, 10)
    assert seen.pop("alive") == 5
    assert sum(seen.values()) == 5
    assert proxy.stat("cluster.c.upstream_cx_connect_attempts_exceeded") == 5
    proxy.wait_ended({"finished": 5, "connect_failed": 5})
    lines = [line for line in proxy.access_lines(10) if line["flags"] != "-"]
    assert [line["flags"] for line in lines] == ["UF,URX"] * 5
    assert all("Connection" in line["failure"] and "refused" in line["failure"] for line in lines)


def test_attempts_run_out(plain_lab, start):
    proxy = start(cluster("c", (HOST, 7000), (HOST, 7001), (HOST, 7002)), max_connect_attempts=3)
    assert who(plain_lab.peer, POD[4], PORT) in ("eof", "reset")
    assert proxy.stat("cluster.c.upstream_cx_connect_fail") == 3
    assert proxy.stat("cluster.c.upstream_cx_connect_attempts_exceeded") == 1
    proxy.wait_ended({"connect_failed": 1})
    assert {host["cx_connect_fail"] for host in proxy.host_values("c").values()} == {"1"}


def test_a_silent_host_ends_with_the_connect_timeout(fresh_lab, run_proxy, serve):
    fresh_lab.peer.tool("nft", "-f", "-", text=DROP)
    directory = new_directory()
    serve(fresh_lab.peer, HOST, 7000, says("alive"))
    log = [file_log(f"{directory}/access.log")]
    proxy = run_proxy(
        fresh_lab.pod,
        bootstrap(
            [
                listener("a", POD[4], 9000, chain(tcp_proxy("silent", access_log=log))),
                listener("b", POD[4], 9001, chain(tcp_proxy("second", access_log=log, max_connect_attempts=2))),
            ],
            [
                cluster("silent", (HOST, 7900), connect_timeout="0.3s"),
                cluster("second", (HOST, 7901), (HOST, 7000), connect_timeout="0.3s"),
            ],
        ),
        directory=directory,
    )
    started = time.monotonic()
    with fresh_lab.peer.connect(POD[4], 9000) as client:
        assert how_it_ends(client) == (b"", "fin")
    assert 0.25 < time.monotonic() - started < 5
    assert proxy.stat("cluster.silent.upstream_cx_connect_timeout") == 1
    assert proxy.stat("cluster.silent.upstream_cx_connect_fail") == 1
    assert proxy.ended() == {"connect_timeout": 1}
    (line,) = proxy.access_lines(1)
    assert line["flags"] == "UF,URX"
    assert "connect timeout" in line["failure"].replace("_", " ")
    assert [who(fresh_lab.peer, POD[4], 9001) for _ in range(4)] == ["alive"] * 4
    assert 2 <= proxy.stat("cluster.second.upstream_cx_connect_timeout") <= 4


def test_the_client_may_leave_while_the_upstream_is_dialled(fresh_lab, run_proxy):
    """Nothing is left of a connection whose two ends both went away."""
    fresh_lab.peer.tool("nft", "-f", "-", text=DROP)
    proxy = run_proxy(
        fresh_lab.pod,
        bootstrap([listener("a", POD[4], 9000, chain("silent"))], [cluster("silent", (HOST, 7900), connect_timeout="1s")]),
    )
    baseline = proxy.descriptors()
    clients = [fresh_lab.peer.connect(POD[4], 9000) for _ in range(10)]
    for client in clients:
        client.close()
    wait_for(lambda: proxy.stat("cluster.silent.upstream_cx_total") == 10, "all dialled")
    wait_for(lambda: proxy.stat("server.total_connections") == 0, "all ended")
    assert proxy.descriptors() == baseline


def test_the_connection_limit_of_a_cluster(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7000, echo)
    limit = {"thresholds": [{"max_connections": 3}]}
    proxy = start(cluster("c", (HOST, 7000), circuit_breakers=limit), workers=2)
    clients = [plain_lab.peer.connect(POD[4], PORT) for _ in range(3)]
    for client in clients:
        client.sendall(b"x")
        assert read_exactly(client, 1) == b"x"
    assert proxy.stat("cluster.c.circuit_breakers.default.cx_open") == 1
    assert who(plain_lab.peer, POD[4], PORT) in ("eof", "reset")
    (line,) = proxy.access_lines(1)
    assert line["flags"] == "UO"
    assert proxy.stat("cluster.c.upstream_cx_overflow") == 1
    assert proxy.ended() == {"cluster_connection_limit": 1}
    clients.pop().close()
    proxy.wait_stat("cluster.c.circuit_breakers.default.cx_open", 0)
    with plain_lab.peer.connect(POD[4], PORT) as client:
        client.sendall(b"again")
        assert read_exactly(client, 5) == b"again"
    for client in clients:
        client.close()


def test_an_unknown_cluster_is_a_warning_and_nc(plain_lab, start):
    proxy = start(cluster("c", (HOST, 7000)), cluster="nobody")
    assert "cluster 'nobody' does not exist" in proxy.log()
    assert who(plain_lab.peer, POD[4], PORT) in ("eof", "reset")
    (line,) = proxy.access_lines(1)
    assert line["flags"] == "NC"
    assert proxy.stat("tcp.t.downstream_cx_no_route") == 1
    assert proxy.ended() == {"no_cluster": 1}


# -- durations ------------------------------------------------------------------------------------------------------


def test_the_idle_timeout_counts_silence_of_both_sides(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7000, echo)
    proxy = start(cluster("c", (HOST, 7000)), idle_timeout="0.6s")
    with plain_lab.peer.connect(POD[4], PORT) as client:
        for _ in range(5):  # 1.5 s of little traffic are no silence
            client.sendall(b"x")
            assert read_exactly(client, 1) == b"x"
            time.sleep(0.3)
        assert how_it_ends(client, 5)[1] == "fin"
    assert proxy.stat("tcp.t.idle_timeout") == 1
    assert proxy.ended() == {"idle_timeout": 1}
    (line,) = proxy.access_lines(1)
    assert line["duration"] >= 1500 and "idle timeout" in line["details"].replace("_", " ")


def test_idle_timeout_zero_is_none(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7000, echo)
    proxy = start(cluster("c", (HOST, 7000)), idle_timeout="0s")
    with plain_lab.peer.connect(POD[4], PORT) as client:
        assert not has_data(client, 0.5)
        client.sendall(b"x")
        assert read_exactly(client, 1) == b"x"
    proxy.wait_ended({"finished": 1})


def test_the_maximum_duration_ends_a_busy_connection(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7000, echo)
    proxy = start(cluster("c", (HOST, 7000)), max_downstream_connection_duration="0.7s")
    started = time.monotonic()
    with plain_lab.peer.connect(POD[4], PORT) as client:
        try:
            while client.send(b"x") and client.recv(1) and time.monotonic() - started < 10:
                time.sleep(0.02)
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert 0.6 < time.monotonic() - started < 5
    assert proxy.stat("tcp.t.max_downstream_connection_duration") == 1
    assert proxy.ended() == {"max_duration": 1}
    (line,) = proxy.access_lines(1)
    assert line["flags"] == "DT"


# -- original destinations ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", [4, 6])
def test_the_bind_address_and_a_port_override(fresh_lab, run_proxy, serve, family):
    installer.install(fresh_lab.pod, Flags(inbound_ports=("*",), cidrs=("*",)))
    bind = {"source_address": {"address": PASSTHROUGH[family], "port_value": 0}}
    app = serve(fresh_lab.pod, POD[family], 8443, says("overridden"))
    serve(fresh_lab.peer, OUTSIDE[family], 8080, says("outside 8080"))
    proxy = run_proxy(
        fresh_lab.pod,
        bootstrap(
            [
                outbound(chain("out"), host="::", ipv4_compat=True),
                outbound(chain("in"), name="virtualInbound", host="::", ipv4_compat=True, port=15006),
            ],
            [
                original_dst("out", original_dst_lb_config={"upstream_port_override": 8080}),
                original_dst("in", upstream_bind_config=bind, original_dst_lb_config={"upstream_port_override": 8443}),
            ],
        ),
    )
    assert who(fresh_lab.pod, OUTSIDE[family], 80, uid=1000) == "outside 8080"
    assert who(fresh_lab.peer, POD[family], 80) == "overridden"
    assert {host for host, _ in app.peers} == {PASSTHROUGH[family]}
    shown = f"[{POD[6]}]:8443" if family == 6 else f"{POD[4]}:8443"
    assert list(proxy.host_values("in")) == [shown]
    assert proxy.stat("cluster.in.bind_errors") == 0


def test_an_address_that_cannot_be_bound_is_counted(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7000, says("unreachable"))
    proxy = start(
        cluster("c", (HOST, 7000), upstream_bind_config={"source_address": {"address": "203.0.113.99", "port_value": 0}})
    )
    assert who(plain_lab.peer, POD[4], PORT) in ("eof", "reset")
    assert proxy.stat("cluster.c.bind_errors") == 1
    (line,) = proxy.access_lines(1)
    assert "203.0.113.99" in line["failure"]


def test_a_fixed_source_port_and_address_is_used(plain_lab, start, serve):
    server = serve(plain_lab.peer, HOST, 7000, says("seen"))
    start(cluster("c", (HOST, 7000), upstream_bind_config={"source_address": {"address": POD[4], "port_value": 45555}}))
    assert who(plain_lab.peer, POD[4], PORT) == "seen"
    assert server.peers == [(POD[4], 45555)]


def test_both_families_meet(plain_lab, start, serve):
    """An IPv4 client and an IPv6 host."""
    serve(plain_lab.peer, OUTSIDE[6], 7000, answers(b"six"))
    proxy = start(cluster("c", (OUTSIDE[6], 7000)))
    with plain_lab.peer.connect(POD[4], PORT) as client:
        client.sendall(b"abc")
        client.shutdown(1)
        assert how_it_ends(client) == (b"six 3", "fin")
    assert list(proxy.host_values("c")) == [f"[{OUTSIDE[6]}]:7000"]
