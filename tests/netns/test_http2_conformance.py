# SPDX-License-Identifier: Apache-2.0
"""RFC 9113 on real connections: what each frame does in each state, and that the connection works afterwards or ends."""

import contextlib
import struct

import pytest

import http2_cases
import http2_message_cases
import http_scene
import proxy_process
from harness.lab import POD
from http2_cases import BASE, Case, get
from http_differential import http2
from http_differential.upstream import Upstream
from http_scene import HOSTS, manager, route
from proxy_config import bootstrap, cluster, listener

LENIENT, SMALL = 9082, 9083  # stream_error_on_invalid_message; HTTP/2 only, small windows, few streams
PROBE = 1001
SILENT = "silence"


@pytest.fixture(scope="module")
def scene(plain_lab):
    """One proxy for all cases, with an upstream and one that takes connections and reads nothing."""
    upstream = Upstream(plain_lab.peer, HOSTS)
    silent = plain_lab.peer.listen(HOSTS[0][0], 8009, backlog=8)
    lenient = {"http2_protocol_options": {"override_stream_error_on_invalid_http_message": True}}
    small = {"initial_stream_window_size": 65535, "initial_connection_window_size": 65535, "max_concurrent_streams": 3}
    made = bootstrap(
        [
            listener("front", POD[4], http_scene.PORT, {"filters": [manager([route()])]}),
            listener("lenient", POD[4], LENIENT, {"filters": [manager([route()], **lenient)]}),
            listener("small", POD[4], SMALL, {"filters": [manager([route("silent", "/silent"), route()], codec_type="HTTP2", http2_protocol_options=small)]}),
        ],
        [cluster("up", HOSTS[0]), cluster("silent", (HOSTS[0][0], 8009))],
    )
    with contextlib.ExitStack() as stack:
        stack.callback(upstream.close)
        stack.callback(silent.close)
        proxy = stack.enter_context(proxy_process.Proxy(plain_lab.pod, made, workers=1))
        one = http_scene.Scene(plain_lab, proxy)
        one.upstream = upstream
        yield one
        assert proxy.process.poll() is None, proxy.log()[-6000:]


def connect(scene, port: int = http_scene.PORT, **options) -> http_scene.Client2:
    return http_scene.Client2(scene.lab.peer.connect(POD[4], port, timeout=10), **options)


def ends(client: http_scene.Client2) -> dict[int, str]:
    """What has become of each stream: its status once it has ended, or the code of its reset."""
    found = {}
    for number, stream in client.wire.streams.items():
        if stream.end == "END_STREAM":
            found[number] = str(http_scene.status(stream))
        elif stream.end != "open":
            found[number] = stream.end
    return found


def outcome(client: http_scene.Client2, before: dict[int, str]) -> str:
    """One of those that http2_cases.py names, or that the connection ended without a word, or gave no answer."""
    if client.ended:
        return f"GOAWAY {client.wire.goaway[0]}" if client.wire.goaway else "end"
    found = ends(client)
    if found.pop(PROBE, None) != "200":
        return f"{SILENT}, {found}"
    return ", ".join(f"{number}: {end}" for number, end in found.items() if before.get(number) != end) or "works"


def pump_until(client: http_scene.Client2, done) -> None:
    """Reads until done() or the connection's end or three seconds of silence."""
    client.socket.settimeout(3)
    try:
        while not client.ended and not done():
            client.pump()
    except ConnectionResetError:
        client.ended = True
    except TimeoutError:
        pass


def send(client: http_scene.Client2, data: bytes) -> None:
    try:
        client.send(data)
    except ConnectionError:
        pass  # it has ended; what was said before is still to be read


def run(client: http_scene.Client2, one: Case) -> str:
    """Plays the case and a request behind it; what has come of them."""
    for step in one.steps[:-1]:
        if isinstance(step, int):
            pump_until(client, lambda step=step: client.wire.stream(step).end != "open")
        else:
            send(client, step)
    before = ends(client)
    send(client, one.steps[-1])
    send(client, http2.headers(PROBE, *BASE, ("x-case", "probe")))
    pump_until(client, lambda: client.wire.stream(PROBE).end != "open")
    pump_until(client, lambda: outcome(client, before) in one.permitted)
    said = [(frame.kind, frame.flags) for frame in client.frames]
    assert said[:1] in ([], [(http2.SETTINGS, 0)])  # §3.4: ours come first
    return outcome(client, before)


def each(*tables: list[Case]):
    cases = [one for table in tables for one in table]
    assert len({str(one) for one in cases}) == len(cases)
    return pytest.mark.parametrize("one", cases, ids=str)


@each(http2_cases.in_every_state())
def test_every_frame_in_every_state(scene, one):
    with connect(scene) as client:
        assert run(client, one) in one.permitted


@each(http2_cases.LENGTHS, http2_cases.PADDING, http2_cases.FLAGS, http2_cases.NUMBERS)
def test_shapes_of_frames(scene, one):
    with connect(scene) as client:
        assert run(client, one) in one.permitted


@each(http2_cases.VALUES, http2_cases.WINDOWS)
def test_settings_and_windows(scene, one):
    with connect(scene) as client:
        assert run(client, one) in one.permitted


@each(http2_cases.HPACK)
def test_header_compression(scene, one):
    with connect(scene) as client:
        assert run(client, one) in one.permitted


@each(http2_message_cases.BAD_HEADS)
def test_malformed_heads(scene, one):
    """Refused in both configurations, in one of them without harm to the connection; the upstream hears nothing."""
    scene.upstream.forget("message")
    with connect(scene) as client, connect(scene, LENIENT) as lenient:
        assert run(client, one) in one.permitted
        assert run(lenient, one) == "1: PROTOCOL_ERROR"
    assert scene.upstream.received("message") == []


@each(http2_message_cases.ANSWERED_HERE)
def test_requests_that_go_no_further(scene, one):
    scene.upstream.forget("message")
    with connect(scene) as client:
        assert run(client, one) in one.permitted
    assert scene.upstream.received("message") == []


@each(http2_message_cases.BAD_BODIES)
def test_malformed_bodies(scene, one):
    with connect(scene) as client, connect(scene, LENIENT) as lenient:
        assert run(client, one) in one.permitted
        assert run(lenient, one) == "1: PROTOCOL_ERROR"


@pytest.mark.parametrize("one, expected", http2_message_cases.GOOD, ids=lambda part: str(part) if isinstance(part, Case) else "")
def test_good_messages(scene, one, expected):
    """What the upstream receives of them."""
    scene.upstream.forget("message")
    with connect(scene) as client:
        assert run(client, one) in one.permitted
    (seen,) = scene.upstream.received("message")
    method, path, _ = seen.start.split(" ")
    fields = {**dict(seen.headers), ":method": method, ":path": path, "": seen.body.decode()}
    assert {name: fields.get(name) for name in expected} == expected


@each(http2_message_cases.PREFACES)
def test_prefaces(scene, one):
    with connect(scene, SMALL, preface=False) as client:
        assert run(client, one) in one.permitted


# -- what takes more than one step --------------------------------------------------------------------------------


def frames(client: http_scene.Client2, kind: int, flags: int | None = None) -> list[http2.Frame]:
    return [one for one in client.frames if one.kind == kind and flags in (None, one.flags)]


def test_each_ping_is_acknowledged_in_order(scene):
    """§6.7: with the same content, and never an ack's ack."""
    sent = [struct.pack(">Q", n) for n in range(50)]
    with connect(scene) as client:
        client.send(b"".join(http2.frame(http2.PING, 0, 0, one) for one in sent))
        assert http_scene.status(client.ask()) == 200
        pump_until(client, lambda: len(client.wire.pings) == len(sent))
        assert client.wire.pings == sent
        assert {one.flags for one in frames(client, http2.PING)} == {http2.ACK}


def test_each_settings_frame_is_acknowledged_once(scene):
    """§6.5.3."""
    with connect(scene) as client:
        client.send(http2.settings((3, 100)) * 5)
        pump_until(client, lambda: len(frames(client, http2.SETTINGS, http2.ACK)) == 6)
        assert http_scene.status(client.ask()) == 200
        acks = frames(client, http2.SETTINGS, http2.ACK)
        assert [one.payload for one in acks] == [b""] * 6


def test_the_last_stream_of_a_goaway(scene):
    """§6.8: none that was begun is above it."""
    with connect(scene) as client:
        for number in (1, 3, 5):
            assert http_scene.status(client.answer(client.request())) == 200, number
        client.send(http2.data(0, b"x"))
        assert client.wait_end() in ("fin", "rst")
        (goaway,) = frames(client, http2.GOAWAY)
        assert struct.unpack(">II", goaway.payload[:8]) == (5, 1)


def test_what_is_under_way_outlives_a_goaway(scene):
    """§6.8: the client takes no more of our streams, of which there are none; its own are answered."""
    with connect(scene) as client:
        number = client.request("/", ("x-up", "wait=0.1;size=100000"))
        client.send(http2.frame(http2.GOAWAY, 0, 0, bytes(8)))
        assert len(client.answer(number).body) == 100000


def test_bodies_wait_for_the_windows(scene):
    """§6.9: not an octet more than the stream's window, then than the connection's; no frame above 16 KiB."""
    with connect(scene, grants=False) as client:
        client.send(http2.settings((http2_cases.INITIAL_WINDOW, 10)))
        number = client.request("/", ("x-up", "size=100000"))
        stream = client.wire.stream(number)
        for increment, expected in ((0, 10), (5, 15), (40000, 40015), (100000, 65535)):
            if increment:
                client.send(http2.window(number, increment))
            pump_until(client, lambda: len(stream.body) >= expected)
            probe = http2.frame(http2.PING, 0, 0, struct.pack(">Q", expected))
            client.send(probe)
            pump_until(client, lambda: probe[9:] in client.wire.pings)
            assert (len(stream.body), stream.end) == (expected, "open")
        client.send(http2.window(0, 100000))
        assert len(client.answer(number).body) == 100000
        assert max(len(one.payload) for one in client.frames) <= 16384


def test_more_than_the_window_is_an_error(scene):
    """§6.9.1: an upstream that reads nothing holds the client back; what it sends all the same ends its stream or all."""
    with connect(scene, SMALL) as client:
        number = client.request("/silent", method="POST", end=False)
        for _ in range(2000):
            send(client, http2.data(number, b"x" * 16384, end=False))
            client.socket.settimeout(0.002)
            try:
                if not client.pump() or client.wire.goaway:
                    break
            except TimeoutError:
                pass
            except ConnectionResetError:
                break
        assert client.wire.goaway and client.wire.goaway[0] == "FLOW_CONTROL_ERROR" or client.wire.stream(number).end == "FLOW_CONTROL_ERROR"


def test_what_is_discarded_gives_its_window_back(scene):
    """§5.1, §6.9: DATA on streams that were reset counts for the connection, whose window is 64 KiB, for a while."""
    with connect(scene, SMALL) as client:
        for number in range(1, 21, 2):
            send(client, http2_cases.post(number, ("content-length", "1")) + http2.data(number, b"ab", end=False))
            client.wire.window -= 2
            assert client.answer(number).end == "PROTOCOL_ERROR"
            for _ in range(4):
                pump_until(client, lambda: client.wire.window >= 15000)
                assert client.wire.window >= 15000
                client.wire.window -= 15000
                send(client, http2.data(number, b"x" * 15000, end=False))
        client._next = 101
        assert http_scene.status(client.ask()) == 200


def test_more_streams_than_are_allowed(scene):
    """§5.1.2: the fourth of three is refused, or is an error of the connection."""
    one = http2_cases.case("§5.1.2", "", ("7: REFUSED_STREAM", "7: PROTOCOL_ERROR", "GOAWAY PROTOCOL_ERROR"),
                           *[get(number, ("x-up", "hang")) for number in (1, 3, 5)], get(7) + http2.reset(1))  # fmt: skip
    with connect(scene, SMALL) as client:
        assert run(client, one) in one.permitted


def test_a_client_without_a_table(scene):
    """RFC 7541 §4.2: the change is acknowledged within the next block, and nothing is put into a table of no size."""
    with connect(scene) as client:
        client.send(http2.settings((http2_cases.TABLE_SIZE, 0)))
        pump_until(client, lambda: len(frames(client, http2.SETTINGS, http2.ACK)) == 2)
        client.wire._decoder.max_allowed_table_size = 0
        for _ in range(3):
            assert http_scene.status(client.ask()) == 200
        assert client.wire._decoder.header_table_size == 0


INDEXED = b"\x40" + http2.integer(6, 7) + b"x-kept" + http2.integer(3, 7) + b"yes"
UNSEEN = {
    "a closed stream": (http_scene.PORT, (get(1), 1), http2.headers(1, *BASE)),
    "a stream that we reset": (http_scene.PORT, http2_cases.STATES["reset by us"][1], http2.headers(1, ("x-t", "1"))),
    "a malformed request": (LENIENT, (), http2.headers(1, *BASE, ("X", "y"))),
    "a stream beyond the limit": (SMALL, tuple(get(number, ("x-up", "hang")) for number in (1, 3, 5)), get(7)),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_the_table_takes_in_what_is_discarded(scene, name):
    """§4.3: header blocks that are not wanted are read all the same, or the connection ends."""
    port, steps, last = UNSEEN[name]
    scene.upstream.forget("kept")
    with connect(scene, port) as client:
        for step in steps:
            if isinstance(step, int):
                client.answer(step)
            else:
                client.send(step)
        block = last[9:] + INDEXED
        client.send(http2.frame(http2.HEADERS, last[4], last[8], block))
        if name == "a stream beyond the limit":
            client.send(http2.reset(1))
        client.send(http2.frame(http2.HEADERS, 5, 101, http2.block(*BASE, ("x-case", "kept")) + b"\xbe"))
        pump_until(client, lambda: client.wire.stream(101).end != "open")
        if client.wire.goaway:
            assert name == "a stream beyond the limit"  # which may be an error of the connection
            return
        assert http_scene.status(client.wire.stream(101)) == 200
    assert dict(scene.upstream.received("kept")[0].headers)["x-kept"] == "yes"


def test_a_wrong_preface_gets_no_http1(scene):
    """Where HTTP/2 alone is spoken, HTTP/1.1 is neither served nor answered in words that it does not know."""
    with connect(scene, SMALL, preface=False) as client:
        client.send(b"GET / HTTP/1.1\r\nhost: www.test\r\n\r\n")
        assert client.wait_end() in ("fin", "rst")
        assert client.frames == [] and client.wire._frames.rest == b""
