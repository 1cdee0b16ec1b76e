-- The database of the demo: one agency with a policy, two cases, one
-- investigator, and a schema for what the demo brings along.
SET client_min_messages = warning;
CREATE EXTENSION facesnxt;
SELECT facesnxt.create_agency('DEMO', 'Demonstration agency') \g /dev/null
SELECT facesnxt.adopt_policy('DEMO', 'EXAMPLE') \g /dev/null
SELECT facesnxt.open_case('DEMO', 'DEMO-1', 'evaluation') \g /dev/null
SELECT facesnxt.open_case('DEMO', 'DEMO-2', 'burglary') \g /dev/null
CREATE ROLE investigator LOGIN IN ROLE facesnxt_investigator;
SELECT facesnxt.open_account('DEMO', 'investigator') \g /dev/null
SELECT facesnxt.set_account_status('investigator', 'active', NULL) \g /dev/null

CREATE SCHEMA demo;
CREATE TABLE demo.file (name text PRIMARY KEY, bytes bytea NOT NULL);
ALTER TABLE demo.file ALTER COLUMN bytes SET STORAGE EXTERNAL;
CREATE TABLE demo.photo (
    person text,
    number integer,
    file text,
    image bytea,
    template facesnxt.embedding,
    extraction jsonb,
    PRIMARY KEY (person, number)
);
ALTER TABLE demo.photo ALTER COLUMN image SET STORAGE EXTERNAL;
CREATE TABLE demo.failure (person text, number integer, sqlstate text, message text);
GRANT USAGE ON SCHEMA demo TO investigator;
GRANT SELECT ON demo.photo TO investigator;
GRANT INSERT ON demo.failure TO investigator;
