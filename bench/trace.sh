#!/bin/bash
# trace.sh [searches [dimensions]] - how long the audits take that compare
# probes: a year of searches of one agency, then anomalies() for its last month,
# for 30 accounts and searches / 4 cases.

. "$(dirname "$0")/../scripts/common.sh"

searches=${1:-100000}
dimensions=${2:-512}

if [ -z "${PGHOST:-}" ]; then
    exec "$ROOT/scripts/cluster.sh" -c fsync=off -c shared_buffers=1GB -c max_wal_size=8GB -c work_mem=64MB "$0" "$@"
fi
psql -Xq -v ON_ERROR_STOP=1 -v n="$searches" -v d="$dimensions" <<'SQL'
SET client_min_messages = warning;
CREATE EXTENSION facesnxt;
SELECT facesnxt.create_agency('B', 'Bench') \g /dev/null
SELECT facesnxt.adopt_policy('B', 'EXAMPLE') \g /dev/null
SELECT format('CREATE ROLE bench_%s', i) FROM generate_series(1, 30) i \gexec
SELECT facesnxt.open_account('B', format('bench_%s', i)::regrole) FROM generate_series(1, 30) i \g /dev/null
INSERT INTO facesnxt.search (status, agency_id, agency, account_id, version_id, case_number, purpose, facts, probe_kept, model, requested_at, recorded_at,
    repositories, candidate_limit, references_compared, references_other_model, candidates, exact, session_role, session_oid, acting_role, acting_oid,
    backend_pid, backend_start, client_address)
SELECT 'completed', a.agency_id, 'B', a.account_id, facesnxt.policy_in_force(a.agency_id, clock_timestamp()), 'C-' || i / 4, 'criminal',
    jsonb_build_object('search', jsonb_build_object('probe', jsonb_build_object('sha256', md5(i::text)))), false, '0000001f', t, t, '{booking}', 20, 1, 0, 0, true,
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
SQL
