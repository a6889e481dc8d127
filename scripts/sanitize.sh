#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds with clang's sanitizers and runs the tests on that.
#   scripts/sanitize.sh address   build-asan: AddressSanitizer, LeakSanitizer, UndefinedBehaviorSanitizer; and the fuzzers
#   scripts/sanitize.sh thread    build-tsan: ThreadSanitizer
# Second argument: build, unit, namespaces, or both (the default), which are unit and namespaces.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."
kind=${1:-} what=${2:-both}

# Real traffic for the sanitizers: the tests of the proxy, without those that repeat a thousandfold.
scenarios=(tests/netns/test_proxy_*.py -m 'not peer and not slow' -n 2 --dist loadfile)
export WEIR_SOAK_SECONDS=${WEIR_SOAK_SECONDS:-30}

case "$kind" in
  address)
    build=build-asan
    # The check of virtual tables asks the kernel through a pipe whether memory is readable: wrong when no descriptor is left.
    # What a null pointer or too small an object breaks, AddressSanitizer sees itself; a check at each access doubles the code.
    options=(-Db_sanitize=address,undefined -Dfuzz=true "-Dcpp_args=-gline-tables-only -fno-sanitize=vptr,null,object-size")
    targets=()  # all
    unit=()     # all
    scenarios+=(tests/netns/test_http_*.py tests/netns/test_live_*.py tests/netns/test_config_dump.py tests/netns/test_control.py tests/netns/test_control_webhook*.py
      tests/netns/test_last_good.py tests/netns/test_ready.py
      tests/netns/test_lifecycle.py tests/netns/test_refusals.py)
    ;;
  thread)
    build=build-tsan
    options=(-Db_sanitize=thread -Dcpp_args=-gline-tables-only)
    # What two threads touch: the loop's post(), the access log, hosts and limits, counters; and the whole proxy.
    unit=(io access_log_sink upstream upstream_health stats)
    targets=(tests/unit/io/io-test tests/unit/access_log/access_log_sink_test tests/unit/upstream/upstream-test
      tests/unit/upstream/upstream-health-test
      tests/unit/stats/stats_test proxy/weir-proxy tests/support/cell_probe tests/support/responder
      tests/support/short_connections)
    # weir-init has no threads, and gRPC's, which weir-control's only meet in one place, are not compiled for this: the release's.
    export WEIR_INIT=$PWD/build/init/weir-init WEIR_CONTROL=$PWD/build/control/weir-control
    [[ -x $WEIR_INIT && -x $WEIR_CONTROL ]] || "$here/build.sh" demo
    # HTTP between workers: pools, health, drains, the log, everything at once.
    for part in soak pool health drain streams lua local_ratelimit; do scenarios+=("tests/netns/test_http_$part.py"); done
    # What the main thread changes under traffic.
    scenarios+=(tests/netns/test_live_*.py)
    # Those measure memory and descriptors, of which ThreadSanitizer takes its own.
    scenarios+=(--deselect test_proxy_limits.py)
    ;;
  *) echo "usage: scripts/sanitize.sh address|thread [build|unit|namespaces|both]" >&2; exit 2 ;;
esac

# clang compiles this twice as fast as GCC. -O1 finds as much as -O0 and runs several times faster; line tables are enough
# for a readable stack. Assertions stay in.
export CC=clang-14 CXX=clang++-14
"$here/build.sh" in "$build" "${targets[@]}" -- -Dbuildtype=plain -Doptimization=1 -Db_ndebug=false \
  -Dstatic_proxy=false -Dtests=true "${options[@]}"
[[ $what != build ]] || exit 0

# Programs under test are started by other programs, which may not look at what they print: reports go to files.
reports=$(mktemp -d /tmp/weir-sanitizer.XXXXXX)
chmod 1777 "$reports"  # the proxy runs as a user of its own
trap 'rm -rf "$reports"' EXIT
common=log_path=$reports/report:external_symbolizer_path=/usr/bin/llvm-symbolizer-14
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:$common
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:$common
export LSAN_OPTIONS=$common
export TSAN_OPTIONS=second_deadlock_stack=1:suppressions=$PWD/scripts/thread_suppressions.txt:$common

# ThreadSanitizer of this age cannot live with the address randomisation of newer kernels.
run=()
[[ $kind != thread ]] || run=(setarch -R)

status=0
if [[ $what == unit || $what == both ]]; then
  "${run[@]}" "$here/unit_tests.sh" "$build" --timeout-multiplier 5 "${unit[@]}" || status=$?
fi
if [[ $what == namespaces || $what == both ]]; then
  WEIR_BUILD=$PWD/$build "${run[@]}" "$here/namespace_tests.sh" "${scenarios[@]}" || status=$?
fi
found=("$reports"/*)
if [[ -e ${found[0]} ]]; then
  head -c 20000 -- "${found[@]}"
  printf '\nsanitize.sh: %d reports above\n' "${#found[@]}"
  exit 1
fi
exit "$status"
