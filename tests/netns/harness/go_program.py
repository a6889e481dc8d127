# SPDX-License-Identifier: Apache-2.0
"""Programs in Go that tests meet, built once on a machine with the Go that is there; modules come as Go's settings say."""

import os
import pathlib
import shutil
import subprocess
import tempfile

BUILD_SECONDS = 900


class Unavailable(Exception):
    """The program cannot be had here, and why."""


def built(name: str, modules: str, source: str) -> str:
    """The path of the program that `source` becomes with the modules (path@version, blanks between); Unavailable otherwise.

    name is the program's in the cache, and changes with what it is made of.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = pathlib.Path(home, "weir-tests", name)
    if path.exists():
        return str(path)
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        raise Unavailable("Go is not installed")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        pathlib.Path(folder, "main.go").write_text(source)
        for step in (["mod", "init", "program"], ["get", *modules.split()], ["build", "-o", "program", "."]):
            _go(go, step, folder)
        os.replace(pathlib.Path(folder, "program"), path)
    return str(path)


def _go(go: str, step: list[str], folder: str) -> None:
    env = {**os.environ, "GOFLAGS": "-mod=mod", "GOWORK": "off", "CGO_ENABLED": "0"}
    try:
        done = subprocess.run(
            [go, *step], cwd=folder, env=env, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"go {step[0]} took longer than {BUILD_SECONDS} s") from None
    if done.returncode != 0:
        raise Unavailable(f"go {' '.join(step)}: {done.stderr.strip().splitlines()[-1]}")
