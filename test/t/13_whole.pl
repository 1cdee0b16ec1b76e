# The five shipped policies, whole and as they are, in one database at a time:
# a person's way from nothing to an account, from a case to an action, and from
# there what is refused when one thing is missing. What agencies differ in, and a
# policy that changes, come last. Each agency has a file of its own in whole/.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use Facesnxt::Agency;
use Test::More;

open_server();
foreach my $part (@ARGV ? @ARGV : qw(sp nm ns np mi among change))
{
	next unless -e "$FindBin::RealBin/whole/$part.pl";
	require "$FindBin::RealBin/whole/$part.pl";
}
close_server();
done_testing();
