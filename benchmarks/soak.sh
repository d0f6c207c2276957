#!/usr/bin/env bash
# The long form of every fault row, with a soak beside it: eight cameras on Redis and S3, with faults
# throughout. `make soak` builds first and calls this; it writes benchmarks/results/faults.md. What a
# row promises and which tests show it stands in benchmarks/faults.yaml. Options by environment:
#
#   BONGSU_DATA=DIR   folder with real videos and models; the rows that need them are skipped without it
#   SOAK=60m          how long the soak runs; 0 leaves it out
#   SOAK_LONG=1       0: the rows in the short form that every submission runs
#   SOAK_RACE=        -race: with the race detector, slower
#   SOAK_ONLY=REGEXP  only packages that match: the hours may be run in parts. Rows of the others stay
#                     as benchmarks/results/faults.jsonl remembers them, each with the commit it was seen at
#
# Exit codes: 0 every row was run and passed, 1 it could not be run, 3 a row failed or was not run.
set -euo pipefail
cd "$(dirname "$0")/.."
export BONGSU_ORT_LIB="$PWD/.deps/onnxruntime/libonnxruntime.so.1"
if [ -n "${BONGSU_DATA:-}" ]; then BONGSU_DATA=$(realpath "$BONGSU_DATA") && export BONGSU_DATA; fi
soak=${SOAK:-60m} long=${SOAK_LONG:-1} only=${SOAK_ONLY:-.}
began=$SECONDS
say() { printf 'soak %4d min  %s\n' $(((SECONDS - began) / 60)) "$*"; }

logs=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$logs"' EXIT
go build -o "$logs/figures" ./benchmarks/cmd/bongsu-figures

# The soak mostly waits, so the rows run beside it.
if [ "$soak" != 0 ]; then
  say "eight cameras with faults throughout, for $soak, in the background"
  BONGSU_SOAK=$soak go test -json -v -count=1 -timeout 4h -run '^TestSoak$' ./deploy/demo >"$logs/soak.json" &
  running=$!
fi
if [ "$long" != 0 ]; then export BONGSU_LONG=1; fi
"$logs/figures" --packages >"$logs/packages"
n=0
while IFS=$'\t' read -r package tests; do
  if ! grep -qE "$only" <<<"$package"; then continue; fi
  n=$((n + 1))
  tests=${tests//TestSoak|/} tests=${tests//|TestSoak/}
  if [ "$tests" = '^(TestSoak)$' ]; then continue; fi
  say "$package: $tests"
  # shellcheck disable=SC2086 # no word when it is empty
  go test -json -v -count=1 ${SOAK_RACE:-} -timeout 2h -run "$tests" "$package" >"$logs/$n.json" || say "$package FAILED"
done <"$logs/packages"
if [ "$long" != 0 ]; then
  say "the C code under AddressSanitizer"
  LSAN_OPTIONS=suppressions="$PWD/streams/avcodec/testdata/lsan.supp" go test -json -v -count=1 -asan -run '^TestTenThousandPictures$' \
    ./streams/avcodec >"$logs/asan.json" || say "AddressSanitizer FAILED"
fi
if [ "$soak" != 0 ]; then
  say "the rows are done; waiting for the soak to end"
  wait "$running" || say "the soak FAILED"
fi
only_said=
if [ "$only" != . ]; then only_said=" SOAK_ONLY='$only'"; fi
commit=$(git describe --tags --always --dirty)
note="Last made by \`SOAK=$soak SOAK_LONG=$long$only_said make soak\` in $(((SECONDS - began) / 60)) minutes on $(nproc) cores, $(uname -sr | cut -d- -f1), $(go env GOVERSION), at $commit. The last column says at which commit a row's tests were run; rows are numbered as in docs/design/durability.md."
"$logs/figures" --note "$note" --record benchmarks/results/faults.jsonl --at "$commit" --out benchmarks/results/faults.md "$logs"/*.json
