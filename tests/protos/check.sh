#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compares our protos with Envoy's, which the Go module go-control-plane carries. Arguments: the comparing program, then
# the proto files' names. Exit 77 (skipped) where Go or the module cannot be had.
set -eu
compare=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
skip() {
  echo "SKIPPED: our protos were not compared with Envoy's: $1" >&2
  exit 77
}
command -v go > /dev/null || skip 'Go is not installed'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here/main.go" "$here/go.mod" "$here/go.sum" "$work/"
if ! (cd "$work" && GOFLAGS=-mod=readonly go build -o dump . > "$work/go.log" 2>&1); then
  cat "$work/go.log" >&2
  skip 'the Go module go-control-plane cannot be had'
fi
"$work/dump" > "$work/envoy.pb"
"$compare" "$work/envoy.pb" "$@"
