// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * leaks MODULE SECONDS: waits for a module to come, and then to go; then prints where its code lay and what kmemleak finds that nobody refers to.
 *
 *   module NAME 0xADDRESS     of its .text: kmemleak knows addresses only, and by then the module has no names any more
 *   unreferenced object …     blocks of kmemleak
 *
 * Exit 0, whatever was found; 1: the module did not come or go in so many seconds, 2: the kernel has no kmemleak.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KMEMLEAK "/sys/kernel/debug/kmemleak"
#define LOOK_US 20000
/* kmemleak takes nothing for lost that is younger than 5 s; and only in the second scan what has not changed since the first. */
#define AGE_S 6
#define SCANS 2

static char text_path[200];

/* Address of the module's code; 0: it is not there. */
static unsigned long long text_address(void)
{
	unsigned long long address = 0;
	FILE *file = fopen(text_path, "re");

	if (!file)
		return 0;
	if (fscanf(file, "%llx", &address) != 1)
		address = 0;
	fclose(file);
	return address;
}

static int scan(void)
{
	int fd = open(KMEMLEAK, O_WRONLY | O_CLOEXEC), done = fd >= 0 && write(fd, "scan", strlen("scan")) > 0;

	close(fd);
	return done;
}

static void print_found(void)
{
	char bytes[4096];
	FILE *file = fopen(KMEMLEAK, "re");
	size_t size;

	while (file && (size = fread(bytes, 1, sizeof(bytes), file)) > 0)
		fwrite(bytes, 1, size, stdout);
}

int main(int argc, char **argv)
{
	unsigned long long address = 0, now;
	long left = argc == 3 ? atol(argv[2]) * 1000000 / LOOK_US : 0;
	int i;

	if (access(KMEMLEAK, W_OK))
		return 2;
	snprintf(text_path, sizeof(text_path), "/sys/module/%s/sections/.text", argc == 3 ? argv[1] : "");
	for (; left && (now = text_address(), now || !address); left--) {
		if (now)
			address = now;
		usleep(LOOK_US);
	}
	if (!left)
		return 1;
	printf("module %s 0x%llx\n", argv[1], address);
	sleep(AGE_S);
	for (i = 0; i < SCANS; i++)
		if (!scan())
			return 2;
	print_found();
	return 0;
}
