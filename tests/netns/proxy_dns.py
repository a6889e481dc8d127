# SPDX-License-Identifier: Apache-2.0
"""A small DNS server inside a namespace, and a mount namespace in which /etc/resolv.conf names it."""

import pathlib
import socket
import struct
import threading

from harness import programs
from harness.namespace import Namespace

A, AAAA = 1, 28


class Nameserver:
    """Answers questions over UDP from `records`: {name: ["203.0.113.1", "2001:db8::1", ...]}.

    A name that is not there does not exist (NXDOMAIN); the value "fail" answers SERVFAIL, None stays silent. ttl is that
    of every record. queries counts the questions for addresses by name.
    """

    def __init__(self, namespace: Namespace, host: str, records: dict, ttl: int = 1):
        self.host = host
        self.records = records
        self.ttl = ttl
        self.queries: dict[str, int] = {}
        self._udp = namespace.new_socket(kind=socket.SOCK_DGRAM)
        self._udp.bind((host, 53))
        self._udp.settimeout(0.05)
        self._closing = False
        self._thread = threading.Thread(target=self._serve_udp, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Nameserver":
        return self

    def __exit__(self, *_) -> None:
        self._closing = True
        self._thread.join()
        self._udp.close()

    def _serve_udp(self) -> None:
        while not self._closing:
            try:
                question, peer = self._udp.recvfrom(4096)
            except TimeoutError:
                continue
            reply = self.answer(question)
            if reply is not None:
                self._udp.sendto(reply, peer)

    def answer(self, question: bytes) -> bytes | None:
        name, at = self._name(question, 12)
        kind = struct.unpack_from("!H", question, at)[0]
        if kind in (A, AAAA):
            self.queries[name] = self.queries.get(name, 0) + 1
        found = self.records.get(name, "missing")
        if found is None:
            return None
        code = {"missing": 3, "fail": 2}.get(found, 0) if isinstance(found, str) else 0
        answers = [] if code else [host for host in found if (":" in host) == (kind == AAAA) and kind in (A, AAAA)]
        header = question[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(answers), 0, 0)
        records = b""
        for host in answers:
            packed = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
            records += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, self.ttl, len(packed)) + packed
        return header + question[12 : at + 4] + records

    @staticmethod
    def _name(message: bytes, at: int) -> tuple[str, int]:
        labels = []
        while message[at]:
            labels.append(message[at + 1 : at + 1 + message[at]].decode().lower())
            at += 1 + message[at]
        return ".".join(labels), at + 1


def resolving_with(directory: pathlib.Path, nameserver: str, uid: int, hosts: str = "127.0.0.1 localhost\n") -> list[str]:
    """A command line in front of a program: it sees resolv.conf and hosts of its own, and runs as `uid`."""
    (directory / "resolv.conf").write_text(f"nameserver {nameserver}\noptions timeout:1 attempts:2 retrans:500 retry:2\n")
    (directory / "hosts").write_text(hosts)
    script = (
        f"mount --bind {directory}/resolv.conf /etc/resolv.conf && mount --bind {directory}/hosts /etc/hosts && "
        f'exec "$0" --reuid {uid} --regid {uid} --clear-groups -- "$@"'
    )
    return [programs.system("unshare"), "-m", "--propagation", "private", "sh", "-c", script, programs.system("setpriv")]
