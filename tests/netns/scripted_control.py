# SPDX-License-Identifier: Apache-2.0
"""A control plane in the test's hands: gRPC over HTTP/2 by hand, so that it can also be wrong; and one by the book."""

import functools
import json
import socket
import threading

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from control_process import TYPES, _messages, discovery, message
from http_differential import http2

ADDRESS = ("127.0.0.1", 18000)
KINDS = tuple(TYPES)
PREFIX = 5  # bytes in front of a gRPC message
TOO_LONG = 20.0  # nobody waits longer for the other side


@functools.lru_cache(maxsize=4096)
def _packed(text: str) -> bytes:
    return json_format.ParseDict(json.loads(text), message("google.protobuf.Any")(), descriptor_pool=_messages()[0]).SerializeToString()


def resource(kind: str, content: dict):
    """A resource as an Any."""
    return message("google.protobuf.Any").FromString(_packed(json.dumps({"@type": TYPES[kind], **content})))


def framed(data: bytes) -> bytes:
    """A gRPC message with its prefix."""
    return b"\0" + len(data).to_bytes(4, "big") + data


class Peer:
    """The stream of a proxy. One thread reads; others may say() something meanwhile."""

    def __init__(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection
        self.wire = http2.Connection()
        self.number = 0
        self.delta = False
        self._reader = threading.get_ident()
        self._room = threading.Condition()
        self._sending = threading.Lock()

    def open(self, answers: bool = True) -> bool:
        """Takes the call; answers: with the head of the response."""
        held = b""
        while len(held) < len(http2.PREFACE):
            data = self.connection.recv(65536)
            if not data:
                return False
            held += data
        self._send(http2.settings((4, 1 << 20)) + http2.window(0, 1 << 20))
        self._take(held[len(http2.PREFACE) :])
        while not any(stream.heads for stream in self.wire.streams.values()):
            if not self._pump():
                return False
        self.number, stream = next((number, one) for number, one in self.wire.streams.items() if one.heads)
        self.delta = "/Delta" in dict(stream.heads[0])[":path"]
        if answers:
            self._send(http2.headers(self.number, (":status", "200"), ("content-type", "application/grpc"), end=False))
        return True

    def hear(self):
        """The next request; None: the proxy has gone."""
        body = self.wire.stream(self.number).body
        while len(body) < PREFIX or len(body) < PREFIX + int.from_bytes(body[1:PREFIX], "big"):
            if not self._pump():
                return None
        end = PREFIX + int.from_bytes(body[1:PREFIX], "big")
        data = bytes(body[PREFIX:end])
        del body[:end]
        return discovery("DeltaDiscoveryRequest" if self.delta else "DiscoveryRequest").FromString(data)

    def hear_of(self, kind: str):
        """The next request of that type."""
        while (request := self.hear()) is not None and request.type_url != TYPES[kind]:
            pass
        return request

    def wait_end(self) -> None:
        """Reads on and answers nothing, until the proxy has gone."""
        while self._pump():
            self.wire.stream(self.number).body.clear()

    def say(self, answer) -> None:
        self.send(framed(answer.SerializeToString()))

    def send(self, data: bytes) -> None:
        """Bytes of the stream, as the windows allow."""
        at = 0
        with self._sending:
            while at < len(data):
                size = self._wait_for_room(min(16384, len(data) - at))
                self._send(http2.data(self.number, data[at : at + size], end=False))
                at += size

    def end(self, status: int = 14, text: str = "as the test wants it") -> None:
        self._send(http2.headers(self.number, ("grpc-status", str(status)), ("grpc-message", text)))

    def response(self, kind: str, *contents, version: str = "1", nonce: str = "n", **fields):
        """A DiscoveryResponse or its delta; contents: values as tests write them, or an Any."""
        packed = [one if hasattr(one, "type_url") else resource(kind, one) for one in contents]
        if not self.delta:
            return discovery("DiscoveryResponse")(type_url=TYPES[kind], version_info=version, nonce=nonce, resources=packed, **fields)
        named = [{"name": name_in(one), "version": version, "resource": one} for one in packed]
        return discovery("DeltaDiscoveryResponse")(type_url=TYPES[kind], system_version_info=version, nonce=nonce, resources=named, **fields)

    def _wait_for_room(self, most: int) -> int:
        while True:
            with self._room:
                size = self.wire.take_room(self.number, most)
                if size:
                    return size
                if threading.get_ident() != self._reader and not self._room.wait(TOO_LONG):
                    raise OSError("the proxy grants no window")
            if threading.get_ident() == self._reader and not self._pump():
                raise OSError("the proxy has gone")

    def _pump(self) -> bool:
        data = self.connection.recv(65536)
        if data:
            self._take(data)
        return bool(data)

    def _take(self, data: bytes) -> None:
        with self._room:
            _, reply = self.wire.feed(data)
            self._room.notify_all()
        if reply:
            self._send(reply)

    def _send(self, data: bytes) -> None:
        self.connection.sendall(data)


def name_in(packed) -> str:
    try:
        content = message(packed.type_url.rsplit("/", 1)[1]).FromString(packed.value)
    except DecodeError:
        return "garbage"
    return getattr(content, "name", "") or content.cluster_name


def speaks(script):
    """A behaviour for Server: script(peer) with the stream open."""

    def behave(connection):
        peer = Peer(connection)
        return script(peer) if peer.open() else None

    return behave


class Mesh:
    """What a control plane by the book serves (ADS, both protocols): set() resources, push() types; serve is its script."""

    def __init__(self):
        self.refusals: list[str] = []
        self.streams = 0
        self._resources: dict[str, dict] = {kind: {} for kind in KINDS}
        self._version = 0
        self._nonce = 0
        self._lock = threading.RLock()
        self._settled = threading.Condition(self._lock)
        self._peers: dict[Peer, _Told] = {}

    def set(self, kind: str, content: dict) -> None:
        name = content.get("name") or content["cluster_name"]
        with self._lock:
            self._version += 1
            self._resources[kind][name] = (str(self._version), resource(kind, content))

    def remove(self, kind: str, name: str) -> None:
        with self._lock:
            self._version += 1
            del self._resources[kind][name]

    def push(self, *kinds: str) -> None:
        with self._lock:
            for peer, told in list(self._peers.items()):
                for kind in kinds:
                    if kind in told.asked:
                        self._tell(peer, told, kind)

    def wait_settled(self) -> None:
        """Until there is a proxy and all that was sent is answered."""
        with self._settled:
            done = self._settled.wait_for(lambda: self._peers and not any(told.unanswered for told in self._peers.values()), TOO_LONG)
        assert done, "the proxy has not answered"

    def serve(self, peer: Peer) -> None:
        told = _Told()
        with self._lock:
            self.streams += 1
            self._peers[peer] = told
        try:
            while (request := peer.hear()) is not None:
                with self._settled:
                    self._take(peer, told, request)
                    self._settled.notify_all()
        finally:
            with self._lock:
                del self._peers[peer]

    def _take(self, peer: Peer, told: "_Told", request) -> None:
        kind = next(kind for kind, url in TYPES.items() if url == request.type_url)
        told.unanswered.discard(request.response_nonce)
        if request.HasField("error_detail"):
            self.refusals.append(f"{kind}: {request.error_detail.message}")
        known = told.asked.get(kind)
        if peer.delta:
            names = (known or set()) | set(request.resource_names_subscribe)
            fresh = set(request.resource_names_subscribe)
            names -= set(request.resource_names_unsubscribe)
            for name in [*request.resource_names_unsubscribe, *fresh]:
                told.sent.get(kind, {}).pop(name, None)
        else:
            names = set(request.resource_names)
            fresh = names - (known or set())
        told.asked[kind] = names
        if known is None or fresh:
            self._tell(peer, told, kind, fresh)

    def _tell(self, peer: Peer, told: "_Told", kind: str, asked_now=()) -> None:
        wanted = told.asked[kind]
        there = {name: one for name, one in self._resources[kind].items() if not wanted or "*" in wanted or name in wanted}
        sent = told.sent.get(kind, {})
        told.sent[kind] = {name: version for name, (version, _) in there.items()}
        self._nonce += 1
        nonce = str(self._nonce)
        if peer.delta:
            fresh = {name: one for name, one in there.items() if sent.get(name) != one[0]}
            gone = [name for name in {*sent, *asked_now} - {"*"} if name not in there]
            named = [{"name": name, "version": version, "resource": packed} for name, (version, packed) in fresh.items()]
            answer = discovery("DeltaDiscoveryResponse")(type_url=TYPES[kind], nonce=nonce, resources=named, removed_resources=gone)
        else:
            answer = peer.response(kind, *(packed for _, packed in there.values()), version=str(self._version), nonce=nonce)
        told.unanswered.add(nonce)
        peer.say(answer)


class _Told:
    """What is known of one proxy."""

    def __init__(self):
        self.asked: dict[str, set[str]] = {}
        self.sent: dict[str, dict[str, str]] = {}
        self.unanswered: set[str] = set()
