# symbols.sh DIRECTORY: every plugin there exports one symbol and needs none of the host.
status=0 count=0
for file in "$1"/*.so; do
    [ -f "$file" ] || continue
    count=$((count + 1))
    exported=$(nm -D --defined-only "$file" | awk '{ print $NF }')
    if [ "$exported" != cnnrun_plugin ]; then
        echo "$file exports: $(echo $exported)"
        status=1
    fi
    missing=$(ldd -r "$file" 2>&1 | grep -E 'undefined symbol|not found')
    if [ -n "$missing" ]; then
        printf '%s: %s\n' "$file" "$missing"
        status=1
    fi
done
[ "$count" -gt 0 ] || { echo "no plugins in $1" && exit 1; }
exit $status
