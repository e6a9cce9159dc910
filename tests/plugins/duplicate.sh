# duplicate.sh PROGRAM DIRECTORY ELSEWHERE: DIRECTORY holds first.so and second.so, ELSEWHERE third.so, all with the same
# layer. The first one found gives it; the others are refused, and both files are named.
program=$1 dir=$2 elsewhere=$3
fail() {
    printf 'failed: %s\n--- output\n%s\n' "$1" "$out"
    exit 1
}
contains() {
    case $out in *"$1"*) ;; *) fail "no '$1' in the output" ;; esac
}
out=$("$program" plugins --plugin-path "$dir" --plugin-path "$elsewhere" --no-cache 2>&1) || fail "exit status $?"
contains "the layer 'duplicate' of '$dir/second.so' is already given by '$dir/first.so'"
contains "hint: both lie in one directory: remove one of them"
contains "the layer 'duplicate' of '$elsewhere/third.so' is already given by '$dir/first.so'"
contains "hint: the directory that is searched first wins"
out=$("$program" describe duplicate --plugin-path "$elsewhere" --plugin-path "$dir" --no-cache 2>/dev/null) ||
    fail "exit status $?"
contains "$elsewhere/third.so"
