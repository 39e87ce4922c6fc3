// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The formatter (P1): one pass that checks and writes; on an error the caller drops what was written.
 * Must never: write past @text->size, use floating point, trust a format, read an address but by the port.
 * Siblings: text.c, runtime-as/assembly/format.ts
 */
#include <stp/format.h>
#include <stp/look.h>

#define DIGITS_MAX 22 /* bytes: octal digits of 2^64 - 1 */
#define NONE (~0u)    /* no precision was given */
#define POINTER_WIDTH 18
#define MEMORY_AT_ONCE 64 /* bytes read by the port at a time, into what the context has for backtraces */

/* One directive. */
struct directive {
	u32 width;
	u32 precision;
	bool left, zero, plus, space, other;
	bool has_width;
	char letter;
};

/* A format being read, and what was found. @blind: only the arguments' types are known. */
struct reader {
	const char *at;
	const struct stp_args *args;
	u32 count, next;
	bool blind;
	bool fault;
};

static bool next_is(const struct reader *reader, bool string)
{
	return reader->next < reader->count && stp_args_is_string(reader->args, reader->next) == string;
}

static bool read_flag(struct directive *how, char flag)
{
	switch (flag) {
	case '-':
		return how->left = true;
	case '0':
		return how->zero = true;
	case '+':
		return how->plus = true;
	case ' ':
		return how->space = true;
	case '#':
		return how->other = true;
	default:
		return false;
	}
}

/* Width or precision; @negative: a `*` was below 0. Return: whether it is a proper one. */
static bool read_size(struct reader *reader, u32 *size, bool *negative)
{
	s64 value;

	*size = 0;
	*negative = false;
	if (*reader->at != '*') {
		for (; *reader->at >= '0' && *reader->at <= '9'; reader->at++) {
			*size = *size * 10 + (u32)(*reader->at - '0');
			if (*size > STP_PRINT_WIDTH_MAX)
				return false;
		}
		return true;
	}
	reader->at++;
	if (!next_is(reader, false))
		return false;
	value = reader->blind ? 0 : (s64)reader->args->value[reader->next];
	reader->next++;
	*negative = value < 0;
	if (value > STP_PRINT_WIDTH_MAX || value < -STP_PRINT_WIDTH_MAX)
		return false;
	*size = value < 0 ? -value : value;
	return true;
}

/* All behind the percent sign but the letter's argument. */
static bool read_directive(struct reader *reader, struct directive *how)
{
	const char *begin;
	bool negative;

	*how = (struct directive){ .precision = NONE };
	while (read_flag(how, *reader->at))
		reader->at++;
	begin = reader->at;
	if (!read_size(reader, &how->width, &negative))
		return false;
	how->left |= negative;
	how->has_width = reader->at != begin;
	if (*reader->at == '.') {
		reader->at++;
		if (!read_size(reader, &how->precision, &negative))
			return false;
		if (negative)
			how->precision = NONE;
	}
	how->letter = *reader->at;
	return true;
}

static void pad_left(struct stp_text *text, const struct directive *how, u32 length)
{
	if (!how->left && how->width > length)
		stp_text_pad(text, ' ', how->width - length);
}

static void pad_right(struct stp_text *text, const struct directive *how, u32 length)
{
	if (how->left && how->width > length)
		stp_text_pad(text, ' ', how->width - length);
}

/* Digits of @value, written from the end of @digits; gives the first. */
static char *write_digits(char digits[DIGITS_MAX], u64 value, u32 base, char ten)
{
	char *at = digits + DIGITS_MAX;
	u32 digit;

	if (base == 10) {
		do
			*--at = '0' + stp_divide(&value, 10);
		while (value);
		return at;
	}
	do {
		digit = value & (base - 1);
		*--at = digit < 10 ? '0' + digit : ten + (digit - 10);
		value >>= base == 16 ? 4 : 3;
	} while (value);
	return at;
}

/* Sign or prefix, and digits, padded to the width. */
static STP_ALWAYS_INLINE void put_padded(struct stp_text *text, const struct directive *how, const char *prefix, u32 prefix_size, const char *digits, u32 size)
{
	u32 zeros = how->precision != NONE && how->precision > size ? how->precision - size : 0;
	u32 length = prefix_size + zeros + size;

	if (how->zero && !how->left && how->width > length) {
		zeros += how->width - length;
		length = how->width;
	}
	pad_left(text, how, length);
	stp_text_put(text, prefix, prefix_size);
	stp_text_pad(text, '0', zeros);
	stp_text_put(text, digits, size);
	pad_right(text, how, length);
}

static STP_NOINLINE void put_signed(struct stp_text *text, const struct directive *how, s64 value)
{
	char sign = value < 0 ? '-' : how->plus ? '+' : ' ';
	bool has_sign = value < 0 || how->plus || how->space;
	char digits[DIGITS_MAX];
	char *first = write_digits(digits, value < 0 ? 0 - (u64)value : (u64)value, 10, 'a');

	put_padded(text, how, &sign, has_sign, first, digits + DIGITS_MAX - first);
}

static STP_NOINLINE void put_unsigned(struct stp_text *text, const struct directive *how, u64 value)
{
	bool hex = how->letter == 'x' || how->letter == 'X';
	const char prefix[] = { '0', how->letter };
	char digits[DIGITS_MAX];
	char *first = write_digits(digits, value, hex ? 16 : how->letter == 'o' ? 8 : 10, how->letter == 'X' ? 'A' : 'a');

	put_padded(text, how, prefix, how->other && how->letter != 'u' ? 1 + hex : 0, first, digits + DIGITS_MAX - first);
}

static void put_pointer(struct stp_text *text, struct directive *how, u64 value)
{
	how->letter = 'x';
	how->other = true;
	if (!how->has_width) {
		how->width = POINTER_WIDTH;
		how->zero = true;
	}
	put_unsigned(text, how, value);
}

/* Bytes, escaped; gives how many. Without a text they are only counted. */
static STP_NOINLINE u32 put_escaped(struct stp_text *text, const char *bytes, u32 length, char quote, bool ascii)
{
	char unit[STP_ESCAPED_MAX];
	u32 at, used, size, put = 0;

	for (at = 0; at < length; at += used, put += size) {
		size = stp_escape(bytes + at, length - at, quote, ascii, unit, &used);
		if (text)
			stp_text_put(text, unit, size);
	}
	return put;
}

static STP_NOINLINE void put_bytes(struct stp_text *text, const struct directive *how, const char *bytes, u32 length, char quote, bool ascii)
{
	u32 size = how->other ? put_escaped(NULL, bytes, length, quote, ascii) : length;

	pad_left(text, how, size);
	if (how->other)
		put_escaped(text, bytes, length, quote, ascii);
	else
		stp_text_put(text, bytes, length);
	pad_right(text, how, size);
}

/* Bytes of a string argument; a longer one is cut, and counted. */
static u32 length_of(struct stp_text *text, const char *string)
{
	u32 length = strnlen(string, STP_STRING_SIZE_MAX);

	if (length < STP_STRING_SIZE_MAX)
		return length;
	text->cut++;
	return STP_STRING_SIZE_MAX - 1;
}

static void put_string(struct stp_text *text, const struct directive *how, const char *string)
{
	u32 length = length_of(text, string ? string : "<NULL>");

	put_bytes(text, how, string ? string : "<NULL>", how->precision < length ? how->precision : length, '"', false);
}

static void put_char(struct stp_text *text, const struct directive *how, u64 value)
{
	char byte = value;

	put_bytes(text, how, &byte, 1, '\'', true);
}

static STP_NOINLINE bool put_binary(struct stp_text *text, const struct directive *how, u64 value, bool blind)
{
	u32 width = how->has_width ? how->width : 8;
	char bytes[8];
	u32 i;

	if (how->left || how->zero || how->plus || how->space || how->other || how->precision != NONE)
		return false;
	if (blind)
		return true;
	if (width != 1 && width != 2 && width != 4 && width != 8)
		return false;
	for (i = 0; i < width; i++, value >>= 8)
		bytes[i] = value;
	stp_text_put(text, bytes, width);
	return true;
}

static void put_memory_bytes(struct stp_text *text, const struct directive *how, const char *bytes, u32 size)
{
	static const char digits[] = "0123456789abcdef";
	u32 i;

	if (how->letter == 'm') {
		stp_text_put(text, bytes, size);
		return;
	}
	for (i = 0; i < size; i++) {
		u8 byte = bytes[i];

		stp_text_put(text, &digits[byte >> 4], 1);
		stp_text_put(text, &digits[byte & 15], 1);
	}
}

static bool read_memory(struct stp_ctx *ctx, void *to, u64 address, u32 size, bool user)
{
	return stp_look_memory(ctx, user ? STP_LOOK_USER : STP_LOOK_KERNEL, address, to, size) == (s32)size;
}

static u32 memory_size(const struct directive *how)
{
	return how->precision == NONE || !how->precision ? 1 : how->precision;
}

static u32 memory_length(const struct directive *how)
{
	return memory_size(how) * (how->letter == 'M' ? 2 : 1);
}

/* What is at @address. Return: whether it could be read. */
static STP_NOINLINE bool put_memory(struct stp_text *text, const struct directive *how, u64 address)
{
	struct stp_ctx *ctx = stp_this_ctx(); /* only bodies format memory */
	u32 left, now;

	pad_left(text, how, memory_length(how));
	for (left = memory_size(how); left; left -= now) {
		now = left < MEMORY_AT_ONCE ? left : MEMORY_AT_ONCE;
		if (!read_memory(ctx, ctx->frames, address, now, how->other))
			return false;
		put_memory_bytes(text, how, (const char *)ctx->frames, now);
		address += now;
	}
	pad_right(text, how, memory_length(how));
	return true;
}

/* The bytes of @string, and zeros behind it. */
static STP_NOINLINE void put_string_memory(struct stp_text *text, const struct directive *how, const char *string)
{
	u32 size = memory_size(how), there = length_of(text, string);

	if (there > size)
		there = size;
	pad_left(text, how, memory_length(how));
	put_memory_bytes(text, how, string, there);
	for (; there < size; there++)
		put_memory_bytes(text, how, "", 1);
	pad_right(text, how, memory_length(how));
}

/* A directive that takes memory: its argument may be of either type. */
static bool memory_directive(struct stp_text *text, const struct directive *how, struct reader *reader)
{
	if (reader->next == reader->count)
		return false;
	if (!reader->blind && stp_args_is_string(reader->args, reader->next))
		put_string_memory(text, how, stp_args_string(reader->args, reader->next));
	else if (!reader->blind && !put_memory(text, how, reader->args->value[reader->next]))
		reader->fault = true;
	reader->next++;
	return true;
}

/* Decimal digits in front of @out, with a sign if need be. Return: how many bytes. */
static STP_ALWAYS_INLINE u32 write_plain(char *out, s64 number)
{
	u64 value = number < 0 ? 0 - (u64)number : (u64)number;
	u64 limit = 10;
	u32 length = 1 + (number < 0), at;

	/* No more than 19 digits, so that the limit stays below 2^64. */
	for (; length - (number < 0) < 19 && value >= limit; limit *= 10)
		length++;
	for (at = length; at-- > (number < 0);)
		out[at] = '0' + stp_divide(&value, 10);
	if (number < 0)
		out[0] = '-';
	return length;
}

/* A string, cut and counted, in whole words as long as there is room for them: behind its end stands nothing yet. */
static STP_ALWAYS_INLINE void put_plain_string(struct stp_text *text, const char *string)
{
	u32 length = 0, bytes;
	u64 word;

	do {
		bytes = stp_string_word(string + length, STP_STRING_SIZE_MAX - 1 - length, &word);
		if (text->length + sizeof(word) <= text->size) {
			memcpy(text->out + text->length, &word, sizeof(word));
			text->length += bytes;
		} else {
			stp_text_put(text, (const char *)&word, bytes);
		}
		length += bytes;
	} while (bytes == sizeof(word));
	text->cut += length == STP_STRING_SIZE_MAX - 1 && string[length];
}

/* Return: whether the argument fits. */
static bool put_directive(struct stp_text *text, struct directive *how, struct reader *reader)
{
	u64 value;

	if (how->letter == 'm' || how->letter == 'M')
		return memory_directive(text, how, reader);
	if (!next_is(reader, how->letter == 's'))
		return false;
	value = reader->blind ? 0 : reader->args->value[reader->next];
	reader->next++;
	switch (how->letter) {
	case 'd':
	case 'i':
		put_signed(text, how, value);
		return true;
	case 'u':
	case 'o':
	case 'x':
	case 'X':
		put_unsigned(text, how, value);
		return true;
	case 'p':
		put_pointer(text, how, value);
		return true;
	case 's':
		put_string(text, how, (const char *)(uintptr_t)value);
		return true;
	case 'c':
		put_char(text, how, value);
		return true;
	case 'b':
		return put_binary(text, how, value, reader->blind);
	default:
		return false;
	}
}

/* Up to the next percent sign, or the end. */
static STP_ALWAYS_INLINE const char *put_literal(struct stp_text *text, const char *at)
{
	for (; *at && *at != '%'; at++) {
		if (text->length < text->size)
			text->out[text->length] = *at;
		text->length++;
	}
	return at;
}

/* The two directives that most formats are made of, `%d` and `%s` with nothing between. Return: whether it was one of them, and is done. */
static STP_ALWAYS_INLINE bool put_plain(struct stp_text *text, char letter, const struct stp_args *args, u32 n)
{
	bool string = stp_args_is_string(args, n);

	if (letter == 's' && string && args->value[n]) {
		put_plain_string(text, stp_args_string(args, n));
		return true;
	}
	if (letter != 'd' || string || text->length + DIGITS_MAX > text->size)
		return false;
	text->length += write_plain(text->out + text->length, args->value[n]);
	return true;
}

/* The directive behind a percent sign that is no plain one. Return: what follows it; NULL if it does not fit. */
static const char *put_other(struct stp_text *text, const char *at, struct reader *reader)
{
	struct directive how;

	reader->at = at;
	if (!read_directive(reader, &how) || !put_directive(text, &how, reader))
		return NULL;
	return reader->at + 1;
}

static STP_ALWAYS_INLINE int format(struct stp_text *text, const char *at, struct reader *reader)
{
	if (reader->count > STP_PRINT_ARGS_MAX)
		return -STP_EINVAL;
	for (at = put_literal(text, at); *at; at = put_literal(text, at)) {
		at++;
		if (*at == '%') {
			stp_text_put(text, "%", 1);
			at++;
		} else if (!reader->blind && reader->next < reader->count && put_plain(text, *at, reader->args, reader->next)) {
			reader->next++;
			at++;
		} else {
			at = put_other(text, at, reader);
			if (!at)
				return -STP_EINVAL;
		}
	}
	if (reader->next != reader->count)
		return -STP_EINVAL;
	return reader->fault ? -STP_EFAULT : 0;
}

int stp_format(struct stp_text *text, const char *string, const struct stp_args *args)
{
	struct reader reader = { .args = args, .count = stp_args_count(args) };

	return format(text, string, &reader);
}

int stp_format_check(const char *string, u32 shape)
{
	struct stp_args args = { .shape = shape };
	struct reader reader = { .args = &args, .count = stp_args_count(&args), .blind = true };
	struct stp_text text = { .out = NULL };

	return format(&text, string, &reader);
}
