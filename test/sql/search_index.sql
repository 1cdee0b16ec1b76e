-- A search by the index of its references: the same list, and the record says what the index did.
\pset tuples_only on
CREATE FUNCTION model_d(i int) RETURNS facesnxt.embedding LANGUAGE sql IMMUTABLE AS $$
    SELECT facesnxt.with_model(array_agg(sin(i * 12.9898 + k * 78.233 + sin(i * 3.7 * k)) ORDER BY k)::real[]::facesnxt.embedding, '0000000d')
    FROM generate_series(1, 32) k
$$;
-- 600 persons with two references each, and three hundred equal ones of one person
SELECT count(facesnxt.enrol_template(model_d(2 * p.j + i), p.id, CASE i WHEN 0 THEN 'booking' ELSE 'driver_licence' END, 'fingerprint')) = 1200
FROM (SELECT j, facesnxt.create_person('Indexed ' || j) AS id FROM generate_series(1, 600) j) p, generate_series(0, 1) i;
SELECT count(facesnxt.enrol_template(model_d(4), p.id, 'booking', 'fingerprint')) = 300
FROM (SELECT facesnxt.create_person('Often') AS id) p, generate_series(1, 300);
CREATE TABLE scanned AS
SELECT n, (SELECT array_agg(ARRAY[s.rank::text, s.person_id::text, s.reference_id::text, s.score::text] ORDER BY s.rank)
    FROM facesnxt.rank_persons(model_d(n), '{booking,driver_licence}', 20, NULL) l,
        jsonb_to_recordset(l) AS s (rank int, person_id uuid, reference_id uuid, score real)) AS list
FROM unnest(ARRAY[4, 5, 100, 777, 5000]) n;
SELECT bool_and(cardinality(list) = 80) FROM scanned;
SELECT facesnxt.index_references('0000000d');
SELECT facesnxt.index_references('0000000d');
SELECT facesnxt.index_references('not a model');
ANALYZE facesnxt.reference;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;
SELECT bool_and((SELECT array_agg(ARRAY[s.rank::text, s.person_id::text, s.reference_id::text, s.score::text] ORDER BY s.rank)
    FROM facesnxt.rank_persons(model_d(n), '{booking,driver_licence}', 20, NULL) l,
        jsonb_to_recordset(l) AS s (rank int, person_id uuid, reference_id uuid, score real)) = list) AS same_list
FROM scanned;
SELECT index, every_code, codes, deviations FROM facesnxt.last_scan();
-- a session's settings do not make a recorded search less exact
SET ROLE regress_nm;
SET facesnxt.target_recall = 0.5;
SET facesnxt.probes = 1;
SET facesnxt.wide_bounds = off;
SELECT bool_and(exact) FROM facesnxt.search_template(model_d(4), '22-1', 'criminal', 'by index');
SELECT count(*) = 20 AND bool_and(repository = 'booking') FROM facesnxt.search_template(model_d(4), '22-1', 'criminal', 'by index, one repository', repositories => '{booking}');
SELECT references_compared, references_other_model > 0, exact FROM facesnxt.my_searches WHERE reason LIKE 'by index%' ORDER BY recorded_at;
RESET facesnxt.target_recall;
RESET facesnxt.probes;
RESET facesnxt.wide_bounds;
RESET ROLE;
SELECT scan->>'index', scan->>'every_code', scan->>'lists', scan->>'codes', scan->>'deviations' FROM facesnxt.search WHERE reason LIKE 'by index%' ORDER BY recorded_at;
SELECT count(*) = 20 AND bool_and(c.person_id::text = s.list[c.rank][2] AND c.reference_id::text = s.list[c.rank][3])
FROM facesnxt.candidate c JOIN facesnxt.search f USING (search_id), scanned s WHERE f.reason = 'by index' AND s.n = 4;
-- without the index there is nothing to say of it
DROP INDEX facesnxt.reference_template_0000000d;
SET ROLE regress_nm;
SELECT bool_and(exact) FROM facesnxt.search_template(model_d(4), '22-1', 'criminal', 'by table');
RESET ROLE;
SELECT scan->>'index' IS NULL AND scan->>'method' = 'table', references_compared FROM facesnxt.search WHERE reason = 'by table';
DROP TABLE scanned;
DROP FUNCTION model_d;
