// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * elf_main FILE.ko PROGRAM SEED: stpd's ELF reader over the files as they are, cut at each of many places, and with bytes changed. Prints what it read of the whole
 * ones; ends with status 1 if it gave more than there was room for, or took a cut file for a module.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf.h"

#define SIZE_MAX_BYTES (16 << 20) /* of the larger file */
#define CHANGES 3000
#define CUTS 500

static unsigned char bytes[SIZE_MAX_BYTES];
static struct modinfo info;

static size_t load(const char *path)
{
	int file = open(path, O_RDONLY);
	ssize_t size = file < 0 ? -1 : read(file, bytes, sizeof(bytes));

	if (size <= 0) {
		perror(path);
		exit(2);
	}
	close(file);
	return size;
}

/* Return: what became of it as a module; checks that nothing was given beyond its room. */
static enum elf_error take(int file)
{
	unsigned char build_id[8 + 20] = "12345678";
	enum elf_error error = elf_read_modinfo(file, &info);

	if (elf_read_build_id(file, build_id + 8, 12) > 12 || memcmp(build_id, "12345678", 8) || build_id[8 + 12] || info.size > MODINFO_SIZE_MAX || info.text[info.size])
		exit(1);
	modinfo_find(&info, "vermagic");
	modinfo_has_parameter(&info, "mode", 4);
	return error;
}

static void torment(const char *path, int is_module)
{
	size_t size = load(path);
	int file = memfd_create("elf", 0);

	if (write(file, bytes, size) != (ssize_t)size || (take(file) == ELF_FINE) != is_module)
		exit(1);
	for (int i = 0; i < CHANGES; i++) {
		/* Half of them where sizes and offsets are: at the begin, and at the end of a module. */
		size_t any = random(), at = i % 4 == 0 ? any % 512 : i % 4 == 1 ? size - 1 - any % 4096 : any % size;
		unsigned char changed = random();

		if (pwrite(file, &changed, 1, at) != 1)
			exit(2);
		take(file);
		if (i % 16 == 15 && pwrite(file, bytes, size, 0) != (ssize_t)size)
			exit(2);
	}
	if (pwrite(file, bytes, size, 0) != (ssize_t)size)
		exit(2);
	for (int i = 1; i <= CUTS; i++) {
		if (ftruncate(file, size - size * i / (CUTS + 1)) || take(file) == ELF_FINE)
			exit(1);
	}
	close(file);
}

int main(int argc, char **argv)
{
	unsigned char build_id[20];
	size_t size, i;
	int file;

	if (argc != 4)
		return 2;
	srandom(atoi(argv[3]));
	file = open(argv[1], O_RDONLY);
	if (elf_read_modinfo(file, &info))
		return 1;
	printf("name=%s\nvermagic=%s\nmode=%d\nmod=%d\n", modinfo_find(&info, "name"), modinfo_find(&info, "vermagic"), modinfo_has_parameter(&info, "mode", 4), modinfo_has_parameter(&info, "mod", 3));
	file = open(argv[2], O_RDONLY);
	size = elf_read_build_id(file, build_id, sizeof(build_id));
	for (i = 0; i < size; i++)
		printf("%02x", build_id[i]);
	printf("\n");
	torment(argv[1], 1);
	torment(argv[2], 0);
	return 0;
}
