# SPDX-License-Identifier: Apache-2.0
"""Rates that are limited: buckets of routes, of descriptors, of connections, and what is said about them."""

import concurrent.futures
import time

import pytest

import http_front
from http_front import http_filter, per_route, share, to

TWO = {"max_tokens": 2, "tokens_per_fill": 1, "fill_interval": "60s"}


def limit(**fields) -> dict:
    made = {"stat_prefix": "limiter", "token_bucket": TWO, "filter_enabled": share(100), "filter_enforced": share(100), **fields}
    return per_route("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", **made)


def header(name: str, value: str) -> list[dict]:
    return [{"header": {"key": name, "value": value}}]


@pytest.fixture
def front(plain_lab, run_proxy, serve):
    serve(plain_lab.peer, *http_front.APPLICATION, http_front.application)
    described = {
        "descriptors": [
            {"entries": [{"key": "who", "value": "bob"}], "token_bucket": TWO},
            {
                "entries": [{"key": "generic_key", "value": "key"}, {"key": "who", "value": "al"}],
                "token_bucket": {**TWO, "max_tokens": 1},
            },
        ],
        "rate_limits": [
            {"actions": [{"request_headers": {"header_name": "x-who", "descriptor_key": "who"}}]},
            {
                "actions": [
                    {"generic_key": {"descriptor_value": "key"}},
                    {"request_headers": {"header_name": "x-who", "descriptor_key": "who"}},
                ]
            },
        ],
    }
    routes = [
        to("/two", **limit(response_headers_to_add=header("x-lim", "yes"), enable_x_ratelimit_headers="DRAFT_VERSION_03")),
        to("/marked", **limit(filter_enforced=share(0), request_headers_to_add_when_not_enforced=header("x-lim", "yes"))),
        to("/off", **limit(filter_enabled=share(0))),
        to("/status", **limit(status={"code": 503}, rate_limited_as_resource_exhausted=True)),
        to("/refill", **limit(token_bucket={"max_tokens": 1, "tokens_per_fill": 2, "fill_interval": "1s"})),
        to("/connection", **limit(local_rate_limit_per_downstream_connection=True)),
        to("/many", **limit(token_bucket={**TWO, "max_tokens": 100})),
        to("/described", **limit(token_bucket={**TWO, "max_tokens": 100}, **described)),
        to("/"),
    ]
    own = http_filter("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", stat_prefix="own")
    return http_front.start(plain_lab, run_proxy, [own], routes)


def test_what_is_too_much_is_refused(front):
    assert [front.ask("/two").status for _ in range(2)] == [200, 200]
    response = front.ask("/two")
    assert (response.status, response.body, response.header("x-lim")) == (429, b"local_rate_limited", "yes")
    assert (response.header("x-ratelimit-limit"), response.header("x-ratelimit-remaining")) == ("2", "0")
    assert response.header("x-ratelimit-reset") in ("59", "60")
    grpc = front.ask("/two", {"content-type": "application/grpc"})
    assert (grpc.status, grpc.header("grpc-status")) == (200, "14")
    assert [front.ask("/").status for _ in range(5)] == [200] * 5
    assert [front.ask("/off").status for _ in range(5)] == [200] * 5
    assert http_front.logged(front.log(14))[1:4] == [
        (200, "-", "via_upstream"), (429, "RL", "local_rate_limited"), (200, "RL", "local_rate_limited"),
    ]  # fmt: skip
    prefix = "limiter.http_local_rate_limit."
    assert {name: front.stat(prefix + name) for name in ("enabled", "enforced", "ok", "rate_limited")} == {
        "enabled": 4, "enforced": 2, "ok": 2, "rate_limited": 2,
    }  # fmt: skip


def test_another_status_and_a_mark(front):
    assert [front.ask("/status").status for _ in range(3)] == [200, 200, 503]
    assert front.ask("/status", {"content-type": "application/grpc"}).header("grpc-status") == "8"
    assert [front.ask("/marked").seen["headers"].get("x-lim") for _ in range(3)] == [None, None, "yes"]


def test_tokens_come_back(front):
    assert front.ask("/refill").status == 200
    assert front.ask("/refill").status == 429
    time.sleep(0.6)
    assert front.ask("/refill").status == 200


def test_connections_have_buckets_of_their_own(front):
    for _ in range(2):
        with front.lab.peer.connect(http_front.POD[4], http_front.PORT, timeout=20) as client:
            assert [http_front.exchange(client, "/connection").status for _ in range(3)] == [200, 200, 429]


def test_descriptors_have_buckets_of_their_own(front):
    def ask(who: str) -> int:
        return front.ask("/described", {"x-who": who}).status

    assert [ask("bob") for _ in range(3)] == [200, 200, 429]
    assert [ask("al") for _ in range(2)] == [200, 429]
    assert [ask("zed") for _ in range(5)] == [200] * 5


def test_never_more_than_there_are_tokens(front):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: front.ask("/many").status, range(150)))
    assert statuses.count(200) in (100, 101)  # one may have come back meanwhile
    assert statuses.count(429) == 150 - statuses.count(200)
