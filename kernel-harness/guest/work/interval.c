// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Opens files steadily, and reads some of them, for as long as it takes. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "work.h"

#define PAUSE_NS 10000000	/* after each open */
#define READS_EVERY 4		/* opens; then one is read from */

static void run(int index, long count)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	char path[64], bytes[64];
	long opens, reads = 0;
	int fd;

	snprintf(path, sizeof(path), "/tmp/wl-%d", index);
	for (opens = 0; opens < count + index; opens++) {
		fd = open(path, O_RDWR | O_CREAT, 0600);
		if (fd < 0)
			fail(path);
		if (opens % READS_EVERY == 0) {
			if (read(fd, bytes, sizeof(bytes)) < 0)
				fail("cannot read");
			reads++;
		}
		close(fd);
		nanosleep(&pause, NULL);
	}
	report("opens", opens);
	report("reads", reads);
}

const struct work work_interval = { .name = "interval", .count = "opens of wl-0, at most 100 a second", .run = run };
