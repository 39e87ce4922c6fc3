// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The formatter (P1): one pass that checks and writes; on EINVAL the caller drops what was written.
 * Must never: write past @text->size, use floating point, trust a format.
 * Sibling: runtime-as/assembly/format.ts
 */
#include <stp/format.h>

#define DIGITS_MAX 20 /* bytes: decimal digits of 2^64 - 1 */

/* One directive: flags and width. */
struct directive {
	u32 width;
	bool left;
	bool zero;
	bool plain; /* neither flag nor width was given */
};

static void put(struct stp_text *text, const char *from, u32 size)
{
	if (text->length < text->size) {
		u32 room = text->size - text->length;

		memcpy(text->out + text->length, from, size < room ? size : room);
	}
	text->length += size;
}

static void pad(struct stp_text *text, char with, u32 count)
{
	if (text->length < text->size) {
		u32 room = text->size - text->length;

		memset(text->out + text->length, with, count < room ? count : room);
	}
	text->length += count;
}

/* @sign and @body, padded to the width. */
static void put_padded(struct stp_text *text, const struct directive *how, bool minus, const char *body, u32 size)
{
	u32 length = size + minus;
	u32 padding = how->width > length ? how->width - length : 0;

	if (!how->left && !how->zero)
		pad(text, ' ', padding);
	if (minus)
		put(text, "-", 1);
	if (!how->left && how->zero)
		pad(text, '0', padding);
	put(text, body, size);
	if (how->left)
		pad(text, ' ', padding);
}

static void put_number(struct stp_text *text, const struct directive *how, u64 value, u32 base, bool is_signed)
{
	bool minus = is_signed && (s64)value < 0;
	char digits[DIGITS_MAX];
	u32 at = DIGITS_MAX;

	if (minus)
		value = 0 - value;
	do {
		digits[--at] = "0123456789abcdef"[stp_divide(&value, base)];
	} while (value);
	put_padded(text, how, minus, digits + at, DIGITS_MAX - at);
}

static void put_string(struct stp_text *text, struct directive *how, const char *string)
{
	u32 length = strnlen(string, STP_STRING_SIZE_MAX);

	if (length > STP_STRING_SIZE_MAX - 1) {
		length = STP_STRING_SIZE_MAX - 1;
		text->cut++;
	}
	how->zero = false;
	put_padded(text, how, false, string, length);
}

/* Reads flags and width. Return: what follows them; NULL if the width is too large. */
static const char *read_directive(const char *at, struct directive *how)
{
	const char *begin = at;

	*how = (struct directive){ .width = 0 };
	for (; *at == '-' || *at == '0'; at++) {
		if (*at == '-')
			how->left = true;
		else
			how->zero = true;
	}
	for (; *at >= '0' && *at <= '9'; at++) {
		how->width = how->width * 10 + (u32)(*at - '0');
		if (how->width > STP_PRINT_WIDTH_MAX)
			return NULL;
	}
	how->plain = at == begin;
	return at;
}

static const char *put_literal(struct stp_text *text, const char *at)
{
	const char *begin = at;

	while (*at && *at != '%')
		at++;
	put(text, begin, at - begin);
	return at;
}

int stp_format(struct stp_text *text, const char *format, const struct stp_args *args)
{
	u32 count = stp_args_count(args);
	const char *at = format;
	struct directive how;
	u32 next = 0;

	if (count > STP_PRINT_ARGS_MAX)
		return -STP_EINVAL;
	for (at = put_literal(text, at); *at; at = put_literal(text, at + 1)) {
		at = read_directive(at + 1, &how);
		if (!at)
			return -STP_EINVAL;
		if (*at == '%' && how.plain) {
			put(text, "%", 1);
			continue;
		}
		if (next == count || stp_args_is_string(args, next) != (*at == 's'))
			return -STP_EINVAL;
		if (*at == 'd')
			put_number(text, &how, args->value[next], 10, true);
		else if (*at == 'x')
			put_number(text, &how, args->value[next], 16, false);
		else if (*at == 's')
			put_string(text, &how, stp_args_string(args, next));
		else
			return -STP_EINVAL;
		next++;
	}
	return next == count ? 0 : -STP_EINVAL;
}
