# SPDX-License-Identifier: Apache-2.0
"""Listeners that own a destination and bind nothing come and go under redirected connections (T7)."""

import pytest

from harness.lab import OUTSIDE
from live_scene import static
from proxy_config import chain, original_dst, outbound, virtual
from proxy_peers import Server, echo, says, who
from test_live_files import files, start  # noqa: F401

HOST = OUTSIDE[4]
OWNED, OTHER, ECHO = (HOST, 8001), (HOST, 8002), (HOST, 8003)


@pytest.fixture(scope="module")
def plain_lab(lab):
    """With rules: the application's connections are redirected."""
    return lab


def test_a_destination_finds_and_loses_its_owner(plain_lab, files, start):  # noqa: F811
    held_by = static("echo", ECHO), static("other", OTHER), original_dst("pass")
    everything_else = outbound(chain("pass"))
    owner, held = virtual("owner", *OWNED, chain("other")), virtual("held", HOST, 9999, chain("echo"))
    files.write("cds", *held_by)
    files.write("lds", everything_else)
    proxy = start("--drain-time-s", "1")
    pod = plain_lab.pod
    with Server(plain_lab.peer, *OWNED, says("destination")), Server(plain_lab.peer, *OTHER, says("owner")), Server(plain_lab.peer, *ECHO, echo):
        assert who(pod, *OWNED, uid=1000) == "destination"  # passed through
        files.write("lds", everything_else, owner, held)
        proxy.wait_stat("listener_manager.listener_added", 3)
        assert who(pod, *OWNED, uid=1000) == "owner"
        with pod.connect(HOST, 9999, uid=1000, timeout=10) as running:
            running.sendall(b"x")
            assert running.recv(1) == b"x"
            files.write("lds", everything_else)
            proxy.wait_stat("listener_manager.listener_removed", 2)
            assert who(pod, *OWNED, uid=1000) == "destination"
            running.sendall(b"y")  # it drains, and keeps what it began with until it is ended
            assert running.recv(1) == b"y"
            assert running.recv(1) == b""
    assert proxy.ended()["drained"] == 1
