-- Accounts: a database role of one agency, and whether it may search.

-- A regrole is dumped by name, so the binding survives a restore into a
-- cluster whose roles have other oids; a role that was dropped and created
-- anew under the same name has another oid and no account.
CREATE TABLE facesnxt.account (
    account_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL REFERENCES facesnxt.agency,
    role regrole NOT NULL UNIQUE,
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'active', 'suspended', 'revoked')),
    status_reason text,
    status_by name NOT NULL,
    status_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.account IS 'One account per person: a database role of one agency and whether it may search (SP-IV.A.1)';
COMMENT ON COLUMN facesnxt.account.role IS 'The role in whose name searches are made; identity comes from the session, never from an argument';
COMMENT ON COLUMN facesnxt.account.status_by IS 'Acting role that set the status';
REVOKE ALL ON TABLE facesnxt.account FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.account TO facesnxt_auditor, facesnxt_admin;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.account', '');

CREATE FUNCTION facesnxt.open_account(agency text, role regrole) RETURNS uuid
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO facesnxt.account (agency_id, role, status_by)
    VALUES (facesnxt.agency_named($1), $2, (SELECT acting_role FROM facesnxt.session_identity()))
    RETURNING account_id
$$;
COMMENT ON FUNCTION facesnxt.open_account(text, regrole) IS 'Binds a role to an agency by a pending account; set_account_status() activates it';
REVOKE ALL ON FUNCTION facesnxt.open_account(text, regrole) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.open_account(text, regrole) TO facesnxt_admin;

CREATE FUNCTION facesnxt.set_account_status(role regrole, status text, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    former text;
BEGIN
    SELECT a.status INTO former FROM facesnxt.account a
    WHERE a.role = set_account_status.role FOR NO KEY UPDATE;
    IF former IS NULL THEN
        RAISE EXCEPTION 'role "%" has no account', role
            USING ERRCODE = 'NX301', HINT = 'facesnxt.open_account() makes one.';
    END IF;
    IF former = 'revoked' THEN
        RAISE EXCEPTION 'account of role "%" is revoked', role
            USING ERRCODE = 'NX302', DETAIL = 'A revoked account stays revoked.',
                  HINT = 'Open an account for another role.';
    END IF;
    IF status IN ('suspended', 'revoked') AND coalesce(reason, '') = '' THEN
        RAISE EXCEPTION 'status "%" of an account needs a reason', status
            USING ERRCODE = 'not_null_violation', HINT = 'Say why: it is kept with the account.';
    END IF;
    UPDATE facesnxt.account a
    SET status = set_account_status.status, status_reason = reason, status_at = clock_timestamp(),
        status_by = (SELECT acting_role FROM facesnxt.session_identity())
    WHERE a.role = set_account_status.role;
    PERFORM CASE WHEN status IN ('suspended', 'revoked') THEN facesnxt.cut_off(role) ELSE facesnxt.let_in(role) END;
END
$$;
COMMENT ON FUNCTION facesnxt.set_account_status(regrole, text, text) IS
'Activates, suspends or revokes an account; searches see it as soon as it is committed (SP-IV.A.2, NM-VII.E)';
REVOKE ALL ON FUNCTION facesnxt.set_account_status(regrole, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.set_account_status(regrole, text, text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.my_agency() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT a.agency_id FROM facesnxt.session_identity() i
    JOIN facesnxt.account a ON a.role = i.acting_oid AND a.status = 'active'
$$;
COMMENT ON FUNCTION facesnxt.my_agency() IS 'The agency of the acting role''s active account, or NULL';
REVOKE ALL ON FUNCTION facesnxt.my_agency() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.my_agency() TO facesnxt_investigator;

-- What the rules' tests read of an account.
CREATE FUNCTION facesnxt.account_facts(account facesnxt.account) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'agency', (SELECT g.code FROM facesnxt.agency g WHERE g.agency_id = $1.agency_id),
        'status', $1.status)
$$;
COMMENT ON FUNCTION facesnxt.account_facts(facesnxt.account) IS 'What is known of an account, as the rules'' tests read it';
REVOKE ALL ON FUNCTION facesnxt.account_facts(facesnxt.account) FROM PUBLIC;
