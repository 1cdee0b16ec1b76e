#!/usr/bin/perl
# recount.pl FOLDER - counts again, from rows that were copied out of the
# tables, what reports say, and compares. It knows nothing of the reports'
# SQL, only of what docs/report.md says a line means: rows are gone through one
# by one, times are compared as numbers, months are told by the C library.
#
#   FOLDER/reports    lines of reports: kind, agency, day, as_of, section, line, value, detail
#   FOLDER/published  cells that are published: agency, day, as_of, line, month, published
#   FOLDER/bundles    lines of bundles: agency, case_number, as_of, section, line, value, detail
#   FOLDER/tables/*   a file per table (recount/Book.pm)
#
# Every number of a report is compared, and every line that lists a record,
# either way: one that is reported and was not counted differs, and one that
# was counted and is not reported. Not counted again:
#
#   - which rules searches break when they are judged again, and which were set
#     aside for a reason: that is facesnxt.judge() itself
#   - findings that were stated by hand, and reads of the log
#   - findings of anomalies(): which searches have one is taken from it, the
#     reports' own reasons beside them are counted
#   - what the year has none of: searches without a case or linked to one later,
#     two addresses of an account
#   - explanations beside a number, but for counts that stand in them
#   - of what is published, whether fewer cells could have been suppressed
#
# Exits with 1 where a number differs, or a kind of report has none.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/recount";
use Activity;
use Audit;
use Book;
use Bundle;
use Published;

my @month = (\&count_searches, \&count_users, \&count_queries, \&count_inquiries);
my @audit = (\&count_findings, \&count_compliance, \&count_months);
my %kind = (
	'monthly' => [ 1, @month ],
	'quarterly' => [ 3, @audit, \&count_searches ],
	'annual' => [ 12, \&count_members, \&count_licences, @audit, @month ],
	'log extract' => [ 1, \&count_log ],
	'licence use' => [ 12, \&count_licences ],
	'overdue' => [ 12, \&count_overdue ],
	'statistics' => [12]);
my @uncounted = (
	qr/^Compliance with memoranda and policy: (?:searches that break a rule$|broken: |set aside for a reason: )/,
	qr/^Findings: finding \d+/,
	qr/^3[.] Database query activity: reads of the log: /);

# What a line says, as counts: a number under its name, numbers of its detail
# under theirs, and a line that lists something as one of its kind.
sub said_by
{
	my ($row) = @_;
	my ($line, $value, $detail) = map { $_ // '' } @$row{qw(line value detail)};
	my $section = $row->{section} =~ s/^Log of searches:.*/Log of searches/r;
	my $name = "$section: $line";
	return ([ "$name; $value; $detail", 1 ]) if $section =~ /^(?:Log of searches|What is overdue)/;
	return ([ "$name; $value", 1 ]) if $value !~ /^-?\d+$/;
	my @said = [ $name, $value ];
	push @said, map { [ "$name, $_->[1]", $_->[0] ] } map { /^(\d+) (\w+)$/ ? [ $1, $2 ] : () } split /, /, $detail
		if $line =~ /^account: / || $section eq 'Month by month' || $section =~ /^3/;
	return @said;
}

my ($folder) = @ARGV;
die "recount.pl FOLDER\n" unless defined $folder;
load_tables("$folder/tables");
my (%compared, %differ, %reports, %skipped);
my $shown = 0;
sub compare
{
	my ($kind, $report, $what, $counted, $said) = @_;
	$compared{$kind}++;
	return if $counted eq $said;
	$differ{$kind}++;
	print "$kind $report, $what: counted $counted, reported $said\n" if ++$shown <= 20;
	return;
}
sub compare_all
{
	my ($kind, $report, $counted, $said) = @_;
	compare($kind, $report, $_, $counted->{$_} // 0, $said->{$_} // 0) foreach sort keys %{ { %$counted, %$said } };
	return;
}
# Rows of each report by what it is of.
sub by_report
{
	my ($rows, @of) = @_;
	my %of;
	push @{ $of{ join "\t", @$_{@of} } }, $_ foreach @$rows;
	return \%of;
}
sub period { my ($agency, $as_of, $since, $until) = @_; return { agency => $agency, as_of => $as_of, since => $since, until => $until }; }

# ---- reports
my $of = by_report(read_rows("$folder/reports"), qw(kind agency day as_of));
foreach my $report (sort keys %$of)
{
	my ($kind, $agency, $day, $as_of) = split /\t/, $report;
	my ($months, @counters) = @{ $kind{$kind} };
	my $p = period($agency, $as_of, block($day, $months));
	my $name = "$agency $day as of " . local_time($as_of);
	$reports{$kind}++;
	if ($kind eq 'statistics')
	{
		compare($kind, $name, @$_) foreach check_published($p, cells_of_report(@{ $of->{$report} }));
		next;
	}
	my (%counted, %said);
	$_->(\%counted, $p) foreach @counters;
	foreach my $said (map { said_by($_) } @{ $of->{$report} })
	{
		my ($what, $n) = @$said;
		if (grep { $what =~ $_ } @uncounted) { $skipped{$kind}++; }
		else { $said{$what} += $n; }
	}
	compare_all($kind, $name, \%counted, \%said);
}

# ---- what is published
$of = by_report(read_rows("$folder/published"), qw(agency day as_of));
foreach my $report (sort keys %$of)
{
	my ($agency, $day, $as_of) = split /\t/, $report;
	my %cell;
	$cell{ $_->{line} }{ $_->{month} } = $_->{published} foreach @{ $of->{$report} };
	$reports{'public statistics'}++;
	compare('public statistics', "$agency $day as of " . local_time($as_of), @$_)
		foreach check_published(period($agency, $as_of, block($day, 12)), \%cell);
}

# ---- bundles: records by their table
$of = by_report(read_rows("$folder/bundles"), qw(agency case_number as_of));
foreach my $report (sort keys %$of)
{
	my ($agency, $case, $as_of) = split /\t/, $report;
	my (%counted, %said);
	foreach (@{ $of->{$report} })
	{
		my ($search) = $_->{section} =~ /(search \S+|other comparisons)/;
		$said{"$search: $1"}++ if $_->{detail} =~ /; record (\w+) \S+$/;
		$said{"$search: $_->{line}"} += $_->{value} if $_->{line} =~ /^search \w+$/;
	}
	count_bundle(\%counted, period($agency, $as_of), $case);
	$reports{bundle}++;
	compare_all('bundle', "$agency case $case", \%counted, \%said);
}

my $failed = 0;
foreach my $kind (sort(keys %kind), 'public statistics', 'bundle')
{
	printf "%-18s %6d numbers of %3d reports counted again: %d differ%s\n", $kind, $compared{$kind} // 0, $reports{$kind} // 0, $differ{$kind} // 0,
		$skipped{$kind} ? "; $skipped{$kind} lines are not counted again" : '';
	$failed ||= !$compared{$kind} || $differ{$kind};
}
exit($failed ? 1 : 0);
