# SPDX-License-Identifier: Apache-2.0
"""Every Kubernetes object under manifests/ is valid against the schemas of Kubernetes."""

import re

import pytest
import schemas
import yaml

from harness import programs

MANIFESTS = programs.CHECKOUT / "manifests"
# Templates are no YAML; what they render to is checked in test_installation.py.
FILES = [one for one in sorted(MANIFESTS.rglob("*.y*ml")) if "templates" not in one.parts]
# Kubernetes' own groups; those of resources that are defined elsewhere (Istio's, kustomize's) have no schema there.
OWN = re.compile(r"v1|(?!kustomize\.)(apps|batch|autoscaling|policy|[a-z.]+\.k8s\.io)/v[0-9a-z]+")

pytestmark = pytest.mark.peer


@pytest.fixture(autouse=True, scope="module")
def _schemas():
    try:
        schemas.python()
    except schemas.Unavailable as reason:
        pytest.skip(f"Kubernetes' schemas cannot be had: {reason}")


def kubernetes_objects(text: str) -> list[dict]:
    documents = [one for one in yaml.safe_load_all(text) if isinstance(one, dict)]
    return [one for one in documents if "kind" in one and OWN.fullmatch(str(one.get("apiVersion")))]


@pytest.mark.parametrize("file", FILES, ids=[str(one.relative_to(MANIFESTS)) for one in FILES])
def test_objects_of_a_file_are_valid(file):
    if found := kubernetes_objects(file.read_text()):
        schemas.validate(found)


def test_objects_are_found():
    kinds = {one["kind"] for file in FILES for one in kubernetes_objects(file.read_text())}
    assert {"Namespace", "Deployment", "Service", "MutatingWebhookConfiguration", "NetworkPolicy"} <= kinds


@pytest.mark.parametrize("spec, named", [
    ({"containers": [{"name": "a", "image": "a", "port": 1}]}, "port"),
    ({"containers": [{"image": "a"}]}, "name"),
    ({"containers": [{"name": "a", "ports": [{"containerPort": "80"}]}]}, "containerPort"),
    ({}, "containers"),
])
def test_what_is_not_valid_is_found(spec, named):
    with pytest.raises(schemas.Invalid, match=named):
        schemas.validate([{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}])
