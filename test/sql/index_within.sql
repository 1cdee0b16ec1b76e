-- A greatest distance as a condition of the index.
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET search_path = facesnxt, public;
CREATE TABLE near (id int, agency int, template embedding(64));
INSERT INTO near SELECT n, n % 5,
    (SELECT array_agg(sin(n * 7.13 + k * k * 1.7 + n * k * 0.37) ORDER BY k) FROM generate_series(1, 64) k)::real[]::embedding
FROM generate_series(1, 6000) n;
INSERT INTO near VALUES (6001, 1, NULL), (6002, 1, array_fill(0::real, ARRAY[64])::embedding);
CREATE INDEX near_cosine ON near USING facescan (template, agency);
CREATE INDEX near_l2 ON near USING facescan (template embedding_l2_ops, agency);
ANALYZE near;
SELECT template AS probe FROM near WHERE id = 77 \gset
SELECT template AS other FROM near WHERE id = 78 \gset

-- True: an index scan, and the same rows as without.
CREATE FUNCTION pg_temp.agrees(condition text, by text DEFAULT 'id') RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    query text := format('SELECT id FROM near WHERE %s ORDER BY %s', condition, by);
    plan text;
    line text;
    by_index int[];
    exact int[];
BEGIN
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_indexscan = on;
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        plan := concat(plan, line);
    END LOOP;
    EXECUTE format('SELECT array_agg(id) FROM (%s) s', query) INTO by_index;
    SET LOCAL enable_seqscan = on;
    SET LOCAL enable_indexscan = off;
    EXECUTE format('SELECT array_agg(id) FROM (%s) s', query) INTO exact;
    RETURN plan ~ 'Index Cond: .*<@' AND plan !~ 'Filter' AND by_index IS NOT DISTINCT FROM exact;
END $$;

SELECT pg_temp.agrees(format('within(template, %L, %s)', :'probe', d)) FROM unnest(ARRAY[-1, 0, 0.3, 0.7, 1, 1.5, 2, 3]) d;
SELECT pg_temp.agrees(format('within_l2(template, %L, %s)', :'probe', d)) FROM unnest(ARRAY[-1, 0, 3, 6, 8, 100]) d;
SELECT pg_temp.agrees(format('within(template, %L, 0.8) AND agency = 3', :'probe'));
SELECT pg_temp.agrees(format('within(template, %L, 0.8)', :'probe'), format('template <=> %L', :'probe'));
SELECT pg_temp.agrees(format('within(template, %L, 0.8)', :'other'), format('template <=> %L', :'probe'));
SELECT pg_temp.agrees(format('within(template, %L, 0.9) AND within(template, %L, 0.9)', :'probe', :'other'));
SELECT pg_temp.agrees(format('within(template, %L, ''NaN'')', :'probe'));
SELECT count(*) = 0 FROM near WHERE within(template, NULL, 1);
SELECT count(*) = 0 FROM near WHERE within(template, :'probe', NULL);

-- the nodes of a plan, or those of a kind
CREATE FUNCTION pg_temp.nodes(query text, kind text DEFAULT '') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line ~ kind AND line !~ 'Order By|Sort Key' THEN
            RETURN NEXT line;
        END IF;
    END LOOP;
END $$;

-- a plan has no part of a scan: workers share its pass where they stand by (t/37_scan_workers.pl)
SET enable_seqscan = off;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_index_scan_size = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT pg_temp.nodes(format('SELECT id FROM near ORDER BY template <=> %L LIMIT 30', :'probe'), 'Gather|Index Scan');
SELECT count(*) = 6002 AND count(DISTINCT id) = 6002 FROM (SELECT id FROM near ORDER BY template <=> :'probe' OFFSET 0) s;
SELECT workers FROM last_scan();
SET max_parallel_workers_per_gather = 0;
-- scores below zero, as those of Euclidean distances are, are no better than none: one pass is enough
SELECT count(*) FROM (SELECT id FROM near ORDER BY template <-> :'probe' LIMIT 100) s;
SELECT rounds FROM last_scan();
-- few rows by the index, all of them by a sort, even where any page costs as much as the next one
RESET enable_seqscan;
SET random_page_cost = 1;
SELECT pg_temp.nodes(format('SELECT id FROM near ORDER BY template <=> %L LIMIT 30', :'probe'));
SELECT pg_temp.nodes(format('SELECT id FROM near ORDER BY template <=> %L', :'probe'));
DROP TABLE near;
