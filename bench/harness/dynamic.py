# SPDX-License-Identifier: Apache-2.0
"""A control plane beside Weir and Envoy: a large configuration, one change in it, updates under traffic."""

import json
import os
import time

import harness.proc as proc
from harness.peers import Instance, Peer, listen_port
from harness.series import median_of
from harness.session import SPARE
from harness.world import HTTP_SERVICES, UPSTREAM_ADDRESS, Failure

CLUSTERS, LISTENERS = 10_000, 1_000
CHANGES = 100
SMALL = ("--clusters", 20, "--listeners", 4)
TRIGGERS = 20
UPDATES, UPDATE_SECONDS, QUIET_SECONDS = 1_000, 8, 4
# Requests a second, over as many connections, on HTTP and on TCP each.
RATE, CONNECTIONS = 1_000, 16
# Below the ports of the proxies and of clients.
FIRST_PORT, TCP_PORT, CONTROL_PORT = 10_000, 11_500, 11_600
TARGET = f"{UPSTREAM_ADDRESS}:{HTTP_SERVICES['http']}"

BOOTSTRAP = """\
node: {{id: bench, cluster: bench}}
admin:
  address: {{socket_address: {{address: 127.0.0.1, port_value: {admin}}}}}
dynamic_resources:
  ads_config:
    api_type: DELTA_GRPC
    transport_api_version: V3
    grpc_services: [{{envoy_grpc: {{cluster_name: control}}}}]
  cds_config: {{ads: {{}}, resource_api_version: V3}}
  lds_config: {{ads: {{}}, resource_api_version: V3}}
static_resources:
  clusters:
  - name: control
    type: STATIC
    connect_timeout: 1s
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {{http2_protocol_options: {{}}}}
    load_assignment:
      cluster_name: control
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: {{socket_address: {{address: 127.0.0.1, port_value: {control}}}}}
"""


# The same from files, with one cluster and one route table.
FILES = """\
node: {{id: bench, cluster: bench}}
admin:
  address: {{socket_address: {{address: 127.0.0.1, port_value: {admin}}}}}
dynamic_resources:
  cds_config: {{path_config_source: {{path: {folder}/clusters.json}}, resource_api_version: V3}}
static_resources:
  listeners:
  - name: listener-0
    address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: files
          rds:
            route_config_name: routes-0
            config_source: {{path_config_source: {{path: {folder}/routes.json}}, resource_api_version: V3}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"""


class Fed(Peer):
    """Weir or Envoy with nothing but a way to the control plane, or files; the same for both."""

    def __init__(self, peer, from_files=False):
        self.name, self.title = peer.name, peer.title
        self.binary, self.from_files = peer.binary, from_files
        self.flags = ["--disable-hot-restart"] if peer.name == "envoy" else []

    def configure(self, folder, slot, connections):
        path = folder / "proxy.yaml"
        admin = listen_port(slot) + 9
        if self.from_files:
            for name, source in write_files(folder, 0):
                os.rename(source, folder / name)
            path.write_text(FILES.format(admin=admin, folder=folder, port=FIRST_PORT))
        else:
            path.write_text(BOOTSTRAP.format(admin=admin, control=CONTROL_PORT))
        return [str(self.binary), "-c", str(path), "--concurrency", "1", "-l", "error", *self.flags]

    def redirects(self, slot):
        return {}


def write_files(folder, version):
    """Files beside those that are read; (name of what is read, path of what was written)."""
    cluster = {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": "service-0", "type": "STATIC",
        "connect_timeout": "5s", "load_assignment": {"cluster_name": "service-0", "endpoints": [{"lb_endpoints": [
            {"endpoint": {"address": {"socket_address": {
                "address": UPSTREAM_ADDRESS, "port_value": HTTP_SERVICES["http"] + version % 2}}}}]}]}}
    routes = {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "routes-0",
        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "service-0"}}]}],
        "response_headers_to_add": [{"header": {"key": "x-version", "value": str(version)}}]}
    written = []
    for name, resource in (("clusters.json", cluster), ("routes.json", routes)):
        path = folder / f"next-{name}"
        path.write_text(json.dumps({"version_info": str(version), "resources": [resource]}))
        os.chmod(path, 0o644)
        written.append((name, path))
    return written


class ControlPlane:
    """The program, and a proxy that it feeds (or that reads files)."""

    def __init__(self, session, one, *words, from_files=False):
        self.program = session.world.start("app", [
            session.world.tool("control-plane"), "--listen", str(CONTROL_PORT), "--first-port", str(FIRST_PORT),
            "--target", TARGET, *map(str, words)], stdin=True)
        self.instance = None
        try:
            self.program.wait_for_line("ready")
            self.instance = Instance(session.world, Fed(one.peer, from_files), one.slot + SPARE)
            self.first = self.ask("serving")
            if self.first["refused"]:
                raise Failure(f"{self.first['refused']} responses were refused: {self.program.tail()}")
        except BaseException:
            self.close()
            raise

    def ask(self, *words):
        self.program.say(" ".join(map(str, words)))
        answer = json.loads(self.program.wait_for_line("{"))
        self.instance.check_alive()
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.program.stop(hard=True)
        if self.instance:
            self.instance.stop()


def run_dynamic(session):
    session.interleave("dynamic", fed(session), lambda one: large(session, one))
    session.interleave("dynamic small", fed(session), lambda one: small(session, one))
    session.interleave("dynamic traffic", fed(session), lambda one: under_traffic(session, one))


def fed(session):
    """Those that speak to a control plane."""
    return [one for one in session.proxies if one.name in ("weir", "envoy")]


def large(session, one):
    """From the first message to all serving; then one endpoint after another."""
    with ControlPlane(session, one, "--clusters", CLUSTERS, "--listeners", LISTENERS) as plane:
        used = proc.cpu_ms(plane.instance.pid)
        time.sleep(1)
        held = proc.memory(plane.instance.pid)
        serving = plane.ask("count")["serving"]
        if serving != LISTENERS:
            raise Failure(f"{serving} of {LISTENERS} listeners answer a request")
        changes = [plane.ask("endpoint", 7919 * i % CLUSTERS, plane.instance.pid) for i in range(CHANGES)]
    return {"ms": plane.first["ms"], "cpu_ms": used, **held,
            "change_us": median_of(changes, "proxy_ns") / 1e3, "change_ms": median_of(changes, "ms")}


def small(session, one):
    """Memory with a control plane; from a trigger to the first answer of the new version."""
    with ControlPlane(session, one, "--kind", "static") as plane:
        time.sleep(1)
        held = proc.memory(plane.instance.pid)
        by_grpc = [plane.ask("trigger") for _ in range(TRIGGERS)]
    with ControlPlane(session, one, "--kind", "static", from_files=True) as plane:
        folder, by_file = plane.instance.folder, []
        for version in range(1, TRIGGERS + 1):
            pairs = [word for name, path in write_files(folder, version) for word in (path, folder / name)]
            by_file.append(plane.ask("files", version, *pairs))
            time.sleep(0.05)
    return {**held, "grpc_ms": median_of(by_grpc, "ms"), "file_ms": median_of(by_file, "ms")}


def under_traffic(session, one):
    """Requests and connections at a fixed rate, without and with updates of what they use."""
    with ControlPlane(session, one, *SMALL, "--tcp", TCP_PORT) as plane:
        without = traffic(session, QUIET_SECONDS, lambda: None)
        updated = traffic(session, UPDATE_SECONDS, lambda: plane.ask("churn", UPDATES, UPDATE_SECONDS))
        answer = updated.pop("answer")
    if answer["answered"] != UPDATES or answer["refused"]:
        raise Failure(f"of {UPDATES} updates {answer['answered']} were answered, {answer['refused']} refused")
    figures = {"lost": without["lost"] + updated["lost"]}
    for name in ("http", "tcp"):
        before, during = without[name]["p99_ns"] / 1e3, updated[name]["p99_ns"] / 1e3
        figures |= {f"{name}_quiet_p99_us": before, f"{name}_p99_us": during, f"{name}_p99_ratio": during / before}
    return figures


def traffic(session, seconds, act):
    """HTTP requests through one listener and through TCP connections of another, while act() runs."""
    clients = {name: start_load(session, port, seconds) for name, port in (("http", FIRST_PORT), ("tcp", TCP_PORT))}
    time.sleep(0.3)
    answer = act()
    got = {name: json.loads(client.wait_for_line("{")) for name, client in clients.items()}
    # A connection that ends without notice, or a wrong reply, has ended its client: no answer at all.
    return got | {"answer": answer, "lost": sum(one["unanswered"] for one in got.values())}


def start_load(session, port, seconds):
    return session.world.start("app", [
        session.world.tool("load"), "open", "--dialect", "http1", "--to", f"127.0.0.1:{port}", "--rate", str(RATE),
        "--connections", str(CONNECTIONS), "--seconds", str(seconds)])
