#!/bin/sh
# Trains zeros.yaml and reflect.yaml with three seeds each and prints a table: mean and standard deviation of
# what the test says. Results of a run that is already there are taken as they are.
#
# usage: table.sh [PATH=VALUE ...]     SEEDS="0 1 2", CNNRUN=build/release/bin/cnnrun, OUT=runs/lowlight
set -eu
here=$(dirname "$0")
cnnrun=${CNNRUN:-$here/../../build/release/bin/cnnrun}
out=${OUT:-runs/lowlight}
seeds=${SEEDS:-0 1 2}
metrics="border_error inner_error psnr ssim"

for seed in $seeds; do
    for mode in zeros reflect; do
        run=$out/$mode-$seed
        [ ! -e "$run/done" ] || continue
        rm -rf "$run"
        "$cnnrun" "$here/$mode.yaml" train.seed="$seed" output.dir="$run" "$@" >&2
        : >"$run/done"
    done
done

# metrics.csv: epoch,step,split,metric,value; the last value of a metric counts.
printf '| padding | %s |\n|---|---|---|---|---|\n' "$(echo $metrics | sed 's/ / | /g')"
for mode in zeros reflect; do
    printf '| %s |' "$mode"
    for metric in $metrics; do
        for seed in $seeds; do
            grep ",test,$metric," "$out/$mode-$seed/metrics.csv" | tail -n 1
        done | awk -F, '
            { n++; sum += $5; squares += $5 * $5 }
            END {
                mean = sum / n
                variance = n > 1 ? (squares - n * mean * mean) / (n - 1) : 0
                printf " %.5g ± %.2g |", mean, variance > 0 ? sqrt(variance) : 0
            }'
    done
    echo
done
