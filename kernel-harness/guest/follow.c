// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A directory whose files go to the host as they grow: frames `file`, `more` and `data`.
 *
 * A file that was replaced, or became shorter, is sent anew; one that went away is just not sent any further.
 */
#define _GNU_SOURCE
#include "follow.h"
#include "clock.h"
#include "report.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 512 /* files */
#define LOOK_MS 50
#define TREE_FDS_MAX 16
#define SHARE_MAX (1 << 20) /* bytes of one file before others have their turn */

struct followed {
	char path[256];
	ino_t inode;
	off_t sent;
};

static char directory[256];
static struct followed files[FILES_MAX];
static int files_count;
static s64 look_due_ms;
static bool more; /* some file had more than its share */

/* A new one, or that of a file that is no longer there. */
static struct followed *free_place(void)
{
	struct followed *file;

	if (files_count < FILES_MAX)
		return &files[files_count++];
	for (file = files; file < files + files_count; file++)
		if (access(file->path, F_OK))
			return file;
	return NULL;
}

static struct followed *find(const char *path)
{
	struct followed *file;

	for (file = files; file < files + files_count; file++)
		if (!strcmp(file->path, path))
			return file;
	file = free_place();
	if (!file || strlen(path) >= sizeof(file->path)) {
		report_error("cannot follow %s: %s", path, file ? "its path is too long" : "there are too many files");
		return NULL;
	}
	*file = (struct followed){ .inode = 0 };
	strcpy(file->path, path);
	return file;
}

static void send_from(struct followed *file, int fd, u32 head)
{
	static char bytes[REPORT_PAYLOAD_SIZE_MAX];
	off_t share = 0;
	ssize_t size;

	report_text(head, file->path);
	while (share < SHARE_MAX && (size = pread(fd, bytes, sizeof(bytes), file->sent)) > 0) {
		report_send(STP_FRAME_DATA, bytes, size);
		file->sent += size;
		share += size;
	}
	more = more || share >= SHARE_MAX;
}

static int look_at(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	struct followed *file = type == FTW_F && S_ISREG(stat->st_mode) ? find(path) : NULL;
	bool anew;
	int fd;

	(void)ftw;
	if (!file)
		return 0;
	anew = file->inode != stat->st_ino || stat->st_size < file->sent;
	if (!anew && stat->st_size == file->sent)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (anew) {
		file->inode = stat->st_ino;
		file->sent = 0;
	}
	send_from(file, fd, anew ? STP_FRAME_FILE : STP_FRAME_MORE);
	close(fd);
	return 0;
}

static void look(void)
{
	more = false;
	nftw(directory, look_at, TREE_FDS_MAX, FTW_PHYS);
	look_due_ms = clock_ms() + (more ? 0 : LOOK_MS);
}

bool follow_begin(const char *path)
{
	if (*directory || strlen(path) >= sizeof(directory))
		return false;
	strcpy(directory, path);
	look_due_ms = 0;
	return true;
}

int follow_tick(void)
{
	s64 left_ms;

	if (!*directory)
		return INT_MAX;
	if (clock_ms() >= look_due_ms)
		look();
	left_ms = look_due_ms - clock_ms();
	return left_ms < 0 ? 0 : left_ms;
}

void follow_end(void)
{
	do
		look();
	while (more);
	*directory = 0;
	files_count = 0;
}
