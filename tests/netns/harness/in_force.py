# SPDX-License-Identifier: Apache-2.0
"""What the rules of our table do, without the names and the leftovers: two tables with the same text here treat every
packet alike."""

import re

from . import netfilter
from .namespace import Namespace


def in_force(namespace: Namespace) -> str:
    """The rules that a packet can meet, from each base chain on, with chains, sets and timeouts put in their place."""
    return resolve(netfilter.ours(namespace) or "")


def resolve(listing: str) -> str:
    """The same for the text of `nft -s list table inet weir`."""
    objects = {
        (kind, name): body
        for kind, name, body in re.findall(r"^\t(set|map|chain|ct timeout) (\S+) \{\n(.*?)^\t\}$", listing, re.M | re.S)
    }
    hooks = []
    for (kind, _), body in objects.items():
        found = re.match(r"\t\t(type .*?;)", body) if kind == "chain" else None
        if found:
            rules = _rules(objects, body)
            if rules:
                hooks.append(f"{found.group(1)}\n{rules}")
    return "\n".join(sorted(hooks))


def _rules(objects: dict, body: str) -> str:
    lines = [line.strip() for line in body.splitlines() if not line.startswith("\t\ttype ")]
    return "\n".join(_rule(objects, line) for line in lines)


def _rule(objects: dict, line: str) -> str:
    def chain(found: re.Match) -> str:
        return f"{found.group(1)} {{\n{_rules(objects, objects['chain', found.group(2)])}\n}}"

    line = re.sub(r" comment \".*\"$", "", line)
    line = re.sub(r"\bvmap @(\S+)", lambda found: f"vmap {_rules(objects, _content(objects, 'map', found.group(1)))}", line)
    line = re.sub(r"@(\S+)", lambda found: _content(objects, "set", found.group(1)), line)
    line = re.sub(r'ct timeout set "(\S+)"', lambda found: objects["ct timeout", found.group(1)], line)
    return re.sub(r"\b(jump|goto) (\w+)", chain, line)


def _content(objects: dict, kind: str, name: str) -> str:
    return re.sub(r"\t\tcomment \".*\"\n", "", objects[kind, name])
