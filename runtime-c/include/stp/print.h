/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The print buffer: static, per CPU and context level; a flush makes one record of it (P2-P4). */
#ifndef STP_PRINT_H
#define STP_PRINT_H

#include <stp/string.h>

/* stp_printf(ctx, format, arguments...) - Append to the print buffer; see stp_printf_args(). */
#define stp_printf(ctx, ...) STP_FORMATTED(stp_printf_args, ctx, __VA_ARGS__)

/**
 * stp_printf_args() - Append formatted text to the print buffer of @ctx.
 * @ctx: Context; NULL outside a probe.
 *
 * A text that does not fit behind what is there flushes that first; one longer than the buffer is cut (P2).
 *
 * Context: Any, inside a probe. Never sleeps or allocates.
 * Return:  0; -STP_ESTATE outside a probe; -STP_EINVAL for a format that does not fit its arguments (P1).
 */
int stp_printf_args(struct stp_ctx *ctx, const char *format, const struct stp_args *args);

/**
 * stp_print_flush() - Send the print buffer as one record, stamped once, and empty it (P3).
 *
 * Context: Any, inside a probe.
 * Return:  0; -STP_ESTATE outside a probe; -STP_EFULL if the ring had no room (the text is lost and counted).
 */
int stp_print_flush(struct stp_ctx *ctx);

#endif
