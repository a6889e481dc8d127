#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs protoc over every file into folders of their own (meson's targets have no outputs in folders), and makes a source
# file beside them for each, `envoy_type_v3_range.cc`, that includes the generated one.
# Arguments: protoc, proto root, output directory, stamp header, then .proto files relative to the root.
set -eu
protoc=$1 root=$2 out=$3 stamp=$4
shift 4
(cd "$root" && "$protoc" -I. --cpp_out="$out" "$@")
for file in "$@"; do
  name=${file%.proto}
  printf '#include "%s.pb.cc"\n' "$name" > "$out/$(printf %s "$name" | tr / _).cc"
done
echo '#pragma once' > "$stamp"
