-- The gate: whether the acting role may search, judged on what it can see.

CREATE TYPE facesnxt.verdict AS (
    code text,
    clause text,
    message text,
    detail text,
    hint text,
    account_id uuid,
    agency_id uuid,
    agency text,
    case_id uuid,
    incident_type text
);
COMMENT ON TYPE facesnxt.verdict IS
'What the gate says: code is the SQLSTATE of a refusal or NULL; the other columns are as far as they are known';

-- Volatile, so that every query in it takes its own snapshot. The session asks
-- it first, which saves work; the writer asks it again in its own transaction,
-- which sees committed rows only, and that answer counts.
CREATE FUNCTION facesnxt.gate(acting oid, case_number text, purpose text, isolation text)
RETURNS facesnxt.verdict
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    verdict facesnxt.verdict;
    account record;
    file record;
BEGIN
    SELECT a.account_id, a.status, a.agency_id, g.code AS agency INTO account
    FROM facesnxt.account a JOIN facesnxt.agency g ON g.agency_id = a.agency_id
    WHERE a.role = acting;
    verdict.account_id := account.account_id;
    verdict.agency_id := account.agency_id;
    verdict.agency := account.agency;
    IF verdict.account_id IS NOT NULL THEN
        SELECT c.case_id, c.status, c.incident_type INTO file
        FROM facesnxt.case_file c
        WHERE c.agency_id = account.agency_id AND c.case_number = gate.case_number;
        verdict.case_id := file.case_id;
        verdict.incident_type := file.incident_type;
    END IF;

    IF isolation <> 'read committed' THEN
        verdict.code := 'NX306';
        verdict.clause := 'SP-IV.A.2';
        verdict.message := format('search refused: isolation level is %s', isolation);
        verdict.detail := 'A snapshot of the past would not show that an account was revoked or a case closed since.';
        verdict.hint := 'Search in a transaction of isolation level READ COMMITTED.';
    ELSIF verdict.account_id IS NULL THEN
        verdict.code := 'NX301';
        verdict.clause := 'SP-IV.A.1';
        verdict.message := 'search refused: the acting role has no account';
        verdict.detail := format('Role "%s" is not bound to an agency.', pg_get_userbyid(acting));
        verdict.hint := 'Ask the administrator of your agency for an account.';
    ELSIF account.status <> 'active' THEN
        verdict.code := 'NX302';
        verdict.clause := 'SP-IV.A.2';
        verdict.message := 'search refused: the account is not active';
        verdict.detail := format('The account of role "%s" is %s.', pg_get_userbyid(acting), account.status);
        verdict.hint := 'Ask the administrator of your agency.';
    ELSIF verdict.case_id IS NULL THEN
        verdict.code := 'NX303';
        verdict.clause := 'NM-VI.B.1';
        verdict.message := CASE WHEN coalesce(case_number, '') = ''
                                THEN 'search refused: no case number'
                                ELSE 'search refused: the case is not known' END;
        verdict.detail := CASE WHEN coalesce(case_number, '') = ''
                               THEN 'Every search names the case that it is for.'
                               ELSE format('Agency %s has no case "%s".', account.agency, case_number) END;
        verdict.hint := 'SELECT * FROM facesnxt.my_cases shows the cases of your agency; a new case counts once it is committed.';
    ELSIF file.status <> 'open' THEN
        verdict.code := 'NX304';
        verdict.clause := 'NS-32.6.2.1';
        verdict.message := 'search refused: the case is not open';
        verdict.detail := format('Case "%s" is %s.', case_number, file.status);
        verdict.hint := 'Search for an open case.';
    ELSIF purpose IS NULL OR NOT EXISTS (
        SELECT FROM facesnxt.purpose p
        WHERE p.agency_id = account.agency_id AND p.code = gate.purpose)
    THEN
        verdict.code := 'NX305';
        verdict.clause := 'SP-I.A';
        verdict.message := 'search refused: the purpose is not on the agency''s list';
        verdict.detail := format('Agency %s does not list %s.', account.agency, coalesce('"' || purpose || '"', 'a search without purpose'));
        verdict.hint := format('Its purposes: %s.', coalesce(
            (SELECT string_agg(p.code, ', ' ORDER BY p.code) FROM facesnxt.purpose p
             WHERE p.agency_id = account.agency_id), 'none'));
    END IF;
    RETURN verdict;
END
$$;
COMMENT ON FUNCTION facesnxt.gate(oid, text, text, text) IS
'Judges whether a role may search for a case and a purpose now: account, case, purpose, isolation level (NX301 to NX306)';
REVOKE ALL ON FUNCTION facesnxt.gate(oid, text, text, text) FROM PUBLIC;
