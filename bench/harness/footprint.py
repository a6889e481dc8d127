# SPDX-License-Identifier: Apache-2.0
"""Memory of an idle process and of idle connections, and the time from exec to a proxied byte."""

import time

import harness.proc as proc
from harness.peers import FEW, prepare
from harness.session import SPARE
from harness.world import PROXY_UID, wait_until


def run_memory(session):
    session.interleave("idle process", session.proxies_of("memory"), lambda one: idle_process(session, one))
    session.interleave("idle connections", [session.direct[1], *session.proxies_of("memory")],
                       lambda one: idle_connections(session, one), rounds=min(session.rounds, 2))


def idle_process(session, one):
    instance = session.fresh(one, connections=FEW)
    try:
        time.sleep(0.3)
        return proc.memory(instance.pid)
    finally:
        instance.stop()


def idle_connections(session, one):
    wanted = session.options.idle
    upstream_before = proc.open_files(session.world.upstream.pid)
    instance = session.fresh(one) if one.peer else None
    client = None
    try:
        time.sleep(0.5)
        command = [session.world.tool("load"), "idle", "--to", one.to("reply", SPARE if one.peer else 0)]
        serve_one(session, one, command)
        wait_until(lambda: proc.open_files(session.world.upstream.pid) <= upstream_before,
                   "the first connection has ended", 20)
        before = sample(instance)
        client = session.world.start(one.namespace, [*command, "--connections", str(wanted)], stdin=True)
        client.wait_for_line('"open"')
        wait_until(lambda: proc.open_files(session.world.upstream.pid) >= upstream_before + wanted,
                   "all connections reach the upstream", 20)
        time.sleep(0.3)
        quiet = sample(instance)
        client.say("exchange")
        client.wait_for_line('"exchanged"')
        time.sleep(0.3)
        used = sample(instance)
        if instance:
            instance.check_alive()
        return {f"{key}_{when}": (now[key] - before[key]) / wanted
                for when, now in (("quiet", quiet), ("used", used)) for key in before}
    finally:
        if client:
            client.stop(hard=True)
        if instance:
            instance.stop()
        wait_until(lambda: proc.open_files(session.world.upstream.pid) < upstream_before + 80,
                   "the upstream is idle again", 20)


def serve_one(session, one, command):
    """One connection and an exchange: what a proxy needs to serve at all is not what each connection costs."""
    client = session.world.start(one.namespace, [*command, "--connections", "1"], stdin=True)
    try:
        client.wait_for_line('"open"')
        client.say("exchange")
        client.wait_for_line('"exchanged"')
        time.sleep(0.3)
    finally:
        client.stop(hard=True)


def sample(instance):
    return {"slab": proc.slab()} | ({"pss": proc.memory(instance.pid)["pss"]} if instance else {})


def run_start(session):
    session.interleave("start", session.proxies_of("start"), lambda one: first_byte(session, one),
                       rounds=max(2 * session.rounds, 2))


def first_byte(session, one):
    folder = session.world.folder / f"start-{one.name}"
    command = prepare(one.peer, folder, one.slot + SPARE, FEW)
    return session.world.json_in("app", [
        session.world.tool("measure"), "first-byte", "--to", one.to("reply", SPARE),
        "--uid", str(PROXY_UID), "--output", str(folder / "log"), "--", *command])
