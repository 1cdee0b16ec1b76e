-- What an erasure does to which table, what a hold keeps, and what is due.
-- the writer of records must know who acts
CREATE ROLE erase_adm; GRANT facesnxt_admin TO erase_adm; CREATE ROLE erase_chief;
BEGIN;
SELECT no_plan();

CREATE ROLE erase_nobody; CREATE ROLE erase_member; GRANT facesnxt_member TO erase_member;
CREATE ROLE erase_aud; GRANT facesnxt_auditor TO erase_aud;
SELECT results_eq(
    format('SELECT has_function_privilege(r, %s, ''EXECUTE'') FROM unnest(ARRAY[''erase_nobody'', ''erase_member'', ''erase_adm'', ''erase_aud'']) r', p.oid),
    ARRAY[false, member, adm, aud], name || ' is executable by whom it should be')
FROM (VALUES ('set_hold', true, true, false), ('lift_hold', true, true, false), ('propose_expungement', false, true, false),
    ('decide_expungement', true, true, false), ('erasure_statements', false, true, false), ('finish_erasure', false, true, false),
    ('retention_due', false, true, true), ('apply_retention', false, true, false), ('erase', false, false, false),
    ('erasing', false, false, false), ('wipe', false, false, false), ('erase_steps', false, false, false)) v (name, member, adm, aud)
    JOIN pg_proc p ON p.proname = name AND p.pronamespace = 'facesnxt'::regnamespace;

-- rows as text: columns of type name have another collation than texts
CREATE FUNCTION pg_temp.told(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('SELECT string_agg(r::text, '' '') FROM (%s) r', query) INTO answer;
    RETURN answer;
END $$;
CREATE FUNCTION pg_temp.eq(query text, expected text, name text) RETURNS text LANGUAGE sql AS $$ SELECT is(pg_temp.told(query), pg_temp.told(expected), name) $$;

-- ---- no table is forgotten

SELECT is_empty('SELECT * FROM facesnxt.erase_gaps()', 'NM-IX.A.6: of every column that may hold a face it is said what an expungement does to it');
CREATE TABLE facesnxt.forgotten (number int, template facesnxt.embedding, copy bytea, told jsonb, person_id uuid, persons regrole[]);
SELECT pg_temp.eq('SELECT "column"::text FROM facesnxt.erase_gaps()', $$VALUES ('copy'), ('person_id'), ('template'), ('told')$$, 'NM-IX.A.6: a new table that may hold one is noticed');
DROP TABLE facesnxt.forgotten;
ALTER TABLE facesnxt.candidate ADD COLUMN thumbnail bytea;
SELECT pg_temp.eq('SELECT relation::text, "column"::text FROM facesnxt.erase_gaps()', $$VALUES ('candidate', 'thumbnail')$$, 'NM-IX.A.6: so is a new column of an old one');
ALTER TABLE facesnxt.candidate DROP COLUMN thumbnail;
CREATE TABLE facesnxt.forgotten (search_id uuid REFERENCES facesnxt.search);
SELECT pg_temp.eq('SELECT relation::text, problem ~ ''^it refers to search'' FROM facesnxt.erase_gaps()', $$VALUES ('forgotten', true)$$, 'NM-IX.A.6: so is a table that would keep searches from being deleted');
DROP TABLE facesnxt.forgotten;
SELECT is_empty($$SELECT a.attrelid::regclass, a.attname FROM pg_attribute a
    WHERE (a.attrelid = 'facesnxt.person'::regclass AND a.attname = 'name' OR a.attrelid = 'facesnxt.person_detail'::regclass AND a.attname = 'licence_number'
        OR a.attrelid = 'facesnxt.reference_image'::regclass AND a.attname = 'photo') AND a.attstattarget <> 0$$,
    'NM-IX.A.6: no statistics are kept of names, numbers and photographs');

-- ---- what a policy can say

SELECT is(facesnxt.rule_value_fault('retention', v) IS NULL, means, format('NM-IX.A.6: retention %s', v))
FROM (VALUES ('{"searches": 365, "log": 365, "probes": 0}'::jsonb, true), ('{"searches": 364}', false), ('{"log": 364}', false),
    ('{"probes": -1}', false), ('{"probes": "a month"}', false), ('{"photographs": 30}', false), ('{}', true), ('{"audits": 1094}', false), ('{"audits": 1095}', true)) x (v, means);

-- ---- two agencies with records of three years

SELECT facesnxt.create_agency('EA', 'A') AS a, facesnxt.create_agency('EB', 'B') AS b, facesnxt.create_agency('EC', 'C') AS c \gset
SELECT facesnxt.adopt_policy(code, document => format('{"title": "T", "purposes": [], "rules": [{"rule": "retention", "clause": "X-1", "value":
    {"probes": 30, "templates": 60, "candidates": 90, "searches": 400, "log": 500}}]}')::jsonb) FROM unnest('{EA,EB}'::text[]) code \g /dev/null
SELECT facesnxt.adopt_policy('EC', document => '{"title": "T", "purposes": [], "rules": []}') \g /dev/null
SELECT facesnxt.admit('erase_chief'), facesnxt.appoint('EA', 'chief', 'erase_chief') \g /dev/null
SELECT facesnxt.open_case('EA', 'C-' || i, 'robbery') FROM generate_series(1, 3) i \g /dev/null
SELECT facesnxt.create_person('One') AS one, facesnxt.create_person('Two') AS two, facesnxt.create_person('Three') AS three \gset
SELECT facesnxt.enrol_template('[1,0,0]', :'one', 'booking', 'fingerprint') AS ref_one, facesnxt.enrol_template('[0,1,0]', :'two', 'booking', 'fingerprint') AS ref_two,
    facesnxt.enrol_template('[0,1,1]', :'two', 'booking', 'fingerprint') AS ref_two_b \gset

CREATE TEMP TABLE made (name text PRIMARY KEY, id uuid);
-- a search so many days ago, of a probe of this name, with its photograph, template and two candidates
CREATE FUNCTION pg_temp.searched(name text, agency uuid, days int, case_number text, probe text, person uuid, reference uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    sha CONSTANT bytea := sha256(probe::bytea);
    at CONSTANT timestamptz := now() - days * interval '1 day';
    id uuid;
BEGIN
    INSERT INTO facesnxt.probe (agency_id, sha256, image, recorded_at) VALUES (agency, sha, probe::bytea, at) ON CONFLICT DO NOTHING;
    INSERT INTO facesnxt.search (status, sqlstate, agency_id, case_number, probe_sha256, probe_kept, facts, reason, requested_at, recorded_at,
        repositories, candidates, session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start)
    VALUES ('refused', 'NX305', agency, case_number, sha, true, jsonb_build_object('search', jsonb_build_object('probe', jsonb_build_object('sha256',
        encode(sha, 'hex'), 'kind', 'jpeg'))), name, at, at, '{}', 1, 'x', 1, 'x', 1, 1, at)
    RETURNING search_id INTO id;
    INSERT INTO facesnxt.probe_template (search_id, model, template) VALUES (id, '00000000', '[1,2,3]');
    INSERT INTO facesnxt.candidate (search_id, rank, person_id, reference_id, repository, score, model)
    VALUES (id, 1, person, reference, 'booking', 0.5, '00000000');
    INSERT INTO made VALUES (name, id);
END $$;
SELECT pg_temp.searched(name, agency::uuid, days, c, probe, person::uuid, reference::uuid)
FROM (VALUES ('fresh', :'a', 10, 'C-1', 'p1', :'one', :'ref_one'), ('used twice', :'a', 70, 'C-1', 'p1', :'one', :'ref_one'),
    ('month', :'a', 45, 'C-1', 'p2', :'one', :'ref_one'), ('quarter', :'a', 100, 'C-2', 'p3', :'two', :'ref_two'),
    ('old', :'a', 900, 'C-1', 'p4', :'one', :'ref_one'), ('old, held', :'a', 900, 'C-3', 'p5', :'three', :'ref_two'),
    ('theirs', :'b', 900, 'C-3', 'p4', :'three', :'ref_two')) v (name, agency, days, c, probe, person, reference) \g /dev/null
INSERT INTO facesnxt.comparison (search_id, person_id, conclusion, note, account_id, capacities, acting_role, session_role)
SELECT id, :'two', 'possible match', 'it is Two', gen_random_uuid(), '{}', 'x', 'x' FROM made WHERE name = 'quarter';
INSERT INTO facesnxt.corroboration (search_id, person_id, kind, source, note, account_id, acting_role, session_role)
SELECT id, :'two', 'reports', 'Two''s neighbour', 'seen', gen_random_uuid(), 'x', 'x' FROM made WHERE name = 'quarter';
INSERT INTO facesnxt.refused_step (step, agency_id, search_id, sqlstate, message, acting_role, session_role, requested_at, recorded_at)
SELECT 'x', :'a', (SELECT id FROM made WHERE name = 'old, held' AND n = 1), 'NX305', 'refused ' || n, 'x', 'x', now(), now() - interval '600 days' FROM generate_series(1, 3) n;

-- ---- holds

GRANT ALL ON made TO erase_chief;
SET LOCAL ROLE erase_chief;
SELECT facesnxt.set_hold('EA', 'case', 'trial', case_number => 'C-3') AS case_hold \gset
RESET ROLE;
CREATE FUNCTION pg_temp.against(scope text, target uuid, agency uuid) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM facesnxt.holds_against($1, $2, $3) $$;
SELECT is(pg_temp.against('person', :'three', :'a'), 1::bigint, 'NM-IX.A.6: a hold of a case holds its candidates');
SELECT is(pg_temp.against('reference', :'ref_two', :'a'), 1::bigint, 'NM-IX.A.6: ... by the reference that was shown');
SELECT is(pg_temp.against('reference', :'ref_two_b', :'a'), 0::bigint, 'NM-IX.A.6: ... and no other');
SELECT is(pg_temp.against('probe', (SELECT id FROM made WHERE name = 'old, held'), :'a'), 1::bigint, 'NM-IX.A.6: ... and its probe');
SELECT is(pg_temp.against('probe', (SELECT id FROM made WHERE name = 'old'), :'a'), 0::bigint, 'NM-IX.A.6: another case''s probe is free');
SELECT is(pg_temp.against('probe', (SELECT id FROM made WHERE name = 'theirs'), :'b'), 0::bigint, 'NM-IX.A.6: so is another agency''s, of a case of the same number');
SELECT is(pg_temp.against('person', :'one', :'a'), 0::bigint, 'NM-IX.A.6: whoever is no candidate of it is free');
-- a 1:1 comparison, and a raw statement with its probe and its row, for the held case
SELECT facesnxt.create_person('Four') AS four, facesnxt.create_person('Five') AS five \gset
SELECT facesnxt.enrol_template('[1,1,0]', :'four', 'booking', 'fingerprint') AS ref_four, facesnxt.probe_shape(NULL, '[7,8,9]')->>'sha256' AS shape,
    gen_random_uuid() AS ticket, gen_random_uuid() AS statement, gen_random_uuid() AS pair \gset
INSERT INTO facesnxt.verification (verification_id, status, sqlstate, agency_id, case_number, reference_id, facts, requested_at, identity, acting_role, session_role)
VALUES (gen_random_uuid(), 'refused', 'NX305', :'a', 'C-3', :'ref_four', NULL, now(), '{}', 'x', 'x'),
    (:'pair', 'refused', 'NX305', :'a', 'C-1', NULL, jsonb_build_object('search', jsonb_build_object('probe', jsonb_build_object('sha256', :'shape'))), now(), '{}', 'x', 'x');
INSERT INTO facesnxt.ticket (ticket_id, agency_id, agency, account_id, version_id, case_number, purpose, facts, request, repositories, max_rows, max_statements,
    expires_at, session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start)
VALUES (:'ticket', :'a', 'EA', gen_random_uuid(), gen_random_uuid(), 'C-3', 'x', '{}', '{}', '{}', 1, 1, now(), 'x', 1, 'x', 1, 1, now());
INSERT INTO facesnxt.raw_statement (statement_id, ticket_id, agency_id, status, statement, probe, session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start)
VALUES (:'statement', :'ticket', :'a', 'admitted', 'SELECT', '[7,8,9]', 'x', 1, 'x', 1, 1, now());
INSERT INTO facesnxt.raw_row (statement_id, rank, person_id, columns) VALUES (:'statement', 1, :'five', '[]');
SELECT is(pg_temp.against('person', :'four', :'a'), 1::bigint, 'NM-IX.A.6: a hold of a case holds whom a 1:1 comparison for it was with');
SELECT is(pg_temp.against('reference', :'ref_four', :'a'), 1::bigint, 'NM-IX.A.6: ... and the reference');
SELECT is(pg_temp.against('person', :'five', :'a'), 1::bigint, 'NM-IX.A.6: ... whom a raw statement for it gave');
SELECT is(pg_temp.against('probe', :'pair', :'a'), 1::bigint, 'NM-IX.A.6: ... and the probe of one');
SET LOCAL ROLE erase_chief;
SELECT facesnxt.set_hold('EA', kind, 'trial', target => t) FROM (VALUES ('person', :'one'::uuid), ('reference', :'ref_two_b'),
    ('search', (SELECT id FROM made WHERE name = 'month')), ('probe', (SELECT id FROM made WHERE name = 'quarter'))) v (kind, t) \g /dev/null
RESET ROLE;
SELECT is((SELECT string_agg(h.kind, ' ' ORDER BY h.kind) FROM facesnxt.holds_against(s, t, :'a') h), kinds, format('NM-IX.A.6: %s', what))
FROM (VALUES ('person', :'one'::uuid, 'person search', 'a person is held as such, and as a candidate'),
    ('person', :'two', 'probe reference', 'by a reference, and as a candidate of a held probe'),
    ('reference', :'ref_one', 'person search', 'a reference is held with its person'),
    ('reference', :'ref_two_b', 'reference', 'or as such'),
    ('probe', (SELECT id FROM made WHERE name = 'quarter'), 'probe', 'a probe is held as such'),
    ('probe', (SELECT id FROM made WHERE name = 'month'), 'person search', 'or by a search with it, or a person whom it led to')) v (s, t, kinds, what);
SELECT facesnxt.retention_due('EA') \g /dev/null
CREATE TEMP TABLE held AS SELECT hold_id FROM facesnxt.live_hold WHERE agency_id = :'a' AND hold_id <> :'case_hold';
GRANT SELECT ON held TO erase_chief;
SET LOCAL ROLE erase_chief;
SELECT facesnxt.lift_hold(hold_id, 'over') FROM held \g /dev/null
RESET ROLE;
SELECT is((SELECT count(*) FROM facesnxt.live_hold WHERE agency_id = :'a'), 1::bigint, 'NM-IX.A.6: what is lifted holds no more');
SELECT is((SELECT count(*) FROM facesnxt.legal_hold_end WHERE agency_id = :'a' AND by_role = 'erase_chief' AND reason = 'over'), 4::bigint, 'NM-IX.A.6: who lifted it and why is on record');

-- ---- retention

-- in this zone it was 30 hours earlier a while ago, so that 500 days ago is later in it
INSERT INTO facesnxt.refused_step (step, agency_id, sqlstate, message, acting_role, session_role, requested_at, recorded_at)
VALUES ('x', :'b', 'NX305', 'not due', 'x', 'x', now(), now() - interval '12000 hours' + interval '12 hours');
SELECT format('AAA15BBB-15,J%s,J%s', to_char(t - interval '17 days', 'DDD')::int % 365 + 1, to_char(t + interval '60 days', 'DDD')::int % 365 + 1) AS zone
FROM (SELECT now() AT TIME ZONE 'UTC' AS t) u \gset
SET LOCAL TimeZone = :'zone';
SELECT is((SELECT d.due FROM facesnxt.retention_due('EB') d WHERE d.class = 'log'), 0::bigint, 'NM-IX.A.6: nothing is due earlier by the time zone of who asks');
SET LOCAL TimeZone TO DEFAULT;

SELECT pg_temp.eq($$SELECT class, clause, days, due, held FROM facesnxt.retention_due('EA')$$,
    $$VALUES ('candidates', 'X-1', 90, 1::bigint, 1::bigint), ('log', 'X-1', 500, 2, 1), ('probes', 'X-1', 30, 3, 1), ('searches', 'X-1', 400, 1, 1),
        ('templates', 'X-1', 60, 3, 1)$$, 'NM-IX.A.6: what is due, and what a hold keeps of it');
SELECT is_empty($$SELECT * FROM facesnxt.retention_due('EC')$$, 'NM-IX.A.6: without a rule nothing is due');
SET LOCAL ROLE erase_adm;
SELECT pg_temp.eq($$SELECT class, rows FROM facesnxt.apply_retention('EA')$$,
    $$VALUES ('probes', 9::bigint), ('templates', 1), ('candidates', 1), ('searches', 1), ('log', 2)$$, 'NM-IX.A.6, NS-32.6.5.4: it is erased, class by class');
RESET ROLE;
SELECT is((SELECT string_agg(encode(image, 'escape'), ' ' ORDER BY 1) FROM (SELECT image FROM facesnxt.probe WHERE agency_id = :'a' ORDER BY image) p), 'p1 p5',
    'NM-IX.A.6: a photograph that was used again stays, and so does a held one');
SELECT pg_temp.eq(format($$SELECT m.name, s.search_id IS NOT NULL, s.probe_sha256 IS NOT NULL, t.search_id IS NOT NULL, c.search_id IS NOT NULL FROM made m
    LEFT JOIN facesnxt.search s ON s.search_id = m.id LEFT JOIN facesnxt.probe_template t ON t.search_id = m.id LEFT JOIN facesnxt.candidate c ON c.search_id = m.id
    ORDER BY m.name$$), $$VALUES ('fresh', true, true, true, true), ('month', true, false, false, true), ('old', false, false, false, false),
        ('old, held', true, true, true, true), ('quarter', true, false, false, true), ('theirs', true, true, true, true), ('used twice', true, true, false, true)$$,
    'NM-IX.A.6: what is left of each search; a candidate that was compared stays with its search');
SELECT is((SELECT string_agg(r.message, ' ') FROM facesnxt.refused_step r WHERE r.agency_id = :'a' AND r.message ~ '^refused'), 'refused 1', 'NM-IX.A.6: of the log what a hold covers');
SELECT pg_temp.eq(format($$SELECT scope, clause, expungement_id IS NULL, before < now() FROM facesnxt.erasure WHERE agency_id = '%s' ORDER BY scope$$, :'a'),
    $$VALUES ('candidates', 'X-1', true, true), ('log', 'X-1', true, true), ('probe', 'X-1', true, true), ('searches', 'X-1', true, true), ('templates', 'X-1', true, true)$$,
    'NM-IX.A.6: each erasure has its record, with the clause');
SELECT is_empty($$SELECT * FROM facesnxt.apply_retention('EA')$$, 'NM-IX.A.6: what was erased is not due again');

-- ---- a person is expunged: by the Chief, on an administrator's proposal

-- a reference of which another model has made a template, too
INSERT INTO facesnxt.reference (reference_id, person_id, repository, template)
VALUES (:'ref_one', :'one', 'booking', facesnxt.with_model('[0,0,1]', '0000000b'));
INSERT INTO facesnxt.reextraction (run_id, model, fingerprint, detector, detector_fingerprint, acting_role, session_role)
VALUES (:'ref_one', 'new', '0000000b', 'any', '0000000c', 'x', 'x');
INSERT INTO facesnxt.reextracted (run_id, reference_id, person_id, extraction) VALUES (:'ref_one', :'ref_one', :'one', '{}');
SET LOCAL ROLE erase_adm;
SELECT facesnxt.propose_expungement('EA', 'person', :'two', '22-17', 'Circuit Court', '2022-05-02', 'expunged') AS two_asked,
    facesnxt.propose_expungement('EA', 'reference', :'ref_one', '22-18', 'Circuit Court', '2022-05-02', 'expunged') AS ref_asked,
    facesnxt.propose_expungement('EA', 'person', :'one', '22-19', 'Circuit Court', '2022-05-02', 'expunged') AS one_asked \gset
SET LOCAL ROLE erase_chief;
SELECT facesnxt.lift_hold(:'case_hold', 'over') \g /dev/null
SELECT facesnxt.decide_expungement(:'two_asked', true) AS two_erased, facesnxt.decide_expungement(:'ref_asked', true) AS ref_erased,
    facesnxt.decide_expungement(:'one_asked', false, 'another person') AS one_erased \gset
RESET ROLE;
SELECT pg_temp.eq(format($$SELECT relation::text, act, rows FROM facesnxt.erasure_count WHERE erasure_id = '%s' ORDER BY relation$$, :'two_erased'),
    $$VALUES ('comparison', 'blank', 1::bigint), ('corroboration', 'blank', 1), ('person', 'delete', 1), ('reference', 'delete', 2), ('reference_image', 'delete', 2)$$,
    'NM-IX.A.6: rows of a person are deleted, and texts about one blanked');
SELECT is((SELECT c.note IS NULL AND c.conclusion = 'possible match' AND k.source = '[expunged]' AND k.kind = 'reports' FROM facesnxt.comparison c
    JOIN facesnxt.corroboration k USING (search_id, person_id) WHERE c.person_id = :'two'), true, 'NM-IX.A.6: that there was a comparison stays');
SELECT is((SELECT count(*) FROM facesnxt.reference WHERE reference_id = :'ref_one') + (SELECT count(*) FROM facesnxt.reference_image WHERE reference_id = :'ref_one'), 0::bigint,
    'NM-IX.A.6: one reference goes');
SELECT is((SELECT rows FROM facesnxt.erasure_count WHERE erasure_id = :'ref_erased' AND relation = 'reference'), 2::bigint,
    'NM-IX.A.6: with the templates of both models');
SELECT is((SELECT count(*) FROM facesnxt.reextracted WHERE reference_id = :'ref_one'), 0::bigint, 'NM-IX.A.6: and what was noted when the second was made');
SELECT is((SELECT count(*) FROM facesnxt.person WHERE person_id = :'one'), 1::bigint, 'NM-IX.A.6: ... and the person stays, as the other expungement was rejected');
SELECT is((SELECT count(*) FROM facesnxt.candidate WHERE person_id = :'two'), 1::bigint, 'NM-IX.A.6: what was seen stays, by its id');
SELECT is_empty(format($$SELECT FROM facesnxt.erasure_end WHERE erasure_id = '%s'$$, :'two_erased'), 'NM-IX.A.6: no erasure is finished before the pages are');
SELECT is((SELECT bool_and(problem IS NULL) FROM facesnxt.finish_erasure(:'two_erased')), false, 'NM-IX.A.6: ... which hold it, as long as it is not committed and vacuumed');
SELECT throws_ok(format($$DELETE FROM facesnxt.candidate WHERE person_id = '%s'$$, :'two'), 'NX309', NULL, 'NM-IX.A.6: a record is closed again');
SELECT throws_ok(format($$SELECT facesnxt.erase(%L, 'person', NULL, NULL, NULL)$$, gen_random_uuid()), 'NX474', NULL, 'NM-IX.A.6: there is no erasure without a record');
SELECT throws_ok(format($$SELECT facesnxt.erase(%L, 'searches', NULL, NULL, NULL)$$, :'two_erased'), 'NX474', NULL, 'NM-IX.A.6: ... nor of another scope than recorded');
-- ---- the guard opens for one table and one statement

SET LOCAL ROLE erase_adm;
SELECT facesnxt.propose_expungement('EA', 'person', :'three', '22-20', 'Circuit Court', '2022-05-02', 'expunged') AS three_asked \gset
RESET ROLE;
CREATE FUNCTION pg_temp.decided(expungement uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL ROLE erase_chief;
    PERFORM facesnxt.decide_expungement(expungement, true);
END $$;
CREATE TABLE facesnxt.hanger (person_id uuid REFERENCES facesnxt.person);
INSERT INTO facesnxt.hanger VALUES (:'three');
SELECT throws_ok(format('SELECT pg_temp.decided(%L)', :'three_asked'), '23503', NULL, 'NM-IX.A.6: an erasure that fails on the way erases nothing');
SELECT is(facesnxt.erasing('facesnxt.person'), false, 'NM-IX.A.6: ... and leaves no guard open');
SELECT throws_ok('DELETE FROM facesnxt.candidate', 'NX309', NULL, 'NM-IX.A.6: ... of no record');
DROP TABLE facesnxt.hanger;
CREATE FUNCTION pg_temp.more() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM facesnxt.candidate; RETURN OLD; END $$;
CREATE TRIGGER more BEFORE DELETE ON facesnxt.person FOR EACH ROW EXECUTE FUNCTION pg_temp.more();
SELECT throws_ok(format('SELECT pg_temp.decided(%L)', :'three_asked'), 'NX309', NULL, 'NM-IX.A.6: what is erased from one record is erased from no other');
DROP TRIGGER more ON facesnxt.person;
SELECT lives_ok(format('SELECT pg_temp.decided(%L)', :'three_asked'), 'NM-IX.A.6: without that it is erased');
RESET ROLE;
SELECT is((SELECT count(*) FROM facesnxt.person WHERE person_id = :'three'), 0::bigint, 'NM-IX.A.6: ... and gone');

SELECT * FROM finish();
ROLLBACK;
DROP ROLE erase_adm, erase_chief;
