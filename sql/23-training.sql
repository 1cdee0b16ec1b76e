-- Training, acknowledgements and agreements.

CREATE FUNCTION facesnxt.define_course(
    agency text, course text, version int DEFAULT 1, retake boolean DEFAULT false, instructions text DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO facesnxt.course_version (agency_id, course, version, retake, instructions)
    VALUES (facesnxt.agency_named($1), $2, $3, $4, $5)
$$;
COMMENT ON FUNCTION facesnxt.define_course(text, text, int, boolean, text) IS
'Publishes a version of a course; retake: whoever passed an earlier version must pass this one';
REVOKE ALL ON FUNCTION facesnxt.define_course(text, text, int, boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.define_course(text, text, int, boolean, text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.take_course(course text) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account := facesnxt.require_steps(facesnxt.require_account(), 50, 'training');
    newest int;
BEGIN
    SELECT max(v.version) INTO newest FROM facesnxt.course_version v
    WHERE v.agency_id = account.agency_id AND v.course = take_course.course;
    IF newest IS NULL THEN
        RAISE EXCEPTION 'training refused: the agency has no such course'
            USING ERRCODE = 'NX334', DETAIL = format('Course: "%s".', course),
                  HINT = 'facesnxt.my_account_missing names the courses.';
    END IF;
    INSERT INTO facesnxt.course_assignment (account_id, agency_id, course, version)
    VALUES (account.account_id, account.agency_id, course, newest) ON CONFLICT DO NOTHING;
    RETURN newest;
END
$$;
COMMENT ON FUNCTION facesnxt.take_course(text) IS
'Lets the acting role into a course and says which version; refused before the account is approved (SP-IV.A.1.f.1; NX330, NX334)';
REVOKE ALL ON FUNCTION facesnxt.take_course(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.take_course(text) TO facesnxt_member;

CREATE FUNCTION facesnxt.record_course(role regrole, course text, version int, passed boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account;
    office text := 'trainer';
BEGIN
    SELECT a.* INTO account FROM facesnxt.account a WHERE a.role = record_course.role AND a.status <> 'revoked';
    IF NOT facesnxt.is_administrator(account.agency_id) OR role::oid = ANY (facesnxt.acting_persons()) THEN
        PERFORM facesnxt.require_office(account.agency_id, office,
            facesnxt.policy_clause(facesnxt.policy_in_force(account.agency_id, clock_timestamp()), 'training'), role);
    END IF;
    IF account.account_id IS NULL THEN
        RAISE EXCEPTION 'role "%" has no account', role USING ERRCODE = 'NX301', HINT = 'facesnxt.register_account() asks for one.';
    END IF;
    account := facesnxt.require_steps(account.account_id, 50, 'training');
    IF passed IS NULL OR NOT EXISTS (
        SELECT FROM facesnxt.course_assignment t
        WHERE t.account_id = account.account_id AND t.course = record_course.course AND t.version = record_course.version) THEN
        PERFORM facesnxt.refuse_on_record('training', 'NX334', 'training refused: the course was not assigned',
            format('Version %s of course "%s" was not assigned to role "%s".', version, course, role),
            'A course is assigned with the approval of the account, or by facesnxt.take_course().', account.agency_id, 'training',
            about => role);
    END IF;
    INSERT INTO facesnxt.course_result (account_id, course, version, passed) VALUES (account.account_id, course, version, passed);
    IF passed THEN
        PERFORM facesnxt.go_on(account.account_id, format('course "%s" passed', course));
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.record_course(regrole, text, int, boolean) IS
'Records whether a person passed a course that was assigned; the last one grants access (SP-IV.A.1.h; NX330, NX331, NX334)';
REVOKE ALL ON FUNCTION facesnxt.record_course(regrole, text, int, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.record_course(regrole, text, int, boolean) TO facesnxt_admin, facesnxt_member;

-- ---- the agency's staff and addresses

CREATE FUNCTION facesnxt.add_email_domain(agency text, domain text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ INSERT INTO facesnxt.email_domain (agency_id, domain) VALUES (facesnxt.agency_named($1), lower($2)) $$;
COMMENT ON FUNCTION facesnxt.add_email_domain(text, text) IS 'Adds an e-mail domain of an agency';
REVOKE ALL ON FUNCTION facesnxt.add_email_domain(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.add_email_domain(text, text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.enrol_member(
    agency text, payroll_number text, name text, email text DEFAULT NULL, sworn boolean DEFAULT true)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO facesnxt.roster (agency_id, payroll_number, name, email, sworn)
    VALUES (facesnxt.agency_named($1), $2, $3, lower($4), $5)
$$;
COMMENT ON FUNCTION facesnxt.enrol_member(text, text, text, text, boolean) IS 'Puts a person on an agency''s roster, or changes the entry';
REVOKE ALL ON FUNCTION facesnxt.enrol_member(text, text, text, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.enrol_member(text, text, text, text, boolean) TO facesnxt_admin;

CREATE FUNCTION facesnxt.acknowledge_training(payroll_number text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account := facesnxt.require_steps(facesnxt.require_account(), 50, 'acknowledgement');
    entry facesnxt.roster;
BEGIN
    SELECT r.* INTO entry FROM facesnxt.roster r
    WHERE r.agency_id = account.agency_id AND r.payroll_number = acknowledge_training.payroll_number ORDER BY r.at DESC LIMIT 1
    FOR UPDATE; -- two at once wait for each other
    -- the roster says whose number it is by the address, or it is the first one's who uses it
    IF entry.entry_id IS NULL OR entry.separated OR (entry.email IS NOT NULL AND entry.email IS DISTINCT FROM account.email) OR EXISTS (
        SELECT FROM facesnxt.acknowledgement k JOIN facesnxt.account a USING (account_id)
        WHERE k.payroll_number = acknowledge_training.payroll_number AND a.agency_id = account.agency_id
            AND a.account_id <> account.account_id AND a.status <> 'revoked')
    THEN
        PERFORM facesnxt.refuse_on_record('acknowledgement', 'NX335', 'acknowledgement refused: the payroll number is not the applicant''s',
            format('The agency''s roster does not have number "%s" for this account (%s).', payroll_number,
                coalesce(facesnxt.policy_clause(facesnxt.policy_in_force(account.agency_id, clock_timestamp()), 'training_acknowledged'), 'no clause')),
            'Give your own number, or have the roster corrected.', account.agency_id, 'training_acknowledged', about => account.role);
    END IF;
    INSERT INTO facesnxt.acknowledgement (account_id, kind, payroll_number) VALUES (account.account_id, 'training', payroll_number);
    PERFORM facesnxt.go_on(account.account_id, 'training acknowledged');
END
$$;
COMMENT ON FUNCTION facesnxt.acknowledge_training(text) IS
'Acknowledges the receipt of the training by the acting role''s own payroll number (SP-IV.A.1.g; NX335)';
REVOKE ALL ON FUNCTION facesnxt.acknowledge_training(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.acknowledge_training(text) TO facesnxt_member;

CREATE FUNCTION facesnxt.acknowledge_limitations() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account := facesnxt.require_steps(facesnxt.require_account(), 50, 'acknowledgement');
BEGIN
    INSERT INTO facesnxt.acknowledgement (account_id, kind) VALUES (account.account_id, 'limitations');
    PERFORM facesnxt.go_on(account.account_id, 'limitations acknowledged');
END
$$;
COMMENT ON FUNCTION facesnxt.acknowledge_limitations() IS
'Acknowledges that face recognition errs, and not equally for all groups of people (MI-4.4.b)';
REVOKE ALL ON FUNCTION facesnxt.acknowledge_limitations() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.acknowledge_limitations() TO facesnxt_member;

-- ---- agreements

CREATE FUNCTION facesnxt.publish_agreement(agency text, body text) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency uuid := facesnxt.agency_named(agency);
    new_number int;
    asked facesnxt.account;
BEGIN
    PERFORM FROM facesnxt.agency a WHERE a.agency_id = of_agency FOR NO KEY UPDATE;
    INSERT INTO facesnxt.agreement_version (agency_id, number, body)
    SELECT of_agency, 1 + count(*), publish_agreement.body FROM facesnxt.agreement_version v WHERE v.agency_id = of_agency
    RETURNING number INTO new_number;
    FOR asked IN SELECT a.* FROM facesnxt.account a WHERE a.agency_id = of_agency AND a.status IN ('active', 'suspended') LOOP
        PERFORM facesnxt.queue_mail(asked, 'agreement', jsonb_build_object('version', new_number, 'agreement', publish_agreement.body));
    END LOOP;
    RETURN new_number;
END
$$;
COMMENT ON FUNCTION facesnxt.publish_agreement(text, text) IS
'Puts a new user agreement in force, which every account accepts anew before its next search (NM-V.A.1, MI-4.5.4)';
REVOKE ALL ON FUNCTION facesnxt.publish_agreement(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.publish_agreement(text, text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.accept_agreement(version int) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account := facesnxt.require_steps(facesnxt.require_account(), 50, 'acceptance');
    newest int := (SELECT max(v.number) FROM facesnxt.agreement_version v WHERE v.agency_id = account.agency_id);
BEGIN
    IF version = newest IS NOT TRUE THEN
        PERFORM facesnxt.refuse_on_record('acceptance', 'NX336', 'acceptance refused: it is not the agreement in force',
            format('In force is version %s (%s).', coalesce(newest::text, 'none'),
                coalesce(facesnxt.policy_clause(facesnxt.policy_in_force(account.agency_id, clock_timestamp()), 'agreement'), 'no clause')),
            'facesnxt.my_agreement has the text of the one in force.', account.agency_id, 'agreement', about => account.role);
    END IF;
    INSERT INTO facesnxt.acknowledgement (account_id, kind, agreement) VALUES (account.account_id, 'agreement', version);
    PERFORM facesnxt.go_on(account.account_id, 'agreement accepted');
END
$$;
COMMENT ON FUNCTION facesnxt.accept_agreement(int) IS 'Accepts the user agreement in force, named by its version (NX336)';
REVOKE ALL ON FUNCTION facesnxt.accept_agreement(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.accept_agreement(int) TO facesnxt_member;
