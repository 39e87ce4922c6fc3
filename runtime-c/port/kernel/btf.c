// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Members of structures in a BTF blob.
 * Must never: believe an offset, an id or a count of the blob, look at a byte outside of it, go round in what refers to itself.
 */
#include <stp/port.h>
#include <stp/protocol.gen.h>

#include "btf.h"

#define CHAIN_MAX 64 /* typedefs, qualifiers and dimensions of one type */
#define ANONYMOUS_MAX 16 /* anonymous structures in each other, with the outermost */

/* Its header: u16 magic, u8 version, u8 flags, then words; the sections' offsets count from the header's end. */
#define MAGIC 0xeb9f /* in the byte order of who wrote it: another one's is 0x9feb */
#define VERSION 1
#define HEADER_SIZE 24 /* bytes, at least */
#define HEADER_LENGTH 4
#define HEADER_TYPES 8
#define HEADER_TYPES_SIZE 12
#define HEADER_STRINGS 16
#define HEADER_STRINGS_SIZE 20

/* A type: words for its name, for kind, flag and count of items, and for its size or the type that it refers to; then its body. */
#define TYPE_SIZE 12 /* bytes */
#define TYPE_INFO 4
#define TYPE_REFERENCE 8
#define INFO_COUNT 0xffffu
#define INFO_UNUSED 0x60ff0000u
#define INFO_KIND(info) ((info) >> 24 & 0x1f)
#define INFO_FLAG(info) ((info) >> 31)

enum kind {
	KIND_INT = 1,
	KIND_POINTER,
	KIND_ARRAY,
	KIND_STRUCT,
	KIND_UNION,
	KIND_ENUM,
	KIND_FORWARD,
	KIND_TYPEDEF,
	KIND_VOLATILE,
	KIND_CONST,
	KIND_RESTRICT,
	KIND_FUNCTION,
	KIND_PROTOTYPE,
	KIND_VARIABLE,
	KIND_SECTION,
	KIND_FLOAT,
	KIND_DECLARATION_TAG,
	KIND_TYPE_TAG,
	KIND_ENUM64,
};

/* Body of an int: a word. */
#define INT_SIGNED (1u << 24)
#define INT_OFFSET(word) ((word) >> 16 & 0xff) /* bits */
#define INT_BITS(word) ((word) & 0xff)

/* Body of an array: words for the elements' type, the index' type, and how many there are. */
#define ARRAY_COUNT 8

/* A member: words for its name, its type, and its bit offset; if the structure's flag is set, that has a bitfield's width on top. */
#define MEMBER_SIZE 12 /* bytes */
#define MEMBER_TYPE 4
#define MEMBER_OFFSET 8
#define FLAGGED_OFFSET(word) ((word) & 0xffffff)
#define FLAGGED_BITS(word) ((word) >> 24)

#define BODY_UNKNOWN (~0u)
#define U32_LARGEST (~0u)

/* A blob need not be aligned. */
static u32 word_at(const u8 *bytes)
{
	u32 word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* Bytes behind the head of a type. */
static u32 body_size(u32 info)
{
	u32 count = info & INFO_COUNT;

	switch (INFO_KIND(info)) {
	case KIND_POINTER:
	case KIND_FORWARD:
	case KIND_TYPEDEF:
	case KIND_VOLATILE:
	case KIND_CONST:
	case KIND_RESTRICT:
	case KIND_FUNCTION:
	case KIND_FLOAT:
	case KIND_TYPE_TAG:
		return 0;
	case KIND_INT:
	case KIND_VARIABLE:
	case KIND_DECLARATION_TAG:
		return 4;
	case KIND_ARRAY:
		return 12;
	case KIND_ENUM:
	case KIND_PROTOTYPE:
		return 8 * count;
	case KIND_STRUCT:
	case KIND_UNION:
	case KIND_SECTION:
	case KIND_ENUM64:
		return 12 * count;
	default:
		return BODY_UNKNOWN;
	}
}

/* Finds the two sections of a blob; false if it is none, or they are not in it. */
static bool find_sections(struct stp_btf *btf, const u8 *blob, u32 size)
{
	u32 header, types, strings;
	u16 magic;

	if (size < HEADER_SIZE)
		return false;
	memcpy(&magic, blob, sizeof(magic));
	header = word_at(blob + HEADER_LENGTH);
	if (magic != MAGIC || blob[2] != VERSION || blob[3] || header < HEADER_SIZE || header > size)
		return false;
	blob += header;
	size -= header;
	types = word_at(blob - header + HEADER_TYPES);
	strings = word_at(blob - header + HEADER_STRINGS);
	btf->types_size = word_at(blob - header + HEADER_TYPES_SIZE);
	btf->strings_size = word_at(blob - header + HEADER_STRINGS_SIZE);
	if (types > size || btf->types_size > size - types || strings > size || btf->strings_size > size - strings)
		return false;
	btf->types = blob + types;
	btf->strings = (const char *)blob + strings;
	/* So each string of the section ends in it. */
	return btf->strings_size && !btf->strings[btf->strings_size - 1];
}

/* Where the type behind the one at @at begins; 0 if that one is damaged, or of a kind whose size we do not know. */
static u32 next_type(const struct stp_btf *btf, u32 at)
{
	u32 room = btf->types_size - at, info, body;

	if (room < TYPE_SIZE)
		return 0;
	info = word_at(btf->types + at + TYPE_INFO);
	body = body_size(info);
	if (info & INFO_UNUSED || body > room - TYPE_SIZE || word_at(btf->types + at) >= btf->strings_size)
		return 0;
	return at + TYPE_SIZE + body;
}

u32 stp_btf_index_size(const void *blob, u32 size)
{
	struct stp_btf btf;
	u32 at, count = 1;

	if (!find_sections(&btf, blob, size))
		return 0;
	for (at = 0; at < btf.types_size; count++) {
		at = next_type(&btf, at);
		if (!at)
			return 0;
	}
	return count * sizeof(u32);
}

int stp_btf_open(struct stp_btf *btf, const void *blob, u32 size, u32 *index, u32 index_size)
{
	u32 at, room = index_size / sizeof(u32);

	if (!find_sections(btf, blob, size) || !room)
		return -STP_EINVAL;
	btf->index = index;
	index[0] = 0; /* void, which has no place */
	btf->count = 1;
	for (at = 0; at < btf->types_size; btf->count++) {
		if (btf->count == room)
			return -STP_EINVAL;
		index[btf->count] = at;
		at = next_type(btf, at);
		if (!at)
			return -STP_EINVAL;
	}
	return 0;
}

/* A type of the blob, whose body is known to be in it. */
struct type {
	const u8 *body;
	u32 info;
	u32 reference; /* its size, or the id of another type */
};

/* false if there is no such type, or it is void. */
static bool get_type(const struct stp_btf *btf, u32 id, struct type *type)
{
	const u8 *at;

	if (!id || id >= btf->count)
		return false;
	at = btf->types + btf->index[id];
	type->body = at + TYPE_SIZE;
	type->info = word_at(at + TYPE_INFO);
	type->reference = word_at(at + TYPE_REFERENCE);
	return true;
}

static bool is_structure(const struct type *type)
{
	return INFO_KIND(type->info) == KIND_STRUCT || INFO_KIND(type->info) == KIND_UNION;
}

static bool is_qualifier(const struct type *type)
{
	switch (INFO_KIND(type->info)) {
	case KIND_TYPEDEF:
	case KIND_VOLATILE:
	case KIND_CONST:
	case KIND_RESTRICT:
	case KIND_TYPE_TAG:
		return true;
	default:
		return false;
	}
}

/* As get_type(), behind typedefs and qualifiers; false too if those have no end. */
static bool get_plain_type(const struct stp_btf *btf, u32 id, struct type *type)
{
	u32 steps;

	for (steps = 0; steps < CHAIN_MAX; steps++) {
		if (!get_type(btf, id, type))
			return false;
		if (!is_qualifier(type))
			return true;
		id = type->reference;
	}
	return false;
}

/* @length bytes at @text, none of them NUL; so this stops at the end of a shorter @name. */
static bool is_named(const char *name, const char *text, u32 length)
{
	u32 i;

	for (i = 0; i < length; i++) {
		if (name[i] != text[i])
			return false;
	}
	return !name[length];
}

/* The first definition; declarations are of another kind. */
static bool find_structure(const struct stp_btf *btf, const char *name, struct type *type)
{
	u32 id, length = 0;

	while (name[length])
		length++;
	for (id = 1; length && id < btf->count; id++) {
		get_type(btf, id, type);
		if (is_structure(type) && is_named(btf->strings + word_at(btf->types + btf->index[id]), name, length))
			return true;
	}
	return false;
}

/* A structure, or an anonymous one in another, of which members are still to be visited. */
struct level {
	const u8 *next; /* member */
	u32 left; /* of them */
	bool flag; /* of the structure */
	u64 bit_offset; /* in the outermost one */
};

/* A visit of all members of a structure that have a name. */
struct visit {
	const struct stp_btf *btf;
	u32 left; /* members that may still be visited */
	u32 depth;
	struct level levels[ANONYMOUS_MAX];
};

struct member {
	const char *name;
	u32 type;
	u32 bits;
	u64 bit_offset;
};

static bool enter(struct visit *visit, const struct type *type, u64 bit_offset)
{
	if (visit->depth == ANONYMOUS_MAX)
		return false;
	visit->levels[visit->depth++] = (struct level){
		.next = type->body,
		.left = type->info & INFO_COUNT,
		.flag = INFO_FLAG(type->info),
		.bit_offset = bit_offset,
	};
	return true;
}

static void visit_begin(struct visit *visit, const struct stp_btf *btf, const struct type *type)
{
	visit->btf = btf;
	/* An anonymous structure is in another but once: its names would be there twice. So there are no more members to visit than the blob has. */
	visit->left = btf->types_size / MEMBER_SIZE;
	visit->depth = 0;
	enter(visit, type, 0);
}

/* Takes the level's next member; false if it is damaged. */
static bool take_member(const struct stp_btf *btf, struct level *level, struct member *member)
{
	u32 name = word_at(level->next), offset = word_at(level->next + MEMBER_OFFSET);

	if (name >= btf->strings_size)
		return false;
	member->name = btf->strings + name;
	member->type = word_at(level->next + MEMBER_TYPE);
	member->bits = level->flag ? FLAGGED_BITS(offset) : 0;
	member->bit_offset = level->bit_offset + (level->flag ? FLAGGED_OFFSET(offset) : offset);
	level->next += MEMBER_SIZE;
	level->left--;
	return true;
}

/* Return: 1 and the next member; 0 if there are no more; -STP_EINVAL. */
static int visit_next(struct visit *visit, struct member *member)
{
	struct level *level;
	struct type type;

	while (visit->depth) {
		level = &visit->levels[visit->depth - 1];
		if (!level->left) {
			visit->depth--;
			continue;
		}
		if (!visit->left || !take_member(visit->btf, level, member))
			return -STP_EINVAL;
		visit->left--;
		if (*member->name)
			return 1;
		if (!get_plain_type(visit->btf, member->type, &type))
			return -STP_EINVAL;
		if (is_structure(&type) && !enter(visit, &type, member->bit_offset)) /* else it is padding */
			return -STP_EINVAL;
	}
	return 0;
}

/* An int may itself say that it is a part of its bytes: how bitfields were written once. */
static bool describe_int(const struct type *type, struct stp_btf_member *found)
{
	u32 encoding = word_at(type->body), bits = INT_BITS(encoding), offset = INT_OFFSET(encoding);

	if (!bits || (u64)offset + bits > (u64)type->reference * 8)
		return false;
	found->is_signed = encoding & INT_SIGNED;
	if (!found->bits && bits != (u64)type->reference * 8) {
		found->bits = bits;
		found->bit_offset += offset;
	}
	return true;
}

/*
 * What a member of type @id is, but for its place; found->bits is what the structure says of it.
 * @type: Out: the type without typedefs and qualifiers; of an array, of its elements.
 * Return: false if it is damaged, or nothing that a structure can have.
 */
static bool describe(const struct stp_btf *btf, u32 id, struct stp_btf_member *found, struct type *type, u32 *dimensions)
{
	u64 size = 1; /* of what we went through: elements, then bytes */
	u32 steps;

	*dimensions = 0;
	for (steps = 0; get_plain_type(btf, id, type) && INFO_KIND(type->info) == KIND_ARRAY; steps++) {
		size *= word_at(type->body + ARRAY_COUNT);
		if (steps == CHAIN_MAX || size > U32_LARGEST)
			return false;
		id = word_at(type->body);
		++*dimensions;
	}
	if (!get_plain_type(btf, id, type))
		return false;

	found->size = type->reference;
	switch (INFO_KIND(type->info)) {
	case KIND_INT:
		if (*dimensions)
			found->is_string = *dimensions == 1 && type->reference == 1;
		else if (!describe_int(type, found))
			return false;
		break;
	case KIND_ENUM:
	case KIND_ENUM64:
		found->is_signed = !*dimensions && INFO_FLAG(type->info);
		break;
	case KIND_POINTER:
		found->size = STP_BTF_POINTER_SIZE;
		found->is_pointer = !*dimensions;
		break;
	case KIND_STRUCT:
	case KIND_UNION:
	case KIND_FLOAT:
		break;
	default:
		return false;
	}
	if (found->bits && (*dimensions || is_structure(type) || found->bits > (u64)found->size * 8))
		return false;
	size *= found->size;
	found->size = size;
	return size <= U32_LARGEST;
}

/* The member of one name. @type: the structure; Out: as describe(). */
static int find_member(const struct stp_btf *btf, struct type *type, const char *name, u32 length, struct stp_btf_member *found, u32 *dimensions)
{
	u64 limit = (u64)type->reference * 8;
	struct visit visit;
	struct member member;
	int more;

	visit_begin(&visit, btf, type);
	do {
		more = visit_next(&visit, &member);
		if (more <= 0)
			return more ? more : -STP_ENOENT;
	} while (!is_named(member.name, name, length));
	*found = (struct stp_btf_member){ .bit_offset = member.bit_offset, .bits = member.bits };
	if (!describe(btf, member.type, found, type, dimensions))
		return -STP_EINVAL;
	if (found->bit_offset + (found->bits ? found->bits : (u64)found->size * 8) > limit)
		return -STP_EINVAL;
	return 0;
}

int stp_btf_find(const struct stp_btf *btf, const char *type, const char *member, struct stp_btf_member *found)
{
	u32 length, dimensions = 0, size;
	u64 bit_offset = 0;
	struct type inner;
	int error;

	*found = (struct stp_btf_member){ 0 };
	if (!find_structure(btf, type, &inner))
		return -STP_ENOENT;
	size = inner.reference;
	for (;; member += length + 1) {
		for (length = 0; member[length] && member[length] != '.';)
			length++;
		/* A path goes on only through one structure, in no array and behind no pointer. No name is empty. */
		error = length && !dimensions && is_structure(&inner) ? find_member(btf, &inner, member, length, found, &dimensions) : -STP_ENOENT;
		if (error) {
			*found = (struct stp_btf_member){ .size = error == -STP_ENOENT ? size : 0 };
			return error;
		}
		bit_offset += found->bit_offset;
		if (!member[length])
			break;
	}
	found->bit_offset = bit_offset;
	return 0;
}

int stp_btf_members(const struct stp_btf *btf, const char *type, void (*each)(void *to, const char *name), void *to)
{
	struct visit visit;
	struct member member;
	struct type structure;
	int more;

	if (!find_structure(btf, type, &structure))
		return -STP_ENOENT;
	visit_begin(&visit, btf, &structure);
	while ((more = visit_next(&visit, &member)) > 0)
		each(to, member.name);
	return more;
}
