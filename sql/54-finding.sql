-- What an audit checks: compliance with memoranda and policy (NM-VII.A), and
-- what the record itself says of audits, accounts and discrepancies.

-- Every completed search is judged again, by the version that was in force
-- then, from the facts that were kept of it.
CREATE FUNCTION facesnxt.compliance_section(agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz)
RETURNS SETOF facesnxt.report_line
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH done AS MATERIALIZED (
        -- taken out of its row once, not by every test
        SELECT s.search_id, s.version_id, s.facts || '{}' AS facts, s.recorded_at FROM facesnxt.search s
        WHERE s.agency_id = $1 AND s.status = 'completed' AND s.recorded_at >= $2 AND s.recorded_at < $3 AND s.recorded_at <= $4
    ), judged AS MATERIALIZED (
        SELECT d.search_id, j.rule, j.clause, j.message, j.reason_against FROM done d CROSS JOIN LATERAL facesnxt.judge(d.version_id, d.facts) j
    ), counted (place, line, value, detail) AS (
        SELECT 10, 'searches judged again by the policy of their time', count(*), NULL FROM done
        UNION ALL SELECT 11, 'searches that break a rule', count(DISTINCT j.search_id), NULL FROM judged j WHERE j.reason_against IS NULL
        UNION ALL SELECT 12, 'broken: ' || j.rule, count(*), min(j.clause || ': ' || j.message COLLATE "C") FROM judged j
            WHERE j.reason_against IS NULL GROUP BY j.rule
        UNION ALL SELECT 13, 'set aside for a reason: ' || j.rule, count(*), min(j.clause) FROM judged j
            WHERE j.reason_against IS NOT NULL GROUP BY j.rule
        UNION ALL
        SELECT 20, 'searches outside any memorandum of understanding', count(*), min(r.clause)
        FROM done d JOIN facesnxt.policy_rule r ON r.version_id = d.version_id AND r.rule = 'mou'
        WHERE NOT EXISTS (
            SELECT FROM facesnxt.mou m LEFT JOIN facesnxt.mou_end e ON e.mou_id = m.mou_id AND e.at <= d.recorded_at
            WHERE m.agency_id = $1 AND m.at <= d.recorded_at AND m.from_at <= d.recorded_at AND m.until_at > d.recorded_at AND e.mou_id IS NULL)
        UNION ALL
        SELECT 21, 'memorandum: ' || m.title, cardinality(m.parties), format('%s; %s to %s%s', array_to_string(m.parties, ', '),
            facesnxt.local_time(m.from_at, z.zone), facesnxt.local_time(coalesce(e.at, m.until_at), z.zone), ', ended: ' || e.reason)
        FROM facesnxt.mou m LEFT JOIN facesnxt.mou_end e ON e.mou_id = m.mou_id AND e.at <= $4, (SELECT facesnxt.report_zone($1, $4) AS zone) z
        WHERE m.agency_id = $1 AND m.at <= $4 AND m.from_at < $3 AND coalesce(e.at, m.until_at) >= $2
    )
    SELECT c.place, 'Compliance with memoranda and policy', c.line, c.value::text, c.detail FROM counted c
    WHERE c.place <> 20 OR c.detail IS NOT NULL OR c.value > 0 ORDER BY c.place, c.line COLLATE "C"
$$;
COMMENT ON FUNCTION facesnxt.compliance_section(uuid, timestamptz, timestamptz, timestamptz) IS
'Every search of a period judged again by the policy of its time, and the memoranda that were in force (NM-VII.A)';
REVOKE ALL ON FUNCTION facesnxt.compliance_section(uuid, timestamptz, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.findings_section(agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz, parameters jsonb)
RETURNS SETOF facesnxt.report_line
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH inquiry AS MATERIALIZED (SELECT f.search_id, f.reason, f.place FROM facesnxt.substantiation($1, $2, $3, $4, $5->'anomalies') f),
    cut AS MATERIALIZED (
        SELECT e.last_gone_at - e.seen_at AS latency FROM facesnxt.revocation r
            LEFT JOIN facesnxt.revocation_end e ON e.revocation_id = r.revocation_id AND e.watched_until <= $4
        WHERE r.agency_id = $1 AND r.decided_at >= $2 AND r.decided_at < $3 AND r.decided_at <= $4
    ), ticket AS MATERIALIZED (
        SELECT d.*, r.resolution, r.resolved_by, r.recorded_at AS resolved_at
        FROM facesnxt.discrepancy d
            LEFT JOIN facesnxt.discrepancy_resolution r ON r.discrepancy_id = d.discrepancy_id AND r.recorded_at <= $4
        WHERE d.agency_id = $1 AND d.recorded_at <= $4 AND d.recorded_at < $3
    ), signed AS MATERIALIZED (
        SELECT p.kind, p.since, p.until, p.pack_id, s.accepted, s.signed_by, s.administers, s.office
        FROM facesnxt.audit_pack p
            LEFT JOIN LATERAL (SELECT s.* FROM facesnxt.audit_signoff s WHERE s.pack_id = p.pack_id AND s.signed_at <= $4
                               ORDER BY s.signed_at DESC LIMIT 1) s ON true
        WHERE p.agency_id = $1 AND p.recorded_at <= $4 AND p.since >= $2 AND p.until <= $3
    ), counted (place, line, value, detail) AS (
        SELECT 10, 'searches completed', count(*)::text, NULL FROM facesnxt.search s
            WHERE s.agency_id = $1 AND s.status = 'completed' AND s.recorded_at >= $2 AND s.recorded_at < $3 AND s.recorded_at <= $4
        UNION ALL SELECT 11, 'of them require substantiation', count(DISTINCT search_id)::text, NULL FROM inquiry
        UNION ALL SELECT 11 + place, '  for: ' || reason, count(DISTINCT search_id)::text, NULL FROM inquiry GROUP BY place, reason
        UNION ALL SELECT 22, 'attempts refused', count(*)::text, string_agg(DISTINCT s.clause, ', ' ORDER BY s.clause) FROM facesnxt.search s
            WHERE s.agency_id = $1 AND s.status = 'refused' AND s.recorded_at >= $2 AND s.recorded_at < $3 AND s.recorded_at <= $4
        UNION ALL SELECT 23, 'violations reported: ' || v.kind, count(*)::text, string_agg(v.description, '; ' ORDER BY v.at, v.violation_id)
            FROM facesnxt.violation v JOIN facesnxt.account a USING (account_id)
            WHERE a.agency_id = $1 AND v.at >= $2 AND v.at < $3 AND v.at <= $4 GROUP BY v.kind
        UNION ALL SELECT 24, 'accounts cut off', count(*)::text,
            'slowest: ' || round(extract(epoch FROM max(latency)) * 1000) || ' ms after its commit' FROM cut
        UNION ALL SELECT 30, 'discrepancies opened', count(*)::text, NULL FROM ticket WHERE recorded_at >= $2
        UNION ALL SELECT 31, 'discrepancies resolved', count(*)::text, NULL FROM ticket WHERE resolved_at >= $2 AND resolved_at < $3
        UNION ALL SELECT 32, 'discrepancies still open', count(*)::text, NULL FROM ticket WHERE resolved_at IS NULL
        UNION ALL SELECT 33, 'open: ' || facesnxt.local_time(t.recorded_at, facesnxt.report_zone($1, $4)), t.opened_by::text, t.description
            FROM ticket t WHERE t.resolved_at IS NULL
        UNION ALL SELECT 40, 'audit: ' || p.kind || ' from ' || facesnxt.local_time(p.since, facesnxt.report_zone($1, $4)),
            CASE WHEN p.accepted THEN 'signed' WHEN NOT p.accepted THEN 'returned' ELSE 'open' END,
            p.signed_by || ', ' || p.office || CASE WHEN p.administers THEN '; who signed administers accounts, too' ELSE '' END
            FROM signed p WHERE p.kind IN ('monthly', 'quarterly', 'annual')
        UNION ALL SELECT 50, 'finding ' || f.number, NULL, f.finding
            FROM jsonb_array_elements_text(CASE jsonb_typeof($5->'findings') WHEN 'array' THEN $5->'findings' ELSE '[]' END)
                WITH ORDINALITY AS f (finding, number)
    )
    SELECT c.place, 'Findings', c.line, c.value, c.detail FROM counted c ORDER BY c.place, c.line COLLATE "C", c.detail COLLATE "C"
$$;
COMMENT ON FUNCTION facesnxt.findings_section(uuid, timestamptz, timestamptz, timestamptz, jsonb) IS
'What the record says of a period: inquiries, refusals, violations, revocations, discrepancies, audits, and findings that were stated (NM-VII.C, NM-VII.D)';
REVOKE ALL ON FUNCTION facesnxt.findings_section(uuid, timestamptz, timestamptz, timestamptz, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.months_section(agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz)
RETURNS SETOF facesnxt.report_line
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 10, 'Month by month', to_char(m.month, 'YYYY-MM'), count(s.search_id) FILTER (WHERE s.status = 'completed')::text,
        format('completed, %s refused, %s cases, %s accounts', count(s.search_id) FILTER (WHERE s.status = 'refused'),
            count(DISTINCT s.case_number) FILTER (WHERE s.status = 'completed'),
            count(DISTINCT s.account_id) FILTER (WHERE s.status = 'completed'))
    FROM (SELECT facesnxt.report_zone($1, $4) AS zone) z
        CROSS JOIN LATERAL generate_series($2 AT TIME ZONE z.zone, ($3 AT TIME ZONE z.zone) - interval '1 day', interval '1 month') AS m (month)
        LEFT JOIN facesnxt.search s ON s.agency_id = $1 AND s.recorded_at <= $4
            AND s.recorded_at >= m.month AT TIME ZONE z.zone AND s.recorded_at < (m.month + interval '1 month') AT TIME ZONE z.zone
    GROUP BY m.month ORDER BY m.month
$$;
COMMENT ON FUNCTION facesnxt.months_section(uuid, timestamptz, timestamptz, timestamptz) IS 'The searches of a period, a line for each month';
REVOKE ALL ON FUNCTION facesnxt.months_section(uuid, timestamptz, timestamptz, timestamptz) FROM PUBLIC;

-- ---- discrepancies

CREATE FUNCTION facesnxt.open_discrepancy(agency text, description text, pack_id uuid DEFAULT NULL, search_id uuid DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.audited_agency(agency);
    new_id uuid;
BEGIN
    IF facesnxt.readable(description) IS NULL
        OR (pack_id IS NOT NULL AND NOT EXISTS (SELECT FROM facesnxt.audit_pack p WHERE p.pack_id = open_discrepancy.pack_id AND p.agency_id = of_agency))
        OR (search_id IS NOT NULL AND NOT EXISTS (SELECT FROM facesnxt.search s WHERE s.search_id = open_discrepancy.search_id AND s.agency_id = of_agency))
    THEN
        RAISE EXCEPTION 'a discrepancy is described, and of an audit or a search of the agency if it names one'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Say what does not agree with what.';
    END IF;
    INSERT INTO facesnxt.discrepancy (agency_id, description, pack_id, search_id, opened_by, session_role)
    SELECT of_agency, open_discrepancy.description, open_discrepancy.pack_id, open_discrepancy.search_id, i.acting_role, i.session_role
    FROM facesnxt.session_identity() i
    RETURNING discrepancy_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.open_discrepancy(text, text, uuid, uuid) IS 'Opens a discrepancy that an auditor found; it stays open until it is resolved (NM-VII.D)';
REVOKE ALL ON FUNCTION facesnxt.open_discrepancy(text, text, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.open_discrepancy(text, text, uuid, uuid) TO facesnxt_auditor;

CREATE FUNCTION facesnxt.resolve_discrepancy(discrepancy_id uuid, resolution text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    opened facesnxt.discrepancy;
    version uuid;
    office text;
BEGIN
    SELECT d.* INTO opened FROM facesnxt.discrepancy d WHERE d.discrepancy_id = resolve_discrepancy.discrepancy_id;
    version := facesnxt.policy_in_force(opened.agency_id, clock_timestamp());
    office := facesnxt.policy_value(version, 'auditor') #>> '{}';
    PERFORM facesnxt.require_office(opened.agency_id, office, facesnxt.policy_clause(version, 'auditor'), NULL);
    IF facesnxt.readable(resolution) IS NULL
        OR EXISTS (SELECT FROM facesnxt.discrepancy_resolution r WHERE r.discrepancy_id = opened.discrepancy_id) THEN
        RAISE EXCEPTION 'a discrepancy is resolved once, and it is said how' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'facesnxt.discrepancy_resolution shows those that are; open another one.';
    END IF;
    INSERT INTO facesnxt.discrepancy_resolution (discrepancy_id, agency_id, resolution, office, resolved_by, session_role)
    SELECT opened.discrepancy_id, opened.agency_id, resolve_discrepancy.resolution, office, i.acting_role, i.session_role
    FROM facesnxt.session_identity() i;
END
$$;
COMMENT ON FUNCTION facesnxt.resolve_discrepancy(uuid, text) IS 'Says how a discrepancy was addressed; by the office that audits (NM-VII.D, NX331)';
REVOKE ALL ON FUNCTION facesnxt.resolve_discrepancy(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.resolve_discrepancy(uuid, text) TO facesnxt_member, facesnxt_auditor;
