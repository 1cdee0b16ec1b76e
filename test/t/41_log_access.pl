# Whoever reads the log is in it, whichever way they read: who, which records,
# by what words, how many rows. Each way begins in a session of its own, in
# which nothing has loaded the library yet.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use Facesnxt;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('log_access', conf => "max_prepared_transactions = 2\n");
my $by_workers = by_workers($node);

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE nm_aud LOGIN;
CREATE ROLE other LOGIN;
CREATE ROLE bold LOGIN BYPASSRLS;
ALTER ROLE bold SET session_preload_libraries = 'facesnxt';
SET ROLE adm;
SELECT facesnxt.open_account('NM', 'nm_aud'), facesnxt.set_account_status('nm_aud', 'active', NULL);
RESET ROLE;
GRANT facesnxt_auditor TO nm_aud, bold;
REVOKE facesnxt_investigator FROM nm_aud;
CREATE SCHEMA desk AUTHORIZATION aud;
GRANT USAGE ON SCHEMA desk TO other;
GRANT aud TO other;
ALTER ROLE other NOINHERIT;
-- a report as extensions of the extension may bring it: one value, read in the owner's name
CREATE FUNCTION facesnxt.audit_line() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
	AS $$ SELECT string_agg(case_number, ',') FROM facesnxt.search $$;
REVOKE ALL ON FUNCTION facesnxt.audit_line() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION facesnxt.audit_line() TO facesnxt_auditor;
SELECT facesnxt.watch_reads();
SQL
as_role($node, 'nm_inv', search_sql("search $_")) for 1 .. 3;
my $version = $node->safe_psql('postgres', 'SELECT version_id FROM facesnxt.policy_version LIMIT 1');

# What is on record of a session, by its application_name: a line for each read.
sub on_record
{
	my ($name) = @_;
	return $node->safe_psql('postgres', <<SQL);
SELECT concat_ws('|', acting_role, array_to_string(relations || functions, ','), coalesce(rows::text, '-'))
FROM facesnxt.log_reading WHERE application = '$name' ORDER BY recorded_at
SQL
}

# Runs sql as a role in a session of this name: (output, errors, what is on record of it).
my $sessions = 0;
sub reads
{
	my ($role, $sql) = @_;
	my $name = 'way ' . ++$sessions;
	local $ENV{PGAPPNAME} = $name;
	my ($status, $out, $err) = as_role($node, $role, $sql);
	return ($out, $err, on_record($name));
}

sub recorded
{
	my ($role, $sql, $record, $what) = @_;
	my ($out, $err, $found) = reads($role, $sql);
	is($found, $record, "NM-II.c: $what") or diag("$out\n$err");
	return $out;
}

# ---- each way

my $three = "aud|facesnxt.search|3";
is(recorded('aud', 'SELECT reason FROM facesnxt.search ORDER BY reason', $three, 'a table'), "search 1\nsearch 2\nsearch 3", '... is read');
recorded('aud', 'SELECT FROM facesnxt.search_log', 'aud|facesnxt.search,facesnxt.search_log|3', 'a view, by its name and its tables');
recorded('aud', 'SELECT FROM facesnxt.due LIMIT 0', 'aud|facesnxt.due,facesnxt.list_owed()|0', 'a view over a function');
recorded('aud', "SELECT FROM facesnxt.replay_policy('$version', '-infinity', 'infinity')",
	'aud|facesnxt.replay_policy(uuid,timestamp with time zone,timestamp with time zone,text)|3', 'a function of auditors, once');
recorded('aud', 'DO $$ DECLARE line text; BEGIN line := facesnxt.audit_line(); END $$', 'aud|facesnxt.audit_line()|-',
	'one in an expression without a statement');
recorded('aud', 'SELECT 1 WHERE facesnxt.audit_line() IS NOT NULL', 'aud|facesnxt.audit_line()|1', 'one in a condition');
recorded('aud', 'COPY facesnxt.search TO STDOUT', $three, 'COPY of a table');
recorded('aud', 'COPY (SELECT * FROM facesnxt.search) TO STDOUT', $three, 'COPY of a query');
recorded('bold', 'COPY facesnxt.search TO STDOUT', 'bold|facesnxt.search|-', 'COPY past row-level security');
recorded('aud', 'BEGIN; DECLARE c CURSOR FOR SELECT reason FROM facesnxt.search; FETCH 1 FROM c; FETCH 1 FROM c; COMMIT', 'aud|facesnxt.search|2',
	'a cursor, with the rows that were fetched');
recorded('aud', 'BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT reason FROM facesnxt.search; COMMIT; FETCH 1 FROM c', $three, 'a cursor that is held');
recorded('aud', 'PREPARE p AS SELECT reason FROM facesnxt.search; EXECUTE p; EXECUTE p', "$three\n$three", 'a prepared statement, each time');
recorded('aud', 'EXPLAIN SELECT * FROM facesnxt.search', '', 'a plan alone is no reading');
recorded('aud', 'EXPLAIN ANALYZE SELECT * FROM facesnxt.search', $three, 'EXPLAIN ANALYZE, which tells how many there are');
recorded('aud', 'CREATE TEMP TABLE t AS SELECT reason FROM facesnxt.search; INSERT INTO t SELECT reason FROM facesnxt.search', "$three\n$three",
	'CREATE TABLE AS and INSERT');
recorded('aud', 'CREATE MATERIALIZED VIEW desk.m AS SELECT reason FROM facesnxt.search; REFRESH MATERIALIZED VIEW desk.m', "$three\n$three",
	'a materialized view, made and refreshed');
recorded('aud', 'WITH s AS MATERIALIZED (SELECT reason FROM facesnxt.search) SELECT (SELECT count(*) FROM s)', 'aud|facesnxt.search|1', 'a subquery');
# the functions of policies keep a statement in one process, so this is of a role that has none
like(recorded('bold', "SET $by_workers = on; EXPLAIN SELECT count(*) FROM facesnxt.search; SELECT count(*) FROM facesnxt.search",
		'bold|facesnxt.search|1', 'a parallel worker, once'), qr/Gather/, '... which there was');
recorded('aud', 'SELECT 1 / (candidates - candidates) FROM facesnxt.search', 'aud|facesnxt.search|-', 'a statement that fails: begun and not ended');
recorded('aud', 'BEGIN; SELECT reason FROM facesnxt.search; ROLLBACK', $three, 'a transaction that is rolled back');
recorded('aud', "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY; SELECT reason FROM facesnxt.search; COMMIT", $three, 'a transaction that may not write');
recorded('aud', "BEGIN; SELECT reason FROM facesnxt.search; PREPARE TRANSACTION 'x'; ROLLBACK PREPARED 'x'", $three, 'a prepared transaction');
recorded('aud', "DO \$\$ BEGIN FOR i IN 1 .. 2 LOOP PERFORM FROM facesnxt.search; END LOOP; END \$\$", "$three\n$three", 'a block, each statement');

$node->safe_psql('postgres', <<'SQL', extra_params => [ '-U', 'aud' ]);
CREATE FUNCTION desk.count_them() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM facesnxt.search); END $$;
CREATE FUNCTION desk.lent() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN (SELECT count(*) FROM facesnxt.search); END $$;
SQL
recorded('aud', 'SELECT desk.count_them()', 'aud|facesnxt.search|1', 'a function of one\'s own');
recorded('aud', 'SELECT desk.count_them() FROM facesnxt.search', $three, '... within a reading of the same, once');
recorded('aud', 'SELECT desk.count_them() FROM facesnxt.outcome_notice RIGHT JOIN generate_series(1, 2) ON true',
	"aud|facesnxt.outcome_notice|2\naud|facesnxt.search|1", '... within one of other records, by itself and once');
recorded('other', 'SELECT desk.lent()', 'other|facesnxt.search|1', 'a function that an auditor lends');
is($node->safe_psql('postgres', "SELECT DISTINCT right_of FROM facesnxt.log_access WHERE acting_role = 'other'"), 'aud', '... by whose right it was read');
recorded('other', 'SET ROLE aud; SELECT FROM facesnxt.search', $three, 'SET ROLE');
is($node->safe_psql('postgres', "SELECT acting_role FROM facesnxt.log_access WHERE session_role = 'other' AND right_of = 'aud' ORDER BY recorded_at DESC LIMIT 1"),
	'aud', '... with who logged on');
recorded('adm', 'SELECT FROM facesnxt.account_event LIMIT 1', 'adm|facesnxt.account_event|1', 'an administrator');

{
	local $ENV{PGAPPNAME} = 'dump';
	my ($dump, $err) = run_command([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-U', 'aud', '--data-only',
		'--enable-row-security', '-t', 'facesnxt.search', 'postgres' ]);
	like($dump, qr/search 3/, 'pg_dump by an auditor') or diag($err);
	is(on_record('dump'), $three, 'NM-II.c: pg_dump');
}
{
	local $ENV{PGAPPNAME} = 'bench';
	my $script = PostgreSQL::Test::Utils::tempdir() . '/read.sql';
	append_to_file($script, "SELECT reason FROM facesnxt.search;\n");
	command_ok([ 'pgbench', '-h', $node->host, '-p', $node->port, '-U', 'aud', '-n', '-M', 'prepared', '-t', '2', '-f', $script, 'postgres' ],
		'statements that the client prepares');
	is(on_record('bench'), "$three\n$three", 'NM-II.c: ... each time');
}

# ---- nothing that an auditor or administrator may read passes by, in a new session each

# one more record, whose rows are no agency's (dumped it is not: that is the extension's to say)
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE facesnxt.added (n int);
CREATE TRIGGER added BEFORE DELETE ON facesnxt.added FOR EACH STATEMENT EXECUTE FUNCTION facesnxt.refuse_change();
GRANT SELECT ON facesnxt.added TO facesnxt_auditor;
SELECT facesnxt.watch_reads();
SQL
my $all = $node->safe_psql('postgres', <<'SQL');
SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c
WHERE c.relnamespace = 'facesnxt'::regnamespace AND has_any_column_privilege('facesnxt_auditor', c.oid, 'SELECT')
	AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgfoid = 'facesnxt.refuse_change'::regproc)
SQL
my @all = split / /, $all;
cmp_ok(scalar @all, '>', 50, 'there are many records');
{
	local $ENV{PGAPPNAME} = 'everything';
	my ($status, $out, $err) = as_role($node, 'aud', join('', map { "\\c -\nSELECT FROM facesnxt.$_ LIMIT 0;\n" } @all));
	is($err, '', 'all of them can be read');
	is($node->safe_psql('postgres', <<'SQL'), join(' ', @all), 'NM-II.c: each reading of each is on record');
SELECT string_agg(DISTINCT substr(r, 10), ' ' ORDER BY substr(r, 10)) FROM facesnxt.log_access, unnest(relations) r
WHERE application = 'everything'
SQL
	is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.log_access WHERE application = 'everything'"), scalar(@all), '... once');
}

# ---- what is no reading of the log

my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM facesnxt.log_access');
is((reads('nm_inv', search_sql('unlogged')))[2], '', 'a search reads records in its owner\'s name');
recorded('nm_inv', 'SELECT * FROM facesnxt.my_searches', '', 'a member\'s view of their own agency');
recorded('adm', "SELECT facesnxt.open_case('NM', '22-2', 'theft')", '', 'a step of an administrator');
recorded('postgres', 'SELECT * FROM facesnxt.search', '', 'the database administrator, whom nothing binds');
recorded('aud', "SELECT facesnxt.my_agency(), facesnxt.is_host(), facesnxt.bound_to()", '', 'functions that tell nothing of a record');
is($node->safe_psql('postgres', 'SELECT count(*) FROM facesnxt.log_access'), $before, 'none of that is on record');

# ---- what the record holds, and when

recorded('aud', "SELECT reason /* Mrs. Doe */ FROM facesnxt.search WHERE case_number = 'secret-77' AND candidates > 4711 AND reason <> \$x\$Jane Doe\$x\$ -- Doe",
	'aud|facesnxt.search|0', 'a statement with somebody\'s name in it');
is($node->safe_psql('postgres', 'SELECT wording FROM facesnxt.log_access ORDER BY recorded_at DESC LIMIT 1'),
	'SELECT reason FROM facesnxt . search WHERE case_number = ? AND candidates > ? AND reason <> ?', 'its words are kept');
is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.log_access l WHERE concat_ws(' ', l.wording, l.relations, l.functions, l.application) ~ 'secret|4711|Doe'"), '0', 'and what it looked for is not');
is((as_role($node, 'nm_aud', "SET application_name = 'own'; SELECT FROM facesnxt.search LIMIT 1; "
	  . "SELECT count(*), count(*) FILTER (WHERE acting_role <> 'nm_aud') FROM facesnxt.log_access"))[1], "1|0",
	'an agency\'s auditor sees who of the agency read, and nobody else');
like((as_role($node, 'postgres', 'DELETE FROM facesnxt.log_access'))[2], qr/NX309/, 'the record is one');

my $reader = session($node, 'aud');
$reader->query_safe("SET application_name = 'open'");
$reader->query_safe('BEGIN');
$reader->query_safe('DECLARE c CURSOR FOR SELECT reason FROM facesnxt.search');
is(on_record('open'), 'aud|facesnxt.search|-', 'NM-II.c: committed before the first row leaves');
like($reader->query_safe('FETCH 1 FROM c'), qr/search/, 'which leaves then');
$reader->query_safe('ROLLBACK');
is(on_record('open'), 'aud|facesnxt.search|-', 'and stays');
$reader->quit;

$node->safe_psql('postgres', "ALTER ROLE aud SET facesnxt.audit_timeout = '500ms'");
my $holder = session($node, 'postgres');
$holder->query_safe('BEGIN');
$holder->query_safe('LOCK TABLE facesnxt.log_access IN SHARE MODE');
my ($status, $out, $err) = as_role($node, 'aud', 'SELECT reason FROM facesnxt.search');
is($out, '', 'NM-II.c: a reading that cannot be recorded gives nothing');
like($err, qr/NX40[34]/, 'and says why');
$holder->query_safe('ROLLBACK');
$holder->quit;

$node->stop;
done_testing();
