-- Order, equality, hash, and the operator classes.
\pset tuples_only on
\pset format unaligned
SET search_path = public, facesnxt;

SELECT setseed(0.75) IS NOT NULL;
CREATE TEMP TABLE item AS
SELECT i AS id, (array(SELECT (floor(random() * 3) - 1)::real FROM generate_series(1, 1 + i % 3)))::embedding AS e
FROM generate_series(1, 120) AS i;
INSERT INTO item SELECT id + 120, with_model(e, '0000000' || id % 3) FROM item WHERE id % 2 = 0;
INSERT INTO item SELECT 1000 + id, e::embedding(1, half) FROM item WHERE dimensions(e) = 1 AND id <= 240;
INSERT INTO item SELECT 2000 + id, e::embedding(2, half) FROM item WHERE dimensions(e) = 2 AND id <= 240;
INSERT INTO item VALUES (5001, '[-0]'), (5002, '[0]'), (5003, '[-0,0]'), (5004, '[0,-0]@00000001');
SELECT count(DISTINCT facesnxt.precision(e)) = 2, count(DISTINCT model(e)) = 2, count(DISTINCT dimensions(e)) = 3 FROM item;

-- The slow version: number of elements, elements, model; -0 and 0 are equal in real[] too.
PREPARE compared AS
WITH compared AS (
    SELECT a.e AS a, b.e AS b, (dimensions(a.e), a.e::real[], coalesce(model(a.e), '')) AS x,
        (dimensions(b.e), b.e::real[], coalesce(model(b.e), '')) AS y
    FROM item AS a, item AS b)
SELECT count(*) > 50000, bool_and((a < b) = (x < y)), bool_and((a <= b) = (x <= y)), bool_and((a = b) = (x = y)),
    bool_and((a <> b) = (x <> y)), bool_and((a >= b) = (x >= y)), bool_and((a > b) = (x > y)),
    bool_and(embedding_cmp(a, b) = CASE WHEN x < y THEN -1 WHEN x > y THEN 1 ELSE 0 END),
    bool_and(a <> b OR embedding_hash(a) = embedding_hash(b)),
    bool_and(a <> b OR embedding_hash_extended(a, 77) = embedding_hash_extended(b, 77))
FROM compared;
EXECUTE compared;

-- A difference anywhere is seen, in long templates too.
SELECT bool_and(base < changed AND changed > base AND base <> changed AND embedding_hash(base) <> embedding_hash(changed))
FROM (VALUES (1), (255), (256), (257), (512), (600)) AS p(place),
    LATERAL (SELECT array_agg(0::real)::embedding, array_agg(CASE WHEN i = place THEN 1e-7 ELSE 0 END::real)::embedding
        FROM generate_series(1, 600) AS i) AS v(base, changed);

SELECT '[1]@0000000a'::embedding = '[1]@0000000b' IS FALSE, '[1]@0000000a'::embedding = '[1]' IS FALSE,
    '[1,0.5]'::embedding(2, half) = '[1,0.5]'::embedding, '[0.1]'::embedding(1, half) = '[0.1]'::embedding IS FALSE,
    '[-0]'::embedding = '[0]'::embedding, '[9]'::embedding < '[1,1]';
SELECT bool_and(embedding_hash_extended(e, 0) & 4294967295 = embedding_hash(e)::bigint & 4294967295),
    count(DISTINCT embedding_hash(e)) > 40, bool_or(embedding_hash_extended(e, 1) <> embedding_hash_extended(e, 2)) FROM item;

-- ---- sorting, DISTINCT and joins, by every way the planner knows

CREATE TEMP TABLE truth AS SELECT count(DISTINCT (dimensions(e), e::real[], coalesce(model(e), ''))) AS different FROM item;
SELECT bool_and(r = s) FROM (SELECT rank() OVER (ORDER BY e) AS r,
    rank() OVER (ORDER BY dimensions(e), e::real[], coalesce(model(e), '')) AS s FROM item) AS ranked;
SELECT count(DISTINCT e) = (SELECT different FROM truth) FROM item;
SET enable_sort = off;
SELECT count(*) = (SELECT different FROM truth) FROM (SELECT e FROM item GROUP BY e) AS grouped;
RESET enable_sort;
SET enable_hashagg = off;
SELECT count(*) = (SELECT different FROM truth) FROM (SELECT e FROM item GROUP BY e) AS grouped;
RESET enable_hashagg;

CREATE FUNCTION pg_temp.plan_has(statement text, node text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || statement LOOP
        IF line LIKE '%' || node || '%' THEN RETURN true; END IF;
    END LOOP;
    RETURN false;
END
$$;
\set join 'SELECT count(*) FROM item AS a JOIN item AS b ON a.e = b.e'
SELECT count(*) AS pairs FROM item AS a JOIN item AS b
ON a.e::real[] = b.e::real[] AND model(a.e) IS NOT DISTINCT FROM model(b.e) \gset
SET enable_nestloop = off;
SET enable_mergejoin = off;
SELECT pg_temp.plan_has(:'join', 'Hash Join');
SELECT (:join) = :pairs;
RESET enable_mergejoin;
SET enable_hashjoin = off;
SELECT pg_temp.plan_has(:'join', 'Merge Join');
SELECT (:join) = :pairs;
RESET enable_hashjoin;
RESET enable_nestloop;

-- ---- indexes

SELECT opcname, opcdefault, amvalidate(oid) FROM pg_opclass
WHERE opcnamespace = 'facesnxt'::regnamespace AND opcintype = 'facesnxt.embedding'::regtype ORDER BY opcname;

CREATE INDEX item_btree ON item USING btree (e);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SELECT pg_temp.plan_has($$SELECT * FROM item WHERE e >= '[0,0]'$$, 'item_btree');
SELECT (SELECT count(*) FROM item WHERE e >= '[0,0]') = (SELECT count(*) FROM item WHERE (dimensions(e), e::real[]) >= (2, '{0,0}'::real[]));
DROP INDEX item_btree;
CREATE INDEX item_hash ON item USING hash (e);
SELECT pg_temp.plan_has($$SELECT * FROM item WHERE e = '[1,1]'$$, 'item_hash');
SELECT (SELECT count(*) FROM item WHERE e = '[1,1]') = (SELECT count(*) FROM item WHERE e::real[] = '{1,1}' AND model(e) IS NULL);
RESET enable_seqscan;
RESET enable_bitmapscan;

CREATE TEMP TABLE once (e embedding UNIQUE);
INSERT INTO once VALUES ('[1,0]'), ('[1,0]@00000001'), ('[1,0]@00000002');
DO $$
BEGIN
    INSERT INTO once VALUES ('[1,-0]'::embedding(2, half));
    RAISE EXCEPTION 'a second equal template was taken';
EXCEPTION WHEN unique_violation THEN
    NULL;
END
$$;
SELECT count(*) = 3 FROM once;

-- ---- as declared

SELECT oprname, oprcom::regoperator, oprnegate::regoperator, oprrest, oprjoin, oprcanhash, oprcanmerge FROM pg_operator
WHERE oprleft = 'facesnxt.embedding'::regtype AND oprresult = 'boolean'::regtype ORDER BY oprname COLLATE "C";
