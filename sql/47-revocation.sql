-- Revocation at once: no login, no group, no session, no row more.

CREATE TABLE facesnxt.revocation (
    revocation_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    account_id uuid NOT NULL,
    agency_id uuid NOT NULL,
    role name NOT NULL,
    role_oid oid NOT NULL,
    status text NOT NULL,
    could_log_in boolean NOT NULL,
    groups name[] NOT NULL,
    decided_by name NOT NULL,
    decided_session name NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.revocation IS 'Roles that were cut off, by whom and when (SP-IV.A.2, NM-VII.E, NS-32.6.10)';
COMMENT ON COLUMN facesnxt.revocation.status IS 'Of the account then: a suspended one keeps the groups that only lead to the gate, which refuses and records its attempts';
COMMENT ON COLUMN facesnxt.revocation.groups IS 'Groups that were taken';

CREATE TABLE facesnxt.revocation_end (
    revocation_id uuid PRIMARY KEY REFERENCES facesnxt.revocation,
    seen_at timestamptz NOT NULL,
    sessions_ended int NOT NULL,
    searches_stopped int NOT NULL,
    last_gone_at timestamptz NOT NULL,
    complete boolean NOT NULL,
    watched_until timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.revocation_end IS 'What became of the sessions of a role that was cut off, and how long it took';
COMMENT ON COLUMN facesnxt.revocation_end.seen_at IS 'When the sweeper saw the commit';
COMMENT ON COLUMN facesnxt.revocation_end.last_gone_at IS 'When no session of the role and no search in its name was left; seen_at where there was none';
COMMENT ON COLUMN facesnxt.revocation_end.complete IS 'False: a session was left when the sweeper gave up';

CREATE TABLE facesnxt.revocation_lifted (
    revocation_id uuid PRIMARY KEY REFERENCES facesnxt.revocation,
    lifted_by name NOT NULL,
    lifted_session name NOT NULL,
    lifted_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.revocation_lifted IS 'Suspensions that ended: login and groups were given back';

SELECT facesnxt.keep_record(kept, 'facesnxt_auditor', 'facesnxt_admin')
FROM pg_catalog.unnest(ARRAY['revocation', 'revocation_end', 'revocation_lifted']::name[]) kept;

CREATE VIEW facesnxt.revocation_latency WITH (security_barrier, security_invoker) AS
    SELECT r.role, r.status, r.decided_by, r.decided_at, e.seen_at, e.sessions_ended, e.searches_stopped, e.last_gone_at,
        e.last_gone_at - e.seen_at AS latency, e.complete
    FROM facesnxt.revocation r LEFT JOIN facesnxt.revocation_end e USING (revocation_id);
COMMENT ON VIEW facesnxt.revocation_latency IS 'How long after its commit each revocation was carried out';
REVOKE ALL ON TABLE facesnxt.revocation_latency FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.revocation_latency TO facesnxt_auditor, facesnxt_admin;

CREATE FUNCTION facesnxt.sweep_after_commit() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'facesnxt_sweep_after_commit';
COMMENT ON FUNCTION facesnxt.sweep_after_commit() IS 'Has sweep() run in a background worker as soon as this transaction is committed (NX381)';
REVOKE ALL ON FUNCTION facesnxt.sweep_after_commit() FROM PUBLIC;

CREATE FUNCTION facesnxt.still_in() RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'facesnxt_still_in';
COMMENT ON FUNCTION facesnxt.still_in() IS 'True, or an error when the acting role was cut off (NX302): asked for each candidate that leaves';
REVOKE ALL ON FUNCTION facesnxt.still_in() FROM PUBLIC;

CREATE FUNCTION facesnxt.stop_if_cut_off(role oid) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account CONSTANT facesnxt.account := facesnxt.account_of(role, 'any');
BEGIN
    IF account.status IN ('suspended', 'revoked') THEN
        RAISE EXCEPTION 'search refused: the account is not active'
            USING ERRCODE = 'NX302', DETAIL = format('The account of role "%s" is %s. (%s)', pg_get_userbyid(role), account.status,
                facesnxt.status_clause(facesnxt.policy_in_force(account.agency_id, clock_timestamp()), account.status)),
                  HINT = 'Ask the administrator of your agency.';
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.stop_if_cut_off(oid) IS 'Called by a running search, or look at records, when roles have changed: an error when its account was cut off';
REVOKE ALL ON FUNCTION facesnxt.stop_if_cut_off(oid) FROM PUBLIC;

-- Who calls it has set the status of the account, in the same transaction.
CREATE FUNCTION facesnxt.cut_off(role regrole) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account CONSTANT facesnxt.account := facesnxt.account_of(role, 'any');
    target record;
    taken name[] := ARRAY[]::name[];
    granted name;
    new_id uuid;
BEGIN
    IF account.account_id IS NULL THEN
        RAISE EXCEPTION 'role "%" has no account', role USING ERRCODE = 'NX301', HINT = 'facesnxt.account shows who has.';
    END IF;
    SELECT r.rolname, r.rolsuper, r.rolcanlogin INTO target FROM pg_roles r WHERE r.oid = cut_off.role;
    IF target.rolname IS NULL THEN
        RETURN NULL; -- the role was dropped: there is nothing left to cut
    END IF;
    -- facesnxt_member opens nothing but the way to the gate, which refuses and records
    taken := ARRAY(SELECT DISTINCT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid
                   WHERE m.member = cut_off.role AND CASE account.status
                       WHEN 'suspended' THEN g.rolname IN ('facesnxt_admin', 'facesnxt_auditor', 'facesnxt_mailer')
                       ELSE g.rolname ~ '^facesnxt_' AND g.rolname <> 'facesnxt_member' END
                   ORDER BY g.rolname);
    FOREACH granted IN ARRAY taken LOOP
        PERFORM facesnxt.set_membership(role, granted, false);
    END LOOP;
    IF target.rolsuper THEN
        RAISE WARNING 'role "%" is a superuser and keeps its login', target.rolname
            USING HINT = 'No database can cut off its superuser.';
    ELSE
        -- CREATEROLE could give itself back what was taken
        EXECUTE format('ALTER ROLE %I NOLOGIN NOCREATEROLE', target.rolname);
    END IF;
    INSERT INTO facesnxt.revocation (account_id, agency_id, role, role_oid, status, could_log_in, groups, decided_by, decided_session)
    SELECT account.account_id, account.agency_id, target.rolname, cut_off.role, account.status, target.rolcanlogin, taken,
        i.acting_role, i.session_role
    FROM facesnxt.session_identity() i
    RETURNING revocation_id INTO new_id;
    PERFORM facesnxt.sweep_after_commit();
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.cut_off(regrole) IS
'Takes login and facesnxt groups from a role and, from the commit on, ends its sessions and stops searches in its name; set_account_status() calls it';
REVOKE ALL ON FUNCTION facesnxt.cut_off(regrole) FROM PUBLIC;

CREATE FUNCTION facesnxt.let_in(role regrole) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lifted facesnxt.revocation;
    granted name;
BEGIN
    FOR lifted IN
        SELECT r.* FROM facesnxt.revocation r JOIN facesnxt.account a ON a.account_id = r.account_id
        WHERE r.role_oid = let_in.role AND a.role = let_in.role AND a.status = 'active'
            AND NOT EXISTS (SELECT FROM facesnxt.revocation_lifted l WHERE l.revocation_id = r.revocation_id)
        ORDER BY r.decided_at
    LOOP
        IF lifted.could_log_in THEN
            EXECUTE format('ALTER ROLE %I LOGIN', pg_get_userbyid(role));
        END IF;
        FOREACH granted IN ARRAY lifted.groups LOOP
            EXECUTE format('GRANT %I TO %I', granted, pg_get_userbyid(role));
        END LOOP;
        INSERT INTO facesnxt.revocation_lifted (revocation_id, lifted_by, lifted_session)
        SELECT lifted.revocation_id, i.acting_role, i.session_role FROM facesnxt.session_identity() i;
    END LOOP;
    RETURN lifted.revocation_id;
END
$$;
COMMENT ON FUNCTION facesnxt.let_in(regrole) IS
'Gives an account that is active again what cut_off() took; set_account_status() calls it';
REVOKE ALL ON FUNCTION facesnxt.let_in(regrole) FROM PUBLIC;

-- Ends the sessions of every role that was cut off and not yet swept. Sessions
-- that logged on as the role are ended at once. A search in its name in
-- another's session (SET ROLE) has a moment to end by itself, refused by the
-- writer and recorded; then its statement is cancelled, and the session stays.
-- A login that was under way at the commit is waited for.
CREATE FUNCTION facesnxt.sweep() RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    seen_at timestamptz;
    cut facesnxt.revocation;
    gone_at timestamptz;
    found record;
    ended int[];
    stopped int[];
    present boolean;
    complete boolean;
BEGIN
    FOR cut IN
        SELECT r.* FROM facesnxt.revocation r
        WHERE NOT EXISTS (SELECT FROM facesnxt.revocation_end e WHERE e.revocation_id = r.revocation_id)
        ORDER BY r.decided_at
    LOOP
        seen_at := clock_timestamp();
        gone_at := seen_at;
        ended := ARRAY[]::int[];
        stopped := ARRAY[]::int[];
        complete := true;
        -- a suspension that was lifted meanwhile is over; so is a dropped role
        WHILE EXISTS (SELECT FROM facesnxt.account a WHERE a.account_id = cut.account_id AND a.status <> 'active'
                          AND a.role = cut.role_oid) LOOP
            present := false;
            PERFORM pg_stat_clear_snapshot();
            FOR found IN
                SELECT a.pid, true AS own FROM pg_stat_activity a WHERE a.usesysid = cut.role_oid AND a.pid <> pg_backend_pid()
                UNION ALL
                SELECT l.pid, false FROM pg_locks l
                WHERE l.locktype = 'advisory' AND l.classid = 1180192344 AND l.objid = cut.role_oid AND l.objsubid = 18008
            LOOP
                present := true;
                IF found.own AND found.pid <> ALL (ended) THEN
                    PERFORM pg_terminate_backend(found.pid);
                    ended := ended || found.pid;
                ELSIF NOT found.own AND found.pid <> ALL (ended || stopped) AND clock_timestamp() > seen_at + '100 ms' THEN
                    PERFORM pg_cancel_backend(found.pid);
                    stopped := stopped || found.pid;
                END IF;
            END LOOP;
            IF present THEN
                gone_at := NULL;
            ELSIF gone_at IS NULL THEN
                gone_at := clock_timestamp();
            END IF;
            EXIT WHEN gone_at < clock_timestamp() - '300 ms'::interval;
            complete := clock_timestamp() < seen_at + '30 s';
            EXIT WHEN NOT complete;
            PERFORM pg_sleep(0.003);
        END LOOP;
        INSERT INTO facesnxt.revocation_end (revocation_id, seen_at, sessions_ended, searches_stopped, last_gone_at, complete)
        VALUES (cut.revocation_id, seen_at, cardinality(ended), cardinality(stopped), coalesce(gone_at, clock_timestamp()), complete)
        ON CONFLICT DO NOTHING;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.sweep() IS 'The sweeper''s work: ends the sessions of roles that were cut off, and says how long it took';
REVOKE ALL ON FUNCTION facesnxt.sweep() FROM PUBLIC;
