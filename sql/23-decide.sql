-- The address is verified, and the account approved or denied.

CREATE FUNCTION facesnxt.request_verification(email text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account := facesnxt.require_steps(facesnxt.require_account(), 20, 'verification');
BEGIN
    IF NOT EXISTS (SELECT FROM facesnxt.lacks(account) g WHERE g.place IN (20, 30)) THEN
        RETURN;
    END IF;
    account.email := coalesce(nullif(lower(btrim(request_verification.email)), ''), account.email);
    PERFORM facesnxt.check_address(account.agency_id, account.email);
    UPDATE facesnxt.account a SET email = account.email WHERE a.account_id = account.account_id AND a.email IS DISTINCT FROM account.email;
    PERFORM facesnxt.queue_mail(account, 'verify', '{}');
END
$$;
COMMENT ON FUNCTION facesnxt.request_verification(text) IS 'Has another token mailed to the acting role''s address, which can be changed until it is verified';
REVOKE ALL ON FUNCTION facesnxt.request_verification(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.request_verification(text) TO facesnxt_member;

CREATE FUNCTION facesnxt.verify_address(token text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account := facesnxt.require_steps(facesnxt.require_account(), 30, 'verification');
BEGIN
    IF NOT EXISTS (SELECT FROM facesnxt.lacks(account) g WHERE g.place = 30) OR NOT EXISTS (
        SELECT FROM facesnxt.email_token t
        WHERE t.account_id = account.account_id AND t.sha256 = sha256(convert_to(token, 'UTF8')) AND t.expires_at > clock_timestamp()
            AND t.email = account.email
            AND t.at > (SELECT max(e.at) FROM facesnxt.account_event e WHERE e.account_id = account.account_id AND e.step = 'registered'))
    THEN
        PERFORM facesnxt.refuse_on_record('verification', 'NX333', 'verification refused: the token does not hold',
            format('It is not the one that was mailed, it has expired, or it was used (%s).',
                coalesce(facesnxt.policy_clause(facesnxt.policy_in_force(account.agency_id, clock_timestamp()), 'verification_hours'), 'no clause')),
            'facesnxt.request_verification() has another one mailed.', account.agency_id, 'verification_hours', about => account.role);
    END IF;
    PERFORM facesnxt.account_step(account.account_id, 'verified',
        CASE account.status WHEN 'pending' THEN 'verified' ELSE account.status END, NULL);
    PERFORM facesnxt.go_on(account.account_id, 'verified');
END
$$;
COMMENT ON FUNCTION facesnxt.verify_address(text) IS 'Verifies the acting role''s address by the token that was mailed to it (SP-IV.A.1.d; NX333)';
REVOKE ALL ON FUNCTION facesnxt.verify_address(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.verify_address(text) TO facesnxt_member;

CREATE FUNCTION facesnxt.decide_account(role regrole, approve boolean, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account := facesnxt.account_of(role, 'any');
    version uuid;
    office text;
BEGIN
    version := facesnxt.policy_in_force(account.agency_id, clock_timestamp());
    office := facesnxt.policy_value(version, 'activation_by') #>> '{}';
    PERFORM facesnxt.require_office(account.agency_id, office, facesnxt.policy_clause(version, 'activation_by'), role);
    account := facesnxt.require_steps(account.account_id, 40, 'decision');
    IF approve IS NULL OR (NOT approve AND facesnxt.readable(reason) IS NULL)
        OR NOT EXISTS (SELECT FROM facesnxt.lacks(account) g WHERE g.place = 40)
        OR NOT (account.status IN ('pending', 'verified') OR (approve AND account.status IN ('active', 'suspended'))) THEN
        PERFORM facesnxt.refuse_on_record('decision', 'NX330', 'decision refused: it was taken, or has no reason',
            format('The account is %s; a denial needs a reason (%s).', account.status, facesnxt.policy_clause(version, 'activation_by')),
            'facesnxt.pending_accounts shows what is to be decided.', account.agency_id, 'activation_by', about => role);
    END IF;
    PERFORM facesnxt.account_step(account.account_id, CASE WHEN approve THEN 'approved' ELSE 'denied' END,
        CASE WHEN NOT approve THEN 'denied' WHEN account.status IN ('active', 'suspended') THEN account.status ELSE 'approved' END,
        reason, office);
    IF approve THEN
        PERFORM facesnxt.go_on(account.account_id, 'approved');
    ELSE
        PERFORM facesnxt.queue_mail(account, 'denied', jsonb_build_object('reason', reason));
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.decide_account(regrole, boolean, text) IS
'Approves or denies an account, with the reason, in the office that the policy names (SP-IV.A.1.e, NS-32.6.11.1, MI-4.2; NX330, NX331)';
REVOKE ALL ON FUNCTION facesnxt.decide_account(regrole, boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.decide_account(regrole, boolean, text) TO facesnxt_member;
