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


DIFFERENCES = (
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
