# SPDX-License-Identifier: Apache-2.0
"""Virtual hosts and routes: which one a request gets."""

import itertools

from ..configurations import direct, route, simple, vhost
from ..suite import Configuration
from .tools import ask, unique


def _answering(name: str, match: dict, **fields) -> dict:
    """A route that says its name."""
    return direct(match, 200, name, name=name, **fields)


def _header(name: str, **matcher) -> dict:
    return {"prefix": "/h", "headers": [{"name": name, **matcher}]}


def _string(**pattern) -> dict:
    return {"string_match": pattern}


_HEADERS = {
    "exact": _header("x-exact", **_string(exact="Value")), "exact any case": _header("x-nocase", **_string(exact="Value", ignore_case=True)), "prefix": _header("x-prefix", **_string(prefix="ab")), "suffix": _header("x-suffix", **_string(suffix="yz")),
    "contains": _header("x-contains", **_string(contains="mid")), "contains any case": _header("x-icontains", **_string(contains="mid", ignore_case=True)), "regex": _header("x-regex", **_string(safe_regex={"regex": "[a-c]+\\d"})), "present": _header("x-present", present_match=True),
    "absent": {"prefix": "/absent", "headers": [{"name": "x-absent", "present_match": False}]}, "inverted": {"prefix": "/inverted", "headers": [{"name": "x-inverted", **_string(exact="no"), "invert_match": True}]},
    "inverted missing is empty": {"prefix": "/iempty", "headers": [{"name": "x-iempty", **_string(exact="no"), "invert_match": True, "treat_missing_header_as_empty": True}]}, "range": _header("x-range", range_match={"start": "-10", "end": "100"}),
    "empty": {"prefix": "/empty", "headers": [{"name": "x-empty", **_string(exact=""), "treat_missing_header_as_empty": True}]}, "two": {"prefix": "/two", "headers": [{"name": "x-one", **_string(exact="1")}, {"name": "x-two", **_string(exact="2")}]},
    "method": {"prefix": "/method", "headers": [{"name": ":method", **_string(exact="POST")}]}, "authority": {"prefix": "/authority", "headers": [{"name": ":authority", **_string(exact="www.test")}]}, "path": {"prefix": "/path", "headers": [{"name": ":path", **_string(exact="/path?q")}]}, "host": {"prefix": "/host", "headers": [{"name": "host", **_string(exact="www.test")}]},
    "scheme": {"prefix": "/scheme", "headers": [{"name": ":scheme", **_string(exact="http")}]}, "upper name": {"prefix": "/upper", "headers": [{"name": "X-Upper", **_string(exact="1")}]},
}  # fmt: skip
_QUERIES = {
    "query exact": {"name": "e", "string_match": {"exact": "1"}}, "query prefix": {"name": "p", "string_match": {"prefix": "a"}}, "query regex": {"name": "r", "string_match": {"safe_regex": {"regex": "\\d+"}}}, "query present": {"name": "x", "present_match": True},
    "query contains": {"name": "c", "string_match": {"contains": "b", "ignore_case": True}},
}  # fmt: skip
_PATHS = {
    "exact path": {"path": "/exact"}, "exact path any case": {"path": "/Any", "case_sensitive": False}, "prefix": {"prefix": "/prefix/"}, "prefix any case": {"prefix": "/PreAny", "case_sensitive": False}, "separated": {"path_separated_prefix": "/sep/arated"}, "separated any case": {"path_separated_prefix": "/SepAny", "case_sensitive": False},
    "regex": {"safe_regex": {"regex": "/re[0-9]+/.*"}}, "regex end": {"safe_regex": {"regex": "/fixed"}}, "regex google": {"safe_regex": {"google_re2": {}, "regex": "/g(a|b)+"}}, "never": {"prefix": "/frac", "runtime_fraction": {"default_value": {"numerator": 0, "denominator": "HUNDRED"}}}, "always": {"prefix": "/frac", "runtime_fraction": {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}},
    "grpc": {"prefix": "/grpc", "grpc": {}},
}  # fmt: skip


def _targets() -> list[str]:
    return """/exact /exact/ /exact?q /exact/x /Exact /exac /any /ANY /any?x /any/ /prefix /prefix/ /prefix/a /prefix/?q /Prefix/a /preany /PREANY/x /preanything /sep/arated /sep/arated/ /sep/arated/x /sep/aratedx
        /sep/arated?q /sep/arated?q/x /SEP/arated /sepany /SEPANY/x /sepanyx /re1/ /re12/x /re/x /re1 /re1/?q /re1/x?y /xre1/ /fixed /fixed?q /fixed/x /fixedx /ga /gab /gabc /g /frac /fracx /grpc / /other //exact /exact# /%65xact /exact%20
        /sep/arated%2Fx /prefix/../exact /prefix//""".split()


def _header_values() -> list[tuple[str, list[str]]]:
    values = {
        "x-exact": ("Value", "value", "Value ", "Values", "", "Value,Value"), "x-nocase": ("value", "VALUE", "valu"), "x-prefix": ("ab", "abc", "a", "xab", "ABC"), "x-suffix": ("yz", "xyz", "yzx", "YZ"), "x-contains": ("mid", "amidb", "mi", "MID"), "x-icontains": ("aMIDb", "x"),
        "x-regex": ("a1", "abc9", "a", "xa1", "a1x", "A1", ""), "x-present": ("x", ""), "x-range": ("-10", "99", "100", "-11", "0", "5.0", "abc", "", "+5", "05", " 5"),
    }  # fmt: skip
    return [(f"{name}: [{value}]", [f"{name}: {value}"]) for name, these in values.items() for value in these]


def _cases() -> list:
    made = []
    for target in _targets():
        made += ask(f"target {target}", target)
    for kind in ("application/grpc", "application/grpc+proto", "application/grpc-web", "text/plain"):
        made += ask(f"grpc {kind}", "/grpc", f"content-type: {kind}", method="POST", body=b"abc")
    for name, headers in _header_values():
        made += ask(name, "/h", *headers)
    made += ask("exact twice", "/h", "x-exact: Value", "x-exact: Value")
    made += ask("exact twice other", "/h", "x-exact: other", "x-exact: Value")
    made += ask("prefix twice", "/h", "x-prefix: zz", "x-prefix: ab")
    made += ask("upper name given", "/h", "X-EXACT: Value")
    for target, headers in (
        ("/absent", ()), ("/absent", ("x-absent: x",)), ("/inverted", ()), ("/inverted", ("x-inverted: no",)), ("/inverted", ("x-inverted: yes",)), ("/iempty", ()), ("/iempty", ("x-iempty: no",)), ("/empty", ()), ("/empty", ("x-empty: ",)), ("/empty", ("x-empty: x",)), ("/two", ("x-one: 1",)), ("/two", ("x-one: 1", "x-two: 2")),
        ("/two", ("x-two: 2", "x-one: 1")), ("/two", ("x-one: 1", "x-two: 3")), ("/authority", ()), ("/path?q", ()), ("/path", ()), ("/host", ()), ("/scheme", ()), ("/upper", ("x-upper: 1",)),
    ):  # fmt: skip
        made += ask(f"{target} {headers}", target, *headers)
    made += ask("method POST", "/method", method="POST") + ask("method GET", "/method")
    for query in ("e=1", "e=2", "e", "e=", "e=1&e=2", "e=2&e=1", "a=b&e=1", "e=1#", "E=1", "e=%31", "p=abc", "p=xa", "p", "r=12", "r=1a", "r=", "x", "x=", "x=1", "y&x", "xx=1", "c=aBc", "c=a", "&e=1", "e=1&", "e==1", "e=1=", "?e=1", "e=1;p=a", "%65=1", "e=1&p=a&r=1"):
        made += ask(f"query {query}", f"/q?{query}")
    return made


_DOMAINS = {
    "exact": ["exact.test"], "with port": ["port.test:8080"], "both": ["both.test", "both.test:8080"], "suffix": ["*.wild.test"], "longer suffix": ["*.deep.wild.test"], "dash": ["*-dash.test"], "prefix": ["pre.*"], "longer prefix": ["pre.fix.*"], "six": ["[2001:db8::1]"], "upper": ["UPPER.test"], "four": ["198.51.100.1"],
}  # fmt: skip
_HOSTS = """exact.test EXACT.test exact.test:80 exact.test:8080 exact.test. xexact.test port.test port.test:8080 port.test:80 both.test both.test:8080 both.test:81 a.wild.test a.b.wild.test wild.test .wild.test a.deep.wild.test A.DEEP.Wild.Test
    x-dash.test -dash.test a.x-dash.test pre. pre.x pre.x.y pre pre.fix.com pre.fix. PRE.FIX.com [2001:db8::1] [2001:DB8::1] [2001:db8::1]:80 upper.test UPPER.TEST 198.51.100.1 198.51.100.1:10000 other.test a.wild.test:80 pre.x:80""".split()


def _hosts() -> list:
    return list(itertools.chain(*(ask(f"host {host}", "/", host=host) for host in _HOSTS)))


def configurations() -> list[Configuration]:
    routes = [_answering(name, match) for name, match in _PATHS.items()] + [_answering(name, match) for name, match in _HEADERS.items()]
    routes += [_answering(name, {"prefix": "/q", "query_parameters": [matcher]}) for name, matcher in _QUERIES.items()]
    hosts = [vhost(direct("/", 200, name), domains=domains, name=name) for name, domains in _DOMAINS.items()]
    star = [*hosts, vhost(direct("/", 200, "star"), name="star")]
    made = [
        Configuration("routes", simple(vhost(*routes)), unique(_cases())),
        Configuration("hosts", simple(*star), unique(_hosts())),
        Configuration("hosts_without_star", simple(*hosts), unique(_hosts())),
        Configuration("hosts_ignoring_ports", simple(*star[:1], *star[3:], route_config={"ignore_port_in_host_matching": True}), unique(_hosts())),
        Configuration("hosts_stripping_matching_port", simple(*star, strip_matching_host_port=True), unique(_hosts())),
        Configuration("hosts_stripping_any_port", simple(*star, vhost(route("/"), domains=["up.test"], name="up"), strip_any_host_port=True), unique(_hosts() + ask("to upstream", "/", host="up.test:1234"))),
        Configuration("hosts_stripping_dot", simple(*star, strip_trailing_host_dot=True), unique(_hosts())),
    ]
    return made
