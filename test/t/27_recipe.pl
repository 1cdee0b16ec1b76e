# Recipes: each shared file loads by one call and is fed as its authors feed
# it, a file that is another one is refused, and InsightFace's recognisers,
# which are not to be had here, by files of their size and work.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Facesnxt;
use Onnx;

my $data = $ENV{FACESNXT_DATA} // '../shared/data';
my $lfw = "$data/faces/lfw";
plan skip_all => "no photographs or models in $data (set FACESNXT_DATA)"
	unless -r "$data/models/yunet_n_320_320.onnx" && -d $lfw;

my $node = PostgreSQL::Test::Cluster->new('recipe');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION facesnxt');

sub value { return $node->safe_psql('postgres', $_[0]); }

# "SQLSTATE detail" that a statement ends with.
sub failure
{
	my ($sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	my ($state) = $err =~ /ERROR:\s+([0-9A-Z]{5})/;
	my ($detail) = $err =~ /DETAIL:\s+(.*)/;
	return defined $state ? "$state " . ($detail // '') : "none: $out";
}

my %made = (r50 => recogniser_onnx(512, 192), mbf => recogniser_onnx(512, 48), short => recogniser_onnx(256, 192));
foreach my $name (keys %made)
{
	my $path = "$PostgreSQL::Test::Utils::tmp_check/$name.onnx";
	open(my $handle, '>:raw', $path) or die "$path: $!";
	print $handle $made{$name};
	close($handle) or die "$path: $!";
	$made{$name} = $path;
}
my %file = (
	yunet640 => 'face_detection_yunet_2023mar', yunet320 => 'yunet_n_320_320', dynamic => 'yunet_n_dynamic',
	scrfd05 => 'scrfd_500m_kps', scrfd25 => 'scrfd_2.5g_kps', ultraface => 'version-RFB-320',
	kennethwang => 'mobilefacenet.kennethwang', facegate => 'mobilefacenet.facegate');
store($node, %made, (map { $_ => "$data/models/$file{$_}.onnx" } keys %file),
	portrait => "$lfw/AJ_Lamas/AJ_Lamas_0001.jpg", group => "$data/faces/groups/s_l.jpg");

sub bytes { return "(SELECT bytes FROM file WHERE name = '$_[0]')"; }
sub load
{
	my ($recipe, $detector, $recogniser, $more) = @_;
	return "SELECT string_agg(model, ' ') FROM facesnxt.load_recipe('$recipe', "
		. ($detector ? bytes($detector) : 'NULL') . ', ' . ($recogniser ? bytes($recogniser) : 'NULL') . ($more // '') . ')';
}

# ---- the shared files, each by one call

my @detectors = qw(yunet640 yunet320 dynamic scrfd05 scrfd25 ultraface);
my %family = (yunet640 => 'yunet', yunet320 => 'yunet', dynamic => 'yunet', scrfd05 => 'scrfd', scrfd25 => 'scrfd', ultraface => 'ultraface');
is(value(load($family{$_}, $_, undef, ", 'for tests', '$_'")), "$_.detector", "$_ loads by recipe $family{$_}") foreach @detectors;
is(value(load('mobilefacenet-bgr', undef, 'kennethwang', ", 'for tests', 'kennethwang'")), 'kennethwang.recogniser', 'kennethwang loads by one call');
is(value(load('mobilefacenet-rgb', undef, 'facegate', ", 'for tests', 'facegate'")), 'facegate.recogniser', 'facegate loads by one call');
is( value("SELECT string_agg(concat_ws(' ', name, channel_order, mean[1], round(1 / scale::numeric, 1), input_width), '; ' ORDER BY name) FROM facesnxt.model"),
	'dynamic.detector BGR 0 1.0 0; facegate.recogniser RGB 127.5 127.5 112; kennethwang.recogniser BGR 127.5 127.5 112; '
		. 'scrfd05.detector RGB 127.5 128.0 640; scrfd25.detector RGB 127.5 128.0 640; ultraface.detector RGB 127 128.0 320; '
		. 'yunet320.detector BGR 0 1.0 320; yunet640.detector BGR 0 1.0 640',
	'each is fed what its authors feed it');
is( value("SELECT bool_and(m.fingerprint = left(encode(sha256(convert_to(concat_ws('|', encode(m.sha256, 'hex'), m.channel_order, m.mean::text, m.scale::text), 'UTF8')), 'hex'), 8)) "
			. "FROM facesnxt.model m WHERE m.kind = 'recogniser'"),
	't', 'a recogniser of a recipe has the fingerprint that load_model() gives it');

foreach my $detector (@detectors)
{
	is(value("SELECT count(*) FROM facesnxt.detect(" . bytes('portrait') . ", '$detector.detector')"), '1', "$detector finds the one face");
	next if $detector eq 'ultraface';
	foreach my $recogniser (qw(kennethwang facegate))
	{
		cmp_ok(value("SELECT facesnxt.cosine_similarity((facesnxt.extract(" . bytes('portrait') . ", 'only', '$detector.detector', '$recogniser.recogniser')).template, "
					. "(facesnxt.extract(" . bytes('portrait') . ", 'only', 'yunet320.detector', '$recogniser.recogniser')).template)"),
			'>', 0.85, "$detector leads $recogniser to the template that YuNet at 320 leads it to");
	}
}

# ---- a detector without landmarks chooses, one with landmarks aligns

my $chosen = "SELECT format('at %s %s %s %s', x, y, width, height) FROM facesnxt.detect(" . bytes('group') . ", 'ultraface.detector') ORDER BY width * height DESC LIMIT 1";
my $by_box = value("SELECT x || ' ' || y FROM facesnxt.extract(" . bytes('group') . ", ($chosen), 'yunet640.detector', 'kennethwang.recogniser')");
is( $by_box,
	value("SELECT y.x || ' ' || y.y FROM facesnxt.detect(" . bytes('group') . ", 'ultraface.detector') u, facesnxt.detect(" . bytes('group') . ", 'yunet640.detector') y "
		. "ORDER BY u.width * u.height DESC, (u.x + u.width / 2 - y.x - y.width / 2) ^ 2 + (u.y + u.height / 2 - y.y - y.height / 2) ^ 2 LIMIT 1"),
	'the face in UltraFace\'s box is the one that YuNet finds nearest to it');
like(failure("SELECT facesnxt.extract(" . bytes('portrait') . ", 'only', 'ultraface.detector')"), qr/^NX202 /, 'UltraFace alone makes no template');
like(failure("SELECT facesnxt.extract(" . bytes('portrait') . ", 'at 0 0 20 20')"), qr/^NX111 /, 'where no face is, none is taken');
like(failure("SELECT facesnxt.extract(" . bytes('portrait') . ", '$_')"), qr/^22023 /, "\"$_\" is no box")
	foreach 'at 1 2 3', 'at 1 2 0 4', 'at 1 2 3 4 5', 'at nan 0 1 1', 'at 1 2 inf 3', 'at ';

# ---- the wrong file

like(failure(load('insightface-buffalo_s', 'scrfd25')), qr/^NX205 .*million multiply-adds/, 'SCRFD 2.5g is not that of buffalo_s');
like(failure(load('insightface-buffalo_l', 'scrfd25')), qr/^NX205 .*million multiply-adds/, 'nor that of buffalo_l');
like(failure(load('insightface-buffalo_l', 'yunet640')), qr/^NX205 .*family yunet, not scrfd/, 'a YuNet is no SCRFD');
like(failure(load('opencv-sface', 'scrfd05')), qr/^NX205 .*family scrfd, not yunet/, 'an SCRFD is no YuNet');
like(failure(load('scrfd', 'kennethwang', undef, ", 'x'")), qr/^NX205 .*no known face detector/, 'a recogniser is no detector');
like(failure(load('arcface', undef, 'scrfd05', ", 'x'")), qr/^NX205 /, 'a detector is no recogniser');
like(failure(load('arcface', undef, 'facegate', ", 'x'")), qr/^NX205 .*128 numbers, not 512/, '128 numbers are not ArcFace\'s');
like(failure(load('opencv-sface', undef, 'r50')), qr/^NX205 .*512 numbers, not 128/, '512 are not SFace\'s');
like(failure(load('insightface-buffalo_l', undef, 'short')), qr/^NX205 .*256 numbers, not 512/, '256 are nobody\'s');
like(failure(load('insightface-buffalo_l', undef, 'mbf')), qr/^NX205 .*million multiply-adds/, 'a MobileFaceNet is not R50');
like(failure(load('insightface-buffalo_s', undef, 'r50')), qr/^NX205 .*million multiply-adds/, 'R50 is not a MobileFaceNet');
like(failure(load('yunet', undef, 'facegate')), qr/^22023 /, 'a recipe of a detector takes no recogniser');
like(failure(load('buffalo')), qr/^22023 .*insightface-buffalo_l/, 'an unknown recipe names the known ones');
like(failure(load('yunet', 'yunet320', undef, ", NULL, 'again'")), qr/^22004 /, 'where the authors state no licence, the caller does');
is(value('SELECT count(*) FROM facesnxt.model'), '8', 'what was refused is not registered');
like(failure("SELECT facesnxt.load_model('x', 'detector', " . bytes('yunet320') . ", 'x', input_width => 640, input_height => 640)"),
	qr/^22023 .*takes 320 x 320/, 'a fixed input is not fed another size');

# ---- InsightFace and OpenCV, with stand-ins of the size and work of the real recognisers

value("DELETE FROM facesnxt.model WHERE name IN ('yunet640.detector', 'scrfd05.detector', 'scrfd25.detector', 'facegate.recogniser')");
is(value(load('insightface-buffalo_m', 'scrfd25', 'r50')), 'insightface-buffalo_m.detector insightface-buffalo_m.recogniser', 'buffalo_m loads by one call');
is(value(load('insightface-buffalo_s', 'scrfd05', 'mbf')), 'insightface-buffalo_s.detector insightface-buffalo_s.recogniser', 'buffalo_s loads by one call');
is(value(load('opencv-sface', 'yunet640', 'facegate')), 'opencv-sface.detector opencv-sface.recogniser', 'YuNet and SFace load by one call');
is( value("SELECT string_agg(concat_ws(' ', name, dimension, channel_order, mean[3], round(1 / scale::numeric, 1), licence), '; ' ORDER BY name) "
			. "FROM facesnxt.model WHERE kind = 'recogniser' AND name ~ '^(insight|opencv)'"),
	'insightface-buffalo_m.recogniser 512 RGB 127.5 127.5 InsightFace: non-commercial research; '
		. 'insightface-buffalo_s.recogniser 512 RGB 127.5 127.5 InsightFace: non-commercial research; opencv-sface.recogniser 128 RGB 0 1.0 Apache-2.0',
	'they are fed as their authors feed them, and say under which licence they are');
foreach my $pair ([ 'insightface-buffalo_m', 512 ], [ 'insightface-buffalo_s', 512 ], [ 'opencv-sface', 128 ])
{
	my ($recipe, $dimension) = @$pair;
	is(value("SELECT facesnxt.dimensions(template) || ' ' || round(facesnxt.norm(template)::numeric, 3) FROM facesnxt.extract(" . bytes('portrait') . ", 'only', '$recipe.detector', '$recipe.recogniser')"),
		"$dimension 1.000", "$recipe makes templates of $dimension numbers");
}

$node->stop;
done_testing();
