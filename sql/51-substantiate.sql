-- Inquiries that require substantiation (NM-VII.B): completed searches of
-- which something is not accounted for, each with every reason.
--
--   report         no report so many days after the search (substantiation_days, else those of "report", else 7)
--   outcome        nothing recorded of what became of it so many days after (outcome_days, else 30)
--   corroboration  an identification, or a lead confirmed, that no corroboration carries (any more)
--   case           the case is not named, not known, closed, or not assigned to who searched
--   fields         a field that the purpose asks for is empty
--   exigent        the papers of an exigent search are not there
--   dispositions   a candidate that was shown is not disposed of
--   anomaly        it stands out: by the log alone, or among findings that are handed over
--   override       an advisory rule was set aside
--
-- The rule "substantiation" lists which of them count; without it all do.

CREATE FUNCTION facesnxt.substantiation(
    agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz, found jsonb DEFAULT NULL)
RETURNS TABLE (search_id uuid, recorded_at timestamptz, acting_role name, account_id uuid, case_number text, purpose text,
    place int, reason text, clause text, detail text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH asked AS MATERIALIZED (
        SELECT s.search_id, s.recorded_at, s.acting_role, s.account_id, s.version_id, s.case_number, s.purpose, s.fields, s.set_aside, s.candidates,
            s.facts->'case' AS file, s.facts->'search'->'request'->'assigned' AS asked_by_assigned
        FROM facesnxt.search s
        WHERE s.agency_id = $1 AND s.status = 'completed' AND s.recorded_at >= $2 AND s.recorded_at < $3 AND s.recorded_at <= $4
    ), ruled AS MATERIALIZED (
        SELECT v.version_id, facesnxt.policy_value(v.version_id, 'substantiation') AS counting,
            facesnxt.report_number(v.version_id, 'substantiation_days',
                coalesce((facesnxt.policy_value(v.version_id, 'report')->>'days')::numeric::int, 7)) AS report_days,
            facesnxt.report_number(v.version_id, 'outcome_days', 30) AS outcome_days,
            facesnxt.policy_value(v.version_id, 'case_number') #>> '{}' AS case_number,
            coalesce(facesnxt.policy_value(v.version_id, 'request_desk') = 'true', false) AS desk,
            facesnxt.policy_value(v.version_id, 'exigent') IS NOT NULL AS exigent,
            CASE WHEN facesnxt.policy_value(v.version_id, 'substantiation_days') IS NULL THEN 'report' ELSE 'substantiation_days' END AS report_rule
        FROM (SELECT DISTINCT a.version_id FROM asked a) v
    )
    SELECT s.search_id, s.recorded_at, s.acting_role, s.account_id, s.case_number, s.purpose, w.place, w.reason,
        coalesce(w.clause, facesnxt.policy_clause(s.version_id, w.rule)), w.detail
    FROM asked s JOIN ruled r USING (version_id)
        LEFT JOIN facesnxt.exigent_papers p ON p.search_id = s.search_id AND p.completed_at <= $4
        CROSS JOIN LATERAL (SELECT EXISTS (
            SELECT FROM facesnxt.report f WHERE f.search_id = s.search_id AND f.recorded_at <= $4) AS reported) f
        CROSS JOIN LATERAL (SELECT EXISTS (
            SELECT FROM facesnxt.case_link l WHERE l.search_id = s.search_id AND l.recorded_at <= $4) AS linked) k
        CROSS JOIN LATERAL (
            SELECT 1 AS place, 'report' AS reason, r.report_rule AS rule, NULL::text AS clause,
                format('no report within %s days', r.report_days) AS detail
            WHERE NOT f.reported AND s.recorded_at + make_interval(days => r.report_days) <= $4
            UNION ALL
            SELECT 2, 'outcome', 'outcome_days', NULL, format('no outcome within %s days', r.outcome_days)
            WHERE s.recorded_at + make_interval(days => r.outcome_days) <= $4
                AND NOT EXISTS (SELECT FROM facesnxt.outcome o WHERE o.search_id = s.search_id AND o.recorded_at <= $4)
                AND NOT EXISTS (SELECT FROM facesnxt.outcome_notice n WHERE n.search_id = s.search_id AND n.recorded_at <= $4)
            UNION ALL
            SELECT 3, 'corroboration', 'corroboration', NULL, 'a person was determined without corroboration that holds'
            WHERE EXISTS (
                SELECT FROM (
                    SELECT i.person_id FROM facesnxt.identification i WHERE i.search_id = s.search_id AND i.recorded_at <= $4
                    UNION ALL
                    SELECT o.person_id FROM facesnxt.outcome o
                    WHERE o.search_id = s.search_id AND o.determination = 'lead confirmed' AND o.recorded_at <= $4) d
                WHERE NOT EXISTS (
                    SELECT FROM facesnxt.corroboration c
                    WHERE c.search_id = s.search_id AND c.person_id = d.person_id AND c.recorded_at <= $4
                        AND NOT EXISTS (SELECT FROM facesnxt.withdrawal t WHERE t.item_id = c.item_id AND t.recorded_at <= $4)))
            UNION ALL
            SELECT 4, 'case', c.rule, NULL, c.detail
            FROM (VALUES
                (s.case_number IS NULL AND p.case_number IS NULL AND NOT k.linked
                    AND (r.case_number = 'required' OR (r.case_number = 'later' AND NOT f.reported)),
                 'case_number', 'no case is named'),
                (s.case_number IS NOT NULL AND s.file->>'status' IS NULL AND p.case_number IS NULL AND NOT k.linked,
                 'case_number', 'the case is not known'),
                (s.file->>'status' = 'closed', 'case_open', 'the case was closed'),
                (s.file->>'status' IS NOT NULL AND s.file->'assigned' IS DISTINCT FROM 'true'
                    AND NOT (r.desk AND coalesce(s.asked_by_assigned = 'true', false)),
                 'case_assigned', 'the case was not assigned to who searched')) AS c (found, rule, detail)
            WHERE c.found
            UNION ALL
            SELECT 5, 'fields', 'purpose_fields', u.clause, format('empty: %s', string_agg(w.field, ', ' ORDER BY w.place))
            FROM facesnxt.policy_purpose u CROSS JOIN unnest(u.fields) WITH ORDINALITY AS w (field, place)
            WHERE u.version_id = s.version_id AND u.code = s.purpose
                AND facesnxt.readable((coalesce(s.fields, '{}') || coalesce(p.fields, '{}'))->>w.field) IS NULL
            GROUP BY u.clause
            UNION ALL
            SELECT 6, 'exigent', 'exigent', NULL, 'the papers are not completed'
            WHERE r.exigent AND s.fields->>'exigent' = 'true' AND p.search_id IS NULL
            UNION ALL
            SELECT 7, 'dispositions', 'dispositions', NULL, format('%s of %s candidates are not disposed of', d.open, s.candidates)
            FROM (SELECT count(*) AS open FROM facesnxt.candidate c
                  WHERE c.search_id = s.search_id AND NOT EXISTS (
                      SELECT FROM facesnxt.comparison d WHERE d.search_id = c.search_id AND d.person_id = c.person_id
                          AND d.review_id IS NULL AND d.recorded_at <= $4)) d
            WHERE d.open > 0
            UNION ALL
            SELECT 8, 'anomaly', a.rule, NULL, a.detail FROM facesnxt.stands_out(s.search_id, $4) a
            UNION ALL
            SELECT 8, 'anomaly', NULL, a->>'clause', a->>'detail' FROM jsonb_array_elements(coalesce($5, '[]')) a
            WHERE a->>'search_id' = s.search_id::text
            UNION ALL
            SELECT 9, 'override', o.key, o.value->>'clause', format('%s set aside: %s', o.key, o.value->>'reason')
            FROM jsonb_each(coalesce(s.set_aside, '{}')) o) w
    WHERE r.counting IS NULL OR r.counting ? w.reason
$$;
COMMENT ON FUNCTION facesnxt.substantiation(uuid, timestamptz, timestamptz, timestamptz, jsonb) IS
'Completed searches of a period that require substantiation as of a time, a row for each reason (NM-VII.B)';
REVOKE ALL ON FUNCTION facesnxt.substantiation(uuid, timestamptz, timestamptz, timestamptz, jsonb) FROM PUBLIC;
