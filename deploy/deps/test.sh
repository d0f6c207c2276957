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
step() { printf 'test: %s (%s)\n' "$1" "$(date +%T)"; }

step "import arrows and budgets"
go test -count=1 .
step "vet"
go vet ./...
step "packages, with the race detector"
mapfile -t packages < <(go list ./... | grep -v -e '^bongsu$' -e '^bongsu/deploy/demo$')
go test -race -timeout 15m "${packages[@]}"
step "trackers beside each other, and what must not allocate: without the race detector"
go test -count=1 ./edge/track
# The real programs wait for their cameras most of the time, and measure times: what only computes goes on
# beside them, at the lowest priority and one after the other, and is told of afterwards.
beside() {
  echo "beside: what fuzzing finds in ten seconds each"
  FUZZSEED="${FUZZSEED:-1}" FUZZJOBS="${FUZZJOBS:-4}" bash deploy/deps/fuzz.sh || return 1
  echo "beside: the training recipe, in small"
  bash deploy/deps/train.sh
}
step "the real programs, end to end"
said=$(mktemp)
(renice -n 19 "$BASHPID" >/dev/null; beside) >"$said" 2>&1 &
other=$!
trap 'pkill -TERM -P "$other" || true; rm -f "$said"' EXIT
go test -race -count=1 -timeout 15m ./deploy/demo
step "beside them: fuzzing, and the training recipe in small"
untested= rc=0
wait "$other" || rc=$?
trap 'rm -f "$said"' EXIT
cat "$said"
case $rc in
  0) ;;
  75) untested="THE TRAINING RECIPE IS NOT TESTED: there is no PyTorch here (deploy/deps/train.sh)" ;;
  *) exit 1 ;;
esac
step "events against truth: the short form of make score"
mkdir -p build
go build -trimpath -o build/bongsu-edge ./edge/cmd/bongsu-edge
SHORT=1 SCORE_EDGE=build/bongsu-edge bash benchmarks/score.sh
step "console"
(cd cloud/console/web && npm test --silent && npm run --silent test:browser)
step "done${untested:+, but $untested}"
