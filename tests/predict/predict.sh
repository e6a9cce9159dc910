#!/bin/sh
# predict.sh CNNRUN SOURCE_DIR CASE: predictions of a small trained network, as a user sees them.
set -u
cnnrun=$1
source=$2
case=$3
pipeline=$source/pipelines/synthetic.yaml
two=$source/tests/predict/two.png # test sample 2 of that pipeline, hence of class 2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
    printf 'failed: %s\n--- standard output\n%s\n--- standard error\n%s\n' "$1" \
        "$(cat out 2>/dev/null)" "$(cat err 2>/dev/null)" >&2
    exit 1
}
# try STATUS ARGUMENT...: runs the program and wants this exit status.
try() {
    want=$1
    shift
    "$cnnrun" "$@" >out 2>err
    status=$?
    [ $status -eq "$want" ] || fail "exit status $status of 'cnnrun $*', want $want"
}
has() { # FILE TEXT
    grep -qF -- "$2" "$1" || fail "no '$2' in $1"
}
lines() { # COUNT
    [ "$(wc -l <out)" -eq "$1" ] || fail "$(wc -l <out) lines, want $1"
}
train() {
    try 0 train "$pipeline" backend=reference train.epochs=2 output.dir=run "$@" --quiet
}
# The image is of class 2, and surely so.
is_two() {
    grep -qE '"class": 2, .*"probability": 0\.9[0-9]*[,}]' out || fail "it is no 2"
}

case $case in
samples)
    train
    [ -f run/pipeline.yaml ] || fail "the directory has no pipeline"
    try 0 predict run
    lines 12 # a heading, ten samples, how many were right
    has out "sample  class  probability  target"
    has out "10 of 10 are right"
    try 0 predict run --split train --first 510 --count 2 --top 4
    lines 10
    grep -qE '^ +511  3 ' out || fail "sample 511 is of class 3"
    try 0 predict run --first 126
    lines 4 # two are left
    try 0 predict "$pipeline" backend=reference --weights run --count 1
    has out "1 of 1 are right"
    # Each sample is right or marked.
    try 0 train "$pipeline" backend=reference train.steps=1 output.dir=bad --quiet
    try 0 predict bad --count 128
    marked=$(grep -c '<- differs' out)
    [ "$marked" -gt 0 ] && has out "$((128 - marked)) of 128 are right"
    ;;
json)
    train
    try 0 predict run --json --count 3
    lines 3
    has out '{"split": "test", "sample": 2, "class": 2, "probability": 0.9'
    has out '"target": 2}'
    try 0 predict run --json --top 9 --count 1
    [ "$(grep -o '"class":' out | wc -l)" -eq 5 ] || fail "the best class, and all four in order"
    # Test, not training, must leave the pipeline of the directory alone.
    cp run/pipeline.yaml before.yaml
    try 0 test "$pipeline" backend=reference output.dir=run data.limit=8 --weights run --quiet
    cmp -s run/pipeline.yaml before.yaml || fail "a test changed the pipeline of the directory"
    ;;
checkpoint)
    train
    "$cnnrun" predict run --json --count 4 >model.json || fail "no prediction"
    rm run/model.safetensors
    try 0 predict run --json --count 4
    cmp -s out model.json || fail "the last checkpoint predicts other things than the model"
    try 0 predict run --weights run/checkpoint-0001.safetensors --json --count 4
    if cmp -s out model.json; then fail "the first checkpoint is not used"; fi
    ;;
errors)
    train
    mkdir empty
    try 2 predict "$pipeline"
    has err "which weights?"
    has err "cnnrun predict runs/synthetic"
    try 2 predict empty
    has err "empty is no directory of a run"
    try 2 predict missing.yaml
    has err "missing.yaml"
    try 2 predict run --weights empty
    has err "empty has neither model.safetensors nor a checkpoint"
    try 2 predict run --first 128
    has err "there is no sample 128"
    try 2 predict run --first 120 --count 9
    has err "there is no sample 128"
    try 2 predict run --split val
    has err "the val split has 0 samples"
    try 2 predict run --split tests
    has err "train, val or test is wanted"
    try 2 predict run --top 0
    has err "--top is '0'"
    try 2 predict run x.png --count 3
    has err "--count picks samples"
    try 2 predict run empty
    has err "hint: name its files: empty/*.png"
    ;;
untrained)
    try 0 predict "$source/pipelines/tutorial/10-stride.yaml" backend=reference
    has out "[211, 262, 251, 169]"
    try 0 predict "$source/pipelines/tutorial/10-stride.yaml" backend=reference --json
    has out '"shape": [1, 2, 2], "output": [211, 262, 251, 169]}'
    try 3 predict "$source/pipelines/tutorial/10-stride.yaml" backend=reference "$two"
    has err "not images of 1 or 3 channels"
    ;;
pairs)
    # What spoils inputs in training is no part of a prediction.
    pipeline=$source/tests/run/pairs.yaml
    train data.channels=1 model.2.conv2d.out_channels=1
    try 0 predict run "$two" --json
    if grep -q target out; then fail "images have no targets"; fi
    mv out plain
    try 0 predict run "$two" --json 'data.degrade=[darken: 0.001]'
    cmp -s out plain || fail "an image was darkened before the prediction"
    try 0 predict run --json --count 1
    has out '"shape": [1, 12, 12]'
    has out '"target": ['
    ;;
images)
    train
    cp "$two" "a \"quoted\" = name.png"
    try 0 predict run "$two" "./a \"quoted\" = name.png"
    lines 7 # a heading, three classes of each
    has out "probability"
    try 0 predict run "$two" --json --top 1
    lines 1
    is_two
    # The training's splits and limits are not the images'.
    try 0 predict run "$two" data.split='[400, 56, 56]' data.limit=1 --json --top 1
    is_two
    mkdir photos
    cp "$two" photos/b.png
    cp "$two" photos/a.PNG
    try 0 predict run data.source='{images: {path: photos, channels: 1, size: 12, classes: 4}}' --json
    lines 2
    is_two
    if grep -q target out; then fail "images have no targets"; fi
    try 2 predict run missing.png
    has err "cannot open missing.png"
    echo text >text.png
    try 2 predict run text.png
    has err "text.png is neither PNG nor JPEG"
    head -c 100 "$two" >cut.png
    try 2 predict run cut.png
    has err "cut.png"
    ;;
old_weights)
    # Weights that do not say what they are for, as other programs write them.
    train
    sed 's/"input":"1x12x12"/"tupni":"1x12x12"/' run/model.safetensors >old.safetensors
    cmp -s run/model.safetensors old.safetensors && fail "the file does not say what it is for"
    try 0 predict "$pipeline" backend=reference --weights old.safetensors "$two" --json --top 1
    is_two
    ;;
class_names)
    for split in train test; do
        for class in cat dog; do
            mkdir -p photos/$split/$class
            for i in 1 2 3 4; do cp "$two" photos/$split/$class/$i.png; done
        done
    done
    cat >pets.yaml <<'END'
data: {source: folder, path: photos, transform: [to_float]}
model: [flatten, {linear: classes}]
train: {loss: cross_entropy, optimizer: sgd, epochs: 1, batch: 4}
output: {dir: pets}
END
    try 0 train pets.yaml backend=reference --quiet
    mv photos away # the weights know
    try 0 predict pets "$two"
    has out "cat"
    has out "dog"
    try 0 predict pets "$two" --json
    has out '"name": "cat"'
    ;;
*)
    fail "no case $case"
    ;;
esac
