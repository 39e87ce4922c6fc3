// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Bounded text, and escaping (B9).
 * Must never: write past @text->size, split a unit of an escaped string.
 * Siblings: format.c, runtime-as/assembly/escape.ts
 */
#include <stp/format.h>

void stp_text_put(struct stp_text *text, const char *from, u32 size)
{
	u32 i, room;

	if (text->length < text->size) {
		room = text->size - text->length;
		if (size < room)
			room = size;
		for (i = 0; i < room; i++)
			text->out[text->length + i] = from[i];
	}
	text->length += size;
}

void stp_text_pad(struct stp_text *text, char with, u32 count)
{
	u32 room;

	if (text->length < text->size) {
		room = text->size - text->length;
		memset(text->out + text->length, with, count < room ? count : room);
	}
	text->length += count;
}

void stp_text_number(struct stp_text *text, u64 value, bool is_signed)
{
	bool negative = is_signed && (s64)value < 0;
	char digits[21];
	u32 at = sizeof(digits);

	if (negative)
		value = 0 - value;
	do
		digits[--at] = '0' + stp_divide(&value, 10);
	while (value);
	if (negative)
		digits[--at] = '-';
	stp_text_put(text, digits + at, sizeof(digits) - at);
}

u32 stp_number_length(u64 value, bool is_signed)
{
	bool negative = is_signed && (s64)value < 0;
	u32 length = negative;

	if (negative)
		value = 0 - value;
	do {
		stp_divide(&value, 10);
		length++;
	} while (value);
	return length;
}

static bool continues(char byte)
{
	return ((u8)byte & 0xc0) == 0x80;
}

/* Bytes of the well-formed UTF-8 sequence in front, if its code point is U+00A0 or above; else 0. */
static u32 utf8_length(const char *bytes, u32 length)
{
	u8 first = bytes[0], second;

	if (length < 2 || first < 0xc2 || first > 0xf4 || !continues(bytes[1]))
		return 0;
	second = bytes[1];
	if (first < 0xe0)
		return first == 0xc2 && second < 0xa0 ? 0 : 2;
	if (length < 3 || !continues(bytes[2]))
		return 0;
	if (first < 0xf0) /* no longer than need be, no surrogates */
		return (first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ? 0 : 3;
	if (length < 4 || !continues(bytes[3]))
		return 0;
	return (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90) ? 0 : 4;
}

/* The letter behind the backslash; 0 if the byte has none. */
static char letter_of(u8 byte, char quote)
{
	if (byte == (u8)quote || byte == '\\')
		return byte;
	return byte >= '\a' && byte <= '\r' ? "abtnvfr"[byte - '\a'] : 0;
}

u32 stp_escape(const char *bytes, u32 length, char quote, bool ascii, char unit[STP_ESCAPED_MAX], u32 *used)
{
	u8 byte = bytes[0];
	u32 size = ascii ? 0 : utf8_length(bytes, length);
	char letter = letter_of(byte, quote);

	*used = size ? size : 1;
	if (size) {
		memcpy(unit, bytes, size);
		return size;
	}
	if (letter) {
		unit[0] = '\\';
		unit[1] = letter;
		return 2;
	}
	if (byte >= 0x20 && byte <= 0x7e) {
		unit[0] = byte;
		return 1;
	}
	unit[0] = '\\';
	unit[1] = '0' + (byte >> 6);
	unit[2] = '0' + (byte >> 3 & 7);
	unit[3] = '0' + (byte & 7);
	return 4;
}

void stp_text_quoted(struct stp_text *text, const char *bytes, u32 length)
{
	char unit[STP_ESCAPED_MAX];
	u32 at, used, size;

	stp_text_put(text, "\"", 1);
	for (at = 0; at < length; at += used) {
		size = stp_escape(bytes + at, length - at, '"', false, unit, &used);
		stp_text_put(text, unit, size);
	}
	stp_text_put(text, "\"", 1);
}
