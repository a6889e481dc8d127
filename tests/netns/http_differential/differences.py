# SPDX-License-Identifier: Apache-2.0
"""Where weir-proxy answers otherwise than Envoy, on purpose. http_differences.md says the same in prose."""

import dataclasses
import fnmatch
from collections.abc import Callable

from .case import Case
from .compare import Difference

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


EXPLAINED: tuple[Explained, ...] = ()


def explain(case: Case, difference: Difference) -> Explained | None:
    """The first listed class that covers this difference."""
    return next((one for one in EXPLAINED if one.applies(case, difference)), None)
