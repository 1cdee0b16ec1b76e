# A record says what was asked and what left, whatever the session set before.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";

use Facesnxt;
use Test::More;

my $node = new_node('record');

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

$node->safe_psql('postgres', <<'SQL');
CREATE ROLE integ LOGIN;
GRANT facesnxt_integrator TO integ;
SELECT facesnxt.open_account('NM', 'integ'), facesnxt.set_account_status('integ', 'active', NULL);
SQL

# ---- digits

my $blur = 'SET extra_float_digits = -15;';
my $known = value('SELECT min(reference_id::text) FROM facesnxt.reference');
my ($status, $out, $err) = as_role($node, 'nm_inv', <<SQL);
$blur
SELECT rank FROM facesnxt.search_template('[0.9,0.43,0.1]', '22-1', 'criminal', 'digits', candidates => 5, threshold => 0.77777);
SELECT verification_id IS NOT NULL FROM facesnxt.verify_template('[0.9,0.43,0.1]', '22-1', 'criminal', 'digits', reference_id => '$known');
SQL
is($err, '', 'a search and a verification of a session that rounds');
is( value(<<'SQL'), '0', 'scores blurred by extra_float_digits: the record has all their digits');
SELECT count(*) FROM facesnxt.candidate c JOIN facesnxt.probe_template p USING (search_id) JOIN facesnxt.reference r USING (reference_id)
WHERE c.score IS DISTINCT FROM (1 - (r.template OPERATOR(facesnxt.<=>) p.template))::real
SQL
is(value('SELECT threshold FROM facesnxt.search'), '0.77777', 'threshold blurred by extra_float_digits');
is( value("SELECT count(*) FROM facesnxt.verification v JOIN facesnxt.reference r USING (reference_id)
	WHERE v.score = (1 - (r.template OPERATOR(facesnxt.<=>) '[0.9,0.43,0.1]'))::real"), '1', 'score of a verification blurred by extra_float_digits');
($status, $out, $err) = as_role($node, 'integ', <<SQL);
$blur
SELECT FROM facesnxt.open_search('22-1', 'criminal', 'test');
SELECT reference_id, template OPERATOR(facesnxt.<=>) '[0.9,0.43,0.1]' AS distance FROM facesnxt.reference
ORDER BY template OPERATOR(facesnxt.<=>) '[0.9,0.43,0.1]' LIMIT 3;
SQL
is( value("SELECT count(*) FROM facesnxt.raw_row w JOIN facesnxt.reference r USING (reference_id)
	WHERE w.distance = r.template OPERATOR(facesnxt.<=>) '[0.9,0.43,0.1]'"), '3', 'distances of a raw statement blurred by extra_float_digits');
is(scalar(my @lines = split(/\n/, $out)), 3, 'and what leaves is as the session asked for it');
like($out, qr/\|0\.\d{1,3}$/m, 'rounded');

$node->stop;
done_testing();
