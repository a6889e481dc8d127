# SPDX-License-Identifier: Apache-2.0
"""What upstreams answer, right and wrong, over HTTP/1 and HTTP/2; upstreams that fail."""

from ..case import Await, Case
from ..configurations import route, simple, vhost
from ..http1 import chunks, request
from ..suite import Configuration
from ..wrong_answers import RAW, RAW2
from .tools import ask, unique

_ROUTES = (
    route("/bad2", "bad2"), route("/bad", "bad"), route("/refused", "refused"), route("/nowhere", "nowhere"), route("/empty", "empty"), route("/six", "six"),
    route("/named", {"cluster_header": "x-cluster"}), route("/gone404", {"cluster_header": "x-cluster", "cluster_not_found_response_code": "NOT_FOUND"}), route("/gone500", {"cluster_header": "x-cluster", "cluster_not_found_response_code": "INTERNAL_SERVER_ERROR"}),
    route("/up2", "up2"), route("/"),
)  # fmt: skip


def _raw() -> list[Case]:
    made = []
    for name in RAW:
        shut = ";shut" if name.startswith("half") or name in ("no-framing", "http-1.0-close", "100-only", "coding-gzip", "length-empty") else ""
        for method in ("GET", "HEAD", "POST"):
            body = b"abc" if method == "POST" else b""
            made += ask(f"raw {name} {method}", "/bad", f"x-up: raw={name}{shut}", method=method, body=body, wait=1.0, protocols="h1 h2" if method == "GET" else "h1")
        if not shut:
            made += ask(f"raw {name}, then closed", "/bad", f"x-up: raw={name};shut", protocols="h1")
    for name in RAW2:
        made += ask(f"frames {name}", "/bad2", f"x-up: raw2={name}", wait=1.0)
        made += ask(f"frames {name} HEAD", "/bad2", f"x-up: raw2={name}", method="HEAD", wait=1.0, protocols="h1")
    return made


def _statuses() -> list[Case]:
    made = []
    for target in ("/", "/up2"):
        for status in (200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 409, 418, 421, 429, 451, 500, 501, 502, 503, 504, 511, 599):
            made += ask(f"{target} status {status}", target, f"x-up: status={status};type=text/html")
        for status in (200, 204, 304, 404, 500):
            for style in ("chunked", "trailers", "size=100000", "chunked;size=70000", "size=0", "head-only;length=0", "body=", "header=content-encoding:gzip", "end", "header=Cache-Control:no-cache;header=ETag:x", "slow=0.05", "slow=0.05;chunked", "trickle"):
                for method in ("GET", "HEAD", "POST"):
                    protocols = "h1 h2" if method == "GET" else "h1"
                    made += ask(f"{target} {status} {style} {method}", target, f"x-up: status={status};{style}", method=method, body=b"abc" if method == "POST" else b"", protocols=protocols)
        for interims in ("interim=100", "interim=102", "interim=103", "interim=103;interim=103", "interim=199"):
            made += ask(f"{target} {interims}", target, f"x-up: {interims}")
        for size in (65535, 65536, 200_000, 2_000_000):
            made += ask(f"{target} large {size}", target, f"x-up: size={size}") + ask(f"{target} large {size} chunked", target, f"x-up: chunked;size={size}", protocols="h1")
            made += ask(f"{target} large {size} both ways", target, f"x-up: size={size}", method="POST", body=b"y" * size, protocols="h1")
    for style in ("close", "close;size=50000", "no-length;close", "shut", "cut;size=100", "cut;size=100;chunked", "cut;size=200000", "early", "drop", "rst"):
        for target in ("/bad", "/bad2"):
            for method in ("GET", "HEAD", "POST"):
                made += ask(f"{target} {style} {method}", target, f"x-up: {style}", method=method, body=b"abc" if method == "POST" else b"")
    return made


def _failures() -> list[Case]:
    made = []
    for target in ("/refused", "/nowhere", "/empty", "/six", "/named", "/gone404", "/gone500", "/none"):
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            made += ask(f"fails {target} {method}", target, method=method, body=b"abc" if method == "POST" else b"")
        made += ask(f"fails {target} gRPC", target, "content-type: application/grpc", "te: trailers", method="POST", body=b"\0\0\0\0\0")
        made += ask(f"fails {target} gRPC-web", target, "content-type: application/grpc-web", method="POST", body=b"\0\0\0\0\0")
        made += ask(f"fails {target} close", target, "Connection: close", protocols="h1")
        made.append(Case(f"fails {target} twice", (request(target) * 2,), answers=2))
        made.append(Case(f"fails {target} chunked", (request(target, "Transfer-Encoding: chunked", method="POST", body=chunks(b"abc")),)))
        made.append(Case(f"fails {target} body comes late", (request(target, "Content-Length: 3", method="POST"), Await(), 0.1, b"abc")))
        made.append(Case(f"fails {target} large body", (request(target, "Content-Length: 300000", method="POST", body=b"x" * 300000),)))
        made.append(Case(f"fails {target} expect", (request(target, "Expect: 100-continue", "Content-Length: 3", method="POST"), Await(), 0.1, b"abc"), then="wait"))
    for cluster in ("up", "up2", "second", "empty", "refused", "nobody", "", "UP", "up,second"):
        made += ask(f"cluster header [{cluster}]", "/named", f"x-cluster: {cluster}")
    made += ask("cluster header twice", "/named", "x-cluster: up", "x-cluster: second")
    for code in range(14):
        made += ask(f"reset {code}", "/bad2", f"x-up: reset={code}")
    made += ask("goaway", "/bad2", "x-up: goaway", wait=0.6)
    return made


def configurations() -> list[Configuration]:
    bootstrap = simple(vhost(*_ROUTES))
    return [
        Configuration("wrong_answers", bootstrap, unique(_raw())), Configuration("answers", bootstrap, unique(_statuses())),
        Configuration("upstream_failures", bootstrap, unique(_failures())),
    ]  # fmt: skip
