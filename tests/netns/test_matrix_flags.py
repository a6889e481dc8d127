# SPDX-License-Identifier: Apache-2.0
"""One flag at a time, against answers written by hand; then random sets of all flags, against the oracle."""

import dataclasses
import os
import random

import pytest

from harness import lab, matrix
from harness.cells import Cell, LabProbe
from harness.flags import INJECTED, SEED, Flags, random_own_flags
from harness.installer import BACKENDS, install
from harness.oracle import agrees, expected

APP, PROXY, SECOND_PROXY, GROUP_2000 = (1000, 1000), (1337, 1337), (1338, 1338), (1000, 2000)
ROOT = (0, 0)


def out(who, place, port) -> list[Cell]:
    return [Cell("pod", *who, "", place[family], port) for family in (4, 6)]


def out6(who, place, port) -> list[Cell]:
    return [cell for cell in out(who, place, port) if cell.family == 6]


def out4(who, place, port) -> list[Cell]:
    return [cell for cell in out(who, place, port) if cell.family == 4]


def udp(who, place, port) -> list[Cell]:
    return [dataclasses.replace(cell, protocol="udp") for cell in out(who, place, port)]


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
    "-m TPROXY": (
        changed(mode="TPROXY"),
        [
            (into("peer", lab.POD, 80), "inbound"),
            (into("peer", lab.POD_NET1, 443), "inbound"),
            (into("peer", lab.POD, 15021), "app"),
            (into("peer", lab.POD, 15008), "tunnel"),
            (out(APP, lab.OUTSIDE, 80), "outbound"),
            (out(PROXY, lab.POD, 8080), "inbound"),
            (out(PROXY, lab.POD, 15008), "tunnel"),
            (out(PROXY, lab.LOOPBACK, 8080), "app"),
            (out(APP, lab.POD, 8080), "app"),
            (out(PROXY, lab.OUTSIDE, 80), "outside"),
            ([dataclasses.replace(cell, source=lab.PASSTHROUGH[cell.family]) for cell in out(PROXY, lab.POD, 80)], "app"),
        ],
    ),
    "-m TPROXY with a port list": (
        changed(mode="TPROXY", inbound_ports=("80",), inbound_port=16006),
        [
            (into("peer", lab.POD, 80), "inbound-2"),
            (into("peer", lab.POD, 443), "app"),
            (out(PROXY, lab.POD, 443), "inbound-2"),  # what the proxy calls itself comes in whatever the port
        ],
    ),
    "-m TPROXY without -b": (
        changed(mode="TPROXY", inbound_ports=()),
        [(into("peer", lab.POD, 80), "app"), (out(PROXY, lab.POD, 80), "inbound"), (out(APP, lab.OUTSIDE, 80), "outbound")],
    ),
    "-m TPROXY with -c and -k": (
        changed(mode="TPROXY", exclude_interfaces=("net1",), virtual_interfaces=("vnet0",)),
        [
            (into("peer", lab.POD_NET1, 80), "app"),
            (into("guest", lab.OUTSIDE, 80), "outbound"),
            (into("peer", lab.POD, 80), "inbound"),
        ],
    ),
    "--redirect-dns": (
        changed(dns="servers"),
        [
            (udp(APP, lab.OUTSIDE, 53) + out(APP, lab.OUTSIDE, 53), "dns"),
            (udp(APP, lab.LOOPBACK, 53) + out(APP, lab.LOOPBACK, 53), "dns"),  # a resolver on lo
            (udp(APP, lab.OUTSIDE_OTHER, 53), "outside"),  # on no list
            (out(APP, lab.OUTSIDE_OTHER, 53), "outbound"),
            (udp(APP, lab.POD, 53), "app"),
            (udp(APP, lab.OUTSIDE, 80), "outside"),
            (udp(PROXY, lab.OUTSIDE, 53) + out(PROXY, lab.OUTSIDE, 53), "outside"),
            (udp(PROXY, lab.LOOPBACK, 53) + out(PROXY, lab.LOOPBACK, 53), "app"),
            (out(PROXY, lab.POD, 53), "app"),  # its own question, not an inbound connection
        ],
    ),
    "--capture-all-dns": (
        changed(dns="all", cidrs=()),
        [
            (udp(APP, lab.OUTSIDE_OTHER, 53) + out(APP, lab.OUTSIDE_OTHER, 53), "dns"),
            (udp(APP, lab.POD, 53) + udp(ROOT, lab.LOOPBACK, 53), "dns"),
            (out(APP, lab.OUTSIDE, 80), "outside"),
        ],
    ),
    "--redirect-dns with -o 53": (
        changed(dns="all", outbound_exclude_ports=(53,)),
        [(udp(APP, lab.OUTSIDE, 53) + out(APP, lab.OUTSIDE, 53), "outside")],
    ),
    "--redirect-dns with owner groups": (
        changed(dns="all", groups=("2000",)),
        [(udp(GROUP_2000, lab.OUTSIDE, 53), "dns"), (udp(APP, lab.OUTSIDE, 53) + out(APP, lab.OUTSIDE, 53), "outside")],
    ),
    "--redirect-dns with excluded owner groups": (
        changed(dns="all", exclude_groups=(2000,)),
        [(udp(GROUP_2000, lab.OUTSIDE, 53), "outside"), (udp(APP, lab.OUTSIDE, 53), "dns")],
    ),
    "--drop-invalid": (
        changed(drop_invalid=True),
        [(into("peer", lab.POD, 80), "inbound"), (out(APP, lab.OUTSIDE, 80), "outbound"), (udp(APP, lab.OUTSIDE, 53), "outside")],
    ),
    "--exclude-inbound-cidrs": (
        changed(exclude_sources=(f"{lab.PEER[4]}/32", f"{lab.PEER[6]}/128")),
        [(into("peer", lab.POD, 80), "app"), (into("peer", lab.POD_NET1, 80), "inbound"), (out(PROXY, lab.POD, 80), "inbound")],
    ),
    "--exclude-inbound-cidrs with TPROXY": (
        changed(mode="TPROXY", exclude_sources=(f"{lab.PEER[4]}/32", f"{lab.PEER[6]}/128")),
        [(into("peer", lab.POD, 80), "app"), (into("peer", lab.POD_NET1, 80), "inbound")],
    ),
    "--exclude-outbound-ports-for-uids": (
        changed(dns="all", user_exclusions=(("tcp", (443, 8080), (1000, 1001)), ("udp", (53,), (0,)), ("tcp", (), (1338,)))),
        [
            (out(APP, lab.OUTSIDE, 443), "outside"),
            (out(APP, lab.OUTSIDE, 80), "outbound"),
            (out(ROOT, lab.OUTSIDE, 443), "outbound"),
            (udp(ROOT, lab.OUTSIDE, 53), "outside"),
            (out(ROOT, lab.OUTSIDE, 53) + udp(APP, lab.OUTSIDE, 53), "dns"),
            (out(SECOND_PROXY, lab.OUTSIDE, 80), "outside"),
        ],
    ),
    "--ipv6 block": (
        changed(ipv6="block", dns="all", exclude_cidrs=tuple(lab.EXCLUDED_RANGE.values())),
        [
            (out6(APP, lab.OUTSIDE, 80) + udp(APP, lab.OUTSIDE, 53)[1:], "refused"),
            (out4(APP, lab.OUTSIDE, 80), "outbound"),
            (udp(APP, lab.OUTSIDE, 53)[:1], "dns"),
            (out6(APP, lab.OUTSIDE_OTHER, 80), "outside"),
            (out6(PROXY, lab.OUTSIDE, 80), "outside"),
            (out6(APP, lab.POD, 80), "app"),
            (into("peer", lab.POD, 80)[1:], "refused"),
            (into("peer", lab.POD, 80)[:1], "inbound"),
            (into("peer", lab.POD, 15021), "app"),
        ],
    ),
    "--ipv6 ignore": (
        changed(ipv6="ignore", dns="all"),
        [
            (out6(APP, lab.OUTSIDE, 80) + udp(APP, lab.OUTSIDE, 53)[1:], "outside"),
            (out4(APP, lab.OUTSIDE, 80), "outbound"),
            (into("peer", lab.POD, 80)[1:], "app"),
            (into("peer", lab.POD, 80)[:1], "inbound"),
        ],
    ),
    "--reject-quic": (
        changed(reject_quic=True, exclude_cidrs=tuple(lab.EXCLUDED_RANGE.values())),
        [
            (udp(APP, lab.OUTSIDE, 443), "refused"),
            (udp(APP, lab.OUTSIDE_OTHER, 443), "outside"),  # TCP goes there directly, too
            (udp(APP, lab.OUTSIDE, 80) + udp(PROXY, lab.OUTSIDE, 443), "outside"),
            (udp(APP, lab.POD, 443), "app"),
            (out(APP, lab.OUTSIDE, 443), "outbound"),
        ],
    ),
    "--proxy-to-own-address direct": (
        changed(own_address="direct"),
        [(out(PROXY, lab.POD, 8080), "app"), (into("peer", lab.POD, 8080), "inbound")],
    ),
    "-e 0": (changed(tunnel_port=0), [(into("peer", lab.POD, 15008) + out(PROXY, lab.POD, 15008), "inbound")]),
    "default loopback CIDR": (INJECTED, [([Cell("pod", *PROXY, "", "127.9.0.5", 80)], "inbound")]),
}  # fmt: skip


@dataclasses.dataclass
class Bench:
    """A lab with its probes and a backend; each test installs its own flags over what the one before left."""

    lab: lab.Lab
    probe: LabProbe
    backend: str

    def install(self, flags: Flags) -> None:
        """Without weir-init's own proof: the cells are the proof."""
        install(self.lab.pod, flags, "--backend", self.backend, "--verify=false")


@pytest.fixture(scope="module", params=BACKENDS)
def bench(request, weir_init):
    with lab.build_lab("flags-") as made:
        probe = LabProbe(made, timeout_ms=500)
        yield Bench(made, probe, request.param)
        probe.close()


@pytest.mark.parametrize("name", CASES)
def test_flag(bench, name):
    flags, table = CASES[name]
    bench.install(flags)
    wanted = {cell: who for cells, who in table for cell in cells}
    answers = bench.probe.ask(list(wanted))
    wrong = [f"{c}: {answers[c]}, not {wanted[c]}" for c in wanted if answers[c].who != wanted[c]]
    assert not wrong, f"weir-init {flags}\n" + "\n".join(wrong)
    lost = [f"{c}: {answers[c]}" for c in wanted if not agrees(expected(flags, c), answers[c], c)]
    assert not lost, "the original destination or the client is wrong\n" + "\n".join(lost)


def difference(bench, flags: Flags, cells: list[Cell]) -> str:
    bench.install(flags)
    answers = bench.probe.ask(cells)
    wrong = [c for c in cells if not agrees(expected(flags, c), answers[c], c)]
    return "" if not wrong else f"{flags}\n{len(wrong)} of {len(cells)} cells:\n" + "\n".join(
        f"{c}: {answers[c]} seen from {answers[c].client}, not {expected(flags, c)}" for c in wrong[:20]
    )


MODES = {
    "REDIRECT": INJECTED,
    "TPROXY": changed(mode="TPROXY"),
    "TPROXY, DNS, drop-invalid": changed(mode="TPROXY", dns="servers", drop_invalid=True),
    "DNS of the servers": changed(dns="servers"),
    "DNS of all": changed(dns="all"),
    "owner groups": changed(groups=("2000",), dns="all"),
    "virtual interface": changed(virtual_interfaces=("vnet0",), exclude_interfaces=("net1",)),
    "IPv6 blocked, QUIC refused": changed(ipv6="block", reject_quic=True),
    "own address direct, IPv6 ignored": changed(ipv6="ignore", own_address="direct"),
}


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_the_whole_matrix_in_every_mode(bench, mode):
    cells = matrix.full_matrix()
    wrong = difference(bench, MODES[mode], cells)
    assert not wrong, wrong
    print(f"{bench.backend}, {mode}: {len(cells)} cells")


@pytest.mark.slow
def test_random_sets_of_flags(bench):
    """Each set replaces the one before it. Other sets: WEIR_SEED."""
    count = int(os.environ.get("WEIR_RANDOM_SETS", "100"))
    random_ = random.Random(SEED)
    compared = 0
    for number in range(count):
        flags = random_own_flags(random_)
        cells = matrix.sample(random_, 500)
        wrong = difference(bench, flags, cells)
        assert not wrong, f"{bench.backend}, seed {SEED}, set {number}: {wrong}"
        compared += len(cells)
    print(f"{bench.backend}, seed {SEED}: {count} sets, {compared} cells")
