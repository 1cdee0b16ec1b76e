-- Open searches: raw statements on the references, inside a search that passed
-- the gate and nowhere else.

CREATE TABLE facesnxt.ticket (
    ticket_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    agency_id uuid NOT NULL,
    agency text NOT NULL,
    account_id uuid NOT NULL,
    version_id uuid NOT NULL,
    case_id uuid,
    case_number text,
    purpose text NOT NULL,
    reason text,
    set_aside jsonb,
    facts jsonb NOT NULL,
    request jsonb NOT NULL,
    repositories text[] NOT NULL,
    max_rows int NOT NULL CHECK (max_rows BETWEEN 1 AND 1000),
    max_statements int NOT NULL CHECK (max_statements BETWEEN 1 AND 100),
    opened_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    expires_at timestamptz NOT NULL,
    session_role name NOT NULL,
    session_oid oid NOT NULL,
    acting_role name NOT NULL,
    acting_oid oid NOT NULL,
    backend_pid int NOT NULL,
    backend_start timestamptz NOT NULL,
    client_address inet,
    application text
);
COMMENT ON TABLE facesnxt.ticket IS 'Open searches that passed the gate, each bound to a session and a role (NM-V.E.4); a refused one stands in facesnxt.search';
COMMENT ON COLUMN facesnxt.ticket.request IS 'What was stated: judged again, by the policy then in force, before each statement and before its rows leave';

CREATE INDEX ON facesnxt.ticket (account_id, opened_at);

CREATE TABLE facesnxt.ticket_end (
    ticket_id uuid PRIMARY KEY REFERENCES facesnxt.ticket,
    cause text NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE facesnxt.ticket_end IS 'Open searches that were closed; one that is not here ended with its expiry or its session';

CREATE TABLE facesnxt.raw_statement (
    statement_id uuid PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid(),
    ticket_id uuid,
    agency_id uuid,
    status text NOT NULL CHECK (status IN ('admitted', 'refused')),
    sqlstate text,
    clause text,
    message text,
    detail text,
    statement text NOT NULL,
    probe facesnxt.embedding,
    stops uuid,
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    session_role name NOT NULL,
    session_oid oid NOT NULL,
    acting_role name NOT NULL,
    acting_oid oid NOT NULL,
    backend_pid int NOT NULL,
    backend_start timestamptz NOT NULL,
    client_address inet,
    application text,
    CHECK ((status = 'refused') = (sqlstate IS NOT NULL))
);
CREATE INDEX ON facesnxt.raw_statement (ticket_id);
COMMENT ON TABLE facesnxt.raw_statement IS
'Every statement of an integrator on the references, admitted or refused, committed before it starts (MI-4.5.3.3.a)';
COMMENT ON COLUMN facesnxt.raw_statement.stops IS 'The admitted statement whose rows this refusal held back';

CREATE TABLE facesnxt.raw_row (
    statement_id uuid NOT NULL REFERENCES facesnxt.raw_statement,
    rank bigint NOT NULL,
    reference_id uuid,
    person_id uuid,
    distance double precision,
    columns jsonb NOT NULL,
    PRIMARY KEY (statement_id, rank)
);
COMMENT ON TABLE facesnxt.raw_row IS 'The rows that a raw statement returned, committed before they left (NM-IV.F)';
COMMENT ON COLUMN facesnxt.raw_row.rank IS 'In the order in which the rows left';
COMMENT ON COLUMN facesnxt.raw_row.columns IS 'What left, as it was: an array of name and value';

SELECT facesnxt.keep_record(kept)
FROM pg_catalog.unnest(ARRAY['ticket', 'ticket_end', 'raw_statement', 'raw_row']::name[]) kept;
GRANT SELECT ON TABLE facesnxt.ticket, facesnxt.ticket_end, facesnxt.raw_row TO facesnxt_auditor;
-- all but the probe, which is biometric data
GRANT SELECT (statement_id, ticket_id, agency_id, status, sqlstate, clause, message, detail, statement, stops,
    recorded_at, session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start, client_address, application)
    ON TABLE facesnxt.raw_statement TO facesnxt_auditor;

-- ---- the ticket in the session

CREATE FUNCTION facesnxt.hold_ticket(id uuid, expires_at timestamptz, max_rows int, repositories facesnxt.repository[])
RETURNS void LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'facesnxt_hold_ticket';
COMMENT ON FUNCTION facesnxt.hold_ticket(uuid, timestamptz, int, facesnxt.repository[]) IS 'Makes an open search that of this session';
REVOKE ALL ON FUNCTION facesnxt.hold_ticket(uuid, timestamptz, int, facesnxt.repository[]) FROM PUBLIC;

CREATE FUNCTION facesnxt.drop_ticket() RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'facesnxt_drop_ticket';
COMMENT ON FUNCTION facesnxt.drop_ticket() IS 'The session has no open search any more';
REVOKE ALL ON FUNCTION facesnxt.drop_ticket() FROM PUBLIC;

CREATE FUNCTION facesnxt.held_ticket() RETURNS uuid
LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'facesnxt_held_ticket';
COMMENT ON FUNCTION facesnxt.held_ticket() IS 'The open search of this session, or NULL';
REVOKE ALL ON FUNCTION facesnxt.held_ticket() FROM PUBLIC;

CREATE FUNCTION facesnxt.raw_door_support(internal) RETURNS internal
LANGUAGE c STRICT AS 'MODULE_PATHNAME', 'facesnxt_raw_door_support';
COMMENT ON FUNCTION facesnxt.raw_door_support(internal) IS 'Support function of raw_door(): refuses a plan outside an open search';
REVOKE ALL ON FUNCTION facesnxt.raw_door_support(internal) FROM PUBLIC;

CREATE FUNCTION facesnxt.raw_door(repository facesnxt.repository) RETURNS boolean
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE COST 1 SUPPORT facesnxt.raw_door_support
AS 'MODULE_PATHNAME', 'facesnxt_raw_door';
COMMENT ON FUNCTION facesnxt.raw_door(facesnxt.repository) IS
'The policy of facesnxt.reference: true for a repository of the session''s open search; an error where there is none (NX370)';
REVOKE ALL ON FUNCTION facesnxt.raw_door(facesnxt.repository) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.raw_door(facesnxt.repository) TO facesnxt_integrator;

-- ---- the writer's side

-- Judges an open search on committed rows: that it is this session's, not
-- over, and that the gate would let it through now.
CREATE FUNCTION facesnxt.ticket_verdict(ticket_id uuid, request jsonb, begins boolean) RETURNS facesnxt.verdict
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    ticket facesnxt.ticket;
    who CONSTANT jsonb := request->'identity';
    verdict facesnxt.verdict;
BEGIN
    SELECT t.* INTO ticket FROM facesnxt.ticket t WHERE t.ticket_id = ticket_verdict.ticket_id;
    SELECT a.account_id, a.agency_id INTO verdict.account_id, verdict.agency_id
    FROM facesnxt.account_of((who->>'acting_oid')::oid, 'any') a;
    verdict.detail := CASE
        WHEN ticket.ticket_id IS NULL THEN 'There is no open search in this session.'
        WHEN ticket.acting_oid <> (who->>'acting_oid')::oid OR ticket.session_oid <> (who->>'session_oid')::oid
            THEN 'The open search of this session is another role''s.'
        WHEN ticket.backend_pid <> (who->>'backend_pid')::int OR ticket.backend_start <> (who->>'backend_start')::timestamptz
            THEN 'The open search is another session''s.'
        WHEN ticket.expires_at <= clock_timestamp() THEN 'The open search has expired.'
        WHEN EXISTS (SELECT FROM facesnxt.ticket_end e WHERE e.ticket_id = ticket.ticket_id) THEN 'The open search is closed.'
        END;
    IF verdict.detail IS NOT NULL THEN
        verdict.code := 'NX370';
        verdict.clause := 'NM-V.E.4';
        verdict.message := 'raw statement refused: no open search';
        verdict.hint := 'facesnxt.open_search() opens one for a case and a purpose.';
        RETURN verdict;
    END IF;
    verdict := facesnxt.gate(ticket.request || jsonb_build_object('identity', who, 'isolation', request->'isolation',
        'requested_at', request->'requested_at', 'statement_id', request->'statement_id',
        'probe', facesnxt.probe_shape(NULL, coalesce((request->>'probe')::facesnxt.embedding, (
            SELECT s.probe FROM facesnxt.raw_statement s WHERE s.statement_id = (request->>'statement_id')::uuid)))
            || '{"kind": "template"}'));
    IF verdict.code IS NULL AND begins AND ticket.max_statements <= (
        SELECT count(*) FROM facesnxt.raw_statement s WHERE s.ticket_id = ticket.ticket_id AND s.status = 'admitted')
    THEN
        verdict.code := 'NX372';
        verdict.clause := 'MI-4.5.2.d';
        verdict.message := 'raw statement refused: no more statements in this open search';
        verdict.detail := format('It was opened for %s.', ticket.max_statements);
        verdict.hint := 'Open another search.';
    END IF;
    RETURN verdict;
END
$$;
COMMENT ON FUNCTION facesnxt.ticket_verdict(uuid, jsonb, boolean) IS 'Whether an open search lets a statement begin, or its rows leave, now';
REVOKE ALL ON FUNCTION facesnxt.ticket_verdict(uuid, jsonb, boolean) FROM PUBLIC;

CREATE FUNCTION facesnxt.record_raw_statement(request jsonb, verdict facesnxt.verdict, stops uuid) RETURNS uuid
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
    INSERT INTO facesnxt.raw_statement (ticket_id, agency_id, status, sqlstate, clause, message, detail, statement, probe, stops,
        session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start, client_address, application)
    SELECT (request->>'ticket_id')::uuid, verdict.agency_id, CASE WHEN verdict.code IS NULL THEN 'admitted' ELSE 'refused' END,
        verdict.code, verdict.clause, verdict.message, verdict.detail,
        coalesce(request->>'statement', ''), (request->>'probe')::facesnxt.embedding, stops,
        i.session_role, i.session_oid, i.acting_role, i.acting_oid, i.backend_pid, i.backend_start, i.client_address, i.application
    FROM jsonb_to_record(request->'identity') AS i (session_role name, session_oid oid, acting_role name, acting_oid oid,
        backend_pid int, backend_start timestamptz, client_address inet, application text)
    RETURNING statement_id
$$;
COMMENT ON FUNCTION facesnxt.record_raw_statement(jsonb, facesnxt.verdict, uuid) IS 'Inserts the record of a raw statement';
REVOKE ALL ON FUNCTION facesnxt.record_raw_statement(jsonb, facesnxt.verdict, uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.apply_ticket(kind text, request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    verdict facesnxt.verdict;
    new_id uuid;
    answer jsonb;
BEGIN
    CASE kind
        WHEN 'open_search' THEN
            verdict := facesnxt.gate(request);
            IF verdict.code IS NULL THEN
                INSERT INTO facesnxt.ticket (agency_id, agency, account_id, version_id, case_id, case_number, purpose, reason,
                    set_aside, facts, request, repositories, max_rows, max_statements, expires_at,
                    session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start, client_address, application)
                SELECT verdict.agency_id, verdict.agency, verdict.account_id, verdict.version_id, verdict.case_id,
                    request->>'case_number', request->>'purpose', request->>'reason', verdict.set_aside, verdict.facts,
                    request - 'identity' - 'isolation' - 'requested_at',
                    ARRAY(SELECT jsonb_array_elements_text(request->'repositories')),
                    (request->>'max_rows')::int, (request->>'max_statements')::int, (request->>'expires_at')::timestamptz,
                    i.session_role, i.session_oid, i.acting_role, i.acting_oid, i.backend_pid, i.backend_start,
                    i.client_address, i.application
                FROM jsonb_to_record(request->'identity') AS i (session_role name, session_oid oid, acting_role name,
                    acting_oid oid, backend_pid int, backend_start timestamptz, client_address inet, application text)
                RETURNING ticket_id INTO new_id;
            ELSE
                new_id := facesnxt.audit_attempt(request, verdict, NULL);
            END IF;
        WHEN 'close_search' THEN
            INSERT INTO facesnxt.ticket_end (ticket_id, cause) VALUES ((request->>'ticket_id')::uuid, request->>'cause')
            ON CONFLICT DO NOTHING;
        WHEN 'raw_statement' THEN
            verdict := facesnxt.ticket_verdict((request->>'ticket_id')::uuid, request, true);
            IF verdict.code IS NULL AND request->>'fault' IS NOT NULL THEN
                verdict.code := 'NX371';
                verdict.clause := 'NM-V.E.4';
                verdict.message := 'raw statement refused';
                verdict.detail := request->>'fault';
                verdict.hint := 'Select columns of facesnxt.reference and the distance to one probe, ordered by it, with a LIMIT.';
            END IF;
            new_id := facesnxt.record_raw_statement(request, verdict, NULL);
        WHEN 'raw_rows' THEN
            verdict := facesnxt.ticket_verdict((request->>'ticket_id')::uuid, request, false);
            IF verdict.code IS NULL AND request->>'rows' IS NULL THEN
                verdict.code := 'NX372';
                verdict.clause := 'MI-4.5.2.d';
                verdict.message := 'raw statement refused: more rows than the open search allows';
                verdict.detail := format('A statement of this open search returns %s rows at most.',
                    (SELECT t.max_rows FROM facesnxt.ticket t WHERE t.ticket_id = (apply_ticket.request->>'ticket_id')::uuid));
                verdict.hint := 'Ask for fewer by LIMIT.';
            END IF;
            IF verdict.code IS NULL THEN
                INSERT INTO facesnxt.raw_row (statement_id, rank, reference_id, person_id, distance, columns)
                SELECT (request->>'statement_id')::uuid, l.rank, l.reference_id, r.person_id, l.distance, l.columns
                FROM jsonb_to_recordset(request->'rows')
                        AS l (rank bigint, reference_id uuid, distance double precision, columns jsonb)
                    LEFT JOIN facesnxt.reference_image r ON r.reference_id = l.reference_id;
            ELSE
                new_id := facesnxt.record_raw_statement(request, verdict, (request->>'statement_id')::uuid);
            END IF;
        ELSE
            RAISE EXCEPTION 'audit record of unknown kind "%"', kind USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    answer := jsonb_build_object('id', new_id, 'code', verdict.code, 'message', verdict.message,
                                 'detail', verdict.detail, 'hint', verdict.hint);
    RETURN answer;
END
$$;
COMMENT ON FUNCTION facesnxt.apply_ticket(text, jsonb) IS 'The writer''s transaction for open searches and raw statements';
REVOKE ALL ON FUNCTION facesnxt.apply_ticket(text, jsonb) FROM PUBLIC;

-- ---- the session's side

CREATE FUNCTION facesnxt.write_ticket(kind text, request jsonb) RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    answer CONSTANT jsonb := facesnxt.audit_write(kind, request, NULL);
BEGIN
    IF answer IS NULL THEN
        RAISE EXCEPTION 'audit record could not be confirmed' USING ERRCODE = 'NX403';
    ELSIF answer->>'code' IS NOT NULL THEN
        PERFORM facesnxt.raise(answer->>'code', answer->>'message', answer->>'detail', answer->>'hint');
    END IF;
    RETURN (answer->>'id')::uuid;
END
$$;
COMMENT ON FUNCTION facesnxt.write_ticket(text, jsonb) IS 'Has a record of this area committed, or raises what it says';
REVOKE ALL ON FUNCTION facesnxt.write_ticket(text, jsonb) FROM PUBLIC;

-- Called by the hooks (src/door), as the owner. Without an open search, or with
-- a fault, it raises; the record says so.
CREATE FUNCTION facesnxt.raw_begin(ticket_id uuid, statement text, probe text, fault text) RETURNS text
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN facesnxt.write_ticket('raw_statement', facesnxt.make_request(NULL, NULL, NULL, NULL, NULL, NULL)
        || jsonb_build_object('ticket_id', ticket_id, 'statement', statement, 'probe', probe, 'fault', fault));
END
$$;
COMMENT ON FUNCTION facesnxt.raw_begin(uuid, text, text, text) IS 'Records a raw statement before it starts; an error where it must not (NX370, NX371, NX372)';
REVOKE ALL ON FUNCTION facesnxt.raw_begin(uuid, text, text, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.raw_rows(ticket_id uuid, statement_id uuid, rows text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM facesnxt.write_ticket('raw_rows', facesnxt.make_request(NULL, NULL, NULL, NULL, NULL, NULL)
        || jsonb_build_object('ticket_id', ticket_id, 'statement_id', statement_id, 'rows', rows::jsonb));
END
$$;
COMMENT ON FUNCTION facesnxt.raw_rows(uuid, uuid, text) IS 'Records rows of a raw statement before they leave; NULL: they are too many, and an error says so (NX372)';
REVOKE ALL ON FUNCTION facesnxt.raw_rows(uuid, uuid, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.end_ticket(id uuid, cause text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM facesnxt.drop_ticket();
    PERFORM facesnxt.write_ticket('close_search', jsonb_build_object('ticket_id', id, 'cause', cause));
END
$$;
COMMENT ON FUNCTION facesnxt.end_ticket(uuid, text) IS 'Closes an open search of this session, for good';
REVOKE ALL ON FUNCTION facesnxt.end_ticket(uuid, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.open_search(
    case_number text, purpose text, reason text DEFAULT NULL, fields jsonb DEFAULT NULL, repositories text[] DEFAULT NULL,
    overrides jsonb DEFAULT NULL, valid_for interval DEFAULT '10 minutes', max_rows int DEFAULT 50, max_statements int DEFAULT 20)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- of its probes only that they are templates is known yet
    request jsonb := facesnxt.make_request(case_number, purpose, reason, fields, repositories, overrides)
        || '{"probe": {"kind": "template"}}';
    verdict facesnxt.verdict;
    covered facesnxt.repository[];
    expires_at timestamptz;
    new_id uuid;
BEGIN
    IF facesnxt.held_ticket() IS NOT NULL THEN
        PERFORM facesnxt.end_ticket(facesnxt.held_ticket(), 'another search was opened');
    END IF;
    verdict := facesnxt.gate(request);
    IF verdict.code IS NOT NULL THEN
        PERFORM facesnxt.refuse(request, to_jsonb(verdict) - 'facts', NULL);
    END IF;
    IF valid_for IS NULL OR valid_for <= '0' OR valid_for > '1 hour' OR max_rows IS NULL OR max_rows NOT BETWEEN 1 AND 1000
        OR max_statements IS NULL OR max_statements NOT BETWEEN 1 AND 100 THEN
        PERFORM facesnxt.refuse(request, jsonb_build_object('code', '22023', 'message', 'search refused: it would be open too wide',
            'detail', format('Asked for: %s, %s rows, %s statements.', valid_for, max_rows, max_statements),
            'hint', 'At most an hour, 1000 rows a statement and 100 statements.'), NULL);
    END IF;
    covered := coalesce(repositories::facesnxt.repository[], enum_range(NULL::facesnxt.repository));
    IF cardinality(covered) = 0 OR array_position(covered, NULL) IS NOT NULL THEN
        PERFORM facesnxt.refuse(request, jsonb_build_object('code', '22023',
            'message', 'search refused: the list of repositories is empty or has a null',
            'hint', 'Name repositories, or give NULL for all.'), NULL);
    END IF;
    expires_at := clock_timestamp() + valid_for;
    -- judged once more, on committed rows, by the writer
    new_id := facesnxt.write_ticket('open_search', request || jsonb_build_object('repositories', to_jsonb(covered),
        'max_rows', max_rows, 'max_statements', max_statements, 'expires_at', expires_at));
    PERFORM facesnxt.hold_ticket(new_id, expires_at, max_rows, covered);
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.open_search(text, text, text, jsonb, text[], jsonb, interval, int, int) IS
'Opens a search for raw statements on facesnxt.reference in this session, by this role, until it is closed or expires; judged by the gate and committed before it returns';
REVOKE ALL ON FUNCTION facesnxt.open_search(text, text, text, jsonb, text[], jsonb, interval, int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.open_search(text, text, text, jsonb, text[], jsonb, interval, int, int) TO facesnxt_integrator;

CREATE FUNCTION facesnxt.close_search(id uuid) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF id IS DISTINCT FROM facesnxt.held_ticket() OR id IS NULL OR NOT EXISTS (
        SELECT FROM facesnxt.ticket t JOIN facesnxt.session_identity() i ON i.acting_oid = t.acting_oid WHERE t.ticket_id = id)
    THEN
        PERFORM facesnxt.refuse_on_record('close of an open search', 'NX370', 'no such open search in this session', NULL,
            'facesnxt.open_search() returns the id.', clause => 'NM-V.E.4');
    END IF;
    PERFORM facesnxt.end_ticket(id, 'closed');
END
$$;
COMMENT ON FUNCTION facesnxt.close_search(uuid) IS 'Closes the open search of this session; cursors and prepared statements of it end';
REVOKE ALL ON FUNCTION facesnxt.close_search(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.close_search(uuid) TO facesnxt_integrator;

-- ---- the door itself

ALTER TABLE facesnxt.reference ENABLE ROW LEVEL SECURITY;
ALTER TABLE facesnxt.reference FORCE ROW LEVEL SECURITY;
CREATE POLICY reference_raw ON facesnxt.reference FOR SELECT TO facesnxt_integrator USING (facesnxt.raw_door(repository));
COMMENT ON POLICY reference_raw ON facesnxt.reference IS 'An integrator reads references inside an open search only; others have no policy, so no row';
GRANT SELECT (reference_id, person_id, repository, quality, model, template) ON TABLE facesnxt.reference TO facesnxt_integrator;
