-- What makes a search worth a second look. A finding is a question to whoever
-- searched, not an answer: an audit asks it.

INSERT INTO facesnxt.rule (rule, area, value_kind, description) VALUES
    ('anomalies', 'audit', 'object', 'From when on searches are a finding of the audit; what is left out is as anomaly_defaults() says');

CREATE FUNCTION facesnxt.anomaly_defaults() RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT '{"same_face": 0.6, "look_back_days": 365, "unrelated_cases": 2, "repeats": 5, "repeat_days": 30, "faces_of_case": 6,
        "crowd_faces": 6, "crowd_minutes": 10, "burst": 20, "burst_minutes": 10, "from_hour": 6, "to_hour": 22,
        "time_zone": "America/New_York", "rare_share": 0.02, "address_minutes": 15, "case_strangers": 3}'::jsonb
$$;
COMMENT ON FUNCTION facesnxt.anomaly_defaults() IS
'The settings of anomalies() where the policy''s rule "anomalies" says nothing: from which similarity on two probes show one face, how far back is looked, and how many of what are too many';
REVOKE ALL ON FUNCTION facesnxt.anomaly_defaults() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.anomaly_defaults() TO facesnxt_auditor, facesnxt_admin;

CREATE FUNCTION facesnxt.anomaly_settings_known(value jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM jsonb_each(value) e
        WHERE CASE e.key
            WHEN 'same_face' THEN NOT facesnxt.number_in(e.value, 0.01, 1, false)
            WHEN 'rare_share' THEN NOT facesnxt.number_in(e.value, 0, 1, false)
            WHEN 'from_hour' THEN NOT facesnxt.number_in(e.value, 0, 24)
            WHEN 'to_hour' THEN NOT facesnxt.number_in(e.value, 0, 24)
            WHEN 'time_zone' THEN NOT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = e.value #>> '{}')
            ELSE NOT (facesnxt.anomaly_defaults() ? e.key AND facesnxt.number_in(e.value, 1, 100000)) END);
END
$$;
COMMENT ON FUNCTION facesnxt.anomaly_settings_known(jsonb) IS 'Whether these are settings of anomalies(), each within its bounds';
REVOKE ALL ON FUNCTION facesnxt.anomaly_settings_known(jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.anomaly_settings(agency_id uuid) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT facesnxt.anomaly_defaults()
        || coalesce(facesnxt.policy_value(facesnxt.policy_in_force($1, clock_timestamp()), 'anomalies'), '{}')
$$;
COMMENT ON FUNCTION facesnxt.anomaly_settings(uuid) IS 'The settings of anomalies() that are in force at an agency';
REVOKE ALL ON FUNCTION facesnxt.anomaly_settings(uuid) FROM PUBLIC;

CREATE TABLE facesnxt.anomaly_kind (
    kind text PRIMARY KEY,
    clauses text[] NOT NULL,
    description text NOT NULL
);
COMMENT ON TABLE facesnxt.anomaly_kind IS 'Kinds of findings of anomalies(), and the clauses that each serves';
REVOKE ALL ON TABLE facesnxt.anomaly_kind FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.anomaly_kind TO facesnxt_auditor, facesnxt_admin;
INSERT INTO facesnxt.anomaly_kind (kind, clauses, description) VALUES
    ('one face, unrelated cases', '{NM-IX.A.2,NS-32.6.5.1}', 'Probes that show one face under cases that nothing links'),
    ('same face repeatedly', '{NM-IX.A.4,NS-32.6.5.2}', 'One face that one account searches again and again'),
    ('case with unlike faces', '{NM-VI.B.1,NM-IX.A.2,NS-32.6.5.1}', 'More faces under one case number than a case has'),
    ('many faces from one image', '{NM-IX.A.5,NS-32.6.5.3,MI-4.5.2.d}', 'The faces of a crowd, cut from one image'),
    ('many faces in a short time', '{NM-IX.A.5,NS-32.6.5.3,MI-4.5.2.d}', 'Many different faces in minutes, as at an event'),
    ('face of staff', '{NM-IX.A.1,NS-32.6.5.1}', 'A probe that shows, or finds first, a member of the agency''s staff'),
    ('burst', '{NM-II.c,MI-4.5.2.d}', 'More attempts in minutes than set, or than the account ever makes'),
    ('off hours', '{NM-II.c,NM-IX.A.2,NS-32.6.5.1}', 'Attempts at hours outside the set ones, or at which neither account nor agency searches'),
    ('one account, several addresses', '{NS-32.6.11.3}', 'One account from different addresses within minutes'),
    ('several accounts, one session', '{NS-32.6.11.3}', 'One session of a person in the names of several accounts'),
    ('several accounts, one address', '{NS-32.6.11.3}', 'An account at the address of another one, while that is there'),
    ('case number reused', '{NM-VI.B.1}', 'One case number used by accounts that are not assigned to the case');

-- The clauses of the agency's own policy, else all that the kind serves. The
-- version is asked for once, not for every rule of every agency.
CREATE FUNCTION facesnxt.anomaly_clause(agency_id uuid, kind text) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce(string_agg(c, ', ') FILTER (WHERE EXISTS (
            SELECT FROM facesnxt.policy_rule r
            WHERE r.version_id = (SELECT facesnxt.policy_in_force($1, clock_timestamp())) AND split_part(r.clause, '-', 1) = split_part(c, '-', 1))),
        string_agg(c, ', '))
    FROM facesnxt.anomaly_kind k, unnest(k.clauses) c WHERE k.kind = $2
$$;
COMMENT ON FUNCTION facesnxt.anomaly_clause(uuid, text) IS 'The clauses that a kind of finding serves, of the agency''s policy where it has such';
REVOKE ALL ON FUNCTION facesnxt.anomaly_clause(uuid, text) FROM PUBLIC;

CREATE TYPE facesnxt.anomaly AS (
    finding_id uuid, kind text, severity text, clause text, accounts name[], cases text[], searches uuid[],
    first_at timestamptz, last_at timestamptz, explanation text
);
COMMENT ON TYPE facesnxt.anomaly IS
'A finding of anomalies(): its id is the same whenever the same searches of a time are looked at; severity is low, medium or high';

-- The id names kind, what it is about and the first search of the time, so a
-- ticket that was opened on it is found again.
CREATE FUNCTION facesnxt.anomaly_of(agency_id uuid, kind text, severity text, about text, first_search uuid, accounts name[], cases text[],
    searches uuid[], first_at timestamptz, last_at timestamptz, explanation text)
RETURNS facesnxt.anomaly
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ROW(md5(concat_ws('|', $1, $2, $4, $5))::uuid, $2, $3, facesnxt.anomaly_clause($1, $2), $6,
               array_remove($7, NULL), $8, $9, $10, $11)::facesnxt.anomaly
$$;
COMMENT ON FUNCTION facesnxt.anomaly_of(uuid, text, text, text, uuid, name[], text[], uuid[], timestamptz, timestamptz, text) IS
'Makes a finding: id, clause and the rest';
REVOKE ALL ON FUNCTION facesnxt.anomaly_of(uuid, text, text, text, uuid, name[], text[], uuid[], timestamptz, timestamptz, text) FROM PUBLIC;
