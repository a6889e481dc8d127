# SPDX-License-Identifier: Apache-2.0
"""Cross-origin requests: preflights that are answered, answers that browsers may read, policies of each level."""

import pytest

import http_front
from http_front import http_filter, per_route, share, to

ORIGIN = "http://a.example"
PREFLIGHT = {"access-control-request-method": "GET", "access-control-request-headers": "x-q"}


def policy(*origins: str, **fields) -> dict:
    return per_route("cors", "cors.v3.CorsPolicy", allow_origin_string_match=[{"exact": o} for o in origins], **fields)


@pytest.fixture
def front(plain_lab, run_proxy, serve):
    serve(plain_lab.peer, *http_front.APPLICATION, http_front.application)
    full = policy(
        ORIGIN, allow_methods="GET,POST", allow_headers="x-a", expose_headers="x-b", max_age="60",
        allow_credentials=True, allow_private_network_access=True,
    )  # fmt: skip
    routes = [
        to("/direct", {"direct_response": {"status": 200, "body": {"inline_string": "d"}}}, **full),
        to("/star", **policy("*", allow_methods="*", allow_headers="*")),
        to("/own", **policy(ORIGIN, forward_not_matching_preflights=False, allow_methods="GET")),
        to("/shadow", **policy(ORIGIN, filter_enabled=share(0), shadow_enabled=share(100))),
        to("/merged", **policy(max_age="7")),
        to("/full", **full),
        to("/"),
    ]
    filters = [
        http_filter("cors", "cors.v3.Cors"),
        http_filter(
            "fault", "fault.v3.HTTPFault", headers=[{"name": "x-fault"}], abort={"http_status": 418, "percentage": {"numerator": 100}}
        ),
    ]
    return http_front.start(plain_lab, run_proxy, filters, routes, **policy("http://host.example", allow_methods="PUT"))


def allowed(response) -> dict[str, str]:
    prefix = "access-control-"
    return {name.removeprefix(prefix): value for name, value in response.some(prefix).items()}


def test_requests_pass_and_their_answers_may_be_read(front):
    for headers in ({}, {"origin": "http://other"}):
        response = front.ask("/full", headers)
        assert response.seen["headers"].get("origin") == headers.get("origin")
        assert allowed(response) == {}
    assert allowed(front.ask("/full", {"origin": ORIGIN})) == {
        "allow-origin": ORIGIN, "allow-credentials": "true", "expose-headers": "x-b",
    }  # fmt: skip
    assert allowed(front.ask("/", {"origin": "http://host.example"})) == {"allow-origin": "http://host.example"}
    assert front.stat("http.ingress.cors.origin_valid") == 2
    assert front.stat("http.ingress.cors.origin_invalid") == 1


def test_preflights_are_answered(front):
    def preflight(path: str, origin: str = ORIGIN, **more):
        return front.ask(path, {"origin": origin, **PREFLIGHT, **more}, "OPTIONS")

    response = preflight("/full", **{"access-control-request-private-network": "true"})
    assert (response.status, response.body) == (200, b"")
    assert allowed(response) == {
        "allow-origin": ORIGIN, "allow-credentials": "true", "allow-methods": "GET,POST", "allow-headers": "x-a",
        "max-age": "60", "allow-private-network": "true", "expose-headers": "x-b",
    }  # fmt: skip
    assert allowed(preflight("/star", "http://any")) == {
        "allow-origin": "http://any", "allow-methods": "GET", "allow-headers": "x-q",
    }  # fmt: skip
    assert allowed(preflight("/merged", "http://host.example")) == {
        "allow-origin": "http://host.example", "allow-methods": "PUT", "max-age": "7",
    }  # fmt: skip
    assert allowed(preflight("/own", "http://other")) == {"allow-methods": "GET"}
    assert preflight("/full", "http://other").seen["method"] == "OPTIONS"
    assert preflight("/shadow").seen["method"] == "OPTIONS"
    assert preflight("/direct").body == b"d"
    assert http_front.logged(front.log(7)) == [
        *[(200, "-", "cors_response")] * 4, *[(200, "-", "via_upstream")] * 2, (200, "-", "direct_response"),
    ]  # fmt: skip


def test_our_own_answers_may_be_read_too(front):
    response = front.ask("/full", {"origin": ORIGIN, "x-fault": "1"})
    assert (response.status, response.body) == (418, b"fault filter abort")
    assert allowed(response) == {"allow-origin": ORIGIN, "allow-credentials": "true", "expose-headers": "x-b"}
