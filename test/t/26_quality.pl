# Quality of photographs through SQL, on real files: bounds for enrolment and
# for probes, duplicates, enhanced copies, and what a copy says of its
# original's camera and place: nothing.
use strict;
use warnings;

use File::Find;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Facesnxt;

my $data = $ENV{FACESNXT_DATA} // '../shared/data';
plan skip_all => "no photographs or models in $data (set FACESNXT_DATA)"
	unless -r "$data/models/yunet_n_320_320.onnx" && -d "$data/faces/lfw";

my $node = new_node('quality');
my ($one, $two) = map { "$data/faces/lfw/Abdel_Nasser_Assidi/Abdel_Nasser_Assidi_000$_.jpg" } 1, 2;
store($node,
	detector => "$data/models/yunet_n_320_320.onnx",
	recogniser => "$data/models/mobilefacenet.kennethwang.onnx",
	one => $one, two => $two,
	other => "$data/faces/lfw/AJ_Lamas/AJ_Lamas_0001.jpg",
	group => "$data/faces/groups/s_l.jpg");
$node->safe_psql('postgres', <<'SQL');
SELECT facesnxt.load_model(name, name, bytes, 'for tests', channel_order => 'BGR') FROM file WHERE name IN ('detector', 'recogniser');
CREATE FUNCTION file(text) RETURNS bytea LANGUAGE sql AS 'SELECT bytes FROM file WHERE name = $1';
CREATE FUNCTION measured(photo bytea) RETURNS jsonb LANGUAGE sql AS
	'SELECT jsonb_object_agg(measure, native) FROM facesnxt.image_quality(photo, ''central'')';
SQL

sub ask { my ($sql) = @_; return $node->safe_psql('postgres', $sql); }

# (status, out, err) of SQL as a role.
sub by
{
	my ($role, $sql) = @_;
	return $node->psql('postgres', $sql, extra_params => [ '-U', $role ]);
}

# ---- measures

is(ask("SELECT count(*), count(native), count(component), bool_and(component BETWEEN 0 AND 100), count(*) FILTER (WHERE m.ofiq IS NOT NULL)
	FROM facesnxt.image_quality(file('one'), 'central') q JOIN facesnxt.quality_measures() m USING (measure)"),
	'23|23|23|t|21', 'a row for each measure, all but two with an identifier of OFIQ');
is(ask("SELECT q.native = round(sum(w.component * m.weight)::numeric / sum(m.weight)::numeric, 10)
	FROM facesnxt.image_quality(file('one'), 'central') q, facesnxt.image_quality(file('one'), 'central') w JOIN facesnxt.quality_measures() m USING (measure)
	WHERE q.measure = 'unified_score' GROUP BY q.native"), 't', 'the unified score is the weighted mean of the components');
is(ask("SELECT component FROM facesnxt.image_quality(file('group')) WHERE measure = 'single_face_present'") < 100, 1, 'a second face counts');
is(ask("WITH m AS (SELECT measured(facesnxt.enhance(file('one'), 'rotate', '{\"degrees\": 0}', 97)) AS a,
		measured(facesnxt.enhance(file('one'), 'brightness', '{\"add\": -90}', 97)) AS dark, measured(facesnxt.enhance(file('one'), 'rotate', '{\"degrees\": 10}', 97)) AS turned,
		measured(facesnxt.enhance(file('one'), 'denoise', '{\"radius\": 3}', 97)) AS soft, measured(facesnxt.enhance(file('one'), 'mirror', '{}', 10)) AS coarse)
	SELECT (dark->'luminance_mean')::float8 < (a->'luminance_mean')::float8, (turned->'head_pose_roll')::float8 - (a->'head_pose_roll')::float8 BETWEEN 5 AND 17,
		(soft->'sharpness')::float8 < (a->'sharpness')::float8, (coarse->'no_compression_artefacts')::float8 > 2 * (a->'no_compression_artefacts')::float8 FROM m"),
	't|t|t|t', 'and the measures are of the photograph: darker, turned, softer, coarser');

# ---- enrolment

my $a = ask("SELECT facesnxt.create_person('A')");
my $b = ask("SELECT facesnxt.create_person('B')");
my $first = ask("SELECT facesnxt.enrol(file('one'), '$a', 'booking', 'fingerprints', face => 'central')");
my $model = ask("SELECT model FROM facesnxt.reference WHERE reference_id = '$first'");
ask("SELECT facesnxt.index_references('$model')");
is(ask("SELECT count(*), count(*) FILTER (WHERE r.component = q.component) FROM facesnxt.reference_quality('$first') r
	JOIN facesnxt.image_quality(file('one'), 'central') q USING (measure)"), '23|23', 'quality is stored with a reference');
is(ask("SELECT photo = file('one') FROM facesnxt.reference_image WHERE reference_id = '$first'"), 't', 'the bytes as they came');

my ($status, $out, $err) = by('nm_inv', "SELECT facesnxt.set_quality_bound('enrolment', 'sharpness', 90)");
like($err, qr/permission denied/, 'an investigator sets no bound');
($status, $out, $err) = by('adm', "SELECT facesnxt.set_quality_bound('enrolment', 'beauty', 90)");
like($err, qr/no such bound can be set/, 'there is no bound of what is not measured');
ask("SET ROLE adm; SELECT facesnxt.set_quality_bound('enrolment', 'sharpness', 100, note => 'for this test'), facesnxt.set_quality_bound('enrolment', 'head_pose_roll', 1)");
($status, $out, $err) = by('adm', "\\set VERBOSITY verbose\nSELECT facesnxt.enrol(file('two'), '$a', 'booking', 'fingerprints', face => 'central')");
like($err, qr/NX114: .*quality.*sharpness is \d+ \(native [0-9.]+\), at least 100 is asked for/s, 'a refusal names measure, value and bound');
unlike($err, qr/head_pose_roll is/, 'and no measure that is good enough');
is(ask("SELECT count(*), bool_and(detail ~ 'sharpness is' AND detail ~ encode(sha256(file('two')), 'hex')), bool_and(person_id = '$a') FROM facesnxt.refused_step WHERE sqlstate = 'NX114'"),
	'1|t|t', 'it is kept, with the photograph it was about');
is(ask("SELECT count(*) FROM facesnxt.reference_image"), 11, 'what was enrolled before stays');
ask("SET ROLE adm; SELECT facesnxt.set_quality_bound('enrolment', 'sharpness', NULL)");
my $second = ask("SELECT facesnxt.enrol(file('two'), '$a', 'booking', 'fingerprints', face => 'central')");
ok($second, 'a bound that is lifted asks no more');

# ---- probes

my $search = "SELECT DISTINCT search_id FROM facesnxt.search(file('two'), '22-1', 'criminal', face => 'central')";
ask("SET ROLE adm; SELECT facesnxt.set_quality_bound('probe', 'inter_eye_distance', 99, 'NM'), facesnxt.set_quality_bound('probe', 'sharpness', 100, 'SP')");
($status, $out, $err) = by('nm_inv', $search);
is($status, 0, 'MI-4.3.4.1.b: a probe of little quality is searched with');
like($err, qr/WARNING:.*inter_eye_distance is \d+ \(native [0-9.]+\), at least 99 is asked for/, 'MI-4.3.4.1.b: and whoever searches is warned');
unlike($err, qr/sharpness/, 'of what the own agency asks for');
is(ask("SELECT extraction->'warnings'->0->>'measure', extraction->'warnings'->0->>'at_least', jsonb_array_length(extraction->'warnings') FROM facesnxt.probe_template WHERE search_id = '$out'"),
	'inter_eye_distance|99|1', 'MI-4.3.4.1.b: the warning is recorded with the probe');
($status, $out, $err) = by('nm_inv', "SELECT (q->'quality'->'component'->>'inter_eye_distance')::int < 99, q->'warnings'->0->>'measure' FROM facesnxt.show_probe_quality('$out') q");
is($out, 't|inter_eye_distance', 'MI-4.3.4.1.b: and shown with all measures');
($status, $out, $err) = by('sp_inv', "SELECT count(*) > 0 FROM facesnxt.search(file('one'), '22-1', 'criminal', face => 'central')");
like($err, qr/sharpness is/, 'another agency has another bound');
unlike($err, qr/inter_eye/, 'and not this one');

# ---- duplicates

is(ask("SELECT count(*) FROM facesnxt.duplicate"), 0, 'two photographs of a person are no duplicates');
my $again = ask("SELECT facesnxt.enrol(file('other'), '$a', 'booking', 'fingerprints', face => 'central')");
is(ask("SELECT count(*) FROM facesnxt.duplicate"), 0, 'nor is another face');
my $twice = ask("SELECT facesnxt.enrol(file('other'), '$a', 'driver_licence', 'licence', face => 'central')");
is(ask("SELECT kind, clause IS NULL, reference_id = '$twice' AND other_reference_id = '$again' FROM facesnxt.open_duplicates"), 'same photograph|t|t',
	'the same photograph twice is found, and is enrolled');
ask("SET ROLE adm; SELECT facesnxt.resolve_duplicate(duplicate_id, 'same photograph kept', 'booked twice') FROM facesnxt.open_duplicates");
my $copy = ask("SELECT facesnxt.enrol(facesnxt.thumbnail(facesnxt.enhance(file('one'), 'brightness', '{\"add\": 12}', 70), 220), '$b', 'booking', 'papers', face => 'central')");
is(ask("SELECT kind, distance <= 6, score > 0.6, clause, person_id = '$b' AND other_person_id = '$a' FROM facesnxt.open_duplicates
	WHERE other_reference_id = '$first' ORDER BY kind"),
	"like photograph|t||NP-VI.A.5|t\ntwo identities||t|NP-VI.A.5|t", 'NP-VI.A.5: a copy of it, and one face under two identities');
is(ask("SELECT count(*) FROM facesnxt.open_duplicates WHERE kind = 'two identities' AND other_reference_id = '$second' AND person_id = '$b'"), 1,
	'NP-VI.A.5: by another photograph of the person, too');
is(ask("SELECT facesnxt.hunt_duplicates((SELECT enrolled_at FROM facesnxt.reference_image WHERE reference_id = '$first'))"), 0, 'the hunt of the night finds the same, and records nothing twice');
# templates that come alone are not looked at before the night; by the index sixteen at a time, and without it, as one compares
ask("SELECT facesnxt.enrol_template(t.template, facesnxt.create_person('likeness ' || i), 'booking', 'papers')
	FROM facesnxt.reference t, generate_series(1, 12) i WHERE t.reference_id IN ('$first', '$second', '$again')");
my $pairs = "SELECT count(*) FROM facesnxt.reference a JOIN facesnxt.reference b ON a.model = b.model AND a.person_id <> b.person_id
	AND a.reference_id < b.reference_id AND (1 - (a.template OPERATOR(facesnxt.<=>) b.template))::real >= 0.6";
my $known = "SELECT count(*) FROM facesnxt.duplicate WHERE kind = 'two identities'";
my $before = ask($known);
my $hunted = ask("SELECT facesnxt.hunt_duplicates()");
cmp_ok($hunted, '>', 200, 'NP-VI.A.5: the hunt finds faces that came without photographs');
is(ask($known) - $before, $hunted, 'as many as it says');
is(ask($known), ask($pairs), 'NP-VI.A.5: each pair of like faces under two identities, once');
ask("SELECT facesnxt.enrol_template(t.template, facesnxt.create_person('another'), 'booking', 'papers') FROM facesnxt.reference t WHERE t.reference_id = '$first';
	DROP INDEX facesnxt.reference_template_$model");
cmp_ok(ask("SELECT facesnxt.hunt_duplicates()"), '>', 20, 'without an index it finds the newcomer');
is(ask($known), ask($pairs), 'and nobody twice');
($status, $out, $err) = by('adm', "SELECT facesnxt.look_for_duplicates('$first', -1)");
like($err, qr/A similarity is 0.5 to 1/, 'it is no search for whoever looks like somebody');
ask("CREATE ROLE own LOGIN IN ROLE facesnxt_admin; SELECT facesnxt.open_account('SP', 'own')");
($status, $out, $err) = by('own', "SELECT facesnxt.look_for_duplicates('$first') IS NULL, facesnxt.hunt_duplicates() IS NULL");
is("$status $out", '0 t|t', 'an agency\'s administrator is not told whether a face is known');
($status, $out, $err) = by('nm_inv', 'SELECT * FROM facesnxt.open_duplicates');
like($err, qr/permission denied/, 'an investigator does not read them');
($status, $out, $err) = by('adm', "SELECT facesnxt.resolve_duplicate(duplicate_id, 'one person', ' ') FROM facesnxt.open_duplicates");
like($err, qr/resolved once, with a conclusion and its reason/, 'NP-VI.A.5: a conclusion has a reason');
ask("SET ROLE adm; SELECT facesnxt.resolve_duplicate(duplicate_id, 'one person', 'fingerprints agree') FROM facesnxt.open_duplicates");
is(ask("SELECT (SELECT count(*) FROM facesnxt.open_duplicates), bool_and(r.resolved_by = 'adm'), (SELECT count(DISTINCT person_id) FROM facesnxt.reference_image WHERE person_id IN ('$a', '$b'))
	FROM facesnxt.duplicate_resolution r"), '0|t|2', 'NP-VI.A.5: somebody resolved them, and no person was merged by that');
($status, $out, $err) = by('postgres', 'DELETE FROM facesnxt.duplicate');
like($err, qr/append-only/, 'findings are records');

# ---- enhanced copies

my $sha = ask("SELECT sha256(file('two'))");
($status, $out, $err) = by('nm_inv', "SELECT facesnxt.register_probe(file('two'), 'camera of a shop', 'security camera'),
	encode(facesnxt.enhance_probe(sha256(file('two')), 'gamma', '{\"gamma\": 1.8}'), 'hex')");
my (undef, $derived) = split /\|/, $out;
is($status, 0, 'an enhanced copy is made') or diag($err);
is(ask("SELECT operation, parameters, performed_by, tool ~ '^facesnxt [0-9.]+\$', parent_sha256 = '$sha', performed_at > now() - interval '1 hour'
	FROM facesnxt.probe_derivation WHERE encode(sha256, 'hex') = '$derived'"), 'gamma|{"gamma": 1.8}|nm_inv|t|t|t',
	'NP-VI.B.2.c: what was done, with what, by whom, when, to which original');
is(ask("SELECT (SELECT image = file('two') FROM facesnxt.probe WHERE sha256 = '$sha' AND agency_id = (SELECT agency_id FROM facesnxt.agency WHERE code = 'NM')),
	(SELECT image = facesnxt.enhance(file('two'), 'gamma', '{\"gamma\": 1.8}') FROM facesnxt.probe WHERE encode(sha256, 'hex') = '$derived')"), 't|t',
	'NP-VI.B.2.b: the original stays as it was, the copy is one of its own');
($status, $out, $err) = by('sp_inv', "SELECT facesnxt.enhance_probe('\\x$derived', 'mirror')");
like($err, qr/no such image of your agency is kept/, 'another agency enhances none of it');
($status, $out, $err) = by('nm_inv', "SELECT facesnxt.enhance_probe(sha256(file('two')), 'beautify')");
like($err, qr/no such operation/, 'there are nine operations');

# ---- what a copy says of its original

sub metadata
{
	my ($bytes) = @_;
	my ($at, @found) = (2);
	while ($at + 4 <= length $bytes)
	{
		my ($ff, $marker, $size) = unpack('CCn', substr($bytes, $at, 4));
		last if $ff != 0xFF || $marker == 0xDA;
		push @found, sprintf('%02x', $marker) unless $marker == 0xE0 && substr($bytes, $at + 4, 4) eq 'JFIF' || grep { $_ == $marker } 0xDB, 0xC0, 0xC4;
		$at += 2 + $size;
	}
	# wherever it stands
	push @found, 'text' if $bytes =~ /Exif\0\0|http:\/\/ns\.adobe\.com|GPS|Photoshop|ICC_PROFILE/;
	return join ' ', @found;
}

my %sample;
find({ wanted => sub { $sample{"s" . keys %sample} = $File::Find::name if /\.jpe?g$/i && -s $_ < 400_000 }, no_chdir => 1, follow_skip => 2, follow => 1 },
	grep { -d } map { "$data/jpeg/$_" } qw(exif-samples exif-orientation));
SKIP:
{
	skip 'no photographs with Exif in the test data', 5 unless %sample;
	store($node, %sample);
	# files that do not decode give neither thumbnail nor copy
	my @rows = split /\n/, ask(<<'SQL');
CREATE FUNCTION made(photo bytea, how int) RETURNS bytea LANGUAGE plpgsql AS $$
BEGIN
	RETURN CASE how WHEN 0 THEN photo WHEN 1 THEN facesnxt.thumbnail(photo, 64) WHEN 2 THEN facesnxt.enhance(photo, 'mirror') END;
EXCEPTION WHEN SQLSTATE 'NX101' OR SQLSTATE 'NX102' OR SQLSTATE 'NX103' THEN RETURN NULL;
END $$;
SELECT name, how, encode(made(bytes, how), 'hex') FROM file, generate_series(0, 2) how WHERE name ~ '^s[0-9]+$' AND made(bytes, 1) IS NOT NULL ORDER BY 1, 2;
SQL
	my (%with, @without);
	foreach (@rows)
	{
		my ($name, $how, $hex) = split /\|/;
		my $told = metadata(pack('H*', $hex));
		$with{$name} = $told if $how == 0 && $told ne '';
		push @without, "$name $how $told" if $how > 0 && $told ne '';
	}
	cmp_ok(scalar keys %with, '>', 30, 'there are originals with metadata: ' . keys %with);
	is_deeply(\@without, [], 'and no thumbnail and no enhanced copy has any');
	my ($gps) = grep { $with{$_} =~ /text/ } sort keys %with;
	by('nm_inv', "SELECT facesnxt.register_probe(file('$gps'), 'a telephone', 'seized')");
	is(ask("SELECT image = file('$gps') FROM facesnxt.probe WHERE sha256 = sha256(file('$gps'))"), 't', 'NP-VI.B.2.a: the original keeps its own');
	like(metadata(pack('H*', ask("SELECT encode(image, 'hex') FROM facesnxt.probe WHERE sha256 = sha256(file('$gps'))"))), qr/e1.*text/, 'NP-VI.B.2.a: camera, time and place');
	is(ask("SELECT count(*) FILTER (WHERE w.width < w.height) > 5, bool_and((w.width < w.height) = (t.width < t.height) OR abs(w.width - w.height) < 3)
		FROM file, facesnxt.photo_size(bytes) w, facesnxt.photo_size(facesnxt.thumbnail(bytes, 96)) t WHERE name = ANY ('{" . join(',', keys %with) . "}')"),
		't|t', 'thumbnails stand upright');
}

done_testing();
