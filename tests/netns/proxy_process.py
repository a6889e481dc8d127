# SPDX-License-Identifier: Apache-2.0
"""A running weir-proxy, and what it tells about itself: admin, log, access log, descriptors, memory."""

import functools
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness import programs
from harness.namespace import Namespace

import proxy_config

UID = 1337  # whom weir-init exempts
_copies: dict[str, str] = {}


def wait_for(condition, what: str, seconds: float = 10.0):
    """Polls until condition() is true and returns its value; fails with `what` after that many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s; last: {value!r}")
        time.sleep(0.01)


def _program() -> str:
    """A copy of weir-proxy that any user may execute, wherever the build directory is."""
    original = programs.weir_proxy()
    if original not in _copies:
        directory = tempfile.mkdtemp(prefix="weir-test-bin-")
        os.chmod(directory, 0o755)
        _copies[original] = shutil.copy(original, directory)
    return _copies[original]


@functools.cache
def _is_instrumented() -> bool:
    """Whether weir-proxy was built with a sanitizer."""
    content = pathlib.Path(programs.weir_proxy()).read_bytes()
    return b"__asan_init" in content or b"__tsan_init" in content


def remove_copies() -> None:
    for path in _copies.values():
        shutil.rmtree(os.path.dirname(path), ignore_errors=True)
    _copies.clear()


class Proxy:
    """weir-proxy in a namespace as user 1337, with a directory of its own (new_directory()) for its configuration and
    logs, which close() removes.

    config: a value of proxy_config.bootstrap(), a text, or None for the built-in configuration. wait=False does not wait
    until it serves. wrap goes in front of the command line, e.g. ["prlimit", "--nofile=64"]. Without `workers` there is
    one, or $WEIR_WORKERS.
    """

    def __init__(
        self,
        namespace: Namespace,
        config: dict | str | None = None,
        *arguments: str,
        workers: int | None = None,
        wait: bool = True,
        wrap: list[str] | None = None,
        uid: int = UID,
        directory: pathlib.Path | None = None,
        admin=proxy_config.ADMIN,
        env: dict[str, str] | None = None,
    ):
        self.namespace = namespace
        self.admin = admin
        self.directory = directory or new_directory()
        workers = workers or int(os.environ.get("WEIR_WORKERS", "1"))
        argv = [*(wrap or []), *self.command(workers), *arguments]
        if config is not None:
            path = self.directory / "bootstrap.yaml"
            path.write_text(config if isinstance(config, str) else json.dumps(config, indent=1))
            argv += ["-c", str(path)]
        with open(self.directory / "stdout", "wb") as out, open(self.directory / "stderr", "wb") as err:
            self.process = namespace.popen(
                argv, uid=uid, gid=uid, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env
            )
        if wait:
            try:
                self.wait_ready()
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def pid(self) -> int:
        return self.process.pid

    # -- life -----------------------------------------------------------------------------------------------------

    def wait_ready(self) -> None:
        def ready() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"weir-proxy exited with {self.process.returncode}\n{self.log()}")
            if not self.says_ready():
                return False  # whoever answers on the admin port is another one
            try:
                return self.get("/ready")[0] == 200
            except OSError:
                return False

        wait_for(ready, "weir-proxy is ready", 20)

    def command(self, workers: int) -> list[str]:
        """The program and what it always gets."""
        return [_program(), "--concurrency", str(workers)]

    def says_ready(self) -> bool:
        return "serving" in self.log()

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait_exit(self, seconds: float = 10.0) -> int:
        return self.process.wait(seconds)

    # -- what it says ---------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str) -> http.client.HTTPResponse:
        """An admin request; the response has been read: see its `text`."""
        client = self.namespace.connect(*self.admin, timeout=20)
        try:
            client.sendall(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
            response = http.client.HTTPResponse(client, method=method)
            response.begin()
            response.text = response.read().decode()
            return response
        finally:
            client.close()

    def get(self, path: str) -> tuple[int, str]:
        response = self.ask("GET", path)
        return response.status, response.text

    def text(self, path: str) -> str:
        status, text = self.get(path)
        assert status == 200, f"GET {path}: {status} {text}"
        return text

    def stats(self) -> dict[str, int]:
        """Counters and gauges; histograms are left out."""
        pairs = (line.partition(": ")[::2] for line in self.text("/stats").splitlines())
        return {name: int(value) for name, value in pairs if value.isdecimal()}

    def stat(self, name: str) -> int:
        return self.stats()[name]

    def wait_stat(self, name: str, value: int, seconds: float = 10.0) -> None:
        last: list = []

        def reached() -> bool:
            last[:] = [self.stat(name)]
            return last[0] == value

        try:
            wait_for(reached, name, seconds)
        except AssertionError:
            raise AssertionError(f"{name} is {last}, not {value}, after {seconds} s\n{self.log()[-2000:]}") from None

    def ended(self) -> dict[str, int]:
        """weir.connection_end.*: how many connections ended, by reason, without the zeros."""
        prefix = "weir.connection_end."
        return {name.removeprefix(prefix): n for name, n in self.stats().items() if name.startswith(prefix) and n}

    def wait_ended(self, reasons: dict[str, int], seconds: float = 10.0) -> None:
        """Waits until exactly these connections have ended."""
        last: list = [None]

        def reached() -> bool:
            last[0] = self.ended()
            return last[0] == reasons

        try:
            wait_for(reached, "connections ended", seconds)
        except AssertionError:
            raise AssertionError(f"ended: {last[0]}, expected {reasons}\n{self.log()[-3000:]}") from None

    def host_values(self, cluster: str) -> dict[str, dict[str, str]]:
        """/clusters of one cluster: {"198.51.100.1:80": {"cx_total": "3", ...}}."""
        hosts: dict[str, dict[str, str]] = {}
        for line in self.text("/clusters").splitlines():
            found = re.fullmatch(r"(.+?)::(\[[0-9a-f:.]+\]:\d+|[\d.]+:\d+)::(\w+)::(.*)", line)
            if found and found[1] == cluster:
                hosts.setdefault(found[2], {})[found[3]] = found[4]
        return hosts

    def log(self) -> str:
        return (self.directory / "stderr").read_text(errors="replace")

    def output(self) -> str:
        return (self.directory / "stdout").read_text(errors="replace")

    def access_lines(self, count: int, name: str = "access.log", seconds: float = 10.0) -> list[dict]:
        """Waits for that many lines of a JSON access log in the proxy's directory and returns them all."""
        path = self.directory / name
        return [json.loads(line) for line in wait_for_lines(path, count, seconds)]

    # -- what it takes --------------------------------------------------------------------------------------------

    def descriptors(self) -> int:
        """How many it has open, once the number stands still: admin connections of ours may still be closing."""
        seen: list[int] = []
        while len(seen) < 5 or (len(set(seen[-5:])) > 1 and len(seen) < 500):
            seen.append(len(os.listdir(f"/proc/{self.pid}/fd")))
            time.sleep(0.01)
        return seen[-1]

    def cpu_seconds(self) -> float:
        """CPU time of all its threads."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def private_bytes(self) -> int:
        """Memory that is its own; under a sanitizer, whose shadow counts too, a fraction of it."""
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        total = 1024 * sum(int(kb) for kb in re.findall(r"Private_(?:Dirty|Clean):\s+(\d+) kB", text))
        return total // 100 if _is_instrumented() else total


def new_directory() -> pathlib.Path:
    """A directory that the proxy's user may write."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="weir-test-proxy-"))
    os.chown(directory, UID, UID)
    os.chmod(directory, 0o755)
    return directory


def wait_for_lines(path: pathlib.Path, count: int, seconds: float = 10.0) -> list[str]:
    def lines() -> list[str] | None:
        found = path.read_text().splitlines(keepends=True) if path.exists() else []
        whole = [line for line in found if line.endswith("\n")]
        return whole if len(whole) >= count else None

    found = wait_for(lines, f"{count} lines in {path.name}", seconds)
    assert len(found) == count, f"{path.name} has {len(found)} lines, not {count}:\n{''.join(found)}"
    return found
