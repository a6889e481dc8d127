#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A sidecar without any orchestrator: a network namespace with an application, whose traffic passes weir-proxy, and one that is
# outside. Needs root, iproute2, util-linux and Python (which serves), and the programs in $PATH or in ../../build.
#   lab.sh up [CONFIGURATION]      makes it; the proxy reads envoy.yaml beside this file, or the one named
#   lab.sh app COMMAND...          runs as the application would (user 1000): lab.sh app curl -i http://198.51.100.2/
#   lab.sh outside COMMAND...      runs outside: lab.sh outside curl -i http://198.51.100.1/
#   lab.sh down                    removes it all
# Nothing is changed in the machine's own network namespace.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
app=weir-lab-app outside=weir-lab-outside
app_address=198.51.100.1 outside_address=198.51.100.2
state=/run/weir-lab

program() {  # name folder
  command -v "$1" || realpath -e "$here/../../build/$2/$1" 2>/dev/null ||
    { echo "lab.sh: $1: neither in \$PATH nor in build/; build it first: scripts/build.sh programs" >&2; return 1; }
}

in_namespace() {  # namespace uid command...
  local namespace=$1 uid=$2
  shift 2
  ip netns exec "$namespace" setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}

background() {  # name namespace uid command...
  ip netns exec "$2" setsid setpriv --reuid="$3" --regid="$3" --clear-groups "${@:4}" >"$state/$1.log" 2>&1 </dev/null &
}

# Returns when it answers.
serve() {  # name namespace address
  mkdir -p "$state/$1"
  echo "the $1" >"$state/$1/index.html"
  background "$1" "$2" 0 python3 -m http.server --bind "$3" --directory "$state/$1" 80
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    ip netns exec "$2" bash -c "exec 3<>/dev/tcp/$3/80" 2>/dev/null && return
    sleep 0.1
  done
  echo "lab.sh: the $1 does not listen: $(tail -n 1 "$state/$1.log")" >&2
  return 1
}

up() {  # configuration
  mkdir -m 755 "$state"
  ip netns add "$app" && ip netns add "$outside"
  ip -n "$app" link add eth0 type veth peer name eth0 netns "$outside"
  local namespace address
  while read -r namespace address; do
    ip -n "$namespace" link set lo up
    ip -n "$namespace" link set eth0 up
    ip -n "$namespace" address add "$address/24" dev eth0
  done <<<"$app $app_address"$'\n'"$outside $outside_address"
  serve application "$app" 0.0.0.0
  serve outside "$outside" "$outside_address"
  # What an init container does, and what a sidecar does.
  ip netns exec "$app" "$init" -u 1337 -i '*' -b '*'
  background proxy "$app" 1337 "$proxy" -c "$1" --take-over
  in_namespace "$app" 1337 "$ctl" wait --timeout 10s || { tail -n 5 "$state/proxy.log" >&2; return 1; }
  cat <<EOF
lab.sh: up. Try
  $0 app curl -i http://$outside_address/          # out: x-passed: outbound
  $0 outside curl -i http://$app_address/      # in: x-passed: inbound
  ip netns exec $app $init explain --uid 1000 --to $outside_address:80
  ip netns exec $app curl -s 127.0.0.1:15000/listeners
  $0 down
The proxy's log, access log included, is $state/proxy.log
EOF
}

down() {
  local namespace
  for namespace in "$app" "$outside"; do
    [[ -e /run/netns/$namespace ]] || continue
    ip netns pids "$namespace" | xargs -r kill -KILL
    ip netns delete "$namespace"
  done
  rm -rf "$state"
}

case "${1:-}" in
  up)
    configuration=${2:-$here/envoy.yaml}
    [[ -r $configuration ]] || { echo "lab.sh: '$configuration': cannot be read" >&2; exit 1; }
    [[ ! -e $state ]] || { echo "lab.sh: there is a lab already; lab.sh down removes it" >&2; exit 1; }
    init=$(program weir-init init) && proxy=$(program weir-proxy proxy) && ctl=$(program weirctl ctl) || exit 1
    # Not `up || ...`: that would let it go on after a failure.
    (set -e; up "$configuration") & wait $! || { echo "lab.sh: not up; everything is removed again" >&2; down; exit 1; }
    ;;
  app) in_namespace "$app" 1000 "${@:2}" ;;
  outside) in_namespace "$outside" 1000 "${@:2}" ;;
  down) down ;;
  *) sed -n '3,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
