# SPDX-License-Identifier: Apache-2.0
"""Where weir-init answers otherwise than istio-iptables, on purpose. istio_differences.md says the same in prose."""

import dataclasses
import ipaddress
from collections.abc import Callable

from . import lab
from .cells import Cell
from .flags import Flags


@dataclasses.dataclass(frozen=True)
class Difference:
    name: str
    reason: str
    applies: Callable[[Flags, Cell], bool]


def _captures_loopback(flags: Flags) -> bool:
    return flags.cidrs != ("*",) and any(
        ipaddress.ip_network(cidr).network_address.is_loopback for cidr in flags.cidrs
    )


def _stays_inside(cell: Cell) -> bool:
    own = (lab.POD, lab.POD_NET1, lab.POD_VNET0, lab.LOOPBACK, lab.LOOPBACK_OTHER)
    return cell.origin == "pod" and any(cell.destination in addresses.values() for addresses in own)


def _is_proxy(flags: Flags, cell: Cell) -> bool:
    return cell.uid in flags.proxy_uids or cell.gid in flags.proxy_gids


def _ipv6_leaves(flags: Flags, cell: Cell) -> bool:
    return cell.family == 6 and not flags.dual_stack


def _later_user(flags: Flags, cell: Cell) -> bool:
    return cell.uid in flags.proxy_uids[1:] and _stays_inside(cell) and not _captures_loopback(flags)


def _group_only(flags: Flags, cell: Cell) -> bool:
    return (
        cell.uid not in flags.proxy_uids
        and cell.gid in flags.proxy_gids
        and _stays_inside(cell)
        and not _captures_loopback(flags)
    )


def _tunnel_under_tproxy(flags: Flags, cell: Cell) -> bool:
    return flags.mode == "TPROXY" and cell.protocol == "tcp" and cell.port == flags.tunnel_port


def _proxy_on_lo_under_tproxy(flags: Flags, cell: Cell) -> bool:
    return flags.mode == "TPROXY" and _is_proxy(flags, cell) and cell.protocol == "tcp" and _stays_inside(cell)


def _excluded_port_under_tproxy(flags: Flags, cell: Cell) -> bool:
    return _proxy_on_lo_under_tproxy(flags, cell) and cell.port in flags.outbound_exclude_ports


def _own_dns(flags: Flags, cell: Cell) -> bool:
    own_request = (cell.protocol, cell.port) == ("tcp", 53) and _is_proxy(flags, cell) and _stays_inside(cell)
    by_group_alone = cell.uid not in flags.proxy_uids
    return bool(flags.dns) and own_request and (flags.mode == "TPROXY" or by_group_alone)


def _forwarded_under_tproxy(flags: Flags, cell: Cell) -> bool:
    return flags.mode == "TPROXY" and cell.origin == "guest"


def _virtual_under_tproxy(flags: Flags, cell: Cell) -> bool:
    return flags.mode == "TPROXY" and cell.origin != "pod" and bool(flags.virtual_interfaces)


def _own_namespace_dns(flags: Flags, cell: Cell) -> bool:
    return (
        flags.dns == "servers"
        and (cell.protocol, cell.port) == ("tcp", 53)
        and cell.destination not in lab.DNS_SERVERS
        and not _is_proxy(flags, cell)
        and _stays_inside(cell)
    )


def _refused_dns(flags: Flags, cell: Cell) -> bool:
    return bool(flags.dns) and flags.drop_invalid and (cell.protocol, cell.port) == ("udp", 53)


DIFFERENCES = (
    Difference(
        "forwarded-under-tproxy",
        "istio-iptables marks every packet of an established connection for local delivery, so that the answers to "
        "what the pod forwards for a guest end in the pod; weir-init marks the connections that the proxy took",
        _forwarded_under_tproxy,
    ),
    Difference(
        "virtual-interface-under-tproxy",
        "istio-iptables' rules for virtual interfaces are in the nat table, behind TPROXY, which takes the connection "
        "for the inbound port; in REDIRECT mode both send it to the outbound port",
        _virtual_under_tproxy,
    ),
    Difference(
        "dns-port-on-lo",
        "with --redirect-dns istio-iptables no longer leaves TCP port 53 within the pod alone, so that requests to a "
        "server that is not listed go to the outbound port; weir-init captures listed servers there and no others",
        _own_namespace_dns,
    ),
    Difference(
        "refused-dns-request",
        "istio-iptables puts requests that it does not redirect (the proxy's own, excluded ones) in zones where the ICMP "
        "refusal of a server is not found, and --drop-invalid drops it: the request times out; weir-init puts what it "
        "redirects in a zone, and nothing else",
        _refused_dns,
    ),
    Difference(
        "tunnel-port-under-tproxy",
        "istio-iptables' rule for the tunnel port stands in a chain that TPROXY mode does not use, so that the inbound "
        "listener gets what the proxy itself listens for",
        _tunnel_under_tproxy,
    ),
    Difference(
        "excluded-port-on-lo-under-tproxy",
        "in TPROXY mode istio-iptables marks all of the proxy's connections to its own pod, without looking at "
        "excluded ports; in REDIRECT mode both leave them alone",
        _excluded_port_under_tproxy,
    ),
    Difference(
        "own-dns-request",
        "istio-iptables keeps the proxy's own DNS requests over TCP to a server of its pod out of the inbound listener "
        "only in REDIRECT mode, and only for the proxy's users",
        _own_dns,
    ),
    Difference(
        "ipv6-without-dual-stack",
        "istio-iptables installs no IPv6 rule when the pod's first address is IPv4 and --dual-stack is not given, so "
        "IPv6 escapes the proxy; weir-init always treats both families alike",
        _ipv6_leaves,
    ),
    Difference(
        "later-proxy-user-on-lo",
        "with several proxy users, istio-iptables' first 'not this user: return' rule on lo comes before the second "
        "user's rules, so only the first one's connections to its own pod reach the inbound port",
        _later_user,
    ),
    Difference(
        "proxy-group-on-lo",
        "istio-iptables' rules for the proxy group on lo are never reached, so a process that is the proxy by its "
        "group alone bypasses the inbound port when it calls its own pod",
        _group_only,
    ),
)


def explain(flags: Flags, cell: Cell) -> Difference | None:
    """The first listed difference that covers this cell under these flags."""
    return next((difference for difference in DIFFERENCES if difference.applies(flags, cell)), None)
