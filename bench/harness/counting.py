# SPDX-License-Identifier: Apache-2.0
"""Counts that load cannot disturb: user instructions (callgrind) and system calls (strace).

Each is a difference of two runs of different length, so that start, end and idle timers cancel out.
"""

import re
import shutil
import signal
import time
from collections import namedtuple

from harness.session import SPARE, attempt, progress
from harness.world import Failure, wait_until

SHORT, LONG = 500, 2500

# Name, kind of load, service, words for the load generator.
Load = namedtuple("Load", "name kind service words")
REQUEST = Load("request", "closed", "reply", ("--connections", "16"))
CONNECTION = Load("connection", "churn", "reply", ("--clients", "16"))
HTTP_LOADS = (Load("http", "closed", "http", ("--dialect", "http1", "--connections", "16")),
              Load("http2", "http2", "http2", ("--connections", "1", "--streams", "32")),
              Load("http2-http1", "http2", "http2-http1", ("--connections", "1", "--streams", "32")))


def run_instructions(session):
    count_all(session, "instructions", session.proxies_of("instructions"), lambda _: (REQUEST, CONNECTION))


def run_http_instructions(session):
    count_all(session, "http-instructions", session.http_of("http-instructions"),
              lambda one: [load for load in HTTP_LOADS if load.service in one.peer.services])


def count_all(session, section, proxies, loads_of):
    if not shutil.which("valgrind"):
        raise Failure("valgrind is not installed")
    table = session.results.setdefault(section, {})
    for one in proxies:
        if one.name == "envoy" and not session.options.envoy_callgrind:
            continue
        table[one.name] = [attempt(f"{section}, {one.title}", instructions, session, one, loads_of(one))]
    progress(section, 1, 1)


def instructions(session, one, loads):
    per = {}
    for load in loads:
        short, long = (SHORT // 2, LONG // 2) if load.kind == "churn" else (SHORT, LONG)
        per[load.name] = ((callgrind(session, one, load, long) - callgrind(session, one, load, short))
                          / (long - short))
    return per


def callgrind(session, one, load, count):
    """Instructions of a whole life of the proxy that served `count` operations."""
    pattern = f"callgrind-{one.name}-{load.name}-{count}"
    instance = session.fresh(one, patience=90, wrapper=[
        "valgrind", "--tool=callgrind", f"--callgrind-out-file={session.world.folder}/{pattern}.%p"])
    try:
        drive(session, one, load, count)
        time.sleep(0.5)
        instance.stop(hard=False, timeout=60)
    finally:
        instance.stop()
    totals = [int(found[1]) for path in session.world.folder.glob(f"{pattern}.*")
              for found in [re.search(r"^(?:summary|totals): (\d+)", path.read_text(), re.M)] if found]
    if not totals:
        raise Failure(f"callgrind wrote no total: {instance.process.tail()}")
    return sum(totals)


def drive(session, one, load, count):
    session.world.json_in("app", [session.world.tool("load"), load.kind, "--to", one.to(load.service, SPARE),
                                  *load.words, "--count", str(count)], timeout=120)


def run_syscalls(session):
    for load, short, long in ((REQUEST, SHORT, LONG), (CONNECTION, 250, 1250)):
        count_syscalls(session, f"syscalls per {load.name}", session.proxies_of("syscalls"), load, short, long,
                       rounds=min(session.rounds, 2))


def run_http_syscalls(session):
    for load in HTTP_LOADS:
        proxies = [one for one in session.http_of("http-syscalls") if load.service in one.peer.services]
        count_syscalls(session, f"http-syscalls {load.name}", proxies, load, SHORT, LONG, rounds=1)


def count_syscalls(session, section, proxies, load, short, long, rounds):
    if not shutil.which("strace"):
        raise Failure("strace is not installed")
    session.interleave(section, proxies, lambda one: syscalls(session, one, load, short, long), rounds=rounds)


def syscalls(session, one, load, short, long):
    instance = session.fresh(one)
    try:
        drive(session, one, load, 50)
        few = strace(session, one, instance, load, short)
        many = strace(session, one, instance, load, long)
    finally:
        instance.stop()
    per = {name: (count - few.get(name, 0)) / (long - short) for name, count in many.items()}
    return {"all": sum(per.values()), "each": {name: round(rate, 3) for name, rate in
                                               sorted(per.items(), key=lambda item: -item[1])
                                               if rate >= 0.005}}


def strace(session, one, instance, load, count):
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
        drive(session, one, load, count)
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
