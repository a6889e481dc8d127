# SPDX-License-Identifier: Apache-2.0
"""Images for a PodMachine: ours from the build, and others from programs of the distribution; none from a registry."""

import pathlib
import re
import shutil
import subprocess

from harness import programs

# The application of the manifests is an nginx; here tests/support/application answers to its name.
APPLICATION = "docker.io/library/nginx:1.18-alpine"
PAGE = "the application\n"
# How curl ends where the proxy ends a connection that must not go out: it was reset, or closed before the request came.
REFUSED = (56, 52)


def make_images(build: pathlib.Path, output: pathlib.Path, *names: str) -> list[str]:
    """Runs scripts/images.py: NAME.tar for each (default: all); its lines. RuntimeError with its complaint."""
    done = subprocess.run(
        ["/usr/bin/python3", programs.CHECKOUT / "scripts/images.py", "--build", build, "--output", output, *names],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout.splitlines()


def make_root(root: pathlib.Path, *paths: str) -> None:
    """The folders and users of an image, the programs in bin/, and the libraries that they map where they are."""
    for folder in ("bin", "etc"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/:/\n")
    for path in paths:
        shutil.copy(path, root / "bin")
        (root / "bin" / pathlib.Path(path).name).chmod(0o755)
        copy_libraries(path, root)


def copy_libraries(path: str, root: pathlib.Path) -> None:
    listed = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    for library in re.findall(r"(/\S+) \(0x", listed):
        (root / library.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, root / library.lstrip("/"))


def import_application(machine, root: pathlib.Path) -> None:
    """The image APPLICATION, made in the empty folder `root`: it serves PAGE on port 80, and has a shell and curl."""
    make_root(root, *(programs.system(name) for name in ("busybox", "curl", "date")), programs.helper("application"))
    (root / "bin/sleep").symlink_to("busybox")
    machine.import_image(APPLICATION, root, "ENV PATH=/bin", 'CMD ["application", "--serve", "80"]')
