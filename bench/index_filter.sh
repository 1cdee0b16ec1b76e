#!/bin/bash
# index_filter.sh - filter columns: rows returned, recall and time of a filtered
# search against the unfiltered one, and what a role under a row level security
# policy gets to see.
#
# PERSONS (600,000, about 1 M templates) of DIM (512) dimensions, half precision;
# PROBES (40) normal probes; K (50). One row in 10, 100, 1000 is asked for, by =,
# by = ANY, by a range, and by a policy. A filtered search should take no longer
# than the unfiltered one of the same index. LISTS (1): lists of the index.
. "$(dirname "$0")/tool/index_common.sh"

k=${K:-50}
prepare_database
make_tables "${PERSONS:-600000}" "${DIM:-512}" "${PROBES:-40}" \
    "tenth int GENERATED ALWAYS AS (((hashint4(id) & 1048575) % 10)) STORED,
     hundredth int GENERATED ALWAYS AS (((hashint4(id) & 1048575) % 100)) STORED,
     thousandth int GENERATED ALWAYS AS (((hashint4(id) & 1048575) % 1000)) STORED"
build "template, tenth, hundredth, thousandth" "lists = ${LISTS:-1}"
printf 'build with three filter columns %s ms, %s bytes a row\n' "$BUILD" "$(bytes_a_row)"

run <<'SQL'
SET search_path = facesnxt, public;
-- as the owner, whom no policy binds
CREATE FUNCTION public.try_unfiltered(probe embedding, k int, OUT ms float8) LANGUAGE plpgsql SECURITY DEFINER
SET search_path = facesnxt, public AS $$
BEGIN
    SELECT t.ms INTO ms FROM public.try_where(probe, k, 'true') t;
END $$;
CREATE ROLE bench_reader;
GRANT USAGE ON SCHEMA facesnxt, public TO bench_reader;
GRANT SELECT ON public.gallery, public.probe TO bench_reader;
ALTER TABLE public.gallery ENABLE ROW LEVEL SECURITY;
CREATE POLICY part ON public.gallery TO bench_reader
    -- as a sub-select, so that the setting is read once a query and not for every row
    USING (thousandth = ANY ((SELECT current_setting('bench.parts')::int[])::int[]));
SQL

# $1 label, $2 condition on g, $3 role, $4 the parts that its policy allows, or nothing
filtered() {
    local line r before
    before=$(plain_read "$BYTES")
    line=$(sql -v k="$k" -v condition="$2" -v role="${3:-postgres}" -v parts="${4:-{\}}" <<'SQL'
SET max_parallel_workers_per_gather = 0;
SET bench.parts = :'parts';
SET ROLE :role;
-- by turns with the unfiltered search, so that both see the same machine; the first time is to get warm
CREATE TEMP TABLE plain (pass int, ms float8);
CREATE TEMP TABLE indexed (pass int, id int, ms float8, ids int[]);
SELECT format($$
    INSERT INTO plain SELECT %1$s, t.ms
    FROM public.probe p, LATERAL public.try_unfiltered(p.template, %2$s) t WHERE p.kind = 'normal';
    INSERT INTO indexed SELECT %1$s, p.id, t.ms, t.ids
    FROM public.probe p, LATERAL public.try_where(p.template, %2$s, %3$L) t WHERE p.kind = 'normal'
$$, pass, :k, :'condition') FROM generate_series(0, 2) pass \gexec
SET enable_indexscan = off;
CREATE TEMP TABLE exact AS
SELECT p.id, t.* FROM public.probe p, LATERAL public.try_where(p.template, :k, :'condition') t
WHERE p.kind = 'normal' AND p.id % 2 = 0;
WITH matching AS (SELECT count(*) AS rows FROM public.gallery g WHERE :condition)
SELECT m.rows, least(:k, m.rows), min(coalesce(cardinality(i.ids), 0)),
    avg(public.common(i.ids, e.ids)::numeric / nullif(cardinality(e.ids), 0))::numeric(6,4),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY i.ms),
    (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FROM plain WHERE pass > 0),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY e.ms)
FROM matching m, indexed i LEFT JOIN exact e USING (id) WHERE i.pass > 0 GROUP BY m.rows;
SQL
)
    r=$(awk -v a="$before" -v b="$(plain_read "$BYTES")" 'BEGIN { print (a + b) / 2 }')
    awk -F'|' -v label="$1" -v r="$r" '{
        printf "%-26s %8d match, %3d of %3d rows, recall %s, %7.1f ms, unfiltered %.1f, ratio %.2f; R %.2f, / R %.2f;",
            label, $1, $3, $2, $4, $5, $6, $5 / $6, r, (r > 0 ? $5 / r : 0)
        printf " exact %.1f ms%s\n", $7, ($3 < $2 ? "; ROWS ARE MISSING" : "") ($5 > 1.05 * $6 ? "; slower" : "")
    }' <<<"$line"
}

# {0,1,..} up to $1 numbers
parts() { echo "{$(seq -s, 0 $(($1 - 1)))}"; }

filtered "no filter" "true"
for name in tenth hundredth thousandth; do
    filtered "= one $name" "g.$name = 7"
done
for count in 100 10 1; do
    filtered "= ANY of $count in 1000" "g.thousandth = ANY ('$(parts "$count")')"
done
for count in 100 10 1; do
    filtered "range of $count in 1000" "g.thousandth >= 0 AND g.thousandth < $count"
done
filtered "policy of all" "true" bench_reader "$(parts 1000)"
for count in 100 10 1; do
    filtered "policy of $count in 1000" "true" bench_reader "$(parts "$count")"
done
filtered "policy of 10 and = 7" "g.thousandth = 7" bench_reader "$(parts 10)"

# What tells of rows that the policy hides: functions that count, and EXPLAIN.
echo "the role under the policy:"
for call in "facesnxt.last_scan()" "facesnxt.index_info('public.gallery_template')" \
    "facesnxt.index_check('public.gallery_template')"; do
    answer=$(run -v VERBOSITY=verbose -c "SET ROLE bench_reader" -c "SELECT * FROM $call LIMIT 1" 2>&1) || true
    case $answer in
    *42501*) printf '  %-52s refused (42501)\n' "$call" ;;
    *) printf '  %-52s ANSWERS: %s\n' "$call" "$answer" ;;
    esac
done
plan=$(sql <<SQL
SET bench.parts = '$(parts 10)';
SET max_parallel_workers_per_gather = 0;
SELECT template AS probe FROM public.probe WHERE id = 1 \\gset
SET ROLE bench_reader;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
SELECT id FROM public.gallery ORDER BY template <=> :'probe' LIMIT $k;
SQL
)
removed=$(grep -i 'removed' <<<"$plan" || true)
printf '  EXPLAIN ANALYZE uses %s; rows removed: %s\n' \
    "$(grep -oE '(Index|Seq|Bitmap [A-Za-z]+) Scan( using [a-z_]+)?' <<<"$plan" | head -1)" "${removed:-not told}"
grep -E 'Index Cond|Filter:' <<<"$plan" | cut -c1-100 || true
