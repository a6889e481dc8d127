# SPDX-License-Identifier: Apache-2.0
"""Compares what two proxies did with a case, after taking out what no two runs share: dates, random ids, durations."""

import dataclasses
import json
import math
import re

from .case import Case, Seen

_DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} 20[2-9]\d \d\d:\d\d:\d\d GMT")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SERVICE_TIME = re.compile(r"(x-envoy-upstream-service-time: )\d+")  # an answer that came as a tunnel's bytes


@dataclasses.dataclass(frozen=True)
class Difference:
    """One thing that differs. kind is like "answer.headers"; values are as compared, ready to print."""

    kind: str
    left: str
    right: str


def normal_text(text: str) -> str:
    return _SERVICE_TIME.sub(r"\1<ms>", _UUID.sub("<uuid>", _DATE.sub("<date>", text)))


def _normal_header(name: str, value: str) -> tuple[str, str]:
    if name.lower() == "x-envoy-upstream-service-time":
        return name, re.sub(r"^\d+", "<ms>", value)
    if name.lower() == "x-envoy-expected-rq-timeout-ms" and value.isdigit():
        return name, str(math.ceil(int(value) / 100) * 100)  # a retry tells what is left of the time
    return name, normal_text(value)


def _headers(pairs) -> list[tuple[str, str]]:
    return [_normal_header(name, value) for name, value in pairs]


def _answer(answer: dict) -> dict[str, object]:
    headers = _headers(answer["headers"])
    made = {
        "answer.start": normal_text(answer["start"]),
        "answer.headers": sorted(headers),
        "answer.order": headers,
        "answer.body": normal_text(answer["body"]),
        "answer.trailers": _headers(answer["trailers"]),
        "answer.framing": answer.get("framing"),
        "answer.end": answer.get("end", answer.get("whole")),
    }
    if answer.get("interim"):
        made["answer.interim"] = [_headers(head) for head in answer["interim"]]
    return made


def _received(record: dict) -> dict[str, object]:
    headers = _headers(record["headers"])
    start = normal_text(record["start"])
    order: list = headers
    if record["protocol"] == "HTTP/2":  # its pseudo-header fields, whose order is one of headers
        order, start = [start, *headers], " ".join(sorted(start.split(" ")))
    return {
        "upstream.start": start,
        "upstream.headers": sorted(headers),
        "upstream.order": order,
        "upstream.body": normal_text(record["body"]),
        "upstream.trailers": _headers(record["trailers"]),
        "upstream.framing": f"{record['protocol']} {record['framing']}",
        "upstream.port": record["port"],
        "upstream.end": record["end"],
    }


def _log(line) -> dict[str, object]:
    if not isinstance(line, dict):
        line = _text_fields(line)
    return {f"log.{key}": normal_text(value) if isinstance(value, str) else value for key, value in line.items()}


def _text_fields(line: str) -> dict[str, str]:
    """A line of "name=value|name=value" by name; a value may contain either sign."""
    made: dict[str, str] = {}
    last = "text"
    for part in line.split("|"):
        name, equals, value = part.partition("=")
        if equals and name not in made:
            last, made[name] = name, value
        else:
            made[last] = f"{made[last]}|{part}" if last in made else part
    return made


def _end(case: Case, end: str) -> str:
    """FIN or RST depends on what was still unread when the proxy closed; only strict cases tell them apart."""
    return "closed" if end in ("fin", "rst") and not case.strict else end


def facts(case: Case, seen: Seen) -> dict[str, list[dict[str, object]]]:
    """What is compared, by section, in an order that does not depend on who was faster."""
    upstream = [_received(one) for one in seen.upstream]
    if not case.strict:
        # How much of a request that fails has left already is a matter of microseconds.
        upstream = [one for one in upstream if one["upstream.end"] == "whole"]
    if case.protocol == "h2":
        upstream.sort(key=lambda one: str(one["upstream.start"]))
    logged = [_log(line) for line in seen.log]
    if case.protocol == "h2":
        logged.sort(key=lambda one: str(one.get("log.path", one)))
    connection = {"end": _end(case, seen.end), "rest": normal_text(seen.rest), "goaway": seen.connection.get("goaway")}
    return {"answers": [_answer(one) for one in seen.answers], "upstream": upstream, "log": logged, "connection": [connection]}


def compare(case: Case, left: Seen, right: Seen) -> list[Difference]:
    """Every difference. An order that differs is a kind of its own, told only where the same headers came."""
    found: list[Difference] = []
    ours, theirs = facts(case, left), facts(case, right)
    for section, items in ours.items():
        others = theirs[section]
        if len(items) != len(others):
            found.append(Difference(f"{section}.count", _shown(items), _shown(others)))
        for one, other in zip(items, others):
            for kind in sorted(one.keys() | other.keys()):
                if one.get(kind) == other.get(kind) or _is_told_already(kind, one, other) or _is_cut(kind, one, other):
                    continue
                found.append(Difference(kind, _shown(one.get(kind)), _shown(other.get(kind))))
    return [one for one in found if one.kind not in case.ignore]


def _is_cut(kind: str, one: dict, other: dict) -> bool:
    """How many bytes had passed when a client went or sent nonsense is a matter of microseconds."""
    ends = {"DC", "DPE", "DR"}
    cut = all(ends & set(str(line.get("log.flags")).split(",")) for line in (one, other))
    return kind in ("log.received", "log.sent") and cut


def _is_told_already(kind: str, one: dict, other: dict) -> bool:
    if not kind.endswith(".order"):
        return False
    names, start = kind.replace(".order", ".headers"), kind.replace(".order", ".start")
    return one[names] != other[names] or one[start] != other[start]


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=True)
