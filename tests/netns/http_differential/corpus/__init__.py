# SPDX-License-Identifier: Apache-2.0
"""The corpus: configurations by name, each with its cases. Tables make the cases; a new one is a line in a table."""

import dataclasses

from ..suite import Configuration
from . import answers, behaviour, connection_manager, filters, logs, matching, plain, random_requests, rewriting

MODULES = (plain, answers, matching, rewriting, connection_manager, behaviour, filters, logs, random_requests)


def _collect() -> dict[str, Configuration]:
    made: dict[str, Configuration] = {}
    for module in MODULES:
        for one in module.configurations():
            assert one.name not in made, one.name
            cases = tuple(dataclasses.replace(case, config=one.name) for case in one.cases)
            names = [case.name for case in cases]
            assert len(set(names)) == len(names), f"{one.name}: twice: {sorted({n for n in names if names.count(n) > 1})}"
            made[one.name] = dataclasses.replace(one, cases=cases)
    return made


CONFIGURATIONS = _collect()
