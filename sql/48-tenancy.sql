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

DO $$
DECLARE
    guarded record;
BEGIN
    FOR guarded IN SELECT * FROM (VALUES
        ('account', 'facesnxt_admin', true), ('account', 'facesnxt_auditor', true),
        ('revocation', 'facesnxt_admin', true), ('revocation', 'facesnxt_auditor', true),
        ('case_file', 'facesnxt_admin', false), ('case_file', 'facesnxt_auditor', true),
        ('search', 'facesnxt_auditor', true), ('ticket', 'facesnxt_auditor', true), ('raw_statement', 'facesnxt_auditor', true)
    ) AS t (name, reader, host_too) LOOP
        EXECUTE pg_catalog.format('ALTER TABLE facesnxt.%I ENABLE ROW LEVEL SECURITY', guarded.name);
        EXECUTE pg_catalog.format('ALTER TABLE facesnxt.%I FORCE ROW LEVEL SECURITY', guarded.name);
        EXECUTE pg_catalog.format('CREATE POLICY %I ON facesnxt.%I FOR SELECT TO %I USING (agency_id = (SELECT facesnxt.my_agency())%s)',
            guarded.name || '_' || guarded.reader, guarded.name, guarded.reader,
            CASE WHEN guarded.host_too THEN ' OR (SELECT facesnxt.is_host())' END);
    END LOOP;
    -- what hangs on one of these is seen with it
    FOR guarded IN SELECT * FROM (VALUES
        ('case_assignment', 'facesnxt_admin', 'case_file', 'case_id'), ('case_assignment', 'facesnxt_auditor', 'case_file', 'case_id'),
        ('candidate', 'facesnxt_auditor', 'search', 'search_id'), ('outcome', 'facesnxt_auditor', 'search', 'search_id'),
        ('ticket_end', 'facesnxt_auditor', 'ticket', 'ticket_id'), ('raw_row', 'facesnxt_auditor', 'raw_statement', 'statement_id'),
        ('revocation_end', 'facesnxt_admin', 'revocation', 'revocation_id'),
        ('revocation_end', 'facesnxt_auditor', 'revocation', 'revocation_id'),
        ('revocation_lifted', 'facesnxt_admin', 'revocation', 'revocation_id'),
        ('revocation_lifted', 'facesnxt_auditor', 'revocation', 'revocation_id')
    ) AS t (name, reader, parent, key) LOOP
        EXECUTE pg_catalog.format('ALTER TABLE facesnxt.%I ENABLE ROW LEVEL SECURITY', guarded.name);
        EXECUTE pg_catalog.format('ALTER TABLE facesnxt.%I FORCE ROW LEVEL SECURITY', guarded.name);
        EXECUTE pg_catalog.format('CREATE POLICY %I ON facesnxt.%I FOR SELECT TO %I USING ('
            '%s EXISTS (SELECT FROM facesnxt.%I parent WHERE parent.%I = %I.%I))',
            guarded.name || '_' || guarded.reader, guarded.name, guarded.reader,
            CASE WHEN guarded.parent <> 'case_file' OR guarded.reader = 'facesnxt_auditor' THEN '(SELECT facesnxt.is_host()) OR' END,
            guarded.parent, guarded.key, guarded.name, guarded.key);
    END LOOP;
END
$$;
