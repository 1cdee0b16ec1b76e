-- Exigent searches: made before their papers, which follow within the hours
-- that the policy gives.

CREATE TABLE facesnxt.exigent_papers (
    search_id uuid PRIMARY KEY REFERENCES facesnxt.search,
    case_number text,
    incident_type text,
    reason text,
    fields jsonb NOT NULL,
    account_id uuid NOT NULL,
    completed_by name NOT NULL,
    session_role name NOT NULL,
    completed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.exigent_papers IS 'What an exigent search left out, as it was stated afterwards: when and by whom (NP-VI.A.2, NS-32.6.2.3)';
SELECT facesnxt.keep_record('exigent_papers', 'facesnxt_auditor');

CREATE INDEX search_exigent ON facesnxt.search (account_id, recorded_at) WHERE fields->>'exigent' = 'true';

-- Only what the policy in force let go before its papers is exigent.
CREATE VIEW facesnxt.exigent WITH (security_barrier) AS
    SELECT s.search_id, s.agency_id, s.agency, s.account_id, s.acting_role, s.purpose, s.fields->>'threat' AS threat, s.recorded_at,
        d.due_at, p.completed_at, p.completed_by,
        CASE WHEN p.completed_at <= d.due_at THEN 'completed' WHEN p.completed_at IS NOT NULL THEN 'completed late'
            WHEN d.due_at < pg_catalog.clock_timestamp() THEN 'overdue' ELSE 'open' END AS state
    FROM facesnxt.search s
        JOIN facesnxt.policy_rule r ON r.version_id = s.version_id AND r.rule = 'exigent'
        CROSS JOIN LATERAL (SELECT s.recorded_at + (r.value->>'hours')::float8 * interval '1 hour' AS due_at) d
        LEFT JOIN facesnxt.exigent_papers p ON p.search_id = s.search_id
    WHERE s.status = 'completed' AND s.fields->>'exigent' = 'true';
COMMENT ON VIEW facesnxt.exigent IS 'Exigent searches of all agencies; read through facesnxt.exigent_search and my_exigent';
REVOKE ALL ON TABLE facesnxt.exigent FROM PUBLIC;

CREATE VIEW facesnxt.exigent_search WITH (security_barrier) AS
    SELECT e.* FROM facesnxt.exigent e
    WHERE (SELECT facesnxt.bound_to()) IS NULL OR e.agency_id = (SELECT facesnxt.bound_to());
COMMENT ON VIEW facesnxt.exigent_search IS 'Exigent searches, until when their papers are due, and whether they are: open, overdue, completed, completed late';
REVOKE ALL ON TABLE facesnxt.exigent_search FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.exigent_search TO facesnxt_auditor;

CREATE VIEW facesnxt.my_exigent WITH (security_barrier) AS
    SELECT e.search_id, e.acting_role, e.purpose, e.threat, e.recorded_at, e.due_at, e.completed_at, e.completed_by, e.state
    FROM facesnxt.exigent e
    WHERE e.agency_id = (SELECT facesnxt.my_agency());
COMMENT ON VIEW facesnxt.my_exigent IS 'Exigent searches of the acting role''s agency';
REVOKE ALL ON TABLE facesnxt.my_exigent FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_exigent TO facesnxt_investigator;

CREATE FUNCTION facesnxt.exigent_overdue(account_id uuid) RETURNS int
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- as nearly always; the index of those that were is small
    IF NOT EXISTS (SELECT FROM facesnxt.search s WHERE s.account_id = $1 AND s.fields->>'exigent' = 'true') THEN
        RETURN 0;
    END IF;
    RETURN (SELECT count(*)::int FROM facesnxt.exigent e WHERE e.account_id = $1 AND e.state = 'overdue');
END
$$;
COMMENT ON FUNCTION facesnxt.exigent_overdue(uuid) IS 'How many exigent searches of an account lack papers that are due';
REVOKE ALL ON FUNCTION facesnxt.exigent_overdue(uuid) FROM PUBLIC;

-- The papers are judged by the version under which the search was made, with
-- the facts that were kept of it and the case as it is now.
CREATE FUNCTION facesnxt.complete_papers(
    search_id uuid, case_number text DEFAULT NULL, reason text DEFAULT NULL, fields jsonb DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who record;
    made facesnxt.search;
    searcher facesnxt.account;
    facts jsonb;
    fault text := facesnxt.field_fault(fields);
    missing record;
BEGIN
    PERFORM facesnxt.check_snapshot();
    SELECT i.acting_role, i.session_role, a.account_id, a.agency_id INTO who
    FROM facesnxt.session_identity() i CROSS JOIN LATERAL facesnxt.account_of(i.acting_oid, 'active') a;
    SELECT s.* INTO made FROM facesnxt.search s JOIN facesnxt.exigent e USING (search_id)
    WHERE s.search_id = complete_papers.search_id AND s.agency_id = who.agency_id;
    IF made.search_id IS NULL OR EXISTS (SELECT FROM facesnxt.exigent_papers p WHERE p.search_id = made.search_id) THEN
        PERFORM facesnxt.refuse_on_record('papers', 'NX391', 'papers refused: no such exigent search of your agency waits for them', NULL,
            'SELECT * FROM facesnxt.my_exigent shows which do.', who.agency_id, 'exigent', 'SP-IV.A.1', search_id => search_id);
    END IF;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'papers refused: their fields cannot be read'
            USING ERRCODE = 'NX391', DETAIL = fault, HINT = 'facesnxt.purpose_field says which there are.';
    END IF;
    SELECT a.* INTO searcher FROM facesnxt.account a WHERE a.account_id = made.account_id;
    facts := made.facts || jsonb_build_object(
        'fields', (made.facts->'fields' || coalesce(complete_papers.fields, '{}')) - 'exigent',
        'reason', coalesce(complete_papers.reason, made.reason),
        'case', facesnxt.case_facts(searcher, coalesce(nullif(btrim(complete_papers.case_number), ''), made.case_number)));
    SELECT j.* INTO missing FROM facesnxt.judge(made.version_id, facts) j
        JOIN facesnxt.rule k USING (rule)
    -- what is stated only now can break another rule on the purpose
    WHERE j.reason_against IS NULL AND (k.area = 'purpose' OR facesnxt.policy_value(made.version_id, 'exigent')->'papers' ? j.rule) LIMIT 1;
    IF missing.rule IS NOT NULL THEN
        PERFORM facesnxt.refuse_on_record('papers', 'NX391', 'papers refused: they are not complete',
            format('%s: %s (%s)', missing.message, missing.detail, missing.clause), missing.hint, made.agency_id, missing.rule,
            missing.clause, search_id => search_id);
    END IF;
    INSERT INTO facesnxt.exigent_papers (search_id, case_number, incident_type, reason, fields, account_id, completed_by, session_role)
    VALUES (made.search_id, facts->'case'->>'number',
            coalesce(facts->'case'->>'incident_type', facts->'fields'->>'incident_type'), facts->>'reason', facts->'fields',
            who.account_id, who.acting_role, who.session_role);
END
$$;
COMMENT ON FUNCTION facesnxt.complete_papers(uuid, text, text, jsonb) IS
'States what an exigent search of one''s own agency left out; refused while something is missing (NX391)';
REVOKE ALL ON FUNCTION facesnxt.complete_papers(uuid, text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.complete_papers(uuid, text, text, jsonb) TO facesnxt_investigator;

CREATE FUNCTION facesnxt.somebody_identified(search_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT coalesce((
            SELECT said.identified
            FROM (SELECT i.recorded_at, true AS identified FROM facesnxt.identification i WHERE i.search_id = $1
                  UNION ALL SELECT n.recorded_at, n.identified FROM facesnxt.outcome_notice n WHERE n.search_id = $1
                  UNION ALL SELECT o.recorded_at, o.determination = 'lead confirmed' FROM facesnxt.outcome o WHERE o.search_id = $1) said
            ORDER BY said.recorded_at DESC LIMIT 1), false));
END
$$;
COMMENT ON FUNCTION facesnxt.somebody_identified(uuid) IS
'Whether what was recorded last of a search is that somebody was identified: a determination, a notice to the desk or an outcome';
REVOKE ALL ON FUNCTION facesnxt.somebody_identified(uuid) FROM PUBLIC;
