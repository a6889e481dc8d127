# SPDX-License-Identifier: Apache-2.0
"""A proxy at work on one configuration, in a namespace of its own with its upstream: Envoy or weir-proxy, told apart by name."""

import http.client
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from harness import programs
from harness.namespace import Namespace

from .upstream import Upstream

PROXY = "198.51.100.1"  # where the proxy listens
CLIENT = "198.51.100.10"
UPSTREAM = "198.51.100.20"
UPSTREAM6 = "2001:db8::20"
NOWHERE = "203.0.113.9"  # what is sent there is lost: connect times out
PORTS = (8001, 8002, 8003)  # open ports of the upstream, HTTP/1 and HTTP/2 on each
ADMIN = ("127.0.0.1", 15000)


class Unavailable(Exception):
    """The other proxy is not on this machine; the text says how to get it."""


class Refused(Exception):
    """The proxy did not start with the configuration. label: whose it is."""

    def __init__(self, label: str, text: str):
        super().__init__(text)
        self.label = label


def envoy() -> str:
    """Envoy's path: $WEIR_ENVOY, or what bench/get-envoy installed."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache"))
    path = os.environ.get("WEIR_ENVOY") or str(cache / "weir-bench" / "envoy")
    if not os.access(path, os.X_OK):
        raise Unavailable(f"{path}: no Envoy; bench/get-envoy installs it, or set WEIR_ENVOY")
    return path


class Contestant:
    """One proxy with one configuration. The namespace has the same addresses for each, so the files are the same too."""

    def __init__(self, program: str, label: str, config: dict):
        self.program, self.label = program, label
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="weir-test-http-"))
        self.namespace = Namespace(label)
        self.upstream = None
        self.process = None
        try:
            self._start(config)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Contestant":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        self.stop()
        if self.upstream is not None:
            self.upstream.close()
        self.namespace.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def stop(self) -> None:
        """Ends the proxy; its access log is complete then."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def is_envoy(self) -> bool:
        return "envoy" in os.path.basename(self.program)

    def _start(self, config: dict) -> None:
        self.namespace.ip_batch(
            [f"addr add {address}/32 dev lo" for address in (PROXY, CLIENT, UPSTREAM)]
            + [f"-6 addr add {UPSTREAM6}/128 dev lo nodad"]
            + ["link add hole type veth peer name bottom", "link set bottom up", "link set hole up arp off", "addr add 203.0.113.1/24 dev hole"]
        )
        # Clients' ports are chosen by the suite, outside of this range, so that both proxies see the same ones.
        self.namespace.sysctl("net/ipv4/ip_local_port_range", "45000 65000")
        self.upstream = Upstream(self.namespace, [(UPSTREAM, port) for port in PORTS] + [(UPSTREAM6, 8001)])
        path = self.directory / "bootstrap.json"
        path.write_text(json.dumps(config, indent=1))
        more = ["--use-dynamic-base-id"] if self.is_envoy else []
        argv = [self.program, "-c", str(path), "--concurrency", "1", "--file-flush-interval-msec", "50", "-l", "warning", *more]
        with open(self.directory / "output", "wb") as output:
            self.process = self.namespace.popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.directory, env={**os.environ, "WEIR_TEST": "a value"}
            )
        self._wait_ready()

    def _wait_ready(self) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Refused(self.label, f"{self.program} exited with {self.process.returncode}\n{self.output()[-4000:]}")
            try:
                if self.ask("GET", "/ready") == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise Refused(self.label, f"{self.program} is not ready after 30 s\n{self.output()[-4000:]}")

    def ask(self, method: str, path: str) -> int:
        """The status of an admin request."""
        with self.namespace.connect(*ADMIN, timeout=5) as client:
            client.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            answer = http.client.HTTPResponse(client, method=method)
            answer.begin()
            answer.read()
            return answer.status

    def output(self) -> str:
        return (self.directory / "output").read_text(errors="replace")

    def log_size(self) -> int:
        path = self.directory / "access.log"
        return path.stat().st_size if path.exists() else 0

    def log_lines(self) -> list[str]:
        """The access log so far, whole lines."""
        path = self.directory / "access.log"
        if not path.exists():
            return []
        return [line for line in path.read_text(errors="replace").splitlines(keepends=True) if line.endswith("\n")]


def weir() -> str:
    return os.environ.get("WEIR_HTTP_PROXY") or programs.weir_proxy()
