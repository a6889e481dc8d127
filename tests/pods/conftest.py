# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests in real Pods: one machine for all of them, with our images and a small application."""

import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "netns"))

import pod_images  # noqa: E402
from harness import programs  # noqa: E402
from pod_machine import PodMachine, sweep  # noqa: E402


def pytest_sessionstart(session):
    sweep()


def pytest_runtest_logreport(report):
    """Notes each failed test in the file $WEIR_FAILED, for scripts/namespace_tests.sh."""
    if report.failed and (path := os.environ.get("WEIR_FAILED")):
        with pathlib.Path(path).open("a") as file:
            print(f"../pods/{report.nodeid}", file=file)  # read from tests/netns


def weirctl(*arguments: str, text: str) -> str:
    """What it makes of the text."""
    done = subprocess.run([programs.built("ctl/weirctl"), *arguments], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def smaps_of(machine, container: str) -> dict[str, int]:
    """The memory of a container's first process, in kB: Pss, Rss, and so on."""
    process = machine.inspect(container)["State"]["Pid"]
    rows = pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    return {row.split(":")[0]: int(row.split()[1]) for row in rows}


@pytest.fixture(scope="session")
def images(tmp_path_factory) -> pathlib.Path:
    """A folder with the archives of the three images."""
    folder = tmp_path_factory.mktemp("images")
    pod_images.make_images(programs.BUILD, folder)
    return folder


@pytest.fixture(scope="session")
def machine(images, tmp_path_factory):
    """A machine that runs Pods. One that cannot fails the tests, loudly."""
    made = PodMachine()
    try:
        for archive in sorted(images.glob("*.tar")):
            made.load(archive)
        pod_images.import_application(made, tmp_path_factory.mktemp("application"))
        yield made
    finally:
        made.close()
