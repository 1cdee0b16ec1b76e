-- The sheets of a search, and portraits of nobody. Pages are drawn in
-- src/draw; here is what goes into them.

CREATE FUNCTION facesnxt.sheet_picture(photo bytea, kind text, face real[]) RETURNS bytea
LANGUAGE c STABLE PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'facesnxt_sheet_picture';
COMMENT ON FUNCTION facesnxt.sheet_picture(bytea, text, real[]) IS
'A photograph as it stands in a place of such a sheet, for draw_sheet() alone; NULL where it does not decode';
REVOKE ALL ON FUNCTION facesnxt.sheet_picture(bytea, text, real[]) FROM PUBLIC;

CREATE FUNCTION facesnxt.draw_sheet(kind text, head text[], fields text[], cells text[], pictures bytea[]) RETURNS bytea
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'facesnxt_draw_sheet';
COMMENT ON FUNCTION facesnxt.draw_sheet(text, text[], text[], text[], bytea[]) IS
'A page as JPEG. head: banner, warning, title, page, two lines at the foot; fields: label and value in turn; cells: title, two lines, note, marked for each picture';
REVOKE ALL ON FUNCTION facesnxt.draw_sheet(text, text[], text[], text[], bytea[]) FROM PUBLIC;

CREATE FUNCTION facesnxt.draw_comparison(head text[], fields text[], cells text[], probe bytea, candidate bytea,
    probe_landmarks real[], candidate_landmarks real[]) RETURNS bytea
LANGUAGE c STABLE PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'facesnxt_draw_comparison';
COMMENT ON FUNCTION facesnxt.draw_comparison(text[], text[], text[], bytea, bytea, real[], real[]) IS
'A page with two photographs, aligned where both have landmarks, and their difference, as JPEG; texts as draw_sheet() takes them';
REVOKE ALL ON FUNCTION facesnxt.draw_comparison(text[], text[], text[], bytea, bytea, real[], real[]) FROM PUBLIC;

CREATE FUNCTION facesnxt.synthetic_portrait(person int, take int, OUT photo bytea, OUT face real[], OUT landmarks real[]) RETURNS record
LANGUAGE c STABLE STRICT PARALLEL SAFE COST 100000
AS 'MODULE_PATHNAME', 'facesnxt_synthetic_portrait';
COMMENT ON FUNCTION facesnxt.synthetic_portrait(int, int) IS
'A schematic head that is nobody''s, labelled SYNTHETIC, as JPEG; takes of one number look alike. Box and landmarks as extract() gives them';
REVOKE ALL ON FUNCTION facesnxt.synthetic_portrait(int, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.synthetic_portrait(int, int) TO facesnxt_admin;

CREATE FUNCTION facesnxt.candidate_sheet(search_id uuid, page int DEFAULT 1) RETURNS bytea
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind CONSTANT text := 'candidate sheet';
    found CONSTANT facesnxt.search := facesnxt.sheet_search(kind, search_id);
    n CONSTANT int := (SELECT count(*) FROM facesnxt.candidate c WHERE c.search_id = found.search_id);
    places CONSTANT int := CASE WHEN n <= 8 THEN 8 ELSE 15 END; -- and one for the probe
    layout CONSTANT text := CASE WHEN n <= 8 THEN 'short ' ELSE '' END || kind;
    pages CONSTANT int := greatest(1, (n + places - 1) / places);
    ranks int[] := ARRAY[]::int[];
    cells text[];
    pictures bytea[];
    shown record;
    picture bytea;
BEGIN
    IF page IS NULL OR page NOT BETWEEN 1 AND pages THEN
        RAISE EXCEPTION 'there is no page %', coalesce(page::text, 'NULL') USING ERRCODE = 'invalid_parameter_value',
            DETAIL = format('The sheet has %s.', CASE pages WHEN 1 THEN 'one page' ELSE pages || ' pages' END), HINT = 'Pages are counted from 1.';
    END IF;
    SELECT p.image, t.extraction INTO shown FROM (VALUES (1)) one (x)
        LEFT JOIN facesnxt.probe p ON p.agency_id = found.agency_id AND p.sha256 = found.probe_sha256
        LEFT JOIN facesnxt.probe_template t ON t.search_id = found.search_id;
    picture := facesnxt.sheet_picture(shown.image, layout, facesnxt.face_box(shown.extraction));
    pictures := ARRAY[picture];
    cells := ARRAY['Probe', coalesce('eyes ' || round((shown.extraction->>'eye_distance')::numeric) || ' pixels apart', 'as handed over'), left(encode(found.probe_sha256, 'hex'), 16) || ' …',
        facesnxt.probe_note(found), 'marked'];
    FOR shown IN
        SELECT c.*, i.photo, i.extraction
        FROM (SELECT * FROM facesnxt.candidate c WHERE c.search_id = found.search_id
              ORDER BY c.rank OFFSET (page - 1) * places LIMIT places) c
            LEFT JOIN facesnxt.reference_image i ON i.reference_id = c.reference_id
        ORDER BY c.rank
    LOOP
        picture := facesnxt.sheet_picture(shown.photo, layout, facesnxt.face_box(shown.extraction));
        pictures := pictures || ARRAY[picture];
        ranks := ranks || shown.rank;
        cells := cells || ARRAY['Rank ' || shown.rank, 'similarity ' || round(shown.score::numeric, 3), replace(shown.repository, '_', ' '),
            facesnxt.reference_note(shown.person_id, shown.reference_id), NULL];
    END LOOP;
    IF cardinality(ranks) = 0 THEN
        cells := cells || ARRAY['No candidates', 'nobody was similar enough', NULL, E'EMPTY LIST', NULL];
        pictures := pictures || ARRAY[NULL::bytea];
    END IF;
    RETURN facesnxt.hand_out(kind, found.search_id, NULL, ranks, facesnxt.draw_sheet(layout,
        facesnxt.sheet_head('Candidate list', format('page %s of %s', page, pages)), facesnxt.sheet_fields(found), cells, pictures));
END
$$;
COMMENT ON FUNCTION facesnxt.candidate_sheet(uuid, int) IS
'A page of the candidate list of a search of one''s own agency as JPEG: the probe, then candidates by rank, 15 a page or 8 in larger places; who had it, and its SHA-256, is committed first (NX302, NX354, NX397)';
REVOKE ALL ON FUNCTION facesnxt.candidate_sheet(uuid, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.candidate_sheet(uuid, int) TO facesnxt_investigator, facesnxt_auditor;

CREATE FUNCTION facesnxt.comparison_sheet(search_id uuid, rank int) RETURNS bytea
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    kind CONSTANT text := 'comparison sheet';
    found CONSTANT facesnxt.search := facesnxt.sheet_search(kind, search_id, coalesce(rank, 0));
    probe record;
    shown record;
BEGIN
    SELECT p.image, t.extraction INTO probe FROM (VALUES (1)) one (x)
        LEFT JOIN facesnxt.probe p ON p.agency_id = found.agency_id AND p.sha256 = found.probe_sha256
        LEFT JOIN facesnxt.probe_template t ON t.search_id = found.search_id;
    SELECT c.*, i.photo, i.extraction INTO shown
    FROM facesnxt.candidate c LEFT JOIN facesnxt.reference_image i ON i.reference_id = c.reference_id
    WHERE c.search_id = found.search_id AND c.rank = comparison_sheet.rank;
    RETURN facesnxt.hand_out(kind, found.search_id, NULL, ARRAY[rank], facesnxt.draw_comparison(
        facesnxt.sheet_head(format('Comparison with the candidate of rank %s', rank), NULL), facesnxt.sheet_fields(found),
        ARRAY['Probe', coalesce(facesnxt.face_line(probe.extraction), 'no face measured'), 'SHA-256 ' || left(encode(found.probe_sha256, 'hex'), 32) || ' …',
                facesnxt.probe_note(found), 'marked',
            format('Rank %s, similarity %s', rank, round(shown.score::numeric, 3)),
            coalesce(facesnxt.face_line(shown.extraction), 'no face measured'), replace(shown.repository, '_', ' ') || ', ' || left(shown.reference_id::text, 18) || ' …',
                facesnxt.reference_note(shown.person_id, shown.reference_id), NULL],
        probe.image, shown.photo, facesnxt.face_landmarks(probe.extraction), facesnxt.face_landmarks(shown.extraction)));
END
$$;
COMMENT ON FUNCTION facesnxt.comparison_sheet(uuid, int) IS
'Probe and a candidate of a search of one''s own agency side by side as JPEG, aligned by their landmarks, with the difference of brightness on a scale; committed first as candidate_sheet() is';
REVOKE ALL ON FUNCTION facesnxt.comparison_sheet(uuid, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.comparison_sheet(uuid, int) TO facesnxt_investigator, facesnxt_auditor;
