-- What expressions of an index compute: with whose rights, how often, and what is no answer.
\pset tuples_only on
\pset format unaligned
SET search_path = facesnxt, public;
CREATE ROLE regress_owner;
CREATE ROLE regress_reader;
CREATE SCHEMA regress_owned AUTHORIZATION regress_owner;
GRANT USAGE ON SCHEMA regress_owned, facesnxt TO regress_owner, regress_reader;
CREATE FUNCTION pg_temp.template(n int) RETURNS embedding LANGUAGE sql IMMUTABLE AS
    $$ SELECT array_agg(sin(n * 12.9898 + k * 78.233 + sin(n * 3.7 * k)))::real[]::embedding FROM generate_series(1, 32) k $$;

SET ROLE regress_owner;
CREATE TABLE regress_owned.face (id int, template embedding(32));
RESET ROLE;
INSERT INTO regress_owned.face SELECT i, pg_temp.template(i) FROM generate_series(1, 500) i;
SET ROLE regress_owner;
CREATE FUNCTION regress_owned.same(template facesnxt.embedding) RETURNS facesnxt.embedding LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RETURN (template::real[])::facesnxt.embedding; END $$;
CREATE FUNCTION regress_owned.tell(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN IF id = 7 THEN RAISE NOTICE 'computed by %', current_user; END IF; RETURN id; END $$;
CREATE INDEX face_template ON regress_owned.face USING facescan (regress_owned.same(template), regress_owned.tell(id));
GRANT SELECT ON regress_owned.face TO regress_reader;
RESET ROLE;

-- the check is the owner's
SELECT count(*) FROM index_check('regress_owned.face_template');
SELECT current_user = session_user;
-- a search computes what it names, and nothing else
SET enable_seqscan = off;
SET enable_sort = off;
SET ROLE regress_reader;
SELECT count(*) FROM (SELECT FROM regress_owned.face ORDER BY regress_owned.same(template) <=> pg_temp.template(7) LIMIT 20) s;
RESET ROLE;
SELECT count(*) FROM search_many('regress_owned.face_template', ARRAY[pg_temp.template(7)], 20);

-- two greatest distances from an expression: the row's template is computed for each
SELECT array_agg(id ORDER BY id) = (SELECT array_agg(id ORDER BY id) FROM regress_owned.face
    WHERE (template <=> pg_temp.template(3)) <= 0.9 AND (template <=> pg_temp.template(9)) <= 0.9)
FROM (SELECT id FROM regress_owned.face WHERE within(regress_owned.same(template), pg_temp.template(3), 0.9)
    AND within(regress_owned.same(template), pg_temp.template(9), 0.9)
    ORDER BY regress_owned.same(template) <=> pg_temp.template(5)) s;

-- a range of no probe, no distance or no number is no row's
CREATE INDEX face_plain ON regress_owned.face USING facescan (template);
SELECT count(*) = (SELECT count(*) FROM regress_owned.face WHERE (template <=> pg_temp.template(5)) <= 0.7) AS same, count(*) > 0
FROM (SELECT FROM regress_owned.face WHERE template <@ ANY (ARRAY[ROW(pg_temp.template(5), 0.7), ROW(NULL, 0.5),
    ROW(pg_temp.template(9), NULL), ROW(pg_temp.template(9), 'NaN'), NULL]::probe_range[]) ORDER BY template <=> pg_temp.template(5)) s;

-- what a search may not use is not checked
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'regress_owned.face_plain'::regclass;
SELECT index_check('regress_owned.face_plain');
SET client_min_messages = warning;
DROP SCHEMA regress_owned CASCADE;
DROP OWNED BY regress_owner, regress_reader;
DROP ROLE regress_owner, regress_reader;
