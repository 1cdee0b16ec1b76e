-- Persons and their references: what a probe is compared with.

CREATE TYPE facesnxt.repository AS ENUM ('driver_licence', 'booking');
COMMENT ON TYPE facesnxt.repository IS 'Where a reference photograph comes from (NM-IV.D)';

CREATE TABLE facesnxt.person (
    person_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    name text NOT NULL,
    date_of_birth date,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE facesnxt.person IS 'Persons who were identified by other means than a search';
REVOKE ALL ON TABLE facesnxt.person FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.person', '');

CREATE TABLE facesnxt.reference_image (
    reference_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    person_id uuid NOT NULL REFERENCES facesnxt.person,
    identity_source text NOT NULL CHECK (identity_source <> ''),
    photo bytea,
    photo_sha256 bytea CHECK (pg_catalog.length(photo_sha256) = 32),
    extraction jsonb,
    enrolled_by name NOT NULL,
    enrolled_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CHECK ((photo IS NULL) = (photo_sha256 IS NULL))
);
-- Stored outside the row and not compressed: a JPEG does not get smaller.
ALTER TABLE facesnxt.reference_image ALTER COLUMN photo SET STORAGE EXTERNAL;
CREATE INDEX ON facesnxt.reference_image (person_id);
CREATE INDEX ON facesnxt.reference_image (photo_sha256);
COMMENT ON TABLE facesnxt.reference_image IS 'What a reference was made of, apart from the templates so that a scan of those stays dense';
COMMENT ON COLUMN facesnxt.reference_image.identity_source IS 'How the person on the photograph was identified, other than by a search (NM-IV.A)';
COMMENT ON COLUMN facesnxt.reference_image.photo IS 'The JPEG file; NULL where only a template was handed over';
COMMENT ON COLUMN facesnxt.reference_image.extraction IS 'Detector, box and quality of the face, as extract() reported them';
REVOKE ALL ON TABLE facesnxt.reference_image FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.reference_image', '');

CREATE TABLE facesnxt.reference (
    reference_id uuid NOT NULL REFERENCES facesnxt.reference_image,
    person_id uuid NOT NULL REFERENCES facesnxt.person,
    repository facesnxt.repository NOT NULL,
    quality real,
    model text NOT NULL GENERATED ALWAYS AS (coalesce(facesnxt.model(template), '00000000')) STORED,
    template facesnxt.embedding NOT NULL,
    -- while a model is changed, the templates of both stand side by side
    PRIMARY KEY (reference_id, model)
);
-- A template of 512 float32 is above the size at which rows are toasted; it
-- must stay in the row, or every comparison costs a fetch.
ALTER TABLE facesnxt.reference SET (toast_tuple_target = 8160);
CREATE INDEX ON facesnxt.reference (model, repository);
CREATE INDEX ON facesnxt.reference (person_id);
COMMENT ON TABLE facesnxt.reference IS 'Reference templates, biometric data: no role but the owner reads them (NM-IV.B, SP-III.A)';
COMMENT ON COLUMN facesnxt.reference.model IS 'Fingerprint of the model that made the template, from the template itself; 00000000 where it is not stated';
REVOKE ALL ON TABLE facesnxt.reference FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.reference', '');

-- An index holds one model's templates, so each model has one of its own.
CREATE FUNCTION facesnxt.make_index(model text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON facesnxt.reference USING facescan (template, repository) '
                   'WHERE model = %L', 'reference_template_' || model, model);
END
$$;
COMMENT ON FUNCTION facesnxt.make_index(text) IS 'Makes the index of a model''s references; whoever calls it has judged that it may be';
REVOKE ALL ON FUNCTION facesnxt.make_index(text) FROM PUBLIC;

CREATE FUNCTION facesnxt.index_references(model text DEFAULT NULL) RETURNS regclass
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted text := coalesce(model, (SELECT m.fingerprint FROM facesnxt.model m WHERE m.kind = 'recogniser' AND m.in_use));
BEGIN
    IF wanted IS NULL OR wanted !~ '^[0-9a-f]{8}$' THEN
        RAISE EXCEPTION 'no model whose references could be indexed' USING ERRCODE = 'NX204',
            DETAIL = format('Given: %s.', coalesce(quote_literal(model), 'NULL, and no recogniser is in use')),
            HINT = 'Give the fingerprint that the references carry, eight hex digits.';
    END IF;
    PERFORM facesnxt.refuse_direct('index', wanted);
    PERFORM facesnxt.make_index(wanted);
    RETURN format('facesnxt.%I', 'reference_template_' || wanted)::regclass;
END
$$;
COMMENT ON FUNCTION facesnxt.index_references(text) IS
'Makes the index by which references of a model are searched, that in use where none is named; a restored database needs it anew';
REVOKE ALL ON FUNCTION facesnxt.index_references(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.index_references(text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.create_person(name text, date_of_birth date DEFAULT NULL) RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ INSERT INTO facesnxt.person (name, date_of_birth) VALUES ($1, $2) RETURNING person_id $$;
COMMENT ON FUNCTION facesnxt.create_person(text, date) IS 'Makes a person to whom references can be enrolled';
REVOKE ALL ON FUNCTION facesnxt.create_person(text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.create_person(text, date) TO facesnxt_admin;

CREATE FUNCTION facesnxt.enrol_template(
    template facesnxt.embedding, person_id uuid, repository text, identity_source text,
    quality real DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_id uuid;
BEGIN
    INSERT INTO facesnxt.reference_image (person_id, identity_source, enrolled_by)
    VALUES (person_id, identity_source, (SELECT acting_role FROM facesnxt.session_identity()))
    RETURNING reference_id INTO new_id;
    INSERT INTO facesnxt.reference (reference_id, person_id, repository, quality, template)
    VALUES (new_id, person_id, repository::facesnxt.repository, quality, template);
    PERFORM facesnxt.note_late(new_id, person_id, coalesce(facesnxt.model(template), '00000000'));
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.enrol_template(facesnxt.embedding, uuid, text, text, real) IS
'Enrols a template that was made elsewhere; with_model() says by which model';
REVOKE ALL ON FUNCTION facesnxt.enrol_template(facesnxt.embedding, uuid, text, text, real) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.enrol_template(facesnxt.embedding, uuid, text, text, real) TO facesnxt_admin;

-- What every enrolment of a photograph ends in.
CREATE FUNCTION facesnxt.keep_reference(
    photo bytea, person_id uuid, repository text, identity_source text, made facesnxt.extraction, enrolled_by name)
RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_id uuid;
BEGIN
    INSERT INTO facesnxt.reference_image (person_id, identity_source, photo, photo_sha256, extraction, enrolled_by)
    VALUES (person_id, identity_source, photo, sha256(photo), to_jsonb(made) - 'template', enrolled_by)
    RETURNING reference_id INTO new_id;
    INSERT INTO facesnxt.reference (reference_id, person_id, repository, quality, template)
    VALUES (new_id, person_id, repository::facesnxt.repository, made.sharpness, made.template);
    PERFORM facesnxt.note_late(new_id, person_id, facesnxt.model(made.template));
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.keep_reference(bytea, uuid, text, text, facesnxt.extraction, name) IS
'Keeps a photograph and the template that was made of it as a reference';
REVOKE ALL ON FUNCTION facesnxt.keep_reference(bytea, uuid, text, text, facesnxt.extraction, name) FROM PUBLIC;

CREATE FUNCTION facesnxt.enrol(
    photo bytea, person_id uuid, repository text, identity_source text,
    face text DEFAULT 'only', detector text DEFAULT NULL, recogniser text DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_id CONSTANT uuid := facesnxt.keep_reference(photo, person_id, repository, identity_source,
        facesnxt.extract(photo, face, detector, recogniser), (SELECT acting_role FROM facesnxt.session_identity()));
BEGIN
    PERFORM facesnxt.look_for_duplicates(new_id);
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.enrol(bytea, uuid, text, text, text, text, text) IS
'Enrols a photograph: makes its template and keeps both';
REVOKE ALL ON FUNCTION facesnxt.enrol(bytea, uuid, text, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.enrol(bytea, uuid, text, text, text, text, text) TO facesnxt_admin;
