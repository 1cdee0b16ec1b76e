-- Searches in other systems, and requests of the public; agencies are those of
-- request.sql, probe.sql and verify.sql.
\pset tuples_only on
\set SHOW_CONTEXT never
SET ROLE regress_admin;
-- North Port has one system, Miami its network's and commercial ones
SELECT facesnxt.register_platform('NP', 'Clearview', 'commercial', 'Clearview AI');
SELECT facesnxt.register_platform('NP', 'FACESNXT', 'host', 'Sheriff') IS NOT NULL;
SELECT facesnxt.register_platform('MI', 'Elsewhere', 'agency', 'another agency');
SELECT facesnxt.register_platform('MI', 'Clearview', 'commercial', 'Clearview AI') IS NOT NULL;
SELECT facesnxt.register_platform('NS', 'FR-Net', 'agency', 'Sheriff') IS NOT NULL;
SET ROLE regress_ns;
SELECT facesnxt.register_platform('NS', 'Clearview', 'commercial', 'Clearview AI');
SELECT facesnxt.record_external_search('FR-Net', now(), 'S-1', 'criminal_investigation', 'robbery', '');
SELECT facesnxt.record_external_search('FR-Net', now() + interval '1 day', 'S-1', 'criminal_investigation', 'robbery', 'no candidate');
SELECT facesnxt.record_external_search('Clearview', now(), 'S-1', 'criminal_investigation', 'robbery', 'two candidates', '{"attested": true}');
SELECT facesnxt.record_external_search('FR-Net', now(), 'S-1', 'shopping', 'robbery', 'two candidates', '{"attested": true}');
SELECT facesnxt.record_external_search('FR-Net', now(), 'S-1', 'criminal_investigation', '', 'two candidates', '{"attested": true}');
SELECT facesnxt.record_external_search('FR-Net', now(), NULL, 'criminal_investigation', 'robbery', 'two candidates', '{"attested": true}');
BEGIN;
SELECT facesnxt.record_external_search('fr-net', now(), 'S-1', 'criminal_investigation', 'robbery', 'two candidates', '{"attested": true}') IS NOT NULL;
ROLLBACK;
SELECT array_agg(concat(status, ' ', sqlstate, ' ', clause, ' ', acting_role, ' ', incident_type) ORDER BY recorded_at) FROM facesnxt.my_external_searches;
SET ROLE regress_np;
SELECT facesnxt.record_external_search('Clearview', now(), 'N-1', 'tip', 'robbery', 'no candidate', '{"attested": true, "tip": "a call", "capture_basis": "arrest"}');
SELECT array_agg(concat(status, ' ', sqlstate, ' ', clause)) = '{"refused NX392 NP-VI.D.1"}' FROM facesnxt.my_external_searches;
-- off the register
SET ROLE regress_admin;
SELECT facesnxt.register_platform('NS', 'FR-Net', 'agency', 'Sheriff', false, 'contract ended') IS NOT NULL;
SET ROLE regress_ns;
SELECT facesnxt.record_external_search('FR-Net', now(), 'S-1', 'criminal_investigation', 'robbery', 'two candidates', '{"attested": true}');
RESET ROLE;
DELETE FROM facesnxt.external_search;
UPDATE facesnxt.platform SET in_use = true;

-- requests of the public
SET ROLE regress_admin;
SELECT facesnxt.record_public_request('MI', 'a newspaper', 'searches of 2026', '2026-01-01', '2999-01-01');
SELECT facesnxt.record_public_request('NP', 'a newspaper', 'searches of 2026', '2026-01-01', '2999-01-01') AS np \gset
SELECT facesnxt.record_public_request('NS', 'a newspaper', 'searches of 2026', '2026-01-01', '2999-01-01') AS ns \gset
SELECT exempt AND statute = 'Florida statutes' AND recorded_by = 'regress_admin' FROM facesnxt.public_request WHERE public_id = :'np';
SELECT NOT exempt AND statute = 'FSS 119, Directive 26-1' FROM facesnxt.public_request WHERE public_id = :'ns';
SELECT facesnxt.public_extract(:'np');
SELECT facesnxt.decide_public_request(:'np', 'released');
SELECT facesnxt.decide_public_request(:'np', 'redacted');
SELECT facesnxt.decide_public_request(:'np', 'denied', 'FSS 119.071(2)(c)') IS NOT NULL;
SELECT facesnxt.public_extract(:'np');
SELECT facesnxt.decide_public_request(:'np', 'redacted', 'FSS 119.071(2)(c)', 'counts only') IS NOT NULL;
SELECT facesnxt.decide_public_request(:'ns', 'released') IS NOT NULL;
SELECT facesnxt.decide_public_request('00000000-0000-0000-0000-000000000000', 'released');
SELECT array_agg(concat(purpose, ' ', status, ' ', searches) ORDER BY purpose, status) FROM facesnxt.public_extract(:'ns');
SELECT count(*) = 2 FROM facesnxt.public_decision WHERE public_id = :'np';
SET ROLE regress_ns;
SELECT facesnxt.public_extract(:'ns');
RESET ROLE;
UPDATE facesnxt.public_decision SET decision = 'released';
