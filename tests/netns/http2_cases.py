# SPDX-License-Identifier: Apache-2.0
"""What RFC 9113 (HTTP/2), RFC 7541 (HPACK) and RFC 9218 say about single frames, as tables of cases.

What a case may come to, as a text for each outcome that the RFC permits:

    works                     nothing is said about it, and the connection goes on
    1: 200                    stream 1 is answered so, and the connection goes on
    1: STREAM_CLOSED          stream 1 is reset with that code, and the connection goes on
    GOAWAY PROTOCOL_ERROR     the connection ends, after a GOAWAY with that code
    end                       it ends without a word
"""

import dataclasses
import struct

from http_differential import http2
from http_differential.http2 import (
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING, PRIORITY, PRIORITY_FLAG, PUSH_PROMISE,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, block, data, frame, headers, literal, reset, settings, window,
)  # fmt: skip

WORKS = ("works",)
PROTOCOL = ("GOAWAY PROTOCOL_ERROR",)
FRAME_SIZE = ("GOAWAY FRAME_SIZE_ERROR",)
FLOW = ("GOAWAY FLOW_CONTROL_ERROR",)
COMPRESSION = ("GOAWAY COMPRESSION_ERROR",)
# A stream error may be treated as one of the connection (§5.4).
CLOSED = ("1: STREAM_CLOSED", "GOAWAY STREAM_CLOSED")
# §5.1: of a closed stream's frames it is enough to keep the connection's state right.
LATE = ("works", *CLOSED)
ANSWERED = ("1: 200",)
LEAVING = ("works", "end")  # a client that has said that it goes, and asks for nothing, may be let go
UNASKED = (*WORKS, *PROTOCOL)  # acks of settings that were not sent: nothing is said about them

BASE = ((":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "www.test"))
POST = ((":method", "POST"), *BASE[1:])


@dataclasses.dataclass
class Case:
    section: str
    name: str
    permitted: tuple[str, ...]
    steps: tuple[bytes | int, ...]  # bytes to send; or the number of a stream whose end is waited for

    def __str__(self) -> str:
        return f"{self.section} {self.name}"


def case(section: str, name: str, permitted: tuple[str, ...] | str, *steps: bytes | int) -> Case:
    return Case(section, name, (permitted,) if isinstance(permitted, str) else permitted, steps)


def get(number: int = 1, *more: tuple[str, str]) -> bytes:
    return headers(number, *BASE, *more)


def post(number: int = 1, *more: tuple[str, str]) -> bytes:
    """Without its end."""
    return headers(number, *POST, *more, end=False)


def number(value: int) -> bytes:
    return struct.pack(">I", value)


# -- every frame in every state (§5.1, §6) ------------------------------------------------------------------------

# name → the stream that the frame is sent on, and what leads there
STATES: dict[str, tuple[int, tuple[bytes | int, ...]]] = {
    "stream 0": (0, ()),
    "idle": (1, ()),
    "open": (1, (post(),)),
    "half-closed": (1, (get(1, ("x-up", "hang")),)),
    "answered": (1, (get(), 1)),
    "cancelled": (1, (post(), reset(1))),
    "passed over": (1, (get(3), 3)),  # a higher number came before
    "reset by us": (1, (post(1, ("content-length", "1")) + data(1, b"ab", end=False), 1)),
    "header block": (1, (frame(HEADERS, END_STREAM, 1, block(*BASE)),)),
}

FRAMES = {
    "DATA": lambda n: data(n, b"ab"),
    "HEADERS": lambda n: headers(n, *BASE),
    "trailers": lambda n: headers(n, ("x-trailer", "1")),
    "PRIORITY": lambda n: frame(PRIORITY, 0, n, b"\0\0\0\0\x10"),
    "RST_STREAM": lambda n: reset(n),
    "SETTINGS": lambda n: frame(SETTINGS, 0, n),
    "SETTINGS ack": lambda n: frame(SETTINGS, ACK, n),
    "PUSH_PROMISE": lambda n: frame(PUSH_PROMISE, END_HEADERS, n, number(2) + block(*BASE)),
    "PING": lambda n: frame(PING, 0, n, b"12345678"),
    "PING ack": lambda n: frame(PING, ACK, n, b"12345678"),
    "GOAWAY": lambda n: frame(GOAWAY, 0, n, number(0) + number(0)),
    "WINDOW_UPDATE": lambda n: window(n, 1),
    "CONTINUATION": lambda n: frame(CONTINUATION, END_HEADERS, n),
    "unknown": lambda n: frame(0x42, 0xFF, n, b"whatever"),
}

_MALFORMED = ("1: PROTOCOL_ERROR", *PROTOCOL)
_LOW_NUMBER = ("works", *CLOSED, *PROTOCOL)  # §5.1.1 and §5.1 differ about the numbers of closed streams
_BY_STREAM = ("idle", "open", "half-closed", "answered", "cancelled", "passed over", "reset by us")


def _row(section: str, zero: tuple[str, ...], *states: tuple[str, ...], block: tuple[str, ...] = PROTOCOL) -> dict:
    return {"section": section, "stream 0": zero, **dict(zip(_BY_STREAM, states, strict=True)), "header block": block}


# Within a header block everything but its CONTINUATION is an error (§6.10).
MATRIX = {
    #                    stream 0  idle      open      half-closed answered cancelled passed over  reset by us
    "DATA": _row("§6.1", PROTOCOL, PROTOCOL, ANSWERED, CLOSED, LATE, LATE, LATE, WORKS),
    "HEADERS": _row("§6.2", PROTOCOL, ANSWERED, _MALFORMED, CLOSED, _LOW_NUMBER, _LOW_NUMBER, _LOW_NUMBER, WORKS),
    "trailers": _row("§8.1", PROTOCOL, _MALFORMED, ANSWERED, CLOSED, _LOW_NUMBER, _LOW_NUMBER, _LOW_NUMBER, WORKS),
    "PRIORITY": _row("§6.3", PROTOCOL, *[WORKS] * 7),
    "RST_STREAM": _row("§6.4", PROTOCOL, PROTOCOL, WORKS, WORKS, LATE, LATE, LATE, WORKS),
    "SETTINGS": _row("§6.5", WORKS, *[PROTOCOL] * 7),
    "SETTINGS ack": _row("§6.5", UNASKED, *[PROTOCOL] * 7),
    "PUSH_PROMISE": _row("§8.4", PROTOCOL, *[PROTOCOL] * 7),
    "PING": _row("§6.7", WORKS, *[PROTOCOL] * 7),
    "PING ack": _row("§6.7", WORKS, *[PROTOCOL] * 7),
    "GOAWAY": _row("§6.8", LEAVING, *[PROTOCOL] * 7),
    "WINDOW_UPDATE": _row("§6.9", WORKS, PROTOCOL, WORKS, WORKS, WORKS, LATE, LATE, WORKS),
    "CONTINUATION": _row("§6.10", PROTOCOL, *[PROTOCOL] * 7, block=ANSWERED),
    "unknown": _row("§5.5", WORKS, *[WORKS] * 7),
}


def in_every_state() -> list[Case]:
    made = []
    for kind, row in MATRIX.items():
        for state, (stream, before) in STATES.items():
            made.append(case(row["section"], f"{kind}, {state}", row[state], *before, FRAMES[kind](stream)))
    return made


# -- lengths, flags, padding, numbers -----------------------------------------------------------------------------


def padded(kind: int, flags: int, stream: int, content: bytes, padding: int, filler: bytes = b"\0") -> bytes:
    return frame(kind, flags | PADDED, stream, bytes([padding]) + content + filler * padding)


LARGEST = 16384
_GET = block(*BASE)
_STREAM_SIZE = ("1: FRAME_SIZE_ERROR", *FRAME_SIZE)

LENGTHS = [
    case("§6.1", "DATA of no content", ANSWERED, post(), data(1)),
    case("§4.2", "DATA of the largest size", ANSWERED, post(), data(1, b"x" * LARGEST)),
    case("§4.2", "DATA one octet too large", _STREAM_SIZE, post(), data(1, b"x" * (LARGEST + 1))),
    case("§4.2", "HEADERS one octet too large", FRAME_SIZE, frame(HEADERS, 5, 1, (_GET + literal("x", "y" * LARGEST))[: LARGEST + 1])),
    case("§4.2", "CONTINUATION too large", FRAME_SIZE, frame(HEADERS, 1, 1, _GET), frame(CONTINUATION, 4, 1, b"x" * (LARGEST + 1))),
    case("§4.2", "SETTINGS too large", FRAME_SIZE, frame(SETTINGS, 0, 0, struct.pack(">HI", 99, 1) * 2731)),
    case("§4.2", "unknown frame of the largest size", WORKS, frame(0x42, 0, 0, b"x" * LARGEST)),
    case("§4.2", "unknown frame one octet too large", FRAME_SIZE, frame(0x42, 0, 0, b"x" * (LARGEST + 1))),
    *[
        case("§6.3", f"PRIORITY of {size} octets", ("1: FRAME_SIZE_ERROR", *FRAME_SIZE), post(), frame(PRIORITY, 0, 1, bytes(size)))
        for size in (0, 4, 6)
    ],
    *[case("§6.4", f"RST_STREAM of {size} octets", FRAME_SIZE, post(), frame(RST_STREAM, 0, 1, bytes(size))) for size in (0, 3, 5)],
    *[case("§6.5", f"SETTINGS of {size} octets", FRAME_SIZE, frame(SETTINGS, 0, 0, bytes(size))) for size in (1, 5, 7)],
    case("§6.5", "SETTINGS ack with content", FRAME_SIZE, frame(SETTINGS, ACK, 0, bytes(6))),
    *[case("§6.7", f"PING of {size} octets", FRAME_SIZE, frame(PING, 0, 0, bytes(size))) for size in (0, 7, 9)],
    *[case("§6.7", f"PING ack of {size} octets", FRAME_SIZE, frame(PING, ACK, 0, bytes(size))) for size in (0, 9)],
    *[case("§6.8", f"GOAWAY of {size} octets", FRAME_SIZE, frame(GOAWAY, 0, 0, bytes(size))) for size in (0, 7)],
    case("§6.8", "GOAWAY with debug data", LEAVING, frame(GOAWAY, 0, 0, bytes(8) + b"leaving")),
    *[case("§6.9", f"WINDOW_UPDATE of {size} octets", FRAME_SIZE, frame(WINDOW_UPDATE, 0, 0, bytes(size))) for size in (0, 3, 5)],
    case("§6.9", "WINDOW_UPDATE of 5 octets on a stream", FRAME_SIZE, post(), frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1\0")),
]

PADDING = [
    case("§6.1", "DATA with padding", ANSWERED, post(), padded(DATA, END_STREAM, 1, b"ab", 255)),
    case("§6.1", "DATA of padding alone", ANSWERED, post(), padded(DATA, END_STREAM, 1, b"", 7)),
    case("§6.1", "DATA, no pad length", ("GOAWAY FRAME_SIZE_ERROR", *PROTOCOL), post(), frame(DATA, PADDED, 1)),
    case("§6.1", "DATA, padding as long as the rest", ANSWERED, post(), frame(DATA, PADDED | END_STREAM, 1, b"\x02ab")),
    case("§6.1", "DATA, padding too long", PROTOCOL, post(), frame(DATA, PADDED, 1, b"\x03ab")),
    case("§6.1", "DATA, padding that is not zero", (*ANSWERED, *PROTOCOL), post(), padded(DATA, END_STREAM, 1, b"ab", 3, b"x")),
    case("§6.2", "HEADERS with padding", ANSWERED, padded(HEADERS, 5, 1, _GET, 100)),
    case("§6.2", "HEADERS, no pad length", ("GOAWAY FRAME_SIZE_ERROR", *PROTOCOL), frame(HEADERS, 5 | PADDED, 1)),
    case("§6.2", "HEADERS, padding too long", PROTOCOL, frame(HEADERS, 5 | PADDED, 1, b"\x03\x82\x84")),
    case("§6.2", "HEADERS, padding that is not zero", (*ANSWERED, *PROTOCOL), padded(HEADERS, 5, 1, _GET, 3, b"x")),
    case("§6.2", "HEADERS with priority", ANSWERED, frame(HEADERS, 5 | PRIORITY_FLAG, 1, b"\0\0\0\0\x10" + _GET)),
    case("§6.2", "HEADERS with padding and priority", ANSWERED, padded(HEADERS, 5 | PRIORITY_FLAG, 1, b"\x80\0\0\0\xff" + _GET, 9)),
    case("§6.2", "HEADERS, 4 octets of priority", ("GOAWAY FRAME_SIZE_ERROR", *PROTOCOL), frame(HEADERS, 5 | PRIORITY_FLAG, 1, bytes(4))),
    case("§6.2", "HEADERS, padding into the priority", PROTOCOL, frame(HEADERS, 5 | PRIORITY_FLAG | PADDED, 1, b"\x04" + bytes(6))),
    case("§5.3.2", "HEADERS that depend on themselves", (*ANSWERED, *_MALFORMED), frame(HEADERS, 5 | PRIORITY_FLAG, 1, b"\0\0\0\1\x10" + _GET)),
    case("§5.3.2", "PRIORITY that depends on itself", (*WORKS, *_MALFORMED), post(), frame(PRIORITY, 0, 1, b"\0\0\0\1\x10")),
]

FLAGS = [
    case("§4.1", "unknown flags of DATA", ANSWERED, post(), frame(DATA, 0xF6 | END_STREAM, 1, b"ab")),
    case("§4.1", "unknown flags of HEADERS", ANSWERED, frame(HEADERS, 0xD2 | 5, 1, _GET)),
    case("§4.1", "unknown flags of PING", WORKS, frame(PING, 0xFE, 0, b"12345678")),
    case("§4.1", "unknown flags of SETTINGS", WORKS, frame(SETTINGS, 0xFE, 0)),
    case("§4.1", "unknown flags of WINDOW_UPDATE", WORKS, frame(WINDOW_UPDATE, 0xFF, 0, number(1))),
    case("§4.1", "unknown flags of RST_STREAM", WORKS, post(), frame(RST_STREAM, 0xFF, 1, number(8))),
    case("§4.1", "the reserved bit of a stream's number", ANSWERED, frame(HEADERS, 5, 0x80000001, _GET)),
    case("§6.9", "the reserved bit of an increment", WORKS, frame(WINDOW_UPDATE, 0, 0, number(0x80000001))),
    case("§6.10", "END_STREAM on CONTINUATION means nothing", WORKS, frame(HEADERS, 0, 1, block(*POST)), frame(CONTINUATION, 5, 1)),
    *[case("§7", f"RST_STREAM with code {code:#x}", WORKS, post(), reset(1, code)) for code in (0, 13, 14, 0xFFFFFFFF)],
    *[case("§7", f"GOAWAY with code {code:#x}", LEAVING, frame(GOAWAY, 0, 0, number(0) + number(code))) for code in (2, 0xFFFFFFFF)],
    *[case("§4.1", f"unknown frame {kind:#x}", WORKS, frame(kind, 0, 0, b"x")) for kind in (0x0A, 0x0B, 0x0C, 0x10, 0xFF)],
]

NUMBERS = [
    case("§5.1.1", "HEADERS on an even stream", PROTOCOL, get(2)),
    case("§5.1.1", "DATA on an even stream", PROTOCOL, data(2, b"x")),
    case("§5.1", "RST_STREAM on an even stream", PROTOCOL, reset(2)),
    case("§5.1", "WINDOW_UPDATE on an even stream", PROTOCOL, window(2, 1)),
    case("§5.1", "PRIORITY on an even stream", WORKS, frame(PRIORITY, 0, 2, b"\0\0\0\0\x10")),
    case("§5.1.1", "numbers that jump", ("7: 200",), get(7)),
    case("§5.1.1", "a lower number than before", PROTOCOL + ("works", "5: STREAM_CLOSED", "GOAWAY STREAM_CLOSED"), get(7), 7, get(5)),
    case("§6.10", "CONTINUATION of another stream", PROTOCOL, frame(HEADERS, END_STREAM, 1, _GET), frame(CONTINUATION, END_HEADERS, 3)),
    case("§6.10", "CONTINUATION behind END_HEADERS", PROTOCOL, post(), frame(CONTINUATION, END_HEADERS, 1, literal("x", "y"))),
    case("§6.10", "CONTINUATION behind CONTINUATION's END_HEADERS", PROTOCOL,
         frame(HEADERS, 0, 1, _GET), frame(CONTINUATION, END_HEADERS, 1), frame(CONTINUATION, END_HEADERS, 1)),
    case("§6.10", "a block in three frames", ANSWERED,
         frame(HEADERS, END_STREAM, 1, _GET[:7]), frame(CONTINUATION, 0, 1, _GET[7:9]), frame(CONTINUATION, END_HEADERS, 1, _GET[9:])),
    case("§6.10", "DATA of another stream within a block", PROTOCOL, post(3), frame(HEADERS, 1, 5, _GET), data(3, b"x")),
    case("§6.6", "a promise on stream 0 of an even stream", PROTOCOL, frame(PUSH_PROMISE, END_HEADERS, 0, number(2))),
]  # fmt: skip

# -- settings, windows --------------------------------------------------------------------------------------------

TABLE_SIZE, ENABLE_PUSH, MAX_STREAMS, INITIAL_WINDOW, MAX_FRAME, MAX_LIST, ENABLE_CONNECT, NO_PRIORITIES = 1, 2, 3, 4, 5, 6, 8, 9
MOST = 0x7FFFFFFF


def setting(section: str, key: int, value: int, permitted: tuple[str, ...]) -> Case:
    return case(section, f"setting {key} = {value:#x}", permitted, settings((key, value)))


VALUES = [
    *[setting("§6.5.2", TABLE_SIZE, value, WORKS) for value in (0, 100, 4096, 0xFFFFFFFF)],
    *[setting("§6.5.2", ENABLE_PUSH, value, WORKS) for value in (0, 1)],
    *[setting("§6.5.2", ENABLE_PUSH, value, PROTOCOL) for value in (2, 0xFFFFFFFF)],
    *[setting("§6.5.2", MAX_STREAMS, value, WORKS) for value in (0, 1, 0xFFFFFFFF)],
    *[setting("§6.5.2", INITIAL_WINDOW, value, WORKS) for value in (1000, 65535, MOST)],
    *[setting("§6.5.2", INITIAL_WINDOW, value, FLOW) for value in (MOST + 1, 0xFFFFFFFF)],
    *[setting("§6.5.2", MAX_FRAME, value, WORKS) for value in (16384, 16385, 0xFFFFFF)],
    *[setting("§6.5.2", MAX_FRAME, value, PROTOCOL) for value in (0, 16383, 0x1000000, 0xFFFFFFFF)],
    *[setting("§6.5.2", MAX_LIST, value, WORKS) for value in (0, 100, 0xFFFFFFFF)],
    *[setting("RFC 8441 §3", ENABLE_CONNECT, value, WORKS) for value in (0, 1)],
    setting("RFC 8441 §3", ENABLE_CONNECT, 2, PROTOCOL),
    setting("RFC 9218 §2.1", NO_PRIORITIES, 0, WORKS),
    setting("RFC 9218 §2.1", NO_PRIORITIES, 1, (*WORKS, *PROTOCOL)),  # a change behind the first SETTINGS
    setting("RFC 9218 §2.1", NO_PRIORITIES, 2, PROTOCOL),
    *[setting("§6.5.2", key, value, WORKS) for key in (0, 7, 10, 0x4A4A, 0xFFFF) for value in (0, 0xFFFFFFFF)],
    case("§6.5.3", "the last of two values counts", FLOW, settings((INITIAL_WINDOW, 1), (INITIAL_WINDOW, MOST + 1))),
    case("§6.5", "no setting", WORKS, settings()),
    case("§6.5.3", "an ack that nobody waits for", UNASKED, settings(ack=True) * 3),
    case("§6.9.2", "a window that overflows by a setting", FLOW, get(1, ("x-up", "hang")), window(1, 1000), settings((INITIAL_WINDOW, MOST))),
    case("§6.9.2", "a window that becomes negative and comes back", ANSWERED,
         settings((INITIAL_WINDOW, 10)), get(1, ("x-up", "size=40;slow=0.05")), settings((INITIAL_WINDOW, 0)), settings((INITIAL_WINDOW, 65535))),
]  # fmt: skip

WINDOWS = [
    case("§6.9", "increment 0 of the connection", PROTOCOL, window(0, 0)),
    case("§6.9", "increment 0 of a stream", _MALFORMED, post(), window(1, 0)),
    case("§6.9", "increment 0 on an idle stream", PROTOCOL, window(1, 0)),
    case("§6.9.1", "the largest window of the connection", WORKS, window(0, MOST - 65535)),
    case("§6.9.1", "the connection's window overflows", FLOW, window(0, MOST)),
    case("§6.9.1", "the connection's window overflows in two steps", FLOW, window(0, MOST - 65535), window(0, 1)),
    case("§6.9.1", "the largest window of a stream", WORKS, post(), window(1, MOST - 65535)),
    case("§6.9.1", "a stream's window overflows", ("1: FLOW_CONTROL_ERROR", *FLOW), post(), window(1, MOST)),
    case("§6.9.1", "a stream's window overflows in two steps", ("1: FLOW_CONTROL_ERROR", *FLOW), post(), window(1, MOST - 65535), window(1, 1)),
]

# -- HPACK (RFC 7541) ---------------------------------------------------------------------------------------------


def indexed(index: int) -> bytes:
    return http2.integer(index, 7, 0x80)


def resize(size: int) -> bytes:
    return http2.integer(size, 5, 0x20)


def raw(payload: bytes) -> bytes:
    return frame(HEADERS, 5, 1, payload)


def huffman(name: bytes, coded: bytes) -> bytes:
    """A literal whose value is these Huffman-coded octets."""
    return b"\0" + http2.integer(len(name), 7) + name + http2.integer(len(coded), 7, 0x80) + coded


_HUGE = b"\xff" * 10 + b"\x7f"
HPACK = [
    case("RFC 7541 §6.1", "static fields", ANSWERED, raw(indexed(2) + indexed(4) + indexed(6) + literal(":authority", "a"))),
    case("RFC 7541 §6.1", "index 0", COMPRESSION, raw(_GET + indexed(0))),
    case("RFC 7541 §2.3.3", "index 62 of an empty table", COMPRESSION, raw(_GET + indexed(62))),
    case("RFC 7541 §2.3.3", "a far index", COMPRESSION, raw(_GET + indexed(100000))),
    case("RFC 7541 §5.1", "an index of more than 32 bits", COMPRESSION, raw(_GET + b"\xff" + _HUGE)),
    case("RFC 7541 §6.2.1", "a name by an index of nothing", COMPRESSION, raw(_GET + http2.integer(70, 6, 0x40) + b"\1x")),
    case("RFC 7541 §6.2.2", "the same, without indexing", COMPRESSION, raw(_GET + http2.integer(70, 4) + b"\1x")),
    case("RFC 7541 §6.2.3", "the same, never indexed", COMPRESSION, raw(_GET + http2.integer(70, 4, 0x10) + b"\1x")),
    case("RFC 7541 §6.2.1", "a field enters the table", ANSWERED, raw(_GET + b"\x40\1x\1y" + indexed(62))),
    case("RFC 7541 §6.2.2", "a field that is not indexed does not", COMPRESSION, raw(_GET + b"\0\1x\1y" + indexed(62))),
    case("RFC 7541 §6.3", "an update at the beginning", ANSWERED, raw(resize(0) + _GET)),
    case("RFC 7541 §4.2", "two updates at the beginning", ANSWERED, raw(resize(0) + resize(4096) + _GET)),
    case("RFC 7541 §4.3", "an update empties the table", COMPRESSION, raw(_GET + b"\x40\1x\1y"), 1, frame(HEADERS, 5, 3, resize(0) + resize(4096) + _GET + indexed(62))),
    case("RFC 7541 §4.2", "an update behind a field", COMPRESSION, raw(_GET + resize(0))),
    case("RFC 7541 §4.2", "an update between fields", COMPRESSION, raw(block(*BASE[:2]) + resize(0) + block(*BASE[2:]))),
    case("RFC 7541 §6.3", "an update above our limit", COMPRESSION, raw(resize(4097) + _GET)),
    case("RFC 7541 §6.3", "a far update", COMPRESSION, raw(b"\x3f" + _HUGE + _GET)),
    case("RFC 7541 §5.2", "a name that is longer than the block", COMPRESSION, raw(_GET + b"\0\5abc")),
    case("RFC 7541 §5.2", "a value that is longer than the block", COMPRESSION, raw(_GET + b"\0\1x\5abc")),
    case("RFC 7541 §5.1", "an integer without its end", COMPRESSION, raw(_GET + b"\0\1x\x7f\x80")),
    case("RFC 7541 §5.2", "a block that ends within a field", COMPRESSION, raw(_GET + b"\x40")),
    case("RFC 7541 §5.2", "Huffman-coded a", ANSWERED, raw(_GET + huffman(b"x", b"\x1f"))),
    case("RFC 7541 §5.2", "padding of zeros", COMPRESSION, raw(_GET + huffman(b"x", b"\x18"))),
    case("RFC 7541 §5.2", "eight bits of padding", COMPRESSION, raw(_GET + huffman(b"x", b"\x1f\xff"))),
    case("RFC 7541 §5.2", "EOS within a string", COMPRESSION, raw(_GET + huffman(b"x", b"\xff\xff\xff\xff"))),
    case("§4.3", "an empty block", _MALFORMED, raw(b"")),
]
