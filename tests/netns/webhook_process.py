# SPDX-License-Identifier: Apache-2.0
"""A weir-control that runs as a webhook in a namespace, its certificates, and a client that speaks HTTPS to it by hand."""

import copy
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import warnings

from harness import programs
from proxy_process import wait_for

NAME = "weir-control.weir-system.svc"


class Authority:
    """Signs certificates; its key lives as long as the folder."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.certificate = folder / "ca.crt"
        folder.mkdir(parents=True, exist_ok=True)
        self._openssl("req", "-x509", *self._key("ca.key"), "-subj", "/CN=authority", "-days", "2", "-out", self.certificate)

    def sign(self, common_name: str) -> tuple[bytes, bytes]:
        """A certificate for NAME and its key, PEM."""
        request, key, made = (self.folder / one for one in ("one.csr", "one.key", "one.crt"))
        extensions = self.folder / "extensions"
        extensions.write_text(f"subjectAltName = DNS:{NAME}\n")
        self._openssl("req", *self._key("one.key"), "-subj", f"/CN={common_name}", "-out", request)
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.folder / "ca.key", "-days", "1",
            "-extfile", extensions, "-out", made
        )
        return made.read_bytes(), key.read_bytes()

    def _key(self, name: str) -> list:
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.folder / name]

    @staticmethod
    def _openssl(*arguments) -> None:
        subprocess.run([programs.system("openssl"), *arguments], capture_output=True, check=True)


class Secret:
    """A folder as the kubelet mounts a Secret: files are links into ..data, which is a link that is swapped."""

    def __init__(self, folder: pathlib.Path, certificate: bytes, key: bytes):
        self.folder = folder
        self.count = 0
        folder.mkdir()
        self.replace(certificate, key)
        for name in ("tls.crt", "tls.key"):
            (folder / name).symlink_to(pathlib.Path("..data", name))

    def replace(self, certificate: bytes, key: bytes) -> None:
        self.count += 1
        version = self.folder / f"..version{self.count}"
        version.mkdir()
        (version / "tls.crt").write_bytes(certificate)
        (version / "tls.key").write_bytes(key)
        (self.folder / "..data_tmp").symlink_to(version.name)
        os.rename(self.folder / "..data_tmp", self.folder / "..data")


class Webhook:
    """weir-control --webhook in a namespace."""

    def __init__(self, namespace, *arguments: str, directory: str | None = None, address: str = "127.0.0.1"):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="weir-test-webhook-"))
        self.namespace = namespace
        self.authority = Authority(self.root / "authority")
        self.secret = Secret(self.root / "secret", *self.authority.sign("first"))
        self.argv = [
            programs.weir_control(), *([directory] if directory else []), f"--webhook={address}:0",
            f"--webhook-certificate={self.secret.folder}/tls.crt", f"--webhook-key={self.secret.folder}/tls.key",
            "--admin=127.0.0.1:0", *arguments
        ]
        with open(self.root / "log", "ab") as log:
            self.process = namespace.popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        found = wait_for(self._ports, "the webhook serves", 30)
        self.port, self.admin = int(found[1]), int(found[2])

    def __enter__(self) -> "Webhook":
        return self

    def __exit__(self, *_) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.root, ignore_errors=True)

    def _ports(self):
        assert self.process.poll() is None, self.log()
        return re.search(r"webhook at \S+:(\d+)\n(?:.*\n)*.*admin at \S+:(\d+)", self.log())

    def log(self) -> str:
        return (self.root / "log").read_text(errors="replace")

    def status(self) -> str:
        done = self.namespace.run([programs.weir_control(), "status", "--admin", f"127.0.0.1:{self.admin}"])
        assert done.returncode == 0, done.stderr
        return done.stdout

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def client(self, **options) -> "Client":
        return Client(self, **options)

    def review(self, pod: dict, **fields) -> dict:
        """The response to a review of a Pod, over a connection of its own."""
        with self.client() as client:
            return client.review(pod, **fields)


class Client:
    """One connection, HTTP/1.1; raises OSError (ssl.SSLError is one) where it cannot be had."""

    def __init__(self, webhook: Webhook, minimum=None, maximum=None, authority=None, address: str = "127.0.0.1"):
        context = ssl.create_default_context(cafile=authority or webhook.authority.certificate)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that old versions are old is what is tested
            if minimum:
                context.minimum_version = minimum
                context.set_ciphers("DEFAULT:@SECLEVEL=0")  # otherwise OpenSSL does not offer them
            if maximum:
                context.maximum_version = maximum
        raw = webhook.namespace.connect(address, webhook.port, timeout=60)
        try:
            self.socket = context.wrap_socket(raw, server_hostname=NAME)
        except BaseException:
            raw.close()
            raise
        self.received = b""

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.socket.close()

    def served_by(self) -> str:
        return dict(part[0] for part in self.socket.getpeercert()["subject"])["commonName"]

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> "Response":
        self.send(head(method, path, len(body), kind) + body)
        return self.receive(method)

    def receive(self, method: str = "GET") -> "Response":
        while b"\r\n\r\n" not in self.received:
            self._more()
        lines, self.received = self.received.split(b"\r\n\r\n", 1)
        status, *fields = lines.decode().split("\r\n")
        headers = dict(field.lower().split(": ", 1) for field in fields)
        length = 0 if method == "HEAD" else int(headers["content-length"])
        while len(self.received) < length:
            self._more()
        body, self.received = self.received[:length], self.received[length:]
        return Response(int(status.split()[1]), headers, body)

    def _more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the webhook has closed the connection")
        self.received += data

    def review(self, pod: dict, **fields) -> dict:
        response = self.request("POST", "/inject?timeout=10s", encoded(review_of(pod, **fields)))
        assert response.status == 200, response
        return response.review()


class Response:
    def __init__(self, status: int, headers: dict[str, str], body: bytes):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self) -> str:
        return f"{self.status} {self.headers} {self.body!r}"

    def review(self) -> dict:
        answer = json.loads(self.body)
        assert (answer["apiVersion"], answer["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
        assert self.headers["content-type"] == "application/json"
        return answer["response"]


def head(method: str, path: str, length: int, kind: str = "application/json") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode()


def encoded(document) -> bytes:
    return json.dumps(document).encode()


def review_of(pod: dict | None, **fields) -> dict:
    """What the API server sends; fields go over the request's own, None takes one away."""
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
        "namespace": "shop",
        "operation": "CREATE",
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"},
        "object": pod,
        "oldObject": None,
        "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        **fields,
    }
    request = {name: value for name, value in request.items() if value is not None or name == "oldObject"}
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}


def apply_patch(patch: list[dict], document):
    """RFC 6902: add, remove and replace, each of which must fit."""
    document = copy.deepcopy(document)
    for operation in patch:
        *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        target = document
        for part in way:
            target = target[int(part)] if isinstance(target, list) else target[part]
        _apply_one(operation, target, last)
    return document


def _apply_one(operation: dict, target, last: str) -> None:
    kind = operation["op"]
    if isinstance(target, list):
        index = len(target) if last == "-" and kind == "add" else int(last)
        assert 0 <= index <= len(target) - (kind != "add"), operation
        if kind != "add":
            target.pop(index)
        if kind != "remove":
            target.insert(index, operation["value"])
        return
    assert kind == "add" or last in target, operation
    if kind == "remove":
        del target[last]
    else:
        target[last] = operation["value"]
