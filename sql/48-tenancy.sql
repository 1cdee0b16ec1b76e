-- Whose rows a role sees where it reads tables itself.
--
-- Investigators read through views (my_*). Auditors and administrators read
-- tables: one with an account is bound to its agency; one without is the
-- host's. The host's administrator sees accounts of all agencies, for that is
-- the work, and no case.

CREATE FUNCTION facesnxt.is_host() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT NOT EXISTS (SELECT FROM facesnxt.session_identity() i JOIN facesnxt.account a ON a.role IN (i.acting_oid, i.session_oid))
$$;
COMMENT ON FUNCTION facesnxt.is_host() IS 'True when neither the acting role nor the one that logged on has an account of an agency, of whatever status';
REVOKE ALL ON FUNCTION facesnxt.is_host() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.is_host() TO facesnxt_auditor, facesnxt_admin;
GRANT EXECUTE ON FUNCTION facesnxt.my_agency() TO facesnxt_auditor, facesnxt_admin;

-- By which column a row is an agency's: its own, or that of the row of another
-- table on which it hangs.
CREATE FUNCTION facesnxt.hangs_on(relation oid) RETURNS TABLE (key name, parent name)
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.key::name, v.parent::name
    FROM pg_class c
        CROSS JOIN (VALUES (1, 'agency_id', NULL), (2, 'case_id', 'case_file'), (3, 'account_id', 'account'), (4, 'search_id', 'search'),
            (5, 'version_id', 'policy_version'), (6, 'request_id', 'search_request'), (7, 'comparison_id', 'comparison'),
            (8, 'ticket_id', 'ticket'), (9, 'statement_id', 'raw_statement'), (10, 'revocation_id', 'revocation'),
            (11, 'appointment_id', 'appointment'), (12, 'mail_id', 'mail'), (13, 'mou_id', 'mou'),
            (14, 'public_id', 'public_request')) AS v (place, key, parent)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = v.key
    WHERE c.oid = relation AND v.parent IS DISTINCT FROM c.relname
    ORDER BY v.place LIMIT 1
$$;
COMMENT ON FUNCTION facesnxt.hangs_on(oid) IS 'The column of a table that says whose a row is, and the table that it names; none where the rows are nobody''s';
REVOKE ALL ON FUNCTION facesnxt.hangs_on(oid) FROM PUBLIC;

-- Every table that administrators or auditors may read and whose rows are an
-- agency's: by its own column, or by the row of another table that it hangs on.
-- This part comes late, so that no table is forgotten.
DO $$
DECLARE
    guarded record;
BEGIN
    FOR guarded IN
        SELECT c.relname AS name, r.reader, k.key, k.parent,
            r.reader = 'facesnxt_auditor' OR c.relname NOT IN ('case_file', 'case_assignment') AS host_too
        FROM pg_catalog.pg_class c
            CROSS JOIN (VALUES ('facesnxt_admin'::name), ('facesnxt_auditor')) AS r (reader)
            CROSS JOIN LATERAL facesnxt.hangs_on(c.oid) k
        WHERE c.relnamespace = 'facesnxt'::regnamespace AND c.relkind = 'r'
            AND pg_catalog.has_any_column_privilege(r.reader, c.oid, 'SELECT')
        ORDER BY c.relname, r.reader
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE facesnxt.%I ENABLE ROW LEVEL SECURITY', guarded.name);
        EXECUTE pg_catalog.format('ALTER TABLE facesnxt.%I FORCE ROW LEVEL SECURITY', guarded.name);
        EXECUTE pg_catalog.format('CREATE POLICY %I ON facesnxt.%I FOR SELECT TO %I USING (%s %s)',
            'read_by_' || guarded.reader, guarded.name, guarded.reader,
            CASE WHEN guarded.host_too THEN '(SELECT facesnxt.is_host()) OR' END,
            CASE WHEN guarded.parent IS NULL THEN 'agency_id = (SELECT facesnxt.my_agency())'
                 ELSE pg_catalog.format('EXISTS (SELECT FROM facesnxt.%I parent WHERE parent.%I = %I.%I)',
                                        guarded.parent, guarded.key, guarded.name, guarded.key) END);
    END LOOP;
END
$$;

-- The log is of all agencies at once: the host's auditors read it as a whole,
-- others by audit_proof().
DO $$
DECLARE
    whole name;
BEGIN
    FOREACH whole IN ARRAY ARRAY['event', 'event_tile', 'checkpoint', 'log_check']::name[] LOOP
        EXECUTE pg_catalog.format('ALTER TABLE facesnxt.%I ENABLE ROW LEVEL SECURITY', whole);
        EXECUTE pg_catalog.format('ALTER TABLE facesnxt.%I FORCE ROW LEVEL SECURITY', whole);
        EXECUTE pg_catalog.format('CREATE POLICY read_by_facesnxt_auditor ON facesnxt.%I FOR SELECT TO facesnxt_auditor '
            'USING ((SELECT facesnxt.is_host()))', whole);
    END LOOP;
END
$$;
