#!/usr/bin/env bash
# Makes the secrets of compose.yaml, once; what is there stays. They are readable by the containers' user
# (65532) and, when this is not run as root, by its group only through this user's own files.
set -euo pipefail
cd "$(dirname "$0")"
mkdir -p secrets edge
chmod 0700 secrets
make_once() { # name: 32 random bytes as hex
  [ -s "secrets/$1" ] || (umask 077 && od -An -tx1 -N32 /dev/urandom | tr -d ' \n' >"secrets/$1")
}
for name in redis_password s3_access_key s3_secret_key; do make_once "$name"; done
if [ ! -s secrets/redis_acl ]; then
  hash=$(sha256sum <secrets/redis_password | cut -d' ' -f1)
  (umask 077 && printf 'user default off\nuser bongsu on #%s ~bongsu* &* +@all -@dangerous\n' "$hash" >secrets/redis_acl)
fi
# Compose mounts secrets from files as they are, with their owner.
if [ "$(id -u)" -eq 0 ]; then chown 65532:65532 secrets/*; else echo "secrets.sh: not root: run 'sudo chown 65532:65532 $PWD/secrets/*'" >&2; fi
