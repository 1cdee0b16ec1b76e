-- Rates from the record. A mated search is one whose person is enrolled. The
-- same search without its mate is a non-mated one, so the best other candidate
-- of each list is the score of a false positive. The reason of each search of
-- the evaluation names the person who is on the probe.
CREATE TEMP TABLE result AS
SELECT s.search_id,
    min(c.rank) FILTER (WHERE p.name = s.reason) AS mate_rank,
    max(c.score) FILTER (WHERE p.name = s.reason) AS mate_score,
    max(c.score) FILTER (WHERE p.name <> s.reason) AS other_score
FROM facesnxt.search s
LEFT JOIN facesnxt.candidate c USING (search_id)
LEFT JOIN facesnxt.person p USING (person_id)
WHERE s.case_number = 'DEMO-1'
GROUP BY s.search_id;
WITH threshold AS (
    SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY other_score) AS one_percent,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY other_score) AS ten_percent
    FROM result
)
SELECT count(*) AS searches,
    round(avg((coalesce(mate_rank, 51) = 1)::int), 4) AS "rank-1 rate",
    round(avg((coalesce(mate_rank, 51) <= 20)::int), 4) AS "top-20 rate",
    round(avg((coalesce(mate_score, -1) < one_percent)::int), 4) AS "FNIR at FPIR 1 %",
    round(one_percent::numeric, 3) AS "its threshold",
    round(avg((coalesce(mate_score, -1) < ten_percent)::int), 4) AS "FNIR at FPIR 10 %"
FROM result, threshold
GROUP BY one_percent, ten_percent;
SELECT count(*) AS "photographs without a usable face", string_agg(person, ', ') AS persons FROM demo.failure HAVING count(*) > 0;
