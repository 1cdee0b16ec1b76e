-- Audits on request: asked for, forwarded by the office through which they
-- are asked for, performed by the one that audits, delivered to who asked
-- (NP-VI.C.2.a, NP-VI.C.2.b).

CREATE FUNCTION facesnxt.request_audit(agency text, subject text, since timestamptz, until timestamptz) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := (SELECT g.agency_id FROM facesnxt.agency g WHERE g.code = request_audit.agency);
    new_id uuid;
BEGIN
    PERFORM facesnxt.check_snapshot('request of an audit');
    -- a member who is not cut off, or an officer; another agency and none look the same
    IF of_agency IS NULL OR ((facesnxt.acting_account('asking')).agency_id IS DISTINCT FROM of_agency AND NOT EXISTS (
        SELECT FROM facesnxt.office_holder h JOIN facesnxt.session_identity() i ON h.role = i.acting_oid
        WHERE h.agency_id = of_agency AND NOT EXISTS (SELECT FROM facesnxt.account a WHERE a.role = h.role AND a.status IN ('suspended', 'revoked'))))
    THEN
        PERFORM facesnxt.refuse_on_record('request of an audit', 'NX331', 'request refused: it is not the acting role''s to make',
            'Members and officers of an agency ask for an audit of it.', 'Ask a member of the agency.', clause => 'SP-II.A');
    ELSIF facesnxt.readable(subject) IS NULL OR since IS NULL OR until IS NULL OR since >= until THEN
        RAISE EXCEPTION 'a request of an audit has a subject and a period' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Say what is to be audited, from when and until when.';
    END IF;
    INSERT INTO facesnxt.audit_request (agency_id, subject, since, until, requested_by, requester, session_role)
    SELECT of_agency, request_audit.subject, request_audit.since, request_audit.until, i.acting_role, i.acting_oid::regrole, i.session_role
    FROM facesnxt.session_identity() i
    RETURNING request_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.request_audit(text, text, timestamptz, timestamptz) IS 'Asks for an audit of one''s own agency (NP-VI.C.2.a)';
REVOKE ALL ON FUNCTION facesnxt.request_audit(text, text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.request_audit(text, text, timestamptz, timestamptz) TO facesnxt_member, facesnxt_investigator, facesnxt_requester, facesnxt_auditor;

-- Whose step it is: forwarding and delivering of the office through which
-- audits are asked for, performing of the one that audits; where the policy
-- names none for the first, the second has all of them.
CREATE FUNCTION facesnxt.audit_step(request_id uuid, step text) RETURNS facesnxt.audit_request_step
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    asked facesnxt.audit_request;
    version uuid;
    rule text;
    taken facesnxt.audit_request_step;
BEGIN
    SELECT q.* INTO asked FROM facesnxt.audit_request q WHERE q.request_id = audit_step.request_id;
    version := facesnxt.policy_in_force(asked.agency_id, clock_timestamp());
    rule := CASE WHEN step = 'performed' OR facesnxt.policy_value(version, 'audit_request_by') IS NULL THEN 'auditor' ELSE 'audit_request_by' END;
    taken.office := facesnxt.policy_value(version, rule) #>> '{}';
    PERFORM facesnxt.require_office(asked.agency_id, taken.office, facesnxt.policy_clause(version, rule), NULL);
    IF EXISTS (SELECT FROM facesnxt.audit_request_step t WHERE t.request_id = asked.request_id AND t.step IN (audit_step.step, 'declined', 'delivered'))
        OR (step IN ('performed', 'delivered') AND NOT EXISTS (
            SELECT FROM facesnxt.audit_request_step t WHERE t.request_id = asked.request_id
                AND t.step = CASE audit_step.step WHEN 'performed' THEN 'forwarded' ELSE 'performed' END))
        OR (step = 'declined' AND EXISTS (SELECT FROM facesnxt.audit_request_step t WHERE t.request_id = asked.request_id)) THEN
        PERFORM facesnxt.refuse_on_record('audit on request', 'NX453', format('step refused: the audit is not to be %s now', step),
            format('It is forwarded, performed, and delivered, in this order (%s).', facesnxt.policy_clause(version, rule)),
            'facesnxt.audit_request_step shows how far it is.', asked.agency_id, rule);
    END IF;
    taken.request_id := asked.request_id;
    taken.agency_id := asked.agency_id;
    taken.step := step;
    SELECT i.acting_role, i.session_role INTO taken.by_role, taken.session_role FROM facesnxt.session_identity() i;
    taken.recorded_at := clock_timestamp();
    RETURN taken;
END
$$;
COMMENT ON FUNCTION facesnxt.audit_step(uuid, text) IS 'The next step of an audit on request, if it is the acting role''s to take and its turn (NX331, NX453)';
REVOKE ALL ON FUNCTION facesnxt.audit_step(uuid, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.forward_audit(request_id uuid, forwarded boolean DEFAULT true, note text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    taken facesnxt.audit_request_step := facesnxt.audit_step(request_id, CASE WHEN forwarded THEN 'forwarded' ELSE 'declined' END);
BEGIN
    taken.note := note;
    INSERT INTO facesnxt.audit_request_step SELECT taken.*;
END
$$;
COMMENT ON FUNCTION facesnxt.forward_audit(uuid, boolean, text) IS
'Asks who audits to perform an audit that was asked for, or declines it; by the office that the policy names (NP-VI.C.2.a, NX331, NX453)';
REVOKE ALL ON FUNCTION facesnxt.forward_audit(uuid, boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.forward_audit(uuid, boolean, text) TO facesnxt_member;

CREATE FUNCTION facesnxt.perform_audit(request_id uuid, findings text[] DEFAULT '{}') RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    taken facesnxt.audit_request_step := facesnxt.audit_step(request_id, 'performed');
    asked facesnxt.audit_request;
BEGIN
    SELECT q.* INTO asked FROM facesnxt.audit_request q WHERE q.request_id = perform_audit.request_id;
    taken.pack_id := facesnxt.seal_pack('on request', asked.agency_id, asked.since, asked.until,
        jsonb_build_object('request_id', asked.request_id, 'subject', asked.subject, 'findings', to_jsonb(findings)));
    INSERT INTO facesnxt.audit_request_step SELECT taken.*;
    RETURN taken.pack_id;
END
$$;
COMMENT ON FUNCTION facesnxt.perform_audit(uuid, text[]) IS
'Performs an audit that was forwarded: makes and seals its pack; by the office that audits (NP-VI.C.2.b, NX331, NX453)';
REVOKE ALL ON FUNCTION facesnxt.perform_audit(uuid, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.perform_audit(uuid, text[]) TO facesnxt_member;

CREATE FUNCTION facesnxt.deliver_audit(request_id uuid, note text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    taken facesnxt.audit_request_step := facesnxt.audit_step(request_id, 'delivered');
BEGIN
    taken.note := note;
    INSERT INTO facesnxt.audit_request_step SELECT taken.*;
END
$$;
COMMENT ON FUNCTION facesnxt.deliver_audit(uuid, text) IS 'Returns a performed audit to who asked for it, who reads it from now on (NP-VI.C.2.b, NX331, NX453)';
REVOKE ALL ON FUNCTION facesnxt.deliver_audit(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.deliver_audit(uuid, text) TO facesnxt_member;

CREATE FUNCTION facesnxt.requested_audit(request_id uuid) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found text;
BEGIN
    SELECT p.body INTO found
    FROM facesnxt.audit_request q
        JOIN facesnxt.audit_request_step d ON d.request_id = q.request_id AND d.step = 'delivered'
        JOIN facesnxt.audit_request_step f ON f.request_id = q.request_id AND f.step = 'performed'
        JOIN facesnxt.audit_pack p ON p.pack_id = f.pack_id
        JOIN facesnxt.session_identity() i ON q.requester = i.acting_oid
    WHERE q.request_id = requested_audit.request_id AND q.agency_id = ANY (facesnxt.acting_agencies());
    IF found IS NULL THEN
        PERFORM facesnxt.refuse_on_record('audit on request', 'NX450', 'there is no such audit', 'None that the acting role asked for was delivered.',
            'It is delivered by facesnxt.deliver_audit().', clause => 'NP-VI.C.2.b');
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION facesnxt.requested_audit(uuid) IS 'The text of an audit that the acting role asked for, once it was delivered (NP-VI.C.2.b, NX450)';
REVOKE ALL ON FUNCTION facesnxt.requested_audit(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.requested_audit(uuid) TO facesnxt_member, facesnxt_investigator, facesnxt_requester, facesnxt_auditor;
