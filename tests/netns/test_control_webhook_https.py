# SPDX-License-Identifier: Apache-2.0
"""The HTTPS side of weir-control's webhook: TLS, limits, clients that misbehave, new certificates, its end."""

import concurrent.futures
import os
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import programs
from proxy_process import wait_for
from test_control_webhook import POD, patched
from webhook_process import Authority, Secret, Webhook, encoded, head, review_of

ROTATIONS = int(os.environ.get("WEIR_ROTATIONS", "20"))
BODY = encoded(review_of(POD))
REQUEST = head("POST", "/inject?timeout=10s", len(BODY)) + BODY


@pytest.fixture
def webhook(make_namespace):
    with Webhook(make_namespace("webhook")) as running:
        yield running


def is_served(webhook) -> bool:
    return "patch" in webhook.review(POD)


def raw(webhook) -> socket.socket:
    return webhook.namespace.connect("127.0.0.1", webhook.port, timeout=60)


def ends(connection: socket.socket) -> bool:
    """Whether the other side ends it, whatever it says before."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_of_tls(webhook, version):
    with webhook.client(minimum=version, maximum=version) as client:
        assert client.request("GET", "/healthz").status == 200


def test_old_versions_of_tls_are_refused(webhook):
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        webhook.client(minimum=ssl.TLSVersion.TLSv1, maximum=ssl.TLSVersion.TLSv1_1)
    assert "1 failed handshakes" in webhook.status()


def test_a_client_that_does_not_trust_the_certificate(webhook, tmp_path):
    with pytest.raises(ssl.SSLCertVerificationError):
        webhook.client(authority=Authority(tmp_path / "other").certificate)
    assert is_served(webhook)


@pytest.mark.parametrize("said", [b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x3f\xff" + b"x" * 500, b"\0" * 100, b""])
def test_what_is_no_handshake(webhook, said):
    with raw(webhook) as connection:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        assert ends(connection)
    assert is_served(webhook)


NO_REQUESTS = {
    "nonsense": (b"nonsense\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "no host": (b"POST /inject HTTP/1.1\r\n\r\n", 400),
    "two lengths": (b"POST /inject HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "long head": (b"POST /inject HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
    "endless chunk": (b"POST /inject HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n" + b"x" * 8_400_000, 413),
    "long body": (head("POST", "/inject", 20_000_000) + b"x" * 20_000_000, 413),
}


@pytest.mark.parametrize("said, status", NO_REQUESTS.values(), ids=NO_REQUESTS.keys())
def test_requests_that_are_none_or_too_large(webhook, said, status):
    with webhook.client() as client:
        try:
            client.send(said)
        except OSError:
            pass  # it does not want to read all of it
        response = client.receive()
        assert response.status == status and response.headers["connection"] == "close" and response.body
        assert ends(client.socket)
    assert is_served(webhook)


def test_a_body_in_chunks_and_requests_behind_each_other(webhook):
    with webhook.client() as client:
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:100], BODY[100:])) + b"0\r\n\r\n"
        in_chunks = b"POST /inject HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.send(in_chunks + chunks + REQUEST * 5)
        answers = [client.receive().review() for _ in range(6)]
        assert all(one == answers[0] and "patch" in one for one in answers)


def test_hundred_reviews_at_once(webhook):
    def one(number: int) -> bool:
        pod = {**POD, "metadata": {"name": f"pod-{number}"}}
        response = webhook.review(pod, uid=f"uid-{number}")
        return response["uid"] == f"uid-{number}" and patched(pod, response)["metadata"]["name"] == f"pod-{number}"

    with concurrent.futures.ThreadPoolExecutor(100) as pool:
        assert all(pool.map(one, range(100)))
    assert "webhook: 100 injected, 0 unchanged" in webhook.status()


def test_slow_clients_wait_for_nobody_and_nobody_for_them(webhook):
    began = time.monotonic()
    silent = [raw(webhook) for _ in range(20)]
    after_handshake = [webhook.client().socket for _ in range(20)]
    within_request = [webhook.client().socket for _ in range(20)]
    for connection in within_request:
        connection.sendall(REQUEST[:-1])
    stop = threading.Event()
    dribbling = webhook.client().socket

    def dribble():
        while not stop.wait(0.1):
            try:
                dribbling.sendall(b"x")
            except OSError:
                return

    dribbling.sendall(head("POST", "/inject", 100_000))
    thread = threading.Thread(target=dribble)
    thread.start()
    try:
        for _ in range(20):
            assert is_served(webhook)
        assert time.monotonic() - began < 8  # long before the first of them was let go
        assert all(ends(one) for one in [*silent, *after_handshake, *within_request, dribbling])
    finally:
        stop.set()
        thread.join()
    assert time.monotonic() - began < 40
    assert "61 too slow" in webhook.status()


def test_more_connections_than_there_is_room_for(webhook):
    with webhook.client() as busy:
        assert busy.request("GET", "/healthz").status == 200
        crowd = []
        for number in range(600):
            crowd.append(raw(webhook))
            if number % 100 == 0:
                assert busy.request("GET", "/healthz").status == 200  # who is served is not the first to go
                assert is_served(webhook)
        wait_for(lambda: re.search(r" ([1-9]\d\d?) crowded out", webhook.status()), "the oldest have gone")
        assert is_served(webhook)
    for one in crowd:
        one.close()


@pytest.mark.slow  # of memory, sanitizers need more
def test_large_bodies_at_once_do_not_fill_the_memory(webhook):
    def one(_number: int) -> int:
        with webhook.client() as client:
            try:
                client.send(head("POST", "/inject", 8_000_000) + b'"' + b"x" * 7_900_000)
                client.send(b"x" * 99_998 + b'"')
                return client.receive().status
            except (OSError, ssl.SSLError):
                return 0

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(one, range(32)))
    assert set(statuses) <= {0, 400, 503} and 400 in statuses
    # Nor does what was answered, on connections that stay.
    kept = [webhook.client() for _ in range(40)]
    long = b'"' + b"x" * 7_999_998 + b'"'
    assert {client.request("POST", "/inject", long).status for client in kept} == {400}
    peak = re.search(r"VmHWM:\s+(\d+) kB", open(f"/proc/{webhook.process.pid}/status").read())
    assert int(peak[1]) < 256 * 1024
    assert is_served(webhook)


class Load:
    """Reviews without a pause, over connections that are kept and over new ones, until the end of the block."""

    def __init__(self, webhook: Webhook, threads: int = 6):
        self.webhook = webhook
        self.count = 0
        self.unconnected: list[OSError] = []
        self.failures: list = []  # after the handshake
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number % 2 == 0,)) for number in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, keeps: bool) -> None:
        client = None
        while not self._stop.is_set():
            try:
                client = client or self.webhook.client()
            except OSError as failure:
                self.unconnected.append(failure)
                return
            try:
                response = client.request("POST", "/inject", BODY)
                assert "patch" in response.review()
                self.count += 1
            except Exception as failure:  # whatever it is, it is one
                self.failures.append(failure)
                return
            if not keeps or response.headers.get("connection") == "close":
                client.socket.close()
                client = None


def test_new_certificates_under_load(webhook):
    with webhook.client() as old, Load(webhook) as load:
        for number in range(ROTATIONS):
            webhook.secret.replace(*webhook.authority.sign(f"certificate {number}"))
            before = load.count

            def is_there(number=number) -> bool:
                with webhook.client() as client:
                    return client.served_by() == f"certificate {number}"

            wait_for(is_there, "the new certificate", 10)
            wait_for(lambda before=before: load.count > before, "reviews go on", 10)
        assert old.review(POD)["allowed"] is True  # and with the first one as well
    assert not load.failures and not load.unconnected and load.count > ROTATIONS


def test_a_bad_pair_changes_nothing(webhook):
    first = webhook.secret
    good = webhook.authority.sign("good")
    bad = {
        "belongs to another certificate": (good[0], webhook.authority.sign("other")[1]),
        "certificate .*: no PEM text of that kind": (b"", good[1]),
        "key .*: no PEM text of that kind": (good[0], b"nonsense"),
    }
    for number, (reason, pair) in enumerate(bad.items(), 1):
        first.replace(*pair)
        wait_for(lambda reason=reason: re.search(reason, webhook.log()), reason, 10)
        lines = [line for line in webhook.log().splitlines() if "[error]" in line]
        assert len(lines) == number and "stays in force" in lines[-1]
        with webhook.client() as client:
            assert client.served_by() == "first"
    first.replace(*good)

    def is_good() -> bool:
        with webhook.client() as client:
            return client.served_by() == "good"

    wait_for(is_good, "a good pair after bad ones", 10)


def fails_to_start(namespace, *arguments: str) -> subprocess.CompletedProcess:
    done = namespace.run([programs.weir_control(), "--admin=127.0.0.1:0", *arguments], timeout=20)
    assert done.returncode != 0
    return done


def test_starts_that_fail_say_why(make_namespace, tmp_path):
    namespace = make_namespace("start")
    authority = Authority(tmp_path / "authority")
    secret = Secret(tmp_path / "secret", *authority.sign("a"))
    certificate, key = f"--webhook-certificate={secret.folder}/tls.crt", f"--webhook-key={secret.folder}/tls.key"
    done = fails_to_start(namespace, "--webhook=127.0.0.1:0", certificate)
    assert done.returncode == 2 and "--webhook-key" in done.stderr
    assert fails_to_start(namespace, key, certificate).returncode == 2
    assert "expected" in fails_to_start(namespace, "--webhook=here", certificate, key).stderr
    done = fails_to_start(namespace, "--webhook=127.0.0.1:0", certificate, "--webhook-key=/nowhere/key")
    assert done.returncode == 1 and "/nowhere" in done.stderr
    done = fails_to_start(namespace, "--webhook=198.51.100.1:443", certificate, key)
    assert "webhook address '198.51.100.1:443': bind: " in done.stderr
    protected = tmp_path / "protected.key"
    convert = ["openssl", "pkey", "-in", f"{secret.folder}/tls.key", "-aes256", "-passout", "pass:secret", "-out", protected]
    subprocess.run(convert, check=True, capture_output=True)
    done = fails_to_start(namespace, "--webhook=127.0.0.1:0", certificate, f"--webhook-key={protected}")
    assert "without a passphrase" in done.stderr


def is_closed(webhook) -> bool:
    try:
        raw(webhook).close()
    except ConnectionRefusedError:
        return True
    return False


def test_reviews_that_have_begun_are_answered_after_sigterm(webhook):
    begun = [webhook.client() for _ in range(20)]
    for number, client in enumerate(begun):
        client.send(REQUEST[: 10 + 30 * number])
    idle = webhook.client()
    assert idle.request("GET", "/healthz").status == 200
    webhook.terminate()
    wait_for(lambda: is_closed(webhook), "no further connection is taken", 10)
    assert ends(idle.socket)
    for number, client in enumerate(begun):
        client.send(REQUEST[10 + 30 * number :])
        response = client.receive()
        assert "patch" in response.review() and response.headers["connection"] == "close"
        client.socket.close()
    assert webhook.process.wait(20) == 0


def test_sigterm_under_load_loses_no_review_that_was_sent(make_namespace):
    with Webhook(make_namespace("drain"), "--drain-s=2") as webhook:
        with Load(webhook) as load:
            wait_for(lambda: load.count > 50, "reviews are answered")
            webhook.terminate()
            before = load.count
            wait_for(lambda: load.count > before + 50, "reviews are answered, since others may not know yet")
            assert webhook.process.wait(20) == 0
        assert load.failures == [] and len(load.unconnected) == 6


def test_a_second_signal_ends_at_once(make_namespace):
    with Webhook(make_namespace("twice"), "--drain-s=60") as webhook:
        webhook.terminate()
        assert is_served(webhook)
        webhook.terminate()
        assert webhook.process.wait(10) == 0
