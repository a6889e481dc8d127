# SPDX-License-Identifier: Apache-2.0
"""SIGTERM under HTTP: what is under way finishes, clients are told to go elsewhere, nothing is cut."""

import signal
import time

import pytest

import http_scene
import proxy_process
from http_differential.upstream import Upstream
from http_scene import HOSTS, head, status


@pytest.fixture(scope="module")
def upstream(plain_lab):
    made = Upstream(plain_lab.peer, HOSTS)
    yield made
    made.close()


@pytest.fixture
def start(plain_lab, run_proxy, upstream):
    def run(direction: str = "INBOUND", arguments: tuple[str, ...] = (), **fields):
        more = {"traffic_direction": direction}
        arguments = ("--drain-time-s", "30", *arguments)
        return http_scene.start(plain_lab, run_proxy, listener_fields=more, arguments=arguments, **fields)

    return run


def test_requests_under_way_finish(start):
    scene = start(drain_timeout="0.2s")
    with scene.client() as one, scene.client2() as two:
        one.send(head("/", "x-up: wait=1;size=100000"))
        number = two.request("/", ("x-up", "wait=1;size=100000"))
        scene.proxy.wait_stat("cluster.up.upstream_rq_active", 2)
        scene.proxy.send_signal(signal.SIGTERM)
        answer = one.answer()
        assert (answer.status, len(answer.body), answer.header("connection")) == (200, 100000, "close")
        assert one.wait_end() == "fin"
        stream = two.answer(number)
        assert (status(stream), len(stream.body), stream.end) == (200, 100000, "END_STREAM")
        assert two.wait_end() == "fin"
        assert two.wire.goaway[0] == "NO_ERROR"
    assert scene.proxy.wait_exit(10) == 0


def test_who_does_not_know_of_the_end_yet_is_served_and_told(start):
    """Inbound listeners go on for the time of the termination; every answer says that the client is to go elsewhere."""
    scene = start(arguments=("--termination-drain-s", "1.5s"), drain_timeout="0.2s")
    scene.proxy.send_signal(signal.SIGTERM)
    proxy_process.wait_for(lambda: scene.proxy.get("/ready") == (503, "DRAINING\n"), "it says that it ends")
    answer = scene.get()
    assert (answer.status, answer.header("connection")) == (200, "close")
    with scene.client2() as two:
        assert status(two.ask()) == 200
        assert two.wait_end() == "fin"
        assert two.wire.goaway[0] == "NO_ERROR"
    assert scene.proxy.stat("listener_manager.listener_stopped") == 0
    scene.proxy.wait_stat("listener_manager.listener_stopped", 1)
    assert scene.proxy.wait_exit(10) == 0


def test_idle_connections_do_not_hold_it_up(start):
    """They get the drain timeout for a request that may be on its way."""
    scene = start(drain_timeout="0.3s")
    with scene.client() as one, scene.client2() as two, scene.client() as late:
        for client in (one, late):
            assert client.ask().status == 200
        assert status(two.ask()) == 200
        started = time.monotonic()
        scene.proxy.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        answer = late.ask()
        assert (answer.status, answer.header("connection")) == (200, "close")
        assert one.wait_end() == "fin"
        assert two.wait_end() == "fin"
        assert 0.2 < time.monotonic() - started < 5
    assert scene.proxy.wait_exit(10) == 0


def test_an_application_is_served_to_its_end(start):
    """Outbound: the application may go on; each of its connections ends with the next answer, none while it is idle."""
    scene = start("OUTBOUND", drain_timeout="0.2s")
    with scene.client() as one, scene.client() as idle:
        assert one.ask().status == idle.ask().status == 200
        scene.proxy.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert one.ask().header("connection") == "close"
        assert scene.get().header("connection") == "close"
        time.sleep(1)
        assert scene.proxy.process.poll() is None
        assert idle.ask().status == 200
    assert scene.proxy.wait_exit(10) == 0


def test_draining_by_admin(start):
    scene = start(drain_timeout="0.2s")
    with scene.client() as one:
        assert one.ask().header("connection") is None
        scene.proxy.ask("POST", "/drain_listeners?graceful")
        assert one.wait_end() == "fin"
    assert scene.proxy.process.poll() is None


def test_an_idle_client_of_http2_is_warned_first(start):
    """What it sent meanwhile is served: the connection ends behind that."""
    scene = start(common_http_protocol_options={"idle_timeout": "0.2s"}, drain_timeout="1s")
    with scene.client2() as client:
        assert status(client.ask()) == 200
        scene.proxy.wait_stat("http.in.downstream_cx_idle_timeout", 1)
        assert status(client.ask()) == 200
        assert client.wait_end(10) == "fin"


@pytest.mark.parametrize(
    ("limit", "counter"),
    [({"idle_timeout": "0.3s"}, "downstream_cx_idle_timeout"), ({"max_connection_duration": "0.3s"}, "downstream_cx_max_duration_reached")],
)
def test_a_connection_of_http1_that_was_there_for_too_long_gets_one_more_answer(start, limit, counter):
    scene = start(common_http_protocol_options=limit, drain_timeout="1s")
    with scene.client() as one, scene.client() as other, scene.client() as silent:
        assert one.ask().status == other.ask().status == 200
        assert silent.wait_end() == "fin"  # it has never asked
        scene.proxy.wait_stat(f"http.in.{counter}", 3)
        answer = one.ask()
        assert (answer.status, answer.header("connection")) == (200, "close")
        assert one.wait_end() == "fin"
        assert other.wait_end() == "fin"
    http_scene.gauges_are_zero(scene.proxy)
