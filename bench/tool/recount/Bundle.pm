package Bundle;

# Bundle.pm - the bundle of a case: how many records of each table it holds of
# each of its searches (NP-VI.B.6, NS-32.6.12).
use strict;
use warnings;
use Book;
use Exporter qw(import);

our @EXPORT = qw(count_bundle);

my @tables = qw(comparison match_decision corroboration withdrawal identification action report outcome outcome_notice
	access_log refused_step exigent_papers);

sub count_bundle
{
	my ($n, $p, $case) = @_;
	foreach my $s (grep { $_->{case_number} eq $case } until_then($p->{as_of}, rows_by('search', 'agency', $p->{agency})))
	{
		my $of = "search $s->{search_id}";
		$n->{"$of: search"}++;
		$n->{"$of: search $s->{status}"} += $s->{candidates};
		$n->{"$of: candidate"} += $_->{candidates} foreach rows_by('candidate', 'search_id', $s->{search_id});
		foreach my $table (@tables) { $n->{"$of: $table"} += of_search($table, $s, $p->{as_of}); }
	}
	foreach my $table (qw(verification raw_statement))
	{
		$n->{"other comparisons: $table"} += grep { ($_->{case_number} // '') eq $case } until_then($p->{as_of}, rows_by($table, 'agency', $p->{agency}));
	}
	return;
}

1;
