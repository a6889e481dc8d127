# SPDX-License-Identifier: Apache-2.0
"""The commands that only look: explain, status, diff and check, in real namespaces."""

import json


import pytest

from harness import faults, lab, netfilter, programs
from harness.cells import Cell, LabProbe
from harness.flags import INJECTED
from harness.installer import clean_up, install, run_init
from harness.oracle import agrees

BACKENDS = ("nftables", "legacy")


@pytest.fixture(scope="module")
def bench(weir_init):
    with lab.build_lab("look-") as made:
        probe = LabProbe(made)
        yield made, probe
        probe.close()


@pytest.fixture
def pod(bench):
    made, _ = bench
    clean_up(made.pod)
    yield made.pod
    clean_up(made.pod)


def put(pod, *more, backend="nftables"):
    install(pod, INJECTED, "--verify=false", "--backend", backend, *more)


def ask(pod, *arguments, env=None, code=0):
    """The JSON that a command prints."""
    done = run_init(pod, *arguments, "--json", env=env)
    assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return json.loads(done.stdout)


# explain

QUESTIONS = [
    ("--to", f"{lab.OUTSIDE[4]}:80"),
    ("--to", f"[{lab.OUTSIDE[6]}]:443"),
    ("--to", f"{lab.OUTSIDE[4]}:80", "--uid", "1337"),
    ("--to", f"{lab.POD[4]}:8080", "--uid", "1337"),
    ("--to", f"{lab.LOOPBACK[4]}:80"),
    ("--inbound", "--to", f"{lab.POD[4]}:80", "--from", lab.PEER[4]),
    ("--inbound", "--to", f"{lab.POD[4]}:15021"),
    ("--inbound", "--to", f"[{lab.POD_NET1[6]}]:15008"),
    ("--to", f"{lab.OUTSIDE[4]}:443", "--protocol", "udp"),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_explain_says_the_same_of_the_kernels_rules_and_of_the_flags(pod, question):
    put(pod)
    live = ask(pod, "explain", *question)
    flags = ask(pod, "explain", *question, *INJECTED.argv(), env=INJECTED.env())
    assert (live["rules"]["source"], flags["rules"]["source"]) == ("kernel", "flags")
    for key in ("connection", "landing", "port", "decided_by", "way"):
        assert live.get(key) == flags.get(key), key


@pytest.mark.parametrize("backend", BACKENDS)
def test_explain_finds_interface_and_source_as_the_kernel_does(pod, backend):
    put(pod, backend=backend)
    over_net1 = ask(pod, "explain", "--to", f"{lab.OUTSIDE_NET1[4]}:80")["connection"]
    assert (over_net1["interface"], over_net1["from"]) == ("net1", lab.POD_NET1[4])
    own = ask(pod, "explain", "--to", f"{lab.POD_NET1[6]}".join("[]") + ":80")["connection"]
    assert own["interface"] == "lo"
    inbound = ask(pod, "explain", "--inbound", "--to", f"{lab.POD_NET1[4]}:80")
    assert inbound["connection"]["interface"] == "net1"
    assert (inbound["landing"], inbound["port"]) == ("redirected", 15006)
    assert inbound["rules"]["backend"] == backend
    assert "-i '*'" in inbound["rules"]["flags"]


def test_explain_for_people(pod):
    put(pod)
    text = run_init(pod, "explain", "--to", f"{lab.SERVICE[4]}:443").stdout
    for part in (
        "redirected to 15001",
        f"SO_ORIGINAL_DST says {lab.SERVICE[4]}:443",
        "somebody listens on port 15001",
        "all other outbound (-i '*')",
        "redirect to :15001",
        "in force in this network namespace (nftables), installed with weir-init",
        "- output ",
        "+ outbound ",
    ):
        assert part in text, text


def test_explain_says_when_nobody_listens(make_namespace, weir_init):
    empty = make_namespace("look-empty")
    empty.ip_batch([f"addr add {lab.POD[4]}/32 dev lo", "route add default dev lo"])
    for hold, held in (("true", True), ("false", False)):
        answer = ask(
            empty, "explain", "--interface", "eth0", "--from", lab.POD[4], "--to", f"{lab.OUTSIDE[4]}:80",
            "-i", "*", f"--hold-until-listening={hold}",
        )  # fmt: skip
        assert (answer["listening"], answer["held"]) == (False, held)
    with empty.listen("127.0.0.1", 15001):
        assert ask(empty, "explain", "--interface", "eth0", "--to", f"{lab.OUTSIDE[4]}:80", "-i", "*")["listening"]


def test_explain_without_rules_and_without_a_route(pod, make_namespace):
    answer = ask(pod, "explain", "--to", f"{lab.OUTSIDE[4]}:80")
    assert (answer["landing"], answer["rules"]["installed"]) == ("direct", False)
    alone = make_namespace("look-alone")
    done = run_init(alone, "explain", "--to", f"{lab.OUTSIDE[4]}:80")
    assert done.returncode == 1 and "no route" in done.stderr and "--interface" in done.stderr, done


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((), "--to ADDRESS:PORT is needed"),
        (("--to", lab.OUTSIDE[4]), "the port is missing"),
        (("--to", "nowhere:80"), "'nowhere:80'"),
        (("--to", f"{lab.OUTSIDE[4]}:80", "--from", lab.POD[6]), "not of the family"),
        (("--to", f"{lab.OUTSIDE[4]}:80", "--inbound", "--uid", "7"), "--inbound"),
        (("--to", f"{lab.OUTSIDE[4]}:80", "--protocol", "icmp"), "neither tcp nor udp"),
        (("--to", f"{lab.OUTSIDE[4]}:80", "--uid", "1,2"), "not a list"),
        (("--to", f"{lab.OUTSIDE[4]}:80", "--mark", "0xg"), "'0xg'"),
    ],
)
def test_explain_refuses_what_it_cannot_answer(pod, arguments, words):
    done = run_init(pod, "explain", *arguments)
    assert done.returncode == 2 and words in done.stderr, done


# status and diff


@pytest.mark.parametrize("backend", BACKENDS)
def test_status_of_intact_rules(bench, pod, backend):
    _, probe = bench
    put(pod, backend=backend)
    cells = [
        Cell("pod", 1000, 1000, "", lab.OUTSIDE[4], 80),
        Cell("pod", 1000, 1000, "", lab.OUTSIDE[6], 80),
        Cell("peer", 0, 0, "", lab.POD[4], 80),
        Cell("peer", 0, 0, "", lab.POD[4], 15021),
        Cell("pod", 1337, 1337, "", lab.OUTSIDE[4], 80),
    ]
    probe.ask(cells)
    status = ask(pod, "status")
    assert (status["installed"], status["intact"], status["backend"]) == (True, True, backend)
    assert status["flags"] == "-u 1337 -g 1337 -b '*' -d 15020-15021,15090 -i '*'"
    assert status["drift"] == status["routing_drift"] == status["left_out"] == []
    counted = {}
    for counter in status["counters"]:
        counted[counter["purpose"]] = counted.get(counter["purpose"], 0) + counter["packets"]
    assert counted["redirected outbound"] == 2, status["counters"]
    assert counted["redirected inbound"] == 1, status["counters"]
    assert counted["left alone"] >= 2, status["counters"]
    reasons = {counter["reason"]: counter["packets"] for counter in status["counters"]}
    assert reasons["excluded inbound port (-d)"] == 1, reasons
    listeners = {(port["purpose"], port["port"]): port["listeners"] for port in status["ports"]}
    assert {one["address"] for one in listeners["outbound", 15001]} == {"0.0.0.0", "::"}
    assert run_init(pod, "diff").returncode == 0


def test_status_of_nothing(pod):
    assert ask(pod, "status", code=1)["installed"] is False
    done = run_init(pod, "status")
    assert done.returncode == 1 and "nothing of ours" in done.stdout


TAMPERINGS = {
    "a rule is gone": ("delete rule inet weir output handle {output[4]}", "chain 'output': rule"),
    "a rule is added": ("insert rule inet weir output counter accept", "chain 'output'"),
    "a chain is empty": ("flush chain inet weir outbound", "chain 'outbound'"),
    "an element is added": ("add element inet weir proxy_uids {{ 99 }}", "set 'proxy_uids'"),
    "an element is gone": ("delete element inet weir inbound_excluded_ports {{ 15090 }}", "inbound_excluded_ports"),
    "a chain is added": ("add chain inet weir mine", "chain 'mine'"),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_drift_is_seen_and_named(pod, name):
    command, words = TAMPERINGS[name]
    put(pod)
    handles = {
        chain: [line.rpartition("# handle ")[2] for line in listing.splitlines() if "# handle " in line]
        for chain, listing in (("output", pod.tool("nft", "-a", "list", "chain", "inet", "weir", "output")),)
    }
    pod.tool("nft", command.format(**handles))
    status = ask(pod, "status", code=6)
    assert status["intact"] is False
    assert status["drift"] and all(words in difference for difference in status["drift"]), status["drift"]
    diff = run_init(pod, "diff")
    assert diff.returncode == 6
    changed = {line[0] for line in diff.stdout.splitlines()[2:] if line[0] in "+-"}
    wanted = {"a chain is added": set()}.get(name, {"+"} if "gone" in name or "empty" in name else {"-"})
    assert changed == wanted, diff.stdout
    put(pod)
    assert run_init(pod, "status").returncode == run_init(pod, "diff").returncode == 0


def test_routing_drift_is_seen(pod):
    put(pod)
    pod.tool("ip", "-6", "addr", "del", "::6/128", "dev", "lo")
    status = ask(pod, "status", code=6)
    assert status["drift"] == [] and "::6" in status["routing_drift"][0]
    assert "::6" in run_init(pod, "diff").stdout


def test_diff_against_other_flags_and_against_nothing(pod):
    put(pod)
    done = run_init(pod, "diff", *INJECTED.argv(), "-d", "15090", env=INJECTED.env())
    assert done.returncode == 6
    lines = done.stdout.splitlines()
    assert "@@ set 'inbound_excluded_ports' @@" in lines and "-  15020-15021" in lines, done.stdout
    assert run_init(pod, "diff", *INJECTED.argv(), env=INJECTED.env()).returncode == 0
    clean_up(pod)
    done = run_init(pod, "diff", "-i", "*")
    assert done.returncode == 6 and "chain 'output' @@ not there" in done.stdout
    assert run_init(pod, "diff").returncode == 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_looking_changes_nothing(bench, pod, backend):
    made, probe = bench
    put(pod, backend=backend)
    before = netfilter.ruleset(pod), pod.tool("ip", "-6", "addr"), pod.tool("ip", "rule")
    for command in ("status", "diff", "check", "explain"):
        run_init(pod, command, "--to", f"{lab.OUTSIDE[4]}:80")
    assert before == (netfilter.ruleset(pod), pod.tool("ip", "-6", "addr"), pod.tool("ip", "rule"))


# check


def findings(answer, level):
    return [finding for finding in answer["findings"] if finding["level"] == level]


def test_check_before_anything(pod):
    before = netfilter.ruleset(pod)
    answer = ask(pod, "check", *INJECTED.argv(), "-m", "TPROXY", "--drop-invalid", "--reject-quic", env=INJECTED.env())
    assert answer["ready"] and not findings(answer, "problem"), answer
    features = next(f["text"] for f in answer["findings"] if f["subject"] == "nf_tables")
    for name in ("nat", "redirect", "owner", "socket", "ct timeout", "ct state", "ct zone", "reject", "tproxy", "mark"):
        assert name in features, features
    assert netfilter.ruleset(pod) == before


def test_check_is_seen_by_nobody(pod):
    """No event reaches a monitor, and the rule set's generation stays."""
    put(pod)
    monitor = pod.popen(["/usr/sbin/nft", "monitor"], stdout=-1, text=True)
    try:
        run_init(pod, "check", "-i", "*")
        pod.tool("nft", "add", "table", "ip", "weir-test-marker")
        line = monitor.stdout.readline()
        assert "weir-test-marker" in line, line
    finally:
        monitor.kill()
        monitor.communicate()
        pod.tool("nft", "delete", "table", "ip", "weir-test-marker")


def test_check_names_what_stands_in_the_way(pod):
    pod.tool("nft", "add table ip other; add chain ip other out { type nat hook output priority -100 ; }")
    server = pod.listen("0.0.0.0", 16009)
    holder = pod.popen(["/bin/sleep", "60"], uid=1337, gid=1337)
    try:
        answer = ask(pod, "check", "-i", "*", "-p", "16009", "--uid", "1337", "--ipv6", "ignore", code=1)
        warnings = " ".join(f["text"] for f in findings(answer, "warning"))
        problems = " ".join(f["text"] for f in findings(answer, "problem"))
        assert "table ip other" in warnings and "after ours" in warnings, answer
        assert f"process {holder.pid} (sleep) runs as user 1337" in warnings, answer
        assert "listens on 0.0.0.0:16009" in warnings, answer
        assert "the application's user 1337 is the proxy's" in problems, answer
        assert "passes by the proxy unseen" in problems, answer
        assert all(f["remedy"] for f in findings(answer, "warning")), answer
    finally:
        holder.kill()
        holder.communicate()
        server.close()
        pod.tool("nft", "delete", "table", "ip", "other")


def test_check_with_every_message_of_it_refused(pod, tmp_path):
    """Each feature may be missing: it is said by name, with an exit code that fits, and nothing changes."""
    arguments = ["check", *INJECTED.argv(), "-m", "TPROXY", "--drop-invalid", "--reject-quic"]
    traffic = faults.traffic_of(pod, arguments, tmp_path, INJECTED.env())
    before = faults.state(pod)
    said = set()
    for number in range(1, traffic.messages + 1):
        done = faults.run_with_fault(pod, [*arguments, "--json"], f"message:{number}", INJECTED.env())
        assert done.returncode in (0, 1, 3, 4, 5), done
        if done.stdout:
            found = json.loads(done.stdout)["findings"]
            said |= {f["text"].split(" is missing")[0] for f in found if " is missing (" in f["text"]}
    assert faults.state(pod) == before
    assert said == {"nat", "redirect", "owner", "socket", "ct timeout", "ct state", "ct zone", "reject", "tproxy", "mark"}


def test_check_without_the_capability(pod):
    done = pod.run(
        [programs.system("setpriv"), "--bounding-set=-net_admin", "--inh-caps=-net_admin", "--reuid=65534", "--clear-groups",
         programs.weir_init(), "check"]
    )  # fmt: skip
    assert done.returncode == 3 and "CAP_NET_ADMIN is missing" in done.stdout, done
