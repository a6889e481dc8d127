# SPDX-License-Identifier: Apache-2.0
"""--exit-after-application: outbound is served until the application has ended, and a Job with a sidecar ends (T27)."""

import os
import signal
import subprocess
import time

import pytest

import proxy_process
from harness import programs
from harness.lab import OUTSIDE
from proxy_peers import echo, says, who
from proxy_process import wait_for

HOST = OUTSIDE[4]
APPLICATION = 1000
LISTENS = "import socket, time; s = socket.create_server(('0.0.0.0', 8080)); print('listens', flush=True); time.sleep(60)"
ASKS = f'import socket, time; s = socket.create_connection(("{HOST}", 7001)); assert s.recv(7) == b"outside"; time.sleep(1)'


@pytest.fixture
def outside(lab, serve):
    serve(lab.peer, HOST, 7000, echo)
    serve(lab.peer, HOST, 7001, says("outside"))


def application(lab, text: str, uid: int = APPLICATION) -> subprocess.Popen:
    """A program of Python's that runs once it has said so."""
    process = lab.pod.popen(["/usr/bin/python3", "-c", text], uid=uid, gid=uid, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline()
    return process


class Contained(proxy_process.Proxy):
    """It is the first process of its process namespace, as in a container, and sees nobody else's."""

    @property
    def pid(self) -> int:
        if self.process.poll() is not None:
            return self.process.pid
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            return int(file.read())

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


@pytest.fixture
def contained(lab, run_proxy):
    def run(*arguments: str) -> Contained:
        user = ["setpriv", f"--reuid={proxy_process.UID}", f"--regid={proxy_process.UID}", "--clear-groups"]
        wrap = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *user]
        return run_proxy(lab.pod, None, *arguments, "--exit-after-application", wrap=wrap, uid=0, program=Contained)

    return run


def test_an_application_that_listens_is_waited_for(lab, outside, contained):
    """Nothing is open for seconds, but it may want to tell somebody of its end."""
    proxy = contained("--drain-time-s", "30")
    with application(lab, LISTENS) as server:
        proxy.send_signal(signal.SIGTERM)
        time.sleep(2)
        assert proxy.process.poll() is None
        assert who(lab.pod, HOST, 7001, uid=APPLICATION) == "outside"
        server.kill()
    assert proxy.wait_exit(10) == 0


def test_the_drain_time_bounds_that(lab, outside, contained):
    proxy = contained("--drain-time-s", "2")
    with application(lab, LISTENS) as server:
        proxy.send_signal(signal.SIGTERM)
        assert proxy.wait_exit(10) == 0
        server.kill()


def test_the_proxys_own_user_is_not_the_application(lab, outside, contained):
    """Probes run as it does."""
    proxy = contained("--drain-time-s", "60")
    with application(lab, LISTENS, proxy_process.UID) as probe:
        proxy.send_signal(signal.SIGTERM)
        assert proxy.wait_exit(10) == 0
        probe.kill()


# The first process of a Pod whose containers share a process namespace. It starts the proxy, then the application when it
# is told to, and says how the proxy has ended.
POD = """
setpriv --reuid=1337 --regid=1337 --clear-groups "$@" &
read -r start
setpriv --reuid=1000 --regid=1000 --clear-groups sh -c "$start"
echo "the application has ended"
wait $!
echo "the proxy: $?"
"""


class SharedPod:
    """weir-proxy and an application in a process namespace of their own."""

    def __init__(self, lab, *arguments: str):
        unshare = [programs.system("unshare"), "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", POD, "sh"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = lab.pod.popen([*unshare, proxy_process._program(), "--concurrency", "1", *arguments], **pipes)
        wait_for(lambda: "serving" in self.process.stderr.readline(), "the proxy serves")

    def __enter__(self) -> "SharedPod":
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.communicate()

    def run_application(self, command: str) -> None:
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()


def test_a_job_ends_with_its_application(lab, outside):
    with SharedPod(lab, "--exit-after-application") as pod:
        time.sleep(3)
        assert pod.process.poll() is None, "the application has not even begun"
        pod.run_application(f"/usr/bin/python3 -c '{ASKS}'")
        out, log = pod.process.communicate(timeout=20)
    said = [line for line in out.splitlines() if not line.startswith("[")]  # others are the access log's
    assert said == ["the application has ended", "the proxy: 0"]
    assert "the application has ended: draining" in log


def test_without_the_flag_a_proxy_outlives_its_application(lab, outside):
    """The control."""
    with SharedPod(lab) as pod:
        pod.run_application("true")
        assert pod.process.stdout.readline() == "the application has ended\n"
        time.sleep(4)
        assert pod.process.poll() is None
        assert who(lab.pod, HOST, 7001, uid=APPLICATION) == "outside"
