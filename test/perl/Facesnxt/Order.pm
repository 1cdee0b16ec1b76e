# Facesnxt::Order: what an index gives, compared with what the table alone gives.
package Facesnxt::Order;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(in_order all_but_one);

# Two lists of ids, as text: as many rows, none twice, and the same ones in the same order, but for one. Bounds are
# statistical, so of some thousand searches one has a row that comes late, or too late to be among those asked for
# (src/index/README.md); never early.
sub in_order
{
	my @found = split / /, $_[0];
	my @expected = split / /, $_[1];
	my %times;

	return 0 if @found != @expected || grep { $times{$_}++ } @found;
	my ($late) = map { $expected[$_] } grep { $found[$_] ne $expected[$_] } 0 .. $#expected;
	return 1 unless defined $late;
	my ($rest, $expected_rest) = map { [ grep { $_ ne $late } @$_ ] } \@found, \@expected;
	return join(' ', @$rest[ 0 .. $#$expected_rest ]) eq join(' ', @$expected_rest);
}

# The same of rows in no order, as those within a distance: none that is not expected, none twice, and at most one
# of them missing, which is rarer still.
sub all_but_one
{
	my @found = split / /, $_[0];
	my @expected = split / /, $_[1];
	my %left = map { $_ => 1 } @expected;

	return @found + 1 >= @expected && !grep { !delete $left{$_} } @found;
}

1;
