# SPDX-License-Identifier: Apache-2.0
"""Plain proxying with the defaults, to an HTTP/1 and to an HTTP/2 upstream: every request of the corpus."""

from ..configurations import direct, route, simple, vhost
from ..suite import Configuration
from . import requests1, requests2


def configurations() -> list[Configuration]:
    to_http1 = simple(vhost(direct("/direct", 200, "direct"), route("/")))
    to_http2 = simple(vhost(direct("/direct", 200, "direct"), route("/", "up2")))
    return [
        Configuration("plain", to_http1, tuple(requests1.everything())),
        Configuration("plain_h2", to_http1, tuple(requests2.everything())),
        Configuration("to_h2", to_http2, tuple(requests1.headers() + requests1.bodies())),
        Configuration("h2_to_h2", to_http2, tuple(requests2.fields() + requests2.frames())),
    ]
