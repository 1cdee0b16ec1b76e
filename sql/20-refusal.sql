-- Refused steps: what an authorisation or a clause of a policy stood against,
-- kept whatever becomes of the transaction that tried it. Searches,
-- verifications, raw statements, views and actions have records of their own.

-- It has no foreign key: the writer must not wait for what the caller locks,
-- and what was named may not exist.
CREATE TABLE facesnxt.refused_step (
    refusal_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    step text NOT NULL,
    agency_id uuid,
    account_id uuid,
    about text,
    search_id uuid,
    person_id uuid,
    sqlstate text NOT NULL,
    rule text,
    clause text,
    message text NOT NULL,
    detail text,
    version_id uuid,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    client_address inet,
    application text,
    requested_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.refused_step (agency_id, recorded_at);
CREATE INDEX ON facesnxt.refused_step (search_id);
COMMENT ON TABLE facesnxt.refused_step IS
'Steps that were refused: who took them, when, what, and by which clause; committed whatever became of the caller''s transaction (NM-V.E.4, NM-II.c)';
COMMENT ON COLUMN facesnxt.refused_step.agency_id IS 'Of the account that acted, else the agency that was named';
COMMENT ON COLUMN facesnxt.refused_step.about IS 'The role that the step was about';
COMMENT ON COLUMN facesnxt.refused_step.search_id IS 'As it was named: it may be another agency''s, or none';
COMMENT ON COLUMN facesnxt.refused_step.clause IS 'Of the policy then in force; NULL where no policy decided';
SELECT facesnxt.keep_record('refused_step', 'facesnxt_auditor');

-- The writer's part, and what its own functions call to refuse.
CREATE FUNCTION facesnxt.record_refusal(step text, request jsonb, refusal jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who CONSTANT jsonb := request->'identity';
    account CONSTANT facesnxt.account := facesnxt.account_of((who->>'acting_oid')::oid, 'any');
    named CONSTANT uuid := (request->>'agency_id')::uuid;
    version CONSTANT uuid := facesnxt.policy_in_force(named, clock_timestamp());
BEGIN
    INSERT INTO facesnxt.refused_step (step, agency_id, account_id, about, search_id, person_id, sqlstate, rule, clause, message,
        detail, version_id, acting_role, session_role, client_address, application, requested_at)
    VALUES (step, coalesce(account.agency_id, named), account.account_id, request->>'about', (request->>'search_id')::uuid,
        (request->>'person_id')::uuid, refusal->>'code', refusal->>'rule',
        coalesce(refusal->>'clause', facesnxt.policy_clause(version, refusal->>'rule')), refusal->>'message', refusal->>'detail',
        coalesce(version, facesnxt.policy_in_force(account.agency_id, clock_timestamp())), who->>'acting_role', who->>'session_role',
        (who->>'client_address')::inet, who->>'application', (request->>'requested_at')::timestamptz);
    RETURN refusal;
END
$$;
COMMENT ON FUNCTION facesnxt.record_refusal(text, jsonb, jsonb) IS 'Keeps that a step was refused, in the writer''s transaction; returns the refusal';
REVOKE ALL ON FUNCTION facesnxt.record_refusal(text, jsonb, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.refuse_on_record(
    step text, code text, message text, detail text, hint text, agency_id uuid DEFAULT NULL, rule text DEFAULT NULL,
    clause text DEFAULT NULL, about regrole DEFAULT NULL, search_id uuid DEFAULT NULL, person_id uuid DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM facesnxt.audit_write('step', facesnxt.attempt() || jsonb_build_object(
        'step', step, 'agency_id', agency_id, 'about', about, 'search_id', search_id, 'person_id', person_id,
        'refusal', jsonb_build_object('code', code, 'rule', rule, 'message', message, 'detail', detail, 'clause', coalesce(
            facesnxt.policy_clause(facesnxt.policy_in_force(refuse_on_record.agency_id, clock_timestamp()), rule), clause))), NULL);
    PERFORM facesnxt.raise(code, message, detail, hint);
END
$$;
COMMENT ON FUNCTION facesnxt.refuse_on_record(text, text, text, text, text, uuid, text, text, regrole, uuid, uuid) IS
'Has the writer commit that a step was refused, then raises that; the clause is that of the rule in force, else the one given. Does not return';
REVOKE ALL ON FUNCTION facesnxt.refuse_on_record(text, text, text, text, text, uuid, text, text, regrole, uuid, uuid) FROM PUBLIC;
