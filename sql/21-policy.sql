-- Policies as data: rules that the engine knows, versions of an agency's
-- policy, and who put which of them in force.

-- What can be ruled. A rule with a test is asked at the gate of a search; the
-- others are read where they apply. The kinds of values are those of JSON, and
-- texts for an array of texts.
CREATE TABLE facesnxt.rule (
    rule text PRIMARY KEY,
    area text NOT NULL,
    value_kind text NOT NULL CHECK (value_kind IN ('boolean', 'number', 'text', 'texts', 'object')),
    test text,
    sqlstate text CHECK ((sqlstate IS NULL) = (test IS NULL)),
    place int UNIQUE CHECK ((place IS NULL) = (test IS NULL)),
    description text NOT NULL
);
COMMENT ON TABLE facesnxt.rule IS 'Every rule that a policy can lay down';
COMMENT ON COLUMN facesnxt.rule.test IS 'Function of this schema (version uuid, value jsonb, facts jsonb) that says what is wrong, or NULL';
COMMENT ON COLUMN facesnxt.rule.sqlstate IS 'With which a search is refused';
COMMENT ON COLUMN facesnxt.rule.place IS 'Tests are asked in this order; the first one that finds fault names the refusal';
REVOKE ALL ON TABLE facesnxt.rule FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.rule TO facesnxt_auditor, facesnxt_admin, facesnxt_investigator;

CREATE TABLE facesnxt.purpose_field (
    field text PRIMARY KEY,
    value_kind text NOT NULL CHECK (value_kind IN ('text', 'boolean', 'timestamp', 'uuid')),
    description text NOT NULL
);
COMMENT ON TABLE facesnxt.purpose_field IS 'What a purpose can ask for beside the case: keys of the argument "fields" of a search';
REVOKE ALL ON TABLE facesnxt.purpose_field FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.purpose_field TO facesnxt_auditor, facesnxt_admin, facesnxt_investigator;

CREATE TABLE facesnxt.shipped_policy (
    code text PRIMARY KEY,
    document jsonb NOT NULL
);
COMMENT ON TABLE facesnxt.shipped_policy IS 'Policies that come with the extension, each a document that propose_policy() takes';
REVOKE ALL ON TABLE facesnxt.shipped_policy FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.shipped_policy TO facesnxt_auditor, facesnxt_admin;

CREATE TABLE facesnxt.policy_version (
    version_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL REFERENCES facesnxt.agency,
    number int NOT NULL,
    document jsonb NOT NULL,
    note text,
    proposed_by name NOT NULL,
    proposed_session name NOT NULL,
    proposed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    UNIQUE (agency_id, number)
);
COMMENT ON TABLE facesnxt.policy_version IS 'Versions of an agency''s policy as they were proposed; never changed (SP-HDR)';
COMMENT ON COLUMN facesnxt.policy_version.document IS 'Title, number, issue and revision date, distribution, purposes and rules';
COMMENT ON COLUMN facesnxt.policy_version.proposed_session IS 'Role that logged on: who decides must be another one, whatever SET ROLE says';

CREATE TABLE facesnxt.policy_decision (
    version_id uuid PRIMARY KEY REFERENCES facesnxt.policy_version,
    adopted boolean NOT NULL,
    effective_from timestamptz CHECK (adopted = (effective_from IS NOT NULL)),
    note text,
    decided_by name NOT NULL,
    decided_session name NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.policy_decision IS 'Who put a version in force, from when on, or rejected it';

CREATE TABLE facesnxt.policy_purpose (
    version_id uuid NOT NULL REFERENCES facesnxt.policy_version,
    code text NOT NULL CHECK (code <> ''),
    description text NOT NULL,
    class text NOT NULL CHECK (class IN ('criminal_justice', 'administrative', 'assistance', 'safety')),
    clause text NOT NULL,
    fields text[] NOT NULL,
    incident_types text[],
    PRIMARY KEY (version_id, code)
);
COMMENT ON TABLE facesnxt.policy_purpose IS 'What a version allows a search for; a purpose that is not listed is refused (SP-I.A)';
COMMENT ON COLUMN facesnxt.policy_purpose.clause IS 'The clause that allows it, such as NM-VIII.A.1';
COMMENT ON COLUMN facesnxt.policy_purpose.fields IS 'What must be stated besides, of facesnxt.purpose_field';
COMMENT ON COLUMN facesnxt.policy_purpose.incident_types IS 'Incident types of a case that this purpose fits; NULL: any';

CREATE TABLE facesnxt.policy_rule (
    version_id uuid NOT NULL REFERENCES facesnxt.policy_version,
    rule text NOT NULL REFERENCES facesnxt.rule,
    force text NOT NULL CHECK (force IN ('shall', 'should')),
    clause text NOT NULL,
    value jsonb NOT NULL,
    PRIMARY KEY (version_id, rule)
);
COMMENT ON TABLE facesnxt.policy_rule IS 'The rules of a version, each with the clause that it comes from';
COMMENT ON COLUMN facesnxt.policy_rule.force IS 'shall: refused; should: passes with a reason, which is recorded (NM-IV.J)';

SELECT facesnxt.keep_record(kept, 'facesnxt_auditor', 'facesnxt_admin')
FROM pg_catalog.unnest(ARRAY['policy_version', 'policy_decision', 'policy_purpose', 'policy_rule']::name[]) kept;

-- What is asked for in words is not given by spaces, or by characters that
-- show nothing.
CREATE FUNCTION facesnxt.readable(stated text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT btrim($1, E' \t\n\r') WHERE $1 ~ '[^\s\u0001-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0]'
$$;
COMMENT ON FUNCTION facesnxt.readable(text) IS 'A text without the spaces around it; NULL where there is nothing to read';
REVOKE ALL ON FUNCTION facesnxt.readable(text) FROM PUBLIC;

-- ---- which version, and what it says

CREATE FUNCTION facesnxt.policy_in_force(agency_id uuid, at timestamptz) RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT v.version_id
        FROM facesnxt.policy_version v JOIN facesnxt.policy_decision d USING (version_id)
        WHERE v.agency_id = $1 AND d.adopted AND d.effective_from <= $2
        ORDER BY d.effective_from DESC, v.number DESC
        LIMIT 1);
END
$$;
COMMENT ON FUNCTION facesnxt.policy_in_force(uuid, timestamptz) IS 'The version of an agency''s policy that was in force at a time, or NULL';
REVOKE ALL ON FUNCTION facesnxt.policy_in_force(uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.policy_in_force(uuid, timestamptz) TO facesnxt_auditor, facesnxt_admin;

CREATE FUNCTION facesnxt.policy_value(version_id uuid, rule text) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT r.value FROM facesnxt.policy_rule r WHERE r.version_id = $1 AND r.rule = $2);
END
$$;
COMMENT ON FUNCTION facesnxt.policy_value(uuid, text) IS 'What a version says of a rule; NULL where it says nothing';
REVOKE ALL ON FUNCTION facesnxt.policy_value(uuid, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.policy_texts(version_id uuid, rule text) RETURNS text[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ARRAY(SELECT jsonb_array_elements_text(facesnxt.policy_value($1, $2)));
END
$$;
COMMENT ON FUNCTION facesnxt.policy_texts(uuid, text) IS 'The same of a rule whose value is an array of texts; empty where it says nothing';
REVOKE ALL ON FUNCTION facesnxt.policy_texts(uuid, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.policy_clause(version_id uuid, rule text) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT r.clause FROM facesnxt.policy_rule r WHERE r.version_id = $1 AND r.rule = $2);
END
$$;
COMMENT ON FUNCTION facesnxt.policy_clause(uuid, text) IS 'The clause that a rule of a version comes from';
REVOKE ALL ON FUNCTION facesnxt.policy_clause(uuid, text) FROM PUBLIC;

CREATE VIEW facesnxt.policy_matrix WITH (security_barrier, security_invoker) AS
    SELECT a.code AS agency, v.number AS version, k.area, r.rule, r.force, r.clause, r.value
    FROM facesnxt.agency a
    JOIN facesnxt.policy_version v ON v.version_id = facesnxt.policy_in_force(a.agency_id, pg_catalog.now())
    JOIN facesnxt.policy_rule r USING (version_id)
    JOIN facesnxt.rule k USING (rule);
COMMENT ON VIEW facesnxt.policy_matrix IS 'The rules that are in force, agency by agency: where they differ';
REVOKE ALL ON TABLE facesnxt.policy_matrix FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.policy_matrix TO facesnxt_auditor, facesnxt_admin;
