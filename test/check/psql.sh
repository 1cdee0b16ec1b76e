# Every psql script of reports runs, in text of at most 100 columns and in
# HTML, and says which agency it lacks when none is named.
. scripts/common.sh
if [ -z "${PGHOST:-}" ]; then
    echo "run it by: make lint"
    exit 1
fi
database=facesnxt_psql status=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT
dropdb --if-exists "$database" 2>/dev/null
createdb "$database"
export PGDATABASE=$database
psql -Xq -v ON_ERROR_STOP=1 >/dev/null <<'SQL'
CREATE EXTENSION facesnxt;
SELECT facesnxt.create_agency('NM', 'North Miami Police Department'), facesnxt.adopt_policy('NM', 'NM');
SELECT facesnxt.open_case('NM', '1', 'robbery');
SQL
for script in sql/psql/facesnxt-*.psql; do
    case $script in
        *-head.psql | *-section.psql) continue ;;
    esac
    for format in aligned html; do
        if ! psql -X -v agency=NM -v case_number=1 -P format=$format -f "$script" >"$output" 2>&1; then
            echo "$script fails in format $format:"
            cat "$output"
            status=1
        fi
        # psql fills up the last column
        if [ $format = aligned ] && ! sed 's/[[:blank:]]*$//' "$output" | awk -v script="$script" \
            'length($0) > 100 { printf "%s: a line of %d columns\n", script, length($0); wide = 1 } END { exit wide }'; then
            status=1
        elif ! grep -qE 'North Miami Police Department' "$output"; then
            echo "$script does not say whose report it is"
            status=1
        fi
    done
    if psql -X -f "$script" >"$output" 2>&1 || ! grep -q 'which agency?' "$output"; then
        echo "$script does not ask for the agency"
        status=1
    fi
done
exit "$status"
