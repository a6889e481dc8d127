#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds everything and runs every test, on a fresh Debian 12 as root: checks of the text, unit tests, installation, the demo, the
# namespace tests, the same under sanitizers, and the fuzzers for a short time. Quiet where things work.
# The last line is the sum: "N passed, N failed", and ", N skipped" when comparisons with other programs could not run.
#   scripts/test.sh          everything; tests that repeat a thousandfold repeat less
#   scripts/test.sh quick    the same without sanitizers and fuzzers
#   scripts/test.sh full     everything as often as it is written: half an hour more
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/.."
which=${1:-all}
case "$which" in
  all | quick)
    export WEIR_KILLS=${WEIR_KILLS:-300} WEIR_INSTALLERS=${WEIR_INSTALLERS:-300} WEIR_ISTIO_SETS=${WEIR_ISTIO_SETS:-40}
    export WEIR_CONFIGURATIONS=${WEIR_CONFIGURATIONS:-3000} WEIR_EXPLAIN_SETS=${WEIR_EXPLAIN_SETS:-200}
    export WEIR_RANDOM_SETS=${WEIR_RANDOM_SETS:-40} WEIR_CHURN_CYCLES=${WEIR_CHURN_CYCLES:-200}
    export WEIR_UPDATES=${WEIR_UPDATES:-150} WEIR_CONTROL_KILLS=${WEIR_CONTROL_KILLS:-15}
    export WEIR_RESTARTS=${WEIR_RESTARTS:-2} WEIR_TAKE_OVERS=${WEIR_TAKE_OVERS:-4} WEIR_PROXY_KILLS=${WEIR_PROXY_KILLS:-8}
    export WEIR_POD_RESTARTS=${WEIR_POD_RESTARTS:-3} WEIR_POD_TERMINATIONS=${WEIR_POD_TERMINATIONS:-2} WEIR_POD_KILLS=${WEIR_POD_KILLS:-2}
    ;;
  full) ;;
  *) echo "usage: scripts/test.sh [quick|full]" >&2; exit 2 ;;
esac
# A machine that others disturb loses now and then a test in thousands to time; it is named.
export WEIR_SECOND_ATTEMPTS=${WEIR_SECOND_ATTEMPTS:-3}
if ((EUID != 0)); then
  echo "test.sh: needs root, to make network namespaces; try: sudo $0 $*" >&2
  exit 1
fi

# shellcheck source=scripts/steps.sh
source "$here/steps.sh"
# shellcheck source=scripts/packages.sh
source "$here/packages.sh"

# The tests make namespaces of their own; the machine's own must be at the end what it was at the beginning.
machine_is_as_before() {
  diff <(echo "$machine_before") <(scripts/machine_state.sh)
}

step 'packages' install_packages build control demo test pods
machine_before=$(scripts/machine_state.sh)
step 'text: format, words, coroutines' scripts/lint.sh
step 'build' scripts/build.sh all
step 'unit tests' scripts/unit_tests.sh build
step 'installation' scripts/check_install.sh
step 'demo' env PYTHONDONTWRITEBYTECODE=1 WEIR_BUILD="$PWD/build" /usr/bin/python3 scripts/demo
step 'namespace tests that measure weir-init' scripts/namespace_tests.sh --timed -m 'not peer'
if [[ $which != quick ]]; then
  # Builds take what the tests in front of them leave, and a little where something else burns CPU.
  queue_behind 'build with AddressSanitizer' nice -n 10 scripts/sanitize.sh address build
  queue_behind 'unit tests with AddressSanitizer' scripts/sanitize.sh address unit
  queue_behind 'build with ThreadSanitizer' nice -n 10 scripts/sanitize.sh thread build
  queue_behind 'unit tests with ThreadSanitizer' scripts/sanitize.sh thread unit
  # Longer than alone on the machine, for about as much.
  queue_behind 'fuzzers' nice -n 5 scripts/fuzz.sh --built 30
  start_behind
fi
step 'namespace tests of weir-init' scripts/namespace_tests.sh --init -m 'not peer'
step 'namespace tests of weir-proxy and weir-control' scripts/namespace_tests.sh --proxy -m 'not peer'
step 'namespace tests beside other programs' scripts/namespace_tests.sh --allow-skips -m peer
step 'real Pods' scripts/namespace_tests.sh tests/pods
step "manifests beside Kubernetes' schemas, Helm and kustomize" scripts/namespace_tests.sh --allow-skips tests/kubernetes
if [[ $which != quick ]]; then
  finish_behind 'build with AddressSanitizer'
  finish_behind 'unit tests with AddressSanitizer'
  step 'namespace tests with AddressSanitizer' scripts/sanitize.sh address namespaces
  finish_behind 'build with ThreadSanitizer'
  finish_behind 'unit tests with ThreadSanitizer'
  step 'namespace tests with ThreadSanitizer' scripts/sanitize.sh thread namespaces
  finish_behind 'fuzzers'
fi
step "the machine's own network is untouched" machine_is_as_before
report_steps
