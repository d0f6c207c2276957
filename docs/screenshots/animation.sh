#!/usr/bin/env bash
# Makes animation.webp, the README's animation: an alert of a rendered camera is claimed and judged
# in the console. Needs what the tests need (make deps-test). MODEL takes another model than
# bongsu-nano; the folder that KEEP names keeps the single pictures.
set -euo pipefail
cd "$(dirname "$0")/../.."
export BONGSU_ORT_LIB="$PWD/.deps/onnxruntime/libonnxruntime.so.1"
pictures=${KEEP:-$(mktemp -d)}
[ -n "${KEEP:-}" ] || trap 'rm -rf "$pictures"' EXIT
mkdir -p "$pictures"
pictures=$(realpath "$pictures")
BONGSU_ANIMATION="$pictures" go test -count=1 -timeout 15m -run '^TestAnimation$' ./deploy/demo
out=docs/screenshots/animation.webp
ffmpeg -v error -y -f concat -safe 0 -i "$pictures/list.txt" -vf "scale=1000:-2:flags=lanczos" -fps_mode passthrough \
  -c:v libwebp_anim -quality 70 -compression_level 4 -loop 0 "$out"
bytes=$(stat -c %s "$out")
echo "$out: $bytes bytes"
[ "$bytes" -le 1500000 ] || { echo "that is more than 1.5 MB: take fewer pictures or less quality" >&2; exit 1; }
