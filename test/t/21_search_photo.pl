# A search by photograph, whole: the list, and what of it stays when the
# transaction that asked is rolled back. Needs photographs and models.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Facesnxt;

my $data = $ENV{FACESNXT_DATA} // '../shared/data';
plan skip_all => "no photographs or models in $data (set FACESNXT_DATA)"
	unless -r "$data/models/yunet_n_320_320.onnx" && -d "$data/faces/lfw";

my $node = new_node('search_photo');
store($node,
	detector => "$data/models/yunet_n_320_320.onnx",
	recogniser => "$data/models/mobilefacenet.kennethwang.onnx",
	first => "$data/faces/lfw/Abdel_Nasser_Assidi/Abdel_Nasser_Assidi_0001.jpg",
	second => "$data/faces/lfw/Abdel_Nasser_Assidi/Abdel_Nasser_Assidi_0002.jpg",
	other => "$data/faces/lfw/AJ_Lamas/AJ_Lamas_0001.jpg",
	nobody => "$data/jpeg/libjpeg-turbo-testimages/testimgint.jpg");
$node->safe_psql('postgres', <<'SQL');
SELECT facesnxt.load_model(name, name, bytes, 'for tests', channel_order => 'BGR') FROM file WHERE name IN ('detector', 'recogniser');
SELECT facesnxt.enrol(bytes, facesnxt.create_person(name), 'driver_licence', 'name in the data set', face => 'central')
FROM file WHERE name IN ('first', 'other');
SQL

# Runs SQL as the investigator; (status, out, err).
sub investigate
{
	my ($sql) = @_;
	return $node->psql('postgres', "\\set VERBOSITY sqlstate\n$sql", extra_params => [ '-U', 'nm_inv' ]);
}
my $search = "facesnxt.search((SELECT bytes FROM file WHERE name = 'second'), '22-1', 'criminal', face => 'central')";

my ($status, $out, $err) = investigate("SELECT count(*), bool_and(exact), max(score) FILTER (WHERE rank = 1) > 0.5 FROM $search");
is($out, '2|t|t', 'two candidates, exact, the first a likely mate') or diag($err);
is( $node->safe_psql('postgres',
		"SELECT p.name FROM facesnxt.candidate c JOIN facesnxt.person p USING (person_id) WHERE c.rank = 1"),
	'first', 'the mate is at rank 1');
is( $node->safe_psql('postgres',
		'SELECT references_compared, references_other_model, candidates FROM facesnxt.search'),
	'2|10|2', 'references of other models are counted, not compared');

$node->safe_psql('postgres', 'ALTER TABLE facesnxt.probe DISABLE TRIGGER USER; DELETE FROM facesnxt.probe; ALTER TABLE facesnxt.probe ENABLE ALWAYS TRIGGER probe_append_only');
($status, $out, $err) = investigate("BEGIN; SAVEPOINT s; SELECT count(*) FROM $search; ROLLBACK TO s; ROLLBACK");
is($out, '2', 'a search in a transaction that is rolled back');
is( $node->safe_psql('postgres', <<'SQL'), 't|t|t|t', 'its probe, template, extraction and list stay');
SELECT bool_and(p.image = (SELECT bytes FROM file WHERE name = 'second')), bool_and(p.sha256 = sha256(p.image)),
	bool_and(t.extraction ? 'eye_distance'),
	bool_and((SELECT count(*) = 2 FROM facesnxt.candidate c WHERE c.search_id = s.search_id))
FROM facesnxt.search s
JOIN facesnxt.probe p ON p.sha256 = s.probe_sha256 AND p.agency_id = s.agency_id
JOIN facesnxt.probe_template t USING (search_id)
SQL

# what an evaluator and a blind reviewer are shown
my ($id, $person) = split /\|/, $node->safe_psql('postgres', 'SELECT s.search_id, c.person_id FROM facesnxt.search s JOIN facesnxt.candidate c USING (search_id)
	WHERE c.rank = 1 ORDER BY s.recorded_at LIMIT 1');
($status, $out, $err) = investigate("SELECT q->'measured', (q->>'eye_distance')::real > 10, q ? 'sharpness', q->'candidates' FROM facesnxt.show_probe_quality('$id') q");
is($out, 'true|t|t|2', 'MI-4.3.4.1.b: the quality of the probe and the results are shown') or diag($err);
$node->safe_psql('postgres', "CREATE ROLE nm_second LOGIN; GRANT facesnxt_investigator TO nm_second;
	SELECT facesnxt.open_account('NM', 'nm_second'), facesnxt.set_account_status('nm_second', 'active', NULL)");
($status, $out, $err) = investigate("SELECT facesnxt.ask_review('$id', '$person', 'nm_second')");
is((as_role($node, 'nm_second', "SELECT p.probe = (SELECT bytes FROM file WHERE name = 'second'), p.reference = (SELECT bytes FROM file WHERE name = 'first')
	FROM facesnxt.my_reviews r, facesnxt.review_pair(r.review_id) p"))[1], 't|t', 'NM-IV.G.1: the reviewer gets the two photographs') or diag($err);

($status, $out, $err) = investigate("SELECT * FROM facesnxt.search((SELECT bytes FROM file WHERE name = 'nobody'), '22-1', 'criminal')");
like($err, qr/NX111/, 'a photograph without a face is refused');
is( $node->safe_psql('postgres',
		"SELECT status, probe_kept, candidates FROM facesnxt.search WHERE sqlstate = 'NX111'"),
	'refused|t|0', 'the attempt is recorded with its photograph');

$node->stop;
done_testing();
