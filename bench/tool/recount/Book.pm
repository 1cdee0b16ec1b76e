package Book;

# Book.pm - rows that were copied out of the tables, and the calendar. A file
# per table: names of columns, then a row a line, tabs between, \N where there
# is nothing; times as seconds since 1970. Whoever asks gets rows as hashes.
use strict;
use warnings;
use Exporter qw(import);
use POSIX qw(floor mktime strftime tzset);

our @EXPORT = qw(read_rows load_tables rows_by of_search until_then value_of clause_of month_of local_time block DAY);
use constant DAY => 86400;

# The zone of every policy in the year; load_tables() fails where one names another.
$ENV{TZ} = 'America/New_York';
tzset();

my (%rows, %index);

sub read_rows
{
	my ($file) = @_;
	open my $in, '<', $file or die "$file: $!\n";
	chomp(my $head = <$in> // die "$file: empty\n");
	my @names = split /\t/, $head;
	my @found;
	while (<$in>)
	{
		chomp;
		my %row;
		@row{@names} = map { $_ eq '\N' ? undef : s/\\\\/\\/gr } split /\t/, $_, -1;
		push @found, \%row;
	}
	close $in;
	return \@found;
}

sub load_tables
{
	my ($folder) = @_;
	foreach my $file (glob "$folder/*")
	{
		my ($table) = $file =~ m{([^/]+)$};
		$rows{$table} = read_rows($file);
	}
	foreach (grep { $_->{rule} eq 'time_zone' } @{ $rows{policy_rule} })
	{
		die "$_->{agency} is in another time zone: $_->{value}\n" if $_->{value} ne $ENV{TZ};
	}
	return;
}

# The rows of a table whose column says this.
sub rows_by
{
	my ($table, $column, $key) = @_;
	my $rows = $rows{$table} // die "table $table was not copied\n";
	if (!$index{$table}{$column})
	{
		my %by;
		push @{ $by{ $_->{$column} } }, $_ foreach grep { defined $_->{$column} } @$rows;
		$index{$table}{$column} = \%by;
	}
	return @{ $index{$table}{$column}{$key} // [] };
}

# Those of them that were there at a time, the earliest first.
sub until_then
{
	my ($then, @rows) = @_;
	my @then = sort { $a->{at} <=> $b->{at} } grep { $_->{at} <= $then } @rows;
	return @then;
}
sub of_search { my ($table, $search, $then) = @_; return until_then($then, rows_by($table, 'search_id', $search->{search_id})); }

sub rule_of
{
	my ($agency, $rule) = @_;
	my ($found) = grep { $_->{rule} eq $rule } rows_by('policy_rule', 'agency', $agency);
	return $found;
}
sub value_of { my $rule = rule_of(@_); return $rule ? $rule->{value} : undef; }
sub clause_of { my $rule = rule_of(@_); return $rule ? $rule->{clause} : undef; }

# ---- the calendar, by the C library

sub month_of { return strftime('%Y-%m', localtime(floor($_[0]))); }
sub local_time { return strftime('%Y-%m-%d %H:%M', localtime(floor($_[0]))); }
sub first_of { my ($month) = @_; return mktime(0, 0, 0, 1, $month % 12, floor($month / 12) - 1900, 0, 0, -1); }

# The block of so many months, counted from January, that a day is in.
sub block
{
	my ($day, $months) = @_;
	my ($year, $month) = $day =~ /^(\d+)-(\d+)/;
	my $first = $year * 12 + $month - 1;
	$first -= $first % $months;
	return (first_of($first), first_of($first + $months));
}

1;
