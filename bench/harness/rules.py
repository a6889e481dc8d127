# SPDX-License-Identifier: Apache-2.0
"""Installing rules that exclude N networks, and the CPU of a connect() that passes them all."""

import random
import shutil
from pathlib import Path

from harness.session import attempt, progress
from harness.world import PROXY_UID, Failure

SIZES = (10, 1_000, 10_000, 100_000)
LINEAR_LIMIT = 10_000
PORT = 15001
# Routed out of the namespace's only link, in no excluded network: the redirect catches it.
OUTSIDE = "198.51.100.200:80"
OWN_ADDRESS = "198.51.100.129"


def networks(count):
    """Random disjoint IPv4 networks; they appear in rules only, no packet is sent to them."""
    chooser = random.Random(count)
    # Every other /24, so that no two can be merged; documentation and loopback addresses excepted.
    blocks = [block for block in chooser.sample(range(0x010000, 0xDF0000, 2), count + 300)
              if block >> 16 != 127 and block not in (0xC63364, 0xCB0071)][:count]
    found = []
    for block in blocks:
        length = chooser.randint(24, 32)
        host = chooser.getrandbits(8) & (0xFF << (32 - length)) & 0xFF
        found.append(f"{block >> 16}.{block >> 8 & 255}.{block & 255}.{host}/{length}")
    return found


class WeirInit:
    name, title, space, largest = "weir-init", "weir-init", "weir", SIZES[-1]

    def __init__(self, binary):
        self.binary = str(binary)

    def prepare(self, folder, excluded):
        path = folder / f"excluded-{len(excluded)}.txt"
        path.write_text("\n".join(excluded) + "\n")
        return [self.binary, "-p", str(PORT), "-u", str(PROXY_UID), "-g", str(PROXY_UID), "-m", "REDIRECT",
                "-i", "*", "-x", f"@{path}", "--verify=false"]

    def clean(self, world):
        world.must_in(self.space, [self.binary, "--cleanup-only"])


class Nft:
    name, title, space, largest = "nft", "nft -f, interval set", "nft", SIZES[-1]

    def prepare(self, folder, excluded):
        path = folder / f"excluded-{len(excluded)}.nft"
        path.write_text(f"""\
table ip bench {{
  set excluded {{ type ipv4_addr; flags interval; elements = {{ {', '.join(excluded)} }} }}
  chain output {{
    type nat hook output priority -100; policy accept;
    meta skuid {PROXY_UID} return
    ip daddr @excluded return
    meta l4proto tcp redirect to :{PORT}
  }}
}}
""")
        return [shutil.which("nft"), "-f", str(path)]

    def clean(self, world):
        world.must_in(self.space, ["nft", "flush", "ruleset"])


class Iptables:
    largest = LINEAR_LIMIT

    def __init__(self, variant):
        self.name, self.title, self.space = f"iptables-{variant}", f"iptables-{variant}-restore, linear", variant
        self.program = f"iptables-{variant}"

    def prepare(self, folder, excluded):
        path = folder / f"excluded-{len(excluded)}.iptables"
        rules = "\n".join(f"-A OUTPUT -d {network} -j RETURN" for network in excluded)
        path.write_text(f"*nat\n:OUTPUT ACCEPT\n-A OUTPUT -m owner --uid-owner {PROXY_UID} -j RETURN\n{rules}\n"
                        f"-A OUTPUT -p tcp -j REDIRECT --to-ports {PORT}\nCOMMIT\n")
        return [shutil.which(f"{self.program}-restore"), str(path)]

    def clean(self, world):
        world.must_in(self.space, [self.program, "-t", "nat", "-F"])


class NoRules:
    """The floor: a connection to the listener itself, in a namespace without netfilter."""

    name, title, space, largest = "none", "no rules", "none", SIZES[0]

    def prepare(self, folder, excluded):
        return [shutil.which("true")]

    def clean(self, world):
        pass


def methods(build):
    binary = Path(build) / "init" / "weir-init"
    found = [WeirInit(binary)] if binary.exists() else []
    found.append(Nft())
    # Legacy tables keep their hooks once loaded, so nothing else is measured in their namespace.
    for variant, space in (("nft", "nft"), ("legacy", "legacy")):
        if shutil.which(f"iptables-{variant}-restore"):
            found.append(Iptables(variant))
            found[-1].space = space
    return [*found, NoRules()]


def run_rules(session):
    found = methods(session.options.build)
    if not any(method.name == "weir-init" for method in found):
        session.results.setdefault("rules", {})["weir-init 10"] = [{"error": "weir-init is not built"}]
    table = session.results.setdefault("rules", {})
    for turn in range(session.rounds):
        for size in SIZES if turn % 2 == 0 else reversed(SIZES):
            for method in found:
                if size <= method.largest:
                    table.setdefault(f"{method.name} {size}", []).append(
                        attempt(f"rules, {method.title}, {size}", install, session, method, size))
        progress("rules", turn + 1, session.rounds)


def install(session, method, size):
    world = session.world
    command = method.prepare(world.folder, networks(size))
    log = world.folder / "install-log"
    measure = world.tool("measure")
    try:
        # A new namespace, as a Pod's is: where connections are tracked already, taking the hooks up again walks all of them.
        with world.fresh_namespace() as fresh:
            done = world.json_in(fresh, [measure, "exec-to-exit", "--output", str(log), "--", *command])
        world.must_in(method.space, command)
        if done["status"] != 0:
            words = log.read_text(errors="replace").strip().splitlines()
            raise Failure(f"exit {done['status']}: {words[-1] if words else 'no message'}")
        to = f"{OWN_ADDRESS}:{PORT}" if method.name == "none" else OUTSIDE
        cost = world.json_in(method.space, [measure, "connect-cost", "--to", to, "--listen", str(PORT),
                                            "--count", str(session.options.connects)])
        return {"ms": done["ms"], "cpu_ms": done["cpu_ms"], "connect_us": cost["connect_us"]}
    finally:
        method.clean(world)

