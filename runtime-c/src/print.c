// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The print buffer (P2-P4).
 * Must never: mix text of two context levels, lose text that it did not count.
 * Sibling: runtime-as/assembly/print.ts
 */
#include <stp/format.h>
#include <stp/print.h>
#include <stp/session.h>

/* Format behind what is in the buffer; @text tells how it went. */
static int format_at_end(struct stp_ctx *ctx, struct stp_text *text, const char *format, const struct stp_args *args)
{
	*text = (struct stp_text){
		.out = ctx->print + ctx->print_used,
		.size = stp_session.config.print_size - ctx->print_used,
	};
	return stp_format(text, format, args);
}

int stp_printf_args(struct stp_ctx *ctx, const char *format, const struct stp_args *args)
{
	struct stp_text text;

	if (!ctx)
		return -STP_ESTATE;
	if (format_at_end(ctx, &text, format, args))
		return -STP_EINVAL;
	if (text.length > text.size && ctx->print_used) {
		stp_print_flush(ctx); /* P2; counted there */
		format_at_end(ctx, &text, format, args);
	}
	if (text.length > text.size) {
		text.length = text.size;
		text.cut++;
	}
	ctx->print_used += text.length;
	stp_ledger_cut(ctx->row, text.cut);
	return 0;
}

int stp_print_flush(struct stp_ctx *ctx)
{
	int error;

	if (!ctx)
		return -STP_ESTATE;
	if (!ctx->print_used)
		return 0;
	stp_ledger_attempt(ctx->row, STP_LOSS_KIND_RECORD);
	error = stp_ring_write(&ctx->cpu->ring, STP_RECORD_PRINT, ctx->level, ctx->probe->index, ctx->print, ctx->print_used);
	if (error)
		stp_ledger_lose(ctx->row, STP_LOSS_KIND_RECORD, STP_LOSS_FULL);
	else
		stp_ledger_deliver(ctx->row, STP_LOSS_KIND_RECORD);
	ctx->print_used = 0; /* P3: in either case */
	return error;
}
