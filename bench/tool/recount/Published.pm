package Published;

# Published.pm - what is published, against plain counts. A number that is
# published is the count; counts from 1 to below the threshold are not; no
# suppressed count can be computed from the rest, by elimination over the
# equations "the cells of a line are its total", which knows nothing of graphs;
# and where a line's total is published, what is suppressed of it is together
# at least the threshold.
use strict;
use warnings;
use Activity;
use Book;
use Exporter qw(import);

our @EXPORT = qw(cells_of_report check_published);

# Lines of the report as cells: line => month => published. The months stand
# in the first lines, '01 = 2023-01', and the counts of a line in its detail.
sub cells_of_report
{
	my (@lines) = @_;
	my (%cell, @months, $hidden);
	foreach (@lines)
	{
		if ($_->{line} =~ /^\d+ = (\S+)$/) { push @months, $1; }
		elsif ($_->{line} eq 'not published (*)') { $hidden = $_->{value}; }
		else
		{
			my %line = (total => $_->{value});
			@line{@months} = split ' ', $_->{detail};
			$cell{ $_->{line} } = \%line;
		}
	}
	return (\%cell, $hidden);
}

# The plain counts: every purpose of the policy, and what was searched for.
sub counts_of
{
	my ($p) = @_;
	my @months = map { sprintf '%s-%02d', month_of($p->{since}) =~ /^(\d+)/, $_ } 1 .. 12;
	my %count;
	$count{$_} = {} foreach 'refused', 'total', map { $_->{code} } rows_by('policy_purpose', 'agency', $p->{agency});
	foreach my $s (searches_of($p))
	{
		foreach my $line ('total', $s->{status} eq 'completed' ? $s->{purpose} : 'refused')
		{
			$count{$line}{$_}++ foreach 'total', month_of($s->{at});
		}
	}
	foreach my $line (values %count) { $line->{$_} //= 0 foreach 'total', @months; }
	return (\%count, \@months);
}

# Suppressed cells that follow from those published: their unit vectors are rows of the reduced equations.
sub determined
{
	my ($cell, $lines, $columns) = @_;
	my @equations;
	my $unknown = sub { my ($l, $c) = @_; return ($cell->{$l}{$c} // '') eq '*' ? ("$l, $c") : (); };
	foreach my $l (@$lines, 'total') { push @equations, { map({ $_ => 1 } map { $unknown->($l, $_) } @$columns), map({ $_ => -1 } $unknown->($l, 'total')) }; }
	foreach my $c (@$columns, 'total') { push @equations, { map({ $_ => 1 } map { $unknown->($_, $c) } @$lines), map({ $_ => -1 } $unknown->('total', $c)) }; }
	my @reduced;
	while (my $e = shift @equations)
	{
		my ($pivot) = sort keys %$e or next;
		my $by = $e->{$pivot};
		$_ /= $by foreach values %$e;
		foreach my $other (grep { $_->{$pivot} } @equations, @reduced)
		{
			my $times = $other->{$pivot};
			foreach my $x (keys %$e)
			{
				$other->{$x} = ($other->{$x} // 0) - $times * $e->{$x};
				delete $other->{$x} if abs($other->{$x}) < 1e-9;
			}
		}
		push @reduced, $e;
	}
	return map { keys %$_ } grep { keys %$_ == 1 } @reduced;
}

# Returns comparisons: what, counted, published.
sub check_published
{
	my ($p, $cell, $hidden) = @_;
	my $threshold = value_of($p->{agency}, 'publication_threshold') // 10;
	my ($count, $months) = counts_of($p);
	my (@compared, %gone);
	my $suppressed = 0;
	foreach my $line (sort keys %{ { %$count, %$cell } })
	{
		foreach my $month (sort keys %{ { %{ $count->{$line} // {} }, %{ $cell->{$line} // {} } } })
		{
			my ($n, $said) = ($count->{$line}{$month}, $cell->{$line}{$month} // 'nothing');
			$suppressed++ if $said eq '*';
			my $small = defined $n && $n > 0 && $n < $threshold;
			push @compared, [ "$line, $month", $small ? '*' : $said eq '*' ? '*' : $n // 'no such cell', $said ];
		}
	}
	my @lines = grep { $_ ne 'total' } sort keys %$count;
	my %known = map { $_ => 1 } determined($cell, \@lines, $months);
	foreach my $line (@lines, 'total')
	{
		foreach my $month (@$months, 'total')
		{
			next if ($cell->{$line}{$month} // '') ne '*';
			push @compared, [ "$line, $month can be computed", 0, $known{"$line, $month"} ? 1 : 0 ];
		}
	}
	my $little = sub {
		my ($what, $total, @cells) = @_;    # pairs: line, month
		return if ($cell->{ $total->[0] }{ $total->[1] } // '') eq '*';
		my @out = grep { ($cell->{ $_->[0] }{ $_->[1] } // '') eq '*' } @cells or return;
		my $together = 0;
		$together += $count->{ $_->[0] }{ $_->[1] } foreach @out;
		push @compared, [ "suppressed of $what together below the threshold", 0, $together < $threshold ? 1 : 0 ];
	};
	foreach my $line (@lines, 'total') { $little->($line, [ $line, 'total' ], map { [ $line, $_ ] } @$months); }
	foreach my $month (@$months, 'total') { $little->($month, [ 'total', $month ], map { [ $_, $month ] } @lines); }
	push @compared, [ 'not published (*)', $suppressed, $hidden ] if defined $hidden;
	return @compared;
}

1;
