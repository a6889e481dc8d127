# SPDX-License-Identifier: Apache-2.0
"""No configuration and no rules make the proxy call itself without end, and what is refused is counted."""

import socket

import pytest

from harness import installer
from harness.flags import Flags
from harness.lab import OUTSIDE, POD, SERVICE
from proxy_config import (
    black_hole, bootstrap, chain, cluster, file_log, listener, original_dst, original_dst_filter, outbound, virtual,
)  # fmt: skip
from proxy_peers import echo, how_it_ends, read_exactly, says, who
from proxy_process import new_directory, wait_for

LOOPBACK = {4: "127.0.0.1", 6: "::1"}
ENDED = ("eof", "reset")

# What a user who forgets the exemption gets: the proxy's own connections come back to it.
REDIRECT_EVERYTHING = """
table inet mistake {
    chain output {
        type nat hook output priority -100; policy accept;
        oifname "lo" ip daddr 127.0.0.0/8 accept
        oifname "lo" ip6 daddr ::1 accept
        meta l4proto tcp redirect to :15001
    }
}
"""


def own_listeners(*outbound_chains: dict, log: str | None = None) -> dict:
    """Outbound and inbound passthrough on both families, without the chains that Istio adds against loops."""
    logs = {"access_log": [file_log(log)]} if log else {}
    return bootstrap(
        [
            outbound(*outbound_chains, chain("passthrough", "catchall"), host="::", ipv4_compat=True, **logs),
            listener(
                "virtualInbound", "::", 15006, chain("passthrough", "inbound"), ipv4_compat=True,
                listener_filters=[original_dst_filter()], traffic_direction="INBOUND", **logs,
            ),
        ],
        [original_dst(), black_hole()],
    )  # fmt: skip


@pytest.mark.parametrize("family", [4, 6])
def test_a_direct_connection_to_the_outbound_port_is_no_destination(plain_lab, run_proxy, family):
    """T1 without rules: the kernel knows no original destination."""
    proxy = run_proxy(plain_lab.pod, own_listeners())
    descriptors = proxy.descriptors()
    assert who(plain_lab.peer, POD[family], 15001, b"hello") in ENDED
    assert who(plain_lab.pod, LOOPBACK[family], 15001, b"hello") in ENDED
    proxy.wait_ended({"no_original_destination": 2})
    assert proxy.stat("listener.[__]_15001.downstream_cx_total") == 2
    assert proxy.stat("cluster.passthrough.upstream_cx_total") == 0
    wait_for(lambda: proxy.descriptors() == descriptors, "all descriptors closed")


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("way", ["pod to itself", "peer to 15001", "peer to 15006"])
def test_a_destination_that_is_a_listener_of_ours_is_refused(lab, run_proxy, serve, family, way):
    """T1 with rules: the original destination is the proxy itself."""
    proxy = run_proxy(lab.pod, own_listeners())
    descriptors = proxy.descriptors()
    if way == "pod to itself":
        assert who(lab.pod, POD[family], 15001, b"hello", uid=1000) in ENDED
    else:
        assert who(lab.peer, POD[family], int(way.split()[-1]), b"hello") in ENDED
    proxy.wait_ended({"loop_refused": 1})
    stats = proxy.stats()
    assert stats["listener.[__]_15001.downstream_cx_total"] + stats["listener.[__]_15006.downstream_cx_total"] == 1
    assert stats["cluster.passthrough.upstream_cx_total"] == 0
    wait_for(lambda: proxy.descriptors() == descriptors, "all descriptors closed")
    serve(lab.peer, OUTSIDE[family], 80, says("outside"))
    assert who(lab.pod, OUTSIDE[family], 80, uid=1000) == "outside"


def test_the_chain_that_istio_adds_sends_it_to_the_black_hole(lab, run_proxy):
    directory = new_directory()
    guard = chain("blackhole", "virtualOutbound-blackhole", match={"destination_port": 15001})
    proxy = run_proxy(lab.pod, own_listeners(guard, log=f"{directory}/access.log"), directory=directory)
    with lab.pod.connect(POD[4], 15001, uid=1000) as client:
        assert how_it_ends(client) == (b"", "fin")
    (line,) = proxy.access_lines(1)
    assert (line["flags"], line["chain"], line["cluster"]) == ("UH", "virtualOutbound-blackhole", "blackhole")
    assert line["local"] == f"{POD[4]}:15001"
    assert proxy.ended() == {"no_healthy_upstream": 1}
    assert proxy.stat("listener.[__]_15001.downstream_cx_total") == 1


def test_a_refused_loop_leaves_a_line_that_says_so(lab, run_proxy):
    directory = new_directory()
    proxy = run_proxy(lab.pod, own_listeners(log=f"{directory}/access.log"), directory=directory)
    assert who(lab.peer, POD[4], 15001) in ENDED
    (line,) = proxy.access_lines(1)
    assert line["local"] == f"{POD[4]}:15001"
    assert line["listener"] == "virtualInbound"
    assert line["details"].replace("_", " ") == "the destination leads back to this proxy"
    assert line["flags"] == "NR"
    assert f"{POD[4]}:15001: the destination leads back to this proxy" in proxy.log()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("family", [4, 6])
def test_without_the_exemption_a_loop_ends_by_itself(fresh_lab, run_proxy, serve, family, workers):
    """Every connection of the proxy comes back to it: nothing but its own memory can tell that."""
    pod = fresh_lab.pod
    pod.tool("nft", "-f", "-", text=REDIRECT_EVERYTHING)
    outside = serve(fresh_lab.peer, OUTSIDE[family], 80, says("outside"))
    app = serve(pod, "127.0.0.1", 8080, echo)
    config = own_listeners()
    config["static_resources"]["listeners"].append(listener("app", "127.0.0.1", 9000, chain("app")))
    config["static_resources"]["clusters"].append(cluster("app", app.address))
    proxy = run_proxy(pod, config, workers=workers)
    with pod.connect("127.0.0.1", 9000) as other:
        other.sendall(b"before")
        assert read_exactly(other, 6) == b"before"
        baseline = proxy.descriptors()
        for _ in range(3):
            assert who(pod, OUTSIDE[family], 80, b"hello", uid=1000, timeout=20) in ENDED
        wait_for(lambda: proxy.stat("listener.[__]_15001.downstream_cx_active") == 0, "the loop is over")
        wait_for(lambda: proxy.descriptors() == baseline, "all descriptors closed")
        assert proxy.ended()["loop_refused"] >= 3
        turns = proxy.stat("listener.[__]_15001.downstream_cx_total")
        assert turns <= 3 * 40 * workers, f"{turns} connections for 3 of the client"
        other.sendall(b"after")
        assert read_exactly(other, 5) == b"after"
    assert outside.accepted == 0


def test_many_loops_at_once_end_and_other_connections_go_on(fresh_lab, run_proxy, serve):
    pod = fresh_lab.pod
    pod.tool("nft", "-f", "-", text=REDIRECT_EVERYTHING)
    app = serve(pod, "127.0.0.1", 8080, echo)
    config = own_listeners()
    config["static_resources"]["listeners"].append(listener("app", "127.0.0.1", 9000, chain("app")))
    config["static_resources"]["clusters"].append(cluster("app", app.address))
    proxy = run_proxy(pod, config)
    baseline = proxy.descriptors()
    clients = [pod.connect(OUTSIDE[4], 80 + i % 5, uid=1000) for i in range(30)]
    with pod.connect("127.0.0.1", 9000) as other:
        other.sendall(b"meanwhile")
        assert read_exactly(other, 9) == b"meanwhile"
    for client in clients:
        assert how_it_ends(client, 30)[1] in ("fin", "rst")
        client.close()
    wait_for(lambda: proxy.descriptors() == baseline, "all descriptors closed", 20)
    assert proxy.ended()["loop_refused"] >= 1


def test_a_loop_through_a_fixed_address_ends_too(fresh_lab, run_proxy):
    """A STATIC cluster whose connections the rules bring back: the destination is a stranger's address."""
    pod = fresh_lab.pod
    pod.tool("nft", "-f", "-", text=REDIRECT_EVERYTHING)
    proxy = run_proxy(pod, bootstrap([outbound(chain("fixed"))], [cluster("fixed", (OUTSIDE[4], 8080))]))
    baseline = proxy.descriptors()
    assert who(pod, OUTSIDE[4], 80, b"hello", uid=1000, timeout=20) in ENDED
    wait_for(lambda: proxy.descriptors() == baseline, "all descriptors closed")
    assert proxy.ended()["loop_refused"] >= 1
    assert proxy.stat("listener.0.0.0.0_15001.downstream_cx_total") <= 40


@pytest.mark.parametrize("family", [4, 6])
def test_passing_twice_is_no_loop(fresh_lab, run_proxy, serve, family):
    """A service whose only host is the pod itself: outbound, then inbound, then the application. 150 at once, so that
    sockets that the guard has marked are among them; 200 ports, so that clients share the ports of such sockets."""
    lab = fresh_lab
    installer.install(lab.pod, Flags(inbound_ports=("*",), cidrs=("*",)))
    lab.pod.sysctl("net/ipv4/ip_local_port_range", "40000 40199")
    app = serve(lab.pod, POD[family], 8080, echo)
    config = own_listeners()
    config["static_resources"]["listeners"].append(virtual("service", SERVICE[family], 80, chain("service")))
    config["static_resources"]["clusters"].append(cluster("service", app.address))
    source = {4: "127.0.0.6", 6: "::6"}[family]
    config["static_resources"]["clusters"].append(
        original_dst("inbound", upstream_bind_config={"source_address": {"address": source, "port_value": 0}})
    )
    config["static_resources"]["listeners"][1]["filter_chains"] = [chain("inbound")]
    proxy = run_proxy(lab.pod, config)
    clients = [lab.pod.connect(SERVICE[family], 80, uid=1000) for _ in range(150)]
    for i, client in enumerate(clients):
        client.sendall(b"%03d" % i)
        client.shutdown(socket.SHUT_WR)
    assert [how_it_ends(client) for client in clients] == [(b"%03d" % i, "fin") for i in range(150)]
    for client in clients:
        client.close()
    proxy.wait_ended({"finished": 300})
    assert {host for host, _ in app.peers} == {source}
