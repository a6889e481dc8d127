# SPDX-License-Identifier: Apache-2.0
"""weir-proxy's HTTP beside the real Envoy: the same configuration files, the same bytes, every answer compared."""

import collections
import os
import pathlib
import re

import pytest

from harness import programs
from http_differential import contestant, suite
from http_differential.corpus import CONFIGURATIONS
from http_differential.differences import EXPLAINED

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
    """Runs last: a listed difference that no case shows any more is removed from the list."""
    if COUNT == 0:
        stale = {one.name for one in EXPLAINED} - set(seen)
        assert not stale, f"listed as a difference, but seen in no case: {sorted(stale)}"
    assert {one.name for one in EXPLAINED} == set(re.findall(r"^\| `([^`]+)` \|", LIST.read_text(), re.MULTILINE))


@pytest.mark.peer
def test_envoy_does_not_differ_from_itself(envoy):
    """What this suite reports is no accident of timing: one configuration against the same program twice."""
    configuration = CONFIGURATIONS["plain"]
    outcome = suite.run_two(envoy, envoy, configuration, suite.select({"plain": configuration}, 200)["plain"])
    assert not outcome.unexplained, suite.describe("plain", outcome, ("Envoy", "Envoy again"))


def test_the_corpus_is_large_and_its_names_are_distinct():
    assert sum(len(one.cases) for one in CONFIGURATIONS.values()) >= 3000
    assert all(CHOSEN[name] for name in CONFIGURATIONS)
