# SPDX-License-Identifier: Apache-2.0
"""The proxies under test: their configuration, how they are started, what they call themselves.

Every instance has a slot: the redirect sends port service+slot of the upstream to its own port, so
that all of them stay up in one run behind one rule.
"""

import os
import shutil
import subprocess
from pathlib import Path

import harness.proc as proc
from harness.world import PORTS, PROXY_UID, SERVICES, UPSTREAM_ADDRESS, Failure, wait_until

# Connections that an instance is configured for; the smaller number is for measuring an idle process.
MANY, FEW = 9200, 1024


def listen_port(slot, service="reply"):
    return 15000 + 10 * slot + list(PORTS).index(service)


class Peer:
    """One kind of proxy. `one_port`: it finds the original destination, so one port serves all."""

    name = title = ""
    one_port = True
    # Sections that this one takes part in; None: all.
    sections = None

    def version(self):
        raise NotImplementedError

    def configure(self, folder, slot, connections):
        """Writes the configuration into `folder` and returns the command."""
        raise NotImplementedError

    def redirects(self, slot):
        """{port of the upstream: port of the proxy}"""
        return {first + slot: listen_port(slot, "reply" if self.one_port else service)
                for service, first in SERVICES.items()}


# One file for both: what Envoy reads, Weir reads.
ENVOY_FORMAT = """\
admin:
  address: {{socket_address: {{address: 127.0.0.1, port_value: {admin}}}}}
static_resources:
  listeners:
  - name: virtualOutbound
    address: {{socket_address: {{address: 0.0.0.0, port_value: {port}}}}}
    use_original_dst: true
    filter_chains:
    - filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: PassthroughCluster
          cluster: PassthroughCluster
{access_log}
  clusters:
  - name: PassthroughCluster
    type: ORIGINAL_DST
    lb_policy: CLUSTER_PROVIDED
    connect_timeout: 5s
    circuit_breakers:
      thresholds:
      - max_connections: 1000000
        max_pending_requests: 1000000
        max_requests: 1000000
"""


ACCESS_LOG = """\
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: {path}
"""


class EnvoyFormat(Peer):
    flags = []

    def __init__(self, binary, logged=False):
        self.binary, self.logged = binary, logged
        if logged:
            self.name, self.title = f"{self.name}-log", f"{self.title}, access log"
            self.sections = ("churn",)

    def configure(self, folder, slot, connections):
        path = folder / "proxy.yaml"
        path.write_text(ENVOY_FORMAT.format(
            port=listen_port(slot), admin=listen_port(slot) + 9,
            access_log=ACCESS_LOG.format(path=folder / "access.log") if self.logged else ""))
        return [str(self.binary), "-c", str(path), "--concurrency", "1", "-l", "error", *self.flags]


class Weir(EnvoyFormat):
    name, title = "weir", "Weir"
    flags = ["--drain-time-s", "1"]

    def version(self):
        return last_line([str(self.binary), "--version"])


class Envoy(EnvoyFormat):
    name, title = "envoy", "Envoy"
    flags = ["--disable-hot-restart"]

    def version(self):
        return last_line([str(self.binary), "--version"]).split("version:")[1].split("/")[1]


class Haproxy(Peer):
    name, title = "haproxy", "HAProxy"
    extra_global = extra_defaults = ""

    def version(self):
        return subprocess.check_output(["haproxy", "-v"], text=True).split()[2]

    def configure(self, folder, slot, connections):
        path = folder / "haproxy.cfg"
        path.write_text(f"""\
global
  nbthread 1
  maxconn {connections}
{self.extra_global}
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
{self.extra_defaults}
frontend in
  bind 0.0.0.0:{listen_port(slot)} backlog 65535
  default_backend out
backend out
  server original 0.0.0.0
""")
        return [shutil.which("haproxy"), "-f", str(path)]


class HaproxySplice(Haproxy):
    name, title = "haproxy-splice", "HAProxy, forced splice"
    extra_global = "  tune.pipesize 1048576\n  maxpipes 200\n"
    extra_defaults = "  option splice-request\n  option splice-response\n"


class Nginx(Peer):
    name, title = "nginx", "nginx stream"
    one_port = False

    def version(self):
        text = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
        return text.strip().split("/")[1]

    def configure(self, folder, slot, connections):
        servers = "\n".join(
            f"  server {{ listen 0.0.0.0:{listen_port(slot, service)} backlog=65535; "
            f"proxy_pass {UPSTREAM_ADDRESS}:{first + slot}; }}"
            for service, first in SERVICES.items())
        path = folder / "nginx.conf"
        path.write_text(f"""\
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections {2 * connections + 100}; }}
stream {{
  proxy_timeout 1h;
  proxy_connect_timeout 5s;
{servers}
}}
""")
        return [shutil.which("nginx"), "-p", str(folder), "-e", f"{folder}/error.log", "-c", str(path)]


class Instance:
    """A running proxy."""

    def __init__(self, world, peer, slot, connections=MANY, wrapper=(), patience=15):
        self.peer, self.slot = peer, slot
        self.folder = world.folder / f"{peer.name}-{slot}"
        self.command = prepare(peer, self.folder, slot, connections)
        self.process = world.start("app", [*wrapper, *self.command], uid=PROXY_UID,
                                   log=self.folder / "log")
        self.pid = self.process.pid
        try:
            wait_until(self._is_up, f"{peer.title} listens", patience)
        except BaseException:
            self.process.stop(hard=True)
            raise

    def check_alive(self):
        if not self.process.alive():
            raise Failure(f"{self.peer.title} ended with {self.process.popen.returncode}: {self.process.tail()}")

    def _is_up(self):
        self.check_alive()
        return all(proc.is_listening(self.pid, port) for port in set(self.peer.redirects(self.slot).values()))

    def stop(self, hard=True, timeout=30):
        self.process.stop(hard=hard, timeout=timeout)


def prepare(peer, folder, slot, connections):
    """An empty folder that the proxy may write to, with its configuration; returns the command."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.chmod(folder, 0o777)
    return peer.configure(folder, slot, connections)


def last_line(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[-1].strip() if lines else "?"


def discover(build, envoy, folder):
    """(peers that are here, {name: why it is not})."""
    found, absent = [], {}
    weir = Path(build) / "proxy" / "weir-proxy"
    candidates = [
        ("weir", weir.exists(), f"no program '{weir}'", lambda: with_and_without_log(Weir, weir, folder)),
        ("haproxy", shutil.which("haproxy"), "haproxy is not installed", lambda: [Haproxy()]),
        ("haproxy-splice", shutil.which("haproxy"), "haproxy is not installed", lambda: [HaproxySplice()]),
        ("nginx", shutil.which("nginx") and Path("/usr/lib/nginx/modules/ngx_stream_module.so").exists(),
         "libnginx-mod-stream is not installed: HTTP only" if shutil.which("nginx") else "nginx is not installed",
         lambda: [Nginx()]),
        ("envoy", envoy.exists(), f"no program '{envoy}': bench/get-envoy fetches it",
         lambda: with_and_without_log(Envoy, envoy, folder)),
    ]
    for name, here, why, make in candidates:
        if here:
            found += make()
        else:
            absent[name] = why
    return found, absent


def with_and_without_log(kind, binary, folder):
    copy = readable(binary, folder)
    return [kind(copy), kind(copy, logged=True)]


def readable(binary, folder):
    """A copy that the proxies' user can execute, wherever the original lies."""
    copy = folder / binary.name
    shutil.copy(binary, copy)
    os.chmod(copy, 0o755)
    # Pages of a file that is not on the disk yet would count as memory that the proxy dirtied.
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    return copy
