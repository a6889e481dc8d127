#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the fuzzers (with scripts/sanitize.sh address, into build-asan) and runs each for some seconds, from the corpus of
# the tests, which is only read.
#   scripts/fuzz.sh [--built] [SECONDS [NAME...]]      e.g. scripts/fuzz.sh 600 client_hello
# With --built it takes them as they are.
# What it finds (crash-*, leak-*, timeout-*) lies in build-asan/found/NAME; run the fuzzer with that file to see it again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
built=
if [[ ${1:-} == --built ]]; then
  built=yes
  shift
fi
seconds=${1:-30}
(($#)) && shift

if (($#)); then
  names=("$@")
else
  mapfile -t names < <(find tests/fuzz -maxdepth 1 -name '*_fuzz.cpp' -printf '%f\n' | sed 's/_fuzz\.cpp$//' | sort)
fi
for name in "${names[@]}"; do
  [[ -d tests/fuzz/corpus/$name ]] || { echo "fuzz.sh: 'tests/fuzz/corpus/$name': not there; a fuzzer needs something to start from" >&2; exit 1; }
done
[[ -n $built ]] || "$here/sanitize.sh" address build

fuzz_one() {  # name seconds
  local name=$1 new=build-asan/grown/$1 found=build-asan/found/$1 dictionary=tests/fuzz/$1.dict
  local -a options=(-max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$found/")
  [[ ! -f $dictionary ]] || options+=(-dict="$dictionary")
  mkdir -p "$new" "$found"
  # What is new goes to the first folder.
  if ! UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 "build-asan/tests/fuzz/${name}_fuzz" "${options[@]}" \
    "$new" "tests/fuzz/corpus/$name" >"build-asan/$name.log" 2>&1; then
    tail -n 60 "build-asan/$name.log"
    echo "fuzz.sh: $name: found something; see $found"
    return 1
  fi
  printf '%s: %s\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: */executions /p' "build-asan/$name.log")"
}
export -f fuzz_one

status=0
failures=$(mktemp /tmp/weir-fuzz.XXXXXX)
printf '%s\n' "${names[@]}" |
  xargs -P "$(nproc)" -I{} bash -c 'fuzz_one "$1" "$2" || { echo "$1" >>"$3"; exit 1; }' _ {} "$seconds" "$failures" || status=1
bad=$(wc -l <"$failures")
rm -f "$failures"
[[ -z ${WEIR_COUNTS:-} ]] || echo "$((${#names[@]} - bad)) $bad 0" >"$WEIR_COUNTS"
exit "$status"
