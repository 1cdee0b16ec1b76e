-- Records are append-only, for the owner too.
\pset tuples_only on
\set SHOW_CONTEXT never
SET client_min_messages = warning;
UPDATE facesnxt.search SET reason = 'x';
DELETE FROM facesnxt.search;
TRUNCATE facesnxt.search CASCADE;
UPDATE facesnxt.candidate SET score = 0;
DELETE FROM facesnxt.candidate;
TRUNCATE facesnxt.candidate CASCADE;
UPDATE facesnxt.probe SET image = 'x';
DELETE FROM facesnxt.probe;
TRUNCATE facesnxt.probe CASCADE;
UPDATE facesnxt.probe_template SET template = '[1]';
DELETE FROM facesnxt.probe_template;
TRUNCATE facesnxt.probe_template CASCADE;
UPDATE facesnxt.outcome SET note = 'x';
DELETE FROM facesnxt.outcome;
TRUNCATE facesnxt.outcome CASCADE;
INSERT INTO facesnxt.probe (agency_id, sha256, image) SELECT agency_id, sha256('x'), 'x' FROM facesnxt.agency LIMIT 1
ON CONFLICT (agency_id, sha256) DO UPDATE SET image = 'y';
-- as a replica would
SET session_replication_role = replica;
DELETE FROM facesnxt.search;
UPDATE facesnxt.candidate SET score = 0;
RESET session_replication_role;
-- what the roles of people may do
SET ROLE regress_nm;
DELETE FROM facesnxt.search;
INSERT INTO facesnxt.candidate DEFAULT VALUES;
UPDATE facesnxt.my_searches SET reason = 'x';
SELECT * FROM facesnxt.reference;
SELECT * FROM facesnxt.probe_template;
SELECT facesnxt.audit_write('refusal', '{}', NULL);
RESET ROLE;
