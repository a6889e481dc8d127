# SPDX-License-Identifier: Apache-2.0
"""Running weir-init in a namespace."""

import subprocess

from . import programs
from .flags import Flags
from .namespace import Namespace

PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def run_init(namespace: Namespace, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """weir-init with exactly these arguments, and env beside a PATH. Nothing of this process' environment gets in."""
    return namespace.run([programs.weir_init(), *arguments], env={**PATH, **(env or {})}, timeout=30)


def install(namespace: Namespace, flags: Flags, *more: str) -> subprocess.CompletedProcess:
    """weir-init with these flags; it must succeed."""
    done = run_init(namespace, *flags.argv(), *more, env=flags.env())
    assert done.returncode == 0, f"weir-init {flags}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def clean_up(namespace: Namespace, *arguments: str) -> subprocess.CompletedProcess:
    done = run_init(namespace, "--cleanup-only", *arguments)
    assert done.returncode == 0, f"weir-init --cleanup-only: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done
