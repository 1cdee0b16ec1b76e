# Expungement: afterwards no byte of a template or photograph stands in the
# files of the tables, their TOAST tables and indexes, on the primary and on a
# replica; what is left is a record that says that something was erased.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Facesnxt;

# ---- recognisable bytes

# 256 numbers n/1024, which float32 and float16 both hold exactly, so that their bytes are known.
# Those of 4 are like those of 2, and none is the same.
sub numbers
{
	my ($seed) = @_;
	return map { $_ == -7 ? 1 : $_ + 7 } numbers(2) if $seed == 4;
	srand($seed);
	return map { my $n = int(rand(900)) - 450; $n == 0 ? 1 : $n } 1 .. 256;
}

sub half
{
	my ($n) = @_;
	my ($sign, $value, $power) = ($n < 0 ? 0x8000 : 0, abs($n) / 1024, 0);
	while ($value < 1) { $value *= 2; $power--; }
	return $sign | (($power + 15) << 10) | int(($value - 1) * 1024);
}

sub template { return 'ARRAY[' . join(',', map { $_ / 1024 } numbers($_[0])) . ']::real[]::facesnxt.embedding' }

sub noise
{
	my ($seed, $length) = @_;
	srand($seed);
	return join('', map { chr(int(rand(256))) } 1 .. $length);
}

# Any 63 bytes in a row hold one of these 32 whole.
sub parts
{
	my ($bytes) = @_;
	return map { substr($bytes, $_ * 32, 32) } 0 .. int(length($bytes) / 32) - 1;
}

sub template_parts
{
	my ($seed) = @_;
	return (parts(pack('f<*', map { $_ / 1024 } numbers($seed))), parts(pack('S<*', map { half($_) } numbers($seed))));
}

# A photograph of one colour, with the noise in a comment.
sub jpeg_with
{
	my ($noise) = @_;
	return "\xff\xd8\xff\xfe" . pack('n', 2 + length($noise)) . $noise . pack('H*', 'ffdb00430050373c463c32504641465a55505f78c882786e6e78f5afb991c8'
			. ('ff' x 39) . 'c0000b080008000801011100ffc40014000100000000000000000000000000000002'
			. 'ffc40014100100000000000000000000000000000000ffda0008010100003f000fffd9');
}
sub hex_of { return "'\\x" . unpack('H*', $_[0]) . "'::bytea" }

# ---- two servers

# A full-page image wipes the hole by itself; what is tested is what happens without.
my $node = new_node('primary', streaming => 1, conf => "fsync = off\nfull_page_writes = off\nwal_keep_size = 1GB\nlog_statement = none\n");
$node->safe_psql('postgres', <<"SQL");
CREATE ROLE chief LOGIN;
CREATE ROLE clerk LOGIN;
GRANT facesnxt_admin TO clerk;
SET ROLE adm;
SELECT facesnxt.admit('chief'), facesnxt.appoint('NM', 'chief', 'chief');
RESET ROLE;
DELETE FROM facesnxt.reference;
SELECT count(facesnxt.enrol_template((SELECT array_agg(sin(i * 12.9898 + k * 78.233 + sin(i * 3.7 * k))) FROM generate_series(1, 256) k)::real[]::facesnxt.embedding,
	facesnxt.create_person('Person ' || i), 'booking', 'fingerprint')) FROM generate_series(1, 120) i;
SELECT facesnxt.enrol_template(@{[ template(1) ]}, facesnxt.create_person('Somebody Else'), 'booking', 'fingerprint');
VACUUM facesnxt.reference;
SELECT facesnxt.index_references('00000000');
-- an index of another kind is not wiped but rebuilt; what looks like a hole in it is not one
CREATE INDEX reference_quality ON facesnxt.reference USING brin (quality, person_id);
SQL
$node->backup('base');
my $replica = PostgreSQL::Test::Cluster->new('replica');
$replica->init_from_backup($node, 'base', has_streaming => 1);
$replica->start;

# Writes all of both servers' pages into the files.
sub flush_both
{
	$node->safe_psql('postgres', 'CHECKPOINT');
	$node->wait_for_catchup($replica, 'replay', $node->lsn('insert'));
	$replica->safe_psql('postgres', 'CHECKPOINT');
	return;
}

sub slurp
{
	my ($server, $path) = @_;
	my $bytes = '';
	foreach my $file (glob($server->data_dir . "/$path " . $server->data_dir . "/$path.[0-9]*"))
	{
		open(my $handle, '<:raw', $file) or next;
		local $/;
		$bytes .= <$handle>;
	}
	return $bytes;
}

# In which relations of a server any of these parts stands: those of the extension, and the statistics.
sub found
{
	my ($server, @parts) = @_;
	my @in;
	my $any = join('|', map { quotemeta } @parts);
	foreach my $line (split(/\n/, $node->safe_psql('postgres', <<'SQL')))
SELECT c.relname || ' ' || pg_relation_filepath(c.oid) FROM pg_class c
WHERE pg_relation_filenode(c.oid) IS NOT NULL AND (c.relnamespace = 'facesnxt'::regnamespace OR c.relname = 'pg_statistic'
	OR EXISTS (SELECT FROM pg_class h LEFT JOIN pg_index i ON i.indrelid = h.reltoastrelid
		WHERE h.relnamespace = 'facesnxt'::regnamespace AND c.oid IN (h.reltoastrelid, i.indexrelid)))
SQL
	{
		my ($name, $path) = split(/ /, $line);
		my $bytes = slurp($server, $path);
		push @in, $name =~ /^pg_toast_\d+/ ? 'toast' : $name if $bytes =~ /$any/;
	}
	my %seen;
	return join(' ', sort grep { !$seen{$_}++ } @in);
}

sub both_have
{
	my ($what, $where, @parts) = @_;
	foreach my $server ($node, $replica)
	{
		# what was noted for the chain is deleted by the writer all the time, and may be overwritten at any moment
		my $in = found($server, @parts);
		$in =~ s/pending_event // if $where ne '';
		# so are the pages of events that were vacuumed, which the chain goes on to fill
		$in =~ s/\bevent // unless $where eq '' || $where =~ /\bevent\b/;
		is($in, $where, "$what: " . $server->name);
	}
	return;
}

flush_both();
my $index_path = $node->safe_psql('postgres', "SELECT pg_relation_filepath('facesnxt.reference_template_00000000')");
my %index_before = map { $_->name => slurp($_, $index_path) } ($node, $replica);

# ---- whoever is to be forgotten

my @photo = map { noise(100 + $_, 9000) } 1 .. 4;
$node->safe_psql('postgres', <<"SQL");
CREATE TABLE made AS SELECT facesnxt.create_person('Xaver Quintilian Zyzzy', '1970-01-02') AS person;
SELECT facesnxt.describe_person(person, '{"licence_number": "QZ-7781-4", "city": "Zyzzytown"}') FROM made;
CREATE TABLE refs AS SELECT person, facesnxt.enrol_template(t, person, 'booking', 'fingerprint') AS reference
FROM made, unnest(ARRAY[@{[ template(2) ]}, @{[ template(3) ]}]) t;
UPDATE facesnxt.reference_image SET photo = @{[ hex_of($photo[0]) ]}, photo_sha256 = sha256(@{[ hex_of($photo[0]) ]})
WHERE person_id = (SELECT person FROM made);
-- as it came, by a row that is gone since
INSERT INTO facesnxt.staged (photo, person_id, name, date_of_birth, repository, identity_source)
SELECT @{[ hex_of($photo[0]) ]}, person, 'Xaver Quintilian Zyzzy', '1970-01-02', 'booking', 'fingerprint' FROM made;
DELETE FROM facesnxt.staged;
INSERT INTO facesnxt.refused_step (step, person_id, sqlstate, message, detail, acting_role, session_role, requested_at)
SELECT 'enrolment', person, 'NX114', 'refused', 'SHA-256 ' || encode(sha256(@{[ hex_of($photo[0]) ]}), 'hex'), 'adm', 'adm', now() FROM made;
ANALYZE;
GRANT SELECT ON made, refs TO PUBLIC;
SQL
my ($original, $copy) = map { jpeg_with($_) } @photo[ 1, 2 ];
as_role($node, 'nm_inv', "SELECT rank FROM facesnxt.search_template(@{[ template(4) ]}, '22-1', 'criminal', 'the probe', candidates => 5)");
as_role($node, 'nm_inv', 'SELECT facesnxt.register_probe(' . hex_of($original) . ", 'camera of a shop')");
as_role($node, 'nm_inv', 'SELECT facesnxt.derive_probe(sha256(' . hex_of($original) . '), ' . hex_of($copy) . ", 'brighten', '{}', 'editor')");
$node->safe_psql('postgres', <<"SQL");
INSERT INTO facesnxt.raw_statement (agency_id, status, statement, probe, session_role, session_oid, acting_role, acting_oid,
	backend_pid, backend_start)
SELECT agency_id, 'admitted', 'SELECT 1', @{[ template(4) ]}, 'x', 1, 'x', 1, 1, now() FROM facesnxt.agency WHERE code = 'NM';
SQL
is(attempts($node, 'the probe'), 'completed 5', 'the probe was searched, and the person is a candidate');

my @person = ((map { template_parts($_) } 2, 3), parts($photo[0]), 'Xaver Quintilian Zyzzy', 'QZ-7781-4', 'Zyzzytown',
	$node->safe_psql('postgres', 'SELECT encode(sha256(' . hex_of($photo[0]) . "), 'hex')"));
# of the hashes of probes, as bytes and as text, none is to stay either: they tell that it was here
my @hash = map { (pack('H*', $_), $_) } split(/\n/, $node->safe_psql('postgres', "SELECT encode(sha256, 'hex') FROM facesnxt.probe
	UNION SELECT probe_id FROM facesnxt.search WHERE reason = 'the probe'"));
is(scalar(@hash), 6, 'two photographs and a template have hashes');
my @probe = (template_parts(4), map { parts($_) } @photo[ 1, 2 ]);
flush_both();
both_have('before: templates, photograph and name stand in the files', 'event person person_detail reference refused_step staged toast', @person);
both_have('before: so does what was searched', 'probe_template raw_statement toast', @probe);

like(found($_, @hash), qr/event event_\w*row_key_seq_idx.*probe_pkey.*search_probe_id_idx/s, 'before: and so do hashes: ' . $_->name)
	foreach $node, $replica;
my (undef, $checkpoint) = as_role($node, 'aud', 'SELECT facesnxt.audit_checkpoint()');

# ---- by two persons, and not while a hold stands

sub proposed
{
	my ($scope, $target) = @_;
	my ($status, $out, $err) = as_role($node, $_[2] // 'clerk', "SELECT facesnxt.propose_expungement('NM', '$scope', $target, '22-CA-17',
		'Circuit Court', '2022-05-02', 'booking expunged')");
	is($status, 0, "expungement of a $scope is proposed") or diag($err);
	return $out;
}

sub refused
{
	my ($role, $sql, $code, $name) = @_;
	my (undef, undef, $err) = as_role($node, $role, $sql);
	like($err, qr/ERROR:  $code:/, $name);
	is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM facesnxt.refused_step WHERE sqlstate = '$code' AND acting_role = '$role'"),
		't', '... and that is on record');
	return;
}

my @target = map { "'" . $node->safe_psql('postgres', $_) . "'" } 'SELECT person FROM made',
	"SELECT search_id FROM facesnxt.search WHERE reason = 'the probe'", 'SELECT source_id FROM facesnxt.probe_source';
my $person = proposed('person', $target[0]);
my (undef, $hold) = as_role($node, 'chief', "SELECT facesnxt.set_hold('NM', 'case', 'appeal', case_number => '22-1')");
refused('clerk', "SELECT facesnxt.decide_expungement('$person', true)", 'NX331', 'NM-IX.A.6: who proposed does not decide');
refused('chief', "SELECT facesnxt.decide_expungement('$person', true)", 'NX471', 'NM-IX.A.6: a hold of the case keeps its candidates');

# The chief of another agency, an administrator of another agency, and one who is both.
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE sp_chief LOGIN; CREATE ROLE sp_adm LOGIN; CREATE ROLE deputy LOGIN;
GRANT facesnxt_admin TO sp_adm, deputy;
SET ROLE adm;
SELECT facesnxt.open_account('SP', 'sp_adm'), facesnxt.admit('sp_chief'), facesnxt.admit('deputy'), facesnxt.appoint('SP', 'chief', 'sp_chief');
SET ROLE chief;
SELECT facesnxt.appoint('NM', 'chief', 'deputy', designee => true, until => now() + interval '1 day');
SQL
my $theirs = "SELECT facesnxt.propose_expungement('%s', '%s', %s, '%s', 'Circuit Court', %s, 'expunged')";
refused('sp_adm', sprintf($theirs, 'NM', 'person', $target[0], '1', "'2022-05-02'"), '42704', 'SP-II.A: an administrator of another agency proposes nothing');
refused('sp_adm', sprintf($theirs, 'SP', 'probe', $target[1], '1', "'2022-05-02'"), 'NX470', 'SP-II.A: another agency has no such probe');
refused('clerk', sprintf($theirs, 'NM', 'person', $target[0], ' ', "'2022-05-02'"), 'NX470', 'NM-IX.A.6: nothing without an order');
refused('deputy', sprintf($theirs, 'NM', 'person', $target[0], '1', "'2222-05-02'"), 'NX470', 'NM-IX.A.6: nor by one to come');
refused('sp_chief', "SELECT facesnxt.decide_expungement('$person', true)", 'NX331', 'SP-II.A: the chief of another agency does not decide');
refused('sp_chief', "SELECT facesnxt.lift_hold('$hold', 'over')", 'NX331', 'SP-II.A: ... nor lifts a hold');
refused('clerk', "SELECT facesnxt.set_hold('NM', 'person', 'trial', target => $target[0])", 'NX331', 'NM-IX.A.6: a hold is the office\'s to set');
refused('chief', "SELECT facesnxt.set_hold('NM', 'case', 'trial', case_number => '99-1')", 'NX470', 'NM-IX.A.6: a hold is of something');
refused('deputy', 'SELECT facesnxt.decide_expungement(\'' . proposed('person', $target[0], 'deputy') . "', true)", 'NX473',
	'NM-IX.A.6: who proposed does not decide, in the office or not');
refused('clerk', "SELECT facesnxt.apply_retention('NM')", 'NX470', 'NM-IX.A.6: retention is the policy\'s to rule');
# references are shared: another agency's hold counts, and says nothing of itself
my (undef, $held) = as_role($node, 'sp_chief', "SELECT facesnxt.set_hold('SP', 'person', 'their trial', target => $target[0])");
as_role($node, 'chief', "SELECT facesnxt.lift_hold('$hold', 'the appeal is over')");
my (undef, undef, $said) = as_role($node, 'chief', "SELECT facesnxt.decide_expungement('$person', true)");
like($said, qr/NX471.*Holds that cover it: 1; of another agency/s, 'NM-IX.A.6: another agency\'s hold keeps a person that both know');
unlike($said, qr/their trial|sp_chief|$held/, 'SP-II.A: ... and does not say whose or what for');
as_role($node, 'sp_chief', "SELECT facesnxt.lift_hold('$held', 'over')");

# ---- erased, vacuumed, finished

# An old snapshot still sees the rows.
my $old = session($node, 'adm');
$old->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM facesnxt.agency');
# Somebody is making templates of the person's photographs by another model.
my $maker = session($node, 'postgres');
$maker->query_safe("BEGIN; SELECT FROM facesnxt.reference_image i JOIN refs ON reference = reference_id FOR NO KEY UPDATE OF i;
	INSERT INTO facesnxt.reference (reference_id, person_id, repository, template)
	SELECT reference, person, 'booking', facesnxt.with_model(@{[ template(3) ]}, 'abcdef01') FROM refs");
my $decide = IPC::Run::start([ 'psql', '-XAtq', '-h', $node->host, '-p', $node->port, '-U', 'chief', '-c',
		"SELECT facesnxt.decide_expungement('$person', true)", 'postgres' ], '>', \my $decided, '2>', \my $why);
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE usename = 'chief' AND wait_event_type = 'Lock'");
$maker->query_safe('COMMIT');
$maker->quit;
$decide->finish;
chomp $decided;
is($why, '', 'NM-IX.A.6: an expungement waits for templates that are being made, and erases them');
my @erasure = $decided;
foreach my $proposal (proposed('probe', $target[1]), proposed('probe', $target[2]))
{
	my ($status, $out, $err) = as_role($node, 'chief', "SELECT facesnxt.decide_expungement('$proposal', true)");
	is($status, 0, 'NM-IX.A.6: another person decides') or diag($err);
	push @erasure, $out;
}
is($node->safe_psql('postgres', <<'SQL'), '0|0|0|0|0|0|0', 'no row of it is left');
SELECT (SELECT count(*) FROM facesnxt.person JOIN made ON person = person_id), (SELECT count(*) FROM facesnxt.reference_image JOIN made ON person = person_id),
	(SELECT count(*) FROM facesnxt.probe), (SELECT count(*) FROM facesnxt.probe_template), (SELECT count(*) FROM facesnxt.probe_derivation),
	(SELECT count(*) FROM facesnxt.raw_statement WHERE probe IS NOT NULL), (SELECT count(*) FROM facesnxt.search WHERE probe_id IS NOT NULL)
SQL
is($node->safe_psql('postgres', 'SELECT count(*) FROM facesnxt.candidate JOIN made ON person = person_id'), '1',
	'what the officer saw stays, as an id that leads nowhere');

# What the owner runs, then what the administrator does; the problems that are left.
sub finish
{
	my ($which) = @_;
	my $problems = '';
	foreach my $id (@erasure)
	{
		$node->safe_psql('postgres', "SELECT s FROM facesnxt.erasure_statements('$id') s WHERE s ~ '$which' \\gexec");
		my (undef, $out) = as_role($node, 'clerk', "SELECT relation, problem FROM facesnxt.finish_erasure('$id') WHERE problem IS NOT NULL");
		$problems .= $out;
	}
	return $problems;
}
# REINDEX CONCURRENTLY would wait for it.
like(finish('^VACUUM'), qr/reference\|dead rows/, 'an old snapshot keeps them: the erasure is not finished');
is($node->safe_psql('postgres', 'SELECT count(*) FROM facesnxt.erasure_end'), '0', '... and is not recorded as finished');
flush_both();
both_have('... for the bytes are there', 'event person person_detail reference refused_step toast', @person);
$old->query_safe('COMMIT');
$old->quit;

# vacuumed by hand first: what it takes away, it leaves in the pages
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF)');
flush_both();
both_have('vacuum leaves the bytes in the files', 'person person_detail reference toast', @person);
both_have('... of probes, too', 'probe_template raw_statement toast', @probe);
is(finish(''), '', 'the erasures are finished');
flush_both();
both_have('NM-IX.A.6, NS-32.6.5.4, NP-VI.B.7.d, MI-4.5.2.e: no byte of the person is left', '', @person);
both_have('NM-IX.A.6, NS-32.6.5.4, NP-VI.B.7.d, MI-4.5.2.e: no byte of the probe is left', '', @probe);
both_have('NM-IX.A.6: no hash of the probe is left', '', @hash);
both_have('whoever was not expunged is there', 'reference', template_parts(1));

is($node->safe_psql('postgres', 'SET enable_seqscan = off; SELECT count(*) FROM facesnxt.reference WHERE quality IS NULL'), '121',
	'an index of another kind works');
is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.erasure_file WHERE index = 'reference_quality'"), '1', '... and was rebuilt');

# The index is byte for byte what it was before they came, but for LSN, flags and the counts of slots.
foreach my $server ($node, $replica)
{
	my ($was, $is) = ($index_before{ $server->name }, slurp($server, $index_path));
	my @differ;
	for (my $at = 0; $at < length($is); $at += 8192)
	{
		my ($old_page, $page) = map { substr($_, $at, 8192) } ($was, $is);
		my ($old_rest, $rest) = map { substr($_, 36) } ($old_page, $page);
		push @differ, $at / 8192 if $old_rest ne $rest;
	}
	is("@differ", '', 'no code of theirs is in the index: ' . $server->name);
	is(length($is), length($was), '... which is as long as before');
}
is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.index_check('facesnxt.reference_template_00000000')"), '0', '... and is sound');

refused('deputy', "SELECT facesnxt.decide_expungement('$person', true)", 'NX472', 'what is decided is decided');
refused('sp_adm', "SELECT facesnxt.finish_erasure('$erasure[0]')", 'NX472', 'SP-II.A: another agency has no such erasure');

# ---- the record of it

sub verified
{
	my (undef, $out, $err) = as_role($node, 'aud', "SELECT severity FROM facesnxt.audit_verify('$checkpoint') WHERE severity <> 'note'");
	return $out . $err;
}
is(verified(), 'sound', 'NM-IX.A.6, NM-V.E.4: the chain verifies, against the checkpoint of before, too');
is($node->safe_psql('postgres', <<'SQL'), 't|0|t', '... which says which events forgot their rows, and keeps no hash of a probe');
SELECT count(*) FILTER (WHERE operation = 'F') > 0, count(*) FILTER (WHERE relation IN ('person', 'probe') AND operation = 'I' AND row_key IS NULL AND salt IS NOT NULL)
	+ count(*) FILTER (WHERE relation = 'probe' AND row_key IS NOT NULL), count(*) FILTER (WHERE relation = 'probe') >= 4 FROM facesnxt.event
SQL

is($node->safe_psql('postgres', <<'SQL'), "person|t|clerk|chief|22-CA-17|t\nprobe|t|clerk|chief|22-CA-17|t\nprobe|t|clerk|chief|22-CA-17|t", 'who asked, who decided, on what order, and that it is finished');
SELECT e.scope, d.approved, x.by_role, d.by_role, x.order_number, f.wiped > 0
FROM facesnxt.erasure e JOIN facesnxt.expungement_decision d USING (expungement_id) JOIN facesnxt.expungement x USING (expungement_id)
	JOIN facesnxt.erasure_end f USING (erasure_id) ORDER BY e.at
SQL
is($node->safe_psql('postgres', <<"SQL"), "person|delete|1\nperson_detail|delete|1\nreference|delete|4\nreference_image|delete|2\nrefused_step|blank|1", '... and how many rows of which table');
SELECT relation, act, rows FROM facesnxt.erasure_count WHERE erasure_id = '$erasure[0]' ORDER BY relation
SQL
my (undef, undef, $err) = ('', '', '');
$node->psql('postgres', "SELECT facesnxt.erase('$erasure[0]', 'person', ARRAY(SELECT person_id FROM facesnxt.person), NULL, NULL)",
	stderr => \$err, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
like($err, qr/ERROR:  NX474:/, 'an old record covers no other erasure');
foreach my $sql ('DELETE FROM facesnxt.candidate', 'UPDATE facesnxt.search SET reason = NULL', 'TRUNCATE facesnxt.erasure CASCADE')
{
	$node->psql('postgres', $sql, stderr => \$err, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	like($err, qr/ERROR:  NX309:/, "a record is guarded as before: $sql");
}

$replica->stop;
$node->stop;
done_testing();
