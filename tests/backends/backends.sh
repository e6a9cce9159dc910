#!/bin/sh
# backends.sh CNNRUN SOURCE_DIR PLUGIN_DIR CASE: runs that are shared between two backends.
set -u
cnnrun=$1 pipeline=$2/pipelines/synthetic.yaml plugins=$3 case=$4
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
    echo "failed: $*" >&2
    for log in *.log; do [ -f "$log" ] && sed "s/^/$log: /" "$log" >&2; done
    exit 1
}

train() { # BACKEND OPTION...
    backend=$1
    shift
    "$cnnrun" train "$pipeline" --plugin-path "$plugins" backend="$backend" output.dir="$backend" \
        train.epochs=1 "$@" >"$backend.log" 2>&1
}

case $case in
same_bits)
    # States and values cross between the backends in every step, and nothing is lost on the way.
    train half || fail "training on half"
    train reference || fail "training on reference"
    cmp half/checkpoint-0001.safetensors reference/checkpoint-0001.safetensors || fail "other bits"
    ;;
warning)
    train half || fail "training on half"
    grep -q "warning: .*run on reference" half.log || fail "the fallback is silent"
    ;;
forbid)
    train half fallback=forbid
    [ $? -eq 3 ] || fail "the exit status is not 3"
    grep -q "layer '0.conv2d'.*half cannot run op 'conv2d'" half.log || fail "it does not say what"
    ;;
matrix)
    # op, gradient, then a column for each backend.
    "$cnnrun" plugins --matrix --verbose --plugin-path "$plugins" >matrix.log 2>matrix.err ||
        fail "matrix"
    column() { awk -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) print i }' matrix.log; }
    cell() { awk -v op="$1" -v c="$(column half)" '$1 == op { print $c }' matrix.log; }
    [ "$(cell reshape)" = yes ] && [ "$(cell assign)" = yes ] || fail "what half moves is not yes"
    [ "$(cell conv2d)" = no ] && [ "$(cell softmax_grad)" = no ] || fail "what half lacks is not no"
    grep -q "half: half only moves numbers" matrix.log || fail "it does not say why"
    awk -v c="$(column reference)" '/^$/ { exit bad } NR > 1 && /^[a-z]/ && $c != "yes" { bad = 1 }' matrix.log || fail "the reference lacks an op"
    [ "$("$cnnrun" plugins --matrix --json | grep -c '"op"')" -ge 28 ] || fail "not every op"
    ;;
placement)
    "$cnnrun" show placement "$pipeline" --plugin-path "$plugins" backend=half >show.log 2>&1 ||
        fail "show placement"
    grep -q "op conv2d runs on reference: half only moves numbers" show.log || fail "no reason"
    ;;
one_layer)
    # One layer asks for another backend than the pipeline.
    "$cnnrun" train "$pipeline" --plugin-path "$plugins" backend=reference output.dir=one \
        train.epochs=1 model.3='{flatten: {}, backend: half}' >one.log 2>&1 || fail "training"
    train reference || fail "training on reference"
    cmp one/checkpoint-0001.safetensors reference/checkpoint-0001.safetensors || fail "other bits"
    ;;
*)
    fail "no case $case"
    ;;
esac
