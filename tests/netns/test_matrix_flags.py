# SPDX-License-Identifier: Apache-2.0
"""One flag at a time, against answers written by hand; then random sets of all flags, against the oracle."""

import dataclasses
import os
import random

import pytest

from harness import lab, matrix
from harness.cells import Cell, LabProbe
from harness.flags import INJECTED, SEED, Flags, random_flags
from harness.installer import install
from harness.oracle import agrees, expected

APP, PROXY, SECOND_PROXY, GROUP_2000 = (1000, 1000), (1337, 1337), (1338, 1338), (1000, 2000)


def out(who, place, port) -> list[Cell]:
    return [Cell("pod", *who, "", place[family], port) for family in (4, 6)]


def into(origin, place, port) -> list[Cell]:
    return [Cell(origin, 0, 0, "", place[family], port) for family in (4, 6)]


def changed(**fields) -> Flags:
    return dataclasses.replace(INJECTED, **fields)


# name: (flags, [(cells, who answers), …])
CASES = {
    "-p": (changed(outbound_port=16001), [(out(APP, lab.OUTSIDE, 80), "outbound-2")]),
    "-z": (changed(inbound_port=16006), [(into("peer", lab.POD, 80), "inbound-2"), (out(PROXY, lab.POD, 80), "inbound-2")]),
    "-e": (changed(tunnel_port=16008), [(into("peer", lab.POD, 16008), "tunnel-2"), (into("peer", lab.POD, 15008), "inbound")]),
    "-u with two users": (
        changed(proxy_uids=(1337, 1338)),
        [
            (out(SECOND_PROXY, lab.OUTSIDE, 80), "outside"),
            (out(SECOND_PROXY, lab.POD, 8080), "inbound"),
            (out(PROXY, lab.OUTSIDE, 80), "outside"),
            (out(PROXY, lab.POD, 8080), "inbound"),
            (out(APP, lab.OUTSIDE, 80), "outbound"),
            (out(APP, lab.POD, 8080), "app"),
        ],
    ),
    "-g with two groups": (
        changed(proxy_gids=(1337, 2000)),
        [(out(GROUP_2000, lab.OUTSIDE, 80), "outside"), (out(GROUP_2000, lab.POD, 8080), "inbound")],
    ),
    "-b with a list": (
        changed(inbound_ports=("80", "15021")),
        [
            (into("peer", lab.POD, 80), "inbound"),
            (into("peer", lab.POD, 8080), "app"),
            (into("peer", lab.POD, 15021), "inbound"),  # -d matters with -b '*' only
        ],
    ),
    "-b empty": (changed(inbound_ports=()), [(into("peer", lab.POD, 80), "app"), (out(PROXY, lab.POD, 80), "inbound")]),
    "-d": (changed(inbound_exclude_ports=(443,)), [(into("peer", lab.POD, 443), "app"), (into("peer", lab.POD, 15021), "inbound")]),
    "-i with a list": (
        changed(cidrs=("203.0.113.96/30", "203.0.113.100/32", "203.0.113.96/28", "2001:db8:a::/64")),
        [
            (out(APP, lab.OUTSIDE, 80), "outbound"),
            (out(APP, lab.OUTSIDE_OTHER, 80), "outside"),
            (out(APP, lab.SERVICE, 80), "refused"),
        ],
    ),
    "-i empty": (changed(cidrs=()), [(out(APP, lab.OUTSIDE, 80), "outside"), (into("peer", lab.POD, 80), "inbound")]),
    "-i with a loopback CIDR": (
        changed(cidrs=("127.9.0.0/16", "198.51.100.0/24")),
        [
            ([Cell("pod", *APP, "", "127.9.0.5", 80)], "outbound"),
            ([Cell("pod", *APP, "", lab.POD[4], 80)], "outbound"),
            ([Cell("pod", *APP, "", "127.0.0.1", 80)], "app"),
        ],
    ),
    "-x": (
        changed(exclude_cidrs=tuple(lab.EXCLUDED_RANGE.values())),
        [(out(APP, lab.OUTSIDE_OTHER, 80), "outside"), (out(APP, lab.OUTSIDE, 80), "outbound")],
    ),
    "-x inside -i": (
        changed(cidrs=("203.0.113.0/24", "2001:db8::/32"), exclude_cidrs=tuple(lab.EXCLUDED_RANGE.values())),
        [(out(APP, lab.OUTSIDE_OTHER, 80), "outside"), (out(APP, lab.OUTSIDE, 80), "outbound")],
    ),
    "-q": (
        changed(cidrs=(), outbound_ports=(443,), exclude_cidrs=tuple(lab.EXCLUDED_RANGE.values())),
        [
            (out(APP, lab.OUTSIDE, 443), "outbound"),
            (out(APP, lab.OUTSIDE, 80), "outside"),
            (out(APP, lab.OUTSIDE_OTHER, 443), "outside"),  # an excluded CIDR is stronger
        ],
    ),
    "-o": (
        changed(outbound_exclude_ports=(443, 8080)),
        [
            (out(APP, lab.OUTSIDE, 443), "outside"),
            (out(APP, lab.OUTSIDE, 80), "outbound"),
            (out(PROXY, lab.POD, 8080), "app"),  # excluded before connections to itself are redirected
        ],
    ),
    "-c": (
        changed(exclude_interfaces=("net1",)),
        [
            (out(APP, lab.OUTSIDE_NET1, 80), "outside"),
            (into("peer", lab.POD_NET1, 80), "app"),
            (out(APP, lab.OUTSIDE, 80), "outbound"),
            (into("peer", lab.POD, 80), "inbound"),
        ],
    ),
    "-c with a prefix": (
        changed(exclude_interfaces=("ne+",)),
        [(into("peer", lab.POD_NET1, 80), "app"), (out(APP, lab.OUTSIDE_NET1, 80), "outside"), (out(APP, lab.OUTSIDE, 80), "outbound")],
    ),
    "-k": (
        changed(virtual_interfaces=("vnet0",)),
        [
            (into("guest", lab.OUTSIDE, 80), "outbound"),
            (into("guest", lab.SERVICE, 80), "outbound"),
            (into("peer", lab.POD, 80), "inbound"),
        ],
    ),
    "-k with a CIDR list": (
        changed(virtual_interfaces=("vnet0",), cidrs=("203.0.113.96/29", "2001:db8:a::/64")),
        [
            (into("guest", lab.OUTSIDE, 80), "outbound"),
            (into("guest", lab.OUTSIDE_OTHER, 80), "outside"),
            (into("guest", lab.POD_VNET0, 80), "app"),
        ],
    ),
    "without -k": (INJECTED, [(into("guest", lab.OUTSIDE, 80), "inbound"), (into("guest", lab.POD_VNET0, 80), "inbound")]),
    "owner groups": (
        changed(groups=("2000",)),
        [(out(GROUP_2000, lab.OUTSIDE, 80), "outbound"), (out(APP, lab.OUTSIDE, 80), "outside")],
    ),
    "excluded owner groups": (
        changed(exclude_groups=(2000, 0)),
        [(out(GROUP_2000, lab.OUTSIDE, 80), "outside"), (out(APP, lab.OUTSIDE, 80), "outbound")],
    ),
    "loopback CIDR": (
        changed(loopback_cidr="127.0.0.0/8"),
        [([Cell("pod", *PROXY, "", "127.9.0.5", 80)], "app"), ([Cell("pod", *PROXY, "", lab.POD[4], 80)], "inbound")],
    ),
    "default loopback CIDR": (INJECTED, [([Cell("pod", *PROXY, "", "127.9.0.5", 80)], "inbound")]),
}  # fmt: skip


@pytest.fixture(scope="module")
def bench(weir_init):
    """A lab with its probes; each test installs its own flags over what the one before left."""
    with lab.build_lab("flags-") as made:
        probe = LabProbe(made)
        yield made, probe
        probe.close()


@pytest.mark.parametrize("name", CASES)
def test_flag(bench, name):
    made, probe = bench
    flags, table = CASES[name]
    install(made.pod, flags)
    wanted = {cell: who for cells, who in table for cell in cells}
    answers = probe.ask(list(wanted))
    wrong = [f"{c}: {answers[c]}, not {wanted[c]}" for c in wanted if answers[c].who != wanted[c]]
    assert not wrong, f"weir-init {flags}\n" + "\n".join(wrong)
    lost = [f"{c}: {answers[c]}" for c in wanted if not agrees(expected(flags, c), answers[c], c)]
    assert not lost, "the original destination is wrong\n" + "\n".join(lost)


def test_random_sets_of_flags(bench):
    """Each set replaces the one before it. Other sets: WEIR_SEED."""
    made, probe = bench
    count = int(os.environ.get("WEIR_RANDOM_SETS", "100"))
    print(f"seed {SEED}, {count} sets")
    random_ = random.Random(SEED)
    for number in range(count):
        flags = random_flags(random_)
        cells = matrix.sample(random_, 500)
        install(made.pod, flags)
        answers = probe.ask(cells)
        wrong = [c for c in cells if not agrees(expected(flags, c), answers[c], c)]
        assert not wrong, f"seed {SEED}, set {number}: {flags}\n{len(wrong)} of {len(cells)} cells:\n" + "\n".join(
            f"{c}: {answers[c]}, not {expected(flags, c)}" for c in wrong[:20]
        )
