# St. Petersburg, General Order II-47, whole.
use strict;
use warnings;

use Facesnxt::Agency;
use Test::More;

my $search = lawful(case => '22-7', purpose => 'criminal_investigation', reason => 'robbery of May 3');
my $worksheet = '{"eyes": "similar", "ears": "similar", "nose": "similar", "chin": "similar", "mouth": "different", "hair": "not comparable",
	"structure": "similar", "scars": "similar", "marks": "not comparable", "blemishes": "not comparable", "tattoos": "not comparable",
	"complexion": "similar", "gender": "similar", "age": "similar"}';
my ($found, $token);

# after a search: who does what, in this order
my @way = (
	[ 'the worksheet', 'sp_ann', "compare_candidate(%s, %1, 'possible match', '$worksheet', 'ears')" ],
	[ 'the evaluation', 'sp_ann', 'decide_match(%s, true, %1)' ],
	[ 'another ground', 'sp_ann', "add_corroboration(%s, %1, 'fingerprint', 'card 9')" ],
	[ 'the determination', 'sp_bob', "determine_identity(%s, %1, 'fingerprint')" ]);

subtest 'SP: from nothing to an account' => sub {
	roles(qw(sp_ann sp_bob sp_eve sp_sys sp_fxa));
	acts('adm', [ 'an administrator prepares', <<'SQL' ]);
SELECT facesnxt.add_email_domain('SP', 'stpete.example'), facesnxt.define_course('SP', 'BFAS Information'), facesnxt.define_course('SP', 'Cyber Security Awareness');
SELECT facesnxt.enrol_member('SP', '4711', 'Ann', 'ann@stpete.example'), facesnxt.enrol_member('SP', '4712', 'Bob', 'bob@stpete.example');
SELECT facesnxt.appoint('SP', 'system_administrator', 'sp_sys', 'sys@stpete.example'), facesnxt.appoint('SP', 'facesnxt_administrator', 'sp_fxa');
SELECT facesnxt.admit(r) FROM unnest('{sp_ann,sp_bob,sp_eve}'::regrole[]) r
SQL
	acts('sp_ann',
		[ 'SP-IV.A.1: no search without an account', $search->(), 'NX301', 'SP-IV.A.1' ],
		[ 'SP-IV.A.1.c.1.a: no account by another address', "SELECT facesnxt.register_account('SP', 'ann\@mail.example')", 'NX332', 'SP-IV.A.1.c.1.a' ],
		[ 'SP-IV.A.1.{a,b}: she registers', "SELECT facesnxt.register_account('SP', 'Ann\@stpete.example')" ],
		[ 'SP-IV.A.1.d: no search before the address is verified', $search->(), 'NX302', 'SP-IV.A.1' ],
		[ 'SP-IV.A.1.d: a wrong token verifies nothing', "SELECT facesnxt.verify_address(repeat('0', 64))", 'NX333', 'SP-IV.A.1.d' ],
		[ 'SP-IV.A.1.f.1: no training before', "SELECT facesnxt.take_course('BFAS Information')", 'NX330', 'SP-IV.A.1.d' ]);
	fails('sp_eve', 'SP-IV.A.1: one account for an address', "SELECT facesnxt.register_account('SP', 'ann\@stpete.example')", '23505', 'SP-IV.A.1');
	fails('sp_sys', 'SP-IV.A.1.d: no decision before', "SELECT facesnxt.decide_account('sp_ann', true)", 'NX330', 'SP-IV.A.1.d');
	$token = mailed('verify');
	acts('sp_ann',
		[ 'SP-IV.A.1.d: the token that was mailed verifies', "SELECT facesnxt.verify_address('$token')" ],
		[ 'SP-IV.A.1.d: it does so once', "SELECT facesnxt.verify_address('$token')", 'NX333', 'SP-IV.A.1.d' ],
		[ 'SP-IV.A.1.e: no search before the approval', $search->(), 'NX302', 'SP-IV.A.1' ],
		[ 'SP-IV.A.1.f.1: no training before the approval', "SELECT facesnxt.take_course('BFAS Information')", 'NX330', 'SP-IV.A.1.e' ],
		[ 'SP-IV.A.1.e: nobody approves for herself', "SELECT facesnxt.decide_account('sp_ann', true)", 'NX331', 'SP-IV.A.1.e' ]);
	acts('sp_fxa', [ 'SP-IV.A.1.e: nor does another office', "SELECT facesnxt.decide_account('sp_ann', true)", 'NX331', 'SP-IV.A.1.e' ]);
	acts('sp_sys', [ 'SP-IV.A.1.e: the System Administrator approves', "SELECT facesnxt.decide_account('sp_ann', true)" ]);
	acts('sp_ann',
		[ 'SP-IV.A.1.h: nobody passes a course by saying so', "SELECT facesnxt.record_course('sp_ann', 'BFAS Information', 1, true)", 'NX331', 'SP-IV.A.1.f' ],
		[ 'SP-IV.A.1.g: a payroll number that is not hers', "SELECT facesnxt.acknowledge_training('4712')", 'NX335', 'SP-IV.A.1.g' ],
		[ 'SP-IV.A.1.f: no search before the training', $search->(), 'NX302', 'SP-IV.A.1' ]);
	acts('adm',
		[ 'SP-IV.A.1.f: one course is passed', "SELECT facesnxt.record_course('sp_ann', 'BFAS Information', 1, true)" ],
		[ 'SP-IV.A.1.h: one of two is not all', "SELECT facesnxt.set_account_status('sp_ann', 'active', NULL)", 'NX330', 'SP-IV.A.1.f' ],
		[ 'SP-IV.A.1.f: the other one is', "SELECT facesnxt.record_course('sp_ann', 'Cyber Security Awareness', 1, true)" ],
		[ 'SP-IV.A.1.g: the acknowledgement is missing yet', "SELECT facesnxt.set_account_status('sp_ann', 'active', NULL)", 'NX330', 'SP-IV.A.1.g' ]);
	acts('sp_ann', [ 'SP-IV.A.1.g: no search before the acknowledgement', $search->(), 'NX302', 'SP-IV.A.1' ]);
	like(said(), qr/HINT:  Next: the applicant: facesnxt\.acknowledge_training/, 'SP-IV.A.1.g: which is said to be the next step');
	acts('sp_ann', [ 'SP-IV.A.1.g: her own payroll number', "SELECT facesnxt.acknowledge_training('4711')" ]);
	is(value("SELECT string_agg(e.step, ' ' ORDER BY e.number) || ' ' || min(a.status) FROM facesnxt.account a JOIN facesnxt.account_event e USING (account_id)
		WHERE a.role = 'sp_ann'::regrole"), 'registered verified approved auto-grant active', 'SP-IV.A.1.h: access is granted by the last step');

	# a second one, who is taken through without detours
	acts('sp_bob', [ 'SP-IV.A.1: a second person registers', "SELECT facesnxt.register_account('SP', 'bob\@stpete.example')" ]);
	$token = mailed('verify');
	acts('sp_bob', [ 'is verified', "SELECT facesnxt.verify_address('$token')" ]);
	acts('sp_sys', [ 'is approved', "SELECT facesnxt.decide_account('sp_bob', true)" ]);
	acts('adm', [ 'is trained', "SELECT facesnxt.record_course('sp_bob', c, 1, true) FROM unnest('{BFAS Information,Cyber Security Awareness}'::text[]) c" ]);
	acts('sp_bob', [ 'acknowledges', "SELECT facesnxt.acknowledge_training('4712')" ]);
};

subtest 'SP: from a case to an arrest' => sub {
	my @out = acts('sp_ann',
		[ 'SP-I.B: the search', $search->() ],
		[ 'SP-IV.B.2: its evaluation is due', "SELECT what, clause FROM facesnxt.my_due" ]);
	$found = found($out[0]);
	is(scalar @{ $found->{person} }, 4, 'SP-III.C: four leads');
	is($out[1], 'evaluation|SP-IV.B.2', 'SP-IV.B.2: and nothing else is');
	acts('sp_ann',
		[ 'SP-I.D: no arrest on the list alone', at($found, "request_action(%s, %1, 'arrest')"), 'NX355', 'SP-IV.B.2' ],
		[ 'NM-V.C: the list is looked at', "SELECT * FROM facesnxt.view_candidate('$found->{search}', 1, '{name}')" ],
		[ 'SP-III.F: a worksheet goes through all features', at($found, "compare_candidate(%s, %1, 'possible match', '{\"ears\": \"similar\"}')"), 'NX353', 'SP-III.F' ],
		[ 'SP-I.D: comparing identifies nobody', at($found, "compare_candidate(%s, %1, 'identified', '$worksheet')"), 'NX362', 'SP-I.D' ],
		[ 'SP-IV.B.2: no match without comparison', at($found, 'decide_match(%s, true, %1)'), 'NX355', 'SP-IV.B.2' ],
		[ 'SP-I.D: a list does not corroborate itself', at($found, "add_corroboration(%s, %1, 'face search', 'the list')"), 'NX356', 'SP-I.D' ],
		[ 'SP-I.C: nor is an identity determined by it', at($found, "determine_identity(%s, %1, 'the list')"), 'NX357', 'SP-I.D' ]);
	acts('sp_bob', [ 'SP-IV.B.2: who neither searched nor has the case does not evaluate',
		at($found, "compare_candidate(%s, %1, 'possible match', '$worksheet')"), 'NX350', 'SP-IV.B.2' ]);
	goes($found, 'SP-III.F', \@way);
	acts('sp_ann',
		[ 'SP-I.D: the arrest', at($found, "request_action(%s, %1, 'arrest', 'fingerprint')") ],
		[ 'SP-I.C: the warrant, the witness', at($found, "request_action(%s, %1, 'arrest warrant')") . '; ' . at($found, "request_action(%s, %1, 'witness contact')") ],
		[ 'SP-I.D: the lead is confirmed', at($found, "record_outcome(%s, 'lead confirmed', %1, 'fingerprint')") ],
		[ 'SP-IV.B.2: the report', at($found, "file_report(%s, 'SP 22-7', true)") ],
		[ 'SP-IV.B.1: the results are handed over', at($found, "deliver_results(%s, 'sp_bob')") ]);
	acts('adm', [ 'SP-IV.B.2: the case is assigned', "SELECT facesnxt.assign_case('SP', '22-7', 'sp_bob', 'investigator')" ]);
	acts('sp_bob', [ 'SP-IV.B.2: then its investigator evaluates, too', at($found, "compare_candidate(%s, %2, 'excluded', '$worksheet')") ]);
};

subtest 'SP: what is refused of a search' => sub {
	acts('sp_ann',
		[ 'SP-I.A: an unlisted purpose', $search->(purpose => 'curiosity'), 'NX305', 'SP-I.A' ],
		[ 'SP-I.A: no purpose', $search->(purpose => undef), 'NX305', 'SP-I.A' ],
		[ 'SP-I.B: Internal Affairs is no criminal justice', $search->(purpose => 'internal_affairs'), 'NX305', 'SP-I.A' ],
		[ 'SP-I.B: which other purpose of criminal justice', $search->(purpose => 'criminal_justice'), 'NX317', 'SP-I.B' ],
		[ 'SP-I.B: is said', $search->(purpose => 'criminal_justice', fields => { limb => 'parole' }) ],
		[ 'SP-I.A: a case that there is not', $search->(case => 'S-1'), 'NX303', 'SP-I.A' ],
		[ 'SP-I.A: no case is lawful', $search->(case => undef) ],
		[ 'SP-IV.A.2: a snapshot of the past', 'BEGIN ISOLATION LEVEL REPEATABLE READ; ' . $search->(), 'NX306', 'SP-IV.A.2' ],
		[ 'SP-IV.A.2: is given up', 'ROLLBACK' ],
		[ 'NM-V.B: no probe', $search->(template => undef, photo => 'NULL'), '22004' ],
		[ 'SP-III.C: no list of one', $search->() =~ s/candidates => 4/candidates => 1/r, '22023' ]);
	acts('adm', [ 'SP-IV.A.1.f: a course that is to be taken anew', "SELECT facesnxt.define_course('SP', 'BFAS Information', 2, true)" ]);
	acts('sp_ann',
		[ 'SP-IV.A.1.f: stops the search', $search->(), 'NX314', 'SP-IV.A.1.f', 'SP-IV.A.1' ],
		[ 'SP-IV.A.1.f: she takes it', "SELECT facesnxt.take_course('BFAS Information')" ]);
	acts('adm', [ 'SP-IV.A.1.h: passes', "SELECT facesnxt.record_course('sp_ann', 'BFAS Information', 2, true)" ]);
	acts('sp_ann',
		[ 'SP-IV.A.1: and searches', $search->() ],
		[ 'SP-I.A: another system that is not registered', "SELECT facesnxt.record_external_search('Other', now(), '22-7', 'criminal_investigation', 'robbery', 'none')", 'NX392', 'SP-I.A' ]);
	acts('adm', [ 'SP-I.A: is registered', "SELECT facesnxt.register_platform('SP', 'Other', 'commercial', 'a company')" ]);
	acts('sp_ann',
		[ 'SP-I.A: and searched for an unlisted purpose', "SELECT facesnxt.record_external_search('Other', now(), '22-7', 'curiosity', 'robbery', 'none')", 'NX305', 'SP-I.A' ],
		[ 'SP-I.A: or a lawful one', "SELECT facesnxt.record_external_search('Other', now(), '22-7', 'criminal_investigation', 'robbery', 'none')" ]);
	is(value("SELECT string_agg(concat_ws(' ', status, sqlstate, clause), ', ' ORDER BY recorded_at) FROM facesnxt.external_search WHERE acting_role = 'sp_ann'"),
		'refused NX392 SP-I.A, refused NX305 SP-I.A, registered', 'SP-I.A: all of it is on record');
};

subtest 'SP: what is refused of an action' => sub {
	my @refusals = (
		[ 'the evaluation', 'NX355', 'SP-IV.B.2', 'the determination' ],
		[ 'another ground', 'NX357', 'SP-I.D', 'the determination' ],
		[ 'the determination', 'NX358', 'SP-I.C' ]);
	foreach my $refusal (@refusals)
	{
		my ($missing, $code, $clause, @after) = @$refusal;
		my $made = found(scalar acts('sp_ann', [ "SP-I.D: a search, and all but $missing", $search->() ]));
		goes($made, 'SP-I.D', \@way, $missing, @after);
		acts('sp_ann', map { [ "$clause: without $missing no $_", at($made, "request_action(%s, %1, '$_')"), $code, $clause ] }
			$missing eq 'another ground' ? 'arrest' : ('arrest', 'arrest warrant', 'search warrant', 'witness contact', 'next-of-kin notice'));
	}
	acts('sp_ann',
		[ 'SP-IV.B.2: nor of another candidate', at($found, "request_action(%s, %3, 'arrest')"), 'NX355', 'SP-IV.B.2' ],
		[ 'SP-I.D: nor of who was none', at($found, "request_action(%s, gen_random_uuid(), 'arrest')"), 'NX308' ],
		[ 'SP-I.C: what is corroborated is withdrawn', "SELECT facesnxt.withdraw_corroboration(item_id, 'another card') FROM facesnxt.my_corroborations WHERE search_id = '$found->{search}'" ],
		[ 'SP-I.D: and carries no arrest any more', at($found, "request_action(%s, %1, 'arrest')"), 'NX357', 'SP-I.D' ]);
};

subtest 'SP: a second person compares blindly' => sub {
	my $made = found(scalar acts('sp_ann', [ 'SP-III.F: a search', $search->(case => '22-8') ]));
	acts('sp_ann',
		[ 'SP-III.F: the first comparison', at($made, "compare_candidate(%s, %1, 'possible match', '$worksheet')") ],
		[ 'SP-III.F: nobody reviews what is theirs', at($made, "ask_review(%s, %1, 'sp_ann')"), 'NX354', 'SP-III.F' ],
		[ 'SP-III.F: another person is asked', at($made, "ask_review(%s, %1, 'sp_bob')") ]);
	my @out = acts('sp_bob',
		[ 'SP-III.F: who sees no candidate', "SELECT count(*) FROM facesnxt.my_candidates WHERE search_id = '$made->{search}'" ],
		[ 'SP-III.F: nor looks at one', "SELECT * FROM facesnxt.view_candidate('$made->{search}', 1, '{name}')", 'NX354' ],
		[ 'SP-III.F: nor concludes without all features', "SELECT facesnxt.give_review(review_id, 'possible match', '{\"ears\": \"similar\"}') FROM facesnxt.my_reviews", 'NX353', 'SP-III.F' ],
		[ 'SP-III.F: the answer', "SELECT facesnxt.give_review(review_id, 'possible match', '$worksheet') FROM facesnxt.my_reviews" ],
		[ 'SP-III.F: after it the list is in sight', "SELECT count(*) FROM facesnxt.my_candidates WHERE search_id = '$made->{search}'" ],
		[ 'SP-III.F: and the answer stays', "SELECT facesnxt.give_review(review_id, 'excluded', '$worksheet') FROM facesnxt.my_reviews", 'NX365' ]);
	is("$out[0] $out[4]", '0 4', 'SP-III.F: blind until the answer');
};

subtest 'SP: the end of an account' => sub {
	acts('sp_bob', [ 'SP-IV.A.2: a colleague does not revoke', "SELECT facesnxt.revoke_account('sp_ann', 'no need')", 'NX331', 'SP-IV.A.2' ]);
	acts('sp_fxa',
		[ 'SP-IV.A.2: nor is misuse a listed reason here', "SELECT facesnxt.revoke_account('sp_bob', 'misuse')", 'NX338', 'SP-IV.A.2' ],
		[ 'SP-IV.A.2.a: the Administrator revokes', "SELECT facesnxt.revoke_account('sp_bob', 'no need')" ]);
	value('GRANT sp_bob TO gateway');
	swept();
	is(value("SELECT status || ' ' || pg_has_role('sp_bob', 'facesnxt_investigator', 'MEMBER')::text || ' ' || (SELECT rolcanlogin::text FROM pg_roles WHERE rolname = 'sp_bob')
		FROM facesnxt.account WHERE role = 'sp_bob'::regrole"), 'revoked false false', 'SP-IV.A.2: cut off at once');
	acts('gateway', [ 'SP-IV.A.2: whoever acts as the revoked account', 'SET ROLE sp_bob; ' . $search->(), 'NX302', 'SP-IV.A.2' ]);
	acts('adm',
		[ 'SP-IV.A.2: stays so', "SELECT facesnxt.set_account_status('sp_bob', 'active', NULL)", 'NX302' ],
		[ 'SP-IV.A.2.b: separation is a reason of the roster', "SELECT facesnxt.separate_member('SP', '4712')" ]);
};

1;
