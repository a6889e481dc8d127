# SPDX-License-Identifier: Apache-2.0
"""Network namespaces that belong to this test run, and work done inside them.

Every namespace is named weir-test-<pid>-<label>. All of them are removed when their owner closes them, when the process
exits (^C and SIGTERM included), and, after a run that was killed outright, by the next run's sweep().
"""

import atexit
import ctypes
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading

from . import programs

PREFIX = "weir-test-"
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_alive: dict[str, "Namespace"] = {}


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _tool(*argv: str, text: str | None = None, check: bool = True) -> str:
    done = subprocess.run(
        [programs.system(argv[0]), *argv[1:]], input=text, capture_output=True, text=True, check=False
    )
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}\n{text or ''}")
    return done.stdout


class Namespace:
    """One network namespace. lo is up; nothing else is in it."""

    def __init__(self, label: str):
        self.name = f"{PREFIX}{os.getpid()}-{label}"
        self.label = label
        _tool("ip", "netns", "add", self.name)
        _alive[self.name] = self
        self.ip_batch(["link set lo up"])

    def __repr__(self) -> str:
        return f"<namespace {self.name}>"

    def __enter__(self) -> "Namespace":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    @property
    def path(self) -> str:
        return f"/run/netns/{self.name}"

    def close(self) -> None:
        """Kills what still runs inside and removes the namespace with its links."""
        if _alive.pop(self.name, None) is not None:
            remove(self.name)

    # -- setting up ---------------------------------------------------------------------------------------------

    def ip_batch(self, lines: list[str]) -> None:
        """Runs lines of ip(8) without the leading "ip"; "-6" goes in front of a line that needs it."""
        for family in ("-4", "-6"):
            chosen = [line.removeprefix("-6 ") for line in lines if line.startswith("-6 ") == (family == "-6")]
            if chosen:
                _tool("ip", "-n", self.name, family, "-batch", "-", text="\n".join(chosen) + "\n")

    def sysctl(self, name: str, value: object) -> None:
        """Writes net.* of this namespace, e.g. sysctl("net/ipv4/ip_forward", 1)."""
        self.call(lambda: pathlib.Path("/proc/sys", name).write_text(f"{value}\n"))

    # -- working inside -----------------------------------------------------------------------------------------

    def enter(self) -> None:
        """Moves the calling thread into the namespace, for good."""
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _check(_libc.setns(fd, CLONE_NEWNET), f"setns {self.name}")
        finally:
            os.close(fd)

    def call(self, function, *arguments, uid: int = 0, gid: int = 0):
        """Runs function(*arguments) on a thread inside the namespace and returns what it returns.

        With uid/gid, sockets that it makes belong to that user (the kernel's owner match reads fsuid/fsgid). Sockets
        made inside stay in the namespace when they are used outside.
        """
        outcome: list = []

        def body() -> None:
            try:
                self.enter()
                _libc.setfsgid(gid)
                _libc.setfsuid(uid)
                outcome.append((True, function(*arguments)))
            except BaseException as error:  # handed to the caller's thread, whatever it is
                outcome.append((False, error))

        thread = threading.Thread(target=body, name=f"in-{self.name}", daemon=True)
        thread.start()
        thread.join()
        succeeded, value = outcome[0]
        if succeeded:
            return value
        raise value

    def new_socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, uid: int = 0, gid: int = 0) -> socket.socket:
        return self.call(lambda: socket.socket(family, kind), uid=uid, gid=gid)

    def listen(self, address: str, port: int, backlog: int = 128) -> socket.socket:
        """A listening TCP socket; an IPv6 one takes IPv6 only."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = self.new_socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(backlog)
        return listener

    def connect(
        self,
        address: str,
        port: int,
        *,
        uid: int = 0,
        gid: int = 0,
        source: str | None = None,
        timeout: float = 5.0,
    ) -> socket.socket:
        """A connected TCP socket that belongs to uid/gid; raises OSError as connect(2) fails."""
        client = self.new_socket(socket.AF_INET6 if ":" in address else socket.AF_INET, uid=uid, gid=gid)
        client.settimeout(timeout)
        try:
            if source is not None:
                client.bind((source, 0))
            client.connect((address, port))
        except BaseException:
            client.close()
            raise
        return client

    def popen(self, argv: list[str], *, uid: int = 0, gid: int = 0, **options) -> subprocess.Popen:
        """Starts a program inside, as uid/gid without other groups; it dies with this process."""

        def prepare() -> None:
            self.enter()
            if uid or gid:
                os.setgroups([])
                os.setresgid(gid, gid, gid)
                os.setresuid(uid, uid, uid)
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

        return subprocess.Popen(argv, preexec_fn=prepare, **options)

    def run(
        self,
        argv: list[str],
        *,
        uid: int = 0,
        gid: int = 0,
        text: str | None = None,
        timeout: float = 60.0,
        check: bool = False,
        env: dict[str, str] | None = None,
    ) -> subprocess.CompletedProcess:
        """Runs a program inside to its end, with its output as text. check: a failure raises with its stderr."""
        process = self.popen(
            argv,
            uid=uid,
            gid=gid,
            env=env,
            text=True,
            stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            out, err = process.communicate(text, timeout=timeout)
        except BaseException:
            process.kill()
            process.communicate()
            raise
        if check and process.returncode != 0:
            raise RuntimeError(f"{' '.join(argv)}: exit {process.returncode}\n{out}{err}")
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    def tool(self, *argv: str, text: str | None = None, check: bool = True) -> str:
        """Runs a distribution program inside and returns its output, e.g. tool("nft", "list", "ruleset")."""
        return self.run([programs.system(argv[0]), *argv[1:]], text=text, check=check).stdout


def connect_veth(left: Namespace, left_name: str, right: Namespace, right_name: str) -> None:
    """A pair of virtual network cards between two namespaces, both up. Nothing appears outside them."""
    _tool("ip", "link", "add", left_name, "netns", left.name, "type", "veth", "peer", right_name, "netns", right.name)
    left.ip_batch([f"link set {left_name} up"])
    right.ip_batch([f"link set {right_name} up"])


def remove(name: str) -> None:
    """Kills the processes of one of our namespaces and deletes it."""
    assert name.startswith(PREFIX)
    for pid in _tool("ip", "netns", "pids", name, check=False).split():
        if int(pid) != os.getpid():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
    _tool("ip", "netns", "delete", name, check=False)


def remove_all() -> None:
    for namespace in list(_alive.values()):
        namespace.close()


def sweep() -> list[str]:
    """Removes the namespaces of runs whose process is gone; returns their names."""
    stale = []
    for entry in sorted(pathlib.Path("/run/netns").glob(f"{PREFIX}*")):
        owner = re.match(rf"{PREFIX}(\d+)-", entry.name)
        if owner and not pathlib.Path("/proc", owner.group(1)).exists():
            remove(entry.name)
            stale.append(entry.name)
    return stale


def why_impossible() -> str | None:
    """Why namespace tests cannot run here, or None. The tests fail with it: they are never skipped."""
    if os.geteuid() != 0:
        return "namespace tests need root"
    try:
        with Namespace("feature") as namespace:
            namespace.ip_batch(["link add weirtest0 type veth peer name weirtest1"])
            namespace.tool("nft", "add table inet t; add chain inet t c { type nat hook output priority -100; }")
    except (OSError, RuntimeError, programs.MissingProgram) as error:
        return f"namespace tests need namespaces, veth and nf_tables with inet nat: {error}"
    return None


atexit.register(remove_all)
