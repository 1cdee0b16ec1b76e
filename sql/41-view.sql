-- Who saw what: views, results that were fetched, exports and disclosures.
-- The writer commits the entry before the first field leaves.

CREATE TABLE facesnxt.access_log (
    access_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    kind text NOT NULL CHECK (kind IN ('view', 'results', 'export', 'photograph', 'candidate sheet', 'comparison sheet',
        'line-up sheet', 'line-up key')),
    sqlstate text,
    message text,
    agency_id uuid CHECK (agency_id IS NOT NULL OR sqlstate IS NOT NULL),
    account_id uuid CHECK (account_id IS NOT NULL OR sqlstate IS NOT NULL),
    acting_role name NOT NULL,
    session_role name NOT NULL,
    client_address inet,
    application text,
    search_id uuid,
    request_id uuid,
    sha256 bytea,
    lineup_id uuid,
    ranks int[],
    persons uuid[],
    fields text[] NOT NULL,
    recipient text,
    ground text,
    clause text,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CHECK (kind <> 'export' OR sqlstate IS NOT NULL OR (recipient <> '' AND ground <> ''))
);
CREATE INDEX ON facesnxt.access_log (agency_id, recorded_at);
CREATE INDEX ON facesnxt.access_log (search_id);
COMMENT ON TABLE facesnxt.access_log IS
'Who saw which candidates'' fields, fetched which results, and gave what to whom on what ground (NM-V.C, NM-IX.A.3, MI-4.4.a); committed before anything leaves, and what was refused';
COMMENT ON COLUMN facesnxt.access_log.sqlstate IS 'Why it was refused; NULL when it was shown or given';
COMMENT ON COLUMN facesnxt.access_log.sha256 IS 'Of the image that was shown, or of the sheet that left, byte for byte';
COMMENT ON COLUMN facesnxt.access_log.clause IS 'The clause of the policy in force that asks for the entry, where one does; it is made anyway';
SELECT facesnxt.keep_record('access_log', 'facesnxt_auditor');

CREATE VIEW facesnxt.field_view WITH (security_barrier, security_invoker) AS
    SELECT l.access_id, l.recorded_at, l.kind, l.acting_role, l.session_role, l.search_id, s.person_id, s.rank, f.field, l.recipient, l.ground
    FROM facesnxt.access_log l CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(l.persons), pg_catalog.unnest(l.ranks)) AS s (person_id, rank)
        CROSS JOIN LATERAL pg_catalog.unnest(l.fields) AS f (field)
    WHERE l.sqlstate IS NULL;
COMMENT ON VIEW facesnxt.field_view IS 'Who saw which field of whom, a row each (NM-IV.I)';
REVOKE ALL ON TABLE facesnxt.field_view FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.field_view TO facesnxt_auditor;

CREATE FUNCTION facesnxt.person_fields_known(fields jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN jsonb_typeof($1) = 'array' AND jsonb_array_length($1) > 0
        THEN $1 <@ to_jsonb(facesnxt.person_field_list()) ELSE false END
$$;
COMMENT ON FUNCTION facesnxt.person_fields_known(jsonb) IS 'Whether these are fields of a person, at least one';
REVOKE ALL ON FUNCTION facesnxt.person_fields_known(jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.apply_view(request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who CONSTANT facesnxt.account := facesnxt.account_of((request->'identity'->>'acting_oid')::oid,
        CASE request->>'kind' WHEN 'results' THEN 'asking' ELSE 'active' END);
    version_id CONSTANT uuid := facesnxt.policy_in_force(who.agency_id, clock_timestamp());
    wanted CONSTANT uuid := (request->>'search_id')::uuid;
    wanted_request CONSTANT uuid := (request->>'request_id')::uuid;
    shown int[];
    persons uuid[];
    whole int;
    refused jsonb;
    new_id uuid;
BEGIN
    IF who.account_id IS NULL THEN
        refused := facesnxt.no_account();
    ELSIF request->>'kind' IN ('view', 'export') AND request->'review' IS NULL
        AND NOT facesnxt.person_fields_known(request->'fields') THEN
        refused := facesnxt.refusal('NX396', 'refused: no such fields of a person',
            format('There are: %s (NM-IV.I).', array_to_string(facesnxt.person_field_list(), ', ')), 'Name the fields that the case needs, no more.');
    ELSIF request->>'kind' IN ('view', 'export') THEN
        -- another agency's search and one that does not exist look the same
        SELECT array_agg(c.rank ORDER BY c.rank), array_agg(c.person_id ORDER BY c.rank), max(s.candidates)
        INTO shown, persons, whole
        FROM facesnxt.search s JOIN facesnxt.candidate c USING (search_id)
        WHERE s.search_id = wanted AND s.agency_id = who.agency_id AND s.status = 'completed'
            AND (request->'ranks' = 'null' OR request->'ranks' @> to_jsonb(c.rank));
        IF shown IS NULL OR (request->'ranks' <> 'null' AND cardinality(shown) < jsonb_array_length(request->'ranks')) THEN
            refused := facesnxt.refusal('NX397', 'refused: your agency''s searches have no such candidate',
                'Candidates are shown to the agency that searched (NM-IX.A.3).', 'SELECT * FROM facesnxt.my_candidates shows them.');
        ELSIF request->>'kind' = 'export'
            AND (facesnxt.readable(request->>'recipient') IS NULL OR facesnxt.readable(request->>'ground') IS NULL) THEN
            refused := facesnxt.refusal('NX397', 'export refused: it names no recipient or no ground',
                'Nothing is shared with whoever is not authorised (NM-IX.A.3).', 'Say to whom the candidates go and on what ground.');
        ELSIF request->>'kind' = 'export' AND facesnxt.policy_value(version_id, 'all_results') = 'true' AND cardinality(shown) < whole THEN
            refused := facesnxt.refusal('NX397', 'export refused: it leaves candidates out',
                format('All results are given (%s); %s of %s were asked for.', facesnxt.policy_clause(version_id, 'all_results'),
                       cardinality(shown), whole), 'Leave "ranks" out.');
        END IF;
    ELSIF request->>'kind' = 'results' THEN
        -- all lists of a request, to whoever asked; one row of the log for each
        IF NOT EXISTS (SELECT FROM facesnxt.search_request r WHERE r.request_id = wanted_request AND r.account_id = who.account_id) THEN
            refused := facesnxt.refusal('NX399', 'refused: you made no such request', 'Results go to whoever asked for them (MI-4.5.3.2.a).',
                'SELECT * FROM facesnxt.my_requests shows your requests.');
        ELSE
            INSERT INTO facesnxt.access_log (kind, agency_id, account_id, acting_role, session_role, client_address, application,
                search_id, request_id, ranks, persons, fields, recipient, clause)
            SELECT 'results', who.agency_id, who.account_id, request->'identity'->>'acting_role', request->'identity'->>'session_role',
                (request->'identity'->>'client_address')::inet, request->'identity'->>'application', d.search_id, d.request_id,
                ARRAY(SELECT c.rank FROM facesnxt.candidate c WHERE c.search_id = d.search_id ORDER BY c.rank),
                ARRAY(SELECT c.person_id FROM facesnxt.candidate c WHERE c.search_id = d.search_id ORDER BY c.rank),
                '{}', d.recipient_role, facesnxt.policy_clause(version_id, 'all_results')
            FROM facesnxt.delivery d WHERE d.request_id = wanted_request;
            RETURN jsonb_build_object('searches', (
                SELECT coalesce(jsonb_agg(d.search_id), '[]') FROM facesnxt.delivery d WHERE d.request_id = wanted_request));
        END IF;
    ELSIF NOT EXISTS (
        SELECT FROM facesnxt.probe p WHERE p.agency_id = who.agency_id AND p.sha256 = decode(request->>'sha256', 'hex')) THEN
        refused := facesnxt.refusal('NX397', 'refused: no such image of your agency is kept', 'Images are shown to the agency that keeps them (MI-4.4.a).',
            'SELECT * FROM facesnxt.my_probes shows them.');
    END IF;
    INSERT INTO facesnxt.access_log (kind, sqlstate, message, agency_id, account_id, acting_role, session_role, client_address, application,
        search_id, request_id, sha256, ranks, persons, fields, recipient, ground, clause)
    VALUES (request->>'kind', refused->>'code', refused->>'message', who.agency_id, who.account_id, request->'identity'->>'acting_role', request->'identity'->>'session_role',
        (request->'identity'->>'client_address')::inet, request->'identity'->>'application', wanted, wanted_request,
        decode(request->>'sha256', 'hex'), CASE WHEN refused IS NULL THEN shown END, CASE WHEN refused IS NULL THEN persons END,
        ARRAY(SELECT jsonb_array_elements_text(nullif(request->'fields', 'null'))),
        request->>'recipient', request->>'ground', facesnxt.policy_clause(version_id, 'pii_views_logged'))
    RETURNING access_id INTO new_id;
    RETURN coalesce(refused, jsonb_build_object('id', new_id, 'ranks', to_jsonb(shown), 'agency_id', who.agency_id));
END
$$;
COMMENT ON FUNCTION facesnxt.apply_view(jsonb) IS 'The writer''s part of what shows, fetches or gives away';
REVOKE ALL ON FUNCTION facesnxt.apply_view(jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.view_candidate(search_id uuid, rank int, fields text[])
RETURNS TABLE (field text, value text, photo bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM facesnxt.check_not_blind(search_id);
    PERFORM facesnxt.record_it('view', jsonb_build_object('kind', 'view', 'search_id', search_id,
        'ranks', jsonb_build_array(rank), 'fields', to_jsonb(fields)));
    RETURN QUERY SELECT p.* FROM facesnxt.candidate c, facesnxt.person_fields(c.person_id, c.reference_id, view_candidate.fields) p
                 WHERE c.search_id = view_candidate.search_id AND c.rank = view_candidate.rank;
END
$$;
COMMENT ON FUNCTION facesnxt.view_candidate(uuid, int, text[]) IS
'Shows fields of a candidate of a search of one''s own agency; who saw which field is committed first (NX396, NX397)';
REVOKE ALL ON FUNCTION facesnxt.view_candidate(uuid, int, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.view_candidate(uuid, int, text[]) TO facesnxt_investigator;

CREATE FUNCTION facesnxt.export_candidates(
    search_id uuid, recipient text, ground text, fields text[], ranks int[] DEFAULT NULL)
RETURNS TABLE (access_id uuid, rank int, score real, field text, value text, photo bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer jsonb;
BEGIN
    PERFORM facesnxt.check_not_blind(search_id);
    answer := facesnxt.record_it('view', jsonb_build_object('kind', 'export', 'search_id', search_id, 'ranks', to_jsonb(ranks),
        'fields', to_jsonb(fields), 'recipient', recipient, 'ground', ground));
    RETURN QUERY SELECT (answer->>'id')::uuid, c.rank, c.score, p.*
                 FROM facesnxt.candidate c, facesnxt.person_fields(c.person_id, c.reference_id, export_candidates.fields) p
                 WHERE c.search_id = export_candidates.search_id AND answer->'ranks' @> to_jsonb(c.rank)
                 ORDER BY c.rank;
END
$$;
COMMENT ON FUNCTION facesnxt.export_candidates(uuid, text, text, text[], int[]) IS
'Gives fields of the candidates of one search of one''s own agency to a recipient on a ground, both committed first (NX396, NX397)';
REVOKE ALL ON FUNCTION facesnxt.export_candidates(uuid, text, text, text[], int[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.export_candidates(uuid, text, text, text[], int[]) TO facesnxt_investigator;

CREATE FUNCTION facesnxt.probe_photograph(sha256 bytea) RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer jsonb;
BEGIN
    answer := facesnxt.record_it('view', jsonb_build_object('kind', 'photograph', 'sha256', encode(sha256, 'hex'), 'fields', '["probe"]'::jsonb));
    RETURN (SELECT p.image FROM facesnxt.probe p
            WHERE p.agency_id = (answer->>'agency_id')::uuid AND p.sha256 = probe_photograph.sha256);
END
$$;
COMMENT ON FUNCTION facesnxt.probe_photograph(bytea) IS 'An image that one''s own agency keeps, such as that of a request; who fetched it is committed first (NX397)';
REVOKE ALL ON FUNCTION facesnxt.probe_photograph(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.probe_photograph(bytea) TO facesnxt_investigator;

CREATE FUNCTION facesnxt.request_results(request_id uuid)
RETURNS TABLE (search_id uuid, searched_at timestamptz, rank int, person_id uuid, repository text, score real)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer jsonb;
BEGIN
    answer := facesnxt.record_it('view', jsonb_build_object('kind', 'results', 'request_id', request_id));
    RETURN QUERY SELECT s.search_id, s.recorded_at, c.rank, c.person_id, c.repository, c.score
                 FROM facesnxt.search s LEFT JOIN facesnxt.candidate c USING (search_id)
                 WHERE answer->'searches' @> to_jsonb(s.search_id)
                 ORDER BY s.recorded_at, s.search_id, c.rank;
END
$$;
COMMENT ON FUNCTION facesnxt.request_results(uuid) IS
'All results of all searches that answer a request of one''s own, none left out: leads, not identifications; that they were fetched is committed first (MI-4.5.3.2.a, NX399)';
REVOKE ALL ON FUNCTION facesnxt.request_results(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.request_results(uuid) TO facesnxt_requester, facesnxt_investigator;

-- whoever asked tells the desk what became of it (MI-4.5.3.3.b)
GRANT EXECUTE ON FUNCTION facesnxt.notify_outcome(uuid, boolean, text) TO facesnxt_requester;

CREATE VIEW facesnxt.delivery_state WITH (security_barrier, security_invoker) AS
    SELECT r.request_id, r.agency_id, r.requested_by, r.case_number, r.incident_type, r.requested_at, d.search_id,
        pg_catalog.cardinality(d.ranks) AS candidates, d.recorded_at AS delivered_at,
        (SELECT pg_catalog.min(l.recorded_at) FROM facesnxt.access_log l
         WHERE l.kind = 'results' AND l.search_id = d.search_id AND l.account_id = r.account_id) AS fetched_at,
        d.search_id IS NOT NULL AND d.ranks IS DISTINCT FROM
            ARRAY(SELECT c.rank FROM facesnxt.candidate c WHERE c.search_id = d.search_id ORDER BY c.rank) AS partial
    FROM facesnxt.search_request r LEFT JOIN facesnxt.delivery d USING (request_id);
COMMENT ON VIEW facesnxt.delivery_state IS
'Requests and the lists that answer them: not yet searched (no search_id), not yet fetched, and whether a delivery is partial (MI-4.5.3.2.a)';
REVOKE ALL ON TABLE facesnxt.delivery_state FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.delivery_state TO facesnxt_auditor;

-- ---- what an agency sees

CREATE VIEW facesnxt.my_probes WITH (security_barrier) AS
    SELECT p.sha256, pg_catalog.octet_length(p.image) AS bytes, p.recorded_at, d.parent_sha256, d.operation, d.parameters, d.tool,
        d.performed_by, d.performed_at, d.parent_sha256 IS NULL AS original
    FROM facesnxt.probe p LEFT JOIN facesnxt.probe_derivation d ON d.agency_id = p.agency_id AND d.sha256 = p.sha256
    WHERE p.agency_id = (SELECT facesnxt.my_agency());
COMMENT ON VIEW facesnxt.my_probes IS
'Images that the acting role''s agency keeps; a derived one once for each image it was made from. probe_sha256 of a search says which of them was compared';
REVOKE ALL ON TABLE facesnxt.my_probes FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_probes TO facesnxt_investigator;
