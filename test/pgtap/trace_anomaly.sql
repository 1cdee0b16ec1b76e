-- Findings on searches: each kind where it is to be found, none where it is not, and who sees them.
BEGIN;
SELECT no_plan();
SET LOCAL client_min_messages = warning;
SET LOCAL TimeZone = 'America/New_York';

CREATE ROLE odd_adm; GRANT facesnxt_admin TO odd_adm;
CREATE ROLE odd_aud; GRANT facesnxt_auditor TO odd_aud;
CREATE ROLE odd_1; CREATE ROLE odd_2; CREATE ROLE odd_3; CREATE ROLE odd_else;
GRANT facesnxt_auditor TO odd_else;
SELECT facesnxt.create_agency('ODD', 'Odd'), facesnxt.create_agency('ELSE_ODD', 'Else') \g /dev/null
SELECT facesnxt.adopt_policy(a, 'EXAMPLE') FROM unnest('{ODD,ELSE_ODD}'::text[]) a \g /dev/null
SELECT facesnxt.open_account('ODD', r) FROM unnest('{odd_1,odd_2,odd_3}'::regrole[]) r \g /dev/null
SELECT facesnxt.open_account('ELSE_ODD', 'odd_else') \g /dev/null
CREATE TEMP TABLE who AS SELECT a.account_id, a.agency_id, a.role::name AS role, right(a.role::text, 1)::int AS n FROM facesnxt.account a JOIN facesnxt.agency g USING (agency_id) WHERE g.code = 'ODD';
SELECT facesnxt.open_case('ODD', 'C-' || i, 'robbery') FROM generate_series(1, 20) i \g /dev/null

-- templates of 64 numbers: of different seeds not alike, of one seed alike at the similarity given
CREATE FUNCTION pg_temp.face(seed int, likeness float8 DEFAULT 1, variant int DEFAULT 1) RETURNS facesnxt.embedding LANGUAGE sql AS $$
    SELECT facesnxt.disturb(facesnxt.disturb(facesnxt.with_model(array_fill(1::real, ARRAY[64])::facesnxt.embedding, '0000001f'), 0, seed), likeness, variant)
$$;
CREATE FUNCTION pg_temp.made(n int, at timestamptz, reason text, template facesnxt.embedding DEFAULT NULL, case_number text DEFAULT NULL, image text DEFAULT NULL,
    address inet DEFAULT NULL, backend int DEFAULT NULL, status text DEFAULT 'completed', session name DEFAULT NULL) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    id uuid;
    w record;
BEGIN
    SELECT * INTO STRICT w FROM who WHERE who.n = made.n;
    INSERT INTO facesnxt.search (status, sqlstate, agency_id, agency, account_id, version_id, case_id, case_number, purpose, reason, facts, probe_kept, model, requested_at, recorded_at,
        repositories, candidate_limit, references_compared, references_other_model, candidates, exact, session_role, session_oid, acting_role, acting_oid,
        backend_pid, backend_start, client_address)
    SELECT made.status, CASE made.status WHEN 'refused' THEN 'NX305' END, w.agency_id, 'ODD', w.account_id, facesnxt.policy_in_force(w.agency_id, clock_timestamp()),
        (SELECT c.case_id FROM facesnxt.case_file c WHERE c.agency_id = w.agency_id AND c.case_number = made.case_number), made.case_number, 'criminal', made.reason,
        jsonb_build_object('search', jsonb_build_object('probe', jsonb_build_object('sha256', coalesce(image, gen_random_uuid()::text)))), false, '0000001f', at, at,
        '{booking}', 10, 1, 0, 0, true, coalesce(session, 'gateway'), coalesce(session::regrole::oid, 10), w.role, w.role::regrole,
        coalesce(backend, w.n), '2026-01-01', address
    RETURNING search_id INTO id;
    INSERT INTO facesnxt.probe_template (search_id, model, template) SELECT id, '0000001f', made.template WHERE made.template IS NOT NULL;
    RETURN id;
END
$$;
CREATE FUNCTION pg_temp.odd(kind text, since timestamptz DEFAULT '2026-06-01', until timestamptz DEFAULT '2026-07-01') RETURNS SETOF facesnxt.anomaly LANGUAGE sql AS $$
    SELECT * FROM facesnxt.anomalies('ODD', since, until) f WHERE f.kind = $1
$$;
CREATE FUNCTION pg_temp.reasons(searches uuid[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(DISTINCT s.reason, ' ' ORDER BY s.reason) FROM facesnxt.search s WHERE s.search_id = ANY (searches)
$$;

-- ---- C functions against the slow, obvious versions
CREATE TEMP TABLE many AS SELECT row_number() OVER (ORDER BY md5(s::text || v)) AS place, pg_temp.face(s, 0.80, s * 100 + v) AS t
FROM generate_series(1, 70) s, generate_series(1, 4) v UNION ALL SELECT 281, NULL UNION ALL SELECT 282, pg_temp.face(5);
CREATE FUNCTION pg_temp.slow(threshold float8) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
    leaders int[] := '{}';
    labels int[] := '{}';
    r record;
    l int;
BEGIN
    FOR r IN SELECT m.place::int AS place, m.t FROM many m ORDER BY m.place LOOP
        SELECT min(x.place) INTO l FROM many x WHERE x.place = ANY (leaders) AND 1 - (x.t OPERATOR(facesnxt.<=>) r.t) >= threshold;
        IF l IS NULL AND r.t IS NOT NULL THEN
            leaders := leaders || r.place;
            l := r.place;
        END IF;
        labels := labels || l;
    END LOOP;
    RETURN labels;
END
$$;
SELECT is((SELECT facesnxt.same_faces(array_agg(t ORDER BY place), h) FROM many), pg_temp.slow(h), format('same_faces() at %s is what a comparison of each pair gives', h))
FROM unnest('{0.3,0.62,0.95}'::float8[]) h;
SELECT is((SELECT array_agg((l.a_place, l.b_place) ORDER BY l.a_place, l.b_place)::text
           FROM (SELECT array_agg(t ORDER BY place) FILTER (WHERE place <= 70) AS a, array_agg(t ORDER BY place) FILTER (WHERE place > 70) AS b FROM many) v,
               LATERAL facesnxt.like_faces(v.a, v.b, 0.62) l),
    (SELECT array_agg((a.place::int, b.place::int - 70) ORDER BY a.place, b.place)::text FROM many a, many b
     WHERE a.place <= 70 AND b.place > 70 AND 1 - (a.t OPERATOR(facesnxt.<=>) b.t) >= 0.62), 'like_faces() finds the pairs that a comparison of each finds');
SELECT is((SELECT facesnxt.score_counts(array_agg(t ORDER BY place), array_agg((place % 50)::int ORDER BY place), 16) FROM many WHERE t IS NOT NULL),
    (SELECT array_agg((SELECT count(*) FROM many a JOIN many b ON a.place < b.place AND a.place % 50 <> b.place % 50 WHERE (1 - (a.t OPERATOR(facesnxt.<=>) b.t) + 1) / 2 * 16 >= e) ORDER BY e)
     FROM generate_series(0, 15) e), 'score_counts() counts pairs of different persons');
SELECT throws_ok('SELECT facesnxt.same_faces(ARRAY[]::facesnxt.embedding[], 0)', '22023', NULL, 'a threshold of 0 is none');
SELECT throws_ok($$SELECT facesnxt.same_faces(ARRAY['[1,2]', '[1,2,3]']::facesnxt.embedding[], 0.5)$$, 'NX001', NULL, 'templates of two dimensions are not compared');
SELECT is(facesnxt.same_faces('{}', 0.5), '{}', 'no templates, no faces');
SELECT is(facesnxt.same_faces('{"[0,0]","[0,0]"}'::facesnxt.embedding[], 0.5), '{1,2}', 'templates without a face are like none');

-- ---- what is not odd: one face in one case twice, an enhanced copy, cases that a search links
SELECT pg_temp.made(1, '2026-06-03 10:00', 'plain', pg_temp.face(1), 'C-1'), pg_temp.made(1, '2026-06-03 11:00', 'plain', pg_temp.face(1, 0.9), 'C-1') \g /dev/null
SELECT pg_temp.made(2, '2026-06-04 10:00', 'linked', pg_temp.face(2), 'C-2'), pg_temp.made(2, '2026-06-05 10:00', 'linked', pg_temp.face(2, 0.9), 'C-3') \g /dev/null
INSERT INTO facesnxt.case_link (search_id, case_id, account_id, acting_role, session_role)
SELECT s.search_id, c.case_id, s.account_id, 'odd_2', 'odd_2' FROM facesnxt.search s, facesnxt.case_file c WHERE s.reason = 'linked' AND s.case_number = 'C-2' AND c.case_number = 'C-3' AND c.agency_id = s.agency_id;
SELECT is((SELECT count(*)::int FROM facesnxt.anomalies('ODD', '2026-06-01', '2026-07-01')), 0, 'ordinary searches are no finding');

-- ---- faces
SELECT pg_temp.made(1, '2025-12-01 10:00', 'spread', pg_temp.face(10), 'C-4'), pg_temp.made(1, '2026-06-06 10:00', 'spread', pg_temp.face(10, 0.85), 'C-5') \g /dev/null
SELECT is((SELECT (f.severity, pg_temp.reasons(f.searches), f.cases, f.accounts, f.clause)::text FROM pg_temp.odd('one face, unrelated cases') f),
    '(high,spread,"{C-4,C-5}",{odd_1},"NM-IX.A.2, NS-32.6.5.1")', 'NM-IX.A.2, NS-32.6.5.1: one face under two cases by one account, half a year apart');
SELECT pg_temp.made(2, '2026-06-07 10:00', 'spread', pg_temp.face(10, 0.85, 7), 'C-6') \g /dev/null
SELECT is((SELECT (f.severity, cardinality(f.searches), f.accounts)::text FROM pg_temp.odd('one face, unrelated cases') f), '(medium,3,"{odd_1,odd_2}")', 'and by several accounts');
SELECT is((SELECT count(*)::int FROM pg_temp.odd('one face, unrelated cases', '2026-06-10')), 0, 'a finding has a search in its time');
SELECT is((SELECT array_agg(f.finding_id) FROM pg_temp.odd('one face, unrelated cases') f), (SELECT array_agg(f.finding_id) FROM pg_temp.odd('one face, unrelated cases', '2026-06-01', '2026-06-20') f),
    'a finding keeps its id');

SELECT count(pg_temp.made(3, '2026-06-08 10:00'::timestamptz + i * interval '1 day', 'again', pg_temp.face(20, 0.9, i), 'C-7')) FROM generate_series(1, 4) i \g /dev/null
SELECT is((SELECT count(*)::int FROM pg_temp.odd('same face repeatedly')), 0, 'four searches of one face are not too many');
SELECT pg_temp.made(3, '2026-06-13 10:00', 'again', pg_temp.face(20, 0.9, 9), 'C-7') \g /dev/null
SELECT is((SELECT (f.severity, cardinality(f.searches), pg_temp.reasons(f.searches), f.clause)::text FROM pg_temp.odd('same face repeatedly') f), '(medium,5,again,"NM-IX.A.4, NS-32.6.5.2")',
    'NM-IX.A.4, NS-32.6.5.2: five are');

SELECT count(pg_temp.made(1 + i % 3, '2026-06-15 10:00'::timestamptz + i * interval '1 hour', 'unlike', pg_temp.face(30 + i), 'C-8')) FROM generate_series(1, 6) i \g /dev/null
SELECT is((SELECT (f.cases, cardinality(f.searches), pg_temp.reasons(f.searches))::text FROM pg_temp.odd('case with unlike faces') f), '({C-8},6,unlike)', 'NM-VI.B.1: six faces under one case number');

SELECT count(pg_temp.made(1, '2026-06-16 10:00'::timestamptz + i * interval '1 hour', 'crowd', pg_temp.face(40 + i), 'C-' || 8 + i, 'aa')) FROM generate_series(1, 3) i \g /dev/null
SELECT count(pg_temp.made(1, '2026-06-17 10:00'::timestamptz + i * interval '1 hour', 'crowd', pg_temp.face(40 + i), 'C-' || 8 + i, 'bb')) FROM generate_series(4, 6) i \g /dev/null
SELECT is((SELECT count(*)::int FROM pg_temp.odd('many faces from one image')), 0, 'three faces of one image are no crowd');
INSERT INTO facesnxt.probe_derivation (agency_id, parent_sha256, sha256, operation, parameters, tool, performed_at, account_id, performed_by, session_role)
SELECT w.agency_id, '\xaa', '\xbb', 'crop', '{}', 'tool', now(), w.account_id, 'odd_1', 'odd_1' FROM who w WHERE w.n = 1;
SELECT is((SELECT (f.severity, cardinality(f.searches), pg_temp.reasons(f.searches))::text FROM pg_temp.odd('many faces from one image') f), '(high,6,crowd)',
    'NM-IX.A.5, NS-32.6.5.3, MI-4.5.2.d: six of an image and its copy are');

SELECT count(pg_temp.made(2, '2026-06-18 10:00'::timestamptz + i * interval '1 minute', 'event', pg_temp.face(50 + i), 'C-' || 10 + i)) FROM generate_series(1, 7) i \g /dev/null
SELECT is((SELECT array_agg((cardinality(f.searches), pg_temp.reasons(f.searches))::text) FROM pg_temp.odd('many faces in a short time') f), '{"(7,event)"}',
    'NM-IX.A.5, MI-4.5.2.d: seven faces in seven minutes, one finding');

-- ---- staff: the finding, not the face
\ir common/try.psql
SELECT set_config('test.face', pg_temp.face(60)::text, true) \g /dev/null
SELECT is(pg_temp.try('odd_aud', $$SELECT facesnxt.give_staff_face('I agree', template => facesnxt.with_model(current_setting('test.face')::facesnxt.embedding, '0000001f'))$$), '42501', 'whoever was never admitted gives no face');
GRANT facesnxt_member TO odd_1, odd_2, odd_3;
SELECT is(pg_temp.try('odd_3', $$SELECT facesnxt.give_staff_face(' ', template => facesnxt.with_model(current_setting('test.face')::facesnxt.embedding, '0000001f'))$$), '22023', 'consent is given in words');
SELECT is(pg_temp.try('odd_3', $$SELECT facesnxt.give_staff_face('I agree', template => facesnxt.with_model(current_setting('test.face')::facesnxt.embedding, '0000001f'))$$), 'done', 'a member gives the own face');
SELECT pg_temp.made(2, '2026-06-19 10:00', 'colleague', pg_temp.face(60, 0.8, 3), 'C-2'), pg_temp.made(3, '2026-06-19 11:00', 'myself', pg_temp.face(60, 0.8, 4), 'C-7') \g /dev/null
SELECT is((SELECT array_agg((f.severity, pg_temp.reasons(f.searches), f.clause)::text ORDER BY f.severity) FROM pg_temp.odd('face of staff') f),
    '{"(high,colleague,\"NM-IX.A.1, NS-32.6.5.1\")","(medium,myself,\"NM-IX.A.1, NS-32.6.5.1\")"}', 'NM-IX.A.1, NS-32.6.5.1: searches for the face of a colleague, and for the own');
SELECT is(has_table_privilege(r, 'facesnxt.staff_face', 'SELECT'), false, r || ' does not read faces of staff') FROM unnest('{odd_aud,odd_adm,odd_1}'::name[]) r;
SELECT is((SELECT array_agg(c.step || ' ' || coalesce(c.statement, '')) FROM facesnxt.staff_consent c JOIN who USING (account_id)), '{"given I agree"}', 'the consent is on record');
SELECT is(pg_temp.try('odd_2', 'SELECT facesnxt.withdraw_staff_face()'), 'done', 'who has none withdraws nothing');
SELECT is((SELECT count(*)::int FROM facesnxt.staff_face JOIN who USING (account_id)), 1, 'and nobody else''s');
SELECT is(pg_temp.try('odd_adm', 'SELECT facesnxt.withdraw_staff_face()'), '42501', 'an administrator neither');
SELECT is(pg_temp.try('odd_3', 'SELECT facesnxt.withdraw_staff_face()'), 'done', 'a member takes the face back');
SELECT is((SELECT count(*)::int FROM facesnxt.staff_face JOIN who USING (account_id)), 0, 'which deletes it');
SELECT is((SELECT count(*)::int FROM pg_temp.odd('face of staff')), 0, 'and nothing is compared with it any more');
SELECT facesnxt.link_staff('odd_3', '00000000-0000-0000-0000-000000000001') \g /dev/null
INSERT INTO facesnxt.candidate SELECT s.search_id, 1, '00000000-0000-0000-0000-000000000001', gen_random_uuid(), 'driver_licence', 0.9, s.model FROM facesnxt.search s WHERE s.reason = 'colleague';
INSERT INTO facesnxt.candidate SELECT s.search_id, 2, '00000000-0000-0000-0000-000000000001', gen_random_uuid(), 'driver_licence', 0.9, s.model FROM facesnxt.search s WHERE s.reason = 'spread';
SELECT is((SELECT array_agg(pg_temp.reasons(f.searches)) FROM pg_temp.odd('face of staff') f), '{colleague}', 'NM-IX.A.1: a search that finds a member of staff first, by the licence');

-- ---- habits: what searches are like before, and then are not
SELECT count(pg_temp.made(n, d + interval '10 hours' + i * interval '40 minutes', 'usual', NULL, 'C-20', NULL, ('10.0.0.' || n)::inet))
FROM generate_series(1, 3) n, generate_series('2026-02-01'::timestamptz, '2026-03-31', '1 day') d, generate_series(1, 2) i \g /dev/null
SELECT is((SELECT count(*)::int FROM facesnxt.habit_anomalies((SELECT agency_id FROM who LIMIT 1), '2026-06-01', '2026-06-14', facesnxt.anomaly_defaults())), 0, 'what is usual is no finding');
SELECT count(pg_temp.made(1, '2026-06-20 10:30'::timestamptz + i * interval '20 seconds', 'burst', NULL, NULL, NULL, NULL, NULL, CASE WHEN i < 4 THEN 'refused' ELSE 'completed' END)) FROM generate_series(1, 20) i \g /dev/null
SELECT count(pg_temp.made(2, '2026-06-20 10:30'::timestamptz + i * interval '20 seconds', 'few')) FROM generate_series(1, 7) i \g /dev/null
SELECT is((SELECT array_agg((f.accounts, cardinality(f.searches), f.severity)::text ORDER BY f.accounts) FROM pg_temp.odd('burst') f),
    '{"({odd_1},20,medium)","({odd_2},7,medium)","({odd_2},7,medium)"}', 'NM-II.c, MI-4.5.2.d: a burst by number, refused attempts included, and two that are some only for this account');
SELECT pg_temp.made(3, '2026-06-21 03:00', 'night'), pg_temp.made(3, '2026-06-22 19:00', 'evening'), pg_temp.made(3, '2026-06-22 10:59', 'morning') \g /dev/null
SELECT is((SELECT array_agg(pg_temp.reasons(f.searches) || ' ' || f.severity ORDER BY f.first_at) FROM pg_temp.odd('off hours', '2026-06-21') f), '{"night high","evening low"}',
    'NM-II.c, NM-IX.A.2: hours outside the set ones, and ones at which nobody searches');
SELECT pg_temp.made(1, '2026-06-23 10:30', 'here', NULL, NULL, NULL, '10.0.0.1'), pg_temp.made(1, '2026-06-23 10:35', 'there', NULL, NULL, NULL, '10.9.9.9'),
    pg_temp.made(1, '2026-06-23 11:35', 'later', NULL, NULL, NULL, '10.0.0.1') \g /dev/null
SELECT is((SELECT array_agg(pg_temp.reasons(f.searches)) FROM pg_temp.odd('one account, several addresses') f), '{"here there"}', 'NS-32.6.11.3: one account at two addresses within minutes');
SELECT pg_temp.made(2, '2026-06-24 10:30', 'guest', NULL, NULL, NULL, '10.0.0.1'), pg_temp.made(1, '2026-06-24 10:33', 'host', NULL, NULL, NULL, '10.0.0.1') \g /dev/null
SELECT is((SELECT array_agg(pg_temp.reasons(f.searches)) FROM pg_temp.odd('several accounts, one address') f), '{guest}', 'NS-32.6.11.3: an account at another one''s address');
SELECT pg_temp.made(1, '2026-06-25 10:30', 'gate', NULL, NULL, NULL, NULL, 77), pg_temp.made(2, '2026-06-25 10:31', 'gate', NULL, NULL, NULL, NULL, 77),
    pg_temp.made(1, '2026-06-25 10:40', 'lent', NULL, NULL, NULL, NULL, 78, 'completed', 'odd_1'), pg_temp.made(3, '2026-06-25 10:41', 'lent', NULL, NULL, NULL, NULL, 78, 'completed', 'odd_1') \g /dev/null
SELECT is((SELECT array_agg(pg_temp.reasons(f.searches)) FROM pg_temp.odd('several accounts, one session') f), '{lent}', 'NS-32.6.11.3: one session of a person for two accounts; a gateway''s is none');
SELECT facesnxt.assign_case('ODD', 'C-19', 'odd_1') \g /dev/null
SELECT pg_temp.made(n, clock_timestamp() - interval '1 minute', 'shared', NULL, 'C-19') FROM generate_series(1, 3) n \g /dev/null
SELECT is((SELECT count(*)::int FROM pg_temp.odd('case number reused', now() - interval '1 day', now() + interval '1 day') f WHERE f.cases = '{C-19}'), 1, 'NM-VI.B.1: a case number that three who are not assigned use');
SELECT facesnxt.assign_case('ODD', 'C-19', 'odd_2') \g /dev/null
SELECT pg_temp.made(n, clock_timestamp() + interval '1 minute', 'shared', NULL, 'C-18') FROM generate_series(1, 2) n \g /dev/null
SELECT is((SELECT count(*)::int FROM pg_temp.odd('case number reused', now() - interval '1 day', now() + interval '1 day') f WHERE f.cases = '{C-18}'), 0, 'two are not three');

SELECT is(pg_temp.try('odd_2', $$SELECT facesnxt.give_staff_face('I agree', template => '[1,2]')$$), 'done', 'another face is given') \g
SELECT facesnxt.set_account_status('odd_2', 'revoked', 'separated') \g /dev/null
SELECT is((SELECT count(*)::int FROM facesnxt.staff_face JOIN who USING (account_id)), 0, 'and goes with the account');
SELECT is(pg_temp.try('odd_2', 'SELECT facesnxt.withdraw_staff_face()'), 'NX302', 'whose holder has nothing to withdraw any more');

-- ---- settings are the policy's, and who sees findings
SELECT is(facesnxt.rule_value_fault('anomalies', v), f, format('anomalies: %s', v)) FROM (VALUES
    ('{"same_face": 0.7, "time_zone": "UTC"}'::jsonb, NULL), ('{"burst": 0}', 'the value of rule "anomalies" means nothing: {"burst": 0}'),
    ('{"same_faces": 0.7}', 'the value of rule "anomalies" means nothing: {"same_faces": 0.7}'),
    ('{"time_zone": "Mars"}', 'the value of rule "anomalies" means nothing: {"time_zone": "Mars"}')) t (v, f);
SELECT ok(pg_temp.try('odd_aud', $$SELECT * FROM facesnxt.anomalies('ODD', '2026-06-01', '2026-07-01')$$) = 'done', 'the host''s auditor sees findings');
SELECT is(pg_temp.try('odd_else', $$SELECT * FROM facesnxt.anomalies('ODD', '2026-06-01', '2026-07-01')$$), '42704', 'SP-II.A: another agency''s does not');
SELECT is(pg_temp.try('odd_1', $$SELECT * FROM facesnxt.anomalies('ODD', '2026-06-01', '2026-07-01')$$), '42501', 'nor does who searches');
SELECT is(pg_temp.try('odd_adm', $$SELECT * FROM facesnxt.anomalies('ODD', '2026-06-01', '2026-07-01')$$), '42501', 'nor who administers');
SELECT is((SELECT count(*)::int FROM facesnxt.anomalies('ODD', '2026-06-01', '2026-07-01')), (SELECT count(DISTINCT finding_id)::int FROM facesnxt.anomalies('ODD', '2026-06-01', '2026-07-01')), 'each finding has its own id');
SELECT is((SELECT count(*)::int FROM facesnxt.anomalies('ODD', '2026-06-01', '2026-07-01') f WHERE f.explanation IS NULL OR f.clause IS NULL OR f.severity IS NULL), 0, 'and its words and its clause');
SELECT * FROM finish();
ROLLBACK;
