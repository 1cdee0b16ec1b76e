-- What is known of an account, and what a version of a policy finds missing.

-- What was refused is no use of an account: it would keep itself alive.
CREATE FUNCTION facesnxt.last_used(account facesnxt.account) RETURNS timestamptz
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN greatest($1.status_at,
        -- the last ones by the index of the account, whatever the planner thinks of a table that was never analysed
        (SELECT s.recorded_at FROM facesnxt.search s WHERE s.account_id = $1.account_id AND s.status = 'completed'
         ORDER BY s.recorded_at DESC LIMIT 1),
        (SELECT v.recorded_at FROM facesnxt.verification v WHERE v.account_id = $1.account_id AND v.status = 'completed'
         ORDER BY v.recorded_at DESC LIMIT 1),
        (SELECT t.opened_at FROM facesnxt.ticket t WHERE t.account_id = $1.account_id ORDER BY t.opened_at DESC LIMIT 1));
END
$$;
COMMENT ON FUNCTION facesnxt.last_used(facesnxt.account) IS
'When an account last searched, verified or opened a search, or when its status was set if that is later (NP-VI.C.2.c.note)';
REVOKE ALL ON FUNCTION facesnxt.last_used(facesnxt.account) FROM PUBLIC;

-- plpgsql keeps the plans of what the gate asks for the next search of the session.
CREATE FUNCTION facesnxt.account_facts(account facesnxt.account) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT jsonb_build_object(
        'agency', (SELECT g.code FROM facesnxt.agency g WHERE g.agency_id = $1.agency_id),
        'status', $1.status,
        'used_at', facesnxt.last_used($1),
        -- a registration that was denied used up what had been approved before
        'approvals', (SELECT coalesce(jsonb_agg(jsonb_build_object('office', p.office, 'by', p.by_role, 'at', p.at) ORDER BY p.at), '[]')
                      FROM facesnxt.registration_approval p
                      WHERE p.agency_id = $1.agency_id AND p.applicant = $1.role AND p.at > since.denied_at),
        'email', EXISTS (SELECT FROM facesnxt.email_domain d
                         WHERE d.agency_id = $1.agency_id AND d.domain = split_part($1.email, '@', 2)),
        'email_verified', (SELECT max(e.at) FROM facesnxt.account_event e
                           WHERE e.account_id = $1.account_id AND e.step = 'verified' AND e.at >= since.at),
        'activation', (SELECT jsonb_build_object('office', e.office, 'by', e.by_role, 'at', e.at) FROM facesnxt.account_event e
                       WHERE e.account_id = $1.account_id AND e.step = 'approved' AND e.at >= since.at),
        'courses', (SELECT coalesce(jsonb_object_agg(c.course, jsonb_build_object('version', c.version, 'least', c.least,
                        'assigned', (SELECT max(t.version) FROM facesnxt.course_assignment t
                                     WHERE t.account_id = $1.account_id AND t.course = c.course),
                        'passed', (SELECT jsonb_build_object('version', r.version, 'at', r.at) FROM facesnxt.course_result r
                                   WHERE r.account_id = $1.account_id AND r.course = c.course AND r.passed
                                   ORDER BY r.version DESC, r.at LIMIT 1))), '{}')
                    FROM (SELECT v.course, max(v.version) AS version, coalesce(max(v.version) FILTER (WHERE v.retake), 1) AS least
                          FROM facesnxt.course_version v WHERE v.agency_id = $1.agency_id GROUP BY v.course) c),
        'training_acknowledged', (SELECT max(k.at) FROM facesnxt.acknowledgement k
                                  WHERE k.account_id = $1.account_id AND k.kind = 'training' AND k.at >= since.at),
        'limitations_acknowledged', (SELECT max(k.at) FROM facesnxt.acknowledgement k
                                     WHERE k.account_id = $1.account_id AND k.kind = 'limitations'),
        'agreement', jsonb_build_object(
            'version', (SELECT max(v.number) FROM facesnxt.agreement_version v WHERE v.agency_id = $1.agency_id),
            'accepted', (SELECT max(k.agreement) FROM facesnxt.acknowledgement k
                         WHERE k.account_id = $1.account_id AND k.kind = 'agreement')),
        'unit', (SELECT u.unit FROM facesnxt.unit_membership u
                 WHERE u.role = $1.role AND u.agency_id = $1.agency_id ORDER BY u.at DESC LIMIT 1),
        'unit_exception', (SELECT jsonb_build_object('office', x.office, 'by', x.by_role, 'until', x.until_at)
                           FROM facesnxt.unit_exception x WHERE x.account_id = $1.account_id AND x.until_at > clock_timestamp()
                           ORDER BY x.until_at DESC LIMIT 1),
        'mou', (SELECT coalesce(jsonb_agg(jsonb_build_object('title', m.title, 'parties', m.parties, 'until', m.until_at) ORDER BY m.until_at), '[]')
                FROM facesnxt.mou m
                WHERE m.agency_id = $1.agency_id AND m.from_at <= clock_timestamp() AND m.until_at > clock_timestamp()
                    AND NOT EXISTS (SELECT FROM facesnxt.mou_end e WHERE e.mou_id = m.mou_id)),
        -- sessions that logged on as this very role; a gateway's are not its
        'addresses', (SELECT coalesce(jsonb_agg(DISTINCT coalesce(host(s.client_addr), 'local')), '[]')
                      FROM pg_stat_activity s WHERE s.usesysid = $1.role))
    FROM (SELECT coalesce(max(e.at) FILTER (WHERE e.step = 'registered'), 'infinity') AS at,
                 coalesce(max(e.at) FILTER (WHERE e.step = 'denied' AND $1.status <> 'denied'), '-infinity') AS denied_at
          FROM facesnxt.account_event e WHERE e.account_id = $1.account_id) since);
END
$$;
COMMENT ON FUNCTION facesnxt.account_facts(facesnxt.account) IS 'What is known of an account, as the rules'' tests read it';
REVOKE ALL ON FUNCTION facesnxt.account_facts(facesnxt.account) FROM PUBLIC;

CREATE FUNCTION facesnxt.missing_approval(office text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$ SELECT 'approval by the office ' || $1 $$;
COMMENT ON FUNCTION facesnxt.missing_approval(text) IS 'How account_gaps() names an approval that is missing';
REVOKE ALL ON FUNCTION facesnxt.missing_approval(text) FROM PUBLIC;

-- Places are the order of the steps: what has a lower place comes first.
CREATE FUNCTION facesnxt.account_gaps(version_id uuid, account jsonb)
RETURNS TABLE (place int, rule text, clause text, missing text, next_step text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    steps CONSTANT text[] := ARRAY['registration_approvals', 'department_email', 'verification_hours', 'activation_by',
        'training', 'training_acknowledged', 'limitations_acknowledged', 'agreement'];
    value jsonb;
    wanted text;
    course jsonb;
BEGIN
    FOR place, rule, clause, value IN
        SELECT 10 * array_position(steps, r.rule), r.rule, r.clause, r.value FROM facesnxt.policy_rule r
        WHERE r.version_id = account_gaps.version_id AND r.rule = ANY (steps) AND r.value <> 'false'
        ORDER BY 1
    LOOP
        missing := NULL;
        CASE rule
            WHEN 'registration_approvals' THEN
                FOR wanted IN SELECT jsonb_array_elements_text(value) LOOP
                    IF NOT coalesce(account->'approvals' @> jsonb_build_array(jsonb_build_object('office', wanted)), false) THEN
                        missing := facesnxt.missing_approval(wanted);
                        next_step := format('%s: facesnxt.approve_registration(), before the registration', wanted);
                        RETURN NEXT;
                    END IF;
                END LOOP;
                missing := NULL;
            WHEN 'department_email' THEN
                IF account->'email' IS DISTINCT FROM 'true' THEN
                    missing := 'an address of the department';
                    next_step := 'register with an e-mail address of one of the agency''s domains';
                END IF;
            WHEN 'verification_hours' THEN
                IF account->>'email_verified' IS NULL THEN
                    missing := 'a verified address';
                    next_step := 'the applicant: facesnxt.verify_address(token), with the token that was mailed';
                END IF;
            WHEN 'activation_by' THEN
                IF account->>'activation' IS NULL THEN
                    missing := format('approval of the account by the office %s', value #>> '{}');
                    next_step := format('%s: facesnxt.decide_account()', value #>> '{}');
                END IF;
            WHEN 'training' THEN
                FOR wanted IN SELECT jsonb_array_elements_text(value) LOOP
                    course := account->'courses'->wanted;
                    IF (course->'passed'->>'version')::int >= (course->>'least')::int IS NOT TRUE THEN
                        missing := format('course "%s"', wanted);
                        next_step := CASE
                            WHEN course IS NULL THEN 'an administrator: facesnxt.define_course()'
                            WHEN course->>'assigned' IS NULL THEN 'the applicant: facesnxt.take_course(), once the account is approved'
                            ELSE 'pass it; a trainer or an administrator says so: facesnxt.record_course()' END;
                        RETURN NEXT;
                    END IF;
                END LOOP;
                missing := NULL;
            WHEN 'training_acknowledged' THEN
                IF account->>'training_acknowledged' IS NULL THEN
                    missing := 'acknowledgement of the training by payroll number';
                    next_step := 'the applicant: facesnxt.acknowledge_training(payroll_number)';
                END IF;
            WHEN 'limitations_acknowledged' THEN
                IF account->>'limitations_acknowledged' IS NULL THEN
                    missing := 'acknowledgement of the limits of face recognition, bias included';
                    next_step := 'the applicant: facesnxt.acknowledge_limitations()';
                END IF;
            WHEN 'agreement' THEN
                IF (account->'agreement'->>'version')::int = (account->'agreement'->>'accepted')::int IS NOT TRUE THEN
                    missing := coalesce('acceptance of user agreement ' || (account->'agreement'->>'version'), 'a user agreement');
                    next_step := CASE WHEN account->'agreement'->>'version' IS NULL THEN 'an administrator: facesnxt.publish_agreement()'
                                      ELSE 'the applicant: facesnxt.accept_agreement(version)' END;
                END IF;
        END CASE;
        IF missing IS NOT NULL THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.account_gaps(uuid, jsonb) IS
'What an account lacks by a version of a policy, in the order of the steps; looks at the version and at the facts alone';
REVOKE ALL ON FUNCTION facesnxt.account_gaps(uuid, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.lacks(account facesnxt.account)
RETURNS TABLE (place int, rule text, clause text, missing text, next_step text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT g.* FROM facesnxt.account_gaps(facesnxt.policy_in_force($1.agency_id, clock_timestamp()), facesnxt.account_facts($1)) g $$;
COMMENT ON FUNCTION facesnxt.lacks(facesnxt.account) IS 'What an account lacks now by the policy in force';
REVOKE ALL ON FUNCTION facesnxt.lacks(facesnxt.account) FROM PUBLIC;

CREATE FUNCTION facesnxt.require_steps(account_id uuid, before int, what text) RETURNS facesnxt.account
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account;
    gap record;
BEGIN
    PERFORM facesnxt.check_snapshot();
    SELECT a.* INTO account FROM facesnxt.account a WHERE a.account_id = require_steps.account_id FOR NO KEY UPDATE;
    SELECT g.* INTO gap FROM facesnxt.lacks(account) g WHERE g.place < before LIMIT 1;
    IF gap.place IS NOT NULL THEN
        PERFORM facesnxt.refuse_on_record(what, 'NX330', format('%s refused: a step before it is missing', what),
            format('Missing: %s (%s).', gap.missing, gap.clause), format('Next: %s.', gap.next_step),
            account.agency_id, gap.rule, gap.clause, account.role);
    ELSIF account.status = 'denied' THEN
        PERFORM facesnxt.refuse_on_record(what, 'NX330', format('%s refused: the account was denied', what),
            format('Reason: %s.', account.status_reason), 'Next: facesnxt.register_account() asks anew.',
            account.agency_id, 'activation_by', about => account.role);
    END IF;
    RETURN account;
END
$$;
COMMENT ON FUNCTION facesnxt.require_steps(uuid, int, text) IS
'Locks an account and refuses a step while one of a lower place is missing, naming it and its clause (SP-IV.A.1.f.1; NX330)';
REVOKE ALL ON FUNCTION facesnxt.require_steps(uuid, int, text) FROM PUBLIC;
