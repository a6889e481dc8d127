# SPDX-License-Identifier: Apache-2.0
"""How the demo speaks: titles, labelled lines, verdicts; colours on a terminal only."""

import os
import sys
import textwrap

WIDTH = 118
_COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "cyan": "36"}
_colourful = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(text: str, colour: str) -> str:
    return f"\033[{_COLOURS[colour]}m{text}\033[0m" if _colourful else text


def title(text: str) -> None:
    print(f"\n{paint(text, 'bold')}")


def paragraph(text: str) -> None:
    print(textwrap.fill(" ".join(text.split()), WIDTH), flush=True)


def line(label: str, text: str) -> None:
    lead = f"  {label:<9}"
    first, *rest = textwrap.wrap(text, WIDTH - len(lead), break_on_hyphens=False, break_long_words=False) or [""]
    print(paint(lead, "cyan") + first)
    for more in rest:
        print(" " * len(lead) + more)


def verbatim(label: str, text: str) -> None:
    """Lines of a program, as it wrote them."""
    for number, row in enumerate(text.splitlines()):
        print(paint(f"  {label if number == 0 else '':<9}", "cyan") + row)


def good(text: str) -> None:
    print(f"  {paint('ok', 'green')}       {text}", flush=True)


def bad(text: str) -> None:
    print(f"  {paint('FAILED', 'red')}   {text}", flush=True)
