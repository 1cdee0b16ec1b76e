-- What published model families are fed, by name: file names, size, channels,
-- pixels, and what tells the right file from a wrong one. A user with the
-- files needs one call.
--
-- Sources: InsightFace's python-package (scrfd.py, arcface_onnx.py,
-- model_zoo), OpenCV's FaceDetectorYN and FaceRecognizerSF with the model zoo,
-- UltraFace's demo. Work is in multiply-adds, a detector's for 640 x 640; the
-- bounds stand wide of the published figures, to tell families apart.
CREATE VIEW facesnxt.recipe WITH (security_invoker = true, security_barrier) AS
SELECT v.recipe, v.kind, v.files::text[] AS files, v.head, v.dimension, v.side AS input_width, v.side AS input_height,
    v.channel_order, ARRAY[v.mean, v.mean, v.mean]::real[] AS mean, v.scale::real AS scale,
    (v.least * 1e9)::bigint AS least_work, (v.most * 1e9)::bigint AS most_work, v.licence
FROM (VALUES
    ('insightface-buffalo_l', 'detector', '{det_10g.onnx}', 'scrfd', NULL::integer, 640, 'RGB', 127.5, 1 / 128.0, 8.0, 20.0, 'InsightFace: non-commercial research'),
    ('insightface-buffalo_l', 'recogniser', '{w600k_r50.onnx}', NULL, 512, NULL, 'RGB', 127.5, 1 / 127.5, 4.0, 9.0, 'InsightFace: non-commercial research'),
    ('insightface-buffalo_m', 'detector', '{det_2.5g.onnx,scrfd_2.5g_bnkps.onnx}', 'scrfd', NULL, 640, 'RGB', 127.5, 1 / 128.0, 2.0, 6.0, 'InsightFace: non-commercial research'),
    ('insightface-buffalo_m', 'recogniser', '{w600k_r50.onnx}', NULL, 512, NULL, 'RGB', 127.5, 1 / 127.5, 4.0, 9.0, 'InsightFace: non-commercial research'),
    ('insightface-buffalo_s', 'detector', '{det_500m.onnx,scrfd_500m_bnkps.onnx}', 'scrfd', NULL, 640, 'RGB', 127.5, 1 / 128.0, 0.3, 1.5, 'InsightFace: non-commercial research'),
    ('insightface-buffalo_s', 'recogniser', '{w600k_mbf.onnx}', NULL, 512, NULL, 'RGB', 127.5, 1 / 127.5, 0.2, 1.0, 'InsightFace: non-commercial research'),
    ('insightface-antelopev2', 'detector', '{scrfd_10g_bnkps.onnx}', 'scrfd', NULL, 640, 'RGB', 127.5, 1 / 128.0, 8.0, 20.0, 'InsightFace: non-commercial research'),
    ('insightface-antelopev2', 'recogniser', '{glintr100.onnx}', NULL, 512, NULL, 'RGB', 127.5, 1 / 127.5, 9.5, 18.0, 'InsightFace: non-commercial research'),
    -- SFace subtracts and scales by nodes of its own
    ('opencv-sface', 'detector', '{face_detection_yunet_2023mar.onnx}', 'yunet', NULL, NULL, 'BGR', 0, 1, NULL, NULL, 'MIT'),
    ('opencv-sface', 'recogniser', '{face_recognition_sface_2021dec.onnx}', NULL, 128, NULL, 'RGB', 0, 1, NULL, NULL, 'Apache-2.0'),
    -- families whose files carry many names
    ('yunet', 'detector', '{face_detection_yunet_2023mar.onnx,yunet_n_320_320.onnx,yunet_n_dynamic.onnx}', 'yunet', NULL, NULL, 'BGR', 0, 1, NULL, NULL, NULL),
    ('scrfd', 'detector', '{scrfd_500m_kps.onnx,scrfd_2.5g_kps.onnx}', 'scrfd', NULL, 640, 'RGB', 127.5, 1 / 128.0, NULL, NULL, NULL),
    ('ultraface', 'detector', '{version-RFB-320.onnx,version-RFB-640.onnx}', 'ultraface', NULL, NULL, 'RGB', 127, 1 / 128.0, NULL, NULL, NULL),
    ('arcface', 'recogniser', '{}', NULL, 512, NULL, 'RGB', 127.5, 1 / 127.5, NULL, NULL, NULL),
    ('arcface-128', 'recogniser', '{}', NULL, 512, NULL, 'RGB', 127.5, 1 / 128.0, NULL, NULL, NULL),
    ('mobilefacenet-rgb', 'recogniser', '{mobilefacenet.facegate.onnx}', NULL, 128, NULL, 'RGB', 127.5, 1 / 127.5, 0.1, 1.0, NULL),
    ('mobilefacenet-bgr', 'recogniser', '{mobilefacenet.kennethwang.onnx}', NULL, 128, NULL, 'BGR', 127.5, 1 / 127.5, 0.1, 1.0, NULL)
) AS v (recipe, kind, files, head, dimension, side, channel_order, mean, scale, least, most, licence);
COMMENT ON VIEW facesnxt.recipe IS
'What published detectors and recognisers are fed, by the name that load_recipe() takes, with the names of their files';
COMMENT ON COLUMN facesnxt.recipe.input_width IS 'Size that the photograph is brought to where the file leaves it open; NULL: as the file says';
COMMENT ON COLUMN facesnxt.recipe.least_work IS 'A file of this recipe takes at least so many multiply-adds a run; NULL: not checked';
COMMENT ON COLUMN facesnxt.recipe.licence IS 'What the authors state of the weights; NULL: to be stated by who loads them';
REVOKE ALL ON TABLE facesnxt.recipe FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.recipe TO facesnxt_admin, facesnxt_auditor;

CREATE FUNCTION facesnxt.check_recipe(wanted facesnxt.recipe, onnx bytea) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found record;
    problem text;
BEGIN
    BEGIN
        SELECT * INTO STRICT found FROM facesnxt.inspect_model(wanted.recipe, wanted.kind, onnx);
        problem := CASE
            WHEN found.head <> wanted.head THEN format('it is a detector of the family %s, not %s', found.head, wanted.head)
            WHEN found.dimension <> wanted.dimension THEN format('its templates have %s numbers, not %s', found.dimension, wanted.dimension)
            WHEN found.input_width NOT IN (0, wanted.input_width) OR found.input_height NOT IN (0, wanted.input_height)
                THEN format('it takes pictures of %s x %s, not %s x %s', found.input_width, found.input_height, wanted.input_width, wanted.input_height)
            WHEN found.operations NOT BETWEEN wanted.least_work AND wanted.most_work
                THEN format('a run of it takes %s million multiply-adds, which is not between %s and %s',
                            found.operations / 1000000, wanted.least_work / 1000000, wanted.most_work / 1000000) END;
    EXCEPTION WHEN SQLSTATE 'NX202' THEN
        GET STACKED DIAGNOSTICS problem = PG_EXCEPTION_DETAIL;
    END;
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'NX205', MESSAGE = format('this is not the %s of recipe "%s"', wanted.kind, wanted.recipe),
            DETAIL = format('Of this file: %s.', rtrim(problem, '.')),
            HINT = CASE cardinality(wanted.files) WHEN 0 THEN 'Choose another recipe of facesnxt.recipe.'
                   ELSE format('The recipe is for %s.', array_to_string(wanted.files, ' or ')) END;
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.check_recipe(facesnxt.recipe, bytea) IS 'Refuses a file that is not what a recipe is for (NX205)';
REVOKE ALL ON FUNCTION facesnxt.check_recipe(facesnxt.recipe, bytea) FROM PUBLIC;

CREATE FUNCTION facesnxt.load_recipe(
    recipe text, detector bytea DEFAULT NULL, recogniser bytea DEFAULT NULL, licence text DEFAULT NULL, name text DEFAULT NULL)
RETURNS TABLE (kind text, model text, fingerprint text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    wanted facesnxt.recipe;
    bytes bytea;
BEGIN
    IF NOT EXISTS (SELECT FROM facesnxt.recipe r WHERE r.recipe = load_recipe.recipe) THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('unknown recipe: %s', coalesce(quote_literal(load_recipe.recipe), 'NULL')),
            DETAIL = (SELECT string_agg(DISTINCT r.recipe, ', ' ORDER BY r.recipe) FROM facesnxt.recipe r),
            HINT = 'facesnxt.recipe lists them; load_model() takes a preparation of your own.';
    END IF;
    IF detector IS NULL AND recogniser IS NULL
        OR detector IS NOT NULL AND NOT EXISTS (SELECT FROM facesnxt.recipe r WHERE r.recipe = load_recipe.recipe AND r.kind = 'detector')
        OR recogniser IS NOT NULL AND NOT EXISTS (SELECT FROM facesnxt.recipe r WHERE r.recipe = load_recipe.recipe AND r.kind = 'recogniser') THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('recipe "%s" is not for these files', load_recipe.recipe),
            DETAIL = (SELECT string_agg(format('It has a %s: %s.', r.kind, array_to_string(r.files, ' or ')), ' ' ORDER BY r.kind)
                      FROM facesnxt.recipe r WHERE r.recipe = load_recipe.recipe),
            HINT = 'Pass the bytes of detector, recogniser or both, as far as the recipe has them.';
    END IF;
    FOR wanted IN SELECT r.* FROM facesnxt.recipe r WHERE r.recipe = load_recipe.recipe ORDER BY r.kind LOOP
        bytes := CASE wanted.kind WHEN 'detector' THEN detector ELSE recogniser END;
        CONTINUE WHEN bytes IS NULL;
        PERFORM facesnxt.check_recipe(wanted, bytes);
        kind := wanted.kind;
        model := coalesce(load_recipe.name, wanted.recipe) || '.' || wanted.kind;
        fingerprint := facesnxt.load_model(model, kind, bytes, coalesce(load_recipe.licence, wanted.licence),
            wanted.channel_order, wanted.mean, wanted.scale, wanted.input_width, wanted.input_height);
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.load_recipe(text, bytea, bytea, text, text) IS
'Registers the detector, the recogniser or both of a published family, prepared as facesnxt.recipe says, as NAME.detector and NAME.recogniser; a file that is another one is refused (NX205)';
REVOKE ALL ON FUNCTION facesnxt.load_recipe(text, bytea, bytea, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.load_recipe(text, bytea, bytea, text, text) TO facesnxt_admin;
