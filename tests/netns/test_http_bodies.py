# SPDX-License-Identifier: Apache-2.0
"""Bodies of every size and framing arrive whole, both ways, over both versions on both sides."""

import hashlib

import pytest

import http_scene
from http_differential import http1
from http_differential.upstream import Upstream
from http_scene import HOSTS, HTTP2, route, status
from proxy_config import cluster


@pytest.fixture(scope="module")
def upstream(plain_lab):
    made = Upstream(plain_lab.peer, HOSTS)
    yield made
    made.close()


@pytest.fixture(params=["HTTP/1 upstream", "HTTP/2 upstream"])
def scene(plain_lab, run_proxy, upstream, request):
    fields = HTTP2 if "2" in request.param else {}
    return http_scene.start(plain_lab, run_proxy, [route(timeout="60s")], cluster("up", HOSTS[0], **fields))


def test_small_chunks(scene):
    """Many small pieces in one read: what is paused for them goes on."""
    with scene.client() as client:
        for pieces in (100, 1000, 3000):
            body = http1.chunks(*[b"x" * 700] * pieces)
            client.send(http_scene.head("/", "transfer-encoding: chunked", "x-up: chunked;size=%d" % (700 * pieces), method="POST") + body, "POST")
            answer = client.answer()
            print(pieces)
            assert (answer.status, len(answer.body)) == (200, 700 * pieces)
