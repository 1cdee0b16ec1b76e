# The pure ring (base, chain, kernel, code, image, draw, infer, quality, verify) knows nothing of PostgreSQL: that
# is what lets plain programs test and fuzz it. And what SQL can call is found
# in the server ring's folders, not scattered.
. scripts/common.sh
status=0
pure='^src/(base|chain|kernel|code|image|draw|infer|quality|verify)/'
allowed='^(base|chain|kernel|code|image|draw|infer|quality|verify)/'

while read -r file; do
    while IFS=: read -r line included; do
        if ! [[ $included =~ $allowed ]]; then
            echo "$file:$line: the pure ring includes \"$included\""
            status=1
        fi
    done < <(sed -nE 's/^[ \t]*#[ \t]*include[ \t]+"([^"]+)".*/\1/;T;=;p' "$file" | paste -d: - -)
    if grep -nE '#[ \t]*include[ \t]+<(postgres|server/|utils/|fmgr)' "$file" /dev/null; then
        status=1
    fi
    if grep -nwE 'palloc|palloc0|pfree|ereport|elog|CHECK_FOR_INTERRUPTS|MemoryContext' "$file" /dev/null |
        grep -vE '^[^:]*:[0-9]+:[ \t]*(/?\*|//)'; then
        echo "$file: a call of the server in the pure ring"
        status=1
    fi
done < <(project_files -name '*.[ch]' | grep -E "$pure")

if grep -rlE '^PG_FUNCTION_INFO_V1' src --include='*.[ch]' | grep -vE '^src/(type|index|audit|session|door|erase|trace|bind)/'; then
    echo "PG_FUNCTION_INFO_V1 stands only in src/type, index, audit, session, door, erase, trace, bind"
    status=1
fi
exit "$status"
