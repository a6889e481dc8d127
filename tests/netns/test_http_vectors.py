# SPDX-License-Identifier: Apache-2.0
"""What a sidecar's HTTP must answer: codes with flags and details, headers, retries, weights (T12, T13, T16 to T20)."""

import collections
import socket
import time
import uuid

import pytest

import http_scene
from harness.lab import OUTSIDE
from http_differential.upstream import Upstream
from http_scene import HOSTS, head, route
from proxy_config import chain, cluster, http_inspector, listener
from proxy_peers import how_it_ends

DOWN = [(OUTSIDE[4], port) for port in (8011, 8012, 8013)]  # nobody listens there
BEFORE = "upstream connect error or disconnect/reset before headers. "


@pytest.fixture(scope="module")
def upstream(plain_lab):
    made = Upstream(plain_lab.peer, HOSTS)
    yield made
    made.close()


@pytest.fixture
def start(plain_lab, run_proxy, upstream):
    return lambda routes=None, *clusters, **fields: http_scene.start(plain_lab, run_proxy, routes, *clusters, **fields)


def test_codes_of_routes_and_hosts(start):
    """T16: 404 NR, 503 UH, UF, UC, NC, 504 UT, direct responses."""
    routes = [
        route("empty", "/empty"),
        route("down", "/down"),
        route("nobody", "/unknown"),
        route("up", "/brief", timeout="0.1s"),
        route({"direct_response": {"status": 502}}, "/direct"),
        route("up", "/up"),
    ]
    config = {"validate_clusters": False, "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]}
    scene = start(None, cluster("up", HOSTS[0]), cluster("empty"), cluster("down", DOWN[0]), route_config=config)
    answer = scene.get("/nowhere")
    assert (answer.status, answer.body, answer.header("content-length")) == (404, b"", "0")
    assert (scene.get("/unknown").status, scene.get("/unknown").body) == (503, b"")
    assert (scene.get("/empty").status, scene.get("/empty").body) == (503, b"no healthy upstream")
    answer = scene.get("/down")
    assert answer.status == 503 and answer.body.startswith(f"{BEFORE}reset reason: remote connection failure".encode())
    answer = scene.get("/up", "x-up: drop")
    assert (answer.status, answer.body) == (503, f"{BEFORE}reset reason: connection termination".encode())
    answer = scene.get("/up", "x-up: raw=bare-lf")
    assert answer.status in (200, 502)
    answer = scene.get("/brief", "x-up: wait=0.5")
    assert (answer.status, answer.body) == (504, b"upstream request timeout")
    assert scene.get("/direct").header("content-length") == "0"
    answer = scene.get("/direct", method="HEAD")
    assert (answer.status, answer.header("transfer-encoding"), answer.header("content-length")) == (502, "chunked", None)
    ends = scene.ends(11)
    assert ends[0] == (404, "NR", "route_not_found")
    assert ends[1] == ends[2] == (503, "NC", "cluster_not_found")
    assert ends[3] == ends[4] == (503, "UH", "no_healthy_upstream")
    assert ends[5][:2] == (503, "UF") and ends[5][2].startswith("upstream_reset_before_response_started{remote_connection_failure")
    assert ends[6] == (503, "UC", "upstream_reset_before_response_started{connection_termination}")
    assert ends[8] == (504, "UT", "response_timeout")
    assert ends[9] == ends[10] == (502, "-", "direct_response")


def test_codes_of_requests(start):
    """T16: 400 of both lengths, 501 of an unknown coding, 431 of too much, 426 of HTTP/1.0, 403 of a foreign upgrade, CONNECT with a body."""
    scene = start()
    cases = [
        (head("/", "content-length: 3", "transfer-encoding: chunked", method="POST"), 400, "DPE", "http1.content_length_and_chunked_not_allowed"),
        (head("/", "transfer-encoding: gzip", method="POST"), 501, "DPE", "http1.invalid_transfer_encoding"),
        (head("/", "x: " + "y" * 62000), 431, "DPE", "http1.headers_too_large"),
        (head("/", *[f"x{i}: y" for i in range(101)]), 431, "DPE", "http1.too_many_headers"),
        (head("/", version="HTTP/1.0"), 426, "DPE", "low_version"),
        (head("/", "connection: upgrade", "upgrade: other"), 403, "-", "upgrade_failed"),
        (head("www.test:80", method="CONNECT"), 404, "NR", "route_not_found"),
        (head("www.test:80", "content-length: 3", method="CONNECT"), 400, "DPE", "http1.body_disallowed"),
        (head("www.test:80", "transfer-encoding: chunked", method="CONNECT"), 501, "DPE", "http1.invalid_transfer_encoding"),
    ]
    for data, code, _, _ in cases:
        with scene.client() as client:
            client.send(data)
            answer = client.answer()
            assert (answer.status, answer.header("connection")) == (code, "close"), answer
            assert client.wait_end() == "fin"
    assert scene.ends(len(cases)) == [case[1:] for case in cases]


def test_an_upstream_that_is_full(start):
    """T16: 503 UO and x-envoy-overloaded."""
    limits = {"circuit_breakers": {"thresholds": [{"max_connections": 1, "max_pending_requests": 1, "max_requests": 1}]}}
    scene = start([route()], cluster("up", HOSTS[0], **limits))
    with scene.client() as busy:
        busy.send(head("/", "x-up: wait=1"))
        scene.proxy.wait_stat("cluster.up.upstream_rq_active", 1)
        answer = scene.get()
        assert (answer.status, answer.body, answer.header("x-envoy-overloaded")) == (503, f"{BEFORE}reset reason: overflow".encode(), "true")
        assert busy.answer().status == 200
    assert scene.ends(2)[0] == (503, "UO", "upstream_reset_before_response_started{overflow}")


def test_headers(start, upstream):
    """T17: server and date once, lower case, what is added on the way to the upstream."""
    scene = start([route({"direct_response": {"status": 200}}, "/own"), route()])
    answer = scene.get("/", "x-case: headers", "X-Mixed: Case", "x-up: header=Server:other;header=X-Odd:1")
    names = [name for name, _ in answer.headers]
    assert names == [name.lower() for name in names]
    assert names.count("date") == names.count("server") == 1
    assert answer.header("server") == "envoy"
    assert answer.header("x-envoy-upstream-service-time").isdigit()
    assert scene.get("/own").header("x-envoy-upstream-service-time") is None
    seen = dict(upstream.received("headers")[0].headers)
    assert seen["x-forwarded-proto"] == "http"
    assert seen["x-envoy-expected-rq-timeout-ms"] == "15000"
    assert str(uuid.UUID(seen["x-request-id"])) == seen["x-request-id"]
    assert seen["x-mixed"] == "Case"


def retried(count: int, on: str = "connect-failure") -> dict:
    return {"retry_policy": {"retry_on": on, "num_retries": count, "retry_back_off": {"base_interval": "0.001s"}}}


def test_a_retry_finds_the_other_host(start):
    """T18: connect-failure on one host, then 200 from the other."""
    scene = start([route(**retried(1))], cluster("up", DOWN[0], HOSTS[0]))
    assert [scene.get().status for _ in range(4)] == [200] * 4
    assert scene.stat("cluster.up.upstream_rq_retry") == scene.stat("cluster.up.upstream_rq_retry_success") > 0


def test_retries_that_end(start):
    """T18: three hosts down and one retry: 503 UF,URX, and the words say that it was tried again."""
    scene = start([route(**retried(1))], cluster("up", *DOWN))
    answer = scene.get()
    assert answer.status == 503
    assert answer.body.startswith(f"{BEFORE}retried and the latest reset reason: remote connection failure".encode())
    assert set(scene.ends()[0][1].split(",")) == {"UF", "URX"}
    assert scene.stat("cluster.up.upstream_rq_retry_limit_exceeded") == 1


def answered_by(scene, count: int) -> collections.Counter:
    with scene.client() as client:
        for _ in range(count):
            assert client.ask().status == 200
    return collections.Counter(int(line["upstream"].rpartition(":")[2]) for line in scene.log(count))


def test_weights_of_hosts(start):
    """T19: weights 2 and 4, exactly, on one worker."""
    scene = start([route()], cluster("up", (*HOSTS[0], 2), (*HOSTS[1], 4)))
    assert answered_by(scene, 600) == {HOSTS[0][1]: 200, HOSTS[1][1]: 400}


def test_weights_of_clusters(start):
    """T20: by chance, so about."""
    weights = {"weighted_clusters": {"clusters": [{"name": "a", "weight": 25}, {"name": "b", "weight": 75}]}}
    scene = start([route({"route": weights})], cluster("a", HOSTS[0]), cluster("b", HOSTS[1]))
    seen = answered_by(scene, 800)
    assert 130 < seen[HOSTS[0][1]] < 280, seen  # 200 ± six standard deviations


def test_a_request_and_its_end_at_once(start):
    """T12: with an inspector in front, a client that shuts down behind its request still gets the whole answer."""
    scene = start(listener_fields={"listener_filters": [http_inspector()]})
    with scene.client() as client:
        client.send(head("/", "x-up: size=300000;wait=0.1"))
        client.socket.shutdown(socket.SHUT_WR)
        assert len(client.answer().body) == 300000
        assert client.wait_end() == "fin"


def test_a_cluster_without_hosts(plain_lab, run_proxy):
    """T13: bytes into a black hole are reset, silence gets the end; HTTP gets an answer."""
    made = http_scene.bootstrap(
        [
            listener("hole", "0.0.0.0", 9081, chain("hole")),
            listener("front", "0.0.0.0", 9080, {"filters": [http_scene.manager([route("hole")])]}),
        ],
        [cluster("hole")],
    )
    scene = http_scene.Scene(plain_lab, run_proxy(plain_lab.pod, made))
    answer = scene.get()
    assert (answer.status, answer.body) == (503, b"no healthy upstream")
    with plain_lab.peer.connect(http_scene.POD[4], 9081) as silent:
        assert how_it_ends(silent) == (b"", "fin")
    ends = set()
    for _ in range(50):
        client = plain_lab.peer.new_socket()
        client.connect((http_scene.POD[4], 9081))
        try:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        except ConnectionError:
            pass
        time.sleep(0.002)
        ends.add(how_it_ends(client)[1])
        client.close()
    assert "rst" in ends, ends
