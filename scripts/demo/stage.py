# SPDX-License-Identifier: Apache-2.0
"""Plays one scenario: runs the program, looks at kernel and proxy, tells it, and checks it."""

import re
import shlex
import subprocess
import time

import narration
from network import Programs, Rule, inside, read_rules
from scenarios import Scenario

LOG_SECONDS = 3.0


def fields_of(record: str) -> dict[str, str]:
    """"a=b c=d" → {"a": "b", "c": "d"}; the last value may have blanks."""
    return dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", record))


def counted(before: list[Rule], after: list[Rule]) -> list[Rule]:
    """The rules that decided about a connection meanwhile, in the order of the table."""
    return [new for old, new in zip(before, after, strict=True) if new.connections > old.connections and new.decides]


class Seen:
    """What one run of a scenario's program showed."""

    def __init__(self, programs: Programs, scenario: Scenario) -> None:
        rules, records = read_rules(), programs.log_lines()
        done = subprocess.run(
            inside(scenario.namespace, scenario.command, scenario.uid),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=15, check=False,
        )  # fmt: skip
        self.exit_code, self.output, self.complaint = done.returncode, done.stdout.strip(), done.stderr.strip()
        self.rules = counted(rules, read_rules())
        # The proxy writes a record when the connection has ended on both sides, which may be after the program's end.
        deadline = time.monotonic() + LOG_SECONDS
        while len(programs.log_lines()) == len(records) and scenario.log is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        self.records = [fields_of(text) for text in programs.log_lines()[len(records):]]


def decided(scenario: Scenario, rule: Rule) -> bool:
    """Whether this is the rule that must decide about the program's connection."""
    return rule.verdict == scenario.verdict and scenario.comment in rule.comment


def faults_of(scenario: Scenario, seen: Seen) -> list[str]:
    """What is not as it must be."""
    faults = []
    if not any(decided(scenario, rule) for rule in seen.rules):
        faults.append(f"no connection was counted by a rule '{scenario.verdict}' with '{scenario.comment}'")
    if scenario.log is None:
        if seen.records:
            faults.append(f"the proxy saw the connection: {seen.records}")
    elif len(seen.records) != 1:
        faults.append(f"the proxy wrote {len(seen.records)} records, one was expected: {seen.records}")
    else:
        for name, value in scenario.log.items():
            if seen.records[0].get(name) != value:
                faults.append(f"the proxy's record has {name}={seen.records[0].get(name)}, expected {value}")
    if scenario.answer is None:
        if seen.exit_code == 0:
            faults.append(f"the program succeeded: {seen.output}")
    elif scenario.answer not in seen.output:
        faults.append(f"the program got '{seen.output}' {seen.complaint}, expected '{scenario.answer}'")
    return faults


def tell_kernel(scenario: Scenario, seen: Seen) -> None:
    """The program's connection first, then the one that the proxy opened on its behalf."""
    for rule in sorted(seen.rules, key=lambda rule: not decided(scenario, rule)):
        what = " ".join(part for part in (rule.match, rule.verdict) if part)
        whose = "" if decided(scenario, rule) else "then, for the proxy: "
        narration.line("kernel", f'{whose}{rule.chain}: {what} "{rule.comment}" ({rule.connections} so far)')


def tell_proxy(seen: Seen) -> None:
    if not seen.records:
        narration.line("proxy", "saw nothing of it")
    for record in seen.records:
        narration.line("proxy", f"recovered {record.get('original_destination')}: listener {record.get('listener')}, "
                       f"chain {record.get('chain')}, cluster {record.get('cluster')} → {record.get('upstream')}")  # fmt: skip
        if record.get("flags", "-") != "-":
            narration.line("", f"ended by the proxy: {record['flags']}, {record.get('reason')}")


def play(number: int, programs: Programs, scenario: Scenario) -> bool:
    """@return whether everything was as it must be."""
    seen = Seen(programs, scenario)
    faults = faults_of(scenario, seen)
    narration.title(f"{number}. {scenario.title}")
    narration.line("", scenario.why)
    narration.line("program", f"{shlex.join(scenario.command)}   ({scenario.caller})")
    tell_kernel(scenario, seen)
    tell_proxy(seen)
    narration.line("answer", seen.output or f"none: {seen.complaint} (exit {seen.exit_code})")
    for fault in faults:
        narration.bad(fault)
    return not faults
