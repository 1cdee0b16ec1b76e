-- year.sql - a year of synthetic activity, made as the owner: 2023, :agencies
-- agencies under the policies of North Miami, New Smyrna Beach, North Port and
-- Miami in turn, ten accounts each, :searches attempts with candidates,
-- decisions, reports, outcomes, actions, views, refusals, discrepancies. Nobody is named but
-- by a number. The audit triggers are off while it is made: what is measured
-- are reports, not the chain.

SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET work_mem = '256MB';
SET synchronous_commit = off;
SELECT setseed(0.42) \g /dev/null
SELECT format('ALTER TABLE facesnxt.%I DISABLE TRIGGER audit_row', c.relname)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgname = 'audit_row' \gexec
BEGIN;

INSERT INTO facesnxt.agency (code, name)
SELECT 'A' || to_char(n, 'FM000'), format('Police Department %s (policy %s)', n, (ARRAY['NM', 'NS', 'NP', 'MI'])[1 + n % 4])
FROM generate_series(1, :agencies) n;
CREATE TEMP TABLE agency AS
SELECT a.agency_id, a.code, n, (ARRAY['NM', 'NS', 'NP', 'MI'])[1 + n % 4] AS policy FROM generate_series(1, :agencies) n JOIN facesnxt.agency a ON a.code = 'A' || to_char(n, 'FM000');
INSERT INTO facesnxt.policy_version (agency_id, number, document, proposed_by, proposed_session, proposed_at)
SELECT a.agency_id, 1, s.document, 'bench', 'bench', '2022-12-01' FROM agency a JOIN facesnxt.shipped_policy s ON s.code = a.policy;
INSERT INTO facesnxt.policy_decision (version_id, adopted, effective_from, decided_by, decided_session, decided_at)
SELECT v.version_id, true, '2023-01-01 00:00-05', 'bench', 'bench', '2022-12-02' FROM facesnxt.policy_version v;
INSERT INTO facesnxt.policy_purpose (version_id, code, description, class, clause, fields)
SELECT v.version_id, p->>'code', p->>'description', p->>'class', p->>'clause', ARRAY(SELECT jsonb_array_elements_text(coalesce(p->'fields', '[]')))
FROM facesnxt.policy_version v, jsonb_array_elements(v.document->'purposes') p;
INSERT INTO facesnxt.policy_rule (version_id, rule, force, clause, value)
SELECT v.version_id, r->>'rule', coalesce(r->>'force', 'shall'), r->>'clause', r->'value' FROM facesnxt.policy_version v, jsonb_array_elements(v.document->'rules') r;

SELECT format('CREATE ROLE member_%s_%s', a.n, i) FROM agency a, generate_series(1, 10) i \gexec
INSERT INTO facesnxt.account (agency_id, role, status, status_by, status_at)
SELECT a.agency_id, format('member_%s_%s', a.n, i)::regrole, CASE WHEN i = 10 THEN 'revoked' ELSE 'active' END, 'bench', '2023-01-02'
FROM agency a, generate_series(1, 10) i;
CREATE TEMP TABLE member AS
SELECT a.*, b.n, b.code, b.policy, row_number() OVER (PARTITION BY a.agency_id ORDER BY a.role::text) AS i, v.version_id, a.role::text::name AS name
FROM facesnxt.account a JOIN agency b USING (agency_id) JOIN facesnxt.policy_version v USING (agency_id);
INSERT INTO facesnxt.account_event (account_id, number, step, from_status, to_status, reason, version_id, by_role, by_session, at)
SELECT m.account_id, s.number, s.step, s.was, s.now, s.reason, m.version_id, 'bench', 'bench', s.at::timestamptz
FROM member m JOIN (VALUES (1, 'registered', NULL, 'pending', NULL, '2023-01-01 06:00Z'), (2, 'activated', 'pending', 'active', 'trained', '2023-01-02'),
    (3, 'revoked', 'active', 'revoked', 'inactivity: 90 days', '2023-09-01')) s (number, step, was, now, reason, at) ON s.number < 3 OR m.status = 'revoked';
INSERT INTO facesnxt.unit_membership (agency_id, role, unit, by_role, by_session, at)
SELECT m.agency_id, m.role, coalesce(facesnxt.policy_value(m.version_id, 'units')->>0, 'Investigations'), 'bench', 'bench', '2023-01-01' FROM member m;
INSERT INTO facesnxt.mou (agency_id, title, parties, from_at, until_at, by_role, by_session, at)
SELECT a.agency_id, 'Memorandum on the network', '{sheriff,dhsmv}', '2023-01-01', '2026-01-01', 'bench', 'bench', '2022-12-15' FROM agency a;
-- accounts that have all that their policy asks for
CREATE TEMP TABLE known AS
SELECT m.account_id, jsonb_build_object('agency', m.code, 'unit', coalesce(facesnxt.policy_value(m.version_id, 'units')->>0, 'Investigations'), 'status', 'active',
    'approvals', (SELECT coalesce(jsonb_agg(jsonb_build_object('office', o)), '[]') FROM unnest(facesnxt.policy_texts(m.version_id, 'registration_approvals')) o),
    'email', true, 'email_verified', '2023-01-01T00:00:00Z', 'activation', jsonb_build_object('office', facesnxt.policy_value(m.version_id, 'activation_by')),
    'courses', (SELECT coalesce(jsonb_object_agg(c, '{"version": 1, "least": 1, "assigned": 1, "passed": {"version": 1}}'::jsonb), '{}')
                FROM unnest(facesnxt.policy_texts(m.version_id, 'training')) c),
    'training_acknowledged', '2023-01-01T00:00:00Z', 'limitations_acknowledged', '2023-01-01T00:00:00Z', 'agreement', '{"version": 1, "accepted": 1}'::jsonb,
    'mou', '[{"title": "Memorandum on the network", "parties": ["sheriff", "dhsmv"]}]'::jsonb, 'addresses', '["10.0.0.1"]'::jsonb) AS facts
FROM member m;
INSERT INTO facesnxt.case_file (agency_id, case_number, incident_type, opened_at)
SELECT a.agency_id, format('23-%s', i), (ARRAY['robbery', 'burglary', 'fraud', 'assault', 'missing person'])[1 + i % 5], '2023-01-01' FROM agency a, generate_series(1, 200) i;

-- ---- searches: uniform over the year and the members, 8 % refused
CREATE TEMP TABLE drawn AS
SELECT i, gen_random_uuid() AS search_id, (1 + floor(random() * :agencies))::int AS n, (1 + floor(random() * random() * 10))::int AS member,
    '2023-01-01 05:00Z'::timestamptz + random() * interval '364.999 days' AS at, random() < 0.08 AS refused,
    (1 + floor(random() * 200))::int AS case_no, random() AS kind, random() AS assigned, random() AS exigent, random() AS probe,
    CASE WHEN random() < 0.1 THEN 0 ELSE (2 + floor(random() * 19))::int END AS candidates
FROM generate_series(1, :searches) i;
CREATE TEMP TABLE asked AS
SELECT d.*, m.agency_id, m.code, m.account_id, m.name, m.policy, m.version_id, p.code AS purpose, p.fields, r.rule, r.clause, f.case_id, f.case_number, f.incident_type,
    d.exigent < 0.04 AND NOT d.refused AND p.code IN ('threat', 'active_investigation', 'critical_incident') AS is_exigent
FROM drawn d JOIN member m ON m.n = d.n AND m.i = d.member
    JOIN (SELECT p.*, row_number() OVER (PARTITION BY version_id ORDER BY code) AS place, count(*) OVER (PARTITION BY version_id) AS places FROM facesnxt.policy_purpose p) p
        ON p.version_id = m.version_id AND p.place = 1 + floor(d.kind * d.kind * p.places)
    JOIN facesnxt.case_file f ON f.agency_id = m.agency_id AND f.case_number = format('23-%s', d.case_no)
    -- what it was refused by: every other one by its case, where the policy asks for an open one
    JOIN LATERAL (SELECT r.rule, r.clause FROM facesnxt.policy_rule r WHERE r.version_id = m.version_id AND r.rule IN ('case_open', 'purpose_listed')
                  ORDER BY (r.rule = 'case_open') = (d.i % 2 = 0) DESC LIMIT 1) r ON true;
INSERT INTO facesnxt.search (search_id, status, sqlstate, clause, rule, message, agency_id, agency, account_id, version_id, case_id, case_number, incident_type,
    purpose, reason, fields, facts, set_aside, probe_sha256, probe_kept, model, requested_at, recorded_at, repositories, candidate_limit, references_compared,
    references_other_model, candidates, exact, session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start, client_address)
SELECT a.search_id, CASE WHEN a.refused THEN 'refused' ELSE 'completed' END,
    CASE WHEN a.refused THEN CASE a.rule WHEN 'case_open' THEN 'NX304' ELSE 'NX305' END END,
    CASE WHEN a.refused THEN a.clause END, CASE WHEN a.refused THEN a.rule END,
    CASE WHEN a.refused THEN CASE a.rule WHEN 'case_open' THEN 'search refused: the case is not open' ELSE 'search refused: the purpose is not on the agency''s list' END END,
    a.agency_id, a.code, a.account_id, a.version_id, a.case_id, a.case_number, a.incident_type, a.purpose, 'reason ' || a.i,
    CASE WHEN a.is_exigent THEN '{"exigent": true, "threat": "stated"}'::jsonb
        ELSE (SELECT coalesce(jsonb_object_agg(f, CASE WHEN f = 'health_threat' THEN 'false'::jsonb ELSE '"stated"' END), '{}') FROM unnest(a.fields) f WHERE random() < 0.98) END,
    jsonb_build_object('purpose', a.purpose, 'reason', 'reason ' || a.i, 'requested_at', a.at, 'repositories', '["booking", "driver_licence"]'::jsonb,
        'fields', (SELECT coalesce(jsonb_object_agg(f, CASE WHEN f = 'health_threat' THEN 'false'::jsonb ELSE '"stated"' END), '{}') FROM unnest(a.fields) f)
            || '{"attested": true, "consent": true, "capture_basis": "lawful encounter"}'
            || CASE WHEN a.policy = 'MI' THEN jsonb_build_object('request', md5('q' || a.i)::uuid) ELSE '{}' END
            || CASE WHEN a.is_exigent THEN '{"exigent": true, "threat": "stated"}'::jsonb ELSE '{}' END,
        'overrides', CASE WHEN a.assigned <= 0.05 AND a.policy = 'NM' THEN '{"case_assigned": "partner is ill"}'::jsonb ELSE '{}' END,
        'account', k.facts || jsonb_build_object('used_at', a.at),
        'case', jsonb_build_object('number', a.case_number, 'status', CASE WHEN a.assigned > 0.99 AND a.policy = 'MI' THEN 'closed' ELSE 'open' END,
            'incident_type', a.incident_type, 'assigned', a.assigned > 0.05),
        'search', jsonb_build_object('mode', 'identification', 'probe', jsonb_build_object('kind', 'jpeg',
            'sha256', md5(CASE WHEN a.probe < 0.01 THEN format('again %s %s', a.n, floor(a.probe * 2000)) ELSE a.i::text END)),
            'request', jsonb_build_object('own', false, 'asked_for', true, 'case_number', a.case_number, 'incident_type', a.incident_type, 'assigned', a.assigned > 0.05),
            'chain', '{"sequence": 1}'::jsonb, 'pace', '{"ages": [], "other_probes": []}'::jsonb, 'exigent_overdue', 0)),
    CASE WHEN NOT a.refused AND a.assigned <= 0.05 AND a.policy = 'NM'
        THEN '{"case_assigned": {"clause": "NM-IX.A.2", "found": "not assigned", "reason": "partner is ill"}}'::jsonb ELSE '{}' END,
    sha256(a.i::text::bytea), false, '0000000a', a.at, a.at, '{booking,driver_licence}', 20, CASE WHEN NOT a.refused THEN 1000000 END, 0,
    CASE WHEN a.refused THEN 0 ELSE a.candidates END, CASE WHEN NOT a.refused THEN true END, a.name, 1, a.name, 1, 1, a.at, '10.0.0.1'
FROM asked a JOIN known k USING (account_id) ORDER BY a.at;
INSERT INTO facesnxt.candidate (search_id, rank, person_id, reference_id, repository, score, model)
SELECT a.search_id, r, md5(format('%s %s', a.i, r))::uuid, md5(format('r %s %s', a.i, r))::uuid, 'booking', 0.95 - r * 0.02, '0000000a'
FROM asked a CROSS JOIN LATERAL generate_series(1, a.candidates) r WHERE NOT a.refused;
CREATE TEMP TABLE done AS
SELECT a.*, md5(format('%s 1', a.i))::uuid AS person_id, random() AS d1, random() AS d2, random() AS d3, random() AS d4, random() AS d5, random() AS d6
FROM asked a WHERE NOT a.refused;
CREATE INDEX ON done (search_id);

-- ---- what follows them
INSERT INTO facesnxt.comparison (search_id, person_id, conclusion, account_id, capacities, acting_role, session_role, recorded_at)
SELECT c.search_id, c.person_id, CASE c.rank WHEN 1 THEN 'possible match' ELSE 'excluded' END, d.account_id, '{searcher}', d.name, d.name, d.at + interval '1 hour'
FROM done d JOIN facesnxt.candidate c USING (search_id) WHERE d.d1 < 0.25 OR (c.rank = 1 AND d.d1 < 0.5);
INSERT INTO facesnxt.match_decision (search_id, matched, person_id, account_id, capacities, acting_role, session_role, recorded_at)
SELECT d.search_id, d.d1 < 0.4 AND d.candidates > 0, CASE WHEN d.d1 < 0.4 AND d.candidates > 0 THEN d.person_id END, d.account_id, '{searcher}', d.name, d.name, d.at + interval '2 hours'
FROM done d WHERE d.d1 < 0.8;
INSERT INTO facesnxt.report (search_id, kind, number, positive_match, officer, items, version_id, account_id, acting_role, session_role, recorded_at)
SELECT d.search_id, 'report', 'R-' || d.i, d.d1 < 0.4, d.name, '{}', d.version_id, d.account_id, d.name, d.name, d.at + d.d2 * interval '12 days' FROM done d WHERE d.d2 < 0.9;
INSERT INTO facesnxt.corroboration (search_id, person_id, kind, source, account_id, acting_role, session_role, recorded_at)
SELECT d.search_id, d.person_id, 'interviews', 'file', d.account_id, d.name, d.name, d.at + interval '3 hours' FROM done d WHERE d.candidates > 0 AND d.d3 < 0.2;
INSERT INTO facesnxt.withdrawal (item_id, search_id, reason, account_id, acting_role, session_role, recorded_at)
SELECT c.item_id, c.search_id, 'somebody else', c.account_id, c.acting_role, c.session_role, c.recorded_at + interval '20 days' FROM facesnxt.corroboration c JOIN done d USING (search_id) WHERE d.d3 < 0.005;
INSERT INTO facesnxt.identification (search_id, person_id, basis, items, account_id, capacities, acting_role, session_role, recorded_at)
SELECT c.search_id, c.person_id, 'known', ARRAY[c.item_id], c.account_id, '{searcher}', c.acting_role, c.session_role, c.recorded_at + interval '1 hour' FROM facesnxt.corroboration c JOIN done d USING (search_id) WHERE d.d3 < 0.1;
INSERT INTO facesnxt.outcome (search_id, determination, person_id, corroboration, recorded_by, account_id, recorded_at)
SELECT d.search_id, CASE WHEN d.candidates > 0 AND d.d3 < 0.1 THEN 'lead confirmed' WHEN d.d4 < 0.6 THEN 'no match' ELSE 'inconclusive' END,
    CASE WHEN d.candidates > 0 AND d.d3 < 0.1 THEN d.person_id END, CASE WHEN d.candidates > 0 AND d.d3 < 0.1 THEN 'interview' END, d.name, d.account_id, d.at + d.d4 * interval '50 days'
FROM done d WHERE d.d4 < 0.85;
INSERT INTO facesnxt.outcome_notice (search_id, identified, account_id, acting_role, session_role, recorded_at)
SELECT d.search_id, d.d3 < 0.1, d.account_id, d.name, d.name, d.at + d.d5 * interval '40 days' FROM done d WHERE d.policy = 'MI' AND d.d5 < 0.8;
INSERT INTO facesnxt.action (status, kind, search_id, person_id, sqlstate, clause, message, findings, facts, version_id, agency_id, account_id, acting_role, session_role, requested_at, recorded_at)
SELECT CASE WHEN d.d6 < 0.02 THEN 'refused' ELSE 'permitted' END, CASE WHEN d.i % 2 = 0 THEN 'arrest' ELSE 'witness contact' END, d.search_id, d.person_id,
    CASE WHEN d.d6 < 0.02 THEN 'NX357' END, CASE WHEN d.d6 < 0.02 THEN facesnxt.policy_clause(d.version_id, 'not_sole_basis') END, NULL, '[]', '{}', d.version_id, d.agency_id, d.account_id, d.name, d.name, d.at, d.at + interval '4 hours'
FROM done d WHERE d.d6 < 0.06;
INSERT INTO facesnxt.access_log (kind, sqlstate, agency_id, account_id, acting_role, session_role, search_id, ranks, persons, fields, recipient, ground, recorded_at)
SELECT CASE WHEN v = 2 AND d.d5 < 0.03 THEN 'export' ELSE 'view' END, CASE WHEN d.d5 > 0.99 THEN 'NX397' END, d.agency_id, d.account_id, d.name, d.name, d.search_id, '{1}', ARRAY[d.person_id],
    CASE v WHEN 1 THEN '{name,photo}'::text[] ELSE '{name}' END, CASE WHEN v = 2 AND d.d5 < 0.03 THEN 'State Attorney' END, CASE WHEN v = 2 AND d.d5 < 0.03 THEN 'subpoena' END,
    d.at + v * interval '10 minutes'
FROM done d CROSS JOIN generate_series(1, 2) v WHERE d.candidates > 0 AND (v = 1 OR d.d5 < 0.6);
INSERT INTO facesnxt.exigent_papers (search_id, case_number, reason, fields, account_id, completed_by, session_role, completed_at)
SELECT d.search_id, d.case_number, 'stated', (SELECT coalesce(jsonb_object_agg(f, to_jsonb('stated'::text)), '{}') FROM unnest(d.fields) f), d.account_id, d.name, d.name, d.at + d.d6 * interval '30 hours'
FROM done d WHERE d.is_exigent AND d.d6 < 0.85;
INSERT INTO facesnxt.verification (status, sqlstate, clause, agency_id, account_id, version_id, score, requested_at, recorded_at, identity, acting_role, session_role)
SELECT CASE WHEN a.refused THEN 'refused' ELSE 'completed' END, CASE WHEN a.refused THEN 'NX305' END, CASE WHEN a.refused THEN a.clause END, a.agency_id, a.account_id, a.version_id,
    CASE WHEN NOT a.refused THEN 0.5 END, a.at, a.at + interval '5 minutes', '{}', a.name, a.name
FROM asked a WHERE a.i % 10 = 0;
INSERT INTO facesnxt.refused_step (step, agency_id, account_id, search_id, sqlstate, clause, message, acting_role, session_role, requested_at, recorded_at)
SELECT (ARRAY['report', 'identification', 'match decision'])[1 + d.i % 3], d.agency_id, d.account_id, d.search_id, 'NX350', facesnxt.policy_clause(d.version_id, 'evaluator'), 'refused', d.name, d.name, d.at, d.at + interval '90 minutes'
FROM done d WHERE d.i % 12 = 0;
INSERT INTO facesnxt.ticket (agency_id, agency, account_id, version_id, purpose, facts, request, repositories, max_rows, max_statements, opened_at, expires_at,
    session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start)
SELECT d.agency_id, d.code, d.account_id, d.version_id, d.purpose, '{}', '{}', '{booking}', 50, 10, d.at, d.at + interval '10 minutes', d.name, 1, d.name, 1, 1, d.at
FROM done d WHERE d.i % 50 = 0;
INSERT INTO facesnxt.raw_statement (ticket_id, agency_id, status, sqlstate, statement, recorded_at, session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start)
SELECT t.ticket_id, t.agency_id, CASE WHEN s = 3 THEN 'refused' ELSE 'admitted' END, CASE WHEN s = 3 THEN 'NX371' END, 'SELECT', t.opened_at + s * interval '1 minute',
    t.session_role, 1, t.acting_role, 1, 1, t.opened_at
FROM facesnxt.ticket t CROSS JOIN generate_series(1, 3) s;
INSERT INTO facesnxt.raw_row (statement_id, rank, columns) SELECT r.statement_id, k, '[]' FROM facesnxt.raw_statement r CROSS JOIN generate_series(1, 20) k WHERE r.status = 'admitted';
INSERT INTO facesnxt.platform (agency_id, name, kind, owner, in_use, recorded_by, session_role, recorded_at)
SELECT a.agency_id, 'Other system', 'commercial', 'a company', true, 'bench', 'bench', '2023-01-05' FROM agency a WHERE a.policy IN ('MI', 'NS');
INSERT INTO facesnxt.external_search (status, agency_id, account_id, version_id, platform, searched_at, purpose, reason, results, acting_role, session_role, recorded_at)
SELECT 'registered', d.agency_id, d.account_id, d.version_id, 'Other system', d.at, d.purpose, 'stated', 'none', d.name, d.name, d.at + interval '1 day' FROM done d WHERE d.policy IN ('MI', 'NS') AND d.i % 40 = 0;

-- ---- what audits find besides
INSERT INTO facesnxt.mou_end (mou_id, reason, by_role, by_session, at)
SELECT m.mou_id, 'not renewed', 'bench', 'bench', '2023-11-15' FROM facesnxt.mou m JOIN agency a USING (agency_id) WHERE a.n % 5 IN (1, 2);
INSERT INTO facesnxt.violation (account_id, kind, description, by_role, by_session, at)
SELECT m.account_id, CASE WHEN m.n % 2 = 0 THEN 'misuse' ELSE 'shared password' END, 'stated', 'bench', 'bench', '2023-03-01'::timestamptz + m.i * m.n % 200 * interval '1 day'
FROM member m WHERE m.i IN (3, 4);
INSERT INTO facesnxt.revocation (account_id, agency_id, role, role_oid, status, could_log_in, groups, decided_by, decided_session, decided_at)
SELECT m.account_id, m.agency_id, m.name, m.role::oid, 'revoked', true, '{}', 'bench', 'bench', '2023-09-01' FROM member m WHERE m.status = 'revoked';
INSERT INTO facesnxt.discrepancy (agency_id, description, opened_by, session_role, recorded_at)
SELECT a.agency_id, 'discrepancy ' || d, 'bench', 'bench', '2023-02-10'::timestamptz + d * interval '40 days' FROM agency a, generate_series(1, 4) d;
INSERT INTO facesnxt.discrepancy_resolution (discrepancy_id, agency_id, resolution, office, resolved_by, session_role, recorded_at)
SELECT d.discrepancy_id, d.agency_id, 'stated', 'auditor', 'bench', 'bench', d.recorded_at + interval '50 days' FROM facesnxt.discrepancy d WHERE d.description <> 'discrepancy 4';
INSERT INTO facesnxt.audit_request (agency_id, subject, since, until, requested_by, requester, session_role, recorded_at)
SELECT a.agency_id, 'searches of March', '2023-03-01', '2023-04-01', 'bench', 'postgres', 'bench', '2023-05-02' FROM agency a;
INSERT INTO facesnxt.public_request (agency_id, requester, subject, since, until, statute, exempt, recorded_by, session_role, recorded_at)
SELECT a.agency_id, 'a newspaper', 'searches of May', '2023-05-01', '2023-06-01', 'FSS 119', false, 'bench', 'bench', '2023-06-10' FROM agency a;
COMMIT;
SELECT format('ALTER TABLE facesnxt.%I ENABLE ALWAYS TRIGGER audit_row', c.relname)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgname = 'audit_row' \gexec
VACUUM ANALYZE;
