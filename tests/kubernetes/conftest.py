# SPDX-License-Identifier: Apache-2.0
"""Tests of what goes into a cluster, without one. The harness is that of the namespace tests."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "netns"))
