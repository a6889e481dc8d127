# SPDX-License-Identifier: Apache-2.0
"""HTTP/1 on the wire: requests are made as bytes, answers are read leniently and exactly as they came."""

import dataclasses

HeaderList = list[tuple[str, str]]


def text(data: bytes) -> str:
    """Bytes as text that loses nothing and prints."""
    return data.decode("latin-1")


@dataclasses.dataclass
class Message:
    """One message as it was received. framing: none, length, chunked, close, tunnel; whole: whether its end came."""

    start: str = ""
    headers: HeaderList = dataclasses.field(default_factory=list)
    body: bytearray = dataclasses.field(default_factory=bytearray)
    trailers: HeaderList = dataclasses.field(default_factory=list)
    framing: str = "none"
    whole: bool = False

    @property
    def status(self) -> int:
        """The status of an answer, 0 when the start line has none."""
        parts = self.start.split(" ", 2)
        return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class Reader:
    """Takes bytes as they come and makes messages of them. methods: the requests that the answers belong to, in order."""

    def __init__(self, methods: list[str] | None = None, requests: bool = False):
        self.messages: list[Message] = []
        self.rest = b""
        self._requests = requests
        self._methods = list(methods or [])
        self._current: Message | None = None
        self._left = 0
        self._state = "head"

    @property
    def finals(self) -> int:
        """How many whole final answers there are."""
        return sum(1 for one in self.messages if one.whole and (one.status >= 200 or one.status == 101 or self._requests))

    def feed(self, data: bytes) -> None:
        self.rest += data
        while self._step():
            pass

    def end(self) -> None:
        """The peer's FIN: a body that lasts until then is whole."""
        if self._current is not None and self._current.framing in ("close", "tunnel"):
            self._current.whole = True
            self._finish()

    # -- states ---------------------------------------------------------------------------------------------------

    def _step(self) -> bool:
        return getattr(self, f"_{self._state}")()

    def _head(self) -> bool:
        stop = self.rest.find(b"\r\n\r\n")
        if stop < 0:
            return False
        lines = self.rest[:stop].split(b"\r\n")
        self.rest = self.rest[stop + 4 :]
        message = Message(start=text(lines[0]), headers=[_split(line) for line in lines[1:]])
        self.messages.append(message)
        self._current = message
        self._begin_body(message)
        return True

    def _begin_body(self, message: Message) -> None:
        coding = (message.header("transfer-encoding") or "").lower()
        length = message.header("content-length")
        if not self._requests and self._answers_without_body(message):
            if message.status == 101:
                message.whole = True
                message.framing, self._state = "tunnel", "tunnel"
            else:
                self._finish()
        elif coding.endswith("chunked"):
            message.framing, self._state = "chunked", "size"
        elif length is not None and length.isdigit():
            message.framing, self._state, self._left = "length", "counted", int(length)
        elif self._requests:
            if message.start.startswith("CONNECT "):
                message.framing, self._state = "tunnel", "tunnel"
            else:
                self._finish()
        else:
            message.framing, self._state = "close", "tunnel"

    def _answers_without_body(self, message: Message) -> bool:
        if 100 <= message.status < 200:
            return True
        method = self._methods.pop(0) if self._methods else "GET"
        if method == "CONNECT" and 200 <= message.status < 300:
            message.framing = "tunnel"
            message.whole = True
            self._state = "tunnel"
            return False
        return method == "HEAD" or message.status in (204, 304)

    def _counted(self) -> bool:
        self._take(self._left)
        if self._left == 0:
            self._finish()
            return True
        return False

    def _tunnel(self) -> bool:
        self._current.body += self.rest
        self.rest = b""
        return False

    def _size(self) -> bool:
        stop = self.rest.find(b"\r\n")
        if stop < 0:
            return False
        try:
            self._left = int(self.rest[:stop].split(b";")[0], 16)
        except ValueError:
            self._state = "garbage"
            return False
        self.rest = self.rest[stop + 2 :]
        self._state = "chunk" if self._left else "trailer"
        return True

    def _chunk(self) -> bool:
        self._take(self._left)
        if self._left or len(self.rest) < 2:
            return False
        self.rest = self.rest[2:]
        self._state = "size"
        return True

    def _trailer(self) -> bool:
        stop = self.rest.find(b"\r\n")
        if stop < 0:
            return False
        line, self.rest = self.rest[:stop], self.rest[stop + 2 :]
        if line:
            self._current.trailers.append(_split(line))
        else:
            self._finish()
        return True

    def _garbage(self) -> bool:
        return False

    def _take(self, most: int) -> None:
        taken = self.rest[:most]
        self._current.body += taken
        self.rest = self.rest[len(taken) :]
        self._left -= len(taken)

    def _finish(self) -> None:
        self._current.whole = True
        self._current = None
        self._state = "head"


def _split(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    return text(name), text(value.removeprefix(b" ")) if colon else "(no colon)"


def request(
    target: str = "/", *headers: str, method: str = "GET", version: str = "HTTP/1.1", host: str | None = "www.test", body: bytes = b""
) -> bytes:
    """A request as bytes. %CASEID% becomes the case's id, which is as long, when it is sent."""
    lines = [f"{method} {target} {version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += ["x-case: %CASEID%", *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunks(*parts: bytes, trailers: str = "") -> bytes:
    """A chunked body."""
    made = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return made + b"0\r\n" + trailers.encode() + b"\r\n"
