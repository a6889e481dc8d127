# SPDX-License-Identifier: Apache-2.0
"""Weir in real Pods: its init container, the start of a Pod, the memory of an idle sidecar, images, injection."""

import datetime
import re
import sys
import time
from pathlib import Path

import harness.proc as proc
from harness import pod_variants
from harness.init_cost import interleave
from harness.pod_variants import CONTROL, CONTROL_PORT, NAME, SHOP, IdlePod, PlainPod, WeirPod
from harness.pod_world import PAGE, TESTS, complaints, pods_of
from harness.proc_events import ProcEvents
from harness.session import attempt, say
from harness.world import Failure, must, wait_until

sys.path.append(str(TESTS / "kubernetes"))
import injection_corpus  # noqa: E402

# A process is not idle as soon as it is ready.
IDLE_S = 3.0
PATIENCE_S = 30
ORDERS = 10
IN_PODS = ("pods images", "pods init", "pods start", "pods memory")


def run_pods(session):
    interleave(session, "pods inject", {
        "a process each": lambda: inject_one_by_one(session), "one process": lambda: inject_together(session)})
    try:
        with pods_of(session) as pods:
            session.results["pods images"] = {name: [sizes] for name, sizes in pods.sizes.items()}
            run_start(session, pods)
            interleave(session, "pods init", {
                one.name: lambda one=one: init(pods, one) for one in pods.variants if one.intercepts})
            run_memory(session, pods)
    except Failure as why:
        say(f"SKIPPED pods: {why}")
        for section in IN_PODS:
            session.results.setdefault(section, {}).setdefault(WeirPod.name, [{"error": str(why)}])


def run_start(session, pods):
    early = session.results.setdefault("pods started early", {})
    for one in pods.variants:  # what is read from the disk for the first time is not what a Pod costs
        attempt(f"pods start, {one.title}", start, pods, one, {})
    interleave(session, "pods start", {one.name: lambda one=one: start(pods, one, early) for one in pods.variants})
    table = session.results["pods start"]
    for one in pods.variants:
        for mine, plain, idle in zip(table[one.name], table[PlainPod.name], table[IdlePod.name]):
            if one.proxy and "ms" in mine and "ms" in plain:
                mine |= {"added_ms": mine["ms"] - plain["ms"], "ratio": mine["ms"] / plain["ms"],
                         "beyond_ms": mine["ms"] - 1.2 * plain["ms"]}
            if one.intercepts and "ms" in mine and "ms" in idle:
                mine |= {"own_ms": mine["ms"] - idle["ms"]}


def start(pods, one, early):
    """The start of a Pod whose proxy started before its application, as a kubelet starts them.

    podman starts them in any order; those that it started the other way round go into `early`.
    """
    for _ in range(ORDERS):
        found, in_order = start_once(pods, one)
        if in_order:
            return found
        early.setdefault(one.name, []).append(found)
    raise Failure(f"podman started the application first, {ORDERS} times in a row")


def start_once(pods, one):
    """From the start of `podman kube play` to the answer that the application wants; whether the proxy started first."""
    machine = pods.machine
    with pods.played(one.asking(PAGE)) as begun:
        def said():
            time.sleep(0.5)  # looking costs the Pod processor time: rather late than often
            return machine.logs(f"{NAME}-web")

        wait_until(lambda: re.search("answered|passed", said()), "an answer", PATIENCE_S)
        found = re.search(r"^answered (\d+) (\d+)$", said(), re.MULTILINE)
        if not found:
            raise Failure("the first answer came past the proxy")
        in_order = one.proxy is None or started(machine, one.proxy) < started(machine, "web")
        return {"ms": (int(found[1]) - begun) / 1e6, "attempts": int(found[2])}, in_order


def started(machine, container):
    return datetime.datetime.fromisoformat(machine.inspect(f"{NAME}-{container}")["State"]["StartedAt"])


def init(pods, one):
    """From the exec of the init container's program to its exit, in the Pod of the manifest."""
    with ProcEvents() as events, pods.played(one.outbound()):
        container = pods.machine.inspect(f"{NAME}-{one.init}")
        took = events.milliseconds(int(Path(container["PidFile"]).read_text()))
    if container["State"]["ExitCode"] != 0:
        raise Failure(f"the init container: exit {container['State']['ExitCode']}")
    return {"ms": took}


def run_memory(session, pods):
    text = must([program(session, "ctl/weirctl"), "inject", "--native-sidecar=false", "--control", f"{CONTROL}:{CONTROL_PORT}"],
                input=pod_variants.workload())
    with pods.played(pod_variants.control_pod()):
        interleave(session, "pods memory", {
            one.name: lambda one=one: memory(pods, one, pod_variants.playable(text, one))
            for one in pods.variants if one.intercepts})


def memory(pods, one, text):
    """Of a sidecar that has its listeners from weir-control, and nothing to do."""
    machine = pods.machine
    with pods.played(text):
        def is_configured():
            _, ready = machine.execute(f"{SHOP}-web", "/bin/curl", "-s", "-m", "2", "http://127.0.0.1:15000/ready")
            if not ready.startswith("LIVE"):
                return False
            _, status = machine.execute(f"{CONTROL}-control", "weir-control", "status")
            return re.search(rf"~{SHOP}\.\S+ +SYNCED +\S+ +SYNCED +SYNCED", status)

        wait_until(is_configured, "configured by weir-control", PATIENCE_S, 0.5)
        time.sleep(IDLE_S)
        pid = machine.inspect(f"{SHOP}-{one.proxy}")["State"]["Pid"]
        return proc.memory(pid) | {f"cgroup_{key}": value for key, value in proc.cgroup_memory(pid).items()}


def program(session, path):
    found = Path(session.options.build) / path
    if not found.exists():
        raise Failure(f"no program '{found}'")
    return str(found)


def corpus(session):
    """A folder with the manifests of the tests."""
    folder = session.world.folder / "corpus"
    if not folder.exists():
        folder.mkdir()
        for number, text in enumerate(injection_corpus.CORPUS.values()):
            (folder / f"{number:03}.yaml").write_text(text)
    return folder


def inject(session, path):
    done = session.world.json_in("app", [session.world.tool("measure"), "exec-to-exit", "--",
                                         program(session, "ctl/weirctl"), "inject", "-f", str(path)])
    if done["status"] != 0:
        raise Failure(f"weirctl inject -f {path.name}: exit {done['status']}")
    return done


def inject_one_by_one(session):
    runs = [inject(session, path) for path in sorted(corpus(session).iterdir())]
    return {key: sum(run[key] for run in runs) for key in ("ms", "cpu_ms")} | {"manifests": len(runs)}


def inject_together(session):
    done = inject(session, corpus(session))
    return {key: done[key] for key in ("ms", "cpu_ms")} | {"manifests": len(injection_corpus.CORPUS)}
