// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* What rings that overwrite hold, now or at the end; and the manifest that goes with any recording. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "session.h"

#define SNAPSHOTS_MAX 1000 /* of one recording */

static const char *manifest;

static int write_manifest(int to)
{
	return write_all(to, manifest, strlen(manifest)) ? errno : 0;
}

int manifest_write(int folder, char **text)
{
	char *read = transport_text("manifest");
	int result;

	if (!read) {
		say("the session's manifest cannot be read: %s", strerror(errno));
		return -1;
	}
	manifest = read;
	result = recording_replace(folder, "manifest.json", write_manifest);
	if (text)
		*text = read;
	else
		free(read);
	return result;
}

int snapshot_take(const struct session *session, int folder)
{
	static struct stream streams[CPUS_MAX];
	int cpus = session->status.cpus, error = 0, cpu;

	for (cpu = 0; cpu < cpus; cpu++)
		if (stream_open(&streams[cpu], folder, cpu, false, session->options) && !error)
			error = errno;
	if (!error)
		error = transport->snapshot(streams, cpus);
	for (cpu = 0; cpu < cpus; cpu++)
		stream_close(&streams[cpu]);
	if (error)
		say("cannot keep all that the rings hold: %s", strerror(error));
	return error ? -1 : 0;
}

static int make_folder(char name[32])
{
	int k;

	for (k = 1; k <= SNAPSHOTS_MAX; k++) {
		snprintf(name, 32, "snapshot-%d", k);
		if (!mkdirat(recording_folder(), name, 0755))
			return openat(recording_folder(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

void snapshot_keep(const struct session *session)
{
	char name[32], *text = NULL;
	int folder;

	if (!session->status.overwrite) {
		say("signal USR2 is for snapshots in mode overwrite (-m overwrite), and is ignored");
		return;
	}
	folder = make_folder(name);
	if (folder < 0) {
		say("cannot make a folder for a snapshot: %s", errno == EEXIST ? "there are too many; move some away" : strerror(errno));
		return;
	}
	if (!snapshot_take(session, folder) && !manifest_write(folder, &text)) {
		if (strstr(text, "\"addresses\":1")) {
			symbols_keep_kernel(folder);
			symbols_keep_modules(folder);
		}
		if (strstr(text, "\"user_addresses\":1"))
			symbols_copy_maps(folder);
		say("snapshot in %s/%s", recording_path(), name);
	}
	free(text);
	close(folder);
}
