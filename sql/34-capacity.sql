-- Who acts after a search, in what capacity, and what is refused of it.

CREATE TABLE facesnxt.case_link (
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    case_id uuid NOT NULL REFERENCES facesnxt.case_file,
    account_id uuid NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (search_id, case_id)
);
COMMENT ON TABLE facesnxt.case_link IS 'Case files that a search and all its results were put into later (MI-4.5.3.2.b)';

-- The case that a search belongs to: named at the query, or later.
CREATE FUNCTION facesnxt.search_case(search_id uuid) RETURNS uuid
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(s.case_id, (SELECT l.case_id FROM facesnxt.case_link l WHERE l.search_id = $1
                                ORDER BY l.recorded_at DESC LIMIT 1))
    FROM facesnxt.search s WHERE s.search_id = $1
$$;
COMMENT ON FUNCTION facesnxt.search_case(uuid) IS 'The case of a search: named at the query, else the one that it was linked to last';
REVOKE ALL ON FUNCTION facesnxt.search_case(uuid) FROM PUBLIC;

-- The one place that says who is what of a case. A supervisor of the agency, or
-- of the unit given, by appointment is one of every case there.
CREATE FUNCTION facesnxt.acts_as(account_id uuid, case_id uuid, capacity text, unit text DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM facesnxt.account a
        WHERE a.account_id = $1 AND (facesnxt.account_of(a.role, 'member')).account_id = $1 AND (
            EXISTS (SELECT FROM facesnxt.case_assignment s
                    WHERE s.account_id = $1 AND s.case_id = $2 AND s.capacity = $3 AND s.ended_at IS NULL)
            OR ($3 = 'supervisor' AND EXISTS (
                SELECT FROM facesnxt.office_holder h
                WHERE h.agency_id = a.agency_id AND h.role = a.role AND h.office = 'supervisor' AND (h.unit IS NULL OR h.unit = $4)))))
$$;
COMMENT ON FUNCTION facesnxt.acts_as(uuid, uuid, text, text) IS
'Whether an account has a capacity now: by assignment to the case, as a supervisor also by office';
REVOKE ALL ON FUNCTION facesnxt.acts_as(uuid, uuid, text, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.capacities(account_id uuid, search_id uuid) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY(
        SELECT c FROM unnest(ARRAY['investigator', 'case_officer', 'lead_investigator', 'arresting_officer', 'supervisor']) c
        WHERE facesnxt.acts_as($1, facesnxt.search_case($2), c,
            (SELECT s.facts->'account'->>'unit' FROM facesnxt.search s WHERE s.search_id = $2)))
        || CASE WHEN EXISTS (SELECT FROM facesnxt.search s WHERE s.search_id = $2 AND s.account_id = $1)
                THEN ARRAY['searcher'] ELSE '{}' END
        || 'department'::text
$$;
COMMENT ON FUNCTION facesnxt.capacities(uuid, uuid) IS
'Everything that an account is with regard to a search: searcher, its capacities in the case, and a member of the department';
REVOKE ALL ON FUNCTION facesnxt.capacities(uuid, uuid) FROM PUBLIC;

CREATE TYPE facesnxt.actor AS (
    search_id uuid,
    account_id uuid,
    agency_id uuid,
    version_id uuid,
    acting_role name,
    session_role name,
    capacities text[],
    searched boolean
);
COMMENT ON TYPE facesnxt.actor IS 'Who acts on a search: account, policy in force, capacities, and whether the same hand searched';

-- Another agency's search and one that does not exist look the same. Whoever
-- logs on as one and acts as the other by SET ROLE has searched all the same;
-- a gateway, which has no account, lends its hand to nobody.
CREATE FUNCTION facesnxt.search_actor(search_id uuid, reviewing boolean DEFAULT false) RETURNS facesnxt.actor
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actor facesnxt.actor;
    who record;
BEGIN
    PERFORM facesnxt.check_snapshot('step after a search', search_id);
    SELECT i.*, a.account_id, a.agency_id INTO who
    FROM facesnxt.session_identity() i CROSS JOIN LATERAL facesnxt.account_of(i.acting_oid, 'member') a;
    IF who.account_id IS NULL THEN
        PERFORM facesnxt.refuse_on_record('step after a search', 'NX302', 'refused: the acting role has no active account',
            'What follows a search is done by accounts, as the search is (SP-IV.B.1).', 'Ask the administrator of your agency.',
            clause => 'SP-IV.B.1', search_id => search_id);
    END IF;
    SELECT s.search_id, who.account_id, s.agency_id, facesnxt.policy_in_force(s.agency_id, clock_timestamp()),
        who.acting_role, who.session_role, facesnxt.capacities(who.account_id, s.search_id),
        s.account_id = who.account_id OR s.acting_oid = who.session_oid OR s.session_oid = who.acting_oid
            OR (s.session_oid = who.session_oid AND EXISTS (SELECT FROM facesnxt.account a WHERE a.role = who.session_oid))
    INTO actor
    FROM facesnxt.search s
    WHERE s.search_id = search_actor.search_id AND s.agency_id = who.agency_id AND s.status = 'completed';
    IF actor.search_id IS NULL THEN
        PERFORM facesnxt.refuse_on_record('step after a search', 'NX307', 'refused: no such search of your agency was completed',
            NULL, 'SELECT * FROM facesnxt.my_searches shows the searches of your agency.', who.agency_id, clause => 'SP-II.A',
            search_id => search_id);
    END IF;
    IF NOT reviewing THEN
        PERFORM facesnxt.check_not_blind(actor.search_id);
    END IF;
    RETURN actor;
END
$$;
COMMENT ON FUNCTION facesnxt.search_actor(uuid, boolean) IS 'The acting role, as far as a search of its agency is concerned; who reviews it blindly does nothing else (NX302, NX306, NX307, NX354)';
REVOKE ALL ON FUNCTION facesnxt.search_actor(uuid, boolean) FROM PUBLIC;

-- Records a refused step in a transaction of its own and raises it. Does not return.
CREATE FUNCTION facesnxt.refuse_step(
    actor facesnxt.actor, step text, person_id uuid, code text, rule text, clause text, message text, detail text, hint text)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM facesnxt.refuse_on_record(step, code, message,
        concat(detail, ' (' || coalesce(facesnxt.policy_clause(actor.version_id, rule), clause) || ')'), hint,
        actor.agency_id, rule, clause, NULL, actor.search_id, person_id);
END
$$;
COMMENT ON FUNCTION facesnxt.refuse_step(facesnxt.actor, text, uuid, text, text, text, text, text, text) IS
'Records that a step after a search was refused, then raises it with the clause of the policy in force, else the one given';
REVOKE ALL ON FUNCTION facesnxt.refuse_step(facesnxt.actor, text, uuid, text, text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.step_apply(request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF request->>'step' = 'action' THEN
        RETURN facesnxt.action_apply(request);
    END IF;
    PERFORM facesnxt.record_refusal(request->>'step', request, request->'refusal');
    RETURN jsonb_build_object();
END
$$;
COMMENT ON FUNCTION facesnxt.step_apply(jsonb) IS 'The writer''s transaction for a step: a judged action, or a step that was refused';
REVOKE ALL ON FUNCTION facesnxt.step_apply(jsonb) FROM PUBLIC;

-- The candidate must be one that was shown in this search.
CREATE FUNCTION facesnxt.check_candidate(actor facesnxt.actor, step text, person_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM facesnxt.candidate c WHERE c.search_id = actor.search_id AND c.person_id = check_candidate.person_id) THEN
        PERFORM facesnxt.refuse_step(actor, step, person_id, 'NX308', NULL, 'NM-IV.H',
            format('%s refused: the person is not a candidate of this search', step),
            'Only who was on the list can be a lead of it.', 'SELECT * FROM facesnxt.my_candidates shows its candidates.');
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.check_candidate(facesnxt.actor, text, uuid) IS 'Refuses a step about a person who was no candidate of the search (NX308)';
REVOKE ALL ON FUNCTION facesnxt.check_candidate(facesnxt.actor, text, uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.link_case(search_id uuid, case_number text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actor CONSTANT facesnxt.actor := facesnxt.search_actor(search_id);
    wanted uuid := (SELECT c.case_id FROM facesnxt.case_file c
                    WHERE c.agency_id = actor.agency_id AND c.case_number = link_case.case_number);
BEGIN
    IF wanted IS NULL THEN
        PERFORM facesnxt.refuse_step(actor, 'case file', NULL, 'NX303', 'all_results', 'MI-4.5.3.2.b',
            format('your agency has no case "%s"', case_number), 'A search is put into a case file of its own agency.',
            'SELECT * FROM facesnxt.my_cases shows the cases of your agency.');
    END IF;
    -- who is what of a search follows from its case: nobody makes it another one's by moving it
    IF facesnxt.search_case(search_id) <> wanted AND NOT actor.capacities && ARRAY['searcher', 'investigator', 'case_officer',
        'lead_investigator', 'arresting_officer', 'supervisor']
    THEN
        PERFORM facesnxt.refuse_step(actor, 'case file', NULL, 'NX350', 'all_results', 'MI-4.5.3.2.b',
            'case file refused: the search is in another case', 'Whoever searched, or works on that case, puts it into another.',
            'Leave it to them.');
    END IF;
    INSERT INTO facesnxt.case_link (search_id, case_id, account_id, acting_role, session_role)
    VALUES (search_id, wanted, actor.account_id, actor.acting_role, actor.session_role)
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION facesnxt.link_case(uuid, text) IS 'Puts a search and all its results into a case file of the same agency (MI-4.5.3.2.b)';
REVOKE ALL ON FUNCTION facesnxt.link_case(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.link_case(uuid, text) TO facesnxt_requester, facesnxt_investigator;
