#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Keeps the folders in order: a file includes headers of its own folder and of those before it in the list below. The
# headers that look the other way are named one by one; each holds values without I/O.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.."

order=(common init inject ctl proxy/http proxy/lua proxy/access_log proxy/route proxy/config proxy/tls proxy/stats proxy/io proxy/upstream proxy/tcp proxy/http_client proxy/xds proxy/filters
  proxy/listener proxy/admin proxy/server proxy/discovery control)
known='^(proxy/(stats|upstream)/[^ ]* proxy/tcp/end_reason\.hpp|proxy/access_log/[^ ]* proxy/stats/main_blocks\.hpp)$'

declare -A rank
for ((i = 0; i < ${#order[@]}; i++)); do rank[${order[i]}]=$i; done

folder_of() {  # path: "proxy/tcp/relay.hpp" → proxy/tcp, "common/ip.hpp" → common
  local first=${1%%/*} rest=${1#*/}
  if [[ $first == proxy && $rest == */* ]]; then folder=proxy/${rest%%/*}; else folder=$first; fi
}

found=0
while IFS=: read -r file line include; do
  target=${include#*\"} target=${target%%\"*}
  folder_of "$file"
  from=$folder
  folder_of "$target"
  to=$folder
  # main.cpp of a program, and files that are generated, have no place in the list.
  [[ -n ${rank[$from]:-} && -n ${rank[$to]:-} ]] || continue
  if ((rank[$to] <= rank[$from])) && [[ ! ($to == init && $from =~ ^(inject|ctl|proxy/.*)$) ]]; then continue; fi
  [[ "$file $target" =~ $known ]] && continue
  printf '%s:%s: %s must not know %s (%s)\n' "$file" "$line" "$from" "$to" "$target"
  found=1
done < <("$here/sources.sh" cpp | grep -E '^(common|init|inject|ctl|proxy|control)/' | xargs grep -nE '^#include "(common|init|inject|ctl|proxy|control)/' /dev/null)
exit "$found"
