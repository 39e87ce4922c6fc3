// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Executable mappings that are there when a session begins, from /proc/PID/maps, with the build-ids that the files have. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "elf.h"
#include "stpd.h"

#define KNOWN_MAX 512 /* files whose build-id is remembered during a scan; a power of two */

struct known {
	uint64_t device, inode;
	size_t size; /* bytes of build-id; 0: it has none */
	uint8_t build_id[BUILD_ID_SIZE_MAX];
};

/* As a cache: another file may take the place of an earlier one. */
static struct known *known_of(struct known *known, uint64_t device, uint64_t inode)
{
	return &known[(device * 31 + inode) & (KNOWN_MAX - 1)];
}

/* Of the file that @pid sees there, if it is still the one that is mapped. */
static const struct known *read_build_id(struct known *known, pid_t pid, uint64_t device, uint64_t inode, const char *path)
{
	struct known *place = known_of(known, device, inode);
	char whole[PATH_SIZE + 32];
	struct stat stat;
	int file;

	if (place->inode == inode && place->device == device)
		return place;
	*place = (struct known){ .device = device, .inode = inode };
	snprintf(whole, sizeof(whole), "/proc/%d/root%s", (int)pid, path);
	file = open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (file >= 0 && !fstat(file, &stat) && stat.st_ino == inode)
		place->size = elf_read_build_id(file, place->build_id, sizeof(place->build_id));
	if (file >= 0)
		close(file);
	return place;
}

/* "START-END PERMS OFFSET MAJOR:MINOR INODE PATH" */
static void take_line(struct known *known, uint64_t time_ns, pid_t pid, char *line)
{
	uint64_t start, end, offset, inode;
	unsigned int major, minor;
	const struct known *found;
	char perms[5];
	int used = 0;

	line[strcspn(line, "\n")] = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &start, &end, perms, &offset, &major, &minor, &inode, &used) < 7)
		return;
	if (perms[2] != 'x' || !strcmp(line + used, "[vsyscall]"))
		return;
	found = inode ? read_build_id(known, pid, (uint64_t)major << 32 | minor, inode, line + used) : NULL;
	maps_file_map(time_ns, pid, start, end, offset, found ? found->build_id : NULL, found ? found->size : 0, line[used] ? line + used : "//anon");
}

static void scan_process(struct known *known, uint64_t time_ns, pid_t pid)
{
	static char line[4096 + 128]; /* a path of the kernel's is not longer */
	char path[64];
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps))
		take_line(known, time_ns, pid, line);
	if (maps)
		fclose(maps);
}

void maps_scan(uint64_t time_ns)
{
	struct known *known = calloc(KNOWN_MAX, sizeof(*known));
	DIR *processes = known ? opendir("/proc") : NULL;
	struct dirent *entry;

	while (processes && (entry = readdir(processes)))
		if (isdigit((unsigned char)*entry->d_name))
			scan_process(known, time_ns, atoi(entry->d_name));
	if (processes)
		closedir(processes);
	free(known);
	maps_file_flush();
}
