# SPDX-License-Identifier: Apache-2.0
"""What the kernel is told about the proxy's sockets: dead peers are found without any configuration."""

import contextlib
import ctypes
import os
import re
import socket

import pytest

from harness.lab import OUTSIDE, POD
from proxy_config import bootstrap, chain, cluster, listener
from proxy_peers import echo, read_exactly
from proxy_process import wait_for

HOST = OUTSIDE[4]


@pytest.fixture
def running(plain_lab, run_proxy, serve):
    """A proxy with one connection that has carried data; client stays open."""
    serve(plain_lab.peer, HOST, 7000, echo)
    proxy = run_proxy(
        plain_lab.pod,
        bootstrap(
            [listener("in", POD[4], 9000, chain("c")), listener("own", POD[4], 9001, chain("own"))],
            [
                cluster("c", (HOST, 7000)),
                cluster(
                    "own", (HOST, 7000),
                    upstream_connection_options={"tcp_keepalive": {"keepalive_time": 77, "keepalive_probes": 3}},
                ),
            ],
        ),
    )  # fmt: skip
    clients = [plain_lab.peer.connect(POD[4], port) for port in (9000, 9001)]
    for client in clients:
        client.sendall(b"hello")
        assert read_exactly(client, 5) == b"hello"
    proxy.clients = clients
    yield proxy
    for client in clients:
        client.close()


def sockets(lab, *filter: str) -> list[tuple[str, int]]:
    """(what, seconds left) of the timer of each established socket of pod that ss's filter names."""
    text = lab.pod.tool("ss", "-Htno", "state", "established", *filter)
    found = []
    for line in text.splitlines():
        timer = re.search(r"timer:\((\w+),([\w.]+),", line)
        found.append((timer[1], _seconds(timer[2])) if timer else ("none", 0))
    return found


def _seconds(text: str) -> float:
    units = {"min": 60, "sec": 1, "ms": 0.001, "hr": 3600}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)(min|sec|ms|hr)", text))


def options(proxy, level: int, name: int, local_port: int | None = None, remote_port: int | None = None) -> list[int]:
    """A socket option of the proxy's established sockets, read through duplicates of its descriptors."""
    values = []
    with open_process(proxy.pid) as process:
        for entry in os.listdir(f"/proc/{proxy.pid}/fd"):
            with contextlib.suppress(OSError), duplicate(process, int(entry)) as one:
                local, remote = one.getsockname(), one.getpeername()  # an error for what is no connection
                if (local_port in (None, local[1])) and (remote_port in (None, remote[1])):
                    values.append(one.getsockopt(level, name))
    return values


@contextlib.contextmanager
def open_process(pid: int):
    process = os.pidfd_open(pid)
    try:
        yield process
    finally:
        os.close(process)


def duplicate(process: int, descriptor: int) -> socket.socket:
    pidfd_getfd = 438  # the same number on every architecture
    fd = ctypes.CDLL(None, use_errno=True).syscall(pidfd_getfd, process, descriptor, 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    try:
        return socket.socket(fileno=fd)
    except OSError:
        os.close(fd)
        raise


def test_options_of_both_sides(plain_lab, running):
    """TCP_USER_TIMEOUT at once downstream, upstream once it lives long; no Nagle on either side."""
    tcp, user_timeout, nodelay = socket.IPPROTO_TCP, 18, socket.TCP_NODELAY
    assert options(running, tcp, user_timeout, local_port=9000) == [180_000]
    assert options(running, tcp, nodelay, local_port=9000) == [1]
    assert options(running, socket.SOL_SOCKET, socket.SO_KEEPALIVE, local_port=9000) == [1]
    assert options(running, tcp, user_timeout, remote_port=7000) == [0, 0]  # short connections never pay for it
    wait_for(lambda: options(running, tcp, user_timeout, remote_port=7000) == [180_000] * 2, "upstream is tuned", 20)
    assert options(running, socket.SOL_SOCKET, socket.SO_KEEPALIVE, remote_port=7000) == [1, 1]
    assert sorted(options(running, tcp, socket.TCP_KEEPIDLE, remote_port=7000)) == [77, 300]
    assert sorted(options(running, tcp, socket.TCP_KEEPCNT, remote_port=7000))[0] == 3
    (left,) = [left for what, left in sockets(plain_lab, "sport", "=", ":9000") if what == "keepalive"]
    assert 0 < left <= 300


def test_no_delay_upstream_from_the_second_write_on(plain_lab, running):
    assert options(running, socket.IPPROTO_TCP, socket.TCP_NODELAY, remote_port=7000) == [0, 0]
    for client in running.clients:
        client.sendall(b"more")
        assert read_exactly(client, 4) == b"more"
    assert options(running, socket.IPPROTO_TCP, socket.TCP_NODELAY, remote_port=7000) == [1, 1]
