-- How a policy changes: one proposes, another one decides.

CREATE FUNCTION facesnxt.check_value(kind text, value jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE kind
        WHEN 'text' THEN jsonb_typeof(value) = 'string'
        WHEN 'texts' THEN jsonb_typeof(value) = 'array' AND NOT EXISTS (
            SELECT FROM jsonb_array_elements(CASE jsonb_typeof(value) WHEN 'array' THEN value ELSE '[]' END) e
            WHERE jsonb_typeof(e) <> 'string')
        ELSE jsonb_typeof(value) = kind
    END
$$;
COMMENT ON FUNCTION facesnxt.check_value(text, jsonb) IS 'Whether a value is of the kind that a rule takes';
REVOKE ALL ON FUNCTION facesnxt.check_value(text, jsonb) FROM PUBLIC;

-- Whatever is wrong with a document, in words; nothing when it can be proposed.
CREATE FUNCTION facesnxt.policy_faults(document jsonb) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    part jsonb;
    kind text;
    wanted text;
BEGIN
    IF jsonb_typeof(document) IS DISTINCT FROM 'object' OR coalesce(document->>'title', '') = '' THEN
        RETURN NEXT 'it is no object with a title';
        RETURN;
    END IF;
    IF jsonb_typeof(document->'purposes') IS DISTINCT FROM 'array' OR jsonb_typeof(document->'rules') IS DISTINCT FROM 'array' THEN
        RETURN NEXT '"purposes" and "rules" are not both arrays';
        RETURN;
    END IF;
    FOR part IN SELECT jsonb_array_elements(document->'purposes') LOOP
        IF jsonb_typeof(part) <> 'object' OR coalesce(part->>'code', '') = '' OR coalesce(part->>'description', '') = ''
            OR coalesce(part->>'clause', '') = '' THEN
            RETURN NEXT format('a purpose needs code, description and clause: %s', part);
            CONTINUE;
        END IF;
        IF coalesce(part->>'class', '') NOT IN ('criminal_justice', 'administrative', 'assistance', 'safety') THEN
            RETURN NEXT format('class of purpose "%s" is none of criminal_justice, administrative, assistance, safety', part->>'code');
        END IF;
        IF NOT facesnxt.check_value('texts', coalesce(part->'fields', '[]')) OR
            NOT facesnxt.check_value('texts', coalesce(nullif(part->'incident_types', 'null'), '[]')) THEN
            RETURN NEXT format('fields and incident types of purpose "%s" are not arrays of texts', part->>'code');
            CONTINUE;
        END IF;
        FOR wanted IN SELECT jsonb_array_elements_text(coalesce(part->'fields', '[]')) LOOP
            IF NOT EXISTS (SELECT FROM facesnxt.purpose_field f WHERE f.field = wanted) THEN
                RETURN NEXT format('purpose "%s" asks for a field that does not exist: "%s"', part->>'code', wanted);
            END IF;
        END LOOP;
    END LOOP;
    FOR part IN SELECT jsonb_array_elements(document->'rules') LOOP
        SELECT r.value_kind INTO kind FROM facesnxt.rule r WHERE r.rule = part->>'rule';
        IF kind IS NULL THEN
            RETURN NEXT format('there is no such rule: %s', coalesce(part->'rule', part));
        ELSIF coalesce(part->>'clause', '') = '' OR coalesce(part->>'force', 'shall') NOT IN ('shall', 'should') THEN
            RETURN NEXT format('rule "%s" needs a clause, and its force is shall or should', part->>'rule');
        ELSIF NOT coalesce(facesnxt.check_value(kind, part->'value'), false) THEN
            RETURN NEXT format('the value of rule "%s" is no %s', part->>'rule', kind);
        ELSIF facesnxt.rule_value_fault(part->>'rule', part->'value') IS NOT NULL THEN
            RETURN NEXT facesnxt.rule_value_fault(part->>'rule', part->'value');
        END IF;
    END LOOP;
    RETURN QUERY
        SELECT format('purpose "%s" stands twice', p->>'code') FROM jsonb_array_elements(document->'purposes') p
        GROUP BY p->>'code' HAVING count(*) > 1
        UNION ALL
        SELECT format('rule "%s" stands twice', r->>'rule') FROM jsonb_array_elements(document->'rules') r
        GROUP BY r->>'rule' HAVING count(*) > 1;
END
$$;
COMMENT ON FUNCTION facesnxt.policy_faults(jsonb) IS 'What is wrong with a policy document, a row each';
REVOKE ALL ON FUNCTION facesnxt.policy_faults(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.policy_faults(jsonb) TO facesnxt_admin;

CREATE FUNCTION facesnxt.propose_policy(agency text, document jsonb, note text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner CONSTANT uuid := facesnxt.agency_named(agency);
    new_id uuid;
    faults text[] := ARRAY(SELECT facesnxt.policy_faults(document));
BEGIN
    IF owner IS NULL THEN
        RAISE EXCEPTION 'a policy is an agency''s' USING ERRCODE = 'null_value_not_allowed';
    END IF;
    IF cardinality(faults) > 0 THEN
        RAISE EXCEPTION 'the policy document cannot be used'
            USING ERRCODE = 'NX312', DETAIL = array_to_string(faults, '; ') || '.',
                  HINT = 'facesnxt.rule and facesnxt.purpose_field say what there is; facesnxt.shipped_policy has examples.';
    END IF;
    INSERT INTO facesnxt.policy_version (agency_id, number, document, note, proposed_by, proposed_session)
    SELECT owner, 1 + count(v.version_id), propose_policy.document, propose_policy.note, i.acting_role, i.session_role
    FROM facesnxt.session_identity() i
        LEFT JOIN facesnxt.policy_version v ON v.agency_id = owner
    GROUP BY i.acting_role, i.session_role
    RETURNING version_id INTO new_id;
    INSERT INTO facesnxt.policy_purpose (version_id, code, description, class, clause, fields, incident_types)
    SELECT new_id, p->>'code', p->>'description', p->>'class', p->>'clause',
        ARRAY(SELECT jsonb_array_elements_text(coalesce(p->'fields', '[]'))),
        CASE WHEN jsonb_typeof(p->'incident_types') = 'array'
             THEN ARRAY(SELECT jsonb_array_elements_text(p->'incident_types')) END
    FROM jsonb_array_elements(document->'purposes') p;
    INSERT INTO facesnxt.policy_rule (version_id, rule, force, clause, value)
    SELECT new_id, r->>'rule', coalesce(r->>'force', 'shall'), r->>'clause', r->'value'
    FROM jsonb_array_elements(document->'rules') r;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.propose_policy(text, jsonb, text) IS
'Proposes a version of an agency''s policy; decide_policy() by somebody else puts it in force (NX312)';
REVOKE ALL ON FUNCTION facesnxt.propose_policy(text, jsonb, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.propose_policy(text, jsonb, text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.decide_policy(
    version_id uuid, adopt boolean, note text DEFAULT NULL, effective_from timestamptz DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    proposed facesnxt.policy_version;
    who record;
BEGIN
    SELECT v.* INTO proposed FROM facesnxt.policy_version v WHERE v.version_id = decide_policy.version_id FOR UPDATE;
    SELECT i.acting_role, i.session_role INTO who FROM facesnxt.session_identity() i;
    IF proposed.version_id IS NULL OR NOT facesnxt.in_reach(proposed.agency_id) OR adopt IS NULL OR EXISTS (
        SELECT FROM facesnxt.policy_decision d WHERE d.version_id = decide_policy.version_id)
    THEN
        RAISE EXCEPTION 'no such version of a policy is to be decided'
            USING ERRCODE = 'NX313', HINT = 'facesnxt.policy_version and facesnxt.policy_decision show what is.';
    END IF;
    IF adopt AND ARRAY[who.acting_role, who.session_role] && ARRAY[proposed.proposed_by, proposed.proposed_session] THEN
        PERFORM facesnxt.refuse_on_record('policy decision', 'NX311', 'who proposed a policy cannot put it in force',
            format('Version %s was proposed by "%s", logged on as "%s".', proposed.number, proposed.proposed_by, proposed.proposed_session),
            'Another administrator decides.', proposed.agency_id, clause => 'NM-I');
    END IF;
    IF effective_from < clock_timestamp() THEN
        RAISE EXCEPTION 'a policy cannot be in force before it was decided'
            USING ERRCODE = 'NX313', HINT = 'Give a time to come, or none.';
    END IF;
    INSERT INTO facesnxt.policy_decision (version_id, adopted, effective_from, note, decided_by, decided_session)
    VALUES (proposed.version_id, adopt, CASE WHEN adopt THEN coalesce(effective_from, clock_timestamp()) END, note,
            who.acting_role, who.session_role);
END
$$;
COMMENT ON FUNCTION facesnxt.decide_policy(uuid, boolean, text, timestamptz) IS
'Puts a proposed version in force, now or later, or rejects it; whoever proposed it can only reject (NX311)';
REVOKE ALL ON FUNCTION facesnxt.decide_policy(uuid, boolean, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.decide_policy(uuid, boolean, text, timestamptz) TO facesnxt_admin;

CREATE FUNCTION facesnxt.adopt_policy(agency text, shipped text DEFAULT NULL, document jsonb DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.agency_named(agency);
    wanted jsonb := coalesce(document, (SELECT s.document FROM facesnxt.shipped_policy s
                                        WHERE s.code = coalesce(shipped, agency)));
    first_one boolean;
    new_id uuid;
BEGIN
    IF wanted IS NULL THEN
        RAISE EXCEPTION 'no policy "%" comes with the extension', coalesce(shipped, agency)
            USING ERRCODE = 'undefined_object', HINT = 'SELECT code FROM facesnxt.shipped_policy; or give a document.';
    END IF;
    -- a first policy is no change of one; two administrators at once wait for each other here
    PERFORM FROM facesnxt.agency a WHERE a.agency_id = of_agency FOR UPDATE;
    first_one := NOT EXISTS (
        SELECT FROM facesnxt.policy_version v WHERE v.agency_id = of_agency);
    new_id := facesnxt.propose_policy(agency, wanted);
    IF first_one THEN
        INSERT INTO facesnxt.policy_decision (version_id, adopted, effective_from, note, decided_by, decided_session)
        SELECT new_id, true, clock_timestamp(), 'the agency''s first policy', i.acting_role, i.session_role
        FROM facesnxt.session_identity() i;
    ELSE
        RAISE NOTICE 'the agency has a policy: another administrator must decide on this one'
            USING HINT = format('SELECT facesnxt.decide_policy(%L, true);', new_id);
    END IF;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.adopt_policy(text, text, jsonb) IS
'Gives an agency its first policy, one that is shipped (its own code, or another) or a document; a later one is only proposed';
REVOKE ALL ON FUNCTION facesnxt.adopt_policy(text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.adopt_policy(text, text, jsonb) TO facesnxt_admin;
