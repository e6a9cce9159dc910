#!/bin/sh
# vulkan.sh CNNRUN SOURCE_DIR CASE [ARGUMENT ...]: whole pipelines on vulkan:0. Nothing may fall back on another backend.
# Status 77 where there is no device.
set -u
cnnrun=$1 source=$2 case=$3
shift 3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
    echo "failed: $*" >&2
    [ -f log ] && tail -n 30 log >&2
    exit 1
}

run() {
    "$cnnrun" "$@" >log 2>&1 || fail "cnnrun $*: status $?"
}

same() { # FILE FILE
    cmp "$1" "$2" || fail "$1 and $2 differ"
}

# Homework 1 on made-up digits, 32 at a time.
train() { # DIR EPOCHS OPTION...
    dir=$1 epochs=$2
    shift 2
    run train "$source/pipelines/mnist-hw1.yaml" backend=vulkan:0 fallback=forbid output.dir="$dir" test.every=0 \
        output.checkpoint.best= train.batch=32 train.epochs="$epochs" \
        "data.source={synthetic: {classes: 10, height: 28, width: 28, train: 816, test: 16}}" "$@"
}

"$cnnrun" show placement "$source/pipelines/synthetic.yaml" backend=vulkan:0 >log 2>&1
case $? in
0) ;;
3)
    echo "skipped: vulkan:0 cannot be opened"
    cat log
    exit 77
    ;;
*) fail "placing a network" ;;
esac

data=$source/tests/trajectories
digits="data.source={npy: {x: $data/x.npy, y: $data/y.npy}}"

case $case in
compare) # NET: every value of a step, forward and backward, and an output
    for mode in train predict; do
        run compare "$source/pipelines/mnist-$1.yaml" backend=reference,vulkan:0 fallback=forbid "$digits" --batch 13 \
            --mode $mode
        tail -n 1 log
    done
    ;;
classic) # NAME MODE SHAPE CLASSES [PATH=VALUE ...], see tests/classics
    name=$1 mode=$2 shape=$3 classes=$4
    shift 4
    batch=${shape%%x*} image=${shape#*x}
    channels=${image%%x*} size=${image##*x}
    run compare "$source/pipelines/classics/$name.yaml" backend=reference,vulkan:0 fallback=forbid --mode "$mode" \
        --batch "$batch" "$@" \
        "data.source={synthetic: {classes: $classes, channels: $channels, height: $size, width: $size, train: 16, test: 16}}"
    tail -n 1 log
    ;;
plugin) # PIPELINE DIR: a layer from outside agrees, trains and meets its expectation
    run compare "$1" backend=reference,vulkan:0 fallback=forbid --plugin-path "$2" --batch 5
    tail -n 1 log
    run "$1" backend=vulkan:0 fallback=forbid --plugin-path "$2"
    ;;
trajectory) # NET COMPARE: ten steps from the same weights as PyTorch
    net=$1 compare=$2
    for epochs in 0 1; do
        run train "$source/pipelines/mnist-$net.yaml" backend=vulkan:0 fallback=forbid "$digits" train.seed=0 \
            train.batch=8 train.shuffle=false test.every=0 output.dir="$epochs" output.checkpoint.best= \
            train.epochs="$epochs"
    done
    "$compare" "$data/$net.safetensors" 0/model.safetensors 1/model.safetensors || fail "other weights than PyTorch's"
    ;;
bits) # the same bits again, and on another number of the driver's threads
    train one 3
    train two 3
    LP_NUM_THREADS=1
    export LP_NUM_THREADS
    train three 3
    for other in two three; do
        same one/checkpoint-0003.safetensors $other/checkpoint-0003.safetensors
        same one/model.safetensors $other/model.safetensors
    done
    ;;
resume)
    train whole 3
    train part 1
    train rest 3 --weights part/checkpoint-0001.safetensors
    same whole/checkpoint-0003.safetensors rest/checkpoint-0003.safetensors
    same whole/model.safetensors rest/model.safetensors
    ;;
learns) # what it was made to learn
    run "$source/pipelines/synthetic.yaml" backend=vulkan:0 fallback=forbid output.dir=
    ;;
expect) # FILE...: pipelines that say what comes out
    for file in "$@"; do
        run "$file" backend=vulkan:0 fallback=forbid output.dir=
    done
    ;;
*)
    fail "no case $case"
    ;;
esac
