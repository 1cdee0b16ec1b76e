# The postmaster is killed at random instants while rows are inserted, deleted,
# vacuumed and indexed anew. After each recovery the index is sound and finds
# what the exact scan finds; so does the standby, before and after promotion.
# ROUNDS (6) of it; 50 and more are for a patient hour.
use strict;
use warnings;

use IPC::Run ();
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
SQL
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;

# The index is sound, and the rows within a distance are those of the exact scan; t: as it should be.
my $sound = <<'SQL';
SELECT count(*) = 0 FROM facesnxt.index_check('face_template');
SELECT count(*) = 8 AND bool_and(found IS NOT DISTINCT FROM exact) FROM (
	SELECT (SELECT array_agg(id ORDER BY id) FROM face WHERE facesnxt.within(template, p.template, 0.7)) AS found,
		(SELECT array_agg(id ORDER BY id) FROM face WHERE facesnxt.cosine_distance(template, p.template) <= 0.7) AS exact
	FROM (SELECT template FROM face WHERE template IS NOT NULL ORDER BY id DESC LIMIT 8) p) s;
SQL

sub is_sound
{
	my ($server, $what) = @_;
	is($server->safe_psql('postgres', "SET enable_seqscan = off; $sound"), "t\nt", $what);
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
append_to_file("$scripts/search.sql",
	"SELECT count(*) FROM (SELECT id FROM face ORDER BY template OPERATOR(facesnxt.<=>) random_template() LIMIT 10) s;\n");
my @work = ('VACUUM face', 'REINDEX INDEX face_template', 'REINDEX INDEX CONCURRENTLY face_template',
	'DROP INDEX IF EXISTS extra; CREATE INDEX extra ON face USING facescan (template)');

for my $round (1 .. $rounds)
{
	my $what = $work[$round % @work];
	my ($out, $log) = ('', '');
	$node->safe_psql('postgres', sprintf('ALTER SYSTEM SET full_page_writes = %s', $round % 2 ? 'on' : 'off'));
	$node->reload;
	my $bench = IPC::Run::start(
		[ 'pgbench', '-h', $node->host, '-p', $node->port, '-n', '-c', 3, '-T', 60,
			(map { ('-f', "$scripts/$_.sql") } qw(insert delete update search)), 'postgres' ],
		'>', \$out, '2>', \$log);
	my $other = IPC::Run::start(
		[ 'psql', '-XAtq', '-h', $node->host, '-p', $node->port, 'postgres', map { ('-c', $_) } ($what) x 40 ],
		'>', \$out, '2>', \$log);
	sleep(0.3 + rand(1.5));
	$node->kill9;
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
	$node->safe_psql('postgres', <<'SQL');
DO $$ DECLARE name text; BEGIN
	FOR name IN SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		WHERE i.indrelid = 'face'::regclass AND (NOT i.indisvalid OR c.relname = 'extra') LOOP
		EXECUTE format('DROP INDEX %I', name);
	END LOOP;
END $$;
SQL
	is_sound($node, "round $round, killed during $what");
}
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM face'), '>', 1000, 'rows were left to look at');

$node->safe_psql('postgres', 'VACUUM face');
$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
is_sound($standby, 'the standby');
my $best = "SET enable_seqscan = off; SELECT array_agg(id) FROM (SELECT id FROM face ORDER BY template
	OPERATOR(facesnxt.<=>) (SELECT template FROM face WHERE template IS NOT NULL ORDER BY id LIMIT 1) LIMIT 20) s";
is($standby->safe_psql('postgres', $best), $node->safe_psql('postgres', $best), 'both servers answer the same');
$node->stop('immediate');
$standby->promote;
$standby->safe_psql('postgres',
	'INSERT INTO face (agency, template) SELECT 1, random_template() FROM generate_series(1, 300); VACUUM face');
is_sound($standby, 'the standby, promoted');
$standby->stop;
foreach my $server ($node, $standby)
{
	my @odd = grep { /PANIC|XX00|unexpected page at|is damaged|out of shared memory|could not read|ERROR:  (?!cancel)/ }
		split /\n/, slurp_file($server->logfile);
	is(join("\n", @odd), '', 'nothing odd in the log of ' . $server->name);
}
done_testing();
