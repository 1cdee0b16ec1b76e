
-- A search: the list is on record before its first row arrives.
SELECT search_id, rank, person_id, round(score::numeric, 3) AS score, repository, model, exact FROM :search;

-- The reference templates themselves are out of reach.
SELECT template FROM facesnxt.reference LIMIT 1;

-- The list is a lead. What becomes of it is added to the record.
SELECT search_id, person_id FROM facesnxt.my_candidates
    WHERE search_id = (SELECT search_id FROM facesnxt.my_searches WHERE case_number = 'DEMO-2' ORDER BY recorded_at DESC LIMIT 1)
        AND rank = 1 \gset
SELECT facesnxt.record_outcome(:'search_id', 'lead confirmed', :'person_id') AS outcome;
SELECT facesnxt.record_outcome(:'search_id', 'lead confirmed', :'person_id',
    corroboration => 'line-up with a witness') IS NOT NULL AS outcome_recorded;

-- Without a known open case there is no search; the attempt is recorded.
SELECT count(*) FROM facesnxt.search(NULL::bytea, 'NO-SUCH-CASE', 'suspect');

-- A search that is rolled back stays on record.
BEGIN;
SELECT count(*) AS candidates FROM :search;
ROLLBACK;
SELECT recorded_at, case_number, purpose, status, sqlstate, candidates
    FROM facesnxt.my_searches WHERE case_number <> 'DEMO-1' ORDER BY recorded_at;
