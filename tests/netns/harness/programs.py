# SPDX-License-Identifier: Apache-2.0
"""Where the built programs are: $WEIR_BUILD (default: build/ of the checkout)."""

import os
import pathlib
import shutil

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("WEIR_BUILD", CHECKOUT / "build")).absolute()


class MissingProgram(Exception):
    """A program that the tests need is not there; the text says how to get it."""


def built(relative: str) -> str:
    """The path of a program of the build tree, e.g. "init/weir-init"."""
    path = BUILD / relative
    if not os.access(path, os.X_OK):
        raise MissingProgram(f"{path}: not built; set WEIR_BUILD to the build directory")
    return str(path)


def weir_init() -> str:
    return os.environ.get("WEIR_INIT") or built("init/weir-init")


def weir_proxy() -> str:
    return os.environ.get("WEIR_PROXY") or built("proxy/weir-proxy")


def weir_control() -> str:
    return os.environ.get("WEIR_CONTROL") or built("control/weir-control")


def helper(name: str) -> str:
    """A program of tests/support."""
    return built(f"tests/support/{name}")


def system(name: str) -> str:
    """A program of the distribution, searched where root's tools are."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/bin:/bin")
    if path is None:
        raise MissingProgram(f"{name}: not installed")
    return path
