# SPDX-License-Identifier: Apache-2.0
"""The Pods that are measured: those of manifests/, with another sidecar or none, by code. Values only, nothing runs."""

from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
BACKEND_ADDRESS = "203.0.113.180"
ENVOY_IMAGE, IPTABLES_IMAGE = "localhost/envoy:bench", "localhost/iptables:bench"
APPLICATION_IMAGE = "nginx:1.18-alpine"
MARK_OF_A_SIDECAR = "x-passed: sidecar"
NAME = "outbound"
PODMAN_INIT = "io.podman.annotations.init.container.type"
CONTROL = "weir-control"
CONTROL_PORT = 15010
SHOP = "shop"
ARGUMENTS_OF_A_KUBELET = {"$(POD_IP)": "203.0.113.170", "$(POD_NAME)": SHOP, "$(POD_NAMESPACE)": "default"}

# What an init container without Weir does for the same traffic; the shell stays to the end.
IPTABLES = ("iptables-nft -t nat -A OUTPUT -m owner --uid-owner 1337 -j RETURN && "
            "iptables-nft -t nat -A OUTPUT ! -d 127.0.0.1/32 -p tcp -j REDIRECT --to-ports 15001 || exit 1")

# The application asks until the answer that it wants is there, and says when that was and how often it had asked.
ASK = """\
n=0
while :; do
  n=$((n + 1))
  answer=$(/bin/curl -s -i --noproxy '*' -m 5 http://backend/)
  case $answer in
    *"$WANTED"*) echo "answered $(/bin/date +%s%N) $n"; break ;;
    *"$PASSED_BY"*) echo "passed by the proxy"; break ;;
  esac
  /bin/busybox usleep 5000
done
exec /bin/busybox sleep 3600
"""


def text_of(name):
    return (ROOT / "manifests" / name).read_text()


def documents(text):
    return [one for one in yaml.safe_load_all(text) if one]


def text_from(objects):
    return yaml.safe_dump_all(objects, sort_keys=False)


def pod_of(objects):
    return next(one for one in objects if one["kind"] == "Pod")


def name_of(text):
    return pod_of(documents(text))["metadata"]["name"]


class WeirPod:
    """Weir's Pod, as manifests/pods/outbound.yaml has it. `init`, `proxy`: names of its containers."""

    name, title = "weir", "Weir"
    init, proxy, intercepts = "weir-init", "weir-proxy", True

    def change(self, objects):
        """Puts another sidecar in."""
        return objects

    def outbound(self):
        return text_from(self.change(documents(text_of("pods/outbound.yaml"))))

    def asking(self, page):
        """outbound(), whose application asks the backend for its page as soon as it runs."""
        objects = documents(self.outbound())
        web = next(one for one in pod_of(objects)["spec"]["containers"] if one["name"] == "web")
        web["command"] = ["/bin/busybox", "sh", "-c", ASK]
        wanted = MARK_OF_A_SIDECAR if self.intercepts else page
        web["env"] = [{"name": "WANTED", "value": wanted}, {"name": "PASSED_BY", "value": page}]
        return text_from(objects)


class PlainPod(WeirPod):
    """No init container, no proxy, nothing of what they need."""

    name, title = "none", "no sidecar"
    init, proxy, intercepts = None, None, False

    def change(self, objects):
        objects = [one for one in objects if one["kind"] != "ConfigMap"]
        spec = pod_of(objects)["spec"]
        del spec["initContainers"], spec["volumes"]
        spec["containers"] = [one for one in spec["containers"] if one["name"] != WeirPod.proxy]
        return objects


class IdlePod(WeirPod):
    """What the container runtime takes for the two containers: Weir's, with programs that do nothing."""

    name, title, intercepts = "idle", "two containers that do nothing", False

    def change(self, objects):
        spec = pod_of(objects)["spec"]
        proxy = next(one for one in spec["containers"] if one["name"] == self.proxy)
        for one, words in ((spec["initContainers"][0], ["true"]), (proxy, ["sleep", "3600"])):
            one |= {"image": APPLICATION_IMAGE, "args": ["/bin/busybox", *words]}
        return objects


class EnvoyPod(WeirPod):
    """Envoy with the same configuration and restrictions, behind rules that a shell sets with iptables."""

    name, title = "envoy", "Envoy"
    init, proxy = "iptables", "envoy"

    def change(self, objects):
        spec = pod_of(objects)["spec"]
        for one in spec["initContainers"]:
            one |= {"name": self.init, "image": IPTABLES_IMAGE, "command": ["/bin/busybox", "sh", "-c", IPTABLES]}
            del one["args"]
        proxy = next(one for one in spec["containers"] if one["name"] == WeirPod.proxy)
        proxy |= {"name": self.proxy, "image": ENVOY_IMAGE, "args": ["-c", "/etc/envoy/envoy.yaml"]}
        return objects


# Its endpoint has an address: there is nobody to ask for a name.
ENTRY = f"""\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{ name: backend }}
spec:
  hosts: [backend.example.com]
  ports: [{{ number: 80, name: http, protocol: HTTP }}]
  resolution: STATIC
  location: MESH_EXTERNAL
  endpoints: [{{ address: {BACKEND_ADDRESS} }}]
"""

ALL = (PlainPod(), IdlePod(), WeirPod(), EnvoyPod())


def control_pod():
    """weir-control with the files of manifests/mesh and a host that may be reached."""
    files = {"mesh.yaml": text_of("mesh/mesh.yaml"), "entry.yaml": ENTRY}
    restrictions = {
        "runAsNonRoot": True, "runAsUser": 1337, "runAsGroup": 1337, "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    return text_from([
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mesh"}, "data": files},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": CONTROL}, "spec": {
            "restartPolicy": "OnFailure",
            "containers": [{
                "name": "control", "image": "weir:0.1.0", "imagePullPolicy": "IfNotPresent",
                "command": ["weir-control", "/etc/weir/mesh"], "args": [f"--listen=[::]:{CONTROL_PORT}"],
                "securityContext": restrictions,
                "volumeMounts": [{"name": "mesh", "mountPath": "/etc/weir/mesh", "readOnly": True}]}],
            "volumes": [{"name": "mesh", "configMap": {"name": "mesh"}}]}}])


def workload():
    """An application before the injection."""
    return text_from([{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": SHOP, "labels": {"app": SHOP}}, "spec": {
        "restartPolicy": "OnFailure",
        "containers": [{"name": "web", "image": APPLICATION_IMAGE, "imagePullPolicy": "IfNotPresent"}]}}])


def playable(text, variant):
    """What weirctl injected, for podman of Debian 12: it knows no downward API, asks for an
    annotation, and takes none that is long.

    The variant's sidecar takes the place of Weir's, with the bootstrap, node and cluster that weirctl gave that.
    """
    objects = documents(text)
    pod = pod_of(objects)
    pod["metadata"]["annotations"] = {PODMAN_INIT: "always"}
    proxy = next(one for one in pod["spec"]["containers"] if one["name"] == WeirPod.proxy)
    for one in [*pod["spec"]["initContainers"], proxy]:
        one.pop("env", None)
        one["args"] = [with_values(word) for word in one["args"]]
    arguments = proxy["args"]
    kept = [word for flag in ("--service-cluster", "--service-node", "--config-yaml")
            for word in arguments[arguments.index(flag):][:2]]
    objects = variant.change(objects)
    if variant.proxy != WeirPod.proxy:
        proxy["args"] = kept
    return text_from(objects)


def with_values(word):
    for name, value in ARGUMENTS_OF_A_KUBELET.items():
        word = word.replace(name, value)
    return word
