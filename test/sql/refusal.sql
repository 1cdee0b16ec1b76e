-- Each refusal: its SQLSTATE, its words, and that it is recorded.
\pset tuples_only on
\set SHOW_CONTEXT never
SET ROLE regress_nm;
SELECT * FROM facesnxt.search_template('[1,0,0]', 'unknown', 'criminal', 'refusal');
SELECT * FROM facesnxt.search_template('[1,0,0]', NULL, 'criminal', 'refusal');
SELECT * FROM facesnxt.search_template('[1,0,0]', 'S-7', 'criminal', 'refusal');
SELECT * FROM facesnxt.search_template('[1,0,0]', '22-9', 'criminal', 'refusal');
SELECT * FROM facesnxt.search_template('[1,0,0]', '22-1', 'curiosity', 'refusal');
SELECT * FROM facesnxt.search_template('[1,0,0]', '22-1', NULL, 'refusal');
SELECT * FROM facesnxt.search_template(NULL, '22-1', 'criminal', 'refusal');
SELECT * FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', 'refusal', candidates => 51);
SELECT * FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', 'refusal', candidates => 1);
SELECT * FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', 'refusal', threshold => 'NaN');
SELECT * FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', 'refusal', repositories => '{}');
SELECT * FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', 'refusal', repositories => '{passport}');
SELECT * FROM facesnxt.search_template(facesnxt.with_model('[1,0,0,0]', '0000000a'), '22-1', 'criminal', 'refusal');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', 'refusal');
ROLLBACK;
RESET ROLE;
SELECT facesnxt.set_account_status('regress_nm', 'suspended', 'test');
SET ROLE regress_nm;
SELECT * FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', 'refusal');
SELECT count(*) = 0 FROM facesnxt.my_searches;
RESET ROLE;
SELECT facesnxt.set_account_status('regress_nm', 'active', NULL);
SET ROLE facesnxt_investigator;
SELECT * FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', 'refusal');
RESET ROLE;
-- each is recorded, with the clause where a policy asks for it
SELECT sqlstate, clause, status, candidates, message FROM facesnxt.search WHERE reason = 'refusal' ORDER BY recorded_at;
SELECT count(*) = 0 FROM facesnxt.candidate c JOIN facesnxt.search s USING (search_id) WHERE s.status = 'refused';
