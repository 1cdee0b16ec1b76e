-- Units and who else may search, memoranda, separation and disuse.

-- A member who leaves the units that may search loses the account, where the
-- policy says so.
CREATE FUNCTION facesnxt.set_unit(agency text, role regrole, unit text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.agency_named(agency);
    version CONSTANT uuid := facesnxt.policy_in_force(of_agency, clock_timestamp());
    allowed CONSTANT text[] := facesnxt.policy_texts(version, 'units');
    account facesnxt.account;
    former text;
BEGIN
    PERFORM facesnxt.check_person(role);
    SELECT a.* INTO account FROM facesnxt.account a WHERE a.role = set_unit.role AND a.agency_id = of_agency FOR NO KEY UPDATE;
    SELECT u.unit INTO former FROM facesnxt.unit_membership u
    WHERE u.agency_id = of_agency AND u.role = set_unit.role ORDER BY u.at DESC LIMIT 1;
    IF unit = former THEN
        RETURN;
    END IF;
    INSERT INTO facesnxt.unit_membership (agency_id, role, unit) VALUES (of_agency, role, unit);
    IF former = ANY (allowed) AND unit <> ALL (allowed) AND account.status <> 'revoked'
        AND 'transfer' = ANY (facesnxt.policy_texts(version, 'revocation_reasons'))
    THEN
        PERFORM facesnxt.end_account(account.account_id, 'transfer', format('from %s to %s', former, unit));
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.set_unit(text, regrole, text) IS
'Puts a person into a unit; whoever leaves the units that may search loses the account where the policy says so (NM-VI.A, NM-VII.E.2)';
REVOKE ALL ON FUNCTION facesnxt.set_unit(text, regrole, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.set_unit(text, regrole, text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.grant_unit_exception(role regrole, until timestamptz, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    account CONSTANT facesnxt.account := facesnxt.account_of(role, 'any');
    version uuid;
    office text;
BEGIN
    version := facesnxt.policy_in_force(account.agency_id, clock_timestamp());
    office := facesnxt.policy_value(version, 'unit_exception_by') #>> '{}';
    PERFORM facesnxt.require_office(account.agency_id, office,
        coalesce(facesnxt.policy_clause(version, 'unit_exception_by'), facesnxt.policy_clause(version, 'units')), role);
    IF until > clock_timestamp() IS NOT TRUE OR NOT isfinite(until) OR facesnxt.readable(reason) IS NULL THEN
        PERFORM facesnxt.refuse_on_record('exception', 'NX341', 'an exception has a term and a reason',
            format('Who else may search is approved by name (%s).', facesnxt.policy_clause(version, 'unit_exception_by')),
            'Give a time to come, and say why.', account.agency_id, 'unit_exception_by', about => role);
    END IF;
    INSERT INTO facesnxt.unit_exception (account_id, office, until_at, reason) VALUES (account.account_id, office, until, reason);
END
$$;
COMMENT ON FUNCTION facesnxt.grant_unit_exception(regrole, timestamptz, text) IS
'Lets a member of another unit search for a time, in the office that the policy names (NM-VI.A, NS-32.6.1, MI-4.2; NX331, NX341)';
REVOKE ALL ON FUNCTION facesnxt.grant_unit_exception(regrole, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.grant_unit_exception(regrole, timestamptz, text) TO facesnxt_member;

CREATE FUNCTION facesnxt.record_mou(
    agency text, title text, parties text[], until timestamptz, from_at timestamptz DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    new_id uuid;
BEGIN
    IF title IS NULL OR cardinality(parties) > 0 IS NOT TRUE OR until > coalesce(from_at, clock_timestamp()) IS NOT TRUE
        OR NOT isfinite(until) OR NOT isfinite(from_at) THEN
        RAISE EXCEPTION 'a memorandum has a title, parties and a term'
            USING ERRCODE = 'NX341', HINT = 'Name the other parties and give a time to come.';
    END IF;
    INSERT INTO facesnxt.mou (agency_id, title, parties, from_at, until_at)
    VALUES (facesnxt.agency_named(agency), title, parties, coalesce(from_at, clock_timestamp()), until) RETURNING mou_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.record_mou(text, text, text[], timestamptz, timestamptz) IS
'Records a memorandum of understanding of an agency with other parties, and its term (NM-V.E.1; NX341)';
REVOKE ALL ON FUNCTION facesnxt.record_mou(text, text, text[], timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.record_mou(text, text, text[], timestamptz, timestamptz) TO facesnxt_admin;

CREATE FUNCTION facesnxt.end_mou(mou_id uuid, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM facesnxt.mou m WHERE m.mou_id = end_mou.mou_id AND facesnxt.in_reach(m.agency_id)) THEN
        PERFORM facesnxt.refuse_on_record('end of a memorandum', 'NX341', 'there is no such memorandum', NULL,
            'facesnxt.mou shows them.', clause => 'SP-II.A');
    END IF;
    INSERT INTO facesnxt.mou_end (mou_id, reason) VALUES (mou_id, reason);
END
$$;
COMMENT ON FUNCTION facesnxt.end_mou(uuid, text) IS 'Ends a memorandum before its term (NX341)';
REVOKE ALL ON FUNCTION facesnxt.end_mou(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.end_mou(uuid, text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.separate_member(agency text, payroll_number text) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.agency_named(agency);
    entry facesnxt.roster;
    leaving uuid;
    ended int := 0;
BEGIN
    SELECT r.* INTO entry FROM facesnxt.roster r
    WHERE r.agency_id = of_agency AND r.payroll_number = separate_member.payroll_number ORDER BY r.at DESC LIMIT 1;
    IF entry.entry_id IS NULL THEN
        RAISE EXCEPTION 'the roster has no such number'
            USING ERRCODE = 'NX335', DETAIL = format('Agency %s, number "%s".', agency, payroll_number), HINT = 'facesnxt.roster shows it.';
    END IF;
    INSERT INTO facesnxt.roster (agency_id, payroll_number, name, email, sworn, separated)
    VALUES (of_agency, entry.payroll_number, entry.name, entry.email, entry.sworn, true);
    FOR leaving IN
        SELECT a.account_id FROM facesnxt.account a
        WHERE a.agency_id = of_agency AND a.status <> 'revoked' AND (a.email = entry.email OR EXISTS (
            SELECT FROM facesnxt.acknowledgement k WHERE k.account_id = a.account_id AND k.payroll_number = entry.payroll_number))
    LOOP
        PERFORM facesnxt.end_account(leaving, 'separation', format('payroll number %s', entry.payroll_number));
        ended := ended + 1;
    END LOOP;
    RETURN ended;
END
$$;
COMMENT ON FUNCTION facesnxt.separate_member(text, text) IS
'What the personnel office tells of somebody who left: the roster says so, and the account is revoked (SP-IV.A.2.b, NM-VII.E.1, NS-32.6.10)';
REVOKE ALL ON FUNCTION facesnxt.separate_member(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.separate_member(text, text) TO facesnxt_admin;

CREATE FUNCTION facesnxt.sweep_inactive(agency text DEFAULT NULL) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC'
AS $$
DECLARE
    idle record;
    swept int := 0;
BEGIN
    FOR idle IN
        SELECT a.account_id, u.used_at
        FROM facesnxt.account a JOIN facesnxt.agency g USING (agency_id)
            CROSS JOIN LATERAL (SELECT facesnxt.policy_value(facesnxt.policy_in_force(a.agency_id, clock_timestamp()), 'inactivity_days') AS days) r
            CROSS JOIN LATERAL (SELECT facesnxt.last_used(a) AS used_at) u
        WHERE a.status = 'active' AND r.days IS NOT NULL AND (sweep_inactive.agency IS NULL OR g.code = sweep_inactive.agency)
            AND facesnxt.in_reach(a.agency_id)
            AND u.used_at <= clock_timestamp() - (r.days #>> '{}')::numeric * interval '1 day'
    LOOP
        PERFORM facesnxt.end_account(idle.account_id, 'inactivity', format('last used %s', idle.used_at));
        swept := swept + 1;
    END LOOP;
    RETURN swept;
END
$$;
COMMENT ON FUNCTION facesnxt.sweep_inactive(text) IS
'Removes accounts that nobody used for as long as the policy says and gives their licences to those who wait; run it daily: the gate refuses them anyway (NP-VI.C.2.c.note)';
REVOKE ALL ON FUNCTION facesnxt.sweep_inactive(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.sweep_inactive(text) TO facesnxt_admin;
