# A damaged page and a format from the future are clear errors, whoever meets
# them, and nothing else: no crash, no row, and no page more in the file.
use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('damage');
# a sum of each page, as 18 makes them, would tell of the damage first
$node->init(no_data_checksums => 1);
$node->append_conf('postgresql.conf', "autovacuum = off\n");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION facesnxt;
CREATE TABLE face (id int, template facesnxt.embedding);
INSERT INTO face SELECT i, (SELECT array_agg(sin(i * k * 0.7 + k * k))
	FROM generate_series(1, 64) k)::real[]::facesnxt.embedding FROM generate_series(1, 3100) i;
CREATE TABLE grouped AS SELECT * FROM face;
CREATE INDEX face_template ON face USING facescan (template);
CREATE INDEX grouped_template ON grouped USING facescan (template) WITH (lists = 20);
CREATE UNLOGGED TABLE draft AS SELECT * FROM face WHERE id <= 3000;
CREATE INDEX draft_template ON draft USING facescan (template);
-- what VACUUM has to do in each of the indexes, whenever it can
DELETE FROM face WHERE id > 3000;
DELETE FROM grouped WHERE id > 3000;
CHECKPOINT;
SQL
my %file = map {
	$_ => $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('${_}_template')")
} qw(face grouped);

# Bytes of an index that lie at this place of this block.
sub bytes_at
{
	my ($table, $block, $offset, $length) = @_;
	my $bytes;
	open(my $handle, '<:raw', $file{$table}) or die "cannot open $file{$table}: $!";
	seek($handle, $block * 8192 + $offset, 0);
	read($handle, $bytes, $length);
	close($handle);
	return $bytes;
}

# Writes bytes into a block of the index while the server is down, and leaves it down; returns what was there.
sub overwrite
{
	my ($table, $block, $offset, $bytes) = @_;
	$node->stop if defined $node->{_pid};
	my $before = bytes_at($table, $block, $offset, length $bytes);
	open(my $handle, '+<:raw', $file{$table}) or die "cannot open $file{$table}: $!";
	seek($handle, $block * 8192 + $offset, 0);
	print $handle $bytes;
	close($handle);
	return $before;
}

# What a statement says on a table.
my %statement = (
	'SELECT' => 'SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM %1$s ORDER BY template
		OPERATOR(facesnxt.<=>) (SELECT template FROM %1$s LIMIT 1) LIMIT 5000) s',
	'SELECT of some lists' => 'SET enable_seqscan = off;
		SET facesnxt.target_recall = 0.9; SET facesnxt.mate_similarity = 0.8;
		SELECT id FROM %1$s ORDER BY template OPERATOR(facesnxt.<=>) (SELECT template FROM %1$s LIMIT 1) LIMIT 5',
	'search_many' => 'SELECT * FROM facesnxt.search_many($$%1$s_template$$,
		(SELECT array_agg(template) FROM (SELECT template FROM %1$s LIMIT 3) s), 5000)',
	'INSERT' => 'INSERT INTO %1$s SELECT 0, template FROM %1$s LIMIT 1',
	'VACUUM' => 'VACUUM (INDEX_CLEANUP ON) %1$s',
	'REINDEX' => 'REINDEX INDEX %1$s_template',
	'index_info' => 'SELECT entries FROM facesnxt.index_info($$%1$s_template$$)',
	'index_check' => 'SELECT problem FROM facesnxt.index_check($$%1$s_template$$)');

# Says it; the output, and the errors with all that belongs to them.
sub say_to
{
	my ($name, $table) = @_;
	my ($out, $err) = ('', '');
	$node->start unless defined $node->{_pid};
	$node->psql('postgres', sprintf($statement{$name}, $table),
		stdout => \$out, stderr => \$err, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	return ($out, $err);
}

# Damages a table's index; each statement must give the error and make nothing longer.
sub damaged
{
	my ($what, $table, $block, $offset, $bytes, $error, @statements) = @_;
	my $before = overwrite($table, $block, $offset, $bytes);
	my $size = -s $file{$table};
	foreach my $name (@statements)
	{
		my ($out, $err) = say_to($name, $table);
		like($err, $error, "$what is told by $name");
		is($out, '', '... and nothing returned');
		like($err, qr/HINT:  REINDEX/, '... with what to do');
	}
	overwrite($table, $block, $offset, $before);
	is(-s $file{$table}, $size, "$what: the file has not grown");
	return;
}

# a code page that has room, so that an INSERT comes there: by its head (kind, page_id, list, used, free)
sub page_with_room
{
	my ($table) = @_;
	my @codes;
	foreach my $block (2 .. (-s $file{$table}) / 8192 - 1)
	{
		my ($kind, $id, $list, $used) = unpack('SSLSS', bytes_at($table, $block, 24, 12));
		push @codes, [ $used, $block ] if $kind == 4 && $id == 0xFA5C && $list == 0;
	}
	my @least = sort { $a->[0] <=> $b->[0] } grep { $_->[0] > 0 } @codes;
	die 'no code page' unless @least;
	return $least[0][1];
}
my $code_block = page_with_room('face');
my $unexpected = qr/ERROR:  XX002: index "face_template" has an unexpected page at block/;
my $in_directory = qr/ERROR:  XX002: index "face_template" is damaged at block 1\b/;
my $in_code = qr/ERROR:  XX002: index "face_template" is damaged at block $code_block\b/;
my @all = qw(SELECT search_many INSERT VACUUM index_info index_check);
my $extents = unpack('L', bytes_at('face', 0, 140, 4));
cmp_ok($extents, '>=', 3, 'a directory of several extents');
is(unpack('L', bytes_at('face', 1, 24, 4)), $extents, '... which the meta page counts as well');

# the meta page: magic, version, metric
damaged('a meta page of a newer version', 'face', 0, 28, pack('L', 99),
	qr/ERROR:  0A000: index "face_template" has format version 99/, @all);
damaged('a meta page of something else', 'face', 0, 24, pack('L', 1),
	qr/ERROR:  XX002: index "face_template" is not a facescan index/, @all);
damaged('a meta page with impossible numbers', 'face', 0, 34, pack('C', 77),
	qr/ERROR:  XX002: meta page of index "face_template" is damaged/, @all);
damaged('a meta page that counts more extents', 'face', 0, 140, pack('L', $extents + 1),
	qr/ERROR:  XX002: index "face_template" is damaged/, @all);

# the directory: its kind, its count, and the second of its extents (start, list, pages, room)
damaged('a directory page of another kind', 'face', 1, 8192 - 4, pack('S', 2), $unexpected, @all);
damaged('a directory without an extent', 'face', 1, 24, pack('L', 0), $in_directory, @all);
damaged('a directory of too many extents', 'face', 1, 24, pack('L', 4_000_000_000), $in_directory, @all);
damaged('a directory that ends early', 'face', 1, 24, pack('L', $extents - 1),
	qr/ERROR:  XX002: index "face_template" is damaged/, @all);
damaged('an extent of an impossible list', 'face', 1, 32 + 12 + 4, pack('L', 7), $in_directory, @all);
damaged('an extent without pages', 'face', 1, 32 + 12 + 8, pack('S', 0), $in_directory, @all);
damaged('an extent of too many pages', 'face', 1, 32 + 12 + 8, pack('S', 65535), $in_directory, @all);
damaged('an extent behind the end', 'face', 1, 32 + 12, pack('L', 1_000_000), $in_directory, @all);
damaged('an extent that is nowhere', 'face', 1, 32 + 12, pack('L', 0xFFFFFFFF), $in_directory, @all);

# a code page: its kind, and how many slots are used and free
damaged('a code page of another kind', 'face', $code_block, 24, pack('S', 5), $unexpected,
	qw(SELECT search_many INSERT VACUUM));
foreach my $counts ([ '65,535 entries', 65535, 0 ], [ '5,000 entries', 5000, 0 ],
	[ 'more free slots than used', 10, 11 ])
{
	my ($what, @counts) = @$counts;
	damaged("a code page of $what", 'face', $code_block, 32, pack('SS', @counts), $in_code,
		qw(SELECT search_many INSERT VACUUM index_info));
}
my $before = overwrite('face', $code_block, 32, pack('S', 65535));
like((say_to('index_check', 'face'))[0], qr/65535 slots are in use of \d+/, 'index_check tells of such entries');
overwrite('face', $code_block, 32, $before);

is((say_to('SELECT', 'face'))[0], '3000', 'whole again, it finds all');
is(join('', say_to('VACUUM', 'face'), say_to('index_check', 'face')), '', '... and can be vacuumed');
is((say_to('index_info', 'face'))[0], '3000', '... down to what it holds');

# with lists: axes and centres, and how many lists are needed (their places are in the meta page)
my ($centre, $clusters, $calibration) = unpack('LLL', bytes_at('grouped', 0, 120, 12));
my $kind = 8192 - 4;
isnt(unpack('L', bytes_at('grouped', $clusters, 8192 - 8, 4)), 0xFFFFFFFF, 'the lists are a chain of pages');
damaged('a page of the centre', 'grouped', $centre, $kind, pack('S', 3),
	qr/XX002: index "grouped_template" has an unexpected page at block $centre\b/, @all);
damaged('a page of the lists', 'grouped', $clusters, $kind, pack('S', 6),
	qr/XX002: index "grouped_template" has an unexpected page at block $clusters\b/, 'SELECT of some lists', 'INSERT');
damaged('a chain of the lists that ends early', 'grouped', $clusters, 8192 - 8, pack('L', 0xFFFFFFFF),
	qr/XX002: index "grouped_template" is damaged at block/, 'SELECT of some lists', 'INSERT');
damaged('the calibration', 'grouped', $calibration, $kind, pack('S', 4),
	qr/XX002: index "grouped_template" has an unexpected page at block $calibration\b/,
	'SELECT of some lists', 'index_info');
damaged('a meta page of lists without axes', 'grouped', 0, 54, pack('S', 0),
	qr/XX002: meta page of index "grouped_template" is damaged/, @all);
damaged('an extent of a list too many', 'grouped', 1, 32 + 12 + 4, pack('L', 20),
	qr/XX002: index "grouped_template" is damaged at block 1\b/, @all);
my $list_block = page_with_room('grouped');
damaged('a code page of a list', 'grouped', $list_block, 32, pack('S', 65535),
	qr/XX002: index "grouped_template" is damaged at block $list_block\b/,
	qw(SELECT search_many VACUUM index_info));
is((say_to('SELECT', 'grouped'))[0], '3000', 'whole again, it finds all');
is(join('', say_to('VACUUM', 'grouped'), say_to('index_check', 'grouped')), '', '... and can be vacuumed');

# what a row's entry says, and whose entry it is, is found by index_check: blocks of each kind by their heads
sub block_of_kind
{
	my ($table, $kind) = @_;
	foreach my $block (2 .. (-s $file{$table}) / 8192 - 1)
	{
		return $block if unpack('SS', bytes_at($table, $block, 24, 4)) == $kind
			&& unpack('x2 S', bytes_at($table, $block, 24, 4)) == 0xFA5C;
	}
	die "no page of kind $kind";
}
my ($middle_block, $fine_block) = map { block_of_kind('face', $_) } (5, 6);
# of a code page: 496 codes of 8 bytes, scales, heap pointers; of a middle page: factors; of a fine page: 369 codes of
# 16 bytes, scales
my ($scales, $pointers, $factors, $fine_scales) = (64 + 496 * 8, 64 + 496 * 10, 36, 64 + 369 * 16);
foreach my $case (
	[ 'a coarse code', $code_block, 64 + 200, chr(0xA5) x 600, qr/coarse code of row \(\d+,\d+\) is not that of its template/ ],
	[ 'a scale that no search finds', $code_block, $scales, pack('S', 0x7fc0), qr/scale of the coarse code of row/ ],
	[ 'a middle code', $middle_block, 2048, chr(0xA5) x 600, qr/middle code of row/ ],
	[ 'a factor of a middle code', $middle_block, $factors, pack('S', 0), qr/scale of the middle code of row/ ],
	[ 'a fine code', $fine_block, 64 + 160, chr(0xA5) x 600, qr/fine code of row/ ],
	[ 'a scale of a fine code', $fine_block, $fine_scales, pack('f', 0), qr/scale of the fine code of row/ ],
	[ 'a middle page of another kind', $middle_block, 24, pack('S', 77), qr/^page is not of kind 5$/ ],
	[ 'a fine page of another kind', $fine_block, 24, pack('S', 77), qr/^page is not of kind 6$/ ],
	[ 'a pointer beyond the table', $code_block, $pointers, pack('SSS', 0, 50001, 1), qr/entry of row \(50001,1\) has no row/ ],
	[ 'a pointer to no row', $code_block, $pointers, pack('SSS', 0, 0, 290), qr/entry of row \(0,290\) has no row/ ])
{
	my ($what, $block, $offset, $bytes, $problem) = @$case;
	my $was = overwrite('face', $block, $offset, $bytes);
	like((say_to('index_check', 'face'))[0], $problem, "$what: index_check tells of it");
	overwrite('face', $block, $offset, $was);
}
damaged('a pointer beyond the table', 'face', $code_block, $pointers, pack('SSS', 0, 50001, 1), $in_code,
	qw(SELECT search_many));
is(join('', say_to('index_check', 'face')), '', 'and nothing else is wrong');

# centres that are others than when the rows came into their lists
my ($page, $next) = ($clusters, $clusters);
($page, $next) = ($next, unpack('L', bytes_at('grouped', $next, 8192 - 8, 4))) while $next != 0xFFFFFFFF;
$before = overwrite('grouped', $page, 24, pack('f', 0) x 1000);
like((say_to('index_check', 'grouped'))[0], qr/row \(\d+,\d+\) is in list \d+, but list \d+ is nearer/,
	'index_check tells of rows in a list that is not theirs');
overwrite('grouped', $page, 24, $before);
is(join('', say_to('index_check', 'grouped')), '', '... and of no others');

# an index from before a VACUUM: entries of rows that are not there any more
$node->start unless defined $node->{_pid};
$node->safe_psql('postgres', 'DELETE FROM grouped WHERE id % 3 = 0; CHECKPOINT');
$node->stop;
my $earlier = slurp_file($file{grouped});
say_to('VACUUM', 'grouped');
$node->stop;
overwrite('grouped', 0, 0, $earlier);
like((say_to('index_check', 'grouped'))[0], qr/entry of row \(\d+,\d+\) has no row/,
	'index_check tells of entries whose rows VACUUM has removed');
say_to('REINDEX', 'grouped');
is(join('', say_to('index_check', 'grouped')), '', '... which REINDEX mends');

# the same of a partial index, where rows that it is not for have come into their places
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE part AS SELECT id, template, id % 10 AS n FROM face WHERE id <= 1000;
CREATE INDEX part_template ON part USING facescan (template) WHERE n < 5;
DELETE FROM part WHERE n = 3;
CHECKPOINT;
SQL
$file{part} = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('part_template')");
$node->stop;
$earlier = slurp_file($file{part});
say_to('VACUUM', 'part');
$node->safe_psql('postgres', 'INSERT INTO part SELECT id, template, 9 FROM face WHERE id <= 100');
is(join('', say_to('index_check', 'part')), '', 'rows that a partial index is not for are no problem');
overwrite('part', 0, 0, $earlier);
like((say_to('index_check', 'part'))[0], qr/row \(\d+,\d+\) is not for this index/,
	'index_check tells of entries of rows that a partial index is not for');

# an unlogged index starts again, empty, after a crash
$node->stop('immediate');
$node->start;
is($node->safe_psql('postgres', <<'SQL'), "0\n50\n0", 'an unlogged index is empty after a crash, and usable');
SELECT count(*) FROM draft;
INSERT INTO draft SELECT * FROM face LIMIT 50;
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM draft
	ORDER BY template OPERATOR(facesnxt.<=>) (SELECT template FROM face LIMIT 1)) s;
SELECT count(*) FROM facesnxt.index_check('draft_template');
SQL
$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|was terminated by signal|invalid memory alloc|TRAP:/, 'no process died');
done_testing();
