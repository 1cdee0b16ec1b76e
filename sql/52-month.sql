-- The monthly report in its four sections (NM-VII.B), of any period: searches,
-- user activity, database query activity, inquiries that require
-- substantiation.

CREATE FUNCTION facesnxt.searches_section(agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz)
RETURNS SETOF facesnxt.report_line
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH asked AS MATERIALIZED (
        SELECT s.* FROM facesnxt.search s
        WHERE s.agency_id = $1 AND s.recorded_at >= $2 AND s.recorded_at < $3 AND s.recorded_at <= $4
    ), done AS MATERIALIZED (
        SELECT a.*, d.matched, o.determination,
            EXISTS (SELECT FROM facesnxt.identification i WHERE i.search_id = a.search_id AND i.recorded_at <= $4) AS identified,
            EXISTS (SELECT FROM facesnxt.report f WHERE f.search_id = a.search_id AND f.recorded_at <= $4) AS reported
        FROM asked a
            LEFT JOIN LATERAL (SELECT d.matched FROM facesnxt.match_decision d WHERE d.search_id = a.search_id AND d.recorded_at <= $4
                               ORDER BY d.recorded_at DESC LIMIT 1) d ON true
            LEFT JOIN LATERAL (SELECT o.determination FROM facesnxt.outcome o WHERE o.search_id = a.search_id AND o.recorded_at <= $4
                               ORDER BY o.recorded_at DESC LIMIT 1) o ON true
        WHERE a.status = 'completed'
    ), counted (place, line, value, detail) AS (
        SELECT 10, 'searches asked for', count(*), NULL FROM asked
        UNION ALL SELECT 11, '  completed', count(*), NULL FROM done
        UNION ALL SELECT 12, '  refused', count(*), NULL FROM asked WHERE status = 'refused'
        UNION ALL SELECT 20, 'purpose: ' || d.purpose, count(*), min(p.clause)
            FROM done d LEFT JOIN facesnxt.policy_purpose p ON p.version_id = d.version_id AND p.code = d.purpose GROUP BY d.purpose
        UNION ALL SELECT 25, 'incident type: ' || coalesce(d.incident_type, 'none'), count(*), NULL FROM done d GROUP BY d.incident_type
        UNION ALL SELECT 30, 'refused: ' || coalesce(a.clause, a.sqlstate), count(*), min(a.message COLLATE "C")
            FROM asked a WHERE a.status = 'refused' GROUP BY coalesce(a.clause, a.sqlstate)
        UNION ALL SELECT 40, 'cases', count(DISTINCT case_number), NULL FROM done
        UNION ALL SELECT 41, 'photographs searched', count(DISTINCT probe_id), NULL FROM done
        UNION ALL SELECT 42, 'further searches of a photograph', count(*), NULL FROM done WHERE fields->>'parent_search' IS NOT NULL
        UNION ALL SELECT 43, 'searches with candidates', count(*), NULL FROM done WHERE candidates > 0
        UNION ALL SELECT 44, 'candidates returned', coalesce(sum(candidates), 0), NULL FROM done
        UNION ALL SELECT 45, 'exact searches', count(*), NULL FROM done WHERE exact
        UNION ALL SELECT 46, 'repository: ' || r, count(*), NULL FROM done CROSS JOIN unnest(repositories) r GROUP BY r
        UNION ALL SELECT 50, 'exigent searches', count(*), NULL FROM done WHERE fields->>'exigent' = 'true'
        UNION ALL SELECT 51, 'searches with an advisory rule set aside', count(*), NULL FROM done WHERE set_aside <> '{}'
        UNION ALL SELECT 60, 'evaluated: possible match', count(*), NULL FROM done WHERE matched
        UNION ALL SELECT 61, 'evaluated: no match', count(*), NULL FROM done WHERE NOT matched
        UNION ALL SELECT 62, 'not evaluated', count(*), NULL FROM done WHERE matched IS NULL
        UNION ALL SELECT 63, 'outcome: ' || coalesce(determination, 'not recorded'), count(*), NULL FROM done GROUP BY determination
        UNION ALL SELECT 64, 'searches with an identification', count(*), NULL FROM done WHERE identified
        UNION ALL SELECT 65, 'searches with a report', count(*), NULL FROM done WHERE reported
        UNION ALL SELECT 70, 'action permitted: ' || a.kind, count(*), NULL FROM facesnxt.action a
            WHERE a.agency_id = $1 AND a.recorded_at >= $2 AND a.recorded_at < $3 AND a.recorded_at <= $4 AND a.status = 'permitted' GROUP BY a.kind
        UNION ALL SELECT 71, 'action refused: ' || a.kind, count(*), string_agg(DISTINCT a.clause, ', ' ORDER BY a.clause)
            FROM facesnxt.action a
            WHERE a.agency_id = $1 AND a.recorded_at >= $2 AND a.recorded_at < $3 AND a.recorded_at <= $4 AND a.status = 'refused' GROUP BY a.kind
    )
    SELECT c.place, '1. Searches', c.line, c.value::text, c.detail FROM counted c ORDER BY c.place, c.line COLLATE "C"
$$;
COMMENT ON FUNCTION facesnxt.searches_section(uuid, timestamptz, timestamptz, timestamptz) IS 'Section 1: the searches of a period and what became of them (NM-VII.B, NM-II.c)';
REVOKE ALL ON FUNCTION facesnxt.searches_section(uuid, timestamptz, timestamptz, timestamptz) FROM PUBLIC;

-- Every account that was active or did something, and what happened to accounts.
CREATE FUNCTION facesnxt.users_section(agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz)
RETURNS SETOF facesnxt.report_line
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH did (account_id, what, case_number, at) AS MATERIALIZED (
        SELECT s.account_id, CASE s.status WHEN 'completed' THEN 'search' ELSE 'refused' END, s.case_number, s.recorded_at
        FROM facesnxt.search s WHERE s.agency_id = $1 AND s.recorded_at >= $2 AND s.recorded_at < $3 AND s.recorded_at <= $4
        UNION ALL
        SELECT v.account_id, CASE v.status WHEN 'completed' THEN 'verification' ELSE 'refused' END, NULL, v.recorded_at
        FROM facesnxt.verification v WHERE v.agency_id = $1 AND v.recorded_at >= $2 AND v.recorded_at < $3 AND v.recorded_at <= $4
        UNION ALL
        SELECT coalesce(t.account_id, a.account_id), CASE r.status WHEN 'admitted' THEN 'raw' ELSE 'refused' END, NULL, r.recorded_at
        FROM facesnxt.raw_statement r LEFT JOIN facesnxt.ticket t USING (ticket_id) LEFT JOIN facesnxt.account a ON a.role = r.acting_oid
        WHERE r.agency_id = $1 AND r.recorded_at >= $2 AND r.recorded_at < $3 AND r.recorded_at <= $4
        UNION ALL
        SELECT l.account_id, CASE WHEN l.sqlstate IS NULL THEN l.kind ELSE 'refused' END, NULL, l.recorded_at
        FROM facesnxt.access_log l WHERE l.agency_id = $1 AND l.recorded_at >= $2 AND l.recorded_at < $3 AND l.recorded_at <= $4
        UNION ALL
        SELECT r.account_id, 'refused', NULL, r.recorded_at
        FROM facesnxt.refused_step r WHERE r.agency_id = $1 AND r.recorded_at >= $2 AND r.recorded_at < $3 AND r.recorded_at <= $4
        UNION ALL
        SELECT x.account_id, CASE x.status WHEN 'permitted' THEN 'action' ELSE 'refused' END, NULL, x.recorded_at
        FROM facesnxt.action x WHERE x.agency_id = $1 AND x.recorded_at >= $2 AND x.recorded_at < $3 AND x.recorded_at <= $4
    ), held AS MATERIALIZED (
        SELECT a.account_id, facesnxt.account_label(a.account_id, $4) AS name,
            facesnxt.account_status_at(a.account_id, least($3, $4)) AS status
        FROM facesnxt.account a WHERE a.agency_id = $1
    ), active AS (
        SELECT h.name, h.status, d.*
        FROM held h
            LEFT JOIN (SELECT d.account_id, count(*) FILTER (WHERE d.what = 'search') AS searches,
                           count(DISTINCT d.case_number) FILTER (WHERE d.what = 'search') AS cases,
                           count(*) FILTER (WHERE d.what = 'refused') AS refused,
                           count(*) FILTER (WHERE d.what = 'verification') AS verifications,
                           count(*) FILTER (WHERE d.what = 'raw') AS raw,
                           count(*) FILTER (WHERE d.what IN ('view', 'photograph', 'results', 'candidate sheet', 'comparison sheet', 'line-up sheet', 'line-up key')) AS views,
                           count(*) FILTER (WHERE d.what = 'export') AS exports,
                           count(*) FILTER (WHERE d.what = 'action') AS actions, max(d.at) AS last
                       FROM did d GROUP BY d.account_id) d USING (account_id)
        WHERE d.account_id IS NOT NULL OR h.status = 'active'
    ), cut AS (
        SELECT r.*, e.last_gone_at - e.seen_at AS latency, facesnxt.local_time(r.decided_at, z.zone) AS at
        FROM facesnxt.revocation r LEFT JOIN facesnxt.revocation_end e ON e.revocation_id = r.revocation_id AND e.watched_until <= $4,
            (SELECT facesnxt.report_zone($1, $4) AS zone) z
        WHERE r.agency_id = $1 AND r.decided_at >= $2 AND r.decided_at < $3 AND r.decided_at <= $4
    ), counted (place, line, value, detail) AS (
        SELECT 10, 'accounts active at the end', count(*), NULL FROM held WHERE status = 'active'
        UNION ALL SELECT 11, 'accounts that searched', count(*), NULL FROM active WHERE searches > 0
        UNION ALL SELECT 12, 'active accounts that did nothing', count(*), NULL FROM active WHERE account_id IS NULL
        UNION ALL
        SELECT 20, 'account: ' || a.name, coalesce(a.searches, 0), concat_ws(', ', nullif(a.cases, 0) || ' cases',
            nullif(a.refused, 0) || ' refused', nullif(a.verifications, 0) || ' verified', nullif(a.raw, 0) || ' raw',
            nullif(a.views, 0) || ' views', nullif(a.exports, 0) || ' exports', nullif(a.actions, 0) || ' actions', 'last ' || facesnxt.local_time(a.last, facesnxt.report_zone($1, $4)), nullif(a.status, 'active'))
        FROM active a
        UNION ALL
        SELECT 30, 'account step: ' || e.step, count(*), string_agg(format('%s%s', h.name, ' (' || e.reason || ')'), ', ' ORDER BY e.at, h.name)
        FROM facesnxt.account_event e JOIN held h USING (account_id)
        WHERE e.at >= $2 AND e.at < $3 AND e.at <= $4 GROUP BY e.step
        UNION ALL
        SELECT 40, 'cut off: ' || c.role, 1, format('%s at %s by %s, %s', c.status, c.at, c.decided_by,
            coalesce(round(extract(epoch FROM c.latency) * 1000) || ' ms after its commit nothing of it ran', 'not yet carried out'))
        FROM cut c
    )
    SELECT c.place, '2. User activity', c.line, c.value::text, c.detail FROM counted c ORDER BY c.place, c.line COLLATE "C", c.detail COLLATE "C"
$$;
COMMENT ON FUNCTION facesnxt.users_section(uuid, timestamptz, timestamptz, timestamptz) IS 'Section 2: what each account did in a period, and what happened to accounts (NM-VII.B)';
REVOKE ALL ON FUNCTION facesnxt.users_section(uuid, timestamptz, timestamptz, timestamptz) FROM PUBLIC;
