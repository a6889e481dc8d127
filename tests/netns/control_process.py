# SPDX-License-Identifier: Apache-2.0
"""A running weir-control over a directory of its own, and a client that speaks its protocol by hand."""

import functools
import os
import pathlib
import queue
import re
import shutil
import subprocess
import tempfile
import threading

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from harness import programs
from proxy_process import wait_for

PROTOS = programs.CHECKOUT / "proxy" / "config" / "proto"
TYPES = {
    "cluster": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "endpoint": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    "listener": "type.googleapis.com/envoy.config.listener.v3.Listener",
    "route": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
}
ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService/"


@functools.cache
def _messages():
    files = [str(path.relative_to(PROTOS)) for path in sorted(PROTOS.rglob("*.proto"))]
    with tempfile.NamedTemporaryFile(suffix=".pb") as out:
        subprocess.run(["protoc", f"-I{PROTOS}", "--include_imports", "-o", out.name, *files], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(out.name).read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool, message_factory.MessageFactory(pool)


def message(name: str):
    """The class of a message by its full name, from our protos."""
    pool, factory = _messages()
    return factory.GetPrototype(pool.FindMessageTypeByName(name))


def discovery(name: str):
    return message(f"envoy.service.discovery.v3.{name}")


def name_of(any_message) -> str:
    """The name of a resource in an Any."""
    content = message(any_message.type_url.rsplit("/", 1)[1]).FromString(any_message.value)
    return getattr(content, "name", "") or content.cluster_name


class Control:
    """weir-control over a directory; in a namespace, or (gRPC's own threads are in none) on the machine's loopback."""

    def __init__(self, files: dict[str, str], namespace=None, *arguments: str):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="weir-test-control-"))
        self.directory = self.root / "mesh"
        self.directory.mkdir()
        for name, text in files.items():
            (self.directory / name).write_text(text)
        self.namespace = namespace
        self.process = None
        self.start(*arguments)

    def __enter__(self) -> "Control":
        return self

    def __exit__(self, *_) -> None:
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def start(self, *arguments: str) -> None:
        listen = [] if "--listen" in arguments else ["--listen", "127.0.0.1:0"]
        argv = [programs.weir_control(), str(self.directory), *listen, "--admin", "127.0.0.1:0", "-l", "debug", *arguments]
        start = self.namespace.popen if self.namespace else subprocess.Popen
        with open(self.root / "log", "ab") as log:
            self.process = start(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            found = wait_for(lambda: self._ports(), "weir-control serves", 30)
        except BaseException:
            self.stop()
            raise
        self.port, self.admin = int(found[1]), int(found[2])

    def _ports(self):
        if self.process.poll() is not None:
            raise AssertionError(f"weir-control ended: {self.log()}")
        return re.search(r"\(port (\d+)\), admin at 127\.0\.0\.1:(\d+)", self.log())

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        return (self.root / "log").read_text(errors="replace")

    def replace(self, name: str, text: str) -> None:
        """As a careful program writes: beside it, then renamed into place."""
        temporary = self.directory / f".{name}.new"
        temporary.write_text(text)
        os.rename(temporary, self.directory / name)

    def remove(self, name: str) -> None:
        (self.directory / name).unlink()

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        argv = [programs.weir_control(), *arguments]
        if self.namespace:
            return self.namespace.run(argv)
        return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)

    def status(self) -> dict[str, list[str]]:
        """Node → states in the order CDS, EDS, LDS, RDS."""
        lines = self.status_text().splitlines()
        assert re.split(r"\s{2,}", lines[0])[:5] == ["NAME", "CDS", "EDS", "LDS", "RDS"]
        return {parts[0]: parts[1:5] for parts in (re.split(r"\s{2,}", line) for line in lines[1:]) if len(parts) == 6}

    def status_text(self) -> str:
        done = self.run("status", "--admin", f"127.0.0.1:{self.admin}")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fetch(self, *arguments: str) -> subprocess.CompletedProcess:
        return self.run("fetch", "--server", f"127.0.0.1:{self.port}", *arguments)




class Stream:
    """One stream of a client; responses come in order."""

    def __init__(self, port: int, path: str = ADS + "StreamAggregatedResources", raw: bool = False):
        delta = "/Delta" in path
        self.request = discovery("DeltaDiscoveryRequest" if delta else "DiscoveryRequest")
        response = discovery("DeltaDiscoveryResponse" if delta else "DiscoveryResponse")
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
        self.outgoing: queue.Queue = queue.Queue()
        self.incoming: queue.Queue = queue.Queue()
        serialize = (lambda data: data) if raw else (lambda data: data.SerializeToString())
        method = self.channel.stream_stream(path, serialize, response.FromString)
        self.call = method(iter(self.outgoing.get, None), timeout=120)
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self) -> None:
        try:
            for response in self.call:
                self.incoming.put(response)
        except grpc.RpcError as error:
            self.incoming.put(error)

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_) -> None:
        self.outgoing.put(None)
        self.call.cancel()
        self.channel.close()

    def say(self, type_name: str, **fields) -> None:
        self.outgoing.put(self.request(type_url=TYPES[type_name], **fields))

    def hear(self, seconds: float = 10):
        return self.incoming.get(timeout=seconds)

    def hears_nothing(self, seconds: float = 0.8) -> bool:
        try:
            got = self.incoming.get(timeout=seconds)
        except queue.Empty:
            return True
        raise AssertionError(f"unexpected: {got}")

    def ack(self, response, **fields) -> None:
        if hasattr(response, "version_info"):
            fields = {"version_info": response.version_info, **fields}
        self.outgoing.put(self.request(type_url=response.type_url, response_nonce=response.nonce, **fields))
