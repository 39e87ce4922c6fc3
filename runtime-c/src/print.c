// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The print buffer (P2-P4).
 * Must never: mix text of two context levels, lose text that it did not count.
 * Siblings: show.c, runtime-as/assembly/print.ts
 */
#include <stp/print.h>
#include <stp/session.h>

struct stp_text stp_print_room(struct stp_ctx *ctx)
{
	return (struct stp_text){
		.out = ctx->print + ctx->print_used,
		.size = stp_session.config.print_size - ctx->print_used,
	};
}

bool stp_print_full(struct stp_ctx *ctx, const struct stp_text *text)
{
	if (text->length <= text->size || !ctx->print_used)
		return false;
	stp_print_send(ctx); /* P2; counted there */
	return true;
}

void stp_print_take(struct stp_ctx *ctx, const struct stp_text *text)
{
	bool over = text->length > text->size;

	ctx->print_used += over ? text->size : text->length;
	stp_ledger_cut(ctx->row, text->cut + over);
}

static void lose(struct stp_ctx *ctx, u32 cause)
{
	stp_ledger_attempt(ctx->row, STP_LOSS_KIND_RECORD);
	stp_ledger_lose(ctx->row, STP_LOSS_KIND_RECORD, cause);
}

int stp_print_begin(struct stp_ctx *ctx)
{
	if (stp_outside(ctx))
		return -STP_ESTATE;
	if (stp_act(ctx))
		return 0;
	lose(ctx, STP_LOSS_BUDGET);
	return -STP_EBUDGET;
}

int stp_printf_args(struct stp_ctx *ctx, const char *format, const struct stp_args *args)
{
	struct stp_text text;
	int error = stp_print_begin(ctx);

	if (error)
		return error;
	text = stp_print_room(ctx);
	error = stp_format(&text, format, args);
	if (error == -STP_EFAULT)
		lose(ctx, STP_LOSS_FAULT);
	if (error)
		return error;
	if (stp_print_full(ctx, &text)) {
		text = stp_print_room(ctx);
		stp_format(&text, format, args);
	}
	stp_print_take(ctx, &text);
	return 0;
}

int stp_print_flush(struct stp_ctx *ctx)
{
	int error = stp_print_begin(ctx);

	return error ? error : stp_print_send(ctx);
}

int stp_print_offer(struct stp_ctx *ctx, u32 type, const char *text, u32 size)
{
	int error;

	stp_ledger_attempt(ctx->row, STP_LOSS_KIND_RECORD);
	error = stp_ring_write(&ctx->cpu->ring, type, ctx->level, ctx->probe->index, text, size);
	if (error)
		stp_ledger_lose(ctx->row, STP_LOSS_KIND_RECORD, STP_LOSS_FULL);
	else
		stp_ledger_deliver(ctx->row, STP_LOSS_KIND_RECORD);
	return error;
}

int stp_print_send(struct stp_ctx *ctx)
{
	int error;

	if (!ctx->print_used)
		return 0;
	error = stp_print_offer(ctx, STP_RECORD_PRINT, ctx->print, ctx->print_used);
	ctx->print_used = 0; /* P3: in either case */
	return error;
}
