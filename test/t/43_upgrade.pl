# An upgrade of the extension keeps every record, and the chain stays verifiable.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use Facesnxt;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# scripts/test.sh lays test/data/upgrade.sql there
my $to = $ENV{FACESNXT_UPGRADE}
  or plan skip_all => 'no script of an upgrade lies beside those of the extension: that folder is not writable';

my $node = new_node('upgrade');
sub query { return $node->safe_psql('postgres', $_[0]) }

# every row of every table that stays as it is, by its canonical text
my $rows = <<'SQL';
DO $$
DECLARE
	audited name;
	part text;
	whole text := '';
BEGIN
	FOR audited IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'facesnxt'::regnamespace AND c.relkind = 'r'
		AND c.relname NOT IN ('event', 'pending_event', 'event_tile', 'checkpoint', 'log_check', 'log_access', 'added_record') ORDER BY 1 LOOP
		EXECUTE format('SELECT string_agg(facesnxt.row_key(r) || facesnxt.row_image(r), E''\n'' ORDER BY facesnxt.row_key(r)) FROM facesnxt.%I r', audited) INTO part;
		whole := whole || audited || E'\n' || coalesce(part, '') || E'\n';
	END LOOP;
	RAISE NOTICE 'rows %', encode(sha256(convert_to(whole, 'UTF8')), 'hex');
END $$
SQL
sub rows
{
	my ($status, $out, $err) = as_role($node, 'postgres', $rows);
	return $err =~ /rows (\w+)/ ? $1 : "failed: $err";
}
my $verdict = 'SELECT severity FROM facesnxt.audit_verify(%s) ORDER BY seq DESC NULLS LAST LIMIT 1';

as_role($node, 'nm_inv', search_sql("before $_")) for 1 .. 3;
as_role($node, 'nm_inv', "SELECT facesnxt.search_template('[1,0,0]', '22-1', 'gossip', 'refused before')");
my $user = session($node, 'nm_inv');
is($user->query(search_sql('by a session that stays')), "1\n2\n3\n4\n5", 'a session that stays has searched');
my $checkpoint = query('SELECT facesnxt.audit_checkpoint()');
my ($size) = $checkpoint =~ /^(\d+)$/m;
my $kept = rows();
my $events = query("SELECT encode(hash, 'hex') FROM facesnxt.event WHERE seq < $size ORDER BY seq");
like($kept, qr/^[0-9a-f]{64}$/, 'what is on record has a hash');

query("BEGIN; ALTER EXTENSION facesnxt UPDATE TO '$to'; ROLLBACK");
is(rows(), $kept, 'an upgrade that is rolled back leaves every row as it was');
is(query(sprintf($verdict, "\$c\$$checkpoint\$c\$")), 'sound', 'and the log sound');

query("ALTER EXTENSION facesnxt UPDATE TO '$to'");
is(query("SELECT extversion FROM pg_extension WHERE extname = 'facesnxt'"), $to, 'the extension is of the new version');
is(rows(), $kept, 'every row of every record is as it was');
is(query("SELECT encode(hash, 'hex') FROM facesnxt.event WHERE seq < $size ORDER BY seq"), $events, 'and so is every event');
is(query("SELECT count(*) FROM facesnxt.unaudited()"), '0', 'every table is under audit, the new one too');
is(query(sprintf($verdict, "\$c\$$checkpoint\$c\$")), 'sound', 'the log is sound against a checkpoint from before');
is(query("SELECT count(*) FROM facesnxt.added_record a JOIN facesnxt.event e ON e.relation = 'added_record' AND e.row_key = a.added_id::text"),
	'1', 'what the extension brought is in the chain');
my ($status, $out, $err) = as_role($node, 'postgres', 'DELETE FROM facesnxt.added_record');
like($err, qr/NX408|append/, 'and is a record like the others');

is($user->query(search_sql('after')), "1\n2\n3\n4\n5", 'a session from before searches on');
$user->quit;
as_role($node, 'sp_inv', search_sql('anew'));
is(attempts($node, 'after'), 'completed 5', 'its search is recorded');
is(attempts($node, 'anew'), 'completed 5', 'and that of a new session');

# the log of before is a part of that of now, says who has no server
my $file = PostgreSQL::Test::Utils::tempdir() . '/consistency';
append_to_file($file, query("SELECT * FROM facesnxt.audit_consistency($size)") . "\n");
append_to_file("$file.head", "$checkpoint\n");
IPC::Run::run([ 'facesnxt-verify', $file, "$file.head" ], '>', \$out, '2>', \$err);
is($?, 0, 'the log of before is the beginning of that of now') or diag("$out$err");

$node->stop;
done_testing();
