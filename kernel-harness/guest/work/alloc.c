// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Makes the kernel allocate pages in two ways: behind pipes, and behind memory of the process. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "work.h"

#define PAGE_SIZE 4096
#define PIPE_PAGES 16 /* that a new pipe holds */

/* A new pipe takes a page for each that is written, and keeps none from before. */
static void fill_pipe(long pages)
{
	static char bytes[PAGE_SIZE];
	int fds[2];

	if (pipe(fds))
		fail("pipe");
	while (pages--)
		if (write(fds[1], bytes, sizeof(bytes)) != sizeof(bytes))
			fail("cannot write");
	close(fds[0]);
	close(fds[1]);
}

static void touch(long pages)
{
	volatile char *memory = mmap(NULL, pages * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		fail("mmap");
	madvise((void *)memory, pages * PAGE_SIZE, MADV_NOHUGEPAGE);
	for (long i = 0; i < pages; i++)
		memory[i * PAGE_SIZE] = 1;
}

static void run(int index, long count)
{
	long pipe_pages = 2 * count + index, left;

	for (left = pipe_pages; left > 0; left -= PIPE_PAGES)
		fill_pipe(left < PIPE_PAGES ? left : PIPE_PAGES);
	touch(count);
	report("pipe_pages", pipe_pages);
	report("touched_pages", count);
}

const struct work work_alloc = { .name = "alloc", .count = "pages that each process touches; it writes twice as many into pipes", .run = run };
