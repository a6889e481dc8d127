# SPDX-License-Identifier: Apache-2.0
"""Medians and ratios over rounds. A round that failed has the key "error" and is never counted."""

from statistics import median


def values(rounds, key):
    return [one[key] for one in rounds if key in one]


def median_of(rounds, key):
    """None when no round has the value."""
    found = values(rounds, key)
    return median(found) if found else None


def ratios(rounds, others, key):
    """Per-round ratios of two lists that were measured in turn."""
    return [one[key] / other[key] for one, other in zip(rounds, others)
            if key in one and key in other and other[key]]


def error_of(rounds):
    return next((one["error"] for one in rounds if "error" in one), None)
