-- Agencies, the purposes that each allows, and accounts bound to roles.

CREATE FUNCTION facesnxt.session_identity(
    OUT session_role name, OUT session_oid oid, OUT acting_role name, OUT acting_oid oid,
    OUT backend_pid int, OUT backend_start timestamptz, OUT client_address inet,
    OUT application text, OUT authenticated_as text, OUT authentication text)
RETURNS record
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'facesnxt_session_identity';
COMMENT ON FUNCTION facesnxt.session_identity() IS
'Who is acting, as the server knows it: the role that logged on, the role of SET ROLE, process and address; right inside SECURITY DEFINER functions too';
REVOKE ALL ON FUNCTION facesnxt.session_identity() FROM PUBLIC;

CREATE TABLE facesnxt.agency (
    agency_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    code text NOT NULL UNIQUE CHECK (code <> ''),
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);
COMMENT ON TABLE facesnxt.agency IS 'One row per law-enforcement agency that shares this database';
COMMENT ON COLUMN facesnxt.agency.code IS 'Short name that stands in records and calls, such as NM';
REVOKE ALL ON TABLE facesnxt.agency FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.agency TO facesnxt_auditor, facesnxt_admin;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.agency', '');

CREATE TABLE facesnxt.purpose (
    agency_id uuid NOT NULL REFERENCES facesnxt.agency,
    code text NOT NULL CHECK (code <> ''),
    description text NOT NULL,
    clause text NOT NULL,
    PRIMARY KEY (agency_id, code)
);
COMMENT ON TABLE facesnxt.purpose IS 'What an agency allows a search for; a purpose that is not listed is refused (SP-I.A)';
COMMENT ON COLUMN facesnxt.purpose.clause IS 'The clause of the agency''s policy that allows it, such as NM-VIII.A.1';
REVOKE ALL ON TABLE facesnxt.purpose FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.purpose TO facesnxt_auditor, facesnxt_admin;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.purpose', '');

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

CREATE FUNCTION facesnxt.agency_named(code text) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_id uuid;
BEGIN
    SELECT a.agency_id INTO found_id FROM facesnxt.agency a WHERE a.code = agency_named.code;
    IF found_id IS NULL THEN
        RAISE EXCEPTION 'agency "%" does not exist', code
            USING ERRCODE = 'undefined_object', HINT = 'facesnxt.create_agency() makes one.';
    END IF;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION facesnxt.agency_named(text) IS 'The agency of a code; an error if there is none';
REVOKE ALL ON FUNCTION facesnxt.agency_named(text) FROM PUBLIC;

CREATE FUNCTION facesnxt.create_agency(code text, name text) RETURNS uuid
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ INSERT INTO facesnxt.agency (code, name) VALUES ($1, $2) RETURNING agency_id $$;
COMMENT ON FUNCTION facesnxt.create_agency(text, text) IS 'Makes an agency, with no purpose and no account yet';
REVOKE ALL ON FUNCTION facesnxt.create_agency(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.create_agency(text, text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.add_purpose(agency text, code text, description text, clause text) RETURNS void
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ INSERT INTO facesnxt.purpose (agency_id, code, description, clause) VALUES (facesnxt.agency_named($1), $2, $3, $4) $$;
COMMENT ON FUNCTION facesnxt.add_purpose(text, text, text, text) IS 'Lists a purpose for an agency, with the clause that allows it';
REVOKE ALL ON FUNCTION facesnxt.add_purpose(text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.add_purpose(text, text, text, text) TO facesnxt_admin;

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
