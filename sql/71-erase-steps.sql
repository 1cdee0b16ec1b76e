-- The statements that follow from the rules of erasure, and what was forgotten.

CREATE FUNCTION facesnxt.worked_on(search_id uuid, person_id uuid) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM facesnxt.comparison w WHERE w.search_id = $1 AND w.person_id = $2)
        OR EXISTS (SELECT FROM facesnxt.review w WHERE w.search_id = $1 AND w.person_id = $2)
        OR EXISTS (SELECT FROM facesnxt.corroboration w WHERE w.search_id = $1 AND w.person_id = $2)
        OR EXISTS (SELECT FROM facesnxt.match_decision w WHERE w.search_id = $1 AND w.person_id = $2)
        OR EXISTS (SELECT FROM facesnxt.identification w WHERE w.search_id = $1 AND w.person_id = $2)
        OR EXISTS (SELECT FROM facesnxt.confirmation w WHERE w.search_id = $1 AND w.person_id = $2)
        OR EXISTS (SELECT FROM facesnxt.action w WHERE w.search_id = $1 AND w.person_id = $2)
$$;
COMMENT ON FUNCTION facesnxt.worked_on(uuid, uuid) IS
'Whether somebody compared a candidate, was asked to, found or decided something about it, or asked to act on it, be it by a line-up';
REVOKE ALL ON FUNCTION facesnxt.worked_on(uuid, uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.erase_steps(scope text) RETURNS TABLE (relation regclass, act text, statement text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('facesnxt.%I', r.relation)::regclass, r.act,
        format('WITH gone AS (%s WHERE %s RETURNING facesnxt.row_key(t) AS key) SELECT count(*), array_agg(key) FROM gone',
            CASE r.act WHEN 'delete' THEN format('DELETE FROM facesnxt.%I AS t', r.relation)
                 ELSE format('UPDATE facesnxt.%I AS t SET %s', r.relation, r.sets) END, r.matches)
    FROM facesnxt.erase_rule r
    WHERE r.scope = $1 AND r.act <> 'keep'
    ORDER BY r.place, r.relation
$$;
COMMENT ON FUNCTION facesnxt.erase_steps(text) IS 'The statements of an erasure, one for each table, in their order';
REVOKE ALL ON FUNCTION facesnxt.erase_steps(text) FROM PUBLIC;

-- A column that can hold a face, the hash of one or a person must stand in a
-- rule of an expungement; so must every column of json, which can hold all.
CREATE FUNCTION facesnxt.erase_gaps() RETURNS TABLE (relation name, "column" name, problem text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.relname, a.attname, 'no rule says what an expungement does to it'
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'facesnxt'::regnamespace AND c.relkind IN ('r', 'm', 'p')
        AND (a.atttypid IN ('facesnxt.embedding'::regtype, 'facesnxt.embedding[]'::regtype, 'bytea'::regtype, 'bytea[]'::regtype,
                            'json'::regtype, 'jsonb'::regtype, 'xml'::regtype)
             OR a.attname IN ('person_id', 'persons', 'reference_id') AND a.atttypid IN ('uuid'::regtype, 'uuid[]'::regtype))
        AND NOT EXISTS (
            SELECT FROM facesnxt.erase_rule r
            WHERE r.relation = c.relname AND r.scope IN ('person', 'reference', 'probe', 'none')
                AND (r.act = 'delete' OR a.attname = ANY (r.columns)))
    UNION ALL
    SELECT r.relation, k.name, 'there is no such column'
    FROM facesnxt.erase_rule r CROSS JOIN LATERAL unnest(r.columns) AS k (name)
    WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass(format('facesnxt.%I', r.relation))
                      AND a.attname = k.name AND NOT a.attisdropped)
    UNION ALL
    -- candidates alone go one by one, and stay where somebody refers to them
    SELECT c.relname, NULL, format('it refers to %s, which goes before it, or without it, in an erasure of scope %s', p.relation, p.scope)
    FROM facesnxt.erase_rule p
        JOIN pg_constraint k ON k.contype = 'f' AND k.confrelid = to_regclass(format('facesnxt.%I', p.relation)) AND k.conrelid <> k.confrelid
        JOIN pg_class c ON c.oid = k.conrelid
    WHERE p.act = 'delete' AND p.scope <> 'candidates' AND NOT EXISTS (
        SELECT FROM facesnxt.erase_rule b
        WHERE b.relation = c.relname AND b.scope = p.scope AND b.act = 'delete' AND b.place < p.place)
    UNION ALL
    SELECT r.relation, NULL, 'there is no such table'
    FROM facesnxt.erase_rule r WHERE to_regclass(format('facesnxt.%I', r.relation)) IS NULL
    ORDER BY 1, 2
$$;
COMMENT ON FUNCTION facesnxt.erase_gaps() IS 'Columns that may hold a copy of a face or name a person, and that no rule of expungements knows; tables that would stand in the way of one';
REVOKE ALL ON FUNCTION facesnxt.erase_gaps() FROM PUBLIC;

-- Statistics are copies, too: of what is expunged none are kept.
DO $$
DECLARE
    sampled record;
BEGIN
    FOR sampled IN
        SELECT a.attrelid::regclass AS relation, a.attname AS name FROM pg_catalog.pg_attribute a
        WHERE (a.attrelid, a.attname) IN (
            SELECT pg_catalog.format('facesnxt.%I', v.relation)::regclass, c
            FROM (VALUES ('person', '{name,date_of_birth}'::name[]),
                         ('person_detail', '{customer_number,city,zip,height,licence_number,licence_issued}'),
                         ('reference_image', '{photo,photo_sha256,extraction}'), ('reextracted', '{extraction,message}'), ('probe', '{image}'), ('probe_template', '{extraction}'),
                         ('comparison', '{note}'), ('match_decision', '{note}'), ('confirmation', '{note}'), ('corroboration', '{source,note}'),
                         ('identification', '{basis}'), ('outcome', '{corroboration,note}'), ('action', '{basis,detail,facts,findings}'),
                         ('raw_row', '{columns}'), ('raw_statement', '{statement}'), ('search', '{facts}'), ('verification', '{facts}'),
                         ('quality_notice', '{shown}'), ('consent', '{encounter,why_no_consent}'),
                         ('probe_derivation', '{parameters}'), ('event', '{image}'), ('pending_event', '{image}')) AS v (relation, columns),
                unnest(v.columns) c)
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', sampled.relation, sampled.name);
    END LOOP;
END
$$;
