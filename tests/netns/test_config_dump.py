# SPDX-License-Identifier: Apache-2.0
"""/config_dump: the bootstrap, what files say, what was refused; and the same from a real Envoy."""

import json

import pytest

import http_front
import proxy_process
from harness.lab import POD
from http_differential import contestant
from http_scene import manager, route
from live_scene import ECHO, ONE, TWO, assignment, eds, http, http_by_rds, routes, static, tcp
from proxy_config import ADMIN, bootstrap, chain, listener, socket_address
from proxy_process import wait_for
from test_live_files import Files

LISTS = (
    "static_listeners",
    "dynamic_listeners",
    "static_clusters",
    "dynamic_active_clusters",
    "dynamic_warming_clusters",
    "static_route_configs",
    "dynamic_route_configs",
)


@pytest.fixture
def files():
    return Files()


def configuration(files: Files) -> dict:
    """A bootstrap with resources of its own beside those of the files."""
    fixed = listener("fixed", POD[4], 9090, {"filters": [manager([route("fixed")])]})
    made = bootstrap([fixed], [static("fixed", ONE)])
    made["dynamic_resources"] = files.bootstrap()["dynamic_resources"]
    made["node"] = {"id": "node-1", "cluster": "front", "metadata": {"app": "shop"}}
    return made


def write_good(files: Files) -> None:
    files.write("cds", static("one", ONE, connect_timeout="3s"), eds("moving", files.path("eds")), static("echo", ECHO))
    files.write("rds", routes("table", "one"))
    files.write("lds", http_by_rds({"path_config_source": {"path": str(files.path("rds"))}}, "table"), tcp("echo"))
    files.write("eds", assignment("moving", TWO))


@pytest.fixture
def proxy(plain_lab, run_proxy, files):
    write_good(files)
    return run_proxy(plain_lab.pod, configuration(files), "--drain-time-s", "1", directory=files.directory)


def dump(proxy, query: str = "") -> list[dict]:
    return json.loads(proxy.text("/config_dump" + query)).get("configs", [])


def section(proxy, name: str, query: str = "") -> dict:
    (found,) = [one for one in dump(proxy, query) if one["@type"] == f"type.googleapis.com/envoy.admin.v3.{name}"]
    return found


def dynamic_listener(proxy, name: str) -> dict:
    (found,) = [one for one in dump(proxy, "?resource=dynamic_listeners") if one.get("name", "") == name]
    return found


def test_the_bootstrap_and_the_files(proxy, files):
    shown = section(proxy, "BootstrapConfigDump")["bootstrap"]
    assert shown == configuration(files)
    listeners = section(proxy, "ListenersConfigDump")
    assert [one["listener"]["name"] for one in listeners["static_listeners"]] == ["fixed"]
    assert [one["name"] for one in listeners["dynamic_listeners"]] == ["http", "tcp"]
    state = listeners["dynamic_listeners"][1]["active_state"]
    url = "type.googleapis.com/envoy.config.listener.v3.Listener"
    assert state["listener"] == {"@type": url, **tcp("echo")}
    assert state["version_info"] == listeners["version_info"] != ""
    assert state["last_updated"].endswith("Z")
    clusters = section(proxy, "ClustersConfigDump")
    assert [one["cluster"]["name"] for one in clusters["static_clusters"]] == ["fixed"]
    assert [one["cluster"]["name"] for one in clusters["dynamic_active_clusters"]] == ["echo", "moving", "one"]
    tables = section(proxy, "RoutesConfigDump")
    assert [one["route_config"]["name"] for one in tables["static_route_configs"]] == ["r"]
    (table,) = tables["dynamic_route_configs"]
    assert table["route_config"] == {"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", **routes("table", "one")}
    assert table["version_info"] != ""
    (moving,) = dump(proxy, "?resource=dynamic_endpoint_configs&include_eds&name_regex=mov.*")
    (host,) = moving["endpoint_config"]["endpoints"][0]["lb_endpoints"]
    assert host["endpoint"]["address"] == socket_address(*TWO)
    assert host["health_status"] == "HEALTHY"
    assert moving["version_info"] != ""
    assert "moving::added_via_api::true" in proxy.text("/clusters")
    assert "fixed::added_via_api::false" in proxy.text("/clusters")


def test_a_refused_resource(proxy, files):
    wrong = tcp("echo")
    wrong["traffic_direction"] = "SIDEWAYS"
    files.write("lds", http("one"), wrong)
    proxy.wait_stat("listener_manager.lds.update_rejected", 1)
    shown = dynamic_listener(proxy, "tcp")
    assert shown["active_state"]["listener"]["filter_chains"] == [chain("echo")]
    error = shown["error_state"]
    assert error["failed_configuration"]["value"]["traffic_direction"] == "SIDEWAYS"
    assert "resources[1].traffic_direction" in error["details"] and "lds.json:" in error["details"]
    assert error["last_update_attempt"] >= shown["active_state"]["last_updated"]
    assert proxy.text("/ready").startswith("LIVE\n")
    files.write("lds", http("one"), tcp("echo", port=9090))  # the address of the static one
    wait_for(lambda: "9090" in dynamic_listener(proxy, "tcp")["error_state"]["details"], "the other error is shown")
    error = dynamic_listener(proxy, "tcp")["error_state"]
    assert error["failed_configuration"]["address"] == socket_address(POD[4], 9090)
    files.write("lds", http("one"), tcp("echo"))
    wait_for(lambda: "error_state" not in dynamic_listener(proxy, "tcp"), "the error is gone")


def test_a_file_that_is_no_configuration(proxy, files):
    places = {"lds": "dynamic_listeners", "cds": "dynamic_warming_clusters", "rds": "dynamic_route_configs"}
    for kind, place in places.items():
        files.replace(kind, "resources: [")
        wait_for(lambda place=place: any("error_state" in one for one in dump(proxy, f"?resource={place}")), "the error is shown")
        (error,) = [one["error_state"] for one in dump(proxy, f"?resource={place}") if "error_state" in one]
        assert f"{kind}.json:" in error["details"]
    write_good(files)
    wait_for(lambda: "error_state" not in json.dumps(dump(proxy)), "the errors are gone")
    assert proxy.stat("listener_manager.total_listeners_active") == 3


def test_a_changed_listener_drains(proxy, files):
    before = dynamic_listener(proxy, "tcp")["active_state"]
    files.write("lds", http("one"), tcp("echo", port=9082))
    wait_for(lambda: "draining_state" in dynamic_listener(proxy, "tcp"), "the old version is shown")
    shown = dynamic_listener(proxy, "tcp")
    assert shown["draining_state"] == before
    assert shown["active_state"]["listener"]["address"] == socket_address(POD[4], 9082)
    assert shown["active_state"]["version_info"] != before["version_info"]
    wait_for(lambda: "draining_state" not in dynamic_listener(proxy, "tcp"), "it has drained")


@pytest.mark.parametrize(
    "query, status, text",
    [
        ("?resource=bogus", 404, "bogus not found in config dump"),
        ("?mask=bogus", 400, "FieldMask bogus could not be successfully applied to any configs."),
        ("?name_regex=%5B", 400, "INVALID_ARGUMENT: Error while parsing name_regex from [: missing ]: ["),
    ],
)
def test_wrong_queries(proxy, query, status, text):
    assert proxy.get("/config_dump" + query) == (status, text)


# -- beside the peer ------------------------------------------------------------------------------------------------


class Envoy(http_front.Envoy):
    def command(self, workers: int) -> list[str]:
        return [contestant.envoy(), "--concurrency", str(workers), "--disable-hot-restart", "-l", "error"]


def without_times(value):
    """Times differ between the two, and versions that Weir makes."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in ("last_updated", "last_update_attempt")}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def comparable(text: str):
    """Envoy keeps no order in some lists."""
    if not text.startswith("{"):
        return text
    return sorted((without_times(one) for one in json.loads(text).get("configs", [])), key=json.dumps)


def everything(proxy) -> dict:
    queries = [f"?resource={name}" for name in LISTS]
    queries += ["?resource=dynamic_listeners&mask=name", "?resource=static_clusters&mask=cluster.name,last_updated", "?mask=bootstrap.static_resources",
                "?mask=bootstrap.node.id,version_info", "?resource=static_route_configs&name_regex=r", "?name_regex=f.*&mask=static_clusters,dynamic_active_clusters,static_listeners",
                "?resource=version_info", "?resource=bogus", "?mask=bogus", "?mask=a,b.c", "?name_regex=%5B", "?resource=static_endpoint_configs", "?resource=&mask=bogus"]  # fmt: skip
    answers = {}
    for query in queries:
        status, text = proxy.get("/config_dump" + query)
        answers[query] = (status, comparable(text))
    return answers


@pytest.mark.peer
def test_as_envoy_shows_it(plain_lab, run_proxy, files):
    try:
        contestant.envoy()
    except contestant.Unavailable as reason:
        pytest.skip(str(reason))
    write_good(files)
    for kind in ("cds", "lds", "rds"):
        files.replace(kind, json.dumps({"version_info": "7", **json.loads(files.path(kind).read_text())}))
    ours, types = {}, {}
    for program in (Envoy, proxy_process.Proxy):
        directory = files.directory if program is Envoy else proxy_process.new_directory()
        proxy = run_proxy(plain_lab.pod, configuration(files), directory=directory, program=program, admin=ADMIN)
        wait_for(lambda proxy=proxy: len(dump(proxy, "?resource=dynamic_listeners")) == 2, "the listeners are there")
        ours[program] = everything(proxy)
        types[program] = [one["@type"] for one in dump(proxy, "?include_eds")]
        proxy.process.kill()
        proxy.process.wait()
    assert types[proxy_process.Proxy] == types[Envoy]
    for query, expected in ours[Envoy].items():
        assert ours[proxy_process.Proxy][query] == expected, query
