# SPDX-License-Identifier: Apache-2.0
"""One run: its options, the contestants, the interleaved rounds, the raw results."""

import sys
import time

import harness.proc as proc
from harness.peers import Instance
from harness.world import (APP_ADDRESS, BARE_UPSTREAM_ADDRESS, HTTP_SERVICES, PORTS, PROXY_UID,
                           UPSTREAM_ADDRESS, Failure, must)

SPARE = 15  # slot offset of the instances that a section starts for itself


class Contestant:
    """Something that traffic can go through: a direct path, or a proxy of this run."""

    def __init__(self, name, title, namespace, address, slot, peer=None):
        self.name, self.title, self.namespace = name, title, namespace
        self.address, self.slot, self.peer = address, slot, peer
        self.instance = None
        # Where its traffic goes when that is not what a section says.
        self.service = None

    def to(self, service, offset=0):
        return f"{self.address}:{PORTS[service] + self.slot + offset}"

    def pids(self):
        return proc.family(self.instance.pid) if self.instance else []


class Session:
    def __init__(self, world, peers, http_peers, options):
        self.world, self.options = world, options
        self.rounds = options.rounds
        self.results, self.facts = {}, {}
        self.direct = [
            Contestant("bare", "no proxy, no netfilter", "bare", BARE_UPSTREAM_ADDRESS, 0),
            Contestant("direct", "no proxy, nat table", "app", UPSTREAM_ADDRESS, 0),
        ]
        self.proxies = [Contestant(peer.name, peer.title, "app", UPSTREAM_ADDRESS, slot, peer)
                        for slot, peer in enumerate(peers, start=1)]
        # The same proxies as HTTP proxies: other processes, with names of their own in HTTP's sections.
        self.http = [Contestant(peer.name, peer.title, "app", UPSTREAM_ADDRESS, slot, peer)
                     for slot, peer in enumerate(http_peers, start=1 + len(peers))]

    @property
    def contestants(self):
        return self.direct + self.proxies

    def proxies_of(self, section):
        return taking_part(self.proxies, section)

    def http_of(self, section):
        return taking_part(self.http, section)

    def contestants_of(self, section):
        return self.direct + self.proxies_of(section)

    def install_redirect(self):
        """The same rule for all: by the port of the upstream to the port of a proxy."""
        redirects = {}
        for proxy in self.proxies + self.http:
            for offset in (0, SPARE):
                redirects |= proxy.peer.redirects(proxy.slot + offset)
        elements = ", ".join(f"{port} : {to}" for port, to in sorted(redirects.items()))
        path = self.world.folder / "redirect.nft"
        path.write_text(f"""\
table ip bench {{
  chain output {{
    type nat hook output priority -100; policy accept;
    meta skuid {PROXY_UID} return
    ip saddr {APP_ADDRESS} ip daddr {UPSTREAM_ADDRESS} meta l4proto tcp redirect to :tcp dport map {{ {elements} }}
  }}
}}
""" if redirects else "table ip bench { chain output { type nat hook output priority -100; } }\n")
        self.world.must_in("app", ["nft", "-f", str(path)])
        self._prove_redirect()

    def _prove_redirect(self):
        """While no proxy runs, no connection to a proxy's slot may succeed: it went around it."""
        for proxy in self.proxies + self.http:
            for service in getattr(proxy.peer, "services", ["reply"]):
                for to in (proxy.to(service), proxy.to(service, SPARE)):
                    try:
                        self.world.json_in("app", [self.world.tool("load"), *one_request(service), "--to", to])
                    except Failure:
                        continue
                    raise RuntimeError(f"the redirect does not catch {to}")

    def start_proxies(self, proxies):
        for proxy in proxies:
            try:
                proxy.instance = Instance(self.world, proxy.peer, proxy.slot)
            except Failure as why:
                say(f"{proxy.title}: {why}")

    def stop_proxies(self, proxies):
        for proxy in proxies:
            if proxy.instance:
                proxy.instance.stop()
                proxy.instance = None

    def fresh(self, proxy, **options):
        """An instance of its own for one measurement, in the spare slot."""
        return Instance(self.world, proxy.peer, proxy.slot + SPARE, **options)

    def load(self, kind, contestant, service, *words, timeout=60):
        """Runs the load generator against a contestant; CPU of its processes is in the answer."""
        if contestant.peer and not contestant.instance:
            raise Failure("the proxy is not running")
        pids = ",".join(map(str, contestant.pids()))
        command = [self.world.tool("load"), kind, "--to", contestant.to(service),
                   "--upstream", str(self.world.upstream.pid), *map(str, words)]
        if pids:
            command += ["--proxy", pids]
        try:
            return self.world.json_in(contestant.namespace, command, timeout=timeout)
        finally:
            if contestant.instance:
                contestant.instance.check_alive()

    def interleave(self, section, contestants, measure, rounds=None):
        """Calls measure(contestant) round by round, starting with another one each round.

        results[section][name] is a list with one dict a round: numbers, or {"error": why}.
        """
        table = self.results.setdefault(section, {})
        for contestant in contestants:
            table.setdefault(contestant.name, [])
        for turn in range(rounds or self.rounds):
            order = contestants[turn % len(contestants):] + contestants[:turn % len(contestants)]
            for contestant in order:
                table[contestant.name].append(attempt(f"{section}, {contestant.title}", measure, contestant))
            progress(section, turn + 1, rounds or self.rounds)
        return table


def taking_part(contestants, section):
    return [one for one in contestants if one.peer.sections is None or section in one.peer.sections]


def one_request(service):
    """Words for the load generator: a request as the upstream's port of the service understands it."""
    if service == "http2":
        return ["http2", "--count", "1", "--connections", "1", "--streams", "1"]
    return ["closed", "--count", "1", "--connections", "1",
            "--dialect", "http1" if service in HTTP_SERVICES else "raw"]


def attempt(what, measure, *arguments):
    """A measurement, or {"error": why} said aloud: never a number that was not measured."""
    try:
        return measure(*arguments)
    except (Failure, OSError, ValueError, KeyError, AssertionError) as why:
        say(f"FAILED {what}: {why}")
        return {"error": str(why) or type(why).__name__}


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def progress(section, turn, turns):
    say(f"{section}: round {turn}/{turns}, load {proc.loadavg()[0]}")


def versions(world, peers):
    facts = {peer.title: peer.version() for peer in peers if peer.name in ("weir", "haproxy", "nginx", "envoy")}
    facts["nft"] = must(["nft", "--version"]).split()[1]
    cost = world.json_in("app", [world.tool("measure"), "syscall-cost"])
    return facts, cost["getppid_ns"]
