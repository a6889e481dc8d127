# SPDX-License-Identifier: Apache-2.0
"""A sidecar tutorial's configuration files, as they are: each example prints what the tutorial prints.

The files are not part of the project: $WEIR_TUTORIAL says where they are (default: shared/tutorial beside the checkout).
Only their private addresses are mapped, in memory, to addresses of documentation. test_http_manifests.py has the same
scenarios with files of our own, which always run.
"""

import collections
import json
import os
import pathlib
import re

import pytest

import proxy_process
from harness import installer, programs
from harness.flags import Flags
from harness.lab import OUTSIDE, OUTSIDE_OTHER, PEER, POD, SERVICE
from proxy_dns import Nameserver, resolving_with
from proxy_process import wait_for, wait_for_lines

FILES = pathlib.Path(os.environ.get("WEIR_TUTORIAL", programs.CHECKOUT.parent / "shared" / "tutorial"))
ADDRESSES = {"10.88.0.2": OUTSIDE[4], "10.88.0.3": OUTSIDE_OTHER[4], "100.70.238.78": SERVICE[4], "192.168.2.150": PEER[4]}
ADMIN = ("127.0.0.1", 9901)
V1_HEADERS = ["server", "date", "content-type", "content-length", "last-modified", "etag", "accept-ranges"]

pytestmark = pytest.mark.peer


def tutorial_file(name: str) -> str:
    """The file's text; of a ConfigMap the file that it holds."""
    if not (FILES / name).exists():
        pytest.skip(f"{FILES / name} is not there; WEIR_TUTORIAL names the directory of the tutorial's files")
    text = (FILES / name).read_bytes().decode()
    for before, after in ADDRESSES.items():
        text = text.replace(before, after)
    held = re.search(r"^  envoy\.yaml: \|.*\n((?:    .*\n?|\s*\n)+)", text, re.M)
    return re.sub(r"^    ", "", held[1], flags=re.M) if held else text


def web_server(text: bytes):
    """Answers as the tutorial's web server does."""

    def behave(connection) -> None:
        pending = b""
        while data := connection.recv(65536):
            pending += data
            while b"\r\n\r\n" in pending:
                head, _, pending = pending.partition(b"\r\n\r\n")
                found = head.split()[1].split(b"?")[0] in (b"/", b"/index.html")
                body = text if found else b"not found\n"
                connection.sendall(
                    b"HTTP/1.1 %s\r\nServer: nginx/1.18.0\r\nDate: Mon, 07 Aug 2023 06:40:34 GMT\r\nContent-Type: text/html\r\n"
                    b"Content-Length: %d\r\nLast-Modified: Mon, 07 Aug 2023 05:34:30 GMT\r\nConnection: keep-alive\r\n"
                    b'ETag: "64d08236-3"\r\nAccept-Ranges: bytes\r\n\r\n' % (b"200 OK" if found else b"404 Not Found", len(body))
                    + (b"" if head.startswith(b"HEAD") else body)
                )

    return behave


@pytest.fixture
def run_file(plain_lab, run_proxy, serve):
    """run_file(name) → the proxy on that file, with v1 and v2 behind it."""

    def run(name: str):
        text = tutorial_file(name)
        serve(plain_lab.peer, OUTSIDE[4], 80, web_server(b"v1\n"))
        serve(plain_lab.peer, OUTSIDE_OTHER[4], 80, web_server(b"v2\n"))
        return run_proxy(plain_lab.pod, text, admin=ADMIN)

    return run


def curl(namespace, *arguments: str, wrap: list[str] = (), **options):
    """curl's (exit status, output, errors); -sS instead of the meter."""
    done = namespace.run([*wrap, programs.system("curl"), "-sS", "--max-time", "20", *arguments], **options)
    return done.returncode, done.stdout.replace("\r\n", "\n"), done.stderr


def split(output: str) -> tuple[str, dict[str, str], str]:
    """Status line, headers in their order, body of `curl -i`."""
    head, _, body = output.partition("\n\n")
    first, *lines = head.splitlines()
    return first, dict(line.split(": ", 1) for line in lines), body


def assert_answer(output: str, added: dict[str, str], body: str) -> None:
    first, headers, got = split(output)
    assert first == "HTTP/1.1 200 OK"
    assert list(headers) == [*V1_HEADERS, "x-envoy-upstream-service-time", *added]
    assert headers["server"] == "envoy"
    assert headers["content-length"] == str(len(body))
    assert headers["x-envoy-upstream-service-time"].isdigit()
    assert {name: headers[name] for name in added} == added
    assert got == body


def test_static(plain_lab, run_file):
    """Two versions, two to four; the order is the schedule's."""
    run_file("envoy/config/static/envoy.yaml")
    seen = collections.Counter(curl(plain_lab.pod, "localhost:8080")[1] for _ in range(30))
    assert seen == {"v1\n": 10, "v2\n": 20}


def test_listener_filters(plain_lab, run_file):
    proxy = run_file("envoy/config/filters/listener_filters/envoy.yaml")
    for _ in range(3):
        assert curl(plain_lab.pod, "localhost:8080") == (0, "v1\n", "")
    assert_answer(curl(plain_lab.pod, "-i", "localhost:8080")[1], {"myname": "chengzw"}, "v1\n")
    lines = proxy.text("/stats/prometheus").splitlines()
    for name, value in {"http10_found": 0, "http11_found": 4, "http2_found": 0, "http_not_found": 0, "read_error": 0}.items():
        metric = f"envoy_http_inspector_{name}"
        at = lines.index(f"{metric}{{}} {value}")
        assert lines[at - 1] == f"# TYPE {metric} counter"
    assert "envoy_http1_response_flood{} 0" in lines


MINE = {"myname": "chengzw", "age": "18"}


def test_network_filters(plain_lab, run_file):
    run_file("envoy/config/filters/network_filters/envoy.yaml")
    assert_answer(curl(plain_lab.pod, "localhost:8080", "-H", "Host: abc.com", "-i")[1], MINE, "v1\n")
    first, headers, body = split(curl(plain_lab.pod, "localhost:8080", "-i")[1])
    assert first == "HTTP/1.1 404 Not Found"
    assert (headers["server"], headers["content-length"], body) == ("envoy", "0", "")


def test_network_filters_rewrite(plain_lab, run_file):
    run_file("envoy/config/filters/network_filters_rewrite/envoy.yaml")
    host = ("-H", "Host: abc.com", "-i")
    assert_answer(curl(plain_lab.pod, "localhost:8080/abc/index", *host)[1], MINE, "v1\n")
    assert_answer(curl(plain_lab.pod, "localhost:8080/abc/index?a=b", *host)[1], MINE, "v1\n")
    assert split(curl(plain_lab.pod, "localhost:8080/", *host)[1])[0] == "HTTP/1.1 404 Not Found"
    # Routed by its prefix, but not rewritten: the application does not know it.
    first, headers, body = split(curl(plain_lab.pod, "localhost:8080/abcd/x", *host)[1])
    assert (first, body) == ("HTTP/1.1 404 Not Found", "not found\n")
    assert headers["myname"] == "chengzw"


def test_http_filters(plain_lab, run_file):
    run_file("envoy/config/filters/http_filters/envoy.yaml")
    output = curl(plain_lab.pod, "localhost:8080", "-H", "Host: abc.com", "-i")[1]
    assert_answer(output, {**MINE, "location": "China"}, "v1\n")


def test_inbound(fresh_lab, run_proxy, serve):
    """Another Pod asks for port 80, and the sidecar answers in the application's name."""
    text = tutorial_file("envoy/intercept/inbound/cm.yaml")
    page = b"x" * 612
    serve(fresh_lab.pod, "0.0.0.0", 80, web_server(page))
    installer.install(fresh_lab.pod, Flags(inbound_ports=("80",)))
    proxy = run_proxy(fresh_lab.pod, text, admin=ADMIN)
    assert_answer(curl(fresh_lab.peer, "-i", POD[4])[1], {"myname": "chengzw"}, page.decode())
    assert "envoy" not in curl(fresh_lab.pod, "-i", "127.0.0.1")[1].lower()
    assert proxy.stat("http.ingress_http.downstream_rq_total") == 1


def test_outbound(fresh_lab, run_proxy, serve):
    """The service is reached through its listener, everything else is reset."""
    text = tutorial_file("envoy/intercept/outbound/cm.yaml")
    page = b"y" * 615
    serve(fresh_lab.peer, SERVICE[4], 80, web_server(page))
    serve(fresh_lab.peer, OUTSIDE[4], 80, web_server(b"elsewhere\n"))
    installer.install(fresh_lab.pod, Flags(cidrs=("*",)))
    directory = proxy_process.new_directory()
    with Nameserver(fresh_lab.peer, PEER[4], {"myngx": [SERVICE[4]], "baidu.com": [OUTSIDE[4]]}):
        wrap = resolving_with(directory, PEER[4], proxy_process.UID)
        proxy = run_proxy(fresh_lab.pod, text, admin=ADMIN, directory=directory, wrap=wrap, uid=0)
        wait_for(lambda: proxy.host_values("outboundmyngxsvc"), "myngx is resolved")
        application = resolving_with(proxy_process.new_directory(), PEER[4], 1000)
        status, output, _ = curl(fresh_lab.pod, "myngx", "-I", wrap=application)
        first, headers, _ = split(output)
        assert (status, first) == (0, "HTTP/1.1 200 OK")
        assert list(headers) == [*V1_HEADERS, "x-envoy-upstream-service-time", "myname"]
        assert (headers["server"], headers["content-length"], headers["myname"]) == ("envoy", "615", "chengzw")
        tries = ended_by_reset(lambda: curl(fresh_lab.pod, "baidu.com", "-I", wrap=application))
        proxy.ask("POST", "/reopen_logs")
        lines = [json.loads(line) for line in wait_for_lines(proxy.directory / "stdout", 1 + tries)]
    assert lines[0] == {"filter": "HttpConnectionManager", "upstream": f"{SERVICE[4]}:80"}
    assert lines[1:] == [{"filter": "BlockAllCluster", "upstream": None}] * tries


def ended_by_reset(ask) -> int:
    """Asks until the answer is what the tutorial shows. When the proxy closes before curl has sent, curl says something else,
    with Envoy as well.
    """
    for tries in range(1, 31):
        status, output, errors = ask()
        if (status, output, errors.strip()) == (56, "", "curl: (56) Recv failure: Connection reset by peer"):
            return tries
        assert status == 52, errors
    raise AssertionError("never reset")
