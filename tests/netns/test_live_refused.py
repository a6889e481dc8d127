# SPDX-License-Identifier: Apache-2.0
"""Listeners that cannot be had now: they are told, tried again, and hold nobody up who has nothing to do with them."""

import json

import pytest

from harness.lab import POD
from live_scene import ECHO, ONE, TCP, TWO, Load, assignment, first_body, http, http_by_rds, routes, static, tcp
from proxy_config import socket_address
from proxy_peers import who
from proxy_process import wait_for
from test_live_files import Files, files  # noqa: F401 fixture
from test_live_grpc import Way, control, eds, file_of, servers, way  # noqa: F401 fixtures
from test_live_grpc import start as start_grpc  # noqa: F401 fixture

PORT, OTHER = 9200, 9201


@pytest.fixture
def start(plain_lab, run_proxy, files):  # noqa: F811
    return lambda: run_proxy(plain_lab.pod, files.bootstrap(), directory=files.directory)


def echoes(lab, port: int) -> bool:
    try:
        with lab.peer.connect(POD[4], port, timeout=10) as connection:
            connection.sendall(b"x")
            return connection.recv(1) == b"x"
    except ConnectionRefusedError:
        return False


def answers_http(lab, port: int) -> bool:
    """An echo does not."""
    with lab.peer.connect(POD[4], port, timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        return connection.recv(100).startswith(b"HTTP/1.1 200")


def error_of(proxy, name: str) -> str:
    """What /config_dump says is wrong with the listener; "" = nothing."""
    listeners = json.loads(proxy.text("/config_dump?resource=dynamic_listeners"))["configs"]
    return next((one.get("error_state", {}).get("details", "") for one in listeners if one.get("name") == name), "")


def test_an_address_that_is_taken_is_tried_again(plain_lab, files, start, servers):  # noqa: F811
    files.write("cds", static("echo", ECHO))
    files.write("lds", tcp("echo"))
    proxy = start()
    with plain_lab.pod.listen(POD[4], PORT):
        files.write("lds", tcp("echo"), tcp("echo", "late", PORT))
        wait_for(lambda: "Address already in use" in error_of(proxy, "late"), "/config_dump tells")
        assert "listener 'late' is refused" in proxy.log() and "next try in 1 s" in proxy.log()
        wait_for(lambda: "next try in 2 s" in proxy.log(), "it is tried again, and less often")
        for number in range(6):  # the sixth try by itself would come after a minute
            before = proxy.stat("listener_manager.listener_create_failure")
            again = json.loads(files.text("lds", [tcp("echo"), tcp("echo", "late", PORT)]))
            files.replace("lds", json.dumps({"version_info": f"again {number}", **again}))
            failures = "listener_manager.listener_create_failure"
            wait_for(lambda: proxy.stat(failures) > before, f"update {number} tries it, too", 5)  # noqa: B023
        assert "Address already in use" in error_of(proxy, "late"), "the same again does not make it well"
        assert echoes(plain_lab, TCP)
    wait_for(lambda: echoes(plain_lab, PORT), "it is served when the address is free", 40)
    assert "listener 'late', which was refused before, is in force now" in proxy.log()
    assert error_of(proxy, "late") == ""


def test_two_listeners_with_one_address(plain_lab, files, start, servers):  # noqa: F811
    files.write("cds", static("echo", ECHO), static("one", ONE))
    files.write("lds", tcp("echo", "second", PORT))
    proxy = start()
    files.write("lds", tcp("echo", "second", PORT), tcp("one", "first", PORT))
    text = f"listener: 'first' has duplicate address '{POD[4]}:{PORT}' as existing listener 'second'"
    wait_for(lambda: text in error_of(proxy, "first"), "the other one is refused")
    assert text in proxy.log() and "it is taken when that one gives the address up" in proxy.log()
    assert echoes(plain_lab, PORT), "who had it has it"
    files.write("lds", tcp("echo", "second", OTHER), tcp("one", "first", PORT))
    wait_for(lambda: echoes(plain_lab, OTHER), "it moves")
    wait_for(lambda: error_of(proxy, "first") == "", "the other one is taken")
    wait_for(lambda: answers_http(plain_lab, PORT), "and serves")


@pytest.mark.parametrize("way", ["per type delta", "ads sotw"], indirect=True)
def test_a_listener_whose_cluster_comes_later(plain_lab, control, start_grpc, way):  # noqa: F811
    control.replace("all.json", file_of(cluster_echo=static("echo", ECHO), listener_tcp=tcp("echo")))
    proxy = start_grpc(way)
    rest = {"cluster_echo": static("echo", ECHO), "listener_tcp": tcp("echo"), "listener_http": http("late")}
    control.replace("all.json", file_of(**rest))
    wait_for(lambda: "late" in error_of(proxy, "http"), "it is refused")
    assert "NACK" in proxy.log()
    control.replace("all.json", file_of(cluster_late=static("late", ONE), **rest))
    wait_for(lambda: "lds: resource 'http', which was refused before, is taken now" in proxy.log(), "it is taken")
    wait_for(lambda: "http::" in proxy.text("/listeners"), "it is in force")
    assert first_body(plain_lab) == "one"
    assert error_of(proxy, "http") == ""


@pytest.mark.parametrize("way", ["ads sotw", "per type sotw"], indirect=True)
def test_a_cluster_that_warms_holds_up_its_own_listeners_only(plain_lab, control, start_grpc, way):  # noqa: F811
    control.replace("all.json", file_of(cluster_echo=static("echo", ECHO), listener_tcp=tcp("echo")))
    proxy = start_grpc(way)
    parts = {
        "cluster_slow": eds("slow", way.source),
        "cluster_echo": static("echo", ECHO),
        "cluster_two": static("two", TWO),
        "listener_quick": http("two"),
        "listener_routed": http_by_rds(way.source, "table", name="routed", address=socket_address(POD[4], OTHER)),
        "route_table": routes("table", "two"),
        "listener_slow": tcp("slow", "slow", PORT),
        "listener_heir": tcp("slow", "heir", TCP),  # of the address of 'tcp', which goes
    }
    with Load(plain_lab.peer, http=False) as load:
        if not way.ads:  # streams have no order among each other
            clusters = {key: value for key, value in parts.items() if key.startswith("cluster")}
            control.replace("all.json", file_of(listener_tcp=tcp("echo"), **clusters))
            proxy.wait_stat("cluster_manager.warming_clusters", 1)
        control.replace("all.json", file_of(**parts))
        wait_for(lambda: "http::" in proxy.text("/listeners"), "who needs another cluster is there", 10)
        assert first_body(plain_lab) == "two"
        wait_for(lambda: "routed::" in proxy.text("/listeners"), "who needs routes to another cluster is there", 10)
        assert answers_http(plain_lab, OTHER)
        assert proxy.stat("cluster_manager.warming_clusters") == 1, "it still warms"
        assert who(plain_lab.peer, POD[4], PORT) == "refused"
        assert "tcp::" in proxy.text("/listeners") and "heir::" not in proxy.text("/listeners")
        control.replace("all.json", file_of(endpoint_slow=assignment("slow", ECHO), **parts))
        wait_for(lambda: "heir::" in proxy.text("/listeners"), "it is warm", 10)
        wait_for(lambda: "tcp::" not in proxy.text("/listeners"), "the one before goes")
        assert echoes(plain_lab, PORT)
    load.check()
    assert load.connections > 5
