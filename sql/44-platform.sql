-- Other face recognition systems: which an agency may use, and every search in
-- them (SP-I.A, NS-32.6.6, NP-VI.C.3).

CREATE TABLE facesnxt.platform (
    platform_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    kind text NOT NULL CHECK (kind IN ('host', 'agency', 'commercial')),
    owner text NOT NULL CHECK (owner <> ''),
    in_use boolean NOT NULL,
    note text,
    recorded_by name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.platform (agency_id, name, recorded_at);
COMMENT ON TABLE facesnxt.platform IS
'Face recognition systems that an agency registers or takes off its register; the latest row of a name counts (NP-VI.C.3, MI-4.3.5)';
COMMENT ON COLUMN facesnxt.platform.kind IS 'host: the network that this database belongs to; agency: another agency''s; commercial: a private owner''s';

CREATE TABLE facesnxt.external_search (
    external_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    status text NOT NULL CHECK (status IN ('registered', 'refused')),
    sqlstate text CHECK ((sqlstate IS NULL) = (status = 'registered')),
    clause text,
    message text,
    detail text,
    agency_id uuid,
    account_id uuid,
    version_id uuid,
    platform text,
    searched_at timestamptz,
    case_number text,
    incident_type text,
    purpose text,
    reason text,
    fields jsonb,
    results text,
    facts jsonb,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.external_search (agency_id, recorded_at);
COMMENT ON TABLE facesnxt.external_search IS
'Searches in other systems, with purpose, reason, investigation and results as for this one; what is refused stays on record, too (NS-32.6.6, SP-I.A)';

SELECT facesnxt.keep_record(kept, 'facesnxt_auditor')
FROM pg_catalog.unnest(ARRAY['platform', 'external_search']::name[]) kept;
GRANT SELECT ON TABLE facesnxt.platform TO facesnxt_admin;

-- What a policy lists is a system's name, or "commercial platform" for the kind.
CREATE FUNCTION facesnxt.platform_allowed(version_id uuid, name text, kind text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT facesnxt.policy_value($1, 'systems') IS NULL OR EXISTS (
        SELECT FROM unnest(facesnxt.policy_texts($1, 'systems')) s
        WHERE lower(s) = lower($2) OR lower(s) = lower($3) || ' platform')
$$;
COMMENT ON FUNCTION facesnxt.platform_allowed(uuid, text, text) IS 'Whether a policy lets an agency use a system of this name or kind';
REVOKE ALL ON FUNCTION facesnxt.platform_allowed(uuid, text, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.register_platform(
    agency text, name text, kind text, owner text, in_use boolean DEFAULT true, note text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    agency_id CONSTANT uuid := facesnxt.agency_named(agency);
    version_id CONSTANT uuid := facesnxt.policy_in_force(agency_id, clock_timestamp());
    new_id uuid;
BEGIN
    IF in_use AND (version_id IS NULL OR NOT facesnxt.platform_allowed(version_id, name, kind)) THEN
        PERFORM facesnxt.refuse_on_record('platform', 'NX392', 'platform refused: the policy does not let the agency use it',
            format('It allows: %s (%s).',
                coalesce(nullif(array_to_string(facesnxt.policy_texts(version_id, 'systems'), ', '), ''), 'nothing, as none is in force'),
                coalesce(facesnxt.policy_clause(version_id, 'systems'), 'SP-I.A')),
            'Propose a policy that lists it.', agency_id, 'systems', 'SP-I.A');
    END IF;
    INSERT INTO facesnxt.platform (agency_id, name, kind, owner, in_use, note, recorded_by, session_role)
    SELECT agency_id, register_platform.name, register_platform.kind, register_platform.owner, register_platform.in_use,
        register_platform.note, i.acting_role, i.session_role
    FROM facesnxt.session_identity() i
    RETURNING platform_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.register_platform(text, text, text, text, boolean, text) IS
'Registers a face recognition system that an agency may use, or takes it off with in_use => false (NX392)';
REVOKE ALL ON FUNCTION facesnxt.register_platform(text, text, text, text, boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.register_platform(text, text, text, text, boolean, text) TO facesnxt_admin;

-- The rules on account, purpose and case hold for every system; those on how a
-- search is made are the other system's.
CREATE FUNCTION facesnxt.apply_external(request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who CONSTANT facesnxt.account := facesnxt.account_of((request->'identity'->>'acting_oid')::oid, 'active');
    version_id CONSTANT uuid := facesnxt.policy_in_force(who.agency_id, clock_timestamp());
    fault CONSTANT text := facesnxt.field_fault(nullif(request->'fields', 'null'));
    registered facesnxt.platform;
    facts jsonb;
    found record;
    refused jsonb;
    new_id uuid;
BEGIN
    IF who.account_id IS NULL THEN
        refused := facesnxt.no_account() || '{"clause": "SP-IV.A.1"}';
    ELSIF version_id IS NULL THEN
        refused := facesnxt.refusal('NX310', 'refused: the agency has no policy in force', 'What no policy allows is not allowed.',
            'An administrator adopts one: facesnxt.adopt_policy().') || '{"clause": "NM-II.b"}';
    ELSIF fault IS NOT NULL THEN
        refused := facesnxt.refusal('NX317', 'refused: its fields cannot be read', fault, 'facesnxt.purpose_field says which there are.')
            || jsonb_build_object('clause', coalesce(facesnxt.policy_clause(version_id, 'purpose_listed'), 'NM-VI.C'));
    ELSE
        SELECT p.* INTO registered FROM facesnxt.platform p
        WHERE p.agency_id = who.agency_id AND lower(p.name) = lower(request->>'platform') ORDER BY p.recorded_at DESC LIMIT 1;
        IF registered.in_use IS NOT TRUE OR NOT facesnxt.platform_allowed(version_id, registered.name, registered.kind) THEN
            refused := facesnxt.refusal('NX392', 'search in another system refused: the system is not registered',
                format('"%s" is not on the register of your agency, or not any longer.', request->>'platform'),
                'An administrator registers it: facesnxt.register_platform().') || jsonb_build_object('clause',
                coalesce(facesnxt.policy_clause(version_id, 'systems'), facesnxt.policy_clause(version_id, 'other_systems_registered'), 'SP-I.A'));
        END IF;
        facts := facesnxt.search_facts(who, request);
        IF refused IS NULL THEN
            FOR found IN SELECT j.* FROM facesnxt.judge(version_id, facts) j JOIN facesnxt.rule k USING (rule)
                         WHERE k.area IN ('account', 'purpose', 'case') AND j.reason_against IS NULL AND k.rule <> 'mou' LIMIT 1 LOOP
                refused := facesnxt.refusal(found.sqlstate, found.message, found.detail, found.hint)
                    || jsonb_build_object('clause', found.clause);
            END LOOP;
        END IF;
    END IF;
    refused := refused || jsonb_build_object('detail', format('%s (%s)', refused->>'detail', refused->>'clause'));
    INSERT INTO facesnxt.external_search (status, sqlstate, clause, message, detail, agency_id, account_id, version_id, platform,
        searched_at, case_number, incident_type, purpose, reason, fields, results, facts, acting_role, session_role)
    VALUES (CASE WHEN refused IS NULL THEN 'registered' ELSE 'refused' END, refused->>'code', refused->>'clause', refused->>'message',
        refused->>'detail', who.agency_id, who.account_id, version_id, request->>'platform', (request->>'searched_at')::timestamptz,
        request->>'case_number', coalesce(facts->'case'->>'incident_type', facts->'fields'->>'incident_type'), request->>'purpose',
        request->>'reason', nullif(request->'fields', 'null'), request->>'results', facts,
        request->'identity'->>'acting_role', request->'identity'->>'session_role')
    RETURNING external_id INTO new_id;
    RETURN coalesce(refused, '{}') || jsonb_build_object('id', new_id);
END
$$;
COMMENT ON FUNCTION facesnxt.apply_external(jsonb) IS 'The writer''s part of record_external_search()';
REVOKE ALL ON FUNCTION facesnxt.apply_external(jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.record_external_search(
    platform text, searched_at timestamptz, case_number text, purpose text, reason text, results text,
    fields jsonb DEFAULT NULL, overrides jsonb DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF facesnxt.readable(platform) IS NULL OR searched_at IS NULL OR searched_at > clock_timestamp() OR NOT isfinite(searched_at) OR facesnxt.readable(results) IS NULL THEN
        PERFORM facesnxt.refuse_on_record('search in another system', 'NX392',
            'search in another system refused: system, time or results are missing',
            'Every use of any system is documented, with its results (NS-32.6.6, NS-32.6.6.4).',
            'Give the system, when it was searched and what came of it.', clause => 'NS-32.6.6');
    END IF;
    RETURN (facesnxt.record_it('external search', jsonb_build_object('platform', platform, 'searched_at', searched_at,
        'case_number', case_number, 'purpose', purpose, 'reason', reason, 'results', results, 'fields', fields, 'overrides', overrides,
        'mode', 'external', 'repositories', '[]'::jsonb))->>'id')::uuid;
END
$$;
COMMENT ON FUNCTION facesnxt.record_external_search(text, timestamptz, text, text, text, text, jsonb, jsonb) IS
'Documents a search in another system by the acting role; refused, and recorded as such, unless the system is registered and purpose and case are what the policy asks for (NX392)';
REVOKE ALL ON FUNCTION facesnxt.record_external_search(text, timestamptz, text, text, text, text, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.record_external_search(text, timestamptz, text, text, text, text, jsonb, jsonb) TO facesnxt_investigator;

CREATE VIEW facesnxt.my_external_searches WITH (security_barrier) AS
    SELECT e.external_id, e.status, e.sqlstate, e.clause, e.message, e.platform, e.searched_at, e.case_number, e.incident_type, e.purpose,
        e.reason, e.results, e.acting_role, e.recorded_at
    FROM facesnxt.external_search e
    WHERE e.agency_id = (SELECT facesnxt.my_agency());
COMMENT ON VIEW facesnxt.my_external_searches IS 'Searches of the acting role''s agency in other systems';
REVOKE ALL ON TABLE facesnxt.my_external_searches FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_external_searches TO facesnxt_investigator;
