# SPDX-License-Identifier: Apache-2.0
"""What weir-init refuses: with which exit code, which words, and without touching anything."""

import pytest

from harness import netfilter
from harness.flags import INJECTED
from harness.installer import install, run_init

USAGE = 2

# arguments → words that the message must have: the flag, the value as given, and where in it the error is
BAD_VALUES = {
    "port that is no number": (["-b", "80,http"], ["-b", "http"]),
    "port past 65535": (["-b", "70000"], ["-b", "70000"]),
    "port 0": (["-o", "0"], ["-o", "0"]),
    "negative port": (["-o", "-1"], ["-1"]),
    "redirect port that is no number": (["-p", "x"], ["-p", "x"]),
    "redirect port past 65535": (["-z", "65536"], ["-z", "65536"]),
    "empty redirect port": (["-p", ""], ["-p"]),
    "CIDR with letters": (["-i", "203.0.113.0/24,nonsense"], ["-i", "nonsense"]),
    "prefix too long": (["-i", "203.0.113.0/33"], ["-i", "203.0.113.0/33"]),
    "IPv6 prefix too long": (["-x", "2001:db8::/129"], ["-x", "2001:db8::/129"]),
    "wildcard exclusion": (["-x", "*"], ["-x", "*"]),
    "wildcard among CIDRs": (["-i", "*,203.0.113.0/24"], ["-i", "*"]),
    "wildcard among ports": (["-b", "*,80"], ["-b", "*"]),
    "wildcard port exclusion": (["-d", "*"], ["-d", "*"]),
    "user that is no number": (["-u", "1337,nobody-there"], ["-u", "nobody-there"]),
    "user past 32 bits": (["-u", "4294967296"], ["-u", "4294967296"]),
    "group that is no number": (["-g", "x"], ["-g", "x"]),
    "mode that does not exist": (["-m", "DIVERT"], ["-m", "DIVERT"]),
    "interface name too long": (["-c", "an-interface-name-too-long"], ["-c", "an-interface-name-too-long"]),
    "interface name with a slash": (["-k", "a/b"], ["-k", "a/b"]),
    "boolean that is none": (["--dual-stack=perhaps"], ["--dual-stack", "perhaps"]),
    "unknown flag": (["--no-such-flag"], ["--no-such-flag"]),
    "unknown command": (["instal"], ["instal", "did you mean 'install'?"]),
    "stray argument": (["install", "now"], ["now"]),
    "mark past 32 bits": (["-m", "TPROXY", "-t", "4294967296"], ["-t", "4294967296"]),
    "backends that disagree": (["--native-nftables", "--force-iptables-binary", "legacy"], ["--force-iptables-binary", "legacy"]),
}

BAD_ENVIRONMENT = {
    "port list": ({"ISTIO_INBOUND_PORTS": "80,x"}, ["ISTIO_INBOUND_PORTS", "x"]),
    "CIDR list": ({"ISTIO_SERVICE_CIDR": "10.0.0.0/99"}, ["ISTIO_SERVICE_CIDR", "10.0.0.0/99"]),
    "boolean": ({"DUAL_STACK": "perhaps"}, ["DUAL_STACK", "perhaps"]),
    "mode": ({"ISTIO_INBOUND_INTERCEPTION_MODE": "BOTH"}, ["ISTIO_INBOUND_INTERCEPTION_MODE", "BOTH"]),
    "loopback CIDR that is not loopback": (
        {"ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR": "198.51.100.0/24"},
        ["ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", "198.51.100.0/24"],
    ),
    "loopback CIDR too wide": (
        {"ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR": "127.0.0.0/7"},
        ["ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR", "127.0.0.0/7"],
    ),
    "too many owner groups": (
        {"ISTIO_OUTBOUND_OWNER_GROUPS": ",".join(map(str, range(1, 66)))},
        ["ISTIO_OUTBOUND_OWNER_GROUPS", "64"],
    ),
}


def assert_refused(done, words):
    assert done.returncode == USAGE, done
    message = done.stderr.strip()
    assert done.stdout == ""
    missing = [word for word in words if word not in message]
    assert not missing, f"{message!r} lacks {missing}"


@pytest.fixture
def installed(weir_init, make_namespace):
    """A namespace with rules: a refusal must leave them as they are."""
    namespace = make_namespace("pod")
    install(namespace, INJECTED)
    return namespace


@pytest.fixture(autouse=True)
def untouched(installed):
    before = netfilter.with_handles(installed)
    yield
    assert netfilter.with_handles(installed) == before


@pytest.mark.parametrize("name", BAD_VALUES)
def test_bad_value_of_a_flag(installed, name):
    arguments, words = BAD_VALUES[name]
    assert_refused(run_init(installed, *arguments), words)


@pytest.mark.parametrize("name", BAD_ENVIRONMENT)
def test_bad_value_in_the_environment(installed, name):
    env, words = BAD_ENVIRONMENT[name]
    assert_refused(run_init(installed, env=env), words)


def test_the_position_of_the_error_is_named(installed):
    done = run_init(installed, "-b", "80,443,80x,90")
    assert_refused(done, ["80x"])
    assert any(hint in done.stderr for hint in ("character 8", "column 8", "position 8", "item 3", "entry 3", "element 3"))


def test_bad_values_are_refused_by_cleanup_and_dry_run_too(installed):
    assert_refused(run_init(installed, "--dry-run", "-b", "70000"), ["70000"])
    assert_refused(run_init(installed, "--no-such-flag", "--cleanup-only"), ["--no-such-flag"])


def test_the_command_line_wins_over_the_environment(installed):
    done = run_init(installed, *INJECTED.argv(), env={"ISTIO_INBOUND_PORTS": "80", "ISTIO_SERVICE_CIDR": ""})
    assert done.returncode == 0, done.stderr  # and the fixture sees that the rules stayed what they were


def test_long_and_short_names_mean_the_same(installed):
    long = {
        "-p": "--envoy-port", "-z": "--inbound-capture-port", "-e": "--inbound-tunnel-port", "-u": "--proxy-uid",
        "-g": "--proxy-gid", "-m": "--istio-inbound-interception-mode", "-b": "--istio-inbound-ports",
        "-d": "--istio-local-exclude-ports", "-c": "--istio-exclude-interfaces", "-i": "--istio-service-cidr",
        "-x": "--istio-service-exclude-cidr", "-q": "--istio-outbound-ports",
        "-o": "--istio-local-outbound-ports-exclude", "-k": "--kube-virt-interfaces",
    }  # fmt: skip
    arguments = [long.get(word, word) for word in INJECTED.argv()]
    assert run_init(installed, *arguments).returncode == 0
    joined: list[str] = []
    for word in arguments:
        if word.startswith("--"):
            joined.append(word)
        else:
            joined[-1] += f"={word}"
    assert run_init(installed, *joined).returncode == 0


def test_every_environment_variable_is_read(installed):
    env = {
        "INBOUND_CAPTURE_PORT": "15006", "INBOUND_TUNNEL_PORT": "15008", "PROXY_UID": "1337", "PROXY_GID": "1337",
        "ISTIO_INBOUND_INTERCEPTION_MODE": "REDIRECT", "ISTIO_INBOUND_PORTS": "*",
        "ISTIO_LOCAL_EXCLUDE_PORTS": "15090,15021,15020", "ISTIO_EXCLUDE_INTERFACES": "", "ISTIO_SERVICE_CIDR": "*",
        "ISTIO_SERVICE_EXCLUDE_CIDR": "", "ISTIO_OUTBOUND_PORTS": "", "ISTIO_LOCAL_OUTBOUND_PORTS_EXCLUDE": "",
        "KUBE_VIRT_INTERFACES": "", "DUAL_STACK": "true",
    }  # fmt: skip
    assert run_init(installed, env=env).returncode == 0
