# Miami's desk with photographs: still pictures only, and a copy of a request's
# photograph counts as that photograph. Needs photographs and models.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Facesnxt;

my $data = $ENV{FACESNXT_DATA} // '../shared/data';
plan skip_all => "no photographs or models in $data (set FACESNXT_DATA)"
	unless -r "$data/models/yunet_n_320_320.onnx" && -d "$data/faces/lfw";

my $node = new_node('request_photo');
store($node,
	detector => "$data/models/yunet_n_320_320.onnx",
	recogniser => "$data/models/mobilefacenet.kennethwang.onnx",
	first => "$data/faces/lfw/Abdel_Nasser_Assidi/Abdel_Nasser_Assidi_0001.jpg",
	second => "$data/faces/lfw/Abdel_Nasser_Assidi/Abdel_Nasser_Assidi_0002.jpg",
	other => "$data/faces/lfw/AJ_Lamas/AJ_Lamas_0001.jpg");
$node->safe_psql('postgres', <<'SQL');
-- another file with the same picture: a comment more
INSERT INTO file SELECT 'copy', substr(bytes, 1, 2) || '\xfffe0004aaaa' || substr(bytes, 3) FROM file WHERE name = 'second';
CREATE ROLE detective LOGIN; CREATE ROLE rtcc LOGIN;
GRANT facesnxt_requester TO detective;
SELECT facesnxt.load_model(name, name, bytes, 'for tests', channel_order => 'BGR') FROM file WHERE name IN ('detector', 'recogniser');
SELECT facesnxt.enrol(bytes, facesnxt.create_person(name), 'driver_licence', 'name in the data set', face => 'central')
FROM file WHERE name IN ('first', 'other');
SELECT facesnxt.create_agency('MI', 'Miami'), facesnxt.create_agency('NS', 'New Smyrna Beach');
SELECT facesnxt.adopt_policy(p.code, document => jsonb_set(document, '{rules}', (
	SELECT jsonb_agg(r) FROM jsonb_array_elements(document->'rules') r JOIN facesnxt.rule k ON k.rule = r->>'rule' WHERE k.area <> 'account')))
FROM facesnxt.shipped_policy p WHERE p.code = 'MI';
SELECT facesnxt.open_account('MI', r) FROM unnest(ARRAY['detective', 'rtcc']::regrole[]) r;
SELECT facesnxt.set_account_status('rtcc', 'active', NULL);
SELECT facesnxt.open_case('MI', 'C-1', 'robbery');
SQL

sub asked
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = as_role($node, $role, $sql);
	return $status == 0 ? $out : $err =~ /ERROR:  (\w{5}):/ ? $1 : $err;
}

my $request = asked('detective', "SELECT facesnxt.request_search(ARRAY[(SELECT bytes FROM file WHERE name = 'second')], 'robbery', 'C-1')");
my $search = sub {
	my ($bytes, $function, $more) = @_;
	return "SELECT count(*), max(score) > 0.5 FROM facesnxt.search($bytes, 'C-1', 'criminal_investigation', face => 'central', "
		. "fields => '{\"attested\": true, \"request\": \"$request\"" . ($more // '') . "}')";
};
my $photo = sub { "(SELECT bytes FROM file WHERE name = '$_[0]')" };

is(asked('rtcc', $search->($photo->('second') . " || " . $photo->('second'))), 'NX319', 'MI-4.5.3.1: a file of two pictures is none of the request');
is(asked('rtcc', "SELECT count(*) FROM facesnxt.search_template('[1,0,0]', 'C-1', 'criminal_investigation', fields => '{\"attested\": true, \"request\": \"$request\"}')"),
	'NX322', 'MI-4.3.1: a template is no still photograph');
is(asked('rtcc', $search->($photo->('other'))), 'NX319', 'MI-4.5.3.1: nor is another photograph');
is(asked('rtcc', $search->($photo->('copy'))), 'NX319', 'MI-4.5.3.1: nor a file that only looks like it');
is(asked('rtcc', $search->($photo->('second'))), '2|t', 'MI-4.3.1: a still photograph of the request is searched');
is(asked('rtcc', "SELECT facesnxt.derive_probe(sha256(" . $photo->('second') . "), " . $photo->('copy') . ", 'comment', '{\"text\": \"aaaa\"}', 'a test') IS NOT NULL"),
	't', 'NP-VI.B.2.b: a copy made from it');
is(asked('rtcc', $search->($photo->('copy'))), 'NX320', 'MI-4.5.3.4: which is a subsequent search of the same probe');
my $first = $node->safe_psql('postgres', "SELECT search_id FROM facesnxt.search WHERE status = 'completed'");
is(asked('rtcc', $search->($photo->('copy'), '', ", \"parent_search\": \"$first\"")), '2|t', 'MI-4.5.3.4: and linked to the first is made');
is($node->safe_psql('postgres', "SELECT d.operation, d.parent_sha256 = (SELECT s.probe_sha256 FROM facesnxt.search s WHERE s.search_id = '$first')
	FROM facesnxt.search s JOIN facesnxt.probe_derivation d ON d.sha256 = s.probe_sha256 WHERE s.status = 'completed'"),
	'comment|t', 'NP-VI.B.2.b: which copy produced which search is on record');
is(asked('detective', "SELECT count(*), count(DISTINCT search_id) FROM facesnxt.request_results('$request')"), '4|2', 'MI-4.5.3.2.a: all results of both');

my $verify = sub {
	"SELECT score > 0.5 FROM facesnxt.verify(" . $photo->($_[0]) . ", 'C-1', 'criminal_investigation', 'same?', photo => " . $photo->($_[1])
		. ", face => 'central', fields => '{\"attested\": true, \"request\": \"$request\"}')";
};
is(asked('rtcc', $verify->('second', 'first')), 't', 'NM-IV.G.2: two photographs of one person');
is(asked('rtcc', $verify->('second', 'other')), 'f', 'NM-IV.G.2: of two');
is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT photo_sha256) FROM facesnxt.verification v
	JOIN facesnxt.probe p ON p.agency_id = v.agency_id AND p.sha256 = v.photo_sha256 WHERE v.status = 'completed'"), '2|2', 'NM-IV.G.2: both photographs are kept');
is(asked('postgres', "SELECT facesnxt.enrol(" . $photo->('second') . ", facesnxt.create_person('x'), 'booking', 'fingerprint', face => 'central')"),
	'NX395', 'NM-IV.A: a probe does not become a reference');

$node->stop;
done_testing();
