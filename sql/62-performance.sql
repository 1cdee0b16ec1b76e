-- How the system does, a day a row: what commanders watch.

CREATE VIEW facesnxt.search_performance WITH (security_barrier, security_invoker) AS
    SELECT s.agency_id, (s.recorded_at AT TIME ZONE 'UTC')::date AS day, pg_catalog.count(*) AS attempts,
        pg_catalog.count(*) FILTER (WHERE s.status = 'refused') AS refused,
        pg_catalog.count(*) FILTER (WHERE s.status = 'completed') AS completed,
        pg_catalog.count(DISTINCT s.account_id) AS accounts,
        -- from the call to the record, which is before the first candidate leaves
        pg_catalog.percentile_disc(0.5) WITHIN GROUP (ORDER BY s.recorded_at - s.requested_at) FILTER (WHERE s.status = 'completed') AS median_time,
        pg_catalog.percentile_disc(0.99) WITHIN GROUP (ORDER BY s.recorded_at - s.requested_at) FILTER (WHERE s.status = 'completed') AS time_99,
        pg_catalog.count(*) FILTER (WHERE s.exact) AS every_code_scored,
        pg_catalog.count(*) FILTER (WHERE s.status = 'completed' AND s.candidates = 0) AS without_candidate,
        pg_catalog.count(o.determination) AS with_outcome,
        pg_catalog.count(*) FILTER (WHERE o.determination = 'lead confirmed') AS leads_confirmed,
        pg_catalog.count(*) FILTER (WHERE o.determination = 'no match') AS no_match,
        pg_catalog.count(r.missed) AS replayed, pg_catalog.count(*) FILTER (WHERE r.missed > 0) AS incomplete_lists
    FROM facesnxt.search s
        LEFT JOIN LATERAL (SELECT n.determination FROM facesnxt.outcome n WHERE n.search_id = s.search_id ORDER BY n.recorded_at DESC LIMIT 1) o ON true
        LEFT JOIN LATERAL (SELECT p.missed FROM facesnxt.replay p WHERE p.search_id = s.search_id ORDER BY p.recorded_at DESC LIMIT 1) r ON true
    GROUP BY s.agency_id, (s.recorded_at AT TIME ZONE 'UTC')::date;
COMMENT ON VIEW facesnxt.search_performance IS
'Each day (UTC) of each agency: attempts, refusals, accounts, times, exactness, searches without candidate, outcomes, and lists that a replay found incomplete (NM-II.c)';
REVOKE ALL ON TABLE facesnxt.search_performance FROM PUBLIC;
GRANT SELECT ON TABLE facesnxt.search_performance TO facesnxt_auditor;
