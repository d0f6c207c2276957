#!/usr/bin/env bash
# Makes setup-*.webp, the pictures of docs/guide/cameras.md: a rendered camera is added in the console.
# Needs what the tests need (make deps-test). KEEP names a folder that keeps the picture of every step.
set -euo pipefail
cd "$(dirname "$0")/../.."
export BONGSU_ORT_LIB="$PWD/.deps/onnxruntime/libonnxruntime.so.1"
pictures=${KEEP:-$(mktemp -d)}
[ -n "${KEEP:-}" ] || trap 'rm -rf "$pictures"' EXIT
mkdir -p "$pictures"
pictures=$(realpath "$pictures")
go run ./edge/cmd/bongsu-edge scene render porch-passers-morning --no-clock --out "$pictures/film.mp4"
BONGSU_SETUP_FILM="$pictures/film.mp4" BONGSU_SCREENSHOTS="$pictures" go test -count=1 -timeout 15m -run '^TestCameraFromTheBrowser$' ./deploy/demo
while read -r step name; do
  ffmpeg -v error -y -i "$pictures/$step.png" -vf "scale=1280:-2:flags=lanczos" -c:v libwebp -quality 80 "docs/screenshots/$name.webp"
done <<'STEPS'
12-ready setup-zone
15-boxes setup-alive
19-with-boxes setup-boxes
STEPS
