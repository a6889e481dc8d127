#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Finds what must not be in the project: paths of somebody's machine, things left open, tests that do not test, names of
# other programs' rules, keys, private addresses in examples. A line that says "lint: allow NAME" is let through.
#   scripts/lint_text.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
files=$("$here/sources.sh" text)
found=0

forbid() {  # name, which files, what, why
  local hits hit
  hits=$(grep -E -- "$2" <<<"$files" | grep -vxF scripts/lint_text.sh |
    xargs -r -d '\n' grep -nHIE -- "$3" /dev/null | grep -vF "lint: allow $1") || return 0
  found=1
  while IFS= read -r hit; do printf '%s\n    %s: %s\n' "${hit:0:200}" "$1" "$4"; done <<<"$hits"
}

code='\.(cpp|hpp|py|sh|proto|yaml)$|meson\.build$'
forbid machine-path . '(^|[^A-Za-z0-9_.$/-])/(work|farm|home|Users)/[A-Za-z]' 'a path of one machine'
forbid open-end "$code" '(^|[^A-Za-z])(TODO|FIXME|XXX|HACK)([^A-Za-z]|$)' 'left open: finish it, or open an issue'
forbid disabled-test '^tests/' 'GTEST_SKIP|DISABLED_[A-Z]|mark\.(skip|xfail)' 'a test that does not test'
forbid foreign-chain '^init/' 'ISTIO_(OUTPUT|INBOUND|REDIRECT|IN_REDIRECT|PREROUTE)([^A-Z_]|$)' \
  "another program's chain: ours are in table inet weir"
forbid private-key . 'BEGIN ([A-Z]+ )?PRIVATE KEY' 'a private key'
forbid example-address '^(README|ARCHITECTURE)\.md$|^manifests/' \
  '(^|[^0-9.])(10\.[0-9]+\.[0-9]+\.[0-9]+|192\.168\.[0-9]+\.[0-9]+|172\.(1[6-9]|2[0-9]|3[01])\.[0-9]+\.[0-9]+)' \
  "somebody's network: use 198.51.100.0/24, 203.0.113.0/24 or 2001:db8::/32"
forbid conflict-marker . '^(<<<<<<<|>>>>>>>) ' 'a merge that was not finished'

while IFS= read -r file; do
  head -3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' && continue
  printf '%s:1: no line "SPDX-License-Identifier: Apache-2.0" at the top\n' "$file"
  found=1
done < <({ "$here/sources.sh" cpp; "$here/sources.sh" python; "$here/sources.sh" shell; } | sort -u)

while IFS= read -r file; do
  lines=$(wc -l <"$file")
  ((lines <= 500)) || printf 'warning: %s: %s lines; does it still have one concept?\n' "$file" "$lines"
done < <(grep -E -- "$code" <<<"$files")

exit "$found"
