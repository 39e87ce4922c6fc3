// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * enter DIRECTORY RELEASE HEADERS PROGRAM ARG...: runs a program on the host's files, which the guest sees as they are and changes
 * in its own memory only; /lib/modules/RELEASE/build leads to HEADERS there, as on a machine whose kernel this is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT "/root"
#define HOST_OPTIONS "trans=virtio,version=9p2000.L,cache=loose,msize=512000"

static void need(int failed, const char *what)
{
	if (!failed)
		return;
	fprintf(stderr, "enter: %s: %s\n", what, strerror(errno));
	exit(125);
}

static void mount_all(void)
{
	static const char *const shared[] = { "/proc", "/sys", "/dev" };
	char path[64];
	size_t i;

	if (!access(ROOT "/proc/self", F_OK))
		return; /* an earlier one has done it */
	mkdir("/host", 0755);
	mkdir("/changes", 0755);
	mkdir(ROOT, 0755);
	need(mount("host", "/host", "9p", MS_RDONLY, HOST_OPTIONS), "the host's files");
	need(mount("tmpfs", "/changes", "tmpfs", 0, NULL), "memory for changes");
	mkdir("/changes/upper", 0755);
	mkdir("/changes/work", 0755);
	need(mount("overlay", ROOT, "overlay", 0, "lowerdir=/host,upperdir=/changes/upper,workdir=/changes/work"), "changes over the host's files");
	for (i = 0; i < sizeof(shared) / sizeof(*shared); i++) {
		snprintf(path, sizeof(path), ROOT "%s", shared[i]);
		need(mount(shared[i], path, NULL, MS_BIND | MS_REC, NULL), path);
	}
}

static void link_headers(const char *release, const char *headers)
{
	char path[256];

	mkdir("/lib/modules", 0755);
	snprintf(path, sizeof(path), "/lib/modules/%s", release);
	mkdir(path, 0755);
	strncat(path, "/build", sizeof(path) - strlen(path) - 1);
	unlink(path);
	need(symlink(headers, path), path);
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 125;
	mount_all();
	need(chroot(ROOT), ROOT);
	link_headers(argv[2], argv[3]);
	need(chdir(argv[1]), argv[1]);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	execv(argv[4], argv + 4);
	need(1, argv[4]);
}
