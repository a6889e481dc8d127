# SPDX-License-Identifier: Apache-2.0
"""Streams that last: upgrades with half-close, gRPC-shaped calls with trailers, streaming and cancellation."""

import hashlib
import random
import socket
import threading

import pytest

import http_scene
from http_differential import http2
from http_differential.upstream import Upstream
from http_scene import HOSTS, HTTP2, head, route, status
from proxy_config import cluster
from proxy_peers import read_all, read_exactly, reset
from proxy_process import wait_for

WEBSOCKET = {"upgrade_configs": [{"upgrade_type": "websocket"}]}
GRPC = (("content-type", "application/grpc"), ("te", "trailers"))


@pytest.fixture(scope="module")
def upstream(plain_lab):
    made = Upstream(plain_lab.peer, HOSTS)
    yield made
    made.close()


def tunnel_echo(connection: socket.socket) -> None:
    """Accepts an upgrade, sends everything back, and its end after the client's."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65536)
    rest = got.partition(b"\r\n\r\n")[2]
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n" + rest)
    while data := connection.recv(65536):
        connection.sendall(data)
    connection.sendall(b"end")
    connection.shutdown(socket.SHUT_WR)


@pytest.fixture
def tunnel(plain_lab, run_proxy, serve):
    serve(plain_lab.peer, *HOSTS[0][:1], 8004, tunnel_echo)
    return http_scene.start(plain_lab, run_proxy, [route(timeout="0.5s")], cluster("up", (HOSTS[0][0], 8004)), **WEBSOCKET)


def opened(scene) -> http_scene.Client1:
    client = scene.client()
    client.send(head("/", "connection: keep-alive, Upgrade", "upgrade: WebSocket"))
    answer = client.answer()
    assert (answer.status, answer.header("upgrade").lower()) == (101, "websocket")
    assert answer.header("content-length") is answer.header("transfer-encoding") is None
    return client


def test_a_websocket_with_half_close(tunnel):
    """Bytes both ways, the client's end, then still bytes from the other side; the route's timeout is none for it."""
    client = opened(tunnel)
    data = random.Random(1).randbytes(3_000_000)
    sender = threading.Thread(target=lambda: (client.socket.sendall(data), client.socket.shutdown(socket.SHUT_WR)))
    sender.start()
    got = read_all(client.socket)
    sender.join()
    assert hashlib.sha256(got).digest() == hashlib.sha256(data + b"end").digest()
    http_scene.gauges_are_zero(tunnel.proxy)
    assert tunnel.stat("http.in.downstream_cx_upgrades_total") == 1


def test_a_websocket_outlives_the_routes_timeout(tunnel):
    client = opened(tunnel)
    for _ in range(4):
        client.socket.sendall(b"ping")
        assert read_exactly(client.socket, 4) == b"ping"
        threading.Event().wait(0.25)
    reset(client.socket)
    http_scene.gauges_are_zero(tunnel.proxy)


def test_a_refused_upgrade_is_no_tunnel(plain_lab, run_proxy, upstream):
    scene = http_scene.start(plain_lab, run_proxy, **WEBSOCKET)
    with scene.client() as client:
        client.send(head("/", "connection: upgrade", "upgrade: websocket", "x-up: status=404"))
        answer = client.answer()
        assert answer.status == 404
        assert client.wait_end() == "fin"
    http_scene.gauges_are_zero(scene.proxy)


@pytest.mark.parametrize("framing", ["content-length: 5", "transfer-encoding: chunked"])
def test_an_upgrade_with_a_body_is_refused(plain_lab, run_proxy, upstream, framing):
    """Its bytes could be the body's or the tunnel's: they go nowhere."""
    scene = http_scene.start(plain_lab, run_proxy, **WEBSOCKET)
    with scene.client() as client:
        client.send(head("/", "connection: upgrade", "upgrade: websocket", framing) + b"hello")
        answer = client.answer()
        assert (answer.status, answer.header("connection")) == (403, "close")
        assert client.wait_end() == "fin"
    assert scene.ends() == [(403, "-", "upgrade_failed")]
    assert scene.stat("cluster.up.upstream_rq_total") == 0


@pytest.fixture
def grpc(plain_lab, run_proxy, upstream):
    return http_scene.start(plain_lab, run_proxy, [route(timeout="0s")], cluster("up", HOSTS[0], **HTTP2))


def test_a_call(grpc):
    with grpc.client2() as client:
        stream = client.ask("/s/M", *GRPC, ("x-up", "grpc=0;body=answer"), method="POST", body=b"\0\0\0\0\x01x")
        assert status(stream) == 200
        assert dict(stream.heads[-1])["grpc-status"] == "0"
        assert stream.body == b"answer"


def test_errors_are_trailers_only(plain_lab, run_proxy, upstream):
    scene = http_scene.start(plain_lab, run_proxy, None, cluster("up", (HOSTS[0][0], 8019), **HTTP2))
    with scene.client2() as client:
        stream = client.ask("/s/M", *GRPC, method="POST", body=b"")
        headers = dict(stream.heads[0])
        assert (status(stream), len(stream.heads), headers["grpc-status"]) == (200, 1, "14")
        assert "upstream%20connect" in headers["grpc-message"] or "upstream connect" in headers["grpc-message"]


def test_messages_go_both_ways_before_the_end(grpc, upstream):
    """A request without an end, with an answer that comes first and then its rest."""
    with grpc.client2() as client:
        number = client.request("/s/M", *GRPC, ("x-up", "early;size=30000"), method="POST", end=False)
        for _ in range(20):
            client.send_body(number, b"message", end=False)
        while not client.wire.stream(number).heads:
            client.pump()
        assert status(client.wire.stream(number)) == 200


def test_cancellation_reaches_the_upstream(grpc, upstream):
    with grpc.client2() as client:
        number = client.request("/s/M", *GRPC, ("x-up", "hang"), ("x-case", "cancelled"), method="POST", end=False)
        grpc.proxy.wait_stat("cluster.up.upstream_rq_active", 1)
        client.send(http2.reset(number))
        grpc.proxy.wait_stat("cluster.up.upstream_rq_active", 0)
        wait_for(lambda: any(one.end not in ("open", "whole") for one in upstream.received("cancelled")), "the upstream hears of it")
        assert grpc.stat("cluster.up.upstream_rq_cancelled") == 1
        assert grpc.stat("cluster.up.upstream_cx_total") == 1
        assert status(client.ask()) == 200
    assert grpc.stat("cluster.up.upstream_cx_total") == 1
