# Miami, Departmental Order 16, chapter 4, whole. Its searches take a still
# photograph, so the half after the accounts needs photographs and models.
use strict;
use warnings;

use Facesnxt::Agency;
use Test::More;

my $lawful = lawful(case => '22-7', purpose => 'criminal_investigation', photo => "photo('probe', 1)", fields => { attested => JSON::PP::true });
my ($request, $found);

# The lawful search, which answers the request; other fields are added.
sub search
{
	my %made = @_;
	return $lawful->(%made, fields => { request => $request, %{ $made{fields} // {} } });
}

# Asks the desk for photographs of these numbers.
sub asks
{
	my ($role, $numbers, $rest) = @_;
	return acts($role, [ "MI-4.5.3.1: $role asks the desk",
		'SELECT facesnxt.request_search(ARRAY[' . join(', ', map { "photo('probe', $_)" } @$numbers) . "], 'robbery'$rest)" ]);
}

# after a search: who does what, in this order
my $some = '{"ears": "similar", "nose": "different"}';
my @way = (
	[ 'every candidate', 'mi_det', "compare_candidate(%s, %1, 'possible match', '$some')", map { "compare_candidate(%s, %$_, 'excluded')" } 2 .. 4 ],
	[ 'the evaluation', 'mi_det', 'decide_match(%s, true, %1)' ],
	[ 'the DNA', 'mi_det', "add_corroboration(%s, %1, 'DNA', 'lab 4')" ],
	[ 'the quality', 'mi_det', "acknowledge_probe_quality(%s, facesnxt.show_probe_quality(%s), 'sharp, and DNA')" ]);

subtest 'MI: from nothing to an account' => sub {
	roles(qw(mi_ann mi_two mi_det mi_off mi_chief mi_sup));
	acts('adm', [ 'an administrator prepares', <<'SQL' ]);
SELECT facesnxt.publish_agreement('MI', 'Terms of service of the site'), facesnxt.enrol_member('MI', '77', 'Ann', sworn => false);
SELECT facesnxt.appoint('MI', 'chief', 'mi_chief'), facesnxt.appoint('MI', 'rtcc_supervisor', 'mi_sup');
SELECT facesnxt.set_unit('MI', r, 'Real Time Crime Center') FROM unnest('{mi_ann,mi_two}'::regrole[]) r;
SELECT facesnxt.set_unit('MI', r, 'Homicide') FROM unnest('{mi_det,mi_off}'::regrole[]) r;
SELECT facesnxt.admit(r) FROM unnest('{mi_ann,mi_two,mi_det,mi_off}'::regrole[]) r
SQL
	acts('mi_ann',
		[ 'MI-4.2: no search without an account', $lawful->(photo => "'x'"), 'NX301', 'SP-IV.A.1' ],
		[ 'MI-4.2: a civilian registers', "SELECT facesnxt.register_account('MI')" ],
		[ 'MI-4.2: no search before the Chief\'s leave', $lawful->(photo => "'x'"), 'NX302', 'MI-4.5.4' ],
		[ 'MI-4.2: no step before it', 'SELECT facesnxt.acknowledge_limitations()', 'NX330', 'MI-4.2' ]);
	acts('mi_sup', [ 'MI-4.2: a supervisor gives no leave', "SELECT facesnxt.decide_account('mi_ann', true)", 'NX331', 'MI-4.2' ]);
	acts('mi_chief',
		[ 'MI-4.2: the Chief denies with a reason only', "SELECT facesnxt.decide_account('mi_ann', false)", 'NX330', 'MI-4.2' ],
		[ 'MI-4.2: the Chief authorises', "SELECT facesnxt.decide_account('mi_ann', true)" ]);
	acts('adm', [ 'MI-4.4.b: no access before the limits are acknowledged', "SELECT facesnxt.set_account_status('mi_ann', 'active', NULL)", 'NX330', 'MI-4.4.b' ]);
	acts('mi_ann', [ 'MI-4.4.b: bias included', 'SELECT facesnxt.acknowledge_limitations()' ]);
	acts('adm', [ 'MI-4.5.4: nor before the terms are accepted', "SELECT facesnxt.set_account_status('mi_ann', 'active', NULL)", 'NX330', 'MI-4.5.4' ]);
	acts('mi_ann',
		[ 'MI-4.5.4: nor a search', $lawful->(photo => "'x'"), 'NX302', 'MI-4.5.4' ],
		[ 'MI-4.5.4: other terms are none', 'SELECT facesnxt.accept_agreement(2)', 'NX336', 'MI-4.5.4' ],
		[ 'MI-4.5.4: she accepts them', 'SELECT facesnxt.accept_agreement(1)' ]);
	is(value("SELECT string_agg(e.step, ' ' ORDER BY e.number) || ' ' || min(a.status) FROM facesnxt.account a JOIN facesnxt.account_event e USING (account_id)
		WHERE a.role = 'mi_ann'::regrole"), 'registered approved auto-grant active', 'MI-4.5.4: access is granted by the last step');

	# a colleague, an officer of another unit, and a detective who only asks
	value('GRANT facesnxt_requester TO mi_det');
	acts($_, [ "$_ registers", "SELECT facesnxt.register_account('MI')" ]) for qw(mi_two mi_off);
	acts('adm', [ 'MI-4.5.3.1: who only asks has an account that searches nothing', "SELECT facesnxt.open_account('MI', 'mi_det')" ]);
	acts('mi_chief', [ 'authorised', "SELECT facesnxt.decide_account(r, true) FROM unnest('{mi_two,mi_off}'::regrole[]) r" ]);
	acts($_, [ "$_ acknowledges and accepts", 'SELECT facesnxt.acknowledge_limitations(), facesnxt.accept_agreement(1)' ]) for qw(mi_two mi_off);
};

subtest 'MI: what needs no photograph' => sub {
	acts('mi_ann',
		(map { [ "MI-4.5.1: $_ is not on the list", $lawful->(purpose => $_, photo => "jpeg(1)"), 'NX305', 'MI-4.5.1' ] } qw(threat tip personal)),
		[ 'MI-4.5.1.e: which limb', $lawful->(purpose => 'lawfully_detained', photo => "jpeg(1)"), 'NX317', 'MI-4.5.1.e' ],
		[ 'MI-4.5.3.1: an unknown case', $lawful->(case => 'N-1', photo => "jpeg(1)"), 'NX303', 'MI-4.5.3.1' ],
		[ 'MI-4.5.3.1: no incident type', $lawful->(case => undef, photo => "jpeg(1)"), 'NX303', 'MI-4.5.3.1' ],
		[ 'MI-4.5.2.c: no attestation', $lawful->(fields => { attested => undef }, photo => "jpeg(1)"), 'NX317', 'MI-4.5.2.c' ],
		[ 'MI-4.5.3.1: no request', $lawful->(photo => "jpeg(1)"), 'NX319', 'MI-4.5.3.1' ],
		[ 'MI-4.5.3.1: one that there is not', $lawful->(photo => "jpeg(1)", fields => { request => '00000000-0000-0000-0000-000000000000' }), 'NX319', 'MI-4.5.3.1' ]);
	acts('mi_off', [ 'MI-4.5: another unit', $lawful->(photo => "jpeg(1)"), 'NX316', 'MI-4.5' ]);
	acts('mi_sup', [ 'MI-4.2: no exception by a supervisor', "SELECT facesnxt.grant_unit_exception('mi_off', now() + interval '1 day', 'help')", 'NX331', 'MI-4.2' ]);
	acts('mi_det',
		[ 'MI-4.5.3.1: no request without incident type', "SELECT facesnxt.request_search(ARRAY[jpeg(1)], NULL, '22-7')", 'NX399', 'MI-4.5.3.1' ],
		[ 'MI-4.5.3.1: nor without photograph', "SELECT facesnxt.request_search('{}', 'robbery')", 'NX399', 'MI-4.5.3.1' ],
		[ 'MI-4.3.1: nor with several in one file', "SELECT facesnxt.request_search(ARRAY[jpeg(1) || jpeg(2)], 'robbery')", 'NX322', 'MI-4.3.1' ],
		[ 'MI-4.3.1: nor with a film', "SELECT facesnxt.request_search(ARRAY['\\x000000186674797069736f6d'::bytea || jpeg(1)], 'robbery')", 'NX322', 'MI-4.3.1' ],
		[ 'MI-4.5.3.2.a: whoever asks does not search', $lawful->(photo => "jpeg(1)"), 'NX302', 'MI-4.5.4' ]);
	$request = acts('mi_det', [ 'MI-4.5.3.1: a request', "SELECT facesnxt.request_search(ARRAY[jpeg(1)], 'robbery', '22-7', 'tram 7')" ]);
	acts('mi_ann',
		[ 'MI-4.5.3.1: the desk sees it, and fetches the photograph', "SELECT facesnxt.probe_photograph(probes[1]) FROM facesnxt.my_requests WHERE request_id = '$request'" ],
		[ 'MI-4.5.3.1: it is for another case', search(photo => "jpeg(1)", case => '22-8'), 'NX319', 'MI-4.5.3.1' ],
		[ 'MI-4.5.3.1: of another photograph', search(photo => "jpeg(2)"), 'NX319', 'MI-4.5.3.1' ],
		[ 'MI-4.3.1: a template is no still photograph', search(photo => undef), 'NX322', 'MI-4.3.1' ]);
	acts('adm',
		[ 'MI-4.3.5: a commercial platform', "SELECT facesnxt.register_platform('MI', 'Clearview', 'commercial', 'a company')" ],
		[ 'MI-4.3.5: another agency\'s system', "SELECT facesnxt.register_platform('MI', 'Other', 'agency', 'a county')", 'NX392', 'MI-4.3.5' ],
		[ 'MI-4.5.4: new terms', "SELECT facesnxt.publish_agreement('MI', 'New terms')" ]);
	acts('mi_ann',
		[ 'MI-4.5.4: stop the search', search(photo => "jpeg(1)"), 'NX314', 'MI-4.5.4' ],
		[ 'MI-4.5.4: until she accepts them', 'SELECT facesnxt.accept_agreement(2)' ]);
	acts($_, [ 'MI-4.5.4: and so do the others', 'SELECT facesnxt.accept_agreement(2)' ]) for qw(mi_two mi_off);
};

SKIP:
{
skip 'no photographs or models (set FACESNXT_DATA)', 3 unless photographs();

subtest 'MI: from a request to an arrest' => sub {
	acts('adm', [ 'MI-4.3.4.1.a: the case has its investigators',
		"SELECT facesnxt.assign_case('MI', '22-7', 'mi_det', 'lead_investigator'), facesnxt.assign_case('MI', '22-7', 'mi_off', 'arresting_officer')" ]);
	$request = asks('mi_det', [ 1, 2, 3, 4, 5 ], ", '22-7', 'tram 7'");
	$found = found(scalar acts('mi_ann', [ 'MI-4.5.3.2.a: the desk searches', search() ]));
	is(scalar @{ $found->{person} }, 4, 'MI-4.3.3: four leads');
	my @out = acts('mi_det',
		[ 'MI-4.5.3.2.a: all results are the requester\'s', "SELECT count(*) FROM facesnxt.request_results('$request')" ],
		[ 'MI-4.5.3.2.c: not the top result only', at($found, "compare_candidate(%s, %1, 'possible match', '$some')") ],
		[ 'MI-4.5.3.2.c: is evaluated', at($found, 'decide_match(%s, true, %1)'), 'NX352', 'MI-4.5.3.2.c' ],
		[ 'MI-4.3.4.1.a: no arrest before the evaluation', at($found, "request_action(%s, %1, 'arrest')"), 'NX355', 'MI-4.3.4.1.a' ],
		[ 'MI-4.3.2: comparing identifies nobody', at($found, "compare_candidate(%s, %1, 'identified')"), 'NX362', 'MI-4.3.2' ],
		[ 'MI-4.3.4.1.a: a rumour is no evidence', at($found, "add_corroboration(%s, %1, 'rumour', 'bar')"), 'NX356', 'MI-4.3.4.1.a' ],
		[ 'MI-4.3.2: nor is the list', at($found, "add_corroboration(%s, %1, 'facial recognition', 'the list')"), 'NX356', 'MI-4.3.2' ],
		[ 'MI-4.3.2: no identity by the list', at($found, "determine_identity(%s, %1, 'the list')"), 'NX357', 'MI-4.3.2' ],
		[ 'MI-4.3.2: no identification told to the desk', at($found, "notify_outcome(%s, true)"), 'NX358', 'MI-4.3.2' ]);
	is($out[0], '4', 'MI-4.5.3.2.a: the whole list');
	acts('mi_ann',
		[ 'MI-4.5.3.2.a: results go to nobody else', "SELECT * FROM facesnxt.request_results('$request')", 'NX399', 'MI-4.5.3.2.a' ],
		[ 'MI-4.3.4.1.a: the desk does not evaluate', at($found, "compare_candidate(%s, %1, 'possible match')"), 'NX350', 'MI-4.3.4.1.a' ],
		[ 'MI-4.5.3.2.a: not the first result only', at($found, "deliver_results(%s, 'mi_det', '{1}')"), 'NX363', 'MI-4.5.3.2.a' ],
		[ 'MI-4.5.3.2.a: nor exported', "SELECT * FROM facesnxt.export_candidates('$found->{search}', 'mi_det', 'request', '{photo}', '{1}')", 'NX397', 'MI-4.5.3.2.a' ],
		[ 'MI-4.4.a: the photographs of all, with recipient and ground', "SELECT rank FROM facesnxt.export_candidates('$found->{search}', 'mi_det', 'request', '{photo,name}')" ],
		[ 'MI-4.5.3.2.a: all results', at($found, "deliver_results(%s, 'mi_det')") ],
		[ 'MI-4.5.3.3.b: the desk does not tell itself the outcome', at($found, 'notify_outcome(%s, false)'), 'NX350', 'MI-4.5.3.3.b' ]);
	acts('mi_two', [ 'MI-4.5.3.2.a: a colleague delivers nothing', at($found, "deliver_results(%s, 'mi_det')"), 'NX350', 'MI-4.5.3.2.a' ]);
	goes($found, 'MI-4.3.4.1.a', [ @way[ 0 .. 2 ] ]);
	acts('mi_det',
		[ 'MI-4.3.4.1.b: the quality of the probe is weighed', at($found, "request_action(%s, %1, 'arrest')"), 'NX361', 'MI-4.3.4.1.b' ],
		[ 'MI-4.3.4.1.b: as it was shown', at($found, "acknowledge_probe_quality(%s, '{\"measured\": true}', 'fine')"), 'NX361', 'MI-4.3.4.1.b' ]);
	goes($found, 'MI-4.3.4.1.b', [ $way[3] ]);
	acts('mi_off', [ 'MI-4.3.4.1.b: by whoever decides', at($found, "request_action(%s, %1, 'arrest')"), 'NX361', 'MI-4.3.4.1.b' ]);
	acts('mi_det',
		[ 'MI-4.3.4.1.b: the arrest', at($found, "request_action(%s, %1, 'arrest', 'DNA')") ],
		[ 'MI-4.3.4.1.b: the warrant', at($found, "request_action(%s, %1, 'arrest warrant', 'DNA')") ],
		[ 'MI-4.5.3.2.b: a report', at($found, "file_report(%s, 'MI 22-7', true)") ],
		[ 'MI-4.5.3.3.b: not identified yet', at($found, "notify_outcome(%s, false, 'not yet')") ]);
	is(value("SELECT count(*) FROM facesnxt.search s JOIN facesnxt.case_file c USING (case_id) WHERE s.search_id = '$found->{search}' AND c.case_number = '22-7'"),
		'1', 'MI-4.5.3.2.b: the results are in the case file');
	is(scalar acts('mi_ann', [ 'MI-4.5.3.3.a: the log', "SELECT incident_number, incident_type, yielded_results, ultimately_identified FROM facesnxt.my_search_log WHERE search_id = '$found->{search}'" ]),
		'22-7|robbery|t|f', 'MI-4.5.3.3.a: says what it must');
};

subtest 'MI: what is refused of a search' => sub {
	my $own = asks('mi_ann', [ 6 ], ", '22-7'");
	acts('mi_ann',
		[ 'MI-4.5.3.1: her own request', search(photo => "photo('probe', 6)", fields => { request => $own }), 'NX319', 'MI-4.5.3.1' ],
		[ 'MI-4.5.3.4: the same probe again', search(), 'NX320', 'MI-4.5.3.4' ],
		[ 'MI-4.5.3.4: after a search that there is not', search(fields => { parent_search => '00000000-0000-0000-0000-000000000000' }), 'NX320', 'MI-4.5.3.4' ],
		[ 'MI-4.5.3.4: linked to the first', search(fields => { parent_search => $found->{search} }) ],
		[ 'MI-4.5.1.{b,c,d}: the other purposes', join('; ', map { search(purpose => $_, fields => { parent_search => $found->{search} }) } qw(internal_affairs needs_assistance deceased)) ],
		[ 'MI-4.5.1.e: with its limb', search(purpose => 'lawfully_detained', fields => { limb => 'refuses to identify', parent_search => $found->{search} }) ],
		[ 'MI-4.3.1: two pictures in one file', search(photo => "photo('probe', 1) || photo('probe', 2)"), 'NX319', 'MI-4.5.3.1' ]);
	acts('mi_two', [ 'MI-4.5.3.1: her request is a colleague\'s to answer', search(photo => "photo('probe', 6)", fields => { request => $own }) ]);
	acts('mi_chief', [ 'MI-4.2: the Chief authorises an officer of another unit', "SELECT facesnxt.grant_unit_exception('mi_off', now() + interval '1 day', 'task force')" ]);
	acts('mi_off', [ 'MI-4.2: who searches', search(photo => "photo('probe', 2)") ]);

	# nobody follows a person from picture to picture
	my @asked = map { asks('mi_det', [ 8 * $_ .. 8 * $_ + 7 ], ", '22-7', 'platform 2'") } 2, 3;
	acts('mi_two',
		(map { [ "MI-4.5.2.d: picture $_", search(photo => "photo('probe', $_)", fields => { request => $asked[ $_ / 8 - 2 ] }) ] } 16 .. 29),
		[ 'MI-4.5.2.d: one too many', search(photo => "photo('probe', 30)", fields => { request => $asked[1] }), 'NX321', 'MI-4.5.2.d' ]);

	# and no further search once somebody was identified
	acts('mi_off', [ 'MI-4.3.4.1.a: the arresting officer determines, too', at($found, "determine_identity(%s, %1, 'DNA')") ]);
	acts('mi_det',
		[ 'MI-4.5.3.3.b: the requester tells the desk', at($found, 'notify_outcome(%s, true)') ],
		[ 'MI-4.3.4.1.a: the lead is confirmed', at($found, "record_outcome(%s, 'lead confirmed', %1, 'DNA')") ]);
	acts('mi_ann', [ 'MI-4.5.3.4: the probe is not searched any more', search(fields => { parent_search => $found->{search} }), 'NX320', 'MI-4.5.3.4' ]);
};

subtest 'MI: what is refused of an action' => sub {
	my @refusals = ([ 'the evaluation', 'NX355', 'MI-4.3.4.1.a' ], [ 'the DNA', 'NX357', 'MI-4.3.2' ], [ 'the quality', 'NX361', 'MI-4.3.4.1.b' ]);
	my $number = 2;
	foreach my $refusal (@refusals)
	{
		my ($missing, $code, $clause) = @$refusal;
		my $made = found(scalar acts('mi_ann', [ "MI-4.3.2: a search, and all but $missing",
			search(photo => "photo('probe', " . ++$number . ')') ]));
		goes($made, 'MI-4.3.2', \@way, $missing);
		acts('mi_det', [ "$clause: without $missing no arrest", at($made, "request_action(%s, %1, 'arrest')"), $code, $clause ]);
		acts('mi_det', [ 'MI-4.3.4.1.b: nor a warrant', at($made, "request_action(%s, %1, 'arrest warrant')"), $code, $clause ]) if $missing eq 'the quality';
	}

	# a request without a case: its search is put into the case file later
	my $asked = asks('mi_det', [ 40 ], '');
	my ($out, $owed) = acts('mi_ann',
		[ 'MI-4.5.3.1: no incident number is lawful', search(case => undef, photo => "photo('probe', 40)", fields => { request => $asked }) ],
		[ 'MI-4.5.3.2.b: the case file is due', "SELECT count(*) FROM facesnxt.my_due WHERE what = 'case file' AND clause = 'MI-4.5.3.2.a'" ]);
	my $made = found($out);
	is($owed, '1', 'MI-4.5.3.2.b: and listed');
	acts('mi_det',
		[ 'MI-4.3.4.1.a: without a case nobody leads it', at($made, "compare_candidate(%s, %1, 'excluded')"), 'NX350', 'MI-4.3.4.1.a' ],
		[ 'MI-4.5.3.2.b: it is put into the case file', at($made, "link_case(%s, '22-7')") ],
		[ 'MI-4.3.4.1.a: then the lead investigator evaluates', at($made, "compare_candidate(%s, %1, 'excluded')") ]);
};
}

subtest 'MI: the end of an account' => sub {
	acts('mi_sup', [ 'MI-4.2: a supervisor does not revoke', "SELECT facesnxt.revoke_account('mi_two', 'misuse')", 'NX331', 'MI-4.2' ]);
	acts('mi_chief', [ 'MI-4.2: the Chief revokes, for any reason', "SELECT facesnxt.revoke_account('mi_two', 'not needed any more')" ]);
	value('GRANT mi_two TO gateway');
	swept();
	acts('gateway', [ 'MI-4.5.4: nobody searches as the revoked account', 'SET ROLE mi_two; ' . $lawful->(photo => 'jpeg(1)'), 'NX302', 'MI-4.5.4' ]);
};

1;
