# SPDX-License-Identifier: Apache-2.0
"""--last-good: a restart without a control plane, and what becomes of a copy that is of no use."""

import json
import os
import re
import shutil

import pytest

from control_process import Control
from harness.lab import POD
from live_scene import ECHO, HTTP, ONE, TCP, TWO, Load, assignment, first_body, http, http_by_rds, routes, serves, static, tcp
from proxy_config import ADMIN
from proxy_peers import who
from proxy_process import new_directory, wait_for
from test_live_grpc import Way, control, eds, file_of, servers, way  # noqa: F401 fixtures

OLD_ONLY = 9200


def scene(way: Way, to: tuple[str, int], **more: dict) -> str:
    """Something of every type."""
    return file_of(
        cluster_a=eds("a", way.source),
        endpoint_a=assignment("a", to),
        cluster_echo=static("echo", ECHO),
        listener_http=http_by_rds(way.source, "table"),
        listener_tcp=tcp("echo"),
        route_table=routes("table", "a"),
        **more,
    )


def old_scene(way: Way) -> str:
    return scene(way, ONE, cluster_old=static("old", ECHO), listener_old=tcp("old", "old", OLD_ONLY))


class Kept:
    """A directory for the copy, and proxies that use it one after the other."""

    def __init__(self, lab, run_proxy, control: Control, way: Way):
        self.lab, self.run_proxy, self.control = lab, run_proxy, control
        self.directory = new_directory()
        self.copy = self.directory / "weir-last-good"
        self.way = way
        self.proxy = None

    def start(self, *arguments: str, node: str = "one", **dynamic):
        config = self.way.bootstrap(self.control.port, **dynamic)
        config["node"]["id"] = node
        self.proxy = self.run_proxy(self.lab.pod, config, "--last-good", str(self.directory), *arguments)
        return self.proxy

    def stop(self) -> None:
        self.proxy.process.kill()
        self.proxy.process.wait()

    def make_copy(self) -> None:
        """What an earlier run leaves, killed without warning."""
        self.start()
        serves(self.lab, "one")
        wait_for(lambda: self.copy.exists() and b"table" in self.copy.read_bytes(), "the copy is written")
        self.stop()


@pytest.fixture
def kept(plain_lab, run_proxy, control, servers, way):  # noqa: F811
    control.replace("all.json", old_scene(way))
    wait_for(lambda: re.search(r", [1-9]\d* resources", control.log()), "weir-control has read its files")
    made = Kept(plain_lab, run_proxy, control, way)
    yield made
    shutil.rmtree(made.directory, ignore_errors=True)


def failures(proxy) -> list[str]:
    """What /config_dump says of every resource or source that is not well."""
    found = []

    def look(value) -> None:
        if isinstance(value, dict):
            if "error_state" in value:
                found.append(value["error_state"].get("details", ""))
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(json.loads(proxy.text("/config_dump?include_eds")))
    return found


def echoes(lab, port: int) -> bool:
    with lab.peer.connect(POD[4], port, timeout=10) as connection:
        connection.sendall(b"x")
        return connection.recv(1) == b"x"


@pytest.mark.parametrize("way", ["ads delta", "per type sotw"], indirect=True)
def test_the_copy_serves_until_the_control_plane_answers(plain_lab, kept, control):  # noqa: F811
    kept.make_copy()
    assert os.stat(kept.copy).st_mode & 0o777 == 0o600
    control.stop()
    proxy = kept.start()
    assert first_body(plain_lab) == "one" and echoes(plain_lab, TCP) and echoes(plain_lab, OLD_ONLY)
    assert f"the copy '{kept.copy}' of 20" in proxy.log() and " s old, serves until a control plane answers" in proxy.log()
    told = failures(proxy)
    assert len(told) == 4 and all(str(kept.copy) in text and "s old" in text for text in told), told
    assert all(f"degraded: {kind}: " in proxy.text("/ready") for kind in ("cds", "eds", "lds", "rds"))
    dump = json.loads(proxy.text("/config_dump?resource=dynamic_listeners"))["configs"]
    versions = {entry["name"]: entry["active_state"]["version_info"] for entry in dump if "name" in entry}
    assert versions.keys() == {"http", "tcp", "old"} and all(versions.values()), "they keep their versions"

    listen = f"127.0.0.1:{control.port}"
    (control.root / "log").unlink()
    control.replace("all.json", scene(kept.way, TWO))
    with Load(plain_lab.peer) as load:
        control.start("--listen", listen)
        serves(plain_lab, "two")
        wait_for(lambda: who(plain_lab.peer, POD[4], OLD_ONLY) == "refused", "what only the copy had is gone")
        wait_for(lambda: "old" not in proxy.text("/clusters"), "its cluster, too")
    load.check()
    wait_for(lambda: failures(proxy) == [], "nothing is of the copy any more")
    assert proxy.text("/ready") == "LIVE\n"
    assert proxy.log().count("takes the place of the copy's") == 4
    assert proxy.stat("listener_manager.listener_modified") == 0 and proxy.stat("cluster_manager.cluster_modified") == 0
    wait_for(lambda: b"old" not in kept.copy.read_bytes(), "the copy follows")


@pytest.mark.parametrize("way", ["ads sotw"], indirect=True)
def test_a_control_plane_that_accepts_and_says_nothing(plain_lab, kept, control):  # noqa: F811
    kept.make_copy()
    control.stop()
    with plain_lab.pod.listen("127.0.0.1", control.port):
        proxy = kept.start()
        assert first_body(plain_lab) == "one"
        assert "no answer of a control plane within 2 s" in proxy.log()


def damaged(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :]


USELESS = {
    "cut": (lambda copy: copy.write_bytes(copy.read_bytes()[:-5]), "it is damaged: ", "one"),
    "changed": (lambda copy: copy.write_bytes(damaged(copy.read_bytes())), "its checksum is wrong", "one"),
    "empty": (lambda copy: copy.write_bytes(b""), "it is not such a copy", "one"),
    "another's": (lambda copy: None, "it is of node 'one', cluster 'test', and this is node 'two'", "two"),
    "open to others": (lambda copy: copy.chmod(0o666), "others than its owner may write it", "one"),
    "of a stranger": (lambda copy: os.chown(copy, 4242, 4242), "open '", "one"),
    "a directory": (lambda copy: (copy.unlink(), copy.mkdir()), "is not a regular file", "one"),
}


@pytest.mark.parametrize("way", ["ads delta"], indirect=True)
def test_a_copy_that_is_of_no_use_is_told_and_ignored(plain_lab, kept, control):  # noqa: F811
    kept.make_copy()
    good = kept.copy.read_bytes()
    owner = os.stat(kept.copy)
    control.stop()
    source = {**kept.way.source, "initial_fetch_timeout": "0.1s"}
    for what, (spoil, text, node) in USELESS.items():
        shutil.rmtree(kept.copy) if kept.copy.is_dir() else kept.copy.unlink(missing_ok=True)
        kept.copy.write_bytes(good)
        kept.copy.chmod(0o600)
        os.chown(kept.copy, owner.st_uid, owner.st_gid)
        spoil(kept.copy)
        proxy = kept.start(node=node, cds_config=source, lds_config=source)
        line = next((line for line in proxy.log().splitlines() if "is ignored" in line), "")
        assert str(kept.copy) in line and text in line and "remove it" in line, (what, proxy.log())
        assert who(plain_lab.peer, POD[4], HTTP) == "refused", what
        kept.stop()


@pytest.mark.parametrize("way", ["per type sotw"], indirect=True)
def test_a_directory_that_cannot_be_written(plain_lab, kept, control):  # noqa: F811
    os.chown(kept.directory, 0, 0)
    proxy = kept.start()
    assert first_body(plain_lab) == "one", "it serves all the same"
    assert f"no copy of the last good configuration will be kept: write to '{kept.directory}'" in proxy.log()
    control.replace("all.json", scene(kept.way, TWO))
    serves(plain_lab, "two")
    wait_for(lambda: "could not be written" in proxy.log(), "the failure is told")
    assert str(kept.copy) in proxy.log()
    assert not kept.copy.exists()


@pytest.mark.parametrize("way", ["ads sotw"], indirect=True)
def test_the_copy_is_written_at_the_end(plain_lab, kept, control):  # noqa: F811
    """A change just before SIGTERM is not lost; a configuration without a control plane is told."""
    proxy = kept.start("--drain-time-s", "1")
    control.replace("all.json", scene(kept.way, ONE, cluster_late=static("late", ECHO)))
    wait_for(lambda: "late::" in proxy.text("/clusters"), "it has come")
    proxy.process.terminate()
    assert proxy.wait_exit() == 0
    assert b"late" in kept.copy.read_bytes()
    alone = kept.run_proxy(plain_lab.pod, {"admin": kept.way.bootstrap(1)["admin"]}, "--last-good", str(kept.directory))
    assert "flag '--last-good' has no effect" in alone.log()
