# SPDX-License-Identifier: Apache-2.0
"""Connections that are opened before the proxy listens wait in the kernel, and go through when it does."""

import collections
import errno
import select
import socket
import time

import pytest

from harness import lab
from harness.installer import run_init

CAPTURE = ["-i", "*", "-b", "*"]
EACH = 250  # connections of each direction and family


@pytest.fixture
def made(weir_init):
    with lab.build_lab("hold-", responders=False) as one:
        yield one


def start_connecting(made) -> list[socket.socket]:
    """Out of pod, and into it from peer; both families."""

    def open_all(addresses: list[str]) -> list[socket.socket]:
        opened = []
        for address in addresses:
            for _ in range(EACH):
                client = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
                client.setblocking(False)
                client.connect_ex((address, 80))
                opened.append(client)
        return opened

    out = made.pod.call(open_all, [lab.OUTSIDE[4], lab.OUTSIDE[6]], uid=1000, gid=1000)
    return out + made.peer.call(open_all, [lab.POD[4], lab.POD[6]])


def outcomes(clients: list[socket.socket], seconds: float) -> collections.Counter:
    """What each connection came to: "connected", the name of its error, or "waiting"."""
    poll = select.poll()
    waiting = {client.fileno(): client for client in clients}
    for number in waiting:
        poll.register(number, select.POLLOUT)
    counted: collections.Counter = collections.Counter()
    deadline = time.monotonic() + seconds
    while waiting and (left := deadline - time.monotonic()) > 0:
        for number, _ in poll.poll(left * 1000):
            code = waiting.pop(number).getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            poll.unregister(number)
            counted[errno.errorcode[code] if code else "connected"] += 1
    counted["waiting"] = len(waiting)
    return counted


def listen_everywhere(made) -> list[socket.socket]:
    return [made.pod.listen(address, port, 4096) for address in ("0.0.0.0", "::") for port in (15001, 15006)]


@pytest.mark.parametrize("mode", ["REDIRECT", "TPROXY"])
@pytest.mark.parametrize("backend", ["nftables", "legacy"])
def test_a_thousand_connections_wait_for_the_proxy(made, backend, mode):
    assert run_init(made.pod, *CAPTURE, "-m", mode, "--backend", backend).returncode == 0
    clients = start_connecting(made)
    assert outcomes(clients, 0.5) == {"waiting": 4 * EACH}, "nothing may be decided before the proxy listens"
    listeners = listen_everywhere(made)
    if mode == "TPROXY":
        for listener in listeners:
            v6 = listener.family == socket.AF_INET6
            listener.setsockopt(socket.IPPROTO_IPV6 if v6 else socket.IPPROTO_IP, 75 if v6 else 19, 1)
    counted = outcomes(clients, 15)
    print(f"{backend}, {mode}: {counted['connected']} of {4 * EACH} connected, {counted['ECONNREFUSED']} refused")
    assert counted["connected"] == 4 * EACH, counted
    for one in clients + listeners:
        one.close()


def test_without_it_they_are_refused(made):
    """The control: what the kernel does when nobody listens."""
    assert run_init(made.pod, *CAPTURE, "--hold-until-listening=false").returncode == 0
    counted = outcomes(start_connecting(made), 2)
    assert counted["ECONNREFUSED"] == 4 * EACH, counted


def test_ports_that_are_not_the_proxys_are_refused_at_once(made):
    assert run_init(made.pod, *CAPTURE, "-d", "80").returncode == 0
    client = made.peer.new_socket()
    client.settimeout(2)
    with pytest.raises(ConnectionRefusedError):
        client.connect((lab.POD[4], 80))
