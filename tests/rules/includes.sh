# includes.sh SOURCE_DIRECTORY: who may include whom. Prints each line that breaks a rule.
cd "$1" || exit 1
bad=$(mktemp) || exit 1
trap 'rm -f "$bad"' EXIT

# lines PATTERN DIRECTORY...: "file:line:text" of the includes that match.
lines() {
    pattern=$1
    shift
    find "$@" -name '*.[ch]' -exec grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]+$pattern" /dev/null {} +
}

# only PATTERN WHERE DIRECTORY...: what matches PATTERN stands in WHERE (a pattern too) and nowhere else.
only() {
    pattern=$1 where=$2
    shift 2
    lines "$pattern" "$@" | grep -vE "^($where):" | sed "s#^#only in $where: #" >>"$bad"
}

only '<yaml\.h>' 'framework/doc\.c' framework plugins
only '<dlfcn\.h>' 'framework/loader\.c|plugins/backends/vulkan/[^:]*' framework plugins
only '<vulkan/' 'plugins/backends/vulkan/[^:]*' framework plugins
only '"cli/' 'framework/(main\.c|cli/[^:]*)' framework

# The SDK: the C library and itself.
lines '[<"]' framework/include | grep -vE '"[a-z]+\.h"' |
    grep -vE '<(assert|errno|float|inttypes|limits|math|stdarg|stdbool|stddef|stdint|stdio|stdlib|string)\.h>' |
    sed 's/^/the SDK includes only the C library: /' >>"$bad"

# The ground floor knows no other.
lines '"' framework/base | grep -v '"base/' | grep -vE '"(arena|diag|file|text)\.h"' |
    sed 's/^/base includes only base: /' >>"$bad"

# Plugins: the SDK, libraries, and files of their own folder.
lines '"' plugins | while IFS= read -r line; do
    file=${line%%:*}
    name=$(printf '%s\n' "$line" | sed 's/.*"\(.*\)".*/\1/')
    case $file:$name in
    plugins/backends/*/*/*:../[a-z]*) # a folder within a backend's own
        [ -f "$(dirname "$file")/$name" ] || echo "not in its own folder: $line" ;;
    *:*..*) echo "leaves its folder: $line" ;;
    *) [ -f "$(dirname "$file")/$name" ] || echo "not in its own folder: $line" ;;
    esac
done >>"$bad"

if [ -s "$bad" ]; then
    cat "$bad"
    exit 1
fi
