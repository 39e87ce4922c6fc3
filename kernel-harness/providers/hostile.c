// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A process that a probe had better not trust: bad pointers, strings that end in no page, vectors and memory that change while they are
 * read, stacks that loop. It calls victim(kind, address, outcome), on which a probe sits, with what the probe is to find.
 *
 * hostile ROUNDS
 *
 * Siblings: hostile_probe.c, which looks; hostile.guest.test.ts, which compares
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ul
#define FRAMES 100

/* As in hostile_probe.c: how to look at the address. */
enum kind { USER_STRING, USER_BYTES, KERNEL_STRING, KERNEL_BYTES, USER_VECTOR, MOVING_VECTOR, MOVING_MEMORY, STACK };
/* What the probe is to find. */
enum outcome { FAULT, FINE, EITHER };

static long fine, faults, either;
static volatile bool over;

static void fail(const char *what)
{
	fprintf(stderr, "hostile: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The probe is at its first instruction. */
__attribute__((noinline, noclone)) void victim(long kind, unsigned long address, long outcome)
{
	__asm__ volatile("" : : "r"(kind), "r"(address), "r"(outcome) : "memory");
}

static void offer(enum kind kind, unsigned long address, enum outcome outcome)
{
	if (outcome == FAULT)
		faults++;
	else if (outcome == FINE)
		fine++;
	else
		either++;
	victim(kind, address, outcome);
}

static char *map(size_t pages, int protection)
{
	char *memory = mmap(NULL, pages * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap");
	return memory;
}

/* One page that is there, behind it nothing. */
static char *edge(void)
{
	char *memory = map(2, PROT_READ | PROT_WRITE);

	memset(memory, 'x', PAGE);
	if (munmap(memory + PAGE, PAGE))
		fail("munmap");
	return memory;
}

static void bad_addresses(void)
{
	static const unsigned long bad[] = {
		0, 1, 8, PAGE - 1, 0x00007ffffffff000, 0x00007fffffffffff, 0x0000800000000000, 0x8000000000000000, 0xffff800000000000, 0xfffffffffffff000, 0xfffffffffffffff8, 0xffffffffffffffff,
	};
	char *forbidden = map(1, PROT_NONE), *absent = map(1, PROT_READ), *gone = map(1, PROT_READ);
	char *last = edge() + PAGE;
	char here[32] = "here";
	size_t i;

	munmap(gone, PAGE);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		offer(USER_STRING, bad[i], FAULT);
		offer(USER_BYTES, bad[i], FAULT);
		offer(USER_VECTOR, bad[i], FAULT);
		offer(KERNEL_STRING, bad[i], FAULT);
		offer(KERNEL_BYTES, bad[i], FAULT);
	}
	for (i = 0; i < 3; i++) {
		unsigned long address = (unsigned long)(i == 0 ? forbidden : i == 1 ? absent : gone);

		offer(USER_STRING, address, FAULT);
		offer(USER_BYTES, address, FAULT);
		offer(USER_VECTOR, address, FAULT);
	}
	/* User memory is no kernel memory, though it is there; nor the other way round. */
	offer(KERNEL_STRING, (unsigned long)here, FAULT);
	offer(KERNEL_BYTES, (unsigned long)here, FAULT);
	offer(USER_STRING, (unsigned long)here, FINE);
	/* The last bytes before a page that is not there: without a NUL, and with one. */
	offer(USER_STRING, (unsigned long)last - 5, FAULT);
	offer(USER_BYTES, (unsigned long)last - 7, FAULT);
	offer(USER_BYTES, (unsigned long)last - 8, FINE);
	last[-1] = 0;
	offer(USER_STRING, (unsigned long)last - 5, FINE);
}

static void vectors(void)
{
	char *words[] = { "a", "bb", NULL };
	char *broken[] = { "a", (char *)8, NULL };
	char **at_edge = (char **)(edge() + PAGE) - 1; /* its end is not there */

	*at_edge = "a";
	offer(USER_VECTOR, (unsigned long)words, FINE);
	offer(USER_VECTOR, (unsigned long)broken, FAULT);
	offer(USER_VECTOR, (unsigned long)at_edge, FAULT);
}

/* Each of these points to a word of one letter, to nothing, or to where nothing is. */
static char *volatile moving[5];

static void *move_vector(void *unused)
{
	static char *const values[] = { "aaaa", "bbbb", NULL, (char *)8, "aaaa", "bbbb" };
	unsigned i = 0;

	(void)unused;
	while (!over) {
		i = i * 1103515245 + 12345;
		moving[(i >> 8) % 4] = values[(i >> 16) % 6];
	}
	return NULL;
}

static char *volatile flickering;

static void *move_memory(void *unused)
{
	(void)unused;
	while (!over) {
		memcpy(flickering, "text", 5);
		if (mprotect(flickering, PAGE, PROT_NONE) || mprotect(flickering, PAGE, PROT_READ | PROT_WRITE) || madvise(flickering, PAGE, MADV_DONTNEED))
			fail("mprotect");
	}
	return NULL;
}

static void moving_things(long rounds)
{
	pthread_t vector, memory;
	long i;

	flickering = map(1, PROT_READ | PROT_WRITE);
	if (pthread_create(&vector, NULL, move_vector, NULL) || pthread_create(&memory, NULL, move_memory, NULL))
		fail("pthread_create");
	for (i = 0; i < rounds; i++) {
		offer(MOVING_VECTOR, (unsigned long)moving, EITHER);
		offer(MOVING_MEMORY, (unsigned long)flickering, EITHER);
	}
	over = true;
	pthread_join(vector, NULL);
	pthread_join(memory, NULL);
}

/* victim() as if it had been called with that frame pointer. */
static void with_frame_pointer(unsigned long frame)
{
	fine++;
	__asm__ volatile("push %%rbp\n\t"
			 "push %%rbp\n\t" /* keeps the stack aligned */
			 "mov %0, %%rbp\n\t"
			 "call victim\n\t"
			 "pop %%rbp\n\t"
			 "pop %%rbp"
			 :
			 : "r"(frame), "D"((long)STACK), "S"(frame), "d"((long)FINE)
			 : "rax", "rcx", "r8", "r9", "r10", "r11", "memory", "cc");
}

/* The probe prints each: in this order. */
static void stacks(void)
{
	static uint64_t frames[FRAMES][2];
	int i;

	frames[0][0] = (uint64_t)frames[0]; /* its own caller */
	frames[0][1] = 0x1111;
	with_frame_pointer((unsigned long)frames[0]);
	frames[1][0] = (uint64_t)frames[2]; /* two that call each other */
	frames[1][1] = 0x2222;
	frames[2][0] = (uint64_t)frames[1];
	frames[2][1] = 0x3333;
	with_frame_pointer((unsigned long)frames[1]);
	with_frame_pointer(0);
	with_frame_pointer(8);
	with_frame_pointer(0xffffffff81000000);
	with_frame_pointer(0x8000000000000000);
	for (i = 0; i < FRAMES; i++) { /* longer than any backtrace */
		frames[i][0] = i + 1 < FRAMES ? (uint64_t)frames[i + 1] : 0;
		frames[i][1] = 0x5000 + i;
	}
	with_frame_pointer((unsigned long)frames[0]);
	with_frame_pointer((unsigned long)frames[FRAMES - 2]); /* which comes to its end */
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	bad_addresses();
	vectors();
	moving_things(atol(argv[1]));
	stacks();
	printf("hostile: fine=%ld faults=%ld either=%ld\n", fine, faults, either);
	return 0;
}
