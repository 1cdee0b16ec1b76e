-- Reading the log is logged: who read which records, when, by what words and
-- how many rows. The hooks (src/door/reader.c) see the statement; the writer
-- commits its record before the first row leaves.

-- Of the statement its words are kept and no constant: a case number or a name
-- that somebody looked for would otherwise stand here for good, out of reach
-- of whatever removes it elsewhere. An auditor needs the shape: which columns,
-- joined and filtered by what.
CREATE TABLE facesnxt.log_access (
    log_access_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid,
    account_id uuid,
    relations text[] NOT NULL,
    functions text[] NOT NULL,
    wording text NOT NULL,
    within uuid,
    right_of name NOT NULL,
    acting_role name NOT NULL,
    acting_oid oid NOT NULL,
    session_role name NOT NULL,
    session_oid oid NOT NULL,
    backend_pid int NOT NULL,
    client_address inet,
    application text,
    requested_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CHECK (pg_catalog.cardinality(relations) + pg_catalog.cardinality(functions) > 0)
);
CREATE INDEX ON facesnxt.log_access (agency_id, recorded_at);
COMMENT ON TABLE facesnxt.log_access IS
'Who read which records, by a table, a view or a function of auditors; committed before the first row leaves (MI-4.5.5)';
COMMENT ON COLUMN facesnxt.log_access.agency_id IS 'Of the account of whoever read; NULL: the host''s';
COMMENT ON COLUMN facesnxt.log_access.wording IS 'The statement without its constants and comments';
COMMENT ON COLUMN facesnxt.log_access.within IS 'The read in which a function ran this statement';
COMMENT ON COLUMN facesnxt.log_access.right_of IS 'By whose right it was read: that of a function or view of somebody else''s, or the acting role''s';

CREATE TABLE facesnxt.log_access_end (
    log_access_id uuid PRIMARY KEY REFERENCES facesnxt.log_access,
    rows bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.log_access_end IS
'How many rows a read gave; none for one that did not come to its end, or that is not counted (COPY by a role without row-level security, a function in an expression)';

SELECT facesnxt.keep_record(kept, 'facesnxt_auditor') FROM pg_catalog.unnest(ARRAY['log_access', 'log_access_end']::name[]) kept;

CREATE VIEW facesnxt.log_reading WITH (security_barrier, security_invoker) AS
    SELECT l.log_access_id, l.recorded_at, l.acting_role, l.session_role, l.right_of, l.client_address, l.application,
        l.relations, l.functions, l.wording, e.rows, e.recorded_at AS ended_at, l.within, l.agency_id
    FROM facesnxt.log_access l LEFT JOIN facesnxt.log_access_end e USING (log_access_id);
COMMENT ON VIEW facesnxt.log_reading IS 'Who read the records, with the rows that it gave; no rows: not counted, or not ended';
REVOKE ALL ON TABLE facesnxt.log_reading FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.log_reading TO facesnxt_auditor;

-- ---- the writer's side

CREATE FUNCTION facesnxt.apply_log_access(request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who CONSTANT jsonb := request->'identity';
    account facesnxt.account;
    new_id uuid;
BEGIN
    IF request->'ends' IS NOT NULL THEN
        INSERT INTO facesnxt.log_access_end (log_access_id, rows) VALUES ((request->>'ends')::uuid, (request->>'rows')::bigint);
        RETURN jsonb_build_object('id', request->'ends');
    END IF;
    SELECT a.* INTO account FROM facesnxt.account a
    WHERE a.role IN ((who->>'acting_oid')::oid, (who->>'session_oid')::oid)
    ORDER BY a.role = (who->>'acting_oid')::oid DESC LIMIT 1;
    INSERT INTO facesnxt.log_access (agency_id, account_id, relations, functions, wording, within, right_of,
        acting_role, acting_oid, session_role, session_oid, backend_pid, client_address, application, requested_at)
    SELECT account.agency_id, account.account_id, r.relations, r.functions, r.wording, r.within, r.right_of,
        i.acting_role, i.acting_oid, i.session_role, i.session_oid, i.backend_pid, i.client_address, i.application, r.requested_at
    FROM jsonb_to_record(request) AS r (relations text[], functions text[], wording text, within uuid, right_of name, requested_at timestamptz),
        jsonb_to_record(who) AS i (acting_role name, acting_oid oid, session_role name, session_oid oid, backend_pid int,
            client_address inet, application text)
    RETURNING log_access_id INTO new_id;
    RETURN jsonb_build_object('id', new_id);
END
$$;
COMMENT ON FUNCTION facesnxt.apply_log_access(jsonb) IS 'The writer''s transaction for reads of records and their ends';
REVOKE ALL ON FUNCTION facesnxt.apply_log_access(jsonb) FROM PUBLIC;

-- ---- the session's side: called by the hooks, as the owner

CREATE FUNCTION facesnxt.record_read(relations oid[], functions oid[], right_of oid, wording text, within uuid) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN facesnxt.write_ticket('log access', facesnxt.attempt() || jsonb_build_object(
        'relations', ARRAY(SELECT r::regclass::text FROM unnest(relations) r ORDER BY 1),
        'functions', ARRAY(SELECT f::regprocedure::text FROM unnest(functions) f ORDER BY 1),
        'right_of', pg_get_userbyid(right_of), 'wording', wording, 'within', within));
END
$$;
COMMENT ON FUNCTION facesnxt.record_read(oid[], oid[], oid, text, uuid) IS 'Has a read of records committed before it gives a row; an error where that fails (NX401 to NX404)';
REVOKE ALL ON FUNCTION facesnxt.record_read(oid[], oid[], oid, text, uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.record_read_end(id uuid, rows bigint) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN facesnxt.write_ticket('log access', jsonb_build_object('ends', id, 'rows', rows));
END
$$;
COMMENT ON FUNCTION facesnxt.record_read_end(uuid, bigint) IS 'Has the number of rows of a read committed, when it ends';
REVOKE ALL ON FUNCTION facesnxt.record_read_end(uuid, bigint) FROM PUBLIC;

-- ---- that the hooks are there

CREATE FUNCTION facesnxt.reader_support(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'facesnxt_reader_support';
COMMENT ON FUNCTION facesnxt.reader_support(internal) IS
'Support function of what policies of records and views of auditors call: planning loads the library, so that a read in a new session is seen';
REVOKE ALL ON FUNCTION facesnxt.reader_support(internal) FROM PUBLIC;

-- A record that no policy guards would be read unseen in a session that has
-- not loaded the library; where nothing says whose its rows are, they are the
-- host's.
CREATE FUNCTION facesnxt.watch_reads() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked regprocedure;
    kept record;
BEGIN
    FOR asked IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'facesnxt'::regnamespace AND p.prosupport = 0 AND (p.proname = 'in_reach' OR EXISTS (
            SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 'facesnxt_auditor'::regrole))
    LOOP
        EXECUTE format('ALTER FUNCTION %s SUPPORT facesnxt.reader_support', asked);
    END LOOP;
    FOR kept IN
        SELECT c.relname, r.reader FROM pg_class c CROSS JOIN (VALUES ('facesnxt_admin'::name), ('facesnxt_auditor')) AS r (reader)
        WHERE c.relnamespace = 'facesnxt'::regnamespace AND c.relkind = 'r' AND has_any_column_privilege(r.reader, c.oid, 'SELECT')
            AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgfoid = 'facesnxt.refuse_change'::regproc)
            AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND r.reader::regrole::oid = ANY (p.polroles))
    LOOP
        EXECUTE format('ALTER TABLE facesnxt.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', kept.relname);
        EXECUTE format('CREATE POLICY %I ON facesnxt.%I FOR SELECT TO %I USING ((SELECT facesnxt.is_host()))',
                       'read_by_' || kept.reader, kept.relname, kept.reader);
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.watch_reads() IS
'Has every function of auditors and every record load the library when it is planned; for the extension''s own scripts, last';
REVOKE ALL ON FUNCTION facesnxt.watch_reads() FROM PUBLIC;
