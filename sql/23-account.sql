-- Accounts: a database role of one agency, the steps that it took, and whether
-- it may search. The steps are the record; the status is where they led.

-- A regrole is dumped by name, so the binding survives a restore into a
-- cluster whose roles have other oids; a role that was dropped and created
-- anew under the same name has another oid and no account.
CREATE TABLE facesnxt.account (
    account_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL REFERENCES facesnxt.agency,
    role regrole NOT NULL UNIQUE,
    email text CHECK (email = pg_catalog.lower(email)),
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'verified', 'approved', 'denied', 'active', 'suspended', 'revoked')),
    status_reason text,
    status_by name NOT NULL,
    status_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE UNIQUE INDEX account_email ON facesnxt.account (email) WHERE status <> 'revoked';
COMMENT ON TABLE facesnxt.account IS 'One account per person: a database role of one agency and whether it may search (SP-IV.A.1)';
COMMENT ON COLUMN facesnxt.account.role IS 'The role in whose name searches are made; identity comes from the session, never from an argument';
COMMENT ON COLUMN facesnxt.account.email IS 'In lower case; one live account has it (SP-IV.A.1.c.1.a)';
COMMENT ON COLUMN facesnxt.account.status IS 'Where the last row of facesnxt.account_event led';
COMMENT ON COLUMN facesnxt.account.status_by IS 'Acting role that set the status';
REVOKE ALL ON TABLE facesnxt.account FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.account TO facesnxt_auditor, facesnxt_admin;
SELECT pg_catalog.pg_extension_config_dump('facesnxt.account', '');

-- Which step leads from where to where is a constraint, so that not even the
-- owner of the table records one that skips a state. What a later policy asks
-- for is made up for by an account that is active, or suspended, already.
CREATE TABLE facesnxt.account_event (
    account_id uuid NOT NULL REFERENCES facesnxt.account,
    number int NOT NULL,
    step text NOT NULL,
    from_status text,
    to_status text NOT NULL,
    reason text,
    office text,
    version_id uuid,
    violation_id uuid,
    by_role name NOT NULL DEFAULT (facesnxt.session_identity()).acting_role,
    by_session name NOT NULL DEFAULT (facesnxt.session_identity()).session_role,
    client_address inet DEFAULT (facesnxt.session_identity()).client_address,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (account_id, number),
    CONSTRAINT account_event_order CHECK ((step, coalesce(from_status, 'none'), to_status) IN (
        ('registered', 'none', 'pending'), ('registered', 'denied', 'pending'),
        ('verified', 'pending', 'verified'), ('verified', 'active', 'active'), ('verified', 'suspended', 'suspended'),
        ('approved', 'pending', 'approved'), ('approved', 'verified', 'approved'),
        ('approved', 'active', 'active'), ('approved', 'suspended', 'suspended'),
        ('denied', 'pending', 'denied'), ('denied', 'verified', 'denied'),
        ('activated', 'pending', 'active'), ('activated', 'verified', 'active'), ('activated', 'approved', 'active'),
        ('auto-grant', 'pending', 'active'), ('auto-grant', 'verified', 'active'), ('auto-grant', 'approved', 'active'),
        ('suspended', 'active', 'suspended'), ('resumed', 'suspended', 'active'),
        ('revoked', 'pending', 'revoked'), ('revoked', 'verified', 'revoked'), ('revoked', 'approved', 'revoked'),
        ('revoked', 'denied', 'revoked'), ('revoked', 'active', 'revoked'), ('revoked', 'suspended', 'revoked')))
);
COMMENT ON TABLE facesnxt.account_event IS
'Every step of every account, who took it and why (SP-IV.A.1.a-b, SP-IV.A.1.f.1); a revoked account has no further one';
COMMENT ON COLUMN facesnxt.account_event.office IS 'In which office it was taken, where the policy asks for one';
COMMENT ON COLUMN facesnxt.account_event.version_id IS 'The version of the agency''s policy that was in force';
COMMENT ON COLUMN facesnxt.account_event.by_role IS 'Acting role; by_session is the one that logged on, such as a gateway''s';

-- A status changes after its step was recorded, by no other way.
CREATE FUNCTION facesnxt.check_account() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    last facesnxt.account_event;
BEGIN
    SELECT e.* INTO last FROM facesnxt.account_event e WHERE e.account_id = OLD.account_id ORDER BY e.number DESC LIMIT 1;
    IF TG_OP = 'DELETE' OR (NEW.account_id, NEW.agency_id, NEW.role) IS DISTINCT FROM (OLD.account_id, OLD.agency_id, OLD.role)
        OR last.to_status IS DISTINCT FROM NEW.status OR (OLD.status = 'revoked' AND NEW.status <> 'revoked')
        OR (NEW.status <> OLD.status AND last.from_status IS DISTINCT FROM OLD.status)
    THEN
        RAISE EXCEPTION '% of an account refused', TG_OP
            USING ERRCODE = 'NX309', DETAIL = 'An account is where its recorded steps led, and is never removed.',
                  HINT = 'facesnxt.set_account_status() and the functions of each step record it.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION facesnxt.check_account() IS 'Trigger: an account follows its recorded steps (NX309)';
REVOKE ALL ON FUNCTION facesnxt.check_account() FROM PUBLIC;
CREATE TRIGGER account_follows_steps BEFORE UPDATE OR DELETE ON facesnxt.account
    FOR EACH ROW EXECUTE FUNCTION facesnxt.check_account();
ALTER TABLE facesnxt.account ENABLE ALWAYS TRIGGER account_follows_steps;

-- ---- membership in a group role is what a status gives

CREATE FUNCTION facesnxt.set_membership(role regrole, grouped name, wanted boolean) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    grantor name;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = role) THEN
        RETURN;
    END IF;
    IF wanted AND NOT EXISTS (SELECT FROM pg_auth_members m WHERE m.roleid = grouped::regrole AND m.member = role) THEN
        EXECUTE format('GRANT %I TO %s', grouped, role);
    ELSIF NOT wanted THEN
        -- from 16 on each has granted it for itself; before, who granted it may be gone, and does not matter
        FOR grantor IN SELECT coalesce(r.rolname, current_user) FROM pg_auth_members m LEFT JOIN pg_roles r ON r.oid = m.grantor
                       WHERE m.roleid = grouped::regrole AND m.member = role LOOP
            EXECUTE format('REVOKE %I FROM %s GRANTED BY %I CASCADE', grouped, role, grantor);
        END LOOP;
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.set_membership(regrole, name, boolean) IS 'Grants a group role of this extension to a role, or takes it away';
REVOKE ALL ON FUNCTION facesnxt.set_membership(regrole, name, boolean) FROM PUBLIC;

-- Records a step and goes it. Whoever calls it has judged whether it may be.
CREATE FUNCTION facesnxt.account_step(
    account_id uuid, step text, to_status text, reason text, office text DEFAULT NULL, violation_id uuid DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account facesnxt.account;
    -- sessions that run, and the right to log on, are the affair of these
    hook regproc := to_regprocedure(CASE WHEN step IN ('suspended', 'revoked') THEN 'facesnxt.cut_off(regrole)'
                                         WHEN step IN ('activated', 'auto-grant', 'resumed') THEN 'facesnxt.let_in(regrole)' END)::oid;
BEGIN
    PERFORM facesnxt.check_snapshot();
    SELECT a.* INTO STRICT account FROM facesnxt.account a WHERE a.account_id = account_step.account_id FOR NO KEY UPDATE;
    INSERT INTO facesnxt.account_event (account_id, number, step, from_status, to_status, reason, office, violation_id, version_id)
    SELECT account.account_id, 1 + count(*), account_step.step, CASE WHEN count(*) > 0 THEN account.status END,
        account_step.to_status, account_step.reason, account_step.office, account_step.violation_id,
        facesnxt.policy_in_force(account.agency_id, clock_timestamp())
    FROM facesnxt.account_event e WHERE e.account_id = account.account_id;
    UPDATE facesnxt.account a
    SET status = to_status, status_reason = account_step.reason, status_at = clock_timestamp(),
        status_by = (SELECT i.acting_role FROM facesnxt.session_identity() i)
    WHERE a.account_id = account.account_id;
    -- what is taken away with the first is the right to see; an attempt to
    -- search still comes to the gate, which refuses it and records that; who
    -- only asks the request desk for searches does not get it (MI-4.5.3.1)
    PERFORM facesnxt.set_membership(account.role, 'facesnxt_investigator', to_status = 'active' AND NOT EXISTS (
        SELECT FROM pg_auth_members m WHERE m.roleid = 'facesnxt_requester'::regrole AND m.member = account.role));
    PERFORM facesnxt.set_membership(account.role, 'facesnxt_member', true);
    IF hook IS NOT NULL THEN
        EXECUTE format('SELECT %s($1)', hook) USING account.role;
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.account_step(uuid, text, text, text, text, uuid) IS
'Records a step of an account, sets its status and its membership in facesnxt_investigator';
REVOKE ALL ON FUNCTION facesnxt.account_step(uuid, text, text, text, text, uuid) FROM PUBLIC;
