-- Whose account it is, looked up in one place.

-- Anybody who may register can do so at any agency; somebody of it has opened the
-- account, approved of it, or mailed to its address.
CREATE FUNCTION facesnxt.known_there(account facesnxt.account) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN account.status <> 'pending'
        OR EXISTS (SELECT FROM facesnxt.account_event e
                   WHERE e.account_id = account.account_id AND e.step = 'registered' AND e.by_role <> pg_get_userbyid(account.role))
        OR EXISTS (SELECT FROM facesnxt.registration_approval p WHERE p.agency_id = account.agency_id AND p.applicant = account.role);
END
$$;
COMMENT ON FUNCTION facesnxt.known_there(facesnxt.account) IS 'Whether anybody of its agency had a hand in an account';
REVOKE ALL ON FUNCTION facesnxt.known_there(facesnxt.account) FROM PUBLIC;

-- A role acts in the name of its own account, whoever logged on. How the
-- account stands is asked with it:
--   any       there is one
--   asking    it is not cut off, and its agency knows it: its holder may ask for searches
--   member    active, or asking and a requester, who need not search to work on
--             what was found (MI-4.3.4.1.a)
--   active    its holder may search, and see
CREATE FUNCTION facesnxt.account_of(role oid, standing text) RETURNS facesnxt.account
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account;
BEGIN
    SELECT a.* INTO account FROM facesnxt.account a WHERE a.role = account_of.role;
    IF standing = 'any' OR (standing IN ('active', 'member') AND account.status = 'active') THEN
        RETURN account;
    ELSIF standing IN ('asking', 'member') AND account.status NOT IN ('denied', 'suspended', 'revoked') AND facesnxt.known_there(account)
        AND (standing = 'asking' OR (EXISTS (SELECT FROM pg_roles r WHERE r.oid = account_of.role)
                                     AND pg_has_role(account_of.role, 'facesnxt_requester', 'USAGE'))) THEN
        RETURN account;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION facesnxt.account_of(oid, text) IS 'The account of a role, or NULL if there is none that stands so: any, asking, member or active';
REVOKE ALL ON FUNCTION facesnxt.account_of(oid, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.acting_account(standing text DEFAULT 'any') RETURNS facesnxt.account
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$ SELECT facesnxt.account_of(i.acting_oid, $1) FROM facesnxt.session_identity() i $$;
COMMENT ON FUNCTION facesnxt.acting_account(text) IS 'account_of() the acting role';
REVOKE ALL ON FUNCTION facesnxt.acting_account(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.acting_account(text) TO facesnxt_member, facesnxt_requester, facesnxt_investigator;

CREATE FUNCTION facesnxt.my_agency() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$ SELECT (facesnxt.acting_account('active')).agency_id $$;
COMMENT ON FUNCTION facesnxt.my_agency() IS 'The agency of the acting role''s active account, or NULL';
REVOKE ALL ON FUNCTION facesnxt.my_agency() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.my_agency() TO facesnxt_requester, facesnxt_investigator;

CREATE FUNCTION facesnxt.require_account() RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account CONSTANT facesnxt.account := facesnxt.acting_account();
    acting CONSTANT regrole := (facesnxt.session_identity()).acting_oid;
BEGIN
    IF account.account_id IS NULL THEN
        PERFORM facesnxt.refuse_on_record('step of an account', 'NX301', format('role "%s" has no account', acting), NULL,
            'facesnxt.register_account() asks for one.', clause => 'SP-IV.A.1');
    ELSIF account.status = 'revoked' THEN
        PERFORM facesnxt.refuse_on_record('step of an account', 'NX302', format('account of role "%s" is revoked', acting),
            'A revoked account stays revoked.', 'Ask the administrator of your agency.', account.agency_id, clause => 'SP-IV.A.2',
            about => acting);
    END IF;
    RETURN account.account_id;
END
$$;
COMMENT ON FUNCTION facesnxt.require_account() IS
'The acting role''s account for a step of its own, whatever its status; refuses if there is none or it is revoked (NX301, NX302)';
REVOKE ALL ON FUNCTION facesnxt.require_account() FROM PUBLIC;
