# SPDX-License-Identifier: Apache-2.0
"""The command lines of linkerd's proxy-init and of Kuma, by packets, against answers written by hand.

linkerd's table is its own behavioural matrix (proxy-init/integration/iptables): all ports, listed ports, ignored ports
and subnets, the proxy's user, loopback. Kuma's are its exclusions and its virtual networks.
"""

import os

import pytest

from harness import lab, programs
from harness.cells import Cell, LabProbe
from harness.installer import PATH, run_init

APP, OTHER_APP, ROOT = (1000, 1000), (1002, 1002), (0, 0)
PROXY, PROXY_GROUP, GROUP_2000 = (1337, 1337), (1000, 1337), (1000, 2000)
KUMA_DP, KUMA_DP_GROUP = (5678, 5678), (1000, 5678)


def out(who, place, *ports, families=(4, 6)) -> list[Cell]:
    return [Cell("pod", *who, "", place[family], port) for family in families for port in ports]


def into(origin, place, *ports, families=(4, 6)) -> list[Cell]:
    return [Cell(origin, 0, 0, "", place[family], port) for family in families for port in ports]


LINKERD = ("--incoming-proxy-port", "15006", "--outgoing-proxy-port", "15001", "--proxy-uid", "1337")
KUMA = ("kumactl", "install", "transparent-proxy")

# name: (arguments, [(cells, who answers), …])
CASES = {
    "linkerd: all ports": (
        LINKERD,
        [
            (into("peer", lab.POD, 80, 8080, 15008), "inbound"),  # 15008 is nobody's tunnel there
            (out(APP, lab.OUTSIDE, 80, 443), "outbound"),
            (out(APP, lab.SERVICE, 80), "outbound"),
            (out(PROXY, lab.OUTSIDE, 80, 443), "outside"),
            (out(PROXY_GROUP, lab.OUTSIDE, 80), "outbound"),  # no --proxy-gid: a group is nothing
            (out(APP, lab.LOOPBACK, 8080), "app"),
            (out(APP, lab.POD, 8080), "app"),
            (out(PROXY, lab.POD, 8080), "app"),  # -o lo is direct for everybody, the proxy too
            (out(PROXY, lab.LOOPBACK, 8080), "app"),
        ],
    ),
    "linkerd: what its injector passes": (
        (*LINKERD, "--proxy-gid", "2000", "--inbound-ports-to-ignore", "8080,15020-15021", "--outbound-ports-to-ignore",
         "443,9000-9100", "--timeout-close-wait-secs", "3600", "--log-format", "plain", "-w"),
        [
            (into("peer", lab.POD, 8080, 15020, 15021), "app"),
            (into("peer", lab.POD, 80, 15090), "inbound"),
            (out(APP, lab.OUTSIDE, 443, 9090), "outside"),
            (out(APP, lab.OUTSIDE, 80), "outbound"),
            (out(GROUP_2000, lab.OUTSIDE, 80), "outside"),
        ],
    ),
    "linkerd: listed ports": (
        (*LINKERD, "-r", "80,8080-8090", "-r", "443", "--inbound-ports-to-ignore", "443"),
        [(into("peer", lab.POD, 80, 8080), "inbound"), (into("peer", lab.POD, 443, 9090), "app")],
    ),
    "linkerd: ignored subnets": (
        (*LINKERD, "--subnets-to-ignore", f"{lab.PEER[4]}/32", "--subnets-to-ignore", f"{lab.PEER[6]}/128"),
        [(into("peer", lab.POD, 80), "app"), (into("guest", lab.POD_VNET0, 80), "inbound"), (out(APP, lab.OUTSIDE, 80), "outbound")],
    ),
    "linkerd: --ipv6=false": (
        (*LINKERD, "--ipv6=false"),
        [
            (out(APP, lab.OUTSIDE, 80, families=(4,)) , "outbound"),
            (out(APP, lab.OUTSIDE, 80, families=(6,)), "outside"),
            (into("peer", lab.POD, 80, families=(4,)), "inbound"),
            (into("peer", lab.POD, 80, families=(6,)), "app"),
        ],
    ),
    "Kuma: the defaults": (
        KUMA,
        [
            (into("peer", lab.POD, 80, 22, 15008, 15021), "inbound"),
            (out(APP, lab.OUTSIDE, 80), "outbound"),
            (out(ROOT, lab.OUTSIDE, 80), "outbound"),
            (out(KUMA_DP, lab.OUTSIDE, 80), "outside"),
            (out(KUMA_DP, lab.POD, 8080), "inbound"),
            (out(KUMA_DP, lab.LOOPBACK, 8080), "app"),
            (out(KUMA_DP_GROUP, lab.OUTSIDE, 80), "outbound"),
            (out(APP, lab.POD, 8080), "app"),
            (out(APP, lab.LOOPBACK, 8080), "app"),
        ],
    ),
    "Kuma: ports": (
        (*KUMA, "--kuma-dp-user", "1337", "--exclude-inbound-ports", "22,8080", "--exclude-outbound-ports", "443"),
        [
            (into("peer", lab.POD, 22, 8080), "app"),
            (into("peer", lab.POD, 80), "inbound"),
            (out(APP, lab.OUTSIDE, 443), "outside"),
            (out(APP, lab.OUTSIDE, 80), "outbound"),
            (out(PROXY, lab.OUTSIDE, 80), "outside"),
            (out(KUMA_DP, lab.OUTSIDE, 80), "outbound"),
        ],
    ),
    "Kuma: ports of users": (
        (*KUMA, "--exclude-outbound-ports-for-uids", "tcp:80,8000-9000:1000-1001", "--exclude-outbound-ports-for-uids", "443:1002"),
        [
            (out(APP, lab.OUTSIDE, 80, 8080), "outside"),
            (out(APP, lab.OUTSIDE, 443), "outbound"),
            (out(OTHER_APP, lab.OUTSIDE, 443), "outside"),
            (out(OTHER_APP, lab.OUTSIDE, 80), "outbound"),
        ],
    ),
    "Kuma: addresses": (
        (*KUMA, "--exclude-inbound-ips", lab.PEER[4], "--exclude-outbound-ips", ",".join(lab.EXCLUDED_RANGE.values())),
        [
            (into("peer", lab.POD, 80, families=(4,)), "app"),
            (into("peer", lab.POD, 80, families=(6,)), "inbound"),
            (out(APP, lab.OUTSIDE_OTHER, 80), "outside"),
            (out(APP, lab.OUTSIDE, 80), "outbound"),
        ],
    ),
    "Kuma: a gateway": (
        (*KUMA, "--redirect-inbound=false"),
        [(into("peer", lab.POD, 80), "app"), (out(APP, lab.OUTSIDE, 80), "outbound"), (out(KUMA_DP, lab.POD, 8080), "inbound")],
    ),
    "Kuma: IPv4 only": (
        (*KUMA, "--ip-family-mode", "ipv4"),
        [
            (out(APP, lab.OUTSIDE, 80, families=(4,)), "outbound"),
            (out(APP, lab.OUTSIDE, 80, families=(6,)), "outside"),
            (into("peer", lab.POD, 80, families=(6,)), "app"),
        ],
    ),
    "Kuma: virtual networks": (
        (*KUMA, "--vnet", "vnet+:203.0.113.0/30", "--vnet", "vnet0:2001:db8:3::/64"),
        [
            (into("guest", lab.OUTSIDE, 80, 443), "outbound"),
            (into("guest", lab.SERVICE, 80), "outbound"),
            (into("guest", lab.POD_VNET0, 80, 8080), "inbound"),
            (into("peer", lab.POD, 80), "inbound"),
            (out(APP, lab.OUTSIDE, 80), "outbound"),
        ],
    ),
    "Kuma: its configuration": (
        (*KUMA, "--config", "{redirect: {inbound: {excludePorts: [8080]}, outbound: {includePorts: [443]}}}"),
        [
            (into("peer", lab.POD, 8080), "app"),
            (into("peer", lab.POD, 80), "inbound"),
            (out(APP, lab.OUTSIDE, 443), "outbound"),
            (out(APP, lab.OUTSIDE, 80), "outside"),
        ],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def compat_lab(possible):
    with lab.build_lab("compat") as built:
        probe = LabProbe(built)
        yield built, probe
        probe.close()


def _install(pod, arguments, **environment) -> str:
    done = run_init(pod, *arguments, env=environment)
    assert done.returncode == 0, f"weir-init {arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", CASES)
def test_means_what_theirs_means(compat_lab, name):
    built, probe = compat_lab
    arguments, expectations = CASES[name]
    _install(built.pod, arguments)
    answers = probe.ask([cell for cells, _ in expectations for cell in cells])
    wrong = [
        f"{cell}: {answers[cell]}, expected {who}" for cells, who in expectations for cell in cells if answers[cell].who != who
    ]
    assert not wrong, "\n".join(wrong)


def test_is_known_by_the_programs_name_and_uninstalls(compat_lab, tmp_path):
    built, probe = compat_lab
    for name, arguments in {
        "proxy-init": ("-p", "15006", "-o", "15001", "-u", "1337"),
        "kumactl": ("install", "transparent-proxy", "--kuma-dp-user", "1337"),
    }.items():
        link = tmp_path / name
        link.symlink_to(programs.weir_init())
        done = built.pod.run([str(link), *arguments], env=PATH, timeout=30)
        assert done.returncode == 0, done.stderr
        cell = out(APP, lab.OUTSIDE, 80)[0]
        assert probe.ask([cell])[cell].who == "outbound"
    done = built.pod.run([str(tmp_path / "kumactl"), "uninstall", "transparent-proxy"], env=PATH, timeout=30)
    assert done.returncode == 0, done.stderr
    assert probe.ask([cell])[cell].who == "outside"


def test_kumas_configuration_comes_from_files_standard_input_and_the_environment(compat_lab, tmp_path):
    built, probe = compat_lab
    (tmp_path / "a.yaml").write_text("redirect:\n  inbound:\n    excludePorts: [80, 443]\n  outbound:\n    excludePorts: '443'\n")
    done = built.pod.run(
        [programs.weir_init(), *KUMA, "--config-file", str(tmp_path / "a.yaml"), "--config-file", "-"],
        env={**PATH, "KUMA_TRANSPARENT_PROXY_KUMA_DP_USER": "1337"},
        text='{"redirect": {"inbound": {"excludePorts": [8080]}}}',
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    cells = [*into("peer", lab.POD, 80, 8080), *out(APP, lab.OUTSIDE, 443), *out(PROXY, lab.OUTSIDE, 80)]
    who = [answer.who for answer in probe.ask(cells).values()]
    assert sorted(who) == sorted(["inbound", "app"] * 2 + ["outside"] * 4)


def test_an_own_configuration_file_and_what_wins_over_it(compat_lab, tmp_path):
    built, probe = compat_lab
    path = tmp_path / "weir.yaml"
    path.write_text("istio-service-cidr: '*'\nistio-inbound-ports: '*'\nistio-local-exclude-ports: [80, 443]\nproxy-uid: 1338\n")
    _install(built.pod, ("--config", str(path), "-d", "8080"), PROXY_UID="1337")
    expected = {
        **dict.fromkeys(into("peer", lab.POD, 8080), "app"),
        **dict.fromkeys(into("peer", lab.POD, 80), "inbound"),
        **dict.fromkeys(out(PROXY, lab.OUTSIDE, 80), "outside"),
        **dict.fromkeys(out((1338, 1338), lab.OUTSIDE, 80), "outbound"),
    }
    answers = probe.ask(list(expected))
    assert {cell: answers[cell].who for cell in expected} == expected
    path.write_text("istio-service-cidr: '*'\nistio-inbond-ports: '*'\n")
    done = run_init(built.pod, "--config", str(path))
    assert done.returncode == 2
    assert "line 2: 'istio-inbond-ports'" in done.stderr and "did you mean 'istio-inbound-ports'?" in done.stderr
    assert run_init(built.pod, "--cleanup-only", "--config", "/missing").returncode == 0


def test_a_failure_is_the_containers_termination_message(compat_lab, tmp_path):
    built, _ = compat_lab
    log = tmp_path / "termination-log"
    usage = run_init(built.pod, "-b", "nonsense", env={"TERMINATION_LOG": str(log)})
    assert usage.returncode == 2 and not log.exists(), "never created"
    log.write_text("old\n")
    usage = run_init(built.pod, "-b", "nonsense", env={"TERMINATION_LOG": str(log)})
    assert log.read_text() == usage.stderr != ""
    log.write_text("")
    denied = built.pod.run([programs.weir_init(), "-b", "*", "--termination-log", str(log)], env=PATH, uid=65534, gid=65534)
    assert denied.returncode == 3, denied.stderr
    assert log.read_text() == "", "not writable for this user"
    os.chmod(log, 0o666)
    os.chmod(tmp_path, 0o755)
    log.write_text("kept")
    assert run_init(built.pod, "--cleanup-only", "--termination-log", str(log)).returncode == 0
    assert log.read_text() == "kept", "a run that succeeds leaves it alone"


def test_lines_as_json(compat_lab):
    import json

    built, _ = compat_lab
    done = run_init(built.pod, "-b", "80", "--log_as_json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (done.stdout + done.stderr).splitlines()]
    assert lines and all({"level", "time", "scope", "msg"} == set(line) for line in lines)
    assert run_init(built.pod, "cleanup").returncode == 0
