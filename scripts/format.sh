#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Formats the C++ files as .clang-format says.
#   scripts/format.sh           rewrites them
#   scripts/format.sh --check   says which differ and fails
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
mapfile -t files < <("$here/sources.sh" cpp)
if [[ ${1:-} == --check ]]; then
  # The first difference of each file is enough to find it.
  if ! output=$(clang-format-14 --dry-run --Werror "${files[@]}" 2>&1); then
    grep 'error:' <<<"$output" | sort -t: -u -k1,1
    echo "format.sh: these files are not formatted; run scripts/format.sh"
    exit 1
  fi
else
  clang-format-14 -i "${files[@]}"
fi
