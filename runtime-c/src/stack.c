// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Backtraces, registers and symbols, as text (L7, L8).
 * Must never: walk without an end, look a name up unasked.
 * Siblings: look.c; port/kernel/stack.c does the walking
 */
#include <stp/session.h>
#include <stp/stack.h>
#include <stp/string.h>
#include <stp/task.h>

#define FRAME_SIZE_MAX 19 /* bytes: " 0x" and 16 digits */
#define CUT_MARK " ..."
#define PUT(text, literal) stp_text_put(text, literal, sizeof(literal) - 1)

struct walk {
	u32 kind;
	u32 count;
	bool cut;
};

/* The frames of this hit, in ctx->frames. A last frame of 0 says that the walk did not come to its end. */
static bool walk(struct stp_ctx *ctx, u32 kind, struct walk *walk)
{
	s32 got;

	if (!stp_look_begin(ctx))
		return false;
	STP_WRITE(stp_session.addresses, 1);
	if (kind == STP_LOOK_USER_STACK)
		STP_WRITE(stp_session.user_addresses, 1);
	got = stp_look_end(ctx, stp_look(ctx, kind, 0, 0, ctx->frames, sizeof(ctx->frames)));
	*walk = (struct walk){ .kind = kind, .count = got < 0 ? 0 : got / sizeof(*ctx->frames) };
	if (walk->count && !ctx->frames[walk->count - 1]) {
		walk->count--;
		walk->cut = true;
	}
	return got > 0;
}

static void put_hex(struct stp_text *text, u64 value)
{
	static const char digits[] = "0123456789abcdef";
	char out[16];
	u32 at = sizeof(out);

	do {
		out[--at] = digits[value & 15];
		value >>= 4;
	} while (value);
	PUT(text, " 0x");
	stp_text_put(text, out + at, sizeof(out) - at);
}

/* The text of a walk; frames that would not leave room for the mark and what follows are left out, and the mark says so. */
static void put_stack(struct stp_text *text, struct stp_ctx *ctx, const struct walk *walk)
{
	bool cut = walk->cut;
	u32 i;

	if (walk->kind == STP_LOOK_USER_STACK) {
		PUT(text, "<ustack ");
		stp_text_number(text, stp_pid(ctx), true);
	} else {
		PUT(text, "<stack");
	}
	for (i = 0; i < walk->count; i++) {
		if (text->length + FRAME_SIZE_MAX + sizeof(CUT_MARK ">\n") > text->size) {
			cut = true;
			break;
		}
		put_hex(text, ctx->frames[i]);
	}
	if (cut)
		PUT(text, CUT_MARK);
	PUT(text, ">");
}

static const char *stack_string(struct stp_ctx *ctx, u32 kind)
{
	struct stp_text text;
	struct walk found;
	char *string;

	if (!walk(ctx, kind, &found))
		return "";
	string = stp_string_take(ctx);
	if (!string)
		return "";
	text = (struct stp_text){ .out = string, .size = STP_STRING_SIZE_MAX - 1 };
	put_stack(&text, ctx, &found);
	string[text.length] = 0;
	return string;
}

const char *stp_stack(struct stp_ctx *ctx)
{
	return stack_string(ctx, STP_LOOK_STACK);
}

const char *stp_user_stack(struct stp_ctx *ctx)
{
	return stack_string(ctx, STP_LOOK_USER_STACK);
}

static int print_stack(struct stp_ctx *ctx, u32 kind)
{
	int error = stp_print_begin(ctx);
	struct stp_text text;
	struct walk found;

	if (error)
		return error;
	if (!walk(ctx, kind, &found))
		return -STP_EFAULT;
	text = stp_print_room(ctx);
	/* A stack is not torn into two records. */
	if (text.size < STP_STACK_TEXT_SIZE_MAX && ctx->print_used) {
		stp_print_send(ctx);
		text = stp_print_room(ctx);
	}
	put_stack(&text, ctx, &found);
	PUT(&text, "\n");
	stp_print_take(ctx, &text);
	return 0;
}

int stp_print_stack(struct stp_ctx *ctx)
{
	return print_stack(ctx, STP_LOOK_STACK);
}

int stp_print_user_stack(struct stp_ctx *ctx)
{
	return print_stack(ctx, STP_LOOK_USER_STACK);
}

int stp_print_registers(struct stp_ctx *ctx)
{
	int error = stp_print_begin(ctx);
	struct stp_text text;
	s32 size;

	if (error)
		return error;
	if (!stp_look_begin(ctx))
		return -STP_EBUDGET;
	text = stp_print_room(ctx);
	if (text.size < STP_REGISTERS_SIZE_MAX && ctx->print_used) {
		stp_print_send(ctx);
		text = stp_print_room(ctx);
	}
	size = stp_look(ctx, STP_LOOK_REGISTERS, 0, 0, text.out, text.size < STP_REGISTERS_SIZE_MAX ? text.size : STP_REGISTERS_SIZE_MAX);
	stp_look_end(ctx, size);
	if (size < 0)
		return size;
	text.length = size;
	stp_print_take(ctx, &text);
	return 0;
}

const char *stp_symbol(struct stp_ctx *ctx, u64 address)
{
	return stp_look_string(ctx, STP_LOOK_SYMBOL, address, 0);
}
