#!/bin/sh
# compare.sh CNNRUN SOURCE_DIR PLUGIN_DIR CASE: `cnnrun compare` with backends that are right or not.
set -u
cnnrun=$1 pipeline=$2/pipelines/synthetic.yaml plugins=$3 case=$4
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
    echo "failed: $*" >&2
    sed "s/^/    /" log >&2
    exit 1
}

compare() { # STATUS ARGUMENT...
    wanted=$1
    shift
    "$cnnrun" compare "$pipeline" --plugin-path "$plugins" "$@" >log 2>&1
    status=$?
    [ $status -eq "$wanted" ] || fail "the exit status is $status, not $wanted"
}

case $case in
same)
    compare 0 backend=reference,cpu --batch 17
    grep -q "^all [0-9]* values are within" log || fail "no verdict"
    ;;
predict)
    compare 0 backend=reference,cpu --batch 3 --mode predict
    grep -q "^whole step: output" log || fail "the output is not compared"
    ;;
wrong)
    compare 1 backend=reference,wrong --batch 17
    grep -q "^first beyond 0.0001: forward of layer '3.flatten' (op reshape)" log ||
        fail "it names another value"
    ;;
nan)
    compare 1 backend=reference,wrong_nan --tolerance 1000
    grep -q "^first beyond 1000: forward of layer '3.flatten'.*inf" log || fail "it hides the NaN"
    ;;
three)
    compare 1 backend=reference,cpu,wrong --batch 5
    grep -q "^cpu against reference, batch 5" log || fail "no first pair"
    grep -q "^wrong against reference, batch 5" log || fail "no second pair"
    ;;
tolerance)
    compare 0 backend=reference,wrong --batch 17 --tolerance 1000
    ;;
weights)
    "$cnnrun" train "$pipeline" --plugin-path "$plugins" train.epochs=1 output.dir=trained >log 2>&1 ||
        fail "training"
    compare 0 backend=reference,cpu --weights trained
    compare 2 backend=reference,cpu --weights nowhere.safetensors
    ;;
usage)
    compare 2 backend=cpu
    grep -q "compare needs two backends" log || fail "no reason"
    compare 2 backend=reference,,cpu
    compare 2 backend=reference,cpu --batch 0
    compare 2 backend=reference,cpu --batch 100000
    grep -q "the split has" log || fail "no reason"
    compare 2 backend=reference,cpu --mode guess
    compare 2 backend=reference,cpu --tolerance x
    compare 3 backend=reference,nowhere
    ;;
json)
    compare 1 backend=reference,wrong_nan --json
    grep -q '"within": false, "values": \[{"kind": "forward", "layer": "0.conv2d"' log || fail "no JSON"
    grep -q '"absolute": null' log || fail "no null for an infinite distance"
    ;;
*)
    fail "no case $case"
    ;;
esac
