// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * rough second|start|race FOLDER [MODULE.ko NAME]: uses of a session that no stpd makes, and that must end well all the same. Exit 0: so it was.
 *   second  a second reader of a CPU's file is refused at once, while the first one waits
 *   start   a start that fails ends a reader that waits
 *   race    the session is unloaded while it stops itself because a probe wished it
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SETTLE_US 500000 /* microseconds until a reader waits */
#define END_US_MAX 3000000
#define STEP_US 100000
#define RACES 20
#define RACE_US_MAX 15000
#define MARK 0x5354ll /* as probe.c wants it */

static char cpu0[128], control[128];

static pid_t start_reader(void)
{
	pid_t reader = fork();
	char bytes[4096];

	if (!reader) {
		int file = open(cpu0, O_RDONLY);

		_exit(file < 0 || read(file, bytes, sizeof(bytes)) < 0);
	}
	usleep(SETTLE_US);
	return reader;
}

static int command(const char *text)
{
	int file = open(control, O_WRONLY), well = file >= 0 && write(file, text, strlen(text)) > 0;

	close(file);
	return well ? 0 : -1;
}

static int second(void)
{
	pid_t reader = start_reader();
	int refused;

	alarm(END_US_MAX / 1000000); /* one that waits ends us */
	refused = open(cpu0, O_RDONLY) < 0 && errno == EBUSY;
	kill(reader, SIGKILL);
	waitpid(reader, NULL, 0);
	return !refused;
}

static int failed_start(void)
{
	pid_t reader = start_reader();
	int waited, status;

	if (!command("start"))
		return 1;
	for (waited = 0; waited < END_US_MAX; waited += STEP_US) {
		if (waitpid(reader, &status, WNOHANG) == reader)
			return status;
		usleep(STEP_US);
	}
	kill(reader, SIGKILL);
	return 1;
}

static int race(const char *path, const char *name)
{
	int i, null = open("/dev/null", O_RDONLY);

	srand(1);
	for (i = 0; i < RACES; i++) {
		int module = open(path, O_RDONLY);

		if (syscall(SYS_finit_module, module, "", 0) || command("start"))
			return 1;
		close(module);
		lseek(null, MARK << 48, SEEK_SET); /* the probe wishes the end */
		usleep(rand() % RACE_US_MAX);
		if (syscall(SYS_delete_module, name, O_NONBLOCK))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	snprintf(cpu0, sizeof(cpu0), "%s/cpu0", argv[2]);
	snprintf(control, sizeof(control), "%s/control", argv[2]);
	if (!strcmp(argv[1], "second"))
		return second();
	if (!strcmp(argv[1], "start"))
		return failed_start();
	return argc < 5 ? 2 : race(argv[3], argv[4]);
}
