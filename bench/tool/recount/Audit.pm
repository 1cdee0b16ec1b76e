package Audit;

# Audit.pm - what audits add to the sections of a month: findings, compliance,
# months, members, licences; the log; what is overdue.
use strict;
use warnings;
use Activity;
use Book;
use Exporter qw(import);
use POSIX qw(floor);

our @EXPORT = qw(count_findings count_compliance count_months count_members count_licences count_log count_overdue);

sub within { my ($p, $at) = @_; return $at >= $p->{since} && $at < $p->{until} && $at <= $p->{as_of}; }
sub end_of { my ($p) = @_; return $p->{until} < $p->{as_of} ? $p->{until} : $p->{as_of}; }

sub count_findings
{
	my ($n, $p) = @_;
	my $add = sub { $n->{"Findings: $_[0]"}++; };
	$add->('searches completed') foreach searches_of($p, 'completed');
	$add->('attempts refused') foreach searches_of($p, 'refused');
	foreach (inquiries_of($p))
	{
		my (undef, @why) = @$_;
		$add->('of them require substantiation');
		$add->("  for: $_") foreach @why;
	}
	$add->("violations reported: $_->{kind}") foreach grep { within($p, $_->{at}) } rows_by('violation', 'agency', $p->{agency});
	$add->('accounts cut off') foreach grep { within($p, $_->{at}) } rows_by('revocation', 'agency', $p->{agency});
	foreach my $d (until_then($p->{as_of}, rows_by('discrepancy', 'agency', $p->{agency})))
	{
		next if $d->{at} >= $p->{until};
		my ($solved) = until_then($p->{as_of}, rows_by('discrepancy_resolution', 'discrepancy_id', $d->{discrepancy_id}));
		$add->('discrepancies opened') if $d->{at} >= $p->{since};
		$add->('discrepancies resolved') if $solved && within($p, $solved->{at});
		next if $solved;
		$add->('discrepancies still open');
		$add->(sprintf 'open: %s; %s', local_time($d->{at}), $d->{opened_by});
	}
	foreach my $made (until_then($p->{as_of}, rows_by('audit_pack', 'agency', $p->{agency})))
	{
		next unless $made->{since} >= $p->{since} && $made->{until} <= $p->{until} && $made->{kind} =~ /^(monthly|quarterly|annual)$/;
		my $signed = (until_then($p->{as_of}, rows_by('audit_signoff', 'pack_id', $made->{pack_id})))[-1];
		$add->(sprintf 'audit: %s from %s; %s', $made->{kind}, local_time($made->{since}),
			!$signed ? 'open' : $signed->{accepted} eq 't' ? 'signed' : 'returned');
	}
	return;
}

# Without what judging them again says.
sub count_compliance
{
	my ($n, $p) = @_;
	my $section = 'Compliance with memoranda and policy';
	my @memoranda = rows_by('mou', 'agency', $p->{agency});
	my $end = sub { my ($m, $then) = @_; return (until_then($then, rows_by('mou_end', 'mou_id', $m->{mou_id})))[0]; };
	foreach my $s (searches_of($p, 'completed'))
	{
		$n->{"$section: searches judged again by the policy of their time"}++;
		next unless defined clause_of($p->{agency}, 'mou');
		$n->{"$section: searches outside any memorandum of understanding"}++
			unless grep { $_->{at} <= $s->{at} && $_->{from_at} <= $s->{at} && $_->{until_at} > $s->{at} && !$end->($_, $s->{at}) } @memoranda;
	}
	foreach my $m (grep { $_->{at} <= $p->{as_of} && $_->{from_at} < $p->{until} } @memoranda)
	{
		my $ended = $end->($m, $p->{as_of});
		next if ($ended ? $ended->{at} : $m->{until_at}) < $p->{since};
		$n->{"$section: memorandum: $m->{title}"} += $m->{parties};
	}
	return;
}

sub count_months
{
	my ($n, $p) = @_;
	my %seen;
	foreach my $s (searches_of($p))
	{
		my $line = 'Month by month: ' . month_of($s->{at});
		$n->{ $s->{status} eq 'completed' ? $line : "$line, refused" }++;
		next if $s->{status} ne 'completed';
		$n->{"$line, cases"}++ unless $seen{"$line case $s->{case_number}"}++;
		$n->{"$line, accounts"}++ unless $seen{"$line account $s->{account_id}"}++;
	}
	return;
}

sub count_members
{
	my ($n, $p) = @_;
	my %searched = map { $_->{account_id} => 1 } searches_of($p, 'completed');
	foreach my $account (rows_by('account', 'agency', $p->{agency}))
	{
		my $status = status_at($account, end_of($p));
		my $did = $searched{ $account->{account_id} };
		my @lines = $status eq 'active' ? 'members authorised at the end of the period' : ();
		push @lines, 'of them searched' if $status eq 'active' && $did;
		push @lines, 'searched and not authorised any more' if $status ne 'active' && $did;
		push @lines, "member: $account->{name}; $status" if $status eq 'active' || $did;
		$n->{"Authorised members: $_"}++ foreach @lines;
	}
	return;
}

sub count_licences
{
	my ($n, $p) = @_;
	my $add = sub { $n->{"Licences and systems: $_[0]"} += $_[1] // 1; };
	my $end = end_of($p);
	my ($licences, $days) = (value_of($p->{agency}, 'licences'), value_of($p->{agency}, 'inactivity_days'));
	my $in_use = 0;
	foreach my $account (rows_by('account', 'agency', $p->{agency}))
	{
		foreach my $step (grep { within($p, $_->{at}) } rows_by('account_event', 'account_id', $account->{account_id}))
		{
			$add->(($step->{reason} // '') =~ /^inactivity/ ? 'removed for inactivity in the period' : 'removed for another reason')
				if $step->{to_status} eq 'revoked';
			$add->('issued in the period') if $step->{to_status} eq 'active' && $step->{step} =~ /^(activated|auto-grant)$/;
		}
		next if status_at($account, $end) ne 'active';
		$in_use++;
		# used: whatever was done with it, steps of its administration, too
		my @used = map { until_then($end, rows_by($_, 'account_id', $account->{account_id})) } qw(account_event ticket);
		push @used, grep { $_->{status} eq 'completed' } until_then($end, rows_by($_, 'account_id', $account->{account_id})) foreach qw(search verification);
		my ($last) = sort { $b <=> $a } map { $_->{at} } @used;
		$add->("operator: $account->{name}", floor(($end - $last) / DAY));
		$add->("unused for $days days") if defined $days && $last <= $end - $days * DAY;
	}
	$add->('in use', $in_use);
	if (defined $licences)
	{
		$add->('licences', $licences);
		$add->('free', $licences - $in_use);
	}
	my %system;
	$system{ lc $_->{name} } = $_ foreach until_then($end, rows_by('platform', 'agency', $p->{agency}));
	foreach my $name (keys %system)
	{
		my @used = grep { within($p, $_->{at}) && $_->{status} eq 'registered' && lc($_->{platform} // '') eq $name }
			rows_by('external_search', 'agency', $p->{agency});
		$add->("system: $system{$name}{name} ($system{$name}{kind})", scalar @used);
	}
	return;
}

sub count_log
{
	my ($n, $p) = @_;
	foreach my $s (searches_of($p, 'completed'))
	{
		my $told = (of_search('outcome_notice', $s, $p->{as_of}))[-1];
		$n->{ sprintf 'Log of searches: %s  %s; %s; %s; %s; %s; by %s', local_time($s->{at}), $s->{case_number},
			$s->{candidates} > 0 ? 'yes' : 'no', !$told ? 'not told yet' : $told->{identified} eq 't' ? 'identified' : 'not identified',
			$s->{incident_type}, $s->{purpose}, $s->{name} }++;
	}
	return;
}

# Audits that the policy asks for, from the period that it came into force in.
sub audits_late
{
	my ($p) = @_;
	my @late;
	my $days = value_of($p->{agency}, 'audit_days') // 7;
	my ($began) = map { $_->{at} } rows_by('policy_decision', 'agency', $p->{agency});
	foreach my $rule (qw(audit_months memorandum_months))
	{
		my $months = value_of($p->{agency}, $rule) // next;
		my $kind = $rule eq 'memorandum_months' || ($months > 1 && $months < 12) ? 'quarterly' : $months <= 1 ? 'monthly' : 'annual';
		my ($since, $until) = block(local_time($began), { monthly => 1, quarterly => 3, annual => 12 }->{$kind});
		for (; $until + $days * DAY <= $p->{as_of}; ($since, $until) = block(local_time($until), { monthly => 1, quarterly => 3, annual => 12 }->{$kind}))
		{
			my @made = grep { $_->{kind} eq $kind && $_->{since} == $since && $_->{until} == $until && $_->{as_of} >= $until }
				until_then($p->{as_of}, rows_by('audit_pack', 'agency', $p->{agency}));
			my @signed = grep {
				my $last = (until_then($p->{as_of}, rows_by('audit_signoff', 'pack_id', $_->{pack_id})))[-1];
				$last && $last->{accepted} eq 't';
			} @made;
			my $submitted = grep { until_then($p->{as_of}, rows_by('audit_submission', 'pack_id', $_->{pack_id})) } @made;
			next if @signed && ($rule eq 'audit_months' || $submitted);
			push @late, [ "audit, $kind", $since, $until + $days * DAY, clause_of($p->{agency}, $rule),
				@signed ? 'not submitted' : @made ? 'not signed' : 'not made' ];
		}
	}
	return @late;
}

# What is owed after a search, and since when: report, outcome, notice, papers.
sub owed_late
{
	my ($p) = @_;
	my ($agency, $then) = @$p{qw(agency as_of)};
	my @late;
	my $outcome_days = value_of($agency, 'outcome_days') // 30;
	foreach my $s (grep { $_->{status} eq 'completed' } until_then($then, rows_by('search', 'agency', $agency)))
	{
		my $owe = sub {
			my ($what, $rule, $days, @done) = @_;
			return if @done || !defined clause_of($agency, $rule) || !defined $days || $s->{at} + $days * DAY > $then;
			push @late, [ $what, $s->{at}, $s->{at} + $days * DAY, clause_of($agency, $rule), $s->{name}, $what =~ /^papers/ ? () : $s->{case_number} ];
		};
		my @told = of_search('outcome_notice', $s, $then);
		$owe->('report', 'report', value_of($agency, 'report_days'), of_search('report', $s, $then));
		$owe->('outcome', 'outcome_days', $outcome_days, @told, of_search('outcome', $s, $then));
		$owe->('outcome notice', 'outcome_notice', $outcome_days, @told);
		$owe->('papers of an exigent search', 'exigent', (value_of($agency, 'exigent_hours') // 0) / 24, of_search('exigent_papers', $s, $then))
			if $s->{exigent} eq 't';
	}
	return @late;
}

# What waits for an answer, from the day that it was asked.
sub answers_late
{
	my ($p) = @_;
	my ($agency, $then) = @$p{qw(agency as_of)};
	my $open = sub { my ($asked, $answers, $key) = @_;
		return grep { !grep { !defined $_->{step} || $_->{step} =~ /^(declined|delivered)$/ } until_then($then, rows_by($answers, $key, $_->{$key})) }
			until_then($then, rows_by($asked, 'agency', $agency)); };
	return (
		map({ [ 'discrepancy', $_->{at}, $_->{at}, clause_of($agency, 'auditor'), $_->{description} ] } $open->('discrepancy', 'discrepancy_resolution', 'discrepancy_id')),
		map({ [ 'audit on request', $_->{at}, $_->{at}, clause_of($agency, 'audit_request_by'), $_->{requested_by}, $_->{subject} ] }
			$open->('audit_request', 'audit_request_step', 'request_id')),
		map({ [ 'request of the public', $_->{at}, $_->{at}, clause_of($agency, 'public_records'), $_->{subject} ] } $open->('public_request', 'public_decision', 'public_id')));
}

sub count_overdue
{
	my ($n, $p) = @_;
	foreach (audits_late($p), owed_late($p), answers_late($p))
	{
		my ($what, $since, $due, $clause, @names) = @$_;
		$n->{'Overdue: in all'}++;
		$n->{"Overdue: $what"}++;
		$n->{ sprintf 'What is overdue, by when it was due: %s  %s; %d d; %s; of %s%s', local_time($due), $what, floor(($p->{as_of} - $due) / DAY),
			join(', ', @names), local_time($since), defined $clause ? "; $clause" : '' }++;
	}
	return;
}

1;
