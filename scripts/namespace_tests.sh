#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the namespace tests with the programs of $WEIR_BUILD (default build/) and counts them. Arguments go to pytest, files
# included; without a file it runs all, with --proxy or --init as first argument those of the one or the other, without those that
# --timed runs: what measures how quick weir-init is, one by one.
# A skipped test is a failure; with --allow-skips as the very first argument it is only told.
# $WEIR_SECOND_ATTEMPTS (default 0): so many failed tests at most are run once more, and say so if they pass then; if more fail,
# none is. For machines that others disturb: a test that fails twice has failed.
set -euo pipefail
cd "$(dirname "$0")/.."
may_skip='^$'
if [[ ${1:-} == --allow-skips ]]; then
  may_skip=.
  shift
fi
files=(tests/netns)
# They mostly wait: several files at once, but for those that measure.
timed=(tests/netns/test_{verify,watch}.py)
proxy=(tests/netns/test_{proxy_,http,live_,control,tutorial}*.py tests/netns/test_{config_dump,last_good,ready,lab_script}.py)
case "${1:-}" in
  --proxy)
    files=("${proxy[@]}" -n 3 --dist loadfile)
    shift
    ;;
  --init)
    mapfile -t files < <(printf '%s\n' tests/netns/test_*.py "${proxy[@]}" "${timed[@]}" | sort | uniq -u)
    files+=(-n 4 --dist load)
    shift
    ;;
  --timed)
    files=("${timed[@]}")
    shift
    ;;
esac
for argument in "$@"; do
  [[ ! -e $argument ]] || files=()
done
results=$(mktemp /tmp/weir-results.XXXXXX) second=$(mktemp /tmp/weir-results.XXXXXX)
WEIR_FAILED=$(mktemp /tmp/weir-failed.XXXXXX)
export WEIR_FAILED
trap 'rm -f "$results" "$second" "$WEIR_FAILED"' EXIT

run() {  # junit-file argument...
  PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -v --tb=short --junitxml="$@"
}

status=0
run "$results" "${files[@]}" "$@" || status=$?
both=("$results")
mapfile -t failed < <(sort -u "$WEIR_FAILED")
if ((status == 1 && ${#failed[@]} > 0 && ${#failed[@]} <= ${WEIR_SECOND_ATTEMPTS:-0})); then
  printf 'a second attempt: %s\n' "${failed[@]}"
  status=0
  run "$second" "${failed[@]/#/tests/netns/}" || status=$?
  both+=("$second")
fi
/usr/bin/python3 scripts/test_results.py "$may_skip" "${both[@]}" || status=$?
exit "$status"
