# SPDX-License-Identifier: Apache-2.0
"""The backend for kernels without nf_tables: atomic, polite to others, and back out again."""

import fcntl
import os
import re
import signal
import subprocess
import time

import pytest

from harness import netfilter, programs
from harness.installer import PATH, run_init

PLAIN = ["-p", "15001", "-z", "15006", "-b", "*", "-d", "15021", "-i", "*"]
OTHER = [*PLAIN, "-d", "15021,15090", "-x", "203.0.113.0/24,2001:db8:9::/48"]
EVERYTHING = [
    *OTHER, "-m", "TPROXY", "--drop-invalid", "--redirect-dns", "--capture-all-dns", "--reject-quic",
    "-k", "vnet0", "-o", "443",
]  # fmt: skip
LEGACY = ["--backend", "legacy", "--verify=false"]
CLEANUP = ["--cleanup-only", "--backend", "legacy"]
WAYS = {
    "install": (None, PLAIN),
    "install everything": (None, EVERYTHING),
    "replace": (PLAIN, OTHER),
    "tables come": (PLAIN, EVERYTHING),
    "tables go": (EVERYTHING, PLAIN),
    "clean up": (EVERYTHING, CLEANUP),
}


def tables(namespace) -> str:
    """Both families' legacy tables, in order, without counters; tables that exist and are empty are left out."""
    text = ""
    for save in ("iptables-legacy-save", "ip6tables-legacy-save"):
        for table in re.findall(r"^\*.*?^COMMIT", namespace.tool(save), flags=re.MULTILINE | re.DOTALL):
            table = re.sub(r"\[\d+:\d+\]", "", table)
            if re.search(r"^-A|^:(?!\S+ ACCEPT)", table, flags=re.MULTILINE):
                text += f"{save} {table}\n"
    return text


def state(namespace) -> str:
    rules = [namespace.tool("ip", "-o", *what.split()) for what in ("-4 rule", "-6 rule", "addr show dev lo")]
    return tables(namespace) + re.sub(r"(?m)^.*fe80::.*\n", "", "".join(rules))


def run_legacy(namespace, *arguments, env=None):
    more = [] if "--cleanup-only" in arguments else LEGACY
    return run_init(namespace, *arguments, *more, env=env)


def must(done):
    assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def prepare(namespace, arguments) -> str:
    must(run_legacy(namespace, *CLEANUP))
    if arguments:
        must(run_legacy(namespace, *arguments))
    return state(namespace)


def with_fault(namespace, arguments, fault, **env):
    shim = {"LD_PRELOAD": programs.helper("xtables_faults.so"), "WEIR_XT_FAULT": fault, **env}
    return run_legacy(namespace, *arguments, env=shim)


def faults_of(namespace, arguments, folder) -> list[str]:
    file = folder / "calls"
    must(with_fault(namespace, arguments, "none", WEIR_XT_FAULT_COUNT=str(file)))
    reads, changes = map(int, file.read_text().split())
    return [f"get:{n}" for n in range(1, reads + 1)] + [f"set:{n}" for n in range(1, changes + 1)]


def add_foreign(namespace) -> None:
    for tool in ("iptables-legacy", "ip6tables-legacy"):
        text = netfilter.FOREIGN_IPTABLES
        if "6" in tool:
            text = text.replace("-s 203.0.113.9/32", "-s 2001:db8::9/128")
        namespace.tool(f"{tool}-restore", text=text)


@pytest.mark.parametrize("way", WAYS)
def test_what_fails_changes_nothing(weir_init, make_namespace, tmp_path, way):
    """Every single call to the tables fails once, beside rules of others."""
    namespace = make_namespace("xtfaults")
    add_foreign(namespace)
    first, arguments = WAYS[way]
    before = prepare(namespace, first)
    faults = faults_of(namespace, arguments, tmp_path)
    after = state(namespace)
    assert before != after and "FOREIGN" in before and "FOREIGN" in after
    prepare(namespace, first)
    failed = 0
    for fault in faults:
        done = with_fault(namespace, arguments, fault)
        what = f"{way}, {fault}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        if done.returncode == 0:
            assert state(namespace) == after, what
            prepare(namespace, first)
        else:
            failed += 1
            assert done.stderr.strip(), what
            assert state(namespace) == before, what
    print(f"{way}: {len(faults)} faults, {failed} runs failed and left all as it was")
    assert failed > len(faults) // 2


@pytest.mark.parametrize("way", WAYS)
def test_a_change_by_others_in_between_is_no_failure(weir_init, make_namespace, tmp_path, way):
    namespace = make_namespace("xtagain")
    first, arguments = WAYS[way]
    prepare(namespace, first)
    changes = [f.replace("set", "again") for f in faults_of(namespace, arguments, tmp_path) if f.startswith("set")]
    after = state(namespace)
    for fault in changes[::2]:  # the odd ones replace a table, the even ones add its counters
        prepare(namespace, first)
        must(with_fault(namespace, arguments, fault))
        assert state(namespace) == after, fault


@pytest.mark.parametrize("way", WAYS)
def test_killed_between_two_tables_the_next_run_repairs(weir_init, make_namespace, tmp_path, way):
    """Each table is the old one or the new one; what a kill left between is put right by the same command again."""
    namespace = make_namespace("xtkill")
    first, arguments = WAYS[way]
    before = tables(namespace_prepared(namespace, first))
    changes = [f.replace("set", "kill") for f in faults_of(namespace, arguments, tmp_path) if f.startswith("set")]
    after = tables(namespace)
    whole = set(re.findall(r"^iptables.*?^COMMIT|^ip6tables.*?^COMMIT", before + after, flags=re.M | re.S))
    for fault in changes:
        prepare(namespace, first)
        assert with_fault(namespace, arguments, fault).returncode == -signal.SIGKILL
        for table in re.findall(r"^iptables.*?^COMMIT|^ip6tables.*?^COMMIT", tables(namespace), flags=re.M | re.S):
            assert table in whole, fault
        must(run_legacy(namespace, *arguments))
        assert tables(namespace) == after, fault


def namespace_prepared(namespace, arguments):
    prepare(namespace, arguments)
    return namespace


def test_rules_of_others_and_their_counters_stay(weir_init, make_namespace):
    namespace = make_namespace("xtforeign")
    namespace.tool("ip", "link", "set", "lo", "up")
    add_foreign(namespace)
    for tool in ("iptables-legacy", "ip6tables-legacy"):
        namespace.tool(tool, "-t", "nat", "-I", "OUTPUT", "-p", "icmp" if tool[2] == "t" else "icmpv6", "-j", "RETURN", "-c", "77", "770")
    foreign = netfilter.foreign_state(namespace)
    for arguments in (PLAIN, EVERYTHING, OTHER, CLEANUP):
        must(run_legacy(namespace, *arguments))
        ours_gone = "\n".join(line for line in netfilter.foreign_state(namespace).splitlines() if "WEIR_" not in line)
        if arguments != EVERYTHING:  # its policy route is ours as well
            assert [x for x in foreign.splitlines() if x.startswith("-A")] == [x for x in ours_gone.splitlines() if x.startswith("-A")]
        counted = namespace.tool("iptables-legacy", "-t", "nat", "-vnxL", "OUTPUT")
        assert re.search(r"^\s*77\s+770 ", counted, flags=re.M), counted


def test_ours_comes_first_and_is_put_there_again(weir_init, make_namespace):
    namespace = make_namespace("xtfirst")
    must(run_legacy(namespace, *PLAIN))
    installed = tables(namespace)
    namespace.tool("iptables-legacy", "-t", "nat", "-I", "OUTPUT", "-p", "tcp", "-j", "RETURN")
    done = must(run_legacy(namespace, *PLAIN))
    assert "entered by rule 2 of ip/nat/OUTPUT, not by the first" in done.stdout, done.stdout
    lines = [line for line in namespace.tool("iptables-legacy", "-t", "nat", "-S", "OUTPUT").splitlines() if line.startswith("-A")]
    assert lines == ["-A OUTPUT -j WEIR_OUTPUT", "-A OUTPUT -p tcp -j RETURN"]
    namespace.tool("iptables-legacy", "-t", "nat", "-D", "OUTPUT", "-p", "tcp", "-j", "RETURN")
    for damage in (
        ["-D", "OUTPUT", "-j", "WEIR_OUTPUT"], ["-F", "WEIR_OUTBOUND"], ["-A", "WEIR_OUTPUT", "-p", "udp", "-j", "ACCEPT"],
        ["-I", "WEIR_OUTPUT", "-m", "recent", "--name", "x", "--set", "-j", "RETURN"],
    ):  # fmt: skip
        namespace.tool("iptables-legacy", "-t", "nat", *damage)
        assert "changed: " in must(run_legacy(namespace, *PLAIN)).stdout, damage
        assert tables(namespace) == installed, damage
    assert "unchanged" in must(run_legacy(namespace, *PLAIN)).stdout


def test_clean_up_removes_chains_of_any_version(weir_init, make_namespace):
    namespace = make_namespace("xtold")
    add_foreign(namespace)
    before = tables(namespace)
    old = "*nat\n:WEIR_OLD - [0:0]\n:WEIR_INNER - [0:0]\n-A WEIR_OLD -m recent --name y --set -j WEIR_INNER\n-A WEIRD -j WEIR_OLD\n"
    namespace.tool("iptables-legacy-restore", "--noflush", text=old + "-A POSTROUTING -p tcp -j WEIR_OLD\nCOMMIT\n")
    must(run_legacy(namespace, *CLEANUP))
    assert tables(namespace) == before


def test_dry_run_loads_into_what_installing_gives(weir_init, make_namespace):
    for arguments in (PLAIN, EVERYTHING, [*OTHER, "-x", ",".join(f"198.51.{n}.0/26" for n in range(90))]):
        namespace = make_namespace("xtdry")
        text = must(run_legacy(namespace, *arguments, "--dry-run")).stdout
        must(run_legacy(namespace, *arguments))
        installed = tables(namespace)
        must(run_legacy(namespace, *CLEANUP))
        v4, v6 = text.split("# ip6tables-restore --noflush\n")
        namespace.tool("iptables-legacy-restore", "--noflush", text=v4)
        namespace.tool("ip6tables-legacy-restore", "--noflush", text=v6)
        assert tables(namespace) == installed
        assert "unchanged" in must(run_legacy(namespace, *arguments)).stdout
        namespace.close()


def test_the_lock_is_waited_for_and_its_holder_named(weir_init, make_namespace, tmp_path):
    namespace = make_namespace("xtlock")
    path = tmp_path / "xtables.lock"
    with open(path, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        start = time.monotonic()
        done = run_legacy(namespace, *PLAIN, "--wait", "300ms", env={"XTABLES_LOCKFILE": str(path)})
        assert done.returncode == 5 and 0.25 < time.monotonic() - start < 3, done.stderr
        assert f"lock '{path}': held by process {os.getpid()} (" in done.stderr, done.stderr
        assert tables(namespace) == ""
        argv = [weir_init, *PLAIN, *LEGACY, "--wait", "20s"]
        waiting = namespace.popen(argv, env={**PATH, "XTABLES_LOCKFILE": str(path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(0.3)
        assert waiting.poll() is None
        fcntl.flock(held, fcntl.LOCK_UN)
        out, err = waiting.communicate(timeout=20)
        assert waiting.returncode == 0, err
    assert "WEIR_OUTPUT" in tables(namespace)


def test_without_a_lock_file_it_goes_on_and_says_so(weir_init, make_namespace):
    namespace = make_namespace("xtnolock")
    done = must(run_legacy(namespace, *PLAIN, env={"XTABLES_LOCKFILE": "/nowhere/xtables.lock"}))
    assert "lock '/nowhere/xtables.lock': No such file or directory; going on without" in done.stdout + done.stderr


def test_without_nf_tables_the_legacy_tables_are_chosen(weir_init, make_namespace):
    namespace = make_namespace("xtauto")
    shim = {"LD_PRELOAD": programs.helper("xtables_faults.so"), "WEIR_XT_FAULT": "nf_tables"}
    assert "iptables-legacy" in must(run_init(namespace, *PLAIN, "--verify=false", env=shim)).stdout
    assert "WEIR_OUTPUT" in tables(namespace)
    done = run_init(namespace, *PLAIN, "--verify=false", "--backend", "nftables", env=shim)
    assert done.returncode == 4 and "the kernel has no nf_tables" in done.stderr, done.stderr
    must(run_init(namespace, "--cleanup-only", env=shim))
    assert tables(namespace) == ""


def test_a_namespace_changes_over_without_a_gap(weir_init, make_namespace):
    namespace = make_namespace("xtover")
    must(run_legacy(namespace, *PLAIN))
    done = must(run_init(namespace, *PLAIN, "--verify=false", "--backend", "nftables"))
    assert "removed" in done.stdout + done.stderr
    assert tables(namespace) == "" and netfilter.ours(namespace)
    must(run_legacy(namespace, *PLAIN))
    assert "WEIR_OUTPUT" in tables(namespace) and not netfilter.ours(namespace)
    must(run_init(namespace, "--cleanup-only", "--backend", "nftables"))
    assert tables(namespace) == ""


def test_it_says_which_capability_is_missing(weir_init, make_namespace):
    namespace = make_namespace("xtcaps")
    for drop, text in (("-net_raw", "CAP_NET_RAW and CAP_NET_ADMIN"), ("-net_admin", "CAP_NET_ADMIN")):
        argv = [programs.system("setpriv"), "--bounding-set", drop, "--inh-caps", drop, weir_init, *PLAIN, *LEGACY]
        done = namespace.run(argv, env=PATH, timeout=30)
        assert done.returncode == 3 and text in done.stderr, done.stdout + done.stderr
    assert tables(namespace) == ""


def test_without_xt_socket_the_hold_is_left_out(weir_init, make_namespace):
    namespace = make_namespace("nosocket")
    shim = {"LD_PRELOAD": programs.helper("xtables_faults.so"), "WEIR_XT_FAULT": "xt_socket"}
    done = run_init(namespace, "-i", "*", "-b", "*", "--backend", "legacy", env=shim)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "--hold-until-listening: left out" in done.stderr
    assert "-m socket" not in namespace.tool("iptables-legacy-save")
    assert run_init(namespace, "-i", "*", "-b", "*", "--backend", "legacy").returncode == 0
    assert "-m socket" in namespace.tool("iptables-legacy-save"), "the control"
