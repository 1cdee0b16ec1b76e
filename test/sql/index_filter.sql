-- Filter columns of a facescan index: always k rows, the same as without it.
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET search_path = facesnxt, public;
CREATE TYPE place AS ENUM ('north', 'south');
CREATE TABLE filtered (id int, template embedding(64), s smallint, i integer, b bigint, o oid, t boolean, c "char",
    d date, z timestamptz, u uuid, x text, e place);
INSERT INTO filtered
SELECT n, (SELECT array_agg(sin(n * 7.13 + k * k * 1.7 + n * k * 0.37) ORDER BY k) FROM generate_series(1, 64) k)::real[]::embedding,
    n % 7 - 3, n % 1000 - 500, (n::bigint % 11 - 5) * 10000000000, n % 13 + 4000000000, n % 2 = 0, chr(97 + n % 5)::"char",
    date '1999-12-30' + n % 9, timestamptz '1999-12-31 00:00+00' + n % 17 * interval '1 hour',
    ('00000000-0000-0000-8000-' || lpad((n % 19)::text, 12, '0'))::uuid, 'unit ' || n % 23,
    (CASE n % 2 WHEN 0 THEN 'north' ELSE 'south' END)::place
FROM generate_series(1, 4000) n;
UPDATE filtered SET s = NULL, i = NULL, b = NULL, o = NULL, t = NULL, c = NULL, d = NULL, z = NULL, u = NULL, x = NULL, e = NULL
WHERE id % 31 = 0;
CREATE INDEX filtered_all ON filtered USING facescan (template, s, i, b, o, t, c, d, z, u, x, e);
ANALYZE filtered;
SELECT count(*) = 0 FROM index_check('filtered_all');

-- True: the condition is the index's, and it and the exact scan find the same rows, all of them.
CREATE FUNCTION pg_temp.agrees(condition text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    probe embedding := (SELECT template FROM filtered WHERE id = 1234);
    query text := format('SELECT id FROM filtered WHERE %s ORDER BY template <=> %L', condition, probe);
    by_index int[];
    exact int[];
    line text;
    filtered boolean := false;
BEGIN
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_indexscan = on;
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        filtered := filtered OR line ~ 'Filter:';
        IF line ~ 'Seq Scan|Sort' THEN RETURN false; END IF;
    END LOOP;
    EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (%s) s', query) INTO by_index;
    SET LOCAL enable_seqscan = on;
    SET LOCAL enable_indexscan = off;
    EXECUTE format('SELECT array_agg(id ORDER BY id) FROM (%s) s', query) INTO exact;
    RETURN NOT filtered AND by_index IS NOT DISTINCT FROM exact;
END $$;

SELECT condition FROM unnest(ARRAY[
    's = 2', 's = ANY (''{-3,1,NULL}'')', 's < -1', 's >= 0', 's IS NULL', 's IS NOT NULL', 's <= 32767',
    'i = 7', 'i < -490', 'i BETWEEN -3 AND 3', 'i = ANY (''{1,2,3,70,499}'')', 'i = ANY (''{-500,2000000000}'')', 'i > 498',
    'i < ANY (''{-499,-495}'')', 'i >= ANY (''{490,495,NULL}'')',
    'i > -40 AND i < 30 AND i >= -20', 'i > 5 AND i < 3', 'i >= 3 AND i = ANY (''{1,2,3,4}'')', 's < 2 AND i > 490 AND s > 0',
    'i = ANY (''{1,2,7}'') AND i < 5 AND i > 1',
    'u > ''00000000-0000-0000-8000-000000000003'' AND u < ''00000000-0000-0000-8000-000000000007''',
    'i = 2000000',
    'b = -50000000000', 'b > 0', 'b = ANY (''{0,10000000000}'')', 'b < -9223372036854775807', 'b IS NULL',
    'o = 4000000003', 'o > 4000000010', 'o <= 4000000001',
    't', 'NOT t', 't = true', 't IS TRUE', 't IS FALSE', 'c = ''b''', 'c >= ''d''',
    'd = ''1999-12-31''', 'd > ''2000-01-03''', 'd < ''1900-01-01''', 'd > ''infinity''',
    'z >= ''1999-12-31 12:00+00''', 'z = ''2000-01-01 00:00+00''',
    'u = ''00000000-0000-0000-8000-000000000007''', 'u < ''00000000-0000-0000-8000-000000000003''',
    'u >= ''00000000-0000-0000-8000-000000000015''',
    'u = ANY (''{00000000-0000-0000-8000-000000000007,NULL,00000000-0000-0000-8000-000000000011}'')',
    'u < ANY (''{00000000-0000-0000-8000-000000000002,00000000-0000-0000-8000-000000000004}'')', 'u = ANY (''{}'')',
    'u > ''00000000-0000-0000-8000-000000000003'' AND x = ANY (''{unit 1,unit 2,no such}'')',
    'x = ''unit 3''', 'x = ANY (''{unit 1,unit 2}'')', 'x = ''no such''', 'e = ''south''',
    's = 1 AND i > 0 AND x = ''unit 5'' AND NOT t', 's IS NULL AND t IS NULL'
]) condition WHERE NOT pg_temp.agrees(condition);

-- Row-level security: the policy's condition goes into the index, rows hidden cost no recall.
ALTER TABLE filtered ENABLE ROW LEVEL SECURITY;
CREATE ROLE regress_facescan;
GRANT SELECT ON filtered TO regress_facescan;
CREATE POLICY own ON filtered TO regress_facescan USING (i = 7);
SET ROLE regress_facescan;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM filtered ORDER BY template <=> array_fill(1::real, ARRAY[64])::embedding LIMIT 4;
SELECT count(*) = 4 FROM (SELECT FROM filtered ORDER BY template <=> array_fill(1::real, ARRAY[64])::embedding LIMIT 5) s;
-- what the scan counted is not for those from whom rows are hidden
SELECT * FROM last_scan();
RESET ROLE;
-- nor does EXPLAIN count hidden rows of which the index knows no more than of others: the first bytes of their uuid
DROP POLICY own ON filtered;
CREATE POLICY own ON filtered TO regress_facescan USING (u = '00000000-0000-0000-8000-000000000007');
UPDATE filtered SET template = NULL WHERE id % 2 = 0 AND u = '00000000-0000-0000-8000-000000000007';
CREATE FUNCTION removed(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        IF line ~ 'Scan|Index Cond|Removed' THEN
            RETURN NEXT substring(line FROM 'Index Scan|Seq Scan|Index Cond|Rows Removed by Index.*');
        END IF;
    END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION removed TO regress_facescan;
SELECT count(*) AS own, count(template) AS templates FROM filtered WHERE u = '00000000-0000-0000-8000-000000000007' \gset
SET ROLE regress_facescan;
SELECT count(*) = :own, count(template) = :templates, :own > 2 * :templates - 2, :templates > 90 FROM (SELECT template FROM filtered
    ORDER BY template <=> array_fill(1::real, ARRAY[64])::embedding) s;
SELECT removed('SELECT id FROM filtered ORDER BY template <=> array_fill(1::real, ARRAY[64])::embedding');
SELECT removed('SELECT id FROM filtered WHERE template IS NULL
    ORDER BY template <=> array_fill(1::real, ARRAY[64])::embedding');
RESET ROLE;
DROP FUNCTION removed;
DROP TABLE filtered;
DROP TYPE place;
DROP ROLE regress_facescan;
