#!/bin/sh
# throwaway.sh DIRECTORY NAME... - a certificate authority and a server certificate for a demo or a test: ca.crt, tls.crt
# and tls.key in DIRECTORY, valid for 30 days. NAMEs are DNS names or IPv4 addresses. In a cluster cert-manager does this
# (certs/cert-manager.yaml). ECDSA P-256: a handshake costs half of what RSA-2048 costs.
set -eu
[ $# -ge 2 ] || { echo "usage: $0 DIRECTORY NAME..." >&2; exit 2; }
directory=$1; shift
umask 077
mkdir -p "$directory"; cd "$directory"
names=
for name in "$@"; do
  case $name in *[!0-9.]*) names="$names,DNS:$name" ;; *) names="$names,IP:$name" ;; esac
done
openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -sha256 -days 30 -subj /CN=model-injector-throwaway-ca -out ca.crt \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
openssl ecparam -name prime256v1 -genkey -noout -out tls.key
openssl req -new -key tls.key -subj /CN=model-injector -out tls.csr
printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\nsubjectAltName=%s\n' "${names#,}" > tls.ext
openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -sha256 -extfile tls.ext -out tls.crt 2>/dev/null
rm -f ca.key ca.srl tls.csr tls.ext
