-- What is done with a pack: it is computed again, reviewed and signed, and a
-- memorandum goes to whom the policy names.

CREATE FUNCTION facesnxt.pack_in_reach(pack_id uuid) RETURNS facesnxt.audit_pack
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pack facesnxt.audit_pack;
BEGIN
    SELECT p.* INTO pack FROM facesnxt.audit_pack p WHERE p.pack_id = pack_in_reach.pack_id;
    -- another agency's pack and one that does not exist look the same
    IF pack.pack_id IS NULL OR NOT facesnxt.in_reach(pack.agency_id) THEN
        PERFORM facesnxt.refuse_on_record('audit', 'NX450', 'there is no such audit', NULL, 'facesnxt.audit_pack shows them.',
            clause => 'SP-II.A');
    END IF;
    RETURN pack;
END
$$;
COMMENT ON FUNCTION facesnxt.pack_in_reach(uuid) IS 'A pack of the agency that who acts may audit (NX450)';
REVOKE ALL ON FUNCTION facesnxt.pack_in_reach(uuid) FROM PUBLIC;

-- Lines that both have at the beginning and at the end are left out; what is
-- between them is what differs.
CREATE FUNCTION facesnxt.differing_lines(one text, other text) RETURNS TABLE (line int, was text, is_now text)
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    a CONSTANT text[] := string_to_array(one, E'\n');
    b CONSTANT text[] := string_to_array(other, E'\n');
    head int := 0;
    tail int := 0;
BEGIN
    WHILE head < least(cardinality(a), cardinality(b)) AND a[head + 1] = b[head + 1] LOOP
        head := head + 1;
    END LOOP;
    WHILE tail < least(cardinality(a), cardinality(b)) - head AND a[cardinality(a) - tail] = b[cardinality(b) - tail] LOOP
        tail := tail + 1;
    END LOOP;
    RETURN QUERY
        SELECT n, CASE WHEN n <= cardinality(a) - tail THEN a[n] END, CASE WHEN n <= cardinality(b) - tail THEN b[n] END
        FROM generate_series(head + 1, greatest(cardinality(a), cardinality(b)) - tail) n
        WHERE (CASE WHEN n <= cardinality(a) - tail THEN a[n] END) IS DISTINCT FROM (CASE WHEN n <= cardinality(b) - tail THEN b[n] END);
END
$$;
COMMENT ON FUNCTION facesnxt.differing_lines(text, text) IS 'The lines in which two texts differ, from the first to the last of them';
REVOKE ALL ON FUNCTION facesnxt.differing_lines(text, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.recompute_pack(pack_id uuid) RETURNS TABLE (same boolean, finding text, line int, sealed text, recomputed text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pack CONSTANT facesnxt.audit_pack := facesnxt.pack_in_reach(pack_id);
    anew CONSTANT text := facesnxt.pack_text(pack.kind, pack.agency_id, pack.since, pack.until, pack.as_of, pack.parameters);
    untouched CONSTANT boolean := sha256(convert_to(pack.body, 'UTF8')) = pack.sha256;
BEGIN
    IF NOT untouched THEN
        RETURN QUERY SELECT false, 'the text is not the one that was sealed: its SHA-256 differs', NULL::int,
            encode(pack.sha256, 'hex'), encode(sha256(convert_to(pack.body, 'UTF8')), 'hex');
    END IF;
    IF pack.body = anew THEN
        RETURN QUERY SELECT untouched, 'the records give the same text', NULL::int, NULL::text, NULL::text;
    ELSE
        RETURN QUERY SELECT false, 'the records give another line', d.line, d.was, d.is_now FROM facesnxt.differing_lines(pack.body, anew) d;
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.recompute_pack(uuid) IS
'Computes a pack again from the records as of its time: whether the text is the same and the one that was sealed, and where not (NX450)';
REVOKE ALL ON FUNCTION facesnxt.recompute_pack(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.recompute_pack(uuid) TO facesnxt_auditor;

CREATE FUNCTION facesnxt.sign_pack(pack_id uuid, accepted boolean, findings text) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pack facesnxt.audit_pack;
    version uuid;
    office text;
    clause text;
    new_id uuid;
BEGIN
    SELECT p.* INTO pack FROM facesnxt.audit_pack p WHERE p.pack_id = sign_pack.pack_id;
    version := facesnxt.policy_in_force(pack.agency_id, clock_timestamp());
    office := facesnxt.policy_value(version, 'auditor') #>> '{}';
    clause := facesnxt.policy_clause(version, 'auditor');
    PERFORM facesnxt.require_office(pack.agency_id, office, clause, NULL);
    IF accepted IS NULL OR facesnxt.readable(findings) IS NULL THEN
        RAISE EXCEPTION 'a review says whether the audit is accepted, and what was found' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Say "none" where nothing was found.';
    ELSIF sha256(convert_to(pack.body, 'UTF8')) <> pack.sha256 THEN
        PERFORM facesnxt.refuse_on_record('sign-off', 'NX451', 'sign-off refused: the text is not the one that was sealed',
            format('Its SHA-256 differs (%s).', clause), 'facesnxt.recompute_pack() shows where; make the audit anew.', pack.agency_id, 'auditor');
    ELSIF facesnxt.policy_value(version, 'auditor_apart') = 'true' AND facesnxt.is_administrator(pack.agency_id) THEN
        PERFORM facesnxt.refuse_on_record('sign-off', 'NX331', 'sign-off refused: whoever administers accounts does not audit them',
            format('The acting role is an administrator (%s).', facesnxt.policy_clause(version, 'auditor_apart')),
            'Another holder of the office signs.', pack.agency_id, 'auditor_apart');
    END IF;
    INSERT INTO facesnxt.audit_signoff (pack_id, agency_id, accepted, findings, office, clause, administers, signed_by, session_role)
    SELECT pack.pack_id, pack.agency_id, sign_pack.accepted, sign_pack.findings, office, clause, facesnxt.is_administrator(pack.agency_id),
        i.acting_role, i.session_role
    FROM facesnxt.session_identity() i
    RETURNING signoff_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.sign_pack(uuid, boolean, text) IS
'Reviews an audit in the office that the policy names for it: accepted or not, and the findings (NM-VII.B, NS-D.3, NX331, NX451)';
REVOKE ALL ON FUNCTION facesnxt.sign_pack(uuid, boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.sign_pack(uuid, boolean, text) TO facesnxt_member, facesnxt_auditor;

CREATE FUNCTION facesnxt.submit_memorandum(pack_id uuid) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pack facesnxt.audit_pack;
    version uuid;
    recipient record;
    new_id uuid;
BEGIN
    SELECT p.* INTO pack FROM facesnxt.audit_pack p WHERE p.pack_id = submit_memorandum.pack_id AND p.kind = 'quarterly';
    version := facesnxt.policy_in_force(pack.agency_id, clock_timestamp());
    PERFORM facesnxt.require_office(pack.agency_id, facesnxt.policy_value(version, 'auditor') #>> '{}',
        coalesce(facesnxt.policy_clause(version, 'memorandum_to'), facesnxt.policy_clause(version, 'auditor')), NULL);
    SELECT h.office, h.role INTO recipient FROM facesnxt.office_holder h
    WHERE h.agency_id = pack.agency_id AND h.office = facesnxt.policy_value(version, 'memorandum_to') #>> '{}'
    ORDER BY h.designee, h.from_at LIMIT 1;
    IF recipient.role IS NULL OR (SELECT s.accepted FROM facesnxt.audit_signoff s WHERE s.pack_id = pack.pack_id
                                  ORDER BY s.signed_at DESC LIMIT 1) IS NOT TRUE THEN
        PERFORM facesnxt.refuse_on_record('memorandum', 'NX452', 'submission refused: the memorandum is not signed, or nobody receives it',
            format('It goes to the office %s, signed (%s).', coalesce(facesnxt.policy_value(version, 'memorandum_to') #>> '{}', 'nobody'),
                coalesce(facesnxt.policy_clause(version, 'memorandum_to'), 'no clause')),
            'facesnxt.sign_pack() comes first; facesnxt.appoint() says who holds the office.', pack.agency_id, 'memorandum_to', 'NM-VII.C');
    END IF;
    INSERT INTO facesnxt.audit_submission (pack_id, agency_id, office, recipient, clause, submitted_by, session_role)
    SELECT pack.pack_id, pack.agency_id, recipient.office, pg_get_userbyid(recipient.role),
        facesnxt.policy_clause(version, 'memorandum_to'), i.acting_role, i.session_role
    FROM facesnxt.session_identity() i
    RETURNING submission_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.submit_memorandum(uuid) IS
'Submits a quarterly memorandum, once it is signed, to the holder of the office that the policy names (NM-VII.C, NX452)';
REVOKE ALL ON FUNCTION facesnxt.submit_memorandum(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.submit_memorandum(uuid) TO facesnxt_member, facesnxt_auditor;
