-- Some mates may be missed: then the first dimensions of a code decide whether the rest is read, with lists and without.
SET client_min_messages = warning;
SET search_path = facesnxt, public;
SET enable_seqscan = off;
SET enable_sort = off;
SET jit = off; -- up to 17 what is forbidden looks costly
-- strangers, and a mate of similarity 0.8 of each of a hundred probes
CREATE FUNCTION stranger(i int) RETURNS embedding LANGUAGE sql IMMUTABLE AS
    $$ SELECT disturb(array_fill(1::real, array[256])::embedding, 0, i) $$;
CREATE TABLE face AS SELECT i AS id, i % 10 AS part, stranger(i) AS template FROM generate_series(1, 48000) i;
CREATE TABLE sought AS SELECT i AS id, stranger(100000 + i) AS template FROM generate_series(1, 100) i;
INSERT INTO face SELECT -id, id % 10, disturb(template, 0.8, id) FROM sought;
INSERT INTO face VALUES (0, 0, array_fill(0::real, array[256])::embedding), (-1000, 1, NULL);
CREATE FUNCTION best(probe embedding, rows int) RETURNS int[] LANGUAGE sql AS
    $$ SELECT array_agg(id) FROM (SELECT id FROM face ORDER BY template <=> probe LIMIT rows) s $$;
-- what a search finds: mates, and what the last one read
CREATE VIEW found AS SELECT count(*) > 90 AS nearly_all FROM sought WHERE (best(template, 10))[1] = -id;
CREATE VIEW was_read AS SELECT lists, every_code, late, deviations FROM last_scan();
SELECT template AS probe FROM sought WHERE id = 1 \gset

CREATE INDEX face_template ON face USING facescan (template, part) WITH (lists = 1);
-- how many rows are asked for is known after the first search
SELECT cardinality(best(:'probe', 10));
SELECT * FROM was_read;
SET facesnxt.target_recall = 0.99;
SET facesnxt.mate_similarity = 0.8;
SELECT * FROM found;
SELECT * FROM was_read;
-- in the order of distance
SELECT cardinality(best(:'probe', 10)), bool_and(distance >= before)
FROM (SELECT distance, lag(distance, 1, 0) OVER (ORDER BY n) AS before
      FROM (SELECT template <=> :'probe' AS distance, row_number() OVER () AS n
            FROM (SELECT template FROM face ORDER BY template <=> :'probe' LIMIT 10) s) s) s;
-- whoever asks for more gets all rows, each once
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM face ORDER BY template <=> :'probe' LIMIT 3000) s;
SELECT count(*) > 48000, count(*) = count(DISTINCT id) FROM (SELECT id FROM face ORDER BY template <=> :'probe') s;
SELECT every_code, codes FROM last_scan();
-- with a condition
SELECT cardinality(array_agg(id)), min(part), max(part)
FROM (SELECT id, part FROM face WHERE part = 1 ORDER BY template <=> :'probe' LIMIT 10) s;
SELECT count(*), count(DISTINCT id), min(part), max(part)
FROM (SELECT id, part FROM face WHERE part = 1 ORDER BY template <=> :'probe' LIMIT 2000) s;
-- within a greatest distance
SELECT count(*) > 90 AS nearly_all FROM sought p, LATERAL
    (SELECT id FROM face f WHERE within(f.template, p.template, 0.22)) s WHERE s.id = -p.id;
SELECT * FROM was_read;
-- mates that are hardly more similar than strangers: all codes are read to their ends
SET facesnxt.mate_similarity = 0.2;
SELECT * FROM found;
SELECT * FROM was_read;
SET facesnxt.mate_similarity = 0.8;
-- a probe without direction, one that is NULL, rows that come later
SELECT cardinality(best(array_fill(0::real, array[256])::embedding, 10)), cardinality(best(NULL, 10));
INSERT INTO face SELECT 50000 + id, 1, disturb(template, 0.9, id) FROM sought;
SELECT count(*) > 90 AS nearly_all FROM sought WHERE (best(template, 10))[1] = 50000 + id;
DELETE FROM face WHERE id > 50000;
VACUUM (INDEX_CLEANUP ON) face;
SELECT * FROM found;
-- search_many() reads every code
SELECT count(*) FROM search_many('face_template', ARRAY(SELECT template FROM sought ORDER BY id LIMIT 20), 1);
DROP INDEX face_template;

CREATE INDEX face_template ON face USING facescan (template, part) WITH (lists = 24);
SELECT * FROM found;
SELECT lists < 24, every_code FROM last_scan();
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM face ORDER BY template <=> :'probe' LIMIT 3000) s;
SELECT count(*) > 48000, count(*) = count(DISTINCT id) FROM (SELECT id FROM face ORDER BY template <=> :'probe') s;
SELECT * FROM (SELECT lists, every_code, codes FROM last_scan()) s;
DROP INDEX face_template;

-- without second bits
CREATE INDEX face_template ON face USING facescan (template) WITH (lists = 1, refine_bits = 0);
SELECT * FROM found;
SELECT lists, every_code FROM last_scan();
SELECT count(*) > 48000, count(*) = count(DISTINCT id) FROM (SELECT id FROM face ORDER BY template <=> :'probe') s;
-- other distances know no mates
DROP INDEX face_template;
CREATE INDEX face_template ON face USING facescan (template embedding_l2_ops) WITH (lists = 1);
SELECT count(*) FROM (SELECT id FROM face ORDER BY template <-> :'probe' LIMIT 10) s;
SELECT lists, every_code FROM last_scan();
DROP VIEW found, was_read;
DROP TABLE face, sought;
DROP FUNCTION best, stranger;
