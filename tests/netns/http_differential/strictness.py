# SPDX-License-Identifier: Apache-2.0
"""Predicates on bytes. Requests put together at random may break a rule that only weir-proxy holds to: their names do not say so."""

import json
import re

from .case import Case
from .compare import Difference

_RULES = (
    re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]"),  # refused when it is seen, not at the end of the head
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


def lacks_a_version(case: Case) -> bool:
    """A random request whose line is one of HTTP/0.9, with a head behind it."""
    data = b"".join(step for step in case.steps if isinstance(step, bytes))
    return case.config == "random" and re.search(rb"(?:^|\r\n\r\n)[A-Z]+ [^ \r\n]+\r\n", data) is not None


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
    if kind == "answer.framing":
        return shown == '"length"'
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


def hex_escaped(case: Case, difference: Difference) -> bool:
    """A value in a log of text: weir-proxy's is Envoy's once its \\xNN are bytes again."""
    if not difference.kind.startswith("log.") or difference.right == "null" or difference.left == "null":
        return False
    ours, theirs = json.loads(difference.right), json.loads(difference.left)
    if not isinstance(ours, str) or not isinstance(theirs, str) or r"\x" not in ours:
        return False
    data = re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), ours).encode("latin-1", "replace")
    return case.config in ("access_logs", "access_log_filters") and data.decode("utf-8", "replace") == theirs
