# SPDX-License-Identifier: Apache-2.0
"""Runs one Pod of a manifest as Kubernetes' node agent does, with podman for the containers.

podman plays Pods, but has no native sidecars (init containers that restart), no probes that gate the start, no hooks, and ends all
containers together. So it only makes the containers (`podman kube play --start=false`), from the manifest; when they
start, are probed, and end is decided here, by the rules of "Pod Lifecycle" and "Sidecar Containers" in Kubernetes' documentation.
"""

import concurrent.futures
import dataclasses
import time
import urllib.request

import yaml
from pod_machine import PodMachine

GRACE_SECONDS = 30
START_SECONDS = 60
# Kubernetes starts what has ended again, podman would too: one of the two.
NEVER = "Never"


class PodFailed(Exception):
    """The Pod did not start, and why."""


@dataclasses.dataclass(frozen=True)
class Container:
    """One of the Pod's; name is podman's."""

    name: str
    spec: dict
    sidecar: bool = False  # a native one


def template_of(document: dict) -> dict | None:
    """metadata and spec of the Pod that an object stands for."""
    match document.get("kind"):
        case "Pod":
            return document
        case "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job":
            return document["spec"]["template"]
    return None


def expand_variables(container: dict, fields: dict[str, str]) -> None:
    """Gives variables that refer to the Pod's fields their values, and puts them into $(NAME) of the arguments."""
    for variable in container.get("env", []):
        if source := variable.pop("valueFrom", None):
            variable["value"] = fields[source["fieldRef"]["fieldPath"]]
    for variable in container.get("env", []):
        container["args"] = [one.replace(f"$({variable['name']})", variable["value"]) for one in container.get("args", [])]


def for_podman(container: dict) -> dict:
    """Without what this module does itself, and without ports: podman would publish them on the machine, where two Pods clash."""
    own = ("ports", "lifecycle", "startupProbe", "readinessProbe", "livenessProbe", "restartPolicy")
    return {key: value for key, value in container.items() if key not in own}


class Pod:
    """run() first, close() at the end, whatever happened. One thread."""

    def __init__(self, machine: PodMachine, *manifests: str, address: str = "", change=lambda spec: None):
        """The first Pod or workload of the texts, with the ConfigMaps beside it; `change` may change the Pod's spec.

        `address`: the one it gets; without one its fields cannot be variables of its containers.
        """
        self._machine = machine
        documents = [one for text in manifests for one in yaml.safe_load_all(text) if one]
        owner = next(one for one in documents if template_of(one))
        self.name = owner["metadata"]["name"]
        template = template_of(owner)
        self.spec = template["spec"]
        change(self.spec)
        fields = {"metadata.name": self.name, "metadata.namespace": owner["metadata"].get("namespace", "default")}
        for container in [*self.spec.get("initContainers", []), *self.spec["containers"]]:
            expand_variables(container, {**fields, "status.podIP": address})
        # podman allows no annotation of the Pod's that is longer than 63 characters.
        annotations = {"io.podman.annotations.init.container.type": "always"}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "labels": template["metadata"].get("labels", {}), "annotations": annotations},
            "spec": {
                **self.spec,
                "restartPolicy": NEVER,
                **{part: [for_podman(one) for one in self.spec.get(part, [])] for part in ("initContainers", "containers")},
            },
        }
        maps = [one for one in documents if one["kind"] == "ConfigMap"]
        self._text = yaml.safe_dump_all([*maps, pod], sort_keys=False)
        self.init = [
            Container(f"{self.name}-{one['name']}", one, one.get("restartPolicy") == "Always")
            for one in self.spec.get("initContainers", [])
        ]
        self.containers = [Container(f"{self.name}-{one['name']}", one) for one in self.spec["containers"]]
        self.address = address

    def __enter__(self) -> "Pod":
        try:
            self.run()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.close()

    # The beginning.

    def run(self) -> None:
        """Makes and starts all containers. PodFailed when one of those that the others wait for does not come up."""
        self._machine.play(self._text, "--start=false", *(["--ip", self.address] if self.address else []))
        for container in self.init:
            self.start(container)
            self.address = self.address or self._machine.address(self.name)
            if container.sidecar:
                self._wait_for_probe(container, "startupProbe")
            elif (code := self.wait_exit(container)) != 0:
                raise PodFailed(f"{container.name}: exit {code}: {self._machine.logs(container.name)}")
        for container in self.containers:
            self.start(container)
            if hook := self._hook(container, "postStart"):
                code, printed = self._machine.execute(container.name, *hook)
                if code != 0:
                    raise PodFailed(f"{container.name}: postStart: exit {code}: {printed}")
        self.address = self.address or self._machine.address(self.name)

    def start(self, container: Container) -> None:
        """The first time, or again."""
        self._machine.podman("start", container.name)

    def find(self, name: str) -> Container:
        """By its name in the manifest."""
        return next(one for one in [*self.init, *self.containers] if one.spec["name"] == name)

    # While it runs.

    def probe(self, container: Container, kind: str) -> str:
        """Nothing when the probe `kind` succeeds, or is not there; what it says otherwise."""
        probe = container.spec.get(kind)
        if not probe:
            return ""
        if "exec" in probe:
            code, printed = self._machine.execute(container.name, *probe["exec"]["command"])
            return "" if code == 0 else f"exit {code}: {printed}"
        asked = probe["httpGet"]

        def get() -> str:
            # From outside the Pod, as the node does.
            url = f"http://{self.address}:{asked['port']}{asked.get('path', '/')}"
            try:
                with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=probe.get("timeoutSeconds", 1)):
                    return ""
            except OSError as problem:
                return f"{url}: {problem}"

        return self._machine.network_namespace.call(get)

    def not_ready(self) -> str:
        """Why the Pod is not ready; nothing when it is."""
        checked = [*[one for one in self.init if one.sidecar], *self.containers]
        return "".join(f"{one.name}: {said}" for one in checked if (said := self.probe(one, "readinessProbe")))

    def wait_ready(self) -> None:
        end = time.monotonic() + START_SECONDS
        while said := self.not_ready():
            if time.monotonic() > end:
                raise PodFailed(said)
            time.sleep(0.1)

    def state(self, container: Container) -> dict:
        return self._machine.inspect(container.name)["State"]

    def wait_exit(self, container: Container, seconds: float = START_SECONDS) -> int:
        """Its exit code."""
        end = time.monotonic() + seconds
        while (state := self.state(container))["Status"] != "exited":
            if time.monotonic() > end:
                raise PodFailed(f"{container.name}: has not ended within {seconds} s")
            time.sleep(0.05)
        return state["ExitCode"]

    # The end.

    def terminate(self) -> dict[str, int]:
        """Ends the Pod as a deletion does, within its grace period. The exit codes by the container's name in the manifest.

        All preStop hooks begin at once; then the containers get SIGTERM, and the native sidecars after them, the last one first.
        """
        end = time.monotonic() + self.spec.get("terminationGracePeriodSeconds", GRACE_SECONDS)
        sidecars = [one for one in reversed(self.init) if one.sidecar]
        with concurrent.futures.ThreadPoolExecutor() as threads:
            hooks = {one.name: threads.submit(self._pre_stop, one) for one in [*self.containers, *sidecars]}
            for done in [threads.submit(self._end, one, hooks[one.name], end) for one in self.containers]:
                done.result()
            for one in sidecars:
                self._end(one, hooks[one.name], end)
        return {one.spec["name"]: self.state(one)["ExitCode"] for one in [*self.containers, *sidecars]}

    def complete(self) -> dict[str, int]:
        """Waits until all containers have ended by themselves, then ends native sidecars, as for a Job. Exit codes as above."""
        for one in self.containers:
            self.wait_exit(one)
        return self.terminate()

    def close(self) -> None:
        self._machine.remove(self.name)
        self._machine.podman("volume", "prune", "-f", check=False)  # its ConfigMaps

    def _wait_for_probe(self, container: Container, kind: str) -> None:
        probe = container.spec.get(kind, {})
        for _ in range(probe.get("failureThreshold", 3)):
            said = self.probe(container, kind)
            if not said:
                return
            if self.state(container)["Status"] == "exited":
                break
            time.sleep(probe.get("periodSeconds", 10))
        raise PodFailed(f"{container.name}: {kind}: {said}; {self._machine.logs(container.name)}")

    def _hook(self, container: Container, kind: str) -> list[str]:
        return container.spec.get("lifecycle", {}).get(kind, {}).get("exec", {}).get("command", [])

    def _pre_stop(self, container: Container) -> None:
        if (hook := self._hook(container, "preStop")) and self.state(container)["Status"] == "running":
            code, printed = self._machine.execute(container.name, *hook)
            if code != 0:
                raise PodFailed(f"{container.name}: preStop: exit {code}: {printed}")

    def _end(self, container: Container, hook: concurrent.futures.Future, end: float) -> None:
        hook.result()
        if self.state(container)["Status"] != "running":
            return
        seconds = max(2, int(end - time.monotonic()))
        self._machine.podman("stop", "-t", str(seconds), container.name, timeout=seconds + 30)
