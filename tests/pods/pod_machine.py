# SPDX-License-Identifier: Apache-2.0
"""A machine that runs Pods: podman with everything of its own, in a network namespace of the test's.

Storage, configuration and networks are in a temporary folder; the bridge, its rules and its DNS server are in the namespace. Of
the machine's own nothing changes: a mount namespace hides /run/containers, where podman's network part keeps state for all. close() removes it all; what a run left that was killed outright, the next run's sweep().
"""

import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import tempfile
import time

from harness import namespace, programs

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SUBNET = "203.0.113.128/26"
NETWORK = "weir"
PREFIX = "weir-pods-"
PORTS = re.compile(r"\n +ports:\n +- containerPort: \d+")

CONTAINERS = """
[containers]
log_driver = "k8s-file"
default_ulimits = [{limits}]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{folder}/tmp"
[engine.runtimes]
runc = ["{runc}"]
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""

STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""


class PodError(Exception):
    """What podman said."""


class PodMachine:
    """play() runs the Pods of manifests as they are; all of it is gone after close()."""

    def __init__(self):
        programs.system("podman")
        runc = programs.system("runc")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        self.network_namespace = namespace.Namespace("pods")
        (self.folder / "containers.conf").write_text(CONTAINERS.format(folder=self.folder, runc=runc, limits=limits()))
        (self.folder / "storage.conf").write_text(STORAGE.format(folder=self.folder))
        self.environment = environment(self.folder)
        try:
            isolate(self.folder)
            self.podman("network", "create", "--subnet", SUBNET, NETWORK)
        except BaseException:
            self.close()
            raise

    def podman(self, *arguments: str, check: bool = True, text: str | None = None, timeout: float = 60) -> str:
        """Runs podman inside the namespace and returns what it prints; PodError with its complaint if check."""
        done = self.network_namespace.run(
            [*podman_of(self.folder), *arguments], env=self.environment, text=text, timeout=timeout
        )
        if check and done.returncode != 0:
            raise PodError(f"podman {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout if check else done.stdout + done.stderr

    def load(self, archive: pathlib.Path) -> None:
        self.podman("load", "-q", "-i", str(archive))

    def import_image(self, name: str, root: pathlib.Path, *changes: str) -> None:
        """A folder becomes the image `name`; changes are Dockerfile instructions."""
        archive = self.folder / "import.tar"
        subprocess.run(["tar", "-C", root, "--numeric-owner", "--owner=0", "--group=0", "-cf", archive, "."], check=True)
        options = [part for change in changes for part in ("--change", change)]
        self.podman("import", "-q", *options, str(archive), name)
        archive.unlink()

    def play(self, manifest: str, *arguments: str) -> None:
        """`podman kube play` of the text, with more arguments for it.

        Without the ports: podman of Debian 12 would publish each on the machine, where two Pods cannot have the same.
        """
        path = self.folder / "play.yaml"
        path.write_text(PORTS.sub("", manifest))
        self.podman("kube", "play", "--network", NETWORK, *arguments, str(path), timeout=120)

    def down(self, manifest: str) -> None:
        path = self.folder / "play.yaml"
        path.write_text(manifest)
        self.podman("kube", "down", str(path), timeout=120)

    def remove(self, pod: str) -> None:
        """With force, whatever state it is in. podman's patience with a killed process is short: it is asked again."""
        for _ in range(5):
            said = self.podman("pod", "rm", "-f", "-t", "0", "--ignore", pod, check=False)
            if pod not in self.podman("pod", "ps", "--format", "{{.Name}}").split():
                return
        raise PodError(f"podman pod rm {pod}: {said}")

    def execute(self, container: str, *argv: str) -> tuple[int, str]:
        """The exit code of a program inside, and what it printed, errors included."""
        done = self.network_namespace.run([*podman_of(self.folder), "exec", container, *argv], env=self.environment)
        return done.returncode, done.stdout + done.stderr

    def logs(self, container: str) -> str:
        return self.podman("logs", container, check=False)

    def inspect(self, container: str) -> dict:
        return json.loads(self.podman("container", "inspect", container))[0]

    def address(self, pod: str) -> str:
        """Of a Pod, by its infra container."""
        infra = json.loads(self.podman("pod", "inspect", pod))["InfraContainerID"]
        return self.inspect(infra)["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]

    def close(self) -> None:
        remove(self.folder, self.network_namespace)


def limits() -> str:
    """For default_ulimits: what this process may have. By itself podman asks for more, which not every kernel grants.

    podman lets itself have as many processes as there are process ids at most, and cannot grant more.
    """
    most = int(pathlib.Path("/proc/sys/kernel/pid_max").read_text())
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes = most if processes == resource.RLIM_INFINITY else min(processes, most)
    return f'"nofile={files}:{files}", "nproc={processes}:{processes}"'


def isolate(folder: pathlib.Path) -> None:
    """Makes the mount namespace that podman_of() enters; it lasts until its file is unmounted."""
    pinned, mounts = folder / "pinned", folder / "pinned/mounts"
    pinned.mkdir()
    (folder / "containers").mkdir()
    pathlib.Path("/run/containers").mkdir(exist_ok=True)
    hide = ["mount", "--bind", str(folder / "containers"), "/run/containers"]
    for step in (["mount", "--bind", pinned, pinned], ["mount", "--make-private", pinned], ["touch", mounts],
                 ["unshare", f"--mount={mounts}", "--propagation=private", *hide]):
        subprocess.run(step, check=True)


def podman_of(folder: pathlib.Path) -> list[str]:
    """The beginning of podman's command line, in the mount namespace of isolate()."""
    return [programs.system("nsenter"), f"--mount={folder / 'pinned/mounts'}", programs.system("podman")]


def environment(folder: pathlib.Path) -> dict[str, str]:
    """Variables with which podman keeps everything in the folder."""
    return {
        **os.environ,
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin",
    }


def remove(folder: pathlib.Path, space: namespace.Namespace) -> None:
    """Ends the Pods of a machine and removes its folder and the namespace."""
    for step in (["pod", "rm", "-a", "-f", "-t", "0"], ["rm", "-a", "-f", "-t", "0"], ["system", "reset", "-f"]):
        space.run([*podman_of(folder), *step], env=environment(folder))
    space.close()
    for mounted in (folder / "pinned/mounts", folder / "pinned"):
        subprocess.run(["umount", mounted], capture_output=True, check=False)
    for _ in range(20):  # conmon may still write
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            break
        time.sleep(0.1)


def sweep() -> None:
    """Removes the machines of runs whose process is gone, and then the namespaces of such runs."""
    for folder in pathlib.Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = re.match(rf"{PREFIX}(\d+)-", folder.name)
        if owner and not pathlib.Path("/proc", owner[1]).exists():
            remove(folder, namespace.Namespace("sweep"))
    namespace.sweep()
