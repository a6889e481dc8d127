# SPDX-License-Identifier: Apache-2.0
"""/ready: the state alone in the first line, as probes expect it; then what is awaited, and what was refused."""

import pytest

from live_scene import ECHO, ONE, eds, first_body, http, http_by_rds, routes, serves, static, tcp
from proxy_process import wait_for
from test_live_files import Files, files  # noqa: F401 fixture
from test_live_grpc import Way, control, file_of, servers, start, way  # noqa: F401 fixtures


def ready(proxy) -> tuple[int, str, list[str]]:
    """Status, first line, the others."""
    status, text = proxy.get("/ready")
    assert text.endswith("\n")
    first, *others = text.splitlines()
    return status, first, others


def says(proxy, status: int, state: str, *starts: str) -> None:
    """Each of `starts` begins a line of its own, and there are no others."""

    def right() -> bool:
        got = ready(proxy)
        lines = zip(sorted(got[2]), sorted(starts), strict=False)
        return got[:2] == (status, state) and len(got[2]) == len(starts) and all(a.startswith(b) for a, b in lines)

    try:
        wait_for(right, "/ready")
    except AssertionError:
        raise AssertionError(f"/ready says {ready(proxy)}") from None


def starts(proxy) -> None:
    def answers() -> bool:
        try:
            return proxy.get("/ready")[0] > 0
        except OSError:
            return False

    wait_for(answers, "the admin server answers")


@pytest.mark.parametrize("way", ["ads sotw", "per type delta"], indirect=True)
def test_before_a_control_plane_answers(plain_lab, run_proxy, control, way, servers):  # noqa: F811
    control.replace("all.json", file_of(cluster_echo=static("echo", ECHO), listener_tcp=tcp("echo")))
    control.stop()
    proxy = run_proxy(plain_lab.pod, way.bootstrap(control.port), wait=False)
    starts(proxy)
    about = "'control': " if way.ads else "'control' (cds): "
    text = f"lost: control plane {about}connect '127.0.0.1:{control.port}': Connection refused"
    waiting = [f"waiting: {kind}: control plane 'control' has not answered" for kind in ("cds", "lds")]
    says(proxy, 503, "PRE_INITIALIZING", text, *waiting)
    (control.root / "log").unlink()
    control.start("--listen", f"127.0.0.1:{control.port}")
    wait_for(lambda: ready(proxy)[0] == 200, "it serves", 20)
    assert proxy.text("/ready") == "LIVE\n"
    control.stop()
    says(proxy, 200, "LIVE", f"lost: control plane {about}", *([] if way.ads else ["lost: control plane 'control' (lds): "]))


def test_what_is_awaited_at_the_start(plain_lab, run_proxy, files, servers):  # noqa: F811
    files.write("eds")
    files.write("cds", eds("slow", files.path("eds")))
    files.write("lds")
    proxy = run_proxy(plain_lab.pod, files.bootstrap(), directory=files.directory, wait=False)
    starts(proxy)
    says(proxy, 503, "PRE_INITIALIZING", "waiting: cluster 'slow' for its endpoints")
    files.write("eds", {"cluster_name": "slow"})
    says(proxy, 200, "LIVE")


@pytest.mark.parametrize("way", ["ads sotw"], indirect=True)
def test_a_listener_that_waits_for_its_routes(plain_lab, control, start, way):  # noqa: F811
    control.replace("all.json", file_of(cluster_one=static("one", ONE)))
    proxy = start(way)
    says(proxy, 200, "LIVE")
    parts = {"cluster_one": static("one", ONE), "listener_http": http_by_rds(way.source, "late")}
    control.replace("all.json", file_of(**parts))
    says(proxy, 200, "LIVE", "waiting: listener 'http' for route table 'late'")
    control.replace("all.json", file_of(route_late=routes("late", "one"), **parts))
    says(proxy, 200, "LIVE")
    serves(plain_lab, "one")


def test_what_was_refused(plain_lab, run_proxy, files, servers):  # noqa: F811
    files.write("cds", static("one", ONE), static("echo", ECHO))
    files.write("lds", http("one"), tcp("echo"))
    proxy = run_proxy(plain_lab.pod, files.bootstrap(), directory=files.directory)
    assert proxy.get("/ready") == (200, "LIVE\n")
    files.write("lds", http("one"), tcp("echo", traffic_direction="SIDEWAYS"))
    files.write("cds", static("one", ONE), static("echo", ECHO, connect_timeout="-1s"))
    says(proxy, 200, "LIVE", "refused: cluster 'echo', version '", "refused: listener 'tcp', version '")
    lines = ready(proxy)[2]
    assert "resources[1].connect_timeout" in lines[0] and "resources[1].traffic_direction" in lines[1]
    files.replace("lds", "{ no configuration")
    wait_for(lambda: any(line.startswith("degraded: lds: file '") for line in ready(proxy)[2]), "a file as a whole")
    assert first_body(plain_lab) == "one"
    files.write("lds", http("one"), tcp("echo"))
    files.write("cds", static("one", ONE), static("echo", ECHO))
    says(proxy, 200, "LIVE")
