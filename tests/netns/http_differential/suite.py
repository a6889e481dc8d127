# SPDX-License-Identifier: Apache-2.0
"""Runs a configuration's cases against one proxy or two, and says what differs."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import os
import random

from .case import Case, Seen
from .compare import Difference, compare
from .contestant import Contestant, Refused
from .differences import explain
from .report import render
from .runner import Runner

SEED = int(os.environ.get("WEIR_SEED", "20261123"))
DEFAULT_CASES = 600
AGAIN = 3  # how often a case that differs is asked again, alone: what remains is no accident of timing
MOST_AGAIN = 60  # where more differ, time is not the reason


@dataclasses.dataclass(frozen=True)
class Configuration:
    """One bootstrap and the cases that it is asked with, so many at a time. alone: one after the other, because the order
    matters.
    """

    name: str
    bootstrap: dict
    cases: tuple[Case, ...]
    alone: bool = False
    threads: int = 24


@dataclasses.dataclass
class Differing:
    """A case that two proxies answered differently."""

    case: Case
    left: Seen
    right: Seen
    differences: list[Difference]


@dataclasses.dataclass
class Outcome:
    """Of one configuration: how many cases, which differ without being on the list, how many differences are."""

    compared: int
    unexplained: list[Differing]
    explained: collections.Counter


def wanted() -> int:
    """How many cases in all: $WEIR_HTTP_CASES; 0 and "all" mean every one."""
    text = os.environ.get("WEIR_HTTP_CASES", str(DEFAULT_CASES))
    return 0 if text == "all" else int(text)


def select(configurations: dict[str, Configuration], count: int) -> dict[str, list[Case]]:
    """So many cases, spread over all configurations, the same ones for the same seed; 0: all."""
    total = sum(len(one.cases) for one in configurations.values())
    chosen = {}
    for name, one in configurations.items():
        share = len(one.cases) if count == 0 else max(8, round(count * len(one.cases) / total))
        if one.alone or share >= len(one.cases):
            chosen[name] = list(one.cases)
        else:
            picked = set(random.Random(f"{SEED} {name}").sample(range(len(one.cases)), share))
            chosen[name] = [case for number, case in enumerate(one.cases) if number in picked]
    return chosen


def run(program: str, label: str, configuration: Configuration, cases: list[Case]) -> list[Seen]:
    """What one proxy does with the cases."""
    with Contestant(program, label, configuration.bootstrap) as contestant:
        return Runner(contestant, configuration.threads).run(cases, alone=configuration.alone)


def run_two(left: str, right: str, configuration: Configuration, cases: list[Case]) -> Outcome:
    """The cases against two proxies side by side. left is the one that differences are listed against: Envoy.

    A configuration that the right one refuses is tried listener by listener, so that one word which it does not know
    hides no other difference; the listener that it refuses is a difference.
    """
    try:
        outcome = _run_two(left, right, configuration, cases)
        if outcome.unexplained and configuration.alone:  # what came before counts there: all is asked again
            again = _run_two(left, right, configuration, cases)
            names = {one.case.name for one in outcome.unexplained}
            outcome.unexplained = [one for one in again.unexplained if one.case.name in names]
        return outcome
    except Refused as error:
        if error.label == "left":
            raise
        parts = _by_listener(configuration, cases)
        if len(parts) > 1:
            return _merged([run_two(left, right, *part) for part in parts])
        refusal = Difference("refused", "", str(error))
        unexplained, explained = split([Differing(cases[0], Seen(), Seen(), [refusal])])
        return Outcome(len(cases), unexplained, explained)


def _by_listener(configuration: Configuration, cases: list[Case]) -> list[tuple[Configuration, list[Case]]]:
    made = []
    for one in configuration.bootstrap["static_resources"]["listeners"]:
        port = one["address"]["socket_address"]["port_value"]
        resources = {**configuration.bootstrap["static_resources"], "listeners": [one]}
        chosen = [case for case in cases if case.listener == port]
        if chosen:
            made.append((dataclasses.replace(configuration, bootstrap={**configuration.bootstrap, "static_resources": resources}), chosen))
    return made


def _merged(outcomes: list[Outcome]) -> Outcome:
    unexplained = [one for outcome in outcomes for one in outcome.unexplained]
    return Outcome(sum(one.compared for one in outcomes), unexplained, sum((one.explained for one in outcomes), collections.Counter()))


def _run_two(left: str, right: str, configuration: Configuration, cases: list[Case]) -> Outcome:
    with contextlib.ExitStack() as stack:
        threads = stack.enter_context(concurrent.futures.ThreadPoolExecutor(2))
        starting = [threads.submit(Contestant, *what, configuration.bootstrap) for what in ((left, "left"), (right, "right"))]
        concurrent.futures.wait(starting)
        for one in starting:
            if one.exception() is None:
                stack.enter_context(one.result())
        one, other = (started.result() for started in starting)
        asking = _Asking(threads, Runner(one, configuration.threads), Runner(other, configuration.threads))
        unexplained, explained = split(asking.ask(cases, configuration.alone))
        for _ in range(AGAIN):
            if not 0 < len(unexplained) <= MOST_AGAIN or configuration.alone or other.has_ended():
                break
            unexplained, more = split(asking.ask([one.case for one in unexplained], True))
            explained += more
        if other.has_ended():
            unexplained.insert(0, _ended(right, configuration, cases, other.output()))
    return Outcome(len(cases), unexplained, explained)


class _Asking:
    """Two runners and what they have seen so far: a case is answered alike when any of its answers are."""

    def __init__(self, threads, left: Runner, right: Runner):
        self._threads, self._runners = threads, (left, right)
        self._seen: dict[str, tuple[list[Seen], list[Seen]]] = collections.defaultdict(lambda: ([], []))

    def ask(self, cases: list[Case], alone: bool) -> list[Differing]:
        jobs = [self._threads.submit(runner.run, cases, alone) for runner in self._runners]
        made = []
        for case, left, right in zip(cases, *(job.result() for job in jobs)):
            lefts, rights = self._seen[case.name]
            lefts.append(left)
            rights.append(right)
            if all(compare(case, one, other) for one in lefts for other in rights):
                made.append(Differing(case, left, right, compare(case, left, right)))
        return made


def _ended(program: str, configuration: Configuration, cases: list[Case], output: str) -> Differing:
    """The proxy has crashed: the same cases one after the other against a new one say which of them does it."""
    case = cases[0]
    with Contestant(program, "again", configuration.bootstrap) as again:
        runner = Runner(again, 1)
        for case in cases:
            runner.run([case], True)
            if again.has_ended():
                output = again.output()
                break
    return Differing(case, Seen(), Seen(), [Difference("ended", "", output[-6000:])])


def split(differing: list[Differing]) -> tuple[list[Differing], collections.Counter]:
    """Those with a difference that is on no list, left with just these, and the names of the others."""
    unexplained: list[Differing] = []
    explained: collections.Counter = collections.Counter()
    for one in differing:
        reasons = [(difference, explain(one.case, difference)) for difference in one.differences]
        explained.update({reason.name for _, reason in reasons if reason})
        rest = [difference for difference, reason in reasons if reason is None]
        if rest:
            unexplained.append(dataclasses.replace(one, differences=rest))
    return unexplained, explained


def describe(configuration: str, outcome: Outcome, names: tuple[str, str], most: int = 12) -> str:
    """The failures as text: a summary by kind, then the first ones in full."""
    kinds = collections.Counter(difference.kind for one in outcome.unexplained for difference in one.differences)
    lines = [
        f"{configuration}: {len(outcome.unexplained)} of {outcome.compared} cases differ, on no list; by kind: {dict(kinds.most_common())}"
    ]
    lines += [render(one.case, one.left, one.right, one.differences, names) for one in outcome.unexplained[:most]]
    if len(outcome.unexplained) > most:
        lines.append("and: " + ", ".join(one.case.name for one in outcome.unexplained[most:]))
    return "\n\n".join(lines)
