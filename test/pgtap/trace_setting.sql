-- Threshold, model and index: nobody changes alone what searches depend on, and before and after are shown.
BEGIN;
SELECT no_plan();
SET LOCAL client_min_messages = warning;
SET LOCAL jit = off;
CREATE ROLE set_one; CREATE ROLE set_two; CREATE ROLE set_own; CREATE ROLE set_else; CREATE ROLE set_inv;
GRANT facesnxt_admin TO set_one, set_two, set_own, set_else;
GRANT facesnxt_investigator TO set_inv;
CREATE FUNCTION pg_temp.try(role name, command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', role);
    EXECUTE command INTO answer;
    RESET SESSION AUTHORIZATION;
    RETURN coalesce(answer, 'done');
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END
$$;
SELECT facesnxt.create_agency('SET', 'Setting'), facesnxt.create_agency('ELSE_SET', 'Else') \g /dev/null
SELECT facesnxt.adopt_policy(a, 'EXAMPLE') FROM unnest('{SET,ELSE_SET}'::text[]) a \g /dev/null
SELECT facesnxt.open_account('SET', 'set_own'), facesnxt.open_account('ELSE_SET', 'set_else') \g /dev/null
CREATE FUNCTION pg_temp.face(i int, likeness float8 DEFAULT 1, variant int DEFAULT 1) RETURNS facesnxt.embedding LANGUAGE sql AS $$
    SELECT facesnxt.disturb(facesnxt.disturb(facesnxt.with_model(array_fill(1::real, ARRAY[33])::facesnxt.embedding, '0000004a'), 0, i), likeness, variant)
$$;
CREATE TEMP TABLE someone AS SELECT i, md5('s' || i)::uuid AS id, md5('t' || i)::uuid AS reference FROM generate_series(1, 400) i;
INSERT INTO facesnxt.person (person_id, name) SELECT id, 'Any' FROM someone;
INSERT INTO facesnxt.person_detail (person_id, gender, changed_by) SELECT id, CASE WHEN i % 2 = 0 THEN 'F' ELSE 'M' END, 'test' FROM someone WHERE i <= 300;
INSERT INTO facesnxt.reference_image (reference_id, person_id, identity_source, enrolled_by) SELECT reference, id, 'fingerprint', 'test' FROM someone;
INSERT INTO facesnxt.reference (reference_id, person_id, repository, template) SELECT reference, id, 'booking', pg_temp.face(i) FROM someone;
INSERT INTO facesnxt.model (name, kind, fingerprint, sha256, onnx, input_width, input_height, channel_order, mean, scale, outputs, dimension, licence, in_use)
SELECT 'set ' || f, 'recogniser', f, sha256(f::bytea), '', 112, 112, 'RGB', '{0,0,0}', 1, '{out}', 33, 'none', f = '0000004a' AND NOT EXISTS (SELECT FROM facesnxt.model m WHERE m.in_use AND m.kind = 'recogniser')
FROM unnest('{0000004a,0000004b}'::text[]) f;
SELECT is(pg_temp.try('set_one', $$SELECT facesnxt.use_model('set 0000004b')$$), '', 'before there are searches a model is chosen by one person');
SELECT is(pg_temp.try('set_one', $$SELECT facesnxt.use_model('set 0000004a')$$), '', 'and another');

INSERT INTO facesnxt.search (status, agency_id, agency, account_id, version_id, purpose, reason, facts, probe_kept, model, requested_at, repositories, candidate_limit,
    references_compared, references_other_model, candidates, exact, session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start)
SELECT 'completed', a.agency_id, 'SET', gen_random_uuid(), facesnxt.policy_in_force(a.agency_id, clock_timestamp()), 'criminal', n::text, '{}', false, '0000004a', now(), '{booking}', 10,
    400, 0, 10, true, 'x', 10, 'x', 10, 1, now() FROM facesnxt.agency a, generate_series(1, 20) n WHERE a.code = 'SET';
INSERT INTO facesnxt.probe_template (search_id, model, template) SELECT s.search_id, s.model, pg_temp.face(s.reason::int, 0.8, 7) FROM facesnxt.search s WHERE s.agency = 'SET';
INSERT INTO facesnxt.candidate (search_id, rank, person_id, reference_id, repository, score, model)
SELECT s.search_id, l.rank, l.person_id, l.reference_id, l.repository, l.score, s.model FROM facesnxt.search s JOIN facesnxt.probe_template t USING (search_id),
    jsonb_to_recordset(facesnxt.rank_persons(t.template, '{booking}', 10, NULL)) AS l (rank int, person_id uuid, reference_id uuid, repository text, score real) WHERE s.agency = 'SET';
INSERT INTO facesnxt.outcome (search_id, determination, person_id, corroboration, recorded_by, account_id)
SELECT s.search_id, 'lead confirmed', w.id, 'papers', 'x', s.account_id FROM facesnxt.search s JOIN someone w ON w.i = s.reason::int WHERE s.agency = 'SET' AND s.reason::int <= 15;
SELECT facesnxt.sample_impostors('0000004a', 400, 'one') \g /dev/null

-- ---- a threshold
SELECT is(pg_temp.try(r, $$SELECT facesnxt.propose_setting('threshold', '0.6', 'fewer', 'SET')$$), e, format('%s proposes a threshold: %s', r, e)) FROM (VALUES ('set_inv', '42501'), ('set_else', '42704')) v (r, e);
SELECT is(pg_temp.try('set_own', format('SELECT facesnxt.propose_setting(%L, %L, NULL, %L)', k, v, a)), e, format('%s %s of %s: %s', k, v, a, e))
FROM (VALUES ('threshold', '2', 'SET', '22023'), ('threshold', '0.5', NULL, '22023'), ('hue', '1', 'SET', '22023'), ('recogniser', 'set 0000004b', NULL, '42501'), ('recogniser', 'none', NULL, '22023')) t (k, v, a, e);
SELECT pg_temp.try('set_one', $$SELECT facesnxt.propose_setting('threshold', '0.6', 'fewer', 'SET')$$) AS threshold \gset
SELECT is((SELECT (e->'searches', e->'before'->'candidates', e->'after'->'candidates', e->'before'->'confirmed_found', e->'after'->'confirmed_found', e->'after'->'confirmed_first')::text
           FROM facesnxt.setting_proposal p, LATERAL (SELECT p.evidence AS e) v WHERE p.proposal_id = :'threshold'),
    (SELECT (20, 200, count(*), 15, 15, 15)::text FROM facesnxt.candidate c JOIN facesnxt.search s USING (search_id) WHERE s.agency = 'SET' AND c.score >= 0.6), 'NM-II.c: a threshold comes with its before and after');
SELECT is((SELECT (e->'after'->'by_sex'->'f'->>'candidates')::int + (e->'after'->'by_sex'->'m'->>'candidates')::int + coalesce((e->'after'->'by_sex'->'not stated'->>'candidates')::int, 0) = (e->'after'->>'candidates')::int
           FROM facesnxt.setting_proposal p, LATERAL (SELECT p.evidence AS e) v WHERE p.proposal_id = :'threshold'), true, 'MI-4.4.b: by sex, too');
SELECT ok((e->'before'->>'mean_fpir')::float8 > (e->'after'->>'mean_fpir')::float8, 'and chance gives fewer candidates') FROM facesnxt.setting_proposal p, LATERAL (SELECT p.evidence AS e) v WHERE p.proposal_id = :'threshold';
SELECT is((SELECT p.evidence::text ~ (SELECT string_agg(w.id::text, '|') FROM someone w) FROM facesnxt.setting_proposal p WHERE p.proposal_id = :'threshold'), false, 'evidence names nobody');
SELECT is(pg_temp.try('set_one', format('SELECT facesnxt.decide_setting(%L, true)', :'threshold')), 'NX464', 'NM-II.c: who proposed does not put it into effect');
SELECT is(pg_temp.try('set_else', format('SELECT facesnxt.decide_setting(%L, true)', :'threshold')), '42704', 'SP-II.A: nor does another agency''s administrator');
SELECT is(facesnxt.agency_threshold(agency_id), NULL, 'until then nothing changes') FROM facesnxt.agency WHERE code = 'SET';
SELECT is(pg_temp.try('set_two', format('SELECT facesnxt.decide_setting(%L, true, %L)', :'threshold', 'seen')), '', 'a second person does');
SELECT is(facesnxt.agency_threshold(agency_id), CASE code WHEN 'SET' THEN 0.6::real END, 'for this agency: ' || code) FROM facesnxt.agency WHERE code IN ('SET', 'ELSE_SET');
SELECT is(pg_temp.try('set_two', format('SELECT facesnxt.decide_setting(%L, false)', :'threshold')), '42704', 'what is decided is decided');
SELECT pg_temp.try('set_one', $$SELECT facesnxt.propose_setting('threshold', '0.9', 'too few', 'SET')$$) AS rejected \gset
SELECT is(pg_temp.try('set_one', format('SELECT facesnxt.decide_setting(%L, false)', :'rejected')), '', 'who proposed may reject');
SELECT is(facesnxt.agency_threshold(agency_id), 0.6::real, 'which changes nothing') FROM facesnxt.agency WHERE code = 'SET';

-- ---- an index
SELECT is(pg_temp.try('set_one', $$SELECT facesnxt.index_references('0000004a')$$), 'NX463', 'NM-II.c: an index of references that are searched is not one person''s');
SELECT pg_temp.try('set_one', $$SELECT facesnxt.propose_setting('index', '0000004a')$$) AS index \gset
SELECT is(to_regclass('facesnxt.reference_template_0000004a'), NULL, 'an index that was tried is gone');
SELECT is((SELECT (e->'searches', e->'after'->'candidates', e->'after'->'of_the_other_list')::text FROM facesnxt.setting_proposal p, LATERAL (SELECT p.evidence AS e) v WHERE p.proposal_id = :'index'),
    '(20,200,200)', 'NM-II.c: it was tried on 20 searches and missed nobody');
SELECT is(pg_temp.try('set_two', format('SELECT facesnxt.decide_setting(%L, true)', :'index')), '', 'a second person has it made');
SELECT isnt(to_regclass('facesnxt.reference_template_0000004a'), NULL, 'and it is there');

-- ---- a model
SELECT is(pg_temp.try('set_one', $$SELECT facesnxt.use_model('set 0000004b')$$), 'NX463', 'NM-II.c: the model of searches that were made is not one person''s');
SELECT pg_temp.try('set_one', $$SELECT facesnxt.propose_setting('recogniser', 'set 0000004b')$$) AS model \gset
SELECT is((SELECT p.evidence->>'searches' FROM facesnxt.setting_proposal p WHERE p.proposal_id = :'model'), '0', 'without photographs there is nothing to try it on, which is said');
SELECT is(pg_temp.try('set_one', format('SELECT facesnxt.decide_setting(%L, true)', :'model')), 'NX464', 'not by one');
SELECT is(pg_temp.try('set_two', format('SELECT facesnxt.decide_setting(%L, true)', :'model')), '', 'by two');
SELECT is((SELECT name FROM facesnxt.model WHERE in_use AND kind = 'recogniser'), 'set 0000004b', 'it is in use');
SELECT * FROM finish();
ROLLBACK;
