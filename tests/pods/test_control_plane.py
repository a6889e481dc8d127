# SPDX-License-Identifier: Apache-2.0
"""weir-control in a Pod, as the kustomize base deploys it, and a Pod that `weirctl inject --control` has made its client."""

import pathlib
import time

import pytest
import yaml
from conftest import smaps_of, weirctl
from kubelet import Pod
from pod_images import PAGE, REFUSED

from harness import programs

BASE = programs.CHECKOUT / "manifests/kustomize/base"
BACKEND = (programs.CHECKOUT / "manifests/pods/backend.yaml").read_text()
CONTROL_ADDRESS = "203.0.113.181"
SHOPPER_ADDRESS = "203.0.113.182"
SHOPPER = """
apiVersion: v1
kind: Pod
metadata: { name: shopper, namespace: default, labels: { app: shopper } }
spec:
  containers:
    - { name: web, image: "nginx:1.18-alpine", imagePullPolicy: IfNotPresent }
"""
ENTRY = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: backend }
spec:
  hosts: [backend]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: DNS
  location: MESH_EXTERNAL
"""


def without_webhook(spec: dict) -> None:
    """Its certificate is a Secret, which has tests of its own. Beside it, a container that stays: podman gives a Pod's network up
    with its last one."""
    (container,) = spec["containers"]
    container["args"] = [one for one in container["args"] if not one.startswith("--webhook")]
    container["volumeMounts"] = [one for one in container["volumeMounts"] if one["name"] != "webhook"]
    spec["volumes"] = [one for one in spec["volumes"] if one["name"] != "webhook"]
    del container["readinessProbe"], container["livenessProbe"]
    spec["containers"].append({"name": "stays", "image": "nginx:1.18-alpine", "securityContext": {"runAsNonRoot": False, "runAsUser": 0}})


@pytest.fixture
def mesh(machine):
    """The folder that weir-control serves: what the node writes when the ConfigMap changes."""
    data = {"mesh.yaml": (BASE / "mesh/mesh.yaml").read_text()}
    config_map = yaml.safe_dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "weir-mesh"}, "data": data})
    machine.play(BACKEND)
    with Pod(machine, config_map, (BASE / "deployment.yaml").read_text(), change=without_webhook, address=CONTROL_ADDRESS):
        yield pathlib.Path(machine.podman("volume", "inspect", "--format", "{{.Mountpoint}}", "weir-mesh").strip())
    machine.remove("backend")


@pytest.fixture
def shopper(machine, mesh):
    injected = weirctl("inject", "--control", f"{CONTROL_ADDRESS}:15010", "--image-pull-policy", "IfNotPresent", text=SHOPPER)
    with Pod(machine, injected, address=SHOPPER_ADDRESS) as pod:
        yield pod


def ask(machine, url: str) -> tuple[int, str]:
    return machine.execute("shopper-web", "/bin/curl", "-sS", "-i", "--noproxy", "*", "-m", "5", url)


def status(machine) -> str:
    return machine.execute("weir-control-weir-control", "weir-control", "status")[1]


def test_a_service_entry_opens_what_was_blocked(machine, mesh, shopper):
    code, printed = ask(machine, "http://backend/")
    assert code == 0 and " 502 " in printed.splitlines()[0], printed
    assert "sidecar~203.0.113.182~shopper.default~default.svc.cluster.local" in status(machine)
    (mesh / "backend.yaml").write_text(ENTRY)
    end = time.monotonic() + 20
    while PAGE not in (printed := ask(machine, "http://backend/")[1]) and time.monotonic() < end:
        time.sleep(0.2)
    assert PAGE in printed and "server: envoy" in printed, printed + status(machine)
    code, printed = ask(machine, "http://203.0.113.190/")
    assert code == 0 and " 502 " in printed.splitlines()[0], printed
    code, printed = ask(machine, "http://203.0.113.190:81/")
    assert code in REFUSED, printed
    (mesh / "backend.yaml").unlink()
    while PAGE in (printed := ask(machine, "http://backend/")[1]) and time.monotonic() < end:
        time.sleep(0.2)
    assert " 502 " in printed.splitlines()[0], printed


def test_an_idle_sidecar_with_a_control_plane_is_small(machine, mesh, shopper):
    time.sleep(2)  # it gives memory back after its start
    assert smaps_of(machine, "shopper-weir-proxy")["Pss"] < 8000


def test_without_its_control_plane_a_pod_serves_on(machine, mesh, shopper):
    (mesh / "backend.yaml").write_text(ENTRY)
    end = time.monotonic() + 20
    while PAGE not in (printed := ask(machine, "http://backend/")[1]) and time.monotonic() < end:
        time.sleep(0.2)
    assert PAGE in printed, printed + status(machine)
    machine.podman("kill", "--signal", "KILL", "weir-control-weir-control")
    for _ in range(10):
        code, printed = ask(machine, "http://backend/")
        assert code == 0 and PAGE in printed, printed
        time.sleep(0.1)
    machine.podman("start", "weir-control-weir-control")
    end = time.monotonic() + 20
    while "shopper" not in (said := status(machine)) and time.monotonic() < end:
        time.sleep(0.2)
    assert "shopper" in said, machine.logs("shopper-weir-proxy") + machine.logs("weir-control-weir-control")
