-- What leaves the database so that others can check it: checkpoints, the log
-- as a whole, and proofs of single events.

CREATE FUNCTION facesnxt.audit_checkpoint() RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    head jsonb;
BEGIN
    PERFORM facesnxt.check_host('checkpoint of the log');
    PERFORM facesnxt.chain_all();
    head := facesnxt.record_it('chain', '{"step": "checkpoint"}');
    RETURN format(E'%s\n%s\n%s\n%s\n', facesnxt.log_origin(), head->>'size', head->>'root', head->>'at');
END
$$;
COMMENT ON FUNCTION facesnxt.audit_checkpoint() IS
'The head of the log as text: its name, size, root (base64) and time. Keep it where nobody who can write to this database can; audit_verify() and facesnxt-verify take it';
REVOKE ALL ON FUNCTION facesnxt.audit_checkpoint() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.audit_checkpoint() TO facesnxt_auditor, facesnxt_admin;

CREATE FUNCTION facesnxt.base64(bytes bytea) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT translate(encode($1, 'base64'), E'\n', '') $$;
COMMENT ON FUNCTION facesnxt.base64(bytea) IS 'Base64 in one line';
REVOKE ALL ON FUNCTION facesnxt.base64(bytea) FROM PUBLIC;

CREATE FUNCTION facesnxt.log_lines() RETURNS SETOF text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 'facesnxt log 1'
    UNION ALL
    (SELECT facesnxt.base64(facesnxt.event_bytes(e, lag(e.hash) OVER (ORDER BY e.seq))) FROM facesnxt.event e ORDER BY e.seq)
$$;
COMMENT ON FUNCTION facesnxt.log_lines() IS 'The lines of audit_export()';
REVOKE ALL ON FUNCTION facesnxt.log_lines() FROM PUBLIC;

CREATE FUNCTION facesnxt.audit_export() RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM facesnxt.check_host('export of the log');
    PERFORM facesnxt.chain_all();
    RETURN QUERY SELECT l FROM facesnxt.log_lines() l;
END
$$;
COMMENT ON FUNCTION facesnxt.audit_export() IS
'The whole log for facesnxt-verify: a first line, then the bytes of each event in base64; no row and no key is in it';
REVOKE ALL ON FUNCTION facesnxt.audit_export() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.audit_export() TO facesnxt_auditor;

-- ---- proofs

-- The row that an event commits to, as text: kept with the event, or else read
-- from the table; NULL when it is not there or not that row any more.
CREATE FUNCTION facesnxt.event_row(event facesnxt.event) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    image text := event.image;
BEGIN
    IF image IS NULL AND event.row_key IS NOT NULL AND event.operation IN ('I', 'U') THEN
        image := facesnxt.stored_row(event.relation, event.row_key);
    END IF;
    IF facesnxt.row_commitment(event.salt, facesnxt.row_digest(event.relation, event.row_key, image)) = event.commitment THEN
        RETURN coalesce(image, '');
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION facesnxt.event_row(facesnxt.event) IS 'The canonical row that an event commits to, or NULL where it is erased or has been changed since';
REVOKE ALL ON FUNCTION facesnxt.event_row(facesnxt.event) FROM PUBLIC;

-- For functions that have judged who may see the rows.
CREATE FUNCTION facesnxt.proof_lines(seqs bigint[], tree_size bigint, disclosed bigint[]) RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    event facesnxt.event;
    image text;
BEGIN
    RETURN NEXT 'facesnxt proof 1';
    RETURN NEXT facesnxt.log_origin();
    RETURN NEXT tree_size::text;
    RETURN NEXT facesnxt.base64(facesnxt.tree_root(tree_size));
    FOR event IN SELECT e.* FROM facesnxt.event e WHERE e.seq = ANY (seqs) AND e.seq < tree_size ORDER BY e.seq LOOP
        RETURN NEXT 'event ' || facesnxt.base64(facesnxt.event_bytes(event, (SELECT b.hash FROM facesnxt.event b WHERE b.seq = event.seq - 1)));
        image := CASE WHEN event.seq = ANY (disclosed) THEN facesnxt.event_row(event) END;
        IF image IS NOT NULL THEN
            RETURN NEXT 'salt ' || facesnxt.base64(decode(translate(event.salt::text, '-', ''), 'hex'));
            RETURN NEXT 'key ' || facesnxt.base64(convert_to(coalesce(event.row_key, ''), 'UTF8'));
            RETURN NEXT 'row ' || facesnxt.base64(convert_to(image, 'UTF8'));
        END IF;
        RETURN QUERY SELECT 'path ' || facesnxt.base64(p) FROM unnest(facesnxt.tree_proof('inclusion', event.seq, tree_size)) WITH ORDINALITY AS u (p, n) ORDER BY n;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.proof_lines(bigint[], bigint, bigint[]) IS
'Lines for facesnxt-verify: a tree head, and for each event its bytes, its row where that is disclosed, and the path to the root';
REVOKE ALL ON FUNCTION facesnxt.proof_lines(bigint[], bigint, bigint[]) FROM PUBLIC;

-- Whose a row is: by its own column, or by the row that it hangs on.
CREATE FUNCTION facesnxt.row_agency(relation name, row_key text) RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    hook record;
    image jsonb;
BEGIN
    SELECT h.* INTO hook FROM facesnxt.hangs_on(format('facesnxt.%I', relation)::regclass) h;
    IF hook.key IS NULL OR row_key IS NULL THEN
        RETURN NULL;
    END IF;
    image := facesnxt.stored_row(relation, row_key)::jsonb;
    IF hook.parent IS NULL THEN
        RETURN (image->>hook.key)::uuid;
    END IF;
    RETURN facesnxt.row_agency(hook.parent, image->>hook.key);
END
$$;
COMMENT ON FUNCTION facesnxt.row_agency(name, text) IS 'The agency whose row it is, or NULL where it is nobody''s or not there';
REVOKE ALL ON FUNCTION facesnxt.row_agency(name, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.audit_proof(VARIADIC seqs bigint[]) RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    head record;
    number bigint;
    event facesnxt.event;
    acting CONSTANT oid := (SELECT i.acting_oid FROM facesnxt.session_identity() i);
    disclosed bigint[] := ARRAY[]::bigint[];
BEGIN
    SELECT * INTO head FROM facesnxt.audit_head();
    FOREACH number IN ARRAY seqs LOOP
        SELECT e.* INTO event FROM facesnxt.event e WHERE e.seq = number;
        IF event.seq IS NULL OR NOT facesnxt.in_reach(facesnxt.row_agency(event.relation, event.row_key)) THEN
            PERFORM facesnxt.refuse_on_record('proof', '42704', format('event %s does not exist', number), NULL,
                'Name events of rows that are your agency''s.', clause => 'SP-II.A');
        END IF;
        IF has_table_privilege(acting, format('facesnxt.%I', event.relation)::regclass, 'SELECT') THEN
            disclosed := disclosed || number;
        END IF;
    END LOOP;
    RETURN QUERY SELECT l FROM facesnxt.proof_lines(seqs, head.tree_size, disclosed) l;
END
$$;
COMMENT ON FUNCTION facesnxt.audit_proof(bigint[]) IS
'Proves that records of one''s agency are in the log without showing others: for facesnxt-verify, each event with its row where the caller may read that table (42704)';
REVOKE ALL ON FUNCTION facesnxt.audit_proof(bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.audit_proof(bigint[]) TO facesnxt_auditor;

CREATE FUNCTION facesnxt.audit_consistency(tree_size bigint) RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    head record;
    path bytea[];
BEGIN
    PERFORM facesnxt.check_host('proof of consistency');
    SELECT * INTO head FROM facesnxt.audit_head();
    path := facesnxt.tree_proof('consistency', audit_consistency.tree_size, head.tree_size);
    RETURN NEXT 'facesnxt consistency 1';
    RETURN NEXT facesnxt.log_origin();
    RETURN NEXT tree_size::text;
    RETURN NEXT facesnxt.base64(facesnxt.tree_root(tree_size));
    RETURN NEXT head.tree_size::text;
    RETURN NEXT facesnxt.base64(head.root_hash);
    RETURN QUERY SELECT 'path ' || facesnxt.base64(p)
        FROM unnest(path) WITH ORDINALITY AS u (p, n) ORDER BY n;
END
$$;
COMMENT ON FUNCTION facesnxt.audit_consistency(bigint) IS
'Proves that the log of today begins with the one of that size, without showing an event; for facesnxt-verify (NX410, 22023)';
REVOKE ALL ON FUNCTION facesnxt.audit_consistency(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.audit_consistency(bigint) TO facesnxt_auditor;

-- ---- what no trigger notes

CREATE FUNCTION facesnxt.note_event(operation "char", relation name, row_key text, image text, keep boolean) RETURNS bigint
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO facesnxt.pending_event (number, salt, happened_at, transaction, operation, relation, acting_role, session_role,
        digest, row_key, image)
    SELECT nextval('facesnxt.pending_number'), gen_random_uuid(), clock_timestamp(), pg_current_xact_id()::text::bigint, $1, $2,
        i.acting_role, i.session_role, facesnxt.row_digest($2, $3, $4), $3, CASE WHEN $5 THEN $4 END
    FROM facesnxt.session_identity() i
    RETURNING number
$$;
COMMENT ON FUNCTION facesnxt.note_event("char", name, text, text, boolean) IS
'Notes an event for the chain by hand, as audit_row() does; keep: with the image';
REVOKE ALL ON FUNCTION facesnxt.note_event("char", name, text, text, boolean) FROM PUBLIC;

-- ---- what may be forgotten

-- The chained part of an event stays; without salt and key nothing follows
-- from it. What was forgotten is itself an event, so that nobody forgets
-- unseen. Called while records are being erased, after chain_all(), and nowhere
-- else.
CREATE FUNCTION facesnxt.audit_forget(relation name, VARIADIC row_keys text[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    forgotten bigint[];
BEGIN
    WITH emptied AS (
        UPDATE facesnxt.event e SET salt = NULL, row_key = NULL, image = NULL
        WHERE e.relation = audit_forget.relation AND e.row_key = ANY (audit_forget.row_keys) RETURNING e.seq)
    SELECT array_agg(e.seq ORDER BY e.seq) INTO forgotten FROM emptied e;
    IF forgotten IS NOT NULL THEN
        PERFORM facesnxt.note_event('F', 'event', NULL, jsonb_build_object('forgotten', forgotten)::text, true);
    END IF;
    RETURN coalesce(cardinality(forgotten), 0);
END
$$;
COMMENT ON FUNCTION facesnxt.audit_forget(name, text[]) IS
'Takes salt, key and row out of the events of rows, and leaves an event that says of which; call it again after the deletion itself is committed. Returns how many events';
REVOKE ALL ON FUNCTION facesnxt.audit_forget(name, text[]) FROM PUBLIC;
