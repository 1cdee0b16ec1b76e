# The catalog of a fresh database is asked whether every object of the
# extension is as the house wants it: conformance.sql, whose output is empty.
# Then plpgsql_check reads every plpgsql function: names and types that plain
# CREATE FUNCTION does not look at, and queries open to injection.
. scripts/common.sh
if [ -z "${PGHOST:-}" ]; then
    echo "run it by: make lint"
    exit 1
fi
database=facesnxt_conformance
dropdb --if-exists "$database" 2>/dev/null
createdb "$database"
export PGDATABASE=$database
psql -Xq -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION facesnxt' -c 'CREATE EXTENSION plpgsql_check' >/dev/null
findings=$(psql -XqAt -v ON_ERROR_STOP=1 -f test/check/conformance.sql -f test/check/refusal.sql -f test/check/plpgsql.sql)
printf '%s' "$findings"
[ -z "$findings" ]
