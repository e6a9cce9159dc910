#!/bin/sh
# Time of one training epoch of pipelines/mnist-hw1.yaml on each backend, beside the floor: the time that its
# multiply-adds would take one core that does nothing else. The whole program is timed, start and loading
# included. Other load on the machine shows in the numbers: look at the spread.
#
# usage: bench/run.sh [BACKEND...]    RUNS=3, THREADS=1: each run's number of threads
set -eu
cd "$(dirname "$0")/.."
runs=${RUNS:-3} threads=${THREADS:-1}
cnnrun=build/release/bin/cnnrun
[ -x $cnnrun ] || { echo "build first: ./dev build" >&2; exit 1; }

# One image: 363,600 multiply-adds forward, as many for the gradients of the weights, and as many for those of the
# inputs, which the first layer (10 * 24 * 24 * 25 = 144,000) does not need.
macs=$(((3 * 363600 - 144000) * 60000))

mkdir -p build/bench
${CC:-gcc} -std=c11 -O2 -march=native -ffp-contract=fast -o build/bench/floor bench/floor.c
rate=$(build/bench/floor)
floor=$(awk -v m=$macs -v r="$rate" 'BEGIN { printf "%.3f", m / r / 1e6 }')
printf '%s, %s thread(s), %s runs\n' "$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)" "$threads" "$runs"
printf 'floor of one core: %s s (%s million multiply-adds per second)\n' "$floor" "$rate"

[ $# -gt 0 ] || set -- reference cpu vulkan
for backend; do
    times=
    for _ in $(seq "$runs"); do
        begin=$(date +%s.%N)
        if ! $cnnrun train pipelines/mnist-hw1.yaml backend="$backend" train.epochs=1 test.every=0 output.dir= \
            --quiet --threads "$threads" >build/bench/log 2>&1; then
            printf '%-10s not measured: %s\n' "$backend" "$(head -n 1 build/bench/log)"
            continue 2
        fi
        times="$times $(date +%s.%N | awk -v b="$begin" '{ printf "%.2f", $1 - b }')"
    done
    echo "$times" | tr ' ' '\n' | grep . | sort -n | awk -v name="$backend" -v floor="$floor" '
        { t[NR] = $1 }
        END { m = t[int((NR + 1) / 2)]
              printf "%-10s %8.2f s an epoch (%.2f to %.2f), %.0f times the floor\n", name, m, t[1], t[NR], m / floor }'
done
