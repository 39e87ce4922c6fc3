/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The formatter behind stp_printf() and stp_sprintf() (P1), and the table by which formats are checked before anything runs. */
#ifndef STP_FORMAT_H
#define STP_FORMAT_H

#include <stp/args.h>

/**
 * struct stp_text - Where text goes.
 * @out:    @size bytes; no NUL is added.
 * @size:   Bytes that may be written.
 * @length: Bytes of the whole text, written or not.
 * @cut:    String arguments that were longer than a string may be.
 */
struct stp_text {
	char *out;
	u32 size;
	u32 length;
	u32 cut;
};

/**
 * stp_format() - Format @args by @format into @text.
 *
 * Context: Any.
 * Bound:   Length of @format, times STP_PRINT_WIDTH_MAX.
 * Return:  0; -STP_EINVAL if the format does not fit its arguments, -STP_EFAULT if memory could not be read (P1):
 *          @text->out may hold part of the text then, for the caller to ignore.
 */
int stp_format(struct stp_text *text, const char *format, const struct stp_args *args);

/* stp_text_put() - Append @size bytes. */
void stp_text_put(struct stp_text *text, const char *from, u32 size);

/* stp_text_pad() - Append @count times @with. */
void stp_text_pad(struct stp_text *text, char with, u32 count);

/* stp_text_number() - Append @value, signed or not, in decimal. */
void stp_text_number(struct stp_text *text, u64 value, bool is_signed);

/* stp_number_length() - Bytes that stp_text_number() appends. */
u32 stp_number_length(u64 value, bool is_signed);

/* stp_text_quoted() - Append @length bytes escaped (B9), between double quotes. */
void stp_text_quoted(struct stp_text *text, const char *bytes, u32 length);

/**
 * stp_escape() - The next unit of a string, escaped (B9).
 * @bytes:  At least one byte.
 * @length: Bytes that are left.
 * @quote:  The quote that gets a backslash.
 * @ascii:  Whether all bytes from 0x80 on become octal.
 * @unit:   Out: the escaped unit, up to STP_ESCAPED_MAX bytes.
 * @used:   Out: bytes of the string that it stands for.
 *
 * Return: Bytes in @unit.
 */
#define STP_ESCAPED_MAX 4 /* bytes */
u32 stp_escape(const char *bytes, u32 length, char quote, bool ascii, char unit[STP_ESCAPED_MAX], u32 *used);

/**
 * struct stp_format_use - A format of the program and the arguments it is given.
 */
struct stp_format_use {
	const char *format;
	const char *file;
	u32 line;
	u32 shape;
};

/* A literal format, entered in the table of all formats, which the session checks before anything runs. */
#define STP_FORMAT_CHECKED(text, ...) ({ \
	static const struct stp_format_use stp_format_use_here = { \
		.format = text, .file = __FILE__, .line = __LINE__, .shape = STP_ARGS_SHAPE(__VA_ARGS__), \
	}; \
	static const struct stp_format_use *const stp_format_use_ref STP_TABLE(stp_formats) = &stp_format_use_here; \
	(void)stp_format_use_ref; \
	stp_format_use_here.format; \
})

/**
 * stp_format_check() - Whether a format fits arguments of that shape, whatever their values (P1).
 *
 * A width or precision that is an argument is not known yet: stp_format() looks at it.
 *
 * Return: 0; -STP_EINVAL.
 */
int stp_format_check(const char *format, u32 shape);

#endif
