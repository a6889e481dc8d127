# SPDX-License-Identifier: Apache-2.0
"""An unprivileged user in a user namespace of their own (rootless containers): everything works, long lists included."""

import os
import shutil
import subprocess
import tempfile

import pytest

from harness import programs

NOBODY = 65534


@pytest.fixture
def program(weir_init):
    """weir-init where nobody can execute it."""
    with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
        os.chmod(folder, 0o755)
        yield shutil.copy(weir_init, folder)


def run_as_nobody(script: str) -> subprocess.CompletedProcess:
    """A shell as root of a new user and network namespace that user nobody made."""

    def become_nobody() -> None:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)

    return subprocess.run(
        [programs.system("unshare"), "--user", "--map-root-user", "--net", "sh", "-e", "-c", script],
        preexec_fn=become_nobody, capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, cwd="/",
    )  # fmt: skip


@pytest.mark.parametrize("flags", ["", "-m TPROXY --drop-invalid --redirect-dns --capture-all-dns --reject-quic"])
def test_install_replace_and_clean_up(program, flags):
    """Only one user is mapped here: the proof does without the others, and says who they are."""
    done = run_as_nobody(
        f"""ip link set lo up
        {program} -b '*' -i '*' {flags}
        nft list table inet weir | grep -c counter
        {program} -b '*' -d 15021 -i '*' {flags} | grep replaced
        {program} -b '*' -d 15021 -i '*' {flags} | grep unchanged
        {program} --cleanup-only
        nft list ruleset; ip rule"""
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not proved: uid 1337 is not mapped in this user namespace" in done.stdout
    assert "verified: rules and routing as planned" in done.stdout
    assert "table" not in done.stdout.split("removed:")[1].split("\n", 1)[1], done.stdout
    assert "fwmark" not in done.stdout.split("removed:")[1].split("\n", 1)[1], done.stdout


def test_a_list_that_is_too_long_changes_nothing(program):
    """Without privilege in the first user namespace net.core.wmem_max bounds a transaction; the error says so."""
    cidrs = [f"203.{a}.{b}.0/25" for a in range(40) for b in range(180)]
    with open(f"{program}.cidrs", "w") as file:  # one argument can be 128 KB long
        file.write(",".join(cidrs))
    os.chmod(file.name, 0o644)
    done = run_as_nobody(
        f"""ip link set lo up
        {program} -b '*' -i '*' -x {",".join(cidrs[:1000])}
        nft -s list ruleset | md5sum
        code=0
        {program} -b '*' -i '*' -x "$(cat {file.name})" || code=$?
        nft -s list ruleset | md5sum
        echo "exit $code" """
    )
    assert done.returncode == 0, done.stdout + done.stderr
    before, after = [line for line in done.stdout.splitlines() if line.endswith("  -")]
    if "exit 0" in done.stdout:  # a generous wmem_max
        assert before != after
    else:
        assert "net.core.wmem_max" in done.stderr, done.stderr
        assert before == after
