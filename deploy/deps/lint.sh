#!/usr/bin/env bash
# Static checks. The linter is built once, by version, into .deps.
set -euo pipefail
cd "$(dirname "$0")/../.."
version=v2.15.0
bin=$PWD/.deps/golangci-lint-$version
if [ ! -x "$bin" ]; then
  echo "lint: building golangci-lint $version (once, a minute or two)"
  tmp=$(mktemp -d)
  trap 'rm -rf "$tmp"' EXIT
  GOBIN=$tmp go install "github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$version"
  mkdir -p .deps && mv "$tmp/golangci-lint" "$bin"
fi
"$bin" run ./...
(cd cloud/console/web && npx --no-install tsc --noEmit)
