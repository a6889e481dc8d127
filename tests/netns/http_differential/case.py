# SPDX-License-Identifier: Apache-2.0
"""What a case is, and what is seen of it."""

import dataclasses
import hashlib
import typing

MARK = b"%CASEID%"  # stands for the case's id, which is as long


class Half:
    """A step: the client's FIN."""

    def __repr__(self) -> str:
        return "FIN"


class Reset:
    """A step: the client's RST."""

    def __repr__(self) -> str:
        return "RST"


@dataclasses.dataclass(frozen=True)
class Await:
    """A step: waits until so many final answers (HTTP/1) or ended streams (HTTP/2) are there, or `interim` ones, or a second has gone."""

    count: int = 1
    interim: bool = False


HALF, RESET = Half(), Reset()
Step = bytes | float | Half | Reset | Await


@dataclasses.dataclass(frozen=True)
class Case:
    """One connection's worth of requests.

    steps: bytes to send, seconds to pause, HALF, RESET, Await. answers: how many final answers (streams) to wait for.
    methods: of the requests, when a HEAD or CONNECT is among them. then: what follows the answers — "probe" asks once more
    whether the connection is alive, "wait" waits for its end, "leave" closes. source: "outside", or "inside" for loopback.
    listener: the port. strict: FIN and RST are told apart. wait: seconds that the answers may take. ignore: kinds of
    difference that chance decides, e.g. "log.attempts".
    """

    name: str
    steps: tuple[Step, ...]
    protocol: str = "h1"
    answers: int = 1
    methods: tuple[str, ...] = ()
    then: str = "probe"
    source: str = "outside"
    listener: int = 10000
    strict: bool = False
    wait: float = 2.5
    ignore: tuple[str, ...] = ()
    config: str = ""


@dataclasses.dataclass
class Seen:
    """What one proxy did with a case, as plain values (JSON can hold them)."""

    answers: list[dict] = dataclasses.field(default_factory=list)
    rest: str = ""  # bytes that are no whole answer
    end: str = ""  # of the client's connection: open, fin, rst, silent (no answer, no end)
    connection: dict = dataclasses.field(default_factory=dict)  # HTTP/2: GOAWAY
    upstream: list[dict] = dataclasses.field(default_factory=list)
    log: list[typing.Any] = dataclasses.field(default_factory=list)


def pairs(headers) -> list[list[str]]:
    return [[name, value] for name, value in headers]


def body_text(body: bytes) -> str:
    """A body as it is compared: whole when short, else its size, digest and both ends."""
    if len(body) <= 600:
        return body.decode("latin-1")
    digest = hashlib.sha256(body).hexdigest()[:16]
    return f"{len(body)} bytes, {digest}: {body[:60].decode('latin-1')} ... {body[-60:].decode('latin-1')}"
