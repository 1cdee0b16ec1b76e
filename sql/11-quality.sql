-- How good a photograph of a face is, and pictures made from photographs.

CREATE FUNCTION facesnxt.quality_measures(
    OUT place int, OUT measure text, OUT element text, OUT ofiq text, OUT unit text, OUT weight float8)
    RETURNS SETOF record
    LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 23
    AS 'MODULE_PATHNAME', 'facesnxt_quality_measures';
COMMENT ON FUNCTION facesnxt.quality_measures() IS
    'The measures of quality: element of ISO/IEC 29794-5:2025, identifier of OFIQ, unit of the native value, weight in the unified score (docs/quality.md)';
REVOKE ALL ON FUNCTION facesnxt.quality_measures() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.quality_measures() TO facesnxt_investigator, facesnxt_requester, facesnxt_auditor, facesnxt_admin;

CREATE FUNCTION facesnxt.image_quality(photo bytea, face text DEFAULT 'largest', detector text DEFAULT NULL)
    RETURNS TABLE (measure text, native float8, component integer)
    LANGUAGE c STABLE PARALLEL SAFE SECURITY DEFINER ROWS 23 COST 100000
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'facesnxt_image_quality';
REVOKE ALL ON FUNCTION facesnxt.image_quality(bytea, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.image_quality(bytea, text, text) TO facesnxt_investigator, facesnxt_admin;
COMMENT ON FUNCTION facesnxt.image_quality(bytea, text, text) IS
    'Quality of one face of a JPEG photograph, a row for each of quality_measures(): native value and component 0-100, null where it cannot be measured; errors as of extract()';

CREATE FUNCTION facesnxt.quality_rows(quality jsonb)
    RETURNS TABLE (measure text, native float8, component integer, element text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
    SELECT m.measure, ($1->'native'->>m.measure)::float8, ($1->'component'->>m.measure)::int, m.element
    FROM facesnxt.quality_measures() m WHERE $1 IS NOT NULL ORDER BY m.place
$$;
COMMENT ON FUNCTION facesnxt.quality_rows(jsonb) IS 'What is kept of a photograph''s quality (extraction.quality), a row for each measure';
REVOKE ALL ON FUNCTION facesnxt.quality_rows(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.quality_rows(jsonb) TO facesnxt_investigator, facesnxt_requester, facesnxt_auditor, facesnxt_admin;

CREATE FUNCTION facesnxt.thumbnail(photo bytea, max_size integer DEFAULT 160) RETURNS bytea
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000
    AS 'MODULE_PATHNAME', 'facesnxt_thumbnail';
COMMENT ON FUNCTION facesnxt.thumbnail(bytea, integer) IS
    'A small JPEG of a JPEG photograph, upright, the longer side at most max_size pixels, without Exif, GPS or any other metadata; errors NX101 to NX103';
REVOKE ALL ON FUNCTION facesnxt.thumbnail(bytea, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.thumbnail(bytea, integer) TO facesnxt_investigator, facesnxt_requester, facesnxt_admin;

CREATE FUNCTION facesnxt.enhance_pixels(photo bytea, operation text, names text[], numbers float8[], quality integer) RETURNS bytea
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50000
    AS 'MODULE_PATHNAME', 'facesnxt_enhance';
COMMENT ON FUNCTION facesnxt.enhance_pixels(bytea, text, text[], float8[], integer) IS 'What enhance() does, with its parameters as two lists';
REVOKE ALL ON FUNCTION facesnxt.enhance_pixels(bytea, text, text[], float8[], integer) FROM PUBLIC;

CREATE FUNCTION facesnxt.enhance(photo bytea, operation text, parameters jsonb DEFAULT '{}', quality integer DEFAULT 95) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(parameters) <> 'object' OR EXISTS (SELECT FROM jsonb_each(parameters) p WHERE jsonb_typeof(p.value) <> 'number') THEN
        RAISE EXCEPTION 'wrong parameters of "%"', operation USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('Given: %s.', parameters), HINT = 'Give an object of numbers, such as {"degrees": 4.5}.';
    END IF;
    RETURN facesnxt.enhance_pixels(photo, operation, ARRAY(SELECT p.key FROM jsonb_each_text(parameters) p ORDER BY p.key),
        ARRAY(SELECT p.value::float8 FROM jsonb_each_text(parameters) p ORDER BY p.key), quality);
END
$$;
COMMENT ON FUNCTION facesnxt.enhance(bytea, text, jsonb, integer) IS
    'A JPEG made from a JPEG photograph, without metadata: crop {x, y, width, height}, rotate {degrees}, mirror, brightness {add}, contrast {factor}, gamma {gamma}, equalise, sharpen {amount, radius}, denoise {radius}. It keeps nothing: enhance_probe() does';
REVOKE ALL ON FUNCTION facesnxt.enhance(bytea, text, jsonb, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.enhance(bytea, text, jsonb, integer) TO facesnxt_investigator, facesnxt_admin;

CREATE FUNCTION facesnxt.photo_hash(photo bytea) RETURNS bigint
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 20000
    AS 'MODULE_PATHNAME', 'facesnxt_photo_hash';
COMMENT ON FUNCTION facesnxt.photo_hash(bytea) IS
    'Perceptual hash of a JPEG photograph, 64 bits by its slowest cosines; copies in another size or quality differ in a few bits (hash_distance())';
REVOKE ALL ON FUNCTION facesnxt.photo_hash(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.photo_hash(bytea) TO facesnxt_investigator, facesnxt_admin;

CREATE FUNCTION facesnxt.hash_distance(a bigint, b bigint) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$ SELECT bit_count((a # b)::bit(64))::int $$;
COMMENT ON FUNCTION facesnxt.hash_distance(bigint, bigint) IS 'In how many of their 64 bits two hashes differ';
REVOKE ALL ON FUNCTION facesnxt.hash_distance(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.hash_distance(bigint, bigint) TO facesnxt_investigator, facesnxt_admin;
