# Records survive pg_dump and a restore into another database: searches,
# candidates, probes, templates with the model that made them, accounts.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Facesnxt;

my $node = new_node('dump');
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';

$node->safe_psql('postgres', <<'SQL');
SELECT facesnxt.enrol_template(facesnxt.with_model('[0.1,0.7,1e-7]', '00c0ffee'), facesnxt.create_person('Marked'), 'booking', 'fingerprint');
SELECT facesnxt.enrol_template('[1,2,3]'::facesnxt.embedding(3, half), facesnxt.create_person('Half'), 'booking', 'fingerprint');
SQL
as_role($node, 'nm_inv', search_sql('dump'));
as_role($node, 'nm_inv', "SELECT * FROM facesnxt.search('no photograph', '22-1', 'criminal', 'refused')");
is(attempts($node, 'dump'), 'completed 5', 'a search to be kept');

# a photograph that is enrolled and searched with afterwards
$node->safe_psql('postgres', <<'SQL');
INSERT INTO facesnxt.reference_image (person_id, identity_source, photo, photo_sha256, enrolled_by)
SELECT person_id, 'fingerprint', 'a photograph', sha256('a photograph'), 'adm' FROM facesnxt.person LIMIT 1
SQL
as_role($node, 'nm_inv', "SELECT * FROM facesnxt.search('a photograph', '22-1', 'criminal', 'refused')");
is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.probe WHERE sha256 = sha256('a photograph')"), '1', 'a reference that was a probe later');

# whoever approved is known again in another cluster, where oids are others
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE sup LOGIN;
CREATE ROLE applicant LOGIN;
SELECT facesnxt.create_agency('AP', 'AP');
SELECT facesnxt.adopt_policy('AP', document => '{"title": "T", "purposes": [],
	"rules": [{"rule": "registration_approvals", "clause": "NM-V.A.2", "value": ["supervisor"]}]}');
SELECT facesnxt.appoint('AP', 'supervisor', 'sup');
SQL
as_role($node, 'sup', "SELECT facesnxt.approve_registration('AP', 'supervisor', 'applicant')");

my @tables = split /\n/, $node->safe_psql('postgres',
	"SELECT relname FROM pg_class WHERE relnamespace = 'facesnxt'::regnamespace AND relkind = 'r' AND relname <> 'pending_event' ORDER BY 1");

# Every row of every table as text, in an order that does not depend on storage.
sub rows
{
	my ($database) = @_;
	return join "\n", map {
		"$_: " . $node->safe_psql($database, "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) || ' ' || count(*) FROM facesnxt.\"$_\" t")
	} @tables;
}

$node->command_ok([ 'pg_dump', '--file', $dump, 'postgres' ], 'pg_dump');
like(slurp_file($dump), qr/\tapplicant\tsupervisor\t\{sup\}\t/, 'NM-V.A.2: the dump names who approved');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', 'restored', '-f', $dump ], 'restore');
is(rows('restored'), rows('postgres'), 'every table has the same rows');
unlike($node->safe_psql('restored', 'SELECT count(*) FROM facesnxt.search'), qr/^0$/, 'which are not none');
is( $node->safe_psql('restored', "SELECT facesnxt.model(template) FROM facesnxt.reference r JOIN facesnxt.person USING (person_id) WHERE name = 'Marked'"),
	'00c0ffee', 'a template still says which model made it');
my ($status, $out, $err) = $node->psql('restored', 'DELETE FROM facesnxt.candidate');
like($err, qr/append-only/, 'records are append-only there too');

$node->stop;
done_testing();
