# SPDX-License-Identifier: Apache-2.0
"""What the flags mean: for a set of flags and a cell, who must answer.

Written from the documented meaning of istio-iptables' flags and weir-init's own, without the former's known defects,
and independent of weir-init's code: the proxy is whoever has one of the proxy's user IDs *or* group IDs, and both address families are
treated alike. verdict() is the policy; expected() applies it to the lab's network.
"""

import dataclasses
import ipaddress

from . import lab
from .cells import Answer, Cell
from .flags import Flags

OUTBOUND, INBOUND, DNS, LEAVE, REFUSE, DROP = "outbound", "inbound", "dns", "leave", "refuse", "drop"
DNS_PORT, QUIC_PORT = 53, 443
_OWN = {address for pair in (lab.POD, lab.POD_NET1, lab.POD_VNET0) for address in pair.values()}
_ANSWERING = {address for pair in (lab.OUTSIDE, lab.OUTSIDE_OTHER, lab.OUTSIDE_NET1) for address in pair.values()}
_LOOPBACKS = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"), ipaddress.ip_network("::6/128"))


def _within(address: str, networks) -> bool:
    ip = ipaddress.ip_address(address)
    return any(ip in network for network in map(ipaddress.ip_network, networks))


def _is_local(address: str) -> bool:
    return address in _OWN or _within(address, _LOOPBACKS)


def _interface_towards(cell: Cell) -> str:
    """The card over which pod sends to the cell's destination."""
    if _is_local(cell.destination):
        return "lo"
    return "net1" if cell.destination in lab.OUTSIDE_NET1.values() else "eth0"


def _interface_from(cell: Cell) -> str:
    """The card on which pod receives the cell's connection."""
    if cell.origin == "guest":
        return "vnet0"
    return "net1" if cell.destination in lab.POD_NET1.values() else "eth0"


def _listed(interface: str, patterns) -> bool:
    """A "+" at the end of a pattern stands for any rest of the name."""
    return any(
        interface.startswith(pattern[:-1]) if pattern.endswith("+") else interface == pattern for pattern in patterns
    )


def _included(flags: Flags, destination: str) -> bool:
    return flags.cidrs == ("*",) or _within(destination, flags.cidrs)


def _group_is_captured(flags: Flags, gid: int) -> bool:
    if flags.groups == ("*",):
        return gid not in flags.exclude_groups
    return str(gid) in flags.groups


def _user_is_excluded(flags: Flags, cell: Cell) -> bool:
    return any(
        cell.protocol == protocol and cell.uid in users and (not ports or cell.port in ports)
        for protocol, ports, users in flags.user_exclusions
    )


def _captures_loopback(flags: Flags) -> bool:
    return flags.cidrs != ("*",) and any(
        ipaddress.ip_network(cidr).network_address.is_loopback for cidr in flags.cidrs
    )


def _is_captured_dns(flags: Flags, cell: Cell) -> bool:
    listed = flags.dns == "all" or (flags.dns == "servers" and cell.destination in lab.DNS_SERVERS)
    return cell.port == DNS_PORT and listed


def _application(flags: Flags, cell: Cell) -> str:
    """What becomes of the application's own, when no exclusion by port, user, group or interface holds."""
    interface = _interface_towards(cell)
    explicit_loopback = cell.destination == "::1" or _within(cell.destination, (flags.loopback_cidr,))
    if _is_captured_dns(flags, cell):
        return DNS
    if interface == "lo" and (cell.protocol == "udp" or not _captures_loopback(flags)):
        return LEAVE
    if explicit_loopback or _within(cell.destination, flags.exclude_cidrs):
        return LEAVE
    if cell.port not in flags.outbound_ports and not _included(flags, cell.destination):
        return LEAVE
    if cell.protocol == "udp":
        return REFUSE if flags.reject_quic and cell.port == QUIC_PORT else LEAVE
    return OUTBOUND


def _outgoing(flags: Flags, cell: Cell) -> str:
    interface = _interface_towards(cell)
    explicit_loopback = cell.destination == "::1" or _within(cell.destination, (flags.loopback_cidr,))
    is_proxy = cell.uid in flags.proxy_uids or cell.gid in flags.proxy_gids
    if _listed(interface, flags.exclude_interfaces) or cell.port in flags.outbound_exclude_ports:
        return LEAVE
    if _user_is_excluded(flags, cell) or (interface == "lo" and cell.source in lab.PASSTHROUGH.values()):
        return LEAVE
    if is_proxy:
        to_itself = interface == "lo" and not explicit_loopback and cell.port != flags.tunnel_port
        own_question = flags.dns and cell.port == DNS_PORT
        if cell.protocol == "udp" or own_question or flags.own_address == "direct" or not to_itself:
            return LEAVE
        return INBOUND if cell.family == 4 or flags.ipv6 == "capture" else LEAVE
    if not _group_is_captured(flags, cell.gid):
        return LEAVE
    decision = _application(flags, cell)
    if cell.family == 6 and decision != LEAVE:
        return {"capture": decision, "block": REFUSE, "ignore": LEAVE}[flags.ipv6]
    return decision


def _incoming(flags: Flags, cell: Cell) -> str:
    interface = _interface_from(cell)
    if _listed(interface, flags.virtual_interfaces):
        if not _included(flags, cell.destination) or (cell.family == 6 and flags.ipv6 == "ignore"):
            return LEAVE
        return DROP if cell.family == 6 and flags.ipv6 == "block" else OUTBOUND
    decision = _inbound(flags, cell, interface)
    if cell.family == 6 and decision == INBOUND and flags.ipv6 != "capture":
        # What pod forwards does not arrive at it, so there is nobody to refuse it.
        return REFUSE if flags.ipv6 == "block" and _is_local(cell.destination) else LEAVE
    return decision


def _client(cell: Cell, interface: str) -> str:
    if cell.origin == "guest":
        return lab.GUEST[cell.family]
    return (lab.PEER_NET1 if interface == "net1" else lab.PEER)[cell.family]


def _inbound(flags: Flags, cell: Cell, interface: str) -> str:
    if _listed(interface, flags.exclude_interfaces) or _within(_client(cell, interface), flags.exclude_sources):
        return LEAVE
    if cell.port == flags.tunnel_port:
        return LEAVE
    if flags.inbound_ports == ("*",):
        return LEAVE if cell.port in flags.inbound_exclude_ports else INBOUND
    return INBOUND if str(cell.port) in flags.inbound_ports else LEAVE


def verdict(flags: Flags, cell: Cell) -> str:
    """OUTBOUND, INBOUND, DNS: handed to that port of the proxy. LEAVE: goes where it was sent. REFUSE: answered with a
    refusal. DROP: not answered."""
    return _outgoing(flags, cell) if cell.origin == "pod" else _incoming(flags, cell)


def untouched(cell: Cell) -> Answer:
    """Who answers in the lab when no rule touches the cell."""
    if cell.destination in _ANSWERING:
        return Answer("outside")
    if not _is_local(cell.destination):
        return Answer("refused")
    return Answer((lab.POD_UDP_LISTENERS if cell.protocol == "udp" else lab.POD_LISTENERS)[cell.port])


def expected(flags: Flags, cell: Cell) -> Answer:
    """Who must answer the cell under these flags, the original destination that it must have recovered, and the
    client that it must see."""
    decision = verdict(flags, cell)
    if decision in (REFUSE, DROP):
        return Answer("refused" if decision == REFUSE else "timeout")
    client = "-" if cell.origin == "pod" else _client(cell, _interface_from(cell))
    if decision == LEAVE:
        return dataclasses.replace(untouched(cell), client=client)
    port = {OUTBOUND: flags.outbound_port, INBOUND: flags.inbound_port, DNS: lab.DNS_PORT}[decision]
    return Answer(lab.POD_LISTENERS[port], "-" if cell.protocol == "udp" else cell.target, client)


def agrees(wanted: Answer, got: Answer, cell: Cell) -> bool:
    """A redirected connection must know its original destination; for others the kernel may know it or not. Who
    answers somebody from outside must see that client's address."""
    if wanted.client != "-" and got.client not in ("-", wanted.client):
        return False
    if wanted.original != "-":
        return got == wanted
    return got.who == wanted.who and got.original in ("-", cell.target)
