-- Many probes in one pass find what each finds alone; a disturbed template has the similarity asked for.
SET client_min_messages = warning;
SET search_path = facesnxt, public;
SET enable_seqscan = off;
CREATE TABLE face AS SELECT i AS id, disturb(array_fill(1::real, ARRAY[64])::embedding(64, half), 0.1, i) AS template
FROM generate_series(1, 6000) i;
INSERT INTO face VALUES (0, array_fill(0::real, ARRAY[64])::embedding(64, half)), (-1, NULL);
SELECT min(model(template)), count(*), bool_and(abs(1 - (template <=> array_fill(1::real, ARRAY[64])::embedding(64, half)) - 0.1) < 0.002) AS near
FROM face WHERE id > 0;
SELECT disturb('[1,2,3]', 1, 5), disturb('[0,0]', 0.5, 1), round((1 - (disturb('[3,4,0]', 0.25, 9) <=> '[3,4,0]'))::numeric, 5) AS similarity,
    round((disturb('[3,4,0]', 0.25, 9) <-> '[0,0,0]')::numeric, 5) AS length;
SELECT disturb('[1,2,3]', 1.1, 5);
SELECT round(avg(s)::numeric, 2) AS mean, round(stddev(s)::numeric, 2) AS deviation, some_similarity(1, 5)
FROM generate_series(1, 10000) i, some_similarity(0.5, i) s;
SELECT some_similarity('NaN', 5);
CREATE INDEX face_template ON face USING facescan (template);
CREATE TABLE asked AS SELECT row_number() OVER (ORDER BY id) AS place, disturb(template, 0.6, id) AS template
FROM face WHERE id BETWEEN 1 AND 40;
CREATE TABLE together AS SELECT * FROM search_many('face_template', (SELECT array_agg(template ORDER BY place) FROM asked), 25);
CREATE TABLE alone AS SELECT p.place, s.* FROM asked p, LATERAL (
    SELECT f.ctid AS "row", f.template <=> p.template AS distance, row_number() OVER (ORDER BY f.template <=> p.template) AS rank
    FROM face f ORDER BY f.template <=> p.template LIMIT 25) s;
SELECT count(*), count(DISTINCT probe) FROM together;
SELECT count(*) > 990 AS same FROM together t JOIN alone a ON a.place = t.probe AND a."row" = t."row" AND a.distance = t.distance;
-- bounds are statistical: of these thousand rows one now and then comes late
SELECT count(*) < 6 AS ordered FROM (SELECT distance, lag(distance) OVER (PARTITION BY probe ORDER BY ordinality) AS before
    FROM search_many('face_template', (SELECT array_agg(template ORDER BY place) FROM asked), 25) WITH ORDINALITY) s WHERE distance < before - 0.02;
-- down to a greatest distance: all of them, in their order, and as many as are asked for
CREATE TABLE within_reach AS SELECT * FROM search_many('face_template', (SELECT array_agg(template ORDER BY place) FROM asked), 6000, 0.8);
SELECT count(*) > 200 AS some, count(*) FILTER (WHERE n."row" IS NULL) AS missed, count(*) FILTER (WHERE f.ctid IS NULL) AS invented,
    bool_and(n.distance = f.template <=> f.probe) AS exact
FROM (SELECT p.place, f.ctid, f.template, p.template AS probe FROM asked p JOIN face f ON f.template <=> p.template <= 0.8) f
    FULL JOIN within_reach n ON n.probe = f.place AND n."row" = f.ctid;
SELECT bool_and(n = least(3, of)) AS at_most FROM (SELECT place, count(m) AS n, (SELECT count(*) FROM within_reach WHERE probe = place) AS of
    FROM asked LEFT JOIN search_many('face_template', (SELECT array_agg(template ORDER BY place) FROM asked), 3, 0.8) m ON m.probe = place GROUP BY place) s;
SELECT count(*) FROM search_many('face_template', (SELECT array_agg(template ORDER BY place) FROM asked), 10, -1);
SELECT search_many('face_template', ARRAY['[1,2,3]']::embedding[], 1, 'NaN');
-- the same by the inner product, whose distances are negative
CREATE INDEX face_inner ON face USING facescan (template embedding_ip_ops);
SELECT count(*) > 40 AS some, count(*) FILTER (WHERE n."row" IS NULL) AS missed, count(*) FILTER (WHERE f.ctid IS NULL) AS invented
FROM (SELECT p.place, f.ctid FROM asked p JOIN face f ON f.template <#> p.template <= -16) f
    FULL JOIN search_many('face_inner', (SELECT array_agg(template ORDER BY place) FROM asked), 6000, -16) n ON n.probe = f.place AND n."row" = f.ctid;
DROP INDEX face_inner;
-- nulls keep their place; rows without a template are not near; a probe without direction; nothing; more than there are
SELECT DISTINCT probe FROM search_many('face_template', ARRAY[NULL, (SELECT template FROM asked WHERE place = 1), NULL]::embedding[], 1);
SELECT count(*) FROM search_many('face_template', ARRAY[array_fill(0::real, ARRAY[64])::embedding, (SELECT template FROM asked WHERE place = 1)], 10000);
SELECT count(*) FROM search_many('face_template', '{}', 10);
SELECT count(*) FROM search_many('face_template', (SELECT array_agg(template) FROM asked), 0);
SELECT search_many('face_template', (SELECT array_agg(template) FROM asked), -1);
SELECT search_many('face_template', ARRAY['[1,2,3]']::embedding[], 1);
SELECT search_many('face', ARRAY['[1,2,3]']::embedding[], 1);
-- who may
CREATE ROLE regress_many;
GRANT USAGE ON SCHEMA facesnxt TO regress_many;
SET ROLE regress_many;
SELECT count(*) FROM facesnxt.search_many('face_template', '{}', 10);
RESET ROLE;
GRANT EXECUTE ON FUNCTION search_many TO regress_many;
SET ROLE regress_many;
SELECT count(*) FROM facesnxt.search_many('face_template', '{}', 10);
RESET ROLE;
GRANT SELECT ON face TO regress_many;
SET ROLE regress_many;
SELECT count(*) FROM facesnxt.search_many('face_template', '{}', 10);
RESET ROLE;
ALTER TABLE face ENABLE ROW LEVEL SECURITY;
SET ROLE regress_many;
SELECT count(*) FROM facesnxt.search_many('face_template', '{}', 10);
RESET ROLE;
REVOKE ALL ON FUNCTION search_many FROM regress_many;
REVOKE ALL ON SCHEMA facesnxt FROM regress_many;
REVOKE ALL ON face FROM regress_many;
ALTER TABLE face DISABLE ROW LEVEL SECURITY;
-- the index's own account of its recall
-- the template of zeros, which has no mates and needs no codes, may be among its probes
SELECT probes, found_by_index >= 0.9 AND found_by_scan >= 0.9 AS found, recall > 0.99 AS recall, share_of_codes >= 0.9 AS every_code,
    index_ms > 0 AND exact_ms > 0 AS timed
FROM index_recall('face_template', 20, 10, 0.8);
CREATE INDEX part_template ON face USING facescan (template embedding_l2_ops) WHERE id > 5900;
SELECT probes <= 20, recall > 0.98 AS recall FROM index_recall('part_template', 20, 10, 0.8);
SELECT index_recall('face_template', 0);
DROP TABLE face, asked, together, alone, within_reach;
DROP ROLE regress_many;
