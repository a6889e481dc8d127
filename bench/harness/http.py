# SPDX-License-Identifier: Apache-2.0
"""HTTP through every contestant: requests, new clients, HTTP/2, bodies, a fixed rate, a Lua filter."""

import copy
import time

import harness.proc as proc
from harness.footprint import serve_one
from harness.http_peers import LUA_REPLY_HEADER
from harness.series import median_of
from harness.session import SPARE, attempt, say
from harness.traffic import VERIFY_BYTES, bulk_figures, latency_figures, per_operation

CONNECTIONS = (16, 100)
# Connections and streams on each.
STREAMS = ((1, 32), (16, 16))
HTTP1 = ("--dialect", "http1")
OPEN_CONNECTIONS = 100
OPEN_SHARE = 0.5


def contestants(session, section, service):
    """The direct path, and the proxies that have the service."""
    direct = [] if service in ("http-log", "http-lua", "http2-http1") else [session.direct[1]]
    return direct + proxies(session, section, service)


def proxies(session, section, service):
    return [one for one in session.http_of(section) if service in one.peer.services]


def run_http(session):
    for service, suffix in (("http", ""), ("http-log", ", log")):
        for connections in CONNECTIONS:
            session.interleave(f"http {connections}{suffix}", contestants(session, "http", service),
                               lambda one: requests(session, one, service, connections))


def requests(session, one, service, connections):
    log = log_of(one) if service == "http-log" else None
    before = size_of(log)
    figures = per_operation(one, pooled_load(session, "closed", one, service, *HTTP1, "--connections", connections,
                                             "--seconds", session.options.window))
    if log and size_of(log) == before:
        raise ValueError("nothing was written to the access log")
    return figures


def log_of(one):
    return one.instance.folder / one.peer.log_file if one.instance and one.peer.log_file else None


def size_of(path):
    return path.stat().st_size if path and path.exists() else 0


def run_new(session):
    session.interleave("http-new", contestants(session, "http-new", "http"), lambda one: per_operation(
        one, pooled_load(session, "churn", one, "http", *HTTP1, "--close", 1, "--clients", 16,
                         "--seconds", session.options.window)))


def pooled_load(session, kind, one, *words):
    """session.load(); more upstream connections than a pool can have needed are an error."""
    opened = proc.passive_opens(session.world.upstream.pid)
    got = session.load(kind, one, *words)
    opened = proc.passive_opens(session.world.upstream.pid) - opened
    if one.peer and opened > got["operations"] / 20 + 300:
        raise ValueError(f"{opened} upstream connections for {got['operations']} requests: not pooled")
    return got


def run_http2(session):
    for service in ("http2", "http2-http1"):
        for connections, streams in STREAMS:
            session.interleave(
                f"{service} {connections}x{streams}", contestants(session, "http2", service),
                lambda one: per_operation(one, pooled_load(
                    session, "http2", one, service, "--connections", connections, "--streams", streams,
                    "--seconds", session.options.window)))


def run_bulk(session):
    everyone = [*contestants(session, "http-bulk", "http"), *relay_of(session)]
    for way in ("up", "down"):
        session.interleave(
            f"http-bulk verify {way}", everyone,
            lambda one: session.load("bodies", one, one.service or "http", "--direction", way, "--verify", VERIFY_BYTES),
            rounds=1)
        session.interleave(
            f"http-bulk {way}", everyone,
            lambda one: bulk_figures(one, session.load("bodies", one, one.service or "http", "--direction", way,
                                                       "--seconds", session.options.window)))


def relay_of(session):
    """Weir once more: the same bytes through its TCP proxy, in the same process."""
    found = [copy.copy(one) for one in proxies(session, "http-bulk", "http-relay") if one.name == "weir"]
    for relay in found:
        relay.name, relay.title, relay.service = "weir-relay", "Weir, TCP relay", "http-relay"
    return found


def run_open(session):
    fastest = haproxy_rate(session)
    if fastest is None:
        say("http-open: SKIPPED, without HAProxy there is no rate")
        return
    rate = round(fastest * OPEN_SHARE, -2)
    session.facts["HTTP rate at 50% of HAProxy's"] = rate
    session.interleave("http-open", contestants(session, "http-open", "http"), lambda one: latency_figures(
        session.load("open", one, "http", *HTTP1, "--connections", OPEN_CONNECTIONS, "--rate", rate,
                     "--seconds", session.options.window), rate))


def haproxy_rate(session):
    """The most requests a second that HAProxy answered in a closed loop, in this run."""
    rates = [median_of(session.results.get(f"http {connections}", {}).get("haproxy", []), "per_s")
             for connections in CONNECTIONS]
    if all(rate is None for rate in rates):
        rates = [median_of([attempt("calibration, HAProxy", requests, session, one, "http", connections)], "per_s")
                 for one in proxies(session, "http-open", "http") if one.name == "haproxy"
                 for connections in CONNECTIONS]
    return max((rate for rate in rates if rate is not None), default=None)


def run_lua(session):
    session.interleave("http-lua", proxies(session, "http-lua", "http-lua"), lambda one: lua(session, one))


def lua(session, one):
    """With and without the filter, one after the other, twice: what it adds is a difference."""
    def cpu(service, *words):
        return per_operation(one, pooled_load(session, "closed", one, service, *HTTP1, "--connections", 16, *words,
                                              "--seconds", session.options.window))["cpu_us"]

    filtered = ("http-lua", "--path", "edited", "--expect", LUA_REPLY_HEADER)
    without, with_filter = cpu("http"), cpu(*filtered)
    with_filter, without = (with_filter + cpu(*filtered)) / 2, (without + cpu("http")) / 2
    return {"without_us": without, "with_us": with_filter, "added_us": with_filter - without}


def run_memory(session):
    session.interleave("http-memory", proxies(session, "http-memory", "http"),
                       lambda one: kept_clients(session, one), rounds=min(session.rounds, 2))


def kept_clients(session, one):
    """Growth of the proxy for each client that made a request and stays; the upstream is pooled."""
    wanted = session.options.idle
    instance = session.fresh(one)
    client = None
    try:
        time.sleep(0.5)
        command = [session.world.tool("load"), "idle", *HTTP1, "--to", one.to("http", SPARE)]
        serve_one(session, one, command)
        before = proc.settled_memory(instance.pid)
        client = session.world.start(one.namespace, [*command, "--connections", str(wanted)], stdin=True)
        client.wait_for_line('"open"')
        client.say("exchange")
        client.wait_for_line('"exchanged"')
        after = proc.settled_memory(instance.pid)
        instance.check_alive()
        return {key: (after[key] - before[key]) / wanted for key in before}
    finally:
        if client:
            client.stop(hard=True)
        instance.stop()
