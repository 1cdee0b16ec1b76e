-- The chain of events: what befell which row of which table, by whom. The
-- triggers on all tables stand in the last part; the design in src/audit.

-- One row for each row that was inserted, updated or deleted, in the order in
-- which the writer chained them. It is filled by the writer alone, in C.
CREATE TABLE facesnxt.event (
    seq bigint PRIMARY KEY CHECK (seq >= 0),
    at timestamptz NOT NULL,
    happened_at timestamptz NOT NULL,
    transaction bigint NOT NULL,
    operation "char" NOT NULL CHECK (operation IN ('I', 'U', 'D', 'T', 'F')),
    relation name NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    commitment bytea NOT NULL CHECK (pg_catalog.length(commitment) = 32),
    hash bytea NOT NULL CHECK (pg_catalog.length(hash) = 32),
    salt uuid,
    row_key text COLLATE "C",
    image text COLLATE "C"
);
CREATE INDEX ON facesnxt.event (relation, row_key, seq DESC);
CREATE INDEX ON facesnxt.event USING brin (at);
COMMENT ON TABLE facesnxt.event IS
'What befell every row of every table, in a hash chain (SHA-256) whose events are the leaves of a Merkle tree (RFC 6962); salt, row_key and image can be erased without breaking it (NM-V.E.4, NS-32.6.8, NP-VI.C.2)';
COMMENT ON COLUMN facesnxt.event.seq IS 'Place in the chain, from 0 on, without gaps';
COMMENT ON COLUMN facesnxt.event.at IS 'When it was chained; never before the event before';
COMMENT ON COLUMN facesnxt.event.happened_at IS 'When the row was changed';
COMMENT ON COLUMN facesnxt.event.transaction IS 'The transaction that changed the row, as the server counted then';
COMMENT ON COLUMN facesnxt.event.operation IS 'I insert, U update, D delete, T truncate, F salts and keys of earlier events were erased';
COMMENT ON COLUMN facesnxt.event.acting_role IS 'Who changed it (SET ROLE); of a record, whose record it is';
COMMENT ON COLUMN facesnxt.event.session_role IS 'Who had logged on';
COMMENT ON COLUMN facesnxt.event.commitment IS 'SHA-256 of the salt and of the digest of relation, key and row';
COMMENT ON COLUMN facesnxt.event.hash IS 'SHA-256 of a zero byte and the canonical bytes of the event, the hash of the event before among them';
COMMENT ON COLUMN facesnxt.event.salt IS 'Random; without it the commitment says nothing of the row. NULL: erased';
COMMENT ON COLUMN facesnxt.event.row_key IS 'Primary key of the row, parts separated by "/". NULL: erased, or of a truncation';
COMMENT ON COLUMN facesnxt.event.image IS 'The row as it was committed to, where the table''s rows can change; NULL where the row itself stays';
SELECT facesnxt.keep_record('event');
-- images are of tables that auditors do not read, too, and a salt lets a guess
-- be confirmed: audit_proof() shows rows to who may read their table
GRANT SELECT (seq, at, happened_at, transaction, operation, relation, acting_role, session_role, commitment, hash, row_key)
    ON TABLE facesnxt.event TO facesnxt_auditor;

-- What sessions changed and the writer has not chained yet: part of their own
-- transactions, so it is there exactly when the change is.
CREATE SEQUENCE facesnxt.pending_number;
REVOKE ALL ON SEQUENCE facesnxt.pending_number FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.pending_number', '');
CREATE TABLE facesnxt.pending_event (
    number bigint NOT NULL,
    salt uuid NOT NULL,
    happened_at timestamptz NOT NULL,
    transaction bigint NOT NULL,
    operation "char" NOT NULL,
    relation name NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    digest bytea NOT NULL CHECK (pg_catalog.length(digest) = 32),
    row_key text COLLATE "C",
    image text COLLATE "C",
    PRIMARY KEY (number, salt)
);
COMMENT ON COLUMN facesnxt.pending_event.number IS 'From a sequence, so a change that saw another one has the greater number; not unique after a restore';
COMMENT ON TABLE facesnxt.pending_event IS 'Changes of committed transactions that the writer has yet to chain into facesnxt.event';
REVOKE ALL ON TABLE facesnxt.pending_event FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.pending_event', '');

-- Hashes of complete subtrees of 256, 65,536, ... events, so that no proof and
-- no root reads the whole chain.
CREATE TABLE facesnxt.event_tile (
    level smallint NOT NULL CHECK (level > 0),
    tile bigint NOT NULL CHECK (tile >= 0),
    hash bytea NOT NULL CHECK (pg_catalog.length(hash) = 32),
    PRIMARY KEY (level, tile)
);
COMMENT ON TABLE facesnxt.event_tile IS 'Merkle hash of the events from tile * 256^level on, as many as 256^level';
SELECT facesnxt.keep_record('event_tile', 'facesnxt_auditor');

-- Tree heads that were exported, to be kept where the database's owner cannot
-- reach them.
CREATE TABLE facesnxt.checkpoint (
    tree_size bigint NOT NULL,
    root bytea NOT NULL CHECK (pg_catalog.length(root) = 32),
    exported_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    acting_role name NOT NULL,
    session_role name NOT NULL,
    PRIMARY KEY (tree_size, exported_at)
);
COMMENT ON TABLE facesnxt.checkpoint IS 'Tree heads that were handed out by audit_checkpoint(), and to whom';
SELECT facesnxt.keep_record('checkpoint', 'facesnxt_auditor');

CREATE FUNCTION facesnxt.audit_row() RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'facesnxt_audit_row';
COMMENT ON FUNCTION facesnxt.audit_row() IS
'Trigger: has a change of a row chained, with its transaction; argument "image" keeps the row as it was';
REVOKE ALL ON FUNCTION facesnxt.audit_row() FROM PUBLIC;

CREATE FUNCTION facesnxt.row_image(stored record) RETURNS text
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'facesnxt_row_image';
COMMENT ON FUNCTION facesnxt.row_image(record) IS
'The canonical text of a table''s row: a JSON object of its columns by name, NULLs left out, templates and long bytes as their SHA-256, independent of settings';
REVOKE ALL ON FUNCTION facesnxt.row_image(record) FROM PUBLIC;

CREATE FUNCTION facesnxt.row_key(stored record) RETURNS text
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'facesnxt_row_key';
COMMENT ON FUNCTION facesnxt.row_key(record) IS 'The primary key of a table''s row as text, parts separated by "/"';
REVOKE ALL ON FUNCTION facesnxt.row_key(record) FROM PUBLIC;

CREATE FUNCTION facesnxt.row_digest(relation name, row_key text, image text) RETURNS bytea
LANGUAGE c IMMUTABLE
AS 'MODULE_PATHNAME', 'facesnxt_row_digest';
COMMENT ON FUNCTION facesnxt.row_digest(name, text, text) IS 'What an event commits to: SHA-256 of relation, key and row; NULLs as nothing';
REVOKE ALL ON FUNCTION facesnxt.row_digest(name, text, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.row_commitment(salt uuid, digest bytea) RETURNS bytea
LANGUAGE c IMMUTABLE STRICT
AS 'MODULE_PATHNAME', 'facesnxt_row_commitment';
COMMENT ON FUNCTION facesnxt.row_commitment(uuid, bytea) IS 'The commitment to a row: SHA-256 of a salt and the row''s digest';
REVOKE ALL ON FUNCTION facesnxt.row_commitment(uuid, bytea) FROM PUBLIC;

CREATE FUNCTION facesnxt.stored_row(relation name, row_key text) RETURNS text
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'facesnxt_stored_row';
COMMENT ON FUNCTION facesnxt.stored_row(name, text) IS 'The canonical text of the row of a row_key() as it is now, or NULL where there is none (22023)';
REVOKE ALL ON FUNCTION facesnxt.stored_row(name, text) FROM PUBLIC;

-- Heads, seals and erasures are to cover all that is committed.
CREATE FUNCTION facesnxt.chain_all() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    began CONSTANT jsonb := facesnxt.attempt();
BEGIN
    FOR i IN 1 .. 1000 LOOP
        PERFORM facesnxt.audit_write('chain', began || '{"step": "chain"}', NULL);
        -- what the caller's own transaction has written is chained once it is committed
        EXIT WHEN NOT EXISTS (
            SELECT FROM facesnxt.pending_event p
            WHERE p.happened_at < (began->>'requested_at')::timestamptz
                AND p.transaction IS DISTINCT FROM pg_current_xact_id_if_assigned()::text::bigint);
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.chain_all() IS 'Has everything chained that is committed now';
REVOKE ALL ON FUNCTION facesnxt.chain_all() FROM PUBLIC;
