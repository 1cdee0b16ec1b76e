-- What is kept of each search: probe, attempt, template, candidates.

-- None of these tables has a foreign key to a table that a caller can lock:
-- the writer must not wait for the transaction that waits for it.

CREATE TABLE facesnxt.probe (
    agency_id uuid NOT NULL,
    sha256 bytea NOT NULL CHECK (pg_catalog.length(sha256) = 32),
    image bytea NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (agency_id, sha256)
);
ALTER TABLE facesnxt.probe ALTER COLUMN image SET STORAGE EXTERNAL;
COMMENT ON TABLE facesnxt.probe IS 'Probe images as they were handed over, once per agency and content; never altered (NP-VI.B.2.a)';
COMMENT ON COLUMN facesnxt.probe.sha256 IS 'SHA-256 of image, which names it in facesnxt.search';
SELECT facesnxt.keep_record('probe');

CREATE TABLE facesnxt.search (
    search_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    status text NOT NULL CHECK (status IN ('completed', 'refused')),
    sqlstate text,
    clause text,
    rule text,
    message text,
    detail text,
    agency_id uuid,
    agency text,
    account_id uuid,
    version_id uuid,
    case_id uuid,
    case_number text,
    incident_type text,
    purpose text,
    reason text,
    fields jsonb,
    facts jsonb,
    set_aside jsonb,
    probe_sha256 bytea,
    probe_kept boolean NOT NULL,
    probe_id text GENERATED ALWAYS AS (facts->'search'->'probe'->>'sha256') STORED,
    model text,
    requested_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    repositories text[] NOT NULL,
    candidate_limit int,
    threshold real,
    references_compared bigint,
    references_other_model bigint,
    candidates int NOT NULL,
    exact boolean,
    scan jsonb,
    session_role name NOT NULL,
    session_oid oid NOT NULL,
    acting_role name NOT NULL,
    acting_oid oid NOT NULL,
    authenticated_as text,
    authentication text,
    backend_pid int NOT NULL,
    backend_start timestamptz NOT NULL,
    client_address inet,
    application text,
    CHECK ((status = 'refused') = (sqlstate IS NOT NULL)),
    CHECK (status = 'refused' OR (agency_id IS NOT NULL AND account_id IS NOT NULL AND version_id IS NOT NULL
        AND facts IS NOT NULL AND purpose IS NOT NULL AND model IS NOT NULL AND references_compared IS NOT NULL AND exact IS NOT NULL))
);
CREATE INDEX ON facesnxt.search (agency_id, recorded_at);
CREATE INDEX ON facesnxt.search (probe_sha256);
-- what the gate asks of earlier searches: pace, sequence
CREATE INDEX ON facesnxt.search (account_id, recorded_at);
CREATE INDEX ON facesnxt.search (probe_id) WHERE status = 'completed';
COMMENT ON TABLE facesnxt.search IS
'One row per attempt, completed or refused, committed before a candidate leaves (NM-V.E.4, MI-4.5.3.3.a); it stands without the rows it was copied from';
COMMENT ON COLUMN facesnxt.search.sqlstate IS 'Why it was refused or failed; NULL when it was completed';
COMMENT ON COLUMN facesnxt.search.clause IS 'Clause of the policy that the refusal serves';
COMMENT ON COLUMN facesnxt.search.rule IS 'Rule of the policy that refused';
COMMENT ON COLUMN facesnxt.search.version_id IS 'The version of the agency''s policy that was in force (SP-HDR)';
COMMENT ON COLUMN facesnxt.search.fields IS 'What was stated besides the case, as the purpose asks for it';
COMMENT ON COLUMN facesnxt.search.facts IS 'Everything that the policy''s rules were asked about; NULL where the attempt did not come so far';
COMMENT ON COLUMN facesnxt.search.set_aside IS 'Advisory rules that were set aside, and the reason given (NM-IV.J)';
COMMENT ON COLUMN facesnxt.search.probe_kept IS 'The image is in facesnxt.probe';
COMMENT ON COLUMN facesnxt.search.probe_id IS 'What tells this probe from others: the SHA-256 of the image, or of the template where there was none; NULL where nothing was handed over';
COMMENT ON COLUMN facesnxt.search.model IS 'Fingerprint of the model that made the probe''s template; 00000000 where it is not stated';
COMMENT ON COLUMN facesnxt.search.repositories IS 'Repositories searched; of a refused attempt, those asked for';
COMMENT ON COLUMN facesnxt.search.references_compared IS
'How many references the probe was compared with; by an index, how many codes, those of rows included that were deleted and not yet vacuumed';
COMMENT ON COLUMN facesnxt.search.references_other_model IS 'References in the same repositories that were not searched because another model made them';
COMMENT ON COLUMN facesnxt.search.candidates IS 'How many candidates were returned';
COMMENT ON COLUMN facesnxt.search.exact IS 'Every reference was compared, none skipped by an index';
COMMENT ON COLUMN facesnxt.search.scan IS
'How it compared: method (index or table), what the index did as last_scan() tells it, certified (so many leading ranks are exact for certain), and the snapshots before and after, which say what was there';
COMMENT ON COLUMN facesnxt.search.session_role IS 'Role that logged on';
COMMENT ON COLUMN facesnxt.search.acting_role IS 'Role in whose name the search was made (SET ROLE)';
COMMENT ON COLUMN facesnxt.search.application IS 'application_name: what the client says of itself';
SELECT facesnxt.keep_record('search', 'facesnxt_auditor');

CREATE TABLE facesnxt.probe_template (
    search_id uuid PRIMARY KEY REFERENCES facesnxt.search,
    model text NOT NULL,
    extraction jsonb,
    template facesnxt.embedding NOT NULL
);
COMMENT ON TABLE facesnxt.probe_template IS 'The template that a search compared: biometric data, so apart from what auditors read';
COMMENT ON COLUMN facesnxt.probe_template.extraction IS 'Detector, box and quality of the face; NULL when a template was handed over';
SELECT facesnxt.keep_record('probe_template');

CREATE TABLE facesnxt.candidate (
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    rank int NOT NULL CHECK (rank > 0),
    person_id uuid NOT NULL,
    reference_id uuid NOT NULL,
    repository text NOT NULL,
    score real NOT NULL,
    model text NOT NULL,
    PRIMARY KEY (search_id, rank),
    UNIQUE (search_id, person_id)
);
CREATE INDEX ON facesnxt.candidate (person_id);
COMMENT ON TABLE facesnxt.candidate IS 'The candidate lists that left: persons, each by the best reference; a lead, never an identification (NM-IV.C, SP-III.C)';
COMMENT ON COLUMN facesnxt.candidate.score IS 'Cosine similarity of probe and reference, -1 to 1';
SELECT facesnxt.keep_record('candidate', 'facesnxt_auditor');

CREATE VIEW facesnxt.my_searches WITH (security_barrier) AS
    SELECT s.search_id, s.status, s.sqlstate, s.message, s.acting_role, s.case_number, s.incident_type,
        s.purpose, s.reason, s.fields, s.set_aside, s.probe_sha256, s.model, s.requested_at, s.recorded_at, s.repositories,
        s.candidate_limit, s.threshold, s.references_compared, s.references_other_model, s.candidates, s.exact
    FROM facesnxt.search s
    WHERE s.agency_id = (SELECT facesnxt.my_agency());
COMMENT ON VIEW facesnxt.my_searches IS 'Attempts of the acting role''s agency';
REVOKE ALL ON TABLE facesnxt.my_searches FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_searches TO facesnxt_investigator;

-- Whoever is asked to review a search blindly sees none of it until the answer
-- is given. The table of reviews comes later, which PL/pgSQL does not mind.
CREATE FUNCTION facesnxt.blind_searches() RETURNS uuid[]
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT r.search_id
        FROM facesnxt.session_identity() i
            JOIN facesnxt.account a ON a.role IN (i.acting_oid, i.session_oid)
            JOIN facesnxt.review r ON r.reviewer = a.account_id
        WHERE NOT EXISTS (SELECT FROM facesnxt.comparison c WHERE c.review_id = r.review_id));
END
$$;
COMMENT ON FUNCTION facesnxt.blind_searches() IS 'Searches that the acting role is to review blindly and has not';
REVOKE ALL ON FUNCTION facesnxt.blind_searches() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.blind_searches() TO facesnxt_investigator;

CREATE VIEW facesnxt.my_candidates WITH (security_barrier) AS
    SELECT c.search_id, c.rank, c.person_id, c.reference_id, c.repository, c.score, c.model
    FROM facesnxt.candidate c JOIN facesnxt.search s ON s.search_id = c.search_id
    WHERE s.agency_id = (SELECT facesnxt.my_agency())
        AND s.search_id <> ALL ((SELECT facesnxt.blind_searches())::uuid[]);
COMMENT ON VIEW facesnxt.my_candidates IS 'Candidates that the acting role''s agency was given';
REVOKE ALL ON TABLE facesnxt.my_candidates FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_candidates TO facesnxt_investigator;

-- ---- what if: old searches under another policy

CREATE FUNCTION facesnxt.replay_policy(version_id uuid, since timestamptz, until timestamptz, agency text DEFAULT NULL)
RETURNS TABLE (search_id uuid, recorded_at timestamptz, acting_role name, purpose text, case_number text,
    was text, was_clause text, would_be text, would_clause text, message text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.search_id, s.recorded_at, s.acting_role, s.purpose, s.case_number,
        coalesce(s.sqlstate, 'allowed'), s.clause, coalesce(j.sqlstate, 'allowed'), j.clause, j.message
    FROM facesnxt.search s
        LEFT JOIN LATERAL (SELECT f.* FROM facesnxt.judge($1, s.facts) f WHERE f.reason_against IS NULL LIMIT 1) j ON true
    WHERE s.recorded_at >= $2 AND s.recorded_at < $3 AND s.facts IS NOT NULL
        AND ($4 IS NULL OR s.agency_id = facesnxt.agency_coded($4)) AND facesnxt.in_reach(s.agency_id)
    ORDER BY s.recorded_at, s.search_id
$$;
COMMENT ON FUNCTION facesnxt.replay_policy(uuid, timestamptz, timestamptz, text) IS
'What a version of any policy would have said of the searches of a time, from the facts that were kept; no face is compared';
REVOKE ALL ON FUNCTION facesnxt.replay_policy(uuid, timestamptz, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.replay_policy(uuid, timestamptz, timestamptz, text) TO facesnxt_auditor;
