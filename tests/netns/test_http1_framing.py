# SPDX-License-Identifier: Apache-2.0
"""RFC 9112 on real connections: where each message ends, for the client, for the proxy and for the upstream alike."""

import contextlib
import socket

import pytest

import http1_cases
import http_scene
import proxy_process
from harness.lab import POD
from http1_cases import OLD, TRAILERS, Case
from http_differential.upstream import Received, Upstream
from http_scene import HOSTS, head, manager, route
from proxy_config import bootstrap, cluster, listener
from proxy_process import wait_for

PROBE = head("/probe", "x-case: probe", "x-up: header=x-probe:1")


@pytest.fixture(scope="module")
def scene(plain_lab):
    """One proxy for all cases."""
    upstream = Upstream(plain_lab.peer, HOSTS)

    def front(name: str, port: int, **options) -> dict:
        return listener(name, POD[4], port, {"filters": [manager([route()], http_protocol_options=options)]})

    made = bootstrap(
        [
            front("front", http_scene.PORT),
            front("old", OLD, accept_http_10=True),
            front("trailers", TRAILERS, enable_trailers=True),
        ],
        [cluster("up", HOSTS[0])],
    )
    with contextlib.ExitStack() as stack:
        stack.callback(upstream.close)
        one = http_scene.Scene(plain_lab, stack.enter_context(proxy_process.Proxy(plain_lab.pod, made, workers=1)))
        one.upstream = upstream
        yield one
        assert one.proxy.process.poll() is None, one.proxy.log()[-6000:]


def connect(scene, port: int) -> http_scene.Client1:
    return http_scene.Client1(scene.lab.peer.connect(POD[4], port, timeout=5))


def run(client: http_scene.Client1, one: Case) -> str:
    """Plays the case with the probe behind it; an outcome as http1_cases has them, or what else came."""
    client.reader._methods.append(one.method)
    statuses = []
    try:
        client.send(one.data + PROBE)
        while True:
            answer = client.answer()
            if answer.header("x-probe"):
                return ", ".join([*statuses, "kept"])
            statuses.append(str(answer.status))
            if answer.status >= 400:
                assert answer.header("content-length") or answer.header("transfer-encoding")
    except (EOFError, ConnectionError):
        return ", ".join([*statuses, "closed"])
    except TimeoutError:
        return ", ".join([*statuses, "silence"])


def check_framing(received: Received) -> None:
    """Whoever reads this request finds its end in the same place."""
    names = [name.lower() for name, _ in received.headers]
    values = {name.lower(): value for name, value in received.headers}
    assert names.count("host") == 1
    assert names.count("content-length") + names.count("transfer-encoding") <= 1
    assert values.get("transfer-encoding", "chunked") == "chunked"
    assert values.get("content-length", "0").isdigit()
    for text in (received.start, *names, *values.values()):
        assert not set(text) & {"\r", "\n", "\0"}
    assert not [name for name in names if name != name.strip() or name == ""]


def each(*tables: list[Case]):
    cases = [one for table in tables for one in table]
    assert len({str(one) for one in cases}) == len(cases)
    return pytest.mark.parametrize("one", cases, ids=str)


def play(scene, one: Case) -> None:
    scene.upstream.forget("")
    scene.upstream.forget("probe")
    with connect(scene, one.port) as client:
        outcome = run(client, one)
    assert outcome in one.outcomes
    assert len(scene.upstream.received("probe")) == outcome.endswith("kept")
    got = scene.upstream.received("")
    for received in got:
        check_framing(received)
    whole = [received for received in got if received.end == "whole"]
    if one.seen is not None:
        assert [(received.start, received.framing, received.body) for received in whole] == one.seen
    elif outcome.startswith("2"):
        fields = {name.lower(): value for name, value in whole[0].headers}
        assert len(whole) == 1 and {name: fields.get(name) for name in one.has} == one.has


@each(http1_cases.LINES, http1_cases.TARGETS, http1_cases.HOSTS)
def test_request_lines(scene, one):
    play(scene, one)


@each(http1_cases.FIELDS)
def test_fields(scene, one):
    play(scene, one)


@each(http1_cases.FRAMING, http1_cases.CHUNKS)
def test_where_a_request_ends(scene, one):
    play(scene, one)


@each(http1_cases.PERSISTENCE)
def test_whether_a_connection_goes_on(scene, one):
    play(scene, one)


@pytest.mark.parametrize("name, data", http1_cases.INCOMPLETE, ids=lambda part: part if isinstance(part, str) else "")
def test_requests_that_do_not_end(scene, name, data):
    """§8: nothing is answered, nothing whole is passed on, and the client's end is the connection's."""
    scene.upstream.forget("")
    with connect(scene, http_scene.PORT) as client:
        client.send(data)
        client.socket.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.answer()
        client.socket.settimeout(5)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.wait_end() in ("fin", "rst")
        assert [message for message in client.reader.messages if message.status < 400] == []
    wait_for(lambda: all(one.end in ("fin", "rst") for one in scene.upstream.received("")), "the upstream hears of it")
    assert len(scene.upstream.received("")) == data.startswith(b"POST")


@pytest.mark.parametrize("size", [1, 7])
def test_every_head_may_come_in_pieces(scene, size):
    """§2.2: TCP cuts where it likes."""
    data = http1_cases.chunked(b"2;x=y\r\nab\r\n0\r\nx-t: 1\r\n\r\n") + PROBE
    scene.upstream.forget("")
    with connect(scene, TRAILERS) as client:
        for at in range(0, len(data), size):
            client.send(data[at : at + size])
        assert [client.answer().status, client.answer().status] == [200, 200]
    (received,) = scene.upstream.received("")
    assert (received.framing, received.body, received.end) == ("chunked", b"ab", "whole")
