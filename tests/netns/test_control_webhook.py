# SPDX-License-Identifier: Apache-2.0
"""weir-control as a mutating admission webhook: what it answers to the API server's reviews."""

import base64
import json
import re
import subprocess

import pytest
import yaml

from harness import namespace as netns
from harness import programs
from webhook_process import Webhook, apply_patch, encoded, review_of

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"generateName": "web-7d4b9-", "labels": {"app": "web"}},
    "spec": {
        "containers": [{"name": "app", "image": "app:1", "ports": [{"containerPort": 8080}]}],
        "serviceAccountName": "default",
    },
}
PODS = {
    "plain": POD,
    "named": {**POD, "metadata": {"name": "web", "annotations": {"example.com/a": "1"}}},
    "traffic annotations": {
        **POD,
        "metadata": {
            "name": "web",
            "annotations": {
                "traffic.sidecar.istio.io/excludeOutboundPorts": "5432,6379",
                "traffic.sidecar.istio.io/excludeInboundPorts": "9100",
                "sidecar.istio.io/proxyCPU": "50m",
            },
        },
    },
    "of a Job": {
        **POD,
        "metadata": {"generateName": "once-", "labels": {"job-name": "once"}},
        "spec": {**POD["spec"], "restartPolicy": "Never"},
    },
    "with init containers and volumes": {
        **POD,
        "spec": {
            **POD["spec"],
            "initContainers": [{"name": "migrate", "image": "app:1", "args": ["~/a", "\u20ac \U0001f600", ""]}],
            "volumes": [{"name": "data", "emptyDir": {"sizeLimit": "1Gi"}}],
            "terminationGracePeriodSeconds": 9007199254740993,  # no double holds this
        },
    },
}


@pytest.fixture(scope="module")
def webhook(possible):
    with netns.Namespace("webhook") as namespace, Webhook(namespace) as running:
        yield running
        assert running.process.poll() is None, running.log()


def patched(pod: dict, response: dict) -> dict:
    assert response["allowed"] is True and response["patchType"] == "JSONPatch", response
    return apply_patch(json.loads(base64.b64decode(response["patch"], validate=True)), pod)


def is_untouched(response: dict) -> bool:
    return response == {"uid": response["uid"], "allowed": True}


def injected_by_weirctl(pod: dict, tmp_path) -> dict:
    file = tmp_path / "pod.yaml"
    file.write_text(yaml.safe_dump(pod))
    done = subprocess.run([programs.built("ctl/weirctl"), "inject", "-f", file], capture_output=True, text=True, check=True)
    return yaml.safe_load(done.stdout)


@pytest.mark.parametrize("pod", PODS.values(), ids=PODS.keys())
def test_a_patched_pod_is_the_one_that_weirctl_makes(webhook, pod, tmp_path):
    response = webhook.review(pod)
    assert response["uid"] == review_of(pod)["request"]["uid"]
    result = patched(pod, response)
    assert result == injected_by_weirctl(pod, tmp_path)
    names = [one["name"] for one in result["spec"]["initContainers"] + result["spec"]["containers"]]
    assert {"weir-init", "weir-proxy", "app"} <= set(names)


def test_an_injected_pod_is_left_alone(webhook):
    once = patched(POD, webhook.review(POD))
    assert is_untouched(webhook.review(once))


@pytest.mark.parametrize("metadata", [
    {"annotations": {"sidecar.istio.io/inject": "false"}},
    {"labels": {"sidecar.istio.io/inject": "false"}},
])
def test_a_pod_that_does_not_want_it_is_left_alone(webhook, metadata):
    assert is_untouched(webhook.review({**POD, "metadata": {"name": "web", **metadata}}))
    assert "Pod shop/web: unchanged: " in webhook.log()


@pytest.mark.parametrize("fields", [
    {"operation": "UPDATE"},
    {"operation": "DELETE", "object": None},
    {"operation": "CONNECT", "kind": {"group": "", "version": "v1", "kind": "PodExecOptions"}, "subResource": "exec"},
    {"subResource": "ephemeralcontainers"},
    {"kind": {"group": "apps", "version": "v1", "kind": "Deployment"}},
    {"kind": {"group": "example.com", "version": "v1", "kind": "Pod"}},
])
def test_everything_else_is_left_alone(webhook, fields):
    assert is_untouched(webhook.review(POD, **fields))


def test_a_dry_run_is_answered_alike_and_told(webhook):
    pod = {**POD, "metadata": {"name": "rehearsal"}}
    assert patched(pod, webhook.review(pod, dryRun=True)) == patched(pod, webhook.review(pod))
    lines = [line for line in webhook.log().splitlines() if "Pod shop/rehearsal: injected" in line]
    assert ["(dry run)" in line for line in lines] == [True, False]
    assert all(re.search(r", \d+\.\d ms$", line) for line in lines)


REFUSED = {**POD, "metadata": {"name": "host"}, "spec": {**POD["spec"], "hostNetwork": True}}


def test_a_pod_that_cannot_work_is_denied_with_the_reason(webhook):
    response = webhook.review(REFUSED)
    assert response["allowed"] is False and "patch" not in response
    assert response["status"]["code"] == 403 and "hostNetwork" in response["status"]["message"]
    assert re.search(r"Pod shop/host: refused: .*hostNetwork", webhook.log())


def test_a_pod_that_cannot_work_is_let_through_with_a_warning_if_told_so(make_namespace):
    with Webhook(make_namespace("lenient"), "--webhook-on-refusal=allow-with-warning") as lenient:
        response = lenient.review(REFUSED)
        assert response["allowed"] is True and "patch" not in response
        assert len(response["warnings"]) == 1 and "hostNetwork" in response["warnings"][0]


def test_options_of_the_injection(make_namespace):
    arguments = ["--webhook-proxy-image=registry.example.com/proxy:2", "--webhook-init-image=registry.example.com/init:2"]
    with Webhook(make_namespace("options"), *arguments) as running:
        spec = patched(POD, running.review(POD))["spec"]
    images = {one["name"]: one["image"] for one in spec["initContainers"] + spec["containers"]}
    assert images["weir-proxy"] == "registry.example.com/proxy:2" and images["weir-init"] == "registry.example.com/init:2"


def without(name: str) -> bytes:
    return encoded(review_of(POD, **{name: None}))


MALFORMED = {
    "nothing": b"",
    "no JSON": b"apiVersion: v1",
    "cut off": encoded(review_of(POD))[:-1],
    "two documents": encoded(review_of(POD)) * 2,
    "no UTF-8": encoded(review_of(POD)).replace(b"app:1", b"app\xff1"),
    "a list": b"[]",
    "a number": b"1e999",
    "null": b"null",
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "many values": b"[" + b"0," * 1_000_000 + b"0]",
    "an old version": encoded({**review_of(POD), "apiVersion": "admission.k8s.io/v1beta1"}),
    "another kind": encoded({**review_of(POD), "kind": "Pod"}),
    "no request": encoded({**review_of(POD), "request": "x"}),
    "no uid": without("uid"),
    "no operation": without("operation"),
    "no kind": without("kind"),
    "no object": without("object"),
    "an object that is a list": encoded(review_of([POD])),
    "a key twice": encoded(review_of(POD)).replace(b'"uid"', b'"uid": "1", "uid"'),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_review_is_400_with_a_reason(webhook, body):
    with webhook.client() as client:
        response = client.request("POST", "/inject", body)
        assert response.status == 400, response
        assert response.body.startswith(b"AdmissionReview: ") and len(response.body) > 30
        assert client.review(POD)["allowed"] is True  # the connection goes on


@pytest.mark.parametrize("spec", [None, [], "x", {}, {"containers": {}}, {"containers": [1]}, {"containers": None}])
def test_a_pod_of_another_shape_is_answered(webhook, spec):
    """The API server checks Pods after this: whatever the answer is, there is one, and it fits the Pod."""
    pod = {**POD, "spec": spec}
    response = webhook.review(pod)
    if "patch" in response:
        assert patched(pod, response)["spec"]
    else:
        assert response["allowed"] is True or response["status"]["message"]


def test_paths_methods_and_types(webhook):
    with webhook.client() as client:
        assert client.request("GET", "/healthz").body == b"ok\n"
        assert client.request("HEAD", "/healthz?verbose").body == b""
        answers = {
            ("POST", "/healthz", "application/json"): 405,
            ("GET", "/inject", "application/json"): 405,
            ("PUT", "/inject", "application/json"): 405,
            ("GET", "/", "application/json"): 404,
            ("POST", "/inject/", "application/json"): 404,
            ("POST", "/status", "application/json"): 404,
            ("POST", "/inject", "text/plain"): 415,
            ("POST", "/inject", "application/json; charset=utf-8"): 200,
        }
        for (method, path, kind), expected in answers.items():
            response = client.request(method, path, encoded(review_of(POD)), kind)
            assert response.status == expected and response.body, (method, path, response)


def test_status_counts(make_namespace):
    with Webhook(make_namespace("counts")) as running:
        for _ in range(3):
            running.review(POD)
        running.review(POD, operation="UPDATE")
        running.review(REFUSED)
        with running.client() as client:
            client.request("POST", "/inject", b"{}")
        assert running.status().splitlines()[0] == "webhook: 3 injected, 1 unchanged, 1 refused, 1 malformed"
        assert re.search(r"webhook certificate: valid until \d{4}-\d\d-\d\d", running.status())


def test_beside_a_directory(make_namespace, tmp_path):
    (tmp_path / "mesh.yaml").write_text("meshConfig: { outboundTrafficPolicy: { mode: REGISTRY_ONLY } }\n")
    with Webhook(make_namespace("both"), "--listen=127.0.0.1:15010", directory=str(tmp_path)) as running:
        assert "patch" in running.review(POD)
        done = running.namespace.run([programs.weir_control(), "fetch", "--type", "listener"], check=True)
        assert "virtualOutbound" in done.stdout
        assert running.status().splitlines()[0].split()[:2] == ["NAME", "CDS"]
        assert "webhook: 1 injected" in running.status()


def test_an_address_of_both_families(make_namespace):
    with Webhook(make_namespace("families"), address="[::]") as running:
        for address in ("127.0.0.1", "::1"):
            with running.client(address=address) as client:
                assert client.request("GET", "/healthz").status == 200
