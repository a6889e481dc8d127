# SPDX-License-Identifier: Apache-2.0
"""Who may do what: rules, shadow rules, routes; what clients, logs and counters say about it."""

import pytest

import http_front
from harness.lab import PEER, POD
from http_front import header_is, http_filter, per_route, to

ANY = [{"any": True}]


def rules(action: str = "ALLOW", **policies: dict) -> dict:
    """rules("DENY", name={"permissions": […]}): what is not given is any."""
    return {
        "action": action,
        "policies": {name: {"permissions": ANY, "principals": ANY, **fields} for name, fields in policies.items()},
    }


def of_route(**fields) -> dict:
    return per_route("rbac", "rbac.v3.RBACPerRoute", **({"rbac": fields} if fields else {}))


def permits(*permissions: dict) -> dict:
    return of_route(rules=rules(p={"permissions": list(permissions)}))


def admits(*principals: dict) -> dict:
    return of_route(rules=rules(p={"principals": list(principals)}))


def header(name: str, value: str) -> dict:
    return {"header": header_is(name, value)}


def network(address: str, length: int) -> dict:
    return {"address_prefix": address, "prefix_len": length}


@pytest.fixture
def front(plain_lab, run_proxy, serve):
    serve(plain_lab.peer, *http_front.APPLICATION, http_front.application)
    own = http_filter(
        "rbac",
        "rbac.v3.RBAC",
        rules=rules(**{"my policy": {"permissions": [header("x-ok", "1")]}}),
        shadow_rules=rules("DENY", b={"permissions": [header("x-sh", "1")]}, a={"permissions": [header("x-sh", "1")]}),
        shadow_rules_stat_prefix="shadow",
    )
    path = {"url_path": {"path": {"exact": "/path/a"}}}
    routes = [
        to("/open", **of_route()),
        to("/direct", {"direct_response": {"status": 200}}),
        to("/deny", **of_route(rules=rules("DENY", **{"deny it\tnow": {"permissions": [header("x-bad", "1")]}}))),
        to("/nobody", **of_route(rules={})),
        to("/everybody", **of_route(rules={"action": "DENY"})),
        to("/log", **of_route(rules=rules("LOG"))),
        to("/shadow", **of_route(shadow_rules=rules(l={"permissions": [header("x-log", "1")]}))),
        to("/port", **permits({"destination_port": http_front.PORT})),
        to("/range", **permits({"destination_port_range": {"start": http_front.PORT + 1, "end": 65536}})),
        to("/address", **permits({"destination_ip": network(POD[4], 32)})),
        to("/certificate", **admits({"authenticated": {}})),
        to("/anonymous", **admits({"not_id": {"authenticated": {}}})),
        to("/socket", **admits({"direct_remote_ip": network(PEER[4], 32)})),
        to("/stranger", **admits({"direct_remote_ip": network("203.0.113.0", 24)})),
        to("/path", **permits(path)),
        to("/sets", **permits({"and_rules": {"rules": [header("x-a", "1"), {"not_rule": header("x-b", "1")}]}})),
        to("/name", **permits({"requested_server_name": {"exact": "a.example"}})),
        to("/"),
    ]
    return http_front.start(plain_lab, run_proxy, [own], routes)


def test_who_passes(front):
    for path, headers, status in [
        ("/", {}, 403), ("/", {"x-ok": "1"}, 200), ("/", {"x-ok": "2"}, 403), ("/", [("x-ok", "2"), ("x-ok", "1")], 200),
        ("/open", {}, 200), ("/direct", {}, 403), ("/direct", {"x-ok": "1"}, 200), ("/nobody", {"x-ok": "1"}, 403),
        ("/everybody", {}, 200), ("/log", {}, 200), ("/shadow", {}, 200), ("/port", {}, 200), ("/range", {}, 403),
        ("/address", {}, 200), ("/certificate", {}, 403), ("/anonymous", {}, 200), ("/socket", {}, 200),
        ("/stranger", {}, 403), ("/stranger", {"x-forwarded-for": "203.0.113.8"}, 403), ("/path/a?b=1", {}, 200),
        ("/path/b", {}, 403), ("/path/A", {}, 403), ("/sets", {"x-a": "1"}, 200), ("/sets", {"x-a": "1", "x-b": "1"}, 403),
        ("/sets", {}, 403), ("/name", {}, 403), ("/deny", [("x-bad", "2"), ("x-bad", "1")], 403),
    ]:  # fmt: skip
        assert front.ask(path, headers).status == status, (path, headers)


def test_what_the_denied_hear(front):
    response = front.ask("/")
    assert (response.status, response.body) == (403, b"RBAC: access denied")
    assert front.ask("/deny", {"x-bad": "1"}).status == 403
    grpc = front.ask("/", {"content-type": "application/grpc"})
    assert (grpc.status, grpc.header("grpc-status"), grpc.header("grpc-message")) == (200, "7", "RBAC: access denied")
    assert http_front.logged(front.log(3)) == [
        (403, "-", "rbac_access_denied_matched_policy[none]"),
        (403, "-", "rbac_access_denied_matched_policy[deny_it_now]"),
        (200, "-", "rbac_access_denied_matched_policy[none]"),
    ]


def test_counters(front):
    for headers in ({}, {"x-ok": "1"}, {"x-ok": "1", "x-sh": "1"}):
        front.ask("/", headers)
    front.ask("/open")
    prefix = "http.ingress.rbac."
    assert {name: front.stat(prefix + name) for name in ("allowed", "denied", "shadow.shadow_allowed", "shadow.shadow_denied")} == {
        "allowed": 2, "denied": 1, "shadow.shadow_allowed": 2, "shadow.shadow_denied": 1,
    }  # fmt: skip


def test_a_denied_body_is_not_forwarded(front):
    response = front.ask("/", method="POST", body=b"x" * 200_000)
    assert (response.status, response.body) == (403, b"RBAC: access denied")
    assert front.stat("cluster.application.upstream_rq_total") == 0
