-- The gate: what is known of an attempt, judged by the policy in force.

CREATE TYPE facesnxt.verdict AS (
    code text,
    clause text,
    rule text,
    message text,
    detail text,
    hint text,
    account_id uuid,
    agency_id uuid,
    agency text,
    version_id uuid,
    case_id uuid,
    incident_type text,
    facts jsonb,
    set_aside jsonb
);
COMMENT ON TYPE facesnxt.verdict IS
'What the gate says: code is the SQLSTATE of a refusal or NULL; the other columns are as far as they are known';

-- Fields come from outside: what a test is to read must be of its kind.
CREATE FUNCTION facesnxt.field_fault(fields jsonb) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given record;
BEGIN
    IF fields IS NULL THEN
        RETURN NULL;
    ELSIF jsonb_typeof(fields) <> 'object' THEN
        RETURN 'The fields are no object.';
    END IF;
    FOR given IN
        SELECT e.key, e.value, f.value_kind FROM jsonb_each(fields) e LEFT JOIN facesnxt.purpose_field f ON f.field = e.key
    LOOP
        IF given.value_kind IS NULL THEN
            RETURN format('There is no field "%s".', given.key);
        ELSIF jsonb_typeof(given.value) = 'null' THEN
            CONTINUE;
        ELSIF given.value_kind = 'boolean' AND jsonb_typeof(given.value) <> 'boolean' THEN
            RETURN format('Field "%s" is true or false.', given.key);
        ELSIF given.value_kind <> 'boolean' AND jsonb_typeof(given.value) <> 'string' THEN
            RETURN format('Field "%s" is a text.', given.key);
        ELSIF given.value_kind = 'timestamp' THEN
            -- one instant for every session that reads the record: no "now", no infinity, no local time
            IF given.value #>> '{}' !~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)? ?(Z|[+-]\d\d(:?\d\d)?)$' THEN
                RETURN format('Field "%s" is a time with its offset from UTC, such as 2022-05-01T10:00:00-05:00.', given.key);
            END IF;
            BEGIN
                PERFORM (given.value #>> '{}')::timestamptz;
            EXCEPTION WHEN data_exception THEN
                RETURN format('Field "%s" is a time.', given.key);
            END;
        ELSIF given.value_kind = 'uuid' AND given.value #>> '{}' !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
            RETURN format('Field "%s" is an identifier.', given.key);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION facesnxt.field_fault(jsonb) IS 'What is wrong with the fields of a search, or NULL';
REVOKE ALL ON FUNCTION facesnxt.field_fault(jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.make_request(
    case_number text, purpose text, reason text, fields jsonb, repositories text[], overrides jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN facesnxt.attempt() || jsonb_build_object(
        'case_number', case_number, 'purpose', purpose, 'reason', reason,
        'fields', fields, 'overrides', overrides, 'repositories',
        -- an array in an array names no repository that a policy knows
        CASE WHEN repositories IS NOT NULL THEN to_jsonb(ARRAY(SELECT unnest(repositories))) END);
END
$$;
COMMENT ON FUNCTION facesnxt.make_request(text, text, text, jsonb, text[], jsonb) IS
'An attempt by the acting role: who, when, and what was stated';
REVOKE ALL ON FUNCTION facesnxt.make_request(text, text, text, jsonb, text[], jsonb) FROM PUBLIC;

-- Everything that the tests of rules read. It is kept with the search, so that
-- any policy can judge it later.
CREATE FUNCTION facesnxt.search_facts(account facesnxt.account, request jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object(
            'requested_at', request->'requested_at',
            'purpose', request->'purpose',
            'reason', request->'reason',
            'fields', coalesce(nullif(request->'fields', 'null'), '{}'),
            'overrides', coalesce(nullif(request->'overrides', 'null'), '{}'),
            'repositories', request->'repositories',
            'account', facesnxt.account_facts($1),
            'case', facesnxt.case_facts($1, nullif(request->>'case_number', '')),
            'search', facesnxt.request_facts($1, request)));
END
$$;
COMMENT ON FUNCTION facesnxt.search_facts(facesnxt.account, jsonb) IS 'What is known of an attempt, as the rules'' tests read it';
REVOKE ALL ON FUNCTION facesnxt.search_facts(facesnxt.account, jsonb) FROM PUBLIC;

-- Why an account does not count is for its own agency's policy to say.
CREATE FUNCTION facesnxt.status_clause(version_id uuid, status text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(CASE WHEN $2 IN ('suspended', 'revoked') THEN facesnxt.policy_clause($1, 'revocation_reasons') END,
        facesnxt.policy_clause($1, 'account_in_order'), 'SP-IV.A.2')
$$;
COMMENT ON FUNCTION facesnxt.status_clause(uuid, text) IS 'The clause by which an account of this status does not search or act';
REVOKE ALL ON FUNCTION facesnxt.status_clause(uuid, text) FROM PUBLIC;

-- Volatile, so that every query in it takes its own snapshot. The session asks
-- it first, which saves work; the writer asks it again in its own transaction,
-- which sees committed rows only, and that answer counts (gate_again()). What
-- it asks for it finds by keys: a plan that was made when a table was small and
-- never analysed must not read that table from end to end later.
CREATE FUNCTION facesnxt.gate(request jsonb) RETURNS facesnxt.verdict
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp SET jit = off SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off
AS $$
DECLARE
    acting CONSTANT oid := (request->'identity'->>'acting_oid')::oid;
    -- asked before the status, which changes in the same commit and is the better reason
    searches CONSTANT boolean := pg_has_role(acting, 'facesnxt_investigator', 'USAGE') OR pg_has_role(acting, 'facesnxt_integrator', 'USAGE');
    isolation CONSTANT text := request->>'isolation';
    verdict facesnxt.verdict;
    account CONSTANT facesnxt.account := facesnxt.account_of(acting, 'any');
    fault text := facesnxt.field_fault(nullif(request->'fields', 'null'));
    found record;
BEGIN
    IF account.account_id IS NOT NULL THEN
        verdict.account_id := account.account_id;
        verdict.agency_id := account.agency_id;
        SELECT g.code INTO verdict.agency FROM facesnxt.agency g WHERE g.agency_id = account.agency_id;
        verdict.version_id := facesnxt.policy_in_force(account.agency_id, clock_timestamp());
        SELECT c.case_id, c.incident_type INTO verdict.case_id, verdict.incident_type
        FROM facesnxt.case_file c
        WHERE c.agency_id = account.agency_id AND c.case_number = request->>'case_number';
    END IF;

    IF isolation NOT IN ('read committed', 'read uncommitted') THEN
        verdict.code := 'NX306';
        verdict.clause := facesnxt.status_clause(verdict.version_id, 'revoked');
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
        verdict.clause := facesnxt.status_clause(verdict.version_id, account.status);
        verdict.message := 'search refused: the account is not active';
        verdict.detail := format('The account of role "%s" is %s.', pg_get_userbyid(acting), account.status);
        verdict.hint := 'Ask the administrator of your agency.';
    ELSIF NOT searches THEN
        -- a member comes as far as this, whoever asks the desk for searches among them
        verdict.code := 'NX323';
        verdict.clause := 'SP-IV.A.1';
        verdict.message := 'search refused: the acting role does not search';
        verdict.detail := format('Role "%s" is no member of facesnxt_investigator.', pg_get_userbyid(acting));
        verdict.hint := 'Ask the desk: facesnxt.request_search(); or the administrator of your agency.';
    ELSIF verdict.version_id IS NULL THEN
        verdict.code := 'NX310';
        verdict.clause := 'NM-II.b';
        verdict.message := 'search refused: the agency has no policy in force';
        verdict.detail := 'What no policy allows is not allowed.';
        verdict.hint := 'An administrator adopts one: facesnxt.adopt_policy().';
    ELSIF fault IS NOT NULL THEN
        verdict.code := 'NX317';
        verdict.clause := coalesce(facesnxt.policy_clause(verdict.version_id, 'purpose_listed'), 'NM-VI.C');
        verdict.message := 'search refused: its fields cannot be read';
        verdict.detail := fault;
        verdict.hint := 'facesnxt.purpose_field says which there are.';
    ELSE
        verdict.facts := facesnxt.search_facts(account, request);
        verdict.set_aside := '{}';
        FOR found IN SELECT * FROM facesnxt.judge(verdict.version_id, verdict.facts) LOOP
            IF found.reason_against IS NOT NULL THEN
                verdict.set_aside := verdict.set_aside || jsonb_build_object(found.rule,
                    jsonb_build_object('clause', found.clause, 'found', found.message, 'reason', found.reason_against));
                CONTINUE;
            END IF;
            verdict.code := found.sqlstate;
            verdict.clause := found.clause;
            verdict.rule := found.rule;
            verdict.message := found.message;
            verdict.detail := found.detail;
            verdict.hint := found.hint;
            EXIT;
        END LOOP;
    END IF;
    IF verdict.code = 'NX302' AND account.status IN ('pending', 'verified', 'approved') THEN
        verdict.hint := coalesce((SELECT format('Next: %s.', g.next_step) FROM facesnxt.lacks(account) g LIMIT 1), verdict.hint);
    END IF;
    verdict.detail := verdict.detail || coalesce(' (' || verdict.clause || ')', '');
    RETURN verdict;
END
$$;
COMMENT ON FUNCTION facesnxt.gate(jsonb) IS
'Judges whether a role may search now: isolation level, account, policy in force and each of its rules (NX301 to NX323)';
REVOKE ALL ON FUNCTION facesnxt.gate(jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.commits() RETURNS bigint
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'facesnxt_commits';
COMMENT ON FUNCTION facesnxt.commits() IS
'How many transactions that changed anything had ended at the newest snapshot; NULL in one that has changed something itself';
REVOKE ALL ON FUNCTION facesnxt.commits() FROM PUBLIC;

-- What a session can set and an answer can depend on: a time less a day is
-- another one in another zone.
CREATE FUNCTION facesnxt.judging_settings() RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN concat_ws('; ', current_setting('TimeZone'), current_setting('timezone_abbreviations'), current_setting('DateStyle'),
        current_setting('IntervalStyle'), current_setting('extra_float_digits'), current_setting('bytea_output'),
        current_setting('lc_numeric'), current_setting('lc_time'), current_setting('array_nulls'),
        current_setting('transform_null_equals'), current_setting('standard_conforming_strings'));
END
$$;
COMMENT ON FUNCTION facesnxt.judging_settings() IS 'The settings of this session that an answer of the gate can depend on';
REVOKE ALL ON FUNCTION facesnxt.judging_settings() FROM PUBLIC;

-- The session's own answer, for the writer: worth something only as long as
-- nothing is committed after commits, which was counted before the gate, and
-- where the writer's settings are the same.
CREATE FUNCTION facesnxt.judged(verdict facesnxt.verdict, commits bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN commits IS NULL THEN '{}'
        ELSE jsonb_build_object('verdict', to_jsonb(verdict), 'commits', commits, 'settings', facesnxt.judging_settings()) END;
END
$$;
COMMENT ON FUNCTION facesnxt.judged(facesnxt.verdict, bigint) IS 'A verdict as the writer is told it, with the number of commits before it';
REVOKE ALL ON FUNCTION facesnxt.judged(facesnxt.verdict, bigint) FROM PUBLIC;

CREATE FUNCTION facesnxt.nothing_new(commits bigint, agency_id uuid, account_id uuid, kind text, probe_id text) RETURNS boolean
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'facesnxt_nothing_new';
COMMENT ON FUNCTION facesnxt.nothing_new(bigint, uuid, uuid, text, text) IS
'Whether a gate that was asked when commits() said so would see the same now: nothing has ended since but records of searches that this one''s gate does not look at';
REVOKE ALL ON FUNCTION facesnxt.nothing_new(bigint, uuid, uuid, text, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.note_search(agency_id uuid, account_id uuid, kind text, probe_id text) RETURNS void
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'facesnxt_note_search';
COMMENT ON FUNCTION facesnxt.note_search(uuid, uuid, text, text) IS 'Tells nothing_new() that the writer has recorded a search';
REVOKE ALL ON FUNCTION facesnxt.note_search(uuid, uuid, text, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.gate_again(request jsonb) RETURNS facesnxt.verdict
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    told CONSTANT jsonb := request->'verdict';
BEGIN
    -- some rules look at the clock: an answer of a second ago still is one
    IF facesnxt.nothing_new((request->>'commits')::bigint, (told->>'agency_id')::uuid, (told->>'account_id')::uuid,
                            request->'probe'->>'kind', request->'probe'->>'sha256')
        AND request->>'settings' = facesnxt.judging_settings()
        AND (request->>'requested_at')::timestamptz > clock_timestamp() - interval '1 second' THEN
        RETURN jsonb_populate_record(NULL::facesnxt.verdict, told);
    END IF;
    RETURN facesnxt.gate(request);
END
$$;
COMMENT ON FUNCTION facesnxt.gate_again(jsonb) IS
'The gate in the writer: on committed rows and by its own settings, anew unless nothing that it looks at was committed since the session asked, by the same ones';
REVOKE ALL ON FUNCTION facesnxt.gate_again(jsonb) FROM PUBLIC;

-- ---- asking beforehand, and asking another policy

CREATE FUNCTION facesnxt.would_refuse(
    case_number text DEFAULT NULL, purpose text DEFAULT NULL, reason text DEFAULT NULL, fields jsonb DEFAULT NULL,
    repositories text[] DEFAULT NULL, overrides jsonb DEFAULT NULL, version_id uuid DEFAULT NULL)
RETURNS TABLE (rule text, clause text, sqlstate text, message text, detail text, hint text, reason_against text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    request CONSTANT jsonb := facesnxt.make_request(case_number, purpose, reason, fields, repositories, overrides);
    verdict facesnxt.verdict := facesnxt.gate(request);
BEGIN
    IF verdict.facts IS NULL THEN
        RETURN QUERY SELECT verdict.rule, verdict.clause, verdict.code, verdict.message, verdict.detail, verdict.hint, NULL::text;
    ELSE
        RETURN QUERY SELECT j.* FROM facesnxt.judge(coalesce(would_refuse.version_id, verdict.version_id), verdict.facts) j;
    END IF;
END
$$;
COMMENT ON FUNCTION facesnxt.would_refuse(text, text, text, jsonb, text[], jsonb, uuid) IS
'Every rule that a search like this by the acting role would break now, by the policy in force or another version; nothing is searched';
REVOKE ALL ON FUNCTION facesnxt.would_refuse(text, text, text, jsonb, text[], jsonb, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.would_refuse(text, text, text, jsonb, text[], jsonb, uuid) TO facesnxt_investigator;
