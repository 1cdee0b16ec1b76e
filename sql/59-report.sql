-- Which sections make which report, and reading one without sealing it.

CREATE FUNCTION facesnxt.pack_lines(
    kind text, agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz, parameters jsonb)
RETURNS SETOF facesnxt.report_line
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    CASE kind
        WHEN 'monthly' THEN
            RETURN QUERY SELECT l.* FROM facesnxt.activity_sections(agency_id, since, until, as_of, parameters) l;
        WHEN 'quarterly' THEN
            RETURN QUERY SELECT l.* FROM facesnxt.findings_section(agency_id, since, until, as_of, parameters) l;
            RETURN QUERY SELECT l.* FROM facesnxt.compliance_section(agency_id, since, until, as_of) l;
            RETURN QUERY SELECT l.* FROM facesnxt.months_section(agency_id, since, until, as_of) l;
            RETURN QUERY SELECT l.* FROM facesnxt.searches_section(agency_id, since, until, as_of) l;
        WHEN 'annual' THEN
            RETURN QUERY SELECT l.* FROM facesnxt.members_section(agency_id, since, until, as_of) l;
            RETURN QUERY SELECT l.* FROM facesnxt.licences_section(agency_id, since, until, as_of) l;
            RETURN QUERY SELECT l.* FROM facesnxt.findings_section(agency_id, since, until, as_of, parameters) l;
            RETURN QUERY SELECT l.* FROM facesnxt.compliance_section(agency_id, since, until, as_of) l;
            RETURN QUERY SELECT l.* FROM facesnxt.months_section(agency_id, since, until, as_of) l;
            RETURN QUERY SELECT l.* FROM facesnxt.activity_sections(agency_id, since, until, as_of, parameters) l;
        WHEN 'on request' THEN
            RETURN QUERY SELECT l.* FROM facesnxt.findings_section(agency_id, since, until, as_of, parameters) l;
            RETURN QUERY SELECT l.* FROM facesnxt.compliance_section(agency_id, since, until, as_of) l;
            RETURN QUERY SELECT l.* FROM facesnxt.activity_sections(agency_id, since, until, as_of, parameters) l;
        WHEN 'log extract' THEN
            RETURN QUERY SELECT l.* FROM facesnxt.log_section(agency_id, since, until, as_of) l;
        WHEN 'licence use' THEN
            RETURN QUERY SELECT l.* FROM facesnxt.licences_section(agency_id, since, until, as_of) l;
        WHEN 'overdue' THEN
            RETURN QUERY SELECT l.* FROM facesnxt.overdue_section(agency_id, as_of) l;
        WHEN 'statistics' THEN
            RETURN QUERY SELECT l.* FROM facesnxt.statistics_section(agency_id, since, until, as_of) l;
        WHEN 'public record' THEN
            RETURN QUERY SELECT l.* FROM facesnxt.public_section((parameters->>'public_id')::uuid, as_of) l;
        WHEN 'defence' THEN
            RETURN QUERY SELECT l.* FROM facesnxt.bundle_section(agency_id, parameters->>'case_number', as_of) l;
    END CASE;
END
$$;
COMMENT ON FUNCTION facesnxt.pack_lines(text, uuid, timestamptz, timestamptz, timestamptz, jsonb) IS 'The lines of a pack of a kind, from the records as of a time';
REVOKE ALL ON FUNCTION facesnxt.pack_lines(text, uuid, timestamptz, timestamptz, timestamptz, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.audit_report(agency text, kind text, day date, as_of timestamptz DEFAULT NULL, parameters jsonb DEFAULT '{}')
RETURNS SETOF facesnxt.report_line
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC'
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.audited_agency(agency);
    at CONSTANT timestamptz := coalesce(as_of, clock_timestamp());
    months CONSTANT int := facesnxt.pack_months(kind);
    period record;
BEGIN
    IF months IS NULL OR day IS NULL THEN
        RAISE EXCEPTION 'no such report can be made' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('Kind "%s", day %s.', kind, coalesce(day::text, 'NULL')),
            HINT = 'monthly, quarterly, annual, log extract, statistics, licence use or overdue, of the period that a day is in.';
    END IF;
    SELECT p.* INTO period FROM facesnxt.report_period(of_agency, day, months, at) p;
    RETURN QUERY SELECT l.* FROM facesnxt.pack_lines(kind, of_agency, period.since, period.until, at,
        facesnxt.with_findings(kind, of_agency, period.since, period.until, parameters)) l;
END
$$;
COMMENT ON FUNCTION facesnxt.audit_report(text, text, date, timestamptz, jsonb) IS
'Any report of the month, quarter or year that a day is in, as it would be sealed, without sealing it';
REVOKE ALL ON FUNCTION facesnxt.audit_report(text, text, date, timestamptz, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.audit_report(text, text, date, timestamptz, jsonb) TO facesnxt_auditor;

-- ---- the list of audits, whole: kinds, reviewers, submissions

CREATE VIEW facesnxt.audit_state WITH (security_barrier, security_invoker) AS
    SELECT p.pack_id, g.code AS agency, p.kind, p.since, p.until, p.recorded_at, p.generated_by, p.sha256, p.tree_size, p.root_hash,
        s.accepted, s.findings, s.office, s.signed_by, s.signed_at, s.administers, m.recipient, m.submitted_at
    FROM facesnxt.audit_pack p JOIN facesnxt.agency g USING (agency_id)
        LEFT JOIN LATERAL (SELECT s.* FROM facesnxt.audit_signoff s WHERE s.pack_id = p.pack_id ORDER BY s.signed_at DESC LIMIT 1) s ON true
        LEFT JOIN facesnxt.audit_submission m ON m.pack_id = p.pack_id;
COMMENT ON VIEW facesnxt.audit_state IS 'Audits with their last review and to whom they were submitted; administers: who signed administers accounts, too';
REVOKE ALL ON TABLE facesnxt.audit_state FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.audit_state TO facesnxt_auditor;
