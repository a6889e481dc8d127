# SPDX-License-Identifier: Apache-2.0
"""The demo's network: a pod, the world outside it, and the programs that run in both."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("WEIR_BUILD", CHECKOUT / "build")).absolute()
HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"

POD, OUTSIDE = "weir-demo-pod", "weir-demo-outside"
FOLDER_PREFIX = "weir-demo-run-"

PROXY_UID, APPLICATION_UID, EXCLUDED_UID = 1337, 1000, 4242
EXCLUDED_PORT = 9999

POD_V4, POD_V6 = "198.51.100.10", "2001:db8:1::10"
CATALOG_SERVICE = "203.0.113.10"  # a service address: nobody lives there
CATALOG_HOST = "198.51.100.20"
OUTSIDE_V4, OUTSIDE_V6 = "203.0.113.50", "2001:db8:2::50"
BLOCKED_V4 = "203.0.113.66"

INIT_FLAGS = ["-p", "15001", "-z", "15006", "-u", f"{PROXY_UID},{EXCLUDED_UID}", "-m", "REDIRECT",
              "-i", "*", "-b", "*", "-o", str(EXCLUDED_PORT)]  # fmt: skip


class DemoError(Exception):
    """The demo cannot go on; the text is for a person."""


def run(argv: list[str], text: str | None = None, timeout: float = 10.0) -> str:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        raise DemoError(f"{' '.join(argv)}: exit {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def inside(namespace: str, argv: list[str], uid: int = 0) -> list[str]:
    """argv, run in the namespace as the user."""
    identity = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else []
    return ["ip", "netns", "exec", namespace, *identity, *argv]


def lay_network() -> None:
    for name in (POD, OUTSIDE):
        run(["ip", "netns", "add", name])
    run(["ip", "link", "add", "eth0", "netns", POD, "type", "veth", "peer", "eth0", "netns", OUTSIDE])
    run(["ip", "-n", POD, "-batch", "-"], f"""\
link set lo up
link set eth0 up
addr add {POD_V4}/24 dev eth0
addr add {POD_V6}/64 dev eth0 nodad
route add default via 198.51.100.1
""")
    run(["ip", "-n", POD, "-6", "route", "add", "default", "via", "2001:db8:1::1"])
    run(["ip", "-n", OUTSIDE, "-batch", "-"], f"""\
link set lo up
link set eth0 up
addr add 198.51.100.1/24 dev eth0
addr add {CATALOG_HOST}/24 dev eth0
addr add 2001:db8:1::1/64 dev eth0 nodad
addr add {OUTSIDE_V4}/32 dev lo
addr add {BLOCKED_V4}/32 dev lo
addr add {OUTSIDE_V6}/128 dev lo nodad
""")


def remove() -> bool:
    """Removes everything of any demo that ran before; True when there was something."""
    found = False
    for name in (POD, OUTSIDE):
        if not pathlib.Path("/run/netns", name).exists():
            continue
        found = True
        pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False)
        for pid in pids.stdout.split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    for folder in pathlib.Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        if folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
            found = True
    return found


class Programs:
    """The programs of the demo, running; and what they wrote."""

    def __init__(self) -> None:
        # The proxy runs as another user, who may not be able to look into this checkout (/root is closed).
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        self.folder.chmod(0o755)
        for program in ("init/weir-init", "proxy/weir-proxy"):
            if not os.access(BUILD / program, os.X_OK):
                raise DemoError(f"{BUILD / program}: not built; run scripts/demo.sh")
            shutil.copy(BUILD / program, self.folder)
        shutil.copy(CHECKOUT / "manifests" / "demo.yaml", self.folder)
        shutil.copy(HERE / "responder.py", self.folder)
        self.weir_init = str(self.folder / "weir-init")
        self.access_log = self.folder / "access.log"
        self.proxy_log = self.folder / "proxy.log"

    def start_responders(self) -> None:
        self._respond(OUTSIDE, 0, [
            f"catalog={CATALOG_HOST}:9080",
            f"a server outside={OUTSIDE_V4}:80",
            f"a server outside=[{OUTSIDE_V6}]:80",
            f"a server of the blocked network={BLOCKED_V4}:80",
            f"greet:a server of the blocked network={BLOCKED_V4}:{EXCLUDED_PORT}",
        ])  # fmt: skip
        self._respond(POD, APPLICATION_UID, ["the application=[::]:8080"])

    def _respond(self, namespace: str, uid: int, places: list[str]) -> None:
        log = self.folder / f"responder-{namespace}.log"
        argv = inside(namespace, [PYTHON, str(self.folder / "responder.py"), *places], uid)
        process = self._start(argv, log, log)
        self._wait(process, log, lambda: "ready" in log.read_text(), "the servers")

    def start_proxy(self) -> list[str]:
        """@return the command, as one would type it."""
        command = [str(self.folder / "weir-proxy"), "-c", str(self.folder / "demo.yaml"), "--concurrency", "2"]
        process = self._start(inside(POD, command, PROXY_UID), self.access_log, self.proxy_log)
        self._wait(process, self.proxy_log, self.proxy_is_ready, "weir-proxy")
        return command

    @staticmethod
    def _start(argv: list[str], out: pathlib.Path, err: pathlib.Path) -> subprocess.Popen:
        with out.open("ab") as output, err.open("ab") as errors:
            return subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, start_new_session=True, cwd="/"
            )

    @staticmethod
    def _wait(process: subprocess.Popen, log: pathlib.Path, ready, what: str) -> None:
        deadline = time.monotonic() + 10
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                state = "did not become ready" if process.poll() is None else f"ended with {process.returncode}"
                raise DemoError(f"{what} {state}; it said:\n{log.read_text()}")
            time.sleep(0.02)

    @staticmethod
    def proxy_is_ready() -> bool:
        command = inside(POD, ["curl", "-s", "-m", "2", "http://127.0.0.1:15000/ready"])
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() == "LIVE"

    def log_lines(self) -> list[str]:
        return self.access_log.read_text().splitlines()


class Rule:
    """One rule of weir-init's table as the kernel shows it, with what it has counted."""

    def __init__(self, chain: str, text: str) -> None:
        found = re.fullmatch(r'(.*?)\s*counter packets (\d+) bytes \d+\s*(.*?)(?: comment "(.*)")?', text)
        if found is None:
            raise DemoError(f"nft rule '{text}': not understood")
        self.chain = chain
        self.match, self.verdict, self.comment = found[1], found[3], found[4] or ""
        self.connections = int(found[2])

    @property
    def text(self) -> str:
        return " ".join(part for part in (self.match, self.verdict) if part)

    @property
    def leaves_alone(self) -> bool:
        return self.verdict == "return"


def read_rules() -> list[Rule]:
    rules, chain = [], ""
    for line in run(inside(POD, ["nft", "list", "table", "inet", "weir"])).splitlines():
        line = line.strip()
        if line.startswith("chain "):
            chain = line.split()[1]
        elif " counter packets " in f" {line}":
            rules.append(Rule(chain, line))
    return rules


if __name__ == "__main__":
    sys.exit("run scripts/demo.sh")
