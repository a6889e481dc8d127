#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies the headline columns of bench/results.md into README.md, between its bench markers.

  scripts/readme_numbers.py           rewrites README.md
  scripts/readme_numbers.py --check   fails when README.md says something else than bench/results.md
"""

import pathlib
import re
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"

# (title in the README, section of results.md, column there)
HEADLINES = [
    ("CPU per small request, 16 connections, µs", "Small requests over kept connections", "16: CPU µs"),
    ("100 connections, µs", "Small requests over kept connections", "100: CPU µs"),
    ("CPU per new connection, µs", "New connections", "CPU µs"),
    ("bulk out, Gbit/s", "Bulk", "up: Gbit/s"),
    ("in, Gbit/s", "Bulk", "down: Gbit/s"),
    ("idle process PSS, MB", "Memory and start", "process PSS, MB"),
    ("user memory per idle connection, B", "Memory and start", "user B per connection"),
    ("exec to first byte, ms", "Memory and start", "exec to first byte, ms"),
]
HTTP_HEADLINES = [
    ("HTTP/1.1, CPU per request, 16 kept connections, µs", "HTTP/1.1 requests over kept connections", "16: CPU µs"),
    ("100, µs", "HTTP/1.1 requests over kept connections", "100: CPU µs"),
    ("16, with access log, µs", "HTTP/1.1 requests over kept connections", "log, 16: CPU µs"),
    ("CPU per new client, µs", "HTTP/1.1, new clients", "CPU µs"),
    ("HTTP/2 to 2, CPU per request, 16 × 16 streams, µs", "HTTP/2", "to 2, 16 x 16: CPU µs"),
    ("HTTP/2 to 1.1, µs", "HTTP/2", "to 1.1, 16 x 16: CPU µs"),
    ("bodies up, Gbit/s", "HTTP/1.1 bodies", "up: Gbit/s"),
    ("down, Gbit/s", "HTTP/1.1 bodies", "down: Gbit/s"),
    ("user memory per kept client, B", "HTTP: memory and counts", "user B per kept client"),
]
DYNAMIC_HEADLINES = [
    ("10,000 clusters over ADS: first message to all serving, ms", "A large configuration",
     "first message to all serving, ms"),
    ("PSS, MB", "A large configuration", "PSS, MB"),
    ("one endpoint changed: CPU µs", "A large configuration", "one endpoint: CPU µs"),
    ("small, connected: PSS, MB", "A small configuration", "PSS, connected, MB"),
    ("trigger to new version, gRPC, ms", "A small configuration", "trigger to new version, gRPC, ms"),
    ("file, ms", "A small configuration", "file, ms"),
    ("1,000 updates under traffic: lost", "Updates under traffic", "lost"),
]
POD_HEADLINES = [
    ("Pods: init container, ms", "Pods", "init container, ms"),
    ("`kube play` to the first intercepted answer, ms", "Pods", "`kube play` to the first answer, ms"),
    ("idle sidecar, connected: PSS, MB", "Idle sidecars", "idle sidecar: PSS, MB"),
    ("its cgroup, MB", "Idle sidecars", "its cgroup, MB"),
    ("image of the proxy, files, MB", "Images", "proxy: files, MB"),
]
RULES = "Rules"
FACTS = ("date", "kernel", "cpu", "processors")


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def tables_of(text: str) -> dict[str, list[list[str]]]:
    """Section title → its table: the header first, then the rows."""
    tables: dict[str, list[list[str]]] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ").strip()
        elif line.startswith("|") and not set(line) <= set("|-: "):
            tables.setdefault(section, []).append(cells_of(line))
    return tables


def without_range(cell: str) -> str:
    """A median without what stands beside it: "8.9 (8.7-9.4)" → "8.9"; text of a failure stays."""
    return re.sub(r"(?<=\d) \([\d.]+-[\d.]+\)", "", cell)


def cell_of(table: list[list[str]] | None, row: str, column: str) -> str:
    if not table or column not in table[0]:
        return "-"
    for cells in table[1:]:
        if cells[0] == row:
            return without_range(cells[table[0].index(column)])
    return "-"


def headlines(tables: dict[str, list[list[str]]], columns: list[tuple[str, str, str]]) -> list[str]:
    """One table with these columns; a row for whatever has a number in one of them."""
    rows: list[str] = []
    for _, section, _ in columns:
        rows += [cells[0] for cells in tables.get(section, [[""]])[1:] if cells[0] not in rows]
    lines = [f"| | {' | '.join(title for title, _, _ in columns)} |", "|" + "---|" * (len(columns) + 1)]
    for row in rows:
        cells = [cell_of(tables.get(section), row, column) for _, section, column in columns]
        if any(cell != "-" for cell in cells):
            lines.append(f"| {row} | {' | '.join(cells)} |")
    return lines


def render(text: str) -> str:
    tables = tables_of(text)
    lines = headlines(tables, HEADLINES)
    for columns in (HTTP_HEADLINES, DYNAMIC_HEADLINES, POD_HEADLINES):
        if any(section in tables for _, section, _ in columns):
            lines += ["", *headlines(tables, columns)]
    if RULES in tables:
        header, *rules = tables[RULES]
        lines += ["", "Excluding N networks: exec to exit in ms / CPU of a connect() that matches none, in µs.", ""]
        lines += [f"| | {' | '.join(header[1:])} |", "|" + "---|" * len(header)]
        lines += [f"| {' | '.join(without_range(cell) for cell in row)} |" for row in rules]
    facts = re.findall(r"^- ([^:]+): (.*)$", text, re.MULTILINE)
    told = [f"{name}: {value}" for name, value in facts if name.lower() in FACTS]
    if told:
        lines += ["", f"Medians of one run; {'; '.join(told)}."]
    return "\n".join(lines)


def main() -> int:
    results, readme = CHECKOUT / "bench" / "results.md", CHECKOUT / "README.md"
    if not results.exists():
        print("readme_numbers.py: 'bench/results.md': not there; run bench/run")
        return 0 if "--check" in sys.argv else 1
    old = readme.read_text()
    before, _, rest = old.partition(BEGIN)
    _, _, after = rest.partition(END)
    new = f"{before}{BEGIN}\n{render(results.read_text())}\n{END}{after}"
    if "--check" in sys.argv:
        if new != old:
            print("readme_numbers.py: README.md does not quote bench/results.md; run scripts/readme_numbers.py")
        return int(new != old)
    readme.write_text(new)
    return 0


sys.exit(main())
