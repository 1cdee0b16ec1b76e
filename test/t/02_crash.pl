# Cancels, kills and crashes: what has left is recorded, and what is not
# recorded has not left.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use Facesnxt;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('crash');
my $kept = 'completed 5';
my $rows = "1\n2\n3\n4\n5";
my $waiting = "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'facesnxt audit writer' AND wait_event_type = 'Lock'";
my $running = "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'facesnxt audit writer' AND state = 'active'";

# Ends one process of the server. The id must not be that of another process.
sub end_process
{
	my ($signal, $pid) = @_;
	die 'no process' unless defined $pid && $pid =~ /^[1-9][0-9]+$/;
	is(kill($signal, $pid), 1, "process gets $signal");
	return;
}

# A session of the owner that holds the audit table, so that writers wait.
sub hold_audit
{
	my $holder = session($node, 'postgres');
	$holder->query_safe('BEGIN');
	$holder->query_safe('LOCK TABLE facesnxt.search IN SHARE MODE');
	return $holder;
}

subtest 'cancel after the rows arrived' => sub {
	my $user = session($node, 'nm_inv');
	$user->query_safe('BEGIN');
	is($user->query(search_sql('cancel after')), $rows, 'rows arrived');
	my $pid = $user->query('SELECT pg_backend_pid()');
	$user->query_until(qr/sleeping/, "\\echo sleeping\nSELECT pg_sleep(600);\n");
	wait_for($node, 'the session is busy',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'PgSleep'");
	is($node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)"), 't', 'cancel');
	$user->query('SELECT 1');
	like($user->{stderr}, qr/canceling statement/, 'the transaction is cancelled');
	$user->quit;
	is(attempts($node, 'cancel after'), $kept, 'the record stays');
};

subtest 'cancel of the statement that searches, after its record' => sub {
	my ($status, $out, $err) = as_role($node, 'nm_inv',
		"SET statement_timeout = '2s'; SELECT rank, pg_sleep(600) FROM facesnxt.search_template("
		  . "'[1,0,0]', '22-1', 'criminal', 'timeout', candidates => 5)");
	like($err, qr/57014/, 'statement_timeout strikes between two rows');
	is(attempts($node, 'timeout'), $kept, 'the record stays');
};

for my $way ('pg_cancel_backend', 'statement_timeout', 'pg_terminate_backend')
{
	subtest "$way while the record is being written" => sub {
		my $holder = hold_audit();
		my $user = session($node, 'nm_inv');
		my $pid = $user->query('SELECT pg_backend_pid()');
		$user->query_safe("SET statement_timeout = '2s'") if $way eq 'statement_timeout';
		$user->query_until(qr/searching/, "\\echo searching\n" . search_sql("$way during") . ";\n");
		wait_for($node, 'the writer waits', $waiting);
		$node->safe_psql('postgres', "SELECT $way($pid)") if $way ne 'statement_timeout';
		wait_for($node, 'the session has given up',
			"SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid AND state = 'active'");
		my $out = $way eq 'pg_terminate_backend' ? '' : $user->query('SELECT 0');
		unlike($out, qr/[1-5]/, 'no candidate left');
		$way eq 'pg_terminate_backend' ? $user->{run}->finish : $user->quit;
		$holder->query_safe('ROLLBACK');
		$holder->quit;
		wait_for($node, 'the writer ends', $running);
		is(attempts($node, "$way during"), $kept, 'the writer commits all the same: a record too many, never one too few');
	};
}

subtest 'kill -9 of the backend after the rows arrived' => sub {
	my $user = session($node, 'nm_inv');
	$user->query_safe('BEGIN');
	is($user->query(search_sql('kill')), $rows, 'rows arrived');
	my $pid = $user->query('SELECT pg_backend_pid()');
	end_process('KILL', $pid);
	$user->{run}->finish;
	# the server restarts after the crash of a backend
	poll_until_up($node);
	is(attempts($node, 'kill'), $kept, 'the record is there after crash recovery');
};

subtest 'kill -9 of the writer' => sub {
	my $holder = hold_audit();
	my $user = session($node, 'nm_inv');
	$user->query_until(qr/searching/, "\\echo searching\n" . search_sql('writer killed') . ";\n");
	wait_for($node, 'the writer waits', $waiting);
	end_process('KILL', $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE backend_type = 'facesnxt audit writer'"));
	$user->{run}->finish;
	unlike($user->{stdout}, qr/^[1-5]$/m, 'no candidate left');
	$holder->{run}->finish;
	poll_until_up($node);
	is(attempts($node, 'writer killed'), '', 'there is no record, as nothing left');
};

subtest 'termination of the writer' => sub {
	my $holder = hold_audit();
	my $user = session($node, 'nm_inv');
	$user->query_until(qr/searching/, "\\echo searching\n" . search_sql('writer ended') . ";\n");
	wait_for($node, 'the writer waits', $waiting);
	my $next = session($node, 'sp_inv');
	my $pid = $next->query('SELECT pg_backend_pid()');
	$next->query_until(qr/searching/, "\\echo searching\n" . search_sql('next in line') . ";\n");
	wait_for($node, 'another search waits for it', "SELECT wait_event = 'Extension' FROM pg_stat_activity WHERE pid = $pid");
	$node->safe_psql('postgres',
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'facesnxt audit writer'");
	is($user->query('SELECT 0'), '0', 'no candidate left');
	like($user->{stderr}, qr/audit record could not be written.*told to end/s, 'the search is refused');
	$user->quit;
	$holder->query_safe('ROLLBACK');
	$holder->quit;
	is(attempts($node, 'writer ended'), '', 'there is no record, as nothing left');
	like($next->query('SELECT 0'), qr/$rows/, 'the other one is served by the next writer');
	$next->quit;
	is(attempts($node, 'next in line'), $kept, 'and recorded');
};

subtest 'immediate shutdown after the rows arrived' => sub {
	my $user = session($node, 'nm_inv');
	$user->query_safe('BEGIN');
	is($user->query(search_sql('immediate')), $rows, 'rows arrived');
	$node->stop('immediate');
	$user->{run}->finish;
	$node->start;
	is(attempts($node, 'immediate'), $kept, 'the record is there after crash recovery');
};

subtest 'kill -9 of every process of the server after the rows arrived' => sub {
	my $user = session($node, 'nm_inv');
	$user->query_safe('BEGIN');
	is($user->query(search_sql('postmaster')), $rows, 'rows arrived');
	my @children = split /\n/, $node->safe_psql('postgres',
		'SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()');
	$node->kill9;
	kill('KILL', grep { /^[1-9][0-9]+$/ } @children);
	$user->{run}->finish;
	# the new server waits until the old one's shared memory is not in use
	my $up = 0;
	for (1 .. 100)
	{
		$node->{_pid} = undef;
		last if $up = $node->start(fail_ok => 1);
		select(undef, undef, undef, 0.1);
	}
	ok($up, 'the server starts again');
	is(attempts($node, 'postmaster'), $kept, 'the record is there after crash recovery');
};

is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.search s WHERE status = 'completed' AND candidates <> "
		  . '(SELECT count(*) FROM facesnxt.candidate c WHERE c.search_id = s.search_id)'),
	'0', 'no list is recorded in part');
$node->stop;
done_testing();
