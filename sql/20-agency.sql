-- Agencies, and who is acting.

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

CREATE FUNCTION facesnxt.attempt() RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN jsonb_build_object(
        'identity', (SELECT to_jsonb(i) FROM facesnxt.session_identity() i),
        'isolation', current_setting('transaction_isolation'),
        'requested_at', clock_timestamp());
END
$$;
COMMENT ON FUNCTION facesnxt.attempt() IS 'Who acts, by what snapshot and when: how everything begins that the writer is told';
REVOKE ALL ON FUNCTION facesnxt.attempt() FROM PUBLIC;

-- A snapshot of the past does not show the first of two approvals, the last
-- licence taken, or an office that was lost.
CREATE FUNCTION facesnxt.check_snapshot(step text DEFAULT 'step', search_id uuid DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        PERFORM facesnxt.refuse_on_record(step, 'NX306',
            format('refused: isolation level is %s', current_setting('transaction_isolation')),
            'A snapshot of the past would not show what others have done since (SP-IV.A.2).',
            'Work in a transaction of isolation level READ COMMITTED.', clause => 'SP-IV.A.2', search_id => search_id);
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.check_snapshot(text, uuid) IS 'Refuses to judge by a snapshot of the past (NX306)';
REVOKE ALL ON FUNCTION facesnxt.check_snapshot(text, uuid) FROM PUBLIC;

-- A person has an account at one agency, and is an administrator or auditor of
-- that one; whoever has none is the host's.
CREATE FUNCTION facesnxt.in_reach(agency_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM facesnxt.session_identity() i JOIN facesnxt.account a ON a.role IN (i.acting_oid, i.session_oid)
        WHERE a.agency_id IS DISTINCT FROM in_reach.agency_id);
END
$$;
COMMENT ON FUNCTION facesnxt.in_reach(uuid) IS
'Whether neither the acting role nor the one that logged on is another agency''s, by an account of whatever status';
REVOKE ALL ON FUNCTION facesnxt.in_reach(uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.agency_coded(code text) RETURNS uuid
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_id uuid;
BEGIN
    SELECT a.agency_id INTO found_id FROM facesnxt.agency a WHERE a.code = agency_coded.code;
    IF found_id IS NULL THEN
        RAISE EXCEPTION 'agency "%" does not exist', code
            USING ERRCODE = 'undefined_object', HINT = 'facesnxt.create_agency() makes one.';
    END IF;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION facesnxt.agency_coded(text) IS 'The agency of a code, whoever asks; an error if there is none';
REVOKE ALL ON FUNCTION facesnxt.agency_coded(text) FROM PUBLIC;

CREATE FUNCTION facesnxt.agency_named(code text) RETURNS uuid
LANGUAGE plpgsql VOLATILE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found_id CONSTANT uuid := facesnxt.agency_coded(code);
BEGIN
    IF NOT facesnxt.in_reach(found_id) THEN
        -- what the caller sees is what an agency that is not there gives
        PERFORM facesnxt.refuse_on_record('step of another agency', '42704', format('agency "%s" does not exist', code), NULL,
            'facesnxt.create_agency() makes one.', clause => 'SP-II.A');
    END IF;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION facesnxt.agency_named(text) IS 'The agency of a code; an error if there is none, or who acts is another one''s';
REVOKE ALL ON FUNCTION facesnxt.agency_named(text) FROM PUBLIC;

CREATE FUNCTION facesnxt.create_agency(code text, name text) RETURNS uuid
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ INSERT INTO facesnxt.agency (code, name) VALUES ($1, $2) RETURNING agency_id $$;
COMMENT ON FUNCTION facesnxt.create_agency(text, text) IS 'Makes an agency, with no purpose and no account yet';
REVOKE ALL ON FUNCTION facesnxt.create_agency(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.create_agency(text, text) TO facesnxt_admin;
