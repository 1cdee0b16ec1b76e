-- Access granted, suspended, revoked; licences.

CREATE FUNCTION facesnxt.licence_free(agency_id uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pool CONSTANT numeric := (facesnxt.policy_value(facesnxt.policy_in_force(agency_id, clock_timestamp()), 'licences') #>> '{}')::numeric;
BEGIN
    -- two grants at once wait for each other here
    PERFORM FROM facesnxt.agency g WHERE g.agency_id = licence_free.agency_id FOR NO KEY UPDATE;
    RETURN pool IS NULL OR pool > (SELECT count(*) FROM facesnxt.account a
                                   WHERE a.agency_id = licence_free.agency_id AND a.status = 'active');
END
$$;
COMMENT ON FUNCTION facesnxt.licence_free(uuid) IS 'Whether one more account of the agency may be active (NP-VI.C.2.c)';
REVOKE ALL ON FUNCTION facesnxt.licence_free(uuid) FROM PUBLIC;

-- Whoever lacks nothing but a licence has the one that came free.
CREATE FUNCTION facesnxt.reissue_licences(agency_id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    waiting uuid;
BEGIN
    IF facesnxt.policy_value(facesnxt.policy_in_force(agency_id, clock_timestamp()), 'licences') IS NOT NULL THEN
        FOR waiting IN
            SELECT a.account_id FROM facesnxt.account a
            WHERE a.agency_id = reissue_licences.agency_id AND a.status IN ('pending', 'verified', 'approved')
                AND NOT EXISTS (SELECT FROM facesnxt.lacks(a))
            ORDER BY a.status_at
        LOOP
            PERFORM facesnxt.go_on(waiting, 'a licence came free');
        END LOOP;
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.reissue_licences(uuid) IS 'Gives licences that came free to those who wait for one (NP-VI.C.2.c.note)';
REVOKE ALL ON FUNCTION facesnxt.reissue_licences(uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.report_violation(role regrole, kind text, description text, search_id uuid DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account;
    new_id uuid;
BEGIN
    account := facesnxt.managed_account(role);
    IF search_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM facesnxt.search s WHERE s.search_id = report_violation.search_id AND s.account_id = account.account_id) THEN
        PERFORM facesnxt.refuse_on_record('violation', 'NX338', 'violation refused: the search is not one of this account', NULL,
            'facesnxt.search has the searches of the account.', account.agency_id, 'revocation_reasons', about => role, search_id => search_id);
    END IF;
    INSERT INTO facesnxt.violation (account_id, kind, description, search_id)
    VALUES (account.account_id, kind, description, search_id) RETURNING violation_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.report_violation(regrole, text, text, uuid) IS
'Records a violation of the policy, of which a search may be the evidence; a revocation refers to it (NM-V.D, NM-IX.A.7)';
REVOKE ALL ON FUNCTION facesnxt.report_violation(regrole, text, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.report_violation(regrole, text, text, uuid) TO facesnxt_admin, facesnxt_member;

-- The account manager of the policy, whoever activates accounts, or an
-- administrator of the host: taking access away must not wait for one person.
CREATE FUNCTION facesnxt.managed_account(role regrole) RETURNS facesnxt.account
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account;
    version uuid;
BEGIN
    PERFORM facesnxt.check_snapshot();
    SELECT a.* INTO account FROM facesnxt.account a WHERE a.role = managed_account.role FOR NO KEY UPDATE;
    IF account.account_id IS NULL AND facesnxt.is_administrator(NULL) THEN
        RAISE EXCEPTION 'role "%" has no account', role
            USING ERRCODE = 'NX301', HINT = 'facesnxt.open_account() makes one.';
    ELSIF NOT facesnxt.is_administrator(account.agency_id) OR role::oid = ANY (facesnxt.acting_persons()) THEN
        version := facesnxt.policy_in_force(account.agency_id, clock_timestamp());
        PERFORM facesnxt.require_office(account.agency_id,
            coalesce(facesnxt.policy_value(version, 'account_manager'), facesnxt.policy_value(version, 'activation_by')) #>> '{}',
            coalesce(facesnxt.policy_clause(version, 'account_manager'), facesnxt.policy_clause(version, 'activation_by')), role);
    END IF;
    IF account.status = 'revoked' THEN
        PERFORM facesnxt.refuse_on_record('status of an account', 'NX302', format('account of role "%s" is revoked', role),
            'A revoked account stays revoked.', 'Open an account for another role.', account.agency_id, clause => 'SP-IV.A.2', about => role);
    END IF;
    RETURN account;
END
$$;
COMMENT ON FUNCTION facesnxt.managed_account(regrole) IS 'An account that the acting role manages, locked; an error if it does not (NX301, NX302, NX331)';
REVOKE ALL ON FUNCTION facesnxt.managed_account(regrole) FROM PUBLIC;

CREATE FUNCTION facesnxt.suspend_account(role regrole, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account := facesnxt.managed_account(role);
BEGIN
    IF facesnxt.readable(reason) IS NULL THEN
        RAISE EXCEPTION 'status "suspended" of an account needs a reason'
            USING ERRCODE = 'not_null_violation', HINT = 'Say why: it is kept with the account.';
    ELSIF account.status <> 'active' THEN
        PERFORM facesnxt.refuse_on_record('suspension', 'NX330', format('suspension refused: the account is %s', account.status),
            'An active account is suspended.', 'Next: facesnxt.revoke_account(), or the step that it waits for.', account.agency_id,
            'account_manager', about => role);
    END IF;
    PERFORM facesnxt.account_step(account.account_id, 'suspended', 'suspended', reason);
END
$$;
COMMENT ON FUNCTION facesnxt.suspend_account(regrole, text) IS 'Suspends an active account; searches see it as soon as it is committed';
REVOKE ALL ON FUNCTION facesnxt.suspend_account(regrole, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.suspend_account(regrole, text) TO facesnxt_admin, facesnxt_member;

CREATE FUNCTION facesnxt.revoke_account(role regrole, reason text, note text DEFAULT NULL, violation_id uuid DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account := facesnxt.managed_account(role);
    version CONSTANT uuid := facesnxt.policy_in_force(account.agency_id, clock_timestamp());
    listed CONSTANT text[] := facesnxt.policy_texts(version, 'revocation_reasons');
    clause CONSTANT text := coalesce(facesnxt.policy_clause(version, 'revocation_reasons'), 'no clause');
BEGIN
    IF facesnxt.readable(reason) IS NULL THEN
        RAISE EXCEPTION 'status "revoked" of an account needs a reason'
            USING ERRCODE = 'not_null_violation', HINT = 'Say why: it is kept with the account.';
    ELSIF cardinality(listed) > 0 AND reason <> ALL (listed) THEN
        PERFORM facesnxt.refuse_on_record('revocation', 'NX338', 'revocation refused: the policy does not list the reason',
            format('Listed: %s (%s).', array_to_string(listed, ', '), clause),
            'Name a listed reason, or suspend the account: facesnxt.suspend_account().', account.agency_id, 'revocation_reasons',
            about => role);
    ELSIF (violation_id IS NOT NULL OR (cardinality(listed) > 0 AND reason IN ('misuse', 'dissemination')))
        AND NOT EXISTS (SELECT FROM facesnxt.violation v
                        WHERE v.violation_id = revoke_account.violation_id AND v.account_id = account.account_id) THEN
        PERFORM facesnxt.refuse_on_record('revocation', 'NX338', 'revocation refused: no violation of this account is named',
            format('A revocation for %s refers to the violation (%s).', reason, clause),
            'facesnxt.report_violation() records it; suspend the account meanwhile.', account.agency_id, 'revocation_reasons',
            about => role);
    END IF;
    PERFORM facesnxt.end_account(account.account_id, reason, note, violation_id);
END
$$;
COMMENT ON FUNCTION facesnxt.revoke_account(regrole, text, text, uuid) IS
'Revokes an account at once and for ever, for a reason that the policy lists (SP-IV.A.2, NM-VII.E, NS-32.6.10; NX331, NX338)';
REVOKE ALL ON FUNCTION facesnxt.revoke_account(regrole, text, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.revoke_account(regrole, text, text, uuid) TO facesnxt_admin, facesnxt_member;

CREATE FUNCTION facesnxt.end_account(account_id uuid, reason text, note text, violation_id uuid DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account;
BEGIN
    SELECT a.* INTO account FROM facesnxt.account a WHERE a.account_id = end_account.account_id;
    PERFORM facesnxt.account_step(account.account_id, 'revoked', 'revoked', concat_ws(': ', reason, nullif(btrim(note), '')),
        NULL, violation_id);
    IF reason = 'separation' THEN
        INSERT INTO facesnxt.appointment_end (appointment_id, reason)
        SELECT h.appointment_id, 'separation' FROM facesnxt.office_holder h
        WHERE h.agency_id = account.agency_id AND h.role = account.role;
    END IF;
    PERFORM facesnxt.queue_mail(account, 'revoked', jsonb_build_object('reason', reason));
    PERFORM facesnxt.reissue_licences(account.agency_id);
END
$$;
COMMENT ON FUNCTION facesnxt.end_account(uuid, text, text, uuid) IS 'Revokes an account, whoever or whatever asked for it';
REVOKE ALL ON FUNCTION facesnxt.end_account(uuid, text, text, uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.set_account_status(role regrole, status text, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account := facesnxt.managed_account(role);
BEGIN
    IF status = 'active' THEN
        -- who is suspended does not log on, and could not take a step that came
        -- to be missing meanwhile: that one is asked for at the gate
        IF account.status <> 'suspended' THEN
            account := facesnxt.require_steps(account.account_id, 100, 'activation');
        END IF;
        IF account.status = 'active' THEN
            RETURN;
        ELSIF NOT facesnxt.licence_free(account.agency_id) THEN
            PERFORM facesnxt.refuse_on_record('activation', 'NX337', 'activation refused: no licence is free',
                format('All licences of the agency are in use (%s).',
                    facesnxt.policy_clause(facesnxt.policy_in_force(account.agency_id, clock_timestamp()), 'licences')),
                'facesnxt.licence_use shows them; facesnxt.sweep_inactive() frees those that nobody uses.', account.agency_id, 'licences',
                about => role);
        END IF;
        PERFORM facesnxt.account_step(account.account_id, CASE account.status WHEN 'suspended' THEN 'resumed' ELSE 'activated' END,
            'active', reason);
    ELSIF status = 'suspended' THEN
        PERFORM facesnxt.suspend_account(role, reason);
    ELSIF status = 'revoked' THEN
        PERFORM facesnxt.revoke_account(role, reason);
    ELSE
        RAISE EXCEPTION 'no step leads to status "%"', coalesce(status, '')
            USING ERRCODE = 'NX330', HINT = 'An administrator sets active, suspended or revoked; the other states have steps of their own.';
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.set_account_status(regrole, text, text) IS
'Activates an account that lacks nothing or was suspended, suspends or revokes one; searches see it as soon as it is committed (SP-IV.A.2, NM-VII.E; NX330, NX337)';
REVOKE ALL ON FUNCTION facesnxt.set_account_status(regrole, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.set_account_status(regrole, text, text) TO facesnxt_admin;
