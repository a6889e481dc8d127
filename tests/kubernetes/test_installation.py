# SPDX-License-Identifier: Apache-2.0
"""The Helm chart and the kustomize base: the same installation twice, valid, and what their values do."""

import base64
import copy
import shutil
import subprocess

import pytest
import schemas
import yaml

from harness import go_program, programs
from rendering import CHART, KUSTOMIZE, Refused, helm, kustomize, objects, program

pytestmark = pytest.mark.peer
DEPLOYMENT = ("Deployment", "weir-control")
SECRET = ("Secret", "weir-control-webhook")
WEBHOOK = ("MutatingWebhookConfiguration", "weir-control")
IMAGES = [f"--webhook-{one}-image=registry.example.com/weir/weir-{one}:0.1.0" for one in ("init", "proxy")]
PAIR = {"certificate": "a certificate", "key": "a key", "caBundle": "an authority"}


@pytest.fixture(autouse=True, scope="module")
def _renderer():
    try:
        program()
        schemas.python()
    except (go_program.Unavailable, schemas.Unavailable) as reason:
        pytest.skip(f"Helm, kustomize or Kubernetes' schemas cannot be had: {reason}")


@pytest.fixture
def overlay(tmp_path):
    """The example overlay beside its base, with the certificate that its script makes."""
    shutil.copytree(KUSTOMIZE, tmp_path / "kustomize")
    folder = tmp_path / "kustomize" / "overlays" / "example"
    subprocess.run(["sh", str(folder / "certificate.sh")], capture_output=True, timeout=60, check=True)
    return folder


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def container(found: dict) -> dict:
    return found[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]


def authorities(found: dict) -> list:
    """The caBundle of each webhook, taken away."""
    return [one["clientConfig"].pop("caBundle", None) for one in found[WEBHOOK]["webhooks"]]


def test_chart_and_base_have_the_same_content():
    chart, base = objects(helm()), objects(kustomize(KUSTOMIZE / "base"))
    # All that differs: the base has no certificate, its overlay adds it.
    secret = chart.pop(SECRET)
    assert authorities(chart) == [secret["data"]["ca.crt"]] * 2
    assert authorities(base) == [None, None]
    assert chart.keys() == base.keys() and len(chart) == 8
    for key, one in chart.items():
        assert one == base[key], key


def test_chart_and_overlay_have_the_same_content(overlay):
    values = {
        "image": {"repository": "registry.example.com/weir/weir"},
        "replicas": 3,
        "mesh": {"search-entry.yaml": (overlay / "search-entry.yaml").read_text()},
        "webhook": {
            "injection": {"flags": IMAGES},
            "certificate": {
                "source": "values",
                "certificate": (overlay / "tls.crt").read_text(),
                "key": (overlay / "tls.key").read_text(),
                "caBundle": (overlay / "ca.crt").read_text(),
            }
        },
    }
    chart, made = objects(helm(values)), objects(kustomize(overlay))
    for found in (chart, made):  # kustomize breaks its base64 into lines, which decoders pass over
        found[SECRET]["data"] = {name: base64.b64decode(text) for name, text in found[SECRET]["data"].items()}
        found[WEBHOOK]["authorities"] = [base64.b64decode(text) for text in authorities(found)]
    assert chart == made


def test_the_mesh_is_that_of_the_examples():
    served = objects(helm())[("ConfigMap", "weir-mesh")]["data"]
    manifests = programs.CHECKOUT / "manifests"
    assert served == {
        "mesh.yaml": (manifests / "mesh" / "mesh.yaml").read_text(),
        "shop-entry.yaml": (manifests / "shop-entry.yaml").read_text(),
    }


VALUES = {
    "nothing": {},
    "no webhook": {"webhook": {"enabled": False}},
    "certificate given": {"webhook": {"certificate": {"source": "values", **PAIR}}},
    "certificate elsewhere": {
        "webhook": {
            "annotations": {"cert-manager.io/inject-ca-from": "weir-system/webhook"},
            "certificate": {"source": "secret", "secretName": "theirs"},
        }
    },
    "everything": {
        "namespace": "mesh",
        "image": {"repository": "registry.example.com/weir", "tag": "edge", "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "registry"}],
        "replicas": 1,
        "podDisruptionBudget": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "control", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "system-cluster-critical",
        "podAnnotations": {"example.com/team": "mesh"},
        "mesh": {"shop-entry.yaml": None, "one.json": "{}"},
        "webhook": {
            "failurePolicy": "Ignore",
            "onRefusal": "allow-with-warning",
            "excludedNamespaces": [],
            "injection": {"initImage": "example.com/i", "proxyImage": "example.com/p", "control": "other:1"},
        },
    },
}


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())
def test_what_the_chart_renders_is_valid(values):
    schemas.validate(list(objects(helm(values)).values()))


def test_what_the_overlay_renders_is_valid(overlay):
    schemas.validate(list(objects(kustomize(overlay)).values()))


def test_values_reach_their_places():
    found = objects(helm(VALUES["everything"]))
    assert {one["metadata"].get("namespace", "mesh") for one in found.values()} == {"mesh"}
    assert container(found)["image"] == "registry.example.com/weir:edge"
    assert container(found)["args"][-4:] == [
        "--webhook-on-refusal=allow-with-warning", "--webhook-control=other:1", "--webhook-init-image=example.com/i",
        "--webhook-proxy-image=example.com/p"
    ]
    pod = found[DEPLOYMENT]["spec"]["template"]
    assert pod["metadata"]["annotations"] == {"example.com/team": "mesh"}
    assert pod["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert found[("ServiceAccount", "weir-control")]["imagePullSecrets"] == [{"name": "registry"}]
    assert found[("ConfigMap", "weir-mesh")]["data"].keys() == {"mesh.yaml", "one.json"}
    for webhook in found[WEBHOOK]["webhooks"]:
        assert webhook["failurePolicy"] == "Ignore"
        assert webhook["clientConfig"]["service"]["namespace"] == "mesh"
        assert webhook["namespaceSelector"]["matchExpressions"][1]["values"] == ["mesh"]
    assert not {"PodDisruptionBudget", "NetworkPolicy"} & {kind for kind, _ in found}


def test_without_the_webhook_nothing_of_it_is_left():
    found = objects(helm(VALUES["no webhook"]))
    assert SECRET not in found and WEBHOOK not in found
    assert "webhook" not in yaml.safe_dump(list(found.values()))
    assert container(found)["livenessProbe"]["exec"] == {"command": ["weir-control", "status"]}


def test_the_namespace_is_made_unless_the_release_lives_there():
    assert ("Namespace", "weir-system") in objects(helm())
    assert ("Namespace", "weir-system") not in objects(helm(namespace="weir-system"))


def test_a_certificate_is_generated_once(tmp_path):
    first = objects(helm())[SECRET]
    for name, text in first["data"].items():
        (tmp_path / name).write_bytes(base64.b64decode(text))
    for host in ("weir-control.weir-system.svc", "weir-control.weir-system.svc.cluster.local"):
        check = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", host, "-CAfile"]
        subprocess.run([*check, tmp_path / "ca.crt", tmp_path / "tls.crt"], capture_output=True, check=True)
    again = objects(helm(existing=copy.deepcopy(first)))
    assert again[SECRET] == first
    assert authorities(again) == [first["data"]["ca.crt"]] * 2
    elsewhere = {**first, "metadata": {**first["metadata"], "namespace": "other"}}
    assert objects(helm(existing=elsewhere))[SECRET]["data"] != first["data"]


def test_a_certificate_that_is_given_is_taken():
    found = objects(helm(VALUES["certificate given"]))
    assert found[SECRET]["data"] == {
        "ca.crt": encoded("an authority"), "tls.crt": encoded("a certificate"), "tls.key": encoded("a key")
    }
    assert authorities(found) == [encoded("an authority")] * 2
    found = objects(helm(VALUES["certificate elsewhere"]))
    assert not [kind for kind, _ in found if kind == "Secret"]
    assert authorities(found) == [None, None]
    volumes = found[DEPLOYMENT]["spec"]["template"]["spec"]["volumes"]
    assert [one["secret"]["secretName"] for one in volumes if "secret" in one] == ["theirs"]


@pytest.mark.parametrize("values, named", [
    ({"replica": 3}, "replica"),
    ({"replicas": "three"}, "replicas"),
    ({"namespace": "Weir_System"}, "namespace"),
    ({"logLevel": "loud"}, "logLevel"),
    ({"mesh": {"../passwd": "x"}}, "passwd"),
    ({"webhook": {"failurePolicy": "Maybe"}}, "failurePolicy"),
    ({"webhook": {"timeoutSeconds": 31}}, "timeoutSeconds"),
    ({"webhook": {"injection": {"flags": ["--listen=0.0.0.0:1"]}}}, "flags"),
    ({"webhook": {"certificate": {"source": "values", "certificate": "x"}}}, "key"),
])
def test_values_that_cannot_be_are_refused(values, named):
    with pytest.raises(Refused, match=named):
        helm(values)


def test_every_value_of_the_chart_is_in_its_schema():
    """With a value of another type in each place of values.yaml, one by one, nothing is rendered."""
    def places(content, path=()):
        for name, value in content.items():
            yield (*path, name)
            if isinstance(value, dict) and path + (name,) not in [("resources",), ("mesh",)]:
                yield from places(value, (*path, name))

    for path in places(yaml.safe_load((CHART / "values.yaml").read_text())):
        wrong: object = 1.5
        for name in reversed(path):
            wrong = {name: wrong}
        with pytest.raises(Refused, match="schema|coalesce|not a table"):
            helm(wrong)
            pytest.fail(f"{'.'.join(path)}: not in the schema")


def test_the_notes_say_what_to_do():
    notes = helm()["weir/templates/NOTES.txt"]
    assert "kubectl label namespace NAME weir.io/inject=enabled" in notes and "caBundle" not in notes
    elsewhere = {"webhook": {"certificate": {"source": "secret"}}}
    assert "No caBundle" in helm(elsewhere)["weir/templates/NOTES.txt"]
