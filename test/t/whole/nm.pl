# North Miami, SOP 400.23, whole.
use strict;
use warnings;

use Facesnxt::Agency;
use Test::More;

my $search = lawful(case => '22-7', purpose => 'criminal_investigation', reason => 'robbery of May 3', fields => { attested => JSON::PP::true });
my $some = '{"ears": "similar", "nose": "different"}';
my $approve = "SELECT facesnxt.approve_registration('NM', '%s', '%s')";
my $found;

# after a search: who does what, in this order
my @way = (
	[ 'the comparison', 'nm_ann', "compare_candidate(%s, %1, 'possible match', '$some')" ],
	[ 'the match decision', 'nm_ann', 'decide_match(%s, true, %1)' ],
	[ 'the print', 'nm_bob', "add_corroboration(%s, %1, 'latent prints', 'lab 22-881')" ],
	[ 'the determination', 'nm_ann', "determine_identity(%s, %1, 'print of the right thumb')" ]);

subtest 'NM: from nothing to an account' => sub {
	roles(qw(nm_ann nm_bob nm_pat nm_sup nm_out nm_cmd nm_chief));
	acts('adm', [ 'an administrator prepares', <<'SQL' ]);
SELECT facesnxt.define_course('NM', 'FACESNXT online training'), facesnxt.publish_agreement('NM', 'Use it well.');
SELECT facesnxt.appoint('NM', 'supervisor', 'nm_sup', unit => 'Investigative Section'), facesnxt.appoint('NM', 'supervisor', 'nm_out', unit => 'Patrol');
SELECT facesnxt.appoint('NM', 'investigative_section_commander', 'nm_cmd'), facesnxt.appoint('NM', 'chief', 'nm_chief');
SELECT facesnxt.set_unit('NM', r, 'Investigative Section') FROM unnest('{nm_ann,nm_bob}'::regrole[]) r;
SELECT facesnxt.set_unit('NM', 'nm_pat', 'Patrol'), facesnxt.admit('nm_ann')
SQL
	acts('nm_ann',
		[ 'NM-III: no search without an account', $search->(), 'NX301', 'SP-IV.A.1' ],
		[ 'NM-V.A.2: no registration without approvals', "SELECT facesnxt.register_account('NM')", 'NX330', 'NM-V.A.2' ],
		[ 'NM-V.A.2: nor by one of her own', sprintf($approve, 'supervisor', 'nm_ann'), 'NX331' ]);
	acts('nm_out', [ 'NM-V.A.2: another unit\'s supervisor is not hers', sprintf($approve, 'supervisor', 'nm_ann'), 'NX331', 'NM-V.A.2' ]);
	acts('nm_sup',
		[ 'NM-V.A.2: a supervisor is not the Commander', sprintf($approve, 'investigative_section_commander', 'nm_ann'), 'NX331', 'NM-V.A.2' ],
		[ 'NM-V.A.2: the assigned supervisor approves', sprintf($approve, 'supervisor', 'nm_ann') ]);
	acts('nm_ann', [ 'NM-V.A.2: one approval is not two', "SELECT facesnxt.register_account('NM')", 'NX330', 'NM-V.A.2' ]);
	acts('nm_cmd', [ 'NM-V.A.2: the Commander approves', sprintf($approve, 'investigative_section_commander', 'nm_ann') ]);
	acts('nm_ann',
		[ 'NM-V.A.2: she registers', "SELECT facesnxt.register_account('NM')" ],
		[ 'NM-V.E.3: no search before the training', $search->(), 'NX302', 'NM-V.E.3' ],
		[ 'NM-V.E.3: nobody passes by saying so', "SELECT facesnxt.record_course('nm_ann', 'FACESNXT online training', 1, true)", 'NX331', 'NM-V.E.3' ]);
	acts('adm',
		[ 'NM-V.E.3: no administrator skips it', "SELECT facesnxt.set_account_status('nm_ann', 'active', NULL)", 'NX330', 'NM-V.E.3' ],
		[ 'NM-V.E.3: it is passed', "SELECT facesnxt.record_course('nm_ann', 'FACESNXT online training', 1, true)" ],
		[ 'NM-V.A.1: the agreement comes, too', "SELECT facesnxt.set_account_status('nm_ann', 'active', NULL)", 'NX330', 'NM-V.A.1' ]);
	acts('nm_ann',
		[ 'NM-V.A.1: no search before the agreement', $search->(), 'NX302', 'NM-V.E.3' ],
		[ 'NM-V.A.1: another version is none', 'SELECT facesnxt.accept_agreement(2)', 'NX336', 'NM-V.A.1' ],
		[ 'NM-V.A.1: she accepts the one in force', 'SELECT facesnxt.accept_agreement(version) FROM facesnxt.my_agreement' ]);
	is(value("SELECT string_agg(e.step, ' ' ORDER BY e.number) || ' ' || min(a.status) FROM facesnxt.account a JOIN facesnxt.account_event e USING (account_id)
		WHERE a.role = 'nm_ann'::regrole"), 'registered auto-grant active', 'NM-V.E.3: access is granted by the last step');

	# a colleague, and one of another unit
	acts('nm_sup', [ 'approved', sprintf($approve, 'supervisor', 'nm_bob') ]);
	acts('nm_out', [ 'approved', sprintf($approve, 'supervisor', 'nm_pat') ]);
	acts('nm_cmd', map { [ 'by both', sprintf($approve, 'investigative_section_commander', $_) ] } qw(nm_bob nm_pat));
	acts($_, [ "$_ registers", "SELECT facesnxt.register_account('NM'); SELECT facesnxt.accept_agreement(1)" ]) for qw(nm_bob nm_pat);
	acts('adm', [ 'trained', "SELECT facesnxt.record_course(r, 'FACESNXT online training', 1, true) FROM unnest('{nm_bob,nm_pat}'::regrole[]) r" ]);
};

subtest 'NM: from a case to a warrant' => sub {
	acts('nm_ann', [ 'NM-V.E.1: no search without memorandum', $search->(), 'NX315', 'NM-V.E.1' ]);
	acts('adm', [ 'NM-V.E.1: one with the Sheriff', "SELECT facesnxt.record_mou('NM', 'booking photos', '{sheriff}', now() + interval '1 year')" ]);
	acts('nm_ann', [ 'NM-V.E.1: opens no driver licences', $search->(), 'NX315', 'NM-V.E.1' ],
		[ 'NM-IX.A.2: and the case is not hers', $search->(repositories => 'booking'), 'NX304', 'NM-IX.A.2' ]);
	acts('adm',
		[ 'NM-V.E.1: the tri-party memorandum', "SELECT facesnxt.record_mou('NM', 'tri-party', '{dhsmv,sheriff}', now() + interval '1 year')" ],
		[ 'NM-IX.A.2: the case is assigned', "SELECT facesnxt.assign_case('NM', '22-7', 'nm_ann')" ]);
	my ($out, $due) = acts('nm_ann',
		[ 'NM-VIII.A.1: the search', $search->() ],
		[ 'NM-VI.C: what is due', "SELECT string_agg(DISTINCT what || ' ' || clause, ', ' ORDER BY what || ' ' || clause) FROM facesnxt.my_due" ]);
	$found = found($out);
	is($due, 'evaluation NM-VI.D, outcome NM-VI.C, report NM-VI.C, substantiation NM-VII.B', 'NM-VI.C: evaluation, report and outcome are due');
	acts('nm_ann',
		[ 'NM-VI.E: no warrant on the list alone', at($found, "request_action(%s, %1, 'arrest warrant')"), 'NX355', 'NM-VI.D' ],
		[ 'NM-IV.I: a field that is not kept', "SELECT * FROM facesnxt.view_candidate('$found->{search}', 1, '{street}')", 'NX396', 'NM-IV.I' ],
		[ 'NM-V.C: the list is looked at', "SELECT * FROM facesnxt.view_candidate('$found->{search}', 1, '{photo,name}')" ],
		[ 'NM-V.E.2: comparing identifies nobody', at($found, "compare_candidate(%s, %1, 'match')"), 'NX362', 'NM-VI.E' ],
		[ 'NM-IV.G.1: no match without comparison', at($found, 'decide_match(%s, true, %1)'), 'NX355', 'NM-VI.D' ],
		[ 'NM-VI.E: a list corroborates nothing', at($found, "add_corroboration(%s, %1, 'facial recognition', 'the list')"), 'NX356', 'NM-VI.E' ],
		[ 'NM-VI.D: nor does a rumour', at($found, "add_corroboration(%s, %1, 'rumour', 'bar')"), 'NX356', 'NM-VI.D' ],
		[ 'NM-VI.E: no identity by the list', at($found, "determine_identity(%s, %1, 'the score')"), 'NX357', 'NM-VI.E' ]);
	acts('nm_bob', [ 'NM-VI.D: a colleague does not evaluate', at($found, "compare_candidate(%s, %1, 'possible match')"), 'NX350', 'NM-VI.D' ]);
	goes($found, 'NM-VI.D', [ @way[ 0 .. 2 ] ]);
	acts('nm_bob', [ 'NM-V.E.2: a colleague does not determine', at($found, "determine_identity(%s, %1, 'print')"), 'NX350', 'NM-V.E.2' ]);
	goes($found, 'NM-V.E.2', [ $way[3] ]);
	acts('nm_ann',
		(map { [ "NM-VI.E: $_", at($found, "request_action(%s, %1, '$_', 'print')") ] } 'arrest warrant', 'search warrant', 'arrest'),
		[ 'NM-VI.C: a report says what was decided', at($found, "file_report(%s, 'CR 22-7', false)"), 'NX364', 'NM-VI.C' ],
		[ 'NM-VI.C: in a case report', at($found, "file_report(%s, 'CR 22-7', true, kind => 'memo')"), 'NX364', 'NM-VI.C' ],
		[ 'NM-VI.C: the case report', at($found, "file_report(%s, 'CR 22-7', true)") ],
		[ 'NM-VI.C: the outcome', at($found, "record_outcome(%s, 'lead confirmed', %1, 'print')") ],
		[ 'NM-IX.A.3: the results are handed over', at($found, "deliver_results(%s, 'nm_bob')") ],
		[ 'NM-IX.A.3: no export without recipient', "SELECT * FROM facesnxt.export_candidates('$found->{search}', ' ', 'subpoena', '{name}')", 'NX397', 'NM-IX.A.3' ],
		[ 'NM-IX.A.3: nor without ground', "SELECT * FROM facesnxt.export_candidates('$found->{search}', 'State Attorney', NULL, '{name}')", 'NX397', 'NM-IX.A.3' ],
		[ 'NM-IX.A.3: an export', "SELECT * FROM facesnxt.export_candidates('$found->{search}', 'State Attorney', 'subpoena', '{name}')" ]);
	is(value("SELECT count(*) FROM facesnxt.access_log WHERE clause = 'NM-V.C' AND acting_role = 'nm_ann' AND sqlstate IS NULL"), '2', 'NM-V.C: view and export are logged by the clause');
	my $none = found(scalar acts('nm_ann', [ 'NM-VI.C: a search that finds nobody', $search->(template => '[0,0,1]') ]));
	acts('nm_ann',
		[ 'NM-VI.C: is no positive one', at($none, "file_report(%s, 'CR 22-7', false)"), 'NX364', 'NM-VI.C' ],
		[ 'NM-VI.B.2: before that is decided', at($none, 'decide_match(%s, false)') ],
		[ 'NM-VI.C: and is reported as such', at($none, "file_report(%s, 'CR 22-7', false)") . '; ' . at($none, "record_outcome(%s, 'no match')") ],
		[ 'NM-VI.E: nobody is arrested', at($none, "request_action(%s, %1, 'arrest')"), 'NX355', 'NM-VI.D' ]);
	is(scalar acts('nm_ann', [ 'NM-VI.C: what is due', "SELECT count(*) FROM facesnxt.my_due" ]), '0', 'NM-VI.C: nothing is due any more');
};

subtest 'NM: what is refused of a search' => sub {
	acts('nm_ann',
		[ 'NM-VI.B.1: no case number', $search->(case => undef), 'NX303', 'NM-VI.B.1' ],
		[ 'NM-VI.B.1: an unknown one', $search->(case => 'N-1'), 'NX303', 'NM-VI.B.1' ],
		[ 'NM-IX.A.2: a closed case', $search->(case => '22-9'), 'NX304', 'NM-IX.A.2' ],
		[ 'NM-IX.A.2: somebody else\'s case', $search->(case => '22-8'), 'NX304', 'NM-IX.A.2' ],
		[ 'NM-IV.J: which a reason sets aside', $search->(case => '22-8', overrides => { case_assigned => 'on call' }) ],
		[ 'NM-IV.J: a blank is no reason', $search->(case => '22-8', overrides => { case_assigned => ' ' }), 'NX304', 'NM-IX.A.2' ],
		[ 'NM-IV.J: what is mandatory is not set aside', $search->(case => undef, overrides => { case_number => 'in a hurry' }), 'NX303', 'NM-VI.B.1' ],
		(map { [ "NM-II.b: $_ is not on the list", $search->(purpose => $_), 'NX305', 'NM-VIII.A' ] } qw(threat tip identity_fraud)),
		[ 'NM-IX.A.1: nor is personal use', $search->(purpose => 'personal'), 'NX305', 'NM-VIII.A' ],
		(map { [ "NM-VIII.A.{1,3,4,5}: $_ is", $search->(purpose => $_) ] } qw(internal_affairs needs_assistance deceased)),
		[ 'NM-VIII.A.2: which limb', $search->(purpose => 'lawfully_detained'), 'NX317', 'NM-VIII.A.2' ],
		[ 'NM-VIII.A.2: is said', $search->(purpose => 'lawfully_detained', fields => { limb => 'refuses to identify' }) ],
		[ 'NM-VI.C: no reason', $search->(reason => '  '), 'NX317', 'NM-VI.C' ],
		[ 'NM-IX.A.5: no attestation', $search->(fields => { attested => undef }), 'NX317', 'NM-IX.A.5' ],
		[ 'NM-IX.A.5: a false one', $search->(fields => { attested => JSON::PP::false }), 'NX317', 'NM-IX.A.5' ],
		[ 'NM-II.b: a field that there is not', $search->(fields => { mood => 'good' }), 'NX317', 'NM-VIII.A' ],
		[ 'NM-V.B: no probe', $search->(photo => 'NULL'), '22004' ],
		[ 'NM-IX.A.6: one to one passes the same gate', "SELECT * FROM facesnxt.verify_template('[1,0,0]', '22-7', 'personal', 'neighbour', gen_random_uuid(), '{\"attested\": true}')", 'NX305', 'NM-VIII.A' ]);
	is(value("SELECT set_aside->'case_assigned'->>'clause', set_aside->'case_assigned'->>'reason' FROM facesnxt.search WHERE acting_role = 'nm_ann' AND set_aside <> '{}'"),
		'NM-IX.A.2|on call', 'NM-IV.J: what was set aside is on record, with its reason');
	acts('nm_pat', [ 'NM-VI.A: another unit', $search->(overrides => { case_assigned => 'on call' }), 'NX316', 'NM-VI.A' ]);
	acts('nm_cmd', [ 'NM-VI.A: the Commander makes no exception', "SELECT facesnxt.grant_unit_exception('nm_pat', now() + interval '1 day', 'help')", 'NX331', 'NM-VI.A' ]);
	acts('nm_chief',
		[ 'NM-VI.A: nor is there one without term', "SELECT facesnxt.grant_unit_exception('nm_pat', NULL, 'help')", 'NX341', 'NM-VI.A' ],
		[ 'NM-VI.A: the Chief makes one', "SELECT facesnxt.grant_unit_exception('nm_pat', now() + interval '1 day', 'task force')" ]);
	acts('nm_pat', [ 'NM-VI.A: under which he searches', $search->(overrides => { case_assigned => 'on call' }) ]);
	# the raw door, which is open while the policy lets it be
	my $raw = "SELECT reference_id, template OPERATOR(facesnxt.<=>) '[1,0,0]' FROM facesnxt.reference ORDER BY template OPERATOR(facesnxt.<=>) '[1,0,0]' LIMIT 3";
	my $open = "SELECT facesnxt.open_search(%s, 'criminal_investigation', 'robbery of May 3', '{\"attested\": %s}')";
	value('GRANT facesnxt_integrator TO nm_ann');
	acts('nm_ann',
		[ 'NM-V.E.4: a raw statement outside a search', $raw, 'NX370' ],
		[ 'NM-VI.B.1: no search is open without case number', sprintf($open, 'NULL', 'true'), 'NX303', 'NM-VI.B.1' ],
		[ 'NM-IX.A.5: nor without attestation', sprintf($open, "'22-7'", 'false'), 'NX317', 'NM-IX.A.5' ],
		[ 'NM-V.E.4: an open search', sprintf($open, "'22-7'", 'true') ],
		[ 'NM-V.E.4: lets a raw statement pass', $raw ],
		[ 'NM-V.E.4: and no other one', 'SELECT count(*) FROM facesnxt.reference', 'NX371' ]);
	my $stays = psql('nm_ann');
	$stays->query_safe(sprintf($open, "'22-7'", 'true'));
	acts('adm', [ 'NM-V.E.1: the memorandum ends', "SELECT facesnxt.end_mou(mou_id, 'terminated') FROM facesnxt.mou WHERE title = 'tri-party'" ]);
	is($stays->query($raw), '', 'NM-V.E.1: which ends what an open search lets pass');
	$stays->quit;
	is(value("SELECT sqlstate, clause, acting_role FROM facesnxt.raw_statement ORDER BY recorded_at DESC LIMIT 1"), 'NX315|NM-V.E.1|nm_ann', 'NM-V.E.1: and that is on record');
	acts('nm_ann', [ 'NM-V.E.1: and closes driver licences', $search->(repositories => 'driver_licence'), 'NX315', 'NM-V.E.1' ]);
	acts('adm',
		[ 'NM-V.E.1: a new one', "SELECT facesnxt.record_mou('NM', 'anew', '{dhsmv,sheriff}', now() + interval '1 year')" ],
		[ 'NM-V.A.1: a new agreement', "SELECT facesnxt.publish_agreement('NM', 'Use it better.')" ]);
	acts('nm_ann',
		[ 'NM-V.A.1: stops the search', $search->(), 'NX314', 'NM-V.A.1', 'NM-V.E.3' ],
		[ 'NM-V.A.1: until it is accepted', 'SELECT facesnxt.accept_agreement(2)' ],
		[ 'NM-V.A.1: then she searches', $search->() ]);
	acts('adm',
		[ 'NM-IV.A: no reference of who is not identified', "SELECT facesnxt.enrol_template('[1,0,0]', facesnxt.create_person('X'), 'booking', 'unknown')", 'NX395', 'NM-IV.A' ],
		[ 'NM-IV.I: no street', "SELECT facesnxt.describe_person(facesnxt.create_person('Y'), '{\"street\": \"Main St 1\"}')", 'NX396', 'NM-IV.I' ]);
};

subtest 'NM: what is refused of an action' => sub {
	my @refusals = (
		[ 'the match decision', 'NX355', 'NM-VI.D', 'the determination' ],
		[ 'the print', 'NX357', 'NM-VI.E', 'the determination' ],
		[ 'the determination', 'NX358', 'NM-V.E.2' ]);
	foreach my $refusal (@refusals)
	{
		my ($missing, $code, $clause, @after) = @$refusal;
		my $made = found(scalar acts('nm_ann', [ "NM-VI.E: a search, and all but $missing", $search->() ]));
		goes($made, 'NM-VI.E', \@way, $missing, @after);
		acts('nm_ann', map { [ "$clause: without $missing no $_", at($made, "request_action(%s, %1, '$_')"), $code, $clause ] }
			'arrest', 'arrest warrant', 'search warrant');
	}
	acts('nm_ann',
		[ 'NM-VI.E: nor of another candidate', at($found, "request_action(%s, %2, 'arrest')"), 'NX355', 'NM-VI.D' ],
		[ 'NM-VI.D: a second look', at($found, "compare_candidate(%s, %1, 'excluded')") ],
		[ 'NM-VI.B.2: ends the match', at($found, "request_action(%s, %1, 'arrest')"), 'NX355', 'NM-VI.D' ]);
};

subtest 'NM: the end of an account' => sub {
	my $violation = "SELECT facesnxt.report_violation('nm_bob', 'personal use', 'searched for a neighbour')";
	acts('nm_cmd', [ 'NM-VII.E: the Commander suspends', "SELECT facesnxt.suspend_account('nm_bob', 'inquiry')" ]);
	value('GRANT nm_bob, nm_pat TO gateway');
	swept();
	acts('gateway', [ 'NM-VII.E: nobody searches as the suspended account', 'SET ROLE nm_bob; ' . $search->(), 'NX302', 'NM-VII.E' ]);
	acts('adm', [ 'NM-VII.E: it is let in again', "SELECT facesnxt.set_account_status('nm_bob', 'active', NULL)" ]);
	acts('nm_bob',
		[ 'NM-V.A.1: lacking the agreement that came meanwhile', $search->(overrides => { case_assigned => 'on call' }), 'NX314', 'NM-V.A.1', 'NM-V.E.3' ],
		[ 'NM-V.A.1: which is accepted', 'SELECT facesnxt.accept_agreement(2)' ],
		[ 'NM-VII.E: then it searches', $search->(overrides => { case_assigned => 'on call' }) ]);
	acts('nm_sup', [ 'NM-VII.E: a supervisor does not revoke', "SELECT facesnxt.revoke_account('nm_bob', 'misuse')", 'NX331', 'NM-VII.E' ]);
	my @out = acts('nm_cmd',
		[ 'NM-VII.E: nor is "no need" a listed reason here', "SELECT facesnxt.revoke_account('nm_bob', 'no need')", 'NX338', 'NM-VII.E' ],
		[ 'NM-VII.E.3: misuse refers to a violation', "SELECT facesnxt.revoke_account('nm_bob', 'misuse')", 'NX338', 'NM-VII.E' ],
		[ 'NM-V.D: which is recorded', $violation ]);
	acts('nm_cmd', [ 'NM-IX.A.7: the Commander revokes', "SELECT facesnxt.revoke_account('nm_bob', 'misuse', violation_id => '$out[2]')" ]);
	acts('adm', [ 'NM-VII.E.2: a move into another unit', "SELECT facesnxt.set_unit('NM', 'nm_pat', 'Investigative Section'), facesnxt.set_unit('NM', 'nm_pat', 'Traffic')" ]);
	is(value("SELECT string_agg(status, ' ') FROM facesnxt.account WHERE role = ANY ('{nm_bob,nm_pat}'::regrole[])"), 'revoked revoked', 'NM-VII.E: both are cut off');
	swept();
	acts('gateway', map { [ "NM-VII.E: nobody searches as $_", "SET ROLE $_; " . $search->(), 'NX302', 'NM-VII.E' ] } qw(nm_bob nm_pat));

	# two more, for the other reasons
	roles(qw(nm_cal nm_dee));
	acts('adm', [ 'two more join', "SELECT facesnxt.set_unit('NM', r, 'Investigative Section') FROM unnest('{nm_cal,nm_dee}'::regrole[]) r" ]);
	acts('nm_sup', map { [ 'are approved', sprintf($approve, 'supervisor', $_) ] } qw(nm_cal nm_dee));
	acts('nm_cmd', map { [ 'by both', sprintf($approve, 'investigative_section_commander', $_) ] } qw(nm_cal nm_dee));
	acts($_, [ 'register', "SELECT facesnxt.register_account('NM'); SELECT facesnxt.accept_agreement(2)" ]) for qw(nm_cal nm_dee);
	acts('adm', [ 'are trained', "SELECT facesnxt.record_course(r, 'FACESNXT online training', 1, true) FROM unnest('{nm_cal,nm_dee}'::regrole[]) r" ]);
	my $made = found(scalar acts('nm_dee', [ 'and search', $search->(overrides => { case_assigned => 'on call' }) ]));
	@out = acts('nm_cmd',
		[ 'NM-VII.E.1: separation', "SELECT facesnxt.revoke_account('nm_cal', 'separation')" ],
		[ 'NM-IX.A.7: a search of somebody else is no evidence', "SELECT facesnxt.report_violation('nm_dee', 'dissemination', 'x', '$found->{search}')", 'NX338' ],
		[ 'NM-IX.A.7: the search that was given away is', "SELECT facesnxt.report_violation('nm_dee', 'dissemination', 'sent to a friend', '$made->{search}')" ],
		[ 'NM-VII.E.4: dissemination names its violation', "SELECT facesnxt.revoke_account('nm_dee', 'dissemination')", 'NX338', 'NM-VII.E' ]);
	acts('nm_cmd', [ 'NM-VII.E.4: and ends the account', "SELECT facesnxt.revoke_account('nm_dee', 'dissemination', violation_id => '$out[2]')" ]);
	value('GRANT nm_cal, nm_dee TO gateway');
	swept();
	acts('gateway', map { [ "NM-VII.E: nobody searches as $_", "SET ROLE $_; " . $search->(), 'NX302', 'NM-VII.E' ] } qw(nm_cal nm_dee));
	acts('gateway', [ 'NM-VII.E: nor acts', 'SET ROLE nm_bob; ' . at($found, "request_action(%s, %1, 'arrest')"), 'NX302', 'NM-VII.E' ]);
};

1;
