# SPDX-License-Identifier: Apache-2.0
"""RFC 9113 against upstreams that break it: the request ends, the upstream is told why, and the next request works."""

import dataclasses
import socket
import struct

import pytest

import http_scene
from harness.lab import POD
from http2_cases import INITIAL_WINDOW, MAX_FRAME, MOST, indexed, padded, resize
from http_differential import http2
from http_differential.http2 import CONTINUATION, DATA, GOAWAY, HEADERS, PING, PUSH_PROMISE, RST_STREAM, SETTINGS, data, frame, reset, settings, window
from http_scene import HOSTS, HTTP2, manager, route, status
from proxy_config import bootstrap, cluster, listener
from proxy_peers import read_exactly
from proxy_process import wait_for

PORT = 8006
STATUS = (":status", "200")


def number(value: int) -> bytes:
    return struct.pack(">I", value)


def headers(*fields: tuple[str, str], end: bool = True, stream: int = 1) -> bytes:
    return http2.headers(stream, *fields, end=end)


def raw(block: bytes) -> bytes:
    return frame(HEADERS, 5, 1, block)


@dataclasses.dataclass
class Case:
    section: str
    name: str
    status: int  # that the client gets; 0: its answer breaks off
    told: tuple[str, ...]  # "GOAWAY code", "1: code" or "nothing"; each is permitted
    frames: bytes

    def __str__(self) -> str:
        return f"{self.section} {self.name}"


def case(section: str, name: str, status: int, told: str, frames: bytes) -> Case:
    return Case(section, name, status, tuple(told.split(" | ")), frames)


def bad(section: str, name: str, told: str, frames: bytes) -> Case:
    return case(section, name, 502, told, frames)


def malformed(section: str, name: str, frames: bytes, status: int = 502) -> Case:
    return case(section, name, status, "1: PROTOCOL_ERROR | GOAWAY PROTOCOL_ERROR", frames)


P, S, F, C = "GOAWAY PROTOCOL_ERROR", "GOAWAY FRAME_SIZE_ERROR", "GOAWAY FLOW_CONTROL_ERROR", "GOAWAY COMPRESSION_ERROR"
OK = http2.block(STATUS)
CASES = [
    # What is right, or may be ignored.
    case("§8.1", "an answer", 200, "nothing", headers(STATUS)),
    case("§6.1", "an answer with padding", 200, "nothing", padded(HEADERS, 4, 1, OK, 9) + padded(DATA, 1, 1, b"ab", 9)),
    case("§6.10", "an answer in pieces", 200, "nothing", frame(HEADERS, 1, 1, OK[:5]) + frame(CONTINUATION, 4, 1, OK[5:])),
    case("§8.1", "an interim answer", 200, "nothing", headers((":status", "103"), end=False) + headers(STATUS)),
    case("§8.1", "trailers", 200, "nothing", headers(STATUS, end=False) + headers(("x-t", "1"))),
    case("§5.5", "an unknown frame", 200, "nothing", frame(0x42, 0xFF, 1, b"x") + headers(STATUS)),
    case("§6.5.2", "an unknown setting", 200, "nothing", settings((0x4A4A, 7)) + headers(STATUS)),
    case("§6.7", "PING", 200, "nothing", frame(PING, 0, 0, bytes(8)) + headers(STATUS)),
    case("§6.8", "GOAWAY that leaves the stream", 200, "nothing", frame(GOAWAY, 0, 0, number(1) + number(0)) + headers(STATUS)),
    case("§6.8", "GOAWAY that does not", 503, "nothing", frame(GOAWAY, 0, 0, number(0) + number(0))),
    case("§5.1", "WINDOW_UPDATE behind the end", 200, "nothing", headers(STATUS) + window(1, 5)),
    case("§5.1", "PRIORITY of a stream that nobody opened", 200, "nothing", frame(2, 0, 9, bytes(5)) + headers(STATUS)),
    *[case("§7", f"RST_STREAM with {http2.error_name(code)}", 503, "nothing", reset(1, code)) for code in (2, 7, 8, 11, 0xFF)],
    case("§7", "RST_STREAM with PROTOCOL_ERROR", 502, "nothing", reset(1, 1)),
    # Frames in states where they may not come, and on streams that are not.
    bad("§5.1", "DATA before HEADERS", f"1: PROTOCOL_ERROR | {P}", data(1, b"ab")),
    bad("§5.1", "HEADERS on an idle stream", P, headers(STATUS, stream=3)),
    bad("§5.1", "DATA on an idle stream", P, data(3, b"x")),
    bad("§5.1", "RST_STREAM on an idle stream", P, reset(3)),
    bad("§5.1", "WINDOW_UPDATE on an idle stream", P, window(3, 1)),
    bad("§5.1.1", "HEADERS on an even stream", P, headers(STATUS, stream=2)),
    bad("§6.1", "DATA on stream 0", P, data(0, b"x")),
    bad("§6.2", "HEADERS on stream 0", P, headers(STATUS, stream=0)),
    bad("§6.3", "PRIORITY on stream 0", P, frame(2, 0, 0, bytes(5))),
    bad("§6.4", "RST_STREAM on stream 0", P, reset(0)),
    bad("§6.5", "SETTINGS on a stream", P, frame(SETTINGS, 0, 1)),
    bad("§6.6", "a promise, though push is off", P, frame(PUSH_PROMISE, 4, 1, number(2) + http2.block((":method", "GET")))),
    bad("§6.7", "PING on a stream", P, frame(PING, 0, 1, bytes(8))),
    bad("§6.8", "GOAWAY on a stream", P, frame(GOAWAY, 0, 1, bytes(8))),
    bad("§6.8", "GOAWAY whose last stream grows", P, frame(GOAWAY, 0, 0, number(1) + number(0)) + frame(GOAWAY, 0, 0, number(3) + number(0))),
    bad("§6.10", "CONTINUATION of nothing", P, frame(CONTINUATION, 4, 1)),
    bad("§6.10", "a block that is interrupted", P, frame(HEADERS, 1, 1, OK) + frame(PING, 0, 0, bytes(8))),
    # Sizes.
    bad("§4.2", "DATA one octet too large", f"1: FRAME_SIZE_ERROR | {S}", data(1, b"x" * 16385)),
    bad("§4.2", "HEADERS one octet too large", S, raw((OK + http2.literal("x", "y" * 16384))[:16385])),
    bad("§4.2", "CONTINUATION one octet too large", S, frame(HEADERS, 1, 1, OK) + frame(CONTINUATION, 4, 1, bytes(16385))),
    bad("§6.4", "RST_STREAM of 5 octets", S, frame(RST_STREAM, 0, 1, bytes(5))),
    bad("§6.5", "SETTINGS of 5 octets", S, frame(SETTINGS, 0, 0, bytes(5))),
    bad("§6.5", "SETTINGS ack with content", S, frame(SETTINGS, 1, 0, bytes(6))),
    bad("§6.7", "PING of 7 octets", S, frame(PING, 0, 0, bytes(7))),
    bad("§6.8", "GOAWAY of 7 octets", S, frame(GOAWAY, 0, 0, bytes(7))),
    bad("§6.9", "WINDOW_UPDATE of 3 octets", S, frame(8, 0, 0, bytes(3))),
    case("§6.1", "padding too long", 0, P, headers(STATUS, end=False) + frame(DATA, 8, 1, b"\x05ab")),
    # Settings and windows.
    bad("§6.5.2", "push is switched on by a server", P, settings((2, 1))),
    bad("§6.5.2", "a window too large", F, settings((INITIAL_WINDOW, MOST + 1))),
    bad("§6.5.2", "frames too small", P, settings((MAX_FRAME, 16383))),
    bad("§6.9", "increment 0 of the connection", P, window(0, 0)),
    bad("§6.9", "increment 0 of the stream", f"1: PROTOCOL_ERROR | {P}", window(1, 0)),
    bad("§6.9.1", "the connection's window overflows", F, window(0, MOST)),
    bad("§6.9.1", "the stream's window overflows", f"1: FLOW_CONTROL_ERROR | {F}", window(1, MOST)),
    bad("§6.9.2", "a setting makes a window overflow", F, window(1, 1000) + settings((INITIAL_WINDOW, MOST))),
    # Header compression.
    bad("RFC 7541 §2.3.3", "an index of nothing", C, raw(OK + indexed(100))),
    bad("RFC 7541 §4.2", "an update behind a field", C, raw(OK + resize(0))),
    bad("RFC 7541 §6.3", "an update above our limit", C, raw(resize(4097) + OK)),
    # Messages.
    malformed("§8.3.2", "no :status", headers(("x", "y"))),
    malformed("§8.3.2", ":status twice", headers(STATUS, STATUS)),
    malformed("§8.3.2", ":status of letters", headers((":status", "abc"))),
    malformed("§8.3", ":status behind a field", headers(("x", "y"), STATUS)),
    malformed("§8.3", "a pseudo-header of requests", headers(STATUS, (":path", "/"))),
    malformed("§8.2", "a name in upper case", headers(STATUS, ("X", "y"))),
    malformed("§8.2.1", "a value with a line feed", headers(STATUS, ("x", "y\nz"))),
    malformed("§8.2.2", "connection", headers(STATUS, ("connection", "close"))),
    malformed("§8.2.2", "transfer-encoding", headers(STATUS, ("transfer-encoding", "chunked"))),
    malformed("§8.1.1", "a length without content", headers(STATUS, ("content-length", "5"))),
    malformed("§8.1.1", "two lengths that differ", headers(STATUS, ("content-length", "1"), ("content-length", "2"), end=False)),
    malformed("§8.1", "an interim answer that ends the stream", headers((":status", "103"))),
    malformed("§8.6", "101", headers((":status", "101"), end=False)),
    malformed("§8.1.1", "less content than its length", headers(STATUS, ("content-length", "3"), end=False) + data(1, b"ab"), 0),
    malformed("§8.1.1", "more content than its length", headers(STATUS, ("content-length", "1"), end=False) + data(1, b"ab"), 0),
    malformed("§8.1", "trailers with :status", headers(STATUS, end=False) + headers(STATUS), 0),
    malformed("§8.1", "trailers without END_STREAM", headers(STATUS, end=False) + headers(("x-t", "1"), end=False), 0),
]


class Speaker:
    """An upstream that answers the request for /N with the frames of case N, and every other one well."""

    def __init__(self) -> None:
        self.state = http2.Connection()  # of the last connection
        self.connection: socket.socket | None = None

    def __call__(self, connection: socket.socket) -> None:
        self.connection, self.state = connection, http2.Connection()
        data = read_exactly(connection, len(http2.PREFACE))
        assert data == http2.PREFACE
        data = connection.recv(65536)
        connection.sendall(settings())
        answered: set[int] = set()
        while True:
            _, reply = self.state.feed(data)
            for stream, what in list(self.state.streams.items()):
                if what.heads and stream not in answered:
                    answered.add(stream)
                    reply += self.answer(stream, dict(what.heads[0])[":path"])
            connection.sendall(reply)
            data = connection.recv(65536)
            if not data:
                return

    @staticmethod
    def answer(stream: int, path: str) -> bytes:
        if path == "/good":
            return headers(STATUS, stream=stream)
        assert stream == 1
        return CASES[int(path[1:])].frames

    def told(self) -> str:
        """What the proxy has said on the last connection."""
        if self.state.goaway and self.state.goaway[0] != "NO_ERROR":
            return f"GOAWAY {self.state.goaway[0]}"
        end = self.state.stream(1).end
        return "nothing" if end in ("open", "END_STREAM") else f"1: {end}"

    def drop(self) -> None:
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the proxy was first


@pytest.fixture(scope="module")
def scene(plain_lab):
    made = bootstrap(
        [listener("front", POD[4], http_scene.PORT, {"filters": [manager([route()])]})],
        [cluster("up", (HOSTS[0][0], PORT), **HTTP2)],
    )
    with http_scene.scripted(plain_lab, made, PORT, Speaker()) as one:
        yield one


@pytest.fixture(autouse=True)
def no_connection_is_left(scene):
    yield
    scene.speaker.drop()
    scene.proxy.wait_stat("cluster.up.upstream_cx_active", 0)


@pytest.mark.parametrize("one", CASES, ids=str)
def test_what_upstreams_may_not_do(scene, one):
    before = scene.server.accepted
    with scene.client2() as client:
        stream = client.ask(f"/{CASES.index(one)}")
        got = status(stream) if stream.end == "END_STREAM" else 0
        wait_for(lambda: scene.speaker.told() in one.told, f"{one.told} is told, not {scene.speaker.told()!r}", seconds=2)
        assert got == one.status
        gone = "GOAWAY" in scene.speaker.told() or "GOAWAY" in one.name
        assert status(client.ask("/good")) == 200
    assert scene.server.accepted == before + 1 + gone  # otherwise on the same connection
