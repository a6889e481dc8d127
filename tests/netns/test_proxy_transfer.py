# SPDX-License-Identifier: Apache-2.0
"""Bytes arrive, all of them, in order: large and small, both ways at once, slow readers, many at once, urgent data."""

import concurrent.futures
import signal
import socket
import threading
import time

import pytest

from harness.lab import OUTSIDE, POD
from proxy_config import bootstrap, chain, cluster, listener
from proxy_peers import Server, echo, how_it_ends, read_all, read_exactly, receive_and_hash, send_and_hash
from proxy_process import Proxy, wait_for

HOST = OUTSIDE[4]
MEGABYTE = 1 << 20
PORTS = {"default": 9000, "small buffers": 9001}


def both_ways(connection: socket.socket, size: int, seed: int, pause: float = 0.0) -> tuple[str, int, str]:
    """Sends `size` bytes and FIN while it reads to the end: (hash sent, bytes received, hash received)."""
    connection.settimeout(120)
    sent = []
    writer = threading.Thread(target=lambda: sent.append(send_and_hash(connection, size, seed)))
    writer.start()
    received = receive_and_hash(connection, pause)
    writer.join()
    return sent[0], *received


@pytest.fixture(scope="module")
def servers(plain_lab):
    """Servers in peer: echo, and one that sends as much as it is told in the first 8 bytes while it reads the rest."""

    def duplex(connection: socket.socket):
        size = int.from_bytes(read_exactly(connection, 8), "big")
        return both_ways(connection, size, 99)

    made = {"echo": Server(plain_lab.peer, HOST, 7000, echo), "duplex": Server(plain_lab.peer, HOST, 7001, duplex)}
    yield made
    for server in made.values():
        server.close()


@pytest.fixture(scope="module")
def proxy(plain_lab, servers):
    small = {"per_connection_buffer_limit_bytes": 4096}
    config = bootstrap(
        [
            listener("echo", POD[4], 9000, chain("echo")),
            listener("echo-small", POD[4], 9001, chain("echo-small"), **small),
            listener("duplex", POD[4], 9002, chain("duplex")),
            listener("duplex-small", POD[4], 9003, chain("duplex-small"), **small),
        ],
        [cluster(name + suffix, server.address, **(small if suffix else {}))
         for name, server in servers.items() for suffix in ("", "-small")],
    )  # fmt: skip
    with Proxy(plain_lab.pod, config) as started:
        yield started


@pytest.mark.parametrize("port", [9000, 9001], ids=["default", "small buffers"])
@pytest.mark.parametrize("size", [0, 1, 1447, 4095, 4096, 4097, 65535, 65536, 65537, 131072, 131073, MEGABYTE - 1, MEGABYTE])
def test_every_size_comes_back_whole(plain_lab, proxy, size, port):
    with plain_lab.peer.connect(POD[4], port) as client:
        sent, length, received = both_ways(client, size, size)
    assert (length, received) == (size, sent)


@pytest.mark.parametrize("port", [9002, 9003], ids=["default", "small buffers"])
def test_large_transfers_both_ways_at_once(plain_lab, proxy, servers, port):
    size = 64 * MEGABYTE if port == 9002 else 8 * MEGABYTE
    results = len(servers["duplex"].results)
    with plain_lab.peer.connect(POD[4], port) as client:
        client.sendall(size.to_bytes(8, "big"))
        sent, length, received = both_ways(client, size, 7)
    server_sent, server_length, server_received = wait_for(lambda: servers["duplex"].results[results:], "server done")[0]
    assert (length, received) == (size, server_sent)
    assert (server_length, server_received) == (size, sent)


@pytest.mark.parametrize("port", [9000, 9001], ids=["default", "small buffers"])
def test_a_slow_reader_gets_everything(plain_lab, proxy, port):
    """Its window closes again and again: what does not fit waits, and reading stops at the source."""
    paused = proxy.stat("tcp.duplex.downstream_flow_control_paused_reading_total")
    with plain_lab.peer.connect(POD[4], port + 2) as client:
        size = 24 * MEGABYTE if port == 9000 else 4 * MEGABYTE
        client.sendall(size.to_bytes(8, "big"))
        sent, length, _ = both_ways(client, 100_000, 5, pause=0.02)
        assert length == size
    assert proxy.stat("tcp.duplex.downstream_flow_control_paused_reading_total") >= paused


def test_a_reader_that_stops_holds_back_the_sender_and_costs_little_memory(plain_lab, proxy, servers):
    """Without flow control the proxy would take in everything that the client sends."""
    before = proxy.private_bytes()
    paused = proxy.stat("tcp.echo.downstream_flow_control_paused_reading_total")
    clients = [plain_lab.peer.connect(POD[4], 9000) for _ in range(3)]
    sent = []
    for client in clients:
        client.settimeout(0.4)
        count = 0
        with pytest.raises(TimeoutError):
            while count < 256 * MEGABYTE:
                count += client.send(b"s" * MEGABYTE)
        sent.append(count)
    assert proxy.stat("tcp.echo.downstream_flow_control_paused_reading_total") > paused
    assert proxy.private_bytes() - before < 8 * MEGABYTE
    cpu = proxy.cpu_seconds()
    time.sleep(0.5)
    assert proxy.cpu_seconds() - cpu < 0.1  # waiting for room is not spinning
    for client, count in zip(clients, sent):
        client.settimeout(60)
        client.shutdown(socket.SHUT_WR)
        assert receive_and_hash(client)[0] == count
        client.close()


def test_many_transfers_at_once(plain_lab, proxy):
    def transfer(seed: int) -> bool:
        with plain_lab.peer.connect(POD[4], 9000 + seed % 2, timeout=60) as client:
            sent, length, received = both_ways(client, MEGABYTE + seed, seed)
            return (length, received) == (MEGABYTE + seed, sent)

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        assert all(pool.map(transfer, range(80)))


def test_pipes_and_descriptors_are_given_back(plain_lab, proxy):
    """Bulk goes through pipes: after it, as many descriptors are open as after the same before."""
    counts = []
    for _ in range(3):
        clients = [plain_lab.peer.connect(POD[4], 9000) for _ in range(6)]
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda client: both_ways(client, 4 * MEGABYTE, 1), clients))
        for client in clients:
            client.close()
        wait_for(lambda: proxy.stat("server.total_connections") == 0, "all ended")
        counts.append(proxy.descriptors())
    assert counts[2] <= counts[0] + 4, counts


def test_an_idle_connection_holds_no_pipe(plain_lab, proxy):
    """Bulk goes through a pipe only while it lasts: afterwards a connection is its two sockets."""
    baseline = proxy.descriptors()
    clients = [plain_lab.peer.connect(POD[4], 9000, timeout=60) for _ in range(20)]

    def carry(client: socket.socket) -> None:
        writer = threading.Thread(target=lambda: send_and_hash(client, 8 * MEGABYTE, 1, finish=False))
        writer.start()
        assert len(read_exactly(client, 8 * MEGABYTE)) == 8 * MEGABYTE
        writer.join()

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        list(pool.map(carry, clients))
    held = proxy.descriptors() - baseline - 2 * len(clients)
    assert held <= 2 * 8, f"{held} descriptors beside the sockets"  # a few pipes wait for the next user
    for client in clients:
        client.close()
    proxy.wait_stat("server.total_connections", 0)


def test_more_than_a_turns_share_that_is_already_there(fresh_lab, run_proxy, serve):
    """Everything is in the socket before the proxy reads: no further event will say that there is more."""
    for namespace in (fresh_lab.pod, fresh_lab.peer):
        for name in ("tcp_rmem", "tcp_wmem"):
            namespace.sysctl(f"net/ipv4/{name}", "4096 33554432 33554432")
    server = serve(fresh_lab.peer, HOST, 7013, receive_and_hash)
    proxy = run_proxy(fresh_lab.pod, bootstrap([listener("in", POD[4], 9000, chain("up"))], [cluster("up", server.address)]))
    with fresh_lab.peer.connect(POD[4], 9000, timeout=30) as client:
        client.sendall(b"a")
        proxy.wait_stat("cluster.up.upstream_cx_tx_bytes_total", 1)
        proxy.send_signal(signal.SIGSTOP)
        send_and_hash(client, 12 * MEGABYTE, 12)
        time.sleep(0.5)
        proxy.send_signal(signal.SIGCONT)
        assert wait_for(lambda: server.results, "everything", 20)[0][0] == 12 * MEGABYTE + 1


@pytest.mark.parametrize("port", [9000, 9001], ids=["default", "small buffers"])
def test_what_a_client_sent_before_it_closed_arrives(plain_lab, run_proxy, fresh_lab, serve, port):
    """The client is gone long before a slow server has read everything."""
    server = serve(fresh_lab.peer, HOST, 7012, lambda connection: receive_and_hash(connection, pause=0.05, every=200_000))
    small = {"per_connection_buffer_limit_bytes": 4096} if port == 9001 else {}
    proxy = run_proxy(
        fresh_lab.pod,
        bootstrap([listener("in", POD[4], port, chain("up"), **small)], [cluster("up", server.address, **small)]),
    )
    with fresh_lab.peer.connect(POD[4], port, timeout=60) as client:
        digest = send_and_hash(client, 3 * MEGABYTE, 11, finish=False)
    assert wait_for(lambda: server.results, "the server has read to the end", 60) == [(3 * MEGABYTE, digest)]
    proxy.wait_ended({"finished": 1})


def test_small_messages_are_not_held_back(plain_lab, proxy):
    """Two small writes in a row and an answer to both: with Nagle's algorithm this costs a delayed ACK each time."""
    with plain_lab.peer.connect(POD[4], 9000) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        started = time.monotonic()
        for _ in range(100):
            client.sendall(b"a")
            client.sendall(b"b")
            assert read_exactly(client, 2) == b"ab"
        assert time.monotonic() - started < 3.5  # 100 delayed ACKs take 4 s


@pytest.mark.parametrize("direction", ["to the server", "to the client"])
@pytest.mark.parametrize("together", [False, True], ids=["apart", "together"])
def test_urgent_data_stalls_nothing(plain_lab, run_proxy, fresh_lab, serve, direction, together):
    """A read stops at the urgent mark: a proxy that believes it has emptied the queue waits for ever.

    The urgent byte itself is TCP's oddity and may be lost; everything around it must arrive.
    """
    got, begin = [], threading.Event()

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"before-")
        connection.send(b"!", socket.MSG_OOB)
        connection.sendall(b"-after")

    def listen(connection: socket.socket) -> None:
        connection.settimeout(10)
        data = b""
        while not data.endswith(b"-after"):
            more = connection.recv(100)
            if not more:
                break
            data += more
        got.append(data.replace(b"!", b""))

    def behave(connection: socket.socket) -> None:
        connection.sendall(b"hello")
        if direction == "to the client":
            begin.wait(10)
            talk(connection)
            begin.clear()
            connection.recv(1)
        else:
            listen(connection)

    server = serve(fresh_lab.peer, HOST, 7010, behave)
    proxy = run_proxy(fresh_lab.pod, bootstrap([listener("in", POD[4], 9000, chain("up"))], [cluster("up", server.address)]))
    with fresh_lab.peer.connect(POD[4], 9000) as client:
        assert read_exactly(client, 5) == b"hello"
        if together:
            proxy.send_signal(signal.SIGSTOP)
        if direction == "to the client":
            begin.set()
            wait_for(lambda: not begin.is_set(), "said")
        else:
            talk(client)
        if together:
            time.sleep(0.1)
            proxy.send_signal(signal.SIGCONT)
        if direction == "to the client":
            listen(client)
        wait_for(lambda: got, "everything but the urgent byte")
    assert got == [b"before--after"]


def test_a_client_that_says_nothing_gets_the_servers_greeting(plain_lab, proxy, run_proxy, fresh_lab, serve):
    server = serve(fresh_lab.peer, HOST, 7011, lambda connection: (connection.sendall(b"220 ready"), read_all(connection)))
    run_proxy(fresh_lab.pod, bootstrap([listener("in", POD[4], 9000, chain("up"))], [cluster("up", server.address)]))
    with fresh_lab.peer.connect(POD[4], 9000) as client:
        assert read_exactly(client, 9) == b"220 ready"


def test_byte_counters_are_exact(plain_lab, proxy):
    before = proxy.stats()
    with plain_lab.peer.connect(POD[4], 9000) as client:
        both_ways(client, 3 * MEGABYTE + 17, 1)
    wait_for(lambda: proxy.stat("server.total_connections") == 0, "ended")
    now = proxy.stats()
    for name in (
        "tcp.echo.downstream_cx_rx_bytes_total",
        "tcp.echo.downstream_cx_tx_bytes_total",
        "cluster.echo.upstream_cx_rx_bytes_total",
        "cluster.echo.upstream_cx_tx_bytes_total",
    ):
        assert now[name] - before[name] == 3 * MEGABYTE + 17, name
