#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the namespace tests with the programs of $WEIR_BUILD (default build/) and counts them. Arguments go to pytest, files
# included; without a file it runs all.
# A skipped test is a failure; with --allow-skips as first argument it is only told.
set -euo pipefail
cd "$(dirname "$0")/.."
may_skip='^$'
if [[ ${1:-} == --allow-skips ]]; then
  may_skip=.
  shift
fi
files=(tests/netns)
for argument in "$@"; do
  [[ ! -e $argument ]] || files=()
done
results=$(mktemp /tmp/weir-results.XXXXXX)
trap 'rm -f "$results"' EXIT
status=0
PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest "${files[@]}" -v --tb=short --junitxml="$results" "$@" || status=$?
/usr/bin/python3 scripts/test_results.py "$may_skip" "$results" || status=$?
exit "$status"
