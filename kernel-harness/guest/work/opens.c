// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Opens files, some of which are not there. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "work.h"

#define OPENS_STEP 7		/* a little more for each process, so that no two counts are alike */
#define MISSING_EVERY 8		/* every n-th call names a file that is not there */
#define FILES 4			/* files of its own that a process goes round */

static void use(int fd)
{
	char bytes[64] = "workload";

	if (write(fd, bytes, sizeof(bytes)) != sizeof(bytes) || pread(fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
		fail("cannot write and read");
	close(fd);
}

static void run(int index, long count)
{
	long opens = count + OPENS_STEP * index;
	char path[64];
	long made;
	int fd;

	for (made = 0; made < opens; made++) {
		if (made % MISSING_EVERY == MISSING_EVERY - 1) {
			snprintf(path, sizeof(path), "/tmp/wl-%d-missing", index);
			fd = open(path, O_RDONLY);
		} else {
			snprintf(path, sizeof(path), "/tmp/wl-%d-%ld", index, made % FILES);
			fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
		}
		if (fd >= 0)
			use(fd);
	}
	report("opens", made);
}

const struct work work_opens = { .name = "opens", .count = "calls of openat by wl-0; each further process makes 7 more", .run = run };
