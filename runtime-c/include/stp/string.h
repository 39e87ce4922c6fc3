/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Pool strings: static per-CPU, per-level buffers; no stack, no allocation, no overflow (B1-B3). */
#ifndef STP_STRING_H
#define STP_STRING_H

#include <stp/args.h>
#include <stp/probe.h>

/**
 * stp_string_take() - Take the next pool string of @ctx, for STP_STRING_SIZE_MAX bytes.
 *
 * Return: An empty string; NULL if all are in use (counted, B2).
 */
char *stp_string_take(struct stp_ctx *ctx);

/**
 * stp_string_printf() - Format into a pool string.
 * @ctx:    Context; NULL outside a probe.
 * @out:    Out: the string; "" unless the result is 0.
 *
 * Context: Any, inside a probe.
 * Return:  0; -STP_ESTATE outside a probe; -STP_EINVAL for a format that does not fit its arguments (P1);
 *          -STP_EFULL if no pool string is free (B2).
 */
int stp_string_printf(struct stp_ctx *ctx, const char **out, const char *format, const struct stp_args *args);

/* stp_sprintf(ctx, format, arguments...) - The text as a string that lives until the probe ends; "" if it cannot be had. */
#define stp_sprintf(ctx, ...) STP_FORMATTED(stp_sprintf_args, ctx, __VA_ARGS__)
const char *stp_sprintf_args(struct stp_ctx *ctx, const char *format, const struct stp_args *args);

#endif
