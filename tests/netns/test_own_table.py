# SPDX-License-Identifier: Apache-2.0
"""watch --own-table: while it runs nobody else can change the rules; when it ends they stay and anybody can."""

import signal
import subprocess

import pytest

from harness import netfilter, programs
from harness.flags import INJECTED
from harness.installer import PATH, clean_up, install, run_init

OTHER = [*INJECTED.argv(), "--reject-quic", "--verify=false"]


@pytest.fixture
def held(weir_init, make_namespace):
    """A namespace with rules that a running watch holds, and the watch."""
    namespace = make_namespace("held")
    install(namespace, INJECTED, "--verify=false")
    watch = namespace.popen(
        [programs.weir_init(), "watch", "--own-table"], env=PATH, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert "watching" in watch.stdout.readline(), watch.communicate()[1]
    for _ in range(100):
        if "flags owner" in (netfilter.ours(namespace) or ""):
            break
    yield namespace, watch
    watch.kill()
    watch.communicate()



def test_nobody_else_can_change_the_rules(held):
    namespace, watch = held
    before = netfilter.ours(namespace)
    assert "owner" in before
    for command in ("flush table inet weir", "delete table inet weir", "flush chain inet weir output"):
        done = namespace.run([programs.system("nft"), command])
        assert done.returncode != 0 and "Operation not permitted" in done.stderr, done
    for arguments in (OTHER, ["--cleanup-only"]):
        done = run_init(namespace, *arguments)
        assert done.returncode == 5 and "held by another process" in done.stderr, done
    assert netfilter.ours(namespace) == before
    assert run_init(namespace, "status").returncode == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_rules_stay_when_the_holder_ends(held, make_namespace, how):
    namespace, watch = held
    watch.send_signal(how)
    watch.wait()
    fresh = make_namespace("fresh")
    install(fresh, INJECTED, "--verify=false")
    # What is left is a flag of the table, which older versions of nft list without its name.
    left = [line for line in netfilter.ours(namespace).splitlines() if line and not line.startswith("\tflags")]
    assert left == [line for line in netfilter.ours(fresh).splitlines() if line]
    assert run_init(namespace, *OTHER).returncode == 0
    assert "reject" in netfilter.ours(namespace)
    clean_up(namespace)
    assert netfilter.ours(namespace) is None
