# SPDX-License-Identifier: Apache-2.0
"""The Pods of manifests/pods/, played as they are: an init container with CAP_NET_ADMIN, an unprivileged sidecar."""

import contextlib
import json
import os
import signal
import time

import pytest
from conftest import smaps_of
from harness import programs
from pod_images import PAGE, REFUSED

FOLDER = programs.CHECKOUT / "manifests/pods"
RESTARTS = int(os.environ.get("WEIR_POD_RESTARTS", "50"))
CLIENT = """
apiVersion: v1
kind: Pod
metadata: { name: client }
spec:
  restartPolicy: Never
  containers:
    - { name: shell, image: "nginx:1.18-alpine", command: [/bin/busybox, sleep, "3600"] }
"""
BACKEND_ADDRESS = "203.0.113.180"


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.yaml").read_text()


@contextlib.contextmanager
def pods(machine, *played: tuple[str, ...]):
    """Plays (text, argument...) one after the other, and takes them down in the end."""
    try:
        for text, *arguments in played:
            machine.play(text, *arguments)
        yield
    finally:
        machine.podman("pod", "kill", "--all", check=False)  # how a Pod ends by itself is a test of its own
        for text, *_ in reversed(played):
            machine.down(text)
        assert machine.podman("ps", "-a", "-q") == ""


def ask(machine, container: str, url: str, seconds: int = 5) -> tuple[int, str]:
    """GET by curl: its exit code, and head and body of the answer."""
    return machine.execute(container, "/bin/curl", "-sS", "-i", "--noproxy", "*", "-m", str(seconds), url)


def wait_for(condition, what: str, seconds: float = 20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def state_of(machine, container: str) -> dict:
    return machine.inspect(container)["State"]


@pytest.fixture
def inbound(machine):
    with pods(machine, (text_of("inbound"),), (CLIENT,)):
        yield machine.address("inbound")


@pytest.fixture
def outbound(machine):
    with pods(machine, (text_of("backend"), "--ip", BACKEND_ADDRESS), (text_of("outbound"),)):
        yield


def serves(machine, address: str) -> bool:
    code, printed = ask(machine, "client-shell", f"http://{address}/", 2)
    return code == 0 and "x-passed: sidecar" in printed


def test_inbound(machine, inbound):
    """A client in another Pod reaches the application through the sidecar; within the Pod nothing is in between."""
    wait_for(lambda: serves(machine, inbound), "an answer through the sidecar")
    code, printed = ask(machine, "client-shell", f"http://{inbound}/")
    assert code == 0 and PAGE in printed and "server: envoy" in printed
    code, printed = ask(machine, "inbound-web", "http://127.0.0.1/")
    assert code == 0 and PAGE in printed and "x-passed" not in printed


def test_outbound(machine, outbound):
    """The service is reached by name through its listener; what nobody knows is refused and logged with the reason."""
    code, printed = wait_for(
        lambda: (found := ask(machine, "outbound-web", "http://backend/"))[0] == 0 and found, "an answer from the backend"
    )
    assert PAGE in printed and "x-passed: sidecar" in printed
    code, printed = ask(machine, "outbound-web", "http://203.0.113.181/")
    assert code in REFUSED, printed

    def logged() -> list[dict]:
        lines = machine.logs("outbound-weir-proxy").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return found if {row["chain"] for row in found} == {"service", "refused"} else []

    rows = wait_for(logged, "a line of each in the access log")
    assert next(row for row in rows if row["chain"] == "service")["upstream"] == f"{BACKEND_ADDRESS}:80"
    assert next(row for row in rows if row["chain"] == "refused")["to"] == "203.0.113.181:80"


def test_the_sidecar_has_no_privileges(machine, inbound):
    wait_for(lambda: serves(machine, inbound), "an answer through the sidecar")
    process = machine.inspect("inbound-weir-proxy")["State"]["Pid"]
    status = dict(line.split(":\t", 1) for line in open(f"/proc/{process}/status").read().splitlines() if ":\t" in line)
    assert status["Uid"].split() == ["1337"] * 4 and status["Gid"].split() == ["1337"] * 4
    assert {int(status[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert "overlay / overlay ro," in open(f"/proc/{process}/mounts").read()


def test_the_init_container_ends_with_success(machine, inbound):
    state = state_of(machine, "inbound-weir-init")
    assert state["Status"] == "exited" and state["ExitCode"] == 0


def test_weirctl_says_when_the_proxy_is_ready(machine, inbound):
    code, printed = machine.execute("inbound-weir-proxy", "/usr/local/bin/weirctl", "wait", "--timeout", "20s")
    assert code == 0, printed
    machine.podman("kill", "--signal", "STOP", "inbound-weir-proxy")
    code, printed = machine.execute("inbound-weir-proxy", "/usr/local/bin/weirctl", "wait", "--timeout", "1s")
    machine.podman("kill", "--signal", "CONT", "inbound-weir-proxy")
    assert code == 1 and "127.0.0.1:15000" in printed


def test_an_idle_sidecar_is_small(machine, inbound):
    wait_for(lambda: serves(machine, inbound), "an answer through the sidecar")
    assert smaps_of(machine, "inbound-weir-proxy")["Pss"] < 8000


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_a_restart_of_the_sidecar_refuses_nobody(machine, inbound, number):
    """While the sidecar is away a client waits in the kernel; the rules live in the Pod's network namespace and stay."""
    wait_for(lambda: serves(machine, inbound), "an answer through the sidecar")
    for _ in range(RESTARTS if number == signal.SIGKILL else max(1, RESTARTS // 10)):
        machine.podman("kill", "--signal", str(int(number)), "inbound-weir-proxy")
        if number == signal.SIGTERM:  # it waits for the application, as long as it is let
            time.sleep(6)
            machine.podman("kill", "--signal", "KILL", "inbound-weir-proxy")
        wait_for(lambda: state_of(machine, "inbound-weir-proxy")["Status"] == "exited", "the end of the sidecar")
        before = ask(machine, "client-shell", f"http://{inbound}/", 1)
        assert before[0] != 0 and "refused" not in before[1], before
        machine.podman("start", "inbound-weir-proxy")
        code, printed = ask(machine, "client-shell", f"http://{inbound}/")
        assert code == 0 and "x-passed: sidecar" in printed, printed


def test_a_pod_ends_cleanly(machine):
    """Stopped, the sidecar drains and exits with 0."""
    text = text_of("inbound")
    with pods(machine, (text,), (CLIENT,)):
        address = machine.address("inbound")
        wait_for(lambda: serves(machine, address), "an answer through the sidecar")
        machine.podman("kill", "--signal", "TERM", "inbound-weir-proxy")
        assert serves(machine, address)  # who does not know of the end yet is served
        machine.podman("kill", "--signal", "KILL", "inbound-web")
        wait_for(lambda: state_of(machine, "inbound-weir-proxy")["Status"] == "exited", "the end of the sidecar", 40)
        assert state_of(machine, "inbound-weir-proxy")["ExitCode"] == 0
