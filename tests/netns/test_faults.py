# SPDX-License-Identifier: Apache-2.0
"""Each netlink message, send and receive of a run fails once: what was there before is there after."""

import pytest

from harness import faults, netfilter
from harness.installer import run_init

PLAIN = ["-p", "15001", "-z", "15006", "-b", "*", "-d", "15021", "-i", "*"]
OTHER_SET = [*PLAIN, "-d", "15021,15090", "-x", "203.0.113.0/24"]
EVERYTHING = [
    *OTHER_SET, "-m", "TPROXY", "--drop-invalid", "--redirect-dns", "--capture-all-dns", "--reject-quic",
    "-k", "vnet0", "-o", "443",
]  # fmt: skip
CLEANUP = ["--cleanup-only", "--backend", "nftables"]
# From what (None: nothing), to what.
WAYS = {
    "install": (None, PLAIN),
    "install everything": (None, EVERYTHING),
    "change sets": (PLAIN, OTHER_SET),
    "base chains come": (PLAIN, EVERYTHING),
    "base chains go": (EVERYTHING, PLAIN),
    "clean up": (EVERYTHING, CLEANUP),
}
# A kernel that refuses the first question counts as one without nf_tables: no change to the other backend here.
OPTIONS = ["--verify=false", "--backend", "nftables"]


def prepare(namespace, arguments: list[str] | None) -> str:
    """Installs what is to be there before the run under test; returns the state."""
    for step in (CLEANUP, arguments) if arguments else (CLEANUP,):
        done = run_init(namespace, *step, *([] if step == CLEANUP else OPTIONS))
        assert done.returncode == 0, done.stdout + done.stderr
    return faults.state(namespace)


@pytest.mark.parametrize("way", WAYS)
def test_what_fails_changes_nothing(weir_init, make_namespace, tmp_path, way):
    namespace = make_namespace("faults")
    before_arguments, arguments = WAYS[way]
    arguments = arguments if arguments == CLEANUP else [*arguments, *OPTIONS]
    before = prepare(namespace, before_arguments)
    traffic = faults.traffic_of(namespace, arguments, tmp_path)
    after = faults.state(namespace)
    assert before != after
    # A refused message of a feature that can be left out is as good as a kernel without it.
    reduced = set()
    for fault in ("expression:socket", "expression:objref"):
        prepare(namespace, before_arguments)
        assert faults.run_with_fault(namespace, arguments, fault).returncode == 0
        reduced.add(faults.state(namespace))
    prepare(namespace, before_arguments)
    failed = 0
    for fault in traffic.faults():
        done = faults.run_with_fault(namespace, arguments, fault)
        what = f"{way}, {fault}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        if done.returncode == 0:  # a fault that can be survived: the work is done
            assert faults.state(namespace) in (reduced if "left out" in done.stderr else {after}), what
            prepare(namespace, before_arguments)
        else:
            failed += 1
            assert done.stderr.strip(), what
            assert faults.state(namespace) == before, what
    print(f"{way}: {len(traffic.faults())} faults, {failed} runs failed and left all as it was")
    assert failed >= traffic.sends


def test_what_fails_beside_hand_made_rules_says_what_is_in_force(weir_init, make_namespace, tmp_path):
    """A rule in our table that weir-init cannot write: it is either still there, or the text says that it is gone."""
    namespace = make_namespace("faults")
    prepare(namespace, PLAIN)
    guest = "add rule inet weir output ip dscp 1 counter comment guest"
    namespace.tool("nft", guest)
    before = faults.state(namespace)
    traffic = faults.traffic_of(namespace, [*OTHER_SET, *OPTIONS], tmp_path)
    after = faults.state(namespace)
    for fault in traffic.faults()[::5]:
        prepare(namespace, PLAIN)
        namespace.tool("nft", guest)
        done = faults.run_with_fault(namespace, [*OTHER_SET, *OPTIONS], fault)
        there = faults.state(namespace)
        if there != before and there != after and "left out" not in done.stderr:
            assert "edited by hand" in done.stderr, fault + done.stderr
            assert run_init(namespace, *OTHER_SET, *OPTIONS).returncode == 0
            assert faults.state(namespace) == after


MISSING = [
    ("expression:socket", "--hold-until-listening", "chain hold"),
    ("object:7", "--close-wait-timeout", "ct timeout"),
    ("expression:objref", "--close-wait-timeout", "ct timeout"),
]


@pytest.mark.parametrize("fault,flag,gone", MISSING)
def test_what_the_kernel_lacks_is_left_out(weir_init, make_namespace, fault, flag, gone):
    namespace = make_namespace("faults")
    prepare(namespace, None)
    arguments = [*PLAIN, *OPTIONS]
    done = faults.run_with_fault(namespace, arguments, fault)
    assert done.returncode == 0, done.stderr
    assert f"warning: {flag}: left out" in done.stderr
    text = netfilter.ours(namespace)
    assert gone not in text and "redirect to :15006" in text
    again = faults.run_with_fault(namespace, arguments, fault)
    assert again.returncode == 0 and "unchanged" in again.stdout, again.stdout + again.stderr
    assert netfilter.ours(namespace) == text
    # A kernel that has it again gets it.
    assert run_init(namespace, *arguments).returncode == 0
    assert gone in netfilter.ours(namespace)
    # And one that lost it keeps nothing half done. (An object that is there already is not made again.)
    done = faults.run_with_fault(namespace, [*OTHER_SET, *OPTIONS], fault)
    assert done.returncode == 0, done.stderr
    assert (gone in netfilter.ours(namespace)) == fault.startswith("object:")


@pytest.mark.parametrize("fault", ["expression:redir", "chain:nat", "expression:tproxy", "expression:counter"])
def test_without_what_it_needs_it_says_so(weir_init, make_namespace, fault):
    namespace = make_namespace("faults")
    before = prepare(namespace, None)
    done = faults.run_with_fault(namespace, [*EVERYTHING, *OPTIONS], fault)
    assert done.returncode == 4, done.stdout + done.stderr
    assert "; the kernel " in done.stderr and "Linux 5.10" in done.stderr
    assert faults.state(namespace) == before
