# SPDX-License-Identifier: Apache-2.0
"""Programs that open connections as fast as they can, each of which must be echoed; run as scripts, one process each."""

import collections
import contextlib
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time

from harness.namespace import Namespace

DATA = b"a few bytes"


def _start(namespace: Namespace, *arguments: str, **options) -> subprocess.Popen:
    here = os.path.abspath(__file__)
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(here)}
    argv = [sys.executable, "-B", here, *arguments]
    return namespace.popen(argv, env=environment, stdout=subprocess.PIPE, text=True, **options)


class Echo:
    """A program that echoes, for more connections than threads of the tests could serve without a break."""

    def __init__(self, namespace: Namespace, host: str, port: int):
        self._process = _start(namespace, "serve", host, str(port))
        assert self._process.stdout.readline() == "listens\n"

    def __enter__(self) -> "Echo":
        return self

    def __exit__(self, *_) -> None:
        self._process.kill()
        self._process.communicate()


class Connecting:
    """Processes in a namespace that connect, echo and begin again until stopped; result(): how many, by what they came to."""

    def __init__(self, namespace: Namespace, host: str, port: int, *, processes: int = 2, uid: int = 0):
        self._processes = [_start(namespace, "connect", host, str(port), uid=uid, gid=uid) for _ in range(processes)]
        self._counts: collections.Counter | None = None

    def __enter__(self) -> "Connecting":
        return self

    def __exit__(self, *_) -> None:
        self.result()

    def result(self) -> collections.Counter:
        """Stops them; all that have begun end first."""
        if self._counts is None:
            self._counts = collections.Counter()
            for process in self._processes:
                process.send_signal(signal.SIGTERM)
            for process in self._processes:
                self._counts.update(json.loads(process.communicate(timeout=60)[0]))
        return self._counts


def is_busy(proxy, least: int) -> bool:
    """Each listener has taken so many: all kinds of connections come."""
    accepted = [n for name, n in proxy.stats().items() if name.startswith("listener.") and name.endswith(".downstream_cx_total")]
    return len(accepted) >= 2 and all(n >= least for n in accepted)


def one(family: int, address: tuple[str, int]) -> str:
    """What one connection came to: "echoed", or where and how it failed."""
    step = "connect"
    with socket.socket(family) as client:
        client.settimeout(30)
        # No TIME_WAIT on this side: ports would run out.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        try:
            client.connect(address)
            step = "echo"
            client.sendall(DATA)
            got = b""
            while len(got) < len(DATA) and (part := client.recv(64)):
                got += part
            return "echoed" if got == DATA else f"echo: {got!r}"
        except OSError as error:
            return f"{step}: {error!r}"


def serve(host: str, port: str) -> None:
    listener = socket.create_server((host, int(port)), family=_family(host), backlog=4096)
    listener.setblocking(False)
    ready = selectors.DefaultSelector()
    ready.register(listener, selectors.EVENT_READ)
    print("listens", flush=True)
    while True:
        for key, _ in ready.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                ready.register(connection, selectors.EVENT_READ)
                continue
            data = b""
            with contextlib.suppress(OSError):
                data = key.fileobj.recv(65536)
                key.fileobj.sendall(data)
            if not data:
                ready.unregister(key.fileobj)
                key.fileobj.close()


def _family(host: str) -> int:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def connect(host: str, port: str) -> None:
    counts: collections.Counter = collections.Counter()
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    while going:
        began = time.monotonic()
        outcome = one(_family(host), (host, int(port)))
        counts[outcome] += 1
        if outcome != "echoed":
            counts[f"at {began:.3f}: {outcome} after {time.monotonic() - began:.3f} s"] += 1
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(counts))


if __name__ == "__main__":
    {"serve": serve, "connect": connect}[sys.argv[1]](*sys.argv[2:])
