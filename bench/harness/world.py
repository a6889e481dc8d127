# SPDX-License-Identifier: Apache-2.0
"""The network namespaces of a run, the programs in them, and their removal whatever happens."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

PROXY_UID = 1337
APP_ADDRESS = "198.51.100.1"
UPSTREAM_ADDRESS = "198.51.100.2"
BARE_UPSTREAM_ADDRESS = "203.0.113.2"
CONGESTION_CONTROL = "reno"
# In the folder of the run: takes what a proxy logs to a daemon.
LOG_SOCKET = "log.sock"

# Ports of the upstream: a service and a slot make a port, so that every proxy has its own.
SERVICES = {"reply": 7000, "sink": 7100, "source": 7200}
# The HTTP ones: to which listener of the proxy, hence what it does. All but "http2" end at HTTP/1.1.
HTTP_SERVICES = {"http": 7300, "http-log": 7400, "http-lua": 7500, "http-relay": 7600, "http2": 7700,
                 "http2-http1": 7800}
PORTS = SERVICES | HTTP_SERVICES
SLOTS = 40

# app holds the redirect, the proxies and their clients; bare knows no netfilter; each has a link to
# up, the upstream's. The rest are for rule sets, one a method, so that none disturbs another.
RULE_SPACES = ("weir", "nft", "legacy", "none")
SPACES = ("app", "bare", "up", *RULE_SPACES)


class Failure(Exception):
    """A measurement that could not be made; its text goes into the table."""


class World:
    """The namespaces of SPACES with their links, and the upstream program."""

    def __init__(self, tools):
        self.tools = Path(tools)
        self.folder = Path(tempfile.gettempdir()) / f"weir-bench-{os.getpid()}"
        self.folder.mkdir()
        os.chmod(self.folder, 0o777)
        self.prefix = f"wb{os.getpid()}"
        self.processes = []
        self.upstream = None

    def __enter__(self):
        try:
            remove_leftovers()
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def namespace(self, name):
        return f"{self.prefix}-{name}"

    def _build(self):
        for name in SPACES:
            must(["ip", "netns", "add", self.namespace(name)])
            self.must_in(name, ["ip", "link", "set", "lo", "up"])
        self._join("app", f"{APP_ADDRESS}/24", f"{UPSTREAM_ADDRESS}/24")
        self._join("bare", "203.0.113.1/24", f"{BARE_UPSTREAM_ADDRESS}/24")
        for name in RULE_SPACES:
            self._join(name, "198.51.100.129/25", None)
        for name in SPACES:
            self._tune(name)
        self.upstream = self.start("up", [
            self.tool("upstream"),
            *[word for service, first in SERVICES.items()
              for word in (f"--{service}", ports_of(first))],
            "--http1", ",".join(ports_of(first) for service, first in HTTP_SERVICES.items() if service != "http2"),
            "--http2", ports_of(HTTP_SERVICES["http2"]), "--log", str(self.folder / LOG_SOCKET)])
        self.upstream.wait_for_line("ready")

    def _join(self, name, address, upstream_address):
        here, there = f"{name}0", f"up-{name}"
        must(["ip", "link", "add", here, "netns", self.namespace(name), "type", "veth",
              "peer", "name", there, "netns", self.namespace("up")])
        self.must_in(name, ["ip", "address", "add", address, "dev", here])
        self.must_in(name, ["ip", "link", "set", here, "up"])
        self.must_in("up", ["ip", "link", "set", there, "up"])
        if upstream_address:
            self.must_in("up", ["ip", "address", "add", upstream_address, "dev", there])
        else:
            self.must_in(name, ["ip", "route", "add", "default", "dev", here])

    def _tune(self, name):
        settings = {
            "net.ipv4.tcp_congestion_control": CONGESTION_CONTROL,
            "net.core.somaxconn": 65535,
            "net.ipv4.tcp_max_syn_backlog": 65535,
            # The close of a connection must not become the price of the next one.
            "net.ipv4.ip_local_port_range": "16000 64999",
            "net.ipv4.tcp_tw_reuse": 1,
            "net.netfilter.nf_conntrack_tcp_timeout_time_wait": 1,
            "net.netfilter.nf_conntrack_tcp_timeout_close": 1,
        }
        for key, value in settings.items():
            if name in ("bare", "up", "none") and "netfilter" in key:
                continue
            self.must_in(name, ["sysctl", "-qw", f"{key}={value}"])

    def tool(self, name):
        return str(self.tools / f"weir-bench-{name}")

    def enter(self, name):
        return ["nsenter", f"--net=/run/netns/{self.namespace(name)}", "--"]

    @contextlib.contextmanager
    def fresh_namespace(self):
        """Name of a namespace with nothing but its loopback, gone afterwards."""
        must(["ip", "netns", "add", self.namespace("fresh")])
        try:
            must(["ip", "-n", self.namespace("fresh"), "link", "set", "lo", "up"])
            yield "fresh"
        finally:
            subprocess.run(["ip", "netns", "delete", self.namespace("fresh")], check=False)

    def must_in(self, name, command, **options):
        return must(self.enter(name) + command, **options)

    def json_in(self, name, command, timeout=60):
        """Runs a helper program and returns the JSON object it prints."""
        return json.loads(must(self.enter(name) + command, timeout=timeout))

    def start(self, name, command, uid=0, log=None, **options):
        """Starts a program that lives until stop() or the end of the run."""
        process = Process(self.enter(name) + as_user(uid) + command, log or self.folder / "log",
                          **options)
        self.processes.append(process)
        return process

    def close(self):
        for process in reversed(self.processes):
            process.stop(hard=True)
        for name in SPACES:
            if Path(f"/run/netns/{self.namespace(name)}").exists():
                subprocess.run(["ip", "netns", "delete", self.namespace(name)], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def ports_of(first):
    return f"{first}-{first + SLOTS - 1}"


class Process:
    """One program that this run started."""

    def __init__(self, command, log, stdin=False):
        self.log = Path(log)
        with self.log.open("ab") as output:
            self.popen = subprocess.Popen(
                command, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=output, text=True, bufsize=1)
        self.pid = self.popen.pid

    def wait_for_line(self, wanted=""):
        line = self.popen.stdout.readline()
        if wanted not in line or not line:
            raise Failure(f"'{self.popen.args[-1]}' said '{line.strip()}', not '{wanted}': {self.tail()}")
        return line

    def say(self, line):
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def tail(self):
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return "; ".join(lines[-3:])

    def alive(self):
        return self.popen.poll() is None

    def stop(self, hard=False, timeout=30, wait_signal=signal.SIGTERM):
        if self.alive():
            self.popen.send_signal(signal.SIGKILL if hard else wait_signal)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
                raise Failure(f"no exit within {timeout} s of {wait_signal.name}") from None
        for stream in (self.popen.stdin, self.popen.stdout):
            if stream:
                stream.close()


def as_user(uid):
    # The signal is for the day on which the harness itself is killed.
    identity = ["--reuid", str(uid), "--regid", str(uid), "--clear-groups"] if uid else []
    return ["setpriv", *identity, "--pdeathsig", "SIGKILL", "--"]


def must(command, timeout=60, **options):
    """Runs a command and returns its output; Failure carries its first line of complaint."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False,
                              **options)
    except subprocess.TimeoutExpired:
        raise Failure(f"'{Path(command[-1]).name}': no end within {timeout} s") from None
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise Failure(words[0] if words else f"'{' '.join(command)}' exited {done.returncode}")
    return done.stdout


def remove_leftovers():
    """What a run left behind that was killed before it could clean up."""
    def abandoned(pattern, path):
        owner = re.match(pattern, path.name)
        return owner and not Path(f"/proc/{owner[1]}").exists()

    for path in Path("/run/netns").glob("wb*-*"):
        if abandoned(r"wb(\d+)-", path):
            subprocess.run(["ip", "netns", "delete", path.name], check=False)
    for path in Path(tempfile.gettempdir()).glob("weir-bench-*"):
        if abandoned(r"weir-bench-(\d+)$", path):
            shutil.rmtree(path, ignore_errors=True)


def wait_until(condition, what, timeout=10.0, pause=0.02):
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {timeout:g} s")
        time.sleep(pause)
