# SPDX-License-Identifier: Apache-2.0
"""http_inspector: filter chains by what a client speaks, clients that are slow or speak something else, counters."""

import socket
import time

import pytest

from harness.lab import OUTSIDE, POD
from proxy_config import bootstrap, chain, cluster, file_log, http_inspector, listener, tls_inspector
from proxy_peers import Server, answers, has_data, how_it_ends, read_all, read_exactly, says
from proxy_process import Proxy, new_directory

HOST = OUTSIDE[4]
PORT = 8080
SCOPE = f"listener.{POD[4]}_{PORT}"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CHAINS = {
    "h2c": {"application_protocols": ["h2c"]},
    "one": {"application_protocols": ["http/1.1"]},
    "old": {"application_protocols": ["http/1.0"]},
    "tls": {"transport_protocol": "tls"},
    "other": None,
}


@pytest.fixture(scope="module")
def proxy(plain_lab):
    directory = new_directory()
    servers = [Server(plain_lab.peer, HOST, 7200 + i, answers(name.encode())) for i, name in enumerate(CHAINS)]
    config = bootstrap(
        [
            listener(
                "http", POD[4], PORT, *[chain(name, name, match=match) for name, match in CHAINS.items()],
                listener_filters=[tls_inspector(), http_inspector()], listener_filters_timeout="0s",
                access_log=[file_log(f"{directory}/access.log")],
            )
        ],
        [cluster(name, server.address) for name, server in zip(CHAINS, servers)],
    )  # fmt: skip
    with Proxy(plain_lab.pod, config, directory=directory) as started:
        yield started
    for server in servers:
        server.close()


def counters(proxy) -> dict[str, int]:
    return {name: value for name, value in proxy.stats().items() if name.startswith("http_inspector.")}


def rise(before: dict[str, int], now: dict[str, int]) -> dict[str, int]:
    return {name.split(".")[1]: now[name] - value for name, value in before.items() if now[name] != value}


@pytest.mark.parametrize(
    "first, chosen, counted",
    [
        (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", "one", "http11_found"),
        (b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n" + b"x" * 100_000, "one", "http11_found"),
        (b"GET / HTTP/1.0\r\n\r\n", "old", "http10_found"),
        (b"GET /\r\n", "old", "http10_found"),
        (PREFACE + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", "h2c", "http2_found"),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n", "one", "http11_found"),
        (b"EHLO there\r\n", "other", "http_not_found"),
        (b"\x00\x01\x02", "other", "http_not_found"),
        (b"GET / HTTP/1.1", "other", "http_not_found"),  # the client stops in the middle
        (b"", "other", "http_not_found"),
    ],
    ids=["1.1", "body", "1.0", "0.9", "h2c", "long", "smtp", "binary", "half a line", "nothing"],
)
def test_the_chain_of_the_protocol(plain_lab, proxy, first, chosen, counted):
    before = counters(proxy)
    with plain_lab.peer.connect(POD[4], PORT, timeout=30) as client:
        client.sendall(first)
        client.shutdown(socket.SHUT_WR)
        assert how_it_ends(client, 30) == (f"{chosen} {len(first)}".encode(), "fin")
    assert rise(before, counters(proxy)) == {counted: 1}


def test_tls_is_left_alone(plain_lab, proxy):
    """What tls_inspector has found is not looked at again, and counted nowhere."""
    import ssl

    outgoing = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="a.example.com").do_handshake()
    hello = outgoing.read()
    before = counters(proxy)
    with plain_lab.peer.connect(POD[4], PORT) as client:
        client.sendall(hello)
        client.shutdown(socket.SHUT_WR)
        assert how_it_ends(client) == (b"tls %d" % len(hello), "fin")
    assert rise(before, counters(proxy)) == {}


@pytest.mark.parametrize(
    "first, chosen", [(b"GET /path HTTP/1.1\r\n", "one"), (PREFACE, "h2c")], ids=["request line", "preface"]
)
def test_byte_by_byte(plain_lab, proxy, first, chosen):
    with plain_lab.peer.connect(POD[4], PORT) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(first) - 1):
            client.sendall(first[i : i + 1])
        time.sleep(0.2)
        assert proxy.stat(f"{SCOPE}.downstream_pre_cx_active") == 1
        client.sendall(first[-1:] + b"and more")
        client.shutdown(socket.SHUT_WR)
        assert how_it_ends(client) == (f"{chosen} {len(first) + 8}".encode(), "fin")
    assert proxy.stat(f"{SCOPE}.downstream_pre_cx_active") == 0


def test_prometheus_shows_them_without_labels(plain_lab, proxy):
    now = counters(proxy)
    text = proxy.text("/stats/prometheus")
    assert f"\nenvoy_http_inspector_http11_found{{}} {now['http_inspector.http11_found']}\n" in text


def test_a_request_line_without_end_is_refused(fresh_lab, run_proxy, serve):
    served = serve(fresh_lab.peer, HOST, 7210, read_all)
    proxy = run_proxy(
        fresh_lab.pod,
        bootstrap(
            [listener("in", POD[4], PORT, chain("c"), listener_filters=[http_inspector()], listener_filters_timeout="0s")],
            [cluster("c", served.address)],
        ),
    )
    with fresh_lab.peer.connect(POD[4], PORT) as client:
        client.sendall(b"GET /" + b"a" * 65_531)
        assert how_it_ends(client)[0] == b""
    assert proxy.stat("http_inspector.read_error") == 1
    assert proxy.ended() == {"listener_filter_rejected": 1}
    assert served.accepted == 0


def test_filter_disabled_spares_the_port_of_a_server_first_protocol(fresh_lab, run_proxy, serve):
    serve(fresh_lab.peer, HOST, 7211, says("220 banner"))
    predicate = {"destination_port_range": {"start": PORT, "end": PORT + 1}}
    listeners = [
        listener(
            f"in-{port}", POD[4], port, chain("banner"), listener_filters=[http_inspector(filter_disabled=predicate)],
            listener_filters_timeout="0s",
        )
        for port in (PORT, PORT + 1)
    ]  # fmt: skip
    run_proxy(fresh_lab.pod, bootstrap(listeners, [cluster("banner", (HOST, 7211))]))
    with fresh_lab.peer.connect(POD[4], PORT) as client:
        assert read_exactly(client, 10) == b"220 banner"
    with fresh_lab.peer.connect(POD[4], PORT + 1) as client:
        assert not has_data(client, 0.7)
        client.sendall(b"\x00")
        assert read_exactly(client, 10) == b"220 banner"
