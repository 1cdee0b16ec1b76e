# More searches at once than there are worker slots: all succeed, all are kept.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use Facesnxt;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('concurrent', conf => "max_worker_processes = 3\nmax_connections = 40\n");
my $script = PostgreSQL::Test::Utils::tempdir() . '/search.sql';

append_to_file($script, "BEGIN;\n" . search_sql('concurrent') . ";\nROLLBACK;\n");
$node->safe_psql('postgres', "ALTER ROLE nm_inv SET facesnxt.audit_timeout = '600s'");
$node->command_ok(
	[ 'pgbench', '-n', '-c', '16', '-j', '2', '-t', '10', '-U', 'nm_inv', '-f', $script, 'postgres' ],
	'sixteen sessions with three slots, every transaction rolled back');
is($node->safe_psql('postgres', "SELECT count(*), sum(candidates), min(candidates) FROM facesnxt.search WHERE status = 'completed'"),
	'160|800|5', 'every search is recorded');
is($node->safe_psql('postgres', 'SELECT count(*) FROM facesnxt.candidate'), '800', 'with every candidate');
is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.search WHERE status = 'refused'"), '0', 'none was refused');

# the same probe from all sides at once: writers wait for each other, not for callers
my $probe = PostgreSQL::Test::Utils::tempdir() . '/probe.sql';
append_to_file($probe, <<'SQL');
DO $$
BEGIN
	PERFORM * FROM facesnxt.search('one probe', '22-1', 'criminal', 'probe');
	RAISE EXCEPTION 'a probe that is not a photograph was searched';
EXCEPTION
	WHEN SQLSTATE 'NX204' THEN NULL; -- no model is loaded here
END
$$;
SQL
$node->command_ok(
	[ 'pgbench', '-n', '-c', '12', '-j', '2', '-t', '5', '-U', 'nm_inv', '-f', $probe, 'postgres' ],
	'twelve sessions with one probe');
is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.search WHERE reason = 'probe' AND probe_kept"),
	'60', 'every attempt is recorded');
is($node->safe_psql('postgres', 'SELECT count(*) FROM facesnxt.probe'), '1', 'the probe is kept once');

$node->stop;
done_testing();
