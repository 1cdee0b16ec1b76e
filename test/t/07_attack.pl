# An investigator, a stranger and an administrator try to get at templates, at
# candidates without a record, and at another agency's work.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Facesnxt;
use Test::More;

my $node = new_node('attack');
my $by_workers = by_workers($node);

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE stranger LOGIN;
CREATE SCHEMA nm_inv AUTHORIZATION nm_inv;
CREATE TABLE nm_inv.loot (what text);
ALTER TABLE nm_inv.loot OWNER TO nm_inv;
SQL

# Each of these is refused with 42501, by the server's own privileges.
my @forbidden = (
	[ 'read templates (NM-IV.B, SP-III.A)', 'SELECT template FROM facesnxt.reference' ],
	[ 'copy templates out', 'COPY facesnxt.reference TO STDOUT' ],
	[ 'copy by query', 'COPY (SELECT * FROM facesnxt.reference_image) TO STDOUT' ],
	[ 'read the probes of others', 'SELECT * FROM facesnxt.probe' ],
	[ 'read candidates past the view', 'SELECT * FROM facesnxt.candidate' ],
	[ 'rank without a record', "SELECT * FROM facesnxt.nearest('[1,0,0]', '{booking}', 5)" ],
	[ 'rank persons without a record', "SELECT facesnxt.rank_persons('[1,0,0]', '{booking}', 5, NULL)" ],
	[ 'search without the gate',
		"SELECT * FROM facesnxt.identify(NULL, '[1,0,0]', '22-1', 'criminal', NULL, NULL, 5, NULL, NULL, NULL, NULL)" ],
	[ 'forge a record', "SELECT facesnxt.audit_write('search', '{}', NULL)" ],
	[ 'forge a record in this transaction', "SELECT facesnxt.audit_apply('search', '{}', NULL)" ],
	[ 'insert a record', "INSERT INTO facesnxt.search (status) VALUES ('completed')" ],
	[ 'edit a record', "UPDATE facesnxt.search SET reason = 'other'" ],
	[ 'remove records', 'TRUNCATE facesnxt.search CASCADE' ],
	[ 'lock the records against everyone', 'BEGIN; LOCK TABLE facesnxt.search IN ACCESS EXCLUSIVE MODE' ],
	[ 'inherit from the references', 'CREATE TABLE nm_inv.child () INHERITS (facesnxt.reference)' ],
	[ 'reach them by a foreign key', 'CREATE TABLE nm_inv.key (id uuid REFERENCES facesnxt.reference)' ],
	[ 'put a trigger on the records',
		'CREATE TRIGGER t AFTER INSERT ON facesnxt.search EXECUTE FUNCTION suppress_redundant_updates_trigger()' ],
	[ 'put a rule on the records', 'CREATE RULE r AS ON INSERT TO facesnxt.search DO INSTEAD NOTHING' ],
	[ 'replace a function', 'ALTER FUNCTION facesnxt.gate(jsonb) OWNER TO nm_inv' ],
	[ 'plant a function in the schema', 'CREATE FUNCTION facesnxt.f() RETURNS int LANGUAGE sql RETURN 1' ],
	[ 'shorten the wait for the record',
		'SELECT FROM facesnxt.dimensions(\'[1]\'); SET facesnxt.audit_timeout = 100' ],
	[ 'switch triggers off', 'SET session_replication_role = replica' ],
	[ 'become the administrator', 'SET ROLE facesnxt_admin' ],
	[ 'activate an account', "SELECT facesnxt.set_account_status('nm_inv', 'active', NULL)" ],
	[ 'drop the extension', 'DROP EXTENSION facesnxt' ]);

foreach my $attack (@forbidden)
{
	my ($what, $sql) = @$attack;
	foreach my $role ('nm_inv', 'stranger')
	{
		my ($status, $out, $err) = as_role($node, $role, $sql);
		like($err, qr/ERROR:  42501/, "$role cannot $what");
		is($out, '', "... and sees nothing");
	}
}
like((as_role($node, 'stranger', search_sql('stranger')))[2], qr/42501/, 'a role without the group cannot search');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stats WHERE schemaname = 'facesnxt'
	AND attname IN ('template', 'photo') AND (most_common_vals IS NOT NULL OR histogram_bounds IS NOT NULL)"),
	'0', 'statistics hold no template');

is((as_role($node, 'nm_inv', 'SET facesnxt.audit_timeout = 100; SELECT FROM facesnxt.dimensions(\'[1]\');
	SHOW facesnxt.audit_timeout'))[1] =~ s/^\s+//r, '10s', '... nor set it before the library is loaded');

# Objects of the caller's own in front of everything.
my ($status, $out, $err) = as_role($node, 'nm_inv', <<'SQL');
SET search_path = nm_inv, pg_temp, pg_catalog, facesnxt;
CREATE TABLE pg_temp.reference (x int);
CREATE TABLE pg_temp.search (x int);
CREATE TABLE pg_temp.candidate (x int);
CREATE FUNCTION nm_inv.loot(text) RETURNS text LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO nm_inv.loot VALUES (current_user || ' ' || $1); RETURN $1; END $$;
CREATE FUNCTION nm_inv.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT nm_inv.loot('sha256')::bytea $$;
CREATE FUNCTION pg_temp.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
	$$ SELECT nm_inv.loot('clock')::timestamptz $$;
CREATE FUNCTION nm_inv.less(real, real) RETURNS boolean LANGUAGE sql AS $$ SELECT nm_inv.loot('less') IS NULL $$;
CREATE OPERATOR nm_inv.>= (LEFTARG = real, RIGHTARG = real, FUNCTION = nm_inv.less);
CREATE OPERATOR nm_inv.<=> (LEFTARG = real, RIGHTARG = real, FUNCTION = nm_inv.less);
SELECT count(*) FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', 'path', candidates => 5);
SELECT count(*) FROM nm_inv.loot;
SQL
is($out, "5\n0", 'a search runs none of the caller\'s functions');
is(attempts($node, 'path'), 'completed 5', '... and is recorded as it was');

# Ways to run a search that might lose its record.
my %ways = (
	'explain' => "EXPLAIN (ANALYZE, COSTS OFF) %s",
	'cursor' => "BEGIN; DECLARE c CURSOR FOR %s; FETCH 1 FROM c; ROLLBACK",
	'prepared' => "PREPARE p AS %s; BEGIN; EXECUTE p; ROLLBACK",
	'limit' => "BEGIN; %s LIMIT 1; ABORT",
	'materialized' => "BEGIN; CREATE TEMP TABLE kept AS %s; ROLLBACK",
	'block' => "DO \$do\$ BEGIN PERFORM * FROM (%s) s; RAISE EXCEPTION 'x'; EXCEPTION WHEN OTHERS THEN NULL; END \$do\$",
	'copy' => "BEGIN; COPY (%s) TO STDOUT; ROLLBACK",
	'lateral' => "BEGIN; SELECT * FROM generate_series(1, 1), LATERAL (%s) s; ROLLBACK",
	'readonly' => "SET default_transaction_read_only = on; %s",
	'parallel' => "SET $by_workers = on; SET parallel_setup_cost = 0; %s");
foreach my $way (sort keys %ways)
{
	as_role($node, 'nm_inv', sprintf($ways{$way}, search_sql($way)));
	is(attempts($node, $way), 'completed 5', "a search by $way leaves its record");
}

# A definer's function and SET ROLE do not lend an account.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION lent(reason text) RETURNS SETOF int LANGUAGE sql SECURITY DEFINER AS
	$$ SELECT rank FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', reason, candidates => 5) $$;
ALTER FUNCTION lent(text) OWNER TO nm_inv;
SQL
($status, $out, $err) = as_role($node, 'stranger', "SELECT * FROM lent('lent')");
like($err, qr/NX30/, 'a definer\'s function does not lend its account to a stranger');
unlike(attempts($node, 'lent'), qr/completed/, '... and the attempt is recorded as refused');

# Another agency.
as_role($node, 'nm_inv', search_sql('theirs'));
my $theirs = $node->safe_psql('postgres', "SELECT search_id FROM facesnxt.search WHERE reason = 'theirs'");
($status, $out, $err) = as_role($node, 'sp_inv', <<'SQL');
CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS
	$$ BEGIN RAISE NOTICE 'leak %', $1; RETURN true; END $$;
SELECT count(*) FROM facesnxt.my_searches WHERE pg_temp.leak(search_id::text);
SELECT count(*) FROM facesnxt.my_candidates WHERE pg_temp.leak(search_id::text);
SQL
is($out, "0\n0", 'an investigator sees no search of another agency');
unlike($err, qr/leak/, '... not even through a leaky function');
like((as_role($node, 'sp_inv', "SELECT facesnxt.record_outcome('$theirs', 'no match')"))[2], qr/NX307/,
	'... and cannot record its outcome');

$node->stop;
done_testing();
