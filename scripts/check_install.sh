#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs ./build into an empty folder and checks what is there, and that it runs from there.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d /tmp/weir-install.XXXXXX)
trap 'rm -rf "$folder"' EXIT
DESTDIR=$folder meson install -C build --no-rebuild --quiet
prefix=$folder$(meson introspect build --buildoptions |
  /usr/bin/python3 -c 'import json, sys; print(next(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')
for file in bin/weir-init bin/weir-proxy bin/weir-control bin/weirctl share/doc/weir/README.md share/doc/weir/LICENSE share/doc/weir/manifests/demo.yaml \
  share/man/man8/weir-init.8 share/bash-completion/completions/weir-init.bash; do
  [[ -f $prefix/$file ]] || { echo "check_install.sh: '$file': not installed"; find "$folder"; exit 1; }
done
for program in weir-init weir-proxy weir-control weirctl; do
  "$prefix/bin/$program" --version | grep -q "^$program [0-9]" || { echo "check_install.sh: $program --version: wrong"; exit 1; }
done
"$prefix/bin/weir-proxy" --mode validate -c "$prefix/share/doc/weir/manifests/demo.yaml"
# Nothing else: no test, no static library of ours.
unexpected=$(cd "$prefix" && find . -type f | grep -vE '^\./(bin/weir(-init|-proxy|-control|ctl)|share/doc/weir/.*|share/man/.*|share/(bash-completion|zsh|fish)/.*)$' || true)
[[ -z $unexpected ]] || { printf 'check_install.sh: not expected:\n%s\n' "$unexpected"; exit 1; }
