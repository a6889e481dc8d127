# SPDX-License-Identifier: Apache-2.0
"""weir-proxy's HTTP beside the real Envoy: the same configuration files, the same bytes, every answer compared."""

import collections
import dataclasses
import os
import pathlib
import re

import hpack
import pytest

from harness import programs
from http_differential import contestant, http1, http2, suite
from http_differential.case import Case, Seen
from http_differential.compare import Difference, compare
from http_differential.corpus import CONFIGURATIONS
from http_differential.differences import EXPLAINED, where
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


# -- the harness itself, without a proxy ---------------------------------------------------------------------------------

ANSWERS = (
    b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nX-A:  two words \r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nx-t: 1\r\n\r\n"
    b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n"  # the last one answers a HEAD
    b"HTTP/1.1 200 OK\r\n\r\nto the end"
)


@pytest.mark.parametrize("step", [1, 2, 7, len(ANSWERS)])
def test_answers_are_read_exactly_however_they_arrive(step):
    reader = http1.Reader(["GET", "GET", "HEAD", "GET"])
    for at in range(0, len(ANSWERS), step):
        reader.feed(ANSWERS[at : at + step])
    assert [one.whole for one in reader.messages] == [True, True, True, True, False]
    reader.end()
    assert reader.finals == 4 and reader.rest == b""
    hints, chunked, empty, head, closed = reader.messages
    assert (hints.status, hints.headers) == (103, [("link", "</a>")])
    assert (chunked.headers[0], chunked.body, chunked.trailers) == (("X-A", " two words "), b"abc", [("x-t", "1")])
    assert (empty.status, empty.body, head.header("content-length"), head.body) == (204, b"", "5", b"")
    assert (closed.framing, closed.body) == ("close", b"to the end")


def test_http2_frames_are_what_they_are_asked_to_be():
    """Written by our encoder, read by hpack and by our reader."""
    fields = [(":method", "GET"), ("x-long", "v" * 300), ("x-bytes", "\xe9")]
    assert [(n.decode(), v.decode("latin-1")) for n, v in hpack.Decoder().decode(http2.block(*fields), raw=True)] == fields
    connection = http2.Connection()
    padded = http2.frame(http2.DATA, http2.PADDED | http2.END_STREAM, 3, b"\x02abc\0\0")
    long = http2.headers(5, ("x-long", "v" * 40_000), end=True)  # needs CONTINUATION
    sent = http2.headers(3, *fields, end=False) + padded + long + http2.reset(7, 8) + http2.frame(http2.GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\1why")
    answer = b""
    for at in range(0, len(sent), 5):
        answer += connection.feed(sent[at : at + 5])[1]
    assert (connection.streams[3].heads, connection.streams[3].body, connection.streams[3].end) == ([fields], b"abc", "END_STREAM")
    assert connection.streams[5].heads == [[("x-long", "v" * 40_000)]] and connection.streams[7].end == "CANCEL"
    assert connection.goaway == ("PROTOCOL_ERROR", "why")
    assert answer == http2.window(0, 6)


def test_less_cases_are_the_same_ones_again_and_from_every_configuration():
    few = suite.select(CONFIGURATIONS, 500)
    assert few == suite.select(CONFIGURATIONS, 500)
    assert set(few) == set(CONFIGURATIONS) and all(few.values())
    assert 500 <= sum(len(cases) for cases in few.values()) < 1500
    assert sum(len(cases) for cases in suite.select(CONFIGURATIONS, 0).values()) == sum(len(one.cases) for one in CONFIGURATIONS.values())


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


def test_a_predicate_covers_what_it_names_and_nothing_else():
    bare = dataclasses.replace(CASE, name="host [a b] 3", config="plain")
    status = Difference("answer.start", '"HTTP/1.1 200 OK"', '"HTTP/1.1 400 Bad Request"')
    log = Difference("log.flags", '"-"', '"DPE"')
    assert where("host [a*")(bare, status) and where("field *", "host *", configs="other plain")(bare, log)
    assert where(kinds="answer.* end", envoy="*200*", weir="*400*")(bare, status)
    assert not where("host [a b]")(bare, status)
    assert not where(configs="other")(bare, status)
    assert not where(kinds="answer.*")(bare, log)
    assert not where(weir="*503*")(bare, status)
