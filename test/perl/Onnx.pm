# Onnx: small ONNX files made on the spot, for tests of what cannot be had:
# recognisers of a given template size and amount of work.
package Onnx;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(recogniser_onnx);

sub varint
{
	my ($n) = @_;
	my $bytes = '';
	while ($n > 0x7f)
	{
		$bytes .= chr(($n & 0x7f) | 0x80);
		$n >>= 7;
	}
	return $bytes . chr($n);
}

# Fields of a message by their numbers: a length-delimited one, and a number.
sub field { return varint($_[0] << 3 | 2) . varint(length $_[1]) . $_[1]; }
sub number { return varint($_[0] << 3) . varint($_[1]); }

sub attribute
{
	my ($name, $value) = @_;
	return field(5, ref $value
		? field(1, $name) . join('', map { number(8, $_) } @$value) . number(20, 7)
		: field(1, $name) . number(3, $value) . number(20, 2));
}

sub node
{
	my ($type, $inputs, $output, %attributes) = @_;
	return field(1, join('', map { field(1, $_) } @$inputs) . field(2, $output) . field(4, $type)
			. join('', map { attribute($_, $attributes{$_}) } sort keys %attributes));
}

# Weights that repeat themselves and sum up to about nothing.
sub tensor
{
	my ($name, @dims) = @_;
	my $count = 1;
	$count *= $_ foreach @dims;
	my $once = pack('f<*', map { (($_ * 7919) % 1009 - 504) / 5040 } 1 .. 997);
	my $raw = substr($once x (1 + int($count / 997)), 0, 4 * $count);
	return field(5, join('', map { number(1, $_) } @dims) . number(2, 1) . field(8, $name) . field(9, $raw));
}

sub picture
{
	my ($number, $name, @dims) = @_;
	return field($number, field(1, $name) . field(2, field(1,
				number(1, 1) . field(2, join('', map { field(1, number(1, $_)) } @dims)))));
}

# A recogniser of 112 x 112 faces: two 3 x 3 convolutions over `channels`, the
# mean of each channel, and templates of `dimension` numbers.
sub recogniser_onnx
{
	my ($dimension, $channels) = @_;
	my $graph = node('Conv', [ 'face', 'w1' ], 'a', kernel_shape => [ 3, 3 ], pads => [ 1, 1, 1, 1 ])
		. node('Conv', [ 'a', 'w2' ], 'b', kernel_shape => [ 3, 3 ], pads => [ 1, 1, 1, 1 ])
		. node('GlobalAveragePool', ['b'], 'c') . node('Flatten', ['c'], 'd', axis => 1)
		. node('Gemm', [ 'd', 'w3' ], 'template', transB => 1)
		. field(2, 'recogniser')
		. tensor('w1', $channels, 3, 3, 3) . tensor('w2', $channels, $channels, 3, 3) . tensor('w3', $dimension, $channels)
		. picture(11, 'face', 1, 3, 112, 112) . picture(12, 'template', 1, $dimension);
	return number(1, 7) . field(8, field(1, '') . number(2, 12)) . field(7, $graph);
}

1;
