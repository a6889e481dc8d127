# SPDX-License-Identifier: Apache-2.0
# Sourced by test.sh: steps that are quiet when they work and loud when they do not, and the sum of their results.
# A step is a process group of its own, so that it ends as a whole: at ^C, at SIGTERM, or when it takes too long.

passed=0 failed=0 skipped=0
failed_steps=()
step_seconds=${WEIR_STEP_SECONDS:-2400}
step_pid=
progress_pid=
step_log=$(mktemp /tmp/weir-step.XXXXXX)
# A step that runs tests leaves "passed failed skipped" here; otherwise the step itself counts as one.
export WEIR_COUNTS
WEIR_COUNTS=$(mktemp /tmp/weir-counts.XXXXXX)

end_steps() {
  local status=$?
  trap - EXIT INT TERM HUP
  [[ -z $progress_pid ]] || kill "$progress_pid" 2>/dev/null || true
  if [[ -n $step_pid ]]; then
    kill -TERM -- "-$step_pid" 2>/dev/null || true
    wait "$step_pid" 2>/dev/null || true
  fi
  rm -f "$WEIR_COUNTS" "$step_log"
  exit "$status"
}
trap end_steps EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Says every 30 seconds what the step is at, and ends a step that hangs.
watch_step() {  # pid
  local begin=$SECONDS
  while sleep 30; do
    printf '   ... %d s: %s\n' "$((SECONDS - begin))" "$(tail -n 1 "$step_log" | tr -d '\r' | cut -c 1-100)"
    ((SECONDS - begin < step_seconds)) || {
      printf '   took longer than %d s: ended\n' "$step_seconds" | tee -a "$step_log"
      kill -TERM -- "-$1" 2>/dev/null
      sleep 20
      kill -KILL -- "-$1" 2>/dev/null
    }
  done
}

step() {  # title command...
  local title=$1 begin=$SECONDS status=0 p=0 f=0 s=0
  shift
  : >"$WEIR_COUNTS"
  printf '== %s\n' "$title"
  set -m
  (
    set -e
    trap - EXIT INT TERM HUP
    "$@"
  ) >"$step_log" 2>&1 </dev/null &
  step_pid=$!
  (
    trap - EXIT INT TERM HUP
    watch_step "$step_pid"
  ) &
  progress_pid=$!
  set +m
  wait "$step_pid" || status=$?
  kill -TERM -- "-$step_pid" 2>/dev/null  # what it left behind
  step_pid=
  kill -- "-$progress_pid" 2>/dev/null
  wait "$progress_pid" 2>/dev/null
  progress_pid=
  if [[ -s $WEIR_COUNTS ]]; then
    read -r p f s <"$WEIR_COUNTS"
  elif ((status == 0)); then
    p=1
  fi
  # A runner that broke before it could count, or complains though all its tests passed, is a failure too.
  ((status == 0 || f > 0)) || f=1
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  if ((f > 0)); then
    cat "$step_log"
    printf '== %s: FAILED (%d passed, %d failed, %d skipped, %d s)\n' "$title" "$p" "$f" "$s" "$((SECONDS - begin))"
    failed_steps+=("$title")
    return 0
  fi
  printf '   %d passed, %d s\n' "$p" "$((SECONDS - begin))"
  sed -n 's/^flaky: /   FLAKY: /p' "$step_log"
  ((s == 0)) || sed -n 's/^skipped: /   SKIPPED: /p' "$step_log"
}

# Prints the sum as the last line. @return whether nothing failed
report_steps() {
  ((failed == 0)) || printf 'failed: %s\n' "${failed_steps[@]}"
  if ((skipped > 0)); then
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  else
    printf '%d passed, %d failed\n' "$passed" "$failed"
  fi
  ((failed == 0))
}
