# An index where it is put next: another database, another tablespace, another
# partition, another build of itself. It keeps its options, operator classes
# and filter columns, and is sound afterwards; a build tells how far it is.
use strict;
use warnings;

use Facesnxt::Order;
use Facesnxt::Rows;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('move');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
my $folder = PostgreSQL::Test::Utils::tempdir();
mkdir "$folder/space" or die "cannot make $folder/space: $!";
create_row_of($node, 64);
$node->safe_psql('postgres', <<SQL);
CREATE TABLESPACE other LOCATION '$folder/space';
CREATE TABLE face (id int, agency int, seen date, note text, template facesnxt.embedding) WITH (fillfactor = 50);
INSERT INTO face SELECT i, i % 7, '2020-01-01'::date + i, 'note ' || i % 3, row_of(i) FROM generate_series(1, 2000) i;
INSERT INTO face VALUES (0, 0, '2020-01-01', 'none', NULL);
SQL

# The nearest of a query's rows, by an index; the same by sorting.
sub nearest
{
	my ($database, $from, $operator, $with_index) = @_;
	my $settings = $with_index ? 'SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off'
		: 'SET enable_indexscan = off; SET enable_bitmapscan = off';
	return $node->safe_psql($database, "$settings; SELECT string_agg(id::text, ' ' ORDER BY place)
		FROM (SELECT id, row_number() OVER () AS place FROM (SELECT id FROM $from
			ORDER BY template OPERATOR(facesnxt.$operator) row_of(77) LIMIT 100) s) s");
}

sub problems
{
	my ($index, $database) = @_;
	return $node->safe_psql($database // 'postgres', "SELECT block, problem FROM facesnxt.index_check('$index')");
}

# An index is sound, and gives the rows in the order of the table alone.
sub good
{
	my ($what, $database, $index, $from, $operator) = @_;
	is(problems($index, $database), '', "$what: sound");
	my $plan = $node->safe_psql($database, "SET enable_seqscan = off; SET enable_sort = off;
		EXPLAIN SELECT id FROM $from ORDER BY template OPERATOR(facesnxt.$operator) row_of(77) LIMIT 100");
	like($plan, qr/Index Scan using \Q$index\E/, '... and used');
	my ($got, $expected) = map { nearest($database, $from, $operator, $_) } (1, 0);
	ok(in_order($got, $expected), '... in the order of the table') or diag("got      $got\nexpected $expected");
	return;
}

# ---- pg_dump and restore

my %index = (
	plain => [ 'USING facescan (template)', 'face', '<=>' ],
	filtered => [ 'USING facescan (template, agency, seen, note)',
		'face WHERE agency = 3 AND note = $$note 1$$', '<=>' ],
	options => [ 'USING facescan (template) WITH (lists=\'20\', refine_bits=\'6\', sample=\'1000\') WHERE (id > 10)',
		'face WHERE id > 10', '<=>' ],
	euclidean => [ 'USING facescan (template facesnxt.embedding_l2_ops, agency) WITH (lists=\'1\')', 'face', '<->' ],
	product => [ 'USING facescan (template facesnxt.embedding_ip_ops) WITH (refine_bits=\'0\')', 'face', '<#>' ]);
foreach my $name (sort keys %index)
{
	# one at a time, so that the planner has no choice
	my ($definition, $from, $operator) = @{ $index{$name} };
	my $told = 'SELECT metric, dimension, model, bits, lists, filter_columns, entries, without_code
		FROM facesnxt.index_info';
	$node->safe_psql('postgres', "CREATE INDEX face_$name ON face $definition");
	$node->command_ok([ 'pg_dump', '--file', "$folder/$name.sql", 'postgres' ], "$name: pg_dump");
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $name, '-f', "$folder/$name.sql" ],
		'... restore');
	my $restored = $node->safe_psql($name, "SELECT pg_get_indexdef('face_$name'::regclass)");
	like($restored, qr/ON public\.face \Q$definition\E$/, '... with the same definition');
	is($node->safe_psql($name, "$told('face_$name')"), $node->safe_psql('postgres', "$told('face_$name')"),
		'... and what it was built to');
	good($name, $name, "face_$name", $from, $operator);
	$node->safe_psql('postgres', "DROP DATABASE $name");
	$node->safe_psql('postgres', "DROP INDEX face_$name");
}

# ---- another tablespace, another build

$node->safe_psql('postgres',
	'CREATE INDEX face_template ON face USING facescan (template, agency) WITH (lists = 10) TABLESPACE other');
my $path = "SELECT pg_relation_filepath('face_template')";
like($node->safe_psql('postgres', $path), qr/^pg_tblspc/, 'an index in another tablespace');
good('built there', 'postgres', 'face_template', 'face', '<=>');
my $lists = 'SELECT lists FROM facesnxt.index_info($$face_template$$)';
foreach my $step (
	[ 'moved back', 'ALTER INDEX face_template SET TABLESPACE pg_default', 10 ],
	[ 'moved again', 'ALTER INDEX face_template SET TABLESPACE other', 10 ],
	[ 'rebuilt', 'REINDEX INDEX face_template', 10 ],
	[ 'rebuilt and moved concurrently', 'REINDEX (TABLESPACE pg_default, CONCURRENTLY) INDEX face_template', 10 ],
	[ 'of more lists, not rebuilt', 'ALTER INDEX face_template SET (lists = 30)', 10 ],
	[ '... and then rebuilt', 'REINDEX INDEX face_template', 30 ],
	[ 'flat, rebuilt concurrently',
		'ALTER INDEX face_template SET (lists = 1); REINDEX INDEX CONCURRENTLY face_template', 1 ],
	[ 'of as many lists as suit', 'ALTER INDEX face_template RESET (lists); REINDEX INDEX face_template', 1 ],
	[ 'of other bits', 'ALTER INDEX face_template SET (refine_bits = 2, lists = 5); REINDEX TABLE face', 5 ],
	[ 'of a clustered table', 'CREATE INDEX face_id ON face (id DESC); CLUSTER face USING face_id', 5 ],
	[ 'of a table that was vacuumed in full', 'DELETE FROM face WHERE id % 4 = 1 AND id <> 77; VACUUM FULL face', 5 ],
	[ 'of a table that was moved', 'ALTER TABLE face SET TABLESPACE other', 5 ],
	[ 'of a column of another type', 'ALTER TABLE face ALTER agency TYPE bigint', 5 ],
	[ 'of an unlogged table', 'ALTER TABLE face SET UNLOGGED', 5 ],
	[ 'of a logged table', 'ALTER TABLE face SET LOGGED', 5 ],
	[ 'made concurrently', 'DROP INDEX face_template;
		CREATE INDEX CONCURRENTLY face_template ON face USING facescan (template, agency) WITH (lists = 8)', 8 ])
{
	my ($what, $statements, $expected) = @$step;
	# each in a transaction of its own
	$node->safe_psql('postgres', $_) foreach split /;/, $statements;
	is($node->safe_psql('postgres', $lists), $expected, "an index $what: $expected lists");
	good($what, 'postgres', 'face_template', 'face WHERE agency = 3', '<=>');
}

# ---- an update of what is not indexed

$node->safe_psql('postgres', 'VACUUM face');
my $hot = 'SELECT pg_stat_force_next_flush(); SELECT n_tup_hot_upd, n_tup_upd FROM pg_stat_user_tables
	WHERE relname = $$face$$';
my ($hot_before, $all_before) = $node->safe_psql('postgres', $hot) =~ /(\d+)\|(\d+)/;
my $entries = $node->safe_psql('postgres', "SELECT entries FROM facesnxt.index_info('face_template')");
# the connection that has updated must report it, so it is asked to in the same session
$node->safe_psql('postgres', 'DROP INDEX face_id');
my $updated = $node->safe_psql('postgres', 'UPDATE face SET note = $$seen$$ WHERE id % 10 = 0; ' . $hot);
my ($hot_after, $all_after) = $updated =~ /(\d+)\|(\d+)/;
cmp_ok($all_after - $all_before, '>', 100, 'rows were updated');
is($hot_after - $hot_before, $all_after - $all_before, '... all of them on their pages');
is($node->safe_psql('postgres', "SELECT entries FROM facesnxt.index_info('face_template')"), $entries,
	'... without an entry');
good('with updated rows', 'postgres', 'face_template', 'face WHERE agency = 3', '<=>');
$updated = $node->safe_psql('postgres', 'UPDATE face SET agency = 6 WHERE agency <> 6 AND id % 10 = 0; ' . $hot);
is($updated =~ /(\d+)\|/ ? $1 : '', $hot_after, 'an update of a filter column is not one of those');
good('with rows of another agency', 'postgres', 'face_template', 'face WHERE agency = 6', '<=>');

# ---- partitions

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE part (id int, kind int, template facesnxt.embedding) PARTITION BY LIST (kind);
CREATE TABLE part_0 PARTITION OF part FOR VALUES IN (0);
CREATE INDEX part_template ON part USING facescan (template) WITH (lists = 4);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
INSERT INTO part SELECT i, i % 2, row_of(i) FROM generate_series(1, 600) i;
CREATE TABLE part_2 AS SELECT i AS id, 2 AS kind, row_of(i) AS template FROM generate_series(601, 900) i;
CREATE INDEX part_2_ready ON part_2 USING facescan (template) WITH (lists = 4);
CREATE TABLE part_3 AS SELECT i AS id, 3 AS kind, row_of(i) AS template FROM generate_series(901, 1000) i;
SQL

# Searching them all merges what each of them gives.
sub merged
{
	my ($what, $rows, @parts) = @_;
	my $plan = $node->safe_psql('postgres', 'SET enable_seqscan = off; SET enable_sort = off;
		EXPLAIN (COSTS OFF) SELECT id FROM part ORDER BY template OPERATOR(facesnxt.<=>) row_of(77) LIMIT 100');
	like($plan, qr/Merge Append/, "$what: a Merge Append");
	is(join(' ', sort $plan =~ /Index Scan using (\w+)/g), join(' ', sort @parts), '... of an index scan each');
	ok(in_order(map { nearest('postgres', 'part', '<=>', $_) } (1, 0)), '... in order');
	is($node->safe_psql('postgres', 'SET enable_seqscan = off; SET enable_sort = off;
		SELECT count(*), count(DISTINCT id)
		FROM (SELECT id FROM part ORDER BY template OPERATOR(facesnxt.<=>) row_of(77)) s'), "$rows|$rows",
		'... and all');
	is(problems($_), '', "$_ is sound") foreach @parts;
	return;
}
my @parts = qw(part_0_template_idx part_1_template_idx);
merged('two partitions', 600, @parts);
$node->safe_psql('postgres', 'ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES IN (2);
	ALTER TABLE part ATTACH PARTITION part_3 FOR VALUES IN (3)');
merged('two attached', 1000, @parts, 'part_2_ready', 'part_3_template_idx');
$node->safe_psql('postgres', 'ALTER TABLE part DETACH PARTITION part_1 CONCURRENTLY');
merged('one detached', 700, 'part_0_template_idx', 'part_2_ready', 'part_3_template_idx');
good('the detached one', 'postgres', 'part_1_template_idx', 'part_1', '<=>');
$node->safe_psql('postgres', 'REINDEX INDEX part_template');
merged('rebuilt by its parent', 700, 'part_0_template_idx', 'part_2_ready', 'part_3_template_idx');

# ---- how far a build is

# The function waits, once for each phase in which it is called, for whoever holds the lock of that phase.
$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION gate(template facesnxt.embedding) RETURNS facesnxt.embedding LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	number int;
BEGIN
	PERFORM pg_stat_clear_snapshot();
	SELECT hashtext(phase) INTO number FROM pg_stat_progress_create_index WHERE pid = pg_backend_pid();
	IF number IS NOT NULL THEN
		PERFORM pg_advisory_lock_shared(number), pg_advisory_unlock_shared(number);
	END IF;
	RETURN template;
END $$;
SQL
my @phases = map { "building index: $_" } ('sampling rows', 'finding lists', 'encoding rows');
my $keeper = $node->background_psql('postgres');
$keeper->query_safe("SELECT pg_advisory_lock(hashtext('$_'))") foreach @phases;
my $builder = $node->background_psql('postgres', on_error_stop => 0);
$builder->query_until(qr/started/, "\\echo started
	CREATE INDEX face_gate ON face USING facescan (gate(template)) WITH (lists = 5, sample = 100);
	\\echo ended\n");
foreach my $phase (@phases)
{
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_progress_create_index p
		JOIN pg_stat_activity a USING (pid) WHERE p.phase = '$phase' AND a.wait_event = 'advisory'"), "seen: $phase");
	$keeper->query_safe("SELECT pg_advisory_unlock(hashtext('$phase'))");
}
$builder->query_until(qr/ended/, '');
is($builder->{stderr}, '', 'and then it is built');
$builder->quit;
$keeper->quit;
is(problems('face_gate'), '', '... and sound');
$node->stop;
done_testing();
