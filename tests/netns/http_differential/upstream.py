# SPDX-License-Identifier: Apache-2.0
"""The upstream: records exactly what it received and answers by the scenario that the request names in `x-up`.

A scenario is `key` or `key=value` joined by `;`:

    status=404 reason=Odd body=text size=100000 type=text/html chunked trailers close head-only length=7
    header=Name:value (repeatable) interim=103 wait=0.2 (before the answer) slow=0.2 (between head and body)
    trickle (HTTP/1: byte by byte)
    end (connection: close) shut (closes after the answer, unannounced) early (answers before the body is read)
    upgrade (101, then echo) raw=NAME (bytes of RAW) rst hang drop (closes without answer) cut (closes within the body)
    grpc=STATUS (HTTP/2: trailers with it) reset=CODE (HTTP/2: RST_STREAM) goaway (HTTP/2)
    fail=N:scenario with , for ; (the first N requests of the case get that one)
"""

import collections
import dataclasses
import re
import socket
import struct
import threading
import time

import hpack

from . import http1, http2
from .wrong_answers import RAW, RAW2

REASONS = {200: "OK", 201: "Created", 204: "No Content", 304: "Not Modified", 404: "Not Found", 503: "Service Unavailable"}


@dataclasses.dataclass
class Received:
    """One request as it came."""

    port: int
    protocol: str
    start: str = ""
    headers: http1.HeaderList = dataclasses.field(default_factory=list)
    body: bytes | bytearray = b""
    trailers: http1.HeaderList = dataclasses.field(default_factory=list)
    framing: str = "none"
    end: str = "open"  # whole; or how it ended: fin, rst, the name of RST_STREAM's code


class Scenario:
    """What `x-up` asks for."""

    def __init__(self, text: str):
        self.options: dict[str, str] = {}
        self.headers: list[tuple[str, str]] = []
        self.interims: list[int] = []
        for part in filter(None, (part.strip() for part in text.split(";"))):
            key, _, value = part.partition("=")
            if key == "header":
                name, _, content = value.partition(":")
                self.headers.append((name, content))
            elif key == "interim":
                self.interims.append(int(value))
            else:
                self.options[key] = value

    def __contains__(self, key: str) -> bool:
        return key in self.options

    def number(self, key: str, default: float = 0) -> float:
        return float(self.options.get(key) or default)

    @property
    def status(self) -> int:
        return int(self.options.get("status", "200"))

    @property
    def body(self) -> bytes:
        if "size" in self:
            size = int(re.match(r"\d*", self.options["size"])[0] or 0)  # random cases write other things
            return (b"0123456789abcdef" * (size // 16 + 1))[:size]
        return self.options.get("body", "hello").encode()


class Upstream:
    """Servers on threads inside a namespace, HTTP/1 and HTTP/2 told apart by the preface; one record of everything."""

    def __init__(self, namespace, addresses: list[tuple[str, int]]):
        self._lock = threading.Lock()
        self._records: dict[str, list[Received]] = collections.defaultdict(list)
        self._counts: collections.Counter = collections.Counter()
        self._listeners = []
        self._open: set[socket.socket] = set()
        for host, port in addresses:
            listener = namespace.listen(host, port, backlog=1024)
            self._listeners.append(listener)
            threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()

    def close(self) -> None:
        for listener in self._listeners:
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def received(self, case: str) -> list[Received]:
        """What came with that `x-case`; "" is what came without any."""
        with self._lock:
            return list(self._records.get(case, ()))

    def record(self, received: Received) -> Scenario:
        """Keeps a request and returns the scenario that it asks for."""
        case = next((value for name, value in received.headers if name.lower() == "x-case"), "")
        wanted = next((value for name, value in received.headers if name.lower() == "x-up"), "")
        with self._lock:
            self._records[case].append(received)
            self._counts[case] += 1
            count = self._counts[case]
        scenario = Scenario(wanted)
        if "fail" in scenario:
            times, _, other = scenario.options["fail"].partition(":")
            if count <= int(times):
                return Scenario(other.replace(",", ";"))
        return scenario

    def forget(self, case: str) -> None:
        with self._lock:
            self._records.pop(case, None)
            self._counts.pop(case, None)

    def _accept(self, listener: socket.socket, port: int) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection, port), daemon=True).start()

    def _serve(self, connection: socket.socket, port: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            first = connection.recv(65536)
            if first.startswith(b"PRI "):
                _Http2(self, connection, port).run(first)
            elif first:
                _Http1(self, connection, port).run(first)
        except (OSError, ValueError):
            pass  # the proxy went (the record says how far it came), or a random request asks for nonsense
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()


def reset_connection(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class _Http1:
    """One HTTP/1 connection."""

    def __init__(self, upstream: Upstream, connection: socket.socket, port: int):
        self.upstream, self.connection, self.port = upstream, connection, port
        self.reader = http1.Reader(requests=True)

    def run(self, data: bytes) -> None:
        done = 0
        while data:
            self.reader.feed(data)
            while done < len(self.reader.messages):
                if not self._exchange(self.reader.messages[done]):
                    return
                done += 1
            data = self.connection.recv(65536)

    def _exchange(self, message: http1.Message) -> bool:
        """Records and answers one request; whether the connection goes on."""
        received = Received(self.port, "HTTP/1", message.start, message.headers, framing=message.framing)
        scenario = self.upstream.record(received)
        if "early" not in scenario and not self._read_body(message, received):
            return False
        self._copy(message, received)
        if scenario.number("wait"):
            time.sleep(scenario.number("wait"))
        if "hang" in scenario:
            while self.connection.recv(65536):
                pass
            return False
        if "rst" in scenario:
            reset_connection(self.connection)
            return False
        if "drop" in scenario:
            return False
        going_on = self._answer(message, scenario)
        if "early" in scenario and going_on:
            going_on = self._read_body(message, received)
            self._copy(message, received)
        return going_on

    def _read_body(self, message: http1.Message, received: Received) -> bool:
        while not message.whole and message.framing != "tunnel":
            try:
                data = self.connection.recv(65536)
            except OSError:
                data = None
            if not data:
                received.end = "rst" if data is None else "fin"
                self._copy(message, received)
                return False
            self.reader.feed(data)
        return True

    @staticmethod
    def _copy(message: http1.Message, received: Received) -> None:
        received.body, received.trailers, received.framing = message.body, message.trailers, message.framing
        if message.whole:
            received.end = "whole"

    def _answer(self, message: http1.Message, scenario: Scenario) -> bool:
        send = self.connection.sendall
        if "raw" in scenario:
            send(RAW[scenario.options["raw"]])
            if "shut" in scenario:
                self.connection.shutdown(socket.SHUT_WR)
                self.connection.settimeout(5)
                while self.connection.recv(65536):
                    pass
                return False
            return True
        for status in scenario.interims:
            send(f"HTTP/1.1 {status} Interim\r\nx-interim: {status}\r\n\r\n".encode())
        if "upgrade" in scenario or ("tunnel" in scenario and message.framing == "tunnel"):
            return self._tunnel(scenario)
        return self._respond(message, scenario)

    def _tunnel(self, scenario: Scenario) -> bool:
        if "upgrade" in scenario:
            head = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        else:
            head = f"HTTP/1.1 {scenario.status} OK\r\n"
        more = "".join(f"{name}: {value}\r\n" for name, value in scenario.headers)
        self.connection.sendall((head + more + "\r\n").encode())
        early = self.reader.messages[-1].body + self.reader.rest
        if early:
            self.connection.sendall(early)
        while data := self.connection.recv(65536):
            self.connection.sendall(data)
        self.connection.sendall(b"[end seen]")
        return False

    def _respond(self, message: http1.Message, scenario: Scenario) -> bool:
        body = scenario.body
        has_body = not (scenario.status in (204, 304) or message.start.startswith("HEAD ") or "head-only" in scenario)
        lines = [f"HTTP/1.1 {scenario.status} {scenario.options.get('reason', REASONS.get(scenario.status, 'Odd'))}"]
        lines += [f"{name}: {value}" for name, value in scenario.headers]
        if "type" in scenario:
            lines.append(f"content-type: {scenario.options['type']}")
        if "end" in scenario or "close" in scenario:
            lines.append("connection: close")
        chunked = "chunked" in scenario or "trailers" in scenario
        if chunked:
            lines.append("transfer-encoding: chunked")
        elif scenario.status not in (204, 304) and "close" not in scenario and "no-length" not in scenario:
            lines.append(f"content-length: {scenario.options.get('length', len(body))}")
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        for part in [head[at : at + 1] for at in range(len(head))] if "trickle" in scenario else [head]:
            self.connection.sendall(part)
        if scenario.number("slow"):
            time.sleep(scenario.number("slow"))
        if has_body:
            self._send_body(body, chunked, scenario)
        return not {"end", "shut", "close", "cut"} & set(scenario.options)

    def _send_body(self, body: bytes, chunked: bool, scenario: Scenario) -> None:
        if "cut" in scenario:
            body = body[: len(body) // 2]
            self.connection.sendall(b"%x\r\n%s" % (len(body) * 2, body) if chunked else body)
        elif chunked:
            trailers = "x-trailer: one\r\nX-Other: two\r\n" if "trailers" in scenario else ""
            self.connection.sendall(http1.chunks(body[: len(body) // 2], body[len(body) // 2 :], trailers=trailers))
        else:
            self.connection.sendall(body)


class _Http2:
    """One HTTP/2 connection; each stream is answered on a thread of its own."""

    def __init__(self, upstream: Upstream, connection: socket.socket, port: int):
        self.upstream, self.connection, self.port = upstream, connection, port
        self.state = http2.Connection()
        self.lock = threading.Lock()
        self.room = threading.Condition()
        self.encoder = hpack.Encoder()
        self.seen: dict[int, Received] = {}
        self.answered: set[int] = set()
        self.started: set[int] = set()

    def run(self, data: bytes) -> None:
        data = data[len(http2.PREFACE) :]
        self.send(http2.settings((3, 100), (4, 1 << 20)) + http2.window(0, 1 << 20))
        while True:
            with self.room:
                frames, answer = self.state.feed(data)
                self.room.notify_all()
            if answer:
                self.send(answer)
            for stream in {one.stream for one in frames if one.stream}:
                self._look(stream)
            data = self.connection.recv(65536)
            if not data:
                return

    def send(self, data: bytes) -> None:
        with self.lock:
            self.connection.sendall(data)

    def _look(self, number: int) -> None:
        stream = self.state.stream(number)
        if not stream.heads:
            return
        if number not in self.seen:
            fields = stream.heads[0]
            pseudo = [f"{name}={value}" for name, value in fields if name.startswith(":")]
            received = Received(self.port, "HTTP/2", " ".join(pseudo), [field for field in fields if not field[0].startswith(":")])
            self.seen[number] = received
            received.scenario = self.upstream.record(received)
        received = self.seen[number]
        received.body = stream.body
        received.trailers = stream.heads[1] if len(stream.heads) > 1 else []
        received.framing = "data" if stream.body else "none"
        received.end = "whole" if stream.end == "END_STREAM" else stream.end
        ready = stream.end != "open" or "early" in received.scenario or "tunnel" in received.scenario
        if ready and number not in self.started:
            self.started.add(number)
            threading.Thread(target=self._answer, args=(number, received.scenario), daemon=True).start()

    def _answer(self, number: int, scenario: Scenario) -> None:
        try:
            self._answer_stream(number, scenario)
        except (OSError, ValueError):
            pass  # the proxy closed the connection, or a random request asks for nonsense

    def _answer_stream(self, number: int, scenario: Scenario) -> None:
        if scenario.number("wait"):
            time.sleep(scenario.number("wait"))
        if "hang" in scenario:
            return
        if "reset" in scenario:
            return self.send(http2.reset(number, int(scenario.options["reset"])))
        if "drop" in scenario or "rst" in scenario:
            if "rst" in scenario:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return self.connection.shutdown(socket.SHUT_RDWR) if "drop" in scenario else self.connection.close()
        if "goaway" in scenario:
            return self.send(http2.frame(http2.GOAWAY, 0, 0, struct.pack(">II", number if scenario.options["goaway"] else 0, 0)))
        if "raw2" in scenario:
            return self.send(RAW2[scenario.options["raw2"]](number))
        for status in scenario.interims:
            self._head(number, [(":status", str(status)), ("x-interim", str(status))])
        self._respond(number, scenario)

    def _wait_for_room(self, number: int, most: int) -> int:
        """Flow control: how much may be sent now; the proxy that grants nothing for ten seconds has gone."""
        end = time.monotonic() + 10
        with self.room:
            while True:
                size = self.state.take_room(number, most)
                if size:
                    return size
                if self.state.stream(number).end not in ("open", "END_STREAM") or not self.room.wait(end - time.monotonic()):
                    raise OSError(f"stream {number}: no window")

    def _head(self, number: int, fields, end: bool = False) -> None:
        with self.lock:
            data = self.encoder.encode(fields)
            first, rest = data[:16384], data[16384:]
            made = http2.frame(1, int(end) | (0 if rest else 4), number, first)
            while rest:
                part, rest = rest[:16384], rest[16384:]
                made += http2.frame(9, 0 if rest else 4, number, part)
            self.connection.sendall(made)

    def _respond(self, number: int, scenario: Scenario) -> None:
        body = b"" if scenario.status in (204, 304) or "head-only" in scenario or "METHOD=HEAD" in scenario else scenario.body
        is_head = ":method=HEAD" in self.seen[number].start
        fields = [(":status", str(scenario.status)), *((name.lower(), value) for name, value in scenario.headers)]
        if "type" in scenario:
            fields.append(("content-type", scenario.options["type"]))
        if "chunked" not in scenario and "grpc" not in scenario and scenario.status not in (204, 304):
            fields.append(("content-length", scenario.options.get("length", str(len(body)))))
        trailers = []
        if "trailers" in scenario:
            trailers = [("x-trailer", "one"), ("x-other", "two")]
        if "grpc" in scenario:
            trailers = [("grpc-status", scenario.options["grpc"]), ("grpc-message", "said%20upstream")]
        if "only" in scenario:
            return self._head(number, fields + trailers, True)
        if is_head:
            return self._head(number, fields, True)
        self._head(number, fields, not body and not trailers)
        if scenario.number("slow"):
            time.sleep(scenario.number("slow"))
        if "cut" in scenario:
            self.send(http2.data(number, body[: len(body) // 2], end=False) + http2.reset(number, 2))
            return
        at = 0
        while at < len(body):
            size = self._wait_for_room(number, min(len(body) - at, 16384))
            at += size
            self.send(http2.data(number, body[at - size : at], end=at == len(body) and not trailers))
        if trailers:
            self._head(number, trailers, True)
