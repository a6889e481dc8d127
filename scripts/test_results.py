#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sums JUnit files: test_results.py MAY_SKIP FILE...

A test that several files have counts as the last one says; that it failed before is printed.
Prints the sum, and each skipped test with its reason; unless "class name" matches the regular expression MAY_SKIP, that
is a failure. Adds "passed failed skipped"
to what the file $WEIR_COUNTS holds, for the sum of scripts/test.sh.
"""

import collections
import os
import pathlib
import re
import sys
import xml.etree.ElementTree


def cases_of(path: str):
    return xml.etree.ElementTree.parse(path).getroot().iter("testcase")


def has_failed(case) -> bool:
    return case.find("failure") is not None or case.find("error") is not None


def report(passed: int, failed: int, skipped: int) -> None:
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    path = pathlib.Path(os.environ.get("WEIR_COUNTS") or os.devnull)
    before = path.read_text().split() or [0, 0, 0]
    path.write_text(" ".join(str(int(old) + new) for old, new in zip(before, (passed, failed, skipped))) + "\n")


def main() -> int:
    may_skip = re.compile(sys.argv[1])
    passed = failed = skipped = 0
    cases = {}
    for path in sys.argv[2:]:
        seen = collections.Counter()
        for case in cases_of(path):
            name = f"{case.get('classname')} {case.get('name')}"
            seen[name] += 1  # one file may have several of that name
            key = name, seen[name]
            if key in cases and has_failed(cases[key]) and not has_failed(case):
                print(f"flaky: {name}: failed, and passed at the second attempt")
            cases[key] = case
    for (name, _), case in cases.items():
        skip = case.find("skipped")
        if has_failed(case):
            failed += 1
        elif skip is not None:
            reason = skip.get("message") or (skip.text or "").strip() or "no reason given"
            print(f"skipped: {name}: {reason}")
            if may_skip.search(name):
                skipped += 1
            else:
                failed += 1
        else:
            passed += 1
    if passed + failed + skipped == 0:
        print("no test ran")
        return 1
    report(passed, failed, skipped)
    return 1 if failed else 0


sys.exit(main())
