# SPDX-License-Identifier: Apache-2.0
"""The real istio-iptables, built once from its Go module, as the peer of the packet matrix."""

import os
import time

from . import go_program
from .flags import Flags
from .installer import with_resolv_conf
from .go_program import Unavailable  # noqa: F401 (whoever asks for binary() catches it)
from .namespace import Namespace

MODULE = "istio.io/istio"
# A commit of 2026-08-27. The module's releases carry tags that are no Go versions, so a commit names the version.
VERSION = os.environ.get("WEIR_ISTIO_VERSION", "v0.0.0-20260827124520-eed52ebb66ad")

_MAIN = """package main

import (
	"os"

	"istio.io/istio/pkg/log"
	"istio.io/istio/tools/istio-iptables/pkg/cmd"
)

func main() {
	if cmd.GetCommand(log.DefaultOptions()).Execute() != nil {
		os.Exit(1)
	}
}
"""


def binary() -> str:
    """The path of istio-iptables, built at the first call on a machine; Unavailable with the reason otherwise."""
    return go_program.built(f"istio-iptables-{VERSION}", f"{MODULE}@{VERSION}", _MAIN)


# How istio-iptables writes its rules: over iptables-nft, iptables-legacy, or nft.
VARIANTS = {
    "nft": ["--force-iptables-binary", "nft"],
    "legacy": ["--force-iptables-binary", "legacy"],
    "native": ["--native-nftables"],
}


def _take_away(namespace: Namespace) -> None:
    """Every rule, the policy routes of TPROXY mode and ::6: istio-iptables itself leaves the latter two."""
    namespace.tool("nft", "flush", "ruleset")
    for family in ("iptables", "ip6tables"):
        tables = "".join(f"*{table}\nCOMMIT\n" for table in ("raw", "mangle", "nat", "filter"))
        namespace.tool(f"{family}-legacy-restore", text=tables)
    for family in ("-4", "-6"):
        while "lookup 133" in namespace.tool("ip", family, "rule"):
            namespace.tool("ip", family, "rule", "del", "lookup", "133")
        namespace.tool("ip", family, "route", "flush", "table", "133", check=False)
    namespace.tool("ip", "-6", "addr", "del", "::6/128", "dev", "lo", check=False)


def replace(namespace: Namespace, flags: Flags, variant: str) -> None:
    """Takes away every rule of the namespace and installs flags with istio-iptables, one of VARIANTS. It gets mounts
    of its own: it reads /etc/resolv.conf, and must not find a way to the machine's own namespace."""
    _take_away(namespace)
    argv = with_resolv_conf([binary(), *VARIANTS[variant], *flags.argv()])
    namespace.run(argv, env=flags.env(), check=True)
    _wait_for_addresses(namespace)


def _wait_for_addresses(namespace: Namespace) -> None:
    """istio-iptables adds ::6 without "nodad", so it cannot be bound until the kernel has thought about it."""
    deadline = time.monotonic() + 10
    while namespace.tool("ip", "-6", "addr", "show", "dev", "lo", "tentative"):
        if time.monotonic() > deadline:
            raise RuntimeError("::6 on lo stays tentative")
        time.sleep(0.005)
