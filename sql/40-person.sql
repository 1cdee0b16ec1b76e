-- What is known of a person: exactly what a driver licence record shows, and
-- no street address. It is read through 41-view.sql only, which logs first.

CREATE INDEX ON facesnxt.search (account_id, recorded_at);
CREATE INDEX ON facesnxt.search (agency_id, ((facts->'search'->'probe'->>'sha256')));

CREATE TABLE facesnxt.person_detail (
    person_id uuid PRIMARY KEY REFERENCES facesnxt.person,
    customer_number text,
    city text CHECK (city !~ '[0-9]'),
    state text CHECK (state ~ '^[A-Z]{2}$'),
    zip text CHECK (zip ~ '^[0-9]{5}(-[0-9]{4})?$'),
    gender text,
    height text,
    licence_number text,
    licence_issued date,
    race text,
    changed_by name NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.person_detail IS
'Personally identifiable information of a person, besides name, date of birth and photographs: these fields and no other (NM-IV.I)';
COMMENT ON COLUMN facesnxt.person_detail.city IS 'Of an address city, state and zip are kept, never the street; no digits, so that none slips in';
REVOKE ALL ON TABLE facesnxt.person_detail FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.person_detail', '');

CREATE FUNCTION facesnxt.person_field_list() RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY['photo', 'customer_number', 'name', 'city', 'state', 'zip', 'gender', 'date_of_birth', 'height',
                 'licence_number', 'licence_issued', 'race']
$$;
COMMENT ON FUNCTION facesnxt.person_field_list() IS 'The fields of personally identifiable information that there are (NM-IV.I)';
REVOKE ALL ON FUNCTION facesnxt.person_field_list() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.person_field_list() TO facesnxt_investigator, facesnxt_requester, facesnxt_auditor, facesnxt_admin;

CREATE FUNCTION facesnxt.describe_person(person_id uuid, details jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    surplus text;
BEGIN
    IF NOT EXISTS (SELECT FROM facesnxt.person p WHERE p.person_id = describe_person.person_id) THEN
        RAISE EXCEPTION 'no such person' USING ERRCODE = 'undefined_object', HINT = 'facesnxt.create_person() makes one.';
    END IF;
    IF jsonb_typeof(details) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'the details of a person are no object' USING ERRCODE = 'NX396',
            HINT = 'Give {"city": "...", "state": "FL", ...}.';
    END IF;
    SELECT string_agg(format('"%s"', k), ', ' ORDER BY k) INTO surplus FROM jsonb_object_keys(details) k
    WHERE k <> ALL (facesnxt.person_field_list()) OR k IN ('photo', 'name', 'date_of_birth');
    IF surplus IS NOT NULL THEN
        PERFORM facesnxt.refuse_on_record('details of a person', 'NX396', 'details refused: these are not kept of a person',
            format('Given: %s. Of an address city, state and zip are kept, no street (NM-IV.I).', surplus),
            'Name and date of birth are create_person()''s, photographs enrol()''s; facesnxt.person_field_list() names the others.',
            clause => 'NM-IV.I', person_id => person_id);
    END IF;
    INSERT INTO facesnxt.person_detail AS d (person_id, customer_number, city, state, zip, gender, height, licence_number,
        licence_issued, race, changed_by)
    SELECT describe_person.person_id, g.customer_number, g.city, g.state, g.zip, g.gender, g.height, g.licence_number,
        g.licence_issued, g.race, i.acting_role
    FROM facesnxt.session_identity() i, jsonb_to_record(details) AS g (customer_number text, city text, state text, zip text,
        gender text, height text, licence_number text, licence_issued date, race text)
    ON CONFLICT ON CONSTRAINT person_detail_pkey DO UPDATE SET
        customer_number = coalesce(excluded.customer_number, d.customer_number), city = coalesce(excluded.city, d.city),
        state = coalesce(excluded.state, d.state), zip = coalesce(excluded.zip, d.zip),
        gender = coalesce(excluded.gender, d.gender), height = coalesce(excluded.height, d.height),
        licence_number = coalesce(excluded.licence_number, d.licence_number),
        licence_issued = coalesce(excluded.licence_issued, d.licence_issued), race = coalesce(excluded.race, d.race),
        changed_by = excluded.changed_by, changed_at = clock_timestamp();
EXCEPTION WHEN check_violation THEN
    PERFORM facesnxt.refuse_on_record('details of a person', 'NX396', 'details refused: city, state or zip is none',
        'Of an address city, state and zip are kept, no street (NM-IV.I).',
        'City without digits, state as two capitals, zip as 12345 or 12345-6789.', clause => 'NM-IV.I', person_id => person_id);
END
$$;
COMMENT ON FUNCTION facesnxt.describe_person(uuid, jsonb) IS
'Adds to or corrects what is kept of a person; a street address or any other surplus field is refused (NX396)';
REVOKE ALL ON FUNCTION facesnxt.describe_person(uuid, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.describe_person(uuid, jsonb) TO facesnxt_admin;

CREATE FUNCTION facesnxt.person_fields(person_id uuid, reference_id uuid, fields text[])
RETURNS TABLE (field text, value text, photo bytea)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT f.field, CASE WHEN f.field <> 'photo' THEN k.known->>f.field END, CASE WHEN f.field = 'photo' THEN r.photo END
    FROM unnest($3) WITH ORDINALITY AS f (field, place)
        LEFT JOIN facesnxt.reference_image r ON r.reference_id = $2,
        LATERAL (SELECT to_jsonb(p) || coalesce(to_jsonb(d), '{}') AS known
                 FROM facesnxt.person p LEFT JOIN facesnxt.person_detail d USING (person_id) WHERE p.person_id = $1) k
    ORDER BY f.place
$$;
COMMENT ON FUNCTION facesnxt.person_fields(uuid, uuid, text[]) IS 'Fields of a person, a row each; the photograph is that of the reference';
REVOKE ALL ON FUNCTION facesnxt.person_fields(uuid, uuid, text[]) FROM PUBLIC;

-- ---- whom a reference may show

-- A probe shows somebody who is looked for: it does not become a reference,
-- and neither does a face whose identity comes from a search.
CREATE FUNCTION facesnxt.refuse_unidentified() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF lower(btrim(NEW.identity_source)) = ANY (ARRAY['', 'unknown', 'unidentified', 'none', 'n/a', 'probe', 'search', 'face search',
        'face recognition', 'facial recognition', 'facesnxt', 'candidate', 'lead']) THEN
        PERFORM facesnxt.refuse_on_record('enrolment', 'NX395', 'reference refused: the person is not identified by other means',
            format('Stated: "%s"; references show persons who were identified through other means (NM-IV.A, NP-V.1).', NEW.identity_source),
            'Say in "identity_source" how the person was identified, such as fingerprints.', clause => 'NM-IV.A', person_id => NEW.person_id);
    ELSIF NEW.photo_sha256 IS NOT NULL AND EXISTS (
        -- one that was searched with later was no probe then, and is restored from a dump
        SELECT FROM facesnxt.probe p WHERE p.sha256 = NEW.photo_sha256 AND p.recorded_at <= NEW.enrolled_at) THEN
        PERFORM facesnxt.refuse_on_record('enrolment', 'NX395', 'reference refused: the photograph is a probe',
            'Somebody was looked for by these bytes (NM-IV.A, NP-V.1).',
            'Enrol a photograph that shows a person who was identified through other means.', clause => 'NM-IV.A', person_id => NEW.person_id);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION facesnxt.refuse_unidentified() IS 'Trigger: a reference shows a person who was identified through other means than a search, and is no probe (NX395)';
REVOKE ALL ON FUNCTION facesnxt.refuse_unidentified() FROM PUBLIC;
CREATE INDEX ON facesnxt.probe (sha256);
CREATE TRIGGER reference_image_identified BEFORE INSERT OR UPDATE ON facesnxt.reference_image
    FOR EACH ROW EXECUTE FUNCTION facesnxt.refuse_unidentified();
