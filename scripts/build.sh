#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds a release into ./build, incrementally.
#   scripts/build.sh programs   weir-init, weir-proxy and weirctl
#   scripts/build.sh control    weir-control
#   scripts/build.sh demo       these four
#   scripts/build.sh all        everything, with the tests
# scripts/build.sh in DIRECTORY TARGETS... -- MESON OPTIONS...   builds another configuration (sanitizers, fuzzers).
set -euo pipefail
cd "$(dirname "$0")/.."

# Sets DIRECTORY up with the options, whatever was there before.
configure() {  # directory option...
  local directory=$1 compiler="${CC:-cc} ${CXX:-c++}"
  shift
  # A directory of another compiler, another meson or another place is of no use: meson keeps those three for ever.
  if [[ -f $directory/build.ninja && $(cat "$directory/compiler" 2>/dev/null || echo "$compiler") == "$compiler" ]]; then
    meson setup --reconfigure "$directory" "$@" >"$directory/configure.log" 2>&1 && return
  fi
  rm -rf -- "$directory"
  mkdir -p "$directory"
  if meson setup "$directory" "$@" >"$directory/configure.log" 2>&1; then
    echo "$compiler" >"$directory/compiler"
    return
  fi
  cat "$directory/configure.log" >&2
  echo "build.sh: meson failed for '$directory'; its output is above" >&2
  return 1
}

# Counts on one line on a terminal; one line every ten seconds elsewhere; compiler output only when it fails.
compile() {  # directory target...
  local directory=$1 log status=0 shown=0 line
  shift
  log=$(mktemp /tmp/weir-build.XXXXXX)
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    if [[ -t 1 ]]; then
      printf '\r  compiling %s of %s ' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
    elif ((SECONDS >= shown + 10)); then
      printf '  compiling %s of %s\n' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
      shown=$SECONDS
    fi
  done < <(NINJA_STATUS='[%f/%t] ' ninja -C "$directory" "$@" 2>&1; echo "exit $?")
  [[ -t 1 ]] && printf '\r\033[K'
  status=$(sed -n '$s/^exit //p' "$log")
  if [[ $status != 0 ]]; then
    # Only what failed, not the long list of what worked.
    grep -vE '^\[[0-9]+/[0-9]+\] |^exit |^ninja: Entering' "$log" | head -200 >&2
    rm -f "$log"
    echo "build.sh: '$directory' does not compile; the compiler's output is above" >&2
    return 1
  fi
  rm -f "$log"
}

case "${1:-all}" in
  programs | control | demo)
    # The tests' libraries are not needed for this; a directory that has the tests keeps them.
    options=() targets=()
    [[ -f build/build.ninja ]] || options=(-Dtests=false)
    [[ $1 == control ]] || targets=(init/weir-init proxy/weir-proxy ctl/weirctl)
    [[ $1 == programs ]] || targets+=(control/weir-control) options+=(-Dcontrol=enabled)
    configure build -Dbuildtype=release -Dwerror=true "${options[@]}"
    compile build "${targets[@]}"
    ;;
  all)
    configure build -Dbuildtype=release -Dtests=true -Dwerror=true -Dcontrol=enabled
    compile build
    ;;
  in)
    directory=$2
    shift 2
    targets=()
    while (($#)) && [[ $1 != -- ]]; do
      targets+=("$1")
      shift
    done
    (($#)) && shift
    configure "$directory" "$@"
    compile "$directory" "${targets[@]}"
    ;;
  *)
    echo "usage: scripts/build.sh [programs|control|demo|all]" >&2
    exit 2
    ;;
esac
