# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests in real Pods: one machine for all of them, with our images and a small application."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "netns"))

from harness import namespace as netns  # noqa: E402
from harness import programs  # noqa: E402
from pod_machine import PodMachine  # noqa: E402

# The application of the manifests is an nginx; here tests/support/application answers to its name.
APPLICATION = "docker.io/library/nginx:1.18-alpine"
PAGE = "the application\n"


def pytest_sessionstart(session):
    netns.sweep()


def pytest_runtest_logreport(report):
    """Notes each failed test in the file $WEIR_FAILED, for scripts/namespace_tests.sh."""
    if report.failed and (path := os.environ.get("WEIR_FAILED")):
        with pathlib.Path(path).open("a") as file:
            print(f"../pods/{report.nodeid}", file=file)  # read from tests/netns


def make_images(output: pathlib.Path, *names: str) -> list[str]:
    """Runs scripts/images.py; its lines."""
    done = subprocess.run(
        ["/usr/bin/python3", programs.CHECKOUT / "scripts/images.py", "--build", programs.BUILD, "--output", output, *names],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def copy_program(path: str, root: pathlib.Path) -> None:
    """Into bin/, and the libraries that it maps to where they are."""
    shutil.copy(path, root / "bin")
    listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    for library in re.findall(r"(/\S+) \(0x", listed):
        (root / library.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, root / library.lstrip("/"))


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
    make_images(folder)
    return folder


@pytest.fixture(scope="session")
def machine(images, tmp_path_factory):
    """A machine that runs Pods. One that cannot fails the tests, loudly."""
    made = PodMachine()
    try:
        for archive in sorted(images.glob("*.tar")):
            made.load(archive)
        root = tmp_path_factory.mktemp("application")
        for folder in ("bin", "etc"):
            (root / folder).mkdir()
        (root / "etc/passwd").write_text("root:x:0:0:root:/:/\n")
        copy_program(programs.system("busybox"), root)
        (root / "bin/sleep").symlink_to("busybox")
        copy_program(programs.system("curl"), root)
        copy_program(programs.helper("application"), root)
        made.import_image(APPLICATION, root, "ENV PATH=/bin", 'CMD ["application", "--serve", "80"]')
        yield made
    finally:
        made.close()
