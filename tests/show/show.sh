#!/bin/sh
# show.sh CNNRUN STAGE MODE: `cnnrun show STAGE tiny.yaml` must print tiny.STAGE[.MODE].txt. With
# CNNRUN_UPDATE=1 in the environment the file is written anew.
set -eu
cnnrun=$1 stage=$2 mode=$3
cd "$(dirname "$0")"
expected=tiny.$stage.$mode.txt
said=$(mktemp)
trap 'rm -f "$said"' EXIT
"$cnnrun" show "$stage" tiny.yaml --mode "$mode" >"$said"
if [ "${CNNRUN_UPDATE:-}" = 1 ]; then
    cp "$said" "$expected"
else
    diff -u "$expected" "$said"
fi
