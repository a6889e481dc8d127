# SPDX-License-Identifier: Apache-2.0
"""weir-init needs CAP_NET_ADMIN and its own file, and nothing else."""

import os
import pathlib
import re
import shutil

import pytest

from harness import netfilter, programs
from harness.flags import INJECTED
from harness.installer import PATH, run_init


@pytest.fixture
def empty(weir_init, make_namespace):
    return make_namespace("empty")


@pytest.fixture
def readable_init(weir_init, tmp_path):
    """weir-init where another user can execute it (a build directory may be closed to others)."""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.owner() == "root" and parent != pathlib.Path("/tmp") and str(parent).startswith("/tmp/"):
            parent.chmod(0o755)
    target = tmp_path / "weir-init"
    shutil.copy(weir_init, target)
    target.chmod(0o755)
    return str(target)


def with_capabilities(*names: str) -> list[str]:
    """A command prefix: user 1000, no group but 1000, exactly these capabilities, no way to gain others."""
    wanted = ",".join(["-all", *(f"+{name}" for name in names)])
    return [
        programs.system("setpriv"), "--reuid", "1000", "--regid", "1000", "--clear-groups", "--no-new-privs",
        "--bounding-set", wanted, "--inh-caps", wanted, "--ambient-caps", wanted,
    ]  # fmt: skip


def test_net_admin_alone_is_enough(empty, readable_init):
    prefix = with_capabilities("net_admin")
    done = empty.run([*prefix, readable_init, *INJECTED.argv()], env=INJECTED.env())
    assert done.returncode == 0, done.stdout + done.stderr
    assert netfilter.ours(empty) is not None
    assert "::6/128" in netfilter.loopback_addresses(empty)
    done = empty.run([*prefix, readable_init, "--cleanup-only"], env=PATH)
    assert done.returncode == 0, done.stdout + done.stderr
    assert netfilter.ruleset(empty) == ""
    assert "::6/128" not in netfilter.loopback_addresses(empty)


def test_without_net_admin_it_says_what_it_lacks(empty, readable_init):
    done = empty.run([*with_capabilities("net_raw"), readable_init, *INJECTED.argv()], env=INJECTED.env())
    assert done.returncode == 3, done
    assert "CAP_NET_ADMIN" in done.stderr
    assert netfilter.ruleset(empty) == ""


def libraries(binary: str, namespace) -> list[str]:
    out = namespace.run([programs.system("ldd"), binary]).stdout
    return re.findall(r"(/\S+) \(0x", out)


def scratch_image(binary: str, folder: pathlib.Path, namespace) -> pathlib.Path:
    """A root directory that holds the binary and its libraries and nothing else: no /proc, /etc, /dev or shell."""
    root = folder / "image"
    for path in [*libraries(binary, namespace)]:
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    root.mkdir(exist_ok=True)
    shutil.copy(binary, root / "weir-init")
    return root


def test_it_works_from_a_scratch_image(empty, weir_init, tmp_path):
    root = scratch_image(weir_init, tmp_path, empty)
    content = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    assert all(name == "weir-init" or name.startswith(("lib", "usr/lib")) for name in content), content
    chroot = [programs.system("chroot"), str(root), "/weir-init"]
    done = empty.run([*chroot, *INJECTED.argv()], env=INJECTED.env())
    assert done.returncode == 0, done.stdout + done.stderr
    assert netfilter.ours(empty) is not None
    assert "::6/128" in netfilter.loopback_addresses(empty)
    done = empty.run([*chroot, "--cleanup-only"], env=PATH)
    assert done.returncode == 0, done.stdout + done.stderr
    assert netfilter.ruleset(empty) == ""


@pytest.mark.parametrize("arguments", [INJECTED.argv(), ["--cleanup-only"], [*INJECTED.argv(), "--dry-run"]])
def test_it_executes_no_other_program(empty, weir_init, tmp_path, arguments):
    trace = tmp_path / "trace"
    calls = "execve,execveat,fork,vfork,clone,clone3"
    done = empty.run(
        [programs.system("strace"), "-f", "-e", f"trace={calls}", "-o", str(trace), weir_init, *arguments], env=PATH
    )
    assert done.returncode == 0, done.stderr
    made = re.findall(r"\b(execve|execveat|fork|vfork|clone3?)\(", trace.read_text())
    assert made == ["execve"], trace.read_text()


def test_it_runs_without_environment_and_standard_input(empty, weir_init):
    done = empty.run([weir_init, *INJECTED.argv()], env={})
    assert done.returncode == 0, done.stderr
    assert netfilter.ours(empty) is not None


def test_it_never_leaves_its_namespace(empty, weir_init):
    """Whatever it does, the namespace of this process (the machine's own) keeps its tables."""
    machine = os.popen("/usr/sbin/nft -s -a list ruleset").read()
    assert run_init(empty, *INJECTED.argv()).returncode == 0
    assert os.popen("/usr/sbin/nft -s -a list ruleset").read() == machine
