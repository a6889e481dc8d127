# SPDX-License-Identifier: Apache-2.0
"""The HTTP configurations of manifests/: each is valid, and does what its first lines say."""

import collections
import json

import pytest

import proxy_process
from harness import installer, programs
from harness.flags import Flags
from harness.lab import OUTSIDE, OUTSIDE_OTHER, PEER, POD, SERVICE
from http_front import application
from proxy_dns import Nameserver, resolving_with
from proxy_peers import echo, how_it_ends, read_exactly, says, who
from proxy_process import wait_for, wait_for_lines

MANIFESTS = programs.CHECKOUT / "manifests"
NAMES = ["http-static", "http-routes", "http-rewrite", "http-lua", "http-inspector", "inbound-http", "outbound-http"]


def manifest(name: str) -> str:
    return (MANIFESTS / f"{name}.yaml").read_text()


def named(name: str):
    """The application, which says who it is in a header."""

    def behave(connection) -> None:
        stream = connection.makefile("rb")
        while line := stream.readline():
            head = [line]
            while (line := stream.readline()) not in (b"\r\n", b""):
                head.append(line)
            body = json.dumps({"path": head[0].split()[1].decode(), "head": b"".join(head[1:]).decode().lower()}).encode()
            connection.sendall(f"HTTP/1.1 200 OK\r\nx-name: {name}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)

    return behave


@pytest.fixture
def run_manifest(plain_lab, run_proxy, serve):
    def run(name: str, *arguments: str):
        serve(plain_lab.peer, OUTSIDE[4], 8000, named("one"))
        serve(plain_lab.peer, OUTSIDE_OTHER[4], 8000, named("two"))
        return run_proxy(plain_lab.pod, manifest(name), *arguments)

    return run


class Answer:
    """What curl -i has got."""

    def __init__(self, output: str):
        head, _, self.body = output.replace("\r\n", "\n").partition("\n\n")
        first, *lines = head.splitlines()
        self.status = int(first.split()[1])
        self.headers = dict(line.split(": ", 1) for line in lines)


def curl(namespace, url: str, *arguments: str, wrap: list[str] = ()) -> Answer:
    done = namespace.run([*wrap, programs.system("curl"), "-sSi", "--max-time", "20", *arguments, url], check=True)
    return Answer(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_is_valid(plain_lab, name):
    done = plain_lab.pod.run([programs.weir_proxy(), "--mode", "validate", "-c", str(MANIFESTS / f"{name}.yaml")])
    assert (done.returncode, "warning" in done.stderr) == (0, False), done.stderr


def test_static(plain_lab, run_manifest):
    run_manifest("http-static")
    seen = collections.Counter(curl(plain_lab.pod, "localhost:8080").headers["x-name"] for _ in range(30))
    assert seen == {"one": 10, "two": 20}


def test_routes(plain_lab, run_manifest):
    run_manifest("http-routes")

    def ask(path: str, *arguments: str, host: str = "shop.example") -> Answer:
        return curl(plain_lab.pod, f"localhost:8080{path}", "-H", f"Host: {host}", *arguments)

    answer = ask("/")
    assert (answer.status, answer.headers["x-name"]) == (200, "one")
    assert (answer.headers["x-served-by"], answer.headers["x-zone"]) == ("weir", "test")
    answer = ask("/health")
    assert (answer.status, answer.body, answer.headers["x-served-by"]) == (200, "fine\n", "weir")
    answer = ask("/old/cart?a=b", host="www.shop.example")
    assert (answer.status, answer.headers["location"]) == (301, "http://www.shop.example/new/cart?a=b")
    assert ask("/", "-H", "x-canary: yes").headers["x-name"] == "two"
    assert curl(plain_lab.pod, "localhost:8080").status == 404
    seen = collections.Counter(ask("/", host="split.example").headers["x-name"] for _ in range(100))
    assert 70 <= seen["one"] <= 99 and seen["two"] >= 1, seen


def test_rewrite(plain_lab, run_manifest):
    run_manifest("http-rewrite")

    def seen(path: str) -> str:
        return json.loads(curl(plain_lab.pod, f"localhost:8080{path}").body)["path"]

    assert seen("/pages/about?lang=en") == "/about.html?lang=en"
    assert seen("/pagesx/about") == "/pagesx/about"
    answer = curl(plain_lab.pod, "localhost:8080/api/v1/users")
    assert json.loads(answer.body)["path"] == "/users"
    assert "host: api.example\r\n" in json.loads(answer.body)["head"]
    assert curl(plain_lab.pod, "localhost:8080/").status == 404


def test_lua(plain_lab, run_manifest):
    run_manifest("http-lua")
    answer = curl(plain_lab.pod, "localhost:8080")
    assert answer.headers["x-script"] == answer.headers["content-length"]
    assert "x-seen-by: script\r\n" in json.loads(answer.body)["head"]
    answer = curl(plain_lab.pod, "localhost:8080/admin")
    assert (answer.status, answer.body) == (403, "not from here\n")


def test_inspector(plain_lab, run_manifest, serve):
    proxy = run_manifest("http-inspector")
    serve(plain_lab.peer, OUTSIDE[4], 7000, echo)
    assert curl(plain_lab.pod, "localhost:8080").status == 200
    with plain_lab.pod.connect("127.0.0.1", 8080) as client:
        client.sendall(b"hello\n")
        assert read_exactly(client, 6) == b"hello\n"
    lines = proxy.text("/stats/prometheus").splitlines()
    assert "envoy_http_inspector_http11_found{} 1" in lines
    assert "envoy_http_inspector_http_not_found{} 1" in lines


def test_inspector_waits_for_nobody_long(plain_lab, run_manifest, serve):
    run_manifest("http-inspector")
    serve(plain_lab.peer, OUTSIDE[4], 7000, says("server first"))
    assert who(plain_lab.pod, "127.0.0.1", 8080) == "server first"


def test_inbound(fresh_lab, run_proxy, serve):
    serve(fresh_lab.pod, "127.0.0.1", 80, application)
    installer.install(fresh_lab.pod, Flags(inbound_ports=("80",)))
    run_proxy(fresh_lab.pod, manifest("inbound-http"))
    answer = curl(fresh_lab.peer, POD[4])
    assert (answer.status, answer.headers["server"], answer.headers["x-passed"]) == (200, "envoy", "sidecar")
    answer = curl(fresh_lab.pod, "127.0.0.1")
    assert (answer.status, "x-passed" in answer.headers) == (200, False)


def test_outbound(fresh_lab, run_proxy, serve):
    serve(fresh_lab.peer, SERVICE[4], 80, application)
    serve(fresh_lab.peer, OUTSIDE[4], 80, application)
    installer.install(fresh_lab.pod, Flags(cidrs=("*",)))
    directory = proxy_process.new_directory()
    with Nameserver(fresh_lab.peer, PEER[4], {"service.example": [SERVICE[4]]}):
        wrap = resolving_with(directory, PEER[4], proxy_process.UID)
        proxy = run_proxy(fresh_lab.pod, manifest("outbound-http"), directory=directory, wrap=wrap, uid=0)
        wait_for(lambda: proxy.host_values("service"), "service.example is resolved")
        user = resolving_with(proxy_process.new_directory(), PEER[4], 1000)
        answer = curl(fresh_lab.pod, "http://service.example/a", wrap=user)
        assert (answer.status, answer.headers["x-passed"]) == (200, "sidecar")
        with fresh_lab.pod.connect(OUTSIDE[4], 80, uid=1000) as client:
            assert how_it_ends(client) == (b"", "fin")
        proxy.ask("POST", "/reopen_logs")
        lines = [json.loads(line) for line in wait_for_lines(proxy.directory / "stdout", 2)]
    assert lines == [
        {"chain": "service", "path": "/a", "upstream": f"{SERVICE[4]}:80"},
        {"chain": "refused", "to": f"{OUTSIDE[4]}:80", "upstream": None},
    ]
