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
check) # every op runs, and gives what the reference gives
    run devices --check vulkan:0
    cat log
    grep -q "all that it runs is right" log || fail "something is wrong"
    if grep -q "left to another" log; then fail "something is not run"; fi
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
bits) # the same bits again, through staging memory, and on another number of the driver's threads
    train one 3 train.log_every=1 "output.report=[jsonl]"
    train two 3
    CNNRUN_VK_STAGING=1
    export CNNRUN_VK_STAGING
    train staged 3 train.log_every=1 "output.report=[jsonl]"
    LP_NUM_THREADS=1
    export LP_NUM_THREADS
    train three 3
    for name in one staged; do
        grep '"log"' $name/log.jsonl | sed 's/.*"loss": *\([^,}]*\).*/\1/' >$name.losses
    done
    [ "$(grep -c . one.losses)" -eq 78 ] || fail "not a loss for each step"
    same one.losses staged.losses
    for other in two staged three; do
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
epoch) # SAMPLES: Homework 1 after an epoch on so many of MNIST's: as accurate as on the reference with the same seed
    limit=$1
    for backend in reference vulkan:0; do
        "$cnnrun" "$source/pipelines/mnist-hw1.yaml" backend=$backend fallback=forbid train.epochs=1 train.seed=0 \
            data.limit="$limit" expect.accuracy=0 output.dir=$backend output.report='[jsonl]' >log 2>&1 || {
            grep -q 'was not found; searched:' log || fail "an epoch on $backend"
            echo "skipped: MNIST is not there"
            exit 77
        }
        accuracy=$(sed -n '/"eval_end"/s/.*"accuracy": *\([0-9.e-]*\).*/\1/p' $backend/log.jsonl | tail -n 1)
        echo "$backend: $accuracy"
        [ -n "$accuracy" ] || fail "no accuracy in the log"
        [ $backend != reference ] || reference=$accuracy
    done
    awk "BEGIN { d = $accuracy - $reference; exit !(d < 0.003 && d > -0.003) }" || fail "accuracies differ"
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
