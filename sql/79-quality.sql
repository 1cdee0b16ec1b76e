-- What quality is asked for: bounds on components. Below one, an enrolment is
-- refused, and a probe is searched with all the same, with a warning that is
-- recorded with it.

CREATE TABLE facesnxt.quality_bound (
    bound_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    applies_to text NOT NULL CHECK (applies_to IN ('enrolment', 'probe')),
    agency_id uuid CHECK (applies_to = 'probe' OR agency_id IS NULL),
    measure text NOT NULL,
    at_least int CHECK (at_least BETWEEN 1 AND 100),
    note text,
    acting_role name NOT NULL,
    session_role name NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.quality_bound IS
'What quality was asked for, of references by the host and of probes by an agency; the last row of a measure is in force (MI-4.3.4.1.b)';
COMMENT ON COLUMN facesnxt.quality_bound.agency_id IS 'Whose probes; NULL: those of all agencies that have no bound of their own, or references';
COMMENT ON COLUMN facesnxt.quality_bound.at_least IS 'The least component that is enough; NULL: none is asked for';
SELECT facesnxt.keep_record('quality_bound', 'facesnxt_auditor', 'facesnxt_admin');

CREATE FUNCTION facesnxt.quality_bounds(applies_to text, agency_id uuid DEFAULT NULL, as_of timestamptz DEFAULT 'infinity') RETURNS TABLE (measure text, at_least int)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT l.measure, l.at_least FROM (
        SELECT DISTINCT ON (b.measure) b.measure, b.at_least FROM facesnxt.quality_bound b
        WHERE b.applies_to = quality_bounds.applies_to AND (b.agency_id IS NULL OR b.agency_id = quality_bounds.agency_id)
            AND b.recorded_at <= as_of
        ORDER BY b.measure, b.agency_id IS NULL, b.recorded_at DESC) l
    WHERE l.at_least IS NOT NULL ORDER BY l.measure COLLATE "C";
END
$$;
COMMENT ON FUNCTION facesnxt.quality_bounds(text, uuid, timestamptz) IS 'The bounds in force at a time: an agency''s own before those of all';
REVOKE ALL ON FUNCTION facesnxt.quality_bounds(text, uuid, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.set_quality_bound(applies_to text, measure text, at_least int, agency text DEFAULT NULL, note text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner CONSTANT uuid := facesnxt.agency_named(agency);
BEGIN
    IF applies_to IS NULL OR applies_to NOT IN ('enrolment', 'probe') OR at_least NOT BETWEEN 1 AND 100
        OR (applies_to = 'enrolment' AND agency IS NOT NULL)
        OR NOT EXISTS (SELECT FROM facesnxt.quality_measures() m WHERE m.measure = set_quality_bound.measure) THEN
        RAISE EXCEPTION 'no such bound can be set' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'For "enrolment", or for "probe" with or without an agency: a measure of facesnxt.quality_measures(), and 1 to 100, or NULL for none.';
    END IF;
    IF owner IS NULL AND NOT facesnxt.in_reach(NULL) THEN
        RAISE EXCEPTION 'bounds of all agencies are the host''s' USING ERRCODE = 'insufficient_privilege', HINT = 'Name your own agency, or ask an administrator of the host.';
    END IF;
    INSERT INTO facesnxt.quality_bound (applies_to, agency_id, measure, at_least, note, acting_role, session_role)
    SELECT set_quality_bound.applies_to, owner, set_quality_bound.measure, set_quality_bound.at_least, set_quality_bound.note, i.acting_role, i.session_role
    FROM facesnxt.session_identity() i;
END
$$;
COMMENT ON FUNCTION facesnxt.set_quality_bound(text, text, int, text, text) IS
'Asks for a component of at least so much: of what is enrolled (NX114), or of probes, which are warned about; NULL asks no more';
REVOKE ALL ON FUNCTION facesnxt.set_quality_bound(text, text, int, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.set_quality_bound(text, text, int, text, text) TO facesnxt_admin;

-- What is not known of a face is not enough.
CREATE FUNCTION facesnxt.quality_faults(applies_to text, agency_id uuid, quality jsonb, as_of timestamptz DEFAULT 'infinity') RETURNS TABLE (measure text, component int, at_least int, told text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT b.measure, r.component, b.at_least, format('%s is %s (%s), at least %s is asked for', b.measure, coalesce(r.component::text, 'not known'),
        coalesce('native ' || r.native, 'it cannot be measured'), b.at_least)
    FROM facesnxt.quality_bounds(applies_to, agency_id, as_of) b LEFT JOIN facesnxt.quality_rows(quality) r ON r.measure = b.measure
    WHERE r.component IS NULL OR r.component < b.at_least;
END
$$;
COMMENT ON FUNCTION facesnxt.quality_faults(text, uuid, jsonb, timestamptz) IS 'Every bound in force that a photograph stays below, and by how much';
REVOKE ALL ON FUNCTION facesnxt.quality_faults(text, uuid, jsonb, timestamptz) FROM PUBLIC;

-- ---- references

CREATE FUNCTION facesnxt.refuse_poor_quality() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- a row that is restored from a dump meets the bounds of its own time
    faults CONSTANT text := (SELECT string_agg(f.told, '; ') FROM facesnxt.quality_faults('enrolment', NULL, NEW.extraction->'quality', NEW.enrolled_at) f);
BEGIN
    IF faults IS NOT NULL THEN
        PERFORM facesnxt.refuse_on_record('enrolment', 'NX114', 'reference refused: the photograph is of too little quality',
            format('%s. SHA-256 %s.', faults, encode(NEW.photo_sha256, 'hex')),
            'Enrol a better photograph of the person; facesnxt.image_quality() shows all measures, set_quality_bound() sets what is asked for.',
            person_id => NEW.person_id);
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION facesnxt.refuse_poor_quality() IS 'Trigger: refuses a reference whose photograph stays below a bound, and names each (NX114)';
REVOKE ALL ON FUNCTION facesnxt.refuse_poor_quality() FROM PUBLIC;
CREATE TRIGGER reference_image_quality BEFORE INSERT ON facesnxt.reference_image
    FOR EACH ROW WHEN (NEW.extraction ? 'quality') EXECUTE FUNCTION facesnxt.refuse_poor_quality();

CREATE FUNCTION facesnxt.reference_quality(reference_id uuid) RETURNS TABLE (measure text, native float8, component integer, element text)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 23
SET search_path = pg_catalog, pg_temp
AS $$ SELECT q.* FROM facesnxt.reference_image r, facesnxt.quality_rows(r.extraction->'quality') q WHERE r.reference_id = $1 $$;
COMMENT ON FUNCTION facesnxt.reference_quality(uuid) IS 'The quality of a reference''s photograph as it was measured at enrolment; none where only a template was handed over';
REVOKE ALL ON FUNCTION facesnxt.reference_quality(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.reference_quality(uuid) TO facesnxt_admin, facesnxt_auditor;

-- ---- probes

-- A probe of little quality is searched with: what it shows is weighed by
-- people, who are told, at once and by show_probe_quality().
CREATE FUNCTION facesnxt.probe_warnings(agency_id uuid, quality jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    fault record;
    warnings jsonb := jsonb_build_array();
BEGIN
    FOR fault IN SELECT f.* FROM facesnxt.quality_faults('probe', agency_id, quality) f LOOP
        RAISE WARNING 'the probe is of little quality: %', fault.told
            USING ERRCODE = '01N14', HINT = 'The search goes on; facesnxt.show_probe_quality() shows all measures.';
        warnings := warnings || jsonb_build_object('measure', fault.measure, 'component', fault.component, 'at_least', fault.at_least);
    END LOOP;
    RETURN CASE WHEN warnings = jsonb_build_array() THEN jsonb_build_object() ELSE jsonb_build_object('warnings', warnings) END;
END
$$;
COMMENT ON FUNCTION facesnxt.probe_warnings(uuid, jsonb) IS 'Warns of each bound that a probe stays below; what is recorded of that with the probe (MI-4.3.4.1.b)';
REVOKE ALL ON FUNCTION facesnxt.probe_warnings(uuid, jsonb) FROM PUBLIC;
