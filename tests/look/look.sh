#!/bin/sh
# look.sh CNNRUN PIXEL SOURCE_DIR CASE: `cnnrun look` from the outside; its pictures are decoded again.
set -u
cnnrun=$1 pixel=$2 source=$3 case=$4
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
tiny=$source/tests/look/tiny.yaml

fail() {
    echo "failed: $*" >&2
    for log in *.log; do [ -f "$log" ] && sed "s/^/$log: /" "$log" >&2; done
    exit 1
}

look() { # ARGUMENT...
    "$cnnrun" look "$@" >log.log 2>&1 || fail "look $* ended with $?"
}

refuses() { # STATUS TEXT ARGUMENT...
    want=$1 text=$2
    shift 2
    "$cnnrun" look "$@" >log.log 2>&1
    got=$?
    [ $got -eq "$want" ] || fail "look $* ended with $got instead of $want"
    grep -qF -- "$text" log.log || fail "look $*: no '$text'"
}

size() { # FILE "WIDTH HEIGHT"
    got=$("$pixel" "$1") || fail "$1 is no PNG"
    [ "$got" = "$2" ] || fail "$1 is $got, not $2"
}

dot() { # FILE X Y "R G B A"
    got=$("$pixel" "$1" "$2" "$3") || fail "$1 has no pixel $2 $3"
    [ "$got" = "$4" ] || fail "$1 at $2, $3 is $got, not $4"
}

red="178 24 43 255" blue="33 102 172 255" white="255 255 255 255" clear="0 0 0 0" black="0 0 0 255"

case $case in
filters) # two filters of one channel, 2 x 2, side by side with four clear pixels between
    look "$tiny" --scale 1
    f=run/look/filters-corners.png
    size $f "8 2"
    dot $f 0 0 "$red"
    dot $f 1 0 "$white"
    dot $f 1 1 "$red"
    dot $f 3 0 "$clear"
    dot $f 6 0 "$white"
    dot $f 7 0 "$red"
    sed 's/\[\[\[\[1, 0\], \[0, 1\]\]\]/[[[[1, 0], [0, -1]]]/' "$tiny" >signed.yaml
    look signed.yaml --scale 3
    size $f "16 6"
    dot $f 5 5 "$blue"
    sed 's/\[\[\[\[1, 0\], \[0, 1\]\]\]/[[[[1, 0], [0, -0.5]]]/' "$tiny" >half.yaml
    look half.yaml --scale 1
    dot $f 1 1 "144 179 214 255" # half way from white to blue: (255 + 33) / 2, ...
    ;;
maps) # A1 = 3 0 0 5, A2 = 0 2 2 0 on one scale from 0 to 5
    look "$tiny" --scale 2
    f=run/look/sample-0-corners.png
    size $f "12 4"
    dot $f 0 0 "153 153 153 255"
    dot $f 1 1 "153 153 153 255"
    dot $f 2 0 "$black"
    dot $f 3 3 "$white"
    dot $f 8 0 "$black"
    dot $f 10 0 "102 102 102 255"
    dot $f 8 2 "102 102 102 255"
    dot $f 4 0 "$clear"
    look "$tiny" --scale 2 --max-maps 1
    size $f "4 4"
    grep -qF "the first 1 of 2 maps" run/look/index.html || fail "the page does not say what is left out"
    ;;
cam) # 6 0 0 10 over an image of 3 x 3: tiles of 6 x 6, a number of the map is 3 x 3 pixels
    look "$tiny" --scale 2
    f=run/look/sample-0-grad-cam.png
    size $f "26 6"
    dot $f 0 0 "85 85 85 255" # the image: 1 of 0 to 3
    dot $f 20 0 "255 51 0 255" # 6 of 10: (2 * 0.6, 2 * 0.6 - 1, 0)
    dot $f 22 2 "255 51 0 255"
    dot $f 23 0 "$black"
    dot $f 25 5 "255 255 0 255"
    dot $f 10 0 "146 73 54 255" # over it: 0.64 of 85 and 0.36 of the heat
    dot $f 15 5 "255 255 102 255" # 0.4 of white and 0.6 of yellow
    grep -qF "Grad-CAM of class 0, corners</b> 2 × 2, from 0 to 10" run/look/index.html || fail "its caption"
    grep -qF "predicted: 0, truth: 0" run/look/index.html || fail "the prediction"
    look "$tiny" --scale 2 --class 1
    grep -qF "Grad-CAM of class 1, corners</b> 2 × 2, from 0 to 5" run/look/index.html || fail "class 1"
    dot $f 20 0 "$black"
    dot $f 25 0 "255 255 0 255"
    ;;
samples) # in a batch each sample has its own class and its own heat
    look "$tiny" --scale 2 --sample 1,0
    grep -qF "Grad-CAM of class 1, corners" run/look/index.html || fail "sample 1 is not of class 1"
    cp run/look/sample-0-grad-cam.png run/look/sample-1-grad-cam.png .
    dot sample-1-grad-cam.png 20 0 "$black" # A2 = 0 2 2 0 and alpha2 = 2.5; class 0 would be 2 0 0 2
    dot sample-1-grad-cam.png 25 0 "255 255 0 255"
    look "$tiny" --scale 2 --sample 0
    cmp run/look/sample-0-grad-cam.png sample-0-grad-cam.png || fail "sample 0 alone looks different"
    look "$tiny" --scale 2 --sample 1
    cmp run/look/sample-1-grad-cam.png sample-1-grad-cam.png || fail "sample 1 alone looks different"
    ;;
backends) # the fast backend's pictures are the definition's
    look "$tiny"
    mv run/look reference
    look "$tiny" backend=cpu
    for f in reference/*.png; do cmp "$f" "run/look/$(basename "$f")" || fail "$f differs on cpu"; done
    ;;
image) # the plugin `images` reads what was drawn
    look "$tiny" --scale 1
    cat >pixels.yaml <<'END'
name: pixels
backend: reference
data:
  source: {images: {path: run/look/sample-0-input.png, channels: 3, size: [3, 3]}}
  transform: [to_float]
model: [relu]
expect:
  output:
    - [[0.33333, 0, 0], [0, 0.66667, 0], [0, 0, 1]]
    - [[0.33333, 0, 0], [0, 0.66667, 0], [0, 0, 1]]
    - [[0.33333, 0, 0], [0, 0.66667, 0], [0, 0, 1]]
  tolerance: 0.00001
output: {dir: ''}
END
    "$cnnrun" pixels.yaml >log.log 2>&1 || fail "the picture is another one"
    ;;
page) # needs no network, and shows the very files
    look "$tiny" --sample 0,1
    page=run/look/index.html
    sed 's/src="data:image[^"]*"//' $page >words
    if grep -qiE 'https?:|//[a-z]|<script|<link|@import|url\(|src=' words; then fail "the page wants something from elsewhere"; fi
    [ "$(grep -c '<img ' $page)" -eq "$(ls run/look/*.png | wc -l)" ] || fail "not every picture is on the page"
    [ "$(ls run/look/*.png | wc -l)" -eq 7 ] || fail "not seven pictures"
    sed -n 's/.*src="data:image\/png;base64,\([^"]*\)".*/\1/p' $page >pictures
    n=0
    while read -r line; do
        printf '%s' "$line" | base64 -d >$n.png || fail "picture $n of the page is no base64"
        "$pixel" $n.png >/dev/null || fail "picture $n of the page is no PNG"
        n=$((n + 1))
    done <pictures
    cat run/look/*.png | wc -c >files
    cat [0-9].png | wc -c | cmp - files || fail "the page shows other pictures than the files"
    grep -qF "prefers-color-scheme:dark" $page || fail "no dark side"
    ;;
folder) # the new one takes the old one's place, whole or not at all
    look "$tiny" --sample 0,1
    look "$tiny"
    [ ! -e run/look.new ] || fail "run/look.new is left"
    [ ! -e run/look/sample-1-input.png ] || fail "a picture of the last time is left"
    cp run/look/index.html before
    refuses 2 "million pixels" "$tiny" --scale 100000
    [ ! -e run/look.new ] || fail "run/look.new is left after an error"
    cmp run/look/index.html before || fail "a failed call changed the old page"
    echo mine >run/look/notes.txt
    refuses 2 "holds notes.txt" "$tiny"
    [ "$(cat run/look/notes.txt)" = mine ] || fail "it took somebody's notes"
    look "$tiny" --out a/b/c
    [ -f a/b/c/index.html ] || fail "no --out"
    look "$tiny" --out a/b/c//
    [ -f a/b/c/index.html ] || fail "no --out with a slash"
    refuses 2 "--out DIR" "$tiny" --out ''
    ;;
weights) # a run's directory brings pipeline and weights; without weights the page says so
    look "$tiny"
    grep -qF "nothing is learnt yet" run/look/index.html || fail "initial weights are not called so"
    cp run/look/filters-corners.png .
    "$cnnrun" train "$tiny" >log.log 2>&1 || fail "training ended with $?"
    look run
    grep -qF "weights from run/model.safetensors" run/look/index.html || fail "which weights?"
    if cmp -s filters-corners.png run/look/filters-corners.png; then fail "the filters did not change"; fi
    cp run/look/filters-corners.png .
    look "$tiny" --weights run/model.safetensors
    cmp filters-corners.png run/look/filters-corners.png || fail "--weights FILE gives others"
    ;;
layers)
    pipeline=$source/pipelines/synthetic.yaml
    look "$pipeline" backend=reference output.dir=run 0 1.relu --cam 1
    ls run/look >files
    grep -qx sample-0-1.relu.png files || fail "no maps of 1.relu"
    grep -qF ", 1.relu</b>" run/look/index.html || fail "Grad-CAM of another layer"
    ;;
errors)
    refuses 2 "did you mean 'corners'?" "$tiny" cornres
    refuses 2 "did you mean 'corners'?" "$tiny" --cam corner
    refuses 2 "no maps to look at" "$tiny" 1
    refuses 2 "--class is '7', but a class from 0 to 1 is wanted" "$tiny" --class 7
    refuses 2 "--class is 'cat'" "$tiny" --class cat
    refuses 2 "there is no sample 9" "$tiny" --sample 9
    refuses 2 "--sample is '1,,2'" "$tiny" --sample 1,,2
    refuses 2 "--sample is '0,'" "$tiny" --sample 0,
    refuses 2 "--split is 'tset'" "$tiny" --split tset
    refuses 2 "--max-maps is '0'" "$tiny" --max-maps 0
    refuses 2 "--out DIR" "$tiny" output.dir=
    refuses 2 "Grad-CAM needs a model that gives one score per class" \
        "$source/pipelines/tutorial/01-convolution.yaml" --out p --class 0
    refuses 2 "has no pipeline.yaml" .
    look "$source/pipelines/tutorial/01-convolution.yaml" --out p # filters and maps need no class
    [ -f p/filters-0.conv2d.png ] || fail "no filters without a class"
    mkdir -p run
    chmod a-w run
    if ! touch run/x 2>/dev/null; then refuses 2 "cannot make the folder" "$tiny"; fi
    chmod a+w run
    ;;
*)
    fail "unknown case $case"
    ;;
esac
