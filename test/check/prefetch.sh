# Whatever sends for cache lines does so by fx_prefetch(): calls of functions that
# do nothing else are left out by the compiler (src/base/prefetch.h).
. scripts/common.sh
status=0

while read -r file; do
    if [ "$file" != src/base/prefetch.h ] && grep -nw '__builtin_prefetch' "$file" /dev/null; then
        echo "$file: not by fx_prefetch()"
        status=1
    fi
done < <(project_files -name '*.[ch]' | grep '^src/')
exit "$status"
