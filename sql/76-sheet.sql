-- Sheets: pictures that people look at. What is on one comes from the record
-- alone, so the same record gives the same bytes again; each that leaves is on
-- record before, with its SHA-256, and so is each that was refused.

CREATE FUNCTION facesnxt.apply_sheet(request jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    who CONSTANT facesnxt.account := facesnxt.account_of((request->'identity'->>'acting_oid')::oid, 'active');
    wanted CONSTANT uuid := (request->>'search_id')::uuid;
    wanted_lineup CONSTANT uuid := (request->>'lineup_id')::uuid;
    sheet CONSTANT bytea := decode(request->>'sha256', 'hex');
    shown int[];
    persons uuid[];
    refused jsonb;
    new_id uuid;
BEGIN
    IF who.account_id IS NULL THEN
        refused := facesnxt.no_account();
    ELSIF request->>'kind' LIKE 'line-up%' AND wanted IS NULL THEN
        -- in no order that says where who stood
        SELECT array_agg(p.person_id ORDER BY p.person_id) INTO persons
        FROM facesnxt.lineup l JOIN facesnxt.lineup_place p USING (lineup_id)
        WHERE l.lineup_id = wanted_lineup AND l.agency_id = who.agency_id;
        IF persons IS NULL OR (sheet IS NULL AND request->>'kind' <> 'line-up key') THEN
            refused := facesnxt.refusal('NX397', 'refused: your agency has no such line-up', 'Line-ups are shown to the agency that composed them (NM-IX.A.3).',
                'SELECT * FROM facesnxt.my_lineups shows them.');
        END IF;
    ELSE
        SELECT coalesce(array_agg(c.rank ORDER BY c.rank), '{}'), coalesce(array_agg(c.person_id ORDER BY c.rank), '{}') INTO shown, persons
        FROM facesnxt.candidate c WHERE c.search_id = wanted AND request->'ranks' @> to_jsonb(c.rank);
        -- another agency's search and one that does not exist look the same
        IF sheet IS NULL OR cardinality(shown) < jsonb_array_length(request->'ranks') OR NOT EXISTS (
            SELECT FROM facesnxt.search s WHERE s.search_id = wanted AND s.agency_id = who.agency_id AND s.status = 'completed') THEN
            refused := facesnxt.refusal('NX397', 'refused: your agency''s searches have no such candidate',
                'Candidates are shown to the agency that searched (NM-IX.A.3).', 'SELECT * FROM facesnxt.my_candidates shows them.');
        END IF;
    END IF;
    INSERT INTO facesnxt.access_log (kind, sqlstate, message, agency_id, account_id, acting_role, session_role, client_address, application,
        search_id, sha256, lineup_id, ranks, persons, fields, clause)
    VALUES (request->>'kind', refused->>'code', refused->>'message', who.agency_id, who.account_id, request->'identity'->>'acting_role',
        request->'identity'->>'session_role', (request->'identity'->>'client_address')::inet, request->'identity'->>'application',
        wanted, CASE WHEN refused IS NULL THEN sheet END, wanted_lineup, CASE WHEN refused IS NULL THEN shown END,
        CASE WHEN refused IS NULL THEN persons END,
        CASE request->>'kind' WHEN 'line-up key' THEN '{}' WHEN 'line-up sheet' THEN '{photo}' ELSE '{photo,probe}' END::text[],
        facesnxt.policy_clause(facesnxt.policy_in_force(who.agency_id, clock_timestamp()), 'pii_views_logged'))
    RETURNING access_id INTO new_id;
    RETURN coalesce(refused, jsonb_build_object('id', new_id));
END
$$;
COMMENT ON FUNCTION facesnxt.apply_sheet(jsonb) IS 'The writer''s part of every sheet, and of the key of a line-up: judges once more, and keeps that it left';
REVOKE ALL ON FUNCTION facesnxt.apply_sheet(jsonb) FROM PUBLIC;

-- A completed search of the acting role's agency, to be drawn; else the
-- refusal, which the writer keeps. What is drawn for nothing would tell by its
-- time that there is something.
CREATE FUNCTION facesnxt.sheet_search(kind text, search_id uuid, rank int DEFAULT NULL) RETURNS facesnxt.search
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.search;
BEGIN
    PERFORM facesnxt.check_snapshot('sheet', search_id);
    PERFORM facesnxt.check_not_blind(search_id);
    SELECT s.* INTO found FROM facesnxt.search s
    WHERE s.search_id = sheet_search.search_id AND s.agency_id = (facesnxt.acting_account('active')).agency_id AND s.status = 'completed'
        AND (rank IS NULL OR EXISTS (SELECT FROM facesnxt.candidate c WHERE c.search_id = s.search_id AND c.rank = sheet_search.rank));
    IF found.search_id IS NULL THEN
        PERFORM facesnxt.record_it('sheet', jsonb_build_object('kind', kind, 'search_id', search_id,
            'ranks', CASE WHEN rank IS NULL THEN '[]' ELSE jsonb_build_array(rank) END));
    END IF;
    RETURN found;
END
$$;
COMMENT ON FUNCTION facesnxt.sheet_search(text, uuid, int) IS 'The search of a sheet, where the acting role may see its result; else a refusal on record (NX302, NX354, NX397)';
REVOKE ALL ON FUNCTION facesnxt.sheet_search(text, uuid, int) FROM PUBLIC;

-- Nothing leaves before this has returned.
CREATE FUNCTION facesnxt.hand_out(kind text, search_id uuid, lineup_id uuid, ranks int[], sheet bytea) RETURNS bytea
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM facesnxt.record_it('sheet', jsonb_build_object('kind', kind, 'search_id', search_id, 'lineup_id', lineup_id,
        'ranks', to_jsonb(ranks), 'sha256', encode(sha256(sheet), 'hex')));
    RETURN sheet;
END
$$;
COMMENT ON FUNCTION facesnxt.hand_out(text, uuid, uuid, int[], bytea) IS 'Has the writer commit that a sheet leaves, and returns it';
REVOKE ALL ON FUNCTION facesnxt.hand_out(text, uuid, uuid, int[], bytea) FROM PUBLIC;

-- ---- what a place shows where there is no photograph

CREATE FUNCTION facesnxt.expunged(scope text, target uuid) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM facesnxt.expungement e JOIN facesnxt.expungement_decision d USING (expungement_id)
                   WHERE e.scope = $1 AND e.target = $2 AND d.approved)
$$;
COMMENT ON FUNCTION facesnxt.expunged(text, uuid) IS 'Whether an expungement of this was decided for';
REVOKE ALL ON FUNCTION facesnxt.expunged(text, uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.reference_note(person_id uuid, reference_id uuid) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN facesnxt.expunged('person', person_id) OR facesnxt.expunged('reference', reference_id) THEN E'EXPUNGED\nby order; nothing is kept'
        WHEN NOT EXISTS (SELECT FROM facesnxt.reference_image i WHERE i.reference_id = reference_note.reference_id)
            THEN E'NO LONGER KEPT\nthe reference was removed'
        WHEN EXISTS (SELECT FROM facesnxt.reference_image i WHERE i.reference_id = reference_note.reference_id AND i.photo IS NULL)
            THEN E'NO PHOTOGRAPH\nonly a template is on record'
        ELSE E'NO PHOTOGRAPH\nthe file does not decode' END;
END
$$;
COMMENT ON FUNCTION facesnxt.reference_note(uuid, uuid) IS 'Why a sheet shows no photograph of a reference, in two lines';
REVOKE ALL ON FUNCTION facesnxt.reference_note(uuid, uuid) FROM PUBLIC;

CREATE FUNCTION facesnxt.probe_note(s facesnxt.search) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN s.facts->'search'->'probe'->>'kind' = 'template' THEN E'NO PHOTOGRAPH\na template was searched'
        WHEN s.probe_sha256 IS NULL THEN E'EXPUNGED\nby order; nothing is kept'
        WHEN NOT EXISTS (SELECT FROM facesnxt.probe p WHERE p.agency_id = s.agency_id AND p.sha256 = s.probe_sha256)
            THEN E'NO LONGER KEPT\nthe probe was removed'
        ELSE E'NO PHOTOGRAPH\nthe file does not decode' END;
END
$$;
COMMENT ON FUNCTION facesnxt.probe_note(facesnxt.search) IS 'Why a sheet shows no photograph of a probe, in two lines';
REVOKE ALL ON FUNCTION facesnxt.probe_note(facesnxt.search) FROM PUBLIC;

-- ---- what stands on a sheet

CREATE FUNCTION facesnxt.sheet_fields(s facesnxt.search) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY['Search', $1.search_id::text,
        'Searched', to_char($1.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC',
        'Agency', coalesce((SELECT a.name FROM facesnxt.agency a WHERE a.agency_id = $1.agency_id), $1.agency),
        'Case', coalesce($1.case_number || coalesce('  (' || $1.incident_type || ')', ''), 'none stated'),
        'Purpose', concat_ws(': ', $1.purpose, $1.reason),
        'Searched by', $1.acting_role::text,
        'Compared', to_char($1.references_compared, 'FM999,999,999,999') || ' references, ' || replace(array_to_string($1.repositories, ', '), '_', ' '),
        'Candidates', $1.candidates || CASE WHEN kept.n < $1.candidates THEN format(', of which %s are no longer kept', $1.candidates - kept.n) ELSE '' END
            || coalesce(', from similarity ' || round($1.threshold::numeric, 3)::text || ' on', ''),
        'Model', $1.model,
        'Exact', CASE WHEN $1.exact THEN 'every reference was compared' ELSE 'no: by an index with lists' END]
    FROM (SELECT count(*) AS n FROM facesnxt.candidate c WHERE c.search_id = $1.search_id) kept
$$;
COMMENT ON FUNCTION facesnxt.sheet_fields(facesnxt.search) IS 'Labels and values of the head of a sheet, from the record of the search; no time but its own';
REVOKE ALL ON FUNCTION facesnxt.sheet_fields(facesnxt.search) FROM PUBLIC;

CREATE FUNCTION facesnxt.sheet_head(title text, page text) RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT ARRAY['INVESTIGATIVE LEAD ONLY',
        'Not an identification, and by itself no probable cause: corroborate independently before any action.', $1, $2,
        'Similarity: cosine of the angle between two templates, from -1 to 1. It ranks; it is no probability, and the first of a list need not be the person.',
        'Drawn from the record. That this sheet was handed out, and to whom, is on record.']
$$;
COMMENT ON FUNCTION facesnxt.sheet_head(text, text) IS 'What stands above and below the pictures of a search: a lead, never an identification (NM-IV.C, SP-III.C)';
REVOKE ALL ON FUNCTION facesnxt.sheet_head(text, text) FROM PUBLIC;

CREATE FUNCTION facesnxt.face_box(extraction jsonb) RETURNS real[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN $1 ?& '{x,y,width,height}' THEN
        ARRAY[($1->>'x')::real, ($1->>'y')::real, ($1->>'width')::real, ($1->>'height')::real] END
$$;
COMMENT ON FUNCTION facesnxt.face_box(jsonb) IS 'Where the face of an extraction is: x, y, width, height in pixels, or NULL';
REVOKE ALL ON FUNCTION facesnxt.face_box(jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.face_landmarks(extraction jsonb) RETURNS real[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT array_agg(v::real ORDER BY place)
    FROM jsonb_array_elements_text(CASE WHEN jsonb_typeof($1->'landmarks') = 'array' THEN $1->'landmarks' END) WITH ORDINALITY AS l (v, place)
$$;
COMMENT ON FUNCTION facesnxt.face_landmarks(jsonb) IS 'The five landmarks of an extraction as x, y pairs, or NULL';
REVOKE ALL ON FUNCTION facesnxt.face_landmarks(jsonb) FROM PUBLIC;

CREATE FUNCTION facesnxt.face_line(extraction jsonb) RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT CASE WHEN $1 ? 'eye_distance' THEN
        format('eyes %s pixels apart, turned by %s degrees', round(($1->>'eye_distance')::numeric), round(($1->>'roll')::numeric)) END
$$;
COMMENT ON FUNCTION facesnxt.face_line(jsonb) IS 'What a sheet says of how a face is pictured, as it was measured for its template';
REVOKE ALL ON FUNCTION facesnxt.face_line(jsonb) FROM PUBLIC;
