-- Whether candidates and outcomes differ by sex, race or age: shares with
-- intervals, and false match rates within each group (ISO/IEC 19795-10).

-- Newcombe's hybrid score interval of a difference of shares, and Katz's of
-- their ratio on the logarithm, with a half added to each count where one is 0.
CREATE FUNCTION facesnxt.compare_shares(hits bigint, trials bigint, other_hits bigint, other_trials bigint,
    OUT difference double precision, OUT difference_low double precision, OUT difference_high double precision,
    OUT ratio double precision, OUT ratio_low double precision, OUT ratio_high double precision)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT p - q, p - q - sqrt((p - w.low) ^ 2 + (v.high - q) ^ 2), p - q + sqrt((w.high - p) ^ 2 + (q - v.low) ^ 2),
        a / b, a / b * exp(-1.959964 * e), a / b * exp(1.959964 * e)
    FROM (SELECT $1::double precision / nullif($2, 0) AS p, $3::double precision / nullif($4, 0) AS q,
              CASE WHEN $1 = 0 OR $3 = 0 THEN 0.5 ELSE 0 END::double precision AS h WHERE $2 > 0 AND $4 > 0) s,
        facesnxt.wilson($1, $2) w, facesnxt.wilson($3, $4) v,
        LATERAL (SELECT ($1 + h) / ($2 + h) AS a, ($3 + h) / ($4 + h) AS b,
                     sqrt(greatest(1 / ($1 + h) - 1 / ($2 + h) + 1 / ($3 + h) - 1 / ($4 + h), 0)) AS e) r
$$;
COMMENT ON FUNCTION facesnxt.compare_shares(bigint, bigint, bigint, bigint) IS
'Two shares: their difference with Newcombe''s interval, their ratio with Katz''s, 95 %; NULL where one has no trials';
REVOKE ALL ON FUNCTION facesnxt.compare_shares(bigint, bigint, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.compare_shares(bigint, bigint, bigint, bigint) TO facesnxt_auditor;

-- What is stated of a person; age at a day, in bands. Written so that it
-- becomes part of the query.
CREATE FUNCTION facesnxt.demographic_group(feature text, gender text, race text, born date, day date) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(CASE $1
        WHEN 'sex' THEN nullif(pg_catalog.lower(pg_catalog.btrim($2)), '')
        WHEN 'race' THEN nullif(pg_catalog.lower(pg_catalog.btrim($3)), '')
        WHEN 'age' THEN CASE WHEN $4 > $5 - interval '18 years' THEN 'under 18' WHEN $4 > $5 - interval '30 years' THEN '18 to 29'
            WHEN $4 > $5 - interval '45 years' THEN '30 to 44' WHEN $4 > $5 - interval '60 years' THEN '45 to 59'
            WHEN $4 IS NOT NULL THEN '60 and over' END END, 'not stated')
$$;
COMMENT ON FUNCTION facesnxt.demographic_group(text, text, text, date, date) IS
'Sex or race as a person''s record states it, or the band of the age at a day; "not stated" where the record does not';
REVOKE ALL ON FUNCTION facesnxt.demographic_group(text, text, text, date, date) FROM PUBLIC;

CREATE FUNCTION facesnxt.demographic_differential(
    agency text, since timestamptz, until timestamptz, feature text DEFAULT 'sex', model text DEFAULT NULL, threshold real DEFAULT NULL)
RETURNS TABLE (measure text, grp text, hits bigint, trials bigint, share double precision, low double precision, high double precision,
    difference double precision, difference_low double precision, difference_high double precision,
    ratio double precision, ratio_low double precision, ratio_high double precision, small boolean, note text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET jit = off
AS $$
DECLARE
    of_agency CONSTANT uuid := facesnxt.agency_named(agency);
    wanted CONSTANT text := coalesce(model, (SELECT m.fingerprint FROM facesnxt.model m WHERE m.kind = 'recogniser' AND m.in_use), '00000000');
BEGIN
    IF feature IS NULL OR feature NOT IN ('sex', 'race', 'age') OR since IS NULL OR until IS NULL THEN
        RAISE EXCEPTION 'a differential is by sex, race or age, of a time' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY
    WITH referenced AS MATERIALIZED (
        SELECT r.reference_id, r.person_id, facesnxt.demographic_group(feature, d.gender, d.race, p.date_of_birth, current_date) AS grp
        FROM facesnxt.reference r JOIN facesnxt.person p USING (person_id) LEFT JOIN facesnxt.person_detail d USING (person_id)
        WHERE r.model = wanted
    ), shown AS MATERIALIZED (
        SELECT s.search_id, c.rank, c.person_id, facesnxt.demographic_group(feature, d.gender, d.race, p.date_of_birth, s.recorded_at::date) AS grp
        FROM facesnxt.search s JOIN facesnxt.candidate c USING (search_id)
            LEFT JOIN facesnxt.person p ON p.person_id = c.person_id LEFT JOIN facesnxt.person_detail d ON d.person_id = c.person_id
        WHERE s.agency_id = of_agency AND s.status = 'completed' AND s.model = wanted AND s.recorded_at >= since AND s.recorded_at < until
            AND (demographic_differential.threshold IS NULL OR c.score >= demographic_differential.threshold)
    ), ended AS (
        SELECT h.grp, o.determination = 'lead confirmed' AND o.person_id = h.person_id AS confirmed, o.determination = 'no match' AS nobody
        FROM shown h JOIN LATERAL (SELECT n.* FROM facesnxt.outcome n WHERE n.search_id = h.search_id ORDER BY n.recorded_at DESC LIMIT 1) o ON true
        WHERE h.rank = 1
    ), counted (place, measure, grp, hits, trials, other_hits, other_trials, against) AS (
        -- against the group's share of what could be found
        SELECT 1, 'candidates', g.grp, (SELECT count(*) FROM shown h WHERE h.grp = g.grp), (SELECT count(*) FROM shown),
            (SELECT count(*) FROM referenced r WHERE r.grp = g.grp), (SELECT count(*) FROM referenced),
            'share of the candidates; against the share of the references'
        FROM (SELECT r.grp FROM referenced r UNION SELECT h.grp FROM shown h) g
        UNION ALL
        -- against the other groups
        SELECT m.place, m.measure, e.grp, sum(m.hit), count(*), sum(sum(m.hit)) OVER w - sum(m.hit), sum(count(*)) OVER w - count(*),
            'share of the searches with an outcome whose first candidate is of the group; against the other groups'
        FROM ended e, LATERAL (VALUES (2, 'first candidate confirmed', e.confirmed::int), (3, 'no match', e.nobody::int)) m (place, measure, hit)
        GROUP BY m.place, m.measure, e.grp WINDOW w AS (PARTITION BY m.place)
    ), impostors AS (
        SELECT g.grp, (facesnxt.impostors_among(g.ids, wanted)) AS sample
        FROM (SELECT o.grp, (array_agg(o.reference_id ORDER BY md5(o.person_id::text)))[1:5000] AS ids
              FROM (SELECT DISTINCT ON (r.person_id) r.* FROM referenced r ORDER BY r.person_id, r.reference_id) o GROUP BY o.grp) g
        WHERE demographic_differential.threshold IS NOT NULL
    ), matched AS (
        SELECT i.grp, (i.sample).comparisons, f.*, exp(avg(ln(f.rate)) FILTER (WHERE i.grp <> 'not stated') OVER ()) AS middle
        FROM impostors i LEFT JOIN LATERAL facesnxt.false_match_rate(i.sample, demographic_differential.threshold) f ON (i.sample).comparisons IS NOT NULL
    )
    SELECT v.measure, v.grp, v.hits, v.trials, v.share, v.low, v.high, v.difference, v.difference_low, v.difference_high, v.ratio, v.ratio_low, v.ratio_high,
        v.small, concat_ws('; ', v.note, CASE WHEN v.grp = 'not stated' THEN 'the label is missing' END, CASE WHEN v.small THEN 'too few to say much' END)
    FROM (
        SELECT c.place, c.measure, c.grp, c.hits::bigint, c.trials::bigint, c.hits::double precision / nullif(c.trials, 0) AS share, w.low, w.high, d.*,
            c.trials < 20 OR c.hits < 5 AS small, c.against || '; Wilson, Newcombe, Katz' AS note
        FROM counted c, facesnxt.wilson(c.hits::bigint, c.trials::bigint) w,
            facesnxt.compare_shares(c.hits::bigint, c.trials::bigint, c.other_hits::bigint, c.other_trials::bigint) d
        UNION ALL
        SELECT 4, 'false match rate', m.grp, round(m.rate * m.comparisons)::bigint, coalesce(m.comparisons, 0), m.rate, m.low, m.high, NULL, NULL, NULL,
            m.rate / m.middle, m.low / m.middle, m.high / m.middle, m.comparisons IS NULL OR m.rate * m.comparisons < 5,
            format('comparisons of different persons of the group at %s or more, %s; jackknife over blocks; against the geometric mean of the groups',
                   demographic_differential.threshold, coalesce(m.basis, 'less than 200 persons'))
        FROM matched m) v
    ORDER BY v.place, v.grp = 'not stated', v.grp;
END
$$;
COMMENT ON FUNCTION facesnxt.demographic_differential(text, timestamptz, timestamptz, text, text, real) IS
'Candidates, outcomes and, at a threshold, false match rates by sex, race or age: shares, differences and ratios with 95 % intervals, missing labels as a group of their own, small cells marked (MI-4.4.b)';
REVOKE ALL ON FUNCTION facesnxt.demographic_differential(text, timestamptz, timestamptz, text, text, real) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.demographic_differential(text, timestamptz, timestamptz, text, text, real) TO facesnxt_auditor;
