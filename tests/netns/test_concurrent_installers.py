# SPDX-License-Identifier: Apache-2.0
"""Many installers at once in one namespace: each one finishes, and every connection meets one of the two sets whole."""

import concurrent.futures
import os
import subprocess

import pytest

from harness import netfilter, programs
from harness.installer import install
from test_churn import FIRST, SECOND, Stream, first, listed, made, second  # noqa: F401  (made is a fixture)

RUNS = int(os.environ.get("WEIR_INSTALLERS", "1000"))
AT_ONCE = 16


def run_all(pod) -> list[str]:
    """Starts RUNS installers of alternating flags, AT_ONCE of them at a time; returns what failed."""
    program = programs.weir_init()

    def one(number: int) -> str | None:
        flags = FIRST if number % 2 == 0 else SECOND
        done = subprocess.run(
            [program, *flags.argv(), "--verify=false"],
            env=flags.env(), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return None if done.returncode == 0 else f"run {number}: exit {done.returncode}\n{done.stderr}"

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE, initializer=pod.enter) as pool:
        return [problem for problem in pool.map(one, range(RUNS)) if problem]


@pytest.mark.slow
def test_concurrent_installers(made, make_namespace):  # noqa: F811
    states = []
    for flags in (FIRST, SECOND):
        namespace = make_namespace(f"fresh-{flags.outbound_port}")
        install(namespace, flags, "--verify=false")
        states.append(netfilter.ours(namespace))
    install(made.pod, FIRST, "--verify=false")
    stream = Stream(made)
    try:
        problems = run_all(made.pod)
    finally:
        connections = stream.stop()
    print(f"{RUNS} installers, {AT_ONCE} at a time, {connections} connections")
    assert not problems, listed(problems)
    unexplained = stream.unexplained(first, second)
    assert not unexplained, listed(unexplained)
    assert not stream.missing(first, second)
    assert netfilter.ours(made.pod) in states
