// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* catch FILE... -- COMMAND ARGS...: appends what the files of a relay channel give to catch.N while the command runs, and what is left then. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES_MAX 8
#define READ_SIZE (256 * 1024) /* bytes */
#define POLL_MS 20

int main(int argc, char **argv)
{
	static char bytes[READ_SIZE];
	struct pollfd from[FILES_MAX];
	int to[FILES_MAX], count, i, status = 0;
	int ended = 0;
	ssize_t size, got;
	char path[32];
	pid_t command;

	for (count = 0; count < FILES_MAX && count + 1 < argc && strcmp(argv[count + 1], "--"); count++) {
		from[count] = (struct pollfd){ .fd = open(argv[count + 1], O_RDONLY | O_NONBLOCK), .events = POLLIN };
		snprintf(path, sizeof(path), "/catch.%d", count);
		to[count] = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (from[count].fd < 0 || to[count] < 0)
			return 2;
	}
	command = fork();
	if (!command) {
		execv(argv[count + 2], argv + count + 2);
		_exit(127);
	}
	do {
		ended = waitpid(command, &status, WNOHANG) == command;
		if (!ended)
			poll(from, count, POLL_MS);
		for (got = 1; got;) {
			for (got = i = 0; i < count; i++) {
				size = read(from[i].fd, bytes, sizeof(bytes));
				if (size > 0 && write(to[i], bytes, size) == size)
					got += size;
			}
		}
	} while (!ended);
	return status != 0;
}
