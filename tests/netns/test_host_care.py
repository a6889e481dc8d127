# SPDX-License-Identifier: Apache-2.0
"""On the machine's own network namespace, and in somebody else's: what weir-init takes care of.

The machine's own namespace is played by one of ours: a file that exists there only is put into /proc/sys by a bind mount
in a mount namespace of the run.
"""

import os
import pty
import signal
import subprocess
import time

import pytest

from harness import netfilter, programs
from harness.installer import PATH, run_init
from test_verify import leftovers

FLAGS = ["-i", "*", "-b", "*"]


@pytest.fixture
def empty(weir_init, make_namespace):
    return make_namespace("empty")


@pytest.fixture
def on_host(empty, tmp_path):
    """on_host(*arguments, env={}) runs weir-init as if the namespace were the machine's own."""
    (tmp_path / "netdev_max_backlog").write_text("1000\n")
    (tmp_path / "somaxconn").write_text("4096\n")
    script = f'mount --bind {tmp_path} /proc/sys/net/core && exec "$@"'

    def command(*arguments: str) -> list[str]:
        return [programs.system("unshare"), "-m", "sh", "-c", script, "sh", programs.weir_init(), *arguments]

    def run(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        return empty.run(command(*arguments), env={**PATH, **(env or {})})

    run.command = command
    return run


def test_the_machines_own_namespace_is_refused_unless_told(empty, on_host):
    clean = netfilter.ruleset(empty)
    for arguments in (FLAGS, ["watch", *FLAGS], ["verify", *FLAGS]):
        done = on_host(*arguments)
        assert done.returncode == 5, done
        assert "the machine's own" in done.stderr and "--host" in done.stderr
        assert netfilter.ruleset(empty) == clean and "::6/128" not in netfilter.loopback_addresses(empty)
    assert on_host(*FLAGS, "--dry-run").returncode == 0
    assert on_host("cleanup").returncode == 0
    assert on_host(*FLAGS, "--host").returncode == 0
    assert on_host("cleanup").returncode == 0
    assert on_host(*FLAGS, env={"WEIR_HOST": "true"}).returncode == 0
    assert netfilter.ours(empty)


@pytest.mark.parametrize("address", ["198.51.100.4", "2001:db8::4", "fe80::4%eth0"])
def test_the_port_of_the_present_ssh_connection_is_left_alone(empty, on_host, address):
    done = on_host(*FLAGS, "--host", env={"SSH_CONNECTION": f"203.0.113.9 50022 {address} 2222"})
    assert done.returncode == 0, done
    assert "2222 is left alone" in done.stderr
    assert "2222" in netfilter.ours(empty)


def test_sudo_does_not_hide_the_ssh_connection(empty, on_host):
    shell = ["sh", "-c", 'env -u SSH_CONNECTION "$@"; exit $?', "sh", *on_host.command(*FLAGS, "--host")]
    done = empty.run(shell, env={**PATH, "SSH_CONNECTION": "203.0.113.9 50022 198.51.100.4 2222"})
    assert done.returncode == 0, done
    assert "2222 is left alone" in done.stderr


def test_in_a_pod_nothing_of_this_is_done(empty):
    done = run_init(empty, *FLAGS, env={"SSH_CONNECTION": "203.0.113.9 50022 198.51.100.4 2222"})
    assert done.returncode == 0 and "2222" not in done.stderr + netfilter.ours(empty)


def start_unconfirmed(namespace, *arguments: str, **options) -> subprocess.Popen:
    process = namespace.popen(
        [programs.weir_init(), *FLAGS, *arguments], env=PATH, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    for line in process.stdout:
        if "waiting" in line:
            return process
    raise AssertionError(f"never waited: exit {process.wait()}")


@pytest.mark.parametrize("before", [[], ["-i", "203.0.113.0/24", "-b", "80", "-m", "TPROXY"]], ids=["nothing", "other rules"])
def test_without_a_confirmation_everything_is_as_before(empty, before):
    if before:
        run_init(empty, *before)
    rules, rest = netfilter.ruleset(empty), leftovers(empty)
    start = time.monotonic()
    process = start_unconfirmed(empty, "--confirm", "1s")
    assert "to :15001" in netfilter.ours(empty)
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 1 and "taken back: no confirmation came" in out
    assert 1 <= time.monotonic() - start < 4
    assert (netfilter.ruleset(empty), leftovers(empty)) == (rules, rest)


def test_a_confirmation_keeps_the_rules(empty):
    assert run_init(empty, "confirm").returncode == 1
    process = start_unconfirmed(empty, "--confirm", "30s")
    installed = netfilter.ours(empty)
    assert run_init(empty, *FLAGS, "--confirm", "30s").returncode == 5, "one waits already"
    stranger = empty.run([programs.weir_init(), "confirm"], uid=1000, gid=1000, env=PATH)
    assert stranger.returncode != 0 and process.poll() is None
    assert run_init(empty, "confirm").returncode == 0
    assert process.wait(timeout=5) == 0
    assert netfilter.ours(empty) == installed


def test_enter_on_the_terminal_confirms_and_a_lost_terminal_does_not(empty):
    for lost in (False, True):
        master, slave = pty.openpty()
        process = start_unconfirmed(empty, "--confirm", "2s", stdin=slave)
        os.close(slave)
        if lost:
            process.send_signal(signal.SIGHUP)
        else:
            os.write(master, b"\n")
        if lost:
            os.close(master)
        assert process.wait(timeout=10) == (1 if lost else 0)
        assert bool(netfilter.ours(empty)) != lost
        run_init(empty, "cleanup")


def test_a_signal_takes_an_unconfirmed_installation_back(empty):
    process = start_unconfirmed(empty, "--confirm", "30s")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 1
    assert netfilter.ours(empty) is None


# -- --network-namespace ----------------------------------------------------------------------------------------------


def test_another_namespace_by_path_process_and_name(empty, make_namespace):
    target = make_namespace("target")
    sleeper = target.popen([programs.system("sleep"), "60"])
    for where in (target.path, str(sleeper.pid), target.name):
        assert run_init(empty, *FLAGS, "--network-namespace", where).returncode == 0
        assert netfilter.ours(target) and netfilter.ours(empty) is None
        assert run_init(empty, "verify", "--network-namespace", where).returncode == 0
        assert run_init(empty, "--cleanup-only", "--network-namespace", where).returncode == 0
        assert netfilter.ours(target) is None
    sleeper.kill()
    sleeper.wait()


@pytest.mark.parametrize(
    ("where", "said"),
    [("no-such-name", "no-such-name"), ("/proc/self/ns/mnt", "not a network namespace"), ("/etc/passwd", "not a network namespace")],
)
def test_what_is_no_namespace_is_said(empty, where, said):
    done = run_init(empty, *FLAGS, "--network-namespace", where)
    assert done.returncode != 0 and said in done.stderr, done


def test_the_owner_of_a_user_namespace_reaches_the_network_namespace_in_it(empty, tmp_path):
    """Without a privilege of its own: the user namespace is entered first."""
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:3]:
        parent.chmod(0o755)
    copy = tmp_path / "weir-init"
    copy.write_bytes(open(programs.weir_init(), "rb").read())
    copy.chmod(0o755)
    holder = empty.popen(
        [programs.system("unshare"), "-U", "-r", "-n", programs.system("sleep"), "60"], uid=1000, gid=1000
    )
    time.sleep(0.5)
    where = ["--network-namespace", str(holder.pid), "--verify=false"]
    done = empty.run([str(copy), *FLAGS, *where], uid=1000, gid=1000, env=PATH)
    assert done.returncode == 0, done
    assert "installed" in done.stdout
    again = empty.run([str(copy), *FLAGS, *where], uid=1000, gid=1000, env=PATH)
    assert "unchanged" in again.stdout, again
    assert netfilter.ours(empty) is None
    holder.kill()
    holder.wait()
