# SPDX-License-Identifier: Apache-2.0
"""manifests/lab/lab.sh: a sidecar without an orchestrator, up and down."""

import os
import pathlib
import subprocess
import tempfile

import pytest

from harness import programs
from proxy_process import wait_for

SCRIPT = programs.CHECKOUT / "manifests/lab/lab.sh"


def lab(*arguments: str) -> subprocess.CompletedProcess:
    folders = [str(pathlib.Path(one()).parent) for one in (programs.weir_init, programs.weir_proxy)]
    folders.append(str(pathlib.Path(programs.built("ctl/weirctl")).parent))
    environment = {**os.environ, "PATH": ":".join([*folders, os.environ["PATH"], "/usr/sbin", "/sbin"])}
    with tempfile.TemporaryFile("w+") as out:  # what goes on in the background must not hold a pipe open
        done = subprocess.run(
            [SCRIPT, *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=60, check=False
        )
        out.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, out.read())


def namespaces() -> set[str]:
    return {one.name for one in pathlib.Path("/run/netns").glob("weir-lab-*")}


@pytest.fixture
def down():
    assert not pathlib.Path("/run/weir-lab").exists(), "somebody's lab is up; lab.sh down removes it"
    yield
    lab("down")
    assert namespaces() == set() and not pathlib.Path("/run/weir-lab").exists()


def test_both_directions_pass_the_proxy(down):
    made = lab("up")
    assert made.returncode == 0, made.stdout
    out = wait_for(lambda: (got := lab("app", "curl", "-si", "-m", "5", "http://198.51.100.2/")).returncode == 0 and got, "outside")
    assert "x-passed: outbound" in out.stdout and "the outside" in out.stdout
    into = lab("outside", "curl", "-si", "-m", "5", "http://198.51.100.1/")
    assert "x-passed: inbound" in into.stdout and "the application" in into.stdout
    again = lab("up")
    assert again.returncode == 1 and "there is a lab already" in again.stdout


def test_what_does_not_come_up_leaves_nothing(down, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("static_resources: { nonsense: 1 }\n")
    broken.chmod(0o644)
    tmp_path.chmod(0o755)
    made = lab("up", str(broken))
    assert made.returncode == 1 and "not up" in made.stdout
    assert namespaces() == set()


def test_wrong_usage_says_how():
    assert lab("explode").returncode == 2
    absent = lab("up", "/nowhere.yaml")
    assert absent.returncode == 1 and "'/nowhere.yaml'" in absent.stdout
