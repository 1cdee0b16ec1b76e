-- What stands out in the log alone, without looking at a face: the same
-- photograph under another case, bursts, one account at two addresses.

CREATE FUNCTION facesnxt.stands_out(search_id uuid, as_of timestamptz) RETURNS TABLE (anomaly text, rule text, detail text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT w.*
    FROM facesnxt.search s
        CROSS JOIN LATERAL (SELECT coalesce(facesnxt.policy_value(s.version_id, 'burst'), '{"searches": 20, "minutes": 10}') AS burst) r
        CROSS JOIN LATERAL (
            SELECT 'probe under another case', 'attestation', format('the same photograph was searched in case %s', o.cases)
            FROM (SELECT string_agg(DISTINCT e.case_number, ', ' ORDER BY e.case_number) AS cases
                  FROM facesnxt.search e
                  WHERE e.agency_id = s.agency_id AND e.probe_id = s.probe_id AND e.status = 'completed' AND e.recorded_at <= $2
                      AND e.case_number <> s.case_number) o
            WHERE o.cases IS NOT NULL
            UNION ALL
            SELECT 'burst', 'pace', format('search %s of the account within %s minutes', b.before + 1, r.burst->>'minutes')
            FROM (SELECT count(*) AS before FROM facesnxt.search e
                  WHERE e.account_id = s.account_id AND e.status = 'completed' AND e.recorded_at < s.recorded_at
                      AND e.recorded_at > s.recorded_at - (r.burst->>'minutes')::float8 * interval '1 minute') b
            WHERE b.before >= (r.burst->>'searches')::numeric
            UNION ALL
            SELECT 'two addresses', 'one_address', format('the account searched from %s within the hour before', host(e.client_address))
            FROM (SELECT e.client_address FROM facesnxt.search e
                  WHERE e.account_id = s.account_id AND e.recorded_at < s.recorded_at AND e.recorded_at > s.recorded_at - interval '1 hour'
                      AND e.client_address <> s.client_address
                  ORDER BY e.recorded_at DESC LIMIT 1) e) AS w (anomaly, rule, detail)
    WHERE s.search_id = $1
$$;
COMMENT ON FUNCTION facesnxt.stands_out(uuid, timestamptz) IS
'What stands out about a search as of a time: its photograph under another case, a burst, two addresses (NM-IX.A.2, NM-IX.A.4, NS-32.6.11.3)';
REVOKE ALL ON FUNCTION facesnxt.stands_out(uuid, timestamptz) FROM PUBLIC;

-- Findings that look at faces belong to another part. They rest on templates,
-- which are erased in time, so a pack keeps those that it was made with.
CREATE FUNCTION facesnxt.anomalies_found(agency_id uuid, since timestamptz, until timestamptz) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    finder CONSTANT regproc := to_regprocedure('facesnxt.anomalies(text, timestamptz, timestamptz)')::oid;
    found jsonb;
BEGIN
    IF finder IS NOT NULL THEN
        EXECUTE format($query$
            SELECT jsonb_agg(jsonb_build_object('search_id', s, 'clause', a.clause, 'detail', concat_ws(': ', a.kind, a.explanation))
                             ORDER BY s, a.kind, a.finding_id)
            FROM %s((SELECT g.code FROM facesnxt.agency g WHERE g.agency_id = $1), $2, $3) a CROSS JOIN unnest(a.searches) s
            $query$, finder)
        INTO found USING agency_id, since, until;
    END IF;
    RETURN coalesce(found, '[]');
END
$$;
COMMENT ON FUNCTION facesnxt.anomalies_found(uuid, timestamptz, timestamptz) IS 'The findings of anomalies(), a JSON object for each search, where that part is there';
REVOKE ALL ON FUNCTION facesnxt.anomalies_found(uuid, timestamptz, timestamptz) FROM PUBLIC;
