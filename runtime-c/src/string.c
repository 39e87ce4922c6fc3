// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Pool strings (B1-B3).
 * Must never: hand out one buffer twice within a hit, write behind its end.
 * Sibling: runtime-as/assembly/string.ts
 */
#include <stp/format.h>
#include <stp/session.h>
#include <stp/string.h>

/* The buffer that take() would give, NULL if all are in use. */
static char *next_free(const struct stp_ctx *ctx)
{
	if (ctx->strings_used >= stp_session.config.strings)
		return NULL;
	return ctx->strings + (size_t)ctx->strings_used * STP_STRING_SIZE_MAX;
}

static char *take(struct stp_ctx *ctx)
{
	char *string = next_free(ctx);

	stp_ledger_attempt(ctx->row, STP_LOSS_KIND_STRING);
	if (!string) {
		stp_ledger_lose(ctx->row, STP_LOSS_KIND_STRING, STP_LOSS_FULL); /* B2 */
		return NULL;
	}
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

int stp_string_printf(struct stp_ctx *ctx, const char **out, const char *format, const struct stp_args *args)
{
	struct stp_text text = { .out = NULL };
	u32 length;

	*out = "";
	if (!ctx)
		return -STP_ESTATE;
	text.out = next_free(ctx);
	if (text.out)
		text.size = STP_STRING_SIZE_MAX - 1;
	if (stp_format(&text, format, args))
		return -STP_EINVAL; /* before EFULL, B3 */
	if (!take(ctx))
		return -STP_EFULL;
	length = text.length;
	if (length > text.size) {
		length = text.size;
		text.cut++;
	}
	text.out[length] = 0;
	stp_ledger_cut(ctx->row, text.cut);
	*out = text.out;
	return 0;
}

const char *stp_sprintf_args(struct stp_ctx *ctx, const char *format, const struct stp_args *args)
{
	const char *string;

	stp_string_printf(ctx, &string, format, args);
	return string;
}
