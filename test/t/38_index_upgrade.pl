# pg_upgrade carries indexes over as files, into a catalog that is made anew:
# they are sound afterwards, say of themselves what they said, give the same
# rows in the same order, and take inserts and VACUUM. From the version at hand
# to itself: what the extension adds to an upgrade does not depend on the server's.
use strict;
use warnings;

use Facesnxt::Order;
use Facesnxt::Rows;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = PostgreSQL::Test::Cluster->new('old');
my $new = PostgreSQL::Test::Cluster->new('new');
my $bin = $old->config_data('--bindir');
plan skip_all => "there is no pg_upgrade in $bin" unless -x "$bin/pg_upgrade";

# as a server is that has scan workers, which must not be in the way
foreach my $node ($old, $new)
{
	$node->init;
	$node->append_conf('postgresql.conf', <<'CONF');
autovacuum = off
shared_preload_libraries = 'facesnxt'
facesnxt.scan_workers = 1
CONF
}
$old->start;
create_row_of($old, 64);
$old->safe_psql('postgres', <<'SQL');
CREATE TYPE place AS ENUM ('north', 'south');
-- its values do not lie in the order of their numbers
ALTER TYPE place ADD VALUE 'east' BEFORE 'south';
CREATE FUNCTION fill(name regclass, low int, high int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
	EXECUTE format('INSERT INTO %s SELECT i, i %% 7, (enum_range(NULL::place))[1 + i %% 3], ''unit '' || i %% 5,
		(''00000000-0000-0000-8000-'' || lpad((i %% 11)::text, 12, ''0''))::uuid,
		CASE WHEN i %% 100 > 0 THEN row_of(i) END FROM generate_series($1, $2) i', name) USING low, high;
END $$;
CREATE TABLE face (id int, agency int, place place, unit text, source uuid, template facesnxt.embedding);
CREATE UNLOGGED TABLE passing (LIKE face);
SELECT fill('face', 1, 2500), fill('passing', 1, 500);
-- of a metric each, so that the operator says which one is used
CREATE INDEX face_flat ON face USING facescan (template);
CREATE INDEX face_lists ON face USING facescan (template facesnxt.embedding_l2_ops) WITH (lists = 20);
CREATE INDEX face_filtered ON face
	USING facescan (template facesnxt.embedding_ip_ops, agency, place, unit, source) WITH (refine_bits = 6);
CREATE INDEX passing_template ON passing USING facescan (template, agency);
-- entries without a row, slots that are free, rows in the tail
DELETE FROM face WHERE id % 10 = 3;
VACUUM face;
SELECT fill('face', 2501, 3000);
DELETE FROM face WHERE id % 10 = 4;
SQL

my %searches = (
	face_flat => [ [ 'face', '<=>' ], [ 'face WHERE facesnxt.within(template, row_of(78), 0.8)', '<=>' ] ],
	face_lists => [ [ 'face', '<->' ] ],
	face_filtered => [ map { [ "face WHERE $_", '<#>' ] } ('agency = 3', q{place = 'east'}, q{unit = 'unit 2'},
		q{source = '00000000-0000-0000-8000-000000000007'}, q{agency > 1 AND place = 'south' AND unit = 'unit 4'}) ],
	passing_template => [ [ 'passing', '<=>' ], [ 'passing WHERE agency = 3', '<=>' ] ]);
my @indexes = sort keys %searches;

# What a new session finds nearest by an index, a line for each of its searches; or by the tables alone.
sub nearest
{
	my ($node, $index, $by_table) = @_;
	my $settings = $by_table ? 'SET enable_indexscan = off; SET enable_bitmapscan = off'
		: 'SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off';
	return $node->safe_psql('postgres', join(';', $settings, map { <<SQL } @{ $searches{$index} }));
SELECT string_agg(id::text, ' ' ORDER BY place) FROM (SELECT id, row_number() OVER () AS place
	FROM (SELECT id FROM $_->[0] ORDER BY template OPERATOR(facesnxt.$_->[1]) row_of(77) LIMIT 60) s) s
SQL
}

sub is_good
{
	my ($node, $index, $what) = @_;
	is($node->safe_psql('postgres', "SELECT block, problem FROM facesnxt.index_check('$index')"), '',
		"$index, $what: sound");
	my @found = split /\n/, nearest($node, $index);
	my @expected = split /\n/, nearest($node, $index, 1);
	is(scalar @found, scalar @{ $searches{$index} }, '... every search has an answer');
	ok(in_order($found[$_], $expected[$_]), "... in the order of $searches{$index}[$_][0]")
		or diag("found    $found[$_]\nexpected $expected[$_]") foreach 0 .. $#found;
	return;
}
sub info { return $_[0]->safe_psql('postgres', "SELECT * FROM facesnxt.index_info('$_[1]')") }

my (%found, %told);
foreach my $index (@indexes)
{
	is_good($old, $index, 'before the upgrade');
	($found{$index}, $told{$index}) = (nearest($old, $index), info($old, $index));
}
$old->stop;

# it leaves a script and logs where it runs
chdir $PostgreSQL::Test::Utils::tmp_check or die "cannot go to the tests' folder: $!";
command_ok([ 'pg_upgrade', '--no-sync', '--old-datadir', $old->data_dir, '--new-datadir', $new->data_dir,
		'--old-bindir', $bin, '--new-bindir', $bin, '--old-port', $old->port, '--new-port', $new->port,
		'--socketdir', $new->host ],
	'pg_upgrade');
$new->start;

foreach my $index (@indexes)
{
	is(info($new, $index), $told{$index}, "$index, upgraded: says the same");
	is(nearest($new, $index), $found{$index}, '... gives the same rows in the same order');
	is_good($new, $index, 'upgraded');
	my $plan = $new->safe_psql('postgres', "SET enable_seqscan = off; SET enable_sort = off; EXPLAIN (COSTS OFF)
		SELECT id FROM $searches{$index}[0][0] ORDER BY template OPERATOR(facesnxt.$searches{$index}[0][1]) row_of(77)");
	like($plan, qr/^Index Scan using $index/, '... and is used');
}

$new->safe_psql('postgres', "DELETE FROM face WHERE id % 10 = 5; SELECT fill('face', 3001, 3500);
	DELETE FROM passing WHERE id % 10 = 5; SELECT fill('passing', 501, 700)");
is_good($new, $_, 'with other rows') foreach @indexes;
$new->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) face, passing');
foreach my $index (@indexes)
{
	is_good($new, $index, 'vacuumed');
	my ($table) = $index =~ /^([a-z]+)_/;
	is($new->safe_psql('postgres', "SELECT entries = (SELECT count(*) FROM $table) FROM facesnxt.index_info('$index')"),
		't', '... an entry for each row');
}

# what an unlogged index begins with after a crash is not carried over, but made by the upgrade
$new->stop('immediate');
$new->start;
is_good($new, $_, 'after a crash') foreach grep { /^face/ } @indexes;
is($new->safe_psql('postgres', "SELECT count(*) FROM facesnxt.index_check('passing_template')"), '0',
	'passing_template, after a crash: sound');
unlike(nearest($new, 'passing_template'), qr/\d/, '... and empty');
$new->safe_psql('postgres', "SELECT fill('passing', 1, 300)");
is_good($new, 'passing_template', 'filled again');
$new->safe_psql('postgres', 'REINDEX TABLE face');
is_good($new, $_, 'rebuilt') foreach grep { /^face/ } @indexes;
$new->stop;
done_testing();
