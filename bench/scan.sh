#!/bin/bash
# scan.sh - what the exact scan costs a row in SQL, and where that goes.
#
# ROWS (1,000,000) templates of 512 dimensions, half precision, warm, in one
# process; medians of 5. Each line adds one part to the one before: walking the
# pages, handing each template to a function, computing the distance, keeping
# the best. What the kernel itself takes is in `bench kernel`.
set -euo pipefail

psql -X -q -At -v ON_ERROR_STOP=1 -v rows="${ROWS:-1000000}" <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS facesnxt;
SET search_path = facesnxt, pg_catalog;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
CREATE TABLE seed AS
    SELECT i, array_agg((random() - 0.5)::real)::embedding(512, half) AS t
    FROM generate_series(1, 1000) i, generate_series(1, 512) d WHERE d > 0 GROUP BY i;
CREATE UNLOGGED TABLE scan (id integer, t embedding(512, half));
INSERT INTO scan SELECT g, s.t FROM generate_series(1, :rows) g JOIN seed s ON s.i = g % 1000 + 1;
CREATE EXTENSION IF NOT EXISTS pg_prewarm;
SELECT pg_prewarm('scan') \g /dev/null
VACUUM ANALYZE scan;
CREATE FUNCTION pg_temp.ns(label text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    start timestamptz;
    taken double precision[];
    middle double precision;
    rows bigint := (SELECT count(*) FROM scan);
BEGIN
    FOR i IN 1..5 LOOP
        start := clock_timestamp();
        EXECUTE statement;
        taken := taken || extract(epoch FROM clock_timestamp() - start)::double precision;
    END LOOP;
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY v) INTO middle FROM unnest(taken) v;
    RETURN format('%s %s ms  %s ns a row', rpad(label, 44), lpad(round((middle * 1e3)::numeric, 1)::text, 8),
                  lpad(round((middle * 1e9 / rows)::numeric)::text, 5));
END
$$;
SELECT format('%s rows of %s bytes, table of %s', :rows, (SELECT pg_column_size(t) FROM scan LIMIT 1), pg_size_pretty(pg_table_size('scan')));
SELECT pg_temp.ns('walk the pages: count(*)', 'SELECT count(*) FROM scan');
SELECT pg_temp.ns('hand over each template: max(dimensions(t))', 'SELECT max(dimensions(t)) FROM scan');
SELECT pg_temp.ns('distance: min(t <=> probe)', 'SELECT min(t <=> (SELECT t FROM seed WHERE i = 1)) FROM scan');
SELECT pg_temp.ns('best 50: ORDER BY t <=> probe LIMIT 50',
    'SELECT count(*) FROM (SELECT id FROM scan ORDER BY t <=> (SELECT t FROM seed WHERE i = 1) LIMIT 50) s');
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT pg_temp.ns('best 50 in parallel', 'SELECT id FROM scan ORDER BY t <=> (SELECT t FROM seed WHERE i = 1) LIMIT 50');
SQL
