// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Pool strings and what is made of strings (B1-B11).
 * Must never: hand out one buffer twice within a hit, write behind its end, look behind the longest string.
 * Sibling: runtime-as/assembly/string.ts
 */
#include <stp/session.h>
#include <stp/string.h>

#define TEXT_MAX (STP_STRING_SIZE_MAX - 1) /* bytes of a string without its NUL */

/* The buffer that take() would give, NULL if all are in use. */
static char *next_free(const struct stp_ctx *ctx)
{
	if (ctx->strings_used >= stp_session.config.strings)
		return NULL;
	return ctx->strings + (size_t)ctx->strings_used * STP_STRING_SIZE_MAX;
}

static void lose(struct stp_ctx *ctx, u32 cause)
{
	stp_ledger_attempt(ctx->row, STP_LOSS_KIND_STRING);
	stp_ledger_lose(ctx->row, STP_LOSS_KIND_STRING, cause);
}

static char *take(struct stp_ctx *ctx)
{
	char *string = next_free(ctx);

	if (!string) {
		lose(ctx, STP_LOSS_FULL); /* B2 */
		return NULL;
	}
	stp_ledger_attempt(ctx->row, STP_LOSS_KIND_STRING);
	ctx->strings_used++;
	stp_ledger_deliver(ctx->row, STP_LOSS_KIND_STRING);
	return string;
}

char *stp_string_take(struct stp_ctx *ctx)
{
	char *string = take(ctx);

	if (string)
		string[0] = 0;
	return string;
}

/* B1: the checks before any string is looked at. */
static int begin(struct stp_ctx *ctx, const char **out)
{
	*out = "";
	if (stp_outside(ctx))
		return -STP_ESTATE;
	if (stp_act(ctx))
		return 0;
	lose(ctx, STP_LOSS_BUDGET);
	return -STP_EBUDGET;
}

/* The text that will stand in the buffer that take() would give. */
static struct stp_text begin_text(struct stp_ctx *ctx)
{
	char *out = next_free(ctx);

	return (struct stp_text){ .out = out, .size = out ? TEXT_MAX : 0 };
}

/* Takes the buffer in which @text stands. */
static int end_text(struct stp_ctx *ctx, const char **out, const struct stp_text *text)
{
	u32 length = text->length;
	u32 cut = text->cut;

	if (!take(ctx))
		return -STP_EFULL;
	if (length > TEXT_MAX) {
		length = TEXT_MAX;
		cut++;
	}
	text->out[length] = 0;
	stp_ledger_cut(ctx->row, cut);
	*out = text->out;
	return 0;
}

int stp_string_printf(struct stp_ctx *ctx, const char **out, const char *format, const struct stp_args *args)
{
	struct stp_text text;
	int error = begin(ctx, out);

	if (error)
		return error;
	text = begin_text(ctx);
	error = stp_format(&text, format, args);
	if (error == -STP_EFAULT)
		lose(ctx, STP_LOSS_FAULT);
	return error ? error : end_text(ctx, out, &text);
}

u32 stp_string_length(const char *string)
{
	return strnlen(string, TEXT_MAX);
}

/* B4: the length of an argument; a longer one is cut, and counted. */
static u32 look_at(struct stp_text *text, const char *string)
{
	u32 length = strnlen(string, STP_STRING_SIZE_MAX);

	text->cut += length > TEXT_MAX;
	return length > TEXT_MAX ? TEXT_MAX : length;
}

int stp_string_copy(struct stp_ctx *ctx, const char **out, const char *string)
{
	return stp_string_concat(ctx, out, string, "");
}

int stp_string_concat(struct stp_ctx *ctx, const char **out, const char *a, const char *b)
{
	struct stp_text text;
	int error = begin(ctx, out);

	if (error)
		return error;
	text = begin_text(ctx);
	stp_text_put(&text, a, look_at(&text, a));
	stp_text_put(&text, b, look_at(&text, b));
	return end_text(ctx, out, &text);
}

int stp_string_substr(struct stp_ctx *ctx, const char **out, const char *string, s64 start, s64 length)
{
	struct stp_text text;
	int error = begin(ctx, out);
	u32 there;

	if (error)
		return error;
	text = begin_text(ctx);
	there = look_at(&text, string);
	if (start >= 0 && start <= there && length > 0)
		stp_text_put(&text, string + start, length < there - start ? length : there - start);
	return end_text(ctx, out, &text);
}

static bool begins_with(const char *string, u32 length, const char *what, u32 size)
{
	return size <= length && !memcmp(string, what, size);
}

int stp_string_replace(struct stp_ctx *ctx, const char **out, const char *string, const char *what, const char *by)
{
	u32 length, size, by_length, at;
	struct stp_text text;
	int error = begin(ctx, out);

	if (error)
		return error;
	text = begin_text(ctx);
	length = look_at(&text, string);
	size = look_at(&text, what);
	by_length = look_at(&text, by);
	for (at = 0; at < length;) {
		if (size && begins_with(string + at, length - at, what, size)) {
			stp_text_put(&text, by, by_length);
			at += size;
		} else {
			stp_text_put(&text, string + at++, 1);
		}
	}
	return end_text(ctx, out, &text);
}

static bool is_among(char byte, const char *bytes, u32 length)
{
	u32 i;

	for (i = 0; i < length; i++)
		if (bytes[i] == byte)
			return true;
	return false;
}

int stp_string_token(struct stp_ctx *ctx, const char **out, const char *string, const char *delimiters, s64 index)
{
	u32 length, delimiters_length, at = 0, end = 0;
	struct stp_text text;
	int error = begin(ctx, out);

	if (error)
		return error;
	text = begin_text(ctx);
	length = look_at(&text, string);
	delimiters_length = look_at(&text, delimiters);
	if (index < 0)
		return -STP_ENOENT;
	do {
		for (at = end; at < length && is_among(string[at], delimiters, delimiters_length); at++)
			;
		if (at == length)
			return -STP_ENOENT;
		for (end = at; end < length && !is_among(string[end], delimiters, delimiters_length); end++)
			;
	} while (index-- > 0);
	stp_text_put(&text, string + at, end - at);
	return end_text(ctx, out, &text);
}

#define SHORTENED "\"..." /* at the end of a quoted string that was cut */

/* B9: as many whole units as leave room for what says that there were more. */
static void quote_shortened(struct stp_text *text, const char *string, u32 length)
{
	u32 room = TEXT_MAX - (sizeof(SHORTENED) - 1);
	char unit[STP_ESCAPED_MAX];
	u32 at, used, size;

	text->length = 0;
	text->cut++;
	stp_text_put(text, "\"", 1);
	for (at = 0; at < length; at += used) {
		size = stp_escape(string + at, length - at, '"', false, unit, &used);
		if (text->length + size > room)
			break;
		stp_text_put(text, unit, size);
	}
	stp_text_put(text, SHORTENED, sizeof(SHORTENED) - 1);
}

int stp_string_quote(struct stp_ctx *ctx, const char **out, const char *string)
{
	struct stp_text text;
	int error = begin(ctx, out);
	u32 length;

	if (error)
		return error;
	text = begin_text(ctx);
	length = look_at(&text, string);
	stp_text_quoted(&text, string, length);
	if (text.length > TEXT_MAX)
		quote_shortened(&text, string, length);
	return end_text(ctx, out, &text);
}

int stp_string_compare(const char *a, const char *b)
{
	u32 a_length = stp_string_length(a), b_length = stp_string_length(b);
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);

	if (order)
		return order < 0 ? -1 : 1;
	return a_length < b_length ? -1 : a_length > b_length;
}

int stp_string_find(const char *string, const char *what)
{
	u32 length = stp_string_length(string), size = stp_string_length(what), at;

	for (at = 0; at + size <= length; at++)
		if (begins_with(string + at, length - at, what, size))
			return at;
	return -STP_ENOENT;
}

static bool is_space(char byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* Its value as a digit; 36 if it is none of any base. */
static u32 digit_of(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'z')
		return byte - 'a' + 10;
	return byte >= 'A' && byte <= 'Z' ? byte - 'A' + 10 : 36;
}

/* B11: base and prefix. Return: the first digit. */
static const char *read_base(const char *at, u32 *base)
{
	bool hex = at[0] == '0' && (at[1] == 'x' || at[1] == 'X') && digit_of(at[2]) < 16;

	if (hex && (*base == 0 || *base == 16)) {
		*base = 16;
		return at + 2;
	}
	if (*base == 0)
		*base = *at == '0' ? 8 : 10;
	return at;
}

int stp_string_number(const char *string, s64 base, s64 *value)
{
	const char *end = string + stp_string_length(string);
	u64 number = 0, limit;
	const char *at = string, *first;
	bool negative, beyond = false;
	u32 in_base;

	*value = 0;
	if (base < 0 || base == 1 || base > 36)
		return -STP_EINVAL;
	while (is_space(*at))
		at++;
	negative = *at == '-';
	at += *at == '-' || *at == '+';
	in_base = base;
	first = at = read_base(at, &in_base);
	limit = (u64)STP_INT64_MAX + negative;
	for (; at < end && digit_of(*at) < in_base; at++) {
		beyond = beyond || number > stp_divide_u64(limit - digit_of(*at), in_base);
		if (!beyond)
			number = number * in_base + digit_of(*at);
	}
	if (beyond)
		number = limit;
	*value = negative ? (s64)(0 - number) : (s64)number;
	return at == first || at != end || beyond ? -STP_EINVAL : 0;
}
