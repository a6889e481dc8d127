# SPDX-License-Identifier: Apache-2.0
"""weirctl inject and uninject on manifests of many shapes: once is as good as twice, nothing is lost, all of it is valid."""

import copy
import json
import pathlib
import subprocess

import injection_corpus
import pytest
import schemas
import yaml
from harness import programs

WEIRCTL = str(pathlib.Path(programs.BUILD, "ctl", "weirctl"))
OPTIONS = [[], ["--config-map", "envoy"], ["--native-sidecar=false", "--control", "weir-control.weir:15010"]]
OURS = {"weir-init", "weir-proxy"}
_NULL = ("tag:yaml.org,2002:null", None)


def weirctl(command: str, text: str, *flags: str, code: int = 0) -> str:
    done = subprocess.run([WEIRCTL, command, *flags], input=text.encode(), capture_output=True, timeout=30, check=False)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode()


class StrictLoader(yaml.SafeLoader):
    """Scalars as (tag, text): 0400 is not 256, "yes" is not yes, and nothing at all is ~."""


def _scalar(loader, node):
    nothing = node.tag == "tag:yaml.org,2002:null"
    return (node.tag, None if nothing else node.value)


for _tag in ("str", "int", "float", "bool", "null", "timestamp", "binary", "value"):
    StrictLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _scalar)


def meaning(text: str) -> list:
    """Every document with its types, texts and order of lists; documents without content are none."""
    if text.lstrip("\ufeff \n\t").startswith("{"):
        try:
            return [json.loads(text, parse_int=lambda n: ("number", n), parse_float=lambda n: ("number", n))]
        except ValueError:
            pass
    documents = list(yaml.load_all(text.lstrip("\ufeff"), StrictLoader))
    return [_with_plain_keys(one) for one in documents if one != _NULL]


def _with_plain_keys(value):
    """Keys that are strings as such; others keep their type."""
    if isinstance(value, list):
        return [_with_plain_keys(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key[1] if key[0] == "tag:yaml.org,2002:str" else key: _with_plain_keys(item) for key, item in value.items()
    }


def pods(document: dict) -> list[dict]:
    """The Pods and templates in an object, found by another way than weirctl's: by having containers."""
    if isinstance(document, list):
        return [pod for item in document for pod in pods(item)]
    if not isinstance(document, dict):
        return []
    own = [document] if isinstance(document.get("containers"), list) else []
    return own + [pod for value in document.values() for pod in pods(value)]


def patched(document, patch: list):
    """RFC 6902, as far as a patch may use it here."""
    document = copy.deepcopy(document)
    for operation in patch:
        *parents, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        at = document
        for part in parents:
            at = at[int(part)] if isinstance(at, list) else at[part]
        if isinstance(at, list):
            index = len(at) if last == "-" else int(last)
            assert 0 <= index <= len(at)
            at.insert(index, operation["value"]) if operation["op"] == "add" else at.pop(index)
        elif operation["op"] == "remove":
            del at[last]
        else:
            assert operation["op"] == "add" or last in at
            at[last] = operation["value"]
    return document


def test_there_are_enough_manifests():
    assert len(injection_corpus.CORPUS) >= 200


@pytest.mark.parametrize("name", injection_corpus.CORPUS)
def test_twice_is_once_and_uninject_gives_everything_back(name):
    text = injection_corpus.CORPUS[name]
    before = meaning(text)
    for flags in OPTIONS:
        injected = weirctl("inject", text, *flags)
        assert weirctl("inject", injected, *flags) == injected
        assert meaning(weirctl("uninject", injected)) == before
        if name.startswith(("left alone", "no workload")) and "others" not in name and "many" not in name:
            assert injected == text
        else:
            assert "weir.io/status" in injected or name.startswith(("left alone", "no workload"))
    # What other options made is replaced, not doubled.
    other = weirctl("inject", weirctl("inject", text, *OPTIONS[2]), *OPTIONS[0])
    assert meaning(other) == meaning(weirctl("inject", text, *OPTIONS[0]))


@pytest.mark.parametrize("name", injection_corpus.CORPUS)
def test_what_others_wrote_stays(name):
    """Without what is ours, an injected Pod has the containers that it had, each as it was."""
    text, seen = injection_corpus.CORPUS[name], 0
    for before, after in zip(meaning(text), meaning(weirctl("inject", text)), strict=True):
        for old, new in zip(pods(before), pods(after), strict=True):
            seen += 1
            for containers in ("initContainers", "containers"):
                assert _others(new, containers) == _others(old, containers)
            assert _rest(new) == _rest(old)
    # Of the kinds that are none, the one in OTHERS has no list of containers.
    assert (seen == 0) == name.startswith("no workload")


def _others(pod: dict, key: str) -> list:
    containers = pod.get(key) or []
    return [] if containers == _NULL else [one for one in containers if _text(one["name"]) not in OURS]


def _rest(pod: dict) -> dict:
    added = {"containers", "initContainers", "volumes", "shareProcessNamespace"}
    return {key: value for key, value in pod.items() if key not in added}


def _text(scalar):
    return scalar[1] if isinstance(scalar, tuple) else scalar


@pytest.mark.parametrize("name", [name for name in injection_corpus.CORPUS if "JSON" in name])
def test_the_patch_says_what_the_edit_does(name):
    text = injection_corpus.CORPUS[name]
    for flags in OPTIONS:
        patch = json.loads(weirctl("inject", text, *flags, "--output", "patch"))
        assert patched(json.loads(text), patch) == json.loads(weirctl("inject", text, *flags))


@pytest.mark.parametrize("name", [name for name in injection_corpus.CORPUS if ", plain" in name])
def test_json_and_yaml_say_the_same(name):
    text = injection_corpus.CORPUS[name]
    if name.startswith("scalars"):
        text = text.replace('\\0d"', 'd"')
    as_json = json.loads(weirctl("inject", text, "--output", "json"))
    as_yaml = list(yaml.safe_load_all(weirctl("inject", text)))
    assert as_json == json.loads(json.dumps(as_yaml[0]))


@pytest.mark.peer
@pytest.mark.parametrize("flags", OPTIONS, ids=["native", "ConfigMap", "classic"])
def test_all_of_it_is_valid(flags):
    """Beside Kubernetes' schemas, in which an unknown field is an error."""
    documents = []
    for name, text in injection_corpus.CORPUS.items():
        if "plain" not in name and "JSON list" not in name:
            continue
        loaded = json.loads(weirctl("inject", text, *flags, "--output", "json"))
        documents += loaded["items"] if loaded["kind"] == "List" else [loaded]
    assert len(documents) > 40
    try:
        schemas.validate(documents)
    except schemas.Unavailable as reason:
        pytest.skip(f"Kubernetes' schemas: {reason}")


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n"


def test_a_refusal_prints_nothing():
    bad = POD.replace("spec: {", "spec: {hostNetwork: true, ")
    done = subprocess.run([WEIRCTL, "inject"], input=f"{POD}---\n{bad}", capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert "Pod 'p': field '/spec/hostNetwork'" in done.stderr and "sidecar.istio.io/inject" in done.stderr


def test_a_pod_may_say_no_and_keeps_its_bytes():
    text = POD.replace("{name: p}", '{name: p, labels: {sidecar.istio.io/inject: "false"}} # mine')
    done = subprocess.run([WEIRCTL, "inject"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, text)
    assert "left alone: label 'sidecar.istio.io/inject' is 'false'" in done.stderr


def test_files_and_directories(tmp_path):
    (tmp_path / "b.yaml").write_text(POD)
    (tmp_path / "a.json").write_text(json.dumps(yaml.safe_load(POD)))
    (tmp_path / "notes.txt").write_text("no manifest")
    out = list(yaml.safe_load_all(weirctl("inject", "", "-f", str(tmp_path))))
    assert [one["spec"]["initContainers"][1]["name"] for one in out] == ["weir-proxy", "weir-proxy"]
    assert weirctl("inject", "", "-f", str(tmp_path / "b.yaml")) == weirctl("inject", POD)


@pytest.mark.parametrize("flags", [["--nonsense"], ["--output", "xml"], ["--control", "no-port"]])
def test_wrong_usage_is_two(flags):
    assert weirctl("inject", POD, *flags, code=2) == ""


def test_the_arguments_are_weir_inits_own():
    """What the annotations become is read by weir-init itself."""
    text = injection_corpus.plain(injection_corpus.SHAPES["traffic annotations"])
    pod = yaml.safe_load(weirctl("inject", text))["spec"]["template"]["spec"]
    arguments = pod["initContainers"][0]["args"]
    program = str(pathlib.Path(programs.BUILD, "init", "weir-init"))
    done = subprocess.run([program, *arguments, "--dry-run"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "198.51.100.0/24" in done.stdout and "2001:db8::/32" in done.stdout and "8082" in done.stdout


TEMPLATE = "apiVersion: GROUP/v1\nkind: KIND\nmetadata: {name: t}\nspec: {template: {spec: {RESTARTcontainers: [{name: c, image: i}]}}}\n"


@pytest.mark.parametrize(
    "kind, restart, flag",
    [
        ("Deployment", "", "--outlive-application"),
        ("StatefulSet", "Always", "--outlive-application"),
        ("DaemonSet", "Always", "--outlive-application"),
        ("Job", "Never", "--exit-after-application"),
    ],
)
def test_a_classic_sidecar_waits_for_its_application(kind, restart, flag):
    """All containers get SIGTERM together; but only with a Job's application the proxy has nothing more to do. What is said
    is weir-proxy's own."""
    text = TEMPLATE.replace("GROUP", "batch" if kind == "Job" else "apps").replace("KIND", kind).replace("RESTART", restart and f"restartPolicy: {restart}, ")
    pods_made = {}
    for native in ("true", "false"):
        (pods_made[native],) = pods(yaml.safe_load(weirctl("inject", text, f"--native-sidecar={native}")))
    arguments = pods_made["false"]["containers"][0]["args"]
    assert [one for one in arguments if one.endswith("-application")] == [flag]
    assert pods_made["false"].get("shareProcessNamespace") == (kind == "Job" or None)
    assert not [one for one in pods_made["true"]["initContainers"][1]["args"] if one.endswith("-application")]
    proxy = str(pathlib.Path(programs.BUILD, "proxy", "weir-proxy"))
    done = subprocess.run([proxy, "--mode", "validate", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_bootstrap_is_weir_proxys_own():
    pod = yaml.safe_load(weirctl("inject", POD, "--control", "[2001:db8::1]:15010"))["spec"]
    arguments = pod["initContainers"][1]["args"]
    bootstrap = arguments[arguments.index("--config-yaml") + 1]
    proxy = str(pathlib.Path(programs.BUILD, "proxy", "weir-proxy"))
    done = subprocess.run(
        [proxy, "--mode", "validate", "--service-node", "n", "--service-cluster", "c", "--config-yaml", bootstrap],
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
