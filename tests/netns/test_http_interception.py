# SPDX-License-Identifier: Apache-2.0
"""HTTP through interception: original destinations, who may name them, circles, clients' own addresses, bind addresses."""

import json
import socket
import time

import pytest

import http_scene
from harness.lab import OUTSIDE, OUTSIDE_OTHER, PEER, POD
from http_scene import manager, route
from proxy_config import bootstrap, cluster, listener, original_dst, original_dst_filter, outbound, virtual
from proxy_dns import Nameserver, resolving_with
from proxy_process import UID, new_directory, wait_for
from test_proxy_loops import REDIRECT_EVERYTHING


def http_chain(to: str, **fields) -> dict:
    return {"filters": [manager([route(to)], **fields)]}


def ask(namespace, host: str, port: int = 80, *headers: str, uid: int = 1000, client: socket.socket | None = None):
    with http_scene.Client1(client or namespace.connect(host, port, uid=uid, timeout=20)) as one:
        return one.ask("/", *headers)


def named(name: str):
    """Says who it is and from where it was asked."""

    def behave(connection: socket.socket) -> None:
        got = b""
        while data := connection.recv(65536):
            got += data
            while b"\r\n\r\n" in got:
                got = got.partition(b"\r\n\r\n")[2]
                body = json.dumps({"name": name, "from": connection.getpeername()[0]}).encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    return behave


def who(answer) -> str:
    return json.loads(answer.body)["name"]


@pytest.fixture
def outside(lab, serve):
    serve(lab.peer, OUTSIDE[4], 80, named("outside"))
    serve(lab.peer, OUTSIDE_OTHER[4], 80, named("other"))


def test_passthrough_by_http(lab, run_proxy, outside):
    """Each request goes where its connection was going, whatever its Host says; hosts share no connections."""
    proxy = run_proxy(lab.pod, bootstrap([outbound(http_chain("passthrough"))], [original_dst()]))
    for _ in range(3):
        assert who(ask(lab.pod, OUTSIDE[4])) == "outside"
        assert who(ask(lab.pod, OUTSIDE_OTHER[4])) == "other"
    assert proxy.stat("cluster.passthrough.upstream_cx_total") == 2
    assert proxy.stat("cluster.passthrough.upstream_rq_total") == 6


def test_only_who_may_name_a_destination_does(lab, run_proxy, outside):
    """x-envoy-original-dst-host counts where the cluster says so, and nowhere else."""
    named_by = {"original_dst_lb_config": {"use_http_header": True}}
    config = bootstrap(
        [outbound(http_chain("passthrough")), virtual("own", OUTSIDE_OTHER[4], 80, http_chain("by header"))],
        [original_dst(), original_dst("by header", **named_by)],
    )
    proxy = run_proxy(lab.pod, config)
    header = f"x-envoy-original-dst-host: {OUTSIDE_OTHER[4]}:80"
    assert who(ask(lab.pod, OUTSIDE[4], 80, header)) == "outside"
    assert who(ask(lab.pod, OUTSIDE_OTHER[4], 80, f"x-envoy-original-dst-host: {OUTSIDE[4]}:80")) == "outside"
    assert who(ask(lab.pod, OUTSIDE_OTHER[4], 80, "x-envoy-original-dst-host: nonsense")) == "other"
    assert proxy.stat("cluster.by header.original_dst_host_invalid") == 1
    answer = ask(lab.pod, OUTSIDE_OTHER[4], 80, "x-envoy-original-dst-host: 127.0.0.1:15001")
    assert answer.status == 508


def test_a_direct_request_has_no_destination(fresh_lab, run_proxy):
    proxy = run_proxy(fresh_lab.pod, bootstrap([outbound(http_chain("passthrough"))], [original_dst()]))
    with http_scene.Client1(fresh_lab.peer.connect(POD[4], 15001)) as client:
        try:
            assert client.ask().status in (503, 508)
        except (EOFError, ConnectionError):
            pass  # refused before any request was read
    assert proxy.stat("cluster.passthrough.upstream_cx_total") == 0


def test_a_circle_ends(fresh_lab, run_proxy, serve):
    """Rules that forget to exempt the proxy: its requests come back to it, for some turns, and then no more."""
    serve(fresh_lab.peer, OUTSIDE[4], 80, named("outside"))
    fresh_lab.pod.tool("nft", "-f", "-", text=REDIRECT_EVERYTHING)
    proxy = run_proxy(fresh_lab.pod, bootstrap([outbound(http_chain("passthrough"))], [original_dst()]))
    answer = ask(fresh_lab.pod, OUTSIDE[4])
    assert answer.status == 508
    time.sleep(0.5)
    total = proxy.stat("http.in.downstream_rq_total")
    assert total < 100
    spent = proxy.cpu_seconds()
    time.sleep(0.5)
    assert proxy.stat("http.in.downstream_rq_total") == total
    assert proxy.cpu_seconds() - spent < 0.3
    wait_for(lambda: proxy.stat("http.in.downstream_rq_active") == 0, "all of it has ended")


def test_inbound_from_an_address_of_its_own(lab, run_proxy, serve):
    """Passthrough from 127.0.0.6: the application is reached, and sees who asks for it."""
    serve(lab.pod, POD[4], 8087, named("application"))
    bind = {"upstream_bind_config": {"source_address": {"address": "127.0.0.6", "port_value": 0}}}
    inbound = listener("in", "0.0.0.0", 15006, http_chain("application"), listener_filters=[original_dst_filter()])
    run_proxy(lab.pod, bootstrap([inbound], [original_dst("application", **bind)]))
    answer = ask(lab.peer, POD[4], 8087)
    assert json.loads(answer.body) == {"name": "application", "from": "127.0.0.6"}


def test_names_that_change_lose_nothing(fresh_lab, run_proxy, serve):
    """The name moves from host to host under load, every request is answered by one of them."""
    serve(fresh_lab.peer, OUTSIDE[4], 8088, named("outside"))
    serve(fresh_lab.peer, OUTSIDE_OTHER[4], 8088, named("other"))
    records = {"moving.example": [OUTSIDE[4]]}
    directory = new_directory()
    up = cluster("up", ("moving.example", 8088), kind="STRICT_DNS", dns_refresh_rate="0.1s", respect_dns_ttl=False)
    made = bootstrap([listener("front", POD[4], http_scene.PORT, http_chain("up"))], [up])
    with Nameserver(fresh_lab.peer, PEER[4], records):
        wrap = resolving_with(directory, PEER[4], UID)
        proxy = run_proxy(fresh_lab.pod, made, directory=directory, wrap=wrap, uid=0)
        wait_for(lambda: proxy.host_values("up"), "resolved")
        seen = set()
        end = time.monotonic() + 3
        with http_scene.Client1(fresh_lab.pod.connect(POD[4], http_scene.PORT)) as client:
            while time.monotonic() < end:
                records["moving.example"] = [(OUTSIDE, OUTSIDE_OTHER)[int(time.monotonic() * 4) % 2][4]]
                answer = client.ask()
                assert answer.status == 200
                seen.add(who(answer))
    assert seen == {"outside", "other"}
