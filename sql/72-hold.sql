-- Legal holds: what a hold covers is neither expunged nor deleted by retention.

INSERT INTO facesnxt.rule (rule, area, value_kind, description) VALUES
    ('expunged_by', 'record', 'text', 'Which office decides on expungements; without this rule the Chief does'),
    ('held_by', 'record', 'text', 'Which office sets and lifts legal holds; without this rule the Chief does');

CREATE TABLE facesnxt.legal_hold (
    hold_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('case', 'person', 'reference', 'search', 'probe')),
    case_number text CHECK ((case_number <> '') IS NOT DISTINCT FROM CASE WHEN kind = 'case' THEN true END),
    target uuid CHECK ((target IS NULL) = (kind = 'case')),
    reason text NOT NULL CHECK (reason <> ''),
    by_role name NOT NULL DEFAULT (facesnxt.session_identity()).acting_role,
    by_session name NOT NULL DEFAULT (facesnxt.session_identity()).session_role,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.legal_hold IS 'What must not be erased, by whom and why; of a case, everything that was searched for it';
COMMENT ON COLUMN facesnxt.legal_hold.target IS 'A person, a reference, a search, or for a probe the search, verification or registered photograph that it is of';

CREATE TABLE facesnxt.legal_hold_end (
    hold_id uuid PRIMARY KEY REFERENCES facesnxt.legal_hold,
    agency_id uuid NOT NULL,
    reason text NOT NULL CHECK (reason <> ''),
    by_role name NOT NULL DEFAULT (facesnxt.session_identity()).acting_role,
    by_session name NOT NULL DEFAULT (facesnxt.session_identity()).session_role,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.legal_hold_end IS 'Holds that were lifted, by whom and why';
SELECT facesnxt.keep_record(kept, 'facesnxt_auditor', 'facesnxt_admin') FROM pg_catalog.unnest(ARRAY['legal_hold', 'legal_hold_end']::name[]) kept;

CREATE FUNCTION facesnxt.retention_office(agency_id uuid, rule text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(facesnxt.policy_value(facesnxt.policy_in_force($1, clock_timestamp()), $2) #>> '{}', 'chief') $$;
COMMENT ON FUNCTION facesnxt.retention_office(uuid, text) IS 'The office that the policy in force names, else the Chief';
REVOKE ALL ON FUNCTION facesnxt.retention_office(uuid, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.retention_clause(agency_id uuid, rule text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(facesnxt.policy_clause(facesnxt.policy_in_force($1, clock_timestamp()), $2), 'NM-IX.A.6') $$;
COMMENT ON FUNCTION facesnxt.retention_clause(uuid, text) IS 'The clause of the policy in force, else that which forbids any other retention';
REVOKE ALL ON FUNCTION facesnxt.retention_clause(uuid, text) FROM PUBLIC;

-- ---- what a probe is, and what a hold covers

-- All images that go back to the same originals as this one; of a probe that
-- was a template, that one.
CREATE FUNCTION facesnxt.probe_hashes(agency_id uuid, target uuid) RETURNS bytea[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH named (sha256) AS (
        SELECT unnest(ARRAY[s.probe_sha256, decode(s.probe_id, 'hex')]) FROM facesnxt.search s WHERE s.agency_id = $1 AND s.search_id = $2
        UNION SELECT unnest(ARRAY[v.probe_sha256, v.photo_sha256, decode(v.probe_id, 'hex')])
        FROM facesnxt.verification v WHERE v.agency_id = $1 AND v.verification_id = $2
        UNION SELECT p.sha256 FROM facesnxt.probe_source p WHERE p.agency_id = $1 AND p.source_id = $2
    )
    SELECT ARRAY(SELECT DISTINCT f FROM named n CROSS JOIN LATERAL facesnxt.probe_family($1, n.sha256) f WHERE n.sha256 IS NOT NULL)
$$;
COMMENT ON FUNCTION facesnxt.probe_hashes(uuid, uuid) IS
'SHA-256 of the images that were made from the same originals as the probe of a search, verification or registered photograph of an agency';
REVOKE ALL ON FUNCTION facesnxt.probe_hashes(uuid, uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.probe_searches(agency_id uuid, hashes bytea[]) RETURNS uuid[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY(SELECT s.search_id FROM facesnxt.search s WHERE s.agency_id = $1 AND s.probe_sha256 = ANY ($2)
                 UNION SELECT s.search_id FROM facesnxt.search s
                 WHERE s.agency_id = $1 AND s.probe_id = ANY (ARRAY(SELECT encode(h, 'hex') FROM unnest($2) h)))
$$;
COMMENT ON FUNCTION facesnxt.probe_searches(uuid, bytea[]) IS 'Attempts of an agency with one of these probes';
REVOKE ALL ON FUNCTION facesnxt.probe_searches(uuid, bytea[]) FROM PUBLIC;

CREATE VIEW facesnxt.live_hold WITH (security_barrier, security_invoker) AS
    SELECT h.hold_id, h.agency_id, h.kind, h.case_number, h.target, h.reason, h.by_role, h.by_session, h.at
    FROM facesnxt.legal_hold h
    WHERE NOT EXISTS (SELECT FROM facesnxt.legal_hold_end e WHERE e.hold_id = h.hold_id);
COMMENT ON VIEW facesnxt.live_hold IS 'Legal holds that were not lifted';
REVOKE ALL ON TABLE facesnxt.live_hold FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.live_hold TO facesnxt_auditor, facesnxt_admin;

-- Searches that a hold covers: of its case, itself, of its probe.
CREATE FUNCTION facesnxt.held_searches(hold_id uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.search_id FROM facesnxt.live_hold h JOIN facesnxt.search s USING (agency_id)
    WHERE h.hold_id = $1 AND h.kind = 'case' AND s.case_number = h.case_number
    UNION SELECT l.search_id
    FROM facesnxt.live_hold h JOIN facesnxt.case_file c USING (agency_id, case_number) JOIN facesnxt.case_link l USING (case_id)
    WHERE h.hold_id = $1 AND h.kind = 'case'
    UNION SELECT x.search_id
    FROM facesnxt.live_hold h JOIN facesnxt.exigent_papers x USING (case_number) JOIN facesnxt.search s USING (search_id)
    WHERE h.hold_id = $1 AND h.kind = 'case' AND s.agency_id = h.agency_id
    UNION SELECT h.target FROM facesnxt.live_hold h WHERE h.hold_id = $1 AND h.kind = 'search'
    UNION SELECT unnest(facesnxt.probe_searches(h.agency_id, facesnxt.probe_hashes(h.agency_id, h.target)))
    FROM facesnxt.live_hold h WHERE h.hold_id = $1 AND h.kind = 'probe'
$$;
COMMENT ON FUNCTION facesnxt.held_searches(uuid) IS 'The searches that a live hold covers';
REVOKE ALL ON FUNCTION facesnxt.held_searches(uuid) FROM PUBLIC;

-- What was found or compared for a held case other than by a search.
CREATE FUNCTION facesnxt.held_by_case(agency_id uuid, case_number text, person_id uuid, reference_ids uuid[]) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
            SELECT FROM facesnxt.ticket t JOIN facesnxt.raw_statement w USING (ticket_id) JOIN facesnxt.raw_row r USING (statement_id)
            WHERE t.agency_id = $1 AND t.case_number = $2 AND (r.person_id = $3 OR r.reference_id = ANY ($4)))
        OR EXISTS (SELECT FROM facesnxt.verification v WHERE v.agency_id = $1 AND v.case_number = $2 AND v.reference_id = ANY ($4))
$$;
COMMENT ON FUNCTION facesnxt.held_by_case(uuid, text, uuid, uuid[]) IS
'Whether a raw statement for a case gave a person or a reference, or a 1:1 comparison for it was with one';
REVOKE ALL ON FUNCTION facesnxt.held_by_case(uuid, text, uuid, uuid[]) FROM PUBLIC;

-- A person or a reference is held as such, or as a candidate of a search that
-- is held, of whichever agency: all of them share the references.
CREATE FUNCTION facesnxt.holds_against(scope text, target uuid, agency_id uuid) RETURNS SETOF facesnxt.live_hold
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    probes CONSTANT bytea[] := CASE WHEN scope = 'probe' THEN facesnxt.probe_hashes(agency_id, target) END;
    searches CONSTANT uuid[] := CASE WHEN scope = 'probe' THEN facesnxt.probe_searches(agency_id, probes) END;
BEGIN
    RETURN QUERY
    SELECT h.* FROM facesnxt.live_hold h
    WHERE CASE scope
        WHEN 'person' THEN (h.kind = 'person' AND h.target = holds_against.target)
            OR (h.kind = 'reference' AND EXISTS (
                SELECT FROM facesnxt.reference_image r WHERE r.reference_id = h.target AND r.person_id = holds_against.target))
            OR EXISTS (SELECT FROM facesnxt.held_searches(h.hold_id) s JOIN facesnxt.candidate c ON c.search_id = s
                       WHERE c.person_id = holds_against.target)
            OR (h.kind = 'case' AND facesnxt.held_by_case(h.agency_id, h.case_number, holds_against.target, ARRAY(
                SELECT r.reference_id FROM facesnxt.reference_image r WHERE r.person_id = holds_against.target)))
        WHEN 'reference' THEN (h.kind = 'reference' AND h.target = holds_against.target)
            OR (h.kind = 'person' AND EXISTS (
                SELECT FROM facesnxt.reference_image r WHERE r.reference_id = holds_against.target AND r.person_id = h.target))
            OR EXISTS (SELECT FROM facesnxt.held_searches(h.hold_id) s JOIN facesnxt.candidate c ON c.search_id = s
                       WHERE c.reference_id = holds_against.target)
            OR (h.kind = 'case' AND facesnxt.held_by_case(h.agency_id, h.case_number, NULL, ARRAY[holds_against.target]))
        ELSE h.agency_id = holds_against.agency_id AND (
            EXISTS (SELECT FROM facesnxt.held_searches(h.hold_id) s WHERE s = ANY (searches))
            OR (h.kind = 'probe' AND probes && facesnxt.probe_hashes(h.agency_id, h.target))
            OR (h.kind IN ('person', 'reference') AND EXISTS (
                SELECT FROM facesnxt.candidate c WHERE c.search_id = ANY (searches) AND h.target IN (c.person_id, c.reference_id)))
            OR (h.kind = 'case' AND EXISTS (
                SELECT FROM facesnxt.verification v WHERE v.agency_id = h.agency_id AND v.case_number = h.case_number
                    AND (v.probe_sha256 = ANY (probes) OR v.photo_sha256 = ANY (probes) OR decode(v.probe_id, 'hex') = ANY (probes))))
            OR (h.kind = 'case' AND EXISTS (
                SELECT FROM facesnxt.search_request q JOIN facesnxt.request_probe p USING (request_id)
                WHERE q.agency_id = h.agency_id AND q.case_number = h.case_number AND p.sha256 = ANY (probes)))
            OR (h.kind = 'case' AND EXISTS (
                SELECT FROM facesnxt.ticket t JOIN facesnxt.raw_statement w USING (ticket_id)
                WHERE t.agency_id = h.agency_id AND t.case_number = h.case_number AND w.probe IS NOT NULL
                    AND decode(facesnxt.probe_shape(NULL, w.probe)->>'sha256', 'hex') = ANY (probes)))) END;
END
$$;
COMMENT ON FUNCTION facesnxt.holds_against(text, uuid, uuid) IS 'The live holds that stand against an expungement';
REVOKE ALL ON FUNCTION facesnxt.holds_against(text, uuid, uuid) FROM PUBLIC;

-- ---- set and lifted by the office that the policy names

CREATE FUNCTION facesnxt.set_hold(agency text, kind text, reason text, case_number text DEFAULT NULL, target uuid DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.agency_coded(agency);
    new_id uuid;
BEGIN
    PERFORM facesnxt.require_office(of_agency, facesnxt.retention_office(of_agency, 'held_by'),
        facesnxt.retention_clause(of_agency, 'held_by'), NULL);
    -- an erasure that has looked for holds ends first
    LOCK TABLE facesnxt.legal_hold IN ROW EXCLUSIVE MODE;
    IF kind IS NULL OR kind NOT IN ('case', 'person', 'reference', 'search', 'probe') OR facesnxt.readable(reason) IS NULL
        OR (kind = 'case') <> (target IS NULL) OR (kind = 'case') <> (facesnxt.readable(case_number) IS NOT NULL)
        OR NOT (CASE kind
            WHEN 'case' THEN EXISTS (SELECT FROM facesnxt.case_file c WHERE c.agency_id = of_agency AND c.case_number = set_hold.case_number)
            WHEN 'person' THEN EXISTS (SELECT FROM facesnxt.person p WHERE p.person_id = target)
            WHEN 'reference' THEN EXISTS (SELECT FROM facesnxt.reference_image r WHERE r.reference_id = target)
            WHEN 'search' THEN EXISTS (SELECT FROM facesnxt.search s WHERE s.agency_id = of_agency AND s.search_id = target)
            ELSE cardinality(facesnxt.probe_hashes(of_agency, target)) > 0 END)
    THEN
        PERFORM facesnxt.refuse_on_record('legal hold', 'NX470', 'hold refused: it says nothing that can be held, or not why',
            'A hold is of a case by its number, or of a person, a reference, a search or a probe by its id, and has a reason.',
            'Name what is there, of your agency.', of_agency, 'held_by', 'NM-IX.A.6');
    END IF;
    INSERT INTO facesnxt.legal_hold (agency_id, kind, case_number, target, reason) VALUES (of_agency, kind, case_number, target, reason)
    RETURNING hold_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.set_hold(text, text, text, text, uuid) IS
'Holds a case, person, reference, search or probe: nothing of it is expunged or deleted until lift_hold() (NX331, NX470)';
REVOKE ALL ON FUNCTION facesnxt.set_hold(text, text, text, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.set_hold(text, text, text, text, uuid) TO facesnxt_member, facesnxt_admin;

CREATE FUNCTION facesnxt.lift_hold(hold_id uuid, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    held CONSTANT facesnxt.live_hold := (SELECT h FROM facesnxt.live_hold h WHERE h.hold_id = lift_hold.hold_id);
BEGIN
    -- of another agency's hold nobody learns that there is one
    PERFORM facesnxt.require_office(held.agency_id, facesnxt.retention_office(held.agency_id, 'held_by'),
        facesnxt.retention_clause(held.agency_id, 'held_by'), NULL);
    IF facesnxt.readable(reason) IS NULL THEN
        PERFORM facesnxt.refuse_on_record('legal hold', 'NX470', 'the hold is not lifted without a reason', NULL,
            'Say why it may go.', held.agency_id, 'held_by', 'NM-IX.A.6');
    END IF;
    INSERT INTO facesnxt.legal_hold_end (hold_id, agency_id, reason) VALUES (held.hold_id, held.agency_id, reason);
END
$$;
COMMENT ON FUNCTION facesnxt.lift_hold(uuid, text) IS 'Lifts a legal hold, with a reason (NX331, NX470)';
REVOKE ALL ON FUNCTION facesnxt.lift_hold(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.lift_hold(uuid, text) TO facesnxt_member, facesnxt_admin;
