# Revocation at once: from its commit on, and not before, the role has no
# login, no group, no session, no running search and no row more.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use Facesnxt;
use Test::More;

my $node = new_node('revocation', conf => "max_prepared_transactions = 5\nmax_worker_processes = 16\n");
$node->safe_psql('postgres', 'CREATE ROLE gateway LOGIN; CREATE ROLE other LOGIN; GRANT facesnxt_investigator TO other; '
	. "SELECT facesnxt.open_account('NM', 'other'); SELECT facesnxt.set_account_status('other', 'active', NULL); GRANT nm_inv, other TO gateway");

# searches without end, each recorded
my $stream = "SELECT count(*) FROM generate_series(1, 1000000) g, LATERAL "
	. "facesnxt.search_template('[1,0,0]', '22-1', 'criminal', 'stream ' || g, candidates => 5) s";

sub set_status
{
	my ($role, $status) = @_;
	$node->safe_psql('postgres', "SELECT facesnxt.set_account_status('$role', '$status', 'test')");
	return;
}

sub sessions_of
{
	my ($role) = @_;
	return "SELECT count(*) FROM pg_stat_activity WHERE usename = '$role'";
}

subtest 'sessions of the role' => sub {
	foreach my $status ('suspended', 'suspended', 'revoked')
	{
		my $busy = session($node, 'nm_inv');
		my $idle = session($node, 'nm_inv');
		$idle->query_safe('BEGIN; DECLARE c CURSOR FOR ' . search_sql('cursor'));
		is($idle->query('FETCH 1 FROM c'), '1', 'a cursor gives a candidate');
		$busy->query_until(qr/begins/, "\\echo begins\n$stream;\n");
		wait_for($node, 'a search runs', "SELECT count(*) > 2 FROM facesnxt.search WHERE reason LIKE 'stream%'");
		set_status('nm_inv', $status);
		my ($code, $out, $err) = as_role($node, 'nm_inv', 'SELECT 1');
		like($err, qr/not permitted to log in/, "SP-IV.A.2 ($status): a new login is refused at once");
		wait_for($node, 'NM-VII.E: no session is left', sessions_of('nm_inv') =~ s/count\(\*\)/count(*) = 0/r);
		wait_for($node, 'and that is on record', "SELECT count(*) = 0 FROM facesnxt.revocation_latency WHERE last_gone_at IS NULL");
		is($node->safe_psql('postgres', "SELECT status, sessions_ended, complete, last_gone_at >= seen_at, seen_at > decided_at "
			. 'FROM facesnxt.revocation_latency ORDER BY decided_at DESC LIMIT 1'), "$status|2|t|t|t", 'with what was ended and when');
		$_->{run}->kill_kill foreach $busy, $idle;
		my $last = $node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.search WHERE reason LIKE 'stream%'");
		is($node->safe_psql('postgres', "SELECT pg_sleep(0.2); SELECT count(*) FROM facesnxt.search WHERE reason LIKE 'stream%'") =~ s/^\s+//r,
			$last, 'nothing is searched any more');
		next if $status eq 'revoked';
		set_status('nm_inv', 'active');
		is((as_role($node, 'nm_inv', search_sql('back')))[1] =~ tr/\n//, 4, 'a suspension that ends gives login and groups back');
	}
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_auth_members WHERE member = 'nm_inv'::regrole "
		. "AND roleid <> 'facesnxt_member'::regrole"), '0', 'revoked: no group is left but that by which an attempt comes to the gate');
	isnt((as_role($node, 'postgres', "SELECT facesnxt.set_account_status('nm_inv', 'active', 'undo')"))[0], 0, 'revoked stays revoked');
};

subtest 'from the commit on, not before' => sub {
	my $user = session($node, 'other');
	my $admin = session($node, 'adm');
	$admin->query_safe("BEGIN; SELECT facesnxt.set_account_status('other', 'suspended', 'test')");
	is($user->query(search_sql('before')) =~ tr/\n//, 4, 'not committed: a search goes on');
	is((as_role($node, 'other', 'SELECT 1'))[1], '1', 'a login too');
	$admin->query_safe('ROLLBACK');
	is($user->query(search_sql('before')) =~ tr/\n//, 4, 'rolled back: as if it had not been');
	$admin->query_safe("BEGIN; SAVEPOINT s; SELECT facesnxt.set_account_status('other', 'suspended', 'test'); ROLLBACK TO s; COMMIT");
	is($node->safe_psql('postgres', 'SELECT pg_sleep(0.3); ' . sessions_of('other')) =~ s/^\s+//r, '1', 'nor by a savepoint');
	is($user->query(search_sql('before')) =~ tr/\n//, 4, 'the session lives');
	$admin->query("BEGIN; SELECT facesnxt.set_account_status('other', 'suspended', 'test'); PREPARE TRANSACTION 'p'");
	like($admin->{stderr}, qr/cannot prepare a transaction that cuts off a role/, 'a revocation cannot be put off by PREPARE TRANSACTION');
	is($user->query(search_sql('before')) =~ tr/\n//, 4, 'and has not happened');
	$_->quit foreach $user, $admin;
};

subtest 'in the session of a gateway' => sub {
	$node->safe_psql('postgres', "CREATE ROLE nm_adm LOGIN; SELECT facesnxt.open_account('NM', 'nm_adm'); SELECT facesnxt.set_account_status('nm_adm', 'active', NULL)");
	my $gateway = session($node, 'gateway');
	my $again = sub { $gateway->{stderr} = ''; return $gateway->query($_[0]); };
	my $stopped = $node->safe_psql('postgres', 'SELECT count(*) FROM facesnxt.revocation_end');
	$gateway->query_safe("SET ROLE other; BEGIN; DECLARE c CURSOR FOR " . search_sql('gateway'));
	is($gateway->query('FETCH 1 FROM c'), '1', 'a cursor over a search gives a candidate');
	set_status('other', 'suspended');
	is($again->('FETCH 1 FROM c'), '', 'and none after the revocation');
	like($gateway->{stderr}, qr/the account is not active/, 'with the reason');
	$again->('ROLLBACK');
	$again->(search_sql('gateway after'));
	like($gateway->{stderr}, qr/the account is not active/, 'a new search is refused');
	is(attempts($node, 'gateway after'), 'refused NX302 0', 'and recorded');
	unlike($again->('SELECT count(*) FROM facesnxt.my_searches'), qr/[1-9]/, 'and nothing is seen');
	is($again->('RESET ROLE; SELECT 1'), '1', 'the gateway lives');
	set_status('other', 'active');

	# what was found before, by a view
	$gateway->query_safe('SET ROLE other; BEGIN; DECLARE c CURSOR FOR SELECT rank FROM facesnxt.my_candidates ORDER BY rank');
	is($gateway->query('FETCH 1 FROM c'), '1', 'a cursor over earlier candidates gives one');
	set_status('nm_adm', 'suspended');
	is($again->('FETCH 1 FROM c'), '1', 'and another one when somebody else was cut off');
	set_status('other', 'suspended');
	is($again->('FETCH 1 FROM c'), '', 'and none after the revocation');
	like($gateway->{stderr}, qr/the account is not active/, 'with the reason');
	$again->('ROLLBACK; RESET ROLE');
	set_status('other', 'active');

	$gateway->query_safe('SET ROLE other');
	$gateway->{stderr} = '';
	$gateway->query_until(qr/begins/, "\\echo begins\n$stream;\n");
	wait_for($node, 'a search runs in the gateway', "SELECT count(*) > 0 FROM facesnxt.search WHERE reason LIKE 'stream%' AND acting_role = 'other'");
	set_status('other', 'suspended');
	is($gateway->query('RESET ROLE; SELECT 1') =~ s/\s+$//r, '1', 'the running search has stopped and the gateway lives');
	like($gateway->{stderr}, qr/not active|canceling statement/, 'by the gate or by a cancel');
	wait_for($node, 'swept', "SELECT count(*) = 0 FROM facesnxt.revocation_latency WHERE last_gone_at IS NULL");
	set_status('other', 'active');
	$gateway->quit;
};

subtest 'the revoked cannot undo it' => sub {
	$node->safe_psql('postgres', "CREATE ROLE crooked LOGIN CREATEROLE; GRANT facesnxt_admin, facesnxt_investigator TO crooked WITH ADMIN OPTION; "
		. "GRANT crooked TO gateway; SELECT facesnxt.open_account('NM', 'crooked'); SELECT facesnxt.set_account_status('crooked', 'active', NULL)");
	# from 16 on these are grants beside those of the superuser
	$node->safe_psql('postgres', "CREATE ROLE second; GRANT facesnxt_admin, facesnxt_investigator TO second WITH ADMIN OPTION; "
		. "SET ROLE second; GRANT facesnxt_admin, facesnxt_investigator TO crooked; SET ROLE crooked; GRANT facesnxt_admin TO other");
	my $own = session($node, 'crooked');
	$own->query_safe('SELECT 1');
	set_status('crooked', 'revoked');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_auth_members WHERE member = 'crooked'::regrole "
		. "AND roleid <> 'facesnxt_member'::regrole"), '0', 'no group is left, whoever granted it');
	wait_for($node, 'its session ends', sessions_of('crooked') =~ s/count\(\*\)/count(*) = 0/r);
	$own->{run}->kill_kill;
	foreach my $undo ('ALTER ROLE crooked LOGIN', 'GRANT facesnxt_investigator TO crooked', 'GRANT facesnxt_admin TO crooked',
		"SELECT facesnxt.set_account_status('crooked', 'active', 'x')", "SELECT facesnxt.let_in('crooked')", 'SELECT facesnxt.sweep()',
		'DELETE FROM facesnxt.revocation', 'UPDATE facesnxt.account SET status = $$active$$', 'SELECT facesnxt.cut_off($$aud$$)')
	{
		like((as_role($node, 'gateway', "SET ROLE crooked; $undo"))[2], qr/42501/, $undo);
	}
	like((as_role($node, 'adm', 'DELETE FROM facesnxt.revocation'))[2], qr/42501/, 'an administrator cannot remove the record');
	like((as_role($node, 'postgres', 'DELETE FROM facesnxt.revocation'))[2], qr/NX309/, 'and a superuser not unknowingly');
	like((as_role($node, 'adm', "SELECT facesnxt.cut_off('aud')"))[2], qr/42501/, 'nor is anybody cut off but by the account');
};

$node->stop;
done_testing();
