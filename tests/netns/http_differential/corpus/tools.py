# SPDX-License-Identifier: Apache-2.0
"""What the tables of the corpus are made with."""

import dataclasses

from .. import configurations, http1, http2
from ..case import Case

START = http2.PREFACE + http2.settings()
FIRST_PORT = 10000


def ask(
    name: str, target: str = "/", *headers: str, method: str = "GET", body: bytes = b"", host: str = "www.test", protocols="h1 h2", **fields
) -> list[Case]:
    """The same request over HTTP/1 and HTTP/2. A body has a content-length."""
    made = []
    if body:
        headers = (*headers, f"Content-Length: {len(body)}")
    if "h1" in protocols:
        data = http1.request(target, *headers, method=method, host=host, body=body)
        made.append(Case(name, (data,), methods=(method,), **fields))
    if "h2" in protocols:
        pairs = [header.split(":", 1) for header in headers]
        lower = [(key.lower(), value.strip()) for key, value in pairs]
        data = http2.request(target, *lower, method=method, authority=host, body=body or None)
        made.append(Case(f"h2 {name}", (START + data,), protocol="h2", **fields))
    return made


def variants(managers: dict[str, dict], cases: list[Case], clusters=None) -> tuple[dict, tuple[Case, ...]]:
    """A bootstrap with a listener for each HTTP connection manager, and the cases for each of them."""
    made, listeners = [], []
    for number, (label, manager) in enumerate(managers.items()):
        port = FIRST_PORT + number
        listeners.append(configurations.listener(port, manager))
        made += [dataclasses.replace(case, listener=port, name=f"{label}: {case.name}") for case in cases]
    return configurations.bootstrap(*listeners, clusters=clusters), tuple(made)


def unique(cases: list[Case]) -> tuple[Case, ...]:
    """Numbers cases whose names are the same."""
    counts: dict[str, int] = {}
    made = []
    for case in cases:
        count = counts[case.name] = counts.get(case.name, 0) + 1
        made.append(case if count == 1 else dataclasses.replace(case, name=f"{case.name} #{count}"))
    return tuple(made)
