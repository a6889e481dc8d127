# SPDX-License-Identifier: Apache-2.0
"""What Helm makes of a chart and kustomize of a folder, by the libraries of the two programs (go_render/)."""

import hashlib
import json
import pathlib
import subprocess
import tempfile

import yaml

from harness import go_program, programs

MODULES = "helm.sh/helm/v3@v3.20.2 sigs.k8s.io/kustomize/api@v0.21.1 sigs.k8s.io/kustomize/kyaml@v0.21.1"
CHART = programs.CHECKOUT / "manifests" / "helm" / "weir"
KUSTOMIZE = programs.CHECKOUT / "manifests" / "kustomize"


class Refused(Exception):
    """The chart or the folder is not rendered, and why."""


def program() -> str:
    """The renderer; go_program.Unavailable where there is no Go or no registry. Some 80 s of CPU the first time."""
    source = (pathlib.Path(__file__).parent / "go_render" / "main.go").read_text()
    made_of = hashlib.sha256((MODULES + source).encode()).hexdigest()[:16]
    return go_program.built(f"go-render-{made_of}", MODULES, source)


def helm(values: dict | None = None, namespace: str = "default", existing: dict | None = None) -> dict[str, str]:
    """File of the chart → what it renders to; `existing` is the one object that the cluster has."""
    with tempfile.TemporaryDirectory(prefix="weir-test-render-") as folder:
        arguments = []
        for name, content in (("values", values), ("existing", existing)):
            path = pathlib.Path(folder, f"{name}.yaml")
            path.write_text(yaml.safe_dump(content or {}))
            arguments += [f"-{name}", str(path)] if content is not None else []
        return _run("helm", str(CHART), "-namespace", namespace, *arguments)


def objects(rendered: dict[str, str]) -> dict[tuple[str, str], dict]:
    """(kind, name) → object, of all files; none twice."""
    found = {}
    for file, text in rendered.items():
        for document in yaml.safe_load_all(text) if file.endswith(".yaml") else []:
            if document is not None:
                key = (document["kind"], document["metadata"]["name"])
                assert key not in found, f"{key}: twice"
                found[key] = document
    return found


def kustomize(folder: pathlib.Path) -> dict[str, str]:
    return _run("kustomize", str(folder))


def _run(*arguments: str) -> dict[str, str]:
    done = subprocess.run([program(), *arguments], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr.strip())
    return json.loads(done.stdout)
