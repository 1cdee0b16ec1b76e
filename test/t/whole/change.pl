# A policy that changes while it is worked under: one proposes, another one
# decides, and what was done before stays under the version of its time.
use strict;
use warnings;

use Facesnxt::Agency;
use Test::More;

my $search = lawful(case => undef, purpose => 'criminal_investigation', reason => 'robbery of May 3');
my $worksheet = join(', ', map { "\"$_\": \"similar\"" } qw(eyes ears nose chin mouth hair structure scars marks blemishes tattoos complexion gender age));

# The shipped policy of St. Petersburg with other rules, and one purpose more.
sub document
{
	my ($title) = @_;
	return <<SQL;
(SELECT document || jsonb_build_object('title', '$title', 'purposes', document->'purposes' || '[
		{"code": "internal_affairs", "description": "Internal Affairs", "class": "administrative", "clause": "SP-NEW.4"}]',
	'rules', (SELECT jsonb_agg(r) FROM jsonb_array_elements(document->'rules') r WHERE r->>'rule' <> 'case_number') || '[
		{"rule": "case_number", "clause": "SP-NEW.1", "value": "required"}, {"rule": "attestation", "clause": "SP-NEW.2", "value": true},
		{"rule": "supervisor_before", "clause": "SP-NEW.3", "value": ["any"]}]')
	FROM facesnxt.shipped_policy WHERE code = 'SP')
SQL
}

sub number_in_force
{
	return value("SELECT DISTINCT version FROM facesnxt.policy_matrix WHERE agency = 'SP'");
}

subtest 'a policy changes by two persons' => sub {
	my $since = value('SELECT clock_timestamp()');
	my $old = found(scalar acts('sp_ann', [ 'SP-I.A: a search without a case, under the first version', $search->() ]));
	acts('sp_ann', map { [ 'SP-I.C: what follows it', at($old, $_) ] } "compare_candidate(%s, %1, 'possible match', '{$worksheet}')",
		'decide_match(%s, true, %1)', "add_corroboration(%s, %1, 'fingerprint', 'card 9')", "determine_identity(%s, %1, 'fingerprint')",
		"request_action(%s, %1, 'arrest', 'before')");

	my @out = acts('adm',
		[ 'SP-HDR: a document with faults', "SELECT facesnxt.propose_policy('SP', '{\"title\": \"x\", \"purposes\": [], \"rules\": [{\"rule\": \"mood\"}]}')", 'NX312' ],
		[ 'SP-HDR: one proposes', "SELECT facesnxt.propose_policy('SP', " . document('Second') . ')' ]);
	my $new = $out[1];
	my $first = value("SELECT version_id FROM facesnxt.search WHERE search_id = '$old->{search}'");
	acts('adm', [ 'SP-HDR: and does not put it in force', "SELECT facesnxt.decide_policy('$new', true)", 'NX311' ]);
	value('GRANT adm_two TO adm');
	acts('adm', [ 'SP-HDR: nor by SET ROLE', "SET ROLE adm_two; SELECT facesnxt.decide_policy('$new', true)", 'NX311' ]
	  , [ 'SP-HDR: nor does adopting it again', "RESET ROLE; SELECT facesnxt.adopt_policy('SP', 'NM')" ]);
	value('REVOKE adm_two FROM adm');
	acts('sp_ann',
		[ 'SP-HDR: no member does', "SELECT facesnxt.decide_policy('$new', true)", '42501' ],
		[ 'SP-HDR: meanwhile the first version holds', $search->() ]);
	is(number_in_force(), '1', 'SP-HDR: a proposal is not in force');
	acts('adm_two',
		[ 'SP-HDR: not from a time that is over', "SELECT facesnxt.decide_policy('$new', true, effective_from => now() - interval '1 day')", 'NX313' ],
		[ 'SP-HDR: another one decides', "SELECT facesnxt.decide_policy('$new', true, 'as discussed')" ],
		[ 'SP-HDR: once', "SELECT facesnxt.decide_policy('$new', false)", 'NX313' ]);
	is(number_in_force(), '2', 'SP-HDR: and it is in force');
	is(value("SELECT string_agg(DISTINCT agency || version, ' ' ORDER BY agency || version) FROM facesnxt.policy_matrix WHERE agency <> 'SP'"), 'MI1 NM1 NP1 NS1', 'SP-HDR: for no other agency');

	acts('sp_ann',
		[ 'SP-HDR: what was lawful is refused now', $search->(), 'NX303', 'SP-NEW.1' ],
		[ 'SP-HDR: whatever the new one asks for', $search->(case => '22-7'), 'NX317', 'SP-NEW.2' ],
		[ 'SP-I.B: a purpose that is listed and no criminal justice', $search->(case => '22-7', purpose => 'internal_affairs', fields => { attested => JSON::PP::true }), 'NX305', 'SP-I.B' ],
		[ 'SP-HDR: with all of it the search is lawful', $search->(case => '22-7', fields => { attested => JSON::PP::true }) ],
		[ 'SP-HDR: an action is judged by the version of its own time', at($old, "request_action(%s, %1, 'arrest', 'after')"), 'NX359', 'SP-NEW.3' ]);
	acts('nm_ann', [ 'SP-HDR: and North Miami still asks for its own', lawful(case => undef, purpose => 'criminal_investigation')->(), 'NX303', 'NM-VI.B.1' ]);
	is(value("SELECT string_agg(DISTINCT v.number || ' ' || s.status, ', ') FROM facesnxt.search s JOIN facesnxt.policy_version v USING (version_id)
		WHERE s.agency = 'SP' AND s.recorded_at >= '$since' AND s.case_number IS NULL"), '1 completed, 2 refused', 'SP-HDR: each search points at the version of its time');
	is(value("SELECT string_agg(v.number || ' ' || a.status, ', ' ORDER BY a.recorded_at) FROM facesnxt.action a JOIN facesnxt.policy_version v USING (version_id)
		WHERE a.search_id = '$old->{search}'"), '1 permitted, 2 refused', 'SP-HDR: and so does each action');

	my $replay = sub {
		my ($version) = @_;
		return "SELECT was, would_be, would_clause FROM facesnxt.replay_policy('$version', '$since', now(), 'SP') WHERE search_id = '$old->{search}'";
	};
	is_deeply([ acts('aud', [ 'SP-HDR: the old search is replayed', $replay->($first) ], [ 'SP-HDR: under the new version', $replay->($new) ]) ],
		[ 'allowed|allowed|', 'allowed|NX303|SP-NEW.1' ], 'SP-HDR: under its own version it is as lawful as it was');
	is(scalar acts('aud', [ 'SP-HDR: every search of these agencies is replayed under its own version', <<'SQL' ]), '0', 'SP-HDR: and is what it was');
SELECT count(*) FROM facesnxt.policy_version v JOIN facesnxt.agency a USING (agency_id), facesnxt.replay_policy(v.version_id, '-infinity', 'infinity', a.code) r
WHERE v.version_id = (SELECT s.version_id FROM facesnxt.search s WHERE s.search_id = r.search_id) AND r.was LIKE ANY ('{allowed,NX3%}') AND r.was <> r.would_be
SQL
};

subtest 'what is proposed and not adopted' => sub {
	my ($third, $fourth) = acts('adm', map { [ "SP-HDR: $_ is proposed", "SELECT facesnxt.propose_policy('SP', " . document($_) . ')' ] } 'Third', 'Fourth');
	acts('adm', [ 'SP-HDR: whoever proposed it takes it back', "SELECT facesnxt.decide_policy('$third', false, 'withdrawn')" ]);
	acts('adm_two',
		[ 'SP-HDR: what is rejected is not adopted', "SELECT facesnxt.decide_policy('$third', true)", 'NX313' ],
		[ 'SP-HDR: one is to be in force tomorrow', "SELECT facesnxt.decide_policy('$fourth', true, effective_from => now() + interval '1 day')" ]);
	is(number_in_force(), '2', 'SP-HDR: today it is not');
	is(value("SELECT v.number FROM facesnxt.agency a, facesnxt.policy_version v WHERE a.code = 'SP' AND v.version_id = facesnxt.policy_in_force(a.agency_id, now() + interval '2 days')"),
		value("SELECT number FROM facesnxt.policy_version WHERE version_id = '$fourth'"), 'SP-HDR: tomorrow it is');
	fails('postgres', "SP-HDR: $_ is not changed afterwards", "DELETE FROM facesnxt.$_", 'NX309') for qw(policy_version policy_decision policy_purpose policy_rule);
};

1;
