# cache.sh PROGRAM DIRECTORY: DIRECTORY holds counted.so, which counts how often it is examined. A second run takes the
# verdict and its reason from the cache; a touched file, --no-cache and a damaged cache mean a new examination.
program=$1 dir=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache CNNRUN_TEST_TRACE=$work/trace
cp "$dir/counted.so" "$work/counted.so" || exit 1

# examined COUNT WHAT [OPTION]: runs once more; by then there were COUNT examinations.
examined() {
    out=$("$program" plugins --plugin-path "$work" $3 2>&1)
    count=$(wc -c <"$CNNRUN_TEST_TRACE")
    case $out in
    *"the layer 'counted' stands in its table twice"*) ;;
    *) printf 'failed: %s: no reason in\n%s\n' "$2" "$out" && exit 1 ;;
    esac
    [ "$count" -eq "$1" ] || { echo "failed: $2: $count examinations, want $1" && exit 1; }
}

examined 1 "first run"
examined 1 "second run"
touch -d '2001-02-03' "$work/counted.so"
examined 2 "touched file"
examined 2 "after it"
examined 3 "without the cache" --no-cache
examined 3 "with the cache again"
cache=$XDG_CACHE_HOME/cnnrun/plugins.cache
cp "$cache" "$work/good"
echo 'not a cache' >"$cache"
examined 4 "a cache of another kind"
cmp -s "$cache" "$work/good" || { echo "failed: the cache was not written again" && exit 1; }
head -c 60 "$work/good" >"$cache"
examined 5 "a cache that is cut off"
rm -rf "$XDG_CACHE_HOME" && echo >"$XDG_CACHE_HOME"
examined 6 "a cache that cannot be written"
