# A damaged page and a format from the future are clear errors, and nothing else.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('damage');
$node->init;
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION facesnxt;
CREATE TABLE face (id int, template facesnxt.embedding);
INSERT INTO face SELECT i, (SELECT array_agg(sin(i * k * 0.7 + k * k)) FROM generate_series(1, 64) k)::real[]::facesnxt.embedding
FROM generate_series(1, 3000) i;
CREATE INDEX face_template ON face USING facescan (template);
CREATE UNLOGGED TABLE draft AS SELECT * FROM face;
CREATE INDEX draft_template ON draft USING facescan (template);
CHECKPOINT;
SQL
my $file = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('face_template')");
my $search = "SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM face ORDER BY template
	OPERATOR(facesnxt.<=>) (SELECT template FROM face LIMIT 1) LIMIT 5000) s";

# Writes bytes into a block of the index while the server is down; returns what was there.
sub overwrite
{
	my ($block, $offset, $bytes) = @_;
	my $before;
	$node->stop;
	open(my $handle, '+<:raw', $file) or die "cannot open $file: $!";
	seek($handle, $block * 8192 + $offset, 0);
	read($handle, $before, length $bytes);
	seek($handle, $block * 8192 + $offset, 0);
	print $handle $bytes;
	close($handle);
	$node->start;
	return $before;
}

# what, block, offset, bytes, error
my @damages = (
	[ 'a meta page of a newer version', 0, 28, pack('L', 99), qr/ERROR:  0A000: index "face_template" has format version 99/ ],
	[ 'a meta page of something else', 0, 24, pack('L', 1), qr/ERROR:  XX002: index "face_template" is not a facescan index/ ],
	[ 'a meta page with impossible numbers', 0, 34, pack('C', 77), qr/ERROR:  XX002: meta page of index "face_template" is damaged/ ],
	[ 'a directory page of another kind', 1, 8192 - 4, pack('S', 2), qr/ERROR:  XX002: index "face_template" has an unexpected page at block 1/ ],
	[ 'a directory without an extent', 1, 24, pack('L', 0), qr/ERROR:  XX002: directory of index "face_template" is damaged/ ],
	[ 'a code page of another kind', undef, 24, pack('S', 5), qr/ERROR:  XX002: index "face_template" has an unexpected page/ ]);
my $code_block = $node->safe_psql('postgres', "SELECT min(block) FROM (SELECT n AS block FROM generate_series(2,
	pg_relation_size('face_template') / 8192 - 1) n) s WHERE pg_read_binary_file(pg_relation_filepath('face_template'),
	block * 8192 + 24, 2) = '\\x0400'");
foreach my $damage (@damages)
{
	my ($what, $block, $offset, $bytes, $error) = @$damage;
	$block //= $code_block;
	my $before = overwrite($block, $offset, $bytes);
	my ($out, $err) = ('', '');
	$node->psql('postgres', $search, stdout => \$out, stderr => \$err, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	like($err, $error, "$what is told");
	is($out, '', '... and nothing returned');
	like($err, qr/HINT:  REINDEX/, '... with what to do');
	overwrite($block, $offset, $before);
}
is($node->safe_psql('postgres', $search), '3000', 'whole again, it finds all');

# a code that is not its template's is found by index_check
my $before = overwrite($code_block, 64 + 200, chr(0xA5) x 600);
like($node->safe_psql('postgres', "SELECT problem FROM facesnxt.index_check('face_template')"),
	qr/coarse code of row \(\d+,\d+\) is not that of its template/, 'a damaged code is found');
overwrite($code_block, 64 + 200, $before);
is($node->safe_psql('postgres', "SELECT count(*) FROM facesnxt.index_check('face_template')"), '0', 'and no other');

# an unlogged index starts again, empty, after a crash
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', <<'SQL'), "0\n50\n0", 'an unlogged index is empty after a crash, and usable');
SELECT count(*) FROM draft;
INSERT INTO draft SELECT * FROM face LIMIT 50;
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM draft ORDER BY template OPERATOR(facesnxt.<=>) (SELECT template FROM face LIMIT 1)) s;
SELECT count(*) FROM facesnxt.index_check('draft_template');
SQL
$node->stop;
done_testing();
