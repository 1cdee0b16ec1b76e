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
    VALUES (version, true, '2026-01-01 00:00:00-05', 'test', 'test');
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
SELECT pg_temp.account('RNM', r, '2026-05-01 12:00Z') FROM unnest(ARRAY['rep_det1', 'rep_det2']::regrole[]) r \g /dev/null
SELECT pg_temp.account('RSP', 'rep_other', '2026-05-01 12:00Z') \g /dev/null

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
SELECT g.agency_id, n, 'robbery', '2026-04-30' FROM facesnxt.agency g, unnest(ARRAY['26-1', '26-2']) n WHERE g.code = 'RNM';
SELECT pg_temp.search('clean', 'RNM', 'rep_det1', '2026-05-02 12:00Z', '26-1', 'criminal_investigation', 3),
    pg_temp.search('bare', 'RNM', 'rep_det1', '2026-05-03 12:00Z', '26-1', 'criminal_investigation', 2, probe => 'same'),
    pg_temp.search('limb', 'RNM', 'rep_det2', '2026-05-10 12:00Z', '26-2', 'lawfully_detained', 0, '{"case": {"status": "open", "assigned": false}}',
        set_aside => '{"case_assigned": {"clause": "NM-IX.A.2", "reason": "partner is ill"}}'),
    pg_temp.search('closed', 'RNM', 'rep_det2', '2026-05-20 12:00Z', '26-9', 'criminal_investigation', 0, '{"case": {"status": "closed", "assigned": true}}'),
    pg_temp.search('withdrawn', 'RNM', 'rep_det1', '2026-05-21 12:00Z', '26-1', 'criminal_investigation', 1),
    pg_temp.search('night', 'RNM', 'rep_det2', '2026-06-01 01:00Z', '26-2', 'criminal_investigation', 0, probe => 'same'),
    pg_temp.search('june', 'RNM', 'rep_det1', '2026-06-01 04:00Z', '26-1', 'criminal_investigation', 0),
    pg_temp.search('no case', 'RNM', 'rep_det1', '2026-05-05 12:00Z', NULL, 'criminal_investigation', 0, code => 'NX303', clause => 'NM-VI.B.1'),
    pg_temp.search('not open', 'RNM', 'rep_det2', '2026-05-06 12:00Z', '26-9', 'criminal_investigation', 0, code => 'NX304', clause => 'NM-IX.A.2') \g /dev/null
SELECT pg_temp.dispose('clean', '2026-05-02 13:00Z'), pg_temp.dispose('withdrawn', '2026-05-21 13:00Z'),
    pg_temp.identify('clean', '2026-05-02 14:00Z'),
    pg_temp.write_up('clean', '2026-05-04', true, 'lead confirmed'), pg_temp.write_up('limb', '2026-05-12', false, 'no match'),
    pg_temp.write_up('closed', '2026-05-22', false, 'no match'), pg_temp.write_up('withdrawn', '2026-05-23', true, 'lead confirmed'),
    pg_temp.write_up('night', '2026-06-02', false, 'inconclusive') \g /dev/null
INSERT INTO facesnxt.withdrawal (item_id, search_id, reason, account_id, acting_role, session_role, recorded_at)
SELECT pg_temp.identify('withdrawn', '2026-05-21 14:00Z'), pg_temp.id('withdrawn'), 'it was somebody else', gen_random_uuid(), 'rep_det1', 'rep_det1', '2026-05-25';
INSERT INTO facesnxt.match_decision (search_id, matched, person_id, account_id, capacities, acting_role, session_role, recorded_at)
VALUES (pg_temp.id('clean'), true, pg_temp.person('clean', 1), gen_random_uuid(), '{searcher}', 'rep_det1', 'rep_det1', '2026-05-02 13:30Z'),
    (pg_temp.id('limb'), false, NULL, gen_random_uuid(), '{searcher}', 'rep_det2', 'rep_det2', '2026-05-10 13:30Z');
-- the rest of the activity
INSERT INTO facesnxt.access_log (kind, sqlstate, agency_id, account_id, acting_role, session_role, search_id, ranks, fields, recipient, ground, recorded_at)
SELECT v.kind, v.sqlstate, g.agency_id, a.account_id, 'rep_det1', 'rep_det1', pg_temp.id('clean'), v.ranks, v.fields, v.recipient, v.ground, '2026-05-02 15:00Z'
FROM facesnxt.agency g JOIN facesnxt.account a ON a.role = 'rep_det1'::regrole, (VALUES ('view', NULL, ARRAY[1], ARRAY['name', 'photo'], NULL, NULL),
    ('view', NULL, ARRAY[2], ARRAY['name'], NULL, NULL), ('export', NULL, ARRAY[1, 2, 3], ARRAY['name'], 'State Attorney', 'subpoena 9'),
    ('export', 'NX397', NULL, ARRAY['name'], NULL, NULL)) v (kind, sqlstate, ranks, fields, recipient, ground) WHERE g.code = 'RNM';
INSERT INTO facesnxt.verification (status, sqlstate, clause, agency_id, account_id, score, requested_at, recorded_at, identity, acting_role, session_role)
SELECT v.status, v.sqlstate, v.clause, g.agency_id, a.account_id, v.score, '2026-05-08', '2026-05-08', '{}', 'rep_det2', 'rep_det2'
FROM facesnxt.agency g JOIN facesnxt.account a ON a.role = 'rep_det2'::regrole,
    (VALUES ('completed', NULL, NULL, 0.5), ('refused', 'NX303', 'NM-VI.B.1', NULL)) v (status, sqlstate, clause, score) WHERE g.code = 'RNM';
INSERT INTO facesnxt.raw_statement (agency_id, status, sqlstate, statement, recorded_at, session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start)
SELECT g.agency_id, 'refused', 'NX370', 'SELECT', '2026-05-09', 'rep_det2', 'rep_det2'::regrole, 'rep_det2', 'rep_det2'::regrole, 1, '2026-05-09'
FROM facesnxt.agency g WHERE g.code = 'RNM';
INSERT INTO facesnxt.refused_step (step, agency_id, account_id, sqlstate, clause, message, acting_role, session_role, requested_at, recorded_at)
SELECT 'report', g.agency_id, a.account_id, 'NX364', 'NM-VI.C', 'report refused', 'rep_det1', 'rep_det1', '2026-05-03', '2026-05-03'
FROM facesnxt.agency g JOIN facesnxt.account a ON a.role = 'rep_det1'::regrole WHERE g.code = 'RNM';
INSERT INTO facesnxt.action (status, kind, search_id, sqlstate, clause, findings, facts, version_id, agency_id, account_id, acting_role, session_role, requested_at, recorded_at)
SELECT v.status, v.kind, pg_temp.id('clean'), v.sqlstate, v.clause, '[]', '{}', gen_random_uuid(), g.agency_id, a.account_id, 'rep_det1', 'rep_det1', '2026-05-06', '2026-05-06'
FROM facesnxt.agency g JOIN facesnxt.account a ON a.role = 'rep_det1'::regrole,
    (VALUES ('refused', 'arrest', 'NX357', 'NM-VI.E'), ('permitted', 'arrest', NULL, NULL)) v (status, kind, sqlstate, clause) WHERE g.code = 'RNM';

CREATE TEMP TABLE may AS SELECT * FROM facesnxt.monthly_report('RNM', '2026-05-31', '2026-06-05');
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
    ('3', 'refused step: report', '1'),
    ('4', 'searches that require substantiation', '5'), ('4', 'reason: report', '1'), ('4', 'reason: outcome', '1'), ('4', 'reason: corroboration', '1'),
    ('4', 'reason: case', '2'), ('4', 'reason: fields', '1'), ('4', 'reason: dispositions', '1'), ('4', 'reason: anomaly', '2'), ('4', 'reason: override', '1'))
    AS w (section, line, value);
SELECT is((SELECT count(*) FROM may WHERE section LIKE '4%' AND line LIKE 'reason:%'), 8::bigint, 'NM-VII.B: and no other reason');
SELECT is((pg_temp.line('2', 'account: rep_det1')).detail, '1 cases, 4 refused, 2 views, 1 exports, 1 actions, last 2026-05-21 08:00',
    'NM-VII.B: what an account did, in the time of the agency');
SELECT is((pg_temp.line('2', 'account: rep_det2')).detail, '2 cases, 3 refused, 1 verified, last 2026-05-31 21:00', 'NM-VII.B: and another one');
SELECT is((pg_temp.line('3', 'exported to: State Attorney')).detail, 'subpoena 9, by rep_det1', 'NM-VII.B: an export with its ground');
SELECT is((SELECT detail FROM may WHERE section LIKE '4%' AND line = '2026-05-03 08:00 rep_det1'),
    'no report within 7 days (NM-VII.B); no outcome within 30 days (NM-VI.C); 2 of 2 candidates are not disposed of; '
    'the same photograph was searched in case 26-2 (NM-IX.A.5); search ' || pg_temp.id('bare'), 'NM-VII.B: every reason of an inquiry, with its clause');
SELECT is((SELECT detail FROM may WHERE section LIKE '4%' AND line = '2026-05-10 08:00 rep_det2'),
    'the case was not assigned to who searched (NM-IX.A.2); empty: limb (NM-VIII.A.2); case_assigned set aside: partner is ill (NM-IX.A.2); search '
    || pg_temp.id('limb'), 'NM-IV.J: what was set aside stands with its reason');
SELECT is((SELECT value FROM facesnxt.monthly_report('RNM', '2026-05-01', '2026-05-09') WHERE line = 'searches that require substantiation'), '1',
    'NM-VII.B: as of May 9 only what was due and known then: the candidates of one search');
SELECT is((SELECT value FROM facesnxt.monthly_report('RNM', '2026-06-15') WHERE line = '  completed'), '1', 'NM-VII.B: June is another month');
SELECT * FROM finish();
ROLLBACK;
