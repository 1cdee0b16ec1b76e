# What .editorconfig asks: no blanks at the end of a line, a newline at the end
# of a file, tabs in C. Output of psql (expected/) is as psql writes it.
. scripts/common.sh
status=0
while read -r file; do
    case $file in
        expected/*) continue ;;
    esac
    grep -Iq . "$file" || continue # empty or binary
    if grep -nE '[[:blank:]]+$' "$file" /dev/null; then
        echo "$file: blanks at the end of a line"
        status=1
    fi
    if [ -n "$(tail -c 1 "$file")" ]; then
        echo "$file: no newline at the end"
        status=1
    fi
    case $file in
        *.c | *.h)
            if grep -nE '^    ' "$file" /dev/null; then
                echo "$file: indented by spaces"
                status=1
            fi
            ;;
    esac
done < <(project_files)
exit "$status"
