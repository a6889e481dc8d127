# SPDX-License-Identifier: Apache-2.0
"""What the demo shows: a table of scenarios, each with the outcome that it must have."""

import dataclasses

from network import (
    APPLICATION_UID,
    BLOCKED_V4,
    CATALOG_HOST,
    CATALOG_SERVICE,
    EXCLUDED_PORT,
    EXCLUDED_UID,
    MESHED,
    MESHED_V4,
    OUTSIDE,
    OUTSIDE_V4,
    OUTSIDE_V6,
    POD,
    POD_V4,
    POD_V6,
    SHOP_HOST,
)

REDIRECTED_OUT = ("redirected", 15001)
REDIRECTED_IN = ("redirected", 15006)
LEFT_ALONE = ("direct", 0)


@dataclasses.dataclass(frozen=True)
class Scenario:
    title: str
    why: str
    command: list[str]
    to: str  # the address and port that the program connects to
    landing: tuple[str, int]  # where the rules send that connection
    comment: str  # a part of the comment of the rule that decides it
    log: dict[str, str] | None  # fields that the proxy's record must have; None: the proxy sees nothing
    answer: str | None  # a part of what the program prints; None: it must fail
    namespace: str = POD
    uid: int = APPLICATION_UID
    pod: str = POD  # whose rules and proxy take it
    drops: str | None = None  # a manifest that is put into weir-control's directory before

    @property
    def caller(self) -> str:
        if self.namespace == OUTSIDE:
            return "from outside the pod"
        which = "the second pod" if self.namespace == MESHED else "the pod"
        return f"in {which}, as user {self.uid}"


def curl(url: str) -> list[str]:
    return ["curl", "-sS", "-m", "5", url]


SHOPPING = ["curl", "-sSf", "-m", "5", f"http://{SHOP_HOST}/"]

SCENARIOS = [
    Scenario(
        title="Outbound, to a virtual listener",
        why="Nobody lives at the service address. A listener without a socket owns it.",
        command=curl(f"http://{CATALOG_SERVICE}/"),
        to=f"{CATALOG_SERVICE}:80",
        landing=REDIRECTED_OUT,
        comment="all other outbound",
        log={
            "original_destination": f"{CATALOG_SERVICE}:80",
            "listener": f"catalog-{CATALOG_SERVICE}_80",
            "chain": "catalog",
            "cluster": "catalog",
            "upstream": f"{CATALOG_HOST}:9080",
        },
        answer=f"catalog at {CATALOG_HOST}:9080, called from {POD_V4}",
    ),
    Scenario(
        title="Outbound, Passthrough",
        why="No listener owns this address: it goes where the program wanted to go.",
        command=curl(f"http://{OUTSIDE_V4}/"),
        to=f"{OUTSIDE_V4}:80",
        landing=REDIRECTED_OUT,
        comment="all other outbound",
        log={
            "original_destination": f"{OUTSIDE_V4}:80",
            "listener": "virtualOutbound",
            "chain": "passthrough",
            "cluster": "PassthroughCluster",
            "upstream": f"{OUTSIDE_V4}:80",
        },
        answer=f"a server outside at {OUTSIDE_V4}:80, called from {POD_V4}",
    ),
    Scenario(
        title="Outbound, BlackHole",
        why="A server runs at this address, but a filter chain sends its network to a cluster without hosts.",
        command=curl(f"http://{BLOCKED_V4}/"),
        to=f"{BLOCKED_V4}:80",
        landing=REDIRECTED_OUT,
        comment="all other outbound",
        log={
            "original_destination": f"{BLOCKED_V4}:80",
            "listener": "virtualOutbound",
            "chain": "blocked-network",
            "cluster": "BlackHoleCluster",
            "upstream": "-",
            "flags": "UH",
        },
        answer=None,
    ),
    Scenario(
        title="Inbound",
        why="Somebody outside calls the application. The proxy dials it from 127.0.0.6, which the rules leave alone.",
        command=curl(f"http://{POD_V4}:8080/"),
        to=f"{POD_V4}:8080",
        namespace=OUTSIDE,
        uid=0,
        landing=REDIRECTED_IN,
        comment="all other inbound",
        log={
            "original_destination": f"{POD_V4}:8080",
            "listener": "virtualInbound",
            "chain": "inbound-ipv4",
            "cluster": "InboundPassthroughClusterIpv4",
            "upstream": f"{POD_V4}:8080",
        },
        answer=f"the application at {POD_V4}:8080, called from 127.0.0.6",
    ),
    Scenario(
        title="IPv6, outbound",
        why="The same rules and listeners serve both families.",
        command=curl(f"http://[{OUTSIDE_V6}]/"),
        to=f"[{OUTSIDE_V6}]:80",
        landing=REDIRECTED_OUT,
        comment="all other outbound",
        log={
            "original_destination": f"[{OUTSIDE_V6}]:80",
            "listener": "virtualOutbound",
            "cluster": "PassthroughCluster",
            "upstream": f"[{OUTSIDE_V6}]:80",
        },
        answer=f"a server outside at [{OUTSIDE_V6}]:80, called from [{POD_V6}]",
    ),
    Scenario(
        title="IPv6, inbound",
        why="The proxy dials from ::6, which weir-init has added to lo.",
        command=curl(f"http://[{POD_V6}]:8080/"),
        to=f"[{POD_V6}]:8080",
        namespace=OUTSIDE,
        uid=0,
        landing=REDIRECTED_IN,
        comment="all other inbound",
        log={
            "original_destination": f"[{POD_V6}]:8080",
            "listener": "virtualInbound",
            "chain": "inbound-ipv6",
            "cluster": "InboundPassthroughClusterIpv6",
        },
        answer=f"the application at [{POD_V6}]:8080, called from [::6]",
    ),
    Scenario(
        title="An excluded user",
        why=f"User {EXCLUDED_UID} is on weir-init's -u list: even the blocked network answers it, directly.",
        command=curl(f"http://{BLOCKED_V4}/"),
        to=f"{BLOCKED_V4}:80",
        uid=EXCLUDED_UID,
        landing=LEFT_ALONE,
        comment="opened by the proxy's user",
        log=None,
        answer=f"a server of the blocked network at {BLOCKED_V4}:80, called from {POD_V4}",
    ),
    Scenario(
        title="An excluded port",
        why=f"Port {EXCLUDED_PORT} is on weir-init's -o list. The server speaks first here.",
        command=["nc", "-N", "-w", "5", BLOCKED_V4, str(EXCLUDED_PORT)],
        to=f"{BLOCKED_V4}:{EXCLUDED_PORT}",
        landing=LEFT_ALONE,
        comment="excluded outbound port",
        log=None,
        answer=f"a server of the blocked network at {BLOCKED_V4}:{EXCLUDED_PORT}, called from {POD_V4}",
    ),
    Scenario(
        title="REGISTRY_ONLY: a host that nobody has registered",
        why="In the second pod, the proxy has its configuration from weir-control, whose meshConfig says REGISTRY_ONLY.",
        command=SHOPPING,
        to=f"{OUTSIDE_V4}:80",
        namespace=MESHED,
        pod=MESHED,
        landing=REDIRECTED_OUT,
        comment="all other outbound",
        log={
            "original_destination": f"{OUTSIDE_V4}:80",
            "host": SHOP_HOST,
            "route": "block_all",
            "status": "502",
            "details": "direct_response",
            "cluster": "-",
            "upstream": "-",
        },
        answer=None,
    ),
    Scenario(
        title="REGISTRY_ONLY: a ServiceEntry opens it",
        why="A file is put into weir-control's directory. Nothing is restarted; the program is the same.",
        drops="shop-entry.yaml",
        command=SHOPPING,
        to=f"{OUTSIDE_V4}:80",
        namespace=MESHED,
        pod=MESHED,
        landing=REDIRECTED_OUT,
        comment="all other outbound",
        log={
            "original_destination": f"{OUTSIDE_V4}:80",
            "host": SHOP_HOST,
            "route": "default",
            "status": "200",
            "details": "via_upstream",
            "cluster": f"outbound|80||{SHOP_HOST}",
            "upstream": f"{OUTSIDE_V4}:80",
        },
        answer=f"a server outside at {OUTSIDE_V4}:80, called from {MESHED_V4}",
    ),
]
