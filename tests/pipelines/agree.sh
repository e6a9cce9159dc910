#!/bin/sh
# agree.sh CNNRUN BACKENDS PIPELINE train|predict [PATH=VALUE ...]: the same numbers on all backends. With train, each
# does two steps first.
set -eu
cnnrun=$1 backends=$2 pipeline=$3 mode=$4
shift 4
batch=2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

run() {
    "$cnnrun" "$@" fallback=forbid output.dir= output.report='[]' >log 2>&1 || {
        echo "failed: cnnrun $*"
        tail -n 20 log
        exit 1
    }
}

[ "$mode" = train ] || batch=1
for backend in $(echo "$backends" | tr , ' '); do
    [ "$mode" = predict ] ||
        run train "$pipeline" "$@" backend="$backend" data.limit=4 train.batch=$batch train.epochs=1 train.steps=2 test.every=0
done
run compare "$pipeline" "$@" backend="$backends" --batch $batch --mode "$mode"
tail -n 1 log
