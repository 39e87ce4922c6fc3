/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Between session.c (begin, wait), finish.c (the end) and snapshot.c. */
#ifndef STPD_SESSION_H
#define STPD_SESSION_H

#include "transport.h"

struct session {
	const struct options *options;
	struct status status; /* when stpd came */
	char identity[256];   /* of the session, as stpd.session has it */
};

/* snapshot.c: what the rings hold into @folder. Return: 0, or -1 (said). */
int snapshot_take(const struct session *session, int folder);
/* ... into a recording of its own, snapshot-K. */
void snapshot_keep(const struct session *session);
/* The manifest of now into @folder; its text if @text. Return: 0, or -1 (said). */
int manifest_write(int folder, char **text);

/* finish.c: stop, drain, unload, finish the recording. Return: exit status. */
int session_finish(const struct session *session);

#endif
