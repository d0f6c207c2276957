#!/usr/bin/env bash
# Installs what Bongsu needs on Debian 12 or Ubuntu 24.04: `install.sh build` for a build,
# `install.sh test` for what the tests need besides. Running it again does nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
what=${1:-build}

# One package a line; the comment says who needs it.
build_packages=(
  gcc g++ pkg-config      # cgo
  ca-certificates
  libavcodec-dev          # streams/avcodec: decoding
  libavutil-dev
  libswscale-dev          # models/tensor: the one pixel pass
  libopencv-dev           # edge/vision, through gocv
)
test_packages=(
  ffmpeg                            # makes and judges streams in tests
  chromium                          # the console's tests
  fonts-noto-cjk                    # Korean in screenshots
  libgstrtspserver-1.0-dev          # a second RTSP implementation
  glib-networking                   # TLS for it
  gstreamer1.0-plugins-base
  gstreamer1.0-plugins-good
  gstreamer1.0-plugins-bad          # h264parse, h265parse
  redis-server                      # cloud/queue/redisq; tests start the program themselves
)
# What the training recipe's test needs: the system's own PyTorch, because the one of the Python registry
# brings gigabytes of GPU libraries along. A system that has none goes without; make test says so then.
training_packages=(python3-torch python3-opencv)
# Services that those packages bring and that nothing of ours uses: the tests start the programs
# on free ports. One that was installed before this script came is left as it is.
unused_services=(redis-server)

# ONNX Runtime, from the npm package that carries it. Both hashes were taken when the version
# was pinned: of the package as npm states it, and of the one file that is taken from it.
ort_version=1.27.0
ort_integrity='sha512-QEzGwrvNBgv4uPVdnbHsOGG4G6T96mdlcFI8aAKPjMU8wOPpVocPXb6k3QGkaZagVTv2G9Bnnbo6Z3JdXr1fQw=='
ort_sha256=d8aff4aa8abee8fb2abb2f2f2459ffc94461e781e41b9f7c072829dd0d470221
ort_member=package/bin/napi-v6/linux/x64/libonnxruntime.so.1
ort_lib=.deps/onnxruntime/libonnxruntime.so.1

# S3 servers that the tests of cloud/objects/s3 start, built from their Go modules, whose hashes Go's
# checksum database vouches for: name, module with the program's folder, version.
s3_servers=(
  "versitygw github.com/versity/versitygw/cmd/versitygw v1.8.0"
  "minio github.com/minio/minio v0.0.0-20260212201848-7aac2a2c5b7c"
)

die() { printf 'deps: %s\n' "$*" >&2; exit 1; }

# at_least HAVE WANT: version comparison by sort -V.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

check_prerequisites() {
  [ "$(uname -m)" = x86_64 ] || die "this machine is $(uname -m); Bongsu has been built on x86_64 only"
  command -v git >/dev/null || die "git is missing: install it first (apt-get install git)"
  command -v go >/dev/null || die "Go is missing: install Go 1.26 or newer and put it on the PATH"
  local go_version node_version
  go_version=$(go env GOVERSION | sed 's/^go//')
  at_least "$go_version" 1.26 || die "Go is $go_version; Bongsu needs 1.26 or newer"
  command -v node >/dev/null || die "Node is missing: install Node 20 or newer and put it on the PATH"
  node_version=$(node --version | sed 's/^v//')
  at_least "$node_version" 20 || die "Node is $node_version; Bongsu needs 20 or newer"
  command -v npm >/dev/null || die "npm is missing: it comes with Node 20; put it on the PATH"
}

check_system() {
  local id='' version=''
  [ -r /etc/os-release ] && { id=$(. /etc/os-release; echo "$ID"); version=$(. /etc/os-release; echo "${VERSION_ID:-}"); }
  case "$id-$version" in
    debian-12|ubuntu-24.04) ;;
    *) echo "deps: this is ${id:-an unknown system} $version; Bongsu is made for Debian 12 and Ubuntu 24.04, and may not build here" >&2 ;;
  esac
}

missing_packages() {
  local p
  for p in "$@"; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || printf '%s\n' "$p"
  done
}

install_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    pkg-config --exists libavcodec libavutil libswscale opencv4 2>/dev/null && return
    die "there is no apt here; install by hand what these Debian packages hold, then run this again: $*"
  fi
  local missing
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "not root and no sudo; as root run: apt-get install --no-install-recommends ${missing[*]}"
    sudo=(sudo)
  fi
  echo "deps: installing with apt-get: ${missing[*]}"
  "${sudo[@]}" apt-get update -qq || die "apt-get update failed; its message is above"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    >/tmp/bongsu-apt.$$ 2>&1 || { tail -n 20 /tmp/bongsu-apt.$$ >&2; die "apt-get could not install: ${missing[*]}"; }
  rm -f /tmp/bongsu-apt.$$
  stop_services "${missing[@]}"
}

# install_training tries what may be missing from a system's lists.
install_training() {
  [ "$(missing_packages "${training_packages[@]}" | wc -l)" -gt 0 ] || return 0
  command -v apt-cache >/dev/null || return 0
  if ! (install_packages "${training_packages[@]}"); then
    echo "deps: NO PYTORCH: the training recipe will not be tested here (apt-get could not install ${training_packages[*]})" >&2
  fi
}

# stop_services ends and disables those services that came with the packages just installed.
stop_services() {
  local p s
  for p in "$@"; do
    for s in "${unused_services[@]}"; do
      [ "$p" = "$s" ] || continue
      echo "deps: the service $s is not needed and is switched off; only its program is used"
      if [ -d /run/systemd/system ]; then
        "${sudo[@]}" systemctl disable --now --quiet "$s" || true
      else
        "${sudo[@]}" service "$s" stop >/dev/null 2>&1 || true
      fi
    done
  done
}

sha256_of() { sha256sum "$1" | cut -d' ' -f1; }

install_onnxruntime() {
  [ -f "$ort_lib" ] && [ "$(sha256_of "$ort_lib")" = "$ort_sha256" ] && return
  echo "deps: fetching ONNX Runtime $ort_version (npm pack onnxruntime-node, about 100 MB; none of its scripts is run)"
  local tmp got
  tmp=$(mktemp -d)
  trap 'rm -rf "$tmp"' RETURN
  (cd "$tmp" && npm pack --silent --ignore-scripts "onnxruntime-node@$ort_version" >/dev/null) \
    || die "npm could not fetch onnxruntime-node@$ort_version"
  got=sha512-$(node -e 'const c=require("crypto"),f=require("fs");process.stdout.write(c.createHash("sha512").update(f.readFileSync(process.argv[1])).digest("base64"))' "$tmp/onnxruntime-node-$ort_version.tgz")
  [ "$got" = "$ort_integrity" ] || die "onnxruntime-node-$ort_version.tgz has integrity $got, expected $ort_integrity: not used"
  tar -xzf "$tmp/onnxruntime-node-$ort_version.tgz" -C "$tmp" "$ort_member"
  [ "$(sha256_of "$tmp/$ort_member")" = "$ort_sha256" ] || die "libonnxruntime.so.1 does not have the expected SHA-256: not used"
  mkdir -p "$(dirname "$ort_lib")"
  install -m 0644 "$tmp/$ort_member" "$ort_lib.new" && mv "$ort_lib.new" "$ort_lib"
}

install_console_packages() {
  local dir=cloud/console/web stamp
  stamp=$dir/node_modules/.bongsu-lock
  [ -f "$dir/package-lock.json" ] || return 0
  [ -f "$stamp" ] && cmp -s "$stamp" "$dir/package-lock.json" && return
  echo "deps: installing the console's packages from its lock file (npm ci)"
  (cd "$dir" && npm ci --silent --no-audit --no-fund --ignore-scripts=false) || die "npm ci failed in $dir; its message is above"
  cp "$dir/package-lock.json" "$stamp"
}

install_s3_servers() {
  local line name program version tmp
  for line in "${s3_servers[@]}"; do
    read -r name program version <<<"$line"
    [ "$(go version -m ".deps/s3/$name" 2>/dev/null | awk '$1 == "mod" { print $3 }')" = "$version" ] && continue
    echo "deps: building the S3 server $name $version for the tests (go install, one to three minutes the first time)"
    tmp=$(mktemp -d)
    CGO_ENABLED=0 GOFLAGS=-trimpath GOBIN=$tmp go install -ldflags='-s -w' "$program@$version" 2>"$tmp/log" \
      || { tail -n 20 "$tmp/log" >&2; rm -rf "$tmp"; die "the S3 server $name could not be built; go's last lines are above"; }
    mkdir -p .deps/s3 && install -m 0755 "$tmp/$name" ".deps/s3/$name.new" && mv ".deps/s3/$name.new" ".deps/s3/$name"
    rm -rf "$tmp"
  done
}

check_prerequisites
case $what in
  build)
    check_system
    install_packages "${build_packages[@]}"
    install_onnxruntime
    install_console_packages ;;
  test)
    install_packages "${test_packages[@]}"
    install_training
    install_s3_servers ;;
  *) die "unknown word '$what': use build or test" ;;
esac
