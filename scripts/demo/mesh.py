# SPDX-License-Identifier: Apache-2.0
"""The second pod's control plane: a file is put into its directory, and what its proxy has is waited for and told."""

import os
import shutil
import time

import narration
from network import CHECKOUT, MESHED, OUTSIDE, OUTSIDE_V4, SHOP_HOST, DemoError, Programs, ask_proxy, inside, run

UPDATE_SECONDS = 10.0


def drop(programs: Programs, manifest: str) -> None:
    """Puts the manifest into the directory, whole at once, and waits until the second pod's proxy serves it."""
    fresh = programs.folder / manifest
    shutil.copy(CHECKOUT / "manifests" / manifest, fresh)
    begin = time.monotonic()
    os.rename(fresh, programs.mesh_folder / manifest)
    while not is_known():
        if time.monotonic() > begin + UPDATE_SECONDS:
            raise DemoError(f"{manifest}: the proxy does not have it; weir-control said:\n{programs.control_log.read_text()}")
        time.sleep(0.01)
    milliseconds = (time.monotonic() - begin) * 1000
    narration.line("file", f"cp manifests/{manifest} mesh/   (the proxy has it {milliseconds:.0f} ms later)")


def is_known() -> bool:
    """Whether the host has a route, and a cluster with its address."""
    routes = ask_proxy(MESHED, "/config_dump?resource=dynamic_route_configs")
    return SHOP_HOST in routes and f"{SHOP_HOST}::{OUTSIDE_V4}:80::" in ask_proxy(MESHED, "/clusters")


def tell_status(programs: Programs) -> list[str]:
    """Tells what weir-control says of the proxy. @return what is not as it must be."""
    begin = time.monotonic()
    while True:  # the proxy acknowledges what it serves a moment later
        table = run(inside(OUTSIDE, [programs.weir_control, "status"])).rstrip()
        faults = faults_of(table)
        if not faults or time.monotonic() > begin + UPDATE_SECONDS:
            break
        time.sleep(0.05)
    narration.verbatim("status", table)
    return faults


def faults_of(table: str) -> list[str]:
    """Clusters, listeners and routes are acknowledged; no cluster here asks for endpoints."""
    names, *nodes = (line.split() for line in table.splitlines())
    states = [dict(zip(names, node, strict=True)) for node in nodes]
    wanted = {"CDS": "SYNCED", "EDS": "-", "LDS": "SYNCED", "RDS": "SYNCED"}
    if len(states) == 1 and wanted.items() <= states[0].items():
        return []
    return [f"weir-control status says {states}, expected one node with {wanted}"]
