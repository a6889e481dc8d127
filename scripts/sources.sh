#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lists the project's files by kind, one a line, relative to the checkout: cpp, shell, python, text (everything readable).
# With git: tracked files and those not yet added. From an unpacked archive: what is there.
set -euo pipefail
cd "$(dirname "$0")/.."

all_files() {
  if [[ -e .git ]] && git rev-parse >/dev/null 2>&1; then
    git ls-files --cached --others --exclude-standard --deduplicate
  else
    find . -path './build*' -prune -o -type f -print | sed 's|^\./||'
  fi | while IFS= read -r file; do
    # A tracked file may be deleted in the working tree.
    [[ -f $file ]] && printf '%s\n' "$file"
  done
  return 0
}

case "${1:-text}" in
  cpp) all_files | grep -E '\.(cpp|hpp)$' ;;
  shell) all_files | xargs grep -lE '^#!(/usr/bin/env bash|/bin/(ba)?sh)' ;;
  python) all_files | grep -E '\.py$' ;;
  # Test data may hold anything; the licence and the corpora of fuzzers are not ours to judge.
  text) all_files | grep -vE '^LICENSE$|^tests/fuzz/corpus/|\.(png|bin|pcap|der)$' ;;
  *) echo "usage: scripts/sources.sh cpp|shell|python|text" >&2; exit 2 ;;
esac
