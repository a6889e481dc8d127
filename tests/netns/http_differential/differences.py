# SPDX-License-Identifier: Apache-2.0
"""Where weir-proxy answers otherwise than Envoy, on purpose. http_differences.md says the same in prose."""

import dataclasses
import fnmatch
import json
from collections.abc import Callable

from .case import Case
from .compare import Difference
from .strictness import hex_escaped, lacks_a_version, refused_at_random, refused_by_both, time_left

Predicate = Callable[[Case, Difference], bool]


@dataclasses.dataclass(frozen=True)
class Explained:
    """A class of differences: applies(case, difference) with Envoy on the difference's left side."""

    name: str
    reason: str
    applies: Predicate


def where(*cases: str, configs: str = "*", kinds: str = "*", envoy: str = "*", weir: str = "*") -> Predicate:
    """Cases by patterns of their names, the kind of difference and what either side shows, as fnmatch patterns; `[` is
    itself there, as many names have it. Words of `configs` and `kinds` are alternatives.
    """

    def matches(text: str, *patterns: str) -> bool:
        return any(fnmatch.fnmatchcase(text, pattern.replace("[", "[[]")) for pattern in patterns)

    def applies(case: Case, difference: Difference) -> bool:
        return (
            matches(case.name, *(cases or "*"))
            and matches(case.config, *configs.split())
            and matches(difference.kind, *kinds.split())
            and matches(difference.left, envoy)
            and matches(difference.right, weir)
        )

    return applies


def either(*predicates: Predicate) -> Predicate:
    """What one of them applies to."""
    return lambda case, difference: any(one(case, difference) for one in predicates)


def both(*predicates: Predicate) -> Predicate:
    return lambda case, difference: all(one(case, difference) for one in predicates)


def same_without(header: str) -> Predicate:
    """The upstream received the same headers but for this one, which it received from both."""

    def rest(shown: str) -> list | None:
        headers = json.loads(shown)
        found = [pair for pair in headers if pair[0] != header]
        return found if len(found) == len(headers) - 1 else None

    return lambda _, difference: difference.kind == "upstream.headers" and None is not rest(difference.left) == rest(difference.right)


def goaway_with_error(case: Case, difference: Difference) -> bool:
    return case.protocol == "h2" and difference.kind == "goaway" and difference.left == "null" and json.loads(difference.right)[0] != "NO_ERROR"


_UNKNOWN = {
    "weighted": ("field 'header_name' of ",),
    "trust": ("field 'scheme_header_transformation' of ", "field 'proxy_status_config' of "),
    "manager_options": ("field 'override_stream_error_on_invalid_http_message' of ", "field 'allow_chunked_length' of ", "field 'allow_custom_methods' of "),
    "http_10": ("field 'default_host_for_http_10' of ",),
    "connect": ("field 'connect_config' of ",),
    "access_logs_more": ("operator 'PATH': not known", "field 'omit_empty_values' of ", "field 'json_format_options' of "),
}  # fmt: skip


def refused_fields(case: Case, difference: Difference) -> bool:
    """weir-proxy does not start, because of nothing but one of these."""
    errors = [line for line in difference.right.splitlines() if ": static_resources." in line and not line.startswith("[")]
    return difference.kind == "refused" and bool(errors) and all(any(text in line for text in _UNKNOWN.get(case.config, ())) for line in errors)


_REFUSED = {
    "answer.start": ('"HTTP/1.1 403 Forbidden"',),
    "answer.headers": ('[["connection", "close"], ["content-length", "0"], ["date", "<date>"], ["server", "envoy"]]', '[[":status", "403"], ["date", "<date>"], ["server", "envoy"]]'),
    "answer.body": ('""',),
    "answer.framing": ('"length"',),
    "answer.end": ('"NO_ERROR"',),
    "upstream.count": ("[]",),
    "answers.count": ('[{"answer.start": "HTTP/1.1 403 Forbidden"*',),
    "end": ('"closed"',),
    "log.details": ('"upgrade_failed"',),
    "log.code": ("403",),
    "log.flags": ('"-"',),
    "log.host": ("null",),
    "log.attempts log.received log.sent": ("0",),
}  # fmt: skip


def refused_tunnel(*cases: str, configs: str) -> Predicate:
    """weir-proxy answers 403 upgrade_failed, whatever Envoy does."""
    return either(*(where(*cases, configs=configs, kinds=kinds, weir=one) for kinds, texts in _REFUSED.items() for one in texts))


def sent_behind_end(case: Case, difference: Difference) -> bool:
    """What the upstream says in a tunnel once it has seen the client's end."""
    return case.config == "upgrades" and difference.kind == "log.sent" and int(difference.right) - int(difference.left) == len("[end seen]")


_ENDS = ("*h2 goaway", "*h2 goaway after", "*h2 goaway error", "*h2 ping flood", "*h2 rapid reset")
_MID_STREAM = either(
    where(*_ENDS, kinds="end", envoy='"open"', weir='"closed"'),
    where(*_ENDS, kinds="end", envoy='"silent"', weir='"closed"'),
    where("*h2 rapid reset", kinds="goaway", weir='["ENHANCE_YOUR_CALM", ""]'),
    where("*h2 rapid reset", kinds="log.details log.flags log.count"),
    where("*h2 window none, reset", kinds="log.details", envoy='"http2.remote_reset"', weir='"via_upstream"'),
    where("*h2 window none, reset", kinds="log.flags", envoy='"DR"', weir='"-"'),
    where("*h2 window overflow stream", kinds="answers.count", envoy="[]", weir="*FLOW_CONTROL_ERROR*"),
    where("*h2 window overflow stream", kinds="end", envoy='"closed"', weir='"open"'),
    where("*h2 settings flood", kinds="log.count upstream.count", weir="[]"),
    where("*h2 continuation flood", kinds="log.flags", envoy='"DPE"', weir='"DR"'),
    where("*: h2 *", configs="random", kinds="upstream.count", weir="[]"),
    where("*h2 reset many", "*h2 length [0]", "*frames window-overflow*", kinds="upstream.count"),
)  # fmt: skip


EXPLAINED: tuple[Explained, ...] = (
    Explained("strict lines", "what one hop takes for a line end and the next does not hides a request (RFC 9112 §2.2, §3)", where("*bare lf*", "*leading lf*", "*bare cr*", "*cr at end*", "*line two spaces*", "*line tab", "*line trailing space", "*coding lf*", "*coding prefix*", "*chunk lf *", "*chunk trailer lf*")),
    Explained("folded lines", "RFC 9112 §5.2 lets a server refuse them; no client sends them", where("*field fold*", "*field leading space", "*field leading tab", "*coding fold*", "*chunk trailer fold*", "*raw fold*")),
    Explained("strict chunks", "ambiguous framing is refused (RFC 9112 §7.1)", where("*chunk too long*", "*chunk many zeros*", "*chunk extension*", "*chunk space after*", "*chunk tab after*")),
    Explained("several Host", "RFC 9112 §3.2 demands it", where("*host twice*")),
    Explained("largest length", "no such body comes; sums with it overflow", where("*length [18446744073709551615]*")),
    Explained("half-closed clients", "the request is whole, and the client still reads", either(where("*whole*FIN", "*pipeline FIN", "*h2 FIN*", "*gone while delayed*", "*json: FIN", "*text: FIN"), where("*: FIN", configs="access_log_filters", kinds="answers.count", envoy="[]", weir="*HTTP/1.1 200 OK*"), where("*: FIN", configs="access_log_filters", kinds="log.*", envoy='*DC"*'), where("*: FIN", configs="access_log_filters", kinds="log.RESPONSE_CODE", envoy='"0"', weir='"200"'))),
    Explained("pipelines of direct answers", "nothing is wrong with it (RFC 9112 §9.3.2)", where("*pipeline direct*")),
    Explained("request line alone", "an answer to half a head saves nothing", either(where("*line 0.9 alone*"), lambda case, difference: lacks_a_version(case))),
    Explained("tunnels half-closed", "WebSocket and others end one direction first; no bytes are lost", either(where(configs="upgrades", kinds="log.details", envoy='"downstream_remote_disconnect"', weir='"via_upstream"'), where(configs="upgrades", kinds="log.flags", envoy='"DC"', weir='"-"'), where("*: FIN in tunnel", configs="upgrades", kinds="answer.body", envoy='"hello"', weir='"hello[end seen]"'), sent_behind_end)),
    Explained("upgrades with a body", "where the body ends and the other protocol begins, two hops may see differently", refused_tunnel("*: with length", "*: with chunked", configs="upgrades")),
    Explained("1xx unasked", "RFC 9110 §15.2.2: only after Upgrade", where("*101-not-asked*", "*asked only*", "*asked h2c*", "*raw 100-only*")),
    Explained("strict answers", "as strict as with requests", where("*raw bare-*", "*raw version-*", "*raw status-4-digits*", "*raw too-large-header*", "*frames space-value*")),
    Explained("broken bodies", "a matter of reads", where("*chunk-no-end*", "*short-body*", "*cut;*", "*chunk-bad-size*", "*chunk-huge-size*", "*trailer-pseudo*", "*trailer-no-end*", kinds="answer.body log.sent answer.headers")),
    Explained("GOAWAY before closing", "RFC 9113 §5.4.1", goaway_with_error),
    Explained("words of HTTP/2 errors", "says more", where("*h2 *", kinds="log.details log.flags", weir="\"http2.*")),
    Explained("HTTP/2 errors in mid-stream", "no stream is left waiting", _MID_STREAM),
    Explained("HTTP/2 preface in pieces", "TCP cuts where it likes", where("*h2 half preface", "*h2 byte by byte", "*h2 wrong preface", "*h2 no preface")),
    Explained("blanks around values", "RFC 9113 §8.2.1 forbids them", where("*h2 field leading*", "*h2 field trailing*", kinds="upstream.headers")),
    Explained("bytes that are not UTF-8", "a log tells that something was not text", where("*h2 target*", "*h2 high*", "*json: value*", kinds="log.path log.*")),
    Explained("text logs escaped", "what a peer may have chosen cannot break a line or pretend to be a field of it", hex_escaped),
    Explained("every interim answer", "RFC 9110 §15.2: a proxy passes on every 1xx", either(where("interim: interim", configs="manager_options", kinds="answers.count answer.start answer.headers", envoy="*200*", weir="*103*"), where("interim: interim", configs="manager_options", kinds="answer.headers", weir='[["x-interim", "103"]]'), where("interim: interim", configs="manager_options", kinds="answer.body", envoy='"hello"', weir='""'), where("interim: interim", configs="manager_options", kinds="answer.framing", envoy='"length"', weir='"none"'), where("interim: h2 interim", configs="manager_options", kinds="answer.interim", weir='*"103"*'))),
    Explained("kept connections that close", "what may be done twice is sent again, on another connection (RFC 9110 §9.2.2)", either(where("at once after [drop]", "at once after [rst]", configs="pools", kinds="upstream.count upstream.headers", weir='*"x-up", "*'), where("at once after [drop]", "at once after [rst]", configs="pools", kinds="upstream.start", envoy='"GET /next HTTP/1.1"', weir='"GET / HTTP/1.1"'))),
    Explained("Date twice", "one field of one value, as in answers", where(configs="random", kinds="upstream.headers", envoy='*["date", "*"], ["date", "*', weir='*["date", "*,*')),
    Explained("random requests refused", "`strict lines`, `folded lines`, `strict chunks`, `several Host` and `largest length` in requests whose names do not say so", refused_at_random),
    Explained("random requests refused by both", "either fault is true", refused_by_both),
    Explained("unknown fields", "not supported; said at start", refused_fields),
    Explained("CONNECT", "tunnels are no task of an interception proxy", refused_tunnel("passed: *", "passed to http2: *", configs="connect")),
    Explained("CONNECT without a target", "two blanks make no request line", where("*: target ", configs="connect", kinds="log.details", envoy='"http1.invalid_url"', weir='"http1.codec_error"')),
    Explained("CONNECT does not end a connection", "one refused request is no reason to send the others elsewhere", where("not allowed: h2 *", configs="connect", kinds="goaway", envoy='["NO_ERROR", ""]', weir="null")),
    Explained("retried with the time that is left", "differs by the time that the attempts took", time_left),
    Explained("hedging", "not supported", both(where("*all*", configs="trust envoy_headers"), same_without("x-envoy-expected-rq-timeout-ms"))),
    Explained("empty x-forwarded-proto", "says nothing of the route", where("*proto []*")),
    Explained("HTTP/1.0 with chunks", "RFC 9112 §6.1, RFC 9110 §10.1.1", where("*1.0 chunked*", "*1.0 expect*")),
    Explained("reset by CONNECT_ERROR", "the code cannot be meant", where("*reset 10*")),
    Explained("scheme of HTTP/2", "one source for both versions", where("*h2 field x-forwarded*", kinds="upstream.*")),
    Explained("extended CONNECT", "not supported; SETTINGS say so", where("*h2 extended*")),
    Explained("which limit is met first", "either is true", where("*1 KiB: * fields*")),
    Explained("closed as announced", "RFC 9112 §9.6: after Connection: close comes nothing", where("connection: slow head", "connection: third after the drain", "connection idle: third after the drain", configs="timeouts", kinds="end answers.count log.count upstream.count")),
    Explained("metadata that is not there", "what is not there is nil, as with headers", where("info: *", configs="lua", kinds="upstream.headers", weir='*["x-metadata", "nil"]*')),
    Explained("address that was not reached", "the address was dialled", where("*refused*", kinds="log.UPSTREAM_REMOTE_*")),
)


def explain(case: Case, difference: Difference) -> Explained | None:
    """The first listed class that covers this difference."""
    return next((one for one in EXPLAINED if one.applies(case, difference)), None)
