# Enrolment of many: staged by COPY, enrolled in batches by several sessions,
# failures left with their reason, nothing lost or enrolled twice by a kill.
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

my $node = new_node('enrol');
store($node,
	yunet => "$data/models/yunet_n_320_320.onnx", old => "$data/models/mobilefacenet.kennethwang.onnx",
	bird => "$data/jpeg/libjpeg-turbo-testimages/testimgint.jpg", group => "$data/faces/groups/s_l.jpg");
sub value { return $node->safe_psql('postgres', $_[0]); }
sub state_of
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = as_role($node, $role, $sql);
	return $err =~ /ERROR:\s+([0-9A-Z]{5})/ ? $1 : "done $out";
}

value(<<'SQL');
SELECT facesnxt.load_recipe('yunet', bytes, NULL, 'for tests') FROM file WHERE name = 'yunet';
SELECT facesnxt.load_recipe('mobilefacenet-bgr', NULL, bytes, 'for tests') FROM file WHERE name = 'old';
CREATE ROLE own LOGIN IN ROLE facesnxt_admin;
SELECT facesnxt.open_account('SP', 'own');
SQL

# ---- by COPY, as an administrator

my $rows = '';
my @photos = (glob("$lfw/*/*_000[12].jpg"))[ 0 .. 79 ];
my %id;
foreach my $path (@photos)
{
	my ($person) = $path =~ m{/([^/]+)/[^/]+$};
	$id{$person} //= sprintf('00000000-0000-4000-8000-%012d', scalar keys %id);
	$rows .= "\\\\x" . unpack('H*', slurp_file($path)) . "\t$id{$person}\t$person\tbooking\tfingerprints\tcentral\n";
}
is(state_of('adm', "COPY facesnxt.staged (photo, person_id, name, repository, identity_source, face) FROM STDIN;\n$rows\\.\n"), 'done ', 'photographs are staged by COPY');
is(state_of('nm_inv', 'SELECT count(*) FROM facesnxt.my_staged'), '42501', 'an investigator does not see what is staged');
is(state_of('adm', 'SELECT photo FROM facesnxt.my_staged'), '42501', 'nor does anybody see the photographs again');
is(state_of('adm', "INSERT INTO facesnxt.staged (photo, name, repository, identity_source, staged_by) VALUES ('', 'x', 'booking', 'y', 'aud')"), '42501', 'nobody stages for another one');
is(state_of('own', 'SELECT count(*) FROM facesnxt.my_staged'), 'done 0', 'an agency\'s administrator sees what is of the own role alone');
is(state_of('own', "DELETE FROM facesnxt.my_staged; UPDATE facesnxt.my_staged SET name = 'x'"), 'done ', 'and deletes and changes nothing else');
is(state_of('adm', 'DELETE FROM facesnxt.staged'), '42501', 'the table itself takes photographs and gives none');
is(state_of('own', 'SELECT last IS NULL FROM facesnxt.enrol_batch(100)'), 'done t', 'and enrols that alone');
value("CREATE ROLE theirs LOGIN IN ROLE facesnxt_admin; SELECT facesnxt.open_account('NM', 'theirs')");
is(state_of('own', "SET ROLE facesnxt_admin; INSERT INTO facesnxt.staged (photo, name, repository, identity_source) VALUES ('', 'By the group', 'booking', 'fingerprints')"), 'done ', 'of what was staged by the name of the group');
is(state_of('theirs', "SET ROLE facesnxt_admin; SELECT count(*) FROM facesnxt.my_staged"), 'done 0', 'another agency\'s administrator sees nothing by that name');
is(state_of('theirs', "SET ROLE facesnxt_admin; SELECT last IS NULL FROM facesnxt.enrol_batch(100)"), 'done t', 'and enrols nothing of it');
is(state_of('own', "SET ROLE facesnxt_admin; SELECT count(*) FROM facesnxt.my_staged; DELETE FROM facesnxt.my_staged"), 'done 1', 'who staged it does');
is(value("SELECT facesnxt.chain_all(); SELECT count(*) FILTER (WHERE operation IN ('I', 'D')) || ' ' || count(image) FROM facesnxt.event WHERE relation = 'staged' AND row_key = (SELECT max(row_key::int)::text FROM facesnxt.event WHERE relation = 'staged')"), "\n2 0",
	'that it was staged and went is on record, and nothing of the person');

# what is wrong, and how
value(<<'SQL');
INSERT INTO facesnxt.staged (photo, name, repository, identity_source, face)
SELECT bytes, v.name, v.repository, v.source, v.face
FROM (VALUES ('bird', 'Nobody', 'booking', 'fingerprints', 'only'), ('group', 'Many', 'booking', 'fingerprints', 'only'),
    ('group', 'Named by a search', 'booking', 'face search', 'largest'), ('group', 'Elsewhere', 'attic', 'fingerprints', 'largest'),
    ('yunet', 'No photograph', 'booking', 'fingerprints', 'only'), ('group', 'No such face', 'booking', 'fingerprints', 'second'),
    ('group', NULL, 'booking', 'fingerprints', 'largest')) AS v (file, name, repository, source, face) JOIN file f ON f.name = v.file;
INSERT INTO facesnxt.staged (photo, person_id, name, repository, identity_source, face)
SELECT bytes, (SELECT min(person_id::text)::uuid FROM facesnxt.staged WHERE person_id::text ~ '^00000000-'), 'Another name', 'booking', 'fingerprints', 'largest' FROM file WHERE name = 'group';
SQL
my $staged = @photos + 8;

# ---- killed on the way, two at a time

my $partial = 0;
foreach my $turn (1 .. 2)
{
	my @running = map {
		IPC::Run::start([ 'psql', '-XAtq', '-h', $node->host, '-p', $node->port, '-U', 'adm', '-c', 'CALL facesnxt.enrol_staged(4)', 'postgres' ],
			'>', \my $out, '2>', \my $err) } 1 .. 2;
	my $before = value("SELECT count(*) FROM facesnxt.reference WHERE model <> '00000000'");
	$node->poll_query_until('postgres', "SELECT count(*) >= least($before + 8, 80) FROM facesnxt.reference WHERE model <> '00000000'");
	my ($pid) = split /\n/, value("SELECT pid FROM pg_stat_activity WHERE query ~ '^CALL' AND state = 'active'");
	kill 'KILL', $pid if $pid;
	$_->finish foreach @running;
	poll_until_up($node);
	my ($have, $left) = split /\|/, value("SELECT (SELECT count(*) FROM facesnxt.reference WHERE model <> '00000000'), (SELECT count(*) FROM facesnxt.staged)");
	$partial++ if $have > 0 && $left > 8;
	is($have + $left, $staged, "turn $turn: $have enrolled and $left staged are all");
}
cmp_ok($partial, '>', 0, 'a kill left some of both');
my @last = map {
	IPC::Run::start([ 'psql', '-XAtq', '-h', $node->host, '-p', $node->port, '-U', 'adm', '-c', 'CALL facesnxt.enrol_staged(4)', 'postgres' ],
		'>', \my $out, '2>', \my $err) } 1 .. 2;
$_->finish foreach @last;
is(value("SELECT count(*) || ' ' || count(DISTINCT i.photo_sha256) || ' ' || count(DISTINCT i.person_id) FROM facesnxt.reference r JOIN facesnxt.reference_image i USING (reference_id) WHERE r.model <> '00000000'"),
	@photos . ' ' . @photos . ' ' . keys %id, 'each photograph is enrolled once, of each person there is one');
is(value("SELECT DISTINCT enrolled_by FROM facesnxt.reference_image WHERE photo IS NOT NULL"), 'adm', 'by whom is on record');
is( value("SELECT bool_and(r.template OPERATOR(facesnxt.=) (facesnxt.extract(i.photo, 'central')).template) FROM facesnxt.reference r JOIN facesnxt.reference_image i USING (reference_id) "
			. "WHERE i.reference_id IN (SELECT reference_id FROM facesnxt.reference_image WHERE photo IS NOT NULL ORDER BY photo_sha256 LIMIT 10)"),
	't', 'with the template that extract() makes');
is( value("SELECT string_agg(coalesce(name, 'none') || ' ' || sqlstate, '; ' ORDER BY name COLLATE \"C\") FROM facesnxt.staged"),
	'Another name 23505; Elsewhere 22P02; Many NX112; Named by a search NX395; No photograph NX101; No such face 22023; Nobody NX111; none 23503',
	'NM-IV.A: what was not enrolled says why');
is(value("SELECT count(*) FROM facesnxt.person WHERE name IN (SELECT name FROM facesnxt.staged)"), '0', 'and has left no person behind');
is(value("SELECT count(*) FROM facesnxt.refused_step WHERE sqlstate = 'NX395'"), '1', 'NM-IV.A: that a search identified somebody is on record as refused');
is(value("SELECT count(*) FROM facesnxt.audit_verify() v WHERE to_jsonb(v)->>'problem' IS NOT NULL"), '0', 'the log has an event for each row');

# ---- mended and tried again

is(state_of('adm', "UPDATE facesnxt.my_staged SET face = 'largest', sqlstate = NULL WHERE name = 'Many'; SELECT enrolled, failed FROM facesnxt.enrol_batch()"), 'done 1|0', 'what was mended is enrolled');
is(state_of('adm', "SELECT enrolled, failed, last IS NULL FROM facesnxt.enrol_batch()"), 'done 0|0|t', 'what was not stays');
is(state_of('adm', "SELECT enrolled FROM facesnxt.enrol_batch(0)"), '22023', 'a batch has a size');

$node->stop;
done_testing();
