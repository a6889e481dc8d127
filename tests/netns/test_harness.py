# SPDX-License-Identifier: Apache-2.0
"""The harness keeps its promises: isolation, identities, removal."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from harness import lab
from harness import namespace as netns
from harness.cells import Answer, Cell, Probe

HERE = pathlib.Path(__file__).parent


def names() -> set[str]:
    return {path.name for path in pathlib.Path("/run/netns").glob(f"{netns.PREFIX}*")}


def test_a_namespace_has_only_lo_and_is_gone_when_closed(possible):
    with netns.Namespace("one") as one:
        assert one.name in names()
        assert one.tool("ip", "-o", "link").count("\n") == 1
        assert "UP" in one.tool("ip", "-o", "link", "show", "lo")
    assert one.name not in names()


def test_programs_inside_end_with_the_namespace(possible):
    with netns.Namespace("one") as one:
        process = one.popen(["/bin/sleep", "600"])
    assert process.wait(timeout=5) == -signal.SIGKILL


def test_programs_run_as_the_wanted_user(make_namespace):
    out = make_namespace("one").run(["/usr/bin/id"], uid=1000, gid=2000, check=True).stdout
    assert "uid=1000" in out and "gid=2000" in out and "groups=2000" in out


def test_sockets_stay_in_their_namespace(make_namespace):
    one, two = make_namespace("one"), make_namespace("two")
    listener = one.listen("127.0.0.1", 80)
    with one.connect("127.0.0.1", 80) as client:
        server, _ = listener.accept()
        server.sendall(b"here")
        assert client.recv(10) == b"here"
        server.close()
    with pytest.raises(ConnectionRefusedError):
        two.connect("127.0.0.1", 80)
    listener.close()


def owner_seen_by_the_kernel(namespace, cell_or_socket) -> int:
    """How many packets the kernel counted for user 1234 and group 4321 together."""
    cell_or_socket()
    listing = namespace.tool("nft", "list", "table", "inet", "owners")
    return int(listing.split("packets ")[1].split()[0])


@pytest.mark.parametrize("how", ["socket", "probe"])
def test_sockets_belong_to_the_wanted_user(make_namespace, how):
    one = make_namespace("one")
    one.tool(
        "nft", "-f", "-",
        text="table inet owners { chain c { type filter hook output priority 0; skuid 1234 skgid 4321 counter; }\n }",
    )  # fmt: skip

    def with_socket():
        with pytest.raises(ConnectionRefusedError):
            one.connect("127.0.0.1", 80, uid=1234, gid=4321)

    def with_probe():
        probe = Probe(one)
        cells = [Cell("pod", uid, gid, "", "127.0.0.1", 80) for uid, gid in ((0, 0), (1234, 4321), (1000, 4321), (0, 0))]
        assert probe.ask(cells) == [Answer("refused")] * 4
        probe.close()

    assert owner_seen_by_the_kernel(one, {"socket": with_socket, "probe": with_probe}[how]) == 1


def test_a_probe_tells_the_ways_to_fail_apart(make_namespace):
    one = make_namespace("one")
    one.tool(
        "nft", "-f", "-",
        text="table inet f { chain c { type filter hook input priority 0; tcp dport 81 drop; }\n }",
    )  # fmt: skip
    silent = one.listen("127.0.0.1", 82)
    probe = Probe(one, timeout_ms=100)
    ports = (80, 81, 82)
    answers = probe.ask([Cell("pod", 0, 0, "", "127.0.0.1", port) for port in ports])
    answers += probe.ask([Cell("pod", 0, 0, "", "203.0.113.1", 80), Cell("pod", 0, 0, "", "127.0.0.1", 80, "203.0.113.9")])
    probe.close()
    silent.close()
    assert [answer.who for answer in answers] == ["refused", "timeout", "timeout", "unreachable", "error:EADDRNOTAVAIL"]


def test_responders_recover_the_original_destination(make_namespace):
    one = make_namespace("one")
    one.ip_batch(["addr add 198.51.100.10/32 dev lo", "-6 addr add 2001:db8::10/128 dev lo nodad"])
    responder = lab.Responder(one, [("here", "0.0.0.0", 90), ("here", "::", 90)])
    one.tool(
        "nft", "-f", "-",
        text="table inet t { chain c { type nat hook output priority -100; tcp dport 80 redirect to :90; }\n }",
    )  # fmt: skip
    probe = Probe(one)
    answers = probe.ask([Cell("pod", 0, 0, "", address, 80) for address in ("198.51.100.10", "2001:db8::10")])
    probe.close()
    responder.close()
    assert answers == [Answer("here", "198.51.100.10:80"), Answer("here", "[2001:db8::10]:80")]


CHILD = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started us may ignore it
sys.path.insert(0, sys.argv[1])
from harness.namespace import Namespace
one = Namespace("child")
process = one.popen(["/bin/sleep", "600"])
print(one.name, process.pid, flush=True)
time.sleep(600)
"""


def start_child() -> tuple[subprocess.Popen, str, int]:
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(HERE)], stdout=subprocess.PIPE, text=True)
    name, pid = child.stdout.readline().split()
    child.stdout.close()
    return child, name, int(pid)


def test_namespaces_of_an_interrupted_run_are_removed(possible):
    child, name, _ = start_child()
    assert name in names()
    child.send_signal(signal.SIGINT)
    child.wait(timeout=10)
    assert name not in names()


def test_namespaces_of_a_killed_run_are_swept(possible):
    child, name, pid = start_child()
    child.kill()
    child.wait(timeout=10)
    assert name in names()
    assert name in netns.sweep()
    assert name not in names()
    for _ in range(100):  # its program died with it, or with the namespace
        if not os.path.exists(f"/proc/{pid}") or "State:\tZ" in pathlib.Path(f"/proc/{pid}/status").read_text():
            break
        time.sleep(0.02)
    else:
        pytest.fail(f"process {pid} is still alive")


def test_living_runs_are_not_swept(possible):
    child, name, _ = start_child()
    try:
        assert name not in netns.sweep()
        assert name in names()
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(timeout=10)
