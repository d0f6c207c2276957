#!/usr/bin/env bash
# Runs every native fuzz target of the repository, or those whose line "folder FuzzName" holds one of
# the words given: each for FUZZTIME (default 10s), FUZZJOBS (default 4) at once, with one
# processor each, a line for each. An input that crashes one fails the run; Go writes it to testdata/fuzz
# beside the target, and every `go test` runs it from there on.
# With FUZZSEED=N the inputs are those of that seed, begun from the committed corpora alone, so that a
# run can be made again elsewhere: what decides on a change does not depend on a throw of dice. Without it
# every run tries something new.
set -euo pipefail
self=$(realpath "$0")
cd "$(dirname "$self")/../.."
export FUZZTIME="${FUZZTIME:-10s}"
# Where Go itself keeps inputs that it found to be new: the next run goes on from them.
export FUZZ_CACHE="${FUZZ_CACHE:-$(go env GOCACHE)/fuzz/bongsu}"
if [ -n "${FUZZSEED:-}" ]; then
  export GODEBUG="${GODEBUG:+$GODEBUG,}fuzzseed=$FUZZSEED"
fi

# Every target, from the files that go list says belong to the build.
targets() {
  go list -f '{{$d := .Dir}}{{range .TestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}' ./... |
    sed '/^$/d' | xargs grep -HoE '^func Fuzz[A-Za-z0-9_]*\(' |
    sed -E "s#^$PWD/#./#; s#/[^/:]*:func (Fuzz[A-Za-z0-9_]*)\\(# \\1#; s#^\./##" | sort -u
}

binary() { echo "$FUZZ_OUT/$(tr / _ <<<"$1").test"; }

build() { # folder: its tests as one program, with the counters that guide the fuzzer
  go test -c -fuzz=Fuzz -o "$(binary "$1")" "./$1"
}

seconds() { # 90s, 2m or 1h as a number
  case "$1" in *h) echo $((${1%h} * 3600)) ;; *m) echo $((${1%m} * 60)) ;; *) echo "${1%s}" ;; esac
}

# A new input is made smaller for 1 s at most: left at Go's 60 s, that takes most of the time.
one() { # folder, target
  local log rc=0 runs
  log="$(binary "$1").$2.log"
  (cd "$1" && GOMAXPROCS=1 timeout -k 5 $(($(seconds "$FUZZTIME") + 90)) "$(binary "$1")" -test.run '^$' -test.fuzz "^$2\$" \
    -test.fuzztime "$FUZZTIME" -test.fuzzminimizetime 1s -test.parallel 1 -test.fuzzcachedir "$FUZZ_CACHE/$1" >"$log" 2>&1) || rc=$?
  # The end of the time may meet Go's fuzzer amid a run, which it then tells as a failure without an input.
  if [ $rc -ne 0 ] && grep -q 'context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log"; then rc=0; fi
  runs=$(sed -nE 's/^fuzz: elapsed: ([^,]*), execs: ([0-9]+) .*/\2 runs in \1/p' "$log" | tail -1)
  if [ $rc -eq 0 ]; then
    printf 'fuzz: ok    %-26s %-18s %s\n' "$1" "$2" "$runs"
    return
  fi
  printf 'fuzz: FAIL  %-26s %-18s exit code %s\n%s\n' "$1" "$2" "$rc" "$(tail -n 40 "$log" | sed 's/^/    /')"
  return 1
}

if [ "${1:-}" = --one ]; then
  one "$2" "$3"
  exit
fi
FUZZ_OUT=$(mktemp -d) && export FUZZ_OUT
if [ -n "${FUZZSEED:-}" ]; then export FUZZ_CACHE="$FUZZ_OUT/cache"; fi
trap 'rm -rf "$FUZZ_OUT"' EXIT
list=$(targets)
if [ $# -gt 0 ]; then list=$(grep -F "$(printf '%s\n' "$@")" <<<"$list"); fi
from=$SECONDS
for folder in $(cut -d' ' -f1 <<<"$list" | sort -u); do build "$folder"; done
echo "fuzz: $(wc -l <<<"$list") targets, $FUZZTIME each, seed ${FUZZSEED:-new}; built in $((SECONDS - from)) s"
from=$SECONDS
xargs -P "${FUZZJOBS:-4}" -L 1 bash "$self" --one <<<"$list" || { echo "fuzz: FAILED after $((SECONDS - from)) s"; exit 1; }
echo "fuzz: done in $((SECONDS - from)) s"
