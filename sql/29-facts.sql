-- What is known of a search itself, as the rules' tests read it: the request
-- that it answers, earlier searches of the probe, how many the account makes.

-- A person who logs on as one account and acts as another one asks and answers
-- all the same; a gateway, which has no account, may do so for two persons.
CREATE FUNCTION facesnxt.desk_facts(account facesnxt.account, request jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF $2->'fields'->>'request' IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT jsonb_build_object(
            'id', r.request_id, 'requester', r.requested_by, 'case_number', r.case_number, 'incident_type', r.incident_type,
            'own', r.account_id = $1.account_id OR r.session_oid = ($2->'identity'->>'acting_oid')::oid
                OR EXISTS (SELECT FROM facesnxt.account a WHERE a.role = ($2->'identity'->>'session_oid')::oid
                           AND (a.account_id = r.account_id OR a.role = r.session_oid)),
            'assigned', EXISTS (
                SELECT FROM facesnxt.case_file c JOIN facesnxt.case_assignment s USING (case_id)
                WHERE c.agency_id = $1.agency_id AND c.case_number = r.case_number AND s.account_id = r.account_id AND s.ended_at IS NULL),
            -- of a template nothing is known: still_only decides whether it may be searched for
            'asked_for', CASE WHEN $2->'probe'->>'kind' <> 'template' THEN EXISTS (
                SELECT FROM facesnxt.probe_family($1.agency_id, decode($2->'probe'->>'sha256', 'hex')) f (sha256)
                    JOIN facesnxt.request_probe p USING (sha256) WHERE p.request_id = r.request_id) END)
        FROM facesnxt.search_request r
        WHERE r.agency_id = $1.agency_id AND r.request_id = ($2->'fields'->>'request')::uuid);
END
$$;
COMMENT ON FUNCTION facesnxt.desk_facts(facesnxt.account, jsonb) IS 'What is known of the request that a search answers, or NULL';
REVOKE ALL ON FUNCTION facesnxt.desk_facts(facesnxt.account, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.chain_facts(account facesnxt.account, request jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        WITH earlier AS (
            -- no index of the agency's searches is to be thought of: there are many of them, and few of a probe
            SELECT s.search_id, s.recorded_at FROM facesnxt.search s
            WHERE s.agency_id IS NOT DISTINCT FROM $1.agency_id AND s.status = 'completed' AND s.probe_id = ANY (ARRAY(
                SELECT encode(f, 'hex') FROM facesnxt.probe_family($1.agency_id, decode($2->'probe'->>'sha256', 'hex')) f))
        )
        SELECT jsonb_build_object(
            'sequence', 1 + count(*),
            'first', (array_agg(e.search_id ORDER BY e.recorded_at))[1],
            'parent', $2->'fields'->>'parent_search',
            'parent_known', coalesce(bool_or(e.search_id = ($2->'fields'->>'parent_search')::uuid), false),
            'identified', coalesce(bool_or(facesnxt.somebody_identified(e.search_id)), false))
        FROM earlier e);
END
$$;
COMMENT ON FUNCTION facesnxt.chain_facts(facesnxt.account, jsonb) IS 'What is known of the agency''s earlier searches of a probe and of the images made from it';
REVOKE ALL ON FUNCTION facesnxt.chain_facts(facesnxt.account, jsonb) FROM PUBLIC;

-- Ages in seconds, so that a rule can ask for any window; of 200 at most.
CREATE FUNCTION facesnxt.pace_facts(account facesnxt.account, request jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked_at CONSTANT timestamptz := (request->>'requested_at')::timestamptz;
    this CONSTANT text := request->'probe'->>'sha256';
    -- its rows are to leave now
    current_statement CONSTANT uuid := (request->>'statement_id')::uuid;
BEGIN
    RETURN (
        WITH made AS (
            (SELECT s.recorded_at, coalesce(s.probe_id, s.search_id::text) AS probe
             FROM facesnxt.search s
             WHERE s.account_id = $1.account_id AND s.status = 'completed' AND s.recorded_at > asked_at - interval '1 day'
             ORDER BY s.recorded_at DESC LIMIT 200)
            UNION ALL
            (SELECT v.recorded_at, v.probe_id
             FROM facesnxt.verification v
             WHERE v.account_id = $1.account_id AND v.status = 'completed' AND v.recorded_at > asked_at - interval '1 day'
             ORDER BY v.recorded_at DESC LIMIT 200)
            UNION ALL
            (SELECT w.recorded_at, facesnxt.probe_shape(NULL, w.probe)->>'sha256'
             FROM facesnxt.ticket t JOIN facesnxt.raw_statement w USING (ticket_id)
             WHERE t.account_id = $1.account_id AND w.status = 'admitted'
                 AND t.opened_at > asked_at - interval '1 day 1 hour' AND w.recorded_at > asked_at - interval '1 day'
                 AND w.statement_id IS DISTINCT FROM current_statement
             ORDER BY w.recorded_at DESC LIMIT 200)
        ), aged AS (
            SELECT greatest(0, floor(date_part('epoch', asked_at - m.recorded_at)))::int AS age, m.probe
            FROM made m ORDER BY m.recorded_at DESC LIMIT 200
        )
        SELECT jsonb_build_object(
            'ages', (SELECT coalesce(to_jsonb(array_agg(a.age ORDER BY a.age)), '[]') FROM aged a),
            'other_probes', (SELECT coalesce(to_jsonb(array_agg(p.age ORDER BY p.age)), '[]')
                             FROM (SELECT min(a.age) AS age FROM aged a WHERE a.probe IS DISTINCT FROM this GROUP BY a.probe) p)));
END
$$;
COMMENT ON FUNCTION facesnxt.pace_facts(facesnxt.account, jsonb) IS
'Seconds since the account''s searches, verifications and raw statements of the last day, and since the last of each other probe';
REVOKE ALL ON FUNCTION facesnxt.pace_facts(facesnxt.account, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.request_facts(account facesnxt.account, request jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object(
            'mode', coalesce($2->>'mode', 'identification'),
            'probe', $2->'probe',
            'request', facesnxt.desk_facts($1, $2),
            'chain', facesnxt.chain_facts($1, $2),
            'pace', facesnxt.pace_facts($1, $2),
            'exigent_overdue', facesnxt.exigent_overdue($1.account_id)));
END
$$;
COMMENT ON FUNCTION facesnxt.request_facts(facesnxt.account, jsonb) IS 'What is known of a search itself, as the rules'' tests read it';
REVOKE ALL ON FUNCTION facesnxt.request_facts(facesnxt.account, jsonb) FROM PUBLIC;
