# SPDX-License-Identifier: Apache-2.0
# Sourced by test.sh: steps that are quiet when they work and loud when they do not, and the sum of their results.
# A step is a process group of its own, so that it ends as a whole: at ^C, at SIGTERM, or when it takes too long.
# Steps that burn CPU can run behind others, which mostly wait, one after another: queue_behind names them, start_behind starts them,
# finish_behind shows one in its turn.

passed=0 failed=0 skipped=0
failed_steps=()
step_seconds=${WEIR_STEP_SECONDS:-2400}
step_pid=
progress_pid=
behind_pid=
behind_titles=()
behind_commands=()
step_folder=$(mktemp -d /tmp/weir-steps.XXXXXX)

# A step that runs tests leaves "passed failed skipped" in $WEIR_COUNTS; otherwise the step itself counts as one.

end_group() {  # pid signal
  [[ -z $1 ]] || kill "-$2" -- "-$1" 2>/dev/null || true
}

end_steps() {
  local status=$?
  trap - EXIT INT TERM HUP
  end_group "$progress_pid" TERM
  end_group "$step_pid" TERM
  end_group "$behind_pid" TERM
  wait 2>/dev/null || true
  rm -rf "$step_folder"
  exit "$status"
}
trap end_steps EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

show_progress() {  # seconds log
  printf '   ... %d s: %s\n' "$1" "$(tail -n 1 "$2" 2>/dev/null | tr -d '\r' | cut -c 1-100)"
}

# Ends a step that hangs.
end_late() {  # pid log
  printf '   took longer than %d s: ended\n' "$step_seconds" | tee -a "$2"
  end_group "$1" TERM
  sleep 20
  end_group "$1" KILL
}

# Says every 30 seconds what the step is at, and ends a step that hangs.
watch_step() {  # pid log
  local begin=$SECONDS
  while sleep 30; do
    show_progress "$((SECONDS - begin))" "$2"
    ((SECONDS - begin < step_seconds)) || end_late "$1" "$2"
  done
}

# Says how a step went, and adds it to the sum.
report_step() {  # title status seconds log counts
  local title=$1 status=$2 seconds=$3 log=$4 counts=$5 p=0 f=0 s=0
  if [[ -s $counts ]]; then
    read -r p f s <"$counts"
  elif ((status == 0)); then
    p=1
  fi
  # A runner that broke before it could count, or complains though all its tests passed, is a failure too.
  ((status == 0 || f > 0)) || f=1
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  if ((f > 0)); then
    cat "$log"
    printf '== %s: FAILED (%d passed, %d failed, %d skipped, %d s)\n' "$title" "$p" "$f" "$s" "$seconds"
    failed_steps+=("$title")
    return 0
  fi
  printf '   %d passed, %d s\n' "$p" "$seconds"
  sed -n 's/^flaky: /   FLAKY: /p' "$log"
  ((s == 0)) || sed -n 's/^skipped: /   SKIPPED: /p' "$log"
}

step() {  # title command...
  local title=$1 begin=$SECONDS status=0 log=$step_folder/log counts=$step_folder/counts
  shift
  : >"$counts"
  printf '== %s\n' "$title"
  set -m
  (
    set -e
    trap - EXIT INT TERM HUP
    export WEIR_COUNTS=$counts
    "$@"
  ) >"$log" 2>&1 </dev/null &
  step_pid=$!
  (
    trap - EXIT INT TERM HUP
    watch_step "$step_pid" "$log"
  ) &
  progress_pid=$!
  set +m
  wait "$step_pid" || status=$?
  end_group "$step_pid" TERM  # what it left behind
  step_pid=
  end_group "$progress_pid" TERM
  wait "$progress_pid" 2>/dev/null
  progress_pid=
  report_step "$title" "$status" "$((SECONDS - begin))" "$log" "$counts"
}

# The command is a program with its arguments.
queue_behind() {  # title command...
  local title=$1
  shift
  behind_titles+=("$title")
  behind_commands+=("$(printf '%q ' "$@")")
}

run_behind() {
  local index file begin status
  for index in "${!behind_titles[@]}"; do
    file=$step_folder/behind.$index begin=$SECONDS status=0
    : >"$file.counts"
    WEIR_COUNTS=$file.counts eval "${behind_commands[index]}" >"$file.log" 2>&1 </dev/null || status=$?
    echo "$status $((SECONDS - begin))" >"$file.new"
    mv "$file.new" "$file.status"
  done
}

# Starts all that is queued; nothing can be queued afterwards.
start_behind() {
  set -m
  (
    trap - EXIT INT TERM HUP
    set +m
    run_behind
  ) >/dev/null 2>&1 </dev/null &
  behind_pid=$!
  set +m
}

# Waits for a step behind the others and shows it. Without start_behind there is none to show.
finish_behind() {  # title
  local begin=$SECONDS shown=0 index file status seconds
  for index in "${!behind_titles[@]}"; do
    [[ ${behind_titles[index]} != "$1" ]] || break
  done
  file=$step_folder/behind.$index
  printf '== %s, behind the others\n' "$1"
  while [[ ! -e $file.status ]]; do
    if ! kill -0 "$behind_pid" 2>/dev/null; then
      [[ ! -e $file.status ]] || break
      echo 'ended before it was done' >>"$file.log"
      echo "1 0" >"$file.status"
    elif ((SECONDS - begin >= step_seconds)); then
      end_late "$behind_pid" "$file.log"
    elif ((SECONDS - begin >= shown + 30)); then
      shown=$((SECONDS - begin))
      show_progress "$shown" "$file.log"
    fi
    sleep 0.5
  done
  read -r status seconds <"$file.status"
  report_step "$1" "$status" "$seconds" "$file.log" "$file.counts"
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
