-- Making a pack, signing it, and computing it again.

-- As of when a report can be computed again: from then on no transaction that
-- has begun to write a table of the extension is open, so that nothing with an
-- earlier time appears later.
CREATE FUNCTION facesnxt.settled_at() RETURNS timestamptz
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    now CONSTANT timestamptz := clock_timestamp();
BEGIN
    IF EXISTS (SELECT FROM pg_prepared_xacts p WHERE p.database = current_database()) THEN
        RAISE EXCEPTION 'a prepared transaction is open' USING ERRCODE = 'object_not_in_prerequisite_state',
            DETAIL = 'What it has written may appear later with an earlier time.', HINT = 'COMMIT PREPARED or ROLLBACK PREPARED ends it.';
    END IF;
    PERFORM pg_stat_clear_snapshot();
    RETURN (
        SELECT least(now, min(a.xact_start) - interval '1 microsecond')
        FROM pg_locks l
            JOIN pg_class c ON c.oid = l.relation AND c.relnamespace = 'facesnxt'::regnamespace AND c.relkind = 'r'
            JOIN pg_stat_activity a ON a.pid = l.pid
        -- the chain is no report's: its writer holds nothing else while it chains
        WHERE c.relname NOT IN ('event', 'pending_event', 'event_tile') AND l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.pid <> pg_backend_pid()
            AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()));
END
$$;
COMMENT ON FUNCTION facesnxt.settled_at() IS 'The last time before which no open transaction has written a record, but the caller''s own';
REVOKE ALL ON FUNCTION facesnxt.settled_at() FROM PUBLIC;

CREATE FUNCTION facesnxt.pack_title(kind text) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE $1 WHEN 'monthly' THEN 'Monthly report' WHEN 'quarterly' THEN 'Quarterly memorandum of findings'
        WHEN 'annual' THEN 'Annual review' WHEN 'on request' THEN 'Audit on request' WHEN 'log extract' THEN 'Extract of the log of searches'
        WHEN 'statistics' THEN 'Statistics for publication' WHEN 'licence use' THEN 'Use of licences'
        WHEN 'overdue' THEN 'What is overdue' WHEN 'public record' THEN 'Extract for a public records request'
        WHEN 'defence' THEN 'Bundle for a case' END
$$;
COMMENT ON FUNCTION facesnxt.pack_title(text) IS 'What a kind of pack is called in its heading';
REVOKE ALL ON FUNCTION facesnxt.pack_title(text) FROM PUBLIC;

CREATE FUNCTION facesnxt.pack_months(kind text) RETURNS int
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN $1 IN ('monthly', 'log extract') THEN 1 WHEN $1 = 'quarterly' THEN 3
        WHEN $1 IN ('annual', 'statistics', 'licence use', 'overdue') THEN 12 END
$$;
COMMENT ON FUNCTION facesnxt.pack_months(text) IS 'How many months a pack of a kind is of; NULL where it is of no block of months';
REVOKE ALL ON FUNCTION facesnxt.pack_months(text) FROM PUBLIC;

-- The one place where a report becomes text: for the seal, and for whoever
-- computes it again.
CREATE FUNCTION facesnxt.pack_text(
    kind text, agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz, parameters jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC'
AS $$
DECLARE
    zone CONSTANT text := facesnxt.report_zone(agency_id, as_of);
    version CONSTANT uuid := facesnxt.policy_in_force(agency_id, as_of);
    lines facesnxt.report_line[];
    heading text;
BEGIN
    lines := ARRAY(SELECT r FROM facesnxt.pack_lines(kind, agency_id, since, until, as_of, parameters) r);
    SELECT concat_ws(E'\n', facesnxt.pack_title(pack_text.kind),
        format('%s (%s)', g.name, g.code),
        format('Period: %s to %s, as of %s (%s)', facesnxt.local_time(pack_text.since, zone), facesnxt.local_time(pack_text.until, zone),
               to_char(as_of AT TIME ZONE zone, 'YYYY-MM-DD HH24:MI:SS.US'), zone),
        coalesce((SELECT format(E'Policy: %s\n        %s, version %s', left(v.document->>'title', 92), coalesce(v.document->>'number', 'no number'), v.number)
                  FROM facesnxt.policy_version v WHERE v.version_id = version), 'Policy: none in force'))
    INTO heading FROM facesnxt.agency g WHERE g.agency_id = pack_text.agency_id;
    RETURN heading || E'\n' || coalesce(facesnxt.render_report(lines), E'\nnothing\n');
END
$$;
COMMENT ON FUNCTION facesnxt.pack_text(text, uuid, timestamptz, timestamptz, timestamptz, jsonb) IS 'The whole text of a pack, from the records as of a time';
REVOKE ALL ON FUNCTION facesnxt.pack_text(text, uuid, timestamptz, timestamptz, timestamptz, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.with_findings(kind text, agency_id uuid, since timestamptz, until timestamptz, parameters jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF kind IN ('monthly', 'quarterly', 'annual', 'on request') THEN
        RETURN parameters || jsonb_build_object('anomalies', facesnxt.anomalies_found(agency_id, since, until));
    END IF;
    RETURN parameters;
END
$$;
COMMENT ON FUNCTION facesnxt.with_findings(text, uuid, timestamptz, timestamptz, jsonb) IS 'The parameters of a pack, with the anomalies that it is made with where its kind lists inquiries';
REVOKE ALL ON FUNCTION facesnxt.with_findings(text, uuid, timestamptz, timestamptz, jsonb) FROM PUBLIC;

-- The head of the tree is to cover what the text is made of, and records of a
-- case are named by their places in the chain: so all is chained first.
CREATE FUNCTION facesnxt.seal_pack(kind text, agency_id uuid, since timestamptz, until timestamptz, parameters jsonb) RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    as_of CONSTANT timestamptz := facesnxt.settled_at();
    given CONSTANT jsonb := facesnxt.with_findings(kind, agency_id, since, until, parameters);
    head record;
    body text;
    new_id uuid;
BEGIN
    PERFORM facesnxt.check_snapshot('audit');
    PERFORM facesnxt.chain_all();
    body := facesnxt.pack_text(kind, agency_id, since, until, as_of, given);
    SELECT h.* INTO head FROM facesnxt.audit_head() h;
    INSERT INTO facesnxt.audit_pack (agency_id, kind, since, until, as_of, parameters, body, sha256, made_by_version,
        tree_size, root_hash, head_at, version_id, generated_by, session_role)
    SELECT seal_pack.agency_id, seal_pack.kind, seal_pack.since, seal_pack.until, as_of, given, body, sha256(convert_to(body, 'UTF8')),
        (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'facesnxt'), head.tree_size, head.root_hash, head.at,
        facesnxt.policy_in_force(seal_pack.agency_id, as_of), i.acting_role, i.session_role
    FROM facesnxt.session_identity() i
    RETURNING pack_id INTO new_id;
    RETURN new_id;
END
$$;
COMMENT ON FUNCTION facesnxt.seal_pack(text, uuid, timestamptz, timestamptz, jsonb) IS 'Makes a pack of a kind for a period and keeps it, with the head of the log''s tree';
REVOKE ALL ON FUNCTION facesnxt.seal_pack(text, uuid, timestamptz, timestamptz, jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.make_pack(agency text, kind text, day date, parameters jsonb DEFAULT '{}') RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.audited_agency(agency);
    months CONSTANT int := facesnxt.pack_months(kind);
    period record;
BEGIN
    IF months IS NULL OR day IS NULL OR jsonb_typeof(parameters) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'no such pack can be made' USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('Kind "%s", day %s.', kind, coalesce(day::text, 'NULL')),
            HINT = 'monthly, quarterly, annual, log extract, statistics, licence use or overdue, of the period that a day is in.';
    END IF;
    SELECT p.* INTO period FROM facesnxt.report_period(of_agency, day, months, clock_timestamp()) p;
    RETURN facesnxt.seal_pack(kind, of_agency, period.since, period.until, parameters);
END
$$;
COMMENT ON FUNCTION facesnxt.make_pack(text, text, date, jsonb) IS
'Makes and seals an audit of the month, quarter or year that a day is in (NM-VII.A, NM-VII.B, NM-VII.C, NS-32.6.9, NP-VI.C.2.c, MI-4.5.5)';
REVOKE ALL ON FUNCTION facesnxt.make_pack(text, text, date, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.make_pack(text, text, date, jsonb) TO facesnxt_auditor;
