#!/bin/sh
# trajectory.sh CNNRUN COMPARE SOURCE_DIR NET: ten steps from the same weights as PyTorch.
set -eu
cnnrun=$1 compare=$2 source=$3 net=$4
data=$source/tests/trajectories
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

train() { # DIR OPTION...
    dir=$1
    shift
    "$cnnrun" train "$source/pipelines/mnist-$net.yaml" backend=reference \
        data.source="{npy: {x: $data/x.npy, y: $data/y.npy}}" train.seed=0 train.batch=8 \
        train.shuffle=false test.every=0 output.dir="$work/$dir" output.checkpoint.best= --quiet "$@"
}

(cd "$data" && sha256sum --quiet -c SHA256SUMS)
train start train.epochs=0
train end train.epochs=1
"$compare" "$data/$net.safetensors" "$work/start/model.safetensors" "$work/end/model.safetensors"
