# SPDX-License-Identifier: Apache-2.0
"""Faults on purpose: aborts, delays and slow responses, by configuration and by headers, per route."""

import pytest

import http_front
from http_front import header_is, http_filter, per_route, to

ALWAYS = {"percentage": {"numerator": 100}}


def fault(**fields) -> dict:
    return per_route("fault", "fault.v3.HTTPFault", **fields)


@pytest.fixture
def front(plain_lab, run_proxy, serve):
    serve(plain_lab.peer, *http_front.APPLICATION, http_front.application)
    half = {"weighted_clusters": {"clusters": [{"name": "application", "weight": 1}]}}
    routes = [
        to("/direct", {"direct_response": {"status": 200}}, **fault(abort={"http_status": 503, **ALWAYS})),
        to(
            "/headers",
            **fault(abort={"header_abort": {}, **ALWAYS}, delay={"header_delay": {}, **ALWAYS}, response_rate_limit={"header_limit": {}, **ALWAYS}),
        ),
        to("/grpc", **fault(abort={"grpc_status": 5, **ALWAYS})),
        to("/both", **fault(abort={"http_status": 555, **ALWAYS}, delay={"fixed_delay": "0.2s", **ALWAYS})),
        to("/delay", **fault(delay={"fixed_delay": "0.2s", **ALWAYS})),
        to("/never", **fault(abort={"http_status": 555})),
        to("/elsewhere", **fault(abort={"http_status": 555, **ALWAYS}, upstream_cluster="other")),
        to("/weighted", {"route": half}, **fault(abort={"http_status": 555, **ALWAYS}, upstream_cluster="application")),
        to("/node", **fault(abort={"http_status": 555, **ALWAYS}, downstream_nodes=["n1"])),
        to("/full", **fault(abort={"http_status": 555, **ALWAYS}, max_active_faults=0)),
        to("/slow", **fault(response_rate_limit={"fixed_limit": {"limit_kbps": 100}, **ALWAYS})),
        to("/off", **fault()),
        to("/"),
    ]
    own = http_filter("fault", "fault.v3.HTTPFault", abort={"http_status": 418, **ALWAYS}, headers=[header_is("x-fault", "1")])
    return http_front.start(plain_lab, run_proxy, [own], routes)


def test_aborts(front):
    assert front.ask("/", {"x-fault": "2"}).status == 200
    response = front.ask("/", {"x-fault": "1"})
    assert (response.status, response.body) == (418, b"fault filter abort")
    assert response.header("content-type") == "text/plain"
    assert front.ask("/off", {"x-fault": "1"}).status == 200
    assert front.ask("/direct").status == 503
    assert front.ask("/never").status == 200
    assert front.ask("/elsewhere").status == 200
    assert front.ask("/weighted").status == 555
    assert front.ask("/node").status == 200
    assert front.ask("/node", {"x-envoy-downstream-service-node": "n1"}).status == 555
    assert front.ask("/full").status == 200
    assert http_front.logged(front.log(10))[:2] == [(200, "-", "via_upstream"), (418, "FI", "fault_filter_abort")]
    assert front.stat("http.ingress.fault.aborts_injected") == 4
    assert front.stat("http.ingress.fault.faults_overflow") == 1
    assert front.stat("http.ingress.fault.active_faults") == 0


def test_aborts_of_grpc(front):
    grpc = {"content-type": "application/grpc"}
    plain = front.ask("/grpc")
    assert (plain.status, plain.body) == (200, b"fault filter abort")
    response = front.ask("/grpc", grpc)
    assert (response.status, response.header("grpc-status")) == (200, "5")
    assert response.header("grpc-message") == "fault filter abort"
    assert front.ask("/headers", {"x-envoy-fault-abort-request": "404", **grpc}).header("grpc-status") == "12"


def test_delays(front):
    response = front.ask("/delay")
    assert response.status == 200
    assert 0.15 < response.seconds < 2
    response = front.ask("/both")
    assert response.status == 555
    assert 0.15 < response.seconds < 2
    assert front.ask("/delay", method="POST", body=b"x" * 100_000).status == 200
    assert http_front.logged(front.log(3)) == [
        (200, "DI", "via_upstream"), (555, "DI,FI", "fault_filter_abort"), (200, "DI", "via_upstream"),
    ]  # fmt: skip
    assert front.stat("http.ingress.fault.delays_injected") == 3


def test_headers_say_which(front):
    assert front.ask("/headers").status == 200
    assert front.ask("/headers", {"x-envoy-fault-abort-request": "404"}).status == 404
    assert front.ask("/headers", {"x-envoy-fault-abort-request": "199"}).status == 200
    share = {"x-envoy-fault-abort-request": "404", "x-envoy-fault-abort-request-percentage": "0"}
    assert front.ask("/headers", share).status == 200
    response = front.ask("/headers", {"x-envoy-fault-delay-request": "150", "x-envoy-fault-abort-request": "404"})
    assert (response.status, response.seconds > 0.1) == (404, True)


def test_responses_are_slowed_down(front):
    response = front.ask("/slow", {"x-size": "200000"})
    assert len(response.body) == 200_000
    assert 1.6 < response.seconds < 4
    response = front.ask("/headers", {"x-size": "292", "x-envoy-fault-throughput-response": "1"})
    assert len(response.body) == 292
    assert 0.2 < response.seconds < 2
    assert front.stat("http.ingress.fault.response_rl_injected") == 2


def test_a_client_that_goes_takes_its_delay_along(front):
    with front.lab.peer.connect(http_front.POD[4], http_front.PORT) as client:
        client.sendall(b"GET /delay HTTP/1.1\r\nhost: a\r\n\r\n")
        front.proxy.wait_stat("http.ingress.fault.active_faults", 1)
    front.proxy.wait_stat("http.ingress.fault.active_faults", 0)
    assert front.ask("/").status == 200
