#!/usr/bin/perl
# Prints a folder of photographs as rows for COPY ... FROM STDIN (text format):
# person, number of the photograph within the person, file, bytes in hex.
#
#   photo-copy.pl DIRECTORY MOST
#
# Each sub-folder is a person; photographs are taken in the order of their
# names, at most MOST of each person. Without sub-folders each file is a person
# whose name is the file's up to its last underscore.
use strict;
use warnings;

my ($directory, $most) = @ARGV;
die "usage: photo-copy.pl DIRECTORY MOST\n" unless defined $most;
opendir(my $top, $directory) or die "cannot open $directory: $!\n";
my @entries = sort grep { !/^\./ } readdir $top;

sub photographs
{
    my ($folder) = @_;
    opendir(my $handle, $folder) or die "cannot open $folder: $!\n";
    return sort grep { /\.jpe?g$/i } readdir $handle;
}

my %person;
foreach my $entry (@entries)
{
    if (-d "$directory/$entry")
    {
        push @{ $person{$entry} }, map { "$entry/$_" } photographs("$directory/$entry");
    }
    elsif ($entry =~ /^(.*?)(?:_[^_]*)?\.jpe?g$/i)
    {
        push @{ $person{$1} }, $entry;
    }
}

foreach my $name (sort keys %person)
{
    my $number = 0;
    foreach my $file (@{ $person{$name} })
    {
        last if ++$number > $most;
        open(my $photo, '<:raw', "$directory/$file") or die "cannot read $directory/$file: $!\n";
        my $bytes = do { local $/; <$photo> };
        my @columns = ($name, $number, $file);
        s/([\\\t\n\r])/sprintf('\\x%02x', ord $1)/ge foreach @columns;
        print join("\t", @columns, '\\\\x' . unpack('H*', $bytes)), "\n";
    }
}
