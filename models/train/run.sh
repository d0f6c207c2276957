#!/usr/bin/env bash
# Makes bongsu-nano from nothing: a Python environment, the program that renders, the data sets,
# the training, the ONNX file, the scores.
#
#   models/train/run.sh [OUT]           everything; MINUTES=60 of training (default OUT: build/train)
#   models/train/run.sh --short [OUT]   some hundred frames and steps, to see that it still learns; not to be used
#
# PYTHON=/usr/bin/python3 takes that Python and its PyTorch, NumPy and OpenCV instead of an environment
# of its own. BONGSU_EDGE=path takes a program that is already built.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

short=
if [ "${1:-}" = --short ]; then short=yes; shift; fi
out=${1:-$root/build/train}
mkdir -p "$out"
out=$(cd "$out" && pwd)
began=$SECONDS
say() { echo "[$((SECONDS - began)) s] $*"; }

if [ -n "${PYTHON:-}" ]; then
  python=$PYTHON
else
  if [ ! -x "$out/venv/bin/python" ]; then
    say "Python environment in $out/venv (some gigabytes, because PyTorch brings its GPU parts along)"
    python3 -m venv "$out/venv"
    "$out/venv/bin/pip" install --quiet -r "$here/requirements.txt"
  fi
  python=$out/venv/bin/python
fi
"$python" -c 'import cv2, numpy, torch' || { echo "run.sh: $python lacks torch, numpy or cv2 (models/train/requirements.txt)" >&2; exit 2; }

edge=${BONGSU_EDGE:-$out/bongsu-edge}
if [ -z "${BONGSU_EDGE:-}" ]; then
  say "building the program that renders"
  (cd "$root" && go build -o "$edge" ./edge/cmd/bongsu-edge)
fi

render() { # folder look scenes frames seed [size]: one data set, unless it is there
  local to=$out/data/$1
  if [ -s "$to/dataset.json" ] && [ -e "$to.done" ]; then return; fi
  rm -rf "$to" && mkdir -p "$out/data"
  say "rendering $1: $3 places, $4 pictures each"
  "$edge" scene dataset --out "$to" --look "$2" --scenes "$3" --frames "$4" --seed "$5" "${@:6}" >"$to.log" 2>&1 || { tail -5 "$to.log" >&2; exit 1; }
  touch "$to.done"
}

cd "$here"
export PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
say "tests of the recipe's parts"
"$python" -W ignore test_recipe.py
if [ -n "$short" ]; then
  render short-train train 10 20 31 --width 512 --height 288
  say "training"
  "$python" -W ignore train.py --data "$out/data/short-train" --val "$out/data/short-train" --out "$out/run" \
    --plain --reach 0 --samples "${SAMPLES:-7500}" --batch 8 --lr 4e-3 --warm 30 --average 0.99 --cuts 2 --cut 256x160 --every 1e9 --skip 1 --must-learn "${LEAST:-0.02}"
  "$python" -W ignore export.py "$out/run/last.pt" "$out/bongsu-nano.onnx"
  say "done: it learns"
  exit 0
fi

render val train 100 8 9001
render held-out held-out 100 8 9002
shards=()
for n in $(seq 1 "${SHARDS:-6}"); do
  mix=any
  if [ $((n % 2)) = 0 ]; then mix=street; fi
  render "train-$n" train "${SCENES:-400}" 16 "$((100 + n))" --mix "$mix"
  shards+=("$out/data/train-$n")
done
half=$((${MINUTES:-60} / 2))
say "training for $half minutes"
"$python" -W ignore train.py --data "${shards[@]}" --val "$out/data/val" --out "$out/run" --minutes "$half" --every 10 --skip 4
say "and for $half more, with norms and first stages as they are"
"$python" -W ignore train.py --data "${shards[@]}" --val "$out/data/val" --out "$out/run-settled" --minutes "$half" --every 10 --skip 4 \
  --resume "$out/run/last.pt" --settled --lr 1e-3
"$python" -W ignore export.py "$out/run-settled/best.pt" "$out/bongsu-nano.onnx"
"$python" evaluate.py "$out/bongsu-nano.onnx" "$out/data/val" "$out/data/held-out" --json "$out/scores.json"
say "done: $out/bongsu-nano.onnx"
