#!/usr/bin/env bash
# Every test, in an order that suits two cores: the import arrows first, uncached, then the
# packages with the race detector, then the console's own. One command's failure fails the whole.
set -euo pipefail
cd "$(dirname "$0")/../.."
export BONGSU_ORT_LIB="$PWD/.deps/onnxruntime/libonnxruntime.so.1"
if [ -z "${BONGSU_DATA:-}" ]; then
  echo "test: BONGSU_DATA is not set: tests on real videos and models will be skipped, each with a line saying so"
else
  BONGSU_DATA=$(cd "$BONGSU_DATA" && pwd) && export BONGSU_DATA
fi
go test -count=1 .
go vet ./...
go test -race -timeout 15m $(go list ./... | grep -v '^bongsu$')
(cd cloud/console/web && npm test --silent && npm run --silent test:browser)
