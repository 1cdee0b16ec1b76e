-- Case files: every search belongs to one.

CREATE TABLE facesnxt.case_file (
    case_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL REFERENCES facesnxt.agency,
    case_number text NOT NULL CHECK (case_number <> ''),
    incident_type text NOT NULL,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
    opened_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    closed_at timestamptz,
    UNIQUE (agency_id, case_number),
    CHECK ((status = 'closed') = (closed_at IS NOT NULL))
);
COMMENT ON TABLE facesnxt.case_file IS 'The cases that a search can name (NM-VI.B.1); a closed one takes no search (NS-32.6.2.1)';
COMMENT ON COLUMN facesnxt.case_file.incident_type IS 'Kind of incident, as the agency''s log asks (MI-4.5.3.1)';
REVOKE ALL ON TABLE facesnxt.case_file FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.case_file TO facesnxt_auditor, facesnxt_admin;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.case_file', '');

CREATE VIEW facesnxt.my_cases WITH (security_barrier) AS
    SELECT c.case_number, c.incident_type, c.status, c.opened_at, c.closed_at
    FROM facesnxt.case_file c
    WHERE c.agency_id = (SELECT facesnxt.my_agency());
COMMENT ON VIEW facesnxt.my_cases IS 'Cases of the acting role''s agency';
REVOKE ALL ON TABLE facesnxt.my_cases FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_cases TO facesnxt_investigator;

CREATE FUNCTION facesnxt.open_case(agency text, case_number text, incident_type text) RETURNS uuid
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO facesnxt.case_file (agency_id, case_number, incident_type)
    VALUES (facesnxt.agency_named($1), $2, $3)
    RETURNING case_id
$$;
COMMENT ON FUNCTION facesnxt.open_case(text, text, text) IS 'Opens a case; a search can name it once this is committed';
REVOKE ALL ON FUNCTION facesnxt.open_case(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.open_case(text, text, text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.close_case(agency text, case_number text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE facesnxt.case_file c SET status = 'closed', closed_at = clock_timestamp()
    WHERE c.agency_id = facesnxt.agency_named(agency) AND c.case_number = close_case.case_number
        AND c.status = 'open';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'agency "%" has no open case "%"', agency, case_number
            USING ERRCODE = 'NX303', HINT = 'SELECT from facesnxt.case_file to see its cases.';
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.close_case(text, text) IS 'Closes a case; searches see it as soon as it is committed';
REVOKE ALL ON FUNCTION facesnxt.close_case(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.close_case(text, text) TO facesnxt_admin;
