# SPDX-License-Identifier: Apache-2.0
"""STRICT_DNS and LOGICAL_DNS against a nameserver that the test plays."""

import signal
import time

import pytest

from harness.lab import OUTSIDE, OUTSIDE_OTHER, PEER, POD
from proxy_config import bootstrap, chain, cluster, endpoint, listener
from proxy_dns import Nameserver, resolving_with
from proxy_peers import echo, read_exactly, says, who
from proxy_process import UID, new_directory, wait_for

ONE, TWO = OUTSIDE[4], OUTSIDE_OTHER[4]
PORT = 9000


@pytest.fixture
def names(plain_lab):
    with Nameserver(plain_lab.peer, PEER[4], {"service.test": [ONE, TWO]}) as server:
        yield server


@pytest.fixture
def start(plain_lab, run_proxy, serve):
    """start(cluster, hosts=…) → a proxy that resolves with the test's nameserver; servers say their addresses."""
    for host in (ONE, TWO, OUTSIDE[6]):
        serve(plain_lab.peer, host, 7000, says(host))

    def run(made: dict, wait: bool = True, **options):
        directory = new_directory()
        wrap = resolving_with(directory, PEER[4], UID, **options)
        config = bootstrap([listener("in", POD[4], PORT, chain(made["name"]))], [made])
        return run_proxy(plain_lab.pod, config, directory=directory, wrap=wrap, uid=0, wait=wait, workers=1)

    return run


def dns(kind: str, *hosts: str, **fields) -> dict:
    fields = {"dns_lookup_family": "V4_ONLY", "dns_refresh_rate": "0.3s", **fields}
    return cluster("c", *[endpoint(host, 7000) for host in hosts], kind=kind, **fields)


def answerers(lab, count: int) -> list[str]:
    return [who(lab.peer, POD[4], PORT) for _ in range(count)]


def test_the_proxy_still_runs_as_its_own_user(names, start):
    proxy = start(dns("STRICT_DNS", "service.test"))
    status = open(f"/proc/{proxy.pid}/status").read()
    assert f"Uid:\t{UID}\t" in status


def test_strict_dns_uses_every_address(plain_lab, names, start):
    proxy = start(dns("STRICT_DNS", "service.test"))
    assert sorted(answerers(plain_lab, 6)) == sorted([ONE, TWO] * 3)
    assert set(proxy.host_values("c")) == {f"{ONE}:7000", f"{TWO}:7000"}
    assert proxy.host_values("c")[f"{ONE}:7000"]["hostname"] == "service.test"
    assert proxy.stat("cluster.c.membership_total") == 2
    assert proxy.stat("cluster.c.update_success") >= 1


def test_logical_dns_uses_the_first_address(plain_lab, names, start):
    proxy = start(dns("LOGICAL_DNS", "service.test"))
    assert set(answerers(plain_lab, 6)) == {ONE}
    assert proxy.stat("cluster.c.membership_total") == 1


@pytest.mark.parametrize("kind", ["STRICT_DNS", "LOGICAL_DNS"])
def test_changed_addresses_are_followed_and_connections_live_on(plain_lab, names, start, serve, kind):
    names.records["service.test"] = [ONE]
    serve(plain_lab.peer, ONE, 7001, echo)
    made = dns(kind, "service.test")
    made["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]["port_value"] = 7001
    serve(plain_lab.peer, TWO, 7001, says("second"))
    start(made)
    with plain_lab.peer.connect(POD[4], PORT) as running:
        running.sendall(b"1")
        assert read_exactly(running, 1) == b"1"
        names.records["service.test"] = [TWO]
        wait_for(lambda: who(plain_lab.peer, POD[4], PORT, timeout=1) == "second", "the new address is used")
        running.sendall(b"2")
        assert read_exactly(running, 1) == b"2"


@pytest.mark.parametrize("bad", ["fail", None, "missing"])
def test_a_failing_nameserver_leaves_the_known_hosts(plain_lab, names, start, bad):
    proxy = start(dns("STRICT_DNS", "service.test", dns_failure_refresh_rate={"base_interval": "0.3s"}))
    attempts = proxy.stat("cluster.c.update_attempt")
    if bad == "missing":
        del names.records["service.test"]
    else:
        names.records["service.test"] = bad
    if bad is not None:
        wait_for(lambda: proxy.stat("cluster.c.update_failure") >= 1, "a failed update")
    else:
        wait_for(lambda: proxy.stat("cluster.c.update_attempt") > attempts + 1, "an update without answer")
    assert set(answerers(plain_lab, 4)) <= {ONE, TWO}
    assert proxy.stat("cluster.c.membership_total") == 2
    names.records["service.test"] = [TWO]
    wait_for(lambda: set(proxy.host_values("c")) == {f"{TWO}:7000"}, "recovered", 20)


def test_a_name_that_does_not_exist_yet_does_not_keep_the_proxy_from_starting(plain_lab, names, start):
    proxy = start(dns("STRICT_DNS", "later.test", dns_failure_refresh_rate={"base_interval": "0.2s"}))
    assert who(plain_lab.peer, POD[4], PORT) in ("eof", "reset")
    assert proxy.ended() == {"no_healthy_upstream": 1}
    names.records["later.test"] = [ONE]
    wait_for(lambda: who(plain_lab.peer, POD[4], PORT) == ONE, "the name has appeared")


def test_sigterm_while_waiting_for_the_first_answer(names, start):
    names.records["service.test"] = None
    proxy = start(dns("STRICT_DNS", "service.test"), wait=False)
    wait_for(lambda: names.queries.get("service.test"), "a question")
    assert proxy.get("/ready") == (503, "PRE_INITIALIZING\nwaiting: cluster 'c' for the addresses of its names\n")
    proxy.send_signal(signal.SIGTERM)
    assert proxy.wait_exit(5) == 0


def test_a_silent_nameserver_delays_the_start_only_for_so_long(plain_lab, names, start):
    """Until the first answer the proxy is not ready: but the wait has an end."""
    names.records["service.test"] = None
    proxy = start(dns("STRICT_DNS", "service.test"), wait=False)
    wait_for(lambda: "serving" in proxy.log(), "serving without hosts", 30)
    assert proxy.get("/ready")[0] == 200
    names.records["service.test"] = [ONE]
    wait_for(lambda: who(plain_lab.peer, POD[4], PORT) == ONE, "the nameserver speaks again", 30)


@pytest.mark.parametrize(
    "family, expected",
    [("V4_ONLY", {ONE}), ("V6_ONLY", {OUTSIDE[6]}), ("AUTO", {OUTSIDE[6]}), ("V4_PREFERRED", {ONE}), ("ALL", {ONE, OUTSIDE[6]})],
)
def test_lookup_families(plain_lab, names, start, family, expected):
    names.records["dual.test"] = [ONE, OUTSIDE[6]]
    start(dns("STRICT_DNS", "dual.test", dns_lookup_family=family))
    assert set(answerers(plain_lab, 6)) == expected


def test_the_hosts_file_and_literals_need_no_nameserver(plain_lab, names, start):
    start(dns("STRICT_DNS", "local.test", TWO), hosts=f"{ONE} local.test\n")
    assert sorted(answerers(plain_lab, 6)) == sorted([ONE, TWO] * 3)
    assert "local.test" not in names.queries


def test_the_ttl_can_set_the_pace(plain_lab, names, start):
    names.ttl = 1
    start(dns("STRICT_DNS", "service.test", dns_refresh_rate="60s", respect_dns_ttl=True))
    before = names.queries["service.test"]
    time.sleep(2.5)
    assert before + 1 <= names.queries["service.test"] <= before + 4
