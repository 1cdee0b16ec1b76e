# An agency's own administrator and auditor, who have an account there, reach
# neither the rows nor the affairs of another agency, by a view or a function.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Facesnxt;
use Test::More;

my $node = new_node('tenancy');

# What a role sees of a query, or the SQLSTATE of its refusal.
sub sees
{
	my ($role, $sql) = @_;
	my ($status, $out, $err) = as_role($node, $role, $sql);
	return $err =~ /ERROR:  (\w{5})/ ? $1 : $out;
}

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE nm_adm LOGIN;
CREATE ROLE nm_aud LOGIN;
CREATE ROLE sp_chief LOGIN;
CREATE ROLE sp_new LOGIN;
CREATE ROLE sp_late LOGIN;
SET ROLE adm;
SELECT facesnxt.open_account('NM', 'nm_adm'), facesnxt.open_account('NM', 'nm_aud'), facesnxt.open_account('SP', 'sp_late');
SELECT facesnxt.set_account_status(r, 'active', NULL) FROM unnest(ARRAY['nm_adm', 'nm_aud']::regrole[]) r;
SELECT facesnxt.appoint('SP', 'chief', 'sp_chief');
SELECT facesnxt.record_mou('SP', 'secret', '{sheriff}', now() + interval '1 day');
RESET ROLE;
GRANT facesnxt_admin TO nm_adm;
GRANT facesnxt_auditor TO nm_aud;
REVOKE facesnxt_investigator FROM nm_adm, nm_aud;
SQL
as_role($node, 'sp_inv', search_sql('tenancy'));
as_role($node, 'sp_inv', "SELECT * FROM facesnxt.view_candidate((SELECT search_id FROM facesnxt.my_searches LIMIT 1), 1, '{name}')");

# ---- what is read

my $version = $node->safe_psql('postgres', 'SELECT version_id FROM facesnxt.policy_version LIMIT 1');
my $replay = "SELECT count(*) FROM facesnxt.replay_policy('$version', '-infinity', 'infinity')";
is(sees('nm_aud', $replay), '0', 'replay of another agency\'s searches, by an agency\'s auditor');
is(sees('nm_adm', $replay), '42501', 'replay of searches, by an agency\'s administrator');
is(sees('adm', $replay), '42501', 'replay of searches, by the host\'s administrator, who sees no case');
is(sees('aud', $replay), '1', 'the host\'s auditor replays all');

my %other = (
	field_view => "acting_role = 'sp_inv'",
	office_holder => "agency = 'SP'",
	policy_matrix => "agency = 'SP'",
	account_missing => "agency = 'SP'",
	pending_accounts => "agency = 'SP'");
foreach my $view (sort keys %other)
{
	is(sees('nm_aud', "SELECT count(*) FROM facesnxt.$view WHERE $other{$view}"), '0', "$view of another agency, by an agency's auditor");
	like(sees('nm_adm', "SELECT count(*) FROM facesnxt.$view WHERE $other{$view}"), qr/^(0|42501)$/, "$view of another agency, by an agency's administrator");
}
like(sees('aud', "SELECT count(*) FROM facesnxt.$_ WHERE $other{$_}"), qr/^[1-9]/, "the host's auditor sees $_") foreach qw(field_view office_holder policy_matrix);
is(sees('adm', 'SELECT agency, role, status FROM facesnxt.pending_accounts'), 'SP|sp_late|pending', 'SP-IV.A.1.e: an administrator sees who waits');
# no view that they read shows more than the tables do: each is the reader's own, or says whose rows it shows
is( $node->safe_psql('postgres', <<'SQL'), '', 'every view for auditors and administrators is bound to the reader\'s agency');
SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c
WHERE c.relnamespace = 'facesnxt'::regnamespace AND c.relkind = 'v'
    AND (has_table_privilege('facesnxt_auditor', c.oid, 'SELECT') OR has_table_privilege('facesnxt_admin', c.oid, 'SELECT'))
    AND NOT coalesce(c.reloptions @> ARRAY['security_invoker=true'], false)
    AND pg_get_viewdef(c.oid) !~ 'bound_to|list_owed|list_missing'
SQL

# asked about a search of another agency: refused, and no row of that agency
my $search = $node->safe_psql('postgres', 'SELECT search_id FROM facesnxt.search');
is(sees('nm_inv', "SELECT facesnxt.request_action('$search', NULL, 'arrest', 'secret of NM')"), 'NX307', 'an action about a search of another agency');
is(sees('sp_inv', 'SELECT count(*) FROM facesnxt.my_actions'), '0', 'its record is not the other agency\'s');
is(sees('nm_inv', 'SELECT count(*) FROM facesnxt.my_actions'), '0', 'nor the search this one\'s');
is(sees('nm_aud', 'SELECT basis FROM facesnxt.action'), 'secret of NM', 'whose auditor sees it');

# ---- what is done

my $appointment = $node->safe_psql('postgres', "SELECT appointment_id FROM facesnxt.office_holder WHERE agency = 'SP'");
my $mou = $node->safe_psql('postgres', 'SELECT mou_id FROM facesnxt.mou');
as_role($node, 'adm', q~SELECT facesnxt.propose_policy('SP', '{"title": "t", "purposes": [], "rules": []}')~);
my $proposed = $node->safe_psql('postgres', 'SELECT version_id FROM facesnxt.policy_version WHERE number = 2');
my %act = (
	'closing a case' => "facesnxt.close_case('SP', '22-1')",
	'closing a case that there is none' => "facesnxt.close_case('SP', 'none')",
	'opening a case' => "facesnxt.open_case('SP', '22-2', 'robbery')",
	'assigning a case' => "facesnxt.assign_case('SP', '22-1', 'sp_inv')",
	'opening an account' => "facesnxt.open_account('SP', 'sp_new')",
	'suspending an account' => "facesnxt.suspend_account('sp_inv', 'because')",
	'revoking an account' => "facesnxt.revoke_account('sp_inv', 'because')",
	'activating an account' => "facesnxt.set_account_status('sp_late', 'active', 'a friend')",
	'accusing somebody' => "facesnxt.report_violation('sp_inv', 'misuse', 'because')",
	'appointing a supervisor' => "facesnxt.appoint('SP', 'supervisor', 'nm_inv')",
	'ending an appointment' => "facesnxt.end_appointment('$appointment', 'because')",
	'ending a memorandum' => "facesnxt.end_mou('$mou', 'because')",
	'proposing a policy' => q~facesnxt.propose_policy('SP', '{"title": "t", "purposes": [], "rules": []}')~,
	'deciding on a policy' => "facesnxt.decide_policy('$proposed', true)",
	'adding an e-mail domain' => "facesnxt.add_email_domain('SP', 'evil.example')",
	'moving a person' => "facesnxt.set_unit('SP', 'sp_inv', 'none')",
	'publishing an agreement' => "facesnxt.publish_agreement('SP', 'anything goes')");
foreach my $what (sort keys %act)
{
	like(sees('nm_adm', "SELECT $act{$what}"), qr/^(42704|NX331|NX313|NX339|NX341)$/, "$what of another agency, by an agency's administrator");
}
is(sees('nm_adm', 'SELECT facesnxt.sweep_inactive()'), '0', 'a sweep of all agencies is one of the own');
is(sees('nm_adm', "SELECT facesnxt.use_model('none')"), '42501', 'the model of all agencies, changed by an agency\'s administrator');
is(sees('nm_adm', "SELECT facesnxt.open_case('NM', '22-9', 'robbery') IS NOT NULL, facesnxt.appoint('NM', 'supervisor', 'nm_inv') IS NOT NULL"), 't|t',
	'an agency\'s administrator administers the own one');
is(sees('adm', "SELECT facesnxt.open_case('SP', '22-9', 'robbery') IS NOT NULL"), 't', 'and the host\'s any');

$node->stop;
done_testing();
