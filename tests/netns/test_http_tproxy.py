# SPDX-License-Identifier: Apache-2.0
"""HTTP behind TPROXY: pools keep clients apart, each request reaches the application from its own client's address."""

import collections
import socket
import threading

import pytest

import http_scene
from harness.lab import PEER, POD, build_lab
from http_differential import http2
from http_scene import HTTP2, manager, route, status
from proxy_config import bootstrap, cluster, listener, original_dst, original_dst_filter
from proxy_peers import read_exactly
from test_proxy_tproxy import install, original_src_filter, tproxy

PORT = 8080
SOURCES = {4: [PEER[4], "198.51.100.2", "198.51.100.3"], 6: [PEER[6], "2001:db8:1::2", "2001:db8:1::3"]}


@pytest.fixture(scope="module")
def lab(possible):
    with build_lab("httpsrc-", responders=False) as built:
        install(built.pod)
        built.peer.ip_batch([f"addr add {address}/25 dev eth0" for address in SOURCES[4][1:]])
        built.peer.ip_batch([f"-6 addr add {address}/64 dev eth0 nodad" for address in SOURCES[6][1:]])
        yield built


def says_who(connection: socket.socket) -> None:
    """Answers each request, in either version, with the address and the port that it came from."""
    host, port = connection.getpeername()[:2]
    text = f"{host} {port}".encode()
    first = connection.recv(65536)
    if first.startswith(b"PRI "):
        return says_who2(connection, first, text)
    got = first
    while True:
        while b"\r\n\r\n" in got:
            got = got.partition(b"\r\n\r\n")[2]
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(text) + text)
        data = connection.recv(65536)
        if not data:
            return None
        got += data


def says_who2(connection: socket.socket, data: bytes, text: bytes) -> None:
    state = http2.Connection()
    answered: set[int] = set()
    data = (data + read_exactly(connection, max(0, len(http2.PREFACE) - len(data))))[len(http2.PREFACE) :]
    connection.sendall(http2.settings((3, 100)))
    while True:
        _, reply = state.feed(data)
        for number in set(state.streams) - answered:
            if state.streams[number].heads:
                answered.add(number)
                reply += http2.headers(number, (":status", "200"), end=False) + http2.data(number, text)
        connection.sendall(reply)
        data = connection.recv(65536)
        if not data:
            return


KINDS = {
    "HTTP/1, original destination": lambda host: original_dst("app"),
    "HTTP/1, a cluster of a host": lambda host: cluster("app", (host, PORT)),
    "HTTP/2, original destination": lambda host: original_dst("app", **HTTP2),
    "HTTP/2, a cluster of a host": lambda host: cluster("app", (host, PORT), **HTTP2),
}


@pytest.fixture(params=[(kind, family) for kind in KINDS for family in (4, 6)], ids=lambda pair: f"{pair[0]}, version {pair[1]}")
def scene(lab, serve, request):
    kind, family = request.param
    app = serve(lab.pod, POD[family], PORT, says_who)
    inbound = listener(
        "virtualInbound", "::", 15006, {"filters": [manager([route("app")])]}, ipv4_compat=True, transparent=True,
        traffic_direction="INBOUND", listener_filters=[original_dst_filter(), original_src_filter()],
    )  # fmt: skip
    with tproxy(lab, bootstrap([inbound], [KINDS[kind](POD[family])]), workers=1) as proxy:
        made = http_scene.Scene(lab, proxy)
        made.app, made.family, made.http2 = app, family, kind.startswith("HTTP/2")
        yield made


def connect(scene, source: str) -> http_scene.Client1:
    return http_scene.Client1(scene.lab.peer.connect(POD[scene.family], PORT, source=source, timeout=20))


def test_one_after_the_other(scene):
    """New connections of three clients in turns: one connection to the application for each client, used again."""
    seen = collections.defaultdict(set)
    for _ in range(10):
        for source in SOURCES[scene.family]:
            with connect(scene, source) as client:
                host, port = client.ask().body.decode().split()
                assert host == source
                seen[source].add(port)
    assert {source: len(ports) for source, ports in seen.items()} == dict.fromkeys(SOURCES[scene.family], 1)
    assert scene.app.accepted == 3


def test_all_at_once(scene):
    """Thirty connections of three clients together, each with a hundred requests: nobody is taken for somebody else."""
    wrong, right = [], collections.Counter()

    def run(source: str) -> None:
        with connect(scene, source) as client:
            for _ in range(100):
                host = client.ask().body.decode().split()[0]
                if host == source:
                    right[source] += 1
                else:
                    wrong.append((source, host))

    threads = [threading.Thread(target=run, args=(source,)) for source in SOURCES[scene.family] * 10]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert right == dict.fromkeys(SOURCES[scene.family], 1000)
    hosts = collections.Counter(host for host, _ in scene.app.peers)
    assert set(hosts) == set(SOURCES[scene.family])
    if scene.http2:
        assert set(hosts.values()) == {1}
    http_scene.gauges_are_zero(scene.proxy)


def test_streams_of_two_clients(scene):
    """HTTP/2 from the clients as well: streams of one connection stay with their client."""
    with (
        http_scene.Client2(scene.lab.peer.connect(POD[scene.family], PORT, source=SOURCES[scene.family][1], timeout=20)) as one,
        http_scene.Client2(scene.lab.peer.connect(POD[scene.family], PORT, source=SOURCES[scene.family][2], timeout=20)) as two,
    ):
        numbers = [(client, source, client.request()) for _ in range(20) for client, source in zip((one, two), SOURCES[scene.family][1:])]
        for client, source, number in numbers:
            stream = client.answer(number)
            assert (status(stream), stream.body.decode().split()[0]) == (200, source)
