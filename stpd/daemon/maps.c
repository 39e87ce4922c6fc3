// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Executable mappings while the session runs: a perf event of nothing on each CPU, whose side effect is to tell of mmap, exec, fork and exit.
 * What it cannot see is said once; the session goes on without.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "elf.h"
#include "stpd.h"

#define BUFFER_SIZE (256 << 10) /* bytes of each CPU, a power of two: thousands of mappings between two looks */
#define RECORD_SIZE_MAX (64 << 10) /* bytes, as its header can say */

static struct buffer {
	int file;
	struct perf_event_mmap_page *head; /* the bytes begin one page behind it */
} buffers[CPUS_MAX];

static int count;
static bool has_build_ids = true;

/* As the kernel lays it out; the time is the last word of each record. */
struct mmap2 {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t address, length, offset;
	union {
		struct {
			uint32_t major, minor;
			uint64_t inode, generation;
		};
		struct {
			uint8_t build_id_size, unused[3];
			uint8_t build_id[20];
		};
	};
	uint32_t protection, flags;
	char path[];
};

struct comm {
	struct perf_event_header header;
	uint32_t pid, tid;
	char comm[];
};

struct task_change {
	struct perf_event_header header;
	uint32_t pid, parent, tid, parent_tid;
};

struct lost {
	struct perf_event_header header;
	uint64_t id, lost;
};

static int open_event(int cpu)
{
	struct perf_event_attr what = {
		.type = PERF_TYPE_SOFTWARE, .size = sizeof(what), .config = PERF_COUNT_SW_DUMMY, .sample_type = PERF_SAMPLE_TIME, .sample_id_all = 1,
		.mmap = 1, .mmap2 = 1, .comm = 1, .comm_exec = 1, .task = 1, .watermark = 1, .wakeup_watermark = 1,
		.use_clockid = 1, .clockid = CLOCK_MONOTONIC, .build_id = has_build_ids,
	};
	int file = syscall(SYS_perf_event_open, &what, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (file >= 0 || (errno != EINVAL && errno != E2BIG) || !has_build_ids)
		return file;
	has_build_ids = false;
	what.build_id = 0;
	return syscall(SYS_perf_event_open, &what, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static void say_unseen(int error)
{
	say("mappings of processes cannot be watched: %s; user addresses of later mappings will stay numbers%s", strerror(error),
	    error == EACCES || error == EPERM ? " (it needs CAP_PERFMON)" : "");
}

/* A CPU that is not up has none. */
static void open_buffers(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF), page = sysconf(_SC_PAGESIZE), cpu;

	for (cpu = 0; cpu < cpus && cpu < CPUS_MAX; cpu++) {
		int file = open_event(cpu);
		void *memory = file < 0 ? MAP_FAILED : mmap(NULL, page + BUFFER_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

		if (memory != MAP_FAILED) {
			buffers[count++] = (struct buffer){ file, memory };
			continue;
		}
		if (errno != ENODEV && errno != ENXIO) {
			say_unseen(errno);
			if (file >= 0)
				close(file);
			return;
		}
	}
}

void maps_begin(void)
{
	struct timespec now;

	if (maps_file_open()) {
		say("cannot write symbols/maps: %s; user addresses will stay numbers", strerror(errno));
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &now); /* before the first event: what the scan finds is older than what they tell */
	open_buffers();
	maps_scan(now.tv_sec * 1000000000ULL + now.tv_nsec);
}

int maps_polls(struct pollfd *polls)
{
	int i;

	for (i = 0; i < count; i++)
		polls[i] = (struct pollfd){ .fd = buffers[i].file, .events = POLLIN };
	return count;
}

/* Of the file that is mapped, where the kernel did not say. Return: bytes. */
static size_t read_build_id(const struct mmap2 *map, const char *path, uint8_t *to)
{
	int file = *path == '/' && path[1] != '/' ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
	bool names_inode = !(map->header.misc & PERF_RECORD_MISC_MMAP_BUILD_ID);
	struct stat stat;
	size_t size = 0;

	if (file >= 0 && !fstat(file, &stat) && (!names_inode || stat.st_ino == map->inode))
		size = elf_read_build_id(file, to, BUILD_ID_SIZE_MAX);
	if (file >= 0)
		close(file);
	return size;
}

static void take_map(const struct mmap2 *map, uint64_t time_ns)
{
	uint8_t build_id[BUILD_ID_SIZE_MAX];
	size_t size;

	if (!(map->protection & PROT_EXEC))
		return;
	if (map->header.misc & PERF_RECORD_MISC_MMAP_BUILD_ID && map->build_id_size && map->build_id_size <= sizeof(build_id)) {
		size = map->build_id_size;
		memcpy(build_id, map->build_id, size);
	} else {
		size = read_build_id(map, map->path, build_id);
	}
	maps_file_map(time_ns, map->pid, map->address, map->address + map->length, map->offset, build_id, size, map->path);
}

/* A process whose first thread has ended may go on with its others: then its mappings are still there. */
static bool goes_on(pid_t pid)
{
	char path[64];
	struct stat tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	return !stat(path, &tasks) && tasks.st_nlink > 3; /* ".", ".." and one */
}

static void take_record(const struct perf_event_header *header)
{
	const void *record = header;
	const struct comm *comm = record;
	const struct task_change *task = record;
	const struct lost *lost = record;
	uint64_t time_ns;

	memcpy(&time_ns, (const char *)record + header->size - sizeof(time_ns), sizeof(time_ns));
	switch (header->type) {
	case PERF_RECORD_MMAP2:
		take_map(record, time_ns);
		break;
	case PERF_RECORD_COMM:
		if (header->misc & PERF_RECORD_MISC_COMM_EXEC)
			maps_file_line("%" PRIu64 " %d exec %s", time_ns, (int)comm->pid, comm->comm);
		break;
	case PERF_RECORD_FORK:
		if (task->pid != task->parent)
			maps_file_line("%" PRIu64 " %d fork %d", time_ns, (int)task->parent, (int)task->pid);
		break;
	case PERF_RECORD_EXIT:
		if (task->pid == task->tid && !goes_on(task->pid))
			maps_file_line("%" PRIu64 " %d exit", time_ns, (int)task->pid);
		break;
	case PERF_RECORD_LOST:
		maps_file_line("%" PRIu64 " 0 lost %" PRIu64, time_ns, lost->lost);
		break;
	}
}

/* A copy of one record, which may go over the buffer's end. Return: its size, 0 if it is none. */
static size_t copy_record(const struct buffer *buffer, uint64_t at, uint64_t end, void *to)
{
	const char *bytes = (const char *)buffer->head + sysconf(_SC_PAGESIZE);
	struct perf_event_header header;
	size_t i;

	if (end - at < sizeof(header))
		return 0;
	memcpy(&header, bytes + (at & (BUFFER_SIZE - 1)), sizeof(header)); /* records are aligned to 8 bytes */
	if (header.size < sizeof(header) + sizeof(uint64_t) || header.size > end - at)
		return 0;
	for (i = 0; i < header.size; i += 8)
		memcpy((char *)to + i, bytes + ((at + i) & (BUFFER_SIZE - 1)), 8);
	return header.size;
}

static void drain(struct buffer *buffer)
{
	static char record[RECORD_SIZE_MAX + 8] __attribute__((aligned(8)));
	uint64_t end = __atomic_load_n(&buffer->head->data_head, __ATOMIC_ACQUIRE); /* pairs with the kernel's barrier in perf_output_put_handle() */
	uint64_t at = buffer->head->data_tail;

	while (at < end) {
		size_t size = copy_record(buffer, at, end, record);

		if (!size)
			break;
		take_record((const struct perf_event_header *)record);
		at += size;
	}
	__atomic_store_n(&buffer->head->data_tail, end, __ATOMIC_RELEASE); /* pairs with the control dependency in perf_output_begin() */
}

void maps_drain(void)
{
	int i;

	for (i = 0; i < count; i++)
		drain(&buffers[i]);
	maps_file_flush();
}

void maps_end(bool keep)
{
	long page = sysconf(_SC_PAGESIZE);
	int i;

	maps_drain();
	for (i = 0; i < count; i++) {
		munmap(buffers[i].head, page + BUFFER_SIZE);
		close(buffers[i].file);
	}
	count = 0;
	maps_file_close(keep);
}
