# SPDX-License-Identifier: Apache-2.0
"""Programs that open connections as fast as they can, each of which must be echoed; run as scripts, one process each."""

import collections
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

from harness.namespace import Namespace

DATA = b"a few bytes"


class Connecting:
    """Processes in a namespace that connect, echo and begin again until stopped; result(): how many, by what they came to."""

    def __init__(self, namespace: Namespace, host: str, port: int, *, processes: int = 2, uid: int = 0):
        argv = [sys.executable, "-B", os.path.abspath(__file__), host, str(port)]
        options = {"stdout": subprocess.PIPE, "text": True, "uid": uid, "gid": uid}
        environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.abspath(__file__))}
        self._processes = [namespace.popen(argv, env=environment, **options) for _ in range(processes)]
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


def main(host: str, port: str) -> None:
    counts: collections.Counter = collections.Counter()
    going = [True]
    signal.signal(signal.SIGTERM, lambda *_: going.clear())
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while going:
        began = time.monotonic()
        outcome = one(family, (host, int(port)))
        counts[outcome] += 1
        if outcome != "echoed":
            counts[f"at {began:.3f}: {outcome} after {time.monotonic() - began:.3f} s"] += 1
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
