# A file is about 100-400 lines; one of more than 800 holds several things and
# must be split. A line has up to 110 columns (tabs of 4); more than 120 are
# refused.
. scripts/common.sh
status=0
while read -r file; do
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 800 ]; then
        echo "$file: $lines lines; split it"
        status=1
    fi
done < <(project_files \( -name '*.[ch]' -o -name '*.sql' -o -name '*.sh' -o -name '*.p[lmy]' -o -name '*.md' \))
while read -r file; do
    expand -t 4 "$file" | awk -v file="$file" \
        'length($0) > 120 { printf "%s:%d: %d columns\n", file, NR, length($0); found = 1 } END { exit found }' ||
        status=1
done < <(project_files -name '*.[ch]')
exit "$status"
