# SPDX-License-Identifier: Apache-2.0
"""weir-init verify: it passes on what it installed, and notices each single rule that is taken away."""

import json
import re
import signal
import statistics
import subprocess
import time

import pytest

from harness import lab, netfilter, programs
from harness.installer import PATH, run_init

DEFAULT = ["-i", "*", "-b", "*", "-d", "15090,15021,15020"]
SETS = {
    "default": DEFAULT,
    "lists": ["-i", "203.0.113.0/25,2001:db8:5::/64", "-x", "203.0.113.16/28", "-b", "80,443", "-o", "22", "-q", "8080"],
    "dns": [*DEFAULT, "--redirect-dns", "--capture-all-dns"],
    "tproxy": [*DEFAULT, "-m", "TPROXY"],
    "everything": [
        *DEFAULT, "-m", "TPROXY", "--redirect-dns", "--capture-all-dns", "--drop-invalid", "--reject-quic",
        "--exclude-inbound-cidrs", "203.0.113.0/24", "-c", "br+", "-k", "vnet+",
    ],
    "ipv6 blocked": [*DEFAULT, "--ipv6", "block"],
}  # fmt: skip
@pytest.fixture
def empty(weir_init, make_namespace):
    return make_namespace("empty")


# A plain install, so that the tests of verify itself see the first proof.
PLAIN = "--verify=false"


def leftovers(namespace, connections: bool = True) -> str:
    """What a proof may leave: links, addresses, rules, routes, connections (a killed one's are forgotten in seconds)."""
    links = re.sub(r"(?m)^\d+: |@.*$", "", namespace.tool("ip", "-o", "link"))
    names = " ".join(line.split(":")[0] for line in links.splitlines())
    rest = (namespace.tool("ip", *what.split()) for what in ("rule", "-6 rule", "route show table all", "addr"))
    return "\n".join([names, *rest, namespace.tool("conntrack", "-L", check=False) if connections else ""])


def verify(namespace, *arguments: str):
    return run_init(namespace, "verify", *arguments)


def rules_with_handles(namespace) -> list[tuple[str, str, str]]:
    """Chain, handle and text of each rule of ours."""
    found, chain = [], ""
    for line in netfilter.ours_with_handles(namespace).splitlines():
        head = re.match(r"\s*chain (\S+) \{", line)
        rule = re.match(r"\s*(.*) # handle (\d+)$", line)
        if head:
            chain = head.group(1)
        elif rule and chain:
            found.append((chain, rule.group(2), rule.group(1)))
    return found


@pytest.mark.parametrize("flags", SETS.values(), ids=SETS.keys())
@pytest.mark.parametrize("backend", ["nftables", "legacy"])
def test_what_was_installed_is_proved_and_nothing_stays_behind(empty, flags, backend):
    run_init(empty, *flags, PLAIN, "--backend", backend)
    before = leftovers(empty)
    done = verify(empty)
    assert done.returncode == 0, done.stdout + done.stderr
    proved, effective = map(int, re.search(r"(\d+) of (\d+) rules with an effect proved", done.stdout).groups())
    if (backend, flags) == ("legacy", SETS["ipv6 blocked"]):
        # These tables refuse IPv6 without tracking it, so that what is left alone leaves no trace.
        assert proved > 20 and "nothing tracks IPv6" in done.stdout
    else:
        assert proved == effective > 10, done.stdout
        assert "not proved" not in done.stdout + done.stderr
    assert leftovers(empty) == before


@pytest.mark.parametrize("flags", [SETS[name] for name in ("default", "dns", "tproxy")], ids=["default", "dns", "tproxy"])
def test_each_single_rule_that_is_removed_is_noticed(empty, flags):
    """By the comparison always; by connections whenever the rule has an effect, which the proof itself claims."""
    run_init(empty, *flags, PLAIN)
    rules = rules_with_handles(empty)
    assert len(rules) > 20
    claimed = {
        tuple(re.match(r"chain (\S+), rule (\d+)", place).groups())
        for connection in json.loads(verify(empty, "--json").stdout)["connections"]
        for place in connection["proves"]
    }
    missed, by_connections = [], 0
    position: dict[str, int] = {}
    places = []
    for chain, handle, text in rules:
        position[chain] = position.get(chain, 0) + 1
        places.append((chain, handle, text, position[chain]))
    for chain, _, text, number in places:
        # Handles change with each repair.
        handle = [h for c, h, _ in rules_with_handles(empty) if c == chain][number - 1]
        empty.tool("nft", "delete", "rule", "inet", "weir", chain, "handle", handle)
        done = verify(empty, *flags, "--json")
        report = json.loads(done.stdout)
        assert done.returncode == 6 and report["rule_differences"], f"{chain}: {text}: not noticed"
        failed = [one for one in report["connections"] if not one["passed"]]
        by_connections += bool(failed)
        if (chain, str(number)) in claimed and not failed:
            missed.append(f"{chain} {number}: {text}")
        assert run_init(empty, *flags, PLAIN).returncode == 0
    print(f"{len(rules)} rules, each noticed when gone; {by_connections} of them by connections that went elsewhere")
    assert not missed
    assert by_connections >= len(claimed)


def test_the_default_set_is_proved_in_fifty_milliseconds(empty):
    run_init(empty, *DEFAULT, PLAIN)
    times = []
    for _ in range(20):
        done = verify(empty)
        assert done.returncode == 0, done.stderr
        times.append(float(re.search(r"in ([0-9.]+) ms", done.stdout).group(1)))
    print(f"verify, both families, whole program: median {statistics.median(times):.1f} ms, best {min(times):.1f} ms")
    assert min(times) <= 50


def test_routing_that_is_gone_is_noticed(empty):
    run_init(empty, *SETS["tproxy"], PLAIN)
    for command in (
        "ip rule del pref 32764",
        "ip -6 rule del pref 32764",
        "ip route flush table 133",
        "ip -6 route flush table 133",
        "ip -6 addr del ::6/128 dev lo",
    ):
        empty.tool(*command.split())
        done = verify(empty)
        assert done.returncode == 6 and "missing" in done.stderr, f"{command}: {done.stdout}{done.stderr}"
        assert run_init(empty, *SETS["tproxy"], PLAIN).returncode == 0
    assert verify(empty).returncode == 0


BEFORE_OURS = """table ip weird {
    chain out { type nat hook output priority -150; tcp dport 7653 redirect to :9; }
}"""


def test_rules_of_others_that_decide_first_fail_the_proof_and_install_rolls_back(empty):
    """What reads back right need not work: another chain takes the connections away."""
    empty.tool("nft", "-f", "-", text=BEFORE_OURS)
    before, addresses = netfilter.ruleset(empty), netfilter.loopback_addresses(empty)
    done = run_init(empty, *DEFAULT)
    assert done.returncode == 6, done
    assert "expected redirected to 15001, was redirected to 9" in done.stderr and "taken back" in done.stderr
    assert (netfilter.ruleset(empty), netfilter.loopback_addresses(empty)) == (before, addresses)
    assert run_init(empty, *DEFAULT, "--run-validation").returncode == 126
    assert netfilter.ruleset(empty) == before
    empty.tool("nft", "delete", "table", "ip", "weird")
    assert run_init(empty, *SETS["lists"]).returncode == 0
    empty.tool("nft", "-f", "-", text=BEFORE_OURS)
    installed = netfilter.ours(empty)
    assert run_init(empty, *DEFAULT).returncode == 6
    assert netfilter.ours(empty) == installed, "the rules before the last run"


def test_the_validation_container_of_istio_only_verifies(empty):
    arguments = ["--skip-rule-apply", "--run-validation", *DEFAULT]
    assert run_init(empty, *arguments).returncode == 126
    assert netfilter.ruleset(empty) == ""
    run_init(empty, *DEFAULT, PLAIN)
    assert run_init(empty, *arguments).returncode == 0


def test_what_cannot_be_tried_is_named(empty):
    run_init(empty, *DEFAULT, PLAIN)
    drop = ["setpriv", "--bounding-set", "-net_raw,-setuid", "--inh-caps", "-net_raw,-setuid"]
    done = empty.run([programs.system(drop[0]), *drop[1:], programs.weir_init(), "verify"], env=PATH)
    assert done.returncode == 0, done
    assert "CAP_NET_RAW is missing: connections from outside" in done.stdout
    assert "CAP_SETUID or CAP_SETGID is missing" in done.stdout


def test_a_proxy_that_listens_already_is_no_obstacle(weir_init):
    with lab.build_lab("vl-") as made:
        run_init(made.pod, *DEFAULT, PLAIN)
        done = verify(made.pod)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "the proxy listens already" in done.stdout


def test_strict_reverse_path_filters_and_addresses_of_a_pod_do_not_matter(weir_init):
    with lab.build_lab("rp-", responders=False) as made:
        for name in ("all", "default", "lo", "eth0"):
            made.pod.sysctl(f"net/ipv4/conf/{name}/rp_filter", 1)
        assert run_init(made.pod, *SETS["everything"]).returncode == 0
        assert verify(made.pod).returncode == 0


@pytest.mark.parametrize("signal_", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_in_the_middle_leaves_nothing_behind(empty, signal_):
    run_init(empty, *DEFAULT, PLAIN)
    before = leftovers(empty)
    for delay in (0.002, 0.005, 0.008, 0.012, 0.016, 0.02, 0.03):
        process = empty.popen([programs.weir_init(), "verify"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal_)
        process.wait(timeout=10)
        assert leftovers(empty) == before


def test_what_a_killed_proof_left_goes_with_the_next_one_or_a_clean_up(empty):
    clean = leftovers(empty, connections=False)
    run_init(empty, *DEFAULT, PLAIN)
    before = leftovers(empty, connections=False)
    killed = 0
    for attempt in range(100):  # the busier the machine, the later the middle
        if killed >= 3:
            break
        delay = 0.004 + 0.002 * (attempt % 20)
        process = empty.popen([programs.weir_init(), "verify"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.kill()
        process.wait(timeout=10)
        killed += leftovers(empty, connections=False) != before
    assert verify(empty).returncode == 0
    assert leftovers(empty, connections=False) == before
    assert run_init(empty, "cleanup").returncode == 0
    assert leftovers(empty, connections=False) == clean
    assert killed > 0, "no kill came in the middle"
