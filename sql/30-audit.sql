-- The audit writer: a record in a transaction of its own.

CREATE FUNCTION facesnxt.audit_write(kind text, request jsonb, attachment bytea) RETURNS jsonb
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'facesnxt_audit_write';
COMMENT ON FUNCTION facesnxt.audit_write(text, jsonb, bytea) IS
'Runs audit_apply() in a background worker and returns its result once that is committed and flushed, whatever becomes of the caller''s transaction (NX401 to NX404)';
REVOKE ALL ON FUNCTION facesnxt.audit_write(text, jsonb, bytea) FROM PUBLIC;

-- Writes an attempt. Everything that the record says is copied into it, so
-- that it stands without the rows it came from. The caller has judged.
CREATE FUNCTION facesnxt.audit_attempt(request jsonb, verdict facesnxt.verdict, probe bytea) RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_id uuid;
    probe_hash bytea := coalesce(sha256(probe), decode(request->>'probe_sha256', 'hex'));
    completed boolean := verdict.code IS NULL;
BEGIN
    IF probe IS NOT NULL AND verdict.agency_id IS NOT NULL THEN
        INSERT INTO facesnxt.probe (agency_id, sha256, image) VALUES (verdict.agency_id, probe_hash, probe)
        ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO facesnxt.search (
        status, sqlstate, clause, rule, message, detail,
        agency_id, agency, account_id, version_id, case_id, case_number, incident_type, purpose, reason,
        fields, facts, set_aside,
        probe_sha256, probe_kept, model, requested_at, repositories, candidate_limit, threshold,
        references_compared, references_other_model, candidates, exact, scan,
        session_role, session_oid, acting_role, acting_oid, authenticated_as, authentication,
        backend_pid, backend_start, client_address, application)
    VALUES (
        CASE WHEN completed THEN 'completed' ELSE 'refused' END,
        verdict.code, verdict.clause, verdict.rule, verdict.message, verdict.detail,
        verdict.agency_id, verdict.agency, verdict.account_id, verdict.version_id, verdict.case_id, request->>'case_number',
        coalesce(verdict.incident_type, request->'fields'->>'incident_type', verdict.facts->'search'->'request'->>'incident_type'), request->>'purpose', request->>'reason',
        nullif(request->'fields', 'null'), verdict.facts, verdict.set_aside,
        probe_hash, probe IS NOT NULL AND verdict.agency_id IS NOT NULL,
        request->>'model', (request->>'requested_at')::timestamptz,
        ARRAY(SELECT jsonb_array_elements_text(nullif(request->'repositories', 'null'))),
        (request->>'candidate_limit')::int, (request->>'threshold')::real,
        CASE WHEN completed THEN (request->>'references_compared')::bigint END,
        CASE WHEN completed THEN (request->>'references_other_model')::bigint END,
        CASE WHEN completed THEN jsonb_array_length(request->'list') ELSE 0 END,
        CASE WHEN completed THEN coalesce((request->'scan'->>'every_code')::boolean, true) END,
        nullif(request->'scan', 'null'),
        request->'identity'->>'session_role', (request->'identity'->>'session_oid')::oid,
        request->'identity'->>'acting_role', (request->'identity'->>'acting_oid')::oid,
        request->'identity'->>'authenticated_as', request->'identity'->>'authentication',
        (request->'identity'->>'backend_pid')::int, (request->'identity'->>'backend_start')::timestamptz,
        (request->'identity'->>'client_address')::inet, request->'identity'->>'application')
    RETURNING search_id INTO new_id;

    IF request->>'template' IS NOT NULL THEN
        INSERT INTO facesnxt.probe_template (search_id, model, extraction, template)
        VALUES (new_id, request->>'model', nullif(request->'extraction', 'null'),
                facesnxt.with_model((request->>'template')::facesnxt.embedding, request->>'model'));
    END IF;
    IF completed THEN
        INSERT INTO facesnxt.candidate (search_id, rank, person_id, reference_id, repository, score, model)
        SELECT new_id, c.rank, c.person_id, c.reference_id, c.repository, c.score, request->>'model'
        FROM jsonb_to_recordset(request->'list')
            AS c (rank int, person_id uuid, reference_id uuid, repository text, score real);
    END IF;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.audit_attempt(jsonb, facesnxt.verdict, bytea) IS
'Inserts one attempt: probe, search, template and, when it was not refused, the whole candidate list';
REVOKE ALL ON FUNCTION facesnxt.audit_attempt(jsonb, facesnxt.verdict, bytea) FROM PUBLIC;

CREATE FUNCTION facesnxt.audit_apply(kind text, request jsonb, attachment bytea) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    verdict facesnxt.verdict;
    new_id uuid;
BEGIN
    CASE kind
        WHEN 'open_search', 'close_search', 'raw_statement', 'raw_rows' THEN RETURN facesnxt.apply_ticket(kind, request);
        WHEN 'probe' THEN RETURN facesnxt.apply_probe(request, attachment);
        WHEN 'derivation' THEN RETURN facesnxt.apply_derivation(request, attachment);
        WHEN 'consent' THEN RETURN facesnxt.apply_consent(request);
        WHEN 'request' THEN RETURN facesnxt.apply_request(request);
        WHEN 'view' THEN RETURN facesnxt.apply_view(request);
        WHEN 'log access' THEN RETURN facesnxt.apply_log_access(request);
        WHEN 'verification' THEN RETURN facesnxt.apply_verification(request, attachment);
        WHEN 'replay' THEN RETURN facesnxt.apply_replay(request);
        WHEN 'external search' THEN RETURN facesnxt.apply_external(request);
        WHEN 'chain' THEN RETURN facesnxt.apply_chain(request);
        ELSE NULL;
    END CASE;
    -- Only committed rows are visible here: an account, case or purpose that
    -- exists in the caller's open transaction alone does not count, and a
    -- revocation that was committed meanwhile does. There is one writer, which
    -- sees what it has recorded before: searches at the same instant do not
    -- outrun a pace or a sequence.
    verdict := facesnxt.gate_again(request);
    CASE kind
        WHEN 'search' THEN
            NULL;
        WHEN 'refusal' THEN
            -- what the session was refused for is what the record says
            verdict.code := request->'refusal'->>'code';
            verdict.clause := request->'refusal'->>'clause';
            verdict.rule := request->'refusal'->>'rule';
            verdict.message := request->'refusal'->>'message';
            verdict.detail := request->'refusal'->>'detail';
            verdict.hint := request->'refusal'->>'hint';
            IF verdict.code IS NULL THEN
                RAISE EXCEPTION 'a refusal has no code' USING ERRCODE = 'null_value_not_allowed';
            END IF;
        WHEN 'step' THEN
            RETURN facesnxt.step_apply(request);
        ELSE
            RAISE EXCEPTION 'audit record of unknown kind "%"', kind USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    new_id := facesnxt.audit_attempt(request, verdict, attachment);
    PERFORM facesnxt.note_search(verdict.agency_id, verdict.account_id, request->'probe'->>'kind', request->'probe'->>'sha256');
    IF verdict.code IS NULL THEN
        PERFORM facesnxt.deliver(new_id, verdict, jsonb_array_length(request->'list'));
    END IF;
    RETURN jsonb_build_object('search_id', new_id, 'code', verdict.code, 'message', verdict.message,
                              'detail', verdict.detail, 'hint', verdict.hint);
END
$$;
COMMENT ON FUNCTION facesnxt.audit_apply(text, jsonb, bytea) IS
'The writer''s transaction: judges on committed rows, inserts the record, says what was recorded';
REVOKE ALL ON FUNCTION facesnxt.audit_apply(text, jsonb, bytea) FROM PUBLIC;
