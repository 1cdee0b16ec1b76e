# North Port, SOP 302.02, whole.
use strict;
use warnings;

use Facesnxt::Agency;
use Test::More;

my $search = lawful(case => '22-7', purpose => 'active_investigation', reason => 'robbery of May 3',
	fields => { attested => JSON::PP::true, capture_basis => 'camera of a shop' });
my @kinds = ('arrest', 'arrest warrant', 'search warrant', 'line-up', 'witness contact', 'next-of-kin notice', 'other');
my @fill = map { "np_fill_$_" } 1 .. 6;
my $found;

# after a search: who does what, in this order
my @way = (
	[ 'the comparison', 'np_off', "compare_candidate(%s, %1, 'possible match', '{\"ears\": \"similar\"}')" ],
	[ 'the evaluation', 'np_off', 'decide_match(%s, true, %1)' ],
	[ 'the telephone', 'np_ann', "add_corroboration(%s, %1, 'telephone record', 'exhibit 4')" ],
	[ 'the confirmation', 'np_off', "determine_identity(%s, %1, 'telephone record')" ],
	[ 'the supervisor', 'np_sup', "confirm_corroboration(%s, %1, 'seen')" ]);

subtest 'NP: from nothing to an account' => sub {
	my $approve = "SELECT facesnxt.approve_registration('NP', 'supervisor', '%s')";
	roles(qw(np_ann np_off np_pat np_sup np_sup_two np_wait), @fill);
	acts('adm', [ 'an administrator prepares', <<'SQL' ]);
SELECT facesnxt.define_course('NP', 'FACESNXT online training'), facesnxt.appoint('NP', 'supervisor', 'np_sup'), facesnxt.appoint('NP', 'supervisor', 'np_sup_two');
SELECT facesnxt.set_unit('NP', r, 'Investigative Units') FROM unnest('{np_ann,np_off}'::regrole[]) r;
SELECT facesnxt.set_unit('NP', 'np_pat', 'Patrol'), facesnxt.admit('np_ann')
SQL
	acts('np_ann',
		[ 'NP-VI.D.2.a: no search without an account', $search->(), 'NX301', 'SP-IV.A.1' ],
		[ 'NP-VI.D.2.a: no registration without the supervisor\'s approval', "SELECT facesnxt.register_account('NP')", 'NX330', 'NP-VI.D.2.a' ]);
	acts('np_sup',
		[ 'NP-VI.D.2.a: no supervisor approves for himself', sprintf($approve, 'np_sup'), 'NX331', 'NP-VI.D.2.a' ],
		[ 'NP-VI.D.2.a: the supervisor approves', sprintf($approve, 'np_ann') ]);
	acts('np_ann',
		[ 'NP-VI.D.2.a: she registers', "SELECT facesnxt.register_account('NP')" ],
		[ 'NP-VI.D.2.b: no search before the training', $search->(), 'NX302', 'NP-VI.D.2' ],
		[ 'NP-VI.C.3.b: nobody passes by saying so', "SELECT facesnxt.record_course('np_ann', 'FACESNXT online training', 1, true)", 'NX331', 'NP-VI.C.3.b' ]);
	acts('adm',
		[ 'NP-VI.C.3.b: no administrator skips it', "SELECT facesnxt.set_account_status('np_ann', 'active', NULL)", 'NX330', 'NP-VI.C.3.b' ],
		[ 'NP-VI.D.2.b: it is passed', "SELECT facesnxt.record_course('np_ann', 'FACESNXT online training', 1, true)" ]);
	is(value("SELECT string_agg(e.step, ' ' ORDER BY e.number) || ' ' || min(a.status) FROM facesnxt.account a JOIN facesnxt.account_event e USING (account_id)
		WHERE a.role = 'np_ann'::regrole"), 'registered auto-grant active', 'NP-VI.D.2.b: access is granted by the last step');

	# case officer, supervisor, one of another unit, and those who fill the pool of licences
	acts('np_sup_two', map { [ "$_ is approved", sprintf($approve, $_) ] } qw(np_off np_pat np_sup np_wait), @fill);
	acts($_, [ "$_ registers", "SELECT facesnxt.register_account('NP')" ]) for qw(np_off np_pat np_sup np_wait), @fill;
	acts('adm',
		[ 'ten are trained', "SELECT facesnxt.record_course(r, 'FACESNXT online training', 1, true) FROM unnest('{np_off,np_pat,np_sup," . join(',', @fill) . "}'::regrole[]) r" ],
		[ 'NP-VI.C.2.c: the eleventh is, too', "SELECT facesnxt.record_course('np_wait', 'FACESNXT online training', 1, true)" ],
		[ 'NP-VI.C.2.c: and there is no licence', "SELECT facesnxt.set_account_status('np_wait', 'active', NULL)", 'NX337', 'NP-VI.C.2.c' ],
		[ 'NP-VI.C.2.c.note: nobody is idle', "SELECT 1 / (facesnxt.sweep_inactive('NP') = 0)::int" ]);
	acts('np_wait', [ 'NP-VI.C.2.c: nor a search', $search->(), 'NX302', 'NP-VI.D.2' ]);
	# as if one had not searched for a quarter
	value("UPDATE facesnxt.account SET status_at = status_at - interval '91 days' WHERE role = 'np_fill_6'::regrole");
	acts('adm',
		[ 'NP-VI.C.2.c.note: who is, is removed', "SELECT 1 / (facesnxt.sweep_inactive('NP') = 1)::int" ],
		[ 'NP-VI.C.2.c.note: for good', "SELECT facesnxt.set_account_status('np_fill_6', 'active', NULL)", 'NX302' ]);
	is(value("SELECT string_agg(role || ' ' || status, ', ' ORDER BY role::text) FROM facesnxt.account WHERE role = ANY ('{np_fill_6,np_wait}'::regrole[])"),
		'np_fill_6 revoked, np_wait active', 'NP-VI.C.2.c.note: and the licence is reissued');
};

subtest 'NP: from a case to an arrest' => sub {
	acts('adm', [ 'NP-V.3: the case has its officer', "SELECT facesnxt.assign_case('NP', '22-7', 'np_off', 'case_officer')" ]);
	my @out = acts('np_ann',
		[ 'NP-VI.B.5: the photograph, and on what basis it was taken', "SELECT encode(facesnxt.register_probe(jpeg(20), 'shop', 'security camera'), 'hex')" ],
		[ 'NP-VI.B.5: none without', "SELECT facesnxt.register_probe(jpeg(21), 'street', 'none')", 'NX394', 'NP-VI.B.5' ],
		[ 'NP-VI.B.2.b: an enhancement is a copy', "SELECT facesnxt.derive_probe(sha256(jpeg(20)), jpeg(20), 'brighten', '{}', 'editor')", 'NX393', 'NP-VI.B.2.b' ],
		[ 'NP-VI.B.2.c: that says what was done', "SELECT facesnxt.derive_probe(sha256(jpeg(20)), jpeg(22), '', '{}', 'editor')", 'NX393', 'NP-VI.B.2.c' ],
		[ 'NP-VI.B.2.c: the copy', "SELECT facesnxt.derive_probe(sha256(jpeg(20)), jpeg(22), 'brighten', '{\"gain\": 2}', 'editor')" ],
		[ 'NP-VI.B.2.a: the original is not altered', "UPDATE facesnxt.probe SET image = jpeg(23)", '42501' ],
		[ 'NP-VI.A.3.note: without consent two explanations', "SELECT facesnxt.record_consent(sha256(jpeg(20)), false, 'street', 'unconscious')", 'NX394', 'NP-VI.A.3.note' ],
		[ 'NP-VI.B.4: consent', "SELECT facesnxt.record_consent(sha256(jpeg(20)), true, 'street')" ],
		[ 'NP-VI.A.2: the search', $search->() ]);
	fails('postgres', 'NP-VI.B.2.a: not by the owner either', 'UPDATE facesnxt.probe SET image = jpeg(23)', 'NX309');
	$found = found($out[-1]);
	is(scalar @{ $found->{person} }, 4, 'NP-V.2: four leads');
	acts('np_ann',
		[ 'NM-V.C: the list is looked at', "SELECT * FROM facesnxt.view_candidate('$found->{search}', 1, '{name}')" ],
		[ 'NP-V.3: the searcher is not the case officer', at($found, "compare_candidate(%s, %1, 'possible match')"), 'NX350', 'NP-V.3' ],
		[ 'NP-V.3: nor decides', at($found, 'decide_match(%s, true, %1)'), 'NX350', 'NP-V.3' ],
		[ 'NP-V.3: no action before the evaluation', at($found, "request_action(%s, %1, 'other')"), 'NX355', 'NP-V.3' ]);
	acts('np_off',
		[ 'NP-VI.B.1: comparing identifies nobody', at($found, "compare_candidate(%s, %1, 'identified')"), 'NX362', 'NP-VI.B.1' ],
		[ 'NP-V.3: no match without comparison', at($found, 'decide_match(%s, true, %1)'), 'NX355', 'NP-V.3' ],
		[ 'NP-VI.B.1: a list corroborates nothing', at($found, "add_corroboration(%s, %1, 'face comparison', 'x')"), 'NX356', 'NP-VI.B.1' ],
		[ 'NP-VI.B.1: no identity by the list', at($found, "determine_identity(%s, %1, 'the list')"), 'NX357', 'NP-VI.B.1' ]);
	goes($found, 'NP-VI.C.1', [ @way[ 0 .. 2 ] ]);
	acts('np_ann', [ 'NP-VI.B.3: the searcher does not confirm the match', at($found, "determine_identity(%s, %1, 'telephone record')"), 'NX350', 'NP-VI.B.3' ]);
	goes($found, 'NP-VI.B.3', [ $way[3] ]);
	acts('np_off',
		[ 'NP-VI.C.1: the case officer is no supervisor', at($found, "confirm_corroboration(%s, %1)"), 'NX350', 'NP-VI.C.1' ],
		map { [ "NP-VI.C.1: no $_ before the supervisor", at($found, "request_action(%s, %1, '$_')"), 'NX359', 'NP-VI.C.1' ] } @kinds);
	acts('np_ann', [ 'NP-VI.C.1: the searcher does not confirm', at($found, "confirm_corroboration(%s, %1)"), 'NX360', 'NP-VI.C.1' ]);
	goes($found, 'NP-VI.C.1', [ $way[4] ]);
	acts('np_off',
		(map { [ "NP-VI.C.1: $_", at($found, "request_action(%s, %1, '$_', 'telephone record')") ] } @kinds),
		[ 'NP-VI.B.3: the lead is confirmed', at($found, "record_outcome(%s, 'lead confirmed', %1, 'telephone record')") ],
		[ 'NP-VI.B.3: a report', at($found, "file_report(%s, 'NP 22-7', true)") ]);
	acts('np_ann', [ 'NP-VI.B.3: the results are handed over', at($found, "deliver_results(%s, 'np_off')") ]);
};

subtest 'NP: what is refused of a search' => sub {
	my %limbs = (a => 'has committed a crime', b => 'is involved in one', c => 'is planning one');
	my %asks = (
		reasonable_suspicion => [ 'NP-VI.A.1', { suspicion => 'seen at the door', limb => 'is involved in one' } ],
		unable_to_identify => [ 'NP-VI.A.3', { limb => 'incapacitated' } ],
		tip => [ 'NP-VI.A.4', { tip => 'a call of May 4' } ],
		identity_fraud => [ 'NP-VI.A.5', { conflicting_documents => 'two licences' } ],
		critical_incident => [ 'NP-VI.A.7', { incident => 'a barricade' } ],
		concealing_identity => [ 'NP-VI.A.8', { concealment => 'another name', suspicion => 'a stolen car' } ]);
	acts('np_ann', map {
		my ($purpose, $clause, $fields) = ($_, @{ $asks{$_} });
		( (map { [ "$clause: $purpose needs its $_", $search->(purpose => $purpose, fields => { %$fields, $_ => undef }), 'NX317', $clause, 'NP-VI.A' ] } sort keys %$fields),
			[ "$clause: $purpose, with all of it", $search->(purpose => $purpose, fields => $fields) ])
	} sort keys %asks);
	acts('np_ann',
		(map { [ "NP-VI.A.1.{a,b,c}: who $limbs{$_}", $search->(purpose => 'reasonable_suspicion', fields => { suspicion => 'seen at the door', limb => $limbs{$_} }) ] } qw(a b c)),
		[ 'NP-VI.A.6: a witness', $search->(purpose => 'witness_or_victim') ],
		(map { [ "NP-IV: $_ is not on the list", $search->(purpose => $_), 'NX305', 'NP-VI.A' ] } qw(internal_affairs lawfully_detained personal)),
		[ 'NP-VI.A.3.note: without consent, why', $search->(fields => { consent => JSON::PP::false, submission_purpose => 'find the family' }), 'NX317', 'NP-VI.A.3.note' ],
		[ 'NP-VI.A.3.note: and what for', $search->(fields => { consent => JSON::PP::false, why_no_consent => 'unconscious' }), 'NX317', 'NP-VI.A.3.note' ],
		[ 'NP-VI.A.3.note: both are said', $search->(fields => { consent => JSON::PP::false, why_no_consent => 'unconscious', submission_purpose => 'find the family' }) ],
		[ 'NP-VI.B.5: no basis stated', $search->(fields => { capture_basis => undef }), 'NX317', 'NP-VI.B.5' ],
		[ 'NP-VI.B.5: none', $search->(fields => { capture_basis => ' None ' }), 'NX317', 'NP-VI.B.5' ],
		[ 'NP-VI.B.7.e: no attestation', $search->(fields => { attested => undef }), 'NX317', 'NP-VI.B.7.e' ],
		[ 'NP-VI.A.2: a closed case', $search->(case => '22-9'), 'NX304', 'NP-VI.A.2' ],
		[ 'NP-VI.A.2: an unknown one', $search->(case => 'N-1'), 'NX303', 'NP-VI.A.2' ],
		[ 'NP-VI.A.2: no case is lawful', $search->(case => undef) ],
		[ 'NP-VI.A.2: a witness is not exigent', $search->(purpose => 'witness_or_victim', fields => { exigent => JSON::PP::true, threat => 'bomb' }), 'NX390', 'NP-VI.A.2' ],
		[ 'NP-VI.A.2: what is exigent is said', $search->(fields => { exigent => JSON::PP::true }), 'NX390', 'NP-VI.A.2' ],
		[ 'NP-VI.A.2: the attestation does not wait', $search->(purpose => 'critical_incident', fields => { exigent => JSON::PP::true, threat => 'bomb', attested => undef }), 'NX317', 'NP-VI.B.7.e' ],
		[ 'NP-VI.A.2: an imminent threat goes first', $search->(purpose => 'critical_incident', fields => { exigent => JSON::PP::true, threat => 'bomb' }) ],
		[ 'NP-VI.A.7: its papers say which incident', 'SELECT facesnxt.complete_papers(search_id) FROM facesnxt.my_exigent', 'NX391', 'NP-VI.A.7' ],
		[ 'NP-VI.A.7: and follow', "SELECT facesnxt.complete_papers(search_id, fields => '{\"incident\": \"a bomb at the station\"}') FROM facesnxt.my_exigent" ],
		[ 'NP-VI.C.3: another system', "SELECT facesnxt.record_external_search('Clearview', now(), '22-7', 'witness_or_victim', 'robbery', 'none', '{\"attested\": true, \"capture_basis\": \"x\"}')", 'NX392', 'NP-VI.D.1' ]);
	acts('np_pat', [ 'NP-II: another unit', $search->(), 'NX316', 'NP-II' ]);
	acts('np_sup', [ 'NP-II: to which there is no exception', "SELECT facesnxt.grant_unit_exception('np_pat', now() + interval '1 day', 'help')", 'NX331', 'NP-II' ]);
	acts('adm',
		[ 'NP-VI.D.1: no other system is registered', "SELECT facesnxt.register_platform('NP', 'Clearview', 'commercial', 'a company')", 'NX392', 'NP-VI.D.1' ],
		[ 'NP-V.1: no reference of who is not identified', "SELECT facesnxt.enrol_template('[1,0,0]', facesnxt.create_person('X'), 'booking', 'probe')", 'NX395', 'NP-V.1' ],
		[ 'NP-VI.C.3.b: a course to be taken anew', "SELECT facesnxt.define_course('NP', 'FACESNXT online training', 2, true)" ]);
	acts('np_ann', [ 'NP-VI.C.3.b: stops the search', $search->(), 'NX314', 'NP-VI.C.3.b', 'NP-VI.D.2' ], [ 'she takes it', "SELECT facesnxt.take_course('FACESNXT online training')" ]);
	acts('adm', [ 'NP-VI.C.3.b: until it is passed', "SELECT facesnxt.record_course('np_ann', 'FACESNXT online training', 2, true)" ]);
	my $here = psql('np_ann');
	acts([ 'np_ann', '127.0.0.1' ], [ 'NP-VI.D.2.c: sessions from two addresses', $search->(), 'NX342', 'NP-VI.D.2.c' ]);
	$here->quit;
	acts([ 'np_ann', '127.0.0.1' ], [ 'NP-VI.D.2.c: one address is no matter', $search->() ]);
};

subtest 'NP: what is refused of an action' => sub {
	my @refusals = (
		[ 'the evaluation', 'NX355', 'NP-V.3', 'the confirmation' ],
		[ 'the telephone', 'NX357', 'NP-VI.B.1', 'the confirmation', 'the supervisor' ],
		[ 'the confirmation', 'NX358', 'NP-VI.B.3' ],
		[ 'the supervisor', 'NX359', 'NP-VI.C.1' ]);
	foreach my $refusal (@refusals)
	{
		my ($missing, $code, $clause, @after) = @$refusal;
		my $made = found(scalar acts('np_ann', [ "NP-VI.C.1: a search, and all but $missing", $search->() ]));
		goes($made, 'NP-VI.C.1', \@way, $missing, @after);
		acts('np_off', map { [ "$clause: without $missing no $_", at($made, "request_action(%s, %1, '$_')"), $code, $clause ] }
			$missing eq 'the telephone' ? 'arrest' : @kinds);
	}
	my $item = value("SELECT item_id FROM facesnxt.corroboration WHERE search_id = '$found->{search}'");
	acts('np_ann', [ 'NP-VI.C.1: what was confirmed is withdrawn', "SELECT facesnxt.withdraw_corroboration('$item', 'another telephone')" ]);
	acts('np_off', [ 'NP-VI.C.1: and carries nothing any more', at($found, "request_action(%s, %1, 'line-up')"), 'NX358', 'NP-VI.B.3' ]);
	acts('adm', [ 'NP-V.3: the case goes to another officer', "SELECT facesnxt.end_assignment('NP', '22-7', 'np_off', 'case_officer'), facesnxt.assign_case('NP', '22-7', 'np_pat', 'case_officer')" ]);
	acts('np_off', [ 'NP-V.3: the former one evaluates no longer', at($found, "compare_candidate(%s, %2, 'excluded')"), 'NX350', 'NP-V.3' ]);
	acts('np_pat', [ 'NP-V.3: the new one does', at($found, "compare_candidate(%s, %2, 'excluded')") ]);
};

subtest 'NP: what comes later' => sub {
	my $made = found(scalar acts('np_ann', [ 'NP-VI.A.2: a search without a case', $search->(case => undef) ]));
	acts('np_pat', [ 'NP-V.3: has no case officer', at($made, "compare_candidate(%s, %1, 'excluded')"), 'NX350', 'NP-V.3' ]);
	acts('np_ann',
		[ 'NP-V.3: nor is a case made up for it', at($made, "link_case(%s, 'N-1')"), 'NX303' ],
		[ 'NP-V.3: before it is put into one', at($made, "link_case(%s, '22-7')") ]);
	acts('np_pat', [ 'NP-V.3: whose officer evaluates', at($made, "compare_candidate(%s, %1, 'excluded')") . '; ' . at($made, 'decide_match(%s, false)') ]);

	my $hurry = $search->(case => undef, fields => { exigent => JSON::PP::true, threat => 'a bomb', consent => JSON::PP::false });
	acts('np_ann',
		[ 'NP-VI.A.2: an exigent search', $hurry ],
		[ 'NP-VI.A.3.note: whose papers want their explanations', "SELECT facesnxt.complete_papers(search_id) FROM facesnxt.my_exigent WHERE state = 'open'", 'NX391', 'NP-VI.A.3.note' ]);
	# as if it had been made the day before yesterday
	value("ALTER TABLE facesnxt.search DISABLE TRIGGER search_append_only;
		UPDATE facesnxt.search SET recorded_at = recorded_at - interval '2 days' WHERE search_id IN (SELECT search_id FROM facesnxt.exigent_search WHERE agency = 'NP' AND state = 'open');
		ALTER TABLE facesnxt.search ENABLE ALWAYS TRIGGER search_append_only");
	acts('np_ann',
		[ 'NP-VI.A.2: overdue papers end exigency', $hurry, 'NX390', 'NP-VI.A.2' ],
		[ 'NP-VI.A.2: but no other search', $search->() ],
		[ 'NP-VI.A.3.note: they follow late', "SELECT facesnxt.complete_papers(search_id, fields => '{\"why_no_consent\": \"unconscious\", \"submission_purpose\": \"find the family\"}') FROM facesnxt.my_exigent WHERE state = 'overdue'" ],
		[ 'NP-VI.A.2: and it is let go first again', $hurry ]);
	is(value("SELECT string_agg(state, ', ' ORDER BY recorded_at) FROM facesnxt.exigent_search WHERE agency = 'NP'"), 'completed late, completed, open', 'NP-VI.A.2: which stays on record');
};

subtest 'NP: the public, and the end of an account' => sub {
	my $public = acts('adm', [ 'NP-VI.C.2.d: somebody asks for records', "SELECT facesnxt.record_public_request('NP', 'a newspaper', 'searches', now() - interval '1 year', now() + interval '1 day')" ]);
	acts('adm',
		[ 'NP-VI.B.6: what is exempt is not released', "SELECT facesnxt.decide_public_request('$public', 'released')", 'NX398', 'NP-VI.B.6' ],
		[ 'NP-VI.C.2.d: it is denied by an exemption', "SELECT facesnxt.decide_public_request('$public', 'denied', 'criminal intelligence')" ],
		[ 'NP-VI.C.2.c.note: separation is no listed reason here', "SELECT facesnxt.revoke_account('np_fill_1', 'separation')", 'NX338', 'NP-VI.C.2.c.note' ]);
	value('GRANT np_fill_6 TO gateway');
	swept();
	acts('gateway', [ 'NP-VI.C.2.c.note: nobody searches as the account that was removed', 'SET ROLE np_fill_6; ' . $search->(), 'NX302', 'NP-VI.C.2.c.note' ]);
};

1;
