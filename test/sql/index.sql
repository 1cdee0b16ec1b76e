-- The access method facescan: every metric, precision and depth of code gives
-- the rows of the exact scan, in the order of distance.
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET search_path = facesnxt, public;

CREATE FUNCTION pg_temp.templates(n int, d int) RETURNS TABLE (id int, template embedding) LANGUAGE sql AS $$
    SELECT i, (SELECT array_agg(sin(i * 7.13 + k * k * 1.7 + i * k * 0.37) + sin(i * i * 0.013 * k) ORDER BY k)
               FROM generate_series(1, d) k)::real[]::embedding
    FROM generate_series(1, n) i $$;

-- Builds an index (half of the rows come by the build, half by inserts) and
-- reads all rows through it. True: the plan is an index scan, each row comes
-- once, hardly any comes after a farther one, the index is sound.
CREATE FUNCTION pg_temp.agrees(n int, d int, op text, ops text, bits int, type text DEFAULT 'embedding')
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    probe embedding;
    plan text;
    good boolean;
BEGIN
    EXECUTE format('CREATE TEMP TABLE t (id int, template %s)', type);
    INSERT INTO t SELECT * FROM pg_temp.templates(n, d) WHERE id % 2 = 0;
    EXECUTE format('CREATE INDEX t_template ON t USING facescan (template %s) WITH (refine_bits = %s)', ops, bits);
    INSERT INTO t SELECT * FROM pg_temp.templates(n, d) WHERE id % 2 = 1;
    SELECT template INTO probe FROM t WHERE id = n / 2 + 1;

    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_indexscan = on;
    EXECUTE format('EXPLAIN (COSTS OFF) SELECT id FROM t ORDER BY template %s $1', op) INTO plan USING probe;
    EXECUTE format('CREATE TEMP TABLE found AS SELECT id, row_number() OVER () AS place
                    FROM (SELECT id FROM t ORDER BY template %s $1) s', op) USING probe;
    SET LOCAL enable_seqscan = on;
    SET LOCAL enable_indexscan = off;
    EXECUTE format('CREATE TEMP TABLE exact AS SELECT id, template %s $1 AS distance FROM t', op) USING probe;
    SELECT plan LIKE 'Index Scan%' AND count(*) = n AND count(f.id) = n AND count(DISTINCT f.id) = n
        AND count(*) FILTER (WHERE distance < farthest) <= 4 + n / 200
        AND NOT EXISTS (SELECT FROM index_check('t_template'))
    INTO good
    FROM (SELECT f.id, e.distance, max(e.distance) OVER (ORDER BY f.place) AS farthest
          FROM exact e LEFT JOIN found f USING (id)) f;
    DROP TABLE t, found, exact;
    RETURN good;
END $$;

SELECT pg_temp.agrees(3000, 64, '<=>', 'embedding_cosine_ops', 4);
SELECT pg_temp.agrees(3000, 128, '<->', 'embedding_l2_ops', 4);
SELECT pg_temp.agrees(3000, 128, '<#>', 'embedding_ip_ops', 4);
SELECT pg_temp.agrees(3000, 128, '<=>', 'embedding_cosine_ops', 4, 'embedding(128, half)');
SELECT pg_temp.agrees(2000, 40, '<->', 'embedding_l2_ops', bits) FROM unnest(ARRAY[0, 2, 3, 5, 8]) bits;
SELECT pg_temp.agrees(300, d, '<=>', 'embedding_cosine_ops', 4) FROM unnest(ARRAY[8, 100, 512, 1000]) d;
-- templates so long that a block holds eight of them
SELECT pg_temp.agrees(40, 4096, '<=>', 'embedding_cosine_ops', 4);
SELECT pg_temp.agrees(40, 2100, '<->', 'embedding_l2_ops', 8);
SELECT pg_temp.agrees(1, 8, '<=>', 'embedding_cosine_ops', 4);

-- the same in each tier of the kernels, as far as this machine has them
CREATE FUNCTION pg_temp.agrees_by(tier text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('facesnxt.kernel_tier', tier, true);
    RETURN pg_temp.agrees(2000, 192, '<=>', 'embedding_cosine_ops', 4);
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN tier <> 'scalar';
END $$;
SELECT pg_temp.agrees_by(tier) FROM unnest(ARRAY['scalar', 'avx2', 'avx512', 'neon']) tier;
RESET facesnxt.kernel_tier;

-- the best ones are those of the exact scan
CREATE TABLE face (id int PRIMARY KEY, template embedding(128));
INSERT INTO face SELECT * FROM pg_temp.templates(5000, 128);
CREATE INDEX face_template ON face USING facescan (template);
CREATE FUNCTION pg_temp.best(probe embedding, by_index boolean, k int) RETURNS int[] LANGUAGE plpgsql
-- a plan that is kept would be one for both
SET plan_cache_mode = force_custom_plan AS $$
BEGIN
    PERFORM set_config('enable_seqscan', CASE WHEN by_index THEN 'off' ELSE 'on' END, true),
            set_config('enable_indexscan', CASE WHEN by_index THEN 'on' ELSE 'off' END, true);
    RETURN (SELECT array_agg(id) FROM (SELECT id FROM face ORDER BY template <=> probe LIMIT k) s);
END $$;
SELECT bool_and(found[1] = exact[1] AND found[1] = id AND cardinality(found) = 10 AND
    (SELECT count(*) FROM unnest(found) f WHERE f = ANY (exact)) >= 9)
FROM (SELECT id, pg_temp.best(template, true, 10) AS found, pg_temp.best(template, false, 10) AS exact
      FROM face WHERE id % 250 = 0) s;

-- wide bounds look at more codes before they leave one out, and find the same
CREATE FUNCTION pg_temp.looked(wide boolean, OUT ids int[], OUT middle bigint, OUT deviations real) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('facesnxt.wide_bounds', wide::text, true);
    ids := pg_temp.best((SELECT template FROM face WHERE id = 77), true, 5);
    SELECT s.middle, s.deviations INTO middle, deviations FROM last_scan() s;
END $$;
SELECT normal.ids = wide.ids AND normal.middle < wide.middle AS more, normal.deviations, wide.deviations AS wide
FROM pg_temp.looked(false) normal, pg_temp.looked(true) wide;

-- identical templates, zero templates, NULL: a right answer each
CREATE TABLE odd (id int, template embedding);
CREATE INDEX odd_template ON odd USING facescan (template);
SET enable_seqscan = off;
SELECT count(*) = 0 FROM (SELECT FROM odd ORDER BY template <=> '[1,2,3,4,5,6,7,8]') s;
INSERT INTO odd VALUES (1, NULL);
SELECT count(*) = 1 FROM (SELECT FROM odd ORDER BY template <=> '[1,2,3,4,5,6,7,8]') s;
INSERT INTO odd SELECT i, '[1,2,3,4,5,6,7,8]' FROM generate_series(2, 400) i;
INSERT INTO odd VALUES (401, '[0,0,0,0,0,0,0,0]'), (402, '[-1,0,0,0,0,0,0,0]'), (403, NULL),
    (404, '[1e30,1e30,0,0,0,0,0,0]'), (405, '[1e-40,0,0,0,0,0,0,0]');
SELECT count(*) = 405 AND bool_and(id IS NOT DISTINCT FROM expected)
FROM (SELECT id, row_number() OVER () AS place FROM (SELECT id FROM odd ORDER BY template <=> '[1,2,3,4,5,6,7,8]') s) found
JOIN (SELECT id AS expected, row_number() OVER (ORDER BY template <=> '[1,2,3,4,5,6,7,8]', id) AS place
      FROM odd) exact USING (place)
WHERE true;
SELECT count(*) = 405 FROM (SELECT FROM odd ORDER BY template <=> '[0,0,0,0,0,0,0,0]') s;
SELECT count(*) = 405 FROM (SELECT FROM odd ORDER BY template <=> NULL) s;
SELECT count(*) = 403 FROM (SELECT FROM odd WHERE template IS NOT NULL ORDER BY template <=> '[1,2,3,4,5,6,7,8]') s;
SELECT array_agg(id ORDER BY id) = '{1,403}' FROM (SELECT id FROM odd WHERE template IS NULL ORDER BY template <=> '[1,2,3,4,5,6,7,8]') s;
SELECT count(*) = 0 FROM index_check('odd_template');
RESET enable_seqscan;

-- vacuum wipes and gives room back
DELETE FROM face WHERE id % 3 = 0;
VACUUM face;
SELECT entries = 3334, free >= 1666 FROM index_info('face_template');
CREATE TEMP TABLE pages AS SELECT pages FROM index_info('face_template');
INSERT INTO face SELECT * FROM pg_temp.templates(5000, 128) WHERE id % 3 = 0;
SELECT i.pages = p.pages AND i.entries = 5000 FROM index_info('face_template') i, pages p;
SELECT count(*) = 0 FROM index_check('face_template');

-- an update of another column stays on its page and makes no entry
ALTER TABLE face ADD note text;
ALTER TABLE face SET (fillfactor = 50);
VACUUM FULL face;
UPDATE face SET note = 'seen' WHERE id < 100;
SELECT entries = 5000 FROM index_info('face_template');
SELECT count(*) = 0 FROM index_check('face_template');

-- rebuilt, concurrently, moved
REINDEX INDEX CONCURRENTLY face_template;
SELECT count(*) = 0 FROM index_check('face_template');
CREATE INDEX CONCURRENTLY face_l2 ON face USING facescan (template embedding_l2_ops);
SELECT count(*) = 0 FROM index_check('face_l2');
SELECT metric = 'Euclidean' AND dimension = 128 AND model = '00000000' AND bits = 4 FROM index_info('face_l2');

-- an index on an expression, on some rows, of a partitioned table
CREATE TABLE mixed (id int, kind int, template embedding) PARTITION BY LIST (kind);
CREATE TABLE mixed_1 PARTITION OF mixed FOR VALUES IN (1);
CREATE TABLE mixed_2 PARTITION OF mixed FOR VALUES IN (2);
CREATE INDEX ON mixed USING facescan (facesnxt.normalize(template)) WHERE id > 0;
INSERT INTO mixed SELECT id, id % 2 + 1, template FROM pg_temp.templates(400, 64);
INSERT INTO mixed VALUES (-1, 1, '[1,2,3]');
SET enable_seqscan = off;
SET enable_sort = off;
SELECT count(*) = 10 AND bool_or(id = 77) FROM (SELECT id FROM mixed WHERE id > 0
    ORDER BY facesnxt.normalize(template) <=> (SELECT template FROM pg_temp.templates(77, 64) WHERE id = 77) LIMIT 10) s;
RESET enable_seqscan;
RESET enable_sort;

DROP TABLE face, odd, mixed;
