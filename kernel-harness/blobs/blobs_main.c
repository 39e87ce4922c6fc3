// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Lookups in BTF blobs and ELF files under sanitizers: requests on stdin, a line for each on stdout.
 * Each blob has an allocation of its own size, so that a byte behind it is seen.
 * Must never: judge what is found; that is the test's. It looks whether a lookup in a damaged blob returns what it may.
 * Sibling: properties/blobs.test.ts
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../runtime-c/port/kernel/btf.h"
#include "../../runtime-c/port/kernel/elf.h"
#include <stp/protocol.gen.h>

#define FINDS_TIMED 20

/* Then the blob and two texts, each with a NUL that its size counts; an ELF request has no second one. */
struct request {
	u32 what; /* a letter */
	u32 blob_size;
	u32 first_size;
	u32 second_size;
	u32 at_once; /* bytes that one call of the ELF reader gives; 0: all */
};

struct blob {
	const u8 *bytes;
	u32 size;
	u32 at_once;
};

static void need(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "wrong: %s\n", what);
	abort();
}

static u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (u64)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void *take(u32 size)
{
	void *bytes = malloc(size);

	need(bytes && fread(bytes, 1, size, stdin) == size, "the request is cut off");
	return bytes;
}

static long read_blob(void *file, void *to, u32 size, u64 at)
{
	const struct blob *blob = file;

	need(!(at >> 63), "a file offset beyond s64");
	if (at >= blob->size)
		return 0;
	if (size > blob->size - at)
		size = blob->size - at;
	if (blob->at_once && size > blob->at_once)
		size = blob->at_once;
	memcpy(to, blob->bytes + at, size);
	return size;
}

static int check(int result)
{
	need(!result || result == -STP_ENOENT || result == -STP_EINVAL, "an error that there is not");
	return result;
}

static int open_btf(struct stp_btf *btf, const struct blob *blob, u32 **index)
{
	u32 size = stp_btf_index_size(blob->bytes, blob->size);

	*index = malloc(size);
	return check(stp_btf_open(btf, blob->bytes, blob->size, *index, size));
}

static void print_name(void *to, const char *name)
{
	if (to)
		printf(" %s", name);
	else
		need(strlen(name) > 0, "a member has a name");
}

static void find_btf(const struct blob *blob, const char *type, const char *member)
{
	struct stp_btf_member found = { 0 };
	struct stp_btf btf;
	u32 *index;
	int result = open_btf(&btf, blob, &index);

	if (!result)
		result = check(stp_btf_find(&btf, type, member, &found));
	printf("%d %llu %u %u %d %d %d\n", result, found.bit_offset, found.size, found.bits, found.is_signed, found.is_string, found.is_pointer);
	free(index);
}

static void list_btf(const struct blob *blob, const char *type)
{
	struct stp_btf btf;
	u32 *index;
	int result = open_btf(&btf, blob, &index);

	if (!result)
		result = check(stp_btf_members(&btf, type, print_name, &btf));
	printf(" %d\n", result);
	free(index);
}

static void time_btf(const struct blob *blob, const char *type, const char *member)
{
	struct stp_btf_member found;
	u64 begin = now_ns(), opened;
	struct stp_btf btf;
	u32 *index, i;

	need(!open_btf(&btf, blob, &index), "it opens");
	opened = now_ns();
	for (i = 0; i < FINDS_TIMED; i++)
		need(!stp_btf_find(&btf, type, member, &found), "it is there");
	printf("%u %llu %llu\n", btf.count, opened - begin, (now_ns() - opened) / FINDS_TIMED);
	free(index);
}

static int find_elf(const struct blob *blob, const char *name, u64 *offset)
{
	*offset = 0;
	return check(stp_elf_symbol(read_blob, (void *)blob, name, offset));
}

/* One lookup of each sort in a blob that may be damaged. */
static void try(const struct blob *blob, u32 what, const char *first, const char *second)
{
	struct stp_btf_member found;
	struct stp_btf btf;
	u64 offset;
	u32 *index;

	if (what == 'E') {
		find_elf(blob, first, &offset);
		return;
	}
	if (!open_btf(&btf, blob, &index)) {
		check(stp_btf_find(&btf, first, second, &found));
		check(stp_btf_members(&btf, first, print_name, NULL));
	}
	free(index);
}

/* Every truncation; each bit alone, and all of each byte, turned over. */
static void damage(const struct blob *blob, u32 what, const char *first, const char *second)
{
	struct blob cut = *blob;
	u32 size, i, bit, tries = 0;
	u8 *bytes;

	for (size = 0; size < blob->size; size++, tries++) {
		bytes = malloc(size);
		memcpy(bytes, blob->bytes, size);
		cut.bytes = bytes;
		cut.size = size;
		try(&cut, what, first, second);
		free(bytes);
	}
	bytes = malloc(blob->size);
	memcpy(bytes, blob->bytes, blob->size);
	cut.bytes = bytes;
	cut.size = blob->size;
	for (i = 0; i < blob->size; i++) {
		for (bit = 0; bit <= 8; bit++, tries++) {
			bytes[i] ^= bit < 8 ? 1 << bit : 0xff;
			try(&cut, what, first, second);
			bytes[i] = blob->bytes[i];
		}
	}
	free(bytes);
	printf("%u\n", tries);
}

int main(void)
{
	struct request request;

	while (fread(&request, sizeof(request), 1, stdin) == 1) {
		struct blob blob = { take(request.blob_size), request.blob_size, request.at_once };
		char *first = take(request.first_size), *second = take(request.second_size);
		u64 offset;
		int result;

		switch (request.what) {
		case 'f':
			find_btf(&blob, first, second);
			break;
		case 'l':
			list_btf(&blob, first);
			break;
		case 't':
			time_btf(&blob, first, second);
			break;
		case 'e':
			result = find_elf(&blob, first, &offset);
			printf("%d %llu\n", result, offset);
			break;
		case 'B':
		case 'E':
			damage(&blob, request.what, first, second);
			break;
		default:
			need(false, "there is no such request");
		}
		free((void *)blob.bytes);
		free(first);
		free(second);
	}
	return 0;
}
