-- Each row once, in the order of the distance, whatever the templates are like: near each other, far from the origin,
-- huge, or all without direction; and whatever is asked.
SET client_min_messages = warning;
SET search_path = facesnxt, public;
SET enable_seqscan = off;
SET enable_sort = off;
SET jit = off; -- up to 17 what is forbidden looks costly
-- element k of row i: between 0 and 1
CREATE FUNCTION element(i int, k int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
    $$ SELECT (('x' || substr(md5(i || ',' || k), 1, 8))::bit(32)::bigint & 4294967295) / 4294967296.0 $$;
CREATE FUNCTION row_of(i int, dim int, mean float8, spread float8) RETURNS embedding LANGUAGE sql IMMUTABLE AS
    $$ SELECT array_agg(mean + spread * (element(i, k) - 0.5) ORDER BY k)::real[]::embedding FROM generate_series(1, dim) k $$;
-- near row 0, all of them
CREATE FUNCTION mixed(i int) RETURNS embedding LANGUAGE sql IMMUTABLE AS
    $$ SELECT array_agg(element(0, k) - 0.5 + 0.02 * (element(i, k) - 0.5) ORDER BY k)::real[]::embedding
       FROM generate_series(1, 64) k $$;
CREATE TABLE face (kind text, id int, template embedding);
INSERT INTO face SELECT 'one direction', i, row_of(i, 64, 2, 1) FROM generate_series(1, 1500) i;
INSERT INTO face SELECT 'far away', i, row_of(i, 64, 10000, 1) FROM generate_series(1, 800) i;
INSERT INTO face SELECT 'huge', i, row_of(i, 64, 0, 1e9) FROM generate_series(1, 800) i;
INSERT INTO face SELECT 'a crowd', i, CASE WHEN i % 100 < 17 THEN mixed(i)
    ELSE row_of(i, 64, 0, 1) END FROM generate_series(1, 2500) i;
INSERT INTO face SELECT 'all alike', i, row_of(1, 64, 0, 1) FROM generate_series(1, 1200) i;
INSERT INTO face SELECT kind, 0, array_fill(0::real, array[64])::embedding FROM face GROUP BY kind;
-- Of all rows, how many; how many of them again; how many came before a nearer one.
CREATE FUNCTION listing(statement text, probe embedding, OUT rows bigint, OUT again bigint, OUT early bigint)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT count(*), count(*) - count(DISTINCT id), count(*) FILTER (WHERE d < before)
        FROM (SELECT id, d, lag(d) OVER () AS before FROM (%s) q) s', statement) INTO rows, again, early USING probe;
END $$;
CREATE FUNCTION try(which text, class text, operator text, options text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    seen record;
    probe embedding;
    wanted int;
    all_rows bigint;
BEGIN
    CREATE TEMP TABLE part AS SELECT f.id, f.template FROM face f WHERE f.kind = which;
    SELECT count(*) INTO all_rows FROM part;
    EXECUTE format('CREATE INDEX ON part USING facescan (template %s) %s', class, options);
    FOR probe IN SELECT f.template FROM face f WHERE f.kind = which AND f.id IN (7, 100) ORDER BY f.id LOOP
        FOREACH wanted IN ARRAY ARRAY[1, 200, 10000] LOOP
            seen := listing(format('SELECT id, (template %s $1) AS d FROM part ORDER BY template %1$s $1 LIMIT %s',
                                   operator, wanted), probe);
            IF seen.rows <> least(wanted, all_rows) OR seen.again > 0
                OR seen.early > 3 + seen.rows / 50 THEN
                RETURN NEXT format('%s, %s %s, %s rows wanted: %s', which, class, options, wanted, seen);
            END IF;
        END LOOP;
    END LOOP;
    DROP TABLE part;
END $$;
SELECT try(k.kind, c.class, c.operator, o.options)
FROM (SELECT DISTINCT kind FROM face) k,
    (VALUES ('embedding_cosine_ops', '<=>'), ('embedding_l2_ops', '<->'), ('embedding_ip_ops', '<#>')) c (class, operator),
    (VALUES (''), ('WITH (refine_bits = 0)'), ('WITH (refine_bits = 2)'), ('WITH (lists = 7)')) o (options)
ORDER BY 1;
-- the row that is the probe comes first
CREATE INDEX ON face USING facescan (template, kind);
SELECT kind, (SELECT f.id FROM face f WHERE f.kind = k.kind ORDER BY f.template <=> (SELECT p.template FROM face p
    WHERE p.kind = k.kind AND p.id = 7) LIMIT 1) AS first
FROM (VALUES ('one direction'), ('far away'), ('a crowd'), ('all alike'), ('huge')) k (kind) ORDER BY 1;
-- distances that exclude nothing
SELECT count(*) FROM face WHERE within(template, (SELECT template FROM face WHERE kind = 'a crowd' AND id = 7), 'infinity');
SELECT count(*) FROM face WHERE within(template, (SELECT template FROM face WHERE kind = 'a crowd' AND id = 7), 1e39);
SELECT count(*) FROM face WHERE within(template, (SELECT template FROM face WHERE kind = 'a crowd' AND id = 7), 'NaN');
-- one of several ranges
SELECT count(*) FROM face WHERE kind = 'a crowd' AND template <@ ANY (ARRAY[
    ROW((SELECT template FROM face WHERE kind = 'a crowd' AND id = 7), 1e-9)::probe_range,
    ROW((SELECT template FROM face WHERE kind = 'a crowd' AND id = 50), 1e-9)::probe_range, NULL]);
-- a statement that began with rows without a template, while another one told the index its dimension
CREATE TABLE late (id int, template embedding);
CREATE INDEX ON late USING facescan (template);
CREATE FUNCTION comes_late(i int) RETURNS embedding LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF i = 2 THEN
        INSERT INTO late VALUES (-1, row_of(1, 64, 0, 1));
    END IF;
    RETURN CASE WHEN i > 3000 THEN row_of(i, 64, 0, 1) END;
END $$;
INSERT INTO late SELECT i, comes_late(i) FROM generate_series(1, 3010) i;
SELECT count(*), count(template) FROM late;
SELECT * FROM index_check('late_template_idx');
-- rows nearer to each other, of their length, than float32 tells the scores of: no code says which is nearer
CREATE FUNCTION near(i int, size float8) RETURNS embedding LANGUAGE sql AS $$
    SELECT array_agg(size * sin(k) * (1 + 1e-6 * sin(i * 12.9898 + k * 78.233 + sin(i * 3.7 * k))))::real[]::embedding
    FROM generate_series(1, 64) k
$$;
CREATE TABLE close AS SELECT i AS id, near(i, 1000) AS template FROM generate_series(1, 2000) i;
CREATE INDEX close_l2 ON close USING facescan (template embedding_l2_ops);
CREATE INDEX close_ip ON close USING facescan (template embedding_ip_ops);
CREATE VIEW nearest AS SELECT p.id,
    (SELECT array_agg(d) FROM (SELECT c.template <-> p.template AS d FROM close c
        ORDER BY c.template <-> p.template LIMIT 20) s) AS l2,
    (SELECT array_agg(d) FROM (SELECT c.template <#> p.template AS d FROM close c
        ORDER BY c.template <#> p.template LIMIT 20) s) AS ip
FROM (SELECT id, template FROM close WHERE id % 50 = 0
    UNION ALL SELECT -id, near(id, 500) FROM close WHERE id % 50 = 0) p;
CREATE TABLE found AS SELECT * FROM nearest;
SET enable_indexscan = off;
SET enable_seqscan = on;
SELECT count(*), count(*) FILTER (WHERE f.l2 <> e.l2) AS l2, count(*) FILTER (WHERE f.ip <> e.ip) AS ip
FROM found f JOIN nearest e USING (id);
SET enable_seqscan = off;
RESET enable_indexscan;
SELECT * FROM index_check('close_l2');
SELECT * FROM index_check('close_ip');
DROP VIEW nearest;
DROP TABLE close, found;
DROP FUNCTION near;
DROP TABLE face, late;
DROP FUNCTION element, row_of, mixed, listing, try, comes_late;
