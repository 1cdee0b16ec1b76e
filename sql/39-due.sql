-- What is still owed after a search, the log of searches, and who sees what.

-- Tables of this area: append-only, dumped, read whole by auditors and by
-- investigators through a view of their own agency, which is blind to whom a
-- review makes blind.
DO $$
DECLARE
    kept name;
    mine name;
BEGIN
    FOREACH kept IN ARRAY ARRAY['case_link', 'comparison', 'match_decision', 'review', 'corroboration',
        'identification', 'confirmation', 'quality_notice', 'action', 'report', 'outcome_notice', 'comparison_finding', 'withdrawal']::name[]
    LOOP
        PERFORM facesnxt.keep_record(kept, 'facesnxt_auditor');
    END LOOP;
    FOREACH kept IN ARRAY ARRAY['comparison', 'match_decision', 'corroboration', 'identification', 'confirmation',
        'quality_notice', 'action', 'report', 'delivery', 'outcome_notice', 'refused_step', 'case_link', 'withdrawal']::name[]
    LOOP
        mine := 'my_' || pg_catalog.regexp_replace(kept, 'y$', 'ie') || 's';
        EXECUTE pg_catalog.format('CREATE VIEW facesnxt.%1$I WITH (security_barrier) AS '
            'SELECT t.* FROM facesnxt.%2$I t JOIN facesnxt.search s ON s.search_id = t.search_id '
            'WHERE s.agency_id = (SELECT facesnxt.my_agency()) '
            'AND s.search_id <> ALL ((SELECT facesnxt.blind_searches())::uuid[])'
            -- anybody may ask for an action about a search, and be refused
            || CASE kept WHEN 'action' THEN ' AND t.agency_id = s.agency_id' ELSE '' END, mine, kept);
        EXECUTE pg_catalog.format('COMMENT ON VIEW facesnxt.%I IS %L', mine,
            'facesnxt.' || kept || ', as far as searches of the acting role''s agency go');
        EXECUTE pg_catalog.format('REVOKE ALL ON TABLE facesnxt.%I FROM PUBLIC', mine);
        EXECUTE pg_catalog.format('GRANT SELECT ON TABLE facesnxt.%I TO facesnxt_investigator', mine);
    END LOOP;
    FOREACH kept IN ARRAY ARRAY['comparison_feature', 'action_kind']::name[] LOOP
        PERFORM pg_catalog.pg_extension_config_dump(pg_catalog.format('facesnxt.%I', kept)::regclass, 'WHERE false');
        EXECUTE pg_catalog.format('REVOKE ALL ON TABLE facesnxt.%I FROM PUBLIC', kept);
        EXECUTE pg_catalog.format('GRANT SELECT ON TABLE facesnxt.%I TO facesnxt_investigator, facesnxt_auditor, facesnxt_admin', kept);
    END LOOP;
END
$$;

-- An auditor or administrator with an account is bound to its agency.
CREATE FUNCTION facesnxt.bound_to() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.agency_id FROM facesnxt.session_identity() i JOIN facesnxt.account a ON a.role IN (i.acting_oid, i.session_oid)
    ORDER BY a.role = i.acting_oid DESC LIMIT 1
$$;
COMMENT ON FUNCTION facesnxt.bound_to() IS 'The agency of whoever acts, by an account of whatever status; NULL: the host''s';
REVOKE ALL ON FUNCTION facesnxt.bound_to() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.bound_to() TO facesnxt_auditor, facesnxt_investigator;

-- ---- the log that the desk keeps (MI-4.5.3.3.a)

CREATE VIEW facesnxt.search_log WITH (security_barrier) AS
    SELECT s.search_id, s.agency_id, s.agency, s.requested_at, s.acting_role AS searched_by, s.case_number AS incident_number,
        s.incident_type, s.purpose, s.candidates > 0 AS yielded_results,
        (SELECT d.matched FROM facesnxt.match_decision d WHERE d.search_id = s.search_id ORDER BY d.recorded_at DESC LIMIT 1) AS possible_match,
        (SELECT n.identified FROM facesnxt.outcome_notice n WHERE n.search_id = s.search_id ORDER BY n.recorded_at DESC LIMIT 1)
            AS ultimately_identified,
        EXISTS (SELECT FROM facesnxt.identification i WHERE i.search_id = s.search_id) AS identification_recorded
    FROM facesnxt.search s
    WHERE s.status = 'completed'
        AND ((SELECT facesnxt.bound_to()) IS NULL OR s.agency_id = (SELECT facesnxt.bound_to()));
COMMENT ON VIEW facesnxt.search_log IS
'Every completed search: when, incident number and type, whether it yielded results, and whether there was ultimately a positive identification; NULL: not told yet (MI-4.5.3.3.a)';
REVOKE ALL ON TABLE facesnxt.search_log FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.search_log TO facesnxt_auditor;

CREATE VIEW facesnxt.my_search_log WITH (security_barrier) AS
    SELECT l.search_id, l.requested_at, l.searched_by, l.incident_number, l.incident_type, l.purpose, l.yielded_results,
        l.possible_match, l.ultimately_identified, l.identification_recorded
    FROM facesnxt.search_log l
    WHERE l.agency_id = (SELECT facesnxt.my_agency()) AND l.search_id <> ALL ((SELECT facesnxt.blind_searches())::uuid[]);
COMMENT ON VIEW facesnxt.my_search_log IS 'facesnxt.search_log of the acting role''s agency';
REVOKE ALL ON TABLE facesnxt.my_search_log FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_search_log TO facesnxt_investigator;

-- ---- what is owed: by the version that was in force at the search

CREATE VIEW facesnxt.owed WITH (security_barrier) AS
    SELECT s.search_id, s.agency_id, s.agency, s.account_id, s.acting_role, s.recorded_at, w.what, w.rule,
        facesnxt.policy_clause(s.version_id, w.rule) AS clause,
        s.recorded_at + pg_catalog.make_interval(days => w.days) AS due_at,
        coalesce(s.recorded_at + pg_catalog.make_interval(days => w.days) <= pg_catalog.clock_timestamp(), false) AS overdue
    FROM facesnxt.search s
        CROSS JOIN LATERAL (VALUES
            ('evaluation', 'evaluator', NULL::int,
             NOT EXISTS (SELECT FROM facesnxt.match_decision d WHERE d.search_id = s.search_id)),
            ('disposition', 'dispositions', NULL, s.candidates > 0 AND pg_catalog.cardinality(facesnxt.undisposed(s.search_id)) > 0),
            ('report', 'report', (facesnxt.policy_value(s.version_id, 'report')->>'days')::int,
             NOT EXISTS (SELECT FROM facesnxt.report r WHERE r.search_id = s.search_id)),
            ('outcome', 'outcome_days', (facesnxt.policy_value(s.version_id, 'outcome_days') #>> '{}')::int,
             NOT EXISTS (SELECT FROM facesnxt.outcome o WHERE o.search_id = s.search_id)
                 AND NOT EXISTS (SELECT FROM facesnxt.outcome_notice n WHERE n.search_id = s.search_id)),
            ('outcome notice', 'outcome_notice', (facesnxt.policy_value(s.version_id, 'outcome_days') #>> '{}')::int,
             NOT EXISTS (SELECT FROM facesnxt.outcome_notice n WHERE n.search_id = s.search_id)),
            ('delivery of all results', 'all_results', NULL,
             NOT EXISTS (SELECT FROM facesnxt.delivery d WHERE d.search_id = s.search_id AND d.complete)),
            ('case file', 'all_results', NULL, facesnxt.search_case(s.search_id) IS NULL),
            ('substantiation', 'substantiation_days', (facesnxt.policy_value(s.version_id, 'substantiation_days') #>> '{}')::int,
             NOT EXISTS (SELECT FROM facesnxt.report r WHERE r.search_id = s.search_id)))
            AS w (what, rule, days, missing)
    WHERE s.status = 'completed' AND w.missing AND facesnxt.policy_value(s.version_id, w.rule) IS NOT NULL
        AND facesnxt.policy_value(s.version_id, w.rule) <> 'false';
COMMENT ON VIEW facesnxt.owed IS 'What the policy asks for after a search and is not there yet; read through facesnxt.due and my_due';
REVOKE ALL ON TABLE facesnxt.owed FROM PUBLIC;

-- A view lends its owner's rights on tables and not those on functions.
CREATE FUNCTION facesnxt.list_owed() RETURNS SETOF facesnxt.owed
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT o.* FROM facesnxt.owed o WHERE facesnxt.bound_to() IS NULL OR o.agency_id = facesnxt.bound_to() $$;
COMMENT ON FUNCTION facesnxt.list_owed() IS 'facesnxt.owed of all agencies, or of the one that an auditor is bound to';
REVOKE ALL ON FUNCTION facesnxt.list_owed() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.list_owed() TO facesnxt_auditor;

CREATE FUNCTION facesnxt.list_my_owed() RETURNS SETOF facesnxt.owed
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT o.* FROM facesnxt.owed o WHERE o.agency_id = facesnxt.my_agency() $$;
COMMENT ON FUNCTION facesnxt.list_my_owed() IS 'facesnxt.owed of the acting role''s agency';
REVOKE ALL ON FUNCTION facesnxt.list_my_owed() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.list_my_owed() TO facesnxt_investigator;

CREATE VIEW facesnxt.due WITH (security_barrier) AS SELECT * FROM facesnxt.list_owed();
COMMENT ON VIEW facesnxt.due IS
'What the policy asks for after a search and is not there yet, with the clause, and whether it is overdue; no time: the policy names none (SP-IV.B.2, NM-VI.C, NM-VII.B, NS-32.6.6, MI-4.5.3.3.b)';
REVOKE ALL ON TABLE facesnxt.due FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.due TO facesnxt_auditor;

CREATE VIEW facesnxt.my_due WITH (security_barrier) AS
    SELECT d.search_id, d.acting_role, d.recorded_at, d.what, d.clause, d.due_at, d.overdue
    FROM facesnxt.list_my_owed() d;
COMMENT ON VIEW facesnxt.my_due IS 'facesnxt.due of the acting role''s agency';
REVOKE ALL ON TABLE facesnxt.my_due FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_due TO facesnxt_investigator;
