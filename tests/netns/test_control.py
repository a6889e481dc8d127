# SPDX-License-Identifier: Apache-2.0
"""weir-control with a client that speaks its protocol: subscriptions, changes of files, refusals, its commands."""

import os
import pathlib
import re
import time

import grpc
import pytest

from control_process import ADS, TYPES, Control, Stream, message, name_of
from proxy_process import wait_for

NODE = {"node": {"id": "one", "cluster": "test"}}


def cluster(name: str, timeout: str = "1s") -> str:
    return f"'@type': {TYPES['cluster']}\nname: {name}\nconnect_timeout: {timeout}\n"


def assignment(name: str, address: str) -> str:
    return (
        f"'@type': {TYPES['endpoint']}\ncluster_name: {name}\nendpoints: [{{lb_endpoints: [{{endpoint: "
        f"{{address: {{socket_address: {{address: {address}, port_value: 80}}}}}}}}]}}]\n"
    )


def names(response) -> list[str]:
    return [name_of(one) for one in response.resources]


@pytest.fixture
def control():
    with Control({"a.yaml": cluster("a"), "b.yaml": cluster("b") + "---\n" + assignment("b", "203.0.113.1")}) as running:
        yield running


def test_sotw_subscribe_ack_and_push(control):
    with Stream(control.port) as stream:
        stream.say("cluster", **NODE)
        first = stream.hear()
        assert names(first) == ["a", "b"] and first.version_info and first.nonce
        assert control.status() == {"one": ["STALE", "-", "-", "-"]}
        stream.ack(first)
        stream.say("endpoint", resource_names=["b"])
        endpoints = stream.hear()
        assert names(endpoints) == ["b"]
        stream.ack(endpoints, resource_names=["b"])
        wait_for(lambda: control.status() == {"one": ["SYNCED", "SYNCED", "-", "-"]}, "synced")
        control.replace("b.yaml", cluster("b") + "---\n" + assignment("b", "203.0.113.2"))
        changed = stream.hear()
        assert changed.type_url == TYPES["endpoint"] and changed.version_info != endpoints.version_info
        assert stream.hears_nothing()  # no other type changed
    wait_for(lambda: control.status() == {}, "a node that is gone is not shown")


@pytest.mark.parametrize("type_name, method", [
    ("cluster", "cluster.v3.ClusterDiscoveryService/StreamClusters"),
    ("endpoint", "endpoint.v3.EndpointDiscoveryService/StreamEndpoints"),
])
def test_a_stream_for_each_type(control, type_name, method):
    with Stream(control.port, f"/envoy.service.{method}") as stream:
        stream.say(type_name, resource_names=["b"], **NODE)
        assert names(stream.hear()) == ["b"]
        stream.say("route", resource_names=["b"])
        assert stream.hear().code() == grpc.StatusCode.INVALID_ARGUMENT


def test_delta_sends_what_changed(control):
    with Stream(control.port, ADS + "DeltaAggregatedResources") as stream:
        stream.say("cluster", **NODE)
        first = stream.hear()
        assert sorted(one.name for one in first.resources) == ["a", "b"]
        versions = {one.name: one.version for one in first.resources}
        stream.ack(first)
        control.replace("a.yaml", cluster("a", "2s"))
        second = stream.hear()
        assert [one.name for one in second.resources] == ["a"]
        assert second.resources[0].version != versions["a"] and not second.removed_resources
        stream.ack(second)
        control.remove("a.yaml")
        third = stream.hear()
        assert not third.resources and list(third.removed_resources) == ["a"]
        stream.ack(third)
        wait_for(lambda: control.status()["one"][0] == "SYNCED", "synced")
    with Stream(control.port, ADS + "DeltaAggregatedResources") as stream:  # comes back with what it has
        stream.say("cluster", initial_resource_versions={"b": versions["b"], "a": versions["a"]}, **NODE)
        again = stream.hear()
        assert not again.resources and list(again.removed_resources) == ["a"]


def test_a_refusal_is_shown_and_logged(control):
    with Stream(control.port) as stream:
        stream.say("cluster", **NODE)
        first = stream.hear()
        stream.ack(first, version_info="", error_detail={"code": 13, "message": "cluster a: no good"})
        wait_for(lambda: "one refused CDS version" in control.status_text(), "the refusal is shown")
        assert control.status()["one"][0] == "STALE" and "cluster a: no good" in control.status_text()
        assert f"refused CDS version {first.version_info}: cluster a: no good" in control.log()
        assert stream.hears_nothing()
        control.replace("a.yaml", cluster("a", "3s"))
        stream.ack(stream.hear())
        wait_for(lambda: control.status()["one"][0] == "SYNCED" and "refused" not in control.status_text(), "taken")


def test_a_bad_file_changes_nothing_and_is_named(control):
    with Stream(control.port) as stream:
        stream.say("cluster", **NODE)
        stream.ack(stream.hear())
        control.replace("a.yaml", cluster("a") + "colour: red\n")
        wait_for(lambda: "a.yaml:4:1: colour:" in control.log(), "the place is logged")
        assert stream.hears_nothing()
        control.replace("c.yaml", cluster("c"))  # another one is taken meanwhile
        assert names(stream.hear()) == ["a", "b", "c"]
    assert control.log().count("a.yaml:4:1: colour:") == 1


def change_in_place(control, text):
    (control.directory / "a.yaml").write_text(text)


def change_by_copy_of_many_writes(control, text):
    with open(control.directory / "a.yaml", "w", encoding="utf-8") as file:
        for character in text:
            file.write(character)
            file.flush()
            time.sleep(0.002)


@pytest.mark.parametrize("change", [Control.replace, change_in_place, change_by_copy_of_many_writes])
def test_every_way_to_change_a_file_makes_one_push(control, change):
    with Stream(control.port) as stream:
        stream.say("cluster", **NODE)
        stream.ack(stream.hear())
        arguments = ("a.yaml",) if change is Control.replace else ()
        change(control, *arguments, cluster("a", "7s"))
        pushed = stream.hear()
        assert names(pushed) == ["a", "b"]
        assert message("envoy.config.cluster.v3.Cluster").FromString(pushed.resources[0].value).connect_timeout.seconds == 7
        stream.ack(pushed)
        change(control, *arguments, cluster("a", "7s"))
        (control.directory / "note.txt").write_text("nobody's business")
        assert stream.hears_nothing()


def test_a_half_written_file_waits_until_it_is_closed(control):
    with Stream(control.port) as stream:
        stream.say("cluster", **NODE)
        stream.ack(stream.hear())
        with open(control.directory / "c.yaml", "w", encoding="utf-8") as file:
            file.write(cluster("half"))  # a whole resource already, but not the last word
            file.flush()
            control.replace("d.yaml", cluster("d"))
            assert names(stream.hear()) == ["a", "b", "d"]
            file.write("---\n" + cluster("other"))
        assert names(stream.hear()) == ["a", "b", "d", "half", "other"]


def test_swapped_links_are_followed(control):
    for version in ("one", "two"):
        folder = control.directory / f"..{version}"
        folder.mkdir()
        (folder / "c.yaml").write_text(cluster(f"c-{version}"))
    os.symlink("..one", control.directory / "..data")
    os.symlink("..data/c.yaml", control.directory / "c.yaml")
    with Stream(control.port) as stream:
        stream.say("cluster", **NODE)
        first = stream.hear()
        while names(first) != ["a", "b", "c-one"]:  # the link may come after the stream
            first = stream.hear()
        os.symlink("..two", control.directory / "..new")
        os.rename(control.directory / "..new", control.directory / "..data")
        assert names(stream.hear()) == ["a", "b", "c-one", "c-two"]
        assert names(stream.hear()) == ["a", "b", "c-two"]  # clusters that go are sent last


def test_the_directory_itself_may_be_replaced(control):
    with Stream(control.port) as stream:
        stream.say("cluster", **NODE)
        stream.ack(stream.hear())
        other = control.root / "other"
        other.mkdir()
        (other / "z.yaml").write_text(cluster("z"))
        os.rename(control.directory, control.root / "away")
        os.rename(other, control.directory)
        response = stream.hear()
        assert names(response) == ["a", "b", "z"]
        assert names(stream.hear()) == ["z"]
        control.replace("y.yaml", cluster("y"))
        assert names(stream.hear()) == ["y", "z"]


def test_fetch_prints_resources(control):
    done = control.fetch("--type", "endpoint", "--name", "b")
    assert done.returncode == 0 and 'address: "203.0.113.1"' in done.stdout and "port_value: 80" in done.stdout
    everything = control.fetch()
    assert 'name: "a"' in everything.stdout and 'name: "b"' in everything.stdout
    missing = control.fetch("--name", "nobody")
    assert missing.returncode == 1 and missing.stderr == "weir-control: name 'nobody': there is no such resource\n"
    assert control.fetch("--type", "secret").returncode == 2


def test_check_names_every_problem(control):
    assert control.run("check", str(control.directory)).returncode == 0
    (control.directory / "bad.yaml").write_text("kind: ServiceEntry\nmetadata: {name: x}\nspec: {hosts: [a.b]}\n")
    done = control.run("check", str(control.directory))
    assert done.returncode == 1 and "bad.yaml:3:7: spec.ports: a ServiceEntry needs at least one port" in done.stderr


def test_bad_clients_harm_nobody(control):
    with Stream(control.port) as good:
        good.say("cluster", **NODE)
        good.ack(good.hear())
        with Stream(control.port, raw=True) as bad:
            bad.outgoing.put(b"\xff\xff\xff")
            assert bad.hear().code() == grpc.StatusCode.INVALID_ARGUMENT
        with Stream(control.port, "/some.Service/Method") as bad:
            bad.outgoing.put(bad.request())
            assert bad.hear().code() == grpc.StatusCode.UNIMPLEMENTED
        with Stream(control.port) as bad:
            bad.outgoing.put(bad.request(node={"id": "x"}))
            assert bad.hear().code() == grpc.StatusCode.INVALID_ARGUMENT
        with Stream(control.port) as bad:  # a type that is not served is no error: the stream goes on
            bad.outgoing.put(bad.request(type_url="type.googleapis.com/envoy.service.runtime.v3.Runtime"))
            bad.say("cluster", **NODE)
            assert names(bad.hear()) == ["a", "b"]
        control.replace("c.yaml", cluster("c"))
        assert names(good.hear()) == ["a", "b", "c"]


def test_clients_that_are_refused_by_the_hundred(control):
    """Each call is ended while its next message would be awaited."""
    with grpc.insecure_channel(f"127.0.0.1:{control.port}") as channel:
        for path, code in [
            (ADS + "StreamAggregatedResources", grpc.StatusCode.INVALID_ARGUMENT),
            ("/some.Service/Method", grpc.StatusCode.UNIMPLEMENTED),
        ]:
            method = channel.stream_stream(path, lambda data: data, lambda data: data)
            for _ in range(50):
                calls = [method(iter([b"\xff\xff\xff"]), timeout=30) for _ in range(10)]
                assert {call.code() for call in calls} == {code}
    assert control.process.poll() is None


@pytest.mark.slow
def test_big_pushes_do_not_pile_up(control):
    """A push is 2 MB, and its objects are several times that."""
    big = "".join(f"---\n{cluster(f'c{i}')}alt_stat_name: {'x' * 1000}\n" for i in range(2000))

    def push(rounds: range) -> int:
        for number in rounds:
            control.replace("big.yaml", big.replace("1s", f"{number + 1}s"))
            stream.hear(20)
        status = pathlib.Path(f"/proc/{control.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])

    with Stream(control.port) as stream:
        stream.say("cluster", **NODE)
        after_some = push(range(5))
        assert push(range(5, 20)) - after_some < 30_000


def test_it_says_why_it_does_not_start(control):
    done = control.run(str(control.root / "nowhere"), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    assert done.returncode == 1 and done.stderr.endswith(f"weir-control: directory '{control.root}/nowhere': No such file or directory\n")
    done = control.run(str(control.directory), "--listen", f"127.0.0.1:{control.port}", "--admin", "127.0.0.1:0")
    assert done.returncode == 1 and f"listen '127.0.0.1:{control.port}': cannot bind" in done.stderr
    assert control.run().returncode == 2
    done = control.run("status", "--admin", "127.0.0.1:1")
    assert done.returncode == 1 and "is weir-control running?" in done.stderr
    done = control.run("fetch", "--server", "127.0.0.1:1")
    assert done.returncode == 1 and done.stderr.startswith("weir-control: server '127.0.0.1:1': ")


def test_it_ends_on_a_signal_and_starts_again(control):
    control.process.terminate()
    assert control.process.wait(10) == 0
    (control.root / "log").unlink()
    control.start()
    with Stream(control.port) as stream:
        stream.say("cluster", version_info="of before", response_nonce="5", **NODE)
        assert names(stream.hear()) == ["a", "b"]
