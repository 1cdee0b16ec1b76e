# The gate judges committed rows at the moment of the commit, and the session
# says who acts.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use Facesnxt;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('gate');
my $kept = 'completed 5';
my $rows = "1\n2\n3\n4\n5";

sub refused
{
	my ($role, $sql, $code, $what) = @_;
	my ($status, $out, $err) = as_role($node, $role, $sql);
	unlike($out, qr/^[1-5]$/m, "$what: no candidate leaves");
	like($err, qr/ERROR:  $code/, "$what: $code");
	return;
}

subtest 'what only the caller\'s transaction knows does not count' => sub {
	refused('postgres', "BEGIN; SELECT facesnxt.open_case('NM', 'phantom', 'robbery'); SET ROLE nm_inv; "
		  . "SELECT rank FROM facesnxt.search_template('[1,0,0]', 'phantom', 'criminal', 'phantom case')",
		'NX303', 'uncommitted case');
	is(attempts($node, 'phantom case'), 'refused NX303 0', 'and the refusal is recorded');
	refused('postgres', "BEGIN; SELECT facesnxt.create_agency('ZZ', 'phantom'); SELECT facesnxt.adopt_policy('ZZ', 'EXAMPLE'); "
		  . "SET SESSION AUTHORIZATION adm; SELECT facesnxt.propose_policy('NM', document) FROM facesnxt.shipped_policy WHERE code = 'EXAMPLE'; "
		  . "RESET SESSION AUTHORIZATION; SELECT facesnxt.decide_policy((SELECT version_id FROM facesnxt.policy_version ORDER BY proposed_at DESC LIMIT 1), true); SET ROLE nm_inv; "
		  . "SELECT rank FROM facesnxt.search_template('[1,0,0]', '22-1', 'suspect', 'phantom purpose')",
		'NX305', 'uncommitted purpose');
	is(attempts($node, 'phantom purpose'), 'refused NX305 0', 'and the refusal is recorded');
	$node->safe_psql('postgres', 'CREATE ROLE late LOGIN; GRANT facesnxt_investigator TO late');
	refused('postgres', "BEGIN; SELECT facesnxt.open_account('NM', 'late'); "
		  . "SELECT facesnxt.set_account_status('late', 'active', NULL); SET ROLE late; " . search_sql('phantom account'),
		'NX301', 'uncommitted account');
	is(attempts($node, 'phantom account'), 'refused NX301 0', 'and the refusal is recorded');
	refused('postgres', "BEGIN; CREATE ROLE phantom; GRANT facesnxt_investigator TO phantom; SET ROLE phantom; "
		  . search_sql('phantom role'), 'NX301', 'uncommitted role');
	is($node->safe_psql('postgres', "SELECT sqlstate, acting_role FROM facesnxt.search WHERE reason = 'phantom role'"),
		'NX301|phantom', 'and the refusal is recorded with its name');
};

subtest 'revocation between two searches of one transaction' => sub {
	# a session of the role's own would be ended; a gateway's stays
	my $user = session($node, 'postgres');
	$user->query_safe('SET ROLE nm_inv; BEGIN');
	is($user->query(search_sql('before')), $rows, 'the first searches');
	$node->safe_psql('postgres', "SELECT facesnxt.set_account_status('nm_inv', 'suspended', 'test')");
	is($user->query(search_sql('after')), '', 'the second gives nothing');
	like($user->{stderr}, qr/the account is not active/, 'and says why');
	$user->quit;
	is(attempts($node, 'before'), $kept, 'the first is recorded');
	is(attempts($node, 'after'), 'refused NX302 0', 'and so is the refusal');
	$node->safe_psql('postgres', "SELECT facesnxt.set_account_status('nm_inv', 'active', NULL)");
};

subtest 'revocation while the record is being written' => sub {
	my $holder = session($node, 'postgres');
	my $user = session($node, 'postgres');
	$user->query_safe("SET application_name = 'gateway'; SET ROLE nm_inv");
	$holder->query_safe('BEGIN');
	# the session asks the gate first and then waits here for the references
	$holder->query_safe('LOCK TABLE facesnxt.reference IN ACCESS EXCLUSIVE MODE');
	$user->query_until(qr/searching/, "\\echo searching\n" . search_sql('during') . ";\n");
	wait_for($node, 'the search is past its first gate',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'gateway' AND wait_event_type = 'Lock'");
	$holder->query_safe("SELECT facesnxt.set_account_status('nm_inv', 'suspended', 'test')");
	$holder->query_safe('COMMIT');
	$holder->quit;
	is($user->query('SELECT 0'), '0', 'no candidate leaves');
	like($user->{stderr}, qr/the account is not active/, 'the writer refuses');
	$user->quit;
	is(attempts($node, 'during'), 'refused NX302 0', 'and records the refusal instead');
	$node->safe_psql('postgres', "SELECT facesnxt.set_account_status('nm_inv', 'active', NULL)");
};

subtest 'isolation levels' => sub {
	for my $level ('REPEATABLE READ', 'SERIALIZABLE')
	{
		refused('nm_inv', "BEGIN ISOLATION LEVEL $level; " . search_sql($level), 'NX306', $level);
		is(attempts($node, $level), 'refused NX306 0', 'recorded');
	}
	is((as_role($node, 'nm_inv', 'BEGIN ISOLATION LEVEL READ UNCOMMITTED; ' . search_sql('uncommitted')))[1],
		$rows, 'READ UNCOMMITTED, which the server takes for READ COMMITTED');
};

subtest 'identity' => sub {
	$node->safe_psql('postgres', <<'SQL');
CREATE ROLE gateway LOGIN;
GRANT nm_inv TO gateway;
CREATE ROLE trickster LOGIN;
GRANT facesnxt_investigator TO trickster, gateway;
GRANT CREATE ON SCHEMA public TO nm_inv;
SET ROLE nm_inv;
CREATE FUNCTION public.lend() RETURNS SETOF int LANGUAGE sql SECURITY DEFINER
AS $$ SELECT rank FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', 'lent', candidates => 5) $$;
SQL
	is((as_role($node, 'gateway', 'SET ROLE nm_inv; ' . search_sql('pooled')))[1], $rows, 'a gateway searches by SET ROLE');
	is($node->safe_psql('postgres', "SELECT session_role, acting_role FROM facesnxt.search WHERE reason = 'pooled'"),
		'gateway|nm_inv', 'and both roles are recorded');
	refused('gateway', search_sql('unset'), 'NX301', 'the gateway in its own name');
	refused('trickster', 'SELECT * FROM public.lend()', 'NX301', 'an account lent through SECURITY DEFINER');
	is($node->safe_psql('postgres', "SELECT sqlstate, session_role, acting_role FROM facesnxt.search WHERE reason = 'lent'"),
		'NX301|trickster|trickster', 'the caller is recorded, not the lender');
	refused('nm_inv', 'SET ROLE facesnxt_investigator; ' . search_sql('group'), 'NX301', 'a group role has no account');
	is($node->safe_psql('postgres', "SELECT session_role, acting_role FROM facesnxt.search WHERE reason = 'group'"),
		'nm_inv|facesnxt_investigator', 'both roles are recorded');
	as_role($node, 'nm_inv', "SET application_name = 'I am sp_inv'; " . search_sql('claim'));
	is($node->safe_psql('postgres', "SELECT acting_role, application, backend_pid > 0, backend_start < requested_at FROM facesnxt.search WHERE reason = 'claim'"),
		'nm_inv|I am sp_inv|t|t', 'a claim is recorded as one');
	$node->safe_psql('postgres', 'DROP OWNED BY trickster; DROP ROLE trickster; CREATE ROLE trickster LOGIN');
};

subtest 'a role created anew has not the account of its namesake' => sub {
	$node->safe_psql('postgres', <<'SQL');
CREATE ROLE heir LOGIN; GRANT facesnxt_investigator TO heir;
SELECT facesnxt.open_account('NM', 'heir');
SELECT facesnxt.set_account_status('heir', 'active', NULL);
DROP ROLE heir;
CREATE ROLE heir LOGIN; GRANT facesnxt_investigator TO heir;
SQL
	refused('heir', search_sql('heir'), 'NX301', 'namesake');
};

subtest 'objects of the caller do not stand in for those of the extension' => sub {
	$node->safe_psql('postgres', <<'SQL');
GRANT CREATE, TEMP ON DATABASE postgres TO nm_inv;
GRANT CREATE ON SCHEMA public TO nm_inv;
SQL
	my ($status, $out, $err) = as_role($node, 'nm_inv', <<'SQL' . search_sql('shadowed'));
CREATE TEMP TABLE account (role regrole, status text);
CREATE FUNCTION pg_temp.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT ''1999-01-01''::timestamptz';
CREATE FUNCTION public.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT ''x''::bytea';
CREATE FUNCTION public.not_equal(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR public.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = public.not_equal);
SET search_path = pg_temp, public, pg_catalog, facesnxt;
SQL
	is($out, $rows, 'the search goes its way');
	is($node->safe_psql('postgres', "SELECT recorded_at > '2000-01-01', requested_at > '2000-01-01' FROM facesnxt.search WHERE reason = 'shadowed'"),
		't|t', 'and the record is right');
};

# The answer that a session says it had names an agency that the gate would not.
my $account = "SELECT a.account_id FROM facesnxt.account a WHERE a.role = 'nm_inv'::regrole";
my $template = "'[1,0,0]'::facesnxt.embedding";

sub told
{
	my ($commits, $more, $probe) = @_;
	return "facesnxt.make_request('22-1', 'criminal', 'told', NULL, NULL, NULL)"
	  . " || jsonb_build_object('probe', " . ($probe // "facesnxt.probe_shape(NULL, $template)") . ")"
	  . " || facesnxt.judged(jsonb_populate_record(NULL::facesnxt.verdict, jsonb_build_object('agency', 'told', 'account_id', ($account),"
	  . " 'agency_id', facesnxt.agency_coded('NM'), 'version_id', gen_random_uuid(), 'facts', '{}'::jsonb)), $commits)" . ($more // '');
}

subtest 'an answer of the session holds only while nothing was committed since' => sub {
	my $ask = sub { return $node->safe_psql('postgres', $_[0]) };
	my $judge = sub { return "SELECT coalesce((facesnxt.gate_again(" . told(@_) . ")).agency, 'judged')" };
	is($ask->($judge->('facesnxt.commits()')), 'told', 'nothing was committed: the answer holds');
	is($ask->($judge->('facesnxt.commits() - 1')), 'judged', 'one transaction was: judged anew');
	is($ask->($judge->('NULL')), 'judged', 'not known: judged anew');
	is($ask->('BEGIN; CREATE TABLE mine (); SELECT facesnxt.commits() IS NULL; ' . $judge->('facesnxt.commits()') . '; ROLLBACK'), "t\njudged",
		'who has changed something sees more than others: judged anew');
	is($ask->($judge->('facesnxt.commits()', " || jsonb_build_object('requested_at', clock_timestamp() - interval '2 s')")), 'judged',
		'an old answer: judged anew');
	my $one = session($node, 'postgres');
	my $count = $one->query_safe('SELECT facesnxt.commits()');
	$node->safe_psql('postgres', 'CREATE TABLE theirs ()');
	is($one->query_safe('SELECT facesnxt.commits() > ' . $count), 't', "others' commits count");
	$one->quit;
	as_role($node, 'nm_inv', search_sql('told'));
	is($node->safe_psql('postgres', "SELECT status || (facts IS NOT NULL) FROM facesnxt.search WHERE reason = 'told'"), 'completedtrue',
		'the record of such a search has all its facts');
};

# What the writer has done itself since the session asked it knows: which
# searches it recorded, and whether the gate of this one looks at them.
subtest 'the writer holds to an answer when all that was committed since are searches of others' => sub {
	$node->safe_psql('postgres', <<'SQL');
CREATE ROLE nm_too LOGIN;
GRANT facesnxt_investigator TO nm_too;
SELECT facesnxt.open_account('NM', 'nm_too');
SELECT facesnxt.set_account_status('nm_too', 'active', NULL);
SQL
	# who searched for what meanwhile, what the writer makes of the answer then, and of which probe
	my $meanwhile = sub {
		my ($what, $expected, $probe, @others) = @_;
		my $asking = session($node, 'postgres');
		# the writer is there, and what waits for it is chained
		$asking->query_safe("SELECT facesnxt.chain_all(); SELECT pg_sleep(0.3)");
		my $commits = $asking->query_safe('SELECT facesnxt.commits()');
		for my $other (@others)
		{
			my ($role, $sql) = @$other;
			# in one session, which is not begun while it counts
			$node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]);
		}
		my $said = $asking->query_safe("SELECT facesnxt.audit_write('search', " . told($commits,
			" || '{\"list\": [], \"model\": \"00000000\", \"references_compared\": 0}'", $probe) . ", NULL)->>'search_id'");
		$asking->quit;
		is($node->safe_psql('postgres', "SELECT coalesce(agency, 'judged') FROM facesnxt.search WHERE search_id = '$said'"), $expected, $what);
	};
	my $search = sub {
		my ($probe) = @_;
		return "SELECT count(*) FROM facesnxt.search_template('$probe', '22-1', 'criminal', 'meanwhile')";
	};
	my $photograph = "'{\"kind\": \"photograph\", \"sha256\": \"" . 'a' x 64 . "\"}'::jsonb";

	$meanwhile->('nothing', 'told', undef);
	$meanwhile->('another agency searched for the same probe', 'told', undef, [ 'sp_inv', $search->('[1,0,0]') ]);
	$meanwhile->('another account of the agency searched for another probe', 'told', undef, [ 'nm_too', $search->('[0,1,0]') ]);
	$meanwhile->('both', 'told', undef, [ 'sp_inv', $search->('[1,0,0]') ], [ 'nm_too', $search->('[0,1,0]') ]);
	$meanwhile->('another account of the agency searched for the probe', 'judged', undef, [ 'nm_too', $search->('[1,0,0]') ]);
	$meanwhile->('of photographs it is not known which have one origin', 'judged', $photograph, [ 'nm_too', $search->('[0,1,0]') ]);
	$meanwhile->('photographs of two agencies have none', 'told', $photograph, [ 'sp_inv', $search->('[0,1,0]') ]);
	$meanwhile->('the account itself searched', 'judged', undef, [ 'nm_inv', $search->('[0,1,0]') ]);
	$meanwhile->('somebody changed something', 'judged', undef, [ 'postgres', 'CREATE TABLE other ()' ]);
	$meanwhile->('somebody changed something between two searches', 'judged', undef, [ 'sp_inv', $search->('[1,0,0]') ],
		[ 'postgres', 'DROP TABLE other' ], [ 'nm_too', $search->('[0,1,0]') ]);
	$meanwhile->('the writer recorded something else', 'judged', undef, [ 'sp_inv', $search->('[1,0,0]') ],
		[ 'postgres', "SELECT facesnxt.audit_write('refusal', " . told('NULL', " || '{\"refusal\": {\"code\": \"NX301\"}}'") . ', NULL)' ]);
	$meanwhile->('more searches than are remembered', 'judged', undef,
		[ 'sp_inv', join(";\n", map { $search->('[1,0,0]') } 1 .. 70) ]);
};

$node->stop;
done_testing();
