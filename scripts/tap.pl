#!/usr/bin/perl
# tap.pl --counts=FILE [--run=COMMAND] [--jobs=N] test... - runs test programs
# that speak TAP, N at a time, shows what fails, and writes "passed failed
# skipped" to FILE.
#
# prove prints its totals for people; this is the same harness (TAP::Harness)
# with the totals as numbers. A program that dies, or that breaks its plan
# without a failed test, counts as one failure. --run gives the interpreter,
# as a shell's words; without it the tests are run as they are.
use strict;
use warnings;

use Getopt::Long;
use TAP::Harness;
use Text::ParseWords;

my ($counts, $run, $jobs) = (undef, undef, 1);
GetOptions('counts=s' => \$counts, 'run=s' => \$run, 'jobs=i' => \$jobs)
  and defined $counts and @ARGV
  or die "usage: tap.pl --counts=FILE [--run=COMMAND] [--jobs=N] test...\n";

my @interpreter = defined $run ? shellwords($run) : ();
my $harness = TAP::Harness->new(
	{
		verbosity => 0,
		failures => 1,
		comments => 0,
		jobs => $jobs,
		timer => 1,
		exec => sub { [ @interpreter, $_[1] ] },
	});
my $all = $harness->runtests(@ARGV);

my ($failed, $skipped) = (scalar $all->failed, scalar $all->skipped);
for my $parser ($all->parsers)
{
	$failed++ if $parser->has_problems and not $parser->failed;
	$skipped++ if $parser->skip_all;
}
my $passed = scalar($all->passed) - scalar($all->skipped);

open(my $out, '>', $counts) or die "$counts: $!\n";
print $out "$passed $failed $skipped\n";
close($out) or die "$counts: $!\n";
exit($failed > 0 ? 1 : 0);
