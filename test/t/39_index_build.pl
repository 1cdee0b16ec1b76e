# What a build tells of itself: how far it is, in every phase. And what memory it takes.
use strict;
use warnings;

use Facesnxt::Rows;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('build');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nwal_level = replica\nmax_wal_size = 2GB\n");
$node->start;
create_row_of($node, 64);
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE face AS SELECT i AS id, row_of(i) AS template FROM generate_series(1, 6000) i;
-- A row that is read waits for whoever holds lock 7, and now and then a little, so that whoever watches has time to.
CREATE FUNCTION pause(template facesnxt.embedding) RETURNS facesnxt.embedding LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM pg_advisory_lock_shared(7), pg_advisory_unlock_shared(7);
	IF random() < 0.03 THEN
		PERFORM pg_sleep(0.001);
	END IF;
	RETURN template;
END $$;
-- All that is shown of the next build, from its beginning to its end.
CREATE TABLE seen (number serial, phase text, tuples_done bigint, tuples_total bigint, blocks_done bigint,
	blocks_total bigint, memory int);
CREATE PROCEDURE watch(memory bool) LANGUAGE plpgsql AS $$
DECLARE
	now record;
	before record;
	kilobytes int;
	began bool := false;
	start timestamptz := clock_timestamp();
BEGIN
	LOOP
		PERFORM pg_stat_clear_snapshot();
		SELECT pid, replace(phase, 'building index: ', '') AS phase, tuples_done, tuples_total, blocks_done, blocks_total
		INTO now FROM pg_stat_progress_create_index;
		EXIT WHEN (now IS NULL AND began) OR clock_timestamp() > start + '180 s'::interval;
		began := began OR now IS NOT NULL;
		IF memory AND now IS NOT NULL THEN
			kilobytes := substring(pg_read_file('/proc/' || now.pid || '/status', 0, 8192, true) FROM 'RssAnon:\s*(\d+)');
			PERFORM pg_sleep(0.005);
		END IF;
		IF now IS DISTINCT FROM before OR memory THEN
			INSERT INTO seen (phase, tuples_done, tuples_total, blocks_done, blocks_total, memory)
			VALUES (now.phase, now.tuples_done, now.tuples_total, now.blocks_done, now.blocks_total, kilobytes);
		END IF;
		before := now;
	END LOOP;
END $$;
SQL

# Runs a statement while somebody watches it.
sub watched
{
	my ($statement, $memory) = @_;
	my $watcher = $node->background_psql('postgres');
	$watcher->query_until(qr/watching/, "\\echo watching\nCALL watch($memory);\n\\echo watched\n");
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^CALL watch'
		AND state = 'active'");
	my ($code, $out, $notices) = $node->psql('postgres', $statement);
	is($code, 0, "$statement") or diag($notices);
	$watcher->query_until(qr/watched/, '');
	$watcher->quit;
	return $notices;
}

# ---- counts

my %counts = (
	'sampling rows' => 'tuples',
	'finding lists' => 'tuples',
	'encoding rows' => 'blocks',
	'writing entries by list' => 'tuples',
	'measuring how many lists a search needs' => 'tuples',
	'writing the log' => 'blocks');
my $phases = join ', ', map { "'$_'" } sort keys %counts;
# a phase that is short may go by unseen on a machine that has much else to do
foreach (1 .. 5)
{
	$node->safe_psql('postgres', 'TRUNCATE seen');
	watched('DROP INDEX IF EXISTS face_template;
		CREATE INDEX face_template ON face USING facescan (pause(template)) WITH (lists = 1000)', 'false');
	last if $node->safe_psql('postgres', "SELECT count(DISTINCT phase) FROM seen
		WHERE phase IN ($phases) AND tuples_done + blocks_done > 0") == keys %counts;
}
foreach my $phase (sort keys %counts)
{
	my $of = "FROM seen WHERE phase = '$phase'";
	my ($used, $other) = $counts{$phase} eq 'tuples' ? qw(tuples blocks) : qw(blocks tuples);
	cmp_ok($node->safe_psql('postgres', "SELECT coalesce(max(${used}_total), 0) $of"), '>', 0, "$phase: all $used");
	cmp_ok($node->safe_psql('postgres', "SELECT coalesce(max(${used}_done), 0) $of"), '>', 0, '... and those done');
	is($node->safe_psql('postgres', "SELECT count(*) $of AND (${used}_done > ${used}_total
		OR ${other}_done <> 0 OR ${other}_total <> 0)"), '0', '... no more than all, and nothing else');
}
# of the table's first block the server itself says that it is the last
is($node->safe_psql('postgres', "SELECT count(*) FROM (SELECT phase, tuples_done, blocks_done,
		lag(phase) OVER w AS before, lag(tuples_done) OVER w AS tuples, lag(blocks_done) OVER w AS blocks
		FROM seen WHERE phase <> 'encoding rows' OR blocks_done < blocks_total WINDOW w AS (ORDER BY number)) s
	WHERE phase = before AND (tuples_done < tuples OR blocks_done < blocks)"), '0', 'what is done grows');
is($node->safe_psql('postgres', "SELECT max(tuples_total) FROM seen WHERE phase = 'writing entries by list'"), 6000,
	'as many entries are written as there are rows');
is($node->safe_psql('postgres', "SELECT max(blocks_total) = pg_relation_size('face_template') / 8192
	FROM seen WHERE phase = 'writing the log'"), 't', 'as many blocks are logged as the index has');

# 6,000 points, 4,500 of them in each of eight rounds: none is read twice, where a part of the table has been sampled before
$node->safe_psql('postgres', 'TRUNCATE seen; DROP INDEX face_template');
watched('CREATE INDEX face_template ON face USING facescan (pause(template)) WITH (lists = 1000, sample = 100)', 'false');
is($node->safe_psql('postgres', "SELECT tuples_total FROM seen WHERE phase = 'finding lists' ORDER BY number DESC LIMIT 1"),
	42000, 'each row is one point for the lists');

# ---- what the server does next has none of them

my $keeper = $node->background_psql('postgres');
$keeper->query_safe('SELECT pg_advisory_lock(7)');
my $builder = $node->background_psql('postgres', on_error_stop => 0);
$builder->query_until(qr/started/, "\\echo started
	CREATE INDEX CONCURRENTLY face_later ON face USING facescan (pause(template)) WITH (lists = 10, sample = 100);
	\\echo ended\n");
my $counts = 'SELECT tuples_total, tuples_done, blocks_total, blocks_done FROM pg_stat_progress_create_index';
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_progress_create_index
	JOIN pg_stat_activity USING (pid) WHERE phase = 'building index: sampling rows' AND wait_event = 'advisory'"),
	'an index is built concurrently');
is($node->safe_psql('postgres', $counts), '100|0|0|0', '... of 100 rows to sample none has been');
my $writer = $node->background_psql('postgres');
$writer->query_safe('BEGIN; LOCK TABLE face IN ROW EXCLUSIVE MODE');
$keeper->query_safe('SELECT pg_advisory_unlock(7)');
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_progress_create_index
	WHERE phase = 'waiting for writers before validation'"), '... and waits for whoever writes');
is($node->safe_psql('postgres', $counts), '0|0|0|0', '... with no counts of the build');
$writer->query_safe('COMMIT');
$builder->query_until(qr/ended/, '');
is($builder->{stderr}, '', 'and then it is built');
$_->quit foreach $builder, $writer, $keeper;
is($node->safe_psql('postgres', "SELECT block, problem FROM facesnxt.index_check('face_later')"), '', '... and sound');

# ---- memory

SKIP:
{
	skip 'no /proc here, which says what memory a process has', 2 unless -r '/proc/self/status';
	my $setting = 24;
	$node->safe_psql('postgres', 'DROP INDEX face_later, face_template; TRUNCATE seen;
		CREATE TABLE large AS SELECT row_of(i, 128) AS template FROM generate_series(1, 4000) i;
		INSERT INTO large SELECT l.template FROM large l, generate_series(1, 24)');
	watched("SET maintenance_work_mem = '${setting}MB'; SET max_parallel_maintenance_workers = 0;
		CREATE INDEX large_template ON large USING facescan (template) WITH (lists = 2048, refine_bits = 8)", 'true');
	# two fifths more: the server's sort, OpenBLAS and malloc() have some that nobody counts
	my $taken = $node->safe_psql('postgres', 'SELECT (max(memory) - min(memory)) / 1024 FROM seen');
	cmp_ok($taken, '<', $setting * 1.4, "MB of memory that a build took with a maintenance_work_mem of $setting MB");
}
my ($code, $out, $notices) = $node->psql('postgres', "SET maintenance_work_mem = '1MB';
	CREATE INDEX face_less ON face USING facescan (template) WITH (lists = 1000)");
like($notices, qr/"face_less" gets \d+ instead of 1000 lists\n.*maintenance_work_mem has no room/,
	'where memory lacks there are fewer lists');
cmp_ok($node->safe_psql('postgres', "SELECT lists FROM facesnxt.index_info('face_less')"), '>', 100, '... but many');
is($node->safe_psql('postgres', "SELECT block, problem FROM facesnxt.index_check('face_less')"), '', '... and sound');
($code, $out, $notices) = $node->psql('postgres', "SET maintenance_work_mem = '1MB';
	CREATE INDEX face_fewer ON face USING facescan (template) WITH (lists = 50)");
like($notices, qr/lists of index "face_fewer" are found by \d+ templates instead of 5600\n.*\n.*Set maintenance_work_mem/,
	'... or they are found from fewer rows');
$node->stop;
done_testing();
