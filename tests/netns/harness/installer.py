# SPDX-License-Identifier: Apache-2.0
"""Running weir-init in a namespace."""

import atexit
import functools
import os
import subprocess
import tempfile

from . import lab, programs
from .flags import Flags
from .namespace import Namespace

# What holds the rules; the matrix runs under each.
BACKENDS = os.environ.get("WEIR_BACKENDS", "nftables legacy").split()
PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def run_init(namespace: Namespace, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess:
    """weir-init with exactly these arguments, and env beside a PATH. Nothing of this process' environment gets in."""
    return namespace.run([programs.weir_init(), *arguments], env={**PATH, **(env or {})}, timeout=30)


@functools.cache
def _resolv_conf() -> str:
    with tempfile.NamedTemporaryFile("w", prefix="weir-test-resolv-", delete=False) as file:
        file.writelines(f"nameserver {server}\n" for server in lab.DNS_SERVERS)
    atexit.register(os.unlink, file.name)
    return file.name


def with_resolv_conf(argv: list[str]) -> list[str]:
    """A command line that runs argv where /etc/resolv.conf names lab.DNS_SERVERS: in mounts of its own."""
    script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
    return [programs.system("unshare"), "--mount", "/bin/sh", "-c", script, _resolv_conf(), *argv]


def install(namespace: Namespace, flags: Flags, *more: str) -> subprocess.CompletedProcess:
    """weir-init with these flags; it must succeed."""
    argv = with_resolv_conf([programs.weir_init(), *flags.argv(), *more])
    done = namespace.run(argv, env={**PATH, **flags.env()}, timeout=30)
    assert done.returncode == 0, f"weir-init {flags}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def clean_up(namespace: Namespace, *arguments: str) -> subprocess.CompletedProcess:
    done = run_init(namespace, "--cleanup-only", *arguments)
    assert done.returncode == 0, f"weir-init --cleanup-only: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done
