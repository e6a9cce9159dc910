#!/bin/sh
# Runs the fenced sh blocks of a page, in order, in a folder of their own; compares its c, glsl and text blocks
# with the files that they quote. Comments before a block:
#   <!-- not run: REASON -->    an sh block that is left out
#   <!-- from PATH -->          a c, glsl or text block that must stand in that file, line by line
# usage: page.sh PAGE SOURCE_DIR BUILD_DIR WORK_DIR
set -eu
page=$1 source=$2 build=$3 work=$4

rm -rf "$work"
mkdir -p "$work/build" "$work/home"
ln -s "$source/pipelines" "$source/examples" "$work/"
ln -s "$build" "$work/build/release"

# Each block becomes a file NN.sh or NN.c in the work folder; NN.c.from names what it quotes.
awk -v work="$work" '
    function fail(text) { print FILENAME ":" FNR ": " text > "/dev/stderr"; bad = 1 }
    /^```$/ && open { open = 0; if (file != "") close(file); file = ""; next }
    /^```/ && !open {
        open = 1
        type = substr($0, 4)
        file = ""
        if (type == "sh" && note !~ /^<!-- not run: .+ -->$/)
            file = sprintf("%s/%02d.sh", work, ++count)
        if ((type == "c" || type == "glsl" || type == "text") && note ~ /^<!-- from .+ -->$/) {
            file = sprintf("%s/%02d.c", work, ++count)
            split(note, word, " ")
            print word[3] > (file ".from")
            close(file ".from")
        }
        if (note ~ /^<!-- not run: *-->$/) fail("a block is left out without a reason")
        if (file != "") printf "" > file
        note = ""
        next
    }
    open { if (file != "") print > file; next }
    NF { note = $0 }
    END { if (open) fail("a block has no end"); exit bad }
' "$page"

export HOME="$work/home"
unset XDG_CACHE_HOME XDG_DATA_HOME CNNRUN_PLUGIN_PATH
cd "$work"
for block in "$work"/[0-9]*.sh "$work"/[0-9]*.c; do
    [ -e "$block" ] || continue
    case $block in
    *.sh)
        sed 's/^/$ /' "$block"
        sh -eu "$block" </dev/null || { echo "$page: this block ended with status $?"; exit 1; }
        ;;
    *.c)
        from=$(cat "$block.from")
        awk -v from="$from" -v page="$page" '
            FNR == NR { block = block $0 "\n"; next }
            { text = text $0 "\n" }
            END { if (!index(text, block)) { print page ": a block differs from " from; exit 1 } }
        ' "$block" "$source/$from"
        ;;
    esac
done
