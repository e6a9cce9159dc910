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

# The last test of a run: its metrics in order, and how many times larger the error at the border is.
results() {
    awk -F, -v names="$metrics" '
        $3 == "test" { value[$4] = $5 }
        END {
            n = split(names, name, " ")
            for (i = 1; i <= n; i++) printf "%s ", value[name[i]]
            print value["border_error"] / value["inner_error"]
        }' "$1/metrics.csv" # epoch,step,split,metric,value
}

echo "| padding | border error | inner error | PSNR, dB | SSIM | border / inner |"
echo "|---|---|---|---|---|---|"
for mode in zeros reflect; do
    for seed in $seeds; do
        results "$out/$mode-$seed"
    done | awk -v mode="$mode" '
        { for (i = 1; i <= NF; i++) { sum[i] += $i; squares[i] += $i * $i } }
        END {
            printf "| %s |", mode
            for (i = 1; i <= NF; i++) {
                mean = sum[i] / NR
                variance = NR > 1 ? (squares[i] - NR * mean * mean) / (NR - 1) : 0
                deviation = variance > 0 ? sqrt(variance) : 0
                printf " %.3g ± %.1g |", mean, deviation
            }
            print ""
        }'
done
