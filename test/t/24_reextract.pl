# A change of the recogniser: templates are made anew while backends are
# killed, and are those of one run; searches keep the old ones until a second
# person puts the new model in use; failures are noted; replays know what there was.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use Facesnxt;

my $data = $ENV{FACESNXT_DATA} // '../shared/data';
my $lfw = "$data/faces/lfw";
plan skip_all => "no photographs or models in $data (set FACESNXT_DATA)"
	unless -r "$data/models/yunet_n_320_320.onnx" && -d $lfw;

my $node = new_node('reextract');
my $persons = 48;
my @photos = (grep { !/Abdel_Nasser_Assidi/ } glob("$lfw/*/*_0001.jpg"))[ 0 .. $persons - 1 ];
store($node,
	yunet => "$data/models/yunet_n_320_320.onnx", scrfd => "$data/models/scrfd_500m_kps.onnx",
	old => "$data/models/mobilefacenet.kennethwang.onnx", new => "$data/models/mobilefacenet.facegate.onnx",
	probe => "$lfw/Abdel_Nasser_Assidi/Abdel_Nasser_Assidi_0002.jpg", mate => "$lfw/Abdel_Nasser_Assidi/Abdel_Nasser_Assidi_0001.jpg",
	late => "$lfw/Abdoulaye_Wade/Abdoulaye_Wade_0002.jpg",
	map { ("photo $_" => $photos[$_]) } 0 .. $#photos);

sub value { return $node->safe_psql('postgres', $_[0]); }

sub state_of
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = as_role($node, $role, $sql);
	return $err =~ /ERROR:\s+([0-9A-Z]{5})/ ? $1 : "done $out";
}

value(<<'SQL');
CREATE ROLE adm2 LOGIN IN ROLE facesnxt_admin;
SELECT facesnxt.load_recipe('yunet', bytes, NULL, 'for tests') FROM file WHERE name = 'yunet';
SELECT facesnxt.load_recipe('scrfd', bytes, NULL, 'for tests') FROM file WHERE name = 'scrfd';
SELECT facesnxt.load_recipe('mobilefacenet-bgr', NULL, bytes, 'for tests', 'old') FROM file WHERE name = 'old';
SELECT facesnxt.load_recipe('mobilefacenet-rgb', NULL, bytes, 'for tests', 'new') FROM file WHERE name = 'new';
SELECT facesnxt.enrol(bytes, facesnxt.create_person(name), 'driver_licence', 'name in the data set', face => 'central')
FROM file WHERE name ~ '^(photo|mate)';
-- a face that will not be found where it was: its box is another one
UPDATE facesnxt.reference_image i SET extraction = extraction || '{"x": 0, "y": 0, "width": 9, "height": 9}'
FROM facesnxt.person p WHERE p.person_id = i.person_id AND p.name = 'photo 7';
SQL
my ($old, $new) = split /\|/, value("SELECT (SELECT fingerprint FROM facesnxt.model WHERE name = 'old.recogniser'), (SELECT fingerprint FROM facesnxt.model WHERE name = 'new.recogniser')");
my $enrolled = $persons + 1;

sub made { return value("SELECT count(*) FROM facesnxt.reference WHERE model = '$new'"); }
sub search
{
	my ($reason) = @_;
	my ($status, $out, $err) = as_role($node, 'nm_inv', "SELECT rank FROM facesnxt.search((SELECT bytes FROM file WHERE name = 'probe'), '22-1', 'criminal', '$reason', face => 'central')");
	return value("SELECT concat_ws(' ', s.model, s.references_compared, s.references_other_model, p.name) FROM facesnxt.search s "
			. "LEFT JOIN facesnxt.candidate c ON c.search_id = s.search_id AND c.rank = 1 LEFT JOIN facesnxt.person p USING (person_id) WHERE s.reason = '$reason'")
		|| $err;
}
is(search('before'), "$old $enrolled 10 mate", 'the old model finds the mate');

# ---- who may, and what is refused

is(state_of('nm_inv', "CALL facesnxt.reextract('new.recogniser')"), '42501', 'an investigator makes no templates');
is(state_of('adm', "CALL facesnxt.reextract('none')"), 'NX204', 'nor does a model that is not registered');
is(state_of('adm', "CALL facesnxt.reextract('new.recogniser', 'none')"), 'NX204', 'nor a detector that is not');
is(state_of('adm', "BEGIN; CALL facesnxt.reextract('new.recogniser'); COMMIT"), '2D000', 'nor a run within a transaction, which could not commit its batches');
is(state_of('adm', "SELECT * FROM facesnxt.reextract_batch(gen_random_uuid(), NULL, 5)"), '22023', 'nor a batch of no run');
is(value('SELECT count(*) FROM facesnxt.reextraction'), '0', 'none of which began one');

is(state_of('adm', "SELECT facesnxt.index_references('$new')"), 'done facesnxt.reference_template_' . $new, 'the new templates are indexed before they are used');

# ---- killed at random, on two sessions, and cancelled once

my $call = "CALL facesnxt.reextract('new.recogniser', 'scrfd.detector', 3)";
my ($kills, $partial, $mid) = (0, 0, undef);
srand(5);
foreach my $turn (1 .. 3)
{
	my @running = map {
		IPC::Run::start([ 'psql', '-XAtq', '-h', $node->host, '-p', $node->port, '-U', 'adm', '-c', $call, 'postgres' ],
			'>', \my $out, '2>', \my $err) } 1 .. 2;
	my $before = made();
	# within one statement: on a fast machine all would be made before a new session has looked
	value("DO \$\$ BEGIN FOR i IN 1 .. 30000 LOOP "
			. "IF (SELECT count(*) FROM facesnxt.reference WHERE model = '$new') >= least($before + 4 + 2 * $turn, $enrolled - 1) THEN RETURN; END IF; "
			. "PERFORM pg_sleep(0.002); END LOOP; RAISE 'no templates come'; END \$\$");
	usleep(int(rand(20_000)));
	my @pids = split /\n/, value("SELECT pid FROM pg_stat_activity WHERE query ~ '^CALL' AND state = 'active'");
	if (@pids && $turn == 2)
	{
		value("SELECT pg_cancel_backend($_)") foreach @pids;
	}
	elsif (@pids)
	{
		kill 'KILL', $pids[ rand @pids ];
		$kills++;
	}
	$_->finish foreach @running;
	poll_until_up($node);
	my $have = made();
	$partial++ if $have > 0 && $have < $enrolled - 1;
	is( value("SELECT count(*) FROM facesnxt.reference r FULL JOIN facesnxt.reextracted x USING (reference_id) "
				. "WHERE coalesce(r.model = '$new', true) AND (r.reference_id IS NULL) <> (x.sqlstate IS NOT NULL)"),
		'0', "turn $turn: $have templates, each with its row and none without");
	if (!defined $mid && $have > 5 && $have < $enrolled - 1)
	{
		# a search by the new model, while few have a template of it
		as_role($node, 'nm_inv', "SELECT rank FROM facesnxt.search_template((SELECT (facesnxt.extract(bytes, 'central', NULL, 'new.recogniser')).template FROM file WHERE name = 'probe'), '22-1', 'criminal', 'half way')")
			if value("GRANT EXECUTE ON FUNCTION facesnxt.extract(bytea, text, text, text) TO nm_inv; SELECT 1");
		$mid = $have;
		is(search('meanwhile'), "$old $enrolled 10 mate", 'searches keep the old templates, and the new ones are not counted as beyond their reach');
	}
}
cmp_ok($kills, '>', 1, "$kills backends were killed");
cmp_ok($partial, '>', 1, "and the run was in between $partial times");
is(state_of('adm', $call), 'done ', 'called once more it ends');
is( value("SELECT made || ' ' || failed || ' ' || remaining || ' ' || in_use || ' ' || indexed FROM facesnxt.reextraction_progress"),
	($persons) . ' 11 0 false true', 'everything has a template or a reason');
is( value("SELECT string_agg(s, '; ' ORDER BY s) FROM (SELECT sqlstate || ' ' || count(*) AS s FROM facesnxt.reextraction_failure GROUP BY sqlstate) f"),
	'NX111 1; NX206 10', 'failures say why');
is( value("SELECT count(*) || ' ' || bool_and(n.template OPERATOR(facesnxt.=) (facesnxt.extract(i.photo, format('at %s %s %s %s', i.extraction->>'x', i.extraction->>'y', "
			. "i.extraction->>'width', i.extraction->>'height'), 'scrfd.detector', 'new.recogniser')).template) "
			. "FROM facesnxt.reference n JOIN facesnxt.reference_image i USING (reference_id) WHERE n.model = '$new'"),
	"$persons true", 'the templates are those of one run');
is( value("SELECT count(*) FROM facesnxt.reference n JOIN facesnxt.reference o USING (reference_id) WHERE n.model = '$new' AND o.model = '$old' "
			. "AND n.repository = o.repository AND n.person_id = o.person_id"),
	$persons, 'the old ones are all there, beside them');
is(state_of('adm', $call), 'done ', 'a run that is over changes nothing');
is(value('SELECT count(*) FROM facesnxt.reextraction'), '1', 'all that was one run');
is(state_of('adm', "CALL facesnxt.reextract('new.recogniser', 'yunet.detector')"), '22023', 'a run keeps its detector');
is(value("SELECT count(*) FROM facesnxt.audit_verify() v WHERE to_jsonb(v)->>'problem' IS NOT NULL"), '0', 'the log has an event for each row');

# what failed is tried once more, after its cause is gone
value("UPDATE facesnxt.reference_image i SET extraction = i.extraction || (SELECT to_jsonb(e) - 'template' FROM facesnxt.extract(i.photo, 'central') e) "
	. "FROM facesnxt.person p WHERE p.person_id = i.person_id AND p.name = 'photo 7'");
is(state_of('adm', "CALL facesnxt.reextract('new.recogniser', 'scrfd.detector', again => true)"), 'done ', 'another run');
is(value("SELECT made || ' ' || failed || ' ' || remaining FROM facesnxt.reextraction_progress ORDER BY started_at DESC LIMIT 1"), '1 10 0', 'is of what failed alone');
is(value("SELECT count(*) FROM facesnxt.reextraction_failure WHERE made_since"), '1', 'the first failure is known to be mended');

# what is enrolled by the old model after the end is known to lack the new one, and made in a run of its own
is(value('SELECT count(*) FROM facesnxt.reextraction_end'), '2', 'both runs have ended');
value("SELECT facesnxt.enrol(bytes, facesnxt.create_person('late'), 'driver_licence', 'name in the data set', face => 'central') FROM file WHERE name = 'late'");
is(value("SELECT facesnxt.not_comparable('$new', '{driver_licence,booking}')"), '11', 'one who was enrolled later is counted as not found by the new model');
is(value("SELECT facesnxt.not_comparable('$new', '{driver_licence}')"), '1', 'in the repositories that are searched');
is(state_of('adm', "CALL facesnxt.reextract('new.recogniser')"), 'done ', 'the next call makes the template');
is(value("SELECT made || ' ' || failed || ' ' || remaining || ' ' || detector FROM facesnxt.reextraction_progress ORDER BY started_at DESC LIMIT 1"), '1 10 0 scrfd.detector', 'by the same detector');
is(value("SELECT facesnxt.not_comparable('$new', '{driver_licence,booking}')"), '10', 'and then it is not counted');
$enrolled++;

# ---- the switch takes two persons, who see what it means

is(state_of('adm', "SELECT facesnxt.use_model('new.recogniser')"), 'NX463', 'NM-II.c: nobody switches alone');
my (undef, $proposal) = as_role($node, 'adm', "SELECT facesnxt.propose_setting('recogniser', 'new.recogniser', 'better')");
is( value("SELECT concat_ws(' ', evidence->'references'->>'before', evidence->'references'->>'after', evidence->'references'->>'lost', evidence->>'searches') FROM facesnxt.setting_proposal"),
	"$enrolled $enrolled 0 2", 'NM-II.c: before and after of references and searches are shown');
is(state_of('adm', "SELECT facesnxt.decide_setting('$proposal', true)"), 'NX464', 'NM-II.c: nor does who proposed it');
is(search('still'), "$old $enrolled 10 mate", 'until then the old ones are searched');
is(state_of('adm2', "SELECT facesnxt.decide_setting('$proposal', true)"), 'done ', 'NM-II.c: another one does');
value('VACUUM facesnxt.reference'); # an index counts codes of transactions that were killed until then
is(search('after'), "$new $enrolled 10 mate", 'the new model finds the mate');

# ---- replays compare what there was

SKIP:
{
	skip 'the run was never half way', 1 unless defined $mid;
	as_role($node, 'aud', "SELECT count(*) FROM facesnxt.replay((SELECT search_id FROM facesnxt.search WHERE reason = 'half way'))");
	is(value('SELECT compared || \' \' || missed FROM facesnxt.replay ORDER BY recorded_at DESC LIMIT 1'), "$mid 0", 'NM-II.c: a search half way is replayed among what had a template then');
}
as_role($node, 'aud', "SELECT count(*) FROM facesnxt.replay((SELECT search_id FROM facesnxt.search WHERE reason = 'before'))");
is(value("SELECT compared || ' ' || same || ' ' || missed FROM facesnxt.replay ORDER BY recorded_at DESC LIMIT 1"), ($enrolled - 1) . ' 20 0', 'NM-II.c: an old search is replayed by the old templates');

# ---- what goes, goes from both

my $gone = value("SELECT reference_id FROM facesnxt.reference_image JOIN facesnxt.person USING (person_id) WHERE name = 'photo 3'");
value("DELETE FROM facesnxt.reference WHERE reference_id = '$gone' AND model = '$new'");
is( value("SELECT model || ' ' || (began_xact = (SELECT made_xact FROM facesnxt.reextracted WHERE reference_id = '$gone')) FROM facesnxt.reference_end WHERE reference_id = '$gone'"),
	"$new true", 'NM-II.c: of a template that is gone it is known since when it was there');

$node->stop;
done_testing();
