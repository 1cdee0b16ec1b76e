-- The other two sections of the monthly report, and the report.

-- Reads of the log are another part's records.
CREATE FUNCTION facesnxt.log_reads(agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz)
RETURNS TABLE (reader text, reads bigint, rows numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regclass('facesnxt.log_access') IS NULL THEN
        RETURN;
    END IF;
    FOR reader, reads, rows IN
        EXECUTE format('SELECT l.acting_role::text, count(*), coalesce(sum(e.rows), 0) FROM facesnxt.%I l '
            'LEFT JOIN facesnxt.%I e ON e.log_access_id = l.log_access_id AND e.recorded_at <= $4 '
            'WHERE l.agency_id = $1 AND l.within IS NULL AND l.recorded_at >= $2 AND l.recorded_at < $3 AND l.recorded_at <= $4 '
            'GROUP BY l.acting_role', 'log_access', 'log_access_end') USING agency_id, since, until, as_of
    LOOP
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.log_reads(uuid, timestamptz, timestamptz, timestamptz) IS 'Who of an agency read records, how often and how many rows, where that is logged';
REVOKE ALL ON FUNCTION facesnxt.log_reads(uuid, timestamptz, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.queries_section(agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz)
RETURNS SETOF facesnxt.report_line
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH raw AS MATERIALIZED (
        SELECT r.* FROM facesnxt.raw_statement r
        WHERE r.agency_id = $1 AND r.recorded_at >= $2 AND r.recorded_at < $3 AND r.recorded_at <= $4
    ), seen AS MATERIALIZED (
        SELECT l.* FROM facesnxt.access_log l
        WHERE l.agency_id = $1 AND l.recorded_at >= $2 AND l.recorded_at < $3 AND l.recorded_at <= $4
    ), counted (place, line, value, detail) AS (
        SELECT 10, 'open searches', count(*), NULL FROM facesnxt.ticket t
            WHERE t.agency_id = $1 AND t.opened_at >= $2 AND t.opened_at < $3 AND t.opened_at <= $4
        UNION ALL SELECT 11, 'raw statements admitted', count(*), NULL FROM raw WHERE status = 'admitted'
        UNION ALL SELECT 12, 'raw statements refused', count(*), string_agg(DISTINCT sqlstate, ', ' ORDER BY sqlstate) FROM raw WHERE status = 'refused'
        UNION ALL SELECT 13, 'rows that left by raw statements', count(*), NULL FROM raw JOIN facesnxt.raw_row USING (statement_id)
        UNION ALL SELECT 20, '1:1 verifications ' || v.status, count(*), string_agg(DISTINCT v.clause, ', ' ORDER BY v.clause)
            FROM facesnxt.verification v
            WHERE v.agency_id = $1 AND v.recorded_at >= $2 AND v.recorded_at < $3 AND v.recorded_at <= $4 GROUP BY v.status
        UNION ALL SELECT 30, CASE l.kind WHEN 'view' THEN 'views of candidates' WHEN 'results' THEN 'lists fetched by who asked'
                WHEN 'export' THEN 'exports' WHEN 'photograph' THEN 'photographs fetched'
                ELSE l.kind || 's' END, count(*),
                count(DISTINCT l.acting_role) || ' accounts, ' || coalesce(sum(cardinality(l.ranks)), 0) || ' candidates'
            FROM seen l WHERE l.sqlstate IS NULL GROUP BY l.kind
        UNION ALL SELECT 31, 'exported to: ' || l.recipient, count(*), string_agg(DISTINCT format('%s, by %s', l.ground, l.acting_role), '; '
                ORDER BY format('%s, by %s', l.ground, l.acting_role))
            FROM seen l WHERE l.sqlstate IS NULL AND l.kind = 'export' GROUP BY l.recipient
        UNION ALL SELECT 32, 'field seen: ' || f, count(*), NULL FROM seen l CROSS JOIN unnest(l.fields) f WHERE l.sqlstate IS NULL GROUP BY f
        UNION ALL SELECT 33, 'refused: ' || l.kind, count(*), string_agg(DISTINCT l.sqlstate, ', ' ORDER BY l.sqlstate)
            FROM seen l WHERE l.sqlstate IS NOT NULL GROUP BY l.kind
        UNION ALL SELECT 40, 'refused step: ' || r.step, count(*), string_agg(DISTINCT coalesce(r.clause, r.sqlstate), ', ' ORDER BY coalesce(r.clause, r.sqlstate))
            FROM facesnxt.refused_step r
            WHERE r.agency_id = $1 AND r.recorded_at >= $2 AND r.recorded_at < $3 AND r.recorded_at <= $4 GROUP BY r.step
        UNION ALL SELECT 50, format('searches in %s: %s', coalesce(e.platform, 'no system'), e.status), count(*),
                string_agg(DISTINCT e.clause, ', ' ORDER BY e.clause)
            FROM facesnxt.external_search e
            WHERE e.agency_id = $1 AND e.recorded_at >= $2 AND e.recorded_at < $3 AND e.recorded_at <= $4 GROUP BY e.platform, e.status
        UNION ALL SELECT 55, 'reads of the log: ' || l.reader, l.reads, l.rows || ' rows' FROM facesnxt.log_reads($1, $2, $3, $4) l
        UNION ALL SELECT 60, 'reports made: ' || p.kind, count(*), string_agg(DISTINCT p.generated_by::text, ', ' ORDER BY p.generated_by::text)
            FROM facesnxt.audit_pack p
            WHERE p.agency_id = $1 AND p.recorded_at >= $2 AND p.recorded_at < $3 AND p.recorded_at <= $4 GROUP BY p.kind
    )
    SELECT c.place, '3. Database query activity', c.line, c.value::text, c.detail FROM counted c ORDER BY c.place, c.line COLLATE "C"
$$;
COMMENT ON FUNCTION facesnxt.queries_section(uuid, timestamptz, timestamptz, timestamptz) IS
'Section 3: raw statements, 1:1 comparisons, views, exports, refused steps, other systems and reads of the log in a period (NM-VII.B)';
REVOKE ALL ON FUNCTION facesnxt.queries_section(uuid, timestamptz, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.inquiries_section(
    agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz, parameters jsonb)
RETURNS SETOF facesnxt.report_line
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH found AS MATERIALIZED (SELECT f.* FROM facesnxt.substantiation($1, $2, $3, $4, $5->'anomalies') f),
    counted (place, line, value, detail, at, search_id) AS (
        SELECT 10, 'searches that require substantiation', count(DISTINCT f.search_id)::text, NULL, NULL::timestamptz, NULL::uuid FROM found f
        UNION ALL
        SELECT 10 + f.place, 'reason: ' || f.reason, count(DISTINCT f.search_id)::text, string_agg(DISTINCT f.clause, ', ' ORDER BY f.clause), NULL, NULL
        FROM found f GROUP BY f.place, f.reason
        UNION ALL
        SELECT 30, format('%s %s', facesnxt.local_time(f.recorded_at, z.zone), f.acting_role), f.case_number,
            string_agg(f.detail || coalesce(' (' || f.clause || ')', ''), '; ' ORDER BY f.place, f.detail COLLATE "C")
                || '; search ' || f.search_id, f.recorded_at, f.search_id
        FROM found f, (SELECT facesnxt.report_zone($1, $4) AS zone) z
        GROUP BY f.search_id, f.recorded_at, f.acting_role, f.case_number, z.zone
    )
    SELECT c.place, '4. Inquiries that require substantiation', c.line, c.value, c.detail
    FROM counted c ORDER BY c.place, c.at, c.search_id
$$;
COMMENT ON FUNCTION facesnxt.inquiries_section(uuid, timestamptz, timestamptz, timestamptz, jsonb) IS
'Section 4: searches that require substantiation, each with its reasons, as of a time (NM-VII.B)';
REVOKE ALL ON FUNCTION facesnxt.inquiries_section(uuid, timestamptz, timestamptz, timestamptz, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.activity_sections(
    agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz, parameters jsonb)
RETURNS SETOF facesnxt.report_line
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY SELECT l.* FROM facesnxt.searches_section(agency_id, since, until, as_of) l;
    RETURN QUERY SELECT l.* FROM facesnxt.users_section(agency_id, since, until, as_of) l;
    RETURN QUERY SELECT l.* FROM facesnxt.queries_section(agency_id, since, until, as_of) l;
    RETURN QUERY SELECT l.* FROM facesnxt.inquiries_section(agency_id, since, until, as_of, parameters) l;
END
$$;
COMMENT ON FUNCTION facesnxt.activity_sections(uuid, timestamptz, timestamptz, timestamptz, jsonb) IS 'The four sections of the monthly report, of any period';
REVOKE ALL ON FUNCTION facesnxt.activity_sections(uuid, timestamptz, timestamptz, timestamptz, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.monthly_report(agency text, month date, as_of timestamptz DEFAULT NULL) RETURNS SETOF facesnxt.report_line
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC'
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.audited_agency(agency);
    at CONSTANT timestamptz := coalesce(as_of, clock_timestamp());
    period record;
BEGIN
    SELECT p.* INTO period FROM facesnxt.report_period(of_agency, month, 1, at) p;
    RETURN QUERY SELECT l.* FROM facesnxt.activity_sections(of_agency, period.since, period.until, at,
        jsonb_build_object('anomalies', facesnxt.anomalies_found(of_agency, period.since, period.until))) l;
END
$$;
COMMENT ON FUNCTION facesnxt.monthly_report(text, date, timestamptz) IS
'The report of the month that a day is in, in four sections: searches, user activity, database query activity, inquiries that require substantiation (NM-VII.B, MI-4.5.5)';
REVOKE ALL ON FUNCTION facesnxt.monthly_report(text, date, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.monthly_report(text, date, timestamptz) TO facesnxt_auditor;
