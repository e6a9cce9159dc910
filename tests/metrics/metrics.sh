#!/bin/sh
# metrics.sh CNNRUN SOURCE_DIR BACKEND: metrics of images are what generate.py computes from their definitions.
set -u
cnnrun=$1 source=$2 backend=$3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

"$cnnrun" "$source/images.yaml" backend="$backend" output.dir="$work" --quiet || exit 1
# Sums of a few hundred float32 numbers of at most 1, and their differences in variances of about 0.05.
awk -v tolerance=2e-6 '
    FNR == NR { split($0, cell, ","); got[cell[4]] = cell[5]; next }
    {
        relative = got[$1] / $2 - 1
        if (!($1 in got) || relative > tolerance || relative < -tolerance) {
            print $1 " is " got[$1] ", want " $2
            bad = 1
        }
    }
    END { exit bad || FNR != 4 }
' "$work/metrics.csv" "$source/images.expect"
