# SPDX-License-Identifier: Apache-2.0
"""Cells of the packet matrix: one connection or datagram each, and the probe that tries thousands of them."""

import dataclasses
import subprocess

from . import programs
from .lab import Lab
from .namespace import Namespace


@dataclasses.dataclass(frozen=True)
class Cell:
    """One connection attempt: from where, as whom, to where. source "-" lets the kernel choose."""

    origin: str  # "pod", "peer" or "guest": the namespace that connects
    uid: int
    gid: int
    place: str  # the name of the destination's kind, for people
    destination: str
    port: int
    source: str = "-"
    protocol: str = "tcp"

    @property
    def family(self) -> int:
        return 6 if ":" in self.destination else 4

    @property
    def target(self) -> str:
        """The destination as SO_ORIGINAL_DST is printed."""
        host = f"[{self.destination}]" if self.family == 6 else self.destination
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        source = "" if self.source == "-" else f" from {self.source}"
        return f"{self.origin} uid {self.uid} gid {self.gid}{source} → {self.place} {self.protocol} {self.target}"


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came of a cell: who ("app", "outbound", …, or "refused", "timeout", …), the recovered destination, and the
    client's address as the one who answers sees it (without the port)."""

    who: str
    original: str = "-"
    client: str = dataclasses.field(default="-", compare=False)

    @staticmethod
    def parse(line: str) -> "Answer":
        who, original, client, *_ = [*line.split(), "-", "-", "-"]
        return Answer(who, original, client.rpartition(":")[0].strip("[]") or "-")

    def __str__(self) -> str:
        return self.who if self.original == "-" else f"{self.who} (original destination {self.original})"


class Probe:
    """tests/support/cell_probe inside one namespace, kept running."""

    CHUNK = 300  # cells in flight: both directions stay below a pipe's 64 KiB

    def __init__(self, namespace: Namespace, timeout_ms: int = 1000):
        # The helper enters the namespace itself: it keeps root, which it needs to become every other user.
        self.process = subprocess.Popen(
            [programs.helper("cell_probe"), namespace.name, str(timeout_ms)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, cells: list[Cell]) -> list[Answer]:
        answers = []
        for start in range(0, len(cells), self.CHUNK):
            chunk = cells[start : start + self.CHUNK]
            lines = (f"{c.uid} {c.gid} {c.source} {c.destination} {c.port} {c.protocol}\n" for c in chunk)
            self.process.stdin.write("".join(lines))
            self.process.stdin.flush()
            answers += [Answer.parse(self.process.stdout.readline().strip()) for _ in chunk]
        return answers


class LabProbe:
    """Probes in every namespace of a lab."""

    def __init__(self, lab: Lab, timeout_ms: int = 1000):
        self.probes = {name: Probe(getattr(lab, name), timeout_ms) for name in ("pod", "peer", "guest")}

    def close(self) -> None:
        for probe in self.probes.values():
            probe.close()

    def ask(self, cells: list[Cell]) -> dict[Cell, Answer]:
        answers: dict[Cell, Answer] = {}
        for name, probe in self.probes.items():
            mine = [cell for cell in cells if cell.origin == name]
            answers.update(zip(mine, probe.ask(mine)))
        return answers
