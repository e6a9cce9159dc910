#!/bin/sh
# classic.sh CNNRUN BACKENDS SOURCE_DIR NAME MODE SHAPE CLASSES [PATH=VALUE ...]: a network of pipelines/classics on small
# images: a step of training on the first backend, two on the others, then one step or the output on all.
set -eu
cnnrun=$1 backends=$2 pipeline=$3/pipelines/classics/$4.yaml mode=$5 shape=$6 classes=$7
shift 7

batch=${shape%%x*} image=${shape#*x}
channels=${image%%x*} size=${image##*x}
data="data.source={synthetic: {classes: $classes, channels: $channels, height: $size, width: $size, train: 16, test: 16}}"

run() {
    "$cnnrun" "$@" >log 2>&1 || {
        echo "failed: cnnrun $*"
        tail -n 20 log
        exit 1
    }
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ "$mode" = train ] || batch=2
steps=1 # the reference is slow
cd "$work"
for backend in $(echo "$backends" | tr , ' '); do
    run train "$pipeline" "$data" "$@" backend="$backend" fallback=forbid train.batch="$batch" train.steps="$steps" \
        test.every=0 output.dir=
    steps=2
done
run compare "$pipeline" "$data" "$@" backend="$backends" fallback=forbid --batch "$batch" --mode "$mode"
tail -n 1 log
