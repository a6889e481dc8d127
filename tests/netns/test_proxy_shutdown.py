# SPDX-License-Identifier: Apache-2.0
"""SIGTERM drains and exits 0; inbound goes first, outbound serves the application to its end (T27)."""

import errno
import select
import signal
import time

import pytest

from harness import installer
from harness.flags import Flags
from harness.lab import OUTSIDE, POD
from proxy_config import bootstrap, chain, cluster, file_log, listener
from proxy_peers import echo, how_it_ends, read_exactly, says, who
from proxy_process import new_directory, wait_for

HOST = OUTSIDE[4]


@pytest.fixture
def draining(lab, run_proxy, serve):
    """The built-in configuration with an application and an outside host; arguments go to the command line."""
    serve(lab.peer, HOST, 7000, echo)
    serve(lab.peer, HOST, 7001, says("outside"))
    serve(lab.pod, POD[4], 8080, echo)
    return lambda *arguments: run_proxy(lab.pod, None, *arguments)


def exchange(client, data: bytes) -> None:
    client.sendall(data)
    assert read_exactly(client, len(data)) == data


HELD = pytest.param((), "timeout", id="held by weir-init")
REFUSED = pytest.param(("--hold-until-listening=false",), "refused", id="refused")


@pytest.mark.parametrize(("flags", "answer"), [HELD, REFUSED])
def test_inbound_ends_first_and_what_runs_goes_on(lab, draining, flags, answer):
    """Nobody listens inbound any more. What weir-init does then is its affair: wait for the next one, or refuse."""
    installer.install(lab.pod, Flags(inbound_ports=("*",), cidrs=("*",)), *flags)
    proxy = draining("--drain-time-s", "30")
    inbound = lab.peer.connect(POD[4], 8080)
    exchange(inbound, b"in")
    proxy.send_signal(signal.SIGTERM)
    wait_for(lambda: who(lab.peer, POD[4], 8080, timeout=0.5) == answer, f"inbound {answer}")
    assert proxy.get("/ready") == (503, "DRAINING\n")
    assert proxy.stat("listener_manager.total_listeners_draining") == 1
    exchange(inbound, b"still there")
    assert who(lab.pod, HOST, 7001, uid=1000) == "outside"
    with lab.pod.connect(HOST, 7000, uid=1000) as outbound:
        exchange(outbound, b"out")
        inbound.close()
        time.sleep(1)  # the application is not done: the proxy stays for it
        assert proxy.process.poll() is None
        exchange(outbound, b"and on")
        assert who(lab.pod, HOST, 7001, uid=1000) == "outside"
    assert proxy.wait_exit(10) == 0


def test_who_dials_a_draining_proxy_is_served_by_the_next_one(lab, draining):
    """A restart costs a connection time, not life: its first segment is sent again."""
    installer.install(lab.pod, Flags(inbound_ports=("*",), cidrs=("*",)))
    first = draining("--drain-time-s", "30")
    running = lab.peer.connect(POD[4], 8080)
    exchange(running, b"running")
    first.send_signal(signal.SIGTERM)
    wait_for(lambda: who(lab.peer, POD[4], 8080, timeout=0.5) == "timeout", "inbound ended")
    waiting = lab.peer.new_socket()
    waiting.setblocking(False)
    assert waiting.connect_ex((POD[4], 8080)) == errno.EINPROGRESS
    running.close()
    assert first.wait_exit(10) == 0
    draining()
    waiting.settimeout(10)
    assert select.select([], [waiting], [], 10)[1]
    exchange(waiting, b"served")
    waiting.close()


@pytest.mark.parametrize("how", ["flag", "environment"])
def test_inbound_goes_on_for_the_time_of_the_termination(lab, run_proxy, serve, how):
    """Endpoints are taken out of services while Pods end: clients still come. The drain time does not cut that short."""
    serve(lab.peer, HOST, 7001, says("outside"))
    serve(lab.pod, POD[4], 8080, says("app"))
    given = ["--termination-drain-s", "2"] if how == "flag" else []
    environment = {"TERMINATION_DRAIN_DURATION_SECONDS": "7" if how == "flag" else "2s"}
    proxy = run_proxy(lab.pod, None, "--drain-time-s", "1", *given, env=environment)
    started = time.monotonic()
    proxy.send_signal(signal.SIGTERM)
    wait_for(lambda: proxy.get("/ready") == (503, "DRAINING\n"), "it says that it ends")
    while time.monotonic() < started + 1.8:
        assert who(lab.peer, POD[4], 8080) == "app"
        assert who(lab.pod, HOST, 7001, uid=1000) == "outside"
        time.sleep(0.02)
    assert proxy.wait_exit(10) == 0
    assert time.monotonic() - started < 6


def test_a_termination_that_was_told_of_before_takes_the_rest_of_its_time(lab, run_proxy, serve):
    """A native sidecar drains while its application ends, and gets its SIGTERM after that."""
    serve(lab.pod, POD[4], 8080, says("app"))
    proxy = run_proxy(lab.pod, None, "--drain-time-s", "1", "--termination-drain-s", "4")
    assert proxy.ask("POST", "/healthcheck/fail").text == "OK\n"  # what `weirctl drain` does
    time.sleep(4.1)
    assert who(lab.peer, POD[4], 8080) == "app"
    assert proxy.get("/ready") == (503, "DRAINING\n")
    started = time.monotonic()
    proxy.send_signal(signal.SIGTERM)
    assert proxy.wait_exit(10) == 0
    assert time.monotonic() - started < 3.9


def test_who_has_been_answered_is_served(lab, draining):
    """What waits in the queue of a listening socket is accepted before it closes, at whatever moment that is."""
    for pause in (0, 0.001, 0.01):
        proxy = draining("--drain-time-s", "10")
        clients = [lab.peer.new_socket() for _ in range(100)]
        proxy.send_signal(signal.SIGSTOP)
        for client in clients:
            client.settimeout(10)
            client.connect((POD[4], 8080))
        proxy.send_signal(signal.SIGTERM)
        proxy.send_signal(signal.SIGCONT)
        time.sleep(pause)
        for client in clients:
            exchange(client, b"served")
            client.close()
        assert proxy.wait_exit(10) == 0


def test_a_handshake_under_way_ends_well(lab, draining):
    """The client has its answer and the proxy's kernel not yet the client's: that comes when the socket is about to close."""
    rules = "add table inet late; add chain inet late out { type filter hook output priority 0; }"
    lab.peer.tool("nft", rules)
    try:
        for _ in range(20):
            proxy = draining("--drain-time-s", "10")
            lab.peer.tool("nft", "add rule inet late out tcp dport 8080 tcp flags & (syn | ack) == ack drop")
            with lab.peer.connect(POD[4], 8080) as client:
                started = time.monotonic()
                proxy.send_signal(signal.SIGTERM)
                time.sleep(0.02)
                lab.peer.tool("nft", "flush chain inet late out")
                client.sendall(b"late")
                in_time = time.monotonic() - started < 0.15  # this machine was quick enough
                if in_time:
                    assert read_exactly(client, 4) == b"late"
            assert proxy.wait_exit(20) == 0
            if in_time:
                return
        raise AssertionError("this machine is too slow for it")
    finally:
        lab.peer.tool("nft", "delete table inet late")


def test_an_idle_proxy_goes_at_once(lab, draining):
    proxy = draining("--drain-time-s", "60")
    started = time.monotonic()
    proxy.send_signal(signal.SIGTERM)
    assert proxy.wait_exit(10) == 0
    assert time.monotonic() - started < 5


def test_what_never_ends_is_cut_at_the_end_of_the_drain_time(lab, draining):
    proxy = draining("--drain-time-s", "2")
    with lab.pod.connect(HOST, 7000, uid=1000) as outbound:
        exchange(outbound, b"x")
        started = time.monotonic()
        proxy.send_signal(signal.SIGTERM)
        assert how_it_ends(outbound, 15)[1] in ("fin", "rst")
        assert 1.5 < time.monotonic() - started < 10
    assert proxy.wait_exit(10) == 0
    assert "drained" in proxy.log()


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM, signal.SIGTERM], [signal.SIGTERM, signal.SIGINT]])
def test_an_impatient_signal_ends_at_once(lab, draining, signals):
    proxy = draining("--drain-time-s", "60")
    with lab.pod.connect(HOST, 7000, uid=1000) as outbound:
        exchange(outbound, b"x")
        started = time.monotonic()
        for number in signals:
            proxy.send_signal(number)
            time.sleep(0.3)
        assert how_it_ends(outbound, 10)[1] in ("fin", "rst")
        assert proxy.wait_exit(10) == 0
        assert time.monotonic() - started < 5


def test_sigterm_before_anything_is_served(lab, run_proxy):
    """Kubernetes may stop a Pod while it starts."""
    for pause in (0.0, 0.003, 0.01, 0.03):
        proxy = run_proxy(lab.pod, None, wait=False)
        time.sleep(pause)
        proxy.send_signal(signal.SIGTERM)
        assert proxy.wait_exit(10) in (0, -signal.SIGTERM)


def test_the_last_log_lines_are_written(lab, run_proxy, serve):
    serve(lab.peer, HOST, 7002, echo)
    directory = new_directory()
    log = [file_log(f"{directory}/access.log")]
    config = bootstrap([listener("in", POD[4], 9000, chain("c"), access_log=log)], [cluster("c", (HOST, 7002))])
    proxy = run_proxy(lab.pod, config, "--drain-time-s", "1", directory=directory)
    clients = [lab.pod.connect(POD[4], 9000) for _ in range(5)]
    for client in clients:
        exchange(client, b"x")
    proxy.send_signal(signal.SIGTERM)
    assert proxy.wait_exit(15) == 0
    lines = proxy.access_lines(5)
    assert {line["flags"] for line in lines} == {"DT"}
    assert all("drain time" in line["details"].replace("_", " ") for line in lines)


def test_the_port_is_free_for_the_next_one(lab, draining):
    """A restart does not wait for TIME_WAIT."""
    for _ in range(3):
        proxy = draining()
        assert who(lab.pod, HOST, 7001, uid=1000) == "outside"
        proxy.send_signal(signal.SIGTERM)
        assert proxy.wait_exit(10) == 0
