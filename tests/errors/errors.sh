#!/bin/sh
# errors.sh CNNRUN CASE: compares what a broken pipeline makes the program say.
program=$1 case=$2
unset CNNRUN_PLUGIN_PATH
want_code=2
[ ! -f "$case.code" ] || want_code=$(cat "$case.code")
set --
if [ -f "$case.args" ]; then
    while read -r word; do
        set -- "$@" "$word"
    done < "$case.args"
fi
got=$(mktemp) || exit 1
trap 'rm -f "$got"' EXIT
"$program" validate "$case.yaml" "$@" > /dev/null 2> "$got"
code=$?
sed -i "s/; searched .*/; searched .../" "$got"
if [ -n "$CNNRUN_UPDATE" ]; then
    cp "$got" "$case.expect"
    rm -f "$case.code"
    [ $code -eq 2 ] || echo $code > "$case.code"
    exit 0
fi
if [ $code -ne "$want_code" ]; then
    echo "exit status $code, but $want_code is wanted"
    cat "$got"
    exit 1
fi
diff -u "$case.expect" "$got"
