#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Debian 12 packages that Weir needs, in one place, and their installation.
# Run it:    scripts/packages.sh build|control|demo|test|pods ...   installs what is missing (root), nothing when all is there.
# Source it: install_packages build control test; missing_packages demo

# What compiles weir-init and weir-proxy.
packages_build=(
  g++ meson ninja-build pkg-config python3
  libasio-dev libc-ares-dev libcli11-dev libip4tc-dev libip6tc-dev libiptc-dev libluajit-5.1-dev libmnl-dev libnftnl-dev libnghttp2-dev libprotobuf-dev libre2-dev libspdlog-dev
  libyaml-cpp-dev libyaml-dev node-llhttp protobuf-compiler
)
# What compiles weir-control on top of that.
packages_control=(libgrpc++-dev libssl-dev)
# What the demo runs beside them.
packages_demo=(curl iproute2 netcat-openbsd nftables procps util-linux)
# What the tests need on top of both.
packages_test=(
  clang-14 clang-format-14 libclang-rt-14-dev llvm-14
  conntrack groff-base iptables libcap2-bin libgmock-dev libgtest-dev nghttp2-server openssl python3-grpcio python3-hpack python3-protobuf python3-pytest python3-pytest-xdist python3-yaml strace
)
# What plays Pods in the tests.
packages_pods=(aardvark-dns busybox-static catatonit conmon netavark podman runc)

packages_of() {  # group...
  local group
  for group in "$@"; do
    case "$group" in
      build) printf '%s\n' "${packages_build[@]}" ;;
      control) printf '%s\n' "${packages_control[@]}" ;;
      demo) printf '%s\n' "${packages_demo[@]}" ;;
      test) printf '%s\n' "${packages_test[@]}" ;;
      pods) printf '%s\n' "${packages_pods[@]}" ;;
      *) printf "packages.sh: group '%s': unknown; one of build, control, demo, test, pods\n" "$group" >&2; return 2 ;;
    esac
  done
}

# Prints those of the groups' packages that are not installed, one a line.
missing_packages() {  # group...
  local wanted installed
  wanted=$(packages_of "$@") || return 2
  # dpkg-query answers for each name that it knows and complains about the others.
  installed=$(xargs dpkg-query -W -f '${db:Status-Status} ${binary:Package}\n' <<<"$wanted" 2>/dev/null |
    sed -n 's/^installed \([^:]*\).*/\1/p') || true  # its complaints are an exit status, too
  grep -vxF -f <(printf '%s\n' "$installed") <<<"$wanted" | sort -u || true
}

# Installs what is missing. Says what it does; silent when there is nothing to do.
install_packages() {  # group...
  local -a missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    printf 'packages.sh: not installed: %s; run as root, or: apt-get install %s\n' \
      "${missing[*]}" "${missing[*]}" >&2
    return 1
  fi
  printf 'installing %d packages: %s\n' "${#missing[@]}" "${missing[*]}"
  local -a apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
  local log
  log=$(mktemp /tmp/weir-apt.XXXXXX)
  if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } \
    </dev/null >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    printf 'packages.sh: apt-get failed; its output is above\n' >&2
    return 1
  fi
  rm -f "$log"
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
  set -euo pipefail
  if (($# == 0)); then
    echo "usage: scripts/packages.sh build|control|demo|test|pods ..." >&2
    exit 2
  fi
  install_packages "$@"
fi
