# template.pl FOLDER - the data folder that the nodes of a run begin with.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Facesnxt;
use Test::More;

make_template($ARGV[0]);
ok(-e "$ARGV[0]/PG_VERSION", 'a data folder');
done_testing();
