/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Pool strings: static per-CPU, per-level buffers; no stack, no allocation, no overflow (B1-B11). */
#ifndef STP_STRING_H
#define STP_STRING_H

#include <stp/format.h>
#include <stp/probe.h>

/**
 * stp_string_take() - Take the next pool string of @ctx, for STP_STRING_SIZE_MAX bytes.
 *
 * Return: An empty string; NULL if all are in use (counted, B2).
 */
char *stp_string_take(struct stp_ctx *ctx);

/**
 * stp_string_printf() - Format into a pool string (B3).
 * @ctx: Context; NULL outside a probe.
 * @out: Out: the string; "" unless the result is 0.
 *
 * Context: Any, inside a probe.
 * Return:  0; -STP_ESTATE outside a probe; -STP_EBUDGET; -STP_EINVAL for a format that does not fit its arguments;
 *          -STP_EFAULT if memory could not be read (P1); -STP_EFULL if no pool string is free (B2).
 */
int stp_string_printf(struct stp_ctx *ctx, const char **out, const char *format, const struct stp_args *args);

/**
 * stp_string_copy() - @string as a pool string (B5).
 * @out: Out: the string; "" unless the result is 0.
 *
 * Context: Any, inside a probe.
 * Return:  0; -STP_ESTATE outside a probe; -STP_EBUDGET; -STP_EFULL if no pool string is free (B2).
 */
int stp_string_copy(struct stp_ctx *ctx, const char **out, const char *string);

/**
 * stp_string_concat() - @a followed by @b (B5).
 *
 * Return: As stp_string_copy().
 */
int stp_string_concat(struct stp_ctx *ctx, const char **out, const char *a, const char *b);

/**
 * stp_string_substr() - At most @length bytes from offset @start on; "" if that is not in the string (B6).
 *
 * Return: As stp_string_copy().
 */
int stp_string_substr(struct stp_ctx *ctx, const char **out, const char *string, s64 start, s64 length);

/**
 * stp_string_replace() - @string with each @what replaced by @by, from the left (B8).
 *
 * Bound:  The product of the lengths of @string and @what, in bytes compared.
 * Return: As stp_string_copy().
 */
int stp_string_replace(struct stp_ctx *ctx, const char **out, const char *string, const char *what, const char *by);

/**
 * stp_string_token() - The @index-th longest run, from 0, of bytes that are not among @delimiters (B7).
 *
 * Bound:  The product of the lengths of @string and @delimiters.
 * Return: 0; -STP_ESTATE outside a probe; -STP_EBUDGET; -STP_ENOENT if there is no such token;
 *         -STP_EFULL if no pool string is free (B2).
 */
int stp_string_token(struct stp_ctx *ctx, const char **out, const char *string, const char *delimiters, s64 index);

/**
 * stp_string_quote() - @string escaped and in double quotes, for printing (B9).
 *
 * Return: As stp_string_copy().
 */
int stp_string_quote(struct stp_ctx *ctx, const char **out, const char *string);

/* stp_string_compare() - Return: -1, 0 or 1 as @a is before, equal to or after @b, as unsigned bytes (B10). */
int stp_string_compare(const char *a, const char *b);

/**
 * stp_string_find() - Offset of the first @what in @string (B10).
 *
 * Bound:  As stp_string_replace().
 * Return: The offset; -STP_ENOENT if there is none.
 */
int stp_string_find(const char *string, const char *what);

/**
 * stp_string_number() - The number that @string spells in @base, 2 to 36, or 0 as C spells it (B11).
 * @value: Out: the number; what of it could be read if the call fails, at the nearest limit of int64.
 *
 * Return: 0; -STP_EINVAL if @string is not all a number, or is beyond int64, or there is no such base.
 */
int stp_string_number(const char *string, s64 base, s64 *value);

/* stp_string_length() - Bytes of @string; no more are looked at than a string may have. */
u32 stp_string_length(const char *string);

/* stp_sprintf(ctx, format, arguments...) - The text as a string that lives until the probe ends; "" if it cannot be had. */
#define stp_sprintf(ctx, format, ...) stp_string(stp_string_printf, ctx, STP_FORMAT_CHECKED(format, ##__VA_ARGS__), STP_ARGS(__VA_ARGS__))

/* The same of the others: "" if it cannot be had (counted). */
#define stp_string(call, ctx, ...) ({ const char *stp_string_out; call(ctx, &stp_string_out, ##__VA_ARGS__); stp_string_out; })
#define stp_str_copy(ctx, string) stp_string(stp_string_copy, ctx, string)
#define stp_str_concat(ctx, a, b) stp_string(stp_string_concat, ctx, a, b)
#define stp_str_substr(ctx, string, start, length) stp_string(stp_string_substr, ctx, string, start, length)
#define stp_str_replace(ctx, string, what, by) stp_string(stp_string_replace, ctx, string, what, by)
#define stp_str_token(ctx, string, delimiters, index) stp_string(stp_string_token, ctx, string, delimiters, index)
#define stp_str_quote(ctx, string) stp_string(stp_string_quote, ctx, string)

#endif
