# SPDX-License-Identifier: Apache-2.0
"""The table of a run, in Markdown: medians over its rounds, the range beside them."""

from harness import dynamic, http, pod_variants
from harness.bars import judge
from harness.rules import LINEAR_LIMIT, SIZES
from harness.series import error_of, median_of, values
from harness.traffic import CONNECTIONS, LATENCY_CONNECTIONS, LATENCY_SHARES


class Column:
    def __init__(self, header, section, key, scale=1.0, digits=1):
        self.header, self.section, self.key = header, section, key
        self.scale, self.digits = scale, digits


def tables(session):
    """(title, sentence, columns) of every table of contestants."""
    per_request = [column for n in CONNECTIONS for column in (
        Column(f"{n}: CPU µs", f"small {n}", "cpu_us"),
        Column(f"{n}: chain µs", f"small {n}", "chain_us"),
        Column(f"{n}: req/s", f"small {n}", "per_s", digits=0))]
    latency = [column for share in LATENCY_SHARES for column in (
        Column(f"p50 µs at {rate(session, share)}", f"latency {share:.0%}", "p50_us", digits=0),
        Column(f"p99 µs at {rate(session, share)}", f"latency {share:.0%}", "p99_us", digits=0))]
    bulk = [column for way in ("up", "down") for column in (
        Column(f"{way}: Gbit/s", f"bulk {way}", "gbit_s"),
        Column(f"{way}: CPU ms/GB", f"bulk {way}", "cpu_ms_gb", digits=0),
        Column(f"{way}: chain ms/GB", f"bulk {way}", "chain_ms_gb", digits=0))]
    churn = [Column("CPU µs", "churn", "cpu_us"), Column("chain µs", "churn", "chain_us"),
             Column("conn/s", "churn", "per_s", digits=0), Column("p50 µs", "churn", "p50_us", digits=0),
             Column("p99 µs", "churn", "p99_us", digits=0)]
    memory = [Column("process PSS, MB", "idle process", "pss", 1e-6, 2),
              Column("private dirty, MB", "idle process", "private_dirty", 1e-6, 2),
              Column("user B per connection", "idle connections", "pss_quiet", digits=0),
              Column("after an exchange", "idle connections", "pss_used", digits=0),
              Column("kernel slab B per connection", "idle connections", "slab_quiet", digits=0),
              Column("exec to first byte, ms", "start", "ms")]
    counts = [Column("user instructions per request", "instructions", "request", digits=0),
              Column("per connection", "instructions", "connection", digits=0),
              Column("system calls per request", "syscalls per request", "all", digits=2),
              Column("per connection", "syscalls per connection", "all", digits=2)]
    return [
        ("Small requests over kept connections",
         "100 bytes each way, closed loop over 1, 16 and 100 connections. CPU: of the proxy, per request; "
         "chain: proxy, client, upstream and kernel threads together.", per_request),
        ("Latency at a fixed rate",
         f"Open loop over {LATENCY_CONNECTIONS} connections, from the intended send time; the rates are 25 % and "
         "50 % of what the slowest proxy reaches in a closed loop.", latency),
        ("New connections", "16 clients: connect, one request, one reply, close.", churn),
        ("Bulk", "One stream of 128 KiB writes; up is from the application.", bulk),
        ("Memory and start", f"Fresh processes; {session.options.idle:,} idle connections, before and after one "
         "small exchange on each; slab counts all sockets of the pair or the triple.", memory),
        ("Counts", "Independent of the machine's load: callgrind and strace, as the difference of two "
         "lengths of run.", counts),
    ]


def http_tables(session):
    """The same of HTTP's."""
    requests = [column for suffix, log in (("", ""), (", log", "log, ")) for n in http.CONNECTIONS for column in (
        Column(f"{log}{n}: CPU µs", f"http {n}{suffix}", "cpu_us"),
        Column(f"{log}{n}: req/s", f"http {n}{suffix}", "per_s", digits=0))]
    new = [Column("CPU µs", "http-new", "cpu_us"), Column("chain µs", "http-new", "chain_us"),
           Column("req/s", "http-new", "per_s", digits=0), Column("p50 µs", "http-new", "p50_us", digits=0),
           Column("p99 µs", "http-new", "p99_us", digits=0)]
    http2 = [column for service, title in (("http2", "to 2"), ("http2-http1", "to 1.1"))
             for connections, streams in http.STREAMS for column in (
                 Column(f"{title}, {connections} x {streams}: CPU µs", f"{service} {connections}x{streams}", "cpu_us"),
                 Column("req/s", f"{service} {connections}x{streams}", "per_s", digits=0))]
    bodies = [column for way in ("up", "down") for column in (
        Column(f"{way}: Gbit/s", f"http-bulk {way}", "gbit_s"),
        Column(f"{way}: CPU ms/GB", f"http-bulk {way}", "cpu_ms_gb", digits=0),
        Column(f"{way}: chain ms/GB", f"http-bulk {way}", "chain_ms_gb", digits=0))]
    fixed = [Column("p50 µs", "http-open", "p50_us", digits=0), Column("p99 µs", "http-open", "p99_us", digits=0),
             Column("p99.9 µs", "http-open", "p999_us", digits=0)]
    lua = [Column("CPU µs without", "http-lua", "without_us"), Column("with", "http-lua", "with_us"),
           Column("added", "http-lua", "added_us", digits=2)]
    other = [Column("user B per kept client", "http-memory", "pss", digits=0),
             Column("kernel slab B", "http-memory", "slab", digits=0),
             Column("user instructions, HTTP/1.1", "http-instructions", "http", digits=0),
             Column("2 to 2", "http-instructions", "http2", digits=0),
             Column("2 to 1.1", "http-instructions", "http2-http1", digits=0),
             Column("system calls, HTTP/1.1", "http-syscalls http", "all", digits=2),
             Column("2 to 2", "http-syscalls http2", "all", digits=2),
             Column("2 to 1.1", "http-syscalls http2-http1", "all", digits=2)]
    rate_of_open = session.facts.get("HTTP rate at 50% of HAProxy's", 0) / 1000
    return [
        ("HTTP/1.1 requests over kept connections",
         "A GET without a body, a reply of 100 bytes, closed loop, upstream pooled; without and with an access log. "
         "CPU: of the proxy, per request.", requests),
        ("HTTP/1.1, new clients", "16 clients: connect, one request with `connection: close`, one reply, the close "
         "of the proxy. Upstream pooled.", new),
        ("HTTP/2", "The same request with prior knowledge, over connections x streams, to an HTTP/2 and to an "
         "HTTP/1.1 upstream.", http2),
        ("HTTP/1.1 bodies", "256 MiB each with their length, over one kept connection; up is a request's body.", bodies),
        ("HTTP/1.1 at a fixed rate", f"Open loop over {http.OPEN_CONNECTIONS} connections at {rate_of_open:.1f}k/s, half of "
         "HAProxy's best closed loop in this run, from the intended send time.", fixed),
        ("Lua", "A filter that adds a header to the request and removes one, adds one to the reply and replaces "
         "one: CPU per request over 16 kept connections.", lua),
        ("HTTP: memory and counts", f"Fresh processes; {session.options.idle:,} clients that made one request and stay; "
         "instructions and system calls as above, per request, HTTP/2 over 1 connection x 32 streams.", other),
    ]


def dynamic_tables(session):
    """Those of Weir and Envoy with a control plane."""
    scale = [Column("first message to all serving, ms", "dynamic", "ms", digits=0),
             Column("CPU ms", "dynamic", "cpu_ms", digits=0), Column("PSS, MB", "dynamic", "pss", 1e-6),
             Column("one endpoint: CPU µs", "dynamic", "change_us", digits=0),
             Column("to its answer, ms", "dynamic", "change_ms", digits=2)]
    small = [Column("PSS, connected, MB", "dynamic small", "pss", 1e-6, 2),
             Column("private dirty, MB", "dynamic small", "private_dirty", 1e-6, 2),
             Column("trigger to new version, gRPC, ms", "dynamic small", "grpc_ms", digits=2),
             Column("file, ms", "dynamic small", "file_ms", digits=2)]
    load = [Column("lost", "dynamic traffic", "lost", digits=0),
            *[column for name in ("http", "tcp") for column in (
                Column(f"{name.upper()}: p99 µs without", "dynamic traffic", f"{name}_quiet_p99_us", digits=0),
                Column("with", "dynamic traffic", f"{name}_p99_us", digits=0),
                Column("ratio", "dynamic traffic", f"{name}_p99_ratio", digits=2))]]
    return [
        ("A large configuration", f"{dynamic.CLUSTERS:,} EDS clusters, {dynamic.LISTENERS:,} listeners and as many route "
         "tables over delta ADS; then one endpoint at a time changes.", scale),
        ("A small configuration", "One listener; cluster and routes change together.", small),
        ("Updates under traffic", f"{dynamic.UPDATES:,} updates of listeners, route tables, clusters and endpoints in "
         f"{dynamic.UPDATE_SECONDS} s, under {dynamic.RATE:,} requests a second on HTTP and on TCP each.", load),
    ]


def pod_tables(session):
    """Weir's Pod, the same without a sidecar, and with Envoy."""
    start = [Column("init container, ms", "pods init", "ms"),
             Column("`kube play` to the first answer, ms", "pods start", "ms", digits=0),
             Column("more than without, ms", "pods start", "added_ms", digits=0),
             Column("ratio", "pods start", "ratio", digits=2),
             Column("more than two containers that do nothing, ms", "pods start", "own_ms", digits=0),
             Column("application before the proxy, ms", "pods started early", "ms", digits=0),
             Column("its attempts", "pods started early", "attempts", digits=0)]
    memory = [Column("idle sidecar: PSS, MB", "pods memory", "pss", 1e-6, 2),
              Column("private dirty, MB", "pods memory", "private_dirty", 1e-6, 2),
              Column("its cgroup, MB", "pods memory", "cgroup_all", 1e-6, 2),
              *[Column(f"of it {part}", "pods memory", f"cgroup_{part}", 1e-6, 2) for part in ("anon", "file", "kernel")]]
    sizes = [column for key, title in (("init", "init container"), ("proxy", "proxy"), ("all", "all programs"))
             for column in (Column(f"{title}: files, MB", "pods images", f"{key}_files", 1e-6),
                            Column("packed", "pods images", f"{key}_packed", 1e-6))]
    return [
        ("Pods", "Real Pods with podman, `manifests/pods/outbound.yaml`: from the exec of the init container's program to its "
         "exit; from the start of `podman kube play` to the first intercepted answer in the application.", start),
        ("Idle sidecars", "Pods made by `weirctl inject --control`, connected to `weir-control` in a Pod of its own; the "
         "cgroup is the container's.", memory),
        ("Images", "10^6 bytes of files, and packed (gzip).", sizes),
    ]


def rate(session, share):
    return f"{session.facts.get(f'rate at {share:.0%}', 0) / 1000:.1f}k/s"


def cell(rounds, column):
    found = [value * column.scale for value in values(rounds, column.key)]
    if not found:
        why = error_of(rounds)
        return f"failed: {why}".replace("|", "/")[:60] if why else "-"
    text = f"{median_of(rounds, column.key) * column.scale:.{column.digits}f}"
    if len(found) > 1:
        text += f" ({min(found):.{column.digits}f}-{max(found):.{column.digits}f})"
    # A median over fewer rounds than the others' says so.
    return text + (f", {len(rounds) - len(found)} failed" if len(found) < len(rounds) else "")


def row(cells):
    return "| " + " | ".join(cells) + " |"


def render_table(session, title, sentence, columns, rows):
    columns = [column for column in columns if session.results.get(column.section)]
    if not columns:
        return []
    lines = [f"## {title}", "", sentence, "", row(["", *[column.header for column in columns]]),
             row(["---"] * (len(columns) + 1))]
    for one in rows:
        cells = [cell(session.results[column.section].get(one.name, []), column) for column in columns]
        if any(text != "-" for text in cells):
            lines.append(row([one.title, *cells]))
    return [*lines, ""]


def render_rules(session):
    table = session.results.get("rules")
    if not table:
        return []
    titles = {"weir-init": "weir-init", "nft": "nft -f, interval set",
              "iptables-nft": f"iptables-nft-restore, linear (to {LINEAR_LIMIT:,})",
              "iptables-legacy": f"iptables-legacy-restore, linear (to {LINEAR_LIMIT:,})",
              "none": "no rules"}
    lines = ["## Rules", "", "Excluding N networks: exec to exit in ms / CPU of a connect() that matches none of "
             "them and is redirected, in µs.", "", row(["", *[f"{size:,}" for size in SIZES]]),
             row(["---"] * (len(SIZES) + 1))]
    for name, title in titles.items():
        cells = []
        for size in SIZES:
            rounds = table.get(f"{name} {size}", [])
            install, connect = (cell(rounds, Column("", "", key)) for key in ("ms", "connect_us"))
            if name == "none":
                install = "-"
            cells.append(install if install.startswith("failed") else f"{install} / {connect}" if rounds else "-")
        if any(text != "-" for text in cells):
            lines.append(row([title, *cells]))
    return [*lines, ""]


# Section, title, sentence, (header, key, digits) of each column.
INIT_TABLES = (
    ("legacy", "Legacy tables", "Excluding N networks in iptables-legacy's tables, without the proof: exec to exit, "
     "its CPU, and CPU of a connect() that matches none of them and is redirected.",
     (("ms", "ms", 1), ("CPU ms", "cpu_ms", 1), ("connect µs", "connect_us", 1))),
    ("verify", "Proof", "`weir-init verify` of a default installation: exec to exit, and CPU.",
     (("ms", "ms", 1), ("CPU ms", "cpu_ms", 1))),
    ("repair", "Repair", "`weir-init watch`: from the start of the program that changes the rules to the report of "
     "the repair.",
     (("ms", "ms", 1),)),
    ("hold", "Hold", "`--hold-until-listening`: CPU of a redirected connect(), and a redirected stream with the CPU of "
     "all that takes part in it.",
     (("connect µs", "connect_us", 1), ("Gbit/s", "gbit_s", 1), ("CPU ms/GB", "cpu_ms_gb", 0))),
    ("pods inject", "Injection", "`weirctl inject` of the manifests that the tests inject: exec to exit, all together.",
     (("manifests", "manifests", 0), ("ms", "ms", 0), ("CPU ms", "cpu_ms", 0))),
)


def render_init(session):
    lines = []
    for section, title, sentence, columns in INIT_TABLES:
        table = session.results.get(section)
        if not table:
            continue
        lines += [f"## {title}", "", sentence, "", row(["", *[header for header, _, _ in columns]]),
                  row(["---"] * (len(columns) + 1))]
        lines += [row([name, *[cell(rounds, Column("", "", key, digits=digits)) for _, key, digits in columns]])
                  for name, rounds in table.items()]
        lines.append("")
    return lines


def render_bars(session):
    # A part of a run says nothing about the bars of the other parts.
    whole = not session.options.only and not session.options.peers
    bars = [bar for bar in judge(session.results) if whole or bar.measured is not None]
    if not bars:
        return []
    lines = ["## Bars", "", row(["verdict", "what", "goal", "measured", "note"]), row(["---"] * 5)]
    for bar in bars:
        lines.append(row([bar.verdict, bar.what, bar.goal, bar.value, bar.note.replace("|", "/")]))
    return [*lines, ""]


def render(session):
    lines = ["# Benchmark results", "",
             "Written by `bench/run`; `bench/README.md` says what each number means and how it was taken. "
             "Medians over the rounds of one run, the smallest and largest beside them.", ""]
    lines += [f"- {name}: {value}" for name, value in session.facts.items()]
    lines.append("")
    for title, sentence, columns in tables(session):
        lines += render_table(session, title, sentence, columns, session.contestants)
    for title, sentence, columns in http_tables(session):
        lines += render_table(session, title, sentence, columns,
                              [session.direct[1], *session.http, *http.relay_of(session)])
    for title, sentence, columns in dynamic_tables(session):
        lines += render_table(session, title, sentence, columns, session.proxies)
    for title, sentence, columns in pod_tables(session):
        lines += render_table(session, title, sentence, columns, pod_variants.ALL)
    lines += render_rules(session) + render_init(session) + render_bars(session)
    return "\n".join(lines)
