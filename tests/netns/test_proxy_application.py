# SPDX-License-Identifier: Apache-2.0
"""--outlive-application: outbound is served until the application has ended. --exit-after-application: a Job with a sidecar ends, too (T27)."""

import os
import resource
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


FLAGS = ["--outlive-application", "--exit-after-application"]


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
    def run(*arguments: str, flag: str = FLAGS[0], uid: int = proxy_process.UID, **options) -> Contained:
        user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
        wrap = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *user]
        return run_proxy(lab.pod, None, *arguments, flag, wrap=wrap, uid=0, program=Contained, **options)

    return run


@pytest.mark.parametrize("flag", FLAGS)
def test_an_application_that_listens_is_waited_for(lab, outside, contained, flag):
    """Nothing is open for seconds, but it may want to tell somebody of its end."""
    proxy = contained("--drain-time-s", "30", flag=flag)
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


def test_what_is_not_shown_is_said_once_and_not_waited_for(lab, outside, contained):
    # A sanitizer's search for leaks, at the end, needs descriptors.
    env = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    proxy = contained("--drain-time-s", "60", uid=0, env=env)  # another user's limits are not ours to change
    with application(lab, LISTENS) as server:
        resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (1, 1024))
        proxy.send_signal(signal.SIGTERM)
        assert proxy.wait_exit(10) == 0
        server.kill()
    said = "the application cannot be looked at: sock_diag: socket: Too many open files; after SIGTERM it is not waited for"
    assert proxy.log().count(said) == 1


# The first process of a Pod whose containers share a process namespace. It starts the proxy, then the application when it
# is told to, and says how the proxy has ended.
POD = """
setpriv --reuid=UID --regid=UID --clear-groups "$@" &
read -r start
setpriv --reuid=1000 --regid=1000 --clear-groups sh -c "$start"
echo "the application has ended"
wait $!
echo "the proxy: $?"
"""


class SharedPod:
    """weir-proxy and an application in a process namespace of their own."""

    def __init__(self, lab, *arguments: str, uid: int = proxy_process.UID):
        script = POD.replace("UID", str(uid))
        unshare = [programs.system("unshare"), "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script, "sh"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = lab.pod.popen([*unshare, proxy_process._program(), "--concurrency", "1", *arguments], **pipes)
        wait_for(lambda: "serving" in self.process.stderr.readline(), "the proxy serves")

    def __enter__(self) -> "SharedPod":
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.communicate()

    def run_application(self, command: str) -> None:
        """Returns when it has said something."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "begun\n"

    @property
    def proxy(self) -> int:
        (shell,) = _children(self.process.pid)
        return _children(shell)[0]

    def ended(self) -> list[str]:
        """What it has said until its end, without the access log."""
        out, self.log = self.process.communicate(timeout=30)
        return [line for line in out.splitlines() if not line.startswith("[")]


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


BOTH_ENDED = ["the application has ended", "the proxy: 0"]


def test_a_job_ends_with_its_application(lab, outside):
    with SharedPod(lab, "--exit-after-application") as pod:
        time.sleep(3)
        assert pod.process.poll() is None, "the application has not even begun"
        pod.run_application(f"echo begun; /usr/bin/python3 -c '{ASKS}'")
        assert pod.ended() == BOTH_ENDED
    assert "the application has ended: draining" in pod.log


def test_a_process_without_sockets_is_waited_for(lab, outside):
    with SharedPod(lab, "--outlive-application", "--drain-time-s", "30") as pod:
        pod.run_application("echo begun; sleep 4")
        os.kill(pod.proxy, signal.SIGTERM)
        time.sleep(2)
        os.kill(pod.proxy, 0)
        assert who(lab.pod, HOST, 7001, uid=APPLICATION) == "outside"
        assert pod.ended() == BOTH_ENDED


def test_who_cannot_be_looked_at_has_not_ended(lab, outside):
    with SharedPod(lab, "--exit-after-application", uid=0) as pod:
        pod.run_application("echo begun; sleep 6")
        proxy = pod.proxy
        time.sleep(1)
        soft, hard = resource.prlimit(proxy, resource.RLIMIT_NOFILE)
        resource.prlimit(proxy, resource.RLIMIT_NOFILE, (1, hard))
        time.sleep(4)
        os.kill(proxy, 0)
        resource.prlimit(proxy, resource.RLIMIT_NOFILE, (soft, hard))
        assert pod.ended() == BOTH_ENDED
    assert pod.log.count("the application cannot be looked at: /proc: Too many open files") == 1
    assert pod.log.count("the application can be looked at again") == 1


# 200 processes; 1,000 sockets, none of which listens.
MANY = """
import socket, subprocess, time
children = [subprocess.Popen(["sleep", "60"]) for _ in range(200)]
with socket.create_server(("127.0.0.1", 0), backlog=600) as server:
    clients = [socket.create_connection(server.getsockname()) for _ in range(500)]
    accepted = [server.accept()[0] for _ in range(500)]
print("begun", flush=True)
time.sleep(SECONDS)
for child in children: child.kill()
"""


def cpu_share(pid: int, seconds: float = 3) -> float:
    """The part of a processor that all its threads use."""

    def used() -> int:
        tasks = os.listdir(f"/proc/{pid}/task")
        return sum(int(open(f"/proc/{pid}/task/{task}/schedstat").read().split()[0]) for task in tasks)

    before = used()
    time.sleep(seconds)
    return (used() - before) / 1e9 / seconds


@pytest.mark.slow  # sanitizers need more
def test_looking_costs_little(lab, outside, contained):
    shares = {}
    in_one_line = MANY.replace("SECONDS", "9").encode().hex()
    with SharedPod(lab, "--exit-after-application", "--drain-time-s", "30") as pod:
        pod.run_application(f"/usr/bin/python3 -c 'exec(bytes.fromhex(\"{in_one_line}\"))'")
        shares["processes"] = cpu_share(pod.proxy)
        os.kill(pod.proxy, signal.SIGTERM)
        shares["processes, after SIGTERM"] = cpu_share(pod.proxy)
        assert pod.ended() == BOTH_ENDED
    proxy = contained("--drain-time-s", "30")
    with application(lab, MANY.replace("SECONDS", "60")) as many:
        proxy.send_signal(signal.SIGTERM)
        shares["sockets, after SIGTERM"] = cpu_share(proxy.pid)
        many.kill()
    print({name: f"{share:.2%}" for name, share in shares.items()})
    assert max(shares.values()) < 0.01


@pytest.mark.parametrize("flags", [[], ["--outlive-application"]], ids=["no flag", "outlive"])
def test_who_is_not_told_so_does_not_end_with_the_application(lab, outside, flags):
    """It may be started again."""
    with SharedPod(lab, *flags) as pod:
        pod.run_application("echo begun")
        assert pod.process.stdout.readline() == "the application has ended\n"
        time.sleep(4)
        assert pod.process.poll() is None
        assert who(lab.pod, HOST, 7001, uid=APPLICATION) == "outside"
