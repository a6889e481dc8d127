# SPDX-License-Identifier: Apache-2.0
"""What the kernel holds in a namespace, as text that can be compared, and rules of other people to live beside."""

import re

from .namespace import Namespace

OUR_TABLE = "table inet weir {"

FOREIGN_NFT = """
table inet weird {
    set blocked { type ipv4_addr; flags interval; elements = { 203.0.113.8/30, 203.0.113.77 } }
    map ports { type inet_service : verdict; elements = { 81 : accept, 82 : drop } }
    chain incoming { type filter hook input priority filter; policy accept; tcp dport vmap @ports; ip saddr @blocked drop; }
    chain before { type nat hook prerouting priority dstnat - 10; policy accept; tcp dport 83 redirect to :84; }
}
table ip weir {
    chain output { type nat hook output priority -90; policy accept; ip daddr 203.0.113.77 counter accept comment "not ours"; }
}
table netdev marks {
    chain spare { meta mark set 0x5; }
}
"""

FOREIGN_IPTABLES = """*filter
:FOREIGN - [0:0]
-A INPUT -p tcp --dport 85 -j FOREIGN
-A FOREIGN -s 203.0.113.9/32 -m comment --comment "kept" -j DROP
-A FOREIGN -j RETURN
COMMIT
*nat
:WEIRD - [0:0]
-A PREROUTING -p tcp --dport 86 -j WEIRD
-A WEIRD -p tcp -j REDIRECT --to-ports 87
-A POSTROUTING -o net1 -p udp -j MASQUERADE
COMMIT
*mangle
-A OUTPUT -p tcp --dport 88 -j MARK --set-xmark 0x7/0xff
COMMIT
"""


def ruleset(namespace: Namespace) -> str:
    """Every nft table, without counters and handles."""
    return namespace.tool("nft", "-s", "list", "ruleset")


def with_handles(namespace: Namespace) -> str:
    """Every nft table with the kernel's handles: equal texts mean that nothing was even replaced by its like."""
    return namespace.tool("nft", "-s", "-a", "list", "ruleset")


def tables(text: str) -> dict[str, str]:
    """The tables of a listing, by their first line without the handle."""
    blocks = re.findall(r"^table .*?^}", text, flags=re.MULTILINE | re.DOTALL)
    return {block.split("{")[0].strip() + " {": block for block in blocks}


def ours(namespace: Namespace) -> str | None:
    """weir-init's table without handles, or None when there is none."""
    return tables(ruleset(namespace)).get(OUR_TABLE)


def ours_with_handles(namespace: Namespace) -> str | None:
    return tables(with_handles(namespace)).get(OUR_TABLE)


def loopback_addresses(namespace: Namespace) -> list[str]:
    out = namespace.tool("ip", "-o", "addr", "show", "dev", "lo")
    return sorted(re.findall(r"inet6? (\S+)", out))


def foreign_state(namespace: Namespace) -> str:
    """Everything of the namespace that weir-init must not change: other tables with their handles, legacy tables,
    addresses but ::6, routes and routing rules."""
    others = [text for name, text in sorted(tables(with_handles(namespace)).items()) if name != OUR_TABLE]
    for save in ("iptables-legacy-save", "ip6tables-legacy-save", "iptables-nft-save", "ip6tables-nft-save"):
        others.append(re.sub(r"(?m)^#.*\n|\[\d+:\d+\]", "", namespace.tool(save)))
    for what in ("addr", "rule", "route show table all", "-6 route show table all"):
        lines = namespace.tool("ip", "-o", *what.split()).splitlines()
        kept = (line for line in lines if "::6/128" not in line and "::6 dev lo" not in line and "fe80::" not in line)
        others.append("\n".join(kept))  # link-local addresses come up by themselves, a moment later
    return "\n".join(others)


def add_foreign_rules(namespace: Namespace) -> None:
    """Tables of nft (one with our name in another family), iptables-nft and iptables-legacy, in both families."""
    namespace.tool("nft", "-f", "-", text=FOREIGN_NFT)
    for tool in ("iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy"):
        text = FOREIGN_IPTABLES.replace("-s 203.0.113.9/32", "-s 2001:db8::9/128") if "6" in tool else FOREIGN_IPTABLES
        namespace.tool(f"{tool}-restore", text=text)
    namespace.ip_batch(["-6 addr add ::7/128 dev lo nodad", "rule add fwmark 0x7 lookup 77"])
