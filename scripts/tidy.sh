#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs clang-tidy 14 with .clang-tidy's checks. Needs the package clang-tidy-14 and a configured build directory.
#   scripts/tidy.sh                 files that differ from the main branch's last commit
#   scripts/tidy.sh all             the whole tree (several minutes)
#   scripts/tidy.sh FILE...         these
# WEIR_BUILD names the build directory, default build/.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
build=${WEIR_BUILD:-build}
command -v clang-tidy-14 >/dev/null || { echo "tidy.sh: clang-tidy-14: not installed; apt-get install clang-tidy-14" >&2; exit 1; }
[[ -f $build/compile_commands.json ]] || {
  echo "tidy.sh: '$build/compile_commands.json': not there; run scripts/build.sh, or set WEIR_BUILD" >&2
  exit 1
}

case "${1:-}" in
  "") mapfile -t files < <(git diff --name-only --diff-filter=d HEAD -- '*.cpp') ;;
  all) mapfile -t files < <("$here/sources.sh" cpp | grep '\.cpp$') ;;
  *) files=("$@") ;;
esac
# Only what the build compiles: clang-tidy needs its flags.
mapfile -t known < <(sed -n 's/.*"file": "\(.*\)",\{0,1\}/\1/p' "$build/compile_commands.json" | sed 's|^\(\.\./\)*||' | sort -u)
mapfile -t files < <(printf '%s\n' "${files[@]}" | grep -xF -f <(printf '%s\n' "${known[@]}" | sed "s|^$PWD/||;s|^${PWD#/}/||") || true)
if ((${#files[@]} == 0)); then
  echo "tidy.sh: nothing to check"
  exit 0
fi
echo "clang-tidy over ${#files[@]} files"
# GCC's flags that clang does not know are no findings.
printf '%s\n' "${files[@]}" |
  xargs -P "$(nproc)" -n 4 clang-tidy-14 -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option
