# SPDX-License-Identifier: Apache-2.0
"""The network that the packet matrix runs in, and its addresses.

        guest ──vnet0── pod ──eth0── peer      peer also owns the outside hosts, and answers with RST at
                         └───net1── peer      every other address of the two service ranges

pod is what weir-init works on. All routes of pod lead to peer over eth0, those of NET1 over net1. guest's default route
leads to pod, which forwards: it is the virtual machine behind --kube-virt-interfaces.
"""

import dataclasses
import subprocess

from . import programs
from .namespace import Namespace, connect_veth

POD = {4: "198.51.100.10", 6: "2001:db8:1::10"}  # pod on eth0
PEER = {4: "198.51.100.1", 6: "2001:db8:1::1"}
POD_NET1 = {4: "198.51.100.130", 6: "2001:db8:2::10"}  # pod on net1, the second card
PEER_NET1 = {4: "198.51.100.129", 6: "2001:db8:2::1"}
POD_VNET0 = {4: "203.0.113.1", 6: "2001:db8:3::1"}  # pod towards the guest
GUEST = {4: "203.0.113.2", 6: "2001:db8:3::2"}
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
LOOPBACK_OTHER = {4: "127.9.0.5", 6: "::1"}  # loopback, but outside the default loopback CIDR
PASSTHROUGH = {4: "127.0.0.6", 6: "::6"}  # the source of the proxy's inbound passthrough connections
OUTSIDE = {4: "203.0.113.100", 6: "2001:db8:a::100"}  # a host that answers
OUTSIDE_OTHER = {4: "203.0.113.120", 6: "2001:db8:b::120"}  # another one, in EXCLUDED_RANGE
EXCLUDED_RANGE = {4: "203.0.113.112/28", 6: "2001:db8:b::/64"}
OUTSIDE_NET1 = {4: "203.0.113.241", 6: "2001:db8:e::241"}  # reached over net1
SERVICE = {4: "203.0.113.200", 6: "2001:db8:f::200"}  # no host behind it: a direct connection is refused
SERVICE_RANGE = {4: "203.0.113.192/27", 6: "2001:db8:f::/64"}

# Who listens where in pod, on every address of both families. "app" is the workload.
POD_LISTENERS = {
    15001: "outbound", 16001: "outbound-2",
    15006: "inbound", 16006: "inbound-2",
    15008: "tunnel", 16008: "tunnel-2",
    15053: "dns",
    **{port: "app" for port in (22, 53, 80, 443, 8080, 9090, 15020, 15021, 15090)},
}  # fmt: skip
PORTS = sorted(POD_LISTENERS)
# Who answers datagrams in pod; the outside hosts answer at APP_UDP_PORTS, too.
APP_UDP_PORTS = (53, 80, 443)
POD_UDP_LISTENERS = {15053: "dns", **{port: "app" for port in APP_UDP_PORTS}}
# The proxy's inbound listeners can take connections as TPROXY hands them over.
TRANSPARENT = ("inbound", "inbound-2")
DNS_PORT = 15053
# What /etc/resolv.conf says where programs are run with DNS capture.
DNS_SERVERS = (OUTSIDE[4], LOOPBACK[4], OUTSIDE[6], LOOPBACK[6])


class Responder:
    """tests/support/responder inside a namespace: answers every connection with its label and original destination."""

    def __init__(self, namespace: Namespace, listeners: list[tuple[str, str, int | str]]):
        """listeners: label, address and port, which may be "53/udp" or "80/transparent"."""
        specs = [f"{label}@{address}@{port}" for label, address, port in listeners]
        self.process = namespace.popen(
            [programs.helper("responder"), namespace.name, *specs],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if self.process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"responder in {namespace.label}: {self.process.communicate()[1]}")

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@dataclasses.dataclass
class Lab:
    """The namespaces with their responders; close() ends all of it."""

    pod: Namespace
    peer: Namespace
    guest: Namespace
    responders: list[Responder]

    def close(self) -> None:
        for responder in self.responders:
            responder.close()
        for namespace in (self.guest, self.peer, self.pod):
            namespace.close()

    def __enter__(self) -> "Lab":
        return self

    def __exit__(self, *_) -> None:
        self.close()


def _prepare(namespace: Namespace) -> None:
    for name, value in {
        "net/ipv4/conf/all/rp_filter": 0,
        "net/ipv4/conf/default/rp_filter": 0,
        "net/ipv6/conf/all/accept_dad": 0,
        "net/ipv6/conf/default/accept_dad": 0,
        "net/ipv6/conf/default/accept_ra": 0,
        "net/ipv4/icmp_ratelimit": 0,  # refusals of datagrams are answers, too
        "net/ipv4/icmp_msgs_per_sec": 100_000,
        "net/ipv4/icmp_msgs_burst": 10_000,
        "net/ipv6/icmp/ratelimit": 0,
        "net/ipv4/ip_forward": 1,
        "net/ipv6/conf/all/forwarding": 1,
    }.items():
        namespace.sysctl(name, value)


def _addresses(card: str, address: dict[int, str], length4: int) -> list[str]:
    return [f"addr add {address[4]}/{length4} dev {card}", f"-6 addr add {address[6]}/64 dev {card} nodad"]


def build_lab(tag: str = "", responders: bool = True) -> Lab:
    """Makes the whole network in about 0.2 s. tag tells several labs of one run apart."""
    pod, peer, guest = (Namespace(f"{tag}{label}") for label in ("pod", "peer", "guest"))
    lab = Lab(pod, peer, guest, [])
    try:
        for namespace in (pod, peer, guest):
            _prepare(namespace)
        connect_veth(pod, "eth0", peer, "eth0")
        connect_veth(pod, "net1", peer, "net1")
        connect_veth(pod, "vnet0", guest, "eth0")
        _configure(pod, peer, guest)
        if responders:
            lab.responders.extend(start_responders(lab))
    except BaseException:
        lab.close()
        raise
    return lab


def _configure(pod: Namespace, peer: Namespace, guest: Namespace) -> None:
    pod.ip_batch(
        _addresses("eth0", POD, 25) + _addresses("net1", POD_NET1, 25) + _addresses("vnet0", POD_VNET0, 28)
        + [f"route add default via {PEER[4]}", f"-6 route add default via {PEER[6]}",
           f"route add 203.0.113.240/28 via {PEER_NET1[4]}", f"-6 route add 2001:db8:e::/64 via {PEER_NET1[6]}"]
    )  # fmt: skip
    hosts = [
        line
        for host in (OUTSIDE, OUTSIDE_OTHER, OUTSIDE_NET1)
        for line in (f"addr add {host[4]}/32 dev lo", f"-6 addr add {host[6]}/128 dev lo nodad")
    ]
    peer.ip_batch(
        _addresses("eth0", PEER, 25) + _addresses("net1", PEER_NET1, 25) + hosts
        + [f"route add local {SERVICE_RANGE[4]} dev lo", f"-6 route add local {SERVICE_RANGE[6]} dev lo",
           f"route add 203.0.113.0/28 via {POD[4]}", f"-6 route add 2001:db8:3::/64 via {POD[6]}"]
    )  # fmt: skip
    guest.ip_batch(
        _addresses("eth0", GUEST, 28)
        + [f"route add default via {POD_VNET0[4]}", f"-6 route add default via {POD_VNET0[6]}"]
    )


def start_responders(lab: Lab) -> list[Responder]:
    """In pod everything of POD_LISTENERS, at the outside hosts the same ports as "outside"."""
    pod = [(label, f"{port}/transparent" if label in TRANSPARENT else port) for port, label in POD_LISTENERS.items()]
    # The proxy's DNS server runs as the proxy: istio-iptables knows its answers by their owner.
    pod += [(label, f"{port}/udp:1337" if label == "dns" else f"{port}/udp") for port, label in POD_UDP_LISTENERS.items()]
    anywhere = [(label, any_address, port) for label, port in pod for any_address in ("0.0.0.0", "::")]
    hosts = [
        ("outside", host[family], port)
        for host in (OUTSIDE, OUTSIDE_OTHER, OUTSIDE_NET1)
        for family in (4, 6)
        for port in [*PORTS, *(f"{port}/udp" for port in APP_UDP_PORTS)]
    ]
    return [Responder(lab.pod, anywhere), Responder(lab.peer, hosts)]
