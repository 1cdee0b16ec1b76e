#!/usr/bin/perl
# policy.pl - the trace from clauses to objects to tests.
#
#   policy.pl              prints docs/policy.md
#   policy.pl --objects    prints each object that docs/policy.tsv names, a line each
#   policy.pl --gaps       prints clauses that lack an object or a test
#
# docs/policy.tsv has a line for each clause: its id; what it asks of a database
# (H hold, E enforce, R refuse, Q report); the objects that serve it; a remark.
# An object is a table, view, function or rule of the schema, or the name of a
# purpose in one of sql/policy/*.sql. A remark that begins with "not:" says why
# a database cannot serve the clause, one with "audit:" what is yet to come
# there, for clauses that ask for reports alone.
#
# A test proves a clause whose id stands in it: in test/sql, test/pgtap,
# test/specs or test/t and its folders, as NM-VI.B.1 or, for several, NM-VIII.A.{1,2}.
use strict;
use warnings;
use File::Basename;

chdir dirname(__FILE__) . '/..' or die "no project: $!\n";
my $mode = shift // '--page';

my @clauses;
open my $table, '<', 'docs/policy.tsv' or die "docs/policy.tsv: $!\n";
while (<$table>)
{
	chomp;
	next if /^#/ || /^$/;
	my ($id, $needs, $objects, $remark) = split /\t/;
	push @clauses, { id => $id, needs => $needs, objects => [ split ' ', $objects // '' ], remark => $remark // '' };
}

if ($mode eq '--objects')
{
	my %seen;
	print map { "$_\n" } grep { !$seen{$_}++ } map { @{ $_->{objects} } } @clauses;
	exit 0;
}

# Where each clause is named: file => lines.
my %named;
foreach my $file (sort(glob('test/sql/*.sql test/pgtap/*.sql test/specs/*.spec test/t/*.pl test/t/*/*.pl')))
{
	open my $source, '<', $file or die "$file: $!\n";
	while (my $line = <$source>)
	{
		foreach my $word ($line =~ /\b((?:SP|NM|NS|NP|MI)-[A-Za-z0-9.{},-]*[A-Za-z0-9}])/g)
		{
			my @ids = $word =~ /^(.*)\{([^}]*)\}$/ ? map { "$1$_" } split(/,/, $2) : ($word);
			$named{$_}{$file}++ foreach @ids;
		}
	}
}

sub tests
{
	my ($clause) = @_;
	my @files = sort keys %{ $named{ $clause->{id} } // {} };
	return @files;
}

sub excused
{
	my ($clause) = @_;
	return 1 if $clause->{remark} =~ /^not: /;
	return $clause->{remark} =~ /^audit: / && $clause->{needs} eq 'Q';
}

if ($mode eq '--gaps')
{
	foreach my $clause (@clauses)
	{
		next if excused($clause);
		print "$clause->{id} ($clause->{needs}): no object\n" unless @{ $clause->{objects} };
		print "$clause->{id} ($clause->{needs}): no test\n" unless tests($clause);
	}
	exit 0;
}

my %agency = (
	SP => 'St. Petersburg, General Order II-47', NM => 'North Miami, SOP 400.23', NS => 'New Smyrna Beach, 32-6',
	NP => 'North Port, SOP 302.02', MI => 'Miami, Departmental Order 16, chapter 4');
my ($served, $proven) = (0, 0);
foreach my $clause (@clauses)
{
	$served++ if @{ $clause->{objects} };
	$proven++ if tests($clause);
}
printf <<'HEAD', scalar @clauses, $served, $proven;
# The policies, clause by clause

Made by `scripts/policy.pl` from `docs/policy.tsv` and from the clause ids that stand in the tests; `make lint` fails when a
clause has lost its object or its test. H: held, E: enforced, R: refused, Q: reported.

%d clauses; %d have an object, %d a test.
HEAD
my $last = '';
foreach my $clause (@clauses)
{
	my ($code) = $clause->{id} =~ /^(..)-/;
	if ($code ne $last)
	{
		print "\n## $agency{$code}\n\n| clause | | served by | proven by | |\n|---|---|---|---|---|\n";
		$last = $code;
	}
	printf "| %s | %s | %s | %s | %s |\n", $clause->{id}, $clause->{needs},
		join(', ', map { "`$_`" } @{ $clause->{objects} }),
		join(', ', map { s{^test/}{}r } tests($clause)), $clause->{remark};
}
