# SPDX-License-Identifier: Apache-2.0
"""Which filter chain a real connection gets: order of the dimensions, no backtracking, default chain, no chain (T8, T10)."""

import pytest

from harness import installer
from harness.flags import Flags
from harness.lab import OUTSIDE, PEER, POD
from proxy_config import bootstrap, chain, cluster, file_log, listener, outbound
from proxy_peers import Server, how_it_ends, says, who
from proxy_process import Proxy, new_directory

HOST = OUTSIDE[4]


def prefixes(*texts: str) -> list[dict]:
    return [{"address_prefix": text.split("/")[0], "prefix_len": int(text.split("/")[1])} for text in texts]


DESTINATION_CHAINS = {
    "port-80 at 201": {"destination_port": 80, "prefix_ranges": prefixes("203.0.113.201/32")},
    "any port": {},
    "port-81": {"destination_port": 81},
    "port-82 wide": {"destination_port": 82, "prefix_ranges": prefixes("203.0.113.192/27", "2001:db8::/32")},
    "port-82 narrow": {"destination_port": 82, "prefix_ranges": prefixes("203.0.113.200/31", "2001:db8:f::/64")},
    "wide with source": {
        "destination_port": 83, "prefix_ranges": prefixes("203.0.113.192/27"),
        "source_prefix_ranges": prefixes("198.51.100.0/24"),
    },
    "narrow with other source": {
        "destination_port": 83, "prefix_ranges": prefixes("203.0.113.200/32"),
        "source_prefix_ranges": prefixes("192.0.2.0/24"),
    },
}  # fmt: skip

SOURCE_CHAINS = {
    "wide source": {"source_prefix_ranges": prefixes("198.51.100.0/24")},
    "host source": {"source_prefix_ranges": prefixes(f"{PEER[4]}/32")},
    "host and port": {"source_prefix_ranges": prefixes(f"{PEER[4]}/32"), "source_ports": [45001, 45002]},
    "direct": {"direct_source_prefix_ranges": prefixes("203.0.113.112/28")},
    "direct and port": {"direct_source_prefix_ranges": prefixes("203.0.113.112/28"), "source_ports": [45003]},
    "local": {"source_type": "SAME_IP_OR_LOOPBACK"},
    "local with port": {"source_type": "SAME_IP_OR_LOOPBACK", "source_ports": [45004]},
}  # fmt: skip


def serve_chains(lab, names) -> tuple[list[Server], list[dict]]:
    servers = [Server(lab.peer, HOST, 7000 + i, says(name)) for i, name in enumerate(names)]
    return servers, [cluster(name, server.address) for name, server in zip(names, servers)]


@pytest.fixture(scope="module")
def by_destination(plain_lab):
    """One outbound listener whose chains differ by destination, with a default chain."""
    installer.install(plain_lab.pod, Flags(cidrs=("*",)))
    names = [*DESTINATION_CHAINS, "default"]
    servers, clusters = serve_chains(plain_lab, names)
    chains = [chain(name, name, match=match) for name, match in DESTINATION_CHAINS.items()]
    config = bootstrap(
        [
            outbound(*chains, default_filter_chain=chain("default", "default"), host="::", ipv4_compat=True),
            outbound(*chains, name="without-default", host="::", port=16001, ipv4_compat=True),
        ],
        clusters,
    )
    with Proxy(plain_lab.pod, config) as proxy:
        yield proxy
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    "host, port, chosen",
    [
        ("203.0.113.201", 80, "port-80 at 201"),
        ("203.0.113.200", 80, "default"),  # T8: port 80 has a subtree, so "any port" is never looked at
        ("2001:db8:f::201", 80, "default"),
        ("203.0.113.200", 81, "port-81"),
        ("2001:db8:f::200", 81, "port-81"),
        ("203.0.113.200", 90, "any port"),
        ("203.0.113.202", 82, "port-82 wide"),
        ("203.0.113.201", 82, "port-82 narrow"),
        ("2001:db8:a::1", 82, "port-82 wide"),
        ("2001:db8:f::200", 82, "port-82 narrow"),
        ("203.0.113.120", 82, "default"),
        ("203.0.113.202", 83, "wide with source"),
        ("203.0.113.200", 83, "default"),  # the longest prefix wins, though its source does not match
    ],
)
def test_destination(plain_lab, by_destination, host, port, chosen):
    assert who(plain_lab.pod, host, port, uid=1000) == chosen


def test_no_chain_is_counted_logged_and_closed(fresh_lab, run_proxy, serve):
    installer.install(fresh_lab.pod, Flags(cidrs=("*",)))
    serve(fresh_lab.peer, HOST, 7000, says("eighty"))
    directory = new_directory()
    proxy = run_proxy(
        fresh_lab.pod,
        bootstrap(
            [
                outbound(
                    chain("eighty", "eighty", match={"destination_port": 80}),
                    access_log=[file_log(f"{directory}/access.log")],
                )
            ],
            [cluster("eighty", (HOST, 7000))],
        ),
        directory=directory,
    )  # fmt: skip
    with fresh_lab.pod.connect("203.0.113.200", 81, uid=1000) as client:
        assert how_it_ends(client) == (b"", "fin")
    (line,) = proxy.access_lines(1)
    assert line["flags"] == "NR"
    assert line["local"] == "203.0.113.200:81"
    assert line["listener"] == "virtualOutbound"
    assert "chain" in line["details"]
    assert proxy.stat("listener.0.0.0.0_15001.no_filter_chain_match") == 1
    assert proxy.ended() == {"no_filter_chain": 1}
    assert who(fresh_lab.pod, "203.0.113.200", 80, uid=1000) == "eighty"
    lines = proxy.access_lines(2)
    assert (lines[1]["chain"], lines[1]["cluster"], lines[1]["flags"]) == ("eighty", "eighty", "-")
    assert proxy.stat("listener.0.0.0.0_15001.no_filter_chain_match") == 1


@pytest.fixture
def by_source(fresh_lab, run_proxy, serve):
    names = [*SOURCE_CHAINS, "default"]
    servers, clusters = serve_chains(fresh_lab, names)
    chains = [chain(name, name, match=match) for name, match in SOURCE_CHAINS.items()]
    run_proxy(
        fresh_lab.pod,
        bootstrap(
            [listener("in", "::", 9000, *chains, default_filter_chain=chain("default", "default"), ipv4_compat=True)], clusters
        ),
    )
    yield fresh_lab
    for server in servers:
        server.close()


def from_port(namespace, host: str, port: int, source: tuple[str, int]) -> str:
    """Who answers a client that is bound to this address and port."""
    import socket

    client = namespace.new_socket()
    with client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.settimeout(10)
        client.bind(source)
        client.connect((host, port))
        return how_it_ends(client)[0].decode()


def test_source(by_source):
    peer, pod = by_source.peer, by_source.pod
    other = "203.0.113.120"  # an address of peer inside the direct prefix
    assert from_port(peer, POD[4], 9000, (PEER[4], 0)) == "host source"
    assert from_port(peer, POD[4], 9000, (PEER[4], 45001)) == "host and port"
    assert from_port(peer, POD[4], 9000, (PEER[4], 45003)) == "host source"
    assert from_port(peer, POD[4], 9000, (other, 0)) == "direct"
    assert from_port(peer, POD[4], 9000, (other, 45003)) == "direct and port"
    assert from_port(peer, POD[4], 9000, (HOST, 0)) == "default"
    assert from_port(pod, "127.0.0.1", 9000, ("127.0.0.1", 0)) == "local"
    assert from_port(pod, "127.0.0.1", 9000, ("127.0.0.1", 45004)) == "local with port"
    assert from_port(pod, POD[4], 9000, (POD[4], 0)) == "local"
    assert who(pod, "::1", 9000) == "local"


def test_external(fresh_lab, run_proxy, serve):
    servers, clusters = serve_chains(fresh_lab, ["external", "any", "external 443"])
    run_proxy(
        fresh_lab.pod,
        bootstrap(
            [
                listener(
                    "in", "0.0.0.0", 9000,
                    chain("external", "a", match={"source_type": "EXTERNAL"}),
                    chain("any", "b"),
                    chain("external 443", "c", match={"source_type": "EXTERNAL", "source_ports": [45443]}),
                )
            ],
            clusters,
        ),
    )  # fmt: skip
    assert who(fresh_lab.peer, POD[4], 9000) == "external"
    assert from_port(fresh_lab.peer, POD[4], 9000, (PEER[4], 45443)) == "external 443"
    assert who(fresh_lab.pod, POD[4], 9000) == "any"
    assert who(fresh_lab.pod, "127.0.0.1", 9000) == "any"
    for server in servers:
        server.close()
