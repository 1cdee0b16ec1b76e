# Facesnxt::Agency: what the tests of whole policies have in common.
#
# One server, five agencies, each under the policy that is shipped for it, not a
# rule left out or changed. People act in sessions of their own: acts() is one of
# them. What is refused must say so by its SQLSTATE, name its clause in the
# detail, say what to do in the hint, and be on record.
package Facesnxt::Agency;

use strict;
use warnings;

use Exporter 'import';
use Facesnxt;
use JSON::PP;
use Test::More;

our @EXPORT = qw(open_server close_server photographs psql roles acts fails said value swept lawful found at goes mailed);

my ($node, $watcher);
my ($sessions, $said) = (0, '');

# The server with the five agencies and ten persons, each with one reference.
sub open_server
{
	$node = new_node('whole', bare => 1, conf => "listen_addresses = '127.0.0.1'\nfsync = off\njit = off\nshared_preload_libraries = 'facesnxt'\n");
	$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION facesnxt;
CREATE ROLE adm LOGIN; CREATE ROLE adm_two LOGIN; CREATE ROLE aud LOGIN; CREATE ROLE mailer LOGIN; CREATE ROLE gateway LOGIN;
GRANT facesnxt_admin TO adm, adm_two;
GRANT facesnxt_auditor TO aud;
GRANT facesnxt_mailer TO mailer;
-- a picture of 8 by 8 pixels and a number
CREATE FUNCTION public.jpeg(n int) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
	SELECT '\xffd8fffe0006'::bytea || int4send(n) || decode('ffdb00430050373c463c32504641465a55505f78c882786e6e78f5afb991c8'
		|| repeat('ff', 39) || 'c0000b080008000801011100ffc40014000100000000000000000000000000000002'
		|| 'ffc40014100100000000000000000000000000000000ffda0008010100003f000fffd9', 'hex') $$;
-- what is on record as refused of a session, by its application_name
CREATE FUNCTION public.refusals_of(text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', r.kept, r.sqlstate, r.clause) FROM (
		SELECT 'search', sqlstate, clause, recorded_at FROM facesnxt.search WHERE application = $1
		UNION ALL SELECT 'verification', sqlstate, clause, recorded_at FROM facesnxt.verification WHERE identity->>'application' = $1
		UNION ALL SELECT 'action', sqlstate, clause, recorded_at FROM facesnxt.action WHERE application = $1
		UNION ALL SELECT 'refused_step', sqlstate, clause, recorded_at FROM facesnxt.refused_step WHERE application = $1
		UNION ALL SELECT 'raw_statement', sqlstate, clause, recorded_at FROM facesnxt.raw_statement WHERE application = $1
		UNION ALL SELECT 'access_log', sqlstate, clause, recorded_at FROM facesnxt.access_log WHERE application = $1
	) r (kept, sqlstate, clause, at) WHERE r.sqlstate IS NOT NULL ORDER BY r.at
$$;
SQL
	$watcher = session($node, 'postgres');
	acts('adm', [ 'SP-HDR: five agencies adopt the policies that are shipped for them', <<'SQL' ]);
SELECT facesnxt.create_agency(c, c || ' police') FROM unnest('{SP,NM,NS,NP,MI}'::text[]) c;
SELECT facesnxt.adopt_policy(c) FROM unnest('{SP,NM,NS,NP,MI}'::text[]) c;
SELECT facesnxt.open_case(c, n, 'robbery') FROM unnest('{SP,NM,NS,NP,MI}'::text[]) c, unnest('{22-7,22-8,22-9}'::text[]) n;
SELECT facesnxt.close_case(c, '22-9') FROM unnest('{SP,NM,NS,NP,MI}'::text[]) c;
SELECT facesnxt.enrol_template(ARRAY[cos(i * 0.1), sin(i * 0.1), 0]::real[]::facesnxt.embedding,
	facesnxt.create_person('Person ' || i), 'booking', 'fingerprint') FROM generate_series(1, 10) i;
SQL
	return $node;
}

sub close_server
{
	$watcher->quit;
	$node->stop;
	return;
}

# Four persons more, with photographs; false where there are neither those nor
# models. photo(name, n) is a file of its own for every n, of the same picture.
sub photographs
{
	my $data = $ENV{FACESNXT_DATA} // '../shared/data';
	my $lfw = "$data/faces/lfw";

	return 0 unless -r "$data/models/yunet_n_320_320.onnx" && -d $lfw;
	store($node,
		detector => "$data/models/yunet_n_320_320.onnx",
		recogniser => "$data/models/mobilefacenet.kennethwang.onnx",
		probe => "$lfw/Abdel_Nasser_Assidi/Abdel_Nasser_Assidi_0002.jpg",
		reference_1 => "$lfw/Abdel_Nasser_Assidi/Abdel_Nasser_Assidi_0001.jpg",
		reference_2 => "$lfw/AJ_Lamas/AJ_Lamas_0001.jpg",
		reference_3 => "$lfw/Abdoulaye_Wade/Abdoulaye_Wade_0001.jpg",
		reference_4 => "$lfw/Aaron_Guiel/Aaron_Guiel_0001.jpg");
	value(<<'SQL');
CREATE FUNCTION public.photo(name text, n int) RETURNS bytea LANGUAGE sql AS $$
	SELECT substr(bytes, 1, 2) || '\xfffe0006' || int4send(n) || substr(bytes, 3) FROM public.file f WHERE f.name = $1 $$;
SELECT facesnxt.load_model(name, name, bytes, 'for tests', channel_order => 'BGR') FROM file WHERE name IN ('detector', 'recogniser');
SELECT facesnxt.enrol(bytes, facesnxt.create_person(name), 'driver_licence', 'name in the data set', face => 'central')
FROM file WHERE name LIKE 'reference%';
SQL
	return 1;
}

# A session of a role that stays.
sub psql
{
	my ($role) = @_;
	my $stays = session($node, $role);
	$stays->query_safe('SELECT 1');
	return $stays;
}

# What the owner of the tables reads.
sub value
{
	my ($sql) = @_;
	return $watcher->query_safe($sql);
}

# Waits until revocation has ended what it finds: until then it also cancels
# whoever begins to search in a revoked name.
sub swept
{
	value(<<'SQL');
DO $$ BEGIN
	FOR i IN 1 .. 1000 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM facesnxt.revocation r LEFT JOIN facesnxt.revocation_end e USING (revocation_id) WHERE e.revocation_id IS NULL);
		PERFORM pg_sleep(0.02);
	END LOOP;
END $$
SQL
	return;
}

sub roles
{
	value(join('', map { "CREATE ROLE $_ LOGIN;" } @_));
	return;
}

# The table that a refusal of this statement with this code is kept in, or "".
sub kept_in
{
	my ($sql, $code) = @_;

	return 'search' if $sql =~ /facesnxt\.(open_)?search(_template)?\(/;
	return 'raw_statement' if $sql =~ /FROM facesnxt\.reference\b/;
	return 'verification' if $sql =~ /facesnxt\.verify(_template)?\(/;
	return 'action' if $sql =~ /facesnxt\.request_action\(/;
	return 'access_log' if $sql =~ /facesnxt\.(view_candidate|export_candidates|request_results|candidate_sheet|comparison_sheet|lineup_sheet|lineup_key)\(/ && $code =~ /^NX39[79]$/;
	return 'refused_step'
	  if $code =~ /^NX(308|35\d|36[0-4])$/
	  && $sql =~ /facesnxt\.(compare_candidate|decide_match|add_corroboration|determine_identity|confirm_corroboration
		|acknowledge_probe_quality|file_report|deliver_results|notify_outcome|ask_review)\(/x;
	return '';
}

# A session of a role: each attempt is a name, a statement and, if it is to be
# refused, the SQLSTATE, the clause in the detail and, if that is another one,
# the clause of the rule, which is on record. Returns what each of them put out.
# A role with an address, [ role, address ], comes by TCP.
sub acts
{
	my ($who, @attempts) = @_;
	my ($role, $address) = ref $who ? @$who : ($who);
	my $application = 'whole-' . ++$sessions;
	my ($out, $err);
	my @connection = $address
	  ? (connstr => "host=$address port=" . $node->port . " user=$role dbname=postgres")
	  : (extra_params => [ '-U', $role ]);

	# a statement is a line, so that its number tells which one an error is of
	my $script = "\\set VERBOSITY verbose\n" . join('', map { ($_->[1] =~ s/\s*\n\s*/ /gr) . ";\n\\echo =====\n" } @attempts);
	local $ENV{PGAPPNAME} = $application;
	$node->psql('postgres', $script, stdout => \$out, stderr => \$err, on_error_stop => 0, @connection);
	my @out = map { s/^\n//r } split(/^=====$/m, $out, -1);
	my %error = map { /^(\d+): (.*)/s ? ($1 => $2) : () } split(/^psql:<stdin>:(?=\d+: (?:ERROR|FATAL):)/m, $err);
	my @kept = split(/\n/, value("SELECT * FROM public.refusals_of('$application')"));

	foreach my $i (0 .. $#attempts)
	{
		my ($name, $sql, $code, $clause, $ruling) = @{ $attempts[$i] };
		my $error = $error{ 2 * $i + 2 } // '';
		my @faults;

		if (!defined $code)
		{
			push @faults, "$role is refused: $error" if $error ne '' || @out < $i + 2;
		}
		else
		{
			$said = $error;
			my ($detail) = $error =~ /^DETAIL:  (.*)/m;
			my $table = kept_in($sql, $code);
			push @faults, "$role is not refused with $code: " . ($error || 'it passes') unless $error =~ /^(ERROR|FATAL):  $code/;
			push @faults, "nothing says what to do: $error" if $code =~ /^NX/ && $error !~ /^HINT:  \S/m;
			push @faults, "the detail does not name $clause: $error"
			  if defined $clause && ($detail // '') !~ /(?<![\w.-])\Q$clause\E(?![\w-]|\.\w)/;
			push @faults, "put out: $out[$i]" if ($out[$i] // '') ne '';
			if ($table ne '')
			{
				my $record = "$table $code" . (defined $clause && $table ne 'access_log' ? ' ' . ($ruling // $clause) : '');
				my ($place) = grep { $kept[$_] =~ /^\Q$record\E( |$)/ } 0 .. $#kept;
				push @faults, "not on record: $record; but: @kept" unless defined $place;
				splice(@kept, 0, $place + 1) if defined $place;
			}
		}
		ok(!@faults, $name) or diag(join("\n", @faults));
	}
	$#out = $#attempts; # after the last one there is nothing
	@out = map { ($_ // '') =~ s/\n\z//r } @out;
	return wantarray ? @out : $out[-1];
}

# A statement that one role is refused for, with nothing before it.
sub fails
{
	my ($role, @attempt) = @_;
	acts($role, [@attempt]);
	return;
}

# What the last refusal said.
sub said
{
	return $said;
}

# The lawful search of an agency: a function that writes its statement, with
# changes. A field that is changed to undef is left out, other arguments are
# NULL then.
sub lawful
{
	my %base = @_;

	return sub {
		my %made = (%base, @_);
		my %fields = (%{ $base{fields} // {} }, %{ $made{fields} // {} });
		delete @fields{ grep { !defined $fields{$_} } keys %fields };
		my $text = sub { defined $_[0] ? "'" . ($_[0] =~ s/'/''/gr) . "'" : 'NULL' };
		my $json = sub { defined $_[0] ? $text->(JSON::PP->new->canonical->encode($_[0])) : 'NULL' };
		my $probe = $made{photo} // $text->($made{template} // '[1,0,0]');

		return 'SELECT search_id, person_id FROM facesnxt.search' . ($made{photo} ? '' : '_template') . "($probe, "
		  . join(', ', map { $text->($made{$_}) } qw(case purpose reason))
		  . ', candidates => 4' . ($made{photo} ? ", face => 'central'" : '')
		  . ', repositories => ' . ($made{repositories} ? $text->("{$made{repositories}}") : 'NULL')
		  . ', fields => ' . $json->(\%fields) . ', overrides => ' . $json->($made{overrides}) . ')';
	};
}

# What a search put out: its number, and its candidates by rank.
sub found
{
	my ($out) = @_;
	my @rows = map { [ split /\|/ ] } split(/\n/, $out // '');
	return { search => $rows[0][0] // '', person => [ map { $_->[1] } @rows ] };
}

# A call about a search: %s is the search, %1 to %4 are its candidates.
sub at
{
	my ($found, $call) = @_;
	$call =~ s/%s/'$found->{search}'/g;
	$call =~ s/%(\d)/"'" . $found->{person}[ $1 - 1 ] . "'"/ge;
	return "SELECT facesnxt.$call";
}

# Goes a way after a search: steps of a key, a role and calls, but for the keys
# that are left out. Steps of one role that follow each other are one session.
sub goes
{
	my ($found, $name, $way, @without) = @_;
	my @left = grep { my $key = $_->[0]; !grep { $_ eq $key } @without } @$way;

	while (@left)
	{
		my $role = $left[0][1];
		my @now;
		push @now, shift @left while @left && $left[0][1] eq $role;
		acts($role, map { my ($key, undef, @calls) = @$_; map { [ "$name: $key", at($found, $_) ] } @calls } @now);
	}
	return;
}

# The token, or the body, of the mail that waits.
sub mailed
{
	my ($kind, $what) = @_;
	return acts('mailer', [ "mail: $kind", "SELECT " . ($what // 'token') . " FROM facesnxt.take_mail() WHERE kind = '$kind'" ]);
}

1;
