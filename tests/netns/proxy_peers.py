# SPDX-License-Identifier: Apache-2.0
"""The other ends: servers on threads inside a namespace, and what a client sees of a connection."""

import hashlib
import select
import socket
import struct
import threading
import time

from harness.namespace import Namespace


class Server:
    """Listens in a namespace and runs behaviour(connection) on a thread for each connection; errors of the peer end it.

    accepted counts connections, peers are the clients' addresses as seen here, results what the behaviours returned.
    """

    def __init__(self, namespace: Namespace, host: str, port: int, behaviour):
        self.address = (host, port)
        self.behaviour = behaviour
        self.accepted = 0
        self.peers: list[tuple[str, int]] = []
        self.results: list = []
        self._lock = threading.Lock()
        self._listener = namespace.listen(host, port, backlog=1024)
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        try:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        except OSError:
            pass
        self._listener.close()
        with self._lock:
            for connection in self._open:
                connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, peer = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.accepted += 1
                self.peers.append(peer[:2])
                self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        result = None
        try:
            connection.settimeout(60)
            result = self.behaviour(connection)
        except OSError as error:
            result = error
        finally:
            with self._lock:
                self._open.discard(connection)
                self.results.append(result)
            connection.close()


# -- behaviours -----------------------------------------------------------------------------------------------------


def says(name: str):
    """Sends its name at once, then waits for the client's end: a server-first protocol that says who answers."""

    def behave(connection: socket.socket) -> bytes:
        connection.sendall(name.encode())
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection)

    return behave


def echo(connection: socket.socket) -> int:
    """Sends back what comes, and the end with it."""
    total = 0
    while data := connection.recv(65536):
        connection.sendall(data)
        total += len(data)
    connection.shutdown(socket.SHUT_WR)
    return total


def holds(connection: socket.socket) -> bytes:
    """Reads to the end without ever sending."""
    return read_all(connection)


def answers(text: bytes):
    """Reads the whole request to the client's FIN, then answers with text + the request's size and closes."""

    def behave(connection: socket.socket) -> None:
        request = read_all(connection)
        connection.sendall(text + b" %d" % len(request))

    return behave


# -- clients --------------------------------------------------------------------------------------------------------


def read_all(connection: socket.socket) -> bytes:
    parts = []
    while data := connection.recv(1 << 18):
        parts.append(data)
    return b"".join(parts)


def read_exactly(connection: socket.socket, size: int) -> bytes:
    parts = []
    while size > 0:
        data = connection.recv(min(size, 1 << 18))
        if not data:
            break
        parts.append(data)
        size -= len(data)
    return b"".join(parts)


def who(namespace: Namespace, host: str, port: int, send: bytes = b"", **options) -> str:
    """Connects, sends, and reads to the end: the text of who answered, or "eof", "reset", "refused", "timeout"."""
    try:
        with namespace.connect(host, port, **options) as client:
            if send:
                client.sendall(send)
            return read_all(client).decode() or "eof"
    except ConnectionResetError:
        return "reset"
    except BrokenPipeError:
        return "reset"
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "timeout"


def reset(connection: socket.socket) -> None:
    """Closes with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def how_it_ends(connection: socket.socket, seconds: float = 10.0) -> tuple[bytes, str]:
    """Reads to the end: (bytes, "fin" | "rst" | "open")."""
    connection.settimeout(seconds)
    data = b""
    try:
        while got := connection.recv(1 << 18):
            data += got
        return data, "fin"
    except ConnectionResetError:
        return data, "rst"
    except TimeoutError:
        return data, "open"


def send_and_hash(connection: socket.socket, size: int, seed: int, finish: bool = True) -> str:
    """Sends `size` bytes that `seed` determines (and FIN); returns their SHA-256."""
    block = hashlib.shake_128(seed.to_bytes(8, "big")).digest(1 << 16) * 4
    digest = hashlib.sha256()
    while size > 0:
        part = block[: min(size, len(block))]
        connection.sendall(part)
        digest.update(part)
        size -= len(part)
    if finish:
        connection.shutdown(socket.SHUT_WR)
    return digest.hexdigest()


def receive_and_hash(connection: socket.socket, pause: float = 0.0, every: int = 1 << 20) -> tuple[int, str]:
    """Reads to the end, resting `pause` seconds after each `every` bytes: (bytes, SHA-256)."""
    digest = hashlib.sha256()
    total = since = 0
    while data := connection.recv(1 << 16 if pause else 1 << 18):
        digest.update(data)
        total += len(data)
        since += len(data)
        if pause and since >= every:
            since = 0
            time.sleep(pause)
    return total, digest.hexdigest()


def has_data(connection: socket.socket, seconds: float) -> bool:
    """Whether something (data, FIN or RST) arrives within that time; reads nothing."""
    return bool(select.select([connection], [], [], seconds)[0])
