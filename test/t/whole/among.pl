# What is lawful in one agency and refused in another, at the same time in the
# same database (table A.6 of the clauses), and what one sees of the other.
use strict;
use warnings;

use Facesnxt::Agency;
use Test::More;

my @agencies = qw(SP NM NS NP MI);
my $photographs = value("SELECT to_regclass('public.file') IS NOT NULL") eq 't';
my %who = map { $_ => lc($_) . '_ann' } @agencies;
my %own = map { $_ => lawful(case => '22-7', purpose => $_ eq 'NP' ? 'active_investigation' : 'criminal_investigation', reason => 'robbery of May 3',
		fields => { attested => JSON::PP::true, capture_basis => 'camera of a shop' }) } @agencies;

# Miami's searches answer requests: for the case, for other cases, for none
my %asked;
if ($photographs)
{
	my @out = acts('mi_det', map { [ 'MI-4.5.3.1: requests', "SELECT facesnxt.request_search(ARRAY[photo('probe', 60)], 'robbery', $_)" ] }
		"'22-7'", "'22-8'", "'22-9'", 'NULL');
	%asked = ('22-7' => $out[0], '22-8' => $out[1], '22-9' => $out[2], '' => $out[3]);
}

# Topic, what is asked, and by agency the code and clause of the refusal.
my $unlisted = { SP => [ 'NX305', 'SP-I.A' ], NM => [ 'NX305', 'NM-VIII.A' ], NS => [ 'NX305', 'NS-32.6.2' ], NP => [ 'NX305', 'NP-VI.A' ], MI => [ 'NX305', 'MI-4.5.1' ] };
sub but { my %left = %$unlisted; delete @left{@_}; return \%left; }
my @topics = (
	[ 'Internal Affairs', [ purpose => 'internal_affairs' ], but(qw(NM MI)) ],
	[ 'a tip', [ purpose => 'tip', fields => { tip => 'a call' } ], but('NP') ],
	[ 'a threat', [ purpose => 'threat', fields => { threat => 'bomb', health_threat => JSON::PP::false } ], but('NS') ],
	[ 'somebody detained who refuses', [ purpose => 'lawfully_detained', fields => { limb => 'refuses' } ],
		{ %{ but(qw(NM MI)) }, NS => [ 'NX317', 'NS-32.6.2.2', 'NS-32.6.2' ] } ],
	[ 'somebody dead', [ purpose => 'deceased' ], but(qw(NM MI)) ],
	[ 'no case', [ case => undef, fields => { incident_type => 'robbery' } ], { NM => [ 'NX303', 'NM-VI.B.1' ] } ],
	[ 'a closed case', [ case => '22-9' ], { NM => [ 'NX304', 'NM-IX.A.2' ], NS => [ 'NX304', 'NS-32.6.2.1' ], NP => [ 'NX304', 'NP-VI.A.2' ] } ],
	[ 'somebody else\'s case', [ case => '22-8' ], { NM => [ 'NX304', 'NM-IX.A.2' ] } ],
	[ 'no reason', [ reason => undef ], { NM => [ 'NX317', 'NM-VI.C' ], NS => [ 'NX317', 'NS-32.6.6.2' ] } ],
	[ 'no attestation', [ fields => { attested => undef } ], { NM => [ 'NX317', 'NM-IX.A.5' ], NS => [ 'NX317', 'NS-32.6.5.3' ],
			NP => [ 'NX317', 'NP-VI.B.7.e' ], MI => [ 'NX317', 'MI-4.5.2.c' ] } ],
	[ 'no basis of the photograph', [ fields => { capture_basis => undef } ], { NP => [ 'NX317', 'NP-VI.B.5' ] } ],
	[ 'a photograph without consent', [ fields => { consent => JSON::PP::false } ], { NP => [ 'NX317', 'NP-VI.A.3.note' ] } ],
	[ 'no request', [ fields => { request => undef } ], { MI => [ 'NX319', 'MI-4.5.3.1' ] } ],
	[ 'a field that cannot be read', [ fields => { exigent => 'yes' } ], { map { $_ => [ 'NX317', $unlisted->{$_}[1] ] } @agencies } ],
	[ 'a template', [ photo => undef, fields => { parent_search => undef } ], { MI => [ 'NX322', 'MI-4.3.1' ] } ],
	[ 'the same probe, not linked to the first', [ fields => { parent_search => undef } ], { MI => [ 'NX320', 'MI-4.5.3.4' ] } ]);

subtest 'what agencies differ in' => sub {
	my $first;
	foreach my $agency (@agencies)
	{
		my $search = $own{$agency};

		if ($agency eq 'MI')
		{
			next unless $photographs;
			$first = found(scalar acts('mi_ann', [ 'MI-4.5.3.4: the first search of the probe',
				$search->(photo => "photo('probe', 60)", fields => { request => $asked{'22-7'} }) ]))->{search};
		}
		acts($who{$agency}, map {
			my ($topic, $asks, $refused) = @$_;
			my %asks = @$asks;
			my %fields = %{ $asks{fields} // {} };
			my $clause = $refused->{$agency} ? $refused->{$agency}[1] : (sort map { $_->[1] } values %$refused)[0];
			if ($agency eq 'MI')
			{
				%fields = (request => $asked{ exists $asks{case} ? $asks{case} // '' : '22-7' }, parent_search => $first, %fields);
				$asks{photo} = "photo('probe', 60)" unless exists $asks{photo};
			}
			[ "$clause: $topic, in $agency", $search->(%asks, fields => \%fields), @{ $refused->{$agency} // [] } ]
		} @topics);
	}
};

subtest 'one to one passes the same gate' => sub {
	my $reference = value("SELECT reference_id FROM facesnxt.reference WHERE repository = 'booking' LIMIT 1");
	foreach my $agency (@agencies)
	{
		my ($code, $clause) = @{ $unlisted->{$agency} };
		my $verify = "SELECT score FROM facesnxt.verify_template('[1,0,0]', '22-7', '%s', 'same?', '$reference', '{\"attested\": true, \"capture_basis\": \"camera\"}')";
		acts($who{$agency},
			[ "$clause: one to one for an unlisted purpose, in $agency", sprintf($verify, 'personal'), $code, $clause ],
			$agency eq 'MI' ? [ 'MI-4.5.3.1: one to one answers a request as well', sprintf($verify, 'criminal_investigation'), 'NX319', 'MI-4.5.3.1' ]
			: [ "NM-IV.G.2: one to one, in $agency", sprintf($verify, $agency eq 'NP' ? 'active_investigation' : 'criminal_investigation') ]);
	}
};

subtest 'asked beforehand' => sub {
	foreach my $agency (grep { $_ ne 'MI' } @agencies)
	{
		my @asks = grep { my $refused = $_->[2]{$agency}; $refused && $_->[0] !~ /request|template|probe|cannot be read/ } @topics;
		my @out = acts($who{$agency}, map {
			my $asks = $own{$agency}->(@{ $_->[1] });
			my ($arguments) = $asks =~ /search_template\('\[1,0,0\]', (.*), candidates => 4/;
			my ($fields) = $asks =~ /(fields => .*), overrides/;
			[ "$_->[2]{$agency}[1]: what would be refused in $agency: $_->[0]", "SELECT sqlstate, clause FROM facesnxt.would_refuse($arguments, $fields) LIMIT 1" ]
		} @asks);
		is_deeply([ @out[ 0 .. $#asks ] ], [ map { join('|', $_->[2]{$agency}[0], $_->[2]{$agency}[2] // $_->[2]{$agency}[1]) } @asks ], "NM-II.b: $agency is told what it is refused");
	}
};

subtest 'what each policy says of one action' => sub {
	my ($search, $person) = split /\|/, value(<<'SQL');
SELECT i.search_id, i.person_id FROM facesnxt.identification i JOIN facesnxt.search s USING (search_id)
WHERE s.agency = 'NP' AND NOT EXISTS (SELECT FROM facesnxt.confirmation c WHERE c.search_id = i.search_id) ORDER BY i.recorded_at DESC LIMIT 1
SQL
	my %says = (SP => 'SP-IV.B.2', NM => 'NM-V.E.2 NM-VI.D NM-VI.E', NS => 'NS-32.6.3.b NS-32.6.7 NS-C', NP => 'NP-VI.C.1',
		MI => 'MI-4.3.2 MI-4.3.4.1.a MI-4.3.4.1.b MI-4.5.3.2.c');
	my %version = map { split /\|/ } split(/\n/, value("SELECT code, facesnxt.policy_in_force(agency_id, now()) FROM facesnxt.agency"));
	my @out = acts('np_off', map { [ "$says{$_}: what $_ says of an arrest that wants North Port's supervisor",
		"SELECT string_agg(DISTINCT clause, ' ' ORDER BY clause) FROM facesnxt.would_refuse_action('$search', '$person', 'arrest', '$version{$_}')" ] } @agencies);
	is($out[$_], $says{ $agencies[$_] }, "$agencies[$_]: these clauses") for 0 .. $#agencies;
};

subtest 'what one agency sees and does of another' => sub {
	my @views = qw(searches candidates comparisons match_decisions corroborations identifications confirmations quality_notices actions
		reports deliveries outcome_notices refused_steps case_links withdrawals outcomes search_log due exigent);
	my %of = map { split /\|/ } split(/\n/, value("SELECT DISTINCT ON (agency) agency, search_id FROM facesnxt.search WHERE status = 'completed' ORDER BY agency, recorded_at"));
	foreach my $i (0 .. $#agencies)
	{
		my ($mine, $role) = ($agencies[$i], $who{ $agencies[$i] });
		my ($theirs) = grep { $of{$_} } map { $agencies[ ($i + $_) % @agencies ] } 1 .. 4;
		my @calls = ("compare_candidate(%s, gen_random_uuid(), 'excluded')", 'decide_match(%s, false)', "add_corroboration(%s, gen_random_uuid(), 'DNA', 'x')",
			"determine_identity(%s, gen_random_uuid(), 'x')", 'confirm_corroboration(%s, gen_random_uuid())', "request_action(%s, gen_random_uuid(), 'arrest')",
			"file_report(%s, 'x', true)", "deliver_results(%s, '$role')", 'notify_outcome(%s, false)', 'show_probe_quality(%s)', "link_case(%s, '22-7')",
			"record_outcome(%s, 'no match')", "would_refuse_action(%s, gen_random_uuid(), 'arrest')");
		my @out = acts($role,
			[ "SP-II.A: $role sees", join(' UNION ALL ', map { "SELECT '$_', search_id FROM facesnxt.my_$_" } @views) ],
			[ "SP-II.A: and its requests", 'SELECT requested_by FROM facesnxt.my_requests' ],
			(map { [ "SP-II.A: of $theirs nothing: $_", at({ search => $of{$theirs} }, $_), 'NX307' ] } @calls),
			[ "NM-IX.A.3: nor a candidate", "SELECT * FROM facesnxt.view_candidate('$of{$theirs}', 1, '{name}')", 'NX397' ],
			[ "NM-IX.A.3: nor an export", "SELECT * FROM facesnxt.export_candidates('$of{$theirs}', 'me', 'subpoena', '{name}')", 'NX397' ],
			[ "NM-IX.A.3: nor any table", 'SELECT * FROM facesnxt.candidate', '42501' ]);
		my %seen;
		$seen{ $_->[0] }{ $_->[1] } = 1 foreach map { [ split /\|/ ] } split(/\n/, $out[0]);
		my %all = map { $_ => 1 } map { keys %$_ } values %seen;
		is(value("SELECT string_agg(DISTINCT agency, ' ') FROM facesnxt.search WHERE search_id = ANY ('{" . join(',', keys %all) . "}')"), $mine, "SP-II.A: $role sees $mine in all of its views");
		is(scalar keys %{ $seen{searches} // {} }, value("SELECT count(*) FROM facesnxt.search WHERE agency = '$mine'"), "SP-II.A: and all of $mine\'s searches");
		unlike($out[1], $mine eq 'MI' ? qr/^(?!mi_)/m : qr/./, 'MI-4.5.3.1: requests are their agency\'s');
	}
};

subtest 'every use is on record' => sub {
	my $undone = { SP => 'SP-IV.B.1', NM => 'NM-V.E.4', NS => 'NS-32.6.8', NP => 'NP-VI.C.3.a', MI => 'MI-4.5.3.3.a' };
	foreach my $agency (grep { $_ ne 'MI' || $photographs } @agencies)
	{
		my $search = $own{$agency}->(reason => "undone in $agency", $agency eq 'MI'
			? (photo => "photo('probe', 61)", fields => { request => acts('mi_det', [ 'MI-4.5.3.1: a request',
				"SELECT facesnxt.request_search(ARRAY[photo('probe', 61)], 'robbery', '22-7')" ]) }) : ());
		acts($who{$agency},
			(map { [ "$undone->{$agency}: $who{$agency} does not switch the record off: $_", $_, '42501' ] } 'SET session_replication_role = replica',
				'ALTER TABLE facesnxt.search DISABLE TRIGGER ALL', 'DELETE FROM facesnxt.search', 'DROP FUNCTION facesnxt.audit_write',
				"SELECT facesnxt.audit_write('search', '{}', NULL)"),
			[ "$undone->{$agency}: nor in a snapshot of the past", "BEGIN ISOLATION LEVEL SERIALIZABLE; $search", 'NX306',
				{ SP => 'SP-IV.A.2', NM => 'NM-VII.E', NS => 'NS-32.6.10', NP => 'NP-VI.C.2.c.note', MI => 'MI-4.5.4' }->{$agency} ],
			[ "$undone->{$agency}: which is given up", 'ROLLBACK' ],
			[ "$undone->{$agency}: nor by undoing the search", "BEGIN; $search; ROLLBACK" ]);
		is(value("SELECT count(*), sum(candidates) FROM facesnxt.search WHERE reason = 'undone in $agency' AND status = 'completed' AND acting_role = '$who{$agency}'"),
			'1|4', "$undone->{$agency}: it stays on record, with its list");
	}
	is(value('SELECT count(*) FROM (SELECT FROM facesnxt.candidate GROUP BY search_id, person_id HAVING count(*) > 1) c'), '0', 'NM-IV.C: no list has a person twice');
};

subtest 'an office is its agency\'s' => sub {
	acts('nm_chief',
		[ 'NS-32.6.11.1: another agency\'s Chief approves nothing', "SELECT facesnxt.decide_account('mi_det', true)", 'NX331' ],
		[ 'NM-VI.A: nor makes exceptions', "SELECT facesnxt.grant_unit_exception('np_pat', now() + interval '1 day', 'help')", 'NX331' ],
		[ 'MI-4.2: nor revokes', "SELECT facesnxt.revoke_account('mi_off', 'misuse')", 'NX331' ]);
	acts('np_sup', [ 'NM-V.A.2: another agency\'s supervisor approves nothing', "SELECT facesnxt.approve_registration('NM', 'supervisor', 'sp_eve')", 'NX331' ]);
	acts('sp_sys', [ 'SP-IV.A.1.e: another agency\'s System Administrator decides nothing', "SELECT facesnxt.decide_account('mi_det', false, 'no')", 'NX331' ]);
	acts('nm_cmd', [ 'NM-VII.E: another agency\'s Commander revokes nothing', "SELECT facesnxt.revoke_account('sp_ann', 'separation')", 'NX331' ]);
	acts('ns_sup', [ 'NS-32.6.7: another agency\'s supervisor confirms nothing',
		'SELECT facesnxt.confirm_corroboration(search_id, person_id) FROM (VALUES (gen_random_uuid(), gen_random_uuid())) v (search_id, person_id)', 'NX307' ]);
	# by the one account, or by knowing of no other agency
	acts('nm_ann', [ 'SP-IV.A.1: who has an account has none elsewhere', "SELECT facesnxt.register_account('NS')", '(23505|42704)' ]);
	acts('adm',
		[ 'NP-V.3: a case is its own agency\'s people\'s', "SELECT facesnxt.assign_case('NP', '22-7', 'sp_ann', 'case_officer')", 'NX303' ],
		[ 'SP-III.B: the host sees accounts', 'SELECT 1 / (count(DISTINCT agency_id) = 5)::int FROM facesnxt.account' ],
		[ 'SP-III.B: and no case', 'SELECT 1 / (count(*) = 0)::int FROM facesnxt.case_file' ],
		[ 'SP-III.B: nor a search', 'SELECT * FROM facesnxt.search', '42501' ]);
	is(value('SELECT count(*) FROM facesnxt.account_mismatch'), '0', 'SP-IV.A.1.f.1: every status is where its steps led');
	is(value("SELECT count(*) FROM facesnxt.search WHERE status = 'refused' AND sqlstate LIKE 'NX3%' AND (clause IS NULL OR position(clause IN detail) = 0)"), '0',
		'NM-II.b: no refused search is without its clause, in the record and in what was said');
	is(value("SELECT count(*) FROM facesnxt.search WHERE agency IS NOT NULL AND sqlstate LIKE 'NX3%' AND clause NOT LIKE agency || '-%'"), '0',
		'NM-II.b: and each is its own agency\'s');
};

1;
