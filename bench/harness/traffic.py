# SPDX-License-Identifier: Apache-2.0
"""Traffic through every contestant: bulk, small requests, latency at a fixed rate, new connections."""

from harness.series import median_of
from harness.session import attempt, say

CONNECTIONS = (1, 16, 100)
VERIFY_BYTES = 64 * 1024 * 1024
LATENCY_CONNECTIONS = 16
LATENCY_SHARES = (0.25, 0.5)


def run_bulk(session):
    for direction, service in (("up", "sink"), ("down", "source")):
        session.interleave(
            f"verify {direction}", session.contestants_of("bulk"),
            lambda one: session.load("bulk", one, service, "--direction", direction,
                                     "--verify", VERIFY_BYTES), rounds=1)
        session.interleave(f"bulk {direction}", session.contestants_of("bulk"),
                           lambda one: bulk(session, one, service, direction))


def bulk(session, one, service, direction):
    return bulk_figures(one, session.load("bulk", one, service, "--direction", direction,
                                          "--seconds", session.options.window))


def bulk_figures(one, got):
    gigabytes = got["bytes"] / 1e9
    return {
        "gbit_s": got["bytes"] * 8 / got["seconds"] / 1e9,
        "chain_ms_gb": chain_ns(got) / 1e6 / gigabytes,
    } | ({"cpu_ms_gb": got["proxy_ns"] / 1e6 / gigabytes} if one.peer else {})


def run_small(session):
    for connections in CONNECTIONS:
        session.interleave(
            f"small {connections}", session.contestants_of("small"),
            lambda one: per_operation(one, session.load(
                "closed", one, "reply", "--connections", connections, "--seconds", session.options.window)))


def run_churn(session):
    session.interleave("churn", session.contestants_of("churn"), lambda one: per_operation(one, session.load(
        "churn", one, "reply", "--clients", 16, "--seconds", session.options.window)))


def per_operation(one, got):
    if got["operations"] == 0:
        raise ValueError("nothing was completed")
    return {
        "per_s": got["operations"] / got["seconds"],
        "chain_us": chain_ns(got) / 1e3 / got["operations"],
        "p50_us": got["p50_ns"] / 1e3,
        "p99_us": got["p99_ns"] / 1e3,
    } | ({"cpu_us": got["proxy_ns"] / 1e3 / got["operations"]} if one.peer else {})


def chain_ns(got):
    return got["proxy_ns"] + got["upstream_ns"] + got["client_ns"] + got["kernel_ns"]


def run_latency(session):
    slowest = slowest_rate(session)
    if slowest is None:
        say("latency: no peer answers, nothing to measure")
        return
    for share in LATENCY_SHARES:
        rate = round(slowest * share, -2)
        session.facts[f"rate at {share:.0%}"] = rate
        session.interleave(f"latency {share:.0%}", session.contestants_of("latency"),
                           lambda one: latency(session, one, rate))


def slowest_rate(session):
    """Requests a second of the slowest proxy in a closed loop, from this run."""
    table = session.results.get(f"small {LATENCY_CONNECTIONS}")
    if not table:
        table = {one.name: [attempt(f"calibration, {one.title}", lambda: per_operation(one, session.load(
            "closed", one, "reply", "--connections", LATENCY_CONNECTIONS, "--seconds", 0.5)))]
            for one in session.proxies_of("latency")}
    rates = [median_of(rounds, "per_s") for name, rounds in table.items() if name not in ("bare", "direct")]
    return min((rate for rate in rates if rate is not None), default=None)


def latency(session, one, rate):
    return latency_figures(session.load("open", one, "reply", "--connections", LATENCY_CONNECTIONS, "--rate", rate,
                                        "--seconds", session.options.window), rate)


def latency_figures(got, rate):
    if got["unanswered"] > 0:
        raise ValueError(f"{got['unanswered']:.0f} requests unanswered at {rate:.0f}/s")
    return {
        "p50_us": got["p50_ns"] / 1e3, "p99_us": got["p99_ns"] / 1e3, "p999_us": got["p999_ns"] / 1e3,
    }
