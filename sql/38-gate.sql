-- Asking for an action, and what the writer keeps of it.

CREATE FUNCTION facesnxt.action_apply(request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kept facesnxt.action;
    account facesnxt.account;
    found record;
    answer jsonb := jsonb_build_object();
BEGIN
    kept.action_id := gen_random_uuid();
    kept.kind := request->>'kind';
    kept.search_id := (request->>'search_id')::uuid;
    kept.person_id := (request->>'person_id')::uuid;
    kept.basis := request->>'basis';
    kept.acting_role := request->'identity'->>'acting_role';
    kept.session_role := request->'identity'->>'session_role';
    kept.client_address := (request->'identity'->>'client_address')::inet;
    kept.application := request->'identity'->>'application';
    kept.requested_at := (request->>'requested_at')::timestamptz;
    kept.recorded_at := clock_timestamp();
    kept.findings := '[]';

    account := facesnxt.account_of((request->'identity'->>'acting_oid')::oid, 'any');
    kept.account_id := account.account_id;
    kept.agency_id := account.agency_id;
    kept.version_id := facesnxt.policy_in_force(account.agency_id, clock_timestamp());
    IF (facesnxt.account_of(account.role, 'member')).account_id IS NULL THEN
        kept.sqlstate := 'NX302';
        kept.clause := facesnxt.status_clause(kept.version_id, account.status);
        kept.message := 'action refused: the acting role has no active account';
        kept.detail := format('The account is %s. (%s)', coalesce(account.status, 'none'), kept.clause);
        answer := jsonb_build_object('hint', 'Ask the administrator of your agency.');
    ELSIF NOT EXISTS (SELECT FROM facesnxt.search s WHERE s.search_id = kept.search_id AND s.agency_id = kept.agency_id
                          AND s.status = 'completed') THEN
        kept.sqlstate := 'NX307';
        kept.message := 'action refused: no such search of your agency was completed';
        answer := jsonb_build_object('hint', 'SELECT * FROM facesnxt.my_searches shows the searches of your agency.');
    ELSIF kept.version_id IS NULL THEN
        kept.sqlstate := 'NX310';
        kept.clause := 'NM-II.b';
        kept.message := 'action refused: the agency has no policy in force';
        answer := jsonb_build_object('hint', 'An administrator adopts one: facesnxt.adopt_policy().');
    ELSE
        kept.facts := facesnxt.action_facts(kept.search_id, kept.person_id, kept.kind, kept.account_id, request->'overrides');
        IF NOT (kept.facts->>'candidate')::boolean THEN
            kept.sqlstate := 'NX308';
            kept.message := 'action refused: the person is not a candidate of this search';
            answer := jsonb_build_object('hint', 'SELECT * FROM facesnxt.my_candidates shows its candidates.');
        END IF;
        FOR found IN SELECT * FROM facesnxt.judge_action(kept.version_id, kept.facts) LOOP
            kept.findings := kept.findings || jsonb_build_object('rule', found.rule, 'clause', found.clause,
                'found', found.message, 'reason', found.reason_against);
            IF kept.sqlstate IS NULL AND found.reason_against IS NULL THEN
                kept.sqlstate := found.sqlstate;
                kept.rule := found.rule;
                kept.clause := found.clause;
                kept.message := found.message;
                kept.detail := concat(found.detail, ' (' || found.clause || ')');
                answer := jsonb_build_object('hint', found.hint);
            END IF;
        END LOOP;
    END IF;
    kept.status := CASE WHEN kept.sqlstate IS NULL THEN 'permitted' ELSE 'refused' END;
    INSERT INTO facesnxt.action SELECT kept.*;
    RETURN answer || jsonb_build_object('action_id', kept.action_id, 'code', kept.sqlstate, 'message', kept.message, 'detail', kept.detail);
END
$$;
COMMENT ON FUNCTION facesnxt.action_apply(jsonb) IS 'The writer''s transaction: judges an action on committed rows and records it, permitted or refused';
REVOKE ALL ON FUNCTION facesnxt.action_apply(jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.request_action(
    search_id uuid, person_id uuid, kind text, basis text DEFAULT NULL, overrides jsonb DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF search_id IS NULL OR kind IS NULL OR NOT EXISTS (SELECT FROM facesnxt.action_kind k WHERE k.kind = request_action.kind) THEN
        RAISE EXCEPTION 'there is no action "%"', kind
            USING ERRCODE = 'invalid_parameter_value', HINT = 'facesnxt.action_kind lists them; name the search and the candidate.';
    END IF;
    RETURN (facesnxt.record_it('step', jsonb_build_object('step', 'action', 'search_id', search_id, 'person_id', person_id,
        'kind', kind, 'basis', basis, 'overrides', overrides))->>'action_id')::uuid;
END
$$;
COMMENT ON FUNCTION facesnxt.request_action(uuid, uuid, text, text, jsonb) IS
'Asks whether an action about a candidate may go ahead now: its number when the policy permits it, else an error with the clause; either way it is recorded for good (NX302, NX307, NX308, NX352 to NX361)';
REVOKE ALL ON FUNCTION facesnxt.request_action(uuid, uuid, text, text, jsonb) FROM PUBLIC;
-- whose account is not active comes as far as the gate, which records the attempt
GRANT EXECUTE ON FUNCTION facesnxt.request_action(uuid, uuid, text, text, jsonb) TO facesnxt_requester, facesnxt_investigator, facesnxt_member;

CREATE FUNCTION facesnxt.would_refuse_action(search_id uuid, person_id uuid, kind text, version_id uuid DEFAULT NULL)
RETURNS TABLE (rule text, clause text, sqlstate text, message text, detail text, hint text, reason_against text)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT j.* FROM facesnxt.search_actor($1) a,
        facesnxt.judge_action(coalesce($4, a.version_id), facesnxt.action_facts($1, $2, $3, a.account_id, NULL)) j
$$;
COMMENT ON FUNCTION facesnxt.would_refuse_action(uuid, uuid, text, uuid) IS
'Everything that still stands against an action, under the policy in force or another version; nothing is asked for';
REVOKE ALL ON FUNCTION facesnxt.would_refuse_action(uuid, uuid, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.would_refuse_action(uuid, uuid, text, uuid) TO facesnxt_requester, facesnxt_investigator;
