/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The formatter behind stp_printf() and stp_sprintf() (P1). */
#ifndef STP_FORMAT_H
#define STP_FORMAT_H

#include <stp/args.h>

/**
 * struct stp_text - Where formatted text goes.
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
 * Return:  0; -STP_EINVAL if the format does not fit its arguments: @text->out may hold part of the text then,
 *          for the caller to ignore.
 */
int stp_format(struct stp_text *text, const char *format, const struct stp_args *args);

#endif
