-- What the policies take for granted: that there is a place for each thing, and nobody outside the rules.
BEGIN;
SELECT no_plan();

SELECT has_table('facesnxt', t, c) FROM (VALUES
    ('reference', 'SP-III.A, NS-D.1: references are compared with'),
    ('probe', 'SP-III.E, NS-D.1: probes are apart from them'),
    ('agency', 'SP-III.B, NP-V.4, MI-4.3.6: one host, many agencies'),
    ('course_version', 'NS-D.2: training'),
    ('person_detail', 'SP-III.B: subject information'),
    ('identification', 'SP-III.D, MI-4.3.4: identifying is a step of its own'),
    ('policy_version', 'NM-I, NS-A, NP-I: a policy is kept as it was issued')) v (t, c);
SELECT is(document->>'title' <> '' AND document->>'number' <> '' AND jsonb_array_length(document->'rules') > 10, true,
    c || ': the policy of ' || s.code || ' is there')
FROM facesnxt.shipped_policy s JOIN (VALUES ('NM', 'NM-I'), ('NS', 'NS-A'), ('NP', 'NP-I')) v (code, c) USING (code);
SELECT is(r->>'value', 'investigative_section_commander', 'NM-I: it says who manages accounts')
FROM facesnxt.shipped_policy s, jsonb_array_elements(s.document->'rules') r WHERE s.code = 'NM' AND r->>'rule' = 'account_manager';

-- SP-III.C, NM-IV.H, NP-V.2, MI-4.3.3: a candidate is a lead: no column and no state says that it is more
SELECT is((SELECT count(*) FROM information_schema.columns i WHERE i.table_schema = 'facesnxt' AND i.table_name = 'candidate'
    AND i.column_name ~ 'identif|match|confirm'), 0::bigint, c || ': no candidate is identified')
FROM unnest(ARRAY['SP-III.C', 'NM-IV.H', 'NP-V.2', 'MI-4.3.3']) c;

-- SP-IV.A.1.a, SP-IV.A.1.b: a registration is an event, with the address it came from
SELECT has_column('facesnxt', 'account_event', v.name, v.clause || ': ' || v.name || ' of a registration')
FROM (VALUES ('at', 'SP-IV.A.1.a'), ('client_address', 'SP-IV.A.1.b')) v (name, clause);

-- SP-IV.B.1: the identity of every attempt is the session's, both roles of it
SELECT col_not_null('facesnxt', 'search', name, 'SP-IV.B.1: ' || name)
FROM unnest(ARRAY['session_role', 'session_oid', 'acting_role', 'acting_oid', 'backend_pid']::name[]) name;
SELECT is(count(*), 0::bigint, 'SP-IV.B.1: no function that searches takes a name')
FROM pg_proc p WHERE p.pronamespace = 'facesnxt'::regnamespace AND p.proname IN ('search', 'search_template', 'verify', 'open_search')
    AND p.proargnames && ARRAY['role', 'account', 'account_id', 'username', 'officer'];

-- NM-IV.D: of which repository a reference is, and which were searched
SELECT col_not_null('facesnxt', 'reference', 'repository', 'NM-IV.D: every reference has a repository');
SELECT col_not_null('facesnxt', 'search', 'repositories', 'NM-IV.D: every search says which it searched');

-- NM-III: nobody is exempt, a superuser without account least of all
SELECT throws_ok($$SELECT * FROM facesnxt.search_template('[1,0]', '1', 'criminal')$$, 'NX301', NULL, 'NM-III: a superuser has no account either');
-- NS-32.6.8: and that was recorded
SELECT is(count(*) > 0, true, 'NS-32.6.8: an attempt is recorded, whoever made it')
FROM facesnxt.search WHERE sqlstate = 'NX301' AND acting_role = current_user;
-- NP-VI.C.3.a: auditable by somebody apart
SELECT is(has_table_privilege('facesnxt_auditor', 'facesnxt.search', 'SELECT')
    AND NOT has_function_privilege('facesnxt_auditor', 'facesnxt.set_account_status(regrole, text, text)', 'EXECUTE'), true,
    'NP-VI.C.3.a: auditors read and do not administer');

-- NM-II.b: a document that says something that no rule understands cannot be proposed
CREATE ROLE tap_proposer; GRANT facesnxt_admin TO tap_proposer;
SELECT facesnxt.create_agency('HOSTILE', 'Hostile');
SET ROLE tap_proposer;
SELECT throws_ok(format($$SELECT facesnxt.propose_policy('HOSTILE', '{"title": "t", "purposes": [], "rules": [{"rule": "%s", "clause": "x", "value": %s}]}')$$,
    rule, value), 'NX312', NULL, format('NM-II.b: hostile document: %s: %s', rule, value))
FROM (VALUES
    ('pace', '{}'), ('pace', '{"searches": 3}'), ('pace', '{"searches": 3, "minutes": "abc"}'), ('pace', '{"searches": 0, "minutes": 10}'),
    ('pace', '{"searches": 1e400, "minutes": 10}'), ('pace', '{"searches": 2.5, "minutes": 10}'), ('pace', '{"searches": 3, "minutes": 100000}'),
    ('pace', '{"searches": 3, "minutes": -1}'), ('pace', '{"minutes": 10}'), ('pace', '{"search": 3, "searches": 3, "minutes": 10}'),
    ('exigent', '{}'), ('exigent', '{"hours": -1, "papers": []}'), ('exigent', '{"hours": 24, "papers": ["account_in_order"]}'),
    ('exigent', '{"hours": 24, "papers": "reason"}'), ('exigent', '{"hours": 24, "papers": [], "purposes": {}}'), ('exigent', '{"hours": null, "papers": []}'),
    ('mou', '{"booking": "sheriff"}'), ('mou', '{"booking": [1]}'), ('mou', '{"driver_license": ["sheriff"]}'),
    ('report', '{"days": 7}'), ('report', '{"kind": "r", "days": 1e10}'), ('report', '{"kind": "r", "items": {}}'), ('report', '{"kind": ["r"]}'),
    ('public_records', '{"exempt": "yes", "statute": "s"}'), ('public_records', '{}'),
    ('case_number', '"Required"'), ('case_number', '""'), ('not_sole_basis', '["Arrest"]'), ('supervisor_before', '["arrest "]'),
    ('determination_before', '["all"]'), ('purpose_classes', '["criminal"]'), ('worksheet', '["soul"]'),
    ('outcome_days', '1.5'), ('outcome_days', '-1'), ('outcome_days', '1e100'), ('substantiation_days', '3000000000'),
    ('verification_hours', '1e300'), ('licences', '-1'), ('licences', 'null'), ('licences', '"1"')) v (rule, value);
SELECT throws_ok(format($$SELECT facesnxt.propose_policy('HOSTILE', %L)$$, document), 'NX312', NULL, 'NM-II.b: hostile document: ' || document)
FROM unnest(ARRAY['null', '[]', '"x"', '{}', '{"title": "t"}', '{"title": "t", "purposes": {}, "rules": []}', '{"title": "t", "purposes": ["p"], "rules": []}',
    '{"title": "t", "purposes": [null], "rules": []}', '{"title": "t", "purposes": [], "rules": [null]}', '{"title": "t", "purposes": [], "rules": ["pace"]}',
    '{"title": "t", "purposes": [], "rules": [{"rule": ["pace"], "clause": "x", "value": {}}]}',
    '{"title": "t", "purposes": [], "rules": [{"rule": "pace"}]}',
    '{"title": "t", "purposes": [], "rules": [{"rule": "reason", "clause": "x", "value": true}, {"rule": "reason", "clause": "x", "value": false}]}',
    '{"title": "t", "purposes": [{"code": "a", "description": "d", "class": "safety", "clause": "x", "fields": [["tip"]]}], "rules": []}',
    '{"title": "t", "purposes": [{"code": "a", "description": "d", "class": "safety", "clause": "x", "incident_types": "any"}], "rules": []}']) document;
SELECT is(array_length(ARRAY(SELECT facesnxt.policy_faults('{"title": "t", "purposes": [], "rules": [{"rule": "licences", "clause": "x", "value": -1}]}')), 1), 1,
    'an administrator can ask what is wrong with a document');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
