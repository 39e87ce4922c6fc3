// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Causes hits of all providers and counts them itself.
 *
 *   hits once FILES      two processes, hits-0 and hits-1, make known numbers of hits; the parent prints them
 *   hits forever FILES   two processes hit all points until SIGTERM
 *   hits getppid COUNT   makes so many calls of getppid, and nothing else
 *
 * FILES is the folder of the session's files. What a process does before and behind its work is done under other names.
 * Siblings: all.c, which counts, too; providers.guest.test.ts, which compares
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES 2
#define SYSCALLS 1000
#define CALLS 1000
#define PAGES 300
#define OPENS 50
#define SLEEPS 20
#define SLEEP_NS 2000000
#define EXECS 3
#define WORDS 20
#define ANSWERS 10
#define BURN_NS 1500000000ll
#define PAGE_SIZE 4096
#define PAUSE_US 50000
#define OPENED "/tmp/hits-opened"

/* Each process makes a few more than the one before, so that no two counts are alike. */
struct amounts {
	long syscalls, calls, pages, opens, sleeps;
};

struct counted {
	struct amounts made;
	long argument;		/* sum of what getppid() was given, which it does not look at */
	long call_argument;	/* sum of 2 a + b of hits_call(a, b) */
	long faults;		/* minor, by getrusage() */
	long switches;		/* likewise */
};

static const char *files;

static void fail(const char *what)
{
	fprintf(stderr, "hits: %s: %s\n", what, strerror(errno));
	exit(1);
}

__attribute__((noipa)) long hits_call(long a, long b)
{
	return a - b;
}

static void pin(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		fail("sched_setaffinity");
}

static void make_syscalls(struct counted *counted, long count)
{
	for (long i = 0; i < count; i++) {
		syscall(SYS_getppid, i);
		counted->argument += i;
	}
	counted->made.syscalls += count;
}

static void make_calls(struct counted *counted, long count)
{
	for (long i = 0; i < count; i++) {
		hits_call(i, count);
		counted->call_argument += 2 * i + count;
	}
	counted->made.calls += count;
}

static void touch_pages(struct counted *counted, char *memory, long count)
{
	for (long i = 0; i < count; i++)
		*(volatile char *)(memory + i * PAGE_SIZE) = 1;
	counted->made.pages += count;
}

static void open_files(struct counted *counted, long count)
{
	for (long i = 0; i < count; i++)
		if (syscall(SYS_openat, AT_FDCWD, OPENED, O_RDONLY) >= 0)
			fail(OPENED " is there");
	counted->made.opens += count;
}

static void sleep_often(struct counted *counted, long count)
{
	const struct timespec time = { .tv_nsec = SLEEP_NS };

	for (long i = 0; i < count; i++)
		nanosleep(&time, NULL);
	counted->made.sleeps += count;
}

static void work(struct counted *counted, char *memory, const struct amounts *amounts)
{
	make_syscalls(counted, amounts->syscalls);
	make_calls(counted, amounts->calls);
	touch_pages(counted, memory, amounts->pages);
	open_files(counted, amounts->opens);
	sleep_often(counted, amounts->sleeps);
}

/* Anonymous memory in small pages, none of it there yet. */
static char *map_pages(long pages)
{
	char *memory = mmap(NULL, pages * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap");
	madvise(memory, pages * PAGE_SIZE, MADV_NOHUGEPAGE);
	return memory;
}

static void look_at_usage(struct counted *counted, int sign)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	counted->faults += sign * usage.ru_minflt;
	counted->switches += sign * (usage.ru_nvcsw + usage.ru_nivcsw);
}

/*
 * The first time round under another name: then everything that the second needs is in memory. Between the looks at the usage and the
 * changes of name a process may still be preempted: that is a switch more in its own count.
 */
static void work_under_name(const char *name, struct counted *counted, char *memory, const struct amounts *amounts)
{
	*counted = (struct counted){ .faults = 0 };
	look_at_usage(counted, -1);
	prctl(PR_SET_NAME, name);
	work(counted, memory, amounts);
	prctl(PR_SET_NAME, "other");
	look_at_usage(counted, 1);
}

static void report(int index, const struct counted *counted)
{
	printf("hits: comm=hits-%d parent=%d syscalls=%ld argument=%ld calls=%ld call_argument=%ld pages=%ld faults=%ld opens=%ld sleeps=%ld switches=%ld\n", index,
	       getppid(), counted->made.syscalls, counted->argument, counted->made.calls, counted->call_argument, counted->made.pages, counted->faults,
	       counted->made.opens, counted->made.sleeps, counted->switches);
}

static void once(int index)
{
	const struct amounts rehearsal = { 2, 2, 2, 2, 2 };
	const struct amounts amounts = { SYSCALLS + 7 * index, CALLS + 3 * index, PAGES + 5 * index, OPENS + index, SLEEPS + index };
	char *spare = map_pages(rehearsal.pages), *memory = map_pages(amounts.pages);
	struct counted counted;
	char name[16];

	pin(index);
	snprintf(name, sizeof(name), "hits-%d", index);
	work_under_name("other", &counted, spare, &rehearsal);
	work_under_name(name, &counted, memory, &amounts);
	report(index, &counted);
}

static long long now_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ll + time.tv_nsec;
}

/* For profile: processor time under a name. */
static void burn(void)
{
	long long began = now_ns(CLOCK_PROCESS_CPUTIME_ID), wall = now_ns(CLOCK_MONOTONIC);

	prctl(PR_SET_NAME, "hits-burn");
	while (now_ns(CLOCK_PROCESS_CPUTIME_ID) - began < BURN_NS)
		;
	prctl(PR_SET_NAME, "other");
	printf("burn: cpu_ns=%lld wall_ns=%lld\n", now_ns(CLOCK_PROCESS_CPUTIME_ID) - began, now_ns(CLOCK_MONOTONIC) - wall);
}

static int open_control(const char *name, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", files, name);
	return open(path, flags | O_CLOEXEC);
}

static bool write_word(const char *name, const char *word)
{
	int fd = open_control(name, O_WRONLY);
	bool written = fd >= 0 && write(fd, word, strlen(word)) == (ssize_t)strlen(word);

	if (fd >= 0)
		close(fd);
	return written;
}

/* In pieces, so that one open is several reads. Return: bytes, -1 on failure. */
static ssize_t read_answer(const char *name, char *answer, size_t size)
{
	int fd = open_control(name, O_RDONLY);
	ssize_t got = fd < 0 ? -1 : 0, used = 0;

	while (fd >= 0 && (size_t)used < size - 1 && (got = read(fd, answer + used, used + 4 < (ssize_t)size ? 3 : 1)) > 0)
		used += got;
	if (fd >= 0)
		close(fd);
	answer[used] = '\0';
	return got < 0 ? -1 : used;
}

static void use_files(void)
{
	static char long_word[600];
	char answer[64], expected[64];

	for (int i = 0; i < WORDS; i++)
		if (!write_word("words", i % 2 ? "odd\n" : "even"))
			fail("cannot write words");
	memset(long_word, 'x', sizeof(long_word) - 1);
	if (write_word("words", long_word) || errno != EMSGSIZE)
		fail("a word of 599 bytes was taken");
	if (open_control("words", O_RDONLY) >= 0 && read_answer("words", answer, sizeof(answer)) >= 0)
		fail("words can be read");
	for (int i = 1; i <= ANSWERS; i++) {
		snprintf(expected, sizeof(expected), "answer %d\n", i);
		if (read_answer("answers", answer, sizeof(answer)) < 0 || strcmp(answer, expected))
			fail(answer);
	}
	if (!write_word("both", "one way\n") || read_answer("both", answer, sizeof(answer)) < 0 || strcmp(answer, "both ways\n"))
		fail("both");
	printf("files: words=%d answers=%d\n", WORDS, ANSWERS);
}

static void execute(void)
{
	for (int i = 0; i < EXECS; i++) {
		if (!fork()) {
			execl("/proc/self/exe", "hits", "nothing", "", NULL);
			_exit(1);
		}
		wait(NULL);
	}
	printf("execs: count=%d\n", EXECS);
}

/* Without end, but not without a pause: others are to get on, too. The files come and go. */
static void forever(int index)
{
	const struct amounts amounts = { 20, 20, 20, 5, 1 };
	struct counted counted;
	char answer[64];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0;; i++) {
		char *memory = map_pages(amounts.pages);

		work(&counted, memory, &amounts);
		munmap(memory, amounts.pages * PAGE_SIZE);
		write_word("words", index ? "a\n" : "b");
		read_answer("answers", answer, sizeof(answer));
		write_word("both", "c");
		read_answer("both", answer, sizeof(answer));
		if (i % 50 == 0 && !fork()) {
			execl("/proc/self/exe", "hits", "nothing", "", NULL);
			_exit(1);
		}
		waitpid(-1, NULL, WNOHANG);
		usleep(PAUSE_US);
	}
}

static void run_all(void (*main)(int))
{
	int status;

	fflush(stdout);
	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid)
			continue;
		main(i);
		fflush(stdout);
		_exit(0);
	}
	while (wait(&status) > 0)
		if (status)
			fail("a process failed");
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: hits once|forever FILES, hits getppid COUNT\n");
		return 2;
	}
	files = argv[2];
	if (!strcmp(argv[1], "nothing"))
		return 0;
	if (!strcmp(argv[1], "getppid")) {
		make_syscalls(&(struct counted){ .faults = 0 }, atoi(argv[2]));
		return 0;
	}
	if (!strcmp(argv[1], "forever")) {
		puts("hits: forever");
		run_all(forever);
		return 1;
	}
	run_all(once);
	burn();
	use_files();
	execute();
	return 0;
}
