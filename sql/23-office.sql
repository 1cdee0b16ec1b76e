-- Offices: who holds which, who acts in which, and who is another person.

-- The acting role, and the one that logged on if that is a person's, too: a
-- gateway's has neither account nor office.
CREATE FUNCTION facesnxt.acting_persons() RETURNS oid[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT array_agg(DISTINCT p.role) FROM facesnxt.session_identity() i
    CROSS JOIN LATERAL (
        SELECT i.acting_oid AS role
        UNION ALL
        SELECT i.session_oid WHERE EXISTS (SELECT FROM facesnxt.account a WHERE a.role = i.session_oid)
            OR EXISTS (SELECT FROM facesnxt.appointment a WHERE a.role = i.session_oid)) p
$$;
COMMENT ON FUNCTION facesnxt.acting_persons() IS 'Roles of the person who acts: two steps that ask for two persons have none of them in common';
REVOKE ALL ON FUNCTION facesnxt.acting_persons() FROM PUBLIC;

CREATE VIEW facesnxt.office_holder WITH (security_barrier, security_invoker) AS
    SELECT a.agency_id, g.code AS agency, a.office, a.role, a.unit, a.designee, a.email, a.at AS from_at, a.until_at, a.appointment_id
    FROM facesnxt.appointment a JOIN facesnxt.agency g USING (agency_id)
    WHERE (a.until_at IS NULL OR a.until_at > pg_catalog.clock_timestamp())
        AND NOT EXISTS (SELECT FROM facesnxt.appointment_end e WHERE e.appointment_id = a.appointment_id);
COMMENT ON VIEW facesnxt.office_holder IS 'Who holds which office now';
REVOKE ALL ON TABLE facesnxt.office_holder FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.office_holder TO facesnxt_auditor, facesnxt_admin;

CREATE FUNCTION facesnxt.holds_office(agency_id uuid, office text, unit text DEFAULT NULL) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (
        SELECT FROM facesnxt.office_holder h JOIN facesnxt.session_identity() i ON h.role = i.acting_oid
        WHERE h.agency_id = $1 AND h.office = $2 AND (h.unit IS NULL OR h.unit = $3)
            AND NOT EXISTS (SELECT FROM facesnxt.account a WHERE a.role = h.role AND a.status IN ('suspended', 'revoked')))
$$;
COMMENT ON FUNCTION facesnxt.holds_office(uuid, text, text) IS 'Whether the acting role holds an office of an agency and was not cut off, for a unit if the office is one unit''s';
REVOKE ALL ON FUNCTION facesnxt.holds_office(uuid, text, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.is_administrator(agency_id uuid) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT pg_has_role(i.acting_oid, 'facesnxt_admin', 'USAGE') AND facesnxt.in_reach($1) FROM facesnxt.session_identity() i $$;
COMMENT ON FUNCTION facesnxt.is_administrator(uuid) IS 'Whether the acting role administers an agency: its own, or as the host''s';
REVOKE ALL ON FUNCTION facesnxt.is_administrator(uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.acting_agencies() RETURNS uuid[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY(SELECT h.agency_id FROM facesnxt.office_holder h WHERE h.role = i.acting_oid
                 UNION SELECT a.agency_id FROM facesnxt.account a WHERE a.role = i.acting_oid
                 UNION SELECT g.agency_id FROM facesnxt.agency g WHERE facesnxt.is_administrator(g.agency_id))
    FROM facesnxt.session_identity() i
$$;
COMMENT ON FUNCTION facesnxt.acting_agencies() IS 'Agencies of which the acting role may know: of its offices and account, all of them for an administrator of the host';
REVOKE ALL ON FUNCTION facesnxt.acting_agencies() FROM PUBLIC;

CREATE FUNCTION facesnxt.require_office(agency_id uuid, office text, clause text, about regrole, unit text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM facesnxt.check_snapshot();
    IF office IS NULL OR NOT facesnxt.holds_office(agency_id, office, unit) THEN
        RAISE EXCEPTION 'step refused: it is not the acting role''s to take'
            USING ERRCODE = 'NX331', DETAIL = CASE WHEN agency_id = ANY (facesnxt.acting_agencies())
                THEN format('It is taken by: %s (%s).', coalesce(office, 'nobody'), coalesce(clause, 'no clause'))
                ELSE 'There is no such account in an agency in which the acting role holds an office.' END,
                  HINT = 'facesnxt.appoint() says who holds an office.';
    ELSIF about::oid = ANY (facesnxt.acting_persons()) THEN
        RAISE EXCEPTION 'step refused: nobody takes it for themselves'
            USING ERRCODE = 'NX331', DETAIL = format('It is taken by another person who is %s (%s).', office, coalesce(clause, 'no clause')),
                  HINT = 'Ask another holder of the office, or a designee.';
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.require_office(uuid, text, text, regrole, text) IS
'Refuses a step about a role unless another person takes it who holds the office (NX331)';
REVOKE ALL ON FUNCTION facesnxt.require_office(uuid, text, text, regrole, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.define_office(office text, description text, sole boolean DEFAULT false, appointed_by text DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ INSERT INTO facesnxt.office (office, description, sole, appointed_by) VALUES ($1, $2, $3, $4) $$;
COMMENT ON FUNCTION facesnxt.define_office(text, text, boolean, text) IS 'Adds an office that an agency''s own policy names';
REVOKE ALL ON FUNCTION facesnxt.define_office(text, text, boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.define_office(text, text, boolean, text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.check_person(role regrole) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = role AND r.rolname !~ '^(pg_|facesnxt_)') THEN
        RAISE EXCEPTION 'role "%" is no person''s', coalesce(role::text, 'NULL')
            USING ERRCODE = 'NX332', DETAIL = 'Accounts and offices are those of persons, each with a role of their own.',
                  HINT = 'CREATE ROLE makes one.';
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.check_person(regrole) IS 'Refuses group roles of the server and of this extension where a person is meant (NX332)';
REVOKE ALL ON FUNCTION facesnxt.check_person(regrole) FROM PUBLIC;

CREATE FUNCTION facesnxt.admit(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM facesnxt.check_person(role);
    PERFORM facesnxt.set_membership(role, 'facesnxt_member', true);
END
$$;
COMMENT ON FUNCTION facesnxt.admit(regrole) IS 'Lets a role ask for an account: membership in facesnxt_member, which gives nothing else';
REVOKE ALL ON FUNCTION facesnxt.admit(regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.admit(regrole) TO facesnxt_admin;

CREATE FUNCTION facesnxt.appoint(
    agency text, office text, role regrole, email text DEFAULT NULL, unit text DEFAULT NULL,
    until timestamptz DEFAULT NULL, designee boolean DEFAULT false)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind facesnxt.office;
    of_agency uuid;
    version uuid;
    new_id uuid;
BEGIN
    PERFORM facesnxt.check_snapshot();
    PERFORM facesnxt.check_person(role);
    SELECT o.* INTO kind FROM facesnxt.office o WHERE o.office = appoint.office;
    SELECT a.agency_id INTO of_agency FROM facesnxt.agency a WHERE a.code = agency FOR NO KEY UPDATE;
    IF kind.office IS NULL OR of_agency IS NULL OR until <= clock_timestamp()
        OR (kind.sole AND NOT designee AND (until IS NOT NULL OR unit IS NOT NULL)) OR (designee AND isfinite(until) IS NOT TRUE)
    THEN
        RAISE EXCEPTION 'no such appointment can be made'
            USING ERRCODE = 'NX339', DETAIL = 'The office or the agency does not exist, the term is over, a designee has none, or the office has one holder, whose term ends with the successor.',
                  HINT = 'facesnxt.office shows the offices, facesnxt.define_office() adds one.';
    ELSIF kind.appointed_by IS NOT NULL THEN
        PERFORM facesnxt.require_office(of_agency, kind.appointed_by, kind.clause, role);
    ELSIF NOT facesnxt.is_administrator(of_agency) OR role::oid = ANY (facesnxt.acting_persons()) THEN
        RAISE EXCEPTION 'step refused: it is not the acting role''s to take'
            USING ERRCODE = 'NX331', DETAIL = 'An administrator appoints, and never herself or himself.',
                  HINT = 'Ask another administrator.';
    END IF;
    version := facesnxt.policy_in_force(of_agency, clock_timestamp());
    IF facesnxt.policy_value(version, 'auditor_apart') = 'true' AND facesnxt.policy_value(version, 'auditor') = to_jsonb(office)
        AND pg_has_role(role, 'facesnxt_admin', 'MEMBER')
    THEN
        RAISE EXCEPTION 'step refused: whoever administers accounts does not audit them'
            USING ERRCODE = 'NX331', DETAIL = format('Role "%s" is an administrator (%s).', role, facesnxt.policy_clause(version, 'auditor_apart')),
                  HINT = 'Appoint somebody else.';
    END IF;
    IF kind.sole AND NOT designee THEN
        INSERT INTO facesnxt.appointment_end (appointment_id, reason)
        SELECT h.appointment_id, format('succeeded by %s', appoint.role) FROM facesnxt.office_holder h
        WHERE h.agency_id = of_agency AND h.office = kind.office AND NOT h.designee;
    END IF;
    INSERT INTO facesnxt.appointment (agency_id, office, role, unit, designee, email, until_at)
    VALUES (of_agency, kind.office, role, unit, designee, lower(email), until)
    RETURNING appointment_id INTO new_id;
    PERFORM facesnxt.set_membership(role, 'facesnxt_member', true);
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.appoint(text, text, regrole, text, text, timestamptz, boolean) IS
'Appoints a person to an office, from now on; where there is one holder, the former one''s appointment ends (NS-D.3; NX331, NX339)';
REVOKE ALL ON FUNCTION facesnxt.appoint(text, text, regrole, text, text, timestamptz, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.appoint(text, text, regrole, text, text, timestamptz, boolean) TO facesnxt_admin, facesnxt_member;

CREATE FUNCTION facesnxt.end_appointment(appointment_id uuid, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind text;
BEGIN
    SELECT h.office INTO kind FROM facesnxt.office_holder h
    WHERE h.appointment_id = end_appointment.appointment_id AND facesnxt.in_reach(h.agency_id);
    IF kind IS NULL OR facesnxt.readable(reason) IS NULL
        OR kind = (SELECT o.office FROM facesnxt.office o
                   WHERE o.office = kind AND o.sole AND NOT (SELECT a.designee FROM facesnxt.appointment a
                                                             WHERE a.appointment_id = end_appointment.appointment_id))
    THEN
        RAISE EXCEPTION 'the appointment cannot be ended so'
            USING ERRCODE = 'NX339', DETAIL = 'It does not exist, is over, has no reason to end, or is to the one holder of an office, which is not left empty.',
                  HINT = 'Appoint a successor: facesnxt.appoint().';
    END IF;
    INSERT INTO facesnxt.appointment_end (appointment_id, reason) VALUES (appointment_id, reason);
END
$$;
COMMENT ON FUNCTION facesnxt.end_appointment(uuid, text) IS 'Ends an appointment now; the one holder of an office is only followed by another (NX339)';
REVOKE ALL ON FUNCTION facesnxt.end_appointment(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.end_appointment(uuid, text) TO facesnxt_admin;
