# Two sessions at a time, each where the other would not expect it: a snapshot
# older than the index, a first template that comes in the middle of somebody
# else's statement, and a cursor at its end beside a VACUUM.
use strict;
use warnings;

use Facesnxt::Rows;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('snapshot');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nrestart_after_crash = off\n");
$node->start;
create_row_of($node, 64);
$node->safe_psql('postgres', <<'SQL');
SQL
my %lists = (flat => '(lists = 1)', lists => '(lists = 16)');

sub check
{
	my ($index, $what) = @_;
	is($node->safe_psql('postgres', "SELECT block, problem FROM facesnxt.index_check('$index')"), '', $what);
	return;
}

# ---- a snapshot that still sees what was deleted before the index was built

foreach my $kind (sort keys %lists)
{
	$node->safe_psql('postgres', <<SQL);
CREATE TABLE face (id int, template facesnxt.embedding);
INSERT INTO face SELECT i, CASE WHEN i % 40 > 0 THEN row_of(i) END FROM generate_series(1, 800) i;
SQL
	my $old = $node->background_psql('postgres');
	my $plan = sub {
		my ($query) = @_;
		return $old->query("EXPLAIN (COSTS OFF) $query");
	};
	my $ordered = 'SELECT id, template OPERATOR(facesnxt.<=>) row_of(77) AS distance FROM face
		ORDER BY template OPERATOR(facesnxt.<=>) row_of(77)';
	my $near = 'SELECT id FROM face WHERE facesnxt.within(template, row_of(77), 0.9)';
	my $all = "SELECT string_agg(id::text, ' ' ORDER BY place) FROM
		(SELECT id, row_number() OVER () AS place FROM ($ordered) s WHERE distance IS NOT NULL) s";
	my $count = "SELECT count(*), count(DISTINCT id), count(distance) FROM ($ordered) s";
	my $within = "SELECT string_agg(id::text, ' ' ORDER BY id) FROM ($near) s";
	$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
	my @exact = map { $old->query_safe($_) } ($all, $count, $within);
	is($exact[1], '800|800|780', "$kind: the old snapshot sees all rows");
	cmp_ok(() = $exact[2] =~ / /g, '>', 20, '... and many within a distance');

	$node->safe_psql('postgres',
		"DELETE FROM face; CREATE INDEX face_template ON face USING facescan (template) WITH $lists{$kind}");
	$old->query_safe('SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off');
	foreach my $state ('an index built of dead rows', 'an index of another dimension')
	{
		like($plan->($_), qr/Index Scan using face_template/, "$kind: $state is used") foreach ($ordered, $near);
		is($old->query_safe($all), $exact[0], "$kind: $state gives the old snapshot its order");
		is($old->query_safe($count), $exact[1], '... and each row once');
		is($old->query_safe($within), $exact[2], '... and those within a distance');
		last if $state =~ /dimension/;
		is($node->safe_psql('postgres', "SET enable_seqscan = off; $count"), '0|0|0', '... and a new one nothing');
		check('face_template', '... and is sound');
		# the first template that is alive says what the index is for
		$node->safe_psql('postgres', 'INSERT INTO face SELECT 1000 + i, row_of(i) FROM generate_series(1, 50) i');
	}
	check('face_template', "$kind: sound with new rows");
	is($node->safe_psql('postgres', "SET enable_seqscan = off; $count"), '50|50|50', '... which are found');
	$old->query_safe('COMMIT');
	$old->quit;
	$node->safe_psql('postgres', 'DROP TABLE face');
}

# ---- the first template of an index comes from another session, in the middle of a COPY

# A copies row by row, because of the trigger, which waits for B at row 100.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE face (id int, template facesnxt.embedding);
CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	IF new.id = 100 THEN
		PERFORM pg_advisory_xact_lock(1);
	END IF;
	RETURN new;
END $$;
CREATE TRIGGER pause BEFORE INSERT ON face FOR EACH ROW EXECUTE FUNCTION pause();
SQL
my $folder = PostgreSQL::Test::Utils::tempdir();
my $template = $node->safe_psql('postgres', 'SELECT row_of(7)');
# so many rows without a template that the page that A knows is full before its own template comes
append_to_file("$folder/rows", join('', map { "$_\t" . ($_ == 3000 ? $template : '\N') . "\n" } 1 .. 3010));
foreach my $kind (sort keys %lists)
{
	$node->safe_psql('postgres',
		"TRUNCATE face; CREATE INDEX face_template ON face USING facescan (template) WITH $lists{$kind}");
	my $other = $node->background_psql('postgres');
	$other->query_safe('SELECT pg_advisory_lock(1)');
	my $copy = $node->background_psql('postgres', on_error_stop => 0);
	$copy->query_until(qr/started/, "\\echo started\nCOPY face FROM '$folder/rows';\n\\echo ended\n");
	ok($node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"), "$kind: A pauses");
	$other->query_safe('INSERT INTO face SELECT 5000 + i, row_of(i) FROM generate_series(1, 20) i');
	$other->query_safe('SELECT pg_advisory_unlock(1)');
	$copy->query_until(qr/ended/, '');
	is($copy->{stderr}, '', '... and goes on to the end');
	$copy->quit;
	$other->quit;
	check('face_template', '... the index is sound');
	is($node->safe_psql('postgres', <<'SQL'), "3030|3030|21\n3000,5007", '... with the rows of both');
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT id), count(distance)
FROM (SELECT id, template OPERATOR(facesnxt.<=>) row_of(7) AS distance FROM face
	ORDER BY template OPERATOR(facesnxt.<=>) row_of(7)) s;
SELECT string_agg(id::text, ',' ORDER BY id)
FROM (SELECT id FROM face ORDER BY template OPERATOR(facesnxt.<=>) row_of(7) LIMIT 2) s;
SQL
	$node->safe_psql('postgres', 'DROP INDEX face_template');
}

# ---- what VACUUM frees while a statement inserts is not hidden by that statement

$node->safe_psql('postgres', <<'SQL');
ALTER TABLE face DISABLE TRIGGER pause;
TRUNCATE face;
CREATE INDEX face_template ON face USING facescan (template) WITH (lists = 1);
-- of the last extent's pages, some are full
INSERT INTO face SELECT 1000 + i, row_of(i) FROM generate_series(1, 7000) i;
DELETE FROM face WHERE id % 2 = 0;
ALTER TABLE face ENABLE TRIGGER pause;
SQL
my $keeper = $node->background_psql('postgres');
$keeper->query_safe('SELECT pg_advisory_lock(1)');
my $writer = $node->background_psql('postgres', on_error_stop => 0);
# the first of its rows says on which page the others will begin
$writer->query_until(qr/started/, "\\echo started
	INSERT INTO face SELECT 99 + i, row_of(i) FROM generate_series(0, 1500) i;\n\\echo ended\n");
ok($node->poll_query_until('postgres',
	"SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"), 'a statement pauses that inserts');
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) face');
cmp_ok($node->safe_psql('postgres', "SELECT free FROM facesnxt.index_info('face_template')"), '>', 3500, '... VACUUM makes room');
$keeper->query_safe('SELECT pg_advisory_unlock(1)');
$writer->query_until(qr/ended/, '');
is($writer->{stderr}, '', '... it goes on');
$writer->quit;
$keeper->quit;
is($node->safe_psql('postgres', <<'SQL'), 't', '... and what is still free is used before there are more pages');
ALTER TABLE face DISABLE TRIGGER pause;
SELECT pages, free FROM facesnxt.index_info('face_template') \gset
INSERT INTO face SELECT 20000 + i, row_of(i) FROM generate_series(1, :free) i;
SELECT pages = :pages FROM facesnxt.index_info('face_template');
SQL
check('face_template', '... the index is sound');
$node->safe_psql('postgres', 'DROP TABLE face');

# ---- an index that is not for everyone: search_many(), which no planner stands before, answers right or refuses

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE face (id int, template facesnxt.embedding) WITH (fillfactor = 40);
INSERT INTO face SELECT i, row_of(i) FROM generate_series(1, 1000) i;
CREATE FUNCTION fail(id int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
	IF id = 900 THEN
		RAISE EXCEPTION 'as it should';
	END IF;
	RETURN id;
END $$;
SQL
# Runs SQL that may go wrong: what it returns, and what it complains of.
sub try
{
	my ($sql) = @_;
	my ($out, $err) = ('', '');
	$node->psql('postgres', $sql, stdout => \$out, stderr => \$err);
	return ($out, $err);
}
sub many
{
	my ($index, $id) = @_;
	return "SELECT m.distance < 1e-6 FROM facesnxt.search_many('$index', ARRAY[row_of($id)], 1) m";
}
like((try('CREATE INDEX CONCURRENTLY face_failed ON face USING facescan (template, fail(id))'))[1],
	qr/as it should/, 'a concurrent build has failed');
is($node->safe_psql('postgres', "SELECT indisvalid FROM pg_index WHERE indexrelid = 'face_failed'::regclass"), 'f',
	'... and left an index that is not valid');
my ($answer, $error) = try(many('face_failed', 77));
like($error, qr/ERROR: .*face_failed/, '... which search_many() refuses') or diag("it returned '$answer'");
($answer, $error) = try("SELECT recall FROM facesnxt.index_recall('face_failed', 5, 5, 0.8)");
like($error, qr/ERROR: .*face_failed/, '... and index_recall() too') or diag("it returned '$answer'");
$node->safe_psql('postgres', 'DROP INDEX face_failed');

# rows were updated on their pages before the index was built: it has what they are now, not what they were
my $old = $node->background_psql('postgres', on_error_stop => 0);
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($old->query_safe("SELECT count(*) FROM face"), '1000', 'a snapshot from before an update');
$node->safe_psql('postgres', 'UPDATE face SET template = row_of(id + 5000);
	CREATE INDEX face_template ON face USING facescan (template)');
is($node->safe_psql('postgres', "SELECT indcheckxmin FROM pg_index WHERE indexrelid = 'face_template'::regclass"), 't',
	'... and an index for later snapshots alone');
my $exact = 'SELECT id FROM face ORDER BY template OPERATOR(facesnxt.<=>) row_of(77) LIMIT 1';
is($old->query("SET enable_seqscan = off; $exact"), '77', '... which the planner leaves alone');
$old->{stderr} = '';
$answer = $old->query(many('face_template', 77));
ok($answer eq 't' || $old->{stderr} =~ /ERROR: .*face_template/, '... and search_many() refuses, or answers right')
	or diag("it returned '$answer' $old->{stderr}");
$old->query('ROLLBACK');
$old->quit;
is($node->safe_psql('postgres', many('face_template', 5077)), 't', 'a new snapshot finds what is new');
# the library is not loaded yet when the defaults of its arguments are computed
($answer, $error) = try("SELECT recall > 0.5 FROM facesnxt.index_recall('face_template', 5, 5)");
is("$answer$error", 't', 'index_recall() can be the first thing that a session asks for');
$node->safe_psql('postgres', 'DROP TABLE face');

# ---- a cursor that has returned all rows keeps no page of the table

$node->safe_psql('postgres', <<'SQL');
CREATE TABLE face (id int, template facesnxt.embedding);
INSERT INTO face SELECT i, CASE WHEN i % 40 > 0 THEN row_of(i) END FROM generate_series(1, 800) i;
SQL
foreach my $kind (sort keys %lists)
{
	$node->safe_psql('postgres', "CREATE INDEX face_template ON face USING facescan (template) WITH $lists{$kind}");
	my %query = (
		'rows with a template' => 'SELECT id FROM face WHERE template IS NOT NULL
			ORDER BY template OPERATOR(facesnxt.<=>) row_of(7)',
		'all rows' => 'SELECT id FROM face ORDER BY template OPERATOR(facesnxt.<=>) row_of(7)',
		'rows within a distance' => 'SELECT id FROM face WHERE facesnxt.within(template, row_of(7), 0.9)');
	foreach my $what (sort keys %query)
	{
		my $cursor = $node->background_psql('postgres');
		# rows that are to be frozen: VACUUM waits for each page that somebody has pinned
		$node->safe_psql('postgres', 'UPDATE face SET id = id');
		$cursor->query_safe("BEGIN; SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off;
			DECLARE c NO SCROLL CURSOR FOR $query{$what}");
		my $rows = () = $cursor->query_safe('FETCH ALL FROM c') =~ /\d+/g;
		cmp_ok($rows, '>', 20, "$kind: a cursor of $what is at its end");
		my ($out, $err) = ('', '');
		$node->psql('postgres', "SET statement_timeout = '5s'; VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) face",
			stdout => \$out, stderr => \$err);
		is($err, '', '... and VACUUM need not wait for it');
		$cursor->query_safe('COMMIT');
		$cursor->quit;
	}
	check('face_template', "$kind: the index is sound");
	$node->safe_psql('postgres', 'DROP INDEX face_template');
}
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal|TRAP:/, 'no process died');
done_testing();
