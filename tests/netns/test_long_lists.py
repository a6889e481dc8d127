# SPDX-License-Identifier: Apache-2.0
"""Lists of tens of thousands of prefixes, from a file: every border of every probed prefix is where it should be."""

import bisect
import contextlib
import ipaddress
import random

import pytest

from harness import lab, netfilter
from harness.cells import Cell, LabProbe
from harness.flags import SEED
from harness.installer import clean_up, run_init

BASE4 = int(ipaddress.ip_address("203.0.113.192"))
BASE6 = int(ipaddress.ip_address("2001:db8:f::"))


def prefixes(random_: random.Random, count: int) -> list:
    """Prefixes of mixed length in the two service ranges, nested and adjacent ones among them."""
    made = [ipaddress.ip_network((BASE4 + random_.randrange(32), random_.choice((32, 32, 31, 30))), strict=False) for _ in range(9)]
    for _ in range(count):
        length = random_.choice((128, 128, 127, 124, 120, 112, 104))
        made.append(ipaddress.ip_network((BASE6 + random_.randrange(1 << 44), length), strict=False))
    return made


def members(networks: list) -> list[tuple[int, int]]:
    """The sorted, merged intervals of addresses."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted((int(n.network_address), int(n.broadcast_address)) for n in networks):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return merged


def borders(random_: random.Random, networks: list, count: int) -> list:
    """First and last address of some prefixes, and their neighbours outside."""
    chosen = networks[:9] + random_.sample(networks[9:], count)
    candidates = {n[i] + step for n in chosen for i, step in ((0, 0), (0, -1), (-1, 0), (-1, 1))}
    return [a for a in candidates if any(a in ipaddress.ip_network(lab.SERVICE_RANGE[f]) for f in (4, 6))]


@pytest.fixture(scope="module")
def bench(weir_init):
    with lab.build_lab("long-") as made, contextlib.closing(LabProbe(made)) as probe:
        yield made, probe


@pytest.mark.parametrize("count", [30, 1000, 30000])
@pytest.mark.parametrize("flag", ["-i", "-x"])
def test_each_border_of_a_long_list(bench, tmp_path, flag, count):
    made, probe = bench
    random_ = random.Random(f"{SEED} {flag} {count}")
    networks = prefixes(random_, count)
    path = tmp_path / "prefixes"
    path.write_text("# one in a line\n" + "\n".join(map(str, networks)) + "\n")
    include = [] if flag == "-i" else ["-i", "*"]
    done = run_init(made.pod, *include, flag, f"@{path}")
    assert done.returncode == 0, done.stderr
    inside, outside = ("outbound", "refused") if flag == "-i" else ("refused", "outbound")
    merged = {4: [], 6: []}
    for low, high in members(networks):
        merged[6 if low >> 32 else 4].append((low, high))
    cells, wanted = [], {}
    for address in borders(random_, networks, min(count, 400)):
        cell = Cell("pod", 1000, 1000, "", str(address), 80)
        cells.append(cell)
        at = bisect.bisect_right(merged[address.version], (int(address), 1 << 128)) - 1
        listed = at >= 0 and int(address) <= merged[address.version][at][1]
        wanted[cell] = inside if listed else outside
    answers = probe.ask(cells)
    assert set(wanted.values()) == {inside, outside}
    wrong = [f"{c}: {answers[c]}, not {wanted[c]}" for c in cells if answers[c].who != wanted[c]]
    assert not wrong, f"{len(wrong)} of {len(cells)}\n" + "\n".join(wrong[:20])


def test_a_long_list_is_compared_and_replaced_like_a_short_one(bench, tmp_path):
    made, _ = bench
    networks = prefixes(random.Random(SEED), 20000)
    path = tmp_path / "prefixes"
    path.write_text("\n".join(map(str, networks)))
    arguments = ["-i", "*", "-x", f"@{path}"]
    assert run_init(made.pod, *arguments).returncode == 0
    everything = netfilter.with_handles(made.pod)
    path.write_text("\n".join(map(str, reversed(networks))))
    assert run_init(made.pod, *arguments).returncode == 0
    assert netfilter.with_handles(made.pod) == everything
    path.write_text("\n".join(map(str, networks[:-1])))
    changed = run_init(made.pod, *arguments)
    assert changed.returncode == 0, changed.stderr
    assert netfilter.with_handles(made.pod) != everything
    clean_up(made.pod)
    assert netfilter.ruleset(made.pod) == ""


def test_a_bad_line_of_a_file_is_named(bench, tmp_path):
    made, _ = bench
    path = tmp_path / "prefixes"
    path.write_text("203.0.113.0/24\n# fine so far\n203.0.113.0/99\n")
    done = run_init(made.pod, "-x", f"@{path}", "-i", "*")
    assert done.returncode == 2
    assert str(path) in done.stderr and "203.0.113.0/99" in done.stderr and "3" in done.stderr
    done = run_init(made.pod, "-x", f"@{path}-absent", "-i", "*")
    assert done.returncode == 2
    assert f"{path}-absent" in done.stderr
