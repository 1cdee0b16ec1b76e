-- What became of a search: appended, never overwritten.

CREATE TABLE facesnxt.outcome (
    outcome_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    determination text NOT NULL CHECK (determination IN ('lead confirmed', 'no match', 'inconclusive')),
    person_id uuid,
    corroboration text,
    note text,
    recorded_by name NOT NULL,
    account_id uuid NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CHECK ((determination = 'lead confirmed') = (person_id IS NOT NULL)),
    CHECK (determination <> 'lead confirmed' OR corroboration <> '')
);
CREATE INDEX ON facesnxt.outcome (search_id, recorded_at);
COMMENT ON TABLE facesnxt.outcome IS 'What was determined about a search and on what other ground (MI-4.5.3.3.b); the latest row counts, all stay';
COMMENT ON COLUMN facesnxt.outcome.determination IS 'There is no "identified": a search alone identifies nobody (SP-I.D)';
COMMENT ON COLUMN facesnxt.outcome.corroboration IS 'What confirms the lead independently of the search (NS-32.6.4)';
SELECT facesnxt.keep_record('outcome', 'facesnxt_auditor');

CREATE VIEW facesnxt.my_outcomes WITH (security_barrier) AS
    SELECT o.outcome_id, o.search_id, o.determination, o.person_id, o.corroboration, o.note,
        o.recorded_by, o.recorded_at
    FROM facesnxt.outcome o JOIN facesnxt.search s ON s.search_id = o.search_id
    WHERE s.agency_id = (SELECT facesnxt.my_agency())
        AND s.search_id <> ALL ((SELECT facesnxt.blind_searches())::uuid[]);
COMMENT ON VIEW facesnxt.my_outcomes IS 'Outcomes of the searches of the acting role''s agency';
REVOKE ALL ON TABLE facesnxt.my_outcomes FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_outcomes TO facesnxt_investigator;

CREATE FUNCTION facesnxt.record_outcome(
    search_id uuid, determination text, person_id uuid DEFAULT NULL, corroboration text DEFAULT NULL,
    note text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
    ruling text;
    named text;
    new_id uuid;
BEGIN
    PERFORM facesnxt.check_snapshot();
    SELECT i.acting_role, a.account_id, a.agency_id INTO who
    FROM facesnxt.session_identity() i CROSS JOIN LATERAL facesnxt.account_of(i.acting_oid, 'member') a;
    IF who.account_id IS NULL THEN
        PERFORM facesnxt.refuse_on_record('outcome', 'NX302', 'outcome refused: the acting role has no active account', NULL,
            'Ask the administrator of your agency.', clause => 'SP-IV.B.1', search_id => search_id);
    END IF;
    -- another agency's search and one that does not exist look the same
    IF NOT EXISTS (SELECT FROM facesnxt.search s
                   WHERE s.search_id = record_outcome.search_id AND s.agency_id = who.agency_id
                       AND s.status = 'completed') THEN
        PERFORM facesnxt.refuse_on_record('outcome', 'NX307', 'outcome refused: no such search of your agency was completed', NULL,
            'SELECT * FROM facesnxt.my_searches shows the searches of your agency.', who.agency_id, clause => 'SP-II.A',
            search_id => search_id);
    END IF;
    PERFORM facesnxt.check_not_blind(search_id);
    IF determination IN ('identified', 'identification') THEN
        PERFORM facesnxt.refuse_on_record('outcome', 'NX308', 'outcome refused: a search alone identifies nobody',
            'A candidate is a lead (SP-I.D, NM-IV.H).', 'Record "lead confirmed" with what corroborates it.', who.agency_id,
            'not_sole_basis', 'SP-I.D', NULL, search_id, person_id);
    END IF;
    IF determination = 'lead confirmed' THEN
        IF facesnxt.readable(corroboration) IS NULL THEN
            PERFORM facesnxt.refuse_on_record('outcome', 'NX308', 'outcome refused: the lead is not corroborated',
                'A lead is confirmed by independent means only (NS-32.6.4).', 'Say in "corroboration" what confirms it besides the search.',
                who.agency_id, 'not_sole_basis', 'NS-32.6.4', NULL, search_id, person_id);
        END IF;
        IF NOT EXISTS (SELECT FROM facesnxt.candidate c
                       WHERE c.search_id = record_outcome.search_id AND c.person_id = record_outcome.person_id) THEN
            PERFORM facesnxt.refuse_on_record('outcome', 'NX308', 'outcome refused: the person is not a candidate of this search', NULL,
                'SELECT * FROM facesnxt.my_candidates shows its candidates.', who.agency_id, NULL, 'NM-IV.H', NULL, search_id, person_id);
        END IF;
    END IF;
    -- where the policy says who evaluates or confirms, an identification of this person stands before
    SELECT r.clause, r.rule INTO ruling, named FROM facesnxt.policy_rule r
    WHERE r.version_id = facesnxt.policy_in_force(who.agency_id, clock_timestamp()) AND r.rule IN ('confirmed_by', 'evaluator')
    ORDER BY r.rule LIMIT 1;
    IF determination = 'lead confirmed' AND ruling IS NOT NULL AND NOT EXISTS (
        SELECT FROM facesnxt.identification i
        WHERE i.search_id = record_outcome.search_id AND i.person_id = record_outcome.person_id)
    THEN
        PERFORM facesnxt.refuse_on_record('outcome', 'NX358', 'outcome refused: the person''s identity was not determined',
            format('A potential match is confirmed first (%s).', ruling), 'facesnxt.determine_identity() records it with its basis.',
            who.agency_id, named, ruling, NULL, search_id, person_id);
    END IF;
    INSERT INTO facesnxt.outcome (search_id, determination, person_id, corroboration, note, recorded_by, account_id)
    VALUES (search_id, determination, person_id, corroboration, note, who.acting_role, who.account_id)
    RETURNING outcome_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.record_outcome(uuid, text, uuid, text, text) IS
'Appends what was determined about a search of one''s own agency: "lead confirmed", "no match" or "inconclusive"';
REVOKE ALL ON FUNCTION facesnxt.record_outcome(uuid, text, uuid, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.record_outcome(uuid, text, uuid, text, text) TO facesnxt_requester, facesnxt_investigator;
