/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * One CPU's stream of bytes in a recording directory, in parts: cpuN.data from offset 0, cpuN.OFFSET.data from OFFSET on.
 * Where the files end is where a later stpd goes on: nothing else is kept of that.
 */
#ifndef STPD_STREAM_H
#define STPD_STREAM_H

#include "stpd.h"

struct stream {
	int folder; /* the recording */
	int cpu;
	int file;	/* of the last part, -1: there is none yet */
	uint64_t begin; /* offset of the last part */
	uint64_t end;	/* offset of the next byte */
	int error;	/* errno of a write; nothing is written after it */
	uint64_t part_size; /* bytes, 0: parts have no end */
	unsigned int parts_max; /* 0: all are kept */
	unsigned int parts;	/* in kept[] */
	uint64_t *kept; /* offsets of parts, oldest first; if parts_max */
};

/**
 * stream_open() - Find where the stream ends on disk.
 * @begins: It begins at offset 0 if there is nothing of it yet; else with the first bytes, whatever their offset.
 *
 * Return: 0, or -1 with errno.
 */
int stream_open(struct stream *stream, int folder, int cpu, bool begins, const struct options *options);

/**
 * stream_accept() - Take @size bytes from @offset on.
 *
 * What is there already is not written twice. A hole begins a new part.
 *
 * Return: 0, or -1: @error tells why. What could be written stays.
 */
int stream_accept(struct stream *stream, uint64_t offset, const char *bytes, size_t size);

/* Makes a part, if there is none: a recording has a file for each CPU. */
int stream_touch(struct stream *stream, uint64_t offset);
void stream_close(struct stream *stream);

#endif
