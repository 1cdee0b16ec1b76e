-- Records of audits: packs, who signed and received them, audits that were
-- asked for, discrepancies until they were resolved.

CREATE TABLE facesnxt.audit_pack (
    pack_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL REFERENCES facesnxt.agency,
    kind text NOT NULL CHECK (kind IN ('monthly', 'quarterly', 'annual', 'on request', 'log extract', 'statistics', 'licence use',
        'overdue', 'public record', 'defence')),
    since timestamptz NOT NULL,
    until timestamptz NOT NULL CHECK (until > since),
    as_of timestamptz NOT NULL,
    parameters jsonb NOT NULL,
    body text NOT NULL,
    sha256 bytea NOT NULL CHECK (pg_catalog.length(sha256) = 32),
    made_by_version text NOT NULL,
    tree_size bigint NOT NULL,
    root_hash bytea NOT NULL CHECK (pg_catalog.length(root_hash) = 32),
    head_at timestamptz,
    version_id uuid,
    generated_by name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.audit_pack (agency_id, kind, since);
COMMENT ON TABLE facesnxt.audit_pack IS
'Audits as they were made: the whole text, its SHA-256, the head of the log''s tree, and everything that it takes to compute the text again (NM-VII, NS-32.6.9, NP-VI.C.2, MI-4.5.5)';
COMMENT ON COLUMN facesnxt.audit_pack.as_of IS 'Records up to this time count; no transaction that had begun to write then was still open';
COMMENT ON COLUMN facesnxt.audit_pack.tree_size IS 'How many events the log had, and by root_hash what they were: every record that the text is made of is one of them';

CREATE TABLE facesnxt.audit_signoff (
    signoff_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    pack_id uuid NOT NULL REFERENCES facesnxt.audit_pack,
    agency_id uuid NOT NULL,
    accepted boolean NOT NULL,
    findings text NOT NULL CHECK (findings <> ''),
    office text NOT NULL,
    clause text NOT NULL,
    administers boolean NOT NULL,
    signed_by name NOT NULL,
    session_role name NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.audit_signoff (pack_id, signed_at);
COMMENT ON TABLE facesnxt.audit_signoff IS 'Who reviewed a pack in which office, and what was found; the latest counts, all stay (NM-VII.B)';
COMMENT ON COLUMN facesnxt.audit_signoff.administers IS 'Who signed also administers accounts: no separation of duties (MI-4.5.5)';

CREATE TABLE facesnxt.audit_submission (
    submission_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    pack_id uuid NOT NULL UNIQUE REFERENCES facesnxt.audit_pack,
    agency_id uuid NOT NULL,
    office text NOT NULL,
    recipient name NOT NULL,
    clause text NOT NULL,
    submitted_by name NOT NULL,
    session_role name NOT NULL,
    submitted_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.audit_submission IS 'Memoranda that went to whom the policy names (NM-VII.C)';

CREATE TABLE facesnxt.audit_request (
    request_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL,
    subject text NOT NULL CHECK (subject <> ''),
    since timestamptz NOT NULL,
    until timestamptz NOT NULL CHECK (until > since),
    requested_by name NOT NULL,
    requester regrole NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.audit_request (agency_id, recorded_at);
COMMENT ON TABLE facesnxt.audit_request IS 'Audits that were asked for (NP-VI.C.2.a)';

CREATE TABLE facesnxt.audit_request_step (
    request_id uuid NOT NULL REFERENCES facesnxt.audit_request,
    step text NOT NULL CHECK (step IN ('forwarded', 'declined', 'performed', 'delivered')),
    agency_id uuid NOT NULL,
    office text NOT NULL,
    pack_id uuid REFERENCES facesnxt.audit_pack CHECK ((step = 'performed') = (pack_id IS NOT NULL)),
    note text,
    by_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (request_id, step)
);
COMMENT ON TABLE facesnxt.audit_request_step IS
'What became of an audit that was asked for: forwarded or declined, performed, delivered, by which office (NP-VI.C.2.b)';

CREATE TABLE facesnxt.discrepancy (
    discrepancy_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL REFERENCES facesnxt.agency,
    description text NOT NULL CHECK (description <> ''),
    pack_id uuid REFERENCES facesnxt.audit_pack,
    search_id uuid,
    opened_by name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.discrepancy (agency_id, recorded_at);
COMMENT ON TABLE facesnxt.discrepancy IS 'Discrepancies and inaccuracies that an audit found (NM-VII.D)';

CREATE TABLE facesnxt.discrepancy_resolution (
    discrepancy_id uuid PRIMARY KEY REFERENCES facesnxt.discrepancy,
    agency_id uuid NOT NULL,
    resolution text NOT NULL CHECK (resolution <> ''),
    office text NOT NULL,
    resolved_by name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.discrepancy_resolution IS 'How a discrepancy was addressed, by the office that audits; a discrepancy that is not here is open (NM-VII.D)';

SELECT facesnxt.keep_record(kept, 'facesnxt_auditor')
FROM pg_catalog.unnest(ARRAY['audit_pack', 'audit_signoff', 'audit_submission', 'audit_request', 'audit_request_step',
    'discrepancy', 'discrepancy_resolution']::name[]) kept;
