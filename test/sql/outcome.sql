-- Outcomes: appended, corroborated, never an identification by the search alone.
\pset tuples_only on
\set SHOW_CONTEXT never
SET ROLE regress_nm;
SELECT search_id AS id FROM facesnxt.my_searches WHERE reason = 'list' \gset
SELECT person_id AS person FROM facesnxt.my_candidates WHERE search_id = :'id' AND rank = 3 \gset
SELECT facesnxt.record_outcome(:'id', 'inconclusive', note => 'blurred') IS NOT NULL;
SELECT facesnxt.record_outcome(:'id', 'identified', :'person', 'the search');
SELECT facesnxt.record_outcome(:'id', 'lead confirmed', :'person');
SELECT facesnxt.record_outcome(:'id', 'lead confirmed', '00000000-0000-0000-0000-000000000000', 'latent print');
SELECT facesnxt.record_outcome(:'id', 'lead confirmed', :'person', 'latent print') IS NOT NULL;
SELECT array_agg(determination ORDER BY recorded_at) = '{inconclusive,"lead confirmed"}' AND bool_and(recorded_by = 'regress_nm')
FROM facesnxt.my_outcomes;
-- a refused search has no outcome, nor has another agency's, nor one that is not there
SELECT facesnxt.record_outcome((SELECT search_id FROM facesnxt.my_searches WHERE status = 'refused' LIMIT 1), 'no match');
SET ROLE regress_sp;
SELECT facesnxt.record_outcome(:'id', 'no match');
SELECT facesnxt.record_outcome('00000000-0000-0000-0000-000000000000', 'no match');
SELECT count(*) = 0 FROM facesnxt.my_outcomes;
SET ROLE facesnxt_investigator;
SELECT facesnxt.record_outcome(:'id', 'no match');
RESET ROLE;
