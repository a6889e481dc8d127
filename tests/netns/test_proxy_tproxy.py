# SPDX-License-Identifier: Apache-2.0
"""weir-proxy behind TPROXY: the application sees the client's own address, in both families."""

import errno
import json
import select
import socket
import threading
import time

import pytest

from harness import programs
from harness.installer import run_init
from harness.lab import OUTSIDE, PEER, POD, SERVICE, build_lab
from proxy_config import (
    bootstrap, chain, cluster, file_log, listener, original_dst, original_dst_filter, outbound, tcp_proxy, typed, virtual,
)  # fmt: skip
from proxy_peers import answers, echo, how_it_ends, read_all, read_exactly, reset, says, who
from proxy_process import Proxy, new_directory, wait_for

FAMILIES = pytest.mark.parametrize("family", [4, 6])
ENDED = ("eof", "reset")
MARK = 1337

REDIRECT_8087 = """
table inet redirecting {
    chain before {
        type nat hook prerouting priority -100; policy accept;
        tcp dport 8087 redirect to :15006
    }
}
"""


def install(pod, *flags: str) -> None:
    """The scenarios are the proof: weir-init's own would double their time."""
    arguments = ["-m", "TPROXY", "-i", "*", "-b", "*", "-d", "15090,15021,15020", "--verify=false", *flags]
    done = run_init(pod, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module", params=["nftables", "legacy"])
def backend(request):
    return request.param


@pytest.fixture(scope="module")
def lab(possible, backend):
    with build_lab("tproxy-", responders=False) as built:
        install(built.pod, "--backend", backend)
        yield built


@pytest.fixture(scope="module")
def own_lab(possible, backend):
    """For tests that run a proxy of their own."""
    with build_lab("tpown-", responders=False) as built:
        install(built.pod, "--backend", backend)
        yield built


def with_capability(*names: str) -> dict:
    """Options of a Proxy that runs as user 1337 with exactly these capabilities."""
    wanted = ",".join(["-all", *(f"+{name}" for name in names)])
    return {
        "uid": 0,
        "wrap": [
            programs.system("setpriv"), "--reuid", "1337", "--regid", "1337", "--clear-groups", "--no-new-privs",
            "--bounding-set", wanted, "--inh-caps", wanted, "--ambient-caps", wanted,
        ],
    }  # fmt: skip


def tproxy(lab, config=None, *arguments, capability: str = "net_admin", **options) -> Proxy:
    if config is None:
        arguments = ("--inbound", "TPROXY", *arguments)
    return Proxy(lab.pod, config, *arguments, **with_capability(capability), **options)


@pytest.fixture(scope="module")
def default_proxy(lab):
    with tproxy(lab) as proxy:
        yield proxy


def original_src_filter(**fields) -> dict:
    return typed("envoy.filters.listener.original_src", **{"mark": MARK, **fields})


def inbound_config(*clusters: dict, log: str | None = None, filters: dict | None = None) -> dict:
    """A transparent 15006 that keeps sources, leading to the first of the clusters."""
    logs = {"access_log": [file_log(log)]} if log else {}
    return bootstrap(
        [
            listener(
                "virtualInbound", "::", 15006, chain(tcp_proxy(clusters[0]["name"], **logs)), ipv4_compat=True,
                transparent=True, traffic_direction="INBOUND",
                listener_filters=[original_dst_filter(), original_src_filter(**(filters or {}))],
            )
        ],
        list(clusters),
    )  # fmt: skip


# -- the built-in configuration --------------------------------------------------------------------------------------


@FAMILIES
def test_the_application_sees_the_client(lab, default_proxy, serve, family):
    app = serve(lab.pod, POD[family], 8080, answers(b"the application got"))
    before = default_proxy.stat("listener.[__]_15006.downstream_cx_total")
    done = lab.peer.run([programs.system("nc"), "-N", "-w", "20", POD[family], "8080"], text="hello")
    assert (done.returncode, done.stdout) == (0, "the application got 5"), done.stderr
    assert [host for host, _ in app.peers] == [PEER[family]]
    assert default_proxy.stat("listener.[__]_15006.downstream_cx_total") == before + 1


@FAMILIES
def test_the_log_line_has_the_four_addresses(lab, default_proxy, serve, family):
    app = serve(lab.pod, POD[family], 8081, says("app"))
    with lab.peer.connect(POD[family], 8081) as client:
        assert read_all(client) == b"app"
        port = client.getsockname()[1]
    bracket = "[%s]:%d" if family == 6 else "%s:%d"
    dialled = bracket % (POD[family], 8081)
    (line,) = wait_for(
        lambda: [line for line in default_proxy.output().splitlines() if f"-> {dialled} ->" in line], "an access log line"
    )
    assert f" virtualInbound {bracket % (PEER[family], port)} -> {dialled} -> InboundPassthroughClusterIpv{family} " in line
    (seen,) = app.peers
    assert f" {dialled} from {bracket % (PEER[family], seen[1])} " in line
    assert seen[1] != port


@FAMILIES
def test_a_large_transfer_survives_both_ways(lab, default_proxy, serve, family):
    serve(lab.pod, POD[family], 8082, echo)
    block = bytes(range(256)) * 4096
    with lab.peer.connect(POD[family], 8082, timeout=60) as client:
        sender = threading.Thread(target=lambda: (client.sendall(block * 8), client.shutdown(socket.SHUT_WR)))
        sender.start()
        assert read_all(client) == block * 8
        sender.join()


@FAMILIES
def test_outbound_stays_redirected(lab, default_proxy, serve, family):
    outside = serve(lab.peer, OUTSIDE[family], 80, says("outside"))
    before = default_proxy.stat("listener.[__]_15001.downstream_cx_total")
    assert who(lab.pod, OUTSIDE[family], 80, uid=1000, gid=1000) == "outside"
    assert [host for host, _ in outside.peers] == [POD[family]]
    assert default_proxy.stat("listener.[__]_15001.downstream_cx_total") == before + 1


@FAMILIES
def test_many_connections_at_once_of_several_clients(lab, default_proxy, serve, family):
    """Four addresses of the peer, 150 connections of each, all open together, twice with the same ports."""
    app = serve(lab.pod, POD[family], 8083, echo)
    more = {4: ["198.51.100.2", "198.51.100.3", "198.51.100.4"], 6: [f"2001:db8:1::{n}" for n in (2, 3, 4)]}[family]
    flag, length, nodad = ("-6 ", 64, " nodad") if family == 6 else ("", 25, "")
    if more[0] not in lab.peer.tool("ip", "addr", "show", "dev", "eth0"):
        lab.peer.ip_batch([f"{flag}addr add {address}/{length} dev eth0{nodad}" for address in more])
    sources = [PEER[family], *more]
    for _ in range(2):
        app.peers.clear()
        clients = [lab.peer.connect(POD[family], 8083, source=source) for source in sources for _ in range(150)]
        for i, client in enumerate(clients):
            client.sendall(b"%04d" % i)
        assert [read_exactly(client, 4) for client in clients] == [b"%04d" % i for i in range(600)]
        counts = {source: sum(host == source for host, _ in app.peers) for source in sources}
        assert counts == {source: 150 for source in sources}
        for client in clients:
            client.close()
        default_proxy.wait_stat("listener.[__]_15006.downstream_cx_active", 0)


@FAMILIES
def test_a_client_with_few_ports_is_never_confused_with_itself(fresh_lab, serve, family):
    """A client that takes its ports from a small range, 60 of 64 open: were the proxy's ports of the same range, the
    kernel would take some of its connections for the client's own."""
    install(fresh_lab.pod)
    serve(fresh_lab.pod, POD[family], 8084, echo)
    for namespace in (fresh_lab.pod, fresh_lab.peer):
        namespace.sysctl("net/ipv4/ip_local_port_range", "40000 40063")
    with tproxy(fresh_lab) as proxy:
        for _ in range(5):
            clients = [fresh_lab.peer.connect(POD[family], 8084) for _ in range(60)]
            for client in clients:
                client.sendall(b"ping")
            assert [read_exactly(client, 4) for client in clients] == [b"ping"] * 60
            for client in clients:
                reset(client)
            proxy.wait_stat("listener.[__]_15006.downstream_cx_active", 0)
        proxy.wait_ended({"downstream_reset": 300})


@FAMILIES
def test_a_client_port_that_somebody_listens_on_after_mirroring_works(lab, default_proxy, serve, family):
    """Port 40000 is mirrored to 7744, where an application of the pod listens: another port is taken."""
    app = serve(lab.pod, POD[family], 8085, says("app"))
    serve(lab.pod, {4: "0.0.0.0", 6: "::"}[family], 7744, says("other"))
    client = lab.peer.new_socket(socket.AF_INET6 if family == 6 else socket.AF_INET)
    client.bind((PEER[family], 40000))
    client.settimeout(5)
    client.connect((POD[family], 8085))
    with client:
        assert read_all(client) == b"app"
    ((host, port),) = app.peers
    assert host == PEER[family]
    assert port != 7744


@FAMILIES
@pytest.mark.parametrize("port", [15001, 15006])
def test_the_proxys_own_ports_are_no_destination(lab, default_proxy, family, port):
    before = default_proxy.ended()
    assert who(lab.peer, POD[family], port, b"hello") in ENDED
    reason = "no_healthy_upstream" if port == 15006 else "loop_refused"
    wait_for(lambda: default_proxy.ended().get(reason, 0) == before.get(reason, 0) + 1, reason)


@FAMILIES
def test_a_refused_port_is_refused_by_the_proxy_only(lab, default_proxy, family):
    """Nobody listens: the connection ends with the reason, and no source address is to blame."""
    before = default_proxy.ended().get("connect_failed", 0)
    assert who(lab.peer, POD[family], 8999, b"") in ENDED
    assert default_proxy.ended().get("connect_failed", 0) == before + 1
    assert "source_not_kept" not in default_proxy.ended()


@FAMILIES
def test_the_pod_reaches_itself_through_both_listeners(own_lab, serve, family):
    """A service whose host is the pod: outbound, then inbound by mark 1338, then the application, which sees the pod."""
    app = serve(own_lab.pod, POD[family], 8086, says("app"))
    config = inbound_config(original_dst("inbound"), cluster("service", app.address))
    config["static_resources"]["listeners"] += [
        outbound(chain("service"), host="::", ipv4_compat=True),
        virtual("service", SERVICE[family], 80, chain("service")),
    ]
    with tproxy(own_lab, config) as proxy:
        assert who(own_lab.pod, SERVICE[family], 80, uid=1000) == "app"
        proxy.wait_ended({"finished": 2})
        assert proxy.stat("listener.[__]_15006.downstream_cx_total") == 1
    assert [host for host, _ in app.peers] == [POD[family]]


@FAMILIES
def test_the_same_client_port_again_and_again(lab, default_proxy, serve, family):
    """Whoever closes first, TIME_WAIT on any of the four sockets does not stand in the way of the next connection."""
    app = serve(lab.pod, POD[family], 8088, says("app"))
    serve(lab.pod, POD[family], 8089, echo)
    for port in (8088, 8089) * 10:
        client = lab.peer.new_socket(socket.AF_INET6 if family == 6 else socket.AF_INET)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind((PEER[family], 45678))
        client.settimeout(3)
        with client:
            client.connect((POD[family], port))
            if port == 8088:
                assert read_all(client) == b"app"
            else:
                client.sendall(b"ping")
                assert read_exactly(client, 4) == b"ping"
                reset(client)
    assert {host for host, _ in app.peers} == {PEER[family]}


@FAMILIES
def test_connections_from_before_the_proxy_are_held(fresh_lab, serve, family):
    """100 clients dial while nobody listens on 15006; none is refused, and the application sees each one's address."""
    install(fresh_lab.pod)
    app = serve(fresh_lab.pod, POD[family], 8080, echo)
    clients = [fresh_lab.peer.new_socket(socket.AF_INET6 if family == 6 else socket.AF_INET) for _ in range(100)]
    for client in clients:
        client.setblocking(False)
        assert client.connect_ex((POD[family], 8080)) == errno.EINPROGRESS
    time.sleep(0.2)
    assert [client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) for client in clients] == [0] * 100
    assert app.accepted == 0
    with tproxy(fresh_lab):
        for client in clients:
            client.settimeout(10)
            select.select([], [client], [], 10)
            client.sendall(b"ping")
        assert [read_exactly(client, 4) for client in clients] == [b"ping"] * 100
        assert {host for host, _ in app.peers} == {PEER[family]}
        for client in clients:
            client.close()


def test_another_mark_of_both(fresh_lab, serve):
    install(fresh_lab.pod, "-t", "0x2a/0xff", "-r", "211")
    app = serve(fresh_lab.pod, POD[4], 8080, says("app"))
    with tproxy(fresh_lab, None, "--tproxy-mark", "0x2a/0xff"):
        assert who(fresh_lab.peer, POD[4], 8080) == "app"
    assert [host for host, _ in app.peers] == [PEER[4]]


def test_root_in_the_exempt_group_works(fresh_lab, serve):
    """How Istio runs the proxy in this mode: user 0, group 1337."""
    install(fresh_lab.pod)
    app = serve(fresh_lab.pod, POD[4], 8080, says("app"))
    serve(fresh_lab.peer, OUTSIDE[4], 80, says("outside"))
    wrap = [programs.system("setpriv"), "--regid", "1337", "--clear-groups"]
    with Proxy(fresh_lab.pod, None, "--inbound", "TPROXY", uid=0, wrap=wrap) as proxy:
        assert who(fresh_lab.peer, POD[4], 8080) == "app"
        assert who(fresh_lab.pod, OUTSIDE[4], 80, uid=1000, gid=1000) == "outside"
        proxy.wait_ended({"finished": 2})
    assert [host for host, _ in app.peers] == [PEER[4]]


def test_excluded_ports_and_the_pods_own_connections_do_not_pass_the_proxy(lab, default_proxy, serve):
    serve(lab.pod, POD[4], 15020, says("agent"))
    serve(lab.pod, POD[4], 8090, says("app"))
    serve(lab.pod, "127.0.0.1", 8091, says("loopback"))
    before = default_proxy.stat("server.total_connections"), default_proxy.stat("listener.[__]_15006.downstream_cx_total")
    assert who(lab.peer, POD[4], 15020) == "agent"
    assert who(lab.pod, POD[4], 8090, uid=1000, gid=1000) == "app"
    assert who(lab.pod, "127.0.0.1", 8091, uid=1000, gid=1000) == "loopback"
    after = default_proxy.stat("server.total_connections"), default_proxy.stat("listener.[__]_15006.downstream_cx_total")
    assert after == before


def test_after_a_restart_it_works_again(fresh_lab, serve):
    install(fresh_lab.pod)
    app = serve(fresh_lab.pod, POD[4], 8080, echo)
    for _ in range(3):
        with tproxy(fresh_lab) as proxy, fresh_lab.peer.connect(POD[4], 8080) as client:
            client.sendall(b"ping")
            assert read_exactly(client, 4) == b"ping"
            proxy.process.kill()
            assert how_it_ends(client)[1] in ("fin", "rst")
    assert [host for host, _ in app.peers] == [PEER[4]] * 3


# -- privileges -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("capability", ["net_admin", "net_raw"])
def test_one_capability_is_enough(fresh_lab, serve, capability):
    install(fresh_lab.pod)
    app = serve(fresh_lab.pod, POD[4], 8080, says("app"))
    with tproxy(fresh_lab, capability=capability):
        assert who(fresh_lab.peer, POD[4], 8080) == "app"
    assert [host for host, _ in app.peers] == [PEER[4]]


def test_without_a_capability_it_says_what_it_needs(fresh_lab):
    done = fresh_lab.pod.run([programs.weir_proxy(), "--inbound", "TPROXY"], uid=1337, gid=1337)
    assert done.returncode == 1
    assert "listener 'virtualInbound'" in done.stderr
    assert "original_src" in done.stderr
    assert "CAP_NET_ADMIN (or CAP_NET_RAW" in done.stderr


def test_a_transparent_listener_says_what_it_needs(fresh_lab):
    config = bootstrap([listener("tp", "0.0.0.0", 15006, chain("nowhere"), transparent=True)], [cluster("nowhere")])
    done = fresh_lab.pod.run(
        [programs.weir_proxy(), "--config-yaml", json.dumps(config)], uid=1337, gid=1337
    )
    assert done.returncode == 1
    assert "listener 'tp' 0.0.0.0:15006: setsockopt IP_TRANSPARENT: Operation not permitted" in done.stderr
    assert "CAP_NET_ADMIN or CAP_NET_RAW" in done.stderr


@pytest.mark.parametrize("variable", ["TPROXY", "REDIRECT"])
def test_the_environment_that_istio_injects_is_enough(fresh_lab, serve, variable):
    """ISTIO_META_INTERCEPTION_MODE=TPROXY and nothing else."""
    install(fresh_lab.pod)
    app = serve(fresh_lab.pod, POD[4], 8080, says("app"))
    env = {"ISTIO_META_INTERCEPTION_MODE": variable, "PATH": "/usr/bin:/bin"}
    with Proxy(fresh_lab.pod, None, **with_capability("net_admin"), env=env):
        answer = who(fresh_lab.peer, POD[4], 8080, timeout=2)
    if variable == "TPROXY":
        assert (answer, [host for host, _ in app.peers]) == ("app", [PEER[4]])
    else:
        assert (answer, app.accepted) == ("timeout", 0)  # no transparent socket listens: nothing passes


# -- configurations -------------------------------------------------------------------------------------------------


@FAMILIES
def test_bind_port_keeps_the_clients_port_to_another_port(own_lab, serve, family):
    app = serve(own_lab.pod, POD[family], 9100, says("app"))
    directory = new_directory()
    config = inbound_config(
        original_dst("inbound", original_dst_lb_config={"upstream_port_override": 9100}),
        log=f"{directory}/access.log", filters={"bind_port": True},
    )  # fmt: skip
    with tproxy(own_lab, config, directory=directory) as proxy:
        with own_lab.peer.connect(POD[family], 9101) as client:
            assert read_all(client) == b"app"
            own = client.getsockname()[:2]
        assert app.peers == [own]
        (line,) = proxy.access_lines(1)
        assert line["upstream_local"] == line["remote"]


@FAMILIES
def test_bind_port_to_the_clients_own_destination_ends_with_the_reason(own_lab, serve, family):
    app = serve(own_lab.pod, POD[family], 9102, says("app"))
    directory = new_directory()
    config = inbound_config(original_dst("inbound"), log=f"{directory}/access.log", filters={"bind_port": True})
    with tproxy(own_lab, config, directory=directory) as proxy:
        assert who(own_lab.peer, POD[family], 9102) in ENDED
        (line,) = proxy.access_lines(1)
        assert line["flags"] == "UF,URX"
        assert line["details"].replace("_", " ") == "the upstream connection could not keep the client's address"
        assert "with its port it is taken" in line["failure"].replace("_", " ")
        proxy.wait_ended({"source_not_kept": 1})
        assert proxy.stat("cluster.inbound.bind_errors") == 1
        assert "leave bind_port out" in proxy.log()
    assert app.accepted == 0


def test_an_upstream_of_the_other_family_ends_with_the_reason(own_lab, serve):
    app = serve(own_lab.pod, POD[6], 9103, says("app"))
    with tproxy(own_lab, inbound_config(cluster("six", app.address))) as proxy:
        assert who(own_lab.peer, POD[4], 9103) in ENDED
        assert who(own_lab.peer, POD[6], 9104) == "app"
        proxy.wait_ended({"source_not_kept": 1, "finished": 1})
        assert "is of the other address family" in proxy.log()
    assert [host for host, _ in app.peers] == [PEER[6]]


@FAMILIES
def test_it_overrides_the_clusters_own_source(own_lab, serve, family):
    """Istio's control plane gives the inbound passthrough clusters 127.0.0.6 in every mode."""
    app = serve(own_lab.pod, POD[family], 9105, says("app"))
    source = {4: "127.0.0.6", 6: "::6"}[family]
    config = inbound_config(
        original_dst("inbound", upstream_bind_config={"source_address": {"address": source, "port_value": 0}})
    )
    with tproxy(own_lab, config):
        assert who(own_lab.peer, POD[family], 9105) == "app"
    assert [host for host, _ in app.peers] == [PEER[family]]


def test_several_workers_and_hand_off_keep_the_source(own_lab, serve):
    """The filter of the listener that takes the connection holds for the one that owns it."""
    app = serve(own_lab.pod, POD[4], 9106, says("app"))
    config = inbound_config(original_dst("inbound"))
    config["static_resources"]["listeners"][0]["use_original_dst"] = True
    config["static_resources"]["listeners"].append(virtual("owner", POD[4], 9106, chain("inbound")))
    with tproxy(own_lab, config, workers=2) as proxy:
        assert [who(own_lab.peer, POD[4], 9106) for _ in range(20)] == ["app"] * 20
        assert proxy.stat(f"listener.{POD[4]}_9106.downstream_cx_total") == 20
    assert {host for host, _ in app.peers} == {PEER[4]}


@FAMILIES
def test_a_redirected_connection_finds_its_destination_on_a_transparent_listener(fresh_lab, serve, family):
    """REDIRECT rules and a proxy that was told TPROXY: the destination is still the one that was dialled."""
    pod = fresh_lab.pod
    pod.tool("nft", "-f", "-", text=REDIRECT_8087)
    app = serve(pod, {4: "127.0.0.1", 6: "::1"}[family], 9107, says("app"))
    config = inbound_config(cluster("app", app.address))
    config["static_resources"]["listeners"][0]["listener_filters"].pop()
    config["static_resources"]["listeners"][0]["filter_chains"] = [
        {**chain("app"), "filter_chain_match": {"destination_port": 8087}}
    ]
    with tproxy(fresh_lab, config) as proxy:
        assert who(fresh_lab.peer, POD[family], 8087) == "app"
        assert who(fresh_lab.peer, POD[family], 15006) in ENDED
        proxy.wait_ended({"finished": 1, "no_filter_chain": 1})
