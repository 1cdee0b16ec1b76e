-- What else than a search speaks for a candidate, who the candidate is found
-- to be on that ground, and the supervisor who has looked at it.

CREATE TABLE facesnxt.corroboration (
    item_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    person_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind <> ''),
    source text NOT NULL CHECK (source <> ''),
    admissible boolean,
    note text,
    account_id uuid NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    FOREIGN KEY (search_id, person_id) REFERENCES facesnxt.candidate (search_id, person_id)
);
CREATE INDEX ON facesnxt.corroboration (search_id, person_id);
COMMENT ON TABLE facesnxt.corroboration IS
'Evidence independent of the search that connects a candidate with the case, by kind (NM-VI.D, NS-32.6.3.c, MI-4.3.4.1.a)';
COMMENT ON COLUMN facesnxt.corroboration.source IS 'Where it is: number of a report or exhibit, name of a witness, laboratory';
COMMENT ON COLUMN facesnxt.corroboration.admissible IS 'Whether it is admissible evidence (NS-32.6.3.a)';

CREATE TABLE facesnxt.withdrawal (
    item_id uuid PRIMARY KEY REFERENCES facesnxt.corroboration,
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    reason text NOT NULL CHECK (reason <> ''),
    account_id uuid NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.withdrawal IS 'Corroboration that does not hold any more, and why; what rests on it alone does not, either';

CREATE TABLE facesnxt.identification (
    identification_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    person_id uuid NOT NULL,
    basis text NOT NULL CHECK (basis <> ''),
    items uuid[] NOT NULL CHECK (pg_catalog.cardinality(items) > 0),
    account_id uuid NOT NULL,
    capacities text[] NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    FOREIGN KEY (search_id, person_id) REFERENCES facesnxt.candidate (search_id, person_id)
);
CREATE INDEX ON facesnxt.identification (search_id, person_id);
COMMENT ON TABLE facesnxt.identification IS
'The agency''s own determination of identity: an act of a named person on a stated basis, apart from the search (SP-I.C, SP-III.D, NM-V.E.2, NS-C)';
COMMENT ON COLUMN facesnxt.identification.items IS 'Items of facesnxt.corroboration that it rests on; there is none without';

CREATE TABLE facesnxt.confirmation (
    confirmation_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    search_id uuid NOT NULL REFERENCES facesnxt.search,
    person_id uuid NOT NULL,
    items uuid[] NOT NULL CHECK (pg_catalog.cardinality(items) > 0),
    note text,
    account_id uuid NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    FOREIGN KEY (search_id, person_id) REFERENCES facesnxt.candidate (search_id, person_id)
);
CREATE INDEX ON facesnxt.confirmation (search_id, person_id);
COMMENT ON TABLE facesnxt.confirmation IS
'A supervisor who did not search confirms the corroboration of a candidate, item by item (NS-32.6.7, NP-VI.C.1)';

-- Items of a candidate that count under a version: of a kind that it lists,
-- where it lists any, and admissible, where it asks for that.
CREATE FUNCTION facesnxt.counting(version_id uuid, items jsonb) RETURNS uuid[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY(
        SELECT (i->>'item_id')::uuid FROM jsonb_array_elements(items) i
        WHERE (facesnxt.policy_value($1, 'corroboration') IS NULL OR facesnxt.policy_value($1, 'corroboration') ? (i->>'kind'))
            AND (facesnxt.policy_value($1, 'admissible') IS DISTINCT FROM 'true' OR i->'admissible' = 'true'))
$$;
COMMENT ON FUNCTION facesnxt.counting(uuid, jsonb) IS 'Which items of corroboration count under a version of a policy';
REVOKE ALL ON FUNCTION facesnxt.counting(uuid, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.items_of(search_id uuid, person_id uuid) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('item_id', c.item_id, 'kind', c.kind, 'source', c.source,
        'admissible', c.admissible) ORDER BY c.recorded_at), '[]')
    FROM facesnxt.corroboration c
    WHERE c.search_id = $1 AND c.person_id = $2
        AND NOT EXISTS (SELECT FROM facesnxt.withdrawal w WHERE w.item_id = c.item_id)
$$;
COMMENT ON FUNCTION facesnxt.items_of(uuid, uuid) IS 'The corroboration of a candidate that was not withdrawn, as counting() reads it';
REVOKE ALL ON FUNCTION facesnxt.items_of(uuid, uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.add_corroboration(
    search_id uuid, person_id uuid, kind text, source text, admissible boolean DEFAULT NULL, note text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actor CONSTANT facesnxt.actor := facesnxt.search_actor(search_id);
    listed CONSTANT text[] := facesnxt.policy_texts(actor.version_id, 'corroboration');
    new_id uuid;
BEGIN
    PERFORM facesnxt.check_candidate(actor, 'corroboration', person_id);
    IF facesnxt.readable(kind) IS NULL OR facesnxt.readable(source) IS NULL THEN
        RAISE EXCEPTION 'corroboration needs a kind and a source'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Say what it is and where it is kept.';
    END IF;
    IF kind ~*
        '(fac(e|ial)s?|biometric)[^a-z]*(recognition|search|comparison|match|identification|analysis)|facesnxt|\mfrt?\M|candidate[^a-z]*list|'
        '^[^a-z]*search[^a-z]*$|search[^a-z]*(result|hit|match|lead)|blind[^a-z]*review' THEN
        PERFORM facesnxt.refuse_step(actor, 'corroboration', person_id, 'NX356', 'not_sole_basis', 'SP-I.C',
            'corroboration refused: a search does not corroborate a search',
            format('"%s" is not independent of the candidate list.', kind), 'Enter evidence from another source.');
    END IF;
    IF cardinality(listed) > 0 AND kind <> ALL (listed) THEN
        PERFORM facesnxt.refuse_step(actor, 'corroboration', person_id, 'NX356', 'corroboration', NULL,
            format('corroboration refused: "%s" is no kind that the policy lists', kind),
            format('Kinds: %s.', array_to_string(listed, ', ')), 'Enter it under the kind that it is.');
    END IF;
    IF facesnxt.policy_value(actor.version_id, 'admissible') = 'true' AND admissible IS NULL THEN
        PERFORM facesnxt.refuse_step(actor, 'corroboration', person_id, 'NX356', 'admissible', NULL,
            'corroboration refused: it is not said whether it is admissible evidence',
            'A lead is there to obtain other, admissible evidence.', 'Give "admissible": true or false. False is kept and does not count.');
    END IF;
    INSERT INTO facesnxt.corroboration (search_id, person_id, kind, source, admissible, note, account_id, acting_role, session_role)
    VALUES (search_id, person_id, kind, source, admissible, note, actor.account_id, actor.acting_role, actor.session_role)
    RETURNING item_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.add_corroboration(uuid, uuid, text, text, boolean, text) IS
'Enters evidence about a candidate that is independent of the search (NX356)';
REVOKE ALL ON FUNCTION facesnxt.add_corroboration(uuid, uuid, text, text, boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.add_corroboration(uuid, uuid, text, text, boolean, text) TO facesnxt_requester, facesnxt_investigator;

CREATE FUNCTION facesnxt.withdraw_corroboration(item_id uuid, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actor CONSTANT facesnxt.actor := facesnxt.search_actor(
        (SELECT c.search_id FROM facesnxt.corroboration c WHERE c.item_id = withdraw_corroboration.item_id));
BEGIN
    INSERT INTO facesnxt.withdrawal (item_id, search_id, reason, account_id, acting_role, session_role)
    VALUES (item_id, actor.search_id, reason, actor.account_id, actor.acting_role, actor.session_role);
END
$$;
COMMENT ON FUNCTION facesnxt.withdraw_corroboration(uuid, text) IS 'Says that corroboration does not hold any more: it counts for nothing from now on';
REVOKE ALL ON FUNCTION facesnxt.withdraw_corroboration(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.withdraw_corroboration(uuid, text) TO facesnxt_requester, facesnxt_investigator;

-- Who determines an identity: the person that confirmed_by names. Independent
-- means are no person; that they are there is asked of everyone.
CREATE FUNCTION facesnxt.confirmers(version_id uuid) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN v.name IN ('independent means', 'department') THEN '{department}'
        WHEN v.name IS NOT NULL THEN ARRAY[v.name]
        WHEN cardinality(facesnxt.policy_texts($1, 'evaluator')) > 0 THEN facesnxt.policy_texts($1, 'evaluator')
        ELSE '{department}' END
    FROM (SELECT facesnxt.policy_value($1, 'confirmed_by') #>> '{}') v (name)
$$;
COMMENT ON FUNCTION facesnxt.confirmers(uuid) IS 'Capacities in which an identity is determined under a version: those of confirmed_by, else of evaluator, else any';
REVOKE ALL ON FUNCTION facesnxt.confirmers(uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.determine_identity(search_id uuid, person_id uuid, basis text, items uuid[] DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actor CONSTANT facesnxt.actor := facesnxt.search_actor(search_id);
    wanted CONSTANT text[] := facesnxt.confirmers(actor.version_id);
    counting CONSTANT uuid[] := facesnxt.counting(actor.version_id, facesnxt.items_of(search_id, person_id));
    used CONSTANT uuid[] := ARRAY(SELECT c FROM unnest(counting) c WHERE items IS NULL OR c = ANY (items));
    new_id uuid;
BEGIN
    PERFORM facesnxt.check_candidate(actor, 'identification', person_id);
    IF NOT wanted && actor.capacities THEN
        PERFORM facesnxt.refuse_step(actor, 'identification', person_id, 'NX350',
            CASE WHEN facesnxt.policy_value(actor.version_id, 'confirmed_by') IS NULL THEN 'evaluator' ELSE 'confirmed_by' END, NULL,
            'identification refused: you do not determine it',
            format('Who the person is, is determined by: %s.', array_to_string(wanted, ', ')), 'Leave it to who does.');
    END IF;
    IF facesnxt.readable(basis) IS NULL OR cardinality(used) = 0 THEN
        PERFORM facesnxt.refuse_step(actor, 'identification', person_id, 'NX357',
            CASE WHEN facesnxt.policy_value(actor.version_id, 'confirmed_by') = '"independent means"' THEN 'confirmed_by' ELSE 'not_sole_basis' END,
            'SP-I.D', 'identification refused: a search alone identifies nobody',
            'There is no basis, or none of the corroboration that counts.', 'facesnxt.add_corroboration() comes first.');
    END IF;
    IF (SELECT d.matched AND d.person_id = determine_identity.person_id FROM facesnxt.match_decision d
        WHERE d.search_id = determine_identity.search_id ORDER BY d.recorded_at DESC LIMIT 1) IS NOT TRUE
        AND facesnxt.policy_value(actor.version_id, 'evaluator') IS NOT NULL
    THEN
        PERFORM facesnxt.refuse_step(actor, 'identification', person_id, 'NX355', 'evaluator', NULL,
            'identification refused: the search was not evaluated as a match with this person',
            'No match was decided on, or one with somebody else.', 'facesnxt.decide_match() comes first.');
    END IF;
    INSERT INTO facesnxt.identification (search_id, person_id, basis, items, account_id, capacities, acting_role, session_role)
    VALUES (search_id, person_id, basis, used, actor.account_id, actor.capacities, actor.acting_role, actor.session_role)
    RETURNING identification_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.determine_identity(uuid, uuid, text, uuid[]) IS
'Records that a person was identified, on what basis and corroboration, by whom the policy names (SP-I.C, NP-VI.B.3, NX350, NX355, NX357)';
REVOKE ALL ON FUNCTION facesnxt.determine_identity(uuid, uuid, text, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.determine_identity(uuid, uuid, text, uuid[]) TO facesnxt_requester, facesnxt_investigator;

CREATE FUNCTION facesnxt.confirm_corroboration(search_id uuid, person_id uuid, note text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    actor CONSTANT facesnxt.actor := facesnxt.search_actor(search_id);
    counting CONSTANT uuid[] := facesnxt.counting(actor.version_id, facesnxt.items_of(search_id, person_id));
    new_id uuid;
BEGIN
    PERFORM facesnxt.check_candidate(actor, 'confirmation', person_id);
    IF actor.searched THEN
        PERFORM facesnxt.refuse_step(actor, 'confirmation', person_id, 'NX360', 'supervisor_before', 'NS-32.6.7',
            'confirmation refused: the searcher does not confirm', 'A supervisor who did not search does.', 'Ask another supervisor.');
    END IF;
    IF NOT 'supervisor' = ANY (actor.capacities) THEN
        PERFORM facesnxt.refuse_step(actor, 'confirmation', person_id, 'NX350', 'supervisor_before', 'NS-32.6.7',
            'confirmation refused: you are no supervisor of this case', 'The reviewing supervisor confirms corroboration.',
            'Leave it to the supervisor to whom the case is assigned; facesnxt.link_case() names a case.');
    END IF;
    IF cardinality(counting) = 0 THEN
        PERFORM facesnxt.refuse_step(actor, 'confirmation', person_id, 'NX357', 'supervisor_before', 'NS-32.6.7',
            'confirmation refused: there is no corroboration', 'Nothing that counts beside the search is recorded.',
            'facesnxt.add_corroboration() comes first.');
    END IF;
    INSERT INTO facesnxt.confirmation (search_id, person_id, items, note, account_id, acting_role, session_role)
    VALUES (search_id, person_id, counting, note, actor.account_id, actor.acting_role, actor.session_role)
    RETURNING confirmation_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.confirm_corroboration(uuid, uuid, text) IS
'A supervisor of the case, never the searcher, confirms the corroboration that there is so far (NS-32.6.7, NP-VI.C.1; NX350, NX357, NX360)';
REVOKE ALL ON FUNCTION facesnxt.confirm_corroboration(uuid, uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.confirm_corroboration(uuid, uuid, text) TO facesnxt_requester, facesnxt_investigator;
