# Sheets: what stands where in the picture, who gets one, what is on record of
# it; line-ups. On portraits of nobody; at the end on photographs, where there are some.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Facesnxt;

my $node = new_node('sheet');

$node->safe_psql('postgres', <<'SQL');
DELETE FROM facesnxt.reference;
DELETE FROM facesnxt.reference_image;
CREATE SCHEMA made;
GRANT USAGE ON SCHEMA made TO PUBLIC;
-- a direction for each person, and some noise for each take
CREATE FUNCTION made.number(text) RETURNS real LANGUAGE sql IMMUTABLE AS $$ SELECT (('x' || substr(md5($1), 1, 6))::bit(24)::int / 16777216.0 - 0.5)::real $$;
CREATE FUNCTION made.template(n int, take int) RETURNS facesnxt.embedding LANGUAGE sql IMMUTABLE AS $$
	SELECT facesnxt.normalize((SELECT array_agg(made.number(n || ' ' || i) + 0.3 * made.number(n || ' ' || take || ' ' || i) ORDER BY i)
		FROM generate_series(1, 64) i)::real[]::facesnxt.embedding) $$;
CREATE FUNCTION made.extraction(face real[], landmarks real[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_object('x', face[1], 'y', face[2], 'width', face[3], 'height', face[4], 'landmarks', to_jsonb(landmarks),
		'eye_distance', landmarks[3] - landmarks[1], 'roll', 2) $$;
CREATE TABLE made.person AS SELECT n, facesnxt.create_person('Person ' || n, date '1980-01-01' + n * 60) AS id FROM generate_series(1, 45) n;
CREATE FUNCTION made.enrol(n int, person uuid) RETURNS void LANGUAGE sql AS $$
	WITH i AS (INSERT INTO facesnxt.reference_image (person_id, identity_source, photo, photo_sha256, extraction, enrolled_by)
		SELECT person, 'drawn', p.photo, sha256(p.photo), made.extraction(p.face, p.landmarks), 'x' FROM facesnxt.synthetic_portrait(n, 0) p
		RETURNING reference_id)
	INSERT INTO facesnxt.reference (reference_id, person_id, repository, template) SELECT reference_id, person, 'booking', made.template(n, 0) FROM i $$;
SELECT made.enrol(n, id) FROM made.person;
SELECT facesnxt.describe_person(id, jsonb_build_object('gender', CASE WHEN n = 3 THEN NULL WHEN n % 9 = 4 THEN 'F' ELSE 'M' END, 'race', 'W')) FROM made.person;
-- a probe whose file says where it was taken
CREATE FUNCTION made.probe(n int) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT substring(photo FOR 2) || '\xFFE10014'::bytea || 'Exif'::bytea || '\x0000'::bytea || 'WHERE IT WAS'::bytea || substring(photo FROM 3) FROM facesnxt.synthetic_portrait(n, 1) $$;
-- as search() would, had this machine models
CREATE FUNCTION made.search(n int, candidates int) RETURNS uuid LANGUAGE sql SECURITY DEFINER AS $$
	SELECT s.search_id FROM facesnxt.synthetic_portrait(n, 1) p, facesnxt.identify(made.probe(n), made.template(n, 1), '22-1', 'criminal', 'a théft',
		NULL, candidates, NULL, NULL, NULL, NULL, made.extraction(p.face, p.landmarks)) s LIMIT 1 $$;

-- 352 x 254 pixels of a sheet from (x, y) on, as rows of RGB: a face that makes sheet_picture() cut just that
CREATE FUNCTION made.crop(sheet bytea, x int, y int) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT substring(facesnxt.sheet_picture(sheet, 'candidate sheet', ARRAY[x + 175.5, y + 254 * 0.49 - 57.15, 1, 114.3]::real[]) FROM 9) $$;
CREATE FUNCTION made.pixel(crop bytea, x int, y int) RETURNS int[] LANGUAGE sql IMMUTABLE AS $$
	SELECT ARRAY[get_byte(crop, (y * 352 + x) * 3), get_byte(crop, (y * 352 + x) * 3 + 1), get_byte(crop, (y * 352 + x) * 3 + 2)] $$;
-- mean difference of the columns from left on of two crops
CREATE FUNCTION made.unlike(a bytea, b bytea, height int) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
	SELECT avg(abs(get_byte(a, (y * 352 + x) * 3 + 1) - get_byte(b, (y * 352 + x) * 3 + 1))) FROM generate_series(0, height - 1, 2) y, generate_series(0, 170, 2) x $$;
-- a sheet with nothing but these texts at a place
CREATE FUNCTION made.alone(layout text, place int, cell text[]) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT facesnxt.draw_sheet(layout, array_fill(NULL::text, '{6}'), '{}', array_fill(NULL::text, ARRAY[5 * place]) || cell, array_fill(NULL::bytea, ARRAY[place + 1])) $$;
GRANT facesnxt_auditor TO sp_inv;
CREATE TABLE made.sheet (name text, bytes bytea);
GRANT ALL ON made.sheet TO PUBLIC;
SQL

sub sql
{
	my ($query) = @_;
	return $node->safe_psql('postgres', $query);
}

# A statement of a role: its output, or its SQLSTATE and message.
sub as
{
	my ($role, $query) = @_;
	my ($status, $out, $err) = as_role($node, $role, $query);
	return $status == 0 ? $out : $err =~ /(?:ERROR|FATAL):  (\w{5}): (.*)/ ? "$1: $2" : $err;
}

my $id = as('nm_inv', 'SELECT made.search(7, 20)');
my $few = as('nm_inv', 'SELECT made.search(9, 5)');
sub keep { my ($name, $call) = @_; return as('nm_inv', "INSERT INTO made.sheet SELECT '$name', facesnxt.$call RETURNING 'kept'"); }

# ---- what stands where

is(keep('first', "candidate_sheet('$id')"), 'kept', 'a candidate sheet is made');
is(keep('second', "candidate_sheet('$id', 2)"), 'kept', 'its second page, too');
is(keep('few', "candidate_sheet('$few')"), 'kept', 'and one of few candidates');
is(keep('compared', "comparison_sheet('$id', 1)"), 'kept', 'a comparison');
is(sql("SELECT string_agg(name || ' ' || (facesnxt.photo_size(bytes)).width || ' x ' || (facesnxt.photo_size(bytes)).height, ', ' ORDER BY name) FROM made.sheet"),
	'compared 2200 x 1700, few 1700 x 2200, first 1700 x 2200, second 1700 x 2200', 'they are JPEG of letter size');
is(sql("SELECT bool_and(substring(bytes FROM 7 FOR 4) = 'JFIF' AND substring(bytes FROM 14 FOR 5) = '\\x0100C800C8') FROM made.sheet"), 't', '200 pixels an inch, says the file');
is(sql("SELECT abs((made.pixel(made.crop(bytes, 110, 80), 10, 10))[1] - 140) < 6 AND abs((made.pixel(made.crop(bytes, 110, 80), 10, 10))[2] - 21) < 6 AND made.unlike(made.crop(bytes, 680, 70), made.crop(bytes, 680, 300), 80) > 60
	FROM made.sheet WHERE name = 'first'"), 't', 'NM-IV.C, SP-III.C: the banner is there, with its letters');
is(sql("SELECT made.unlike(made.crop(s.bytes, 450, 70), made.crop(facesnxt.draw_sheet('candidate sheet', ARRAY['INVESTIGATIVE LEAD ONLY', NULL, NULL, NULL, NULL, NULL], '{}', '{}', '{}'), 450, 70), 84) < 1
	FROM made.sheet s WHERE name = 'first'"), 't', '"INVESTIGATIVE LEAD ONLY" is what they say');
# of a place its frame is left out, and of the picture the middle
my $inner = "made.unlike(made.crop(s.bytes, 104 + 80, 524), made.crop(facesnxt.draw_sheet('candidate sheet', array_fill(NULL::text, '{6}'), '{}', array_fill(NULL::text, '{5}'),
	ARRAY[facesnxt.sheet_picture(%s, 'candidate sheet', NULL)]), 104 + 80, 524), 250)";
is(sql(sprintf("SELECT $inner < 2 FROM made.sheet s WHERE name = 'first'", 'made.probe(7)')), 't', 'the probe stands top left');
is(sql(sprintf("SELECT $inner > 5 FROM made.sheet s WHERE name = 'first'", '(SELECT photo FROM facesnxt.synthetic_portrait(8, 1))')), 't', '... and nobody else');
is(sql(sprintf("SELECT $inner < 2 FROM made.sheet s WHERE name = 'second'", 'made.probe(7)')), 't', '... on the second page, too');
my $score = sql("SELECT round(score::numeric, 3) FROM facesnxt.candidate WHERE search_id = '$id' AND rank = 1");
my $under = "made.unlike(made.crop(s.bytes, 484, 784), made.crop(made.alone('candidate sheet', 1, ARRAY['Rank 1', 'similarity ' || %s, 'booking', NULL, NULL]), 484, 784), 104)";
is(sql(sprintf("SELECT $under < 0.5 FROM made.sheet s WHERE name = 'first'", $score)), 't', "rank, score ($score) and repository stand under the first candidate");
is(sql(sprintf("SELECT $under > 0.5 FROM made.sheet s WHERE name = 'first'", "'0.111'")), 't', '... and no other score');
is(sql("SELECT made.unlike(made.crop(s.bytes, 1350, 206), made.crop(facesnxt.draw_sheet('candidate sheet', ARRAY['x', NULL, 'y', 'page 2 of 2', NULL, NULL], '{}', '{}', '{}'), 1350, 206), 60) < 0.5
	FROM made.sheet s WHERE name = 'second'"), 't', 'the page has its number');
is(sql("SELECT made.unlike(made.crop(s.bytes, 120, 282), made.crop(facesnxt.draw_sheet('candidate sheet', ARRAY['x', NULL, 'y', NULL, NULL, NULL], facesnxt.sheet_fields(q), '{}', '{}'), 120, 282), 220) < 0.5
	AND facesnxt.sheet_fields(q) @> ARRAY['$id', 'North Miami', '22-1  (robbery)', 'criminal: a théft', to_char(q.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC']
	FROM made.sheet s, facesnxt.search q WHERE name = 'first' AND q.search_id = '$id'"), 't', 'search, UTC time, agency, case and purpose stand in its head');
# rings of one colour around the eyes
my $ring = "(made.pixel(c, x, y))[1] < 70 AND (made.pixel(c, x, y))[2] > 150 AND (made.pixel(c, x, y))[3] > 180";
is(sql("SELECT count(*) FROM (VALUES (104), (780)) v (left_edge), made.sheet WHERE name = 'compared' AND EXISTS (
	SELECT FROM made.crop(bytes, left_edge + 144, 760) c, generate_series(60, 300) x, generate_series(20, 150) y WHERE $ring)"),
	'2', 'landmarks are drawn on both faces');
# the scale: white at its left, nearly black at its right
is(sql("SELECT (made.pixel(made.crop(bytes, 1460, 1320), 10, 124))[2] > 240 AND (made.pixel(made.crop(bytes, 1780, 1320), 300, 124))[2] < 40 FROM made.sheet WHERE name = 'compared'"),
	't', 'the difference has its scale');
is(sql("SELECT avg((made.pixel(c, x, y))[2]) > 225 FROM made.sheet, made.crop(bytes, 1600, 760) c, generate_series(80, 270) x, generate_series(20, 230) y WHERE name = 'compared'"), 't', 'two takes of one drawing hardly differ');
is(sql("SELECT bool_and(position('Exif'::bytea IN bytes) = 0 AND position('WHERE IT WAS'::bytea IN bytes) = 0) AND position('WHERE IT WAS'::bytea IN made.probe(7)) > 0
	FROM made.sheet"), 't', 'nothing of what the file of the probe says beside its picture leaves');
is(as('nm_inv', "SELECT (SELECT bytes FROM made.sheet WHERE name = 'first') = facesnxt.candidate_sheet('$id') AND (SELECT bytes FROM made.sheet WHERE name = 'compared')
	= facesnxt.comparison_sheet('$id', 1)"), 't', 'the same record gives the same bytes again');
is(as('nm_inv', "SELECT facesnxt.candidate_sheet('$id', 3)"), '22023: there is no page 3', 'there is no third page');

# ---- what is on record of it

is(sql("SELECT string_agg(l.kind || ' ' || (l.sha256 = sha256(s.bytes)) || ' ' || l.acting_role || ' ' || cardinality(l.persons) || ' ' || l.ranks[1], ', ' ORDER BY s.name)
	FROM made.sheet s JOIN LATERAL (SELECT * FROM facesnxt.access_log l WHERE l.sha256 = sha256(s.bytes) ORDER BY recorded_at LIMIT 1) l ON true"),
	'comparison sheet true nm_inv 1 1, candidate sheet true nm_inv 5 1, candidate sheet true nm_inv 15 1, candidate sheet true nm_inv 5 16',
	'NM-V.C, MI-4.4.a: each sheet is on record, with its SHA-256 and whom it shows');
my $before = sql('SELECT count(*) FROM facesnxt.access_log');
as('nm_inv', "BEGIN; SELECT 1 FROM facesnxt.candidate_sheet('$id'); ROLLBACK");
is(sql('SELECT count(*) FROM facesnxt.access_log') - $before, 1, 'NM-IX.A.3: a rollback does not erase it');

# ---- who gets one

my @calls = ("candidate_sheet('$id')", "comparison_sheet('$id', 1)", "compose_lineup('$id', 1)");
foreach my $call (@calls)
{
	my $theirs = as('sp_inv', "SELECT facesnxt.$call");
	(my $none = $call) =~ s/'\Q$id\E'/gen_random_uuid()/;
	is($theirs, "NX397: refused: your agency's searches have no such candidate", "NM-IX.A.3: another agency gets nothing by $call");
	is(as('nm_inv', "SELECT facesnxt.$none"), $theirs, 'a search that there is not looks the same');
}
is(as('nm_inv', "SELECT facesnxt.comparison_sheet('$id', 21)"), "NX397: refused: your agency's searches have no such candidate", 'so does a rank');
is(as('nm_inv', "SELECT facesnxt.comparison_sheet('$id', NULL)"), "NX397: refused: your agency's searches have no such candidate", 'and none');
is(sql("SELECT count(*), count(DISTINCT kind), bool_and(sha256 IS NULL AND persons IS NULL) FROM facesnxt.access_log WHERE sqlstate = 'NX397'"), '8|3|t', 'NM-V.C: refusals are on record');
is(as('aud', "SELECT facesnxt.candidate_sheet('$id')"), 'NX302: refused: the acting role has no active account', 'the host\'s auditor has no account');
sql("CREATE ROLE nm_aud LOGIN; GRANT facesnxt_auditor TO nm_aud; SELECT facesnxt.open_account('NM', 'nm_aud'), facesnxt.set_account_status('nm_aud', 'active', NULL)");
is(as('nm_aud', "SELECT sha256(facesnxt.candidate_sheet('$id')) = (SELECT sha256(facesnxt.candidate_sheet('$id')))"), 't', 'the agency\'s auditor gets one');
is(sql("SELECT (SELECT count(*) FROM facesnxt.access_log WHERE acting_role = 'nm_aud' AND sqlstate IS NULL) || ' ' ||
	(SELECT count(*) > 0 FROM facesnxt.log_reading WHERE acting_role = 'nm_aud' AND functions::text LIKE '%candidate_sheet%')"), '2 true', 'MI-4.5.5: and is on record as any auditor is');
is(as('nm_inv', "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT facesnxt.candidate_sheet('$id')"), 'NX306: refused: isolation level is repeatable read', 'no snapshot of the past');
like(as('nm_inv', "SELECT facesnxt.$_"), qr/^42501: permission denied/, "nobody calls $_")
	foreach "sheet_picture(NULL, 'candidate sheet', NULL)", "draw_sheet('', '{}', '{}', '{}', '{}')", "hand_out('candidate sheet', NULL, NULL, NULL, '')", "synthetic_portrait(1, 1)";
sql("CREATE ROLE nm_two LOGIN; GRANT facesnxt_investigator TO nm_two; SELECT facesnxt.open_account('NM', 'nm_two'), facesnxt.set_account_status('nm_two', 'active', NULL)");
my $person = sql("SELECT person_id FROM facesnxt.candidate WHERE search_id = '$few' AND rank = 1");
is(as('nm_inv', "SELECT facesnxt.ask_review('$few', '$person', 'nm_two') IS NOT NULL"), 't', 'somebody is asked to review blindly');
is(as('nm_two', "SELECT facesnxt.candidate_sheet('$few')"), 'NX354: refused: you are to review this search blindly', 'SP-III.F: and gets no sheet');
as('nm_two', "SELECT 1 FROM facesnxt.candidate_sheet('$id')");
like(as('nm_inv', "SELECT facesnxt.ask_review('$id', (SELECT person_id FROM facesnxt.my_candidates WHERE search_id = '$id' AND rank = 1), 'nm_two')"),
	qr/^NX354/, 'SP-III.F: whoever had a sheet is not asked to review blindly');

# ---- photographs that are gone

sql("UPDATE facesnxt.reference_image i SET photo = NULL, photo_sha256 = NULL FROM facesnxt.candidate c WHERE c.search_id = '$id' AND c.rank = 2 AND i.reference_id = c.reference_id");
sql("UPDATE facesnxt.reference_image i SET photo = 'no picture', photo_sha256 = sha256('no picture') FROM facesnxt.candidate c WHERE c.search_id = '$id' AND c.rank = 3 AND i.reference_id = c.reference_id");
sql("WITH gone AS (SELECT reference_id FROM facesnxt.candidate WHERE search_id = '$id' AND rank IN (4, 5)), r AS (DELETE FROM facesnxt.reference USING gone WHERE reference.reference_id = gone.reference_id)
	SELECT 1");
sql("DELETE FROM facesnxt.reference_image i USING facesnxt.candidate c WHERE c.search_id = '$id' AND c.rank IN (4, 5) AND i.reference_id = c.reference_id");
sql("WITH e AS (INSERT INTO facesnxt.expungement (agency_id, scope, target, basis, order_number, court, ordered_on, persons)
		SELECT s.agency_id, 'person', c.person_id, 'x', 'x', 'x', current_date, '{}' FROM facesnxt.candidate c JOIN facesnxt.search s USING (search_id) WHERE s.search_id = '$id' AND rank = 5 RETURNING *)
	INSERT INTO facesnxt.expungement_decision (expungement_id, agency_id, approved, office, clause, persons) SELECT expungement_id, agency_id, true, 'x', 'x', '{}' FROM e");
is(keep('gone', "candidate_sheet('$id')"), 'kept', 'a sheet is made when photographs are gone');
my %place = (2 => [ 864, 524, 'NO PHOTOGRAPH', 'only a template is on record' ], 3 => [ 1244, 524, 'NO PHOTOGRAPH', 'the file does not decode' ],
	4 => [ 104, 908, 'NO LONGER KEPT', 'the reference was removed' ], 5 => [ 484, 908, 'EXPUNGED', 'by order; nothing is kept' ]);
foreach my $rank (sort keys %place)
{
	my ($x, $y, $what, $why) = @{ $place{$rank} };
	is(sql("SELECT made.unlike(made.crop(s.bytes, $x, $y), made.crop(made.alone('candidate sheet', $rank, ARRAY[NULL, NULL, NULL, E'$what\\n$why', NULL]), $x, $y), 250) < 0.5 FROM made.sheet s WHERE name = 'gone'"),
		't', "NM-IX.A.6: the picture says: $what, $why");
}
like(as('nm_inv', "SELECT length(facesnxt.comparison_sheet('$id', 5)) > 10000"), qr/^t$/, 'and a comparison with nothing is drawn, too');

# ---- line-ups

is(as('nm_inv', "SELECT facesnxt.compose_lineup('$id', 2)"), 'NX480: line-up refused: no photograph of the candidate is kept', 'a line-up needs a photograph');
my $third = as('nm_inv', 'SELECT made.search(3, 4)');
is(as('nm_inv', "SELECT facesnxt.compose_lineup('$third', 1)"), 'NX480: line-up refused: the candidate\'s gender, race or age is not known', 'and to know what fillers are to be like');
is(as('nm_inv', "SELECT facesnxt.compose_lineup('$third', 1, description => '{\"gender\": \"F\", \"race\": \"W\", \"age\": 44}', below => 0.45)"), 'NX480: line-up refused: 3 of five fillers were found',
	'and five of them');
is(as('nm_inv', "SELECT facesnxt.compose_lineup('$id', 1, below => 0.9)"), '22023: fillers cannot be chosen by such bounds', 'no bound lets a mate in');
is(sql("SELECT count(*), bool_and(rule IS NULL AND agency_id IS NOT NULL) FROM facesnxt.refused_step WHERE step = 'line-up' AND sqlstate = 'NX480'"), '3|t', 'refusals are on record');
my @made = map { as('nm_inv', "SELECT facesnxt.compose_lineup('$id', 1, 'seen by a witness', below => 0.45)") } 1 .. 14;
my $lineup = $made[0];
is(sql("SELECT count(*), count(*) FILTER (WHERE suspect), array_agg(position ORDER BY position), bool_and(photo_sha256 IS NOT NULL)
	FROM facesnxt.lineup_place WHERE lineup_id = '$lineup'"), '6|1|{1,2,3,4,5,6}|t', 'six stand in it, one of them the candidate');
is(sql("SELECT bool_and(d.gender = 'M' AND d.race = 'W' AND NOT EXISTS (SELECT FROM facesnxt.candidate c WHERE c.search_id = '$id' AND c.person_id = p.person_id)
		AND p.similarity < 0.45 AND p.similarity >= 1 - (r.template OPERATOR(facesnxt.<=>) made.template(7, 0)) - 1e-6)
	FROM facesnxt.lineup_place p JOIN facesnxt.person_detail d USING (person_id) JOIN facesnxt.reference r USING (reference_id) WHERE NOT p.suspect"),
	't', 'fillers fit the description, are unlike in template, and no candidates');
is(sql("SELECT count(DISTINCT position) > 1 AND count(*) = 14 FROM facesnxt.lineup_place WHERE suspect"), 't', 'where the candidate stands, chance decides');
is(sql("SELECT count(DISTINCT person_id) > 6 FROM facesnxt.lineup_place WHERE NOT suspect"), 't', 'and who the fillers are');
is(sql("SELECT count(*) FROM facesnxt.lineup l JOIN facesnxt.action a USING (action_id) WHERE a.kind = 'line-up' AND a.status = 'permitted' AND a.person_id = l.person_id"), '14',
	'NM-VI.D, MI-4.3.4.1.a: each is an action that was permitted');
is(sql("SELECT criteria->>'gender', criteria->>'born' FROM facesnxt.lineup WHERE lineup_id = '$lineup'"), 'm|1981', 'by what they were chosen is kept, and of the birth its year');
is(keep('lineup', "lineup_sheet('$lineup')"), 'kept', 'its sheet');
is(as('nm_two', "SELECT facesnxt.lineup_sheet('$lineup') = (SELECT bytes FROM made.sheet WHERE name = 'lineup')"), 't', 'which is the same again');
my $window = "facesnxt.sheet_picture(i.photo, 'line-up sheet', facesnxt.face_box(i.extraction))";
is(sql("SELECT bool_and(made.unlike(made.crop(s.bytes, x, y), made.crop(a.bytes, x, y), 250) < 2) FROM made.sheet s,
	(SELECT facesnxt.draw_sheet('line-up sheet', array_fill(NULL::text, '{6}'), '{}', array_fill(NULL::text, '{30}'), array_agg($window ORDER BY p.position)) AS bytes
	 FROM facesnxt.lineup_place p JOIN facesnxt.reference_image i USING (reference_id) WHERE p.lineup_id = '$lineup') a,
	(VALUES (300, 200), (940, 200), (1580, 200), (300, 950), (940, 950), (1580, 950)) v (x, y) WHERE name = 'lineup'"), 't', 'it shows who is on record, where');
is(sql("SELECT made.unlike(made.crop(s.bytes, 380, 720), made.crop(made.alone('line-up sheet', 0, ARRAY['1', NULL, NULL, NULL, NULL]), 380, 720), 100) < 0.5 FROM made.sheet s WHERE name = 'lineup'"),
	't', 'with its number');
is(as('nm_inv', "SELECT count(*) FROM facesnxt.my_lineups WHERE lineup_id = '$lineup' AND case_number = '22-1'"), '1', 'the agency sees that there is one');
is(as('nm_inv', "SELECT string_agg(position || CASE WHEN suspect THEN '*' ELSE '' END, ' ' ORDER BY position) FROM facesnxt.lineup_key('$lineup')"),
	sql("SELECT string_agg(position || CASE WHEN suspect THEN '*' ELSE '' END, ' ' ORDER BY position) FROM facesnxt.lineup_place WHERE lineup_id = '$lineup'"), 'its key says who stood where');
is(as('sp_inv', "SELECT facesnxt.lineup_sheet('$lineup')"), 'NX397: refused: your agency has no such line-up', 'NM-IX.A.3: another agency gets no line-up');
is(as('sp_inv', "SELECT facesnxt.lineup_key('$lineup')"), 'NX397: refused: your agency has no such line-up', '... nor its key');
is(as('sp_inv', 'SELECT count(*) FROM facesnxt.my_lineups'), '0', '... nor sees that there are any');
is(as('sp_inv', 'SELECT count(*) FROM facesnxt.lineup_place'), '0', '... nor does its auditor');
is(sql("SELECT string_agg(concat_ws(' ', acting_role, kind, sqlstate, cardinality(persons)), ', ' ORDER BY recorded_at) FROM facesnxt.access_log WHERE lineup_id = '$lineup'"),
	'nm_inv line-up sheet 6, nm_two line-up sheet 6, nm_inv line-up key 6, sp_inv line-up sheet NX397, sp_inv line-up key NX397', 'NM-V.C: all of it is on record');
like(as('nm_inv', "UPDATE facesnxt.lineup_place SET position = 1"), qr/^42501/, 'nobody changes one');
like((as_role($node, 'postgres', "UPDATE facesnxt.lineup_place SET position = 7 - position"))[2], qr/NX309/, '... for it is a record');
is(sql('SELECT count(*) FROM facesnxt.erase_gaps()'), '0', 'what an expungement does to it is known');

# ---- where the policy asks for more before any action

$node->safe_psql('postgres', <<'SQL');
SELECT facesnxt.create_agency('NP', 'North Port');
SELECT facesnxt.adopt_policy('NP', document => '{"title": "After North Port",
	"purposes": [{"code": "criminal", "description": "criminal investigation", "class": "criminal_justice", "clause": "NP-VI.A.1"}],
	"rules": [{"rule": "purpose_listed", "clause": "NP-VI.A", "value": true}, {"rule": "supervisor_before", "clause": "NP-VI.C.1", "value": ["any"]},
		{"rule": "pii_views_logged", "clause": "NM-V.C", "value": true}]}');
CREATE ROLE np_inv LOGIN; GRANT facesnxt_investigator TO np_inv;
SELECT facesnxt.open_account('NP', 'np_inv'), facesnxt.set_account_status('np_inv', 'active', NULL), facesnxt.open_case('NP', '22-1', 'robbery');
SQL
my $np = as('np_inv', 'SELECT made.search(20, 6)');
is(as('np_inv', "SELECT facesnxt.compose_lineup('$np', 1, below => 0.45)"), 'NX359: action refused: no supervisor confirmed the corroboration', 'NP-VI.C.1: no line-up before a supervisor confirmed');
is(sql("SELECT kind || ' ' || status || ' ' || clause FROM facesnxt.action WHERE acting_role = 'np_inv'"), 'line-up refused NP-VI.C.1', 'NP-VI.C.1: which is on record');
as('np_inv', "SELECT 1 FROM facesnxt.candidate_sheet('$np')");
is(sql("SELECT clause FROM facesnxt.access_log WHERE acting_role = 'np_inv'"), 'NM-V.C', 'the clause that asks for the record is in it');
sql('CREATE ROLE nobody LOGIN; GRANT facesnxt_investigator TO nobody');
like(as('nobody', "SELECT facesnxt.candidate_sheet('$np')"), qr/^NX302/, 'SP-IV.A.1: without an active account there is no sheet');

# ---- on photographs

SKIP:
{
	my $data = $ENV{FACESNXT_DATA} // '../shared/data';
	skip "no photographs or models in $data (set FACESNXT_DATA)", 5 unless -r "$data/models/yunet_n_320_320.onnx" && -d "$data/faces/lfw";
	store($node, detector => "$data/models/yunet_n_320_320.onnx", recogniser => "$data/models/mobilefacenet.kennethwang.onnx",
		first => "$data/faces/lfw/Abdel_Nasser_Assidi/Abdel_Nasser_Assidi_0001.jpg", second => "$data/faces/lfw/Abdel_Nasser_Assidi/Abdel_Nasser_Assidi_0002.jpg",
		other => "$data/faces/lfw/AJ_Lamas/AJ_Lamas_0001.jpg");
	sql("SELECT facesnxt.load_model(name, name, bytes, 'for tests', channel_order => 'BGR') FROM file WHERE name IN ('detector', 'recogniser')");
	sql("SELECT facesnxt.enrol(bytes, facesnxt.create_person(name), 'driver_licence', 'name in the data set', face => 'central') FROM file WHERE name IN ('first', 'other')");
	my $real = as('nm_inv', "SELECT search_id FROM facesnxt.search((SELECT bytes FROM file WHERE name = 'second'), '22-1', 'criminal', face => 'central') LIMIT 1");
	is(keep('real', "candidate_sheet('$real')"), 'kept', 'a sheet of photographs');
	is(keep('real pair', "comparison_sheet('$real', 1)"), 'kept', 'and a comparison');
	is(sql("SELECT made.unlike(made.crop(s.bytes, 184, 560), made.crop(facesnxt.draw_sheet('short candidate sheet', array_fill(NULL::text, '{6}'), '{}', array_fill(NULL::text, '{5}'),
		ARRAY[facesnxt.sheet_picture(f.bytes, 'short candidate sheet', NULL)]), 184, 560), 250) < 2 FROM made.sheet s, file f WHERE s.name = 'real' AND f.name = 'second'"), 't', 'the probe stands top left');
	# eyes of both, at the same places: rings of one colour around them
	is(sql("SELECT count(*) FROM (VALUES (104), (780)) v (left_edge), made.sheet WHERE name = 'real pair' AND EXISTS (
		SELECT FROM made.crop(bytes, left_edge + 144, 760) c, generate_series(60, 300) x, generate_series(20, 150) y WHERE $ring)"),
		'2', 'landmarks are marked in both');
	is(as('nm_inv', "SELECT facesnxt.comparison_sheet('$real', 1) = (SELECT bytes FROM made.sheet WHERE name = 'real pair')"), 't', 'the same again');
}

$node->stop;
done_testing();
