# SPDX-License-Identifier: Apache-2.0
"""The machine of the Pods' section: the one of the tests in Pods, with our images, an application, and Envoy's."""

import contextlib
import gzip
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import harness
from harness import pod_variants
from harness.pod_variants import BACKEND_ADDRESS, EnvoyPod, WeirPod
from harness.session import say
from harness.world import Failure, must

TESTS = pod_variants.ROOT / "tests"
# The tests' harness has the name of this one, and other modules.
harness.__path__.append(str(TESTS / "netns" / "harness"))
sys.path.append(str(TESTS / "pods"))
import pod_images  # noqa: E402
from harness import programs  # noqa: E402
from pod_machine import PodError, PodMachine, sweep  # noqa: E402

# What the application of the backend answers.
PAGE = pod_images.PAGE.strip()
IMAGES = {"weir-init": "init", "weir-proxy": "proxy", "weir": "all"}
# So long podman tidies up after a Pod.
CALM_S = 1.0


class Pods:
    """A machine with all images, on which the backend runs; the variants that it can play; {variant: sizes of images}."""

    def __init__(self, machine, variants, sizes):
        self.machine, self.variants, self.sizes = machine, variants, sizes

    @contextlib.contextmanager
    def played(self, text, *arguments):
        """Plays the Pod of a manifest; yields the time at which that began (ns since 1970), and removes the Pod."""
        with complaints():
            time.sleep(CALM_S)
            begun = time.time_ns()
            try:
                self.machine.play(text, *arguments)
                yield begun
            finally:
                self.machine.remove(pod_variants.name_of(text))


@contextlib.contextmanager
def complaints():
    """What the machine complains about is a failed measurement."""
    try:
        yield
    except (PodError, programs.MissingProgram, subprocess.TimeoutExpired, RuntimeError) as why:
        lines = str(why).strip().splitlines()
        raise Failure(lines[-1] if lines else type(why).__name__) from None


@contextlib.contextmanager
def pods_of(session):
    folder = session.world.folder / "pods"
    programs.BUILD = Path(session.options.build).absolute()
    with complaints():
        sweep()
        machine = PodMachine()
        try:
            variants = list(pod_variants.ALL)
            sizes = {WeirPod.name: load_ours(programs.BUILD, machine, folder)}
            if why := why_without_envoy(session):
                say(f"SKIPPED pods, Envoy: {why}")
                variants.pop()
            else:
                sizes[EnvoyPod.name] = make_envoy(session.options.envoy, machine, folder)
            pod_images.import_application(machine, folder / "application")
            session.facts["Pods"] = ", ".join(
                must([programs.system(name), "--version"]).splitlines()[0] for name in ("podman", "runc"))
            machine.play(pod_variants.text_of("pods/backend.yaml"), "--ip", BACKEND_ADDRESS)
            os.sync()  # podman waits for the disk, which must not be busy with the images
            yield Pods(machine, variants, sizes)
        finally:
            machine.close()


def why_without_envoy(session):
    if session.options.peers and EnvoyPod.name not in session.options.peers:
        return "not among --peers"
    if not session.options.envoy.exists():
        return f"no program '{session.options.envoy}': bench/get-envoy fetches it"
    return None if shutil.which("iptables-nft") else "iptables is not installed"


def load_ours(build, machine, folder):
    pod_images.make_images(build, folder)
    sizes = {}
    for name, key in IMAGES.items():
        archive = folder / f"{name}.tar"
        machine.load(archive)
        sizes |= {f"{key}_files": files_in(archive), f"{key}_packed": archive.stat().st_size}
    return sizes


def files_in(archive):
    """Bytes of all files in an image's only layer."""
    with tarfile.open(archive) as image:
        (layer,) = json.load(image.extractfile("manifest.json"))[0]["Layers"]
        with tarfile.open(fileobj=image.extractfile(layer), mode="r:gz") as files:
            return sum(member.size for member in files)


def make_envoy(binary, machine, folder):
    """The images of Envoy's Pod, with as little in them as can be; their sizes."""
    proxy, init = folder / "envoy-image", folder / "iptables-image"
    (folder / "envoy").mkdir()
    shutil.copy(binary, folder / "envoy/envoy")
    pod_images.make_root(proxy, str(folder / "envoy/envoy"))
    machine.import_image(pod_variants.ENVOY_IMAGE, proxy, 'ENTRYPOINT ["/bin/envoy"]', "USER 1337:1337")
    pod_images.make_root(init, programs.system("busybox"), programs.system("iptables-nft"))
    for extensions in Path("/usr/lib").glob("*/xtables"):
        shutil.copytree(extensions, init / str(extensions).lstrip("/"))
    machine.import_image(pod_variants.IPTABLES_IMAGE, init)
    return {"proxy_files": size_of(proxy), "proxy_packed": packed_size_of(proxy),
            "init_files": size_of(init), "init_packed": packed_size_of(init)}


def size_of(root):
    return sum(path.lstat().st_size for path in root.rglob("*") if path.is_file())


def packed_size_of(root):
    """As scripts/images.py packs ours."""
    archive = subprocess.run(["tar", "-C", root, "-cf", "-", "."], capture_output=True, check=True).stdout
    return len(gzip.compress(archive, compresslevel=6))
