# The record cannot be written: nothing leaves, and the error says why.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use Facesnxt;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('refused', streaming => 1, conf => "max_worker_processes = 2\n");
my $kept = 'completed 5';
my $rows = "1\n2\n3\n4\n5";
my $waiting = "pg_stat_activity WHERE backend_type = 'facesnxt audit writer' AND wait_event_type = 'Lock'";

# Runs a search that must give nothing but this error.
sub refused
{
	my ($sql, $error, $what, $role) = @_;
	my ($status, $out, $err) = as_role($node, $role // 'nm_inv', $sql);
	isnt($status, 0, "$what: an error");
	is($out, '', "$what: no candidate leaves");
	like($err, $error, "$what: the error says why");
	return;
}

# One writer serves a database, so those of two others can hold both slots.
subtest 'no worker slot' => sub {
	my $writers = "pg_stat_activity WHERE backend_type = 'facesnxt audit writer' AND datname <> 'postgres'";
	foreach my $other ('one', 'two')
	{
		$node->safe_psql('postgres', "CREATE DATABASE $other");
		$node->safe_psql($other, "CREATE EXTENSION facesnxt; ALTER DATABASE $other SET facesnxt.writer_idle = '100s'");
		$node->psql($other, "SELECT facesnxt.audit_write('gossip', '{}', NULL)");
	}
	is($node->safe_psql('postgres', "SELECT count(*) FROM $writers"), '2', 'two writers hold both slots');
	$node->safe_psql('postgres', "ALTER ROLE nm_inv SET facesnxt.audit_timeout = '100s'");
	my $user = session($node, 'nm_inv');
	$user->query_until(qr/searching/, "\\echo searching\n" . search_sql('waits for a slot') . ";\n");
	$node->safe_psql('postgres', "ALTER ROLE sp_inv SET facesnxt.audit_timeout = '500ms'");
	refused(search_sql('no slot'), qr/NX401.*max_worker_processes/s, 'no slot', 'sp_inv');
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM $writers");
	like($user->query('SELECT 0'), qr/$rows/, 'a search that had the time goes on with the first free slot');
	$user->quit;
	is(attempts($node, 'waits for a slot'), $kept, 'and is recorded');
	is(attempts($node, 'no slot'), '', 'the refused one could not be');
	$node->safe_psql('postgres', 'ALTER ROLE nm_inv RESET ALL; ALTER ROLE sp_inv RESET ALL; DROP DATABASE one; DROP DATABASE two');
};

# What waits while the writer is busy is written in one transaction.
subtest 'a record that fails among others' => sub {
	my $holder = session($node, 'postgres');
	$holder->query_safe('BEGIN');
	$holder->query_safe('LOCK TABLE facesnxt.search IN SHARE MODE');
	my @users = map { session($node, $_) } ('nm_inv', 'sp_inv', 'postgres', 'nm_inv');
	my @pids = map { scalar $_->query('SELECT pg_backend_pid()') } @users;
	foreach my $i (0 .. 3)
	{
		my $sql = $i == 2 ? "SELECT facesnxt.audit_write('gossip', '{}', NULL)" : search_sql("among others $i");
		$users[$i]->query_until(qr/searching/, "\\echo searching\n$sql;\n");
		wait_for($node, 'it waits', "SELECT wait_event = 'Extension' FROM pg_stat_activity WHERE pid = $pids[$i]");
		wait_for($node, 'the writer waits', "SELECT count(*) = 1 FROM $waiting");
	}
	$holder->query_safe('ROLLBACK');
	$holder->quit;
	foreach my $i (0, 1, 3)
	{
		like($users[$i]->query('SELECT 0'), qr/$rows/, 'a search beside it gets its list');
		is(attempts($node, "among others $i"), $kept, 'and is recorded once');
	}
	is($users[2]->query('SELECT 0'), '0', 'the one that fails gets nothing');
	like($users[2]->{stderr}, qr/unknown kind/, 'and is told why');
	$_->quit for @users;
};

subtest 'the writer stays for the next record, and not for long' => sub {
	my $writer = "pg_stat_activity WHERE backend_type = 'facesnxt audit writer' AND datname = 'postgres'";
	is((as_role($node, 'nm_inv', search_sql('first')))[1], $rows, 'a search');
	my $pid = $node->safe_psql('postgres', "SELECT pid FROM $writer");
	is((as_role($node, 'sp_inv', search_sql('second')))[1], $rows, 'another session\'s');
	is($node->safe_psql('postgres', "SELECT pid FROM $writer"), $pid, 'has the same writer');
	wait_for($node, 'which ends by itself', "SELECT count(*) = 0 FROM $writer");
	$node->safe_psql('postgres', "ALTER DATABASE postgres SET facesnxt.writer_idle = 0");
	is((as_role($node, 'nm_inv', search_sql('third')))[1], $rows, 'one that does not stay');
	wait_for($node, 'ends', "SELECT count(*) = 0 FROM $writer");
	is(attempts($node, 'third'), $kept, 'and has recorded');
	$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET ALL');
	my ($status, $out, $err) = as_role($node, 'nm_inv', "SELECT facesnxt.dimensions('[1]'); SET facesnxt.writer_idle = 0");
	like($err, qr/42501/, 'an investigator cannot set how long');
};

subtest 'the setting belongs to the administrator' => sub {
	my ($status, $out, $err) = as_role($node, 'nm_inv',
		"SELECT facesnxt.dimensions('[1]'); SET facesnxt.audit_timeout = '100ms'");
	like($err, qr/42501/, 'an investigator cannot set the time to wait');
	($status, $out, $err) = as_role($node, 'nm_inv',
		"SET facesnxt.audit_timeout = '100ms'; SELECT facesnxt.dimensions('[1]'); SHOW facesnxt.audit_timeout");
	like($out, qr/^10s$/m, 'nor before the library is loaded');
};

subtest 'standby' => sub {
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$node->backup('base');
	$standby->init_from_backup($node, 'base', has_streaming => 1);
	$standby->start;
	$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
	for my $sql (search_sql('standby'), "SELECT * FROM facesnxt.search('x', '22-1', 'criminal', 'standby')",
		"SELECT * FROM facesnxt.search_template('[1,0,0]', 'unknown', 'criminal', 'standby')")
	{
		my ($status, $out, $err) = as_role($standby, 'nm_inv', $sql);
		is($out, '', 'no candidate leaves a standby');
		like($err, qr/NX402/, 'the error says why');
	}
	my ($status, $out, $err) = as_role($standby, 'aud', 'SELECT reason FROM facesnxt.search');
	is($out, '', 'no auditor reads there, as nobody could say so');
	like($err, qr/NX402/, 'the error says why');
	($status, $out, $err) = as_role($standby, 'postgres', "SELECT facesnxt.audit_write('search', '{}', NULL)");
	like($err, qr/NX402/, 'nor does the writer itself start there');
	$standby->promote;
	($status, $out) = as_role($standby, 'nm_inv', search_sql('promoted'));
	is($out, $rows, 'after promotion it searches');
	is(attempts($standby, 'promoted'), $kept, 'and records');
	$standby->stop;
};

subtest 'table that cannot grow' => sub {
	# A limit on the size of files stands in for a full disk. It must not be
	# below a segment of WAL, so the table is made as large as that first, and no other.
	$node->safe_psql('postgres', <<'SQL');
ALTER TABLE facesnxt.search DISABLE TRIGGER audit_row;
INSERT INTO facesnxt.search (status, sqlstate, probe_kept, requested_at, repositories, candidates,
	session_role, session_oid, acting_role, acting_oid, backend_pid, backend_start)
SELECT 'refused', 'XXXXX', false, now(), '{}', 0, 'a', 1, 'a', 1, 1, now()
FROM generate_series(1, 70000);
ALTER TABLE facesnxt.search ENABLE ALWAYS TRIGGER audit_row;
CHECKPOINT;
SQL
	my $size = $node->safe_psql('postgres', "SELECT pg_relation_size('facesnxt.search')");
	cmp_ok($size, '>', 16 << 20, 'the table is filled');
	my $pid = (split /\n/, slurp_file($node->data_dir . '/postmaster.pid'))[0];
	# a process has the limit that the server had when it started
	my $end_writer = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE backend_type = 'facesnxt audit writer'";
	$node->safe_psql('postgres', $end_writer);
	system_or_bail('prlimit', '--pid', $pid, "--fsize=$size:unlimited");
	my ($returned, $err) = (0, '');
	for (1 .. 100)
	{
		my ($status, $out);
		($status, $out, $err) = as_role($node, 'nm_inv', search_sql('disk full'));
		if ($status != 0)
		{
			is($out, '', 'no candidate leaves');
			last;
		}
		$returned++;
	}
	like($err, qr/NX403.*could not extend file/s, 'the error says why');
	is(scalar(split /\n/, attempts($node, 'disk full')), $returned, 'every search that returned is recorded');
	system_or_bail('prlimit', '--pid', $pid, '--fsize=unlimited:unlimited');
	$node->safe_psql('postgres', $end_writer);
	my ($status, $out) = as_role($node, 'nm_inv', search_sql('space again'));
	is($out, $rows, 'with space it goes on');
	is(attempts($node, 'space again'), $kept, 'and is recorded');
};

subtest 'locks of the caller itself' => sub {
	$node->safe_psql('postgres', "ALTER ROLE postgres SET facesnxt.audit_timeout = '1s'");
	for my $table (qw(search candidate probe_template account case_file policy_rule agency))
	{
		refused("BEGIN; LOCK TABLE facesnxt.$table IN ACCESS EXCLUSIVE MODE; SET ROLE nm_inv; " . search_sql("lock $table"),
			qr/NX403.*lock timeout/s, "LOCK TABLE $table", 'postgres');
		is(attempts($node, "lock $table"), '', 'the transaction of the writer is undone');
	}
	refused("BEGIN; INSERT INTO facesnxt.probe (agency_id, sha256, image) SELECT agency_id, sha256('dup'), 'dup' FROM facesnxt.agency; "
		  . "SET ROLE nm_inv; SELECT * FROM facesnxt.search('dup', '22-1', 'criminal', 'duplicate')",
		qr/NX403.*lock timeout/s, 'uncommitted duplicate of the probe', 'postgres');
	refused("BEGIN; LOCK TABLE facesnxt.search IN SHARE MODE; SET ROLE nm_inv; "
		  . "SELECT * FROM facesnxt.search_template('[1,0,0]', 'unknown', 'criminal', 'refusal')",
		qr/NX403.*lock timeout/s, 'a refusal that cannot be recorded', 'postgres');
	for my $lock ('account FOR UPDATE', 'case_file FOR UPDATE', 'agency FOR UPDATE', 'policy_version FOR UPDATE', 'search FOR UPDATE')
	{
		my ($status, $out) = as_role($node, 'postgres',
			"BEGIN; CREATE TEMP TABLE held AS SELECT 1 FROM facesnxt.$lock; SET ROLE nm_inv; " . search_sql($lock));
		is($out, $rows, "rows held by SELECT FROM $lock do not stop the writer");
		is(attempts($node, $lock), $kept, 'the record is written');
	}
	my ($status, $out) = as_role($node, 'postgres', "BEGIN; UPDATE facesnxt.account SET status_at = now(); "
		  . 'SELECT pg_advisory_lock(1), pg_advisory_xact_lock(2); SET ROLE nm_inv; ' . search_sql('updated'));
	like($out, qr/$rows$/, 'nor do updated rows and advisory locks');
	is(attempts($node, 'updated'), $kept, 'the record is written');
	$node->safe_psql('postgres', 'ALTER ROLE postgres RESET ALL');
};

subtest 'locks that an investigator can take' => sub {
	for my $view (qw(my_searches my_candidates my_outcomes my_cases))
	{
		my ($status, $out, $err) = as_role($node, 'nm_inv', "BEGIN; LOCK TABLE facesnxt.$view IN SHARE MODE");
		like($err, qr/42501/, "not more than to read $view");
		($status, $out, $err) = as_role($node, 'nm_inv', "BEGIN; LOCK TABLE facesnxt.$view IN ACCESS SHARE MODE; " . search_sql("held $view"));
		is($out, $rows, 'which does not stop the writer');
	}
};

subtest 'writer that does not answer' => sub {
	$node->safe_psql('postgres', "ALTER ROLE nm_inv SET facesnxt.audit_timeout = '3s'");
	my $holder = session($node, 'postgres');
	$holder->query_safe('BEGIN');
	$holder->query_safe('LOCK TABLE facesnxt.search IN SHARE MODE');
	my $user = session($node, 'nm_inv');
	$user->query_until(qr/searching/, "\\echo searching\n\\set VERBOSITY verbose\n" . search_sql('stopped') . ";\n");
	wait_for($node, 'the writer waits', "SELECT count(*) = 1 FROM $waiting");
	my $pid = $node->safe_psql('postgres', "SELECT pid FROM $waiting");
	die 'no process' unless $pid =~ /^[1-9][0-9]+$/;
	is(kill('STOP', $pid), 1, 'the writer is stopped');
	is($user->query('SELECT 0'), '0', 'no candidate leaves');
	like($user->{stderr}, qr/NX404/, 'the error says why');
	$user->quit;
	kill('CONT', $pid);
	$holder->query_safe('ROLLBACK');
	$holder->quit;
	wait_for($node, 'the writer was told to end', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid");
	is(attempts($node, 'stopped'), '', 'and did not commit');
	$node->safe_psql('postgres', 'ALTER ROLE nm_inv RESET ALL');
};

subtest 'synchronous standby that does not answer' => sub {
	$node->append_conf('postgresql.conf', "synchronous_standby_names = 'nobody'\n");
	$node->reload;
	$node->safe_psql('postgres', "SET synchronous_commit = local; ALTER ROLE nm_inv SET facesnxt.audit_timeout = '1s'");
	refused(search_sql('unconfirmed'), qr/NX40[34]/, 'commit that no standby confirms');
	$node->append_conf('postgresql.conf', "synchronous_standby_names = ''\n");
	$node->reload;
	is(attempts($node, 'unconfirmed'), $kept, 'the record exists here: one too many, never one too few');
	$node->safe_psql('postgres', 'ALTER ROLE nm_inv RESET ALL');
};

subtest 'records that make no sense' => sub {
	refused("SELECT facesnxt.audit_write('gossip', '{}', NULL)", qr/NX403.*unknown kind/s, 'unknown kind', 'postgres');
	refused("SELECT facesnxt.audit_write(NULL, '{}', NULL)", qr/22004/, 'no kind', 'postgres');
	refused("SELECT facesnxt.audit_write('search', '{}', NULL)", qr/NX403/, 'empty request', 'postgres');
	refused("SELECT facesnxt.audit_write('refusal', '{}', NULL)", qr/NX403/, 'refusal without code', 'postgres');
};

$node->stop;
done_testing();
