-- Lists: what is found does not depend on them as long as all are read, and below that on the recall that was asked for.
SET client_min_messages = warning;
SET search_path = facesnxt, public;
SET enable_seqscan = off;
SET enable_sort = off;
SET jit = off; -- up to 17 what is forbidden looks costly
CREATE FUNCTION row_of(i int, share float8) RETURNS embedding LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(sin(i * 12.9898 + k * 78.233 + sin(i * 3.7 * k)) / k ^ share ORDER BY k)::real[]::embedding
    FROM generate_series(1, 64) k
$$;
CREATE TABLE face (id int, part int, template embedding);
INSERT INTO face SELECT i, i % 10, row_of(i, 0.3) FROM generate_series(1, 3000) i;
INSERT INTO face VALUES (0, 0, array_fill(0::real, array[64])::embedding), (-1, 1, NULL);
CREATE INDEX face_template ON face USING facescan (template, part) WITH (lists = 48);
SELECT lists, entries, without_code FROM index_info('face_template');
SELECT * FROM index_check('face_template');
-- every list: as the table itself
CREATE FUNCTION best(probe embedding, rows int) RETURNS int[] LANGUAGE sql AS
    $$ SELECT array_agg(id) FROM (SELECT id FROM face ORDER BY template <=> probe LIMIT rows) s $$;
CREATE FUNCTION exact(probe embedding, rows int) RETURNS int[] LANGUAGE sql
    SET enable_indexscan = off SET enable_seqscan = on SET enable_sort = on AS
    $$ SELECT array_agg(id) FROM (SELECT id FROM face ORDER BY template <=> probe LIMIT rows) s $$;
CREATE TABLE answer AS SELECT id, best(template, 20) AS best, exact(template, 20) AS exact FROM face WHERE id BETWEEN 1 AND 20;
SELECT count(*), avg((SELECT count(*) FROM unnest(best) b WHERE b = ANY (exact)) / 20.0) > 0.99 AS same FROM answer;
SELECT (best(row_of(77, 0.3), 1))[1];
SELECT lists, every_code, codes FROM last_scan();
-- fewer lists: by number, by recall
SET facesnxt.probes = 1;
SELECT (best(row_of(77, 0.3), 1))[1];
SELECT lists, every_code, codes < 500 AS few FROM last_scan();
SET facesnxt.probes = 1000;
SELECT (best(row_of(77, 0.3), 1))[1];
SELECT lists, every_code FROM last_scan();
RESET facesnxt.probes;
SET facesnxt.target_recall = 0.9;
SET facesnxt.mate_similarity = 0.8;
SELECT (best(row_of(77, 0.3), 1))[1];
SELECT lists < 48 AS fewer, every_code FROM last_scan();
SET facesnxt.mate_similarity = 0.1;
SELECT (best(row_of(77, 0.3), 1))[1];
SELECT lists, every_code FROM last_scan();
SET facesnxt.mate_similarity = 0.8;
-- whoever asks for more rows than those lists have gets them all, each once
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM face ORDER BY template <=> row_of(77, 0.3) OFFSET 0) s;
SELECT lists, every_code FROM last_scan();
SELECT count(*), count(DISTINCT id), min(part), max(part)
FROM (SELECT id, part FROM face WHERE part = 3 ORDER BY template <=> row_of(77, 0.3) LIMIT 300) s;
-- a greatest distance is not looked for elsewhere
SELECT count(*) FROM face WHERE within(template, row_of(77, 0.3), 0.001);
SELECT lists < 48 AS fewer, every_code FROM last_scan();
RESET facesnxt.target_recall;
RESET facesnxt.mate_similarity;
-- new rows: into free slots of their list, else into the tail, which is always read
INSERT INTO face SELECT i, i % 10, row_of(i, 0.3) FROM generate_series(3001, 8000) i;
SELECT * FROM index_check('face_template');
SET facesnxt.probes = 1;
SELECT count(*) FROM generate_series(3001, 3100) i WHERE (best(row_of(i, 0.3), 1))[1] = i;
RESET facesnxt.probes;
DELETE FROM face WHERE id % 2 = 0;
VACUUM (INDEX_CLEANUP ON) face;
SELECT pg_relation_size('face_template') AS before \gset
INSERT INTO face SELECT i, i % 10, row_of(i, 0.3) FROM generate_series(2, 6000, 2) i;
SELECT pg_relation_size('face_template') = :before AS reused;
SELECT * FROM index_check('face_template');
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM face ORDER BY template <=> row_of(77, 0.3)) s;
REINDEX INDEX face_template;
SELECT lists, entries, without_code FROM index_info('face_template');
SELECT * FROM index_check('face_template');
-- the calibration says more for a higher recall and for a less similar mate
CREATE VIEW calibration AS SELECT s.key::float AS similarity, r.key::float AS recall, r.value::float AS share
FROM index_info('face_template') i, jsonb_each(i.calibration) s, jsonb_each(s.value) r;
SELECT count(*), bool_and(share >= lag) AS more_for_higher_recall
FROM (SELECT share, lag(share, 1, 0) OVER (PARTITION BY similarity ORDER BY recall) FROM calibration) s;
SELECT bool_and(share <= lag) AS less_for_similar_mates
FROM (SELECT share, lag(share, 1, 1) OVER (PARTITION BY recall ORDER BY similarity) FROM calibration) s;
SELECT tail < entries FROM index_info('face_template');
DROP VIEW calibration;
-- all rows, of which some lists and prefixes have given up most at first
SET facesnxt.target_recall = 0.9;
SET facesnxt.mate_similarity = 0.8;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM face ORDER BY template <=> row_of(77, 0.3)) s;
SELECT (best(row_of(77, 0.3), 1))[1];
RESET facesnxt.target_recall;
RESET facesnxt.mate_similarity;
-- more lists than the rows can fill
SET client_min_messages = notice;
CREATE TABLE few AS SELECT id, template FROM face WHERE id BETWEEN 1 AND 20;
CREATE INDEX few_template ON few USING facescan (template) WITH (lists = 1000);
SELECT lists, entries FROM index_info('few_template');
SELECT * FROM index_check('few_template');
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM few ORDER BY template <=> row_of(7, 0.3)) s;
-- one is never too many
CREATE INDEX fewer_template ON few USING facescan (template) WITH (lists = 1) WHERE id < 3;
CREATE TABLE none (template embedding);
CREATE INDEX none_template ON none USING facescan (template) WITH (lists = 100);
SELECT lists FROM index_info('none_template');
INSERT INTO none SELECT template FROM few;
SELECT count(*) FROM (SELECT 1 FROM none ORDER BY template <=> row_of(7, 0.3)) s;
CREATE TABLE alike AS SELECT i AS id, row_of(1, 0.3) AS template FROM generate_series(1, 600) i;
CREATE INDEX alike_template ON alike USING facescan (template) WITH (lists = 50);
SELECT * FROM index_check('alike_template');
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM alike ORDER BY template <=> row_of(1, 0.3)) s;
CREATE INDEX ON few USING facescan (template) WITH (lists = -1);
CREATE INDEX ON few USING facescan (template) WITH (lists = 40000);
SET facesnxt.target_recall = 0;
SET facesnxt.target_recall = 1.01;
-- by default as many as suit the rows: none for few rows
DROP INDEX few_template;
CREATE INDEX few_template ON few USING facescan (template);
SELECT lists FROM index_info('few_template');
DROP TABLE face, answer, few, none, alike;
DROP FUNCTION row_of, best, exact;
