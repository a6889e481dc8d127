# SPDX-License-Identifier: Apache-2.0
"""weir-init is killed at any moment: packets meet the old rules or the new ones, and the next run finishes the work."""

import itertools
import os
import random
import signal
import subprocess
import time

import pytest

from harness import faults, netfilter, programs
from harness.flags import SEED
from harness.in_force import in_force, resolve
from harness.installer import PATH, run_init

KILLS = int(os.environ.get("WEIR_KILLS", "1000"))
OPTIONS = ["--verify=false"]
PLAIN = ["-b", "*", "-d", "15021", "-i", "*", *OPTIONS]
OTHER = ["-b", "*", "-d", "15021,15090", "-i", "*", "-x", "203.0.113.0/24", "-z", "16006", *OPTIONS]
TPROXY = ["-b", "*", "-i", "*", "-m", "TPROXY", "--drop-invalid", "--redirect-dns", "--capture-all-dns", *OPTIONS]
LONG = ["-b", "*", "-i", "*", "-x", ",".join(f"203.0.{i // 64}.{4 * (i % 64)}/31" for i in range(1500)), *OPTIONS]
CLEANUP = ["--cleanup-only"]
TARGETS = [PLAIN, OTHER, TPROXY, LONG, CLEANUP]
REPAIR_EVERY = 10


@pytest.fixture
def fresh(weir_init, make_namespace):
    """The state that each target gives in a new namespace, and what it does."""
    states = {}
    for target in TARGETS:
        namespace = make_namespace("fresh")
        assert run_init(namespace, *target).returncode == 0
        states[tuple(target)] = (faults.state(namespace), in_force(namespace))
        namespace.close()
    return states


def killed_run(namespace, arguments: list[str], delay: float) -> bool:
    """Starts weir-init and kills it after a while. Returns whether it was still running."""
    process = namespace.popen(
        [programs.weir_init(), *arguments], env=PATH, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def duration(namespace, arguments: list[str]) -> float:
    start = time.monotonic()
    assert run_init(namespace, *arguments).returncode == 0
    return time.monotonic() - start


def test_a_killed_run_leaves_the_old_or_the_new_rules(fresh, make_namespace):
    namespace = make_namespace("killed")
    random_ = random.Random(SEED)
    took = {}
    for target in [*TARGETS, *TARGETS[::-1]]:
        took[tuple(target)] = duration(namespace, target)
    old = in_force(namespace)
    killed, leftovers, changed = 0, 0, 0
    for number in itertools.count():
        if killed == KILLS:
            break
        target = random_.choice(TARGETS)
        was_killed = killed_run(namespace, target, random_.uniform(0.001, took[tuple(target)]))
        killed += was_killed
        new_state, new = fresh[tuple(target)]
        now = in_force(namespace)
        assert now in ((old, new) if was_killed else (new,)), f"seed {SEED}, run {number}: {target}\n{now}"
        changed += now != old
        old = now
        listing = netfilter.ours(namespace) or ""
        leftovers += "_next" in listing
        # TPROXY's rules need their route at every moment.
        if "tproxy to" in now:
            assert "fwmark" in namespace.tool("ip", "rule"), f"seed {SEED}, run {number}: {target}"
        if number % REPAIR_EVERY == 0:
            target = random_.choice(TARGETS)
            assert run_init(namespace, *target).returncode == 0
            state, old = fresh[tuple(target)]
            assert faults.state(namespace) == state, f"seed {SEED}, run {number}: {target}"
    print(f"{killed} runs killed, {changed} of all had changed the rules, {leftovers} left copies behind; none a mixture")
    assert leftovers > 0 and changed > 0


def test_the_judge_tells_differences_apart(weir_init, make_namespace):
    """The test above would say nothing if resolve() made different tables equal."""
    namespace = make_namespace("judged")
    assert run_init(namespace, *LONG).returncode == 0
    text = netfilter.ours(namespace)
    same = text.replace("outbound", "other").replace("to_inbound", "x").replace("captured_v4", "y")
    assert resolve(text) == resolve(same) != ""
    for before, after in (
        ("redirect to :15001", "redirect to :15002"),
        ("203.0.3.8/31", "203.0.3.10/31"),
        ("close_wait : 3600", "close_wait : 3601"),
        ("priority -101", "priority -100"),
        (" return comment", " accept comment"),
        ("\t\ttype nat hook output", "\t\ttype filter hook output"),
    ):
        assert before in text
        assert resolve(text.replace(before, after, 1)) != resolve(text), before
