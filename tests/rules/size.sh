# size.sh PROGRAM BUILD_TYPE: what the program needs, and in release builds how large it is without debug information.
program=$1 type=$2
needed=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
for library in $needed; do
    case $library in
    libc.so.* | libm.so.* | libdl.so.* | libpthread.so.* | libyaml-0.so.* | ld-linux*) ;;
    *) echo "$program needs $library" && exit 1 ;;
    esac
done
case $type in Release | MinSizeRel) ;; *) exit 0 ;; esac
copy=$(mktemp) || exit 1
trap 'rm -f "$copy"' EXIT
strip -o "$copy" "$program" || exit 1
bytes=$(wc -c <"$copy")
echo "stripped: $bytes bytes"
[ "$bytes" -lt 409600 ] || { echo "400 KiB are the limit" && exit 1; }
