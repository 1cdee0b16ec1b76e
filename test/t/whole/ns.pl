# New Smyrna Beach, 32-6, whole.
use strict;
use warnings;

use Facesnxt::Agency;
use Test::More;

my $search = lawful(case => '22-7', purpose => 'criminal_investigation', reason => 'robbery of May 3', fields => { attested => JSON::PP::true });
my %threat = (threat => 'outbreak, by the health department', health_threat => JSON::PP::true,
	chief_notified_at => '2022-05-01 10:00+00', chief_notified_by => 'Lt. B. by phone');
my $some = '{"ears": "similar", "nose": "different"}';
my $found;

# after a search: who does what, in this order
my @way = (
	[ 'the comparison', 'ns_ann', "compare_candidate(%s, %1, 'possible match', '$some')" ],
	[ 'the evaluation', 'ns_ann', 'decide_match(%s, true, %1)' ],
	[ 'the booking photo', 'ns_ann', "add_corroboration(%s, %1, 'booking photo', 'jail 5531', true)" ],
	[ 'the determination', 'ns_ann', "determine_identity(%s, %1, 'booking photo')" ],
	[ 'the supervisor', 'ns_sup', "confirm_corroboration(%s, %1, 'seen')" ]);

subtest 'NS: from nothing to an account' => sub {
	roles(qw(ns_ann ns_bob ns_sup ns_chief ns_fra));
	acts('adm', [ 'an administrator prepares', <<'SQL' ]);
SELECT facesnxt.define_course('NS', 'FACESNXT online training'), facesnxt.appoint('NS', 'chief', 'ns_chief'), facesnxt.appoint('NS', 'supervisor', 'ns_sup');
SELECT facesnxt.set_unit('NS', 'ns_ann', 'Criminal Investigations Unit'), facesnxt.set_unit('NS', 'ns_bob', 'Traffic');
SELECT facesnxt.admit('ns_ann'), facesnxt.admit('ns_bob')
SQL
	acts('ns_ann',
		[ 'NS-32.6.11.1: no search without an account', $search->(), 'NX301', 'SP-IV.A.1' ],
		[ 'NS-32.6.11.1: she registers', "SELECT facesnxt.register_account('NS')" ],
		[ 'NS-32.6.11.1: no search before the Chief\'s approval', $search->(), 'NX302', 'NS-32.6.11.2' ],
		[ 'NS-32.6.11.1: no training before it', "SELECT facesnxt.take_course('FACESNXT online training')", 'NX330', 'NS-32.6.11.1' ],
		[ 'NS-32.6.11.1: nobody approves for herself', "SELECT facesnxt.decide_account('ns_ann', true)", 'NX331', 'NS-32.6.11.1' ]);
	acts('ns_sup', [ 'NS-32.6.11.1: nor does a supervisor', "SELECT facesnxt.decide_account('ns_ann', true)", 'NX331', 'NS-32.6.11.1' ]);
	acts('adm', [ 'NS-32.6.11.1: nor does an administrator', "SELECT facesnxt.set_account_status('ns_ann', 'active', NULL)", 'NX330', 'NS-32.6.11.1' ]);
	acts('ns_chief', [ 'NS-32.6.11.1: the Chief approves', "SELECT facesnxt.decide_account('ns_ann', true)" ]);
	acts('ns_ann', [ 'NS-32.6.11.2: no search before the training', $search->(), 'NX302', 'NS-32.6.11.2' ]);
	acts('adm',
		[ 'NS-32.6.11.2: no administrator skips it', "SELECT facesnxt.set_account_status('ns_ann', 'active', NULL)", 'NX330', 'NS-32.6.11.2' ],
		[ 'NS-32.6.11.2: it is passed', "SELECT facesnxt.record_course('ns_ann', 'FACESNXT online training', 1, true)" ]);
	is(value("SELECT string_agg(e.step, ' ' ORDER BY e.number) || ' ' || min(a.status) FROM facesnxt.account a JOIN facesnxt.account_event e USING (account_id)
		WHERE a.role = 'ns_ann'::regrole"), 'registered approved auto-grant active', 'NS-32.6.11.2: access is granted by the last step');

	# the supervisor, who does not search, and one of another unit
	acts($_, [ "$_ registers", "SELECT facesnxt.register_account('NS')" ]) for qw(ns_bob ns_sup);
	acts('ns_chief', [ 'approved', "SELECT facesnxt.decide_account(r, true) FROM unnest('{ns_bob,ns_sup}'::regrole[]) r" ]);
	acts('adm', [ 'trained', "SELECT facesnxt.record_course(r, 'FACESNXT online training', 1, true) FROM unnest('{ns_bob,ns_sup}'::regrole[]) r" ],
		[ 'NS-D.3: an administrator designates no Facial Recognition Administrator', "SELECT facesnxt.appoint('NS', 'facial_recognition_administrator', 'ns_fra')", 'NX331', 'NS-D.3' ]);
	acts('ns_chief',
		[ 'NS-D.3: the Chief does, but nobody who administers accounts', "SELECT facesnxt.appoint('NS', 'facial_recognition_administrator', 'adm_two')", 'NX331', 'NS-D.3' ],
		[ 'NS-D.3: somebody else', "SELECT facesnxt.appoint('NS', 'facial_recognition_administrator', 'ns_fra')" ]);
};

subtest 'NS: from a case to an arrest' => sub {
	$found = found(scalar acts('ns_ann', [ 'NS-32.6.2.3: a search for a threat to public health, the Chief notified before', $search->(purpose => 'threat', fields => \%threat) ]));
	is(scalar @{ $found->{person} }, 4, 'NS-32.6.3.a: four leads');
	acts('ns_ann',
		[ 'NS-C: no arrest on the list alone', at($found, "request_action(%s, %1, 'arrest')"), 'NX355', 'NS-C' ],
		[ 'NM-V.C: the list is looked at', "SELECT * FROM facesnxt.view_candidate('$found->{search}', 1, '{name}')" ],
		[ 'NS-32.6.3.b: comparing identifies nobody', at($found, "compare_candidate(%s, %1, 'identified')"), 'NX362', 'NS-32.6.3.b' ],
		[ 'NS-C: no match without comparison', at($found, 'decide_match(%s, true, %1)'), 'NX355', 'NS-C' ],
		[ 'NS-32.6.4: no identity by the list', at($found, "determine_identity(%s, %1, 'the list')"), 'NX357', 'NS-32.6.4' ],
		[ 'NS-32.6.3.a: is it admissible?', at($found, "add_corroboration(%s, %1, 'line-up', 'room 2')"), 'NX356', 'NS-32.6.3.a' ],
		[ 'NS-32.6.7: DNA is no kind here', at($found, "add_corroboration(%s, %1, 'DNA', 'lab', true)"), 'NX356', 'NS-32.6.7' ],
		[ 'NS-32.6.3.b: a list corroborates nothing', at($found, "add_corroboration(%s, %1, 'candidate list', 'x', true)"), 'NX356', 'NS-32.6.3.b' ]);
	acts('ns_bob', [ 'NS-C: a colleague does not evaluate', at($found, "compare_candidate(%s, %1, 'possible match')"), 'NX350', 'NS-C' ]);
	acts('ns_sup', [ 'NS-32.6.3.c: nothing to confirm yet', at($found, "confirm_corroboration(%s, %1)"), 'NX357', 'NS-32.6.7' ]);
	goes($found, 'NS-32.6.7', [ @way[ 0 .. 3 ] ]);
	acts('ns_bob', [ 'NS-32.6.7: a colleague is no supervisor', at($found, "confirm_corroboration(%s, %1)"), 'NX350', 'NS-32.6.7' ]);
	acts('ns_ann', [ 'NS-32.6.7: nor the searcher', at($found, "confirm_corroboration(%s, %1)"), 'NX360', 'NS-32.6.7' ],
		map { [ "NS-32.6.7: no $_ before the supervisor", at($found, "request_action(%s, %1, '$_')"), 'NX359', 'NS-32.6.7' ] } 'arrest', 'witness contact', 'next-of-kin notice');
	goes($found, 'NS-32.6.7', [ $way[4] ]);
	acts('ns_ann',
		(map { [ "NS-32.6.7: $_", at($found, "request_action(%s, %1, '$_', 'booking photo')") ] } 'arrest', 'witness contact', 'next-of-kin notice', 'arrest warrant'),
		[ 'NS-32.6.4: the lead is confirmed', at($found, "record_outcome(%s, 'lead confirmed', %1, 'booking photo')") ],
		[ 'NS-32.6.6.4: a report has results', at($found, "file_report(%s, 'IR 7', true)"), 'NX364', 'NS-32.6.6' ],
		[ 'NS-32.6.6.3: the officer is not typed', at($found, "file_report(%s, 'IR 7', true, '{\"results\": \"one\", \"officer\": \"me\"}')"), 'NX364', 'NS-32.6.6' ],
		[ 'NS-32.6.6: in an incident report', at($found, "file_report(%s, 'IR 7', true, '{\"results\": \"one\"}', 'memo')"), 'NX364', 'NS-32.6.6' ],
		[ 'NS-32.6.6: the incident report', at($found, "file_report(%s, 'IR 7', true, '{\"results\": \"one\"}')") ],
		[ 'NS-32.6.6: the results are handed over', at($found, "deliver_results(%s, 'ns_bob')") ]);
	is(value("SELECT items->>'investigation type', items->>'reason', items->>'officer', items->>'person identified', items->>'chief notice' ~ 'Lt. B. by phone'
		FROM facesnxt.report WHERE search_id = '$found->{search}'"), 'robbery|robbery of May 3|ns_ann|Person 1|t', 'NS-32.6.6.{1,2,3,4,5}: with its five items');
	my $none = found(scalar acts('ns_ann', [ 'NS-32.6.6.4: a search that finds nobody', $search->(template => '[0,0,1]') ]));
	acts('ns_ann',
		[ 'NS-32.6.6.4: is decided', at($none, 'decide_match(%s, false)') ],
		[ 'NS-32.6.6: and documented, no matter the reason', at($none, "file_report(%s, 'IR 8', false, '{\"results\": \"nobody\"}')") . '; ' . at($none, "record_outcome(%s, 'no match')") ]);
	is(scalar acts('ns_ann', [ 'NS-32.6.6: what is due', "SELECT count(*) FROM facesnxt.my_due" ]), '0', 'NS-32.6.6: nothing is due any more');
};

subtest 'NS: what is refused of a search' => sub {
	acts('ns_ann',
		(map { [ "NS-B: $_ is not on the list", $search->(purpose => $_), 'NX305', 'NS-32.6.2' ] } qw(internal_affairs tip deceased personal)),
		[ 'NS-32.6.2.3: which threat', $search->(purpose => 'threat', fields => { health_threat => JSON::PP::false }), 'NX317', 'NS-32.6.2.3', 'NS-32.6.2' ],
		[ 'NS-32.6.2.3: one to public safety needs no notice', $search->(purpose => 'threat', fields => { threat => 'bomb', health_threat => JSON::PP::false }) ],
		[ 'NS-32.6.2.3: no notice to the Chief', $search->(purpose => 'threat', fields => { %threat, chief_notified_at => undef }), 'NX318', 'NS-32.6.2.3' ],
		[ 'NS-32.6.2.3: by nobody', $search->(purpose => 'threat', fields => { %threat, chief_notified_by => ' ' }), 'NX318', 'NS-32.6.2.3' ],
		[ 'NS-32.6.2.3: after the search', $search->(purpose => 'threat', fields => { %threat, chief_notified_at => '2099-01-01 10:00+00' }), 'NX318', 'NS-32.6.2.3' ],
		[ 'NS-32.6.2.2: other means', $search->(purpose => 'lawfully_detained', fields => { limb => 'refuses' }), 'NX317', 'NS-32.6.2.2', 'NS-32.6.2' ],
		[ 'NS-32.6.2.2: were tried', $search->(purpose => 'lawfully_detained', fields => { other_means => 'fingerprint reader' }) ],
		[ 'NS-32.6.2.4: which limb', $search->(purpose => 'unable_to_identify'), 'NX317', 'NS-32.6.2.4', 'NS-32.6.2' ],
		[ 'NS-32.6.2.4: is said', $search->(purpose => 'unable_to_identify', fields => { limb => 'deceased' }) ],
		[ 'NS-32.6.2.1: a closed case', $search->(case => '22-9'), 'NX304', 'NS-32.6.2.1' ],
		[ 'NS-32.6.6: an unknown case', $search->(case => 'N-1'), 'NX303', 'NS-32.6.6' ],
		[ 'NS-32.6.6.1: no type of investigation', $search->(case => undef), 'NX303', 'NS-32.6.6.1' ],
		[ 'NS-32.6.6.1: which is said without a case', $search->(case => undef, fields => { incident_type => 'robbery' }) ],
		[ 'NS-32.6.6.2: no reason', $search->(reason => undef), 'NX317', 'NS-32.6.6.2' ],
		[ 'NS-32.6.5.3: no attestation', $search->(fields => { attested => undef }), 'NX317', 'NS-32.6.5.3' ],
		[ 'NS-32.6.2.3: other purposes are not exigent', $search->(fields => { exigent => JSON::PP::true, threat => 'bomb' }), 'NX390', 'NS-32.6.2.3' ],
		[ 'NS-32.6.6: another system that is not registered', "SELECT facesnxt.record_external_search('Other', now(), '22-7', 'criminal_investigation', 'robbery', 'none', '{\"attested\": true}')", 'NX392', 'NS-32.6.6' ]);
	acts('adm', [ 'NS-32.6.6: which is registered', "SELECT facesnxt.register_platform('NS', 'Other', 'agency', 'Sheriff')" ]);
	acts('ns_ann',
		[ 'NS-32.6.6: its searches are documented', "SELECT facesnxt.record_external_search('Other', now(), '22-7', 'criminal_investigation', 'robbery', 'none', '{\"attested\": true}')" ],
		[ 'NS-32.6.6.4: with their results', "SELECT facesnxt.record_external_search('Other', now(), '22-7', 'criminal_investigation', 'robbery', ' ', '{\"attested\": true}')", 'NX392', 'NS-32.6.6.4' ],
		[ 'NS-32.6.6.2: and reason', "SELECT facesnxt.record_external_search('Other', now(), '22-7', 'criminal_investigation', NULL, 'none', '{\"attested\": true}')", 'NX317', 'NS-32.6.6.2' ]);
	acts('ns_bob', [ 'NS-32.6.1: another unit', $search->(), 'NX316', 'NS-32.6.1' ]);
	acts('ns_sup', [ 'NS-32.6.1: no exception by a supervisor', "SELECT facesnxt.grant_unit_exception('ns_bob', now() + interval '1 day', 'help')", 'NX331', 'NS-32.6.1' ]);
	acts('ns_chief', [ 'NS-32.6.1: the Chief authorises', "SELECT facesnxt.grant_unit_exception('ns_bob', now() + interval '1 day', 'hit and run')" ]);
	acts('ns_bob', [ 'NS-32.6.1: and he searches', $search->() ]);
	acts('adm', [ 'NS-32.6.11.2: a course to be taken anew', "SELECT facesnxt.define_course('NS', 'FACESNXT online training', 2, true)" ]);
	acts('ns_ann', [ 'NS-32.6.11.2: stops the search', $search->(), 'NX314', 'NS-32.6.11.2' ], [ 'she takes it', "SELECT facesnxt.take_course('FACESNXT online training')" ]);
	acts('adm', [ 'NS-32.6.11.2: until it is passed', "SELECT facesnxt.record_course('ns_ann', 'FACESNXT online training', 2, true)" ]);

	# one account, two addresses
	my $here = psql('ns_ann');
	acts([ 'ns_ann', '127.0.0.1' ], [ 'NS-32.6.11.3: sessions from two addresses', $search->(), 'NX342', 'NS-32.6.11.3' ]);
	$here->quit;
	acts([ 'ns_ann', '127.0.0.1' ], [ 'NS-32.6.11.3: one address is no matter', $search->() ]);
};

subtest 'NS: an exigent search and its papers' => sub {
	my $hurry = $search->(case => undef, reason => undef, purpose => 'threat', fields => { exigent => JSON::PP::true, threat => 'bomb', health_threat => JSON::PP::false });
	my $papers = 'SELECT facesnxt.complete_papers(search_id%s) FROM facesnxt.my_exigent';
	acts('ns_ann',
		[ 'NS-32.6.2.3: the Chief is notified before all the same',
			$search->(case => undef, purpose => 'threat', fields => { %threat, chief_notified_at => undef, exigent => JSON::PP::true }), 'NX318', 'NS-32.6.2.3' ],
		[ 'NS-32.6.2.3: what is exigent is said', $search->(case => undef, purpose => 'threat', fields => { exigent => JSON::PP::true }), 'NX390', 'NS-32.6.2.3' ],
		[ 'NS-32.6.2.3: the search goes first', $hurry ],
		[ 'NS-32.6.6.1: its papers are complete or refused', sprintf($papers, ''), 'NX391', 'NS-32.6.6.1' ],
		[ 'NS-32.6.6.2: with the reason', sprintf($papers, ", '22-7'"), 'NX391', 'NS-32.6.6.2' ],
		[ 'NS-32.6.6.1: the papers', sprintf($papers, ", '22-7', 'bomb at the station'") ]);
};

subtest 'NS: what is refused of an action' => sub {
	my @refusals = (
		[ 'the evaluation', 'NX355', 'NS-C', 'the determination' ],
		[ 'the booking photo', 'NX357', 'NS-32.6.3.b', 'the determination', 'the supervisor' ],
		[ 'the determination', 'NX358', 'NS-C' ],
		[ 'the supervisor', 'NX359', 'NS-32.6.7' ]);
	foreach my $refusal (@refusals)
	{
		my ($missing, $code, $clause, @after) = @$refusal;
		my $made = found(scalar acts('ns_ann', [ "NS-32.6.7: a search, and all but $missing", $search->() ]));
		goes($made, 'NS-32.6.7', \@way, $missing, @after);
		acts('ns_ann', map { [ "$clause: without $missing no $_", at($made, "request_action(%s, %1, '$_')"), $code, $clause ] }
			$missing eq 'the booking photo' ? 'arrest' : ('arrest', 'witness contact', 'next-of-kin notice'));
		# the Chief's policy lets warrants go without the supervisor
		acts('ns_ann', [ 'NS-32.6.7: a warrant does', at($made, "request_action(%s, %1, 'arrest warrant')") ]) if $missing eq 'the supervisor';
	}
	my $made = found(scalar acts('ns_ann', [ 'NS-32.6.3.a: a search with what is not admissible', $search->() ]));
	goes($made, 'NS-32.6.3.a', [ @way[ 0, 1 ], [ 'not admissible', 'ns_ann', "add_corroboration(%s, %1, 'interviews', 'tape', false)" ] ]);
	acts('ns_ann',
		[ 'NS-32.6.3.a: which carries no arrest', at($made, "request_action(%s, %1, 'arrest')"), 'NX357', 'NS-32.6.3.b' ],
		[ 'NS-32.6.4: and no identity', at($made, "determine_identity(%s, %1, 'tape')"), 'NX357', 'NS-32.6.4' ],
		[ 'NS-32.6.4: and confirms no lead', at($made, "record_outcome(%s, 'lead confirmed', %1, 'tape')"), 'NX358', 'NS-32.6.4' ]);
};

subtest 'NS: the public, and the end of an account' => sub {
	my $public = acts('adm', [ 'NS-32.6.12: somebody asks for records', "SELECT facesnxt.record_public_request('NS', 'a newspaper', 'searches', now() - interval '1 year', now() + interval '1 day')" ]);
	acts('adm',
		[ 'NS-32.6.12: nothing leaves before the decision', "SELECT * FROM facesnxt.public_extract('$public')", 'NX398' ],
		[ 'NS-32.6.12: what is withheld names its exemption', "SELECT facesnxt.decide_public_request('$public', 'denied')", 'NX398', 'NS-32.6.12' ],
		[ 'NS-32.6.12: the decision', "SELECT facesnxt.decide_public_request('$public', 'released')" ],
		[ 'NS-32.6.12: counts', "SELECT * FROM facesnxt.public_extract('$public')" ]);
	acts('ns_ann', [ 'NS-32.6.10: an officer does not revoke', "SELECT facesnxt.revoke_account('ns_bob', 'separation')", 'NX331', 'NS-32.6.11.1' ]);
	acts('ns_chief',
		[ 'NS-32.6.10: nor is a transfer a listed reason here', "SELECT facesnxt.revoke_account('ns_bob', 'transfer')", 'NX338', 'NS-32.6.10' ],
		[ 'NS-32.6.10: dissemination refers to a violation', "SELECT facesnxt.revoke_account('ns_bob', 'dissemination')", 'NX338', 'NS-32.6.10' ],
		[ 'NS-32.6.10: separation', "SELECT facesnxt.revoke_account('ns_bob', 'separation')" ]);
	value('GRANT ns_bob TO gateway');
	swept();
	acts('gateway', [ 'NS-32.6.10: nobody searches as the revoked account', 'SET ROLE ns_bob; ' . $search->(), 'NX302', 'NS-32.6.10' ]);
};

1;
