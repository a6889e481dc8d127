# SPDX-License-Identifier: Apache-2.0
"""A real Envoy as client of weir-control: a sidecar of its own making, in a namespace whose outbound traffic is redirected."""

import http.client
import json
import os
import shutil
import subprocess
import tempfile
import threading

import pytest

from control_process import Control
from http_differential import contestant
from proxy_process import wait_for

WORKLOAD, OUTSIDE, OTHER, SERVICE = "198.51.100.10", "203.0.113.20", "203.0.113.21", "203.0.113.80"
APP = 1000  # whose traffic is redirected
REGISTRY_ONLY = "meshConfig:\n  accessLogFile: /dev/stdout\n  outboundTrafficPolicy: {mode: REGISTRY_ONLY}\n"
ENTRY = f"""
apiVersion: networking.istio.io/v1alpha3
kind: ServiceEntry
metadata: {{name: out}}
spec:
  hosts: [out.example.com]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  location: MESH_EXTERNAL
  endpoints:
  - {{address: {OUTSIDE}, labels: {{version: v1}}}}
  - {{address: {OTHER}, labels: {{version: v2}}}}
"""
RULES = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: out}
spec:
  host: out.example.com
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: out}
spec:
  hosts: [out.example.com]
  http:
  - match: [{uri: {prefix: /teapot}}]
    fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
    route: [{destination: {host: out.example.com, subset: v1}}]
  - route: [{destination: {host: out.example.com, subset: v2}}]
"""


def bootstrap(port: int, api_type: str) -> dict:
    return {
        "node": {"id": f"sidecar~{WORKLOAD}~app.default~default.svc.cluster.local", "cluster": "app"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 15000}}},
        "dynamic_resources": {
            "ads_config": {
                "api_type": api_type,
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": {"cluster_name": "control"}}],
            },
            "cds_config": {"ads": {}, "resource_api_version": "V3"},
            "lds_config": {"ads": {}, "resource_api_version": "V3"},
        },
        "static_resources": {
            "clusters": [
                {
                    "name": "control",
                    "connect_timeout": "1s",
                    "typed_extension_protocol_options": {
                        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                            "explicit_http_config": {"http2_protocol_options": {}},
                        }
                    },
                    "load_assignment": {
                        "cluster_name": "control",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}]}],
                    },
                }
            ]
        },
    }


class Sidecar:
    """A namespace with a workload, hosts outside, weir-control and Envoy."""

    def __init__(self, namespace, api_type: str, files: dict[str, str]):
        self.namespace = namespace
        namespace.ip_batch([f"addr add {address}/32 dev lo" for address in (WORKLOAD, OUTSIDE, OTHER, SERVICE)])
        namespace.tool("nft", f"table ip test {{ chain out {{ type nat hook output priority -100; meta skuid {APP} meta l4proto tcp redirect to :15001; }}; }}")
        self.servers = [self._serve(OUTSIDE, 80, "v1"), self._serve(OTHER, 80, "v2"), self._serve(OUTSIDE, 7000, "tcp"), self._serve(WORKLOAD, 8080, "app")]
        self.control = Control(files, namespace)
        self.directory = tempfile.mkdtemp(prefix="weir-test-envoy-")
        self.envoy = None
        try:
            self._start_envoy(api_type)
        except BaseException:
            self.close()
            raise

    def _start_envoy(self, api_type: str) -> None:
        path = os.path.join(self.directory, "bootstrap.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(bootstrap(self.control.port, api_type), file)
        argv = [contestant.envoy(), "-c", path, "--concurrency", "1", "-l", "info", "--use-dynamic-base-id", "--file-flush-interval-msec", "50"]
        with open(os.path.join(self.directory, "log"), "ab") as log:  # which Envoy opens once more, as /dev/stdout
            self.envoy = self.namespace.popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self.is_live, "Envoy is live", 30)

    def close(self) -> None:
        if self.envoy is not None:
            self.envoy.kill()
            self.envoy.wait()
        self.control.__exit__()
        for server in self.servers:
            server.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> "Sidecar":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _serve(self, address: str, port: int, body: str):
        listener = self.namespace.listen(address, port)

        def answer(client) -> None:
            with client:
                while client.recv(65536):
                    client.sendall(f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())

        def accept() -> None:
            try:
                while True:
                    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
            except OSError:
                pass

        threading.Thread(target=accept, daemon=True).start()
        return listener

    def is_live(self) -> bool:
        if self.envoy.poll() is not None:
            raise AssertionError(f"Envoy ended: {self.log()[-4000:]}")
        try:
            with self.namespace.connect("127.0.0.1", 15000) as client:
                return self._exchange(client, "/ready", "localhost") == (200, "LIVE\n")
        except OSError:
            return False

    def log(self) -> str:
        with open(os.path.join(self.directory, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    @staticmethod
    def _exchange(client, path: str, host: str) -> tuple[int, str]:
        client.sendall(f"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
        answer = http.client.HTTPResponse(client)
        answer.begin()
        return answer.status, answer.read().decode()

    def get(self, host: str, path: str = "/", address: str = OUTSIDE, port: int = 80) -> tuple[int, str]:
        """As the workload asks: a status of 0 when the connection is cut instead of answered."""
        try:
            with self.namespace.connect(address, port, uid=APP) as client:
                return self._exchange(client, path, host)
        except (ConnectionError, http.client.HTTPException):
            return 0, ""

    def is_synced(self) -> bool:
        """Every type that Envoy asked for is acknowledged; without an EDS cluster it asks for no endpoints."""
        states = list(self.control.status().values())
        return len(states) == 1 and states[0][0] == "SYNCED" and set(states[0]) <= {"SYNCED", "-"}

    def admin(self, path: str) -> str:
        with self.namespace.connect("127.0.0.1", 15000) as client:
            return self._exchange(client, path, "localhost")[1]


@pytest.fixture(params=["GRPC", "DELTA_GRPC"])
def sidecar(request, make_namespace):
    try:
        contestant.envoy()
    except contestant.Unavailable as reason:
        pytest.skip(str(reason))
    with Sidecar(make_namespace("sidecar"), request.param, {"mesh.yaml": REGISTRY_ONLY}) as running:
        yield running


@pytest.mark.peer
def test_a_service_entry_opens_one_host(sidecar):
    assert sidecar.get("out.example.com") == (502, "")
    assert sidecar.get("raw", address=OUTSIDE, port=7000) == (0, "")  # no HTTP port: BlackHoleCluster
    sidecar.control.replace("out.yaml", ENTRY)
    wait_for(lambda: sidecar.get("out.example.com")[0] == 200, "the host is open")
    assert {sidecar.get("out.example.com")[1] for _ in range(40)} == {"v1", "v2"}
    assert sidecar.get("other.example.com") == (502, "")
    wait_for(sidecar.is_synced, "every type is acknowledged")
    sidecar.control.remove("out.yaml")
    wait_for(lambda: sidecar.get("out.example.com") == (502, ""), "the host is blocked again")
    for reason in ("route=block_all", "cluster=outbound|80||out.example.com", "cluster=BlackHoleCluster"):
        wait_for(lambda: reason in sidecar.log(), f"the log says {reason}")


@pytest.mark.peer
def test_rules_move_traffic(sidecar):
    sidecar.control.replace("out.yaml", ENTRY)
    sidecar.control.replace("rules.yaml", RULES)
    wait_for(lambda: sidecar.get("out.example.com", "/teapot")[0] == 418, "the fault is injected")
    # The table comes in the same push as the subsets' clusters, which Envoy warms up meanwhile.
    wait_for(lambda: sidecar.get("out.example.com") == (200, "v2"), "the subset serves")
    assert {sidecar.get("out.example.com") for _ in range(10)} == {(200, "v2")}
    sidecar.control.replace("rules.yaml", RULES.replace("  - route: [{destination: {host: out.example.com, subset: v2}}]", "  - route: [{destination: {host: out.example.com, subset: v1}}]"))
    wait_for(lambda: sidecar.get("out.example.com") == (200, "v1"), "traffic moves to v1")
    wait_for(sidecar.is_synced, "every type is acknowledged")


@pytest.mark.peer
def test_the_policy_may_change(sidecar):
    assert sidecar.get("any.example.com") == (502, "")
    sidecar.control.replace("mesh.yaml", REGISTRY_ONLY.replace("REGISTRY_ONLY", "ALLOW_ANY"))
    wait_for(lambda: sidecar.get("any.example.com") == (200, "v1"), "an unknown host passes")
    wait_for(lambda: sidecar.get("raw", address=OUTSIDE, port=7000) == (200, "tcp"), "an unknown port passes")


@pytest.mark.peer
def test_changed_endpoints_and_limits_warm_up(sidecar):
    """A changed cluster asks for its endpoints again, although these did not change: it must get them."""
    sidecar.control.replace("out.yaml", ENTRY)
    wait_for(lambda: sidecar.get("out.example.com")[0] == 200, "open")
    limits = RULES.split("---")[0].replace("  subsets:", "  trafficPolicy: {connectionPool: {tcp: {connectTimeout: 3s}}}\n  subsets:")
    sidecar.control.replace("rules.yaml", limits)
    wait_for(lambda: '"connect_timeout": "3s"' in sidecar.admin("/config_dump?resource=dynamic_active_clusters"), "the cluster is in force")
    assert "dynamic_warming" not in sidecar.admin("/config_dump?resource=dynamic_warming_clusters").replace('"configs"', "")
    assert sidecar.get("out.example.com")[0] == 200
    wait_for(sidecar.is_synced, "every type is acknowledged")


@pytest.mark.peer
def test_the_control_plane_may_die_and_come_back(sidecar):
    sidecar.control.replace("out.yaml", ENTRY)
    wait_for(lambda: sidecar.get("out.example.com")[0] == 200, "open")
    port = sidecar.control.port
    sidecar.control.stop()
    assert sidecar.get("out.example.com")[0] == 200
    (sidecar.control.root / "log").unlink()
    sidecar.control.remove("out.yaml")
    sidecar.control.start("--listen", f"127.0.0.1:{port}")
    wait_for(lambda: sidecar.get("out.example.com") == (502, ""), "what changed meanwhile arrives", 30)
    wait_for(sidecar.is_synced, "every type is acknowledged")


@pytest.mark.peer
def test_what_the_workload_serves(make_namespace):
    """A Service whose endpoint is the workload makes a listener for it; bytes from outside reach it over 15006."""
    service = f"""
kind: Service
metadata: {{name: app}}
spec: {{clusterIP: {SERVICE}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}
---
kind: EndpointSlice
metadata: {{name: app-1, labels: {{kubernetes.io/service-name: app}}}}
ports: [{{name: http, port: 8080}}]
endpoints: [{{addresses: [{WORKLOAD}]}}]
"""
    try:
        contestant.envoy()
    except contestant.Unavailable as reason:
        pytest.skip(str(reason))
    with Sidecar(make_namespace("sidecar"), "GRPC", {"mesh.yaml": "meshConfig: {accessLogFile: /dev/stdout}", "app.yaml": service}) as sidecar:
        for host in ("app", "app.default", "app.default.svc.cluster.local", SERVICE):
            assert sidecar.get(host, address=SERVICE) == (200, "app"), host
        sidecar.namespace.tool("nft", "add chain ip test to_workload { type nat hook output priority -101; }; add rule ip test to_workload meta skuid 2000 meta l4proto tcp redirect to :15006")
        with sidecar.namespace.connect(WORKLOAD, 8080, uid=2000) as client:
            assert sidecar._exchange(client, "/", "app") == (200, "app")
        wait_for(lambda: "cluster=inbound|8080||" in sidecar.log(), "it went over the workload's own cluster")
