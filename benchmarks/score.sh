#!/usr/bin/env bash
# Scores every rule on simulated and real clips and says which floors are met. `make score` builds first
# and calls this. Suites and runs stay in build/score: what is there is not rendered again.
#
#   SHORT=1               the short form, under four minutes: does the machinery work? Truth-driven rules
#                         must score, and the default model must have looked; how well it does is not judged
#   BONGSU_DATA=DIR       real clips and models; without it the real table is not measured
#   SCORE_DIR=build/score where suites and runs are kept
#   SCORE_SUITES=DIR      where the suites are, if elsewhere (tuning, scoring, soak)
#   SCORE_MODEL=name      the model that is judged; bongsu-nano
#   SCORE_CLIPS=60        clips of each category in the scoring suite, and in the tuning suite
#   SCORE_SOAK=0          clips of soak to render, 0 plays those that are there
#   SCORE_ONLY=a,b        some parts only: suites,scoring,soak,real,stability,report
#   SCORE_OUT=FILE        where the report goes; benchmarks/results/events.md when everything is measured
#
# Exit codes: 0 every floor that was measured is met, 1 it could not be measured, 3 a floor is not met.
set -euo pipefail
cd "$(dirname "$0")/.."
edge=${SCORE_EDGE:-bin/bongsu-edge}
if [ ! -x "$edge" ]; then
  echo "score: $edge is missing: run make score, or make build first" >&2
  exit 1
fi
export BONGSU_ORT_LIB=${BONGSU_ORT_LIB:-$PWD/.deps/onnxruntime/libonnxruntime.so.1}
short=${SHORT:-}
dir=${SCORE_DIR:-build/score}
[ -z "$short" ] || dir=${SCORE_DIR:-build/score-short}
suites=${SCORE_SUITES:-$dir}
model=${SCORE_MODEL:-bongsu-nano}
clips=${SCORE_CLIPS:-60}
only=${SCORE_ONLY:-suites,scoring,soak,real,stability,report}
mkdir -p "$dir"
program=$dir/bongsu-events
go build -trimpath -o "$program" ./benchmarks/cmd/bongsu-events

wanted() { [[ ",$only," == *",$1,"* ]]; }
step() { printf 'score: %s (%s)\n' "$1" "$(date +%T)"; }
# A score below the mark (3) is a result; anything else that is not 0 ends this.
play() { "$edge" score run "$@" || { rc=$?; [ "$rc" -eq 3 ] || exit 1; }; }

if [ -n "$short" ]; then
  step "rendering the short suite"
  "$edge" scene suite --out "$dir/suite" --purpose tuning --seed 5 --clips 3 --category Intrusion,Loitering,Falldown,FireDetection,Abandonment,LineCrossing 2>&1 | tail -1
  step "playing it with boxes from the truth"
  play --suite "$dir/suite" --detector truth --no-pictures --out "$dir/scoring-truth"
  step "playing it with $model"
  play --suite "$dir/suite" --model "$model" --no-pictures --cache "$dir/cache" --out "$dir/scoring-model"
  exec "$program" report --short --dir "$dir" --command "SHORT=1 make score"
fi

if wanted suites; then
  for purpose in tuning scoring; do
    step "rendering the $purpose suite: what is there stays"
    "$edge" scene suite --out "$suites/$purpose" --purpose "$purpose" --clips "$clips"
  done
  if [ "${SCORE_SOAK:-0}" -gt 0 ]; then
    step "rendering the soak"
    "$edge" scene suite --out "$suites/soak" --purpose soak --clips "$SCORE_SOAK"
  fi
fi
tuning=()
[ ! -f "$suites/tuning/suite.json" ] || tuning=(--tuning "$suites/tuning")
if wanted scoring; then
  step "the scoring suite with boxes from the truth"
  play --suite "$suites/scoring" "${tuning[@]}" --detector truth --no-pictures --out "$dir/scoring-truth"
  step "the scoring suite with $model"
  play --suite "$suites/scoring" "${tuning[@]}" --model "$model" --cache "$dir/cache" --out "$dir/scoring-model"
fi
if wanted soak && [ -f "$suites/soak/suite.json" ]; then
  step "the soak with $model"
  play --suite "$suites/soak" --model "$model" --cache "$dir/cache" --out "$dir/soak"
fi
if wanted real; then
  if [ -z "${BONGSU_DATA:-}" ]; then
    echo "score: BONGSU_DATA is not set: real clips are not scored"
  else
    "$program" real --data "$BONGSU_DATA" --dir "$dir/real"
    for m in "$model" "$BONGSU_DATA/models/yolox_nano_416.onnx"; do
      name=$(basename "$m" .onnx)
      step "real clips with $name"
      play --suite "$dir/real" --model "$m" --infer-per-second 10 --cache "$dir/cache" --out "$dir/real-$name"
    done
  fi
fi
if wanted stability; then
  sample=(--suite "$suites/scoring" --model "$model" --sample 40 --no-pictures)
  for run in 1 2 3 4 5; do
    step "40 clips, run $run of 5"
    play "${sample[@]}" --out "$dir/repeat-$run"
  done
  for offset in 0.0 0.2 0.4 0.6 0.8; do
    step "40 clips, switched on $offset s late"
    play "${sample[@]}" --offset "$offset" --out "$dir/offset-$offset"
  done
  step "40 clips over RTSP in real time"
  play "${sample[@]}" --rtsp --out "$dir/rtsp"
fi
out=${SCORE_OUT:-}
if [ -z "$out" ] && [ -z "${SCORE_ONLY:-}" ]; then out=benchmarks/results/events.md; fi
wanted report || exit 0
exec "$program" report --dir "$dir" --command "make score" ${out:+--out "$out"}
