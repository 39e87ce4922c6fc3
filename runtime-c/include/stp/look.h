/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Looks: every value of the world that a body gets passes here, so that a recorder can keep it and a replay can give it again (L1-L3).
 *
 * What stands in each event (pid, name, arguments, ...) needs no look. The calls that authors use are in task.h, memory.h and stack.h.
 */
#ifndef STP_LOOK_H
#define STP_LOOK_H

#include <stp/probe.h>

/**
 * stp_look() - Look at one value of the world.
 * @kind:   STP_LOOK_* but for memory.
 * @key:    Which one, if there are several of that kind.
 * @detail: Likewise.
 * @to:     Out: at most @size bytes; unchanged behind what the result says.
 *
 * Context: Any, inside a hit.
 * Return:  Bytes that it has, at most @size; -STP_EFAULT if there is nothing that could be read; -STP_ENOENT if this hit has no such value.
 */
s32 stp_look(struct stp_ctx *ctx, u32 kind, u64 key, u32 detail, void *to, u32 size);

/* stp_look_memory() - One of kind STP_LOOK_KERNEL or STP_LOOK_USER. Return: @size; -STP_EFAULT. Apart, because its stack is the least. */
s32 stp_look_memory(struct stp_ctx *ctx, u32 kind, u64 address, void *to, u32 size);

/* stp_look_number() - One that is a 64-bit number; 0 if there is none. */
s64 stp_look_number(struct stp_ctx *ctx, u32 kind);

/* stp_look_string() - One that is text, as a pool string, read and counted (L4); "" if there is none. */
const char *stp_look_string(struct stp_ctx *ctx, u32 kind, u64 key, u32 detail);

/* stp_look_begin() - The action of a read (L4). Return: false if there is none, or no hit; counted. */
bool stp_look_begin(struct stp_ctx *ctx);

/* stp_look_end() - Count a read that gave @result (L4). Return: @result. */
s32 stp_look_end(struct stp_ctx *ctx, s32 result);

/**
 * struct stp_name - A name that a program reads by: a member of a structure, or a field of a tracepoint.
 * @type:     Tag of the structure; NULL for a field.
 * @member:   Member, as "pid" or "se.sum_exec_runtime"; or field.
 * @optional: The program goes on without it.
 * @id:       Hash of both (L1); set at init.
 * @missing:  It is not there; set at init.
 * @offset, @size, @bits, @is_signed: Where and what it is; for the port.
 */
struct stp_name {
	const char *type;
	const char *member;
	const char *file;
	u32 line;
	bool optional;
	bool missing;
	bool is_signed;
	u32 id;
	u64 bit_offset;
	u32 size;
	u32 bits;
};

/* A name of the program, entered in the table of all names, which the session resolves before anything runs. */
#define STP_NAME_USED(of, name, may_miss) ({ \
	static struct stp_name stp_name_here = { .type = of, .member = name, .file = __FILE__, .line = __LINE__, .optional = may_miss }; \
	static struct stp_name *const stp_name_ref STP_TABLE(stp_names) = &stp_name_here; \
	(void)stp_name_ref; \
	&stp_name_here; \
})

/* stp_name_id() - Hash of a name's type and member (L1). */
u32 stp_name_id(const char *type, const char *member);

/* stp_recorder_hit() - As stp_probe_hit(), in a session that records: one hit after the other, each with its event (L3). */
void stp_recorder_hit(const struct stp_probe *probe, u32 level, const void *hit);

#endif
