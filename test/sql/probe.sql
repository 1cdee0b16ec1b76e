-- Originals that nothing alters, copies made from them, consent and the basis
-- of a capture, under the policy of North Port without its rules on accounts.
\pset tuples_only on
\set SHOW_CONTEXT never
CREATE ROLE regress_np LOGIN;
SET ROLE regress_admin;
SELECT facesnxt.create_agency('NP', 'North Port') IS NOT NULL;
SELECT facesnxt.adopt_policy('NP', document => public.without('NP', '{}')) IS NOT NULL;
SELECT facesnxt.open_account('NP', 'regress_np') IS NOT NULL;
SELECT facesnxt.set_account_status('regress_np', 'active', NULL);
SELECT facesnxt.open_case('NP', 'N-1', 'robbery') IS NOT NULL;
SET ROLE regress_np;
-- an original has a source and a basis
SELECT facesnxt.register_probe(jpeg(1), '', 'camera of a shop');
SELECT facesnxt.register_probe(jpeg(1), 'camera of a shop');
SELECT facesnxt.register_probe(jpeg(1), 'camera of a shop', ' None ');
SELECT facesnxt.register_probe(jpeg(1) || 'ftyp'::bytea, 'camera of a shop', 'security camera');
SELECT facesnxt.register_probe('GIF89a', 'camera of a shop', 'security camera');
SELECT facesnxt.register_probe('no picture', 'camera of a shop', 'security camera');
BEGIN;
SELECT facesnxt.register_probe(jpeg(1), 'camera of a shop', 'security camera') = sha256(jpeg(1));
ROLLBACK;
SELECT original AND bytes = length(jpeg(1)) FROM facesnxt.my_probes WHERE sha256 = sha256(jpeg(1));
-- a copy says what was done
SELECT facesnxt.derive_probe(sha256(jpeg(1)), jpeg(2), '', '{}', 'editor 2');
SELECT facesnxt.derive_probe(sha256(jpeg(1)), jpeg(2), 'brighten', NULL, 'editor 2');
SELECT facesnxt.derive_probe(sha256(jpeg(1)), jpeg(2), 'brighten', '{}', ' ');
SELECT facesnxt.derive_probe(sha256(jpeg(1)), jpeg(2), 'brighten', '{}', 'editor 2', now() + interval '1 day');
SELECT facesnxt.derive_probe(sha256(jpeg(9)), jpeg(2), 'brighten', '{}', 'editor 2');
SELECT facesnxt.derive_probe(sha256(jpeg(1)), jpeg(1), 'brighten', '{}', 'editor 2');
SELECT facesnxt.derive_probe(sha256(jpeg(1)), substr(jpeg(2), 1, 90), 'brighten', '{}', 'editor 2');
SELECT facesnxt.derive_probe(sha256(jpeg(1)), jpeg(2), 'brighten', '{"gain": 1.4}', 'editor 2', '2026-01-02 10:00Z') = sha256(jpeg(2));
SELECT facesnxt.derive_probe(sha256(jpeg(2)), jpeg(3), 'crop', '{"x": 1}', 'editor 2') = sha256(jpeg(3));
SELECT facesnxt.register_probe(jpeg(4), 'phone', 'consensual encounter') IS NOT NULL;
-- of several: a graph without circles, and nothing becomes the parent of its original
SELECT facesnxt.derive_probe(sha256(jpeg(4)), jpeg(3), 'average', '{}', 'editor 2') IS NOT NULL;
SELECT facesnxt.derive_probe(sha256(jpeg(3)), jpeg(2), 'undo', '{}', 'editor 2');
SELECT facesnxt.derive_probe(sha256(jpeg(3)), jpeg(1), 'undo', '{}', 'editor 2');
SELECT array_agg(concat(operation, ' ', parameters, ' ', tool, ' ', performed_by, ' ', performed_at = '2026-01-02 10:00Z') ORDER BY operation)
    = '{"average {} editor 2 regress_np f","brighten {\"gain\": 1.4} editor 2 regress_np t","crop {\"x\": 1} editor 2 regress_np f"}'
FROM facesnxt.my_probes WHERE NOT original;
-- consent, or why not
SELECT facesnxt.record_consent(sha256(jpeg(4)), true, 'street, 10 May') IS NOT NULL;
SELECT facesnxt.record_consent(sha256(jpeg(1)), false, 'hospital');
SELECT facesnxt.record_consent(sha256(jpeg(1)), false, 'hospital', 'unconscious');
SELECT facesnxt.record_consent(sha256(jpeg(1)), false, 'hospital', 'unconscious', 'find the family') IS NOT NULL;
SELECT facesnxt.record_consent(sha256(jpeg(9)), true, 'street');
-- the same of a search: consent and basis are asked for before anything else of it
SELECT facesnxt.search(jpeg(2), 'N-1', 'active_investigation', fields => '{"attested": true}');
SELECT facesnxt.search(jpeg(2), 'N-1', 'active_investigation', fields => '{"attested": true, "capture_basis": "none"}');
SELECT facesnxt.search(jpeg(2), 'N-1', 'active_investigation', fields => '{"attested": true, "capture_basis": "arrest", "consent": false}');
RESET ROLE;
SELECT array_agg(concat(sqlstate, ' ', clause) ORDER BY recorded_at) FROM facesnxt.search WHERE acting_role = 'regress_np';
-- which copy was searched is on record, and where it comes from
SELECT count(*) = 3 FROM facesnxt.search s JOIN facesnxt.probe_derivation d ON d.agency_id = s.agency_id AND d.sha256 = s.probe_sha256
WHERE s.acting_role = 'regress_np' AND d.parent_sha256 = sha256(jpeg(1));
SELECT (SELECT array_agg(f ORDER BY f) FROM facesnxt.probe_family(agency_id, sha256(jpeg(2))) f)
    = (SELECT array_agg(sha256(jpeg(n)) ORDER BY sha256(jpeg(n))) FROM unnest('{1,2,3}'::int[]) n) FROM facesnxt.agency WHERE code = 'NP';
-- nobody alters them: not who searches, not who administers, not the owner
SET ROLE regress_np;
UPDATE facesnxt.probe SET image = '\x00';
SET ROLE regress_admin;
UPDATE facesnxt.probe SET image = '\x00';
DELETE FROM facesnxt.probe;
DELETE FROM facesnxt.probe_derivation;
RESET ROLE;
UPDATE facesnxt.probe SET image = '\x00';
DELETE FROM facesnxt.probe_source;
UPDATE facesnxt.probe_derivation SET tool = 'other';
TRUNCATE facesnxt.consent;
SELECT bool_and(sha256 = sha256(image)) FROM facesnxt.probe;
