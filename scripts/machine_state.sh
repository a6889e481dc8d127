#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints what nothing of ours may change in the machine's own network namespace: rules, addresses, routes.
# scripts/test.sh compares it before and after.
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
echo '-- rules'
nft --stateless list ruleset 2>/dev/null
echo '-- addresses'
ip -brief address
echo '-- routes'
{ ip route; ip -6 route; } | sed 's/ expires [0-9]*sec//'
