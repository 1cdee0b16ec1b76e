-- Records that are appended to and never changed.

-- One function refuses every change of a record, for every role. It is an
-- obstacle that a superuser can only remove knowingly, not a proof.
CREATE FUNCTION facesnxt.refuse_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP <> 'TRUNCATE' AND facesnxt.erasing(TG_RELID) THEN
        RETURN NULL; -- sql/70-erase.sql: the statement goes on
    END IF;
    RAISE EXCEPTION '% of "%" refused: records are append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'NX309', DETAIL = 'What was searched, by whom and with what result is never changed.',
              HINT = 'Add a new record that corrects the old one.';
END
$$;
COMMENT ON FUNCTION facesnxt.refuse_change() IS 'Trigger: refuses UPDATE, DELETE and TRUNCATE of a record (NX309)';
REVOKE ALL ON FUNCTION facesnxt.refuse_change() FROM PUBLIC;

-- Every table of records is made one by this: nothing in it is changed, no
-- replica's session either; it is dumped; nobody reads it but these groups.
CREATE FUNCTION facesnxt.keep_record(kept name, VARIADIC readers name[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reader name;
BEGIN
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON facesnxt.%I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION facesnxt.refuse_change()', kept || '_append_only', kept);
    EXECUTE format('ALTER TABLE facesnxt.%I ENABLE ALWAYS TRIGGER %I', kept, kept || '_append_only');
    EXECUTE format('REVOKE ALL ON TABLE facesnxt.%I FROM PUBLIC', kept);
    FOREACH reader IN ARRAY readers LOOP
        EXECUTE format('GRANT SELECT ON TABLE facesnxt.%I TO %I', kept, reader);
    END LOOP;
    PERFORM pg_extension_config_dump(format('facesnxt.%I', kept)::regclass, '');
END
$$;
COMMENT ON FUNCTION facesnxt.keep_record(name, name[]) IS
'Makes a table of this extension a record: append-only, dumped, read by these groups; for its own scripts';
REVOKE ALL ON FUNCTION facesnxt.keep_record(name, name[]) FROM PUBLIC;
