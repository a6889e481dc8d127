#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Shows interception at work: installs what is missing, builds a release into ./build, and runs the demo in network
# namespaces of its own. Nothing is installed in the machine's own network namespace.
#   scripts/demo.sh            the demo; everything is gone afterwards
#   scripts/demo.sh --keep     leaves the namespaces and programs for you to play with, and says how
#   scripts/demo.sh --remove   removes what --keep left
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

case "${1:-}" in
  "" | --keep | --remove) ;;
  -h | --help)
    sed -n '3,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
  *)
    echo "demo.sh: option '$1': unknown; see --help" >&2
    exit 2
    ;;
esac
if ((EUID != 0)); then
  echo "demo.sh: needs root, to make network namespaces; try: sudo $0 $*" >&2
  exit 1
fi

if [[ ${1:-} != --remove ]]; then
  # shellcheck source=scripts/packages.sh
  source "$here/packages.sh"
  install_packages build control demo
  echo "building weir-init, weir-proxy and weir-control (release)"
  "$here/build.sh" demo
fi
PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$here/demo" "$@"
