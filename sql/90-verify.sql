-- Whether the chain and the tables still say what was recorded.

CREATE FUNCTION facesnxt.event_bytes(event facesnxt.event, previous bytea) RETURNS bytea
LANGUAGE c IMMUTABLE
AS 'MODULE_PATHNAME', 'facesnxt_event_bytes';
COMMENT ON FUNCTION facesnxt.event_bytes(facesnxt.event, bytea) IS
'The canonical bytes of an event (src/chain/event.h), given the hash of the one before; NULL before the first';
REVOKE ALL ON FUNCTION facesnxt.event_bytes(facesnxt.event, bytea) FROM PUBLIC;

CREATE FUNCTION facesnxt.tree_root(tree_size bigint) RETURNS bytea
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'facesnxt_tree_root';
COMMENT ON FUNCTION facesnxt.tree_root(bigint) IS 'Root of the Merkle tree over the first events, by its stored tiles (NX410)';
REVOKE ALL ON FUNCTION facesnxt.tree_root(bigint) FROM PUBLIC;

CREATE FUNCTION facesnxt.tree_proof(kind text, number bigint, tree_size bigint) RETURNS bytea[]
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'facesnxt_tree_proof';
COMMENT ON FUNCTION facesnxt.tree_proof(text, bigint, bigint) IS
'Proof of "inclusion" of an event in the tree of that size, or of its "consistency" with a smaller tree (RFC 6962, 2.1; NX410)';
REVOKE ALL ON FUNCTION facesnxt.tree_proof(text, bigint, bigint) FROM PUBLIC;

CREATE FUNCTION facesnxt.chain_walk(sizes bigint[])
RETURNS TABLE (found text, seq bigint, detail text, hash bytea)
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'facesnxt_chain_walk';
COMMENT ON FUNCTION facesnxt.chain_walk(bigint[]) IS
'Computes every hash of the chain anew: a row for each break, and with found = ''root'' the tree''s root at each of the ascending sizes and at the end';
REVOKE ALL ON FUNCTION facesnxt.chain_walk(bigint[]) FROM PUBLIC;

CREATE FUNCTION facesnxt.audit_head(OUT tree_size bigint, OUT root_hash bytea, OUT at timestamptz)
RETURNS record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT h.size, facesnxt.tree_root(h.size), (SELECT e.at FROM facesnxt.event e WHERE e.seq = h.size - 1)
    FROM (SELECT coalesce(max(e.seq) + 1, 0) AS size FROM facesnxt.event e) h
$$;
COMMENT ON FUNCTION facesnxt.audit_head() IS 'Size and root of the tree over all chained events, and the time of the last one';
REVOKE ALL ON FUNCTION facesnxt.audit_head() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.audit_head() TO facesnxt_auditor, facesnxt_admin;

CREATE FUNCTION facesnxt.log_origin() RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT 'facesnxt/' || left(encode(e.hash, 'hex'), 32) FROM facesnxt.event e WHERE e.seq = 0 $$;
COMMENT ON FUNCTION facesnxt.log_origin() IS 'What names this log in checkpoints: it follows from the first event, so a restored database has the same';
REVOKE ALL ON FUNCTION facesnxt.log_origin() FROM PUBLIC;

-- ---- rows against events

-- Each table is compared with the last event of each row, changes that are not
-- chained yet included, by the snapshot of the caller.
CREATE FUNCTION facesnxt.rows_check(relation name)
RETURNS TABLE (finding text, seq bigint, row_key text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET work_mem = '128MB'
SET jit = off
AS $$
BEGIN
    FOR finding, seq, row_key IN EXECUTE format($query$
        WITH noted AS NOT MATERIALIZED (
            SELECT e.row_key, e.operation, e.seq, e.salt, e.commitment, NULL::bytea AS digest
            FROM facesnxt.event e WHERE e.relation = $1
            UNION ALL
            SELECT p.row_key, p.operation, 9000000000000000000 + p.number, p.salt, NULL, p.digest
            FROM facesnxt.pending_event p WHERE p.relation = $1),
        emptied AS (SELECT coalesce(max(n.seq), -1) AS seq FROM noted n WHERE n.operation = 'T'),
        last AS (
            SELECT DISTINCT ON (n.row_key) n.row_key, n.operation, n.seq, n.salt, n.commitment, n.digest
            FROM noted n, emptied t WHERE n.row_key IS NOT NULL AND n.operation IN ('I', 'U', 'D') AND n.seq > t.seq
            ORDER BY n.row_key, n.seq DESC),
        stored AS (SELECT facesnxt.row_key(r) AS row_key, facesnxt.row_digest($1, facesnxt.row_key(r), facesnxt.row_image(r)) AS digest
            FROM facesnxt.%I r)
        SELECT CASE WHEN l.row_key IS NULL THEN 'a row has no event' WHEN s.row_key IS NULL THEN 'a row is gone' ELSE 'a row was changed' END,
            nullif(l.seq, greatest(l.seq, 9000000000000000000)), coalesce(l.row_key, s.row_key)
        FROM (SELECT * FROM last WHERE operation <> 'D') l FULL JOIN stored s ON s.row_key = l.row_key
        WHERE l.row_key IS NULL OR s.row_key IS NULL
            OR coalesce(facesnxt.row_commitment(l.salt, s.digest) <> l.commitment, s.digest <> l.digest)
        ORDER BY 3 LIMIT 1000
        $query$, relation) USING relation
    LOOP
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.rows_check(name) IS
'Rows of a table that are not what their last event says: changed, gone, or without an event; the first thousand';
REVOKE ALL ON FUNCTION facesnxt.rows_check(name) FROM PUBLIC;

-- ---- all of it

CREATE FUNCTION facesnxt.verify_log(checkpoints text[])
RETURNS TABLE (severity text, finding text, seq bigint, relation name, row_key text, detail text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    checked name;
    outside jsonb;
    walked record;
    roots jsonb := jsonb_build_object();
    log_size bigint := 0;
    -- tables whose rows nobody changes, with their guard or without it
    kept CONSTANT name[] := ARRAY(SELECT c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'facesnxt'::regnamespace
            AND (t.tgname = c.relname || '_append_only' OR t.tgname = 'audit_row' AND t.tgnargs = 0));
BEGIN
    -- what was handed out before, and what the caller brings: line 1 origin, line 2 size, line 3 root
    outside := coalesce((SELECT jsonb_agg(jsonb_build_object('origin', l[1], 'size', l[2], 'root', l[3], 'brought', true))
            FROM unnest(checkpoints) c, regexp_split_to_array(trim(c), E'\\s*\\n\\s*') l), '[]')
        || coalesce((SELECT jsonb_agg(jsonb_build_object('size', c.tree_size, 'root', encode(c.root, 'base64'), 'brought', false))
            FROM facesnxt.checkpoint c), '[]');

    FOR walked IN
        SELECT w.* FROM facesnxt.chain_walk(ARRAY(
            SELECT DISTINCT (o->>'size')::bigint FROM jsonb_array_elements(outside) o WHERE o->>'size' ~ '^\d{1,18}$' ORDER BY 1)) w
    LOOP
        IF walked.found = 'root' THEN
            roots := roots || jsonb_build_object(walked.seq::text, encode(walked.hash, 'base64'));
            log_size := greatest(log_size, walked.seq);
        ELSE
            RETURN QUERY SELECT 'broken', walked.found, walked.seq, NULL::name, NULL::text, walked.detail;
        END IF;
    END LOOP;

    RETURN QUERY
        SELECT 'broken', CASE
                WHEN o->>'size' !~ '^\d{1,18}$' OR o->>'root' IS NULL THEN 'a checkpoint is not one'
                WHEN (o->>'brought')::boolean AND o->>'origin' IS DISTINCT FROM facesnxt.log_origin() THEN 'a checkpoint is of another log'
                WHEN (o->>'size')::bigint > log_size THEN 'the log was cut or is that of an older backup'
                ELSE 'the log was rewritten since a checkpoint' END,
            CASE WHEN o->>'size' ~ '^\d{1,18}$' THEN (o->>'size')::bigint END, NULL::name, NULL::text,
            format('Checkpoint of %s events; the log has %s.', o->>'size', log_size)
        FROM jsonb_array_elements(outside) o
        WHERE ((o->>'brought')::boolean AND o->>'origin' IS DISTINCT FROM facesnxt.log_origin()) OR o->>'root' IS NULL
            OR roots->>(o->>'size') IS DISTINCT FROM o->>'root';

    -- stored tiles are what proofs and heads are made of
    RETURN QUERY
        SELECT 'broken', 'a stored hash of the tree is wrong', s.at, NULL::name, NULL::text, format('The tree has %s events.', s.at)
        FROM (SELECT log_size AS at) s
        WHERE encode(facesnxt.tree_root_or_null(s.at), 'base64') IS DISTINCT FROM roots->>(s.at::text);

    -- what can be told of events whose rows are not there any more
    RETURN QUERY
        SELECT 'broken', 'what an event keeps of its row was changed', e.seq, e.relation, e.row_key, NULL::text
        FROM facesnxt.event e
        WHERE e.salt IS NOT NULL AND (e.image IS NOT NULL OR e.operation IN ('D', 'T'))
            AND e.commitment <> facesnxt.row_commitment(e.salt, facesnxt.row_digest(e.relation, e.row_key, e.image))
        ORDER BY e.seq;
    RETURN QUERY
        SELECT 'broken', 'an event was erased without a record of it', e.seq, e.relation, e.row_key, NULL::text
        FROM facesnxt.event e
        WHERE (e.salt IS NULL OR e.row_key IS NULL AND e.operation NOT IN ('T', 'F')) AND e.seq NOT IN (
            SELECT f.seq::bigint FROM facesnxt.event g, jsonb_array_elements_text(g.image::jsonb->'forgotten') AS f (seq)
            WHERE g.operation = 'F' AND g.salt IS NOT NULL AND g.image IS NOT NULL)
        ORDER BY e.seq;

    FOR checked IN
        SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'facesnxt'::regnamespace AND c.relkind = 'r' AND c.relname NOT IN ('event', 'pending_event', 'event_tile')
            AND (EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'audit_row')
                OR EXISTS (SELECT FROM facesnxt.event e WHERE e.relation = c.relname))
        ORDER BY 1
    LOOP
        RETURN QUERY SELECT 'broken', r.finding, r.seq, checked, r.row_key, NULL::text FROM facesnxt.rows_check(checked) r;
    END LOOP;

    -- a table that an upgrade drops is emptied first
    RETURN QUERY
        SELECT 'broken', 'a table is gone', g.last, g.relation, NULL::text, NULL::text
        FROM (SELECT e.relation, max(e.seq) AS last FROM facesnxt.event e WHERE e.relation <> 'event' GROUP BY e.relation) g
        WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.relname = g.relation AND c.relnamespace = 'facesnxt'::regnamespace AND c.relkind = 'r')
            AND (SELECT e.operation FROM facesnxt.event e WHERE e.seq = g.last) <> 'T'
        ORDER BY g.relation;
    RETURN QUERY
        SELECT 'broken', 'a table is not under the audit trigger', NULL::bigint, m.relation, NULL::text, m.why FROM facesnxt.unaudited() m;

    -- not broken, and an auditor should know
    RETURN QUERY
        SELECT 'note', 'a record was written again', e.seq, e.relation, e.row_key,
            format('%s by "%s" at %s.', CASE e.operation WHEN 'D' THEN 'Deleted' WHEN 'U' THEN 'Changed' WHEN 'T' THEN 'Truncated'
                ELSE 'Inserted again, as a restored dump does' END, e.session_role, e.happened_at)
        FROM facesnxt.event e
        WHERE e.relation = ANY (kept) AND e.operation IN ('U', 'D', 'T')
            OR e.operation = 'I' AND e.seq IN (
                SELECT unnest((array_agg(b.seq ORDER BY b.seq))[2:]) FROM facesnxt.event b
                WHERE b.relation = ANY (kept) AND b.row_key IS NOT NULL GROUP BY b.relation, b.row_key HAVING count(*) > 1)
        ORDER BY e.seq;
    RETURN QUERY
        SELECT 'note', 'changes wait to be chained', log_size, NULL::name, NULL::text, format('%s changes.', count(*))
        FROM facesnxt.pending_event HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION facesnxt.verify_log(text[]) IS
'Everything that is wrong with the chain, with the tables against it, and with it against checkpoints, by one snapshot; audit_verify() records that it was done';
REVOKE ALL ON FUNCTION facesnxt.verify_log(text[]) FROM PUBLIC;

-- A tree that cannot be read has no root.
CREATE FUNCTION facesnxt.tree_root_or_null(tree_size bigint) RETURNS bytea
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN facesnxt.tree_root(tree_size);
EXCEPTION WHEN SQLSTATE 'NX410' THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION facesnxt.tree_root_or_null(bigint) IS 'tree_root(), or NULL where tiles or events are missing';
REVOKE ALL ON FUNCTION facesnxt.tree_root_or_null(bigint) FROM PUBLIC;

-- The trigger may have been disabled, dropped, or made to keep less, and so may
-- the guard of a record; the table may have been taken out of the extension.
CREATE FUNCTION facesnxt.unaudited() RETURNS TABLE (relation name, why text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.relname, w.why
    FROM pg_class c CROSS JOIN LATERAL (
            SELECT CASE WHEN count(*) < 2 THEN 'It has no trigger "audit_row" or "audit_truncate" that calls audit_row() whatever changes.'
                WHEN count(*) FILTER (WHERE t.tgenabled <> 'A') > 0 THEN 'A trigger is disabled, or not fired in every session.' END AS why
            FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang
            -- after, for each row, INSERT, DELETE and UPDATE; after, for each statement, TRUNCATE
            WHERE t.tgrelid = c.oid AND (t.tgname, t.tgtype) IN (('audit_row', 29), ('audit_truncate', 32))
                AND t.tgqual IS NULL AND t.tgattr = ''::int2vector
                AND p.oid = 'facesnxt.audit_row'::regproc AND l.lanname = 'c' AND p.prosrc = 'facesnxt_audit_row') w
    WHERE c.relkind IN ('r', 'p') AND c.relname NOT IN ('event', 'pending_event', 'event_tile') AND w.why IS NOT NULL
        AND (EXISTS (
                SELECT FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'facesnxt'
                WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
            OR c.relnamespace = 'facesnxt'::regnamespace AND EXISTS (SELECT FROM facesnxt.event e WHERE e.relation = c.relname))
    UNION ALL
    SELECT c.relname, 'It is a record, and its guard against changes is missing or disabled.'
    FROM pg_class c
    WHERE c.relnamespace = 'facesnxt'::regnamespace AND c.relkind = 'r'
        AND (c.relname IN ('event', 'event_tile')
            OR EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'audit_row' AND t.tgnargs = 0))
        -- before, for each statement, UPDATE, DELETE and TRUNCATE
        AND NOT EXISTS (
            SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype = 58 AND t.tgenabled = 'A' AND t.tgqual IS NULL
                AND t.tgattr = ''::int2vector AND t.tgfoid = 'facesnxt.refuse_change'::regproc)
$$;
COMMENT ON FUNCTION facesnxt.unaudited() IS 'Tables of this extension whose changes do not all come into the chain, or that are records without their guard, and why';
REVOKE ALL ON FUNCTION facesnxt.unaudited() FROM PUBLIC;

-- ---- on record

CREATE TABLE facesnxt.log_check (
    check_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    tree_size bigint NOT NULL,
    root bytea NOT NULL,
    checkpoints int NOT NULL,
    broken bigint NOT NULL,
    notes bigint NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    requested_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.log_check IS 'Each run of audit_verify(): who, when, of what, with what result';
SELECT facesnxt.keep_record('log_check', 'facesnxt_auditor');

-- The writer's part of audit_verify() and audit_checkpoint().
CREATE FUNCTION facesnxt.apply_chain(request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    head record;
    who CONSTANT jsonb := request->'identity';
BEGIN
    IF request->>'step' = 'check' THEN
        INSERT INTO facesnxt.log_check (tree_size, root, checkpoints, broken, notes, acting_role, session_role, requested_at)
        VALUES ((request->>'tree_size')::bigint, decode(request->>'root', 'hex'), (request->>'checkpoints')::int,
            (request->>'broken')::bigint, (request->>'notes')::bigint,
            who->>'acting_role', who->>'session_role', (request->>'requested_at')::timestamptz);
    ELSIF request->>'step' = 'checkpoint' THEN
        SELECT * INTO head FROM facesnxt.audit_head();
        INSERT INTO facesnxt.checkpoint (tree_size, root, acting_role, session_role)
        VALUES (head.tree_size, head.root_hash, who->>'acting_role', who->>'session_role');
        RETURN jsonb_build_object('size', head.tree_size, 'root', encode(head.root_hash, 'base64'), 'at', head.at);
    END IF;
    -- any other step: what waits is chained with this transaction
    RETURN jsonb_build_object();
END
$$;
COMMENT ON FUNCTION facesnxt.apply_chain(jsonb) IS 'The writer''s part of the log''s own functions: a check or a checkpoint on record, or nothing but chaining what waits';
REVOKE ALL ON FUNCTION facesnxt.apply_chain(jsonb) FROM PUBLIC;

-- The log is of all agencies: only the host's people handle it as a whole.
CREATE FUNCTION facesnxt.check_host(step text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT facesnxt.is_host() THEN
        PERFORM facesnxt.refuse_on_record(step, '42501', 'the log as a whole is the host''s',
            'It is of all agencies, and you have an account of one (SP-II.A).', 'facesnxt.audit_proof() proves records of your agency.',
            clause => 'SP-II.A');
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.check_host(text) IS 'Refuses whoever has an account of an agency (42501)';
REVOKE ALL ON FUNCTION facesnxt.check_host(text) FROM PUBLIC;

CREATE FUNCTION facesnxt.audit_verify(VARIADIC checkpoints text[] DEFAULT '{}')
RETURNS TABLE (severity text, finding text, seq bigint, relation name, row_key text, detail text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    began CONSTANT jsonb := facesnxt.attempt();
    head record;
    found jsonb;
    broken bigint;
    root bytea;
BEGIN
    PERFORM facesnxt.check_host('check of the log');
    PERFORM facesnxt.chain_all();
    -- findings and head by one snapshot
    SELECT h.*, (SELECT coalesce(jsonb_agg(to_jsonb(v)), '[]') FROM facesnxt.verify_log(checkpoints) v) AS findings INTO head
    FROM (SELECT coalesce(max(e.seq) + 1, 0) AS size FROM facesnxt.event e) h;
    found := head.findings;
    root := facesnxt.tree_root_or_null(head.size);
    broken := (SELECT count(*) FROM jsonb_array_elements(found) f WHERE f->>'severity' = 'broken');
    PERFORM facesnxt.audit_write('chain', began || jsonb_build_object('step', 'check', 'tree_size', head.size,
        'root', coalesce(encode(root, 'hex'), ''), 'checkpoints', cardinality(checkpoints),
        'broken', broken, 'notes', jsonb_array_length(found) - broken), NULL);
    RETURN QUERY SELECT r.* FROM jsonb_to_recordset(found) AS r (severity text, finding text, seq bigint, relation name, row_key text, detail text);
    RETURN QUERY SELECT CASE broken WHEN 0 THEN 'sound' ELSE 'broken' END, format('%s events, %s broken', head.size, broken),
        head.size, NULL::name, NULL::text, 'Root ' || encode(root, 'base64') || '.';
END
$$;
COMMENT ON FUNCTION facesnxt.audit_verify(text[]) IS
'Looks for any event that was edited, removed, reordered, forked or cut off, for rows that are not what was recorded, and for a restore to a state older than the checkpoints given; the last row says the result (SP-IV.A.2, NM-V.E.4, NS-32.6.8)';
REVOKE ALL ON FUNCTION facesnxt.audit_verify(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.audit_verify(text[]) TO facesnxt_auditor;
