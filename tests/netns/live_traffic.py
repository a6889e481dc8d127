# SPDX-License-Identifier: Apache-2.0
"""All kinds of traffic at once, none of which may be lost, with the time that each request took."""

import threading
import time

from harness.lab import POD
from http_scene import Client2, status
from live_scene import HTTP, TCP, ask


class Traffic:
    """HTTP/1.1 on kept and on new connections, HTTP/2, requests that last, TCP connections that live as long as this, and
    short ones. Connections that say their end (`connection: close`, GOAWAY) are replaced; anything else is a failure."""

    def __init__(self, namespace, ports: tuple[int, ...] = (HTTP,), paths: tuple[str, ...] = ("/",), tcp: int = TCP):
        self.namespace, self.ports, self.paths, self.tcp = namespace, ports, paths, tcp
        self.failures: list[str] = []
        self.counts = dict.fromkeys(("kept", "fresh", "slow", "http2", "long", "short", "renewed"), 0)
        self.times: list[float] = []
        self._stop = threading.Event()
        kinds = [self._kept, self._kept, self._fresh, self._slow, self._slow, self._http2, self._http2, self._long, self._long, self._long, self._short]
        self._threads = [threading.Thread(target=self._guard, args=(kind, n), daemon=True) for n, kind in enumerate(kinds)]

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def check(self) -> None:
        assert not self.failures, (len(self.failures), self.failures[:5], self.counts)
        assert all(self.counts[kind] for kind in self.counts if kind != "renewed"), self.counts

    def percentile(self, share: float, since: int = 0) -> float:
        """In milliseconds, of the requests after the first `since`."""
        times = sorted(self.times[since:])
        return 1000 * times[min(len(times) - 1, int(share * len(times)))]

    def _guard(self, kind, number: int) -> None:
        try:
            kind(number)
        except (OSError, EOFError) as error:
            self.failures.append(f"{kind.__name__}: {error!r}, after {time.monotonic():.3f}")

    def _connect(self, port: int):
        return self.namespace.connect(POD[4], port, timeout=20)

    def _targets(self, number: int):
        while True:
            number += 1
            yield self.ports[number % len(self.ports)], self.paths[number // len(self.ports) % len(self.paths)]

    def _done(self, kind: str, code: int, body, began: float) -> None:
        self.times.append(time.monotonic() - began)
        self.counts[kind] += 1
        if code != 200:
            self.failures.append(f"{kind}: {code} {body!r} at {time.monotonic():.3f}")

    def _kept(self, number: int) -> None:
        targets = self._targets(number)
        while not self._stop.is_set():
            port, path = next(targets)
            with self._connect(port) as connection:
                goes_on = True
                while goes_on and not self._stop.is_set():
                    began = time.monotonic()
                    code, body, goes_on = ask(connection, path)
                    self._done("kept", code, body, began)
                    path = next(targets)[1]
                    time.sleep(0.004)
            self.counts["renewed"] += 1

    def _fresh(self, number: int) -> None:
        for port, path in self._targets(number):
            if self._stop.is_set():
                return
            began = time.monotonic()
            with self._connect(port) as connection:
                code, body, _ = ask(connection, path)
            self._done("fresh", code, body, began)
            time.sleep(0.004)

    def _slow(self, number: int) -> None:
        while not self._stop.is_set():
            with self._connect(self.ports[number % len(self.ports)]) as connection:
                goes_on = True
                while goes_on and not self._stop.is_set():
                    code, body, goes_on = ask(connection, "/slow", "x-up: wait=0.1\r\n")
                    self.counts["slow"] += 1
                    if code != 200:
                        self.failures.append(f"slow: {code} {body!r} at {time.monotonic():.3f}")
            number += 1

    def _http2(self, number: int) -> None:
        """Four at once; after GOAWAY no new ones."""
        targets = self._targets(number)
        while not self._stop.is_set():
            with Client2(self._connect(next(targets)[0])) as client:
                while client.wire.goaway is None and not self._stop.is_set():
                    began = time.monotonic()
                    for one in [client.request(next(targets)[1]) for _ in range(4)]:
                        stream = client.answer(one)
                        self._done("http2", status(stream), f"{stream.end} {stream.heads} goaway {client.wire.goaway}", began)
                    time.sleep(0.004)
            self.counts["renewed"] += 1

    def _long(self, number: int) -> None:
        with self._connect(self.tcp) as connection:
            while not self._stop.is_set():
                self._echo(connection, b"%d" % number * 100)
                self.counts["long"] += 1
                time.sleep(0.005)

    def _short(self, _number: int) -> None:
        while not self._stop.is_set():
            with self._connect(self.tcp) as connection:
                self._echo(connection, b"0123456789")
            self.counts["short"] += 1
            time.sleep(0.005)

    @staticmethod
    def _echo(connection, data: bytes) -> None:
        connection.sendall(data)
        got = b""
        while len(got) < len(data):
            part = connection.recv(4096)
            if not part:
                raise ConnectionError(f"a connection was ended after {len(got)} of {len(data)} bytes")
            got += part
        if got != data:
            raise ConnectionError(f"other bytes came back: {got[:40]!r}")
