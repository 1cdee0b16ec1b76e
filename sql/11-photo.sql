-- From a photograph to faces and a template. Coordinates are pixels of the
-- upright photograph, origin top left.

CREATE FUNCTION facesnxt.detect(photo bytea, detector text DEFAULT NULL, threshold real DEFAULT 0.5)
    RETURNS TABLE (face integer, x real, y real, width real, height real, score real, landmarks real[])
    LANGUAGE c STABLE PARALLEL SAFE SECURITY DEFINER ROWS 3 COST 100000
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'facesnxt_detect';
REVOKE ALL ON FUNCTION facesnxt.detect(bytea, text, real) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.detect(bytea, text, real) TO facesnxt_investigator, facesnxt_admin;
COMMENT ON FUNCTION facesnxt.detect(bytea, text, real) IS
    'Faces in a JPEG photograph, best score first: box, score 0-1, five landmarks as x, y pairs (eyes, nose tip, mouth corners; null when the detector has none)';

CREATE TYPE facesnxt.extraction AS (
    template facesnxt.embedding,
    detector text,
    recogniser text,
    x real,
    y real,
    width real,
    height real,
    score real,
    landmarks real[],
    eye_distance real,
    sharpness real,
    brightness real,
    contrast real,
    roll real,
    yaw real,
    pitch real,
    quality jsonb,
    photo_hash bigint
);
COMMENT ON TYPE facesnxt.extraction IS 'A template with the face it was made from and how good that face is';
COMMENT ON COLUMN facesnxt.extraction.eye_distance IS 'Pixels between the eyes in the photograph';
COMMENT ON COLUMN facesnxt.extraction.sharpness IS 'Variance of the Laplacian of the aligned face';
COMMENT ON COLUMN facesnxt.extraction.brightness IS 'Mean luma of the aligned face, 0-255';
COMMENT ON COLUMN facesnxt.extraction.contrast IS 'Standard deviation of the luma of the aligned face';
COMMENT ON COLUMN facesnxt.extraction.roll IS 'Degrees in the plane of the picture';
COMMENT ON COLUMN facesnxt.extraction.yaw IS 'Offset of the nose from the middle of the eyes, in eye distances; 0 is frontal';
COMMENT ON COLUMN facesnxt.extraction.pitch IS 'Place of the nose between the line of the eyes (0) and that of the mouth (1)';
COMMENT ON COLUMN facesnxt.extraction.quality IS 'Measures of ISO/IEC 29794-5, by name: version, component (0-100), native (docs/quality.md)';
COMMENT ON COLUMN facesnxt.extraction.photo_hash IS 'Perceptual hash of the photograph, 64 bits';

CREATE FUNCTION facesnxt.extract(photo bytea, face text DEFAULT 'only', detector text DEFAULT NULL,
        recogniser text DEFAULT NULL)
    RETURNS facesnxt.extraction
    LANGUAGE c STABLE PARALLEL SAFE SECURITY DEFINER COST 200000
    SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'facesnxt_extract';
REVOKE ALL ON FUNCTION facesnxt.extract(bytea, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.extract(bytea, text, text, text) TO facesnxt_admin;
COMMENT ON FUNCTION facesnxt.extract(bytea, text, text, text) IS
    'Template of one face of a JPEG photograph. face: only (an error when there are several), best, largest, central, at X Y WIDTH HEIGHT (the face in that box), or a number of facesnxt.detect(). Errors: NX111 no face, NX112 several, NX113 too small';
