package Activity;

# Activity.pm - the four sections of a monthly report, of any period, counted
# one search and one record at a time (NM-VII.B).
use strict;
use warnings;
use Book;
use Exporter qw(import);

our @EXPORT = qw(count_searches count_users count_queries count_inquiries searches_of inquiries_of status_at);

# A period: agency, since, until, as_of. What it holds of a table:
sub held { my ($table, $p) = @_; return grep { $_->{at} >= $p->{since} && $_->{at} < $p->{until} && $_->{at} <= $p->{as_of} } rows_by($table, 'agency', $p->{agency}); }
sub searches_of { my ($p, $status) = @_; return grep { !$status || $_->{status} eq $status } held('search', $p); }

sub count_searches
{
	my ($n, $p) = @_;
	my $add = sub { $n->{"1. Searches: $_[0]"} += $_[1] // 1; };
	my (%cases, %photographs);
	foreach my $s (searches_of($p))
	{
		$add->('searches asked for');
		$add->("  $s->{status}");
		if ($s->{status} eq 'refused')
		{
			$add->('refused: ' . ($s->{clause} // $s->{sqlstate}));
			next;
		}
		$add->("purpose: $s->{purpose}");
		$add->('incident type: ' . ($s->{incident_type} // 'none'));
		$add->("repository: $_") foreach split /,/, $s->{repositories};
		$cases{ $s->{case_number} }++ if defined $s->{case_number};
		$photographs{ $s->{probe_id} }++ if defined $s->{probe_id};
		$add->('further searches of a photograph') if $s->{further} eq 't';
		$add->('searches with candidates') if $s->{candidates} > 0;
		$add->('candidates returned', $s->{candidates});
		$add->('exact searches') if ($s->{exact} // 'f') eq 't';
		$add->('exigent searches') if $s->{exigent} eq 't';
		$add->('searches with an advisory rule set aside') if $s->{set_aside} eq 't';

		my $decided = (of_search('match_decision', $s, $p->{as_of}))[-1];
		$add->(!$decided ? 'not evaluated' : $decided->{matched} eq 't' ? 'evaluated: possible match' : 'evaluated: no match');
		my $outcome = (of_search('outcome', $s, $p->{as_of}))[-1];
		$add->('outcome: ' . ($outcome ? $outcome->{determination} : 'not recorded'));
		$add->('searches with an identification') if of_search('identification', $s, $p->{as_of});
		$add->('searches with a report') if of_search('report', $s, $p->{as_of});
	}
	$add->('cases', scalar keys %cases);
	$add->('photographs searched', scalar keys %photographs);
	$add->("action $_->{status}: $_->{kind}") foreach held('action', $p);
	return;
}

# Where the steps of an account had led by a time.
sub status_at
{
	my ($account, $then) = @_;
	my @steps = sort { $a->{number} <=> $b->{number} } until_then($then, rows_by('account_event', 'account_id', $account->{account_id}));
	return @steps ? $steps[-1]{to_status} : '';
}

sub count_users
{
	my ($n, $p) = @_;
	my $add = sub { $n->{"2. User activity: $_[0]"} += $_[1] // 1; };
	my (%did, %cases);
	my $note = sub { my ($row, $what) = @_; $did{ $row->{account_id} }{$what}++ if defined $row->{account_id}; };
	foreach my $s (searches_of($p))
	{
		$note->($s, $s->{status} eq 'completed' ? 'searches' : 'refused');
		$cases{ $s->{account_id} }{ $s->{case_number} }++ if $s->{status} eq 'completed' && defined $s->{case_number};
	}
	$note->($_, $_->{status} eq 'completed' ? 'verified' : 'refused') foreach held('verification', $p);
	$note->($_, $_->{status} eq 'admitted' ? 'raw' : 'refused') foreach held('raw_statement', $p);
	$note->($_, defined $_->{sqlstate} ? 'refused' : $_->{kind} eq 'export' ? 'exports' : 'views') foreach held('access_log', $p);
	$note->($_, 'refused') foreach held('refused_step', $p);
	$note->($_, $_->{status} eq 'permitted' ? 'actions' : 'refused') foreach held('action', $p);

	my $end = $p->{until} < $p->{as_of} ? $p->{until} : $p->{as_of};
	foreach my $account (rows_by('account', 'agency', $p->{agency}))
	{
		my $active = status_at($account, $end) eq 'active';
		my $done = $did{ $account->{account_id} };
		$add->('accounts active at the end') if $active;
		$add->('accounts that searched') if $done && $done->{searches};
		$add->('active accounts that did nothing') if $active && !$done;
		next unless $active || $done;
		$add->("account: $account->{name}", $done->{searches} // 0);
		$add->("account: $account->{name}, $_", $done->{$_}) foreach grep { $_ ne 'searches' } keys %$done;
		$add->("account: $account->{name}, cases", scalar keys %{ $cases{ $account->{account_id} } // {} });
	}
	$add->("account step: $_->{step}") foreach held('account_event', $p);
	$add->("cut off: $_->{role}") foreach held('revocation', $p);
	return;
}

sub count_queries
{
	my ($n, $p) = @_;
	my $add = sub { $n->{"3. Database query activity: $_[0]"} += $_[1] // 1; };
	my %line = (view => 'views of candidates', results => 'lists fetched by who asked', export => 'exports', photograph => 'photographs fetched');
	my %who;
	$add->('open searches') foreach held('ticket', $p);
	foreach (held('raw_statement', $p))
	{
		$add->("raw statements $_->{status}");
		$add->('rows that left by raw statements', $_->{rows});
	}
	$add->("1:1 verifications $_->{status}") foreach held('verification', $p);
	foreach my $seen (held('access_log', $p))
	{
		if (defined $seen->{sqlstate})
		{
			$add->("refused: $seen->{kind}");
			next;
		}
		$add->($line{ $seen->{kind} });
		$add->("$line{ $seen->{kind} }, candidates", $seen->{ranks});
		$add->("$line{ $seen->{kind} }, accounts") unless $who{ $seen->{kind} }{ $seen->{account_id} }++;
		$add->("exported to: $seen->{recipient}") if $seen->{kind} eq 'export';
		$add->("field seen: $_") foreach split /,/, $seen->{fields} // '';
	}
	$add->("refused step: $_->{step}") foreach held('refused_step', $p);
	$add->('searches in ' . ($_->{platform} // 'no system') . ": $_->{status}") foreach held('external_search', $p);
	$add->("reports made: $_->{kind}") foreach held('audit_pack', $p);
	return;
}

# Completed searches of which something is not accounted for, with the reasons:
# docs/report.md, "What requires substantiation".
sub inquiries_of
{
	my ($p) = @_;
	my $agency = $p->{agency};
	my $report_days = value_of($agency, 'substantiation_days') // value_of($agency, 'report_days') // 7;
	my $outcome_days = value_of($agency, 'outcome_days') // 30;
	my $desk = (value_of($agency, 'request_desk') // '') eq 'true';
	my %handed_over = map { $_->{search_id} => 1 } grep { $_->{since} == $p->{since} && $_->{until} == $p->{until} } rows_by('anomaly', 'agency', $agency);
	my @found;
	foreach my $s (searches_of($p, 'completed'))
	{
		my $of = sub { return of_search($_[0], $s, $p->{as_of}); };
		my @papers = $of->('exigent_papers');
		my @outcomes = $of->('outcome');
		my %why;
		$why{report} = 1 if !$of->('report') && $s->{at} + $report_days * DAY <= $p->{as_of};
		$why{outcome} = 1 if !@outcomes && !$of->('outcome_notice') && $s->{at} + $outcome_days * DAY <= $p->{as_of};

		my %carried = map { $_->{person_id} => 1 }
			grep { !until_then($p->{as_of}, rows_by('withdrawal', 'item_id', $_->{item_id})) } $of->('corroboration');
		my @determined = map { $_->{person_id} } $of->('identification'), grep { $_->{determination} eq 'lead confirmed' } @outcomes;
		$why{corroboration} = 1 if grep { !$carried{$_} } @determined;

		# every search of the year names a case that is known
		$why{case} = 1 if $s->{case_status} eq 'closed' || ($s->{case_assigned} ne 't' && !($desk && ($s->{asked_by_assigned} // 'f') eq 't'));

		my %empty = map { $_ => 1 } split /,/, $s->{empty} // '';
		delete @empty{ map { split /,/, $_->{fields} } @papers };
		$why{fields} = 1 if %empty;
		$why{exigent} = 1 if $s->{exigent} eq 't' && !@papers && defined clause_of($agency, 'exigent');
		my %disposed = map { $_->{person_id} => 1 } grep { $_->{blind} eq 'f' } $of->('comparison');
		$why{dispositions} = 1 if keys %disposed < $s->{candidates};

		my @others = grep { $_->{status} eq 'completed' } until_then($p->{as_of}, rows_by('search', 'probe_id', $s->{probe_id}));
		my @before = grep { $_->{status} eq 'completed' && $_->{at} < $s->{at} && $_->{at} > $s->{at} - 600 } rows_by('search', 'account_id', $s->{account_id});
		$why{anomaly} = 1 if $handed_over{ $s->{search_id} } || @before >= 20 || grep { $_->{agency} eq $agency && $_->{case_number} ne $s->{case_number} } @others;
		$why{override} = 1 if $s->{set_aside} eq 't';
		push @found, [ $s, sort keys %why ] if %why;
	}
	return @found;
}

sub count_inquiries
{
	my ($n, $p) = @_;
	foreach (inquiries_of($p))
	{
		my ($search, @why) = @$_;
		$n->{"4. Inquiries that require substantiation: $_"}++
			foreach 'searches that require substantiation', map({ "reason: $_" } @why),
			sprintf('%s %s; %s', local_time($search->{at}), $search->{name}, $search->{case_number});
	}
	return;
}

1;
