-- What administrators and the holders of accounts see.

-- A view lends its owner's rights on tables and not those on functions.
CREATE FUNCTION facesnxt.list_missing()
RETURNS TABLE (agency text, account_id uuid, role regrole, email text, status text, status_at timestamptz,
    place int, rule text, clause text, missing text, next_step text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT g.code, a.account_id, a.role, a.email, a.status, a.status_at, l.*
    FROM facesnxt.account a JOIN facesnxt.agency g USING (agency_id) LEFT JOIN LATERAL facesnxt.lacks(a) l ON true
    WHERE a.status <> 'revoked' AND facesnxt.in_reach(a.agency_id)
$$;
COMMENT ON FUNCTION facesnxt.list_missing() IS 'Accounts of all agencies, or of the one that who acts is bound to, a row for each thing that they lack';
REVOKE ALL ON FUNCTION facesnxt.list_missing() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.list_missing() TO facesnxt_auditor, facesnxt_admin;

-- What of them is not blocked by a step is blocked at the gate.
CREATE VIEW facesnxt.account_missing WITH (security_barrier) AS
    SELECT l.agency, l.role, l.status, l.place, l.rule, l.clause, l.missing, l.next_step
    FROM facesnxt.list_missing() l WHERE l.place IS NOT NULL;
COMMENT ON VIEW facesnxt.account_missing IS 'What each account still lacks by the policy in force, by which clause, and the next step';
REVOKE ALL ON TABLE facesnxt.account_missing FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.account_missing TO facesnxt_auditor, facesnxt_admin;

CREATE VIEW facesnxt.pending_accounts WITH (security_barrier) AS
    SELECT DISTINCT ON (l.account_id) l.agency, l.account_id, l.role, l.email, l.status, l.status_at, l.missing, l.clause, l.next_step
    FROM facesnxt.list_missing() l
    WHERE l.status IN ('pending', 'verified', 'approved')
    ORDER BY l.account_id, l.place;
COMMENT ON VIEW facesnxt.pending_accounts IS 'Accounts that are not active yet, and the next step of each (SP-IV.A.1.e); none is missing: a licence, or to be activated';
REVOKE ALL ON TABLE facesnxt.pending_accounts FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.pending_accounts TO facesnxt_auditor, facesnxt_admin;

CREATE VIEW facesnxt.licence_use WITH (security_barrier, security_invoker) AS
    SELECT g.code AS agency, (v.value #>> '{}')::int AS licences, c.active, (v.value #>> '{}')::int - c.active AS free, v.clause
    FROM facesnxt.agency g
    JOIN facesnxt.policy_rule v ON v.version_id = facesnxt.policy_in_force(g.agency_id, pg_catalog.now()) AND v.rule = 'licences'
    CROSS JOIN LATERAL (SELECT pg_catalog.count(*) AS active FROM facesnxt.account a
                        WHERE a.agency_id = g.agency_id AND a.status = 'active') c;
COMMENT ON VIEW facesnxt.licence_use IS 'Licences of each agency that has a pool of them (NP-VI.C.2.c)';
REVOKE ALL ON TABLE facesnxt.licence_use FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.licence_use TO facesnxt_auditor, facesnxt_admin;

-- Empty, unless somebody who owns the tables changed a status by hand.
CREATE VIEW facesnxt.account_mismatch WITH (security_barrier, security_invoker) AS
    SELECT a.account_id, a.role, a.status, e.to_status AS recorded
    FROM facesnxt.account a
    LEFT JOIN LATERAL (SELECT e.to_status FROM facesnxt.account_event e
                       WHERE e.account_id = a.account_id ORDER BY e.number DESC LIMIT 1) e ON true
    WHERE e.to_status IS DISTINCT FROM a.status;
COMMENT ON VIEW facesnxt.account_mismatch IS 'Accounts whose status is not where their recorded steps led';
REVOKE ALL ON TABLE facesnxt.account_mismatch FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.account_mismatch TO facesnxt_auditor, facesnxt_admin;

CREATE VIEW facesnxt.my_account WITH (security_barrier) AS
    SELECT a.account_id, a.role, a.email, a.status, a.status_reason, a.status_at
    FROM facesnxt.account a WHERE a.account_id = (SELECT o.account_id FROM facesnxt.acting_account() o);
COMMENT ON VIEW facesnxt.my_account IS 'The acting role''s account';
REVOKE ALL ON TABLE facesnxt.my_account FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_account TO facesnxt_member;

CREATE FUNCTION facesnxt.own_gaps() RETURNS TABLE (place int, rule text, clause text, missing text, next_step text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$ SELECT l.* FROM facesnxt.acting_account() a CROSS JOIN LATERAL facesnxt.lacks(a) l WHERE a.account_id IS NOT NULL $$;
COMMENT ON FUNCTION facesnxt.own_gaps() IS 'What the acting role''s account lacks';
REVOKE ALL ON FUNCTION facesnxt.own_gaps() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.own_gaps() TO facesnxt_member;

CREATE VIEW facesnxt.my_account_missing WITH (security_barrier) AS
    SELECT l.place, l.rule, l.clause, l.missing, l.next_step FROM facesnxt.own_gaps() l;
COMMENT ON VIEW facesnxt.my_account_missing IS 'What the acting role''s account lacks, and the next step';
REVOKE ALL ON TABLE facesnxt.my_account_missing FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_account_missing TO facesnxt_member;

CREATE VIEW facesnxt.my_agreement WITH (security_barrier) AS
    SELECT v.number AS version, v.body, v.at AS published_at
    FROM facesnxt.agreement_version v
    WHERE v.agency_id = (SELECT o.agency_id FROM facesnxt.acting_account() o)
        AND v.number = (SELECT pg_catalog.max(n.number) FROM facesnxt.agreement_version n WHERE n.agency_id = v.agency_id);
COMMENT ON VIEW facesnxt.my_agreement IS 'The user agreement in force of the acting role''s agency';
REVOKE ALL ON TABLE facesnxt.my_agreement FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.my_agreement TO facesnxt_member;
