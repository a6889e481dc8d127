# SPDX-License-Identifier: Apache-2.0
"""A set of installer flags as a value, spelled for the command line of weir-init and of istio-iptables."""

import dataclasses
import os
import random

from . import lab


SEED = int(os.environ.get("WEIR_SEED", "20261123"))


@dataclasses.dataclass(frozen=True)
class Flags:
    """Flags with istio-iptables' defaults. Lists are tuples; "*" stands alone in its tuple. Fields below "weir-init
    alone" mean nothing to istio-iptables and are spelled only when they say something."""

    outbound_port: int = 15001
    inbound_port: int = 15006
    tunnel_port: int = 15008
    proxy_uids: tuple[int, ...] = (1337,)
    proxy_gids: tuple[int, ...] = (1337,)
    inbound_ports: tuple[str, ...] = ()
    inbound_exclude_ports: tuple[int, ...] = ()
    exclude_interfaces: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()
    exclude_cidrs: tuple[str, ...] = ()
    outbound_ports: tuple[int, ...] = ()
    outbound_exclude_ports: tuple[int, ...] = ()
    virtual_interfaces: tuple[str, ...] = ()
    groups: tuple[str, ...] = ("*",)
    exclude_groups: tuple[int, ...] = ()
    loopback_cidr: str = "127.0.0.1/32"
    dual_stack: bool = True
    mode: str = "REDIRECT"
    dns: str = ""  # "servers" or "all"
    drop_invalid: bool = False
    # weir-init alone
    exclude_sources: tuple[str, ...] = ()
    user_exclusions: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = ()  # protocol, ports, users
    ipv6: str = "capture"
    own_address: str = "inbound"
    reject_quic: bool = False

    def argv(self) -> list[str]:
        """The command line. Unset lists are given as empty values, as Istio's injector gives them."""

        def joined(values: tuple) -> str:
            return ",".join(str(value) for value in values)

        return [
            "-p", str(self.outbound_port), "-z", str(self.inbound_port), "-e", str(self.tunnel_port),
            "-u", joined(self.proxy_uids), "-g", joined(self.proxy_gids), "-m", self.mode,
            "-b", joined(self.inbound_ports), "-d", joined(self.inbound_exclude_ports),
            "-c", joined(self.exclude_interfaces), "-i", joined(self.cidrs), "-x", joined(self.exclude_cidrs),
            "-q", joined(self.outbound_ports), "-o", joined(self.outbound_exclude_ports),
            "-k", joined(self.virtual_interfaces), f"--dual-stack={'true' if self.dual_stack else 'false'}",
            f"--redirect-dns={'true' if self.dns else 'false'}",
            f"--capture-all-dns={'true' if self.dns == 'all' else 'false'}",
            f"--drop-invalid={'true' if self.drop_invalid else 'false'}",
            *self._own_argv(),
        ]  # fmt: skip

    def _own_argv(self) -> list[str]:
        words = []
        if self.exclude_sources:
            words += ["--exclude-inbound-cidrs", ",".join(self.exclude_sources)]
        if self.user_exclusions:
            items = (
                f"{protocol}:{','.join(map(str, ports)) or '*'}:{','.join(map(str, users))}"
                for protocol, ports, users in self.user_exclusions
            )
            words += ["--exclude-outbound-ports-for-uids", ";".join(items)]
        if self.ipv6 != "capture":
            words += ["--ipv6", self.ipv6]
        if self.own_address != "inbound":
            words += ["--proxy-to-own-address", self.own_address]
        return words + ["--reject-quic"] * self.reject_quic

    def env(self) -> dict[str, str]:
        """The options that exist only as environment variables, and a PATH."""
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "ISTIO_OUTBOUND_OWNER_GROUPS": ",".join(self.groups),
            "ISTIO_OUTBOUND_OWNER_GROUPS_EXCLUDE": ",".join(str(group) for group in self.exclude_groups),
            "ISTIO_OUTBOUND_IPV4_LOOPBACK_CIDR": self.loopback_cidr,
        }

    def __str__(self) -> str:
        env = {k: v for k, v in self.env().items() if k != "PATH" and v not in ("", "*", "127.0.0.1/32")}
        return " ".join([f"{k}={v}" for k, v in env.items()] + [word or "''" for word in self.argv()])


# What Istio's injector passes.
INJECTED = Flags(inbound_ports=("*",), inbound_exclude_ports=(15090, 15021, 15020), cidrs=("*",))

_CIDRS = (
    "203.0.113.0/24", "203.0.113.96/27", "203.0.113.100/32", "203.0.113.192/26", "198.51.100.0/24", "127.9.0.0/16",
    "0.0.0.0/0", "203.0.113.100/31", "2001:db8::/32", "2001:db8:a::/64", "2001:db8:f::200/128", "2001:db8:1::/48",
    "::/0", "2001:db8:8::/45",
)  # fmt: skip
_EXCLUDES = _CIDRS[:5] + _CIDRS[7:12] + (lab.EXCLUDED_RANGE[4], lab.EXCLUDED_RANGE[6])
_SOME_PORTS = (22, 53, 80, 443, 8080, 9090, 15008, 15020, 15021, 15090)


def _some(random_: random.Random, values: tuple, most: int, chance: float) -> tuple:
    if random_.random() >= chance:
        return ()
    return tuple(random_.sample(values, random_.randint(1, min(most, len(values)))))


def random_flags(random_: random.Random) -> Flags:
    """A set of flags that both weir-init and istio-iptables accept and that the lab's cells can tell apart."""
    inbound = random_.choice(((), ("*",), ("*",), ("*",), tuple(map(str, _some(random_, _SOME_PORTS, 6, 1)))))
    cidrs = random_.choice(((), ("*",), ("*",), _some(random_, _CIDRS, 5, 1)))
    interfaces = random_.sample(("net1", "vnet0", "eth0"), 3)
    dns = random_.choice(("", "", "servers", "all"))
    users = ((1337,), (1337, 1338), (1338, 1337)) if dns else ((1337,), (1337,), (1338,), (1337, 1338), (1338, 1337))
    groups = ("*",) if random_.random() < 0.8 else tuple(map(str, _some(random_, (1000, 1337, 2000), 2, 1)))
    return Flags(
        outbound_port=random_.choice((15001, 15001, 16001)),
        inbound_port=random_.choice((15006, 15006, 16006)),
        tunnel_port=random_.choice((15008, 15008, 16008)),
        proxy_uids=random_.choice(users),  # 1337 is who answers DNS requests
        proxy_gids=random_.choice(((1337,), (1337,), (1338,), (1337, 1338), (2000,))),
        inbound_ports=inbound,
        inbound_exclude_ports=_some(random_, _SOME_PORTS, 4, 0.6),
        exclude_interfaces=tuple(interfaces[:1]) if random_.random() < 0.25 else (),
        cidrs=cidrs,
        exclude_cidrs=_some(random_, _EXCLUDES, 4, 0.5),
        outbound_ports=_some(random_, _SOME_PORTS, 3, 0.35),
        outbound_exclude_ports=_some(random_, _SOME_PORTS, 3, 0.4),
        virtual_interfaces=tuple(interfaces[1:2]) if random_.random() < 0.3 else (),
        groups=groups,
        exclude_groups=_some(random_, (1000, 2000, 0), 2, 0.25) if groups == ("*",) else (),
        loopback_cidr=random_.choice(("127.0.0.1/32",) * 4 + ("127.0.0.0/8", "127.9.0.0/16")),
        dual_stack=random_.random() < 0.85,
        mode="TPROXY" if random_.random() < 0.35 else "REDIRECT",
        dns=dns,
        drop_invalid=random_.random() < 0.2,
    )


_SOURCES = tuple(f"{lab.PEER[4]}/32 {lab.PEER[6]}/128 {lab.PEER_NET1[4]}/32 2001:db8:2::/64 198.51.100.0/25".split())


def random_own_flags(random_: random.Random) -> Flags:
    """As random_flags(), with the flags that weir-init alone has."""
    exclusions = tuple(
        (random_.choice(("tcp", "udp")), _some(random_, _SOME_PORTS, 3, 0.8), _some(random_, (1000, 0, 1338, 1337), 2, 1))
        for _ in range(random_.choice((0, 0, 1, 2)))
    )
    return dataclasses.replace(
        random_flags(random_),
        exclude_sources=_some(random_, _SOURCES, 2, 0.25),
        user_exclusions=exclusions,
        ipv6=random_.choice(("capture",) * 4 + ("block", "ignore")),
        own_address="direct" if random_.random() < 0.15 else "inbound",
        reject_quic=random_.random() < 0.25,
    )
