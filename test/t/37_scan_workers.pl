# Passes that scan workers share: the same rows, in the same order, as by one
# process, whatever is asked and whatever becomes of the workers.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = PostgreSQL::Test::Cluster->new('workers');
$node->init(allows_streaming => 1, no_data_checksums => 1);
$node->append_conf('postgresql.conf', <<'CONF');
autovacuum = off
restart_after_crash = on
log_min_messages = debug1
shared_preload_libraries = facesnxt
facesnxt.scan_workers = 2
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION facesnxt;
SELECT setseed(0.37);
-- 12,000 rows of 512 dimensions, three to a person, 107 pages of codes
CREATE TABLE face (id int, agency int, code text, day date, template facesnxt.embedding);
WITH person AS MATERIALIZED (
	SELECT i, (SELECT array_agg(random() - 0.5) FROM generate_series(1, 512) k WHERE k <> -i) AS v FROM generate_series(1, 4000) i)
INSERT INTO face
SELECT i * 3 + p, i % 50, CASE WHEN i % 10 > 0 THEN 'c' || i % 200 END, date '2020-01-01' + i % 1000,
	(SELECT array_agg(x + (random() - 0.5) * 0.8 ORDER BY k) FROM unnest(v) WITH ORDINALITY AS u (x, k))::real[]::facesnxt.embedding
FROM person, generate_series(0, 2) p;
INSERT INTO face SELECT 20000 + i, i, NULL, NULL, CASE WHEN i > 5 THEN array_fill(0::real, ARRAY[512])::facesnxt.embedding END
FROM generate_series(1, 10) i;
CREATE TABLE sought AS SELECT id, template FROM face WHERE id % 1000 = 1 AND id < 20000;
CREATE TABLE lists AS TABLE face;
CREATE TABLE coarse AS TABLE face;
CREATE TABLE second AS TABLE face;
CREATE TABLE same AS SELECT id, p.template FROM face, (SELECT template FROM sought ORDER BY id LIMIT 1) p;
CREATE UNLOGGED TABLE draft AS TABLE face;
CREATE INDEX face_template ON face USING facescan (template, agency, code, day) WITH (lists = 1);
CREATE INDEX face_l2 ON face USING facescan (template facesnxt.embedding_l2_ops) WITH (lists = 1);
CREATE INDEX face_ip ON face USING facescan (template facesnxt.embedding_ip_ops) WITH (lists = 1);
CREATE INDEX lists_template ON lists USING facescan (template) WITH (lists = 20);
CREATE INDEX coarse_template ON coarse USING facescan (template) WITH (lists = 1, refine_bits = 0);
CREATE INDEX second_template ON second USING facescan (template) WITH (lists = 1, refine_bits = 2);
CREATE INDEX same_template ON same USING facescan (template) WITH (lists = 1);
CREATE INDEX draft_template ON draft USING facescan (template) WITH (lists = 1);
ANALYZE;
SQL
my $settings = 'SET search_path = facesnxt, public; SET enable_seqscan = off; SET enable_sort = off;
	SET enable_bitmapscan = off; SET min_parallel_index_scan_size = 0;';

# What a query returns for each of four probes, and the most workers that a scan of them had.
sub rows_of
{
	my ($where, $query, $more) = @_;
	my $sql = "$settings $more\n";
	$sql .= "SELECT 'rows ' || string_agg(id::text, ' ' ORDER BY n) FROM (SELECT id, row_number() OVER () AS n FROM ("
		. ($query =~ s/PROBE/(SELECT template FROM sought ORDER BY id OFFSET $_ LIMIT 1)/gr) . ") r) s;\n"
		. "SELECT 'workers ' || workers FROM last_scan();\n"
		foreach 0 .. 3;
	my $out = $where->safe_psql('postgres', $sql);
	my ($workers) = sort { $b <=> $a } $out =~ /^workers (\d+)$/mg;
	return ([ map { [ split / / ] } $out =~ /^rows (.*)$/mg ], $workers);
}

# The same, by several processes: in a small index a worker that is called may come when there is nothing left to do.
sub shared_rows_of
{
	my ($where, $query, $more) = @_;
	foreach (1 .. 50)
	{
		my ($rows, $workers) = rows_of($where, $query, $more);
		return ($rows, $workers) if $workers > 0;
	}
	return ([], 0);
}

# What is wrong with rows, as against those of one process: none twice, as many, and in their order but for a few; when
# the floor rises depends on the processes, and one in some thousand rows on that.
sub differences
{
	my ($found, $expected) = @_;
	my @wrong;
	push @wrong, 'not as many searches' unless @$found == @$expected && @$expected == 4;
	foreach my $i (0 .. $#$expected)
	{
		my %place;
		my @ids = @{ $found->[$i] // [] };
		push @wrong, "search $i: a row twice" if grep { $place{$_}++ } @ids;
		push @wrong, "search $i: " . @ids . ' rows of ' . @{ $expected->[$i] } if @ids != @{ $expected->[$i] };
		@place{@ids} = 0 .. $#ids;
		my @places = grep { defined } map { $place{$_} } @{ $expected->[$i] };
		push @wrong, "search $i: other rows" if @places < 0.98 * @{ $expected->[$i] };
		# a row that comes late in one of the two makes two of these, at most
		my $turns = grep { $places[$_] < $places[ $_ - 1 ] } 1 .. $#places;
		push @wrong, "search $i: another order" if $turns > 2 + 0.02 * @places;
	}
	return join(', ', @wrong);
}

my $alone = 'SET facesnxt.scan_workers_per_search = 0;';
my $near = 'SET facesnxt.target_recall = 0.9; SET facesnxt.mate_similarity = 0.7;';

# Workers are back a second after they were lost.
sub come_back
{
	my ($where) = @_;
	foreach (1 .. 100)
	{
		my (undef, $workers) = rows_of($where, 'SELECT id FROM face ORDER BY template <=> PROBE LIMIT 5', '');
		return 1 if $workers == 2;
		usleep(100_000);
	}
	return 0;
}
ok(come_back($node), 'two workers share a pass');

my @queries = (
	[ 'the best 50', 'SELECT id FROM face ORDER BY template <=> PROBE LIMIT 50' ],
	[ 'the best one', 'SELECT id FROM face ORDER BY template <=> PROBE LIMIT 1' ],
	[ 'several rounds', 'SELECT id FROM face ORDER BY template <=> PROBE LIMIT 3000' ],
	[ 'all rows', 'SELECT id FROM face ORDER BY template <=> PROBE' ],
	[ 'Euclidean', 'SELECT id FROM face ORDER BY template <-> PROBE LIMIT 50' ],
	[ 'inner product', 'SELECT id FROM face ORDER BY template <#> PROBE LIMIT 50' ],
	[ 'lists', 'SELECT id FROM lists ORDER BY template <=> PROBE LIMIT 50' ],
	[ 'some lists, prefixes', 'SELECT id FROM lists ORDER BY template <=> PROBE LIMIT 3', $near ],
	[ 'prefixes', 'SELECT id FROM face ORDER BY template <=> PROBE LIMIT 3', $near ],
	[ 'no second bits', 'SELECT id FROM coarse ORDER BY template <=> PROBE LIMIT 50' ],
	[ 'two bits', 'SELECT id FROM second ORDER BY template <=> PROBE LIMIT 50' ],
	[ 'all templates alike', 'SELECT id FROM same ORDER BY template <=> PROBE LIMIT 50' ],
	[ 'an unlogged table', 'SELECT id FROM draft ORDER BY template <=> PROBE LIMIT 50' ],
	[ 'a greatest distance', 'SELECT id FROM face WHERE within(template, PROBE, 0.6) ORDER BY template <=> PROBE' ],
	[ 'a filter', 'SELECT id FROM face WHERE agency = 7 ORDER BY template <=> PROBE LIMIT 50' ],
	[ 'a range', 'SELECT id FROM face WHERE agency BETWEEN 5 AND 9 ORDER BY template <=> PROBE LIMIT 50' ],
	[ 'near numbers', 'SELECT id FROM face WHERE agency = ANY ($${1,3,12,30}$$) ORDER BY template <=> PROBE LIMIT 50' ],
	[ 'far numbers', 'SELECT id FROM face WHERE agency = ANY ($${1,3,12,1000000}$$) ORDER BY template <=> PROBE LIMIT 50' ],
	[ 'texts', 'SELECT id FROM face WHERE code = ANY ($${c1,c3,c12,c77}$$) ORDER BY template <=> PROBE LIMIT 50' ],
	[ 'NULL and days', 'SELECT id FROM face WHERE code IS NULL AND day > $$2022-01-01$$ ORDER BY template <=> PROBE LIMIT 50' ],
);
foreach my $case (@queries)
{
	my ($name, $query, $more) = (@$case, '');
	my ($expected) = rows_of($node, $query, $more . $alone);
	my ($found, $workers) = shared_rows_of($node, $query, $more);

	is(differences($found, $expected), '', "$name: the same rows in the same order");
	cmp_ok($workers, '>', 0, '... by several processes');
}

# what has no share in it
$node->safe_psql('postgres', 'CREATE TABLE many AS SELECT i FROM generate_series(1, 300000) i');
my ($found, $workers) = rows_of($node, 'SELECT id FROM face WHERE agency = ANY (ARRAY(SELECT i * 7000 FROM many) || 7)
	ORDER BY template <=> PROBE LIMIT 50', '');
my ($expected) = rows_of($node, $queries[14][1], $alone);
is(differences($found, $expected), '', 'a filter too large for a task');
is($workers, 0, '... is for one process');
is($node->safe_psql('postgres', <<"SQL"), "50\n0", 'a temporary table is its session\'s alone');
$settings
CREATE TEMPORARY TABLE own AS TABLE face;
CREATE INDEX own_template ON own USING facescan (template) WITH (lists = 1);
SELECT count(*) FROM (SELECT id FROM own ORDER BY template <=> (SELECT template FROM sought LIMIT 1) LIMIT 50) s;
SELECT workers FROM last_scan();
SQL
is($node->safe_psql('postgres', "$settings RESET min_parallel_index_scan_size;
	SELECT count(*) FROM (SELECT id FROM face ORDER BY template <=> (SELECT template FROM sought LIMIT 1) LIMIT 50) s;
	SELECT workers FROM last_scan()"), "50\n0", 'a small index is for one process');

# Pages that a search reads, by what EXPLAIN says, and whether it had workers.
sub pages_read
{
	my ($more) = @_;
	my $out = $node->safe_psql('postgres', "$settings $more EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF)
		SELECT id FROM face ORDER BY template <=> (SELECT template FROM sought LIMIT 1) LIMIT 5;
		SELECT workers > 0 FROM last_scan()");
	my ($hit, $read) = $out =~ /Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?/;
	return (($hit // 0) + ($read // 0), $out =~ /\nt$/);
}
my ($pages_alone) = pages_read($alone);
my ($pages_shared, $shared);
foreach (1 .. 50)
{
	($pages_shared, $shared) = pages_read('');
	last if $shared;
}
ok($shared, 'a plan that workers take part in');
cmp_ok($pages_shared, '>', 0.95 * $pages_alone, '... counts what they have read');

# ---- whatever becomes of them

# The processes of the workers.
sub pids
{
	my $postmaster = $node->{_pid};
	return grep { /^\d+$/ } split(/\n/, `pgrep -P $postmaster -f 'facesnxt scan worker'`);
}

# Searches in a loop; in how many of them the mates, or more than two of the others, are not those that are expected.
sub loop
{
	my ($seconds, $name) = @_;
	return <<"SQL";
$settings
CREATE TEMPORARY TABLE expected AS SELECT p.id, array(SELECT f.id FROM face f ORDER BY f.template <=> p.template LIMIT 20) AS ids
	FROM sought p;
DO \$\$
DECLARE
	until timestamptz := clock_timestamp() + '$seconds s';
	p record;
	found int[];
	searches int := 0;
	wrong int := 0;
	shared int := 0;
BEGIN
	WHILE clock_timestamp() < until LOOP
		FOR p IN SELECT e.ids, q.template FROM expected e JOIN sought q USING (id) LOOP
			SELECT array(SELECT f.id FROM face f ORDER BY f.template <=> p.template LIMIT 20) INTO found;
			searches := searches + 1;
			wrong := wrong + (found[1:3] IS DISTINCT FROM p.ids[1:3] OR cardinality(found) <> 20
				OR cardinality(array(SELECT unnest(found) INTERSECT SELECT unnest(p.ids))) < 18)::int;
			shared := shared + (SELECT workers FROM last_scan());
		END LOOP;
	END LOOP;
	RAISE NOTICE '$name: % wrong, shared %, some %', wrong, shared > 0, searches > 100;
END \$\$;
SQL
}

my $folder = PostgreSQL::Test::Utils::tempdir();

# Starts loops; returns what to call for what they said.
sub begin_loops
{
	my ($n, $seconds) = @_;
	my @loops;
	foreach my $i (1 .. $n)
	{
		my $file = "$folder/loop$i.sql";
		unlink($file);
		append_to_file($file, loop($seconds, "loop $i"));
		my ($out, $err) = ('', '');
		my $handle = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-f', $file ], '>', \$out, '2>', \$err);
		push @loops, [ $handle, \$err ];
	}
	return sub { return map { $_->[0]->finish; ${ $_->[1] } =~ s/^psql:[^ ]* //gmr } @loops; };
}

my @said = begin_loops(4, 3)->();
is(join('', sort @said), join('', map { "NOTICE:  loop $_: 0 wrong, shared t, some t\n" } 1 .. 4),
	'four sessions at a time, two workers: none finds other rows');

# whether one ends in the midst of a pass is a matter of chance: again until one has
my $unharmed = join('', map { "NOTICE:  loop $_: 0 wrong, shared t, some t\n" } 1 .. 2);
my ($ends, $heard);
my $killed = 0;
do
{
	$ends = begin_loops(2, 6);
	foreach (1 .. 60)
	{
		usleep(100_000);
		$killed += kill('TERM', $_) foreach pids();
	}
	$heard = join('', sort $ends->());
} while ($heard eq $unharmed && $killed < 200 && slurp_file($node->logfile) !~ /a scan worker was lost/);
is($heard, $unharmed, 'workers that end in the middle of a pass: the same rows');
cmp_ok($killed, '>=', 6, '... and they have ended, more than once each');
like(slurp_file($node->logfile), qr/a scan worker was lost/, '... while a session had them');
ok(come_back($node), '... and are there again');

# cancelled by another session, in the midst of whatever they do
my $file = "$folder/cancelled.sql";
append_to_file($file, "$settings\n" . "SELECT count(*) AS cancelled FROM (SELECT s.id FROM sought p, LATERAL (SELECT f.id FROM face f
	ORDER BY f.template <=> p.template LIMIT 50 + 0 * p.id) s) a;\n" x 1000);
my ($counts, $errors) = ('', '');
my $searches = IPC::Run::start([ 'psql', '-XqAt', '-d', $node->connstr('postgres'), '-f', $file ], '>', \$counts, '2>', \$errors);
do
{
	$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid), pg_sleep(0.003) FROM pg_stat_activity, generate_series(1, 50)
		WHERE query LIKE '%cancelled%' AND state = 'active' AND pid <> pg_backend_pid()");
	$searches->pump_nb;
} while ($searches->pumpable);
$searches->finish;
my $cancelled = () = $errors =~ /canceling statement due to user request/g;
my $ended = () = $counts =~ /^600$/mg;
cmp_ok($cancelled, '>', 20, 'searches that are cancelled');
is($cancelled + $ended, 1000, '... and others after them that end');
ok(come_back($node), '... leave their workers to others');

$ends = begin_loops(1, 2);
my $searching = "FROM pg_stat_activity WHERE query LIKE '%RAISE NOTICE%' AND state = 'active' AND pid <> pg_backend_pid()";
$node->poll_query_until('postgres', "SELECT count(*) = 1 $searching");
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) $searching");
like(($ends->())[0], qr/terminating connection/, 'a session that ends in the middle of a search');
ok(come_back($node), '... leaves its workers to others');

# a damaged page: the session says so, as it does alone
my $place = $node->safe_psql('postgres', "SELECT pg_relation_filepath('second_template')");
$node->stop;
{
	# the kind of all pages of second bits, so that whoever reads one meets it
	my $file = $node->data_dir . "/$place";
	my $head;
	open(my $handle, '+<:raw', $file) or die "cannot open $file: $!";
	foreach my $block (0 .. (-s $file) / 8192 - 1)
	{
		seek($handle, $block * 8192 + 24, 0);
		read($handle, $head, 4);
		next unless unpack('S', $head) == 5;
		seek($handle, $block * 8192 + 24, 0);
		print $handle pack('S', 0);
	}
	close($handle);
}
$node->start;
ok(come_back($node), '... that workers, too, may meet');
my ($out, $err) = ('', '');
my $offset = -s $node->logfile;
foreach (1 .. 50)
{
	$node->psql('postgres',
		"$settings SELECT id FROM second ORDER BY template <=> (SELECT template FROM sought LIMIT 1) LIMIT 5",
		stdout => \$out, stderr => \$err, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	last if slurp_file($node->logfile, $offset) =~ /"facesnxt scan worker" \(PID \d+\) exited with exit code 1/;
}
like($err, qr/ERROR:  XX002: .*second_template/, 'a damaged page is the session\'s error');
is($out, '', '... without a row');
like(slurp_file($node->logfile, $offset), qr/"facesnxt scan worker" \(PID \d+\) exited with exit code 1/,
	'... and the end of a worker that meets one');
ok(come_back($node), '... after which it is there again');

# a standby has workers of its own
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
ok(come_back($standby), 'a standby: two workers share a pass');
($expected) = rows_of($node, $queries[0][1], $alone);
($found) = shared_rows_of($standby, $queries[0][1], '');
is(differences($found, $expected), '', '... with the same rows');
$standby->stop;

# killed outright: the server starts anew, and so do they
kill('KILL', (pids())[0]);
ok($node->poll_query_until('postgres', 'SELECT 1', '1'), 'after a crash of a worker the server is up again');
ok(come_back($node), '... with workers');
($found) = shared_rows_of($node, $queries[0][1], '');
is(differences($found, $expected), '', '... and the same rows');

# without the library at the start there are none, and nothing else is different
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
($found, $workers) = rows_of($node, $queries[0][1], '');
is(differences($found, $expected), '', 'not preloaded: the same rows');
is($workers, 0, '... by one process');
# and never so many that the writer of records finds no place
$node->append_conf('postgresql.conf', <<'CONF');
shared_preload_libraries = facesnxt
facesnxt.scan_workers = 16
max_worker_processes = 4
CONF
$node->restart;
ok($node->poll_query_until('postgres', 'SELECT 1', '1') && come_back($node), 'half of the processes, at most');
is(scalar(my @found = pids()), 2, '... are scan workers');
$node->stop;

done_testing();
