# SPDX-License-Identifier: Apache-2.0
"""What weir-init costs beyond the rules' own section: legacy tables, the proof, a repair, the hold."""

import re
import time
from pathlib import Path

from harness import rules
from harness.session import attempt, progress
from harness.traffic import chain_ns
from harness.world import PROXY_UID, Failure

LEGACY_SIZES = (9, rules.LINEAR_LIMIT)
PORT = str(rules.PORT)
FLAGS = ["-p", PORT, "-u", str(PROXY_UID), "-g", str(PROXY_UID), "-m", "REDIRECT", "-i", "*"]
OUTPUT = ["inet", "weir", "output"]
# What somebody does to the rules; None: the first rule of the chain goes, by its handle.
CHANGES = {
    "rule deleted": None,
    "table flushed": ["nft", "flush", "table", "inet", "weir"],
    "foreign rule first": ["nft", "insert", "rule", *OUTPUT, "tcp", "dport", "80", "accept"],
}
# More often than five times a second is somebody who fights, and is answered more slowly.
PAUSE_S = 0.3


class WeirInitLegacy(rules.WeirInit):
    name, title, space = "weir-init", "weir-init --backend legacy", "legacy"

    def prepare(self, folder, excluded):
        return [*super().prepare(folder, excluded), "--backend", "legacy"]

    def clean(self, world):
        world.must_in(self.space, [self.binary, "--cleanup-only", "--backend", "legacy"])


def binary_of(session):
    return str(Path(session.options.build) / "init" / "weir-init")


def interleave(session, section, measures):
    """Calls every measure once a round, starting with another one each round."""
    table = session.results.setdefault(section, {})
    names = list(measures)
    for turn in range(session.rounds):
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            table.setdefault(name, []).append(attempt(f"{section}, {name}", measures[name]))
        progress(section, turn + 1, session.rounds)


def run_legacy(session):
    methods = [WeirInitLegacy(binary_of(session)), rules.Iptables("legacy")]
    interleave(session, "legacy", {
        f"{method.name} {size}": lambda method=method, size=size: rules.install(session, method, size)
        for size in LEGACY_SIZES for method in methods})


def run_verify(session):
    interleave(session, "verify", {"weir-init verify": lambda: prove(session)})


def prove(session):
    world, binary = session.world, binary_of(session)
    with world.fresh_namespace() as fresh:
        world.must_in(fresh, [binary, *FLAGS, "--verify=false"])
        done = world.json_in(fresh, [world.tool("measure"), "exec-to-exit", "--", binary, "verify"])
    if done["status"] != 0:
        raise Failure(f"verify: exit {done['status']}")
    return {"ms": done["ms"], "cpu_ms": done["cpu_ms"]}


def run_repair(session):
    interleave(session, "repair", {
        name: lambda command=command: repair(session, command) for name, command in CHANGES.items()})


def repair(session, command):
    """From the start of the program that makes the change to the report of the repair."""
    world = session.world
    with world.fresh_namespace() as fresh:
        watch = world.start(fresh, [binary_of(session), "watch", *FLAGS])
        try:
            read_until(watch, "watching table")
            wanted = world.must_in(fresh, ["nft", "-s", "list", "table", "inet", "weir"])
            time.sleep(PAUSE_S)
            command = command or delete_first_rule(world, fresh)
            begun = time.monotonic()
            world.must_in(fresh, command)
            read_until(watch, "repaired in")
            took = time.monotonic() - begun
            if world.must_in(fresh, ["nft", "-s", "list", "table", "inet", "weir"]) != wanted:
                raise Failure("the repair left other rules")
            return {"ms": took * 1000}
        finally:
            watch.stop()


def read_until(process, wanted):
    while wanted not in (line := process.popen.stdout.readline()):
        if not line:
            raise Failure(f"ended before it said '{wanted}': {process.tail()}")


def delete_first_rule(world, space):
    listing = world.must_in(space, ["nft", "-a", "list", "chain", *OUTPUT])
    handles = re.findall(r"# handle (\d+)", listing.split("type nat", 1)[1])
    return ["nft", "delete", "rule", *OUTPUT, "handle", handles[0]]


def run_hold(session):
    interleave(session, "hold", {
        name: lambda flag=flag: hold(session, flag)
        for name, flag in (("off", "--hold-until-listening=false"), ("on", "--hold-until-listening=true"))})


def hold(session, flag):
    """CPU of connections and of a stream that the redirect brings to a program on the proxy's port."""
    world, space, binary = session.world, "weir", binary_of(session)
    world.must_in(space, [binary, *FLAGS, flag, "--verify=false"])
    try:
        connect = world.json_in(space, [world.tool("measure"), "connect-cost", "--to", rules.OUTSIDE, "--listen",
                                        PORT, "--count", str(session.options.connects)])
        sink = world.start(space, [world.tool("upstream"), "--sink", f"{PORT}-{PORT}", "--reply", "7000-7000",
                                   "--source", "7200-7200"], uid=PROXY_UID)
        try:
            sink.wait_for_line("ready")
            got = world.json_in(space, [world.tool("load"), "bulk", "--to", rules.OUTSIDE, "--upstream", str(sink.pid),
                                        "--direction", "up", "--seconds", str(session.options.window)])
        finally:
            sink.stop()
    finally:
        world.must_in(space, [binary, "--cleanup-only"])
    return {"connect_us": connect["connect_us"], "gbit_s": got["bytes"] * 8 / got["seconds"] / 1e9,
            "cpu_ms_gb": chain_ns(got) / 1e6 / (got["bytes"] / 1e9)}
