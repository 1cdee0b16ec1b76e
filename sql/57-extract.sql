-- Extracts: the log of searches, members and licences, what the public gets.

CREATE FUNCTION facesnxt.log_section(agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz)
RETURNS SETOF facesnxt.report_line
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 10, 'Log of searches: time, incident number, results, identification, type',
        format('%s  %s', facesnxt.local_time(s.recorded_at, z.zone), coalesce(s.case_number, 'no number')),
        CASE WHEN s.candidates > 0 THEN 'yes' ELSE 'no' END,
        format('%s; %s; %s; by %s',
            CASE WHEN i.identified THEN 'identified' WHEN NOT i.identified THEN 'not identified' ELSE 'not told yet' END,
            coalesce(s.incident_type, 'no type'), s.purpose, s.acting_role)
    FROM facesnxt.search s
        LEFT JOIN LATERAL (SELECT n.identified FROM facesnxt.outcome_notice n WHERE n.search_id = s.search_id AND n.recorded_at <= $4
                           ORDER BY n.recorded_at DESC LIMIT 1) i ON true,
        (SELECT facesnxt.report_zone($1, $4) AS zone) z
    WHERE s.agency_id = $1 AND s.status = 'completed' AND s.recorded_at >= $2 AND s.recorded_at < $3 AND s.recorded_at <= $4
    ORDER BY s.recorded_at, s.search_id
$$;
COMMENT ON FUNCTION facesnxt.log_section(uuid, timestamptz, timestamptz, timestamptz) IS
'The log of all searches of a period: date and time, incident number and type, whether it yielded results, and whether there was ultimately a positive identification (MI-4.5.3.3.a)';
REVOKE ALL ON FUNCTION facesnxt.log_section(uuid, timestamptz, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.members_section(agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz)
RETURNS SETOF facesnxt.report_line
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH z AS (SELECT facesnxt.report_zone($1, $4) AS zone, least($3, $4) AS at), held AS MATERIALIZED (
        SELECT a.account_id, a.role, facesnxt.account_label(a.account_id, $4) AS name,
            facesnxt.account_status_at(a.account_id, z.at) AS status,
            EXISTS (SELECT FROM facesnxt.search s WHERE s.account_id = a.account_id AND s.status = 'completed'
                    AND s.recorded_at >= $2 AND s.recorded_at < $3 AND s.recorded_at <= $4) AS searched
        FROM facesnxt.account a, z WHERE a.agency_id = $1
    ), listed (place, line, value, detail) AS (
        SELECT 10, 'members authorised at the end of the period', count(*)::text, NULL FROM held WHERE status = 'active'
        UNION ALL SELECT 11, 'of them searched', count(*)::text, NULL FROM held WHERE status = 'active' AND searched
        UNION ALL SELECT 12, 'searched and not authorised any more', count(*)::text, NULL FROM held WHERE status <> 'active' AND searched
        UNION ALL
        SELECT 20, 'member: ' || h.name, h.status, concat_ws(', ',
            (SELECT 'unit ' || u.unit FROM facesnxt.unit_membership u WHERE u.role = h.role AND u.agency_id = $1 AND u.at <= z.at
             ORDER BY u.at DESC LIMIT 1),
            (SELECT format('excepted by %s until %s', x.office, facesnxt.local_time(x.until_at, z.zone)) FROM facesnxt.unit_exception x
             WHERE x.account_id = h.account_id AND x.at <= z.at AND x.until_at > z.at ORDER BY x.until_at DESC LIMIT 1),
            (SELECT string_agg(DISTINCT format('approved by %s', e.office), ', ' ORDER BY format('approved by %s', e.office))
             FROM (SELECT e.office FROM facesnxt.account_event e WHERE e.account_id = h.account_id AND e.step = 'approved' AND e.at <= z.at
                       AND e.office IS NOT NULL
                   UNION SELECT r.office FROM facesnxt.registration_approval r WHERE r.agency_id = $1 AND r.applicant = h.role AND r.at <= z.at) e),
            (SELECT 'active since ' || facesnxt.local_time(max(e.at), z.zone) FROM facesnxt.account_event e
             WHERE e.account_id = h.account_id AND e.to_status = 'active' AND e.from_status IS DISTINCT FROM 'active' AND e.at <= z.at))
        FROM held h, z WHERE h.status = 'active' OR h.searched
    )
    SELECT l.place, 'Authorised members', l.line, l.value, l.detail FROM listed l ORDER BY l.place, l.line COLLATE "C"
$$;
COMMENT ON FUNCTION facesnxt.members_section(uuid, timestamptz, timestamptz, timestamptz) IS
'Who was authorised at the end of a period, by which unit and whose approval, and who searched and is not any more (NS-32.6.9)';
REVOKE ALL ON FUNCTION facesnxt.members_section(uuid, timestamptz, timestamptz, timestamptz) FROM PUBLIC;

-- When an account was last used as of a time: as last_used(), which is of now.
CREATE FUNCTION facesnxt.licences_section(agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz)
RETURNS SETOF facesnxt.report_line
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH z AS (
        SELECT facesnxt.report_zone($1, $4) AS zone, least($3, $4) AS at, v.version,
            (facesnxt.policy_value(v.version, 'licences') #>> '{}')::numeric::int AS licences,
            (facesnxt.policy_value(v.version, 'inactivity_days') #>> '{}')::numeric::int AS days
        FROM (SELECT facesnxt.policy_in_force($1, $4) AS version) v
    ), held AS MATERIALIZED (
        SELECT a.account_id, facesnxt.account_label(a.account_id, $4) AS name, greatest(
            (SELECT max(e.at) FROM facesnxt.account_event e WHERE e.account_id = a.account_id AND e.at <= z.at),
            (SELECT s.recorded_at FROM facesnxt.search s WHERE s.account_id = a.account_id AND s.status = 'completed' AND s.recorded_at <= z.at
             ORDER BY s.recorded_at DESC LIMIT 1),
            (SELECT v.recorded_at FROM facesnxt.verification v WHERE v.account_id = a.account_id AND v.status = 'completed' AND v.recorded_at <= z.at
             ORDER BY v.recorded_at DESC LIMIT 1),
            (SELECT t.opened_at FROM facesnxt.ticket t WHERE t.account_id = a.account_id AND t.opened_at <= z.at
             ORDER BY t.opened_at DESC LIMIT 1)) AS used_at
        FROM facesnxt.account a, z WHERE a.agency_id = $1 AND facesnxt.account_status_at(a.account_id, z.at) = 'active'
    ), step AS MATERIALIZED (
        SELECT e.* FROM facesnxt.account_event e JOIN facesnxt.account a USING (account_id)
        WHERE a.agency_id = $1 AND e.at >= $2 AND e.at < $3 AND e.at <= $4
    ), counted (place, line, value, detail) AS (
        SELECT 10, 'licences', z.licences, facesnxt.policy_clause(z.version, 'licences') FROM z WHERE z.licences IS NOT NULL
        UNION ALL SELECT 11, 'in use', count(*), NULL FROM held
        UNION ALL SELECT 12, 'free', z.licences - (SELECT count(*) FROM held), NULL FROM z WHERE z.licences IS NOT NULL
        UNION ALL SELECT 13, format('unused for %s days', z.days), (SELECT count(*) FROM held h WHERE h.used_at <= z.at - make_interval(days => z.days)),
            facesnxt.policy_clause(z.version, 'inactivity_days') FROM z WHERE z.days IS NOT NULL
        UNION ALL SELECT 14, 'removed for inactivity in the period', count(*), NULL FROM step WHERE to_status = 'revoked' AND reason ~ '^inactivity'
        UNION ALL SELECT 15, 'removed for another reason', count(*), NULL FROM step WHERE to_status = 'revoked' AND reason !~ '^inactivity'
        UNION ALL SELECT 16, 'issued in the period', count(*), NULL FROM step WHERE to_status = 'active' AND step IN ('activated', 'auto-grant')
        UNION ALL SELECT 20, 'operator: ' || h.name, floor(extract(epoch FROM z.at - h.used_at) / 86400)::bigint,
            format('days unused, last %s%s', facesnxt.local_time(h.used_at, z.zone),
                CASE WHEN h.used_at <= z.at - make_interval(days => z.days) THEN '; to be removed' ELSE '' END)
            FROM held h, z
        UNION ALL
        SELECT 30, format('system: %s (%s)', p.name, p.kind), (SELECT count(*) FROM facesnxt.external_search e
            WHERE e.agency_id = $1 AND lower(e.platform) = lower(p.name) AND e.status = 'registered'
                AND e.recorded_at >= $2 AND e.recorded_at < $3 AND e.recorded_at <= $4),
            format('searches; owner %s; %s', p.owner, CASE WHEN p.in_use THEN 'in use' ELSE 'taken off the register' END)
        FROM (SELECT DISTINCT ON (lower(p.name)) p.* FROM facesnxt.platform p
              WHERE p.agency_id = $1 AND p.recorded_at <= (SELECT z.at FROM z) ORDER BY lower(p.name), p.recorded_at DESC) p
    )
    SELECT c.place, 'Licences and systems', c.line, c.value::text, c.detail FROM counted c ORDER BY c.place, c.line COLLATE "C"
$$;
COMMENT ON FUNCTION facesnxt.licences_section(uuid, timestamptz, timestamptz, timestamptz) IS
'Licences and who used them, who is inactive and was removed, and the use of other systems, commercial ones among them (NP-VI.C.2.c)';
REVOKE ALL ON FUNCTION facesnxt.licences_section(uuid, timestamptz, timestamptz, timestamptz) FROM PUBLIC;

-- ---- what the public gets: counts, and which fields are withheld by which exemption

CREATE FUNCTION facesnxt.public_section(public_id uuid, as_of timestamptz) RETURNS SETOF facesnxt.report_line
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH asked AS MATERIALIZED (
        SELECT p.*, d.decision, coalesce(d.exemption, p.statute) AS exemption, d.decided_at
        FROM facesnxt.public_request p
            CROSS JOIN LATERAL (SELECT d.* FROM facesnxt.public_decision d WHERE d.public_id = p.public_id AND d.decided_at <= $2
                                ORDER BY d.decided_at DESC LIMIT 1) d
        WHERE p.public_id = $1 AND d.decision <> 'denied'
    )
    (SELECT 1, 'Request', v.line, NULL, v.detail
     FROM asked a CROSS JOIN LATERAL (VALUES (1, 'subject', a.subject), (2, 'statute', a.statute), (3, 'decision', a.decision),
         (4, 'exemption', CASE WHEN a.decision = 'redacted' THEN a.exemption END)) AS v (n, line, detail)
     WHERE v.detail IS NOT NULL ORDER BY v.n)
    UNION ALL
    (SELECT 2, 'Withheld', v.line, 'withheld', format('%s (%s)', v.why, a.exemption)
     FROM asked a CROSS JOIN (VALUES (1, 'persons and candidates', 'criminal intelligence and investigative information'),
         (2, 'photographs and templates', 'biometric data'), (3, 'members and addresses', 'who searched, from where'),
         (4, 'case numbers, reasons, fields', 'criminal intelligence and investigative information'),
         (5, 'small counts', 'by which a person could be recognised')) AS v (n, line, why)
     ORDER BY v.n)
    UNION ALL
    SELECT 3, l.section, l.line, l.value, l.detail
    FROM asked a CROSS JOIN LATERAL facesnxt.statistics_section(a.agency_id, a.since, a.until, $2) l
$$;
COMMENT ON FUNCTION facesnxt.public_section(uuid, timestamptz) IS
'The answer to a request of the public that was not denied: what is withheld and by which exemption, and counts with small ones suppressed (NS-32.6.12, NP-VI.C.2.d)';
REVOKE ALL ON FUNCTION facesnxt.public_section(uuid, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.public_pack(public_id uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked facesnxt.public_request;
BEGIN
    SELECT r.* INTO asked FROM facesnxt.public_request r WHERE r.public_id = public_pack.public_id;
    IF asked.public_id IS NULL OR NOT facesnxt.in_reach(asked.agency_id) OR (
        SELECT d.decision FROM facesnxt.public_decision d WHERE d.public_id = asked.public_id ORDER BY d.decided_at DESC LIMIT 1)
        IS NOT DISTINCT FROM 'denied' OR NOT EXISTS (SELECT FROM facesnxt.public_decision d WHERE d.public_id = asked.public_id) THEN
        PERFORM facesnxt.refuse_on_record('extract for the public', 'NX398', 'extract refused: nothing is released', NULL,
            'facesnxt.decide_public_request() decides.', asked.agency_id, 'public_records', 'NM-IX.A.3');
    END IF;
    RETURN facesnxt.seal_pack('public record', asked.agency_id, asked.since, asked.until, jsonb_build_object('public_id', asked.public_id));
END
$$;
COMMENT ON FUNCTION facesnxt.public_pack(uuid) IS 'Makes and seals the answer to a request of the public, once it was decided on (NX398)';
REVOKE ALL ON FUNCTION facesnxt.public_pack(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.public_pack(uuid) TO facesnxt_auditor;
