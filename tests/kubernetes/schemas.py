# SPDX-License-Identifier: Apache-2.0
"""Whether objects are valid by Kubernetes' own schemas: PyPI's kubernetes-validate, in a virtual environment that is made once."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

VERSION = "1.37.0"  # of the package, and of the newest schemas in it
INSTALL_SECONDS = 300
_VALIDATE = """
import json, sys
import kubernetes_validate
for document in json.load(sys.stdin):
    try:
        kubernetes_validate.validate(document, sys.argv[1], strict=True)
    except kubernetes_validate.ValidationError as problem:
        place = ".".join(str(part) for part in problem.path)
        print(f"{document.get('kind')} {document.get('metadata', {}).get('name')}: {place}: {problem.message[:300]}")
    except Exception as problem:
        print(f"{document.get('kind')}: {type(problem).__name__} {problem}")
"""


class Unavailable(Exception):
    """The schemas cannot be had here, and why."""


class Invalid(AssertionError):
    """What is wrong, a line each."""


def validate(documents: list[dict]) -> None:
    """Invalid where one of the objects has an unknown field, a wrong type, or lacks something; Unavailable without the schemas."""
    done = subprocess.run(
        [python(), "-c", _VALIDATE, VERSION], input=json.dumps(documents), capture_output=True, text=True, timeout=120, check=True
    )
    if done.stdout:
        raise Invalid(done.stdout)


def python() -> str:
    """The interpreter that has the schemas."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = pathlib.Path(home, "weir-tests", f"kubernetes-validate-{VERSION}")
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            _install(made)
            os.replace(pathlib.Path(made, "venv"), folder)
    return str(folder / "bin" / "python")


def _install(folder: str) -> None:
    """Debian's own Python may lack what makes environments; another one may have it."""
    reasons = []
    for interpreter in dict.fromkeys([sys.executable, shutil.which("python3")]):
        shutil.rmtree(pathlib.Path(folder, "venv"), ignore_errors=True)
        try:
            pip = ["venv/bin/python", "-m", "pip", "install", "-q", f"kubernetes-validate=={VERSION}"]
            for step in ([interpreter, "-m", "venv", "venv"], pip):
                subprocess.run(step, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=True)
            return
        except subprocess.CalledProcessError as problem:
            reasons.append((problem.stderr or problem.stdout).strip().splitlines()[-1])
        except subprocess.TimeoutExpired:
            reasons.append(f"took longer than {INSTALL_SECONDS} s")
    raise Unavailable("; ".join(reasons))
