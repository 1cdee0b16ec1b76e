# Rows.pm - templates that follow from a number, for the tests of the index.
package Facesnxt::Rows;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(create_row_of);

# Makes the extension, and row_of(i), a template of so many dimensions unless the call names others.
sub create_row_of
{
	my ($node, $dim) = @_;

	$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION facesnxt;
CREATE FUNCTION row_of(i int, dim int DEFAULT $dim) RETURNS facesnxt.embedding LANGUAGE sql IMMUTABLE PARALLEL SAFE AS \$\$
	SELECT array_agg(sin(i * 12.9898 + k * 78.233 + sin(i * 3.7 * k)))::real[]::facesnxt.embedding
	FROM generate_series(1, dim) k
\$\$;
SQL
	return;
}

1;
