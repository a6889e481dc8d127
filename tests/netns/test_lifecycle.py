# SPDX-License-Identifier: Apache-2.0
"""Install, run again, replace, repair and clean up, beside rules of others."""

import contextlib
import dataclasses
import random
import re
import subprocess

import pytest

from harness import lab, netfilter, programs
from harness.cells import Cell, LabProbe
from harness.flags import INJECTED, Flags, random_flags
from harness.installer import clean_up, install, run_init

OTHER = dataclasses.replace(
    INJECTED,
    outbound_port=16001,
    proxy_uids=(1337, 1338),
    cidrs=("203.0.113.0/24", "2001:db8::/32"),
    exclude_cidrs=("203.0.113.112/28", "2001:db8:b::/64"),
    outbound_exclude_ports=(22, 443),
    exclude_interfaces=("net1",),
)


@pytest.fixture
def pod(weir_init, make_namespace):
    """A namespace with two cards and with rules of others in every kind of table."""
    namespace = make_namespace("pod")
    namespace.ip_batch(
        ["link add eth0 type veth peer name net1", "link set eth0 up", "link set net1 up",
         "addr add 198.51.100.10/24 dev eth0", "-6 addr add 2001:db8:1::10/64 dev eth0 nodad",
         "addr add 203.0.113.10/28 dev net1"]
    )  # fmt: skip
    netfilter.add_foreign_rules(namespace)
    return namespace


@pytest.fixture
def empty(weir_init, make_namespace):
    return make_namespace("empty")


def fresh_install(make_namespace, flags: Flags) -> str:
    with make_namespace("fresh") as namespace:
        install(namespace, flags)
        return netfilter.ours(namespace)


def test_install_adds_one_table_and_the_passthrough_address(pod):
    before, addresses = netfilter.foreign_state(pod), netfilter.loopback_addresses(pod)
    install(pod, INJECTED)
    assert netfilter.ours(pod) is not None
    assert netfilter.loopback_addresses(pod) == sorted([*addresses, "::6/128"])
    assert netfilter.foreign_state(pod) == before


def test_a_second_run_changes_nothing_and_says_so(pod):
    install(pod, OTHER)
    everything = netfilter.with_handles(pod)
    again = install(pod, OTHER)
    assert netfilter.with_handles(pod) == everything
    assert re.search(r"unchanged|nothing (to|has|was)|no change|already", again.stdout + again.stderr), again


def test_a_second_run_with_the_lists_in_another_order_changes_nothing(pod):
    install(pod, OTHER)
    everything = netfilter.with_handles(pod)
    install(
        pod,
        dataclasses.replace(
            OTHER,
            cidrs=("2001:db8::/32", "203.0.113.128/25", "203.0.113.0/25"),
            outbound_exclude_ports=(443, 22),
            proxy_uids=(1338, 1337),
        ),
    )
    assert netfilter.with_handles(pod) == everything


def test_other_flags_replace_the_rules(pod, make_namespace):
    before = netfilter.foreign_state(pod)
    install(pod, INJECTED)
    install(pod, OTHER)
    assert netfilter.ours(pod) == fresh_install(make_namespace, OTHER)
    install(pod, INJECTED)
    assert netfilter.ours(pod) == fresh_install(make_namespace, INJECTED)
    assert netfilter.foreign_state(pod) == before


@pytest.mark.parametrize(
    "arguments",
    [[], OTHER.argv(), ["-p", "9", "-b", "7", "--dual-stack"], ["-i", "", "-b", "", "-u", "5"]],
    ids=["no flags", "other flags", "few flags", "empty lists"],
)
def test_cleanup_removes_all_of_ours_whatever_the_flags(pod, arguments):
    before, addresses = netfilter.foreign_state(pod), netfilter.loopback_addresses(pod)
    everything = netfilter.with_handles(pod)
    install(pod, INJECTED)
    clean_up(pod, *arguments)
    assert netfilter.ours(pod) is None
    assert netfilter.loopback_addresses(pod) == addresses
    assert netfilter.foreign_state(pod) == before
    assert netfilter.with_handles(pod) == everything


def test_cleanup_of_nothing_succeeds_and_changes_nothing(pod):
    before, everything = netfilter.foreign_state(pod), netfilter.with_handles(pod)
    clean_up(pod)
    clean_up(pod)
    assert netfilter.foreign_state(pod) == before
    assert netfilter.with_handles(pod) == everything


# Our table as another version may have left it: the comment tells that it is ours, the rest is unknown.
OF_ANOTHER_VERSION = """
table inet weir {
    comment "weir-init: transparent interception"
    set old { type mark; elements = { 0x7 }; }
    map older { type inet_service : verdict; elements = { 80 : accept }; }
    chain oldest { type nat hook output priority -100; ct state new tcp dport vmap @older; meta mark @old return; }
}
"""
# Somebody else's table that happens to have our name.
OF_SOMEBODY_ELSE = """
table inet weir {
    chain dam { type filter hook forward priority 0; tcp dport 7 drop; }
}
"""


def test_cleanup_removes_a_table_of_another_version(empty):
    empty.tool("nft", "-f", "-", text=OF_ANOTHER_VERSION)
    clean_up(empty)
    assert netfilter.ruleset(empty) == ""


def test_install_replaces_a_table_of_another_version(empty, make_namespace):
    empty.tool("nft", "-f", "-", text=OF_ANOTHER_VERSION)
    install(empty, INJECTED)
    assert netfilter.ours(empty) == fresh_install(make_namespace, INJECTED)


@pytest.mark.parametrize("arguments", [INJECTED.argv(), ["--cleanup-only"]], ids=["install", "cleanup"])
def test_a_table_of_somebody_else_with_our_name_is_a_conflict(empty, arguments):
    empty.tool("nft", "-f", "-", text=OF_SOMEBODY_ELSE)
    everything = netfilter.with_handles(empty)
    done = run_init(empty, *arguments)
    assert done.returncode == 5, done
    assert "inet weir" in done.stderr
    assert netfilter.with_handles(empty) == everything
    assert "::6/128" not in netfilter.loopback_addresses(empty)


def test_cleanup_only_can_be_given_in_the_environment(empty):
    install(empty, INJECTED)
    assert run_init(empty, env={"CLEANUP_ONLY": "true"}).returncode == 0
    assert netfilter.ours(empty) is None


def first_rule(namespace, chain_hint: str) -> tuple[str, str]:
    """The chain and handle of the first rule in our table whose text has chain_hint."""
    chain = ""
    for line in netfilter.ours_with_handles(namespace).splitlines():
        found = re.match(r"\s*chain (\S+) \{", line)
        chain = found.group(1) if found else chain
        handle = re.search(r"# handle (\d+)$", line)
        if handle and not found and chain_hint in line:
            return chain, handle.group(1)
    raise AssertionError(f"no rule has '{chain_hint}'")


def delete_redirect(namespace):
    chain, handle = first_rule(namespace, "redirect")
    namespace.tool("nft", "delete", "rule", "inet", "weir", chain, "handle", handle)


def delete_first_return(namespace):
    chain, handle = first_rule(namespace, "return")
    namespace.tool("nft", "delete", "rule", "inet", "weir", chain, "handle", handle)


def add_rule(namespace):
    chain, _ = first_rule(namespace, "redirect")
    namespace.tool("nft", "insert", "rule", "inet", "weir", chain, "tcp", "dport", "80", "return")


def add_chain(namespace):
    namespace.tool("nft", "add", "chain", "inet", "weir", "intruder")


def add_set(namespace):
    """What a run leaves that ended between two transactions."""
    namespace.tool("nft", "-f", "-", text="add set inet weir spare { type inet_service; elements = { 80 }; }")


def lose_all_chains(namespace):
    listing = netfilter.ours(namespace)
    chains = re.findall(r"^\s*chain (\S+) \{", listing, flags=re.MULTILINE)
    lines = [f"flush chain inet weir {chain}" for chain in chains] + [f"delete chain inet weir {chain}" for chain in chains]
    namespace.tool("nft", "-f", "-", text="\n".join(lines))


def sets(namespace) -> list[str]:
    return re.findall(r"^\s*set (\S+) \{", netfilter.ours(namespace), flags=re.MULTILINE)


def flush_set(namespace):
    namespace.tool("nft", "flush", "set", "inet", "weir", sets(namespace)[0])


def delete_address(namespace):
    namespace.tool("ip", "-6", "addr", "del", "::6/128", "dev", "lo")


def delete_table(namespace):
    namespace.tool("nft", "delete", "table", "inet", "weir")


def swap_rules(namespace):
    """Same rules, other order."""
    chain, handle = first_rule(namespace, "return")
    listing = netfilter.ours_with_handles(namespace).splitlines()
    line = next(line for line in listing if line.endswith(f"# handle {handle}"))
    rule = line.rsplit("#", 1)[0].strip()
    namespace.tool(
        "nft", "-f", "-", text=f"delete rule inet weir {chain} handle {handle}\nadd rule inet weir {chain} {rule}\n"
    )


@pytest.mark.parametrize(
    "damage",
    [delete_redirect, delete_first_return, add_rule, add_chain, add_set, lose_all_chains, flush_set, delete_address, delete_table, swap_rules],
    ids=lambda function: function.__name__,
)
def test_running_again_repairs_drift(pod, damage):
    install(pod, OTHER)
    rules, addresses = netfilter.ours(pod), netfilter.loopback_addresses(pod)
    damage(pod)
    assert (netfilter.ours(pod), netfilter.loopback_addresses(pod)) != (rules, addresses), "nothing was damaged"
    install(pod, OTHER)
    assert netfilter.ours(pod) == rules
    assert netfilter.loopback_addresses(pod) == addresses


def test_a_table_that_another_process_owns_is_a_conflict(empty):
    """nft can lock a table to a process. That is no lack of privilege, and nothing else is touched."""
    holder = empty.popen(
        [programs.system("nft"), "-i"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    holder.stdin.write("add table inet weir { flags owner; }\nlist tables\n")
    holder.stdin.flush()
    assert "table inet weir" in holder.stdout.readline()
    before = netfilter.ruleset(empty)
    for arguments in (INJECTED.argv(), ["--cleanup-only"]):
        done = run_init(empty, *arguments)
        assert done.returncode == 5, done
        assert "another process" in done.stderr, done
    assert netfilter.ruleset(empty) == before
    assert "::6/128" not in netfilter.loopback_addresses(empty)
    holder.kill()
    holder.communicate()


def test_redirecting_rules_of_others_are_named(pod):
    done = install(pod, INJECTED)
    assert "weird" in done.stderr and "ip weir" in done.stderr, done.stderr


def run_at_once(namespace, choices) -> list[int]:
    """Starts one weir-init for each set of flags at the same time; returns their exit codes."""
    running = [
        namespace.popen(
            [programs.weir_init(), *flags.argv()],
            env=flags.env(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for flags in choices
    ]
    return [process.wait(timeout=30) for process in running]


def test_several_at_once_with_the_same_flags_all_succeed(empty, make_namespace):
    """Who finds the rules changed between reading and writing starts again."""
    wanted = fresh_install(make_namespace, INJECTED)
    for _ in range(10):
        assert run_at_once(empty, [INJECTED] * 4) == [0] * 4
        assert netfilter.ours(empty) == wanted
        assert "::6/128" in netfilter.loopback_addresses(empty)
        clean_up(empty)
        assert netfilter.ruleset(empty) == ""


def test_several_at_once_with_other_flags_leave_what_one_of_them_wanted(empty, make_namespace):
    """A run whose rules were replaced before it could prove them says so (6)."""
    complete = [fresh_install(make_namespace, flags) for flags in (INJECTED, OTHER)]
    for _ in range(10):
        codes = run_at_once(empty, [INJECTED, OTHER] * 2)
        assert 0 in codes and set(codes) <= {0, 6}, codes
        assert netfilter.ours(empty) in complete


def test_a_random_walk_through_flags_leaves_what_the_last_ones_say(pod, make_namespace):
    before = netfilter.foreign_state(pod)
    random_ = random.Random(7)
    flags = INJECTED
    for _ in range(15):
        flags = random_flags(random_)
        install(pod, flags)
    assert netfilter.ours(pod) == fresh_install(make_namespace, flags)
    assert netfilter.foreign_state(pod) == before
    clean_up(pod)
    assert netfilter.foreign_state(pod) == before


def test_where_ipv6_is_disabled_ipv4_is_captured_all_the_same(weir_init):
    with lab.build_lab("v4-") as made:
        for name in ("all", "default", "lo"):
            made.pod.sysctl(f"net/ipv6/conf/{name}/disable_ipv6", 1)
        install(made.pod, INJECTED)
        everything = netfilter.with_handles(made.pod)
        install(made.pod, INJECTED)
        assert netfilter.with_handles(made.pod) == everything
        with contextlib.closing(LabProbe(made)) as probe:
            cells = [Cell("pod", 1000, 1000, "", lab.OUTSIDE[4], 80), Cell("peer", 0, 0, "", lab.POD[4], 80)]
            assert [answer.who for answer in probe.ask(cells).values()] == ["outbound", "inbound"]
        clean_up(made.pod)
        assert netfilter.ruleset(made.pod) == ""


def test_connections_live_through_install_and_replace(weir_init):
    """Connections made before the rules came are not redirected halfway; redirected ones survive another set of rules."""
    with lab.build_lab("live-", responders=False) as made, contextlib.ExitStack() as stack:

        def connected(client_side, server_side, address, port, listen_port):
            listener = stack.enter_context(server_side.listen("::" if ":" in address else "0.0.0.0", listen_port))
            client = stack.enter_context(client_side.connect(address, port, uid=1000, gid=1000))
            listener.settimeout(5)
            server, _ = listener.accept()
            return client, stack.enter_context(server)

        def check(pairs):
            for name, (client, server) in pairs.items():
                for one, other in ((client, server), (server, client)):
                    one.settimeout(5)
                    other.settimeout(5)
                    one.sendall(b"still here")
                    assert other.recv(64) == b"still here", name

        pairs = {}
        for family in (4, 6):
            pairs[f"out {family}"] = connected(made.pod, made.peer, lab.OUTSIDE[family], 80, 80)
            pairs[f"in {family}"] = connected(made.peer, made.pod, lab.POD[family], 80, 80)
        check(pairs)
        install(made.pod, INJECTED)
        check(pairs)
        for family in (4, 6):
            pairs[f"redirected out {family}"] = connected(made.pod, made.pod, lab.OUTSIDE[family], 81, 15001)
            pairs[f"redirected in {family}"] = connected(made.peer, made.pod, lab.POD[family], 81, 15006)
        check(pairs)
        install(made.pod, INJECTED)
        check(pairs)
        install(made.pod, dataclasses.replace(INJECTED, outbound_port=16001, inbound_port=16006))
        check(pairs)
