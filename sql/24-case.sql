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
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_id uuid;
BEGIN
    -- two numbers that look the same are not two cases
    IF facesnxt.readable(case_number) IS DISTINCT FROM case_number OR facesnxt.readable(incident_type) IS NULL THEN
        RAISE EXCEPTION 'a case has a number and an incident type'
            USING ERRCODE = 'invalid_parameter_value', DETAIL = format('Given: "%s", "%s".', case_number, incident_type),
                  HINT = 'Give the number without spaces around it.';
    END IF;
    INSERT INTO facesnxt.case_file (agency_id, case_number, incident_type)
    VALUES (facesnxt.agency_named(agency), case_number, incident_type)
    RETURNING case_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.open_case(text, text, text) IS 'Opens a case; a search can name it once this is committed';
REVOKE ALL ON FUNCTION facesnxt.open_case(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.open_case(text, text, text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.close_case(agency text, case_number text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.agency_named(agency);
BEGIN
    UPDATE facesnxt.case_file c SET status = 'closed', closed_at = clock_timestamp()
    WHERE c.agency_id = of_agency AND c.case_number = close_case.case_number
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

-- ---- who works on a case

CREATE TABLE facesnxt.case_assignment (
    case_id uuid NOT NULL REFERENCES facesnxt.case_file,
    account_id uuid NOT NULL REFERENCES facesnxt.account,
    capacity text NOT NULL DEFAULT 'investigator'
        CHECK (capacity IN ('investigator', 'case_officer', 'lead_investigator', 'arresting_officer', 'supervisor')),
    assigned_by name NOT NULL,
    assigned_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    ended_at timestamptz,
    PRIMARY KEY (case_id, account_id, capacity, assigned_at)
);
CREATE UNIQUE INDEX ON facesnxt.case_assignment (case_id, account_id, capacity) WHERE ended_at IS NULL;
COMMENT ON TABLE facesnxt.case_assignment IS
'Who works on a case and in what capacity: the assigned case officer evaluates and confirms (NP-V.3, MI-4.3.4.1.a)';
REVOKE ALL ON TABLE facesnxt.case_assignment FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.case_assignment TO facesnxt_auditor, facesnxt_admin;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.case_assignment', '');

CREATE FUNCTION facesnxt.assign_case(agency text, case_number text, role regrole, capacity text DEFAULT 'investigator') RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.agency_named(agency);
    assigned record;
BEGIN
    SELECT c.case_id, a.account_id INTO assigned
    FROM facesnxt.case_file c JOIN facesnxt.account a ON a.agency_id = c.agency_id AND a.role = assign_case.role
    WHERE c.agency_id = of_agency AND c.case_number = assign_case.case_number;
    IF assigned.case_id IS NULL THEN
        RAISE EXCEPTION 'agency "%" has no case "%" that role "%" could work on', agency, case_number, role
            USING ERRCODE = 'NX303', HINT = 'The case and the account are of one agency.';
    END IF;
    INSERT INTO facesnxt.case_assignment (case_id, account_id, capacity, assigned_by)
    SELECT assigned.case_id, assigned.account_id, assign_case.capacity, i.acting_role FROM facesnxt.session_identity() i
    ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION facesnxt.assign_case(text, text, regrole, text) IS 'Assigns a case to an account of the same agency';
REVOKE ALL ON FUNCTION facesnxt.assign_case(text, text, regrole, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.assign_case(text, text, regrole, text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.end_assignment(agency text, case_number text, role regrole, capacity text DEFAULT 'investigator') RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.agency_named(agency);
BEGIN
    UPDATE facesnxt.case_assignment s SET ended_at = clock_timestamp()
    FROM facesnxt.case_file c, facesnxt.account a
    WHERE s.case_id = c.case_id AND s.account_id = a.account_id AND a.role = end_assignment.role
        AND c.agency_id = of_agency AND c.case_number = end_assignment.case_number
        AND s.capacity = end_assignment.capacity AND s.ended_at IS NULL;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'role "%" is not assigned to case "%" as %', role, case_number, capacity
            USING ERRCODE = 'NX303', HINT = 'facesnxt.case_assignment shows who is.';
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.end_assignment(text, text, regrole, text) IS 'Ends an assignment; that it was stays on record';
REVOKE ALL ON FUNCTION facesnxt.end_assignment(text, text, regrole, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.end_assignment(text, text, regrole, text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.case_facts(account facesnxt.account, case_number text) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object('number', $2) || coalesce((
            SELECT jsonb_build_object('status', c.status, 'incident_type', c.incident_type,
                'assigned', EXISTS (SELECT FROM facesnxt.case_assignment s
                                    WHERE s.case_id = c.case_id AND s.account_id = $1.account_id AND s.ended_at IS NULL))
            FROM facesnxt.case_file c WHERE c.agency_id = $1.agency_id AND c.case_number = $2), '{}'));
END
$$;
COMMENT ON FUNCTION facesnxt.case_facts(facesnxt.account, text) IS 'What is known of a case of the account''s agency, as the rules'' tests read it';
REVOKE ALL ON FUNCTION facesnxt.case_facts(facesnxt.account, text) FROM PUBLIC;
