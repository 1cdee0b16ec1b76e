# Photographs to templates through SQL, on real files: the registry, the three
# refusals of a face, templates of two models, the memory of a backend, a
# cancelled extraction.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Facesnxt;

my $data = $ENV{FACESNXT_DATA} // '../shared/data';
my $lfw = "$data/faces/lfw";
plan skip_all => "no photographs or models in $data (set FACESNXT_DATA)"
	unless -r "$data/models/yunet_n_320_320.onnx" && -d $lfw;

my $node = PostgreSQL::Test::Cluster->new('photo');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION facesnxt');

# The SQLSTATE that a statement ends with.
sub sqlstate
{
	my ($sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY sqlstate\n$sql");
	return $err =~ /ERROR:\s+([0-9A-Z]{5})/ ? $1 : "none: $out $err";
}

store($node,
	yunet => "$data/models/yunet_n_320_320.onnx",
	scrfd => "$data/models/scrfd_500m_kps.onnx",
	ultraface => "$data/models/version-RFB-320.onnx",
	dynamic => "$data/models/yunet_n_dynamic.onnx",
	kennethwang => "$data/models/mobilefacenet.kennethwang.onnx",
	facegate => "$data/models/mobilefacenet.facegate.onnx",
	portrait => "$lfw/AJ_Lamas/AJ_Lamas_0001.jpg",
	group => "$data/faces/groups/s_l.jpg",
	bird => "$data/jpeg/libjpeg-turbo-testimages/testimgint.jpg");

# ---- registry

sub load
{
	my ($name, $kind, $more) = @_;
	return "SELECT facesnxt.load_model(name, '$kind', bytes, 'for tests'" . ($more // '')
		. ") FROM file WHERE name = '$name'";
}

is(sqlstate("SELECT facesnxt.extract(bytes) FROM file WHERE name = 'portrait'"),
	'NX204', 'no model in use is NX204');
like($node->safe_psql('postgres', load('yunet', 'detector')), qr/^[0-9a-f]{8}$/, 'a detector is registered');
$node->safe_psql('postgres', load($_, 'detector')) foreach qw(scrfd ultraface dynamic);
my $fingerprint = $node->safe_psql('postgres', load('kennethwang', 'recogniser', ", channel_order => 'BGR'"));
$node->safe_psql('postgres', load('facegate', 'recogniser'));
is( $node->safe_psql('postgres',
		"SELECT string_agg(concat_ws(' ', name, head, dimension, channel_order, in_use), '; ' ORDER BY name) FROM facesnxt.model"),
	'dynamic yunet BGR f; facegate 128 RGB f; kennethwang 128 BGR t; scrfd scrfd RGB f; '
		. 'ultraface ultraface RGB f; yunet yunet BGR t',
	'heads, dimensions and preparation are recognised; the first of each kind is in use');
is( $node->safe_psql('postgres',
		"SELECT bool_and(m.sha256 = sha256(f.bytes)) FROM facesnxt.model m JOIN file f USING (name)"),
	't', 'the registry names the bytes by their SHA-256');
# recipes: a family's name instead of its numbers
sub by_recipe
{
	my ($recipe, $name, $file) = @_;
	return "SELECT facesnxt.load_model_as('$recipe', '$name', bytes, 'for tests') FROM file WHERE name = '$file'";
}
is( $node->safe_psql('postgres', 'BEGIN; CREATE TEMPORARY TABLE told AS '
		. by_recipe('insightface-arcface-128', 'mbf', 'facegate') . '; CREATE TEMPORARY TABLE second AS '
		. by_recipe('opencv-sface', 'sface', 'facegate')
		. "; SELECT string_agg(concat_ws(' ', name, kind, channel_order, mean, scale), '; ' ORDER BY name)
		FROM facesnxt.model WHERE name IN ('mbf', 'sface'); ROLLBACK"),
	'mbf recogniser RGB {127.5,127.5,127.5} 0.0078125; sface recogniser RGB {0,0,0} 1',
	'a recipe prepares the pixels as its family is fed');
is(sqlstate(by_recipe('mobilefacenet-bgr', 'again', 'kennethwang')),
	'23505', 'by its recipe a file has the fingerprint that it has by the same numbers');
is(sqlstate(by_recipe('opencv-yunet', 'x', 'scrfd')), '22023', 'a detector of another family than its recipe is refused');
is(sqlstate(by_recipe('insightface', 'x', 'scrfd')), '22023', 'a recipe that does not exist is refused');
is( $node->safe_psql('postgres',
		'SELECT count(*) FILTER (WHERE head IS NULL) = count(*) FILTER (WHERE kind = \'recogniser\') FROM facesnxt.model_recipes()'),
	't', 'every recipe of a detector names its head');
is(sqlstate("SELECT facesnxt.load_model('x', 'recogniser', bytes, 'y') FROM file WHERE name = 'scrfd'"),
	'NX202', 'a detector is no recogniser');
is(sqlstate("SELECT facesnxt.load_model('x', 'detector', bytes, 'y') FROM file WHERE name = 'facegate'"),
	'NX202', 'a recogniser is no detector');
is(sqlstate("SELECT facesnxt.load_model('x', 'detector', substr(bytes, 1, length(bytes) / 2), 'y') FROM file WHERE name = 'yunet'"),
	'NX201', 'half a model is refused');
is(sqlstate("SET facesnxt.model_cache_size = '1MB'; " . load('kennethwang', 'recogniser')),
	'NX203', 'a model larger than the cache is refused');
is(sqlstate(load('kennethwang', 'recogniser', ", channel_order => 'BGR'")),
	'23505', 'a model is registered once');

# ---- faces

is( $node->safe_psql('postgres',
		"SELECT round(x), round(y), round(width), round(height), cardinality(landmarks) FROM file, facesnxt.detect(bytes) WHERE name = 'portrait'"),
	'66|58|102|142|10', 'the face is where the reference pipeline finds it');
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM file, facesnxt.detect(bytes) WHERE name = 'group'"),
	'>', 1, 'a group shows several faces');
foreach my $detector (qw(scrfd ultraface dynamic))
{
	is( $node->safe_psql('postgres', "SELECT count(*) FROM file, facesnxt.detect(bytes, '$detector') WHERE name = 'portrait'"),
		'1', "$detector finds the one face");
}
is( $node->safe_psql('postgres',
		"SELECT bool_and(landmarks IS NULL) FROM file, facesnxt.detect(bytes, 'ultraface') WHERE name = 'portrait'"),
	't', 'a detector without landmarks gives none');

sub extract
{
	my ($name, $more) = @_;
	return "SELECT (facesnxt.extract(bytes" . ($more // '') . ")).template FROM file WHERE name = '$name'";
}

is(sqlstate(extract('bird')), 'NX111', 'no face is NX111');
is(sqlstate(extract('group')), 'NX112', 'several faces are NX112');
like($node->safe_psql('postgres', extract('group', ", '2'")), qr/^\[.*\]\@$fingerprint$/,
	'a numbered face gives a template that names its model');
is(sqlstate(extract('group', ", '9999'")), '22023', 'a face that is not there is an error');
is(sqlstate("SET facesnxt.min_face_size = 200; " . extract('portrait')), 'NX113', 'a small face is NX113');
is(sqlstate(extract('portrait', ", 'only', 'ultraface'")), 'NX202', 'a detector without landmarks gives no template');
is(sqlstate("SELECT facesnxt.extract('not a photograph')"), 'NX101', 'no JPEG is NX101');
is(sqlstate("SELECT facesnxt.extract(substr(bytes, 1, 5000)) FROM file WHERE name = 'portrait'"),
	'NX101', 'a truncated JPEG is NX101');
is(sqlstate("SET facesnxt.max_photo_pixels = 10; " . extract('portrait')), 'NX103', 'too many pixels are NX103');
is(sqlstate("SET facesnxt.max_photo_size = 1; " . extract('portrait')), 'NX103', 'too many bytes are NX103');

# ---- templates of two models

is( sqlstate("SELECT a.t OPERATOR(facesnxt.<=>) b.t FROM (" . extract('portrait') . ") a(t), ("
			. extract('portrait', ", 'only', NULL, 'facegate'") . ") b(t)"),
	'NX002', 'templates of two models are not compared');
is( $node->safe_psql('postgres',
		"SELECT facesnxt.cosine_similarity(a.t, b.t) > 0.9 FROM (" . extract('portrait') . ") a(t), ("
			. extract('portrait', ", 'only', 'scrfd'") . ") b(t)"),
	't', 'two detectors lead one recogniser to nearly the same template');

# ---- which model is in use, and the cache

$node->safe_psql('postgres', "SELECT facesnxt.use_model('facegate')");
unlike($node->safe_psql('postgres', extract('portrait')), qr/\@$fingerprint$/, 'use_model changes the recogniser in use');
$node->safe_psql('postgres', "SELECT facesnxt.use_model('kennethwang')");
is(sqlstate("SELECT facesnxt.use_model('nonesuch')"), 'NX204', 'use_model wants a registered model');
my $turns = '';
foreach my $detector (qw(yunet scrfd dynamic))
{
	$turns .= extract('portrait', ", 'only', '$detector', '$_'") . ";\n" foreach qw(kennethwang facegate);
}
is( $node->safe_psql('postgres', "SET facesnxt.model_cache_size = '40MB';\n$turns"),
	$node->safe_psql('postgres', $turns),
	'a small cache changes nothing but the work');

# ---- a long statement is cancelled within it, and the backend goes on

my $cancelled = "SET statement_timeout = '300ms'; SELECT count((facesnxt.extract(bytes)).template) FROM file, generate_series(1, 1000) WHERE name = 'portrait'";
is(sqlstate($cancelled), '57014', 'extraction is cancelled');

# ---- memory: after the first 50 photographs a backend does not grow

SKIP:
{
	skip 'no /proc to read memory from', 1 unless -r '/proc/self/status';
	my $session = $node->background_psql('postgres', on_error_stop => 1);
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	my $resident = sub {
		my $status = slurp_file("/proc/$pid/status");
		return $status =~ /^RssAnon:\s+(\d+) kB/m ? $1 : die 'no RssAnon';
	};
	my @photos = glob("$lfw/*/*_0001.jpg");
	store($node, map { ("photo $_" => $photos[$_]) } 0 .. 99);
	my $batch = "SELECT count(facesnxt.extract(bytes, 'best')) FROM file WHERE name LIKE 'photo %'";
	$session->query_safe("$batch AND name < 'photo 5'");
	my $before = $resident->();
	$session->query_safe($batch) foreach 1 .. 10;
	my $after = $resident->();
	note("private memory after the first photographs $before kB, after 1,000 more $after kB");
	cmp_ok($after - $before, '<', 1024, 'a backend that extracts 1,000 photographs grows by less than 1 MB');
	$session->quit;
}

$node->stop;
done_testing();
