# The chain of events: what is in it, that every forgery of it or of the rows
# behind it is found, by the server and by facesnxt-verify without one, and
# that dumps, restores and crashes keep it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use Facesnxt;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('chain');
my $files = PostgreSQL::Test::Utils::tempdir();

sub query { return $node->safe_psql('postgres', $_[0]) }

sub keep
{
	my ($name, $text) = @_;
	open(my $file, '>', "$files/$name") or die $!;
	print $file $text, "\n";
	close($file) or die $!;
	return "$files/$name";
}

# facesnxt-verify: (exit status, output)
sub verify
{
	my ($text, @checkpoints) = @_;
	my ($out, $err);
	IPC::Run::run([ 'facesnxt-verify', keep('file', $text), @checkpoints ], '>', \$out, '2>', \$err);
	return ($? >> 8, $out . $err);
}

sub is_sound
{
	my ($text, $name, @checkpoints) = @_;
	my ($status, $out) = verify($text, @checkpoints);
	ok($status == 0 && $out =~ /^sound$/m, $name) or diag($out);
	return $out;
}

my $verdict = 'SELECT severity FROM facesnxt.audit_verify() ORDER BY seq DESC NULLS LAST LIMIT 1';

# ---- what is in it

as_role($node, 'nm_inv', search_sql('chained'));
as_role($node, 'sp_inv', search_sql('another agency'));
is(query("SELECT string_agg(DISTINCT severity || ' ' || finding, ', ') FROM facesnxt.audit_verify() WHERE severity <> 'sound'"), '',
	'NM-V.E.4, NS-32.6.8: nothing is broken');
is( query(<<'SQL'), "I candidate|5|nm_inv nm_inv\nI delivery|0|\nI probe_template|1|nm_inv nm_inv\nI search|1|nm_inv nm_inv", 'a search and all that it left are chained, in the name of who searched');
SELECT 'I ' || w.relation, count(e.seq), min(e.acting_role) || ' ' || min(e.session_role)
FROM facesnxt.search s, unnest(ARRAY['search', 'candidate', 'probe_template', 'delivery']) w (relation)
	LEFT JOIN facesnxt.event e ON e.operation = 'I' AND e.relation = w.relation
		AND e.row_key LIKE (SELECT search_id FROM facesnxt.search WHERE reason = 'chained') || '%'
WHERE s.reason = 'chained' GROUP BY w.relation ORDER BY 1
SQL
my $before = query('SELECT tree_size FROM facesnxt.audit_head()');
query("BEGIN; SELECT facesnxt.create_agency('XX', 'rolled back'); ROLLBACK");
query(<<'SQL');
BEGIN;
SELECT facesnxt.create_agency('YY', 'kept');
SAVEPOINT s;
SELECT facesnxt.create_agency('ZZ', 'rolled back');
ROLLBACK TO s;
COMMIT;
SQL
query(q(SET session_replication_role = replica; SET DateStyle = 'German'; SET TimeZone = 'Asia/Kolkata'; SET extra_float_digits = -15; SET bytea_output = escape;
	UPDATE facesnxt.agency SET name = 'renamed' WHERE code = 'YY'));
query(q(SET ROLE adm; SELECT facesnxt.open_case('YY', '1', 'theft')));
wait_for($node, 'the writer chains what sessions committed', 'SELECT count(*) = 0 FROM facesnxt.pending_event') if query($verdict);
is( query("SELECT string_agg(concat_ws(' ', operation, relation, acting_role, session_role, image::json->>'name'), ', ' ORDER BY seq) FROM facesnxt.event WHERE seq >= $before AND relation IN ('agency', 'case_file')"),
	'I agency postgres postgres kept, U agency postgres postgres renamed, I case_file adm postgres',
	'what is rolled back is not chained; what is committed is, with each state of a row and both identities, in every session');
is( query("SET DateStyle = 'SQL, DMY'; SET TimeZone = 'America/New_York'; SET extra_float_digits = 0; SET IntervalStyle = iso_8601; $verdict"),
	'sound', 'digests do not depend on settings');
query('ALTER ROLE sp_inv RENAME TO sp_other');
is(query($verdict), 'sound', 'nor on the names of roles');
query('ALTER ROLE sp_other RENAME TO sp_inv');
is( query(<<'SQL'), 't', 'the columns of a row are its own: whoever reads the text finds them');
SELECT facesnxt.row_image(a)::json->>'code' = code AND facesnxt.row_image(a)::json->>'created_at' = to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
FROM facesnxt.agency a WHERE code = 'YY'
SQL

# ---- by whom

my ($status, $out, $err) = as_role($node, 'nm_inv', 'SELECT * FROM facesnxt.audit_verify()');
like($err, qr/42501/, 'an investigator does not look at the log');
query('CREATE ROLE nm_aud LOGIN; GRANT facesnxt_auditor TO nm_aud; GRANT facesnxt_investigator TO nm_aud');
query("SELECT facesnxt.open_account('NM', 'nm_aud'); SELECT facesnxt.set_account_status('nm_aud', 'active', NULL)");
for my $whole ('audit_verify()', 'audit_export()', 'audit_checkpoint()', 'audit_consistency(1)')
{
	($status, $out, $err) = as_role($node, 'nm_aud', "SELECT facesnxt.$whole");
	like($err, qr/42501.*the log as a whole is the host's/s, "SP-II.A: an agency's auditor has no $whole");
}
($status, $out) = as_role($node, 'nm_aud', 'SELECT count(*) FROM facesnxt.event');
is($out, '0', "SP-II.A: nor sees its events, which are all agencies'");
my ($own, $foreign) = map { query("SELECT e.seq FROM facesnxt.event e JOIN facesnxt.search s ON e.row_key = s.search_id::text WHERE e.relation = 'search' AND s.agency = '$_'") } 'NM', 'SP';
($status, $out) = as_role($node, 'nm_aud', "SELECT facesnxt.audit_proof($own)");
like(is_sound($out, 'the own records can be proven'), qr/I search by "nm_inv".*"reason":"chained"/s, 'and are read');
unlike($out, qr/another agency/, 'without showing others');
($status, $out, $err) = as_role($node, 'nm_aud', "SELECT facesnxt.audit_proof($own, $foreign)");
like($err, qr/42704/, "SP-II.A: another agency's cannot");
query("INSERT INTO facesnxt.probe (agency_id, sha256, image) SELECT agency_id, sha256('p'), 'p' FROM facesnxt.agency WHERE code = 'NM'; $verdict");
($status, $out) = as_role($node, 'nm_aud', "SELECT facesnxt.audit_proof(" . query("SELECT seq FROM facesnxt.event WHERE relation = 'probe'") . ')');
is_sound($out, 'a row whose key is a hash can be proven, too');
is(query("SELECT count(*) FROM facesnxt.refused_step WHERE step = 'proof'"), '1', 'which is on record');
($status, $out) = as_role($node, 'aud', 'SELECT severity FROM facesnxt.audit_verify()');
is($out, 'sound', "the host's auditor checks all of it");
is(query("SELECT session_role || ' ' || broken FROM facesnxt.log_check ORDER BY recorded_at DESC LIMIT 1"), 'aud 0', 'which is on record');

# ---- every forgery is found

my $checkpoint = query('SELECT facesnxt.audit_checkpoint()');
my $kept = keep('checkpoint', $checkpoint);
my $log = query('SELECT facesnxt.audit_export()');
like(is_sound($log, 'facesnxt-verify agrees, without a server', $kept), qr/^facesnxt\/[0-9a-f]{32}, \d+ events/m, 'and names the log');
query($verdict);    # events after the checkpoint

# Does something as a superuser who has switched the triggers off, and rolls it back: what the server finds, what facesnxt-verify says.
my $off = join '', map { "ALTER TABLE facesnxt.$_ DISABLE TRIGGER USER;\n" }
  qw(event event_tile checkpoint agency search candidate account probe_template pending_event reference);
my $quoted = $checkpoint =~ s/'/''/gr;

sub forge
{
	my ($sql, $with_checkpoint) = @_;
	my $given = $with_checkpoint ? "ARRAY['$quoted']" : "'{}'";
	my $found = query(<<SQL);
BEGIN;
$off$sql;
SELECT coalesce(string_agg(DISTINCT finding, '; ' ORDER BY finding), 'nothing')
FROM facesnxt.verify_log($given) WHERE severity = 'broken' AND finding <> 'a table is not under the audit trigger';
SELECT '---';
SELECT * FROM facesnxt.log_lines();
ROLLBACK;
SQL
	my ($said, $lines) = split /\n?---\n/, $found;
	$said =~ s/^.*\n//s;
	my ($exit) = verify($lines, $with_checkpoint ? $kept : ());
	return "$said|$exit";
}

my $middle = int($own);
is(forge('SELECT', 1), 'nothing|0', 'nothing is found where nothing was done');
for my $edit (
	[ 'at', "at + interval '1 us'" ], [ 'happened_at', "happened_at - interval '1 day'" ], [ 'transaction', 'transaction + 1' ],
	[ 'operation', "'U'" ], [ 'relation', "'candidate'" ], [ 'acting_role', "'sp_inv'" ], [ 'session_role', "'postgres'" ],
	[ 'commitment', "sha256('x')" ])
{
	like(forge("UPDATE facesnxt.event SET $edit->[0] = $edit->[1] WHERE seq = $middle", 1),
		qr/an event was changed.*\|1/, "an edit of \"$edit->[0]\" is found");
}
like(forge("UPDATE facesnxt.event SET hash = sha256('x') WHERE seq = $middle", 0), qr/an event was changed.*\|1/, 'an edit of a stored hash is found');
like(forge("DELETE FROM facesnxt.event WHERE seq = $middle", 0), qr/events are missing.*\|1/, 'a removal is found');
like(forge('DELETE FROM facesnxt.event WHERE seq = 0', 0), qr/events are missing.*\|1/, 'of the first one, too');
like(forge(<<"SQL", 0), qr/an event was changed.*\|1/, 'a removal with all others moved up is found');
ALTER TABLE facesnxt.event DROP CONSTRAINT event_seq_check;
DELETE FROM facesnxt.event WHERE seq = $middle;
UPDATE facesnxt.event SET seq = -seq WHERE seq > $middle;
UPDATE facesnxt.event SET seq = -seq - 1 WHERE seq < 0
SQL
like(forge(<<"SQL", 0), qr/an event was changed.*\|1/, 'two events that changed places are found');
ALTER TABLE facesnxt.event DROP CONSTRAINT event_seq_check;
UPDATE facesnxt.event SET seq = -1 WHERE seq = $middle;
UPDATE facesnxt.event SET seq = $middle WHERE seq = $middle + 1;
UPDATE facesnxt.event SET seq = $middle + 1 WHERE seq = -1
SQL

# a forger who knows the format computes the chain, the tiles and all stored checkpoints anew
my $rewrite = <<'SQL';
DO $$
DECLARE
	e facesnxt.event;
	h bytea;
BEGIN
	FOR e IN SELECT * FROM facesnxt.event ORDER BY seq LOOP
		h := sha256('\x00'::bytea || facesnxt.event_bytes(e, h));
		UPDATE facesnxt.event SET hash = h WHERE seq = e.seq;
	END LOOP;
	DELETE FROM facesnxt.checkpoint;
END
$$
SQL
like(forge("UPDATE facesnxt.event SET session_role = 'sp_inv', acting_role = 'sp_inv' WHERE seq = $middle; $rewrite", 1),
	qr/the log was rewritten since a checkpoint.*\|1/, 'a fork with a consistent chain is found against an exported checkpoint');
like(forge('DELETE FROM facesnxt.checkpoint; DELETE FROM facesnxt.event WHERE seq >= (SELECT max(seq) - 20 FROM facesnxt.event)', 1),
	qr/the log was cut or is that of an older backup.*\|1/, 'a truncation is found against an exported checkpoint');
like(forge('DELETE FROM facesnxt.event WHERE seq >= (SELECT max(seq) - 20 FROM facesnxt.event)', 0), qr/a row has no event/,
	'and without one by the rows that have no event any more');
like(forge('DELETE FROM facesnxt.event; DELETE FROM facesnxt.event_tile', 1), qr/a checkpoint is of another log|the log was cut.*\|1/, 'an empty log is found');

like(forge("UPDATE facesnxt.search SET reason = 'x' WHERE reason = 'chained'", 0), qr/a row was changed\|0/, 'an edit of a record is found');
like(forge("UPDATE facesnxt.candidate SET score = score + 0.0001 WHERE rank = 1", 0), qr/a row was changed\|0/, 'by however little');
like(forge("UPDATE facesnxt.probe_template SET template = '[1,0,0.5]'", 0), qr/a row was changed\|0/, 'of a template, too');
like(forge("UPDATE facesnxt.account SET role = 'adm' WHERE role = 'nm_inv'::regrole", 0), qr/a row was changed\|0/, 'of whose account it is');
like(forge("DELETE FROM facesnxt.candidate WHERE rank = 1", 0), qr/a row is gone\|0/, 'a removal of a record is found');
like(forge("INSERT INTO facesnxt.agency (code, name) VALUES ('FF', 'forged')", 0), qr/a row has no event\|0/, 'a record that nobody made is found');
like(forge("UPDATE facesnxt.event SET image = replace(image, 'kept', 'kopt') WHERE image LIKE '%\"kept\"%'", 0),
	qr/what an event keeps of its row was changed\|0/, 'an edit of what a row was before is found');
like(forge("UPDATE facesnxt.event SET row_key = 'x' WHERE seq = $middle", 0), qr/a row has no event; a row is gone|a row is gone; a row has no event/, 'an edit of a key is found');
like(forge("UPDATE facesnxt.event SET salt = NULL, row_key = NULL WHERE seq = $middle; DELETE FROM facesnxt.search WHERE reason = 'chained' AND false", 0),
	qr/an event was erased without a record of it/, 'forgetting unseen is found');
like(forge("UPDATE facesnxt.event_tile SET hash = sha256('x')", 0), qr/nothing|a stored hash of the tree is wrong/, 'an edit of a tile is found, where there is one');
is(query("SELECT count(*) FROM facesnxt.unaudited()"), '0', 'every table is under the trigger');
is(query("BEGIN; ALTER TABLE facesnxt.search DISABLE TRIGGER audit_row; SELECT relation FROM facesnxt.unaudited(); ROLLBACK"), 'search', 'one that is not is named');
is(query("BEGIN; ALTER TABLE facesnxt.search ENABLE TRIGGER audit_row; SELECT relation FROM facesnxt.unaudited(); ROLLBACK"), 'search', 'so is one that a replica would not fire');

is(query("BEGIN; DROP TRIGGER audit_row ON facesnxt.search; CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON facesnxt.search FOR EACH ROW WHEN (false) EXECUTE FUNCTION facesnxt.audit_row(); ALTER TABLE facesnxt.search ENABLE ALWAYS TRIGGER audit_row; SELECT relation FROM facesnxt.unaudited(); ROLLBACK"),
	'search', 'and one that has a condition');
is(query("BEGIN; CREATE OR REPLACE FUNCTION facesnxt.audit_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; SELECT count(*) > 70 FROM facesnxt.unaudited(); ROLLBACK"),
	't', 'and a function that does nothing');

# an upgrade adds columns, rows and tables
query(<<'SQL');
ALTER TABLE facesnxt.search ADD COLUMN added text;
CREATE TABLE facesnxt.added_record (added_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), note text);
INSERT INTO facesnxt.added_record (note) VALUES ('what the extension brings');
ALTER EXTENSION facesnxt ADD TABLE facesnxt.added_record;
SQL
is(query("SELECT string_agg(finding || ' ' || relation, ', ') FROM facesnxt.audit_verify() WHERE severity = 'broken' AND relation IS NOT NULL"),
	'a table is not under the audit trigger added_record', 'a new column breaks no record; a new table is missed');
is(query('SELECT facesnxt.audit_tables(), facesnxt.adopt_rows()'), '1|1', 'an upgrade puts it under audit');
is(query($verdict), 'sound', 'and the log is sound');
query('ALTER EXTENSION facesnxt DROP TABLE facesnxt.added_record');
is(query("BEGIN; DROP TABLE facesnxt.added_record; SELECT finding || ' ' || relation FROM facesnxt.verify_log('{}') WHERE severity = 'broken'; ROLLBACK"),
	'a table is gone added_record', 'a table with records that is gone is found');
query('TRUNCATE facesnxt.added_record');
is(query('SELECT facesnxt.audit_checkpoint() IS NOT NULL; DROP TABLE facesnxt.added_record; ALTER TABLE facesnxt.search DROP COLUMN added'), 't', 'an upgrade empties it first');
is(query($verdict), 'sound', 'which is not missed');

# changes that are made with the triggers on are not forgeries, but are seen
query('ALTER TABLE facesnxt.outcome DISABLE TRIGGER outcome_append_only; ALTER TABLE facesnxt.search DISABLE TRIGGER search_append_only');
query("UPDATE facesnxt.search SET reason = 'chained ' WHERE reason = 'chained'; UPDATE facesnxt.search SET reason = 'chained' WHERE reason = 'chained '");
query('ALTER TABLE facesnxt.outcome ENABLE ALWAYS TRIGGER outcome_append_only; ALTER TABLE facesnxt.search ENABLE ALWAYS TRIGGER search_append_only');
like(query("SELECT severity || ': ' || finding || ', ' || detail FROM facesnxt.audit_verify() WHERE relation = 'search'"),
	qr/note: a record was written again, Changed by "postgres"/, 'a record that was written again is noted');

# a row that went and came again is there
query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'facesnxt audit writer'");
wait_for($node, 'a new writer finds what waits', "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'facesnxt audit writer'");
my $again = 'INSERT INTO facesnxt.office SELECT (jsonb_populate_record(o, \'{"office": "again"}\')).* FROM facesnxt.office o LIMIT 1';
query("BEGIN; $again; DELETE FROM facesnxt.office WHERE office = 'again'; $again; COMMIT");
is(query($verdict), 'sound', 'a row that was deleted and inserted as it was has its event');
is(query("SELECT string_agg(operation::text, '' ORDER BY seq) FROM facesnxt.event WHERE row_key = 'again'"), 'IDI', 'and all that befell it is chained');
query("DELETE FROM facesnxt.office WHERE office = 'again'");
query('BEGIN; CREATE TEMP TABLE emptied AS TABLE facesnxt.erase_rule; TRUNCATE facesnxt.erase_rule; INSERT INTO facesnxt.erase_rule TABLE emptied; COMMIT');
is(query($verdict), 'sound', 'so have rows that were inserted as they were after a truncation');

# what stands in the way of a forger, and a table that is taken from under the eyes of the check
is( query("BEGIN; DROP TRIGGER confirmation_append_only ON facesnxt.confirmation; ALTER TABLE facesnxt.event DISABLE TRIGGER event_append_only; SELECT string_agg(relation || ': ' || why, '; ' ORDER BY relation) FROM facesnxt.unaudited(); ROLLBACK"),
	'confirmation: It is a record, and its guard against changes is missing or disabled.; event: It is a record, and its guard against changes is missing or disabled.',
	'a record without its guard is named, the log itself too');
is( query(<<'SQL'), 'a record was written again|a row is gone|a table is not under the audit trigger', 'what is deleted once the guard is gone is found, with the trigger and without it, in the extension or not');
DROP TRIGGER log_check_append_only ON facesnxt.log_check;
DELETE FROM facesnxt.log_check WHERE check_id = (SELECT check_id FROM facesnxt.log_check ORDER BY recorded_at LIMIT 1);
DO $$ BEGIN PERFORM facesnxt.audit_checkpoint(); END $$;
BEGIN;
ALTER EXTENSION facesnxt DROP TABLE facesnxt.log_check;
DROP TRIGGER audit_row ON facesnxt.log_check;
DELETE FROM facesnxt.log_check;
CREATE TRIGGER audit_row AFTER INSERT OR UPDATE OR DELETE ON facesnxt.log_check FOR EACH ROW EXECUTE FUNCTION facesnxt.audit_row();
ALTER TABLE facesnxt.log_check DISABLE TRIGGER audit_row;
SELECT string_agg(DISTINCT finding, '|' ORDER BY finding) FROM facesnxt.verify_log('{}') WHERE relation = 'log_check';
ROLLBACK;
SQL
query('CREATE TRIGGER log_check_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON facesnxt.log_check FOR EACH STATEMENT EXECUTE FUNCTION facesnxt.refuse_change(); ALTER TABLE facesnxt.log_check ENABLE ALWAYS TRIGGER log_check_append_only');
is(query($verdict), 'sound', 'with its guard again the log is sound');

# a key that no index of events takes fails its own change, and nobody's search
($status, $out, $err) = $node->psql('postgres', q(INSERT INTO facesnxt.office SELECT (jsonb_populate_record(o, jsonb_build_object('office',
	(SELECT left(string_agg(translate(encode(sha256(i::text::bytea), 'base64'), E'\\n', ''), ''), 2640) FROM generate_series(1, 80) i)))).* FROM facesnxt.office o LIMIT 1));
like($err, qr/cannot be put on record/, 'a key that is too long for the log is refused');
($status) = as_role($node, 'nm_inv', search_sql('long key'));
is($status, 0, 'and searches go on');

# ---- proofs

my $all = query('SELECT string_agg(seq::text, \', \' ORDER BY seq) FROM facesnxt.event WHERE seq % 37 = 0');
my $proof = query("SELECT facesnxt.audit_proof($all)");
is_sound($proof, 'proofs of single events');
is(query("SELECT count(*) FROM facesnxt.event WHERE facesnxt.event_row(event) IS NULL AND relation NOT IN ('search', 'log_check')"), '0', 'every event still says what its row was');
for my $forged ([ 'event', 'RlhFV' ], [ 'row', 'eyJ' ], [ 'path', '' ], [ 'key', '' ])
{
	my $changed = $proof;
	$changed =~ s/^($forged->[0] \Q$forged->[1]\E)(..)/$1 . ($2 eq 'AA' ? 'BB' : 'AA')/me;
	my ($exit) = verify($changed);
	is($exit, 1, "a proof with another $forged->[0] is not sound");
}
my ($exit) = verify($proof, $kept);
is($exit, 1, 'a proof by another head than the one that was kept is not taken');
my ($kept_size) = $checkpoint =~ /^(\d+)$/m;
is_sound(query("SELECT facesnxt.audit_consistency($kept_size)"), 'but the log of today begins with the one that was kept', $kept);
($status, $out, $err) = $node->psql('postgres', 'SELECT facesnxt.audit_consistency(100000)');
like($err, qr/there is no such proof/, 'there is no proof of what is not there');

# ---- dumps

my $dump = "$files/dump.sql";
query("SELECT facesnxt.audit_checkpoint(); BEGIN; SELECT facesnxt.create_agency('QQ', 'dumped'); COMMIT");
$node->command_ok([ 'pg_dump', '--file', $dump, 'postgres' ], 'pg_dump');
my $later = query("SELECT count(facesnxt.create_agency('R' || i, 'after the dump')) FROM generate_series(1, 30) i; SELECT facesnxt.audit_checkpoint()") =~ s/^.*?(facesnxt\/)/$1/sr;
my $events = query('SELECT count(*) FROM facesnxt.event');
query('CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'restored', '-f', $dump ], 'restore');
is( $node->safe_psql('restored', "SELECT string_agg(severity || ' ' || finding, ', ') FROM facesnxt.audit_verify('$quoted') WHERE finding <> 'a record was written again'") =~ s/\d+ events/N events/r,
	'sound N events, 0 broken', 'a restored database is sound, and goes on in the same log');
is($node->safe_psql('restored', 'SELECT count(*) FROM facesnxt.pending_event'), '0', 'rows that a restore brings back are not chained twice');
cmp_ok($node->safe_psql('restored', 'SELECT count(*) FROM facesnxt.event'), '<', $events + 5, 'so the log does not grow by it');
like($node->safe_psql('restored', "SELECT finding FROM facesnxt.audit_verify('$later') WHERE severity = 'broken'"),
	qr/the log was cut or is that of an older backup/, 'that it is an older state is found against a later checkpoint');
is( $node->safe_psql('restored', "SELECT string_agg(DISTINCT acting_role, ' ') FROM facesnxt.event WHERE relation = 'agency' AND image::json->>'code' = 'QQ'"),
	'postgres', 'what was not chained at the dump is, once');

my $elsewhere = new_node('elsewhere', bare => 1);
$elsewhere->safe_psql('postgres', 'CREATE ROLE other; CREATE ROLE aud; CREATE ROLE adm; CREATE ROLE sp_inv; CREATE ROLE nm_aud; CREATE ROLE nm_inv;'
	  . join '', map { "CREATE ROLE facesnxt_$_;" } split / /, query("SELECT string_agg(substr(rolname, 10), ' ') FROM pg_roles WHERE rolname LIKE 'facesnxt\\_%'"));
$elsewhere->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $elsewhere->connstr('postgres'), '-f', $dump ], 'restore into another cluster');
like( $elsewhere->safe_psql('postgres', "SELECT string_agg(severity || ' ' || finding, ', ') FROM facesnxt.audit_verify('$quoted') WHERE severity <> 'note'"),
	qr/^sound \d+ events, 0 broken$/, 'where roles have other numbers, it is sound too');
$elsewhere->stop;

# ---- several sessions, and ends of all kinds

my @sessions = map { session($node, 'postgres') } 1 .. 4;
query('CREATE TABLE acknowledged (name text)');
for my $round (1 .. 3)
{
	$_->query_until(qr/going/, "\\echo going\nDO \$\$ BEGIN FOR i IN 1 .. 60 LOOP PERFORM facesnxt.create_person('crowd'); IF i % 7 = 0 THEN ROLLBACK; ELSE COMMIT; END IF; END LOOP; END \$\$;\n")
	  for @sessions;
	as_role($node, 'nm_inv', search_sql("crowd $round"));
	query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'facesnxt audit writer'") if $round == 2;
}
$_->quit for @sessions;
is(query($verdict), 'sound', 'four sessions at once and a writer that was ended: one chain');
is( query("SELECT count(*) FILTER (WHERE e.seq IS NULL) || ' of ' || (count(*) > 500) FROM facesnxt.person p LEFT JOIN facesnxt.event e ON e.relation = 'person' AND e.row_key = p.person_id::text WHERE p.name = 'crowd'"),
	'0 of true', 'each of their changes has its event');
my $writer = query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'facesnxt audit writer'");
query("SELECT facesnxt.create_agency('KK', 'before the crash')");
is(kill('KILL', $writer), 1, 'the writer is killed') if $writer =~ /^[1-9]\d*$/;
sleep 1;
poll_until_up($node);
as_role($node, 'nm_inv', search_sql('after the crash'));
is(query($verdict), 'sound', 'after a crash it goes on');
is(query("SELECT count(*) FROM facesnxt.event WHERE relation = 'agency' AND image::json->>'code' = 'KK'"), '1', 'with what was committed before');
is(query('SELECT count(*) > 1 FROM facesnxt.event_tile'), 't', 'the log has tiles');
like(forge("UPDATE facesnxt.event_tile SET hash = sha256('x') WHERE tile = 1", 0), qr/a stored hash of the tree is wrong/, 'an edit of which is found');
is_sound(query('SELECT facesnxt.audit_export()'), 'facesnxt-verify agrees', $kept);

$node->stop;
done_testing();
