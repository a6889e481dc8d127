# SPDX-License-Identifier: Apache-2.0
"""How connections end: FIN and RST in both orders, half-close, resets passed on (T13-T15)."""

import fcntl
import json
import signal
import socket
import struct
import threading
import time

import pytest

from harness.lab import OUTSIDE
from proxy_config import black_hole, bootstrap, chain, file_log, original_dst, outbound, tcp_proxy, virtual
from proxy_peers import echo, has_data, how_it_ends, read_all, read_exactly, receive_and_hash, reset, send_and_hash
from proxy_process import Proxy, new_directory, wait_for

MEGABYTE = 1 << 20
FAMILIES = pytest.mark.parametrize("family", [4, 6])
DEAD = "203.0.113.200"


@pytest.fixture(scope="module")
def proxy(lab):
    directory = new_directory()
    log = [file_log(f"{directory}/access.log")]
    config = bootstrap(
        [
            outbound(chain(tcp_proxy("passthrough", access_log=log), "catchall"), host="::", ipv4_compat=True),
            virtual("hole", DEAD, 80, chain(tcp_proxy("blackhole", access_log=log), "hole")),
        ],
        [original_dst(), black_hole()],
    )
    with Proxy(lab.pod, config, directory=directory) as started:
        yield started


class Paused:
    """weir-proxy stopped: what both sides do meanwhile reaches it in one piece, in the order the test wants."""

    def __init__(self, proxy: Proxy):
        self.proxy = proxy

    def __enter__(self):
        self.proxy.send_signal(signal.SIGSTOP)
        wait_for(lambda: open(f"/proc/{self.proxy.pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T", "stopped")

    def __exit__(self, *_):
        self.proxy.send_signal(signal.SIGCONT)


# -- T13 ------------------------------------------------------------------------------------------------------------


def test_a_silent_client_sees_the_black_hole_as_fin(lab, proxy):
    before = proxy.ended().get("no_healthy_upstream", 0)
    with lab.pod.connect(DEAD, 80, uid=1000) as client:
        assert how_it_ends(client) == (b"", "fin")
    assert proxy.ended()["no_healthy_upstream"] == before + 1


def test_a_client_that_has_sent_sees_the_black_hole_as_rst(lab, proxy):
    with Paused(proxy):
        client = lab.pod.connect(DEAD, 80, uid=1000)
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
    with client:
        assert how_it_ends(client) == (b"", "rst")


# -- T14 ------------------------------------------------------------------------------------------------------------


@FAMILIES
def test_a_megabyte_after_the_clients_fin(lab, proxy, serve, family):
    """The client ends its side first; the server still has all to say."""
    sent = []

    def behave(connection):
        request = read_all(connection)
        sent.append(send_and_hash(connection, MEGABYTE, 1))
        return request

    server = serve(lab.peer, OUTSIDE[family], 6000, behave)
    with lab.pod.connect(OUTSIDE[family], 6000, uid=1000, timeout=30) as client:
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert receive_and_hash(client) == (MEGABYTE, sent[0] if sent else wait_for(lambda: sent, "sent")[0])
    wait_for(lambda: server.results == [b"question"], "the server has the question")


@FAMILIES
def test_a_megabyte_after_the_servers_fin(lab, proxy, serve, family):
    """The server ends its side first; the client still has all to say."""

    def behave(connection):
        connection.sendall(b"done")
        connection.shutdown(socket.SHUT_WR)
        return receive_and_hash(connection)

    server = serve(lab.peer, OUTSIDE[family], 6001, behave)
    with lab.pod.connect(OUTSIDE[family], 6001, uid=1000, timeout=30) as client:
        assert how_it_ends(client) == (b"done", "fin")
        digest = send_and_hash(client, MEGABYTE, 2)
        assert wait_for(lambda: server.results, "the server has it all") == [(MEGABYTE, digest)]


@FAMILIES
def test_half_close_through_an_echo_of_a_megabyte(lab, proxy, serve, family):
    serve(lab.peer, OUTSIDE[family], 6002, echo)
    with lab.pod.connect(OUTSIDE[family], 6002, uid=1000, timeout=30) as client:
        digests = []
        writer = threading.Thread(target=lambda: digests.append(send_and_hash(client, MEGABYTE, 3)))
        writer.start()
        received = receive_and_hash(client)
        writer.join()
        assert received == (MEGABYTE, digests[0])


def test_a_half_closed_connection_stays_open(lab, proxy, serve):
    """One direction has ended; nothing else has, until the other side is done as well."""
    release = threading.Event()

    def behave(connection):
        assert read_all(connection) == b"q"
        release.wait(10)
        connection.sendall(b"late")

    serve(lab.peer, OUTSIDE[4], 6003, behave)
    with lab.pod.connect(OUTSIDE[4], 6003, uid=1000) as client:
        client.sendall(b"q")
        client.shutdown(socket.SHUT_WR)
        assert not has_data(client, 0.5)
        assert proxy.stat("listener.[__]_15001.downstream_cx_active") >= 1
        release.set()
        assert how_it_ends(client) == (b"late", "fin")
    proxy.wait_stat("listener.[__]_15001.downstream_cx_active", 0)


# -- T15 ------------------------------------------------------------------------------------------------------------


@FAMILIES
def test_an_upstream_reset_reaches_the_client_as_reset(lab, proxy, serve, family):
    def behave(connection):
        connection.recv(1)
        reset(connection)

    serve(lab.peer, OUTSIDE[family], 6010, behave)
    before = proxy.ended().get("upstream_reset", 0)
    with lab.pod.connect(OUTSIDE[family], 6010, uid=1000) as client:
        client.sendall(b"x")
        assert how_it_ends(client) == (b"", "rst")
    assert proxy.ended()["upstream_reset"] == before + 1


@FAMILIES
def test_a_client_reset_reaches_the_upstream_as_reset(lab, proxy, serve, family):
    server = serve(lab.peer, OUTSIDE[family], 6011, read_all)
    before = proxy.ended().get("downstream_reset", 0)
    client = lab.pod.connect(OUTSIDE[family], 6011, uid=1000)
    client.sendall(b"x")
    wait_for(lambda: server.accepted == 1, "accepted")
    reset(client)
    assert isinstance(wait_for(lambda: server.results, "the upstream's end")[0], ConnectionResetError)
    wait_for(lambda: proxy.ended().get("downstream_reset", 0) == before + 1, "counted")


def test_data_before_an_upstream_reset_is_delivered(lab, proxy, serve):
    """Data and RST reach the proxy together: the data goes first."""
    behaved, go = threading.Event(), threading.Event()

    def behave(connection):
        connection.sendall(b"hello")
        go.wait(10)
        connection.sendall(b"x" * 30000)
        reset_when_acknowledged(connection)
        behaved.set()

    serve(lab.peer, OUTSIDE[4], 6012, behave)
    with lab.pod.connect(OUTSIDE[4], 6012, uid=1000) as client:
        assert read_exactly(client, 5) == b"hello"
        with Paused(proxy):
            go.set()
            assert behaved.wait(10)
        assert how_it_ends(client) == (b"x" * 30000, "rst")


def test_data_that_the_client_has_not_read_survives_an_upstream_reset(lab, proxy, serve):
    """What has reached the client's kernel stays readable, as it does without a proxy."""
    size = 40_000
    connected, behaved = threading.Event(), threading.Event()

    def behave(connection):
        connected.wait(10)  # a connect() that wakes up late would tell of the reset
        connection.sendall(b"x" * size)
        reset_when_acknowledged(connection)
        behaved.set()

    serve(lab.peer, OUTSIDE[4], 6017, behave)
    with lab.pod.connect(OUTSIDE[4], 6017, uid=1000) as client:
        connected.set()
        assert behaved.wait(10)
        ended_to(proxy, f"{OUTSIDE[4]}:6017")
        data, end = how_it_ends(client)
        assert (len(data), end) == (size, "rst")


def test_data_before_a_client_reset_is_delivered(lab, proxy, serve):
    got = []

    def behave(connection):
        connection.sendall(b"hello")
        data, end = how_it_ends(connection)
        got.append((data, end))

    serve(lab.peer, OUTSIDE[4], 6013, behave)
    client = lab.pod.connect(OUTSIDE[4], 6013, uid=1000)
    assert read_exactly(client, 5) == b"hello"
    with Paused(proxy):
        client.sendall(b"y" * 30000)
        reset_when_acknowledged(client)
    assert wait_for(lambda: got, "the upstream's end") == [(b"y" * 30000, "rst")]


def test_a_reset_after_the_other_sides_fin(lab, proxy, serve):
    """The client has half-closed; the upstream's reset is still passed on."""

    def behave(connection):
        read_all(connection)
        reset(connection)

    serve(lab.peer, OUTSIDE[4], 6014, behave)
    with lab.pod.connect(OUTSIDE[4], 6014, uid=1000) as client:
        client.sendall(b"x")
        client.shutdown(socket.SHUT_WR)
        assert how_it_ends(client) == (b"", "rst")


@pytest.mark.parametrize("together", [False, True])
def test_a_client_reset_after_its_own_fin(lab, proxy, serve, together):
    """The client half-closes, then gives up altogether while the server still works: the server learns it."""
    ended, release = threading.Event(), threading.Event()

    def behave(connection):
        connection.sendall(b"hello")
        read_all(connection)
        ended.set()
        release.wait(10)
        return how_it_ends_for_a_writer(connection)

    port = 6015 + 100 * together
    server = serve(lab.peer, OUTSIDE[4], port, behave)
    client = lab.pod.connect(OUTSIDE[4], port, uid=1000)
    assert read_exactly(client, 5) == b"hello"
    if together:
        with Paused(proxy):
            client.sendall(b"bye")
            client.shutdown(socket.SHUT_WR)
            reset_when_acknowledged(client)
    else:
        client.shutdown(socket.SHUT_WR)
        assert ended.wait(10)
        reset(client)
    line = ended_to(proxy, f"{OUTSIDE[4]}:{port}")
    assert line["flags"] == "DC"
    release.set()
    assert wait_for(lambda: server.results, "the server's end")[0] == "rst"


def test_a_server_that_closes_while_the_client_sends(lab, proxy, serve):
    """close() with unread data is a reset: the client gets it, and what the server had said."""

    def behave(connection):
        connection.sendall(b"too much")
        connection.recv(10)

    serve(lab.peer, OUTSIDE[4], 6016, behave)
    with lab.pod.connect(OUTSIDE[4], 6016, uid=1000) as client:
        assert read_exactly(client, 8) == b"too much"
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            for _ in range(2000):
                client.sendall(b"z" * 65536)
    proxy.wait_stat("listener.[__]_15001.downstream_cx_active", 0)


def test_a_failed_connect_has_its_reason_in_the_log(lab, proxy):
    with lab.pod.connect("203.0.113.201", 81, uid=1000) as client:
        assert how_it_ends(client)[0] == b""
    line = ended_to(proxy, "203.0.113.201:81")
    assert line["flags"] == "UF,URX"
    assert line["host"] == "203.0.113.201:81"
    assert line["failure"].replace("_", " ") == "connect '203.0.113.201:81': Connection refused"


def ended_to(proxy: Proxy, destination: str) -> dict:
    """The log line of the connection to that destination."""

    def found() -> list[dict]:
        lines = map(json.loads, (proxy.directory / "access.log").read_text().splitlines())
        return [line for line in lines if line["local"] == destination]

    return wait_for(found, f"a line about {destination}")[-1]


def how_it_ends_for_a_writer(connection: socket.socket) -> str:
    """A side whose peer has half-closed learns of a reset only by writing."""
    try:
        for _ in range(20):
            connection.sendall(b"x")
            time.sleep(0.05)
    except (ConnectionResetError, BrokenPipeError):
        return "rst"
    return "open"


def reset_when_acknowledged(connection: socket.socket) -> None:
    """Waits until the other kernel has all that was sent, then resets: RST throws away what is not sent yet."""
    siocoutq = 0x5411
    end = time.monotonic() + 5
    while struct.unpack("i", fcntl.ioctl(connection, siocoutq, b"\0\0\0\0"))[0] > 0 and time.monotonic() < end:
        time.sleep(0.002)
    reset(connection)
