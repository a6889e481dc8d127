# SPDX-License-Identifier: Apache-2.0
"""Everything at once, for a while: nothing crashes, well-behaved clients are served, and afterwards nothing is left.

For a sanitizer's build (WEIR_BUILD) its reports end the proxy, and this test with it. WEIR_SOAK_SECONDS (default 10) says how
long, WEIR_SEED which random choices, WEIR_SOAK_CLIENTS (default 12) how many clients.
"""

import collections
import os
import random
import threading
import time

import pytest

import http_scene
from harness.lab import OUTSIDE
from http_differential import http1, http2
from http_differential.upstream import Upstream
from http_front import http_filter, per_route
from http_scene import HOSTS, HTTP2, head, route, status
from proxy_config import cluster
from proxy_peers import reset

SECONDS = float(os.environ.get("WEIR_SOAK_SECONDS", "10"))
CLIENTS = int(os.environ.get("WEIR_SOAK_CLIENTS", "12"))
SEED = int(os.environ.get("WEIR_SEED", "20261123"))
SCRIPT = """
function envoy_on_request(handle)
  local body = handle:body()
  handle:headers():replace("x-size", tostring(body and body:length() or 0))
end
function envoy_on_response(handle)
  local n = 0
  for chunk in handle:bodyChunks() do n = n + chunk:length() end
  handle:logInfo("bytes " .. n)
end
"""
RETRIES = {"retry_on": "5xx,reset,connect-failure", "num_retries": 3, "retry_back_off": {"base_interval": "0.002s"}}
DOWN = (OUTSIDE[4], 8009)  # nobody listens here


def start(plain_lab, run_proxy, workers: int) -> http_scene.Scene:
    always = {"percentage": {"numerator": 30}}
    lua = per_route("lua", "lua.v3.LuaPerRoute", source_code={"inline_string": SCRIPT})
    fault = per_route("fault", "fault.v3.HTTPFault", abort={"http_status": 418, **always}, delay={"fixed_delay": "0.005s", **always})
    routes = [
        {**route("h1", "/h1/lua"), **lua},
        {**route("h2", "/h2/fault"), **fault},
        route("h1", "/h1/retry", retry_policy=RETRIES),
        route("h2", "/h2/retry", retry_policy=RETRIES),
        route("h1", "/h1/brief", timeout="0.03s"),
        route("h2", "/h2/brief", timeout="0.03s"),
        route("tight", "/tight"),
        route("down", "/down", retry_policy=RETRIES),
        route("odd1", "/odd1/retry", retry_policy=RETRIES),
        route("odd2", "/odd2/retry", retry_policy=RETRIES),
        route("odd1", "/odd1"),
        route("odd2", "/odd2"),
        route("h1", "/h1"),
        route("h2", "/h2"),
        route({"direct_response": {"status": 200, "body": {"inline_string": "own"}}}, "/own"),
    ]
    tight = {"circuit_breakers": {"thresholds": [{"max_connections": 2, "max_pending_requests": 2, "max_requests": 4}]}}
    return http_scene.start(
        plain_lab,
        run_proxy,
        routes,
        cluster("h1", *HOSTS[:2]),
        cluster("h2", *HOSTS[:2], **HTTP2),
        cluster("odd1", HOSTS[2]),  # whose answers are bad, and may take others with them
        cluster("odd2", HOSTS[2], **HTTP2),
        cluster("tight", HOSTS[0], **tight),
        cluster("down", DOWN, HOSTS[1]),
        filters=[http_filter("lua", "lua.v3.Lua"), http_filter("fault", "fault.v3.HTTPFault")],
        upgrade_configs=[{"upgrade_type": "websocket"}],
        workers=workers,
    )


class Mischief:
    """One client: does this and that until the time is over, and keeps what should not have happened."""

    def __init__(self, scene: http_scene.Scene, seed: int):
        self.scene = scene
        self.random = random.Random(seed)
        self.done: collections.Counter = collections.Counter()
        self.wrong: list[str] = []

    def run(self, until: float) -> None:
        actions = [
            self.keeps_alive, self.pipelines, self.uploads, self.leaves_within_a_response, self.leaves_within_a_request,
            self.upgrades, self.talks_nonsense, self.is_answered_badly, self.many_streams, self.resets_streams, self.is_impatient,
        ]  # fmt: skip
        while time.monotonic() < until:
            action = self.random.choice(actions)
            try:
                action()
                self.done[action.__name__] += 1
            except Exception as error:  # whatever it is, it is told at the end
                if len(self.wrong) < 5:
                    self.wrong.append(f"{action.__name__}: {error!r}"[:2000])

    # -- what a good client does, and gets ------------------------------------------------------------------------

    def version(self) -> str:
        return self.random.choice(["/h1", "/h2"])

    def keeps_alive(self) -> None:
        with self.scene.client() as client:
            for _ in range(self.random.randint(1, 30)):
                size = self.random.choice([0, 1, 500, 20000, 200000])
                path = self.random.choice(["/h1", "/h2", "/h1/lua", "/h1/retry", "/h2/retry"])
                more = self.random.choice(["", ";chunked", ";header=a:b", ";fail=1:status=200"])
                answer = client.ask(path, f"x-up: size={size}{more}", method=self.random.choice(["GET", "GET", "HEAD"]))
                assert answer.status == 200 and len(answer.body) in (size, 0, 5), answer

    def pipelines(self) -> None:
        count = self.random.randint(2, 50)
        paths = [self.random.choice(["/own", self.version()]) for _ in range(count)]
        with self.scene.client() as client:
            client.send(b"".join(head(path, f"x-up: body={i}") for i, path in enumerate(paths)))
            for i, path in enumerate(paths):
                answer = client.answer()
                assert (answer.status, answer.body) == (200, b"own" if path == "/own" else b"%d" % i)

    def uploads(self) -> None:
        with self.scene.client() as client:
            for _ in range(self.random.randint(1, 5)):
                path = self.random.choice(["/h1", "/h2", "/h1/lua", "/h1/retry"])
                body = self.random.randbytes(self.random.choice([1, 3000, 70000, 300000]))
                if self.random.random() < 0.5:
                    assert client.ask(path, "x-up: chunked;size=900", method="POST", body=body).status == 200
                    continue
                step = self.random.choice([100, 5000, 60000])
                parts = [body[i : i + step] for i in range(0, len(body), step)]
                client.send(head(path, "transfer-encoding: chunked", method="POST") + http1.chunks(*parts), "POST")
                assert client.answer().status == 200

    def upgrades(self) -> None:
        with self.scene.client() as client:
            client.send(head("/h1", "connection: upgrade", "upgrade: websocket", "x-up: upgrade"))
            assert client.answer().status == 101
            text = self.random.randbytes(self.random.randint(1, 50000))
            client.send(text)
            while len(client.reader.messages[-1].body) < len(text) and self.random.random() < 0.99:
                client.pump()
            if self.random.random() < 0.3:
                reset(client.socket)

    def many_streams(self) -> None:
        with self.scene.client2() as client:
            numbers = []
            for _ in range(self.random.randint(1, 40)):
                path = self.random.choice(["/h1", "/h2", "/own", "/h1/lua", "/h2/retry"])
                up = f"size={self.random.choice([0, 100, 60000])}"
                if self.random.random() < 0.3:
                    number = client.request(path, ("x-up", up), method="POST", end=False)
                    client.send_body(number, b"z" * self.random.choice([1, 20000, 100000]))
                else:
                    number = client.request(path, ("x-up", up))
                numbers.append(number)
            for number in numbers:
                stream = client.answer(number)
                # NO_ERROR: it was answered before its body had come.
                assert status(stream) == 200 and stream.end in ("END_STREAM", "NO_ERROR"), stream

    # -- what a bad one does, or gets ------------------------------------------------------------------------------

    def leave(self, client) -> None:
        if self.random.random() < 0.5:
            reset(client.socket)
        else:
            client.socket.close()

    def leaves_within_a_response(self) -> None:
        client = self.random.choice([self.scene.client, self.scene.client2])()
        up = self.random.choice(["slow=0.05", "wait=0.02", "size=3000000", "trickle;size=300", "chunked;size=2000000"])
        if isinstance(client, http_scene.Client1):
            client.send(head(self.version(), f"x-up: {up}"))
        else:
            for _ in range(5):
                client.request(self.version(), ("x-up", up))
        if self.random.random() < 0.7:
            client.pump()
        time.sleep(self.random.choice([0, 0.002, 0.03]))
        self.leave(client)

    def leaves_within_a_request(self) -> None:
        client = self.scene.client()
        path = self.random.choice([self.version(), "/h1/lua", "/h2/retry", "/tight"])
        request = head(path, "content-length: 400000", method="POST") + b"x" * 300000
        client.send(request[: self.random.choice([1, 10, 60, 200, 100000, 300000])])
        time.sleep(self.random.choice([0, 0.002, 0.03]))
        self.leave(client)

    def talks_nonsense(self) -> None:
        nonsense = [b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/1.1\r\n bad\r\n\r\n", b"GET /\x7f HTTP/1.1\r\n\r\n", http2.PREFACE + b"\xff" * 500,
                    head("/h1", "transfer-encoding: chunked", method="POST") + b"zz\r\n", head("/own", "content-length: 1, 2"),
                    http2.PREFACE + http2.settings() + http2.data(1, b"x"), http2.PREFACE + http2.frame(http2.HEADERS, 5, 1, b"\xff\xff")]  # fmt: skip
        with self.scene.client() as client:
            client.send(self.random.choice(nonsense))
            client.socket.shutdown(1)
            client.wait_end()

    def is_answered_badly(self) -> None:
        up = self.random.choice(["cut;size=50000", "drop", "rst", "raw=bare-lf", "reset=2", "goaway", "status=503", "shut", "end", "interim=103", "early"])
        path = self.random.choice(["/odd1", "/odd2", "/odd1/retry", "/odd2/retry", "/tight", "/down"])
        with self.random.choice([self.scene.client, self.scene.client2])() as client:
            for _ in range(self.random.randint(1, 8)):
                try:
                    if isinstance(client, http_scene.Client1):
                        client.ask(path, f"x-up: {up}", method=self.random.choice(["GET", "PUT"]))
                    else:
                        client.ask(path, ("x-up", up))
                except (EOFError, ConnectionError):
                    break

    def is_impatient(self) -> None:
        with self.scene.client() as client:
            for _ in range(5):
                try:
                    answer = client.ask(self.version() + "/brief", f"x-up: wait={self.random.choice([0, 0.025, 0.2])}")
                except (EOFError, ConnectionError):
                    break  # the time was over within the response
                assert answer.status in (200, 504), answer

    def resets_streams(self) -> None:
        with self.scene.client2() as client:
            for _ in range(self.random.randint(1, 30)):
                up = self.random.choice(["wait=0.05", "size=100000", "slow=0.02"])
                number = client.request(self.version(), ("x-up", up), end=self.random.random() < 0.7, method="POST")
                if self.random.random() < 0.5:
                    client.send(http2.reset(number))
            self.leave(client)


@pytest.mark.parametrize("workers", [1, 2])
def test_soak(plain_lab, run_proxy, workers):
    print(f"seed {SEED}")
    upstream = Upstream(plain_lab.peer, HOSTS)
    try:
        scene = start(plain_lab, run_proxy, workers)
        until = time.monotonic() + SECONDS / 2
        clients = [Mischief(scene, SEED * 1000 + i) for i in range(CLIENTS)]
        threads = [threading.Thread(target=client.run, args=(until,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS + 120)
        assert scene.proxy.process.poll() is None, scene.proxy.log()[-8000:]
        print(sum((client.done for client in clients), collections.Counter()))
        assert [one for client in clients for one in client.wrong][:10] == []
        http_scene.gauges_are_zero(scene.proxy)
        for name, value in scene.proxy.stats().items():
            if name.endswith((".upstream_cx_active", ".upstream_rq_active")):
                assert 0 <= value <= 300, f"{name}: {value}"
        assert scene.get("/h1").status == 200
    finally:
        upstream.close()
