# SPDX-License-Identifier: Apache-2.0
"""Control planes of a sidecar tutorial's kind: one cluster, one route table, one listener, and a trigger that moves them on.

Two of them with one face: weir-control, whose files are the trigger, and a Go program on the go-control-plane library.
"""

import hashlib
import http.client
import json
import pathlib
import subprocess
import tempfile

from control_process import TYPES, Control
from harness import go_program
from harness.lab import OUTSIDE, OUTSIDE_OTHER, PEER
from live_scene import assignment
from proxy_config import socket_address
from proxy_process import wait_for

NODE = "test1"
PORT, TRIGGER = 19090, 18000
V1, V2 = OUTSIDE[4], OUTSIDE_OTHER[4]
MANAGER = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
LIBRARY = "github.com/envoyproxy/go-control-plane@v0.14.0"


class Way:
    """How a proxy asks: for each type on a stream of its own or for all on one; for the state of the world or increments."""

    def __init__(self, kind: str):
        self.ads, self.delta = kind.startswith("ads"), kind.endswith("delta")
        self.api = {
            "api_type": "DELTA_GRPC" if self.delta else "GRPC",
            "transport_api_version": "V3",
            "set_node_on_first_message_only": True,
            "grpc_services": [{"envoy_grpc": {"cluster_name": "xds_cluster"}}],
        }
        self.source = {"resource_api_version": "V3", **({"ads": {}} if self.ads else {"api_config_source": self.api})}

    def bootstrap(self, admin: tuple[str, int]) -> dict:
        dynamic = {"cds_config": self.source, "lds_config": self.source, **({"ads_config": self.api} if self.ads else {})}
        cluster = {
            "name": "xds_cluster",
            "connect_timeout": "1s",
            "http2_protocol_options": {},
            "load_assignment": assignment("xds_cluster", (PEER[4], PORT)),
        }
        return {
            "node": {"id": NODE, "cluster": "mynode"},
            "admin": {"address": socket_address(*admin)},
            "dynamic_resources": dynamic,
            "static_resources": {"clusters": [cluster]},
        }


def resources(way: Way, host: str, broken: str) -> list[dict]:
    """What go_control_plane/main.go serves, in Envoy's JSON. broken: the type of which it is one that no proxy takes."""
    manager = {
        "@type": MANAGER,
        "stat_prefix": "http",
        "rds": {"route_config_name": "local_route", "config_source": way.source},
        "http_filters": [{"name": "envoy.filters.http.router"}] if broken != "listener" else [],
    }
    route = {"match": {"prefix": "/"}, "route": {"cluster": "web_cluster", "host_rewrite_literal": host}}
    hosts = [(host, 80)] * (2 if broken == "cluster" else 1)
    return [
        {
            "@type": TYPES["cluster"],
            "name": "web_cluster",
            "type": "LOGICAL_DNS",
            "connect_timeout": "5s",
            "dns_lookup_family": "V4_ONLY",
            "load_assignment": assignment("web_cluster", *hosts),
        },
        {
            "@type": TYPES["route"],
            "name": "local_route",
            "virtual_hosts": [{"name": "local_service", "domains": ["*"] * (2 if broken == "route" else 1), "routes": [route]}],
        },
        {
            "@type": TYPES["listener"],
            "name": "listener_0",
            "address": socket_address("0.0.0.0", 8080),
            "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
        },
    ]


class OwnControlPlane:
    """weir-control. A trigger is a file that is replaced."""

    def __init__(self, namespace, way: Way):
        self.namespace, self.way = namespace, way
        self.control = Control({"all.json": self._text(V1, "")}, namespace, "--listen", f"{PEER[4]}:{PORT}")

    def __enter__(self) -> "OwnControlPlane":
        return self

    def __exit__(self, *_) -> None:
        self.control.__exit__()

    def _text(self, host: str, broken: str) -> str:
        return json.dumps({"resources": resources(self.way, host, broken)})

    def trigger(self) -> None:
        self.serve("v2", V2)

    def serve(self, _version: str, host: str, broken: str = "") -> None:
        self.control.replace("all.json", self._text(host, broken))

    def restart(self) -> None:
        """Killed, and another one with the first version."""
        self.control.stop()
        (self.control.root / "log").unlink()
        self.control.replace("all.json", self._text(V1, ""))
        self.control.start("--listen", f"{PEER[4]}:{PORT}")

    def refused(self) -> list[str]:
        return [line for line in self.control.status_text().splitlines() if " refused " in line]

    def log(self) -> str:
        return self.control.log()


class GoControlPlane:
    """go_control_plane/main.go. Its trigger is GET /test, as in the tutorial."""

    def __init__(self, namespace, way: Way):
        self.namespace = namespace
        arguments = ["-listen", f"{PEER[4]}:{PORT}", "-trigger", f"{PEER[4]}:{TRIGGER}", "-v1", V1, "-v2", V2]
        self.argv = [_go_program(), *arguments, *(["-ads"] if way.ads else []), *(["-delta"] if way.delta else [])]
        self.output = tempfile.TemporaryFile()
        self._start()

    def __enter__(self) -> "GoControlPlane":
        return self

    def __exit__(self, *_) -> None:
        self._stop()
        self.output.close()

    def _start(self) -> None:
        self.process = self.namespace.popen(self.argv, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output)
        try:
            wait_for(self._answers, "the control plane serves")
        except BaseException:
            self._stop()
            raise

    def _stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        try:
            self.namespace.connect(PEER[4], PORT).close()
            return self._get("/refused") is not None
        except OSError:
            assert self.process.poll() is None, self.log()
            return False

    def _get(self, path: str) -> str:
        with self.namespace.connect(PEER[4], TRIGGER, timeout=10) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nhost: control\r\nconnection: close\r\n\r\n".encode())
            answer = http.client.HTTPResponse(client)
            answer.begin()
            text = answer.read().decode()
        assert answer.status == 200, f"{path}: {answer.status} {text}"
        return text

    def trigger(self) -> None:
        assert self._get("/test") == "Ok"

    def serve(self, version: str, host: str, broken: str = "") -> None:
        assert self._get(f"/serve?version={version}&host={host}&broken={broken}") == "Ok"

    def restart(self) -> None:
        """Killed, and another one with the first version."""
        self._stop()
        self._start()

    def refused(self) -> list[str]:
        return [f"{one['Type']} refused: {one['Message']}" for one in json.loads(self._get("/refused")) or []]

    def log(self) -> str:
        self.output.seek(0)
        return self.output.read().decode(errors="replace")


def _go_program() -> str:
    source = (pathlib.Path(__file__).parent / "go_control_plane" / "main.go").read_text()
    made_of = hashlib.sha256((LIBRARY + source).encode()).hexdigest()[:16]
    return go_program.built(f"go-control-plane-{made_of}", LIBRARY, source)
