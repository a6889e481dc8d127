# SPDX-License-Identifier: Apache-2.0
"""Health of hosts under HTTP traffic: answers eject hosts, hosts fail themselves, retries look for another host."""

import collections
import http.client

import pytest

from harness.lab import OUTSIDE, POD
from proxy_config import _TYPES, bootstrap, cluster, listener, typed
from proxy_process import new_directory, wait_for

HOST = OUTSIDE[4]
PORT = 9000
CHECK = {
    "timeout": "1s",
    "interval": "0.1s",
    "no_traffic_interval": "0.1s",
    "unhealthy_threshold": 2,
    "healthy_threshold": 2,
    "http_health_check": {"path": "/healthz"},
}

_TYPES.setdefault(
    "envoy.filters.network.http_connection_manager",
    "filters.network.http_connection_manager.v3.HttpConnectionManager",
)
_TYPES.setdefault("envoy.filters.http.router", "filters.http.router.v3.Router")


class Answers:
    """A server of HTTP: /healthz gets `health`, everything else `status` and its name, with `headers`."""

    def __init__(self, name: str, status: int = 200, health: int = 200, headers: str = ""):
        self.name, self.status, self.health, self.headers = name, status, health, headers

    def __call__(self, connection) -> None:
        pending = b""
        while data := connection.recv(4096):
            pending += data
            while b"\r\n\r\n" in pending:
                request, _, pending = pending.partition(b"\r\n\r\n")
                checks = request.split()[1] == b"/healthz"
                status, headers = (self.health, "") if checks else (self.status, self.headers)
                head = f"HTTP/1.1 {status} X\r\n{headers}content-length: {len(self.name)}\r\n\r\n"
                connection.sendall((head + self.name).encode())


@pytest.fixture
def start(plain_lab, run_proxy):
    """start(cluster, **fields of the route's action) → a proxy of HTTP on POD:9000."""

    def run(one: dict, workers: int = 1, **action):
        hosts = [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "c", **action}}]}]
        manager = typed(
            "envoy.filters.network.http_connection_manager",
            stat_prefix="in",
            route_config={"name": "r", "virtual_hosts": hosts},
            http_filters=[typed("envoy.filters.http.router")],
        )
        made = listener("in", "0.0.0.0", PORT, {"filters": [manager]})
        return run_proxy(plain_lab.pod, bootstrap([made], [one]), directory=new_directory(), workers=workers)

    return run


def get(lab, count: int = 1) -> collections.Counter:
    """(status, body) of `count` requests over one connection."""
    seen: collections.Counter = collections.Counter()
    with lab.peer.connect(POD[4], PORT) as connection:
        for _ in range(count):
            connection.sendall(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
            response = http.client.HTTPResponse(connection)
            response.begin()
            seen[(response.status, response.read().decode())] += 1
    return seen


def flags(proxy, port: int) -> str:
    return proxy.host_values("c")[f"{HOST}:{port}"]["health_flags"]


def wait_flags(proxy, port: int, expected: str) -> None:
    wait_for(lambda: flags(proxy, port) == expected, f"port {port} is {expected}")


def test_five_errors_in_a_row_eject_a_host(plain_lab, start, serve):
    bad = Answers("b", status=500)
    serve(plain_lab.peer, HOST, 7000, Answers("a"))
    serve(plain_lab.peer, HOST, 7001, bad)
    fields = {"max_ejection_percent": 50, "interval": "0.2s", "base_ejection_time": "1s"}
    proxy = start(cluster("c", (HOST, 7000), (HOST, 7001), outlier_detection=fields))
    seen = get(plain_lab, 40)
    assert 5 <= seen[(500, "b")] <= 15  # of 20; the ejection reaches the worker a moment later
    wait_flags(proxy, 7001, "/failed_outlier_check")
    assert proxy.stat("cluster.c.outlier_detection.ejections_enforced_consecutive_5xx") == 1
    bad.status = 200
    wait_flags(proxy, 7001, "healthy")
    assert get(plain_lab, 40)[(200, "b")] == 20


def test_answers_below_500_eject_nobody(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7000, Answers("a", status=404))
    proxy = start(cluster("c", (HOST, 7000), outlier_detection={"max_ejection_percent": 100}))
    assert get(plain_lab, 20) == {(404, "a"): 20}
    assert proxy.stat("cluster.c.outlier_detection.ejections_detected_consecutive_5xx") == 0


def test_success_rates_eject_the_worst_of_five(plain_lab, start, serve):
    servers = [Answers(f"host{i}") for i in range(5)]
    for i, server in enumerate(servers):
        serve(plain_lab.peer, HOST, 7000 + i, server)
    fields = {"interval": "1s", "success_rate_request_volume": 20, "consecutive_5xx": 1000, "max_ejection_percent": 20}
    proxy = start(cluster("c", *[(HOST, 7000 + i) for i in range(5)], outlier_detection=fields))
    servers[3].status = 500
    wait_for(lambda: get(plain_lab, 100) and flags(proxy, 7003) == "/failed_outlier_check", "ejected")
    assert proxy.stat("cluster.c.outlier_detection.ejections_enforced_success_rate") == 1
    assert "success rate 0.0 % is below" in proxy.log()


def test_a_host_may_fail_itself_at_once(plain_lab, start, serve):
    """x-envoy-immediate-health-check-fail in an answer; the checks bring the host back."""
    leaving = Answers("b")
    serve(plain_lab.peer, HOST, 7000, Answers("a"))
    serve(plain_lab.peer, HOST, 7001, leaving)
    check = {**CHECK, "interval": "1s", "no_traffic_interval": "1s"}
    proxy = start(cluster("c", (HOST, 7000), (HOST, 7001), health_checks=[check]))
    assert set(get(plain_lab, 10)) == {(200, "a"), (200, "b")}
    leaving.headers = "x-envoy-immediate-health-check-fail: true\r\n"
    get(plain_lab, 2)
    wait_flags(proxy, 7001, "/failed_active_hc/excluded_via_immediate_hc_fail")
    assert get(plain_lab, 10) == {(200, "a"): 10}
    assert proxy.stat("cluster.c.health_check.passive_failure") == 1
    leaving.headers = ""
    wait_flags(proxy, 7001, "healthy")


def test_a_check_takes_a_host_out_of_the_traffic(plain_lab, start, serve):
    sick = Answers("b")
    serve(plain_lab.peer, HOST, 7000, Answers("a"))
    serve(plain_lab.peer, HOST, 7001, sick)
    proxy = start(cluster("c", (HOST, 7000), (HOST, 7001), health_checks=[CHECK]), workers=2)
    sick.health = 503
    wait_flags(proxy, 7001, "/failed_active_hc")
    assert get(plain_lab, 20) == {(200, "a"): 20}
    sick.health = 200
    wait_flags(proxy, 7001, "healthy")
    assert set(get(plain_lab, 20)) == {(200, "a"), (200, "b")}


def test_a_retry_goes_to_a_host_that_was_not_tried(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7000, Answers("a"))
    serve(plain_lab.peer, HOST, 7001, Answers("b", status=503))
    policy = {
        "retry_on": "5xx",
        "num_retries": 1,
        "retry_host_predicate": [
            {
                "name": "envoy.retry_host_predicates.previous_hosts",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
                },
            }
        ],
        "host_selection_retry_max_attempts": 5,
    }
    proxy = start(cluster("c", (HOST, 7000), (HOST, 7001)), retry_policy=policy)
    assert get(plain_lab, 40) == {(200, "a"): 40}
    assert proxy.stat("cluster.c.upstream_rq_retry_success") == proxy.stat("cluster.c.upstream_rq_retry") > 0


def test_no_usable_host_is_503(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7000, Answers("a", health=500))
    fields = {"common_lb_config": {"healthy_panic_threshold": {"value": 0}}}
    proxy = start(cluster("c", (HOST, 7000), health_checks=[CHECK], **fields))
    assert flags(proxy, 7000) == "/failed_active_hc"
    assert get(plain_lab, 3) == {(503, "no healthy upstream"): 3}
