# SPDX-License-Identifier: Apache-2.0
"""A control plane beside Weir and Envoy: a large configuration, one change in it, updates under traffic."""

import json
import time

import harness.proc as proc
from harness.peers import Instance, Peer, listen_port
from harness.series import median_of
from harness.session import SPARE
from harness.world import HTTP_SERVICES, UPSTREAM_ADDRESS, Failure

CLUSTERS, LISTENERS = 10_000, 1_000
CHANGES = 100
SMALL_CLUSTERS, SMALL_LISTENERS = 20, 4
UPDATES, UPDATE_SECONDS = 1_000, 10
TRIGGERS = 20
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


class Fed(Peer):
    """Weir or Envoy with nothing but a way to the control plane; the same file for both."""

    def __init__(self, peer):
        self.name, self.title = peer.name, peer.title
        self.binary = peer.binary
        self.flags = ["--disable-hot-restart"] if peer.name == "envoy" else []

    def configure(self, folder, slot, connections):
        path = folder / "proxy.yaml"
        path.write_text(BOOTSTRAP.format(admin=listen_port(slot) + 9, control=CONTROL_PORT))
        return [str(self.binary), "-c", str(path), "--concurrency", "1", "-l", "error", *self.flags]

    def redirects(self, slot):
        return {}


class ControlPlane:
    """The program, and a proxy that it feeds."""

    def __init__(self, session, one, *words):
        self.program = session.world.start("app", [
            session.world.tool("control-plane"), "--listen", str(CONTROL_PORT), "--first-port", str(FIRST_PORT),
            "--target", TARGET, *map(str, words)], stdin=True)
        self.instance = None
        try:
            self.program.wait_for_line("ready")
            self.instance = Instance(session.world, Fed(one.peer), one.slot + SPARE)
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


def fed(session):
    """Those that speak to a control plane."""
    return [one for one in session.proxies if one.name in ("weir", "envoy")]


def run_large(session):
    session.interleave("dynamic", fed(session), lambda one: large(session, one))


def large(session, one):
    """From the first message to all serving; then one endpoint after another."""
    with ControlPlane(session, one, "--clusters", CLUSTERS, "--listeners", LISTENERS) as plane:
        used = proc.cpu_ms(plane.instance.pid)
        time.sleep(1)
        held = proc.memory(plane.instance.pid)
        changes = [plane.ask("endpoint", 7919 * i % CLUSTERS, plane.instance.pid) for i in range(CHANGES)]
    return {"ms": plane.first["ms"], "cpu_ms": used, **held,
            "change_us": median_of(changes, "proxy_ns") / 1e3, "change_ms": median_of(changes, "ms")}
