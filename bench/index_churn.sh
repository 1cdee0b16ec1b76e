#!/bin/bash
# index_churn.sh - what changes cost, and whether the index bears them: inserts,
# vacuum, reuse of space, and many clients at once.
#
# PERSONS (600,000, about 1 M templates) of DIM (512) dimensions, half precision.
# KINDS ("flat lists") of index, LISTS (one in 488 rows, 2048 for 1 M); for each:
#   insert   one client, synchronous_commit off: one row a statement, prepared,
#            for INSERT_SECONDS (5); and a tenth of the rows in one INSERT ...
#            SELECT, medians of 3; first into the table without an index
#   vacuum   a tenth of the rows deleted: VACUUM and the index's part of it; then
#            as many rows of other people inserted, and the size of the index
#   churn    CLIENTS (8) for CHURN_SECONDS (600): one vacuums, the others insert,
#            delete and search with the server's scan workers (a search must
#            give 50 rows, each once); then
#            index_check, and the rows that the index finds against the table's
. "$(dirname "$0")/tool/index_common.sh"

persons=${PERSONS:-600000} dim=${DIM:-512} clients=${CLIENTS:-8} churn_seconds=${CHURN_SECONDS:-600}
insert_seconds=${INSERT_SECONDS:-5}
work=$(mktemp -d "${TMPDIR:-/tmp}/facesnxt.XXXXXX")
trap 'rm -rf "$work"' EXIT

cat >"$work/insert.sql" <<'SQL'
\set n random(1, :pool)
INSERT INTO public.gallery (person, template) SELECT person, template FROM public.pool WHERE id = :n;
SQL
cat >"$work/delete.sql" <<'SQL'
\set n random(1, 1000000)
DELETE FROM public.gallery WHERE id = (SELECT id FROM public.gallery
    WHERE id >= (SELECT last_value FROM public.gallery_id_seq) * :n / 1000000 ORDER BY id LIMIT 1);
SQL
# divides by zero, which ends the client, when it is not 50 rows or one comes twice
cat >"$work/search.sql" <<'SQL'
\set n random(1, :probes)
SELECT 1 / (count(*) = 50 AND count(DISTINCT id) = 50)::int FROM (SELECT id FROM public.gallery
    ORDER BY template <=> (SELECT template FROM public.probe WHERE kind = 'normal' AND id = :n) LIMIT 50) s;
SQL
cat >"$work/vacuum.sql" <<'SQL'
VACUUM public.gallery;
\sleep 500 ms
SQL

# pgbench with the extension's names and without waiting for the disk
client() {
    PGOPTIONS="$PGOPTIONS -c synchronous_commit=off -c search_path=facesnxt,public -c $WITH_WORKERS" \
        pgbench -n -D pool="$POOL" -D probes="$probes" "$@"
}

POOL=

index_size() { run -c "SELECT pg_relation_size('public.gallery_template')"; }
state() {
    sql -c "SELECT format('%s entries, tail %s, free %s, %s bytes', entries, tail, free, bytes)
        FROM index_info('public.gallery_template')"
}

# $1 what it is inserted into; the table is as before afterwards
insert() {
    local one many
    one=$(for _ in 1 2 3; do
        client -c 1 -T "$insert_seconds" -M prepared -f "$work/insert.sql" | sed -n 's/^tps = \([0-9.]*\).*/\1/p'
    done | sort -n | sed -n 2p)
    many=$(for _ in 1 2 3; do
        sql -c "SET synchronous_commit = off" -c "SELECT public.ms('INSERT INTO public.gallery (person, template)
            SELECT person, template FROM public.pool')"
    done | sort -n | sed -n 2p)
    awk -v what="$1" -v one="$one" -v many="$many" -v pool="$POOL" -v one0="${one0:-}" -v many0="${many0:-}" 'BEGIN {
        rate = pool / many * 1000
        printf "insert, %-11s one a statement %.0f rows/s%s; INSERT ... SELECT %.0f rows/s, %.1f us a row%s\n",
            what ":", one, (one0 == "" ? "" : sprintf(" (%.2f of that without)", one / one0)), rate, many * 1000 / pool,
            (many0 == "" ? "" : sprintf(" (%.2f times that without)", many / many0)) }'
    one0=${one0:-$one} many0=${many0:-$many}
}
forget_inserted() {
    run -c "DELETE FROM public.gallery WHERE id > $ROWS" -c "VACUUM public.gallery"
}

# The index's part of a VACUUM is the time for which the server reports such a
# phase: version 15 itself tells the whole only.
watch_vacuum() {
    run <<'SQL'
DO $$
DECLARE
    at timestamptz := clock_timestamp();
    before timestamptz;
    doing text;
    spent interval := '0';
BEGIN
    LOOP
        PERFORM pg_stat_clear_snapshot();
        SELECT phase INTO doing FROM pg_stat_progress_vacuum WHERE relid = 'public.gallery'::regclass;
        before := at;
        at := clock_timestamp();
        IF doing LIKE '%index%' THEN
            spent := spent + (at - before);
        END IF;
        EXIT WHEN EXISTS (SELECT FROM public.vacuum_ended);
        PERFORM pg_sleep(0.002);
    END LOOP;
    INSERT INTO public.vacuum_part VALUES (extract(epoch FROM spent) * 1000);
END $$;
SQL
}

vacuum() {
    local before after again whole watcher verbose
    before=$(index_size)
    run -c "DELETE FROM public.gallery WHERE hashint4(id) % 10 = 0"
    run -c "CREATE TABLE public.vacuum_ended ()" -c "CREATE TABLE public.vacuum_part (ms float8)"
    watch_vacuum &
    watcher=$!
    sleep 0.5
    verbose=$(run -c '\timing on' -c "VACUUM (VERBOSE, INDEX_CLEANUP ON) public.gallery" 2>&1)
    run -c "INSERT INTO public.vacuum_ended DEFAULT VALUES"
    wait "$watcher"
    whole=$(sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' <<<"$verbose")
    after=$(index_size)
    printf 'vacuum: %s; whole %s ms, of it the index %.0f ms\n' \
        "$(grep -m1 -oE 'tuples: [0-9]+ removed, [0-9]+ remain' <<<"$verbose")" "$whole" \
        "$(run -c "SELECT ms FROM public.vacuum_part")"
    printf '  %s\n' "$(state)"
    sql -c "INSERT INTO public.gallery (person, template) SELECT person, template FROM public.pool
        LIMIT $ROWS - (SELECT count(*) FROM public.gallery)"
    again=$(index_size)
    printf '  index %s bytes at first, %s after VACUUM, %s after as many inserts: %s of the first\n' \
        "$before" "$after" "$again" "$(ratio "$again" "$before")"
    printf '  %s\n' "$(state)"
    run -c "DROP TABLE public.vacuum_ended, public.vacuum_part"
}

churn() {
    local vacuums problems
    run -c "CREATE INDEX IF NOT EXISTS gallery_id ON public.gallery (id)" -c "VACUUM ANALYZE public.gallery"
    client -c 1 -T "$churn_seconds" -f "$work/vacuum.sql" >"$work/vacuum.out" 2>&1 &
    vacuums=$!
    client -c $((clients - 1)) -j 2 -T "$churn_seconds" -f "$work/insert.sql@4" -f "$work/delete.sql@4" \
        -f "$work/search.sql@1" >"$work/churn.out" 2>&1 || echo "  a client of pgbench failed"
    wait "$vacuums" || echo "  VACUUM failed"
    grep -hiE 'error|aborted|fatal' "$work/churn.out" "$work/vacuum.out" | head -5 || true
    awk -F'[ (=]+' -v clients="$clients" -v seconds="$churn_seconds" '
        /^SQL script/ { name = $4; sub(/.*\//, "", name); sub(/\.sql$/, "", name) }
        / transactions \(/ { n[name] = $3 }
        /^ - latency average/ { ms[name] = $5 }
        END { printf "churn: %d clients for %d s:", clients, seconds
              for (i in n) printf " %d of %s (%.1f ms)", n[i], i, ms[i]
              print "" }' "$work/churn.out"
    printf '  %s times VACUUM; %s\n' \
        "$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' "$work/vacuum.out")" "$(state)"
    problems=$(sql -c "SELECT block, problem FROM index_check('public.gallery_template')")
    printf '  index_check: %s problems\n' "$(grep -c . <<<"$problems" || true)"
    head -5 <<<"$problems" | sed '/^$/d; s/^/    /'
    sql <<'SQL'
SET max_parallel_workers_per_gather = 0;
SELECT count(*) AS rows FROM public.gallery WHERE template IS NOT NULL \gset
SET enable_seqscan = off;
SET enable_sort = off;
SELECT format('  the index finds %s rows, %s different ones; the table has %s%s', count(*), count(DISTINCT id), :rows,
    CASE WHEN count(*) <> :rows OR count(DISTINCT id) <> :rows THEN ': THEY DIFFER' END)
FROM (SELECT id FROM public.gallery ORDER BY template <=> (SELECT template FROM public.probe LIMIT 1)) s;
SQL
}

probes=100
prepare_database
for kind in ${KINDS:-flat lists}; do
    make_tables "$persons" "$dim" "$probes"
    run -c "ALTER TABLE public.gallery SET (autovacuum_enabled = off)"
    if [ -z "${POOL:-}" ]; then
        run -c "CREATE TABLE public.pool (id serial PRIMARY KEY, person int, template facesnxt.embedding($dim, half))"
        load pool base $((persons / 10)) "$dim" half 2
        run -c "VACUUM ANALYZE public.pool"
        POOL=$(run -c "SELECT count(*) FROM public.pool")
        insert "no index"
        forget_inserted
    fi
    lists=1
    [ "$kind" = flat ] || lists=${LISTS:-$(lists_for "$ROWS")}
    build template "lists = $lists"
    printf '%s: %s lists, build %s ms; %s\n' "$kind" "$lists" "$BUILD" "$(state)"
    insert "$kind"
    printf '  %s\n' "$(state)"
    forget_inserted
    build template "lists = $lists"
    vacuum
    churn
    echo
done
