# Indexes larger than the server's shared buffers, so that what a session
# remembers or guesses of where pages are is wrong most of the time.
use strict;
use warnings;

use Facesnxt::Order;
use Facesnxt::Rows;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('buffers');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nshared_buffers = 1MB\n"
	. "shared_preload_libraries = facesnxt\nfacesnxt.scan_workers = 2\n");
$node->start;
create_row_of($node, 128);
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE flat AS SELECT i AS id, row_of(i) AS template FROM generate_series(1, 12000) i;
CREATE TABLE lists AS SELECT id, template FROM flat;
CREATE INDEX flat_template ON flat USING facescan (template) WITH (lists = 1);
CREATE INDEX lists_template ON lists USING facescan (template) WITH (lists = 32);
ANALYZE flat, lists;
SQL
my @indexes = qw(flat lists);
cmp_ok($node->safe_psql('postgres', "SELECT pg_relation_size('${_}_template') / 8192"), '>', 128,
	"the index of $_ is larger than the buffers")
	foreach @indexes;

my $settings = 'SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off;';
my $alone = "$settings SET facesnxt.scan_workers_per_search = 0;";
my $shared = "$settings SET min_parallel_index_scan_size = 0;";

# the 40 nearest
sub nearest
{
	my ($table, $probe) = @_;
	return "SELECT string_agg(id::text, ' ' ORDER BY place) FROM (SELECT id, row_number() OVER () AS place FROM
		(SELECT id FROM $table ORDER BY template OPERATOR(facesnxt.<=>) row_of($probe) LIMIT 40) n) s";
}

sub exact
{
	my ($table, $probe) = @_;
	return $node->safe_psql('postgres', 'SET enable_indexscan = off;' . nearest($table, $probe));
}

like($node->safe_psql('postgres', "$settings EXPLAIN (COSTS OFF) " . nearest($_, 1)), qr/Index Scan using ${_}_template/,
	"$_: by the index")
	foreach @indexes;
my $workers = 0;
foreach (1 .. 50)
{
	# a worker may come when there is nothing left to do
	$workers ||= $node->safe_psql('postgres',
		$shared . nearest('flat', 1) . '; SELECT workers FROM facesnxt.last_scan()') =~ /\n[12]$/;
}
ok($workers, 'with a worker');

my $session = $node->background_psql('postgres');
$session->query_safe($alone);
my %wrong = (remembered => [], 'a new session' => [], workers => []);
for my $round (1 .. 12)
{
	my $probe = 13000 + $round;

	foreach my $table (@indexes)
	{
		my $expected = exact($table, $probe);
		my %found = (
			remembered => $session->query_safe(nearest($table, $probe)),
			'a new session' => $node->safe_psql('postgres', $alone . nearest($table, $probe)),
			workers => $node->safe_psql('postgres', $shared . nearest($table, $probe)),
		);

		push @{ $wrong{$_} }, "$table $probe: $found{$_} instead of $expected"
			foreach grep { !in_order($found{$_}, $expected) } keys %found;
		# pages that the session has never seen
		$session->query_safe("INSERT INTO $table SELECT 20000 + $round * 100 + i, row_of($round * 7919 + i)
			FROM generate_series(1, 60) i");
	}
}
is(join("\n", @{ $wrong{$_} }), '', "$_: the rows of the exact search, in its order") foreach sort keys %wrong;
is($node->safe_psql('postgres', "SELECT block, problem FROM facesnxt.index_check('${_}_template')"), '', "$_ is sound")
	foreach @indexes;
$session->quit;
$node->stop;

done_testing();
