# SPDX-License-Identifier: Apache-2.0
"""Counts that load cannot disturb: user instructions (callgrind) and system calls (strace).

Each is a difference of two runs of different length, so that start, end and idle timers cancel out.
"""

import re
import shutil
import signal
import time

from harness.session import SPARE, attempt, progress
from harness.world import Failure, wait_until

SHORT, LONG = 500, 2500


def run_instructions(session):
    if not shutil.which("valgrind"):
        raise Failure("valgrind is not installed")
    table = session.results.setdefault("instructions", {})
    for one in session.proxies_of("instructions"):
        if one.name == "envoy" and not session.options.envoy_callgrind:
            continue
        table[one.name] = [attempt(f"instructions, {one.title}", instructions, session, one)]
    progress("instructions", 1, 1)


def instructions(session, one):
    per = {}
    for what, kind in (("request", "closed"), ("connection", "churn")):
        short, long = (SHORT, LONG) if kind == "closed" else (SHORT // 2, LONG // 2)
        per[what] = ((callgrind(session, one, kind, long) - callgrind(session, one, kind, short))
                     / (long - short))
    return per


def callgrind(session, one, kind, count):
    """Instructions of a whole life of the proxy that served `count` operations."""
    pattern = f"callgrind-{one.name}-{kind}-{count}"
    instance = session.fresh(one, patience=90, wrapper=[
        "valgrind", "--tool=callgrind", f"--callgrind-out-file={session.world.folder}/{pattern}.%p"])
    try:
        drive(session, one, kind, count)
        time.sleep(0.5)
        instance.stop(hard=False, timeout=60)
    finally:
        instance.stop()
    totals = [int(found[1]) for path in session.world.folder.glob(f"{pattern}.*")
              for found in [re.search(r"^(?:summary|totals): (\d+)", path.read_text(), re.M)] if found]
    if not totals:
        raise Failure(f"callgrind wrote no total: {instance.process.tail()}")
    return sum(totals)


def drive(session, one, kind, count):
    client = "--connections" if kind == "closed" else "--clients"
    session.world.json_in("app", [session.world.tool("load"), kind, "--to", one.to("reply", SPARE),
                                  client, "16", "--count", str(count)], timeout=120)


def run_syscalls(session):
    if not shutil.which("strace"):
        raise Failure("strace is not installed")
    for what, kind, short, long in (("request", "closed", SHORT, LONG), ("connection", "churn", 250, 1250)):
        session.interleave(f"syscalls per {what}", session.proxies_of("syscalls"),
                           lambda one: syscalls(session, one, kind, short, long),
                           rounds=min(session.rounds, 2))


def syscalls(session, one, kind, short, long):
    instance = session.fresh(one)
    try:
        drive(session, one, kind, 50)
        few = strace(session, one, instance, kind, short)
        many = strace(session, one, instance, kind, long)
    finally:
        instance.stop()
    per = {name: (count - few.get(name, 0)) / (long - short) for name, count in many.items()}
    return {"all": sum(per.values()), "each": {name: round(rate, 3) for name, rate in
                                               sorted(per.items(), key=lambda item: -item[1])
                                               if rate >= 0.005}}


def strace(session, one, instance, kind, count):
    """{name of a system call: how often} while `count` operations were served."""
    report = session.world.folder / f"strace-{one.name}"
    report.unlink(missing_ok=True)
    log = session.world.folder / "strace-log"
    log.unlink(missing_ok=True)
    tracer = session.world.start("app", ["strace", "-f", "-c", "-o", str(report), "-p", str(instance.pid)],
                                 log=log)
    try:
        wait_until(lambda: "attached" in log.read_text(), "strace attaches")
        time.sleep(0.2)
        drive(session, one, kind, count)
        time.sleep(0.3)
    finally:
        tracer.stop(wait_signal=signal.SIGINT)
    counts = {}
    for line in report.read_text().splitlines():
        fields = line.split()
        # % time, seconds, usecs/call, calls, [errors,] name
        if len(fields) in (5, 6) and fields[3].isdigit() and fields[-1] != "total":
            counts[fields[-1]] = int(fields[3])
    return counts
