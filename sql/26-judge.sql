-- Judging a search: facts in, findings out. The same facts can be judged by
-- any version of any policy, which is what would_refuse() and replay_policy()
-- do.

CREATE TYPE facesnxt.finding AS (
    message text,
    detail text,
    hint text
);
COMMENT ON TYPE facesnxt.finding IS 'What a rule''s test finds fault with';

-- ---- the tests of rules; those of accounts are in 23-account.sql

CREATE FUNCTION facesnxt.test_purpose(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: the purpose is not on the agency''s list',
        format('Agency %s does not list %s.', facts->'account'->>'agency',
               coalesce('"' || (facts->>'purpose') || '"', 'a search without purpose')),
        format('Its purposes: %s.', coalesce((SELECT string_agg(p.code, ', ' ORDER BY p.code)
                                              FROM facesnxt.policy_purpose p WHERE p.version_id = $1), 'none'))
    WHERE NOT EXISTS (SELECT FROM facesnxt.policy_purpose p WHERE p.version_id = $1 AND p.code = facts->>'purpose')
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_purpose_class(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: purposes of this class are not allowed',
        format('Purpose "%s" is of class %s.', p.code, p.class),
        format('Allowed: %s.', (SELECT string_agg(c, ', ') FROM jsonb_array_elements_text(value) c))
    FROM facesnxt.policy_purpose p
    WHERE p.version_id = $1 AND p.code = facts->>'purpose' AND NOT value ? p.class
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_case_number(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT f.*
    FROM (VALUES (
        CASE WHEN facts->'case'->>'number' IS NULL THEN 'search refused: no case number' ELSE 'search refused: the case is not known' END,
        CASE WHEN facts->'case'->>'number' IS NULL THEN 'Every search names the case that it is for.'
             ELSE format('Agency %s has no case "%s".', facts->'account'->>'agency', facts->'case'->>'number') END,
        'SELECT * FROM facesnxt.my_cases shows the cases of your agency; a new case counts once it is committed.'))
        AS f (message, detail, hint)
    WHERE facts->'case'->>'status' IS NULL AND (value = '"required"' OR facts->'case'->>'number' IS NOT NULL)
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_incident_type(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: no incident type', 'The log says of what type the incident is.',
        'Name a case, or give "incident_type" in the fields.'
    WHERE value = 'true' AND facesnxt.readable(coalesce(facts->'case'->>'incident_type', facts->'fields'->>'incident_type',
        facts->'search'->'request'->>'incident_type')) IS NULL
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_case_open(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: the case is not open', format('Case "%s" is %s.', facts->'case'->>'number', facts->'case'->>'status'),
        'Search for an open case.'
    WHERE value = 'true' AND facts->'case'->>'status' <> 'open'
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_case_assigned(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: the case is assigned to somebody else',
        format('Case "%s" is not assigned to the account that searches.', facts->'case'->>'number'),
        'Have the case assigned to you.'
    WHERE value = 'true' AND facts->'case'->>'status' IS NOT NULL AND facts->'case'->'assigned' IS DISTINCT FROM 'true'
        AND NOT coalesce(facts->'search'->'request'->'assigned' = 'true' AND facesnxt.policy_value($1, 'request_desk') = 'true', false)
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_case_fits(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: the purpose does not fit the case',
        format('Purpose "%s" is for incidents of type %s, the case is of type %s.', p.code,
               array_to_string(p.incident_types, ', '), facts->'case'->>'incident_type'),
        'Name another purpose or another case.'
    FROM facesnxt.policy_purpose p
    WHERE value = 'true' AND p.version_id = $1 AND p.code = facts->>'purpose'
        AND facts->'case'->>'incident_type' <> ALL (p.incident_types)
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_purpose_fields(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: the purpose asks for more',
        format('Purpose "%s" (%s) lacks: %s.', min(p.code), min(p.clause),
               string_agg(format('%s (%s)', f.field, f.description), ', ' ORDER BY f.field)),
        'Give it in the argument "fields".'
    FROM facesnxt.policy_purpose p
        CROSS JOIN unnest(p.fields) AS wanted (field)
        JOIN facesnxt.purpose_field f USING (field)
    WHERE value = 'true' AND p.version_id = $1 AND p.code = facts->>'purpose'
        AND facesnxt.readable(facts->'fields'->>f.field) IS NULL
    HAVING count(*) > 0
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_reason(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: no reason', 'The report states why the search was made.', 'Give it in the argument "reason".'
    WHERE value = 'true' AND facesnxt.readable(facts->>'reason') IS NULL
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_chief_first(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: the Chief was not notified before',
        format('A search for a threat to public health follows the notice to the Chief or designee; stated: %s.',
               coalesce(facts->'fields'->>'chief_notified_at', 'none')),
        'Give "chief_notified_at", a time before the search, and "chief_notified_by" in the fields.'
    WHERE value = 'true' AND facts->'fields'->>'health_threat' = 'true'
        AND (facts->'fields'->>'chief_notified_at' IS NULL OR facesnxt.readable(facts->'fields'->>'chief_notified_by') IS NULL
             OR (facts->'fields'->>'chief_notified_at')::timestamptz >= (facts->>'requested_at')::timestamptz)
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_consent(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: a photograph without consent is not explained',
        'It is not said why the person could not consent, or for what the photograph is submitted.',
        'Give "why_no_consent" and "submission_purpose" in the fields.'
    WHERE value = 'true' AND facts->'fields'->>'consent' = 'false'
        AND (facesnxt.readable(facts->'fields'->>'why_no_consent') IS NULL
             OR facesnxt.readable(facts->'fields'->>'submission_purpose') IS NULL)
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_capture_basis(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: no legal basis of the photograph',
        format('Nobody is detained only to take a photograph; stated: %s.', coalesce(facts->'fields'->>'capture_basis', 'nothing')),
        'Give "capture_basis" in the fields: on what ground the photograph was taken.'
    WHERE facesnxt.readable(facts->'fields'->>'capture_basis') IS NULL
        OR lower(facesnxt.readable(facts->'fields'->>'capture_basis')) IN (SELECT lower(v) FROM jsonb_array_elements_text(value) v)
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_attestation(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: not attested',
        'No search serves surveillance of people for their religion, politics or another protected activity or class alone.',
        'Give "attested": true in the fields, if that is so.'
    WHERE value = 'true' AND facts->'fields'->>'attested' IS DISTINCT FROM 'true'
    INTO found;
    RETURN found;
END
$$;

-- ---- the judge

CREATE FUNCTION facesnxt.judge(version_id uuid, facts jsonb)
RETURNS TABLE (rule text, clause text, sqlstate text, message text, detail text, hint text, reason_against text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked record;
    found facesnxt.finding;
BEGIN
    FOR asked IN
        SELECT r.rule, r.clause, r.force, r.value, k.sqlstate, k.test
        FROM facesnxt.policy_rule r JOIN facesnxt.rule k USING (rule)
        WHERE r.version_id = judge.version_id AND k.test IS NOT NULL
        ORDER BY k.place
    LOOP
        found := facesnxt.run_test(asked.test, judge.version_id, asked.value, facts);
        IF found.message IS NOT NULL THEN
            message := found.message;
            detail := found.detail;
            hint := found.hint;
            rule := asked.rule;
            clause := asked.clause;
            sqlstate := asked.sqlstate;
            reason_against := facesnxt.left_for_later(version_id, asked.rule, facts);
            IF asked.force = 'should' THEN
                reason_against := coalesce(reason_against, facesnxt.readable(facts->'overrides'->>asked.rule));
                hint := concat(hint, format(' It is a rule that can be set aside for a reason: overrides => {"%s": "..."}.', asked.rule));
            END IF;
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.judge(uuid, jsonb) IS
'What a version of a policy finds fault with, in the order in which it is asked; what is set aside for a reason has that reason (NM-IV.J)';
REVOKE ALL ON FUNCTION facesnxt.judge(uuid, jsonb) FROM PUBLIC;
