-- When the bytes are gone: after vacuum and rebuilding, every page is looked
-- at and what is left in it overwritten.

CREATE FUNCTION facesnxt.wipe(relation regclass, before xid8, pointers boolean, OUT pages bigint, OUT wiped bigint, OUT remaining bigint) RETURNS record
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'facesnxt_wipe';
COMMENT ON FUNCTION facesnxt.wipe(regclass, xid8, boolean) IS
'Overwrites what deleted rows have left in the pages of a table, TOAST table or index, here and on replicas; and counts the dead of transactions before this one that no vacuum could remove yet, dead line pointers and index entries included where asked';
REVOKE ALL ON FUNCTION facesnxt.wipe(regclass, xid8, boolean) FROM PUBLIC;

-- The tables of an erasure, of the events, of statistics and of what was staged
-- and has left no row, their TOAST tables and all their indexes.
CREATE FUNCTION facesnxt.erased_relations(erasure_id uuid) RETURNS TABLE (relation regclass, "table" regclass, method name)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH heap AS (
        SELECT c.oid, c.reltoastrelid AS toast FROM pg_class c
        WHERE c.relnamespace = 'facesnxt'::regnamespace AND c.relname IN (
            SELECT n.relation FROM facesnxt.erasure_count n WHERE n.erasure_id = $1 UNION ALL VALUES ('event'::name), ('pending_event'), ('staged'))
            OR c.oid = 'pg_catalog.pg_statistic'::regclass
    ), part AS (
        SELECT h.oid, h.oid AS "table" FROM heap h UNION ALL SELECT h.toast, h.oid FROM heap h WHERE h.toast <> 0
    )
    SELECT b.oid::regclass, b."table"::regclass, NULL FROM part b
    UNION ALL
    SELECT i.indexrelid::regclass, b."table"::regclass, m.amname
    FROM part b JOIN pg_index i ON i.indrelid = b.oid JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
$$;
COMMENT ON FUNCTION facesnxt.erased_relations(uuid) IS 'Relations whose files may hold what an erasure deleted or blanked; the method of those that are indexes';
REVOKE ALL ON FUNCTION facesnxt.erased_relations(uuid) FROM PUBLIC;

-- The events of deletions came with the commit of the erasure: those whose
-- keys are hashes, which tell what was deleted.
CREATE FUNCTION facesnxt.deletions_kept(erasure_id uuid) RETURNS TABLE (relation name, keys text[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT d.relation, array_agg(d.row_key)
    FROM facesnxt.event m JOIN facesnxt.event d ON d.transaction = m.transaction AND d.operation = 'D' AND d.row_key IS NOT NULL
        JOIN facesnxt.erasure_count n ON n.erasure_id = $1 AND n.relation = d.relation AND n.act = 'delete'
    WHERE m.relation = 'erasure' AND m.row_key = $1::text AND EXISTS (
        SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indexrelid
        WHERE i.indrelid = format('facesnxt.%I', d.relation)::regclass AND i.indisprimary AND a.atttypid IN ('bytea'::regtype, 'text'::regtype))
    GROUP BY d.relation
$$;
COMMENT ON FUNCTION facesnxt.deletions_kept(uuid) IS 'Deletions of an erasure whose events still have a hash for a key';
REVOKE ALL ON FUNCTION facesnxt.deletions_kept(uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.forget_deletions(erasure_id uuid) RETURNS bigint
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'facesnxt_forget_deletions';
COMMENT ON FUNCTION facesnxt.forget_deletions(uuid) IS 'Has the chain forget deletions_kept()';
REVOKE ALL ON FUNCTION facesnxt.forget_deletions(uuid) FROM PUBLIC;

-- VACUUM and REINDEX CONCURRENTLY run by themselves alone, outside of any
-- transaction, so they are handed to who owns the tables: \gexec runs them.
CREATE FUNCTION facesnxt.erasure_statements(erasure_id uuid) RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM facesnxt.erasure e WHERE e.erasure_id = erasure_statements.erasure_id AND facesnxt.in_reach(e.agency_id)) THEN
        PERFORM facesnxt.refuse_on_record('erasure', 'NX472', 'there is no such erasure', NULL,
            'facesnxt.erasure shows those of your agency.', clause => 'SP-II.A');
    END IF;
    -- what waits is chained, and may be forgotten then
    PERFORM facesnxt.chain_all();
    PERFORM facesnxt.forget_deletions(erasure_id);
    RETURN QUERY
        SELECT format('VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF, ANALYZE) %s', r."table")
        FROM facesnxt.erased_relations(erasure_statements.erasure_id) r WHERE r."table" <> 'pg_catalog.pg_statistic'::regclass GROUP BY r."table";
    RETURN QUERY
        SELECT format('REINDEX INDEX CONCURRENTLY facesnxt.%I', f.index)
        FROM facesnxt.erasure_file f JOIN pg_class x ON x.relname = f.index AND x.relnamespace = 'facesnxt'::regnamespace
        WHERE f.erasure_id = erasure_statements.erasure_id AND pg_relation_filenode(x.oid) = f.file;
    RETURN NEXT 'VACUUM pg_catalog.pg_statistic';
END
$$;
COMMENT ON FUNCTION facesnxt.erasure_statements(uuid) IS 'What the owner of the database runs before finish_erasure(), in psql by \gexec; the chain forgets the keys of deleted rows meanwhile (NX472)';
REVOKE ALL ON FUNCTION facesnxt.erasure_statements(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.erasure_statements(uuid) TO facesnxt_admin;

CREATE FUNCTION facesnxt.finish_erasure(erasure_id uuid) RETURNS TABLE (relation text, pages bigint, wiped bigint, remaining bigint, problem text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made CONSTANT facesnxt.erasure := (SELECT e FROM facesnxt.erasure e WHERE e.erasure_id = finish_erasure.erasure_id);
    boundary CONSTANT xid8 := (SELECT max(f.next_transaction)::text::xid8 FROM facesnxt.erasure_file f
                               WHERE f.erasure_id = finish_erasure.erasure_id);
    looked record;
    total_pages bigint := 0;
    total_wiped bigint := 0;
    number int := 0;
    open_ends int := 0;
BEGIN
    IF made.erasure_id IS NULL OR NOT facesnxt.in_reach(made.agency_id) THEN
        PERFORM facesnxt.refuse_on_record('erasure', 'NX472', 'there is no such erasure', NULL,
            'facesnxt.erasure shows those of your agency.', clause => 'SP-II.A');
    ELSIF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'an erasure is finished on the primary' USING ERRCODE = 'read_only_sql_transaction',
            HINT = 'A replica follows by itself.';
    END IF;
    FOR looked IN
        SELECT r.relation, r.method, w.pages, w.wiped, w.remaining
        FROM facesnxt.erased_relations(made.erasure_id) r
            -- in these rows die all the time, and what they leave is in the holes; the one index of a key is rebuilt
            CROSS JOIN LATERAL facesnxt.wipe(r.relation, boundary, r."table" <> ALL (
                '{facesnxt.event,facesnxt.pending_event,pg_catalog.pg_statistic}'::regclass[])) w
        ORDER BY r.relation::text
    LOOP
        number := number + 1;
        total_pages := total_pages + looked.pages;
        total_wiped := total_wiped + looked.wiped;
        relation := looked.relation::text;
        pages := looked.pages;
        wiped := looked.wiped;
        remaining := looked.remaining;
        problem := CASE WHEN looked.remaining > 0 THEN 'dead rows or entries are still there: vacuum, once no old snapshot holds them' END;
        open_ends := open_ends + (problem IS NOT NULL)::int;
        RETURN NEXT;
        IF looked.method = 'facescan' THEN
            FOR problem IN SELECT format('block %s: %s', c.block, c.problem) FROM facesnxt.index_check(looked.relation) c LOOP
                open_ends := open_ends + 1;
                RETURN NEXT;
            END LOOP;
        END IF;
    END LOOP;
    FOR relation IN SELECT d.relation FROM facesnxt.deletions_kept(made.erasure_id) d LOOP
        pages := NULL;
        wiped := NULL;
        remaining := NULL;
        problem := 'events of its deleted rows have a hash for a key: erasure_statements() comes first';
        open_ends := open_ends + 1;
        RETURN NEXT;
    END LOOP;
    FOR relation IN
        SELECT f.index FROM facesnxt.erasure_file f JOIN pg_class x ON x.relnamespace = 'facesnxt'::regnamespace AND x.relname = f.index
        WHERE f.erasure_id = made.erasure_id AND pg_relation_filenode(x.oid) = f.file
    LOOP
        pages := NULL;
        wiped := NULL;
        remaining := NULL;
        problem := 'the index was not rebuilt: a key may stand in an inner page';
        open_ends := open_ends + 1;
        RETURN NEXT;
    END LOOP;
    IF open_ends = 0 AND NOT EXISTS (SELECT FROM facesnxt.erasure_end e WHERE e.erasure_id = made.erasure_id) THEN
        INSERT INTO facesnxt.erasure_end (erasure_id, agency_id, relations, pages, wiped, wal_position, verified)
        VALUES (made.erasure_id, made.agency_id, number, total_pages, total_wiped, pg_current_wal_insert_lsn(),
                'every page of these relations: live rows only, no dead entry, no byte in the hole; indexes of hashes rebuilt');
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.finish_erasure(uuid) IS
'Overwrites what an erasure has left in the files of its tables, TOAST tables and indexes; a row each, and erasure_end is written once nothing is left (NX472)';
REVOKE ALL ON FUNCTION facesnxt.finish_erasure(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.finish_erasure(uuid) TO facesnxt_admin;
