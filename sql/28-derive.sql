-- Copies that were made from kept images, and consent to photographs.

-- A copy becomes a child of an image that is kept. Two writers at once could
-- close a circle that neither sees, so they take turns.
CREATE FUNCTION facesnxt.apply_derivation(request jsonb, image bytea) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who CONSTANT facesnxt.account := facesnxt.account_of((request->'identity'->>'acting_oid')::oid, 'active');
    parent CONSTANT bytea := decode(request->>'parent', 'hex');
    hash CONSTANT bytea := sha256(image);
    new_id uuid;
BEGIN
    IF who.account_id IS NULL THEN
        RETURN facesnxt.record_refusal('copy', request, facesnxt.no_account());
    END IF;
    LOCK TABLE facesnxt.probe_derivation IN SHARE ROW EXCLUSIVE MODE;
    IF NOT EXISTS (SELECT FROM facesnxt.probe p WHERE p.agency_id = who.agency_id AND p.sha256 = parent) THEN
        RETURN facesnxt.record_refusal('copy', request, facesnxt.refusal('NX393', 'copy refused: no such image of your agency is kept',
            format('SHA-256 %s (NP-VI.B.2.b).', request->>'parent'), 'Keep the original first: facesnxt.register_probe().')
            || '{"clause": "NP-VI.B.2.b"}');
    END IF;
    -- an image that was only searched may turn out to be a copy
    IF hash = parent OR EXISTS (SELECT FROM facesnxt.probe_source s WHERE s.agency_id = who.agency_id AND s.sha256 = hash)
        OR EXISTS (SELECT FROM facesnxt.request_probe p JOIN facesnxt.search_request r USING (request_id)
                   WHERE r.agency_id = who.agency_id AND p.sha256 = hash) THEN
        RETURN facesnxt.record_refusal('copy', request, facesnxt.refusal('NX393', 'copy refused: these are the bytes of an original',
            'An enhancement is a copy that is saved separately (NP-VI.B.2.b).', 'Hand over the enhanced copy.')
            || '{"clause": "NP-VI.B.2.b"}');
    END IF;
    IF EXISTS (
        WITH RECURSIVE up (sha) AS (
            SELECT parent
            UNION SELECT d.parent_sha256 FROM up JOIN facesnxt.probe_derivation d ON d.agency_id = who.agency_id AND d.sha256 = up.sha)
        SELECT FROM up WHERE sha = hash) THEN
        RETURN facesnxt.record_refusal('copy', request, facesnxt.refusal('NX393',
            'copy refused: the image is an ancestor of the one it would be made from',
            'What was made from an image is not its original (NP-VI.B.2.b).', 'Name the image that the copy was made from.')
            || '{"clause": "NP-VI.B.2.b"}');
    END IF;
    INSERT INTO facesnxt.probe (agency_id, sha256, image) VALUES (who.agency_id, hash, image) ON CONFLICT DO NOTHING;
    INSERT INTO facesnxt.probe_derivation (agency_id, parent_sha256, sha256, operation, parameters, tool, performed_at,
        account_id, performed_by, session_role)
    VALUES (who.agency_id, parent, hash, request->>'operation', request->'parameters', request->>'tool',
            coalesce((request->>'performed_at')::timestamptz, clock_timestamp()), who.account_id,
            request->'identity'->>'acting_role', request->'identity'->>'session_role')
    RETURNING derivation_id INTO new_id;
    RETURN jsonb_build_object('id', new_id, 'sha256', encode(hash, 'hex'));
END
$$;
COMMENT ON FUNCTION facesnxt.apply_derivation(jsonb, bytea) IS 'The writer''s part of derive_probe()';
REVOKE ALL ON FUNCTION facesnxt.apply_derivation(jsonb, bytea) FROM PUBLIC;

CREATE FUNCTION facesnxt.derive_probe(
    parent bytea, image bytea, operation text, parameters jsonb, tool text, performed_at timestamptz DEFAULT NULL)
RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF parent IS NULL OR image IS NULL OR facesnxt.readable(operation) IS NULL OR facesnxt.readable(tool) IS NULL
        OR jsonb_typeof(parameters) IS DISTINCT FROM 'object' THEN
        PERFORM facesnxt.refuse_on_record('copy', 'NX393', 'copy refused: it is not said what was done',
            'What was enhanced is recorded, with date and time (NP-VI.B.2.c).',
            'Give parent, image, operation, parameters (an object) and tool.', clause => 'NP-VI.B.2.c');
    ELSIF performed_at > clock_timestamp() OR NOT isfinite(performed_at) THEN
        PERFORM facesnxt.refuse_on_record('copy', 'NX393', 'copy refused: it was not made yet',
            'What was enhanced is recorded, with date and time (NP-VI.B.2.c).',
            'Give the time at which it was made, or none for now.', clause => 'NP-VI.B.2.c');
    END IF;
    PERFORM facesnxt.check_still(image);
    RETURN decode(facesnxt.record_it('derivation', jsonb_build_object('parent', encode(parent, 'hex'), 'operation', operation,
        'parameters', parameters, 'tool', tool, 'performed_at', performed_at), image)->>'sha256', 'hex');
END
$$;
COMMENT ON FUNCTION facesnxt.derive_probe(bytea, bytea, text, jsonb, text, timestamptz) IS
'Keeps an enhanced copy of a kept image, with what was done, with what parameters and which tool; returns its SHA-256 (NX322, NX393)';
REVOKE ALL ON FUNCTION facesnxt.derive_probe(bytea, bytea, text, jsonb, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.derive_probe(bytea, bytea, text, jsonb, text, timestamptz) TO facesnxt_investigator;

CREATE FUNCTION facesnxt.apply_consent(request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who CONSTANT facesnxt.account := facesnxt.account_of((request->'identity'->>'acting_oid')::oid, 'active');
    hash CONSTANT bytea := decode(request->>'sha256', 'hex');
    new_id uuid;
BEGIN
    IF who.account_id IS NULL THEN
        RETURN facesnxt.record_refusal('consent', request, facesnxt.no_account());
    END IF;
    IF NOT EXISTS (SELECT FROM facesnxt.probe p WHERE p.agency_id = who.agency_id AND p.sha256 = hash) THEN
        RETURN facesnxt.record_refusal('consent', request, facesnxt.refusal('NX393', 'consent refused: no such image of your agency is kept',
            format('SHA-256 %s (NP-VI.B.4).', request->>'sha256'), 'Keep the photograph first: facesnxt.register_probe().')
            || '{"clause": "NP-VI.B.4"}');
    END IF;
    INSERT INTO facesnxt.consent (agency_id, sha256, consented, encounter, why_no_consent, submission_purpose,
        account_id, recorded_by, session_role)
    VALUES (who.agency_id, hash, (request->>'consented')::boolean, request->>'encounter', request->>'why_no_consent',
            request->>'submission_purpose', who.account_id,
            request->'identity'->>'acting_role', request->'identity'->>'session_role')
    RETURNING consent_id INTO new_id;
    RETURN jsonb_build_object('id', new_id);
END
$$;
COMMENT ON FUNCTION facesnxt.apply_consent(jsonb) IS 'The writer''s part of record_consent()';
REVOKE ALL ON FUNCTION facesnxt.apply_consent(jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.record_consent(
    sha256 bytea, consented boolean, encounter text, why_no_consent text DEFAULT NULL, submission_purpose text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF sha256 IS NULL OR consented IS NULL OR facesnxt.readable(encounter) IS NULL THEN
        PERFORM facesnxt.refuse_on_record('consent', 'NX394', 'consent refused: image, consent or encounter is missing',
            'A person may consent in a consensual encounter (NP-VI.B.4).',
            'Say which image, whether the person consented, and in what encounter.', clause => 'NP-VI.B.4');
    ELSIF NOT consented AND (facesnxt.readable(why_no_consent) IS NULL OR facesnxt.readable(submission_purpose) IS NULL) THEN
        PERFORM facesnxt.refuse_on_record('consent', 'NX394', 'a photograph without consent is not explained',
            'It is documented why the person could not consent, and for what it is submitted (NP-VI.A.3.note).',
            'Give "why_no_consent" and "submission_purpose".', clause => 'NP-VI.A.3.note');
    END IF;
    RETURN (facesnxt.record_it('consent', jsonb_build_object('sha256', encode(sha256, 'hex'), 'consented', consented,
        'encounter', encounter, 'why_no_consent', why_no_consent, 'submission_purpose', submission_purpose))->>'id')::uuid;
END
$$;
COMMENT ON FUNCTION facesnxt.record_consent(bytea, boolean, text, text, text) IS
'Records whether the person on a kept photograph consented to it, or why not and for what it is submitted (NX394)';
REVOKE ALL ON FUNCTION facesnxt.record_consent(bytea, boolean, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.record_consent(bytea, boolean, text, text, text) TO facesnxt_investigator;
