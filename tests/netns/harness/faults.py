# SPDX-License-Identifier: Apache-2.0
"""Faults between weir-init and the kernel, one at a time: tests/support/netlink_faults, preloaded."""

import dataclasses
import re
import subprocess

from . import programs
from .namespace import Namespace


@dataclasses.dataclass(frozen=True)
class Traffic:
    """What one run of weir-init exchanges with the kernel over netlink."""

    messages: int
    sends: int
    receives: int

    def faults(self) -> list[str]:
        """Every single fault of such a run."""
        kinds = {"message": self.messages, "send": self.sends, "receive": self.receives}
        return [f"{kind}:{number}" for kind, count in kinds.items() for number in range(1, count + 1)]


def run_with_fault(namespace: Namespace, arguments: list[str], fault: str, env: dict[str, str] | None = None):
    """weir-init with one fault; returns the finished process."""
    return _run(namespace, arguments, {"WEIR_FAULT": fault, **(env or {})})


def traffic_of(namespace: Namespace, arguments: list[str], folder, env: dict[str, str] | None = None) -> Traffic:
    """Runs weir-init without a fault, which must succeed, and counts."""
    file = folder / "traffic"
    done = _run(namespace, arguments, {"WEIR_FAULT_COUNT": str(file), **(env or {})})
    assert done.returncode == 0, done.stdout + done.stderr
    return Traffic(*map(int, file.read_text().split()))


def _run(namespace: Namespace, arguments: list[str], env: dict[str, str]) -> subprocess.CompletedProcess:
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LD_PRELOAD": programs.helper("netlink_faults.so"), **env}
    return namespace.run([programs.weir_init(), *arguments], env=env, timeout=30)


_LISTING = "nft -s list ruleset; for what in '-4 rule' '-6 rule' '-4 route show table all' '-6 route show table all' 'addr show dev lo'; do ip -o $what; done"


def state(namespace: Namespace) -> str:
    """Everything that weir-init changes: rules in order, addresses, routes, routing rules. No handles, no counters."""
    text = namespace.tool("sh", "-c", _LISTING)
    return re.sub(r"(?m)^.*fe80::.*\n", "", text)
