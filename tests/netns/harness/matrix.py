# SPDX-License-Identifier: Apache-2.0
"""The cells of the packet matrix: identity x destination x port x family x protocol x direction."""

import random

from . import lab
from .cells import Cell

IDENTITIES = (  # (uid, gid)
    (1000, 1000),  # the application
    (0, 0),  # root
    (1000, 2000),  # the application in another group
    (1337, 1337),  # the proxy
    (1337, 1000),  # the proxy by its user alone
    (1000, 1337),  # the proxy by its group alone
    (1338, 1338),  # a second proxy user
    (1338, 1000),
)
_PORTS = (80, 443, 8080, 15008, 15021, 15001)
_MORE_PORTS = (22, 53, 9090, 15006, 15020, 15090, 16001, 16006, 16008)
_FROM_POD = (
    ("own address", lab.POD), ("own second address", lab.POD_NET1), ("loopback", lab.LOOPBACK),
    ("loopback outside the loopback CIDR", lab.LOOPBACK_OTHER), ("service address", lab.SERVICE),
    ("outside host", lab.OUTSIDE), ("outside host in the excluded CIDR", lab.OUTSIDE_OTHER),
    ("outside host over net1", lab.OUTSIDE_NET1),
)  # fmt: skip
_TO_POD = (("pod over eth0", lab.POD), ("pod over net1", lab.POD_NET1))
_FROM_GUEST = (
    ("pod over vnet0", lab.POD_VNET0), ("outside host", lab.OUTSIDE), ("service address", lab.SERVICE),
    ("outside host in the excluded CIDR", lab.OUTSIDE_OTHER),
)  # fmt: skip


def outbound_cells(ports=_PORTS) -> list[Cell]:
    return [
        Cell("pod", uid, gid, place, address[family], port)
        for uid, gid in IDENTITIES
        for place, address in _FROM_POD
        for family in (4, 6)
        for port in ports
    ]


def passthrough_cells() -> list[Cell]:
    """Connections from 127.0.0.6 and ::6, as the proxy's inbound passthrough cluster makes them."""
    return [
        Cell("pod", uid, gid, place, address[family], port, lab.PASSTHROUGH[family])
        for uid, gid in ((1337, 1337), (1000, 1000))
        for place, address in (("own address", lab.POD), ("loopback", lab.LOOPBACK))
        for family in (4, 6)
        for port in (80, 15008)
    ]


def inbound_cells(ports=_PORTS + _MORE_PORTS) -> list[Cell]:
    return [
        Cell(origin, 0, 0, place, address[family], port)
        for origin, places in (("peer", _TO_POD), ("guest", _FROM_GUEST))
        for place, address in places
        for family in (4, 6)
        for port in ports
    ]


def datagram_cells(ports=lab.APP_UDP_PORTS) -> list[Cell]:
    """DNS requests, QUIC, and a port that nobody looks at."""
    return [
        Cell("pod", uid, gid, place, address[family], port, protocol="udp")
        for uid, gid in IDENTITIES
        for place, address in _FROM_POD
        for family in (4, 6)
        for port in ports
    ]


def full_matrix() -> list[Cell]:
    return outbound_cells(_PORTS + _MORE_PORTS) + passthrough_cells() + inbound_cells() + datagram_cells()


def sample(random_: random.Random, count: int) -> list[Cell]:
    """Cells for one random set of flags: a fresh sample of the whole matrix each time."""
    outbound, inbound, datagrams = outbound_cells(_PORTS + _MORE_PORTS), inbound_cells(), datagram_cells()
    return (
        random_.sample(outbound, min(len(outbound), count * 3 // 5))
        + random_.sample(inbound, min(len(inbound), count // 5))
        + random_.sample(datagrams, min(len(datagrams), count // 5))
        + passthrough_cells()
    )
