-- What a facescan index refuses, and how it says so.
\set VERBOSITY verbose
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET search_path = facesnxt, public;
\set VERBOSITY default
CREATE TABLE refused (id int, template embedding, other embedding, word numeric);
CREATE INDEX ON refused USING facescan (id);
CREATE INDEX ON refused USING facescan (template, other);
CREATE INDEX ON refused USING facescan (template, word);
CREATE UNIQUE INDEX ON refused USING facescan (template);
CREATE INDEX ON refused USING facescan (template DESC);
CREATE INDEX ON refused USING facescan (template) INCLUDE (id);
CREATE INDEX ON refused USING facescan (template) WITH (refine_bits = 1);
CREATE INDEX ON refused USING facescan (template) WITH (refine_bits = 9);
CREATE INDEX ON refused USING facescan (template) WITH (sample = 1);
CREATE INDEX ON refused USING facescan ((template::embedding(7)));
CREATE INDEX ON refused USING facescan ((template::embedding(4097)));
CREATE INDEX refused_template ON refused USING facescan (template);
INSERT INTO refused VALUES (1, '[1,2,3]');
INSERT INTO refused VALUES (1, '[1,2,3,4,5,6,7,8]');
INSERT INTO refused VALUES (1, '[1,2,3,4,5,6,7,8,9]');
INSERT INTO refused VALUES (1, '[1,2,3,4,5,6,7,8]@deadbeef');
SET enable_seqscan = off;
SELECT id FROM refused ORDER BY template <=> '[1]';
SELECT id FROM refused ORDER BY template <=> '[1,2,3,4,5,6,7,8]@deadbeef';
SELECT id FROM refused ORDER BY template <=> '[1,2,3,4,5,6,7,8]', template <=> '[8,7,6,5,4,3,2,1]';
SELECT count(*) FROM refused;
SELECT index_info('refused');
SELECT index_info('pg_class_oid_index');
SELECT index_check('refused');
-- a table in which two models lie: one index each
UPDATE refused SET other = '[1,2,3,4,5,6,7,8]@deadbeef';
CREATE TABLE models AS SELECT 1 AS id, template FROM refused UNION ALL SELECT 2, other FROM refused;
CREATE INDEX ON models USING facescan (template);
CREATE INDEX ON models USING facescan (template) WHERE model(template) = 'deadbeef';
SELECT id FROM models WHERE model(template) = 'deadbeef' ORDER BY template <=> '[1,2,3,4,5,6,7,8]@deadbeef';
DROP TABLE refused, models;
-- the operator classes are what the access method expects
SELECT opcname FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'facescan') AND NOT amvalidate(oid);
