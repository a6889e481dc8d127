#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes an authority that signs one certificate, and forgets its key: ca.crt, tls.crt and tls.key in this folder.
set -eu
cd "$(dirname "$0")"
name=weir-control.weir-system
umask 077
authority_key=$(mktemp)
trap 'rm -f "$authority_key"' EXIT
openssl ecparam -name prime256v1 -genkey -noout -out "$authority_key"
openssl req -x509 -new -key "$authority_key" -subj /CN=weir-control-webhook -days 3650 -out ca.crt
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key -subj "/CN=$name.svc" |
  openssl x509 -req -CA ca.crt -CAkey "$authority_key" -days 3650 -out tls.crt -extfile /dev/fd/3 3<<END
subjectAltName = DNS:$name.svc, DNS:$name, DNS:$name.svc.cluster.local
extendedKeyUsage = serverAuth
END
