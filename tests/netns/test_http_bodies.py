# SPDX-License-Identifier: Apache-2.0
"""Bodies of every size and framing arrive whole, both ways, over both versions on both sides, and cost bounded memory."""

import hashlib
import random
import time

import pytest

import http_scene
from harness.lab import POD
from http_differential import http1, http2
from http_differential.upstream import Upstream
from http_scene import HOSTS, HTTP2, head, route, status
from proxy_config import cluster

MB = 1 << 20


@pytest.fixture(scope="module")
def upstream(plain_lab):
    made = Upstream(plain_lab.peer, HOSTS)
    yield made
    made.close()


@pytest.fixture(params=["HTTP/1", "HTTP/2"])
def scene(plain_lab, run_proxy, upstream, request):
    """Everything goes to an upstream that speaks the parameter's version."""
    fields = HTTP2 if request.param == "HTTP/2" else {"typed_extension_protocol_options": trailers_too()}
    http1_options = {"http_protocol_options": {"enable_trailers": True}}
    return http_scene.start(plain_lab, run_proxy, [route(timeout="60s")], cluster("up", HOSTS[0], **fields), **http1_options)


def trailers_too() -> dict:
    return {
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http_protocol_options": {"enable_trailers": True}},
        }
    }


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def expected(size: int) -> str:
    return digest((b"0123456789abcdef" * (size // 16 + 1))[:size])


def test_small_chunks(scene):
    """Many small pieces in one read: whoever is paused for them goes on."""
    with scene.client() as client:
        for pieces in (100, 1000, 3000):
            request = head("/", "transfer-encoding: chunked", f"x-up: chunked;size={700 * pieces}", method="POST")
            client.send(request + http1.chunks(*[b"x" * 700] * pieces), "POST")
            answer = client.answer()
            assert (answer.status, len(answer.body)) == (200, 700 * pieces)


@pytest.mark.parametrize("size", [2, 65535, 65536, 65537, 1_000_000])
def test_downloads(scene, size):
    for up in (f"size={size}", f"size={size};chunked"):
        answer = scene.get("/", f"x-up: {up}")
        assert (answer.status, digest(answer.body)) == (200, expected(size))
        with scene.client2() as client:
            stream = client.ask("/", ("x-up", up))
            assert (status(stream), len(stream.body), digest(stream.body)) == (200, size, expected(size))


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_long_downloads(scene, version):
    for up in (f"size={8 * MB}", f"size={8 * MB};chunked"):
        command = f"curl -sS {version} -H 'x-up: {up}' http://{POD[4]}:{http_scene.PORT}/ | sha256sum"
        done = scene.lab.peer.run(["sh", "-c", command], check=True)
        assert (done.stdout.split()[0], done.stderr) == (expected(8 * MB), "")


@pytest.mark.parametrize("size", [1, 65536, 300_001, 3 * MB])
def test_uploads(scene, upstream, size):
    body = random.Random(size).randbytes(size)
    assert scene.get("/", f"x-case: length{size}", method="POST", body=body).status == 200
    with scene.client() as client:
        parts = [body[i : i + 50_000] for i in range(0, size, 50_000)]
        client.send(head("/", "transfer-encoding: chunked", f"x-case: chunked{size}", method="POST") + http1.chunks(*parts), "POST")
        assert client.answer().status == 200
    with scene.client2() as client:
        assert status(client.ask("/", ("x-case", f"http2{size}"), method="POST", body=body)) == 200
    for kind in ("length", "chunked", "http2"):
        assert [digest(one.body) for one in upstream.received(f"{kind}{size}")] == [digest(body)]
        upstream.forget(f"{kind}{size}")


def test_a_slow_reader_costs_little(scene):
    """The upstream is held back, whatever the client speaks."""
    before = scene.proxy.private_bytes()
    clients = [scene.client(), scene.client2(), scene.client(), scene.client2()]
    size = 6 * MB
    numbers = []
    for client in clients:
        if isinstance(client, http_scene.Client1):
            client.send(head("/", f"x-up: size={size}"))
        else:
            numbers.append(client.request("/", ("x-up", f"size={size}")))
    time.sleep(1)
    assert scene.proxy.private_bytes() - before < 4 * MB
    for client in clients:
        if isinstance(client, http_scene.Client1):
            assert digest(client.answer().body) == expected(size)
        else:
            assert digest(client.answer(numbers.pop()).body) == expected(size)
        client.socket.close()


def test_a_slow_upstream_costs_little(scene):
    """The client is held back; it is answered although its request never ends."""
    before = scene.proxy.private_bytes()
    with scene.client() as client:
        client.send(head("/", f"content-length: {64 * MB}", "x-up: early;hang", method="POST"))
        client.socket.settimeout(1)
        sent = 0
        try:
            while sent < 64 * MB:
                sent += client.socket.send(b"x" * 65536)
        except TimeoutError:
            pass
        if sent < 64 * MB:  # the Python upstream may also have read all of it
            assert scene.proxy.private_bytes() - before < 4 * MB


def test_trailers(scene, upstream):
    """Both ways, from and to both versions."""
    answer = scene.get("/", "x-up: trailers;chunked;size=1000")
    if answer.trailers:
        assert dict(answer.trailers)["x-trailer"] == "one"
    with scene.client() as client:
        request = head("/", "transfer-encoding: chunked", "x-case: trailers1", method="POST")
        client.send(request + http1.chunks(b"abc", trailers="x-sum: 6\r\n"), "POST")
        assert client.answer().status == 200
    with scene.client2() as client:
        number = client.request("/", ("x-case", "trailers2"), method="POST", end=False)
        client.send_body(number, b"abc", end=False)
        client.send(http2.headers(number, ("x-sum", "6")))
        assert status(client.answer(number)) == 200
    for case in ("trailers1", "trailers2"):
        one = upstream.received(case)[0]
        assert (one.body, dict(one.trailers)) == (b"abc", {"x-sum": "6"})
        upstream.forget(case)


def test_answers_without_a_body(scene):
    for up, code in (("status=204", 204), ("status=304", 304)):
        answer = scene.get("/", f"x-up: {up}")
        assert (answer.status, answer.body) == (code, b"")
    with scene.client() as client:
        assert client.ask("/", "x-up: size=5000", method="HEAD").status == 200
        assert len(client.ask("/", "x-up: size=5000").body) == 5000


def test_100_continue(scene):
    """The proxy says it, and the body follows."""
    with scene.client() as client:
        client.send(head("/", "expect: 100-continue", "content-length: 5", method="POST"), "POST")
        while not client.reader.messages:
            client.pump()
        assert client.reader.messages[0].start == "HTTP/1.1 100 Continue"
        client.send(b"hello")
        assert client.answer().status == 200


def test_interim_answers_are_no_answers(scene):
    answer = scene.get("/", "x-up: interim=103;interim=102;body=after")
    assert (answer.status, answer.body) == (200, b"after")


def test_an_answer_that_breaks_off(scene):
    """The client must not take half a body for a whole one."""
    with scene.client() as client:
        with pytest.raises((EOFError, ConnectionError)):
            client.ask("/", "x-up: size=100000;cut")
    with scene.client2() as client:
        stream = client.ask("/", ("x-up", "size=100000;cut"))
        assert stream.end not in ("END_STREAM", "open")
    http_scene.gauges_are_zero(scene.proxy)
