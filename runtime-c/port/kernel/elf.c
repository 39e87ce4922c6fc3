// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Functions in ELF files, of 32 and 64 bits.
 * Must never: believe an offset, an index or a count of the file, hold more than a few entries of it, go on reading without end.
 */
#include <stp/port.h>
#include <stp/protocol.gen.h>
#include <stp/wire.h>

#include "elf.h"

#define SECTIONS_MAX 4096 /* of a file */
#define SEGMENTS_MAX 128 /* of a file */
#define SYMBOLS_MAX (1u << 22) /* of a table */
#define NAME_MAX_SIZE 4096 /* bytes of a function's name, with its NUL */
#define SYMBOLS_AT_ONCE 4 /* read in one piece */
#define NAME_AT_ONCE 24 /* bytes, likewise */
#define FILE_OFFSET_MAX (~0ull >> 1) /* bytes */

#define HEADER_SIZE_MAX 64 /* bytes of the file's header; no smaller than any entry but for symbols */
#define SYMBOL_SIZE_MAX 24 /* bytes */

/* In both classes alike. */
#define HEADER_IDENT_SIZE 16 /* bytes */
#define HEADER_CLASS 4
#define HEADER_ORDER 5
#define HEADER_VERSION 6
#define HEADER_TYPE 16
#define SECTION_TYPE 4
#define SEGMENT_TYPE 0
#define SYMBOL_NAME 0

#define CLASS_32 1
#define CLASS_64 2
#define ORDER_LITTLE 1
#define ORDER_BIG 2
#define ORDER_OWN (STP_BIG_ENDIAN ? ORDER_BIG : ORDER_LITTLE) /* no other file is run here */
#define VERSION 1
#define TYPE_EXECUTABLE 2
#define TYPE_LIBRARY 3 /* or an executable that may lie anywhere */
#define SECTION_SYMTAB 2
#define SECTION_STRTAB 3
#define SECTION_DYNSYM 11
#define SEGMENT_LOAD 1
#define SYMBOL_UNDEFINED 0
#define SYMBOL_RESERVED 0xff00 /* sections from here on are none */
#define SYMBOL_FAR 0xffff /* but this: its number did not fit */
#define SYMBOL_KIND(info) ((info) & 0xf)
#define SYMBOL_BINDING(info) ((info) >> 4)
#define KIND_FUNCTION 2
#define BINDING_LOCAL 0

/* Where things are in a class: all in bytes. Counts of the header have 2 bytes, addresses, sizes and offsets @word. */
struct layout {
	u8 word;
	u8 header_size, segments, sections, segment_entry, segment_count, section_entry, section_count;
	u8 segment_size, segment_offset, segment_address, segment_in_file;
	u8 section_size, section_offset, section_length, section_link, section_each;
	u8 symbol_size, symbol_info, symbol_section, symbol_value;
};

static const struct layout layout_32 = {
	.word = 4,
	.header_size = 52, .segments = 28, .sections = 32, .segment_entry = 42, .segment_count = 44, .section_entry = 46, .section_count = 48,
	.segment_size = 32, .segment_offset = 4, .segment_address = 8, .segment_in_file = 16,
	.section_size = 40, .section_offset = 16, .section_length = 20, .section_link = 24, .section_each = 36,
	.symbol_size = 16, .symbol_info = 12, .symbol_section = 14, .symbol_value = 4,
};

static const struct layout layout_64 = {
	.word = 8,
	.header_size = 64, .segments = 32, .sections = 40, .segment_entry = 54, .segment_count = 56, .section_entry = 58, .section_count = 60,
	.segment_size = 56, .segment_offset = 8, .segment_address = 16, .segment_in_file = 32,
	.section_size = 64, .section_offset = 24, .section_length = 32, .section_link = 40, .section_each = 56,
	.symbol_size = 24, .symbol_info = 4, .symbol_section = 6, .symbol_value = 8,
};

struct elf {
	stp_elf_read_fn read;
	void *file;
	const struct layout *at;
	u64 segments, sections; /* offsets of their tables */
	u32 segment_count, section_count;
};

/* A part of the file. */
struct part {
	u64 offset, size;
	u32 link; /* number of the section that it refers to */
	u32 each; /* bytes of an entry */
};

/* Wherever it lies. */
static STP_NOINLINE u64 number(const u8 *bytes, u32 size)
{
	u64 value = 0;
	u32 i;

	for (i = 0; i < size; i++)
		value = value << 8 | bytes[STP_BIG_ENDIAN ? i : size - 1 - i];
	return value;
}

static bool read_all(const struct elf *elf, void *to, u32 size, u64 at)
{
	u8 *next = to;
	long got;

	if (at > FILE_OFFSET_MAX - size)
		return false;
	while (size) {
		got = elf->read(elf->file, next, size, at);
		if (got <= 0 || got > (long)size)
			return false;
		next += got;
		at += got;
		size -= got;
	}
	return true;
}

/* STP_NOINLINE, here and below: what is read does not lie on the stack while more is read, but where it must. */
static STP_NOINLINE int open_file(struct elf *elf)
{
	u8 header[HEADER_SIZE_MAX];
	const struct layout *at;
	u32 type;

	if (!read_all(elf, header, HEADER_IDENT_SIZE, 0) || memcmp(header, "\177ELF", 4))
		return -STP_EINVAL;
	if (header[HEADER_ORDER] != ORDER_OWN || header[HEADER_VERSION] != VERSION)
		return -STP_EINVAL;
	if (header[HEADER_CLASS] != CLASS_32 && header[HEADER_CLASS] != CLASS_64)
		return -STP_EINVAL;
	at = elf->at = header[HEADER_CLASS] == CLASS_64 ? &layout_64 : &layout_32;
	if (!read_all(elf, header, at->header_size, 0))
		return -STP_EINVAL;
	type = number(header + HEADER_TYPE, 2);
	if (type != TYPE_EXECUTABLE && type != TYPE_LIBRARY)
		return -STP_EINVAL;
	elf->segments = number(header + at->segments, at->word);
	elf->sections = number(header + at->sections, at->word);
	elf->segment_count = number(header + at->segment_count, 2);
	elf->section_count = number(header + at->section_count, 2);
	if (!elf->sections)
		return -STP_ENOENT; /* stripped of all */
	/* Without a count there are more than 0xff00, as with 0xffff segments; both are beyond our limits. */
	if (!elf->section_count || elf->section_count > SECTIONS_MAX || elf->segment_count > SEGMENTS_MAX)
		return -STP_EINVAL;
	if (number(header + at->section_entry, 2) != at->section_size || number(header + at->segment_entry, 2) != at->segment_size)
		return -STP_EINVAL;
	return elf->sections > FILE_OFFSET_MAX || elf->segments > FILE_OFFSET_MAX ? -STP_EINVAL : 0;
}

/* Reads the header of section @n, below section_count; gives its type, negative on failure. */
static STP_NOINLINE s64 read_section(const struct elf *elf, u32 n, struct part *part)
{
	const struct layout *at = elf->at;
	u8 section[HEADER_SIZE_MAX];

	if (!read_all(elf, section, at->section_size, elf->sections + (u64)n * at->section_size))
		return -STP_EINVAL;
	part->offset = number(section + at->section_offset, at->word);
	part->size = number(section + at->section_length, at->word);
	part->link = number(section + at->section_link, 4);
	part->each = number(section + at->section_each, at->word);
	return number(section + SECTION_TYPE, 4);
}

static bool is_in_a_file(const struct part *part)
{
	return part->offset <= FILE_OFFSET_MAX && part->size <= FILE_OFFSET_MAX - part->offset;
}

/* The first section of @type, a table of whole symbols, and the strings that it refers to. */
static STP_NOINLINE int find_table(const struct elf *elf, u32 type, struct part *symbols, struct part *strings)
{
	s64 got;
	u64 count;
	u32 n;

	for (n = 0; n < elf->section_count; n++) {
		got = read_section(elf, n, symbols);
		if (got < 0)
			return -STP_EINVAL;
		if (got == type)
			break;
	}
	if (n == elf->section_count)
		return -STP_ENOENT;
	count = symbols->size;
	if (symbols->each != elf->at->symbol_size || !is_in_a_file(symbols) || stp_divide(&count, symbols->each) || count > SYMBOLS_MAX)
		return -STP_EINVAL;
	if (symbols->link >= elf->section_count || read_section(elf, symbols->link, strings) != SECTION_STRTAB || !is_in_a_file(strings))
		return -STP_EINVAL;
	return 0;
}

/* Whether @size bytes, up to a NUL, are what stands at @at of the strings: 1, 0 or -STP_EINVAL. */
static STP_NOINLINE int is_named(const struct elf *elf, const struct part *strings, u32 at, const char *name, u32 size)
{
	char text[NAME_AT_ONCE];
	u32 done, piece;

	if (at >= strings->size)
		return -STP_EINVAL;
	if (size > strings->size - at)
		return 0;
	for (done = 0; done < size; done += piece) {
		piece = size - done < NAME_AT_ONCE ? size - done : NAME_AT_ONCE;
		if (!read_all(elf, text, piece, strings->offset + at + done))
			return -STP_EINVAL;
		if (memcmp(text, name + done, piece))
			return 0;
	}
	return 1;
}

static STP_NOINLINE bool is_function(const struct layout *at, const u8 *symbol)
{
	u32 section = number(symbol + at->symbol_section, 2);

	if (SYMBOL_KIND(symbol[at->symbol_info]) != KIND_FUNCTION || section == SYMBOL_UNDEFINED)
		return false;
	return section < SYMBOL_RESERVED || section == SYMBOL_FAR;
}

/* The function's address, from one table. */
static STP_NOINLINE int find_symbol(const struct elf *elf, u32 type, const char *name, u32 name_size, u64 *address)
{
	u8 chunk[SYMBOLS_AT_ONCE * SYMBOL_SIZE_MAX];
	const u8 *symbol, *end = chunk;
	struct part symbols, strings;
	bool found = false, local;
	int same, error;
	u32 piece;

	error = find_table(elf, type, &symbols, &strings);
	for (symbol = end; !error; symbol += symbols.each) {
		if (symbol == end) {
			piece = symbols.size < SYMBOLS_AT_ONCE * symbols.each ? symbols.size : SYMBOLS_AT_ONCE * symbols.each;
			if (piece < symbols.each)
				return found ? 0 : -STP_ENOENT;
			if (!read_all(elf, chunk, piece, symbols.offset))
				return -STP_EINVAL;
			symbols.offset += piece;
			symbols.size -= piece;
			symbol = chunk;
			end = chunk + piece;
		}
		local = SYMBOL_BINDING(symbol[elf->at->symbol_info]) == BINDING_LOCAL;
		if ((local && found) || !is_function(elf->at, symbol))
			continue;
		same = is_named(elf, &strings, number(symbol + SYMBOL_NAME, 4), name, name_size);
		if (same < 0)
			return same;
		if (!same)
			continue;
		*address = number(symbol + elf->at->symbol_value, elf->at->word);
		if (!local)
			return 0;
		found = true;
	}
	return error;
}

static STP_NOINLINE int find_offset(const struct elf *elf, u64 address, u64 *offset)
{
	const struct layout *at = elf->at;
	u8 segment[HEADER_SIZE_MAX];
	u64 start, from;
	u32 n;

	for (n = 0; n < elf->segment_count; n++) {
		if (!read_all(elf, segment, at->segment_size, elf->segments + (u64)n * at->segment_size))
			return -STP_EINVAL;
		start = number(segment + at->segment_address, at->word);
		if (number(segment + SEGMENT_TYPE, 4) != SEGMENT_LOAD || address < start)
			continue;
		if (address - start >= number(segment + at->segment_in_file, at->word))
			continue;
		from = number(segment + at->segment_offset, at->word);
		if (from > FILE_OFFSET_MAX || address - start > FILE_OFFSET_MAX - from)
			return -STP_EINVAL;
		*offset = from + (address - start);
		return 0;
	}
	return -STP_ENOENT; /* the code is in another file: this one is for debuggers */
}

int stp_elf_symbol(stp_elf_read_fn read, void *file, const char *name, u64 *offset)
{
	struct elf elf = { .read = read, .file = file };
	u32 size = strnlen(name, NAME_MAX_SIZE) + 1;
	u64 address = 0;
	int error;

	error = open_file(&elf);
	if (error)
		return error;
	if (size == 1 || size > NAME_MAX_SIZE)
		return -STP_ENOENT;
	error = find_symbol(&elf, SECTION_SYMTAB, name, size, &address);
	if (error == -STP_ENOENT)
		error = find_symbol(&elf, SECTION_DYNSYM, name, size, &address);
	return error ? error : find_offset(&elf, address, offset);
}
