# Every function that a group of users may call, called by whoever has no right
# to what it does: without an account, with a suspended one, and with one of
# another agency. Each refuses, and the refusal is on record after the rollback.
# A new function is called, too; one that refuses nobody is to be named below.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use Facesnxt;
use Test::More;

my $node = new_node('refusal', conf => "max_worker_processes = 20\n");
my @groups = qw(facesnxt_member facesnxt_investigator facesnxt_requester facesnxt_integrator);

# Computations on what the caller has already, and what the caller is.
my %open = map { $_ => 1 } qw(detect photo_kind photo_size image_quality quality_measures quality_rows
	thumbnail enhance photo_hash hash_distance person_field_list my_agency own_gaps
	acting_account blind_searches bound_to list_my_owed would_refuse raw_door);

# Steps of one's own account, which a suspended one still takes.
my %own = map { $_ => 1 } qw(request_verification verify_address take_course acknowledge_training
	acknowledge_limitations accept_agreement withdraw_staff_face);

# By the name of the argument, else by its type.
my %argument = (
	agency => "'NM'", role => "'nm_inv'", applicant => "'nm_inv'", reviewer => "'nm_inv'", recipient => "'nm_inv'",
	office => "'supervisor'", case_number => "'22-1'", purpose => "'criminal'", conclusion => "'inconclusive'",
	determination => "'inconclusive'", ranks => "'{1}'", searched_at => 'now()', image => 'jpeg(1)', parent => "'\\x00'",
	probes => 'ARRAY[jpeg(1)]', person_id => "(SELECT person_id FROM one LIMIT 1)", search_id => "(SELECT search_id FROM one LIMIT 1)");
my %type = (
	text => "'x'", 'text[]' => "'{name}'", integer => '1', boolean => 'true', uuid => 'gen_random_uuid()', jsonb => "'{}'",
	bytea => 'jpeg(1)', 'timestamp with time zone' => "now() + interval '1 day'", regrole => "'nm_inv'",
	'facesnxt.embedding' => "'[1,0,0]'", 'facesnxt.repository' => "'booking'");

$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION public.jpeg(n int) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT '\xffd8fffe0006'::bytea || int4send(n) || decode('ffdb00430050373c463c32504641465a55505f78c882786e6e78f5afb991c8'
		|| repeat('ff', 39) || 'c0000b080008000801011100ffc40014000100000000000000000000000000000002'
		|| 'ffc40014100100000000000000000000000000000000ffda0008010100003f000fffd9', 'hex') $$;
CREATE ROLE nobody LOGIN; CREATE ROLE gone LOGIN; CREATE ROLE other LOGIN;
SELECT facesnxt.open_account('NM', 'gone'), facesnxt.open_account('SP', 'other');
SELECT facesnxt.set_account_status(r, 'active', NULL) FROM unnest(ARRAY['gone', 'other']::regrole[]) r;
SELECT facesnxt.set_account_status('gone', 'suspended', 'on leave');
SET client_min_messages = error;
GRANT facesnxt_member, facesnxt_investigator, facesnxt_requester, facesnxt_integrator TO nobody, gone, other;
CREATE VIEW facesnxt_refusals AS
	SELECT acting_role, sqlstate, message FROM facesnxt.refused_step
	UNION ALL SELECT acting_role, sqlstate, message FROM facesnxt.search WHERE status = 'refused'
	UNION ALL SELECT acting_role, sqlstate, message FROM facesnxt.verification WHERE status = 'refused'
	UNION ALL SELECT acting_role, sqlstate, message FROM facesnxt.external_search WHERE status = 'refused'
	UNION ALL SELECT acting_role, sqlstate, message FROM facesnxt.action WHERE status = 'refused'
	UNION ALL SELECT acting_role, sqlstate, message FROM facesnxt.access_log WHERE sqlstate IS NOT NULL
	UNION ALL SELECT acting_role, sqlstate, message FROM facesnxt.raw_statement WHERE status = 'refused';
SQL
# the sweeper ends sessions of the role for a moment after the suspension
wait_for($node, 'the suspension is carried out', 'SELECT count(*) = 1 FROM facesnxt.revocation_end');
$node->safe_psql('postgres', 'ALTER ROLE gone LOGIN');
as_role($node, 'nm_inv', search_sql('refusal'));
# what a search found, as it stands in the record
$node->safe_psql('postgres', 'CREATE TABLE one AS SELECT search_id, person_id FROM facesnxt.candidate; GRANT SELECT ON one TO PUBLIC');

my @functions = split(/\n/, $node->safe_psql('postgres', <<SQL));
SELECT p.proname || '|' || coalesce((
	SELECT string_agg(format('%s:%s', p.proargnames[i], format_type(p.proargtypes[i - 1], NULL)), ',' ORDER BY i)
	FROM generate_series(1, p.pronargs - p.pronargdefaults) i), '')
FROM pg_proc p
WHERE p.pronamespace = 'facesnxt'::regnamespace
	AND EXISTS (SELECT FROM aclexplode(p.proacl) g WHERE g.grantee::regrole::text IN (${\ join(', ', map { "'$_'" } @groups)}))
ORDER BY p.oid
SQL
cmp_ok(scalar(@functions), '>', 50, 'functions of users');

my %known;

sub refusals
{
	my ($role) = @_;
	return $node->safe_psql('postgres', "SELECT count(*) FROM facesnxt_refusals WHERE acting_role = '$role'");
}

# Calls a function in a transaction of its own, which is rolled back.
sub refuses
{
	my ($role, $name, $arguments) = @_;
	my $before = refusals($role);
	my ($status, $out, $err) = as_role($node, $role, "BEGIN; SELECT * FROM facesnxt.$name($arguments); ROLLBACK");
	my ($code, $message) = $err =~ /ERROR:  (\w{5}): (.*)/;
	my $what = "$role: $name()";

	like($code // 'nothing', qr/^(NX|23505)/, "$what is refused") or diag("$out$err");
	is(refusals($role), $before + 1, "NM-V.E.4: $what: and that is on record");
	return unless defined $code;
	is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM facesnxt_refusals WHERE acting_role = '$role' AND sqlstate = '$code' AND message = \$m\$$message\$m\$"),
		't', "$what: as it was raised");
	return;
}

foreach my $function (@functions)
{
	my ($name, $list) = split(/\|/, $function, -1);
	my @named = map { [ split(/:/, $_, 2) ] } split(/,/, $list);
	$known{$name} = 1;
	next if $open{$name};
	my $arguments = join(', ', map { $argument{$_->[0]} // $type{$_->[1]} // die "no value for $name($_->[0] $_->[1])" } @named);

	$arguments .= ', reference_id => gen_random_uuid()' if $name =~ /^verify(_template)?$/;
	$arguments =~ s/^'x'/'arrest'/ if $name eq 'request_action';
	$arguments =~ s/'x'$/'arrest'/ if $name =~ /request_action$|would_refuse_action$/;
	# everybody may ask for an account
	refuses('nobody', $name, $arguments) unless $name eq 'register_account';
	refuses('gone', $name, $arguments) unless $own{$name};
	# what is named is another agency's
	refuses('other', $name, $arguments) if grep { $_->[0] =~ /^(agency|role|applicant|search_id|request_id|review_id|item_id|parent|sha256|recipient|id)$/ } @named;
}

is(join(' ', grep { !$known{$_} } sort keys %open, keys %own), '', 'no exception is left over');
is($node->safe_psql('postgres', "SELECT string_agg(DISTINCT step || ' ' || sqlstate || ' ' || message, '; ') FROM facesnxt.refused_step WHERE clause IS NULL"), '', 'each names its clause');
is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.refused_step r WHERE r.acting_role = 'other' AND r.agency_id <> (SELECT agency_id FROM facesnxt.agency WHERE code = 'SP')"),
	'0', 'SP-II.A: who acts from another agency is on record there');
$node->safe_psql('postgres', "CREATE ROLE nm_aud LOGIN; GRANT facesnxt_auditor TO nm_aud; SELECT facesnxt.open_account('NM', 'nm_aud'); SELECT facesnxt.set_account_status('nm_aud', 'active', NULL)");
is((as_role($node, 'nm_aud', 'SELECT string_agg(DISTINCT acting_role, $$ $$) FROM facesnxt.refused_step'))[1], 'gone nobody',
	'an agency\'s auditor sees its own, and who named the agency without an account');
is((as_role($node, 'aud', "SELECT count(DISTINCT acting_role) FROM facesnxt.refused_step"))[1], '3', 'the host\'s auditor sees all');

$node->stop;
done_testing();
