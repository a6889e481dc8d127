# SPDX-License-Identifier: Apache-2.0
"""A sidecar tutorial's dynamic configurations: files that reload, a control plane whose trigger moves traffic, and a mesh that
lets out what it knows.

What is marked as peer runs the tutorial's files, unchanged but for their addresses (see test_tutorial.py), or a program on the
go-control-plane library. The rest is of the same kind, with resources of our own and weir-control, and always runs.
"""

import json
import os
import re
import time

import pytest

import proxy_process
from control_planes import NODE, V1, V2, GoControlPlane, OwnControlPlane, Way
from control_planes import PORT as CONTROL_PORT
from control_process import Control
from harness import go_program, installer, programs
from harness.flags import Flags
from harness.lab import OUTSIDE, OUTSIDE_OTHER, PEER, POD
from live_scene import Load, ask
from proxy_dns import Nameserver, resolving_with
from proxy_peers import Server
from proxy_process import wait_for
from test_control_envoy import bootstrap
from test_tutorial import ADMIN, curl, split, tutorial_file, web_server

PORT = 8080
CHANGES = int(os.environ.get("WEIR_TUTORIAL_CHANGES", "10"))
WAYS = ["per type sotw", "per type delta", "ads sotw", "ads delta"]
PLANES = ["weir-control", pytest.param("go-control-plane", marks=pytest.mark.peer)]


def host_server(name: str):
    """Answers every request with its name and the Host that it was asked for."""

    def behave(connection) -> None:
        held = b""
        while data := connection.recv(65536):
            held += data
            while b"\r\n\r\n" in held:
                head, _, held = held.partition(b"\r\n\r\n")
                host = next(line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"host:"))
                body = b"%s as %s" % (name.encode(), host)
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

    return behave


@pytest.fixture(scope="module")
def versions(plain_lab):
    with Server(plain_lab.peer, V1, 80, host_server("v1")), Server(plain_lab.peer, V2, 80, host_server("v2")):
        yield


@pytest.fixture(params=WAYS)
def way(request):
    return Way(request.param)


@pytest.fixture(params=PLANES)
def plane(request, plain_lab, way):
    kind = {"weir-control": OwnControlPlane, "go-control-plane": GoControlPlane}[request.param]
    try:
        running = kind(plain_lab.peer, way)
    except go_program.Unavailable as reason:
        pytest.skip(f"go-control-plane: {reason}")
    with running:
        yield running
        print(f"--- log of {request.param}\n{running.log()[-3000:]}")


def body(lab) -> str:
    with lab.peer.connect(POD[4], PORT, timeout=10) as connection:
        status, text, _ = ask(connection)
    assert status == 200, text
    return text


def answers(lab, text: str) -> None:
    wait_for(lambda: body(lab) == text, f"'{text}' answers")


# -- a control plane with a trigger -------------------------------------------------------------------------------


def test_the_trigger_moves_traffic(plain_lab, versions, run_proxy, way, plane):
    proxy = run_proxy(plain_lab.pod, way.bootstrap(ADMIN), admin=ADMIN)
    assert body(plain_lab) == f"v1 as {V1}"
    with Load(plain_lab.peer, tcp=False, port=PORT) as load:
        plane.trigger()
        answers(plain_lab, f"v2 as {V2}")
        plane.trigger()  # the same again is no change
        for number in range(CHANGES):
            host, name = ((V1, "v1"), (V2, "v2"))[number % 2]
            plane.serve(f"change{number}", host)
            answers(plain_lab, f"{name} as {host}")
    load.check()
    assert {f"v1 as {V1}", f"v2 as {V2}"} <= set(load.answers)
    stats = proxy.stats()
    assert stats["listener_manager.listener_modified"] == 0, "the listener is the same in all versions"
    assert stats["cluster_manager.cluster_modified"] == 1 + CHANGES
    assert stats["http.http.rds.local_route.config_reload"] == 2 + CHANGES
    assert "NACK" not in proxy.log() and not plane.refused()


def test_the_trigger_after_a_restart(plain_lab, versions, run_proxy, way, plane):
    """Without a control plane everything goes on; the next one need not send what the proxy says it has."""
    proxy = run_proxy(plain_lab.pod, way.bootstrap(ADMIN), admin=ADMIN)
    lost = "control_plane.connected_state" if way.ads else "cluster_manager.cds.control_plane.connected_state"
    with Load(plain_lab.peer, tcp=False, port=PORT) as load:
        for _ in range(3):
            plane.restart()
            proxy.wait_stat(lost, 1)
            answers(plain_lab, f"v1 as {V1}")
            plane.trigger()
            answers(plain_lab, f"v2 as {V2}")
            plane.serve("v1", V1)
            answers(plain_lab, f"v1 as {V1}")
    load.check()
    assert proxy.log().count("'xds_cluster': lost: ") >= 3
    assert proxy.stat("listener_manager.listener_modified") == 0


@pytest.mark.parametrize("way", [WAYS[0]], indirect=True)
def test_a_client_fetches(plane):
    """The tutorial's client, which prints the cluster."""
    argv = [programs.weir_control(), "fetch", "--server", f"{PEER[4]}:{CONTROL_PORT}", "--node", NODE, "--type", "cluster"]
    for prepare, host in ((lambda: None, V1), (plane.trigger, V2)):
        prepare()
        found = re.compile(rf'name: "web_cluster".*type: LOGICAL_DNS.*address: "{host}"', re.S)
        wait_for(lambda: found.search(plane.namespace.run(argv, check=True).stdout), f"{host} is printed")


# Type → what serves then, when everything is sent anew with V2 in it and this type cannot be taken; its counter; its name.
BROKEN = {
    "cluster": (f"v1 as {V2}", "cluster_manager.cds.update_rejected", "web_cluster"),
    "route": (f"v2 as {V1}", "http.http.rds.local_route.update_rejected", "local_route"),
    "listener": (f"v2 as {V2}", "listener_manager.lds.update_rejected", "listener_0"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_bad_resource_is_refused_where_one_looks(plain_lab, versions, run_proxy, way, plane, kind):
    expected, counter, name = BROKEN[kind]
    proxy = run_proxy(plain_lab.pod, way.bootstrap(ADMIN), admin=ADMIN)
    with Load(plain_lab.peer, tcp=False, port=PORT) as load:
        plane.serve("bad", V2, broken=kind)
        wait_for(lambda: proxy.stat(counter) > 0, "it is counted")
        answers(plain_lab, expected)
        wait_for(lambda: any(name in line for line in plane.refused()), "the control plane was told")
        assert "NACK" in proxy.log() and name in proxy.log()
        states = error_states(proxy)
        assert len(states) == 1 and states[0]["details"], "what was refused, and why"
        plane.serve("good", V1)
        answers(plain_lab, f"v1 as {V1}")
        # The answer to a second refusal is held back for a moment: see test_a_control_plane_that_insists().
        wait_for(lambda: not error_states(proxy), "nothing is refused any more")
    load.check()


def error_states(proxy) -> list[dict]:
    def of(value) -> list[dict]:
        if isinstance(value, list):
            return [state for item in value for state in of(item)]
        if not isinstance(value, dict):
            return []
        own = [value["error_state"]] if "error_state" in value else []
        return own + [state for item in value.values() for state in of(item)]

    return of(json.loads(proxy.text("/config_dump")))


@pytest.mark.peer
@pytest.mark.parametrize("way", [WAYS[0], WAYS[2]], indirect=True)
@pytest.mark.parametrize("plane", ["go-control-plane"], indirect=True)
def test_a_control_plane_that_insists(plain_lab, versions, run_proxy, way, plane):
    """The library sends what was refused again at once, in state of the world: the proxy takes its time, and nobody is busy."""
    proxy = run_proxy(plain_lab.pod, way.bootstrap(ADMIN), admin=ADMIN)
    plane.serve("bad", V2, broken="cluster")
    wait_for(lambda: len(plane.refused()) >= 3, "it insists")
    before = proxy.cpu_seconds()
    time.sleep(1)
    assert len(plane.refused()) < 10
    assert proxy.cpu_seconds() - before < 0.2


@pytest.mark.peer
@pytest.mark.parametrize("way", [WAYS[0]], indirect=True)
def test_the_tutorials_control_plane(plain_lab, versions, run_proxy, plane):
    """Its bootstrap, and its two requests."""
    run_proxy(plain_lab.pod, tutorial_file("envoy/config/dynamic/controlplane/envoy.yaml"), admin=ADMIN)
    assert curl(plain_lab.pod, "localhost:8080") == (0, f"v1 as {V1}", "")
    plane.trigger()
    wait_for(lambda: curl(plain_lab.pod, "localhost:8080") == (0, f"v2 as {V2}", ""), "v2 answers")


# -- files that reload --------------------------------------------------------------------------------------------


def with_etc(etc) -> list[str]:
    """A command line in front of a program, which sees that directory as /etc and runs as the proxy's user."""
    script = f'mount --bind {etc} /etc && exec "$0" --reuid {proxy_process.UID} --regid {proxy_process.UID} --clear-groups -- "$@"'
    return [programs.system("unshare"), "-m", "--propagation", "private", "sh", "-c", script, programs.system("setpriv")]


def rename(path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    os.rename(fresh, path)


def write_in_place(path, text: str) -> None:
    path.write_text(text)


@pytest.mark.peer
@pytest.mark.parametrize("change", [rename, write_in_place])
def test_the_tutorials_files(plain_lab, versions, run_proxy, change):
    folder = "envoy/config/dynamic/filesystem"
    directory = proxy_process.new_directory()
    etc = directory / "etc" / "envoy"
    etc.mkdir(parents=True)
    clusters = tutorial_file(f"{folder}/cds.yaml")
    (etc / "cds.yaml").write_text(clusters)
    (etc / "lds.yaml").write_text(tutorial_file(f"{folder}/lds.yaml"))
    proxy = run_proxy(plain_lab.pod, tutorial_file(f"{folder}/envoy.yaml"), admin=ADMIN, directory=directory, uid=0, wrap=with_etc(etc.parent))
    assert curl(plain_lab.pod, "localhost:8080") == (0, "v1 as localhost:8080", "")
    with Load(plain_lab.peer, tcp=False, port=PORT) as load:
        for number in range(CHANGES):
            host, name = ((V2, "v2"), (V1, "v1"))[number % 2]
            change(etc / "cds.yaml", clusters.replace(V1, host))
            answers(plain_lab, f"{name} as x")
        change(etc / "cds.yaml", clusters.replace("ROUND_ROBIN", "ROUND_AND_ROUND").replace(V1, V2))
        proxy.wait_stat("cluster_manager.cds.update_rejected", 1)
        assert "/etc/envoy/cds.yaml:7" in proxy.log() and "ROUND_AND_ROUND" in proxy.log()
        assert "ROUND_AND_ROUND" in error_states(proxy)[0]["details"]
        last = ("v2", "v1")[(CHANGES - 1) % 2]
        assert body(plain_lab) == f"{last} as x"
        change(etc / "cds.yaml", clusters.replace(V1, V2))
        answers(plain_lab, "v2 as x")
        wait_for(lambda: not error_states(proxy), "nothing is refused any more")
    load.check()
    assert {"v1 as x", "v2 as x"} == set(load.answers)


# -- a mesh that lets out what it knows ---------------------------------------------------------------------------

INSTALL = """
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
metadata: {name: mesh}
spec:
  meshConfig:
    accessLogFile: /dev/stdout
    outboundTrafficPolicy: {mode: REGISTRY_ONLY}
"""
ENTRY = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: out}
spec:
  hosts: [out.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: DNS
  location: MESH_EXTERNAL
"""


@pytest.fixture(params=["own files", pytest.param("tutorial's files", marks=pytest.mark.peer)])
def mesh(request) -> tuple[str, str, str]:
    """Policy, entry, and the host that it opens."""
    if request.param == "own files":
        return INSTALL, ENTRY, "out.example.com"
    return tutorial_file("istio/outbound/install.yaml"), tutorial_file("istio/outbound/serviceentry.yaml"), "baidu.com"


class Workload:
    """A pod behind weir-init's rules, whose proxy is fed by weir-control, and a name server outside."""

    def __init__(self, lab, run_proxy, control, host: str, api_type: str):
        installer.install(lab.pod, Flags(cidrs=("*",)))
        self.lab, self.host = lab, host
        directory = proxy_process.new_directory()
        wrap = resolving_with(directory, PEER[4], proxy_process.UID)
        self.proxy = run_proxy(lab.pod, bootstrap(control.port, api_type), directory=directory, wrap=wrap, uid=0)
        self.application = resolving_with(proxy_process.new_directory(), PEER[4], 1000)

    def curl(self, host: str) -> tuple[str, dict[str, str]]:
        """Status line and headers of the tutorial's `curl -I`."""
        status, output, errors = curl(self.lab.pod, host, "-I", wrap=self.application)
        assert status == 0, errors
        return split(output)[:2]

    def wait(self, line: str) -> dict[str, str]:
        wait_for(lambda: self.curl(self.host)[0] == line, line)
        return self.curl(self.host)[1]

    def dump(self, resource: str) -> list[dict]:
        return json.loads(self.proxy.text(f"/config_dump?resource={resource}"))["configs"]

    def hosts_of_route_80(self) -> list[tuple[str, list[str]]]:
        tables = [one["route_config"] for one in self.dump("dynamic_route_configs")]
        return [(host["name"], host["domains"]) for table in tables if table["name"] == "80" for host in table["virtual_hosts"]]


OK, BLOCKED = "HTTP/1.1 200 OK", "HTTP/1.1 502 Bad Gateway"


@pytest.mark.parametrize("api_type", ["GRPC", "DELTA_GRPC"])
def test_a_mesh_opens_one_host(fresh_lab, run_proxy, serve, mesh, api_type):
    policy, entry, host = mesh
    allow_any = policy.replace("REGISTRY_ONLY", "ALLOW_ANY")
    serve(fresh_lab.peer, OUTSIDE[4], 80, web_server(b"out\n"))
    serve(fresh_lab.peer, OUTSIDE_OTHER[4], 80, web_server(b"other\n"))
    names = {host: [OUTSIDE[4]], "other.example.com": [OUTSIDE_OTHER[4]]}
    with Nameserver(fresh_lab.peer, PEER[4], names), Control({"install.yaml": allow_any}, fresh_lab.pod) as control:
        pod = Workload(fresh_lab, run_proxy, control, host, api_type)
        assert pod.curl(host)[0] == OK, "whoever it is"
        assert pod.hosts_of_route_80() == [("allow_any", ["*"])]
        control.replace("install.yaml", policy)
        headers = pod.wait(BLOCKED)
        assert (headers["server"], headers["transfer-encoding"]) == ("envoy", "chunked")
        assert pod.hosts_of_route_80() == [("block_all", ["*"])]
        control.replace("serviceentry.yaml", entry)
        assert pod.wait(OK)["content-length"] == "4"
        assert pod.hosts_of_route_80() == [(f"{host}:80", [host, f"{host}:80"]), ("block_all", ["*"])]
        clusters = {one["cluster"]["name"]: one["cluster"] for one in pod.dump("dynamic_active_clusters")}
        opened = clusters[f"outbound|80||{host}"]
        assert (opened["type"], opened["lb_policy"]) == ("STRICT_DNS", "LEAST_REQUEST")
        assert pod.curl("other.example.com")[0] == BLOCKED, "one host"
        control.remove("serviceentry.yaml")
        pod.wait(BLOCKED)
        wait_for(lambda: [states[0] for states in control.status().values()] == ["SYNCED"], "the proxy has all")
        stats = pod.proxy.stats()
        assert stats[f"cluster.outbound|80||{host}.upstream_rq_completed"] > 0 and stats["cluster.PassthroughCluster.upstream_rq_completed"] > 0
        assert stats["cluster_manager.cds.update_rejected"] == stats["listener_manager.lds.update_rejected"] == 0
        if "accessLogFile" in policy:
            pod.proxy.ask("POST", "/reopen_logs")
            reasons = ("route=allow_any cluster=PassthroughCluster", "route=block_all cluster=-", f"cluster=outbound|80||{host}")
            wait_for(lambda: all(reason in pod.proxy.output() for reason in reasons), "the log says why")
