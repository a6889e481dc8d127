#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Finds coroutine code that GCC 12 miscompiles (an object built inside a co_await expression is destroyed twice, a switch
# over one traps) and detached coroutines, whose exceptions nobody sees.
#   scripts/lint_coroutines.sh            the whole tree
#   scripts/lint_coroutines.sh FILE...    these files
#   scripts/lint_coroutines.sh --self-test
# It sees one line at a time: co_await inside a braced initialiser over several lines is for the reviewer to find.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

# pattern and reason, in turn
rules=(
  'co_await[^;]*\[[^]]+\][^;]*[({]' 'a capturing lambda inside a co_await expression: name it first, then std::move it'
  'switch *\( *co_await' 'switch over co_await: name the value first'
  'co_await [A-Za-z_:]+\([^;]*\{' 'an aggregate built inside a co_await expression: name it first, then std::move it'
  'co_spawn\([^;]*detached' 'a detached coroutine: give it a handler that logs the exception'
)

lint() {  # file...
  local found=0 i hits
  for ((i = 0; i < ${#rules[@]}; i += 2)); do
    # A comment or a preprocessor line builds nothing.
    hits=$(grep -nHE -- "${rules[i]}" "$@" | grep -vE '^[^:]+:[0-9]+: *(//|#)') || continue
    found=1
    while IFS= read -r hit; do printf '%s\n    %s\n' "$hit" "${rules[i + 1]}"; done <<<"$hits"
  done
  return "$found"
}

self_test() {
  local folder bad good status=0 line
  folder=$(mktemp -d /tmp/weir-lint.XXXXXX)
  # shellcheck disable=SC2064
  trap "rm -rf '$folder'" EXIT
  bad=(
    'co_await take({.a = text, .b = 2});'
    'co_await take(Opt{text});'
    'co_await run([text] { return text; });'
    'co_await [text]() -> asio::awaitable<void> { co_return; }();'
    'switch (co_await next()) {'
    'asio::co_spawn(executor, serve(), asio::detached);'
  )
  good=(
    'Opt opt{.a = text}; co_await take(std::move(opt));'
    'auto [error, size] = co_await stream.async_read_some(buffer, as_result);'
    'if (auto result = co_await next(); result) {'
    'co_await (copy(down, up) && copy(up, down));'
    'switch (int kind = co_await next(); kind) {'
    '// co_await take(Opt{text}) is what GCC 12 breaks'
  )
  for line in "${bad[@]}"; do
    printf '%s\n' "$line" >"$folder/snippet.cpp"
    if lint "$folder/snippet.cpp" >/dev/null; then
      echo "lint_coroutines.sh: not found, though bad: $line" >&2
      status=1
    fi
  done
  for line in "${good[@]}"; do
    printf '%s\n' "$line" >"$folder/snippet.cpp"
    if ! lint "$folder/snippet.cpp" >/dev/null; then
      echo "lint_coroutines.sh: found, though good: $line" >&2
      status=1
    fi
  done
  return "$status"
}

case "${1:-}" in
  --self-test) self_test ;;
  "")
    cd "$here/.."
    mapfile -t files < <("$here/sources.sh" cpp)
    lint "${files[@]}"
    ;;
  *) lint "$@" ;;
esac
