-- Policies: two persons change one, versions, and what each shipped one finds fault with.
\pset tuples_only on
\set VERBOSITY terse
\set SHOW_CONTEXT never
CREATE ROLE regress_adm_a LOGIN;
CREATE ROLE regress_adm_b LOGIN;
GRANT facesnxt_admin TO regress_adm_a, regress_adm_b;

-- every shipped policy is a document that can be proposed, and every test of a rule is there
SELECT code, ARRAY(SELECT facesnxt.policy_faults(document)) = '{}' FROM facesnxt.shipped_policy ORDER BY code;
SELECT count(*) = 0 FROM facesnxt.rule r WHERE r.test IS NOT NULL AND
    to_regprocedure(format('facesnxt.%I(uuid, jsonb, jsonb)', r.test)) IS NULL;
-- no rule without a clause of its own agency, no purpose without one
SELECT count(*) = 0 FROM facesnxt.shipped_policy s, jsonb_array_elements(s.document->'rules' || (s.document->'purposes')) r
WHERE r->>'clause' NOT LIKE s.code || '-%';

-- ---- one proposes, another decides (NM-IV.J, SP-HDR)
SET SESSION AUTHORIZATION regress_adm_a;
SELECT facesnxt.create_agency('P1', 'Agency one') IS NOT NULL;
SELECT facesnxt.adopt_policy('P1', 'EXAMPLE') IS NOT NULL;
SELECT version = 1 AND count(*) = 3 FROM facesnxt.policy_matrix WHERE agency = 'P1' GROUP BY version;
SELECT facesnxt.adopt_policy('P1', 'NM') AS second \gset
SELECT DISTINCT version = 1 FROM facesnxt.policy_matrix WHERE agency = 'P1';
SELECT facesnxt.decide_policy(:'second', true);
-- not by another name either
RESET SESSION AUTHORIZATION;
GRANT regress_adm_b TO regress_adm_a;
SET SESSION AUTHORIZATION regress_adm_a;
SET ROLE regress_adm_b;
SELECT facesnxt.decide_policy(:'second', true);
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_adm_b;
SELECT facesnxt.decide_policy(:'second', true, 'too late', now() - interval '1 day');
SELECT facesnxt.decide_policy(:'second', true, 'agreed') IS NOT NULL;
SELECT facesnxt.decide_policy(:'second', false);
SELECT DISTINCT version = 2 FROM facesnxt.policy_matrix WHERE agency = 'P1';
-- one to come
SELECT facesnxt.adopt_policy('P1', 'NP') AS third \gset
SET SESSION AUTHORIZATION regress_adm_a;
SELECT facesnxt.decide_policy(:'third', true, 'from next month', now() + interval '1 month') IS NOT NULL;
RESET SESSION AUTHORIZATION;
SELECT facesnxt.policy_in_force(a.agency_id, now()) = :'second' AND facesnxt.policy_in_force(a.agency_id, now() + interval '2 months') = :'third'
    AND facesnxt.policy_in_force(a.agency_id, '2020-01-01') IS NULL
FROM facesnxt.agency a WHERE a.code = 'P1';
-- who proposed may withdraw it
SET SESSION AUTHORIZATION regress_adm_a;
SELECT facesnxt.adopt_policy('P1', 'MI') AS fourth \gset
SELECT facesnxt.decide_policy(:'fourth', false, 'a mistake') IS NOT NULL;
SELECT facesnxt.decide_policy(gen_random_uuid(), true);
RESET SESSION AUTHORIZATION;
UPDATE facesnxt.policy_rule SET force = 'should';
DELETE FROM facesnxt.policy_purpose;
SET client_min_messages = warning;
TRUNCATE facesnxt.policy_version CASCADE;
RESET client_min_messages;

-- ---- documents that cannot be used
SET SESSION AUTHORIZATION regress_adm_a;
\set VERBOSITY default
SELECT facesnxt.propose_policy('P1', '[]');
SELECT facesnxt.propose_policy('P1', '{"title": "x"}');
SELECT facesnxt.propose_policy('P1', '{"title": "x", "purposes": [{"code": "a"}, 7], "rules": [8, {"rule": "no such"}]}');
SELECT facesnxt.propose_policy('P1', '{"title": "x", "rules": [{"rule": "units", "clause": "x", "value": [1]},
    {"rule": "reason", "clause": "x", "value": "yes"}, {"rule": "pace", "value": {}, "clause": ""}, {"rule": "mou", "clause": "x", "value": {}, "force": "may"}],
    "purposes": [{"code": "a", "description": "a", "clause": "x", "class": "fun", "fields": ["nothing"]},
    {"code": "a", "description": "a", "clause": "x", "class": "safety", "fields": "other_means"}]}');
SELECT facesnxt.propose_policy('XX', '{}');
SELECT facesnxt.adopt_policy('P1', 'none such');
\set VERBOSITY terse
RESET SESSION AUTHORIZATION;

-- ---- what each policy finds fault with: pure, from facts
SELECT count(facesnxt.create_agency('J' || code, 'judged by ' || code)) = 6 FROM facesnxt.shipped_policy;
SELECT count(facesnxt.adopt_policy('J' || code, code)) = 6 FROM facesnxt.shipped_policy;
CREATE TEMP TABLE good (code text, facts jsonb);
INSERT INTO good
SELECT s.code, jsonb_build_object('requested_at', '2026-03-01T12:00:00Z', 'reason', 'robbery of May 3', 'overrides', '{}'::jsonb,
    'repositories', '["driver_licence", "booking"]'::jsonb, 'purpose', s.purpose,
    'fields', '{"attested": true, "capture_basis": "lawful detention"}'::jsonb || s.fields::jsonb,
    'case', '{"number": "22-1", "status": "open", "incident_type": "robbery", "assigned": true}'::jsonb)
FROM (VALUES ('SP', 'criminal_investigation', '{}'), ('NM', 'criminal_investigation', '{}'), ('NS', 'criminal_investigation', '{}'),
    ('NP', 'witness_or_victim', '{}'), ('MI', 'criminal_investigation', '{}'), ('EXAMPLE', 'suspect', '{}')) s (code, purpose, fields);
-- the clauses of faults, without rules about accounts and requests, which have tests of their own
CREATE FUNCTION pg_temp.faults(agency text, change jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(j.clause || CASE WHEN j.reason_against IS NULL THEN '' ELSE ' set aside' END, ' ')
    FROM good g, facesnxt.agency a,
        facesnxt.judge(facesnxt.policy_in_force(a.agency_id, now()),
            g.facts || (change - 'fields' - 'case') || jsonb_build_object(
                'fields', g.facts->'fields' || coalesce(change->'fields', '{}'),
                'case', CASE WHEN change->'case' = 'null' THEN '{"number": null}' ELSE g.facts->'case' || coalesce(change->'case', '{}') END)) j
    WHERE g.code = agency AND a.code = 'J' || agency
        AND j.rule NOT IN ('account_in_order', 'mou', 'units', 'request_desk', 'subsequent', 'pace', 'still_only')
$$;
CREATE TEMP TABLE judged (line int GENERATED ALWAYS AS IDENTITY, test text, agency text, change jsonb, expected text);
INSERT INTO judged (test, agency, change, expected) VALUES
    ('a search in order', 'SP', '{}', NULL),
    ('SP-I.A: no purpose', 'SP', '{"purpose": null}', 'SP-I.A'),
    ('SP-I.A: a purpose that is not listed', 'SP', '{"purpose": "curiosity"}', 'SP-I.A'),
    ('SP-I.B: the other criminal-justice purpose says which', 'SP', '{"purpose": "criminal_justice"}', 'SP-I.B'),
    ('SP-I.B: ... and passes', 'SP', '{"purpose": "criminal_justice", "fields": {"limb": "probation"}}', NULL),
    ('SP-I.B: internal affairs is no purpose', 'SP', '{"purpose": "internal_affairs"}', 'SP-I.A'),
    ('SP-I.A: without a case number', 'SP', '{"case": null}', NULL),
    ('a search in order', 'NM', '{}', NULL),
    ('NM-II.b: what is not authorised is refused', 'NM', '{"purpose": "threat"}', 'NM-VIII.A'),
    ('NM-VI.B.1: no case number', 'NM', '{"case": null}', 'NM-VI.B.1'),
    ('NM-VI.B.1: an unknown case', 'NM', '{"case": {"number": "x", "status": null}}', 'NM-VI.B.1'),
    ('NM-IX.A.2: a closed case', 'NM', '{"case": {"status": "closed"}}', 'NM-IX.A.2'),
    ('NM-IX.A.2: a case of somebody else', 'NM', '{"case": {"assigned": false}}', 'NM-IX.A.2'),
    ('NM-IV.J: an advisory rule is set aside for a reason', 'NM', '{"case": {"assigned": false}, "overrides": {"case_assigned": "partner is ill"}}', 'NM-IX.A.2 set aside'),
    ('NM-IV.J: a mandatory one is not', 'NM', '{"case": {"status": "closed"}, "overrides": {"case_open": "please"}}', 'NM-IX.A.2'),
    ('NM-IV.J: nor is an empty reason one', 'NM', '{"case": {"assigned": false}, "overrides": {"case_assigned": " "}}', 'NM-IX.A.2'),
    ('NM-VI.C: no reason', 'NM', '{"reason": " "}', 'NM-VI.C'),
    ('NM-IX.A.5: not attested', 'NM', '{"fields": {"attested": false}}', 'NM-IX.A.5'),
    ('NM-VIII.A.1: suspects, witnesses, victims', 'NM', '{"purpose": "criminal_investigation"}', NULL),
    ('NM-VIII.A.2: lawfully detained, which limb', 'NM', '{"purpose": "lawfully_detained"}', 'NM-VIII.A.2'),
    ('NM-VIII.A.2: ... refusing', 'NM', '{"purpose": "lawfully_detained", "fields": {"limb": "refuses to identify"}}', NULL),
    ('NM-VIII.A.3: internal affairs', 'NM', '{"purpose": "internal_affairs"}', NULL),
    ('NM-VIII.A.4: in need of help', 'NM', '{"purpose": "needs_assistance"}', NULL),
    ('NM-VIII.A.5: unidentified deceased', 'NM', '{"purpose": "deceased"}', NULL),
    ('NM-VIII.A.5: fraud is not listed', 'NM', '{"purpose": "identity_fraud"}', 'NM-VIII.A'),
    ('a search in order', 'NS', '{}', NULL),
    ('NS-B: what is not authorised is refused', 'NS', '{"purpose": "internal_affairs"}', 'NS-32.6.2'),
    ('NS-32.6.2.1: during an investigation only', 'NS', '{"case": {"status": "closed"}}', 'NS-32.6.2.1'),
    ('NS-32.6.2.2: no other means tried', 'NS', '{"purpose": "lawfully_detained"}', 'NS-32.6.2'),
    ('NS-32.6.2.2: other means tried', 'NS', '{"purpose": "lawfully_detained", "fields": {"other_means": "DAVID, fingerprints"}}', NULL),
    ('NS-32.6.2.3: a threat to safety needs no notice', 'NS', '{"purpose": "threat", "fields": {"threat": "a bomb", "health_threat": false}}', NULL),
    ('NS-32.6.2.3: one to health does', 'NS', '{"purpose": "threat", "fields": {"threat": "measles", "health_threat": true}}', 'NS-32.6.2.3'),
    ('NS-32.6.2.3: and before the search', 'NS', '{"purpose": "threat", "fields": {"threat": "measles", "health_threat": true, "chief_notified_by": "phone", "chief_notified_at": "2026-03-01T12:00:01Z"}}', 'NS-32.6.2.3'),
    ('NS-32.6.6.5: the Chief was notified before', 'NS', '{"purpose": "threat", "fields": {"threat": "measles", "health_threat": true, "chief_notified_by": "phone", "chief_notified_at": "2026-03-01T11:00:00Z"}}', NULL),
    ('NS-32.6.2.4: unable to identify, which limb', 'NS', '{"purpose": "unable_to_identify"}', 'NS-32.6.2'),
    ('NS-32.6.2.4: ... at risk', 'NS', '{"purpose": "unable_to_identify", "fields": {"limb": "at risk"}}', NULL),
    ('NS-32.6.5.3: not attested', 'NS', '{"fields": {"attested": null}}', 'NS-32.6.5.3'),
    ('NS-32.6.6.1: no type of investigation', 'NS', '{"case": null}', 'NS-32.6.6.1'),
    ('NS-32.6.6.1: the type without a case', 'NS', '{"case": null, "fields": {"incident_type": "missing person"}}', NULL),
    ('NS-32.6.6.2: no reason', 'NS', '{"reason": null}', 'NS-32.6.6.2'),
    ('a search in order', 'NP', '{}', NULL),
    ('NP-IV: what is not authorised is refused', 'NP', '{"purpose": "internal_affairs"}', 'NP-VI.A'),
    ('NP-VI.A.1.a: suspicion is articulated', 'NP', '{"purpose": "reasonable_suspicion", "fields": {"limb": "has committed"}}', 'NP-VI.A'),
    ('NP-VI.A.1.{a,b,c}: suspicion and limb', 'NP', '{"purpose": "reasonable_suspicion", "fields": {"limb": "is planning", "suspicion": "seen with tools"}}', NULL),
    ('NP-VI.A.2: an active investigation', 'NP', '{"purpose": "active_investigation"}', NULL),
    ('NP-VI.A.2: not of a closed case', 'NP', '{"purpose": "active_investigation", "case": {"status": "closed"}}', 'NP-VI.A.2'),
    ('NP-VI.A.3: unable to identify', 'NP', '{"purpose": "unable_to_identify", "fields": {"limb": "deceased"}}', NULL),
    ('NP-VI.A.3.note: no consent, and nothing said', 'NP', '{"fields": {"consent": false}}', 'NP-VI.A.3.note'),
    ('NP-VI.A.3.note: one half of it', 'NP', '{"fields": {"consent": false, "why_no_consent": "unconscious"}}', 'NP-VI.A.3.note'),
    ('NP-VI.A.3.note: both', 'NP', '{"fields": {"consent": false, "why_no_consent": "unconscious", "submission_purpose": "find the family"}}', NULL),
    ('NP-VI.A.4: tips', 'NP', '{"purpose": "tip", "fields": {"tip": "hotline, May 2"}}', NULL),
    ('NP-VI.A.5: fraud', 'NP', '{"purpose": "identity_fraud", "fields": {"conflicting_documents": "two licences"}}', NULL),
    ('NP-VI.A.6: witnesses and victims', 'NP', '{"purpose": "witness_or_victim"}', NULL),
    ('NP-VI.A.7: critical incident', 'NP', '{"purpose": "critical_incident", "fields": {"incident": "school"}}', NULL),
    ('NP-VI.A.8: concealment and suspicion', 'NP', '{"purpose": "concealing_identity", "fields": {"concealment": "false name"}}', 'NP-VI.A'),
    ('NP-VI.A.8: both', 'NP', '{"purpose": "concealing_identity", "fields": {"concealment": "false name", "suspicion": "wanted"}}', NULL),
    ('NP-VI.B.5: no legal basis of the photograph', 'NP', '{"fields": {"capture_basis": "None"}}', 'NP-VI.B.5'),
    ('NP-VI.B.5: not stated', 'NP', '{"fields": {"capture_basis": null}}', 'NP-VI.B.5'),
    ('NP-VI.B.7.e: not attested', 'NP', '{"fields": {"attested": false}}', 'NP-VI.B.7.e'),
    ('a search in order', 'MI', '{}', NULL),
    ('MI-4.5.3.1: a case only if applicable', 'MI', '{"case": null, "fields": {"incident_type": "found person"}}', NULL),
    ('MI-4.5.3.1: but an incident type', 'MI', '{"case": null}', 'MI-4.5.3.1'),
    ('MI-4.5.3.1: a case that is named exists', 'MI', '{"case": {"number": "x", "status": null}}', 'MI-4.5.3.1'),
    ('MI-4.5.1.{a,b}: internal affairs', 'MI', '{"purpose": "internal_affairs"}', NULL),
    ('MI-4.5.1.{c,d}: deceased', 'MI', '{"purpose": "deceased"}', NULL),
    ('MI-4.5.1.e: lawfully detained, which limb', 'MI', '{"purpose": "lawfully_detained"}', 'MI-4.5.1.e'),
    ('MI-4.1: a threat is not on the closed list', 'MI', '{"purpose": "threat"}', 'MI-4.5.1'),
    ('MI-4.5.2.c: not attested', 'MI', '{"fields": {"attested": false}}', 'MI-4.5.2.c'),
    ('NM-IX.A.1: personal use is no purpose', 'NM', '{"purpose": "personal"}', 'NM-VIII.A'),
    ('NM-IX.A.6: nor is any other', 'NM', '{"purpose": "marketing"}', 'NM-VIII.A'),
    ('NM-II.a: investigating crime and helping people are', 'NM', '{"purpose": "needs_assistance"}', NULL),
    ('NS-32.6.5.1: personal use is no purpose', 'NS', '{"purpose": "personal"}', 'NS-32.6.2'),
    ('NS-32.6.5.2: nor is harassment', 'NS', '{"purpose": "harassment"}', 'NS-32.6.2'),
    ('NS-32.6.5.4: nor is any other', 'NS', '{"purpose": "marketing"}', 'NS-32.6.2'),
    ('NP-VI.B.7.{a,b}: personal or unlawful use is no purpose', 'NP', '{"purpose": "personal"}', 'NP-VI.A'),
    ('NP-VI.B.7.c: nor is harassment', 'NP', '{"purpose": "harassment"}', 'NP-VI.A'),
    ('NP-VI.B.7.d: nor is any other', 'NP', '{"purpose": "marketing"}', 'NP-VI.A'),
    ('NP-III: solving crime is', 'NP', '{"purpose": "active_investigation"}', NULL),
    ('MI-4.5.2.a: personal use is no purpose', 'MI', '{"purpose": "personal"}', 'MI-4.5.1'),
    ('MI-4.5.2.b: nor is harassment', 'MI', '{"purpose": "harassment"}', 'MI-4.5.1'),
    ('MI-4.5.2.e: nor is any other', 'MI', '{"purpose": "marketing"}', 'MI-4.5.1'),
    ('a search in order', 'EXAMPLE', '{}', NULL);
SELECT agency, test, pg_temp.faults(agency, change) IS NOT DISTINCT FROM expected AS as_expected,
    CASE WHEN pg_temp.faults(agency, change) IS DISTINCT FROM expected THEN pg_temp.faults(agency, change) END AS instead
FROM judged ORDER BY line;
DROP TABLE good, judged;
