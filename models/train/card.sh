#!/usr/bin/env bash
# Prints the scores that models/nano/CARD.md quotes, from the committed weights: renders two sets of
# pictures that no training has seen (their seeds are used for nothing else) and scores bongsu-nano on
# them; with BONGSU_DATA also on real pictures, and YOLOX-nano beside it everywhere.
#
#   models/train/card.sh [OUT]     OUT (default build/card) keeps the pictures and scores as JSON
#
# WRITE=1 also puts them into CARD.md and real.json (needs BONGSU_DATA, and node).
# BONGSU_EDGE=path takes a program that is already built. MODEL=FILE scores other weights.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-build/card}
mkdir -p "$out"
edge=${BONGSU_EDGE:-$out/bongsu-edge}
[ -n "${BONGSU_EDGE:-}" ] || go build -o "$edge" ./edge/cmd/bongsu-edge
export BONGSU_ORT_LIB=${BONGSU_ORT_LIB:-$PWD/.deps/onnxruntime/libonnxruntime.so.1}

beside=()
if [ -n "${BONGSU_DATA:-}" ]; then
  beside=(--beside "$BONGSU_DATA/models/yolox_nano_416.onnx")
else
  echo "card: BONGSU_DATA is not set: neither real pictures nor YOLOX-nano beside" >&2
fi

score() { # name folder
  printf '\n== %s\n\n' "$1"
  "$edge" model score "${MODEL:-bongsu-nano}" --models "$out/models" --data "$2" "${beside[@]}" --json "$out/$1.json" 2>"$out/$1.log" \
    || { tail -n 5 "$out/$1.log" >&2; exit 1; }
}

rendered() { # look seed
  local dir=$out/$1-$2
  if [ ! -e "$dir.whole" ]; then
    rm -rf "$dir"
    "$edge" scene dataset --out "$dir" --look "$1" --scenes 100 --frames 8 --seed "$2" >&2
    touch "$dir.whole"
  fi
  score "rendered-$1" "$dir"
}

everything() {
  rendered held-out 7002
  rendered train 7001
  if [ -n "${BONGSU_DATA:-}" ]; then
    score real-voc "$BONGSU_DATA/gt/voc"
    score real-coco "$BONGSU_DATA/gt/coco"
  fi
}

everything | tee "$out/card.txt"
if [ -n "${WRITE:-}" ]; then
  node models/train/card.mjs "$out"
fi
