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
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    step CONSTANT text := format('step of the office "%s"', coalesce(office, 'nobody'));
BEGIN
    PERFORM facesnxt.check_snapshot();
    IF office IS NULL OR NOT facesnxt.holds_office(agency_id, office, unit) THEN
        -- of an agency that is not theirs nobody learns anything, auditors included
        IF agency_id = ANY (facesnxt.acting_agencies()) IS NOT TRUE THEN
            PERFORM facesnxt.refuse_on_record('step of an office', 'NX331', 'step refused: it is not the acting role''s to take',
                'There is no such account in an agency in which the acting role holds an office.',
                'facesnxt.appoint() says who holds an office.', clause => 'SP-II.A', about => about);
        END IF;
        PERFORM facesnxt.refuse_on_record(step, 'NX331', 'step refused: it is not the acting role''s to take',
            format('It is taken by: %s (%s).', coalesce(office, 'nobody'), coalesce(clause, 'no clause')),
            'facesnxt.appoint() says who holds an office.', agency_id, NULL, coalesce(clause, 'NM-I'), about);
    ELSIF about::oid = ANY (facesnxt.acting_persons()) THEN
        PERFORM facesnxt.refuse_on_record(step, 'NX331', 'step refused: nobody takes it for themselves',
            format('It is taken by another person who is %s (%s).', office, coalesce(clause, 'no clause')),
            'Ask another holder of the office, or a designee.', agency_id, NULL, coalesce(clause, 'NM-I'), about);
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
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = role AND r.rolname !~ '^(pg_|facesnxt_)') THEN
        PERFORM facesnxt.refuse_on_record('account or office', 'NX332', format('role "%s" is no person''s', coalesce(role::text, 'NULL')),
            'Accounts and offices are those of persons, each with a role of their own.', 'CREATE ROLE makes one.',
            clause => 'SP-IV.A.1', about => role);
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

-- The policies let "the Chief or designee" decide: whom the Chief designated,
-- not whom an administrator named. A designee designates nobody.
CREATE FUNCTION facesnxt.require_designator(agency_id uuid, office text, unit text, about regrole) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    version CONSTANT uuid := facesnxt.policy_in_force(agency_id, clock_timestamp());
    clause CONSTANT text := (SELECT r.clause FROM facesnxt.policy_rule r
        WHERE r.version_id = version AND r.value = to_jsonb(office) ORDER BY r.rule LIMIT 1);
BEGIN
    PERFORM facesnxt.require_office(agency_id, office, clause, about, unit);
    IF NOT EXISTS (
        SELECT FROM facesnxt.office_holder h JOIN facesnxt.session_identity() i ON h.role = i.acting_oid
        WHERE h.agency_id = require_designator.agency_id AND h.office = require_designator.office AND NOT h.designee
            AND (h.unit IS NULL OR h.unit = require_designator.unit))
    THEN
        PERFORM facesnxt.refuse_on_record('designation', 'NX331', 'step refused: a designee designates nobody',
            format('Whoever holds the office %s does (%s).', office, coalesce(clause, 'no clause')), 'Leave it to the holder.', agency_id,
            clause => coalesce(clause, 'NM-I'), about => about);
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.require_designator(uuid, text, text, regrole) IS
'Refuses a designation by anybody but the holder of the office (NM-VI.A, NS-32.6.1, MI-4.2; NX331)';
REVOKE ALL ON FUNCTION facesnxt.require_designator(uuid, text, text, regrole) FROM PUBLIC;

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
    has_already text;
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
    ELSIF designee THEN
        PERFORM facesnxt.require_designator(of_agency, kind.office, unit, role);
    ELSIF NOT facesnxt.is_administrator(of_agency) OR role::oid = ANY (facesnxt.acting_persons()) THEN
        PERFORM facesnxt.refuse_on_record('appointment', 'NX331', 'step refused: it is not the acting role''s to take',
            'An administrator appoints, and never herself or himself.', 'Ask another administrator.', of_agency,
            clause => coalesce(kind.clause, 'NM-I'), about => role);
    END IF;
    version := facesnxt.policy_in_force(of_agency, clock_timestamp());
    has_already := facesnxt.would_conflict(of_agency, version, office, role);
    IF has_already IS NOT NULL THEN
        PERFORM facesnxt.refuse_on_record('appointment', 'NX331', 'step refused: whoever administers accounts does not audit them',
            format('Role "%s" has already: %s (%s).', role, has_already, facesnxt.policy_clause(version, 'auditor_apart')),
            'Appoint somebody else.', of_agency, 'auditor_apart', about => role);
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
    held record;
BEGIN
    SELECT h.agency_id, h.role, o.clause, o.sole AND NOT h.designee AS sole INTO held
    FROM facesnxt.office_holder h JOIN facesnxt.office o USING (office) WHERE h.appointment_id = end_appointment.appointment_id AND facesnxt.in_reach(h.agency_id);
    IF held.sole IS NOT FALSE OR facesnxt.readable(reason) IS NULL THEN
        PERFORM facesnxt.refuse_on_record('end of an appointment', 'NX339', 'the appointment cannot be ended so',
            'It does not exist, is over, has no reason to end, or is to the one holder of an office, which is not left empty.',
            'Appoint a successor: facesnxt.appoint().', held.agency_id, clause => held.clause, about => held.role);
    END IF;
    INSERT INTO facesnxt.appointment_end (appointment_id, reason) VALUES (appointment_id, reason);
END
$$;
COMMENT ON FUNCTION facesnxt.end_appointment(uuid, text) IS 'Ends an appointment now; the one holder of an office is only followed by another (NX339)';
REVOKE ALL ON FUNCTION facesnxt.end_appointment(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.end_appointment(uuid, text) TO facesnxt_admin;
