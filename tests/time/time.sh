#!/bin/sh
# time.sh CNNRUN SOURCE_DIR CASE: `cnnrun time` on a small pipeline.
set -u
cnnrun=$1 pipeline=$2/pipelines/synthetic.yaml case=$3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
    echo "failed: $*" >&2
    sed "s/^/    /" log >&2
    exit 1
}

measure() { # STATUS ARGUMENT...
    wanted=$1
    shift
    "$cnnrun" time "$pipeline" --steps 2 "$@" >log 2>&1
    status=$?
    [ $status -eq "$wanted" ] || fail "the exit status is $status, not $wanted"
}

case $case in
layers)
    measure 0 backend=reference,cpu
    [ "$(grep -c '^0.conv2d ' log)" -eq 2 ] || fail "the layers of two backends are missing"
    grep -q "^cpu, batch 32: median .* times the first's time$" log || fail "no ratio"
    [ "$(awk 'length > 100' log | wc -l)" -eq 0 ] || fail "a line of more than 100 columns"
    ;;
modes)
    for mode in train eval predict; do measure 0 backend=reference --mode $mode; done
    grep -q "^0.conv2d  *[0-9.]*  *0.000  *0.000 " log || fail "a prediction has a backward pass"
    ;;
json)
    measure 0 backend=reference --json
    grep -q '^{"backend": "reference", "batch": 32, "median": ' log || fail "no JSON"
    grep -q '"layer": "0.conv2d", "forward": ' log || fail "no layers"
    ;;
usage)
    measure 2 --mode guess
    measure 2 --steps 0
    measure 3 backend=nowhere
    ;;
*)
    fail "no case $case"
    ;;
esac
