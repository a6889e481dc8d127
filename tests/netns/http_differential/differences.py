# SPDX-License-Identifier: Apache-2.0
"""Where weir-proxy answers otherwise than Envoy, on purpose. http_differences.md says the same in prose."""

import dataclasses
from collections.abc import Callable

from .case import Case
from .compare import Difference


@dataclasses.dataclass(frozen=True)
class Explained:
    """A class of differences: applies(case, difference) with Envoy on the difference's left side."""

    name: str
    reason: str
    applies: Callable[[Case, Difference], bool]


EXPLAINED: tuple[Explained, ...] = ()


def explain(case: Case, difference: Difference) -> Explained | None:
    """The first listed class that covers this difference."""
    return next((one for one in EXPLAINED if one.applies(case, difference)), None)
