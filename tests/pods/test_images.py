# SPDX-License-Identifier: Apache-2.0
"""The images: small, the same bytes each time, without a shell, and they run."""

import hashlib
import json
import platform
import re
import tarfile

import pytest
from harness import programs
from pod_images import make_images

MOST_BYTES = {"weir-init": 6_000_000, "weir-proxy": 15_000_000, "weir": 45_000_000}
PROGRAMS = {
    "weir-init": {"weir-init"},
    "weir-proxy": {"weir-proxy", "weirctl", "envoy"},
    "weir": {"weir-init", "weir-proxy", "weirctl", "weir-control"},
}


def blob(archive: tarfile.TarFile, digest: str):
    return archive.extractfile("blobs/sha256/" + digest.removeprefix("sha256:"))


def layer_of(path) -> tuple[dict, tarfile.TarFile]:
    """The image's configuration, and its only layer."""
    archive = tarfile.open(path)
    manifest = json.load(blob(archive, json.load(archive.extractfile("index.json"))["manifests"][0]["digest"]))
    (layer,) = manifest["layers"]
    config = json.load(blob(archive, manifest["config"]["digest"]))
    return config, tarfile.open(fileobj=blob(archive, layer["digest"]), mode="r:gz")


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_image_holds_its_programs_and_little_else(images, name):
    config, layer = layer_of(images / f"{name}.tar")
    files = {member.name for member in layer if not member.isdir()}
    assert {file.removeprefix("usr/local/bin/") for file in files if file.startswith("usr/local/bin/")} == PROGRAMS[name]
    assert not [file for file in files if file.rsplit("/", 1)[-1] in ("sh", "bash", "dash", "busybox")]
    assert sum(member.size for member in layer) <= MOST_BYTES[name]
    assert {(member.uid, member.gid) for member in layer} == {(0, 0)}
    assert not [member.name for member in layer if member.mode & 0o6022 and not member.issym()]
    assert config["architecture"] == {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    assert config["config"]["User"] == ("0:0" if name == "weir-init" else "1337:1337")


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_an_image_is_made_of_is_listed(images, name):
    _, layer = layer_of(images / f"{name}.tar")
    document = json.load(layer.extractfile(f"usr/share/sbom/{name}.spdx.json"))
    packages = {package["name"]: package["versionInfo"] for package in document["packages"]}
    assert packages["weir"] and all(packages.values())
    assert any(re.fullmatch(r"libstdc\+\+-\d+-dev", package) for package in packages)
    assert ("libmnl0" in packages) == ("weir-init" in PROGRAMS[name])
    assert ("libprotobuf-dev" in packages) == ("weir-proxy" in PROGRAMS[name])


def test_two_builds_are_the_same(images, tmp_path):
    make_images(programs.BUILD, tmp_path)
    for name in PROGRAMS:
        first, second = ((folder / f"{name}.tar").read_bytes() for folder in (images, tmp_path))
        assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()


def test_a_program_does_not_know_where_it_was_compiled(images):
    """Otherwise a checkout in another folder would make another image."""
    for name in PROGRAMS:
        _, layer = layer_of(images / f"{name}.tar")
        for member in layer:
            if member.name.startswith("usr/local/bin/") and member.isfile():
                assert str(programs.CHECKOUT).encode() not in layer.extractfile(member).read(), member.name


@pytest.mark.parametrize("name, program", [(name, one) for name, many in PROGRAMS.items() for one in sorted(many)])
def test_a_program_runs_in_its_image(machine, name, program):
    printed = machine.podman(
        "run", "--rm", "--network=none", "--read-only", "--cap-drop=all", "--user=1337:1337",
        f"--entrypoint=/usr/local/bin/{program}", f"localhost/{name}:0.1.0", "--version",
    )
    assert printed.split()[0] == ("weir-proxy" if program == "envoy" else program)
