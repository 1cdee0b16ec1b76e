-- Registration: the approvals before it, and what follows a step by itself.

CREATE FUNCTION facesnxt.approve_registration(
    agency text, office text, applicant regrole, note text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency uuid;
    version uuid;
    who CONSTANT regrole[] := facesnxt.acting_persons()::regrole[];
BEGIN
    PERFORM facesnxt.check_person(applicant);
    -- two approvals at once wait for each other here
    SELECT a.agency_id INTO of_agency FROM facesnxt.agency a WHERE a.code = agency FOR NO KEY UPDATE;
    version := facesnxt.policy_in_force(of_agency, clock_timestamp());
    PERFORM facesnxt.require_office(of_agency,
        CASE WHEN office = ANY (facesnxt.policy_texts(version, 'registration_approvals')) THEN office END,
        facesnxt.policy_clause(version, 'registration_approvals'), applicant,
        (SELECT u.unit FROM facesnxt.unit_membership u WHERE u.agency_id = of_agency AND u.role = applicant ORDER BY u.at DESC LIMIT 1));
    -- only what a later policy asks for can be made up for
    IF EXISTS (SELECT FROM facesnxt.account a WHERE a.role = approve_registration.applicant AND a.status <> 'denied'
               AND NOT EXISTS (SELECT FROM facesnxt.lacks(a) g
                               WHERE g.place = 10 AND g.missing = facesnxt.missing_approval(approve_registration.office))) THEN
        PERFORM facesnxt.refuse_on_record('approval', 'NX330', format('approval refused: role "%s" is registered already', applicant),
            format('Approvals come before the registration (%s).', facesnxt.policy_clause(version, 'registration_approvals')),
            'facesnxt.account_missing shows what an account lacks.', of_agency, 'registration_approvals', about => applicant);
    ELSIF EXISTS (SELECT FROM facesnxt.registration_approval p
                  WHERE p.agency_id = of_agency AND p.applicant = approve_registration.applicant AND p.persons && who
                    AND p.office <> approve_registration.office
                     AND p.at > coalesce((SELECT max(e.at) FROM facesnxt.account_event e JOIN facesnxt.account a USING (account_id)
                                          WHERE a.role = p.applicant AND e.step = 'denied'), '-infinity')) THEN
        PERFORM facesnxt.refuse_on_record('approval', 'NX331', 'approval refused: the same person has approved this registration',
            format('Each approval is another person''s (%s).', facesnxt.policy_clause(version, 'registration_approvals')),
            'Another holder of the office approves.', of_agency, 'registration_approvals', about => applicant);
    END IF;
    INSERT INTO facesnxt.registration_approval (agency_id, applicant, office, persons, note)
    VALUES (of_agency, applicant, office, who, note);
    PERFORM facesnxt.set_membership(applicant, 'facesnxt_member', true);
END
$$;
COMMENT ON FUNCTION facesnxt.approve_registration(text, text, regrole, text) IS
'Approves, in an office that the policy names, that a person registers (NM-V.A.2, NP-VI.D.2.a; NX330, NX331)';
REVOKE ALL ON FUNCTION facesnxt.approve_registration(text, text, regrole, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.approve_registration(text, text, regrole, text) TO facesnxt_member;

-- After the last step that a version asks for, access is granted; before the
-- next one, whoever has to take it is told.
CREATE FUNCTION facesnxt.go_on(account_id uuid, after text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account;
    policy uuid;
    wanted text;
BEGIN
    SELECT a.* INTO account FROM facesnxt.account a WHERE a.account_id = go_on.account_id FOR NO KEY UPDATE;
    policy := facesnxt.policy_in_force(account.agency_id, clock_timestamp());
    wanted := facesnxt.policy_value(policy, 'activation_by') #>> '{}';
    IF wanted IS NOT NULL AND NOT EXISTS (SELECT FROM facesnxt.lacks(account) g WHERE g.place < 40)
        AND EXISTS (SELECT FROM facesnxt.lacks(account) g WHERE g.place = 40) THEN
        IF after IN ('registered', 'verified') THEN
            PERFORM facesnxt.queue_mail_to(account, wanted, 'decide');
        END IF;
    ELSIF account.status NOT IN ('denied', 'revoked') AND NOT EXISTS (SELECT FROM facesnxt.lacks(account) g WHERE g.place < 50) THEN
        INSERT INTO facesnxt.course_assignment (account_id, agency_id, course, version)
        SELECT account.account_id, account.agency_id, v.course, max(v.version) FROM facesnxt.course_version v
        WHERE v.agency_id = account.agency_id AND v.course = ANY (facesnxt.policy_texts(policy, 'training'))
        GROUP BY v.course ON CONFLICT DO NOTHING;
        IF FOUND THEN
            PERFORM facesnxt.queue_mail(account, 'training', (
                SELECT jsonb_build_object('courses', jsonb_agg(jsonb_build_object('course', t.course, 'version', t.version,
                    'instructions', v.instructions) ORDER BY t.course))
                FROM facesnxt.course_assignment t JOIN facesnxt.course_version v USING (agency_id, course, version)
                WHERE t.account_id = account.account_id));
        END IF;
        IF account.status IN ('pending', 'verified', 'approved') AND NOT EXISTS (SELECT FROM facesnxt.lacks(account)) AND EXISTS (
            SELECT FROM facesnxt.policy_rule r WHERE r.version_id = policy AND r.rule IN ('training', 'activation_by'))
            AND facesnxt.licence_free(account.agency_id)
        THEN
            PERFORM facesnxt.account_step(account.account_id, 'auto-grant', 'active', format('nothing is missing since: %s', after));
            PERFORM facesnxt.queue_mail(account, 'active', '{}');
        END IF;
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.go_on(uuid, text) IS
'What follows a step by itself: mail to whoever decides, courses once the account is approved, access once nothing is missing (SP-IV.A.1.h)';
REVOKE ALL ON FUNCTION facesnxt.go_on(uuid, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.check_address(agency_id uuid, address text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    version CONSTANT uuid := facesnxt.policy_in_force(agency_id, clock_timestamp());
BEGIN
    -- one address, and no line of a mail's head, whatever the policy asks for
    IF address !~ '^[^@\s,;:<>()\[\]"\\\u0001-\u0020\u007f-\u00a0\u2028\u2029]+@[a-z0-9.-]+\.[a-z]+$'
        OR ((facesnxt.policy_value(version, 'department_email') = 'true' OR facesnxt.policy_value(version, 'verification_hours') IS NOT NULL)
            AND NOT EXISTS (SELECT FROM facesnxt.email_domain d
                            WHERE d.agency_id = check_address.agency_id AND address LIKE '_%@' || d.domain)) THEN
        PERFORM facesnxt.refuse_on_record('registration', 'NX332',
            format('registration refused: "%s" is no e-mail address of the department', coalesce(address, '')),
            format('Domains of the agency: %s (%s).',
                coalesce((SELECT string_agg(d.domain, ', ' ORDER BY d.domain) FROM facesnxt.email_domain d
                          WHERE d.agency_id = check_address.agency_id), 'none'),
                coalesce(facesnxt.policy_clause(version, 'department_email'), facesnxt.policy_clause(version, 'verification_hours'), 'no clause')),
            'Register with the address that the department gave you.', agency_id, 'department_email',
            coalesce(facesnxt.policy_clause(version, 'verification_hours'), 'SP-IV.A.1.c.1.a'));
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.check_address(uuid, text) IS 'Refuses what is no e-mail address, and one of none of the agency''s domains where the policy asks for that (SP-IV.A.1.c.1.a; NX332)';
REVOKE ALL ON FUNCTION facesnxt.check_address(uuid, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.enter_account(of_agency uuid, role regrole, email text) RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    version CONSTANT uuid := facesnxt.policy_in_force(of_agency, clock_timestamp());
    address CONSTANT text := nullif(lower(btrim(email)), '');
    account facesnxt.account;
BEGIN
    PERFORM facesnxt.check_person(role);
    PERFORM facesnxt.check_address(of_agency, address);
    SELECT a.* INTO account FROM facesnxt.account a WHERE a.role = enter_account.role FOR NO KEY UPDATE;
    IF account.status = 'revoked' THEN
        PERFORM facesnxt.refuse_on_record('registration', 'NX302', format('account of role "%s" is revoked', role),
            'A revoked account stays revoked.', 'Open an account for another role.', of_agency, clause => 'SP-IV.A.2', about => role);
    ELSIF account.status = 'denied' AND account.agency_id = of_agency THEN
        PERFORM facesnxt.account_step(account.account_id, 'registered', 'pending', 'asked anew');
        UPDATE facesnxt.account a SET email = address WHERE a.account_id = account.account_id;
    ELSE
        INSERT INTO facesnxt.account (agency_id, role, email, status_by)
        SELECT of_agency, enter_account.role, address, i.acting_role FROM facesnxt.session_identity() i
        RETURNING * INTO account;
        PERFORM facesnxt.account_step(account.account_id, 'registered', 'pending', NULL);
    END IF;
    -- what was approved before counts; what is missing now comes too late
    PERFORM facesnxt.require_steps(account.account_id, 20, 'registration');
    IF facesnxt.policy_value(version, 'verification_hours') IS NOT NULL THEN
        SELECT a.* INTO account FROM facesnxt.account a WHERE a.account_id = account.account_id;
        PERFORM facesnxt.queue_mail(account, 'verify', '{}');
    END IF;
    PERFORM facesnxt.go_on(account.account_id, 'registered');
    RETURN account.account_id;
EXCEPTION WHEN unique_violation THEN
    PERFORM facesnxt.refuse_on_record('registration', '23505', 'registration refused: the role or the address has an account',
        'One account per person, and one per e-mail address (SP-IV.A.1).', 'facesnxt.my_account shows yours.', of_agency,
        clause => 'SP-IV.A.1', about => role);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION facesnxt.enter_account(uuid, regrole, text) IS 'What register_account() and open_account() have in common';
REVOKE ALL ON FUNCTION facesnxt.enter_account(uuid, regrole, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.register_account(agency text, email text DEFAULT NULL) RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT facesnxt.enter_account(facesnxt.agency_coded($1), i.acting_oid, $2) FROM facesnxt.session_identity() i $$;
COMMENT ON FUNCTION facesnxt.register_account(text, text) IS
'Asks for an account for the acting role; the password is the server''s affair (SP-IV.A.1.a-c; NX330, NX332)';
REVOKE ALL ON FUNCTION facesnxt.register_account(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.register_account(text, text) TO facesnxt_member;

CREATE FUNCTION facesnxt.open_account(agency text, role regrole, email text DEFAULT NULL) RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT facesnxt.enter_account(facesnxt.agency_named($1), $2, $3) $$;
COMMENT ON FUNCTION facesnxt.open_account(text, regrole, text) IS
'Registers somebody else: binds a role to an agency by a pending account, to which every step that the policy asks for still comes';
REVOKE ALL ON FUNCTION facesnxt.open_account(text, regrole, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.open_account(text, regrole, text) TO facesnxt_admin;
