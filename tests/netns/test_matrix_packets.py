# SPDX-License-Identifier: Apache-2.0
"""What no single connection shows: segments outside the window, source-preserving proxies, the escape counters."""

import contextlib
import re
import socket
import struct

import pytest

from harness import lab
from harness.flags import INJECTED, Flags
from harness.installer import BACKENDS, install
from test_matrix_flags import changed

IP_TRANSPARENT, IPV6_TRANSPARENT = 19, 75
MARK = 1337
SYN, RST, ACK = 2, 4, 16
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21  # linux/tcp.h
TCP_RECV_QUEUE, TCP_SEND_QUEUE, TCP_REPAIR_OFF_NO_WP = 1, 2, -1


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def made(weir_init):
    with lab.build_lab("packets-") as built:
        yield built


def put(made, flags: Flags, backend: str) -> None:
    install(made.pod, flags, "--backend", backend, "--verify=false")


# -- drop-invalid -----------------------------------------------------------------------------------------------------


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def segment(source: tuple[str, int], destination: tuple[str, int], sequence: int, acknowledged: int) -> bytes:
    """An ACK segment of the connection with one byte, for IPv4."""
    header = struct.pack("!HHIIBBHHH", source[1], destination[1], sequence, acknowledged, 5 << 4, ACK, 1000, 0, 0) + b"x\0"
    pseudo = socket.inet_aton(source[0]) + socket.inet_aton(destination[0]) + struct.pack("!BBH", 0, 6, len(header))
    return header[:16] + struct.pack("!H", checksum(pseudo + header)) + header[18:]


def sequence_numbers(client: socket.socket) -> tuple[int, int]:
    """The next sequence number that the client sends and the next that it expects (tcp(7), TCP_REPAIR)."""
    numbers = []
    client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    for queue in (TCP_SEND_QUEUE, TCP_RECV_QUEUE):
        client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
        numbers.append(client.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) & 0xFFFFFFFF)
    client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP)
    return numbers[0], numbers[1]


def is_reset_by_a_stray_segment(made) -> bool:
    """Opens a connection from peer, sends a segment far outside of its window, and looks for pod's RST.

    The segment is ahead of the window: connection tracking takes one behind it for a retransmission, which is valid.
    """
    destination = (lab.POD[4], 443)
    raw = made.peer.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP))
    raw.settimeout(0.5)
    listener = made.pod.listen("0.0.0.0", 16100)
    with contextlib.closing(raw), contextlib.closing(listener):
        client = made.peer.connect(*destination)
        server, _ = listener.accept()
        with contextlib.closing(client), contextlib.closing(server):
            source = client.getsockname()
            sends, expects = sequence_numbers(client)
            raw.sendto(segment(source, destination, (sends + (1 << 30)) % (1 << 32), expects), destination)
            return saw_reset(raw, source[1])


def saw_reset(raw: socket.socket, port: int) -> bool:
    while True:
        try:
            packet = raw.recv(2000)
        except TimeoutError:
            return False
        tcp = packet[(packet[0] & 15) * 4 :]
        if struct.unpack("!H", tcp[2:4])[0] == port and tcp[13] & RST:
            return True


@pytest.mark.parametrize("drop", [True, False])
def test_a_segment_outside_the_window_reaches_nobody(made, backend, drop):
    put(made, changed(inbound_port=16100, drop_invalid=drop), backend)
    assert is_reset_by_a_stray_segment(made) is not drop


# -- source-preserving proxy ------------------------------------------------------------------------------------------


def transparent_client(pod, family: int, source: str) -> socket.socket:
    """A socket of the proxy that connects to the application with the client's address."""
    six = family == 6
    client = pod.new_socket(socket.AF_INET6 if six else socket.AF_INET, uid=MARK, gid=MARK)
    client.setsockopt(socket.IPPROTO_IPV6 if six else socket.SOL_IP, IPV6_TRANSPARENT if six else IP_TRANSPARENT, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK)
    client.settimeout(3)
    client.bind((source, 0))
    return client


@pytest.mark.parametrize("family", [4, 6])
def test_the_application_answers_a_proxy_that_uses_the_clients_address(made, backend, family):
    put(made, changed(mode="TPROXY"), backend)
    with contextlib.closing(transparent_client(made.pod, family, lab.PEER[family])) as client:
        client.connect((lab.POD[family], 8080))
        who, _, seen = client.recv(200).decode().split()
    assert who == "app"
    assert seen.rpartition(":")[0].strip("[]") == lab.PEER[family]


@pytest.mark.parametrize("family", [4, 6])
def test_foreign_bits_of_the_mark_stay(made, backend, family):
    """A CNI's mark beside ours does not keep the policy route from matching, nor is it lost."""
    put(made, changed(mode="TPROXY"), backend)
    made.pod.tool(
        "nft", "-f", "-",
        text="table inet cni { chain p { type filter hook prerouting priority -160; iifname eth0 meta mark set 0x40000; }\n"
        " chain i { type filter hook input priority 10; tcp dport 8080 meta mark & 0xfffff000 == 0x40000 counter; }\n }",
    )  # fmt: skip
    try:
        with made.peer.connect(lab.POD[family], 8080) as client:
            assert client.recv(200).split()[0] == b"inbound"
        listing = made.pod.tool("nft", "list", "table", "inet", "cni")
        assert int(re.search(r"packets (\d+)", listing).group(1)) > 0
    finally:
        made.pod.tool("nft", "delete", "table", "inet", "cni")


# -- escapes ----------------------------------------------------------------------------------------------------------


def escapes(pod) -> dict[str, int]:
    listing = pod.tool("nft", "list", "chain", "inet", "weir", "escapes")
    found = re.findall(r'packets (\d+) bytes \d+ return comment "escapes: ([^"]*)"', listing)
    return {what: int(packets) for packets, what in found}


def send_datagram(pod, destination: str, port: int, uid: int) -> None:
    with pod.new_socket(socket.AF_INET, socket.SOCK_DGRAM, uid=uid) as client:
        client.sendto(b"?", (destination, port))


def test_what_leaves_past_the_proxy_is_counted_once_per_connection(made):
    put(made, INJECTED, "nftables")
    before = escapes(made.pod)
    send_datagram(made.pod, lab.OUTSIDE[4], 443, uid=1000)
    for port in (123, 124):
        send_datagram(made.pod, lab.OUTSIDE[4], port, uid=1000)
    send_datagram(made.pod, lab.OUTSIDE[4], 443, uid=1337)  # the proxy's own
    send_datagram(made.pod, lab.POD[4], 443, uid=1000)  # stays here
    after = escapes(made.pod)
    grown = {what: after[what] - before[what] for what in after}
    assert grown == {"UDP 443 (QUIC)": 1, "UDP to other ports": 2, "other protocols": 0}
