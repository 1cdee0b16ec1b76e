-- What all reports have in common: periods, the time as of which they count,
-- and how they become text.
--
-- A report counts the records of a period as they stood at a time: what was
-- recorded later is not in it, so that it can be computed again. What is
-- appended has its own time; of the few rows that change (cases, assignments)
-- the times say how they stood.

CREATE TYPE facesnxt.report_line AS (
    place int,
    section text,
    line text,
    value text,
    detail text
);
COMMENT ON TYPE facesnxt.report_line IS 'A line of a report: its section, what is counted, the count, and what there is to say of it';

-- What reports ask of tables that the gate asks in another order.
CREATE INDEX ON facesnxt.raw_statement (agency_id, recorded_at);
CREATE INDEX ON facesnxt.ticket (agency_id, opened_at);
CREATE INDEX ON facesnxt.account (agency_id);
CREATE INDEX ON facesnxt.revocation (agency_id, decided_at);
CREATE INDEX ON facesnxt.case_link (case_id);
CREATE INDEX ON facesnxt.search (case_id);

CREATE FUNCTION facesnxt.report_number(version_id uuid, rule text, otherwise int) RETURNS int
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce((facesnxt.policy_value($1, $2) #>> '{}')::numeric::int, $3) $$;
COMMENT ON FUNCTION facesnxt.report_number(uuid, text, int) IS 'The number that a version lays down by a rule, else another one';
REVOKE ALL ON FUNCTION facesnxt.report_number(uuid, text, int) FROM PUBLIC;

CREATE FUNCTION facesnxt.report_zone(agency_id uuid, as_of timestamptz) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(facesnxt.policy_value(facesnxt.policy_in_force($1, $2), 'time_zone') #>> '{}', 'UTC') $$;
COMMENT ON FUNCTION facesnxt.report_zone(uuid, timestamptz) IS 'The time zone in which an agency''s months begin, UTC where its policy names none';
REVOKE ALL ON FUNCTION facesnxt.report_zone(uuid, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.local_time(at timestamptz, zone text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT to_char($1 AT TIME ZONE $2, 'YYYY-MM-DD HH24:MI') $$;
COMMENT ON FUNCTION facesnxt.local_time(timestamptz, text) IS 'A time as reports write it, whatever the session has set';
REVOKE ALL ON FUNCTION facesnxt.local_time(timestamptz, text) FROM PUBLIC;

-- Months stand in blocks that begin with January: 3 are a quarter, 12 a year.
CREATE FUNCTION facesnxt.report_period(
    agency_id uuid, day date, months int, as_of timestamptz, OUT since timestamptz, OUT until timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT make_timestamp(b.first / 12, b.first % 12 + 1, 1, 0, 0, 0) AT TIME ZONE z.zone,
        make_timestamp((b.first + $3) / 12, (b.first + $3) % 12 + 1, 1, 0, 0, 0) AT TIME ZONE z.zone
    FROM (SELECT (extract(year FROM $2) * 12 + extract(month FROM $2) - 1)::int / $3 * $3 AS first) b,
        (SELECT facesnxt.report_zone($1, $4) AS zone) z
$$;
COMMENT ON FUNCTION facesnxt.report_period(uuid, date, int, timestamptz) IS
'The block of so many months that a day is in, from and until, in the agency''s time zone';
REVOKE ALL ON FUNCTION facesnxt.report_period(uuid, date, int, timestamptz) FROM PUBLIC;

-- The names of roles change, those in records do not.
CREATE FUNCTION facesnxt.account_label(account_id uuid, as_of timestamptz) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(
        (SELECT s.acting_role::text FROM facesnxt.search s WHERE s.account_id = $1 AND s.recorded_at <= $2
         ORDER BY s.recorded_at DESC LIMIT 1),
        (SELECT v.acting_role::text FROM facesnxt.verification v WHERE v.account_id = $1 AND v.recorded_at <= $2
         ORDER BY v.recorded_at DESC LIMIT 1),
        (SELECT a.role::text FROM facesnxt.account a WHERE a.account_id = $1))
$$;
COMMENT ON FUNCTION facesnxt.account_label(uuid, timestamptz) IS 'What the role of an account was called when it last searched or verified, else what it is called';
REVOKE ALL ON FUNCTION facesnxt.account_label(uuid, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.account_status_at(account_id uuid, at timestamptz) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT e.to_status FROM facesnxt.account_event e WHERE e.account_id = $1 AND e.at <= $2 ORDER BY e.number DESC LIMIT 1
$$;
COMMENT ON FUNCTION facesnxt.account_status_at(uuid, timestamptz) IS 'Where the steps of an account had led by a time; NULL: there was none';
REVOKE ALL ON FUNCTION facesnxt.account_status_at(uuid, timestamptz) FROM PUBLIC;

-- ---- text: 100 columns

CREATE FUNCTION facesnxt.render_report(lines facesnxt.report_line[]) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT string_agg(
        CASE WHEN l.section IS DISTINCT FROM l.before
            THEN E'\n' || l.section || E'\n' || repeat('-', length(l.section)) || E'\n' ELSE '' END
        || CASE WHEN length(l.flat) <= 100 THEN l.flat
            ELSE rtrim(format('%-42s %8s', l.line, l.value))
                || rtrim(E'\n' || regexp_replace(l.detail, '(.{1,92})(\s+|$)', E'        \\1\n', 'g'), E'\n') END,
        E'\n' ORDER BY l.number) || E'\n'
    FROM (SELECT o.*, lag(o.section) OVER (ORDER BY o.number) AS before,
              rtrim(format('%-42s %8s  %s', o.line, o.value, o.detail)) AS flat
          FROM unnest($1) WITH ORDINALITY AS o (place, section, line, value, detail, number)) l
$$;
COMMENT ON FUNCTION facesnxt.render_report(facesnxt.report_line[]) IS 'Lines of a report as text of 100 columns, sections with a heading';
REVOKE ALL ON FUNCTION facesnxt.render_report(facesnxt.report_line[]) FROM PUBLIC;

CREATE FUNCTION facesnxt.fold(words text, width int) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT rtrim(regexp_replace(regexp_replace($1, format('(\S{%s})(?=\S)', $2), '\1 ', 'g'), format('(.{1,%s})(\s+|$)', $2), E'\\1\n', 'g'), E'\n')
$$;
COMMENT ON FUNCTION facesnxt.fold(text, int) IS 'A text in lines of at most so many characters, for columns of psql';
REVOKE ALL ON FUNCTION facesnxt.fold(text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.fold(text, int) TO facesnxt_auditor;

-- Which agency it is of, for whom reads reports: its own auditors and the host's.
CREATE FUNCTION facesnxt.audited_agency(agency text) RETURNS uuid
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF agency IS NULL THEN
        RAISE EXCEPTION 'a report is of an agency' USING ERRCODE = 'null_value_not_allowed', HINT = 'Give its code.';
    END IF;
    RETURN facesnxt.agency_named(agency);
END
$$;
COMMENT ON FUNCTION facesnxt.audited_agency(text) IS 'The agency of a code, if who acts may audit it; refused on record as one that is not there';
REVOKE ALL ON FUNCTION facesnxt.audited_agency(text) FROM PUBLIC;
