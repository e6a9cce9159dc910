#!/bin/sh
# show.sh CNNRUN STAGE MODE NAME PIPELINE [PATH=VALUE ...]: `cnnrun show STAGE PIPELINE` must print
# NAME.STAGE.MODE.txt. With CNNRUN_UPDATE=1 in the environment the file is written anew.
set -eu
cnnrun=$1 stage=$2 mode=$3 name=$4
shift 4
cd "$(dirname "$0")"
expected=$name.$stage.$mode.txt
said=$(mktemp)
trap 'rm -f "$said"' EXIT
"$cnnrun" show "$stage" "$@" --mode "$mode" >"$said"
if [ "${CNNRUN_UPDATE:-}" = 1 ]; then
    cp "$said" "$expected"
else
    diff -u "$expected" "$said"
fi
