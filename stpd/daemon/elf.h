/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* The little that stpd reads of ELF files: a module's information, a program's build-id. Files are anyone's: nothing in them is trusted. */
#ifndef STPD_ELF_H
#define STPD_ELF_H

#include <stddef.h>
#include <stdint.h>

enum elf_error {
	ELF_FINE,
	ELF_UNREADABLE, /* errno tells */
	ELF_NO_ELF,	/* no ELF file of 64 bits, little-endian */
	ELF_CUT,	/* shorter than its headers say */
	ELF_NO_MODULE,	/* has no .modinfo, or none that can be believed */
};

#define MODINFO_SIZE_MAX (64 << 10) /* bytes */

/* "name=value" one after the other, each ended by NUL. */
struct modinfo {
	size_t size;
	char text[MODINFO_SIZE_MAX + 1];
};

enum elf_error elf_read_modinfo(int file, struct modinfo *info);
/* Value of the first entry that begins with @name and '=', or NULL. */
const char *modinfo_find(const struct modinfo *info, const char *name);
/* Whether the module has a parameter @name (of @length bytes). */
int modinfo_has_parameter(const struct modinfo *info, const char *name, size_t length);

/* GNU build-id of a program or library. Return: its size in bytes, at most @size; 0: it has none. */
size_t elf_read_build_id(int file, uint8_t *to, size_t size);

#endif
