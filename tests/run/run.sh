#!/bin/sh
# run.sh CNNRUN SOURCE_DIR CASE [PIPELINE]: whole runs from the outside. Works in a folder of its own.
set -u
cnnrun=$1
source=$2
case=$3
pipeline=${4:-$source/pipelines/synthetic.yaml}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

fail() {
    echo "failed: $*" >&2
    for log in *.log; do [ -f "$log" ] && sed "s/^/$log: /" "$log" >&2; done
    exit 1
}

# expect STATUS LOG COMMAND...: runs it, output in LOG, and checks the exit status.
expect() {
    want=$1 log=$2
    shift 2
    "$@" >"$log" 2>&1
    got=$?
    [ "$got" -eq "$want" ] || fail "exit status $got instead of $want: $*"
}

has() { # LOG TEXT
    grep -qF -- "$2" "$1" || fail "no '$2' in $1"
}

same() { # FILE FILE
    [ -f "$1" ] && [ -f "$2" ] || fail "$1 or $2 is missing"
    cmp -s "$1" "$2" || fail "$1 and $2 differ"
}

train() { # DIR OPTION...
    dir=$1
    shift
    expect 0 "$dir.log" "$cnnrun" train "$pipeline" backend=reference output.dir="$dir" "$@"
}

case $case in
threads)
    train one train.epochs=2 --threads 1
    train three train.epochs=2 data.threads=3 --threads 3
    same one/model.safetensors three/model.safetensors
    same one/checkpoint-0002.safetensors three/checkpoint-0002.safetensors
    ;;
seed)
    train a train.epochs=1 train.seed=1
    train b train.epochs=1 train.seed=2
    if cmp -s a/model.safetensors b/model.safetensors; then fail "two seeds, the same weights"; fi
    ;;
resume)
    train whole train.epochs=3
    train part train.epochs=1
    train rest train.epochs=3 --weights part/checkpoint-0001.safetensors
    same whole/model.safetensors rest/model.safetensors
    ;;
interrupt)
    "$cnnrun" train "$pipeline" backend=reference output.dir=cut train.epochs=100000 >cut.log 2>&1 &
    pid=$!
    while [ ! -f cut/checkpoint-0001.safetensors ]; do
        kill -0 $pid 2>/dev/null || fail "the run ended by itself"
        sleep 0.05
    done
    kill -INT $pid
    wait $pid
    [ $? -eq 130 ] || fail "the exit status is not 130"
    has cut.log "interrupted"
    [ -f cut/interrupted.safetensors ] || fail "no checkpoint"
    epochs=$(sed -n 's/^epoch \([0-9]*\)\/.*/\1/p' cut.log | tail -n 1)
    epochs=$((epochs + 2))
    train whole train.epochs=$epochs output.checkpoint.keep=0
    train rest train.epochs=$epochs --weights cut/interrupted.safetensors
    same whole/model.safetensors rest/model.safetensors
    ;;
diverged)
    expect 4 log.log "$cnnrun" train "$pipeline" backend=reference output.dir=d train.epochs=3 \
        train.optimizer='{sgd: {lr: 1e30}}'
    has log.log "the loss is"
    has log.log "layer '"
    has log.log "hint:"
    if ls d/*.tmp* >/dev/null 2>&1; then fail "a half-written file is left"; fi
    ;;
unwritable)
    : >file
    expect 2 log.log "$cnnrun" train "$pipeline" backend=reference output.dir=file/run train.epochs=1
    has log.log "a file has this name"
    ;;
file_too_large)
    # Writing stops at 2 KiB, as on a full disk: an error, and no half-written weights.
    (
        trap '' XFSZ
        ulimit -f 4
        "$cnnrun" train "$pipeline" backend=reference output.dir=full train.epochs=1
    ) >full.log 2>&1
    status=$?
    [ $status -eq 2 ] || fail "exit status $status instead of 2"
    has full.log "full/"
    if ls full | grep -q safetensors; then fail "half-written weights"; fi
    ;;
null)
    expect 0 log.log "$cnnrun" train "$pipeline" backend="'null'" output.dir= train.epochs=1 \
        test.every=0 train.batch=100 --verbose
    has log.log "null: 2 programs, 6 runs" # 512 samples: five batches of 100, one of 12
    ;;
ahead) # a step is started before the results of the last are read, and none is lost
    plugins=$5
    set -- "$pipeline" backend=ahead --plugin-path "$plugins" output.dir= train.epochs=2 train.batch=100 \
        test.batch=50 test.every=0
    expect 0 train.log "$cnnrun" train "$@"
    expect 1 test.log "$cnnrun" test "$@" # nothing is learned
    has train.log "ahead: 12 runs, 2 under way at once" # 512 samples, twice
    has test.log "ahead: 3 runs, 2 under way at once"   # 128 samples
    ;;
auto) # what takes least, in this network; who fails is out; unmeasured, the highest rank
    plugins=$5
    set -- --plugin-path "$plugins" output.dir=small train.steps=1 test.every=0
    expect 0 small.log "$cnnrun" train "$pipeline" "$@"
    has small.log "backend auto: not paced:2: paced: this device is broken"
    has small.log "backend auto, a step: paced 3"
    has small.log ": taking cpu"
    expect 0 large.log "$cnnrun" train "$pipeline" "$@" train.batch=512 data.height=96 data.width=96 \
        model.0.conv2d.out_channels=32
    has large.log ": taking paced:1"
    expect 2 predict.log "$cnnrun" predict small --plugin-path "$plugins"
    has predict.log "paced: this device is broken"
    expect 0 named.log "$cnnrun" train "$pipeline" "$@" backend=cpu
    if grep -q "backend auto" named.log; then fail "a backend that is named is measured"; fi
    ;;
check) # a backend that is right, one that is not, one that cannot be opened
    expect 0 right.log "$cnnrun" devices --check cpu
    has right.log "conv2d, groups and stride  right, off by"
    has right.log "all that it runs is right"
    expect 1 wrong.log "$cnnrun" devices --check paced:1 --plugin-path "$5"
    has wrong.log "conv2d                     WRONG, off by"
    has wrong.log "do not trust this device"
    expect 1 broken.log "$cnnrun" devices --check paced:2 --plugin-path "$5"
    has broken.log "FAILED: paced: this device is broken"
    expect 3 none.log "$cnnrun" devices --check nothing
    has none.log "nothing"
    ;;
weights_mismatch)
    train a train.epochs=1
    expect 2 log.log "$cnnrun" test "$pipeline" backend=reference model.0.conv2d.out_channels=3 \
        --weights a/model.safetensors
    has log.log "0.weight"
    expect 2 log2.log "$cnnrun" test "$pipeline" --weights missing.safetensors
    has log2.log "missing.safetensors"
    head -c 100 a/model.safetensors >cut.safetensors
    expect 2 log3.log "$cnnrun" test "$pipeline" --weights cut.safetensors
    has log3.log "cut.safetensors"
    ;;
quiet)
    expect 0 log.log "$cnnrun" train "$pipeline" backend=reference output.dir=q train.epochs=1 \
        output.report="[terminal, jsonl, csv]" --quiet
    if [ -s log.log ]; then fail "--quiet prints"; fi
    [ -s q/metrics.csv ] && [ -s q/log.jsonl ] || fail "the reports are missing"
    ;;
best) # a larger PSNR, a smaller error and a smaller loss are better
    pipeline=$source/tests/run/best.yaml
    for metric in psnr mean_absolute_error loss; do
        train near-$metric output.checkpoint.best=test.$metric
        same near-$metric/best.safetensors near-$metric/checkpoint-0003.safetensors
        train far-$metric output.checkpoint.best=test.$metric train.optimizer.sgd.lr=1.2
        same far-$metric/best.safetensors far-$metric/checkpoint-0001.safetensors
    done
    ;;
*)
    fail "no case $case"
    ;;
esac
