# SPDX-License-Identifier: Apache-2.0
"""The proxy is killed or told to end at any moment: while it starts, serves, drains, takes over or is taken over from. The
next one always starts, no connect() is refused, and the rules are what they were."""

import os
import random
import signal
import time

import pytest

from connecting import Connecting, Echo
from harness import installer
from harness.flags import SEED, Flags
from harness.installer import run_init
from harness.lab import OUTSIDE, POD

KILLS = int(os.environ.get("WEIR_PROXY_KILLS", "60"))
HOST = OUTSIDE[4]
ARGUMENTS = ("--take-over", "--drain-time-s", "1")


@pytest.fixture
def pod(fresh_lab):
    installer.install(fresh_lab.pod, Flags(inbound_ports=("*",), cidrs=("*",)))
    with Echo(fresh_lab.peer, HOST, 7000), Echo(fresh_lab.pod, POD[4], 8080):
        yield fresh_lab.pod


def end_at_any_moment(pod, run_proxy, proxy, dice: random.Random) -> None:
    """Ends the proxy, or the one that is to take over from it, or both."""
    both = [proxy]
    if dice.random() < 0.5:
        both.append(run_proxy(pod, None, *ARGUMENTS, workers=dice.choice((1, 2)), wait=False))
        time.sleep(dice.random() * 0.03)
    dice.shuffle(both)
    for one in both[: dice.randint(1, 2)]:
        one.send_signal(dice.choice((signal.SIGKILL, signal.SIGTERM)))
        if dice.random() < 0.3:
            time.sleep(dice.random() * 0.8)
            one.send_signal(dice.choice((signal.SIGKILL, signal.SIGTERM)))


def test_the_next_one_always_starts(fresh_lab, pod, run_proxy):
    dice = random.Random(SEED)
    programs = [Connecting(fresh_lab.peer, POD[4], 8080), Connecting(pod, HOST, 7000, uid=1000)]
    proxies = []
    for number in range(KILLS):
        starting = dice.random() < 0.3
        proxies.append(run_proxy(pod, None, *ARGUMENTS, workers=dice.choice((1, 2)), wait=not starting))
        time.sleep(dice.random() * (0.02 if starting else 0.3))
        end_at_any_moment(pod, run_proxy, proxies[-1], dice)
        print(number, starting, proxies[-1].pid)
    last = run_proxy(pod, None, *ARGUMENTS)
    for counts in [program.result() for program in programs]:
        print({outcome: n for outcome, n in counts.items() if not outcome.startswith("at ")})
        assert counts["echoed"] > 10
        # A connection that has been answered by somebody who is killed is reset, be it before connect() has returned.
        assert not [outcome for outcome in counts if outcome.startswith("connect:") and "reset by peer" not in outcome]
    for proxy in proxies:
        assert proxy.wait_exit(30) in (0, -signal.SIGKILL, -signal.SIGTERM), proxy.log()
    assert last.get("/ready")[0] == 200
    for command in ("diff", "verify"):
        done = run_init(pod, command)
        assert done.returncode == 0, done.stdout + done.stderr
