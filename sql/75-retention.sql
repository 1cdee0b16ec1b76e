-- Retention: how long what is kept is the policy's to say. Without a rule
-- nothing is due; what a hold covers is due and stays.

INSERT INTO facesnxt.rule (rule, area, value_kind, description) VALUES
    ('retention', 'record', 'object',
     '{"probes": days, "templates": days, "candidates": days, "searches": days, "log": days, "audits": days}: for how long these are kept; searches and log for a year at least, audits for three');

-- Of a probe the last use counts, and that of every image of its family.
CREATE FUNCTION facesnxt.probes_due(agency_id uuid, before timestamptz) RETURNS TABLE (sha256 bytea, last_used timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH used AS (
        SELECT p.sha256, greatest(p.recorded_at,
            (SELECT max(s.recorded_at) FROM facesnxt.search s WHERE s.agency_id = $1 AND s.probe_sha256 = p.sha256),
            (SELECT max(v.recorded_at) FROM facesnxt.verification v
             WHERE v.agency_id = $1 AND p.sha256 IN (v.probe_sha256, v.photo_sha256)),
            (SELECT max(q.requested_at) FROM facesnxt.search_request q JOIN facesnxt.request_probe r USING (request_id)
             WHERE q.agency_id = $1 AND r.sha256 = p.sha256)) AS at
        FROM facesnxt.probe p WHERE p.agency_id = $1 AND p.recorded_at < $2
    )
    SELECT u.sha256, u.at FROM used u
    WHERE u.at < $2 AND NOT EXISTS (
        SELECT FROM facesnxt.probe_family($1, u.sha256) f
            JOIN facesnxt.probe p ON p.agency_id = $1 AND p.sha256 = f LEFT JOIN used o ON o.sha256 = f
        WHERE o.at IS NULL OR o.at >= $2)
$$;
COMMENT ON FUNCTION facesnxt.probes_due(uuid, timestamptz) IS 'Probe images of an agency that nobody has used since a time, nor anything made from them';
REVOKE ALL ON FUNCTION facesnxt.probes_due(uuid, timestamptz) FROM PUBLIC;

-- Searches under a hold: of its case, probe or own, or with a held candidate.
CREATE FUNCTION facesnxt.all_held_searches(agency_id uuid) RETURNS uuid[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY(
        SELECT s FROM facesnxt.live_hold h CROSS JOIN LATERAL facesnxt.held_searches(h.hold_id) s WHERE h.agency_id = $1
        UNION SELECT c.search_id FROM facesnxt.live_hold h JOIN facesnxt.candidate c
            ON (h.kind = 'person' AND c.person_id = h.target) OR (h.kind = 'reference' AND c.reference_id = h.target))
$$;
COMMENT ON FUNCTION facesnxt.all_held_searches(uuid) IS 'Searches that a live hold keeps from retention';
REVOKE ALL ON FUNCTION facesnxt.all_held_searches(uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.due_rows(agency_id uuid, class text, before timestamptz)
RETURNS TABLE (id uuid, sha256 bytea, recorded_at timestamptz, held boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- audits as SQL are a part of their own
    packs CONSTANT regclass := to_regclass('facesnxt.audit_pack');
    held_searches CONSTANT uuid[] := facesnxt.all_held_searches(agency_id);
    cases CONSTANT text[] := ARRAY(
        SELECT h.case_number FROM facesnxt.live_hold h WHERE h.agency_id = due_rows.agency_id AND h.kind = 'case');
    probes CONSTANT bytea[] := ARRAY(
        SELECT unnest(facesnxt.probe_hashes(h.agency_id, h.target)) FROM facesnxt.live_hold h
        WHERE h.agency_id = due_rows.agency_id AND h.kind = 'probe');
BEGIN
    IF class = 'probes' THEN
        RETURN QUERY
        SELECT NULL::uuid, d.sha256, d.last_used, EXISTS (
            SELECT FROM facesnxt.probe_family(due_rows.agency_id, d.sha256) f
            WHERE f = ANY (probes) OR EXISTS (
                SELECT FROM facesnxt.search s WHERE s.agency_id = due_rows.agency_id AND s.probe_sha256 = f AND s.search_id = ANY (held_searches))
            OR EXISTS (SELECT FROM facesnxt.verification v WHERE v.agency_id = due_rows.agency_id AND v.case_number = ANY (cases)
                       AND f IN (v.probe_sha256, v.photo_sha256))
            OR EXISTS (SELECT FROM facesnxt.search_request q JOIN facesnxt.request_probe r USING (request_id)
                       WHERE q.agency_id = due_rows.agency_id AND q.case_number = ANY (cases) AND r.sha256 = f))
        FROM facesnxt.probes_due(due_rows.agency_id, before) d;
    ELSIF class = 'log' THEN
        RETURN QUERY
        SELECT l.access_id, NULL::bytea, l.recorded_at, coalesce(l.search_id = ANY (held_searches), false)
        FROM facesnxt.access_log l WHERE l.agency_id = due_rows.agency_id AND l.recorded_at < before
        UNION ALL SELECT r.refusal_id, NULL, r.recorded_at, coalesce(r.search_id = ANY (held_searches), false)
        FROM facesnxt.refused_step r WHERE r.agency_id = due_rows.agency_id AND r.recorded_at < before
        UNION ALL SELECT x.external_id, NULL, x.recorded_at, coalesce(x.case_number = ANY (cases), false)
        FROM facesnxt.external_search x WHERE x.agency_id = due_rows.agency_id AND x.recorded_at < before
        UNION ALL SELECT v.verification_id, NULL, v.recorded_at,
            coalesce(v.case_number = ANY (cases), false) OR coalesce(v.probe_sha256 = ANY (probes) OR v.photo_sha256 = ANY (probes), false)
        FROM facesnxt.verification v WHERE v.agency_id = due_rows.agency_id AND v.recorded_at < before
        UNION ALL SELECT w.statement_id, NULL, w.recorded_at, coalesce(t.case_number = ANY (cases), false)
        FROM facesnxt.raw_statement w LEFT JOIN facesnxt.ticket t USING (ticket_id)
        WHERE w.agency_id = due_rows.agency_id AND w.recorded_at < before;
    ELSIF class = 'audits' THEN
        -- not before what they found is resolved
        IF packs IS NOT NULL THEN
            RETURN QUERY EXECUTE format('SELECT p.pack_id, NULL::bytea, p.recorded_at, EXISTS (
                    SELECT FROM %s d WHERE d.pack_id = p.pack_id AND (d.search_id = ANY ($3) OR NOT EXISTS (
                        SELECT FROM %s r WHERE r.discrepancy_id = d.discrepancy_id)))
                FROM %s p WHERE p.agency_id = $1 AND p.recorded_at < $2',
                to_regclass('facesnxt.discrepancy'), to_regclass('facesnxt.discrepancy_resolution'), packs)
            USING due_rows.agency_id, before, held_searches;
        END IF;
    ELSE
        RETURN QUERY
        SELECT s.search_id, NULL::bytea, s.recorded_at, s.search_id = ANY (held_searches)
        FROM facesnxt.search s
        WHERE s.agency_id = due_rows.agency_id AND s.recorded_at < before AND CASE class
            WHEN 'templates' THEN EXISTS (SELECT FROM facesnxt.probe_template p WHERE p.search_id = s.search_id)
            WHEN 'candidates' THEN EXISTS (SELECT FROM facesnxt.candidate c WHERE c.search_id = s.search_id AND NOT facesnxt.worked_on(c.search_id, c.person_id))
            ELSE true END
        UNION ALL SELECT w.statement_id, NULL, w.recorded_at, coalesce(t.case_number = ANY (cases), false)
        FROM facesnxt.raw_statement w LEFT JOIN facesnxt.ticket t USING (ticket_id)
        WHERE w.agency_id = due_rows.agency_id AND w.recorded_at < before AND CASE class
            WHEN 'templates' THEN w.probe IS NOT NULL
            WHEN 'candidates' THEN EXISTS (SELECT FROM facesnxt.raw_row r WHERE r.statement_id = w.statement_id)
            ELSE false END;
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.due_rows(uuid, text, timestamptz) IS 'Rows of a class that were recorded, or probes that were last used, before a time; and whether a hold covers them';
REVOKE ALL ON FUNCTION facesnxt.due_rows(uuid, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.retention_due(agency text)
RETURNS TABLE (class text, clause text, days int, due bigint, held bigint, oldest timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC'
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.agency_named(agency);
    version CONSTANT uuid := facesnxt.policy_in_force(of_agency, clock_timestamp());
BEGIN
    RETURN QUERY
    SELECT r.key, facesnxt.policy_clause(version, 'retention'), r.value::int,
        count(*) FILTER (WHERE NOT d.held), count(*) FILTER (WHERE d.held), min(d.recorded_at)
    FROM jsonb_each_text(facesnxt.policy_value(version, 'retention')) r
        LEFT JOIN LATERAL facesnxt.due_rows(of_agency, r.key, clock_timestamp() - r.value::int * interval '1 day') d ON true
    GROUP BY r.key, r.value ORDER BY r.key;
END
$$;
COMMENT ON FUNCTION facesnxt.retention_due(text) IS
'For each class that the policy in force limits: how much is older than it lets it be, and how much of that is held (NM-IX.A.6)';
REVOKE ALL ON FUNCTION facesnxt.retention_due(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.retention_due(text) TO facesnxt_admin, facesnxt_auditor;

-- The policy has decided, by two persons; who applies it chooses nothing, not
-- the zone either, which says when so many days ago was.
CREATE FUNCTION facesnxt.apply_retention(agency text) RETURNS TABLE (class text, erasure_id uuid, rows bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC'
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.agency_named(agency);
    version CONSTANT uuid := facesnxt.policy_in_force(of_agency, clock_timestamp());
    ruled record;
    ids uuid[];
    hashes bytea[];
BEGIN
    PERFORM facesnxt.check_snapshot('retention');
    LOCK TABLE facesnxt.legal_hold IN SHARE MODE;
    IF facesnxt.policy_value(version, 'retention') IS NULL THEN
        PERFORM facesnxt.refuse_on_record('retention', 'NX470', 'retention refused: the policy in force says nothing of it',
            format('Agency %s.', agency), 'Propose a policy with the rule "retention".', of_agency, 'retention', 'NM-IX.A.6');
    END IF;
    PERFORM facesnxt.chain_all();
    FOR ruled IN
        SELECT r.key, clock_timestamp() - r.value::int * interval '1 day' AS before
        FROM jsonb_each_text(facesnxt.policy_value(version, 'retention')) r
        ORDER BY array_position('{probes,templates,candidates,searches,log,audits}'::text[], r.key)
    LOOP
        SELECT array_agg(d.id) FILTER (WHERE d.id IS NOT NULL), array_agg(d.sha256) FILTER (WHERE d.sha256 IS NOT NULL)
        INTO ids, hashes FROM facesnxt.due_rows(of_agency, ruled.key, ruled.before) d WHERE NOT d.held;
        CONTINUE WHEN ids IS NULL AND hashes IS NULL;
        class := ruled.key;
        erasure_id := gen_random_uuid();
        INSERT INTO facesnxt.erasure (erasure_id, agency_id, scope, clause, version_id, before)
        VALUES (erasure_id, of_agency, CASE class WHEN 'probes' THEN 'probe' ELSE class END,
                facesnxt.policy_clause(version, 'retention'), version, ruled.before);
        IF class = 'probes' THEN
            rows := facesnxt.erase(erasure_id, 'probe', facesnxt.probe_searches(of_agency, hashes), hashes, of_agency);
        ELSE
            rows := facesnxt.erase(erasure_id, class, ids, NULL, of_agency);
        END IF;
        PERFORM facesnxt.note_files(erasure_id);
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.apply_retention(text) IS
'Erases what is older than the policy in force lets it be and no hold covers; an erasure for each class, which finish_erasure() ends (NX470)';
REVOKE ALL ON FUNCTION facesnxt.apply_retention(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.apply_retention(text) TO facesnxt_admin;
