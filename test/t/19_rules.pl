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
	# in a zone that went 30 hours ahead half a day ago, now less a day is later than now
	my $zone = value("SELECT format('AAA15BBB-15,J%s/%s,J%s', to_char(t, 'DDD')::int, to_char(t, 'HH24')::int, (to_char(t, 'DDD')::int + 30) % 365 + 1)
		FROM (SELECT (now() AT TIME ZONE 'UTC') - interval '27 hours' AS t) u");
	is(asked('pa_inv', "SET TimeZone = '$zone'; " . search("'pace'")), 'NX321', 'MI-4.5.2.d: nor one in a zone in which nothing was searched for yet');
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
	wait_for($node, 'both wait for the writer', q~SELECT count(*) = 2 FROM pg_stat_activity WHERE usename LIKE 'fi%' AND wait_event = 'Extension'~);
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

subtest 'arrays in arrays' => sub {
	agency('NE', '[]', [ [ 'mou', '{"driver_licence": ["sheriff", "dhsmv"], "booking": ["sheriff"]}' ] ], 'ne_inv');
	value("SELECT facesnxt.record_mou('NE', 'half', '{sheriff}', now() + interval '1 day'); GRANT facesnxt_integrator TO ne_inv");
	is(asked('ne_inv', search("'licence'", '{}', q~, repositories => '{driver_licence}'~)), 'NX315', 'NM-V.E.1: driver licences need another party');
	is(asked('ne_inv', search("'licence'", '{}', q~, repositories => '{{driver_licence}}'~)), 'NX315', 'NM-V.E.1: and as an array in an array');
	is(asked('ne_inv', q~SELECT FROM facesnxt.open_search('22-1', 'criminal', 'r', repositories => '{{driver_licence}}')~), 'NX315', 'NM-V.E.1: in an open search, too');
	is(asked('ne_inv', search("'booking'", '{}', q~, repositories => '{booking}'~)), '5', 'bookings do not');
	is(value("SELECT repositories FROM facesnxt.search WHERE reason = 'booking'"), '{booking}', 'NM-IV.D: the record says which repositories were searched');
	my $id = value("SELECT search_id FROM facesnxt.search WHERE reason = 'booking'");
	like(asked('ne_inv', "SELECT value FROM facesnxt.view_candidate('$id', 1, '{{name,city}}')"), qr/^NX396$/, 'NM-IV.I: fields viewed as an array in an array');
	like(asked('ne_inv', "SELECT value FROM facesnxt.export_candidates('$id', 'DA', 'subpoena', '{{name},{city}}')"), qr/^NX396$/, 'NM-IV.I: and exported');
	is(value("SELECT count(*) FROM facesnxt.field_view WHERE field !~ '^[a-z_]+\$'"), '0', 'NM-IV.I: no field of an odd name on record');
};

subtest 'whose number and whose address' => sub {
	agency('NU', '[]', [ [ 'training_acknowledged', 'true' ] ]);
	value("CREATE ROLE $_ LOGIN; GRANT facesnxt_member TO $_; SELECT facesnxt.open_account('NU', '$_')") foreach qw(nu_one nu_two);
	value("SELECT facesnxt.enrol_member('NU', '4711', 'Ann', 'ann\@nu.example'), facesnxt.enrol_member('NU', '4712', 'Bob')");
	is(asked('nu_one', "SELECT facesnxt.acknowledge_training('4711')"), 'NX335', 'SP-IV.A.1.g: the number of somebody with an address, by an account without one');
	my $first = session($node, 'nu_one');
	my $second = session($node, 'nu_two');
	$first->query("BEGIN; SELECT facesnxt.acknowledge_training('4712');");
	$second->query_until(qr/started/, "\\echo started\nSELECT facesnxt.acknowledge_training('4712');\n");
	select(undef, undef, undef, 0.3);
	$first->query('COMMIT;');
	$_->quit foreach $first, $second;
	is(value("SELECT count(DISTINCT account_id) FROM facesnxt.acknowledgement WHERE payroll_number = '4712'"), '1', 'SP-IV.A.1.g: one number by two accounts at once');

	agency('MA', '[]', []);
	value('CREATE ROLE ma_new LOGIN; GRANT facesnxt_member TO ma_new');
	foreach my $address ('a@x.example\nBcc: all@x.example', 'a@x.example\r', 'a@x.example,b@x.example', 'a@x.example\t', 'a@b@x.example', 'a', 'A <a@x.example>', 'a@x.example;b', 'a@')
	{
		is(asked('ma_new', "SELECT facesnxt.register_account('MA', E'$address')"), 'NX332', "SP-IV.A.1.c.1.a: no address, or several: $address");
	}
	like(asked('ma_new', "SELECT facesnxt.register_account('MA', 'O''Neil.Ann+1\@x-1.example')"), qr/-/, 'but one');
};

subtest 'a requester whom nobody let in' => sub {
	agency('RQ', '[]', []);
	value('CREATE ROLE rq_self LOGIN; CREATE ROLE rq_known LOGIN; GRANT facesnxt_member, facesnxt_requester TO rq_self, rq_known');
	value("SELECT facesnxt.open_account('RQ', 'rq_known')");
	asked('rq_self', "SELECT facesnxt.register_account('RQ')");
	is(value("SELECT (facesnxt.account_of('rq_self'::regrole, 'member')).account_id IS NULL, (facesnxt.account_of('rq_known'::regrole, 'member')).account_id IS NULL"), 't|f',
		'SP-IV.A.1.f.1: whoever registered at an agency by themselves works on none of its searches');
	is(value("SELECT (facesnxt.account_of('rq_self'::regrole, 'asking')).account_id IS NULL, (facesnxt.account_of('rq_known'::regrole, 'asking')).account_id IS NULL"), 't|f',
		'MI-4.5.3.1: nor asks its desk');
};

subtest 'who asks, who searches' => sub {
	agency('WH', '[]', [ [ 'case_assigned', 'true' ] ], qw(wh_inv));
	value("CREATE ROLE wh_ask LOGIN; GRANT facesnxt_requester TO wh_ask; SELECT facesnxt.open_account('WH', 'wh_ask'); SELECT facesnxt.set_account_status('wh_ask', 'active', NULL)");
	is(asked('wh_ask', search("'asks'")), 'NX323', 'MI-4.5.3.1: whoever asks the desk does not search, with an active account either');
	is(asked('wh_ask', q~SELECT * FROM facesnxt.verify_template('[1,0,0]', '22-1', 'criminal', 'asks', gen_random_uuid())~), 'NX323', 'MI-4.5.3.1: nor verify');
	is(attempts($node, 'asks'), 'refused NX323 0', 'MI-4.5.3.1: and the attempt is on record');
	value('REVOKE facesnxt_investigator FROM wh_inv');
	is(asked('wh_inv', search("'no more'")), 'NX323', 'SP-IV.A.2.a: an active account whose group was taken away');
	value('GRANT facesnxt_investigator TO wh_inv');

	# a colleague's request, where there is no desk
	value("SELECT facesnxt.assign_case('WH', '22-1', 'wh_ask')");
	my $request = value(<<'SQL');
INSERT INTO facesnxt.search_request (agency_id, account_id, requested_by, session_role, session_oid, case_number, incident_type)
SELECT a.agency_id, a.account_id, 'wh_ask', 'wh_ask', a.role, '22-1', 'robbery' FROM facesnxt.account a WHERE a.role = 'wh_ask'::regrole RETURNING request_id
SQL
	is(asked('wh_inv', search("'theirs'")), 'NX304', 'NM-IX.A.2: a case of somebody else');
	is(asked('wh_inv', search("'theirs'", qq({"request": "$request"}))), 'NX304', 'NM-IX.A.2: nor by a request of whoever has it, where there is no desk');
};

subtest 'times and numbers that are none' => sub {
	agency('TI', '[]', [], 'ti_inv');
	value("SELECT facesnxt.register_platform('TI', 'FACES', 'agency', 'county'); CREATE ROLE ti_deputy LOGIN");
	is(asked('adm', "SELECT facesnxt.appoint('TI', 'chief', 'ti_deputy', designee => true$_)"), 'NX339', "NS-D.3: a designee without a term$_")
		foreach '', ", until => 'infinity'";
	foreach my $number ('', ' ', "22-1 ", " 22-1", "\t", "22-1\n")
	{
		is(asked('adm', "SELECT facesnxt.open_case('TI', '$number', 'robbery')"), '22023', 'NM-VI.B.1: a case number that looks like none, or another: ' . unpack('H*', $number));
	}
	is(asked('adm', "SELECT facesnxt.open_case('TI', '22-7', ' ')"), '22023', 'MI-4.5.3.1: an incident type that is none');
	foreach my $time ('-infinity', 'infinity', '2999-01-01')
	{
		is(asked('ti_inv', "SELECT facesnxt.record_external_search('FACES', '$time', '22-1', 'criminal', 'r', 'none')"), 'NX392', "NS-32.6.6: searched elsewhere at $time");
		is(asked('ti_inv', "SELECT facesnxt.derive_probe('a', 'b', 'crop', '{}', 'tool', '$time')"), 'NX393', "NP-VI.B.2.c: enhanced at $time");
		is(asked('ti_inv', "SELECT facesnxt.register_probe('a', 'camera', captured_at => '$time')"), 'NX394', "SP-III.E: taken at $time");
	}
};

$node->stop;
done_testing();
