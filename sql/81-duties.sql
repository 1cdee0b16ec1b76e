-- Separation of duties: who administers accounts and who audits them.
--
-- Miami has the supervisors who administer accounts audit them (MI-4.5.5), so
-- being both is a finding with the clause that says so. Where the policy
-- forbids it (rule auditor_apart) the finding says that, and an appointment
-- that would make it so is refused. Memberships that a database administrator
-- grants nobody can refuse: they are found.

-- How a role comes by the rights of a group; NULL: it does not. A superuser
-- has those of all, which says nothing.
CREATE FUNCTION facesnxt.way_into(person oid, into_group name) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN r.rolsuper THEN NULL
        WHEN EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid AND m.roleid = g.oid) THEN 'member'
        WHEN pg_has_role(r.oid, g.oid, 'USAGE') THEN 'inherited'
        WHEN pg_has_role(r.oid, g.oid, 'MEMBER') THEN 'by SET ROLE' END
    FROM pg_roles r, pg_roles g WHERE r.oid = $1 AND g.rolname = $2
$$;
COMMENT ON FUNCTION facesnxt.way_into(oid, name) IS 'How a role has a group''s rights: member, inherited, by SET ROLE; NULL: not at all';
REVOKE ALL ON FUNCTION facesnxt.way_into(oid, name) FROM PUBLIC;

-- Offices whose holders decide on accounts, by a version of the policy.
CREATE FUNCTION facesnxt.deciding_offices(version_id uuid) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT array_remove(facesnxt.policy_texts($1, 'registration_approvals') || (facesnxt.policy_value($1, 'activation_by') #>> '{}'), NULL)
$$;
COMMENT ON FUNCTION facesnxt.deciding_offices(uuid) IS 'Offices that approve registrations or accounts by this policy';
REVOKE ALL ON FUNCTION facesnxt.deciding_offices(uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.duties(agency_id uuid, person oid, OUT administers text[], OUT audits text[]) RETURNS record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH version AS MATERIALIZED (SELECT facesnxt.policy_in_force($1, clock_timestamp()) AS id),
    held AS (SELECT DISTINCT h.office FROM facesnxt.office_holder h WHERE h.agency_id = $1 AND h.role = $2)
    SELECT array_remove(ARRAY['facesnxt_admin: ' || facesnxt.way_into($2, 'facesnxt_admin')]
            || ARRAY(SELECT 'office: ' || h.office FROM held h, version v WHERE h.office = ANY (facesnxt.deciding_offices(v.id)) ORDER BY 1), NULL),
        array_remove(ARRAY['facesnxt_auditor: ' || facesnxt.way_into($2, 'facesnxt_auditor')]
            || ARRAY(SELECT 'office: ' || h.office FROM held h, version v
                     WHERE to_jsonb(h.office) = facesnxt.policy_value(v.id, 'auditor') ORDER BY 1), NULL)
$$;
COMMENT ON FUNCTION facesnxt.duties(uuid, oid) IS 'By what a role administers an agency''s accounts now, and by what it audits them';
REVOKE ALL ON FUNCTION facesnxt.duties(uuid, oid) FROM PUBLIC;

-- What appoint() asks: would the office bring together what the policy keeps apart?
CREATE FUNCTION facesnxt.would_conflict(agency_id uuid, version_id uuid, office text, person oid) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE
        WHEN facesnxt.policy_value($2, 'auditor_apart') IS DISTINCT FROM 'true' THEN NULL
        WHEN facesnxt.policy_value($2, 'auditor') = to_jsonb($3) THEN
            nullif(concat_ws(', ', VARIADIC d.administers || CASE WHEN $3 = ANY (facesnxt.deciding_offices($2)) THEN 'office: ' || $3 END), '')
        WHEN $3 = ANY (facesnxt.deciding_offices($2)) THEN nullif(array_to_string(d.audits, ', '), '') END
    FROM facesnxt.duties($1, $4) d
$$;
COMMENT ON FUNCTION facesnxt.would_conflict(uuid, uuid, text, oid) IS
'What a person has already that the policy keeps apart from an office: administering accounts, or auditing them; NULL: nothing';
REVOKE ALL ON FUNCTION facesnxt.would_conflict(uuid, uuid, text, oid) FROM PUBLIC;

-- The signings of audits, where the part that keeps them is there.
CREATE FUNCTION facesnxt.signed_audits(agency_id uuid)
RETURNS TABLE (signed_by name, session_role name, since timestamptz, until timestamptz, signed_at timestamptz)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regclass('facesnxt.audit_signoff') IS NULL THEN
        RETURN;
    END IF;
    FOR signed_by, session_role, since, until, signed_at IN
        EXECUTE format('SELECT s.signed_by, s.session_role, p.since, p.until, s.signed_at '
            'FROM facesnxt.%I s JOIN facesnxt.%I p USING (pack_id) WHERE p.agency_id = $1', 'audit_signoff', 'audit_pack') USING agency_id
    LOOP
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION facesnxt.signed_audits(uuid) IS 'Who signed an audit of an agency, for which time';
REVOKE ALL ON FUNCTION facesnxt.signed_audits(uuid) FROM PUBLIC;

-- The same person: one role, or one who logged on, unless that is a gateway's.
CREATE FUNCTION facesnxt.same_person(one name, one_session name, other name, other_session name) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT $1 IN ($3, $4) OR $2 = $3
        OR ($2 = $4 AND EXISTS (SELECT FROM facesnxt.account a WHERE a.role = to_regrole(quote_ident($2))))
$$;
COMMENT ON FUNCTION facesnxt.same_person(name, name, name, name) IS 'Whether two steps, by acting role and login, are one person''s';
REVOKE ALL ON FUNCTION facesnxt.same_person(name, name, name, name) FROM PUBLIC;

CREATE FUNCTION facesnxt.duty_conflicts(agency text DEFAULT NULL)
RETURNS TABLE (agency_code text, role name, conflict text, detail text, clause text, forbidden boolean, last_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    WITH of_agency AS MATERIALIZED (
        SELECT g.agency_id, g.code, v.id AS version_id, coalesce(facesnxt.policy_value(v.id, 'auditor_apart') = 'true', false) AS apart,
            CASE WHEN facesnxt.policy_value(v.id, 'auditor_apart') = 'true' THEN facesnxt.policy_clause(v.id, 'auditor_apart')
                 ELSE facesnxt.policy_clause(v.id, 'auditor') END AS clause
        FROM facesnxt.agency g CROSS JOIN LATERAL (SELECT facesnxt.policy_in_force(g.agency_id, clock_timestamp()) AS id) v
        WHERE ($1 IS NULL OR g.code = $1) AND (facesnxt.bound_to() IS NULL OR g.agency_id = facesnxt.bound_to())),
    person AS MATERIALIZED (
        SELECT r.oid, r.rolname, a.agency_id,
            facesnxt.way_into(r.oid, 'facesnxt_admin') IS NOT NULL OR facesnxt.way_into(r.oid, 'facesnxt_auditor') IS NOT NULL AS grouped
        FROM pg_roles r LEFT JOIN facesnxt.account a ON a.role = r.oid
        WHERE NOT r.rolsuper AND r.rolname !~ '^(pg_|facesnxt_)'),
    -- an account's steps that somebody decides on, and not those that its member takes
    administered AS MATERIALIZED (
        SELECT a.agency_id, a.role AS about, e.step, e.by_role, e.by_session, e.at
        FROM facesnxt.account_event e JOIN facesnxt.account a USING (account_id)
        WHERE e.step IN ('approved', 'denied', 'activated', 'suspended', 'resumed', 'revoked')),
    audited AS MATERIALIZED (
        SELECT o.agency_id, s.signed_by, s.session_role, s.since, s.until, s.signed_at, 'signed the audit of' AS act
        FROM of_agency o CROSS JOIN LATERAL facesnxt.signed_audits(o.agency_id) s
        UNION ALL
        SELECT l.agency_id, l.acting_role, l.session_role, date_trunc('month', l.recorded_at),
            date_trunc('month', l.recorded_at) + interval '1 month', max(l.recorded_at), 'read the log of'
        FROM facesnxt.log_access l GROUP BY 1, 2, 3, 4)
    SELECT o.code, p.rolname, 'administers accounts and audits them',
        format('administers by %s; audits by %s', array_to_string(d.administers, ', '), array_to_string(d.audits, ', ')),
        o.clause, o.apart, NULL::timestamptz
    FROM of_agency o
        JOIN person p ON coalesce(p.agency_id = o.agency_id, true)
            AND (p.grouped OR EXISTS (SELECT FROM facesnxt.office_holder h WHERE h.agency_id = o.agency_id AND h.role = p.oid))
        CROSS JOIN LATERAL facesnxt.duties(o.agency_id, p.oid) d
    WHERE cardinality(d.administers) > 0 AND cardinality(d.audits) > 0
    UNION ALL
    SELECT o.code, u.signed_by, 'audited a time in which the same person administered accounts',
        format('%s %s to %s; %s steps of accounts in it', u.act, u.since::date, u.until::date, count(*)), o.clause, o.apart, max(u.signed_at)
    FROM of_agency o
        JOIN administered m ON m.agency_id = o.agency_id
        -- whoever has no account reads as the host's, the log of every agency
        JOIN audited u ON coalesce(u.agency_id = o.agency_id, true) AND m.at >= u.since AND m.at < u.until
            AND facesnxt.same_person(m.by_role, m.by_session, u.signed_by, u.session_role)
    GROUP BY o.code, o.clause, o.apart, u.signed_by, u.act, u.since, u.until
    UNION ALL
    SELECT o.code, m.by_role, 'decided on the person''s own account', format('step "%s"', m.step),
        facesnxt.policy_clause(o.version_id, 'activation_by'), true, m.at
    FROM of_agency o JOIN administered m ON m.agency_id = o.agency_id
    WHERE m.about IN (to_regrole(quote_ident(m.by_role)), to_regrole(quote_ident(m.by_session)))
    UNION ALL
    SELECT o.code, c.acting_role, 'confirmed the person''s own search', format('search %s', c.search_id),
        facesnxt.policy_clause(o.version_id, 'confirmed_by'), true, c.recorded_at
    FROM of_agency o JOIN facesnxt.search s ON s.agency_id = o.agency_id JOIN facesnxt.confirmation c USING (search_id)
    WHERE facesnxt.same_person(c.acting_role, c.session_role, s.acting_role, s.session_role)
    UNION ALL
    SELECT o.code, c.acting_role, 'reviewed the person''s own search', format('search %s', c.search_id),
        facesnxt.policy_clause(o.version_id, 'blind_review'), true, c.recorded_at
    FROM of_agency o JOIN facesnxt.search s ON s.agency_id = o.agency_id JOIN facesnxt.comparison c USING (search_id)
    WHERE c.review_id IS NOT NULL AND facesnxt.same_person(c.acting_role, c.session_role, s.acting_role, s.session_role)
    UNION ALL
    SELECT o.code, d.decided_by, 'put the person''s own policy in force', format('version %s', v.number), NULL, true, d.decided_at
    FROM of_agency o JOIN facesnxt.policy_version v ON v.agency_id = o.agency_id JOIN facesnxt.policy_decision d ON d.version_id = v.version_id
    WHERE d.adopted AND v.number > 1 AND facesnxt.same_person(d.decided_by, d.decided_session, v.proposed_by, v.proposed_session)
    ORDER BY 1, 2, 3, 7
$$;
COMMENT ON FUNCTION facesnxt.duty_conflicts(text) IS
'Persons whose duties do not go together, by rights and by what is on record, with the clause and whether the policy forbids it (MI-4.5.5, NS-D.3)';
REVOKE ALL ON FUNCTION facesnxt.duty_conflicts(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.duty_conflicts(text) TO facesnxt_auditor;
