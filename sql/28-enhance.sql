-- Enhanced copies that the extension makes itself: the original stays as it
-- is, and what was done, with what parameters, by whom and when is recorded
-- with the copy.

CREATE FUNCTION facesnxt.enhance_probe(parent bytea, operation text, parameters jsonb DEFAULT '{}') RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who CONSTANT uuid := facesnxt.my_agency();
    original CONSTANT bytea := (SELECT p.image FROM facesnxt.probe p WHERE p.agency_id = who AND p.sha256 = parent);
BEGIN
    IF who IS NULL THEN
        PERFORM facesnxt.refuse_on_record('copy', 'NX302', 'copy refused: the acting role has no active account',
            'Every use is an account''s (SP-IV.A.1).', 'Ask the administrator of your agency.', clause => 'SP-IV.A.1');
    ELSIF original IS NULL THEN
        PERFORM facesnxt.refuse_on_record('copy', 'NX393', 'copy refused: no such image of your agency is kept',
            format('SHA-256 %s (NP-VI.B.2.b).', coalesce(encode(parent, 'hex'), 'NULL')),
            'Keep the original first: facesnxt.register_probe().', clause => 'NP-VI.B.2.b');
    ELSIF operation IS NULL OR parameters IS NULL THEN
        PERFORM facesnxt.refuse_on_record('copy', 'NX393', 'copy refused: it is not said what to do',
            'What was enhanced is recorded, with date and time (NP-VI.B.2.c).', 'Give an operation and its parameters.', clause => 'NP-VI.B.2.c');
    END IF;
    -- the same operation that changes nothing gives the same bytes again: derive_probe() refuses that
    RETURN facesnxt.derive_probe(parent, facesnxt.enhance(original, operation, parameters), operation, parameters,
        'facesnxt ' || (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'facesnxt'));
END
$$;
COMMENT ON FUNCTION facesnxt.enhance_probe(bytea, text, jsonb) IS
'Makes an enhanced copy of a kept image, by enhance(), and keeps it with what was done to which image, by whom and when; returns its SHA-256 (NP-VI.B.2.b, NP-VI.B.2.c, NX393)';
REVOKE ALL ON FUNCTION facesnxt.enhance_probe(bytea, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.enhance_probe(bytea, text, jsonb) TO facesnxt_investigator;
