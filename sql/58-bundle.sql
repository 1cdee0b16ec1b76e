-- The bundle of a case, for its file and for disclosure: every search, what
-- it gave, and all that was done about it, with the record that each line
-- comes from (NP-VI.B.6, NS-32.6.12).

CREATE FUNCTION facesnxt.case_records(agency_id uuid, case_number text, as_of timestamptz)
RETURNS TABLE (search_id uuid, searched_at timestamptz, at timestamptz, relation text, key text, line text, value text, detail text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH named AS MATERIALIZED (
        SELECT s.* FROM facesnxt.search s
        WHERE s.search_id IN (
            SELECT n.search_id FROM facesnxt.search n JOIN facesnxt.case_file c ON c.case_id = n.case_id
            WHERE c.agency_id = $1 AND c.case_number = $2
            UNION
            SELECT l.search_id FROM facesnxt.case_link l JOIN facesnxt.case_file c USING (case_id)
            WHERE c.agency_id = $1 AND c.case_number = $2 AND l.recorded_at <= $3
            UNION
            SELECT p.search_id FROM facesnxt.exigent_papers p WHERE p.case_number = $2 AND p.completed_at <= $3)
            AND s.agency_id = $1 AND s.recorded_at <= $3
    )
    SELECT n.search_id, n.recorded_at, r.at, r.relation, r.key, r.line, r.value, r.detail
    FROM named n CROSS JOIN LATERAL (
        SELECT n.recorded_at, 'search', n.search_id::text, 'search ' || n.status, n.candidates::text,
            concat_ws('; ', 'by ' || n.acting_role, CASE WHEN n.session_role <> n.acting_role THEN 'logged on as ' || n.session_role END,
                n.purpose, n.reason, 'photograph ' || encode(n.probe_sha256, 'hex'), 'model ' || n.model,
                n.references_compared || ' references compared', CASE WHEN n.exact THEN 'exact' WHEN NOT n.exact THEN 'not exact' END,
                n.message, n.clause)
        UNION ALL
        SELECT n.recorded_at, 'candidate', format('%s/%s', c.search_id, c.rank), format('candidate %s: %s', c.rank, c.person_id),
            round(c.score::numeric, 4)::text, concat_ws('; ', c.repository, 'reference ' || c.reference_id, coalesce(
                (SELECT d.conclusion FROM facesnxt.comparison d WHERE d.search_id = c.search_id AND d.person_id = c.person_id
                     AND d.review_id IS NULL AND d.recorded_at <= $3 ORDER BY d.recorded_at DESC LIMIT 1), 'not disposed of'))
        FROM facesnxt.candidate c WHERE c.search_id = n.search_id
        UNION ALL
        SELECT c.recorded_at, 'comparison', c.comparison_id::text,
            CASE WHEN c.review_id IS NULL THEN 'comparison: ' ELSE 'blind review: ' END || c.person_id, NULL,
            concat_ws('; ', c.conclusion, 'by ' || c.acting_role, c.note,
                (SELECT string_agg(f.feature || ' ' || f.finding, ', ' ORDER BY f.feature) FROM facesnxt.comparison_finding f
                 WHERE f.comparison_id = c.comparison_id))
        FROM facesnxt.comparison c WHERE c.search_id = n.search_id AND c.recorded_at <= $3
        UNION ALL
        SELECT r.recorded_at, 'review', r.review_id::text, 'blind review asked for: ' || r.person_id, NULL, 'by ' || r.acting_role
        FROM facesnxt.review r WHERE r.search_id = n.search_id AND r.recorded_at <= $3
        UNION ALL
        SELECT d.recorded_at, 'match_decision', d.decision_id::text, 'evaluated', NULL,
            concat_ws('; ', CASE WHEN d.matched THEN 'possible match with ' || d.person_id ELSE 'no match' END, 'by ' || d.acting_role, d.note)
        FROM facesnxt.match_decision d WHERE d.search_id = n.search_id AND d.recorded_at <= $3
        UNION ALL
        SELECT c.recorded_at, 'corroboration', c.item_id::text, 'corroboration: ' || c.person_id, NULL,
            concat_ws('; ', c.kind, c.source, CASE WHEN c.admissible THEN 'admissible' WHEN NOT c.admissible THEN 'not admissible' END, 'by ' || c.acting_role, c.note)
        FROM facesnxt.corroboration c WHERE c.search_id = n.search_id AND c.recorded_at <= $3
        UNION ALL
        SELECT w.recorded_at, 'withdrawal', w.item_id::text, 'corroboration withdrawn', NULL, concat_ws('; ', w.reason, 'by ' || w.acting_role)
        FROM facesnxt.withdrawal w WHERE w.search_id = n.search_id AND w.recorded_at <= $3
        UNION ALL
        SELECT i.recorded_at, 'identification', i.identification_id::text, 'identified: ' || i.person_id, NULL,
            concat_ws('; ', i.basis, array_to_string(i.capacities, ', '), 'by ' || i.acting_role)
        FROM facesnxt.identification i WHERE i.search_id = n.search_id AND i.recorded_at <= $3
        UNION ALL
        SELECT f.recorded_at, 'confirmation', f.confirmation_id::text, 'confirmed by a supervisor: ' || f.person_id, NULL,
            concat_ws('; ', cardinality(f.items) || ' items', 'by ' || f.acting_role, f.note)
        FROM facesnxt.confirmation f WHERE f.search_id = n.search_id AND f.recorded_at <= $3
        UNION ALL
        SELECT q.recorded_at, 'quality_notice', q.notice_id::text, 'quality of the probe weighed', NULL, concat_ws('; ', q.weighing, 'by ' || q.acting_role)
        FROM facesnxt.quality_notice q WHERE q.search_id = n.search_id AND q.recorded_at <= $3
        UNION ALL
        SELECT a.recorded_at, 'action', a.action_id::text, format('action %s: %s', a.status, a.kind), NULL,
            concat_ws('; ', a.person_id, a.basis, a.message, a.clause, 'by ' || a.acting_role)
        FROM facesnxt.action a WHERE a.search_id = n.search_id AND a.agency_id = n.agency_id AND a.recorded_at <= $3
        UNION ALL
        SELECT r.recorded_at, 'report', r.report_id::text, format('%s %s', r.kind, r.number), NULL,
            concat_ws('; ', CASE WHEN r.positive_match THEN 'positive match' ELSE 'no match' END, 'by ' || r.acting_role)
        FROM facesnxt.report r WHERE r.search_id = n.search_id AND r.recorded_at <= $3
        UNION ALL
        SELECT o.recorded_at, 'outcome', o.outcome_id::text, 'outcome', NULL,
            concat_ws('; ', o.determination, o.person_id, o.corroboration, o.note, 'by ' || o.recorded_by)
        FROM facesnxt.outcome o WHERE o.search_id = n.search_id AND o.recorded_at <= $3
        UNION ALL
        SELECT x.recorded_at, 'outcome_notice', x.notice_id::text, 'notice to the desk', NULL,
            concat_ws('; ', CASE WHEN x.identified THEN 'identified' ELSE 'not identified' END, x.note, 'by ' || x.acting_role)
        FROM facesnxt.outcome_notice x WHERE x.search_id = n.search_id AND x.recorded_at <= $3
        UNION ALL
        SELECT d.recorded_at, 'delivery', d.delivery_id::text, 'results delivered to ' || d.recipient_role, cardinality(d.ranks)::text,
            concat_ws('; ', CASE WHEN d.complete THEN 'all of them' ELSE 'not all of them' END, 'by ' || d.acting_role)
        FROM facesnxt.delivery d WHERE d.search_id = n.search_id AND d.recorded_at <= $3
        UNION ALL
        SELECT l.recorded_at, 'access_log', l.access_id::text, format('%s%s', l.kind, CASE WHEN l.sqlstate IS NOT NULL THEN ' refused' ELSE '' END),
            cardinality(l.ranks)::text, concat_ws('; ', 'ranks ' || array_to_string(l.ranks, ', '), 'fields ' || nullif(array_to_string(l.fields, ', '), ''),
                'to ' || l.recipient, l.ground, l.message, 'by ' || l.acting_role)
        FROM facesnxt.access_log l WHERE l.search_id = n.search_id AND l.recorded_at <= $3
            AND (l.agency_id = n.agency_id OR l.sqlstate IS NULL)
        UNION ALL
        SELECT r.recorded_at, 'refused_step', r.refusal_id::text, 'refused: ' || r.step, NULL, concat_ws('; ', r.message, r.clause, 'by ' || r.acting_role)
        FROM facesnxt.refused_step r WHERE r.search_id = n.search_id AND r.agency_id = n.agency_id AND r.recorded_at <= $3
        UNION ALL
        SELECT p.completed_at, 'exigent_papers', p.search_id::text, 'papers of the exigent search', NULL, 'by ' || p.completed_by
        FROM facesnxt.exigent_papers p WHERE p.search_id = n.search_id AND p.completed_at <= $3) AS r (at, relation, key, line, value, detail)
    UNION ALL
    SELECT NULL, NULL, v.recorded_at, 'verification', v.verification_id::text, '1:1 comparison ' || v.status, round(v.score::numeric, 4)::text,
        concat_ws('; ', v.purpose, v.reason, 'photograph ' || encode(v.probe_sha256, 'hex'), 'with ' || encode(v.photo_sha256, 'hex'),
            'reference ' || v.reference_id, v.message, v.clause, 'by ' || v.acting_role)
    FROM facesnxt.verification v WHERE v.agency_id = $1 AND v.case_number = $2 AND v.recorded_at <= $3
    UNION ALL
    SELECT NULL, NULL, r.recorded_at, 'raw_statement', r.statement_id::text, 'raw statement ' || r.status,
        (SELECT count(*) FROM facesnxt.raw_row w WHERE w.statement_id = r.statement_id)::text,
        concat_ws('; ', 'rows', t.purpose, t.reason, r.message, r.clause, 'by ' || r.acting_role)
    FROM facesnxt.ticket t JOIN facesnxt.raw_statement r USING (ticket_id)
    WHERE t.agency_id = $1 AND t.case_number = $2 AND r.recorded_at <= $3
$$;
COMMENT ON FUNCTION facesnxt.case_records(uuid, text, timestamptz) IS
'Everything on record about the searches of a case as of a time, with table and key of each record';
REVOKE ALL ON FUNCTION facesnxt.case_records(uuid, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.bundle_section(agency_id uuid, case_number text, as_of timestamptz) RETURNS SETOF facesnxt.report_line
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT 10, CASE WHEN r.search_id IS NULL THEN format('Case %s, other comparisons', $2)
            ELSE format('Case %s, search %s of %s', $2, r.search_id, facesnxt.local_time(r.searched_at, z.zone)) END, r.line, r.value,
        concat_ws('; ', to_char(r.at AT TIME ZONE z.zone, 'YYYY-MM-DD HH24:MI:SS'), r.detail, format('record %s %s', r.relation, r.key), 'event ' || e.seq)
    FROM facesnxt.case_records($1, $2, $3) r
        LEFT JOIN LATERAL (SELECT min(e.seq) AS seq FROM facesnxt.event e
                           WHERE e.row_key = r.key AND e.relation = r.relation AND e.operation = 'I') e ON true,
        (SELECT facesnxt.report_zone($1, $3) AS zone) z
    ORDER BY r.searched_at, r.search_id, r.at, r.relation <> 'search', r.relation <> 'candidate', r.relation COLLATE "C",
        length(r.key), r.key COLLATE "C"
$$;
COMMENT ON FUNCTION facesnxt.bundle_section(uuid, text, timestamptz) IS 'The records of a case as lines of a bundle, each with its table, key and place in the chain, for audit_proof()';
REVOKE ALL ON FUNCTION facesnxt.bundle_section(uuid, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.case_bundle(agency text, case_number text) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.audited_agency(agency);
    opened CONSTANT timestamptz := (SELECT c.opened_at FROM facesnxt.case_file c
        WHERE c.agency_id = of_agency AND c.case_number = case_bundle.case_number);
BEGIN
    IF opened IS NULL THEN
        RAISE EXCEPTION 'agency "%" has no case "%"', agency, case_number USING ERRCODE = 'undefined_object',
            HINT = 'facesnxt.case_file shows its cases.';
    END IF;
    RETURN facesnxt.seal_pack('defence', of_agency, opened, clock_timestamp(), jsonb_build_object('case_number', case_number));
END
$$;
CREATE FUNCTION facesnxt.bundle_events(pack_id uuid) RETURNS TABLE (relation text, key text, seq bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pack CONSTANT facesnxt.audit_pack := facesnxt.pack_in_reach(pack_id);
BEGIN
    RETURN QUERY
        SELECT r.relation, r.key, e.seq
        FROM facesnxt.case_records(pack.agency_id, pack.parameters->>'case_number', pack.as_of) r
            JOIN facesnxt.event e ON e.row_key = r.key AND e.relation = r.relation AND e.operation = 'I'
        WHERE pack.kind = 'defence' AND e.seq < pack.tree_size
        ORDER BY e.seq;
END
$$;
COMMENT ON FUNCTION facesnxt.bundle_events(uuid) IS
'The events of the records that a case''s bundle is made of: SELECT facesnxt.audit_proof(VARIADIC array_agg(seq)) FROM this proves them without showing others';
REVOKE ALL ON FUNCTION facesnxt.bundle_events(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.bundle_events(uuid) TO facesnxt_auditor;

COMMENT ON FUNCTION facesnxt.case_bundle(text, text) IS
'Makes and seals the bundle of a case: searches, candidates with dispositions, comparisons, reviews, corroboration, actions, views (NP-VI.B.6, NS-32.6.12)';
REVOKE ALL ON FUNCTION facesnxt.case_bundle(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.case_bundle(text, text) TO facesnxt_auditor;
