#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs protoc over every file into folders of their own (meson's targets have no outputs in folders), and makes source files
# beside them, `config_protos_1.cc` and so on, that include the generated ones in turn: protobuf's headers take longer to read
# than most of these to compile.
# Arguments: protoc, proto root, output directory, stamp header, number of source files, then .proto files relative to the root.
set -eu
protoc=$1 root=$2 out=$3 stamp=$4 parts=$5
shift 5
(cd "$root" && "$protoc" -I. --cpp_out="$out" "$@")
number=0
for file in "$@"; do
  source=$out/config_protos_$((number % parts + 1)).cc
  [ "$number" -ge "$parts" ] || : > "$source"
  # protoc gives two static tables the same name in every file.
  printf '#define %s %s_%d\n' schemas schemas "$number" file_default_instances file_default_instances "$number" >> "$source"
  printf '#include "%s.pb.cc"\n#undef schemas\n#undef file_default_instances\n' "${file%.proto}" >> "$source"
  number=$((number + 1))
done
echo '#pragma once' > "$stamp"
