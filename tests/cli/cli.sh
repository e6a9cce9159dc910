# cli.sh PROGRAM CASE: one property of the command line.
program=$1 case=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() {
    printf 'failed: %s\n--- standard output\n%s\n--- standard error\n%s\n' "$1" "$out" "$err"
    exit 1
}
# try STATUS ARGUMENT...: runs the program and wants this exit status.
try() {
    want=$1
    shift
    "$program" "$@" >"$work/out" 2>"$work/err"
    status=$?
    out=$(cat "$work/out") err=$(cat "$work/err")
    [ $status -eq "$want" ] || fail "exit status $status of 'cnnrun $*', want $want"
}
has() {
    case $1 in *"$2"*) ;; *) fail "no '$2'" ;; esac
}
empty() {
    [ -z "$1" ] || fail "$2 is not empty"
}

case $case in
help)
    export CNNRUN_PLUGIN_PATH=$work CNNRUN_TEST_TRACE=$work/trace
    cp "$3" "$work/" || exit 1
    try 0 --help
    has "$out" "usage: cnnrun [VERB] PIPELINE"
    has "$out" "examples:"
    [ "$(wc -l <"$work/out")" -le 50 ] || fail "more than one screen"
    empty "$err" "standard error"
    for verb in $(sed -n '/^verbs/,/^$/s/^  \([a-z]*\) .*/\1/p' "$work/out"); do
        try 0 "$verb" --help
        has "$out" "usage: cnnrun $verb"
    done
    try 0 --version
    has "$out" "plugin ABI"
    [ ! -e "$work/trace" ] || fail "plugins were loaded for a help text"
    ;;
no_arguments)
    try 2
    empty "$out" "standard output"
    has "$err" "usage: cnnrun"
    ;;
unknown_verb)
    try 2 trian x.yaml
    has "$err" "unknown verb 'trian'"
    has "$err" "hint: did you mean 'cnnrun train'?"
    try 2 frobnicate x.yaml
    has "$err" "hint: cnnrun --help lists the verbs"
    ;;
unknown_option)
    try 2 validate x.yaml --jsn
    has "$err" "unknown option '--jsn'"
    has "$err" "hint: did you mean '--json'?"
    try 2 -x
    has "$err" "unknown option '-x'"
    try 2 x.yaml --quiet=3
    has "$err" "takes no value"
    try 2 x.yaml --threads
    has "$err" "needs a value: --threads N"
    try 2 plugins --threads 0
    has "$err" "--threads is '0', but a number from 1 to 1024 is wanted"
    CNNRUN_THREADS=many try 2 plugins
    has "$err" "CNNRUN_THREADS is 'many'"
    ;;
arguments)
    try 2 train
    has "$err" "'cnnrun train' needs PIPELINE"
    try 2 train a.yaml b.yaml
    has "$err" "'b.yaml' is one argument too many"
    try 2 show grap x.yaml
    has "$err" "unknown stage 'grap'"
    has "$err" "did you mean 'graph'?"
    ;;
missing_file)
    for verb in '' run train test validate 'show doc' 'show config'; do
        try 2 $verb "$work/not-there.yaml"
        has "$err" "not-there.yaml"
        has "$err" "No such file"
        [ "$(wc -l <"$work/err")" -eq 1 ] || fail "more than one sentence"
        empty "$out" "standard output"
    done
    try 2 plugins --plugin-path "$work/not-there"
    has "$err" "cannot search the plugin directory"
    ;;
overrides)
    printf 'name: a\nmodel: [relu]\n' >"$work/a=b.yaml"
    printf 'name: c\n' >"$work/more.yaml"
    try 0 show doc name=b "$work/a=b.yaml" "@$work/more.yaml" train.epochs=3
    has "$out" "name: c"
    has "$out" "epochs: 3"
    (cd "$work" && "$program" show doc -- a=b.yaml >/dev/null 2>&1) &&
        fail "an argument with = is an override, ./a=b.yaml is a file"
    try 0 show doc "$work/a=b.yaml" --origins
    has "$out" "a=b.yaml:1"
    ;;
full_disk)
    [ -w /dev/full ] || exit 77
    printf 'name: a\n' >"$work/a.yaml"
    for arguments in --help --version plugins "show doc $work/a.yaml" 'describe op/conv2d --json'; do
        "$program" $arguments >/dev/full 2>"$work/err"
        status=$? err=$(cat "$work/err")
        [ $status -eq 2 ] || fail "exit status $status of 'cnnrun $arguments' on a full disk, want 2"
        has "$err" "cannot write the results"
    done
    ;;
describe)
    try 0 describe op/conv2d
    has "$out" "example"
    has "$out" "stride"
    try 0 describe builtin/conv2d
    try 0 describe op/conv2d --json
    printf '%s' "$out" | python3 -c 'import json, sys; json.load(sys.stdin)' 2>/dev/null ||
        ! python3 -c '' 2>/dev/null || fail "not JSON"
    try 3 describe op/conv3d
    has "$err" "no plugin has a component 'op/conv3d'"
    has "$err" "did you mean 'conv2d'?"
    try 3 describe layer/matmul
    ;;
plugins)
    try 0 plugins --find matmul
    has "$out" "matrix product"
    try 0 plugins --find nothing-like-this
    has "$out" "nothing found for 'nothing-like-this'"
    try 0 plugins --json
    printf '%s' "$out" | python3 -c 'import json, sys; json.load(sys.stdin)' 2>/dev/null ||
        ! python3 -c '' 2>/dev/null || fail "not JSON"
    ;;
*)
    fail "no case $case"
    ;;
esac
