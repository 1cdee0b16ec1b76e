-- Statistics fit for publication: counts by purpose and month, with their
-- totals, of which small ones are suppressed, and as many others as it takes
-- that nobody computes them from the rest.
--
-- The table with its totals is a graph: rows and columns are its nodes, cells
-- its edges. What is suppressed can be computed exactly if and only if it is a
-- bridge among the suppressed edges; and it is known within less than the
-- threshold if the suppressed cells of a line whose total is published sum up
-- to less. Cells are added until neither is so.

CREATE FUNCTION facesnxt.is_bridge(hidden boolean[], wide int, cell int) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- nodes: rows from 0, columns from 1,000,000
    target CONSTANT int := 1000000 + (cell - 1) % wide;
    reached int[] := ARRAY[(cell - 1) / wide];
    before int := 0;
BEGIN
    WHILE cardinality(reached) > before LOOP
        before := cardinality(reached);
        reached := ARRAY(
            SELECT unnest(reached)
            UNION
            SELECT CASE WHEN (e.n - 1) / wide = ANY (reached) THEN 1000000 + (e.n - 1) % wide ELSE (e.n - 1) / wide END
            FROM unnest(hidden) WITH ORDINALITY AS e (gone, n)
            WHERE e.gone AND e.n <> cell AND ((e.n - 1) / wide = ANY (reached) OR 1000000 + (e.n - 1) % wide = ANY (reached)));
        IF target = ANY (reached) THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END
$$;
COMMENT ON FUNCTION facesnxt.is_bridge(boolean[], int, int) IS 'Whether a suppressed cell of a table of so many columns can be computed from those that are published';
REVOKE ALL ON FUNCTION facesnxt.is_bridge(boolean[], int, int) FROM PUBLIC;

-- Cells row by row, the last column and the last row being totals.
CREATE FUNCTION facesnxt.suppress(cells bigint[], wide int, threshold int) RETURNS boolean[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    high CONSTANT int := cardinality(cells) / wide;
    hidden boolean[] := ARRAY(SELECT c.value > 0 AND c.value < threshold FROM unnest(cells) WITH ORDINALITY AS c (value, n) ORDER BY c.n);
    weak int;
    line text;
    added int;
BEGIN
    LOOP
        -- a line that tells too much: its total is published, the rest of it is little
        line := NULL;
        SELECT c.n, c.line INTO weak, line
        FROM (SELECT h.n, l.line, (h.n - 1) / wide AS r, (h.n - 1) % wide AS k
              FROM unnest(hidden) WITH ORDINALITY AS h (gone, n), unnest(ARRAY['row', 'column']) AS l (line) WHERE h.gone) c
        WHERE CASE c.line
            WHEN 'row' THEN c.k < wide - 1 AND NOT hidden[c.r * wide + wide]
                AND (SELECT sum(cells[c.r * wide + j]) FROM generate_series(1, wide - 1) j WHERE hidden[c.r * wide + j]) < threshold
            ELSE c.r < high - 1 AND NOT hidden[(high - 1) * wide + c.k + 1]
                AND (SELECT sum(cells[i * wide + c.k + 1]) FROM generate_series(0, high - 2) i WHERE hidden[i * wide + c.k + 1]) < threshold END
        ORDER BY c.n LIMIT 1;
        IF weak IS NULL THEN
            SELECT min(h.n) INTO weak FROM unnest(hidden) WITH ORDINALITY AS h (gone, n) WHERE h.gone AND facesnxt.is_bridge(hidden, wide, h.n::int);
        END IF;
        EXIT WHEN weak IS NULL;
        -- the least that is not nothing, no total if there is another: of the line, or one that closes a circle
        SELECT v.n INTO added
        FROM unnest(cells) WITH ORDINALITY AS v (value, n)
        WHERE NOT hidden[v.n] AND CASE line
            WHEN 'row' THEN (v.n - 1) / wide = (weak - 1) / wide
            WHEN 'column' THEN (v.n - 1) % wide = (weak - 1) % wide
            ELSE v.value > 0 AND NOT facesnxt.is_bridge(hidden[:v.n::int - 1] || true || hidden[v.n::int + 1:], wide, weak) END
        ORDER BY v.value = 0, v.n % wide = 0 OR v.n > (high - 1) * wide, v.value, v.n LIMIT 1;
        IF added IS NULL THEN
            SELECT v.n INTO added FROM unnest(cells) WITH ORDINALITY AS v (value, n)
            WHERE NOT hidden[v.n] AND ((v.n - 1) / wide = (weak - 1) / wide OR (v.n - 1) % wide = (weak - 1) % wide)
            ORDER BY v.value = 0, v.value, v.n LIMIT 1;
        END IF;
        EXIT WHEN added IS NULL;
        hidden[added] := true;
    END LOOP;
    RETURN hidden;
END
$$;
COMMENT ON FUNCTION facesnxt.suppress(bigint[], int, int) IS
'Which cells of a table with its totals are not published: those from 1 to below the threshold, and those by which they could be computed';
REVOKE ALL ON FUNCTION facesnxt.suppress(bigint[], int, int) FROM PUBLIC;

CREATE FUNCTION facesnxt.statistics_cells(agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz)
RETURNS TABLE (line text, place int, month text, searches bigint, published text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    zone CONSTANT text := facesnxt.report_zone(agency_id, as_of);
    threshold CONSTANT int := facesnxt.report_number(facesnxt.policy_in_force(agency_id, as_of), 'publication_threshold', 10);
    months CONSTANT text[] := ARRAY(SELECT to_char(m, 'YYYY-MM') FROM generate_series(date_trunc('month', since AT TIME ZONE zone),
        (until AT TIME ZONE zone) - interval '1 microsecond', interval '1 month') m ORDER BY m) || 'total'::text;
    lines text[];
    cells bigint[];
    hidden boolean[];
BEGIN
    lines := ARRAY(
        SELECT p.code FROM facesnxt.policy_purpose p WHERE p.version_id = facesnxt.policy_in_force(agency_id, as_of)
        UNION
        SELECT s.purpose FROM facesnxt.search s WHERE s.agency_id = statistics_cells.agency_id AND s.status = 'completed'
            AND s.recorded_at >= since AND s.recorded_at < until AND s.recorded_at <= as_of
        ORDER BY 1) || ARRAY['refused', 'total'];
    cells := ARRAY(
        -- the purpose of what was refused is whatever somebody typed
        WITH counted AS MATERIALIZED (
            SELECT CASE s.status WHEN 'completed' THEN s.purpose ELSE 'refused' END AS line,
                to_char(s.recorded_at AT TIME ZONE zone, 'YYYY-MM') AS month, count(*) AS n
            FROM facesnxt.search s
            WHERE s.agency_id = statistics_cells.agency_id AND s.recorded_at >= since AND s.recorded_at < until AND s.recorded_at <= as_of
            GROUP BY 1, 2)
        SELECT (SELECT coalesce(sum(c.n), 0) FROM counted c
                WHERE (l.line = 'total' AND l.n = cardinality(lines) OR c.line = l.line) AND (m.month = 'total' OR c.month = m.month))
        FROM unnest(lines) WITH ORDINALITY AS l (line, n) CROSS JOIN unnest(months) WITH ORDINALITY AS m (month, n)
        ORDER BY l.n, m.n);
    hidden := facesnxt.suppress(cells, cardinality(months), threshold);
    RETURN QUERY
        SELECT l.line, l.n::int, m.month, cells[(l.n - 1) * cardinality(months) + m.n],
            CASE WHEN hidden[(l.n - 1) * cardinality(months) + m.n] THEN '*'
                 ELSE cells[(l.n - 1) * cardinality(months) + m.n]::text END
        FROM unnest(lines) WITH ORDINALITY AS l (line, n) CROSS JOIN unnest(months) WITH ORDINALITY AS m (month, n)
        ORDER BY l.n, m.n;
END
$$;
COMMENT ON FUNCTION facesnxt.statistics_cells(uuid, timestamptz, timestamptz, timestamptz) IS
'Searches by purpose and month with totals, as they are and as they are published (NP-VI.C.2)';
REVOKE ALL ON FUNCTION facesnxt.statistics_cells(uuid, timestamptz, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.statistics_section(agency_id uuid, since timestamptz, until timestamptz, as_of timestamptz)
RETURNS SETOF facesnxt.report_line
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    WITH cell AS MATERIALIZED (SELECT c.* FROM facesnxt.statistics_cells($1, $2, $3, $4) c)
    SELECT 1, 'Searches by purpose and month',
        format('%s = %s', to_char(min(k.n), 'FM00'), k.month), NULL::text, NULL::text
    FROM (SELECT c.month, row_number() OVER (ORDER BY c.month) AS n FROM cell c WHERE c.place = 1 AND c.month <> 'total') k
    GROUP BY k.month
    UNION ALL
    SELECT 10 + c.place, 'Searches by purpose and month', c.line, max(c.published) FILTER (WHERE c.month = 'total'),
        string_agg(lpad(c.published, 5), ' ' ORDER BY c.month) FILTER (WHERE c.month <> 'total')
    FROM cell c GROUP BY c.place, c.line
    UNION ALL
    SELECT 1000, 'Searches by purpose and month', 'not published (*)', count(*)::text, format('counts below %s, and those by which they could be computed',
        facesnxt.report_number(facesnxt.policy_in_force($1, $4), 'publication_threshold', 10))
    FROM cell c WHERE c.published = '*'
    ORDER BY 1, 3
$$;
COMMENT ON FUNCTION facesnxt.statistics_section(uuid, timestamptz, timestamptz, timestamptz) IS
'Searches by purpose and month, small counts suppressed: what may be published (NP-VI.C.2)';
REVOKE ALL ON FUNCTION facesnxt.statistics_section(uuid, timestamptz, timestamptz, timestamptz) FROM PUBLIC;

CREATE FUNCTION facesnxt.public_statistics(agency text, day date, as_of timestamptz DEFAULT NULL) RETURNS TABLE (line text, month text, published text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.audited_agency(agency);
    at CONSTANT timestamptz := coalesce(as_of, clock_timestamp());
    period record;
BEGIN
    SELECT p.* INTO period FROM facesnxt.report_period(of_agency, day, 12, at) p;
    RETURN QUERY SELECT c.line, c.month, c.published FROM facesnxt.statistics_cells(of_agency, period.since, period.until, at) c;
END
$$;
COMMENT ON FUNCTION facesnxt.public_statistics(text, date, timestamptz) IS
'Searches of the year that a day is in, by purpose and month, as they may be published; * is suppressed (NP-VI.C.2)';
REVOKE ALL ON FUNCTION facesnxt.public_statistics(text, date, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.public_statistics(text, date, timestamptz) TO facesnxt_auditor;
