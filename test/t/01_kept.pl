# The record of a search stays whatever becomes of the transaction that made it.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use Facesnxt;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('kept', conf => "max_prepared_transactions = 4\n");
my $kept = 'completed 5';
my $rows = "1\n2\n3\n4\n5";

subtest 'COMMIT' => sub {
	my ($status, $out) = as_role($node, 'nm_inv', search_sql('commit'));
	is($out, $rows, 'five candidates come back');
	is(attempts($node, 'commit'), $kept, 'search and candidates are recorded');
};

subtest 'ROLLBACK' => sub {
	my ($status, $out) = as_role($node, 'nm_inv', 'BEGIN; ' . search_sql('rollback') . '; ROLLBACK');
	is($out, $rows, 'the candidates had come back');
	is(attempts($node, 'rollback'), $kept, 'the record stays');
};

subtest 'ROLLBACK TO SAVEPOINT' => sub {
	my ($status, $out) = as_role($node, 'nm_inv',
		'BEGIN; SAVEPOINT a; ' . search_sql('savepoint') . '; ROLLBACK TO a; COMMIT');
	is($out, $rows, 'the candidates had come back');
	is(attempts($node, 'savepoint'), $kept, 'the record stays');
};

subtest 'exception block that swallows the list' => sub {
	as_role($node, 'nm_inv', <<'SQL');
DO $$
BEGIN
	PERFORM * FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', 'swallowed', candidates => 5);
	RAISE EXCEPTION 'undo';
EXCEPTION WHEN OTHERS THEN
	NULL;
END
$$
SQL
	is(attempts($node, 'swallowed'), $kept, 'the record stays');
};

subtest 'PREPARE TRANSACTION' => sub {
	my ($status, $out) = as_role($node, 'nm_inv',
		'BEGIN; '
		  . search_sql('prepared') . "; PREPARE TRANSACTION 'p'");
	is($out, $rows, 'the candidates had come back');
	is(attempts($node, 'prepared'), $kept, 'the record is there while the transaction is pending');
	as_role($node, 'nm_inv', "ROLLBACK PREPARED 'p'");
	is(attempts($node, 'prepared'), $kept, 'and after it was rolled back');
};

subtest 'cursor that fetches one row' => sub {
	my ($status, $out) = as_role($node, 'nm_inv',
		'BEGIN; DECLARE c CURSOR FOR ' . search_sql('cursor') . '; FETCH 1 FROM c; ROLLBACK');
	is($out, '1', 'one candidate came back');
	is(attempts($node, 'cursor'), $kept, 'the whole list is recorded');
};

subtest 'LIMIT 1' => sub {
	my ($status, $out) = as_role($node, 'nm_inv', search_sql('limited') . ' LIMIT 1');
	is($out, '1', 'one candidate came back');
	is(attempts($node, 'limited'), $kept, 'the whole list is recorded');
};

subtest 'read-only transaction' => sub {
	my ($status, $out) = as_role($node, 'nm_inv', 'BEGIN READ ONLY; ' . search_sql('read only') . '; COMMIT');
	is($out, $rows, 'the candidates come back');
	is(attempts($node, 'read only'), $kept, 'the record is written all the same');
};

subtest 'settings that would spoil the record' => sub {
	$node->safe_psql('postgres', <<'SQL');
ALTER DATABASE postgres SET default_transaction_read_only = on;
ALTER DATABASE postgres SET synchronous_commit = off;
ALTER DATABASE postgres SET default_transaction_isolation = 'read committed';
ALTER DATABASE postgres SET search_path = 'nowhere';
ALTER DATABASE postgres SET DateStyle = 'SQL, DMY';
ALTER DATABASE postgres CONNECTION LIMIT 3;
SQL
	my ($status, $out) = as_role($node, 'nm_inv', search_sql('settings'));
	is($out, $rows, 'the candidates come back');
	$node->safe_psql('postgres', 'BEGIN; SET TRANSACTION READ WRITE; ALTER DATABASE postgres RESET ALL; '
		  . 'ALTER DATABASE postgres CONNECTION LIMIT -1; COMMIT');
	is(attempts($node, 'settings'), $kept, 'the record is written');
	is($node->safe_psql('postgres',
			"SELECT abs(extract(epoch FROM recorded_at - requested_at)) < 3600 FROM facesnxt.search WHERE reason = 'settings'"),
		't', 'its times survive the way to the writer');
};

subtest 'probe handed over in a transaction that is rolled back' => sub {
	my $probe = 'not a photograph, but what was handed over';
	my ($status, $out, $err) = as_role($node, 'nm_inv',
		"BEGIN; SELECT * FROM facesnxt.search(convert_to('$probe', 'UTF8'), '22-1', 'criminal', 'bad probe')");
	isnt($status, 0, 'it is refused');
	is($out, '', 'with no row');
	like(attempts($node, 'bad probe'), qr/^refused \w{5} 0$/, 'the attempt is recorded with its SQLSTATE');
	is($node->safe_psql('postgres', <<'SQL'), $probe, 'the image is kept under its SHA-256');
SELECT convert_from(p.image, 'UTF8') FROM facesnxt.search s
JOIN facesnxt.probe p ON p.agency_id = s.agency_id AND p.sha256 = s.probe_sha256 AND p.sha256 = sha256(p.image)
WHERE s.reason = 'bad probe' AND s.probe_kept
SQL
};

subtest 'completed search with its probe, rolled back' => sub {
	$node->safe_psql('postgres', <<'SQL');
BEGIN;
SELECT facesnxt.audit_write('search', jsonb_build_object(
	'identity', jsonb_set(to_jsonb(i), '{acting_oid}', to_jsonb('nm_inv'::regrole::oid::int)),
	'isolation', 'read committed', 'requested_at', now(), 'case_number', '22-1', 'purpose', 'criminal',
	'reason', 'with image', 'repositories', '["booking"]'::jsonb, 'candidate_limit', 2,
	'template', '[1,0,0]', 'model', '00000000', 'references_compared', 10, 'references_other_model', 0,
	'list', jsonb_build_array(jsonb_build_object('rank', 1, 'person_id', gen_random_uuid(),
		'reference_id', gen_random_uuid(), 'repository', 'booking', 'score', 0.5))), 'an image')
FROM facesnxt.session_identity() i;
ROLLBACK;
SQL
	is(attempts($node, 'with image'), 'completed 1', 'the record stays');
	is($node->safe_psql('postgres', <<'SQL'), 't|[1,0,0]', 'with image, hash and template');
SELECT p.image = 'an image' AND p.sha256 = sha256('an image'), t.template
FROM facesnxt.search s JOIN facesnxt.probe p ON p.agency_id = s.agency_id AND p.sha256 = s.probe_sha256
JOIN facesnxt.probe_template t ON t.search_id = s.search_id WHERE s.reason = 'with image'
SQL
};

subtest 'large probe' => sub {
	my ($status, $out, $err) = as_role($node, 'nm_inv',
		"SELECT * FROM facesnxt.search(convert_to(repeat('0123456789abcdef', 1 << 20), 'UTF8'), '22-1', 'criminal', 'large')");
	is($out, '', 'no row');
	is($node->safe_psql('postgres',
			"SELECT length(p.image) FROM facesnxt.search s JOIN facesnxt.probe p ON p.sha256 = s.probe_sha256 WHERE s.reason = 'large'"),
		16 << 20, 'sixteen megabytes are kept');
};

subtest 'the same probe twice' => sub {
	as_role($node, 'nm_inv', "SELECT * FROM facesnxt.search('same', '22-1', 'criminal', 'twice')") for (1 .. 2);
	is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.probe WHERE image = 'same'"), '1', 'is kept once');
	is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.search WHERE reason = 'twice' AND probe_kept"),
		'2', 'by two attempts');
};

$node->stop;
done_testing();
