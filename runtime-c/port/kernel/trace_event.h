/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The kernel's trace events: found by name, with their fields. Needs no tracefs but for names that are near. */
#ifndef STP_PORT_KERNEL_TRACE_EVENT_H
#define STP_PORT_KERNEL_TRACE_EVENT_H

#include <linux/trace_events.h>

#include "nearest.h"

/*
 * How a field lies in an event's record. Text: bytes up to a NUL in it, or elsewhere in the record, at a place that is told from the
 * record's beginning or from the field's end; or a pointer to it.
 */
enum stp_form { STP_FORM_NUMBER, STP_FORM_TEXT, STP_FORM_TEXT_FROM_START, STP_FORM_TEXT_FROM_END, STP_FORM_POINTER, STP_FORM_OTHER };

/**
 * struct stp_trace_field - One field, as the event's format file has it.
 * @offset, @size: In bytes, in the record.
 */
struct stp_trace_field {
	const char *name;
	u32 offset;
	u32 size;
	enum stp_form form;
	bool is_signed;
};

/**
 * stp_trace_event_get() - Find "category:event" and keep it.
 *
 * Context: Task, may sleep.
 * Return:  The event, for stp_trace_event_put(); NULL if there is none, or @target is of another form.
 */
struct trace_event_file *stp_trace_event_get(const char *target);

/* stp_trace_event_put() - Takes NULL. */
void stp_trace_event_put(struct trace_event_file *event);

/* stp_trace_event_fields() - Give each field of the event to @visit, those that all events have first. */
typedef void (*stp_trace_field_fn)(void *to, const struct stp_trace_field *field);
void stp_trace_event_fields(const struct trace_event_file *event, stp_trace_field_fn visit, void *to);

/* stp_trace_event_nearest() - Offer the events of the category of @target, or the categories, to @nearest; nothing if tracefs cannot be read. */
void stp_trace_event_nearest(const char *target, struct stp_nearest *nearest);

#endif
