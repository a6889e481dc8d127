# SPDX-License-Identifier: Apache-2.0
"""Random configurations of every mode: what is read back from the kernel is what was planned."""

import os

from harness import programs
from harness.flags import SEED

CONFIGURATIONS = int(os.environ.get("WEIR_CONFIGURATIONS", "10000"))


def test_random_configurations_are_read_back_equal(make_namespace):
    done = make_namespace("random").run(
        [programs.helper("random_rules"), str(CONFIGURATIONS), str(SEED)], timeout=300
    )  # fmt: skip
    assert done.returncode == 0, f"seed {SEED}: {done.stdout}{done.stderr}"
    print(done.stdout.strip())
