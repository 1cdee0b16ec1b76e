#!/usr/bin/perl
# recount.pl REPORTS TABLES - counts again, from rows that were copied out of
# the tables, what monthly reports say, and compares. It knows nothing of the
# reports' SQL: times are compared as numbers, months told by the C library.
#
#   REPORTS  agency, month, section, line, value: a line each, tabs between
#   TABLES   table, then its columns, likewise
use strict;
use warnings;
use POSIX qw(strftime tzset);

$ENV{TZ} = 'America/New_York';
tzset();
my ($reports, $tables) = @ARGV;
my $as_of = 1706745600;    # 2024-02-01 00:00 UTC
my (%rows, %count, %search, %of, %bare);

open my $in, '<', $tables or die "$tables: $!\n";
while (<$in>)
{
	chomp;
	my ($table, @columns) = split /\t/, $_, -1;
	push @{ $rows{$table} }, \@columns;
}
close $in;

my %rule;    # agency, rule => value
$rule{ $_->[0] }{ $_->[1] } = $_->[2] foreach @{ $rows{rule} };
sub month { return strftime('%Y-%m', localtime(int($_[0]))); }

# What is known of a search, by its id: the earliest of each kind counts where
# being there is asked, the latest where the last word is.
foreach my $table (qw(report outcome notice papers))
{
	foreach (@{ $rows{$table} // [] })
	{
		my ($id, $at, $what) = @$_;
		next if $at > $as_of;
		push @{ $of{$table}{$id} }, [ $at, $what ];
	}
}
sub last_word
{
	my ($table, $id) = @_;
	my @said = sort { $b->[0] <=> $a->[0] } @{ $of{$table}{$id} // [] };
	return @said ? $said[0][1] : undef;
}
my (%decided, %holds, %named, %disposed, %probe, %withdrawn);
$withdrawn{ $_->[0] } = 1 foreach grep { $_->[1] <= $as_of } @{ $rows{withdrawal} // [] };
$decided{ $_->[0] } = $_->[2] foreach sort { $a->[1] <=> $b->[1] } grep { $_->[1] <= $as_of } @{ $rows{decision} };
$named{ $_->[0] }{ $_->[2] } = 1 foreach grep { $_->[1] <= $as_of } @{ $rows{identification} };
$holds{ $_->[0] }{ $_->[2] } = 1 foreach grep { $_->[1] <= $as_of && !$withdrawn{ $_->[3] } } @{ $rows{corroboration} };
$disposed{ $_->[0] }{ $_->[2] } = 1 foreach grep { $_->[1] <= $as_of } @{ $rows{comparison} };
foreach (grep { $_->[5] eq 'completed' } @{ $rows{search} })
{
	my ($id, $agency, $at, $case, $probe) = @$_[ 0, 1, 2, 6, 7 ];
	$probe{$agency}{$probe}{$case} = 1;
}

sub add { my ($agency, $month, $line, $n) = @_; $count{"$agency\t$month\t$line"} += $n // 1; return; }

my %seen;
foreach (@{ $rows{search} })
{
	my ($id, $agency, $at, $name, $purpose, $status, $case, $probe, $candidates, $exigent, $aside, $empty, $state, $assigned) = @$_;
	my $m = month($at);
	add($agency, $m, '1. Searches: searches asked for');
	add($agency, $m, "1. Searches:   $status");
	next if $status eq 'refused';
	add($agency, $m, "1. Searches: purpose: $purpose");
	add($agency, $m, "2. User activity: account: $name");
	add($agency, $m, '1. Searches: cases') unless $seen{"$agency $m case $case"}++;
	add($agency, $m, '1. Searches: photographs searched') unless $seen{"$agency $m probe $probe"}++;
	add($agency, $m, '1. Searches: searches with candidates') if $candidates > 0;
	add($agency, $m, '1. Searches: candidates returned', $candidates);
	add($agency, $m, '1. Searches: exigent searches') if $exigent eq 't';
	add($agency, $m, '1. Searches: searches with an advisory rule set aside') if $aside eq 't';
	my $matched = $decided{$id};
	add($agency, $m, '1. Searches: ' . (!defined $matched ? 'not evaluated' : $matched eq 't' ? 'evaluated: possible match' : 'evaluated: no match'));
	my $outcome = last_word('outcome', $id);
	add($agency, $m, '1. Searches: outcome: ' . ((split /\|/, $outcome // 'not recorded')[0]));
	add($agency, $m, '1. Searches: searches with an identification') if $named{$id};
	my $reported = $of{report}{$id};
	add($agency, $m, '1. Searches: searches with a report') if $reported;

	my %why;
	my $rules = $rule{$agency};
	my $days = $rules->{substantiation_days} // $rules->{report_days} // 7;
	$why{report} = 1 if !$reported && $at + $days * 86400 <= $as_of;
	$why{outcome} = 1 if !$of{outcome}{$id} && !$of{notice}{$id} && $at + ($rules->{outcome_days} // 30) * 86400 <= $as_of;
	my @determined = keys %{ $named{$id} // {} };
	push @determined, map { (split /\|/, $_->[1])[1] } grep { $_->[1] =~ /^lead confirmed/ } @{ $of{outcome}{$id} // [] };
	$why{corroboration} = 1 if grep { !$holds{$id}{$_} } @determined;
	$why{case} = 1 if $state eq 'closed' || $assigned eq 'f';
	my %given = map { $_ => 1 } split /,/, $empty;
	delete $given{$_} foreach map { split /,/, $_->[1] } @{ $of{papers}{$id} // [] };
	$why{fields} = 1 if %given;
	$why{exigent} = 1 if $exigent eq 't' && !$of{papers}{$id};
	$why{dispositions} = 1 if keys %{ $disposed{$id} // {} } < $candidates;
	$why{anomaly} = 1 if keys %{ $probe{$agency}{$probe} } > 1;
	$why{override} = 1 if $aside eq 't';
	add($agency, $m, "4. Inquiries that require substantiation: reason: $_") foreach keys %why;
	add($agency, $m, '4. Inquiries that require substantiation: searches that require substantiation') if %why;
}
foreach (@{ $rows{access} })
{
	my ($agency, $at, $kind, $refused) = @$_;
	add($agency, month($at), '3. Database query activity: '
		. ($refused ne '' ? "refused: $kind" : $kind eq 'view' ? 'views of candidates' : 'exports'));
}
add($_->[0], month($_->[1]), "3. Database query activity: 1:1 verifications $_->[2]") foreach @{ $rows{verification} };
add($_->[0], month($_->[1]), "3. Database query activity: refused step: $_->[2]") foreach @{ $rows{step} };
add($_->[0], month($_->[1]), "3. Database query activity: raw statements $_->[2]") foreach @{ $rows{raw} };
add($_->[0], month($_->[1]), '3. Database query activity: rows that left by raw statements', $_->[3]) foreach @{ $rows{raw} };
add($_->[0], month($_->[1]), '3. Database query activity: open searches') foreach @{ $rows{ticket} };

my ($same, $differ, %asked, %said) = (0, 0);
open $in, '<', $reports or die "$reports: $!\n";
while (<$in>)
{
	chomp;
	my ($agency, $month, $section, $line, $value) = split /\t/, $_, -1;
	$asked{"$agency\t$month"} = 1;
	my $key = "$agency\t$month\t$section: $line";
	$said{$key} = $value if $value =~ /^\d+$/;
}
close $in;
# every number that was counted here stands in the report, and the other way round where a line is of a kind counted here
my %kind = map { my $k = (split /\t/)[2]; $k =~ s/((?:purpose|account|outcome|reason|refused|refused step): ).*/$1/; $k => 1 } keys %count;
foreach my $key (sort keys %{ { %count, %said } })
{
	my ($agency, $month, $line) = split /\t/, $key;
	$line =~ s/((?:purpose|account|outcome|reason|refused|refused step): ).*/$1/;
	next unless $asked{"$agency\t$month"} && $kind{$line};
	next if $line eq '1. Searches: refused: ';
	if (($count{$key} // 0) == ($said{$key} // 0)) { $same++; }
	else
	{
		$differ++;
		printf "%s: counted %s, reported %s\n", $key =~ s/\t/ /gr, $count{$key} // 0, $said{$key} // 'nothing' if $differ <= 20;
	}
}
printf "%d numbers of %d reports counted again: %d differ\n", $same + $differ, scalar keys %asked, $differ;
exit($differ || !$same ? 1 : 0);
