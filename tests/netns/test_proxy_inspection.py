# SPDX-License-Identifier: Apache-2.0
"""tls_inspector on real ClientHellos, slow and odd clients, and what the timeout does (T9, T11, T12)."""

import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import programs
from harness.lab import OUTSIDE, POD
from proxy_config import bootstrap, chain, cluster, file_log, listener, tls_inspector, virtual
from proxy_peers import Server, answers, has_data, how_it_ends, read_all, read_exactly, reset, says, who
from proxy_process import Proxy, new_directory, wait_for

HOST = OUTSIDE[4]
PORT = 9443
CHAINS = {
    "exact": {"server_names": ["a.example.com"]},
    "deep": {"server_names": ["*.b.example.com"]},
    "wide": {"server_names": ["*.example.com"]},
    "exact-h2": {"server_names": ["h.example.com"], "application_protocols": ["h2"]},
    "exact-h1": {"server_names": ["h.example.com"], "application_protocols": ["http/1.1"]},
    "any-tls": {"transport_protocol": "tls"},
    "raw": {"transport_protocol": "raw_buffer"},
}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        [programs.system("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "2", "-subj", "/CN=test", "-keyout", str(path), "-out", f"{path}.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_text(path.read_text() + open(f"{path}.crt").read())
    return str(path)


def tls_says(name: str, certificate: str):
    """A server that speaks TLS to those who do, and says its name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])

    def behave(connection: socket.socket):
        if connection.recv(1, socket.MSG_PEEK) == b"\x16":
            with context.wrap_socket(connection.dup(), server_side=True) as tls:
                tls.sendall(name.encode())
                return tls.selected_alpn_protocol()
        data = read_all(connection)
        connection.sendall(name.encode())
        return data

    return behave


@pytest.fixture(scope="module")
def proxy(plain_lab, certificate):
    directory = new_directory()
    servers = [Server(plain_lab.peer, HOST, 7000 + i, tls_says(name, certificate)) for i, name in enumerate(CHAINS)]
    config = bootstrap(
        [
            listener(
                "tls", "::", PORT, *[chain(name, name, match=match) for name, match in CHAINS.items()],
                ipv4_compat=True, listener_filters=[tls_inspector()], access_log=[file_log(f"{directory}/access.log")],
            )
        ],
        [cluster(name, server.address) for name, server in zip(CHAINS, servers)],
    )  # fmt: skip
    with Proxy(plain_lab.pod, config, directory=directory) as started:
        yield started
    for server in servers:
        server.close()


def client_context(protocols: list[str], version: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = version
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


def client_hello(name: str | None, protocols: list[str] = []) -> bytes:
    """The first bytes of a TLS client, as OpenSSL makes them."""
    outgoing = ssl.MemoryBIO()
    tls = client_context(protocols, ssl.TLSVersion.TLSv1_3).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize(
    "name, protocols, chosen",
    [
        ("a.example.com", [], "exact"),
        ("A.Example.COM", [], "exact"),
        ("a.b.example.com", [], "deep"),
        ("x.y.b.example.com", [], "deep"),
        ("b.example.com", [], "wide"),
        ("other.example.com", ["h2"], "wide"),
        ("h.example.com", ["h2", "http/1.1"], "exact-h2"),
        ("h.example.com", ["http/1.1", "h2"], "exact-h1"),
        ("h.example.com", ["http/1.1"], "exact-h1"),
        ("elsewhere.example.net", [], "any-tls"),
        ("example.com", [], "any-tls"),
        (None, ["h2"], "any-tls"),
    ],
)
def test_the_handshake_reaches_the_server_of_the_chain(plain_lab, proxy, version, name, protocols, chosen):
    with plain_lab.peer.connect(POD[4], PORT) as plain:
        with client_context(protocols, version).wrap_socket(plain, server_hostname=name) as tls:
            assert tls.recv(100).decode() == chosen
            if protocols:
                assert tls.selected_alpn_protocol() in protocols


def test_no_chain_for_a_name_is_no_backtracking(plain_lab, proxy):
    """h.example.com has a chain of its own: an ALPN that it does not know ends there."""
    before = proxy.stat(f"listener.[__]_{PORT}.no_filter_chain_match")
    with plain_lab.peer.connect(POD[4], PORT) as client:
        client.sendall(client_hello("h.example.com", ["spdy/3"]))
        assert how_it_ends(client)[0] == b""
    assert proxy.stat(f"listener.[__]_{PORT}.no_filter_chain_match") == before + 1
    wait_for(lambda: '"sni":"h.example.com"' in (proxy.directory / "access.log").read_text(), "a line with the name")


def test_openssl_s_client_over_ipv6(plain_lab, proxy):
    done = plain_lab.peer.run(
        [programs.system("openssl"), "s_client", "-connect", f"[{POD[6]}]:{PORT}", "-servername", "a.example.com", "-quiet"],
        timeout=30,
    )
    assert done.stdout == "exact", done.stderr


def test_counters(plain_lab, proxy):
    before = proxy.stats()
    for hello in (client_hello("a.example.com", ["h2"]), client_hello(None)):
        with plain_lab.peer.connect(POD[4], PORT) as client:
            client.sendall(hello)
            assert has_data(client, 10)
    with plain_lab.peer.connect(POD[4], PORT) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        assert how_it_ends(client) == (b"raw", "fin")
    now = proxy.stats()
    counted = {
        name: now[f"tls_inspector.{name}"] - before[f"tls_inspector.{name}"]
        for name in ("tls_found", "tls_not_found", "sni_found", "sni_not_found", "alpn_found", "alpn_not_found")
    }
    assert counted == {
        "tls_found": 2, "tls_not_found": 1, "sni_found": 1, "sni_not_found": 1, "alpn_found": 1, "alpn_not_found": 1,
    }  # fmt: skip


# -- bytes that come slowly, oddly or not at all --------------------------------------------------------------------


@pytest.fixture
def inspected(fresh_lab, run_proxy, serve):
    """inspected(**listener fields) → (proxy, server "tls" that holds, server "raw" that answers with its request's size)."""

    def start(**fields):
        tls = serve(fresh_lab.peer, HOST, 7100, read_all)
        raw = serve(fresh_lab.peer, HOST, 7101, answers(b"raw"))
        directory = new_directory()
        chains = [
            chain("tls", "tls", match={"transport_protocol": "tls", "server_names": ["slow.example.com"]}),
            chain("raw", "raw"),
        ]
        fields.setdefault("listener_filters", [tls_inspector()])
        made = listener("in", POD[4], PORT, *chains, access_log=[file_log(f"{directory}/access.log")], **fields)
        clusters = [cluster("tls", tls.address), cluster("raw", raw.address)]
        return run_proxy(fresh_lab.pod, bootstrap([made], clusters), directory=directory), tls, raw

    return start


SCOPE = f"listener.{POD[4]}_{PORT}"


def test_a_client_hello_byte_by_byte(fresh_lab, inspected):
    proxy, tls, _ = inspected()
    hello = client_hello("slow.example.com", ["h2"])
    with fresh_lab.peer.connect(POD[4], PORT) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(hello) - 1):
            client.sendall(hello[i : i + 1])
        time.sleep(0.2)
        assert proxy.stat(f"{SCOPE}.downstream_pre_cx_active") == 1
        assert tls.accepted == 0
        client.sendall(hello[-1:] + b"and more")
        client.shutdown(socket.SHUT_WR)
        assert how_it_ends(client) == (b"", "fin")
    assert tls.results == [hello + b"and more"]
    assert proxy.stat(f"{SCOPE}.downstream_pre_cx_active") == 0
    (line,) = proxy.access_lines(1)
    assert (line["sni"], line["chain"], line["received"]) == ("slow.example.com", "tls", len(hello) + 8)


def test_waiting_for_the_rest_costs_no_cpu(fresh_lab, inspected):
    """Peeked bytes stay in the socket: a level-triggered loop would spin on them."""
    proxy, _, _ = inspected()
    clients = [fresh_lab.peer.connect(POD[4], PORT) for _ in range(20)]
    for client in clients:
        client.sendall(client_hello("slow.example.com")[:100])
    proxy.wait_stat(f"{SCOPE}.downstream_pre_cx_active", 20)
    before = proxy.cpu_seconds()
    time.sleep(1)
    assert proxy.cpu_seconds() - before < 0.1
    for client in clients:
        client.close()


@pytest.mark.parametrize(
    "first",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x00", b"\x16", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x16" * 300],
    ids=["http", "zero", "one byte", "header begun", "hello begun", "not tls"],
)
def test_a_request_followed_by_fin_is_answered_in_full(fresh_lab, inspected, first):
    """T12: the client sends and half-closes at once, while the inspector may still be waiting."""
    _, _, raw = inspected(listener_filters_timeout="0s")
    with fresh_lab.peer.connect(POD[4], PORT) as client:
        client.sendall(first)
        client.shutdown(socket.SHUT_WR)
        assert how_it_ends(client) == (b"raw %d" % len(first), "fin")
    assert raw.accepted == 1


def test_a_client_that_waits_before_it_half_closes(fresh_lab, inspected):
    inspected(listener_filters_timeout="0s")
    for first in (b"", b"\x16\x03"):
        with fresh_lab.peer.connect(POD[4], PORT) as client:
            client.sendall(first)
            time.sleep(0.1)
            client.shutdown(socket.SHUT_WR)
            assert how_it_ends(client) == (b"raw %d" % len(first), "fin")


def test_much_data_behind_the_client_hello_arrives(fresh_lab, inspected):
    _, tls, _ = inspected()
    hello = client_hello("slow.example.com")
    with fresh_lab.peer.connect(POD[4], PORT, timeout=30) as client:
        client.sendall(hello + b"z" * 500_000)
        client.shutdown(socket.SHUT_WR)
        assert how_it_ends(client, 30) == (b"", "fin")
    assert tls.results == [hello + b"z" * 500_000]


def test_a_client_hello_without_end_is_refused(fresh_lab, inspected):
    """A handshake message that claims 16 MB: refused by its length, long before."""
    proxy, _, _ = inspected(listener_filters_timeout="0s")
    with fresh_lab.peer.connect(POD[4], PORT) as client:
        client.sendall(b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + b"\x03" * 0x3FFB)
        assert how_it_ends(client)[0] == b""
    assert proxy.stat("tls_inspector.client_hello_too_large") == 1
    assert proxy.ended() == {"listener_filter_rejected": 1}


def test_a_reset_while_inspecting_is_counted(fresh_lab, inspected):
    proxy, tls, raw = inspected(listener_filters_timeout="0s")
    client = fresh_lab.peer.connect(POD[4], PORT)
    client.sendall(b"\x16\x03")
    proxy.wait_stat(f"{SCOPE}.downstream_pre_cx_active", 1)
    reset(client)
    proxy.wait_ended({"closed_while_inspecting": 1})
    stats = proxy.stats()
    assert stats[f"{SCOPE}.downstream_listener_filter_remote_close"] == 1
    assert stats[f"{SCOPE}.downstream_pre_cx_active"] == 0
    assert tls.accepted == raw.accepted == 0
    (line,) = proxy.access_lines(1)
    assert line["flags"] == "DC"


def test_the_timeout_closes_and_says_so(fresh_lab, inspected):
    proxy, _, raw = inspected(listener_filters_timeout="0.3s")
    started = time.monotonic()
    with fresh_lab.peer.connect(POD[4], PORT) as client:
        assert how_it_ends(client) == (b"", "fin")
    assert 0.25 < time.monotonic() - started < 5
    assert proxy.ended() == {"listener_filter_timeout": 1}
    assert proxy.stat(f"{SCOPE}.downstream_pre_cx_timeout") == 1
    assert raw.accepted == 0
    (line,) = proxy.access_lines(1)
    assert "listener filters" in line["details"].replace("_", " ")


# -- server-first protocols (T11) -----------------------------------------------------------------------------------


def test_a_server_first_protocol_works_after_the_timeout_with_continuation(fresh_lab, run_proxy, serve):
    serve(fresh_lab.peer, HOST, 7102, says("220 banner"))
    proxy = run_proxy(
        fresh_lab.pod,
        bootstrap(
            [
                listener(
                    "in", POD[4], PORT, chain("banner"), listener_filters=[tls_inspector()],
                    listener_filters_timeout="0.3s", continue_on_listener_filters_timeout=True,
                )
            ],
            [cluster("banner", (HOST, 7102))],
        ),
    )  # fmt: skip
    started = time.monotonic()
    assert who(fresh_lab.peer, POD[4], PORT) == "220 banner"
    assert time.monotonic() - started > 0.25
    assert proxy.stat(f"{SCOPE}.downstream_pre_cx_timeout") == 1
    proxy.wait_ended({"finished": 1})


def test_a_server_first_protocol_waits_without_timeout_until_the_client_speaks(fresh_lab, run_proxy, serve):
    serve(fresh_lab.peer, HOST, 7102, says("220 banner"))
    proxy = run_proxy(
        fresh_lab.pod,
        bootstrap(
            [listener("in", POD[4], PORT, chain("banner"), listener_filters=[tls_inspector()], listener_filters_timeout="0s")],
            [cluster("banner", (HOST, 7102))],
        ),
    )
    with fresh_lab.peer.connect(POD[4], PORT) as client:
        assert not has_data(client, 1.0)
        client.sendall(b"EHLO")
        assert read_exactly(client, 10) == b"220 banner"
    assert proxy.stat(f"{SCOPE}.downstream_pre_cx_timeout") == 0


def test_filter_disabled_spares_the_ports_of_server_first_protocols(fresh_lab, run_proxy, serve):
    serve(fresh_lab.peer, HOST, 7102, says("220 banner"))
    ports = [PORT, PORT + 1, PORT + 2]
    predicate = {
        "or_match": {
            "rules": [
                {"destination_port_range": {"start": PORT, "end": PORT + 1}},
                {"and_match": {"rules": [{"any_match": True}, {"destination_port_range": {"start": PORT + 2, "end": PORT + 3}}]}},
            ]
        }
    }
    listeners = [
        listener(
            f"in-{port}", POD[4], port, chain("banner"), listener_filters=[tls_inspector(filter_disabled=predicate)],
            listener_filters_timeout="0s",
        )
        for port in ports
    ]  # fmt: skip
    run_proxy(fresh_lab.pod, bootstrap(listeners, [cluster("banner", (HOST, 7102))]))
    assert who(fresh_lab.peer, POD[4], PORT) == "220 banner"
    assert who(fresh_lab.peer, POD[4], PORT + 2) == "220 banner"
    with fresh_lab.peer.connect(POD[4], PORT + 1) as client:
        assert not has_data(client, 0.7)  # the end of a range is outside it


def test_a_virtual_listener_inspects_what_it_is_handed(fresh_lab, run_proxy, serve, certificate):
    """The listener that redirected connections arrive at has no inspector; the owner has one."""
    from harness import installer
    from harness.flags import Flags
    from proxy_config import outbound

    installer.install(fresh_lab.pod, Flags(cidrs=("*",)))
    serve(fresh_lab.peer, HOST, 7103, tls_says("by name", certificate))
    serve(fresh_lab.peer, HOST, 7104, says("other"))
    run_proxy(
        fresh_lab.pod,
        bootstrap(
            [
                outbound(chain("other")),
                virtual(
                    "https", "0.0.0.0", 443,
                    chain("name", match={"server_names": ["a.example.com"]}), chain("other"),
                    listener_filters=[tls_inspector()],
                ),
            ],
            [cluster("name", (HOST, 7103)), cluster("other", (HOST, 7104))],
        ),
    )  # fmt: skip
    with fresh_lab.pod.connect("203.0.113.200", 443, uid=1000) as plain:
        context = client_context([], ssl.TLSVersion.TLSv1_3)
        with context.wrap_socket(plain, server_hostname="a.example.com") as tls:
            assert tls.recv(100) == b"by name"
    assert who(fresh_lab.pod, "203.0.113.200", 444, uid=1000) == "other"
