# The desk of Miami, the images of North Port, the exigency of New Smyrna
# Beach: real roles in sessions of their own, under the shipped policies without
# their rules on accounts, which have tests of their own.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use Facesnxt;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('request', conf => "max_worker_processes = 20\n");

$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION public.jpeg(n int) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT '\xffd8fffe0006'::bytea || int4send(n) || decode('ffdb00430050373c463c32504641465a55505f78c882786e6e78f5afb991c8'
		|| repeat('ff', 39) || 'c0000b080008000801011100ffc40014000100000000000000000000000000000002'
		|| 'ffc40014100100000000000000000000000000000000ffda0008010100003f000fffd9', 'hex') $$;
CREATE ROLE detective LOGIN; CREATE ROLE rtcc LOGIN; CREATE ROLE rtcc_two LOGIN; CREATE ROLE twice LOGIN; CREATE ROLE gate_way LOGIN;
CREATE ROLE np_off LOGIN; CREATE ROLE ns_off LOGIN;
GRANT facesnxt_requester TO detective, twice;
GRANT rtcc TO twice;
GRANT detective, rtcc TO gate_way;
SET ROLE adm;
SELECT facesnxt.create_agency(c, c) FROM unnest(ARRAY['MI', 'NP', 'NS']) c;
SELECT facesnxt.adopt_policy(p.code, document => jsonb_set(document, '{rules}', (
	SELECT jsonb_agg(CASE r->>'rule' WHEN 'pace' THEN jsonb_set(r, '{value}', '{"searches": 6, "minutes": 10, "probes": 5}') ELSE r END)
	FROM jsonb_array_elements(document->'rules') r JOIN facesnxt.rule k ON k.rule = r->>'rule'
	WHERE k.area <> 'account' AND k.rule <> 'still_only')))
FROM facesnxt.shipped_policy p WHERE p.code IN ('MI', 'NP', 'NS');
SELECT facesnxt.open_account(v.a, v.r)
FROM (VALUES ('MI', 'detective'::regrole), ('MI', 'rtcc'), ('MI', 'rtcc_two'), ('MI', 'twice'), ('NP', 'np_off'), ('NS', 'ns_off')) v (a, r);
SELECT facesnxt.set_account_status(r, 'active', NULL) FROM unnest(ARRAY['rtcc', 'rtcc_two', 'np_off', 'ns_off']::regrole[]) r;
SELECT facesnxt.open_case(a, 'C-1', 'robbery') FROM unnest(ARRAY['MI', 'NP', 'NS']) a;
SQL

# As a role: what comes out, or the SQLSTATE of the error.
sub asked
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = as_role($node, $role, $sql);
	return $status == 0 ? $out : $err =~ /ERROR:  (\w{5}):/ ? $1 : $err;
}

# status, SQLSTATE and clause of the attempts with a reason
sub kept
{
	my ($reason) = @_;
	return $node->safe_psql('postgres',
		"SELECT concat_ws(' ', status, sqlstate, clause) FROM facesnxt.search WHERE reason = '$reason' ORDER BY recorded_at");
}

sub desk
{
	my ($request, $reason, %more) = @_;
	my $angle = $more{angle} // 0;
	my $case = exists $more{case} ? $more{case} : "'C-1'";
	my $extra = $more{extra} // '';
	my $given = defined $request ? qq(, "request": "$request") : '';
	return "SELECT count(*) FROM facesnxt.search_template(ARRAY[cos($angle), sin($angle), 0]::real[]::facesnxt.embedding, $case, "
		. "'criminal_investigation', '$reason', candidates => 5, fields => '{\"attested\": true$given$extra}')";
}

subtest 'Miami: a search answers the request of somebody else' => sub {
	my $request = asked('detective', "SELECT facesnxt.request_search(ARRAY[jpeg(1), jpeg(2)], 'robbery', 'C-1', 'tram 7')");
	like($request, qr/^[0-9a-f-]{36}$/, 'MI-4.5.3.1: a request has its probes, incident number, incident type and other information');
	is(asked('detective', "SELECT facesnxt.request_search(ARRAY[jpeg(1)], NULL, 'C-1')"), 'NX399', 'MI-4.5.3.1: no request without incident type');
	is(asked('detective', "SELECT facesnxt.request_search('{}', 'robbery')"), 'NX399', 'MI-4.5.3.1: no request without probe');
	is(asked('detective', "SELECT facesnxt.request_search(ARRAY[jpeg(1) || jpeg(2)], 'robbery')"), 'NX322', 'MI-4.3.1: no several pictures in one file');
	is(asked('detective', desk($request, 'asker')), 'NX302', 'MI-4.5.3.2.a: the requester does not search');
	is(kept('asker'), 'refused NX302 SP-IV.A.2', 'MI-4.5.3.2.a: and that is on record');
	is(asked('rtcc', desk(undef, 'none')), 'NX319', 'MI-4.5.3.1: no search without request');
	is(kept('none'), 'refused NX319 MI-4.5.3.1', 'MI-4.5.3.1: and that is on record');
	is(asked('rtcc', desk($request, 'case', case => 'NULL')), 'NX319', 'MI-4.5.3.1: the request is for its case only');
	is(asked('rtcc', desk($request, 'done')), '5', 'MI-4.5.3.2.a: the desk searches');
	is(kept('done'), 'completed', 'MI-4.5.3.3.a: and that is on record');
	is(asked('detective', "SELECT count(*), min(rank), max(rank) FROM facesnxt.request_results('$request')"), '5|1|5',
		'MI-4.5.3.2.a: all results go to the requester');
	is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.delivery_state WHERE request_id = '$request' AND NOT partial AND fetched_at > delivered_at"),
		'1', 'MI-4.5.3.2.a: delivery and collection are on record');
	asked('rtcc', "SELECT facesnxt.deliver_results(search_id, 'rtcc_two') FROM facesnxt.my_searches WHERE reason = 'done'");
	is($node->safe_psql('postgres', "SELECT string_agg(concat_ws(' ', recipient_role, d.acting_role, complete, ranks, d.request_id = '$request'), '; ' ORDER BY d.recorded_at)
		FROM facesnxt.delivery d JOIN facesnxt.search s USING (search_id) WHERE s.reason = 'done'"),
		'detective rtcc t {1,2,3,4,5} t; rtcc_two rtcc t {1,2,3,4,5}', 'MI-4.5.3.2.a: what answers a request and what is given by hand stand in one record');
	is(asked('detective', "SELECT searches FROM facesnxt.my_requests WHERE request_id = '$request'"), '1', 'MI-4.5.3.2.a: one search has answered');
	is(asked('rtcc', "SELECT count(*) FROM facesnxt.request_results('$request')"), 'NX399', 'MI-4.5.3.2.a: results go to nobody else');
	is(asked('sp_inv', "SELECT count(*) FROM facesnxt.my_requests"), '0', 'MI-4.5.3.1: another agency sees no request');

	asked('adm', "SELECT facesnxt.set_account_status('detective', 'active', NULL)");
	is(asked('detective', "SELECT facesnxt.notify_outcome((SELECT search_id FROM facesnxt.request_results('$request') LIMIT 1), false, 'not yet') IS NOT NULL"),
		't', 'MI-4.5.3.3.b: the requester tells the desk what became of it');
	is(asked('detective', 'SELECT count(*) FROM facesnxt.my_candidates'), '42501', 'MI-4.5.3.1: asking does not make a searcher');

	my $own = asked('rtcc', "SELECT facesnxt.request_search(ARRAY[jpeg(1)], 'robbery', 'C-1')");
	is(asked('rtcc', desk($own, 'own')), 'NX319', 'MI-4.5.3.1: who asks does not search');
	is(asked('rtcc_two', desk($own, 'other', angle => 2)), '5', 'MI-4.5.3.1: somebody else of the desk does');
	my $mine = asked('twice', "SELECT facesnxt.request_search(ARRAY[jpeg(1)], 'robbery', 'C-1')");
	is(asked('twice', 'SET ROLE rtcc; ' . desk($mine, 'both')), 'NX319', 'MI-4.5.3.1: nor by SET ROLE');
	my $pooled = asked('gate_way', "SET ROLE detective; SELECT facesnxt.request_search(ARRAY[jpeg(1)], 'robbery', 'C-1')") =~ s/^SET\s+//r;
	like(asked('gate_way', 'SET ROLE rtcc; ' . desk($pooled, 'pooled', angle => 2.2)), qr/5$/, 'MI-4.5.3.1: a gateway serves two persons');
};

subtest 'Miami: subsequent searches' => sub {
	my $request = $node->safe_psql('postgres', "SELECT request_id FROM facesnxt.search_request WHERE note = 'tram 7'");
	my $first = $node->safe_psql('postgres', "SELECT search_id FROM facesnxt.search WHERE reason = 'done'");
	my $link = qq(, "parent_search": "$first");
	is(asked('rtcc', desk($request, 'again')), 'NX320', 'MI-4.5.3.4: not without a link to the first');
	is(asked('rtcc', desk($request, 'linked', extra => $link)), '5', 'MI-4.5.3.4: linked');
	is($node->safe_psql('postgres', "SELECT facts->'search'->'chain'->>'sequence', facts->'search'->'chain'->>'first' = '$first' FROM facesnxt.search WHERE reason = 'linked'"),
		'2|t', 'MI-4.5.3.4: each is logged with its place in the chain');
	# by which steps somebody is identified is another test's
	$node->safe_psql('postgres', "INSERT INTO facesnxt.identification (search_id, person_id, basis, items, account_id, capacities, acting_role, session_role)
		SELECT search_id, person_id, 'latent print', ARRAY[person_id], person_id, '{}', 'x', 'x' FROM facesnxt.candidate WHERE search_id = '$first' AND rank = 1");
	is(asked('rtcc', desk($request, 'identified', extra => $link)), 'NX320', 'MI-4.5.3.4: not once somebody was identified');
	is(kept('identified'), 'refused NX320 MI-4.5.3.4', 'MI-4.5.3.4: and that is on record');
};

subtest 'Miami: pace' => sub {
	my $request = asked('detective', "SELECT facesnxt.request_search(ARRAY[jpeg(5)], 'robbery', 'C-1')");
	my @angles = (3, 3.1, 3.2, 3.3, 3.4, 3.5, 3.6, 3.7);
	my @sessions = map { session($node, 'rtcc_two') } @angles;
	# all at once: each is recorded only after the one before it
	foreach my $i (0 .. $#angles)
	{
		$sessions[$i]->query_until(qr/go/, "\\echo go\n" . desk($request, 'burst', angle => $angles[$i]) . ";\n");
	}
	$_->query('SELECT 0') foreach @sessions;
	$_->quit foreach @sessions;
	is($node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE sqlstate = 'NX321' AND clause = 'MI-4.5.2.d'), count(*) FROM facesnxt.search WHERE reason = 'burst'"),
		'4|4|8', 'MI-4.5.2.d: of eight searches at once no more pass than the five probes that the pace allows with the one before');
	is(asked('rtcc_two', desk($request, 'later', angle => 3.9)), 'NX321', 'MI-4.5.2.d: nor later');
	is(asked('rtcc', desk($request, 'colleague', angle => 3.95)), '5', 'MI-4.5.2.d: an account\'s pace is its own');
};

subtest 'North Port: originals, copies, consent' => sub {
	my $hash = asked('np_off', "SELECT encode(facesnxt.register_probe(jpeg(20), 'shop', 'security camera'), 'hex')");
	is($hash, $node->safe_psql('postgres', "SELECT encode(sha256(jpeg(20)), 'hex')"), 'NP-VI.B.2.a: an original is kept as it is');
	is(asked('np_off', "SELECT facesnxt.register_probe(jpeg(21), 'street', 'none')"), 'NX394', 'NP-VI.B.5: not when there was no basis to take it');
	is(asked('np_off', "SELECT facesnxt.register_probe(jpeg(21), 'street')"), 'NX394', 'NP-VI.B.5: nor when none is stated');
	foreach my $role ('np_off', 'adm')
	{
		is(asked($role, "UPDATE facesnxt.probe SET image = jpeg(22)"), '42501', "NP-VI.B.2.a: $role does not alter it");
		is(asked($role, 'DELETE FROM facesnxt.probe'), '42501', "NP-VI.B.2.a: $role does not remove it");
	}
	is(asked('postgres', "UPDATE facesnxt.probe SET image = jpeg(22)"), 'NX309', 'NP-VI.B.2.a: nor does the owner by mistake');
	is(asked('np_off', "SELECT facesnxt.derive_probe(sha256(jpeg(20)), jpeg(20), 'brighten', '{}', 'editor')"), 'NX393', 'NP-VI.B.2.b: an enhancement is a copy');
	is(asked('np_off', "SELECT facesnxt.derive_probe(sha256(jpeg(20)), jpeg(22), 'brighten', '{}', '')"), 'NX393', 'NP-VI.B.2.c: which says with what it was made');
	is(asked('np_off', "SELECT facesnxt.derive_probe(sha256(jpeg(20)), jpeg(22), 'brighten', '{\"gain\": 2}', 'editor') = sha256(jpeg(22))"), 't', 'NP-VI.B.2.b: a copy is saved separately');
	is($node->safe_psql('postgres', "SELECT operation, parameters->>'gain', tool, performed_by, performed_at <= recorded_at FROM facesnxt.probe_derivation"),
		'brighten|2|editor|np_off|t', 'NP-VI.B.2.c: what was enhanced, by whom and when');
	is(asked('rtcc', "SELECT facesnxt.derive_probe(sha256(jpeg(20)), jpeg(23), 'crop', '{}', 'editor')"), 'NX393', 'NP-VI.B.2.b: another agency\'s image is none');
	is(asked('np_off', "SELECT facesnxt.record_consent(sha256(jpeg(20)), true, 'street') IS NOT NULL"), 't', 'NP-VI.B.4: consent is recorded');
	is(asked('np_off', "SELECT facesnxt.record_consent(sha256(jpeg(20)), false, 'street', 'unconscious')"), 'NX394', 'NP-VI.A.3.note: without it both explanations are needed');
	is(asked('np_off', "SELECT count(*) FROM facesnxt.search_template('[1,0,0]', 'C-1', 'tip', fields => '{\"attested\": true, \"tip\": \"call\", \"capture_basis\": \"none\"}')"),
		'NX317', 'NP-VI.B.5: no search for a photograph without basis');
};

subtest 'North Port and New Smyrna Beach: exigent searches, other systems' => sub {
	my $hurry = sub {
		my ($purpose, $reason, $more) = @_;
		return "SELECT count(*) FROM facesnxt.search_template('[1,0,0]', NULL, '$purpose', '$reason', candidates => 2, "
			. "fields => '{\"attested\": true, \"capture_basis\": \"camera\"$more}')";
	};
	is(asked('ns_off', $hurry->('threat', 'slow', ', "threat": "bomb", "health_threat": false')), 'NX303', 'NS-32.6.6.1: the type of investigation is asked for');
	is(asked('ns_off', $hurry->('threat', 'fast', ', "threat": "bomb", "health_threat": false, "exigent": true')), '2', 'NS-32.6.2.3: a threat lets the search go first');
	is(asked('ns_off', $hurry->('threat', 'ill', ', "threat": "plague", "health_threat": true, "exigent": true')), 'NX318', 'NS-32.6.2.3: the Chief is notified before all the same');
	is(asked('ns_off', $hurry->('criminal_investigation', 'not', ', "threat": "bomb", "exigent": true')), 'NX390', 'NS-32.6.2.3: other purposes are not exigent');
	is(asked('np_off', $hurry->('active_investigation', 'np', ', "threat": "bomb", "exigent": true')), '2', 'NP-VI.A.2: an imminent threat lets the search go first');
	is(asked('ns_off', 'SELECT state FROM facesnxt.my_exigent'), 'open', 'NS-32.6.2.3: its papers are open');
	is($node->safe_psql('postgres', "SELECT string_agg(agency || ' ' || (due_at - recorded_at), ',' ORDER BY agency) FROM facesnxt.exigent_search"),
		'NP 1 day,NS 1 day', 'NP-VI.A.2: and due within the hours of the policy');
	is(asked('ns_off', "SELECT facesnxt.complete_papers(search_id, fields => '{\"incident_type\": \"\"}') FROM facesnxt.my_exigent"), 'NX391', 'NS-32.6.6.1: papers are complete or refused');
	is(asked('ns_off', "SELECT facesnxt.complete_papers(search_id, 'C-1', 'bomb at the station') FROM facesnxt.my_exigent; SELECT state FROM facesnxt.my_exigent") =~ s/^\s+//r,
		'completed', 'NS-32.6.6.1: the papers follow');

	is(asked('adm', "SELECT facesnxt.register_platform('NP', 'Clearview', 'commercial', 'a company')"), 'NX392', 'NP-VI.D.1: no other system is registered');
	is(asked('adm', "SELECT facesnxt.register_platform('MI', 'Clearview', 'commercial', 'a company') IS NOT NULL"), 't', 'MI-4.3.5: a commercial platform is');
	is(asked('np_off', "SELECT facesnxt.record_external_search('Clearview', now(), 'C-1', 'tip', 'call', 'none', '{\"attested\": true, \"tip\": \"call\", \"capture_basis\": \"x\"}')"),
		'NX392', 'NP-VI.C.3: a search in an unregistered system is refused');
	asked('adm', "SELECT facesnxt.register_platform('NS', 'Other', 'agency', 'Sheriff')");
	is(asked('ns_off', "SELECT facesnxt.record_external_search('Other', now(), 'C-1', 'shopping', 'call', 'none', '{\"attested\": true}')"), 'NX305', 'SP-I.A: any system is for legitimate purposes only');
	is(asked('ns_off', "SELECT facesnxt.record_external_search('Other', now(), 'C-1', 'criminal_investigation', 'robbery', 'one candidate', '{\"attested\": true}') IS NOT NULL"),
		't', 'NS-32.6.6: a search in another system is documented');
	is($node->safe_psql('postgres', "SELECT string_agg(concat_ws(' ', acting_role, status, sqlstate, clause), ',' ORDER BY recorded_at) FROM facesnxt.external_search"),
		'np_off refused NX392 NP-VI.D.1,ns_off refused NX305 NS-32.6.2,ns_off registered', 'NS-32.6.6: what was refused, too');
};

subtest 'persons: what is kept, who sees it' => sub {
	my $last = $node->safe_psql('postgres', "SELECT search_id FROM facesnxt.search WHERE reason = 'done'");
	my $person = $node->safe_psql('postgres', "SELECT person_id FROM facesnxt.candidate WHERE search_id = '$last' AND rank = 2");
	is(asked('adm', "SELECT facesnxt.describe_person('$person', '{\"street\": \"Main St 1\"}')"), 'NX396', 'NM-IV.I: no street address');
	is(asked('adm', "SELECT facesnxt.describe_person('$person', '{\"city\": \"Miami\", \"state\": \"FL\", \"zip\": \"33101\", \"licence_number\": \"L-7\"}')"), '', 'NM-IV.I: city, state and zip');
	is(asked('rtcc', 'SELECT * FROM facesnxt.person_detail'), '42501', 'NM-V.C: no look past the log');
	is(asked('rtcc', "BEGIN; SELECT value FROM facesnxt.view_candidate('$last', 2, '{licence_number}'); ROLLBACK"), 'L-7', 'NM-V.C: a candidate\'s field is shown');
	is($node->safe_psql('postgres', "SELECT acting_role, field, person_id = '$person' FROM facesnxt.field_view WHERE kind = 'view'"), 'rtcc|licence_number|t', 'NM-V.C: and that stays on record after a rollback');
	is(asked('np_off', "SELECT value FROM facesnxt.view_candidate('$last', 2, '{name}')"), 'NX397', 'NM-IX.A.3: not to another agency');
	is(asked('detective', "SELECT value FROM facesnxt.view_candidate('$last', 2, '{name}')"), '42501', 'NM-IX.A.3: nor to whoever may not search');
	is(asked('rtcc', "SELECT count(*) FROM facesnxt.export_candidates('$last', '', 'subpoena', '{name}')"), 'NX397', 'NM-IX.A.3: no export without recipient');
	is(asked('rtcc', "SELECT count(*) FROM facesnxt.export_candidates('$last', 'State Attorney', '', '{name}')"), 'NX397', 'NM-IX.A.3: nor without ground');
	is(asked('rtcc', "SELECT count(*) FROM facesnxt.export_candidates('$last', 'State Attorney', 'subpoena', '{name}', '{1}')"), 'NX397', 'MI-4.5.3.2.c: nor of the top result alone');
	is(asked('rtcc', "SELECT count(*) FROM facesnxt.export_candidates('$last', 'State Attorney', 'subpoena', '{name}')"), '5', 'MI-4.4.a: dissemination, logged');
	is(asked('aud', "SELECT DISTINCT kind, recipient, ground FROM facesnxt.access_log WHERE kind = 'export' AND sqlstate IS NULL"), 'export|State Attorney|subpoena', 'MI-4.4.a: the auditor sees to whom and why');
	is($node->safe_psql('postgres', "SELECT string_agg(concat_ws(' ', acting_role, kind, sqlstate), ',' ORDER BY recorded_at) FROM facesnxt.access_log WHERE kind IN ('view', 'export') AND sqlstate IS NOT NULL"),
		'np_off view NX397,rtcc export NX397,rtcc export NX397,rtcc export NX397', 'NM-IX.A.3: and each refusal is on record');
	is(asked('adm', "SELECT facesnxt.enrol_template('[1,0,0]', '$person', 'booking', 'unknown')"), 'NX395', 'NM-IV.A, NP-V.1: no reference without identity');
	is(asked('postgres', "INSERT INTO facesnxt.reference_image (person_id, identity_source, photo, photo_sha256, enrolled_by)
		VALUES ('$person', 'fingerprint', jpeg(1), sha256(jpeg(1)), 'adm')"), 'NX395', 'NM-IV.A, NP-V.1: nor of a probe');
	is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.search_request r JOIN facesnxt.request_probe p USING (request_id)
		JOIN facesnxt.probe i ON i.agency_id = r.agency_id AND i.sha256 = p.sha256
		WHERE r.note = 'tram 7' AND i.sha256 = sha256(i.image) AND r.requested_by = 'detective'"), '2', 'SP-III.E: a probe has its hash, source and submitter');
};

subtest 'requests of the public' => sub {
	my $ask = sub { "SELECT facesnxt.record_public_request('$_[0]', 'a newspaper', 'searches', now() - interval '1 year', now() + interval '1 day')" };
	is(asked('adm', $ask->('MI')), 'NX398', 'NS-32.6.12: by a policy that provides for them');
	my ($np, $ns) = (asked('adm', $ask->('NP')), asked('adm', $ask->('NS')));
	is(asked('adm', "SELECT exempt FROM facesnxt.public_request WHERE public_id = '$np'"), 't', 'NP-VI.B.6: the records are tagged as exempt');
	is(asked('adm', "SELECT facesnxt.decide_public_request('$np', 'released')"), 'NX398', 'NP-VI.B.6: what is exempt is not released');
	is(asked('adm', "SELECT facesnxt.decide_public_request('$np', 'denied')"), 'NX398', 'NP-VI.C.2.d: what is withheld names its exemption');
	is(asked('adm', "SELECT count(*) FROM facesnxt.public_extract('$ns')"), 'NX398', 'NS-32.6.12: nothing leaves before the decision');
	is(asked('adm', "SELECT facesnxt.decide_public_request('$ns', 'released') IS NOT NULL"), 't', 'NS-32.6.12: the decision');
	like(asked('adm', "SELECT purpose, status, searches FROM facesnxt.public_extract('$ns')"), qr/^threat\|completed\|1$/m, 'NS-32.6.12: counts only');
	is(asked('ns_off', "SELECT count(*) FROM facesnxt.public_extract('$ns')"), '42501', 'NS-32.6.12: by who answers for records');
};

subtest 'verification' => sub {
	my $reference = $node->safe_psql('postgres', "SELECT reference_id FROM facesnxt.candidate LIMIT 1");
	my $verify = sub { "SELECT score FROM facesnxt.verify_template('[1,0,0]', '$_[0]', '$_[1]', 'robbery', '$reference', '{\"attested\": true}')" };
	like(asked('ns_off', 'BEGIN; ' . $verify->('C-1', 'criminal_investigation') . '; ROLLBACK'), qr/^[01]/, 'NM-IV.G.2: one to one gives a score');
	is(asked('ns_off', "SELECT count(*) FROM facesnxt.search_template(NULL, 'C-1', 'criminal_investigation', 'no probe', fields => '{\"attested\": true}')"),
		'22004', 'NM-V.B: no search without probe');
	is(asked('ns_off', $verify->('C-1', 'shopping')), 'NX305', 'NM-IV.G.2: through the same gate');
	is($node->safe_psql('postgres', "SELECT string_agg(concat_ws(' ', status, sqlstate), ',' ORDER BY recorded_at) FROM facesnxt.verification WHERE acting_role = 'ns_off'"),
		'completed,refused NX305', 'NM-IV.G.2: logged as its own kind, whatever becomes of the transaction');
};

$node->stop;
done_testing();
