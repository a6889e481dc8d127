# SPDX-License-Identifier: Apache-2.0
"""The interception demo. scripts/demo.sh starts it."""

import argparse
import fcntl
import os
import shlex
import signal
import sys
import tempfile
import time

import narration
import network
from scenarios import SCENARIOS
from stage import play


def stop(_number, _frame):
    raise KeyboardInterrupt


def only_one() -> int:
    """Two demos at once would take each other's namespaces away. @return a descriptor to keep open."""
    path = os.path.join(tempfile.gettempdir(), "weir-demo.lock")
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise network.DemoError("another demo is running") from None
    return lock


def install_rules(programs: network.Programs) -> None:
    said = network.run(network.inside(network.POD, [programs.weir_init, *network.INIT_FLAGS]))
    network.run(network.inside(network.MESHED, [programs.weir_init, *network.INIT_FLAGS]))
    narration.line("rules", shlex.join(["weir-init", *network.INIT_FLAGS]))
    for text in said.strip().splitlines():
        narration.line("", text)


def start(programs: network.Programs) -> None:
    narration.paragraph(
        f"Three network namespaces: {network.POD} ({network.POD_V4}, {network.POD_V6}) with an application, "
        f"{network.MESHED} ({network.MESHED_V4}) with another one, and {network.OUTSIDE} with everybody else. In both pods, "
        "weir-init puts rules into the kernel and weir-proxy takes what they redirect. No program below knows of either."
    )
    network.lay_network()
    install_rules(programs)
    programs.start_responders()
    programs.start_proxy(network.POD, "demo.yaml")
    narration.line("proxy", f"weir-proxy -c manifests/demo.yaml   (as user {network.PROXY_UID}, in the pod)")
    programs.start_control()
    narration.line("control", f"weir-control mesh --listen {network.OUTSIDE_V4}:{network.CONTROL_PORT}   (outside; mesh is manifests/mesh)")
    programs.start_proxy(network.MESHED, "mesh-proxy.yaml")
    narration.line("proxy", f"weir-proxy -c manifests/mesh-proxy.yaml   (as user {network.PROXY_UID}, in the second pod)")


def tell_keep(programs: network.Programs) -> None:
    here = os.path.relpath(network.CHECKOUT / "scripts" / "demo.sh")
    pod = f"ip netns exec {network.POD}"
    application = f"setpriv --reuid={network.APPLICATION_UID} --regid={network.APPLICATION_UID} --clear-groups"
    narration.title("Everything stays. Try:")
    for command, what in (
        (f"{pod} {application} curl http://{network.CATALOG_SERVICE}/", "as the application"),
        (f"tail -f {programs.folder}/access-*.log", "what the proxies recover"),
        (f"{pod} {programs.weir_init} status", "what the rules have counted"),
        (f"{pod} {programs.weir_init} explain --to {network.CATALOG_SERVICE}:80", "why it goes where it goes"),
        (f"{pod} nft list table inet weir", "the rules, with their counters"),
        (f"{pod} curl -s 'http://127.0.0.1:15000/stats?filter=cx_total'", "the admin server; /help lists the rest"),
        (f"{pod} {programs.weir_init} --help", "install other rules, or --cleanup-only"),
        (f"ip netns exec {network.MESHED} {application} curl http://{network.SHOP_HOST}/", "as the second pod's application"),
        (f"rm {programs.mesh_folder}/shop-entry.yaml", "and it is blocked again; any other file may come"),
        (f"ip netns exec {network.OUTSIDE} {programs.weir_control} status", "what weir-control knows of the second pod's proxy"),
        (f"{here} --remove", "to end it"),
    ):
        print(f"  {command}\n      {narration.paint(what, 'dim')}")


def show(keep: bool) -> bool:
    network.remove()
    begin = time.monotonic()
    programs = network.Programs()
    start(programs)
    results = [play(number, programs, scenario) for number, scenario in enumerate(SCENARIOS, 1)]
    good, total = sum(results), len(results)
    narration.title(f"{good} of {total} scenarios went as they must, in {time.monotonic() - begin:.1f} s.")
    if good < total:
        for pod in (network.POD, network.MESHED):
            print(f"weir-proxy in {pod} said:\n{programs.proxy_log(pod).read_text()}", file=sys.stderr)
        print(f"weir-control said:\n{programs.control_log.read_text()}", file=sys.stderr)
    if keep:
        tell_keep(programs)
    return good == total


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo.sh")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--remove", action="store_true")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    stays = False
    try:
        lock = only_one()
        try:
            if options.remove:
                print("removed" if network.remove() else "nothing to remove")
                return 0
            finished = show(options.keep)
            stays = options.keep
            return 0 if finished else 1
        finally:
            if not stays:
                network.remove()
            os.close(lock)
    except network.DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
