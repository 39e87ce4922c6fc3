// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Looks at the world, and the recorder that keeps them (L1-L4).
 * Must never: let a body get a value of the world that a recorder does not see, wait for what it interrupted.
 * Sibling: spec/recording/event.ts
 */
#include <stp/look.h>
#include <stp/print.h>
#include <stp/session.h>

#define LOOK_ALIGN 8 /* bytes */

/* Keeps what a look gave, behind the looks before it (L3). Return: @result. */
static STP_NOINLINE s32 note(struct stp_ctx *ctx, u32 kind, u64 key, u32 detail, const void *bytes, s32 result)
{
	struct stp_event *event = ctx->event;
	struct stp_look *look = (struct stp_look *)((u8 *)(event + 1) + event->looks_size);
	u32 size = result < 0 ? 0 : result;
	u32 padding = -size & (LOOK_ALIGN - 1);

	if (size > STP_LOOKS_SIZE_MAX || event->looks_size + sizeof(*look) + size + padding > STP_LOOKS_SIZE_MAX) {
		event->flags |= STP_EVENT_INCOMPLETE;
		return result;
	}
	look->kind = kind;
	look->error = result < 0 ? -result : 0;
	look->size = size;
	look->key = key;
	look->detail = detail;
	look->reserved = 0;
	memcpy(look + 1, bytes, size);
	memset((u8 *)(look + 1) + size, 0, padding);
	event->looks_size += sizeof(*look) + size + padding;
	return result;
}

s32 stp_look(struct stp_ctx *ctx, u32 kind, u64 key, u32 detail, void *to, u32 size)
{
	s32 result = stp_port_look(ctx, kind, key, detail, to, size);

	return stp_unlikely(ctx->event) ? note(ctx, kind, key, detail, to, result) : result;
}

s32 stp_look_memory(struct stp_ctx *ctx, u32 kind, u64 address, void *to, u32 size)
{
	s32 result = stp_port_read(ctx, kind, address, to, size);

	return stp_unlikely(ctx->event) ? note(ctx, kind, address, size, to, result) : result;
}

s64 stp_look_number(struct stp_ctx *ctx, u32 kind)
{
	s64 number = 0;

	return stp_look(ctx, kind, 0, 0, &number, sizeof(number)) == sizeof(number) ? number : 0;
}

bool stp_look_begin(struct stp_ctx *ctx)
{
	if (stp_outside(ctx))
		return false;
	stp_ledger_attempt(ctx->row, STP_LOSS_KIND_READ);
	if (stp_act(ctx))
		return true;
	stp_ledger_lose(ctx->row, STP_LOSS_KIND_READ, STP_LOSS_BUDGET);
	return false;
}

s32 stp_look_end(struct stp_ctx *ctx, s32 result)
{
	if (result == -STP_EFAULT)
		stp_ledger_lose(ctx->row, STP_LOSS_KIND_READ, STP_LOSS_FAULT);
	else
		stp_ledger_deliver(ctx->row, STP_LOSS_KIND_READ);
	return result;
}

#define HASH_BASIS 2166136261u
#define HASH_FACTOR 16777619u

static u32 hash(u32 id, const char *text)
{
	for (; *text; text++)
		id = (id ^ (u8)*text) * HASH_FACTOR;
	return id;
}

u32 stp_name_id(const char *type, const char *member)
{
	u32 id = HASH_BASIS;

	if (type)
		id = hash(hash(id, type), ".");
	return hash(id, member);
}

/* The event's head: what every hit shows. */
static void begin_event(struct stp_ctx *ctx)
{
	struct stp_event *event = ctx->event;
	u32 i;

	memset(event, 0, sizeof(*event));
	event->pid = stp_port_pid(ctx);
	event->tid = stp_port_tid(ctx);
	event->uid = stp_port_uid(ctx);
	event->flags = stp_port_pointers_32(ctx) ? STP_EVENT_POINTERS_32 : 0;
	stp_port_comm(ctx, event->comm);
	for (i = 0; i < STP_EVENT_ARGS; i++)
		event->args[i] = stp_port_arg(ctx, i);
	event->time_ns = stp_time_ns();
}

#define ORDER_TRIES_MAX 64 /* tries; each that fails is a hit in nmi that has taken a number */

static u32 next_order(void)
{
	u32 tries, order;

	for (tries = ORDER_TRIES_MAX; tries; tries--) {
		order = STP_READ(stp_session.order);
		if (stp_cmpxchg(&stp_session.order, order, order + 1) == order)
			break;
	}
	return order + 1;
}

static void end_event(struct stp_ctx *ctx)
{
	struct stp_event *event = ctx->event;

	event->order = next_order();
	stp_ledger_cut(ctx->row, event->flags & STP_EVENT_INCOMPLETE ? 1 : 0);
	stp_print_offer(ctx, STP_RECORD_EVENT, (const char *)event, sizeof(*event) + event->looks_size);
}

/* What lets hits of different CPUs run one after the other; a hit that interrupts another of its CPU goes in with it. */
enum claim { CLAIM_REFUSED, CLAIM_INNER, CLAIM_TAKEN };

static enum claim claim(u32 id, u32 level)
{
	u32 spins = level == STP_CONTEXT_NMI ? STP_LOCK_SPINS_NMI_MAX : STP_LOCK_SPINS_MAX;

	if (STP_READ(stp_session.recorder) == id)
		return CLAIM_INNER;
	for (; spins; spins--) {
		if (!STP_READ(stp_session.recorder) && !stp_cmpxchg(&stp_session.recorder, 0, id)) {
			stp_lock_taken(&stp_session.recorder, STP_LOCK_TRIED);
			return CLAIM_TAKEN; /* after store_release in stp_recorder_hit() */
		}
		stp_relax();
	}
	return CLAIM_REFUSED;
}

void stp_recorder_hit(const struct stp_probe *probe, u32 level, const void *hit)
{
	unsigned long flags = stp_irq_save();
	struct stp_cpu *cpu = stp_this_cpu();
	enum claim claimed = claim(cpu->lock_id, level);
	struct stp_ctx *ctx;

	if (claimed == CLAIM_REFUSED) {
		stp_ledger_attempt(&cpu->rows[probe->index], STP_LOSS_KIND_HIT);
		stp_ledger_lose(&cpu->rows[probe->index], STP_LOSS_KIND_HIT, STP_LOSS_BUSY);
		stp_irq_restore(flags);
		return;
	}
	ctx = stp_probe_enter(probe, level);
	if (ctx) {
		ctx->hit = hit;
		begin_event(ctx);
		probe->body(ctx);
		end_event(ctx);
		stp_probe_exit(ctx);
	}
	if (claimed == CLAIM_TAKEN) {
		stp_lock_given(&stp_session.recorder);
		stp_store_release(&stp_session.recorder, 0); /* pairs with claim() */
	}
	stp_irq_restore(flags);
}
