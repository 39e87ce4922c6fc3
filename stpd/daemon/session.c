// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The course of a session: its module is loaded or found, the recording begun, and then there is waiting until it is to end. The end is finish.c.
 * Must never: touch anything before all that can be looked at was; leave a module behind that did not start.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* Names this load of this module, as long as the machine is up. */
static void identify(struct session *session)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	char boot[64] = "-";

	if (file && fscanf(file, "%63s", boot) != 1)
		strcpy(boot, "-");
	if (file)
		fclose(file);
	snprintf(session->identity, sizeof(session->identity), "module %s\nboot %s\nloaded_ns %s\n", module_name(), boot, session->status.loaded_ns);
}

static int load(struct session *session)
{
	const struct options *options = session->options;

	transport = transport_of(options->transport);
	if (module_check(options) || privileges_check(TO_LOAD) || transport->check())
		return -1;
	if (options->directory && recording_create(options->directory))
		return -1;
	if (module_load(options)) {
		recording_discard();
		return -1;
	}
	if (!transport->open(module_name()) && !transport_status(&session->status)) {
		identify(session);
		return 0;
	}
	transport->close();
	module_unload();
	recording_discard();
	return -1;
}

/* "actions=500 errors=3 " */
static int set_limits(const char *limits)
{
	char name[64], value[32], text[128];
	int used, error;

	for (; sscanf(limits, "%63[a-z_]=%31[0-9] %n", name, value, &used) == 2; limits += used) {
		snprintf(text, sizeof(text), "set %s %s", name, value);
		error = transport->command(text);
		if (!error)
			continue;
		say("cannot set the limit %s to %s: %s", name, value, error == EINVAL ? "there is no such limit, or it cannot change while a session runs" : strerror(error));
		return -1;
	}
	return 0;
}

static int find(struct session *session)
{
	const struct options *options = session->options;

	if (module_find(options->name) || privileges_check(TO_LOAD))
		return -1;
	transport = transport_of(options->transport ? options->transport : module_transport());
	if (transport->check())
		return -1;
	if (!transport->open(module_name()) && !transport_status(&session->status)) {
		identify(session);
		if (session->status.overwrite && options->part_size)
			say("-S is for mode discard: in mode overwrite the ring itself keeps the newest");
		else if (!set_limits(options->limits) && !recording_resume(options->directory, session->identity))
			return 0;
	}
	transport->close();
	return -1;
}

/* Return: 0, or -1 (said). */
static int open_streams(struct session *session)
{
	int cpus = session->status.cpus, cpu;

	transport_has_readers = !session->status.overwrite || transport == &transport_netlink;
	for (cpu = 0; cpu < cpus && !session->status.overwrite; cpu++) {
		if (stream_open(&transport_streams[cpu], recording_folder(), cpu, session->status.is_idle, session->options)) {
			say("cannot record into %s: %s", recording_path(), strerror(errno));
			return -1;
		}
		transport_streams_count = cpu + 1;
	}
	return 0;
}

static int start(const struct session *session)
{
	int error = session->status.is_idle ? transport->command("start") : 0;

	events_say_log(session->options->task == TASK_ATTACH);
	if (!error)
		return 0;
	say("the session could not start: %s", strerror(error));
	return -1;
}

/* The rings hold what comes before the readers do. */
static int begin(struct session *session)
{
	const struct options *options = session->options;

	if (!options->leave) {
		maps_begin();
		if (open_streams(session))
			return -1;
	}
	if (start(session))
		return -1;
	if (!options->leave) {
		/* The kernel asks for capabilities as probes are attached, and no more after that; threads have what this one has now. */
		privileges_drop(transport == &transport_netlink);
		if (transport_has_readers && transport->start(transport_streams, transport_streams_count))
			return -1;
	}
	if (!options->directory)
		return 0;
	return manifest_write(recording_folder(), NULL) || recording_begin(session->identity) ? -1 : 0;
}

/* It never began: a module that was loaded for it goes, one that was found stays. */
static int give_up(const struct session *session)
{
	if (session->options->task == TASK_RUN)
		transport->command("stop");
	transport->end();
	maps_end(session->options->task == TASK_ATTACH);
	transport->close();
	if (session->options->task == TASK_RUN)
		module_unload();
	recording_discard();
	return STPD_USAGE;
}

/* The module stays, its rings keep what fits, and the files tell the next stpd where to go on. */
static int leave(const struct session *session)
{
	int cpu, stuck = transport->end();

	for (cpu = 0; cpu < transport_streams_count && !stuck; cpu++)
		stream_close(&transport_streams[cpu]);
	maps_end(true);
	say("session %s goes on without stpd: \"stpd -A %s%s%s\" goes on with it, \"stpd -C %s\" ends it", module_name(), module_name(),
	    session->options->directory ? " -o " : "", session->options->directory ? session->options->directory : "", module_name());
	transport->close();
	return stuck ? STPD_FAILED : STPD_OK;
}

static int wait_and_finish(const struct session *session)
{
	for (;;) {
		switch (events_wait()) {
		case EVENT_SNAPSHOT:
			snapshot_keep(session);
			break;
		case EVENT_DETACH:
			return leave(session);
		default:
			return session_finish(session);
		}
	}
}

int session_run(const struct options *options)
{
	static struct session session;

	session.options = options;
	if (options->pid && watch_open(options->pid))
		return STPD_USAGE;
	if (options->task == TASK_RUN ? load(&session) : find(&session))
		return STPD_USAGE;
	if (begin(&session))
		return give_up(&session);
	say(options->task == TASK_RUN ? "session %s started" : "goes on with session %s", module_name());
	if (options->leave)
		return leave(&session);
	background_started(STPD_OK);
	if (options->background)
		recording_write_pid();
	if (options->command && command_start(options->command))
		return session_finish(&session);
	return wait_and_finish(&session);
}
