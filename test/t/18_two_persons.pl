# One person where the policy asks for two: two offices, two roles, a gateway,
# an old snapshot, or two sessions at once.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Facesnxt;
use Test::More;

my $node = new_node('two_persons', conf => "max_worker_processes = 16\n");

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

sub refused
{
	my ($role, $sql, $code, $what) = @_;
	my ($status, $out, $err) = as_role($node, $role, $sql);
	like($err, qr/ERROR:  (?:$code)/, $what);
	return;
}

sub does
{
	my ($role, $sql, $what) = @_;
	my ($status, $out, $err) = as_role($node, $role, $sql);
	is($err =~ s/^(.*NOTICE.*|HINT.*|LOCATION.*)$//mgr =~ s/\s+//gr, '', $what);
	return $out;
}

# An agency with a case and a policy of these rules.
sub agency
{
	my ($code, @rules) = @_;
	my $rules = join(', ', map { qq({"rule": "$_->[0]", "clause": "T-$_->[0]", "value": $_->[1]}) } @rules);
	value(<<SQL);
SELECT facesnxt.create_agency('$code', '$code'), facesnxt.open_case('$code', '22-1', 'robbery'), facesnxt.open_case('$code', '22-2', 'robbery');
SELECT facesnxt.adopt_policy('$code', document => '{"title": "T", "rules": [$rules],
	"purposes": [{"code": "criminal", "description": "d", "class": "criminal_justice", "clause": "T-P"}]}');
SQL
	return;
}

# Roles with active accounts.
sub accounts
{
	my ($code, @roles) = @_;
	foreach my $role (@roles)
	{
		value("CREATE ROLE $role LOGIN; SELECT facesnxt.open_account('$code', '$role'); SELECT facesnxt.set_account_status('$role', 'active', NULL)");
	}
	return;
}

value('CREATE ROLE gateway LOGIN; CREATE ROLE adm2 LOGIN; GRANT facesnxt_admin TO adm2');

subtest 'policy' => sub {
	# one person: her own role, and one that she administers by
	value('CREATE ROLE pia LOGIN; CREATE ROLE pia_adm; GRANT facesnxt_admin TO pia_adm; GRANT pia_adm TO pia; GRANT pia TO gateway');
	my $id = does('pia', q~SET ROLE pia_adm; SELECT facesnxt.propose_policy('NM', '{"title": "mine", "purposes": [], "rules": []}')~, 'she proposes by one role');
	refused('gateway', "SET ROLE pia; SELECT facesnxt.decide_policy('$id', true)", 'NX311', 'a policy decided on by whoever had logged on to propose it, behind a gateway');
	$id = does('gateway', q~SET ROLE pia; SELECT facesnxt.propose_policy('NM', '{"title": "mine", "purposes": [], "rules": []}')~, 'or behind a gateway');
	refused('pia', "SET ROLE pia_adm; SELECT facesnxt.decide_policy('$id', true)", 'NX311', 'a policy decided on by whoever proposed it, under another role');
	does('adm2', "SELECT facesnxt.decide_policy('$id', false)", 'somebody else decides');
	$id = does('adm', q~SELECT facesnxt.propose_policy('NM', '{"title": "late", "purposes": [], "rules": []}')~, 'another one');
	refused('adm2', "BEGIN; SELECT pg_sleep(0.1); SELECT facesnxt.decide_policy('$id', true, NULL, now())", 'NX313', 'a policy in force since before it was decided on');
};

subtest 'approvals' => sub {
	agency('AP', [ 'registration_approvals', '["supervisor"]' ]);
	value('CREATE ROLE ap_both LOGIN; CREATE ROLE ap_other LOGIN; CREATE ROLE ap_new LOGIN; CREATE ROLE ap_old LOGIN');
	value("SELECT facesnxt.appoint('AP', o, 'ap_both') FROM unnest('{supervisor,investigative_section_commander}'::text[]) o; SELECT facesnxt.appoint('AP', 'supervisor', 'ap_other')");
	does('ap_both', "SELECT facesnxt.approve_registration('AP', 'supervisor', 'ap_old')", 'approved while one approval is enough');
	does('ap_old', "SELECT facesnxt.register_account('AP')", 'and registered');
	value("SELECT facesnxt.set_account_status('ap_old', 'active', NULL)");
	my $id = does('adm', q~SELECT facesnxt.propose_policy('AP', '{"title": "T2", "purposes": [], "rules": [{"rule": "registration_approvals",
		"clause": "NM-V.A.2", "value": ["supervisor", "investigative_section_commander"]}]}')~, 'two are asked for');
	does('adm2', "SELECT facesnxt.decide_policy('$id', true)", 'from now on');
	refused('ap_both', "SELECT facesnxt.approve_registration('AP', 'investigative_section_commander', 'ap_old')", 'NX331',
		'NM-V.A.2: the second approval by the same person, made up for after a change of policy');

	# a snapshot from before the first approval
	my $old = session($node, 'ap_both');
	$old->query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class LIMIT 1;");
	does('ap_both', "SELECT facesnxt.approve_registration('AP', 'supervisor', 'ap_new')", 'an approval');
	$old->query("SELECT facesnxt.approve_registration('AP', 'investigative_section_commander', 'ap_new'); COMMIT;");
	$old->quit;
	is(value("SELECT count(*) FROM facesnxt.registration_approval WHERE applicant = 'ap_new'::regrole"), '1',
		'NM-V.A.2: the second approval by the same person, in a snapshot that does not know the first');
};

subtest 'licences and offices in an old snapshot' => sub {
	agency('LI', [ 'licences', '1' ], [ 'activation_by', '"chief"' ]);
	value("CREATE ROLE $_ LOGIN; SELECT facesnxt.open_account('LI', '$_')") foreach qw(li_one li_two);
	value("CREATE ROLE $_ LOGIN") foreach qw(li_chief li_chief2 li_chief3);
	value("SELECT facesnxt.appoint('LI', 'chief', 'li_chief')");
	my $old = session($node, 'li_chief');
	$old->query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class LIMIT 1;");
	does('li_chief', "SELECT facesnxt.decide_account('li_one', true)", 'the last licence');
	$old->query("SELECT facesnxt.decide_account('li_two', true); COMMIT;");
	$old->quit;
	is(value("SELECT count(*) FROM facesnxt.account WHERE agency_id = facesnxt.agency_named('LI') AND status = 'active'"), '1',
		'NP-VI.C.2.c.note: a licence granted twice, in a snapshot that does not know the first');

	$old = session($node, 'adm');
	$old->query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class LIMIT 1;");
	does('adm2', "SELECT facesnxt.appoint('LI', 'chief', 'li_chief2')", 'a new chief');
	$old->query("SELECT facesnxt.appoint('LI', 'chief', 'li_chief3'); COMMIT;");
	$old->quit;
	is(value("SELECT string_agg(role::text, ' ') FROM facesnxt.office_holder WHERE agency = 'LI' AND office = 'chief'"), 'li_chief2',
		'NS-D.3: two holders of an office with one, in a snapshot that does not know the first');
};

subtest 'an office of somebody who was cut off' => sub {
	agency('OF', [ 'unit_exception_by', '"supervisor"' ], [ 'units', '["crime"]' ]);
	accounts('OF', 'of_sup', 'of_inv');
	value("SELECT facesnxt.appoint('OF', 'supervisor', 'of_sup'); GRANT of_sup TO gateway");
	does('gateway', "SET ROLE of_sup; SELECT facesnxt.grant_unit_exception('of_inv', now() + interval '1 day', 'needed')", 'a supervisor lets somebody search');
	refused('gateway', "SET ROLE of_sup; SELECT facesnxt.grant_unit_exception('of_inv', 'infinity', 'needed')", 'NX341', 'NM-VI.A: an exception without a term');
	value("SELECT facesnxt.revoke_account('of_sup', 'misuse')");
	refused('gateway', "SET ROLE of_sup; SELECT facesnxt.grant_unit_exception('of_inv', now() + interval '1 day', 'needed')", 'NX331',
		'NM-VII.E: a revoked person acts in an office, behind a gateway');
	refused('adm', "SELECT facesnxt.record_mou('OF', 'for ever', '{sheriff}', 'infinity')", 'NX341', 'NM-V.E.1: a memorandum without a term');

	# who is suspended administers nothing meanwhile
	accounts('OF', 'of_adm');
	value("GRANT facesnxt_admin TO of_adm; GRANT of_adm TO gateway");
	does('gateway', "SET ROLE of_adm; SELECT facesnxt.open_case('OF', '22-3', 'robbery')", 'an administrator opens a case');
	value("SELECT facesnxt.suspend_account('of_adm', 'inquiry')");
	refused('gateway', "SET ROLE of_adm; SELECT facesnxt.open_case('OF', '22-4', 'robbery')", '42501', 'SP-IV.A.2: a suspended administrator, behind a gateway');
	value("SELECT facesnxt.set_account_status('of_adm', 'active', 'cleared')");
	does('gateway', "SET ROLE of_adm; SELECT facesnxt.open_case('OF', '22-4', 'robbery')", 'and is one again');
};

subtest 'the desk' => sub {
	agency('DE', [ 'request_desk', 'true' ]);
	accounts('DE', qw(de_ask de_rtcc));
	value('GRANT de_ask, de_rtcc TO gateway; GRANT de_rtcc TO de_ask');
	# the request as the writer keeps it
	my $request = sub {
		my ($account, $session) = @_;
		return value(<<SQL);
INSERT INTO facesnxt.search_request (agency_id, account_id, requested_by, session_role, session_oid, case_number, incident_type)
SELECT a.agency_id, a.account_id, '$account', '$session', '$session'::regrole, '22-1', 'robbery' FROM facesnxt.account a WHERE a.role = '$account'::regrole
RETURNING request_id
SQL
	};
	my $search = sub {
		return "SELECT count(*) FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', 'desk', candidates => 5, fields => '{\"request\": \"$_[0]\"}')";
	};
	refused('gateway', 'SET ROLE de_rtcc; ' . $search->($request->('de_ask', 'de_rtcc')), 'NX319',
		'MI-4.5.3.1: asked for by whoever searches, under another role, and searched behind a gateway');
	refused('de_ask', 'SET ROLE de_rtcc; ' . $search->($request->('de_ask', 'gateway')), 'NX319',
		'MI-4.5.3.1: asked for behind a gateway, and searched by whoever asked, under another role');
	is(does('gateway', 'SET ROLE de_rtcc; ' . $search->($request->('de_ask', 'gateway')), 'a gateway'), '5', 'MI-4.5.3.1: serves two persons');
};

subtest 'a blind review' => sub {
	agency('BL', [ 'blind_review', 'true' ]);
	accounts('BL', qw(bl_inv bl_first bl_second bl_friend));
	value('GRANT bl_second TO bl_first; GRANT bl_friend TO bl_second');
	as_role($node, 'bl_inv', "SELECT count(*) FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', 'blind', candidates => 5)");
	my ($search, $person) = split /\|/, value("SELECT search_id, person_id FROM facesnxt.candidate JOIN facesnxt.search USING (search_id) WHERE reason = 'blind' AND rank = 1");
	does('bl_first', "SELECT facesnxt.compare_candidate('$search', '$person', 'possible match')", 'the first comparison');
	my $review = does('bl_inv', "SELECT facesnxt.ask_review('$search', '$person', 'bl_second')", 'another person is asked');
	is(does('bl_second', "SET ROLE bl_friend; SELECT count(*) FROM facesnxt.my_comparisons WHERE search_id = '$search'", 'the reviewer looks'), '0',
		'SP-III.F: a reviewer sees the first conclusion under another role');
	refused('bl_first', "SET ROLE bl_second; SELECT facesnxt.give_review('$review', 'possible match')", 'NX354',
		'SP-III.F: a review by whoever compared first, under another role');
	does('bl_second', "SELECT facesnxt.give_review('$review', 'possible match')", 'and by the one who was asked');
};

subtest 'a search moved into a case of one\'s own' => sub {
	agency('CA', [ 'evaluator', '["lead_investigator"]' ], [ 'case_number', '"if applicable"' ]);
	accounts('CA', qw(ca_desk ca_lead ca_thief));
	value("SELECT facesnxt.assign_case('CA', '22-1', 'ca_lead', 'lead_investigator'), facesnxt.assign_case('CA', '22-2', 'ca_thief', 'lead_investigator')");
	as_role($node, 'ca_desk', "SELECT count(*) FROM facesnxt.search_template('[1,0,0]', NULL, 'criminal', 'moved', candidates => 5)");
	my $search = value("SELECT search_id FROM facesnxt.search WHERE reason = 'moved'");
	does('ca_desk', "SELECT facesnxt.link_case('$search', '22-1')", 'the search is put into its case');
	as_role($node, 'ca_thief', "SELECT facesnxt.link_case('$search', '22-2')");
	refused('ca_thief', "SELECT facesnxt.decide_match('$search', false)", 'NX350', 'MI-4.3.4.1.a: evaluated by the lead investigator of a case that it was moved to');
	does('ca_lead', "SELECT facesnxt.decide_match('$search', false)", 'MI-4.3.4.1.a: the one of its case still evaluates');
};

$node->stop;
done_testing();
