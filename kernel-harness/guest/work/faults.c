// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Touches fresh pages, each once, in a chain of functions that backtraces show. */
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "work.h"

#define PAGE_SIZE 4096

static IN_BACKTRACES void touch_page(volatile char *page)
{
	*page = 1;
}

static IN_BACKTRACES void touch_pages(char *pages, long count)
{
	for (long i = 0; i < count; i++)
		touch_page(pages + i * PAGE_SIZE);
}

static IN_BACKTRACES void fill_table(char *pages, long count)
{
	touch_pages(pages, count);
}

static IN_BACKTRACES void fill_index(char *pages, long count)
{
	touch_pages(pages, count);
}

static long faults(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		fail("getrusage");
	return usage.ru_minflt + usage.ru_majflt;
}

static void run(int index, long count)
{
	long table = count + index, index_pages = count / 4 + index;
	long before = faults();
	char *pages = mmap(NULL, (table + index_pages) * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED)
		fail("mmap");
	madvise(pages, (table + index_pages) * PAGE_SIZE, MADV_NOHUGEPAGE); /* a kernel without huge pages refuses, and is right */
	fill_table(pages, table);
	fill_index(pages + table * PAGE_SIZE, index_pages);
	report("fill_table", table);
	report("fill_index", index_pages);
	report("faults", faults() - before);
}

const struct work work_faults = { .name = "faults", .count = "pages that wl-0 touches in fill_table()", .run = run };
