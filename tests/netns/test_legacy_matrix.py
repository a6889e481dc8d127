# SPDX-License-Identifier: Apache-2.0
"""Both backends give the same answer, cell by cell, in every mode; the answers themselves are other tests' business."""

import dataclasses

import pytest

from harness import lab, matrix
from harness.cells import LabProbe
from harness.flags import INJECTED
from harness.installer import clean_up, install

LONG_LIST = tuple(f"192.0.2.{n}/32" for n in range(0, 250, 2)) + tuple(f"2001:db8:7:{n:x}::/64" for n in range(0, 160, 2))


def changed(**fields):
    return dataclasses.replace(INJECTED, **fields)


MODES = {
    "as injected": INJECTED,
    "TPROXY": changed(mode="TPROXY"),
    "DNS": changed(dns="servers", drop_invalid=True),
    "all DNS, TPROXY, QUIC refused": changed(dns="all", mode="TPROXY", reject_quic=True, drop_invalid=True),
    "lists": changed(
        cidrs=(*LONG_LIST, "203.0.113.0/24", "2001:db8::/32"), exclude_cidrs=tuple(lab.EXCLUDED_RANGE.values()),
        inbound_ports=("80", "8080", "15021"), outbound_exclude_ports=(443, 9090), exclude_interfaces=("net1",),
    ),
    "long exclusions": changed(exclude_cidrs=(*LONG_LIST, *lab.EXCLUDED_RANGE.values()), outbound_ports=(443,)),
    "groups": changed(groups=("1000", "1338"), proxy_uids=(1337, 1338)),
    "groups excluded, guests": changed(exclude_groups=(2000,), virtual_interfaces=("vnet0",)),
    "users, sources, IPv6 refused": changed(
        user_exclusions=(("tcp", (80, 443), (1000,)),), ipv6="block", own_address="direct",
        exclude_sources=tuple(lab.EXCLUDED_RANGE.values()),
    ),
}  # fmt: skip
cells_compared = 0


@pytest.mark.parametrize("mode", MODES)
def test_the_same_answer_from_both_backends(weir_init, mode):
    global cells_compared
    flags = MODES[mode]
    cells = matrix.full_matrix()
    answers = {}
    for backend in ("nftables", "legacy"):
        with lab.build_lab("both-") as made:
            install(made.pod, flags, "--backend", backend, "--verify=false")
            probe = LabProbe(made)
            answers[backend] = probe.ask(cells)
            probe.close()
            clean_up(made.pod)
    nft, legacy = answers["nftables"], answers["legacy"]
    if flags.ipv6 == "block":
        # Without a redirect for IPv6, iptables-legacy's nat table does not start connection tracking for it, and the
        # listener finds no original destination of a connection that came as it was sent.
        for table in (nft, legacy):
            table.update({cell: table[cell].who for cell in cells if cell.family == 6})
    different = [f"{cell}: nftables {nft[cell]}, legacy {legacy[cell]}" for cell in cells if nft[cell] != legacy[cell]]
    cells_compared += len(cells)
    print(f"{mode}: {len(cells)} cells, {len(different)} differ; {cells_compared} cells so far")
    assert not different, "\n".join(different[:40])
    assert len({str(answer).split()[0] for answer in nft.values()}) > 2
