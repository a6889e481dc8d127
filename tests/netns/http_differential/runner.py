# SPDX-License-Identifier: Apache-2.0
"""Runs cases against a contestant: threads of clients, each case on a connection with a source port of its own."""

import concurrent.futures
import contextlib
import itertools
import json
import select
import socket
import time

from . import http1, http2
from .case import MARK, RESET, Await, Case, Half, Reset, Seen, body_text, pairs
from .contestant import CLIENT, PROXY, Contestant

SOURCES = {"outside": CLIENT, "inside": "127.0.0.1"}
QUIET = 0.4  # seconds without an end after which a connection that is not probed counts as open


class Runner:
    """Cases against one contestant. run() may be called again: ids and ports go on."""

    def __init__(self, contestant: Contestant, threads: int = 24):
        self.contestant = contestant
        self._threads = threads
        self._ports = itertools.count(10000)
        self._numbers = itertools.count(1)

    def run(self, cases: list[Case], alone: bool = False) -> list[Seen]:
        """What was seen of each, in the same order. alone: one after the other."""
        jobs = [(case, f"c{next(self._numbers):07d}", next(self._ports)) for case in cases]
        with concurrent.futures.ThreadPoolExecutor(1 if alone else self._threads) as pool:
            seen = list(pool.map(lambda job: self._client(*job), jobs))
        self._settle()
        logs = self._logs()
        for (case, identity, port), one in zip(jobs, seen):
            one.upstream = [_received(record) for record in self.contestant.upstream.received(identity)]
            one.log = logs.get(f"{SOURCES[case.source]}:{port}", [])
        return seen

    def _client(self, case: Case, identity: str, port: int) -> Seen:
        client = self.contestant.namespace.new_socket()
        with client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind((SOURCES[case.source], port))
            client.settimeout(5)
            try:
                client.connect((PROXY, case.listener))
            except OSError as error:
                return Seen(end=f"no connection: {error}")
            kind = _Http2Client if case.protocol == "h2" else _Http1Client
            return kind(client, case, identity.encode()).run()

    def _settle(self) -> None:
        """Waits until no more lines have come for a while that is longer than either proxy keeps them back."""
        sizes: list[int] = []
        end = time.monotonic() + 4
        while time.monotonic() < end and not self.contestant.has_ended():
            sizes.append(self.contestant.log_size())
            if len(sizes) > 3 and len(set(sizes[-4:])) == 1:
                return
            time.sleep(0.15)

    def _logs(self) -> dict[str, list]:
        """Lines of the access log by the client's address, which is their first field."""
        found: dict[str, list] = {}
        for line in self.contestant.log_lines():
            try:
                value = json.loads(line)
                key = value.pop("client")
            except ValueError:
                key, _, value = line.rstrip("\n").partition(" ")
            found.setdefault(key, []).append(value)
        return found


def _received(record) -> dict:
    return {
        "port": record.port,
        "protocol": record.protocol,
        "start": record.start,
        "headers": pairs(record.headers),
        "body": body_text(record.body),
        "trailers": pairs(record.trailers),
        "framing": record.framing,
        "end": record.end,
    }


class _Client:
    """The steps of a case on a connection; what is read goes to take()."""

    def __init__(self, connection: socket.socket, case: Case, identity: bytes):
        self.connection, self.case, self.identity = connection, case, identity
        self.ended: str | None = None
        connection.setblocking(False)

    def run(self) -> Seen:
        for step in self.case.steps:
            if not self._do(step):
                break
        if self.ended != "left":
            self.read_until(lambda: self.count() >= self.case.answers, self.case.wait)
        end = self.ended or self._what_now()
        return self.seen(end)

    def _do(self, step) -> bool:
        """Whether there is a point in going on."""
        if isinstance(step, bytes):
            return self._send(step.replace(MARK, self.identity))
        if isinstance(step, Await):
            target = self.interims if step.interim else self.count
            self.read_until(lambda: target() >= step.count, 1.5)
        elif isinstance(step, Half):
            with contextlib.suppress(OSError):  # the proxy has reset the connection: read below
                self.connection.shutdown(socket.SHUT_WR)
        elif isinstance(step, Reset):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()
            self.ended = "left"
        else:
            self.read_until(lambda: False, step)
        return self.ended is None

    def _send(self, data: bytes) -> bool:
        end = time.monotonic() + 5
        view = memoryview(data)
        while view and time.monotonic() < end:
            try:
                view = view[self.connection.send(view) :]
            except BlockingIOError:
                select.select([self.connection], [self.connection], [], 0.5)
                self._receive()
            except OSError:
                return False  # the end is read below, after the answer
        return True

    def read_until(self, condition, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not condition() and self.ended is None:
            left = end - time.monotonic()
            if left <= 0:
                return
            poller = select.poll()
            poller.register(self.connection, select.POLLIN)
            if poller.poll(left * 1000):
                self._receive()

    def _receive(self) -> None:
        try:
            data = self.connection.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            self.ended = "rst"
            return
        if data:
            self.take(data)
        else:
            self.ended = "fin"
            self.finish()

    def _what_now(self) -> str:
        """After the answers: whether the connection lives."""
        if self.count() < self.case.answers and self.case.then != "wait":
            return "silent"
        if self.case.then == "leave":
            return "left"
        if self.case.then == "wait":
            self.read_until(lambda: False, QUIET)
        else:
            self.probe()
        return self.ended or "open"


class _Http1Client(_Client):
    def __init__(self, connection, case, identity):
        super().__init__(connection, case, identity)
        self.reader = http1.Reader(list(case.methods))
        self.probed = 0

    def take(self, data: bytes) -> None:
        self.reader.feed(data)

    def finish(self) -> None:
        self.reader.end()

    def count(self) -> int:
        return self.reader.finals

    def interims(self) -> int:
        return len(self.reader.messages)

    def probe(self) -> None:
        before = self.reader.finals
        self.read_until(lambda: self.reader.finals > before, 0.02)  # an answer to what was left of the case's bytes
        before = self.reader.finals
        self._send(b"GET /probe HTTP/1.1\r\nhost: probe.test\r\nx-case: p" + self.identity[1:] + b"\r\n\r\n")
        self.read_until(lambda: self.reader.finals > before, self.case.wait)
        if self.reader.finals > before:
            if (self.reader.messages[-1].header("connection") or "") == "close":
                self.read_until(lambda: False, QUIET)  # no proof of life: it shows as an answer of the case
            else:
                self.probed = 1
        elif self.ended is None:
            self.ended = "silent"

    def seen(self, end: str) -> Seen:
        messages = self.reader.messages[: len(self.reader.messages) - self.probed]
        answers = [
            {
                "start": one.start,
                "headers": pairs(one.headers),
                "body": body_text(one.body),
                "trailers": pairs(one.trailers),
                "framing": one.framing,
                "whole": one.whole,
            }
            for one in messages
        ]
        return Seen(answers=answers, rest=body_text(self.reader.rest), end=end)


class _Http2Client(_Client):
    def __init__(self, connection, case, identity):
        super().__init__(connection, case, identity)
        self.state = http2.Connection()

    def take(self, data: bytes) -> None:
        _, answer = self.state.feed(data)
        if answer:
            self._send(answer)

    def finish(self) -> None:
        pass

    def count(self) -> int:
        return sum(1 for one in self.state.streams.values() if one.end != "open")

    def interims(self) -> int:
        return sum(len(one.heads) for one in self.state.streams.values())

    def probe(self) -> None:
        self._send(http2.frame(http2.PING, 0, 0, b"probe..."))
        self.read_until(lambda: bool(self.state.pings), self.case.wait)
        if not self.state.pings and self.ended is None:
            self.ended = "silent"

    def seen(self, end: str) -> Seen:
        answers = []
        for number, one in sorted(self.state.streams.items()):
            if not number:
                continue
            heads = [pairs(head) for head in one.heads]
            at = next((i for i, head in enumerate(heads) if _is_final(head)), len(heads) - 1)
            answers.append(
                {
                    "start": f"stream {number}",
                    "interim": heads[:at],
                    "headers": heads[at] if heads else [],
                    "body": body_text(one.body),
                    "trailers": heads[at + 1] if len(heads) > at + 1 else [],
                    "end": one.end,
                }
            )
        goaway = {"goaway": list(self.state.goaway)} if self.state.goaway else {}
        return Seen(answers=answers, end=end, connection=goaway)


def _is_final(head) -> bool:
    status = next((value for name, value in head if name == ":status"), "")
    return not (status.startswith("1") and status != "101")
