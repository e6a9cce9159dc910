#!/bin/sh
# explain.sh CNNRUN SOURCE_DIR CASE [ARGUMENT...]: see CMakeLists.txt. With CNNRUN_UPDATE=1 in the environment the
# golden pages are written anew.
set -u
cnnrun=$1 source=$2 case=$3
shift 3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$source" || exit 1
log=$work/log

fail() {
    echo "failed: $*" >&2
    sed "s/^/    /" "$log" >&2
    exit 1
}

explain() { # STATUS ARGUMENT...
    wanted=$1
    shift
    "$cnnrun" explain "$@" >"$log" 2>&1
    status=$?
    [ $status -eq "$wanted" ] || fail "explain $*: the exit status is $status, not $wanted"
}

says() {
    grep -q -- "$1" "$log" || fail "it does not say: $1"
}

layers() { # of a pipeline
    "$cnnrun" explain "$1" | sed -n "s|^  cnnrun explain $1 \([^ ]*\).*|\1|p" | sort -u
}

zoo=tests/explain/zoo.yaml
first=pipelines/tutorial/01-convolution.yaml

case $case in
golden)
    name=$1
    shift
    explain 0 "$@"
    expected=tests/explain/golden/$name.txt
    if [ "${CNNRUN_UPDATE:-}" = 1 ]; then
        cp "$log" "$expected"
    else
        diff -u "$expected" "$log" || exit 1
    fi
    ;;
zoo) # whatever is explained must be what the reference backend computes
    list=$(layers $zoo)
    [ "$(echo "$list" | wc -l)" -ge 30 ] || fail "it lists too few layers"
    for layer in $list; do
        explain 0 $zoo "$layer"
        case $layer in metrics.*) continue ;; esac
        explain 0 $zoo "$layer" --mode train --batch 3 --sample 2
        explain 0 $zoo "$layer" --gradient input --batch 2
        explain 0 $zoo "$layer" --gradient input --mode eval
    done
    for weight in reflect.weight reflect.bias 1.weight 1.bias groups.weight groups.bias 10.weight 10.bias 21.weight \
        21.bias 7.main.0.weight; do
        explain 0 $zoo "${weight%.*}" --gradient "${weight##*.}" --batch 3
        says "reference backend"
    done
    for place in 0,0 4,1 8,2 5,0; do
        for channel in 0 3 5; do
            explain 0 $zoo groups $place --channel $channel
        done
        explain 0 $zoo groups $place --gradient input --channel 2 --split train
    done
    ;;
all)
    explain 0 pipelines/synthetic.yaml "data.transform=[to_float]" data.height=13
    says "^  cnnrun explain pipelines/synthetic.yaml 'data.transform=\[to_float\]' data.height=13 1.relu "
    explain 0 pipelines/synthetic.yaml 4 --all
    [ "$(grep -c "^  k = " "$log")" -eq 200 ] || fail "not every product is shown"
    ! grep -q "…" "$log" || fail "something is left out"
    explain 0 $zoo reflect --gradient weight --all
    ! grep -q "…" "$log" || fail "something is left out"
    ;;
width) # of 80 columns
    for layer in $(layers $zoo); do
        for what in "" "--gradient input"; do
            case $layer$what in metrics.*gradient*) continue ;; esac
            explain 0 $zoo "$layer" $what
            sed '/^  cnnrun explain/d; s/[×✓…]/x/g' "$log" | awk 'length($0) > 79 { print; bad = 1 } END { exit bad }' ||
                fail "a line of $layer is too long"
        done
    done
    ;;
errors)
    explain 2 $first 1
    says "the pipeline has no layer '1'"
    explain 2 $first 0.conv2
    says "did you mean '0.conv2d'?"
    explain 2 $first 0 3,0
    says "y 3 is outside of output of 0.conv2d, which is 1x3x3: 0 to 2"
    explain 2 $first 0,9
    says "x 9 is outside of output of 0.conv2d, which is 1x3x3: 0 to 2"
    explain 2 $first 0 0,-1
    says "x -1 is outside"
    explain 2 $first 0 1,2 --channel 1
    says "channel 1 is outside of output of 0.conv2d, which is 1x3x3: 0 to 0"
    explain 2 $first 0 1,2,3,4
    says "4 numbers are given, but output of 0.conv2d is 1x3x3: 3 at most"
    explain 2 $first 0 a,b
    says "'a,b' is no element"
    explain 2 $first 0 0,1,2 --channel 0
    says "leave --channel out"
    explain 2 $first 0 --channel x
    says "a number of at least 0 is wanted"
    explain 2 $first 0 --sample 1
    says "the test split has 1 sample, 0 to 0: there is no sample 1"
    explain 2 $first 0 --split val
    says "the val split has no samples"
    explain 2 $first 0 --split all
    says "train, val or test is wanted"
    explain 2 $first 0 --mode fast
    says "train or eval is wanted"
    explain 2 $first 0 --mode train
    says "training needs a loss"
    explain 2 $first 0 --gradient bias
    says "0.conv2d has gradients of: input, weight"
    explain 2 pipelines/synthetic.yaml 0 0,0 extra.yaml
    says "one argument too many"
    explain 2 pipelines/synthetic.yaml accuracy --gradient input
    says "'accuracy' is a metric: it is computed in evaluation only"
    explain 2 pipelines/synthetic.yaml loss 1
    says "output of loss.cross_entropy is one number: '1' says which, and is too much"
    explain 2 pipelines/mnist-hw1.yaml 0 data.source.mnist.path=/nowhere
    says "mnist"
    [ "$(grep -c "error:" "$log")" -eq 1 ] || fail "no data set: more than one error"
    explain 2
    says "needs PIPELINE"
    ;;
colour) # only on a terminal
    TERM=xterm explain 0 $first
    ! grep -q "$(printf '\033')" "$log" || fail "colours in a file"
    command -v script >/dev/null 2>&1 || exit 0
    TERM=xterm script -qec "'$cnnrun' explain $first" /dev/null >"$log" 2>&1 </dev/null
    grep -q "$(printf '\033')\[1;31m" "$log" || fail "no colours on a terminal"
    NO_COLOR=1 TERM=xterm script -qec "'$cnnrun' explain $first" /dev/null >"$log" 2>&1 </dev/null
    ! grep -q "$(printf '\033')" "$log" || fail "colours in spite of NO_COLOR"
    ;;
plugins) # layers of others: built from our ops they are explained as ours are, ops are named
    explain 0 --plugin-path "$1" examples/layer-swish/swish.yaml 1.swish 2,2
    says "reference backend: .* ✓"
    explain 0 --plugin-path "$1" examples/op-median/median.yaml 2
    says "an op of plugin median; its value is"
    explain 0 --plugin-path "$1" examples/op-median/median.yaml 2 --gradient input
    says "an op of plugin median; its value is"
    explain 0 --plugin-path "$1" examples/op-median/median.yaml 0 --gradient weight
    says "reference backend: .* ✓"
    ;;
*)
    echo "no case '$case'" >&2
    exit 1
    ;;
esac
