-- Old searches run again: what was there then, who may, and what is said of it.
-- The record is the writer's, which sees what is committed: no transaction around this.
SELECT no_plan();
SET client_min_messages = warning;

CREATE ROLE replay_inv; CREATE ROLE replay_adm; CREATE ROLE replay_aud; CREATE ROLE replay_other; CREATE ROLE replay_both;
GRANT facesnxt_investigator TO replay_inv, replay_both;
GRANT facesnxt_admin TO replay_adm;
GRANT facesnxt_auditor TO replay_aud, replay_other, replay_both;
\ir common/try.psql
-- templates of 16 numbers: number i, of model 0000001e
CREATE FUNCTION pg_temp.face(i int) RETURNS facesnxt.embedding LANGUAGE sql IMMUTABLE AS $$
    SELECT facesnxt.with_model(array_agg(sin(i * 12.9898 + k * 78.233 + sin(i * 3.7 * k)) ORDER BY k)::real[]::facesnxt.embedding, '0000001e')
    FROM generate_series(1, 16) k
$$;
CREATE TEMP TABLE enrolled (number int, person_id uuid, reference_id uuid, since int, until int);
-- agencies, accounts, cases; the numbers of the first hundred faces
SELECT count(facesnxt.create_agency(a, a)) FROM unnest('{REPLAY,ELSE}'::text[]) a \g /dev/null
SELECT count(facesnxt.adopt_policy(a, document => '{"title": "Test",
    "purposes": [{"code": "criminal", "description": "criminal investigation", "class": "criminal_justice", "clause": "SP-I.B"}],
    "rules": [{"rule": "purpose_listed", "clause": "SP-I.A", "value": true}, {"rule": "case_number", "clause": "NM-VI.B.1", "value": "required"}]}'))
FROM unnest('{REPLAY,ELSE}'::text[]) a \g /dev/null
SELECT facesnxt.open_account('REPLAY', 'replay_inv'), facesnxt.open_account('REPLAY', 'replay_both'), facesnxt.open_account('ELSE', 'replay_other') \g /dev/null
SELECT facesnxt.set_account_status(r, 'active', NULL) FROM unnest('{replay_inv,replay_both,replay_other}'::regrole[]) r \g /dev/null
SELECT facesnxt.open_case('REPLAY', 'R-1', 'robbery') \g /dev/null
INSERT INTO enrolled (number, person_id, since) SELECT i, facesnxt.create_person('Replay ' || i), 0 FROM generate_series(1, 100) i;
UPDATE enrolled SET reference_id = facesnxt.enrol_template(pg_temp.face(number), person_id, 'booking', 'fingerprint');

CREATE PROCEDURE pg_temp.look(reason text, probe int, threshold real DEFAULT NULL, role name DEFAULT 'replay_inv') LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    PERFORM count(*) FROM facesnxt.search_template(pg_temp.face(probe), 'R-1', 'criminal', reason, candidates => 10, threshold => look.threshold);
    RESET ROLE;
END
$$;
CREATE FUNCTION pg_temp.found(reason text) RETURNS uuid LANGUAGE sql AS $$ SELECT s.search_id FROM facesnxt.search s WHERE s.reason = $1 AND s.status = 'completed' $$;
CREATE TEMP TABLE seen (step text, replay_id uuid, verdict text, person_id uuid, was_rank int, now_rank int, was_score real, now_score real, note text);
CREATE PROCEDURE pg_temp.again(step text, reason text) LANGUAGE plpgsql AS $$
DECLARE
    searched CONSTANT uuid := pg_temp.found(reason);
    line record;
BEGIN
    SET LOCAL ROLE replay_aud;
    FOR line IN SELECT * FROM facesnxt.replay(searched, 'test') LOOP
        RESET ROLE;
        INSERT INTO seen VALUES (step, line.replay_id, line.verdict, line.person_id, line.was_rank, line.now_rank, line.was_score,
            line.now_score, line.note);
        SET LOCAL ROLE replay_aud;
    END LOOP;
    RESET ROLE;
END
$$;
GRANT EXECUTE ON FUNCTION pg_temp.face(int) TO PUBLIC;

CALL pg_temp.look('first', 500);
CALL pg_temp.look('close', 7, 0.9999);
CALL pg_temp.again('unchanged', 'first');
SELECT is((SELECT count(*)::int FROM seen WHERE step = 'unchanged' AND verdict = 'same'), 10, 'NM-II.c: a search that is run again has the same list');
SELECT is((SELECT array_agg(note) FROM seen WHERE step = 'unchanged' AND verdict = 'limit'),
    '{"1 model is not registered any more: the templates are compared, the probe cannot be extracted anew"}', 'and says that its model is gone');
SELECT is((SELECT (kind, method, compared, gone, same, missed, certified, acting_role, ground)::text FROM facesnxt.replay
    WHERE search_id = pg_temp.found('first')), '(replay,table,100,0,10,0,10,replay_aud,test)', 'the replay is on record');
SELECT is((SELECT (method, visible, certified, exact)::text FROM facesnxt.search_exactness WHERE search_id = pg_temp.found('first')),
    '(table,100,10,t)', 'NM-II.c: the record says how exact the search was');

-- who is enrolled later is not compared, however near
SELECT facesnxt.enrol_template(pg_temp.face(500), facesnxt.create_person('Later'), 'booking', 'fingerprint') \g /dev/null
CALL pg_temp.again('later', 'first');
SELECT is((SELECT array_agg(DISTINCT verdict) FROM seen WHERE step = 'later' AND verdict <> 'limit'), '{same}', 'a reference that came later is not compared');

-- what is gone is said, and nobody moves up into its place
CREATE TEMP TABLE doomed AS SELECT c.person_id, c.reference_id, c.rank FROM facesnxt.candidate c WHERE c.search_id = pg_temp.found('first') AND c.rank IN (1, 4);
DELETE FROM facesnxt.reference r USING doomed d WHERE r.reference_id = d.reference_id;
CALL pg_temp.again('gone', 'first');
SELECT is((SELECT array_agg(was_rank ORDER BY was_rank) FROM seen WHERE step = 'gone' AND verdict = 'not comparable'), '{1,4}', 'candidates whose reference is gone cannot be compared');
SELECT is((SELECT count(*)::int FROM seen WHERE step = 'gone' AND verdict = 'same'), 8, 'the others stand where they stood');
SELECT is((SELECT count(*)::int FROM seen WHERE step = 'gone' AND note LIKE '2 references that were compared then%'), 1, 'it is said how many cannot be compared again');
SELECT is((SELECT certified FROM facesnxt.replay WHERE search_id = pg_temp.found('first') ORDER BY recorded_at DESC LIMIT 1), NULL, 'with references gone no rank is certified');
SELECT is((SELECT array_agg(e.how || ' ' || (e.began_at < e.ended_at)) FROM facesnxt.reference_end e JOIN doomed USING (reference_id)),
    '{removed true,removed true}', 'from when until when each was there is kept');
SELECT is((SELECT array_agg(a.attname) FROM pg_attribute a WHERE a.attrelid = 'facesnxt.reference_end'::regclass
           AND a.atttypid IN ('facesnxt.embedding'::regtype, 'bytea'::regtype)), NULL, 'and nothing of a face');

-- a changed reference is another one; what is told of it is its beginning and end
UPDATE facesnxt.reference r SET template = pg_temp.face(1007) FROM enrolled e WHERE e.reference_id = r.reference_id AND e.number = 7;
UPDATE facesnxt.reference r SET quality = 0.5 FROM enrolled e WHERE e.reference_id = r.reference_id AND e.number = 8;
CALL pg_temp.look('changed', 1007, 0.9999);
CALL pg_temp.again('before', 'close');
CALL pg_temp.again('after', 'changed');
SELECT is((SELECT array_agg(verdict) FROM seen WHERE step = 'before' AND verdict <> 'limit'), '{"not comparable"}', 'a changed reference is not the one of then');
SELECT is((SELECT array_agg(verdict) FROM seen WHERE step = 'after' AND verdict <> 'limit'), '{same}', 'and is compared for searches since');
SELECT is((SELECT count(*)::int FROM facesnxt.reference_end e JOIN enrolled n USING (reference_id) WHERE n.number = 8), 0, 'a better measure of quality changes no reference');
SELECT throws_ok('UPDATE facesnxt.reference_image SET enrolled_at = now()', 'NX309', NULL, 'when a reference was enrolled is not changed');

-- snapshots and not clocks: what was not committed then was not there
CREATE FUNCTION pg_temp.forge(reason text, copied text, scan jsonb, ranks int[], template boolean DEFAULT true) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    from_id CONSTANT uuid := pg_temp.found(copied);
    made CONSTANT uuid := gen_random_uuid();
BEGIN
    INSERT INTO facesnxt.search (search_id, status, agency_id, agency, account_id, version_id, case_number, purpose, reason, facts, probe_kept, model, requested_at,
        repositories, candidate_limit, threshold, references_compared, references_other_model, candidates, exact, scan, session_role, session_oid,
        acting_role, acting_oid, backend_pid, backend_start)
    SELECT made, status, agency_id, agency, account_id, version_id, case_number, purpose, forge.reason, facts, probe_kept, model, clock_timestamp(),
        repositories, candidate_limit, threshold, references_compared, references_other_model, cardinality(ranks), exact, s.scan || forge.scan, session_role,
        session_oid, acting_role, acting_oid, backend_pid, backend_start
    FROM facesnxt.search s WHERE s.search_id = from_id;
    INSERT INTO facesnxt.candidate SELECT made, row_number() OVER (ORDER BY rank), person_id, reference_id, repository, score, model
    FROM facesnxt.candidate WHERE search_id = from_id AND rank = ANY (ranks);
    INSERT INTO facesnxt.probe_template SELECT made, model, extraction, p.template FROM facesnxt.probe_template p WHERE search_id = from_id AND forge.template;
    RETURN made;
END
$$;
CALL pg_temp.look('second', 900);
CALL pg_temp.look('with later', 500);
SELECT pg_temp.forge('uncommitted', 'with later', jsonb_build_object('method', 'forged', 'before', format('%s:%s:', i.enrolled_xact, i.enrolled_xact)), '{2,3,4,5,6,7,8,9,10}'),
    pg_temp.forge('committed', 'with later', '{"method": "forged"}', '{2,3,4,5,6,7,8,9,10}'),
    pg_temp.forge('meanwhile', 'with later', m.scan, '{2,3,4,5,6,7,8,9,10}'), pg_temp.forge('meanwhile, listed', 'with later', m.scan, '{1,2,3,4,5,6,7,8,9,10}')
FROM facesnxt.candidate c JOIN facesnxt.reference_image i USING (reference_id),
    LATERAL (SELECT jsonb_build_object('method', 'forged', 'before', format('%s:%s:', i.enrolled_xact, i.enrolled_xact), 'after', format('%s:%s:', i.enrolled_xact::text::bigint + 1, i.enrolled_xact::text::bigint + 1)) AS scan) m
WHERE c.search_id = pg_temp.found('with later') AND c.rank = 1 \g /dev/null
CALL pg_temp.again('uncommitted', 'uncommitted');
CALL pg_temp.again('committed', 'committed');
SELECT is((SELECT array_agg(verdict || ' ' || now_rank ORDER BY now_rank) FROM seen WHERE step = 'uncommitted' AND now_rank IN (1, 10)), '{"same 1","new 10"}',
    'a transaction that was not committed then enrolled nobody, whatever its clock says');
SELECT is((SELECT array_agg(verdict || ' ' || now_rank ORDER BY now_rank) FROM seen WHERE step = 'committed' AND now_rank IN (1, 10)), '{"new 1","moved 10"}',
    'once it was committed, it did');

CALL pg_temp.again('meanwhile', 'meanwhile');
CALL pg_temp.again('meanwhile, listed', 'meanwhile, listed');
SELECT is((SELECT count(*) FILTER (WHERE verdict = 'same') || ' ' || count(*) FILTER (WHERE note LIKE '1 references were enrolled or changed while%') FROM seen WHERE step = 'meanwhile'), '9 1',
    'who was enrolled while the search went on is left out, and that is said');
SELECT is((SELECT count(*) FILTER (WHERE verdict = 'same') || ' ' || count(*) FILTER (WHERE note LIKE '%while%') FROM seen WHERE step = 'meanwhile, listed'), '10 0',
    'unless it was on the list');

-- whom a search missed is counted and not named
SELECT pg_temp.forge('misses', 'second', '{"method": "index", "certified": 0, "codes": 101, "index": "i"}', '{1,2,4,5,6,7,8,9,10}') \g /dev/null
CALL pg_temp.again('misses', 'misses');
SELECT is((SELECT (verdict, person_id, now_rank)::text FROM seen WHERE step = 'misses' AND verdict = 'new'), '(new,,3)',
    'somebody who was missed is found by the exact comparison, and not named');
SELECT is((SELECT list::text FROM facesnxt.replay WHERE search_id = pg_temp.found('misses')) ~ (SELECT person_id::text FROM facesnxt.candidate
    WHERE search_id = pg_temp.found('second') AND rank = 3), false, 'nor on record');
SELECT is((SELECT (method, certified, missed, codes, visible)::text FROM facesnxt.search_exactness WHERE search_id = pg_temp.found('misses')),
    '(index,2,1,101,99)', 'two ranks are certain: the third is missing');

-- who may
SELECT is(pg_temp.try('replay_inv', format('SELECT * FROM facesnxt.replay(%L)', pg_temp.found('first'))), '42501', 'an investigator runs nothing again');
SELECT is(pg_temp.try('replay_other', format('SELECT * FROM facesnxt.replay(%L)', pg_temp.found('first'))), 'NX460', 'SP-II.A: another agency''s auditor neither');
SELECT is(pg_temp.try('replay_aud', format('SELECT * FROM facesnxt.replay(%L)', gen_random_uuid())), 'NX460', 'a search that does not exist looks the same');
CALL pg_temp.look('own', 12, NULL, 'replay_both');
SELECT is(pg_temp.try('replay_both', format('SELECT * FROM facesnxt.replay(%L)', pg_temp.found('own'))), 'NX461', 'who searched does not audit it');
SELECT pg_temp.forge('erased', 'second', '{}', '{1}', false) \g /dev/null
SELECT is(pg_temp.try('replay_aud', format('SELECT * FROM facesnxt.replay(%L)', pg_temp.found('erased'))), 'NX462', 'without template there is nothing to compare');
SELECT is((SELECT array_agg(r.sqlstate::text ORDER BY r.recorded_at) FROM facesnxt.refused_step r WHERE r.step = 'replay'), '{NX460,NX460,NX461,NX462}', 'refusals are on record');
SELECT is(pg_temp.try('replay_other', $$SELECT * FROM facesnxt.measured_recall('REPLAY', '-infinity', 'infinity')$$), '42704', 'SP-II.A: nor is its recall measured from elsewhere');
SELECT is((SELECT count(*)::int FROM facesnxt.access_log l JOIN facesnxt.search s USING (search_id) WHERE s.agency = 'REPLAY'), 0, 'a replay shows nobody anything of a person');

-- a search by an index is certain once it was run again
SELECT facesnxt.make_index('0000001e') \g /dev/null
ANALYZE facesnxt.reference;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;
CALL pg_temp.look('indexed', 901);
RESET enable_seqscan;
RESET enable_bitmapscan;
RESET enable_sort;
SELECT is((SELECT (method, exact, certified, visible, codes >= 99, rechecked >= 10, deviations)::text FROM facesnxt.search_exactness WHERE search_id = pg_temp.found('indexed')), '(index,t,0,,t,t,4)',
    'NM-II.c: a search by an index scored every code, by wide bounds, and certifies nothing by itself');
CALL pg_temp.again('indexed', 'indexed');
SELECT is((SELECT (certified, visible, missed)::text FROM facesnxt.search_exactness WHERE search_id = pg_temp.found('indexed')),
    (SELECT (10, count(*), 0)::text FROM facesnxt.reference WHERE model = '0000001e'), 'NM-II.c: a replay compares all that was visible and certifies its ranks');
DROP INDEX facesnxt.reference_template_0000001e;

-- a slow, obvious version: enrolments, removals and searches by turns, each search run again at the end
CREATE TEMP TABLE alive (turn int, reference_id uuid);
CREATE PROCEDURE pg_temp.turns() LANGUAGE plpgsql AS $$
BEGIN
    FOR turn IN 1 .. 8 LOOP
        PERFORM facesnxt.enrol_template(pg_temp.face(2000 + 10 * turn + i), facesnxt.create_person(format('Turn %s %s', turn, i)), 'booking', 'fingerprint') FROM generate_series(1, 5) i;
        DELETE FROM facesnxt.reference r WHERE r.reference_id IN (SELECT o.reference_id FROM facesnxt.reference o WHERE o.model = '0000001e' ORDER BY md5(o.reference_id::text || turn) LIMIT 2);
        COMMIT;
        INSERT INTO alive SELECT turn, r.reference_id FROM facesnxt.reference r WHERE r.model = '0000001e';
        CALL pg_temp.look('turn ' || turn, 3000 + turn);
        COMMIT;
    END LOOP;
END
$$;
CALL pg_temp.turns();
SELECT set_config('role', 'replay_aud', false) \g /dev/null
SELECT * FROM facesnxt.measured_recall('REPLAY', '-infinity', 'infinity', 100) \g /dev/null
RESET ROLE;
SELECT is(r.compared, (SELECT count(*) FROM alive a JOIN facesnxt.reference f USING (reference_id) WHERE a.turn = t), format('turn %s: compared is what was there and is', t)),
    is(r.gone, (SELECT count(*) FROM alive a WHERE a.turn = t AND NOT EXISTS (SELECT FROM facesnxt.reference f WHERE f.reference_id = a.reference_id)), format('turn %s: gone is what was there and is not', t)),
    is(r.missed + r.missing + r.moved + r.changed, 0, format('turn %s: nothing differs', t)),
    is(r.not_comparable, (SELECT count(*)::int FROM facesnxt.candidate c WHERE c.search_id = r.search_id AND NOT EXISTS (
        SELECT FROM facesnxt.reference f WHERE f.reference_id = c.reference_id)), format('turn %s: not comparable are those whose reference is gone', t))
FROM generate_series(1, 8) t JOIN LATERAL (SELECT r.* FROM facesnxt.replay r JOIN facesnxt.search s USING (search_id) WHERE s.reason = 'turn ' || t) r ON true;
SELECT is((SELECT array_agg((m.method, m.found = m.exact_candidates, m.whole = m.replayed, m.not_kept, round(m.recall::numeric, 3))::text ORDER BY m.method)
    FROM facesnxt.measured_recall('REPLAY', '-infinity', 'infinity', 100) m), '{"(forged,f,f,0,0.925)","(index,f,f,0,0.950)","(table,t,t,1,1.000)"}', 'NM-II.c: recall is measured by replays');
SELECT is((SELECT (sum(attempts), sum(completed), sum(without_candidate), sum(incomplete_lists) > 0, bool_and(median_time <= time_99))::text FROM facesnxt.search_performance p JOIN facesnxt.agency a USING (agency_id) WHERE a.code = 'REPLAY'),
    (SELECT (count(*), count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE status = 'completed' AND candidates = 0), true, true)::text FROM facesnxt.search WHERE agency = 'REPLAY'),
    'NM-II.c: performance, day by day');
SELECT is((SELECT round(low::numeric, 4)::text || ' ' || round(high::numeric, 4) FROM facesnxt.wilson(8, 10)), '0.4902 0.9433', 'Wilson''s interval');

-- the threshold of an agency is that of searches that name none
SELECT facesnxt.propose_setting('threshold', '0.5', 'test', 'REPLAY', 5) AS proposal \gset
SET SESSION AUTHORIZATION replay_adm;
SELECT facesnxt.decide_setting(:'proposal', true) \g /dev/null
RESET SESSION AUTHORIZATION;
CALL pg_temp.look('by default', 12);
CALL pg_temp.look('by choice', 12, 0.2);
SELECT is((SELECT array_agg(threshold::text ORDER BY threshold) FROM facesnxt.search WHERE reason LIKE 'by %'), '{0.2,0.5}', 'NM-II.c: the threshold that two persons set is that of searches that name none');
SELECT is((SELECT min(score) >= 0.5 AND count(*) > 0 FROM facesnxt.candidate WHERE search_id = pg_temp.found('by default')), true, 'and cuts their lists');
SELECT * FROM finish();
