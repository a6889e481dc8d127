# SPDX-License-Identifier: Apache-2.0
"""Control planes that die, stall, lie, flap or send too much: what was good serves on, and the next good answer is taken."""

import os
import pathlib
import re
import threading
import time

import pytest

from control_process import TYPES, Control, discovery, message
from harness.lab import POD
from live_scene import ECHO, HTTP, ONE, TCP, TWO, Load, assignment, first_body, http, serves, static, tcp
from proxy_peers import Server
from proxy_process import wait_for
from scripted_control import ADDRESS, PREFIX, Mesh, framed, resource, speaks
from test_live_grpc import Way, eds, file_of, servers  # noqa: F401

KILLS = int(os.environ.get("WEIR_CONTROL_KILLS", "100")) // 2  # for each protocol
FLAPS = max(KILLS, 10)
STATE = "control_plane.connected_state"
ADS = {"resource_api_version": "V3", "ads": {}}


# -- killed and started again ---------------------------------------------------------------------------------------


def scene(to: tuple[str, int]) -> str:
    return file_of(cluster_a=eds("a", ADS), endpoint_a=assignment("a", to), cluster_echo=static("echo", ECHO), listener_http=http("a"), listener_tcp=tcp("echo"))


@pytest.mark.parametrize("kind", ["ads sotw", "ads delta"])
def test_killed_and_restarted_it_loses_nothing(plain_lab, run_proxy, servers, kind):
    """SIGKILL under load; each time another configuration comes with the new one, which is found again soon."""
    way = Way(kind)
    waits = []
    with Control({"all.yaml": scene(ONE)}, plain_lab.pod) as control:
        proxy = run_proxy(plain_lab.pod, way.bootstrap(control.port))
        listen = f"127.0.0.1:{control.port}"
        with Load(plain_lab.peer) as load:
            for number in range(1, KILLS + 1):
                before = proxy.stat("cluster.a.membership_change")
                control.stop()
                wait_for(lambda: proxy.stat(STATE) == 0, "it is lost")
                (control.root / "log").unlink()
                control.replace("all.yaml", scene((ONE, TWO)[number % 2]))
                if number % 5 == 0:
                    time.sleep(0.5)  # long enough for the waits to grow
                control.start("--listen", listen)
                began = time.monotonic()
                wait_for(lambda: proxy.stat(STATE) == 1, "it is back", 5)
                waits.append(time.monotonic() - began)
                wait_for(lambda: proxy.stat("cluster.a.membership_change") > before, "its configuration has come", 5)
        print(f"{KILLS} restarts, {load.requests} requests, {load.connections} connections; back within {max(waits):.3f} s, mean {sum(waits) / len(waits):.3f} s")
        load.check()
        assert load.requests > KILLS and load.connections > KILLS
        assert proxy.stat("cluster_manager.cluster_modified") == 0
        serves(plain_lab, ("one", "two")[KILLS % 2])


# -- wrong in every other way ---------------------------------------------------------------------------------------


class Scene:
    """A proxy whose control plane is scripted: by the book at first, then whatever the test tells the next streams."""

    def __init__(self, lab, delta: bool):
        self.lab = lab
        self.mesh = Mesh()
        self.mesh.set("cluster", static("c", ONE))
        self.mesh.set("cluster", static("echo", ECHO))
        self.mesh.set("listener", http("c"))
        self.mesh.set("listener", tcp("echo"))
        self.script = self.mesh.serve
        self.streams = 0
        self.way = Way("ads delta" if delta else "ads sotw")
        self.server = Server(lab.pod, *ADDRESS, speaks(self._serve))

    def _serve(self, peer) -> None:
        self.streams += 1
        self.script(peer)

    def change(self, to: tuple[str, int]) -> None:
        """The next good answer."""
        self.mesh.set("cluster", static("c", to))

    def hang_up(self) -> None:
        """Ends every stream, so that the next one follows the script that is set now."""
        with self.server._lock:
            for connection in self.server._open:
                connection.shutdown(2)

    def with_script(self, script) -> None:
        self.script = script
        self.hang_up()

    def by_the_book(self, to: tuple[str, int], body: str) -> None:
        self.change(to)
        self.script = self.mesh.serve
        self.hang_up()
        serves(self.lab, body)


@pytest.fixture(params=["sotw", "delta"])
def wrong(request, plain_lab, run_proxy, servers):
    made = Scene(plain_lab, request.param == "delta")
    with made.server:
        made.proxy = run_proxy(plain_lab.pod, made.way.bootstrap(ADDRESS[1]))
        assert first_body(plain_lab) == "one"
        with Load(plain_lab.peer) as load:
            yield made
        load.check()
        assert made.proxy.process.poll() is None


def reads_on(peer) -> None:
    """Whatever is asked: never an answer."""
    while peer.hear() is not None:
        pass


def answers_first(*makes):
    """A script: the first request about clusters gets these answers, then nothing is said; what the proxy says to them is kept."""
    heard: list = []

    def script(peer):
        if peer.hear_of("cluster") is None:
            return
        for make in makes:
            peer.say(make(peer))
            heard.append(peer.hear_of("cluster"))
        reads_on(peer)

    script.heard = heard
    return script


def complaint(script) -> str:
    wait_for(lambda: script.heard, "the answer is answered")
    assert script.heard[0] is not None, "the stream goes on"
    return script.heard[0].error_detail.message


def test_it_stalls(wrong):
    """It takes the call and says nothing: what was good serves on."""
    wrong.with_script(reads_on)
    wait_for(lambda: wrong.streams == 2 and wrong.proxy.stat(STATE) == 1, "it is connected")
    time.sleep(0.3)
    assert first_body(wrong.lab) == "one"
    wrong.by_the_book(TWO, "two")


def test_it_stalls_from_the_beginning(plain_lab, run_proxy, servers):
    """It answers nothing: the proxy starts without it when the time is over, and takes what comes at last."""
    made = Scene(plain_lab, False)
    made.script = reads_on
    source = {**made.way.source, "initial_fetch_timeout": "0.5s"}
    with made.server:
        proxy = run_proxy(plain_lab.pod, made.way.bootstrap(ADDRESS[1], cds_config=source, lds_config=source))
        stats = proxy.stats()
        assert stats["cluster_manager.cds.init_fetch_timeout"] == stats["listener_manager.lds.init_fetch_timeout"] == 1
        assert proxy.log().count("within initial_fetch_timeout") == 2
        made.script = made.mesh.serve
        made.hang_up()
        proxy.wait_stat("listener_manager.lds.update_success", 1)
        assert first_body(plain_lab) == "one"


@pytest.mark.parametrize(
    "lie, told",
    [
        (lambda peer: peer.response("cluster", resource("listener", http("c"))), "type 'type.googleapis.com/envoy.config.listener.v3.Listener' in a response"),
        (lambda peer: peer.response("cluster", static("echo", ECHO), static("c", TWO), static("c", ONE)), "more than one of this name"),
        (lambda peer: peer.response("cluster", static("echo", ECHO), static("c", TWO), bytes_as_cluster(b"\xff\xff\xff")), " message"),
        (lambda peer: named(peer, "c", bytes_as_cluster(b"\x22\xff\xff\xff")), "is not a message of type"),
        (lambda peer: named(peer, "echo", resource("cluster", static("c", TWO))), "'echo': is called 'c' inside"),
        (lambda peer: peer.response("cluster", static("echo", ECHO), {**static("c", TWO), "lb_policy": 99}), "lb_policy: '99': envoy.config.cluster.v3.Cluster.LbPolicy has no such value"),
    ],
    ids=["another type", "a name twice", "garbage", "garbage under a name", "the name of another", "a bad value"],
)  # fmt: skip
def test_it_lies(wrong, lie, told):
    """Each lie is refused by name, counted and logged; the good beside it is taken, the old of it serves."""
    script = answers_first(lie)
    wrong.with_script(script)
    assert told in complaint(script)
    wrong.proxy.wait_stat("cluster_manager.cds.update_rejected", 1)
    assert "NACK" in wrong.proxy.log() and told in wrong.proxy.log()
    assert first_body(wrong.lab) in ("one", "two")
    wrong.by_the_book(TWO, "two")


def bytes_as_cluster(value: bytes):
    return message("google.protobuf.Any")(type_url=TYPES["cluster"], value=value)


def named(peer, name: str, packed):
    """A response with one resource under that name, whatever it holds, and the other one as it was."""
    wrapped = {"name": name, "version": "1", "resource": packed}
    if peer.delta:
        return discovery("DeltaDiscoveryResponse")(type_url=TYPES["cluster"], nonce="n", resources=[wrapped])
    other = static("c", ONE) if name == "echo" else static("echo", ECHO)
    outer = message("google.protobuf.Any")(type_url="type.googleapis.com/envoy.service.discovery.v3.Resource")
    outer.value = discovery("Resource")(**wrapped).SerializeToString()
    return peer.response("cluster", other, outer)


def test_nobody_asked(wrong):
    """Answers of types that nobody asked for, or that do not exist, are passed over; their nonces are no one's."""

    def script(peer):
        peer.hear_of("cluster")
        for url in ("type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "type.googleapis.com/no.such.Type", ""):
            answer = peer.response("cluster", nonce="of nobody")
            answer.type_url = url
            peer.say(answer)
        peer.say(peer.response("cluster", static("c", TWO), static("echo", ECHO), nonce="good"))
        while (request := peer.hear()) is not None:
            nonces.append(request.response_nonce)

    nonces: list[str] = []
    wrong.with_script(script)
    serves(wrong.lab, "two")
    wait_for(lambda: "good" in nonces, "it is acknowledged")
    assert "of nobody" not in nonces
    assert "which was not asked for, is ignored" in wrong.proxy.log()
    wrong.by_the_book(ONE, "one")


def test_it_flaps(wrong):
    """It answers and hangs up, fifty times: each answer is taken, and it is asked less and less."""
    count = 0

    def script(peer):
        nonlocal count
        if peer.hear_of("cluster") is None:
            return
        count += 1
        peer.say(peer.response("cluster", static("c", (ONE, TWO)[count % 2]), static("echo", ECHO), version=str(count)))
        peer.hear_of("cluster")
        if count % 2:
            peer.end()

    before = wrong.proxy.stat("cluster_manager.cds.update_success")
    wrong.with_script(script)
    wait_for(lambda: count >= FLAPS, "it flaps", 90)
    pauses = [int(found) for found in re.findall(r"next try in (\d+) ms", wrong.proxy.log())]
    assert 100 < max(pauses[-10:]) < 800, pauses
    assert wrong.proxy.stat("cluster_manager.cds.update_success") - before >= FLAPS - 1
    wrong.by_the_book(TWO, "two")


@pytest.mark.parametrize("how", ["closes", "ends the call", "says OK"])
def test_half_of_a_message(wrong, how):
    half: list[int] = []

    def script(peer):
        if peer.hear_of("cluster") is None:
            return
        whole = framed(peer.response("cluster", static("c", TWO)).SerializeToString())
        peer.send(whole[: len(whole) // 2])
        half.append(1)
        if how != "closes":
            peer.end(14 if how == "ends the call" else 0)
            peer.wait_end()

    failures = wrong.proxy.stat("cluster_manager.cds.update_failure")
    wrong.with_script(script)
    wait_for(lambda: len(half) >= 3, "it is asked again")
    wait_for(lambda: wrong.proxy.stat("cluster_manager.cds.update_failure") >= failures + 3, "it is counted")
    assert first_body(wrong.lab) == "one"
    assert "lost: " in wrong.proxy.log()
    wrong.by_the_book(TWO, "two")


def resident(proxy) -> int:
    return 1024 * int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{proxy.pid}/status").read_text())[1])


def highest(proxy) -> int:
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{proxy.pid}/status").read_text())[1])


@pytest.mark.slow
def test_fifty_megabytes(wrong):
    """A message of 50 MB of unknown fields is taken and gone again; one that is announced as 1 GB is refused at once."""

    def big(peer):
        if peer.hear_of("cluster") is None:
            return
        padding = b"\xa2\x06" + varint(50_000_000) + bytes(50_000_000)  # field 100, which nobody knows
        whole = peer.response("cluster", static("c", TWO), static("echo", ECHO), version="big").SerializeToString() + padding
        peer.send(framed(whole))
        reads_on(peer)

    def huge(peer):
        if peer.hear_of("cluster") is None:
            return
        peer.send(b"\0" + (1 << 30).to_bytes(PREFIX - 1, "big"))
        announced.append(1)
        peer.wait_end()

    announced: list[int] = []
    before = resident(wrong.proxy)
    wrong.with_script(big)
    wait_for(lambda: first_body(wrong.lab) == "two", "it is taken", 30)
    peak = highest(wrong.proxy)
    print(f"50 MB: {before >> 20} MB before, {peak >> 20} MB at most, {resident(wrong.proxy) >> 20} MB after")
    assert peak - before < 250_000_000
    wrong.with_script(huge)
    wait_for(lambda: "gRPC message of 1073741824 bytes: more than 67108864 are not taken" in wrong.proxy.log(), "it is refused")
    assert announced
    wrong.by_the_book(ONE, "one")
    wait_for(lambda: resident(wrong.proxy) < before + 100_000_000, "the memory is given back", 5)


def varint(value: int) -> bytes:
    made = bytearray()
    while value >= 128:
        made.append(value % 128 + 128)
        value //= 128
    made.append(value)
    return bytes(made)


def test_it_dies_in_the_middle_of_a_warm_up(wrong):
    """A new version of the cluster waits for endpoints, its listener for it; then there is nobody to ask."""
    told = threading.Event()

    def script(peer):
        if peer.hear_of("cluster") is None:
            return
        if not told.is_set():
            peer.say(peer.response("cluster", eds("c", ADS), static("echo", ECHO)))
            peer.hear_of("endpoint")
            told.set()
            peer.end()

    wrong.with_script(script)
    assert told.wait(10)
    wait_for(lambda: wrong.proxy.stat("cluster_manager.warming_clusters") == 1, "it warms")
    time.sleep(0.3)
    assert first_body(wrong.lab) == "one", "the version before serves"
    wrong.mesh.set("cluster", eds("c", ADS))
    wrong.mesh.set("endpoint", assignment("c", TWO))
    wrong.script = wrong.mesh.serve
    wrong.hang_up()
    serves(wrong.lab, "two")
    wrong.proxy.wait_stat("cluster_manager.warming_clusters", 0)


def test_nobody_speaks_http2(wrong):
    """Another service has the port: whatever it says, it is told in the log, and asked again."""
    wrong.server.behaviour = lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n" * 100)
    wrong.hang_up()
    wait_for(lambda: wrong.proxy.log().count("lost: ") >= 3, "it is asked again")
    assert first_body(wrong.lab) == "one"
    wrong.server.behaviour = speaks(wrong._serve)
    wrong.by_the_book(TWO, "two")
