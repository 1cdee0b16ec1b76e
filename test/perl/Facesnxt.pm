# Facesnxt: what the TAP tests of the audit have in common.
#
# A node with the extension, two agencies (NM, SP), their investigators
# nm_inv and sp_inv with active accounts, the administrator adm and the
# auditor aud, case 22-1 of each agency, purpose "criminal", and ten persons
# with one three-dimensional reference each: no data folder is needed.
package Facesnxt;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(make_template new_node seed session as_role attempts wait_for poll_until_up by_workers search_sql store);

# Makes the data folder that new_node() copies where FACESNXT_TEMPLATE names it.
sub make_template
{
	my ($folder) = @_;
	my $node = PostgreSQL::Test::Cluster->new('template');

	$node->init;
	$node->append_conf('postgresql.conf', "max_logical_replication_workers = 0\nautovacuum = off\n");
	$node->start;
	add_postgres($node);
	seed($node);
	$node->stop;
	system_or_bail('cp', '-RPp', $node->data_dir, $folder);
	# as initdb left it: each node appends its own
	my $conf = slurp_file("$folder/postgresql.conf");
	$conf =~ s/\n# Added by PostgreSQL::Test::Cluster.*//s or die 'where do the settings of the node begin?';
	open(my $handle, '>', "$folder/postgresql.conf") or die "postgresql.conf: $!";
	print $handle $conf;
	close($handle) or die "postgresql.conf: $!";
	return;
}

# A started node. conf is appended to postgresql.conf; extra goes to initdb;
# bare => 1 leaves out all that is described above.
sub new_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	my $template = $options{bare} || $options{extra} ? undef : $ENV{FACESNXT_TEMPLATE};
	my $run = \&PostgreSQL::Test::Utils::system_or_bail;

	{
		no warnings 'redefine';
		local *PostgreSQL::Test::Utils::system_or_bail = sub {
			return $run->(@_) unless $template && $_[0] eq 'initdb';
			return $run->('cp', '-RPp', $template, $node->data_dir);
		};
		$node->init(allows_streaming => $options{streaming} // 0, extra => $options{extra} // []);
	}
	# what the test modules switch off for speed is what this is about
	$node->append_conf('postgresql.conf', <<CONF . ($options{conf} // ''));
fsync = on
restart_after_crash = on
max_logical_replication_workers = 0
autovacuum = off
CONF
	$node->start;
	unless ($template)
	{
		add_postgres($node);
		seed($node) unless $options{bare};
	}
	return $node;
}

# The superuser has the name of whoever runs the tests; these call it postgres.
sub add_postgres
{
	my ($node) = @_;

	$node->safe_psql('postgres', <<'SQL');
DO $$ BEGIN
	IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'postgres') THEN
		CREATE ROLE postgres SUPERUSER LOGIN;
	END IF;
END $$
SQL
	return;
}

sub seed
{
	my ($node) = @_;

	$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION facesnxt;
CREATE ROLE nm_inv LOGIN;
CREATE ROLE sp_inv LOGIN;
CREATE ROLE adm LOGIN;
CREATE ROLE aud LOGIN;
GRANT facesnxt_investigator TO nm_inv, sp_inv;
GRANT facesnxt_admin TO adm;
GRANT facesnxt_auditor TO aud;
SET ROLE adm;
SELECT facesnxt.create_agency('NM', 'North Miami'), facesnxt.create_agency('SP', 'St. Petersburg');
SELECT facesnxt.adopt_policy(a, document => '{"title": "Test",
    "purposes": [{"code": "criminal", "description": "criminal investigation", "class": "criminal_justice", "clause": "SP-I.B"}],
    "rules": [{"rule": "purpose_listed", "clause": "SP-I.A", "value": true}, {"rule": "case_open", "clause": "NS-32.6.2.1", "value": true},
        {"rule": "case_number", "clause": "NM-VI.B.1", "value": "required"}]}')
FROM unnest(ARRAY['NM', 'SP']) a;
SELECT facesnxt.open_account('NM', 'nm_inv'), facesnxt.open_account('SP', 'sp_inv');
SELECT facesnxt.set_account_status(r, 'active', NULL) FROM unnest(ARRAY['nm_inv', 'sp_inv']::regrole[]) r;
SELECT facesnxt.open_case(a, '22-1', 'robbery') FROM unnest(ARRAY['NM', 'SP']) a;
SELECT facesnxt.enrol_template(ARRAY[cos(i * 0.1), sin(i * 0.1), 0]::real[]::facesnxt.embedding,
	facesnxt.create_person('Person ' || i), 'booking', 'fingerprint')
FROM generate_series(1, 10) i;
SQL
	return;
}

# The search that most tests make; its reason names the test.
sub search_sql
{
	my ($reason) = @_;
	return "SELECT rank FROM facesnxt.search_template('[1,0,0]', '22-1', 'criminal', '$reason', candidates => 5)";
}

# A psql that stays, acting as a role.
sub session
{
	my ($node, $role) = @_;
	return $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', $role ]);
}

# Runs sql as a role in a session of its own: (exit status, output, errors).
sub as_role
{
	my ($node, $role, $sql) = @_;
	my ($status, $out, $err);

	# one that may not log in is sometimes gone before it was told what to ask: it has asked nothing then
	foreach my $try (1 .. 10)
	{
		$status = eval {
			$node->psql('postgres', $sql, stdout => \$out, stderr => \$err, on_error_stop => 1,
				extra_params => [ '-U', $role, '-v', 'VERBOSITY=verbose' ]);
		};
		last unless $@;
		die $@ unless $@ =~ /Broken pipe/ && $try < 10;
	}
	return ($status, $out, $err);
}

# "status sqlstate candidates" of every recorded attempt with this reason.
sub attempts
{
	my ($node, $reason) = @_;
	return $node->safe_psql('postgres', <<SQL);
SELECT concat_ws(' ', s.status, s.sqlstate, (SELECT count(*) FROM facesnxt.candidate c WHERE c.search_id = s.search_id))
FROM facesnxt.search s WHERE s.reason = '$reason' ORDER BY s.recorded_at
SQL
}

# Waits until a query returns true; a failed test when it never does.
sub wait_for
{
	my ($node, $what, $sql) = @_;
	ok($node->poll_query_until('postgres', $sql), $what);
	return;
}

# Waits until the server answers again after a crash.
sub poll_until_up
{
	my ($node) = @_;
	my $up;

	# a psql that is turned away at once is sometimes gone before it was told what to ask
	foreach my $try (1 .. 100)
	{
		$up = eval { $node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') };
		last unless $@;
		die $@ unless $@ =~ /Broken pipe/ && $try < 100;
		usleep(100_000);
	}
	die 'server did not come back' unless $up;
	return;
}

# The setting that has plans run by parallel workers where they can; 16 renamed it.
sub by_workers
{
	my ($node) = @_;
	return $node->pg_version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode';
}

# Copies files into the table "file" (name, bytes) under the names given: (name => path, ...).
sub store
{
	my ($node, %file) = @_;
	my $rows = '';

	foreach my $name (sort keys %file)
	{
		open(my $handle, '<:raw', $file{$name}) or die "cannot read $file{$name}: $!";
		my $bytes = do { local $/; <$handle> };
		$rows .= "$name\t\\\\x" . unpack('H*', $bytes) . "\n";
	}
	$node->safe_psql('postgres',
		"SET client_min_messages = warning;\n"
			. "CREATE TABLE IF NOT EXISTS file (name text PRIMARY KEY, bytes bytea);\n"
			. "GRANT SELECT ON file TO PUBLIC;\nCOPY file FROM STDIN;\n$rows\\.\n");
}

1;
