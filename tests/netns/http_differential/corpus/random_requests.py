# SPDX-License-Identifier: Apache-2.0
"""Requests put together at random, from a fixed seed: valid parts, odd parts, mutated bytes, cut and split anywhere."""

import os
import random

from .. import http2
from ..case import Case
from ..configurations import direct, hcm, route, vhost
from ..suite import SEED, Configuration
from . import requests1, requests2
from .tools import START, variants

COUNT = int(os.environ.get("WEIR_HTTP_RANDOM", "600"))


def _mutated(random_: random.Random, data: bytes) -> bytes:
    """One to three changes of bytes that are no case's mark."""
    made = bytearray(data)
    for _ in range(random_.randint(1, 3)):
        at = random_.randrange(len(made))
        kind = random_.randrange(4)
        if kind == 0:
            made[at] = random_.choice(b"\0\t\n\r :;,/\\%?#@\x7f\x80\xff\"'()<>=aZ09")
        elif kind == 1:
            del made[at]
        elif kind == 2:
            made[at:at] = bytes([random_.choice(b"\t\n\r :;,/aZ0")])
        else:
            made[at:at] = made[at : at + random_.randint(1, 12)]
    return bytes(made)


def _split(random_: random.Random, data: bytes) -> tuple[bytes, ...]:
    """The bytes in pieces; the case's mark stays whole."""
    if random_.random() < 0.6:
        return (data,)
    mark = data.find(b"%CASEID%")
    cuts = sorted({random_.randrange(1, len(data)) for _ in range(random_.randint(1, 4))} - set(range(mark + 1, mark + 8)))
    return tuple(data[one:other] for one, other in zip([0, *cuts], [*cuts, len(data)]))


def _http1(random_: random.Random) -> list[Case]:
    base = [case for case in requests1.everything() if len(case.steps) == 1 and isinstance(case.steps[0], bytes) and len(case.steps[0]) < 600]
    made = []
    for number in range(COUNT):
        data = random_.choice(base).steps[0]
        if random_.random() < 0.25:
            data += random_.choice(base).steps[0]
        if random_.random() < 0.8:
            data = _mutated(random_, data)
        made.append(Case(f"{number}", _split(random_, data), answers=1, methods=("GET",), wait=0.5, then="wait"))
    return made


def _http2(random_: random.Random) -> list[Case]:
    base = [case.steps[0][len(START) :] for case in requests2.everything() if len(case.steps) == 1 and case.steps[0].startswith(START) and len(case.steps[0]) < 600]
    made = []
    for number in range(COUNT // 2):
        data = random_.choice(base)
        if random_.random() < 0.8:
            data = _mutated(random_, data) if data else data
        made.append(Case(f"h2 {number}", (START + data + http2.frame(http2.PING, 0, 0, b"last....")[: random_.choice((0, 17))],), protocol="h2", wait=0.5, then="wait"))
    return made


def configurations() -> list[Configuration]:
    random_ = random.Random(f"{SEED} requests")
    hosts = vhost(direct("/direct", 200, "direct"), route("/"))
    strict = {"normalize_path": True, "merge_slashes": True, "common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"}, "http_protocol_options": {"accept_http_10": True, "enable_trailers": True}}
    made, cases = variants({"default": hcm(hosts), "other": hcm(hosts, **strict)}, _http1(random_) + _http2(random_))
    return [Configuration("random", made, cases, threads=64)]
