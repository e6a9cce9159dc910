# usable.sh PROGRAM DIRECTORY LAYER...: all layers are there, nothing is refused, nothing strange is printed.
program=$1 dir=$2
shift 2
out=$("$program" plugins --plugin-path "$dir" --no-cache 2>&1)
status=$?
fail() {
    printf 'failed: %s\n--- output\n%s\n' "$1" "$out"
    exit 1
}
[ $status -eq 0 ] || fail "exit status $status"
case $out in *"cannot be used"*) fail "something is refused" ;; esac
case $out in *GREETINGS*) fail "the plugin's own output came through" ;; esac
for layer; do
    case $out in *"$layer"*) ;; *) fail "no layer $layer" ;; esac
    "$program" describe "layer/$layer" --plugin-path "$dir" --no-cache >/dev/null || fail "describe $layer"
done
