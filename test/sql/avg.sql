-- Fusion: avg(embedding).
\pset tuples_only on
\pset format unaligned
SET search_path = public, facesnxt;

-- What a statement is refused with: SQLSTATE and message, detail, hint.
CREATE FUNCTION pg_temp.refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    state text; message text; detail text; hint text;
BEGIN
    EXECUTE statement;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n   ', state || ': ' || message, detail, hint);
END
$$;

SELECT avg(e)::text = '[2,3]' FROM (VALUES ('[1,2]'::embedding), ('[3,4]'), (NULL)) AS v(e);
SELECT avg(e) IS NULL FROM (VALUES (NULL::embedding), (NULL)) AS v(e);
SELECT avg(e) IS NULL FROM (SELECT '[1]'::embedding WHERE false) AS v(e);
SELECT avg(e)::text = '[1,2]@0000abcd' FROM (VALUES ('[1,2]@0000abcd'::embedding)) AS v(e);

-- Half if all are half, else float32.
SELECT facesnxt.precision(avg(e)) = 'half', avg(e)::text = '[0.5]' FROM (VALUES ('[0]'::embedding(1, half)), ('[1]'::embedding(1, half))) AS v(e);
SELECT facesnxt.precision(avg(e)) = 'float' FROM (SELECT '[0]'::embedding(1, half) UNION ALL SELECT '[1]'::embedding) AS v(e);

-- The mean is made in double: neither overflow nor cancellation harms it.
SELECT avg(e)::text = '[3.4028235e+38]' FROM (SELECT '[3.4028235e38]'::embedding FROM generate_series(1, 7)) AS v(e);
SELECT avg(e)::text = '[65504]' FROM (SELECT '[65504]'::embedding(1, half) FROM generate_series(1, 7)) AS v(e);
SELECT avg(e)::text = '[0.25]' FROM (VALUES ('[1e10]'::embedding), ('[1]'), ('[-1e10]'), ('[0]')) AS v(e);

-- It is not normalized.
SELECT abs(norm(avg(e)) - sqrt(0.5)) < 1e-6, abs(norm(facesnxt.normalize(avg(e))) - 1) < 1e-6
FROM (VALUES ('[1,0]'::embedding), ('[0,1]')) AS v(e);

-- As an aggregate by group, in a window, with FILTER and DISTINCT.
SELECT bool_and(fused = expected) FROM (
    SELECT g, avg(e) AS fused, array[g, pg_catalog.avg(i)]::real[]::embedding AS expected
    FROM (SELECT i % 7 AS g, i, array[i % 7, i]::real[]::embedding AS e FROM generate_series(1, 700) AS i) AS v GROUP BY g) AS grouped;
SELECT array_agg(m::text ORDER BY i) = '{[1],[1.5],[2.5]}' FROM (
    SELECT i, avg(e) OVER (ORDER BY i ROWS 1 PRECEDING) AS m FROM (SELECT i, array[i]::real[]::embedding AS e FROM generate_series(1, 3) AS i) AS v) AS w;
SELECT avg(DISTINCT e)::text = '[2]', avg(e) FILTER (WHERE e < '[2]')::text = '[1]' FROM (VALUES ('[1]'::embedding), ('[1]'), ('[3]')) AS v(e);

-- Against the slow version.
SELECT setseed(0.375) IS NOT NULL;
CREATE TABLE fused AS
SELECT i, (array(SELECT random() - 0.5 FROM generate_series(i, i + 299)))::embedding(300) AS e FROM generate_series(1, 2000) AS i;
CREATE TEMP TABLE slow AS
SELECT array_agg(mean ORDER BY place)::embedding AS mean
FROM (SELECT place, avg(x::double precision) FROM fused, unnest(e::real[]) WITH ORDINALITY AS u(x, place) GROUP BY place) AS m(place, mean);
SELECT avg(e) <-> (SELECT mean FROM slow) < 1e-7 FROM fused;

-- In parallel.
ANALYZE fused;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
EXPLAIN (COSTS off) SELECT avg(e) FROM fused;
SELECT avg(e) <-> (SELECT mean FROM slow) < 1e-7 FROM fused;
SELECT facesnxt.precision(avg(e::embedding(300, half))) = 'half', avg(e) FILTER (WHERE i < 0) IS NULL FROM fused;
SELECT avg(e) FILTER (WHERE i = 1500) = (SELECT e FROM fused WHERE i = 1500) FROM fused;
SELECT pg_temp.refused($$SELECT facesnxt.avg(CASE WHEN i < 1000 THEN e ELSE facesnxt.with_model(e, '00000001') END) FROM fused$$) LIKE 'NX002%';
RESET parallel_leader_participation;
DROP TABLE fused;

-- Templates that do not go together.
SELECT pg_temp.refused(format('SELECT facesnxt.avg(e) FROM unnest(%L::facesnxt.embedding[]) AS e', given)) FROM (VALUES
    (1, '{"[1,2]","[1,2,3]"}'), (2, '{"[1]@00000001","[1]@00000002"}'), (3, '{"[1]@00000001","[1]"}')
) AS cases(nr, given) ORDER BY nr;

-- The functions behind it cannot be called with a state of the caller's own
-- (42883; minor releases before 15.20 say 0A000).
SELECT left(pg_temp.refused('SELECT ' || call), 5) IN ('42883', '0A000') FROM unnest(array[
    'facesnxt.embedding_avg_accum(NULL, ''[1]'')',
    'facesnxt.embedding_avg_combine(NULL, NULL)',
    'facesnxt.embedding_avg_serialize(NULL)',
    'facesnxt.embedding_avg_deserialize(''\x00'', NULL)',
    'facesnxt.embedding_avg_final(NULL)']) AS call;
