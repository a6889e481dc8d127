# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 on the wire: frames and header blocks are made byte by byte, so that wrong ones can be made too."""

import dataclasses
import struct

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY_FLAG = 1, 1, 4, 8, 32
ERRORS = (
    "NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR REFUSED_STREAM "
    "CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM INADEQUATE_SECURITY HTTP_1_1_REQUIRED"
).split()


def error_name(code: int) -> str:
    return ERRORS[code] if code < len(ERRORS) else hex(code)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"", *, length: int | None = None) -> bytes:
    """A frame; length lies about the payload's size."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def integer(value: int, bits: int, first: int = 0) -> bytes:
    """HPACK's integer with a prefix of so many bits."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    made = bytearray([first | most])
    value -= most
    while value >= 128:
        made.append(value % 128 + 128)
        value //= 128
    made.append(value)
    return bytes(made)


def literal(name: str, value: str) -> bytes:
    """A literal field with a literal name, not indexed, no Huffman code."""
    return b"\x00" + b"".join(integer(len(part), 7) + part for part in (name.encode("latin-1"), value.encode("latin-1")))


def block(*fields: tuple[str, str]) -> bytes:
    return b"".join(literal(name, value) for name, value in fields)


def headers(stream: int, *fields: tuple[str, str], end: bool = True, flags: int | None = None) -> bytes:
    """HEADERS in one frame, or with CONTINUATION when it is larger than 16 KiB."""
    data = block(*fields)
    first, rest = data[:16384], data[16384:]
    base = END_STREAM if end else 0
    if flags is not None:
        return frame(HEADERS, flags, stream, data)
    made = frame(HEADERS, base | (0 if rest else END_HEADERS), stream, first)
    while rest:
        part, rest = rest[:16384], rest[16384:]
        made += frame(CONTINUATION, 0 if rest else END_HEADERS, stream, part)
    return made


def data(stream: int, payload: bytes = b"", *, end: bool = True) -> bytes:
    return frame(DATA, END_STREAM if end else 0, stream, payload)


def reset(stream: int, code: int = 8) -> bytes:
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def settings(*pairs: tuple[int, int], ack: bool = False) -> bytes:
    return frame(SETTINGS, ACK if ack else 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def window(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def request(
    target: str = "/",
    *more: tuple[str, str],
    stream: int = 1,
    method: str = "GET",
    authority: str | None = "www.test",
    scheme: str = "http",
    body: bytes | None = None,
    trailers: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """A whole request as frames. %CASEID% becomes the case's id, which is as long, when it is sent."""
    fields = [(":method", method), (":path", target), (":scheme", scheme)]
    if authority is not None:
        fields.append((":authority", authority))
    made = headers(stream, *fields, ("x-case", "%CASEID%"), *more, end=body is None and not trailers)
    if body is not None:
        made += data(stream, body, end=not trailers)
    if trailers:
        made += headers(stream, *trailers)
    return made


@dataclasses.dataclass
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes


class Deframer:
    """Bytes to frames."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        self.rest += data
        found = []
        while len(self.rest) >= 9:
            size = int.from_bytes(self.rest[:3], "big")
            if len(self.rest) < 9 + size:
                break
            kind, flags, stream = struct.unpack(">BBI", self.rest[3:9])
            found.append(Frame(kind, flags, stream & 0x7FFFFFFF, self.rest[9 : 9 + size]))
            self.rest = self.rest[9 + size :]
        return found


@dataclasses.dataclass
class Stream:
    """What came on one stream: header lists in order (interim, final, trailers), the body, how it ended."""

    heads: list[list[tuple[str, str]]] = dataclasses.field(default_factory=list)
    body: bytearray = dataclasses.field(default_factory=bytearray)
    end: str = "open"  # open, END_STREAM or the name of RST_STREAM's code
    before_body: int = 0  # how many heads came before the first DATA
    window: int = 0  # what WINDOW_UPDATE has granted to us, and what we have sent; add Connection.initial_window


class Connection:
    """The receiving half of a connection: streams, and what was said of the connection itself."""

    def __init__(self) -> None:
        self.streams: dict[int, Stream] = {}
        self.goaway: tuple[str, str] | None = None
        self.pings: list[bytes] = []
        self.settings_seen = False
        self.window = 65535  # what we may send on the connection
        self.initial_window = 65535  # and on each stream, to begin with
        self._frames = Deframer()
        self._decoder = hpack.Decoder()
        self._decoder.max_header_list_size = 1 << 24
        self._block = b""
        self._block_flags = 0

    def feed(self, data: bytes) -> tuple[list[Frame], bytes]:
        """The frames, and what a well-behaved peer answers to them (acknowledgements, windows)."""
        found = self._frames.feed(data)
        return found, b"".join(self._take(one) for one in found)

    def stream(self, number: int) -> Stream:
        return self.streams.setdefault(number, Stream())

    def take_room(self, number: int, most: int) -> int:
        """How much of `most` may be sent on the stream now; it counts as sent."""
        stream = self.stream(number)
        size = max(0, min(most, self.window, self.initial_window + stream.window))
        self.window -= size
        stream.window -= size
        return size

    def _take(self, one: Frame) -> bytes:
        match one.kind:
            case 0:
                return self._take_data(one)
            case 1 | 9:
                self._take_headers(one)
            case 3:
                self.stream(one.stream).end = error_name(int.from_bytes(one.payload[:4], "big"))
            case 4:
                return self._take_settings(one)
            case 6:
                if not one.flags & ACK:
                    return frame(PING, ACK, 0, one.payload)
                self.pings.append(one.payload)
            case 8:
                granted = int.from_bytes(one.payload, "big")
                if one.stream:
                    self.stream(one.stream).window += granted
                else:
                    self.window += granted
            case 7:
                self.goaway = (error_name(int.from_bytes(one.payload[4:8], "big")), one.payload[8:].decode("latin-1"))
        return b""

    def _take_settings(self, one: Frame) -> bytes:
        if one.flags & ACK:
            return b""
        self.settings_seen = True
        for at in range(0, len(one.payload), 6):
            key, value = struct.unpack(">HI", one.payload[at : at + 6])
            if key == 4:
                self.initial_window = value
        return settings(ack=True)

    def _take_data(self, one: Frame) -> bytes:
        payload = one.payload
        if one.flags & PADDED:
            payload = payload[1 : len(payload) - payload[0]]
        stream = self.stream(one.stream)
        stream.before_body = stream.before_body or len(stream.heads)
        stream.body += payload
        if one.flags & END_STREAM:
            stream.end = "END_STREAM"
        if not one.payload:
            return b""
        made = window(0, len(one.payload))
        return made if one.flags & END_STREAM else made + window(one.stream, len(one.payload))

    def _take_headers(self, one: Frame) -> None:
        payload = one.payload
        if one.kind == HEADERS:
            self._block_flags = one.flags
            if one.flags & PADDED:
                payload = payload[1 : len(payload) - payload[0]]
            if one.flags & PRIORITY_FLAG:
                payload = payload[5:]
            self._block = b""
        self._block += payload
        if one.flags & END_HEADERS:
            fields = self._decoder.decode(self._block, raw=True)
            stream = self.stream(one.stream)
            stream.heads.append([(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields])
            if self._block_flags & END_STREAM:
                stream.end = "END_STREAM"
