# SPDX-License-Identifier: Apache-2.0
"""The packet matrix under the flags that Istio's injector passes, against a table written by hand."""

import pytest

from harness import lab, matrix
from harness.cells import Answer, Cell, LabProbe
from harness.flags import INJECTED
from harness.installer import BACKENDS, install
from harness.oracle import agrees, expected, untouched

IDENTITIES = {
    "app": (1000, 1000),
    "root": (0, 0),
    "proxy": (1337, 1337),
    "proxy-uid": (1337, 1000),
    "proxy-gid": (1000, 1337),
    "other-uid": (1338, 1338),
}
PLACES = {
    "own": lab.POD,
    "own-net1": lab.POD_NET1,
    "loopback": lab.LOOPBACK,
    "service": lab.SERVICE,
    "outside": lab.OUTSIDE,
    "net1": lab.OUTSIDE_NET1,
}

# Each line holds for IPv4 and IPv6. Ports 15020, 15021 and 15090 are excluded inbound, 15008 is the tunnel port.
OUTBOUND_TABLE = """
    # who       where      port   answers
    app         outside    80     outbound
    app         outside    443    outbound
    app         outside    15020  outbound    # -d is about inbound only
    app         outside    15008  outbound
    app         net1       8080   outbound
    app         service    80     outbound    # no host is needed behind the address
    app         own        8080   app         # pod to itself by its own address: left alone
    app         own        15006  inbound     # the proxy's port, dialled directly
    app         own-net1   80     app
    app         loopback   8080   app
    app         loopback   15001  outbound    # dialled directly
    root        outside    80     outbound
    root        own        80     app
    root        loopback   80     app
    other-uid   outside    80     outbound
    other-uid   own        80     app
    proxy       outside    80     outside     # the proxy's own connections leave: no loop
    proxy       outside    15008  outside
    proxy       net1       443    outside
    proxy       service    80     refused
    proxy       own        8080   inbound     # service address of this pod, resolved by the proxy
    proxy       own        15021  inbound     # -d does not apply on lo
    proxy       own        15008  tunnel      # the tunnel port is never redirected
    proxy       own-net1   80     inbound
    proxy       loopback   8080   app         # proxy to application
    proxy       loopback   15008  tunnel
    proxy-uid   outside    80     outside
    proxy-uid   own        8080   inbound
    proxy-uid   loopback   8080   app
    proxy-gid   outside    80     outside
    proxy-gid   service    80     refused
    proxy-gid   own        8080   inbound     # any of user and group makes the proxy
    proxy-gid   own        15008  tunnel
    proxy-gid   loopback   8080   app
"""

INBOUND_TABLE = """
    # over      port   answers
    own         80     inbound
    own         22     inbound
    own         8080   inbound
    own         15001  inbound
    own         15006  inbound
    own         15008  tunnel
    own         15020  app
    own         15021  app
    own         15090  app
    own-net1    80     inbound
    own-net1    15021  app
"""

PASSTHROUGH_TABLE = """
    # who       where      port   answers, from 127.0.0.6 or ::6
    proxy       own        8080   app         # the inbound passthrough cluster reaches the application
    proxy       loopback   8080   app
    app         own        8080   app
"""


def rows(table: str) -> list[list[str]]:
    lines = (line.partition("#")[0].split() for line in table.splitlines())
    return [line for line in lines if line]


def written_by_hand() -> dict[Cell, str]:
    table = {}
    for family in (4, 6):
        for who, where, port, answer in rows(OUTBOUND_TABLE):
            table[Cell("pod", *IDENTITIES[who], where, PLACES[where][family], int(port))] = answer
        for where, port, answer in rows(INBOUND_TABLE):
            table[Cell("peer", 0, 0, where, PLACES[where][family], int(port))] = answer
        for who, where, port, answer in rows(PASSTHROUGH_TABLE):
            source = lab.PASSTHROUGH[family]
            table[Cell("pod", *IDENTITIES[who], where, PLACES[where][family], int(port), source)] = answer
    return table


def is_dialled_directly(cell: Cell, answer: str) -> bool:
    return lab.POD_LISTENERS.get(cell.port) == answer and cell.origin == "pod" and cell.uid == 1000


def with_original(cell: Cell, answer: str) -> Answer:
    redirected = answer in ("outbound", "inbound") and not is_dialled_directly(cell, answer)
    return Answer(answer, cell.target if redirected else "-")


@pytest.fixture(scope="module", params=BACKENDS)
def redirected_lab(request, weir_init):
    with lab.build_lab("default-") as made:
        install(made.pod, INJECTED, "--backend", request.param)
        probe = LabProbe(made)
        yield probe
        probe.close()


def report(cells, wanted, answers) -> str:
    wrong = [f"{c}: {answers[c]}, not {wanted(c)}" for c in cells if not agrees(wanted(c), answers[c], c)]
    return "" if not wrong else "\n".join([f"{len(wrong)} of {len(cells)} cells are wrong:", *wrong[:40]])


def test_every_cell_of_the_hand_written_table(redirected_lab):
    table = written_by_hand()
    answers = redirected_lab.ask(list(table))
    wrong = report(list(table), lambda cell: with_original(cell, table[cell]), answers)
    assert not wrong, wrong


def test_every_cell_of_the_full_matrix(redirected_lab):
    cells = matrix.full_matrix()
    wrong = report(cells, lambda cell: expected(INJECTED, cell), redirected_lab.ask(cells))
    assert not wrong, wrong


def test_the_oracle_says_what_the_table_says():
    table = written_by_hand()
    wrong = [c for c, answer in table.items() if expected(INJECTED, c).who != answer]
    assert not wrong, "\n".join(f"{c}: {expected(INJECTED, c)}, by hand {table[c]}" for c in wrong)


def test_without_rules_nothing_is_redirected():
    """The lab itself: before any rule, each cell is answered by its destination."""
    cells = [cell for cell in matrix.full_matrix() if cell.source != "::6"]  # ::6 comes with the rules
    with lab.build_lab("bare-") as made:
        probe = LabProbe(made)
        wrong = report(cells, untouched, probe.ask(cells))
        probe.close()
    assert not wrong, wrong
