# SPDX-License-Identifier: Apache-2.0
"""The proxy ends and starts again in the same namespace, under connections that come as fast as they can: nobody is refused
or reset, because no listening socket closes on somebody who has been answered, and weir-init's rules hold back the rest."""

import os
import signal

import pytest

from connecting import Connecting, Echo, is_busy
from harness import installer
from harness.flags import Flags
from harness.lab import OUTSIDE, POD
from proxy_process import wait_for

RESTARTS = int(os.environ.get("WEIR_RESTARTS", "20"))
HOST = OUTSIDE[4]


@pytest.fixture
def connecting(fresh_lab):
    """connecting() → programs that connect into the Pod and out of it, both families."""
    installer.install(fresh_lab.pod, Flags(inbound_ports=("*",), cidrs=("*",)))

    def start() -> list[Connecting]:
        inbound = [Connecting(fresh_lab.peer, POD[4], 8080, processes=2), Connecting(fresh_lab.peer, POD[6], 8080, processes=1)]
        outbound = [Connecting(fresh_lab.pod, OUTSIDE[4], 7000, processes=2, uid=1000)]
        return [*inbound, *outbound]

    with Echo(fresh_lab.peer, HOST, 7000), Echo(fresh_lab.pod, POD[4], 8080), Echo(fresh_lab.pod, POD[6], 8080):
        yield start


@pytest.mark.parametrize("workers", [1, 3])
def test_restarts_lose_nobody(fresh_lab, connecting, run_proxy, workers):
    proxy = run_proxy(fresh_lab.pod, None, "--drain-time-s", "1", workers=workers)
    programs = connecting()
    for _ in range(RESTARTS):
        wait_for(lambda proxy=proxy: is_busy(proxy, 100), "all have got over the last restart", 30)
        proxy.send_signal(signal.SIGTERM)
        assert proxy.wait_exit(20) == 0
        proxy = run_proxy(fresh_lab.pod, None, "--drain-time-s", "1", workers=workers)
    for counts in [program.result() for program in programs]:
        print(counts)
        assert set(counts) == {"echoed"}, counts
        assert counts["echoed"] > 50 * RESTARTS
