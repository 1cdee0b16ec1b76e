-- The tests of the rules on how a search is made: desk, sequence, pace, still.

CREATE FUNCTION facesnxt.test_request_desk(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT f.*
    FROM (SELECT nullif(facts->'search'->'request', 'null') AS asked, facts->'fields'->>'request' AS given) r
        CROSS JOIN LATERAL (VALUES (CASE
            WHEN r.given IS NULL THEN 'search refused: it answers no request'
            WHEN r.asked IS NULL THEN 'search refused: the request is not known'
            WHEN r.asked->>'own' = 'true' THEN 'search refused: who asks does not search'
            WHEN r.asked->>'asked_for' = 'false' THEN 'search refused: the probe is none of the request''s'
            WHEN r.asked->>'case_number' IS DISTINCT FROM (facts->'case'->>'number')
                THEN 'search refused: the request is for another case'
        END, CASE
            WHEN r.given IS NULL THEN 'A search is made on the request of somebody who needs it.'
            WHEN r.asked IS NULL THEN format('Agency %s has no request "%s".', facts->'account'->>'agency', r.given)
            WHEN r.asked->>'own' = 'true' THEN format('The request is one of "%s", who acts or is logged on here.', r.asked->>'requester')
            WHEN r.asked->>'asked_for' = 'false' THEN 'It is neither a photograph of the request nor made from one.'
            ELSE format('Its incident number: %s.', coalesce(r.asked->>'case_number', 'none'))
        END, 'Give "request" in the fields; SELECT * FROM facesnxt.my_requests shows the requests.')) f (message, detail, hint)
    WHERE value = 'true' AND f.message IS NOT NULL
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_subsequent(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT f.*
    FROM (SELECT facts->'search'->'chain' AS chain) c
        CROSS JOIN LATERAL (VALUES (CASE
            WHEN c.chain->>'identified' = 'true' THEN 'search refused: somebody was identified by this probe'
            WHEN c.chain->>'parent' IS NULL AND (c.chain->>'sequence')::int > 1 THEN 'search refused: the probe was searched before'
            WHEN c.chain->>'parent' IS NOT NULL AND c.chain->>'parent_known' = 'false'
                THEN 'search refused: the search that it follows is none of this probe'
        END, CASE
            WHEN c.chain->>'identified' = 'true' THEN 'Further searches of a probe are for those that identified nobody.'
            WHEN c.chain->>'parent' IS NULL THEN format('It would be search %s of this probe; the first is %s.', c.chain->>'sequence', c.chain->>'first')
            ELSE format('Given: %s; searches of this probe: %s.', c.chain->>'parent', (c.chain->>'sequence')::int - 1)
        END, CASE
            WHEN c.chain->>'identified' = 'true' THEN 'See the outcome of the search that it would follow.'
            ELSE format('Give "parent_search" in the fields: %s.', coalesce(c.chain->>'first', 'a search of the same probe'))
        END))
            f (message, detail, hint)
    WHERE value = 'true' AND facts->'search'->>'mode' = 'identification' AND f.message IS NOT NULL
    INTO found;
    RETURN found;
END
$$;

CREATE FUNCTION facesnxt.test_pace(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: too many in too short a time',
        format('%s searches of this account in the last %s minutes, of %s other probes; allowed: %s.', made.searches, value->>'minutes',
               made.probes, concat_ws(', ', (value->>'searches') || ' searches', (value->>'probes') || ' probes')),
        'A search is made for a case, not to watch a crowd: wait, or ask your supervisor.'
    FROM (SELECT
            (SELECT count(*) FROM jsonb_array_elements_text(facts->'search'->'pace'->'ages') AS a (age)
             WHERE a.age::int < 60 * (value->>'minutes')::numeric) AS searches,
            (SELECT count(*) FROM jsonb_array_elements_text(facts->'search'->'pace'->'other_probes') AS a (age)
             WHERE a.age::int < 60 * (value->>'minutes')::numeric) AS probes) made
    WHERE made.searches >= least((value->>'searches')::int, 200) OR made.probes >= least((value->>'probes')::int, 200)
    INTO found;
    RETURN found;
END
$$;

-- What was not handed over yet, as when one asks beforehand, has no kind.
CREATE FUNCTION facesnxt.test_still(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT 'search refused: the probe is no still photograph',
        format('A probe is a still image that is handed over; by its bytes this is: %s.', facts->'search'->'probe'->>'kind'),
        'Hand over one picture as a JPEG file to facesnxt.search().'
    WHERE value = 'true' AND facts->'search'->'probe'->>'kind' IN ('several pictures', 'video', 'template')
    INTO found;
    RETURN found;
END
$$;

-- An exigent search leaves out some papers, never for long.
CREATE FUNCTION facesnxt.test_exigent(version_id uuid, value jsonb, facts jsonb) RETURNS facesnxt.finding
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found facesnxt.finding;
BEGIN
    SELECT f.*
    FROM (VALUES (CASE
            WHEN (facts->'search'->>'exigent_overdue')::int > 0 THEN 'search refused: the papers of an exigent search are overdue'
            WHEN NOT coalesce(value->'purposes' ? (facts->>'purpose'), true) THEN 'search refused: this purpose is not exigent'
            WHEN facesnxt.readable(facts->'fields'->>'threat') IS NULL THEN 'search refused: it is not said what is exigent'
        END, CASE
            WHEN (facts->'search'->>'exigent_overdue')::int > 0
                THEN format('Of %s exigent searches of this account the papers did not follow in time.', facts->'search'->>'exigent_overdue')
            ELSE 'A search goes before its papers where a threat is imminent.'
        END, CASE
            WHEN (facts->'search'->>'exigent_overdue')::int > 0
                THEN 'SELECT * FROM facesnxt.my_exigent shows them; facesnxt.complete_papers() completes them.'
            ELSE 'Give "threat" in the fields, and a purpose for which a search can be exigent; or search with all papers.'
        END)) f (message, detail, hint)
    WHERE facts->'fields'->>'exigent' = 'true' AND f.message IS NOT NULL
    INTO found;
    RETURN found;
END
$$;

-- Which rules an exigent search leaves for later.
CREATE FUNCTION facesnxt.left_for_later(version_id uuid, rule text, facts jsonb) RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT format('exigent: the papers follow within %s hours', facesnxt.policy_value($1, 'exigent')->>'hours')
    WHERE $3->'fields'->>'exigent' = 'true' AND $3->'search'->>'mode' = 'identification'
        AND facesnxt.policy_value($1, 'exigent')->'papers' ? $2
$$;
COMMENT ON FUNCTION facesnxt.left_for_later(uuid, text, jsonb) IS 'Why a rule is not asked yet of an exigent search, or NULL (NP-VI.A.2, NS-32.6.2.3)';
REVOKE ALL ON FUNCTION facesnxt.left_for_later(uuid, text, jsonb) FROM PUBLIC;
