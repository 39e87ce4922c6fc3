#!/usr/bin/perl
# Prints the output of a recording: reader.pl DIRECTORY. Messages of errors go to stderr.
#
# An example for whoever writes a reader: made from ../recording-format.md alone, for any perl (perl-base is enough).
# It gives addresses, not names, and does not look for records behind bytes that were lost inside of a file.
use strict;
use warnings;

use constant { VERSION => 4, MAGIC => "STP1", HEADER_SIZE => 32, EVENT_SIZE => 96, PAYLOAD_SIZE_MAX => 262144, CPUS_MAX => 64, CHUNK_SIZE => 1 << 18 };
use constant { PRINT => 1, EVENT => 2, ERROR => 3 };

my $directory = shift // die "usage: reader.pl DIRECTORY\n";
my $manifest = read_manifest("$directory/manifest.json");
integer("protocol_version") == VERSION or die "$directory: this reads only version ", VERSION, "\n";
my $cpus = integer("cpus");
$cpus >= 1 && $cpus <= CPUS_MAX or die "$directory: impossible number of CPUs\n";

binmode STDOUT;
my @streams = grep { advance($_) } map { open_stream($_) } 0 .. $cpus - 1;
while (@streams) {
	# In order of time, then of CPU: the streams are in order of CPU.
	my $next = $streams[0];
	for (@streams) { $next = $_ if $_->{time} < $next->{time} }
	print STDOUT $next->{payload} if $next->{type} == PRINT;
	print STDERR "ERROR: $next->{payload} (CPU $next->{cpu})\n" if $next->{type} == ERROR;
	@streams = grep { $_ != $next } @streams unless advance($next);
}

sub read_manifest {
	my ($path) = @_;
	open my $file, "<:raw", $path or die "$path: $!\n";
	local $/;
	return <$file>;
}

# A number of the manifest's outermost object. Quotes inside of strings have a backslash, so that none is taken for a name.
sub integer {
	my ($name) = @_;
	$manifest =~ /(?<!\\)"$name"\s*:\s*(\d+)/ or die "$directory/manifest.json: there is no $name\n";
	return $1;
}

# A stream: its parts as [OFFSET, path], those still to be read; the bytes in memory, and the stream offset of the first.
sub open_stream {
	my ($cpu) = @_;
	opendir my $listing, $directory or die "$directory: $!\n";
	my @parts = sort { $a->[0] <=> $b->[0] } map { /^cpu$cpu(?:\.([1-9]\d*))?\.data$/ ? [$1 // 0, "$directory/$_"] : () } readdir $listing;
	print STDERR "cpu$cpu.data is missing\n" unless @parts;
	return { cpu => $cpu, parts => \@parts, bytes => "", at => @parts ? $parts[0][0] : 0, time => 0 };
}

# Has `size` bytes in memory, unless the stream ends or has a hole before. How many there are.
sub load {
	my ($stream, $size) = @_;
	my $parts = $stream->{parts};
	while (length $stream->{bytes} < $size && @$parts) {
		my $end = $stream->{at} + length $stream->{bytes};
		my ($offset, $path) = @{ $parts->[0] };
		last if $offset > $end;
		unless ($stream->{file}) {
			open $stream->{file}, "<:raw", $path or die "$path: $!\n";
			seek $stream->{file}, $end - $offset, 0; # what the part before held, too, is read once
		}
		my $got = read $stream->{file}, $stream->{bytes}, CHUNK_SIZE, length $stream->{bytes};
		defined $got or die "$path: $!\n";
		next if $got;
		delete $stream->{file};
		shift @$parts;
	}
	return length $stream->{bytes};
}

sub skip {
	my ($stream, $size) = @_;
	substr $stream->{bytes}, 0, $size, "";
	$stream->{at} += $size;
}

# Payload size, type and time of the record at `place` of the memory; nothing if there is none.
sub header {
	my ($stream, $place) = @_;
	my ($magic, $size, $cpu, $context, $type, $probe, $sequence, $time) = unpack "a4 V v C C V Q< Q<", substr $stream->{bytes}, $place, HEADER_SIZE;
	return if $magic ne MAGIC || $cpu != $stream->{cpu} || $context > 3 || $type < PRINT || $type > ERROR;
	return if $size > PAYLOAD_SIZE_MAX || ($type == EVENT && $size < EVENT_SIZE) || $sequence != $stream->{at} + $place;
	return ($size, $type, $time);
}

# Where a record begins inside of the one of `size` bytes at the begin of the memory, whose size is wrong then.
sub inner {
	my ($stream, $size) = @_;
	for (my $place = HEADER_SIZE - 1; ($place = index $stream->{bytes}, MAGIC, $place + 1) >= 0 && $place < $size;) {
		next if $place % 8 || load($stream, $place + HEADER_SIZE) < $place + HEADER_SIZE;
		return $place if header($stream, $place);
	}
	return 0;
}

# Goes to the next record: its type, payload and time, which is at least that of the one before. False at the end.
sub advance {
	my ($stream) = @_;
	for (;;) {
		skip($stream, -$stream->{at} % 8) if load($stream, 8) >= 8; # a part may begin anywhere, a record only here
		if (load($stream, HEADER_SIZE) < HEADER_SIZE) {
			return 0 unless @{ $stream->{parts} };
			@$stream{qw(bytes at)} = ("", $stream->{parts}[0][0]); # a hole
			next;
		}
		my ($size, $type, $time) = header($stream, 0) or skip($stream, 8), next;
		my $whole = HEADER_SIZE + $size + -$size % 8;
		my $inner = load($stream, $whole + HEADER_SIZE) ? inner($stream, $whole) : 0;
		skip($stream, $inner || 8), next if $inner || length $stream->{bytes} < $whole;
		@$stream{qw(type payload)} = ($type, substr $stream->{bytes}, HEADER_SIZE, $size);
		$stream->{time} = $time if $time > $stream->{time};
		skip($stream, $whole);
		return 1;
	}
}
