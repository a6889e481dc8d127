# SPDX-License-Identifier: Apache-2.0
"""Health checks that the proxy answers: by itself, for its clusters, from what the application said last."""

import time

import pytest

import http_front
from http_front import header_is, http_filter, to
from proxy_config import cluster

CHECKED = "x-envoy-upstream-healthchecked-cluster"
FAILING = "x-envoy-immediate-health-check-fail"


def start(lab, run_proxy, *clusters: dict, **fields) -> http_front.Front:
    own = http_filter("health_check", "health_check.v3.HealthCheck", headers=[header_is(":path", "/check")], **fields)
    return http_front.start(lab, run_proxy, [own], [to("/")], *clusters)


def test_answers_by_itself(plain_lab, run_proxy, serve):
    serve(plain_lab.peer, *http_front.APPLICATION, http_front.application)
    front = start(plain_lab, run_proxy, pass_through_mode=False)
    response = front.ask("/check")
    assert (response.status, response.body, response.header(CHECKED)) == (200, b"", "front")
    assert front.ask("/check", method="POST", body=b"abc").status == 200
    other = front.ask("/other")
    assert (other.seen["path"], other.header(CHECKED), other.header(FAILING)) == ("/other", None, None)

    front.proxy.ask("POST", "/healthcheck/fail")
    response = front.ask("/check")
    assert (response.status, response.header(CHECKED), response.header(FAILING)) == (503, "front", "true")
    assert front.ask("/other").header(FAILING) == "true"
    front.proxy.ask("POST", "/healthcheck/ok")
    assert front.ask("/check").status == 200
    assert http_front.logged(front.log(6)) == [
        (200, "-", "health_check_ok"), (200, "-", "health_check_ok"), (200, "-", "via_upstream"),
        (503, "LH", "health_check_failed"), (200, "-", "via_upstream"), (200, "-", "health_check_ok"),
    ]  # fmt: skip
    prefix = "http.ingress."
    assert front.stat(prefix + "health_check.ok") == 3
    assert front.stat(prefix + "health_check.failed") == 1
    assert front.stat(prefix + "downstream_rq_total") == 6
    assert front.stat(prefix + "downstream_rq_2xx") == 2  # health checks are left out
    assert front.stat(prefix + "downstream_rq_5xx") == 0


def test_the_application_answers_and_is_asked_seldom(plain_lab, run_proxy, serve):
    serve(plain_lab.peer, *http_front.APPLICATION, http_front.application)
    front = start(plain_lab, run_proxy, pass_through_mode=True, cache_time="1s")
    response = front.ask("/check")
    assert (response.seen["path"], response.header(CHECKED)) == ("/check", "front")
    assert front.ask("/check", {"x-answer": "500"}).body == b""
    time.sleep(1.3)
    response = front.ask("/check", {"x-answer": "500"})
    assert (response.status, response.seen["path"]) == (500, "/check")
    cached = front.ask("/check")
    assert (cached.status, cached.body, cached.header(CHECKED)) == (500, b"", "front")
    front.proxy.ask("POST", "/healthcheck/fail")
    assert front.ask("/check").status == 503
    assert [(code, details) for code, _, details in http_front.logged(front.log(5))] == [
        (200, "via_upstream"), (200, "health_check_cached"), (500, "via_upstream"), (500, "health_check_cached"),
        (503, "health_check_failed"),
    ]  # fmt: skip
    assert front.stat("http.ingress.health_check.cached_response") == 2


@pytest.mark.parametrize(
    "clusters, status, details",
    [
        ({"application": 100}, 200, "health_check_ok_cluster_healthy"),
        ({"application": 50, "empty": 0}, 200, "health_check_ok_cluster_healthy"),
        ({"empty": 1}, 503, "health_check_failed_cluster_empty"),
        ({"missing": 1}, 503, "health_check_failed_no_cluster_found"),
    ],
)
def test_answers_for_its_clusters(plain_lab, run_proxy, clusters, status, details):
    shares = {name: {"value": value} for name, value in clusters.items()}
    front = start(
        plain_lab, run_proxy, cluster("empty"), pass_through_mode=False, cluster_min_healthy_percentages=shares
    )
    assert front.ask("/check").status == status
    assert front.log(1)[0]["details"] == details
