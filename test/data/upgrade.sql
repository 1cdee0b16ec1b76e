-- A step to a version that does not exist, for test/t/43_upgrade.pl: what steps
-- do to tables with records. scripts/test.sh lays it beside the installed
-- scripts while the tests run.

\echo Use "ALTER EXTENSION facesnxt UPDATE" to load this file. \quit

ALTER TABLE facesnxt.search ADD COLUMN added text;
COMMENT ON COLUMN facesnxt.search.added IS 'What earlier records do not have';

CREATE TABLE facesnxt.added_record (
    added_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    note text NOT NULL
);
COMMENT ON TABLE facesnxt.added_record IS 'A record that comes with the step';
SELECT facesnxt.keep_record('added_record');
INSERT INTO facesnxt.added_record (note) VALUES ('what the extension brings');

CREATE OR REPLACE FUNCTION facesnxt.missing_approval(office text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$ SELECT 'approval by the office of ' || $1 $$;

-- every step ends so: new tables are put under audit, and their rows into the chain
SELECT facesnxt.audit_tables();
SELECT facesnxt.adopt_rows();
