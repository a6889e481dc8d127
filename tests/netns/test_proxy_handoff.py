# SPDX-License-Identifier: Apache-2.0
"""Hand-off: the listener that owns the original destination gets the connection, and counts it (T2-T6)."""

import pytest

from harness import installer
from harness.flags import Flags
from harness.lab import OUTSIDE, POD, SERVICE
from proxy_config import (
    bootstrap, chain, cluster, file_log, listener, original_dst_filter, outbound, socket_address, tcp_proxy, virtual,
)  # fmt: skip
from proxy_peers import Server, says, who
from proxy_process import Proxy, new_directory

HOST = OUTSIDE[4]
V4 = SERVICE[4]  # 203.0.113.200
V4_OTHER = "203.0.113.201"
V6 = SERVICE[6]
V6_OTHER = "2001:db8:f::201"

# Virtual listeners by name: host, port and what else they have. Each leads to a server that says the listener's name.
LISTENERS = {
    "exact": (V4, 80, {}),
    "exact6": (V6, 80, {}),
    "wildcard": ("0.0.0.0", 81, {}),
    "wildcard6": ("::", 81, {}),
    "both-wildcard": ("0.0.0.0", 82, {}),
    "both-exact": (V4, 82, {}),
    "compat": ("::", 84, {"ipv4_compat": True}),
    "compat-beside": ("::", 85, {"ipv4_compat": True}),
    "v4-beside": ("0.0.0.0", 85, {}),
    "v4-before": ("0.0.0.0", 91, {}),
    "compat-after": ("::", 91, {"ipv4_compat": True}),
    "v6-only": ("::", 86, {}),
    "several": (V4, 87, {"additional_addresses": [
        {"address": socket_address(V4_OTHER, 87)}, {"address": socket_address(V6_OTHER, 87)}]}),
    "mapped": (f"::ffff:{V4}", 88, {"ipv4_compat": True}),
    "again": ("0.0.0.0", 89, {"use_original_dst": True}),
    "own-address": (POD[4], 90, {}),
}  # fmt: skip


LOOPBACK = {4: "127.0.0.1", 6: "::1"}
TPROXY = """
table inet divert {
    chain before {
        type filter hook prerouting priority -150; policy accept;
        iifname "eth0" tcp dport { 80, 81 } meta nfproto ipv4 tproxy ip to :15006 meta mark set 0x539 accept
        iifname "eth0" tcp dport { 80, 81 } meta nfproto ipv6 tproxy ip6 to :15006 meta mark set 0x539 accept
    }
}
"""


@pytest.fixture(scope="module")
def rules(plain_lab):
    """Outbound only: what comes from outside reaches the pod's ports untouched."""
    installer.install(plain_lab.pod, Flags(cidrs=("*",)))
    return plain_lab


@pytest.fixture(scope="module")
def proxy(rules):
    names = [*LISTENERS, "bound", "catchall"]
    servers = [Server(rules.peer, HOST, 7000 + i, says(name)) for i, name in enumerate(names)]
    listeners = [virtual(name, host, port, chain(name), **more) for name, (host, port, more) in LISTENERS.items()]
    config = bootstrap(
        [
            outbound(chain("catchall"), host="::", ipv4_compat=True),
            listener("bound", "0.0.0.0", 9000, chain("bound")),
            *listeners,
        ],
        [cluster(name, server.address) for name, server in zip(names, servers)],
    )
    with Proxy(rules.pod, config) as started:
        yield started
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    "destination, port, owner, scope",
    [
        (V4, 80, "exact", f"{V4}_80"),
        (V6, 80, "exact6", "[2001_db8_f__200]_80"),
        (V4_OTHER, 80, "catchall", "[__]_15001"),
        (V6_OTHER, 80, "catchall", "[__]_15001"),
        (V4, 81, "wildcard", "0.0.0.0_81"),
        (V4_OTHER, 81, "wildcard", "0.0.0.0_81"),
        (V6, 81, "wildcard6", "[__]_81"),
        (V4, 82, "both-exact", f"{V4}_82"),
        (V4_OTHER, 82, "both-wildcard", "0.0.0.0_82"),
        (V6, 82, "catchall", "[__]_15001"),
        (V4, 83, "catchall", "[__]_15001"),
        (V4, 84, "compat", "[__]_84"),
        (V6, 84, "compat", "[__]_84"),
        (V4, 85, "v4-beside", "0.0.0.0_85"),
        (V6, 85, "compat-beside", "[__]_85"),
        (V4, 91, "v4-before", "0.0.0.0_91"),
        (V6, 91, "compat-after", "[__]_91"),
        (V4, 86, "catchall", "[__]_15001"),
        (V6, 86, "v6-only", "[__]_86"),
        (V4, 87, "several", f"{V4}_87"),
        (V4_OTHER, 87, "several", f"{V4}_87"),
        (V6_OTHER, 87, "several", f"{V4}_87"),
        (V6, 87, "catchall", "[__]_15001"),
        (V4, 88, "mapped", f"[__ffff_{V4}]_88"),
        (V4_OTHER, 88, "catchall", "[__]_15001"),
        (V4, 89, "again", "0.0.0.0_89"),
        (V4, 9000, "bound", "0.0.0.0_9000"),
        (V4, 15001, "catchall", "[__]_15001"),
    ],
)
def test_the_owner_answers_and_counts(rules, proxy, destination, port, owner, scope):
    before = proxy.stats()
    assert who(rules.pod, destination, port, uid=1000) == owner
    changed = {
        name: value - before[name]
        for name, value in proxy.stats().items()
        if name.endswith(".downstream_cx_total") and name.startswith("listener.") and value != before[name]
    }
    assert changed == {f"listener.{scope}.downstream_cx_total": 1}


def test_a_running_connection_is_active_at_its_owner_alone(rules, proxy):
    with rules.pod.connect(V4, 80, uid=1000):
        proxy.wait_stat(f"listener.{V4}_80.downstream_cx_active", 1)
        assert proxy.stat("listener.[__]_15001.downstream_cx_active") == 0
        assert proxy.stat("listener.[__]_15001.downstream_pre_cx_active") == 0
    proxy.wait_stat(f"listener.{V4}_80.downstream_cx_active", 0)
    proxy.wait_stat(f"listener.{V4}_80.downstream_cx_destroy", proxy.stat(f"listener.{V4}_80.downstream_cx_total"))


def test_a_listener_that_binds_nothing_is_not_reached_directly(rules, proxy):
    assert who(rules.peer, POD[4], 90) == "refused"
    assert who(rules.peer, POD[4], 81) == "refused"
    # The rules lead this one to 15006. Nothing inbound is captured, so it does not wait for a listener there.
    assert who(rules.pod, POD[4], 90, uid=1337, gid=1337) == "refused"
    listening = rules.pod.tool("ss", "-Htln")
    assert ":90 " not in listening and ":81 " not in listening


def test_a_bound_listener_is_reached_both_ways(rules, proxy):
    assert who(rules.peer, POD[4], 9000) == "bound"
    assert who(rules.pod, OUTSIDE[4], 9000, uid=1000) == "bound"


def test_listeners_shows_all_of_them(proxy):
    lines = proxy.text("/listeners").splitlines()
    assert "virtualOutbound::[::]:15001" in lines
    assert f"exact::{V4}:80" in lines
    assert f"exact6::[{V6}]:80" in lines
    several = [line for line in lines if line.startswith("several::")]
    assert several == [f"several::{V4}:87", f"several::{V4_OTHER}:87", f"several::[{V6_OTHER}]:87"]


def test_without_hand_off_the_restored_address_still_chooses_the_chain(fresh_lab, run_proxy, serve):
    """An explicit original_dst filter, as inbound: the connection stays, and its chain is chosen by the destination."""
    installer.install(fresh_lab.pod, Flags(inbound_ports=("*",), cidrs=("*",)))
    for i, name in enumerate(("stays", "virtual", "other")):
        serve(fresh_lab.peer, HOST, 7000 + i, says(name))
    proxy = run_proxy(
        fresh_lab.pod,
        bootstrap(
            [
                listener(
                    "virtualInbound", "0.0.0.0", 15006,
                    chain("stays", "by-port", match={"destination_port": 8080}), chain("other", "rest"),
                    listener_filters=[original_dst_filter()],
                ),
                virtual("tempting", POD[4], 8080, chain("virtual")),
            ],
            [cluster(name, (HOST, 7000 + i)) for i, name in enumerate(("stays", "virtual", "other"))],
        ),
    )  # fmt: skip
    assert who(fresh_lab.peer, POD[4], 8080) == "stays"
    assert who(fresh_lab.peer, POD[4], 8081) == "other"
    assert proxy.stat("listener.0.0.0.0_15006.downstream_cx_total") == 2
    assert proxy.stat(f"listener.{POD[4]}_8080.downstream_cx_total") == 0


def test_several_bound_addresses_are_all_listened_on(fresh_lab, run_proxy, serve):
    server = serve(fresh_lab.peer, HOST, 7100, says("here"))
    more = [{"address": socket_address(POD[6], 9100)}, {"address": socket_address("127.0.0.1", 9101)}]
    proxy = run_proxy(
        fresh_lab.pod,
        bootstrap(
            [listener("many", POD[4], 9100, chain("here"), additional_addresses=more)], [cluster("here", server.address)]
        ),
    )
    assert who(fresh_lab.peer, POD[4], 9100) == "here"
    assert who(fresh_lab.peer, POD[6], 9100) == "here"
    assert who(fresh_lab.pod, "127.0.0.1", 9101) == "here"
    assert who(fresh_lab.pod, "127.0.0.1", 9100) == "refused"
    assert proxy.stat(f"listener.{POD[4]}_9100.downstream_cx_total") == 3


def test_a_dual_stack_listener_sees_ipv4_as_ipv4(fresh_lab, run_proxy, serve):
    """[::] with ipv4_compat: addresses in the log and prefix matches are those of IPv4."""
    server = serve(fresh_lab.peer, HOST, 7101, says("v4"))
    directory = new_directory()
    log = [file_log(f"{directory}/access.log")]
    proxy = run_proxy(
        fresh_lab.pod,
        bootstrap(
            [
                listener(
                    "dual", "::", 9102,
                    chain(tcp_proxy("v4", access_log=log), "four", match={"prefix_ranges": [
                        {"address_prefix": POD[4], "prefix_len": 32}]}),
                    ipv4_compat=True,
                )
            ],
            [cluster("v4", server.address)],
        ),
        directory=directory,
    )  # fmt: skip
    assert who(fresh_lab.peer, POD[4], 9102) == "v4"
    assert who(fresh_lab.peer, POD[6], 9102) in ("eof", "reset")
    (line,) = proxy.access_lines(1)
    assert line["local"] == f"{POD[4]}:9102"
    assert line["remote"].startswith("198.51.100.1:")
    proxy.wait_ended({"finished": 1, "no_filter_chain": 1})


@pytest.mark.parametrize("family", [4, 6])
def test_a_transparent_listener_knows_the_destination_without_conntrack(fresh_lab, run_proxy, serve, family):
    """TPROXY delivers the packets themselves: the socket's own address is the destination, and its owner gets it."""
    pod, word = fresh_lab.pod, {4: "ip", 6: "ip6"}[family]
    pod.tool("nft", "-f", "-", text=TPROXY)
    flag = "-6 " if family == 6 else ""
    everything = "::/0" if family == 6 else "0.0.0.0/0"
    pod.ip_batch([f"{flag}rule add fwmark 0x539 lookup 133", f"{flag}route add local {everything} dev lo table 133"])
    for i, name in enumerate(("owner", "catchall")):
        serve(pod, LOOPBACK[family], 7200 + i, says(name))
    elsewhere = {4: "203.0.113.150", 6: "2001:db8:c::150"}[family]
    route = f"{flag}route add {elsewhere} via {POD[family]}"
    fresh_lab.peer.ip_batch([route])
    any_address = {4: "0.0.0.0", 6: "::"}[family]
    proxy = run_proxy(
        pod,
        bootstrap(
            [
                outbound(chain("catchall"), host=any_address, port=15006, transparent=True),
                virtual("owner", elsewhere, 80, chain("owner")),
            ],
            [cluster(name, (LOOPBACK[family], 7200 + i)) for i, name in enumerate(("owner", "catchall"))],
        ),
        uid=0,
    )
    assert who(fresh_lab.peer, elsewhere, 80) == "owner", word
    assert who(fresh_lab.peer, elsewhere, 81) == "catchall"
    scope = {4: f"{elsewhere}_80", 6: f"[{elsewhere.replace(':', '_')}]_80"}[family]
    assert proxy.stat(f"listener.{scope}.downstream_cx_total") == 1
