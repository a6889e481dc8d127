# SPDX-License-Identifier: Apache-2.0
"""weir-init watch: what others change is repaired as it happens, and they are named."""

import contextlib
import itertools
import re
import signal
import statistics
import subprocess
import threading
import time

import pytest

from harness import lab, netfilter, programs
from harness.installer import run_init

DEFAULT = ["-i", "*", "-b", "*", "-d", "15020"]
TPROXY = [*DEFAULT, "-m", "TPROXY"]
BAR = 0.1  # seconds from the change to the repair


class Watch:
    """A running weir-init watch; lines() is what it has said so far."""

    def __init__(self, namespace, *arguments: str):
        self.process = namespace.popen(
            [programs.weir_init(), "watch", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said: list[str] = []
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        assert self.ready.wait(10) and "watching" in "".join(self.said), "".join(self.said)

    def _read(self):
        for line in self.process.stdout:
            self.said.append(line)
            if "watching table" in line or "watching chains" in line:
                self.ready.set()
        self.ready.set()

    def wait_for(self, text: str, timeout: float = 5.0) -> str:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for line in list(self.said):
                if text in line:
                    return line
            time.sleep(0.005)
        raise AssertionError(f"'{text}' was not said:\n{''.join(self.said)}")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=10)
        self.reader.join(timeout=5)
        return code


@pytest.fixture
def empty(weir_init, make_namespace):
    return make_namespace("empty")


def state(namespace) -> str:
    what = ("addr show dev lo", "rule show pref 32764", "-6 rule show pref 32764", "route show table 133", "-6 route show table 133")
    return "\n".join([netfilter.ours(namespace) or "", *(namespace.tool("ip", *one.split(), check=False) for one in what)])


def time_to_repair(watch, namespace, wanted: str, *command: str, text: str | None = None) -> float:
    """Changes something; seconds from the start of the program that does it until the repair is reported."""
    before = len(watch.said)
    start = time.monotonic()
    namespace.tool(*command, text=text)
    changed = time.monotonic()
    while not any("repaired in" in line for line in watch.said[before:]):
        assert time.monotonic() - changed < 5, f"{command}: not repaired"
        time.sleep(0.001)
    took = time.monotonic() - start
    while state(namespace) != wanted:  # a second part of the change may have come after the report
        assert time.monotonic() - changed < 5, f"{command}: not repaired"
    return took


CHANGES = {
    "a chain flushed": (["nft", "flush", "chain", "inet", "weir", "output"], None),
    "the table deleted": (["nft", "delete", "table", "inet", "weir"], None),
    "everything flushed": (["nft", "flush", "ruleset"], None),
    "a rule put before ours": (["nft", "insert", "rule", "inet", "weir", "output", "tcp", "dport", "80", "accept"], None),
    "a set emptied": (["nft", "flush", "set", "inet", "weir", "proxy_uids"], None),
    "all chains away": (["nft", "-f", "-"], "flush table inet weir"),
    "the address": (["ip", "-6", "addr", "del", "::6/128", "dev", "lo"], None),
    "the IPv4 rule": (["ip", "rule", "del", "pref", "32764"], None),
    "the IPv6 rule": (["ip", "-6", "rule", "del", "pref", "32764"], None),
    "the IPv4 route": (["ip", "route", "flush", "table", "133"], None),
    "the IPv6 route": (["ip", "-6", "route", "flush", "table", "133"], None),
}  # fmt: skip


def test_every_kind_of_change_is_repaired_in_a_tenth_of_a_second(empty):
    watch = Watch(empty, *TPROXY)
    wanted, times = state(empty), []
    for command, text in itertools.chain.from_iterable([CHANGES.values()] * 4):
        times.append(time_to_repair(watch, empty, wanted, *command, text=text))
        time.sleep(0.25)  # more often than five times a second is somebody who fights
    print(f"{len(times)} changes repaired, median {statistics.median(times) * 1000:.0f} ms, most {max(times) * 1000:.0f} ms")
    inside = [float(re.search(r"repaired in ([0-9.]+) ms", line).group(1)) for line in watch.said if "repaired in" in line]
    print(f"the repair itself: median {statistics.median(inside):.1f} ms, most {max(inside):.1f} ms")
    assert watch.stop() == 0
    assert state(empty) == wanted, "the rules stay"
    assert statistics.median(times) <= BAR
    assert len(inside) >= len(times)


def test_who_changed_what_is_said(empty):
    watch = Watch(empty, *DEFAULT)
    empty.tool("nft", "insert", "rule", "inet", "weir", "output", "tcp", "dport", "80", "accept")
    assert "changed by nft (process " in watch.wait_for("repaired in")
    assert "tcp dport 80" in watch.wait_for("chain 'output'")
    empty.tool("nft", "-f", "-", text="table ip early {\nchain c {\ntype nat hook output priority -120;\n}\n}\n")
    assert "before ours" in watch.wait_for("table ip early, chain c")
    assert watch.stop() == 0


def test_without_flags_it_keeps_what_was_installed_and_follows_another_installation(empty):
    assert run_init(empty, "watch").returncode != 0, "nothing to keep"
    run_init(empty, *DEFAULT)
    watch = Watch(empty)
    first = netfilter.ours(empty)
    run_init(empty, *DEFAULT, "-o", "22")
    second = netfilter.ours(empty)
    watch.wait_for("other flags were installed")
    empty.tool("nft", "delete", "table", "inet", "weir")
    watch.wait_for("all rules are gone")
    watch.wait_for("repaired in")
    assert netfilter.ours(empty) == second != first
    assert run_init(empty, "cleanup").returncode == 0
    watch.wait_for("nothing left to watch")
    assert watch.process.wait(timeout=10) == 0
    assert netfilter.ours(empty) is None


def test_with_flags_it_keeps_them_against_another_installation(empty):
    watch = Watch(empty, *DEFAULT)
    wanted = netfilter.ours(empty)
    run_init(empty, *DEFAULT, "-o", "22", "--verify=false")
    watch.wait_for("repaired in")
    assert netfilter.ours(empty) == wanted
    assert watch.stop() == 0


def test_somebody_who_fights_is_answered_five_times_a_second_at_most(empty):
    watch = Watch(empty, *DEFAULT)
    end = time.monotonic() + 6
    while time.monotonic() < end:
        empty.tool("nft", "add", "rule", "inet", "weir", "output", "accept")
    watch.wait_for("changed again and again")
    time.sleep(0.3)
    repairs = sum("repaired in" in line for line in watch.said)
    print(f"{repairs} repairs in 6 s of fighting")
    assert 20 <= repairs <= 50 + 6.5 * 5 + 1
    time.sleep(0.5)
    assert "\t\taccept\n" not in netfilter.ours(empty)
    assert watch.stop() == 0


def test_legacy_tables_are_watched_too(empty):
    watch = Watch(empty, *DEFAULT, "--backend", "legacy")
    wanted = empty.tool("iptables-legacy-save", "-t", "nat")
    rules = [line for line in wanted.splitlines() if line.startswith("-A")]
    times = []
    for _ in range(5):
        empty.tool("iptables-legacy", "-t", "nat", "-F", "WEIR_OUTPUT")
        start = time.monotonic()
        while [line for line in empty.tool("iptables-legacy-save", "-t", "nat").splitlines() if line.startswith("-A")] != rules:
            assert time.monotonic() - start < 5
        times.append(time.monotonic() - start)
    print(f"legacy: repaired after {max(times) * 1000:.0f} ms at most")
    assert statistics.median(times) <= 2 * BAR
    assert watch.stop() == 0


def test_no_connection_is_lost_for_longer_than_the_repair(weir_init):
    """A client connects all the time while the rules are torn down: it reaches something else only until the repair."""
    with lab.build_lab("wl-") as made, contextlib.ExitStack():
        watch = Watch(made.pod, *DEFAULT)
        stop, gaps = threading.Event(), []

        def connect_all_the_time():
            lost_since = None
            while not stop.is_set():
                captured = False
                # Rules that change between its packets can break a connection: it was not captured.
                with contextlib.suppress(OSError), made.pod.connect(lab.OUTSIDE[4], 80, uid=1000, gid=1000) as client:
                    captured = client.recv(64).startswith(b"outbound")
                now = time.monotonic()
                if captured and lost_since is not None:
                    gaps.append(now - lost_since)
                lost_since = None if captured else (lost_since or now)

        thread = threading.Thread(target=connect_all_the_time, daemon=True)
        thread.start()
        for _ in range(20):
            time.sleep(0.25)
            made.pod.tool("nft", "flush", "ruleset")
        time.sleep(0.3)
        stop.set()
        thread.join(timeout=10)
        print(f"20 times all rules flushed: {len(gaps)} times a connection passed by, {max(gaps, default=0) * 1000:.0f} ms at most")
        assert statistics.median(gaps or [0]) <= BAR
        assert watch.stop() == 0


def test_a_table_that_is_held_cannot_be_changed_by_others_and_stays_when_the_watch_ends(empty):
    watch = Watch(empty, *DEFAULT, "--own-table")
    held = state(empty)
    for command in (["flush", "chain", "inet", "weir", "output"], ["delete", "table", "inet", "weir"]):
        refused = empty.run([programs.system("nft"), *command])
        assert refused.returncode != 0 and "not permitted" in refused.stderr
    empty.tool("nft", "flush", "ruleset")
    empty.tool("ip", "-6", "addr", "del", "::6/128", "dev", "lo")
    watch.wait_for("repaired in")
    assert state(empty) == held
    assert watch.stop() == 0
    assert "to :15001" in netfilter.ours(empty)
    assert run_init(empty, "verify").returncode == 0
    assert run_init(empty, "cleanup").returncode == 0
