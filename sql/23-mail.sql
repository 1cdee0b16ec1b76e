-- Mail: what is to be sent, and a program that takes it.

CREATE FUNCTION facesnxt.queue_mail(account facesnxt.account, kind text, body jsonb) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH queued AS (
        INSERT INTO facesnxt.mail (agency_id, account_id, recipient_role, recipient, kind, body)
        VALUES ($1.agency_id, $1.account_id, $1.role, $1.email, $2, $3)
        RETURNING mail_id
    )
    SELECT pg_notify('facesnxt_mail', q.mail_id::text) FROM queued q
$$;
COMMENT ON FUNCTION facesnxt.queue_mail(facesnxt.account, text, jsonb) IS 'Puts a mail to the holder of an account into facesnxt.mail and notifies facesnxt_mail';
REVOKE ALL ON FUNCTION facesnxt.queue_mail(facesnxt.account, text, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.queue_mail_to(account facesnxt.account, office text, kind text) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH queued AS (
        INSERT INTO facesnxt.mail (agency_id, account_id, recipient_role, recipient, kind, body)
        SELECT $1.agency_id, $1.account_id, h.role, h.email, $3,
            jsonb_build_object('role', $1.role::text, 'email', $1.email, 'account', $1.account_id,
                'approve', format('SELECT facesnxt.decide_account(%L, true)', $1.role::text),
                'deny', format('SELECT facesnxt.decide_account(%L, false, ''why'')', $1.role::text))
        FROM facesnxt.office_holder h WHERE h.agency_id = $1.agency_id AND h.office = $2
        RETURNING mail_id
    )
    SELECT pg_notify('facesnxt_mail', q.mail_id::text) FROM queued q
$$;
COMMENT ON FUNCTION facesnxt.queue_mail_to(facesnxt.account, text, text) IS 'Puts a mail about an account to each holder of an office into facesnxt.mail (SP-IV.A.1.e)';
REVOKE ALL ON FUNCTION facesnxt.queue_mail_to(facesnxt.account, text, text) FROM PUBLIC;

-- A token is made here and leaves at once; what stays is its hash. A mailer
-- whose transaction fails leaves the mail where it was, and no token.
CREATE FUNCTION facesnxt.take_mail()
RETURNS TABLE (mail_id uuid, agency text, recipient_role text, recipient text, kind text, body jsonb, token text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    taken facesnxt.mail;
    hours numeric;
BEGIN
    FOR taken IN
        SELECT m.* FROM facesnxt.mail m
        WHERE NOT EXISTS (SELECT FROM facesnxt.mail_taken t WHERE t.mail_id = m.mail_id)
        ORDER BY m.at FOR UPDATE SKIP LOCKED
    LOOP
        INSERT INTO facesnxt.mail_taken (mail_id) VALUES (taken.mail_id) ON CONFLICT DO NOTHING;
        CONTINUE WHEN NOT FOUND;
        token := NULL;
        IF taken.kind = 'verify' THEN
            -- a mail to an address that was changed meanwhile is not sent
            CONTINUE WHEN NOT EXISTS (SELECT FROM facesnxt.account a WHERE a.account_id = taken.account_id AND a.email = taken.recipient);
            token := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
            hours := coalesce((facesnxt.policy_value(facesnxt.policy_in_force(taken.agency_id, clock_timestamp()),
                                                     'verification_hours') #>> '{}')::numeric, 24);
            INSERT INTO facesnxt.email_token (sha256, account_id, email, expires_at)
            VALUES (sha256(convert_to(token, 'UTF8')), taken.account_id, taken.recipient, clock_timestamp() + hours * interval '1 hour');
        END IF;
        mail_id := taken.mail_id;
        agency := (SELECT g.code FROM facesnxt.agency g WHERE g.agency_id = taken.agency_id);
        recipient_role := taken.recipient_role::text;
        recipient := taken.recipient;
        kind := taken.kind;
        body := taken.body;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.take_mail() IS
'Hands over every mail that is to be sent, once; a token to verify an address is made here, and only its SHA-256 is kept (SP-IV.A.1.d)';
REVOKE ALL ON FUNCTION facesnxt.take_mail() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.take_mail() TO facesnxt_mailer;
