# Rules that an attacker would have hold in words only: by another door, by
# what looks like an answer, by two searches at once.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Facesnxt;
use Test::More;

my $node = new_node('rules', conf => "max_worker_processes = 16\n");

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

# The last row that a role gets, or the SQLSTATE of its refusal.
sub asked
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = as_role($node, $role, $sql);
	return $err =~ /ERROR:  (\w{5})/ ? $1 : $out =~ s/.*\n//sr;
}

# An agency with a case, a policy of these rules, and active accounts.
sub agency
{
	my ($code, $fields, $rules, @roles) = @_;
	my $list = join(', ', map { qq({"rule": "$_->[0]", "clause": "T-$_->[0]", "value": $_->[1]}) } @$rules);
	value(<<SQL);
SELECT facesnxt.create_agency('$code', '$code'), facesnxt.open_case('$code', '22-1', 'robbery');
SELECT facesnxt.adopt_policy('$code', document => '{"title": "T", "rules": [$list],
	"purposes": [{"code": "criminal", "description": "d", "class": "criminal_justice", "clause": "T-P", "fields": $fields}]}');
SQL
	foreach my $role (@roles)
	{
		value("CREATE ROLE $role LOGIN; SELECT facesnxt.open_account('$code', '$role'); SELECT facesnxt.set_account_status('$role', 'active', NULL)");
	}
	return;
}

sub search
{
	my ($reason, $fields, $more) = @_;
	$fields //= '{}';
	$more //= '';
	return "SELECT count(*) FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', $reason, candidates => 5, fields => '$fields'$more)";
}

my $open = "SELECT FROM facesnxt.open_search('22-1', 'criminal', 'rules');\n";

sub raw
{
	my ($probe) = @_;
	my $distance = "template OPERATOR(facesnxt.<=>) '$probe'";
	return "SELECT count(*) || '' FROM (VALUES (1)) v LIMIT 0; SELECT reference_id IS NOT NULL, $distance FROM facesnxt.reference ORDER BY $distance LIMIT 1;\n";
}

subtest 'the raw door' => sub {
	agency('ST', '[]', [ [ 'still_only', 'true' ] ], 'st_inv');
	agency('PA', '[]', [ [ 'pace', '{"searches": 3, "minutes": 10}' ] ], 'pa_inv');
	agency('PP', '[]', [ [ 'pace', '{"probes": 2, "minutes": 10}' ] ], 'pp_inv');
	value('GRANT facesnxt_integrator TO st_inv, pa_inv, pp_inv');
	is(asked('st_inv', search("'t'")), 'NX322', 'MI-4.3.1: no search for a template');
	is(asked('st_inv', $open . raw('[1,0,0]')), 'NX322', 'MI-4.3.1: nor by a raw statement');

	like(asked('pa_inv', $open . raw('[1,0,0]') x 3), qr/^t\|/, 'MI-4.5.2.d: three raw statements in ten minutes');
	is(asked('pa_inv', $open), 'NX321', 'MI-4.5.2.d: a fourth, in another open search');
	is(asked('pa_inv', search("'pace'")), 'NX321', 'MI-4.5.2.d: and no search by function');
	is(value("SELECT count(*) FROM facesnxt.raw_statement WHERE acting_role = 'pa_inv' AND status = 'admitted'"), '3', 'MI-4.5.2.d: three are on record');
	is(asked('pp_inv', $open . raw('[1,0,0]') . raw('[0,1,0]') . raw('[1,0,0]') . raw('[0,0,1]')), 'NX321', 'MI-4.5.2.d: raw statements with more probes than allowed');
	is(value("SELECT count(*) FROM facesnxt.raw_row JOIN facesnxt.raw_statement USING (statement_id) WHERE acting_role = 'pp_inv'"), '3',
		'MI-4.5.2.d: those before it had their rows');
};

subtest 'what is no answer' => sub {
	agency('AN', '["health_threat", "tip"]', [ [ 'chief_first', 'true' ], [ 'purpose_fields', 'true' ], [ 'reason', 'true' ] ], 'an_inv');
	my $health = '"health_threat": true, "tip": "t", "chief_notified_by": "phone"';
	foreach my $time ('-infinity', 'now', 'yesterday', 'epoch', 'allballs', '2022-05-01 10:00', '10:00', '2022-05-01')
	{
		is(asked('an_inv', search("'t'", qq({$health, "chief_notified_at": "$time"}))), 'NX317', "NS-32.6.2.3: the Chief was notified: \"$time\"");
	}
	is(asked('an_inv', "SET TimeZone = 'Pacific/Kiritimati'; " . search("'t'", qq({$health, "chief_notified_at": "2022-05-01 10:00-05"}))), '5',
		'NS-32.6.2.3: a time is one, whatever the time zone of the session');
	my $safe = '"health_threat": false';
	foreach my $blank ('', ' ', "\t", "\n", "\x{a0}", "\x{200b}", "\x{3000}", "\x{2800}", "\x{feff} \r")
	{
		my $name = join(' ', map { sprintf('U+%04X', ord) } split(//, $blank));
		utf8::encode(my $bytes = $blank);
		is(asked('an_inv', search("E'$bytes'", qq({$safe, "tip": "t"}))), 'NX317', "NM-VI.C: a reason that nobody can read: $name");
		my $json = join('', map { sprintf('\\u%04x', ord) } split(//, $blank));
		is(asked('an_inv', search("'t'", qq({$safe, "tip": "$json"}))), 'NX317', "NP-VI.A.4: a field that nobody can read: $name");
	}
	is(asked('an_inv', search("U&'\\0430\\0431'", qq({$safe, "tip": "\\u8a9e"}))), '5', 'and one in another script is one');
	value("SELECT facesnxt.create_agency('OV', 'OV'), facesnxt.open_case('OV', '22-1', 'robbery')");
	value(q~SELECT facesnxt.adopt_policy('OV', document => '{"title": "T", "rules": [{"rule": "case_assigned", "clause": "T-1", "force": "should", "value": true}],
		"purposes": [{"code": "criminal", "description": "d", "class": "criminal_justice", "clause": "T-P"}]}')~);
	value("CREATE ROLE ov_inv LOGIN; SELECT facesnxt.open_account('OV', 'ov_inv'); SELECT facesnxt.set_account_status('ov_inv', 'active', NULL)");
	is(asked('ov_inv', search("'t'", '{}', q~, overrides => '{"case_assigned": "\u00a0\n"}'~)), 'NX304', 'NM-IV.J: a rule set aside for a reason that nobody can read');
};

subtest 'what is no other evidence' => sub {
	agency('EV', '[]', [ [ 'not_sole_basis', '["arrest"]' ] ], 'ev_inv');
	asked('ev_inv', search("'evidence'"));
	my ($search, $person) = split /\|/, value("SELECT search_id, person_id FROM facesnxt.candidate JOIN facesnxt.search USING (search_id) WHERE reason = 'evidence' AND rank = 1");
	foreach my $kind ('face recognition', 'Face-Recognition hit', 'facial  recognition', 'FACE_SEARCH', 'facial match', 'FRT result', 'search result', 'FACES candidate-list', 'biometric search')
	{
		is(asked('ev_inv', "SELECT facesnxt.add_corroboration('$search', '$person', '$kind', 'report 1')"), 'NX356', "SP-I.C: a search corroborated by \"$kind\"");
	}
	foreach my $kind ('interviews', 'surveillance of the house', 'search of the house', 'photo line-up')
	{
		like(asked('ev_inv', "SELECT facesnxt.add_corroboration('$search', '$person', '$kind', 'report 1')"), qr/-/, "SP-I.C: but by \"$kind\"");
	}
};

subtest 'two first searches at once' => sub {
	agency('FI', '[]', [ [ 'subsequent', 'true' ] ], qw(fi_one fi_two));
	my $blocker = session($node, 'postgres');
	$blocker->query_safe('BEGIN; LOCK TABLE facesnxt.candidate IN EXCLUSIVE MODE');
	my @at_once = map { session($node, $_) } qw(fi_one fi_two);
	$_->query_until(qr/started/, "\\echo started\n" . search("'at once'") . ";\n") foreach @at_once;
	wait_for($node, 'both are being recorded', q~SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'facesnxt audit writer'~);
	select(undef, undef, undef, 0.3);
	$blocker->query_safe('COMMIT');
	$blocker->quit;
	$_->quit foreach @at_once;
	is(value("SELECT string_agg(coalesce(sqlstate, 'first'), ' ' ORDER BY sqlstate NULLS FIRST) FROM facesnxt.search WHERE reason = 'at once'"), 'first NX320',
		'MI-4.5.3.4: two first searches of a probe at once, by two accounts');
};

subtest 'papers of an exigent search' => sub {
	agency('EX', '["health_threat", "tip"]', [ [ 'exigent', '{"hours": 24, "papers": ["purpose_fields"]}' ], [ 'purpose_fields', 'true' ], [ 'chief_first', 'true' ] ], 'ex_inv');
	is(asked('ex_inv', search("'exigent'", '{"exigent": true, "threat": "plague"}')), '5', 'a search before its papers');
	my $papers = 'SELECT facesnxt.complete_papers(search_id, fields => %s) FROM facesnxt.my_exigent';
	is(asked('ex_inv', sprintf($papers, q~'{"tip": "t", "health_threat": true}'~)), 'NX391', 'NS-32.6.2.3: papers that say that the Chief was not notified');
	is(asked('ex_inv', sprintf($papers, q~'{"tip": "t", "health_threat": true, "chief_notified_by": "phone", "chief_notified_at": "2022-05-01 10:00Z"}'~)), '',
		'NS-32.6.2.3: and that the Chief was, before');
};

$node->stop;
done_testing();
