#!/usr/bin/env bash
# The training recipe in small: some hundred rendered pictures, a minute or two of learning with the
# system's PyTorch, the ONNX file, and its score through the program itself. It must have learnt.
# Where there is no PyTorch it says so, in words that the end of `make test` repeats, and ends well.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-/usr/bin/python3}
if ! why=$("$python" -c 'import torch, cv2, numpy' 2>&1); then
  printf 'train: THE TRAINING RECIPE IS NOT TESTED: %s has no PyTorch or OpenCV (%s)\n' "$python" "${why##*$'\n'}" >&2
  echo "train: on Debian 12: apt-get install --no-install-recommends python3-torch python3-opencv" >&2
  exit 75
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export BONGSU_ORT_LIB=${BONGSU_ORT_LIB:-$PWD/.deps/onnxruntime/libonnxruntime.so.1}
go build -o "$dir/bongsu-edge" ./edge/cmd/bongsu-edge
PYTHON=$python BONGSU_EDGE=$dir/bongsu-edge timeout 1800 bash models/train/run.sh --short "$dir/out"
sed "s/^sha256: .*/sha256: $(sha256sum "$dir/out/bongsu-nano.onnx" | cut -d' ' -f1)/" models/nano/manifest.yaml >"$dir/out/manifest.yaml"
"$dir/bongsu-edge" model score "$dir/out" --models "$dir/models" --data "$dir/out/data/short-train" --least-map50 0.01
