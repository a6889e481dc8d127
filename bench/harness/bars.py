# SPDX-License-Identifier: Apache-2.0
"""The bars: what Weir must reach in this run, as medians and as medians of per-round ratios."""

from statistics import median

from harness.series import error_of, median_of, ratios


class Bar:
    """One line of the verdict. `measured` None: not measured, for the reason in `note`."""

    def __init__(self, what, measured, limit, at_most=True, unit="", note=""):
        self.what, self.measured, self.limit = what, measured, limit
        self.at_most, self.unit, self.note = at_most, unit, note

    @property
    def verdict(self):
        if self.measured is None:
            return "NOT MEASURED"
        good = self.measured <= self.limit if self.at_most else self.measured >= self.limit
        return "PASS" if good else "MISS"

    @property
    def goal(self):
        return f"{'≤' if self.at_most else '≥'} {self.limit:g}{self.unit}"

    @property
    def value(self):
        if self.measured is None:
            return "-"
        return f"{self.measured:.0f}{self.unit}" if self.measured >= 1000 else f"{self.measured:.3g}{self.unit}"


class Judge:
    def __init__(self, results):
        self.results = results

    def rounds(self, section, name):
        return self.results.get(section, {}).get(name, [])

    def ratio(self, what, section, other, key, limit, at_most=True):
        """Weir against one other contestant."""
        mine, theirs = self.rounds(section, "weir"), self.rounds(section, other)
        found = ratios(mine, theirs, key)
        if not found:
            why = error_of(mine) or error_of(theirs) or "not in this run"
            return Bar(what, None, limit, at_most, " x", why)
        return Bar(what, median(found), limit, at_most, " x",
                   f"rounds {min(found):.2f}-{max(found):.2f}; {median_of(mine, key):.4g} "
                   f"and {median_of(theirs, key):.4g}")

    def ratio_to_best(self, what, section, others, key, limit):
        """Weir against whichever of the others has the lowest median."""
        medians = {other: median_of(self.rounds(section, other), key) for other in others}
        present = {other: value for other, value in medians.items() if value is not None}
        if not present:
            return Bar(what, None, limit, True, " x", "no peer in this run")
        best = min(present, key=present.get)
        return self.ratio(f"{what} ({best})", section, best, key, limit)

    def absolute(self, what, section, name, key, limit, scale=1.0, unit=""):
        rounds = self.rounds(section, name)
        value = median_of(rounds, key)
        if value is None:
            return Bar(what, None, limit, True, unit, error_of(rounds) or "not in this run")
        return Bar(what, value * scale, limit, True, unit)


def judge(results):
    """All bars, in the order of the issue."""
    j = Judge(results)
    bars = []
    for n in (16, 100):
        what = f"CPU per small request, {n} kept connections"
        bars += [j.ratio_to_best(f"{what}: to the best of HAProxy and nginx", f"small {n}",
                                 ("haproxy", "haproxy-splice", "nginx"), "cpu_us", 1.0),
                 j.ratio(f"{what}: to Envoy", f"small {n}", "envoy", "cpu_us", 0.8)]
    bars.append(j.absolute("user instructions per small request", "instructions", "weir", "request", 800))
    for way in ("up", "down"):
        what = f"bulk {way}"
        bars += [j.ratio(f"{what}: to HAProxy, forced splice", what, "haproxy-splice", "gbit_s", 1.05, False),
                 j.ratio(f"{what}: to Envoy", what, "envoy", "gbit_s", 1.0, False),
                 j.ratio(f"{what}: CPU per byte to Envoy", what, "envoy", "cpu_ms_gb", 0.5),
                 j.ratio(f"{what}: to no proxy, nat table", what, "direct", "gbit_s", 0.6, False)]
    bars += [j.ratio_to_best("CPU per new connection: to the best peer", "churn",
                             ("haproxy", "haproxy-splice", "nginx", "envoy"), "cpu_us", 0.95),
             j.ratio("CPU per new connection: to Envoy", "churn", "envoy", "cpu_us", 0.7),
             j.absolute("system calls per connection", "syscalls per connection", "weir", "all", 16)]
    bars += [j.absolute("idle process, PSS", "idle process", "weir", "pss", 5, 1e-6, " MB"),
             j.absolute("idle process, private dirty", "idle process", "weir", "private_dirty", 1, 1e-6, " MB"),
             j.absolute("idle connection, user memory", "idle connections", "weir", "pss_quiet", 512, 1, " B"),
             j.absolute("idle connection after an exchange, user memory", "idle connections", "weir",
                        "pss_used", 512, 1, " B"),
             j.absolute("exec to first proxied byte", "start", "weir", "ms", 10, 1, " ms")]
    for size, limit in ((10, 5), (1_000, 8), (10_000, 30), (100_000, 300)):
        bars.append(j.absolute(f"weir-init, {size:,} CIDRs, exec to exit", "rules", f"weir-init {size}",
                               "ms", limit, 1, " ms"))
    found = ratios(j.rounds("rules", "weir-init 100000"), j.rounds("rules", "weir-init 10"), "connect_us")
    bars.append(Bar("CPU of a connect: under 100,000 CIDRs to under 10", median(found) if found else None,
                    1.05, True, " x", f"rounds {min(found):.3f}-{max(found):.3f}" if found else "not in this run"))
    return bars + judge_init(j) + judge_http(j) + judge_dynamic(j) + judge_pods(j)


def judge_init(j):
    bars = []
    for what, section, name, other, key, limit in (
            ("legacy, 10,000 CIDRs, CPU: to iptables-legacy-restore", "legacy", "weir-init 10000",
             "iptables-legacy 10000", "cpu_ms", 0.5),
            ("legacy, CPU of a connect: under 10,000 CIDRs to under 9", "legacy", "weir-init 10000", "weir-init 9",
             "connect_us", 1.1)):
        found = ratios(j.rounds(section, name), j.rounds(section, other), key)
        bars.append(Bar(what, median(found) if found else None, limit, True, " x",
                        f"rounds {min(found):.2f}-{max(found):.2f}" if found else "not in this run"))
    bars.append(j.absolute("weir-init verify, default set", "verify", "weir-init verify", "ms", 50, 1, " ms"))
    bars.append(j.absolute("a table flushed, to its repair", "repair", "table flushed", "ms", 100, 1, " ms"))
    return bars


def judge_http(j):
    bars = []
    for suffix in ("", ", log"):
        for n in (16, 100):
            section = f"http {n}{suffix}"
            what = f"HTTP/1.1, {n} kept connections{suffix and ', access log'}, CPU per request"
            bars += [j.ratio_to_best(f"{what}: to the best of HAProxy and nginx", section, ("haproxy", "nginx"),
                                     "cpu_us", 0.9),
                     j.ratio(f"{what}: to Envoy", section, "envoy", "cpu_us", 0.4)]
    bars += [j.ratio_to_best("HTTP/1.1, CPU per new client: to the best of HAProxy and nginx", "http-new",
                             ("haproxy", "nginx"), "cpu_us", 1.0),
             j.ratio("HTTP/1.1, CPU per new client: to Envoy", "http-new", "envoy", "cpu_us", 0.5)]
    for service, title in (("http2", "HTTP/2 to HTTP/2"), ("http2-http1", "HTTP/2 to HTTP/1.1")):
        for shape in ("1x32", "16x16"):
            what, section = f"{title}, {shape}, CPU per request", f"{service} {shape}"
            bars += [j.ratio(f"{what}: to HAProxy", section, "haproxy", "cpu_us", 1.0),
                     j.ratio(f"{what}: to Envoy", section, "envoy", "cpu_us", 0.5)]
    for way in ("up", "down"):
        what, section = f"HTTP/1.1 bodies {way}", f"http-bulk {way}"
        bars.append(j.ratio(f"{what}: to Weir's TCP relay", section, "weir-relay", "gbit_s", 0.9, False))
        for peer, title in (("haproxy", "HAProxy"), ("haproxy-splice", "HAProxy, forced splice"),
                            ("nginx", "nginx"), ("envoy", "Envoy")):
            bars.append(j.ratio(f"{what}: to {title}", section, peer, "gbit_s", 1.5, False))
    bars += [j.ratio("HTTP/1.1 at half of HAProxy's rate, p99: to HAProxy", "http-open", "haproxy", "p99_us", 1.0),
             j.absolute("HTTP/1.1, kept client after a request, user memory", "http-memory", "weir", "pss", 1.5,
                        1e-3, " KB")]
    for key, title in (("http", "HTTP/1.1"), ("http2", "HTTP/2 to HTTP/2"), ("http2-http1", "HTTP/2 to HTTP/1.1")):
        bars.append(j.absolute(f"user instructions per {title} request", "http-instructions", "weir", key, 6000))
    bars.append(j.ratio("CPU that a Lua filter adds to a request: to Envoy", "http-lua", "envoy", "added_us", 0.5))
    return bars


def judge_dynamic(j):
    bars = [j.ratio("10,000 clusters, first message to all serving: to Envoy", "dynamic", "envoy", "ms", 0.4),
            j.ratio("10,000 clusters, memory: to Envoy", "dynamic", "envoy", "pss", 0.1),
            j.ratio("one endpoint among 10,000 clusters, CPU: to Envoy", "dynamic", "envoy", "change_us", 0.1),
            j.ratio("trigger to new version, gRPC: to Envoy", "dynamic small", "envoy", "grpc_ms", 1.0),
            j.ratio("trigger to new version, file: to Envoy", "dynamic small", "envoy", "file_ms", 1.0),
            j.absolute("1,000 updates under traffic: lost", "dynamic traffic", "weir", "lost", 0)]
    bars += [j.absolute(f"1,000 updates under traffic, p99 of {name.upper()}: to without", "dynamic traffic", "weir",
                        f"{name}_p99_ratio", 2, 1, " x") for name in ("http", "tcp")]
    bars.append(j.absolute("connected to a control plane, PSS", "dynamic small", "weir", "pss", 7, 1e-6, " MB"))
    return bars


def judge_pods(j):
    bars = [j.absolute(f"image, files: {title}", "pods images", "weir", f"{key}_files", limit, 1e-6, " MB")
            for key, title, limit in (("init", "weir-init", 6), ("proxy", "weir-proxy", 15), ("all", "all in one", 45))]
    start = j.absolute("outbound Pod, to the first intercepted answer: beyond 1.2 x the same without", "pods start", "weir",
                       "beyond_ms", 150, 1, " ms")
    idle = median_of(j.rounds("pods start", "idle"), "beyond_ms")
    if start.measured is not None and idle is not None:
        start.note = f"two containers that do nothing: {idle:.0f} ms"
    return [*bars, start,
            j.absolute("init container, exec to exit, with the proof", "pods init", "weir", "ms", 50, 1, " ms"),
            j.absolute("idle sidecar, connected to weir-control, PSS", "pods memory", "weir", "pss", 8, 1e-6, " MB"),
            j.absolute("the same, its container's cgroup", "pods memory", "weir", "cgroup_all", 8, 1e-6, " MB")]
