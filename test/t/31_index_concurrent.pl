# Clients insert, delete, update and search while the table is vacuumed, with
# and without lists: at the end nothing is lost or there twice, and no search
# failed or saw a row twice. SECONDS_OF_WORK (8) of each; `make patient` takes 600.
use strict;
use warnings;

use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{SECONDS_OF_WORK} // 8;
my $node = PostgreSQL::Test::Cluster->new('concurrent');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nsynchronous_commit = off\nlog_statement = none\n");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION facesnxt;
CREATE FUNCTION random_template() RETURNS facesnxt.embedding LANGUAGE sql VOLATILE AS
	$$ SELECT array_agg(random() - 0.5)::real[]::facesnxt.embedding FROM generate_series(1, 128) $$;
CREATE TABLE face (id bigserial PRIMARY KEY, agency int, fixed boolean NOT NULL DEFAULT false,
	template facesnxt.embedding(128, half));
CREATE FUNCTION search() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	-- not in the query: by a volatile function no index is searched
	probe facesnxt.embedding := random_template();
	ids bigint[];
BEGIN
	SELECT array_agg(id) INTO ids
	FROM (SELECT id FROM face ORDER BY template OPERATOR(facesnxt.<=>) probe LIMIT 200) s;
	IF cardinality(ids) <> 200 OR (SELECT count(DISTINCT i) FROM unnest(ids) i) <> 200 THEN
		RAISE EXCEPTION 'a row is missing or there twice';
	END IF;
	SELECT array_agg(id) INTO ids FROM (SELECT id FROM face WHERE agency = -1
		ORDER BY template OPERATOR(facesnxt.<=>) probe LIMIT 300) s;
	IF cardinality(ids) <> 200 OR (SELECT count(DISTINCT i) FROM unnest(ids) i) <> 200 THEN
		RAISE EXCEPTION 'of 200 rows that nobody touches % were found', cardinality(ids);
	END IF;
	IF (SELECT count(*) <> 400 OR count(DISTINCT (m.probe, m.row)) <> 400
		FROM facesnxt.search_many('face_template', ARRAY[probe, random_template()], 200) m) THEN
		RAISE EXCEPTION 'of two probes at once a row is missing or there twice';
	END IF;
	IF (SELECT index IS DISTINCT FROM 'face_template'::regclass FROM facesnxt.last_scan()) THEN
		RAISE EXCEPTION 'the index was not searched';
	END IF;
END $$;
SQL

my $scripts = PostgreSQL::Test::Utils::tempdir();
append_to_file("$scripts/insert.sql",
	"INSERT INTO face (agency, template) SELECT i % 7, random_template() FROM generate_series(1, 10) i;\n");
append_to_file("$scripts/delete.sql",
	"\\set low random(201, 20000)\nDELETE FROM face WHERE id BETWEEN :low AND :low + 12 AND NOT fixed;\n");
append_to_file("$scripts/update.sql",
	"\\set id random(201, 20000)\nUPDATE face SET template = random_template() WHERE id = :id AND NOT fixed;\n");
append_to_file("$scripts/search.sql", "SET enable_seqscan = off;\nSET enable_sort = off;\nSELECT search();\n");
# reads some of the lists first, and the others when it comes to them
append_to_file("$scripts/search_lists.sql",
	"SET facesnxt.probes = 5;\n" . slurp_file("$scripts/search.sql") . "RESET facesnxt.probes;\n");

# All of it on a fresh table with an index made like this.
sub work_on
{
	my ($kind, $with, $more, @searches) = @_;
	my ($out, $log) = ('', '');
	$node->safe_psql('postgres', <<SQL);
TRUNCATE face RESTART IDENTITY;
DROP INDEX IF EXISTS face_template;
-- rows that nobody touches: every search must see all of them
INSERT INTO face (agency, fixed, template) SELECT -1, true, random_template() FROM generate_series(1, 200);
INSERT INTO face (agency, template) SELECT i % 7, random_template() FROM generate_series(1, 5000) i;
CREATE INDEX face_template ON face USING facescan (template, agency) $with;
INSERT INTO face (agency, template) SELECT i % 7, random_template() FROM generate_series(1, $more) i;
SQL
	my $started = time();
	my $bench = IPC::Run::start(
		[ 'pgbench', '-h', $node->host, '-p', $node->port, '-n', '-c', 8, '-j', 2, '-T', $seconds,
			(map { ('-f', "$scripts/$_.sql") } qw(insert delete update)),
			(map { ('-f', "$scripts/$_") } @searches), 'postgres' ],
		'>', \$out, '2>', \$log);
	my $vacuums = 0;
	while ($bench->pumpable && time() - $started < $seconds + 60)
	{
		$node->safe_psql('postgres', 'VACUUM face');
		$vacuums++;
		$bench->pump_nb;
	}
	ok($bench->finish, "$kind: no client failed") or diag("$out\n$log");
	cmp_ok($vacuums, '>', 2, "vacuumed meanwhile: $vacuums times");
	like($out, qr/number of transactions actually processed: [1-9]/, 'clients worked');

	is($node->safe_psql('postgres', 'SELECT block, problem FROM facesnxt.index_check($$face_template$$)'), '',
		"$kind: the index is sound");
	is($node->safe_psql('postgres', <<'SQL'), "t\nt", 'a row has an entry, and an entry a row');
VACUUM (INDEX_CLEANUP ON) face;
SELECT entries = (SELECT count(*) FROM face) FROM facesnxt.index_info('face_template');
SET enable_seqscan = off;
SET enable_sort = off;
SELECT count(*) = (SELECT count(*) FROM face WHERE fixed IS NOT NULL) AND count(*) = count(DISTINCT id)
FROM (SELECT id FROM face ORDER BY template OPERATOR(facesnxt.<=>) (SELECT random_template())) s;
SQL
	return;
}

work_on('flat', '', 0, 'search.sql@2');
# more rows after the build than lists of a page each have room for
work_on('lists', 'WITH (lists = 40)', 8000, 'search.sql', 'search_lists.sql');
my $tail = $node->safe_psql('postgres', "SELECT tail FROM facesnxt.index_info('face_template')");
cmp_ok($tail, '>', 0, 'rows have come when their lists were full');
$node->stop;
done_testing();
