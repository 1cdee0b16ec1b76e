#!/bin/bash
# trace.sh - how long the audits take that compare templates.
#
# A year of SEARCHES (100,000) by 30 accounts of one agency, DIMENSIONS (512):
# anomalies() of the last month. Then REFERENCES (1,000,000): replay() of one
# search by the table, and an impostor distribution of 20,000 templates.
set -euo pipefail

psql -X -q -v ON_ERROR_STOP=1 -v n="${SEARCHES:-100000}" -v d="${DIMENSIONS:-512}" -v r="${REFERENCES:-1000000}" <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS facesnxt;
SET work_mem = '64MB';
SELECT facesnxt.create_agency('B', 'Bench') \g /dev/null
SELECT facesnxt.adopt_policy('B', 'EXAMPLE') \g /dev/null
SELECT format('CREATE ROLE bench_%s', i) FROM generate_series(1, 30) i \gexec
SELECT facesnxt.open_account('B', format('bench_%s', i)::regrole) FROM generate_series(1, 30) i \g /dev/null
INSERT INTO facesnxt.search (status, agency_id, agency, account_id, version_id, case_number, purpose, facts, probe_kept, model, requested_at, recorded_at,
    repositories, candidate_limit, references_compared, references_other_model, candidates, exact, session_role, session_oid, acting_role, acting_oid,
    backend_pid, backend_start, client_address)
SELECT 'completed', a.agency_id, 'B', a.account_id, facesnxt.policy_in_force(a.agency_id, clock_timestamp()), 'C-' || i / 4, 'criminal',
    jsonb_build_object('search', jsonb_build_object('probe', jsonb_build_object('sha256', md5(i::text)))), false, '0000001f', t, t, '{booking}', 20, 1000000, 0, 0, true,
    a.role::text, a.role::oid, a.role::text, a.role::oid, 1, t, '10.0.0.1'
FROM generate_series(1, :n) i JOIN (SELECT b.*, row_number() OVER () - 1 AS n FROM facesnxt.account b) a ON a.n = i % 30,
    LATERAL (SELECT '2026-01-01'::timestamptz + i * (interval '365 days' / :n) AS t) v;
-- one in a hundred shows a face that was searched before
INSERT INTO facesnxt.probe_template (search_id, model, template)
SELECT s.search_id, s.model, facesnxt.disturb(facesnxt.disturb(facesnxt.with_model(array_fill(1::real, ARRAY[:d])::facesnxt.embedding, '0000001f'), 0,
    CASE WHEN i % 100 = 0 THEN i - 50 ELSE i END), 0.85, i)
FROM (SELECT *, row_number() OVER (ORDER BY recorded_at) AS i FROM facesnxt.search) s;
ANALYZE facesnxt.search, facesnxt.probe_template;
\timing on
SELECT count(DISTINCT face) AS faces, count(*) AS probes FROM facesnxt.faced_searches((SELECT agency_id FROM facesnxt.agency), '2026-12-01', '2027-01-01',
    facesnxt.anomaly_defaults());
SELECT count(*) AS findings_without_faces FROM facesnxt.habit_anomalies((SELECT agency_id FROM facesnxt.agency), '2026-12-01', '2027-01-01', facesnxt.anomaly_defaults());
SELECT kind, count(*) FROM facesnxt.anomalies('B', '2026-12-01', '2027-01-01') GROUP BY 1 ORDER BY 1;
\timing off
CREATE TEMP TABLE someone AS SELECT i, gen_random_uuid() AS id, gen_random_uuid() AS reference FROM generate_series(1, :r) i;
INSERT INTO facesnxt.person (person_id, name) SELECT id, 'Any' FROM someone;
INSERT INTO facesnxt.reference_image (reference_id, person_id, identity_source, enrolled_by) SELECT reference, id, 'fingerprint', 'bench' FROM someone;
INSERT INTO facesnxt.reference (reference_id, person_id, repository, template)
SELECT reference, id, 'booking', facesnxt.disturb(facesnxt.with_model(array_fill(1::real, ARRAY[:d])::facesnxt.embedding, '0000001f'), 0, i) FROM someone;
VACUUM ANALYZE facesnxt.reference, facesnxt.reference_image;
\timing on
SELECT count(*) AS rows_of_a_replay FROM facesnxt.replay((SELECT search_id FROM facesnxt.search ORDER BY recorded_at DESC LIMIT 1));
SELECT count(*) AS rows_of_a_replay FROM facesnxt.replay((SELECT search_id FROM facesnxt.search ORDER BY recorded_at DESC LIMIT 1));
SELECT facesnxt.sample_impostors('0000001f') IS NOT NULL AS sampled;
SELECT count(*) AS rates FROM facesnxt.fpir((SELECT search_id FROM facesnxt.search ORDER BY recorded_at DESC LIMIT 1));
SQL
