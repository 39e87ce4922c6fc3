// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The end of a session: stopped, drained, its recording finished, its module unloaded. Whatever goes wrong on the way is said, and the rest is done all the
 * same; a user who presses ^C once more is not made to wait.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* Until all is read. Return: whether the user gave it up. */
static bool drain(void)
{
	while (transport_has_readers && !transport->is_over()) {
		switch (events_wait()) {
		case EVENT_STOP:
			say("given up while it drained");
			return true;
		case EVENT_DETACH:
			say("the session has stopped, and cannot be left any more; ^C gives up draining");
			break;
		default:
			break;
		}
	}
	return false;
}

static void say_why(int cpu)
{
	int error = transport_streams[cpu].error;

	if (error == ENOSPC || error == EDQUOT)
		say("the disk of %s is full, so the session was stopped; what was written before is kept", recording_path());
	else if (error)
		say("cannot write into %s: %s; the session was stopped, and what was written before is kept", recording_path(), strerror(error));
	else if (!module_is_loaded())
		say("module %s is gone: someone else has unloaded it; what had come from it is kept", module_name());
	else
		say("cannot read CPU %d of the session: %s; what was read before is kept", cpu, strerror(transport->error(cpu)));
}

/* Only the first reason: the others follow from it. Return: whether there was one. */
static bool say_failure(void)
{
	int cpu;

	for (cpu = 0; cpu < transport_streams_count; cpu++) {
		if (!transport_streams[cpu].error && !transport->error(cpu))
			continue;
		say_why(cpu);
		return true;
	}
	return false;
}

/* What is still in the rings. */
static void say_left(void)
{
	int cpu;

	for (cpu = 0; cpu < transport_streams_count; cpu++) {
		uint64_t left = transport->left(cpu);

		if (left)
			say("the last %" PRIu64 " bytes of CPU %d are missing in the recording", left, cpu);
	}
}

/* Return: 0, or -1 if the data is not whole. */
static int take_rest(const struct session *session)
{
	bool gave_up = drain(), is_stuck = transport->end(), failed;
	int cpu;

	if (session->status.overwrite)
		return snapshot_take(session, recording_folder());
	if (is_stuck)
		say("a reader is stuck in writing to %s, and is left alone", recording_path());
	failed = say_failure();
	if (gave_up || failed)
		say_left();
	for (cpu = 0; cpu < transport_streams_count && !is_stuck; cpu++) {
		stream_touch(&transport_streams[cpu], 0);
		stream_close(&transport_streams[cpu]);
	}
	return gave_up || failed || is_stuck ? -1 : 0;
}

/* Symbols need much room, the manifest has its own: it is written last, and says that the rest is there. */
static int finish_recording(void)
{
	char *text = transport_text("manifest");
	bool addresses = text && strstr(text, "\"addresses\":1"), user_addresses = text && strstr(text, "\"user_addresses\":1");
	int result;

	free(text);
	if (addresses) {
		symbols_keep_kernel(recording_folder());
		symbols_keep_modules(recording_folder());
	}
	maps_end(user_addresses);
	recording_release_reserve();
	result = manifest_write(recording_folder(), NULL);
	if (!result)
		recording_end();
	return result;
}

int session_finish(const struct session *session)
{
	int error = module_is_loaded() ? transport->command("stop") : 0;
	int result = 0;

	if (error)
		say("cannot stop the session: %s", strerror(error));
	command_end();
	if (take_rest(session))
		result = -1;
	events_say_log(false);
	if (module_is_loaded() && finish_recording())
		result = -1;
	transport->close();
	if (module_is_loaded() && module_unload())
		result = -1;
	say("session %s ended, recording in %s", module_name(), recording_path());
	return error || result || !command_was_well() ? STPD_FAILED : STPD_OK;
}
