# SPDX-License-Identifier: Apache-2.0
"""Floods of HTTP/2 and slow heads: refused, counted, bounded in memory, and other connections go on undisturbed."""

import time

import pytest

import http_scene
from http_differential import http2
from http_differential.upstream import Upstream
from http_scene import HOSTS, head
from proxy_process import wait_for

MB = 1 << 20
BASE = [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "www.test")]


@pytest.fixture(scope="module")
def upstream(plain_lab):
    made = Upstream(plain_lab.peer, HOSTS)
    yield made
    made.close()


@pytest.fixture
def scene(plain_lab, run_proxy, upstream):
    return http_scene.start(plain_lab, run_proxy, request_headers_timeout="1s")


def rapid_resets() -> bytes:
    return b"".join(http2.headers(i, *BASE, ("x-up", "wait=1")) + http2.reset(i) for i in range(1, 6001, 2))


def continuations() -> bytes:
    first = http2.frame(http2.HEADERS, 1, 1, http2.block(*BASE))
    return first + b"".join(http2.frame(http2.CONTINUATION, 0, 1, http2.literal(f"x{i}", "y" * 1000)) for i in range(2000))


def bomb() -> bytes:
    """A header of 4 KB in the dynamic table, which every byte afterwards repeats."""
    entry = b"\x40" + http2.integer(1, 7) + b"x" + http2.integer(3900, 7) + b"y" * 3900
    block = http2.block(*BASE) + entry + b"\xbe" * 15000
    return http2.frame(http2.HEADERS, 5, 1, block[:16384])


FLOODS = {
    "rapid resets": rapid_resets,
    "continuations": continuations,
    "header bomb": bomb,
    "settings": lambda: http2.settings((3, 100)) * 20000,
    "pings": lambda: http2.frame(http2.PING, 0, 0, b"12345678") * 20000,
    "empty data": lambda: http2.headers(1, *BASE, end=False) + http2.data(1, end=False) * 20000,
    "empty headers": lambda: b"".join(http2.frame(http2.HEADERS, 0, i, b"") for i in range(1, 9000, 2)),
    "priorities": lambda: http2.frame(http2.PRIORITY, 0, 1, b"\0\0\0\0\x10") * 20000,
    "windows": lambda: http2.window(0, 1) * 20000,
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_its_connection_only(scene, name):
    before = scene.proxy.private_bytes()
    with scene.client() as other, scene.client2() as other2:
        assert other.ask().status == 200
        flood = http_scene.Client2(scene.client().socket, grants=False)
        flood.socket.settimeout(5)
        try:
            flood.send(FLOODS[name]())
            flood.send(FLOODS[name]() if name not in ("rapid resets", "empty headers", "continuations") else b"")
        except (OSError, TimeoutError):
            pass  # it was cut off, or nobody reads any more
        assert other.ask().status == 200
        assert http_scene.status(other2.ask()) == 200
        if name == "header bomb":  # the request is refused, which costs the connection nothing
            assert http_scene.status(flood.answer(1)) in (0, 431)
        else:
            assert flood.wait_end(5) in ("fin", "rst")
        assert scene.proxy.private_bytes() - before < 8 * MB
        flood.socket.close()
    assert scene.proxy.process.poll() is None
    assert scene.stat("http.in.downstream_cx_protocol_error") + scene.stat("http.in.downstream_rq_rx_reset") >= 1
    http_scene.gauges_are_zero(scene.proxy)


def test_heads_that_never_end(scene):
    """A byte now and then does not keep a connection: the whole head has a second."""
    clients = [scene.client() for _ in range(20)]
    for client in clients:
        client.send(b"GET / HTTP/1.1\r\nhost: a\r\nx: ")
    started = time.monotonic()
    while time.monotonic() - started < 1.5:
        for client in clients:
            try:
                client.send(b"y")
            except OSError:
                pass
        time.sleep(0.1)
    for client in clients:
        try:
            answer = client.answer()
            assert (answer.status, answer.body) == (408, b"request header timeout")
        except ConnectionResetError:
            pass  # it went on sending
        client.socket.close()
    assert scene.stat("http.in.downstream_rq_header_timeout") == 20
    http_scene.gauges_are_zero(scene.proxy)


def test_the_next_head_has_the_same_time(scene):
    with scene.client() as client:
        assert client.ask("/", "x-up: wait=1.2").status == 200
        client.send(b"GET / HT")
        started = time.monotonic()
        assert client.answer().status == 408
        assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("limit", "flags", "details", "body"),
    [
        ({"stream_idle_timeout": "0.4s"}, "SI", "stream_idle_timeout", b"stream timeout"),
        ({"request_timeout": "0.4s"}, "-", "request_overall_timeout", b"request timeout"),
        ({"common_http_protocol_options": {"max_stream_duration": "0.4s"}}, "-", "max_duration_timeout", b"downstream duration timeout"),
        ({"request_headers_timeout": "0.4s", "request_timeout": "2s"}, "-", "request_header_timeout", b"request header timeout"),
    ],
)  # fmt: skip
def test_heads_that_never_end(plain_lab, run_proxy, upstream, limit, flags, details, body):
    """Whatever limits a request counts from the first byte of its head, and tells it once."""
    scene = http_scene.start(plain_lab, run_proxy, **limit)
    with scene.client() as client:
        assert client.ask().status == 200
        client.send(b"GET / HT")
        answer = client.answer()
        assert (answer.status, answer.body) == (408, body)
        assert client.wait_end() == "fin"
    assert scene.ends(2)[1:] == [(408, flags, details)]
    http_scene.gauges_are_zero(scene.proxy)


def test_a_slow_head_leaves_less_time_for_the_body(plain_lab, run_proxy, upstream):
    scene = http_scene.start(plain_lab, run_proxy, request_timeout="1s")
    with scene.client() as client:
        started = time.monotonic()
        client.send(b"POST / HTTP/1.1\r\nhost: a\r\n")
        time.sleep(0.6)
        client.send(b"content-length: 9\r\n\r\nabc")
        assert client.answer().status == 408
        assert time.monotonic() - started < 1.5
    assert scene.ends() == [(408, "-", "request_overall_timeout")]


def test_bodies_that_never_end(plain_lab, run_proxy, upstream):
    """A request has as long as it may take altogether."""
    scene = http_scene.start(plain_lab, run_proxy, request_timeout="0.5s")
    with scene.client() as client:
        client.send(head("/", "content-length: 1000", method="POST"), "POST")
        answer = client.answer()
        assert (answer.status, answer.body) == (408, b"request timeout")
    assert scene.ends()[0][2] == "request_overall_timeout"
    wait_for(lambda: scene.stat("http.in.downstream_cx_active") == 0, "closed")
