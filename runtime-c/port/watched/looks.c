// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Looks at a world that the test plays: what is read, counted, kept and written as text (L1-L7).
 * Sibling: watched_main.c
 */
#include <stdio.h>
#include <string.h>

#include <stp/stp.h>

#include "bed.h"

/* The last look that the port was asked for, and what it gives. */
static struct {
	u32 kind, detail, size, asked;
	u64 key;
	s32 gives; /* bytes of @bytes, or an error */
	u8 bytes[1024];
} played;

static s32 play(u32 kind, u64 key, u32 detail, void *to, u32 size)
{
	played.asked++;
	played.kind = kind;
	played.key = key;
	played.detail = detail;
	played.size = size;
	if (played.gives < 0)
		return played.gives;
	if ((u32)played.gives < size)
		size = played.gives;
	memcpy(to, played.bytes, size);
	return size;
}

static void give(const void *bytes, s32 size)
{
	if (size > 0)
		memcpy(played.bytes, bytes, size);
	played.gives = size;
	played.asked = 0;
}

static void give_text(const char *text)
{
	give(text, strlen(text));
}

static bool asked(u32 kind, u64 key, u32 detail, u32 size)
{
	return played.asked == 1 && played.kind == kind && played.key == key && played.detail == detail && played.size == size;
}

static struct stp_ledger_kind *reads(void)
{
	return &stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_READ];
}

/* One hit of a body, in a session of its own unless it records: its text. */
static const char *hit(void (*body)(struct stp_ctx *ctx), bool record, u32 actions)
{
	static char text[4096];
	struct bed_options options = { .body = body, .record = record, .cpus = 1, .strings = 8, .actions = actions };

	watch.look = play;
	bed_open(&options);
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	snprintf(text, sizeof(text), "%s", bed_read(0));
	bed_check_ledger();
	return text;
}

static void done(void)
{
	bed_close();
	watch.look = NULL;
}

static void read_numbers(struct stp_ctx *ctx)
{
	u64 number = 0x1122334455667788;
	u8 bytes[8];

	give(&number, 8);
	need(stp_task(ctx) == (s64)number && asked(STP_LOOK_TASK, 0, 0, 8));
	played.asked = 0;
	need(stp_now_ns(ctx) == (s64)number && asked(STP_LOOK_NOW, 0, 0, 8));
	played.asked = 0;
	need(stp_wall_ns(ctx) == (s64)number && asked(STP_LOOK_WALL, 0, 0, 8));
	played.asked = 0;
	need(stp_returned(ctx) == (s64)number && asked(STP_LOOK_RETURNED, 0, 0, 8));
	played.asked = 0;
	need(stp_entry_ns(ctx) == (s64)number && asked(STP_LOOK_ENTRY, 0, 0, 8));
	need(!reads()->attempted);
	played.asked = 0;
	need(stp_kernel_int(ctx, 100, 8) == (s64)number && asked(STP_LOOK_KERNEL, 100, 8, 8));
	played.asked = 0;
	need(stp_user_int(ctx, 101, 4) == 0x55667788 && asked(STP_LOOK_USER, 101, 4, 4));
	need(stp_kernel_int(ctx, 100, 2) == 0x7788 && stp_kernel_int(ctx, 100, 1) == 0x88);
	need(reads()->attempted == 4 && reads()->delivered == 4);
	played.asked = 0;
	need(!stp_kernel_int(ctx, 100, 3) && !stp_user_int(ctx, 100, 0) && !stp_user_int(ctx, 100, 16) && !played.asked);
	need(!stp_kernel_read(ctx, bytes, 7, 8) && !memcmp(bytes, &number, 8));
	need(!stp_user_read(ctx, bytes, 7, 5) && asked(STP_LOOK_USER, 7, 5, 5) == false && played.asked == 2);
	give(&number, 3); /* less than asked for is a fault, and nothing of it is left */
	need(stp_kernel_read(ctx, bytes, 7, 8) == -STP_EFAULT && !memcmp(bytes, "\0\0\0\0\0\0\0\0", 8));
	give(NULL, -STP_EFAULT);
	need(stp_user_read(ctx, bytes, 7, 8) == -STP_EFAULT && !stp_user_int(ctx, 9, 8));
	need(!stp_task(ctx) && !stp_now_ns(ctx)); /* no reads */
	need(reads()->attempted == 9 && reads()->delivered == 6 && reads()->lost[STP_LOSS_FAULT] == 3);
}

static void case_numbers(void)
{
	u32 word;

	hit(read_numbers, false, 0);
	need(stp_kernel_read(NULL, &word, 1, 4) == -STP_ESTATE && !word);
	done();
}

static void read_names(struct stp_ctx *ctx)
{
	s64 minus = -5;

	need(stp_name_id(NULL, "a") == 0xe40c292cu && stp_name_id(NULL, "foobar") == 0xbf9cf968u); /* FNV-1a's own examples */
	need(stp_name_id("a", "b") == stp_name_id(NULL, "a.b"));
	give(&minus, 8);
	need(stp_field(ctx, 77, task_struct, pid) == -5 && asked(STP_LOOK_MEMBER, 77, 0, 8)); /* this world resolves nothing: id 0 */
	need(stp_field_or(ctx, 77, task_struct, gone, 9) == -5);
	give(NULL, -STP_ENOENT);
	need(stp_field_or(ctx, 77, task_struct, gone, 9) == 9 && reads()->delivered == 3);
	need(!stp_field(ctx, 77, task_struct, gone) && reads()->lost[STP_LOSS_FAULT] == 1);
	give(NULL, -STP_EFAULT);
	need(!stp_field_or(ctx, 77, task_struct, gone, 9) && reads()->lost[STP_LOSS_FAULT] == 2);
	need(!stp_tracepoint_int(ctx, prev_pid) && reads()->lost[STP_LOSS_FAULT] == 3);
	give(&minus, 8);
	need(stp_tracepoint_int(ctx, prev_pid) == -5);
	give_text("swapper");
	need_text(stp_tracepoint_string(ctx, prev_comm), "swapper");
	need(asked(STP_LOOK_FIELD_STRING, 0, 0, STP_STRING_SIZE_MAX));
	give_text("eth0");
	need_text(stp_field_string(ctx, 5, net_device, name), "eth0");
	need(asked(STP_LOOK_MEMBER_STRING, 5, 0, STP_STRING_SIZE_MAX));
	need(stp_control_answer(ctx, "x") == -STP_ESTATE);
}

static void case_names(void)
{
	hit(read_names, false, 0);
	done();
}

static void read_strings(struct stp_ctx *ctx)
{
	char longest[STP_STRING_SIZE_MAX + 1];
	struct stp_ledger *row = &stp_session.cpu[0].rows[0];
	u32 i;

	give_text("/etc/passwd");
	need_text(stp_user_string(ctx, 5), "/etc/passwd");
	need(asked(STP_LOOK_USER_STRING, 5, 0, STP_STRING_SIZE_MAX));
	played.asked = 0;
	need_text(stp_kernel_string(ctx, 6), "/etc/passwd");
	need(asked(STP_LOOK_KERNEL_STRING, 6, 0, STP_STRING_SIZE_MAX));
	give(NULL, -STP_EFAULT);
	need_text(stp_user_string(ctx, 5), "");
	need(reads()->attempted == 3 && reads()->delivered == 2 && reads()->lost[STP_LOSS_FAULT] == 1 && !row->cut);
	/* One byte short of the limit is whole; at it one byte is cut. */
	memset(longest, 'x', sizeof(longest));
	give(longest, STP_STRING_SIZE_MAX - 1);
	need(strlen(stp_user_string(ctx, 5)) == STP_STRING_SIZE_MAX - 1 && !row->cut);
	give(longest, STP_STRING_SIZE_MAX);
	need(strlen(stp_user_string(ctx, 5)) == STP_STRING_SIZE_MAX - 1 && row->cut == 1);
	longest[STP_STRING_SIZE_MAX - 1] = 0;
	need_text(stp_hit_text(ctx), longest);
	need_text(stp_symbol(ctx, 3), longest);
	need_text(stp_user_string(ctx, 5), longest);
	/* The pool of eight is used up. */
	for (i = 0; i < 3; i++)
		need_text(stp_user_string(ctx, 5), "");
	need(reads()->lost[STP_LOSS_FULL] == 3 && reads()->attempted == 11);
}

static void case_strings(void)
{
	hit(read_strings, false, 0);
	done();
}

/* User space with a vector at 1000: pointers to strings of their own number of letters. */
static u32 vector_count, vector_fault, vector_width, vector_letters;

static s32 play_vector(u32 kind, u64 key, u32 detail, void *to, u32 size)
{
	u64 pointer;
	u32 index;

	if (kind == STP_LOOK_USER) {
		need(size == vector_width && detail == size && (key - 1000) % size == 0);
		index = (key - 1000) / size;
		if (index == vector_fault)
			return -STP_EFAULT;
		pointer = index < vector_count ? 5000 + index : 0;
		memcpy(to, &pointer, size);
		return size;
	}
	need(kind == STP_LOOK_USER_STRING && key >= 5000 && size);
	index = vector_letters ? vector_letters : 1 + (key - 5000) % 3;
	index = index < size ? index : size;
	memset(to, 'a' + (key - 5000) % 26, index);
	return index;
}

static const char *vector(struct stp_ctx *ctx, u32 count, u32 fault, u32 letters)
{
	vector_count = count;
	vector_fault = fault;
	vector_letters = letters;
	return stp_user_strings(ctx, 1000);
}

static void read_vectors(struct stp_ctx *ctx)
{
	struct stp_ledger *row = &stp_session.cpu[0].rows[0];
	const char *string;

	need_text(vector(ctx, 4, 99, 0), "a bb ccc d");
	need_text(vector(ctx, 0, 99, 0), "");
	need(reads()->delivered == 2 && !row->cut);
	need_text(vector(ctx, 4, 2, 0), "a bb");
	need(reads()->lost[STP_LOSS_FAULT] == 1 && !row->cut);
	string = vector(ctx, STP_VECTOR_STRINGS_MAX, 9999, 1);
	need(strlen(string) == 2 * STP_VECTOR_STRINGS_MAX - 1 && !row->cut);
	string = vector(ctx, STP_VECTOR_STRINGS_MAX + 1, 9999, 1);
	need(strlen(string) == 2 * STP_VECTOR_STRINGS_MAX - 1 && row->cut == 1);
	string = vector(ctx, 9, 9999, 100); /* 4 · 101 + 107 */
	need(strlen(string) <= STP_STRING_SIZE_MAX - 1 && strlen(string) >= STP_STRING_SIZE_MAX - 2 && row->cut == 2);
	string = vector(ctx, 1, 9999, 600);
	need(strlen(string) == STP_STRING_SIZE_MAX - 1 && row->cut == 3);
}

static void case_vectors(void)
{
	struct bed_options options = { .body = read_vectors, .cpus = 1, .strings = 8 };

	for (vector_width = 4; vector_width <= 8; vector_width += 4) {
		watch.task.flags = vector_width == 4 ? STP_EVENT_POINTERS_32 : 0;
		watch.look = play_vector;
		bed_open(&options);
		stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
		bed_check_ledger();
		done();
	}
	watch.task.flags = 0;
}

static void read_stacks(struct stp_ctx *ctx)
{
	u64 frames[STP_STACK_FRAMES_MAX + 1] = { 0xffffffff81000000, 0x1f, 0, 5 };
	const char *string;
	u32 i;

	give(frames, 16);
	need_text(stp_stack(ctx), "<stack 0xffffffff81000000 0x1f>");
	need(asked(STP_LOOK_STACK, 0, 0, sizeof(ctx->frames)));
	give(frames, 24); /* a last 0: the walk was cut short */
	need_text(stp_user_stack(ctx), "<ustack 11 0xffffffff81000000 0x1f ...>");
	give(NULL, -STP_ENOENT);
	need_text(stp_stack(ctx), "");
	need(reads()->delivered == 3);
	give(NULL, -STP_EFAULT);
	need_text(stp_stack(ctx), "");
	need(reads()->lost[STP_LOSS_FAULT] == 1);
	for (i = 0; i <= STP_STACK_FRAMES_MAX; i++)
		frames[i] = 0xffffffff81000000 + i;
	give(frames, STP_STACK_FRAMES_MAX * 8);
	string = stp_stack(ctx);
	need(strlen(string) <= STP_STRING_SIZE_MAX - 1 && strlen(string) > STP_STRING_SIZE_MAX - 48 && !strcmp(string + strlen(string) - 5, " ...>"));
	stp_printf(ctx, "before\n");
	need(!stp_print_stack(ctx)); /* flushes first, and fits what fits */
	give(frames, 8);
	need(!stp_print_user_stack(ctx));
	give(NULL, -STP_ENOENT);
	need(stp_print_stack(ctx) == -STP_EFAULT && stp_print_registers(ctx) == -STP_ENOENT);
	give_text("rip 1\nrsp 2\n");
	need(!stp_print_registers(ctx));
}

static void case_stacks(void)
{
	const char *text;

	watch.task.pid = 11;
	text = hit(read_stacks, false, 0);
	need(!strncmp(text, "before\n<stack 0xffffffff81000000 0xffffffff81000001 ", 52));
	need(strstr(text, " ...>\n<ustack 11 0xffffffff81000000>\nrip 1\nrsp 2\n"));
	done();
}

static void read_without_actions(struct stp_ctx *ctx)
{
	u32 word = 7;

	give(&word, 4);
	need(stp_kernel_int(ctx, 1, 4) == 7);
	need(stp_kernel_read(ctx, &word, 1, 4) == -STP_EBUDGET && !word);
	need_text(stp_user_string(ctx, 5), "");
	need_text(stp_user_strings(ctx, 5), "");
	need_text(stp_stack(ctx), "");
	need(!stp_field(ctx, 1, a, b) && !stp_tracepoint_int(ctx, c));
	need(stp_print_stack(ctx) == -STP_EBUDGET && stp_print_registers(ctx) == -STP_EBUDGET);
	need(reads()->attempted == 7 && reads()->delivered == 1 && reads()->lost[STP_LOSS_BUDGET] == 6);
}

static void case_budget(void)
{
	hit(read_without_actions, false, 1);
	done();
}

static void look_for_record(struct stp_ctx *ctx)
{
	give("abcde", 5);
	stp_user_string(ctx, 0x1122334455667788);
	give(NULL, -STP_EFAULT);
	stp_user_int(ctx, 9, 4);
}

static u32 large_looks;

static void look_too_much(struct stp_ctx *ctx)
{
	char bytes[488]; /* with its head 512 */
	u32 i;

	give(bytes, sizeof(bytes));
	for (i = 0; i < large_looks; i++)
		need(!stp_kernel_read(ctx, bytes, i, sizeof(bytes)));
}

/* The recorder keeps each look, in order, with its bytes or error (L3). */
static void case_recorder(void)
{
	struct bed_options options = { .body = look_for_record, .record = true, .cpus = 2 };
	const struct stp_look *look = (const struct stp_look *)bed_looks;
	struct stp_ledger_kind *hits;

	hit(look_for_record, true, 0);
	need(bed_event.looks_size == 2 * sizeof(*look) + 8 && bed_event.order == 1);
	need(look->kind == STP_LOOK_USER_STRING && !look->error && look->size == 5 && look->key == 0x1122334455667788 && !look->detail);
	need(!memcmp(look + 1, "abcde\0\0\0", 8));
	look = (const struct stp_look *)(bed_looks + sizeof(*look) + 8);
	need(look->kind == STP_LOOK_USER && look->error == STP_EFAULT && !look->size && look->key == 9 && look->detail == 4);
	done();

	/* Another CPU's hit is waited for, and in vain. */
	watch.look = play;
	bed_open(&options);
	hits = &stp_session.cpu[0].rows[0].kind[STP_LOSS_KIND_HIT];
	stp_session.recorder = 2;
	stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
	need(hits->attempted == 1 && hits->lost[STP_LOSS_BUSY] == 1 && stp_session.recorder == 2 && !stp_session.order);
	stp_session.recorder = 1; /* a hit of this CPU that this one interrupts keeps it */
	stp_probe_hit(bed_probe(0), STP_CONTEXT_NMI, NULL);
	need(hits->delivered == 1 && stp_session.recorder == 1 && stp_session.order == 1);
	stp_session.recorder = 0;
	done();

	/* Looks that do not fit are left out, and said. */
	for (large_looks = STP_LOOKS_SIZE_MAX / 512; large_looks <= STP_LOOKS_SIZE_MAX / 512 + 1; large_looks++) {
		struct bed_options large = { .body = look_too_much, .record = true, .cpus = 1 };
		bool over = large_looks > STP_LOOKS_SIZE_MAX / 512;

		watch.look = play;
		bed_open(&large);
		stp_session.cpu[0].ctx[0].event->flags = 0;
		stp_probe_hit(bed_probe(0), STP_CONTEXT_TASK, NULL);
		need(stp_session.cpu[0].ctx[0].event->looks_size == STP_LOOKS_SIZE_MAX);
		need(!(stp_session.cpu[0].ctx[0].event->flags & STP_EVENT_INCOMPLETE) == !over);
		need(stp_session.cpu[0].rows[0].cut == over);
		done();
	}
}

static int errors_seen;

static void see_errors(struct stp_ctx *ctx)
{
	(void)ctx;
	errors_seen++;
}

static int no_attach(struct stp_probe *probe)
{
	(void)probe;
	stp_log("no\n");
	return -STP_ENOENT;
}

static void no_detach(struct stp_probe *probe)
{
	(void)probe;
	need(false);
}

/* Error probes run when errors have ended the session (X5); what is optional may fail to attach; names that are missing end the init. */
static void case_session(void)
{
	static const struct stp_provider nowhere = { .name = "nowhere", .rank = 1, .attach = no_attach, .detach = no_detach };
	struct stp_probe after = { .provider = &stp_provider_error, .target = "", .body = see_errors, .file = "e.c", .line = 1 };
	struct stp_probe missing = { .provider = &nowhere, .target = "x", .body = see_errors, .file = "e.c", .line = 2, .optional = true };
	struct stp_probe *const probes[] = { &after, &missing };
	struct stp_name name = { .type = "a", .member = "b" };
	struct stp_name *const names[] = { &name };
	struct stp_program program = { .probes = probes, .probes_count = 2, .names = names, .names_count = 1 };
	struct stp_config config = { .cpus = 1, .errors = 2 };
	u32 i;

	for (i = 0; i <= 2; i++) {
		need(!stp_session_init(&program, &config) && name.id == stp_name_id("a", "b"));
		need(!stp_session_start() && strstr(stp_log_text(), "no\ne.c:2: the session goes on without this optional probe\n"));
		stp_session.errors = i;
		stp_session_stop();
		need(errors_seen == (i == 2));
		stp_session_fini();
	}
	missing.optional = false;
	need(!stp_session_init(&program, &config) && stp_session_start() == -STP_ENOENT);
	stp_session_fini();
	watch.resolve = -STP_ENOENT;
	need(stp_session_init(&program, &config) == -STP_ENOENT);
	watch.resolve = 0;
}

void looks_cases(void)
{
	case_numbers();
	case_names();
	case_strings();
	case_vectors();
	case_stacks();
	case_budget();
	case_recorder();
	case_session();
}
