# SPDX-License-Identifier: Apache-2.0
"""`explain` agrees with the kernel: random sets of flags, random connections, each asked and each made."""

import os
import random

import pytest

from harness import lab, matrix
from harness.cells import Answer, Cell, LabProbe
from harness.explainer import Explainer, answer_to
from harness.flags import SEED, random_own_flags
from harness.installer import install
from harness.oracle import agrees

SETS = int(os.environ.get("WEIR_EXPLAIN_SETS", "500"))
CELLS = 20  # per set: 10,000 pairs


def is_met(landing: str, got: Answer, cell: Cell) -> bool:
    # A refused datagram may be refused to the sender's face before the ICMP message is there.
    if landing == "rejected" and cell.protocol == "udp" and got.who == "error:EPERM":
        return True
    return agrees(answer_to(landing, cell), got, cell)


@pytest.mark.parametrize("backend", ["nftables", "legacy"])
def test_explain_agrees_with_the_kernel_for_random_packets(backend, weir_init):
    """Every pair is a set of flags and a connection that is really opened. Other pairs: WEIR_SEED."""
    random_ = random.Random(SEED)
    pairs = 0
    with lab.build_lab(f"ex{backend[0]}-") as made:
        probe, explainer = LabProbe(made), Explainer(made.pod, backend)
        for number in range(SETS if backend == "nftables" else SETS // 5):
            flags = random_own_flags(random_)
            hold = f"--hold-until-listening={'true' if random_.random() < 0.7 else 'false'}"
            install(made.pod, flags, "--verify=false", "--backend", backend, hold)
            explainer.read()
            cells = random_.sample(matrix.full_matrix(), CELLS)
            answers = probe.ask(cells)
            for cell in cells:
                landing = explainer.landing(cell)
                assert is_met(landing, answers[cell], cell), (
                    f"seed {SEED}, set {number}: {flags} {hold}\n"
                    f"{cell}: explain says {landing}, the connection met {answers[cell]}"
                )
            pairs += len(cells)
        probe.close()
        explainer.close()
    print(f"explain against the kernel, {backend}: {pairs} pairs of flags and connection, no difference, seed {SEED}")
