# After the search: each agency's way from a candidate list to an action, and
# what it refuses on that way. Five agencies in one database under the policies
# that come with the extension, each person a role in sessions of its own.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use Facesnxt;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('action');

# The shipped rules about accounts and about how a search comes about have
# tests of their own; a search is only where this begins.
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE chief LOGIN;
GRANT facesnxt_admin TO chief;
SET ROLE adm;
SELECT facesnxt.create_agency(a, a) FROM unnest(ARRAY['NS', 'NP', 'MI', 'TWO']) a;
CREATE TEMP TABLE trimmed AS
SELECT code, jsonb_set(document, '{rules}', (SELECT jsonb_agg(r) FROM jsonb_array_elements(document->'rules') r
    WHERE r->>'rule' NOT IN (SELECT k.rule FROM facesnxt.rule k WHERE k.area IN ('account', 'search')))) AS document
FROM facesnxt.shipped_policy;
GRANT SELECT ON trimmed TO chief;
SELECT facesnxt.adopt_policy(t.code, document => t.document) FROM trimmed t WHERE t.code IN ('NS', 'NP', 'MI');
SELECT facesnxt.adopt_policy('TWO', document => '{"title": "Four eyes",
    "purposes": [{"code": "criminal", "description": "crime", "class": "criminal_justice", "clause": "TWO-1"}],
    "rules": [{"rule": "purpose_listed", "clause": "TWO-1", "value": true},
        {"rule": "blind_review", "clause": "TWO-2", "value": true},
        {"rule": "not_sole_basis", "clause": "TWO-3", "force": "should", "value": ["any"]},
        {"rule": "report", "clause": "TWO-4", "value": {"kind": "note", "days": 0, "items": []}},
        {"rule": "outcome_days", "clause": "TWO-5", "value": 0}]}');
-- NM and SP have a policy: another version, which another person puts in force
CREATE TEMP TABLE proposed AS SELECT facesnxt.propose_policy(t.code, t.document) AS id FROM trimmed t WHERE t.code IN ('NM', 'SP');
GRANT SELECT ON proposed TO chief;
SET SESSION AUTHORIZATION chief;
SELECT facesnxt.decide_policy(id, true) FROM proposed;
SQL

# Agency, and its people with their capacities in case 22-7.
my %people = (
	nm_inv => [ 'NM' ], sp_inv => [ 'SP', 'investigator' ], sp_two => [ 'SP' ], nm_two => [ 'NM', 'investigator' ],
	ns_inv => [ 'NS' ], ns_sup => [ 'NS', 'supervisor' ], ns_two => [ 'NS' ],
	np_inv => [ 'NP' ], np_off => [ 'NP', 'case_officer' ], np_sup => [ 'NP', 'supervisor' ],
	mi_desk => [ 'MI' ], mi_lead => [ 'MI', 'lead_investigator' ], mi_two => [ 'MI', 'investigator' ],
	two_a => [ 'TWO' ], two_b => [ 'TWO' ], two_c => [ 'TWO' ], two_d => [ 'TWO' ]);
$node->safe_psql('postgres', "SELECT facesnxt.open_case(a, '22-7', 'robbery') FROM unnest(ARRAY['NM', 'SP', 'NS', 'NP', 'MI', 'TWO']) a");
foreach my $role (sort keys %people)
{
	my ($agency, $capacity) = @{ $people{$role} };
	$node->safe_psql('postgres', "CREATE ROLE $role LOGIN; GRANT facesnxt_investigator TO $role; "
		  . "SELECT facesnxt.open_account('$agency', '$role'), facesnxt.set_account_status('$role', 'active', NULL)")
		if $role !~ /^(nm|sp)_inv$|^mi_lead$/;
	# whoever asks the desk need not be let to search
	$node->safe_psql('postgres', "CREATE ROLE $role LOGIN; GRANT facesnxt_requester TO $role; SELECT facesnxt.open_account('$agency', '$role')")
		if $role eq 'mi_lead';
	$node->safe_psql('postgres', "SELECT facesnxt.assign_case('$agency', '22-7', '$role', '$capacity')") if $capacity;
}

# The searches: what each policy asks for, four candidates each.
my %ask = (
	NM => [ 'nm_inv', 'criminal_investigation', '{"attested": true}' ],
	SP => [ 'sp_inv', 'criminal_investigation', '{}' ],
	NS => [ 'ns_inv', 'threat', '{"attested": true, "threat": "outbreak", "health_threat": true,
		"chief_notified_at": "2022-05-01 10:00+00", "chief_notified_by": "Lt. B. by phone"}' ],
	NP => [ 'np_inv', 'active_investigation', '{"attested": true, "capture_basis": "store camera"}' ],
	MI => [ 'mi_desk', 'criminal_investigation', '{"attested": true}' ],
	TWO => [ 'two_a', 'criminal', '{}' ]);
my (%search, %person);
foreach my $agency (sort keys %ask)
{
	my ($role, $purpose, $fields) = @{ $ask{$agency} };
	my ($status, $out, $err) = as_role($node, $role, "SELECT DISTINCT search_id FROM facesnxt.search_template('[1,0,0]', '22-7',
		'$purpose', 'for $agency', candidates => 4, fields => '$fields', overrides => '{\"case_assigned\": \"on call\"}')");
	is($status, 0, "$agency searches") or diag($err);
	$search{$agency} = $out;
	$person{$agency} = [ split /\n/, (as_role($node, $role,
		"SELECT person_id FROM facesnxt.my_candidates WHERE search_id = '$out' ORDER BY rank"))[1] ];
}

# Calls facesnxt.$function for an agency's search: %s its search, %1 to %4 its candidates.
sub call
{
	my ($agency, $role, $sql, $first) = @_;
	$sql =~ s/%s/'$search{$agency}'/g;
	$sql =~ s/%(\d)/"'" . $person{$agency}[$1 - 1] . "'"/ge;
	return as_role($node, $role, ($first ? "$first; " : '') . "SELECT facesnxt.$sql");
}

sub passes
{
	my ($agency, $role, $sql, $name) = @_;
	my ($status, $out, $err) = call($agency, $role, $sql);
	is($status, 0, $name) or diag($err);
	return $out;
}

# Refused with this code, the clause in the detail, and recorded.
sub refused
{
	my ($agency, $role, $sql, $code, $clause, $name) = @_;
	my $table = $sql =~ /^request_action/ ? "facesnxt.action WHERE status = 'refused'" : 'facesnxt.refused_step WHERE true';
	my $count = "SELECT count(*) FROM $table AND search_id = '$search{$agency}' AND sqlstate = '$code' AND clause = '$clause' AND acting_role = '$role'";
	my $before = $node->safe_psql('postgres', $count);
	my ($status, $out, $err) = call($agency, $role, $sql);
	like($err, qr/ERROR:  $code.*\(\Q$clause\E\)/s, $name);
	is($node->safe_psql('postgres', $count), $before + 1, "$name: recorded");
	return;
}

sub compares
{
	my ($agency, $role, $features) = @_;
	passes($agency, $role, "compare_candidate(%s, %1, 'possible match', '$features', 'ears agree')", "$agency: a candidate is compared");
	passes($agency, $role, "compare_candidate(%s, %$_, 'excluded', '$features')", "$agency: candidate $_ is disposed of") for 2 .. 4;
	return;
}

my $some = '{"ears": "similar", "nose": "different"}';

subtest 'NM' => sub {
	refused('NM', 'nm_inv', "request_action(%s, %1, 'arrest warrant')", 'NX355', 'NM-VI.D', 'NM-VI.B.2: no action before the match decision');
	refused('NM', 'nm_two', "compare_candidate(%s, %1, 'possible match')", 'NX350', 'NM-VI.D', 'NM-VI.D: only the querying member evaluates');
	refused('NM', 'nm_inv', "compare_candidate(%s, %1, 'identified')", 'NX362', 'NM-VI.E', 'NM-V.E.2: comparing identifies nobody');
	refused('NM', 'nm_inv', "decide_match(%s, true, %1)", 'NX355', 'NM-VI.D', 'NM-IV.G.1: no match without a comparison by a person');
	passes('NM', 'nm_inv', "compare_candidate(%s, %1, 'possible match', '$some')", 'NM-IV.G.1: the user compares probe and candidate');
	passes('NM', 'nm_inv', "decide_match(%s, true, %1)", 'NM-VI.B.2: the match decision of the search');
	refused('NM', 'nm_inv', "request_action(%s, %1, '$_')", 'NX357', 'NM-VI.E', "NM-VI.E: no $_ on a search alone")
		for 'arrest', 'arrest warrant', 'search warrant';
	refused('NM', 'nm_inv', "determine_identity(%s, %1, 'the score')", 'NX357', 'NM-VI.E', 'NM-VI.E: a search alone determines nothing');
	refused('NM', 'nm_inv', "add_corroboration(%s, %1, 'facial recognition', 'the same list')", 'NX356', 'NM-VI.E',
		'NM-VI.D: a search does not corroborate a search');
	refused('NM', 'nm_inv', "add_corroboration(%s, %1, 'rumour', 'bar')", 'NX356', 'NM-VI.D', 'NM-VI.D: kinds of corroboration');
	passes('NM', 'nm_two', "add_corroboration(%s, %1, 'latent prints', 'lab 22-881')", 'NM-VI.D: a latent print is entered');
	is($node->safe_psql('postgres', "SELECT kind, source, acting_role FROM facesnxt.corroboration WHERE search_id = '$search{NM}'"),
		'latent prints|lab 22-881|nm_two', 'NM-VI.D: with its source and who entered it');
	refused('NM', 'nm_inv', "request_action(%s, %1, 'arrest')", 'NX358', 'NM-V.E.2', 'NM-V.E.2: the member determines the identity first');
	like((call('NM', 'nm_inv', "record_outcome(%s, 'lead confirmed', %1, 'print')"))[2], qr/NX358.*NM-V\.E\.2/s,
		'NM-V.E.2: no lead is confirmed before');
	refused('NM', 'nm_two', "determine_identity(%s, %1, 'print')", 'NX350', 'NM-V.E.2', 'NM-V.E.2: not another member');
	passes('NM', 'nm_inv', "determine_identity(%s, %1, 'print of the right thumb')", 'NM-V.E.2: the querying member determines');
	passes('NM', 'nm_inv', "request_action(%s, %1, 'arrest warrant', 'print')", 'NM-VI.E: with corroboration the warrant may be asked for');
	passes('NM', 'nm_inv', "request_action(%s, %1, 'arrest')", 'NM-VI.E: and the arrest may be made');
	refused('NM', 'nm_inv', "request_action(%s, %2, 'arrest')", 'NX355', 'NM-VI.D', 'NM-VI.E: but not of another candidate');
	like((call('NM', 'nm_inv', "request_action(%s, gen_random_uuid(), 'arrest')"))[2], qr/NX308/, 'NM-VI.E: nor of who was no candidate');
	passes('NM', 'nm_inv', "record_outcome(%s, 'lead confirmed', %1, 'print')", 'NM-VI.C: the outcome is appended');
	refused('NM', 'nm_inv', "file_report(%s, 'CR 22-7', NULL)", 'NX364', 'NM-VI.C', 'NM-VI.C: a report says whether there was a match or not');
	refused('NM', 'nm_inv', "file_report(%s, 'CR 22-7', false)", 'NX364', 'NM-VI.C', 'NM-VI.C: and says what was decided');
	refused('NM', 'nm_inv', "file_report(%s, 'CR 22-7', true, kind => 'memo')", 'NX364', 'NM-VI.C', 'NM-VI.C: it is a case report');
	is((as_role($node, 'nm_inv', "SELECT string_agg(what, ', ' ORDER BY what) FROM facesnxt.my_due WHERE search_id = '$search{NM}'"))[1],
		'report, substantiation', 'NM-VI.C: the report is due, and the search unsubstantiated');
	passes('NM', 'nm_inv', "file_report(%s, 'CR 22-7', true)", 'NM-VI.C: the case report is linked');
	is($node->safe_psql('postgres', "SELECT kind, items->>'reason', items->>'match' FROM facesnxt.report WHERE search_id = '$search{NM}'"),
		'case report|for NM|positive', 'NM-VI.C: with reason and match');
	is((as_role($node, 'nm_inv', "SELECT count(*) FROM facesnxt.my_due WHERE search_id = '$search{NM}'"))[1], '0', 'NM-VI.C: nothing is due any more');
};

subtest 'SP' => sub {
	my $all = '{"eyes": "similar", "ears": "similar", "nose": "similar", "chin": "similar", "mouth": "different", "hair": "not comparable",
		"structure": "similar", "scars": "similar", "marks": "not comparable", "blemishes": "not comparable", "tattoos": "not comparable",
		"complexion": "similar", "gender": "similar", "age": "similar"}';
	is((as_role($node, 'sp_inv', "SELECT count(*) FROM facesnxt.my_due WHERE search_id = '$search{SP}' AND what = 'evaluation' AND clause = 'SP-IV.B.2'"))[1],
		'1', 'SP-IV.B.2: a search without evaluation is listed');
	refused('SP', 'sp_inv', "compare_candidate(%s, %1, 'possible match', '$some')", 'NX353', 'SP-III.F', 'SP-III.F: a worksheet goes through the features');
	my $none = $all =~ s/similar/different/gr;
	refused('SP', 'sp_inv', "compare_candidate(%s, %1, 'possible match', '$none')", 'NX353', 'SP-III.F', 'SP-III.F: and carries its conclusion');
	refused('SP', 'sp_two', "compare_candidate(%s, %1, 'possible match', '$all')", 'NX350', 'SP-IV.B.2', 'SP-IV.B.2: user, investigator or supervisor compares');
	passes('SP', 'sp_inv', "compare_candidate(%s, %1, 'possible match', '$all', 'ears')", 'SP-III.F: the worksheet');
	is($node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE f.finding = 'similar'), count(*) FILTER (WHERE f.finding = 'different'), min(c.conclusion), min(c.acting_role::text)
		FROM facesnxt.comparison c JOIN facesnxt.comparison_finding f USING (comparison_id) WHERE c.search_id = '$search{SP}'"),
		'9|1|possible match|sp_inv', 'SP-III.F: similarities, differences, conclusion and comparer are kept');
	passes('SP', 'sp_inv', "decide_match(%s, true, %1)", 'SP-IV.B.2: the evaluation');
	refused('SP', 'sp_inv', "request_action(%s, %1, 'arrest')", 'NX357', 'SP-I.D', 'SP-I.D: a result is no probable cause');
	refused('SP', 'sp_inv', "request_action(%s, %1, 'witness contact')", 'NX358', 'SP-I.C', 'SP-I.C: action rests on the Department\'s own determination');
	passes('SP', 'sp_inv', "add_corroboration(%s, %1, 'fingerprint', 'card 9')", 'SP-I.C: another ground');
	passes('SP', 'sp_two', "determine_identity(%s, %1, 'fingerprint')", 'SP-III.D: identification is an act of its own');
	is($node->safe_psql('postgres', "SELECT acting_role, basis, cardinality(items) FROM facesnxt.identification WHERE search_id = '$search{SP}'"),
		'sp_two|fingerprint|1', 'SP-III.D: with person, basis and evidence');
	passes('SP', 'sp_inv', "request_action(%s, %1, 'arrest')", 'SP-I.D: then the arrest');
};

subtest 'NS' => sub {
	compares('NS', 'ns_inv', $some);
	passes('NS', 'ns_inv', "decide_match(%s, true, %1)", 'NS-C: the officer evaluates');
	refused('NS', 'ns_inv', "request_action(%s, %1, 'arrest')", 'NX357', 'NS-32.6.3.b', 'NS-32.6.3.b: no probable cause by a search');
	refused('NS', 'ns_inv', "determine_identity(%s, %1, 'the list')", 'NX357', 'NS-32.6.4', 'NS-32.6.4: no identity without independent means');
	like((call('NS', 'ns_inv', "record_outcome(%s, 'lead confirmed', %1, 'the list')"))[2], qr/NX358.*NS-32\.6\.4/s, 'NS-32.6.4: no confirmed lead either');
	refused('NS', 'ns_inv', "add_corroboration(%s, %1, 'line-up', 'room 2')", 'NX356', 'NS-32.6.3.a', 'NS-32.6.3.a: is it admissible?');
	passes('NS', 'ns_inv', "add_corroboration(%s, %1, 'line-up', 'room 2', false)", 'NS-32.6.3.a: what is not admissible is kept');
	refused('NS', 'ns_inv', "request_action(%s, %1, 'arrest')", 'NX357', 'NS-32.6.3.b', 'NS-32.6.3.a: and does not count');
	refused('NS', 'ns_sup', "confirm_corroboration(%s, %1)", 'NX357', 'NS-32.6.7', 'NS-32.6.3.c: nothing connects the person with the case yet');
	passes('NS', 'ns_inv', "add_corroboration(%s, %1, 'booking photo', 'jail 5531', true)", 'NS-32.6.3.c: further investigation');
	refused('NS', 'ns_inv', "request_action(%s, %1, 'witness contact')", 'NX358', 'NS-C', 'NS-C: the agency determines the identity itself');
	passes('NS', 'ns_inv', "determine_identity(%s, %1, 'booking photo')", 'NS-32.6.4: confirmed by independent means');
	refused('NS', 'ns_inv', "request_action(%s, %1, '$_')", 'NX359', 'NS-32.6.7', "NS-32.6.7: no $_ before the supervisor")
		for 'arrest', 'witness contact', 'next-of-kin notice';
	refused('NS', 'ns_two', "confirm_corroboration(%s, %1)", 'NX350', 'NS-32.6.7', 'NS-32.6.7: a colleague is no supervisor');
	$node->safe_psql('postgres', "SELECT facesnxt.assign_case('NS', '22-7', 'ns_inv', 'supervisor')");
	refused('NS', 'ns_inv', "confirm_corroboration(%s, %1)", 'NX360', 'NS-32.6.7', 'NS-32.6.7: the searcher does not confirm, supervisor or not');
	$node->safe_psql('postgres', 'GRANT ns_sup TO ns_inv');
	like((as_role($node, 'ns_inv', "SET ROLE ns_sup; SELECT facesnxt.confirm_corroboration('$search{NS}', '$person{NS}[0]')"))[2],
		qr/NX360/, 'NS-32.6.7: nor does the searcher as the supervisor by SET ROLE');
	$node->safe_psql('postgres', 'REVOKE ns_sup FROM ns_inv');
	$node->safe_psql('postgres', "SELECT facesnxt.end_assignment('NS', '22-7', 'ns_sup', 'supervisor')");
	refused('NS', 'ns_sup', "confirm_corroboration(%s, %1)", 'NX350', 'NS-32.6.7', 'NS-32.6.7: nor who is supervisor no longer');
	$node->safe_psql('postgres', "SET ROLE adm; SELECT facesnxt.appoint('NS', 'supervisor', 'ns_sup')");
	like((as_role($node, 'ns_inv', "BEGIN; SELECT facesnxt.request_action('$search{NS}', '$person{NS}[0]', 'arrest', 'undone'); ROLLBACK"))[2],
		qr/NX359/, 'NS-32.6.7: a refusal inside a transaction');
	is($node->safe_psql('postgres', "SELECT status, sqlstate, clause FROM facesnxt.action WHERE basis = 'undone'"), 'refused|NX359|NS-32.6.7',
		'NS-32.6.7: outlives its rollback');
	is((as_role($node, 'ns_sup', "BEGIN; SELECT facesnxt.confirm_corroboration('$search{NS}', '$person{NS}[0]') IS NOT NULL;
		SELECT facesnxt.request_action('$search{NS}', '$person{NS}[0]', 'arrest'); ROLLBACK"))[1], 't', 'NS-32.6.7: a confirmation, by a supervisor by appointment, that is not committed');
	is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.action WHERE acting_role = 'ns_sup' AND sqlstate = 'NX359'"), '1',
		'NS-32.6.7: does not count');
	passes('NS', 'ns_sup', "confirm_corroboration(%s, %1, 'seen')", 'NS-32.6.7: the supervisor confirms');
	passes('NS', 'ns_inv', "request_action(%s, %1, '$_')", "NS-32.6.7: then $_") for 'witness contact', 'next-of-kin notice', 'arrest';
	refused('NS', 'ns_inv', "file_report(%s, 'IR 7', true, '{\"results\": \"one\", \"officer\": \"somebody\"}')", 'NX364', 'NS-32.6.6',
		'NS-32.6.6.3: the officer is not typed');
	refused('NS', 'ns_inv', "file_report(%s, 'IR 7', true)", 'NX364', 'NS-32.6.6', 'NS-32.6.6.4: the results are stated');
	passes('NS', 'ns_two', "file_report(%s, 'IR 7', true, '{\"results\": \"one possible match, confirmed\"}')", 'NS-32.6.6: the incident report');
	my $items = $node->safe_psql('postgres', "SELECT items FROM facesnxt.report WHERE search_id = '$search{NS}'");
	like($items, qr/"investigation type": "robbery"/, 'NS-32.6.6.1: type of investigation');
	like($items, qr/"reason": "for NS"/, 'NS-32.6.6.2: reason for use');
	like($items, qr/"officer": "ns_inv"/, 'NS-32.6.6.3: who searched, not who writes');
	like($items, qr/"person identified": "Person 1"/, 'NS-32.6.6.4: the person identified');
	like($items, qr/"chief notice": "2022-05-01.*Lt\. B\. by phone"/, 'NS-32.6.6.5: the notice to the Chief');
};

subtest 'NP' => sub {
	refused('NP', 'np_inv', "compare_candidate(%s, %1, 'possible match')", 'NX350', 'NP-V.3', 'NP-V.3: the assigned case officer evaluates, not the searcher');
	passes('NP', 'np_off', "compare_candidate(%s, %1, 'possible match', '$some')", 'NP-V.3: the case officer compares');
	passes('NP', 'np_off', "decide_match(%s, true, %1)", 'NP-V.3: and evaluates');
	refused('NP', 'np_off', "request_action(%s, %1, 'arrest')", 'NX357', 'NP-VI.B.1', 'NP-VI.B.1: a lead is no probable cause');
	passes('NP', 'np_inv', "add_corroboration(%s, %1, 'phone records', 'warrant 3')", 'NP-VI.B.1: further investigation');
	refused('NP', 'np_inv', "determine_identity(%s, %1, 'phone')", 'NX350', 'NP-VI.B.3', 'NP-VI.B.3: the case officer confirms, nobody else');
	refused('NP', 'np_off', "request_action(%s, %1, 'arrest')", 'NX358', 'NP-VI.B.3', 'NP-VI.B.3: no action before');
	passes('NP', 'np_off', "determine_identity(%s, %1, 'phone was there')", 'NP-VI.B.3: the case officer confirms');
	refused('NP', 'np_off', "request_action(%s, %1, '$_')", 'NX359', 'NP-VI.C.1', "NP-VI.C.1: no $_ before the supervisor")
		for 'arrest', 'arrest warrant', 'search warrant', 'line-up', 'witness contact', 'next-of-kin notice', 'other';
	passes('NP', 'np_sup', "confirm_corroboration(%s, %1)", 'NP-VI.C.1: the supervisor confirms');
	passes('NP', 'np_off', "request_action(%s, %1, 'line-up')", 'NP-VI.C.1: then any action');
	my $item = $node->safe_psql('postgres', "SELECT item_id FROM facesnxt.corroboration WHERE search_id = '$search{NP}'");
	like((as_role($node, 'nm_inv', "SELECT facesnxt.withdraw_corroboration('$item', 'x')"))[2], qr/NX307/, 'NP-VI.C.1: no other agency withdraws it');
	passes('NP', 'np_inv', "withdraw_corroboration('$item', 'another telephone')", 'NP-VI.C.1: what corroborated is withdrawn');
	refused('NP', 'np_off', "request_action(%s, %1, 'line-up')", 'NX358', 'NP-VI.B.3', 'NP-VI.C.1: and carries nothing any more');
	passes('NP', 'np_off', "compare_candidate(%s, %1, 'excluded', '$some')", 'NP-V.3: on a second look it is another person');
	refused('NP', 'np_off', "request_action(%s, %1, 'line-up')", 'NX355', 'NP-V.3', 'NP-V.3: then the match stands no more');
};

subtest 'MI' => sub {
	refused('MI', 'mi_two', "deliver_results(%s, 'mi_lead')", 'NX350', 'MI-4.5.3.2.a', 'MI-4.5.3.2.a: who did not search delivers nothing');
	refused('MI', 'mi_desk', "deliver_results(%s, 'mi_lead', '{1}')", 'NX363', 'MI-4.5.3.2.a', 'MI-4.5.3.2.a: not the first result only');
	passes('MI', 'mi_desk', "deliver_results(%s, 'mi_lead')", 'MI-4.5.3.2.a: all results');
	is($node->safe_psql('postgres', "SELECT complete AND ranks = (SELECT array_agg(rank ORDER BY rank) FROM facesnxt.candidate c WHERE c.search_id = d.search_id)
		AND EXISTS (SELECT FROM facesnxt.search s JOIN facesnxt.case_file f USING (case_id) WHERE s.search_id = d.search_id AND f.case_number = '22-7')
		FROM facesnxt.delivery d WHERE search_id = '$search{MI}'"), 't', 'MI-4.5.3.2.b: the delivered set is the list, and the case file has it');
	refused('MI', 'mi_desk', "compare_candidate(%s, %1, 'possible match')", 'NX350', 'MI-4.3.4.1.a', 'MI-4.3.4.1.a: the desk does not evaluate');
	refused('MI', 'mi_two', "compare_candidate(%s, %1, 'possible match')", 'NX350', 'MI-4.3.4.1.a', 'MI-4.3.4.1.a: nor any investigator');
	passes('MI', 'mi_lead', "compare_candidate(%s, %1, 'possible match', '$some')", 'MI-4.3.4.1.a: the lead investigator does');
	refused('MI', 'mi_lead', "decide_match(%s, true, %1)", 'NX352', 'MI-4.5.3.2.c', 'MI-4.5.3.2.c: not the top result only');
	passes('MI', 'mi_lead', "compare_candidate(%s, %$_, 'excluded')", "MI-4.5.3.2.c: candidate $_") for 2, 3;
	refused('MI', 'mi_lead', "decide_match(%s, true, %1)", 'NX352', 'MI-4.5.3.2.c', 'MI-4.5.3.2.c: every candidate shown');
	passes('MI', 'mi_lead', "compare_candidate(%s, %4, 'inconclusive', note => 'blurred')", 'MI-4.5.3.2.c: the last one');
	passes('MI', 'mi_lead', "decide_match(%s, true, %1)", 'MI-4.3.4.1.a: the evaluation');
	refused('MI', 'mi_lead', "request_action(%s, %1, 'arrest')", 'NX357', 'MI-4.3.2', 'MI-4.3.4.1.a: reports, interviews, line-ups, prints or DNA first');
	passes('MI', 'mi_two', "add_corroboration(%s, %1, 'DNA', 'lab 4')", 'MI-4.3.4.1.a: DNA');
	refused('MI', 'mi_lead', "request_action(%s, %1, 'arrest')", 'NX361', 'MI-4.3.4.1.b', 'MI-4.3.4.1.b: an arrest weighs the quality of the probe');
	refused('MI', 'mi_lead', "acknowledge_probe_quality(%s, '{\"measured\": true}', 'fine')", 'NX361', 'MI-4.3.4.1.b',
		'MI-4.3.4.1.b: nobody acknowledges what was not shown');
	passes('MI', 'mi_two', "acknowledge_probe_quality(%s, facesnxt.show_probe_quality(%s), 'good')", 'MI-4.3.4.1.b: somebody else acknowledges');
	refused('MI', 'mi_lead', "request_action(%s, %1, 'arrest')", 'NX361', 'MI-4.3.4.1.b', 'MI-4.3.4.1.b: which is not for who decides');
	passes('MI', 'mi_lead', "acknowledge_probe_quality(%s, facesnxt.show_probe_quality(%s), 'a template only: DNA decides')", 'MI-4.3.4.1.b: who decides does');
	like($node->safe_psql('postgres', "SELECT shown FROM facesnxt.quality_notice WHERE acting_role = 'mi_lead'"),
		qr/"measured": false/, 'MI-4.3.4.1.b: and what was shown is kept');
	passes('MI', 'mi_lead', "request_action(%s, %1, 'arrest')", 'MI-4.3.4.1.b: then the arrest');
	is((as_role($node, 'mi_desk', "SELECT incident_number, incident_type, yielded_results, ultimately_identified IS NULL, requested_at < now()
		FROM facesnxt.my_search_log WHERE search_id = '$search{MI}'"))[1], '22-7|robbery|t|t|t', 'MI-4.5.3.3.a: the log of the search');
	is((as_role($node, 'mi_desk', "SELECT string_agg(what, ', ' ORDER BY what) FROM facesnxt.my_due WHERE search_id = '$search{MI}' AND NOT overdue"))[1],
		'outcome, outcome notice', 'MI-4.5.3.3.b: the notice is awaited');
	refused('MI', 'mi_two', "notify_outcome(%s, false)", 'NX350', 'MI-4.5.3.3.b', 'MI-4.5.3.3.b: from who asked');
	refused('MI', 'mi_lead', "notify_outcome(%s, true)", 'NX358', 'MI-4.3.2', 'MI-4.5.3.3.b: a match is no positive identification');
	like((call('MI', 'mi_lead', "record_outcome(%s, 'lead confirmed', %1, 'DNA')"))[2], qr/NX358.*MI-4\.3\.4\.1\.a/s,
		'MI-4.3.4.1.a: no confirmed lead without a determination');
	passes('MI', 'mi_lead', "notify_outcome(%s, false, 'not yet')", 'MI-4.5.3.3.b: the requester tells the desk');
	passes('MI', 'mi_lead', "determine_identity(%s, %1, 'DNA')", 'MI-4.3.4.1.a: the lead investigator determines');
	passes('MI', 'mi_lead', "notify_outcome(%s, true)", 'MI-4.5.3.3.b: and tells again');
	is((as_role($node, 'mi_desk', "SELECT ultimately_identified FROM facesnxt.my_search_log WHERE search_id = '$search{MI}'"))[1], 't',
		'MI-4.5.3.3.a: ultimately identified');
	is($node->safe_psql('postgres', "SELECT string_agg(identified::text, ',' ORDER BY recorded_at) FROM facesnxt.outcome_notice"), 'false,true',
		'MI-4.5.3.3.b: what was told before stays');
};

subtest 'a search without a case, and a gateway' => sub {
	$node->safe_psql('postgres', 'CREATE ROLE gateway LOGIN; GRANT mi_desk, mi_lead, mi_two TO gateway');
	$node->safe_psql('postgres', "SELECT facesnxt.assign_case('MI', '22-7', 'mi_two', 'supervisor')");
	$search{GW} = (as_role($node, 'gateway', "SET ROLE mi_desk; SELECT DISTINCT search_id FROM facesnxt.search_template('[1,0,0]', NULL,
		'criminal_investigation', 'no case', candidates => 2, fields => '{\"attested\": true, \"incident_type\": \"theft\"}')"))[1];
	$person{GW} = [ split /\n/, $node->safe_psql('postgres', "SELECT person_id FROM facesnxt.candidate WHERE search_id = '$search{GW}' ORDER BY rank") ];
	my $owed = "SELECT count(*) FROM facesnxt.my_due WHERE search_id = '$search{GW}' AND what = 'case file' AND clause = 'MI-4.5.3.2.a'";
	is((as_role($node, 'mi_desk', $owed))[1], '1', 'MI-4.5.3.2.b: a search that is in no case file is listed');
	refused('GW', 'mi_lead', "compare_candidate(%s, %1, 'excluded')", 'NX350', 'MI-4.3.4.1.a', 'MI-4.3.4.1.a: without a case nobody leads it');
	like((call('GW', 'mi_lead', "link_case(%s, 'none')"))[2], qr/NX303/, 'MI-4.5.3.2.b: into a case that there is');
	passes('GW', 'mi_lead', "link_case(%s, '22-7')", 'MI-4.5.3.2.b: the search is put into the case file');
	is((as_role($node, 'mi_desk', $owed))[1], '0', 'MI-4.5.3.2.b: and is listed no more');
	passes('GW', 'mi_lead', "compare_candidate(%s, %1, 'possible match')", 'MI-4.3.4.1.a: the lead investigator evaluates');
	passes('GW', 'mi_lead', "add_corroboration(%s, %1, 'interviews', 'tape 2')", 'MI-4.3.4.1.a: an interview');
	is((as_role($node, 'gateway', "SET ROLE mi_two; SELECT facesnxt.confirm_corroboration('$search{GW}', '$person{GW}[0]') IS NOT NULL"))[1], 't',
		'NS-32.6.7: through one gateway two persons are two');
};

subtest 'blind review, and what is set aside' => sub {
	passes('TWO', 'two_a', "compare_candidate(%s, %1, 'possible match')", 'SP-III.F: the first comparison');
	my $override = "request_action(%s, %1, 'line-up', overrides => '{\"not_sole_basis\": \"it is to corroborate\"}')";
	refused('TWO', 'two_a', $override, 'NX354', 'TWO-2', 'NM-IV.G.1: no action before a second person agrees');
	refused('TWO', 'two_b', "ask_review(%s, %1, 'two_a')", 'NX354', 'TWO-2', 'NM-IV.G.1: the searcher is no second person');
	refused('TWO', 'two_b', "ask_review(%s, %1, 'two_b')", 'NX354', 'TWO-2', 'NM-IV.G.1: nor who asks');
	call('TWO', 'two_c', "view_candidate(%s, 1, '{name}')");
	refused('TWO', 'two_a', "ask_review(%s, %1, 'two_c')", 'NX354', 'TWO-2', 'NM-IV.G.1: nor who has looked at the list');
	passes('TWO', 'two_a', "ask_review(%s, %1, 'two_b')", 'NM-IV.G.1: another one is asked');
	my $review = (as_role($node, 'two_b', 'SELECT review_id FROM facesnxt.my_reviews WHERE answered_at IS NULL'))[1];
	passes('TWO', 'two_a', "record_outcome(%s, 'inconclusive')", 'SP-III.F: the first opinion');
	foreach my $seen ('my_candidates', 'my_comparisons', 'my_outcomes', 'my_reviews v JOIN facesnxt.my_comparisons USING (review_id)', 'my_search_log')
	{
		is((as_role($node, 'two_b', "SELECT count(*) FROM facesnxt.$seen"))[1], '0', "MI-4.5.3.2.c: the reviewer sees nothing by $seen");
	}
	like((call('TWO', 'two_b', "$_"))[2], qr/NX354/, "MI-4.5.3.2.c: nor by $_")
		for 'show_probe_quality(%s)', "view_candidate(%s, 1, '{name}')", "would_refuse_action(%s, %1, 'arrest')", "compare_candidate(%s, %1, 'excluded')";
	is((as_role($node, 'two_b', "SELECT attname FROM pg_attribute WHERE attrelid = 'facesnxt.my_reviews'::regclass AND attnum > 0
		AND attname ~ 'rank|score|person|search|reference'"))[1], '', 'MI-4.5.3.2.c: the pair has neither rank nor score nor name');
	is((as_role($node, 'two_b', "SELECT probe IS NULL AND reference IS NULL FROM facesnxt.review_pair('$review')"))[1], 't',
		'NM-IV.G.1: the reviewer gets the pair');
	is($node->safe_psql('postgres', "SELECT kind, fields FROM facesnxt.access_log WHERE acting_role = 'two_b'"), 'view|{photo,probe}',
		'NM-V.C: that the pair was seen is logged');
	like((as_role($node, 'two_c', "SELECT facesnxt.give_review('$review', 'excluded')"))[2], qr/NX307/, 'NM-IV.G.1: nobody else answers');
	is((as_role($node, 'two_b', "SELECT facesnxt.give_review('$review', 'excluded')"))[0], 0, 'NM-IV.G.1: the second person does not agree');
	refused('TWO', 'two_a', $override, 'NX354', 'TWO-2', 'NM-IV.G.1: then there is no action');
	like((as_role($node, 'two_b', "SELECT facesnxt.give_review('$review', 'possible match')"))[2], qr/NX365/, 'NM-IV.G.1: an answer is given once');
	is((as_role($node, 'two_b', 'SELECT count(*) FROM facesnxt.my_candidates'))[1], '4', 'NM-IV.G.1: after it the reviewer sees the list');
	passes('TWO', 'two_a', "ask_review(%s, %1, 'two_d')", 'NM-IV.G.1: a third person');
	$review = (as_role($node, 'two_d', 'SELECT review_id FROM facesnxt.my_reviews'))[1];
	is((as_role($node, 'two_d', "SELECT facesnxt.give_review('$review', 'possible match', '$some')"))[0], 0, 'NM-IV.G.1: agrees');
	refused('TWO', 'two_a', "request_action(%s, %1, 'line-up')", 'NX357', 'TWO-3', 'NM-IV.J: an advisory rule warns');
	passes('TWO', 'two_a', $override, 'NM-IV.J: and is set aside for a reason');
	is($node->safe_psql('postgres', "SELECT findings->0->>'clause', findings->0->>'reason' FROM facesnxt.action WHERE status = 'permitted' AND search_id = '$search{TWO}'"),
		'TWO-3|it is to corroborate', 'NM-IV.J: which is recorded');
	is((as_role($node, 'aud', "SELECT count(DISTINCT agency) > 1 FROM facesnxt.due"))[1], 't', 'NM-VII.B: auditors see what is due of all');
	is((as_role($node, 'two_a', "SELECT string_agg(what || ' ' || clause, ', ' ORDER BY what) FROM facesnxt.my_due WHERE overdue AND search_id = '$search{TWO}'"))[1],
		'report TWO-4', 'NM-VI.C: what is overdue stands in a list, what was told does not');
	is((as_role($node, 'two_a', "SELECT string_agg(DISTINCT sqlstate, ',') FROM facesnxt.would_refuse_action('$search{TWO}', '$person{TWO}[0]', 'arrest',
		'" . $node->safe_psql('postgres', "SELECT version_id FROM facesnxt.search WHERE search_id = '$search{NS}'") . "')"))[1],
		'NX355,NX357,NX358,NX359', 'NS-32.6.7: what another agency\'s policy would say of it');
};

subtest 'agencies, and records' => sub {
	foreach my $sql ("compare_candidate(%s, %1, 'excluded')", "decide_match(%s, false)", "add_corroboration(%s, %1, 'DNA', 'x')",
		"determine_identity(%s, %1, 'x')", "confirm_corroboration(%s, %1)", "request_action(%s, %1, 'arrest')", "file_report(%s, 'x', true)",
		"deliver_results(%s, 'nm_inv')", "notify_outcome(%s, false)", "ask_review(%s, %1, 'nm_inv')", "show_probe_quality(%s)", "link_case(%s, '22-7')")
	{
		my $theirs = (call('NS', 'nm_inv', $sql))[2] =~ /ERROR:  (.*)/ ? $1 : '';
		like($theirs, qr/^NX307/, "SP-II.A: another agency's search: $sql");
		my $none = (as_role($node, 'nm_inv', 'SELECT facesnxt.' . ($sql =~ s/%\d/gen_random_uuid()/gr =~ s/%s/gen_random_uuid()/gr)))[2] =~ /ERROR:  (.*)/ ? $1 : '';
		is($theirs, $none, 'SP-II.A: looks like none');
	}
	foreach my $view (qw(my_comparisons my_match_decisions my_corroborations my_identifications my_confirmations my_quality_notices
		my_actions my_reports my_deliveries my_outcome_notices my_refused_steps my_case_links my_withdrawals my_search_log my_due))
	{
		is((as_role($node, 'nm_inv', "SELECT count(*) FROM facesnxt.$view WHERE search_id <> ALL (ARRAY(SELECT search_id FROM facesnxt.my_searches))"))[1], '0',
			"SP-II.A: $view shows one's own agency's");
	}
	$node->safe_psql('postgres', "CREATE ROLE mi_aud LOGIN; GRANT facesnxt_auditor TO mi_aud; SELECT facesnxt.open_account('MI', 'mi_aud')");
	is((as_role($node, 'mi_aud', "SELECT string_agg(DISTINCT agency, ',') FROM facesnxt.$_"))[1], 'MI', "SP-II.A: an agency's auditor sees its $_")
		for 'search_log', 'due';
	foreach my $table (qw(comparison comparison_finding match_decision review corroboration identification confirmation quality_notice
		action report delivery outcome_notice refused_step case_link withdrawal outcome))
	{
		like((as_role($node, 'postgres', "DELETE FROM facesnxt.$table"))[2], qr/NX309/, "MI-4.5.3.3.b: $table is appended to only");
		like((as_role($node, 'nm_inv', "INSERT INTO facesnxt.$table DEFAULT VALUES"))[2], qr/42501/, "... and not by hand");
		is((as_role($node, 'aud', "SELECT count(*) >= 0 FROM facesnxt.$table"))[1], 't', '... and read by auditors');
	}
	$node->safe_psql('postgres', "SELECT facesnxt.set_account_status('nm_inv', 'suspended', 'misuse')");
	like((call('NM', 'nm_inv', "request_action(%s, %1, 'arrest')"))[2], qr/not permitted to log in/, 'NM-VII.E.3: a suspended account does not log in');
	# nor does a gateway act for it; who was let in before keeps the privilege to be refused
	like((call('NM', 'postgres', "request_action(%s, %1, 'arrest')", 'SET ROLE nm_inv'))[2], qr/NX302|42501/,
		'NM-VII.E.3: nobody acts in its name');
	like((call('NM', 'postgres', "compare_candidate(%s, %1, 'excluded')", 'SET ROLE nm_inv'))[2], qr/NX302|42501/, 'NM-VII.E.3: nor compares');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_constraint WHERE connamespace = 'facesnxt'::regnamespace AND contype = 'c'
		AND conrelid = ANY ('{facesnxt.outcome,facesnxt.comparison,facesnxt.match_decision}'::regclass[]) AND pg_get_constraintdef(oid) ~ '''identified'''"), '0',
		'SP-I.D: no state of a search is "identified"');
};

$node->stop;
done_testing();
