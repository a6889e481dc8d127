# SPDX-License-Identifier: Apache-2.0
"""Connections to hosts under trouble: the keep-alive race, limits, timeouts, hosts that go, reuse that ends."""

import collections
import threading
import time

import pytest

import http_scene
from harness.lab import OUTSIDE, POD
from http_differential.upstream import Upstream
from http_scene import HOSTS, HTTP2, head, route, status
from proxy_config import cluster
from proxy_process import wait_for

DOWN = (OUTSIDE[4], 8011)


@pytest.fixture(scope="module")
def upstream(plain_lab):
    made = Upstream(plain_lab.peer, HOSTS)
    yield made
    made.close()


@pytest.fixture
def start(plain_lab, run_proxy, upstream):
    return lambda routes=None, *clusters, **fields: http_scene.start(plain_lab, run_proxy, routes, *clusters, **fields)


def many(scene, clients: int, requests: int, path="/", up=lambda i: "size=10") -> collections.Counter:
    """Statuses of that many requests over as many connections at once."""
    seen: collections.Counter = collections.Counter()
    lock = threading.Lock()

    def run(seed: int) -> None:
        mine: collections.Counter = collections.Counter()
        with scene.client() as client:
            for i in range(requests):
                mine[client.ask(path, f"x-up: {up(seed * requests + i)}").status] += 1
        with lock:
            seen.update(mine)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return seen


@pytest.mark.parametrize("fields", [{}, HTTP2], ids=["HTTP/1", "HTTP/2"])
def test_hosts_that_close_idle_connections_lose_no_get(start, fields):
    """The keep-alive race: the host closes behind an answer, unannounced, while the next request is on its way."""
    scene = start(None, cluster("up", *HOSTS, **fields))
    assert many(scene, 10, 100, up=lambda i: "shut" if i % 3 == 0 else "size=10") == {200: 1000}
    http_scene.gauges_are_zero(scene.proxy)


def limits(**fields) -> dict:
    return {"circuit_breakers": {"thresholds": [fields]}}


def test_more_requests_than_connections_wait_their_turn(start):
    scene = start(None, cluster("up", HOSTS[0], **limits(max_connections=2)))
    assert many(scene, 10, 20, up=lambda i: "wait=0.002") == {200: 200}
    assert scene.stat("cluster.up.upstream_cx_total") == 2
    assert scene.stat("cluster.up.upstream_rq_pending_overflow") == 0


def test_a_full_queue_overflows(start):
    scene = start(None, cluster("up", HOSTS[0], **limits(max_connections=1, max_pending_requests=2)))
    seen = many(scene, 10, 5, up=lambda i: "wait=0.05")
    assert set(seen) == {200, 503}
    assert scene.stat("cluster.up.upstream_rq_pending_overflow") == seen[503]
    http_scene.gauges_are_zero(scene.proxy)


def test_retries_are_limited_too(start):
    policy = {"retry_on": "5xx", "num_retries": 3, "retry_back_off": {"base_interval": "0.2s", "max_interval": "0.2s"}}
    scene = start([route(retry_policy=policy)], cluster("up", HOSTS[0], **limits(max_retries=1)))
    assert many(scene, 6, 2, up=lambda i: "status=503") == {503: 12}
    assert scene.stat("cluster.up.upstream_rq_retry_overflow") > 0
    http_scene.gauges_are_zero(scene.proxy)


def test_a_host_that_cannot_be_dialled_at_all(start):
    """connect() fails at once: an answer, and no end in itself."""
    bind = {"upstream_bind_config": {"source_address": {"address": "203.0.113.9", "port_value": 0}}}
    scene = start(None, cluster("up", HOSTS[0], **bind))
    for _ in range(3):
        assert scene.get().status == 503
    with scene.client2() as client:
        assert status(client.ask()) == 503
    assert scene.stat("cluster.up.bind_errors") >= 4


def test_timeouts_of_attempts(start):
    """The second attempt has a time of its own, within that of the request."""
    policy = {"retry_on": "5xx", "num_retries": 1, "per_try_timeout": "0.2s", "retry_back_off": {"base_interval": "0.001s"}}
    scene = start([route(retry_policy=policy, timeout="5s")])
    answer = scene.get("/", "x-case: slow once", "x-up: fail=1:wait=1")
    assert answer.status == 200
    answer = scene.get("/", "x-up: wait=1")
    assert (answer.status, answer.body) == (504, b"upstream request timeout")
    assert scene.stat("cluster.up.upstream_rq_per_try_timeout") == 3
    assert scene.ends(2)[1] == (504, "UT,URX", "upstream_per_try_timeout") or scene.ends(2)[1][1] == "URX,UT"
    http_scene.gauges_are_zero(scene.proxy)


def test_streams_and_connections_that_are_idle(start):
    idle = {"common_http_protocol_options": {"idle_timeout": "0.5s"}}
    scene = start([route(idle_timeout="0.3s", timeout="0s")], drain_timeout="0.2s", **idle)
    answer = scene.get("/", "x-up: wait=2")
    assert (answer.status, answer.body) == (504, b"stream timeout")
    started = time.monotonic()
    with scene.client() as client, scene.client2() as client2:
        assert client.ask().status == 200
        assert status(client2.ask()) == 200
        assert (client.wait_end(), client2.wait_end()) == ("fin", "fin")
    assert 0.6 < time.monotonic() - started < 3


def test_idle_clients_end_without_a_time_to_drain(start):
    idle = {"common_http_protocol_options": {"idle_timeout": "0.3s"}}
    scene = start(drain_timeout="0s", **idle)
    with scene.client() as client, scene.client2() as client2:
        assert client.ask().status == 200
        assert status(client2.ask()) == 200
        assert (client.wait_end(), client2.wait_end()) == ("fin", "fin")
    assert scene.stat("http.in.downstream_cx_idle_timeout") == 2


def test_an_attempts_time_begins_with_its_connection(start, plain_lab):
    """How long a connection may take is the cluster's to say: a host that does not answer costs one attempt, not all."""
    policy = {"retry_on": "5xx", "num_retries": 3, "per_try_timeout": "0.2s", "retry_back_off": {"base_interval": "0.001s"}}
    lost = plain_lab.peer.listen(HOSTS[0][0], 8012, backlog=0)
    waiting = [plain_lab.peer.new_socket() for _ in range(3)]
    for one in waiting:  # its queue is full: who comes now gets no answer
        one.setblocking(False)
        one.connect_ex((HOSTS[0][0], 8012))
    scene = start([route(retry_policy=policy, timeout="1.5s")], cluster("up", (HOSTS[0][0], 8012), connect_timeout="0.5s"))
    started = time.monotonic()
    assert scene.get().status == 504
    assert 1.4 < time.monotonic() - started < 5
    assert scene.stat("cluster.up.upstream_rq_per_try_timeout") == 0
    assert scene.stat("cluster.up.upstream_rq_timeout") == 1
    assert 2 <= scene.stat("cluster.up.upstream_cx_connect_timeout") == scene.stat("cluster.up.upstream_rq_retry") <= 3
    http_scene.gauges_are_zero(scene.proxy)
    for one in [*waiting, lost]:
        one.close()


@pytest.mark.parametrize("version", ["http_protocol_options", "http2_protocol_options"])
def test_a_connection_upstream_is_used_so_often(start, version):
    name = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    options = {
        "@type": f"type.googleapis.com/{name}",
        "common_http_protocol_options": {"max_requests_per_connection": 3},
        "explicit_http_config": {version: {}},
    }
    scene = start(None, cluster("up", HOSTS[0], typed_extension_protocol_options={name: options}))
    assert many(scene, 1, 10) == {200: 10}
    assert scene.stat("cluster.up.upstream_cx_total") == 4


def test_a_connection_of_a_client_is_used_so_often(start):
    """Over HTTP/2 a notice comes first, so that what is on its way already is served."""
    scene = start(common_http_protocol_options={"max_requests_per_connection": 3}, drain_timeout="0.3s")
    with scene.client() as client:
        assert [client.ask().header("connection") for _ in range(3)] == [None, None, "close"]
        assert client.wait_end() == "fin"
    with scene.client2() as client:
        numbers = [client.request("/", ("x-up", "wait=0.1")) for _ in range(4)]
        assert [status(client.answer(number)) for number in numbers] == [200] * 4
        assert client.wait_end() == "fin"
        assert client.wire.goaway[0] == "NO_ERROR"
    assert scene.stat("http.in.downstream_cx_max_requests_reached") == 2


def test_goaway_from_upstream(start):
    """Streams that it refuses are done elsewhere when the policy says so; the next request has a new connection."""
    policy = {"retry_policy": {"retry_on": "refused-stream,reset", "num_retries": 3}}
    scene = start([route(**policy)], cluster("up", HOSTS[0], **HTTP2, **limits(max_retries=100)))
    with scene.client2() as client:
        numbers = [client.request("/", ("x-up", "goaway" if i == 5 else "size=10")) for i in range(20)]
        seen = collections.Counter(status(client.answer(number)) for number in numbers)
        assert seen[200] >= 19
        assert status(client.ask()) == 200
    http_scene.gauges_are_zero(scene.proxy)


def test_fifty_requests_at_once(start):
    """Pipelined: answered in their order, whatever each takes."""
    scene = start([route({"direct_response": {"status": 200, "body": {"inline_string": "own"}}}, "/own"), route()])
    with scene.client() as client:
        client.send(b"".join(head("/own" if i % 7 == 0 else "/", f"x-up: body={i};wait={0.02 if i % 10 == 3 else 0}") for i in range(50)))
        assert [client.answer().body for _ in range(50)] == [b"own" if i % 7 == 0 else b"%d" % i for i in range(50)]


def test_clients_that_leave_free_everything(start):
    scene = start(None, cluster("up", HOSTS[0], **limits(max_connections=2, max_requests=4)))
    for _ in range(3):
        clients = [scene.client() for _ in range(8)]
        for client in clients:
            client.send(head("/", "x-up: wait=0.3"))
        time.sleep(0.05)
        for client in clients:
            client.socket.close()
        wait_for(lambda: scene.stat("cluster.up.upstream_rq_active") == 0, "given up")
    assert scene.get().status == 200
    http_scene.gauges_are_zero(scene.proxy)


KEEPALIVE = {"http2_protocol_options": {"connection_keepalive": {"interval": "0.1s", "timeout": "0.2s"}}}


def test_a_client_that_answers_no_ping_is_let_go(start):
    scene = start(None, cluster("up", HOSTS[0]), **KEEPALIVE)
    with scene.client2() as silent, scene.client2() as talks:
        assert status(silent.ask()) == status(talks.ask()) == 200
        wait_for(lambda: talks.pump() and scene.proxy.stats().get("http2.keepalive_timeout") == 1, "one client let go")
        assert status(talks.ask()) == 200
        assert silent.wait_end() in ("fin", "rst")


def test_a_host_that_answers_no_ping_is_let_go(plain_lab, start):
    """Its requests are answered at once, not when their own time is over."""
    options = {
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": KEEPALIVE,
            }
        }
    }
    with plain_lab.peer.listen("0.0.0.0", DOWN[1], 16):
        scene = start(None, cluster("up", DOWN, **options))
        began = time.monotonic()
        answer = scene.get()
        assert (answer.status, answer.body.endswith(b"connection termination")) == (503, True), answer
        assert time.monotonic() - began < 10  # the route's own time is 15 s
        assert scene.stat("cluster.up.http2.keepalive_timeout") == 1


def test_an_attempt_on_which_nothing_moves_is_given_up(start):
    policy = {"retry_on": "5xx", "num_retries": 1, "per_try_idle_timeout": "0.4s", "retry_back_off": {"base_interval": "0.001s"}}
    scene = start([route(retry_policy=policy, timeout="5s")])
    assert scene.get("/", "x-case: idle once", "x-up: fail=1:wait=1").status == 200
    # What moves, however slowly, may take longer.
    assert len(scene.get("/", "x-up: wait=0.25;size=5;slow=0.25").body) == 5
    answer = scene.get("/", "x-up: wait=1")
    assert (answer.status, answer.body) == (504, b"upstream request timeout")
    assert scene.stat("cluster.up.upstream_rq_per_try_idle_timeout") == 3
    assert scene.ends(3)[2][2] == "upstream_per_try_idle_timeout"


@pytest.mark.parametrize("fields", [{}, HTTP2], ids=["HTTP/1", "HTTP/2"])
def test_the_log_names_the_upstream_connection(start, fields):
    """Of a response with a body and of one without; and two requests over one connection have one address."""
    scene = start(None, cluster("up", HOSTS[0], **fields))
    with scene.client() as client:
        for up in ("size=100", "size=0", "size=10"):
            assert client.ask("/", f"x-up: {up}").status == 200
    addresses = {line["upstream_local"] for line in scene.log(3)}
    assert len(addresses) == 1 and addresses.pop().startswith(POD[4] + ":")
