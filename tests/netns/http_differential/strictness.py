# SPDX-License-Identifier: Apache-2.0
"""Requests put together at random that break a rule which only weir-proxy holds to: their names say nothing of them."""

import json
import re

from .case import Case
from .compare import Difference

_RULES = (
    re.compile(rb"(?<!\r)\n"),  # a bare LF
    re.compile(rb"\r(?!\n)"),  # a bare CR; at the end, one whose LF never comes
    re.compile(rb"\r\n[ \t]"),  # a folded line
    re.compile(rb"Content-Length: 18446744073709551615"),
    re.compile(rb"^(?![A-Z-]+ \S+ HTTP/\d\.\d\r\n)"),  # no request line
    re.compile(rb"\r\n\r\n[^\r\n]*(?:[A-Z]+ +/|HTTP)(?<!\r\n\r\nGET /)[^\r\n]*(?<!HTTP/1\.1)\r\n"),  # nor a second one
    re.compile(rb"\n[Hh]ost:(?:(?!\r\n\r\n).)*\n[Hh]ost:", re.DOTALL),  # Host twice
    re.compile(rb"\n[0-9A-Fa-f]{17,}|\n[0-9A-Fa-f]+[ \t]|\n\d+;[^\r\n]*[\0\x7f-\xff]"),  # a chunk's size
)
_REFUSED = re.compile(r'"HTTP/1\.[01] (400 Bad Request|426 Upgrade Required|431 |501 )')
_DETAILS = re.compile(r'"(http1\.|http\.invalid_authority|low_version|missing_host_header)')
_NOTHING = ("null", "0", '"-"', '""', '"HTTP/1.1"')


def breaks_a_rule(case: Case) -> bool:
    data = b"".join(step for step in case.steps if isinstance(step, bytes))
    return case.protocol == "h1" and any(rule.search(data) for rule in _RULES)


def _is_refusal(difference: Difference) -> bool:
    """Whether what weir-proxy shows is what a refused head leaves behind."""
    kind, shown = difference.kind, difference.right
    if kind == "answer.start":
        return _REFUSED.match(shown) is not None
    if kind == "log.details":
        return _DETAILS.match(shown) is not None
    if kind == "answers.count":
        answers = json.loads(shown)
        return bool(answers) and _REFUSED.match(json.dumps(answers[-1]["answer.start"])) is not None
    if kind == "answer.headers":
        return '["connection", "close"]' in shown
    if kind in ("upstream.count", "log.count"):
        return len(json.loads(shown)) < len(json.loads(difference.left))
    if kind == "log.code":
        return shown in ("400", "426", "431", "501")
    if kind == "log.sent":
        return shown in ("0", "11", "16", "31")
    if kind in ("end", "answer.body", "log.flags"):
        return shown in ('"closed"', '"Bad Request"', '"Upgrade Required"', '""', '"DPE"')
    return kind.startswith("log.") and shown in _NOTHING


def refused_by_both(case: Case, difference: Difference) -> bool:
    """Several faults in a random request: either side may name another one."""
    mirrored = Difference(difference.kind, difference.right, difference.left)
    return case.config == "random" and difference.kind.startswith(("answer.", "log.")) and _is_refusal(difference) and _is_refusal(mirrored)


def refused_at_random(case: Case, difference: Difference) -> bool:
    return case.config == "random" and breaks_a_rule(case) and _is_refusal(difference)
