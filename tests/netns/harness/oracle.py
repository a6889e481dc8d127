# SPDX-License-Identifier: Apache-2.0
"""What the flags mean: for a set of flags and a cell, who must answer.

Written from the documented meaning of istio-iptables' REDIRECT rules, without their known defects, and independent of
weir-init's code: the proxy is whoever has one of the proxy's user IDs *or* group IDs, and both address families are
treated alike. verdict() is the policy; expected() applies it to the lab's network.
"""

import ipaddress

from . import lab
from .cells import Answer, Cell
from .flags import Flags

OUTBOUND, INBOUND, LEAVE = "outbound", "inbound", "leave"
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


def _outgoing(flags: Flags, cell: Cell) -> str:
    interface = _interface_towards(cell)
    explicit_loopback = cell.destination == "::1" or _within(cell.destination, (flags.loopback_cidr,))
    is_proxy = cell.uid in flags.proxy_uids or cell.gid in flags.proxy_gids
    captures_loopback = flags.cidrs != ("*",) and any(
        ipaddress.ip_network(cidr).network_address.is_loopback for cidr in flags.cidrs
    )
    if _listed(interface, flags.exclude_interfaces) or cell.port in flags.outbound_exclude_ports:
        return LEAVE
    if interface == "lo" and cell.source in lab.PASSTHROUGH.values():
        return LEAVE
    if is_proxy:
        to_itself = interface == "lo" and not explicit_loopback and cell.port != flags.tunnel_port
        return INBOUND if to_itself else LEAVE
    if interface == "lo" and not captures_loopback:
        return LEAVE
    if not _group_is_captured(flags, cell.gid) or explicit_loopback or _within(cell.destination, flags.exclude_cidrs):
        return LEAVE
    if cell.port in flags.outbound_ports or _included(flags, cell.destination):
        return OUTBOUND
    return LEAVE


def _incoming(flags: Flags, cell: Cell) -> str:
    interface = _interface_from(cell)
    if _listed(interface, flags.virtual_interfaces):
        return OUTBOUND if _included(flags, cell.destination) else LEAVE
    if _listed(interface, flags.exclude_interfaces) or cell.port == flags.tunnel_port:
        return LEAVE
    if flags.inbound_ports == ("*",):
        return LEAVE if cell.port in flags.inbound_exclude_ports else INBOUND
    return INBOUND if str(cell.port) in flags.inbound_ports else LEAVE


def verdict(flags: Flags, cell: Cell) -> str:
    """OUTBOUND or INBOUND: redirected to that port of the proxy. LEAVE: goes where it was sent."""
    return _outgoing(flags, cell) if cell.origin == "pod" else _incoming(flags, cell)


def untouched(cell: Cell) -> Answer:
    """Who answers in the lab when no rule touches the cell."""
    if cell.destination in _ANSWERING:
        return Answer("outside")
    if _is_local(cell.destination):
        return Answer(lab.POD_LISTENERS[cell.port])
    return Answer("refused")


def expected(flags: Flags, cell: Cell) -> Answer:
    """Who must answer the cell under these flags, and the original destination that it must have recovered."""
    decision = verdict(flags, cell)
    if decision == LEAVE:
        return untouched(cell)
    port = flags.outbound_port if decision == OUTBOUND else flags.inbound_port
    return Answer(lab.POD_LISTENERS[port], cell.target)


def agrees(wanted: Answer, got: Answer, cell: Cell) -> bool:
    """A redirected connection must know its original destination; for others the kernel may know it or not."""
    if wanted.original != "-":
        return got == wanted
    return got.who == wanted.who and got.original in ("-", cell.target)
