# SPDX-License-Identifier: Apache-2.0
"""Health of hosts under traffic of tcp_proxy: active checks, ejection of outliers, panic, what /clusters shows."""

import collections
import contextlib
import subprocess
import threading
import time

import pytest

from harness.lab import OUTSIDE, POD
from proxy_config import bootstrap, chain, cluster, endpoint, file_log, listener, tcp_proxy
from proxy_peers import Server, echo, has_data, read_exactly, says, who
from proxy_process import new_directory, wait_for

HOST = OUTSIDE[4]
PORT = 9000

FAST = {"timeout": "1s", "interval": "0.1s", "no_traffic_interval": "0.1s", "unhealthy_threshold": 2, "healthy_threshold": 2}
TCP_CHECK = {**FAST, "tcp_health_check": {}}
HTTP_CHECK = {**FAST, "http_health_check": {"path": "/healthz"}}


@pytest.fixture
def start(plain_lab, run_proxy):
    """start(cluster, …) → a proxy whose listener on POD:9000 leads to the cluster, over two workers."""

    def run(one: dict, workers: int = 2, wait: bool = True, **fields):
        directory = new_directory()
        log = file_log(f"{directory}/access.log")
        made = listener("in", "::", PORT, chain(tcp_proxy("c", access_log=[log], **fields)), ipv4_compat=True)
        return run_proxy(plain_lab.pod, bootstrap([made], [one]), directory=directory, workers=workers, wait=wait)

    return run


class Health:
    """A server of HTTP whose answer a test changes: a status, or None for silence; counts what it was asked."""

    def __init__(self, status: int | None = 200, headers: str = ""):
        self.status = status
        self.headers = headers
        self.requests: list[bytes] = []

    def __call__(self, connection) -> None:
        pending = b""
        while data := connection.recv(4096):
            pending += data
            while b"\r\n\r\n" in pending:
                request, _, pending = pending.partition(b"\r\n\r\n")
                self.requests.append(request)
                if self.status is not None:
                    head = f"HTTP/1.1 {self.status} X\r\n{self.headers}content-length: 0\r\n\r\n"
                    connection.sendall(head.encode())


def flags(proxy, port: int) -> str:
    return proxy.host_values("c")[f"{HOST}:{port}"]["health_flags"]


def wait_flags(proxy, port: int, expected: str) -> None:
    wait_for(lambda: flags(proxy, port) == expected, f"port {port} is {expected}")


def answers_of(lab, count: int) -> collections.Counter:
    return collections.Counter(who(lab.peer, POD[4], PORT) for _ in range(count))


class Load:
    """Short connections on a thread, one after the other; seen[-n:] are the latest answers."""

    def __init__(self, lab):
        self.seen: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(lab,))

    def _run(self, lab) -> None:
        while not self._stop.is_set():
            self.seen.append(who(lab.peer, POD[4], PORT))

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        self._thread.join()

    def next(self, count: int) -> collections.Counter:
        """What the next `count` connections get."""
        begin = len(self.seen) + 1  # one is under way
        wait_for(lambda: len(self.seen) >= begin + count, "more connections")
        return collections.Counter(self.seen[begin : begin + count])


# -- active checks --------------------------------------------------------------------------------------------------


def test_a_tcp_check_takes_a_host_out_and_back_under_load(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7000, says("a"))
    b = serve(plain_lab.peer, HOST, 7001, says("b"))
    proxy = start(cluster("c", (HOST, 7000), (HOST, 7001), health_checks=[TCP_CHECK]))
    with Load(plain_lab) as load:
        assert set(load.next(40)) == {"a", "b"}
        b.close()
        wait_flags(proxy, 7001, "/failed_active_hc")
        assert load.next(100) == {"a": 100}
        assert proxy.stat("cluster.c.membership_healthy") == 1
        assert proxy.stat("cluster.c.health_check.healthy") == 1
        with Server(plain_lab.peer, HOST, 7001, says("b again")):
            wait_flags(proxy, 7001, "healthy")
            assert set(load.next(100)) == {"a", "b again"}
    log = proxy.log()
    assert f"cluster 'c': host '{HOST}:7001' has failed its health check: connect" in log
    assert log.count(f"cluster 'c': host '{HOST}:7001' passes its health check") == 2
    stats = proxy.stats()
    assert stats["cluster.c.health_check.network_failure"] == stats["cluster.c.health_check.failure"] >= 2
    assert stats["cluster.c.health_check.attempt"] >= stats["cluster.c.health_check.success"] >= 4
    assert stats["cluster.c.membership_change"] == 1


def test_a_tcp_check_may_talk(plain_lab, start, serve):
    def redis(connection) -> None:
        while connection.recv(100):
            connection.sendall(b"+PONG\r\n" if good else b"-LOADING\r\n")

    good = True
    serve(plain_lab.peer, HOST, 7000, says("a"))
    talker = serve(plain_lab.peer, HOST, 7002, redis)
    check = {"send": {"text": b"PING\r\n".hex()}, "receive": [{"text": b"PONG".hex()}]}
    fields = {**FAST, "timeout": "0.2s", "alt_port": 7002, "tcp_health_check": check}
    proxy = start(cluster("c", (HOST, 7000), health_checks=[fields]))
    assert flags(proxy, 7000) == "healthy"
    wait_for(lambda: proxy.stat("cluster.c.health_check.success") >= 5, "checks")
    assert talker.accepted == 1, "one connection for all checks"
    good = False
    wait_flags(proxy, 7000, "/failed_active_hc/active_hc_timeout")
    good = True
    wait_flags(proxy, 7000, "healthy")


def test_an_http_check_asks_on_a_port_of_its_own(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7000, says("a"))
    health = Health()
    serve(plain_lab.peer, HOST, 7002, health)
    check = {**HTTP_CHECK, "alt_port": 7002, "unhealthy_threshold": 5, "healthy_threshold": 1}
    check["http_health_check"] = {
        "path": "/healthz?full=1",
        "host": "shop.example",
        "expected_statuses": [{"start": 200, "end": 300}],
        "retriable_statuses": [{"start": 503, "end": 504}],
        "request_headers_to_add": [{"header": {"key": "X-Check", "value": "weir"}}],
    }
    proxy = start(cluster("c", (HOST, 7000), health_checks=[check], common_lb_config={"healthy_panic_threshold": {}}))
    assert health.requests[0].lower().split(b"\r\n") == [
        b"get /healthz?full=1 http/1.1",
        b"host: shop.example",
        b"user-agent: envoy/hc",
        b"x-check: weir",
    ]
    health.status = 204
    seen = len(health.requests)
    wait_for(lambda: len(health.requests) > seen + 2, "checks")
    assert flags(proxy, 7000) == "healthy"
    failures = proxy.stat("cluster.c.health_check.failure")
    health.status = 500
    wait_flags(proxy, 7000, "/failed_active_hc")
    assert proxy.stat("cluster.c.health_check.network_failure") == 0
    assert "GET /healthz?full=1 answered 500" in proxy.log()
    assert who(plain_lab.peer, POD[4], PORT) in ("eof", "reset")
    health.status = 200
    wait_flags(proxy, 7000, "healthy")
    health.status = 503  # retriable: takes the threshold
    failures = proxy.stat("cluster.c.health_check.failure")
    wait_flags(proxy, 7000, "/failed_active_hc")
    assert proxy.stat("cluster.c.health_check.failure") - failures >= 4


HTTP2 = {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
        "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
        "explicit_http_config": {"http2_protocol_options": {}},
    }
}


@pytest.fixture
def nghttpd(plain_lab, tmp_path):
    """A server of HTTP/2 on port 7002 over tmp_path, whose responses end with grpc-status 0."""
    argv = ["nghttpd", "--no-tls", "--trailer", "grpc-status: 0", "-a", HOST, "-d", str(tmp_path), "7002"]
    with plain_lab.peer.popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:

        def listens() -> bool:
            with contextlib.suppress(OSError), plain_lab.peer.connect(HOST, 7002):
                return True
            return False

        wait_for(listens, "nghttpd listens")
        yield tmp_path
        process.kill()


def test_an_http2_check(plain_lab, start, serve, nghttpd):
    serve(plain_lab.peer, HOST, 7000, says("a"))
    (nghttpd / "healthz").write_text("fine")
    check = {**HTTP_CHECK, "alt_port": 7002}
    check["http_health_check"] = {"path": "/healthz", "codec_client_type": "HTTP2"}
    proxy = start(cluster("c", (HOST, 7000), health_checks=[check]))
    assert flags(proxy, 7000) == "healthy"
    wait_for(lambda: proxy.stat("cluster.c.health_check.success") >= 5, "checks over one connection")
    assert proxy.stat("cluster.c.health_check.failure") == 0
    (nghttpd / "healthz").unlink()
    wait_flags(proxy, 7000, "/failed_active_hc")
    assert "GET /healthz answered 404" in proxy.log()


def test_a_grpc_check(plain_lab, start, serve, nghttpd):
    """What the health service says, from a file."""
    serve(plain_lab.peer, HOST, 7000, says("a"))
    answer = nghttpd / "grpc.health.v1.Health" / "Check"
    answer.parent.mkdir()
    answer.write_bytes(b"\0\0\0\0\2\x08\1")
    check = {**FAST, "alt_port": 7002, "grpc_health_check": {"service_name": "shop"}}
    one = cluster("c", (HOST, 7000), health_checks=[check], typed_extension_protocol_options=HTTP2)
    proxy = start(one)
    assert flags(proxy, 7000) == "healthy"
    answer.write_bytes(b"\0\0\0\0\2\x08\2")
    wait_flags(proxy, 7000, "/failed_active_hc")
    assert "the health service says NOT_SERVING" in proxy.log()
    answer.write_bytes(b"\0\0\0\0\2\x08\1")
    wait_flags(proxy, 7000, "healthy")


def test_a_degraded_host_is_used_when_the_others_are_not_enough(plain_lab, start, serve):
    hosts = []
    for port, status in ((7000, "HEALTHY"), (7001, "DEGRADED"), (7002, "DRAINING")):
        serve(plain_lab.peer, HOST, port, says(status))
        hosts.append({**endpoint(HOST, port), "health_status": status})
    # 140 % of one in three: 46 % for the healthy, as much for the degraded; the rest is shared likewise.
    proxy = start(cluster("c", *hosts), workers=1)
    assert flags(proxy, 7001) == "/degraded_eds_health"
    assert flags(proxy, 7002) == "/eds_status_draining"
    counts = answers_of(plain_lab, 400)
    assert counts.keys() == {"HEALTHY", "DEGRADED"}
    assert 150 <= counts["HEALTHY"] <= 260
    assert proxy.stat("cluster.c.membership_degraded") == 1
    assert proxy.stat("cluster.c.membership_healthy") == 1


def test_a_degraded_host_may_say_so_itself(plain_lab, start, serve):
    health = Health()
    serve(plain_lab.peer, HOST, 7002, health)
    serve(plain_lab.peer, HOST, 7000, says("a"))
    proxy = start(cluster("c", (HOST, 7000), health_checks=[{**HTTP_CHECK, "alt_port": 7002}]))
    assert flags(proxy, 7000) == "healthy"
    health.headers = "x-envoy-degraded: 1\r\n"
    wait_flags(proxy, 7000, "/degraded_active_hc")
    assert answers_of(plain_lab, 5) == {"a": 5}, "the only one"
    assert proxy.stat("cluster.c.health_check.degraded") == 1
    health.headers = ""
    wait_flags(proxy, 7000, "healthy")


def test_workers_start_when_every_host_was_checked_once(plain_lab, start, serve):
    health = Health(status=None)
    serve(plain_lab.peer, HOST, 7002, health)
    serve(plain_lab.peer, HOST, 7000, says("a"))
    check = {**HTTP_CHECK, "alt_port": 7002, "timeout": "1.5s", "healthy_threshold": 3}
    proxy = start(cluster("c", (HOST, 7000), health_checks=[check]), wait=False)
    wait_for(lambda: health.requests, "a check")
    status, text = proxy.get("/ready")
    assert (status, text) == (503, "PRE_INITIALIZING\nwaiting: cluster 'c' for the first check of its hosts\n")
    assert proxy.stat("cluster_manager.warming_clusters") == 1
    assert flags(proxy, 7000) == "/failed_active_hc"
    began = time.monotonic()
    proxy.wait_ready()  # a first check always ends: here by its timeout
    assert time.monotonic() - began < 3
    assert flags(proxy, 7000) == "/failed_active_hc/active_hc_timeout"
    assert "has failed its first health check: no answer within 1500 ms" in proxy.log()


NOBODY = {**TCP_CHECK, "alt_port": 7099}  # nobody listens there


def test_all_hosts_failed_is_panic(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7000, says("a"))
    serve(plain_lab.peer, HOST, 7001, says("b"))
    proxy = start(cluster("c", (HOST, 7000), (HOST, 7001), health_checks=[NOBODY]), workers=1)
    assert answers_of(plain_lab, 20) == {"a": 10, "b": 10}
    assert proxy.stat("cluster.c.lb_healthy_panic") == 20
    assert proxy.stat("cluster.c.membership_healthy") == 0


def test_with_threshold_zero_there_is_no_panic(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7000, says("a"))
    threshold = {"healthy_panic_threshold": {"value": 0}}
    proxy = start(cluster("c", (HOST, 7000), health_checks=[NOBODY], common_lb_config=threshold))
    assert answers_of(plain_lab, 5).keys() <= {"eof", "reset"}
    assert {line["flags"] for line in proxy.access_lines(5)} == {"UH"}
    assert proxy.stat("cluster.c.upstream_cx_none_healthy") == 5
    assert proxy.stat("cluster.c.lb_healthy_panic") == 0


@pytest.mark.parametrize("closes", [True, False])
def test_connections_to_a_failed_host_end_if_the_cluster_wants_that(plain_lab, start, serve, closes):
    health = Health()
    serve(plain_lab.peer, HOST, 7002, health)
    serve(plain_lab.peer, HOST, 7000, echo)
    check = {**HTTP_CHECK, "alt_port": 7002}
    fields = {"close_connections_on_host_health_failure": True} if closes else {}
    proxy = start(cluster("c", (HOST, 7000), health_checks=[check], **fields))
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(plain_lab.peer.connect(POD[4], PORT)) for _ in range(8)]
        for client in clients:
            client.sendall(b"x")
            assert read_exactly(client, 1) == b"x"
        health.status = 500
        wait_flags(proxy, 7000, "/failed_active_hc")
        if closes:
            proxy.wait_ended({"host_unhealthy": 8})
            assert all(has_data(client, 1) for client in clients)
            assert {line["flags"] for line in proxy.access_lines(8)} == {"UC"}
            return
        for client in clients:
            client.sendall(b"y")
            assert read_exactly(client, 1) == b"y"
        assert proxy.ended() == {}


# -- outliers -------------------------------------------------------------------------------------------------------


def test_failed_connects_eject_a_host_for_a_while(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7000, says("a"))
    fields = {"max_ejection_percent": 50, "interval": "0.2s", "base_ejection_time": "2s"}
    proxy = start(cluster("c", (HOST, 7000), (HOST, 7001), outlier_detection=fields), workers=2, max_connect_attempts=2)
    assert answers_of(plain_lab, 40) == {"a": 40}, "the second attempt takes the other host"
    wait_flags(proxy, 7001, "/failed_outlier_check")
    stats = proxy.stats()
    failed = stats["cluster.c.upstream_cx_connect_fail"]
    assert 5 <= failed <= 8
    prefix = "cluster.c.outlier_detection.ejections_"
    assert stats[prefix + "active"] == stats[prefix + "enforced_total"] == stats[prefix + "enforced_consecutive_5xx"] == 1
    assert stats["cluster.c.membership_healthy"] == 1
    assert f"host '{HOST}:7001' ejected for 2000 ms: 5 failures (5xx) in a row" in proxy.log()
    assert answers_of(plain_lab, 40) == {"a": 40}
    assert proxy.stat("cluster.c.upstream_cx_connect_fail") == failed
    with Server(plain_lab.peer, HOST, 7001, says("b")):
        wait_flags(proxy, 7001, "healthy")
        assert set(answers_of(plain_lab, 40)) == {"a", "b"}
    assert f"host '{HOST}:7001' back after its ejection" in proxy.log()
    assert proxy.stat(prefix + "active") == 0
    assert "c::outlier::success_rate_average::-1" in proxy.text("/clusters")


def test_no_more_hosts_are_ejected_than_allowed(plain_lab, start, serve):
    """As Envoy 1.40: one of two is more than the default 10 %."""
    serve(plain_lab.peer, HOST, 7000, says("a"))
    proxy = start(cluster("c", (HOST, 7000), (HOST, 7001), outlier_detection={}), workers=1)
    counts = answers_of(plain_lab, 30)
    assert counts["a"] == 15
    stats = proxy.stats()
    prefix = "cluster.c.outlier_detection.ejections_"
    assert stats[prefix + "enforced_total"] == 0
    assert stats[prefix + "overflow"] == 6
    assert stats[prefix + "detected_consecutive_5xx"] == stats[prefix + "detected_consecutive_gateway_failure"] == 3
    assert flags(proxy, 7001) == "healthy"


def test_local_failures_may_have_a_row_of_their_own(plain_lab, start, serve):
    serve(plain_lab.peer, HOST, 7000, says("a"))
    fields = {"always_eject_one_host": True, "split_external_local_origin_errors": True, "consecutive_local_origin_failure": 3}
    proxy = start(cluster("c", (HOST, 7000), (HOST, 7001), outlier_detection=fields), workers=1)
    assert answers_of(plain_lab, 30)["a"] == 27
    stats = proxy.stats()
    assert stats["cluster.c.outlier_detection.ejections_enforced_consecutive_local_origin_failure"] == 1
    assert flags(proxy, 7001) == "/failed_outlier_check"
