#!/usr/bin/env bash
# Measures every floor of the system on this machine and says whether it is met, in about eight
# minutes. `make bench` builds first and calls this. Options by environment:
#
#   BONGSU_DATA=DIR       folder with models/ and videos/; made-up films and a tiny model without it
#   BENCH_ONLY=latency    some sections only: latency,loop,recovery,durability,stages,stores
#   BENCH_SECONDS=140     length of the latency run
#   BENCH_FLOOD=1         events of the latency run in bursts, which the console shows together
#   BENCH_KILLS=12        worker processes to kill, at most 16
#   BENCH_DEATHS=20       times to kill the node, and the cloud
#   BENCH_AWAY=60         seconds that the cloud is away
#   BENCH_DIR=DIR         keep data and logs of the run there
#   BENCH_OUT=FILE        where the report goes; benchmarks/results/ when everything is measured
#
# Exit codes: 0 every floor is met, 1 it could not be measured, 3 a floor is not met.
set -euo pipefail
cd "$(dirname "$0")/.."

for program in bongsu-edge bongsu-cloud; do
  if [ ! -x "bin/$program" ]; then
    echo "bench: bin/$program is missing: run make bench, or make build first" >&2
    exit 1
  fi
done
echo "bench: building bongsu-camera and bongsu-bench"
go build -trimpath -o bin/ ./deploy/demo/cmd/bongsu-camera ./benchmarks/cmd/bongsu-bench

command="make bench"
for v in BENCH_FLOOD BENCH_AWAY BENCH_DEATHS BENCH_KILLS BENCH_SECONDS BENCH_ONLY; do
  if [ -n "${!v:-}" ]; then command="$v=${!v} $command"; fi
done
result=benchmarks/results/spine-without-data.md
if [ -n "${BONGSU_DATA:-}" ]; then
  BONGSU_DATA=$(realpath "$BONGSU_DATA") # tests run in folders of their own
  export BONGSU_DATA
  command="BONGSU_DATA=… $command"
  result=benchmarks/results/spine.md
fi
if [ -n "${BENCH_ONLY:-}${BENCH_FLOOD:-}" ]; then result=""; fi

flood=false
if [ -n "${BENCH_FLOOD:-}" ]; then flood=true; fi
exec bin/bongsu-bench --bin bin --flood=$flood --command "$command" --out "${BENCH_OUT:-$result}" --dir "${BENCH_DIR:-}" \
  --seconds "${BENCH_SECONDS:-140}" --kills "${BENCH_KILLS:-12}" --deaths "${BENCH_DEATHS:-20}" --away "${BENCH_AWAY:-60}" \
  --only "${BENCH_ONLY:-}"
