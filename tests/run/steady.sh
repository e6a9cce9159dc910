#!/bin/sh
# steady.sh CNNRUN FAULTS PIPELINE BACKEND: a training of twice as many steps faults in no more memory and makes no more
# system calls, except those with which the loader's thread and the pool's sleep and wake.
set -u
cnnrun=$1 faults=$2 pipeline=$3 backend=$4
steps=400 # 40 epochs with a test each
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

fail() {
    echo "failed: $*" >&2
    [ -f "$work/log" ] && cat "$work/log" >&2
    exit 1
}

# train STEPS PREFIX...: with another command before it.
train() {
    n=$1
    shift
    "$@" "$cnnrun" train "$pipeline" backend="'$backend'" train.steps="$n" --threads 2 --quiet 2>"$work/log"
}

# A fault in each step would be $steps more. Where the kernel puts things, and how much of a file it maps around a fault,
# moves the sum by some tens; the least of three runs moves less.
least() {
    min=
    for run in 1 2 3; do
        count=$(train "$1" "$faults") || fail "no training of $1 steps"
        [ -z "$min" ] || [ "$count" -lt "$min" ] && min=$count
    done
    echo "$min"
}

once=$(least $steps) || exit 1
twice=$(least $((2 * steps))) || exit 1
echo "page faults: $once in $steps steps, $twice in $((2 * steps))"
[ $((twice - once)) -lt $((steps / 4)) ] || fail "$((twice - once)) page faults in $steps steps more"

# calls STEPS: "name number" of each system call but those of sleeping and waking threads.
calls() {
    train "$1" strace -f -c -o "$work/count" || return 1
    awk '$1 ~ /^[0-9.]+$/ && $NF != "total" && $NF != "futex" && $NF != "sched_yield" && $NF != "restart_syscall" {
        print $NF, $4 }' "$work/count" | sort
}

command -v strace >/dev/null 2>&1 && strace -o /dev/null true 2>/dev/null || {
    echo "system calls: not compared, there is no strace that works here"
    exit 0
}
calls $steps >"$work/once" || fail "no training under strace"
calls $((2 * steps)) >"$work/twice" || fail "no training under strace"
# The allocator may ask for memory a few times more or less; a call in each epoch would be 40 more.
join -a 1 -a 2 -e 0 -o 0,1.2,2.2 "$work/once" "$work/twice" >"$work/both"
awk '{ d = $3 - $2; if (d > 8) { print $1 ": " $2 " calls, then " $3; bad = 1 } } END { exit bad }' "$work/both" ||
    fail "more steps, more system calls"
echo "system calls: $(awk '{ s += $2 } END { print s }' "$work/both") in $steps steps," \
    "$(awk '{ s += $3 } END { print s }' "$work/both") in $((2 * steps))"
