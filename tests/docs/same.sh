#!/bin/sh
# A page and its Chinese counterpart must agree in what is not language: the fenced blocks, in order, without
# their comments, and the number of headings of each level.
# usage: same.sh PAGE (without .md and .zh.md)
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

frame() {
    awk '
        /^```/ { open = !open; print; next }
        open   { sub(/ *#.*/, ""); print; next }
        /^#+ / { print $1 }
    ' "$1"
}

frame "$1.md" >"$work/en"
frame "$1.zh.md" >"$work/zh"
diff "$work/en" "$work/zh" || { echo "$1.md and $1.zh.md differ"; exit 1; }
