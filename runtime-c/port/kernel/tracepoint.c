// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Provider tracepoint: the kernel's trace events, by way of perf, which gives a record in the layout of the event's format file.
 * Must never: read beyond that record.
 */
#include <asm/unaligned.h>

#include <stp/session.h>

#include "counters.h"
#include "hit.h"
#include "trace_event.h"
#include "tracepoint.h"

/* A field that the program reads. */
struct read_field {
	u32 id;
	u32 offset;
	u32 size;
	enum stp_form form;
	bool is_signed;
};

/* @field: those of the program's names that this event has. */
struct attached {
	struct stp_probe *probe;
	struct stp_counters *counters;
	u32 count;
	struct read_field field[];
};

struct trace_hit {
	struct stp_hit hit;
	const struct attached *attached;
	const u8 *record;
	u32 size;
};

static const struct read_field *field_of(const struct attached *attached, u32 id)
{
	u32 i;

	for (i = 0; i < attached->count; i++)
		if (attached->field[i].id == id)
			return &attached->field[i];
	return NULL;
}

static u64 number_at(const u8 *at, u32 size)
{
	switch (size) {
	case 1:
		return *at;
	case 2:
		return get_unaligned((const u16 *)at);
	case 4:
		return get_unaligned((const u32 *)at);
	default:
		return get_unaligned((const u64 *)at);
	}
}

static s32 read_number(const struct read_field *field, const u8 *at, void *to, u32 size)
{
	u32 shift = 64 - field->size * 8;
	u64 number;

	if (field->form != STP_FORM_NUMBER && field->form != STP_FORM_POINTER)
		return -STP_EFAULT;
	number = number_at(at, field->size) << shift;
	return stp_number(field->is_signed ? (u64)((s64)number >> shift) : number >> shift, to, size);
}

static s32 read_text(const struct trace_hit *hit, const struct read_field *field, void *to, u32 size)
{
	u32 start = field->offset, length = field->size, place;

	if (field->form == STP_FORM_POINTER)
		return stp_memory_string(number_at(hit->record + start, length), false, to, size);
	if (field->form == STP_FORM_TEXT_FROM_START || field->form == STP_FORM_TEXT_FROM_END) {
		place = get_unaligned((const u32 *)(hit->record + start));
		start = (place & 0xffff) + (field->form == STP_FORM_TEXT_FROM_END ? start + length : 0);
		length = place >> 16;
	} else if (field->form != STP_FORM_TEXT) {
		return -STP_EFAULT;
	}
	if (start > hit->size || length > hit->size - start)
		return -STP_EFAULT;
	length = strnlen(hit->record + start, min(length, size));
	memcpy(to, hit->record + start, length);
	return length;
}

static s32 look_at_field(const struct stp_hit *hit, u32 kind, u64 key, u32 detail, void *to, u32 size)
{
	const struct trace_hit *here = container_of(hit, struct trace_hit, hit);
	const struct read_field *field;

	if (kind != STP_LOOK_FIELD && kind != STP_LOOK_FIELD_STRING)
		return -STP_ENOENT;
	field = field_of(here->attached, detail);
	if (!field || field->offset + field->size > here->size)
		return -STP_EFAULT;
	return kind == STP_LOOK_FIELD ? read_number(field, here->record + field->offset, to, size) : read_text(here, field, to, size);
}

static const struct stp_hit_kind kind = { .look = look_at_field };

/* perf does not call this again on the same CPU and level before it has returned. */
static void on_trace_event(struct perf_event *event, struct perf_sample_data *data, struct pt_regs *regs)
{
	const struct attached *attached = event->overflow_handler_context;
	struct trace_hit hit = {
		.hit = { .kind = &kind, .regs = regs },
		.attached = attached,
		.record = data->raw->frag.data,
		.size = data->raw->frag.size,
	};

	stp_probe_hit(attached->probe, stp_port_level(), &hit.hit);
}

/* If the program reads the field, it is kept. Names of several places of the source may have one id. */
static void keep_field(void *to, const struct stp_trace_field *field)
{
	const struct stp_program *program = &stp_session.program;
	struct attached *attached = to;
	u32 id = stp_name_id(NULL, field->name);
	u32 i;

	for (i = 0; i < program->names_count; i++) {
		if (program->names[i]->type || program->names[i]->id != id)
			continue;
		attached->field[attached->count++] = (struct read_field){ id, field->offset, field->size, field->form, field->is_signed };
		return;
	}
}

static int refuse_unknown(struct stp_probe *probe)
{
	struct stp_nearest *nearest = stp_alloc(sizeof(*nearest));

	if (nearest)
		stp_trace_event_nearest(probe->target, nearest);
	stp_refuse(probe, -STP_ENOENT, "no such tracepoint%s", nearest ? stp_nearest_text(nearest) : "");
	stp_free(nearest);
	return -STP_ENOENT;
}

/* PERF_SAMPLE_PERIOD: one hit each time, also for events that count more than one; without it those are throttled. */
static int open_counters(struct attached *attached, u32 id)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = id,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_RAW | PERF_SAMPLE_PERIOD,
	};

	attached->counters = stp_counters_open(&attr, on_trace_event, attached);
	return PTR_ERR_OR_ZERO(attached->counters);
}

static int attach(struct stp_probe *probe)
{
	struct trace_event_file *event = stp_trace_event_get(probe->target);
	struct attached *attached;
	int error = -ENOMEM;

	if (!event && !strchr(probe->target, ':'))
		return stp_refuse(probe, -STP_EINVAL, "give a category and an event, as sched:sched_switch");
	if (!event)
		return refuse_unknown(probe);
	/* No event has two fields of one name, so none has more of them than the program has names. */
	attached = stp_alloc(struct_size(attached, field, stp_session.program.names_count));
	if (attached) {
		attached->probe = probe;
		stp_trace_event_fields(event, keep_field, attached);
		error = open_counters(attached, event->event_call->event.type);
	}
	stp_trace_event_put(event); /* perf keeps it now */
	if (error) {
		stp_free(attached);
		return error == -ENOMEM ? stp_refuse(probe, -STP_ENOMEM, "no memory") : stp_refuse(probe, -STP_EINVAL, "refused by the kernel (%d)", error);
	}
	probe->state = attached;
	return 0;
}

static void detach(struct stp_probe *probe)
{
	struct attached *attached = probe->state;

	stp_counters_close(attached->counters); /* waits for hits in flight */
	probe->state = NULL;
	stp_free(attached);
}

/* A search for one field in all tracepoints of the program. */
struct search {
	struct stp_nearest nearest;
	bool found;
};

static void compare(void *to, const struct stp_trace_field *field)
{
	struct search *search = to;

	search->found |= !strcmp(field->name, search->nearest.wanted);
	stp_nearest_offer(&search->nearest, field->name);
}

/* Return: whether all tracepoints are there. */
static bool search_all(struct search *search)
{
	bool all = true;
	u32 i;

	for (i = 0; i < stp_session.program.probes_count; i++) {
		const struct stp_probe *probe = stp_session.program.probes[i];
		struct trace_event_file *event;

		if (probe->provider != &stp_provider_tracepoint)
			continue;
		event = stp_trace_event_get(probe->target);
		if (event)
			stp_trace_event_fields(event, compare, search);
		all = all && event;
		stp_trace_event_put(event);
	}
	return all;
}

int stp_tracepoint_resolve(struct stp_name *name)
{
	struct search *search = stp_alloc(sizeof(*search));
	bool all, missing;

	if (!search)
		return -STP_ENOMEM;
	search->nearest.wanted = name->member;
	all = search_all(search);
	missing = all && !search->found;
	name->missing = !search->found;
	if (missing)
		stp_log("%s:%d: no tracepoint of this program has a field %s%s\n", name->file, name->line, name->member, stp_nearest_text(&search->nearest));
	stp_free(search);
	return missing ? -STP_ENOENT : 0;
}

const struct stp_provider stp_provider_tracepoint = {
	.name = "tracepoint",
	.about = "an event of the kernel by category and name: sched:sched_switch",
	.rank = 1,
	.attach = attach,
	.detach = detach,
};
