# index_common.sh - what the benches of the index share: tables made from the
# streams of bench/tool/gallery, one search with its time and counters, the
# median of many, the plain read. Sourced, never run.

set -euo pipefail

tools=${BENCH_TOOLS:-build/bench/tool}

# Settings of every session here; measure and others take more. A search is for one process unless it says otherwise.
export PGOPTIONS="-c client_min_messages=warning -c jit=off -c facesnxt.scan_workers_per_search=0"
export WITH_WORKERS="facesnxt.scan_workers_per_search=16"
run() { psql -X -q -At -v ON_ERROR_STOP=1 "$@"; }
# the same with the extension's names at hand
sql() { PGOPTIONS="$PGOPTIONS -c search_path=facesnxt,public" run "$@"; }

# As many lists as an index of so many rows would get by default if it got any.
lists_for() { awk -v rows="$1" 'BEGIN { n = log(rows / 488) / log(2); print n < 1 ? 2 : 2 ^ int(n + 0.5) }'; }

# Bytes of the coarse codes of so many rows.
code_bytes() { echo $(($1 * (($2 + 63) / 64 * 8))); }

# The plain read of so many bytes, in ms: R.
plain_read() { "$tools/read" "$1"; }

# $1 into which table, the rest: arguments of bench/tool/gallery
load() {
    local table=$1
    shift
    "$tools/gallery" "$@" | run -c "COPY public.$table (person, template) FROM STDIN (FORMAT binary)"
}

prepare_database() {
    run <<'SQL'
CREATE EXTENSION IF NOT EXISTS facesnxt;
CREATE EXTENSION IF NOT EXISTS pg_prewarm;
SET search_path = facesnxt, public;
CREATE FUNCTION public.ms(statement text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE start timestamptz := clock_timestamp();
BEGIN
    EXECUTE statement;
    RETURN round((extract(epoch FROM clock_timestamp() - start) * 1000)::numeric, 1);
END $$;
SQL
}

# The functions that search public.gallery; needed again after it is made anew.
prepare_searches() {
    run <<'SQL'
SET search_path = facesnxt, public;
-- one search: milliseconds, the rows and persons found, what the scan did
CREATE OR REPLACE FUNCTION public.try(probe embedding, k int, distance float8,
    OUT ms float8, OUT ids int[], OUT persons int[], OUT scan jsonb)
LANGUAGE plpgsql AS $$
DECLARE start timestamptz := clock_timestamp();
BEGIN
    IF distance IS NULL THEN
        SELECT array_agg(s.id), array_agg(s.person) INTO ids, persons
        FROM (SELECT g.id, g.person FROM public.gallery g ORDER BY g.template <=> probe LIMIT k) s;
    ELSE
        SELECT array_agg(s.id), array_agg(s.person) INTO ids, persons
        FROM (SELECT g.id, g.person FROM public.gallery g WHERE within(g.template, probe, distance)
              ORDER BY g.template <=> probe LIMIT k) s;
    END IF;
    ms := extract(epoch FROM clock_timestamp() - start) * 1000;
    scan := to_jsonb(last_scan());
END $$;
-- the same under a condition, $1 in it being the probe; planned for each search, and unlike the other, whose INTO
-- limits the rows, run by several processes where the plan says so
CREATE OR REPLACE FUNCTION public.try_where(probe embedding, k int, condition text,
    OUT ms float8, OUT ids int[], OUT persons int[], OUT scan jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    statement text := format('SELECT array_agg(s.id), array_agg(s.person) FROM (SELECT g.id, g.person
        FROM public.gallery g WHERE %s ORDER BY g.template <=> $1 LIMIT $2) s', condition);
    start timestamptz := clock_timestamp();
BEGIN
    EXECUTE statement INTO ids, persons USING probe, k;
    ms := extract(epoch FROM clock_timestamp() - start) * 1000;
    IF has_function_privilege('facesnxt.last_scan()', 'EXECUTE') THEN
        scan := to_jsonb(last_scan());
    END IF;
END $$;
CREATE OR REPLACE FUNCTION public.common(a int[], b int[]) RETURNS bigint LANGUAGE sql IMMUTABLE AS
    $$ SELECT count(*) FROM unnest(a) x WHERE x = ANY (b) $$;
SQL
}

# $1 persons, $2 dimensions, $3 probes of each kind, $4 further columns of the
# gallery. Sets ROWS and BYTES, the bytes of the coarse codes.
make_tables() {
    run -v dim="$2" <<SQL
SET search_path = facesnxt, public;
DROP TABLE IF EXISTS public.gallery, public.probe;
CREATE TABLE public.gallery (id serial, person int, template embedding(:dim, half)${4:+, $4});
CREATE TABLE public.probe (kind text DEFAULT 'normal', id serial, person int, template embedding(:dim, half),
    similarity float8);
SQL
    load gallery base "$1" "$2" half
    load probe normal "$3" "$2" half
    run -c "ALTER TABLE public.probe ALTER kind SET DEFAULT 'hard'"
    load probe hard "$3" "$2" half
    prepare_searches
    run <<'SQL'
VACUUM ANALYZE public.gallery;
-- how similar the best mate is
UPDATE public.probe p SET similarity = s.best
FROM (SELECT q.kind, q.id, max(1 - (g.template OPERATOR(facesnxt.<=>) q.template)) AS best
      FROM public.probe q JOIN public.gallery g USING (person) GROUP BY q.kind, q.id) s
WHERE p.kind = s.kind AND p.id = s.id;
VACUUM ANALYZE public.probe;
SELECT pg_prewarm('public.gallery') \g /dev/null
SQL
    ROWS=$(run -c "SELECT count(*) FROM public.gallery")
    BYTES=$(code_bytes "$ROWS" "$2")
    printf '%s templates of %s dimensions, table of %s\n' "$ROWS" "$2" \
        "$(run -c "SELECT pg_size_pretty(pg_table_size('public.gallery'))")"
}

# Builds public.gallery_template anew: $1 columns, $2 options, the rest are
# settings of the session. Sets BUILD, in ms, and ENTRIES.
build() {
    local columns=$1 options=$2 setting
    shift 2
    # shellcheck disable=SC2034 # for those who source this
    BUILD=$({
        for setting in "maintenance_work_mem = '${MEMORY:-256MB}'" "$@"; do echo "SET $setting;"; done
        echo "DROP INDEX IF EXISTS public.gallery_template;"
        echo "SELECT public.ms('CREATE INDEX gallery_template ON public.gallery USING facescan ($columns)"
        echo "${options:+WITH ($options)}');"
        echo "SELECT pg_prewarm('public.gallery_template') \\g /dev/null"
    } | sql)
    ENTRIES=$(sql -c "SELECT entries FROM index_info('public.gallery_template')")
}

index_bytes() { sql -c "SELECT bytes FROM index_info('public.gallery_template')"; }
bytes_a_row() { sql -c "SELECT round(bytes::numeric / entries, 1) FROM index_info('public.gallery_template')"; }

# Searches with every probe twice, one session: $1 kind, $2 k, $3 greatest
# distance or NULL, the rest are settings. R is taken before and after. Sets MS
# (median of the second time), FIRST (of the first), R, FOUND, SHARE (of the
# codes, that were scored), ALIKE (found of the probes with a mate at least as
# similar as ALIKE_FROM) and DETAIL. SEARCH is the call.
SEARCH='public.try(p.template, :k, :distance)' ALIKE_FROM=0
measure() {
    local kind=$1 k=$2 distance=$3 setting before after line
    shift 3
    before=$(plain_read "$BYTES")
    line=$({
        for setting in "max_parallel_workers_per_gather = 0" "$@"; do echo "SET $setting;"; done
        cat <<SQL
SELECT count(*) FROM (SELECT (public.try(template, 50, NULL)).ms FROM public.probe LIMIT 5) s \g /dev/null
CREATE TEMP TABLE first AS SELECT t.ms FROM public.probe p, LATERAL $SEARCH t WHERE p.kind = :'kind';
CREATE TEMP TABLE result AS SELECT p.person, p.similarity, t.*
FROM public.probe p, LATERAL $SEARCH t WHERE p.kind = :'kind';
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms),
    (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FROM first),
    avg((person = ANY (coalesce(persons, '{}')))::int)::numeric(5,3),
    (avg((scan->>'codes')::bigint) / :entries)::numeric(6,3),
    format('%s of %s', count(*) FILTER (WHERE similarity >= $ALIKE_FROM AND person = ANY (persons)),
        count(*) FILTER (WHERE similarity >= $ALIKE_FROM)),
    format('workers %s, late %s of %s, rounds %s, middle %s, fine %s, fetched %s',
        avg((scan->>'workers')::int)::numeric(3,1), sum((scan->>'late')::int),
        sum((scan->>'returned')::int), avg((scan->>'rounds')::int)::numeric(4,2), avg((scan->>'middle')::int)::int,
        avg((scan->>'refined')::int)::int, avg((scan->>'fetched')::int)::int)
FROM result;
SQL
    } | sql -v kind="$kind" -v k="$k" -v distance="$distance" -v entries="$ENTRIES")
    after=$(plain_read "$BYTES")
    # shellcheck disable=SC2034 # for those who source this
    IFS='|' read -r MS FIRST FOUND SHARE ALIKE DETAIL <<<"$line"
    R=$(awk -v a="$before" -v b="$after" 'BEGIN { print (a + b) / 2 }')
}

# One line of what was measured: $1 label, the rest is more text
report() {
    local label=$1
    shift
    awk -v label="$label" -v more="$*" -v ms="$MS" -v first="$FIRST" -v r="$R" -v found="$FOUND" \
        'BEGIN { printf "%-42s %7.1f ms (first time %.1f), R %.2f ms, ratio %.2f; found %s%s\n",
            label, ms, first, r, (r > 0 ? ms / r : 0), found, (more == "" ? "" : "; " more) }'
}

# a / b with two digits
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf (b > 0 ? "%.2f" : "-"), a / b }'; }
