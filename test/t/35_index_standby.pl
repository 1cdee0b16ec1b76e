# Without full page writes a record that changes a page counts on the page being
# there: an index whose dimension is not in its sample, but found while it is
# built, reaches a standby whole, which stays up and answers as the primary does.
use strict;
use warnings;

use Facesnxt::Rows;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('primary');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', "autovacuum = off\nfull_page_writes = off\nwal_keep_size = 1GB\n");
$node->start;
create_row_of($node, 64);
$node->safe_psql('postgres', <<'SQL');
-- of many blocks one has a template
CREATE TABLE wide (id int, filler text, template facesnxt.embedding);
INSERT INTO wide SELECT i, repeat('x', 1500), CASE WHEN i = 3001 THEN row_of(i) END FROM generate_series(1, 4001) i;
-- with a function that has no template to give while the sample is taken, none is in the sample whatever the blocks
CREATE FUNCTION hidden(template facesnxt.embedding) RETURNS facesnxt.embedding LANGUAGE plpgsql IMMUTABLE
	SET search_path = facesnxt, pg_catalog AS $$
BEGIN
	PERFORM pg_stat_clear_snapshot();
	IF EXISTS (SELECT FROM pg_stat_progress_create_index WHERE pid = pg_backend_pid() AND phase ~ 'sampling') THEN
		RETURN NULL;
	END IF;
	RETURN template;
END $$;
CREATE TABLE late AS SELECT i AS id, CASE WHEN i > 100 THEN row_of(i) END AS template FROM generate_series(1, 400) i;
SQL
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);

# What the standby says of an index, and what is nearest by it, once it has replayed everything.
sub same
{
	my ($index, $table, $template, $rows, $what) = @_;
	my $order = "ORDER BY $template OPERATOR(facesnxt.<=>) row_of(3001)";
	my $query = "SET enable_seqscan = off; SET enable_sort = off;
		SELECT count(*), count(distance), string_agg(id::text, ' ') FROM
			(SELECT id, $template OPERATOR(facesnxt.<=>) row_of(3001) AS distance FROM $table $order LIMIT 500) s;
		SELECT entries, dimension, lists FROM facesnxt.index_info('$index');
		SELECT block, problem FROM facesnxt.index_check('$index')";
	like($node->safe_psql('postgres', "SET enable_seqscan = off; EXPLAIN SELECT id FROM $table $order LIMIT 5"),
		qr/Index Scan using $index/, "$what: the index is used");
	my $primary = $node->safe_psql('postgres', $query);
	like($primary, $rows, '... and finds what is there, and is sound');
	# a standby that is gone is not waited for
	my $behind = sprintf(q{SELECT FROM pg_stat_replication WHERE replay_lsn < '%s'}, $node->lsn('insert'));
	ok($node->poll_query_until('postgres', "SELECT NOT EXISTS ($behind)"), '... the standby has replayed it');
	my ($out, $err) = ('', '');
	$standby->psql('postgres', $query, stdout => \$out, stderr => \$err);
	is($out, $primary, '... and answers the same') or diag($err);
	return;
}

foreach my $lists (1, 16)
{
	my $with = "WITH (sample = 100, lists = $lists)";
	$node->safe_psql('postgres', "CREATE INDEX wide_template ON wide USING facescan (template) $with");
	same('wide_template', 'wide', 'template', qr/^500\|1\|3001 .*\n4001\|64\|1$/, "one template, lists = $lists");
	$node->safe_psql('postgres', 'INSERT INTO wide SELECT i, NULL, row_of(i) FROM generate_series(5001, 5200) i');
	same('wide_template', 'wide', 'template', qr/^500\|201\|3001 .*\n4201\|64\|1$/, '... and more of them');
	$node->safe_psql('postgres', 'DELETE FROM wide WHERE id > 5000; DROP INDEX wide_template');
	$node->safe_psql('postgres', 'VACUUM wide');

	$node->safe_psql('postgres', "CREATE INDEX late_template ON late USING facescan (hidden(template)) $with");
	same('late_template', 'late', 'hidden(template)', qr/^400\|300\|.*\n400\|64\|1$/,
		"templates that the sample missed, lists = $lists");
	$node->safe_psql('postgres', 'DROP INDEX late_template');

	$node->safe_psql('postgres', "CREATE INDEX late_all ON late USING facescan (template) $with");
	same('late_all', 'late', 'template', qr/^400\|300\|.*\n400\|64\|$lists$/,
		"templates in the sample, lists = $lists");
	$node->safe_psql('postgres', 'DROP INDEX late_all');
}

$standby->promote;
$standby->safe_psql('postgres', 'CREATE INDEX late_template ON late USING facescan (hidden(template));
	INSERT INTO late SELECT id + 1000, template FROM late');
is($standby->safe_psql('postgres', "SELECT count(*) FROM facesnxt.index_check('late_template')"), '0',
	'the standby, promoted, builds one as well');
$standby->stop;
$node->stop;
foreach my $server ($node, $standby)
{
	unlike(slurp_file($server->logfile), qr/PANIC|was terminated by signal|TRAP:|invalid pages/,
		'no process of ' . $server->name . ' died');
}
done_testing();
