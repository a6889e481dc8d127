# SPDX-License-Identifier: Apache-2.0
"""The packet matrix beside the real istio-iptables, cell by cell, under random sets of flags of every mode."""

import collections
import concurrent.futures
import contextlib
import os
import random

import pytest

from harness import istio, lab, matrix
from harness.cells import LabProbe
from harness.flags import SEED, random_flags
from harness.installer import install
from harness.istio_differences import DIFFERENCES, explain

SETS = int(os.environ.get("WEIR_ISTIO_SETS", "100"))
# Of these so many over each way that istio-iptables has to write its rules.
SHARES = {"nft": 0.4, "native": 0.4, "legacy": 0.2}
CELLS = 300


@pytest.fixture(scope="module")
def istio_iptables():
    try:
        return istio.binary()
    except istio.Unavailable as error:
        pytest.skip(f"istio-iptables is not available: {error}")


@pytest.fixture(scope="module")
def pair(weir_init, istio_iptables):
    """Two equal labs, weir-init's and istio-iptables', and a thread for each."""
    with contextlib.ExitStack() as stack:
        labs = [stack.enter_context(lab.build_lab(f"{name}-")) for name in ("w", "i")]
        probes = [stack.enter_context(contextlib.closing(LabProbe(made))) for made in labs]
        threads = stack.enter_context(concurrent.futures.ThreadPoolExecutor(2))
        yield labs, probes, threads


def alike(left, right, cell) -> bool:
    """Same answer. Where nobody redirects, the kernel may or may not know the original destination."""
    return left.who == right.who and {left.original, right.original} <= {"-", cell.target}


def compare(pair, flags, cells, variant):
    labs, probes, threads = pair

    def weir():
        install(labs[0].pod, flags, "--verify=false")
        return probes[0].ask(cells)

    def theirs():
        istio.replace(labs[1].pod, flags, variant)
        return probes[1].ask(cells)

    jobs = [threads.submit(weir), threads.submit(theirs)]
    return [job.result() for job in jobs]


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.parametrize("variant", SHARES)
def test_every_cell_is_answered_as_under_istio_iptables(pair, variant):
    sets = max(1, round(SETS * SHARES[variant]))
    print(f"istio-iptables {istio.VERSION}, {variant}, seed {SEED}, {sets} sets of flags")
    random_ = random.Random(f"{SEED} {variant}")
    seen = collections.Counter()
    compared = 0
    for number in range(sets):
        flags = random_flags(random_)
        cells = matrix.sample(random_, CELLS)
        ours, theirs = compare(pair, flags, cells, variant)
        compared += len(cells)
        unexplained = []
        for cell in cells:
            if alike(ours[cell], theirs[cell], cell):
                continue
            difference = explain(flags, cell)
            if difference is None:
                unexplained.append(f"{cell}: weir-init {ours[cell]}, istio-iptables {theirs[cell]}")
            else:
                seen[difference.name] += 1
        assert not unexplained, (
            f"seed {SEED}, set {number}: {flags}\n{len(unexplained)} of {len(cells)} cells differ, on no list:\n"
            + "\n".join(unexplained[:20])
        )
    print(f"{compared} cells compared; listed differences: {dict(seen)}")
    if sets >= 300:
        stale = {difference.name for difference in DIFFERENCES} - set(seen)
        assert not stale, f"listed as a difference, but seen in no cell: {sorted(stale)}"
