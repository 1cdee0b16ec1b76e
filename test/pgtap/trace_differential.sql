-- By sex, race and age: what is counted, its intervals, missing labels, small cells, and who asks.
BEGIN;
SELECT no_plan();
SET LOCAL client_min_messages = warning;
SET LOCAL jit = off;
CREATE ROLE diff_else; GRANT facesnxt_auditor TO diff_else;
CREATE ROLE diff_inv; GRANT facesnxt_investigator TO diff_inv;
SELECT is((SELECT array_agg(round(x::numeric, 4)) FROM facesnxt.compare_shares(56, 70, 48, 80) c, unnest(ARRAY[c.difference, c.difference_low, c.difference_high, c.ratio, c.ratio_low, c.ratio_high]) x),
    '{0.2000,0.0524,0.3339,1.3333,1.0766,1.6512}', 'Newcombe''s and Katz''s intervals, of the example in Newcombe 1998');
SELECT is((SELECT c.ratio IS NULL AND c.difference IS NULL FROM facesnxt.compare_shares(1, 2, 0, 0) c), true, 'nothing is compared with nobody');
SELECT ok((SELECT c.ratio_low > 0 AND c.ratio_high < 'infinity' FROM facesnxt.compare_shares(0, 10, 5, 10) c), 'a count of 0 has an interval');

-- 300 women whose templates lie close together, 300 men whose do not, 30 of whom nothing is stated
CREATE FUNCTION pg_temp.face(i int, sex text) RETURNS facesnxt.embedding LANGUAGE sql AS $$
    SELECT facesnxt.disturb(facesnxt.with_model(array_fill(1::real, ARRAY[33])::facesnxt.embedding, '0000003a'), CASE sex WHEN 'F' THEN 0.5 ELSE 0 END, i)
$$;
CREATE TEMP TABLE someone AS SELECT i, md5('d' || i)::uuid AS id, md5('e' || i)::uuid AS reference, CASE WHEN i <= 300 THEN 'F' WHEN i <= 600 THEN 'M' END AS sex FROM generate_series(1, 630) i;
INSERT INTO facesnxt.person (person_id, name, date_of_birth) SELECT id, 'Any', CASE WHEN i % 2 = 0 THEN '1990-01-01'::date ELSE '1950-01-01' END FROM someone;
INSERT INTO facesnxt.person_detail (person_id, gender, changed_by) SELECT id, CASE WHEN i % 3 = 0 THEN lower(sex) || ' ' ELSE sex END, 'test' FROM someone WHERE sex IS NOT NULL;
INSERT INTO facesnxt.reference_image (reference_id, person_id, identity_source, enrolled_by) SELECT reference, id, 'fingerprint', 'test' FROM someone;
INSERT INTO facesnxt.reference (reference_id, person_id, repository, template) SELECT reference, id, 'booking', pg_temp.face(i, sex) FROM someone;
SELECT facesnxt.create_agency('DIFF', 'Differential'), facesnxt.create_agency('ELSE_DIFF', 'Else') \g /dev/null
SELECT facesnxt.adopt_policy(a, 'EXAMPLE') FROM unnest('{DIFF,ELSE_DIFF}'::text[]) a \g /dev/null
SELECT facesnxt.open_account('ELSE_DIFF', 'diff_else') \g /dev/null
-- 60 searches: the first candidate a woman in 40, a man in 20; confirmed are 30 and 5, nobody was it in 4 and 10
INSERT INTO facesnxt.search (status, agency_id, agency, account_id, version_id, purpose, reason, facts, probe_kept, model, requested_at, repositories, candidate_limit,
    references_compared, references_other_model, candidates, exact, session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start)
SELECT 'completed', a.agency_id, 'DIFF', gen_random_uuid(), facesnxt.policy_in_force(a.agency_id, clock_timestamp()), 'criminal', n::text, '{}', false, '0000003a', now(), '{booking}', 10,
    630, 0, 2, true, 'x', 10, 'x', 10, 1, now() FROM facesnxt.agency a, generate_series(1, 60) n WHERE a.code = 'DIFF';
INSERT INTO facesnxt.candidate SELECT s.search_id, 1, w.id, w.reference, 'booking', 0.8, s.model FROM facesnxt.search s JOIN someone w ON w.i = CASE WHEN s.reason::int <= 40 THEN s.reason::int ELSE 300 + s.reason::int END WHERE s.agency = 'DIFF';
INSERT INTO facesnxt.candidate SELECT s.search_id, 2, w.id, w.reference, 'booking', 0.3, s.model FROM facesnxt.search s JOIN someone w ON w.i = 600 + 1 + s.reason::int % 30 WHERE s.agency = 'DIFF';
INSERT INTO facesnxt.outcome (search_id, determination, person_id, corroboration, recorded_by, account_id)
SELECT s.search_id, o.determination, CASE o.determination WHEN 'lead confirmed' THEN c.person_id END, 'papers', 'x', s.account_id
FROM facesnxt.search s JOIN facesnxt.candidate c USING (search_id), LATERAL (SELECT CASE WHEN s.reason::int <= 30 OR s.reason::int BETWEEN 41 AND 45 THEN 'lead confirmed'
    WHEN s.reason::int <= 34 OR s.reason::int BETWEEN 46 AND 55 THEN 'no match' ELSE 'inconclusive' END AS determination) o WHERE s.agency = 'DIFF' AND c.rank = 1;
CREATE TEMP TABLE got AS SELECT * FROM facesnxt.demographic_differential('DIFF', '-infinity', 'infinity', 'sex', '0000003a', 0.35);
SELECT is((SELECT array_agg((measure, grp, hits, trials, small)::text ORDER BY measure, grp) FROM got WHERE measure <> 'false match rate'),
    '{"(candidates,f,40,60,f)","(candidates,m,20,60,f)","(candidates,\"not stated\",0,60,t)","(\"first candidate confirmed\",f,30,40,f)","(\"first candidate confirmed\",m,5,20,f)","(\"no match\",f,4,40,t)","(\"no match\",m,10,20,f)"}',
    'MI-4.4.b: candidates and outcomes are counted by sex, however it is written');
SELECT is((SELECT array_agg((hits, trials)::text ORDER BY grp) FROM facesnxt.demographic_differential('DIFF', '-infinity', 'infinity', 'sex', '0000003a') WHERE measure = 'candidates'),
    '{"(40,120)","(20,120)","(60,120)"}', 'MI-4.4.b: without threshold all candidates count, and whose label is missing are a group');
SELECT is((g.difference, g.ratio, g.low, g.high)::text, (c.difference, c.ratio, w.low, w.high)::text, 'MI-4.4.b: the intervals are those of the counts')
FROM got g, facesnxt.compare_shares(30, 40, 5, 20) c, facesnxt.wilson(30, 40) w WHERE g.measure = 'first candidate confirmed' AND g.grp = 'f';
SELECT is((g.ratio, g.ratio_low)::text, (c.ratio, c.ratio_low)::text, 'candidates are held against what could be found') FROM got g, facesnxt.compare_shares(40, 60, 300, 630) c WHERE g.measure = 'candidates' AND g.grp = 'f';
-- false match rates against a count of every pair within a group
CREATE TEMP TABLE pair AS SELECT a.sex, avg((1 - (x.template OPERATOR(facesnxt.<=>) y.template) >= 0.35)::int) AS rate
FROM someone a JOIN someone b ON b.sex = a.sex AND a.i < b.i JOIN facesnxt.reference x ON x.reference_id = a.reference JOIN facesnxt.reference y ON y.reference_id = b.reference GROUP BY a.sex;
SELECT ok(p.rate BETWEEN g.low AND g.high, format('MI-4.4.b: false match rate of %s: counted %s, estimated %s to %s', p.sex, round(p.rate, 5), g.low, g.high)) FROM pair p JOIN got g ON g.grp = lower(p.sex) AND g.measure = 'false match rate';
SELECT ok((SELECT ratio_low FROM got WHERE measure = 'false match rate' AND grp = 'f') > (SELECT ratio_high FROM got WHERE measure = 'false match rate' AND grp = 'm'), 'MI-4.4.b: a group that is confused more often is seen to be');
SELECT is((SELECT (share IS NULL, small)::text FROM got WHERE measure = 'false match rate' AND grp = 'not stated'), '(t,t)', 'of few nothing is estimated');
SELECT is((SELECT array_agg(grp || ' ' || trials ORDER BY grp) FROM facesnxt.demographic_differential('DIFF', '-infinity', 'infinity', 'age', '0000003a') WHERE measure = 'no match'), '{"30 to 44 30","60 and over 30"}', 'by age, in bands');
SELECT throws_ok($$SELECT facesnxt.demographic_differential('DIFF', '-infinity', 'infinity', 'religion')$$, '22023', NULL, 'by nothing else');
\ir common/try.psql
SELECT is(pg_temp.try(r, $$SELECT facesnxt.demographic_differential('DIFF', '-infinity', 'infinity', 'sex')$$), e, format('%s: %s', r, e)) FROM (VALUES ('diff_else', '42704'), ('diff_inv', '42501')) v (r, e);
SELECT * FROM finish();
ROLLBACK;
