-- Audits as SQL: every number of a small activity, counted by hand; packs that
-- are computed again; who signs, receives and reads.
BEGIN;
SELECT no_plan();
SET client_min_messages = warning;

CREATE ROLE rep_det1; CREATE ROLE rep_det2; CREATE ROLE rep_cmd; CREATE ROLE rep_major; CREATE ROLE rep_other; CREATE ROLE rep_host;
CREATE ROLE rep_intel; CREATE ROLE rep_prog; CREATE ROLE rep_chief; CREATE ROLE rep_fra; CREATE ROLE rep_rtcc; CREATE ROLE rep_adm;
GRANT facesnxt_auditor TO rep_cmd, rep_other, rep_host, rep_prog, rep_rtcc;
GRANT facesnxt_member TO rep_det1, rep_det2, rep_cmd, rep_major, rep_intel, rep_prog, rep_chief, rep_fra, rep_rtcc;
GRANT facesnxt_admin TO rep_adm, rep_rtcc;

-- a policy as it would have been in force since January
CREATE FUNCTION pg_temp.since_january(agency text, code text) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    document jsonb := (SELECT s.document FROM facesnxt.shipped_policy s WHERE s.code = $2);
    of_agency uuid := facesnxt.create_agency(agency, 'Agency ' || agency);
    version uuid;
BEGIN
    INSERT INTO facesnxt.policy_version (agency_id, number, document, proposed_by, proposed_session)
    VALUES (of_agency, 1, document, 'test', 'test') RETURNING version_id INTO version;
    INSERT INTO facesnxt.policy_decision (version_id, adopted, effective_from, decided_by, decided_session)
    VALUES (version, true, '2021-01-01 00:00:00-05', 'test', 'test');
    INSERT INTO facesnxt.policy_purpose (version_id, code, description, class, clause, fields)
    SELECT version, p->>'code', p->>'description', p->>'class', p->>'clause', ARRAY(SELECT jsonb_array_elements_text(coalesce(p->'fields', '[]')))
    FROM jsonb_array_elements(document->'purposes') p;
    INSERT INTO facesnxt.policy_rule (version_id, rule, force, clause, value)
    SELECT version, r->>'rule', coalesce(r->>'force', 'shall'), r->>'clause', r->'value' FROM jsonb_array_elements(document->'rules') r;
    RETURN of_agency;
END $$;
SELECT pg_temp.since_january('R' || code, code) FROM unnest(ARRAY['NM', 'NS', 'NP', 'MI', 'SP']) code \g /dev/null

CREATE FUNCTION pg_temp.account(agency text, role regrole, active_at timestamptz) RETURNS void LANGUAGE sql AS $$
    WITH a AS (
        INSERT INTO facesnxt.account (agency_id, role, status, status_by) SELECT g.agency_id, $2, 'active', 'test' FROM facesnxt.agency g WHERE g.code = $1
        RETURNING account_id)
    INSERT INTO facesnxt.account_event (account_id, number, step, from_status, to_status, reason, at)
    SELECT a.account_id, s.n, s.step, s.was, s.now, s.reason, $3
    FROM a, (VALUES (1, 'registered', NULL, 'pending', NULL), (2, 'activated', 'pending', 'active', 'trained')) s (n, step, was, now, reason)
$$;
SELECT pg_temp.account('RNM', r, '2021-05-01 12:00Z') FROM unnest(ARRAY['rep_det1', 'rep_det2']::regrole[]) r \g /dev/null
SELECT pg_temp.account('RSP', 'rep_other', '2021-05-01 12:00Z') \g /dev/null

CREATE TEMP TABLE s (name text PRIMARY KEY, search_id uuid);
CREATE FUNCTION pg_temp.search(name text, agency text, role name, at timestamptz, case_number text, purpose text, candidates int,
    facts jsonb DEFAULT '{}', fields jsonb DEFAULT NULL, probe text DEFAULT NULL, set_aside jsonb DEFAULT '{}',
    code text DEFAULT NULL, clause text DEFAULT NULL) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    new_id uuid;
    g facesnxt.agency := (SELECT a FROM facesnxt.agency a WHERE a.code = search.agency);
BEGIN
    INSERT INTO facesnxt.search (status, sqlstate, clause, message, agency_id, agency, account_id, version_id, case_number, case_id, incident_type,
        purpose, reason, fields, facts, set_aside, probe_sha256, probe_kept, model, requested_at, recorded_at, repositories, references_compared,
        candidates, exact, session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start)
    VALUES (CASE WHEN code IS NULL THEN 'completed' ELSE 'refused' END, code, clause, 'refused for ' || clause, g.agency_id, agency,
        coalesce((SELECT a.account_id FROM facesnxt.account a WHERE a.role = search.role::regrole), gen_random_uuid()),
        facesnxt.policy_in_force(g.agency_id, at), case_number,
        (SELECT c.case_id FROM facesnxt.case_file c WHERE c.agency_id = g.agency_id AND c.case_number = search.case_number),
        'robbery', purpose, 'test', fields,
        '{"account": {"agency": "R"}, "fields": {}, "overrides": {}, "case": {"status": "open", "assigned": true}}' || facts
            || jsonb_build_object('purpose', purpose, 'search', jsonb_build_object('probe', jsonb_build_object('sha256', coalesce(probe, name)))),
        set_aside, sha256(name::bytea), false, '0000000a', at, at, '{booking}', 10, candidates, true, role, 1, role, 1, 1, at)
    RETURNING search_id INTO new_id;
    INSERT INTO facesnxt.candidate (search_id, rank, person_id, reference_id, repository, score, model)
    SELECT new_id, i, md5(name || i)::uuid, md5('r' || name || i)::uuid, 'booking', 0.9 - i * 0.1, '0000000a' FROM generate_series(1, candidates) i;
    INSERT INTO s VALUES (name, new_id);
    RETURN new_id;
END $$;
CREATE FUNCTION pg_temp.id(name text) RETURNS uuid LANGUAGE sql AS $$ SELECT search_id FROM s WHERE s.name = $1 $$;
CREATE FUNCTION pg_temp.person(name text, rank int) RETURNS uuid LANGUAGE sql AS $$ SELECT md5($1 || $2)::uuid $$;
CREATE FUNCTION pg_temp.dispose(name text, at timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO facesnxt.comparison (search_id, person_id, conclusion, account_id, capacities, acting_role, session_role, recorded_at)
    SELECT c.search_id, c.person_id, CASE c.rank WHEN 1 THEN 'possible match' ELSE 'excluded' END, gen_random_uuid(), '{searcher}', 'rep_det1', 'rep_det1', at
    FROM facesnxt.candidate c WHERE c.search_id = pg_temp.id(name) $$;
CREATE FUNCTION pg_temp.write_up(name text, at timestamptz, match boolean, determination text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO facesnxt.report (search_id, kind, number, positive_match, officer, items, version_id, account_id, acting_role, session_role, recorded_at)
    SELECT pg_temp.id(name), 'case report', 'R-' || name, match, 'rep_det1', '{}', gen_random_uuid(), gen_random_uuid(), 'rep_det1', 'rep_det1', at;
    INSERT INTO facesnxt.outcome (search_id, determination, person_id, corroboration, recorded_by, account_id, recorded_at)
    SELECT pg_temp.id(name), determination, CASE determination WHEN 'lead confirmed' THEN pg_temp.person(name, 1) END, 'interview', 'rep_det1', gen_random_uuid(), at $$;
CREATE FUNCTION pg_temp.identify(name text, at timestamptz) RETURNS uuid LANGUAGE sql AS $$
    WITH c AS (
        INSERT INTO facesnxt.corroboration (search_id, person_id, kind, source, account_id, acting_role, session_role, recorded_at)
        SELECT pg_temp.id(name), pg_temp.person(name, 1), 'interviews', 'file 7', gen_random_uuid(), 'rep_det1', 'rep_det1', at RETURNING item_id, search_id, person_id)
    INSERT INTO facesnxt.identification (search_id, person_id, basis, items, account_id, capacities, acting_role, session_role, recorded_at)
    SELECT c.search_id, c.person_id, 'knows the person', ARRAY[c.item_id], gen_random_uuid(), '{searcher}', 'rep_det1', 'rep_det1', at FROM c RETURNING items[1] $$;

-- ---- May at North Miami, which ends at 04:00 UTC of June 1

INSERT INTO facesnxt.case_file (agency_id, case_number, incident_type, opened_at)
SELECT g.agency_id, n, 'robbery', '2021-04-30' FROM facesnxt.agency g, unnest(ARRAY['21-1', '21-2']) n WHERE g.code = 'RNM';
SELECT pg_temp.search('clean', 'RNM', 'rep_det1', '2021-05-02 12:00Z', '21-1', 'criminal_investigation', 3),
    pg_temp.search('bare', 'RNM', 'rep_det1', '2021-05-03 12:00Z', '21-1', 'criminal_investigation', 2, probe => 'same'),
    pg_temp.search('limb', 'RNM', 'rep_det2', '2021-05-10 12:00Z', '21-2', 'lawfully_detained', 0, '{"case": {"status": "open", "assigned": false}}',
        set_aside => '{"case_assigned": {"clause": "NM-IX.A.2", "reason": "partner is ill"}}'),
    pg_temp.search('closed', 'RNM', 'rep_det2', '2021-05-20 12:00Z', '21-9', 'criminal_investigation', 0, '{"case": {"status": "closed", "assigned": true}}'),
    pg_temp.search('withdrawn', 'RNM', 'rep_det1', '2021-05-21 12:00Z', '21-1', 'criminal_investigation', 1),
    pg_temp.search('night', 'RNM', 'rep_det2', '2021-06-01 01:00Z', '21-2', 'criminal_investigation', 0, probe => 'same'),
    pg_temp.search('june', 'RNM', 'rep_det1', '2021-06-01 04:00Z', '21-1', 'criminal_investigation', 0),
    pg_temp.search('no case', 'RNM', 'rep_det1', '2021-05-05 12:00Z', NULL, 'criminal_investigation', 0, code => 'NX303', clause => 'NM-VI.B.1'),
    pg_temp.search('not open', 'RNM', 'rep_det2', '2021-05-06 12:00Z', '21-9', 'criminal_investigation', 0, code => 'NX304', clause => 'NM-IX.A.2') \g /dev/null
SELECT pg_temp.dispose('clean', '2021-05-02 13:00Z'), pg_temp.dispose('withdrawn', '2021-05-21 13:00Z'),
    pg_temp.identify('clean', '2021-05-02 14:00Z'),
    pg_temp.write_up('clean', '2021-05-04', true, 'lead confirmed'), pg_temp.write_up('limb', '2021-05-12', false, 'no match'),
    pg_temp.write_up('closed', '2021-05-22', false, 'no match'), pg_temp.write_up('withdrawn', '2021-05-23', true, 'lead confirmed'),
    pg_temp.write_up('night', '2021-06-02', false, 'inconclusive') \g /dev/null
INSERT INTO facesnxt.withdrawal (item_id, search_id, reason, account_id, acting_role, session_role, recorded_at)
SELECT pg_temp.identify('withdrawn', '2021-05-21 14:00Z'), pg_temp.id('withdrawn'), 'it was somebody else', gen_random_uuid(), 'rep_det1', 'rep_det1', '2021-05-25';
INSERT INTO facesnxt.match_decision (search_id, matched, person_id, account_id, capacities, acting_role, session_role, recorded_at)
VALUES (pg_temp.id('clean'), true, pg_temp.person('clean', 1), gen_random_uuid(), '{searcher}', 'rep_det1', 'rep_det1', '2021-05-02 13:30Z'),
    (pg_temp.id('limb'), false, NULL, gen_random_uuid(), '{searcher}', 'rep_det2', 'rep_det2', '2021-05-10 13:30Z');
-- the rest of the activity
INSERT INTO facesnxt.access_log (kind, sqlstate, agency_id, account_id, acting_role, session_role, search_id, ranks, fields, recipient, ground, recorded_at)
SELECT v.kind, v.sqlstate, g.agency_id, a.account_id, 'rep_det1', 'rep_det1', pg_temp.id('clean'), v.ranks, v.fields, v.recipient, v.ground, '2021-05-02 15:00Z'
FROM facesnxt.agency g JOIN facesnxt.account a ON a.role = 'rep_det1'::regrole, (VALUES ('view', NULL, ARRAY[1], ARRAY['name', 'photo'], NULL, NULL),
    ('view', NULL, ARRAY[2], ARRAY['name'], NULL, NULL), ('export', NULL, ARRAY[1, 2, 3], ARRAY['name'], 'State Attorney', 'subpoena 9'),
    ('export', 'NX397', NULL, ARRAY['name'], NULL, NULL)) v (kind, sqlstate, ranks, fields, recipient, ground) WHERE g.code = 'RNM';
INSERT INTO facesnxt.verification (status, sqlstate, clause, case_number, agency_id, account_id, score, requested_at, recorded_at, identity, acting_role, session_role)
SELECT v.status, v.sqlstate, v.clause, '21-1', g.agency_id, a.account_id, v.score, '2021-05-08', '2021-05-08', '{}', 'rep_det2', 'rep_det2'
FROM facesnxt.agency g JOIN facesnxt.account a ON a.role = 'rep_det2'::regrole,
    (VALUES ('completed', NULL, NULL, 0.5), ('refused', 'NX303', 'NM-VI.B.1', NULL)) v (status, sqlstate, clause, score) WHERE g.code = 'RNM';
INSERT INTO facesnxt.raw_statement (agency_id, status, sqlstate, statement, recorded_at, session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start)
SELECT g.agency_id, 'refused', 'NX370', 'SELECT', '2021-05-09', 'rep_det2', 'rep_det2'::regrole, 'rep_det2', 'rep_det2'::regrole, 1, '2021-05-09'
FROM facesnxt.agency g WHERE g.code = 'RNM';
INSERT INTO facesnxt.refused_step (step, agency_id, account_id, sqlstate, clause, message, acting_role, session_role, requested_at, recorded_at)
SELECT 'report', g.agency_id, a.account_id, 'NX364', 'NM-VI.C', 'report refused', 'rep_det1', 'rep_det1', '2021-05-03', '2021-05-03'
FROM facesnxt.agency g JOIN facesnxt.account a ON a.role = 'rep_det1'::regrole WHERE g.code = 'RNM';
INSERT INTO facesnxt.action (status, kind, search_id, sqlstate, clause, findings, facts, version_id, agency_id, account_id, acting_role, session_role, requested_at, recorded_at)
SELECT v.status, v.kind, pg_temp.id('clean'), v.sqlstate, v.clause, '[]', '{}', gen_random_uuid(), g.agency_id, a.account_id, 'rep_det1', 'rep_det1', '2021-05-06', '2021-05-06'
FROM facesnxt.agency g JOIN facesnxt.account a ON a.role = 'rep_det1'::regrole,
    (VALUES ('refused', 'arrest', 'NX357', 'NM-VI.E'), ('permitted', 'arrest', NULL, NULL)) v (status, kind, sqlstate, clause) WHERE g.code = 'RNM';

WITH l AS (
    INSERT INTO facesnxt.log_access (agency_id, relations, functions, wording, right_of, acting_role, acting_oid, session_role, session_oid, backend_pid, requested_at, recorded_at)
    SELECT g.agency_id, '{search}', '{}', 'SELECT', 'rep_cmd', 'rep_cmd', 1, 'rep_cmd', 1, 1, '2021-05-09', '2021-05-09' FROM facesnxt.agency g WHERE g.code = 'RNM'
    RETURNING log_access_id)
INSERT INTO facesnxt.log_access_end (log_access_id, rows, recorded_at) SELECT l.log_access_id, 12, '2021-05-09' FROM l;

-- without what another part finds in faces and habits, which is handed over
CREATE FUNCTION pg_temp.report(month date, as_of timestamptz) RETURNS SETOF facesnxt.report_line LANGUAGE sql AS $$
    SELECT l.* FROM facesnxt.agency g CROSS JOIN LATERAL facesnxt.report_period(g.agency_id, $1, 1, $2) p,
        facesnxt.activity_sections(g.agency_id, p.since, p.until, $2, '{}') l WHERE g.code = 'RNM' $$;
CREATE TEMP TABLE may AS SELECT * FROM pg_temp.report('2021-05-31', '2021-06-05');
SELECT results_eq($$SELECT place, section, line, value, detail FROM facesnxt.monthly_report('RNM', '2021-05-07', '2021-06-05') WHERE section !~ '^4'$$,
    $$SELECT place, section, line, value, detail FROM may WHERE section !~ '^4'$$, 'NM-VII.B: monthly_report() gives these lines');
CREATE FUNCTION pg_temp.line(section text, line text, OUT value text, OUT detail text) LANGUAGE sql AS $$
    SELECT m.value, m.detail FROM may m WHERE m.section LIKE $1 || '%' AND m.line = $2 $$;
SELECT is((pg_temp.line(w.section, w.line)).value, w.value, format('NM-VII.B: %s: %s', w.section, btrim(w.line)))
FROM (VALUES ('1', 'searches asked for', '8'), ('1', '  completed', '6'), ('1', '  refused', '2'),
    ('1', 'purpose: criminal_investigation', '5'), ('1', 'purpose: lawfully_detained', '1'), ('1', 'incident type: robbery', '6'),
    ('1', 'refused: NM-VI.B.1', '1'), ('1', 'refused: NM-IX.A.2', '1'), ('1', 'cases', '3'), ('1', 'photographs searched', '5'),
    ('1', 'searches with candidates', '3'), ('1', 'candidates returned', '6'), ('1', 'exact searches', '6'), ('1', 'repository: booking', '6'),
    ('1', 'exigent searches', '0'), ('1', 'searches with an advisory rule set aside', '1'),
    ('1', 'evaluated: possible match', '1'), ('1', 'evaluated: no match', '1'), ('1', 'not evaluated', '4'),
    ('1', 'outcome: lead confirmed', '2'), ('1', 'outcome: no match', '2'), ('1', 'outcome: inconclusive', '1'), ('1', 'outcome: not recorded', '1'),
    ('1', 'searches with an identification', '2'), ('1', 'searches with a report', '5'),
    ('1', 'action permitted: arrest', '1'), ('1', 'action refused: arrest', '1'),
    ('2', 'accounts active at the end', '2'), ('2', 'accounts that searched', '2'), ('2', 'active accounts that did nothing', '0'),
    ('2', 'account: rep_det1', '3'), ('2', 'account: rep_det2', '3'), ('2', 'account step: activated', '2'), ('2', 'account step: registered', '2'),
    ('3', 'open searches', '0'), ('3', 'raw statements admitted', '0'), ('3', 'raw statements refused', '1'),
    ('3', '1:1 verifications completed', '1'), ('3', '1:1 verifications refused', '1'), ('3', 'views of candidates', '2'), ('3', 'exports', '1'),
    ('3', 'exported to: State Attorney', '1'), ('3', 'field seen: name', '3'), ('3', 'field seen: photo', '1'), ('3', 'refused: export', '1'),
    ('3', 'refused step: report', '1'), ('3', 'reads of the log: rep_cmd', '1'),
    ('4', 'searches that require substantiation', '5'), ('4', 'reason: report', '1'), ('4', 'reason: outcome', '1'), ('4', 'reason: corroboration', '1'),
    ('4', 'reason: case', '2'), ('4', 'reason: fields', '1'), ('4', 'reason: dispositions', '1'), ('4', 'reason: anomaly', '2'), ('4', 'reason: override', '1'))
    AS w (section, line, value);
SELECT is((SELECT count(*) FROM may WHERE section LIKE '4%' AND line LIKE 'reason:%'), 8::bigint, 'NM-VII.B: and no other reason');
SELECT is((SELECT string_agg(DISTINCT left(section, 1), '' ORDER BY left(section, 1)) FROM may), '1234', 'NM-II.c: searches, use, access and inquiries of any month, at any time');
SELECT is((pg_temp.line('2', 'account: rep_det1')).detail, '1 cases, 4 refused, 2 views, 1 exports, 1 actions, last 2021-05-21 08:00',
    'NM-VII.B: what an account did, in the time of the agency');
SELECT is((pg_temp.line('2', 'account: rep_det2')).detail, '2 cases, 3 refused, 1 verified, last 2021-05-31 21:00', 'NM-VII.B: and another one');
SELECT is((pg_temp.line('3', 'exported to: State Attorney')).detail, 'subpoena 9, by rep_det1', 'NM-VII.B: an export with its ground');
SELECT is((SELECT detail FROM may WHERE section LIKE '4%' AND line = '2021-05-03 08:00 rep_det1'),
    'no report within 7 days (NM-VII.B); no outcome within 30 days (NM-VI.C); 2 of 2 candidates are not disposed of; '
    'the same photograph was searched in case 21-2 (NM-IX.A.5); search ' || pg_temp.id('bare'), 'NM-VII.B: every reason of an inquiry, with its clause');
SELECT is((SELECT detail FROM may WHERE section LIKE '4%' AND line = '2021-05-10 08:00 rep_det2'),
    'the case was not assigned to who searched (NM-IX.A.2); empty: limb (NM-VIII.A.2); case_assigned set aside: partner is ill (NM-IX.A.2); search '
    || pg_temp.id('limb'), 'NM-IV.J: what was set aside stands with its reason');
SELECT is((SELECT value FROM pg_temp.report('2021-05-01', '2021-05-09') WHERE line = 'searches that require substantiation'), '1',
    'NM-VII.B: as of May 9 only what was due and known then: the candidates of one search');
SELECT is((SELECT value FROM facesnxt.monthly_report('RNM', '2021-06-15') WHERE line = '  completed'), '1', 'NM-VII.B: June is another month');

-- what another part finds in faces puts a search on the list, too
SELECT is((SELECT string_agg(format('%s (%s)', f.detail, f.clause), '; ') FROM facesnxt.agency g, facesnxt.substantiation(g.agency_id, '2021-05-01', '2021-06-01', '2021-06-05',
        jsonb_build_array(jsonb_build_object('search_id', pg_temp.id('clean'), 'detail', 'face of staff: found first', 'clause', 'NM-IX.A.1'))) f
    WHERE g.code = 'RNM' AND f.search_id = pg_temp.id('clean')), 'face of staff: found first (NM-IX.A.1)', 'NM-VII.B: a finding about a face is a reason');

-- ---- packs: computed again, whatever was recorded since

SELECT pg_temp.account('RNM', 'rep_cmd', '2021-08-01') \g /dev/null
INSERT INTO facesnxt.appointment (agency_id, office, role, designee)
SELECT g.agency_id, v.office, v.role::regrole, false
FROM (VALUES ('RNM', 'investigative_section_commander', 'rep_cmd'), ('RNM', 'investigative_section_major', 'rep_major'),
    ('RNP', 'chief', 'rep_chief'), ('RNP', 'intel_supervisor', 'rep_intel'), ('RNP', 'program_administrator', 'rep_prog'),
    ('RNS', 'facial_recognition_administrator', 'rep_fra'), ('RMI', 'rtcc_supervisor', 'rep_rtcc')) v (agency, office, role)
    JOIN facesnxt.agency g ON g.code = v.agency;
-- a test within what is rolled back would take its number along
CREATE FUNCTION pg_temp.state_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RETURN 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$;
CREATE FUNCTION pg_temp.refusal(who name) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', r.sqlstate, r.clause) FROM facesnxt.refused_step r WHERE r.acting_role = who ORDER BY r.recorded_at DESC LIMIT 1 $$;

SET ROLE rep_cmd;
SELECT facesnxt.make_pack('RNM', 'monthly', '2021-05-15') AS may \gset
SELECT ok(same, 'NM-VII.B: the records give the text that was sealed') FROM facesnxt.recompute_pack(:'may');
SELECT is(sha256(convert_to(body, 'UTF8')), sha256, 'NM-VII.B: the seal is of the text') FROM facesnxt.audit_pack WHERE pack_id = :'may';
SELECT ok(body ~ E'searches asked for +8\n' AND body ~ E'\nPolicy: .*\n.*400.23, version 1\n' AND body ~ E'\n4. Inquiries that require substantiation\n-+\n',
    'NM-VII.B: the text is the report') FROM facesnxt.audit_pack WHERE pack_id = :'may';
SELECT is((SELECT max(length(l)) <= 100 FROM string_to_table(body, E'\n') l), true, 'the text has 100 columns') FROM facesnxt.audit_pack WHERE pack_id = :'may';
RESET ROLE;
SELECT pg_temp.write_up('bare', clock_timestamp(), false, 'no match') \g /dev/null
SET ROLE rep_cmd;
SELECT ok(same, 'NM-VII.B: a report that was filed later changes nothing') FROM facesnxt.recompute_pack(:'may');
SELECT is((SELECT value FROM facesnxt.monthly_report('RNM', '2021-05-01') WHERE line = 'searches with a report'), '6', 'a report of now has it');
RESET ROLE;
-- what is put in with an earlier time shows, and so does another text
SAVEPOINT untouched;
INSERT INTO facesnxt.access_log (kind, agency_id, acting_role, session_role, fields, ranks, account_id, recorded_at)
SELECT 'view', a.agency_id, 'rep_det2', 'rep_det2', '{name}', '{1}', a.account_id, '2021-05-02 16:00Z' FROM facesnxt.account a WHERE a.role = 'rep_det2'::regrole;
SELECT bool_or(same) AS same, string_agg(recomputed, '/') AS seen FROM facesnxt.recompute_pack(:'may') \gset late_
ROLLBACK TO untouched;
ALTER TABLE facesnxt.audit_pack DISABLE TRIGGER ALL;
UPDATE facesnxt.audit_pack SET body = regexp_replace(body, E'(\\n  refused +)2', E'\\13') WHERE pack_id = :'may';
SELECT bool_or(same) AS same, string_agg(finding, '/') AS finding, max(sealed) FILTER (WHERE line IS NOT NULL) AS was, max(recomputed) FILTER (WHERE line IS NOT NULL) AS is_now
FROM facesnxt.recompute_pack(:'may') \gset text_
SET ROLE rep_cmd;
SELECT pg_temp.state_of(format('SELECT facesnxt.sign_pack(%L, true, ''none'')', :'may')) AS refused \gset text_
RESET ROLE;
ROLLBACK TO untouched;
SELECT is(:'late_same'::text, 'f', 'NM-VII.B: a record with an earlier time is seen');
SELECT matches(:'late_seen'::text, 'views of candidates +3', 'NM-VII.B: and where');
SELECT is(:'text_same'::text, 'f', 'NM-VII.B: a changed text is seen');
SELECT matches(:'text_finding'::text, 'not the one that was sealed.*another line', 'NM-VII.B: by its hash and by its lines');
SELECT matches(:'text_was'::text || '|' || :'text_is_now'::text, 'refused +3[|] +refused +2', 'NM-VII.B: with the line as it was and is');
SELECT is(:'text_refused'::text, 'NX451', 'NM-VII.B: nobody signs it');
SELECT is((SELECT count(*) FROM facesnxt.refused_step WHERE sqlstate = 'NX451' AND acting_role = 'rep_cmd' AND clause = 'NM-VII.B'), 1::bigint, 'NM-VII.B: on record');

-- ---- who signs, receives, reads

SET ROLE rep_det1;
SELECT throws_ok(format('SELECT facesnxt.sign_pack(%L, true, ''none'')', :'may'), 'NX331', NULL, 'NM-VII.B: a member does not sign');
SET ROLE rep_major;
SELECT throws_ok(format('SELECT facesnxt.sign_pack(%L, true, ''none'')', :'may'), 'NX331', NULL, 'NM-VII.B: the Major does not sign');
SET ROLE rep_other;
SELECT throws_ok(format('SELECT facesnxt.sign_pack(%L, true, ''none'')', :'may'), 'NX331', NULL, 'NM-VII.B: another agency''s auditor does not sign');
SELECT throws_ok($$SELECT * FROM facesnxt.monthly_report('RNM', '2021-05-01')$$, '42704', NULL, 'SP-II.A: another agency''s auditor gets no report');
SELECT throws_ok($$SELECT facesnxt.make_pack('RNM', 'monthly', '2021-05-01')$$, '42704', NULL, 'SP-II.A: and makes none');
SELECT throws_ok(format('SELECT * FROM facesnxt.recompute_pack(%L)', :'may'), 'NX450', NULL, 'SP-II.A: and computes none again');
SELECT throws_ok($$SELECT * FROM facesnxt.public_statistics('RNM', '2021-05-01')$$, '42704', NULL, 'SP-II.A: nor statistics');
SELECT throws_ok($$SELECT facesnxt.open_discrepancy('RNM', 'x')$$, '42704', NULL, 'SP-II.A: nor opens a discrepancy there');
SELECT is((SELECT count(*) FROM facesnxt.audit_pack), 0::bigint, 'SP-II.A: and sees no audit');
SELECT is((SELECT count(*) FROM facesnxt.overdue_audits('2021-07-10') WHERE agency <> 'RSP'), 0::bigint, 'SP-II.A: nor what is overdue there');
RESET ROLE;
SELECT is(pg_temp.refusal('rep_major'), 'NX331 NM-VII.B', 'NM-VII.B: the refusal is on record, with the clause');
SELECT is((SELECT count(*) FROM facesnxt.refused_step WHERE acting_role = 'rep_other' AND clause = 'SP-II.A'), 6::bigint, 'SP-II.A: every one of these is');
SET ROLE rep_cmd;
SELECT throws_ok(format('SELECT facesnxt.sign_pack(%L, true, '' '')', :'may'), '22023', NULL, 'NM-VII.B: a review says something');
SELECT lives_ok(format('SELECT facesnxt.sign_pack(%L, true, ''one search without report'')', :'may'), 'NM-VII.B: the Commander signs');
SELECT is(format('%s %s %s %s', accepted, office, signed_by, administers), 't investigative_section_commander rep_cmd f', 'NM-VII.B: as what, and who')
FROM facesnxt.audit_state WHERE pack_id = :'may';
-- the memorandum
SELECT facesnxt.make_pack('RNM', 'quarterly', '2021-05-15', '{"findings": ["one search was not written up"]}') AS memo \gset
SELECT throws_ok(format('SELECT facesnxt.submit_memorandum(%L)', :'memo'), 'NX452', NULL, 'NM-VII.C: it is signed before it is submitted');
SELECT facesnxt.sign_pack(:'memo', true, 'as stated') \g /dev/null
SELECT throws_ok(format('SELECT facesnxt.submit_memorandum(%L)', :'may'), 'NX331', NULL, 'NM-VII.C: a monthly report is no memorandum');
SELECT lives_ok(format('SELECT facesnxt.submit_memorandum(%L)', :'memo'), 'NM-VII.C: the Commander submits it');
SELECT is(format('%s %s', recipient, submitted_at <= clock_timestamp()), 'rep_major t', 'NM-VII.C: to the Major') FROM facesnxt.audit_state WHERE pack_id = :'memo';
SELECT is(line IN (SELECT l.line FROM facesnxt.audit_report('RNM', 'quarterly', '2021-05-01', NULL, '{"findings": ["a"]}') l), true, 'NM-VII.C: it has: ' || line)
FROM unnest(ARRAY['searches completed', 'of them require substantiation', '  for: case', 'discrepancies still open', 'finding 1',
    'searches judged again by the policy of their time', '2021-05', 'searches asked for']) line;
-- NM-VII.A: May again by the policy of its time: all but the overridden searches lack what these facts do not state
SELECT is((SELECT value FROM facesnxt.audit_report('RNM', 'quarterly', '2021-05-01') WHERE line = 'broken: attestation'), '7', 'NM-VII.A: every search is judged again');
SELECT is((SELECT value FROM facesnxt.audit_report('RNM', 'quarterly', '2021-05-01') WHERE line = 'searches outside any memorandum of understanding'), '7',
    'NM-VII.A: and held against the memoranda');
-- discrepancies
SELECT facesnxt.open_discrepancy('RNM', 'no report of May 3', :'may') AS ticket \gset
SELECT matches((SELECT detail FROM facesnxt.audit_report('RNM', 'overdue', '2021-05-01') WHERE line ~ '  discrepancy$' AND value = '0 d'),
    '^no report of May 3; of .*; NM-VII.B$', 'NM-VII.D: an open one is listed');
SET ROLE rep_det1;
SELECT throws_ok(format('SELECT facesnxt.resolve_discrepancy(%L, ''done'')', :'ticket'), 'NX331', NULL, 'NM-VII.D: a member does not resolve it');
SET ROLE rep_cmd;
SELECT lives_ok(format('SELECT facesnxt.resolve_discrepancy(%L, ''report filed'')', :'ticket'), 'NM-VII.D: the Commander does');
SELECT throws_ok(format('SELECT facesnxt.resolve_discrepancy(%L, ''again'')', :'ticket'), '22023', NULL, 'NM-VII.D: once');
SELECT is((SELECT count(*) FROM facesnxt.audit_report('RNM', 'overdue', '2021-05-01') WHERE line ~ 'discrepancy$'), 0::bigint, 'NM-VII.D: then it is not open');
RESET ROLE;

-- ---- what is overdue, as of June 5 and July 10

CREATE TEMP TABLE late AS SELECT * FROM facesnxt.audit_report('RNM', 'overdue', '2021-05-01', '2021-06-05');
SELECT is((SELECT value FROM late WHERE line = w.line), w.value, w.what)
FROM (VALUES ('in all', '7', 'NM-VII.C: everything that is overdue on June 5'),
    ('audit, monthly', '4', 'NM-VII.B: monthly reports that were not made, January to April'),
    ('audit, quarterly', '1', 'NM-VII.C: a memorandum that was not made'),
    ('report', '1', 'NM-VI.C: a report that is missing'), ('outcome', '1', 'NM-VI.C: an outcome that is missing')) w (line, value, what);
SELECT is((SELECT detail FROM late WHERE line = '2021-04-08 00:00  audit, quarterly'), 'not made; of 2021-01-01 00:00; NM-VII.C', 'NM-VII.C: since when');
SELECT is((SELECT string_agg(format('%s %s', kind, n), ', ') FROM (SELECT kind, count(*) AS n FROM facesnxt.overdue_audits('2021-07-10')
           WHERE agency = 'RNM' GROUP BY kind ORDER BY kind) d), 'monthly 6, quarterly 2', 'NM-VII.C: and on July 10');
SELECT is((SELECT count(*) FROM facesnxt.overdue_audits('2022-01-09') WHERE agency = 'RNS' AND kind = 'annual' AND clause = 'NS-32.6.9'), 1::bigint,
    'NS-32.6.9: an annual audit that was not made');
SELECT is((SELECT count(*) FROM facesnxt.overdue_audits() WHERE agency = 'RNM' AND since = '2021-05-01 00:00-04'), 0::bigint, 'NM-VII.B: May is made and signed');
SELECT is((SELECT count(*) FROM facesnxt.overdue_audits() WHERE agency = 'RNM' AND since = '2021-04-01 00:00-04' AND kind = 'quarterly'), 0::bigint,
    'NM-VII.C: the second quarter is submitted');
SELECT is((SELECT count(*) FROM facesnxt.overdue_audits('2022-01-09') WHERE agency = 'RSP'), 0::bigint, 'SP-V: no cadence is made up where none is known');

-- ---- New Smyrna Beach, Miami, North Port

SET ROLE rep_host;
SELECT facesnxt.make_pack('RNS', 'annual', '2021-05-01') AS year \gset
RESET ROLE;
SET ROLE rep_fra;
SELECT lives_ok(format('SELECT facesnxt.sign_pack(%L, true, ''none'')', :'year'), 'NS-D.3: the FR Administrator signs the annual audit (NS-32.6.9)');
RESET ROLE;
GRANT facesnxt_admin TO rep_fra;
SET ROLE rep_fra;
SELECT throws_ok(format('SELECT facesnxt.sign_pack(%L, true, ''none'')', :'year'), 'NX331', NULL, 'NS-D.3: not while administering accounts');
RESET ROLE;
SELECT is(pg_temp.refusal('rep_fra'), 'NX331 NS-D.3', 'NS-D.3: on record');
SELECT is(line IN (SELECT l.line FROM facesnxt.audit_report('RNS', 'annual', '2021-05-01') l), true, 'NS-32.6.9: it has ' || line)
FROM unnest(ARRAY['members authorised at the end of the period', 'in use', 'accounts that searched', '2021-12', 'searches that require substantiation']) line;

SELECT pg_temp.account('RMI', 'rep_rtcc', '2021-05-01') \g /dev/null
SELECT pg_temp.search('told', 'RMI', 'rep_rtcc', '2021-05-07 12:00Z', NULL, 'criminal_investigation', 2),
    pg_temp.search('untold', 'RMI', 'rep_rtcc', '2021-05-08 12:00Z', NULL, 'deceased', 0) \g /dev/null
INSERT INTO facesnxt.outcome_notice (search_id, identified, account_id, acting_role, session_role, recorded_at)
VALUES (pg_temp.id('told'), false, gen_random_uuid(), 'x', 'x', '2021-05-08'), (pg_temp.id('told'), true, gen_random_uuid(), 'x', 'x', '2021-05-12');
SELECT is((SELECT string_agg(concat_ws(' | ', line, value, detail), E'\n') FROM facesnxt.audit_report('RMI', 'log extract', '2021-05-01', '2021-06-01')),
    E'2021-05-07 08:00  no number | yes | identified; robbery; criminal_investigation; by rep_rtcc\n'
    '2021-05-08 08:00  no number | no | not told yet; robbery; deceased; by rep_rtcc', 'MI-4.5.3.3.a: the log with its five columns');
SELECT matches((SELECT detail FROM facesnxt.audit_report('RMI', 'log extract', '2021-05-01', '2021-05-10') LIMIT 1), '^not identified', 'MI-4.5.3.3.b: as it was told on May 10');
SELECT is((SELECT value FROM facesnxt.audit_report('RMI', 'overdue', '2021-05-01', '2021-06-15') WHERE line = 'outcome notice'), '1', 'MI-4.5.3.3.b: the desk was not told');
SET ROLE rep_rtcc;
SELECT facesnxt.sign_pack(facesnxt.make_pack('RMI', 'monthly', '2021-05-01'), true, 'none') \g /dev/null
SELECT is((SELECT administers FROM facesnxt.audit_state WHERE agency = 'RMI'), true, 'MI-4.5.5: that the auditor administers accounts stands with the signature');
RESET ROLE;
SELECT matches((SELECT detail FROM facesnxt.audit_report('RMI', 'quarterly', '2021-05-01') WHERE line ~ '^audit: monthly'),
    'rep_rtcc, rtcc_supervisor; who signed administers accounts, too', 'MI-4.5.5: and is a finding');

SELECT pg_temp.account('RNP', 'rep_intel', '2021-05-01') \g /dev/null
SELECT pg_temp.search('exigent', 'RNP', 'rep_intel', '2021-05-07 12:00Z', NULL, 'active_investigation', 0, fields => '{"exigent": true, "threat": "t"}') \g /dev/null
SELECT is((SELECT value FROM facesnxt.monthly_report('RNP', '2021-05-01', '2021-05-09') WHERE line = 'reason: exigent'), '1', 'NM-VII.B, NP-VI.A.2: papers that are missing');
SELECT is((SELECT value FROM facesnxt.audit_report('RNP', 'overdue', '2021-05-01', '2021-05-09') WHERE line = 'papers of an exigent search'), '1', 'NP-VI.A.2: are overdue');
SET ROLE rep_other;
SELECT throws_ok($$SELECT facesnxt.request_audit('RNP', 'x', '2021-05-01', '2021-06-01')$$, 'NX331', NULL, 'SP-II.A: nobody asks for an audit of another agency');
SET ROLE rep_chief;
SELECT facesnxt.request_audit('RNP', 'use in May', '2021-05-01', '2021-06-01') AS asked \gset
SELECT throws_ok(format('SELECT facesnxt.forward_audit(%L)', :'asked'), 'NX331', NULL, 'NP-VI.C.2.a: who asks does not forward');
SET ROLE rep_prog;
SELECT throws_ok(format('SELECT facesnxt.perform_audit(%L)', :'asked'), 'NX453', NULL, 'NP-VI.C.2.a: it is not performed before the Intel Supervisor asks for it');
SET ROLE rep_intel;
SELECT lives_ok(format('SELECT facesnxt.forward_audit(%L)', :'asked'), 'NP-VI.C.2.a: the Intel Supervisor forwards it');
SELECT throws_ok(format('SELECT facesnxt.perform_audit(%L)', :'asked'), 'NX331', NULL, 'NP-VI.C.2.b: and does not perform it');
SELECT throws_ok(format('SELECT facesnxt.deliver_audit(%L)', :'asked'), 'NX453', NULL, 'NP-VI.C.2.b: nothing is delivered that was not performed');
SET ROLE rep_prog;
SELECT facesnxt.perform_audit(:'asked', '{one exigent search}') AS performed \gset
SET ROLE rep_chief;
SELECT throws_ok(format('SELECT facesnxt.requested_audit(%L)', :'asked'), 'NX450', NULL, 'NP-VI.C.2.b: who asked waits until it is delivered');
SET ROLE rep_intel;
SELECT lives_ok(format('SELECT facesnxt.deliver_audit(%L)', :'asked'), 'NP-VI.C.2.b: the Intel Supervisor returns it');
SELECT throws_ok(format('SELECT facesnxt.requested_audit(%L)', :'asked'), 'NX450', NULL, 'NP-VI.C.2.b: to nobody but who asked');
SET ROLE rep_chief;
SELECT matches(facesnxt.requested_audit(:'asked'), '^Audit on request\n.*finding 1.*one exigent search', 'NP-VI.C.2.b: who reads it then');
RESET ROLE;
SELECT is(string_agg(format('%s %s', step, by_role), ', ' ORDER BY recorded_at), 'forwarded rep_intel, performed rep_prog, delivered rep_intel',
    'NP-VI.C.2.b: the chain is on record') FROM facesnxt.audit_request_step WHERE request_id = :'asked';
SELECT ok(same, 'NP-VI.C.2.b: and can be computed again') FROM facesnxt.recompute_pack(:'performed');
SELECT is((SELECT value FROM facesnxt.audit_report('RNP', 'licence use', '2021-05-01', '2022-01-05') WHERE line = w.line), w.value, 'NP-VI.C.2.c: ' || w.line)
FROM (VALUES ('licences', '10'), ('in use', '1'), ('free', '9'), ('unused for 90 days', '1'), ('issued in the period', '1'),
    ('removed for inactivity in the period', '0')) w (line, value);

SET ROLE rep_prog;
SELECT facesnxt.make_pack('RNP', 'annual', '2021-05-01') AS review \gset
SELECT lives_ok(format('SELECT facesnxt.sign_pack(%L, true, ''none'')', :'review'), 'NP-VI.C.2.c: the program administrator reviews a year');
SET ROLE rep_intel;
SELECT throws_ok(format('SELECT facesnxt.sign_pack(%L, true, ''none'')', :'review'), 'NX331', NULL, 'NP-VI.C.2.c: and nobody else');
RESET ROLE;

-- ---- statistics: nobody computes what is suppressed

SELECT is(facesnxt.suppress('{50,60,110, 70,80,150, 120,140,260}', 3, 10), '{f,f,f, f,f,f, f,f,f}'::boolean[], 'NP-VI.C.2: nothing to suppress');
SELECT is(facesnxt.suppress('{3,60,63, 70,80,150, 73,140,213}', 3, 10), '{t,t,f, t,t,f, f,f,f}'::boolean[], 'NP-VI.C.2: one small cell takes three others with it');
SELECT is(facesnxt.suppress('{0,60,60, 70,80,150, 70,140,210}', 3, 10), '{f,f,f, f,f,f, f,f,f}'::boolean[], 'NP-VI.C.2: nothing is no small count');
-- an attacker who tries every table: of each suppressed cell several counts are possible
CREATE TEMP TABLE tried AS
SELECT t.n, t.a, t.b, t.c, t.d, ARRAY[t.a, t.b, t.a + t.b, t.c, t.d, t.c + t.d, t.a + t.c, t.b + t.d, t.a + t.b + t.c + t.d]::bigint[] AS cells
FROM (VALUES (1, 3, 11, 12, 14), (2, 1, 1, 13, 14), (3, 1, 0, 0, 14), (4, 2, 3, 4, 5), (5, 9, 9, 9, 9), (6, 0, 1, 1, 0)) t (n, a, b, c, d);
CREATE TEMP TABLE told AS SELECT t.*, facesnxt.suppress(t.cells, 3, 10) AS hidden FROM tried t;
CREATE TEMP TABLE possible AS
SELECT t.n, t.hidden, i.*
FROM told t
    CROSS JOIN LATERAL (SELECT ARRAY[a, b, a + b, c, d, c + d, a + c, b + d, a + b + c + d]::bigint[] AS guess
        FROM generate_series(0, 24) a, generate_series(0, 24) b, generate_series(0, 24) c, generate_series(0, 24) d
        WHERE (t.hidden[1] OR a = t.a) AND (t.hidden[2] OR b = t.b) AND (t.hidden[4] OR c = t.c) AND (t.hidden[5] OR d = t.d)
            AND (t.hidden[3] OR a + b = t.a + t.b) AND (t.hidden[6] OR c + d = t.c + t.d) AND (t.hidden[7] OR a + c = t.a + t.c)
            AND (t.hidden[8] OR b + d = t.b + t.d) AND (t.hidden[9] OR a + b + c + d = t.a + t.b + t.c + t.d)) i;
SELECT is(min(g.values) >= 10, true, format('NP-VI.C.2: table %s: every suppressed count may be one of ten at least', g.n))
FROM (SELECT p.n, i, count(DISTINCT p.guess[i]) AS values FROM possible p, generate_series(1, 9) i WHERE p.hidden[i] GROUP BY p.n, i) g GROUP BY g.n;
SELECT is((SELECT array_agg(published ORDER BY line) FROM facesnxt.public_statistics('RNM', '2021-05-01', '2022-01-01') WHERE month = '2021-05' AND line <> 'total'
    AND published <> '0'), '{*,*,*}', 'NP-VI.C.2: small counts are not published');
SELECT is((SELECT count(*) FROM facesnxt.public_statistics('RNM', '2021-05-01', '2022-01-01') WHERE published ~ '^[1-9]$'), 0::bigint, 'NP-VI.C.2: not one');

-- ---- the public, and the bundle of a case

INSERT INTO facesnxt.public_request (agency_id, requester, subject, since, until, statute, exempt, recorded_by, session_role)
SELECT g.agency_id, 'a newspaper', 'searches of May', '2021-05-01', '2021-06-01', 'FSS 119', false, 'x', 'x' FROM facesnxt.agency g WHERE g.code = 'RNS'
RETURNING public_id AS public \gset
SET ROLE rep_host;
SELECT throws_ok(format('SELECT facesnxt.public_pack(%L)', :'public'), 'NX398', NULL, 'NS-32.6.12, NP-VI.C.2.d: nothing leaves before it is decided');
RESET ROLE;
INSERT INTO facesnxt.public_decision (public_id, decision, exemption, decided_by, session_role) VALUES (:'public', 'redacted', 'FSS 119.071(2)(c)', 'x', 'x');
SET ROLE rep_host;
SELECT facesnxt.public_pack(:'public') AS extract \gset
SELECT matches(body, 'persons and candidates.*FSS 119.071\(2\)\(c\)', 'NS-32.6.12: what is withheld names its exemption') FROM facesnxt.audit_pack WHERE pack_id = :'extract';
SELECT ok(same, 'NS-32.6.12: what the public got can be computed again') FROM facesnxt.recompute_pack(:'extract');
SELECT facesnxt.case_bundle('RNM', '21-1') AS bundle \gset
SELECT is((SELECT count(*) FROM regexp_matches(body, w.pattern, 'g')), w.n::bigint, 'NP-VI.B.6: the bundle of a case has ' || w.what)
FROM facesnxt.audit_pack p, (VALUES ('search completed', 4, 'its searches'), ('candidate \d:', 6, 'every candidate'), ('not\s+disposed\s+of', 2, 'whether they were disposed of'),
    ('comparison: ', 4, 'comparisons'), ('corroboration: ', 2, 'corroboration'), ('corroboration withdrawn', 1, 'what was withdrawn'), ('identified: ', 2, 'identifications'),
    ('action refused: arrest', 1, 'actions'), ('record access_log', 4, 'views'), ('lead confirmed', 2, 'outcomes'), ('1:1 comparison', 2, '1:1 comparisons')) w (pattern, n, what) WHERE p.pack_id = :'bundle';
SELECT ok(same, 'NP-VI.B.6: it can be computed again') FROM facesnxt.recompute_pack(:'bundle');
RESET ROLE;

-- ---- days of a report are of 24 hours, as in what is sealed, whatever zone its reader is in: seven of them with a change of the clocks
SELECT pg_temp.search('march', 'RNM', 'rep_det1', '2021-03-10 12:00Z', '21-1', 'active_investigation', 0) \g /dev/null
CREATE FUNCTION pg_temp.read_in(zone text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE lines text;
BEGIN
    PERFORM set_config('TimeZone', zone, true);
    EXECUTE 'SELECT string_agg(r::text, E''\n'') FROM (' || query || ') r' INTO lines;
    RETURN lines;
END $$;
SELECT is(pg_temp.read_in('America/New_York', q.query), pg_temp.read_in('UTC', q.query), 'NM-VII.B: read in another time zone: ' || q.what)
FROM (VALUES ('a month', $$SELECT section, line, value FROM facesnxt.monthly_report('RNM', '2021-03-10', '2021-03-17 11:30Z')$$),
    ('what is overdue', $$SELECT section, line, value FROM facesnxt.audit_report('RNM', 'overdue', '2021-03-10', '2021-03-17 11:30Z')$$),
    ('audits that are overdue', $$SELECT kind, extract(epoch FROM due_at), state FROM facesnxt.overdue_audits('2021-12-01') WHERE agency = 'RNM'$$)) q (what, query);
SELECT is((SELECT count(*) FROM facesnxt.monthly_report('RNM', '2021-03-10', '2021-03-17 11:30Z') WHERE line = 'reason: report'), 0::bigint,
    'NM-VII.B: not before its seven days are over');
SELECT is((SELECT value FROM facesnxt.monthly_report('RNM', '2021-03-10', '2021-03-17 12:00Z') WHERE line = 'reason: report'), '1', 'NM-VII.B: from then on');

SELECT * FROM finish();
ROLLBACK;
