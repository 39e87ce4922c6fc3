// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What tests of stpd do in a guest that has no shell.
 *
 *   tool sleep MS
 *   tool tmpfs PATH SIZE          mount a file system of SIZE bytes
 *   tool debugfs on|off           mount or unmount it
 *   tool without CAPABILITY PROGRAM ARG…   run a program that has all but this capability
 *   tool beside MS PROGRAM ARG…   run it beside a process that lives so long, whose number is the argument PID
 *   tool kill SIGNAL FILE        to the process whose number is in the file; and wait for its end, but after USR2
 *   tool pinned CPU PROGRAM ARG…  run it on that CPU alone
 *   tool cut FROM TO SIZE         the first bytes of a file
 *   tool list PATH                names in a directory
 *   tool hold PATH MS             keep a file open
 *   tool show NAME FIELD…         fields of /proc/PID/status and smaps_rollup, and the CPU time in ticks, of each process of that name
 *   tool kills COUNT SEED PROGRAM ARG…     run it and kill it after 0 to 300 ms, again and again
 *   tool births COUNT SEED NAME MODULE.ko  the same from load to unload, each time cleaned up by stpd -C
 *   tool cycles COUNT MODULE.ko   whole sessions, one after the other; what the kernel uses after 20 and after all
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILL_US_MAX 300000
#define SETTLED 20 /* sessions after which memory is level */
#define DEBUGFS "/sys/kernel/debug"

static int fail(const char *what)
{
	fprintf(stderr, "tool: %s: %s\n", what, strerror(errno));
	return 1;
}

static pid_t run(char **argv)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	execv(argv[0], argv);
	_exit(fail(argv[0]));
}

static int run_to_end(char **argv)
{
	int status = -1;

	waitpid(run(argv), &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int copy_cut(const char *from, const char *to, size_t size)
{
	char *bytes = malloc(size);
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (in < 0 || out < 0 || read(in, bytes, size) != (ssize_t)size || write(out, bytes, size) != (ssize_t)size)
		return fail(to);
	return 0;
}

static int list(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (*entry->d_name != '.')
			puts(entry->d_name);
	return directory ? 0 : fail(path);
}

static int hold(const char *path, int ms)
{
	if (open(path, O_RDONLY) < 0)
		return fail(path);
	puts("held");
	fflush(stdout);
	usleep(ms * 1000);
	return 0;
}

static int show_lines(const char *path, char **fields)
{
	FILE *file = fopen(path, "r");
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		for (int i = 0; fields[i]; i++)
			if (!strncmp(line, fields[i], strlen(fields[i])) && line[strlen(fields[i])] == ':')
				fputs(line, stdout);
	if (file)
		fclose(file);
	return 0;
}

static void show_time(const char *pid)
{
	char path[300], text[1024] = "", *at;
	unsigned long user = 0, kernel = 0;
	int file;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	file = open(path, O_RDONLY);
	if (file < 0 || read(file, text, sizeof(text) - 1) <= 0)
		return;
	close(file);
	at = strrchr(text, ')');
	if (at && sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) == 2)
		printf("ticks: %lu\n", user + kernel);
}

static int show(const char *name, char **fields)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;
	char path[300], comm[32];

	while ((entry = readdir(processes))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = isdigit((unsigned char)*entry->d_name) ? fopen(path, "r") : NULL;
		if (!file)
			continue;
		if (fscanf(file, "%31s", comm) == 1 && !strcmp(comm, name)) {
			printf("pid: %s\n", entry->d_name);
			snprintf(path, sizeof(path), "/proc/%s/status", entry->d_name);
			show_lines(path, fields);
			snprintf(path, sizeof(path), "/proc/%s/smaps_rollup", entry->d_name); /* exact, as status is not */
			show_lines(path, fields);
			show_time(entry->d_name);
		}
		fclose(file);
	}
	closedir(processes);
	return 0;
}

static int show_memory(const char *when)
{
	char *fields[] = { "Slab", "VmallocUsed", "Percpu", NULL };

	printf("memory: %s\n", when);
	return show_lines("/proc/meminfo", fields);
}

static int kills(int count, char **argv)
{
	for (int i = 0; i < count; i++) {
		pid_t pid = run(argv);

		usleep(random() % KILL_US_MAX);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int births(int count, char *name, char *module)
{
	char *begin[] = { "/stpd", "-o", "/tmp/birth", module, NULL }, *clean[] = { "/stpd", "-C", name, NULL };
	char path[300];
	int loaded = 0;

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	for (int i = 0; i < count; i++) {
		if (kills(1, begin))
			return 1;
		loaded += !access(path, F_OK);
		if (run_to_end(clean) == 1 || !access(path, F_OK))
			return fail("it could not be cleaned up");
		nftw("/tmp/birth", remove_one, 8, FTW_DEPTH | FTW_PHYS);
	}
	printf("births: count=%d loaded=%d\n", count, loaded);
	return 0;
}

static int cycles(int count, char *module)
{
	char *session[] = { "/stpd", "-b", "64K", "-o", "/tmp/cycle", "-c", "/tool sleep 1", module, NULL };

	for (int i = 1; i <= count; i++) {
		if (run_to_end(session))
			return fail("a session failed");
		nftw("/tmp/cycle", remove_one, 8, FTW_DEPTH | FTW_PHYS);
		if (i == SETTLED)
			show_memory("settled");
	}
	return show_memory("end");
}

static int without(int capability, char **argv)
{
	if (prctl(PR_CAPBSET_DROP, capability))
		return fail("cannot drop it");
	execv(argv[0], argv); /* root's capabilities are then those of the bounding set */
	return fail(argv[0]);
}

static int beside(int ms, char **argv)
{
	static char number[16];
	pid_t pid = fork();

	if (!pid)
		_exit(usleep(ms * 1000));
	snprintf(number, sizeof(number), "%d", (int)pid);
	for (char **at = argv; *at; at++)
		if (!strcmp(*at, "PID"))
			*at = number;
	execv(argv[0], argv);
	return fail(argv[0]);
}

static int pinned(int cpu, char **argv)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		return fail("cannot pin");
	execv(argv[0], argv);
	return fail(argv[0]);
}

static int kill_by_file(const char *name, const char *path)
{
	int number = !strcmp(name, "INT") ? SIGINT : !strcmp(name, "TERM") ? SIGTERM : SIGUSR2;
	FILE *file = fopen(path, "r");
	int pid = 0, tries = 0;

	if (!file || fscanf(file, "%d", &pid) != 1 || kill(pid, number))
		return fail(path);
	fclose(file);
	while (number != SIGUSR2 && !kill(pid, 0) && tries++ < 2000)
		usleep(10000);
	return tries >= 2000;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (argc > 4)
		srandom(atoi(argv[3]));
	if (!strcmp(verb, "sleep"))
		return usleep(atoi(argv[2]) * 1000);
	if (!strcmp(verb, "tmpfs")) {
		char size[64];

		snprintf(size, sizeof(size), "size=%s", argv[3]);
		mkdir(argv[2], 0755);
		return mount("tmpfs", argv[2], "tmpfs", 0, size) ? fail(argv[2]) : 0;
	}
	if (!strcmp(verb, "debugfs"))
		return (!strcmp(argv[2], "on") ? mount("debugfs", DEBUGFS, "debugfs", 0, NULL) : umount(DEBUGFS)) ? fail(verb) : 0;
	if (!strcmp(verb, "without"))
		return without(atoi(argv[2]), argv + 3);
	if (!strcmp(verb, "beside"))
		return beside(atoi(argv[2]), argv + 3);
	if (!strcmp(verb, "pinned"))
		return pinned(atoi(argv[2]), argv + 3);
	if (!strcmp(verb, "kill"))
		return kill_by_file(argv[2], argv[3]);
	if (!strcmp(verb, "cut"))
		return copy_cut(argv[2], argv[3], atol(argv[4]));
	if (!strcmp(verb, "list"))
		return list(argv[2]);
	if (!strcmp(verb, "hold"))
		return hold(argv[2], atoi(argv[3]));
	if (!strcmp(verb, "show"))
		return show(argv[2], argv + 3);
	if (!strcmp(verb, "kills"))
		return kills(atoi(argv[2]), argv + 4);
	if (!strcmp(verb, "births"))
		return births(atoi(argv[2]), argv[4], argv[5]);
	if (!strcmp(verb, "cycles"))
		return cycles(atoi(argv[2]), argv[3]);
	fprintf(stderr, "tool: there is no verb %s\n", verb);
	return 2;
}
