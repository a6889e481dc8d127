# SPDX-License-Identifier: Apache-2.0
"""weir-proxy's HTTP beside the real Envoy: the same configuration files, the same bytes, every answer compared."""

import collections
import dataclasses
import os
import pathlib
import re

import pytest

from harness import programs
from http_differential import contestant, suite
from http_differential.case import Case, Seen
from http_differential.compare import compare
from http_differential.corpus import CONFIGURATIONS
from http_differential.differences import EXPLAINED
from http_differential.report import render

COUNT = suite.wanted()
CHOSEN = suite.select(CONFIGURATIONS, COUNT)
LIST = pathlib.Path(__file__).with_name("http_differences.md")
seen: collections.Counter = collections.Counter()


@pytest.fixture(scope="module")
def envoy() -> str:
    try:
        return contestant.envoy()
    except contestant.Unavailable as error:
        pytest.skip(f"Envoy is not available: {error}")


@pytest.fixture(scope="module")
def weir_proxy(possible) -> str:
    try:
        return contestant.weir()
    except programs.MissingProgram as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.mark.peer
@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_request_is_answered_as_by_envoy(envoy, weir_proxy, name):
    outcome = suite.run_two(envoy, weir_proxy, CONFIGURATIONS[name], CHOSEN[name])
    seen.update(outcome.explained)
    print(f"{name}: {outcome.compared} cases compared, seed {suite.SEED}; listed differences: {dict(outcome.explained)}")
    if outcome.unexplained:
        pytest.fail(suite.describe(name, outcome, ("Envoy", os.path.basename(weir_proxy))), pytrace=False)


@pytest.mark.peer
def test_every_listed_difference_is_seen(envoy):
    """Runs after the cases: a listed difference that none of them shows any more is removed from the list."""
    if COUNT == 0:
        stale = {one.name for one in EXPLAINED} - set(seen)
        assert not stale, f"listed as a difference, but seen in no case: {sorted(stale)}"


def test_the_list_and_its_predicates_have_the_same_names():
    assert [one.name for one in EXPLAINED] == re.findall(r"^\| `([^`]+)` \|", LIST.read_text(), re.MULTILINE)


@pytest.mark.peer
def test_envoy_does_not_differ_from_itself(envoy):
    """What this suite reports is no accident of timing: one configuration against the same program twice."""
    configuration = CONFIGURATIONS["plain"]
    outcome = suite.run_two(envoy, envoy, configuration, suite.select({"plain": configuration}, 200)["plain"])
    assert not outcome.unexplained, suite.describe("plain", outcome, ("Envoy", "Envoy again"))


def test_the_corpus_is_large_and_its_names_are_distinct():
    assert sum(len(one.cases) for one in CONFIGURATIONS.values()) >= 3000
    assert all(CHOSEN[name] for name in CONFIGURATIONS)


# -- the comparison itself ----------------------------------------------------------------------------------------------

DATES = "Sat, 28 Nov 2026 15:46:57 GMT", "Sun, 29 Nov 2026 00:00:00 GMT"
IDS = "53d0f479-978d-4e50-9dce-03c7e5428493", "c6e456e1-387f-408b-a62b-ea66118a13ac"


def seen_with(number: int, **changes) -> Seen:
    """What one run sees of an exchange; number tells the runs apart where every two differ."""
    answer = {
        "start": "HTTP/1.1 200 OK", "headers": [["date", DATES[number]], ["server", "envoy"], ["x-envoy-upstream-service-time", str(number)]],
        "body": "hello", "trailers": [], "framing": "length", "whole": True,
    }  # fmt: skip
    record = {
        "port": 8001, "protocol": "HTTP/1", "start": "GET / HTTP/1.1", "headers": [["host", "a"], ["x-request-id", IDS[number]], ["x-envoy-expected-rq-timeout-ms", ("15000", "14987")[number]]],
        "body": "", "trailers": [], "framing": "none", "end": "whole",
    }  # fmt: skip
    log = {"code": 200, "flags": "-", "details": "via_upstream", "received": 0}
    parts = {"answers": answer, "upstream": record, "log": log}
    for name, part in parts.items():
        part.update(changes.get(name, {}))
    return Seen(end=changes.get("end", "open"), **{name: [part] for name, part in parts.items()})


CASE = Case("made up", (b"GET / HTTP/1.1\r\n\r\n",))


def kinds(case: Case = CASE, **changes) -> list[str]:
    return [one.kind for one in compare(case, seen_with(0), seen_with(1, **changes))]


def test_what_every_two_runs_differ_in_is_not_compared():
    assert kinds() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"answers": {"start": "HTTP/1.1 503 Service Unavailable"}}, ["answer.start"]),
        ({"answers": {"body": "hallo"}}, ["answer.body"]),
        ({"answers": {"whole": False}}, ["answer.end"]),
        ({"answers": {"headers": [["server", "envoy"], ["date", DATES[0]], ["x-envoy-upstream-service-time", "3"]]}}, ["answer.order"]),
        ({"answers": {"headers": [["date", DATES[0]], ["server", "weir"], ["x-envoy-upstream-service-time", "3"]]}}, ["answer.headers"]),
        ({"answers": {"headers": [["date", "yesterday"], ["server", "envoy"], ["x-envoy-upstream-service-time", "3"]]}}, ["answer.headers"]),
        ({"answers": {"headers": [["Date", DATES[0]], ["server", "envoy"], ["x-envoy-upstream-service-time", "3"]]}}, ["answer.headers"]),
        ({"upstream": {"start": "GET /x HTTP/1.1"}}, ["upstream.start"]),
        ({"upstream": {"headers": [["host", "a"], ["x-request-id", "mine"], ["x-envoy-expected-rq-timeout-ms", "15000"]]}}, ["upstream.headers"]),
        ({"upstream": {"headers": [["host", "a"], ["x-request-id", IDS[1]], ["x-envoy-expected-rq-timeout-ms", "10000"]]}}, ["upstream.headers"]),
        ({"upstream": {"end": "fin"}}, ["upstream.count"]),
        ({"log": {"flags": "UF"}}, ["log.flags"]),
        ({"log": {"details": "other"}}, ["log.details"]),
        ({"log": {"received": 3}}, ["log.received"]),
        ({"end": "fin"}, ["end"]),
    ],
)
def test_each_kind_of_difference_is_found(changes, expected):
    assert kinds(**changes) == expected


def test_fin_and_reset_are_told_apart_only_where_a_case_says_so():
    strict = dataclasses.replace(CASE, strict=True)
    fin, reset = seen_with(0, end="fin"), seen_with(1, end="rst")
    assert [one.kind for one in compare(CASE, fin, reset)] == []
    assert [one.kind for one in compare(strict, fin, reset)] == ["end"]


def test_a_difference_is_shown_with_the_request_and_both_answers():
    left, right = seen_with(0), seen_with(1, log={"flags": "UF"})
    text = render(CASE, left, right, compare(CASE, left, right), ("Envoy", "weir-proxy"))
    for part in ("made up", "GET / HTTP/1.1", "--- Envoy", "--- weir-proxy", "flags=UF", "!! log.flags", "hello"):
        assert part in text
