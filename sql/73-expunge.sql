-- Expungement: one person proposes it on an order, another one decides.

CREATE FUNCTION facesnxt.expungeable(scope text, target uuid, agency_id uuid) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE $1
        WHEN 'person' THEN EXISTS (SELECT FROM facesnxt.person p WHERE p.person_id = $2)
        WHEN 'reference' THEN EXISTS (SELECT FROM facesnxt.reference_image r WHERE r.reference_id = $2)
        WHEN 'probe' THEN cardinality(facesnxt.probe_hashes($3, $2)) > 0
        ELSE false END
$$;
COMMENT ON FUNCTION facesnxt.expungeable(text, uuid, uuid) IS 'Whether there is such a person, such a reference, or such a probe of this agency';
REVOKE ALL ON FUNCTION facesnxt.expungeable(text, uuid, uuid) FROM PUBLIC;

-- Another agency's hold says that it stands, and no more.
CREATE FUNCTION facesnxt.refuse_held(scope text, target uuid, agency_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    stands record;
BEGIN
    SELECT count(*) AS number, (array_agg(h.hold_id ORDER BY h.at) FILTER (WHERE h.agency_id = $3))[1] AS own,
        (array_agg(h.by_role ORDER BY h.at) FILTER (WHERE h.agency_id = $3))[1] AS setter
    INTO stands FROM facesnxt.holds_against(scope, target, agency_id) h;
    IF stands.number > 0 THEN
        PERFORM facesnxt.refuse_on_record('expungement', 'NX471', 'expungement refused: a legal hold stands',
            format('Holds that cover it: %s%s (%s).', stands.number, coalesce('; hold ' || stands.own || ' by ' || stands.setter,
                   '; of another agency'), facesnxt.retention_clause(agency_id, 'held_by')),
            'Whoever set the hold lifts it: facesnxt.lift_hold().', agency_id, 'held_by', 'NM-IX.A.6',
            person_id => CASE WHEN scope = 'person' THEN target END);
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.refuse_held(text, uuid, uuid) IS 'Refuses an expungement against which a legal hold stands (NX471)';
REVOKE ALL ON FUNCTION facesnxt.refuse_held(text, uuid, uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.propose_expungement(
    agency text, scope text, target uuid, order_number text, court text, ordered_on date, basis text)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.agency_named(agency);
    new_id uuid;
BEGIN
    PERFORM facesnxt.check_snapshot('expungement');
    IF of_agency IS NULL OR facesnxt.readable(order_number) IS NULL OR facesnxt.readable(court) IS NULL
        OR facesnxt.readable(basis) IS NULL OR ordered_on IS NULL OR NOT isfinite(ordered_on) OR ordered_on > current_date + 1 THEN
        PERFORM facesnxt.refuse_on_record('expungement', 'NX470', 'expungement refused: its legal basis is not complete',
            format('What is recorded is erased on an order alone (%s).', facesnxt.retention_clause(of_agency, 'expunged_by')),
            'Give number and date of the order, the issuing court and the legal basis.', of_agency, 'expunged_by', 'NM-IX.A.6');
    ELSIF target IS NULL OR facesnxt.expungeable(scope, target, of_agency) IS NOT TRUE THEN
        PERFORM facesnxt.refuse_on_record('expungement', 'NX470', 'expungement refused: there is nothing of this kind and id',
            'A person, a reference, or a probe by a search, verification or registered photograph of the agency.',
            'Scopes are person, reference and probe.', of_agency, 'expunged_by', 'NM-IX.A.6');
    END IF;
    INSERT INTO facesnxt.expungement (agency_id, scope, target, basis, order_number, court, ordered_on, version_id, persons)
    VALUES (of_agency, scope, target, basis, order_number, court, ordered_on, facesnxt.policy_in_force(of_agency, clock_timestamp()),
            facesnxt.acting_persons()::regrole[])
    RETURNING expungement_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.propose_expungement(text, text, uuid, text, text, date, text) IS
'Proposes to expunge a person, a reference or a probe on an order; decide_expungement() by another person does it (NX470)';
REVOKE ALL ON FUNCTION facesnxt.propose_expungement(text, text, uuid, text, text, date, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.propose_expungement(text, text, uuid, text, text, date, text) TO facesnxt_admin;

-- A key of a b-tree may stand in an inner page after its row is gone, so every
-- index of a hash or a text is rebuilt; so is one of a kind whose pages nobody
-- wipes. Ids and times in one say nothing.
CREATE FUNCTION facesnxt.note_files(erasure_id uuid) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO facesnxt.erasure_file (erasure_id, agency_id, index, file, next_transaction)
    SELECT e.erasure_id, e.agency_id, x.relname, pg_relation_filenode(x.oid), facesnxt.next_transaction()::text::bigint
    FROM facesnxt.erasure e CROSS JOIN LATERAL (
            SELECT n.relation FROM facesnxt.erasure_count n WHERE n.erasure_id = e.erasure_id UNION VALUES ('event'::name)) n
        JOIN pg_class c ON c.relnamespace = 'facesnxt'::regnamespace AND c.relname = n.relation
        JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
    WHERE e.erasure_id = $1 AND m.amname <> 'facescan' AND EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = x.oid AND a.atttypid NOT IN (
            'uuid'::regtype, 'timestamptz'::regtype, 'int4'::regtype, 'int8'::regtype, 'oid'::regtype, 'bool'::regtype,
            'facesnxt.repository'::regtype)
        AND NOT (c.relname = 'reference' AND a.attname = 'model'))
$$;
COMMENT ON FUNCTION facesnxt.note_files(uuid) IS 'Notes which indexes must be rebuilt before an erasure is finished';
REVOKE ALL ON FUNCTION facesnxt.note_files(uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.decide_expungement(expungement_id uuid, approve boolean, note text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked facesnxt.expungement;
    decided_by text;
    clause text;
    hashes bytea[];
    new_id uuid;
BEGIN
    SELECT e.* INTO asked FROM facesnxt.expungement e WHERE e.expungement_id = decide_expungement.expungement_id;
    decided_by := facesnxt.retention_office(asked.agency_id, 'expunged_by');
    clause := facesnxt.retention_clause(asked.agency_id, 'expunged_by');
    PERFORM facesnxt.require_office(asked.agency_id, decided_by, clause, NULL);
    IF approve IS NULL OR EXISTS (SELECT FROM facesnxt.expungement_decision d WHERE d.expungement_id = asked.expungement_id) THEN
        PERFORM facesnxt.refuse_on_record('expungement', 'NX472', 'the expungement is decided, or it is not said how',
            NULL, 'facesnxt.expungement and facesnxt.expungement_decision show what is to be decided.', asked.agency_id, 'expunged_by', clause);
    ELSIF approve AND asked.persons::oid[] && facesnxt.acting_persons() THEN
        PERFORM facesnxt.refuse_on_record('expungement', 'NX473', 'who proposed an expungement cannot decide on it',
            format('It was proposed by "%s", logged on as "%s" (%s).', asked.by_role, asked.by_session, clause),
            'Another holder of the office, or a designee, decides.', asked.agency_id, 'expunged_by', clause);
    END IF;
    IF approve THEN
        -- a hold that is being set is waited for, and one to come waits
        LOCK TABLE facesnxt.legal_hold IN SHARE MODE;
        PERFORM facesnxt.refuse_held(asked.scope, asked.target, asked.agency_id);
        -- a template that is being made of a photograph is waited for, or it would stand in the way and its event come late
        PERFORM FROM facesnxt.reference_image i
        WHERE (asked.scope = 'person' AND i.person_id = asked.target) OR (asked.scope = 'reference' AND i.reference_id = asked.target)
        FOR UPDATE;
        -- only chained events can forget
        PERFORM facesnxt.chain_all();
    END IF;
    INSERT INTO facesnxt.expungement_decision (expungement_id, agency_id, approved, office, clause, note, persons)
    VALUES (asked.expungement_id, asked.agency_id, approve, decided_by, clause, note, facesnxt.acting_persons()::regrole[]);
    IF NOT approve THEN
        RETURN NULL;
    END IF;
    INSERT INTO facesnxt.erasure (agency_id, expungement_id, scope, clause, version_id)
    VALUES (asked.agency_id, asked.expungement_id, asked.scope, clause, facesnxt.policy_in_force(asked.agency_id, clock_timestamp()))
    RETURNING erasure_id INTO new_id;
    IF asked.scope = 'probe' THEN
        hashes := facesnxt.probe_hashes(asked.agency_id, asked.target);
        PERFORM facesnxt.erase(new_id, 'probe', facesnxt.probe_searches(asked.agency_id, hashes), hashes, asked.agency_id);
    ELSE
        PERFORM facesnxt.erase(new_id, asked.scope, ARRAY[asked.target], NULL, NULL);
    END IF;
    PERFORM facesnxt.note_files(new_id);
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.decide_expungement(uuid, boolean, text) IS
'Expunges what was proposed, or rejects it; by another person than proposed it, in the office that the policy names. The erasure, which finish_erasure() ends (NX331, NX471 to NX473)';
REVOKE ALL ON FUNCTION facesnxt.decide_expungement(uuid, boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.decide_expungement(uuid, boolean, text) TO facesnxt_member, facesnxt_admin;
