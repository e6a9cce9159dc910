#!/bin/sh
# gradients.sh CNNRUN SOURCE_DIR CASE: the observer `gradients`, from the outside, against numbers worked out by hand.
set -u
cnnrun=$1 source=$2 case=$3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
    echo "failed: $*" >&2
    for log in *.log g/gradients.csv; do [ -f "$log" ] && sed "s/^/$log: /" "$log" >&2; done
    exit 1
}

has() { # FILE TEXT
    grep -qF -- "$2" "$1" || fail "no '$2' in $1"
}

has_line() { # FILE LINE
    grep -qxF -- "$2" "$1" || fail "no line '$2' in $1"
}

# y = 1 * 3 + 2 * 4 = 11 and the target is 1, so the loss is 100, dL/dy = 20, dL/dw = 20 * (3, 4), dL/db = 20.
cat >tiny.yaml <<'END'
name: tiny
backend: reference
data: {inline: [3, 4], targets: [[1]]}
model:
  - linear: 1
    init: {weight: [[1, 2]], bias: 0}
train: {loss: mse, optimizer: {sgd: {lr: 0.001}}, epochs: 1, batch: 1}
output: {dir: g, report: [{gradients: {every: 1}}]}
END

case $case in
numbers)
    "$cnnrun" train tiny.yaml >log.log 2>&1 || fail "the run ended with $?"
    has_line g/gradients.csv "step,layer,weight,numbers,norm"
    has_line g/gradients.csv "1,0.linear,0.weight,2,100"
    has_line g/gradients.csv "1,0.linear,0.bias,1,20"
    has log.log "0.linear                    1.0e+02  1.0e+02" # hypot(100, 20) = 101.98
    has log.log "first layer / last layer: 1.0e+00"
    ;;
clipped) # what is told is the gradient, not what clipping leaves of it
    "$cnnrun" train tiny.yaml train.clip_grad_norm=1 >log.log 2>&1 || fail "the run ended with $?"
    has_line g/gradients.csv "1,0.linear,0.weight,2,100"
    ;;
small) # y - target = 0.5, dL/dy = 1, dL/dw = (3e-24, 4e-24): its square, 2.5e-47, is 0 in f32
    "$cnnrun" train tiny.yaml data.inline='[3e-24, 4e-24]' data.targets='[[-0.5]]' >log.log 2>&1 ||
        fail "the run ended with $?"
    has_line g/gradients.csv "1,0.linear,0.weight,2,5e-24"
    has_line g/gradients.csv "1,0.linear,0.bias,1,1"
    ;;
frozen)
    sed 's/^    init:/    freeze: true\n    init:/; s/^train:/  - linear: {out_features: 1, bias: false}\n    init: {weight: [[1]]}\ntrain:/' \
        tiny.yaml >frozen.yaml
    "$cnnrun" train frozen.yaml >log.log 2>&1 || fail "the run ended with $?"
    has_line g/gradients.csv "1,1.linear,1.weight,1,220" # dL/dw = 20 * 11
    if grep -q "0.linear" g/gradients.csv; then fail "a frozen weight has a gradient"; fi
    ;;
resume)
    pipeline=$source/pipelines/synthetic.yaml
    set -- backend=reference 'output.report=[{gradients: {every: 4}}]'
    "$cnnrun" train "$pipeline" "$@" output.dir=whole train.epochs=2 >a.log 2>&1 || fail "whole: $?"
    "$cnnrun" train "$pipeline" "$@" output.dir=g train.epochs=1 >b.log 2>&1 || fail "first half: $?"
    "$cnnrun" train "$pipeline" "$@" output.dir=g train.epochs=2 --weights g/checkpoint-0001.safetensors \
        >c.log 2>&1 || fail "second half: $?"
    cmp whole/gradients.csv g/gradients.csv || fail "a resumed run tells other gradients"
    [ "$(wc -l <g/gradients.csv)" -gt 20 ] || fail "hardly a gradient"
    ;;
absent) # nobody asks: the program is what it was, down to the last byte
    "$cnnrun" show program tiny.yaml output.report='[]' >without.log 2>&1 || fail "show: $?"
    "$cnnrun" show program tiny.yaml output.report='[csv, jsonl, terminal]' >others.log 2>&1 || fail "show: $?"
    "$cnnrun" show program tiny.yaml >with.log 2>&1 || fail "show: $?"
    cmp without.log others.log || fail "observers that want nothing cost something"
    if grep -q "gradients" without.log; then fail "gradients are measured for nobody"; fi
    has with.log "gradients"
    without=$(grep -c "= reduce(" without.log) with=$(grep -c "= reduce(" with.log)
    [ $((with - without)) -eq 2 ] || fail "$with - $without sums for two weights"
    ;;
errors)
    "$cnnrun" train tiny.yaml output.report='[{gradients: {every: 0}}]' >log.log 2>&1
    [ $? -eq 2 ] || fail "every: 0 is no error"
    has log.log "every"
    "$cnnrun" train tiny.yaml output.report='[gradient]' >log.log 2>&1
    [ $? -eq 3 ] || fail "gradient is no error"
    has log.log "did you mean 'gradients'?"
    mkdir -p g/gradients.csv
    "$cnnrun" train tiny.yaml >log.log 2>&1 && fail "a folder was written to"
    has log.log "cannot write g/gradients.csv"
    ;;
*)
    fail "unknown case $case"
    ;;
esac
