-- Verification, 1:1: one probe and one reference or photograph give a score.
-- It passes the same gate and is a kind of record of its own.

CREATE TABLE facesnxt.verification (
    verification_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    status text NOT NULL CHECK (status IN ('completed', 'refused')),
    sqlstate text CHECK ((sqlstate IS NULL) = (status = 'completed')),
    clause text,
    message text,
    detail text,
    agency_id uuid,
    account_id uuid,
    version_id uuid,
    case_number text,
    purpose text,
    reason text,
    fields jsonb,
    facts jsonb,
    set_aside jsonb,
    probe_sha256 bytea,
    probe_id text GENERATED ALWAYS AS (facts->'search'->'probe'->>'sha256') STORED,
    photo_sha256 bytea,
    reference_id uuid,
    model text,
    score real CHECK ((score IS NOT NULL) = (status = 'completed')),
    requested_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    identity jsonb NOT NULL,
    acting_role name NOT NULL,
    session_role name NOT NULL
);
CREATE INDEX ON facesnxt.verification (account_id, recorded_at);
CREATE INDEX ON facesnxt.verification (agency_id, recorded_at);
COMMENT ON TABLE facesnxt.verification IS 'One row per 1:1 comparison, completed or refused, committed before the score leaves (NM-IV.G.2)';
COMMENT ON COLUMN facesnxt.verification.score IS 'Cosine similarity, -1 to 1: a score, no decision that two photographs show one person';
SELECT facesnxt.keep_record('verification', 'facesnxt_auditor');

CREATE VIEW facesnxt.my_verifications WITH (security_barrier) AS
    SELECT v.verification_id, v.status, v.sqlstate, v.message, v.acting_role, v.case_number, v.purpose, v.reason, v.probe_sha256,
        v.photo_sha256, v.reference_id, v.model, v.score, v.recorded_at
    FROM facesnxt.verification v
    WHERE v.agency_id = (SELECT facesnxt.my_agency());
COMMENT ON VIEW facesnxt.my_verifications IS '1:1 comparisons of the acting role''s agency';
REVOKE ALL ON TABLE facesnxt.my_verifications FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_verifications TO facesnxt_investigator;

CREATE FUNCTION facesnxt.apply_verification(request jsonb, image bytea) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    verdict facesnxt.verdict;
    refused CONSTANT jsonb := nullif(request->'refusal', 'null');
    photo CONSTANT bytea := decode(request->>'photo', 'base64');
    new_id uuid;
BEGIN
    verdict := facesnxt.gate(request);
    IF refused IS NOT NULL THEN
        verdict.code := refused->>'code';
        verdict.clause := refused->>'clause';
        verdict.message := refused->>'message';
        verdict.detail := refused->>'detail';
    END IF;
    IF verdict.agency_id IS NOT NULL THEN
        INSERT INTO facesnxt.probe (agency_id, sha256, image)
        SELECT DISTINCT ON (sha256(i)) verdict.agency_id, sha256(i), i FROM unnest(ARRAY[image, photo]) i WHERE i IS NOT NULL
        ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO facesnxt.verification (status, sqlstate, clause, message, detail, agency_id, account_id, version_id, case_number,
        purpose, reason, fields, facts, set_aside, probe_sha256, photo_sha256, reference_id, model, score, requested_at, identity,
        acting_role, session_role)
    VALUES (CASE WHEN verdict.code IS NULL THEN 'completed' ELSE 'refused' END, verdict.code, verdict.clause, verdict.message,
        verdict.detail, verdict.agency_id, verdict.account_id, verdict.version_id, request->>'case_number', request->>'purpose',
        request->>'reason', nullif(request->'fields', 'null'), verdict.facts, verdict.set_aside, sha256(image), sha256(photo),
        (request->>'reference_id')::uuid, request->>'model',
        CASE WHEN verdict.code IS NULL THEN (request->>'score')::real END, (request->>'requested_at')::timestamptz,
        request->'identity', request->'identity'->>'acting_role', request->'identity'->>'session_role')
    RETURNING verification_id INTO new_id;
    RETURN jsonb_build_object('id', new_id, 'code', verdict.code, 'message', verdict.message, 'detail', verdict.detail, 'hint', verdict.hint);
END
$$;
COMMENT ON FUNCTION facesnxt.apply_verification(jsonb, bytea) IS 'The writer''s part of verify(): judges on committed rows and inserts the record';
REVOKE ALL ON FUNCTION facesnxt.apply_verification(jsonb, bytea) FROM PUBLIC;

CREATE FUNCTION facesnxt.compare_pair(
    image bytea, given facesnxt.embedding, case_number text, purpose text, reason text, reference_id uuid, photo bytea,
    face text, fields jsonb, overrides jsonb)
RETURNS TABLE (verification_id uuid, score real, model text)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
DECLARE
    request jsonb;
    verdict facesnxt.verdict;
    refused jsonb;
    probe facesnxt.embedding := given;
    known facesnxt.embedding;
    answer jsonb;
BEGIN
    request := facesnxt.make_request(case_number, purpose, reason, fields, ARRAY(
            SELECT DISTINCT r.repository::text FROM facesnxt.reference r WHERE r.reference_id = compare_pair.reference_id), overrides)
        || jsonb_build_object('mode', 'verification', 'probe', facesnxt.probe_shape(image, given), 'reference_id', reference_id,
                              'photo', encode(photo, 'base64'));
    verdict := facesnxt.gate(request);
    IF verdict.code IS NOT NULL THEN
        refused := to_jsonb(verdict) - 'facts';
    ELSE
        BEGIN
            IF (reference_id IS NULL) = (photo IS NULL) OR (image IS NULL AND given IS NULL) THEN
                RAISE EXCEPTION 'verification refused: it takes a probe and one reference or photograph'
                    USING ERRCODE = 'null_value_not_allowed', HINT = 'Give the probe, and "reference_id" or "photo".';
            END IF;
            IF probe IS NULL THEN
                probe := (facesnxt.extract(image, face, NULL::text, NULL::text)).template;
            END IF;
            IF photo IS NOT NULL THEN
                PERFORM facesnxt.check_still(photo);
                known := (facesnxt.extract(photo, face, NULL::text, NULL::text)).template;
            ELSE
                SELECT r.template INTO known FROM facesnxt.reference r WHERE r.reference_id = compare_pair.reference_id
                ORDER BY (r.model = coalesce(facesnxt.model(probe), '00000000')) DESC LIMIT 1;
                IF known IS NULL THEN
                    RAISE EXCEPTION 'verification refused: no such reference'
                        USING ERRCODE = 'undefined_object', HINT = 'my_candidates gives the references of candidates.';
                END IF;
            END IF;
            request := request || jsonb_build_object('model', coalesce(facesnxt.model(probe), '00000000'),
                'score', (1 - (probe OPERATOR(facesnxt.<=>) known))::real);
        EXCEPTION WHEN OTHERS THEN
            DECLARE
                code text;
                message text;
                detail text;
                hint text;
            BEGIN
                GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
                    hint = PG_EXCEPTION_HINT;
                refused := jsonb_build_object('code', code, 'message', message, 'detail', nullif(detail, ''), 'hint', nullif(hint, ''));
            END;
        END;
    END IF;
    -- the score does not leave before this has returned
    answer := facesnxt.audit_write('verification', request || jsonb_build_object('refusal', refused), image);
    IF coalesce(refused, answer)->>'code' IS NOT NULL THEN
        PERFORM facesnxt.raise(r->>'code', r->>'message', r->>'detail', r->>'hint') FROM (SELECT coalesce(refused, answer) AS r) c;
    END IF;
    IF answer->>'id' IS NULL THEN
        RAISE EXCEPTION 'audit record could not be confirmed' USING ERRCODE = 'NX403';
    END IF;
    RETURN QUERY SELECT (answer->>'id')::uuid, (request->>'score')::real, request->>'model';
END
$$;
COMMENT ON FUNCTION facesnxt.compare_pair(bytea, facesnxt.embedding, text, text, text, uuid, bytea, text, jsonb, jsonb) IS
'What verify() and verify_template() have in common: gate, templates, score, record';
REVOKE ALL ON FUNCTION facesnxt.compare_pair(bytea, facesnxt.embedding, text, text, text, uuid, bytea, text, jsonb, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.verify(
    probe bytea, case_number text, purpose text, reason text DEFAULT NULL, reference_id uuid DEFAULT NULL, photo bytea DEFAULT NULL,
    face text DEFAULT 'only', fields jsonb DEFAULT NULL, overrides jsonb DEFAULT NULL)
RETURNS TABLE (verification_id uuid, score real, model text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT * FROM facesnxt.compare_pair(probe, NULL, case_number, purpose, reason, reference_id, photo, face, fields, overrides) $$;
COMMENT ON FUNCTION facesnxt.verify(bytea, text, text, text, uuid, bytea, text, jsonb, jsonb) IS
'Compares the face on a photograph with one reference or one other photograph: a score, recorded before it is returned; the gate is that of search()';
REVOKE ALL ON FUNCTION facesnxt.verify(bytea, text, text, text, uuid, bytea, text, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.verify(bytea, text, text, text, uuid, bytea, text, jsonb, jsonb) TO facesnxt_investigator;

CREATE FUNCTION facesnxt.verify_template(
    probe facesnxt.embedding, case_number text, purpose text, reason text DEFAULT NULL, reference_id uuid DEFAULT NULL,
    fields jsonb DEFAULT NULL, overrides jsonb DEFAULT NULL)
RETURNS TABLE (verification_id uuid, score real, model text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT * FROM facesnxt.compare_pair(NULL, probe, case_number, purpose, reason, reference_id, NULL, NULL, fields, overrides) $$;
COMMENT ON FUNCTION facesnxt.verify_template(facesnxt.embedding, text, text, text, uuid, jsonb, jsonb) IS
'Compares a template that was made before with one reference; otherwise as verify()';
REVOKE ALL ON FUNCTION facesnxt.verify_template(facesnxt.embedding, text, text, text, uuid, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.verify_template(facesnxt.embedding, text, text, text, uuid, jsonb, jsonb) TO facesnxt_investigator;
