# refused.sh PROGRAM DIRECTORY LAYER TEXT...: the plugin in DIRECTORY cannot be used. `cnnrun plugins` says why and
# succeeds; a pipeline that needs LAYER fails with status 3 and the same reason.
program=$1 dir=$2 layer=$3
shift 3
export CNNRUN_EXAMINE_SECONDS=1
out=$("$program" plugins --plugin-path "$dir" --no-cache 2>&1)
status=$?
fail() {
    printf 'failed: %s\n--- output\n%s\n' "$1" "$out"
    exit 1
}
contains() {
    case $out in *"$1"*) ;; *) fail "no '$1' in the output" ;; esac
}
[ $status -eq 0 ] || fail "exit status $status of cnnrun plugins"
for text; do contains "$text"; done

pipeline=$(mktemp) || exit 1
trap 'rm -f "$pipeline"' EXIT
printf 'data: {source: synthetic}\nmodel:\n  - %s\n' "$layer" >"$pipeline"
out=$("$program" validate "$pipeline" --plugin-path "$dir" --no-cache --quiet 2>&1)
status=$?
[ $status -eq 3 ] || fail "exit status $status of a pipeline that needs the plugin, want 3"
contains "$layer.so"
contains "$1"
