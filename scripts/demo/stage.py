# SPDX-License-Identifier: Apache-2.0
"""Plays one scenario: asks what will happen, runs the program, looks at kernel and proxy, tells it, and checks it."""

import functools
import json
import re
import shlex
import subprocess
import time

import mesh
import narration
from network import MESHED, OUTSIDE, Programs, Rule, inside, read_rules, run
from scenarios import Scenario

LOG_SECONDS = 3.0


def fields_of(record: str) -> dict[str, str]:
    """"a=b c=d" → {"a": "b", "c": "d"}; the last value may have blanks."""
    return dict(re.findall(r"(\w+)=(.*?)(?= \w+=|$)", record))


def counted(before: list[Rule], after: list[Rule]) -> list[Rule]:
    """The rules that counted a connection meanwhile, in the order of the table."""
    return [new for old, new in zip(before, after, strict=True) if new.connections > old.connections]


class Explanation:
    """What `weir-init explain` says, before it happens, of the scenario's connection."""

    def __init__(self, programs: Programs, scenario: Scenario) -> None:
        whose = ["--inbound"] if scenario.namespace == OUTSIDE else ["--uid", str(scenario.uid)]
        said = json.loads(run(inside(scenario.pod, [programs.weir_init, "explain", "--json", "--to", scenario.to, *whose])))
        self.landing = (said["landing"], said.get("port") or 0)
        # The rule that chose, not the last one of the chain that it led to.
        self.rule = said.get("led_by") or said["decided_by"]

    def is_about(self, rule: Rule) -> bool:
        return (rule.chain, rule.comment) == (self.rule["chain"], self.rule["comment"])

    def __str__(self) -> str:
        what, port = self.landing
        where = f"redirected to {port}" if what == "redirected" else "left alone"
        return f'{where} by chain {self.rule["chain"]}, rule {self.rule["rule"]}: {self.rule["comment"]}'


class Seen:
    """What one run of a scenario's program showed."""

    def __init__(self, programs: Programs, scenario: Scenario) -> None:
        self.explanation = Explanation(programs, scenario)
        rules, records = read_rules(scenario.pod), programs.log_lines(scenario.pod)
        done = subprocess.run(
            inside(scenario.namespace, scenario.command, scenario.uid),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=15, check=False,
        )  # fmt: skip
        self.exit_code, self.output, self.complaint = done.returncode, done.stdout.strip(), done.stderr.strip()
        self.rules = counted(rules, read_rules(scenario.pod))
        # The proxy writes a record when the connection has ended on both sides, which may be after the program's end.
        deadline = time.monotonic() + LOG_SECONDS
        log_lines = functools.partial(programs.log_lines, scenario.pod)
        while len(log_lines()) == len(records) and scenario.log is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        self.lines = log_lines()[len(records):]
        self.records = [fields_of(text) for text in self.lines]


def faults_of(scenario: Scenario, seen: Seen) -> list[str]:
    """What is not as it must be."""
    faults = []
    explanation = seen.explanation
    if explanation.landing != scenario.landing or scenario.comment not in explanation.rule["comment"]:
        faults.append(f"weir-init explain says '{explanation}', expected {scenario.landing} by '{scenario.comment}'")
    if not any(explanation.is_about(rule) for rule in seen.rules):
        faults.append(f"the rule '{explanation.rule['comment']}' counted no connection")
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


def tell_kernel(seen: Seen) -> None:
    """The program's connection first, then the one that the proxy opened on its behalf."""
    narration.line("explain", str(seen.explanation))
    for rule in seen.rules:
        if seen.explanation.is_about(rule):
            narration.line("kernel", f'{rule.chain}: {rule.text} "{rule.comment}"')
    for rule in seen.rules:
        if rule.leaves_alone and not seen.explanation.is_about(rule):
            narration.line("", f'then, for the proxy: {rule.chain}: {rule.text} "{rule.comment}"')


def tell_proxy(seen: Seen) -> None:
    if not seen.records:
        narration.line("proxy", "saw nothing of it")
    for record, text in zip(seen.records, seen.lines, strict=True):
        if "route" in record:
            narration.line("log", text)
            continue
        narration.line("proxy", f"recovered {record.get('original_destination')}: listener {record.get('listener')}, "
                       f"chain {record.get('chain')}, cluster {record.get('cluster')} → {record.get('upstream')}")  # fmt: skip
        if record.get("flags", "-") != "-":
            narration.line("", f"ended by the proxy: {record['flags']}, {record.get('reason')}")


def play(number: int, programs: Programs, scenario: Scenario) -> bool:
    """@return whether everything was as it must be."""
    narration.title(f"{number}. {scenario.title}")
    narration.line("", scenario.why)
    if scenario.drops is not None:
        mesh.drop(programs, scenario.drops)
    seen = Seen(programs, scenario)
    faults = faults_of(scenario, seen)
    narration.line("program", f"{shlex.join(scenario.command)}   ({scenario.caller})")
    tell_kernel(seen)
    tell_proxy(seen)
    narration.line("answer", seen.output or f"none: {seen.complaint} (exit {seen.exit_code})")
    if scenario.pod == MESHED:
        faults += mesh.tell_status(programs)
    for fault in faults:
        narration.bad(fault)
    return not faults
