-- How a row leaves a record: by an erasure that has a record itself.

CREATE FUNCTION facesnxt.erasing(relation regclass) RETURNS boolean
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'facesnxt_erasing';
COMMENT ON FUNCTION facesnxt.erasing(regclass) IS
'Whether an erasure deletes from or blanks rows of this table at this moment; the guard of a record asks (src/erase/README.md)';
REVOKE ALL ON FUNCTION facesnxt.erasing(regclass) FROM PUBLIC;

CREATE FUNCTION facesnxt.erase(erasure_id uuid, scope text, ids uuid[], hashes bytea[], agency_id uuid) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'facesnxt_erase';
COMMENT ON FUNCTION facesnxt.erase(uuid, text, uuid[], bytea[], uuid) IS
'Runs what facesnxt.erase_rule says of a scope, for an erasure that this transaction has recorded; the number of rows (NX474)';
REVOKE ALL ON FUNCTION facesnxt.erase(uuid, text, uuid[], bytea[], uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.next_transaction() RETURNS xid8
LANGUAGE c VOLATILE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'facesnxt_next_transaction';
COMMENT ON FUNCTION facesnxt.next_transaction() IS 'The number that the next transaction gets';
REVOKE ALL ON FUNCTION facesnxt.next_transaction() FROM PUBLIC;

-- What an expungement asks for, and on what ground. It names nobody: ids are
-- random and stay where they stand, as pseudonyms of what is gone.
CREATE TABLE facesnxt.expungement (
    expungement_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL,
    scope text NOT NULL CHECK (scope IN ('person', 'reference', 'probe')),
    target uuid NOT NULL,
    basis text NOT NULL CHECK (basis <> ''),
    order_number text NOT NULL CHECK (order_number <> ''),
    court text NOT NULL CHECK (court <> ''),
    ordered_on date NOT NULL,
    version_id uuid,
    persons regrole[] NOT NULL,
    by_role name NOT NULL DEFAULT (facesnxt.session_identity()).acting_role,
    by_session name NOT NULL DEFAULT (facesnxt.session_identity()).session_role,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.expungement (agency_id, at);
COMMENT ON TABLE facesnxt.expungement IS 'Expungements that were proposed: of whom or what, by whose order, on what legal basis (NM-IX.A.6)';
COMMENT ON COLUMN facesnxt.expungement.target IS
'The person, the reference, or for a probe the search, verification or registered photograph that it is of';
COMMENT ON COLUMN facesnxt.expungement.persons IS 'Roles of the person who proposed: the acting one, and the one that logged on unless it is a gateway''s';

CREATE TABLE facesnxt.expungement_decision (
    expungement_id uuid PRIMARY KEY REFERENCES facesnxt.expungement,
    agency_id uuid NOT NULL,
    approved boolean NOT NULL,
    office text NOT NULL,
    clause text NOT NULL,
    note text,
    persons regrole[] NOT NULL,
    by_role name NOT NULL DEFAULT (facesnxt.session_identity()).acting_role,
    by_session name NOT NULL DEFAULT (facesnxt.session_identity()).session_role,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.expungement_decision IS 'Who decided on an expungement, in which office; never who proposed it';

-- The record of what was erased, without what was erased.
CREATE TABLE facesnxt.erasure (
    erasure_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL,
    expungement_id uuid UNIQUE REFERENCES facesnxt.expungement_decision,
    scope text NOT NULL,
    clause text NOT NULL,
    version_id uuid CHECK (version_id IS NOT NULL OR expungement_id IS NOT NULL),
    before timestamptz CHECK ((before IS NULL) = (expungement_id IS NOT NULL)),
    by_role name NOT NULL DEFAULT (facesnxt.session_identity()).acting_role,
    by_session name NOT NULL DEFAULT (facesnxt.session_identity()).session_role,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.erasure (agency_id, at);
COMMENT ON TABLE facesnxt.erasure IS 'Erasures that were made, by an expungement or by the retention of a policy (NM-IX.A.6, NS-32.6.5.4, NP-VI.B.7.d, MI-4.5.2.e)';
COMMENT ON COLUMN facesnxt.erasure.before IS 'Of retention: what was recorded before this time was due';

CREATE TABLE facesnxt.erasure_count (
    erasure_id uuid NOT NULL REFERENCES facesnxt.erasure,
    agency_id uuid NOT NULL,
    relation name NOT NULL,
    act text NOT NULL CHECK (act IN ('delete', 'blank')),
    rows bigint NOT NULL,
    PRIMARY KEY (erasure_id, relation, act)
);
COMMENT ON TABLE facesnxt.erasure_count IS 'How many rows of which table an erasure deleted or blanked';

CREATE TABLE facesnxt.erasure_file (
    erasure_id uuid NOT NULL REFERENCES facesnxt.erasure,
    agency_id uuid NOT NULL,
    index name NOT NULL,
    file oid NOT NULL,
    next_transaction bigint NOT NULL,
    PRIMARY KEY (erasure_id, index)
);
COMMENT ON COLUMN facesnxt.erasure_file.next_transaction IS 'No row that this transaction or a later one wrote has anything of what was erased';
COMMENT ON TABLE facesnxt.erasure_file IS
'Indexes that must be rebuilt before an erasure is finished, and the file that each had: a key may stand in an inner page for as long as there is the index';

CREATE TABLE facesnxt.erasure_end (
    erasure_id uuid PRIMARY KEY REFERENCES facesnxt.erasure,
    agency_id uuid NOT NULL,
    relations int NOT NULL,
    pages bigint NOT NULL,
    wiped bigint NOT NULL,
    wal_position pg_lsn NOT NULL,
    verified text NOT NULL,
    by_role name NOT NULL DEFAULT (facesnxt.session_identity()).acting_role,
    by_session name NOT NULL DEFAULT (facesnxt.session_identity()).session_role,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.erasure_end IS 'When the bytes were gone from the files, and how that was verified';
COMMENT ON COLUMN facesnxt.erasure_end.wal_position IS 'A replica that has replayed the log up to here has them no more either';

SELECT facesnxt.keep_record(kept, 'facesnxt_auditor', 'facesnxt_admin')
FROM pg_catalog.unnest(ARRAY['expungement', 'expungement_decision', 'erasure', 'erasure_count', 'erasure_file', 'erasure_end']::name[]) kept;
