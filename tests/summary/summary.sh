#!/bin/sh
# summary.sh CNNRUN SOURCE_DIR CASE. With CNNRUN_UPDATE=1 in the environment pair.txt is written anew.
set -u
cnnrun=$1 source=$2 case=$3
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$source" || exit 1
log=$work/log
large=pipelines/tutorial/21-inception-5x5.yaml small=pipelines/tutorial/21-inception-1x1.yaml

fail() {
    echo "failed: $*" >&2
    sed "s/^/    /" "$log" >&2
    exit 1
}

summary() { # STATUS ARGUMENT...
    wanted=$1
    shift
    "$cnnrun" summary "$@" >"$log" 2>&1
    status=$?
    [ $status -eq "$wanted" ] || fail "the exit status is $status, not $wanted"
}

says() {
    grep -q -- "$1" "$log" || fail "it does not say: $1"
}

case $case in
pair)
    summary 0 $large $small
    if [ "${CNNRUN_UPDATE:-}" = 1 ]; then cp "$log" tests/summary/pair.txt; fi
    diff -u tests/summary/pair.txt "$log" || exit 1
    ;;
same)
    summary 0 $large $large
    says "^A / B  *1  *1  *1$"
    ;;
order) # layers that only one has stand where they belong
    cat >"$work/a.yaml" <<'END'
data: {source: synthetic, channels: 1, height: 4, width: 4, transform: [to_float]}
model:
  - {identity: , name: first}
  - {relu: , name: only_a}
  - {relu: , name: last}
END
    sed 's/only_a/only_b/; s/first/start/' "$work/a.yaml" >"$work/b.yaml"
    summary 0 "$work/a.yaml" "$work/b.yaml"
    order=$(awk '/^layer/ { on = 1; next } /^total/ { on = 0 } on { print $1 }' "$log" | tr '\n' ' ')
    [ "$order" = "first only_a start only_b last " ] || fail "the order is $order"
    says "^only_b  *-  *-  *-  *0  *0  *64$"
    ;;
json)
    summary 0 $large $small --json
    says '"pipeline": "pipelines/tutorial/21-inception-5x5.yaml", "params": 153632, "macs": 120422400, "bytes": 100352'
    says '"pipeline": "pipelines/tutorial/21-inception-1x1.yaml", "params": 15920, "macs": 12443648, "bytes": 150528'
    summary 0 $small --json
    says '"params": 15920, "macs": 12443648'
    ;;
errors) # of the second pipeline as of the first
    sed 's/kernel_size: 5/kernel_size: five/' $large >"$work/bad.yaml"
    summary 2 $large "$work/bad.yaml"
    says "bad.yaml:.*error: "
    summary 2 $large "$work/none.yaml"
    says "none.yaml"
    summary 2 $large $small $small
    says "one argument too many"
    ;;
*)
    echo "no case '$case'" >&2
    exit 1
    ;;
esac
