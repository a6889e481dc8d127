# SPDX-License-Identifier: Apache-2.0
"""The demo's network: two pods, the world outside them, and the programs that run in all three."""

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

POD, OUTSIDE, MESHED = "weir-demo-pod", "weir-demo-outside", "weir-demo-meshed"
NAMESPACES = (POD, OUTSIDE, MESHED)
NAMES_FOLDER = pathlib.Path("/etc/netns", MESHED)  # `ip netns exec` lays its hosts over /etc/hosts
FOLDER_PREFIX = "weir-demo-run-"

PROXY_UID, APPLICATION_UID, EXCLUDED_UID = 1337, 1000, 4242
EXCLUDED_PORT = 9999

POD_V4, POD_V6 = "198.51.100.10", "2001:db8:1::10"
CATALOG_SERVICE = "203.0.113.10"  # a service address: nobody lives there
CATALOG_HOST = "198.51.100.20"
OUTSIDE_V4, OUTSIDE_V6 = "203.0.113.50", "2001:db8:2::50"
BLOCKED_V4 = "203.0.113.66"
MESHED_V4, MESHED_GATEWAY = "203.0.113.130", "203.0.113.129"
SHOP_HOST = "shop.example.com"  # OUTSIDE_V4's name
CONTROL_PORT = 15010

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
    for name in NAMESPACES:
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
    lay_meshed_pod()


def lay_meshed_pod() -> None:
    run(["ip", "link", "add", "eth0", "netns", MESHED, "type", "veth", "peer", "eth1", "netns", OUTSIDE])
    run(["ip", "-n", MESHED, "-batch", "-"], f"""\
link set lo up
link set eth0 up
addr add {MESHED_V4}/28 dev eth0
route add default via {MESHED_GATEWAY}
""")
    run(["ip", "-n", OUTSIDE, "-batch", "-"], f"link set eth1 up\naddr add {MESHED_GATEWAY}/28 dev eth1\n")
    NAMES_FOLDER.mkdir(parents=True, exist_ok=True)
    (NAMES_FOLDER / "hosts").write_text(f"127.0.0.1 localhost\n{OUTSIDE_V4} {SHOP_HOST}\n")


def remove() -> bool:
    """Removes everything of any demo that ran before; True when there was something."""
    found = False
    for name in NAMESPACES:
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
    if NAMES_FOLDER.exists():
        shutil.rmtree(NAMES_FOLDER)
        with contextlib.suppress(OSError):  # somebody else's are in it
            NAMES_FOLDER.parent.rmdir()
        found = True
    return found


class Programs:
    """The programs of the demo, running; and what they wrote."""

    def __init__(self) -> None:
        # The proxy runs as another user, who may not be able to look into this checkout (/root is closed).
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        self.folder.chmod(0o755)
        for program in ("init/weir-init", "proxy/weir-proxy", "control/weir-control"):
            if not os.access(BUILD / program, os.X_OK):
                raise DemoError(f"{BUILD / program}: not built; run scripts/demo.sh")
            shutil.copy(BUILD / program, self.folder)
        for manifest in ("demo.yaml", "mesh-proxy.yaml"):
            shutil.copy(CHECKOUT / "manifests" / manifest, self.folder)
        shutil.copytree(CHECKOUT / "manifests" / "mesh", self.mesh_folder)
        shutil.copy(HERE / "responder.py", self.folder)
        self.weir_init = str(self.folder / "weir-init")
        self.weir_control = str(self.folder / "weir-control")
        self.control_log = self.folder / "control.log"

    @property
    def mesh_folder(self) -> pathlib.Path:
        """What weir-control serves."""
        return self.folder / "mesh"

    def access_log(self, pod: str) -> pathlib.Path:
        return self.folder / f"access-{pod}.log"

    def proxy_log(self, pod: str) -> pathlib.Path:
        return self.folder / f"proxy-{pod}.log"

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

    def start_control(self) -> None:
        log = self.control_log
        argv = [self.weir_control, str(self.mesh_folder), "--listen", f"{OUTSIDE_V4}:{CONTROL_PORT}"]
        process = self._start(inside(OUTSIDE, argv, PROXY_UID), log, log)
        self._wait(process, log, lambda: f"(port {CONTROL_PORT})" in log.read_text(), "weir-control")

    def start_proxy(self, pod: str, manifest: str) -> None:
        command = [str(self.folder / "weir-proxy"), "-c", str(self.folder / manifest), "--concurrency", "2"]
        process = self._start(inside(pod, command, PROXY_UID), self.access_log(pod), self.proxy_log(pod))
        self._wait(process, self.proxy_log(pod), lambda: ask_proxy(pod, "/ready").split("\n")[0] == "LIVE", "weir-proxy")

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

    def log_lines(self, pod: str) -> list[str]:
        return self.access_log(pod).read_text().splitlines()


def ask_proxy(pod: str, path: str) -> str:
    """What the pod's proxy says on its admin port; "" while it does not."""
    command = inside(pod, ["curl", "-s", "-m", "2", f"http://127.0.0.1:15000{path}"])
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


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


def read_rules(pod: str) -> list[Rule]:
    rules, chain = [], ""
    for line in run(inside(pod, ["nft", "list", "table", "inet", "weir"])).splitlines():
        line = line.strip()
        if line.startswith("chain "):
            chain = line.split()[1]
        elif " counter packets " in f" {line}":
            rules.append(Rule(chain, line))
    return rules


if __name__ == "__main__":
    sys.exit("run scripts/demo.sh")
