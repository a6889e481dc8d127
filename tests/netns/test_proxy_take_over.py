# SPDX-License-Identifier: Apache-2.0
"""--take-over: a second proxy gets the listening sockets of the one that runs, and nobody is lost, not even in a queue."""

import json
import os
import resource
import signal
import subprocess
import time

import pytest

import http_scene
from connecting import Connecting, Echo, is_busy
from harness import installer
from harness.flags import Flags
from harness.lab import OUTSIDE, POD
from http_scene import status
from live_scene import ECHO, ONE, http, http_server, static, tcp
from live_traffic import Traffic
from proxy_config import bootstrap, chain, cluster, listener
from proxy_peers import echo, how_it_ends, read_exactly, says, who
from proxy_process import wait_for

TAKE_OVERS = int(os.environ.get("WEIR_TAKE_OVERS", "20"))
HOST = OUTSIDE[4]


def exchange(client, data: bytes) -> None:
    client.sendall(data)
    assert read_exactly(client, len(data)) == data


@pytest.fixture
def pod(fresh_lab):
    """The Pod's namespace with rules, an application and an outside host."""
    installer.install(fresh_lab.pod, Flags(inbound_ports=("*",), cidrs=("*",)))
    with Echo(fresh_lab.peer, HOST, 7000), Echo(fresh_lab.pod, POD[4], 8080), Echo(fresh_lab.pod, POD[6], 8080):
        yield fresh_lab.pod


def workers_of(generation: int) -> int:
    return (1, 3, 2, 2, 1)[generation % 5]


def test_take_overs_under_load(fresh_lab, pod, run_proxy):
    proxy = run_proxy(pod, None, workers=1)
    programs = [
        Connecting(fresh_lab.peer, POD[4], 8080, processes=2),
        Connecting(fresh_lab.peer, POD[6], 8080, processes=1),
        Connecting(pod, HOST, 7000, processes=2, uid=1000),
    ]
    for generation in range(1, TAKE_OVERS + 1):
        wait_for(lambda proxy=proxy: is_busy(proxy, 20), "connections come", 30)
        with fresh_lab.peer.connect(POD[4], 8080, timeout=20) as inbound, pod.connect(HOST, 7000, uid=1000, timeout=20) as outbound:
            exchange(inbound, b"in")
            exchange(outbound, b"out")
            after = run_proxy(pod, None, "--take-over", workers=workers_of(generation))
            for _ in range(3):
                exchange(inbound, b"still in")
                exchange(outbound, b"still out")
            assert proxy.process.poll() is None
        assert proxy.wait_exit(20) == 0
        assert "another weir-proxy has taken over" in proxy.log() and "all connections have ended" in proxy.log()
        proxy = after
    for counts in [program.result() for program in programs]:
        print(counts)
        assert set(counts) == {"echoed"}, counts
        assert counts["echoed"] > 20 * TAKE_OVERS


def test_all_kinds_of_traffic_go_on(plain_lab, run_proxy, serve):
    """HTTP of both versions, on connections that are told to end; TCP connections that live through all of it, each in the
    proxy that it began with."""
    serve(plain_lab.peer, *ONE, http_server(b"one"))
    serve(plain_lab.peer, *ECHO, echo)
    config = bootstrap([http("one"), tcp("echo")], [static("one", ONE), static("echo", ECHO)])
    proxies = [run_proxy(plain_lab.pod, config)]
    with Traffic(plain_lab.peer) as traffic:
        for generation in range(1, TAKE_OVERS + 1):
            proxies[-1].wait_stat("listener_manager.workers_started", 1)
            time.sleep(0.4)
            proxies.append(run_proxy(plain_lab.pod, config, "--take-over", workers=workers_of(generation)))
        time.sleep(0.4)
        assert proxies[0].process.poll() is None, "it has connections that live"
    traffic.check()
    assert traffic.counts["renewed"] > TAKE_OVERS, traffic.counts
    for proxy in proxies[:-1]:
        assert proxy.wait_exit(20) == 0


def test_who_waits_in_the_queue_is_served(fresh_lab, pod, run_proxy):
    """The old one stands still; all that have been answered meanwhile are the new one's, with the socket. (Half of the
    sockets are those of workers that the new one does not have.)"""
    before = run_proxy(pod, None, workers=4)
    clients = [fresh_lab.peer.new_socket() for _ in range(200)]
    after = run_proxy(pod, None, "--take-over", workers=2, wait=False)
    wait_for(lambda: "serving" in after.log(), "the new one serves")
    before.send_signal(signal.SIGSTOP)
    for client in clients:
        client.settimeout(10)
        client.connect((POD[4], 8080))
        exchange(client, b"served")
        client.close()
    before.send_signal(signal.SIGCONT)
    assert before.wait_exit(10) == 0
    assert after.get("/ready")[0] == 200


def test_nobody_is_there(pod, run_proxy):
    proxy = run_proxy(pod, None, "--take-over")
    assert "nobody runs to take over from" in proxy.log()


def test_without_the_flag_the_port_is_taken(pod, run_proxy):
    """The error says what helps, and so it does."""
    before = run_proxy(pod, None)
    refused = run_proxy(pod, None, wait=False)
    assert refused.wait_exit(10) == 1
    assert "--take-over takes it from a weir-proxy of the same user" in refused.log()
    run_proxy(pod, None, "--take-over")
    assert before.wait_exit(10) == 0


def test_another_user_gets_nothing(pod, run_proxy):
    before = run_proxy(pod, None)
    other = run_proxy(pod, None, "--take-over", uid=1338, wait=False)
    assert other.wait_exit(10) == 1
    assert "nobody runs to take over from" in other.log() and "Address already in use" in other.log()
    assert before.get("/ready")[0] == 200


LISTENS = r"""
import socket, time
name = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
name.bind("\0weir-proxy/1337/15000")
name.listen(0)
clients = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(FILLED)]
for client in clients:
    client.setblocking(False)
    client.connect(name.getsockname())
print("listens", flush=True)
time.sleep(60)
"""
ASKS = r"""
import socket
client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
client.connect("\0weir-proxy/1337/15000")
client.settimeout(10)
try:
    client.send(WORDS)
    print(client.recv(9000))
except (ConnectionResetError, BrokenPipeError):
    print(b"")
"""


def python(namespace, text: str, uid: int) -> subprocess.Popen:
    return namespace.popen(["/usr/bin/python3", "-c", text], uid=uid, gid=uid, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("filled", [0, 1], ids=["and does not answer", "and has no place left"])
def test_who_takes_the_name_does_not_keep_the_proxy_from_starting(pod, run_proxy, filled):
    """The application may do that."""
    with python(pod, LISTENS.replace("FILLED", str(filled)), 1000) as squatter:
        assert squatter.stdout.readline() == "listens\n"
        proxy = run_proxy(pod, None, "--take-over")
        assert "take-over: " in proxy.log() and "nobody can take over from this proxy" in proxy.log()
        squatter.kill()


@pytest.mark.parametrize("words", [b"weir-take-over 1 ask\n", b"weir-take-over 1 serving\n"], ids=["ask", "serving"])
@pytest.mark.parametrize("uid", [1000, 0])
def test_another_user_may_not_ask(pod, run_proxy, uid, words):
    proxy = run_proxy(pod, None)
    with python(pod, ASKS.replace("WORDS", repr(words)), uid) as asking:
        assert asking.communicate(timeout=20)[0] == "b''\n"
    assert "about to take over" not in proxy.log()
    assert proxy.get("/ready")[0] == 200


NONSENSE = {"early": b"weir-take-over 1 serving\n", "version": b"weir-take-over 2 ask\n", "long": b"x" * 9000, "empty line": b"\n"}


@pytest.mark.parametrize("words", NONSENSE.values(), ids=NONSENSE.keys())
def test_what_is_not_understood_changes_nothing(pod, run_proxy, words):
    proxy = run_proxy(pod, None)
    with python(pod, ASKS.replace("WORDS", repr(words)), 1337) as asking:
        assert asking.communicate(timeout=20)[0] == "b''\n"
    assert f"process {asking.pid} does not take over after all" in proxy.log()
    run_proxy(pod, None, "--take-over")
    assert proxy.wait_exit(10) == 0


def slow_start(port: int) -> dict:
    """A configuration that waits for a control plane that never answers."""
    never = {"name": "control", "type": "STATIC", "connect_timeout": "1s", "load_assignment": {"cluster_name": "control", "endpoints": []}}
    source = {"api_config_source": {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [{"envoy_grpc": {"cluster_name": "control"}}]}, "resource_api_version": "V3"}
    never["typed_extension_protocol_options"] = {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
    }
    made = bootstrap([listener("in", POD[4], port, chain("c"))], [cluster("c", (HOST, 7000)), never])
    made["dynamic_resources"] = {"lds_config": source}
    return made


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_new_one_that_dies_before_it_serves_changes_nothing(plain_lab, run_proxy, serve, end):
    serve(plain_lab.peer, HOST, 7000, echo)
    config = bootstrap([listener("in", POD[4], 9000, chain("c"))], [cluster("c", (HOST, 7000))])
    before = run_proxy(plain_lab.pod, config)
    with Connecting(plain_lab.peer, POD[4], 9000) as program, plain_lab.peer.connect(POD[4], 9000) as long:
        exchange(long, b"x")
        for _ in range(3):
            dying = run_proxy(plain_lab.pod, slow_start(9000), "--take-over", wait=False)
            wait_for(lambda dying=dying: "taking over" in dying.log(), "the sockets are there")
            wait_for(lambda: "another weir-proxy is about to take over" in before.log(), "it has asked")
            time.sleep(0.1)
            dying.send_signal(end)
            dying.wait_exit(10)
            exchange(long, b"y")
        wait_for(lambda: before.log().count("does not take over after all: it is gone before it served") == 3, "it is noticed")
        assert before.get("/ready")[0] == 200
        time.sleep(0.2)
        assert set(program.result()) == {"echoed"}
        run_proxy(plain_lab.pod, config, "--take-over")
        exchange(long, b"z")
    assert before.wait_exit(10) == 0


@pytest.mark.parametrize("stopped", [1, 2])
def test_a_new_one_that_stands_still_keeps_nobody_waiting(plain_lab, run_proxy, serve, stopped):
    """The next one that asks gets the sockets after some seconds; whoever wakes up then must not serve."""
    serve(plain_lab.peer, HOST, 7000, echo)
    config = bootstrap([listener("in", POD[4], 9000, chain("c"))], [cluster("c", (HOST, 7000))])
    before = run_proxy(plain_lab.pod, config)
    with Connecting(plain_lab.peer, POD[4], 9000) as program, plain_lab.peer.connect(POD[4], 9000) as long:
        exchange(long, b"x")
        still = []
        for _ in range(stopped):
            still.append(run_proxy(plain_lab.pod, slow_start(9000), "--take-over", wait=False))
            wait_for(lambda: "taking over" in still[-1].log(), "the sockets are there", 20)
            still[-1].send_signal(signal.SIGSTOP)
        after = run_proxy(plain_lab.pod, config, "--take-over")
        assert after.get("/ready")[0] == 200
        assert f"process {still[-1].pid} has not come to serve: process {after.pid} is to take over instead" in before.log()
        exchange(long, b"y")
        for proxy in still:
            proxy.send_signal(signal.SIGCONT)
            assert proxy.wait_exit(10) == 1
            assert "has asked since" in proxy.log()
        time.sleep(0.2)
        assert set(program.result()) == {"echoed"}
    assert before.wait_exit(10) == 0
    with plain_lab.peer.connect(POD[4], 9000) as client:
        exchange(client, b"z")


def test_a_new_one_that_waits_for_its_configuration_gives_way(plain_lab, run_proxy, serve):
    """It says why it ends."""
    serve(plain_lab.peer, HOST, 7000, echo)
    config = bootstrap([listener("in", POD[4], 9000, chain("c"))], [cluster("c", (HOST, 7000))])
    before = run_proxy(plain_lab.pod, config)
    slow = run_proxy(plain_lab.pod, slow_start(9000), "--take-over", wait=False)
    wait_for(lambda: "taking over" in slow.log(), "the sockets are there")
    after = run_proxy(plain_lab.pod, config, "--take-over")
    assert slow.wait_exit(10) == 1
    assert f"take-over: process {after.pid} has asked since, and this one did not serve yet" in slow.log()
    assert before.wait_exit(10) == 0
    with plain_lab.peer.connect(POD[4], 9000) as client:
        exchange(client, b"z")


def test_one_that_serves_in_time_is_not_hurried(plain_lab, run_proxy, serve):
    """Both have asked: the second one takes over from the first."""
    serve(plain_lab.peer, HOST, 7000, echo)
    config = bootstrap([listener("in", POD[4], 9000, chain("c"))], [cluster("c", (HOST, 7000))])
    before = run_proxy(plain_lab.pod, config)
    with Connecting(plain_lab.peer, POD[4], 9000) as program:
        both = [run_proxy(plain_lab.pod, config, "--take-over", wait=False) for _ in range(2)]
        wait_for(lambda: sum("serving" in proxy.log() for proxy in both) == 2, "both have served", 20)
        wait_for(lambda: sum(proxy.process.poll() is None for proxy in both) == 1, "one is left", 20)
        assert before.wait_exit(10) == 0
        assert set(program.result()) == {"echoed"}
    assert [proxy.process.poll() for proxy in both].count(0) == 1
    assert not any("has asked since" in proxy.log() for proxy in both)


def limit_descriptors(proxy, soft: int) -> None:
    hard = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (soft, hard))


def test_without_a_descriptor_to_accept_with_the_next_one_waits(plain_lab, run_proxy, serve):
    serve(plain_lab.peer, HOST, 7000, echo)
    config = bootstrap([listener("in", POD[4], 9000, chain("c"))], [cluster("c", (HOST, 7000))])
    before = run_proxy(plain_lab.pod, config, uid=0)  # another user's limits are not ours to change
    soft = resource.prlimit(before.pid, resource.RLIMIT_NOFILE)[0]
    limit_descriptors(before, 1)
    after = run_proxy(plain_lab.pod, config, "--take-over", uid=0, wait=False)
    time.sleep(0.5)
    cpu = before.cpu_seconds()
    time.sleep(1)
    assert before.cpu_seconds() - cpu < 0.1
    assert after.process.poll() is None and "taking over" not in after.log()
    limit_descriptors(before, soft)
    after.wait_ready()
    assert before.wait_exit(10) == 0


def test_sockets_are_given_all_or_none(plain_lab, run_proxy, serve):
    """One that stayed behind would take its queue along when the old one closes it."""
    serve(plain_lab.peer, HOST, 7000, echo)
    listeners = [listener(f"in{port}", POD[4], port, chain("c")) for port in range(9000, 9010)]
    config = bootstrap(listeners, [cluster("c", (HOST, 7000))])
    before = run_proxy(plain_lab.pod, config, uid=0)
    soft = resource.prlimit(before.pid, resource.RLIMIT_NOFILE)[0]
    before.descriptors()  # none is about to close
    limit_descriptors(before, max(map(int, os.listdir(f"/proc/{before.pid}/fd"))) + 4)
    refused = run_proxy(plain_lab.pod, config, "--take-over", uid=0, wait=False)
    assert refused.wait_exit(10) == 1
    assert "the proxy that runs refuses: dup: Too many open files" in refused.log()
    assert f"process {refused.pid} cannot take over: dup: Too many open files" in before.log()
    with plain_lab.peer.connect(POD[4], 9009) as client:
        limit_descriptors(before, soft)
        exchange(client, b"x")
    run_proxy(plain_lab.pod, config, "--take-over", uid=0)
    assert before.wait_exit(10) == 0


def test_a_new_one_that_cannot_start_changes_nothing(plain_lab, run_proxy, serve):
    serve(plain_lab.peer, HOST, 7000, echo)
    config = bootstrap([listener("in", POD[4], 9000, chain("c"))], [cluster("c", (HOST, 7000))])
    before = run_proxy(plain_lab.pod, config)
    with plain_lab.pod.listen("0.0.0.0", 9001):
        more = bootstrap([listener("in", POD[4], 9000, chain("c")), listener("more", "0.0.0.0", 9001, chain("c"))], [cluster("c", (HOST, 7000))])
        failing = run_proxy(plain_lab.pod, more, "--take-over", wait=False)
        assert failing.wait_exit(10) == 1
        assert "9001: bind: Address already in use" in failing.log()
    with plain_lab.peer.connect(POD[4], 9000) as client:
        exchange(client, b"x")
    assert before.get("/ready")[0] == 200


def test_another_configuration(plain_lab, run_proxy, serve):
    """What both have goes over, what only the old one had is closed, what only the new one has is bound."""
    serve(plain_lab.peer, HOST, 7001, says("old"))
    serve(plain_lab.peer, HOST, 7002, says("new"))
    before = run_proxy(plain_lab.pod, bootstrap([listener("a", POD[4], 9000, chain("c")), listener("b", POD[4], 9001, chain("c"))], [cluster("c", (HOST, 7001))]))
    assert who(plain_lab.peer, POD[4], 9001) == "old"
    run_proxy(plain_lab.pod, bootstrap([listener("x", POD[4], 9000, chain("c")), listener("y", POD[4], 9002, chain("c"))], [cluster("c", (HOST, 7002))]), "--take-over")
    assert who(plain_lab.peer, POD[4], 9000) == "new"
    assert who(plain_lab.peer, POD[4], 9002) == "new"
    assert before.wait_exit(10) == 0
    assert who(plain_lab.peer, POD[4], 9001) == "refused"


def test_the_next_one_takes_over_from_the_last(fresh_lab, pod, run_proxy):
    """While the first still drains."""
    first = run_proxy(pod, None)
    with fresh_lab.peer.connect(POD[4], 8080) as one:
        exchange(one, b"1")
        second = run_proxy(pod, None, "--take-over")
        with fresh_lab.peer.connect(POD[4], 8080) as two:
            exchange(two, b"2")
            third = run_proxy(pod, None, "--take-over")
            exchange(one, b"1")
            exchange(two, b"2")
            assert [p.process.poll() for p in (first, second, third)] == [None] * 3
        assert second.wait_exit(10) == 0
    assert first.wait_exit(10) == 0
    assert third.get("/ready")[0] == 200


def test_the_drain_time_ends_what_does_not_end(fresh_lab, pod, run_proxy):
    before = run_proxy(pod, None, "--drain-time-s", "1")
    with fresh_lab.peer.connect(POD[4], 8080) as client:
        exchange(client, b"x")
        run_proxy(pod, None, "--take-over")
        assert how_it_ends(client, 10)[1] in ("fin", "rst")
    assert before.wait_exit(10) == 0


def test_it_may_be_told_to_end_as_always(fresh_lab, pod, run_proxy):
    before = run_proxy(pod, None, "--drain-time-s", "30")
    with fresh_lab.peer.connect(POD[4], 8080) as client:
        exchange(client, b"x")
        after = run_proxy(pod, None, "--take-over")
        before.send_signal(signal.SIGTERM)
        exchange(client, b"y")
        wait_for(lambda: "SIGTERM: draining" in before.log(), "it has heard that")  # two at once may arrive as one
        before.send_signal(signal.SIGTERM)
        assert before.wait_exit(10) == 0
    with fresh_lab.peer.connect(POD[4], 8080) as client:
        exchange(client, b"x")
    assert after.get("/ready")[0] == 200


def test_one_that_ends_hands_over_what_it_has(fresh_lab, pod, run_proxy):
    """SIGTERM, and then another one comes: it need not wait."""
    before = run_proxy(pod, None, "--drain-time-s", "30", "--termination-drain-s", "20")
    with fresh_lab.peer.connect(POD[4], 8080) as client:
        exchange(client, b"x")
        before.send_signal(signal.SIGTERM)
        run_proxy(pod, None, "--take-over")
        with fresh_lab.peer.connect(POD[4], 8080) as other:
            exchange(other, b"new")
        exchange(client, b"y")
    assert before.wait_exit(10) == 0


def test_clients_of_http_are_told_to_go(plain_lab, run_proxy):
    from http_differential.upstream import Upstream

    upstream = Upstream(plain_lab.peer, http_scene.HOSTS)
    try:
        scene = http_scene.start(plain_lab, run_proxy, drain_timeout="0.3s")
        with scene.client() as one, scene.client2() as two:
            assert one.ask().status == 200 and status(two.ask()) == 200
            config = json.loads((scene.proxy.directory / "bootstrap.yaml").read_text())
            after = run_proxy(plain_lab.pod, config, "--take-over")
            answer = one.ask()
            assert (answer.status, answer.header("connection")) == (200, "close")
            assert two.wait_end() == "fin"
            assert two.wire.goaway[0] == "NO_ERROR"
        assert scene.proxy.wait_exit(10) == 0
        answer = http_scene.Scene(plain_lab, after).get()
        assert (answer.status, answer.header("connection")) == (200, None)
    finally:
        upstream.close()
