#!/bin/bash
# index_plan.sh - whether the planner takes the faster plan: a grid of table
# sizes, rows asked for, filters and greatest distances.
#
# SIZES ("1000 10000 100000 1000000") rows of DIM (512) dimensions, half precision;
# KS ("1 10 100 1000 all"); FILTERS ("none 1% 10%", filter columns of the index);
# DISTANCES ("none 0.65"); medians of REPEATS (7) probes, and of FEW_REPEATS (41)
# where a table has 10,000 rows at most, whose searches take a tenth of a
# millisecond; WORKERS (0) a search; SETTINGS, as "random_page_cost = 1.1". For
# each cell: what the planner takes by itself, and the cost and the time of the
# index and of the exact scan when it is made to take them; planning, 0.1 ms, is
# in the times. At the end: how often the cheaper plan was the faster one, and
# where it was not.
. "$(dirname "$0")/tool/index_common.sh"

dim=${DIM:-512}
mapfile -t sizes < <(tr ' ' '\n' <<<"${SIZES:-1000 10000 100000 1000000}" | grep . | sort -n)
largest=${sizes[-1]}
work=$(mktemp -d "${TMPDIR:-/tmp}/facesnxt.XXXXXX")
trap 'rm -rf "$work"' EXIT

prepare_database
make_tables $((largest * 61 / 100 + 1000)) "$dim" "${FEW_REPEATS:-41}"
run <<'SQL'
ALTER TABLE public.gallery RENAME TO base;
-- one plan: its cost, what it is, the median time over the normal probes
CREATE FUNCTION public.cell(statement text, probes int, OUT cost float8, OUT plan text, OUT ms float8) LANGUAGE plpgsql AS $$
DECLARE
    probe facesnxt.embedding;
    start timestamptz;
    taken float8[];
    explained json;
    rows bigint;
BEGIN
    FOR probe IN SELECT template FROM public.probe WHERE kind = 'normal' ORDER BY id LIMIT probes LOOP
        IF plan IS NULL THEN
            EXECUTE 'EXPLAIN (FORMAT JSON) ' || statement INTO explained USING probe;
            cost := (explained->0->'Plan'->>'Total Cost')::float8;
            plan := CASE WHEN explained::text LIKE '%"Index Scan"%' THEN 'index' ELSE 'exact' END;
            -- warm
            EXECUTE statement INTO rows USING probe;
        END IF;
        start := clock_timestamp();
        EXECUTE statement INTO rows USING probe;
        taken := taken || extract(epoch FROM clock_timestamp() - start)::float8 * 1000;
    END LOOP;
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY v) INTO ms FROM unnest(taken) v;
END $$;
SQL

# $1 settings, $2 statement
cell() {
    sql -v statement="$2" <<SQL
SET max_parallel_workers_per_gather = ${WORKERS:-0};
${SETTINGS:+SET $SETTINGS;}
$1
SELECT round(cost::numeric, 1), plan, round(ms::numeric, 2) FROM public.cell(:'statement', $probes);
SQL
}

printf '%9s %5s %6s %8s | %-6s %11s | %11s %9s | %11s %9s | %s\n' rows k filter distance \
    takes cost "index cost" ms "exact cost" ms verdict
for rows in "${sizes[@]}"; do
    run -v rows="$rows" <<'SQL'
DROP TABLE IF EXISTS public.gallery;
CREATE TABLE public.gallery AS SELECT id, person, template, (hashint4(id) & 1048575) % 100 AS hundredth,
    (hashint4(id) & 1048575) % 10 AS tenth FROM public.base WHERE id <= :rows;
VACUUM ANALYZE public.gallery;
SQL
    build "template, hundredth, tenth" ""
    run -c "SELECT pg_prewarm('public.gallery')" >/dev/null
    probes=${REPEATS:-7}
    [ "$rows" -gt 10000 ] || probes=${FEW_REPEATS:-41}
    for distance in ${DISTANCES:-none 0.65}; do
        for filter in ${FILTERS:-none 1% 10%}; do
            for k in ${KS:-1 10 100 1000 all}; do
                condition=true
                case $filter in
                1%) condition="hundredth = 7" ;;
                10%) condition="tenth = 7" ;;
                esac
                [ "$distance" = none ] || condition="$condition AND within(template, \$1, $distance)"
                limit="LIMIT $k"
                [ "$k" != all ] || limit=
                statement="SELECT count(*) FROM (SELECT id FROM public.gallery WHERE $condition
                    ORDER BY template <=> \$1 $limit) s"
                free=$(cell "" "$statement")
                index=$(cell "SET enable_seqscan = off; SET enable_sort = off;" "$statement")
                exact=$(cell "SET enable_indexscan = off;" "$statement")
                echo "$rows|$k|$filter|$distance|$free|$index|$exact" >>"$work/cells"
                tail -1 "$work/cells" | awk -F'|' '{
                    chosen = $6 == "index" ? $10 : $13; other = $6 == "index" ? $13 : $10
                    printf "%9d %5s %6s %8s | %-6s %11.1f | %11.1f %9.2f | %11.1f %9.2f | %s\n", $1, $2, $3, $4, $6, $5,
                        $8, $10, $11, $13, chosen <= other ? "faster" : sprintf("slower, %.2f times", chosen / other)
                    if ($9 != "index" || $12 != "exact") print "    a plan could not be forced: " $9 ", " $12
                }'
            done
        done
    done
done

awk -F'|' '{
         byindex = $8 < $11; best = $10 < $13 ? $10 : $13
         chosen = byindex ? $10 : $13
         n++
         if (chosen <= best) right++
         else { loss = chosen / (best > 0 ? best : 0.01)
                text[++wrong] = sprintf("  %.2f times: %d rows, k %s, filter %s, distance %s: %s, %.2f ms" \
                    " instead of %.2f", loss, $1, $2, $3, $4, byindex ? "index" : "exact", chosen, best)
                factor[wrong] = loss }
         if (($6 == "index") != byindex) odd++
     }
     END {
         printf "\nthe plan of less cost was the faster one in %d of %d cells\n", right, n
         for (i = 1; i <= wrong; i++)
             for (j = i + 1; j <= wrong; j++)
                 if (factor[j] > factor[i]) { t = factor[i]; factor[i] = factor[j]; factor[j] = t
                                              t = text[i]; text[i] = text[j]; text[j] = t }
         for (i = 1; i <= wrong; i++) print text[i]
         if (odd) printf "in %d cells the planner took a plan other than the cheaper of the two\n", odd
     }' "$work/cells"
