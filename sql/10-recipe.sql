-- Recipes: how the pixels of a well-known family of models are prepared, so
-- that its files need one call and no numbers.

CREATE FUNCTION facesnxt.model_recipes(OUT recipe text, OUT kind text, OUT head text, OUT channel_order text,
        OUT mean real[], OUT scale real, OUT family text)
    RETURNS SETOF record
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $$
    VALUES
    ('insightface-scrfd', 'detector', 'scrfd', 'RGB', '{127.5,127.5,127.5}'::real[], (1 / 128.0)::real,
     'InsightFace SCRFD with landmarks (det_500m, det_2.5g, det_10g, scrfd_*_kps)'),
    ('insightface-arcface', 'recogniser', NULL, 'RGB', '{127.5,127.5,127.5}', (1 / 127.5)::real,
     'InsightFace ArcFace (w600k_r50, w600k_mbf, glint360k_*): 112 x 112, 512 numbers'),
    ('insightface-arcface-128', 'recogniser', NULL, 'RGB', '{127.5,127.5,127.5}', (1 / 128.0)::real,
     'the same, of trainings that divide by 128'),
    ('opencv-yunet', 'detector', 'yunet', 'BGR', '{0,0,0}', 1::real,
     'OpenCV YuNet of 2023 and later (face_detection_yunet_2023mar, yunet_n_*)'),
    ('opencv-sface', 'recogniser', NULL, 'RGB', '{0,0,0}', 1::real,
     'OpenCV SFace (face_recognition_sface_2021dec), which scales inside the network: 128 numbers'),
    ('ultraface', 'detector', 'ultraface', 'RGB', '{127,127,127}', (1 / 128.0)::real,
     'UltraFace (version-RFB-320, version-slim-320); no landmarks, so for finding faces only'),
    ('mobilefacenet-bgr', 'recogniser', NULL, 'BGR', '{127.5,127.5,127.5}', (1 / 127.5)::real,
     'MobileFaceNets trained on pictures as OpenCV reads them')
$$;
REVOKE ALL ON FUNCTION facesnxt.model_recipes() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.model_recipes() TO facesnxt_admin, facesnxt_auditor;
COMMENT ON FUNCTION facesnxt.model_recipes() IS
    'Families of models whose pixel preparation is known by name: channel order, mean, scale, and the head of a detector';

CREATE FUNCTION facesnxt.load_model_as(recipe text, name text, onnx bytea, licence text)
    RETURNS text
    LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    r record;
    found_head text;
BEGIN
    SELECT m.* INTO r FROM facesnxt.model_recipes() m WHERE m.recipe = load_model_as.recipe;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '22023',
            MESSAGE = pg_catalog.format('there is no recipe "%s"', coalesce(load_model_as.recipe, 'NULL')),
            DETAIL = (SELECT 'Recipes are ' || pg_catalog.string_agg(m.recipe, ', ') || '.' FROM facesnxt.model_recipes() m),
            HINT = 'Choose one of them, or give channel order, mean and scale to facesnxt.load_model().';
    END IF;
    -- a detector says by its outputs what it is; a recogniser of one family looks like one of another
    IF r.kind = 'detector' AND load_model_as.onnx IS NOT NULL AND load_model_as.name IS NOT NULL THEN
        found_head := (facesnxt.inspect_model(load_model_as.name, r.kind, load_model_as.onnx)).head;
        IF found_head <> r.head THEN
            RAISE EXCEPTION USING ERRCODE = '22023',
                MESSAGE = pg_catalog.format('model "%s" is not of the recipe "%s"', load_model_as.name, r.recipe),
                DETAIL = pg_catalog.format('Its outputs are those of %s, not of %s.', found_head, r.head),
                HINT = 'Take the recipe of its own family: facesnxt.model_recipes() lists them.';
        END IF;
    END IF;
    RETURN facesnxt.load_model(load_model_as.name, r.kind, load_model_as.onnx, load_model_as.licence,
                               r.channel_order, r.mean, r.scale);
END
$$;
REVOKE ALL ON FUNCTION facesnxt.load_model_as(text, text, bytea, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.load_model_as(text, text, bytea, text) TO facesnxt_admin;
COMMENT ON FUNCTION facesnxt.load_model_as(text, text, bytea, text) IS
    'Registers an ONNX model of a well-known family (model_recipes()) and returns its fingerprint';
