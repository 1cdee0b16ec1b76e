-- Requests of the public: who asked for what, what was decided, on what ground.

CREATE TABLE facesnxt.public_request (
    public_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL REFERENCES facesnxt.agency,
    requester text NOT NULL CHECK (requester <> ''),
    subject text NOT NULL CHECK (subject <> ''),
    since timestamptz NOT NULL,
    until timestamptz NOT NULL CHECK (until > since),
    statute text NOT NULL,
    exempt boolean NOT NULL,
    recorded_by name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.public_request IS 'Requests for public records, under the statute that the policy names (NS-32.6.12, NP-VI.C.2.d)';
COMMENT ON COLUMN facesnxt.public_request.exempt IS
'The records are criminal intelligence or investigative information, and tagged as exempt (NP-VI.B.6)';

CREATE TABLE facesnxt.public_decision (
    decision_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    public_id uuid NOT NULL REFERENCES facesnxt.public_request,
    decision text NOT NULL CHECK (decision IN ('released', 'redacted', 'denied')),
    exemption text CHECK (decision = 'released' OR exemption <> ''),
    note text,
    decided_by name NOT NULL,
    session_role name NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.public_decision (public_id, decided_at);
COMMENT ON TABLE facesnxt.public_decision IS 'What was decided on a request of the public; the latest row counts, all stay';

SELECT facesnxt.keep_record(kept, 'facesnxt_auditor', 'facesnxt_admin')
FROM pg_catalog.unnest(ARRAY['public_request', 'public_decision']::name[]) kept;

CREATE FUNCTION facesnxt.record_public_request(
    agency text, requester text, subject text, since timestamptz, until timestamptz)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.agency_named(agency);
    ruled CONSTANT jsonb := facesnxt.policy_value(
        facesnxt.policy_in_force(of_agency, clock_timestamp()), 'public_records');
    new_id uuid;
BEGIN
    IF ruled IS NULL THEN
        PERFORM facesnxt.refuse_on_record('request of the public', 'NX398', 'the policy in force says nothing of public records',
            format('Agency %s.', agency), 'Propose a policy with the rule "public_records".', of_agency,
            'public_records', 'NM-II.b');
    END IF;
    INSERT INTO facesnxt.public_request (agency_id, requester, subject, since, until, statute, exempt, recorded_by, session_role)
    SELECT of_agency, record_public_request.requester, record_public_request.subject, record_public_request.since,
        record_public_request.until, ruled->>'statute', coalesce((ruled->>'exempt')::boolean, false), i.acting_role, i.session_role
    FROM facesnxt.session_identity() i
    RETURNING public_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.record_public_request(text, text, text, timestamptz, timestamptz) IS
'Records a request of the public for records of a time, under the statute of the policy in force (NX398)';
REVOKE ALL ON FUNCTION facesnxt.record_public_request(text, text, text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.record_public_request(text, text, text, timestamptz, timestamptz) TO facesnxt_admin;

CREATE FUNCTION facesnxt.decide_public_request(public_id uuid, decision text, exemption text DEFAULT NULL, note text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked facesnxt.public_request;
    new_id uuid;
BEGIN
    SELECT r.* INTO asked FROM facesnxt.public_request r WHERE r.public_id = decide_public_request.public_id;
    IF asked.public_id IS NULL OR NOT facesnxt.in_reach(asked.agency_id) THEN
        RAISE EXCEPTION 'no such request of the public' USING ERRCODE = 'NX398', HINT = 'facesnxt.public_request shows them.';
    ELSIF decision = 'released' AND asked.exempt THEN
        PERFORM facesnxt.refuse_on_record('release to the public', 'NX398', 'release refused: the records are exempt',
            'They are criminal intelligence or investigative information (NP-VI.B.6).', 'Redact or deny, and name the exemption.',
            asked.agency_id, NULL, 'NP-VI.B.6');
    ELSIF decision <> 'released' AND facesnxt.readable(exemption) IS NULL THEN
        PERFORM facesnxt.refuse_on_record('release to the public', 'NX398', 'decision refused: it names no exemption',
            format('What is withheld is withheld by statute: %s (NS-32.6.12).', asked.statute), 'Name the exemption.', asked.agency_id,
            'public_records', 'NS-32.6.12');
    END IF;
    INSERT INTO facesnxt.public_decision (public_id, decision, exemption, note, decided_by, session_role)
    SELECT asked.public_id, decide_public_request.decision, decide_public_request.exemption, decide_public_request.note,
        i.acting_role, i.session_role
    FROM facesnxt.session_identity() i
    RETURNING decision_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.decide_public_request(uuid, text, text, text) IS
'Releases, redacts or denies what the public asked for; what is withheld names its exemption (NX398)';
REVOKE ALL ON FUNCTION facesnxt.decide_public_request(uuid, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.decide_public_request(uuid, text, text, text) TO facesnxt_admin;

-- Counts of whole months: no person, no case, no officer, no photograph.
CREATE FUNCTION facesnxt.public_extract(public_id uuid)
RETURNS TABLE (month date, purpose text, status text, searches bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked facesnxt.public_request;
    decided text;
BEGIN
    SELECT r.* INTO asked FROM facesnxt.public_request r WHERE r.public_id = public_extract.public_id;
    SELECT d.decision INTO decided FROM facesnxt.public_decision d WHERE d.public_id = asked.public_id ORDER BY d.decided_at DESC LIMIT 1;
    IF coalesce(decided, 'denied') = 'denied' OR NOT facesnxt.in_reach(asked.agency_id) THEN
        PERFORM facesnxt.refuse_on_record('extract for the public', 'NX398', 'extract refused: nothing is released', NULL,
            'facesnxt.decide_public_request() decides.', asked.agency_id, 'public_records', 'NM-IX.A.3');
    END IF;
    RETURN QUERY
        -- the purpose of what was refused is whatever somebody typed
        SELECT date_trunc('month', s.recorded_at)::date, CASE WHEN s.status = 'completed' THEN s.purpose END, s.status, count(*)
        FROM facesnxt.search s
        WHERE s.agency_id = asked.agency_id AND s.recorded_at >= asked.since AND s.recorded_at < asked.until
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
END
$$;
COMMENT ON FUNCTION facesnxt.public_extract(uuid) IS 'The redacted answer to a request of the public: how many searches, by month, purpose and status';
REVOKE ALL ON FUNCTION facesnxt.public_extract(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.public_extract(uuid) TO facesnxt_admin, facesnxt_auditor;
