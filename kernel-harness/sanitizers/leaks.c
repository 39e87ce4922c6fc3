// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * leaks MODULE…: until it gets SIGINT, notes where the code of these modules lies; then prints that, and what kmemleak finds that nobody refers to.
 *
 *   module NAME 0xADDRESS     of its .text: kmemleak knows addresses only, and a module that is gone has no names any more
 *   unreferenced object …     blocks of kmemleak
 *
 * Exit 0, whatever was found; 2: the kernel has no kmemleak.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KMEMLEAK "/sys/kernel/debug/kmemleak"
#define MODULES_MAX 16
#define LOOK_US 50000
#define LOOKS_MAX 72000 /* an hour */
/* kmemleak takes nothing for lost that is younger than 5 s; and only in the second scan what has not changed since the first. */
#define AGE_S 6
#define SCANS 2

static volatile sig_atomic_t asked;

static void ask(int number)
{
	(void)number;
	asked = 1;
}

/* Address of a module's code; @before if it is not there. */
static unsigned long long text_address(const char *module, unsigned long long before)
{
	unsigned long long address;
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/module/%s/sections/.text", module);
	file = fopen(path, "re");
	if (!file)
		return before;
	if (fscanf(file, "%llx", &address) != 1)
		address = before;
	fclose(file);
	return address;
}

static int scan(void)
{
	int fd = open(KMEMLEAK, O_WRONLY | O_CLOEXEC), done = fd >= 0 && write(fd, "scan", strlen("scan")) > 0;

	if (fd >= 0)
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
	unsigned long long addresses[MODULES_MAX] = { 0 };
	int modules = argc - 1 < MODULES_MAX ? argc - 1 : MODULES_MAX, looks, i;

	signal(SIGINT, ask);
	if (access(KMEMLEAK, W_OK))
		return 2;
	for (looks = 0; !asked && looks < LOOKS_MAX; looks++, usleep(LOOK_US))
		for (i = 0; i < modules; i++)
			addresses[i] = text_address(argv[1 + i], addresses[i]);
	for (i = 0; i < modules; i++)
		if (addresses[i])
			printf("module %s 0x%llx\n", argv[1 + i], addresses[i]);
	sleep(AGE_S);
	for (i = 0; i < SCANS; i++)
		if (!scan())
			return 2;
	print_found();
	return 0;
}
