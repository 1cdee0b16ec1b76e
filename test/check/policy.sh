# Every clause of the policies has objects that exist and a test that names it
# (docs/policy.tsv), and docs/policy.md says so.
. scripts/common.sh
if [ -z "${PGHOST:-}" ]; then
    echo "run it by: make lint"
    exit 1
fi
status=0
gaps=$(perl scripts/policy.pl --gaps)
if [ -n "$gaps" ]; then
    printf '%s\n' "$gaps"
    status=1
fi
if ! perl scripts/policy.pl | diff -q - docs/policy.md >/dev/null; then
    echo "docs/policy.md is not what scripts/policy.pl prints"
    status=1
fi
database=facesnxt_policy
dropdb --if-exists "$database" 2>/dev/null
createdb "$database"
psql -Xq -v ON_ERROR_STOP=1 -d "$database" -c 'CREATE EXTENSION facesnxt' >/dev/null
missing=$(perl scripts/policy.pl --objects | psql -XqAt -v ON_ERROR_STOP=1 -d "$database" \
    -c 'CREATE TEMP TABLE named (object text)' -c '\copy named FROM pstdin' -c "
    SELECT object || ': no such object' FROM named
    WHERE to_regclass('facesnxt.' || object) IS NULL
        AND NOT EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'facesnxt'::regnamespace AND proname = object)
        AND NOT EXISTS (SELECT FROM facesnxt.rule WHERE rule = object)")
if [ -n "$missing" ]; then
    printf '%s\n' "$missing"
    status=1
fi
exit "$status"
