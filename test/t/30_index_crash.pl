# The postmaster is killed at random instants while rows are inserted, deleted,
# vacuumed and indexed anew, by a flat index and by one with lists. After each
# recovery both are sound and find what the exact scan finds; so does the
# standby after each round, whose answers are the same ones, and once promoted.
# ROUNDS (6) of it; `make patient` takes 56.
use strict;
use warnings;

use Facesnxt::Order;
use IPC::Run ();
use List::Util qw(max);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $rounds = $ENV{ROUNDS} // 6;
my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1, extra => ['--data-checksums']);
$node->append_conf('postgresql.conf', <<'CONF');
autovacuum = off
restart_after_crash = off
max_wal_size = 64MB
checkpoint_timeout = 30s
wal_keep_size = 8GB
synchronous_commit = off
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION facesnxt;
CREATE FUNCTION random_template() RETURNS facesnxt.embedding LANGUAGE sql VOLATILE AS
	$$ SELECT array_agg(random() - 0.5)::real[]::facesnxt.embedding FROM generate_series(1, 64) $$;
CREATE TABLE face (id serial PRIMARY KEY, agency int, template facesnxt.embedding);
INSERT INTO face (agency, template) SELECT i % 5, random_template() FROM generate_series(1, 3000) i;
CREATE INDEX face_template ON face USING facescan (template, agency);
-- of another metric, so that the operator says which of the two is used
CREATE INDEX face_lists ON face USING facescan (template facesnxt.embedding_l2_ops, agency) WITH (lists = 24);
SQL
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

# What is asked of an index: all rows, and for the last eight templates the nearest and those within a distance.
sub questions
{
	my ($operator, $within, $distance) = @_;
	my $order = "ORDER BY template OPERATOR(facesnxt.$operator)";
	my $probes = 'SELECT id, template FROM face WHERE template IS NOT NULL ORDER BY id DESC LIMIT 8';
	return <<SQL;
SELECT 'rows', count(*), md5(string_agg(id::text, ' ' ORDER BY id)) FROM
	(SELECT id FROM face $order (SELECT template FROM face WHERE template IS NOT NULL ORDER BY id DESC LIMIT 1)) s;
SELECT 'nearest', (SELECT string_agg(s.id::text, ' ' ORDER BY s.place) FROM (SELECT id, row_number() OVER () AS place
		FROM (SELECT id FROM face $order p.template LIMIT 20) s) s)
	FROM ($probes) p ORDER BY p.id DESC;
SELECT 'within', (SELECT string_agg(id::text, ' ' ORDER BY id) FROM face
		WHERE facesnxt.$within(template, p.template, $distance))
	FROM ($probes) p ORDER BY p.id DESC;
SQL
}
my %questions = (
	face_template => questions('<=>', 'within', 0.7),
	face_lists => questions('<->', 'within_l2', 2.7));

# A new session's answers to them, by the table alone or by an index, and then which one that was and what is wrong.
sub answers
{
	my ($server, $index, $by_index) = @_;
	my ($settings, $end) = ('SET enable_indexscan = off; SET enable_indexonlyscan = off', "SELECT '$index'");
	($settings, $end) = ('SET enable_seqscan = off; SET enable_sort = off', "SELECT index FROM facesnxt.last_scan();
		SELECT block, problem FROM facesnxt.index_check('$index')") if $by_index;
	return [ split /\n/,
		$server->safe_psql('postgres', "$settings; SET enable_bitmapscan = off;\n$questions{$index}$end") ];
}

# Whether a line of an index's answers is that of the table. Where bounds that are statistical decide, one row may be
# late, or missing; all rows of the table come whatever they say.
sub is_right
{
	my ($found, $expected) = map { $_ // '' } @_;
	my ($what, $ids) = $found =~ /^(nearest|within)\|(.*)$/ or return $found eq $expected;
	my ($expected_ids) = $expected =~ /^$what\|(.*)$/ or return 0;
	return $what eq 'nearest' ? in_order($ids, $expected_ids) : all_but_one($ids, $expected_ids);
}

# Both indexes are sound, and give what the table alone gives.
sub is_sound
{
	my ($server, $what) = @_;
	my (@wrong, %found);
	foreach my $index (sort keys %questions)
	{
		my $expected = answers($server, $index, 0);
		$found{$index} = answers($server, $index, 1);
		push @wrong, map { [ $index, $found{$index}[$_] // 'nothing', $expected->[$_] // 'nothing' ] }
			grep { !is_right($found{$index}[$_], $expected->[$_]) } 0 .. max($#$expected, $#{ $found{$index} });
	}
	ok(!@wrong, $what) or diag(map { "by $_->[0]:   $_->[1]\nby the table: $_->[2]\n" } @wrong);
	return \%found;
}

# ... and the standby, which has the same pages, is as sound and gives the same, row by row.
sub both_are_sound
{
	my ($what) = @_;
	my $found = is_sound($node, $what);
	$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
	is_deeply(is_sound($standby, '... the standby'), $found, '... which answers the same');
	return;
}

my $scripts = PostgreSQL::Test::Utils::tempdir();
append_to_file("$scripts/insert.sql",
	"INSERT INTO face (agency, template) SELECT i % 5, CASE WHEN i % 50 = 0 THEN NULL ELSE random_template() END"
	  . " FROM generate_series(1, 20) i;\n");
append_to_file("$scripts/delete.sql",
	"\\set low random(1, 20000)\nDELETE FROM face WHERE id BETWEEN :low AND :low + 15;\n");
append_to_file("$scripts/update.sql",
	"\\set id random(1, 20000)\nUPDATE face SET template = random_template() WHERE id = :id;\n");
# a probe that is computed once: by a volatile function no index is searched
append_to_file("$scripts/search.sql", join('', "SET enable_seqscan = off;\n", map {
	"SELECT count(*) FROM (SELECT id FROM face"
	. " ORDER BY template OPERATOR(facesnxt.$_) (SELECT random_template()) LIMIT 10) s;\n" } qw(<=> <->)));
# what is done over and over in a round: in turn to the flat index and to the one with lists
my @work = (
	[ 'VACUUM face' ],
	[ map { "REINDEX INDEX $_" } qw(face_template face_lists) ],
	[ map { "REINDEX INDEX CONCURRENTLY $_" } qw(face_lists face_template) ],
	[ map { "DROP INDEX IF EXISTS extra; CREATE INDEX extra ON face USING facescan (template) $_" }
		('', 'WITH (lists = 40)') ],
	[ map { ('DROP INDEX IF EXISTS extra', "CREATE INDEX CONCURRENTLY extra ON face USING facescan (template) $_") }
		('WITH (lists = 40)', '') ]);

# from where to where in the log processes write whose postmaster is gone
my @dying;

for my $round (1 .. $rounds)
{
	my @statements = @{ $work[ $round % @work ] };
	my ($out, $log) = ('', '');
	$node->safe_psql('postgres', sprintf('ALTER SYSTEM SET full_page_writes = %s', $round % 2 ? 'on' : 'off'));
	$node->reload;
	my $bench = IPC::Run::start(
		[ 'pgbench', '-h', $node->host, '-p', $node->port, '-n', '-c', 3, '-T', 60,
			(map { ('-f', "$scripts/$_.sql") } qw(insert delete update search)), 'postgres' ],
		'>', \$out, '2>', \$log);
	my $other = IPC::Run::start(
		[ 'psql', '-XAtq', '-h', $node->host, '-p', $node->port, 'postgres', map { ('-c', $_) } (@statements) x 20 ],
		'>', \$out, '2>', \$log);
	sleep(0.3 + rand(1.5));
	$node->kill9;
	my $killed = -s $node->logfile;
	$bench->finish;
	$other->finish;

	# the last of the old processes must have gone
	my $started = 0;
	for (1 .. 60)
	{
		last if $started = $node->start(fail_ok => 1);
		# what start() read there is the process that was killed
		$node->{_pid} = undef;
		sleep(0.5);
	}
	BAIL_OUT('server does not come back') unless $started;
	push @dying, [ $killed, -s $node->logfile ];
	$node->safe_psql('postgres', <<'SQL');
-- what is left of an interrupted build goes; one that came to its end is as sound as the others
DO $$ DECLARE name text; valid boolean; BEGIN
	FOR name, valid IN SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid = 'face'::regclass AND (NOT i.indisvalid OR c.relname = 'extra') LOOP
		IF valid AND EXISTS (SELECT FROM facesnxt.index_check(name::regclass)) THEN
			RAISE EXCEPTION 'index % is not sound', name;
		END IF;
		EXECUTE format('DROP INDEX %I', name);
	END LOOP;
END $$;
SQL
	both_are_sound("round $round, killed during $statements[-1]");
}
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM face'), '>', 1000, 'rows were left to look at');

$node->safe_psql('postgres', 'VACUUM face');
both_are_sound('vacuumed');
$node->stop('immediate');
$standby->promote;
$standby->safe_psql('postgres',
	'INSERT INTO face (agency, template) SELECT 1, random_template() FROM generate_series(1, 300); VACUUM face');
is_sound($standby, 'the standby, promoted');
$standby->stop;
# Processes end one by one: a worker whose leader has gone, a leader whose worker has, a transaction between its commit
# and its end.
my $dies = join '|', 'could not (map|attach to) .*(dynamic shared (memory|area)|DSM)',
	'lost connection to parallel worker', 'parallel worker failed to initialize',
	'cannot abort transaction \d+, it was already';
my $odd = qr/PANIC|XX00|unexpected page at|is damaged|out of shared memory|could not read|ERROR:  (?!cancel)/;
foreach my $server ($node, $standby)
{
	my ($at, @found) = (0);
	foreach my $line (split /(?<=\n)/, slurp_file($server->logfile))
	{
		my $is_dying = $server == $node && grep { $at >= $_->[0] && $at < $_->[1] } @dying;
		push @found, $line if $line =~ $odd && !($is_dying && $line =~ $dies);
		$at += length $line;
	}
	is(join('', @found), '', 'nothing odd in the log of ' . $server->name);
}
done_testing();
