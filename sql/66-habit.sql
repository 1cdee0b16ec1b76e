-- When, from where and in whose name searches are made: findings that need no
-- face, and anomalies(), which has all of them.

CREATE FUNCTION facesnxt.habit_anomalies(agency_id uuid, since timestamptz, until timestamptz, settings jsonb)
RETURNS SETOF facesnxt.anomaly
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    zone CONSTANT text := settings->>'time_zone';
    rare CONSTANT double precision := (settings->>'rare_share')::double precision;
    burst_time CONSTANT interval := make_interval(mins => (settings->>'burst_minutes')::int);
    address_time CONSTANT interval := make_interval(mins => (settings->>'address_minutes')::int);
    found record;
BEGIN
    FOR found IN
    WITH a AS MATERIALIZED (
        SELECT s.search_id, s.status, s.account_id, s.acting_role AS role, s.session_oid, s.acting_oid, s.recorded_at AS at, s.recorded_at >= since AS fresh,
            s.case_id, s.case_number, s.client_address, s.backend_pid, s.backend_start,
            (s.recorded_at AT TIME ZONE zone)::date AS day, extract(hour FROM s.recorded_at AT TIME ZONE zone)::int AS hour
        FROM facesnxt.search s
        WHERE s.agency_id = habit_anomalies.agency_id AND s.account_id IS NOT NULL AND s.recorded_at < until
            AND s.recorded_at >= since - make_interval(days => (settings->>'look_back_days')::int)
    ),
    -- how many attempts within minutes, and how many the account was used to
    paced AS (
        SELECT a.*, count(*) OVER (PARTITION BY a.account_id ORDER BY a.at RANGE BETWEEN burst_time PRECEDING AND CURRENT ROW) AS pace FROM a
    ), usual AS (
        SELECT p.account_id, count(*) AS seen, percentile_disc(0.99) WITHIN GROUP (ORDER BY p.pace) AS pace FROM paced p WHERE NOT p.fresh GROUP BY p.account_id
    ), busy AS (
        SELECT p.account_id, p.at, p.search_id, p.pace FROM paced p LEFT JOIN usual u USING (account_id)
        WHERE p.fresh AND (p.pace >= (settings->>'burst')::int OR (u.seen >= 50 AND p.pace >= 5 AND p.pace > 3 * u.pace))
    ), islands AS (
        SELECT b.*, sum(b.apart) OVER (PARTITION BY b.account_id ORDER BY b.at, b.search_id) AS island
        FROM (SELECT b.*, (b.at - lag(b.at) OVER (PARTITION BY b.account_id ORDER BY b.at, b.search_id) <= burst_time IS NOT TRUE)::int AS apart FROM busy b) b
    ), bursts AS (
        SELECT i.account_id, min(i.at) - burst_time AS since, max(i.at) AS until, max(i.pace) AS pace FROM islands i GROUP BY i.account_id, i.island
    ),
    -- at which hours of the day the account and the agency used to search
    hours AS (
        SELECT a.account_id, a.hour, count(*) AS times FROM a WHERE NOT a.fresh GROUP BY a.account_id, a.hour
    ), own AS (
        SELECT h.account_id, h.hour, h.times / sum(h.times) OVER (PARTITION BY h.account_id) AS share FROM hours h
    ), own_seen AS (
        SELECT h.account_id, sum(h.times) AS seen FROM hours h GROUP BY h.account_id
    ), agency AS (
        SELECT h.hour, sum(h.times) / sum(sum(h.times)) OVER () AS share, sum(sum(h.times)) OVER () AS seen FROM hours h GROUP BY h.hour
    ), odd AS (
        SELECT a.*, o.outside, coalesce(w.seen, 0) >= 50 AND coalesce(v.share, 0) < rare AS rare_own,
            coalesce((SELECT max(g.seen) FROM agency g), 0) >= 200 AND coalesce((SELECT g.share FROM agency g WHERE g.hour = a.hour), 0) < rare AS rare_agency,
            coalesce(w.seen, 0) >= 50 AND coalesce(v.share, 0) >= rare AS usual
        FROM a LEFT JOIN own v ON v.account_id = a.account_id AND v.hour = a.hour LEFT JOIN own_seen w ON w.account_id = a.account_id,
            LATERAL (SELECT a.hour < (settings->>'from_hour')::int OR a.hour >= (settings->>'to_hour')::int AS outside) o
        WHERE a.fresh
    ),
    -- from address to address
    hops AS (
        SELECT a.*, a.at - lag(a.at) OVER w <= address_time AND a.client_address <> lag(a.client_address) OVER w AS hop, lag(a.search_id) OVER w AS before
        FROM a WHERE a.client_address IS NOT NULL WINDOW w AS (PARTITION BY a.account_id ORDER BY a.at, a.search_id)
    ), hopped AS (
        SELECT h.search_id, h.account_id, h.day FROM hops h WHERE h.hop AND h.fresh
        UNION SELECT h.before, h.account_id, h.day FROM hops h WHERE h.hop AND h.fresh
    ), landlord AS (
        SELECT a.client_address, (array_agg(a.account_id))[1] AS account_id FROM a WHERE NOT a.fresh AND a.client_address IS NOT NULL
        GROUP BY a.client_address HAVING count(DISTINCT a.account_id) = 1 AND count(*) >= 20
    ), visits AS (
        SELECT DISTINCT v.search_id, v.account_id, v.day, l.account_id AS of, host(l.client_address) AS address
        FROM a v JOIN landlord l ON l.client_address = v.client_address AND l.account_id <> v.account_id
            JOIN a o ON o.account_id = l.account_id AND o.client_address = l.client_address AND o.at BETWEEN v.at - address_time AND v.at + address_time
        WHERE v.fresh
    ), mixed AS (
        -- a gateway has no account of its own; a person's session has
        SELECT a.backend_pid, a.backend_start, count(DISTINCT a.account_id) AS accounts
        FROM a JOIN facesnxt.account s ON s.role = a.session_oid GROUP BY a.backend_pid, a.backend_start HAVING count(DISTINCT a.account_id) > 1
    ), strangers AS (
        SELECT a.case_id, count(DISTINCT a.account_id) AS accounts
        FROM a WHERE a.status = 'completed' AND a.case_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM facesnxt.case_assignment s WHERE s.case_id = a.case_id AND s.account_id = a.account_id
                AND s.assigned_at <= a.at AND (s.ended_at IS NULL OR s.ended_at > a.at))
        GROUP BY a.case_id HAVING count(DISTINCT a.account_id) >= (settings->>'case_strangers')::int
    ), every (kind, about, number, tells, search_id, account_id, role, at, fresh, case_number) AS (
        SELECT 'burst', concat(b.account_id, b.since), b.pace, NULL, a.search_id, a.account_id, a.role, a.at, a.fresh, a.case_number
        FROM a JOIN bursts b ON b.account_id = a.account_id AND a.at BETWEEN b.since AND b.until
        UNION ALL
        SELECT 'off hours', concat(o.account_id, o.day), o.outside::int + (o.rare_own AND o.rare_agency)::int * 2, to_char(o.day, 'YYYY-MM-DD'), o.search_id,
            o.account_id, o.role, o.at, o.fresh, o.case_number
        FROM odd o WHERE (o.outside AND NOT o.usual) OR (o.rare_own AND o.rare_agency)
        UNION ALL
        SELECT 'one account, several addresses', concat(h.account_id, h.day), 0, NULL, a.search_id, a.account_id, a.role, a.at, true, a.case_number
        FROM hopped h JOIN a USING (search_id)
        UNION ALL
        SELECT 'several accounts, one session', concat(m.backend_pid, m.backend_start), m.accounts, NULL, a.search_id, a.account_id, a.role, a.at, a.fresh, a.case_number
        FROM mixed m JOIN a USING (backend_pid, backend_start)
        UNION ALL
        SELECT 'several accounts, one address', concat(v.account_id, v.of, v.day), 0, v.address, a.search_id, a.account_id, a.role, a.at, a.fresh, a.case_number
        FROM visits v JOIN a USING (search_id)
        UNION ALL
        SELECT 'case number reused', a.case_id::text, s.accounts, NULL, a.search_id, a.account_id, a.role, a.at, a.fresh, a.case_number
        FROM a JOIN strangers s USING (case_id) WHERE a.status = 'completed'
    )
    SELECT e.kind, e.about, max(e.number) AS number, min(e.tells) AS tells,
        count(DISTINCT e.search_id) AS searches, count(DISTINCT e.account_id) AS users, array_agg(DISTINCT e.role) AS roles,
        array_remove(array_agg(DISTINCT e.case_number), NULL) AS cases, array_agg(e.search_id ORDER BY e.at, e.search_id) AS ids,
        (array_agg(e.search_id ORDER BY e.at, e.search_id) FILTER (WHERE e.fresh))[1] AS first_fresh, min(e.at) AS began, max(e.at) AS ended
    FROM every e GROUP BY e.kind, e.about HAVING bool_or(e.fresh)
    LOOP
        RETURN NEXT facesnxt.anomaly_of(agency_id, found.kind,
            CASE found.kind WHEN 'off hours' THEN CASE found.number WHEN 3 THEN 'high' WHEN 1 THEN 'medium' ELSE 'low' END
                WHEN 'burst' THEN CASE WHEN found.number >= 2 * (settings->>'burst')::int THEN 'high' ELSE 'medium' END
                WHEN 'several accounts, one address' THEN 'low' WHEN 'case number reused' THEN 'medium' ELSE 'high' END,
            CASE found.kind WHEN 'burst' THEN '' ELSE found.about END, found.first_fresh, found.roles, found.cases, found.ids, found.began, found.ended,
            CASE found.kind
                WHEN 'burst' THEN format('Up to %s attempts within %s minutes by one account, %s in all; set are %s, or three times what the account is used to.',
                    found.number, settings->>'burst_minutes', found.searches, settings->>'burst')
                WHEN 'off hours' THEN format('%s attempt(s) on %s %s.', found.searches, found.tells, concat_ws(' and ',
                    CASE WHEN found.number IN (1, 3) THEN format('outside %s to %s h (%s)', settings->>'from_hour', settings->>'to_hour', zone) END,
                    CASE WHEN found.number >= 2 THEN 'at an hour at which neither the account nor the agency used to search' END))
                WHEN 'one account, several addresses' THEN format('One account from different addresses within %s minutes, %s attempts concerned.',
                    settings->>'address_minutes', found.searches)
                WHEN 'several accounts, one session' THEN format('One session in the names of %s accounts, logged on by a person''s own role.', found.number)
                WHEN 'several accounts, one address' THEN format('%s attempt(s) from %s, which was one other account''s address and was in use by that within %s minutes.',
                    found.searches, found.tells, settings->>'address_minutes')
                ELSE format('One case number in %s searches by %s accounts, %s of them never assigned to the case when they searched.',
                    found.searches, found.users, found.number) END);
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.habit_anomalies(uuid, timestamptz, timestamptz, jsonb) IS 'part of anomalies(): what times, addresses, sessions and case numbers tell';
REVOKE ALL ON FUNCTION facesnxt.habit_anomalies(uuid, timestamptz, timestamptz, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.anomalies(agency text, since timestamptz, until timestamptz) RETURNS SETOF facesnxt.anomaly
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.agency_named(agency);
    settings CONSTANT jsonb := facesnxt.anomaly_settings(of_agency);
BEGIN
    IF of_agency IS NULL OR since IS NULL OR until IS NULL OR NOT isfinite(since) OR since >= until THEN
        RAISE EXCEPTION 'anomalies are those of an agency and a time' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give the agency''s code, a beginning and a later end.';
    END IF;
    RETURN QUERY
    SELECT * FROM (
        SELECT * FROM facesnxt.face_anomalies(of_agency, since, until, settings)
        UNION ALL
        SELECT * FROM facesnxt.habit_anomalies(of_agency, since, until, settings)) f
    ORDER BY array_position('{high,medium,low}'::text[], f.severity), f.kind, f.first_at, f.finding_id;
END
$$;
COMMENT ON FUNCTION facesnxt.anomalies(text, timestamptz, timestamptz) IS
'Findings on the searches of an agency and a time, with earlier ones as far back as the policy says: one face under unrelated cases, one case with unlike faces, faces of staff, crowds, bursts, off hours, shared credentials, reused case numbers';
REVOKE ALL ON FUNCTION facesnxt.anomalies(text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.anomalies(text, timestamptz, timestamptz) TO facesnxt_auditor;
