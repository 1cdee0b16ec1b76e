-- Every table is under audit: what befalls a row of any of them comes into the
-- chain. The last part, so that no table is forgotten.

CREATE FUNCTION facesnxt.audit_tables() RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    audited record;
    made bigint := 0;
BEGIN
    FOR audited IN
        -- a table whose rows can change keeps each state of them with the event; but what was staged has left its
        -- table before the person is expunged, and no key would lead to the name in its events
        SELECT c.relname, CASE
            WHEN c.relname = 'staged' THEN 'digest'
            WHEN NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = c.relname || '_append_only') THEN 'image' END AS keeps
        FROM pg_class c
        WHERE c.relnamespace = 'facesnxt'::regnamespace AND c.relkind = 'r' AND c.relname NOT IN ('event', 'pending_event', 'event_tile')
            AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'audit_row')
        ORDER BY c.relname
    LOOP
        EXECUTE format('CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON facesnxt.%I '
            'FOR EACH ROW EXECUTE FUNCTION facesnxt.audit_row(%s)', audited.relname,
            CASE audited.keeps WHEN 'image' THEN quote_literal('image') WHEN 'digest' THEN quote_literal('digest') END);
        EXECUTE format('CREATE TRIGGER audit_truncate AFTER TRUNCATE ON facesnxt.%I '
            'FOR EACH STATEMENT EXECUTE FUNCTION facesnxt.audit_row()', audited.relname);
        EXECUTE format('ALTER TABLE facesnxt.%I ENABLE ALWAYS TRIGGER audit_row, ENABLE ALWAYS TRIGGER audit_truncate', audited.relname);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION facesnxt.audit_tables() IS
'Puts tables of this extension under the audit trigger that are not yet; for its own scripts, at installation and at each upgrade. Returns how many';
REVOKE ALL ON FUNCTION facesnxt.audit_tables() FROM PUBLIC;
SELECT facesnxt.audit_tables();

-- Rows that came before their table was under audit: what the extension itself
-- brings, now and when it is upgraded.
CREATE FUNCTION facesnxt.adopt_rows() RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    audited record;
    adopted bigint := 0;
    here bigint;
BEGIN
    FOR audited IN
        SELECT c.relname, t.tgargs = '\x696d61676500' AS keeps -- "image", as its trigger was told
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE t.tgname = 'audit_row' AND c.relnamespace = 'facesnxt'::regnamespace ORDER BY 1
    LOOP
        EXECUTE format($query$
            SELECT count(facesnxt.note_event('I', $1, s.row_key, s.image, $2))
            FROM (SELECT facesnxt.row_key(r) AS row_key, facesnxt.row_image(r) AS image FROM facesnxt.%I r ORDER BY 1) s
            WHERE NOT EXISTS (SELECT FROM facesnxt.event e WHERE e.relation = $1 AND e.row_key = s.row_key)
                AND NOT EXISTS (SELECT FROM facesnxt.pending_event p WHERE p.relation = $1 AND p.row_key = s.row_key)
            $query$, audited.relname) INTO here USING audited.relname, audited.keeps;
        adopted := adopted + here;
    END LOOP;
    RETURN adopted;
END
$$;
COMMENT ON FUNCTION facesnxt.adopt_rows() IS
'Notes rows that have no event, for the chain; run by the extension''s own scripts, as its rows come before the triggers. Returns how many';
REVOKE ALL ON FUNCTION facesnxt.adopt_rows() FROM PUBLIC;
SELECT facesnxt.adopt_rows();
