# SPDX-License-Identifier: Apache-2.0
"""The proxies under test as HTTP proxies: a listener for each service, upstream connections pooled.

Unlike the TCP rows' peers they have a fixed upstream: a cluster of one endpoint, as pools need it.
"""

import shutil

from harness.peers import Envoy, Haproxy, Nginx, Peer, Weir, listen_port
from harness.world import HTTP_SERVICES, LOG_SOCKET, UPSTREAM_ADDRESS

# Which services a section needs; a run configures no others.
SECTION_SERVICES = {
    "http": ("http", "http-log"),
    "http-new": ("http",),
    "http2": ("http2", "http2-http1"),
    "http-bulk": ("http", "http-relay"),
    "http-open": ("http",),
    "http-lua": ("http", "http-lua"),
    "http-memory": ("http",),
    "http-instructions": ("http", "http2", "http2-http1"),
    "http-syscalls": ("http", "http2", "http2-http1"),
}
# What the filter does to a request the upstream insists on (tools/http1.hpp), to a reply the client.
LUA_REPLY_HEADER = "x-bench-reply: edited"
LUA_SCRIPT = """\
function envoy_on_request(handle)
  local headers = handle:headers()
  headers:add("x-bench-request", "edited")
  headers:remove("accept")
end
function envoy_on_response(handle)
  local headers = handle:headers()
  headers:add("x-bench-reply", "edited")
  headers:replace("content-type", "text/plain")
end
"""


class HttpPeer(Peer):
    """`offers`: the services that this kind of proxy has; `services`: those of this run."""

    offers = ()
    # The access log of its own in the instance's folder; None: it sends its log elsewhere.
    log_file = "access.log"

    def __init__(self, wanted):
        self.services = [service for service in HTTP_SERVICES if service in self.offers and service in wanted]

    def redirects(self, slot):
        return {HTTP_SERVICES[service] + slot: listen_port(slot, service) for service in self.services}


def upstream_port(service, slot):
    """All but HTTP/2 to HTTP/2 share the upstream's HTTP/1.1, and with it one pool."""
    return HTTP_SERVICES["http2" if service == "http2" else "http"] + slot


LISTENER = """\
  - name: {service}
    address: {{socket_address: {{address: 0.0.0.0, port_value: {port}}}}}
    filter_chains:
    - filters:
"""

RELAY = """\
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: {service}
          cluster: {cluster}
"""

MANAGER = """\
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: {service}
{access_log}
          route_config:
            name: {service}
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{prefix: "/"}}
                route: {{cluster: {cluster}}}
          http_filters:
{filters}
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
"""

ACCESS_LOG = """\
          access_log:
          - name: envoy.access_loggers.file
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
              path: {path}
"""

LUA = """\
          - name: envoy.filters.http.lua
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
              default_source_code:
                inline_string: |
{script}
"""

CLUSTER = """\
  - name: {name}
    type: STATIC
    connect_timeout: 5s
{protocol}
    circuit_breakers:
      thresholds:
      - max_connections: 1000000
        max_pending_requests: 1000000
        max_requests: 1000000
    load_assignment:
      cluster_name: {name}
      endpoints:
      - lb_endpoints:
        - endpoint:
            address: {{socket_address: {{address: {address}, port_value: {port}}}}}
"""

HTTP2_UPSTREAM = """\
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
"""


class HttpEnvoyFormat(HttpPeer):
    """What Envoy reads, Weir reads: one file for both, ports aside."""

    offers = tuple(HTTP_SERVICES)

    def __init__(self, wanted, binary):
        super().__init__(wanted)
        self.binary = binary

    def configure(self, folder, slot, connections):
        listeners = "".join(self._listener(folder, slot, service) for service in self.services)
        clusters = "".join(
            CLUSTER.format(name=name, address=UPSTREAM_ADDRESS, port=upstream_port(name, slot), protocol=protocol)
            for name, protocol in (("http", ""), ("http2", HTTP2_UPSTREAM))
            if name == "http" or name in self.services)
        path = folder / "proxy.yaml"
        path.write_text(without_empty_lines(f"""\
admin:
  address: {{socket_address: {{address: 127.0.0.1, port_value: {listen_port(slot, "reply") + 9}}}}}
static_resources:
  listeners:
{listeners}
  clusters:
{clusters}
"""))
        return [str(self.binary), "-c", str(path), "--concurrency", "1", "-l", "error", *self.flags]

    def _listener(self, folder, slot, service):
        cluster = "http2" if service == "http2" else "http"
        begin = LISTENER.format(service=service, port=listen_port(slot, service))
        if service == "http-relay":
            return begin + RELAY.format(service=service, cluster=cluster)
        script = "".join(f"{' ' * 18}{line}\n" for line in LUA_SCRIPT.splitlines())
        return begin + MANAGER.format(
            service=service, cluster=cluster,
            access_log=ACCESS_LOG.format(path=folder / self.log_file) if service == "http-log" else "",
            filters=LUA.format(script=script) if service == "http-lua" else "")


def without_empty_lines(text):
    return "".join(line for line in text.splitlines(keepends=True) if line.strip())


class HttpWeir(HttpEnvoyFormat):
    name, title, flags = Weir.name, Weir.title, Weir.flags


class HttpEnvoy(HttpEnvoyFormat):
    name, title, flags = Envoy.name, Envoy.title, Envoy.flags


class HttpHaproxy(HttpPeer):
    name, title = Haproxy.name, Haproxy.title
    offers = ("http", "http-log", "http2", "http2-http1")
    log_file = None
    extra_global = extra_defaults = ""

    def configure(self, folder, slot, connections):
        path = folder / "haproxy.cfg"
        frontends = "".join(self._frontend(slot, service) for service in self.services)
        path.write_text(f"""\
global
  nbthread 1
  maxconn {connections}
  log {folder.parent / LOG_SOCKET} local0
{self.extra_global}
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  http-reuse always
{self.extra_defaults}
{frontends}
backend http
  server only {UPSTREAM_ADDRESS}:{upstream_port("http", slot)}
backend http2
  server only {UPSTREAM_ADDRESS}:{upstream_port("http2", slot)} proto h2
""")
        return [shutil.which("haproxy"), "-f", str(path)]

    def _frontend(self, slot, service):
        protocol = " proto h2" if service.startswith("http2") else ""
        log = "  log global\n  option httplog\n" if service == "http-log" else ""
        return f"""\
frontend {service}
  bind 0.0.0.0:{listen_port(slot, service)} backlog 65535{protocol}
{log}  default_backend {"http2" if service == "http2" else "http"}
"""


class HttpHaproxySplice(HttpHaproxy):
    name, title = "haproxy-splice", "HAProxy, forced splice"
    sections = ("http-bulk",)
    extra_global = "  tune.pipesize 1048576\n  maxpipes 200\n"
    extra_defaults = "  option splice-request\n  option splice-response\n"


class HttpNginx(HttpPeer):
    name, title = Nginx.name, "nginx"
    version = Nginx.version
    offers = ("http", "http-log", "http2-http1")

    def configure(self, folder, slot, connections):
        servers = "".join(self._server(folder, slot, service) for service in self.services)
        path = folder / "nginx.conf"
        # Bodies are streamed in large pieces (five times as fast as with the default buffers), and nothing of them
        # goes to a disk; connections end for no count of requests.
        path.write_text(f"""\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections {2 * connections + 100}; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_timeout 1h;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  proxy_connect_timeout 5s;
  proxy_read_timeout 1h;
  proxy_request_buffering off;
  proxy_max_temp_file_size 0;
  proxy_buffers 16 64k;
  proxy_busy_buffers_size 128k;
  client_body_buffer_size 128k;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $host;
  upstream pool {{
    server {UPSTREAM_ADDRESS}:{upstream_port("http", slot)};
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }}
{servers}
}}
""")
        return [shutil.which("nginx"), "-p", str(folder), "-e", f"{folder}/error.log", "-c", str(path)]

    def _server(self, folder, slot, service):
        protocol = " http2" if service.startswith("http2") else ""
        log = f"access_log {folder}/{self.log_file} combined buffer=64k flush=10s; " if service == "http-log" else ""
        return (f"  server {{ listen 0.0.0.0:{listen_port(slot, service)} backlog=65535{protocol}; "
                f"{log}location / {{ proxy_pass http://pool; }} }}\n")


def discover_http(found, absent, sections, only=None):
    """(HTTP peers that are here, {name: why it is not}) for those sections; none of HTTP's: no peers.

    `found` and `absent` are the TCP rows' peers; `only`: their names, if not all are wanted.
    """
    wanted = {service for section in sections for service in SECTION_SERVICES.get(section, ())}
    if not wanted:
        return [], {}
    binaries = {peer.name: getattr(peer, "binary", None) for peer in found}
    missing = {}
    made = []
    for name, make in (("weir", lambda binary: HttpWeir(wanted, binary)),
                       ("haproxy", lambda _: HttpHaproxy(wanted)),
                       ("haproxy-splice", lambda _: HttpHaproxySplice(wanted)),
                       ("nginx", lambda _: HttpNginx(wanted)),
                       ("envoy", lambda binary: HttpEnvoy(wanted, binary))):
        if only and name not in only:
            continue
        # nginx speaks HTTP without the module that the TCP rows need.
        if name in binaries or (name == "nginx" and shutil.which("nginx")):
            made.append(make(binaries.get(name)))
        else:
            missing[f"{name} (HTTP)"] = absent.get(name, "not found")
    return [peer for peer in made if peer.sections is None or set(peer.sections) & set(sections)], missing
