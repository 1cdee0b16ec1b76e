-- The request desk: who asks does not search, who searches answers a request,
-- and all results go to whoever asked.

CREATE TABLE facesnxt.search_request (
    request_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL,
    account_id uuid NOT NULL,
    requested_by name NOT NULL,
    session_role name NOT NULL,
    session_oid oid NOT NULL,
    case_number text,
    incident_type text NOT NULL CHECK (incident_type <> ''),
    note text,
    requested_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.search_request (agency_id, requested_at);
COMMENT ON TABLE facesnxt.search_request IS
'Requests for a search: probes, incident number where there is one, incident type and whatever else helps (MI-4.5.3.1)';

CREATE TABLE facesnxt.request_probe (
    request_id uuid NOT NULL REFERENCES facesnxt.search_request,
    place int NOT NULL,
    sha256 bytea NOT NULL,
    PRIMARY KEY (request_id, place)
);
CREATE INDEX ON facesnxt.request_probe (sha256);
COMMENT ON TABLE facesnxt.request_probe IS 'The photographs of a request, which are kept in facesnxt.probe';

-- A search that answers a request delivers by itself, whatever is given to
-- others is delivered by hand: deliver_results().
CREATE TABLE facesnxt.delivery (
    delivery_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    search_id uuid NOT NULL,
    request_id uuid REFERENCES facesnxt.search_request,
    recipient uuid NOT NULL,
    recipient_role name NOT NULL,
    ranks int[] NOT NULL,
    complete boolean NOT NULL,
    account_id uuid NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.delivery (search_id);
CREATE UNIQUE INDEX ON facesnxt.delivery (request_id, search_id);
COMMENT ON TABLE facesnxt.delivery IS
'Results that were given to whom, by rank, and whether these were all; the list of a search that answers a request is its requester''s, whole, from the commit of the search on (MI-4.5.3.2.a)';
COMMENT ON COLUMN facesnxt.delivery.request_id IS 'The request that the search answers; NULL for a delivery by hand';
COMMENT ON COLUMN facesnxt.delivery.recipient IS 'Account that received; account_id is that of who searched and gave';

SELECT facesnxt.keep_record(kept, 'facesnxt_auditor')
FROM pg_catalog.unnest(ARRAY['search_request', 'request_probe', 'delivery']::name[]) kept;

-- Whoever asks need not be let to search: the account may lack whatever that
-- takes, as long as it is not cut off.
CREATE FUNCTION facesnxt.apply_request(request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who CONSTANT facesnxt.account := facesnxt.account_of((request->'identity'->>'acting_oid')::oid, 'asking');
    stated CONSTANT text := nullif(btrim(request->>'case_number'), '');
    new_id uuid;
BEGIN
    IF who.account_id IS NULL THEN
        RETURN facesnxt.record_refusal('request', request, facesnxt.no_account());
    END IF;
    IF stated IS NOT NULL AND NOT EXISTS (
        SELECT FROM facesnxt.case_file c WHERE c.agency_id = who.agency_id AND c.case_number = stated) THEN
        RETURN facesnxt.record_refusal('request', request, facesnxt.refusal('NX303', 'request refused: the case is not known',
            format('Your agency has no case "%s".', stated), 'Leave the incident number out, or name one that is registered.')
            || '{"clause": "MI-4.5.3.1"}');
    END IF;
    INSERT INTO facesnxt.search_request (agency_id, account_id, requested_by, session_role, session_oid, case_number, incident_type, note)
    VALUES (who.agency_id, who.account_id, request->'identity'->>'acting_role', request->'identity'->>'session_role',
            (request->'identity'->>'session_oid')::oid, stated, request->>'incident_type', request->>'note')
    RETURNING request_id INTO new_id;
    INSERT INTO facesnxt.probe (agency_id, sha256, image)
    SELECT DISTINCT ON (sha256(p.image)) who.agency_id, sha256(p.image), p.image
    FROM (SELECT decode(e, 'base64') AS image FROM jsonb_array_elements_text(request->'probes') e) p
    ON CONFLICT DO NOTHING;
    INSERT INTO facesnxt.request_probe (request_id, place, sha256)
    SELECT new_id, e.place, sha256(decode(e.image, 'base64'))
    FROM jsonb_array_elements_text(request->'probes') WITH ORDINALITY AS e (image, place);
    RETURN jsonb_build_object('id', new_id);
END
$$;
COMMENT ON FUNCTION facesnxt.apply_request(jsonb) IS 'The writer''s part of request_search()';
REVOKE ALL ON FUNCTION facesnxt.apply_request(jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.request_search(
    probes bytea[], incident_type text, case_number text DEFAULT NULL, note text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    image bytea;
    encoded jsonb := jsonb_build_array();
BEGIN
    IF coalesce(cardinality(probes), 0) NOT BETWEEN 1 AND 10 OR array_position(probes, NULL) IS NOT NULL
        OR facesnxt.readable(incident_type) IS NULL THEN
        PERFORM facesnxt.refuse_on_record('request', 'NX399', 'request refused: it needs photographs and an incident type',
            'A request has its probe images, the incident type and, if there is one, the incident number (MI-4.5.3.1).',
            'Give 1 to 10 photographs and the type of the incident.', clause => 'MI-4.5.3.1');
    END IF;
    FOREACH image IN ARRAY probes LOOP
        PERFORM facesnxt.check_still(image);
        encoded := encoded || to_jsonb(encode(image, 'base64'));
    END LOOP;
    RETURN (facesnxt.record_it('request', jsonb_build_object(
        'probes', encoded, 'incident_type', incident_type, 'case_number', case_number, 'note', note))->>'id')::uuid;
END
$$;
COMMENT ON FUNCTION facesnxt.request_search(bytea[], text, text, text) IS
'Asks the desk for a search, which somebody else makes: photographs, incident type, incident number where there is one, whatever else helps; it is committed at once (NX399, NX322)';
REVOKE ALL ON FUNCTION facesnxt.request_search(bytea[], text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.request_search(bytea[], text, text, text) TO facesnxt_requester, facesnxt_investigator;

CREATE VIEW facesnxt.my_requests WITH (security_barrier) AS
    SELECT r.request_id, r.requested_by, r.case_number, r.incident_type, r.note, r.requested_at,
        ARRAY(SELECT p.sha256 FROM facesnxt.request_probe p WHERE p.request_id = r.request_id ORDER BY p.place) AS probes,
        (SELECT pg_catalog.count(*) FROM facesnxt.delivery d WHERE d.request_id = r.request_id) AS searches
    FROM facesnxt.search_request r
    WHERE r.account_id = (SELECT a.account_id FROM facesnxt.acting_account('asking') a)
        OR (r.agency_id = (SELECT facesnxt.my_agency()) AND pg_catalog.pg_has_role(current_user, 'facesnxt_investigator', 'USAGE'));
COMMENT ON VIEW facesnxt.my_requests IS 'Requests: to the desk all of its agency, to others their own; searches is how many have answered';
REVOKE ALL ON TABLE facesnxt.my_requests FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_requests TO facesnxt_requester, facesnxt_investigator;

-- ---- the writer's part of a search

CREATE FUNCTION facesnxt.deliver(search_id uuid, verdict facesnxt.verdict, candidates int) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF verdict.facts->'search'->'request'->>'id' IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO facesnxt.delivery (search_id, request_id, recipient, recipient_role, ranks, complete, account_id, acting_role, session_role)
    SELECT $1, r.request_id, r.account_id, r.requested_by, ARRAY(SELECT generate_series(1, $3)), true,
        s.account_id, s.acting_role, s.session_role
    FROM facesnxt.search_request r, facesnxt.search s
    WHERE r.request_id = ($2.facts->'search'->'request'->>'id')::uuid AND s.search_id = $1;
END
$$;
COMMENT ON FUNCTION facesnxt.deliver(uuid, facesnxt.verdict, int) IS
'Gives the whole list of a search to whoever asked for it, in the transaction that records it (MI-4.5.3.2.a)';
REVOKE ALL ON FUNCTION facesnxt.deliver(uuid, facesnxt.verdict, int) FROM PUBLIC;
