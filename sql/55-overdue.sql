-- What is due and was not done: audits that were not made, signed or
-- submitted, what is owed after searches, papers, discrepancies, requests.

CREATE FUNCTION facesnxt.audits_due(agency_id uuid, as_of timestamptz)
RETURNS TABLE (kind text, since timestamptz, until timestamptz, due_at timestamptz, clause text, state text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH ruled AS (
        SELECT r.rule, r.clause, (r.value #>> '{}')::numeric::int AS months, facesnxt.report_zone($1, $2) AS zone,
            facesnxt.report_number(r.version_id, 'audit_days', 7) AS days,
            (SELECT min(d.effective_from) FROM facesnxt.policy_version v JOIN facesnxt.policy_decision d USING (version_id)
                 JOIN facesnxt.policy_rule o ON o.version_id = v.version_id AND o.rule = r.rule
             WHERE v.agency_id = $1 AND d.adopted AND d.effective_from <= $2) AS began
        FROM facesnxt.policy_rule r
        WHERE r.version_id = facesnxt.policy_in_force($1, $2) AND r.rule IN ('audit_months', 'memorandum_months')
    ), block AS (
        SELECT r.*, CASE WHEN r.rule = 'memorandum_months' OR r.months BETWEEN 2 AND 11 THEN 'quarterly'
                         WHEN r.months <= 1 THEN 'monthly' ELSE 'annual' END AS kind
        FROM ruled r
    ), period AS (
        SELECT b.kind, b.rule, b.clause, b.days, m.since AT TIME ZONE b.zone AS since,
            (m.since + make_interval(months => facesnxt.pack_months(b.kind))) AT TIME ZONE b.zone AS until
        FROM block b CROSS JOIN LATERAL generate_series(
            (SELECT p.since FROM facesnxt.report_period($1, (b.began AT TIME ZONE b.zone)::date, facesnxt.pack_months(b.kind), $2) p) AT TIME ZONE b.zone,
            $2 AT TIME ZONE b.zone, make_interval(months => facesnxt.pack_months(b.kind))) AS m (since)
    )
    SELECT p.kind, p.since, p.until, p.until + make_interval(days => p.days), p.clause,
        CASE WHEN made.pack_id IS NULL THEN 'not made' WHEN made.accepted IS NOT TRUE THEN 'not signed' ELSE 'not submitted' END
    FROM period p
        LEFT JOIN LATERAL (
            SELECT k.pack_id, s.accepted FROM facesnxt.audit_pack k
                LEFT JOIN LATERAL (SELECT s.accepted FROM facesnxt.audit_signoff s WHERE s.pack_id = k.pack_id AND s.signed_at <= $2
                                   ORDER BY s.signed_at DESC LIMIT 1) s ON true
            -- one that was made before its period was over is none of it
            WHERE k.agency_id = $1 AND k.kind = p.kind AND k.since = p.since AND k.until = p.until AND k.as_of >= p.until AND k.recorded_at <= $2
            ORDER BY coalesce(s.accepted, false) DESC, k.recorded_at DESC LIMIT 1) made ON true
    WHERE p.until + make_interval(days => p.days) <= $2
        AND (made.accepted IS NOT TRUE
            OR (p.rule = 'memorandum_months' AND NOT EXISTS (
                SELECT FROM facesnxt.audit_submission m JOIN facesnxt.audit_pack k USING (pack_id)
                WHERE k.agency_id = $1 AND k.kind = p.kind AND k.since = p.since AND m.submitted_at <= $2)))
    ORDER BY p.until, p.kind
$$;
COMMENT ON FUNCTION facesnxt.audits_due(uuid, timestamptz) IS
'Audits that an agency''s policy asked for by a time and that were not made, signed or submitted, since the policy asks for them (NM-VII.B, NM-VII.C, NS-32.6.9, NP-VI.C.2.c, MI-4.5.5)';
REVOKE ALL ON FUNCTION facesnxt.audits_due(uuid, timestamptz) FROM PUBLIC;

-- facesnxt.owed is of now; this is of a time, and only what has a day.
CREATE FUNCTION facesnxt.owed_at(agency_id uuid, as_of timestamptz)
RETURNS TABLE (search_id uuid, recorded_at timestamptz, acting_role name, case_number text, what text, clause text, due_at timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH ruled AS MATERIALIZED (
        SELECT v.version_id, r.rule, r.clause, w.what,
            coalesce((CASE r.rule WHEN 'report' THEN r.value->>'days' ELSE d.value #>> '{}' END)::numeric::int,
                     CASE WHEN r.rule <> 'report' THEN 30 END) AS days
        FROM facesnxt.policy_version v
            JOIN facesnxt.policy_rule r USING (version_id)
            JOIN (VALUES ('report', 'report'), ('outcome_days', 'outcome'), ('outcome_notice', 'outcome notice')) AS w (rule, what) USING (rule)
            LEFT JOIN facesnxt.policy_rule d ON d.version_id = v.version_id AND d.rule = 'outcome_days'
        WHERE v.agency_id = $1 AND r.value <> 'false'
    )
    SELECT s.search_id, s.recorded_at, s.acting_role, s.case_number, r.what, r.clause, s.recorded_at + make_interval(days => r.days)
    FROM facesnxt.search s JOIN ruled r USING (version_id)
    WHERE s.agency_id = $1 AND s.status = 'completed' AND s.recorded_at <= $2 AND s.recorded_at + make_interval(days => r.days) <= $2
        AND CASE r.what
            WHEN 'report' THEN NOT EXISTS (SELECT FROM facesnxt.report f WHERE f.search_id = s.search_id AND f.recorded_at <= $2)
            ELSE NOT EXISTS (SELECT FROM facesnxt.outcome_notice n WHERE n.search_id = s.search_id AND n.recorded_at <= $2)
                AND (r.what = 'outcome notice'
                     OR NOT EXISTS (SELECT FROM facesnxt.outcome o WHERE o.search_id = s.search_id AND o.recorded_at <= $2)) END
$$;
COMMENT ON FUNCTION facesnxt.owed_at(uuid, timestamptz) IS 'Reports, outcomes and notices of searches that were overdue at a time (NM-VI.C, NS-32.6.6, MI-4.5.3.3.b)';
REVOKE ALL ON FUNCTION facesnxt.owed_at(uuid, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.overdue_section(agency_id uuid, as_of timestamptz) RETURNS SETOF facesnxt.report_line
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH late (place, what, since, name, clause, due_at, key) AS MATERIALIZED (
        SELECT 10, 'audit, ' || a.kind, a.since, a.state, a.clause, a.due_at, a.kind FROM facesnxt.audits_due($1, $2) a
        UNION ALL
        SELECT 20, o.what, o.recorded_at, concat_ws(', ', o.acting_role, o.case_number), o.clause, o.due_at, o.search_id::text
        FROM facesnxt.owed_at($1, $2) o
        UNION ALL
        SELECT 30, 'papers of an exigent search', s.recorded_at, s.acting_role::text, r.clause,
            s.recorded_at + (r.value->>'hours')::float8 * interval '1 hour', s.search_id::text
        FROM facesnxt.search s JOIN facesnxt.policy_rule r ON r.version_id = s.version_id AND r.rule = 'exigent'
        WHERE s.agency_id = $1 AND s.status = 'completed' AND s.fields->>'exigent' = 'true' AND s.recorded_at <= $2
            AND s.recorded_at + (r.value->>'hours')::float8 * interval '1 hour' <= $2
            AND NOT EXISTS (SELECT FROM facesnxt.exigent_papers p WHERE p.search_id = s.search_id AND p.completed_at <= $2)
        UNION ALL
        SELECT 40, 'discrepancy', d.recorded_at, d.description, v.clause, d.recorded_at, d.discrepancy_id::text
        FROM facesnxt.discrepancy d,
            (SELECT facesnxt.policy_clause(facesnxt.policy_in_force($1, $2), 'auditor') AS clause) v
        WHERE d.agency_id = $1 AND d.recorded_at <= $2 AND NOT EXISTS (
            SELECT FROM facesnxt.discrepancy_resolution r WHERE r.discrepancy_id = d.discrepancy_id AND r.recorded_at <= $2)
        UNION ALL
        SELECT 50, 'audit on request', q.recorded_at, concat_ws(', ', q.requested_by, q.subject), v.clause, q.recorded_at, q.request_id::text
        FROM facesnxt.audit_request q,
            (SELECT facesnxt.policy_clause(facesnxt.policy_in_force($1, $2), 'audit_request_by') AS clause) v
        WHERE q.agency_id = $1 AND q.recorded_at <= $2 AND NOT EXISTS (
            SELECT FROM facesnxt.audit_request_step t
            WHERE t.request_id = q.request_id AND t.step IN ('declined', 'delivered') AND t.recorded_at <= $2)
        UNION ALL
        SELECT 60, 'request of the public', p.recorded_at, p.subject, v.clause, p.recorded_at, p.public_id::text
        FROM facesnxt.public_request p,
            (SELECT facesnxt.policy_clause(facesnxt.policy_in_force($1, $2), 'public_records') AS clause) v
        WHERE p.agency_id = $1 AND p.recorded_at <= $2 AND NOT EXISTS (
            SELECT FROM facesnxt.public_decision d WHERE d.public_id = p.public_id AND d.decided_at <= $2)
    )
    SELECT 1, 'Overdue', 'in all', count(*)::text, NULL FROM late
    UNION ALL
    (SELECT 2, 'Overdue', l.what, count(*)::text, string_agg(DISTINCT l.clause, ', ' ORDER BY l.clause) FROM late l
     GROUP BY l.place, l.what ORDER BY l.place, l.what COLLATE "C")
    UNION ALL
    (SELECT l.place, 'What is overdue, by when it was due', format('%s  %s', facesnxt.local_time(l.due_at, z.zone), l.what),
         floor(extract(epoch FROM $2 - l.due_at) / 86400)::text || ' d',
         concat_ws('; ', l.name, 'of ' || facesnxt.local_time(l.since, z.zone), l.clause)
     FROM late l, (SELECT facesnxt.report_zone($1, $2) AS zone) z
     ORDER BY l.place, l.due_at, l.key COLLATE "C", l.what COLLATE "C")
$$;
COMMENT ON FUNCTION facesnxt.overdue_section(uuid, timestamptz) IS 'Everything that is overdue at an agency at a time, audits that were not made among it, with the clause that asks for it';
REVOKE ALL ON FUNCTION facesnxt.overdue_section(uuid, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.overdue_audits(as_of timestamptz DEFAULT NULL)
RETURNS TABLE (agency text, kind text, since timestamptz, until timestamptz, due_at timestamptz, clause text, state text)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC'
AS $$
    SELECT g.code, d.* FROM facesnxt.agency g CROSS JOIN LATERAL facesnxt.audits_due(g.agency_id, coalesce($1, clock_timestamp())) d
    WHERE facesnxt.in_reach(g.agency_id) ORDER BY d.due_at, g.code COLLATE "C"
$$;
COMMENT ON FUNCTION facesnxt.overdue_audits(timestamptz) IS
'Audits that were not made, signed or submitted in time, of all agencies, or of the one that an auditor is bound to';
REVOKE ALL ON FUNCTION facesnxt.overdue_audits(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.overdue_audits(timestamptz) TO facesnxt_auditor;
