# SPDX-License-Identifier: Apache-2.0
"""A case and its answers as text, one proxy's or two side by side."""

import itertools
import textwrap

from .case import Case, Seen
from .compare import Difference

WIDTH = 76


def request_lines(case: Case, most: int = 20) -> list[str]:
    """What the client sends, step by step, cut where it is long."""
    lines = [f"> {str(step) if not isinstance(step, bytes) else _bytes(step)}" for step in case.steps[:most]]
    if len(case.steps) > most:
        lines.append(f"> ... {len(case.steps) - most} more steps")
    return lines


def _bytes(data: bytes) -> str:
    shown = repr(data[:1200])[1:]
    return shown if len(data) <= 1200 else f"{shown} ... {len(data)} bytes"


def answer_lines(seen: Seen) -> list[str]:
    """Everything that was seen."""
    lines = []
    for answer in seen.answers:
        lines.append(f"< {answer['start']}")
        lines += [f"<   interim {head}" for head in answer.get("interim", ())]
        lines += [f"<   {name}: {value}" for name, value in answer["headers"]]
        lines.append(f"<   [{answer.get('framing', '')} {answer.get('end', 'whole' if answer.get('whole') else 'CUT')}] {answer['body']!r}")
        lines += [f"<   trailer {name}: {value}" for name, value in answer["trailers"]]
    if seen.rest:
        lines.append(f"< rest {seen.rest!r}")
    lines.append(f"connection: {seen.end} {seen.connection or ''}")
    for record in seen.upstream:
        lines.append(f"upstream {record['port']} {record['protocol']}: {record['start']}")
        lines += [f"    {name}: {value}" for name, value in record["headers"]]
        lines.append(f"    [{record['framing']} {record['end']}] {record['body']!r} {record['trailers'] or ''}")
    for line in seen.log:
        lines.append("log " + (" ".join(f"{key}={value}" for key, value in line.items()) if isinstance(line, dict) else line))
    return [line.encode("unicode_escape").decode() for line in lines]


def _beside(left: list[str], right: list[str]) -> list[str]:
    def columns(lines):
        return [part for line in lines for part in (textwrap.wrap(line, WIDTH, subsequent_indent="    ", drop_whitespace=False) or [""])]

    pairs = itertools.zip_longest(columns(left), columns(right), fillvalue="")
    return [f"{one:{WIDTH}} {' ' if one == other else '|'} {other}".rstrip() for one, other in pairs]


def render(case: Case, left: Seen, right: Seen, differences: list[Difference], names: tuple[str, str]) -> str:
    lines = [f"=== {case.config} / {case.name}"] + request_lines(case)
    lines += _beside([f"--- {names[0]}", *answer_lines(left)], [f"--- {names[1]}", *answer_lines(right)])
    for one in differences:
        lines += [f"!! {one.kind}", f"     {names[0]}: {one.left[:1500]}", f"     {names[1]}: {one.right[:1500]}"]
    return "\n".join(lines)


def render_one(case: Case, seen: Seen) -> str:
    return "\n".join([f"=== {case.config} / {case.name}", *request_lines(case), *answer_lines(seen)])
