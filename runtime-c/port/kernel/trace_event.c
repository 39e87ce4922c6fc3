// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The kernel's trace events. Their fields come from the tables that the kernel makes the format files of: those files cannot be read
 * from inside the kernel, and need a tracefs that is mounted.
 */
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <trace/syscall.h>

#include "trace_event.h"

#define NAME_SIZE_MAX 64 /* bytes of a category's name and of an event's, its NUL included */
#define FIELDS_MAX 128 /* of one event; the kernel's have some 40 at most */

struct trace_event_file *stp_trace_event_get(const char *target)
{
	const char *colon = strchr(target, ':');
	struct trace_event_file *event;
	char category[NAME_SIZE_MAX];

	if (!colon || colon - target >= sizeof(category))
		return NULL;
	strscpy(category, target, colon - target + 1);
	event = trace_get_event_file(NULL, category, colon + 1);
	return IS_ERR(event) ? NULL : event;
}

void stp_trace_event_put(struct trace_event_file *event)
{
	if (event)
		trace_put_event_file(event);
}

/* From the type as the source of the kernel has it: "int", "char[16]", "__data_loc char[]", "const char *". */
static enum stp_form form_of(const char *type, u32 size)
{
	if (str_has_prefix(type, "__data_loc char["))
		return STP_FORM_TEXT_FROM_START;
	if (str_has_prefix(type, "__rel_loc char["))
		return STP_FORM_TEXT_FROM_END;
	if (str_has_prefix(type, "char["))
		return STP_FORM_TEXT;
	if (strchr(type, '[') || str_has_prefix(type, "__data_loc") || str_has_prefix(type, "__rel_loc"))
		return STP_FORM_OTHER;
	if (strstr(type, "char *") && size == sizeof(char *))
		return STP_FORM_POINTER;
	return size == 1 || size == 2 || size == 4 || size == 8 ? STP_FORM_NUMBER : STP_FORM_OTHER;
}

static void visit_common(stp_trace_field_fn visit, void *to)
{
	static const struct stp_trace_field fields[] = {
#define COMMON(field, is_int) { "common_" #field, offsetof(struct trace_entry, field), sizeof_field(struct trace_entry, field), STP_FORM_NUMBER, is_int }
		COMMON(type, false), COMMON(flags, false), COMMON(preempt_count, false), COMMON(pid, true),
#undef COMMON
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(fields); i++)
		visit(to, &fields[i]);
}

/* Arguments of a system call: a word each, behind its number. */
static void visit_arguments(const struct trace_event_call *call, u32 offset, stp_trace_field_fn visit, void *to)
{
	const struct syscall_metadata *meta = call->data;
	int i;

	for (i = 0; i < meta->nb_args; i++) {
		struct stp_trace_field field = {
			.name = meta->args[i],
			.offset = ALIGN(offset, sizeof(unsigned long)) + i * sizeof(unsigned long),
			.size = sizeof(unsigned long),
			.form = form_of(meta->types[i], sizeof(unsigned long)),
		};

		visit(to, &field);
	}
}

/* Fields follow each other as the members of a structure do. */
void stp_trace_event_fields(const struct trace_event_file *event, stp_trace_field_fn visit, void *to)
{
	const struct trace_event_call *call = event->event_call;
	const struct trace_event_fields *from = call->class->fields_array;
	u32 offset = sizeof(struct trace_entry);
	u32 i;

	visit_common(visit, to);
	for (i = 0; from && from[i].type && i < FIELDS_MAX; i++) {
		struct stp_trace_field field;

		if (from[i].type == TRACE_FUNCTION_TYPE) {
			if (!strcmp(call->class->system, "syscalls"))
				visit_arguments(call, offset, visit, to);
			return; /* what a function says of other events, those that users define, is not known here */
		}
		offset = ALIGN(offset, from[i].align);
		field = (struct stp_trace_field){ from[i].name, offset, from[i].size, form_of(from[i].type, from[i].size), from[i].is_signed };
		visit(to, &field);
		offset += from[i].size;
	}
}

/* A folder's names, each offered behind @prefix. */
struct names {
	struct dir_context context;
	struct stp_nearest *nearest;
	const char *prefix;
};

static bool offer(struct dir_context *context, const char *name, int length, loff_t at, u64 inode, unsigned int type)
{
	struct names *names = container_of(context, struct names, context);
	char text[STP_NEAREST_SIZE_MAX];

	if (type == DT_DIR && *name != '.' && snprintf(text, sizeof(text), "%s%.*s", names->prefix, length, name) < sizeof(text))
		stp_nearest_offer(names->nearest, text);
	return true;
}

/* Return: whether there is such a folder. */
static bool offer_folder(const char *folder, const char *prefix, struct stp_nearest *nearest)
{
	static const char *const roots[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	struct names names = { .context.actor = offer, .nearest = nearest, .prefix = prefix };
	char path[STP_NEAREST_SIZE_MAX + NAME_SIZE_MAX];
	struct file *file = ERR_PTR(-ENOENT);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(roots) && IS_ERR(file); i++) {
		snprintf(path, sizeof(path), "%s/events/%s", roots[i], folder);
		file = filp_open(path, O_RDONLY | O_DIRECTORY, 0);
	}
	if (IS_ERR(file))
		return false;
	iterate_dir(file, &names.context);
	filp_close(file, NULL);
	return true;
}

void stp_trace_event_nearest(const char *target, struct stp_nearest *nearest)
{
	size_t length = strcspn(target, ":");
	char category[NAME_SIZE_MAX], prefix[NAME_SIZE_MAX + 1];

	nearest->wanted = target;
	if (length >= NAME_SIZE_MAX || strchr(target, '/'))
		return;
	strscpy(category, target, length + 1);
	snprintf(prefix, sizeof(prefix), "%s:", category);
	if (*category && offer_folder(category, prefix, nearest))
		return;
	nearest->wanted = category;
	offer_folder("", "", nearest);
	nearest->wanted = target;
}
