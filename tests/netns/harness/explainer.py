# SPDX-License-Identifier: Apache-2.0
"""tests/support/explain_cells inside a lab's pod: what `weir-init explain` says about thousands of cells."""

import subprocess

from . import lab, oracle, programs
from .cells import Answer, Cell
from .namespace import Namespace


class Explainer:
    """Kept running; read() takes the rules that are in force at that moment."""

    def __init__(self, namespace: Namespace, backend: str = "nftables"):
        self.process = subprocess.Popen(
            [programs.helper("explain_cells"), namespace.name, backend],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def _ask(self, line: str) -> str:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def read(self) -> None:
        answer = self._ask("read")
        assert answer.isdecimal(), answer

    def landing(self, cell: Cell) -> str:
        """ "direct", "redirected 15001", "dropped", … """
        return self._ask(query_line(cell))


def query_line(cell: Cell) -> str:
    if cell.origin == "pod":
        return f"out {cell.protocol} {cell.uid} {cell.gid} {cell.source} {cell.destination} {cell.port}"
    source, card = (lab.GUEST, "vnet0") if cell.origin == "guest" else (lab.PEER, "eth0")
    if cell.destination in lab.POD_NET1.values() and cell.origin == "peer":
        source, card = lab.PEER_NET1, "net1"
    return f"in {cell.protocol} 0 0 {source[cell.family]} {cell.destination} {cell.port} {card}"


def answer_to(landing: str, cell: Cell) -> Answer:
    """Who must answer in the lab, when the connection lands there."""
    word, _, port = landing.partition(" ")
    match word:
        case "direct":
            return oracle.untouched(cell)
        case "redirected" | "transparent" if cell.protocol == "udp":
            return Answer(lab.POD_UDP_LISTENERS[int(port)])
        case "redirected" | "transparent":
            return Answer(lab.POD_LISTENERS[int(port)], cell.target)
        case "dropped":
            return Answer("timeout")
        case "rejected":
            return Answer("refused")
    raise AssertionError(f"{cell}: {landing}")
