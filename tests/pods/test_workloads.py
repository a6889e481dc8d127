# SPDX-License-Identifier: Apache-2.0
"""The workloads of manifests/workloads/, run as Kubernetes does (kubelet.py): start, probes, end, load all the while."""

import contextlib
import json
import os
import random
import signal
import threading
import time

import pytest
import yaml
from conftest import weirctl
from kubelet import Pod
from pod_images import PAGE

from harness import programs

FOLDER = programs.CHECKOUT / "manifests/workloads"
TERMINATIONS = int(os.environ.get("WEIR_POD_TERMINATIONS", "50"))
RESTARTS = int(os.environ.get("WEIR_POD_RESTARTS", "50"))
KILLS = int(os.environ.get("WEIR_POD_KILLS", "20"))
BACKEND_ADDRESS = "203.0.113.180"
KINDS = ["native-sidecar", "classic-sidecar"]
# How long it takes until clients have heard that a Pod ends.
NEWS_SECONDS = 1


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.yaml").read_text()


@pytest.fixture(scope="module")
def backend(machine):
    text = (programs.CHECKOUT / "manifests/pods/backend.yaml").read_text()
    machine.play(text, "--ip", BACKEND_ADDRESS)
    yield
    machine.remove("backend")


def asks(*to: str, linger: int = 0):
    """Changes a Pod's application into one that serves and asks these addresses all the time."""

    def change(spec: dict) -> None:
        asked = [part for one in to for part in ("--ask", one)]
        spec["containers"][-1]["command"] = ["application", "--serve", "80", *asked, "--linger", str(linger)]

    return change


def shop(machine, kind: str, change=lambda spec: None) -> Pod:
    return Pod(machine, text_of("configuration"), text_of(kind), change=change)


def record_of(machine, container: str) -> dict:
    """What tests/support/application says at its end."""
    return json.loads(machine.logs(container).strip().splitlines()[-1])


@contextlib.contextmanager
def load(machine, address: str):
    """A client in a container that asks without pause; its record is in the list afterwards."""
    records: list[dict] = []
    name = "load"
    machine.podman("run", "-d", "--name", name, "--network", "weir", "nginx:1.18-alpine", "application", "--ask", f"{address}:80")
    try:
        time.sleep(0.5)
        yield records
        machine.podman("stop", "-t", "40", name)
        records.append(record_of(machine, name))
    finally:
        machine.podman("rm", "-f", "-t", "0", name, check=False)


def ask(machine, container: str, url: str) -> tuple[int, str]:
    return machine.execute(container, "/bin/curl", "-sS", "-i", "--noproxy", "*", "-m", "5", url)


@pytest.mark.parametrize("kind", KINDS)
def test_a_deployment_serves_and_asks(machine, backend, kind):
    """Ready by its own probes; inbound, outbound by name and by address pass the sidecar."""
    with shop(machine, kind) as pod:
        pod.wait_ready()
        code, printed = ask(machine, "shop-web", "http://backend/")
        assert code == 0 and PAGE in printed and "x-passed: sidecar" in printed
        code, printed = ask(machine, "shop-web", f"http://{BACKEND_ADDRESS}/")
        assert code == 0 and PAGE in printed and "server: envoy" in printed
        code, printed = ask(machine, "backend-web", f"http://{pod.address}/")
        assert code == 0 and PAGE in printed and "x-passed: sidecar" in printed
        assert pod.terminate() == {"weir-proxy": 0, "web": 0}


@pytest.mark.parametrize("kind", KINDS)
def test_probes_tell_what_is_wrong(machine, backend, kind):
    with shop(machine, kind) as pod:
        pod.wait_ready()
        web, proxy = pod.find("web"), pod.find("weir-proxy")
        machine.podman("kill", "--signal", "KILL", web.name)
        pod.wait_exit(web)
        assert "503" in pod.probe(web, "livenessProbe") and pod.probe(proxy, "readinessProbe") == ""
        pod.start(web)
        pod.wait_ready()
        machine.podman("kill", "--signal", "STOP", proxy.name)
        assert "not ready within 1000 ms" in pod.probe(proxy, "readinessProbe")
        assert "timed out" in pod.probe(web, "readinessProbe")
        machine.podman("kill", "--signal", "CONT", proxy.name)
        pod.wait_ready()


@pytest.mark.parametrize("kind", KINDS)
def test_the_application_waits_for_the_proxy(machine, backend, kind):
    """A proxy that cannot start: the application is not started. One that is slow: it starts after it."""

    def broken(spec: dict) -> None:
        proxy = next(one for one in [*spec["initContainers"], *spec["containers"]] if one["name"] == "weir-proxy")
        proxy["args"] = [*proxy["args"], "--config-yaml", "static_resources: { nonsense: 1 }"]
        if "startupProbe" in proxy:
            proxy["startupProbe"]["failureThreshold"] = 3
        else:
            proxy["lifecycle"]["postStart"]["exec"]["command"] += ["--timeout", "2s"]

    pod = shop(machine, kind, broken)
    try:
        with pytest.raises(Exception, match="weir-proxy"):
            pod.run()
        assert pod.state(pod.find("web"))["Status"] == "created"
        assert "static_resources.nonsense" in machine.logs("shop-weir-proxy")
    finally:
        pod.close()


def test_a_native_sidecar_sends_connections_away_before_its_end(machine, backend):
    """Its preStop hook runs while the application still serves; SIGTERM comes after that."""
    with shop(machine, "native-sidecar") as pod:
        pod.wait_ready()
        url = f"http://{pod.address}/"
        assert "connection: close" not in ask(machine, "backend-web", url)[1]
        proxy = pod.find("weir-proxy")
        code, printed = machine.execute(proxy.name, *proxy.spec["lifecycle"]["preStop"]["exec"]["command"])
        assert code == 0, printed
        code, printed = ask(machine, "backend-web", url)
        assert code == 0 and PAGE in printed and "connection: close" in printed
        assert "DRAINING" in pod.probe(proxy, "readinessProbe")


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_of_a_pod_fails_no_request(machine, backend, kind):
    """Clients come for a second after the deletion, over kept and over new connections; the application asks to its last moment."""
    for _ in range(TERMINATIONS):
        with shop(machine, kind, asks(f"{BACKEND_ADDRESS}:80", linger=300)) as pod:
            pod.wait_ready()
            codes: dict[str, int] = {}
            with load(machine, pod.address) as records:
                ending = threading.Thread(target=lambda: codes.update(pod.terminate()))
                ending.start()
                time.sleep(NEWS_SECONDS)
            ending.join()
            assert codes == {"weir-proxy": 0, "web": 0}
            inbound, outbound = records[0], record_of(machine, "shop-web")
            assert inbound["failures"] == {} and inbound["asked"] > 100
            assert outbound["failures"] == {} and outbound["asked"] > 100
            assert outbound["served"] >= inbound["asked"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_restart_of_the_sidecar_under_load_refuses_nobody(machine, backend, kind):
    """Requests that a killed proxy had begun are lost; no connection is refused, and each end is made good by the next start."""
    with shop(machine, kind, asks(f"{BACKEND_ADDRESS}:80")) as pod:
        pod.wait_ready()
        proxy = pod.find("weir-proxy")
        with load(machine, pod.address) as records:
            for _ in range(RESTARTS):
                machine.podman("kill", "--signal", "KILL", proxy.name)
                pod.wait_exit(proxy)
                pod.start(proxy)
                pod.wait_ready()
                time.sleep(1)  # who waits in the kernel tries again after 1, 2, 4 s
        machine.podman("stop", "-t", "40", "shop-web")
        for record in (records[0], record_of(machine, "shop-web")):
            assert record["asked"] > 20 * RESTARTS
            assert not [what for what in record["failures"] if what.startswith("connect")], record
            # Two clients, each with at most one request or connection under way.
            assert sum(record["failures"].values()) <= 2 * RESTARTS, record


@pytest.mark.parametrize("victim", ["weir-init", "weir-proxy", "web"])
def test_a_kill_at_any_moment_leaves_a_pod_that_starts_again(machine, backend, victim):
    """Whatever its moment and signal, a second start of the container makes the Pod whole."""
    randomness = random.Random(20261129)
    for _ in range(KILLS):
        with shop(machine, "native-sidecar") as pod:
            pod.wait_ready()
            container = pod.find(victim)
            number = randomness.choice([signal.SIGTERM, signal.SIGKILL])
            if pod.state(container)["Status"] == "running":
                machine.podman("kill", "--signal", "KILL", container.name)
                pod.wait_exit(container)
            starting = threading.Thread(target=lambda: pod.start(container))
            starting.start()
            time.sleep(randomness.uniform(0, 0.5))
            machine.podman("kill", "--signal", str(int(number)), container.name, check=False)
            starting.join()
            # The first process of a container gets no signal that it does not expect yet.
            machine.podman("stop", "-t", "1", container.name)
            pod.start(container)
            if victim == "weir-init":
                assert pod.wait_exit(container) == 0
            pod.wait_ready()
            code, printed = ask(machine, "backend-web", f"http://{pod.address}/")
            assert code == 0 and "x-passed: sidecar" in printed
            code, printed = ask(machine, "shop-web", "http://backend/")
            assert code == 0 and "x-passed: sidecar" in printed


def test_a_job_completes(machine, backend):
    with Pod(machine, text_of("configuration"), text_of("job")) as pod:
        assert pod.complete() == {"report": 0, "weir-proxy": 0}
        assert "x-passed: sidecar" in machine.logs("report-report")


def test_a_job_with_a_classic_sidecar_completes_by_itself(machine, backend):
    """Nobody ends the sidecar: it sees the application end."""
    documents = list(yaml.safe_load_all(text_of("job")))
    spec = documents[0]["spec"]["template"]["spec"]
    spec["initContainers"] = []
    spec["volumes"] = []
    injected = weirctl("inject", "--native-sidecar=false", "--config-map", "shop-configuration", text=yaml.safe_dump_all(documents))
    with Pod(machine, text_of("configuration"), injected) as pod:
        assert pod.spec["shareProcessNamespace"] is True
        assert {one.spec["name"]: pod.wait_exit(one) for one in pod.containers} == {"weir-proxy": 0, "report": 0}
        assert "x-passed: sidecar" in machine.logs("report-report")


FLAGS = {"native-sidecar": [], "job": [], "classic-sidecar": ["--native-sidecar=false"]}


@pytest.mark.parametrize("name", FLAGS)
def test_the_manifests_are_what_weirctl_would_make(name):
    """Without its containers and volume, inject puts the very same back."""
    written = list(yaml.safe_load_all(text_of(name)))
    plain = list(yaml.safe_load_all(text_of(name)))
    spec = plain[0]["spec"]["template"]["spec"]
    for part in ("initContainers", "containers", "volumes"):
        spec[part] = [one for one in spec[part] if not one["name"].startswith("weir-")]
    flags = ["--config-map", "shop-configuration", "--image-pull-policy", "IfNotPresent", *FLAGS[name]]
    made = list(yaml.safe_load_all(weirctl("inject", *flags, text=yaml.safe_dump_all(plain))))
    del made[0]["spec"]["template"]["metadata"]["annotations"]
    assert made == written
