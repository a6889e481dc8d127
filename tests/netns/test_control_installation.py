# SPDX-License-Identifier: Apache-2.0
"""The container of the kustomize base (and so of the chart) as its Deployment starts it: command, user, files, ports, probes."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import types

import pytest
import yaml

from harness import programs
from proxy_process import wait_for
from test_control_webhook import POD, patched
from webhook_process import Client, Secret, encoded, review_of

KUSTOMIZE = programs.CHECKOUT / "manifests" / "kustomize"


def objects(name: str) -> list[dict]:
    return [one for one in yaml.safe_load_all((KUSTOMIZE / "base" / f"{name}.yaml").read_text()) if one]


@pytest.fixture
def folder_of_everybody():
    """pytest's own folders are root's alone."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-test-installation-"))
    os.chmod(folder, 0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def certificate(tmp_path):
    """What the example's script makes, in a copy of its folder."""
    folder = tmp_path / "example"
    shutil.copytree(KUSTOMIZE / "overlays" / "example", folder)
    subprocess.run(["sh", folder / "certificate.sh"], capture_output=True, check=True)
    return folder


@pytest.fixture
def installed(make_namespace, certificate, folder_of_everybody):
    """The container's process, and where it is reached."""
    pod = objects("deployment")[0]["spec"]["template"]["spec"]
    container = pod["containers"][0]
    # Where its volumes are mounted; user 1337 reads them there.
    secret = Secret(folder_of_everybody / "secret", (certificate / "tls.crt").read_bytes(), (certificate / "tls.key").read_bytes())
    mounts = {"mesh": KUSTOMIZE / "base" / "mesh", "webhook": secret.folder}
    argv = [*container["command"], *container["args"]]
    for mount in container["volumeMounts"]:
        argv = [one.replace(mount["mountPath"], str(mounts[mount["name"]])) for one in argv]
    user = pod["securityContext"]
    assert argv[0] == "weir-control"
    namespace = make_namespace("control")
    log = folder_of_everybody / "log"
    with open(log, "w") as out:
        process = namespace.popen(
            [programs.weir_control(), *argv[1:]], uid=user["runAsUser"], gid=user["runAsGroup"], stdin=subprocess.DEVNULL,
            stdout=out, stderr=out
        )
    ports = {one["name"]: one["containerPort"] for one in container["ports"]}
    try:
        wait_for(lambda: "serving '" in log.read_text() or process.poll() is not None, "weir-control serves", 30)
        assert process.poll() is None, log.read_text()
        yield types.SimpleNamespace(namespace=namespace, process=process, container=container, ports=ports, log=log)
    finally:
        process.kill()
        process.wait()


def test_the_container_serves_what_the_installation_says(installed, certificate):
    authority = types.SimpleNamespace(certificate=certificate / "ca.crt")
    for name in ("readinessProbe", "livenessProbe"):
        probe = installed.container[name]["httpGet"]
        assert probe["scheme"] == "HTTPS"
        there = types.SimpleNamespace(namespace=installed.namespace, port=installed.ports[probe["port"]], authority=authority)
        with Client(there) as client:
            assert client.request("GET", probe["path"]).status == 200
    # As the API server asks: at the Service's port, by the Service's name, with the webhook's path.
    service = objects("service")[0]
    targets = {one["port"]: installed.ports[one["targetPort"]] for one in service["spec"]["ports"]}
    for webhook in objects("webhook")[0]["webhooks"]:
        asked = webhook["clientConfig"]["service"]
        assert (asked["name"], asked["namespace"]) == (service["metadata"]["name"], service["metadata"]["namespace"])
        there = types.SimpleNamespace(namespace=installed.namespace, port=targets[asked["port"]], authority=authority)
        with Client(there, address="::1") as client:
            response = client.request("POST", asked["path"] + "?timeout=10s", encoded(review_of(POD)))
            assert patched(POD, response.review())["spec"]["initContainers"]
    # As proxies ask: what the ConfigMap holds.
    ask = [programs.weir_control(), "fetch", "--server", f"127.0.0.1:{targets[15010]}", "--type", "route"]
    assert "shop.example.com" in installed.namespace.run(ask, check=True).stdout



def test_the_pod_is_restricted_as_its_namespace_demands():
    """PodSecurity "restricted", word by word; and nothing of the cluster is given to it."""
    level = objects("namespace")[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    pod = objects("deployment")[0]["spec"]["template"]["spec"]
    assert level == "restricted" and pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 1337
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    assert {next(iter(volume.keys() - {"name"})) for volume in pod["volumes"]} <= {"configMap", "secret"}
    for container in pod["containers"]:
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False and own["privileged"] is False
        assert own["capabilities"] == {"drop": ["ALL"]} and own["readOnlyRootFilesystem"] is True
        assert not any("hostPort" in port for port in container["ports"])
    assert pod["automountServiceAccountToken"] is False
