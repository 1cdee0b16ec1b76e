-- Probe images: originals that nothing alters, copies made from them, and on
-- what ground they were taken. All of it goes through the writer, so that it
-- is committed at once, stays when the caller rolls back, and no lock of the
-- caller's is left on what a search inserts into.

CREATE FUNCTION facesnxt.photo_kind(photo bytea) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'facesnxt_photo_kind';
COMMENT ON FUNCTION facesnxt.photo_kind(bytea) IS
'What a file is, by its bytes: jpeg (one picture), several pictures, video, other; nothing is decoded (MI-4.3.1)';
REVOKE ALL ON FUNCTION facesnxt.photo_kind(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.photo_kind(bytea) TO facesnxt_investigator, facesnxt_admin;

CREATE FUNCTION facesnxt.photo_size(photo bytea, OUT width int, OUT height int) RETURNS record
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'facesnxt_photo_size';
COMMENT ON FUNCTION facesnxt.photo_size(bytea) IS 'Decodes a JPEG photograph: its size in pixels, upright; errors NX101 to NX103 as of detect()';
REVOKE ALL ON FUNCTION facesnxt.photo_size(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.photo_size(bytea) TO facesnxt_investigator, facesnxt_admin;

CREATE FUNCTION facesnxt.probe_shape(image bytea, given facesnxt.embedding) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN $1 IS NOT NULL THEN jsonb_build_object('kind', facesnxt.photo_kind($1), 'sha256', encode(sha256($1), 'hex'))
        WHEN $2 IS NOT NULL THEN jsonb_build_object('kind', 'template', 'sha256',
            encode(sha256(convert_to($2::text, 'UTF8')), 'hex'))
        ELSE '{"kind": "none"}'
    END;
END
$$;
COMMENT ON FUNCTION facesnxt.probe_shape(bytea, facesnxt.embedding) IS
'Kind and SHA-256 of a probe, as the rules'' tests read them; of a template, that of its text';
REVOKE ALL ON FUNCTION facesnxt.probe_shape(bytea, facesnxt.embedding) FROM PUBLIC;

-- ---- what the writer's functions have in common

CREATE FUNCTION facesnxt.refusal(sqlstate text, message text, detail text, hint text) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT jsonb_build_object('code', $1, 'message', $2, 'detail', $3, 'hint', $4) $$;
COMMENT ON FUNCTION facesnxt.refusal(text, text, text, text) IS 'What the writer answers when it does not do what was asked; whoever calls it keeps that, too';
REVOKE ALL ON FUNCTION facesnxt.refusal(text, text, text, text) FROM PUBLIC;

-- Hands a request of the acting role to the writer; raises what that refuses.
CREATE FUNCTION facesnxt.record_it(kind text, request jsonb, attachment bytea DEFAULT NULL) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer jsonb;
BEGIN
    answer := facesnxt.audit_write(kind, facesnxt.attempt() || request, attachment);
    IF answer->>'code' IS NOT NULL THEN
        PERFORM facesnxt.raise(answer->>'code', answer->>'message', answer->>'detail', answer->>'hint');
    END IF;
    RETURN answer;
END
$$;
COMMENT ON FUNCTION facesnxt.record_it(text, jsonb, bytea) IS 'Has the writer record something that the acting role does, and raises what it refuses';
REVOKE ALL ON FUNCTION facesnxt.record_it(text, jsonb, bytea) FROM PUBLIC;

CREATE FUNCTION facesnxt.no_account() RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT facesnxt.refusal('NX302', 'refused: the acting role has no active account', 'Every use is an account''s (SP-IV.A.1).',
                            'Ask the administrator of your agency.') || '{"clause": "SP-IV.A.1"}'
$$;
COMMENT ON FUNCTION facesnxt.no_account() IS 'The refusal of a role without active account';
REVOKE ALL ON FUNCTION facesnxt.no_account() FROM PUBLIC;

-- ---- where an original comes from, and what was made of it

CREATE TABLE facesnxt.probe_source (
    source_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL,
    sha256 bytea NOT NULL,
    width int NOT NULL,
    height int NOT NULL,
    source text NOT NULL CHECK (source <> ''),
    captured_at timestamptz,
    capture_basis text,
    account_id uuid NOT NULL,
    recorded_by name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.probe_source (agency_id, sha256);
COMMENT ON TABLE facesnxt.probe_source IS 'Originals: where a photograph comes from and on what legal basis it was taken (NP-VI.B.5, SP-III.E)';

CREATE TABLE facesnxt.probe_derivation (
    derivation_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL,
    parent_sha256 bytea NOT NULL,
    sha256 bytea NOT NULL CHECK (sha256 <> parent_sha256),
    operation text NOT NULL CHECK (operation <> ''),
    parameters jsonb NOT NULL,
    tool text NOT NULL CHECK (tool <> ''),
    performed_at timestamptz NOT NULL,
    account_id uuid NOT NULL,
    performed_by name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE INDEX ON facesnxt.probe_derivation (agency_id, sha256);
CREATE INDEX ON facesnxt.probe_derivation (agency_id, parent_sha256);
COMMENT ON TABLE facesnxt.probe_derivation IS
'Enhanced copies, each a photograph of its own in facesnxt.probe: what was done to which image, with what, by whom, when (NP-VI.B.2.b, NP-VI.B.2.c); an acyclic graph';

CREATE TABLE facesnxt.consent (
    consent_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL,
    sha256 bytea NOT NULL,
    consented boolean NOT NULL,
    encounter text NOT NULL CHECK (encounter <> ''),
    why_no_consent text,
    submission_purpose text,
    account_id uuid NOT NULL,
    recorded_by name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CHECK (consented OR (why_no_consent <> '' AND submission_purpose <> ''))
);
CREATE INDEX ON facesnxt.consent (agency_id, sha256);
COMMENT ON TABLE facesnxt.consent IS
'Whether a person consented to a photograph (NP-VI.B.4); if not, why not and for what it is submitted (NP-VI.A.3.note)';

SELECT facesnxt.keep_record(kept, 'facesnxt_auditor')
FROM pg_catalog.unnest(ARRAY['probe_source', 'probe_derivation', 'consent']::name[]) kept;

-- All images that go back to the same originals, itself included.
CREATE FUNCTION facesnxt.probe_family(agency_id uuid, sha256 bytea) RETURNS SETOF bytea
LANGUAGE plpgsql STABLE ROWS 5
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE up (sha) AS (
        SELECT $2
        UNION SELECT d.parent_sha256 FROM up JOIN facesnxt.probe_derivation d ON d.agency_id = $1 AND d.sha256 = up.sha
    ), down (sha) AS (
        SELECT up.sha FROM up
        UNION SELECT d.sha256 FROM down JOIN facesnxt.probe_derivation d ON d.agency_id = $1 AND d.parent_sha256 = down.sha
    )
    SELECT down.sha FROM down;
END
$$;
COMMENT ON FUNCTION facesnxt.probe_family(uuid, bytea) IS 'The images of an agency that were made from the same originals, by SHA-256';
REVOKE ALL ON FUNCTION facesnxt.probe_family(uuid, bytea) FROM PUBLIC;

CREATE FUNCTION facesnxt.apply_probe(request jsonb, image bytea) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who CONSTANT facesnxt.account := facesnxt.account_of((request->'identity'->>'acting_oid')::oid, 'active');
    version_id CONSTANT uuid := facesnxt.policy_in_force(who.agency_id, clock_timestamp());
    basis CONSTANT text := facesnxt.readable(request->>'capture_basis');
    hash CONSTANT bytea := sha256(image);
    new_id uuid;
BEGIN
    IF who.account_id IS NULL THEN
        RETURN facesnxt.record_refusal('photograph', request, facesnxt.no_account());
    END IF;
    IF facesnxt.policy_value(version_id, 'capture_basis') IS NOT NULL
        AND (basis IS NULL OR lower(basis) = ANY (ARRAY(SELECT lower(v) FROM unnest(facesnxt.policy_texts(version_id, 'capture_basis')) v))) THEN
        RETURN facesnxt.record_refusal('photograph', request, facesnxt.refusal('NX394', 'photograph refused: no legal basis',
            format('Nobody is detained only to take a photograph; stated: %s (%s).', coalesce(basis, 'nothing'),
                   facesnxt.policy_clause(version_id, 'capture_basis')),
            'Give "capture_basis": on what ground the photograph was taken.')
            || jsonb_build_object('rule', 'capture_basis', 'clause', facesnxt.policy_clause(version_id, 'capture_basis')));
    END IF;
    INSERT INTO facesnxt.probe (agency_id, sha256, image) VALUES (who.agency_id, hash, image) ON CONFLICT DO NOTHING;
    INSERT INTO facesnxt.probe_source (agency_id, sha256, width, height, source, captured_at, capture_basis,
        account_id, recorded_by, session_role)
    VALUES (who.agency_id, hash, (request->>'width')::int, (request->>'height')::int, request->>'source',
            (request->>'captured_at')::timestamptz, basis, who.account_id,
            request->'identity'->>'acting_role', request->'identity'->>'session_role')
    RETURNING source_id INTO new_id;
    RETURN jsonb_build_object('id', new_id, 'sha256', encode(hash, 'hex'));
END
$$;
COMMENT ON FUNCTION facesnxt.apply_probe(jsonb, bytea) IS 'The writer''s part of register_probe()';
REVOKE ALL ON FUNCTION facesnxt.apply_probe(jsonb, bytea) FROM PUBLIC;

CREATE FUNCTION facesnxt.check_still(image bytea) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    size record;
BEGIN
    IF facesnxt.photo_kind(image) IN ('video', 'several pictures') THEN
        PERFORM facesnxt.refuse_on_record('photograph', 'NX322', 'photograph refused: it is no still picture',
            format('By its bytes it is: %s (MI-4.3.1).', facesnxt.photo_kind(image)), 'Submit one picture as a JPEG file.',
            clause => 'MI-4.3.1');
    END IF;
    SELECT * INTO size FROM facesnxt.photo_size(image);
    RETURN to_jsonb(size);
END
$$;
COMMENT ON FUNCTION facesnxt.check_still(bytea) IS 'Width and height of a still JPEG that decodes; an error for any other file';
REVOKE ALL ON FUNCTION facesnxt.check_still(bytea) FROM PUBLIC;

CREATE FUNCTION facesnxt.register_probe(
    image bytea, source text, capture_basis text DEFAULT NULL, captured_at timestamptz DEFAULT NULL)
RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF image IS NULL OR facesnxt.readable(source) IS NULL THEN
        RAISE EXCEPTION 'photograph refused: it needs its bytes and a source'
            USING ERRCODE = 'null_value_not_allowed', HINT = 'Say in "source" where the photograph comes from.';
    END IF;
    IF captured_at > clock_timestamp() OR NOT isfinite(captured_at) THEN
        PERFORM facesnxt.refuse_on_record('photograph', 'NX394', 'photograph refused: it was not taken yet',
            format('Time of capture: %s.', captured_at), 'Give the time at which it was taken, or none.',
            (facesnxt.acting_account()).agency_id, 'capture_basis', 'NP-VI.B.2.a');
    END IF;
    RETURN decode(facesnxt.record_it('probe', facesnxt.check_still(image) || jsonb_build_object(
        'source', source, 'capture_basis', capture_basis, 'captured_at', captured_at), image)->>'sha256', 'hex');
END
$$;
COMMENT ON FUNCTION facesnxt.register_probe(bytea, text, text, timestamptz) IS
'Keeps an original photograph as it is, with its source and the legal basis of its capture; returns its SHA-256 (NX322, NX394)';
REVOKE ALL ON FUNCTION facesnxt.register_probe(bytea, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.register_probe(bytea, text, text, timestamptz) TO facesnxt_investigator;
