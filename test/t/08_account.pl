# The life of an account under each of the five policies, by the real roles in
# sessions of their own: the lawful path to a search, then what is refused.
# Request desks, pace and the like are tested elsewhere: those rules are left out.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Facesnxt;
use Test::More;

my $node = new_node('account', conf => "listen_addresses = '127.0.0.1'\n");

# What a role does in a session of its own, and what comes of it.
sub does
{
	my ($role, $sql, $what) = @_;
	my ($status, $out, $err) = as_role($node, $role, $sql);
	is($err =~ s/^.*NOTICE.*$//mgr =~ s/^(HINT|LOCATION).*$//mgr =~ s/\s+//gr, '', $what);
	return $out;
}

sub refused
{
	my ($role, $sql, $code, $says, $what) = @_;
	my ($status, $out, $err) = as_role($node, $role, $sql);
	like($err, qr/ERROR:  $code.*$says/s, $what);
	return;
}

sub value
{
	my ($sql) = @_;
	return $node->safe_psql('postgres', $sql);
}

sub roles
{
	value(join('', map { "CREATE ROLE $_ LOGIN; " } @_));
	return;
}

# An agency with a case, under a shipped policy; changes replaces the values of rules.
sub agency
{
	my ($code, $shipped, $changes) = @_;
	$changes //= '{}';
	value(<<SQL);
SET ROLE adm;
SELECT facesnxt.create_agency('$code', '$code police');
SELECT facesnxt.open_case('$code', '22-1', 'robbery');
RESET ROLE;
SELECT facesnxt.adopt_policy('$code', document => s.document || jsonb_build_object('rules', (
	SELECT jsonb_agg(CASE WHEN '$changes'::jsonb ? (r->>'rule') THEN jsonb_set(r, '{value}', '$changes'::jsonb->(r->>'rule')) ELSE r END)
	FROM jsonb_array_elements(s.document->'rules') r JOIN facesnxt.rule k ON k.rule = r->>'rule' AND k.area <> 'search')))
FROM facesnxt.shipped_policy s WHERE s.code = '$shipped';
SQL
	return;
}

sub status_of
{
	my ($role) = @_;
	return value("SELECT status FROM facesnxt.account WHERE role = '$role'::regrole");
}

sub steps_of
{
	my ($role) = @_;
	return value("SELECT string_agg(e.step, ' ' ORDER BY e.number) FROM facesnxt.account_event e JOIN facesnxt.account a USING (account_id) WHERE a.role = '$role'::regrole");
}

sub investigates
{
	my ($role) = @_;
	return value("SELECT pg_has_role('$role', 'facesnxt_investigator', 'MEMBER')");
}

sub search_for
{
	my ($purpose, $repositories) = @_;
	$repositories = $repositories ? "'{$repositories}'" : 'NULL';
	return "SELECT count(*) FROM facesnxt.search_template('[1,0,0]', '22-1', '$purpose', 'account', repositories => $repositories, candidates => 5, "
	  . q~fields => '{"attested": true, "capture_basis": "consensual encounter"}', overrides => '{"case_assigned": "test of accounts"}')~;
}

sub searches
{
	my ($role, $purpose, $what, $repositories) = @_;
	is(does($role, search_for($purpose, $repositories), "$what: not refused"), '5', $what);
	return;
}

sub taken_from
{
	my ($kind) = @_;
	return (as_role($node, 'mailer', "SELECT token FROM facesnxt.take_mail() WHERE kind = '$kind'"))[1];
}

# Cut off, whichever way: the server, the group or the gate.
sub cut_off
{
	my ($role, $purpose, $what) = @_;
	my ($status, $out, $err) = as_role($node, $role, search_for($purpose));
	is($out, '', "$what: no candidate");
	is(investigates($role) . ' ' . status_of($role), 'f revoked', "$what: revoked, and no investigator");
	refused('adm', "SELECT facesnxt.set_account_status('$role', 'active', NULL)", 'NX302', 'stays revoked', "$what: for ever");
	return;
}

roles('mailer', 'gateway');
value('GRANT facesnxt_mailer TO mailer');

subtest 'St. Petersburg' => sub {
	my $purpose = 'criminal_investigation';
	agency('SP5', 'SP');
	roles(qw(sp_ann sp_bob sp_eve sp_sys sp_fxa));
	does('adm', <<'SQL', 'an administrator prepares');
SELECT facesnxt.add_email_domain('SP5', 'StPete.example');
SELECT facesnxt.define_course('SP5', c, 3, instructions => 'at the training site') FROM unnest('{BFAS Information,Cyber Security Awareness}'::text[]) c;
SELECT facesnxt.enrol_member('SP5', '4711', 'Ann', 'Ann@stpete.example'), facesnxt.enrol_member('SP5', '4712', 'Bob', 'bob@stpete.example', false);
SELECT facesnxt.appoint('SP5', 'system_administrator', 'sp_sys', 'sys@stpete.example'), facesnxt.appoint('SP5', 'facesnxt_administrator', 'sp_fxa');
SELECT facesnxt.admit(r) FROM unnest('{sp_ann,sp_bob,sp_eve}'::regrole[]) r;
SQL
	refused('sp_ann', search_for($purpose), 'NX301', 'SP5|bound', 'SP-IV.A.1: no search without an account');

	for my $address ('ann@mail.example', 'ann@stpete.example.org', 'ann@x@stpete.example', 'a n@stpete.example', '@stpete.example', '')
	{
		refused('sp_ann', "SELECT facesnxt.register_account('SP5', '$address')", 'NX332', 'SP-IV.A.1.c.1.a', "SP-IV.A.1.c.1.a: \"$address\" is not the department's");
	}
	does('sp_ann', "SELECT facesnxt.register_account('SP5', 'Ann\@StPete.Example')", 'SP-IV.A.1.c.1.a: the department\'s address');
	is(value("SELECT email FROM facesnxt.account WHERE role = 'sp_ann'::regrole"), 'ann@stpete.example', 'SP-IV.A.1.c.1.a: in lower case');
	refused('sp_eve', "SELECT facesnxt.register_account('SP5', 'ANN\@stpete.example')", '23505', 'SP-IV.A.1', 'SP-IV.A.1: one account for an address');
	refused('sp_ann', "SELECT facesnxt.register_account('SP5', 'ann2\@stpete.example')", '23505', 'SP-IV.A.1', 'SP-IV.A.1: one account for a person');
	is(value("SELECT by_role || ' ' || by_session FROM facesnxt.account_event e JOIN facesnxt.account a USING (account_id) WHERE a.role = 'sp_ann'::regrole"),
		'sp_ann sp_ann', 'SP-IV.A.1.a-b: who registered is recorded');

	refused('sp_sys', "SELECT facesnxt.decide_account('sp_ann', true)", 'NX330', 'SP-IV\.A\.1\.d', 'SP-IV.A.1.d: no decision before the address is verified');
	refused('adm', "SELECT facesnxt.set_account_status('sp_ann', 'active', NULL)", 'NX330', 'SP-IV\.A\.1\.d', 'SP-IV.A.1.f.1: an administrator cannot skip a state');
	refused('sp_ann', "SELECT facesnxt.take_course('BFAS Information')", 'NX330', 'SP-IV\.A\.1\.d', 'SP-IV.A.1.f.1: no training before that');
	my $token = taken_from('verify');
	like($token, qr/^[0-9a-f]{64}$/, 'SP-IV.A.1.d: a token is mailed');
	is(value("SELECT bool_and(sha256 = sha256('$token'::bytea)), bool_or(m::text LIKE '%$token%') FROM facesnxt.email_token, facesnxt.mail m"), 't|f',
		'SP-IV.A.1.d: only its hash is kept');
	is(value("SELECT expires_at - at BETWEEN '71 h' AND '73 h' FROM facesnxt.email_token"), 't', 'SP-IV.A.1.d: it expires');
	is(taken_from('verify'), '', 'SP-IV.A.1.d: and is handed over once');
	refused('sp_ann', "SELECT facesnxt.verify_address('" . ('0' x 64) . "')", 'NX333', 'SP-IV\.A\.1\.d', 'SP-IV.A.1.d: another token does not hold');
	does('sp_ann', "SELECT facesnxt.verify_address('$token')", 'SP-IV.A.1.d: the address is verified');
	refused('sp_ann', "SELECT facesnxt.verify_address('$token')", 'NX333', 'used', 'SP-IV.A.1.d: a token holds once');

	is(value("SELECT recipient, body->>'email' FROM facesnxt.mail WHERE kind = 'decide'"), 'sys@stpete.example|ann@stpete.example',
		'SP-IV.A.1.e: the System Administrator has mail with the data of the user');
	refused('sp_ann', "SELECT facesnxt.take_course('BFAS Information')", 'NX330', 'SP-IV\.A\.1\.e', 'SP-IV.A.1.f.1: no training before the approval');
	refused('sp_ann', "SELECT facesnxt.acknowledge_training('4711')", 'NX330', 'SP-IV\.A\.1\.e', 'SP-IV.A.1.f.1: no acknowledgement before the approval');
	refused($_, "SELECT facesnxt.decide_account('sp_ann', true)", 'NX331', 'system_administrator|no such account', "SP-IV.A.1.e: $_ does not decide") for qw(sp_ann sp_fxa sp_eve);
	does('sp_sys', "SELECT facesnxt.decide_account('sp_ann', true, 'detective')", 'SP-IV.A.1.e: the System Administrator approves');
	is(value("SELECT string_agg(c->>'course' || ' ' || (c->>'version') || ' ' || (c->>'instructions'), ', ') FROM facesnxt.mail, jsonb_array_elements(body->'courses') c WHERE kind = 'training'"),
		'BFAS Information 3 at the training site, Cyber Security Awareness 3 at the training site', 'SP-IV.A.1.f: mail with the instructions of both courses');

	refused('sp_ann', "SELECT facesnxt.record_course('sp_ann', 'BFAS Information', 3, true)", 'NX331', 'trainer', 'SP-IV.A.1.h: nobody passes a course by saying so');
	refused('adm', "SELECT facesnxt.record_course('sp_ann', 'BFAS Information', 2, true)", 'NX334', 'Version 2', 'SP-IV.A.1.f: of the version that was assigned');
	does('adm', "SELECT facesnxt.record_course('sp_ann', 'BFAS Information', 3, true)", 'SP-IV.A.1.f: one course is passed');
	does('adm', "SELECT facesnxt.record_course('sp_ann', 'Cyber Security Awareness', 3, false)", 'SP-IV.A.1.f: the other is not');
	refused('sp_ann', "SELECT facesnxt.acknowledge_training('$_')", 'NX335', 'SP-IV\.A\.1\.g', "SP-IV.A.1.g: payroll number $_ is not hers") for ('4712', '9999', '');
	does('sp_ann', "SELECT facesnxt.acknowledge_training('4711')", 'SP-IV.A.1.g: her own is');
	refused('sp_ann', search_for($purpose), 'NX302', 'approved', 'SP-IV.A.1.h: no search before all courses are passed');
	is(value("SELECT clause, missing FROM facesnxt.account_missing WHERE role = 'sp_ann'::regrole"), 'SP-IV.A.1.f|course "Cyber Security Awareness"', 'what is missing is listed');
	does('adm', "SELECT facesnxt.record_course('sp_ann', 'Cyber Security Awareness', 3, true)", 'SP-IV.A.1.h: the last course');
	is(steps_of('sp_ann'), 'registered verified approved auto-grant', 'SP-IV.A.1.h: grants access, which is recorded as such');
	is(investigates('sp_ann'), 't', 'SP-IV.A.1.h: she is an investigator now');
	searches('sp_ann', $purpose, 'SP-IV.A.1: the search of an account in order');
	is(value("SELECT facts->'account'->'courses'->'BFAS Information'->'passed'->>'version' FROM facesnxt.search WHERE acting_role = 'sp_ann' AND status = 'completed'"),
		'3', 'SP-IV.A.1.f: the search keeps which version was passed');

	# a version that must be taken anew
	does('adm', "SELECT facesnxt.define_course('SP5', 'BFAS Information', 4, true)", 'a new version of a course');
	refused('sp_ann', search_for($purpose), 'NX314', 'BFAS Information.*SP-IV\.A\.1\.f', 'SP-IV.A.1.f: asks for training anew');
	does('sp_ann', "SELECT facesnxt.take_course('BFAS Information')", 'she takes it');
	does('adm', "SELECT facesnxt.record_course('sp_ann', 'BFAS Information', 4, true)", 'and passes it');
	searches('sp_ann', $purpose, 'SP-IV.A.1.f: and searches again');

	# a denial, and another attempt
	does('sp_bob', "SELECT facesnxt.register_account('SP5', 'bob\@stpete.example')", 'a second one registers');
	$token = taken_from('verify');
	refused('sp_ann', "SELECT facesnxt.verify_address('$token')", 'NX333', 'SP-IV', 'SP-IV.A.1.d: a token is one person\'s');
	does('sp_bob', "SELECT facesnxt.verify_address('$token')", 'and is verified');
	refused('sp_sys', "SELECT facesnxt.decide_account('sp_bob', false)", 'NX330', 'reason', 'SP-IV.A.1.e: a denial has a reason');
	does('sp_sys', "SELECT facesnxt.decide_account('sp_bob', false, 'no need')", 'SP-IV.A.1.e: he is denied');
	refused('sp_sys', "SELECT facesnxt.decide_account('sp_bob', true)", 'NX330', 'denied', 'SP-IV.A.1.e: what is decided is decided');
	refused('adm', "SELECT facesnxt.set_account_status('sp_bob', 'active', NULL)", 'NX330', '.', 'SP-IV.A.1.e: nobody activates a denied account');
	refused('sp_bob', search_for($purpose), 'NX302', 'denied', 'SP-IV.A.1.e: which searches nothing');
	does('sp_bob', "SELECT facesnxt.register_account('SP5', 'bob\@stpete.example')", 'he asks anew');
	refused('sp_bob', "SELECT facesnxt.verify_address('$token')", 'NX333', 'SP-IV', 'SP-IV.A.1.d: the old token does not hold');

	# revocation
	refused('sp_ann', "SELECT facesnxt.revoke_account('sp_bob', 'no need')", 'NX331', 'facesnxt_administrator', 'SP-IV.A.2: only the administrator revokes');
	refused('sp_fxa', "SELECT facesnxt.revoke_account('sp_ann', 'holiday')", 'NX338', 'no need, separation.*SP-IV\.A\.2', 'SP-IV.A.2: for a reason that is listed');
	does('sp_fxa', "SELECT facesnxt.revoke_account('sp_ann', 'no need', 'moved to records')", 'SP-IV.A.2.a: no need any more');
	cut_off('sp_ann', $purpose, 'SP-IV.A.2.a');
	does('adm', "SELECT facesnxt.separate_member('SP5', '4712')", 'SP-IV.A.2.b: the roster says that he left');
	cut_off('sp_bob', $purpose, 'SP-IV.A.2.b');
	refused('sp_eve', "SELECT facesnxt.set_account_status('sp_ann', 'active', NULL)", '42501', '.', 'SP-IV.A.2: nobody but an administrator sets a status');

	agency('SPX', 'SP', '{"verification_hours": 0}');
	roles('sp_late');
	does('adm', "SELECT facesnxt.add_email_domain('SPX', 'x.example'), facesnxt.admit('sp_late')", 'an agency whose tokens hold no time');
	does('sp_late', "SELECT facesnxt.register_account('SPX', 'late\@x.example')", 'somebody registers');
	refused('sp_late', "SELECT facesnxt.verify_address('" . taken_from('verify') . "')", 'NX333', 'expired', 'SP-IV.A.1.d: an expired token does not hold');
	does('sp_late', 'SELECT facesnxt.request_verification()', 'and asks for another token');
	like(taken_from('verify'), qr/^[0-9a-f]{64}$/, 'SP-IV.A.1.d: which is mailed');
};

subtest 'no role skips a state' => sub {
	my ($status, $out, $err) = $node->psql('postgres', "UPDATE facesnxt.account SET status = 'active' WHERE role = 'sp_late'::regrole");
	like($err, qr/refused/, 'SP-IV.A.1.f.1: not even the owner sets a status without its step');
	($status, $out, $err) = $node->psql('postgres', "INSERT INTO facesnxt.account_event (account_id, number, step, from_status, to_status)
		SELECT account_id, 2, 'auto-grant', 'denied', 'active' FROM facesnxt.account WHERE role = 'sp_late'::regrole");
	like($err, qr/account_event_order/, 'SP-IV.A.1.f.1: nor records a step that skips one');
	($status, $out, $err) = $node->psql('postgres', 'DELETE FROM facesnxt.account_event');
	like($err, qr/append-only/, 'SP-IV.A.1.f.1: nor removes one');
	($status, $out, $err) = $node->psql('postgres', "DELETE FROM facesnxt.account WHERE role = 'sp_late'::regrole");
	like($err, qr/refused/, 'SP-IV.A.1: nor removes an account');
	is(value('SELECT count(*) FROM facesnxt.account_mismatch'), '0', 'every status is where its steps led');
	refused('sp_late', $_, '42501', '.', "an applicant cannot: $_") for (
		"SELECT facesnxt.account_step((SELECT account_id FROM facesnxt.acting_account()), 'activated', 'active', NULL)",
		"UPDATE facesnxt.account SET status = 'active'", 'SELECT * FROM facesnxt.account', 'SELECT * FROM facesnxt.take_mail()',
		"SELECT facesnxt.open_account('SPX', 'sp_late')", "SELECT facesnxt.set_membership('sp_late', 'facesnxt_investigator', true)");
	refused('adm', "SELECT facesnxt.open_account('SPX', 'facesnxt_admin')", 'NX332', 'person', 'SP-IV.A.1: a group has no account');
};

subtest 'North Miami' => sub {
	my $purpose = 'criminal_investigation';
	agency('NM5', 'NM');
	roles(qw(nm_ann nm_bob nm_sup nm_sup2 nm_cmd nm_chief));
	does('adm', <<'SQL', 'an administrator prepares');
SELECT facesnxt.define_course('NM5', 'FACESNXT online training'), facesnxt.publish_agreement('NM5', 'Use it well.');
SELECT facesnxt.appoint('NM5', 'supervisor', 'nm_sup', unit => 'Investigative Section'), facesnxt.appoint('NM5', 'supervisor', 'nm_sup2', unit => 'Patrol'),
	facesnxt.appoint('NM5', 'investigative_section_commander', 'nm_cmd'), facesnxt.appoint('NM5', 'chief', 'nm_chief');
SELECT facesnxt.set_unit('NM5', r, 'Investigative Section') FROM unnest('{nm_ann,nm_bob,nm_sup}'::regrole[]) r;
SELECT facesnxt.admit('nm_ann');
SQL
	my $approve = "SELECT facesnxt.approve_registration('NM5', '%s', '%s')";
	refused('nm_ann', "SELECT facesnxt.register_account('NM5')", 'NX330', 'NM-V\.A\.2', 'NM-V.A.2: no registration without approval');
	refused('adm', "SELECT facesnxt.open_account('NM5', 'nm_ann')", 'NX330', 'NM-V\.A\.2', 'NM-V.A.2: not by an administrator either');
	is(value("SELECT count(*) FROM facesnxt.account WHERE role = 'nm_ann'::regrole"), '0', 'NM-V.A.2: nothing was registered');
	refused('nm_sup2', sprintf($approve, 'supervisor', 'nm_ann'), 'NX331', 'NM-V\.A\.2', 'NM-V.A.2: another unit\'s supervisor does not approve');
	refused('nm_ann', sprintf($approve, 'supervisor', 'nm_ann'), 'NX331', '.', 'NM-V.A.2: nor does the applicant');
	refused('nm_sup', sprintf($approve, 'supervisor', 'nm_sup'), 'NX331', 'themselves', 'NM-V.A.2: nor a supervisor for oneself');
	refused('nm_sup', sprintf($approve, 'investigative_section_commander', 'nm_ann'), 'NX331', 'NM-V\.A\.2', 'NM-V.A.2: nor a supervisor as Commander');
	refused('nm_chief', sprintf($approve, 'chief', 'nm_ann'), 'NX331', 'nobody.*NM-V\.A\.2', 'NM-V.A.2: nor an office that the policy does not name');
	does('nm_sup', sprintf($approve, 'supervisor', 'nm_ann'), 'NM-V.A.2: the assigned supervisor approves');
	refused('nm_ann', "SELECT facesnxt.register_account('NM5')", 'NX330', 'investigative_section_commander \(NM-V\.A\.2\)', 'NM-V.A.2: one approval is not enough');
	value("GRANT nm_cmd TO nm_sup");
	refused('nm_sup', 'SET ROLE nm_cmd; ' . sprintf($approve, 'investigative_section_commander', 'nm_ann'), 'NX331', 'same person', 'NM-V.A.2: SET ROLE makes no second person');
	value("REVOKE nm_cmd FROM nm_sup; GRANT nm_cmd, nm_ann TO gateway");
	does('gateway', 'SET ROLE nm_cmd; ' . sprintf($approve, 'investigative_section_commander', 'nm_ann'), 'NM-V.A.2: the Commander approves, by a gateway');
	is(value("SELECT string_agg(by_role || ' ' || by_session, ', ' ORDER BY at) FROM facesnxt.registration_approval"), 'nm_sup nm_sup, nm_cmd gateway', 'NM-V.A.2: both identities are recorded');
	does('gateway', "SET ROLE nm_ann; SELECT facesnxt.register_account('NM5')", 'NM-V.A.2: registration after both');
	refused('nm_sup', sprintf($approve, 'supervisor', 'nm_ann'), 'NX330', 'NM-V\.A\.2', 'NM-V.A.2: an approval comes before');
	refused('adm', "SELECT facesnxt.set_account_status('nm_ann', 'active', NULL)", 'NX330', 'NM-V\.E\.3', 'NM-V.E.3: no access before the training');
	refused('nm_ann', search_for($purpose), 'NX302', 'pending', 'NM-V.E.3: no search either');
	does('adm', "SELECT facesnxt.record_course('nm_ann', 'FACESNXT online training', 1, true)", 'NM-V.E.3: the training is passed');
	refused('adm', "SELECT facesnxt.set_account_status('nm_ann', 'active', NULL)", 'NX330', 'agreement 1 \(NM-V\.A\.1\)', 'NM-V.A.1: no access before the user agreement is accepted');
	refused('nm_ann', 'SELECT facesnxt.accept_agreement(2)', 'NX336', 'NM-V\.A\.1', 'NM-V.A.1: the one in force');
	does('nm_ann', 'SELECT facesnxt.accept_agreement(version) FROM facesnxt.my_agreement', 'NM-V.A.1: which she accepts');
	is(steps_of('nm_ann'), 'registered auto-grant', 'NM-V.E.3: access follows');

	refused('nm_ann', search_for($purpose), 'NX315', 'driver_licence', 'NM-V.E.1: no search without a memorandum');
	does('adm', "SELECT facesnxt.record_mou('NM5', 'booking photos', '{sheriff}', now() + interval '1 year')", 'NM-V.E.1: one with the Sheriff');
	refused('nm_ann', search_for($purpose), 'NX315', 'sheriff and dhsmv, which "driver_licence" needs', 'NM-V.E.1: does not open driver licence photos');
	searches('nm_ann', $purpose, 'NM-V.E.1: but booking photos', 'booking');
	does('adm', "SELECT facesnxt.record_mou('NM5', 'to come', '{sheriff,dhsmv}', now() + interval '2 years', now() + interval '1 year')", 'NM-V.E.1: one to come');
	refused('nm_ann', search_for($purpose), 'NX315', 'dhsmv', 'NM-V.E.1: is not in force');
	does('adm', "SELECT facesnxt.record_mou('NM5', 'tri-party', '{dhsmv,sheriff}', now() + interval '1 year')", 'NM-V.E.1: the tri-party memorandum');
	searches('nm_ann', $purpose, 'NM-V.E.1: opens both');
	does('adm', "SELECT facesnxt.end_mou(mou_id, 'terminated') FROM facesnxt.mou WHERE title = 'tri-party'", 'NM-V.E.1: its end');
	refused('nm_ann', search_for($purpose), 'NX315', 'dhsmv', 'NM-V.E.1: closes them');
	does('adm', "SELECT facesnxt.record_mou('NM5', 'anew', '{dhsmv,sheriff}', now() + interval '1 year')", 'NM-V.E.1: and another one opens them');

	does('adm', "SELECT facesnxt.publish_agreement('NM5', 'Use it better.')", 'a newer agreement');
	refused('nm_ann', search_for($purpose), 'NX314', 'agreement 2 \(NM-V\.A\.1\)', 'NM-V.A.1: asks for acceptance anew');
	refused('nm_ann', 'SELECT facesnxt.accept_agreement(1)', 'NX336', 'version 2', 'NM-V.A.1: of itself');
	does('nm_ann', 'SELECT facesnxt.accept_agreement(2)', 'NM-V.A.1: which she accepts');
	searches('nm_ann', $purpose, 'NM-V.A.1: and searches again');

	# units: somebody of none, with an exception, and a transfer
	does('adm', "SELECT facesnxt.set_unit('NM5', 'nm_bob', 'Patrol')", 'a member of another unit');
	does('nm_sup2', sprintf($approve, 'supervisor', 'nm_bob'), 'is approved');
	does('nm_cmd', sprintf($approve, 'investigative_section_commander', 'nm_bob'), 'by both');
	does('nm_bob', "SELECT facesnxt.register_account('NM5'); SELECT facesnxt.accept_agreement(2)", 'and registers');
	does('adm', "SELECT facesnxt.record_course('nm_bob', 'FACESNXT online training', 1, true)", 'and is trained');
	refused('nm_bob', search_for($purpose), 'NX316', 'Patrol.*NM|Patrol', 'NM-VI.A: another unit does not search');
	refused('nm_cmd', "SELECT facesnxt.grant_unit_exception('nm_bob', now() + interval '1 day', 'help')", 'NX331', 'chief \(NM-VI\.A\)', 'NM-VI.A: the Commander makes no exception');
	refused('nm_chief', "SELECT facesnxt.grant_unit_exception('nm_bob', now() - interval '1 day', 'help')", 'NX341', 'NM-VI\.A', 'NM-VI.A: an exception has a term');
	does('nm_chief', "SELECT facesnxt.grant_unit_exception('nm_bob', now() + interval '1 day', 'task force')", 'NM-VI.A: the Chief makes one');
	searches('nm_bob', $purpose, 'NM-VI.A: under which he searches');
	is(value("SELECT facts->'account'->'unit_exception'->>'by' FROM facesnxt.search WHERE acting_role = 'nm_bob' AND status = 'completed'"), 'nm_chief', 'NM-VI.A: the search keeps who let him');

	does('adm', "SELECT facesnxt.set_unit('NM5', 'nm_ann', 'Accident Investigative Unit')", 'NM-VII.E.2: a move between units that search');
	is(status_of('nm_ann'), 'active', 'NM-VII.E.2: leaves the account');
	does('adm', "SELECT facesnxt.set_unit('NM5', 'nm_ann', 'Patrol')", 'NM-VII.E.2: a transfer');
	cut_off('nm_ann', $purpose, 'NM-VII.E.2');

	refused('nm_sup', "SELECT facesnxt.revoke_account('nm_bob', 'misuse')", 'NX331', 'investigative_section_commander', 'NM-VII.E: a supervisor does not revoke');
	refused('nm_cmd', "SELECT facesnxt.revoke_account('nm_bob', 'misuse')", 'NX338', 'NM-VII\.E', 'NM-VII.E.3: misuse refers to a violation');
	my $violation = does('nm_cmd', "SELECT facesnxt.report_violation('nm_bob', 'personal use', 'searched for a neighbour', (SELECT NULL::uuid))", 'NM-V.D: the violation is recorded');
	refused('nm_cmd', "SELECT facesnxt.report_violation('nm_bob', 'personal use', 'x', gen_random_uuid())", 'NX338', '.', 'NM-IX.A.7: with a search of the account or none');
	does('nm_cmd', "SELECT facesnxt.suspend_account('nm_bob', 'inquiry')", 'the Commander suspends at once');
	is(status_of('nm_bob') . investigates('nm_bob'), 'suspendedf', 'which takes access away');
	does('nm_cmd', "SELECT facesnxt.revoke_account('nm_bob', 'misuse', violation_id => '$violation')", 'NM-VII.E.3: misuse');
	is(value("SELECT e.by_role || ' ' || v.kind FROM facesnxt.account_event e JOIN facesnxt.violation v USING (violation_id)"), 'nm_cmd personal use', 'NM-IX.A.7: the revocation refers to the violation');
	cut_off('nm_bob', $purpose, 'NM-VII.E.3');

	roles(qw(nm_cal nm_dee));
	for my $applicant ('nm_cal', 'nm_dee')
	{
		does('adm', "SELECT facesnxt.set_unit('NM5', '$applicant', 'Investigative Section')", "$applicant joins the unit");
		does('nm_sup', sprintf($approve, 'supervisor', $applicant), 'is approved');
		does('nm_cmd', sprintf($approve, 'investigative_section_commander', $applicant), 'by both');
		does($applicant, "SELECT facesnxt.register_account('NM5'); SELECT facesnxt.accept_agreement(2)", 'and registers');
		does('adm', "SELECT facesnxt.record_course('$applicant', 'FACESNXT online training', 1, true)", 'and is trained');
		searches($applicant, $purpose, 'NM-V.E.3: and searches');
	}
	does('nm_cmd', "SELECT facesnxt.revoke_account('nm_cal', 'separation')", 'NM-VII.E.1: separation');
	cut_off('nm_cal', $purpose, 'NM-VII.E.1');
	my $search = value("SELECT search_id FROM facesnxt.search WHERE acting_role = 'nm_dee' AND status = 'completed'");
	$violation = does('nm_cmd', "SELECT facesnxt.report_violation('nm_dee', 'dissemination', 'sent the list to a friend', '$search')", 'NM-IX.A.7: a search is the evidence');
	refused('nm_cmd', "SELECT facesnxt.revoke_account('nm_dee', 'dissemination', violation_id => gen_random_uuid())", 'NX338', 'NM-VII\.E', 'NM-VII.E.4: of a violation that there is');
	does('nm_cmd', "SELECT facesnxt.revoke_account('nm_dee', 'dissemination', violation_id => '$violation')", 'NM-VII.E.4: dissemination');
	cut_off('nm_dee', $purpose, 'NM-VII.E.4');
};

subtest 'New Smyrna Beach' => sub {
	my $purpose = 'criminal_investigation';
	agency('NS5', 'NS');
	roles(qw(ns_ann ns_bob ns_chief ns_deputy ns_fra ns_fra2 ns_sup));
	value('GRANT facesnxt_admin TO ns_sup');
	does('adm', <<'SQL', 'an administrator prepares');
SELECT facesnxt.define_course('NS5', 'FACESNXT online training');
SELECT facesnxt.appoint('NS5', 'chief', 'ns_chief');
SELECT facesnxt.set_unit('NS5', 'ns_ann', 'Criminal Investigations Unit'), facesnxt.set_unit('NS5', 'ns_bob', 'Traffic');
SELECT facesnxt.admit('ns_ann'), facesnxt.admit('ns_bob');
SQL
	does($_, "SELECT facesnxt.register_account('NS5')", "$_ registers") for qw(ns_ann ns_bob);

	refused('ns_fra', "SELECT facesnxt.decide_account('ns_ann', true)", '42501', '.', 'NS-32.6.11.1: a stranger does not approve');
	refused('ns_bob', "SELECT facesnxt.decide_account('ns_ann', true)", 'NX331', 'chief \(NS-32\.6\.11\.1\)', 'NS-32.6.11.1: nor a colleague');
	refused('nm_chief', "SELECT facesnxt.decide_account('ns_ann', true)", 'NX331', 'no such account', 'NS-32.6.11.1: nor another agency\'s Chief, who learns nothing');
	refused('nm_chief', "SELECT facesnxt.decide_account('mailer', true)", 'NX331', 'no such account', 'NS-32.6.11.1: as of an account that does not exist');
	refused('adm', "SELECT facesnxt.set_account_status('ns_ann', 'active', NULL)", 'NX330', 'NS-32\.6\.11\.1', 'NS-32.6.11.1: no access without the Chief\'s approval');
	refused('ns_ann', "SELECT facesnxt.take_course('FACESNXT online training')", 'NX330', 'NS-32\.6\.11\.1', 'NS-32.6.11.1: no training before it');
	does('ns_chief', "SELECT facesnxt.decide_account('ns_ann', true)", 'NS-32.6.11.1: the Chief approves');
	my $designate = "facesnxt.appoint('NS5', 'chief', '%s', designee => true, until => now() + interval '1 month')";
	refused('adm', sprintf("SELECT $designate", 'ns_deputy'), 'NX331', 'chief \(NS-32\.6\.11\.1\)', 'NS-32.6.11.1: a designee is the Chief\'s, no administrator\'s');
	refused('nm_chief', sprintf("SELECT $designate", 'ns_deputy'), 'NX331', 'no such account', 'NS-32.6.11.1: nor another Chief\'s');
	refused('ns_bob', sprintf("SELECT $designate", 'ns_deputy'), 'NX331', 'chief \(NS-32\.6\.11\.1\)', 'NS-32.6.11.1: nor anybody else\'s');
	refused('ns_chief', sprintf("SELECT $designate", 'ns_chief'), 'NX331', 'another person', 'NS-32.6.11.1: nor oneself');
	refused('ns_deputy', "SELECT facesnxt.decide_account('ns_bob', true)", '42501', '.', 'NS-32.6.11.1: nobody decides before');
	does('ns_chief', sprintf("SELECT $designate", 'ns_deputy'), 'NS-32.6.11.1: the Chief designates one');
	refused('ns_deputy', sprintf("SELECT $designate", 'ns_fra'), 'NX331', 'designates nobody.*NS-32\.6\.11\.1', 'NS-32.6.11.1: who designates nobody in turn');
	is(value("SELECT string_agg(concat_ws(' ', acting_role, sqlstate, clause), ', ' ORDER BY recorded_at) FROM facesnxt.refused_step
		WHERE about IN ('ns_deputy', 'ns_fra') OR (about = 'ns_chief' AND acting_role = 'ns_chief')"),
		'adm NX331 NS-32.6.11.1, nm_chief NX331 SP-II.A, ns_bob NX331 NS-32.6.11.1, ns_chief NX331 NS-32.6.11.1, ns_deputy NX331 NS-32.6.11.1',
		'NS-32.6.11.1: all of it on record');
	does('ns_deputy', "SELECT facesnxt.decide_account('ns_bob', true)", 'NS-32.6.11.1: and so does the designee');
	is(value("SELECT string_agg(office || ' ' || by_role, ', ' ORDER BY at) FROM facesnxt.account_event WHERE step = 'approved' AND by_role LIKE 'ns%'"),
		'chief ns_chief, chief ns_deputy', 'NS-32.6.11.1: who did is recorded');
	refused('ns_ann', search_for($purpose), 'NX302', 'approved', 'NS-32.6.11.2: no search before the training');
	refused('adm', "SELECT facesnxt.set_account_status('ns_ann', 'active', NULL)", 'NX330', 'NS-32\.6\.11\.2', 'NS-32.6.11.2: no access before it');
	does('adm', "SELECT facesnxt.record_course(r, 'FACESNXT online training', 1, true) FROM unnest('{ns_ann,ns_bob}'::regrole[]) r", 'NS-32.6.11.2: the training is passed');
	searches('ns_ann', $purpose, 'NS-32.6.1: an officer of the Criminal Investigations Unit searches');

	refused('ns_bob', search_for($purpose), 'NX316', 'Traffic', 'NS-32.6.1: one of another unit does not');
	refused('ns_ann', "SELECT facesnxt.grant_unit_exception('ns_bob', now() + interval '1 day', 'help')", 'NX331', 'chief \(NS-32\.6\.1\)', 'NS-32.6.1: nor by a colleague\'s leave');
	does('ns_deputy', "SELECT facesnxt.grant_unit_exception('ns_bob', clock_timestamp() + interval '5 s', 'hit and run')", 'NS-32.6.1: the Chief\'s designee authorises him');
	searches('ns_bob', $purpose, 'NS-32.6.1: and he searches');
	value('SELECT pg_sleep(5.1)');
	refused('ns_bob', search_for($purpose), 'NX316', 'Traffic', 'NS-32.6.1: until the term is over');

	# one Facial Recognition Administrator, whom the Chief designates
	refused('adm', "SELECT facesnxt.appoint('NS5', 'facial_recognition_administrator', 'ns_fra')", 'NX331', 'chief \(NS-D\.3\)', 'NS-D.3: an administrator does not designate');
	refused('ns_chief', "SELECT facesnxt.appoint('NS5', 'facial_recognition_administrator', 'ns_sup')", 'NX331', 'NS-D\.3', 'NS-D.3: nobody who administers accounts');
	does('ns_chief', "SELECT facesnxt.appoint('NS5', 'facial_recognition_administrator', 'ns_fra')", 'NS-D.3: the Chief designates one');
	does('ns_chief', "SELECT facesnxt.appoint('NS5', 'facial_recognition_administrator', 'ns_fra2')", 'NS-D.3: and another one');
	my $fra = "FROM facesnxt.office_holder WHERE agency = 'NS5' AND office = 'facial_recognition_administrator'";
	is(value("SELECT string_agg(role::text, ',') $fra"), 'ns_fra2', 'NS-D.3: who follows the first: there is exactly one');
	is(value("SELECT role || ' ' || e.reason FROM facesnxt.appointment a JOIN facesnxt.appointment_end e USING (appointment_id) WHERE a.at < e.at AND a.role = 'ns_fra'::regrole"),
		'ns_fra succeeded by ns_fra2', 'NS-D.3: the appointments are dated');
	refused('adm', "SELECT facesnxt.end_appointment(appointment_id, 'gone') $fra", 'NX339', 'left empty', 'NS-D.3: and the office is not left empty');
	refused('adm', "SELECT facesnxt.appoint('NS5', 'chief', 'adm')", 'NX331', 'herself', 'NS-D.3: nobody appoints themselves');

	# one account, two addresses
	my $elsewhere = sub {
		my ($sql, $out, $err) = @_;
		$node->psql('postgres', $sql, stdout => \$out, stderr => \$err, connstr => 'host=127.0.0.1 port=' . $node->port . " user=ns_ann dbname=postgres application_name=x",
			extra_params => [ '-v', 'VERBOSITY=verbose' ]);
		return ($out, $err);
	};
	my $here = session($node, 'ns_ann');
	$here->query_safe('SELECT 1');
	my ($out, $err) = $elsewhere->(search_for($purpose));
	like($err, qr/NX342.*127\.0\.0\.1, local/s, 'NS-32.6.11.3: no search with sessions from two addresses');
	is($out, '', 'NS-32.6.11.3: no candidate leaves');
	searches('ns_ann', $purpose, 'NS-32.6.11.3: two sessions from one address are no matter');
	$here->quit;
	wait_for($node, 'the other session is gone', "SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'ns_ann'");
	($out, $err) = $elsewhere->(search_for($purpose));
	is($out, '5', 'NS-32.6.11.3: nor is one from elsewhere');

	refused('ns_ann', "SELECT facesnxt.revoke_account('ns_bob', 'separation')", 'NX331', 'chief', 'NS-32.6.10: an officer does not revoke');
	refused('ns_chief', "SELECT facesnxt.revoke_account('ns_bob', 'transfer')", 'NX338', 'separation, misuse, dissemination \(NS-32\.6\.10\)', 'NS-32.6.10: for a listed reason');
	refused('ns_chief', "SELECT facesnxt.revoke_account('ns_bob', 'dissemination')", 'NX338', 'NS-32\.6\.10', 'NS-32.6.10: dissemination refers to a violation');
	my $violation = does('ns_chief', "SELECT facesnxt.report_violation('ns_bob', 'dissemination', 'passed a list on',
		NULL)", 'NS-32.6.10: it is recorded');
	refused('ns_chief', "SELECT facesnxt.revoke_account('ns_ann', 'dissemination', violation_id => '$violation')", 'NX338', 'NS-32\.6\.10', 'NS-32.6.10: of the account itself');
	does('ns_chief', "SELECT facesnxt.revoke_account('ns_bob', 'dissemination', violation_id => '$violation')", 'NS-32.6.10: revoked');
	cut_off('ns_bob', $purpose, 'NS-32.6.10');
	does('adm', "SELECT facesnxt.set_account_status('ns_ann', 'revoked', 'separation')", 'NS-32.6.10: separation');
	cut_off('ns_ann', $purpose, 'NS-32.6.10');
};

subtest 'North Port' => sub {
	my $purpose = 'active_investigation';
	agency('NP5', 'NP');
	agency('NPX', 'NP', '{"licences": 1}');
	roles(qw(np_ann np_bob np_sup px_ann px_bob px_sup));
	for my $code ('NP5', 'NPX')
	{
		my $who = $code eq 'NP5' ? 'np' : 'px';
		does('adm', <<SQL, "an administrator prepares $code");
SELECT facesnxt.define_course('$code', 'FACESNXT online training');
SELECT facesnxt.appoint('$code', 'supervisor', '${who}_sup');
SELECT facesnxt.set_unit('$code', '${who}_ann', 'Investigative Units'), facesnxt.set_unit('$code', '${who}_bob', '@{[ $code eq 'NP5' ? 'Patrol' : 'Investigative Units' ]}');
SELECT facesnxt.admit('${who}_ann'), facesnxt.admit('${who}_bob');
SQL
		refused("${who}_ann", "SELECT facesnxt.register_account('$code')", 'NX330', 'supervisor \(NP-VI\.D\.2\.a\)', 'NP-VI.D.2.a: no access without the supervisor\'s approval');
		for my $applicant ("${who}_ann", "${who}_bob")
		{
			does("${who}_sup", "SELECT facesnxt.approve_registration('$code', 'supervisor', '$applicant')", 'NP-VI.D.2.a: the supervisor approves');
			does($applicant, "SELECT facesnxt.register_account('$code')", 'NP-VI.D.2.a: and one registers');
			refused('adm', "SELECT facesnxt.set_account_status('$applicant', 'active', NULL)", 'NX330', 'NP-VI\.C\.3\.b', 'NP-VI.C.3.b: no access before the training');
			refused($applicant, search_for($purpose), 'NX302', 'pending', 'NP-VI.D.2.b: nor a search');
			does('adm', "SELECT facesnxt.record_course('$applicant', 'FACESNXT online training', 1, true)", 'NP-VI.D.2.b: the training is passed');
		}
	}
	searches('np_ann', $purpose, 'NP-II: a member of the Investigative Units searches');
	refused('np_bob', search_for($purpose), 'NX316', 'Patrol.*no exception', 'NP-II: a member of another unit does not');
	refused('np_sup', "SELECT facesnxt.grant_unit_exception('np_bob', now() + interval '1 day', 'help')", 'NX331', 'nobody \(NP-II\)', 'NP-II: and there is no exception');
	is(value("SELECT licences, active, free FROM facesnxt.licence_use WHERE agency = 'NP5'"), '10|2|8', 'NP-VI.C.2.c: the licences in use are counted');
	is(does('adm', "SELECT facesnxt.sweep_inactive('NP5')", 'the sweep'), '0', 'NP-VI.C.2.c.note: accounts in use stay');
	refused('adm', "SELECT facesnxt.revoke_account('np_bob', 'no need')", 'NX338', 'inactivity \(NP-VI\.C\.2\.c\.note\)', 'NP-VI.C.2.c.note: the reason is listed');

	# a pool of one licence
	is(status_of('px_ann') . ' ' . status_of('px_bob'), 'active pending', 'NP-VI.C.2.c: the second waits for a licence');
	refused('adm', "SELECT facesnxt.set_account_status('px_bob', 'active', NULL)", 'NX337', 'NP-VI\.C\.2\.c', 'NP-VI.C.2.c: and no administrator makes one');
	my $idle = "UPDATE facesnxt.account SET status_at = now() - interval '90 days' WHERE role = ";
	value("$idle 'np_ann'::regrole");
	searches('np_ann', $purpose, 'NP-VI.C.2.c.note: who searched of late goes on, however old the account');
	value("UPDATE facesnxt.account SET status_at = now() - interval '89 days' WHERE role = 'px_ann'::regrole");
	is(does('px_ann', "SELECT count(*) FROM facesnxt.would_refuse('22-1', '$purpose') WHERE rule = 'inactivity_days'", 'asked'), '0', 'NP-VI.C.2.c.note: not before its time');
	value("$idle 'px_ann'::regrole");
	# refused attempts do not keep an account alive, of whatever kind they are
	refused('px_ann', 'BEGIN ISOLATION LEVEL REPEATABLE READ; ' . search_for($purpose), 'NX306', 'isolation', 'NP-VI.C.2.c.note: an attempt that is refused');
	refused('px_ann', search_for($purpose), 'NX343', 'after 90 days', 'NP-VI.C.2.c.note: no search by an account that was not used, though nobody swept') for 1 .. 2;
	refused('px_ann', "SELECT facesnxt.verify_template('[1,0,0]', '22-1', '$purpose', 'account', gen_random_uuid())", 'NX343', 'after 90 days',
		'NP-VI.C.2.c.note: nor a verification');
	value('GRANT facesnxt_integrator TO px_ann');
	refused('px_ann', "SELECT facesnxt.open_search('22-1', '$purpose', 'account')", 'NX343', 'after 90 days', 'NP-VI.C.2.c.note: nor an open search');
	is(value("SELECT string_agg(concat_ws(' ', status, sqlstate, clause), '; ' ORDER BY recorded_at) FROM facesnxt.search WHERE acting_role = 'px_ann' AND sqlstate IN ('NX306', 'NX343')"),
		'refused NX306 NP-VI.C.2.c.note; refused NX343 NP-VI.C.2.c.note; refused NX343 NP-VI.C.2.c.note; refused NX343 NP-VI.C.2.c.note', 'NP-VI.C.2.c.note: all of it on record');
	is(does('adm', "SELECT facesnxt.sweep_inactive('NPX')", 'the sweep'), '1', 'NP-VI.C.2.c.note: an account that is not used is removed');
	is(does('adm', "SELECT facesnxt.sweep_inactive('NP5')", 'the sweep'), '0', 'NP-VI.C.2.c.note: and no other');
	is(value("SELECT status_reason ~ '^inactivity' FROM facesnxt.account WHERE role = 'px_ann'::regrole"), 't', 'NP-VI.C.2.c.note: for inactivity');
	cut_off('px_ann', $purpose, 'NP-VI.C.2.c.note');
	is(steps_of('px_bob'), 'registered auto-grant', 'NP-VI.C.2.c.note: its licence is reissued to the one who waited');
	searches('px_bob', $purpose, 'NP-VI.C.2.c.note: who searches');

	# two last steps at the same time, one licence
	agency('NPY', 'NP', '{"licences": 1}');
	roles(qw(py_ann py_bob py_sup));
	does('adm', <<'SQL', 'an administrator prepares NPY');
SELECT facesnxt.define_course('NPY', 'FACESNXT online training'), facesnxt.appoint('NPY', 'supervisor', 'py_sup');
SQL
	for my $applicant ('py_ann', 'py_bob')
	{
		does('py_sup', "SELECT facesnxt.approve_registration('NPY', 'supervisor', '$applicant')", 'NP-VI.D.2.a: approved');
		does($applicant, "SELECT facesnxt.register_account('NPY')", 'NP-VI.D.2.a: registered');
	}
	my ($first, $second) = (session($node, 'adm'), session($node, 'adm'));
	$_->query_safe('BEGIN') for ($first, $second);
	$first->query_safe("SELECT facesnxt.record_course('py_ann', 'FACESNXT online training', 1, true)");
	$second->query_until(qr/passing/, "\\echo passing\nSELECT facesnxt.record_course('py_bob', 'FACESNXT online training', 1, true);\n");
	wait_for($node, 'NP-VI.C.2.c: the second grant waits for the first',
		"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'adm' AND wait_event_type = 'Lock')");
	$first->query_safe('COMMIT');
	$second->query_safe('COMMIT');
	$_->quit for ($first, $second);
	is(status_of('py_ann') . ' ' . status_of('py_bob'), 'active pending', 'NP-VI.C.2.c: one of them has the licence');

	my $here = session($node, 'np_ann');
	$here->query_safe('SELECT 1');
	my ($out, $err);
	$node->psql('postgres', search_for($purpose), stdout => \$out, stderr => \$err, extra_params => [ '-v', 'VERBOSITY=verbose' ],
		connstr => 'host=127.0.0.1 port=' . $node->port . ' user=np_ann dbname=postgres');
	like($err, qr/NX342/, 'NP-VI.D.2.c: no search with sessions from two addresses');
	$here->quit;
};

subtest 'Miami' => sub {
	my $purpose = 'criminal_investigation';
	agency('MI5', 'MI');
	roles(qw(mi_ann mi_bob mi_chief mi_sup));
	does('adm', <<'SQL', 'an administrator prepares');
SELECT facesnxt.publish_agreement('MI5', 'Terms of service of the site'), facesnxt.enrol_member('MI5', '77', 'Ann', sworn => false);
SELECT facesnxt.appoint('MI5', 'chief', 'mi_chief'), facesnxt.appoint('MI5', 'rtcc_supervisor', 'mi_sup');
SELECT facesnxt.set_unit('MI5', 'mi_ann', 'Real Time Crime Center'), facesnxt.set_unit('MI5', 'mi_bob', 'Homicide');
SELECT facesnxt.admit('mi_ann'), facesnxt.admit('mi_bob');
SQL
	for my $applicant ('mi_ann', 'mi_bob')
	{
		does($applicant, "SELECT facesnxt.register_account('MI5')", 'one registers');
		refused('mi_sup', "SELECT facesnxt.decide_account('$applicant', true)", 'NX331', 'chief \(MI-4\.2\)', 'MI-4.2: a supervisor does not authorise access');
		refused($applicant, 'SELECT facesnxt.acknowledge_limitations()', 'NX330', 'MI-4\.2', 'MI-4.2: the Chief comes first');
		does('mi_chief', "SELECT facesnxt.decide_account('$applicant', true)", 'MI-4.2: the Chief authorises it');
		refused('adm', "SELECT facesnxt.set_account_status('$applicant', 'active', NULL)", 'NX330', 'bias included \(MI-4\.4\.b\)', 'MI-4.4.b: no access before the limits are acknowledged');
		does($applicant, 'SELECT facesnxt.acknowledge_limitations()', 'MI-4.4.b: they are');
		refused('adm', "SELECT facesnxt.set_account_status('$applicant', 'active', NULL)", 'NX330', 'MI-4\.5\.4', 'MI-4.5.4: no access before the terms are accepted');
		refused($applicant, search_for($purpose), 'NX302', 'approved', 'MI-4.5.4: nor a search');
		does($applicant, 'SELECT facesnxt.accept_agreement(1)', 'MI-4.5.4: they are');
		is(steps_of($applicant), 'registered approved auto-grant', 'MI-4.2: access is granted');
	}
	is(value("SELECT sworn FROM facesnxt.roster WHERE name = 'Ann' AND payroll_number = '77'"), 'f', 'MI-4.2: a civilian has an account as well');
	searches('mi_ann', $purpose, 'MI-4.5: a member of the Real Time Crime Center searches');
	refused('mi_bob', search_for($purpose), 'NX316', 'Homicide.*chief', 'MI-4.5: a detective does not');
	does('mi_chief', "SELECT facesnxt.grant_unit_exception('mi_bob', now() + interval '1 day', 'authorised')", 'MI-4.2: unless the Chief authorises him');
	searches('mi_bob', $purpose, 'MI-4.2: then he does');
	does('adm', "SELECT facesnxt.publish_agreement('MI5', 'New terms')", 'new terms');
	refused('mi_ann', search_for($purpose), 'NX314', 'agreement 2 \(MI-4\.5\.4\)', 'MI-4.5.4: are accepted before the next search');
	is(value("SELECT count(*) FROM facesnxt.mail WHERE kind = 'agreement' AND recipient_role IN ('mi_ann'::regrole, 'mi_bob'::regrole)"), '2', 'MI-4.5.4: of which everybody has mail');
	is(does('mi_ann', 'SELECT clause FROM facesnxt.my_account_missing', 'she sees what is missing'), 'MI-4.5.4', 'MI-4.5.4: as she sees herself');
	does('mi_ann', 'SELECT facesnxt.accept_agreement(2)', 'MI-4.5.4: she accepts them');
	searches('mi_ann', $purpose, 'MI-4.5.4: and searches');
};

subtest 'a policy that asks for more than the one before' => sub {
	agency('EX5', 'EXAMPLE');
	roles(qw(ex_ann ex_sys ex_sup ex_adm));
	value('GRANT facesnxt_admin TO ex_adm');
	does('adm', <<'SQL', 'a policy that asks for nothing');
SELECT facesnxt.open_account('EX5', 'ex_ann'), facesnxt.set_account_status('ex_ann', 'active', NULL);
SELECT facesnxt.appoint('EX5', 'system_administrator', 'ex_sys'), facesnxt.appoint('EX5', 'supervisor', 'ex_sup');
SELECT facesnxt.add_email_domain('EX5', 'ex.example');
SQL
	is(steps_of('ex_ann'), 'registered activated', 'an administrator activates by hand');
	searches('ex_ann', 'suspect', 'and the search of that account');
	does('adm', <<'SQL', 'another policy is proposed');
SELECT facesnxt.propose_policy('EX5', document || jsonb_build_object('rules', document->'rules' || '[
	{"rule": "account_in_order", "clause": "EX-1", "value": true}, {"rule": "registration_approvals", "clause": "EX-2", "value": ["supervisor"]},
	{"rule": "department_email", "clause": "EX-3", "value": true}, {"rule": "verification_hours", "clause": "EX-4", "value": 1},
	{"rule": "activation_by", "clause": "EX-5", "value": "system_administrator"}]'))
FROM facesnxt.shipped_policy WHERE code = 'EXAMPLE';
SQL
	does('ex_adm', 'SELECT facesnxt.decide_policy(version_id, true) FROM facesnxt.policy_version ORDER BY proposed_at DESC LIMIT 1', 'and adopted');
	refused('ex_ann', search_for('suspect'), 'NX314', 'EX-2.*EX-3.*EX-4.*EX-5', 'accounts that lack what it asks for do not search');
	refused('ex_ann', "SELECT facesnxt.request_verification('ann\@ex.example')", 'NX330', 'EX-2', 'what is missing is made up for in order');
	refused('ex_sys', "SELECT facesnxt.approve_registration('EX5', 'supervisor', 'ex_ann')", 'NX331', 'EX-2', 'by whom the policy names');
	does('ex_sup', "SELECT facesnxt.approve_registration('EX5', 'supervisor', 'ex_ann')", 'the approval');
	refused('ex_ann', "SELECT facesnxt.request_verification('ann\@example.org')", 'NX332', 'EX-3', 'the address is the department\'s');
	does('ex_ann', "SELECT facesnxt.request_verification('Ann\@ex.example')", 'the address');
	refused('ex_sys', "SELECT facesnxt.decide_account('ex_ann', true)", 'NX330', 'EX-4', 'no decision before it is verified');
	does('ex_ann', "SELECT facesnxt.verify_address('" . taken_from('verify') . "')", 'it is verified');
	does('ex_sys', "SELECT facesnxt.decide_account('ex_ann', true)", 'the decision');
	is(steps_of('ex_ann') . ' ' . status_of('ex_ann'), 'registered activated verified approved active', 'the account stays active');
	searches('ex_ann', 'suspect', 'and searches again');
	does('adm', "SELECT facesnxt.set_account_status('ex_ann', 'suspended', 'leave'), facesnxt.set_account_status('ex_ann', 'active', NULL)", 'suspended and resumed');
	is(steps_of('ex_ann') =~ s/.*approved //r, 'suspended resumed', 'by steps of their own');
	searches('ex_ann', 'suspect', 'and searches again');
};

subtest 'the record' => sub {
	is(value('SELECT count(*) FROM facesnxt.account_mismatch'), '0', 'every status is where its steps led');
	is(value("SELECT count(*) FROM facesnxt.search WHERE sqlstate IN ('NX314', 'NX315', 'NX316', 'NX342') AND (clause IS NULL OR rule IS NULL OR facts IS NULL)"),
		'0', 'every refusal names its clause');
	is(value("SELECT string_agg(DISTINCT clause, ' ' ORDER BY clause) FROM facesnxt.search WHERE sqlstate = 'NX342'"), 'NP-VI.D.2.c NS-32.6.11.3', 'NS-32.6.11.3, NP-VI.D.2.c: of the agency\'s own policy');
	is(value("SELECT count(*) FROM (SELECT DISTINCT j.rule FROM facesnxt.search s JOIN facesnxt.agency g ON g.code = 'NS5'
		CROSS JOIN facesnxt.judge(facesnxt.policy_in_force(g.agency_id, now()), s.facts) j WHERE s.agency = 'MI5' AND s.status = 'completed') x WHERE x.rule IN ('units', 'account_in_order')"),
		'2', 'another policy judges the accounts of old searches by the facts that were kept');
};

$node->stop;
done_testing();
