-- Verification 1:1, and exigent searches, under the policies of North Port and
-- New Smyrna Beach without their rules on accounts; agencies are those of
-- request.sql and probe.sql.
\pset tuples_only on
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE ROLE regress_ns LOGIN;
SET ROLE regress_admin;
SELECT facesnxt.create_agency('NS', 'New Smyrna Beach') IS NOT NULL;
SELECT facesnxt.adopt_policy('NS', document => public.without('NS', '{}')) IS NOT NULL;
SELECT facesnxt.open_account('NS', 'regress_ns') IS NOT NULL;
SELECT facesnxt.set_account_status('regress_ns', 'active', NULL);
SELECT facesnxt.open_case('NS', 'S-1', 'threat') IS NOT NULL;
SELECT facesnxt.enrol_template(facesnxt.with_model('[3,4,0]', '000000a1'), facesnxt.create_person('V. Erified'), 'booking', 'fingerprint') AS reference \gset
SET ROLE regress_np;
\set np '\'{"attested": true, "capture_basis": "arrest"}\''
SELECT facesnxt.verify_template(facesnxt.with_model('[1,0,0]', '000000a1'), 'N-1', 'shopping', 'one', :'reference');
SELECT facesnxt.verify_template(facesnxt.with_model('[1,0,0]', '000000a1'), 'N-1', 'active_investigation', 'two', :'reference');
SELECT facesnxt.verify_template(facesnxt.with_model('[1,0,0]', '000000a2'), 'N-1', 'active_investigation', 'three', :'reference', :np);
SELECT facesnxt.verify_template(facesnxt.with_model('[1,0,0]', '000000a1'), 'N-1', 'active_investigation', 'four', '00000000-0000-0000-0000-000000000000', :np);
SELECT facesnxt.verify_template(facesnxt.with_model('[1,0,0]', '000000a1'), 'N-1', 'active_investigation', 'five', NULL, :np);
SELECT facesnxt.verify(jpeg(1) || jpeg(1), 'N-1', 'active_investigation', 'six', :'reference', fields => :np);
BEGIN;
SELECT score = 0.6::real AND model = '000000a1' FROM facesnxt.verify_template(facesnxt.with_model('[1,0,0]', '000000a1'), 'N-1', 'active_investigation', 'seven', :'reference', :np);
ROLLBACK;
SELECT array_agg(concat(reason, ' ', status, ' ', sqlstate, ' ', score) ORDER BY recorded_at) FROM facesnxt.my_verifications;
-- no search, and of its own kind
SELECT count(*) = 0 FROM facesnxt.my_searches WHERE reason IN ('one', 'seven');
SELECT facesnxt.compare_pair(NULL, '[1,0,0]', NULL, NULL, NULL, :'reference', NULL, NULL, NULL, NULL);
-- other agencies see none
SET ROLE regress_ns;
SELECT count(*) = 0 FROM facesnxt.my_verifications;
RESET ROLE;
UPDATE facesnxt.verification SET score = 1 WHERE reason = 'seven';
SELECT count(*) = 1 FROM facesnxt.verification WHERE acting_role = 'regress_np' AND probe_sha256 = sha256(jpeg(1) || jpeg(1)) AND status = 'refused';
-- a verification counts for the pace
SELECT jsonb_array_length(facesnxt.pace_facts(a, jsonb_build_object('requested_at', now()))->'ages') = 1 FROM facesnxt.account a WHERE role = 'regress_np'::regrole;

-- exigent: North Port
SET ROLE regress_np;
CREATE FUNCTION pg_temp.hurry(purpose text, fields jsonb, case_number text DEFAULT NULL, reason text DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM facesnxt.search_template(facesnxt.with_model('[1,0,0]', '000000a1'), case_number, purpose, reason,
        candidates => 2, fields => '{"attested": true, "capture_basis": "security camera"}' || fields) $$;
-- without it the case must be known
SELECT pg_temp.hurry('active_investigation', '{}', 'N-7');
SELECT pg_temp.hurry('active_investigation', '{"exigent": true}', 'N-7');
SELECT pg_temp.hurry('witness_or_victim', '{"exigent": true, "threat": "shooter"}', 'N-7');
SELECT pg_temp.hurry('active_investigation', '{"exigent": true, "threat": "shooter"}', 'N-7') = 2;
-- no other kind of use goes before its papers
SELECT facesnxt.verify_template(facesnxt.with_model('[1,0,0]', '000000a1'), 'N-7', 'active_investigation', 'eight', :'reference',
    '{"attested": true, "capture_basis": "security camera", "exigent": true, "threat": "shooter"}');
-- it leaves out papers, no other rule
SELECT pg_temp.hurry('active_investigation', '{"exigent": true, "threat": "shooter", "attested": false}', 'N-7');
SELECT pg_temp.hurry('shopping', '{"exigent": true, "threat": "shooter"}', 'N-7');
SELECT state = 'open' AND due_at = recorded_at + interval '24 hours' AND threat = 'shooter' FROM facesnxt.my_exigent;
SELECT set_aside->'case_number'->>'reason' FROM facesnxt.my_searches WHERE fields->>'exigent' = 'true' AND status = 'completed';
SELECT search_id AS exigent FROM facesnxt.my_exigent \gset
SELECT facesnxt.complete_papers(:'exigent');
SELECT facesnxt.complete_papers(:'exigent', 'N-1', fields => '{"nonsense": 1}');
SET ROLE regress_ns;
SELECT facesnxt.complete_papers(:'exigent', 'S-1');
SET ROLE regress_np;
SELECT facesnxt.complete_papers(:'exigent', 'N-1', 'the shooter was seen');
SELECT state = 'completed' AND completed_by = 'regress_np' FROM facesnxt.my_exigent;
SELECT facesnxt.complete_papers(:'exigent', 'N-1');
-- New Smyrna Beach: the Chief is notified before, exigent or not; reason and type can follow
SET ROLE regress_ns;
SELECT pg_temp.hurry('threat', '{"exigent": true, "threat": "outbreak", "health_threat": true}');
SELECT pg_temp.hurry('criminal_investigation', '{"exigent": true, "threat": "outbreak"}');
SELECT pg_temp.hurry('threat', '{"threat": "bomb", "health_threat": false}');
SELECT pg_temp.hurry('threat', '{"exigent": true, "threat": "bomb"}') = 2;
SELECT search_id AS exigent FROM facesnxt.my_exigent \gset
SELECT facesnxt.complete_papers(:'exigent', 'S-1', 'bomb');
SELECT facesnxt.complete_papers(:'exigent', 'S-1', fields => '{"health_threat": false}');
-- overdue: the account cannot be exigent again, but search with all its papers
RESET ROLE;
SET session_replication_role = replica;
ALTER TABLE facesnxt.search DISABLE TRIGGER search_append_only;
UPDATE facesnxt.search SET recorded_at = recorded_at - interval '2 days' WHERE search_id = :'exigent';
ALTER TABLE facesnxt.search ENABLE ALWAYS TRIGGER search_append_only;
RESET session_replication_role;
SELECT state = 'overdue' FROM facesnxt.exigent_search WHERE search_id = :'exigent';
SET ROLE regress_ns;
SELECT pg_temp.hurry('threat', '{"exigent": true, "threat": "bomb"}');
SELECT pg_temp.hurry('threat', '{"threat": "bomb", "health_threat": false}', 'S-1', 'bomb') = 2;
SELECT facesnxt.complete_papers(:'exigent', 'S-1', 'bomb', '{"health_threat": false}');
SELECT state = 'completed late' FROM facesnxt.my_exigent WHERE search_id = :'exigent';
SELECT pg_temp.hurry('threat', '{"exigent": true, "threat": "bomb"}') = 2;
-- where the policy knows no exigency, the word changes nothing
SET ROLE regress_nm;
SELECT facesnxt.search_template('[1,0,0]', 'nowhere', 'criminal', fields => '{"exigent": true, "threat": "x"}');
RESET ROLE;
SELECT array_agg(concat(sqlstate, ' ', clause) ORDER BY recorded_at) FROM facesnxt.search WHERE acting_role IN ('regress_np', 'regress_ns') AND fields ? 'threat' AND status = 'refused';
