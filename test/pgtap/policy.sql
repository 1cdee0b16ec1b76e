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

SELECT * FROM finish();
ROLLBACK;
