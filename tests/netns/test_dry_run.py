# SPDX-License-Identifier: Apache-2.0
"""--dry-run prints what would be sent, as text that nft loads to the same ruleset, and touches nothing."""

import dataclasses
import os
import random
import shutil
import tempfile

import pytest

from harness import netfilter, programs
from harness.flags import INJECTED, Flags, random_flags
from harness.installer import install, run_init


def dry_run(namespace, flags: Flags, *more: str) -> str:
    done = run_init(namespace, *flags.argv(), *more, env=flags.env())
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("flag", ["-n", "--dry-run", "--dry-run=true"])
def test_it_touches_nothing(weir_init, make_namespace, flag):
    namespace = make_namespace("dry")
    assert "table inet weir" in dry_run(namespace, INJECTED, flag)
    assert netfilter.ruleset(namespace) == ""
    assert "::6/128" not in netfilter.loopback_addresses(namespace)


def test_it_can_be_asked_for_in_the_environment(weir_init, make_namespace):
    namespace = make_namespace("dry")
    done = run_init(namespace, *INJECTED.argv(), env={**INJECTED.env(), "DRY_RUN": "true"})
    assert done.returncode == 0 and "table inet weir" in done.stdout
    assert netfilter.ruleset(namespace) == ""


def test_it_needs_no_privilege(weir_init, make_namespace):
    namespace = make_namespace("dry")
    with tempfile.TemporaryDirectory(prefix="weir-test-") as folder:
        os.chmod(folder, 0o755)  # the build directory may be closed to other users
        program = shutil.copy(weir_init, folder)
        done = namespace.run([program, *INJECTED.argv(), "--dry-run"], uid=1000, gid=1000, env=INJECTED.env())
    assert done.returncode == 0, done.stderr
    assert "table inet weir" in done.stdout


def many_flags() -> list[Flags]:
    random_ = random.Random(11)
    many_cidrs = tuple(f"203.0.113.{8 * i}/30" for i in range(32)) + tuple(f"2001:db8:{i:x}::/48" for i in range(1, 6000, 2))
    return [
        Flags(),
        INJECTED,
        dataclasses.replace(INJECTED, exclude_cidrs=many_cidrs),
        dataclasses.replace(INJECTED, outbound_exclude_ports=tuple(range(1000, 3000, 3))),
        *(random_flags(random_) for _ in range(25)),
    ]  # fmt: skip


def test_loading_its_text_gives_the_installed_ruleset(weir_init, make_namespace):
    dry, loaded, installed = (make_namespace(name) for name in ("dry", "loaded", "installed"))
    for flags in many_flags():
        text = install(dry, flags, "--dry-run").stdout
        loaded.tool("nft", "-f", "-", text=text)
        install(installed, flags, "--verify=false")
        assert netfilter.ruleset(loaded) == netfilter.ruleset(installed), f"{flags}\n{text}"


def test_every_construct_means_the_same_as_text_and_as_messages(make_namespace):
    """Also those that no combination of flags brings together: table_probe has a table of all of them."""
    loaded, installed = make_namespace("loaded"), make_namespace("installed")
    probe = programs.helper("table_probe")
    loaded.tool("nft", "-f", "-", text=loaded.run([probe, "print"], check=True).stdout)
    installed.run([probe, "install"], check=True)
    assert netfilter.ruleset(loaded) == netfilter.ruleset(installed)
    loaded.run([probe, "compare"], check=True)


def test_it_prints_the_same_text_beside_installed_rules(weir_init, make_namespace):
    """The text replaces whatever is there, so it does not depend on it."""
    bare, used = make_namespace("bare"), make_namespace("used")
    install(used, dataclasses.replace(INJECTED, outbound_port=16001))
    assert dry_run(used, INJECTED, "--dry-run") == dry_run(bare, INJECTED, "--dry-run")
    used.tool("nft", "-f", "-", text=dry_run(used, INJECTED, "--dry-run"))
    install(bare, INJECTED)
    assert netfilter.ruleset(used) == netfilter.ruleset(bare)


def test_what_nft_loaded_counts_as_installed(weir_init, make_namespace):
    """The text and the installed rules are the same to weir-init too: nothing is left for it to change."""
    namespace = make_namespace("loaded")
    namespace.tool("nft", "-f", "-", text=dry_run(namespace, INJECTED, "--dry-run"))
    loaded = netfilter.with_handles(namespace)
    install(namespace, INJECTED)
    assert netfilter.with_handles(namespace) == loaded


def test_dry_run_of_cleanup_removes_the_table(weir_init, make_namespace):
    namespace = make_namespace("dry")
    install(namespace, INJECTED)
    text = run_init(namespace, "--cleanup-only", "--dry-run")
    assert text.returncode == 0, text.stderr
    assert netfilter.ours(namespace) is not None
    namespace.tool("nft", "-f", "-", text=text.stdout)
    assert netfilter.ours(namespace) is None
