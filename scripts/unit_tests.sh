#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the unit tests of a build directory and counts them.
#   scripts/unit_tests.sh [DIRECTORY [ARGUMENTS OF meson test]...]
set -euo pipefail
cd "$(dirname "$0")/.."
build=${1:-build}
(($#)) && shift
results=$build/meson-logs/testlog.junit.xml
rm -f "$results"
status=0
meson test -C "$build" --no-rebuild --print-errorlogs "$@" || status=$?
# The comparison with the official protos needs those; nothing else may be skipped.
/usr/bin/python3 scripts/test_results.py '\bprotos?\b' "$results" || status=$?
exit "$status"
