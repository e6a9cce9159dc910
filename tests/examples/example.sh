#!/bin/sh
# Builds the plugin NAME of an example against the cnnrun in PREFIX, checks its symbols, runs its pipelines.
# usage: example.sh FOLDER NAME PREFIX BUILD_DIR CMAKE PIPELINE...
set -eu
folder=$1 name=$2 prefix=$3 build=$4 cmake=$5
shift 5

rm -rf "$build"
"$cmake" -S "$folder" -B "$build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_FLAGS="-Wall -Wextra -Wpedantic -Wconversion -Werror" >"$build.log" 2>&1 ||
    { cat "$build.log"; exit 1; }
"$cmake" --build "$build"

exported=$(nm -D --defined-only "$build/$name.so" | awk '{print $3}')
[ "$exported" = cnnrun_plugin ] || { echo "exported symbols are: $exported"; exit 1; }
wanted=$(nm -D --undefined-only "$build/$name.so" | awk '{print $2}' | grep '^cnn' || true)
[ -z "$wanted" ] || { echo "wants symbols of the host: $wanted"; exit 1; }

export XDG_CACHE_HOME="$build/cache" XDG_DATA_HOME="$build/data"
unset CNNRUN_PLUGIN_PATH
for pipeline; do
    "$prefix/bin/cnnrun" "$folder/$pipeline" --plugin-path "$build"
done
"$prefix/bin/cnnrun" plugins --plugin-path "$build" | grep -q "$name"
