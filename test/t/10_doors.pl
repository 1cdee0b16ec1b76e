# The gate at every door: an integrator's raw statements on the references, and
# every way around the open search that we know of. Each attack is refused, and
# recorded where it got as far as the gate.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use Facesnxt;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('doors', conf => "max_prepared_transactions = 5\nmax_worker_processes = 16\n");
my $by_workers = by_workers($node);

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE integ LOGIN;
CREATE ROLE integ2 LOGIN;
CREATE ROLE sp_integ LOGIN;
CREATE ROLE bare LOGIN;
CREATE ROLE bypass LOGIN BYPASSRLS;
CREATE ROLE gateway LOGIN;
CREATE ROLE adm2 LOGIN;
GRANT facesnxt_integrator TO integ, integ2, sp_integ, bare, bypass;
GRANT facesnxt_admin TO adm2;
GRANT integ, integ2 TO gateway;
SELECT facesnxt.open_account('NM', r) FROM unnest(ARRAY['integ', 'integ2', 'bypass']::regrole[]) r;
SELECT facesnxt.open_account('SP', 'sp_integ');
SELECT facesnxt.set_account_status(r, 'active', NULL) FROM unnest(ARRAY['integ', 'integ2', 'sp_integ', 'bypass']::regrole[]) r;
SELECT facesnxt.enrol_template(ARRAY[cos(i * 0.1), sin(i * 0.1), 0]::real[]::facesnxt.embedding,
	facesnxt.create_person('Licence ' || i), 'driver_licence', 'licence') FROM generate_series(1, 3) i;
SELECT facesnxt.index_references('0000abcd');
CREATE SCHEMA i;
GRANT ALL ON SCHEMA i TO integ, integ2, nm_inv;
GRANT CREATE, TEMP ON DATABASE postgres TO integ;
CREATE FUNCTION i.invoker(facesnxt.embedding) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'leak %', $1; RETURN $1::text; END $$;
SQL

my $probe = "'[1,0,0]'";
my $order = "ORDER BY template OPERATOR(facesnxt.<=>) $probe";
my $lawful = "SELECT reference_id, template OPERATOR(facesnxt.<=>) $probe AS distance FROM facesnxt.reference $order LIMIT 3";
# an index takes longer templates than those; theirs has a model
my $probe64 = "facesnxt.with_model(array_prepend(1::real, array_fill(0::real, ARRAY[63]))::facesnxt.embedding, '0000abcd')";
my $order64 = "ORDER BY template OPERATOR(facesnxt.<=>) $probe64";
my $open = "SELECT FROM facesnxt.open_search('22-1', 'criminal', 'test');\n";

sub refusals
{
	return $node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.raw_statement WHERE status = 'refused'");
}

# The attack is refused with one of these codes, nothing leaves, and if it
# came to the gate (NX37.) there is a record of it.
sub refused
{
	my ($role, $name, $sql, $codes) = @_;
	$codes //= 'NX370';
	my $before = refusals();
	my ($status, $out, $err) = as_role($node, $role, $sql);
	like($err, qr/(ERROR|FATAL):  ($codes)/, "$name: refused");
	my $code = $err =~ /(?:ERROR|FATAL):  (\w{5})/ ? $1 : '';
	unlike("$out$err", qr/leak|[0-9a-f]{8}-[0-9a-f]{4}-|\[0\.9|\{0\.9|^[0-9.]+$/m, "$name: nothing leaves");
	cmp_ok(refusals(), '>', $before, "$name: recorded") if $code =~ /^NX37[012]/;
	return;
}

subtest 'the lawful way' => sub {
	my ($status, $out, $err) = as_role($node, 'integ', "$open$lawful");
	is(scalar(() = $out =~ /^[0-9a-f-]{36}\|/mg), 3, 'NM-V.E.4: a raw statement inside an open search');
	is($node->safe_psql('postgres', <<'SQL'), 'admitted|integ|22-1|criminal|3|3|3', 'NM-IV.F: who, for what, which rows');
SELECT s.status, s.acting_role, t.case_number, t.purpose, count(*), count(r.person_id), count(r.distance)
FROM facesnxt.raw_statement s JOIN facesnxt.ticket t USING (ticket_id) JOIN facesnxt.raw_row r USING (statement_id)
GROUP BY 1, 2, 3, 4
SQL
	as_role($node, 'integ', "${open}BEGIN; $lawful; ROLLBACK");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM facesnxt.raw_row'), '6', 'MI-4.5.3.3: a rollback leaves the record');
	as_role($node, 'integ', "${open}BEGIN; DECLARE c CURSOR FOR $lawful; FETCH 1 FROM c; COMMIT");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM facesnxt.raw_row'), '7', 'a cursor leaves what was fetched');
	as_role($node, 'integ', "${open}BEGIN; $lawful; PREPARE TRANSACTION 'p'");
	$node->safe_psql('postgres', "ROLLBACK PREPARED 'p'");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM facesnxt.raw_row'), '10', 'so does PREPARE TRANSACTION');
	like((as_role($node, 'integ', "${open}COPY ($lawful) TO STDOUT"))[1], qr/^[0-9a-f-]{36}\t/m, 'COPY of a lawful statement');
	is($node->safe_psql('postgres', 'SELECT count(*) FROM facesnxt.raw_row'), '13', 'is recorded too');
	is((as_role($node, 'integ', "SELECT FROM facesnxt.open_search('22-1', 'criminal', repositories => '{driver_licence}');\n"
		. "SELECT repository FROM facesnxt.reference $order LIMIT 9"))[1] =~ s/^\s+//r,
		"driver_licence\ndriver_licence\ndriver_licence", 'SP-II.A: other repositories than those opened are not seen');
	is($node->safe_psql('postgres', 'SELECT bool_and(probe IS NOT NULL) FROM facesnxt.raw_statement WHERE status = $$admitted$$'),
		't', 'the probe is kept');
	unlike((as_role($node, 'aud', 'SELECT probe FROM facesnxt.raw_statement'))[2], qr/^$/, 'and auditors do not see it');
};

# ---- without an open search; each in a session that has not loaded the library
my @outside = (
	[ 'sequential scan', "SET enable_indexscan = off; $lawful" ],
	[ 'index scan', "SET enable_seqscan = off; SELECT reference_id FROM facesnxt.reference WHERE model = '0000abcd' $order64 LIMIT 3" ],
	[ 'distance function in place of the operator', "SELECT facesnxt.cosine_distance(template, $probe) FROM facesnxt.reference" ],
	[ 'plain read of templates (NM-IV.B)', 'SELECT template FROM facesnxt.reference' ],
	[ 'read of ids without a comparison', 'SELECT reference_id FROM facesnxt.reference LIMIT 1' ],
	[ 'cast to real[]', 'SELECT template::real[] FROM facesnxt.reference' ],
	[ 'cast to text', 'SELECT template::text FROM facesnxt.reference' ],
	[ 'cast to bytea', 'SELECT template::bytea FROM facesnxt.reference' ],
	[ 'type output function', 'SELECT facesnxt.embedding_out(template) FROM facesnxt.reference' ],
	[ 'type send function', 'SELECT facesnxt.embedding_send(template) FROM facesnxt.reference' ],
	[ 'whole row', 'SELECT r FROM facesnxt.reference r' ],
	[ 'row to json', 'SELECT to_jsonb(r) FROM facesnxt.reference r' ],
	[ 'count', 'SELECT count(*) FROM facesnxt.reference' ],
	[ 'average of templates', 'SELECT facesnxt.avg(template) FROM facesnxt.reference' ],
	[ 'EXPLAIN', "EXPLAIN $lawful" ],
	[ 'EXPLAIN (ANALYZE), row counts as a side channel', "EXPLAIN (ANALYZE) $lawful" ],
	[ 'COPY of a query', "COPY ($lawful) TO STDOUT" ],
	[ 'COPY of the table', 'COPY facesnxt.reference TO STDOUT' ],
	[ 'binary COPY', 'COPY facesnxt.reference (template) TO STDOUT (FORMAT binary)' ],
	[ 'cursor', "BEGIN; DECLARE c CURSOR FOR $lawful; FETCH c" ],
	[ 'binary cursor', 'BEGIN; DECLARE c BINARY CURSOR FOR SELECT template FROM facesnxt.reference; FETCH c' ],
	[ 'cursor WITH HOLD', "BEGIN; DECLARE c CURSOR WITH HOLD FOR $lawful; COMMIT; FETCH c" ],
	[ 'prepared statement', "PREPARE p AS $lawful; EXECUTE p" ],
	[ 'generic plan', "SET plan_cache_mode = force_generic_plan; PREPARE p(facesnxt.embedding) AS SELECT reference_id "
		. "FROM facesnxt.reference ORDER BY template OPERATOR(facesnxt.<=>) \$1 LIMIT 1; EXECUTE p($probe)" ],
	[ 'DO block', "DO \$\$ BEGIN PERFORM reference_id FROM facesnxt.reference; END \$\$" ],
	[ 'DO block that swallows the error', "DO \$\$ BEGIN BEGIN PERFORM reference_id FROM facesnxt.reference; EXCEPTION WHEN division_by_zero "
		. "THEN NULL; END; END \$\$" ],
	[ 'dynamic SQL in a loop', "DO \$\$ DECLARE r record; BEGIN FOR r IN EXECUTE 'SELECT * FROM facesnxt.reference' LOOP RAISE NOTICE 'leak %', r; "
		. "END LOOP; END \$\$" ],
	[ 'SQL function', "CREATE FUNCTION i.f1() RETURNS SETOF uuid LANGUAGE sql AS 'SELECT reference_id FROM facesnxt.reference'; SELECT i.f1()" ],
	[ 'function with a planted default', "CREATE FUNCTION i.f2(n bigint DEFAULT i.counted()) RETURNS bigint LANGUAGE sql AS 'SELECT n'; SELECT 1",
		'42883' ],
	[ 'view', 'CREATE VIEW i.v1 AS SELECT * FROM facesnxt.reference; SELECT reference_id FROM i.v1' ],
	[ 'view with a leaky function', "CREATE VIEW i.v2 AS SELECT i.invoker(template) FROM facesnxt.reference; TABLE i.v2" ],
	[ 'SECURITY INVOKER function planted in front', 'SELECT i.invoker(template) FROM facesnxt.reference' ],
	[ 'CREATE TABLE AS', 'CREATE TABLE i.t1 AS SELECT * FROM facesnxt.reference' ],
	[ 'temporary table', 'CREATE TEMP TABLE t AS SELECT template FROM facesnxt.reference' ],
	[ 'SELECT INTO', 'SELECT * INTO i.t2 FROM facesnxt.reference' ],
	[ 'INSERT ... SELECT', 'CREATE TABLE i.t3 (x text); INSERT INTO i.t3 SELECT template::text FROM facesnxt.reference' ],
	[ 'materialized view', 'CREATE MATERIALIZED VIEW i.m1 AS SELECT * FROM facesnxt.reference' ],
	[ 'materialized view filled later', 'CREATE MATERIALIZED VIEW i.m2 AS SELECT * FROM facesnxt.reference WITH NO DATA; REFRESH MATERIALIZED VIEW i.m2' ],
	[ 'common table expression', "WITH x AS MATERIALIZED (SELECT * FROM facesnxt.reference) SELECT reference_id FROM x" ],
	[ 'EXISTS as an oracle', "SELECT EXISTS (SELECT FROM facesnxt.reference WHERE template OPERATOR(facesnxt.<=>) $probe < 0.1)" ],
	[ 'scalar subquery', "SELECT (SELECT min(template OPERATOR(facesnxt.<=>) $probe) FROM facesnxt.reference)" ],
	[ 'LATERAL', "SELECT * FROM generate_series(1, 2) g, LATERAL (SELECT reference_id FROM facesnxt.reference $order LIMIT 1) x" ],
	[ 'self join', 'SELECT a.template OPERATOR(facesnxt.<=>) b.template FROM facesnxt.reference a, facesnxt.reference b' ],
	[ 'UNION', 'SELECT NULL::facesnxt.embedding UNION ALL SELECT template FROM facesnxt.reference' ],
	[ 'TABLESAMPLE', 'SELECT reference_id FROM facesnxt.reference TABLESAMPLE SYSTEM (100)' ],
	[ 'parallel workers', "SET $by_workers = on; SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0; $lawful" ],
	[ 'PREPARE TRANSACTION', "BEGIN; $lawful; PREPARE TRANSACTION 'x'" ],
	[ 'savepoints', "BEGIN; SAVEPOINT s; $lawful; ROLLBACK TO s; $lawful" ],
	[ 'read-only transaction', "BEGIN READ ONLY; $lawful" ],
	[ 'old snapshot', "BEGIN ISOLATION LEVEL REPEATABLE READ; $lawful", 'NX370' ],
	[ 'large object', 'SELECT lo_from_bytea(0, facesnxt.embedding_send(template)) FROM facesnxt.reference' ],
	[ 'NOTIFY with a template', "SELECT pg_notify('c', template::text) FROM facesnxt.reference" ],
	[ 'advisory locks as a channel', 'SELECT pg_advisory_lock(hashtext(person_id::text)) FROM facesnxt.reference' ],
	[ 'error message as a channel', 'SELECT (template::text)::int FROM facesnxt.reference' ],
	[ 'table_to_xml', "SELECT table_to_xml('facesnxt.reference', true, true, '')" ],
	[ 'query_to_xml', "SELECT query_to_xml('SELECT template FROM facesnxt.reference', true, true, '')" ],
	[ 'cursor_to_xml', "BEGIN; DECLARE c CURSOR FOR SELECT template FROM facesnxt.reference; SELECT cursor_to_xml('c', 1, true, true, '')" ],
	[ 'pseudo-random order to dump by pieces', 'SELECT reference_id FROM facesnxt.reference ORDER BY random() LIMIT 1' ],
	[ 'own operator', "CREATE FUNCTION i.near(facesnxt.embedding, facesnxt.embedding) RETURNS text LANGUAGE sql AS 'SELECT \$1::text'; "
		. "CREATE OPERATOR i.<=> (LEFTARG = facesnxt.embedding, RIGHTARG = facesnxt.embedding, FUNCTION = i.near); "
		. "SELECT template OPERATOR(i.<=>) $probe FROM facesnxt.reference" ],
	[ 'search_path games', "CREATE FUNCTION i.raw_door(facesnxt.repository) RETURNS boolean LANGUAGE sql AS 'SELECT true'; "
		. "SET search_path = i, facesnxt, pg_catalog; SELECT reference_id FROM reference" ],
	[ 'RESET ROLE inside a function', "CREATE FUNCTION i.reset() RETURNS SETOF uuid LANGUAGE plpgsql AS "
		. "\$\$ BEGIN RESET ROLE; RETURN QUERY SELECT reference_id FROM facesnxt.reference; END \$\$; SELECT i.reset()" ],
	[ 'calling the door itself', "SELECT facesnxt.raw_door('booking')" ],
	[ 'NaN probe', "SELECT reference_id FROM facesnxt.reference ORDER BY template OPERATOR(facesnxt.<=>) '[NaN,0,0]' LIMIT 3", '22P02|22003|NX370' ],
	[ 'NULL probe', "SELECT reference_id FROM facesnxt.reference ORDER BY template OPERATOR(facesnxt.<=>) NULL LIMIT 3" ],

	# refused by the server's privileges, before the gate
	[ 'row_security = off', 'SET row_security = off; SELECT * FROM facesnxt.reference', '42501' ],
	[ 'UPDATE ... RETURNING', 'UPDATE facesnxt.reference SET quality = 0 RETURNING template', '42501|NX370' ],
	[ 'DELETE ... RETURNING', 'DELETE FROM facesnxt.reference RETURNING template', '42501|NX370' ],
	[ 'MERGE', 'MERGE INTO facesnxt.reference r USING (VALUES (1)) v ON true WHEN MATCHED THEN DELETE', '42501|NX370' ],
	[ 'row locks (FOR UPDATE)', 'SELECT reference_id FROM facesnxt.reference FOR UPDATE', '42501|NX370' ],
	[ 'LOCK TABLE', 'BEGIN; LOCK TABLE facesnxt.reference IN ACCESS EXCLUSIVE MODE', '42501' ],
	[ 'inheritance', 'CREATE TABLE i.child () INHERITS (facesnxt.reference)', '42501' ],
	[ 'foreign key', 'CREATE TABLE i.key (id uuid REFERENCES facesnxt.reference)', '42501' ],
	[ 'rule', 'CREATE RULE r AS ON UPDATE TO facesnxt.reference DO INSTEAD NOTHING', '42501' ],
	[ 'trigger', 'CREATE TRIGGER t AFTER INSERT ON facesnxt.reference EXECUTE FUNCTION suppress_redundant_updates_trigger()', '42501' ],
	[ 'event trigger', 'CREATE FUNCTION i.et() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$; '
		. 'CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION i.et()', '42501' ],
	[ 'index on an expression', 'CREATE INDEX ON facesnxt.reference (i.invoker(template))', '42501' ],
	[ 'statistics object', 'CREATE STATISTICS i.s ON model, quality FROM facesnxt.reference', '42501' ],
	[ 'generated column over the table', 'ALTER TABLE facesnxt.reference ADD COLUMN x text GENERATED ALWAYS AS (template::text) STORED', '42501' ],
	[ 'own policy', 'CREATE POLICY p ON facesnxt.reference USING (true)', '42501' ],
	[ 'row-level security switched off', 'ALTER TABLE facesnxt.reference DISABLE ROW LEVEL SECURITY', '42501' ],
	[ 'policy dropped', 'DROP POLICY reference_raw ON facesnxt.reference', '42501' ],
	[ 'door replaced', "CREATE OR REPLACE FUNCTION facesnxt.raw_door(repository facesnxt.repository) RETURNS boolean LANGUAGE sql AS 'SELECT true'", '42501' ],
	[ 'own cast of the type', 'CREATE FUNCTION i.c(facesnxt.embedding) RETURNS int LANGUAGE sql AS $$ SELECT 1 $$; '
		. 'CREATE CAST (facesnxt.embedding AS int) WITH FUNCTION i.c(facesnxt.embedding)', '42501' ],
	[ 'own operator class', 'CREATE OPERATOR CLASS i.oc FOR TYPE facesnxt.embedding USING btree AS STORAGE facesnxt.embedding', '42501' ],
	[ 'privilege handed on', 'GRANT SELECT ON facesnxt.reference TO PUBLIC; SELECT 1/0', '42501|22012' ],
	[ 'pg_statistic', 'SELECT * FROM pg_statistic', '42501' ],
	[ 'last_scan()', 'SELECT * FROM facesnxt.last_scan()', '42501' ],
	[ 'index_info()', "SELECT * FROM facesnxt.index_info('facesnxt.reference_template_0000abcd')", '42501' ],
	[ 'index_check()', "SELECT * FROM facesnxt.index_check('facesnxt.reference_template_0000abcd')", '42501' ],
	[ 'search_many()', "SELECT * FROM facesnxt.search_many('facesnxt.reference_template_0000abcd', ARRAY[$probe]::facesnxt.embedding[], 3)", '42501' ],
	[ 'index_recall()', "SELECT * FROM facesnxt.index_recall('facesnxt.reference_template_0000abcd')", '42501' ],
	[ 'the index read as a table', 'SELECT * FROM facesnxt.reference_template_0000abcd', '42809' ],
	[ 'nearest() past the gate', "SELECT * FROM facesnxt.nearest($probe, '{booking}', 5)", '42501' ],
	[ 'photographs', 'SELECT photo FROM facesnxt.reference_image', '42501' ],
	[ 'names of persons', 'SELECT name FROM facesnxt.person', '42501' ],
	[ 'logical decoding slot', "SELECT pg_create_logical_replication_slot('s', 'test_decoding')", '42501|55000' ],
	[ 'publication', 'CREATE PUBLICATION p FOR TABLE facesnxt.reference', '42501' ],
	[ 'files of the server', "SELECT pg_read_binary_file(pg_relation_filepath('facesnxt.reference'))", '42501' ],
	[ 'SET ROLE', 'SET ROLE facesnxt_admin', '42501' ],
	[ 'SET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION postgres', '42501' ],
	[ 'session_replication_role', 'SET session_replication_role = replica', '42501' ],
	[ 'setting of a forged ticket', "SELECT $probe\::facesnxt.embedding IS NULL; SET facesnxt.ticket = 'x'", '42602|42704' ],
	[ 'ticket put into the session', "SELECT facesnxt.hold_ticket(gen_random_uuid(), 'infinity', 1000, '{booking}')", '42501' ],
	[ 'ticket put into the table', 'INSERT INTO facesnxt.ticket SELECT', '42501|42601' ],
	[ 'ticket by the writer', "SELECT facesnxt.apply_ticket('open_search', '{}')", '42501' ],
	[ 'record made up', "SELECT facesnxt.raw_rows(gen_random_uuid(), gen_random_uuid(), '[]')", '42501' ],
	[ 'record removed', 'DELETE FROM facesnxt.raw_row', '42501' ],
	[ 'forged ticket id', 'SELECT facesnxt.close_search(gen_random_uuid())', 'NX370' ],
	[ 'library unloaded by another', "LOAD '/tmp/x.so'", '42501|58P01' ]);

subtest 'without an open search' => sub {
	foreach my $attack (@outside)
	{
		my ($name, $sql, $codes) = @$attack;
		if ($name =~ /^forged ticket id|^calling the door/)
		{
			like((as_role($node, 'integ', $sql))[2], qr/ERROR:  NX370/, "$name: refused");
			next;
		}
		refused('integ', $name, $sql, $codes);
	}
	cmp_ok(scalar(@outside), '>=', 60, 'sixty attacks or more');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relnamespace = 'i'::regnamespace AND relkind = 'r' AND reltuples > 0"),
		'0', 'no table has anything');
	$node->safe_psql('postgres', 'ANALYZE facesnxt.reference');
	is((as_role($node, 'integ', "SELECT count(*) FROM pg_stats WHERE tablename = 'reference' AND schemaname = 'facesnxt'"))[1], '0',
		'pg_stats shows nothing of a table with row-level security');
};

# ---- inside an open search
my @inside = (
	[ 'template returned', "SELECT template FROM facesnxt.reference $order LIMIT 1" ],
	[ 'template returned as text', "SELECT template::text FROM facesnxt.reference $order LIMIT 1" ],
	[ 'template returned as an array', "SELECT template::real[] FROM facesnxt.reference $order LIMIT 1" ],
	[ 'template sent', "SELECT facesnxt.embedding_send(template) FROM facesnxt.reference $order LIMIT 1" ],
	[ 'norm of a template', "SELECT facesnxt.norm(template) FROM facesnxt.reference $order LIMIT 1" ],
	[ 'hash of a template', "SELECT facesnxt.embedding_hash(template) FROM facesnxt.reference $order LIMIT 1" ],
	[ 'average of templates', "SELECT facesnxt.avg(template) FROM facesnxt.reference LIMIT 1" ],
	[ 'templates compared with each other', "SELECT a.template OPERATOR(facesnxt.<=>) b.template FROM facesnxt.reference a, facesnxt.reference b LIMIT 1" ],
	[ 'order by the template itself', "SELECT reference_id, template OPERATOR(facesnxt.<=>) $probe FROM facesnxt.reference ORDER BY template LIMIT 1" ],
	[ 'template equal to a guess', "SELECT reference_id, template OPERATOR(facesnxt.<=>) $probe FROM facesnxt.reference "
		. "WHERE template OPERATOR(facesnxt.=) $probe $order LIMIT 1" ],
	[ 'several probes, to work out a template', "SELECT template OPERATOR(facesnxt.<=>) '[1,0,0]', template OPERATOR(facesnxt.<=>) '[0,1,0]' "
		. "FROM facesnxt.reference $order LIMIT 1" ],
	[ 'whole row', "SELECT r FROM facesnxt.reference r $order LIMIT 1" ],
	[ 'row as json', "SELECT to_jsonb(r) FROM facesnxt.reference r $order LIMIT 1" ],
	[ 'no limit', "SELECT reference_id FROM facesnxt.reference $order" ],
	[ 'no comparison', 'SELECT reference_id FROM facesnxt.reference LIMIT 1' ],
	[ 'paging through the references', "SELECT reference_id FROM facesnxt.reference $order LIMIT 1 OFFSET 5" ],
	[ 'count', 'SELECT count(*) FROM facesnxt.reference LIMIT 1' ],
	[ 'aggregate of ids', "SELECT string_agg(reference_id::text, ',' $order) FROM facesnxt.reference LIMIT 1" ],
	[ 'window', "SELECT lead(reference_id) OVER ($order) FROM facesnxt.reference $order LIMIT 1" ],
	[ 'join with an own table', "CREATE TEMP TABLE mine (id int); SELECT reference_id FROM facesnxt.reference, mine $order LIMIT 1" ],
	[ 'CREATE TABLE AS', "CREATE TABLE i.t9 AS $lawful" ],
	[ 'materialized view', "CREATE MATERIALIZED VIEW i.m9 AS $lawful" ],
	[ 'INSERT ... SELECT', "CREATE TEMP TABLE t (id uuid, d float8); INSERT INTO t $lawful" ],
	[ 'data-modifying CTE', "CREATE TEMP TABLE t (id uuid); WITH x AS (INSERT INTO t SELECT reference_id FROM facesnxt.reference RETURNING id) TABLE x" ],
	[ 'EXPLAIN ANALYZE', "EXPLAIN (ANALYZE) $lawful" ],
	[ 'cursor WITH HOLD', "DECLARE c CURSOR WITH HOLD FOR $lawful" ],
	[ 'loop that holds its cursor over a commit',
		"DO \$\$ DECLARE r record; BEGIN FOR r IN $lawful LOOP COMMIT; END LOOP; END \$\$" ],
	[ 'own function over the rows', "CREATE FUNCTION pg_temp.leak(uuid) RETURNS boolean LANGUAGE plpgsql AS "
		. "\$\$ BEGIN RAISE NOTICE 'leak %', \$1; RETURN true; END \$\$; "
		. "SELECT reference_id FROM facesnxt.reference WHERE pg_temp.leak(reference_id) $order LIMIT 1" ],
	[ 'own function over templates', "SELECT i.invoker(template) FROM facesnxt.reference $order LIMIT 1" ],
	[ 'notice by a volatile function', "SELECT reference_id, pg_notify('c', reference_id::text) FROM facesnxt.reference $order LIMIT 1" ],
	[ 'large object', "SELECT lo_from_bytea(0, reference_id::text::bytea), reference_id FROM facesnxt.reference $order LIMIT 1" ],
	[ 'advisory lock', "SELECT reference_id FROM facesnxt.reference WHERE pg_try_advisory_lock(1) $order LIMIT 1" ],
	[ 'setting as a channel', "SELECT set_config('a.b', reference_id::text, false) FROM facesnxt.reference $order LIMIT 1" ],
	[ 'domain with a check', "CREATE DOMAIN i.d AS text CHECK (i.seen(VALUE)); SELECT reference_id::text::i.d FROM facesnxt.reference $order LIMIT 1" ],
	[ 'domain by a function that reads text', "CREATE DOMAIN i.d1 AS text CHECK (i.seen(VALUE)); SELECT reference_id FROM facesnxt.reference "
		. "WHERE domain_in(textout(reference_id::text), 'i.d1'::regtype, -1) IS NOT NULL $order LIMIT 1" ],
	[ 'domain in a record of json', "CREATE DOMAIN i.d2 AS text CHECK (i.seen(VALUE)); CREATE TYPE i.c2 AS (x i.d2); "
		. "SELECT reference_id FROM facesnxt.reference "
		. "WHERE json_populate_record(NULL::i.c2, json_build_object('x', reference_id)) IS NOT NULL $order LIMIT 1" ],
	[ 'domain in a record of text', "CREATE DOMAIN i.d3 AS text CHECK (i.seen(VALUE)); CREATE TYPE i.c3 AS (x i.d3); "
		. "SELECT reference_id FROM facesnxt.reference WHERE ('(' || reference_id || ')')::i.c3 IS NOT NULL $order LIMIT 1" ],
	[ 'own cast of an own type to json', "CREATE TYPE i.e4 AS ENUM ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'); "
		. "CREATE FUNCTION i.j4(i.e4) RETURNS json LANGUAGE plpgsql AS \$\$ BEGIN RAISE NOTICE 'leak %', \$1; RETURN '1'; END \$\$; "
		. "CREATE CAST (i.e4 AS json) WITH FUNCTION i.j4(i.e4); SELECT reference_id FROM facesnxt.reference "
		. "WHERE to_json(left(reference_id::text, 1)::i.e4) IS NOT NULL $order LIMIT 1" ],
	[ 'own view as XML', "CREATE VIEW i.v5 AS SELECT i.seen('a view'); SELECT reference_id FROM facesnxt.reference "
		. "WHERE table_to_xml(CASE WHEN reference_id::text > '8' THEN 'i.v5' ELSE 'pg_class' END::regclass, true, true, '') IS NOT NULL $order LIMIT 1" ],
	[ 'subquery', "SELECT (SELECT max(g) FROM generate_series(1, 2) g), reference_id FROM facesnxt.reference $order LIMIT 1" ],
	[ 'limit by a subquery', "SELECT reference_id FROM facesnxt.reference $order LIMIT (SELECT 1)" ],
	[ 'TABLESAMPLE', "SELECT reference_id FROM facesnxt.reference TABLESAMPLE BERNOULLI (100) $order LIMIT 1" ],
	[ 'NULL probe', "SELECT reference_id FROM facesnxt.reference ORDER BY template OPERATOR(facesnxt.<=>) NULL LIMIT 3" ],
	[ 'table_to_xml', "SELECT table_to_xml('facesnxt.reference', true, true, '')" ],
	[ 'COPY of the table', 'COPY facesnxt.reference TO STDOUT' ],
	[ 'own view of templates', "CREATE VIEW i.v9 AS SELECT template::text FROM facesnxt.reference $order LIMIT 1; TABLE i.v9" ]);
push @inside, [ 'domain that text is tried for', "CREATE DOMAIN i.d6 AS text CHECK (i.seen(VALUE)); SELECT reference_id FROM facesnxt.reference "
	. "WHERE pg_input_is_valid(reference_id::text, 'i.d6') $order LIMIT 1" ]
	if $node->pg_version >= 16;
push @inside,
	[ 'domain of JSON_VALUE', "CREATE DOMAIN i.d7 AS text CHECK (i.seen(VALUE)); SELECT reference_id FROM facesnxt.reference "
		. "WHERE JSON_VALUE(to_jsonb(reference_id), '\$' RETURNING i.d7) IS NOT NULL $order LIMIT 1" ],
	[ 'EXPLAIN ANALYZE that writes rows out', "EXPLAIN (ANALYZE, SERIALIZE) $lawful" ]
	if $node->pg_version >= 17;
$node->safe_psql('postgres', "CREATE FUNCTION i.seen(text) RETURNS boolean LANGUAGE plpgsql AS "
	. "\$\$ BEGIN RAISE NOTICE 'leak %', \$1; RETURN true; END \$\$; GRANT USAGE ON SCHEMA i TO PUBLIC");

subtest 'inside an open search, only the plain search passes' => sub {
	my $rows = $node->safe_psql('postgres', 'SELECT count(*) FROM facesnxt.raw_row');
	refused('integ', $_->[0], $open . $_->[1], 'NX371') foreach @inside;
	my $left = $node->safe_psql('postgres', 'SELECT count(*) FROM facesnxt.raw_row');
	# the loop's first rows were recorded before the commit that they did not survive
	cmp_ok($left - $rows, '<=', 10, 'no rows were taken by these');
	refused('integ', 'more rows than the search was opened for',
		"SELECT FROM facesnxt.open_search('22-1', 'criminal', max_rows => 2);\n$lawful", 'NX372');
	is($node->safe_psql('postgres', "SELECT concat_ws(' ', r.sqlstate, r.clause, a.status) FROM facesnxt.raw_statement r
		JOIN facesnxt.raw_statement a ON a.statement_id = r.stops WHERE r.sqlstate = 'NX372'"), 'NX372 MI-4.5.2.d admitted', 'MI-4.5.2.d: which statement it stopped is on record');
	my ($status, $out, $err) = as_role($node, 'integ',
		"SELECT FROM facesnxt.open_search('22-1', 'criminal', max_statements => 1);\n$lawful;\n$lawful");
	is(scalar(() = $out =~ /^[0-9a-f-]{36}\|/mg), 3, 'one statement, as opened');
	like($err, qr/NX372/, 'and no second one');
	refused('integ', 'a search open for a day', "SELECT facesnxt.open_search('22-1', 'criminal', valid_for => '1 day')", '22023');
	refused('integ', 'a search open for everything', "SELECT facesnxt.open_search('22-1', 'criminal', max_rows => 1000000)", '22023');
};

subtest 'whose open search it is' => sub {
	my $one = session($node, 'integ');
	my $two = session($node, 'integ');
	my $id = $one->query_safe("SELECT facesnxt.open_search('22-1', 'criminal')");
	like($id, qr/^[0-9a-f-]{36}$/, 'opened');
	$two->query($lawful);
	like($two->{stderr}, qr/no open search in this session/, 'the ticket of another session is none');
	$two->{stderr} = '';
	$two->query("SELECT facesnxt.close_search('$id')");
	like($two->{stderr}, qr/no such open search/, 'and cannot be closed from there');
	like($one->query($lawful), qr/^[0-9a-f-]{36}\|/, 'it lives on');
	$one->query_safe("SELECT facesnxt.close_search('$id')");
	$one->query($lawful);
	like($one->{stderr}, qr/no open search/, 'a closed one is none');
	$_->quit foreach $one, $two;

	my $gateway = session($node, 'gateway');
	$gateway->query_safe("SET ROLE integ; SELECT facesnxt.open_search('22-1', 'criminal')");
	$gateway->query("SET ROLE integ2; $lawful");
	like($gateway->{stderr}, qr/another role's/, 'the ticket of another role in the same session is none');
	$gateway->{stderr} = '';
	like($gateway->query("SET ROLE integ; $lawful"), qr/^[0-9a-f-]{36}\|/m, 'back in the role it is valid');
	$gateway->query("RESET ROLE; SET ROLE gateway; $lawful");
	like($gateway->{stderr}, qr/open search/, 'the gateway itself has none');
	$gateway->quit;

	refused('bare', 'an integrator without an account', "SELECT facesnxt.open_search('22-1', 'criminal')", 'NX301');
	refused('sp_integ', 'the case of another agency', $open =~ s/22-1/22-9/r, 'NX303');
	refused('nm_inv', 'an investigator, who is no integrator', $open, '42501');
	refused('nm_inv', 'an investigator\'s plain read', $lawful, '42501|NX370');
	like($node->safe_psql('postgres', "SELECT string_agg(DISTINCT sqlstate, ',' ORDER BY sqlstate) FROM facesnxt.search WHERE status = 'refused'"),
		qr/22023.*NX301.*NX303/, 'refused openings are recorded as attempts');

	$node->safe_psql('postgres', 'GRANT CREATE ON SCHEMA i TO integ');
	$node->safe_psql('postgres', "CREATE FUNCTION i.lent() RETURNS SETOF uuid LANGUAGE sql SECURITY DEFINER AS "
		. "\$\$ SELECT reference_id FROM facesnxt.reference $order LIMIT 1 \$\$; ALTER FUNCTION i.lent() OWNER TO integ; "
		. "CREATE VIEW i.shared AS SELECT reference_id, template FROM facesnxt.reference; ALTER VIEW i.shared OWNER TO integ; GRANT SELECT ON i.shared TO nm_inv");
	refused('nm_inv', 'a SECURITY DEFINER function of an integrator', 'SELECT i.lent()');
	refused('nm_inv', 'a view of an integrator', "SELECT reference_id FROM i.shared $order LIMIT 1");
	like((as_role($node, 'integ', "${open}SELECT i.lent()"))[1], qr/[0-9a-f-]{36}/, 'the same function inside an open search');
};

subtest 'how long an open search lasts' => sub {
	refused('integ', 'expired', "SELECT FROM facesnxt.open_search('22-1', 'criminal', valid_for => '0.5 s');\nSELECT FROM pg_sleep(0.6);\n$lawful");

	my $user = session($node, 'integ');
	my $safe = sub { $user->{stderr} = ''; return $user->query_safe($_[0]); };
	my $again = sub { $user->{stderr} = ''; return $user->query($_[0]); };
	$safe->("SELECT facesnxt.open_search('22-1', 'criminal', valid_for => '2 s')");
	$safe->("BEGIN; DECLARE c CURSOR FOR $lawful");
	like($user->query('FETCH 1 FROM c'), qr/^[0-9a-f-]{36}\|/, 'a cursor in an open search');
	sleep 3;
	is($again->('FETCH 1 FROM c'), '', 'gives no row after its expiry');
	like($user->{stderr}, qr/expired/, 'and says why');
	$again->('ROLLBACK');

	my $id = $safe->("SELECT facesnxt.open_search('22-1', 'criminal')");
	$safe->("PREPARE p AS $lawful");
	like($user->query('EXECUTE p'), qr/^[0-9a-f-]{36}\|/, 'a prepared statement in an open search');
	$safe->("BEGIN; DECLARE c CURSOR FOR $lawful; SELECT facesnxt.close_search('$id'); ROLLBACK");
	is($again->('EXECUTE p'), '', 'a close that was rolled back closed: a prepared statement is dead');
	like($user->{stderr}, qr/open search/, 'and says why');

	$safe->("BEGIN; SAVEPOINT s; SELECT facesnxt.open_search('22-1', 'criminal'); ROLLBACK TO s; COMMIT");
	like($again->($lawful), qr/^[0-9a-f-]{36}\|/, 'an opening that was rolled back is on record, and open');

	$safe->("SELECT facesnxt.open_search('22-1', 'criminal')");
	$safe->("BEGIN; DECLARE c CURSOR FOR $lawful");
	$safe->('FETCH 1 FROM c');
	$safe->("SELECT facesnxt.open_search('22-1', 'criminal')");
	is($again->('FETCH 1 FROM c'), '', 'a cursor does not pass from one open search to the next');
	$again->('ROLLBACK');

	$node->safe_psql('postgres', "SELECT facesnxt.open_case('NM', '22-7', 'robbery')");
	$safe->("SELECT facesnxt.open_search('22-7', 'criminal'); BEGIN; DECLARE c CURSOR FOR $lawful; FETCH 1 FROM c");
	$node->safe_psql('postgres', "SELECT facesnxt.close_case('NM', '22-7')");
	is($again->('FETCH 1 FROM c'), '', 'NS-32.6.2.1: the case was closed after opening: the cursor gives no row');
	like($user->{stderr}, qr/the case is not open/, 'and says why');
	$again->('ROLLBACK');
	is($again->($lawful), '', 'nor does a new statement');
	like($user->{stderr}, qr/the case is not open/, 'and says why');
	is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.raw_statement WHERE sqlstate = 'NX304' AND agency_id IS NOT NULL"),
		'2', 'both are recorded');

	$safe->("SELECT facesnxt.open_search('22-1', 'criminal')");
	my $version = $node->safe_psql('postgres', "SET ROLE adm; SELECT facesnxt.propose_policy('NM', '{\"title\": \"Next\", \"purposes\": "
		. "[{\"code\": \"other\", \"description\": \"d\", \"class\": \"criminal_justice\", \"clause\": \"X\"}], "
		. "\"rules\": [{\"rule\": \"purpose_listed\", \"clause\": \"X\", \"value\": true}]}')");
	as_role($node, 'adm2', "SELECT facesnxt.decide_policy('$version', true)");
	is($again->($lawful), '', 'SP-HDR: the policy was changed after opening: no row');
	like($user->{stderr}, qr/purpose is not on the agency's list/, 'and says why');
	my $back = $node->safe_psql('postgres', "SET ROLE adm; SELECT facesnxt.propose_policy('NM', document) FROM facesnxt.policy_version WHERE number = 1 "
		. "AND agency_id = (SELECT agency_id FROM facesnxt.agency WHERE code = 'NM')");
	as_role($node, 'adm2', "SELECT facesnxt.decide_policy('$back', true)");
	like($again->($lawful), qr/^[0-9a-f-]{36}\|/, 'changed back, it is judged by what is in force');
	$user->quit;
};

subtest 'pg_dump, BYPASSRLS, and what was made before the library came' => sub {
	my ($out, $err);
	ok(!run_log([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-U', 'integ', '-a', '-t', 'facesnxt.reference', 'postgres' ],
		'>', \$out, '2>', \$err), 'pg_dump as an integrator fails');
	unlike($out, qr/\[0\.9/, 'and has no template');
	ok(!run_log([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-U', 'integ', '-a', '--enable-row-security', '-t', 'facesnxt.reference', 'postgres' ],
		'>', \$out, '2>', \$err), 'nor with row security');
	refused('bypass', 'BYPASSRLS: a plain read', "${open}SELECT reference_id FROM facesnxt.reference", '42501|NX371');
	refused('bypass', 'BYPASSRLS: COPY', "${open}COPY facesnxt.reference TO STDOUT", '42501');
	refused('bypass', 'BYPASSRLS: a lawful statement', "$open$lawful", '42501');
};

subtest 'by the index' => sub {
	$node->safe_psql('postgres', "SELECT facesnxt.enrol_template(facesnxt.with_model(array_prepend(i::real, array_fill(1::real, ARRAY[63]))"
		. "::facesnxt.embedding, '0000abcd'), facesnxt.create_person('Long ' || i), 'booking', 'fingerprint') FROM generate_series(1, 30) i");
	my $by_index = "SET enable_seqscan = off; SET enable_sort = off;\n";
	my $statement = "SELECT reference_id FROM facesnxt.reference WHERE model = '0000abcd' $order64 LIMIT 2";
	is(scalar(() = (as_role($node, 'integ', "$open$by_index$statement"))[1] =~ /^[0-9a-f-]{36}$/mg), 2, 'a raw statement by the index');
	like((as_role($node, 'integ', "$open$by_index EXPLAIN $statement"))[1], qr/Index Scan using reference_template/,
		'which the policy does not stand in the way of');
	refused('integ', 'the same without an open search', "$by_index$statement");
	refused('integ', 'a greatest distance without an open search',
		"${by_index}SELECT reference_id FROM facesnxt.reference WHERE model = '0000abcd' AND facesnxt.within(template, $probe64, 0.1)");
	$node->safe_psql('postgres', "DELETE FROM facesnxt.reference WHERE model = '0000abcd'");
};

subtest 'revocation through a gateway' => sub {
	my $gateway = session($node, 'gateway');
	$gateway->query_safe("SET ROLE integ2; SELECT facesnxt.open_search('22-1', 'criminal'); PREPARE p AS $lawful; BEGIN; DECLARE c CURSOR FOR $lawful");
	like($gateway->query('FETCH 1 FROM c'), qr/^[0-9a-f-]{36}\|/, 'a cursor of the role that a gateway acts as');
	my $admin = session($node, 'adm');
	$admin->query_safe("BEGIN; SELECT facesnxt.set_account_status('integ2', 'revoked', 'test')");
	like($gateway->query('FETCH 1 FROM c'), qr/^[0-9a-f-]{36}\|/, 'goes on while the revocation is not committed');
	$admin->query_safe('COMMIT');
	$gateway->{stderr} = '';
	is($gateway->query('FETCH 1 FROM c'), '', 'SP-IV.A.2: and is dead when it is');
	like($gateway->{stderr}, qr/not active/, 'with the reason');
	$gateway->{stderr} = '';
	$gateway->query('ROLLBACK');
	is($gateway->query('EXECUTE p'), '', 'EXECUTE after revocation');
	isnt($gateway->{stderr}, '', 'is an error');
	is($gateway->query('RESET ROLE; SELECT 1'), '1', 'the gateway and its other users go on');
	$gateway->quit;
	$admin->quit;
	is($node->safe_psql('postgres', "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'integ2'"), 'f', 'no login');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_auth_members WHERE member = 'integ2'::regrole "
		. "AND roleid <> 'facesnxt_member'::regrole"), '0', 'no group but that by which an attempt comes to the gate');
	like((as_role($node, 'integ2', 'SELECT 1'))[2], qr/not permitted to log in/, 'a new login is refused');
};

subtest 'an administrator is not an agency' => sub {
	is((as_role($node, 'adm', 'SELECT count(*) FROM facesnxt.case_file'))[1], '0', 'NM-V.E: the host\'s administrator sees no case');
	cmp_ok((as_role($node, 'adm', 'SELECT count(*) FROM facesnxt.account'))[1], '>', 4, 'but accounts');
	like((as_role($node, 'adm', 'SELECT count(*) FROM facesnxt.search'))[2], qr/42501/, 'and no search');
	$node->safe_psql('postgres', "CREATE ROLE nm_aud LOGIN; GRANT facesnxt_auditor TO nm_aud; SELECT facesnxt.open_account('NM', 'nm_aud'); "
		. "SELECT facesnxt.set_account_status('nm_aud', 'active', NULL)");
	as_role($node, $_, search_sql('tenancy')) foreach 'nm_inv', 'sp_inv';
	is((as_role($node, 'nm_aud', "SELECT string_agg(DISTINCT agency, ',') FROM facesnxt.search"))[1], 'NM', 'an agency\'s auditor sees its searches');
	is((as_role($node, 'nm_aud', "SELECT count(*) FROM facesnxt.candidate c JOIN facesnxt.search s USING (search_id) WHERE s.agency <> 'NM'"))[1],
		'0', 'and no candidate of another');
	is((as_role($node, 'aud', "SELECT string_agg(DISTINCT agency, ',' ORDER BY agency) FROM facesnxt.search WHERE status = 'completed'"))[1],
		'NM,SP', 'the host\'s auditor sees all');
	is((as_role($node, 'nm_aud', "SELECT string_agg(DISTINCT acting_role::text, ',') FROM facesnxt.raw_statement WHERE acting_role = 'sp_integ'"))[1],
		'', 'nor raw statements of another');
};

$node->stop;
done_testing();
